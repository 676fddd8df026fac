//! The state of a training job in one file: weights, moments, and what the loop remembers.

use super::gates::Memory;
use super::optimizer::AdamW;
use super::warm::Course;
use crate::files;
use crate::lm::Decoder;
use anyhow::{Context, Result, bail};
use memmap2::Mmap;
use safetensors::tensor::{Dtype, SafeTensors, TensorView, View};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use tch::{Kind, Tensor, no_grad_guard};

/// What the loop remembers beside tensors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Steps done.
    pub step: u64,
    /// Optimizer updates done.
    pub updates: u64,
    /// AEPO's memory.
    pub memory: Memory,
    /// Where the warm start stands; none in reinforcement learning.
    pub course: Option<Course>,
}

const STATE: &str = "longlab.state";
const KINDS: [&str; 3] = ["weight", "first", "second"];

/// A tensor that becomes bytes when its turn has come: no more than one of them is held twice.
struct Late<'a> {
    tensor: &'a Tensor,
    shape: Vec<usize>,
}

impl<'a> Late<'a> {
    fn new(tensor: &'a Tensor) -> Self {
        Late { tensor, shape: tensor.size().iter().map(|&side| side as usize).collect() }
    }
}

impl View for Late<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let count = self.tensor.numel();
        let mut values = vec![0f32; count];
        self.tensor.to_device(tch::Device::Cpu).contiguous().copy_data(&mut values, count);
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn data_len(&self) -> usize {
        self.tensor.numel() * size_of::<f32>()
    }
}

/// Writes the state of a job; the same state gives the same bytes.
pub fn save(path: &Path, model: &Decoder, optimizer: &AdamW, state: &State) -> Result<()> {
    let mut views = Vec::new();
    for (i, (name, parameter)) in model.parameters().iter().enumerate() {
        for (kind, tensor) in KINDS.iter().zip([parameter, &optimizer.first[i], &optimizer.second[i]]) {
            views.push((format!("{kind}.{name}"), Late::new(tensor)));
        }
    }
    let meta = HashMap::from([(STATE.to_string(), serde_json::to_string(state)?)]);
    let write =
        |temporary: &Path| safetensors::serialize_to_file(views, Some(meta), temporary).map_err(std::io::Error::other);
    files::write_whole_by(path, write).with_context(|| format!("writing the checkpoint {}", path.display()))
}

/// Reads a state back into the model and optimizer.
pub fn load(path: &Path, model: &Decoder, optimizer: &mut AdamW) -> Result<State> {
    let broken = || {
        format!("the checkpoint {} is damaged; delete it and the job starts again from its beginning", path.display())
    };
    let file = File::open(path).with_context(|| format!("reading the checkpoint {}", path.display()))?;
    // SAFETY: the file is this job's own, whose lock is held; it is replaced as a whole and never written to.
    let bytes = unsafe { Mmap::map(&file) }.with_context(|| format!("reading the checkpoint {}", path.display()))?;
    let (_, header) = SafeTensors::read_metadata(&bytes).with_context(broken)?;
    let tensors = SafeTensors::deserialize(&bytes).with_context(broken)?;
    let text = header.metadata().as_ref().and_then(|meta| meta.get(STATE)).with_context(broken)?;
    let state: State = serde_json::from_str(text).with_context(broken)?;
    let _guard = no_grad_guard();
    for (i, (name, parameter)) in model.parameters().iter().enumerate() {
        for (kind, target) in KINDS.iter().zip([parameter, &optimizer.first[i], &optimizer.second[i]]) {
            let view = tensors.tensor(&format!("{kind}.{name}")).with_context(broken)?;
            fill(target, &view).with_context(broken)?;
        }
    }
    optimizer.updates = state.updates;
    Ok(state)
}

fn fill(target: &Tensor, view: &TensorView) -> Result<()> {
    let shape: Vec<i64> = view.shape().iter().map(|&side| side as i64).collect();
    if shape != target.size() || view.dtype() != Dtype::F32 {
        bail!("a tensor has shape {shape:?} where {:?} is wanted", target.size());
    }
    let values: Vec<f32> = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    let source = Tensor::from_slice(&values).view(&shape[..]).to_kind(Kind::Float);
    target.shallow_clone().copy_(&source);
    Ok(())
}
