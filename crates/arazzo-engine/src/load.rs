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

use std::collections::BTreeMap;

use url::Url;

use crate::diagnostic::{Diagnostic, Diagnostics, nearest};
use crate::document::{self, Document};
use crate::node::{Node, NodeLimits};
use crate::readings::Readings;
use crate::source::{Place, SourceId, Sources, Span};

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
}

/// The role of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The entry document.
    Entry,
    /// The source description with this index.
    Source(usize),
}

/// A place where a document may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its absolute uri.
    pub uri: String,
    /// `true` if only the reading `root-relative-source` looks there.
    pub departure: bool,
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

/// What must be known before the first document is read.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// How departures are read.
    pub readings: Readings,
    /// `--source NAME=uri`: takes the place of a source description's url.
    pub sources: BTreeMap<String, String>,
    /// The uri of the workspace root, with a `/` at its end; source descriptions are looked for up to there.
    pub root: Option<String>,
    /// Limits on each document.
    pub limits: NodeLimits,
}

/// Everything that was loaded.
#[derive(Debug)]
pub struct Bundle {
    /// All texts.
    pub sources: Sources,
    /// The entry document.
    pub document: Document,
    /// The source descriptions in the order of the document.
    pub described: Vec<Described>,
}

/// A source description with what its url led to.
#[derive(Debug)]
pub struct Described {
    /// Its name.
    pub name: String,
    /// Where its url is written.
    pub span: Span,
    /// What kind of document it is.
    pub kind: DescribedKind,
    /// Where it was read from, absolute.
    pub uri: String,
    /// The tree; `None` if it could not be read (a diagnostic says why).
    pub root: Option<Node>,
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
    document: Option<Document>,
    described: Vec<Described>,
    asked: bool,
    diagnostics: Diagnostics,
}

impl Loader {
    /// Begins to load the document at `uri`, which people call `name`.
    #[must_use]
    pub fn new(uri: impl Into<String>, name: impl Into<String>, options: LoadOptions) -> Self {
        Self {
            options,
            entry: Candidate { uri: uri.into(), departure: false },
            entry_name: name.into(),
            sources: Sources::default(),
            document: None,
            described: vec![],
            asked: false,
            diagnostics: Diagnostics::default(),
        }
    }

    /// What is needed next; the same asks are never made twice.
    pub fn need(&mut self) -> Need {
        if self.sources.iter().next().is_none() && !self.asked {
            self.asked = true;
            return Need::Asks(vec![Ask { wanted: Wanted::Entry, candidates: vec![self.entry.clone()] }]);
        }
        let Some(document) = &self.document else { return Need::Done };
        if !self.described.is_empty() || document.source_descriptions.is_empty() {
            return Need::Done;
        }
        let asks = self.describe();
        if asks.is_empty() { Need::Done } else { Need::Asks(asks) }
    }

    /// Answers an ask: the document, or what was tried and why it could not be read, one line a candidate.
    pub fn give(&mut self, ask: &Ask, result: Result<Fetched, Vec<String>>) {
        match ask.wanted {
            Wanted::Entry => match result {
                Ok(fetched) => {
                    let Some((id, node)) = self.parse(fetched) else { return };
                    let (document, diagnostics) = document::read(&node, id, &self.sources, self.options.readings);
                    self.diagnostics.extend(diagnostics);
                    self.document = document;
                }
                Err(tried) => {
                    let message = format!("cannot read `{}`: {}", self.entry_name, tried.join("; "));
                    self.diagnostics.push(Diagnostic::error("document-not-found", None, message));
                }
            },
            Wanted::Source(index) => self.give_source(index, ask, result),
        }
    }

    /// The bundle, as far as it could be loaded, and everything that is wrong with it.
    #[must_use]
    pub fn finish(self) -> (Option<Bundle>, Diagnostics, Sources) {
        let sources = self.sources.clone();
        let bundle =
            self.document.map(|document| Bundle { sources: self.sources, document, described: self.described });
        (bundle, self.diagnostics, sources)
    }

    fn parse(&mut self, fetched: Fetched) -> Option<(SourceId, Node)> {
        parse(&mut self.sources, fetched, self.options.limits).map_err(|faults| self.diagnostics.extend(faults)).ok()
    }

