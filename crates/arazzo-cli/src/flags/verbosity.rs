//! Detail of the progress that is shown.

use clap::{ArgAction, Args};

/// More, or less.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct VerbosityFlags {
    /// Show headers of requests and answers; -vv bodies too
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Show failures only; -qq nothing
    #[arg(short, long, action = ArgAction::Count, conflicts_with = "verbose")]
    pub(crate) quiet: u8,
}
