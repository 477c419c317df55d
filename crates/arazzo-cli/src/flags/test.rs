//! `arazzo test`.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};

use super::{
    CoverageFlag, CredentialFlags, DenyFlag, EnvFileFlag, InputFlags, LimitFlags, MORE, NetworkFlags, PermissionFlags,
    ProfileFlags, PromptFlag, ReadingFlags, ReceiveFlag, RepetitionFlags, ServerFlags, ShardFlag, everyday,
};
use crate::requested::RequestedReport;

/// Run documents and their test files, and report what is not as expected
///
/// Finds Arazzo documents by their content. `NAME.test.yaml` beside a document has its cases; without one, each workflow
/// runs once against the mock. With --server a server is called instead; secrets go there and, with --secret-host, to
/// hosts that are named, never to a host that only a document names. Exit 0: all passed, 1: a case failed, 2: the command
/// line is wrong, 3: a test file is wrong, or a warning counts as an error, 6: one leads out of the workspace, 7: a report
/// could not be written, 8: nothing ran.
#[derive(Debug, Args)]
#[command(
    before_long_help = "Examples:\n  arazzo test examples\n  arazzo test flow.arazzo.yaml --case login --fail-fast\n  arazzo test --report junit=out/junit.xml\n  arazzo test flows --server https://staging.example.com -s apiToken --jobs 4 --shard 1/2"
)]
#[command(
    mut_arg("servers", |arg| {
        arg.help("Call this base url instead of the mock; of one source description (the others are mocked), or of all")
    }),
    mut_arg("inputs", |arg| {
        arg.help("An input of every workflow that takes it, in the place of the one in a test file: as for `arazzo run`")
    }),
    mut_arg("timeout", |arg| arg.help("Stop a case after this time: 500ms, 10s, 5m, 1h; a bare number is seconds")),
)]
#[command(after_help = MORE, mut_args(everyday))]
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
    /// Only cases that failed when they ran last, as arazzo-report/failed.json has them
    #[arg(long)]
    pub(crate) rerun_failed: bool,
    #[command(flatten)]
    pub(crate) shard: ShardFlag,
    #[command(flatten)]
    pub(crate) repetition: RepetitionFlags,
    /// Exit with 0 if there is nothing to run
    #[arg(long, env = "ARAZZO_ALLOW_EMPTY", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub(crate) allow_empty: bool,
    /// Write a test file from a recording (`arazzo run --record`), beside its document or the one that is named, and run
    /// nothing
    #[arg(
        long,
        value_name = "RECORDING",
        conflicts_with_all = ["workflow", "cases", "rerun_failed", "shard", "list", "reports", "coverage", "repeat", "jobs", "fail_fast", "servers"]
    )]
    pub(crate) init: Option<PathBuf>,
    /// Print the cases and run none
    #[arg(long)]
    pub(crate) list: bool,
    #[command(flatten)]
    pub(crate) receive: ReceiveFlag,
    /// Print results as JSON, one a line
    #[arg(long)]
    pub(crate) json: bool,
    /// Write a report: junit, tap, md or json of all cases; html or har, a file for each. To a file, or into a folder
    /// (arazzo-report/ without a path), or to stdout (-). Repeatable
    #[arg(long = "report", value_name = "FMT[=PATH]")]
    pub(crate) reports: Vec<RequestedReport>,
    #[command(flatten)]
    pub(crate) coverage: CoverageFlag,
    /// Show failures only; -qq nothing
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) quiet: u8,
    #[command(flatten)]
    pub(crate) profile: ProfileFlags,
    #[command(flatten)]
    pub(crate) server: ServerFlags,
    #[command(flatten)]
    pub(crate) input: InputFlags,
    #[command(flatten)]
    pub(crate) env_file: EnvFileFlag,
    #[command(flatten)]
    pub(crate) credentials: CredentialFlags,
    #[command(flatten)]
    pub(crate) permissions: PermissionFlags,
    #[command(flatten)]
    pub(crate) prompt: PromptFlag,
    #[command(flatten)]
    pub(crate) reading: ReadingFlags,
    #[command(flatten)]
    pub(crate) deny: DenyFlag,
    #[command(flatten)]
    pub(crate) limits: LimitFlags,
    #[command(flatten)]
    pub(crate) network: NetworkFlags,
}
