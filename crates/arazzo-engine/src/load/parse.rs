//! The bytes of a document → its tree: YAML, or JSON where its name says so.

use std::sync::Arc;

use super::{Content, Fetched};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::node::{Anchors, Node, NodeLimits};
use crate::source::{Source, SourceId, Sources, Span};

/// Bytes from which on a YAML document is read in parts, if it can be.
const LARGE: usize = 256 << 10;

/// Reads one document of any kind: YAML, or JSON if its name says so. The text is added to `sources`, also if it is
/// wrong.
///
/// # Errors
/// Why there is no tree.
pub fn parse(sources: &mut Sources, fetched: Fetched, limits: NodeLimits) -> Result<(SourceId, Node), Diagnostics> {
    let id = add(sources, fetched)?;
    parse_added(sources, id, limits).map(|(node, _)| (id, node))
}

/// Adds the text of a document to `sources`.
///
/// # Errors
/// Why it is no text.
pub(super) fn add(sources: &mut Sources, fetched: Fetched) -> Result<SourceId, Diagnostics> {
    let text: Arc<str> = match fetched.content {
        Content::Text(text) => text,
        Content::Bytes(bytes) => {
            let text = String::from_utf8(bytes).map_err(|error| {
                let at = error.utf8_error().valid_up_to();
                let message = format!("`{}` is not UTF-8 text (byte {at})", fetched.name);
                Diagnostics::from(Diagnostic::error(Code::NotUtf8, None, message).help("save it as UTF-8".to_owned()))
            })?;
            text.into()
        }
    };
    let text = text.strip_prefix('\u{feff}').map(Arc::from).unwrap_or(text);
    Ok(sources.add(fetched.name, fetched.uri, text))
}

/// Reads a text that was added, with how it shares values; of a large one only what is looked at, if it can be.
pub(super) fn parse_added(sources: &Sources, id: SourceId, limits: NodeLimits) -> Result<(Node, Anchors), Diagnostics> {
    match sources.get(id) {
        Some(source) if is_json(source) => Ok((parse_source(sources, id, limits)?, Anchors::default())),
        Some(source) if source.text.len() > LARGE => Node::parse_deferred(sources, id, limits),
        _ => Node::parse_with_anchors(sources, id, limits),
    }
}

/// Reads a text that is one of the sources: YAML, or JSON if its name says so.
///
/// # Errors
/// Why there is no tree.
pub fn parse_source(sources: &Sources, id: SourceId, limits: NodeLimits) -> Result<Node, Diagnostics> {
    if !sources.get(id).is_some_and(is_json) {
        return Node::parse(sources, id, limits);
    }
    match json_fault(sources, id) {
        Some(fault) => Err(Diagnostics::from(fault)),
        None => Node::parse_json(sources, id, limits),
    }
}

pub(super) fn is_json(source: &Source) -> bool {
    source.name.ends_with(".json")
}

/// What is JSON by its name must be JSON: YAML would read more, such as a value that is missing.
fn json_fault(sources: &Sources, id: SourceId) -> Option<Diagnostic> {
    let source = sources.get(id)?;
    let error = serde_json::from_str::<serde::de::IgnoredAny>(&source.text).err()?;
    // Serde counts columns in bytes.
    let line: usize = source.text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let at = line + error.column().saturating_sub(1);
    let at = (0..=at.min(source.text.len())).rev().find(|at| source.text.is_char_boundary(*at))?;
    let span = Span::new(id, at..at);
    // Serde's own words end with the place, which is said already.
    let words = error.to_string();
    let words = words.split(" at line ").next().unwrap_or_default();
    Some(Diagnostic::error(Code::JsonSyntax, span, format!("not valid JSON: {words}")))
}
