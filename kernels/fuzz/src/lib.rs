//! What the fuzz targets share: odd numbers, shapes, and the plain definitions that results are held against.

pub mod numbers;
pub mod text;
