//! `arazzo runs`: runs that are kept in a journal.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::partial::saved_output;
use super::values::{age, duration, host_and_port, size};
use super::{
    EventsFlag, JournalFileFlag, ListenFlag, MORE, MaskFlag, NetworkFlags, OutputFileFlag, ProgressFlag, PromptFlag,
    SavedOutput, ServerFlags, VerbosityFlags, everyday,
};
use crate::exit;
use crate::requested::RequestedReport;

/// Look at the runs of a journal, and go on with those that have not come to their end
///
/// `arazzo run --journal` keeps a run while it runs. docs/journal.md says what is kept.
#[derive(Debug, Args)]
#[command(
    disable_help_subcommand = true,
    before_long_help = "Examples:\n  arazzo runs list\n  arazzo runs show 01K7\n  arazzo runs resume 01K7\n  arazzo runs rm --older 30d"
)]
pub(crate) struct RunsFlags {
    #[command(subcommand)]
    pub(crate) command: RunsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    List(RunsListFlags),
    Show(RunsShowFlags),
    Resume(Box<ResumeFlags>),
    Export(RunsExportFlags),
    Cancel(RunName),
    Rm(RunsRemoveFlags),
}

/// List runs, the newest first
#[derive(Debug, Args)]
pub(crate) struct RunsListFlags {
    /// Only runs that did not come to their end: failed, stopped, or interrupted
    #[arg(long, conflicts_with = "running")]
    pub(crate) failed: bool,
    /// Only runs that a process has
    #[arg(long)]
    pub(crate) running: bool,
    /// Print one JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) journal: JournalFileFlag,
    #[cfg(feature = "restate")]
    #[command(flatten)]
    pub(crate) engine: super::EngineAdminFlag,
}

/// Show what a run has done so far
#[derive(Debug, Args)]
pub(crate) struct RunsShowFlags {
    /// The run: its name, or how that begins
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
    /// Only what it had done by this event: its number, which is `seq` in --json
    #[arg(long, value_name = "N")]
    pub(crate) at: Option<u64>,
    /// Print the events as JSON, one a line, as `arazzo run --json` does
    #[arg(long)]
    pub(crate) json: bool,
    /// Write a report, as `arazzo run --report` does. Repeatable
    #[arg(long = "report", value_name = "FMT[=PATH]")]
    pub(crate) reports: Vec<RequestedReport>,
    #[command(flatten)]
    pub(crate) journal: JournalFileFlag,
    #[cfg(feature = "restate")]
    #[command(flatten)]
    pub(crate) engine: super::EngineAdminFlag,
}

/// Write a run as a recording, as `arazzo run --record` does: without its secrets, for `arazzo replay` and `arazzo test --init`
///
/// A run that has not come to its end is recorded as one that was interrupted where it is. Without -o, the recording goes to
/// stdout.
#[derive(Debug, Args)]
pub(crate) struct RunsExportFlags {
    /// The run: its name, or how that begins
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Print a JSON object about the file
    #[arg(long, requires = "output")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) journal: JournalFileFlag,
}

