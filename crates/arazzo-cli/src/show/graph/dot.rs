//! A graph in the language of Graphviz.

use arazzo::plan::{Edge, Graph};
use arazzo::report::flow::{Walk, condition, target};
use arazzo::report::text::{cut, safe};

/// The length of a text that is shown, in columns.
const LONGEST: usize = 80;

/// The graph.
pub(crate) fn document(graph: &Graph, walk: Option<&Walk>) -> String {
    let mut lines = vec![
        format!("digraph {} {{", quoted(&graph.workflow)),
        "  node [shape=box, style=rounded, fontname=\"sans-serif\", fontsize=12]".to_owned(),
        "  edge [fontname=\"sans-serif\", fontsize=10]".to_owned(),
        "  start [shape=circle, label=\"\", width=0.2, style=filled, fillcolor=black]".to_owned(),
        "  done [shape=doublecircle, label=\"\", width=0.15, style=filled, fillcolor=black]".to_owned(),
    ];
    let mut before = "start".to_owned();
    for (number, name) in graph.dependencies.iter().enumerate() {
        lines.push(format!("  d{number} [label={}, peripheries=2]", quoted(&format!("first workflow {name}"))));
        lines.push(format!("  {before} -> d{number}"));
        before = format!("d{number}");
    }
    for (place, step) in graph.steps.iter().enumerate() {
        let walked = walk.map(|walk| walk.of(place)).unwrap_or_default();
        let visits = if walked.visits > 1 { format!(" ×{}", walked.visits) } else { String::new() };
        let style = if walked.visits > 0 { ", color=\"#1f7a4d\", penwidth=2" } else { "" };
        lines.push(format!("  s{place} [label={}{style}]", quoted(&format!("{}{visits}\n{}", step.step, step.does))));
    }
    if let Some(entry) = graph.entry {
        lines.push(format!("  {before} -> s{entry}"));
    }
    for (place, step) in graph.steps.iter().enumerate() {
        for (index, exit) in step.exits.iter().enumerate() {
            let count = walk.map_or(0, |walk| walk.of(place).taken(index));
            let mut words: Vec<String> = exit.action.iter().cloned().collect();
            words.extend(Some(condition(exit)).filter(|condition| !condition.is_empty()));
            let to = match &exit.to {
                Edge::Step(to) => format!("s{to}"),
                Edge::End => "done".to_owned(),
                Edge::Retry { .. } => {
                    words.push(target(graph, &exit.to));
                    format!("s{place}")
                }
                Edge::Workflow(name) => {
                    let label = quoted(&format!("workflow {name}"));
                    lines.push(format!("  w{place}x{index} [label={label}, peripheries=2]"));
                    format!("w{place}x{index}")
                }
            };
            if count > 1 || (count == 1 && !words.is_empty()) {
                words.push(format!("×{count}"));
            }
            let mut with = vec![format!("label={}", quoted(&words.join("\n")))];
            if exit.on_failure {
                with.push("style=dashed".to_owned());
            }
            if count > 0 {
                with.push("color=\"#1f7a4d\", penwidth=2".to_owned());
            }
            lines.push(format!("  s{place} -> {to} [{}]", with.join(", ")));
        }
    }
    lines.push("}".to_owned());
    lines.join("\n")
}

/// A quoted name or label; lines of the label are lines.
fn quoted(text: &str) -> String {
    let lines: Vec<String> = text
        .split('\n')
        .map(|line| cut(&safe(line), LONGEST).replace('&', "&amp;").replace('\\', "\\\\").replace('"', "\\\""))
        .collect();
    format!("\"{}\"", lines.join("\\n"))
}
