//! The application that an AsyncAPI document describes, as its clients meet it: what it sends to who listens, and what it
//! answers. Opens no socket: the library serves it, over WebSocket and HTTP.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::broker::make_one;
use super::fault::Fault;
use super::suiting::{completed, suited};
use crate::asyncapi::{self, AsyncApi, CorrelationPlace, MessagePart, Protocol, is_id_header};
use crate::diagnostic::{Diagnostic, did_you_mean, nearest};
use crate::expr::StepId;
use crate::limits::Millis;
use crate::machine::Forecast;
use crate::machine::message::Message;
use crate::media_type::MediaType;
use crate::node::Node;
use crate::openapi::path;
use crate::openapi::store::DocumentStore;
use crate::program::entry::channel_entry;
use crate::program::{self, Build, Call, Channel, ChannelServer, Draft, MessageTarget, Program};
use crate::value::{Json, Map, Pointer};

/// An application of an AsyncAPI document.
#[derive(Debug)]
pub struct Application {
    name: String,
    channels: Vec<Served>,
    operations: Vec<Operation>,
    notes: Vec<String>,
    /// The program whose steps are clients of it, if it is known.
    program: Option<Arc<Program>>,
}

/// By what a client is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// A WebSocket.
    Socket,
    /// HTTP: an event stream, and requests that are messages.
    Http,
}

/// A channel with the paths before its address, of its servers.
#[derive(Debug)]
struct Served {
    channel: Channel,
    sockets: Vec<String>,
    https: Vec<String>,
    /// Indexes of the messages that clients hear when they come.
    greets: Vec<usize>,
    /// The steps that receive from it.
    steps: Vec<StepId>,
    /// The places in the messages that clients send to it, of the ids that steps wait for.
    ids: Vec<CorrelationPlace>,
}

/// An operation, as the application does it.
#[derive(Debug)]
struct Operation {
    id: String,
    sends: bool,
    channel: usize,
    messages: Vec<usize>,
    reply: Option<Reply>,
}

#[derive(Debug)]
struct Reply {
    channel: usize,
    messages: Vec<usize>,
    address: Option<CorrelationPlace>,
}

/// A channel at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    channel: usize,
    parameters: Vec<(String, String)>,
}

/// A message that the application sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// Where to.
    to: Spot,
    /// The path that the message before said.
    path: Option<String>,
    /// Milliseconds to wait before.
    pub after_ms: Millis,
    /// The message.
    pub message: Message,
    /// The operation, or the channel.
    pub operation: String,
    /// Its origin, in words.
    pub note: String,
}

/// What becomes of a message that a client sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The operation or the channel that takes it.
    pub operation: String,
    /// Why it is none of its messages; nothing if it is one, or may be.
    pub misfit: Option<String>,
    /// What is sent for it.
    pub posted: Vec<Posted>,
}

/// What was sent so far, by whose turn it is next.
#[derive(Debug, Clone, Default)]
pub struct Turns {
    /// Messages of each operation or channel.
    sent: BTreeMap<String, u32>,
    /// Samples of each message of a channel.
    samples: BTreeMap<(usize, usize), usize>,
    /// Answers on each channel.
    answers: BTreeMap<usize, usize>,
}

