//! The way from documents to a dataset: corpus, engines, context extension, checks, difficulty, what is there twice, dataset.

use crate::agents::AgentsMaker;
use crate::agents::replay::Kept;
use crate::corpus::{self, Corpus, Judging, Prompt};
use crate::dataset::{self, MANIFEST, Publishing};
use crate::dialogue::DialogueMaker;
use crate::error::{Result, SynthesisError};
use crate::files::{hash_file, make_folder};
use crate::funnel::Funnel;
use crate::graph::{Again, GraphMaker};
use crate::item::Engine;
use crate::observer::Observer;
use crate::prompt;
use crate::spec::{RetrospectiveSpec, Spec};
use crate::stages::retrospect::Retrospecting;
use crate::stages::{self, Asked, Checking, Extending, Finished, Stages, check_settings, key};
use crate::table::TableMaker;
use crate::tokens::Counter;
use crate::tools::{Maker, Tools};
use longlab_client::ChatModel;
use longlab_documents::Hash;
use std::path::PathBuf;

/// Name of the folder of stages in the output folder.
pub const STAGES: &str = "stages";

/// Name of the folder of answers among the stages.
const ANSWERS: &str = "answers";

/// How a run is made. None of it changes what comes out.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Threads; none: as many as the machine has cores.
    pub threads: Option<usize>,
    /// Run stages again that are finished.
    pub again: bool,
}

/// What came out.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The dataset's folder.
    pub folder: PathBuf,
    /// Items in it.
    pub items: usize,
    /// What each stage took, kept and dropped.
    pub funnel: Funnel,
    /// Hash of all that was written.
    pub hash: Hash,
}

/// Makes the dataset of a specification. The same specification, corpus and tools give the same bytes, whatever the number of threads and however often
/// the run was ended and begun again.
///
/// # Errors
/// [`SynthesisError`]; what was finished before is kept.
pub fn run(spec: &Spec, options: &Options, tools: &Tools, observer: &mut dyn Observer) -> Result<Summary> {
    match options.threads {
        None => Run::new(spec, options, tools)?.all(observer),
        Some(threads) => {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let pool =
                pool.map_err(|error| SynthesisError::Missing { what: format!("{threads} threads ({error})") })?;
            let run = Run::new(spec, options, tools)?;
            pool.install(|| run.all(observer))
        }
    }
}

struct Run<'a> {
    spec: &'a Spec,
    tools: &'a Tools<'a>,
    stages: Stages,
    counter: Counter,
    /// The engines of this crate, then those that were handed over.
    own: Vec<Box<dyn Maker + 'a>>,
    /// What the dataset keeps of the agents.
    agents: Option<Kept>,
}

