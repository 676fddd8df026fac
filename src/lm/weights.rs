//! Named tensors on disk: safetensors with sorted names, so that equal weights are equal bytes.

use super::checkpoint::Stored;
use super::lora::Lora;
use super::projection::{Beside, Projection};
use super::{Checkpoint, LmError, files};
use safetensors::tensor::{Dtype, SafeTensorError, TensorView};
use std::path::Path;
use tch::{Device, Kind, Tensor};

/// Writes f32 tensors under their names; the same tensors give the same bytes each time.
pub fn save_weights(path: &Path, tensors: &[(String, Tensor)]) -> Result<(), LmError> {
    let mut copies = Vec::with_capacity(tensors.len());
    for (name, tensor) in tensors {
        copies.push((name.as_str(), shape_of(tensor), little_endian(tensor)?));
    }
    copies.sort_by(|a, b| a.0.cmp(b.0));
    let damaged = |error: SafeTensorError| LmError::Damaged { path: path.to_owned(), reason: error.to_string() };
    let mut views = Vec::with_capacity(copies.len());
    for (name, shape, bytes) in &copies {
        views.push((*name, TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(damaged)?));
    }
    let file = safetensors::tensor::serialize(views, None).map_err(damaged)?;
    files::write_whole(path, &file)
}

/// Parameters of one layer by their short names, as a pass computes with them.
pub(super) struct Named<'a> {
    pub parameters: &'a [(String, Tensor)],
    pub layer: usize,
    /// Type of the pass.
    pub kind: Kind,
    /// What is learned beside frozen matrices.
    pub lora: Option<&'a Lora>,
    /// Whether an adapter is added to its matrices.
    pub merged: bool,
}

impl Named<'_> {
    /// The tensor `model.layers.<layer>.<part>.weight`, which no adapter changes, in the type of the pass.
    pub(super) fn get(&self, part: &str) -> Tensor {
        cast(find(self.parameters, &self.name(part)), self.kind)
    }

    /// The projection of that matrix, with what an adapter has beside it, in the type of the pass; one matrix where it is wanted so.
    pub(super) fn projection(&self, part: &str) -> Projection {
        let beside = self.lora.and_then(|lora| lora.beside(&self.name(part)));
        let beside = beside.map(|Beside { a, b }| Beside { a: cast(&a, self.kind), b: cast(&b, self.kind) });
        let projection = Projection::new(self.get(part), beside);
        if self.merged { projection.merged() } else { projection }
    }

    fn name(&self, part: &str) -> String {
        format!("model.layers.{}.{part}.weight", self.layer)
    }
}

/// The tensor in a type; itself where it has that type.
pub(super) fn cast(tensor: &Tensor, kind: Kind) -> Tensor {
    if tensor.kind() == kind { tensor.shallow_clone() } else { tensor.to_kind(kind) }
}

/// A tensor of a sorted list that holds all of a configuration's.
pub(super) fn find<'a>(parameters: &'a [(String, Tensor)], name: &str) -> &'a Tensor {
    let found = parameters.binary_search_by(|(known, _)| known.as_str().cmp(name));
    &parameters[found.expect("init and load put in every tensor of Config::tensors")].1
}

/// All tensors of a checkpoint, sorted by name, in f32, without gradients.
pub(super) fn read(checkpoint: &Checkpoint) -> Result<Vec<(String, Tensor)>, LmError> {
    checkpoint.tensors().iter().map(|(name, stored)| Ok((name.clone(), tensor(checkpoint, name, stored)?))).collect()
}

/// All tensors of a checkpoint, sorted by name, in bf16, without gradients; mapped where they are stored so.
pub(super) fn map(checkpoint: Checkpoint) -> Result<Vec<(String, Tensor)>, LmError> {
    // Tensors over mapped bytes know no owner, and clones of them may go anywhere: the map stays until the process ends.
    let checkpoint: &'static Checkpoint = Box::leak(Box::new(checkpoint));
    let one = |name: &str, stored: &Stored| match checkpoint.bf16(name) {
        Some(bytes) => mapped(bytes, &stored.shape),
        None => Ok(tensor(checkpoint, name, stored)?.to_kind(Kind::BFloat16)),
    };
    checkpoint.tensors().iter().map(|(name, stored)| Ok((name.clone(), one(name, stored)?))).collect()
}

/// A tensor over bytes that are never freed.
fn mapped(bytes: &'static [u8], shape: &[usize]) -> Result<Tensor, LmError> {
    let size: Vec<i64> = shape.iter().map(|&n| n as i64).collect();
    let strides: Vec<i64> = (0..size.len()).map(|i| size[i + 1..].iter().product()).collect();
    // SAFETY: the bytes are as many as the shape has numbers of two bytes (the header was checked against it), live as long as the
    // process, and are only read: no tensor of this model requires gradients or is written to.
    Ok(unsafe { Tensor::f_from_blob(bytes.as_ptr(), &size, &strides, Kind::BFloat16, Device::Cpu)? })
}

fn tensor(checkpoint: &Checkpoint, name: &str, stored: &Stored) -> Result<Tensor, LmError> {
    let mut values = vec![0f32; stored.rows() * stored.width()];
    checkpoint.read(name, 0..stored.rows(), &mut values)?;
    let size: Vec<i64> = stored.shape.iter().map(|&n| n as i64).collect();
    Ok(Tensor::f_from_slice(&values)?.f_reshape(size)?)
}

fn shape_of(tensor: &Tensor) -> Vec<usize> {
    tensor.size().into_iter().map(|n| n as usize).collect()
}

fn little_endian(tensor: &Tensor) -> Result<Vec<u8>, LmError> {
    let flat = tensor.f_detach()?.f_to_kind(Kind::Float)?.f_contiguous()?;
    let mut values = vec![0f32; flat.numel()];
    flat.f_copy_data(&mut values, flat.numel())?;
    Ok(values.iter().flat_map(|value| value.to_le_bytes()).collect())
}
