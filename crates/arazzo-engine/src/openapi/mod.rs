//! Finding an operation in an OpenAPI document, and reading what a call of it needs: lean, lazy, tolerant.
//!
//! A view borrows the tree and reads a field when it is asked for; nothing is deserialized whole, so a fault somewhere
//! else in a large document does not matter. Knows no Arazzo and no values.

use crate::diagnostic::Diagnostics;
use crate::node::{Key, Kind, Node};
use crate::source::Span;
use crate::value::Pointer;

pub mod encode;
pub mod sample;
pub mod schema;

/// The methods a Path Item Object has fields for (3.2 adds `query`).
const METHODS: [&str; 9] = ["get", "put", "post", "delete", "options", "head", "patch", "trace", "query"];

/// How many `$ref`s may follow one another.
const REFERENCES: usize = 32;

/// An OpenAPI document.
#[derive(Debug, Clone, Copy)]
pub struct Api<'a> {
    root: &'a Node,
}

/// Why something of an OpenAPI document cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// A `$ref` leads into another document.
    External(Span),
    /// A `$ref` leads nowhere, or round in a circle.
    Dangling(Span, String),
}

/// One operation with its path.
#[derive(Debug, Clone, Copy)]
pub struct Operation<'a> {
    api: Api<'a>,
    /// The path template, such as `/pets/{id}`.
    pub path: &'a str,
    /// The method as the field is called, such as `get`.
    pub method: &'a str,
    /// The Operation Object.
    pub node: &'a Node,
    /// Where the operation begins: its method.
    pub key: &'a Key,
    item: &'a Node,
}

/// A Parameter Object, references resolved.
#[derive(Debug, Clone, Copy)]
pub struct Parameter<'a> {
    /// `name`
    pub name: &'a str,
    /// `in`
    pub location: &'a str,
    /// `true` if the operation cannot be called without it.
    pub required: bool,
    /// The object.
    pub node: &'a Node,
}

/// A Server Object.
#[derive(Debug, Clone)]
pub struct Server<'a> {
    /// `url`, as written.
    pub url: &'a str,
    /// Where it is written.
    pub span: Span,
    /// `variables`: name and default.
    pub variables: Vec<(&'a str, Option<&'a str>)>,
}

impl<'a> Api<'a> {
    /// A view of the document with this root.
    #[must_use]
    pub fn new(root: &'a Node) -> Self {
        Self { root }
    }

    /// The key and value that say what the document is: `openapi: 3.1.0`, `swagger: '2.0'`.
    #[must_use]
    pub fn version(&self) -> Option<(&'a Key, &'a Node)> {
        self.root.member("openapi").or_else(|| self.root.member("swagger"))
    }

