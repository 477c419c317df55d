//! A workflow that can be run, any number of times and side by side.

#[cfg(feature = "mock")]
use std::sync::Arc;

use arazzo_engine as engine;
use arazzo_engine::diagnostic::{Diagnostic, Diagnostics, Help};
use arazzo_engine::inputs::{InputFault, InputValues, accept, typed};
use arazzo_engine::limits::{AllowedHost, Servers, Settings, Warning};
use arazzo_engine::machine::{Machine, Outcome};
use arazzo_engine::plan::{PlannedStep, plan};
use arazzo_engine::program::{Input, WorkflowId};
use serde_json::Value as Json;

use crate::description::Description;
use crate::documents::location::name_of;
use crate::drivers::live::Interrupt;
use crate::drivers::record::Recording;
use crate::drivers::stub::{Rehearsal, StubReplies};
use crate::drivers::{live, record, stub};
use crate::envelope::Envelope;
use crate::error::Error;
use crate::inputs::{Inputs, parse_withheld};
#[cfg(feature = "mock")]
use crate::mock;
use crate::policy::permissions::Permissions;

/// A workflow that can be run, any number of times and side by side.
#[derive(Debug, Clone)]
pub struct Workflow {
    pub(crate) description: Description,
    pub(crate) id: WorkflowId,
    pub(crate) found: Diagnostics,
}

impl Workflow {
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

    /// Departures from the specification that are read as they were meant.
    pub fn warnings(&self) -> impl Iterator<Item = &Diagnostic> {
        self.found.warnings()
    }

