//! Finding an operation in an OpenAPI document, and reading what a call of it needs: lean, lazy, tolerant.
//!
//! A view borrows the tree and reads a field when it is asked for; nothing is deserialized whole, so a fault somewhere
//! else in a large document does not matter. Knows no Arazzo and no values.

use url::Url;

use self::encode::{Serialization, Style};
use self::security::{Kind, Needed, Scheme};
use self::server::Server;
use self::status::find_response;
use self::store::{ALONE, DocumentStore};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::media_type::{self, FORM, MediaType, find_media, is_json};
use crate::node::{Key, Node};
use crate::source::Span;
use crate::value::Pointer;

pub mod encode;
pub mod join;
pub mod path;
pub mod references;
pub mod sample;
pub mod schema;
pub mod security;
pub mod server;
pub(crate) mod shape;
pub mod status;
pub mod store;
pub mod stream;
mod webhook;
pub mod xml;

/// The methods a Path Item Object has fields for (3.2 adds `query`).
const METHODS: [&str; 9] = ["get", "put", "post", "delete", "options", "head", "patch", "trace", "query"];

/// The number of `$ref`s that may follow one another.
const REFERENCES: usize = 32;

/// An OpenAPI document, with those that it refers to.
#[derive(Debug, Clone, Copy)]
pub struct Api<'a> {
    root: &'a Node,
    store: &'a DocumentStore,
}

/// Versions of OpenAPI that differ in what their objects mean, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Version {
    /// 2.0
    Swagger,
    /// 3.0, whose schemas are not quite JSON Schema.
    V3_0,
    /// 3.1
    V3_1,
    /// 3.2 and later.
    V3_2,
}

/// A `$ref` that leads into a document that is not there, nowhere, or round in a circle.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Broken {
    /// Its place in the document.
    pub span: Span,
    /// The reference, as written.
    pub text: String,
    /// The fault of it.
    pub reason: String,
    /// What is said instead, if its document may not be read.
    pub refused: Option<Box<Diagnostic>>,
}

/// One operation with its path.
#[derive(Debug, Clone, Copy)]
pub struct Operation<'a> {
    api: Api<'a>,
    /// The path template, such as `/pets/{id}`.
    pub path: &'a str,
    /// Its place in the document.
    pub path_key: &'a Key,
    /// The method as the field is called, such as `get`.
    pub method: &'a str,
    /// The Operation Object.
    pub node: &'a Node,
    /// The key at which the operation begins: its method.
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
    dialect: Version,
}

/// The description of a body of one media type.
#[derive(Debug, Clone, Copy)]
pub struct Media<'a> {
    /// The media type, or a range of them.
    pub name: &'a str,
    /// The schema of the body.
    pub schema: Option<&'a Node>,
    /// The Media Type Object; 2.0 has none.
    pub node: Option<&'a Node>,
    /// The one example that 2.0 has for a media type.
    pub example: Option<&'a Node>,
}

/// A request body, references resolved.
#[derive(Debug, Clone)]
pub struct RequestBody<'a> {
    /// `true` if the operation cannot be called without it.
    pub required: bool,
    /// Its media types, in the order of the document.
    pub content: Vec<Media<'a>>,
    /// The form fields of 2.0 (`in: formData`).
    pub fields: Vec<Parameter<'a>>,
}

/// The encoding of a field of a form, or of a part of a multipart body (Encoding Object).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The name of the property.
    pub name: String,
    /// `contentType`, which may be a list, or what the schema says it is.
    pub content_types: Vec<String>,
    /// `true` if it is a file, also where its value is a text.
    pub file: bool,
    /// `true` if bytes are sent as base64 (`contentEncoding`).
    pub base64: bool,
    /// `style`, `explode`, `allowReserved`, where one of them is written.
    pub how: Option<Serialization>,
    /// `headers` with a value that is fixed.
    pub headers: Vec<(String, String)>,
}

