//! LoRA (arXiv 2106.09685): low-rank matrices that are learned beside frozen ones, kept in PEFT's format.
//!
//! A pass that learns computes `x W^T + (alpha / rank) (x A^T) B^T` ([`Projection`](super::projection::Projection)); one that answers, and
//! what is saved, has `W + (alpha / rank) B A`.

use super::gguf::{Kind, dequantise};
use super::projection::Beside;
use super::save_weights;
use super::{LmError, files};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use safetensors::SafeTensors;
use safetensors::tensor::Dtype;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;
use tch::Tensor;

/// The names that PEFT gives the two files of an adapter.
const CONFIG: &str = "adapter_config.json";
const WEIGHTS: &str = "adapter_model.safetensors";

/// What PEFT puts before the name of every tensor.
const PREFIX: &str = "base_model.model.";

/// The shape of an adapter.
#[derive(Clone, Debug, PartialEq)]
pub struct Adapter {
    /// Rank r of the matrices, at least 1.
    pub rank: usize,
    /// What is added is scaled by `alpha / rank`.
    pub alpha: f64,
    /// Last parts of the names of the projections that are adapted: `q_proj`, `down_proj`, ...
    pub targets: Vec<String>,
}

/// An adapter beside a model.
pub struct Lora {
    adapter: Adapter,
    /// Of each adapted tensor the places of A [r, in] and B [out, r] among the parameters.
    places: HashMap<String, [usize; 2]>,
    parameters: Vec<(String, Tensor)>,
}

/// What adapter_config.json says; PEFT knows defaults for the rest.
#[derive(Serialize, Deserialize)]
struct Written {
    peft_type: String,
    #[serde(default)]
    task_type: Option<String>,
    #[serde(default)]
    base_model_name_or_path: Option<String>,
    r: usize,
    lora_alpha: f64,
    #[serde(default)]
    lora_dropout: f64,
    #[serde(default = "none")]
    bias: String,
    #[serde(default)]
    use_rslora: bool,
    #[serde(default)]
    use_dora: bool,
    #[serde(default)]
    fan_in_fan_out: bool,
    target_modules: Vec<String>,
    #[serde(default)]
    inference_mode: bool,
}

fn none() -> String {
    "none".into()
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
        let written = Written {
            peft_type: "LORA".into(),
            task_type: Some("CAUSAL_LM".into()),
            base_model_name_or_path: Some(base.into()),
            r: self.adapter.rank,
            lora_alpha: self.adapter.alpha,
            lora_dropout: 0.0,
            bias: none(),
            use_rslora: false,
            use_dora: false,
            fan_in_fan_out: false,
            target_modules: self.adapter.targets.clone(),
            inference_mode: true,
        };
        let text = serde_json::to_string_pretty(&written).map_err(|error| refuse(error.to_string()))?;
        files::write_whole(&folder.join(CONFIG), format!("{text}\n").as_bytes())?;
        save_weights(&folder.join(WEIGHTS), &self.parameters)
    }

    /// Reads an adapter for a model of these tensors, in f32, f16 or bf16.
    pub(super) fn load(folder: &Path, shapes: &[(String, Vec<usize>)]) -> Result<Lora, LmError> {
        let (config, file) = (folder.join(CONFIG), folder.join(WEIGHTS));
        let read = |path: &Path| std::fs::read(path).map_err(|source| LmError::io(path, source));
        let wrong = |reason: String| LmError::Config { path: config.clone(), reason };
        let written: Written = serde_json::from_slice(&read(&config)?).map_err(|error| wrong(error.to_string()))?;
        if written.peft_type != "LORA"
            || written.use_rslora
            || written.use_dora
            || written.fan_in_fan_out
            || written.bias != "none"
        {
            return Err(wrong("only plain LoRA without biases is read (no DoRA, no rank-stabilised scale)".into()));
        }
        let bytes = read(&file)?;
        let damaged = |reason: String| LmError::Damaged { path: file.clone(), reason };
        let tensors = SafeTensors::deserialize(&bytes).map_err(|error| damaged(error.to_string()))?;
        let adapter = Adapter { rank: written.r, alpha: written.lora_alpha, targets: written.target_modules };
        let rank = adapter.rank as i64;
        let one = |name: &str, part: &str, shape: [i64; 2]| -> Result<Tensor, LmError> {
            let module = name.strip_suffix(".weight").unwrap_or(name);
            let known = format!("{PREFIX}{module}.{part}.weight");
            let view = tensors.tensor(&known).map_err(|error| damaged(error.to_string()))?;
            let wanted: Vec<usize> = shape.iter().map(|&n| n as usize).collect();
            let kind = match view.dtype() {
                Dtype::F32 => Some(Kind::F32),
                Dtype::F16 => Some(Kind::F16),
                Dtype::BF16 => Some(Kind::Bf16),
                _ => None,
            };
            let (Some(kind), true) = (kind, view.shape() == wanted) else {
                let (dtype, found) = (view.dtype(), view.shape());
                return Err(damaged(format!("{known} is {dtype:?} {found:?}, expected F32, F16 or BF16 {wanted:?}")));
            };
            let mut values = vec![0f32; wanted.iter().product()];
            dequantise(kind, view.data(), &mut values);
            Ok(Tensor::f_from_slice(&values)?.f_reshape(shape)?)
        };
        let make = |name: &str, outputs: i64, inputs: i64| {
            Ok([one(name, "lora_A", [rank, inputs])?, one(name, "lora_B", [outputs, rank])?])
        };
        Self::over(&adapter, shapes, make)
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
