//! LoRA (arXiv 2106.09685): low-rank matrices that are learned beside frozen ones, kept in PEFT's format.
//!
//! A pass that learns computes `x W^T + (alpha / rank) (x A^T) B^T` ([`Projection`](super::projection::Projection)); one that answers, and
//! what is saved, has `W + (alpha / rank) B A`.

use super::peft::{self, Adapter, CONFIG, PREFIX, StoredAdapter, WEIGHTS};
use super::projection::Beside;
use super::{LmError, files, save_weights};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::HashMap;
use std::path::Path;
use tch::Tensor;

/// An adapter beside a model.
pub struct Lora {
    adapter: Adapter,
    /// Of each adapted tensor the places of A [r, in] and B [out, r] among the parameters.
    places: HashMap<String, [usize; 2]>,
    parameters: Vec<(String, Tensor)>,
}

impl Lora {
    /// A fresh adapter as PEFT begins one: A uniform in ±1/sqrt(in), each from a stream addressed by its name, and B 0.
    pub(super) fn fresh(adapter: &Adapter, weights: &[(String, Tensor)], seed: u64) -> Result<Lora, LmError> {
        let rank = adapter.rank as i64;
        let make = |name: &str, outputs: i64, inputs: i64| -> Result<[Tensor; 2], LmError> {
            let bound = (inputs as f64).powf(-0.5);
            let a = uniform(seed, name, (rank * inputs) as usize, bound);
            Ok([
                Tensor::f_from_slice(&a)?.f_reshape([rank, inputs])?,
                Tensor::zeros([outputs, rank], tch::kind::FLOAT_CPU),
            ])
        };
        Self::over(adapter, &shapes(weights), make)
    }

    /// An adapter whose matrices `make` gives, for each targeted tensor by its name, outputs and inputs.
    fn over(
        adapter: &Adapter,
        shapes: &[(String, Vec<usize>)],
        mut make: impl FnMut(&str, i64, i64) -> Result<[Tensor; 2], LmError>,
    ) -> Result<Lora, LmError> {
        if adapter.rank == 0 {
            return Err(refuse("the rank is 0; give 1 at least".into()));
        }
        let is = |name: &str, target: &str| name.ends_with(&format!(".{target}.weight"));
        for target in &adapter.targets {
            if !shapes.iter().any(|(name, _)| name.contains(".layers.") && is(name, target)) {
                return Err(refuse(format!("the model has no projection `{target}`")));
            }
        }
        let mut parameters = Vec::new();
        let targeted = |name: &str| name.contains(".layers.") && adapter.targets.iter().any(|target| is(name, target));
        for (name, shape) in shapes.iter().filter(|(name, _)| targeted(name)) {
            let &[outputs, inputs] = &shape[..] else {
                return Err(refuse(format!("{name} is {shape:?} and no matrix")));
            };
            let (outputs, inputs) = (outputs as i64, inputs as i64);
            let module = name.strip_suffix(".weight").unwrap_or(name);
            for (part, tensor) in ["lora_A", "lora_B"].iter().zip(make(name, outputs, inputs)?) {
                parameters.push((format!("{PREFIX}{module}.{part}.weight"), tensor.set_requires_grad(true)));
            }
        }
        parameters.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut places: HashMap<String, [usize; 2]> = HashMap::new();
        for (place, (name, _)) in parameters.iter().enumerate() {
            let short = name.strip_prefix(PREFIX).unwrap_or(name);
            for (which, part) in [".lora_A.weight", ".lora_B.weight"].iter().enumerate() {
                if let Some(module) = short.strip_suffix(part) {
                    places.entry(format!("{module}.weight")).or_default()[which] = place;
                }
            }
        }
        Ok(Lora { adapter: adapter.clone(), places, parameters })
    }

    /// Its shape.
    pub fn adapter(&self) -> &Adapter {
        &self.adapter
    }

    /// A and B of every adapted tensor, sorted by PEFT's names.
    pub fn parameters(&self) -> &[(String, Tensor)] {
        &self.parameters
    }

