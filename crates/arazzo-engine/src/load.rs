//! Loading as a loop of asks and answers: the engine names uris and candidates, the library fetches by policy.
//!
//! ```
//! use arazzo_engine::load::{Fetched, Loader, Need};
//!
//! let mut loader = Loader::new("file:///work/flow.yaml", "flow.yaml", Default::default());
//! while let Need::Asks(asks) = loader.need() {
//!     for ask in asks {
//!         // A real caller reads the first candidate that exists.
//!         let text = "arazzo: 1.0.1\ninfo: {title: t, version: '1'}\nsourceDescriptions: []\nworkflows: []\n";
//!         let uri = ask.candidates[0].uri.clone();
//!         loader.give(&ask, Ok(Fetched { name: "flow.yaml".into(), uri, bytes: text.as_bytes().to_vec() }));
//!     }
//! }
//! let (bundle, diagnostics, _sources) = loader.finish();
//! assert!(bundle.is_some());
//! assert!(diagnostics.has_errors()); // two lists are empty
//! ```

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use url::Url;

use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics, Help, nearest};
use crate::document::{self, Document};
use crate::node::{self, Node, NodeLimits};
use crate::openapi::store::{self, DocumentStore};
use crate::readings::Readings;
use crate::remedy::Remedy;
use crate::source::{Place, Source, SourceId, Sources, Span};

/// The most documents that one description may be made of.
const DOCUMENTS: usize = 64;

/// The most documents that API descriptions may refer to.
const REFERENCED: usize = 1_000;

/// Bytes from which on a YAML document is read in parts, if it can be.
const LARGE: usize = 256 << 10;

/// What the loader wants next.
#[derive(Debug)]
pub enum Need {
    /// These documents; answer each with [`Loader::give`].
    Asks(Vec<Ask>),
    /// Nothing: call [`Loader::finish`].
    Done,
}

/// One document that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Which one.
    pub wanted: Wanted,
    /// Where it may be, in the order in which to try.
    pub candidates: Vec<Candidate>,
    /// Where the document was read that leads to it; nothing for the one that was named.
    pub from: Option<String>,
}

/// The role of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The entry document.
    Entry,
    /// The source description with this index in [`Bundle::described`].
    Source(usize),
    /// A document that an API description refers to, by the number of its reference. It need not be there: that matters
    /// only if the reference is followed.
    Reference(usize),
}

/// A place where a document may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its absolute uri.
    pub uri: String,
    /// `true` if only the reading `root-relative-source` looks there.
    pub departure: bool,
    /// `true` if this very uri was written by the entry document, or given by who runs it: identity is not permission.
    pub named: bool,
}

impl Candidate {
    /// `true` if it is on the network.
    fn is_remote(&self) -> bool {
        self.uri.starts_with("http://") || self.uri.starts_with("https://")
    }
}

/// A document that was read.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The name people see.
    pub name: String,
    /// The candidate it was read from.
    pub uri: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
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

/// What must be known before the first document is read.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// How departures are read.
    pub readings: Readings,
    /// `--source NAME=uri`: takes the place of a source description's url. `other.NAME` is one of the document that the
    /// entry document describes as `other`; an absolute uri is that of any document.
    pub sources: BTreeMap<String, String>,
    /// The uri of the workspace root, with a `/` at its end; source descriptions are looked for up to there.
    pub root: Option<String>,
    /// Headers of the connection that documents may set all the same, in lower case.
    pub headers: Vec<String>,
    /// Limits on each document.
    pub limits: NodeLimits,
}

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
    /// As in [`LoadOptions`].
    pub headers: Vec<String>,
}

