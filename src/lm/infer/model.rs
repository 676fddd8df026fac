//! A checkpoint to packed weights; one pass over new tokens of some sequences.

use super::super::rope::frequencies;
use super::super::{Checkpoint, CheckpointError, Config};
use super::layer::{Block, Feed, Layer, Pass, Stream, normed};
use super::sequence::Sequence;
use super::team::Team;
use longlab_kernels::head::Isa;
use longlab_kernels::linear::{Left, Matrix};

/// Rows of a prompt that go through the layers at once: what their activations take stays small.
const ROWS: usize = 1024;

/// A decoder that answers.
pub struct Model {
    /// Its family and shape.
    pub config: Config,
    embedding: Matrix,
    head: Option<Matrix>,
    layers: Vec<Layer>,
    norm: Vec<f32>,
    frequencies: Vec<f32>,
    /// Factor of cosines and sines.
    length: f32,
    team: Team,
}

/// Why a model could not be made ready.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Its tensors.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The system gives no threads.
    #[error("cannot start {threads} threads ({cause}); ask for fewer")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// What the system said.
        cause: String,
    },
}

/// Which logits a pass gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Those after the last new token of each sequence.
    Last,
    /// Those after every new token.
    All,
}

impl Model {
    /// Reads and packs a checkpoint, for passes on `threads` threads.
    ///
    /// # Errors
    /// See [`Checkpoint::read`]; threads that cannot be started.
    pub fn load(checkpoint: &Checkpoint, threads: usize) -> Result<Model, LoadError> {
        let config = checkpoint.config().clone();
        let team = Team::new(threads).map_err(|error| LoadError::Threads { threads, cause: error.to_string() })?;
        let source = Source { checkpoint, isa: team.crew().isa };
        let layers =
            (0..config.num_hidden_layers).map(|layer| source.layer(layer)).collect::<Result<_, CheckpointError>>()?;
        let head = (!config.tie_word_embeddings).then(|| source.matrix("lm_head.weight")).transpose()?;
        let (frequencies, length) = frequencies(&config);
        Ok(Model {
            embedding: source.matrix("model.embed_tokens.weight")?,
            norm: source.vector("model.norm.weight")?,
            head,
            layers,
            frequencies,
            length: length as f32,
            team,
            config,
        })
    }

    /// Does some work with each part, on the threads of the passes.
    pub fn each<T: Send>(&self, parts: impl IntoIterator<Item = T>, work: impl Fn(T) + Sync) {
        self.team.crew().each(parts, work);
    }

    /// Lets each sequence read its new tokens, one at least, and gives logits [rows, V], sequence by sequence.
    ///
    /// # Panics
    /// For a sequence without new tokens, and for tokens outside the vocabulary.
    pub fn read(&self, work: &mut [(&mut Sequence, &[u32])], wanted: Wanted) -> Vec<f32> {
        assert!(work.iter().all(|(_, tokens)| !tokens.is_empty()), "every sequence has a new token");
        // Long prompts in pieces: all but the last piece of each first.
        if wanted == Wanted::Last {
            for (sequence, tokens) in work.iter_mut() {
                while tokens.len() > ROWS {
                    let (piece, rest) = tokens.split_at(ROWS);
                    self.pass(&mut [(sequence, piece)]);
                    *tokens = rest;
                }
            }
        }
        let x = self.pass(work);
        let width = self.config.hidden_size;
        let mut rows = Vec::new();
        let mut end = 0;
        for (_, tokens) in work.iter() {
            end += tokens.len();
            let from = if wanted == Wanted::Last { end - 1 } else { end - tokens.len() };
            rows.extend_from_slice(&x[from * width..end * width]);
        }
        let (crew, head) = (self.team.crew(), self.head.as_ref().unwrap_or(&self.embedding));
        let mut unit = vec![0.0; rows.len()];
        normed(crew, &rows, &self.norm, self.config.rms_norm_eps, &mut unit);
        let mut logits = vec![0.0; rows.len() / width * head.outputs()];
        crew.products(&mut Left::default(), &unit, [head], [&mut logits]);
        logits
    }

