//! A broker in memory: messages that are sent are checked against their schemas, and those that steps wait for are made of
//! examples and schemas, with the id that they wait for. Nothing of it is kept for anybody: each run has its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::fault::{Ending, Fault};
use crate::asyncapi::{CorrelationPlace, MessagePart, Protocol, is_id_header};
use crate::expr::StepId;
use crate::limits::{Millis, Servers};
use crate::machine::message::{
    Channel as Connection, ChannelInput, ChannelRequest, Delivery, DeliveryId, Message, SubscriptionId,
};
use crate::machine::{AwaitedMessage, Failure, FailureKind};
use crate::media_type::MediaType;
use crate::openapi::schema::Checked;
use crate::program::{self, Channel, MessageTarget, Program};
use crate::value::{Json, Map, json_text};

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

    /// Answers what is asked of channels; `step` is the one that sends.
    #[must_use]
    pub fn ask(&mut self, request: &ChannelRequest, step: Option<StepId>) -> Option<Coming> {
        match request {
            ChannelRequest::Subscribe { subscription, .. } => {
                Some((self.latency, ChannelInput::Subscribed(*subscription)))
            }
            ChannelRequest::Send { call, message, .. } => {
                let result = match self.check(step, message) {
                    Ok(()) => Ok(()),
                    Err(message) => Err(Failure { kind: FailureKind::Protocol, message, in_doubt: false }),
                };
                Some((self.latency, ChannelInput::Sent { call: *call, result }))
            }
            ChannelRequest::Acknowledge { .. } | ChannelRequest::Unsubscribe(_) => None,
        }
    }

    /// Why a message is none of those that its channel has.
    fn check(&self, step: Option<StepId>, message: &Message) -> Result<(), String> {
        let step = step.and_then(|id| self.program.step(id));
        let Some((target, channel)) = step.and_then(|step| Some((step.call.target()?, self.program.channel_of(step)?)))
        else {
            return Ok(());
        };
        let mut faults = vec![];
        for described in channel.messages_of(target) {
            match check_one(described, message) {
                None => return Ok(()),
                Some(fault) => faults.push(format!("it is no message `{}`: {fault}", described.name)),
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
    }

    /// A message that a step waits for, once for each wait. Of those that can be made, the first that `fits`.
    pub fn answer(&mut self, awaited: &AwaitedMessage, fits: &dyn Fn(&Message) -> bool) -> Vec<Coming> {
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
        let (ending, delay) = fault.map_or((None, 0), |fault| (fault.ending, fault.delay_ms));
        if ending == Some(Ending::Drop) {
            return vec![];
        }
        let made: Vec<Message> = make(channel, &call.target, awaited.correlation.as_ref());
        let Some(message) = made.iter().find(|message| fits(message)).or_else(|| made.first()).cloned() else {
            return vec![];
        };
        let copies = if ending == Some(Ending::Duplicate) { 2 } else { 1 };
        let after = self.latency.saturating_add(delay);
        let mut coming = vec![];
        for copy in 0..copies {
            self.deliveries += 1;
            let delivery = Delivery {
                delivery: DeliveryId(self.deliveries),
                address: awaited.address.clone(),
                is_stored: false,
                is_redelivered: copy > 0,
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
        None => message.correlation = Some(json_text(wanted)),
    }
    message
}

/// Names by which a fault may mean a message.
fn names_of(target: &MessageTarget, channel: &Channel, source: &str) -> Vec<String> {
    let own = target.operation.iter().chain([&channel.name]);
    own.flat_map(|name| [name.clone(), format!("{source}.{name}")]).collect()
}

/// Why a message is not one that is described; nothing if it is.
fn check_one(described: &program::Message, message: &Message) -> Option<String> {
    let headers = message.headers.iter().map(|(name, value)| (name.clone(), Json::String(value.clone())));
    // Headers are texts on the way: what is a number there is not told from one.
    let headers: Map<String, Json> = headers.collect();
    let fault_of = |schema: &Checked, value: &Json, what: &str| {
        let faults = schema.validator.faults(value, 1, |fault| {
            let at = fault.instance_path().to_string();
            let at = if at.is_empty() { String::new() } else { format!(" {at}") };
            format!("{what}{at}: {}", crate::json_schema::checking::plain(&fault.to_string()))
        });
        faults.ok().and_then(|faults| faults.into_iter().next())
    };
    if let Some(schema) = &described.header_schema {
        let missing = fault_of(schema, &Json::Object(headers.into()), "headers");
        // Types of headers are those of texts.
        if let Some(fault) = missing.filter(|fault| fault.contains("required")) {
            return Some(fault);
        }
    }
    let schema = described.payload_schema.as_ref()?;
    let kind = message.content_type.as_deref().or(described.content_type.as_deref()).unwrap_or_default();
    if !kind.is_empty() && !MediaType::parse(kind).is_json() {
        return None;
    }
    let Some(json) = Json::parse(message.payload.as_slice()) else {
        return Some("the payload is not JSON".to_owned());
    };
    fault_of(schema, &json, "the payload")
}

/// The messages that a channel may have, with the id that is waited for.
fn make(channel: &Channel, target: &MessageTarget, wanted: Option<&Json>) -> Vec<Message> {
    let described: Vec<&program::Message> = channel.messages_of(target).collect();
    if described.is_empty() {
        let mut message = Message { payload: b"{}".to_vec(), ..Message::default() };
        message.correlation = wanted.map(json_text);
        return vec![message];
    }
    let all = described.into_iter().flat_map(|described| {
        described
            .samples
            .iter()
            .map(move |(headers, payload)| make_one(described, headers.clone(), payload.clone(), wanted))
    });
    all.collect()
}

fn make_one(described: &program::Message, headers: Json, mut payload: Json, wanted: Option<&Json>) -> Message {
    let members = if let Json::Object(members) = headers { members.into_iter().collect() } else { vec![] };
    let mut message = Message {
        headers: members.iter().map(|(name, value): &(String, Json)| (name.clone(), json_text(value))).collect(),
        content_type: described.content_type.clone(),
        ..Message::default()
    };
    if let Some(wanted) = wanted {
        match &described.correlation {
            Some(CorrelationPlace { part: MessagePart::Payload, at }) => {
                if !at.set(&mut payload, wanted.clone()) {
                    message.correlation = Some(json_text(wanted));
                }
            }
            Some(place) => set_header(&mut message, place.header().unwrap_or_default(), wanted),
            None => match described.headers.iter().find(|name| is_id_header(name)) {
                Some(name) => set_header(&mut message, name, wanted),
                None => message.correlation = Some(json_text(wanted)),
            },
        }
    }
    message.payload = match (&described.content_type, payload) {
        (_, Json::Null) if described.payload_schema.is_none() => vec![],
        (Some(kind), Json::String(text)) if !MediaType::parse(kind).is_json() => text.into_bytes(),
        (_, payload) => payload.to_string().into_bytes(),
    };
    message
}

fn set_header(message: &mut Message, name: &str, value: &Json) {
    message.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    message.headers.push((name.to_owned(), json_text(value)));
}
