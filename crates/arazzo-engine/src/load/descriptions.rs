//! Source descriptions: where their documents may be, and whether these are what they are described as.

use url::Url;

use super::candidates::{Candidate, candidates, resolve};
use super::{Ask, Described, DescribedKind, DocumentRole, Fetched, Loaded, Loader, Read, Unread};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Help, nearest};
use crate::document::{SourceDescription, Text};
use crate::node::{self, Node};
use crate::remedy::Remedy;

/// The most documents that one description may be made of.
const DOCUMENTS: usize = 64;

/// The document that source descriptions stand in.
struct Owner {
    /// Its index in [`super::Bundle::documents`].
    document: usize,
    identity: Option<Url>,
    read_at: Option<Url>,
    /// Where it was read, as it is told to the caller.
    uri: String,
    label: String,
}

impl Owner {
    fn new(document: usize, loaded: &Loaded) -> Self {
        Self {
            document,
            identity: Url::parse(&loaded.identity).ok(),
            read_at: Url::parse(&loaded.uri).ok(),
            uri: loaded.uri.clone(),
            label: loaded.label.clone(),
        }
    }
}

impl Loader {
    /// Adds the source descriptions of one document; the documents that must be read for them now.
    pub(super) fn describe(&mut self, document: usize) -> Vec<Ask> {
        let Some(loaded) = self.documents.get(document) else { return vec![] };
        let owner = Owner::new(document, loaded);
        let descriptions = loaded.document.source_descriptions.clone();
        let mut asks = vec![];
        for (index, source) in descriptions.iter().enumerate() {
            if descriptions.iter().take(index).any(|other| other.name.value == source.name.value) {
                let message = format!("two source descriptions are called `{}`", source.name.value);
                self.diagnostics.push(
                    Diagnostic::error(Code::DuplicateName, source.name.span(), message)
                        .help("names of source descriptions are unique".to_owned()),
                );
            }
            asks.extend(self.describe_source(&owner, source));
        }
        asks
    }

    /// Adds one source description; the ask for its document, if that must be read now.
    fn describe_source(&mut self, owner: &Owner, source: &SourceDescription) -> Option<Ask> {
        let index = self.described.len();
        let kind = match source.kind.as_ref().map(|kind| kind.value.as_str()) {
            Some("asyncapi") => DescribedKind::Asyncapi,
            Some("arazzo") => DescribedKind::Arazzo,
            _ => DescribedKind::Openapi,
        };
        let label = format!("{}{}", owner.label, source.name.value);
        let resolved = resolve(owner.identity.as_ref(), &source.url.value);
        self.described.push(Described {
            document: owner.document,
            name: source.name.value.clone(),
            label: label.clone(),
            span: source.url.span(),
            kind,
            identity: resolved.clone().unwrap_or_default(),
            uri: String::new(),
            root: None,
            leads_to: None,
        });
        let candidates = match (self.given(&label, resolved.as_deref().ok()), resolved) {
            (Some(given), _) => vec![given],
            (None, Ok(meant)) => {
                if let Some(known) = self.documents.iter().position(|document| document.identity == meant) {
                    self.link_document(index, known);
                    return None;
                }
                self.source_candidates(owner, source, &meant)
            }
            (None, Err(reason)) => {
                let message = format!("`{}` is not a url: {reason}", source.url.value);
                self.diagnostics.push(
                    Diagnostic::error(Code::SourceNotFound, source.url.span(), message)
                        .section("§Source Description Object"),
                );
                return None;
            }
        };
        let first = candidates.iter().find(|candidate| !candidate.departure);
        let known = first.and_then(|first| Some((first.uri.clone(), self.read.get(&first.uri)?.clone())));
        if let Some((uri, read)) = known {
            self.keep_source(index, uri, read);
            return None;
        }
        let remote = candidates.iter().all(Candidate::is_remote);
        let ask = Ask { role: DocumentRole::Source(index), candidates, from: Some(owner.uri.clone()) };
        if remote {
            self.later.push(ask);
            return None;
        }
        Some(ask)
    }

    /// The document that was given in the place of what a source description names.
    fn given(&mut self, label: &str, meant: Option<&str>) -> Option<Candidate> {
        let mut keys = [Some(label), meant].into_iter().flatten();
        let (key, uri) = keys.find_map(|key| self.options.sources.get_key_value(key))?;
        self.used.insert(key.clone());
        Some(Candidate { uri: uri.clone(), departure: false, named: true })
    }

