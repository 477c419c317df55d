//! A run that is written into a journal while it runs.
//!
//! What is kept is the state after the last turn that mattered, in the place of the one before, so that a run that polls for
//! a day is not larger than one that polls for a minute. A request that may not be sent twice waits until the state that
//! knows it to have left is on the disk. A run that is stopped keeps the state that it would have gone on with.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, PoisonError};

use arazzo_engine::event::{EventKind, RunStatus};
use arazzo_engine::limits::Millis;
use arazzo_engine::machine::message::ChannelInput;
use arazzo_engine::machine::{CallId, Input, Outcome, Secrets, Stop};
use arazzo_engine::program::Program;
use serde::{Deserialize, Serialize};

use crate::channel::SEND;
use crate::description::Description;
use crate::documents::location::name_of;
use crate::drivers::live::{Interrupt, Logged, TurnLog};
use crate::drivers::recorder::Taken;
use crate::drivers::recording::Head;
use crate::envelope::Envelope;
use crate::error::Error;
use crate::journal::key::JournalKey;
use crate::journal::owner::Owner;
use crate::journal::setup::{KeptText, Setup};
use crate::journal::store::Journal;
use crate::journal::write::{Begin, End, KeptInput, Part, RunWrite, Sealing, SentRequest, lines};
use crate::journal::writer::{Unwritten, now};
use crate::policy::permissions::RunPolicy;
use crate::session::{Session, SessionTurn, StoredSession};

/// Attempts of a step whose events are kept: so many of the first, and so many of the last.
const ATTEMPTS: usize = 32;

