//! An adapter on disk, as PEFT keeps one: adapter_config.json, and its matrices in adapter_model.safetensors.

use super::gguf::{Kind, dequantise};
use safetensors::tensor::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The names that PEFT gives the two files of an adapter.
pub(super) const CONFIG: &str = "adapter_config.json";
/// See [`CONFIG`].
pub(super) const WEIGHTS: &str = "adapter_model.safetensors";

/// What PEFT puts before the name of every tensor.
pub(super) const PREFIX: &str = "base_model.model.";

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

/// Why an adapter cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum AdapterError {
    /// A file cannot be read.
    #[error("cannot read {}: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause. Not a `source`: the message says it.
        cause: io::Error,
    },
    /// adapter_config.json is none, or asks for what is not read here.
    #[error("{}: {reason}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// The matrices are damaged, or are not those that the configuration asks for.
    #[error("{} is damaged: {reason}; get it again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
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
    #[serde(flatten, skip_serializing)]
    more: BTreeMap<String, Value>,
}

fn none() -> String {
    "none".into()
}

/// Keys that make some matrices other than the rest; nothing of them is read.
const UNREAD: [&str; 5] =
    ["rank_pattern", "alpha_pattern", "layers_to_transform", "modules_to_save", "target_parameters"];

/// The text of adapter_config.json. `base` is the name of the frozen model.
pub(super) fn config(adapter: &Adapter, base: &str) -> serde_json::Result<String> {
    serde_json::to_string_pretty(&Written {
        peft_type: "LORA".into(),
        task_type: Some("CAUSAL_LM".into()),
        base_model_name_or_path: Some(base.into()),
        r: adapter.rank,
        lora_alpha: adapter.alpha,
        lora_dropout: 0.0,
        bias: none(),
        use_rslora: false,
        use_dora: false,
        fan_in_fan_out: false,
        target_modules: adapter.targets.clone(),
        inference_mode: true,
        more: BTreeMap::new(),
    })
}

/// An adapter's configuration and the bytes of its matrices.
pub struct StoredAdapter {
    adapter: Adapter,
    path: PathBuf,
    bytes: Vec<u8>,
    matrices: BTreeMap<String, Matrix>,
}

struct Matrix {
    dtype: Dtype,
    shape: Vec<usize>,
    place: Range<usize>,
}

impl StoredAdapter {
    /// Reads an adapter's folder.
    ///
    /// # Errors
    /// Files that cannot be read, are damaged, or are no plain LoRA.
    pub fn open(folder: &Path) -> Result<StoredAdapter, AdapterError> {
        let (config, path) = (folder.join(CONFIG), folder.join(WEIGHTS));
        let adapter = shape(&read(&config)?).map_err(|reason| AdapterError::Config { path: config, reason })?;
        let bytes = read(&path)?;
        let damaged = |reason: String| AdapterError::Damaged { path: path.clone(), reason };
        let (header, metadata) = SafeTensors::read_metadata(&bytes).map_err(|error| damaged(error.to_string()))?;
        let data = header + size_of::<u64>();
        let matrix = |(name, info): (String, &safetensors::tensor::TensorInfo)| {
            let place = data + info.data_offsets.0..data + info.data_offsets.1;
            (name, Matrix { dtype: info.dtype, shape: info.shape.clone(), place })
        };
        let matrices = metadata.tensors().into_iter().map(matrix).collect();
        Ok(StoredAdapter { adapter, path, bytes, matrices })
    }

    /// Its shape.
    pub fn adapter(&self) -> &Adapter {
        &self.adapter
    }

    /// The matrix `part` (`lora_A` or `lora_B`) beside the weight of a name, row by row.
    ///
    /// # Errors
    /// A matrix that is not there, of a type that is not read, or of another shape.
    pub fn matrix(&self, weight: &str, part: &str, shape: [usize; 2]) -> Result<Vec<f32>, AdapterError> {
        let module = weight.strip_suffix(".weight").unwrap_or(weight);
        let known = format!("{PREFIX}{module}.{part}.weight");
        let matrix = self.matrices.get(&known).ok_or_else(|| self.damaged(format!("it holds no {known}")))?;
        let Matrix { dtype, shape: found, place } = matrix;
        let kind = match dtype {
            Dtype::F32 => Some(Kind::F32),
            Dtype::F16 => Some(Kind::F16),
            Dtype::BF16 => Some(Kind::Bf16),
            _ => None,
        };
        let Some(kind) = kind.filter(|_| found == &shape) else {
            return Err(self.damaged(format!("{known} is {dtype:?} {found:?}, expected F32, F16 or BF16 {shape:?}")));
        };
        let mut values = vec![0.0; shape[0] * shape[1]];
        dequantise(kind, &self.bytes[place.clone()], &mut values);
        Ok(values)
    }

