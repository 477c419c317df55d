//! A workflow that can be run, any number of times and side by side.

#[cfg(feature = "mock")]
use std::sync::Arc;
use std::time::Duration;

use arazzo_engine as engine;
use arazzo_engine::code::Code;
use arazzo_engine::diagnostic::{Diagnostic, Diagnostics, Help, nearest};
use arazzo_engine::event::Interest;
#[cfg(feature = "mock")]
use arazzo_engine::event::{EventKind, Why};
use arazzo_engine::inputs::{InputFault, InputValues, accept, typed};
use arazzo_engine::limits::{AllowedHost, Servers, Settings, Warning};
use arazzo_engine::machine::{Machine, Outcome, Secrets, missing_credentials};
use arazzo_engine::plan::{PlannedStep, fill, plan};
use arazzo_engine::program::{Channel, Input, Step, WorkflowId};
use arazzo_engine::stand_in::StandIns;
use arazzo_engine::value::Json;

use crate::description::Description;
use crate::documents::location::name_of;
use crate::drivers::live::{Interrupt, RunChannels, Ways};
use crate::drivers::recorder::Recorder;
use crate::drivers::recording::{Head, Recording, RecordingHeader};
use crate::drivers::replay::{self, Replay};
use crate::drivers::stub::{Rehearsal, StubReplies};
use crate::drivers::{live, stub};
use crate::envelope::{Envelope, run_name};
use crate::error::Error;
use crate::inputs::{Inputs, parse_withheld};
#[cfg(feature = "journal")]
use crate::journal::{run_log::RunLog, store::Journal};
#[cfg(feature = "mock")]
use crate::mock;
use crate::network;
use crate::policy::permissions::{Permissions, RunPolicy};
use crate::remedy::Remedy;
use crate::runtime;
use crate::session::{Session, StoredSession};
use crate::step_outputs::StepOutputs;

/// A workflow that can be run, any number of times and side by side.
#[derive(Debug, Clone)]
pub struct Workflow {
    pub(crate) description: Description,
    pub(crate) id: WorkflowId,
    pub(crate) found: Diagnostics,
    interest: Interest,
    pub(crate) step_outputs: Option<StepOutputs>,
    #[cfg(feature = "journal")]
    journal: Option<Journal>,
}

impl Description {
    /// A workflow by its `workflowId`; without a name, the only one of the document.
    ///
    /// # Errors
    /// [`Error::NoSuchWorkflow`]; [`Error::Documents`] with everything that was found in it, if it has faults. Faults of
    /// other workflows do not matter.
    pub fn workflow(&self, name: Option<&str>) -> Result<Workflow, Error> {
        let (id, mut found) = self.find_workflow(name)?;
        let answered = |source: &str| self.is_mocked(source);
        found.extend(missing_credentials(self.program(), id, &self.settings.credentials, &answered));
        found.extend(self.notes.iter().cloned());
        if found.has_errors() {
            return Err(self.documents_error(found));
        }
        Ok(Workflow::of(self, id, found.worded(self.naming())))
    }

    /// A workflow without errors, and what is unusual about it.
    fn find_workflow(&self, name: Option<&str>) -> Result<(WorkflowId, Diagnostics), Error> {
        let program = self.program();
        let id = match name {
            Some(name) => program.workflow_named(name),
            None if program.own_workflows().count() == 1 => Some(WorkflowId(0)),
            None => None,
        };
        let Some(id) = id else {
            // A document that could not be read has no workflow to speak of: its faults say why.
            if self.compiled.description.has_errors() {
                return Err(self.documents_error(self.compiled.description.clone()));
            }
            let known: Vec<String> = self.workflows().map(str::to_owned).collect();
            let near = name.and_then(|name| nearest(name, known.iter().map(String::as_str)).map(str::to_owned));
            return Err(Error::NoSuchWorkflow { wanted: name.map(str::to_owned), known, nearest: near });
        };
        let found = self.compiled.of(id);
        if found.has_errors() { Err(self.documents_error(found)) } else { Ok((id, found)) }
    }

    /// As [`Description::workflow`], of one that others run: what it needs beside its inputs is given to them.
    ///
    /// # Errors
    /// As [`Description::workflow`].
    #[cfg(feature = "restate")]
    pub fn described_workflow(&self, name: Option<&str>) -> Result<Workflow, Error> {
        let (id, found) = self.find_workflow(name)?;
        Ok(Workflow::of(self, id, found.worded(self.naming())))
    }

