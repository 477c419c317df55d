//! One operation of an OpenAPI document, called without a workflow that somebody wrote: it becomes the only step of one,
//! which is compiled and run as any other.

use std::collections::BTreeSet;
use std::path::Path;

use arazzo_engine::diagnostic::{Diagnostics, Help, nearest};
use arazzo_engine::json;
use arazzo_engine::media_type::{MediaType, is_json};
use arazzo_engine::node::Node;
use arazzo_engine::openapi::{self, Api, Operation, Parameter};
use arazzo_engine::remedy::{Naming, Remedy};
use arazzo_engine::value::Pointer;
use arazzo_engine::value::{Json, Map};

use crate::api::root_of;
use crate::builder::Builder;
use crate::description::Description;
use crate::documents::fetch;
use crate::documents::location::uri_of;
use crate::error::Error;
use crate::inputs::Inputs;
use crate::runtime;

/// The name of the workflow that a call becomes.
const NAME: &str = "call";

/// The name for the file of that workflow, which nobody wrote: reports of its runs have no place in it.
pub const CALL_DOCUMENT: &str = "(the call)";

/// The places of parameters, as `in` says it.
const PLACES: [&str; 5] = ["path", "query", "header", "cookie", "querystring"];

/// A call of one operation: what [`Builder::call`] takes.
#[derive(Debug, Clone, Default)]
#[must_use = "a call is given to `Builder::call`"]
pub struct Call {
    operation: String,
    parameters: Vec<(String, Json)>,
    body: Option<Body>,
    content_type: Option<String>,
}

#[derive(Debug, Clone)]
enum Body {
    Text(String),
    File(String, Vec<u8>),
    Fields(Vec<(String, Value)>),
}

#[derive(Debug, Clone)]
enum Value {
    Json(Json),
    File(String, Vec<u8>),
}

impl Call {
    /// Calls the operation with this `operationId`, or `METHOD /path`; a path alone, if it has one operation.
    pub fn new(operation: impl Into<String>) -> Self {
        Self { operation: operation.into(), ..Self::default() }
    }

    /// Gives a parameter; of a name that is declared in several places, or in none, as `header:name`. Given again, its
    /// values are a list. A text becomes what the parameter's schema says: a list or an object if it is JSON for one.
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<Json>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }

    /// Sends this text as the body; where the media type is JSON, it must be JSON.
    pub fn body(mut self, text: impl Into<String>) -> Self {
        self.body = Some(Body::Text(text.into()));
        self
    }

    /// Sends the bytes of a file as the body; where the media type is JSON, they must be JSON.
    pub fn body_file(mut self, name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        self.body = Some(Body::File(name.into(), bytes.into()));
        self
    }

    /// Adds a field to the body: of a form, a part of a multipart body, a member of JSON. Given again, its values are a
    /// list.
    pub fn field(self, name: impl Into<String>, value: impl Into<Json>) -> Self {
        self.with_field(name.into(), Value::Json(value.into()))
    }

    /// Adds a field with a file.
    pub fn field_file(self, field: impl Into<String>, name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        self.with_field(field.into(), Value::File(name.into(), bytes.into()))
    }

    /// The media type of the body; without it, that of the operation.
    pub fn content_type(mut self, media_type: impl Into<String>) -> Self {
        self.content_type = Some(media_type.into());
        self
    }

    fn with_field(mut self, name: String, value: Value) -> Self {
        match &mut self.body {
            Some(Body::Fields(fields)) => fields.push((name, value)),
            _ => self.body = Some(Body::Fields(vec![(name, value)])),
        }
        self
    }
}

impl Builder {
    /// Reads the OpenAPI document at the path, and makes a call of one of its operations a workflow of one step: the
    /// description, whose only workflow it is, and its inputs. Its outputs are `body` and `contentType` of the answer.
    /// Reads and compiles where [`Builder::load`] does.
    ///
    /// # Errors
    /// As [`Builder::call_blocking`]; [`Error::Setup`] outside of a tokio runtime.
    pub async fn call(self, call: Call) -> Result<(Description, Inputs), Error> {
        let absent = |absent| Error::Setup(format!("{absent}; `Builder::call_blocking` needs none"));
        runtime::blocking(|| self.call_blocking(call)).await.map_err(absent)?
    }

