//! A run that is written into a journal while it runs.
//!
//! What is kept is the state after the last turn that mattered, in the place of the one before, so that a run that polls for
//! a day is not larger than one that polls for a minute. A request that may not be sent twice waits until the state that
//! knows it to have left is on the disk. A run that is stopped keeps the state that it would have gone on with.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, PoisonError};

use arazzo_engine::event::{EventKind, RunStatus};
use arazzo_engine::limits::Millis;
use arazzo_engine::machine::{CallId, Input, Outcome, Secrets, Stop};
use arazzo_engine::program::Program;
use serde::{Deserialize, Serialize};

use crate::channel::SEND;
use crate::description::Description;
use crate::documents::location::name_of;
use crate::drivers::live::{Interrupt, Logged, TurnLog};
use crate::envelope::Envelope;
use crate::error::Error;
use crate::journal::key::JournalKey;
use crate::journal::owner::Owner;
use crate::journal::setup::{KeptText, Setup};
use crate::journal::store::Journal;
use crate::journal::write::{Begin, End, RunWrite, Sealing, SentRequest, lines};
use crate::journal::writer::{Unwritten, now};
use crate::policy::permissions::RunPolicy;
use crate::session::{Session, SessionTurn, StoredSession};

/// Attempts of a step whose events are kept: so many of the first, and so many of the last.
const ATTEMPTS: usize = 32;

/// What a run may do beyond a limit that has stopped it, until it waits for something: then it is stored.
const BEYOND: u32 = 64;

/// The part of a state that is encrypted.
#[derive(Serialize, Deserialize)]
pub(super) struct Sealed {
    pub(super) secrets: Secrets,
    /// Answers that came, and that the state does not know yet.
    pub(super) answers: Vec<Input>,
}

pub(crate) struct RunLog {
    journal: Journal,
    owner: Arc<Owner>,
    key: JournalKey,
    run: String,
    program: Arc<Program>,
    policy: RunPolicy,
    begin: Option<Begin>,
    /// What was stored last, and the inputs since then.
    last: Option<(StoredSession, Secrets)>,
    since: Vec<(Millis, Input)>,
    /// Events that are not written yet.
    events: Vec<Envelope>,
    history: History,
    /// Requests whose methods are not idempotent, and whose end is not known.
    unsettled: BTreeSet<CallId>,
    /// The run as it goes on once it was stopped, and the events of its end.
    shadow: Option<Session>,
    ending: Vec<Envelope>,
}

impl RunLog {
    /// The log of a run that begins.
    ///
    /// # Errors
    /// [`Error::Setup`] if the journal has no key.
    pub(crate) fn begin(
        journal: &Journal,
        description: &Description,
        (workflow, run): (&str, &str),
        interrupt: &Interrupt,
    ) -> Result<Self, Error> {
        let key = journal.key()?.clone();
        let setup = Setup::of(description);
        let begin = Begin {
            document: name_of(setup.document()),
            workflow: workflow.to_owned(),
            began: now(),
            key: key.id().to_owned(),
            texts: texts(journal, &key, description.program()),
            setup: serde_json::to_string(&setup).map_err(|error| Error::Setup(error.to_string()))?,
        };
        let mut log = Self::new(journal, key, description, run, interrupt)?;
        log.begin = Some(begin);
        Ok(log)
    }

    /// The log of a run that goes on with what was stored; `unsettled` are its requests that have left.
    ///
    /// # Errors
    /// [`Error::Setup`] if the journal has no key.
    pub(super) fn resume(
        journal: &Journal,
        description: &Description,
        (run, stored): (&str, (StoredSession, Secrets)),
        unsettled: BTreeSet<CallId>,
        interrupt: &Interrupt,
    ) -> Result<Self, Error> {
        let mut log = Self::new(journal, journal.key()?.clone(), description, run, interrupt)?;
        (log.last, log.unsettled) = (Some(stored), unsettled);
        Ok(log)
    }

    fn new(
        journal: &Journal,
        key: JournalKey,
        description: &Description,
        run: &str,
        interrupt: &Interrupt,
    ) -> Result<Self, Error> {
        let owner = journal.owner()?;
        journal.shared.writer.watch(&owner.id, run, interrupt);
        Ok(Self {
            journal: journal.clone(),
            owner,
            key,
            run: run.to_owned(),
            program: description.compiled.program.clone(),
            policy: description.world.grants.clone(),
            begin: None,
            last: None,
            since: vec![],
            events: vec![],
            history: History::default(),
            unsettled: BTreeSet::new(),
            shadow: None,
            ending: vec![],
        })
    }

