//! A run of a journal goes on: it gets an owner, its documents are read again as they were, and what is in doubt is decided.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use arazzo_engine::limits::{Limits, Millis, Servers};
use arazzo_engine::machine::message::ChannelInput;
use arazzo_engine::machine::{
    CallId, Failure, FailureKind, Input, NoSuchStep, Outcome, Outgoing, PendingRequest, Response, Secrets,
};
use arazzo_engine::value::Json;
use rusqlite::{OptionalExtension as _, params};
use serde::{Deserialize, Serialize};

use crate::builder::Builder;
use crate::channel::SEND;
use crate::description::Description;
use crate::drivers::live::{self, Interrupt, RunChannels, Ways};
use crate::drivers::recorder::Taken;
use crate::drivers::replay::{Drift, DriftKind, Replay};
use crate::envelope::Envelope;
use crate::error::Error;
use crate::journal::course::{TAKEN_BACK, enters};
use crate::journal::owner::Owner;
use crate::journal::renewal::Renewal;
use crate::journal::run_log::{RunLog, Sealed};
use crate::journal::store::{Journal, JournaledRun, RunState};
use crate::journal::write::Part;
use crate::session::{Session, StoredSession};
use crate::step_outputs::StepOutputs;
use crate::workflow::Workflow;

/// A run that this process has, and that does not go on yet. Dropped, it is given back.
pub struct Resumption {
    journal: Journal,
    run: JournaledRun,
    claim: Claim,
}

/// This process has a run, until it is dropped.
struct Claim(Journal, String, Arc<Owner>);

impl Drop for Claim {
    fn drop(&mut self) {
        // Whoever drops it lets another one have the run from then on. A process that cannot write has it until it ends.
        let _ = self.0.release_now(&self.1, &self.2);
    }
}

/// A run whose documents were read: it can go on.
pub struct Resumed {
    journal: Journal,
    run: String,
    workflow: Workflow,
    session: Session,
    stored: (StoredSession, Secrets),
    state: RunState,
    /// When it was last seen, in ms since 1970.
    alive: i64,
    decisions: BTreeMap<CallId, Decision>,
    /// What was said of the run since.
    changes: Vec<Taken>,
    /// What is kept of it with other permissions.
    setup: Option<String>,
    /// What it is with other documents.
    renewal: Option<Renewal>,
    /// The last of its fields: it is given back when all else is gone.
    claim: Claim,
}

/// A request that may not be sent twice, and of which it is not known whether it arrived. All text is masked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InDoubt {
    /// The call.
    pub call: CallId,
    /// The step that waits for it.
    pub step: String,
    /// `POST`; `SEND` for a message.
    pub method: String,
    /// The whole url; the channel of a message.
    pub url: String,
    /// The body, as far as it is text.
    pub body: Option<String>,
}

impl InDoubt {
    /// `true` for a message to a channel, which is not sent again.
    #[must_use]
    pub fn is_message(&self) -> bool {
        self.method == SEND
    }
}

/// What is done about a request in doubt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Decision {
    /// It is sent again: if it did arrive, its server acts twice.
    Retry,
    /// There is no answer: the step fails, and its `onFailure` runs.
    Fail,
    /// This was the answer.
    Answer(Response),
}