    /// A workflow of which there is a run already: what it needs was given to that.
    ///
    /// # Errors
    /// As [`Description::workflow`].
    pub(crate) fn begun_workflow(&self, name: &str) -> Result<Workflow, Error> {
        let (id, found) = self.find_workflow(Some(name))?;
        Ok(Workflow::of(self, id, found))
    }

    /// Runs a recorded run again, without a socket and in virtual time: with the settings of then, and the answers of
    /// then. Every event goes to `observe`. If the documents are as they were, these are the events of the recorded run;
    /// if not, [`Replay::drifts`] says what is different, and where that is written.
    ///
    /// # Errors
    /// As [`Description::workflow`]; [`Error::Inputs`] if the workflow does not take the recorded inputs any more.
    pub fn replay(&self, recording: &Recording, observe: impl FnMut(&Envelope)) -> Result<Replay, Error> {
        let workflow = self.begun_workflow(recording.workflow())?;
        let id = workflow.id;
        let recorded = recording.head.inputs.clone();
        let secret = |name: &str| recording.head.secret.iter().any(|secret| secret == name);
        let inputs = match accept(self.program(), id, recorded.clone()) {
            Ok(accepted) => accepted,
            // A stand-in need not fit a schema that its secret fits.
            Err(faults) if faults.iter().all(|fault| secret(&fault.name)) => recorded,
            Err(faults) => return Err(self.inputs_error(faults)),
        };
        let mut settings = recording.settings();
        if !recording.changed(self.sources()).is_empty() {
            settings.warnings = workflow.collect_warnings();
        }
        let machine = workflow.begin_run(inputs, settings)?;
        let session = workflow.stub_session(machine, &recording.head.run, recording.head.epoch_ms);
        Ok(replay::play(recording, session, self.program(), observe))
    }
}

impl Workflow {
    fn of(description: &Description, id: WorkflowId, found: Diagnostics) -> Self {
        Self {
            description: description.clone(),
            id,
            found,
            interest: Interest::default(),
            step_outputs: None,
            #[cfg(feature = "journal")]
            journal: None,
        }
    }

    /// `workflowId`
    #[must_use]
    pub fn name(&self) -> &str {
        self.compiled().map(|workflow| workflow.name.as_str()).unwrap_or_default()
    }

    /// The inputs that it declares.
    pub fn inputs(&self) -> impl Iterator<Item = &Input> {
        self.compiled().into_iter().flat_map(|workflow| workflow.inputs.given())
    }

    /// The `stepId`s, in the order of the document.
    pub fn steps(&self) -> impl Iterator<Item = &str> {
        let program = self.description.program();
        let ids = self.compiled().map(|workflow| workflow.steps.as_slice()).unwrap_or_default();
        ids.iter().filter_map(|id| program.step(*id)).map(|step| step.name.as_str())
    }

    /// The names of the outputs that it declares.
    pub fn outputs(&self) -> impl Iterator<Item = &str> {
        self.compiled().into_iter().flat_map(|workflow| &workflow.outputs).map(|output| output.name.as_str())
    }

    /// Keeps the outputs of steps when a run ends: of every run of it, so that the last one counts.
    #[must_use]
    pub fn keep_step_outputs(mut self, outputs: &StepOutputs) -> Self {
        self.step_outputs = Some(outputs.clone());
        self
    }

    /// The names of the outputs of a step.
    pub fn outputs_of(&self, step: &str) -> impl Iterator<Item = &str> {
        let program = self.description.program();
        let ids = self.compiled().map(|workflow| workflow.steps.as_slice()).unwrap_or_default();
        let found = ids.iter().filter_map(|id| program.step(*id)).find(|known| known.name == step);
        found.into_iter().flat_map(|step| &step.outputs).map(|output| output.name.as_str())
    }

    /// Departures from the specification that are read as they were meant.
    pub fn warnings(&self) -> impl Iterator<Item = &Diagnostic> {
        self.found.warnings()
    }

    /// The document it is part of.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// The calls of each step, without calling.
    #[must_use]
    pub fn plan(&self) -> Vec<PlannedStep> {
        plan(self.description.program(), self.id, &self.description.settings.servers)
    }

