//! A run that somebody else drives: what is sent and awaited is said, and what came is given back.
//!
//! Everything that every driver needs is here, once: the envelope of events, the clock of the run, and the policy, which
//! is asked about every request whatever sends it. Live runs, rehearsals and replays are drivers over it; a journal or
//! another engine is one more.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use arazzo_engine::credentials::Credentials;
use arazzo_engine::event::{Event, Interest, VERSION};
use arazzo_engine::limits::{Limits, Millis, Warning};
#[cfg(feature = "journal")]
use arazzo_engine::machine::NoSuchStep;
use arazzo_engine::machine::message::{ChannelInput, ChannelRequest, Message};
use arazzo_engine::machine::{
    AwaitedMessage, CallId, Failure, FailureKind, Input, Machine, Outcome, Outgoing, Outputs, PendingRequest, Progress,
    Secrets, StoredState,
};
use arazzo_engine::program::Program;
use arazzo_engine::stand_in::StandIns;
use serde::{Deserialize, Serialize};

use crate::drivers::recorder::{CalledServers, Recorder, Taken};
use crate::envelope::{Envelope, rfc3339};
use crate::error::Error;
use crate::policy::permissions::RunPolicy;

/// A run in progress, without sockets, clock or threads: [`Workflow::session`](crate::Workflow::session) begins one.
///
/// Take a [`SessionTurn`], look at its events, send what it asks to send, and give back what comes, until there is an
/// outcome. Times are ms since the start of the run; they may stand still, and never go back.
///
/// ```no_run
/// # fn example(mut send: impl FnMut(arazzo::Outgoing) -> Result<arazzo::Response, arazzo::Failure>) -> Result<(), arazzo::Error> {
/// let workflow = arazzo::open("flow.arazzo.yaml").load_blocking()?.workflow(None)?;
/// let mut session = workflow.session(arazzo::Inputs::new())?;
/// let mut now = 0;
/// let outcome = loop {
///     let turn = session.turn(now);
///     if let Some(outcome) = turn.outcome {
///         break outcome;
///     }
///     // A state that is stored here knows what is about to leave, and repeats nothing by itself.
///     let (state, secrets) = session.stored()?;
///     # drop((state, secrets));
///     for outgoing in turn.sends {
///         let call = outgoing.call;
///         let result = send(outgoing);
///         session.apply(now, arazzo::Input::Reply { call, result });
///     }
///     now = turn.wake.unwrap_or(now);
/// };
/// # drop(outcome);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Session {
    machine: Machine,
    policy: RunPolicy,
    head: Head,
    /// The last time that was given.
    now: Millis,
    turn: SessionTurn,
    /// `true` if an input was applied since the last turn was taken.
    applied: bool,
    recorder: Option<Recorder>,
}

/// The part of a session that is not the machine's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Head {
    /// The name of the run.
    run: String,
    /// The wall clock at its start, in ms since 1970.
    epoch_ms: i64,
    /// The number of the next event.
    seq: u64,
    /// `true` once the machine has begun.
    begun: bool,
    /// `true` if the driver says when requests are written.
    #[serde(default)]
    awaits_progress: bool,
}

/// A session as data. It holds no secret; [`Secrets`] has what is not in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredSession {
    head: Head,
    now: Millis,
    state: StoredState,
}

/// What follows from what was applied to a session. It is written without the requests, which may hold secrets: they are
/// made again by their calls ([`Session::outgoing`]). Outputs are written as they are.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SessionTurn {
    /// Everything that happened, masked. An event about a request stands here before the request leaves; with
    /// [`Session::await_progress`], it comes when the driver says that it is written.
    pub events: Vec<Envelope>,
    /// Requests to send now.
    pub sends: Vec<Outgoing>,
    /// What is asked of channels now, in this order: [`Input::Channel`] says what is heard of them.
    #[serde(skip)]
    pub channels: Vec<ChannelRequest>,
    /// Calls whose answers are not wanted any more.
    pub aborts: Vec<CallId>,
    /// The time at which to take a turn if nothing comes before, in ms since the start.
    pub wake: Option<Millis>,
    /// The outcome; after it, nothing more happens.
    pub outcome: Option<Outcome>,
    /// What the policy refused, as the machine was told after what was applied.
    #[serde(skip)]
    pub(crate) refused: Vec<Input>,
}

