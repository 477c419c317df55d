//! Documents that stay parsed from one check to the next, while their texts stay the same.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::parse::{add, is_json, parse_added};
use super::{Fetched, Tree};
use crate::diagnostic::Diagnostics;
use crate::node::NodeLimits;
use crate::source::{Source, SourceId, Sources};

/// Bytes of all texts that are kept where nothing else is said.
const MOST_BYTES: usize = 128 << 20;

/// How many documents are kept: more than one description is made of.
const MOST: usize = 4_096;

/// Documents that were parsed: who loads a description again and again, as an editor does, gives them to each load.
///
/// A document whose text has not changed is not parsed again, with its parts that were read lazily; of one that has,
/// the old text is dropped. Places are numbered by document, so a document that moves to another number, because one
/// before it came or went, is parsed once more. Clones share what they hold, also between threads.
#[derive(Clone)]
pub struct ParsedDocuments(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    /// Bytes of the texts that may be kept.
    most_bytes: usize,
    /// By where it was read, and its number in the description.
    documents: BTreeMap<(String, SourceId), Parsed>,
    /// What lint said last, by where the entry document was read.
    findings: BTreeMap<String, (FoundIn, Diagnostics)>,
    /// How often a document was asked for: what was used last has the highest.
    uses: u64,
    parsed: u64,
}

struct Parsed {
    text: Arc<str>,
    /// What else decides how it is read.
    json: bool,
    limits: NodeLimits,
    tree: Result<Tree, Diagnostics>,
    used: u64,
}

/// All that follows from a description and its readings in the same way each time: what lint says is one of it.
#[derive(PartialEq)]
pub(crate) struct FoundIn {
    /// Names, uris and texts of the documents.
    pub(super) texts: Vec<(String, String, Arc<str>)>,
    /// What source descriptions led to.
    pub(super) described: Vec<(String, String)>,
    pub(super) headers: Vec<String>,
    /// What else it depends on.
    pub(super) beside: String,
    /// What compiling found.
    pub(super) known: Vec<Diagnostics>,
}

impl Parsed {
    fn is_of(&self, source: &Source, limits: NodeLimits) -> bool {
        self.json == is_json(source)
            && self.limits == limits
            && (Arc::ptr_eq(&self.text, &source.text) || self.text == source.text)
    }
}

impl ParsedDocuments {
    /// None yet; at most 128 MiB of texts will be kept.
    #[must_use]
    pub fn new() -> Self {
        Self::up_to(MOST_BYTES)
    }

    /// None yet; at most so many bytes of texts will be kept, and beyond them the document that was used last. What was
    /// used longest ago is dropped first.
    #[must_use]
    pub fn up_to(bytes: usize) -> Self {
        Self(Arc::new(Mutex::new(Kept { most_bytes: bytes, ..Kept::default() })))
    }

    /// How many texts have been parsed: it stays the same while all that is loaded is unchanged.
    #[must_use]
    pub fn parsed(&self) -> u64 {
        self.kept().parsed
    }

    /// How many documents are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept().documents.len()
    }

    /// `true` if no document is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept().documents.is_empty()
    }

    /// Bytes of the texts that are kept. Their trees take several times as much.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.kept().bytes()
    }

    /// As [`super::parse`], unless the same text is known.
    pub(super) fn parse(
        &self,
        sources: &mut Sources,
        fetched: Fetched,
        limits: NodeLimits,
    ) -> Result<(SourceId, Tree), Diagnostics> {
        let id = add(sources, fetched)?;
        let known = sources.get(id).and_then(|source| self.kept().find(source, id, limits));
        // Others do not wait for what is copied and parsed here.
        if let Some(known) = known {
            return Ok((id, known?.unseen()));
        }
        let tree = parse_added(sources, id, limits).map(|(node, anchors)| Tree::of(node, anchors));
        if let Some(source) = sources.get(id) {
            let (text, json) = (source.text.clone(), is_json(source));
            let parsed = Parsed { text, json, limits, tree: tree.clone(), used: 0 };
            self.kept().keep((source.uri.clone(), id), parsed);
        }
        Ok((id, tree?))
    }

    /// What `lint` says, unless it has said it of the same.
    pub(crate) fn found(&self, found_in: FoundIn, lint: impl FnOnce() -> Diagnostics) -> Diagnostics {
        let uri = found_in.texts.first().map(|(_, uri, _)| uri.clone()).unwrap_or_default();
        if let Some((_, said)) = self.kept().findings.get(&uri).filter(|(known, _)| *known == found_in) {
            return said.clone();
        }
        let said = lint();
        let mut kept = self.kept();
        // With documents that are dropped.
        if kept.documents.keys().any(|(known, _)| *known == uri) {
            kept.findings.insert(uri, (found_in, said.clone()));
        }
        said
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // A panic elsewhere leaves nothing half done here.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ParsedDocuments {
    fn default() -> Self {
        Self::new()
    }
}