    /// Checks that so many matrices are all that there are.
    ///
    /// # Errors
    /// One that nobody asked for.
    pub fn ends(&self, asked: usize) -> Result<(), AdapterError> {
        let held = self.matrices.len();
        if held == asked {
            return Ok(());
        }
        let targets = self.adapter.targets.join(", ");
        Err(self.damaged(format!("it holds {held} matrices, the model has {asked} beside {targets}")))
    }

    fn damaged(&self, reason: String) -> AdapterError {
        AdapterError::Damaged { path: self.path.clone(), reason }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, AdapterError> {
    std::fs::read(path).map_err(|cause| AdapterError::Unreadable { path: path.to_owned(), cause })
}

fn shape(text: &[u8]) -> Result<Adapter, String> {
    let written: Written = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    let plain = written.peft_type == "LORA"
        && written.bias == "none"
        && !(written.use_rslora || written.use_dora || written.fan_in_fan_out);
    if !plain {
        return Err("only plain LoRA without biases is read (no DoRA, no rank-stabilised scale)".into());
    }
    let says = |value: &Value| match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(items) => !items.is_empty(),
        _ => true,
    };
    if let Some(key) = UNREAD.iter().find(|&&key| written.more.get(key).is_some_and(says)) {
        return Err(format!("`{key}` is not read; give every projection the same rank and scale"));
    }
    Ok(Adapter { rank: written.r, alpha: written.lora_alpha, targets: written.target_modules })
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::tensor::TensorView;
    use serde_json::json;

    const WEIGHT: &str = "model.layers.0.self_attn.q_proj.weight";

    /// A folder with matrices of rank 2 beside a weight of 3 by 4, and a configuration.
    fn folder(config: Value) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(CONFIG), config.to_string()).unwrap();
        let name = |part: &str| format!("{PREFIX}model.layers.0.self_attn.q_proj.{part}.weight");
        let bytes = [0u8; 32];
        let tensors = [("lora_A", [2, 4], &bytes[..]), ("lora_B", [3, 2], &bytes[..24])]
            .map(|(part, shape, bytes)| (name(part), TensorView::new(Dtype::F32, shape.into(), bytes).unwrap()));
        let file = safetensors::tensor::serialize(tensors, None).unwrap();
        std::fs::write(folder.path().join(WEIGHTS), file).unwrap();
        folder
    }

    fn plain() -> Value {
        json!({"peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_modules": ["q_proj"], "bias": "none",
            "rank_pattern": {}, "alpha_pattern": {}, "modules_to_save": null, "layers_to_transform": null})
    }

    #[test]
    fn matrices_of_other_shapes_and_more_of_them_are_refused() {
        let folder = folder(plain());
        let stored = StoredAdapter::open(folder.path()).unwrap();
        assert_eq!(stored.matrix(WEIGHT, "lora_A", [2, 4]).unwrap(), [0.0; 8]);
        assert!(stored.ends(2).is_ok());
        assert!(matches!(stored.ends(0), Err(AdapterError::Damaged { .. })));
        for shape in [[4, 2], [2, 5], [usize::MAX, 4]] {
            assert!(matches!(stored.matrix(WEIGHT, "lora_A", shape), Err(AdapterError::Damaged { .. })), "{shape:?}");
        }
        assert!(matches!(stored.matrix("other.weight", "lora_A", [2, 4]), Err(AdapterError::Damaged { .. })));
    }

    #[test]
    fn what_is_no_plain_adapter_is_refused() {
        for (key, value) in [
            ("peft_type", json!("IA3")),
            ("use_dora", json!(true)),
            ("bias", json!("all")),
            ("rank_pattern", json!({"q_proj": 8})),
            ("alpha_pattern", json!({"q_proj": 8})),
            ("modules_to_save", json!(["lm_head"])),
            ("layers_to_transform", json!(0)),
            ("target_modules", json!("all-linear")),
            ("r", json!(-1)),
        ] {
            let mut config = plain();
            config[key] = value;
            let error = StoredAdapter::open(folder(config).path()).err().expect(key);
            assert!(matches!(error, AdapterError::Config { .. }), "{key}: {error}");
        }
    }

    #[test]
    fn damaged_matrices_are_refused() {
        let folder = folder(plain());
        let path = folder.path().join(WEIGHTS);
        let bytes = std::fs::read(&path).unwrap();
        for cut in [0, 7, 40, bytes.len() - 1] {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            let error = StoredAdapter::open(folder.path()).err().unwrap();
            assert!(matches!(error, AdapterError::Damaged { .. }), "{cut}: {error}");
        }
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(StoredAdapter::open(folder.path()), Err(AdapterError::Unreadable { .. })));
    }
}
