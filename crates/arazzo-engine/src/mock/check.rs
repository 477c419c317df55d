//! A request against its description: what is missing, what has the wrong type, what is not described.

use crate::limits::CONNECTION_HEADERS;
use crate::value::{Json, Map};

use super::Request;
use super::allowed::Allowed;
use super::route::{Route, pairs};
use crate::json_schema::{read_text, types};
use crate::media_type::MediaType;
use crate::node::Node;
use crate::openapi::encode::Style;
use crate::openapi::schema::Direction;
use crate::openapi::{Api, Field, Operation, Parameter, sample};
use crate::source::Span;

/// One thing that is wrong with a request.
pub(super) struct Problem {
    /// The place in the request: ``query parameter `limit` ``, `body /items/0`.
    pub(super) at: String,
    /// The fault, in words.
    pub(super) reason: String,
    /// The place of its description.
    pub(super) span: Span,
    /// The media type is none that is described.
    media_type: bool,
}

/// The status for a request with problems: 415 for a media type; 400, or 422 where only that is documented.
pub(super) fn status(operation: &Operation<'_>, problems: &[Problem]) -> u16 {
    let documents = |status: &str| operation.responses().iter().any(|(known, _)| *known == status);
    match problems {
        [Problem { media_type: true, .. }] => 415,
        _ if documents("422") && !documents("400") => 422,
        _ => 400,
    }
}

/// Everything that is wrong with a request to where it leads.
pub(super) fn request(route: &Route<'_>, request: &Request<'_>) -> Vec<Problem> {
    let Route { operation, parameters: path, query: pairs } = route;
    let mut problems = vec![];
    for parameter in operation.parameters().0 {
        let values: Vec<String> = match parameter.location {
            "path" => path.iter().filter(|(name, _)| name == parameter.name).map(|(_, value)| value.clone()).collect(),
            "query" => pairs.iter().filter(|(name, _)| name == parameter.name).map(|(_, v)| v.clone()).collect(),
            // What these headers say is checked by others (OpenAPI, Parameter Object), or by the connection.
            "header"
                if ["accept", "content-type", "authorization"]
                    .iter()
                    .chain(&CONNECTION_HEADERS)
                    .any(|n| parameter.name.eq_ignore_ascii_case(n)) =>
            {
                continue;
            }
            "header" => headers(request, parameter.name).map(str::to_owned).collect(),
            "cookie" => headers(request, "cookie")
                .flat_map(|header| header.split(';'))
                .filter_map(|pair| pair.trim().split_once('='))
                .filter(|(name, _)| *name == parameter.name)
                .map(|(_, value)| percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned())
                .collect(),
            _ => continue,
        };
        let found = check_parameter(operation.api(), &parameter, &values, pairs);
        problems.extend(found.into_iter().map(|reason| Problem {
            at: format!("{} parameter `{}`", parameter.location, parameter.name),
            reason,
            span: parameter.node.get("name").unwrap_or(parameter.node).span,
            media_type: false,
        }));
    }
    body(operation, request, &mut problems);
    problems
}

fn headers<'r>(request: &Request<'r>, name: &str) -> impl Iterator<Item = &'r str> {
    request.headers.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// The fault of the values of one parameter.
fn check_parameter(
    api: Api<'_>,
    parameter: &Parameter<'_>,
    values: &[String],
    pairs: &[(String, String)],
) -> Option<String> {
    let schema = parameter.schema().map(|node| api.resolve(node).unwrap_or(node));
    let spread = schema.is_some_and(|schema| is(schema, "object"));
    let Some(first) = values.first() else {
        // The members of an object stand for it, by their own names or as `name[member]`.
        let prefix = format!("{}[", parameter.name);
        let members = schema.and_then(|schema| schema.get("properties")).map(Node::members).unwrap_or_default();
        let stands = spread
            && pairs
                .iter()
                .any(|(name, _)| name.starts_with(&prefix) || members.iter().any(|(key, _)| key.name == *name));
        return (parameter.required && !stands).then(|| "it is required and missing".to_owned());
    };
    let how = parameter.serialization();
    // Other styles are not read back.
    let read = !matches!(how.style, Style::Label | Style::Matrix | Style::DeepObject) && how.content.is_none();
    let schema = schema.filter(|_| read && !spread)?;
    let value = if is(schema, "array") {
        let spread = how.explode && matches!(parameter.location, "query" | "cookie" | "formData");
        list(api, schema, values, (!spread).then(|| how.style.sign()))
    } else {
        typed(first, Some(schema))
    };
    faults(api, schema, &value).into_iter().next().map(|(_, reason)| reason)
}

