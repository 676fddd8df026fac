//! The `longlab` command.
fn main() {}
