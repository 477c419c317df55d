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
//!         loader.give(&ask, Ok(Fetched { name: "flow.yaml".into(), uri, content: text.into() }));
//!     }
//! }
//! let (bundle, diagnostics, _sources) = loader.finish();
//! assert!(bundle.is_some());
//! assert!(diagnostics.has_errors()); // two lists are empty
//! ```

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use url::Url;

use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics, Edit, Severity};
use crate::document;
use crate::node::{Anchors, Node, NodeLimits};
use crate::openapi::store::DocumentStore;
use crate::readings::Readings;
use crate::source::{SourceId, Sources, Span};

mod ask;
mod bundle;
mod candidates;
mod descriptions;
mod parse;
mod parsed;
mod references;

pub use ask::{Ask, Content, DocumentRole, Fetched, Need, Refused, Unread};
pub use bundle::{Bundle, Described, DescribedKind, Loaded};
pub use candidates::Candidate;
pub use parse::{parse, parse_source};
pub(crate) use parsed::FoundIn;
pub use parsed::ParsedDocuments;

use references::{Mentions, Reference};

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
    /// Where documents stay parsed, for the next time that they are loaded.
    pub parsed: Option<ParsedDocuments>,
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
    /// References to files that may not be read: what is meant, and what to say.
    refused: Vec<(String, Diagnostic)>,
    /// Names of `--source` that were meant.
    used: BTreeSet<String>,
    /// Values that stand in several places of their documents, by anchors.
    shared: Vec<Span>,
    began: bool,
    done: bool,
    diagnostics: Diagnostics,
}

/// The tree of a text, and what the text mentions.
#[derive(Debug, Clone)]
struct Tree {
    node: Arc<Node>,
    /// `true` if parts of it are read when they are looked at.
    deferred: bool,
    anchors: Arc<Anchors>,
    mentions: Arc<OnceLock<Mentions>>,
}

impl Tree {
    fn of(node: Node, anchors: Anchors) -> Self {
        let deferred = node.is_deferred();
        Self { node: Arc::new(node), deferred, anchors: Arc::new(anchors), mentions: Arc::default() }
    }

    /// The tree for one more load, which says what is wrong with the parts that it looks at.
    fn unseen(self) -> Self {
        if self.deferred { Self { node: Arc::new(self.node.unseen()), ..self } } else { self }
    }
}

/// A text that was read: its tree, what it is, and which document of the description it is.
#[derive(Debug, Clone)]
struct Read {
    tree: Tree,
    kind: Option<DescribedKind>,
    document: Option<usize>,
}