impl Application {
    /// The application of a document; nothing if nothing of it can be served. `program` has steps that are its clients.
    ///
    /// # Errors
    /// Why there is nothing to be served, in words.
    pub fn new(
        name: &str,
        root: &Node,
        store: &DocumentStore,
        program: Option<Arc<Program>>,
        speaks: &dyn Fn(Carrier) -> bool,
    ) -> Result<Self, String> {
        let api = AsyncApi::new(root, store);
        if !api.is_known_version() {
            let written = api.version().map(Node::as_written).unwrap_or_default();
            return Err(format!(
                "`{name}` is written in AsyncAPI {written}, and 3.0 and 3.1 are read: convert it, for instance with `asyncapi convert`"
            ));
        }
        let (mut channels, mut faults) = (vec![], vec![]);
        for channel in api.channels() {
            channels.push(Served::new(&channel, speaks, &mut faults));
        }
        let operations = api.operations().filter_map(|operation| Operation::new(&operation, &channels)).collect();
        let mut notes = unserved(api, speaks);
        if !channels.iter().any(|served| served.is_served()) {
            let why = if notes.is_empty() { "it has no channels".to_owned() } else { notes.join("; ") };
            return Err(format!("nothing of `{name}` can be served: {why}"));
        }
        notes.extend(faults.into_iter().map(|fault: Diagnostic| fault.message));
        notes.dedup();
        let mut application = Self { name: name.to_owned(), channels, operations, notes, program };
        application.greet_whom();
        application.find_ids();
        Ok(application)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What of it is not served, and what is not checked, in words.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// By what clients connect, each with the path of the first server and the number of channels.
    #[must_use]
    pub fn entrances(&self) -> Vec<(Carrier, String, usize)> {
        [Carrier::Socket, Carrier::Http]
            .into_iter()
            .filter_map(|carrier| {
                let mut bases = self.channels.iter().filter_map(|served| served.bases(carrier).first());
                let first = bases.next()?.clone();
                Some((carrier, first, 1 + bases.count()))
            })
            .collect()
    }

    /// The names that a fault may have.
    pub(super) fn names(&self) -> impl Iterator<Item = String> + '_ {
        let own = self.operations.iter().map(|operation| &operation.id);
        let own = own.chain(self.channels.iter().map(|served| &served.channel.name));
        own.flat_map(|name| [name.clone(), format!("{}.{name}", self.name)])
    }

    /// Which messages clients hear when they come: those that the application sends by itself. One with an id is sent when a
    /// message with one has come.
    fn greet_whom(&mut self) {
        let program = self.program.clone();
        let takes = self.operations.iter().any(|operation| !operation.sends);
        for at in 0..self.channels.len() {
            let own = || self.operations.iter().filter(|operation| operation.channel == at);
            let mut greets: Vec<usize> =
                own().filter(|operation| operation.sends).flat_map(|operation| operation.messages.clone()).collect();
            let mut replies = self.operations.iter().filter_map(|operation| operation.reply.as_ref());
            let is_reply = replies.any(|reply| reply.channel == at);
            let Some(served) = self.channels.get(at) else { continue };
            // Nothing says who sends what.
            if own().next().is_none() && !is_reply {
                greets.extend(0..served.channel.messages.len());
            }
            // A step says what it does, whatever the operation is called.
            let mut steps = vec![];
            for (number, step) in program.iter().flat_map(|program| program.steps.iter().enumerate()) {
                let channel =
                    program.as_ref().and_then(|program| Some((program.channel_of(step)?, program.source_of(step)?)));
                let is_own =
                    channel.is_some_and(|(channel, source)| channel.name == served.channel.name && source == self.name);
                let Some(call) = step.call.receive().filter(|_| is_own) else { continue };
                steps.push(StepId(number as u32));
                if greets.is_empty() && !is_reply {
                    greets.extend(&call.target.messages);
                }
            }
            greets.sort_unstable();
            greets.dedup();
            // Where clients send nothing, no message says an id.
            greets.retain(|index| {
                !takes || served.channel.messages.get(*index).is_some_and(|message| message.correlation.is_none())
            });
            if let Some(served) = self.channels.get_mut(at) {
                (served.greets, served.steps) = (greets, steps);
            }
        }
    }

    /// Where the steps of the program put the ids that others wait for.
    fn find_ids(&mut self) {
        let Some(program) = self.program.clone() else { return };
        let wanted: Vec<&str> = program
            .steps
            .iter()
            .filter_map(|step| match step.call.receive()?.correlation.as_ref()? {
                Build::Template(leaf) => Some(leaf.text.as_str()),
                _ => None,
            })
            .collect();
        for step in &program.steps {
            let (Call::Send(send), Some(channel)) = (&step.call, program.channel_of(step)) else { continue };
            let Some(body) = send.body.as_ref().filter(|_| program.source_of(step) == Some(&self.name)) else {
                continue;
            };
            let found = wanted.iter().filter_map(|text| place_of(&body.payload, text));
            let places = found.map(|at| CorrelationPlace { part: MessagePart::Payload, at: Pointer::of(at) });
            if let Some(served) = self.channels.iter_mut().find(|served| served.channel.name == channel.name) {
                served.ids.extend(places);
            }
        }
    }

