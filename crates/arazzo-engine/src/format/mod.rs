//! A document → the same document in one style: fields in the order of the specification, two blanks for each level,
//! quotes where they are needed. What it means stays, and so does every comment: what comes out is read again and compared,
//! and a document of which that is not so is not formatted.

use crate::diagnostic::Diagnostics;
use crate::index::field_order;
use crate::load::parse_source;
use crate::node::{Kind, Node, layout};
use crate::source::{SourceId, Sources, Span};

mod json;
mod print;
mod scalar;

/// Why a document was left as it is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Unformatted {
    /// It cannot be read.
    Unread(Diagnostics),
    /// It is no Arazzo document: nothing is called `arazzo` at its root.
    Other,
    /// It is written in a way that is not known here: where, and what stands there.
    Unknown(Span, &'static str),
    /// What came out would not mean the same, or would lack a comment.
    Unsure,
}

impl std::fmt::Display for Unformatted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unread(_) => write!(f, "it cannot be read"),
            Self::Other => write!(f, "it is no Arazzo document: it has no `arazzo` at its root"),
            Self::Unknown(_, what) => write!(f, "it has {what}"),
            Self::Unsure => write!(f, "it would not mean the same as it is written here"),
        }
    }
}

/// The text of a document in the style of the specification.
///
/// # Errors
/// [`Unformatted`] where that is not sure to mean the same.
pub fn format(sources: &Sources, id: SourceId) -> Result<String, Unformatted> {
    let text = sources.get(id).map(|source| source.text.clone()).unwrap_or_default();
    let root = parse_source(sources, id, Default::default()).map_err(Unformatted::Unread)?;
    if root.get("arazzo").is_none() {
        return Err(Unformatted::Other);
    }
    let breaks = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let before = text.replace("\r\n", "\n");
    let after = if before.trim_start().starts_with('{') {
        in_braces(&before, id)
    } else {
        // Where an alias would come to stand before its anchor, the order stays.
        in_lines(&before, &root, id, true).or_else(|_| in_lines(&before, &root, id, false))
    };
    Ok(after?.replace('\n', breaks))
}

fn parsed(text: &str) -> Result<Node, Unformatted> {
    let mut sources = Sources::default();
    let id = sources.add("", "", text);
    parse_source(&sources, id, Default::default()).map_err(|_| Unformatted::Unsure)
}

/// JSON, formatted and compared with what it was.
fn in_braces(before: &str, id: SourceId) -> Result<String, Unformatted> {
    let root = parsed(before)?;
    let no_json = Unformatted::Unknown(Span::new(id, 0..0), "braces at its root, and is no JSON");
    let after = json::print(&root, before).ok_or(no_json)?;
    let again = parsed(&after)?;
    let is_same =
        means_the_same(&root, &again, &mut vec![]) && json::print(&again, &after).is_some_and(|twice| twice == after);
    if is_same { Ok(after) } else { Err(Unformatted::Unsure) }
}

/// A text in lines, formatted and compared with what it was.
fn in_lines(before: &str, root: &Node, id: SourceId, ordered: bool) -> Result<String, Unformatted> {
    let unknown = |unknown: layout::Unknown| Unformatted::Unknown(Span::new(id, unknown.at..unknown.at), unknown.what);
    let once = |text: &str| layout::read(text).map(|layout| print::print(&layout, ordered)).map_err(unknown);
    let comments = |text: &str| {
        let mut found = layout::comments(text).map_err(unknown)?;
        found.sort_unstable();
        Ok(found)
    };
    let after = once(before)?;
    let is_same = means_the_same(root, &parsed(&after)?, &mut vec![])
        && comments(before)? == comments(&after)?
        && once(&after)? == after;
    if is_same { Ok(after) } else { Err(Unformatted::Unsure) }
}

/// `true` for the same values: the order of members counts where the specification gives none.
fn means_the_same(one: &Node, other: &Node, path: &mut Vec<String>) -> bool {
    match (&one.kind, &other.kind) {
        (Kind::Array(one), Kind::Array(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).enumerate().all(|(index, (one, other))| {
                    path.push(index.to_string());
                    let same = means_the_same(one, other, path);
                    path.pop();
                    same
                })
        }
        (Kind::Object(members), Kind::Object(others)) => {
            let ordered = field_order(path).is_some();
            members.len() == others.len()
                && members.iter().zip(others).all(|((name, value), (other_name, beside))| {
                    let found = if ordered { other.get(&name.name) } else { Some(beside) };
                    path.push(name.name.clone());
                    let same = (ordered || name.name == other_name.name)
                        && found.is_some_and(|found| means_the_same(value, found, path));
                    path.pop();
                    same
                })
        }
        (one, other) => one == other,
    }
}
