//! A broker in memory: messages that are sent are accepted, and those that steps wait for are made of
//! examples and schemas, with the id that they wait for. Nothing of it is kept for anybody: each run has its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::fault::Fault;
use super::suiting::{completed, suited};
use crate::asyncapi::{CorrelationPlace, MessagePart, Protocol, is_id_header};
use crate::expr::StepId;
use crate::limits::{Millis, Servers};
use crate::machine::message::{
    Channel as Connection, ChannelInput, ChannelRequest, Delivery, DeliveryId, Message, SubscriptionId,
};
use crate::machine::{AwaitedMessage, Forecast};
use crate::media_type::MediaType;
use crate::program::{self, Channel, ChannelKind, MessageTarget, Program};
use crate::value::{Json, json_text};

/// What an id is called where nothing says what it is called.
const ID_NAME: &str = "correlationId";

/// The broker of a run.
#[derive(Debug)]
pub struct Broker {
    program: Arc<Program>,
    faults: Vec<Fault>,
    latency: Millis,
    /// Where the channels of the sources that it stands for are.
    places: BTreeSet<(Protocol, String)>,
    subscriptions: BTreeSet<SubscriptionId>,
    /// Waits that were answered.
    answered: BTreeSet<u64>,
    /// Messages that were made for each step.
    calls: BTreeMap<StepId, u32>,
    deliveries: u64,
}

/// Something that comes of what was asked, after so many ms.
pub type Coming = (Millis, ChannelInput);

impl Broker {
    /// A broker for the channels of these sources of a program; everything takes `latency` ms.
    #[must_use]
    pub fn new(
        program: Arc<Program>,
        sources: &BTreeSet<String>,
        servers: &Servers,
        (faults, latency): (Vec<Fault>, Millis),
    ) -> Self {
        let mut places = BTreeSet::new();
        for channel in &program.channels {
            let Some(source) = program.apis.get(channel.api).map(|api| api.name.as_str()) else { continue };
            if sources.contains(source) {
                let endpoint = channel.endpoint_or_mocked(source, servers, true);
                places.extend(endpoint.ok().map(|endpoint| (endpoint.protocol, endpoint.host)));
            }
        }
        Self {
            program,
            faults,
            latency,
            places,
            subscriptions: BTreeSet::new(),
            answered: BTreeSet::new(),
            calls: BTreeMap::new(),
            deliveries: 0,
        }
    }

    /// `true` for what is asked of a channel that it stands for.
    pub fn serves(&mut self, request: &ChannelRequest) -> bool {
        let is_own = |channel: &Connection| self.places.contains(&(channel.protocol, channel.host.clone()));
        match request {
            ChannelRequest::Subscribe { subscription, channel, .. } if is_own(channel) => {
                self.subscriptions.insert(*subscription);
                true
            }
            ChannelRequest::Send { channel, .. } => is_own(channel),
            ChannelRequest::Subscribe { subscription, .. }
            | ChannelRequest::Acknowledge { subscription, .. }
            | ChannelRequest::Unsubscribe(subscription) => self.subscriptions.contains(subscription),
        }
    }

    /// The names that a fault may have: of operations and channels of the program that messages come by.
    #[must_use]
    pub fn names(program: &Program) -> BTreeSet<String> {
        let targets = program.steps.iter().filter_map(|step| step.call.target());
        targets
            .flat_map(|target| {
                let channel = program.channel(target.channel).map(|channel| channel.name.clone());
                target.operation.clone().into_iter().chain(channel)
            })
            .collect()
    }

    /// Answers what is asked of channels. What is sent is accepted: the machine judged whether it is a message of its channel.
    #[must_use]
    pub fn ask(&self, request: &ChannelRequest) -> Option<Coming> {
        match request {
            ChannelRequest::Subscribe { subscription, .. } => {
                Some((self.latency, ChannelInput::Subscribed(*subscription)))
            }
            ChannelRequest::Send { call, .. } => {
                Some((self.latency, ChannelInput::Sent { call: *call, result: Ok(()) }))
            }
            ChannelRequest::Acknowledge { .. } | ChannelRequest::Unsubscribe(_) => None,
        }
    }