impl Bundle {
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
    label: String,
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

/// The state of loading.
#[derive(Debug)]
pub struct Loader {
    options: LoadOptions,
    entry: Candidate,
    entry_name: String,
    sources: Sources,
    documents: Vec<Loaded>,
    described: Vec<Described>,
    /// What was read, by where it was read.
    read: HashMap<String, Read>,
    /// How many documents have been asked for their sources.
    asked: usize,
    /// Sources that are on the network only. They are asked for when everything else was read, which may be what they
    /// mean: documents are known by their identity.
    later: Vec<Ask>,
    store: DocumentStore,
    /// References of API descriptions.
    references: Vec<Reference>,
    /// References to what may not be read: what is meant, and what to say.
    refused: Vec<(String, Diagnostic)>,
    /// How many of them have been asked for.
    followed: usize,
    /// Names of `--source` that were meant.
    used: BTreeSet<String>,
    began: bool,
    done: bool,
    diagnostics: Diagnostics,
}

/// A document that API descriptions refer to.
#[derive(Debug, Clone)]
struct Reference {
    /// Its uri.
    meant: String,
    /// Where it may be.
    candidates: Vec<Candidate>,
    /// Where the first reference to it stands, and how it is written there.
    span: Span,
    text: String,
}

/// A text that was read: its tree, what it is, and which document of the description it is.
#[derive(Debug, Clone)]
struct Read {
    node: Arc<Node>,
    kind: Option<DescribedKind>,
    document: Option<usize>,
}

impl Loader {
    /// Begins to load the document at `uri`, which people call `name`.
    #[must_use]
    pub fn new(uri: impl Into<String>, name: impl Into<String>, options: LoadOptions) -> Self {
        Self {
            options,
            entry: Candidate { uri: uri.into(), departure: false, named: true },
            entry_name: name.into(),
            sources: Sources::default(),
            documents: vec![],
            described: vec![],
            read: HashMap::new(),
            asked: 0,
            later: vec![],
            store: DocumentStore::default(),
            references: vec![],
            refused: vec![],
            followed: 0,
            used: BTreeSet::new(),
            began: false,
            done: false,
            diagnostics: Diagnostics::default(),
        }
    }

    /// Begins to load an OpenAPI document that no Arazzo document describes: it becomes the only source description.
    #[must_use]
    pub fn of_api(uri: impl Into<String>, name: impl Into<String>, options: LoadOptions) -> Self {
        let (uri, name) = (uri.into(), name.into());
        let mut loader = Self::new(uri.clone(), name.clone(), options);
        loader.described.push(Described {
            document: 0,
            name: name.clone(),
            label: name,
            span: Span { source: SourceId(0), start: 0, end: 0 },
            kind: DescribedKind::Openapi,
            identity: uri,
            uri: String::new(),
            root: None,
            leads_to: None,
        });
        loader
    }

    /// What is needed next; the same asks are never made twice.
    pub fn need(&mut self) -> Need {
        if !self.began {
            self.began = true;
            let wanted = if self.described.is_empty() { Wanted::Entry } else { Wanted::Source(0) };
            return Need::Asks(vec![Ask { wanted, candidates: vec![self.entry.clone()], from: None }]);
        }
        while self.asked < self.documents.len() {
            let asks = self.describe(self.asked);
            self.asked += 1;
            if !asks.is_empty() {
                return Need::Asks(asks);
            }
        }
        let mut asks = vec![];
        for ask in std::mem::take(&mut self.later) {
            if !self.is_known(&ask) {
                asks.push(ask);
            }
        }
        if !asks.is_empty() {
            return Need::Asks(asks);
        }
        if self.followed < self.references.len() {
            let from = std::mem::replace(&mut self.followed, self.references.len());
            let asks = self.references.iter().enumerate().skip(from);
            return Need::Asks(
                asks.map(|(index, reference)| Ask {
                    wanted: Wanted::Reference(index),
                    candidates: reference.candidates.clone(),
                    from: self.store.read_at(reference.span.source).map(Url::to_string),
                })
                .collect(),
            );
        }
        if !self.done {
            self.done = true;
            self.unused();
        }
        Need::Done
    }

