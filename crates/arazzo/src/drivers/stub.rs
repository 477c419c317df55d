//! Answers that stand ready: a run in virtual time, without a socket, in which every step gets what was prepared for
//! it. For tests of workflows.
//!
//! ```no_run
//! # fn example() -> Result<(), arazzo::Error> {
//! use arazzo::{Reply, StubReplies};
//! let workflow = arazzo::open("flow.arazzo.yaml").load_blocking()?.workflow(None)?;
//! let canned = StubReplies::new().reply("createJob", Reply::json(201, &arazzo::json!({ "id": 7 })));
//! let rehearsal = workflow.rehearse(arazzo::Inputs::new().set("name", "Ada"), canned, |_| {})?;
//! assert_eq!(rehearsal.outcome.exit_code(), 0);
//! # Ok(())
//! # }
//! ```

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use arazzo_engine::event::EventKind;
use arazzo_engine::limits::Millis;
use arazzo_engine::machine::message::{ChannelInput, ChannelRequest, Delivery, DeliveryId, Message};
use arazzo_engine::machine::{AwaitedMessage, CallId, Failure, FailureKind, Input, Outcome, Response};
use arazzo_engine::mock::with_correlation;
use arazzo_engine::program::Program;
use arazzo_engine::value::Json;

use crate::envelope::Envelope;
use crate::session::{Session, SessionTurn};

/// The time at which a rehearsal takes place: 2026-01-01T00:00:00Z, in ms.
pub(crate) const EPOCH_MS: i64 = 1_767_225_600_000;

/// An answer that stands ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    after_ms: Millis,
    result: Result<Response, Failure>,
}

impl Reply {
    /// An answer with these headers and this body.
    #[must_use]
    pub fn new(status: u16, headers: Vec<(String, String)>, body: impl Into<Vec<u8>>) -> Self {
        Self { after_ms: 0, result: Ok(Response { status, headers, body: body.into() }) }
    }

    /// An answer with a JSON body.
    #[must_use]
    pub fn json(status: u16, body: &Json) -> Self {
        Self::new(status, vec![("content-type".to_owned(), "application/json".to_owned())], body.to_string())
    }

    /// No answer.
    #[must_use]
    pub fn failure(kind: FailureKind) -> Self {
        let in_doubt = !matches!(kind, FailureKind::Dns | FailureKind::Connect | FailureKind::Tls);
        let message = format!("{}, as it was asked for", kind.word());
        Self { after_ms: 0, result: Err(Failure { kind, message, in_doubt }) }
    }

    /// The time that it takes, in ms.
    #[must_use]
    pub fn after(mut self, ms: u64) -> Self {
        self.after_ms = ms;
        self
    }
}

/// A message that stands ready for a step that waits for one. The id that the step waits for is put where its channel says
/// that messages have it, unless the message has one there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StubMessage {
    after_ms: Millis,
    id: Option<Json>,
    message: Message,
    is_misfit: bool,
}

impl StubMessage {
    /// A message with these headers and this payload.
    #[must_use]
    pub fn new(headers: Vec<(String, String)>, payload: impl Into<Vec<u8>>) -> Self {
        let message = Message { headers, payload: payload.into(), ..Message::default() };
        Self { after_ms: 0, id: None, message, is_misfit: false }
    }

    /// It has this id in the place of the one that is waited for, where its channel says that messages have it.
    #[must_use]
    pub fn correlation(mut self, id: impl Into<Json>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// It is meant to be none of the messages that its channel is described with.
    #[must_use]
    pub fn misfit(mut self, is_misfit: bool) -> Self {
        self.is_misfit = is_misfit;
        self
    }

    /// The time that it takes from when the step begins to wait, in ms.
    #[must_use]
    pub fn after(mut self, ms: u64) -> Self {
        self.after_ms = ms;
        self
    }
}

/// Answers by step or operation, each list in its order. A request for which nothing stands ready gets no answer.
#[derive(Debug, Clone, Default)]
#[must_use = "answers are given to `Workflow::rehearse`"]
pub struct StubReplies {
    replies: BTreeMap<String, VecDeque<Reply>>,
    messages: BTreeMap<String, VecDeque<StubMessage>>,
    silent: BTreeSet<String>,
}

impl StubReplies {
    /// No answers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an answer for a `stepId`, or for an `operationId` whose steps have none of their own.
    pub fn reply(mut self, step_or_operation: impl Into<String>, reply: Reply) -> Self {
        self.replies.entry(step_or_operation.into()).or_default().push_back(reply);
        self
    }

