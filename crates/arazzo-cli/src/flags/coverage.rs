//! What of documents their tests reached.

use clap::Args;

use crate::requested::RequestedCoverage;

/// Coverage.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Reports")]
pub(crate) struct CoverageFlag {
    /// Report which steps, actions and criteria the cases reached: text (on stderr), json or lcov; to a file, or to stdout
    /// (-). Without a path, json and lcov go into arazzo-report/. Repeatable
    #[arg(long, value_name = "FMT[=PATH]", num_args = 0..=1, require_equals = true, default_missing_value = "text")]
    pub(crate) coverage: Vec<RequestedCoverage>,
}
