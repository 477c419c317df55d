//! The answer to a request that fits: status, headers and body from examples, else from schemas.

use crate::json;
use crate::value::{Json, Map, Number};

use super::check::Problem;
use super::{Answer, Fault, Reads, Request};
use crate::machine::Response;
use crate::media_type::{MediaType, is_json};
use crate::node::Node;
use crate::openapi::sample::{invented, member, sample};
use crate::openapi::status::StatusKey;
use crate::openapi::{Api, Media, Operation};
use crate::source::Sources;
use crate::value::{PathSegment, json_text};

/// Headers that the body and the connection decide.
const OTHERS: [&str; 8] =
    ["content-type", "content-length", "connection", "keep-alive", "transfer-encoding", "trailer", "upgrade", "date"];

/// The documented answer; `times` is how often this path has been asked for, from 1.
pub(super) fn documented(
    operation: &Operation<'_>,
    parameters: &[(String, String)],
    request: &Request<'_>,
    reads: Option<&Reads>,
    times: usize,
) -> Answer {
    let (status, node) = success(operation);
    let asked = Asked { operation, parameters, request: Some(request), reads, times };
    let (response, note) = asked.response(status, node);
    Answer { delay_ms: 0, response: Some(response), operation: None, note }
}

/// The answer with the status of a fault, as it is documented.
pub(super) fn faulty(operation: &Operation<'_>, fault: &Fault) -> Answer {
    let status = fault.status.unwrap_or(500);
    let asked = Asked { operation, parameters: &[], request: None, reads: None, times: 1 };
    let described = response_node(operation, status);
    let (mut response, _) = asked.response(status, described);
    if response.body.is_empty() && status != 204 && status != 304 && fault.body.is_none() {
        response.headers.push(("content-type".to_owned(), "application/problem+json".to_owned()));
        response.body = json!({ "title": "a fault that was asked for", "status": status }).to_string().into_bytes();
    }
    Answer { delay_ms: 0, response: Some(response), operation: None, note: format!("fault: {status}") }
}

/// An answer of the mock's own (RFC 9457): what is wrong with the request, and where that is described.
pub(super) fn refused(texts: &Sources, status: u16, detail: String, problems: Vec<Problem>) -> Answer {
    let words: Vec<String> = problems.iter().map(|problem| format!("{}: {}", problem.at, problem.reason)).collect();
    let detail = if problems.is_empty() { detail } else { words.join("; ") };
    let title = if problems.is_empty() { "not described" } else { "the request is not as described" };
    let shown: Vec<Json> = problems
        .iter()
        .map(|problem| {
            let place = texts.place(problem.span);
            let place = format!("{}:{}:{}", place.file, place.line, place.column);
            json!({ "at": problem.at, "reason": problem.reason, "described": place })
        })
        .collect();
    let body = match shown.is_empty() {
        true => json!({ "title": title, "status": status, "detail": detail }),
        false => json!({ "title": title, "status": status, "detail": detail, "problems": shown }),
    };
    let headers = vec![("content-type".to_owned(), "application/problem+json".to_owned())];
    let response = Response { status, headers, body: body.to_string().into_bytes() };
    Answer { delay_ms: 0, response: Some(response), operation: None, note: detail }
}

/// The lowest documented 2xx, else `default` as 200, else the lowest that is documented at all.
fn success<'a>(operation: &Operation<'a>) -> (u16, Option<&'a Node>) {
    let keys = operation.response_nodes().iter().filter_map(|(key, node)| Some((StatusKey::parse(&key.name)?, node)));
    let mut known: Vec<(u16, StatusKey, &Node)> = keys
        .map(|(key, node)| match key {
            StatusKey::Code(status) => (status, key, node),
            StatusKey::Range(first) => (first * 100, key, node),
            StatusKey::Default => (200, key, node),
        })
        .filter(|(status, ..)| (200..=599).contains(status))
        .collect();
    known.sort_by_key(|(status, key, _)| (*status, *key));
    let success = known.iter().find(|(_, key, _)| key.is_success());
    let default = || known.iter().find(|(_, key, _)| *key == StatusKey::Default);
    let found = success.or_else(default).or_else(|| known.first()).map(|(status, _, node)| (*status, *node));
    found.map_or((200, None), |(status, node)| (status, operation.api().resolve(node).ok()))
}