impl Broken {
    fn new(span: Span, text: &str, reason: impl Into<String>) -> Self {
        Self { span, text: text.to_owned(), reason: reason.into(), refused: None }
    }

    /// What is said about it.
    #[must_use]
    pub fn diagnostic(self) -> Diagnostic {
        if let Some(refused) = self.refused {
            return Diagnostic { span: Some(self.span), ..*refused };
        }
        let message = format!("the reference `{}` cannot be followed: {}", self.text, self.reason);
        Diagnostic::error(Code::BrokenReference, self.span, message)
    }
}

impl<'a> Api<'a> {
    /// A view of the document with this root, which may refer to the documents in the store.
    #[must_use]
    pub fn new(root: &'a Node, store: &'a DocumentStore) -> Self {
        Self { root, store }
    }

    /// A view of a document that refers to no other.
    #[must_use]
    pub fn alone(root: &'a Node) -> Self {
        Self { root, store: &ALONE }
    }

    /// The version that says what its objects mean.
    #[must_use]
    pub fn dialect(self) -> Version {
        match self.version() {
            Some((key, _)) if key.name == "swagger" => Version::Swagger,
            // `openapi: 3.1`, without quotes, is a number.
            Some((_, value)) => match value.as_written() {
                text if text.starts_with("3.0") => Version::V3_0,
                text if text.starts_with("3.1") => Version::V3_1,
                _ => Version::V3_2,
            },
            None => Version::V3_2,
        }
    }