    fn source_candidates(&self, owner: &Owner, source: &SourceDescription, meant: &str) -> Vec<Candidate> {
        let url = &source.url.value;
        let mut found = candidates(meant, owner.read_at.as_ref(), url, self.options.root.as_deref());
        if owner.document == 0 && Url::parse(url).is_ok() {
            found.iter_mut().for_each(|candidate| candidate.named = true);
        }
        found
    }

    /// `true` if what an ask is for has been read in the meantime: then it is taken.
    pub(super) fn take_known(&mut self, ask: &Ask) -> bool {
        let DocumentRole::Source(index) = ask.role else { return false };
        let Some(described) = self.described.get(index) else { return true };
        if let Some(known) = self.documents.iter().position(|document| document.identity == described.identity) {
            self.link_document(index, known);
            return true;
        }
        let read = ask.candidates.iter().find_map(|c| Some((c.uri.clone(), self.read.get(&c.uri)?.clone())));
        let Some((uri, read)) = read else { return false };
        self.keep_source(index, uri, read);
        true
    }

    /// Says which sources were given and are not described, when every document has been read.
    pub(super) fn report_unused(&mut self) {
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
    fn link_document(&mut self, index: usize, document: usize) {
        let Some((uri, read)) = self.read.iter().find(|(_, read)| read.document == Some(document)) else { return };
        self.keep_source(index, uri.clone(), read.clone());
    }

    /// Keeps what a source description led to, if it is what it is described as.
    fn keep_source(&mut self, index: usize, uri: String, read: Read) {
        let declared = self.described.get(index).and_then(|described| {
            let owner = self.documents.get(described.document)?;
            let source =
                owner.document.source_descriptions.iter().find(|source| source.name.value == described.name)?;
            source.kind.as_ref()
        });
        let wrong = declared.map(Text::span);
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
            described.root = Some(read.tree.node.clone());
            let kind = described.kind;
            if kind != DescribedKind::Arazzo {
                let (meant, uri) = (described.identity.clone(), described.uri.clone());
                self.insert(&read.tree, &meant, &uri);
            }
            if kind == DescribedKind::Openapi {
                self.check_version(&read.tree.node);
            }
            return;
        }
        let file = self.sources.get(read.tree.node.span.source).map(|s| s.name.clone()).unwrap_or_default();
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

    /// Says that a description is of a version of OpenAPI that is not known.
    fn check_version(&mut self, root: &Node) {
        let Some((field, value)) = ["openapi", "swagger"].into_iter().find_map(|field| Some((field, root.get(field)?)))
        else {
            return;
        };
        let (known, wanted): (&[&str], _) =
            if field == "openapi" { (&["3.0", "3.1", "3.2"], "3.0, 3.1 or 3.2") } else { (&["2.0"], "2.0") };
        let text = value.as_written();
        let fits =
            |known: &&str| text.strip_prefix(*known).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        if known.iter().any(fits) {
            return;
        }
        let Some(severity) = self.options.readings.severity(Code::UnknownVersion) else { return };
        let read = if field == "openapi" { "3.2" } else { "2.0" };
        let message = format!("`{field}: {text}` is not a version that is known; it is read as {read}");
        let mut diagnostic = Diagnostic::warning(Code::UnknownVersion, value.span, message)
            .help(match (field, text.split('.').next()) {
                ("swagger", Some("3")) => format!("write openapi: {text}"),
                ("openapi", Some("2")) => "write swagger: \"2.0\"".to_owned(),
                _ => format!("this version reads {wanted}"),
            })
            .section("OpenAPI, §OpenAPI Object");
        diagnostic.severity = severity;
        self.diagnostics.push(diagnostic);
    }

    pub(super) fn give_source(&mut self, index: usize, ask: &Ask, result: Result<Fetched, Unread>) {
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
            return self.keep_source(index, uri, read);
        }
        let Some((id, tree)) = self.parse_wanted(fetched, self.options.limits) else { return };
        let kind = DescribedKind::of(&tree.node);
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
            Some(DescribedKind::Arazzo) => self.read_document(id, &tree.node, &uri, format!("{label}.")),
            _ => None,
        };
        let read = Read { tree, kind, document };
        self.read.insert(uri.clone(), read.clone());
        self.keep_source(index, uri, read);
    }
}
