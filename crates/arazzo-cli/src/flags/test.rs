//! `arazzo test`.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use super::ReadingFlags;
use super::values::server;
use crate::requested::RequestedReport;

/// Run documents and their test files, and say what is not as expected
///
/// Finds Arazzo documents by their content. `NAME.test.yaml` beside a document has its cases; without one, each workflow
/// runs once against the mock. Exit 0: all passed, 1: a case failed, 2: the command line is wrong, 3: a test file is
/// wrong, 6: one leads out of the workspace, 7: a report could not be written, 8: nothing ran.
#[derive(Debug, Args)]
#[command(
    before_long_help = "Examples:\n  arazzo test examples\n  arazzo test flow.arazzo.yaml --case login --fail-fast\n  arazzo test --report junit=out/junit.xml"
)]
pub(crate) struct TestFlags {
    /// Documents, and folders to look for them in (hidden folders, target and node_modules are passed over); this
    /// folder, if none is given
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Only cases of this workflow
    #[arg(short, long, value_name = "WORKFLOW")]
    pub(crate) workflow: Option<String>,
    /// Only cases whose name has this in it. Repeatable
    #[arg(long = "case", value_name = "TEXT")]
    pub(crate) cases: Vec<String>,
    /// Call this base url instead of the mock; of one source description, or of all
    #[arg(short = 'S', long = "server", value_name = "[SOURCE=]URL", value_parser = server)]
    pub(crate) servers: Vec<(Option<String>, String)>,
    /// How many cases run at once; as many as there are cores, if it is not given
    #[arg(short, long, value_name = "N")]
    pub(crate) jobs: Option<std::num::NonZeroUsize>,
    /// Begin no case after one that failed
    #[arg(long)]
    pub(crate) fail_fast: bool,
    /// Exit with 0 if there is nothing to run
    #[arg(long)]
    pub(crate) allow_empty: bool,
    /// Print the cases and run none
    #[arg(long)]
    pub(crate) list: bool,
    /// Print results as JSON, one a line
    #[arg(long)]
    pub(crate) json: bool,
    /// Write a report: junit[=PATH]
    #[arg(long = "report", value_name = "junit[=PATH]")]
    pub(crate) reports: Vec<RequestedReport>,
    #[command(flatten)]
    pub(crate) reading: ReadingFlags,
    /// Show failures only; -qq nothing
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) quiet: u8,
}
