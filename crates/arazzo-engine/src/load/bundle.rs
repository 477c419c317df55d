//! What loading comes to: the documents of a description, and where each was read.

use std::sync::Arc;

use super::{FoundIn, ParsedDocuments};
use crate::diagnostic::Diagnostics;
use crate::document::Document;
use crate::node::{Anchors, Node};
use crate::openapi::store::DocumentStore;
use crate::source::{Sources, Span};

/// Everything that was loaded.
#[derive(Debug)]
pub struct Bundle {
    /// All texts.
    pub sources: Sources,
    /// The Arazzo documents; the first is the entry document.
    pub documents: Vec<Loaded>,
    /// The source descriptions of all documents, those of one document in its order.
    pub described: Vec<Described>,
    /// The API descriptions, with the documents that they refer to.
    pub store: DocumentStore,
    /// As in [`super::LoadOptions`].
    pub headers: Vec<String>,
    /// What stands in several places of its document.
    pub anchors: Anchors,
    /// As in [`super::LoadOptions`].
    pub(crate) parsed: Option<ParsedDocuments>,
}

impl Bundle {
    /// What decides what lint says of it: `known` is what compiling found, and `beside` whatever else decides.
    pub(crate) fn found_in(&self, beside: String, known: Vec<Diagnostics>) -> FoundIn {
        let texts = self.sources.iter().map(|(_, one)| (one.name.clone(), one.uri.clone(), one.text.clone()));
        let described = self.described.iter().map(|one| (one.label.clone(), one.uri.clone()));
        FoundIn { texts: texts.collect(), described: described.collect(), headers: self.headers.clone(), beside, known }
    }

    /// Which described document each source description is, by number: the same document is one, whoever describes it.
    #[must_use]
    pub fn numbers(&self) -> Vec<usize> {
        let mut numbers = vec![];
        let mut known: Vec<&str> = vec![];
        for described in &self.described {
            let same = known.iter().position(|uri| !uri.is_empty() && *uri == described.uri);
            numbers.push(same.unwrap_or(known.len()));
            if same.is_none() {
                known.push(&described.uri);
            }
        }
        numbers
    }
}

/// An Arazzo document that was read.
#[derive(Debug)]
pub struct Loaded {
    /// The document.
    pub document: Document,
    /// Its own uri, which relative references begin at: `$self`, else where it was read (specification, Establishing
    /// the Base URI).
    pub identity: String,
    /// Where it was read.
    pub uri: String,
    /// What people call its sources: nothing for the entry document, else `other.`.
    pub(super) label: String,
}

/// A source description with what its url led to.
#[derive(Debug)]
pub struct Described {
    /// The document it stands in, an index of [`Bundle::documents`].
    pub document: usize,
    /// Its name.
    pub name: String,
    /// Its name for people: with the way to its document before it.
    pub label: String,
    /// Where its url is written.
    pub span: Span,
    /// What kind of document it is.
    pub kind: DescribedKind,
    /// Its url, resolved: which document is meant.
    pub identity: String,
    /// Where it was read from, absolute.
    pub uri: String,
    /// The tree; `None` if it could not be read (a diagnostic says why).
    pub root: Option<Arc<Node>>,
    /// The Arazzo document that it is, an index of [`Bundle::documents`].
    pub leads_to: Option<usize>,
}

/// Kinds of source descriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DescribedKind {
    /// `openapi`
    Openapi,
    /// `asyncapi`
    Asyncapi,
    /// `arazzo`
    Arazzo,
}

impl DescribedKind {
    /// What a document is by its first field.
    #[must_use]
    pub fn of(root: &Node) -> Option<Self> {
        let has = |name| root.get(name).is_some();
        if has("openapi") || has("swagger") {
            Some(Self::Openapi)
        } else if has("asyncapi") {
            Some(Self::Asyncapi)
        } else if has("arazzo") {
            Some(Self::Arazzo)
        } else {
            None
        }
    }

    pub(super) fn with_article(self) -> &'static str {
        match self {
            Self::Openapi => "an OpenAPI document",
            Self::Asyncapi => "an AsyncAPI document",
            Self::Arazzo => "an Arazzo document",
        }
    }
}