/// Go on with a run whose process has ended, or that was stopped
///
/// It runs the documents as they were when it began, with its limits and permissions. Of a run that has come to its end, the
/// outputs are printed again.
#[derive(Debug, Args)]
#[command(after_long_help = exit::TABLE)]
#[command(after_help = MORE, mut_args(everyday))]
pub(crate) struct ResumeFlags {
    /// The run: its name, or how that begins
    #[arg(value_name = "RUN", required_unless_present = "all")]
    pub(crate) run: Option<String>,
    /// Every run that can go on, the oldest first
    #[arg(long, conflicts_with_all = ["run", "from", "with_response", "output"])]
    pub(crate) all: bool,
    /// About a request that may not be sent twice, and of which it is not known whether it arrived: retry (send it again),
    /// fail (there is no answer: onFailure runs), skip (it was answered as --with-response says). Else it is asked for
    #[arg(long, value_enum, value_name = "DO", hide_possible_values = true)]
    pub(crate) unknown: Option<Unknown>,
    /// The answer that was not heard: a file with {"status": 201, "headers": {…}, "body": …}
    #[arg(long, value_name = "FILE")]
    pub(crate) with_response: Option<PathBuf>,
    /// Begin again at this step, with what the steps have given by now: for a run that failed
    #[arg(long, value_name = "STEP")]
    pub(crate) from: Option<String>,
    /// Run the documents as they are now, not as they were when the run began; refused if the run would not have come so far
    /// in the same way with them
    #[arg(long, conflicts_with = "all")]
    pub(crate) with_new_documents: bool,
    /// A host that may be called although no source names it: HOST, or HOST:PORT. Beside those that were allowed
    #[arg(long = "allow-host", value_name = "HOST", value_parser = host_and_port, help_heading = "What is allowed")]
    pub(crate) allowed_hosts: Vec<String>,
    /// Write an output of a step to a file when the run has ended, as `arazzo run --save` does. Repeatable
    #[arg(long, value_name = "STEP.OUTPUT=FILE", conflicts_with = "all", value_parser = saved_output, help_heading = "Output")]
    pub(crate) save: Vec<SavedOutput>,
    /// Another time for the whole run, without that in which no process had it
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
    /// Another number of attempts of steps
    #[arg(long, value_name = "N")]
    pub(crate) max_steps: Option<u32>,
    /// Another number of requests
    #[arg(long, value_name = "N")]
    pub(crate) max_requests: Option<u32>,
    /// Another number of workflows in progress
    #[arg(long, value_name = "N")]
    pub(crate) max_depth: Option<u32>,
    /// Another time that a server may ask to wait
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) max_wait: Option<Duration>,
    /// Another size of the body of an answer
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) max_body: Option<u64>,
    /// Another size of a text or a body that is built from values
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) max_value: Option<u64>,
    /// Another size of what is kept between steps
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) max_kept: Option<u64>,
    #[command(flatten)]
    pub(crate) listen: ListenFlag,
    #[command(flatten)]
    pub(crate) prompt: PromptFlag,
    #[command(flatten)]
    pub(crate) journal: JournalFileFlag,
    #[cfg(feature = "restate")]
    #[command(flatten)]
    pub(crate) engine: super::EngineFlag,
    #[command(flatten)]
    pub(crate) server: ServerFlags,
    #[command(flatten)]
    pub(crate) network: NetworkFlags,
    #[command(flatten)]
    pub(crate) events: EventsFlag,
    /// Write a report of the whole run, as `arazzo run --report` does. Repeatable
    #[arg(long = "report", value_name = "FMT[=PATH]")]
    pub(crate) reports: Vec<RequestedReport>,
    #[command(flatten)]
    pub(crate) mask: MaskFlag,
    #[command(flatten)]
    pub(crate) file: OutputFileFlag,
    #[command(flatten)]
    pub(crate) progress: ProgressFlag,
    #[command(flatten)]
    pub(crate) verbosity: VerbosityFlags,
}

/// What is done about a request in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Unknown {
    Retry,
    Fail,
    Skip,
}

/// Keep a run from going on; one that is running is stopped
#[derive(Debug, Args)]
pub(crate) struct RunName {
    /// The run: its name, or how that begins
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
    /// Print a JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) journal: JournalFileFlag,
    #[cfg(feature = "restate")]
    #[command(flatten)]
    pub(crate) engine: super::EngineAdminFlag,
}

/// Forget runs, with everything that is kept of them
#[derive(Debug, Args)]
pub(crate) struct RunsRemoveFlags {
    /// The runs: their names, or how those begin
    #[arg(value_name = "RUN", required_unless_present = "older", conflicts_with = "older")]
    pub(crate) runs: Vec<String>,
    /// All that were last written so long ago: 12h, 30d
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub(crate) older: Option<Duration>,
    /// Print a JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) journal: JournalFileFlag,
}
