//! The command line as it was typed. The commands decide what it means.
//!
//! Flags that several commands have, or that belong together, are an [`clap::Args`] of their own, one file a group; the
//! order of fields is that of `--help`.

use std::ffi::OsStr;

use clap::{Arg, Args, Parser, Subcommand};

use crate::requested::Color;

mod auth;
mod bodies;
mod check;
mod coverage;
mod deny;
mod document;
mod env_file;
mod fmt;
mod help;
mod input;
mod inspect;
mod journal;
mod limits;
mod lint;
#[cfg(feature = "lsp")]
mod lsp;
mod mock;
mod network;
mod output;
mod partial;
mod permissions;
mod plain;
mod profile;
mod repetition;
#[cfg(feature = "restate")]
mod restate;
mod run;
mod runs;
mod schema;
mod server;
mod several;
mod test;
mod values;
mod verbosity;

pub(crate) use auth::CredentialFlags;
pub(crate) use bodies::EventBodiesFlag;
pub(crate) use check::{CheckFlag, ListenFlag, ReceiveFlag};
pub(crate) use coverage::CoverageFlag;
pub(crate) use deny::{Denied, DenyFlag};
pub(crate) use document::{DocumentFlags, OfflineFlag, ReadingFlags};
pub(crate) use env_file::EnvFileFlag;
pub(crate) use fmt::FmtFlags;
pub(crate) use help::{CompletionsFlags, HelpFlags, ManFlags};
pub(crate) use input::{InputFlags, PromptFlag};
pub(crate) use inspect::{GraphFlags, GraphFormat, InspectFlags, ReportFlags};
pub(crate) use journal::{JournalFileFlag, JournalFlags, Outlives};
pub(crate) use limits::{LimitFlags, TimeoutFlag};
pub(crate) use lint::{ExplainFlags, Fixes, Format, LintFlags, Only};
pub(crate) use mock::{FaultFlags, MockFlags};
pub(crate) use network::NetworkFlags;
pub(crate) use output::{EventsFlag, MaskFlag, OutputFileFlag, OutputFlags, ProgressFlag};
pub(crate) use partial::{PartialFlags, SavedOutput};
pub(crate) use permissions::PermissionFlags;
pub(crate) use plain::PlainArguments;
pub(crate) use profile::ProfileFlags;
pub(crate) use repetition::{RepetitionFlags, ShardFlag};
#[cfg(feature = "restate")]
pub(crate) use restate::{EngineAdminFlag, EngineFlag, NamedDocument, StartFlags, WorkerFlags};
pub(crate) use run::{CallFlags, ReplayFlags, RunFlags};
pub(crate) use runs::{
    ResumeFlags, RunName, RunsCommand, RunsExportFlags, RunsFlags, RunsListFlags, RunsRemoveFlags, RunsShowFlags,
    Unknown,
};
pub(crate) use schema::SchemaFlags;
pub(crate) use server::ServerFlags;
pub(crate) use several::SeveralFlags;
pub(crate) use test::TestFlags;
pub(crate) use values::{TypedHeader, header_line};
pub(crate) use verbosity::VerbosityFlags;

/// Run Arazzo workflows: sequences of API calls described in YAML.
#[derive(Debug, Parser)]
#[command(name = "arazzo", version, propagate_version = true, arg_required_else_help = true)]
#[command(disable_help_subcommand = true)]
#[command(
    before_long_help = "Examples:\n  arazzo inspect specs/daytona-provision.yml\n  arazzo lint flow.yaml\n  arazzo run flow.yaml --input name=value\n  arazzo run flow.yaml --dry-run\n  arazzo flow.yaml                                  the same as arazzo run flow.yaml",
    after_help = "arazzo help COMMAND; other pages: arazzo help flags, exit-codes, environment, inputs, output"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) common: CommonFlags,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every command.
#[derive(Debug, Args)]
pub(crate) struct CommonFlags {
    /// Colour: in terminals, always or never (NO_COLOR and CLICOLOR_FORCE are honoured)
    #[arg(long, global = true, hide_short_help = true, value_enum, default_value_t = Color::Auto, env = "ARAZZO_COLOR", hide_env_values = true)]
    pub(crate) color: Color,
}