/// Bytes of a body that are kept whole: of a larger one, what the run took of it, and a hash.
pub(super) const WHOLE: usize = 64 << 10;

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
    /// Events that are not written yet, and what they followed from.
    events: Vec<Envelope>,
    inputs: Vec<KeptInput>,
    /// The number of the next input.
    number: u64,
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
        head: &Head,
        interrupt: &Interrupt,
    ) -> Result<Self, Error> {
        let key = journal.key()?.clone();
        let text = |error: serde_json::Error| Error::Setup(error.to_string());
        let setup = Setup::of(description);
        let begin = Begin {
            document: name_of(setup.document()),
            workflow: workflow.to_owned(),
            began: now(),
            key: key.id().to_owned(),
            texts: texts(journal, &key, description.program()),
            setup: serde_json::to_string(&setup).map_err(text)?,
            opening: key.encrypt(run, &serde_json::to_vec(head).map_err(text)?)?,
        };
        let mut log = Self::new(journal, key, description, run, interrupt)?;
        log.begin = Some(begin);
        Ok(log)
    }

    /// The log of a run that goes on with what was stored; `unsettled` are its requests that have left, and `number` is
    /// that of what it takes in next.
    ///
    /// # Errors
    /// [`Error::Setup`] if the journal has no key.
    pub(super) fn resume(
        journal: &Journal,
        description: &Description,
        (run, stored): (&str, (StoredSession, Secrets)),
        (unsettled, number): (BTreeSet<CallId>, u64),
        interrupt: &Interrupt,
    ) -> Result<Self, Error> {
        let mut log = Self::new(journal, journal.key()?.clone(), description, run, interrupt)?;
        (log.last, log.unsettled, log.number) = (Some(stored), unsettled, number);
        Ok(log)
    }

    /// Keeps what a run takes in.
    ///
    /// # Errors
    /// [`Error::Setup`] if it cannot be encrypted.
    pub(super) fn keep(&mut self, session: &Session, event: u64, taken: Taken, part: Part) -> Result<(), Error> {
        let (taken, cut) = self.cut(taken);
        let json = serde_json::to_vec(&taken).map_err(|error| Error::Setup(error.to_string()))?;
        let input = self.key.encrypt(&self.run, &json)?;
        self.inputs.push(KeptInput { event, number: self.number, ms: session.now(), part, cut, input });
        self.number += 1;
        Ok(())
    }

    /// What is kept of an input: of a large body, a keyed hash.
    fn cut(&self, mut taken: Taken) -> (Taken, Option<String>) {
        let body = match &mut taken {
            Taken::Input(Input::Reply { result: Ok(response), .. }) => &mut response.body,
            Taken::Input(Input::Channel(ChannelInput::Received { delivery, .. })) => &mut delivery.message.payload,
            _ => return (taken, None),
        };
        let cut = (body.len() > WHOLE).then(|| self.key.hash(&[b"body", &std::mem::take(body)]));
        (taken, cut)
    }

    /// Keeps an input, and what the policy refused because of it, which may be of another part.
    fn keep_turn(
        &mut self,
        session: &Session,
        input: Option<&Input>,
        turn: &SessionTurn,
        (part, refused): (Part, Part),
    ) -> Result<(), Error> {
        let event = turn.events.first().map_or(session.seq(), |envelope| envelope.seq);
        // The first turn of a run begins it, which is known.
        if input.is_some() || self.begin.is_none() {
            self.keep(session, event, Taken::Input(input.cloned().unwrap_or(Input::Tick)), part)?;
        }
        turn.refused.iter().try_for_each(|input| self.keep(session, event, Taken::Input(input.clone()), refused))
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
            inputs: vec![],
            number: 0,
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
            inputs: std::mem::take(&mut self.inputs),
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
    fn log_stopping(
        &mut self,
        mut shadow: Session,
        session: &Session,
        input: Option<Input>,
        turn: &SessionTurn,
    ) -> Result<RunWrite, Error> {
        let goes_on = matches!(input, Some(Input::Reply { .. } | Input::Progress { .. }));
        let part = if goes_on { Part::Both } else { Part::Ending };
        self.keep_turn(session, input.as_ref(), turn, (part, Part::Ending))?;
        if let Some(input) = input.filter(|_| goes_on) {
            shadow.apply(session.now(), input);
            let turn = shadow.turn(session.now());
            self.keep_refused(&shadow, &turn)?;
            self.events.extend(turn.events);
        }
        let write = self.write_of(&shadow)?;
        self.shadow = Some(shadow);
        Ok(write)
    }

    /// Keeps what the policy refused in the shadow.
    fn keep_refused(&mut self, shadow: &Session, turn: &SessionTurn) -> Result<(), Error> {
        let event = turn.events.first().map_or(shadow.seq(), |envelope| envelope.seq);
        let refused = turn.refused.iter().cloned().map(Taken::Input);
        refused.into_iter().try_for_each(|taken| self.keep(shadow, event, taken, Part::GoingOn))
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
                self.log_stop(*stop, session, input, turn)?
            }
            _ => {
                self.keep_turn(session, input.as_ref(), turn, (Part::Both, Part::Both))?;
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
    fn log_stop(
        &mut self,
        stop: Stop,
        session: &Session,
        input: Option<Input>,
        turn: &SessionTurn,
    ) -> Result<RunWrite, Error> {
        if let Some(shadow) = self.shadow.take() {
            return self.log_stopping(shadow, session, input, turn);
        }
        let now = session.now();
        let policy = match stop {
            Stop::Policy => RunPolicy::of_stub(self.policy.hosts.naming),
            Stop::Limit | Stop::Interrupt => self.policy.clone(),
        };
        let shadow = self.shadow(policy)?;
        let going_on = input.clone().filter(|input| !matches!(input, Input::Cancel));
        let (Some(mut shadow), Some(input)) = (shadow, going_on) else {
            self.keep_turn(session, input.as_ref(), turn, (Part::Ending, Part::Ending))?;
            return match self.shadow(self.policy.clone())? {
                Some(shadow) => self.write_of(&shadow),
                None => Ok(self.write_events()),
            };
        };
        let limits = shadow.limits();
        let mut raised = limits.clone();
        raised.requests = Some(limits.most_requests().saturating_add(BEYOND));
        raised.steps = limits.steps.saturating_add(BEYOND);
        raised.run_ms = Millis::MAX;
        shadow.set_limits(raised.clone());
        let event = shadow.seq();
        shadow.apply(now, input.clone());
        let beyond = shadow.turn(now);
        if beyond.outcome.is_some() {
            // What has come since is not in the state that it goes on with.
            self.inputs.iter_mut().for_each(|kept| kept.part = Part::Ending);
            self.keep_turn(session, Some(&input), turn, (Part::Ending, Part::Ending))?;
            return self.write_answered(input);
        }
        self.keep(&shadow, event, Taken::Limits(Box::new(raised)), Part::GoingOn)?;
        self.keep_turn(session, Some(&input), turn, (Part::Both, Part::Ending))?;
        self.keep_refused(&shadow, &beyond)?;
        self.keep(&shadow, event, Taken::Limits(Box::new(limits.clone())), Part::GoingOn)?;
        shadow.set_limits(limits);
        self.events.extend(beyond.events);
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
            let write = self.log_stopping(shadow, session, input, turn)?;
            return Ok(Some(self.write(write)));
        }
        if was_cancelled {
            self.ending.extend(turn.events.iter().cloned());
            let Some(shadow) = self.shadow(self.policy.clone())? else { return Ok(None) };
            let write = self.log_stopping(shadow, session, input, turn)?;
            return Ok(Some(self.write(write)));
        }
        self.keep_turn(session, input.as_ref(), turn, (Part::Both, Part::Both))?;
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
pub(super) fn texts(journal: &Journal, key: &JournalKey, program: &Program) -> Vec<(String, Sealing)> {
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
