//! Documents that API descriptions refer to.

use std::sync::Arc;

use url::Url;

use super::candidates::{Candidate, candidates, resolve};
use super::{Ask, DescribedKind, DocumentRole, Fetched, Loader, Read, Unread, parse};
use crate::diagnostic::Diagnostic;
use crate::node::Node;
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
    pub(super) fn insert(&mut self, root: Arc<Node>, meant: &str, read_at: &str) {
        let id = root.span.source;
        let text = self.sources.get(id).map(|source| source.text.clone()).unwrap_or_default();
        self.store.add(root, meant, read_at, text.contains("$id"));
        let (base, read_at) = (self.store.base(id).cloned(), self.store.read_at(id).cloned());
        for (at, reference) in store::references(&text) {
            let Ok(meant) = resolve(base.as_ref(), &reference) else { continue };
            if self.store.knows(&meant) || self.references.iter().any(|known| known.meant == meant) {
                continue;
            }
            let found = match self.options.sources.get_key_value(&meant) {
                Some((key, uri)) => {
                    self.used.insert(key.clone());
                    vec![Candidate { uri: uri.clone(), departure: false, named: true }]
                }
                None => candidates(&meant, read_at.as_ref(), &reference, None),
            };
            if self.references.len() >= REFERENCED {
                self.store.mark_missing(&meant, format!("the descriptions refer to more than {REFERENCED} documents"));
            } else {
                let span = Span::new(id, at..at + reference.len());
                self.references.push(Reference { meant, candidates: found, span, text: reference });
            }
        }
    }

    pub(super) fn give_reference(&mut self, index: usize, result: Result<Fetched, Unread>) {
        let Some(Reference { meant, span, text, .. }) = self.references.get(index).cloned() else { return };
        let fetched = match result {
            Ok(fetched) => fetched,
            Err(unread) => {
                // What is only missing matters where it is followed; what may not be read is said in any case, unless
                // something that was read is called so.
                if let Some(refused) = unread.refused {
                    let message = format!("the reference `{text}` {}", refused.message);
                    let mut diagnostic = Diagnostic::error(refused.code, span, message).help(refused.help);
                    diagnostic.remarks.clone_from(&unread.tried);
                    self.refused.push((meant.clone(), diagnostic));
                }
                return self.store.mark_missing(&meant, unread.tried.join("; "));
            }
        };
        let uri = fetched.uri.clone();
        if let Some(read) = self.read.get(&uri).cloned() {
            return self.insert(read.node, &meant, &uri);
        }
        let name = fetched.name.clone();
        match parse(&mut self.sources, fetched, self.options.limits) {
            Ok((_, node)) => {
                let read = Read { kind: DescribedKind::of(&node), node: Arc::new(node), document: None };
                self.read.insert(uri.clone(), read.clone());
                self.insert(read.node, &meant, &uri);
            }
            Err(faults) => {
                let reason = faults.iter().next().map(|fault| fault.message.clone()).unwrap_or_default();
                self.store.mark_missing(&meant, format!("{name}: {reason}"));
            }
        }
    }
}
