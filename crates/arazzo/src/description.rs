//! A document that was read, with all its workflows.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use arazzo_engine as engine;
use arazzo_engine::compile::Compiled;
use arazzo_engine::credentials::Credentials;
use arazzo_engine::diagnostic::Diagnostics;
use arazzo_engine::graph::{Graph, graph};
use arazzo_engine::inputs::InputFault;
use arazzo_engine::limits::{AllowedHost, Settings};
use arazzo_engine::machine::message::Protocol;
use arazzo_engine::plan::{Footprint, PlannedStep, plan, sent_credentials, touches};
use arazzo_engine::program::{Input, Program};
use arazzo_engine::readings::Readings;
use arazzo_engine::remedy::Naming;
use serde::{Deserialize, Serialize};

use crate::channel::{ChannelLink, Connections};
use crate::error::Error;
#[cfg(feature = "mock")]
use crate::mock;
use crate::network;
use crate::network::shared::SharedNetwork;
use crate::policy::hosts::Trust;
use crate::policy::permissions::{Permissions, RunPolicy};
use crate::settings_check::{ServerWithoutPath, check_schemes, servers_without_path};
use crate::transport::{Transport, World};

/// AsyncAPI documents, by the names of their sources.
#[cfg(feature = "mock")]
pub(crate) type Applications = Vec<(String, Arc<engine::node::Node>)>;

/// The client that sends the requests of a description.
#[derive(Clone)]
pub(crate) enum Client {
    /// The client of this crate.
    Own(SharedNetwork),
    Foreign(Arc<dyn Transport>),
}

impl Client {
    /// `true` for the client of this crate.
    #[cfg(feature = "mock")]
    pub(crate) fn is_own(&self) -> bool {
        matches!(self, Self::Own(_))
    }

    /// `mocked` if mocks answer on this machine.
    pub(crate) fn transport(&self, grants: &RunPolicy, mocked: bool) -> Result<Arc<dyn Transport>, Error> {
        match self {
            Self::Foreign(transport) => Ok(transport.clone()),
            Self::Own(network) => {
                let mut hosts = grants.hosts.clone();
                if mocked {
                    AllowedHost::parse("127.0.0.1").into_iter().for_each(|host| hosts.give(host));
                }
                network::client(network, hosts).map_err(Error::Setup)
            }
        }
    }
}

impl Description {
    /// The link of a run to its brokers: by what was given, else by this build; none where no step sends or receives.
    ///
    /// # Errors
    /// [`Error::Setup`] with the part of the network that cannot be used.
    pub(crate) fn link(&self) -> Result<Option<Box<dyn ChannelLink>>, Error> {
        if !self.program().has_channels() {
            return Ok(None);
        }
        if let Some(given) = &self.channels {
            return Ok(Some(given.0.open()));
        }
        #[cfg(feature = "channel")]
        if let Client::Own(network) = &self.client {
            let program = self.program();
            let source = |api: usize| program.apis.get(api).map(|api| api.name.as_str()).unwrap_or_default();
            let comes =
                |channel: &engine::program::Channel| channel.is_webhook() && !self.is_mocked(source(channel.api));
            let webhooks = program.channels.iter().any(comes);
            let hosts = self.world.grants.hosts.clone();
            let brokers = network::channel_client(network, hosts, webhooks).map_err(Error::Setup)?;
            return Ok(Some(brokers.open()));
        }
        Ok(None)
    }

    /// `true` if runs of it can hear webhooks.
    pub(crate) fn listens(&self) -> bool {
        let own = matches!(&self.client, Client::Own(network) if network.options().listen.is_some());
        self.channels.is_some() || own
    }

    /// `true` if runs of it can connect to brokers by a protocol.
    pub(crate) fn connects_by(&self, protocol: Protocol) -> bool {
        self.channels.is_some() || matches!(self.client, Client::Own(_)) && network::channel_feature(protocol).1
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}

/// A workflow as its document declares it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WorkflowOverview<'d> {
    /// `workflowId`
    pub name: &'d str,
    /// `summary`
    pub summary: Option<&'d str>,
    /// `true` if nothing that was found keeps it from running.
    pub runnable: bool,
    /// The inputs that a run takes: its own, and those of the workflows it depends on.
    pub inputs: Vec<&'d Input>,
    /// The names of its outputs.
    pub outputs: Vec<&'d str>,
}

/// What was said about the documents before they were read, beside the mode of reading.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GivenDocuments {
    pub(crate) sources: BTreeMap<String, String>,
    pub(crate) headers: Vec<String>,
}

/// A document that was read, with all its workflows. Cheap to clone; runs of all clones share connections.
#[derive(Debug, Clone)]
pub struct Description {
    pub(crate) path: PathBuf,
    pub(crate) readings: Readings,
    /// The uris that took the place of those of source descriptions, and the headers of the connection that it may set.
    #[cfg_attr(not(feature = "journal"), expect(dead_code, reason = "a journal keeps them"))]
    pub(crate) given: GivenDocuments,
    pub(crate) compiled: Arc<Compiled>,
    /// Warnings about the way in which it is run.
    pub(crate) notes: Diagnostics,
    pub(crate) settings: Settings,
    pub(crate) client: Client,
    pub(crate) world: World,
    /// Who connects to brokers; nothing if nobody does.
    pub(crate) channels: Option<Connections>,
    #[cfg(feature = "mock")]
    pub(crate) mocking: Option<Arc<mock::Mocking>>,
}

impl Description {
    /// The `workflowId`s, in the order of the document.
    pub fn workflows(&self) -> impl Iterator<Item = &str> {
        self.program().own_workflows().map(|(_, workflow)| workflow.name.as_str())
    }

    /// The version of the specification that the document names: `1.1.0`.
    #[must_use]
    pub fn arazzo_version(&self) -> &str {
        &self.program().version
    }