/// The object that describes a status, references resolved.
fn response_node<'a>(operation: &Operation<'a>, status: u16) -> Option<&'a Node> {
    operation.response(status).and_then(|node| operation.api().resolve(node).ok())
}

struct Asked<'r, 'a> {
    operation: &'r Operation<'a>,
    parameters: &'r [(String, String)],
    request: Option<&'r Request<'r>>,
    reads: Option<&'r Reads>,
    times: usize,
}

/// A body before it is written: text as it is, or a value.
enum Body {
    Text(String),
    Value(Json),
}

impl<'a> Asked<'_, 'a> {
    fn api(&self) -> Api<'a> {
        self.operation.api()
    }

    fn response(&self, status: u16, node: Option<&'a Node>) -> (Response, String) {
        let mut headers = self.headers(node);
        let without = Response { status, headers: headers.clone(), body: vec![] };
        if status == 204 || status == 304 {
            return (without, status.to_string());
        }
        let wanted: Vec<&[PathSegment]> =
            self.reads.iter().flat_map(|reads| reads.body.iter().map(Vec::as_slice)).collect();
        let content = node.map(|node| self.operation.content(node)).unwrap_or_default();
        let chosen = self.choose(content.iter().map(|media| media.name));
        let Some(media) = content.iter().find(|media| Some(media.name) == chosen) else {
            if wanted.is_empty() {
                return (without, "no body is described".to_owned());
            }
            // Nothing is described, and yet it is read.
            let inside: Vec<&[PathSegment]> = wanted.iter().copied().filter(|way| !way.is_empty()).collect();
            let made = if inside.is_empty() { json!({}) } else { invented("value", &inside) };
            headers.push(("content-type".to_owned(), "application/json".to_owned()));
            let response = Response { status, headers, body: made.to_string().into_bytes() };
            return (response, "no body is described; made of what is read".to_owned());
        };
        // A schema that leads nowhere says nothing.
        let schema = media.schema.filter(|schema| self.api().resolve(schema).is_ok());
        let (body, note) = match self.example(media) {
            Some((body, note)) => (self.echoed(body, schema, true), note),
            None => match (schema, media.node.and_then(|node| node.get("itemSchema"))) {
                (None, Some(item)) => (Body::Text(self.sequence(media.name, item, &wanted)), "sample".to_owned()),
                (Some(schema), _) => {
                    let made = Body::Value(sample(self.api(), schema, "", &wanted));
                    (self.echoed(made, Some(schema), false), "sample".to_owned())
                }
                (None, None) => {
                    let inside: Vec<&[PathSegment]> = wanted.iter().copied().filter(|way| !way.is_empty()).collect();
                    let made = if inside.is_empty() { json!({}) } else { invented("value", &inside) };
                    (self.echoed(Body::Value(made), None, false), "no schema; made of what is read".to_owned())
                }
            },
        };
        let written = concrete(media.name);
        let bytes = write(body, &written, schema);
        headers.push(("content-type".to_owned(), written));
        (Response { status, headers, body: bytes.into_bytes() }, note)
    }

    /// The media type that the client accepts, JSON before others.
    fn choose<'m>(&self, types: impl Iterator<Item = &'m str> + Clone) -> Option<&'m str> {
        let accepted = self.request.and_then(|request| {
            let header = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("accept"))?;
            Some(header.1.split(',').map(MediaType::parse))
        });
        if let Some(accepted) = accepted {
            for wish in accepted {
                let fits = |kind: &&str| {
                    let kind = MediaType::parse(kind);
                    match wish.essence().strip_suffix("/*") {
                        Some("*") => kind.is_json(),
                        Some(family) => kind.family() == family,
                        None => kind.essence() == wish.essence(),
                    }
                };
                if let Some(found) = types.clone().find(fits) {
                    return Some(found);
                }
            }
        }
        types.clone().find(|kind| is_json(kind)).or_else(|| types.clone().next())
    }

    /// The example of a media type: `example`, or the one of `examples` whose turn it is.
    fn example(&self, media: &Media<'a>) -> Option<(Body, String)> {
        let media_type = media.name;
        let value = |node: &Node| match node.as_str() {
            // JSON that was written as a text.
            Some(text) if is_json(media_type) && text.trim_start().starts_with(['{', '[']) => {
                Body::Value(Json::parse(text).unwrap_or_else(|| json!(text)))
            }
            Some(text) if !is_json(media_type) => Body::Text(text.to_owned()),
            _ => Body::Value(node.to_json()),
        };
        let field = |name| media.node.and_then(|node| node.get(name));
        if let Some(example) = field("example").or(media.example) {
            return Some((value(example), "example".to_owned()));
        }
        let named: Vec<(&str, Body)> = field("examples")
            .map(Node::members)
            .unwrap_or_default()
            .iter()
            .filter_map(|(key, node)| {
                let node = self.api().resolve(node).ok()?;
                let serialized = || node.get("serializedValue").and_then(Node::as_str);
                let body = match node.get("value").or_else(|| node.get("dataValue")) {
                    Some(found) => value(found),
                    None => Body::Text(serialized()?.to_owned()),
                };
                Some((key.name.as_str(), body))
            })
            .collect();
        let turn = self.times.min(named.len()).checked_sub(1)?;
        named.into_iter().nth(turn).map(|(name, body)| (body, format!("example {name}")))
    }

    /// Puts what the client sent where it obviously comes back: members that are called as a path parameter or as a
    /// member of its body, of the same type. An example keeps what it says about a closed set of values.
    fn echoed(&self, body: Body, schema: Option<&'a Node>, example: bool) -> Body {
        let (Some(request), Body::Value(Json::Object(mut members))) = (self.request, body_of(&body)) else {
            return body;
        };
        let described = |name: &str| schema.and_then(|schema| member(self.api(), schema, name));
        let flag = |node: Option<&Node>, name| node.and_then(|n| n.get(name)).and_then(Node::as_bool) == Some(true);
        let sent: Map<String, Json> = match Json::parse(request.body) {
            Some(Json::Object(members)) => members.into_inner(),
            _ => Map::new(),
        };
        for (name, value) in sent {
            let node = described(&name);
            let closed = node.is_some_and(|node| node.get("enum").is_some() || node.get("const").is_some());
            if flag(node, "readOnly") || flag(node, "writeOnly") || closed && example {
                continue;
            }
            let allowed = node
                .and_then(|node| node.get("enum"))
                .is_none_or(|list| list.items().iter().any(|item| item.to_json() == value));
            let known = members.get(&name).cloned();
            // A member that is described and not in the sample has the type of its own sample.
            let known = known.or_else(|| node.filter(|_| !example).map(|node| sample(self.api(), node, &name, &[])));
            if allowed && known.is_some_and(|known| same_type(&known, &value)) {
                members.insert(name, value);
            }
        }
        let last = self.operation.path.rsplit('/').next().unwrap_or_default();
        for (parameter, text) in self.parameters {
            let resource = last == format!("{{{parameter}}}") && folded(parameter).ends_with("id");
            let target = members
                .keys()
                .find(|name| folded(name) == folded(parameter))
                .or_else(|| members.keys().find(|name| resource && folded(name) == "id"))
                .cloned();
            if let Some(value) = target.as_ref().and_then(|name| members.get_mut(name)) {
                match value {
                    Json::String(known) => known.clone_from(text),
                    Json::Number(known) => *known = Number::parse(text).unwrap_or_else(|| known.clone()),
                    _ => {}
                }
            }
        }
        Body::Value(Json::Object(members))
    }

    /// Two items of a body that is a sequence of them (OpenAPI 3.2).
    fn sequence(&self, media_type: &str, item: &'a Node, wanted: &[&[PathSegment]]) -> String {
        let value = sample(self.api(), item, "item", wanted);
        if media_type.starts_with("text/event-stream") {
            let Json::Object(fields) = &value else { return format!("data: {value}\n\n") };
            let lines = fields.iter().map(|(name, value)| format!("{name}: {}\n", json_text(value)));
            return lines.collect::<String>() + "\n";
        }
        format!("{value}\n")
    }

    fn headers(&self, node: Option<&'a Node>) -> Vec<(String, String)> {
        let described = node.and_then(|node| node.get("headers")).map(Node::members).unwrap_or_default();
        let mut headers: Vec<(String, String)> = described
            .iter()
            .filter(|(key, _)| !OTHERS.iter().any(|other| key.name.eq_ignore_ascii_case(other)))
            .filter_map(|(key, header)| {
                let header = self.api().resolve(header).ok()?;
                let example = header.get("example").map(Node::to_json).or_else(|| {
                    let (_, first) = header.get("examples")?.members().first()?;
                    Some(self.api().resolve(first).ok()?.get("value")?.to_json())
                });
                let name = key.name.to_ascii_lowercase();
                let value =
                    example.or_else(|| Some(sample(self.api(), self.operation.header_schema(header)?, &name, &[])));
                Some((name.clone(), header_text(&value.unwrap_or_else(|| invented(&name, &[])))))
            })
            .collect();
        for read in self.reads.iter().flat_map(|reads| &reads.headers) {
            let known = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(read));
            if !known && !OTHERS.iter().any(|other| read.eq_ignore_ascii_case(other)) {
                headers.push((read.to_ascii_lowercase(), format!("{}-1", read.to_ascii_lowercase())));
            }
        }
        headers
    }
}