    /// Answers an ask: the document, or why it could not be read.
    pub fn give(&mut self, ask: &Ask, result: Result<Fetched, Unread>) {
        match ask.wanted {
            Wanted::Entry => match result {
                Ok(fetched) => {
                    let uri = fetched.uri.clone();
                    let limits = NodeLimits { bytes: self.options.limits.arazzo_bytes, ..self.options.limits };
                    let Some((id, node)) = self.parse(fetched, limits) else { return };
                    let node = Arc::new(node);
                    let kind = DescribedKind::of(&node);
                    let document = self.document(id, &node, &uri, String::new());
                    self.read.insert(uri, Read { node, kind, document });
                }
                Err(unread) => {
                    let message = format!("cannot read `{}`: {}", self.entry_name, unread.tried.join("; "));
                    let code = unread.refused.as_ref().map_or(Code::DocumentNotFound, |refused| refused.code);
                    let help = unread.refused.map(|refused| refused.help);
                    self.diagnostics.push(Diagnostic::error(code, None, message).help(help));
                }
            },
            Wanted::Source(index) => self.give_source(index, ask, result),
            Wanted::Reference(index) => self.give_reference(index, result),
        }
    }

    /// The bundle, as far as it could be loaded, and everything that is wrong with it.
    #[must_use]
    pub fn finish(mut self) -> (Option<Bundle>, Diagnostics, Sources) {
        let refused = std::mem::take(&mut self.refused).into_iter().filter(|(meant, _)| !self.store.holds(meant));
        self.diagnostics.extend(refused.map(|(_, diagnostic)| diagnostic).collect::<Vec<_>>());
        let sources = self.sources.clone();
        let alone = self.documents.is_empty() && self.described.iter().any(|described| described.root.is_some());
        let bundle = (alone || !self.documents.is_empty()).then_some(Bundle {
            sources: self.sources,
            documents: self.documents,
            described: self.described,
            store: self.store,
            headers: self.options.headers,
        });
        (bundle, self.diagnostics, sources)
    }

    fn parse(&mut self, fetched: Fetched, limits: NodeLimits) -> Option<(SourceId, Node)> {
        parse(&mut self.sources, fetched, limits).map_err(|faults| self.diagnostics.extend(faults)).ok()
    }

    /// Reads the Arazzo objects of a tree; the index of the document.
    fn document(&mut self, id: SourceId, node: &Arc<Node>, uri: &str, label: String) -> Option<usize> {
        let (document, diagnostics) = document::read(node, id, &self.sources, self.options.readings);
        self.diagnostics.extend(diagnostics);
        let document = document?;
        let own = document.self_uri.as_ref().map(|text| text.value.as_str());
        let identity = match (Url::parse(uri), own) {
            (Ok(read), Some(own)) => read.join(own).map_or_else(|_| uri.to_owned(), String::from),
            _ => uri.to_owned(),
        };
        self.documents.push(Loaded { document, identity, uri: uri.to_owned(), label });
        Some(self.documents.len() - 1)
    }

    /// The source descriptions of one document, and what must be read for them.
    fn describe(&mut self, owner: usize) -> Vec<Ask> {
        let Some(Loaded { document, identity, uri, label }) = self.documents.get(owner) else { return vec![] };
        let (identity, read_at, label) = (Url::parse(identity).ok(), Url::parse(uri).ok(), label.clone());
        let from = uri.clone();
        let descriptions = document.source_descriptions.clone();
        let mut asks = vec![];
        for (index, source) in descriptions.iter().enumerate() {
            if descriptions.iter().take(index).any(|other| other.name.value == source.name.value) {
                self.diagnostics.push(
                    Diagnostic::error(
                        Code::DuplicateName,
                        source.name.span(),
                        format!("two source descriptions are called `{}`", source.name.value),
                    )
                    .help("names of source descriptions are unique".to_owned()),
                );
            }
            let kind = match source.kind.as_ref().map(|kind| kind.value.as_str()) {
                Some("asyncapi") => DescribedKind::Asyncapi,
                Some("arazzo") => DescribedKind::Arazzo,
                _ => DescribedKind::Openapi,
            };
            let place = self.described.len();
            let shown = format!("{label}{}", source.name.value);
            let resolved = resolve(identity.as_ref(), &source.url.value);
            self.described.push(Described {
                document: owner,
                name: source.name.value.clone(),
                label: shown.clone(),
                span: source.url.span(),
                kind,
                identity: resolved.clone().unwrap_or_default(),
                uri: String::new(),
                root: None,
                leads_to: None,
            });
            let given = [Some(shown), resolved.clone().ok()]
                .into_iter()
                .flatten()
                .find_map(|key| self.options.sources.get_key_value(&key));
            let candidates = match (given, resolved) {
                (Some((key, uri)), _) => {
                    self.used.insert(key.clone());
                    vec![Candidate { uri: uri.clone(), departure: false, named: true }]
                }
                (None, Ok(meant)) => {
                    if let Some(known) = self.documents.iter().position(|document| document.identity == meant) {
                        self.link(place, known);
                        continue;
                    }
                    let mut found =
                        candidates(&meant, read_at.as_ref(), &source.url.value, self.options.root.as_deref());
                    if owner == 0 && Url::parse(&source.url.value).is_ok() {
                        found.iter_mut().for_each(|candidate| candidate.named = true);
                    }
                    found
                }
                (None, Err(reason)) => {
                    self.diagnostics.push(
                        Diagnostic::error(
                            Code::SourceNotFound,
                            source.url.span(),
                            format!("`{}` is not a url: {reason}", source.url.value),
                        )
                        .section("§Source Description Object"),
                    );
                    continue;
                }
            };
            let known = candidates
                .iter()
                .find(|c| !c.departure)
                .and_then(|c| Some((c.uri.clone(), self.read.get(&c.uri)?.clone())));
            if let Some((uri, read)) = known {
                self.found(place, uri, read);
                continue;
            }
            let to = if candidates.iter().all(Candidate::is_remote) { &mut self.later } else { &mut asks };
            to.push(Ask { wanted: Wanted::Source(place), candidates, from: Some(from.clone()) });
        }
        asks
    }

