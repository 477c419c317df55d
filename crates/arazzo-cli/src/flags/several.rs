//! Several runs in one call: of documents, of rows, again and again.

use std::path::PathBuf;

use clap::Args;

use super::RepetitionFlags;

/// Several runs.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Several runs")]
pub(crate) struct SeveralFlags {
    /// Run every document that is named, and those in folders: each workflow that no other one of its document calls, or
    /// the one of --workflow. Inputs go to those that take them
    #[arg(long)]
    pub(crate) all: bool,
    /// One run for each row: a CSV file whose first line names inputs (an empty cell gives none), or a JSON or YAML list
    /// of objects (- is stdin)
    #[arg(long, value_name = "FILE", conflicts_with = "all")]
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) repetition: RepetitionFlags,
}

impl SeveralFlags {
    /// `true` if there is more than one run, or may be.
    pub(crate) fn any(&self) -> bool {
        self.all || self.data.is_some() || self.repetition.repeat.is_some()
    }
}
