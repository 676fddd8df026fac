//! Documents, samples, datasets and samplers.