/// Reads an answer as people write it: `{"status": 201, "headers": {…}, "body": …}`; a body that is no text is JSON.
///
/// # Errors
/// What is wrong with it; nothing of it is shown.
pub fn read_answer(text: &str) -> Result<Response, String> {
    let json = Json::read(text).map_err(|error| format!("it is not JSON: line {}", error.line()))?;
    let status = json.get("status").and_then(Json::as_u64).and_then(|status| u16::try_from(status).ok());
    let status = status.filter(|status| (100..600).contains(status));
    let status = status.ok_or("it has no `status` from 100 to 599")?;
    let mut headers = vec![];
    if let Some(given) = json.get("headers") {
        let Json::Object(given) = given else { return Err("`headers` is no object".to_owned()) };
        for (name, value) in given.iter() {
            headers.push((name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
        }
    }
    let body = match json.get("body") {
        None => vec![],
        Some(Json::String(text)) => text.as_bytes().to_vec(),
        Some(other) => {
            if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
                headers.push(("content-type".to_owned(), "application/json".to_owned()));
            }
            other.to_string().into_bytes()
        }
    };
    Ok(Response { status, headers, body })
}

/// Bytes of a body that are shown.
const SHOWN: usize = 2_000;

impl Journal {
    /// Makes this process the owner of a run that has none, so that it can go on; also of one that has ended, whose outcome
    /// can be read again.
    ///
    /// # Errors
    /// [`Error::Setup`] if there is no such run, another process has it, or the key is another one; [`Error::Journal`] if the
    /// file cannot be written.
    pub fn resume(&self, run: &str) -> Result<Resumption, Error> {
        let run = self.run(run)?;
        self.check_key(&run)?;
        let owner = self.claim(&run)?;
        let claim = Claim(self.clone(), run.id.clone(), owner);
        Ok(Resumption { journal: self.clone(), run, claim })
    }
}

impl Journal {
    /// Writes that a run goes on, with all that is new about it.
    fn goes_on(
        &self,
        (run, owner): (&str, &str),
        setup: Option<String>,
        renewal: Option<Renewal>,
    ) -> Result<(), Error> {
        let (run, owner) = (run.to_owned(), owner.to_owned());
        self.shared.writer.write_now(move |connection| {
            let goes_on = connection.execute(
                "UPDATE runs SET status = 'running', exit = NULL, reason = NULL, outcome = NULL, ending = NULL
                 WHERE id = ?1 AND owner = ?2",
                params![run, owner],
            )?;
            if goes_on == 0 {
                return Ok(());
            }
            connection.execute("UPDATE inputs SET part = ?2 WHERE run = ?1 AND part = 1", params![run, TAKEN_BACK])?;
            connection.execute("UPDATE inputs SET part = 0 WHERE run = ?1 AND part = 2", [&run])?;
            if let Some(setup) = setup {
                connection.execute("UPDATE runs SET setup = ?2 WHERE id = ?1", params![run, setup])?;
            }
            match renewal {
                Some(renewal) => renewal.apply(&run, connection),
                None => Ok(()),
            }
        })
    }
}

impl Resumption {
    /// The run.
    #[must_use]
    pub fn run(&self) -> &JournaledRun {
        &self.run
    }

    /// The outcome of a run that has ended.
    ///
    /// # Errors
    /// [`Error::Setup`] if it cannot be read.
    pub fn outcome(&self) -> Result<Option<Outcome>, Error> {
        let connection = self.journal.read()?;
        let sealed = connection.query_row("SELECT outcome FROM runs WHERE id = ?1", [&self.run.id], |row| row.get(0));
        let sealed: Option<Vec<u8>> = self.journal.db(sealed.optional())?.flatten();
        sealed.map(|sealed| self.journal.decrypted(&self.run.id, &sealed)).transpose()
    }

    /// Opens the documents of the run, as they were and as they were read. How servers are reached, who tells the time and
    /// what settings are called is still to be said; what else can be said of documents is as it was.
    ///
    /// # Errors
    /// [`Error::Setup`] if they cannot be read.
    pub fn builder(&self) -> Result<Builder, Error> {
        let (setup, texts) = self.journal.documents_of(&self.run.id)?;
        Ok(setup.builder(texts))
    }

    /// Reads the documents, and puts the run together again.
    ///
    /// # Errors
    /// As [`Builder::load_blocking`]; [`Error::Setup`] if the run is none of these documents or of this version.
    pub fn load(self, builder: Builder) -> Result<Resumed, Error> {
        let connection = self.journal.read()?;
        let state = connection.query_row("SELECT state, secrets FROM states WHERE run = ?1", [&self.run.id], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?))
        });
        let Some((state, sealed)) = self.journal.db(state.optional())? else {
            return Err(Error::Setup(format!("the run `{}` ended before it waited for anything", self.run.id)));
        };
        let stored: StoredSession =
            serde_json::from_str(&state).map_err(|error| self.journal.unreadable(&self.run.id, &error))?;
        let Sealed { secrets, answers } = self.journal.decrypted(&self.run.id, &sealed)?;
        let workflow = builder.load_blocking()?.begun_workflow(&self.run.workflow)?;
        let mut resumed = self.resumed(workflow, (stored, secrets))?;
        // What was answered when the run stopped is not asked again.
        resumed.decisions = answers.into_iter().filter_map(answered).collect();
        Ok(resumed)
    }

    fn resumed(self, workflow: Workflow, stored: (StoredSession, Secrets)) -> Result<Resumed, Error> {
        let session = Session::restore(&workflow, stored.0.clone(), stored.1.clone())?;
        let (journal, run, state, alive) = (self.journal, self.run.id, self.run.state, self.run.alive);
        let (decisions, changes, claim) = (BTreeMap::new(), vec![], self.claim);
        let mut resumed = Resumed {
            journal,
            run,
            workflow,
            session,
            stored,
            state,
            alive,
            decisions,
            changes,
            setup: None,
            renewal: None,
            claim,
        };
        resumed.give_servers()?;
        Ok(resumed)
    }

    /// Opens the documents of the run as they are now, to go on with them ([`Resumption::load_now`]). As for
    /// [`Resumption::builder`], the network is still to be said.
    ///
    /// # Errors
    /// [`Error::Setup`] if the journal cannot be read.
    pub fn builder_now(&self) -> Result<Builder, Error> {
        Ok(self.journal.documents_of(&self.run.id)?.0.builder_now())
    }

    /// Plays what the run has done so far with other documents, without a server; up to where a step begins, if the run is to
    /// begin again there. It goes on with them where nothing drifts.
    ///
    /// # Errors
    /// [`Error::Setup`] if something that the run took in is not kept, or cannot be compared as it looks into a secret;
    /// [`Error::Inputs`] if the workflow does not take the inputs of the run.
    pub fn replay(&self, description: &Description, from: Option<&str>) -> Result<Replay, Error> {
        let (setup, texts) = self.journal.documents_of(&self.run.id)?;
        let begun = setup.builder(texts).load_blocking()?.begun_workflow(&self.run.workflow)?;
        let mut course = self.journal.course(&self.run)?;
        let visit = from.map(|step| course.cut_at(step, &self.journal.events(&self.run.id)?)).transpose()?;
        let recording = course.record(&begun)?;
        if let Some(what) = recording.unlike() {
            return Err(Error::Setup(format!(
                "it is not known whether the run `{}` would have gone so with other documents: from {what} on, something looks into the value of a secret",
                self.run.id
            )));
        }
        let mut comes_to_it = false;
        let is_there = |envelope: &Envelope| {
            let same_visit = visit.is_none_or(|visit| envelope.event.visit.unwrap_or(1) == visit);
            same_visit && from.is_some_and(|step| enters(envelope, step))
        };
        let mut replay = description.replay(&recording, |envelope| comes_to_it |= is_there(envelope))?;
        if let (Some(from), Some(visit), true) = (from, visit, comes_to_it) {
            // What the step does is yet to come, and so is the end.
            let is_over =
                |drift: &Drift| drift.kind != DriftKind::OutcomeChanged && (drift.step != from || drift.visit < visit);
            replay.drifts.retain(is_over);
        }
        Ok(replay)
    }

    /// As [`Resumption::load`], with other documents, and from a step on if the run failed. What the run has done so far is as
    /// these documents want it.
    ///
    /// # Errors
    /// As [`Resumption::replay`]; [`Error::Setup`] if something drifts.
    pub fn load_now(self, description: &Description, from: Option<&str>) -> Result<Resumed, Error> {
        let count = self.replay(description, from)?.drifts.len();
        let id = &self.run.id;
        if count > 0 {
            let what = if count == 1 { "one difference".to_owned() } else { format!("{count} differences") };
            let message = format!("the run `{id}` would not have gone so with these documents: {what}");
            return Err(Error::Setup(message));
        }
        let workflow = description.begun_workflow(&self.run.workflow)?;
        let mut course = self.journal.course(&self.run)?;
        if let Some(step) = from {
            course.cut_at(step, &self.journal.events(id)?)?;
        }
        course.with_documents(&workflow)?;
        let (mut session, mut events) = course.retell(&workflow)?;
        let mut changes = vec![];
        if let Some(step) = from {
            events.truncate(events.iter().rposition(|event| enters(event, step)).unwrap_or(events.len()));
            let again = session.begin_again(step, events.len() as u64);
            again.map_err(|NoSuchStep(steps)| no_such_step(step, &steps))?;
            changes.push(Taken::BegunAgain { step: step.to_owned() });
        }
        let (stored, secrets) = session.stored()?;
        let place = (&self.journal, id.as_str());
        let renewal = Renewal::of(place, description, &course, (&stored, &secrets), events)?;
        let mut resumed = self.resumed(workflow, (stored, secrets))?;
        resumed.changes.extend(changes);
        resumed.renewal = Some(renewal);
        Ok(resumed)
    }
}

