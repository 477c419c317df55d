//! The command `arazzo`. Everything is in the library part of this package, so that examples can call it.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    arazzo_cli::main(std::env::args_os())
}