    /// The http url that relative urls of the document begin at, if it has one.
    #[must_use]
    pub fn base_url(self) -> Option<Url> {
        let source = self.root.span.source;
        let mut known = [self.store.base(source), self.store.read_at(source)].into_iter().flatten();
        known.find(|url| matches!(url.scheme(), "http" | "https")).cloned()
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

    /// Path items that are not known because their references cannot be followed.
    #[must_use]
    pub fn broken_paths(self) -> Vec<Broken> {
        self.paths().iter().filter_map(|(_, item)| self.resolve(item).err()).collect()
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
            path_key: path,
            method: key.name.as_str(),
            node,
            key,
            item,
        })
    }

    /// The operations with this `operationId`; more than one is a fault of the document.
    #[must_use]
    pub fn by_id(self, id: &str) -> Vec<Operation<'a>> {
        let found =
            |(path, item): &'a (Key, Node)| self.of_path(path, item).filter(|operation| operation.id() == Some(id));
        let shown: Vec<Operation<'a>> = Node::naming(self.paths(), id).into_iter().flat_map(found).collect();
        // An id whose name is written with escapes, or behind a reference, is not in the text as it is.
        if shown.is_empty() { self.paths().iter().flat_map(found).collect() } else { shown }
    }

    /// The operation under `/paths/~1pets/get`.
    #[must_use]
    pub fn by_pointer(self, pointer: &Pointer) -> Option<Operation<'a>> {
        let (paths, path, method) = match pointer.tokens() {
            [paths, path, method] => (paths, path, method),
            [paths, path, more, method] if more == "additionalOperations" => (paths, path, method),
            _ => return None,
        };
        let (key, item) = self.paths().iter().find(|(key, _)| paths == "paths" && key.name == *path)?;
        self.of_path(key, item).find(|operation| operation.method == method)
    }

    /// The faults of all operations, if the document is read in parts: all of them are read for this.
    #[must_use]
    pub fn faults(self) -> Diagnostics {
        let kinds = self.root.get("components").map(Node::members).unwrap_or_default();
        let components = kinds.iter().flat_map(|(_, kind)| kind.members());
        for (_, part) in components.chain(self.paths()) {
            let _ = part.read();
        }
        self.root.faults()
    }

    /// Follows `$ref`, also into other documents.
    ///
    /// # Errors
    /// [`Broken`] if the reference leads nowhere, into a document that is not there, or round in a circle.
    pub fn resolve(self, node: &'a Node) -> Result<&'a Node, Broken> {
        let mut node = node;
        let first = node;
        for _ in 0..REFERENCES {
            let Some(reference) = node.get("$ref") else { return Ok(node.read()) };
            let Some(text) = reference.as_str() else { return Ok(node.read()) };
            node = self.target(text, reference)?;
        }
        let text = first.get("$ref").and_then(Node::as_str).unwrap_or_default();
        Err(Broken::new(first.span, text, "it leads round in a circle"))
    }

    /// The target of the reference `text`, which is written at `at`.
    ///
    /// # Errors
    /// [`Broken`] if it leads nowhere or into a document that is not there.
    pub fn target(self, text: &str, at: &Node) -> Result<&'a Node, Broken> {
        self.store.target(self.root, text, at)
    }

    /// The first server of the document.
    #[must_use]
    pub fn server(self) -> Option<Server> {
        match self.dialect() {
            Version::Swagger => Some(Server::of_swagger(self.root, self.root, self.base_url())),
            _ => Server::of(self.root.get("servers")?.items().first()?, self.base_url()),
        }
    }

    /// The security scheme of a name.
    #[must_use]
    pub fn scheme(self, name: &str) -> Option<Scheme> {
        let (_, node) = self.schemes().iter().find(|(key, _)| key.name == name)?;
        Some(Scheme::of(name, self.resolve(node).ok()?))
    }

    /// Names of its security schemes.
    pub fn scheme_names(self) -> impl Iterator<Item = &'a str> {
        self.schemes().iter().map(|(key, _)| key.name.as_str())
    }

    /// `true` if the document says anything about who may call.
    #[must_use]
    pub fn has_schemes(self) -> bool {
        !self.schemes().is_empty()
    }

    fn schemes(self) -> &'a [(Key, Node)] {
        let schemes = match self.dialect() {
            Version::Swagger => self.root.get("securityDefinitions"),
            _ => self.root.get("components").and_then(|components| components.get("securitySchemes")),
        };
        schemes.map(Node::members).unwrap_or_default()
    }

    /// Names of headers, query parameters and cookies that carry API keys (Security Scheme Objects).
    pub fn api_key_names(self) -> impl Iterator<Item = &'a str> {
        self.schemes()
            .iter()
            .filter_map(move |(_, node)| self.resolve(node).ok())
            .filter(|node| node.get("type").and_then(Node::as_str) == Some("apiKey"))
            .filter_map(|node| node.get("name").and_then(Node::as_str))
    }
}

