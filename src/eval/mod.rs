//! The six suites: per-item outcomes out, nothing dropped.
