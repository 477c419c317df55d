//! An OpenAPI document by itself: what it describes, and what is wrong with it.

use std::collections::BTreeMap;

use arazzo_engine::code::Code;
use arazzo_engine::diagnostic::{Diagnostic, Diagnostics};
use arazzo_engine::load::{Bundle, LoadOptions};
use arazzo_engine::node::Node;
use arazzo_engine::openapi::security::{Kind, Scheme};
use arazzo_engine::openapi::{Api, Operation, path};
use arazzo_engine::source::{Sources, Span};

use crate::builder::Builder;
use crate::checked::Checked;
use crate::documents::fetch;
use crate::documents::location::name_of;
use crate::error::Error;

/// The contents of an OpenAPI document.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ApiOverview {
    /// The version as it is written, with its field: `openapi 3.1.0`, `swagger 2.0`.
    pub format: String,
    /// `info.title`
    pub title: String,
    /// `info.version`
    pub version: String,
    /// The urls of the servers that operations are called at, each once, the defaults of variables filled in.
    pub servers: Vec<String>,
    /// The security schemes.
    pub schemes: Vec<SchemeOverview>,
    /// The operations, in the order of the document.
    pub operations: Vec<OperationOverview>,
    /// Everything that was found in it.
    pub checked: Checked,
}

/// A security scheme.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SchemeOverview {
    /// Its name.
    pub name: String,
    /// What it asks for, in words: `a key in the header X-Key`.
    pub asks: String,
}

/// An operation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OperationOverview {
    /// `operationId`
    pub id: Option<String>,
    /// `GET`
    pub method: String,
    /// `/pets/{id}`
    pub path: String,
    /// The first line of `summary`, else of `description`.
    pub summary: Option<String>,
    /// Its parameters, and those of its path: name, place, whether it is required.
    pub parameters: Vec<(String, String, bool)>,
    /// The media types of its body, and whether it is required; none if it takes none.
    pub body: Option<(Vec<String>, bool)>,
    /// The security schemes that it asks for: any of the lists serves.
    pub security: Vec<Vec<String>>,
    /// `deprecated`
    pub deprecated: bool,
}

impl Builder {
    /// Reads the OpenAPI document at the path: what it describes, and what is wrong with it. Blocks its thread, as
    /// [`Builder::load_blocking`] does.
    ///
    /// # Errors
    /// [`Error::Documents`] if it cannot be read.
    pub fn inspect_api(mut self) -> Result<ApiOverview, Error> {
        let (bundle, mut found, sources) = self.read_api()?;
        let Some((root, store)) = root_of(&bundle) else {
            return Err(Error::Documents { diagnostics: found, sources });
        };
        let api = Api::new(root, store);
        found.extend(api.faults());
        let operations: Vec<Operation<'_>> = api.operations().collect();
        find_faults(api, &operations, &mut found);
        let text = |node: Option<&Node>| node.map(|node| node.as_written().to_owned()).unwrap_or_default();
        let info = |field: &str| text(root.get("info").and_then(|info| info.get(field)));
        let mut servers: Vec<String> = vec![];
        for operation in &operations {
            let server = operation.server();
            let url = server.filled(&|_| None).unwrap_or(server.url);
            if !servers.contains(&url) {
                servers.push(url);
            }
        }
        let found = found.worded(self.grants.hosts.naming).sorted();
        let schemes = api.scheme_names().filter_map(|name| api.scheme(name));
        let schemes = schemes.map(|scheme| SchemeOverview { asks: word_scheme(&scheme), name: scheme.name }).collect();
        let operations = operations.iter().map(overview).collect();
        let version = api.version().map(|(key, node)| format!("{} {}", key.name, node.as_written()));
        Ok(ApiOverview {
            format: version.unwrap_or_default(),
            title: info("title"),
            version: info("version"),
            servers,
            schemes,
            operations,
            checked: Checked::new(found, sources),
        })
    }

    /// Reads the OpenAPI document at the path, which is none of the source descriptions of a document.
    ///
    /// # Errors
    /// [`Error::Documents`] if it cannot be read.
    pub(crate) fn read_api(&mut self) -> Result<(Bundle, Diagnostics, Sources), Error> {
        self.options.headers = self.headers()?;
        let remote = self.remote()?;
        let options = LoadOptions { parsed: self.options.parsed.clone(), ..LoadOptions::default() };
        let (bundle, found, sources) = fetch::api(&self.path, options, &self.place, &remote)?.finish();
        let naming = self.grants.hosts.naming;
        if let Some(bundle) = bundle.filter(|bundle| root_of(bundle).is_some()) {
            return Ok((bundle, found, sources));
        }
        // No source description of anybody: the document itself was named.
        let unread = found.iter().find_map(|fault| match fault.code {
            Code::SourceNotFound => Some((fault, Code::DocumentNotFound, None)),
            Code::SourceRefused => Some((fault, fault.code, Some("save it to a file".to_owned()))),
            _ => None,
        });
        let diagnostics = unread.map_or_else(
            || found.clone(),
            |(fault, code, help)| {
                let name = name_of(&self.path);
                let message = format!("cannot read `{name}`: {}", fault.remarks.join("; "));
                Diagnostic::error(code, None, message).help(help).into()
            },
        );
        Err(Error::Documents { diagnostics: diagnostics.worded(naming), sources })
    }
}