impl<'a> Run<'a> {
    fn new(spec: &'a Spec, options: &Options, tools: &'a Tools<'a>) -> Result<Run<'a>> {
        let folder = spec.output.folder.join(STAGES);
        make_folder(&folder)?;
        let mut own: Vec<Box<dyn Maker + 'a>> = vec![];
        let answers = folder.join("answers-graph");
        own.extend(
            spec.engines
                .graph
                .clone()
                .map(|own| Box::new(GraphMaker::new(own, tools.prose, answers)) as Box<dyn Maker + 'a>),
        );
        let answers = folder.join("answers-table");
        own.extend(spec.engines.table.clone().map(|own| {
            Box::new(TableMaker::new(own, spec.context.clone(), tools.prose, answers)) as Box<dyn Maker + 'a>
        }));
        own.extend(spec.engines.dialogue.clone().map(|own| Box::new(DialogueMaker::new(own)) as Box<dyn Maker>));
        let answers = folder.join(ANSWERS);
        let mut agents = None;
        if let Some(spec_of_agents) = &spec.engines.agents {
            let the = tools.model.map(|(model, _)| model);
            let maker = AgentsMaker::new(spec_of_agents.clone(), the, tools.search, answers.clone())?;
            agents = Some(Kept { setting: maker.setting(spec.seed), answers });
            own.push(Box::new(maker));
        }
        let run = Run {
            spec,
            tools,
            stages: Stages::new(folder, options.again),
            counter: Counter::open(spec.context.tokenizer.as_deref())?,
            own,
            agents,
        };
        run.demand_tools()?;
        Ok(run)
    }

    /// What the specification asks for must be there before any work starts.
    fn demand_tools(&self) -> Result<()> {
        let (spec, tools) = (self.spec, self.tools);
        let reads_prose = spec.engines.graph.as_ref().is_some_and(|graph| graph.extract.is_some());
        let writes = spec.engines.table.as_ref().is_some_and(|table| table.written.is_some());
        let wanted = [
            (!reads_prose || tools.prose.is_some(), "a model that reads prose (`engines.graph.extract`)"),
            (!writes || tools.prose.is_some(), "a model that writes questions and queries (`engines.table.written`)"),
            (spec.context.near == 0.0 || tools.search.is_some(), "a search (`context.near`)"),
            (
                spec.decontamination.files.is_empty() || tools.decontaminator.is_some(),
                "a decontaminator (`decontamination.files`)",
            ),
            (!spec.checks.asks() || tools.model.is_some(), "a model (`checks`)"),
            (spec.corpus.judge.is_none() || self.document_judge().is_some(), "a model (`corpus.judge`)"),
        ];
        match wanted.into_iter().find(|(there, _)| !there) {
            Some((_, what)) => Err(SynthesisError::Missing { what: what.into() }),
            None => Ok(()),
        }
    }

    /// The engines in the order of [`Engine::ALL`].
    fn makers(&self) -> Vec<&dyn Maker> {
        let mut makers: Vec<&dyn Maker> = self.own.iter().map(Box::as_ref).collect();
        makers.extend(self.tools.makers.iter().copied().filter(|maker| self.wants(maker.engine())));
        makers.sort_by_key(|maker| maker.engine());
        makers
    }

    fn wants(&self, engine: Engine) -> bool {
        let engines = &self.spec.engines;
        match engine {
            Engine::Graph => engines.graph.is_some(),
            Engine::Table => engines.table.is_some(),
            Engine::Agents => engines.agents.is_some(),
            Engine::Dialogue => engines.dialogue.is_some(),
        }
    }

    fn all(&self, observer: &mut dyn Observer) -> Result<Summary> {
        let mut funnel = Funnel::default();
        let mut documents = self.corpus(observer)?;
        funnel.add("corpus", "files and documents", documents.counts.clone());
        let judged = self.judged(&documents, observer)?;
        if let Some(judged) = &judged {
            funnel.add("judge", "documents", judged.counts.clone());
            self.demand_some("judge", judged)?;
            documents = judged.clone();
        }
        let corpus = Corpus::open(&documents.folder)?;
        let engines = self.engines(&corpus, &documents, observer)?;
        for (engine, finished) in &engines {
            funnel.add(engine.name(), "tries", finished.counts.clone());
        }
        let extended = self.extended(&corpus, &documents, &engines, observer)?;
        let checked = self.checked(&corpus, &extended, observer)?;
        let binned = self.binned(&checked, observer)?;
        let picked = self.picked(&binned, observer)?;
        let stages = [("extend", &extended), ("check", &checked), ("difficulty", &binned), ("pick", &picked)];
        for (name, finished) in stages {
            funnel.add(name, "items", finished.counts.clone());
            self.demand_some(name, finished)?;
        }
        let (corpus, picked) = match &self.spec.retrospective {
            None => (corpus, picked),
            Some(earlier) => {
                let hard = self.retrospected(earlier, &picked, observer)?;
                funnel.add("retrospect", "items of the earlier stage", hard.counts.clone());
                (corpus.joined(Corpus::open(&earlier.dataset)?), hard)
            }
        };
        let answers = self.answers();
        let checks = self.asked().map(|asked| (asked.setting(&self.spec.checks, self.spec.seed), answers.as_path()));
        let publishing = Publishing {
            spec: self.spec,
            corpus: &corpus,
            counter: &self.counter,
            funnel: &funnel,
            checks,
            judged: judged.as_ref().map(|judged| judged.folder.as_path()),
            agents: self.agents.as_ref(),
        };
        let settings = format!("{:?} {:?}", self.spec, funnel);
        let key = key("dataset 2", &[&documents.output, &picked.output], &settings);
        let finished = self
            .stages
            .run("dataset", &key, observer, |folder, watch| publishing.write(&picked.folder, folder, watch))?;
        let folder = dataset::publish(&finished, &self.spec.output.folder)?;
        Ok(Summary { folder, items: finished.counts.kept, funnel, hash: finished.output })
    }

    fn demand_some(&self, stage: &str, finished: &Finished) -> Result<()> {
        let report = finished.folder.join(stages::COUNTS);
        match finished.counts.kept {
            0 => Err(SynthesisError::NothingLeft { stage: stage.into(), report }),
            _ => Ok(()),
        }
    }

    fn corpus(&self, observer: &mut dyn Observer) -> Result<Finished> {
        let (listing, key) = corpus::key(&self.spec.corpus, self.tools)?;
        self.stages.run("corpus", &key, observer, |folder, watch| {
            corpus::build(&listing, &self.spec.corpus, self.tools, folder, watch)
        })
    }

    fn engines(
        &self,
        corpus: &Corpus,
        documents: &Finished,
        observer: &mut dyn Observer,
    ) -> Result<Vec<(Engine, Finished)>> {
        let seed = self.spec.seed;
        let one = |maker: &dyn Maker| {
            let key = key(&maker.version(), &[&documents.output], &seed.to_string());
            let name = format!("make-{}", maker.engine().name());
            let finished = self
                .stages
                .run(&name, &key, observer, |folder, watch| stages::make(maker, corpus, seed, folder, watch))?;
            Ok((maker.engine(), finished))
        };
        self.makers().into_iter().map(one).collect()
    }

    fn extended(
        &self,
        corpus: &Corpus,
        documents: &Finished,
        engines: &[(Engine, Finished)],
        observer: &mut dyn Observer,
    ) -> Result<Finished> {
        let mut inputs = vec![&documents.output];
        inputs.extend(engines.iter().map(|(_, finished)| &finished.output));
        let (context, seed, dialogue) = (&self.spec.context, self.spec.seed, &self.spec.engines.dialogue);
        // The tokenizer counts by what it is, not by where it lies.
        let context = crate::spec::ContextSpec { tokenizer: None, ..context.clone() };
        let search = self.tools.search.map(|search| search.version());
        let tokenizer = self.counter.hash();
        let prompts = prompt::version();
        let settings = format!("{context:?} {seed} {dialogue:?} {search:?} {tokenizer:?} {prompts}");
        let paths: Vec<(Engine, PathBuf)> =
            engines.iter().map(|(engine, finished)| (*engine, finished.folder.clone())).collect();
        let with = Extending {
            spec: self.spec,
            corpus,
            hash: &documents.output,
            counter: &self.counter,
            search: self.tools.search,
        };
        self.stages.run("extend", &key("extend 3", &inputs, &settings), observer, |folder, watch| {
            stages::extend(&paths, &with, folder, watch)
        })
    }

    /// Where answers of models are kept.
    fn answers(&self) -> PathBuf {
        self.spec.output.folder.join(STAGES).join(ANSWERS)
    }

    /// Who is asked in the checks; none where no model is.
    fn asked(&self) -> Option<Asked<'a>> {
        let (solver, rules) = self.tools.model.filter(|_| self.spec.checks.asks())?;
        Some(Asked { solver, rules, judge: self.tools.answer_judge.unwrap_or(solver) })
    }

    /// Who judges documents.
    fn document_judge(&self) -> Option<&'a dyn ChatModel> {
        self.tools.document_judge.or(self.tools.model.map(|(model, _)| model))
    }