/// What becomes of the calls in flight: requests that are sent, and the ends of the others.
fn in_flight(session: &Session, decisions: &mut BTreeMap<CallId, Decision>) -> (Vec<Outgoing>, VecDeque<Input>) {
    let (mut sends, mut inputs): (Vec<Outgoing>, VecDeque<Input>) = Default::default();
    for call in session.calls().collect::<Vec<_>>() {
        let result = match (decisions.remove(&call), session.permitted(call)) {
            (None | Some(Decision::Retry), Some(Ok(outgoing))) => {
                sends.push(outgoing);
                continue;
            }
            // Whatever the answer is: the message counts as accepted.
            (Some(Decision::Answer(_)), None) if session.channel_of(call).is_some() => {
                inputs.push_back(Input::Channel(ChannelInput::Sent { call, result: Ok(()) }));
                continue;
            }
            (Some(Decision::Answer(response)), _) => Ok(response),
            (Some(Decision::Fail), _) => Err(Failure {
                kind: FailureKind::GivenUp,
                message: "it is not known whether the request arrived: the process ended before its answer came"
                    .to_owned(),
                in_doubt: true,
            }),
            (_, Some(Err(message))) => Err(Failure { kind: FailureKind::Refused, message, in_doubt: false }),
            (_, None) if session.channel_of(call).is_some() => Err(Failure {
                kind: FailureKind::GivenUp,
                message: "it is not known whether it has arrived: the process ended before it was accepted".to_owned(),
                in_doubt: true,
            }),
            (_, None) => {
                let message = "the request cannot be made again".to_owned();
                Err(Failure { kind: FailureKind::Refused, message, in_doubt: true })
            }
        };
        inputs.push_back(Input::Reply { call, result });
    }
    (sends, inputs)
}