    /// The calls of each step with these inputs, without calling: secrets are shown by their names.
    #[must_use]
    pub fn plan_with(&self, inputs: &Inputs) -> Vec<PlannedStep> {
        let mut steps = self.plan();
        let program = self.description.program();
        fill(&mut steps, (program, self.id), &self.description.settings, &inputs.values);
        steps
    }

    /// `true` if an input may be given as a file, whose bytes are kept: nothing says that it is a number, an object or
    /// the like.
    #[must_use]
    pub fn takes_file(&self, name: &str) -> bool {
        let input = self.inputs().find(|input| input.name == name);
        input.is_none_or(|input| input.types.is_empty() || input.types.iter().any(|kind| kind == "string"))
    }

    /// Converts text to the type that the schema declares for an input: what `--input name=text` means.
    ///
    /// # Errors
    /// [`InputFault`] if the text is none of its type; the message does not show it.
    pub fn typed(&self, name: &str, text: &str) -> Result<Json, InputFault> {
        match self.compiled() {
            Some(workflow) => typed(workflow, name, text).map_err(|mut fault| {
                fault.word(self.description.naming());
                fault
            }),
            None => Ok(Json::String(text.to_owned())),
        }
    }

    /// Parses the text of a file of inputs, as [`crate::parse_values`] does; messages show nothing of it but the names
    /// of inputs.
    ///
    /// # Errors
    /// As [`crate::parse_values`].
    pub fn parse_inputs(&self, name: &str, text: &str) -> Result<Json, Error> {
        parse_withheld(name, text, self.inputs().map(|input| input.name.as_str()))
    }

    /// `true` if it takes an input of this name, or one that it depends on does.
    #[must_use]
    pub fn takes(&self, name: &str) -> bool {
        self.compiled().is_some_and(|w| w.inputs.open || w.inputs.declares(name) || w.inputs.passes_on(name))
    }

    /// Makes only the events that are read of its runs and sessions: the others cost nothing. Without this, all are made; a
    /// run that is recorded or rehearsed makes all of them in any case.
    #[must_use]
    pub fn interest(mut self, interest: Interest) -> Self {
        self.interest = interest;
        self
    }

    /// Keeps every run of it in a journal while it runs: one whose process ends goes on with [`Journal::resume`].
    #[cfg(feature = "journal")]
    #[must_use]
    pub fn journaled(mut self, journal: &Journal) -> Self {
        self.journal = Some(journal.clone());
        self
    }

    /// The permissions that a run needs and was not given. A run without them is refused before its first request.
    #[must_use]
    pub fn missing_permissions(&self) -> Permissions {
        self.description.missing_permissions(self.name())
    }

    /// Gives the permissions that [`Workflow::missing_permissions`] said, after the user was asked.
    ///
    /// # Errors
    /// [`Error::Setup`] if something of the network cannot be used.
    pub fn permit(mut self, missing: &Permissions) -> Result<Self, Error> {
        let description = &mut self.description;
        description.world.grants.give(missing);
        description.settings.allowed_hosts.extend(missing.hosts.iter().flat_map(|host| AllowedHost::parse(host)));
        #[cfg(feature = "mock")]
        let mocked = description.mocking.is_some();
        #[cfg(not(feature = "mock"))]
        let mocked = false;
        description.world.transport = description.client.transport(&description.world.grants, mocked)?;
        Ok(self)
    }

    /// # Errors
    /// [`Error::Documents`] with everything that is missing.
    pub(crate) fn check_permissions(&self) -> Result<(), Error> {
        let missing = self.missing_permissions();
        if missing.is_empty() { Ok(()) } else { Err(self.description.documents_error(missing.refusal().into())) }
    }

    /// Checks inputs and servers as [`Workflow::run`] does before its first request.
    ///
    /// # Errors
    /// [`Error::Inputs`] with every fault of the inputs (JSON Schema 2020-12); [`Error::Documents`] if no server is known
    /// for an operation.
    pub fn check(&self, inputs: Inputs) -> Result<(), Error> {
        let description = &self.description;
        accept(description.program(), self.id, inputs.values).map_err(|faults| description.inputs_error(faults))?;
        Machine::check(description.program(), self.id, &description.settings)
            .map_err(|faults| description.documents_error(faults))
    }

