//! Commands that show a document, or a run that was kept: `inspect`, `graph`, `report`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::DocumentFlags;
use crate::requested::RequestedReport;

/// Show what a document holds and what it will call: workflows, inputs, steps, outputs
///
/// Of an OpenAPI document it shows operations, servers and security schemes.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:\n  arazzo inspect flow.yaml\n  arazzo inspect openapi.yaml --json")]
pub(crate) struct InspectFlags {
    #[command(flatten)]
    pub(crate) document: DocumentFlags,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// Show the flow of a workflow: its steps, and the ways from one to another with their conditions
#[derive(Debug, Args)]
#[command(
    before_long_help = "Examples:\n  arazzo graph specs/daytona-provision.yml\n  arazzo graph flow.yaml --format svg > flow.svg\n  arazzo graph flow.yaml --run events.ndjson"
)]
pub(crate) struct GraphFlags {
    /// The workflow; not needed if the document has one, or with --run
    #[arg(value_name = "WORKFLOW", index = 2)]
    pub(crate) workflow: Option<String>,
    /// The form of the graph
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = GraphFormat::Ascii)]
    format: GraphFormat,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Show the path of a run: a file with what `arazzo run --json` printed (- is stdin)
    #[arg(long, value_name = "EVENTS")]
    pub(crate) run: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) document: DocumentFlags,
}

impl GraphFlags {
    pub(crate) fn format(&self) -> GraphFormat {
        if self.json { GraphFormat::Json } else { self.format }
    }
}

/// The forms of a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    /// Lines for a terminal
    Ascii,
    /// The language of Mermaid, which GitHub and GitLab draw
    Mermaid,
    /// The language of Graphviz
    Dot,
    /// A picture
    Svg,
    /// For programs
    Json,
}

/// Write reports of a run from its events: what `arazzo run --json` printed
#[derive(Debug, Args)]
#[command(
    before_long_help = "Examples:\n  arazzo run flow.yaml --json > events.ndjson\n  arazzo report events.ndjson html junit=out/junit.xml"
)]
pub(crate) struct ReportFlags {
    /// The events, one a line (- is stdin)
    #[arg(value_name = "EVENTS")]
    pub(crate) events: PathBuf,
    /// The reports, as `arazzo run --report` takes them: html, junit, tap, har, md or json, each to a file, into a folder,
    /// or to stdout (-)
    #[arg(value_name = "FMT[=PATH]", required = true)]
    pub(crate) reports: Vec<RequestedReport>,
    /// Print the files that were written as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
