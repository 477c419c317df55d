//! Answers of operations that are streams of events (`text/event-stream`), and what their events are said to be: OpenAPI 3.2
//! describes an event by `itemSchema`; before, people describe its data, or the event as an object, by `schema`.

use crate::event_stream::Reader;
use crate::json;
use crate::media_type::MediaType;
use crate::node::Node;
use crate::value::{Json, json_text};

use super::{Api, Broken, Media, Operation, properties};

/// The media type of event streams.
pub const EVENT_STREAM: &str = "text/event-stream";

/// Names of the fields of an event.
const FIELDS: [&str; 4] = ["data", "event", "id", "retry"];

/// Bytes of an event that stands as an example.
const EXAMPLE_BYTES: u64 = 1 << 20;

/// The description of a stream of events.
#[derive(Debug, Clone, Copy)]
pub struct EventStream<'a> {
    api: Api<'a>,
    media: Media<'a>,
    /// The schema of an event, or of its data; nothing if nothing is said of them.
    item: Option<&'a Node>,
    /// `true` if the schema is that of an event with its fields.
    of_fields: bool,
}

/// An event as it is described.
#[derive(Debug, Clone)]
pub struct DescribedEvent<'a> {
    /// What it is called: the value of `event`, if it has one only.
    pub name: Option<String>,
    /// The schema of its data.
    pub data: Option<&'a Node>,
    /// `true` if its data is said to be JSON.
    pub is_json: bool,
}

impl<'a> Operation<'a> {
    /// The stream of events that a call which succeeds is answered with.
    ///
    /// # Errors
    /// [`Broken`] if a reference to an answer cannot be followed.
    pub fn event_stream(&self) -> Result<Option<EventStream<'a>>, Broken> {
        let success = |status: &str| status.starts_with('2') || status == "default";
        for (_, node) in self.response_nodes().iter().filter(|(status, _)| success(&status.name)) {
            let content = self.content(self.api.resolve(node)?);
            let found = content.into_iter().find(|media| MediaType::parse(media.name).essence() == EVENT_STREAM);
            if let Some(media) = found {
                return Ok(Some(EventStream::new(self.api, media)));
            }
        }
        Ok(None)
    }
}

impl<'a> EventStream<'a> {
    /// The stream that a media type describes; nothing for another one.
    #[must_use]
    pub fn of(api: Api<'a>, media: &Media<'a>) -> Option<Self> {
        (MediaType::parse(media.name).essence() == EVENT_STREAM).then(|| Self::new(api, *media))
    }