    /// The documents that a model calls good enough; none where none is asked.
    fn judged(&self, documents: &Finished, observer: &mut dyn Observer) -> Result<Option<Finished>> {
        let (Some(spec), Some(model)) = (&self.spec.corpus.judge, self.document_judge()) else { return Ok(None) };
        let (prompt, answers) = (Prompt::open(spec)?, self.answers());
        let judging = Judging { spec, prompt: &prompt, seed: self.spec.seed, model, answers: &answers };
        let key = key("judge 1", &[&documents.output], &judging.settings());
        let corpus = Corpus::open(&documents.folder)?;
        self.stages.run("judge", &key, observer, |folder, watch| judging.judge(&corpus, folder, watch)).map(Some)
    }

    fn checked(&self, corpus: &Corpus, from: &Finished, observer: &mut dyn Observer) -> Result<Finished> {
        let (spec, seed, answers) = (&self.spec.checks, self.spec.seed, self.answers());
        let asked = self.asked();
        let again = Again::new(self.spec.engines.graph.as_ref().map(|graph| graph.read.clone()).unwrap_or_default());
        let again = &again;
        let with = Checking { again, spec, seed, corpus, counter: &self.counter, asked, answers: &answers };
        let key = key("check 3", &[&from.output], &check_settings(spec, seed, asked));
        self.stages.run("check", &key, observer, |folder, watch| stages::check(&from.folder, &with, folder, watch))
    }

    fn retrospected(&self, spec: &RetrospectiveSpec, from: &Finished, observer: &mut dyn Observer) -> Result<Finished> {
        let tokenizer = self.counter.hash();
        let with = Retrospecting { spec, seed: self.spec.seed, tokenizer, most: self.spec.context.most };
        // The earlier dataset is what its manifest says, wherever it lies.
        let mut inputs = vec![from.output.clone(), hash_file(&spec.dataset.join(MANIFEST))?];
        inputs.extend(spec.rewards.as_deref().map(hash_file).transpose()?);
        let inputs: Vec<&Hash> = inputs.iter().collect();
        let RetrospectiveSpec { share, power, unsolved, .. } = spec;
        let settings = format!("{share} {power} {unsolved} {} {tokenizer:?} {}", with.seed, with.most);
        let key = key("retrospect 1", &inputs, &settings);
        self.stages
            .run("retrospect", &key, observer, |folder, watch| stages::retrospect(&from.folder, &with, folder, watch))
    }

    fn binned(&self, from: &Finished, observer: &mut dyn Observer) -> Result<Finished> {
        let (difficulty, seed) = (&self.spec.difficulty, self.spec.seed);
        let key = key("difficulty 2", &[&from.output], &format!("{difficulty:?} {seed}"));
        self.stages.run("difficulty", &key, observer, |folder, watch| {
            stages::difficulty(&from.folder, difficulty, seed, folder, watch)
        })
    }

    fn picked(&self, from: &Finished, observer: &mut dyn Observer) -> Result<Finished> {
        let known = self.tools.decontaminator.filter(|_| !self.spec.decontamination.files.is_empty());
        let settings = format!("{:?}", known.map(|known| known.version()));
        self.stages.run("pick", &key("pick 1", &[&from.output], &settings), observer, |folder, watch| {
            stages::pick(&from.folder, known, folder, watch)
        })
    }
}