impl<'a> Operation<'a> {
    /// The method and the path, as people write them: `GET /pets/{id}`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("{} {}", self.method.to_ascii_uppercase(), self.path)
    }

    /// The name for messages: `operationId`, else the method and the path.
    #[must_use]
    pub fn name(&self) -> String {
        self.id().map_or_else(|| self.endpoint(), str::to_owned)
    }

    /// `operationId`
    #[must_use]
    pub fn id(&self) -> Option<&'a str> {
        // A number that stands without quotes is its text.
        self.node.get("operationId").map(Node::as_written).filter(|id| !id.is_empty())
    }

    /// The parameters of the operation and of its path; the operation's own go first and win. What 2.0 calls parameters
    /// of the body is not among them.
    ///
    /// # Errors
    /// [`Broken`] for each parameter whose reference cannot be followed.
    pub fn parameters(&self) -> (Vec<Parameter<'a>>, Vec<Broken>) {
        let (mut found, broken) = self.all_parameters();
        found.retain(|parameter| !matches!(parameter.location, "body" | "formData"));
        (found, broken)
    }

    fn all_parameters(&self) -> (Vec<Parameter<'a>>, Vec<Broken>) {
        let dialect = self.api.dialect();
        let mut found: Vec<Parameter<'a>> = vec![];
        let mut broken = vec![];
        let lists = [self.node.get("parameters"), self.item.get("parameters")];
        for node in lists.into_iter().flatten().flat_map(Node::items) {
            match self.api.resolve(node) {
                Ok(node) => {
                    let text = |name| node.get(name).and_then(Node::as_str);
                    let (Some(name), Some(location)) = (text("name"), text("in")) else { continue };
                    // Some describe the parameter of `{+parent}` as `+parent`.
                    let plain = path::name_of(name);
                    let name = if location == "path" && path::names(self.path, plain) { plain } else { name };
                    if found.iter().any(|p| p.name == name && p.location == location) {
                        continue;
                    }
                    let required = location == "path" || node.get("required").and_then(Node::as_bool) == Some(true);
                    found.push(Parameter { name, location, required, node, dialect });
                }
                Err(fault) => broken.push(fault),
            }
        }
        (found, broken)
    }

    /// The first server of the operation, else of its path, else of the document; without any, the root of where the
    /// document is.
    #[must_use]
    pub fn server(&self) -> Server {
        let base = self.api.base_url();
        if self.api.dialect() == Version::Swagger {
            return Server::of_swagger(self.api.root, self.node, base);
        }
        let lists = [self.node.get("servers"), self.item.get("servers"), self.api.root.get("servers")];
        let first = lists.into_iter().flatten().find_map(|list| list.items().first());
        let described = first.and_then(|node| Server::of(node, base.clone()));
        described.unwrap_or_else(|| Server { url: "/".to_owned(), variables: vec![], base })
    }

    /// The texts that the url of its server is made of: the url itself, and the defaults of its variables.
    #[must_use]
    pub fn server_texts(&self) -> Vec<&'a Node> {
        if self.api.dialect() == Version::Swagger {
            return ["host", "basePath"].into_iter().filter_map(|name| self.api.root.get(name)).collect();
        }
        let lists = [self.node.get("servers"), self.item.get("servers"), self.api.root.get("servers")];
        let Some(server) = lists.into_iter().flatten().find_map(|list| list.items().first()) else { return vec![] };
        let variables = server.get("variables").map(Node::members).unwrap_or_default();
        let defaults = variables.iter().filter_map(|(_, variable)| variable.get("default"));
        server.get("url").into_iter().chain(defaults).collect()
    }

    /// The credentials that the operation asks for: alternatives in order, nothing if the document does not say.
    #[must_use]
    pub fn security(&self) -> Option<Vec<Vec<Needed>>> {
        let node = self.node.get("security").or_else(|| self.api.root.get("security"));
        let Some(node) = node else { return self.api.has_schemes().then(Vec::new) };
        let needed = |(key, scopes): &(Key, Node)| {
            let undescribed = || Scheme { name: key.name.clone(), kind: Kind::Other("not described".to_owned()) };
            let scheme = self.api.scheme(&key.name).unwrap_or_else(undescribed);
            Needed { scheme, scopes: scopes.items().iter().filter_map(Node::as_str).map(str::to_owned).collect() }
        };
        Some(node.items().iter().map(|alternative| alternative.members().iter().map(needed).collect()).collect())
    }

    /// The schemes that it asks for and that are not known because their references cannot be followed.
    #[must_use]
    pub fn broken_schemes(&self) -> Vec<Broken> {
        let asked = self.node.get("security").or_else(|| self.api.root.get("security"));
        let names = asked.map(Node::items).unwrap_or_default().iter().flat_map(Node::members);
        let nodes = names.filter_map(|(name, _)| self.api.schemes().iter().find(|(key, _)| key.name == name.name));
        nodes.filter_map(|(_, node)| self.api.resolve(node).err()).collect()
    }

    /// The document that describes it.
    #[must_use]
    pub fn api(&self) -> Api<'a> {
        self.api
    }

    /// The request body; `None` if the operation describes none.
    ///
    /// # Errors
    /// [`Broken`] if the body's reference cannot be followed.
    pub fn request_body(&self) -> Result<Option<RequestBody<'a>>, Broken> {
        if self.api.dialect() == Version::Swagger {
            return Ok(self.swagger_body());
        }
        let Some(body) = self.node.get("requestBody") else { return Ok(None) };
        let body = self.api.resolve(body)?;
        let required = body.get("required").and_then(Node::as_bool) == Some(true);
        Ok(Some(RequestBody { required, content: self.content(body), fields: vec![] }))
    }

    /// The body of 2.0: the parameter `in: body`, or those `in: formData`, as the media types of `consumes`.
    fn swagger_body(&self) -> Option<RequestBody<'a>> {
        let (parameters, _) = self.all_parameters();
        let consumes = self.listed("consumes");
        let media = |name, schema| Media { name, schema, node: None, example: None };
        if let Some(body) = parameters.iter().find(|parameter| parameter.location == "body") {
            let schema = body.node.get("schema");
            let names = if consumes.is_empty() { vec!["application/json"] } else { consumes };
            let content = names.into_iter().map(|name| media(name, schema)).collect();
            return Some(RequestBody { required: body.required, content, fields: vec![] });
        }
        let fields: Vec<Parameter<'a>> = parameters.into_iter().filter(|p| p.location == "formData").collect();
        if fields.is_empty() {
            return None;
        }
        let file = fields.iter().any(Parameter::is_file);
        let form = |name: &&str| {
            let kind = MediaType::parse(name);
            kind.is_multipart() || !file && kind.is_form()
        };
        let names: Vec<&str> = consumes.into_iter().filter(form).collect();
        let usual = if file { "multipart/form-data" } else { FORM };
        let names = if names.is_empty() { vec![usual] } else { names };
        let required = fields.iter().any(|field| field.required);
        Some(RequestBody { required, content: names.into_iter().map(|name| media(name, None)).collect(), fields })
    }

    /// `consumes` or `produces`: the operation's, else the document's.
    fn listed(&self, field: &str) -> Vec<&'a str> {
        let list = self.node.get(field).or_else(|| self.api.root.get(field));
        let names = list.map(Node::items).unwrap_or_default().iter().filter_map(Node::as_str);
        names.map(media_type::in_full).collect()
    }

    /// The schema of a Header Object; in 2.0 the header itself is one.
    #[must_use]
    pub fn header_schema(&self, header: &'a Node) -> Option<&'a Node> {
        match self.api.dialect() {
            Version::Swagger => Some(header),
            _ => header.get("schema"),
        }
    }

    /// The media types of a Request Body Object or a Response Object.
    #[must_use]
    pub fn content(&self, node: &'a Node) -> Vec<Media<'a>> {
        if self.api.dialect() == Version::Swagger {
            let schema = node.get("schema");
            let examples = node.get("examples").map(Node::members).unwrap_or_default();
            let mut names = self.listed("produces");
            if names.is_empty() {
                names.extend(examples.iter().map(|(key, _)| key.name.as_str()));
            }
            if names.is_empty() && schema.is_some() {
                names.push("application/json");
            }
            if schema.is_none() && examples.is_empty() {
                return vec![];
            }
            let example = |name: &str| examples.iter().find(|(key, _)| key.name == name).map(|(_, node)| node);
            return names.iter().map(|name| Media { name, schema, node: None, example: example(name) }).collect();
        }
        let content = node.get("content").map(Node::members).unwrap_or_default();
        content
            .iter()
            .map(|(key, media)| {
                let media = self.api.resolve(media).unwrap_or(media);
                Media {
                    name: media_type::in_full(&key.name),
                    schema: media.get("schema"),
                    node: Some(media),
                    example: None,
                }
            })
            .collect()
    }

    /// The members of its Responses Object, as they are written.
    #[must_use]
    pub fn response_nodes(&self) -> &'a [(Key, Node)] {
        self.node.get("responses").map(Node::members).unwrap_or_default()
    }

    /// The Response Object that describes a status: its own, that of its range, or the default.
    #[must_use]
    pub fn response(&self, status: u16) -> Option<&'a Node> {
        find_response(self.response_nodes(), |(key, _)| &key.name, status).map(|(_, node)| node)
    }

    /// Documented answers: `200`, `4XX`, `default`, each with its description.
    #[must_use]
    pub fn responses(&self) -> Vec<(&'a str, Option<&'a str>)> {
        self.response_nodes()
            .iter()
            .map(|(status, node)| {
                let node = self.api.resolve(node).unwrap_or(node);
                (status.name.as_str(), node.get("description").and_then(Node::as_str))
            })
            .collect()
    }
}

