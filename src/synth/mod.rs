//! Makes samples. Today: the micro world, where every sample is a fresh set of documents rendered from facts drawn for it alone.

pub mod micro;
