//! Documents, samples, datasets and samplers.

pub mod file;
pub mod pool;
pub mod sample;
pub mod sampler;

pub use sample::Sample;