    /// Adds a message for a step that receives, by its `stepId`, the operation or the channel. All that stand ready for a
    /// wait come, in their order, up to one that the step takes.
    pub fn message(mut self, step_or_channel: impl Into<String>, message: StubMessage) -> Self {
        self.messages.entry(step_or_channel.into()).or_default().push_back(message);
        self
    }

    /// A step that receives, by its `stepId`, the operation or the channel, waits in vain: nothing comes.
    pub fn silent(mut self, step_or_channel: impl Into<String>) -> Self {
        self.silent.insert(step_or_channel.into());
        self
    }

    /// The steps and operations that have answers, and those that have none.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.replies.keys().chain(self.messages.keys()).chain(&self.silent).map(String::as_str)
    }
}

/// The result of a rehearsal.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Rehearsal {
    /// Its end.
    pub outcome: Outcome,
    /// Steps that sent a request for which nothing stood ready.
    pub unanswered: Vec<String>,
    /// Messages that are not as the channels of their steps are described, and were not meant to be: the step, and why.
    pub misfits: Vec<(String, String)>,
    /// Answers that nobody asked for: the step or operation, and how many.
    pub left: Vec<(String, usize)>,
}

/// Runs a session with answers that stand ready.
pub(crate) fn rehearse(
    mut session: Session,
    program: &Program,
    canned: StubReplies,
    mut observe: impl FnMut(&Envelope),
) -> Rehearsal {
    let StubReplies { replies: mut ready, messages, silent } = canned;
    let mut broker = StubBroker {
        program,
        messages,
        silent,
        waits: BTreeSet::new(),
        deliveries: 0,
        coming: vec![],
        claimed: BTreeSet::new(),
        misfits: vec![],
    };
    let mut now = 0;
    let mut coming: Vec<(Millis, CallId, Result<Response, Failure>)> = vec![];
    let (mut operations, mut unanswered) = (BTreeMap::new(), vec![]);
    loop {
        let turn = session.turn(now);
        for envelope in &turn.events {
            let event = &envelope.event;
            if let (EventKind::StepStarted { operation: Some(operation), .. }, Some(step)) = (&event.kind, &event.step)
            {
                operations.insert((event.frame, step.clone()), operation.clone());
            }
            observe(envelope);
        }
        coming.retain(|(_, call, _)| !turn.aborts.contains(call));
        for send in &turn.sends {
            let (frame, step) = sender(&turn, send.call);
            let own = ready.get_mut(&step).and_then(VecDeque::pop_front);
            let reply = own.or_else(|| ready.get_mut(operations.get(&(frame, step.clone()))?)?.pop_front());
            let reply = reply.unwrap_or_else(|| {
                unanswered.push(step.clone());
                let message = format!("no reply stands ready for step `{step}`");
                let failure = Failure { kind: FailureKind::Connect, message, in_doubt: false };
                Reply { after_ms: 0, result: Err(failure) }
            });
            coming.push((now.saturating_add(reply.after_ms), send.call, reply.result));
        }
        broker.ask(now, &turn, &session, &mut unanswered);
        if let Some(outcome) = turn.outcome {
            let replies = ready.into_iter().map(|(name, replies)| (name, replies.len()));
            let messages = broker.messages.into_iter().map(|(name, messages)| (name, messages.len()));
            let left = replies.chain(messages).filter(|(_, count)| *count > 0);
            return Rehearsal { outcome, unanswered, misfits: broker.misfits, left: left.collect() };
        }
        let first_ms = coming.iter().map(|(at, ..)| *at).min();
        if let Some((at, heard)) = broker.take(first_ms.into_iter().chain(turn.wake).min()) {
            now = at.max(now);
            session.apply(now, Input::Channel(heard));
            continue;
        }
        let first = coming.iter().enumerate().min_by_key(|(_, (at, ..))| *at).map(|(index, (at, ..))| (index, *at));
        let input = match (first, turn.wake) {
            (Some((index, at)), wake) if wake.is_none_or(|wake| at <= wake) => {
                let (_, call, result) = coming.remove(index);
                now = at.max(now);
                Input::Reply { call, result }
            }
            (_, Some(wake)) => {
                now = wake.max(now);
                Input::Tick
            }
            // A machine that waits for nothing has ended; to be sure of an end, it is stopped.
            (_, None) => Input::Cancel,
        };
        session.apply(now, input);
    }
}

