//! What a document says of a channel, or of a stream → its entry in a program, with the messages that may be on it.

use crate::asyncapi;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::json;
use crate::node::{Key, Kind, Node};
use crate::openapi::Api;
use crate::openapi::sample::sample_of;
use crate::openapi::schema::{Checked, Direction, checked};
use crate::openapi::stream::{DescribedEvent, EventStream};
use crate::program::{Channel, ChannelKind, ChannelParameter, ChannelScheme, ChannelServer, Message};
use crate::source::Span;
use crate::value::{Json, Map};

/// The entry of a channel, whose source has the index `api`; `chosen` is the server that is connected to.
pub(crate) fn channel_entry(
    api: usize,
    channel: &asyncapi::Channel<'_>,
    chosen: Option<usize>,
    faults: &mut Vec<Diagnostic>,
) -> Channel {
    let servers = channel.servers().into_iter().map(|server| ChannelServer {
        name: server.name.to_owned(),
        protocol: server.protocol(),
        protocol_text: server.protocol_text().map(Node::as_written).unwrap_or_default().to_owned(),
        url: server.url(),
        security: server
            .security()
            .into_iter()
            .map(|(name, node)| {
                let text = |key| node.get(key).map(Node::as_written).unwrap_or_default().to_owned();
                let (kind, scheme) = (text("type"), text("scheme").to_ascii_lowercase());
                ChannelScheme { name, kind, scheme, location: text("in"), parameter: text("name") }
            })
            .collect(),
    });
    let parameters = channel.parameters().map(|parameter| ChannelParameter {
        name: parameter.name.to_owned(),
        default: parameter.default().map(str::to_owned),
        values: parameter.values(),
        location: parameter.location(),
    });
    let (servers, parameters) = (servers.collect(), parameters.collect());
    let messages = channel.messages().iter().map(|message| message_entry(message, faults)).collect();
    // `address` may be absent, which says the same as null; a channel of a web server may have none at all.
    Channel {
        api,
        name: channel.name().to_owned(),
        address: channel.address().map(str::to_owned),
        parameters,
        servers,
        chosen,
        messages,
        bindings: bindings(channel.document().api(), channel.bindings()),
        kind: ChannelKind::Described,
        span: channel.key.span,
    }
}

fn message_entry(message: &asyncapi::Message<'_>, faults: &mut Vec<Diagnostic>) -> Message {
    let api = message.api();
    let sample = |node: Option<&Node>| {
        node.map_or(Json::Null, |node| sample_of(api, node, Direction::Request, message.name, &[]))
    };
    let headers = message.merged_headers();
    let headers = headers.as_deref();
    let payload = match message.payload() {
        Ok(payload) => payload,
        Err((format, node)) => {
            let text =
                format!("schemas of the format `{format}` are not read: payloads are not checked against this one");
            faults.push(
                Diagnostic::warning(Code::UnsupportedSchemaFormat, node.span, text)
                    .section("AsyncAPI, §Message Object"),
            );
            None
        }
    };
    let examples = message.examples().map(|(own_headers, own_payload)| {
        let given = |own: Option<&Node>, schema| own.map_or_else(|| sample(schema), Node::to_json);
        (given(own_headers, headers), given(own_payload, payload))
    });
    let mut samples: Vec<(Json, Json)> = examples.collect();
    let documented = !samples.is_empty();
    if !documented {
        samples = samples_of(api, (sample(headers), sample(payload)), payload, Direction::Request);
    }
    Message {
        name: message.name.to_owned(),
        content_type: message.content_type().map(str::to_owned),
        correlation: message.correlation().map(|(place, _)| place),
        headers: message.header_names().into_iter().map(str::to_owned).collect(),
        header_schema: checked_part(api, headers, "headers", faults),
        payload_schema: checked_part(api, payload, "payloads", faults),
        samples,
        documented,
        bindings: bindings(api, message.bindings()),
        span: message.span(),
    }
}

/// What a part of a message is checked against; that it is not checked is said.
fn checked_part(api: Api<'_>, schema: Option<&Node>, what: &str, faults: &mut Vec<Diagnostic>) -> Option<Checked> {
    let node = schema?;
    match checked(api, node, Direction::Request) {
        Ok(checked) => Some(checked),
        // What is neither was said where it is used.
        Err(_) if !matches!(node.kind, Kind::Object(_)) => None,
        Err(reason) => {
            let text = format!("{what} are not checked against this, which is no JSON Schema: {reason}");
            let fault = Diagnostic::warning(Code::UnsupportedSchemaFormat, node.span, text);
            faults.push(fault.section("AsyncAPI, §Message Object"));
            None
        }
    }
}