    /// The places of the ids of messages that clients send to a channel.
    fn id_places(&self, channel: usize) -> Vec<&CorrelationPlace> {
        let Some(served) = self.channels.get(channel) else { return vec![] };
        let described = served.channel.messages.iter().filter_map(|message| message.correlation.as_ref());
        served.ids.iter().chain(described).collect()
    }

    /// The channel at a path.
    ///
    /// # Errors
    /// That there is none, with the nearest one.
    pub fn find(&self, target: &str, carrier: Carrier) -> Result<Spot, String> {
        let path = target.split('?').next().unwrap_or_default();
        let found = self.channels.iter().enumerate().flat_map(|(channel, served)| {
            let places = served.bases(carrier).iter().filter_map(move |base| fit(served, base, path));
            places.map(move |parameters| Spot { channel, parameters })
        });
        let best = found.min_by_key(|spot| spot.parameters.len());
        best.ok_or_else(|| {
            let known: Vec<String> = self
                .channels
                .iter()
                .flat_map(|served| served.bases(carrier).iter().map(|base| served.template(base)))
                .collect();
            let near = nearest(path, known.iter().map(String::as_str));
            let near = near.map_or_else(|| format!("there are {}", known.join(", ")), did_you_mean);
            format!("no channel is at {path}; {near}")
        })
    }

    /// `true` if a channel has what is connected so.
    #[must_use]
    pub fn has(&self, carrier: Carrier) -> bool {
        self.channels.iter().any(|served| !served.bases(carrier).is_empty())
    }

    /// The name of the channel at a spot.
    #[must_use]
    pub fn channel(&self, spot: &Spot) -> &str {
        self.channels.get(spot.channel).map(|served| served.channel.name.as_str()).unwrap_or_default()
    }

    /// `true` if a message is for who listens at a spot, by this path.
    #[must_use]
    pub fn reaches(&self, posted: &Posted, spot: &Spot, path: &str) -> bool {
        if let Some(wanted) = &posted.path {
            return wanted == path;
        }
        let same = |(name, value): &(String, String)| {
            spot.parameters.iter().all(|(known, other)| known != name || other == value)
        };
        posted.to.channel == spot.channel && posted.to.parameters.iter().all(same)
    }

    /// What who listens at a spot hears first.
    pub(super) fn greeting(&self, turns: &mut Turns, spot: &Spot, world: World<'_>) -> Vec<Posted> {
        let Some(served) = self.channels.get(spot.channel) else { return vec![] };
        let forecasts = self.forecasts(served);
        let mut all: Vec<(usize, (Json, Json))> = vec![];
        // What the steps wait for goes first, in their order.
        for forecast in &forecasts {
            let messages =
                served.greets.iter().filter_map(|index| Some((*index, served.channel.messages.get(*index)?)));
            let fitting =
                messages.filter_map(|(index, described)| Some((index, wanted_of(served, described, forecast)?)));
            all.extend(fitting.take(1));
        }
        for index in &served.greets {
            let Some(described) = served.channel.messages.get(*index) else { continue };
            let most = if described.documented { usize::MAX } else { 1 };
            let is_known = all.iter().any(|(known, _)| known == index);
            let others = described.samples.iter().take(most).filter(|_| described.documented || !is_known);
            let others: Vec<(Json, Json)> =
                others.filter(|sample| !all.contains(&(*index, (*sample).clone()))).cloned().collect();
            all.extend(others.into_iter().map(|sample| (*index, sample)));
        }
        let mut posted = vec![];
        for (index, sample) in all {
            let Some(described) = served.channel.messages.get(index) else { continue };
            let operation = self.sender(spot.channel, index);
            let message = make_one(&served.channel, described, sample, None);
            let note = note_of(described);
            posted.extend(self.post(turns, (spot.clone(), None), (message, operation, note), world));
        }
        posted
    }