    /// The title of the document.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.program().title
    }

    /// The source descriptions: the name of each, and the file that was read for it, if one was found.
    pub fn source_descriptions(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let apis = self.program().apis.iter();
        apis.map(|api| (api.name.as_str(), Some(api.file.as_str()).filter(|file| !file.is_empty())))
    }

    /// The workflows as the document declares them, whether or not they can run.
    pub fn overview(&self) -> impl Iterator<Item = WorkflowOverview<'_>> {
        self.program().own_workflows().map(|(_, workflow)| WorkflowOverview {
            name: &workflow.name,
            summary: workflow.summary.as_deref(),
            runnable: workflow.runnable,
            inputs: workflow.inputs.given().collect(),
            outputs: workflow.outputs.iter().map(|output| output.name.as_str()).collect(),
        })
    }

    /// The names that [`crate::StubReplies`] can be for: steps and operations, of all workflows.
    pub fn reply_names(&self) -> impl Iterator<Item = &str> {
        let steps = self.program().steps.iter().map(|step| step.name.as_str());
        let operations = self.program().operations.iter().filter_map(|operation| operation.id.as_deref());
        let messages = self.program().steps.iter().filter_map(|step| step.call.target()?.operation.as_deref());
        let channels = self.program().channels.iter().map(|channel| channel.name.as_str());
        steps.chain(operations).chain(messages).chain(channels)
    }

    /// The compiled program: everything about the document.
    pub(crate) fn program(&self) -> &Program {
        &self.compiled.program
    }

    /// Everything that was found in the documents, in all workflows.
    #[must_use]
    pub fn diagnostics(&self) -> Diagnostics {
        let mut found = self.compiled.description.clone();
        found.extend(self.compiled.workflows.iter().flatten().cloned());
        found
    }

    /// The texts of the documents, for places and snippets.
    #[must_use]
    pub fn sources(&self) -> &engine::source::Sources {
        &self.program().sources
    }

    /// The security schemes that the sources describe: the source and the name of each.
    pub fn schemes(&self) -> impl Iterator<Item = (&str, &str)> {
        let apis = self.program().apis.iter();
        apis.flat_map(|api| api.schemes.iter().map(|scheme| (api.name.as_str(), scheme.as_str())))
    }

    /// As [`crate::Builder::credentials`], once it is known which schemes there are.
    ///
    /// # Errors
    /// [`Error::Setup`] if a credential is for a scheme that no source describes.
    pub fn with_credentials(mut self, credentials: Credentials) -> Result<Self, Error> {
        check_schemes(&credentials, self.program(), self.naming())?;
        let certificate = self.settings.credentials.certificate;
        self.settings.credentials = credentials;
        self.settings.credentials.certificate = certificate;
        Ok(self)
    }

    /// `true` if requests to a source are answered from its description.
    pub(crate) fn is_mocked(&self, source: &str) -> bool {
        self.settings.mocked.contains(source)
    }

    /// The calls of each step of a workflow, whether or not the workflow can run.
    #[must_use]
    pub fn plan(&self, workflow: &str) -> Vec<PlannedStep> {
        self.program()
            .workflow_named(workflow)
            .map(|id| plan(self.program(), id, &self.settings.servers))
            .unwrap_or_default()
    }

    /// The flow of a workflow, whether or not it can run; none if there is no such workflow.
    #[must_use]
    pub fn graph(&self, workflow: &str) -> Option<Graph> {
        graph(self.program(), self.program().workflow_named(workflow)?)
    }

    /// Everything that running a workflow touches: hosts, secrets, changes, loops.
    #[must_use]
    pub fn touches(&self, workflow: &str) -> Footprint {
        let id = self.program().workflow_named(workflow);
        id.map(|id| touches(self.program(), id, &self.settings, &|source| self.is_mocked(source))).unwrap_or_default()
    }

    /// Servers that were given without the path that the described ones have.
    #[must_use]
    pub fn servers_without_path(&self) -> Vec<ServerWithoutPath> {
        servers_without_path(&self.settings.servers, self.program())
    }

    /// The trust in the document where the network is concerned.
    #[must_use]
    pub fn trust(&self) -> Trust {
        self.world.grants.hosts.trust
    }

    /// The permissions that running a workflow needs and was not given, whether or not it can run.
    #[must_use]
    pub fn missing_permissions(&self, workflow: &str) -> Permissions {
        let Some(id) = self.program().workflow_named(workflow) else { return Permissions::default() };
        if !self.world.grants.is_needed() {
            return Permissions::default();
        }
        let answered = |source: &str| self.is_mocked(source);
        let touches = touches(self.program(), id, &self.settings, &answered);
        let sent = sent_credentials(self.program(), id, &self.settings, &answered);
        self.world.grants.missing(&touches, &sent)
    }

    /// The mock of this description, if it has one and no clone shares it, and the AsyncAPI documents that it stands in
    /// for.
    #[cfg(feature = "mock")]
    pub(crate) fn into_mock(self) -> Option<(engine::mock::Mock, Applications)> {
        let mocking = Arc::into_inner(self.mocking?)?;
        Some((Arc::into_inner(mocking.mock)?, mocking.applications))
    }

    pub(crate) fn documents_error(&self, diagnostics: Diagnostics) -> Error {
        Error::Documents { diagnostics: diagnostics.worded(self.naming()), sources: self.sources().clone() }
    }

    pub(crate) fn inputs_error(&self, mut faults: Vec<InputFault>) -> Error {
        faults.iter_mut().for_each(|fault| fault.word(self.naming()));
        Error::Inputs(faults)
    }

    /// The names of settings in messages.
    pub(crate) fn naming(&self) -> Naming {
        self.world.grants.hosts.naming
    }
}
