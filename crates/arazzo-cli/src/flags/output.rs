//! The output of a run, and the files that it leaves.

use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;

use super::values::size;
use super::{EventBodiesFlag, VerbosityFlags};
use crate::requested::{JsonForm, ProgressForm, RequestedReport};

/// Texts that are printed, and files that are written.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputFlags {
    #[command(flatten)]
    pub(crate) events: EventsFlag,
    /// Write a report: html, junit, tap, har, md or json
    ///
    /// md is a summary for a CI job. To a file, into a folder (arazzo-report/ without a path), or with =- to stdout, in the place of the outputs.
    /// Repeatable.
    #[arg(help_heading = "Reports", long = "report", value_name = "FMT[=PATH]", conflicts_with = "dry_run")]
    pub(crate) reports: Vec<RequestedReport>,
    /// Keep at most this much of each body in a HAR report: 500000, 64KiB, 10MiB; of all bodies together it keeps 64MiB
    #[arg(help_heading = "Reports", long, value_name = "SIZE", default_value = "1MiB", env = "ARAZZO_HAR_BODIES", hide_env_values = true, value_parser = size)]
    pub(crate) har_bodies: u64,
    /// Write what was sent and what came to a file, without secrets: `arazzo replay FILE` runs it again without a server
    #[arg(help_heading = "Reports", long, value_name = "FILE", conflicts_with = "dry_run")]
    pub(crate) record: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) bodies: EventBodiesFlag,
    #[command(flatten)]
    pub(crate) mask: MaskFlag,
    #[command(flatten)]
    pub(crate) file: OutputFileFlag,
    #[command(flatten)]
    pub(crate) progress: ProgressFlag,
    #[command(flatten)]
    pub(crate) verbosity: VerbosityFlags,
}

/// Events in the place of outputs.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct EventsFlag {
    /// Print JSON instead of the outputs: events, one a line, or result, one object at the end (outputs, why it failed
    /// with the response and a command, what is left behind)
    #[arg(long, value_name = "FORM", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "events", hide_possible_values = true)]
    pub(crate) json: Option<JsonForm>,
}

/// The file that outputs are written to.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputFileFlag {
    /// Write the outputs to a file instead of stdout
    #[arg(short, long, value_name = "FILE", conflicts_with = "json")]
    pub(crate) output: Option<PathBuf>,
}

/// Outputs as events show them.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct MaskFlag {
    /// Print outputs with secrets masked, as events show them; for logs that others read
    #[arg(long, env = "ARAZZO_MASK_OUTPUTS", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub(crate) mask_outputs: bool,
}

/// The form of progress.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct ProgressFlag {
    /// How progress is shown: a tree that moves (what auto means in a terminal, but not in CI), one line a finished step
    /// (what auto means elsewhere), or none
    #[arg(long, value_name = "FORM", value_enum, default_value_t = ProgressForm::Auto, hide_possible_values = true, env = "ARAZZO_PROGRESS", hide_env_values = true)]
    pub(crate) progress: ProgressForm,
}
