//! The command line of `arazzo`: flags in, results out. Sees the library's public items only, and decides nothing
//! about how a workflow runs.

#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

mod exit;
mod flags;
mod given;
mod graph;
mod inspect;
mod lint;
mod mock;
mod recorded;
mod replay;
mod report;
mod run;
mod save;
mod show;
mod signal;
mod typed;
mod watch;

use flags::{Arguments, Command};
use show::Screen;

/// Runs the command with these arguments, the first of which is its own name; the result is the exit code
/// (`arazzo run --help` lists them).
pub fn main(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // A closed pipe is the reader's choice, not a fault.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { exit::USAGE } else { exit::SUCCEEDED });
        }
    };
    let mut screen = Screen::new(arguments.color);
    let code = match arguments.command {
        Command::Run(flags) => run::run(*flags, &mut screen),
        Command::Inspect(flags) => inspect::inspect(flags, &mut screen),
        Command::Lint(flags) => lint::lint(&flags, &mut screen),
        Command::Mock(flags) => mock::mock(&flags, &mut screen),
        Command::Graph(flags) => graph::graph(&flags, &mut screen),
        Command::Replay(flags) => replay::replay(&flags, &mut screen),
        Command::Report(flags) => report::report(&flags, &mut screen),
    };
    ExitCode::from(code)
}
