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

use std::collections::{BTreeMap, VecDeque};

use arazzo_engine::event::EventKind;
use arazzo_engine::limits::Millis;
use arazzo_engine::machine::{CallId, Failure, FailureKind, Input, Outcome, Response};
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

/// Answers by step or operation, each list in its order. A request for which nothing stands ready gets no answer.
#[derive(Debug, Clone, Default)]
#[must_use = "answers are given to `Workflow::rehearse`"]
pub struct StubReplies(BTreeMap<String, VecDeque<Reply>>);

impl StubReplies {
    /// No answers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an answer for a `stepId`, or for an `operationId` whose steps have none of their own.
    pub fn reply(mut self, step_or_operation: impl Into<String>, reply: Reply) -> Self {
        self.0.entry(step_or_operation.into()).or_default().push_back(reply);
        self
    }

    /// The steps and operations that have answers.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
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
    /// Answers that nobody asked for: the step or operation, and how many.
    pub left: Vec<(String, usize)>,
}

/// Runs a session with answers that stand ready.
pub(crate) fn rehearse(mut session: Session, canned: StubReplies, mut observe: impl FnMut(&Envelope)) -> Rehearsal {
    let StubReplies(mut ready) = canned;
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
        if let Some(outcome) = turn.outcome {
            let left = ready.into_iter().filter(|(_, replies)| !replies.is_empty());
            return Rehearsal {
                outcome,
                unanswered,
                left: left.map(|(name, replies)| (name, replies.len())).collect(),
            };
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

/// The frame and the step that sent a call.
fn sender(turn: &SessionTurn, call: CallId) -> (u32, String) {
    let is = |kind: &EventKind| matches!(kind, EventKind::RequestSent { call: sent, .. } if *sent == call.0);
    let event = turn.events.iter().map(|envelope| &envelope.event).find(|event| is(&event.kind));
    event.map(|event| (event.frame, event.step.clone().unwrap_or_default())).unwrap_or_default()
}