    /// The stream [rows, D] after all layers.
    fn pass(&self, work: &mut [(&mut Sequence, &[u32])]) -> Vec<f32> {
        let (config, width) = (&self.config, self.config.hidden_size);
        let mut spans = Vec::with_capacity(work.len());
        let mut x = Vec::new();
        for (sequence, tokens) in work.iter_mut() {
            let begin = x.len() / width;
            sequence.grow(config.num_hidden_layers * config.num_key_value_heads, config.head_dim, tokens.len());
            for &token in *tokens {
                let at = x.len();
                x.resize(at + width, 0.0);
                self.embedding.row(token as usize, &mut x[at..]);
            }
            spans.push((begin..begin + tokens.len(), sequence.len()));
        }
        let pass = Pass {
            team: &self.team,
            heads: config.num_attention_heads,
            shared: config.num_key_value_heads,
            width: config.head_dim,
            eps: config.rms_norm_eps,
            turns: self.turns(&spans),
            spans,
        };
        let mut sequences: Vec<&mut Sequence> = Vec::with_capacity(work.len());
        let counts: Vec<usize> = work.iter().map(|(_, tokens)| tokens.len()).collect();
        sequences.extend(work.iter_mut().map(|(sequence, _)| &mut **sequence));
        let room = |heads: usize| vec![0.0; x.len() / width * heads * config.head_dim];
        let [q, attended] = [(); 2].map(|()| room(config.num_attention_heads));
        let [k, v] = [(); 2].map(|()| room(config.num_key_value_heads));
        let mut stream = Stream { q, k, v, attended, x };
        for (number, layer) in self.layers.iter().enumerate() {
            layer.forward(number, &mut stream, &pass, &mut sequences);
        }
        sequences.into_iter().zip(counts).for_each(|(sequence, count)| sequence.add(count));
        stream.x
    }

    fn turns(&self, spans: &[(std::ops::Range<usize>, usize)]) -> (Vec<f32>, Vec<f32>) {
        let positions = spans.iter().flat_map(|(rows, first)| (0..rows.len()).map(move |at| first + at));
        let angles = positions.flat_map(|position| self.frequencies.iter().map(move |f| position as f32 * f));
        angles.map(|angle| (angle.cos() * self.length, angle.sin() * self.length)).unzip()
    }
}

/// Where weights come from.
struct Source<'a> {
    checkpoint: &'a Checkpoint,
    isa: Isa,
}

impl Source<'_> {
    fn layer(&self, layer: usize) -> Result<Layer, CheckpointError> {
        let name = |part: &str| format!("model.layers.{layer}.{part}.weight");
        let matrix = |part: &str| self.matrix(&name(part));
        let vector = |part: &str| self.vector(&name(part));
        let normed = self.checkpoint.tensors().contains_key(&name("self_attn.q_norm"));
        let block = |at: &str| -> Result<Block, CheckpointError> {
            Ok(Block {
                gate: matrix(&format!("{at}.gate_proj"))?,
                up: matrix(&format!("{at}.up_proj"))?,
                down: matrix(&format!("{at}.down_proj"))?,
            })
        };
        let feed = match self.checkpoint.config().experts_of(layer) {
            None => Feed::Dense(block("mlp")?),
            Some(experts) => Feed::Experts {
                router: vector("mlp.gate")?,
                blocks: (0..experts.num_experts)
                    .map(|expert| block(&format!("mlp.experts.{expert}")))
                    .collect::<Result<_, _>>()?,
                top: experts.num_experts_per_tok,
                normalised: experts.norm_topk_prob,
            },
        };
        Ok(Layer {
            before: vector("input_layernorm")?,
            q: matrix("self_attn.q_proj")?,
            k: matrix("self_attn.k_proj")?,
            v: matrix("self_attn.v_proj")?,
            o: matrix("self_attn.o_proj")?,
            norms: if normed { Some([vector("self_attn.q_norm")?, vector("self_attn.k_norm")?]) } else { None },
            between: vector("post_attention_layernorm")?,
            feed,
        })
    }

    fn matrix(&self, name: &str) -> Result<Matrix, CheckpointError> {
        let stored = self.stored(name)?;
        let mut failed = None;
        let matrix = Matrix::new(stored.rows(), stored.width(), self.isa, |row, into| {
            if failed.is_none() {
                failed = self.checkpoint.read(name, row..row + 1, into).err();
            }
        });
        // Else a large model would be in memory twice, as it is stored and packed.
        self.checkpoint.give_back(name);
        failed.map_or(Ok(matrix), Err)
    }

    fn vector(&self, name: &str) -> Result<Vec<f32>, CheckpointError> {
        let stored = self.stored(name)?;
        let mut values = vec![0.0; stored.rows() * stored.width()];
        self.checkpoint.read(name, 0..stored.rows(), &mut values)?;
        Ok(values)
    }

    fn stored(&self, name: &str) -> Result<&super::super::Stored, CheckpointError> {
        let missing = || CheckpointError::Missing { path: self.checkpoint.path().to_owned(), name: name.to_owned() };
        self.checkpoint.tensors().get(name).ok_or_else(missing)
    }
}