    /// The session as it was stored last, with what it has taken in since; without the events, which are known.
    fn shadow(&self, policy: RunPolicy) -> Result<Option<Session>, Error> {
        let Some((stored, secrets)) = self.last.clone() else { return Ok(None) };
        let mut session = Session::restored(self.program.clone(), policy, stored, secrets)?;
        for (at, input) in &self.since {
            session.apply(*at, input.clone());
            session.turn(*at);
        }
        Ok(Some(session))
    }

    /// Requests that have left since the last look and whose methods are not idempotent, and those whose end is known by now.
    /// A key makes no difference here: not every server keeps to it.
    fn settle(&mut self, session: &Session) -> (Vec<SentRequest>, Vec<CallId>) {
        let pending: Vec<_> = session.pending().filter(|pending| pending.written && !pending.idempotent).collect();
        let unsettled: BTreeSet<CallId> = pending.iter().map(|pending| pending.call).collect();
        let settled = self.unsettled.difference(&unsettled).copied().collect();
        let mut sent = vec![];
        for pending in pending.iter().filter(|pending| !self.unsettled.contains(&pending.call)) {
            let Some(outgoing) = session.outgoing(pending.call) else {
                if let Some(channel) = session.channel_of(pending.call) {
                    let step = session.step_of(pending.call).map(str::to_owned);
                    let (method, url) = (SEND.to_owned(), channel);
                    sent.push(SentRequest { call: pending.call, again: false, step, method, url, body: None });
                }
                continue;
            };
            sent.push(SentRequest {
                call: pending.call,
                again: pending.repeatable,
                step: session.step_of(pending.call).map(str::to_owned),
                method: session.mask(&outgoing.request.method),
                url: session.mask(&outgoing.request.url),
                body: outgoing.request.body.map(|body| self.key.hash(&[b"body", &body])),
            });
        }
        self.unsettled = unsettled;
        (sent, settled)
    }

    /// What is written of a session: its state, and what happened since it was written last.
    fn write_of(&mut self, session: &Session) -> Result<RunWrite, Error> {
        let (sent, settled) = self.settle(session);
        let (stored, secrets) = session.stored()?;
        let text = |error: serde_json::Error| Error::Setup(error.to_string());
        let sealed = Sealed { secrets, answers: vec![] };
        let state = serde_json::to_string(&stored).map_err(text)?;
        let hidden = self.key.encrypt(&self.run, &serde_json::to_vec(&sealed).map_err(text)?)?;
        self.last = Some((stored, sealed.secrets));
        self.since.clear();
        let mut write = self.write_events();
        (write.state, write.sent, write.settled) = (Some((state, hidden)), sent, settled);
        Ok(write)
    }

    /// What is written of a run that an answer stops, whatever limit is raised: the state that waited for it, and the answer,
    /// so that what was asked is not asked again.
    fn write_answered(&mut self, answer: Input) -> Result<RunWrite, Error> {
        let mut write = self.write_events();
        if let (Input::Reply { call, result: Ok(_) }, Some((stored, secrets))) = (&answer, &self.last) {
            let call = *call;
            let text = |error: serde_json::Error| Error::Setup(error.to_string());
            let sealed = Sealed { secrets: secrets.clone(), answers: vec![answer] };
            let hidden = self.key.encrypt(&self.run, &serde_json::to_vec(&sealed).map_err(text)?)?;
            write.state = Some((serde_json::to_string(stored).map_err(text)?, hidden));
            write.settled = self.unsettled.take(&call).into_iter().collect();
        }
        Ok(write)
    }

    /// What is written of a run whose state stays as it is.
    fn write_events(&mut self) -> RunWrite {
        let events = std::mem::take(&mut self.events);
        RunWrite {
            run: self.run.clone(),
            owner: self.owner.id.clone(),
            begin: self.begin.take(),
            step: events.iter().rev().find_map(|envelope| envelope.event.step.clone()),
            dropped: events.iter().flat_map(|envelope| self.history.add(envelope)).collect(),
            events: lines(&events),
            ..RunWrite::default()
        }
    }