    /// What becomes of a message that came by a spot.
    pub(super) fn take(&self, turns: &mut Turns, spot: &Spot, message: &Message, world: World<'_>) -> Taken {
        let Some(served) = self.channels.get(spot.channel) else {
            return Taken { operation: String::new(), misfit: None, posted: vec![] };
        };
        let payload = payload_of(message, &served.channel);
        let mut takers: Vec<&Operation> =
            self.operations.iter().filter(|operation| operation.channel == spot.channel && !operation.sends).collect();
        let whole: Vec<usize> = (0..served.channel.messages.len()).collect();
        let refusal = |messages: &[usize]| refusal(&served.channel, messages, message, payload.as_ref());
        let misfit = match takers.iter().find(|operation| refusal(&operation.messages).is_none()) {
            Some(taker) => {
                takers = vec![*taker];
                None
            }
            // An operation that is described from the other side, or none.
            None => refusal(&whole),
        };
        let taker = takers.first().filter(|_| misfit.is_none());
        let operation = taker.map_or_else(|| served.channel.name.clone(), |taker| taker.id.clone());
        let mut posted = vec![];
        if misfit.is_none() {
            let came = Came { spot, sent: message, payload: payload.as_ref() };
            if let Some((taker, reply)) = taker.and_then(|taker| Some((taker, taker.reply.as_ref()?))) {
                let messages = (reply.channel, reply.messages.as_slice());
                posted.extend(self.answer(turns, messages, (&came, reply.address.as_ref(), &taker.id), world));
            }
            posted.extend(self.follow(turns, &came, world));
        }
        Taken { operation, misfit, posted }
    }

    /// What is sent with the id of a message that came: all that the application sends and that has one.
    fn follow(&self, turns: &mut Turns, came: &Came<'_>, world: World<'_>) -> Vec<Posted> {
        let (mut posted, places) = (vec![], self.id_places(came.spot.channel));
        for operation in self.operations.iter().filter(|operation| operation.sends) {
            let Some(served) = self.channels.get(operation.channel) else { continue };
            let with_id: Vec<usize> = operation
                .messages
                .iter()
                .copied()
                .filter(|index| {
                    let described = served.channel.messages.get(*index);
                    described.and_then(|described| came.id(described.correlation.as_ref()?, &places)).is_some()
                })
                .collect();
            if !with_id.is_empty() {
                let messages = (operation.channel, with_id.as_slice());
                posted.extend(self.answer(turns, messages, (came, None, &operation.id), world));
            }
        }
        posted
    }