    /// What stands beside the tensor of this name; none where it is not adapted.
    pub(super) fn beside(&self, name: &str) -> Option<Beside> {
        let &[a, b] = self.places.get(name)?;
        let scale = self.adapter.alpha / self.adapter.rank as f64;
        Some(Beside { a: &self.parameters[a].1 * scale, b: self.parameters[b].1.shallow_clone() })
    }

    /// Writes adapter_config.json and adapter_model.safetensors into a folder, which is made where it is missing. `base` is the name of the
    /// frozen model, for whoever loads the adapter.
    ///
    /// # Errors
    /// What the system says about the files.
    pub fn save(&self, folder: &Path, base: &str) -> Result<(), LmError> {
        std::fs::create_dir_all(folder).map_err(|source| LmError::io(folder, source))?;
        let text = peft::config(&self.adapter, base).map_err(|error| refuse(error.to_string()))?;
        files::write_whole(&folder.join(CONFIG), format!("{text}\n").as_bytes())?;
        save_weights(&folder.join(WEIGHTS), &self.parameters)
    }

    /// Reads an adapter for a model of these tensors, in f32, f16 or bf16.
    pub(super) fn load(folder: &Path, shapes: &[(String, Vec<usize>)]) -> Result<Lora, LmError> {
        let stored = StoredAdapter::open(folder)?;
        let rank = stored.adapter().rank;
        let one = |name: &str, part: &str, shape: [usize; 2]| -> Result<Tensor, LmError> {
            let values = stored.matrix(name, part, shape)?;
            Ok(Tensor::f_from_slice(&values)?.f_reshape(shape.map(|n| n as i64))?)
        };
        let make = |name: &str, outputs: i64, inputs: i64| {
            Ok([one(name, "lora_A", [rank, inputs as usize])?, one(name, "lora_B", [outputs as usize, rank])?])
        };
        let lora = Self::over(stored.adapter(), shapes, make)?;
        stored.ends(lora.parameters.len())?;
        Ok(lora)
    }

    /// Adds to the numbers of the tensor of this name, rows of `inputs`, what the adapter makes of it: each sum in f64 and in one order,
    /// so that every machine writes the same bytes.
    pub(super) fn add_to(&self, name: &str, inputs: usize, values: &mut [f32]) -> Result<(), LmError> {
        let Some(&[a, b]) = self.places.get(name) else { return Ok(()) };
        let numbers = |place: usize| -> Result<Vec<f32>, LmError> {
            let flat = self.parameters[place].1.f_detach()?.f_contiguous()?;
            let mut numbers = vec![0f32; flat.numel()];
            flat.f_copy_data(&mut numbers, flat.numel())?;
            Ok(numbers)
        };
        let (a, b, rank) = (numbers(a)?, numbers(b)?, self.adapter.rank);
        let scale = self.adapter.alpha / rank as f64;
        let mut sums = vec![0f64; inputs];
        for (row, thin) in values.chunks_exact_mut(inputs).zip(b.chunks_exact(rank)) {
            sums.fill(0.0);
            for (a, &b) in a.chunks_exact(inputs).zip(thin) {
                sums.iter_mut().zip(a).for_each(|(sum, &a)| *sum += f64::from(a) * f64::from(b));
            }
            row.iter_mut().zip(&sums).for_each(|(value, sum)| *value = (f64::from(*value) + scale * sum) as f32);
        }
        Ok(())
    }
}

/// Names and shapes of tensors.
pub(super) fn shapes(weights: &[(String, Tensor)]) -> Vec<(String, Vec<usize>)> {
    let shape = |tensor: &Tensor| tensor.size().into_iter().map(|n| n as usize).collect();
    weights.iter().map(|(name, tensor)| (name.clone(), shape(tensor))).collect()
}

fn refuse(reason: String) -> LmError {
    LmError::Config { path: "adapter".into(), reason }
}

/// `count` numbers uniform in ±`bound` from the stream of this seed and name.
fn uniform(seed: u64, name: &str, count: usize, bound: f64) -> Vec<f32> {
    let key = blake3::hash(format!("adapter\0{seed}\0{name}").as_bytes());
    let mut random = ChaCha12Rng::from_seed(*key.as_bytes());
    let mut next = || ((random.next_u64() >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
    (0..count).map(|_| (bound * (2.0 * next() - 1.0)) as f32).collect()
}