fn no_such_step(step: &str, steps: &[String]) -> Error {
    Error::Setup(format!("the workflow has no step `{step}`; it has {}", steps.join(", ")))
}

/// The call that an input answers, and the answer.
fn answered(input: Input) -> Option<(CallId, Decision)> {
    match input {
        Input::Reply { call, result: Ok(response) } => Some((call, Decision::Answer(response))),
        _ => None,
    }
}

impl Resumed {
    /// The workflow, of the documents as they were when the run began.
    #[must_use]
    pub fn workflow(&self) -> &Workflow {
        &self.workflow
    }

    /// The events so far, as [`Journal::events`] gives them, without those of an end.
    ///
    /// # Errors
    /// [`Error::Setup`] if they cannot be read.
    pub fn events(&self) -> Result<Vec<Envelope>, Error> {
        let mut events = match &self.renewal {
            Some(renewal) => renewal.events.clone(),
            None => self.journal.events(&self.run)?,
        };
        let seq = self.session.seq();
        events.retain(|envelope| envelope.seq < seq);
        Ok(events)
    }

    /// Requests of which it has to be decided what to do before the run can go on.
    #[must_use]
    pub fn in_doubt(&self) -> Vec<InDoubt> {
        let open = self.session.pending().filter(|pending| pending.written && !pending.repeatable);
        let undecided = open.filter(|pending| !self.decisions.contains_key(&pending.call));
        let shown = |call: CallId| {
            let step = self.session.step_of(call).unwrap_or_default().to_owned();
            if let Some(url) = self.session.channel_of(call) {
                return Some(InDoubt { call, step, method: SEND.to_owned(), url, body: None });
            }
            let request = self.session.outgoing(call)?.request;
            let body = request.body.and_then(|body| String::from_utf8(body).ok());
            Some(InDoubt {
                call,
                step,
                method: self.session.mask(&request.method),
                url: self.session.mask(&request.url),
                body: body.map(|body| self.session.mask(&body).chars().take(SHOWN).collect()),
            })
        };
        undecided.filter_map(|pending| shown(pending.call)).collect()
    }

