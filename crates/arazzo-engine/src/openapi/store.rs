//! The documents that references may lead to, and what a reference means in each of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use url::Url;

use super::Broken;
use crate::diagnostic::Diagnostic;
use crate::node::Node;
use crate::source::SourceId;
use crate::value::Pointer;

/// All documents that an OpenAPI description is made of, by the uris that they are known by.
#[derive(Debug, Clone, Default)]
pub struct DocumentStore {
    documents: BTreeMap<SourceId, Shelved>,
    by_uri: BTreeMap<String, SourceId>,
    /// Documents that could not be read, by their uris.
    missing: BTreeMap<String, Missing>,
}

/// The reason why a document is not there.
#[derive(Debug, Clone, Default)]
pub struct Missing {
    /// What was tried.
    pub reason: String,
    /// What is said where a reference to it is followed, if it may not be read.
    pub refused: Option<Box<Diagnostic>>,
}

#[derive(Debug, Clone)]
struct Shelved {
    root: Arc<Node>,
    /// The base of relative references: `$self`, `$id`, or what led to the document.
    base: Option<Url>,
    /// The url that it was read from.
    read_at: Option<Url>,
    /// Schemas in it that are documents of their own (`$id`, JSON Schema 2020-12): what they are called.
    embedded: Vec<(Url, Pointer)>,
}

/// The store of a document that stands alone.
pub static ALONE: DocumentStore =
    DocumentStore { documents: BTreeMap::new(), by_uri: BTreeMap::new(), missing: BTreeMap::new() };

impl DocumentStore {
    /// Adds a document that was read at one uri and is meant by another. `$self` (OpenAPI 3.2) and `$id` (JSON Schema)
    /// say more about what it is called. `names_schemas`: whether an `$id` stands anywhere in its text.
    pub fn add(&mut self, root: Arc<Node>, meant: &str, read_at: &str, names_schemas: bool) {
        let source = root.span.source;
        let outer = Url::parse(meant).or_else(|_| Url::parse(read_at)).ok();
        let own = ["$self", "$id"].into_iter().find_map(|name| root.get(name)).and_then(Node::as_str);
        let base = match (own, &outer) {
            (Some(own), Some(outer)) => outer.join(own).ok().or_else(|| Some(outer.clone())),
            (Some(own), None) => Url::parse(own).ok(),
            (None, _) => outer.clone(),
        };
        let names = [base.as_ref().map(Url::to_string), Some(meant.to_owned()), Some(read_at.to_owned())];
        for name in names.into_iter().flatten().filter(|name| !name.is_empty()) {
            self.by_uri.entry(without_fragment(&name).to_owned()).or_insert(source);
        }
        let read_at = Url::parse(read_at).ok();
        let embedded = if names_schemas { embedded(&root, base.as_ref()) } else { vec![] };
        self.documents.entry(source).or_insert(Shelved { root, base, read_at, embedded });
    }

    /// Notes that the document of a uri cannot be read, and why.
    pub fn mark_missing(&mut self, uri: &str, missing: Missing) {
        self.missing.insert(uri.to_owned(), missing);
    }

    /// `true` if a document, or a schema with an `$id` of its own, is called so.
    #[must_use]
    pub fn holds(&self, uri: &str) -> bool {
        let mut embedded = self.documents.values().flat_map(|shelved| &shelved.embedded);
        self.by_uri.contains_key(uri) || embedded.any(|(id, _)| without_fragment(id.as_str()) == uri)
    }

    /// `true` if a document of this uri is there, or is known not to be.
    #[must_use]
    pub fn knows(&self, uri: &str) -> bool {
        self.by_uri.contains_key(uri) || self.missing.contains_key(uri)
    }

    /// The base of relative references of the document with this text.
    #[must_use]
    pub fn base(&self, source: SourceId) -> Option<&Url> {
        self.documents.get(&source)?.base.as_ref()
    }

    /// The url that the document with this text was read from.
    #[must_use]
    pub fn read_at(&self, source: SourceId) -> Option<&Url> {
        self.documents.get(&source)?.read_at.as_ref()
    }