    /// Writes, and gives what ends when it is on the disk.
    fn write(&self, write: RunWrite) -> Logged {
        let (done, is_done) = tokio::sync::oneshot::channel();
        self.journal
            .shared
            .writer
            .write(move |connection| write.apply(connection), move |result| _ = done.send(result));
        let run = self.run.clone();
        Box::pin(async move {
            let closed = Unwritten::Failed("the journal is closed".to_owned());
            is_done.await.unwrap_or(Err(closed)).map_err(|unwritten| match unwritten {
                Unwritten::Failed(message) => Error::Journal(format!(
                    "{message}; the run `{run}` has ended there, and goes on from what was written"
                )),
                refused @ Unwritten::Refused(_) => refused.into(),
            })
        })
    }

    /// A run that was stopped goes on without the stop, in the shadow.
    fn log_stopping(&mut self, mut shadow: Session, now: Millis, input: Option<Input>) -> Result<RunWrite, Error> {
        if let Some(input @ (Input::Reply { .. } | Input::Progress { .. })) = input {
            shadow.apply(now, input);
            self.events.extend(shadow.turn(now).events);
        }
        let write = self.write_of(&shadow)?;
        self.shadow = Some(shadow);
        Ok(write)
    }

    /// The end of a run: what is kept, and what is said of it.
    fn log_end(
        &mut self,
        session: &Session,
        input: Option<Input>,
        turn: &SessionTurn,
        outcome: &Outcome,
    ) -> Result<RunWrite, Error> {
        let mut write = match outcome {
            Outcome::Stopped { stop, .. } => {
                self.ending.extend(turn.events.iter().cloned());
                self.log_stop(*stop, session.now(), input)?
            }
            _ => {
                let ends = |envelope: &Envelope| matches!(envelope.event.kind, EventKind::WorkflowFinished { .. });
                let at = turn.events.iter().rposition(ends).unwrap_or(turn.events.len());
                let (before, ending) = turn.events.split_at(at);
                self.events.extend(before.iter().cloned());
                self.ending.extend(ending.iter().cloned());
                self.write_of(session)?
            }
        };
        let text = |error: serde_json::Error| Error::Setup(error.to_string());
        let (exit, reason) = match self.ending.last().map(|envelope| &envelope.event.kind) {
            Some(EventKind::RunFinished { exit, why, .. }) => {
                (*exit, why.as_ref().map(|why| why.code.word().to_owned()))
            }
            _ => (outcome.exit_code(), None),
        };
        let status = match outcome {
            Outcome::Succeeded { .. } => RunStatus::Succeeded,
            Outcome::Ended { .. } => RunStatus::Ended,
            Outcome::Failed { .. } => RunStatus::Failed,
            _ => RunStatus::Stopped,
        };
        write.end = Some(End {
            status: status.word(),
            exit,
            reason,
            outcome: self.key.encrypt(&self.run, &serde_json::to_vec(outcome).map_err(text)?)?,
            ending: serde_json::to_string(&self.ending).map_err(text)?,
        });
        Ok(write)
    }

    /// A run that was stopped keeps the state that it goes on with: as if the limit were higher, the policy another one, and
    /// no one had stopped it.
    fn log_stop(&mut self, stop: Stop, now: Millis, input: Option<Input>) -> Result<RunWrite, Error> {
        if let Some(shadow) = self.shadow.take() {
            return self.log_stopping(shadow, now, input);
        }
        let policy = match stop {
            Stop::Policy => RunPolicy::of_stub(self.policy.hosts.naming),
            Stop::Limit | Stop::Interrupt => self.policy.clone(),
        };
        let Some(mut shadow) = self.shadow(policy)? else { return Ok(self.write_events()) };
        let Some(input) = input.filter(|input| !matches!(input, Input::Cancel)) else {
            return self.write_of(&shadow);
        };
        let limits = shadow.limits();
        let mut raised = limits.clone();
        raised.requests = Some(limits.most_requests().saturating_add(BEYOND));
        raised.steps = limits.steps.saturating_add(BEYOND);
        raised.run_ms = Millis::MAX;
        shadow.set_limits(raised);
        shadow.apply(now, input.clone());
        let turn = shadow.turn(now);
        if turn.outcome.is_some() {
            return self.write_answered(input);
        }
        shadow.set_limits(limits);
        self.events.extend(turn.events);
        self.write_of(&shadow)
    }
}

