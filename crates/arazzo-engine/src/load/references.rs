//! Documents that API descriptions refer to.

use std::collections::HashSet;

use url::Url;

use super::candidates::{Candidate, candidates, resolve};
use super::{Ask, DescribedKind, DocumentRole, Fetched, Loader, Read, Tree, Unread};
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::node::Node;
use crate::openapi::references;
use crate::openapi::store::Missing;
use crate::source::{Sources, Span};

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
    /// `true` when it was asked for.
    asked: bool,
}

/// What an API description mentions. A tree is searched once.
#[derive(Debug)]
pub(super) struct Mentions {
    /// The documents that it refers to, with the place at which each is written first.
    documents: Vec<(Span, String)>,
    /// `true` if schemas in it may have names of their own.
    schema_ids: bool,
}

impl Mentions {
    fn of(root: &Node, sources: &Sources) -> Self {
        let text = sources.get(root.span.source).map(|source| source.text.as_ref()).unwrap_or_default();
        let documents = if text.contains("$ref") { references::documents(root, sources) } else { vec![] };
        Self { documents, schema_ids: text.contains("$id") }
    }
}

impl Loader {
    /// Asks for the documents of references that were found since it was called last: what is on the network only where
    /// the operations that are called lead to it.
    pub(super) fn ask_for_references(&mut self) -> Vec<Ask> {
        let remote = |reference: &Reference| reference.candidates.iter().all(Candidate::is_remote);
        let open = self.references.iter().any(|reference| !reference.asked && remote(reference));
        let needed = if open { self.find_needed() } else { HashSet::new() };
        let mut asks = vec![];
        for (index, reference) in self.references.iter_mut().enumerate() {
            if reference.asked || remote(reference) && !needed.contains(&reference.meant) {
                continue;
            }
            reference.asked = true;
            asks.push(Ask {
                role: DocumentRole::Reference(index),
                candidates: reference.candidates.clone(),
                from: self.store.read_at(reference.span.source).map(Url::to_string),
            });
        }
        asks
    }

    /// The uris of all documents that the operations of the steps may lead to.
    fn find_needed(&self) -> HashSet<String> {
        let mut needed = HashSet::new();
        let steps = || self.documents.iter().flat_map(|loaded| &loaded.document.workflows).flat_map(|w| &w.steps);
        let ids: Vec<String> =
            steps().filter_map(|step| step.operation_id.as_ref()).map(|id| folded(&id.value)).collect();
        let paths: Vec<String> =
            steps().filter_map(|step| step.operation_path.as_ref()).map(|path| folded(&path.value)).collect();
        for root in self.described.iter().filter_map(|described| described.root.as_deref()) {
            let mut start = vec![];
            if self.documents.is_empty() {
                start.push(root);
            }
            for (path, item) in root.get("paths").map(Node::members).unwrap_or_default() {
                let (path, item) = (folded(&path.name), item.peek());
                // An item that is elsewhere may have any operation.
                let elsewhere = item.get("$ref").is_some();
                let named = |operation: &Node| {
                    let id = operation.get("operationId").map(|id| folded(id.as_written())).filter(|id| !id.is_empty());
                    id.is_some_and(|id| ids.iter().any(|known| known.ends_with(&id)))
                };
                let called = paths.iter().any(|known| known.contains(&path));
                if elsewhere || called || item.members().iter().any(|(_, operation)| named(operation)) {
                    start.push(item);
                }
            }
            let components = root.get("components").and_then(|components| components.get("securitySchemes"));
            start.extend(
                components
                    .into_iter()
                    .chain(root.get("securityDefinitions"))
                    .flat_map(|schemes| schemes.members().iter().map(|(_, scheme)| scheme)),
            );
            references::reached(start, &mut |reference| {
                let text = reference.as_str()?;
                let document = text.split('#').next().unwrap_or_default();
                if !document.is_empty() {
                    needed.extend(resolve(self.store.base(reference.span.source), document));
                }
                self.store.target(root, text, reference).ok()
            });
        }
        needed
    }

    /// Keeps an API description, or a part of one, and asks for what it refers to.
    pub(super) fn insert(&mut self, tree: &Tree, meant: &str, read_at: &str) {
        let id = tree.node.span.source;
        let mentions = tree.mentions.get_or_init(|| Mentions::of(&tree.node, &self.sources));
        self.store.add(tree.node.clone(), meant, read_at, mentions.schema_ids);
        let (base, read_at) = (self.store.base(id).cloned(), self.store.read_at(id).cloned());
        for (span, reference) in &mentions.documents {
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
                let reason = format!("the descriptions refer to more than {REFERENCED} documents");
                self.store.mark_missing(&meant, Missing { reason, refused: None });
            } else {
                self.references.push(Reference {
                    meant,
                    candidates: found,
                    span: *span,
                    text: reference.clone(),
                    asked: false,
                });
            }
        }
    }

    pub(super) fn give_reference(&mut self, index: usize, result: Result<Fetched, Unread>) {
        let Some(Reference { meant, span, text, .. }) = self.references.get(index).cloned() else { return };
        let fetched = match result {
            Ok(fetched) => fetched,
            Err(unread) => {
                // It matters where a reference to it is followed: nothing else needs it.
                let refused = unread.refused.map(|refused| {
                    let message = format!("the reference `{text}` {}", refused.message);
                    let mut diagnostic = Diagnostic::error(refused.code, span, message).help(refused.help);
                    diagnostic.remarks.clone_from(&unread.tried);
                    Box::new(diagnostic)
                });
                // A document that asks for files it may not have is not run, whether or not it needs them.
                if let Some(refused) = refused.as_ref().filter(|refused| refused.code == Code::FileRefused) {
                    self.refused.push((meant.clone(), Diagnostic::clone(refused)));
                }
                let reason = unread.tried.join("; ");
                return self.store.mark_missing(&meant, Missing { reason, refused });
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
                self.store.mark_missing(&meant, Missing { reason: format!("{name}: {reason}"), refused: None });
            }
        }
    }
}

/// A name or a path without what is written in several ways.
fn folded(text: &str) -> String {
    text.replace("~1", "/").chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