impl Session {
    pub(crate) fn new(mut machine: Machine, policy: RunPolicy, run: String, started: Duration) -> Self {
        let epoch_ms = i64::try_from(started.as_millis()).unwrap_or(i64::MAX);
        // The policy is asked before a request counts as sent.
        machine.await_progress();
        Self {
            machine,
            policy,
            head: Head { run, epoch_ms, seq: 0, begun: false, awaits_progress: false },
            now: 0,
            turn: SessionTurn::default(),
            applied: false,
            recorder: None,
        }
    }

    /// Keeps what a recording needs from now on: every event, whoever reads it.
    /// `most` are the bytes of requests and answers that it may have.
    pub(crate) fn record(&mut self, most: u64) {
        self.machine.set_interest(Interest::Wire);
        self.recorder = Some(Recorder::new(most));
        self.machine.remember_secrets();
    }

    /// Makes only the events that you read, from now on: the others cost nothing. They are numbered without gaps. Without
    /// this, and after a session is restored, all are made.
    pub fn set_interest(&mut self, interest: Interest) {
        if self.recorder.is_none() {
            self.machine.set_interest(interest);
        }
    }

    /// What a recording needs, and stand-ins for the secrets of the run.
    pub(crate) fn into_recorder(self, given: &Credentials) -> (Recorder, StandIns) {
        (self.recorder.unwrap_or_default(), self.machine.stand_ins(given))
    }

    /// What the step that waits for the answer to a call would make of one.
    #[cfg(feature = "mock")]
    pub(crate) fn forecast(&self, call: CallId) -> Option<arazzo_engine::machine::Forecast> {
        self.machine.forecast(call)
    }

    /// What the step that waits for a message would make of one.
    #[cfg(feature = "mock")]
    pub(crate) fn forecast_message(&self, awaited: &AwaitedMessage) -> Option<arazzo_engine::machine::Forecast> {
        self.machine.forecast_message(awaited)
    }

    /// Leaves it to the driver to say how requests get on ([`Input::Progress`]), for one that lets them wait for their turn:
    /// what it has not said to be written is given up without doubt when the run stops. Without this, a request is written
    /// as soon as it is in a turn.
    pub fn await_progress(&mut self) {
        self.head.awaits_progress = true;
    }

    /// The event that will say that a call is sent, if that was not said yet.
    pub(crate) fn sent_event(&self, call: CallId) -> Option<Event> {
        self.machine.sent_event(call)
    }

    /// The outputs of a step of the workflow that is run ([`Machine::step_outputs`]).
    pub(crate) fn step_outputs(&self, step: &str) -> Outputs {
        self.machine.step_outputs(step)
    }

    /// The name of the run: a ULID.
    #[must_use]
    pub fn run(&self) -> &str {
        &self.head.run
    }

    /// Masks a text as events are masked.
    #[must_use]
    pub fn mask(&self, text: &str) -> String {
        self.machine.mask(text)
    }

    /// Everything that followed since the last turn. The first one begins the run; if nothing was applied since the last,
    /// time has passed.
    pub fn turn(&mut self, now: Millis) -> SessionTurn {
        if !self.head.begun {
            self.begin(now);
        } else if !self.applied {
            self.step(now, Input::Tick);
        }
        self.applied = false;
        std::mem::take(&mut self.turn)
    }

    /// Takes one input in: an answer, the passing of time, a stop. An input that does not fit (an answer to a call that was
    /// given up, say) changes nothing.
    pub fn apply(&mut self, now: Millis, input: Input) {
        if !self.head.begun {
            self.begin(now);
        }
        // What a transport says may quote what was sent.
        let input = match input {
            Input::Reply { call, result: Err(failure) } => {
                let message = self.machine.mask(&failure.message);
                Input::Reply { call, result: Err(Failure { message, ..failure }) }
            }
            Input::Channel(input) => Input::Channel(self.mask_failure(input)),
            input => input,
        };
        self.step(now, input);
        self.applied = true;
    }

