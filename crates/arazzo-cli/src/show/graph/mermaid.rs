//! A graph in the language of Mermaid, which GitHub and GitLab draw.

use arazzo::plan::{Edge, Graph};
use arazzo::report::flow::{Walk, condition, target};
use arazzo::report::text::{cut, safe};

/// The length of a text that is shown, in characters.
const LONGEST: usize = 120;

/// The diagram. Steps are called `s0`, `s1`, …, so that no name of a step is a word of the language.
pub(crate) fn document(graph: &Graph, walk: Option<&Walk>) -> String {
    let mut lines = vec!["flowchart TD".to_owned(), format!("  start([\"{}\"])", text(&graph.workflow))];
    let mut before = "start".to_owned();
    for (number, name) in graph.dependencies.iter().enumerate() {
        lines.push(format!("  d{number}[[\"first workflow {}\"]]", text(name)));
        lines.push(format!("  {before} --> d{number}"));
        before = format!("d{number}");
    }
    for (place, step) in graph.steps.iter().enumerate() {
        let visits = walk.map(|walk| walk.of(place).visits).filter(|visits| *visits > 1);
        let visits = visits.map(|visits| format!(" ×{visits}")).unwrap_or_default();
        lines.push(format!("  s{place}[\"{}{visits}<br/>{}\"]", text(&step.step), text(&step.does)));
    }
    if let Some(entry) = graph.entry {
        lines.push(format!("  {before} --> s{entry}"));
    }
    lines.push("  done([end])".to_owned());
    let (mut edges, mut taken) = (usize::from(graph.entry.is_some()) + graph.dependencies.len(), vec![]);
    for (place, step) in graph.steps.iter().enumerate() {
        for (index, exit) in step.exits.iter().enumerate() {
            let count = walk.map_or(0, |walk| walk.of(place).taken(index));
            let mut words = exit.action.as_deref().map(text).unwrap_or_default();
            let condition = condition(exit);
            if !condition.is_empty() {
                words.push_str(&format!(": {}", text(&condition)));
            }
            if let Edge::Retry { .. } = exit.to {
                words.push_str(&format!("<br/>{}", text(&target(graph, &exit.to))));
            }
            if count > 1 || (count == 1 && !words.is_empty()) {
                words.push_str(&format!(" ×{count}"));
            }
            let to = match &exit.to {
                Edge::Step(to) => format!("s{to}"),
                Edge::End => "done".to_owned(),
                Edge::Retry { .. } => format!("s{place}"),
                Edge::Workflow(name) => {
                    lines.push(format!("  w{place}x{index}[[\"workflow {}\"]]", text(name)));
                    format!("w{place}x{index}")
                }
            };
            let line = if exit.on_failure { "-.->" } else { "-->" };
            let words = if words.is_empty() { String::new() } else { format!("|\"{words}\"| ") };
            lines.push(format!("  s{place} {line}{words}{}{to}", if words.is_empty() { " " } else { "" }));
            if count > 0 {
                taken.push(edges.to_string());
            }
            edges += 1;
        }
    }
    if let Some(walk) = walk {
        let visited: Vec<String> = (0..graph.steps.len())
            .filter(|place| walk.of(*place).visits > 0)
            .map(|place| format!("s{place}"))
            .collect();
        lines.push("  classDef visited stroke:#1f7a4d,stroke-width:2px".to_owned());
        if !visited.is_empty() {
            lines.push(format!("  class {} visited", visited.join(",")));
        }
        if !taken.is_empty() {
            lines.push(format!("  linkStyle {} stroke:#1f7a4d,stroke-width:2px", taken.join(",")));
        }
    }
    lines.join("\n")
}

/// Text inside a quoted label: what means something to Mermaid, to Markdown or to HTML is written as a number.
fn text(text: &str) -> String {
    let mut label = String::new();
    let cut = cut(&safe(text), LONGEST);
    let mut rest = cut.chars().peekable();
    while let Some(c) = rest.next() {
        let plain = c.is_alphanumeric()
            || matches!(c, ' ' | '.' | ',' | '-' | '_' | '/' | ':' | '=' | '!' | '?' | '\'' | '(' | ')' | '…' | '×');
        // Two of these would begin a formula.
        let dollar = c == '$' && rest.peek() != Some(&'$');
        if plain || dollar || matches!(c, '{' | '}' | '[' | ']' | '|') {
            label.push(c);
        } else {
            label.push_str(&format!("#{};", u32::from(c)));
        }
    }
    label
}
