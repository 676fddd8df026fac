//! The `longlab` command.

fn main() -> std::process::ExitCode {
    longlab::cli::main()
}