    /// `true` if what an ask is for has been read in the meantime: then it is taken.
    fn is_known(&mut self, ask: &Ask) -> bool {
        let Wanted::Source(index) = ask.wanted else { return false };
        let Some(described) = self.described.get(index) else { return true };
        if let Some(known) = self.documents.iter().position(|document| document.identity == described.identity) {
            self.link(index, known);
            return true;
        }
        let read = ask.candidates.iter().find_map(|c| Some((c.uri.clone(), self.read.get(&c.uri)?.clone())));
        let Some((uri, read)) = read else { return false };
        self.found(index, uri, read);
        true
    }

    /// What is left when every document has been read.
    fn unused(&mut self) {
        if self.documents.is_empty() {
            return;
        }
        let names: Vec<String> = self.described.iter().map(|described| described.label.clone()).collect();
        for name in self.options.sources.keys().filter(|name| !self.used.contains(*name)) {
            let help = nearest(name, names.iter().map(String::as_str))
                .map_or_else(|| Help::words(format!("source descriptions: {}", names.join(", "))), Help::meant);
            let message = format!("`{name}` is given as a source, which the document does not describe");
            let remedy = Remedy::SourceNotDescribed(name.clone());
            self.diagnostics.push(Diagnostic::error(Code::UnknownSource, None, message).help(help).remedy(remedy));
        }
    }

    /// A source description that is a document which was read already.
    fn link(&mut self, index: usize, document: usize) {
        let Some((uri, read)) = self.read.iter().find(|(_, read)| read.document == Some(document)) else { return };
        self.found(index, uri.clone(), read.clone());
    }

    /// Keeps what a source description led to, if it is what it is described as.
    fn found(&mut self, index: usize, uri: String, read: Read) {
        let declared = self.described.get(index).and_then(|described| {
            let owner = self.documents.get(described.document)?;
            let source =
                owner.document.source_descriptions.iter().find(|source| source.name.value == described.name)?;
            source.kind.as_ref()
        });
        let wrong = declared.map(document::Text::span);
        let declared = declared.is_some();
        let given = self
            .described
            .get(index)
            .is_some_and(|described| self.used.contains(&described.label) || self.used.contains(&described.identity));
        let Some(described) = self.described.get_mut(index) else { return };
        described.uri = uri;
        if !declared && let Some(kind) = read.kind {
            described.kind = kind;
        }
        if read.kind == Some(described.kind) {
            described.leads_to = read.document;
            described.root = Some(read.node.clone());
            if described.kind == DescribedKind::Openapi {
                let (meant, uri) = (described.identity.clone(), described.uri.clone());
                self.insert(read.node, &meant, &uri);
            }
            return;
        }
        let file = self.sources.get(read.node.span.source).map(|s| s.name.clone()).unwrap_or_default();
        let is =
            read.kind.map_or("neither an OpenAPI, an AsyncAPI nor an Arazzo document", DescribedKind::with_article);
        let (name, wanted) = (&described.name, described.kind.with_article());
        let message = format!("source `{name}` is described as {wanted}, but {file}");
        let at = message.len();
        let span = wrong.unwrap_or(described.span);
        let mut diagnostic = Diagnostic::error(Code::WrongKindOfSource, span, format!("{message} is {is}"));
        if given {
            diagnostic = diagnostic.remedy(Remedy::SourceGiven { at });
        }
        self.diagnostics.push(diagnostic);
    }

