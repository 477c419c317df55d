//! The answer of an operation that is a stream of events: its examples, else one event of each kind. What the steps wait for
//! that listen to it goes first.

use super::suiting::{completed, suited};
use crate::event_stream::written;
use crate::machine::Forecast;
use crate::machine::message::Message;
use crate::openapi::stream::EventStream;
use crate::program;
use crate::program::entry::stream_messages;
use crate::source::Span;
use crate::value::{Json, json_text};

/// The text of a stream, and whether it was made up; of one example, if one is asked for.
pub(super) fn text(
    (stream, span): (EventStream<'_>, Span),
    example: Option<&str>,
    listeners: &[Forecast],
) -> (String, bool) {
    if let Some(name) = example {
        return (stream.example(name).iter().map(line).collect(), false);
    }
    let kinds = stream_messages(stream, span);
    let examples = stream.examples();
    let (others, is_made) = match examples.is_empty() {
        true => (kinds.iter().filter_map(|kind| kind.samples.first().cloned()).collect(), true),
        false => (examples, false),
    };
    let mut events: Vec<(Json, Json)> = vec![];
    for forecast in listeners {
        let wanted = kinds.iter().find_map(|kind| wanted(kind, forecast));
        events.extend(wanted.filter(|event| !events.contains(event)));
    }
    let left: Vec<(Json, Json)> = others.into_iter().filter(|event| !events.contains(event)).collect();
    events.extend(left);
    (events.iter().map(line).collect(), is_made)
}

/// An event of a kind with which the criteria of a step may hold.
fn wanted(kind: &program::Message, forecast: &Forecast) -> Option<(Json, Json)> {
    let takes = |event: &(Json, Json)| forecast.takes(&message(event), kind.content_type.as_deref());
    let known = kind.samples.iter().map(|sample| completed(forecast, kind, sample));
    known.chain(suited(forecast, kind)).find(takes)
}

fn message((headers, payload): &(Json, Json)) -> Message {
    let headers = if let Json::Object(members) = headers { members.clone().into_iter().collect() } else { vec![] };
    let headers = headers.into_iter().map(|(name, value): (String, Json)| (name, json_text(&value))).collect();
    Message { headers, payload: json_text(payload).into_bytes(), ..Message::default() }
}

fn line((headers, payload): &(Json, Json)) -> String {
    let text = |name| headers.get(name).map(json_text);
    let data = if payload.is_null() { String::new() } else { json_text(payload) };
    written(text("event").as_deref(), text("id").as_deref(), &data)
}