    /// The document it is part of.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// What each step calls, without calling.
    #[must_use]
    pub fn plan(&self) -> Vec<PlannedStep> {
        plan(self.description.program(), self.id, &self.description.settings.servers)
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
    /// What is wrong with the text; the message does not show it.
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

    /// What a run needs and was not given. A run without it is refused before its first request.
    #[must_use]
    pub fn missing_permissions(&self) -> Permissions {
        self.description.missing_permissions(self.name())
    }

    /// Gives what [`Workflow::missing_permissions`] said, after somebody was asked.
    ///
    /// # Errors
    /// [`Error::Setup`] if something of the network cannot be used.
    pub fn permit(mut self, missing: &Permissions) -> Result<Self, Error> {
        let description = &mut self.description;
        description.world.grants.give(missing);
        description.settings.allowed_hosts.extend(missing.hosts.iter().map(|host| AllowedHost::parse(host)));
        #[cfg(feature = "mock")]
        let mocked = description.mocking.is_some();
        #[cfg(not(feature = "mock"))]
        let mocked = false;
        description.world.transport = description.client.transport(&description.world.grants, mocked)?;
        Ok(self)
    }

    /// # Errors
    /// [`Error::Documents`] with everything that is missing.
    pub(crate) fn permitted(&self) -> Result<(), Error> {
        let missing = self.missing_permissions();
        if missing.is_empty() { Ok(()) } else { Err(self.description.documents(missing.refusal().into())) }
    }

    /// Checks inputs and servers as [`Workflow::run`] does before its first request.
    ///
    /// # Errors
    /// [`Error::Inputs`] with every fault of the inputs (JSON Schema 2020-12); [`Error::Documents`] if no server is known
    /// for an operation.
    pub fn check(&self, inputs: Inputs) -> Result<(), Error> {
        self.machine(inputs, &self.description.settings.servers).map(|_| ())
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
        self.drive(inputs.into(), interrupt, None, observe).await.map(|(outcome, _)| outcome)
    }

    /// As [`Workflow::run_until`], and records the run: a file that can be replayed without a server, and without the
    /// secrets of the run. The recording has its own fault, so that the outcome is there in any case: the answers are
    /// too large to keep (256 MiB).
    ///
    /// # Errors
    /// As [`Workflow::check`].
    pub async fn record(
        &self,
        inputs: impl Into<Inputs>,
        interrupt: &Interrupt,
        observe: impl FnMut(&Envelope),
    ) -> Result<(Outcome, Result<Recording, Error>), Error> {
        let inputs = inputs.into();
        let accepted = accept(self.description.program(), self.id, inputs.values.clone())
            .map_err(|faults| self.description.inputs(faults))?;
        let mut log = record::Recorder::default();
        let (outcome, (machine, settings)) = self.drive(inputs, interrupt, Some(&mut log), observe).await?;
        let marked = self.compiled().map(|workflow| &workflow.inputs.secret);
        let made = record::RecordingHeader {
            document: name_of(&self.description.path),
            readings: self.description.readings,
            workflow: self.name().to_owned(),
            inputs: accepted,
            secret: marked.into_iter().flatten().chain(&settings.secrets).cloned().collect(),
            settings,
            sources: self.description.sources(),
        };
        let begin = |inputs, settings| self.begin(inputs, settings);
        let stand_ins = machine.stand_ins(&made.settings.credentials);
        Ok((outcome, Recording::of(log, stand_ins, made, begin)))
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
        let (machine, _) = self.machine(inputs.into(), &self.description.settings.servers)?;
        Ok(stub::rehearse(machine, canned, self.description.naming(), observe))
    }

    /// Runs; gives the machine as it ended back, with its settings.
    pub(crate) async fn drive(
        &self,
        inputs: Inputs,
        interrupt: &Interrupt,
        log: Option<&mut record::Recorder>,
        observe: impl FnMut(&Envelope),
    ) -> Result<(Outcome, (Machine, Settings)), Error> {
        self.permitted()?;
        #[cfg(feature = "mock")]
        if let Some(mocking) = &self.description.mocking {
            let (urls, server) = mock::serve_run(&mocking.mock).await?;
            let mut world = self.description.world.clone();
            world.grants.answered_at(urls.values());
            if self.description.client.is_own() {
                world.transport = Arc::new(mock::MockRoutes::new(urls.values(), world.transport.clone())?);
            }
            let mut servers = self.description.settings.servers.clone();
            servers.named.extend(urls);
            let (mut machine, settings) = self.machine(inputs, &servers)?;
            let outcome = live::run(&mut machine, &world, interrupt, log, observe).await;
            drop(server);
            return Ok((outcome, (machine, settings)));
        }
        let (mut machine, settings) = self.machine(inputs, &self.description.settings.servers)?;
        let outcome = live::run(&mut machine, &self.description.world, interrupt, log, observe).await;
        Ok((outcome, (machine, settings)))
    }

    /// Inputs made from the schema of the workflow: those that are required and have no default, if every source is
    /// mocked; none otherwise, since what is made up must not reach a server of somebody.
    #[cfg(feature = "mock")]
    #[must_use]
    pub fn example_inputs(&self) -> Inputs {
        let mocking = self.description.mocking.as_ref().filter(|mocking| mocking.everything);
        let found = mocking.and_then(|mocking| mocking.inputs.get(self.id.0 as usize));
        Inputs::from(found.cloned().unwrap_or_default())
    }

    pub(crate) fn machine(&self, inputs: Inputs, servers: &Servers) -> Result<(Machine, Settings), Error> {
        let accepted = accept(self.description.program(), self.id, inputs.values)
            .map_err(|faults| self.description.inputs(faults))?;
        let mut settings = Settings { servers: servers.clone(), ..self.description.settings.clone() };
        settings.files = inputs.files;
        for (name, file) in &mut settings.files {
            file.text = self.compiled().is_some_and(|workflow| workflow.inputs.is_plain_text(name));
        }
        settings.warnings.extend(self.told());
        Ok((self.begin(accepted, settings.clone())?, settings))
    }

    /// What is unusual about it, as its events say it.
    pub(crate) fn told(&self) -> Vec<Warning> {
        let told = |found: &Diagnostic| Warning {
            code: found.code,
            message: found.message.clone(),
            help: found.help.as_ref().map(Help::to_string),
            place: found.place(self.description.sources()),
        };
        self.found.warnings().map(told).collect()
    }

    /// A machine for inputs that were accepted.
    pub(crate) fn begin(&self, accepted: InputValues, settings: Settings) -> Result<Machine, Error> {
        Machine::new(self.description.compiled.program.clone(), self.id, accepted, settings)
            .map_err(|faults| self.description.documents(faults))
    }

    pub(crate) fn compiled(&self) -> Option<&engine::program::Workflow> {
        self.description.program().workflow(self.id)
    }
}