    /// One of some messages of a channel, with the id of the message that came.
    fn answer(
        &self,
        turns: &mut Turns,
        (channel, messages): (usize, &[usize]),
        (came, address, operation): (&Came<'_>, Option<&CorrelationPlace>, &str),
        world: World<'_>,
    ) -> Vec<Posted> {
        let Some(served) = self.channels.get(channel) else { return vec![] };
        let turn = turns.answers.entry(channel).or_default();
        let forecasts = self.forecasts(served);
        let forecast = forecasts.get(*turn % forecasts.len().max(1));
        *turn += 1;
        let described = || messages.iter().filter_map(|index| Some((*index, served.channel.messages.get(*index)?)));
        let wanted = forecast.and_then(|forecast| {
            described().find_map(|(index, described)| Some((index, wanted_of(served, described, forecast)?)))
        });
        let chosen = wanted.or_else(|| {
            let (index, described) = described().next()?;
            let shown = turns.samples.entry((channel, index)).or_default();
            let last = if described.documented { described.samples.len().saturating_sub(1) } else { 0 };
            let sample = described.samples.get((*shown).min(last))?.clone();
            *shown += 1;
            Some((index, sample))
        });
        let Some((index, (headers, mut payload))) = chosen else { return vec![] };
        let Some(described) = served.channel.messages.get(index) else { return vec![] };
        let places = self.id_places(came.spot.channel);
        let id = described
            .correlation
            .as_ref()
            .map_or_else(|| places.iter().find_map(|place| came.at(place)), |place| came.id(place, &places));
        if described.correlation.is_none() {
            came.come_back(&mut payload, described);
        }
        let message = make_one(&served.channel, described, (headers, payload), id.as_ref());
        let path = address.and_then(|place| came.at(place)).and_then(|value| value.as_str().map(str::to_owned));
        let to = Spot { channel, parameters: came.spot.parameters.clone() };
        self.post(turns, (to, path), (message, operation.to_owned(), note_of(described)), world)
    }

    /// A message as faults let it come.
    fn post(
        &self,
        turns: &mut Turns,
        (to, path): (Spot, Option<String>),
        (message, operation, note): (Message, String, String),
        (faults, latency): World<'_>,
    ) -> Vec<Posted> {
        let count = turns.sent.entry(operation.clone()).or_default();
        *count += 1;
        let channel = self.channel(&to);
        let names = [operation.as_str(), channel];
        let is_meant = |fault: &&Fault| {
            let own = fault.operation.strip_prefix(self.name.as_str()).and_then(|rest| rest.strip_prefix('.'));
            names.iter().any(|name| fault.operation == *name || own == Some(*name)) && fault.occurs(*count)
        };
        let (copies, after_ms) = Fault::of_message(faults.iter().find(is_meant), latency);
        vec![Posted { to, path, after_ms, message, operation, note }; copies]
    }

    /// The operation that sends a message of a channel; else the channel.
    fn sender(&self, channel: usize, message: usize) -> String {
        let is = |operation: &&Operation| {
            operation.sends && operation.channel == channel && operation.messages.contains(&message)
        };
        let found = self.operations.iter().find(is).map(|operation| operation.id.clone());
        found
            .unwrap_or_else(|| self.channels.get(channel).map(|served| served.channel.name.clone()).unwrap_or_default())
    }

    /// What the steps that receive from a channel make of messages.
    fn forecasts(&self, served: &Served) -> Vec<Forecast> {
        let program = self.program.iter();
        program.flat_map(|program| served.steps.iter().map(|step| Forecast::of_step(program.clone(), *step))).collect()
    }
}

/// The place of a value that is written so.
fn place_of(build: &Build, text: &str) -> Option<Vec<String>> {
    let below = |name: String, build: &Build| {
        let mut way = place_of(build, text)?;
        way.insert(0, name);
        Some(way)
    };
    match build {
        Build::Template(leaf) => (leaf.text == text).then(Vec::new),
        Build::Object(members) => members.iter().find_map(|(name, build)| below(name.clone(), build)),
        Build::Array(items) => items.iter().enumerate().find_map(|(at, build)| below(at.to_string(), build)),
        _ => None,
    }
}

/// The faults that are asked for, and the time that everything takes.
pub(super) type World<'w> = (&'w [Fault], Millis);

/// A sample of a message, with which the criteria of a step may hold.
fn wanted_of(served: &Served, described: &program::Message, forecast: &Forecast) -> Option<(Json, Json)> {
    let step = forecast.step()?;
    let is_meant = step
        .call
        .receive()?
        .target
        .messages
        .iter()
        .any(|index| served.channel.messages.get(*index).is_some_and(|message| message.name == described.name));
    if !is_meant {
        return None;
    }
    let takes = |sample: &(Json, Json)| {
        let message = make_one(&served.channel, described, sample.clone(), None);
        forecast.takes(&message, described.content_type.as_deref())
    };
    let known = described.samples.iter().map(|sample| completed(forecast, described, sample));
    known.chain(suited(forecast, described)).find(takes)
}

fn note_of(described: &program::Message) -> String {
    let origin = if described.documented { "example" } else { "sample" };
    format!("{origin} of {}", described.name)
}

/// The payload of a message, as JSON or as a text.
fn payload_of(message: &Message, channel: &Channel) -> Option<Json> {
    if message.payload.is_empty() {
        return None;
    }
    let described = channel.messages.iter().find_map(|described| described.content_type.as_deref());
    let kind = message.content_type.as_deref().or(described).unwrap_or_default();
    let text = || String::from_utf8_lossy(&message.payload).into_owned();
    if kind.is_empty() || MediaType::parse(kind).is_json() {
        return Some(Json::parse(message.payload.as_slice()).unwrap_or_else(|| Json::String(text())));
    }
    Some(Json::String(text()))
}