fn body_of(body: &Body) -> Body {
    match body {
        Body::Value(value) => Body::Value(value.clone()),
        Body::Text(text) => Body::Text(text.clone()),
    }
}

fn folded(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

fn same_type(a: &Json, b: &Json) -> bool {
    matches!(
        (a, b),
        (Json::String(_), Json::String(_))
            | (Json::Number(_), Json::Number(_))
            | (Json::Bool(_), Json::Bool(_))
            | (Json::Array(_), Json::Array(_))
            | (Json::Object(_), Json::Object(_))
    )
}

/// A header in `simple` style, with nothing in it that a header cannot carry.
fn header_text(value: &Json) -> String {
    let text = match value {
        Json::Array(items) => items.iter().map(json_text).collect::<Vec<_>>().join(","),
        other => json_text(other),
    };
    text.chars().filter(|c| !c.is_control()).collect()
}

/// A media type that can be sent: ranges become their most usual member.
fn concrete(media_type: &str) -> String {
    match media_type {
        "*/*" | "application/*" => "application/json".to_owned(),
        "text/*" => "text/plain".to_owned(),
        other => other.to_owned(),
    }
}

fn write(body: Body, media_type: &str, schema: Option<&Node>) -> String {
    let value = match body {
        Body::Text(text) => return text,
        Body::Value(value) => value,
    };
    let kind = MediaType::parse(media_type);
    if kind.is_json() {
        return value.to_string();
    }
    if kind.is_xml() {
        let name = schema.and_then(|schema| {
            let given = schema.get("xml").and_then(|xml| xml.get("name")).and_then(Node::as_str);
            given.or_else(|| schema.get("$ref").and_then(Node::as_str).and_then(|text| text.rsplit('/').next()))
        });
        return format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}", element(name.unwrap_or("root"), &value));
    }
    if kind.is_form()
        && let Json::Object(members) = &value
    {
        return url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(members.iter().map(|(name, value)| (name, json_text(value))))
            .finish();
    }
    json_text(&value)
}

/// A value as XML: members are elements, items repeat theirs.
fn element(name: &str, value: &Json) -> String {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let name: String = name.chars().map(|c| if c.is_alphanumeric() || "_-.".contains(c) { c } else { '_' }).collect();
    let inside = match value {
        Json::Object(members) => members
            .iter()
            .map(|(key, value)| match value {
                Json::Array(items) => items.iter().map(|item| element(key, item)).collect(),
                other => element(key, other),
            })
            .collect::<String>(),
        Json::Array(items) => items.iter().map(|item| element("item", item)).collect(),
        Json::Null => String::new(),
        scalar => escaped(&json_text(scalar)),
    };
    format!("<{name}>{inside}</{name}>")
}