    /// As [`Builder::call`], and blocks its thread meanwhile, as [`Builder::load_blocking`] does.
    ///
    /// # Errors
    /// [`Error::Documents`] if the document cannot be read; [`Error::Setup`] if it has no such operation or parameter,
    /// something that the operation requires is not given, or the body is not JSON where it must be.
    pub fn call_blocking(mut self, call: Call) -> Result<(Description, Inputs), Error> {
        let remote = self.remote()?;
        let (bundle, _, sources) = self.read_api()?;
        let naming = self.grants.hosts.naming;
        let wrong = |diagnostics: Diagnostics| Error::Documents {
            diagnostics: diagnostics.worded(naming),
            sources: sources.clone(),
        };
        let Some((root, store)) = root_of(&bundle) else { return Err(wrong(Diagnostics::default())) };
        let api = Api::new(root, store);
        let faults = api.faults();
        if faults.has_errors() {
            return Err(wrong(faults));
        }
        self.settings.single_call = true;
        let operation = find_operation(api, &call.operation, &self.path)?;
        let written = Written::write(&call, &operation, &uri_of(&self.path)?, naming)?;
        let loader =
            fetch::text(&self.path, (CALL_DOCUMENT, &written.document), self.options.clone(), &self.place, &remote)?;
        let (bundle, loading, sources) = loader.finish();
        let Some(bundle) = bundle else { return Err(Error::Documents { diagnostics: loading, sources }) };
        Ok((self.built(bundle, loading)?, written.inputs))
    }
}

/// The operation that is meant.
fn find_operation<'a>(api: Api<'a>, wanted: &str, path: &Path) -> Result<Operation<'a>, Error> {
    let found = match wanted.split_once(char::is_whitespace) {
        Some((method, path)) => {
            let fits = |o: &Operation<'_>| o.path == path.trim() && o.method.eq_ignore_ascii_case(method);
            api.operations().filter(fits).collect()
        }
        None if wanted.starts_with('/') => api.operations().filter(|o| o.path == wanted).collect(),
        None => api.by_id(wanted),
    };
    match found.as_slice() {
        [operation] => Ok(*operation),
        [] => {
            let all: Vec<Operation<'_>> = api.operations().collect();
            let ids = nearest(wanted, all.iter().filter_map(Operation::id)).map(str::to_owned);
            let paths: Vec<String> = all.iter().map(Operation::endpoint).collect();
            let by_path = || nearest(wanted, paths.iter().map(String::as_str)).map(str::to_owned);
            let near = if wanted.contains('/') { by_path().or(ids) } else { ids.or_else(by_path) };
            let known: Vec<String> = all.iter().map(Operation::name).collect();
            let help = match near {
                Some(near) => Help::meant(near).to_string(),
                None if known.len() > 12 => format!("it describes {} operations", known.len()),
                None => format!("operations: {}", known.join(", ")),
            };
            Err(Error::Setup(format!("`{}` describes no operation `{wanted}`; {help}", path.display())))
        }
        several => {
            let names: Vec<String> = several.iter().map(Operation::endpoint).collect();
            Err(Error::Setup(format!("`{wanted}` is {} operations; write one of {}", names.len(), names.join(", "))))
        }
    }
}

/// The workflow that a call becomes.
struct Written {
    document: String,
    inputs: Inputs,
}

/// A parameter of the call with its place.
struct Placed<'a> {
    name: &'a str,
    location: &'a str,
    declared: Option<Parameter<'a>>,
    values: Vec<Json>,
}