    /// All operations in the order of the document. Path items behind a `$ref` are followed inside the document.
    pub fn operations(self) -> impl Iterator<Item = Operation<'a>> {
        self.paths().iter().flat_map(move |(path, item)| self.of_path(path, item))
    }

    fn paths(self) -> &'a [(Key, Node)] {
        self.root.get("paths").map(Node::members).unwrap_or_default()
    }

    fn of_path(self, path: &'a Key, item: &'a Node) -> impl Iterator<Item = Operation<'a>> {
        let item = self.resolve(item).unwrap_or(item);
        let usual = item.members().iter().filter(|(key, _)| METHODS.contains(&key.name.as_str()));
        // 3.2: methods that have no field.
        let more = item.get("additionalOperations").map(Node::members).unwrap_or_default();
        usual.chain(more).map(move |(key, node)| Operation {
            api: self,
            path: path.name.as_str(),
            method: key.name.as_str(),
            node,
            key,
            item,
        })
    }

    /// The operations with this `operationId`; more than one is a fault of the document.
    #[must_use]
    pub fn by_id(self, id: &str) -> Vec<Operation<'a>> {
        let found = |may: bool| {
            let items = self.paths().iter().filter(move |(_, item)| item.may_hold(id) || !may);
            let operations = items.flat_map(move |(path, item)| self.of_path(path, item));
            operations.filter(|operation| operation.id() == Some(id)).collect::<Vec<_>>()
        };
        // An id that is written with escapes is not in the text as it is.
        let shown = found(true);
        if shown.is_empty() { found(false) } else { shown }
    }

    /// The operation under `/paths/~1pets/get`.
    #[must_use]
    pub fn by_pointer(self, pointer: &Pointer) -> Option<Operation<'a>> {
        let [paths, path, method] = pointer.tokens() else { return None };
        let (key, item) = self.paths().iter().find(|(key, _)| paths == "paths" && key.name == *path)?;
        self.of_path(key, item).find(|operation| operation.method == method)
    }

    /// What is wrong with any operation, if the document is read in parts: all of them are read for this.
    #[must_use]
    pub fn faults(self) -> Diagnostics {
        let kinds = self.root.get("components").map(Node::members).unwrap_or_default();
        let components = kinds.iter().flat_map(|(_, kind)| kind.members());
        for (_, part) in components.chain(self.paths()) {
            let _ = part.read();
        }
        self.root.faults()
    }

    /// Follows `$ref` inside the document.
    ///
    /// # Errors
    /// [`Broken`] if the reference leads out of the document, nowhere, or round in a circle.
    pub fn resolve(self, node: &'a Node) -> Result<&'a Node, Broken> {
        let mut node = node;
        for _ in 0..REFERENCES {
            let Some(reference) = node.get("$ref") else { return Ok(node.read()) };
            let Some(text) = reference.as_str() else { return Ok(node.read()) };
            node = self.target(text, reference)?;
        }
        Err(Broken::Dangling(node.span, "a circle of references".to_owned()))
    }

    /// What the reference `text` leads to; `at` is where it is written.
    ///
    /// # Errors
    /// [`Broken`] if it leads out of the document or nowhere.
    pub fn target(self, text: &str, at: &Node) -> Result<&'a Node, Broken> {
        let Some(fragment) = text.strip_prefix('#') else { return Err(Broken::External(at.span)) };
        let fragment = percent_encoding::percent_decode_str(fragment).decode_utf8_lossy();
        self.root
            .at(&Pointer::parse(&fragment))
            .map(Node::read)
            .ok_or_else(|| Broken::Dangling(at.span, text.to_owned()))
    }

    /// `true` for OpenAPI 3.0, whose schemas are not quite JSON Schema.
    #[must_use]
    pub fn is_3_0(self) -> bool {
        self.version().is_some_and(|(key, value)| {
            key.name == "openapi" && value.as_str().is_some_and(|text| text.starts_with("3.0"))
        })
    }

    /// The first server of the document.
    #[must_use]
    pub fn server(self) -> Option<Server<'a>> {
        self.root.get("servers").and_then(|list| list.items().first()).and_then(Server::new)
    }

    /// Names of headers, query parameters and cookies that carry API keys (Security Scheme Objects).
    pub fn api_key_names(self) -> impl Iterator<Item = &'a str> {
        let schemes =
            self.root.get("components").and_then(|c| c.get("securitySchemes")).map(Node::members).unwrap_or_default();
        schemes
            .iter()
            .filter(|(_, s)| s.get("type").and_then(Node::as_str) == Some("apiKey"))
            .filter_map(|(_, s)| s.get("name").and_then(Node::as_str))
    }
}

impl<'a> Server<'a> {
    fn new(node: &'a Node) -> Option<Self> {
        let url = node.get("url")?;
        let variables = node.get("variables").map(Node::members).unwrap_or_default();
        Some(Self {
            url: url.as_str()?,
            span: url.span,
            variables: variables
                .iter()
                .map(|(key, v)| (key.name.as_str(), v.get("default").and_then(scalar)))
                .collect(),
        })
    }

    /// The url with its variables filled; nothing if one has no default.
    #[must_use]
    pub fn filled(&self) -> Option<String> {
        let mut url = self.url.to_owned();
        for (name, default) in &self.variables {
            url = url.replace(&format!("{{{name}}}"), (*default)?);
        }
        Some(url)
    }

    /// The path that comes before the paths of the operations, without a `/` at its end: `/api`, or nothing.
    #[must_use]
    pub fn base_path(&self) -> String {
        let url = self.filled().unwrap_or_default();
        let path = match url::Url::parse(&url) {
            Ok(url) => url.path().to_owned(),
            Err(_) if url.starts_with('/') => url,
            Err(_) => String::new(),
        };
        path.trim_end_matches('/').to_owned()
    }
}

