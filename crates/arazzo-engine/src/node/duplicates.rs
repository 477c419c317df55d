//! Keys that stand twice in one object.

use std::collections::HashMap;

use super::{Key, Node};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::Span;

/// Keys that stand twice.
pub(super) fn duplicates(members: &[(Key, Node)], faults: &mut Diagnostics) {
    // Most objects are so small that looking is faster than hashing.
    let small = members.len() <= 16;
    let mut seen: HashMap<&str, Span> = HashMap::with_capacity(if small { 0 } else { members.len() });
    for (index, (key, _)) in members.iter().enumerate() {
        let first = if small {
            let mut before = members.iter().take(index).rev();
            before.find(|(other, _)| other.name == key.name).map(|(other, _)| other.span)
        } else {
            seen.insert(&key.name, key.span)
        };
        if let Some(first) = first {
            faults.push(
                Diagnostic::error(
                    Code::DuplicateKey,
                    key.span,
                    format!("the key `{}` stands twice in this object", key.name),
                )
                .note(first, "first here")
                .help("keep one of them".to_owned()),
            );
        }
    }
}
