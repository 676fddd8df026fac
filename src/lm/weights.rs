//! Named tensors on disk: safetensors with sorted names, so that equal weights are equal bytes.

use super::{Config, LmError, files};
use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, TensorView};
use std::path::Path;
use tch::{Kind, Tensor};

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

/// Reads the tensors that `config` asks for, sorted by name, in f32, without gradients. Fails on a missing, an unknown, a
/// misshapen tensor, another type than F32, and a damaged file.
pub fn load_weights(path: &Path, config: &Config) -> Result<Vec<(String, Tensor)>, LmError> {
    let bytes = std::fs::read(path).map_err(|source| LmError::io(path, source))?;
    let file = SafeTensors::deserialize(&bytes)
        .map_err(|error| LmError::Damaged { path: path.to_owned(), reason: error.to_string() })?;
    let shapes = config.shapes();
    let mut names = file.names();
    names.sort_unstable();
    for name in names {
        if shapes.binary_search_by(|(known, _)| known.as_str().cmp(name)).is_err() {
            return Err(LmError::Unknown { path: path.to_owned(), name: name.to_owned() });
        }
    }
    shapes.into_iter().map(|(name, shape)| read(path, &file, name, shape)).collect()
}

fn read(path: &Path, file: &SafeTensors, name: String, wanted: Vec<usize>) -> Result<(String, Tensor), LmError> {
    let Ok(view) = file.tensor(&name) else {
        return Err(LmError::Missing { path: path.to_owned(), name });
    };
    if view.dtype() != Dtype::F32 {
        return Err(LmError::Dtype { path: path.to_owned(), name, found: format!("{:?}", view.dtype()) });
    }
    if view.shape() != wanted {
        return Err(LmError::Shape { path: path.to_owned(), name, wanted, found: view.shape().to_vec() });
    }
    let values: Vec<f32> = view.data().as_chunks::<4>().0.iter().map(|&chunk| f32::from_le_bytes(chunk)).collect();
    let size: Vec<i64> = wanted.iter().map(|&n| n as i64).collect();
    Ok((name, Tensor::f_from_slice(&values)?.f_reshape(size)?))
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