impl<'a> RequestBody<'a> {
    /// The media type that is described for `content_type`: itself, or a range that holds it.
    #[must_use]
    pub fn media(&self, content_type: &str) -> Option<Media<'a>> {
        find_media(&self.content, |media| media.name, content_type).copied()
    }

    /// The encodings of the fields of a form or multipart body of this media type.
    #[must_use]
    pub fn encoding(&self, api: Api<'a>, media: &Media<'a>) -> Vec<Field> {
        if !self.fields.is_empty() {
            let field = |parameter: &Parameter<'_>| Field {
                file: parameter.is_file(),
                // "Default value is csv."
                how: parameter.is_array().then(|| parameter.serialization()),
                ..Field::of(parameter.name)
            };
            return self.fields.iter().map(field).collect();
        }
        let properties = properties(api, media.schema, 0);
        let written = media.node.and_then(|node| node.get("encoding")).map(Node::members).unwrap_or_default();
        let names = written.iter().map(|(key, _)| key.name.as_str());
        let mut fields: Vec<Field> = vec![];
        for name in names.chain(properties.iter().map(|(name, _)| *name)) {
            if fields.iter().any(|known| known.name == name) {
                continue;
            }
            let encoding = written.iter().find(|(key, _)| key.name == name).map(|(_, node)| node);
            let schema = properties.iter().find(|(known, _)| *known == name).map(|(_, node)| *node);
            let written = encoding.and_then(|node| node.get("contentType")).and_then(Node::as_str);
            let mut field = Field { how: encoding.and_then(styled), ..Field::of(name) };
            // Up to 3.0, styles are for forms.
            if api.dialect() <= Version::V3_0 && !MediaType::parse(media.name).is_form() {
                field.how = None;
            }
            if let Some(schema) = schema {
                field.described(api, schema, 0);
            }
            if let Some(list) = written {
                field.content_types = list.split(',').map(|one| one.trim().to_owned()).collect();
            }
            field.headers = encoding.map(|encoding| fixed_headers(api, encoding)).unwrap_or_default();
            fields.push(field);
        }
        fields.retain(|field| *field != Field::of(&field.name));
        fields
    }
}