/// A sample, and others that differ in what its schema lists: what criteria ask for is often one of a few values.
pub(crate) fn samples_of(
    api: Api<'_>,
    (headers, payload): (Json, Json),
    schema: Option<&Node>,
    direction: Direction,
) -> Vec<(Json, Json)> {
    let mut payloads = vec![];
    let Some(schema) = schema.and_then(|schema| api.resolve(schema).ok()) else { return vec![(headers, payload)] };
    vary(api, payload.clone(), schema, &mut payloads);
    for branch in branches(api, schema) {
        let mut made = sample_of(api, branch, direction, "payload", &[]);
        // What is described beside the alternatives is there in each.
        if let (Json::Object(made), Json::Object(whole)) = (&mut made, &payload) {
            for (key, _) in schema.get("properties").map(Node::members).unwrap_or_default() {
                if let (false, Some(value)) = (made.contains_key(&key.name), whole.get(&key.name)) {
                    made.insert(key.name.clone(), value.clone());
                }
            }
        }
        vary(api, made, branch, &mut payloads);
    }
    let mut found: Vec<Json> = vec![];
    for payload in payloads {
        if !found.contains(&payload) {
            found.push(payload);
        }
    }
    found.into_iter().map(|payload| (headers.clone(), payload)).collect()
}

/// The most alternatives of a schema that are tried.
const BRANCHES: usize = 16;

/// The alternatives of a schema.
fn branches<'a>(api: Api<'a>, schema: &'a Node) -> Vec<&'a Node> {
    let lists = ["oneOf", "anyOf"].into_iter().filter_map(|name| schema.get(name));
    lists.flat_map(Node::items).filter_map(|node| api.resolve(node).ok()).take(BRANCHES).collect()
}

/// A sample, and those that differ in what its schema lists.
fn vary(api: Api<'_>, sample: Json, schema: &Node, found: &mut Vec<Json>) {
    found.push(sample.clone());
    let Json::Object(members) = sample else { return };
    for (name, value) in choices(api, schema) {
        let mut members: Map<String, Json> = members.clone().into_iter().collect();
        members.insert(name, value);
        found.push(Json::Object(members.into()));
    }
}

/// The most values of one member that are tried.
const CHOICES: usize = 16;

/// The values that the members of an object may have, where they are listed.
fn choices(api: Api<'_>, schema: &Node) -> Vec<(String, Json)> {
    let members = schema.get("properties").map(Node::members).unwrap_or_default();
    let listed = |(key, node): &(Key, Node)| {
        let node = api.resolve(node).ok()?;
        let values = node.get("enum")?.items().iter().take(CHOICES);
        Some(values.map(|value| (key.name.clone(), value.to_json())).collect::<Vec<_>>())
    };
    members.iter().filter_map(listed).flatten().collect()
}

/// Bindings by protocol, as they are written.
pub(crate) fn bindings(api: Api<'_>, node: Option<&Node>) -> Map<String, Json> {
    let members = node.map(Node::members).unwrap_or_default().iter();
    members.map(|(key, own)| (key.name.clone(), api.resolve(own).unwrap_or(own).to_json())).collect()
}

/// The messages of a stream.
pub(crate) fn stream_messages(stream: EventStream<'_>, span: Span) -> Vec<Message> {
    let described = stream.events();
    let mut messages: Vec<Message> = described.iter().map(|event| stream_message(stream, event, span)).collect();
    let mut examples: Vec<Vec<(Json, Json)>> = vec![vec![]; messages.len()];
    for (headers, payload) in stream.examples() {
        let name = headers.get("event").and_then(Json::as_str);
        let at = described.iter().position(|event| name.is_some() && event.name.as_deref() == name).unwrap_or(0);
        if let Some(own) = examples.get_mut(at) {
            own.push((headers, payload));
        }
    }
    for (message, examples) in messages.iter_mut().zip(examples).filter(|(_, examples)| !examples.is_empty()) {
        message.samples = examples;
        message.documented = true;
    }
    messages
}

fn stream_message(stream: EventStream<'_>, event: &DescribedEvent<'_>, span: Span) -> Message {
    let api = stream.api();
    let name = event.name.clone();
    let headers = name.as_ref().map_or_else(|| json!({}), |name| json!({ "event": name.as_str() }));
    let payload = event.data.map(|data| sample_of(api, data, Direction::Response, "data", &[]));
    let payload = payload.unwrap_or_else(|| if event.is_json { json!({}) } else { Json::Null });
    Message {
        name: name.unwrap_or_else(|| "event".to_owned()),
        content_type: event.is_json.then(|| "application/json".to_owned()),
        correlation: None,
        headers: vec!["event".to_owned(), "id".to_owned()],
        header_schema: None,
        payload_schema: event.data.and_then(|data| checked(api, data, Direction::Response).ok()),
        samples: samples_of(api, (headers, payload), event.data, Direction::Response),
        documented: false,
        bindings: Map::new(),
        span: event.data.map_or(span, |data| data.span),
    }
}