    fn give_source(&mut self, index: usize, ask: &Ask, result: Result<Fetched, Unread>) {
        let Some(described) = self.described.get_mut(index) else { return };
        let (name, label, span) = (described.name.clone(), described.label.clone(), described.span);
        let fetched = match result {
            Ok(fetched) => fetched,
            Err(unread) => {
                let mut diagnostic = match unread.refused {
                    Some(refused) => {
                        Diagnostic::error(refused.code, span, format!("source `{name}` {}", refused.message))
                            .help(refused.help)
                    }
                    None => Diagnostic::error(Code::SourceNotFound, span, format!("cannot read source `{name}`"))
                        .help("correct the url")
                        .section("§Source Description Object"),
                };
                diagnostic.remarks = unread.tried;
                self.diagnostics.push(diagnostic.remedy(Remedy::GiveSource(label)));
                return;
            }
        };
        let departure = ask.candidates.iter().any(|candidate| candidate.uri == fetched.uri && candidate.departure);
        if let (true, Some(severity)) = (departure, self.options.readings.severity(Code::RootRelativeSource)) {
            let mut diagnostic = Diagnostic::warning(
                Code::RootRelativeSource,
                span,
                format!("source `{name}` is not where its url leads; it was found at {}", fetched.name),
            )
            .help("write the url relative to this document".to_owned());
            diagnostic.severity = severity;
            self.diagnostics.push(diagnostic);
        }
        let uri = fetched.uri.clone();
        // The uri is kept also if the text is wrong: that was said, and nothing else is missing.
        described.uri.clone_from(&uri);
        if let Some(read) = self.read.get(&uri).cloned() {
            return self.found(index, uri, read);
        }
        let Some((id, node)) = self.parse(fetched, self.options.limits) else { return };
        let node = Arc::new(node);
        let kind = DescribedKind::of(&node);
        let size = self.sources.get(id).map_or(0, |source| source.text.len());
        let document = match kind {
            Some(DescribedKind::Arazzo) if size > self.options.limits.arazzo_bytes => {
                self.diagnostics.push(node::too_large(id, size, self.options.limits.arazzo_bytes));
                None
            }
            Some(DescribedKind::Arazzo) if self.documents.len() >= DOCUMENTS => {
                let message = format!("the description is made of more than {DOCUMENTS} documents");
                self.diagnostics.push(Diagnostic::error(Code::TooManyDocuments, span, message));
                None
            }
            Some(DescribedKind::Arazzo) => self.document(id, &node, &uri, format!("{label}.")),
            _ => None,
        };
        let read = Read { node, kind, document };
        self.read.insert(uri.clone(), read.clone());
        self.found(index, uri, read);
    }
}

impl Loader {
    /// Keeps an API description, or a part of one, and asks for what it refers to.
    fn insert(&mut self, root: Arc<Node>, meant: &str, read_at: &str) {
        let id = root.span.source;
        let text = self.sources.get(id).map(|source| source.text.to_string()).unwrap_or_default();
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

    fn give_reference(&mut self, index: usize, result: Result<Fetched, Unread>) {
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

    fn with_article(self) -> &'static str {
        match self {
            Self::Openapi => "an OpenAPI document",
            Self::Asyncapi => "an AsyncAPI document",
            Self::Arazzo => "an Arazzo document",
        }
    }
}

/// Reads one document of any kind: YAML, or JSON if its name says so. The text is added to `sources`, also if it is
/// wrong.
///
/// # Errors
/// Why there is no tree.
pub fn parse(sources: &mut Sources, fetched: Fetched, limits: NodeLimits) -> Result<(SourceId, Node), Diagnostics> {
    let text = String::from_utf8(fetched.bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let message = format!("`{}` is not UTF-8 text (byte {at})", fetched.name);
        Diagnostics::from(Diagnostic::error(Code::NotUtf8, None, message).help("save it as UTF-8".to_owned()))
    })?;
    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    let id = sources.add(fetched.name, fetched.uri, text);
    if sources.get(id).is_some_and(|source| !is_json(source) && source.text.len() > LARGE) {
        return Node::parse_deferred(sources, id, limits).map(|node| (id, node));
    }
    parse_source(sources, id, limits).map(|node| (id, node))
}

/// Reads a text that is one of the sources: YAML, or JSON if its name says so.
///
/// # Errors
/// Why there is no tree.
pub fn parse_source(sources: &Sources, id: SourceId, limits: NodeLimits) -> Result<Node, Diagnostics> {
    if !sources.get(id).is_some_and(is_json) {
        return Node::parse(sources, id, limits);
    }
    match json_fault(sources, id) {
        Some(fault) => Err(Diagnostics::from(fault)),
        None => Node::parse_json(sources, id, limits),
    }
}

fn is_json(source: &Source) -> bool {
    source.name.ends_with(".json")
}

/// What is JSON by its name must be JSON: YAML would read more, such as a value that is missing.
fn json_fault(sources: &Sources, id: SourceId) -> Option<Diagnostic> {
    let source = sources.get(id)?;
    let error = serde_json::from_str::<serde::de::IgnoredAny>(&source.text).err()?;
    let (line, column) = (u32::try_from(error.line()).ok()?, u32::try_from(error.column().max(1)).ok()?);
    let place = Place { file: source.name.clone(), line, column, end_line: line, end_column: column };
    // Serde's own words end with the place, which is said already.
    let words = error.to_string();
    let words = words.split(" at line ").next().unwrap_or_default();
    Some(Diagnostic::error(Code::JsonSyntax, sources.span(&place), format!("not valid JSON: {words}")))
}

/// What a reference means: an absolute uri, or one relative to the document's own (specification, Relative References in
/// Arazzo Description URIs).
fn resolve(identity: Option<&Url>, reference: &str) -> Result<String, String> {
    if let Ok(absolute) = Url::parse(reference) {
        return Ok(absolute.to_string());
    }
    let base = identity.ok_or_else(|| "there is nothing it could be relative to".to_owned())?;
    base.join(reference).map(String::from).map_err(|error| error.to_string())
}

/// Where what is meant may be read: there; the same way from where the document was read; then from each folder above
/// that, up to the workspace root (docs/readings.md, `root-relative-source`, "`$self` and several documents").
fn candidates(meant: &str, read_at: Option<&Url>, reference: &str, root: Option<&str>) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = vec![];
    let mut add = |uri: String, departure: bool| {
        if !found.iter().any(|candidate: &Candidate| candidate.uri == uri) {
            found.push(Candidate { uri, departure, named: false });
        }
    };
    let relative = Url::parse(reference).is_err();
    if meant.starts_with("file:") || !relative {
        add(meant.to_owned(), false);
    }
    let Some(read_at) = read_at.filter(|_| relative) else { return found };
    if let Ok(near) = read_at.join(reference) {
        add(near.to_string(), false);
    }
    if let (Some(root), "file") = (root, read_at.scheme()) {
        let reference = reference.trim_start_matches('/');
        let mut folder = read_at.join(".").ok();
        while let Some(from) = folder.filter(|folder| folder.as_str().starts_with(root)) {
            if let Some(uri) = from.join(reference).ok().map(String::from).filter(|uri| uri.starts_with(root)) {
                add(uri, true);
            }
            folder = if from.as_str() == root { None } else { from.join("..").ok() };
        }
    }
    if !meant.starts_with("file:") {
        add(meant.to_owned(), false);
    }
    found
}