    fn describe(&mut self) -> Vec<Ask> {
        let Some(document) = &self.document else { return vec![] };
        let base = document
            .self_uri
            .as_ref()
            .and_then(|text| Url::parse(&text.value).ok().filter(|url| url.scheme() == "file"));
        let base = base.or_else(|| Url::parse(&self.entry.uri).ok());
        let mut asks = vec![];
        let mut diagnostics = vec![];
        for name in self.options.sources.keys() {
            if !document.source_descriptions.iter().any(|source| source.name.value == *name) {
                let names: Vec<&str> = document.source_descriptions.iter().map(|s| s.name.value.as_str()).collect();
                let help = nearest(name, names.iter().copied()).map_or_else(
                    || format!("source descriptions: {}", names.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                diagnostics.push(
                    Diagnostic::error(
                        "unknown-source",
                        None,
                        format!("--source names `{name}`, which the document does not describe"),
                    )
                    .help(help),
                );
            }
        }
        for (index, source) in document.source_descriptions.iter().enumerate() {
            if document.source_descriptions.iter().take(index).any(|other| other.name.value == source.name.value) {
                diagnostics.push(
                    Diagnostic::error(
                        "duplicate-name",
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
            self.described.push(Described {
                name: source.name.value.clone(),
                span: source.url.span(),
                kind,
                uri: String::new(),
                root: None,
            });
            let candidates = match self.options.sources.get(&source.name.value) {
                Some(uri) => vec![Candidate { uri: uri.clone(), departure: false }],
                None => match candidates(base.as_ref(), &source.url.value, self.options.root.as_deref()) {
                    Ok(candidates) => candidates,
                    Err(reason) => {
                        diagnostics.push(
                            Diagnostic::error(
                                "source-not-found",
                                source.url.span(),
                                format!("`{}` is not a url: {reason}", source.url.value),
                            )
                            .section("§Source Description Object"),
                        );
                        continue;
                    }
                },
            };
            let remote =
                candidates.first().is_some_and(|c| c.uri.starts_with("http://") || c.uri.starts_with("https://"));
            if remote {
                let name = &source.name.value;
                diagnostics.push(
                    Diagnostic::error(
                        "remote-source",
                        source.url.span(),
                        "sources on the network are not supported yet",
                    )
                    .label("this url is not fetched")
                    .help(format!("save the document and run with --source {name}=FILE")),
                );
                continue;
            }
            asks.push(Ask { wanted: Wanted::Source(index), candidates });
        }
        self.diagnostics.extend(diagnostics);
        asks
    }

    fn give_source(&mut self, index: usize, ask: &Ask, result: Result<Fetched, Vec<String>>) {
        let Some((name, span)) = self.described.get(index).map(|d| (d.name.clone(), d.span)) else { return };
        match result {
            Ok(fetched) => {
                let departure =
                    ask.candidates.iter().any(|candidate| candidate.uri == fetched.uri && candidate.departure);
                if let (true, Some(severity)) = (departure, self.options.readings.severity("root-relative-source")) {
                    let mut diagnostic = Diagnostic::warning(
                        "root-relative-source",
                        span,
                        format!("source `{name}` is not where its url leads; it was found at {}", fetched.name),
                    )
                    .help("write the url relative to this document".to_owned());
                    diagnostic.severity = severity;
                    self.diagnostics.push(diagnostic);
                }
                let uri = fetched.uri.clone();
                let parsed = self.parse(fetched);
                let given = self.options.sources.contains_key(&name);
                let declared = self
                    .document
                    .as_ref()
                    .and_then(|d| d.source_descriptions.get(index))
                    .is_some_and(|s| s.kind.is_some());
                let mut wrong_kind = None;
                if let (Some(described), Some((id, node))) = (self.described.get_mut(index), parsed) {
                    let found = DescribedKind::of(&node);
                    if !declared && let Some(found) = found {
                        described.kind = found;
                    }
                    if found != Some(described.kind) {
                        wrong_kind = Some((id, described.kind, found));
                    }
                    described.uri = uri;
                    described.root = Some(node);
                }
                if let Some((id, wanted, found)) = wrong_kind {
                    let file = self.sources.get(id).map(|s| s.name.clone()).unwrap_or_default();
                    let is = found
                        .map_or("neither an OpenAPI, an AsyncAPI nor an Arazzo document", DescribedKind::with_article);
                    let from = if given { " (given with --source)" } else { "" };
                    self.diagnostics.push(Diagnostic::error(
                        "wrong-kind-of-source",
                        span,
                        format!("source `{name}` is described as {}, but {file}{from} is {is}", wanted.with_article()),
                    ));
                    if let Some(described) = self.described.get_mut(index) {
                        described.root = None;
                    }
                }
            }
            Err(tried) => {
                let mut diagnostic =
                    Diagnostic::error("source-not-found", span, format!("cannot read source `{name}`"))
                        .help(format!("correct the url, or run with --source {name}=FILE"))
                        .section("§Source Description Object");
                diagnostic.remarks = tried;
                self.diagnostics.push(diagnostic);
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
        Diagnostics::from(Diagnostic::error("not-utf8", None, message).help("save it as UTF-8".to_owned()))
    })?;
    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    let is_json = fetched.name.ends_with(".json");
    let id = sources.add(fetched.name, fetched.uri, text);
    if !is_json {
        let large = sources.get(id).is_some_and(|source| source.text.len() > LARGE);
        let parse = if large { Node::parse_deferred } else { Node::parse };
        return parse(sources, id, limits).map(|node| (id, node));
    }
    match json_fault(sources, id) {
        Some(fault) => Err(Diagnostics::from(fault)),
        None => Node::parse_json(sources, id, limits).map(|node| (id, node)),
    }
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
    Some(Diagnostic::error("json-syntax", sources.span(&place), format!("not valid JSON: {words}")))
}

/// Where `reference` may be: against the base, then against each folder above it up to the workspace root (docs/readings.md,
/// `root-relative-source`).
fn candidates(base: Option<&Url>, reference: &str, root: Option<&str>) -> Result<Vec<Candidate>, String> {
    if let Ok(absolute) = Url::parse(reference) {
        return Ok(vec![Candidate { uri: absolute.to_string(), departure: false }]);
    }
    let Some(base) = base else { return Err("there is nothing it could be relative to".to_owned()) };
    let literal = base.join(reference).map_err(|error| error.to_string())?;
    let mut found = vec![Candidate { uri: literal.to_string(), departure: false }];
    let (Some(root), "file") = (root, base.scheme()) else { return Ok(found) };
    let relative = reference.trim_start_matches('/');
    let mut folder = base.join(".").map_err(|error| error.to_string())?;
    while folder.as_str().starts_with(root) {
        if let Ok(uri) = folder.join(relative).map(|url| url.to_string())
            && uri.starts_with(root)
            && !found.iter().any(|candidate| candidate.uri == uri)
        {
            found.push(Candidate { uri, departure: true });
        }
        if folder.as_str() == root {
            break;
        }
        folder = folder.join("..").map_err(|error| error.to_string())?;
    }
    Ok(found)
}