impl TurnLog for RunLog {
    fn log(&mut self, session: &Session, input: Option<Input>, turn: &SessionTurn) -> Result<Option<Logged>, Error> {
        if let Some(outcome) = &turn.outcome {
            let write = self.log_end(session, input, turn, outcome)?;
            return Ok(Some(self.write(write)));
        }
        let was_cancelled = matches!(input, Some(Input::Cancel));
        if let Some(shadow) = self.shadow.take() {
            self.ending.extend(turn.events.iter().cloned());
            let write = self.log_stopping(shadow, session.now(), input)?;
            return Ok(Some(self.write(write)));
        }
        if was_cancelled {
            self.ending.extend(turn.events.iter().cloned());
            let Some(shadow) = self.shadow(self.policy.clone())? else { return Ok(None) };
            let write = self.log_stopping(shadow, session.now(), None)?;
            return Ok(Some(self.write(write)));
        }
        self.events.extend(turn.events.iter().cloned());
        if let Some(input @ Input::Progress { .. }) = input {
            let unsettled = session.pending().filter(|pending| pending.written && !pending.idempotent);
            if unsettled.map(|pending| pending.call).all(|call| self.unsettled.contains(&call)) {
                // What gets on may be sent again: nothing is lost with it.
                self.since.push((session.now(), input));
                return Ok(None);
            }
        }
        let write = self.write_of(session)?;
        let waits = !write.sent.is_empty() || !write.settled.is_empty();
        let logged = self.write(write);
        Ok(waits.then_some(logged))
    }
}

impl Drop for RunLog {
    /// A run that is given up in the middle can go on at once.
    fn drop(&mut self) {
        self.journal.shared.writer.unwatch(&self.run);
        self.journal.release(&self.run, &self.owner);
    }
}

/// The texts of a program, by their hashes.
fn texts(journal: &Journal, key: &JournalKey, program: &Program) -> Vec<(String, Sealing)> {
    let sources = || program.sources.iter().map(|(_, source)| source);
    let uris = sources().map(|source| source.uri.as_str()).collect::<Vec<_>>().join("\n");
    let mut known = journal.shared.hashes.lock().unwrap_or_else(PoisonError::into_inner);
    let hashes = known.entry((program.fingerprint(), format!("{}\n{uris}", key.id()))).or_insert_with(|| {
        sources().map(|source| key.hash(&[b"text", source.uri.as_bytes(), source.text.as_bytes()])).collect()
    });
    let hashes = hashes.clone();
    let sealed = |(hash, source): (String, &arazzo_engine::source::Source)| {
        let (key, uri, text, place) = (key.clone(), source.uri.clone(), source.text.clone(), hash.clone());
        let sealing: Sealing = Box::new(move || {
            let kept = KeptText { uri, text: text.to_string() };
            key.encrypt(&place, &kept.compressed()?)
        });
        (hash, sealing)
    };
    hashes.into_iter().zip(sources()).map(sealed).collect()
}

/// The events of the attempts of each step, so that those in the middle of many can be dropped.
#[derive(Debug, Default)]
struct History(BTreeMap<(String, Option<String>), Attempts>);

#[derive(Debug, Default)]
struct Attempts {
    /// The number of attempts so far, and the one that goes on.
    count: usize,
    current: Option<(u32, Option<u32>, Option<u32>)>,
    /// The numbers of the events of the last attempts.
    last: VecDeque<Vec<u64>>,
}

impl History {
    /// Takes in an event, and gives the numbers of those that are not kept any more.
    fn add(&mut self, envelope: &Envelope) -> Vec<u64> {
        let event = &envelope.event;
        if event.step.is_none() && event.frame == 0 {
            return vec![];
        }
        let attempts = self.0.entry((event.workflow.clone(), event.step.clone())).or_default();
        let current = Some((event.frame, event.visit, event.attempt));
        if attempts.current != current {
            attempts.current = current;
            attempts.count += 1;
            attempts.last.push_back(vec![]);
        }
        if attempts.count <= ATTEMPTS {
            attempts.last.clear();
            return vec![];
        }
        if let Some(last) = attempts.last.back_mut() {
            last.push(envelope.seq);
        }
        if attempts.last.len() > ATTEMPTS { attempts.last.pop_front().unwrap_or_default() } else { vec![] }
    }
}