/// Why a message is none of some messages of a channel; nothing if it is one, or may be.
fn refusal(channel: &Channel, messages: &[usize], message: &Message, payload: Option<&Json>) -> Option<String> {
    let target = MessageTarget {
        channel: program::ChannelId(0),
        operation: None,
        messages: messages.to_vec(),
        bindings: Map::new(),
        arguments: vec![],
    };
    // Requests carry headers of HTTP too: those that are described are looked at.
    let is_described = |name: &str| {
        channel.messages.iter().flat_map(|known| &known.headers).any(|known| known.eq_ignore_ascii_case(name))
    };
    let draft = Draft {
        headers: message
            .headers
            .iter()
            .filter(|(name, _)| is_described(name))
            .map(|(name, value)| (name.as_str(), Some(value.as_str())))
            .collect(),
        payload: payload.cloned(),
        content_type: message.content_type.as_deref().unwrap_or_default(),
        has_headers: channel.server().and_then(|server| server.protocol).is_some_and(Protocol::has_headers),
        ..Draft::default()
    };
    channel.refuses(&target, &draft).map(|misfit| misfit.words())
}

/// A message that came.
struct Came<'m> {
    spot: &'m Spot,
    sent: &'m Message,
    payload: Option<&'m Json>,
}

impl Came<'_> {
    /// The value at a place.
    fn at(&self, place: &CorrelationPlace) -> Option<Json> {
        match place.part {
            MessagePart::Header => {
                let name = place.header()?;
                let found = self.sent.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
                Some(Json::String(found.1.clone()))
            }
            MessagePart::Payload => place.at.find(self.payload?).cloned(),
        }
    }

    /// The id that an answer has at a place: what is there in this message, or where its own id is; else in a header that is
    /// called an id.
    fn id(&self, place: &CorrelationPlace, own: &[&CorrelationPlace]) -> Option<Json> {
        let own = || own.iter().find_map(|place| self.at(place));
        let named = || {
            let (_, value) = self.sent.headers.iter().find(|(name, _)| is_id_header(name))?;
            Some(Json::String(value.clone()))
        };
        own().or_else(|| self.at(place)).or_else(named)
    }

    /// What an answer without a place for an id has of the same name comes back, as far as that is allowed.
    fn come_back(&self, payload: &mut Json, described: &program::Message) {
        let (Json::Object(members), Some(Json::Object(sent))) = (&*payload, self.payload) else { return };
        let mut next: Map<String, Json> = members.clone().into_iter().collect();
        for (name, value) in sent {
            if let Some(own) =
                next.get_mut(name).filter(|own| std::mem::discriminant(*own) == std::mem::discriminant(value))
            {
                own.clone_from(value);
            }
        }
        let next = Json::Object(next.into());
        if described.payload_schema.as_ref().is_none_or(|schema| schema.validator.is_valid(&next)) {
            *payload = next;
        }
    }
}

impl Served {
    fn new(channel: &asyncapi::Channel<'_>, speaks: &dyn Fn(Carrier) -> bool, faults: &mut Vec<Diagnostic>) -> Self {
        let servers = channel.servers();
        let carried = |server: &asyncapi::Server<'_>, wanted| server.protocol().and_then(carrier) == Some(wanted);
        let chosen = servers.iter().position(|server| server.protocol().and_then(carrier).is_some_and(speaks));
        let entry = channel_entry(0, channel, chosen, faults);
        let bases = |wanted: Carrier| {
            if !speaks(wanted) {
                return vec![];
            }
            // A channel that nothing says of where it is can be met either way.
            if servers.is_empty() {
                return vec![String::new()];
            }
            let own = servers.iter().zip(&entry.servers).filter(|(server, _)| carried(server, wanted));
            let mut bases: Vec<String> = own.map(|(_, server)| base_of(server)).collect();
            bases.dedup();
            bases
        };
        let (sockets, https) = (bases(Carrier::Socket), bases(Carrier::Http));
        Self { channel: entry, sockets, https, greets: vec![], steps: vec![], ids: vec![] }
    }

    fn bases(&self, carrier: Carrier) -> &[String] {
        match carrier {
            Carrier::Socket => &self.sockets,
            Carrier::Http => &self.https,
        }
    }