    /// The wall clock at the start of the run, in ms since 1970.
    pub(crate) fn epoch_ms(&self) -> i64 {
        self.head.epoch_ms
    }

    /// The warnings about the documents, as events say them.
    pub(crate) fn warnings(&self) -> &[Warning] {
        self.machine.warnings()
    }

    /// Takes in what one took before; its turn is the next.
    pub(crate) fn take(&mut self, now: Millis, taken: Taken) {
        if let (Some(recorder), false) = (&mut self.recorder, matches!(taken, Taken::Input(_))) {
            recorder.taken(now, &taken);
        }
        match taken {
            Taken::Input(input) => return self.apply(now, input),
            Taken::Resumed { away_ms, again } => self.resume_at(now, away_ms, &again),
            // Documents that have changed may have no such step: then it has ended.
            Taken::BegunAgain { step } => drop(self.machine.begin_again(&step)),
            Taken::Limits(limits) => self.set_limits(*limits),
            Taken::Servers(called) => self.set_servers(*called),
        }
        self.applied = true;
    }

    /// Goes on at `now` after so many ms in which no process had the run; calls are sent again.
    pub(crate) fn resume_at(&mut self, now: Millis, away_ms: Millis, again: &[CallId]) {
        self.now = self.now.max(now);
        let turn = self.machine.resume_after(self.now, away_ms, again);
        self.keep_events(turn.events);
        for refused in self.ask(turn.channels) {
            self.step(self.now, refused);
        }
    }

    pub(crate) fn set_limits(&mut self, limits: Limits) {
        self.machine.set_limits(limits);
    }

    pub(crate) fn set_servers(&mut self, CalledServers { servers, allowed_hosts }: CalledServers) {
        self.machine.set_servers(servers, allowed_hosts);
    }

    /// Asks a policy about a request that is to leave: that of the session or, where a session lets everything pass so that
    /// it goes as it went, that of now. It is one of the machine, which has compared it with its plan: there is no other
    /// [`Outgoing`]. What may go where its user said, with every secret that is in its bytes.
    ///
    /// # Errors
    /// The reason why not, in words.
    pub(crate) fn permitted_by(&self, policy: &RunPolicy, outgoing: &Outgoing) -> Result<(), String> {
        policy.request(outgoing, || self.machine.secrets_in(&outgoing.request))
    }

    /// Whether the policy lets something be asked of a channel; a source that is mocked connects nowhere.
    fn judge_channel(&self, request: &ChannelRequest) -> Result<(), String> {
        // Nothing is connected to for a webhook.
        let is_hook = matches!(request, ChannelRequest::Subscribe { channel, .. } if channel.hook.is_some());
        if is_hook || self.machine.is_mocked_channel(request) {
            return Ok(());
        }
        self.policy.channel(request, |channel, message| self.machine.secrets_in_message(channel, message))
    }

    /// As for answers: what a connection says may quote what was sent.
    fn mask_failure(&self, input: ChannelInput) -> ChannelInput {
        let masked = |failure: Failure| Failure { message: self.machine.mask(&failure.message), ..failure };
        match input {
            ChannelInput::Lost { subscription, failure } => {
                ChannelInput::Lost { subscription, failure: masked(failure) }
            }
            ChannelInput::Sent { call, result } => ChannelInput::Sent { call, result: result.map_err(masked) },
            other => other,
        }
    }

    /// The messages that steps wait for.
    pub(crate) fn awaited(&self) -> Vec<AwaitedMessage> {
        self.machine.awaited().collect()
    }

    /// `true` if the step that waits for a message would succeed with this one.
    #[cfg(feature = "mock")]
    pub(crate) fn would_take(&self, awaited: &AwaitedMessage, message: &Message) -> bool {
        self.machine.would_take(awaited, message)
    }

    /// `true` if a message is the one that a step waits for, whatever it then makes of it.
    pub(crate) fn has_id(&self, awaited: &AwaitedMessage, message: &Message) -> bool {
        self.machine.has_id(awaited, message)
    }