    /// Runs the workflow. Every event goes to `observe` as it happens.
    ///
    /// # Errors
    /// As [`Workflow::check`]; [`Error::Documents`] if it is not allowed what it needs
    /// ([`Workflow::missing_permissions`]). A run that fails is `Ok`: see [`Outcome`].
    pub async fn run(&self, inputs: impl Into<Inputs>, observe: impl FnMut(&Envelope)) -> Result<Outcome, Error> {
        self.run_until(inputs, &Interrupt::new(), observe).await
    }

    /// As [`Workflow::run`], until `interrupt` stops it.
    ///
    /// # Errors
    /// As [`Workflow::check`].
    pub async fn run_until(
        &self,
        inputs: impl Into<Inputs>,
        interrupt: &Interrupt,
        observe: impl FnMut(&Envelope),
    ) -> Result<Outcome, Error> {
        self.drive(inputs.into(), interrupt, false, observe, drop).await.map(|(outcome, ..)| outcome)
    }

    /// As [`Workflow::run_until`], and records the run: a file that can be replayed without a server, and without the
    /// secrets of the run. The recording has its own fault, so that the outcome is there in any case: the requests and
    /// answers are too large to keep ([`Limits::kept_bytes`](crate::Limits::kept_bytes)).
    ///
    /// # Errors
    /// As [`Workflow::check`].
    pub async fn record(
        &self,
        inputs: impl Into<Inputs>,
        interrupt: &Interrupt,
        observe: impl FnMut(&Envelope),
    ) -> Result<(Outcome, Result<Recording, Error>), Error> {
        let credentials = self.description.settings.credentials.clone();
        let finish = move |session: Session| session.into_recorder(&credentials);
        let (outcome, (log, stand_ins), head) = self.drive(inputs.into(), interrupt, true, observe, finish).await?;
        let workflow = self.clone();
        // It is run again, with stand-ins.
        let recording = move || {
            let head = head.ok_or_else(|| Error::Setup("it was not recorded".to_owned()))?;
            workflow.recording_of(log, stand_ins, head)
        };
        Ok((outcome, runtime::beside(recording).await))
    }

    /// The recording of a run that began so and took this in.
    pub(crate) fn recording_of(&self, log: Recorder, stand_ins: StandIns, head: Head) -> Result<Recording, Error> {
        let begin = |inputs, settings, epoch_ms| self.begin_again(inputs, settings, "RECORDING", epoch_ms);
        Recording::of(log, stand_ins, (head, self.description.naming()), begin)
    }

    /// A run at its beginning, with inputs and settings as they were kept; nothing leaves.
    pub(crate) fn begin_again(
        &self,
        inputs: InputValues,
        settings: Settings,
        run: &str,
        epoch_ms: i64,
    ) -> Result<Session, Error> {
        Ok(self.stub_session(self.begin_run(inputs, settings)?, run, epoch_ms))
    }

    /// Inputs that documents of an earlier time have accepted.
    ///
    /// # Errors
    /// [`Error::Inputs`] if these do not.
    #[cfg(feature = "journal")]
    pub(crate) fn accept_again(&self, inputs: InputValues) -> Result<InputValues, Error> {
        accept(self.description.program(), self.id, inputs).map_err(|faults| self.description.inputs_error(faults))
    }

    /// What a run begins with.
    fn head(&self, accepted: InputValues, settings: Settings, session: &Session) -> Head {
        let marked = self.compiled().map(|workflow| &workflow.inputs.secret);
        let mut head = Head::of(RecordingHeader {
            document: name_of(&self.description.path),
            readings: self.description.readings,
            workflow: self.name().to_owned(),
            run: session.run().to_owned(),
            epoch_ms: session.epoch_ms(),
            inputs: accepted,
            secret: marked.into_iter().flatten().chain(&settings.secrets).cloned().collect(),
            settings,
            sources: self.description.sources(),
        });
        // What is said of the secrets is not to be seen in their stand-ins.
        head.set_warnings(session.warnings());
        head
    }

    /// Runs in virtual time with answers that stand ready, without a socket. Every event goes to `observe`.
    ///
    /// # Errors
    /// As [`Workflow::check`].
    pub fn rehearse(
        &self,
        inputs: impl Into<Inputs>,
        canned: StubReplies,
        observe: impl FnMut(&Envelope),
    ) -> Result<Rehearsal, Error> {
        let machine = self.build_machine(inputs.into(), &self.description.settings.servers)?;
        let session = self.stub_session(machine, "REHEARSAL", stub::EPOCH_MS);
        Ok(stub::rehearse(session, self.description.program(), canned, observe))
    }

