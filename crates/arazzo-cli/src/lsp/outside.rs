//! What an editor shows around a text: its style, what folds, links, commands above workflows, words behind operations.

use std::path::Path;

use arazzo::diagnostics::{Sources, Span};
use arazzo::formatting::{Unformatted, format};
use arazzo::index::{Outlined, SymbolKind};
use gen_lsp_types::{Range, TextEdit};
use serde_json::{Value, json};

use super::text::Lines;
use super::workspace::{Workspace, source_of};

/// The edit after which a document is in the style; nothing where it is, or cannot be read as it is.
///
/// # Errors
/// Why it stays as it is.
pub(super) fn formatting(workspace: &Workspace, path: &Path) -> Result<Option<TextEdit>, String> {
    let Some(buffer) = workspace.buffers.get(path) else { return Ok(None) };
    let mut sources = Sources::default();
    let id = sources.add(path.display().to_string(), buffer.uri.clone(), buffer.text.clone());
    match format(&sources, id) {
        Ok(after) => Ok(smallest(workspace, &buffer.text, &after)),
        // Said by diagnostics already.
        Err(Unformatted::Unread(_)) => Ok(None),
        Err(reason) => Err(format!("the document stays as it is: {reason}")),
    }
}

/// The smallest edit that makes one text of another; nothing if they are the same.
pub(super) fn smallest(workspace: &Workspace, text: &str, after: &str) -> Option<TextEdit> {
    if text == after {
        return None;
    }
    let mut start = text.bytes().zip(after.bytes()).take_while(|(old, new)| old == new).count();
    while !text.is_char_boundary(start) || !after.is_char_boundary(start) {
        start -= 1;
    }
    let most = (text.len() - start).min(after.len() - start);
    let ends = text.bytes().rev().zip(after.bytes().rev());
    let mut end = ends.take(most).take_while(|(old, new)| old == new).count();
    while !text.is_char_boundary(text.len() - end) || !after.is_char_boundary(after.len() - end) {
        end -= 1;
    }
    let range = Lines::new(text, workspace.encoding).range(start..text.len() - end);
    Some(TextEdit { range, new_text: after.get(start..after.len() - end)?.to_owned() })
}

/// Workflows and steps that are longer than a line.
pub(super) fn folds(workspace: &Workspace, path: &Path) -> Vec<Value> {
    let mut found = vec![];
    let _ = outlined(workspace, path, |lines, entry| {
        let range = lines.range(entry.span.range());
        if range.end.line > range.start.line {
            found.push(json!({ "startLine": range.start.line, "endLine": range.end.line }));
        }
    });
    found
}

/// Commands of the client, and what they are called.
const COMMANDS: [(&str, &str); 4] = [
    ("arazzo.run", "Run"),
    ("arazzo.mock", "Run with mock"),
    ("arazzo.replay", "Replay last"),
    ("arazzo.graph", "Graph"),
];

/// Commands above each workflow, which the client knows: run it, run it with the mock, replay its last run, show its graph.
pub(super) fn lenses(workspace: &Workspace, path: &Path) -> Vec<Value> {
    let mut found = vec![];
    let Some(uri) = workspace.uri_of(path) else { return found };
    let _ = outlined(workspace, path, |lines, entry| {
        if entry.kind == SymbolKind::Workflow {
            let range = lines.range(entry.name_span.range());
            for (command, title) in COMMANDS {
                let command =
                    json!({ "title": title, "command": command, "arguments": [uri.as_str(), entry.name.as_str()] });
                found.push(json!({ "range": range, "command": command }));
            }
        }
    });
    found
}

/// Visits what is in the outline of a document.
fn outlined(workspace: &Workspace, path: &Path, mut visit: impl FnMut(&Lines<'_>, &Outlined)) -> Option<()> {
    let index = workspace.index_or_last(path)?;
    let source = source_of(index.sources(), path)?;
    let lines = Lines::new(&index.sources().get(source)?.text, workspace.encoding);
    let outline = index.outline(source);
    let mut left: Vec<&Outlined> = outline.iter().rev().collect();
    while let Some(entry) = left.pop() {
        visit(&lines, entry);
        left.extend(entry.children.iter().rev());
    }
    Some(())
}

/// The urls of source descriptions, with the files that they lead to, and each `$ref`, with the line of its target.
pub(super) fn links(workspace: &Workspace, path: &Path) -> Vec<Value> {
    let Some(index) = workspace.index_or_last(path) else { return vec![] };
    let Some(source) = source_of(index.sources(), path) else { return vec![] };
    let link = |(span, to): (Span, Span)| {
        let location = workspace.location(index.sources(), to)?;
        let start = location.range.start;
        // As editors write a place in a file; a whole document has none.
        let fragment = if to.range().is_empty() { String::new() } else { format!("#L{}", start.line + 1) };
        let range = workspace.range(index.sources(), span);
        Some(json!({ "range": range, "target": format!("{}{fragment}", location.uri.0) }))
    };
    index.links(source).into_iter().filter_map(link).collect()
}

/// Behind each operation that a step names: its method and path; behind the value of each output: its type.
pub(super) fn hints(workspace: &Workspace, path: &Path, within: Option<Range>) -> Vec<Value> {
    let Some(index) = workspace.index(path) else { return vec![] };
    let Some(source) = source_of(index.sources(), path) else { return vec![] };
    let text = index.sources().get(source).map(|source| source.text.clone()).unwrap_or_default();
    let lines = Lines::new(&text, workspace.encoding);
    let byte = |position| u32::try_from(lines.offset(position)).unwrap_or(u32::MAX);
    let within = within.map_or(0..u32::MAX, |range| byte(range.start)..byte(range.end));
    let hint = |(span, words): (Span, String)| json!({ "position": lines.position(span.range().end), "label": words, "paddingLeft": true });
    index.notes(source, within).into_iter().map(hint).collect()
}