/// The properties of a schema, with those of `allOf`.
fn properties<'a>(api: Api<'a>, schema: Option<&'a Node>, depth: usize) -> Vec<(&'a str, &'a Node)> {
    let Some(schema) = schema.filter(|_| depth < 8).and_then(|schema| api.resolve(schema).ok()) else { return vec![] };
    let own = schema.get("properties").map(Node::members).unwrap_or_default();
    let mut found: Vec<(&str, &Node)> = own.iter().map(|(key, node)| (key.name.as_str(), node)).collect();
    for part in schema.get("allOf").map(Node::items).unwrap_or_default() {
        found.extend(properties(api, Some(part), depth + 1));
    }
    found
}

impl Field {
    /// A field that is written by default.
    fn of(name: &str) -> Self {
        let name = name.to_owned();
        Self { name, content_types: vec![], file: false, base64: false, how: None, headers: vec![] }
    }

    /// Adds what its schema says: `format: binary` (3.0), `contentMediaType` and `contentEncoding` (3.1), also of the
    /// items of an array.
    fn described(&mut self, api: Api<'_>, schema: &Node, depth: usize) {
        let Ok(schema) = api.resolve(schema) else { return };
        let text = |name: &str| schema.get(name).and_then(Node::as_str);
        if let Some(items) = schema.get("items").filter(|_| depth < 8) {
            return self.described(api, items, depth + 1);
        }
        for part in schema.get("allOf").map(Node::items).unwrap_or_default().iter().filter(|_| depth < 8) {
            self.described(api, part, depth + 1);
        }
        let kind = text("contentMediaType");
        let encoded = text("contentEncoding");
        let bytes = |kind: &str| {
            let kind = MediaType::parse(kind);
            !(kind.is_json() || kind.is_xml() || kind.family() == "text")
        };
        self.base64 |= encoded.is_some_and(|name| name.eq_ignore_ascii_case("base64"));
        self.file |= text("format") == Some("binary") || encoded.is_none() && kind.is_some_and(bytes);
        self.content_types.extend(kind.map(str::to_owned));
    }