/// Messages that stand ready: everything that is asked of a channel is answered at once.
struct StubBroker<'p> {
    program: &'p Program,
    messages: BTreeMap<String, VecDeque<StubMessage>>,
    /// Steps, operations and channels that nothing comes for.
    silent: BTreeSet<String>,
    /// Waits that were answered.
    waits: BTreeSet<u64>,
    deliveries: u64,
    coming: Vec<(Millis, ChannelInput)>,
    /// Messages that a wait is answered with.
    claimed: BTreeSet<DeliveryId>,
    misfits: Vec<(String, String)>,
}

impl StubBroker<'_> {
    /// Takes in what is asked, and which steps wait; those for which nothing stands ready are noted.
    fn ask(&mut self, now: Millis, turn: &SessionTurn, session: &Session, unanswered: &mut Vec<String>) {
        for request in &turn.channels {
            match request {
                ChannelRequest::Subscribe { subscription, .. } => {
                    self.coming.push((now, ChannelInput::Subscribed(*subscription)));
                }
                ChannelRequest::Send { call, .. } => {
                    self.coming.push((now, ChannelInput::Sent { call: *call, result: Ok(()) }));
                }
                ChannelRequest::Acknowledge { .. } | ChannelRequest::Unsubscribe(_) => {}
            }
        }
        for awaited in session.awaited() {
            if self.waits.insert(awaited.number) {
                self.answer(now, &awaited, session, unanswered);
            }
        }
    }

    fn answer(&mut self, now: Millis, awaited: &AwaitedMessage, session: &Session, unanswered: &mut Vec<String>) {
        let Some(step) = self.program.step(awaited.step) else { return };
        let operation = step.call.target().and_then(|target| target.operation.as_deref());
        let channel = self.program.channel_of(step).map(|channel| channel.name.as_str());
        // One that came for a step before was for this one.
        let own = self.coming.iter().find_map(|(_, input)| match input {
            ChannelInput::Received { subscription, delivery } if *subscription == awaited.subscription => {
                let is_free = !self.claimed.contains(&delivery.delivery);
                (is_free && session.has_id(awaited, &delivery.message)).then_some(delivery.delivery)
            }
            _ => None,
        });
        if let Some(own) = own {
            self.claimed.insert(own);
            return;
        }
        let names = [Some(step.name.as_str()), operation, channel];
        if names.into_iter().flatten().any(|name| self.silent.contains(name)) {
            return;
        }
        let found = names.into_iter().flatten().find(|name| self.messages.get(*name).is_some_and(|m| !m.is_empty()));
        let Some(ready) = found.map(str::to_owned).and_then(|name| self.messages.get_mut(&name)) else {
            unanswered.push(step.name.clone());
            return;
        };
        while let Some(StubMessage { after_ms, id, message, is_misfit }) = ready.pop_front() {
            let mut own = awaited.clone();
            own.correlation = id.or(own.correlation);
            let message = with_correlation(self.program, &own, message);
            let taken = session.has_id(awaited, &message);
            self.deliveries += 1;
            match (session.misfit(awaited, &message), is_misfit) {
                (Some(why), false) => self.misfits.push((step.name.clone(), why)),
                (None, true) => self.misfits.push((step.name.clone(), "it is one of its channel".to_owned())),
                (Some(_), true) | (None, false) => {}
            }
            if taken {
                self.claimed.insert(DeliveryId(self.deliveries));
            }
            let delivery = Delivery {
                delivery: DeliveryId(self.deliveries),
                address: awaited.address.clone(),
                is_stored: false,
                is_redelivered: false,
                mark: None,
                message,
            };
            let heard = ChannelInput::Received { subscription: awaited.subscription, delivery };
            self.coming.push((now.saturating_add(after_ms), heard));
            if taken {
                break;
            }
        }
    }

    /// What comes next, if nothing else comes before `other`.
    fn take(&mut self, other: Option<Millis>) -> Option<(Millis, ChannelInput)> {
        let first = self.coming.iter().map(|(at, _)| *at).min()?;
        let place = self.coming.iter().position(|(at, _)| *at == first)?;
        other.is_none_or(|other| first <= other).then(|| self.coming.remove(place))
    }
}

/// The frame and the step that sent a call.
fn sender(turn: &SessionTurn, call: CallId) -> (u32, String) {
    let is = |kind: &EventKind| matches!(kind, EventKind::RequestSent { call: sent, .. } if *sent == call.0);
    let event = turn.events.iter().map(|envelope| &envelope.event).find(|event| is(&event.kind));
    event.map(|event| (event.frame, event.step.clone().unwrap_or_default())).unwrap_or_default()
}