impl Kept {
    fn bytes(&self) -> usize {
        self.documents.values().map(|parsed| parsed.text.len()).sum()
    }

    fn find(&mut self, source: &Source, id: SourceId, limits: NodeLimits) -> Option<Result<Tree, Diagnostics>> {
        let parsed = self.documents.get_mut(&(source.uri.clone(), id)).filter(|parsed| parsed.is_of(source, limits))?;
        self.uses += 1;
        parsed.used = self.uses;
        // The next time, the same text is known without being compared.
        parsed.text = source.text.clone();
        Some(parsed.tree.clone())
    }

    fn keep(&mut self, (uri, id): (String, SourceId), mut parsed: Parsed) {
        self.uses += 1;
        self.parsed += 1;
        parsed.used = self.uses;
        // Other texts at the same place are old versions, whatever their number was.
        self.documents.retain(|(known, _), old| *known != uri || old.text == parsed.text);
        self.documents.insert((uri, id), parsed);
        while self.documents.len() > 1 && (self.bytes() > self.most_bytes || self.documents.len() > MOST) {
            let oldest = self.documents.iter().min_by_key(|(_, parsed)| parsed.used).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest.filter(|oldest| self.documents.remove(oldest).is_some()) {
                self.findings.remove(&oldest.0);
            }
        }
    }
}

impl std::fmt::Debug for ParsedDocuments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kept = self.kept();
        let (documents, parsed) = (kept.documents.len(), kept.parsed);
        f.debug_struct("ParsedDocuments").field("documents", &documents).field("parsed", &parsed).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::super::{LoadOptions, Loader, Need};
    use super::*;

    #[test]
    fn what_is_said_of_a_description_is_worked_out_once_while_nothing_changes() {
        let parsed = ParsedDocuments::new();
        let asked = Cell::new(0);
        let said = |text: &str, beside: &str, known: Vec<Diagnostics>| {
            let options = LoadOptions { parsed: Some(parsed.clone()), ..LoadOptions::default() };
            let mut loader = Loader::new("file:///flow.yaml".to_owned(), "flow.yaml", options);
            while let Need::Asks(asks) = loader.need() {
                for ask in asks {
                    let (name, uri) = ("flow.yaml".to_owned(), "file:///flow.yaml".to_owned());
                    loader.give(&ask, Ok(Fetched { name, uri, content: text.as_bytes().to_vec().into() }));
                }
            }
            let (bundle, found, _) = loader.finish();
            let known = if known.is_empty() { vec![found.clone()] } else { known };
            let lint = || {
                asked.set(asked.get() + 1);
                found.clone()
            };
            bundle.map(|bundle| parsed.found(bundle.found_in(beside.to_owned(), known), lint))
        };
        let text = "arazzo: 1.0.1\ninfo: { title: t, version: '1' }\nsourceDescriptions: []\nworkflows: []\n";
        let first = said(text, "lenient", vec![]);
        assert!(first.is_some());
        assert_eq!((said(text, "lenient", vec![]), asked.get()), (first.clone(), 1));
        assert_eq!((said(text, "strict", vec![]), asked.get()), (first.clone(), 2));
        assert_eq!((said(text, "strict", vec![Diagnostics::default()]), asked.get()), (first.clone(), 3));
        assert!(said(&format!("{text}# more\n"), "strict", vec![Diagnostics::default()]).is_some());
        assert_eq!(asked.get(), 4);
        // What was said of an old text is not kept.
        assert_eq!((said(text, "strict", vec![Diagnostics::default()]), asked.get()), (first, 5));
    }
}