/// The tree of the document that was read, with those that it refers to.
pub(crate) fn root_of(bundle: &Bundle) -> Option<(&Node, &arazzo_engine::openapi::store::DocumentStore)> {
    Some((bundle.described.first()?.root.as_deref()?, &bundle.store))
}

/// The faults of a document that matter to whoever calls its operations.
fn find_faults(api: Api<'_>, operations: &[Operation<'_>], found: &mut Diagnostics) {
    let mut broken = api.broken_paths();
    let mut ids: BTreeMap<&str, Span> = BTreeMap::new();
    for operation in operations {
        let (parameters, faults) = operation.parameters();
        broken.extend(faults);
        broken.extend(operation.request_body().err());
        broken.extend(operation.broken_schemes());
        if let Some(id) = operation.id() {
            match ids.get(id) {
                Some(first) => found.push(
                    Diagnostic::warning(
                        Code::AmbiguousOperationId,
                        operation.key.span,
                        format!("a second operation is called `{id}`"),
                    )
                    .note(*first, "the first one")
                    .help("an operationId is unique: rename one of them"),
                ),
                None => drop(ids.insert(id, operation.key.span)),
            }
        }
        for placeholder in path::placeholders(operation.path) {
            let described = |parameter: &arazzo_engine::openapi::Parameter<'_>| {
                parameter.location == "path" && parameter.name == placeholder.name
            };
            if !parameters.iter().any(described) {
                let name = placeholder.name;
                found.push(
                    Diagnostic::warning(
                        Code::UndeclaredParameter,
                        operation.key.span,
                        format!("{} does not describe its path parameter `{name}`", operation.endpoint()),
                    )
                    .help(format!("add {{ name: {name}, in: path, required: true }} to its `parameters`")),
                );
            }
        }
        if operation.responses().is_empty() {
            let message = format!("{} describes no response", operation.endpoint());
            found.push(
                Diagnostic::warning(Code::MissingField, operation.key.span, message)
                    .help("add `responses`: without it no answer can be checked, and a mock has none"),
            );
        }
    }
    let mut spans: Vec<Span> = vec![];
    for fault in broken {
        if !spans.contains(&fault.span) {
            spans.push(fault.span);
            found.push(fault.diagnostic());
        }
    }
}

fn overview(operation: &Operation<'_>) -> OperationOverview {
    let text = |field: &str| operation.node.get(field).and_then(Node::as_str);
    let summary = text("summary").or_else(|| text("description")).and_then(|text| text.trim().lines().next());
    let (parameters, _) = operation.parameters();
    let parameter =
        |one: &arazzo_engine::openapi::Parameter<'_>| (one.name.to_owned(), one.location.to_owned(), one.required);
    let body = operation.request_body().ok().flatten();
    let body = body.map(|body| (body.content.iter().map(|media| media.name.to_owned()).collect(), body.required));
    let ways = operation.security().unwrap_or_default();
    let way = |needed: Vec<arazzo_engine::openapi::security::Needed>| {
        needed.into_iter().map(|needed| needed.scheme.name).collect()
    };
    OperationOverview {
        id: operation.id().map(str::to_owned),
        method: operation.method.to_ascii_uppercase(),
        path: operation.path.to_owned(),
        summary: summary.map(str::to_owned),
        parameters: parameters.iter().map(parameter).collect(),
        body,
        security: ways.into_iter().map(way).collect(),
        deprecated: operation.node.get("deprecated").and_then(Node::as_bool) == Some(true),
    }
}

fn word_scheme(scheme: &Scheme) -> String {
    match &scheme.kind {
        Kind::ApiKey { name, location } => format!("a key in the {location} {name}"),
        Kind::Basic => "a user and a password (basic)".to_owned(),
        Kind::Digest => "a user and a password (digest)".to_owned(),
        Kind::Bearer => "a bearer token".to_owned(),
        Kind::OAuth2(_) => "an OAuth 2 token".to_owned(),
        Kind::OpenIdConnect(_) => "an OpenID Connect token".to_owned(),
        Kind::MutualTls => "a client certificate".to_owned(),
        Kind::Other(words) => words.clone(),
        _ => String::new(),
    }
}