impl Loader {
    /// Begins to load the document at `uri`, which people call `name`.
    #[must_use]
    pub fn new(uri: impl Into<String>, name: impl Into<String>, mut options: LoadOptions) -> Self {
        // YAML 1.2 has no merge keys.
        options.limits.merge_keys = options.readings != Readings::Letter;
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
            used: BTreeSet::new(),
            shared: vec![],
            began: false,
            done: false,
            diagnostics: Diagnostics::default(),
        }
    }

    /// Begins to load an OpenAPI document that no Arazzo document describes: it becomes the only source description.
    #[must_use]
    pub fn of_api(uri: impl Into<String>, name: impl Into<String>, options: LoadOptions) -> Self {
        Self::of_description(DescribedKind::Openapi, uri, name, options)
    }

    /// As [`Loader::of_api`], for a document of another kind that describes.
    #[must_use]
    pub fn of_description(
        kind: DescribedKind,
        uri: impl Into<String>,
        name: impl Into<String>,
        options: LoadOptions,
    ) -> Self {
        let (uri, name) = (uri.into(), name.into());
        let mut loader = Self::new(uri.clone(), name.clone(), options);
        loader.described.push(Described {
            document: 0,
            name: name.clone(),
            label: name,
            span: Span { source: SourceId(0), start: 0, end: 0 },
            kind,
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
            let role = if self.described.is_empty() { DocumentRole::Entry } else { DocumentRole::Source(0) };
            return Need::Asks(vec![Ask { role, candidates: vec![self.entry.clone()], from: None }]);
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
            if !self.take_known(&ask) {
                asks.push(ask);
            }
        }
        if !asks.is_empty() {
            return Need::Asks(asks);
        }
        let asks = self.ask_for_references();
        if !asks.is_empty() {
            return Need::Asks(asks);
        }
        if !self.done {
            self.done = true;
            self.report_unused();
        }
        Need::Done
    }

    /// Answers an ask: the document, or why it could not be read.
    pub fn give(&mut self, ask: &Ask, result: Result<Fetched, Unread>) {
        match ask.role {
            DocumentRole::Entry => self.give_entry(result),
            DocumentRole::Source(index) => self.give_source(index, ask, result),
            DocumentRole::Reference(index) => self.give_reference(index, result),
        }
    }

    fn give_entry(&mut self, result: Result<Fetched, Unread>) {
        match result {
            Ok(fetched) => {
                let uri = fetched.uri.clone();
                let limits = NodeLimits { bytes: self.options.limits.arazzo_bytes, ..self.options.limits };
                let Some((id, tree)) = self.parse_wanted(fetched, limits) else { return };
                let kind = DescribedKind::of(&tree.node);
                let document = self.read_document(id, &tree.node, &uri, String::new());
                self.read.insert(uri, Read { tree, kind, document });
            }
            Err(unread) => {
                let message = format!("cannot read `{}`: {}", self.entry_name, unread.tried.join("; "));
                let code = unread.refused.as_ref().map_or(Code::DocumentNotFound, |refused| refused.code);
                let help = unread.refused.map(|refused| refused.help);
                self.diagnostics.push(Diagnostic::error(code, None, message).help(help));
            }
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
            anchors: Anchors { merges: vec![], shared: self.shared },
            parsed: self.options.parsed,
        });
        (bundle, self.diagnostics, sources)
    }

    /// The tree of a text, which is parsed if it was not before.
    ///
    /// # Errors
    /// Why there is none.
    fn parse(&mut self, fetched: Fetched, limits: NodeLimits) -> Result<(SourceId, Tree), Diagnostics> {
        let (id, tree) = match &self.options.parsed {
            Some(parsed) => parsed.parse(&mut self.sources, fetched, limits)?,
            None => {
                let id = parse::add(&mut self.sources, fetched)?;
                let (node, anchors) = parse::parse_added(&self.sources, id, limits)?;
                (id, Tree::of(node, anchors))
            }
        };
        self.report_merges(&tree);
        self.shared.extend(tree.anchors.shared.iter().copied());
        Ok((id, tree))
    }

    /// The reading `yaml-merge-key`: each place of an Arazzo document, and an API description that has some.
    fn report_merges(&mut self, tree: &Tree) {
        let is_arazzo = DescribedKind::of(&tree.node) == Some(DescribedKind::Arazzo);
        let Some(severity) = self.options.readings.severity(Code::YamlMergeKey) else { return };
        let shown = if is_arazzo { tree.anchors.merges.len() } else { 1 };
        for merge in tree.anchors.merges.iter().take(shown) {
            let message = match tree.anchors.merges.len() {
                several if !is_arazzo && several > 1 => {
                    format!("`<<` is a merge key, which YAML 1.2 does not have ({several} places)")
                }
                _ => "`<<` is a merge key, which YAML 1.2 does not have".to_owned(),
            };
            let mut found = Diagnostic::warning(Code::YamlMergeKey, merge.key, message)
                .label("read as the members of what it names, but for those that stand here")
                .help("write these members here")
                .section("§Format");
            found.severity = match severity {
                Severity::Warning if !is_arazzo => Severity::Hint,
                other => other,
            };
            if let Some(text) = merge.written_out.clone().filter(|_| is_arazzo) {
                let edits = vec![Edit { span: merge.span, text }];
                found = found.fix("write out the members that `<<` takes over", true, edits);
            }
            self.diagnostics.push(found);
        }
    }

    /// As [`Loader::parse`]; why there is no tree is said.
    fn parse_wanted(&mut self, fetched: Fetched, limits: NodeLimits) -> Option<(SourceId, Tree)> {
        self.parse(fetched, limits).map_err(|faults| self.diagnostics.extend(faults)).ok()
    }

    /// Reads the Arazzo objects of a tree; the index of the document.
    fn read_document(&mut self, id: SourceId, node: &Arc<Node>, uri: &str, label: String) -> Option<usize> {
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
}