impl Written {
    fn write(call: &Call, operation: &Operation<'_>, uri: &str, naming: Naming) -> Result<Self, Error> {
        let (declared, _) = operation.parameters();
        let called = operation.name();
        let body =
            operation.request_body().map_err(|fault| Error::Setup(format!("`{}`: {}", fault.text, fault.reason)))?;
        let member = |name: &str| body.as_ref().and_then(|body| member_of(operation, body, name, naming));
        let placed = place_parameters(call, &declared, &called, &member)?;
        let needs_body = call.body.is_none() && body.as_ref().is_some_and(|body| body.required);
        let missing = missing_arguments(&declared, &placed, needs_body);
        if !missing.is_empty() {
            return Err(Error::Setup(format!("`{called}` needs {}", missing.join(", "))));
        }
        let mut inputs = NamedInputs::default();
        let mut parameters = vec![];
        for parameter in placed {
            let value = inputs.add(parameter.name, read_value(&parameter, operation.api())?);
            parameters.push(json!({ "name": parameter.name, "in": parameter.location, "value": value }));
        }
        let described = body.as_ref().map(|body| body.content.as_slice()).unwrap_or_default();
        let media_type = call.content_type.clone().unwrap_or_else(|| choose_media_type(call, described));
        let payload = call.body.as_ref().map(|body| build_payload(body, &media_type, &mut inputs)).transpose()?;
        let request_body = payload.map(|payload| json!({ "contentType": media_type, "payload": payload }));
        let document = write_document(operation, &called, uri, (parameters, request_body));
        Ok(Self { document, inputs: inputs.inputs })
    }
}

/// How a member of a body is given, if the description has one of this name.
fn member_of(operation: &Operation<'_>, body: &openapi::RequestBody<'_>, name: &str, naming: Naming) -> Option<String> {
    let api = operation.api();
    let has = |media: &openapi::Media<'_>| {
        let schema = media.schema.and_then(|schema| api.resolve(schema).ok());
        schema.and_then(|schema| schema.get("properties")?.get(name)).is_some()
    };
    let field = body.fields.iter().any(|field| field.name == name);
    (field || body.content.iter().any(has))
        .then(|| format!("it is a member of its body: write {}", naming(&Remedy::GiveField(name.to_owned()))))
}

/// Everything that an operation requires and a call does not give, in words.
fn missing_arguments(declared: &[Parameter<'_>], placed: &[Placed<'_>], needs_body: bool) -> Vec<String> {
    let given = |parameter: &&Parameter<'_>| {
        placed.iter().any(|placed| placed.location == parameter.location && is_same(placed, parameter))
    };
    let required = declared.iter().filter(|parameter| parameter.required && !is_free(parameter));
    let missing = required.filter(|parameter| !given(parameter));
    let missing = missing.map(|parameter| format!("the {} parameter `{}`", parameter.location, parameter.name));
    missing.chain(needs_body.then(|| "a body".to_owned())).collect()
}

/// The inputs of the workflow, each under a name that an expression can hold and no other has.
#[derive(Default)]
struct NamedInputs {
    names: BTreeSet<String>,
    inputs: Inputs,
}

impl NamedInputs {
    /// Adds a value; gives the expression that reads it.
    fn add(&mut self, name: &str, value: Json) -> Json {
        let name = self.free_name(name);
        self.inputs = std::mem::take(&mut self.inputs).set(name.clone(), value);
        json!(format!("$inputs.{name}"))
    }

    /// As [`NamedInputs::add`], of a file.
    fn add_file(&mut self, name: &str, file: &str, bytes: &[u8]) -> Json {
        let name = self.free_name(name);
        self.inputs = std::mem::take(&mut self.inputs).file(name.clone(), file, bytes);
        json!(format!("$inputs.{name}"))
    }

    fn free_name(&mut self, name: &str) -> String {
        let plain = identifier(name);
        let mut candidates = std::iter::once(plain.clone()).chain((2..).map(|n| format!("{plain}-{n}")));
        let free = candidates.find(|candidate| !self.names.contains(candidate)).unwrap_or(plain);
        self.names.insert(free.clone());
        free
    }
}

/// The payload of a body; its values become inputs.
fn build_payload(body: &Body, media_type: &str, inputs: &mut NamedInputs) -> Result<Json, Error> {
    match body {
        Body::Fields(fields) => {
            let mut payload = Map::new();
            for (field, value) in fields {
                let expression = match value {
                    Value::Json(json) => inputs.add(field, json.clone()),
                    Value::File(file, bytes) => inputs.add_file(field, file, bytes),
                };
                match payload.get_mut(field) {
                    Some(Json::Array(list)) => list.push(expression),
                    Some(known) => *known = json!([known.clone(), expression]),
                    None => drop(payload.insert(field.clone(), expression)),
                }
            }
            Ok(Json::Object(payload.into()))
        }
        Body::Text(text) => Ok(inputs.add("body", parse_body(text, media_type)?)),
        Body::File(file, bytes) => match std::str::from_utf8(bytes).ok().filter(|_| is_structured(media_type)) {
            Some(text) => Ok(inputs.add("body", parse_body(text, media_type)?)),
            None => Ok(inputs.add_file("body", file, bytes)),
        },
    }
}