impl<'a> Operation<'a> {
    /// `operationId`
    #[must_use]
    pub fn id(&self) -> Option<&'a str> {
        self.node.get("operationId").and_then(Node::as_str)
    }

    /// The parameters of the operation and of its path; the operation's own go first and win.
    ///
    /// # Errors
    /// [`Broken`] for each parameter whose reference cannot be followed.
    pub fn parameters(&self) -> (Vec<Parameter<'a>>, Vec<Broken>) {
        let mut found: Vec<Parameter<'a>> = vec![];
        let mut broken = vec![];
        let lists = [self.node.get("parameters"), self.item.get("parameters")];
        for node in lists.into_iter().flatten().flat_map(Node::items) {
            match self.api.resolve(node) {
                Ok(node) => {
                    let text = |name| node.get(name).and_then(Node::as_str);
                    let (Some(name), Some(location)) = (text("name"), text("in")) else { continue };
                    if found.iter().any(|p| p.name == name && p.location == location) {
                        continue;
                    }
                    let required = location == "path" || node.get("required").and_then(Node::as_bool) == Some(true);
                    found.push(Parameter { name, location, required, node });
                }
                Err(fault) => broken.push(fault),
            }
        }
        (found, broken)
    }

    /// The first server of the operation, else of its path, else of the document.
    #[must_use]
    pub fn server(&self) -> Option<Server<'a>> {
        let lists = [self.node.get("servers"), self.item.get("servers"), self.api.root.get("servers")];
        Server::new(lists.into_iter().flatten().find_map(|list| list.items().first())?)
    }

    /// The base url to call: absolute, variables filled with their defaults; nothing if the description leaves it open.
    #[must_use]
    pub fn server_url(&self) -> Option<String> {
        let url = self.server()?.filled()?;
        let parsed = url::Url::parse(&url).ok()?;
        (matches!(parsed.scheme(), "http" | "https") && parsed.has_host() && !url.contains(['{', '}'])).then_some(url)
    }

    /// The request body with its references resolved.
    #[must_use]
    pub fn request_body(&self) -> Option<&'a Node> {
        self.node.get("requestBody").and_then(|body| self.api.resolve(body).ok())
    }

    /// The document that describes it.
    #[must_use]
    pub fn api(&self) -> Api<'a> {
        self.api
    }

    /// The media types of the request body, in the order of the document; `None` if the operation describes no body.
    ///
    /// # Errors
    /// [`Broken`] if the body's reference cannot be followed.
    pub fn request_media_types(&self) -> Result<Option<Vec<&'a str>>, Broken> {
        let Some(body) = self.node.get("requestBody") else { return Ok(None) };
        let content = self.api.resolve(body)?.get("content").map(Node::members).unwrap_or_default();
        Ok(Some(content.iter().map(|(key, _)| key.name.as_str()).collect()))
    }

    /// `true` if the operation cannot be called without a body.
    #[must_use]
    pub fn requires_body(&self) -> bool {
        let body = self.node.get("requestBody").and_then(|body| self.api.resolve(body).ok());
        body.and_then(|body| body.get("required")).and_then(Node::as_bool) == Some(true)
    }

    /// Documented answers: `200`, `4XX`, `default`, each with its description.
    #[must_use]
    pub fn responses(&self) -> Vec<(&'a str, Option<&'a str>)> {
        let responses = self.node.get("responses").map(Node::members).unwrap_or_default();
        responses
            .iter()
            .map(|(status, node)| {
                let node = self.api.resolve(node).unwrap_or(node);
                (status.name.as_str(), node.get("description").and_then(Node::as_str))
            })
            .collect()
    }
}

impl<'a> Parameter<'a> {
    /// `style`, or the default of its place.
    #[must_use]
    pub fn style(&self) -> &'a str {
        let default = if matches!(self.location, "query" | "cookie") { "form" } else { "simple" };
        self.node.get("style").and_then(Node::as_str).unwrap_or(default)
    }

    /// `explode`, or the default of its style.
    #[must_use]
    pub fn explode(&self) -> bool {
        self.node.get("explode").and_then(Node::as_bool).unwrap_or(self.style() == "form")
    }

    /// The field that makes this parameter something else than a default style, if there is one: its name and place.
    #[must_use]
    pub fn unusual(&self) -> Option<(&'static str, Span)> {
        let style = self.node.get("style").filter(|_| !matches!(self.style(), "form" | "simple"));
        let reserved = self.node.get("allowReserved").filter(|node| node.as_bool() == Some(true));
        let content = self.node.get("content").filter(|node| matches!(node.kind, Kind::Object(_)));
        [("style", style), ("allowReserved", reserved), ("content", content)]
            .into_iter()
            .find_map(|(name, node)| node.map(|node| (name, node.span)))
    }
}

/// A default is a string by the specification, and `default: 8080` is what people write.
fn scalar(node: &Node) -> Option<&str> {
    match &node.kind {
        Kind::String(text) | Kind::Number(text) => Some(text),
        _ => None,
    }
}
