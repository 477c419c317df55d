//! A part of a run, and its requests as commands.

use clap::Args;

/// A part of a run.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct PartialFlags {
    /// End the run after this step of the workflow has succeeded
    #[arg(long, value_name = "STEP")]
    pub(crate) until: Option<String>,
    /// Show each request that is sent as a curl command, with variables in the place of secrets
    #[arg(long)]
    pub(crate) curl: bool,
}