    /// The media type of the field, if one is said; the name of a file tells which one of several it is.
    #[must_use]
    pub fn content_type(&self, file: Option<&str>) -> Option<&str> {
        let safe = |one: &&str| !one.contains(char::is_control);
        let mut types = self.content_types.iter().map(String::as_str).filter(safe);
        let extension =
            file.and_then(|name| name.rsplit_once('.')).map(|(_, extension)| extension.to_ascii_lowercase());
        let extension = match extension.as_deref() {
            Some("jpg") => Some("jpeg"),
            Some("svg") => Some("svg+xml"),
            Some("txt") => Some("plain"),
            other => other,
        };
        let fits = |one: &&str| extension.is_some_and(|wanted| one.split('/').nth(1) == Some(wanted));
        let concrete = |one: &&str| !one.contains('*');
        types.clone().find(fits).or_else(|| types.find(concrete))
    }
}

/// The style of an Encoding Object, if it has one: "if present, the value of `contentType` is ignored".
fn styled(encoding: &Node) -> Option<Serialization> {
    let written = ["style", "explode", "allowReserved"].iter().any(|name| encoding.get(name).is_some());
    let style = encoding.get("style").and_then(Node::as_str).unwrap_or("form");
    let flag = |name| encoding.get(name).and_then(Node::as_bool);
    written.then(|| {
        let usual = Serialization::of(Style::of(style).unwrap_or(Style::Form));
        let explode = flag("explode").unwrap_or(usual.explode);
        Serialization { explode, reserved: flag("allowReserved") == Some(true), ..usual }
    })
}

/// Headers of a part whose value is written in the description: a constant, a default, or the only one of an `enum`.
fn fixed_headers(api: Api<'_>, encoding: &Node) -> Vec<(String, String)> {
    let headers = encoding.get("headers").map(Node::members).unwrap_or_default();
    let fixed =
        headers.iter().filter(|(key, _)| !key.name.eq_ignore_ascii_case("content-type")).filter_map(|(key, header)| {
            let schema = api.resolve(api.resolve(header).ok()?.get("schema")?).ok()?;
            let only = schema.get("enum").map(Node::items).filter(|items| items.len() == 1).and_then(<[Node]>::first);
            let value = schema.get("const").or(only).or_else(|| schema.get("default"))?.to_json();
            let text = crate::value::json_text(&value);
            (!text.contains(char::is_control) && encode::is_header_name(&key.name)).then(|| (key.name.clone(), text))
        });
    fixed.collect()
}