    /// Keeps the outputs of single steps, as [`Workflow::keep_step_outputs`] does.
    pub fn keep_step_outputs(&mut self, outputs: &StepOutputs) {
        self.workflow = self.workflow.clone().keep_step_outputs(outputs);
    }

    /// Decides about a request in doubt.
    pub fn decide(&mut self, call: CallId, decision: Decision) {
        self.decisions.insert(call, decision);
    }

    /// Lets the run call the servers and hosts that were given when its documents were opened, in the place of those of then.
    fn give_servers(&mut self) -> Result<(), Error> {
        let given = &self.workflow.description.settings;
        let mut called = self.session.servers();
        let Servers { all, named, variables } = given.servers.clone();
        if all.is_some() {
            called.servers.named.clear();
        }
        called.servers.all = all.or(called.servers.all);
        called.servers.named.extend(named);
        called.servers.variables.extend(variables);
        for host in &given.allowed_hosts {
            if !called.allowed_hosts.contains(host) {
                called.allowed_hosts.push(host.clone());
            }
        }
        if called == self.session.servers() {
            return Ok(());
        }
        self.session.set_servers(called.clone());
        self.changes.push(Taken::Servers(Box::new(called)));
        let setup = self.journal.documents_of(&self.run)?.0.with_policy(self.workflow.description.world.grants.clone());
        self.setup = Some(serde_json::to_string(&setup).map_err(|error| Error::Setup(error.to_string()))?);
        Ok(())
    }