    /// Runs; gives what `finish` makes of the session that has ended, and the settings of the machine if it `records`.
    async fn drive<T: Send + 'static>(
        &self,
        inputs: Inputs,
        interrupt: &Interrupt,
        records: bool,
        observe: impl FnMut(&Envelope),
        finish: impl FnOnce(Session) -> T + Send + 'static,
    ) -> Result<(Outcome, T, Option<Head>), Error> {
        self.check_permissions()?;
        self.description.world.available().map_err(Error::Setup)?;
        let step_outputs = self.step_outputs.clone();
        let finish = move |session: Session| {
            step_outputs.into_iter().for_each(|outputs| outputs.fill(&session));
            finish(session)
        };
        self.check_channels()?;
        #[cfg(feature = "mock")]
        if let Some(mocking) = &self.description.mocking {
            #[cfg(feature = "journal")]
            if self.journal.is_some() {
                return Err(Error::Setup("a mock ends with its run, which no journal can go on with".to_owned()));
            }
            return self.drive_mocked(mocking, inputs, interrupt, records, observe, finish).await;
        }
        let world = &self.description.world;
        let (session, kept) =
            self.begin_kept(inputs, &self.description.settings.servers, world.grants.clone(), records)?;
        let mut ways = self.ways(&session, kept.as_ref(), interrupt)?;
        ways.channels = self.description.link()?.map(|link| RunChannels::new(Some(link)));
        let (outcome, finished) = live::run(session, (world, ways), interrupt, observe, finish).await?;
        Ok((outcome, finished, kept))
    }

    /// The steps of it, and of the workflows that it runs, that send or receive, with their channels.
    pub(crate) fn channel_steps(&self) -> impl Iterator<Item = (&Step, &Channel)> {
        let program = self.description.program();
        let workflows = if program.has_channels() { program.reached(self.id) } else { vec![] };
        let workflows = workflows.into_iter().filter_map(|id| program.workflow(id));
        let steps = workflows.flat_map(|workflow| &workflow.steps).filter_map(|id| program.step(*id));
        steps.filter_map(|step| Some((step, program.channel_of(step)?)))
    }

    /// Before a run sends anything: where nothing connects to brokers, messages are for mocks alone.
    ///
    /// # Errors
    /// [`Error::Documents`] with every channel that would be connected to.
    pub(crate) fn check_channels(&self) -> Result<(), Error> {
        let program = self.description.program();
        let mut faults = Diagnostics::default();
        let mut said: Vec<&str> = vec![];
        for (step, channel) in self.channel_steps() {
            let Some(source) = program.source_of(step) else { continue };
            let Some(protocol) = channel.protocol(source, &self.description.settings.servers) else { continue };
            let mocked = self.description.is_mocked(source);
            if channel.is_webhook() && !mocked && !self.description.listens() {
                let message = format!("step `{}` receives a webhook, and nothing listens for it", step.name);
                let fault = Diagnostic::error(Code::UnknownServer, step.span, message);
                faults.push(fault.note(channel.span, "the webhook").remedy(Remedy::Listen));
                continue;
            }
            if mocked || self.description.connects_by(protocol) || said.contains(&source) {
                continue;
            }
            said.push(source);
            let message = format!("step `{}` needs a connection by {protocol}, and this build has none", step.name);
            let fault = Diagnostic::error(Code::UnsupportedProtocol, step.span, message);
            let (feature, _) = network::channel_feature(protocol);
            let help = format!("mock the source `{source}`, or use a build with the feature `{feature}`");
            faults.push(fault.note(channel.span, "the channel").help(help));
        }
        if faults.has_errors() { Err(self.description.documents_error(faults)) } else { Ok(()) }
    }

    /// The ways of the driver of a run that begins.
    #[cfg(feature = "journal")]
    fn ways(&self, session: &Session, head: Option<&Head>, interrupt: &Interrupt) -> Result<Ways, Error> {
        let (Some(journal), Some(head)) = (&self.journal, head) else { return Ok(Ways::default()) };
        let log = RunLog::begin(journal, &self.description, (self.name(), session.run()), head, interrupt)?;
        Ok(Ways { log: Some(Box::new(log)), ..Ways::default() })
    }

    #[cfg(not(feature = "journal"))]
    fn ways(&self, _: &Session, _: Option<&Head>, _: &Interrupt) -> Result<Ways, Error> {
        Ok(Ways::default())
    }

    /// As [`Workflow::drive`], with mocks that begin anew.
    #[cfg(feature = "mock")]
    async fn drive_mocked<T: Send + 'static>(
        &self,
        mocking: &mock::Mocking,
        inputs: Inputs,
        interrupt: &Interrupt,
        records: bool,
        mut observe: impl FnMut(&Envelope),
        finish: impl FnOnce(Session) -> T + Send + 'static,
    ) -> Result<(Outcome, T, Option<Head>), Error> {
        let (mut world, mut servers) = (self.description.world.clone(), self.description.settings.servers.clone());
        let (urls, server, asked) = mock::serve_run(&mocking.mock).await?;
        world.grants.answered_at(urls.values());
        if self.description.client.is_own() {
            world.transport = Arc::new(mock::MockRoutes::new(urls.values(), world.transport.clone())?);
        }
        servers.named.extend(urls);
        let mut made = self.example_inputs().values;
        made.retain(|name, value| inputs.values.get(name) == Some(value));
        let (session, kept) = self.begin_kept(inputs, &servers, world.grants.clone(), records)?;
        let next = asked.clone();
        let before: live::Before = Box::new(move |session, outgoing| next.expect(session.forecast(outgoing.call)));
        let broker = mocking.broker(&self.description.compiled.program, &servers);
        let link = self.description.link()?;
        let channels = broker.map(|broker| RunChannels::mocked(link, broker));
        let ways = Ways { skips_waits: mocking.skips_waits, before: Some(before), channels, ..Ways::default() };
        let explain = |why: &Why| asked.explain(&mocking.mock, self.description.program(), &made, why);
        let explained = |envelope: &Envelope| {
            let EventKind::RunFinished { why: Some(why), .. } = &envelope.event.kind else { return observe(envelope) };
            let more = explain(why);
            let mut envelope = envelope.clone();
            if let EventKind::RunFinished { why: Some(why), .. } = &mut envelope.event.kind {
                why.remarks.extend(more);
            }
            observe(&envelope);
        };
        let (mut outcome, finished) = live::run(session, (&world, ways), interrupt, explained, finish).await?;
        drop(server);
        if let Outcome::Failed { why, .. } = &mut outcome {
            let more = explain(why);
            why.remarks.extend(more);
        }
        Ok((outcome, finished, kept))
    }

    /// A run to be driven by somebody else: nothing is sent, and no clock is asked but for the time at which it begins.
    ///
    /// # Errors
    /// As [`Workflow::run`]; [`Error::Setup`] if sources are mocked, which takes servers.
    pub fn session(&self, inputs: impl Into<Inputs>) -> Result<Session, Error> {
        #[cfg(feature = "mock")]
        if self.description.mocking.is_some() {
            return Err(Error::Setup("sources are mocked by servers, which a session does not start".to_owned()));
        }
        self.check_permissions()?;
        let machine = self.build_machine(inputs.into(), &self.description.settings.servers)?;
        Ok(self.begin_session(machine, self.policy()))
    }

    /// A run that is kept elsewhere, under a name that was given to it, and that was not begun yet. Requests that may not be
    /// sent twice have keys that are the same whenever it is played.
    #[cfg(feature = "restate")]
    pub(crate) fn durable_session(&self, inputs: Inputs, run: &str) -> Result<Session, Error> {
        let (accepted, mut settings) = self.accepted(inputs, &self.description.settings.servers)?;
        settings.idempotency.seed = Some(run_name(self.description.world.clock.wall()));
        let machine = self.begin_run(accepted, settings)?;
        Ok(Session::new(machine, self.policy(), run.to_owned(), self.description.world.clock.wall()))
    }

    fn begin_session(&self, machine: Machine, policy: RunPolicy) -> Session {
        let started = self.description.world.clock.wall();
        let mut session = Session::new(machine, policy, run_name(started), started);
        // A journal keeps every event.
        #[cfg(feature = "journal")]
        let interest = if self.journal.is_some() { Interest::Wire } else { self.interest };
        #[cfg(not(feature = "journal"))]
        let interest = self.interest;
        session.set_interest(interest);
        session
    }

    /// A session, and what it begins with if it is recorded or kept in a journal.
    fn begin_kept(
        &self,
        inputs: Inputs,
        servers: &Servers,
        policy: RunPolicy,
        records: bool,
    ) -> Result<(Session, Option<Head>), Error> {
        #[cfg_attr(not(feature = "journal"), expect(unused_mut, reason = "changed for journals"))]
        let (accepted, mut settings) = self.accepted(inputs, servers)?;
        #[cfg(feature = "journal")]
        let is_kept = self.journal.is_some();
        #[cfg(not(feature = "journal"))]
        let is_kept = false;
        #[cfg(feature = "journal")]
        if is_kept {
            settings.idempotency.seed = Some(run_name(self.description.world.clock.wall()));
        }
        let begun = (records || is_kept).then(|| (accepted.clone(), settings.clone()));
        let most = settings.limits.kept_bytes;
        let mut session = self.begin_session(self.begin_run(accepted, settings)?, policy);
        let head = begun.map(|(accepted, settings)| self.head(accepted, settings, &session));
        if records {
            session.record(most);
        }
        Ok((session, head))
    }

    /// A session whose answers stand ready: nothing leaves.
    fn stub_session(&self, machine: Machine, run: &str, epoch_ms: i64) -> Session {
        let started = Duration::from_millis(u64::try_from(epoch_ms).unwrap_or(0));
        Session::new(machine, RunPolicy::of_stub(self.description.naming()), run.to_owned(), started)
    }

    /// The policy of its runs.
    fn policy(&self) -> RunPolicy {
        self.description.world.grants.clone()
    }

    /// Inputs made from the schema of the workflow: those that are required and have no default, if every source is
    /// mocked; none otherwise, since generated values must not reach a real server.
    #[cfg(feature = "mock")]
    #[must_use]
    pub fn example_inputs(&self) -> Inputs {
        let mocking = self.description.mocking.as_ref().filter(|mocking| mocking.everything);
        let found = mocking.and_then(|mocking| mocking.inputs.get(self.id.0 as usize));
        Inputs::from(found.cloned().unwrap_or_default())
    }

    fn build_machine(&self, inputs: Inputs, servers: &Servers) -> Result<Machine, Error> {
        let (accepted, settings) = self.accepted(inputs, servers)?;
        self.begin_run(accepted, settings)
    }

    /// The inputs of a run as they are accepted, and its settings.
    fn accepted(&self, inputs: Inputs, servers: &Servers) -> Result<(InputValues, Settings), Error> {
        let accepted = accept(self.description.program(), self.id, inputs.values)
            .map_err(|faults| self.description.inputs_error(faults))?;
        let mut settings = self.description.settings.clone();
        settings.servers.clone_from(servers);
        settings.files = inputs.files;
        for (name, file) in &mut settings.files {
            file.text = self.compiled().is_some_and(|workflow| workflow.inputs.is_plain_text(name));
        }
        settings.warnings.extend(self.collect_warnings());
        Ok((accepted, settings))
    }

    /// Its warnings, as its events say them.
    pub(crate) fn collect_warnings(&self) -> Vec<Warning> {
        let worded = |found: &Diagnostic| Warning {
            code: found.code,
            message: found.message.clone(),
            help: found.help.as_ref().map(Help::to_string),
            span: found.span,
        };
        self.found.warnings().map(worded).collect()
    }

    /// A machine for inputs that were accepted.
    fn begin_run(&self, accepted: InputValues, settings: Settings) -> Result<Machine, Error> {
        Machine::new(self.description.compiled.program.clone(), self.id, accepted, settings)
            .map_err(|faults| self.description.documents_error(faults))
    }

    fn compiled(&self) -> Option<&engine::program::Workflow> {
        self.description.program().workflow(self.id)
    }
}

impl Session {
    /// Goes on with a run that was stored, in this process or another one. Calls that were in flight are still expected:
    /// give them their answers, or a failure that says whether they may have arrived.
    ///
    /// # Errors
    /// [`Error::Setup`] if it is not a run of this workflow's documents and of this version, or the secrets are others.
    pub fn restore(workflow: &Workflow, stored: StoredSession, secrets: Secrets) -> Result<Self, Error> {
        Self::restored(workflow.description.compiled.program.clone(), workflow.policy(), stored, secrets)
    }
}