/// Those that a person needs most days, in the order of a day, then the others.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(Box<RunFlags>),
    Lint(LintFlags),
    Fmt(FmtFlags),
    Test(Box<TestFlags>),
    Inspect(InspectFlags),
    Call(Box<CallFlags>),
    Mock(MockFlags),
    Graph(GraphFlags),
    Report(ReportFlags),
    Replay(ReplayFlags),
    Explain(ExplainFlags),
    Help(HelpFlags),
    Runs(RunsFlags),
    #[cfg(feature = "restate")]
    Worker(Box<WorkerFlags>),
    #[cfg(feature = "restate")]
    Start(Box<StartFlags>),
    #[cfg(feature = "lsp")]
    Lsp(lsp::LspFlags),
    Schema(SchemaFlags),
    Completions(CompletionsFlags),
    Man(ManFlags),
}

/// Adds the flags of a command to it.
type Augment = fn(clap::Command) -> clap::Command;

/// Commands that run often, so that a moment counts, with what puts their flags together.
const OFTEN: [(&str, Augment); 5] = [
    ("run", RunFlags::augment_args),
    ("lint", LintFlags::augment_args),
    ("fmt", FmtFlags::augment_args),
    ("test", TestFlags::augment_args),
    ("call", CallFlags::augment_args),
];

/// The tree with one command alone, for those that run often: to put all of them together takes longer than to read a
/// small document. It reads every command line of that command as the whole tree does, and says nothing as that does:
/// what it refuses is read again.
pub(crate) fn alone(name: &OsStr) -> Option<clap::Command> {
    let (name, augment) = OFTEN.into_iter().find(|(often, _)| name == *often)?;
    Some(CommonFlags::augment_args(clap::Command::new("arazzo")).subcommand(augment(clap::Command::new(name))))
}

/// Flags that `-h` shows of commands with many, so that it fits a screen; `--help` has them all. In the order of letters.
const EVERYDAY: [&str; 21] = [
    "auth",
    "bearer",
    "dry_run",
    "fields",
    "from",
    "headers",
    "inputs",
    "json",
    "listen",
    "mock",
    "output",
    "quiet",
    "reports",
    "restate",
    "restate_admin",
    "secrets",
    "servers",
    "unknown",
    "verbose",
    "wait",
    "with_response",
];

/// A flag of such a command: `-h` has the gist of those of most days.
fn everyday(arg: Arg) -> Arg {
    let shown = arg.is_positional() || EVERYDAY.binary_search(&arg.get_id().as_str()).is_ok();
    let arg = arg.hide_short_help(!shown);
    match (arg.get_help(), arg.get_long_help()) {
        (Some(help), None) if shown => {
            let whole = help.to_string();
            let gist = [": ", "; ", ". "].iter().filter_map(|end| whole.find(end)).min().and_then(|at| whole.get(..at));
            let gist = gist.unwrap_or(&whole).to_owned();
            arg.help(gist).long_help(whole)
        }
        _ => arg,
    }
}

/// What `-h` says about the flags that it does not show.
const MORE: &str = "All flags: --help; by what they are for: arazzo help flags";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn a_command_alone_has_the_flags_that_it_has_among_all() {
        assert!(EVERYDAY.is_sorted());
        let whole = Arguments::command();
        for (name, _) in OFTEN {
            let alone = alone(OsStr::new(name)).unwrap_or_default();
            for (alone, among) in
                [(Some(&alone), Some(&whole)), (alone.find_subcommand(name), whole.find_subcommand(name))]
            {
                let flags = |command: Option<&clap::Command>| {
                    command.map(|command| command.get_arguments().map(|flag| format!("{flag:?}")).collect::<Vec<_>>())
                };
                assert!(flags(alone).is_some());
                assert_eq!(flags(alone), flags(among), "{name}");
            }
        }
        assert!(alone(OsStr::new("flow.yaml")).is_none());
    }
}