/// The Arazzo document whose only step calls the operation with these parameters and this body.
fn write_document(
    operation: &Operation<'_>,
    title: &str,
    uri: &str,
    (parameters, request_body): (Vec<Json>, Option<Json>),
) -> String {
    let pointer = Pointer::of(vec!["paths".to_owned(), operation.path.to_owned(), operation.method.to_owned()]);
    let pointer = pointer.to_string().replace('%', "%25");
    let step_id = operation.id().map_or_else(|| NAME.to_owned(), identifier);
    let members = [
        ("stepId", Some(json!(step_id))),
        ("operationPath", Some(json!(format!("{{$sourceDescriptions.api.url}}#{pointer}")))),
        ("parameters", Some(json!(parameters)).filter(|_| !parameters.is_empty())),
        ("requestBody", request_body),
        ("outputs", Some(json!({ "body": "$response.body", "contentType": "$response.header.Content-Type" }))),
    ];
    let step: Map<String, Json> =
        members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    let outputs = format!("$steps.{step_id}.outputs");
    let outputs = json!({ "body": format!("{outputs}.body"), "contentType": format!("{outputs}.contentType") });
    let document = json!({
        "arazzo": "1.1.0",
        "info": { "title": title, "version": "1" },
        "sourceDescriptions": [{ "name": "api", "url": uri, "type": "openapi" }],
        "workflows": [{ "workflowId": NAME, "steps": [step], "outputs": outputs }],
    });
    serde_json::to_string_pretty(&document).unwrap_or_default()
}

/// Headers that OpenAPI leaves to other fields.
fn is_free(parameter: &Parameter<'_>) -> bool {
    let free = ["authorization", "accept", "content-type"];
    parameter.location == "header" && free.iter().any(|name| parameter.name.eq_ignore_ascii_case(name))
}

fn is_same(placed: &Placed<'_>, parameter: &Parameter<'_>) -> bool {
    let header = parameter.location == "header" && placed.name.eq_ignore_ascii_case(parameter.name);
    header || placed.name == parameter.name
}

/// The parameters of a call with their places, each once.
/// `member` says how a member of the body is given, if the name is one.
fn place_parameters<'a>(
    call: &'a Call,
    declared: &[Parameter<'a>],
    called: &str,
    member: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<Placed<'a>>, Error> {
    let mut found: Vec<Placed<'a>> = vec![];
    for (given, value) in &call.parameters {
        let exact: Vec<&Parameter<'a>> = declared.iter().filter(|p| p.name == *given).collect();
        let prefixed = given.split_once(':').filter(|(place, _)| PLACES.contains(place));
        let header = || declared.iter().find(|p| p.location == "header" && p.name.eq_ignore_ascii_case(given));
        let (name, location, parameter): (&str, &str, Option<&Parameter<'a>>) = match (exact.as_slice(), prefixed) {
            ([one], _) => (one.name, one.location, Some(one)),
            ([], Some((place, name))) => {
                let wanted = Placed { name, location: place, declared: None, values: vec![] };
                (name, place, declared.iter().find(|p| p.location == place && is_same(&wanted, p)))
            }
            ([], None) => match header() {
                Some(one) => (one.name, one.location, Some(one)),
                None => {
                    if let Some(help) = member(given) {
                        return Err(Error::Setup(format!("`{called}` has no parameter `{given}`; {help}")));
                    }
                    let near = nearest(given, declared.iter().map(|p| p.name));
                    let known: Vec<&str> = declared.iter().map(|p| p.name).collect();
                    let help = match near {
                        Some(near) => Help::meant(near).to_string(),
                        None if known.is_empty() => "it has none".to_owned(),
                        None => format!("parameters: {}", known.join(", ")),
                    };
                    return Err(Error::Setup(format!(
                        "`{called}` has no parameter `{given}`; {help} (to send it all the same, write query:{given} or header:{given})"
                    )));
                }
            },
            (several, _) => {
                let names: Vec<String> = several.iter().map(|p| format!("{}:{}", p.location, p.name)).collect();
                let names = names.join(" or ");
                return Err(Error::Setup(format!("`{called}` has several parameters `{given}`; write {names}")));
            }
        };
        match found.iter_mut().find(|known| known.name == name && known.location == location) {
            Some(known) => known.values.push(value.clone()),
            None => {
                let declared = parameter.copied();
                found.push(Placed { name, location, declared, values: vec![value.clone()] });
            }
        }
    }
    Ok(found)
}

