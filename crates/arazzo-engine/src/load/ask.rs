//! The conversation of the loader: which documents are wanted, and the answers of its caller.

use std::sync::Arc;

use super::candidates::Candidate;
use crate::code::Code;

/// What the loader wants next.
#[derive(Debug)]
pub enum Need {
    /// These documents; answer each with [`super::Loader::give`].
    Asks(Vec<Ask>),
    /// Nothing: call [`super::Loader::finish`].
    Done,
}

/// One document that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Which one.
    pub role: DocumentRole,
    /// Where it may be, in the order in which to try.
    pub candidates: Vec<Candidate>,
    /// Where the document was read that leads to it; nothing for the one that was named.
    pub from: Option<String>,
}

/// The role of a document in a description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentRole {
    /// The entry document.
    Entry,
    /// The source description with this index in [`super::Bundle::described`].
    Source(usize),
    /// A document that an API description refers to, by the number of its reference. It need not be there: that matters
    /// only if the reference is followed.
    Reference(usize),
}

/// A document that was read.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The name people see.
    pub name: String,
    /// The candidate it was read from.
    pub uri: String,
    /// What it holds.
    pub content: Content,
}

/// The content of a document: UTF-8 text, with or without a byte order mark.
#[derive(Debug, Clone)]
pub enum Content {
    /// Bytes, of which it is not known whether they are text.
    Bytes(Vec<u8>),
    /// A text that its owner keeps: it is shared, not copied.
    Text(Arc<str>),
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Arc<str>> for Content {
    fn from(text: Arc<str>) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

/// Why a document was not read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unread {
    /// What was tried and why it could not be read, one line a candidate.
    pub tried: Vec<String>,
    /// Set if a policy kept a candidate from being read: then that is what is said.
    pub refused: Option<Refused>,
}

/// A refusal by policy. It becomes a diagnostic of its code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The code, one of those that [`Code::is_refusal`] knows.
    pub code: Code,
    /// What may not be done, after what was wanted: `leads to a file that may not be read`.
    pub message: String,
    /// What to do.
    pub help: String,
}

impl FromIterator<String> for Unread {
    fn from_iter<I: IntoIterator<Item = String>>(tried: I) -> Self {
        Self { tried: tried.into_iter().collect(), refused: None }
    }
}
