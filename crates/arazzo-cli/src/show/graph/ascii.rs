//! A graph for terminals: one line a step and one an exit, at most as wide as the terminal.

use arazzo::plan::{Edge, Graph};
use arazzo::report::flow::{Walk, condition, target};
use arazzo::report::text::{columns, cut, safe};

/// The lines of a graph, in letters that every terminal has.
pub(crate) fn document(graph: &Graph, walk: Option<&Walk>, width: usize) -> String {
    let mut lines = vec![safe(&graph.workflow), String::new()];
    lines.extend(graph.dependencies.iter().map(|name| format!("  first workflow {}", safe(name))));
    let names = graph.steps.iter().map(|step| columns(&safe(&step.step))).max().unwrap_or(0).clamp(1, 32);
    let count = |times: u32| if times > 0 { format!("{times}x") } else { String::new() };
    if let (Some(entry), true) = (graph.entry, graph.entry != Some(0)) {
        lines.push(format!("  begins with {}", safe(&target(graph, &Edge::Step(entry)))));
    }
    for (place, step) in graph.steps.iter().enumerate() {
        let walked = walk.map(|walk| walk.of(place));
        let visits = match &walked {
            Some(walked) => format!("{:>5} ", count(walked.visits)),
            None => "  ".to_owned(),
        };
        let failed = walked.as_ref().is_some_and(|walked| {
            walked.status == Some(arazzo::events::StepStatus::Failed)
                && walked.exits.iter().zip(&step.exits).all(|(n, e)| *n == 0 || !e.on_failure)
        });
        let mark = if failed { "  FAILED" } else { "" };
        lines.push(format!("{visits}{}  {}{mark}", padded(&safe(&step.step), names), safe(&step.does)));
        let follows = |way: &Edge| matches!(way, Edge::Step(to) if *to == place + 1);
        let shown: Vec<_> = step
            .exits
            .iter()
            .enumerate()
            .filter(|(_, exit)| {
                exit.action.is_some() || (!follows(&exit.to) && (exit.to != Edge::End || place + 1 < graph.steps.len()))
            })
            .collect();
        let called = |exit: &arazzo::plan::Exit| {
            let sign = if exit.on_failure { "! " } else { "" };
            format!("{sign}{}", safe(exit.action.as_deref().unwrap_or("then")))
        };
        let exits = shown.iter().map(|(_, exit)| columns(&called(exit))).max().unwrap_or(0).min(24);
        let targets = shown.iter().map(|(_, exit)| columns(&safe(&target(graph, &exit.to)))).max().unwrap_or(0).min(30);
        for (index, exit) in shown {
            let taken = match &walked {
                Some(walked) => format!("{:>5} ", count(walked.taken(index))),
                None => "  ".to_owned(),
            };
            let head = format!(
                "{taken}|  {} -> {}",
                padded(&called(exit), exits),
                padded(&safe(&target(graph, &exit.to)), targets)
            );
            let room = width.saturating_sub(columns(&head) + 2).max(12);
            lines.push(format!("{head}  {}", shortened(&safe(&condition(exit)), room)).trim_end().to_owned());
        }
        let next = step
            .exits
            .iter()
            .position(|exit| exit.action.is_none() && (follows(&exit.to) || place + 1 == graph.steps.len()));
        let margin = if walk.is_some() { "      " } else { "  " };
        if let Some(next) = next {
            let taken = walked.as_ref().map_or(0, |walked| walked.taken(next));
            let margin = if taken > 0 { format!("{:>5} ", count(taken)) } else { margin.to_owned() };
            lines.push(format!("{margin}v"));
        } else {
            lines.push(String::new());
        }
    }
    lines.push(format!("{}end", if walk.is_some() { "      " } else { "  " }));
    lines.join("\n")
}

fn padded(text: &str, width: usize) -> String {
    let text = shortened(text, width);
    let missing = width.saturating_sub(columns(&text));
    format!("{text}{}", " ".repeat(missing))
}

/// The beginning of a text, at most this wide; three full stops are what every terminal has.
fn shortened(text: &str, width: usize) -> String {
    if columns(text) <= width { text.to_owned() } else { cut(text, width.saturating_sub(2)).replace('…', "...") }
}