/// The value of a parameter, read as its schema says.
fn read_value(parameter: &Placed<'_>, api: Api<'_>) -> Result<Json, Error> {
    let schema = parameter.declared.as_ref().and_then(|declared| {
        let content = declared.node.get("content").and_then(|content| content.members().first());
        declared.schema().or_else(|| content?.1.get("schema")).and_then(|schema| api.resolve(schema).ok())
    });
    let is = |kind: &str| {
        let types = schema.and_then(|schema| schema.get("type"));
        types.is_some_and(|node| {
            node.as_str() == Some(kind) || node.items().iter().any(|item| Node::as_str(item) == Some(kind))
        })
    };
    let json = parameter.declared.as_ref().and_then(|declared| declared.serialization().content);
    let json = json.is_some_and(|media_type| is_json(&media_type));
    let typed = |value: &Json| match value {
        Json::String(text) => match Json::read(text) {
            Ok(parsed) if parsed.is_object() && (is("object") || json) => parsed,
            Ok(parsed) if parsed.is_array() && (is("array") || json) => parsed,
            Ok(parsed) if json && !is("string") => parsed,
            _ => value.clone(),
        },
        value => value.clone(),
    };
    for text in parameter.values.iter().filter_map(Json::as_str) {
        if let (true, Some(member)) = (is("object") || is("array") || json, Json::doubled_member(text)) {
            let name = parameter.name;
            return Err(Error::Setup(format!("`{name}` has the member `{member}` twice in one object: give it once")));
        }
    }
    let mut values: Vec<Json> = parameter.values.iter().map(typed).collect();
    Ok(match values.pop() {
        Some(only) if values.is_empty() && (only.is_array() || !is("array")) => only,
        Some(last) => values.into_iter().chain([last]).collect(),
        None => Json::Null,
    })
}

/// The media type for a body of which none is given: for fields, one that has fields.
fn choose_media_type(call: &Call, described: &[openapi::Media<'_>]) -> String {
    let usual = openapi::usual_media_type(described);
    let Some(Body::Fields(fields)) = &call.body else { return usual };
    let files = fields.iter().any(|(_, value)| matches!(value, Value::File(..)));
    let wanted = |name: &str| is_structured(name) && (!files || MediaType::parse(name).is_multipart());
    let named = described.iter().map(|media| media.name).find(|name| wanted(name));
    match named {
        _ if wanted(&usual) => usual,
        Some(name) => name.to_owned(),
        None if files => "multipart/form-data".to_owned(),
        None => usual,
    }
}

fn is_structured(media_type: &str) -> bool {
    let kind = MediaType::parse(media_type);
    kind.is_json() || kind.is_form() || kind.is_multipart()
}

/// A text as the whole body.
fn parse_body(text: &str, media_type: &str) -> Result<Json, Error> {
    let kind = MediaType::parse(media_type);
    let read = kind.is_json() || kind.is_multipart() || kind.is_form();
    if let Some(member) = Json::doubled_member(text).filter(|_| read) {
        return Err(Error::Setup(format!(
            "the body has the member `{member}` twice in one object, and only the last would be sent: give it once"
        )));
    }
    if kind.is_json() || kind.is_multipart() {
        return Json::read(text).map_err(|error| {
            Error::Setup(format!("the body is not JSON, and its media type is {media_type}: {error}"))
        });
    }
    let object = Json::parse(text).filter(|json| json.is_object() && kind.is_form());
    Ok(object.unwrap_or_else(|| Json::String(text.to_owned())))
}

/// A name that an expression can hold.
fn identifier(name: &str) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' };
    name.chars().map(fits).collect()
}