    fn new(api: Api<'a>, media: Media<'a>) -> Self {
        let resolved = |node: &'a Node| api.resolve(node).ok();
        let item = media.node.and_then(|node| node.get("itemSchema")).and_then(resolved);
        let whole = media.schema.and_then(resolved);
        let kind = |node: &'a Node| node.get("type").and_then(Node::as_str);
        let described = match whole {
            _ if item.is_some() => item,
            // The text of the stream.
            Some(whole) if kind(whole) == Some("string") => None,
            Some(whole) => {
                whole.get("items").filter(|_| kind(whole) == Some("array")).and_then(resolved).or(Some(whole))
            }
            None => None,
        };
        let names =
            |node: &'a Node| properties(api, Some(node), 0).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        let of_fields = described.is_some_and(|node| {
            let all: Vec<&str> = variants(api, node).into_iter().chain([node]).flat_map(names).collect();
            let has = |name: &str| all.contains(&name);
            // Data may have a member of this name: then it has others, too.
            if item.is_some() {
                FIELDS.iter().any(|name| has(name))
            } else {
                has("data") && all.iter().all(|name| FIELDS.contains(name))
            }
        });
        Self { api, media, item: described, of_fields }
    }

    /// The view through which its schemas are read.
    #[must_use]
    pub fn api(&self) -> Api<'a> {
        self.api
    }

    /// The events that it may have; one of which nothing is known, if nothing is said.
    #[must_use]
    pub fn events(&self) -> Vec<DescribedEvent<'a>> {
        let Some(item) = self.item else { return vec![DescribedEvent { name: None, data: None, is_json: false }] };
        if !self.of_fields {
            return vec![DescribedEvent { name: None, data: Some(item), is_json: !is_text(self.api, item) }];
        }
        let mut kinds = variants(self.api, item);
        if kinds.is_empty() {
            kinds.push(item);
        }
        kinds.into_iter().map(|kind| self.event(kind, item)).collect()
    }

    fn event(&self, kind: &'a Node, item: &'a Node) -> DescribedEvent<'a> {
        let field = |name: &str| {
            let of = |node| properties(self.api, Some(node), 0).into_iter().find(|(known, _)| *known == name);
            let (_, found) = of(kind).or_else(|| of(item))?;
            self.api.resolve(found).ok()
        };
        let data = field("data");
        let inside = data.and_then(|data| data.get("contentSchema")).and_then(|schema| self.api.resolve(schema).ok());
        let media = data.and_then(|data| data.get("contentMediaType")).and_then(Node::as_str);
        let is_json = match media {
            Some(media) => MediaType::parse(media).is_json(),
            None => inside.is_some() || data.is_some_and(|data| !is_text(self.api, data)),
        };
        let data = inside.or_else(|| data.filter(|data| media.is_none() || !is_json || !is_text(self.api, data)));
        DescribedEvent { name: field("event").and_then(only_value), data, is_json }
    }

    /// Its examples: headers and payload of each event.
    #[must_use]
    pub fn examples(&self) -> Vec<(Json, Json)> {
        let Some(node) = self.media.node else {
            return self.media.example.map(|example| self.read_example(example.to_json())).unwrap_or_default();
        };
        let named = node.get("examples").map(Node::members).unwrap_or_default();
        let value = |example: &'a Node| {
            let example = self.api.resolve(example).ok()?;
            ["dataValue", "value", "serializedValue"].iter().find_map(|name| example.get(name))
        };
        let all = node.get("example").into_iter().chain(named.iter().filter_map(|(_, example)| value(example)));
        all.flat_map(|example| self.read_example(example.to_json())).collect()
    }

    /// The events of the example with this name.
    #[must_use]
    pub fn example(&self, name: &str) -> Vec<(Json, Json)> {
        let named = self.media.node.and_then(|node| node.get("examples")?.get(name));
        let example = named.and_then(|example| self.api.resolve(example).ok());
        let value = example
            .and_then(|example| ["dataValue", "value", "serializedValue"].iter().find_map(|name| example.get(name)));
        value.map(|value| self.read_example(value.to_json())).unwrap_or_default()
    }

    /// The events of an example: the text of a stream, a list of events, or one.
    fn read_example(&self, example: Json) -> Vec<(Json, Json)> {
        match example {
            Json::Array(items) => items.into_iter().map(|item| self.read_event(item)).collect(),
            Json::String(text) => {
                let mut reader = Reader::new(EXAMPLE_BYTES);
                // What ends an event may have been left out at the end.
                let events = reader.read(format!("{text}\n\n").as_bytes()).unwrap_or_default();
                if events.is_empty() {
                    return vec![self.read_event(Json::String(text))];
                }
                let read = |event: crate::event_stream::Event| {
                    let mut headers = crate::value::Map::new();
                    headers.extend(event.name.map(|name| ("event".to_owned(), Json::String(name))));
                    if event.own_id {
                        headers.insert("id".to_owned(), Json::String(event.id));
                    }
                    (Json::Object(headers.into()), read_data(event.data))
                };
                events.into_iter().map(read).collect()
            }
            other => vec![self.read_event(other)],
        }
    }

    fn read_event(&self, event: Json) -> (Json, Json) {
        let is_event = |members: &crate::value::Map<String, Json>| {
            members.contains_key("data")
                && (self.of_fields || members.keys().all(|name| FIELDS.contains(&name.as_str())))
        };
        match event {
            Json::Object(members) if is_event(&members) => {
                let mut headers = crate::value::Map::new();
                let mut payload = Json::Null;
                for (name, value) in members {
                    match (name.as_str(), value) {
                        ("data", Json::String(text)) => payload = read_data(text),
                        ("data", data) => payload = data,
                        ("event" | "id", value) => _ = headers.insert(name, Json::String(json_text(&value))),
                        _ => {}
                    }
                }
                (Json::Object(headers.into()), payload)
            }
            Json::String(text) => (json!({}), read_data(text)),
            data => (json!({}), data),
        }
    }
}

/// The data of an event: JSON, where it is.
fn read_data(text: String) -> Json {
    Json::parse(&text).unwrap_or(Json::String(text))
}

/// The alternatives of a schema.
fn variants<'a>(api: Api<'a>, schema: &'a Node) -> Vec<&'a Node> {
    let lists = ["oneOf", "anyOf"].into_iter().filter_map(|name| schema.get(name));
    lists.flat_map(Node::items).filter_map(|node| api.resolve(node).ok()).collect()
}

/// `true` for a schema that describes texts alone.
fn is_text(api: Api<'_>, schema: &Node) -> bool {
    let Ok(schema) = api.resolve(schema) else { return false };
    schema.get("type").and_then(Node::as_str) == Some("string")
}

/// The one value that a schema allows.
fn only_value(schema: &Node) -> Option<String> {
    let listed = schema.get("enum").map(Node::items).filter(|items| items.len() == 1);
    let value = schema.get("const").or_else(|| listed?.first())?;
    value.as_str().map(str::to_owned)
}
