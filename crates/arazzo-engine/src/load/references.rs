//! Documents that API descriptions refer to.

use url::Url;

use super::candidates::{Candidate, candidates, resolve};
use super::{Ask, DescribedKind, DocumentRole, Fetched, Loader, Read, Tree, Unread};
use crate::diagnostic::Diagnostic;
use crate::openapi::store;
use crate::source::Span;

/// The most documents that API descriptions may refer to.
const REFERENCED: usize = 1_000;

/// A document that API descriptions refer to.
#[derive(Debug, Clone)]
pub(super) struct Reference {
    /// Its uri.
    meant: String,
    /// Where it may be.
    candidates: Vec<Candidate>,
    /// Where the first reference to it stands, and how it is written there.
    span: Span,
    text: String,
}

/// A reference to a document that may not be read, with what is said about it.
#[derive(Debug, Clone)]
pub(super) struct RefusedReference {
    /// The uri of the document.
    pub(super) meant: String,
    /// The document as the reference names it.
    pub(super) text: String,
    pub(super) diagnostic: Diagnostic,
}

/// What the text of an API description mentions. A text is searched once.
#[derive(Debug)]
pub(super) struct Mentions {
    /// The documents that it refers to, with the byte at which each is written first.
    documents: Vec<(usize, String)>,
    /// `true` if schemas in it may have names of their own.
    schema_ids: bool,
}

impl Mentions {
    fn of(text: &str) -> Self {
        Self { documents: store::references(text), schema_ids: text.contains("$id") }
    }
}

impl Loader {
    /// Asks for the documents of references that were found since it was called last.
    pub(super) fn ask_for_references(&mut self) -> Vec<Ask> {
        let from = std::mem::replace(&mut self.followed, self.references.len());
        let asks = self.references.iter().enumerate().skip(from);
        asks.map(|(index, reference)| Ask {
            role: DocumentRole::Reference(index),
            candidates: reference.candidates.clone(),
            from: self.store.read_at(reference.span.source).map(Url::to_string),
        })
        .collect()
    }

    /// Keeps an API description, or a part of one, and asks for what it refers to.
    pub(super) fn insert(&mut self, tree: &Tree, meant: &str, read_at: &str) {
        let id = tree.node.span.source;
        let mentions = tree.mentions.get_or_init(|| {
            let text = self.sources.get(id).map(|source| source.text.as_ref()).unwrap_or_default();
            Mentions::of(text)
        });
        self.store.add(tree.node.clone(), meant, read_at, mentions.schema_ids);
        let (base, read_at) = (self.store.base(id).cloned(), self.store.read_at(id).cloned());
        for (at, reference) in &mentions.documents {
            let Ok(meant) = resolve(base.as_ref(), reference) else { continue };
            if self.store.knows(&meant) || self.references.iter().any(|known| known.meant == meant) {
                continue;
            }
            let found = match self.options.sources.get_key_value(&meant) {
                Some((key, uri)) => {
                    self.used.insert(key.clone());
                    vec![Candidate { uri: uri.clone(), departure: false, named: true }]
                }
                None => candidates(&meant, read_at.as_ref(), reference, None),
            };
            if self.references.len() >= REFERENCED {
                self.store.mark_missing(&meant, format!("the descriptions refer to more than {REFERENCED} documents"));
            } else {
                let span = Span::new(id, *at..at + reference.len());
                self.references.push(Reference { meant, candidates: found, span, text: reference.clone() });
            }
        }
    }

    pub(super) fn give_reference(&mut self, index: usize, result: Result<Fetched, Unread>) {
        let Some(Reference { meant, span, text, .. }) = self.references.get(index).cloned() else { return };
        let fetched = match result {
            Ok(fetched) => fetched,
            Err(unread) => {
                // What is missing, or on the network, matters where it is followed; what leads to a file that may not
                // be read is said in any case.
                if let Some(refused) = unread.refused {
                    let message = format!("the reference `{text}` {}", refused.message);
                    let mut diagnostic = Diagnostic::error(refused.code, span, message).help(refused.help);
                    diagnostic.remarks.clone_from(&unread.tried);
                    self.refused.push(RefusedReference { meant: meant.clone(), text, diagnostic });
                }
                return self.store.mark_missing(&meant, unread.tried.join("; "));
            }
        };
        let uri = fetched.uri.clone();
        if let Some(read) = self.read.get(&uri).cloned() {
            return self.insert(&read.tree, &meant, &uri);
        }
        let name = fetched.name.clone();
        match self.parse(fetched, self.options.limits) {
            Ok((_, tree)) => {
                let read = Read { kind: DescribedKind::of(&tree.node), tree, document: None };
                self.read.insert(uri.clone(), read.clone());
                self.insert(&read.tree, &meant, &uri);
            }
            Err(faults) => {
                let reason = faults.iter().next().map(|fault| fault.message.clone()).unwrap_or_default();
                self.store.mark_missing(&meant, format!("{name}: {reason}"));
            }
        }
    }
}
