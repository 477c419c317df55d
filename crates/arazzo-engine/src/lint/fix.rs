//! Fixes of diagnostics → the repaired text. Everything that no edit names stays byte for byte.

use crate::diagnostic::{Diagnostic, Edit};
use crate::source::SourceId;

/// A text with fixes made in it.
#[derive(Debug, Clone)]
pub struct Fixed {
    /// The whole text.
    pub text: String,
    /// Which of the diagnostics were repaired, by index.
    pub made: Vec<usize>,
}

/// Makes the fixes of these diagnostics in `text`, which is that of `source`. A fix that overlaps an earlier one, or
/// that is also in another text, is left for later.
#[must_use]
pub fn fix(text: &str, source: SourceId, json: bool, diagnostics: &[&Diagnostic]) -> Fixed {
    let mut taken: Vec<(usize, usize, String)> = vec![];
    let mut made = vec![];
    for (index, diagnostic) in diagnostics.iter().enumerate() {
        let Some(fix) = &diagnostic.fix else { continue };
        let edits: Vec<(usize, usize, String)> = fix
            .edits
            .iter()
            .filter(|edit| edit.span.source == source && text.get(edit.span.range()).is_some())
            .map(|edit| (edit.span.start as usize, edit.span.end as usize, written(text, edit, json)))
            .collect();
        let free = |(start, end, _): &(usize, usize, String)| {
            taken.iter().all(|(from, to, _)| end < from || to < start || (end == from || to == start) && start != from)
        };
        if edits.len() == fix.edits.len() && !edits.is_empty() && edits.iter().all(free) {
            taken.extend(edits);
            made.push(index);
        }
    }
    taken.sort_by_key(|(start, ..)| std::cmp::Reverse(*start));
    let mut text = text.to_owned();
    for (start, end, new) in taken {
        text.replace_range(start..end, &new);
    }
    Fixed { text, made }
}

/// The text of an edit as its document writes strings: fixes are written in YAML.
fn written(text: &str, edit: &Edit, json: bool) -> String {
    let old = text.get(edit.span.range()).unwrap_or_default();
    let quoted = old.starts_with('"') && old.ends_with('"') && old.len() > 1;
    let is_object = serde_json::from_str::<serde_json::Value>(&edit.text).is_ok_and(|value| value.is_object());
    if !json || !quoted || is_object || edit.text.starts_with('"') {
        return edit.text.clone();
    }
    let scalar = edit.text.parse::<f64>().is_ok() || matches!(edit.text.as_str(), "true" | "false" | "null");
    match edit.text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
        Some(inner) => crate::value::Json::String(inner.replace("''", "'")).to_string(),
        None if scalar => edit.text.clone(),
        None => crate::value::Json::String(edit.text.clone()).to_string(),
    }
}
