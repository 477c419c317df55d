//! Reports that are kept: a run, folded from its events, as the text of a file.
//!
//! In go the events ([`RunRecord::add`]) and, where somebody has them, the things that events do not hold
//! ([`ReportContext`]); out comes text, masked as the events are. Nothing is written here.
//!
//! ```no_run
//! use arazzo::report::{self, ReportContext, RunRecord};
//!
//! # async fn example(workflow: arazzo::Workflow) -> Result<(), Box<dyn std::error::Error>> {
//! let mut record = RunRecord::of_plan(&workflow.plan());
//! workflow.run(arazzo::Inputs::new(), |event| record.add(event)).await?;
//! let context = ReportContext::of(workflow.description(), &record);
//! std::fs::write("report.html", report::html(&record, &context))?;
//! std::fs::write("junit.xml", report::junit(&record, &context))?;
//! # Ok(())
//! # }
//! ```
//!
//! A report is a file of this folder, with a line in [`KINDS`].

use arazzo_engine::graph::Graph;
use arazzo_engine::value::Json;

use crate::Description;

pub mod coverage;
mod curl;
mod failure;
pub mod flow;
mod har;
mod html;
mod json;
pub mod junit;
mod markdown;
mod markup;
pub mod result;
mod run_record;
mod sequence;
mod steps;
mod svg;
pub mod tap;
pub mod text;

pub use curl::{Variable, variable_name};
pub use failure::{explanation, left_behind};
pub use har::har;
pub use html::html;
pub use json::{changes_left, json};
pub use junit::junit;
pub use markdown::{markdown, summary_of_tests};
pub use run_record::{
    Action, Answer, Attempt, Criterion, Exchange, Finished, Frame, Gap, Note, RunRecord, Step, Verdict,
};
pub use svg::svg;
pub use tap::tap;

/// Columns of the place of a fault in a report.
const WIDTH: usize = 100;

/// All kinds of reports.
pub const KINDS: &[ReportKind] = &[html::KIND, junit::KIND, tap::KIND, har::KIND, markdown::KIND, json::KIND];

/// A kind of report, for who lets others choose one.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ReportKind {
    /// A word for it: `html`, `junit`, `tap`, `har`, `md`, `json`.
    pub name: &'static str,
    /// The name that its file has in a folder of reports: `report.html`.
    pub file: &'static str,
    /// The text of the report of a run.
    pub text: fn(&RunRecord, &ReportContext) -> String,
}

/// The things about a run that its events do not hold. A report goes without those that nobody has.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ReportContext {
    /// The flow of the workflow that was run; without it, as much of it as the run shows.
    pub graph: Option<Graph>,
    /// The place of the fault in the document, with a caret.
    pub snippet: Option<String>,
    /// The command that was typed, without secrets.
    pub command: Option<String>,
}

impl ReportContext {
    /// The flow, and the place of the fault if there is one, as the description of the run has them.
    #[must_use]
    pub fn of(description: &Description, run: &RunRecord) -> Self {
        let (graph, snippet) =
            (description.graph(&run.workflow), explanation(run, description.sources(), false, WIDTH));
        Self { graph, snippet, command: None }
    }

    /// With the command that was typed. It is shown as it is: it must hold no secret.
    #[must_use]
    pub fn command(mut self, command: impl Into<String>) -> Self {
        self.command = Some(command.into());
        self
    }
}

/// JSON for people and programs, with a line end.
fn pretty(json: &Json) -> String {
    serde_json::to_string_pretty(json).unwrap_or_default() + "\n"
}