/// A list that came as several values, or as one with a sign between its items.
fn list(api: Api<'_>, schema: &Node, values: &[String], sign: Option<char>) -> Json {
    let items = schema.get("items").map(|node| api.resolve(node).unwrap_or(node));
    let parts: Vec<&str> = match (sign, values.first().map(String::as_str)) {
        (None, _) => values.iter().map(String::as_str).collect(),
        (Some(_), None | Some("")) => vec![],
        (Some(sign), Some(first)) => first.split(sign).map(str::trim).collect(),
    };
    parts.into_iter().map(|part| typed(part, items)).collect()
}

/// The body: required, of a described media type, and as its schema says.
fn body(operation: &Operation<'_>, request: &Request<'_>, problems: &mut Vec<Problem>) {
    let Ok(Some(described)) = operation.request_body() else { return };
    let span = operation.key.span;
    let problem = |at: &str, reason: String, span: Span| Problem { at: at.to_owned(), reason, span, media_type: false };
    if request.body.is_empty() {
        if described.required {
            problems.push(problem("body", "it is required and missing".to_owned(), span));
        }
        return;
    }
    let sent = headers(request, "content-type").next().unwrap_or_default();
    let kind = MediaType::parse(sent);
    let Some(media) = described.media(sent) else {
        if !described.content.is_empty() {
            let known: Vec<&str> = described.content.iter().map(|media| media.name).collect();
            let is = if sent.is_empty() { "it is missing".to_owned() } else { format!("`{sent}` is not described") };
            let reason = format!("{is}; described: {}", known.join(", "));
            problems.push(Problem { media_type: true, ..problem("content type", reason, span) });
        }
        return;
    };
    let api = operation.api();
    let Some(schema) = media.schema else {
        if kind.is_form() {
            let pairs = pairs(request.body);
            for field in &described.fields {
                let values: Vec<String> =
                    pairs.iter().filter(|(name, _)| name == field.name).map(|(_, value)| value.clone()).collect();
                let found = check_parameter(api, field, &values, &pairs);
                let at = format!("form field `{}`", field.name);
                problems.extend(found.map(|reason| problem(&at, reason, field.node.span)));
            }
        }
        return;
    };
    let value = if kind.is_json() {
        match Json::parse(request.body).map_or_else(|| serde_json::from_slice::<Json>(request.body), Ok) {
            Ok(value) => value,
            Err(error) => {
                problems.push(problem("body", format!("not valid JSON: {error}"), schema.span));
                return;
            }
        }
    } else if kind.is_form() {
        let encoding = described.encoding(api, &media);
        // An object that is spread over fields is not read back.
        let spread = |field: &Field| {
            let object = sample::member(api, schema, &field.name).is_some_and(|node| is(node, "object"));
            field.how.is_some() && object
        };
        if encoding.iter().any(spread) {
            return;
        }
        form(api, schema, &encoding, request.body)
    } else {
        return;
    };
    for (at, reason) in faults(api, schema, &value) {
        let at = if at.is_empty() { "body".to_owned() } else { format!("body {at}") };
        problems.push(problem(&at, reason, schema.span));
    }
}

/// The members of a form, each of the type that its schema says.
fn form(api: Api<'_>, schema: &Node, encoding: &[Field], body: &[u8]) -> Json {
    let pairs = pairs(body);
    let mut members: Map<String, Json> = Map::new();
    for (name, text) in &pairs {
        if members.contains_key(name) {
            continue;
        }
        let node = sample::member(api, schema, name);
        let value = if let Some(node) = node.filter(|node| is(node, "array")) {
            let how = encoding.iter().find(|field| field.name == *name).and_then(|field| field.how.as_ref());
            let values: Vec<String> =
                pairs.iter().filter(|(known, _)| known == name).map(|(_, text)| text.clone()).collect();
            list(api, node, &values, how.filter(|how| !how.explode).map(|how| how.style.sign()))
        } else {
            typed(text, node)
        };
        members.insert(name.clone(), value);
    }
    Json::Object(members.into())
}

fn is(schema: &Node, kind: &str) -> bool {
    types(schema).any(|known| known == kind)
}

/// A text as a value of the type that the schema says; an object travels as JSON.
fn typed(text: &str, schema: Option<&Node>) -> Json {
    let object = schema.filter(|schema| is(schema, "object")).and_then(|_| Json::parse(text));
    object.unwrap_or_else(|| read_text(text, schema.into_iter().flat_map(types)))
}

/// The places at which a value is not as its schema says, and why. A schema that is none finds nothing.
fn faults(api: Api<'_>, schema: &Node, value: &Json) -> Vec<(String, String)> {
    Allowed::by(api, Some(schema), Direction::Request).faults(value)
}
