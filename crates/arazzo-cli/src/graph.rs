//! `arazzo graph`: the flow of a workflow, and the path that a run took through it.

use arazzo::plan::Graph;
use arazzo::report::flow::Walk;
use arazzo::report::svg;
use arazzo::values::Json;
use arazzo::{Description, Error, json};

use crate::flags::{GraphFlags, GraphFormat};
use crate::inputs::{self, Stdin};
use crate::meant;
use crate::show::graph::{ascii, dot, mermaid};
use crate::show::{Screen, width};
use crate::{exit, kept_events};

/// Runs the command; the result is the exit code.
pub(crate) fn graph(flags: &GraphFlags, screen: &mut Screen) -> u8 {
    let (graph, walk, faulty) = match read(flags, screen) {
        Ok(read) => read,
        Err(error) => return screen.error(&error),
    };
    let walk = walk.as_ref();
    let text = match flags.format() {
        GraphFormat::Ascii => ascii::document(&graph, walk, width()),
        GraphFormat::Mermaid => mermaid::document(&graph, walk),
        GraphFormat::Dot => dot::document(&graph, walk),
        GraphFormat::Svg => svg(&graph, walk),
        GraphFormat::Json => json(&graph, walk),
    };
    match (screen.data(&text), faulty) {
        (_, true) => exit::DOCUMENT,
        (Err(error), false) => {
            screen.fault("output", &format!("the graph could not be written: {error}"), None);
            exit::OUTPUT
        }
        (Ok(()), false) => exit::SUCCEEDED,
    }
}

/// The graph for programs; with a run, how often each step was entered and each way was taken.
fn json(graph: &Graph, walk: Option<&Walk>) -> String {
    let mut object = Json::from(serde_json::to_value(graph).unwrap_or_default());
    if let Json::Object(members) = &mut object {
        members.insert("v".to_owned(), json!(1));
        if let Some(walk) = walk {
            let walked = (0..graph.steps.len()).map(|step| walk.of(step));
            let walked = walked.map(|step| json!({ "visits": step.visits, "taken": step.exits }));
            members.insert("walk".to_owned(), json!(walked.collect::<Vec<_>>()));
        }
    }
    object.to_string()
}

/// The graph, the path, and whether the document has faults: a graph helps to find them.
fn read(flags: &GraphFlags, screen: &mut Screen) -> Result<(Graph, Option<Walk>, bool), Error> {
    let run = flags.run.as_deref().map(kept_events::record).transpose()?;
    let document = &flags.document.document;
    let text = inputs::document_text(&flags.document, &mut Stdin::new(true))?;
    let read = flags.document.builder(text.as_deref()).load_blocking();
    let description = read.map_err(|error| meant::with_hint(error, document))?;
    let wanted = flags.workflow.as_deref().or(run.as_ref().map(|run| run.workflow.as_str()));
    let graph = chosen(&description, wanted)?;
    let walk = match &run {
        Some(run) if run.attempts.iter().all(|attempt| attempt.workflow != graph.workflow) => {
            return Err(Error::Setup(format!("--run: workflow `{}` did not run in it", graph.workflow)));
        }
        run => run.as_ref().map(|run| Walk::new(&graph, run)),
    };
    let found = description.diagnostics();
    if found.has_errors() {
        screen.diagnostics(&found, description.sources());
    }
    Ok((graph, walk, found.has_errors()))
}

fn chosen(description: &Description, wanted: Option<&str>) -> Result<Graph, Error> {
    let only = || description.workflows().next().filter(|_| description.workflows().count() == 1);
    match wanted.or_else(only).and_then(|name| description.graph(name)) {
        Some(graph) => Ok(graph),
        // Says which there are.
        None => {
            Err(description.workflow(wanted).err().unwrap_or_else(|| Error::Setup("there is no workflow".to_owned())))
        }
    }
}
