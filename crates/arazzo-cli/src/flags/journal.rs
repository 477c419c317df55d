//! The journal that runs are kept in.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::values::header_name;

/// A run that is kept while it runs.
#[derive(Debug, Args)]
#[command(next_help_heading = "Journal")]
pub(crate) struct JournalFlags {
    /// Keep the run in a journal while it runs: if its process ends, it goes on with `arazzo runs resume`. Secrets are
    /// encrypted. Without a file, it is runs.db in the folder for the state of programs. Also from ARAZZO_JOURNAL=FILE
    #[arg(
        long,
        value_name = "FILE",
        num_args = 0..=1,
        require_equals = true,
        conflicts_with_all = ["mock", "dry_run"]
    )]
    pub(crate) journal: Option<Option<PathBuf>>,
    /// The end that the journal outlives: that of the machine (power; every write waits for the disk), or of the process
    /// [default: power]
    #[arg(
        long,
        value_enum,
        value_name = "OF",
        hide_possible_values = true,
        env = "ARAZZO_DURABILITY",
        hide_env_values = true
    )]
    pub(crate) durability: Option<Outlives>,
    /// With a journal, the header by which servers know a request that comes again, for operations that describe no
    /// Idempotency-Key: each request that may not be sent twice has a key of its own in it, and the same when it is sent
    /// again
    #[arg(long, value_name = "HEADER", value_parser = header_name)]
    pub(crate) idempotency_key: Option<String>,
}

/// The end that a journal outlives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Outlives {
    Power,
    Process,
}

impl Outlives {
    pub(crate) fn durability(self) -> arazzo::journal::Durability {
        match self {
            Self::Power => arazzo::journal::Durability::Power,
            Self::Process => arazzo::journal::Durability::Process,
        }
    }
}

/// The journal that is read.
#[derive(Debug, Args)]
#[command(next_help_heading = "Journal")]
pub(crate) struct JournalFileFlag {
    /// The journal; without it, runs.db in the folder for the state of programs
    #[arg(long, value_name = "FILE", env = "ARAZZO_JOURNAL", hide_env_values = true)]
    pub(crate) journal: Option<PathBuf>,
}