    /// The target of the reference `text`, which is written at `at`; `root` is the document if it stands alone.
    ///
    /// # Errors
    /// [`Broken`] if it leads nowhere, or into a document that is not there.
    pub fn target<'a>(&'a self, root: &'a Node, text: &str, at: &Node) -> Result<&'a Node, Broken> {
        // A block has a line break at its end.
        let text = text.trim();
        let (document, fragment) = text.split_once('#').unwrap_or((text, ""));
        let own = self.documents.get(&at.span.source);
        let whole = own.map_or(root, |own| own.root.as_ref());
        // A reference inside of a schema with an `$id` begins there.
        let around = own.and_then(|own| own.around(at));
        let roots = match (document.is_empty(), around) {
            (true, Some((_, around))) => vec![around, whole],
            (true, None) => vec![whole],
            (false, around) => {
                let found = self.document(own, around.map(|(base, _)| base), document);
                let broken = |Missing { reason, refused }| Broken { refused, ..Broken::new(at.span, text, reason) };
                vec![found.map_err(broken)?]
            }
        };
        let fragment = percent_encoding::percent_decode_str(fragment).decode_utf8_lossy();
        let found = |root: &'a Node| match fragment.as_ref() {
            "" => Some(root),
            pointer if pointer.starts_with('/') => root.at(&Pointer::parse(pointer)),
            anchor => anchored(root, anchor),
        };
        let nowhere = || Broken::new(at.span, text, "it leads nowhere");
        roots.into_iter().find_map(found).map(Node::read).ok_or_else(nowhere)
    }

    fn document(&self, own: Option<&Shelved>, around: Option<&Url>, reference: &str) -> Result<&Node, Missing> {
        let bases = around.into_iter().chain(own.into_iter().flat_map(|own| [&own.base, &own.read_at]).flatten());
        let mut meant: Vec<String> = bases.filter_map(|base| base.join(reference).ok()).map(String::from).collect();
        if meant.is_empty() {
            meant.push(reference.to_owned());
        }
        let source = meant.iter().find_map(|uri| self.by_uri.get(uri));
        if let Some(found) = source.and_then(|source| self.documents.get(source)) {
            return Ok(&found.root);
        }
        let schemas = self.documents.values().flat_map(|shelved| shelved.embedded.iter().map(move |e| (shelved, e)));
        let mut named = schemas.filter(|(_, (id, _))| meant.iter().any(|uri| uri == without_fragment(id.as_str())));
        if let Some(found) = named.find_map(|(shelved, (_, at))| shelved.root.at(at)) {
            return Ok(found);
        }
        let reason = meant.iter().find_map(|uri| self.missing.get(uri));
        let unread = || Missing { reason: "the document was not read".to_owned(), refused: None };
        Err(reason.cloned().unwrap_or_else(unread))
    }
}

impl Shelved {
    /// The innermost schema with an `$id` that holds a place, and what it is called.
    fn around(&self, at: &Node) -> Option<(&Url, &Node)> {
        let found = self.embedded.iter().filter_map(|(id, pointer)| Some((id, self.root.at(pointer)?)));
        let holds = found.filter(|(_, node)| node.span.start <= at.span.start && at.span.end <= node.span.end);
        holds.min_by_key(|(_, node)| node.span.end - node.span.start)
    }
}

/// The depth to which schemas are looked through for names.
const DEPTH: usize = 16;

/// The parts of a document that hold schemas, with the pointers to them.
fn schemas(root: &Node) -> impl Iterator<Item = (Vec<String>, &Node)> {
    let components = root.get("components").and_then(|components| components.get("schemas"));
    let places: [(&[&str], Option<&Node>); 3] = [
        (&["components", "schemas"], components),
        (&["$defs"], root.get("$defs")),
        (&["definitions"], root.get("definitions")),
    ];
    let found =
        places.into_iter().filter_map(|(way, node)| Some((way.iter().map(|s| (*s).to_owned()).collect(), node?)));
    found.collect::<Vec<_>>().into_iter()
}

/// The schemas with an `$id` of their own.
fn embedded(root: &Node, base: Option<&Url>) -> Vec<(Url, Pointer)> {
    let mut found = vec![];
    let mut left: Vec<(Vec<String>, &Node, Option<Url>)> =
        schemas(root).map(|(way, node)| (way, node, base.cloned())).collect();
    while let Some((way, node, base)) = left.pop() {
        let node = node.read();
        let id = node.get("$id").and_then(Node::as_str);
        let own = id.and_then(|id| base.as_ref().map_or_else(|| Url::parse(id), |base| base.join(id)).ok());
        if let Some(own) = &own {
            found.push((own.clone(), Pointer::of(way.clone())));
        }
        if way.len() < DEPTH {
            left.extend(node.members().iter().map(|(key, inner)| {
                let way = way.iter().cloned().chain([key.name.clone()]).collect();
                (way, inner, own.clone().or_else(|| base.clone()))
            }));
        }
    }
    found
}

/// The uri without what comes behind `#`.
fn without_fragment(uri: &str) -> &str {
    uri.split('#').next().unwrap_or_default()
}

/// The schema of a document that calls itself so (`$anchor`).
fn anchored<'a>(root: &'a Node, anchor: &str) -> Option<&'a Node> {
    let named = |node: &&Node| {
        ["$anchor", "$dynamicAnchor"].iter().any(|key| node.get(key).and_then(Node::as_str) == Some(anchor))
    };
    let mut left: Vec<(usize, &Node)> = schemas(root).map(|(_, node)| (0, node)).collect();
    let mut looked_at = Some(root);
    loop {
        match looked_at.filter(named) {
            Some(found) => return Some(found),
            None => {
                let (depth, node) = left.pop()?;
                let node = node.read();
                if depth < DEPTH {
                    left.extend(node.members().iter().map(|(_, inner)| (depth + 1, inner)));
                    left.extend(node.items().iter().map(|inner| (depth + 1, inner)));
                }
                looked_at = Some(node);
            }
        }
    }
}