    /// A message that a step waits for, once for each wait. Of those that can be made, the first that `fits`; `forecast` is
    /// what the step would make of one.
    pub fn answer(
        &mut self,
        awaited: &AwaitedMessage,
        forecast: Option<&Forecast>,
        fits: &dyn Fn(&Message) -> bool,
    ) -> Vec<Coming> {
        if !self.subscriptions.contains(&awaited.subscription) || !self.answered.insert(awaited.number) {
            return vec![];
        }
        let program = self.program.clone();
        let found = program
            .step(awaited.step)
            .and_then(|step| Some((step.call.receive()?, program.channel_of(step)?, program.source_of(step)?)));
        let Some((call, channel, source)) = found else { return vec![] };
        let number = self.calls.entry(awaited.step).or_default();
        *number += 1;
        let number = *number;
        let names = names_of(&call.target, channel, source);
        let fault = self.faults.iter().find(|fault| names.contains(&fault.operation) && fault.occurs(number));
        let (copies, after) = Fault::of_message(fault, self.latency);
        if copies == 0 {
            return vec![];
        }
        let Some(message) = chosen((channel, &call.target), awaited.correlation.as_ref(), forecast, fits) else {
            return vec![];
        };
        let mut coming = vec![];
        for copy in 0..copies {
            self.deliveries += 1;
            let delivery = Delivery {
                delivery: DeliveryId(self.deliveries),
                address: awaited.address.clone(),
                is_stored: false,
                is_redelivered: copy > 0,
                mark: None,
                message: message.clone(),
            };
            coming.push((after, ChannelInput::Received { subscription: awaited.subscription, delivery }));
        }
        coming
    }
}

/// A message that stands ready, with the id that a step waits for where it has none of its own.
#[must_use]
pub fn with_correlation(program: &Program, awaited: &AwaitedMessage, mut message: Message) -> Message {
    let step = program.step(awaited.step);
    let found = step.and_then(|step| Some((step.call.receive()?, program.channel_of(step)?)));
    let (Some((call, channel)), Some(wanted)) = (found, &awaited.correlation) else { return message };
    let described = channel.messages_of(&call.target).find(|described| described.correlation.is_some());
    match described.and_then(|described| described.correlation.as_ref()) {
        Some(CorrelationPlace { part: MessagePart::Payload, at }) => {
            if let Some(mut json) = Json::parse(message.payload.as_slice())
                && at.find(&json).is_none()
                && at.set(&mut json, wanted.clone())
            {
                message.payload = json.to_string().into_bytes();
            }
        }
        Some(place) => {
            let name = place.header().unwrap_or_default();
            if !message.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
                set_header(&mut message, name, wanted);
            }
        }
        None if message.headers.iter().any(|(name, _)| is_id_header(name)) => {}
        None => match Json::parse(message.payload.as_slice()) {
            Some(mut payload) => {
                set_id(channel, &mut message, &mut payload, wanted);
                message.payload = payload.to_string().into_bytes();
            }
            None => message.correlation = Some(json_text(wanted)),
        },
    }
    message
}

/// Puts an id that has no place where the protocol of a channel has one: into its own field, a header, the payload.
fn set_id(channel: &Channel, message: &mut Message, payload: &mut Json, wanted: &Json) {
    let described = channel.server().and_then(|server| server.protocol);
    let protocol = if channel.is_webhook() { Some(Protocol::Http) } else { described };
    match (protocol, payload) {
        (Some(protocol), _) if protocol.has_headers() && !protocol.has_correlation() && !protocol.is_web() => {
            set_header(message, ID_NAME, wanted);
        }
        (Some(protocol), Json::Object(members)) if !protocol.has_correlation() => {
            // Exactly one member is to be equal.
            if members.values().any(|member| member == wanted) {
                return;
            }
            let known = members.keys().find(|name| is_id_header(name)).cloned();
            members.insert(known.unwrap_or_else(|| ID_NAME.to_owned()), wanted.clone());
        }
        _ => message.correlation = Some(json_text(wanted)),
    }
}

