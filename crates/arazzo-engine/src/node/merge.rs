//! Merge keys (`<<`, YAML 1.1): not of YAML 1.2, and read by every other reader of this trade, so descriptions use them.
//!
//! An object takes over the members of the objects that `<<` names, but for those that it has itself; of several the
//! first wins.

use std::collections::HashSet;

use super::written::scalar_of;
use super::{Key, Kind, Node};
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// Values of a merge up to which it is written out in a fix.
const WRITTEN_OUT: usize = 64;

/// How a YAML text shares values between places.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Anchors {
    /// Its merge keys, in their order.
    pub merges: Vec<Merge>,
    /// Values that aliases stand for elsewhere: an edit in one of them changes all these places.
    pub shared: Vec<Span>,
}

/// A merge key that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Merge {
    /// The key.
    pub key: Span,
    /// The key with its value.
    pub span: Span,
    /// The text that says the same without a merge; nothing where that would leave out an anchor, or be long.
    pub written_out: Option<String>,
}

impl Anchors {
    /// `true` if a place is in a value that stands in other places too.
    #[must_use]
    pub fn shares(&self, place: Span) -> bool {
        let holds =
            |shared: &Span| shared.source == place.source && shared.start <= place.start && place.end <= shared.end;
        self.shared.iter().any(holds)
    }
}

/// A `<<` of an object that is being read.
pub(super) struct Pending {
    /// The members that stand before it.
    pub(super) at: usize,
    pub(super) key: Span,
    pub(super) value: Node,
    /// The end of its value, as it is written.
    pub(super) end: usize,
}

/// An object with what its merge keys brought.
pub(super) struct Merged {
    pub(super) members: Vec<(Key, Node)>,
    pub(super) merges: Vec<Merge>,
}

/// Puts what merge keys name among the members of an object, and says what was merged. `text` is the whole text.
///
/// # Errors
/// The fault of a merge key that names something else than objects.
pub(super) fn merge(
    own: Vec<(Key, Node)>,
    pending: Vec<Pending>,
    text: &str,
    flow: bool,
) -> Result<Merged, Box<Diagnostic>> {
    let mut known: HashSet<String> = own.iter().map(|(key, _)| key.name.clone()).collect();
    let mut members = Vec::with_capacity(own.len());
    let mut merges = vec![];
    let mut own = own.into_iter();
    let mut taken = 0;
    for merge in pending {
        members.extend(own.by_ref().take(merge.at - taken));
        taken = merge.at;
        let wrong = |node: &Node| {
            let message = format!("`<<` takes over the members of objects, and this is {}", node.type_name());
            Box::new(
                Diagnostic::error(Code::YamlMergeKey, merge.key, message)
                    .help("write the alias of an object, or a list of such aliases; a member of this name is quoted"),
            )
        };
        let objects = match &merge.value.kind {
            Kind::Object(_) => std::slice::from_ref(&merge.value),
            Kind::Array(items) => items.as_slice(),
            _ => return Err(wrong(&merge.value)),
        };
        let first = members.len();
        for object in objects {
            let Kind::Object(inherited) = &object.kind else { return Err(wrong(object)) };
            let new = inherited.iter().filter(|(key, _)| known.insert(key.name.clone()));
            members.extend(new.cloned());
        }
        let span = Span::new(merge.key.source, merge.key.start as usize..merge.end);
        let inherited = members.get(first..).unwrap_or_default();
        merges.push(Merge { key: merge.key, span, written_out: written_out(inherited, span, text, flow) });
    }
    members.extend(own);
    Ok(Merged { members, merges })
}

/// The members as they would be written in the place of a merge key.
fn written_out(members: &[(Key, Node)], place: Span, text: &str, flow: bool) -> Option<String> {
    let holds_anchor = text.get(place.range())?.contains('&');
    if holds_anchor
        || members.is_empty()
        || members.iter().map(|(_, value)| super::size::size(value).nodes).sum::<usize>() > WRITTEN_OUT
    {
        return None;
    }
    let between = if flow {
        ", ".to_owned()
    } else {
        let line = text.get(..place.start as usize)?.rfind('\n').map_or(0, |before| before + 1);
        format!("\n{}", " ".repeat(text.get(line..place.start as usize)?.chars().count()))
    };
    let member = |(key, value): &(Key, Node)| format!("{}: {}", scalar_of(&key.name), in_flow(value));
    Some(members.iter().map(member).collect::<Vec<_>>().join(&between))
}

/// A value on one line.
fn in_flow(node: &Node) -> String {
    match &node.kind {
        Kind::Null | Kind::Deferred(_) => "null".to_owned(),
        Kind::Bool(value) => value.to_string(),
        Kind::Number(text) => text.clone(),
        Kind::String(text) => scalar_of(text),
        Kind::Array(items) => format!("[{}]", items.iter().map(in_flow).collect::<Vec<_>>().join(", ")),
        Kind::Object(members) => {
            let member = |(key, value): &(Key, Node)| format!("{}: {}", scalar_of(&key.name), in_flow(value));
            format!("{{ {} }}", members.iter().map(member).collect::<Vec<_>>().join(", "))
        }
    }
}