    /// Why a message is none of those that the channel of a step is described with.
    pub(crate) fn misfit(&self, awaited: &AwaitedMessage, message: &Message) -> Option<String> {
        self.machine.misfit(awaited, message)
    }

    /// The channel that a call sends a message to; nothing for a request.
    #[cfg(feature = "journal")]
    pub(crate) fn channel_of(&self, call: CallId) -> Option<String> {
        self.machine.channel_of(call)
    }

    /// The workflow and the step that wait for a call.
    pub(crate) fn place_of(&self, call: CallId) -> (String, String) {
        self.machine.place_of(call)
    }

    /// The session between two steps: what can be stored anywhere, and what has to be kept apart from it and encrypted.
    /// A turn that was not taken is not part of it.
    ///
    /// # Errors
    /// [`Error::Setup`] if a turn is waiting to be taken, whose requests would be forgotten.
    pub fn stored(&self) -> Result<(StoredSession, Secrets), Error> {
        if self.applied {
            return Err(Error::Setup("a session is stored after its turn was taken: `Session::turn`".to_owned()));
        }
        let (state, secrets) = self.machine.stored().map_err(|error| Error::Setup(error.to_string()))?;
        Ok((StoredSession { head: self.head.clone(), now: self.now, state }, secrets))
    }

    /// Goes on with a run of a program that was stored.
    pub(crate) fn restored(
        program: Arc<Program>,
        policy: RunPolicy,
        stored: StoredSession,
        secrets: Secrets,
    ) -> Result<Self, Error> {
        let StoredSession { head, now, state } = stored;
        let machine = Machine::restore(program, state, secrets).map_err(|error| Error::Setup(error.to_string()))?;
        Ok(Self { machine, policy, head, now, turn: SessionTurn::default(), applied: false, recorder: None })
    }

    /// The request of a call that is in flight, made again from the state; nothing if there is no such call. A driver that
    /// stored a session before its requests left sends them from here.
    #[must_use]
    pub fn outgoing(&self, call: CallId) -> Option<Outgoing> {
        self.machine.outgoing(call)
    }

    /// The calls in flight.
    pub fn calls(&self) -> impl Iterator<Item = CallId> + '_ {
        self.machine.calls()
    }

    /// The calls in flight, as a driver has to know them that goes on with a stored run: which have left, and which may be
    /// sent twice.
    pub fn pending(&self) -> impl Iterator<Item = PendingRequest> + '_ {
        self.machine.pending()
    }

    fn begin(&mut self, now: Millis) {
        self.head.begun = true;
        self.step(now, Input::Start { epoch_ms: self.head.epoch_ms });
    }

    /// Puts events into their envelopes.
    fn keep_events(&mut self, events: Vec<Event>) {
        let mut time = None;
        for event in events {
            let time = time.get_or_insert_with(|| {
                let started = Duration::from_millis(u64::try_from(self.head.epoch_ms).unwrap_or(0));
                rfc3339(started + Duration::from_millis(self.now))
            });
            let (seq, run) = (self.head.seq, self.head.run.clone());
            let mut envelope = Envelope { v: VERSION, seq, time: time.clone(), ms: self.now, run, event };
            envelope.event.word(self.policy.hosts.naming);
            if let Some(recorder) = &mut self.recorder {
                recorder.event(&envelope);
            }
            self.turn.events.push(envelope);
            self.head.seq += 1;
        }
    }

    /// What is asked of channels, and what is heard of that which the policy refuses.
    fn ask(&mut self, requests: Vec<ChannelRequest>) -> Vec<Input> {
        if let Some(recorder) = &mut self.recorder {
            requests.iter().for_each(|request| recorder.channel(request));
        }
        let mut inputs = vec![];
        for request in requests {
            match self.judge_channel(&request) {
                Ok(()) => self.turn.channels.push(request),
                Err(message) => {
                    let refused = refuse(&request, message).map(Input::Channel);
                    self.turn.refused.extend(refused.clone());
                    inputs.extend(refused);
                }
            }
        }
        inputs
    }

    /// One step of the machine, and one more for each request that the policy refuses.
    fn step(&mut self, now: Millis, input: Input) {
        self.now = self.now.max(now);
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            if let Some(recorder) = &mut self.recorder {
                recorder.input(self.now, &input);
            }
            let turn = self.machine.step(self.now, input);
            self.keep_events(turn.events);
            self.turn.sends.retain(|outgoing| !turn.aborts.contains(&outgoing.call));
            self.turn.aborts.extend(turn.aborts);
            inputs.extend(self.ask(turn.channels));
            for outgoing in turn.sends {
                if let Some(recorder) = &mut self.recorder {
                    recorder.request(&outgoing.request);
                }
                match self.permitted_by(&self.policy, &outgoing) {
                    Ok(()) => {
                        let (call, progress) = (outgoing.call, Progress::Written);
                        self.turn.sends.push(outgoing);
                        if !self.head.awaits_progress {
                            inputs.push_back(Input::Progress { call, progress });
                        }
                    }
                    Err(message) => {
                        let refused = Failure { kind: FailureKind::Refused, message, in_doubt: false };
                        let input = Input::Reply { call: outgoing.call, result: Err(refused) };
                        self.turn.refused.push(input.clone());
                        inputs.push_back(input);
                    }
                }
            }
            self.turn.wake = turn.wake;
            if let Some(mut outcome) = turn.done {
                outcome.word(self.policy.hosts.naming);
                self.turn.outcome = Some(outcome);
            }
        }
    }
}