/// Names by which a fault may mean a message.
fn names_of(target: &MessageTarget, channel: &Channel, source: &str) -> Vec<String> {
    let own = target.operation.iter().chain([&channel.name]);
    own.flat_map(|name| [name.clone(), format!("{source}.{name}")]).collect()
}

/// Of the messages that a channel may have, with the id that is waited for, the first that fits; else the first.
fn chosen(
    (channel, target): (&Channel, &MessageTarget),
    wanted: Option<&Json>,
    forecast: Option<&Forecast>,
    fits: &dyn Fn(&Message) -> bool,
) -> Option<Message> {
    let described: Vec<&program::Message> = channel.messages_of(target).collect();
    if described.is_empty() {
        let mut message = Message { payload: b"{}".to_vec(), ..Message::default() };
        message.correlation = wanted.map(json_text);
        return Some(message);
    }
    let made = |described: &program::Message, sample: &(Json, Json)| {
        let sample = forecast.map_or_else(|| sample.clone(), |forecast| completed(forecast, described, sample));
        make_one(channel, described, sample, wanted)
    };
    let mut first = None;
    for described in &described {
        for sample in &described.samples {
            let message = made(described, sample);
            if fits(&message) {
                return Some(message);
            }
            first.get_or_insert(message);
        }
    }
    let suited = described.iter().flat_map(|described| {
        let wished = forecast.map(|forecast| suited(forecast, described)).unwrap_or_default();
        wished.into_iter().map(|sample| made(described, &sample)).collect::<Vec<_>>()
    });
    suited.into_iter().find(|message| fits(message)).or(first)
}

/// A message with these headers and this payload, and the id that is waited for.
pub(super) fn make_one(
    channel: &Channel,
    described: &program::Message,
    (headers, mut payload): (Json, Json),
    wanted: Option<&Json>,
) -> Message {
    let has_headers = channel.server().and_then(|server| server.protocol).is_none_or(Protocol::has_headers);
    let members = if let Json::Object(members) = headers { members.into_iter().collect() } else { vec![] };
    let mut message = Message {
        headers: members.iter().map(|(name, value): &(String, Json)| (name.clone(), json_text(value))).collect(),
        content_type: described.content_type.clone(),
        ..Message::default()
    };
    // The type of a request stands in its headers.
    if channel.is_webhook() {
        let has_body = !payload.is_null() || described.payload_schema.is_some();
        message.content_type = message.content_type.or_else(|| has_body.then(|| "application/json".to_owned()));
        let is_there = message.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let typed = message.content_type.clone().filter(|_| !is_there);
        message.headers.extend(typed.map(|kind| ("content-type".to_owned(), kind)));
    }
    if let Some(wanted) = wanted {
        match &described.correlation {
            Some(CorrelationPlace { part: MessagePart::Payload, at }) => {
                if !at.set(&mut payload, wanted.clone()) {
                    message.correlation = Some(json_text(wanted));
                }
            }
            Some(place) => set_header(&mut message, place.header().unwrap_or_default(), wanted),
            None => match described.headers.iter().find(|name| is_id_header(name)) {
                Some(name) if has_headers => set_header(&mut message, name, wanted),
                _ => set_id(channel, &mut message, &mut payload, wanted),
            },
        }
    }
    message.payload = match (&described.content_type, payload) {
        (_, Json::Null) if described.payload_schema.is_none() => vec![],
        (Some(kind), Json::Object(members)) if MediaType::parse(kind).is_form() => {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            form.extend_pairs(members.iter().map(|(name, value)| (name, json_text(value)))).finish().into_bytes()
        }
        (Some(kind), Json::String(text)) if !MediaType::parse(kind).is_json() => text.into_bytes(),
        (None, Json::String(text)) if channel.kind == ChannelKind::Stream => text.into_bytes(),
        (_, payload) => payload.to_string().into_bytes(),
    };
    message
}

fn set_header(message: &mut Message, name: &str, value: &Json) {
    message.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    message.headers.push((name.to_owned(), json_text(value)));
}
