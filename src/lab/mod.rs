//! Jobs: directory layout, locks, resume, process pool.