/// What is heard of a request that the policy refuses.
fn refuse(request: &ChannelRequest, message: String) -> Option<ChannelInput> {
    let failure = Failure { kind: FailureKind::Refused, message, in_doubt: false };
    match request {
        ChannelRequest::Subscribe { subscription, .. } => {
            Some(ChannelInput::Lost { subscription: *subscription, failure })
        }
        ChannelRequest::Send { call, .. } => Some(ChannelInput::Sent { call: *call, result: Err(failure) }),
        ChannelRequest::Acknowledge { .. } | ChannelRequest::Unsubscribe(_) => None,
    }
}

/// For the journal, which goes on with runs whose process has ended.
#[cfg(feature = "journal")]
impl Session {
    /// The last time that was given.
    pub(crate) fn now(&self) -> Millis {
        self.now
    }

    /// The number of the next event.
    pub(crate) fn seq(&self) -> u64 {
        self.head.seq
    }

    /// Gives the next event a number.
    pub(crate) fn set_seq(&mut self, seq: u64) {
        self.head.seq = seq;
    }

    /// The step that waits for a call.
    pub(crate) fn step_of(&self, call: CallId) -> Option<&str> {
        self.machine.step_of(call)
    }

    /// The servers of the run, which can be changed.
    pub(crate) fn servers(&self) -> CalledServers {
        let (servers, allowed_hosts) = self.machine.servers();
        CalledServers { servers: servers.clone(), allowed_hosts: allowed_hosts.to_vec() }
    }

    /// The limits of the run, which can be changed.
    pub(crate) fn limits(&self) -> Limits {
        self.machine.limits().clone()
    }

    /// Lets a run that has ended begin again at a step; its next event has the number `seq`.
    ///
    /// # Errors
    /// [`NoSuchStep`]
    pub(crate) fn begin_again(&mut self, step: &str, seq: u64) -> Result<(), NoSuchStep> {
        self.machine.begin_again(step)?;
        self.head.seq = seq;
        Ok(())
    }

    /// A request that a stored run was about to send, or why the policy does not let it leave now; nothing if there is no
    /// such call.
    pub(crate) fn permitted(&self, call: CallId) -> Option<Result<Outgoing, String>> {
        let outgoing = self.machine.outgoing(call)?;
        let asked = self.permitted_by(&self.policy, &outgoing);
        Some(asked.map(|()| outgoing))
    }
}

/// For other engines, which play a run again from what they have kept of it: what was decided then stays decided.
#[cfg(feature = "restate")]
impl Session {
    /// `true` if the request of a call may be sent twice to the same effect.
    pub(crate) fn is_repeatable(&self, call: CallId) -> bool {
        self.machine.pending().any(|pending| pending.call == call && pending.repeatable)
    }
}