    fn is_served(&self) -> bool {
        !self.sockets.is_empty() || !self.https.is_empty()
    }

    /// The path with its parameters.
    fn template(&self, base: &str) -> String {
        let address = path::split(self.channel.address.as_deref().unwrap_or_default()).0;
        let slash = if address.is_empty() || address.starts_with('/') { "" } else { "/" };
        let whole = format!("{base}{slash}{address}");
        if whole.is_empty() { "/".to_owned() } else { whole }
    }
}

/// By what a protocol is served; nothing for one that is not.
fn carrier(protocol: Protocol) -> Option<Carrier> {
    match protocol {
        Protocol::Ws | Protocol::Wss => Some(Carrier::Socket),
        Protocol::Http | Protocol::Https => Some(Carrier::Http),
        _ => None,
    }
}

/// The servers that are not served, in words.
fn unserved(api: AsyncApi<'_>, speaks: &dyn Fn(Carrier) -> bool) -> Vec<String> {
    let not = api.servers().filter(|server| !server.protocol().and_then(carrier).is_some_and(speaks));
    not.map(|server| {
        let protocol = server.protocol_text().map(Node::as_written).unwrap_or_default();
        format!("its server `{}` is not served: a mock speaks WebSocket and HTTP, and not {protocol}", server.name)
    })
    .collect()
}

/// The path of a server, without a slash at its end.
fn base_of(server: &ChannelServer) -> String {
    let filled = server.url.fill(&|_| None).unwrap_or_else(|_| server.url.url.clone());
    let rest = filled.trim_start_matches('/');
    rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default().trim_end_matches('/').to_owned()
}

/// The parameters of a path that fits a channel.
fn fit(served: &Served, base: &str, path: &str) -> Option<Vec<(String, String)>> {
    let template = served.template(base);
    let wanted: Vec<&str> = template.trim_matches('/').split('/').collect();
    let given: Vec<&str> = path.trim_matches('/').split('/').collect();
    if wanted.len() != given.len() {
        return None;
    }
    let mut found = vec![];
    for (wanted, given) in wanted.into_iter().zip(given) {
        let given = percent_encoding::percent_decode_str(given).decode_utf8_lossy().into_owned();
        let Some((before, rest)) = wanted.split_once('{') else {
            let wanted = percent_encoding::percent_decode_str(wanted).decode_utf8_lossy();
            if wanted == given {
                continue;
            }
            return None;
        };
        let (name, behind) = rest.split_once('}')?;
        let value = given.strip_prefix(before)?.strip_suffix(behind).filter(|value| !value.is_empty())?;
        let known = served.channel.parameters.iter().find(|parameter| parameter.name == name);
        if known.is_some_and(|known| !known.values.is_empty() && !known.values.iter().any(|one| one == value)) {
            return None;
        }
        found.push((name.to_owned(), value.to_owned()));
    }
    Some(found)
}

impl Operation {
    fn new(operation: &asyncapi::Operation<'_>, channels: &[Served]) -> Option<Self> {
        let index =
            |channel: &asyncapi::Channel<'_>| channels.iter().position(|served| served.channel.name == channel.name());
        let among = |at: usize, messages: &[asyncapi::Message<'_>]| {
            let all = channels.get(at).map(|served| served.channel.messages.as_slice()).unwrap_or_default();
            let named = |name: &str| messages.iter().any(|message| message.name == name);
            (0..all.len()).filter(|at| all.get(*at).is_some_and(|message| named(&message.name))).collect::<Vec<_>>()
        };
        let own = operation.channel().ok().flatten()?;
        let channel = index(&own)?;
        let reply = operation.reply().and_then(|reply| {
            // An answer without a channel of its own comes on that of the operation.
            let to = reply.channel().ok()?.or(Some(own))?;
            let at = index(&to)?;
            Some(Reply { channel: at, messages: among(at, &reply.messages(&to)), address: reply.address() })
        });
        let sends = operation.action().and_then(Node::as_str) == Some("send");
        let messages = among(channel, &operation.messages(&own));
        Some(Self { id: operation.id().to_owned(), sends, channel, messages, reply })
    }
}