    /// The limits of the run.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.session.limits()
    }

    /// Lets the run go on with other limits: one that reached a limit would stop there again.
    pub fn set_limits(&mut self, limits: Limits) {
        if limits != self.session.limits() {
            self.changes.push(Taken::Limits(Box::new(limits.clone())));
        }
        self.session.set_limits(limits);
    }

    /// Lets a run that failed begin again at a step of the workflow that was run, with what its steps have given by now.
    ///
    /// # Errors
    /// [`Error::Setup`] if there is no such step, with those that there are; if the run has not failed, as one that is in the
    /// middle of something would leave that behind.
    pub fn begin_again(&mut self, step: &str) -> Result<(), Error> {
        if self.state != RunState::Failed {
            let (run, state) = (&self.run, self.state.word());
            return Err(Error::Setup(format!(
                "the run `{run}` has not failed, but is {state}: it goes on where it is"
            )));
        }
        let ending = self.journal.events(&self.run)?;
        let ends = |envelope: &&Envelope| {
            matches!(envelope.event.kind, arazzo_engine::event::EventKind::WorkflowFinished { .. })
        };
        let seq = ending.iter().rfind(ends).map_or(self.session.seq(), |envelope| envelope.seq);
        let again = self.session.begin_again(step, seq);
        again.map_err(|NoSuchStep(steps)| no_such_step(step, &steps))?;
        self.changes.push(Taken::BegunAgain { step: step.to_owned() });
        Ok(())
    }

    /// Goes on with the run, to its end. Every event that happens from now on goes to `observe`.
    ///
    /// # Errors
    /// [`Error::InDoubt`] if something is to be decided before; [`Error::Journal`] if the journal cannot be written.
    pub async fn run(self, interrupt: &Interrupt, observe: impl FnMut(&Envelope)) -> Result<Outcome, Error> {
        let undecided = self.in_doubt();
        if !undecided.is_empty() {
            let named = |one: &InDoubt| format!("{} {} (step `{}`)", one.method, one.url, one.step);
            return Err(Error::InDoubt(undecided.iter().map(named).collect()));
        }
        let again = self.decisions.iter().find(|(_, decision)| matches!(decision, Decision::Retry));
        if let Some((step, channel)) = again.and_then(|(call, _)| {
            Some((self.session.step_of(*call).unwrap_or_default(), self.session.channel_of(*call)?))
        }) {
            return Err(Error::Setup(format!(
                "the message of step `{step}` to channel `{channel}` is not sent again: decide that it failed, or that it was accepted"
            )));
        }
        self.workflow.check_channels()?;
        let Self { journal, run, workflow, mut session, stored, state: _, alive, mut decisions, changes, .. } = self;
        let (setup, renewal, claim) = (self.setup, self.renewal, self.claim);
        let world = &workflow.description.world;
        world.available().map_err(Error::Setup)?;
        let since_began = |ms: i64| u64::try_from(ms.saturating_sub(session.epoch_ms())).unwrap_or(0);
        let wall = i64::try_from(world.clock.wall().as_millis()).unwrap_or(i64::MAX);
        let at: Millis = since_began(wall).max(session.now());
        let gap = at.saturating_sub(since_began(alive).max(session.now()));

        let left: Vec<PendingRequest> = session.pending().filter(|pending| pending.written).collect();
        let unsettled: BTreeSet<CallId> = left.iter().filter(|one| !one.idempotent).map(|one| one.call).collect();
        let (sends, inputs) = in_flight(&session, &mut decisions);
        let sent_before = |call: &CallId| left.iter().any(|pending| pending.call == *call);
        let again: Vec<CallId> = sends.iter().map(|outgoing| outgoing.call).filter(sent_before).collect();
        let seq = session.seq();
        session.resume_at(at, gap, &again);
        journal.goes_on((&run, &claim.2.id), setup, renewal)?;
        let number = journal.next_input(&run)?;
        let description = &workflow.description;
        let mut log = RunLog::resume(&journal, description, (&run, stored), (unsettled, number), interrupt)?;
        for taken in changes.into_iter().chain([Taken::Resumed { away_ms: gap, again }]) {
            log.keep(&session, seq, taken, Part::Both)?;
        }
        let resumed = live::Resumed { at: Duration::from_millis(at), sends, inputs };
        let channels = description.link()?.map(|link| RunChannels::new(Some(link)));
        let ways = Ways { log: Some(Box::new(log)), resumed, channels, ..Ways::default() };
        let step_outputs = workflow.step_outputs.clone();
        let finish = move |session: Session| step_outputs.into_iter().for_each(|outputs| outputs.fill(&session));
        let (outcome, ()) = live::run(session, (world, ways), interrupt, observe, finish).await?;
        drop(claim);
        Ok(outcome)
    }
}