impl<'a> Parameter<'a> {
    /// The schema of its value; in 2.0 the parameter itself is one.
    #[must_use]
    pub fn schema(&self) -> Option<&'a Node> {
        match self.dialect {
            Version::Swagger => Some(self.node),
            _ => self.node.get("schema"),
        }
    }

    fn is_array(&self) -> bool {
        self.node.get("type").and_then(Node::as_str) == Some("array")
    }

    /// `true` for a file of 2.0.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.node.get("type").and_then(Node::as_str) == Some("file")
    }

    /// The style of its value; what an unknown style says is not known either, and counts as the default.
    #[must_use]
    pub fn serialization(&self) -> Serialization {
        let text = |name: &str| self.node.get(name).and_then(Node::as_str);
        let form = matches!(self.location, "query" | "cookie" | "formData");
        let default = if form { Style::Form } else { Style::Simple };
        if self.dialect == Version::Swagger {
            let style = match text("collectionFormat") {
                Some("ssv") => Style::SpaceDelimited,
                Some("tsv") => Style::TabDelimited,
                Some("pipes") => Style::PipeDelimited,
                _ => default,
            };
            let explode = text("collectionFormat") == Some("multi");
            return Serialization { explode, ..Serialization::of(style) };
        }
        let usual = Serialization::of(text("style").and_then(Style::of).unwrap_or(default));
        let flag = |name| self.node.get(name).and_then(Node::as_bool);
        let content = self.node.get("content").map(Node::members).unwrap_or_default();
        Serialization {
            style: usual.style,
            explode: flag("explode").unwrap_or(usual.explode),
            // "This property only applies to parameters with an `in` value of `query`", up to 3.1.
            reserved: flag("allowReserved") == Some(true)
                && (self.location == "query" || self.dialect >= Version::V3_2),
            content: content.first().map(|(key, _)| key.name.clone()),
        }
    }

    /// `true` for a name by which one member of its value is sent.
    #[must_use]
    pub fn sends_member_as(&self, name: &str) -> bool {
        let known = |name: &str| self.schema().and_then(|schema| schema.get("properties")?.get(name)).is_some();
        self.serialization().names_member(self.name, name, &known)
    }

    /// The value of `style` that this version of the program does not know, and its place.
    #[must_use]
    pub fn unknown_style(&self) -> Option<(&'a str, Span)> {
        let node = self.node.get("style").filter(|_| self.dialect != Version::Swagger)?;
        let style = node.as_str().unwrap_or("?");
        Style::of(style).is_none().then_some((style, node.span))
    }
}

/// The media type to send where the step does not say: JSON if it is described, else the first that is one type.
#[must_use]
pub fn usual_media_type(described: &[Media<'_>]) -> String {
    let any = |media: &&Media<'_>| is_json(media.name) || matches!(media.name, "*/*" | "application/*");
    let concrete = |media: &&Media<'_>| !media.name.contains('*');
    match described.iter().find(any).or_else(|| described.iter().find(concrete)) {
        Some(media) if !media.name.contains('*') => media.name.to_owned(),
        // `text/*`, `image/*`: any of them.
        None if described.iter().any(|media| media.name.starts_with("text/")) => "text/plain".to_owned(),
        None if !described.is_empty() => "application/octet-stream".to_owned(),
        Some(_) | None => "application/json".to_owned(),
    }
}

/// As [`usual_media_type`], within a range that the step gives; nothing where the operation takes none that is in it.
#[must_use]
pub fn usual_media_type_in(described: &[Media<'_>], range: &str) -> Option<String> {
    let range = MediaType::parse(range);
    if range.family() == "*" {
        return Some(usual_media_type(described));
    }
    let is_in = |media: &&Media<'_>| MediaType::parse(media.name).family() == range.family();
    let within: Vec<Media<'_>> = described.iter().filter(is_in).copied().collect();
    let known = matches!(range.family(), "application" | "text") && described.is_empty();
    match (within.is_empty(), range.family()) {
        (true, "text") if known => Some("text/plain".to_owned()),
        (true, _) if !known => None,
        _ => Some(usual_media_type(&within)),
    }
}
