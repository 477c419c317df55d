//! Run [Arazzo](https://spec.openapis.org/arazzo/latest.html) workflows: sequences of API calls described in YAML or JSON.
//!
//! ```no_run
//! # async fn example() -> Result<(), arazzo::Error> {
//! let description = arazzo::open("specs/daytona-provision.yml")
//!     .folder("openapi") // where the document may read its sources, beside its own folder
//!     .server(None, "http://localhost:3000/api")
//!     .load()?;
//! let workflow = description.workflow(None)?; // the only one of the document
//! let inputs = arazzo::Inputs::new().set("apiToken", "…").set("volumeName", "data").set("snapshot", "base").set("mountPath", "/data");
//! let outcome = workflow.run(inputs, |event| println!("{} {}", event.ms, event.event.workflow)).await?;
//! println!("{:?} {:?}", outcome.exit_code(), outcome.outputs());
//! # Ok(())
//! # }
//! ```
//!
//! - `Err` means *could not run*: the documents are wrong, the inputs do not fit. A run that fails is an
//!   [`Outcome`], with its outputs and the reason.
//! - Everything that is visible in the documents is checked before the first request.
//! - Defaults are stricter than those of the command line: only hosts that were given are called
//!   ([`Builder::server`], [`Builder::allow_host`], [`Trust`]), documents only from folders that are named, no
//!   environment, no proxy of the system, no prompts, no global state. Futures may be dropped at any time; calls in flight are given up with them.
//! - Events ([`Envelope`]) are masked when they are made: no secret reaches an observer. Outputs are data and are
//!   not changed.
//!
//! The pure core, without files and sockets, is [`engine`].

#![forbid(unsafe_code)]

mod call;
mod canned;
mod coding;
mod connect;
mod drive;
mod error;
mod fetch;
mod http;
#[cfg(feature = "mock")]
pub mod mock;
mod network;
mod policy;
mod record;
mod remote;
mod replay;
mod tls;
mod transport;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arazzo_engine::code::Code;
use arazzo_engine::compile::{Compiled, compile};
use arazzo_engine::diagnostic::{Diagnostic, Diagnostics, Help, nearest};
use arazzo_engine::graph::{Graph, graph};
use arazzo_engine::inputs::{InputFault, InputValues, accept, typed};
use arazzo_engine::limits::{GivenHost, Warning};
use arazzo_engine::load::LoadOptions;
use arazzo_engine::machine::{Machine, missing_credentials};
use arazzo_engine::plan::{PlannedStep, Touches, plan, sent_credentials, touches};
use arazzo_engine::program::{Input, Program, WorkflowId};
use arazzo_engine::value::File;
use policy::grants::Grants;
use serde_json::{Map, Value as Json};
use transport::{SystemClock, World};

pub use arazzo_engine as engine;
pub use arazzo_engine::credentials::Credentials;
pub use arazzo_engine::event::{Event, EventKind};
pub use arazzo_engine::limits::{ContractCheck, Limits, LoopDelay, Redirects, Servers, Settings};
pub use arazzo_engine::machine::{Outcome, Stop};
pub use arazzo_engine::readings::Readings;
pub use arazzo_engine::report::Report;
pub use call::Call;
pub use canned::{Canned, Rehearsal, Reply};
pub use drive::{Envelope, Interrupt};
pub use error::Error;
pub use network::{ConnectTo, Network, Proxy, Resolve};
pub use policy::grants::Permissions;
pub use policy::hosts::Trust;
pub use record::Recording;
pub use replay::{Drift, DriftKind, Replay};
pub use transport::{Clock, Pending, Transport};

/// Begins to open the Arazzo document at `path`, or at an https url. Nothing is read before [`Builder::load`].
///
/// A document on the network is that of a stranger ([`Trust::Remote`]): it reads no files, and its runs call the hosts,
/// change things and send secrets as they are allowed to ([`Workflow::missing_permissions`]).
pub fn open(path: impl Into<PathBuf>) -> Builder {
    Builder {
        path: path.into(),
        text: None,
        options: LoadOptions::default(),
        settings: Settings::default(),
        sources: vec![],
        place: fetch::Where::default(),
        network: Network::default(),
        grants: Grants::default(),
        headers: vec![],
        offline: false,
        transport: None,
        clock: None,
        #[cfg(feature = "mock")]
        mocked: None,
    }
}

/// Says everything that is to be said about the document at `path`, as [`Builder::lint`] does.
///
/// ```no_run
/// for found in arazzo::lint("flow.arazzo.yaml")?.diagnostics.errors() {
///     println!("{}: {}", found.code, found.message);
/// }
/// # Ok::<(), arazzo::Error>(())
/// ```
///
/// # Errors
/// [`Error::Setup`] if the path is not one.
pub fn lint(path: impl Into<PathBuf>) -> Result<Checked, Error> {
    open(path).lint()
}

/// What is to be said about a document.
#[derive(Debug, Clone)]
pub struct Checked {
    /// What was found, in the order of the text.
    pub diagnostics: Diagnostics,
    /// The texts, for places and snippets; the first is the document.
    pub sources: engine::source::Sources,
    /// The workflows and steps of the document, for who asks where a diagnostic stands.
    pub parts: Vec<engine::lint::Part>,
    /// How many diagnostics `# arazzo-ignore` comments left out.
    pub ignored: usize,
}

impl Checked {
    fn new(diagnostics: Diagnostics, sources: engine::source::Sources) -> Self {
        Self { diagnostics, sources, parts: vec![], ignored: 0 }
    }

    /// Leaves out what comments of the document ignore; `whole` if everything was looked at.
    fn without_ignored(mut self, whole: bool) -> Self {
        let found = std::mem::take(&mut self.diagnostics);
        (self.diagnostics, self.ignored) =
            engine::lint::ignore::ignore(found, &self.sources, engine::source::SourceId(0), whole);
        self
    }

    /// The step, or else the workflow, that a diagnostic stands in.
    #[must_use]
    pub fn part(&self, diagnostic: &Diagnostic) -> Option<&engine::lint::Part> {
        let at = diagnostic.span?;
        // They stand in the order of the text: what holds the place begins before it, a step behind its workflow.
        let before = self.parts.partition_point(|part| part.begins_before(at));
        let holds = |part: &&engine::lint::Part| part.holds(at);
        let near = self.parts.get(..before)?.iter().next_back().filter(holds);
        near.or_else(|| self.parts.get(..before)?.iter().rev().find(holds))
    }
}

/// How a document is to be read and run.
#[derive(Clone)]
#[must_use = "nothing is read before `load`"]
pub struct Builder {
    path: PathBuf,
    text: Option<String>,
    options: LoadOptions,
    settings: Settings,
    sources: Vec<(String, PathBuf)>,
    place: fetch::Where,
    network: Network,
    grants: Grants,
    headers: Vec<String>,
    offline: bool,
    transport: Option<Arc<dyn Transport>>,
    clock: Option<Arc<dyn Clock>>,
    #[cfg(feature = "mock")]
    mocked: Option<mock::Mocked>,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Builder {
    /// How departures from the specification are read; lenient by default.
    pub fn readings(mut self, readings: Readings) -> Self {
        self.options.readings = readings;
        self
    }

    /// Limits of each run: steps, times in ms, sizes in bytes.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// The base url to call instead of the described servers: of one source description, or of all that are not named.
    /// Replaces the whole url, its path too.
    pub fn server(mut self, source: Option<&str>, url: impl Into<String>) -> Self {
        match source {
            Some(source) => {
                self.settings.servers.named.insert(source.to_owned(), url.into());
            }
            None => self.settings.servers.all = Some(url.into()),
        }
        self
    }

    /// The value of a server variable, in the place of its default: `name`, for every source whose servers have it, or
    /// `source.name`. A server that is given with [`Builder::server`] has no variables.
    pub fn server_variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.servers.variables.insert(name.into(), value.into());
        self
    }

    /// Reads a source description from this file instead of its url.
    pub fn source(mut self, name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        self.sources.push((name.into(), path.into()));
        self
    }

    /// Lets documents be read that lie below this folder. Without it, documents are read from the folder of the one
    /// that is opened, those of files that are named with [`Builder::source`], and below.
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.place.folders.push(folder.into());
        self
    }

    /// Takes this text for the document instead of reading it: what an editor holds, or standard input. The path says
    /// where it stands, and so what its relative urls lead to.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// Reads the document alone; [`Builder::lint`] then says what can be known without what it describes.
    pub fn without_sources(mut self) -> Self {
        self.place.entry_only = true;
        self
    }

    /// Lets documents be read from the whole workspace of the one that is opened, as the command does: the nearest
    /// folder above it with `.git` or `arazzo.toml`, else the parent of its folder.
    pub fn workspace(mut self, workspace: bool) -> Self {
        self.place.workspace = workspace;
        self
    }

    /// The pause before a step sends again what it sent on its last visit.
    pub fn loop_delay(mut self, delay: LoopDelay) -> Self {
        self.settings.loop_delay = delay;
        self
    }

    /// Masks this input, beyond those that are found to reach a credential position.
    pub fn secret(mut self, input: impl Into<String>) -> Self {
        self.settings.secrets.push(input.into());
        self
    }

    /// What proves who calls: for security schemes of the descriptions, or for all that take a token or a user.
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.settings.credentials = credentials;
        self
    }

    /// What is done with redirects.
    pub fn redirects(mut self, redirects: Redirects) -> Self {
        self.settings.redirects = redirects;
        self
    }

    /// Keeps cookies within a run, and sends them where they are for; off by default.
    pub fn cookies(mut self, keep: bool) -> Self {
        self.settings.cookies = keep;
        self
    }

    /// Lets a host be called: `host`, or `host:port`. Without [`Trust::Local`], no other may be; with it, hosts that no
    /// source names, where a redirect or an OpenID configuration leads, and names of a private network.
    pub fn allow_host(mut self, host: impl Into<String>) -> Self {
        let host = GivenHost::parse(&host.into());
        self.grants.hosts.give(host.clone());
        self.settings.allowed_hosts.push(host);
        self
    }

    /// Lets this machine and private networks be called, whatever leads there; never the addresses of a link
    /// (169.254.0.0/16, fe80::/10), where cloud machines keep their credentials.
    pub fn allow_private(mut self, allow: bool) -> Self {
        self.grants.hosts.private = allow;
        self
    }

    /// How far the document is trusted with the network; by default only hosts that were given are called. A document on
    /// the network is never trusted further than [`Trust::Remote`].
    pub fn trust(mut self, trust: Trust) -> Self {
        self.grants.hosts.trust = trust;
        self
    }

    /// Lets the document of a stranger ([`Trust::Remote`]) call operations that may change something.
    pub fn allow_unsafe(mut self, allow: bool) -> Self {
        self.grants.changes = allow;
        self
    }

    /// Lets a secret go to a host (`host`, or `host:port`), and to no other that it is not bound to as well; those of a
    /// stranger's document go nowhere else. The name is that of an input, of a credential ([`Credentials`]), or
    /// `step.output` for what an answer gives; `oauth` stands for `oauth.access_token` and the like too.
    pub fn secret_host(mut self, name: impl Into<String>, host: impl Into<String>) -> Self {
        self.grants.bind(name.into(), GivenHost::parse(&host.into()));
        self
    }

    /// Lets documents set this header of the connection: `Host`, and no other.
    pub fn allow_header(mut self, name: impl Into<String>) -> Self {
        self.headers.push(name.into());
        self
    }

    /// What is done about answers that are not as their operation documents them; nothing by default.
    pub fn contract(mut self, check: ContractCheck) -> Self {
        self.settings.contract = check;
        self
    }

    /// Makes a run without a value for every declared output exit with 1.
    pub fn require_outputs(mut self, require: bool) -> Self {
        self.settings.require_outputs = require;
        self
    }

    /// How servers are reached: proxies, addresses, certificates, times.
    pub fn network(mut self, network: Network) -> Self {
        self.network = network;
        self
    }

    /// Fetches no document from the network. Without it, sources that the document names literally are fetched over
    /// https, without credentials, from hosts that may be called, with what they refer to at the same origin.
    pub fn offline(mut self, offline: bool) -> Self {
        self.offline = offline;
        self
    }

    /// Sends with this instead of the HTTP client of this crate.
    pub fn transport(mut self, transport: impl Transport + 'static) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// Tells the time with this instead of the clock of this machine.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Answers from the descriptions instead of calling: each run starts an HTTP server of its own for every source
    /// that is mocked, on a free loopback port.
    #[cfg(feature = "mock")]
    pub fn mock(mut self, mocked: mock::Mocked) -> Self {
        self.mocked = Some(mocked);
        self
    }

    /// Reads the document alone and says what is wrong with its structure: fields, types, values, names; nothing about
    /// what it describes or whether it could run.
    ///
    /// # Errors
    /// [`Error::Setup`] if the path is not one.
    pub fn structure(self) -> Result<Checked, Error> {
        let remote = self.remote()?;
        let loader = fetch::entry(&self.path, self.options, &remote, self.text.as_deref())?;
        let (_, diagnostics, sources) = loader.finish();
        Ok(Checked::new(diagnostics.sorted(), sources).without_ignored(false))
    }

    /// Reads the document and its source descriptions, and says everything that is to be said about them: what keeps
    /// workflows from running, what departs from the specification, and what is likely a mistake. Diagnostics have
    /// places and, where it can be repaired, text edits.
    ///
    /// # Errors
    /// [`Error::Setup`] if a path cannot be used. What is wrong with the documents is no error.
    pub fn lint(mut self) -> Result<Checked, Error> {
        let readings = self.options.readings;
        match self.read()? {
            Read::Bundle { bundle, loading } => {
                let compiled = compile(&bundle, loading, readings);
                let mut found = engine::lint::lint(&bundle, &compiled);
                if self.place.entry_only {
                    found = engine::lint::without_sources(&bundle, found);
                }
                let parts = engine::lint::parts(&bundle);
                let checked = Checked { parts, ..Checked::new(found, bundle.sources) };
                Ok(checked.without_ignored(!self.place.entry_only))
            }
            Read::Nothing(checked) => Ok(checked),
        }
    }

    /// Reads the document and its source descriptions, and compiles every workflow.
    ///
    /// # Errors
    /// [`Error::Documents`] if there is no document to speak of; faults of single workflows are kept in the description
    /// until one of them is asked for. [`Error::Setup`] if a path cannot be used.
    pub fn load(mut self) -> Result<Description, Error> {
        match self.read()? {
            Read::Bundle { bundle, loading } => self.built(*bundle, loading),
            Read::Nothing(Checked { diagnostics, sources, .. }) => Err(Error::Documents { diagnostics, sources }),
        }
    }

    /// The description of what was loaded.
    fn built(mut self, bundle: engine::load::Bundle, loading: Diagnostics) -> Result<Description, Error> {
        let readings = self.options.readings;
        let mut compiled = compile(&bundle, loading, readings);
        if self.settings.contract != ContractCheck::Off {
            compiled.add_contracts(&bundle);
        }
        known_servers(&self.settings.servers, &compiled.program)?;
        known_schemes(&self.settings.credentials, &compiled.program)?;
        self.settings.credentials.certificate = self.network.certificate.is_some();
        let servers = self.settings.servers.named.values().chain(&self.settings.servers.all);
        let given: Vec<String> = servers.filter_map(|url| place_of(url)).collect();
        #[cfg(feature = "mock")]
        let mocking = match self.mocked.take() {
            Some(mocked) => Some(mocked.of(bundle, &compiled.program, &mut self.settings.servers)?),
            None => None,
        };
        #[cfg(feature = "mock")]
        if let Some(mocking) = &mocking {
            self.settings.mocked = mocking.mock.served().map(|(_, name, _)| name.to_owned()).collect();
        }
        let notes = insecure(&self.network.insecure_hosts);
        let mut grants = self.grants;
        if fetch::url_of(&self.path).is_some() {
            grants.hosts.trust = Trust::Remote;
        }
        given.iter().for_each(|place| grants.hosts.give(GivenHost::parse(place)));
        let client = match self.transport {
            Some(transport) => Client::Foreign(transport),
            None => Client::Own(Arc::new(self.network)),
        };
        #[cfg(feature = "mock")]
        let transport = client.transport(&grants, mocking.is_some())?;
        #[cfg(not(feature = "mock"))]
        let transport = client.transport(&grants, false)?;
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock::new()));
        Ok(Description {
            path: self.path,
            readings,
            compiled: Arc::new(compiled),
            notes,
            settings: self.settings,
            client,
            world: World { transport, clock, grants },
            #[cfg(feature = "mock")]
            mocking: mocking.map(Arc::new),
        })
    }

    /// Reads the documents.
    fn read(&mut self) -> Result<Read, Error> {
        for (name, path) in &self.sources {
            self.options.sources.insert(name.clone(), fetch::uri_of(path)?);
        }
        self.options.headers = self.headers()?;
        let remote = self.remote()?;
        let options = self.options.clone();
        let loader = fetch::load(&self.path, options, &self.place, &remote, self.text.as_deref())?;
        let (bundle, loading, sources) = loader.finish();
        Ok(match bundle {
            Some(bundle) => Read::Bundle { bundle: Box::new(bundle), loading },
            None => Read::Nothing(Checked::new(loading, sources)),
        })
    }
}

impl Builder {
    /// The headers of the connection that documents may set.
    fn headers(&self) -> Result<Vec<String>, Error> {
        let wrong = |reason| Error::Setup(format!("--allow-header: {reason}"));
        self.headers.iter().map(|name| engine::limits::connection_header(name).map_err(wrong)).collect()
    }

    /// What fetches documents. Where the one that was named is, they may be fetched from.
    fn remote(&self) -> Result<remote::Remote, Error> {
        if self.offline {
            return Ok(remote::Remote::none());
        }
        let mut hosts = self.grants.hosts.clone();
        hosts.documents = true;
        if fetch::url_of(&self.path).is_some() {
            if hosts.trust == Trust::Local {
                hosts.trust = Trust::Remote;
            }
            let place = self.path.to_str().and_then(place_of);
            place.iter().for_each(|place| hosts.give(GivenHost::parse(place)));
        }
        remote::Remote::new(self.network.clone(), hosts, &self.settings.limits).map_err(Error::Setup)
    }
}

/// What sends the requests of a description.
#[derive(Clone)]
enum Client {
    /// The client of this crate.
    Own(Arc<Network>),
    Foreign(Arc<dyn Transport>),
}

impl Client {
    /// `mocked` if mocks answer on this machine.
    fn transport(&self, grants: &Grants, mocked: bool) -> Result<Arc<dyn Transport>, Error> {
        match self {
            Self::Foreign(transport) => Ok(transport.clone()),
            Self::Own(network) => {
                let mut hosts = grants.hosts.clone();
                if mocked {
                    hosts.give(GivenHost::parse("127.0.0.1"));
                }
                Ok(Arc::new(http::Http::new(Network::clone(network), hosts).map_err(Error::Setup)?))
            }
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}

/// What reading documents came to.
enum Read {
    Bundle {
        bundle: Box<engine::load::Bundle>,
        loading: Diagnostics,
    },
    /// There is no document to speak of.
    Nothing(Checked),
}

/// A document that was read, with all its workflows. Cheap to clone; runs of all clones share connections.
#[derive(Debug, Clone)]
pub struct Description {
    path: PathBuf,
    readings: Readings,
    compiled: Arc<Compiled>,
    /// What is unusual about how it is run.
    notes: Diagnostics,
    settings: Settings,
    client: Client,
    world: World,
    #[cfg(feature = "mock")]
    mocking: Option<Arc<mock::Mocking>>,
}

impl Description {
    /// The `workflowId`s, in the order of the document.
    pub fn workflows(&self) -> impl Iterator<Item = &str> {
        self.program().own_workflows().map(|(_, workflow)| workflow.name.as_str())
    }

    /// The compiled program: everything about the document, for tools.
    #[must_use]
    pub fn program(&self) -> &Program {
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

    /// A workflow by its `workflowId`; without a name, the only one of the document.
    ///
    /// # Errors
    /// [`Error::NoSuchWorkflow`]; [`Error::Documents`] with everything that was found in it, if it has faults. Faults of
    /// other workflows do not matter.
    pub fn workflow(&self, name: Option<&str>) -> Result<Workflow, Error> {
        let (id, mut found) = self.find(name)?;
        let answered = |source: &str| self.is_mocked(source);
        found.extend(missing_credentials(self.program(), id, &self.settings.credentials, &answered));
        if found.has_errors() {
            return Err(self.documents(found));
        }
        found.extend(self.notes.iter().cloned());
        Ok(Workflow { description: self.clone(), id, found })
    }

    /// A workflow without errors, and what is unusual about it.
    fn find(&self, name: Option<&str>) -> Result<(WorkflowId, Diagnostics), Error> {
        let program = self.program();
        let id = match name {
            Some(name) => program.workflow_named(name),
            None if program.own_workflows().count() == 1 => Some(WorkflowId(0)),
            None => None,
        };
        let Some(id) = id else {
            // A document that could not be read has no workflow to speak of: its faults say why.
            if self.compiled.description.has_errors() {
                return Err(self.documents(self.compiled.description.clone()));
            }
            let known: Vec<String> = self.workflows().map(str::to_owned).collect();
            let near = name.and_then(|name| nearest(name, known.iter().map(String::as_str)).map(str::to_owned));
            return Err(Error::NoSuchWorkflow { wanted: name.map(str::to_owned), known, nearest: near });
        };
        let found = self.compiled.of(id);
        if found.has_errors() { Err(self.documents(found)) } else { Ok((id, found)) }
    }

    /// Runs a recorded run again, without a socket and in virtual time: with the settings of then, and the answers of
    /// then. Every event goes to `observe`. If the documents are as they were, these are the events of the recorded run;
    /// if not, [`Replay::drifts`] says what is different, and where that is written.
    ///
    /// # Errors
    /// As [`Description::workflow`]; [`Error::Inputs`] if the workflow does not take the recorded inputs any more.
    pub fn replay(&self, recording: &Recording, observe: impl FnMut(&Envelope)) -> Result<Replay, Error> {
        let (id, found) = self.find(Some(recording.workflow()))?;
        let workflow = Workflow { description: self.clone(), id, found };
        let recorded = recording.head.inputs.clone();
        let secret = |name: &str| recording.head.secret.iter().any(|secret| secret == name);
        let inputs = match accept(self.program(), id, recorded.clone()) {
            Ok(accepted) => accepted,
            // A stand-in need not fit a schema that its secret fits.
            Err(faults) if faults.iter().all(|fault| secret(&fault.name)) => recorded,
            Err(faults) => return Err(Error::Inputs(faults)),
        };
        let mut settings = recording.settings();
        if !recording.changed(self.sources()).is_empty() {
            settings.warnings = workflow.told();
        }
        Ok(replay::play(recording, workflow.begin(inputs, settings)?, self.program(), observe))
    }

    /// The security schemes that the sources describe: the source and the name of each.
    pub fn schemes(&self) -> impl Iterator<Item = (&str, &str)> {
        let apis = self.program().apis.iter();
        apis.flat_map(|api| api.schemes.iter().map(|scheme| (api.name.as_str(), scheme.as_str())))
    }

    /// As [`Builder::credentials`], once it is known which schemes there are.
    ///
    /// # Errors
    /// [`Error::Setup`] if a credential is for a scheme that no source describes.
    pub fn with_credentials(mut self, credentials: Credentials) -> Result<Self, Error> {
        known_schemes(&credentials, self.program())?;
        let certificate = self.settings.credentials.certificate;
        self.settings.credentials = credentials;
        self.settings.credentials.certificate = certificate;
        Ok(self)
    }

    /// `true` if requests to a source are answered from its description.
    fn is_mocked(&self, source: &str) -> bool {
        self.settings.mocked.contains(source)
    }

    /// What each step of a workflow calls, whether or not the workflow can run.
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

    /// What running a workflow touches: hosts, secrets, changes, loops.
    #[must_use]
    pub fn touches(&self, workflow: &str) -> Touches {
        let id = self.program().workflow_named(workflow);
        id.map(|id| touches(self.program(), id, &self.settings, &|source| self.is_mocked(source))).unwrap_or_default()
    }

    /// How far the document is trusted with the network.
    #[must_use]
    pub fn trust(&self) -> Trust {
        self.world.grants.hosts.trust
    }

    /// What running a workflow needs and was not given, whether or not it can run.
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

    /// The mock of this description, if it has one and no clone shares it.
    #[cfg(feature = "mock")]
    fn into_mock(self) -> Option<engine::mock::Mock> {
        Arc::into_inner(Arc::into_inner(self.mocking?)?.mock)
    }

    fn documents(&self, diagnostics: Diagnostics) -> Error {
        Error::Documents { diagnostics, sources: self.sources().clone() }
    }
}

/// Inputs of a run, by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Inputs {
    values: InputValues,
    files: BTreeMap<String, File>,
}

impl Inputs {
    /// No inputs.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an input, or replaces it.
    #[must_use]
    pub fn set(mut self, name: impl Into<String>, value: impl Into<Json>) -> Self {
        self.values.insert(name.into(), value.into());
        self
    }

    /// Sets an input to a file: where text is wanted, its bytes as text; in a multipart body, a file of this name.
    #[must_use]
    pub fn file(mut self, input: impl Into<String>, name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        let (input, bytes) = (input.into(), bytes.into());
        self.values.insert(input.clone(), Json::String(String::from_utf8_lossy(&bytes).into_owned()));
        self.files.insert(input, File { name: name.into(), bytes, text: false });
        self
    }

    /// The inputs, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Adds the inputs of `others` that are not there.
    #[must_use]
    pub fn or(mut self, others: Self) -> Self {
        let mut files = others.files;
        for (name, value) in others.values {
            if self.values.contains_key(&name) {
                continue;
            }
            if let Some(file) = files.remove(&name) {
                self.files.insert(name.clone(), file);
            }
            self.values.insert(name, value);
        }
        self
    }

    /// `true` if an input of this name is there.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }
}

impl From<Map<String, Json>> for Inputs {
    fn from(values: Map<String, Json>) -> Self {
        Self { values, files: BTreeMap::new() }
    }
}

/// A workflow that can be run, any number of times and side by side.
#[derive(Debug, Clone)]
pub struct Workflow {
    description: Description,
    id: WorkflowId,
    found: Diagnostics,
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
            Some(workflow) => typed(workflow, name, text),
            None => Ok(Json::String(text.to_owned())),
        }
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
        description.settings.allowed_hosts.extend(missing.hosts.iter().map(|host| GivenHost::parse(host)));
        #[cfg(feature = "mock")]
        let mocked = description.mocking.is_some();
        #[cfg(not(feature = "mock"))]
        let mocked = false;
        description.world.transport = description.client.transport(&description.world.grants, mocked)?;
        Ok(self)
    }

    /// # Errors
    /// [`Error::Documents`] with everything that is missing.
    fn permitted(&self) -> Result<(), Error> {
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
        let accepted = accept(self.description.program(), self.id, inputs.values.clone()).map_err(Error::Inputs)?;
        let mut log = record::Log::default();
        let (outcome, (machine, settings)) = self.drive(inputs, interrupt, Some(&mut log), observe).await?;
        let marked = self.compiled().map(|workflow| &workflow.inputs.secret);
        let made = record::Made {
            document: fetch::name_of(&self.description.path),
            readings: self.description.readings,
            workflow: self.name().to_owned(),
            inputs: accepted,
            secret: marked.into_iter().flatten().chain(&settings.secrets).cloned().collect(),
            settings,
            sources: self.description.sources(),
        };
        let begin = |inputs, settings| self.begin(inputs, settings);
        Ok((outcome, Recording::of(log, machine.stand_ins(), made, begin)))
    }

    /// Runs in virtual time with answers that stand ready, without a socket. Every event goes to `observe`.
    ///
    /// # Errors
    /// As [`Workflow::check`].
    pub fn rehearse(
        &self,
        inputs: impl Into<Inputs>,
        canned: Canned,
        observe: impl FnMut(&Envelope),
    ) -> Result<Rehearsal, Error> {
        let (machine, _) = self.machine(inputs.into(), &self.description.settings.servers)?;
        Ok(canned::rehearse(machine, canned, observe))
    }

    /// Runs; gives the machine as it ended back, with its settings.
    async fn drive(
        &self,
        inputs: Inputs,
        interrupt: &Interrupt,
        log: Option<&mut record::Log>,
        observe: impl FnMut(&Envelope),
    ) -> Result<(Outcome, (Machine, Settings)), Error> {
        self.permitted()?;
        #[cfg(feature = "mock")]
        if let Some(mocking) = &self.description.mocking {
            let (urls, server) = mock::serve_run(&mocking.mock).await?;
            let mut world = self.description.world.clone();
            world.grants.answered_at(urls.values());
            let mut servers = self.description.settings.servers.clone();
            servers.named.extend(urls);
            let (mut machine, settings) = self.machine(inputs, &servers)?;
            let outcome = drive::run(&mut machine, &world, interrupt, log, observe).await;
            drop(server);
            return Ok((outcome, (machine, settings)));
        }
        let (mut machine, settings) = self.machine(inputs, &self.description.settings.servers)?;
        let outcome = drive::run(&mut machine, &self.description.world, interrupt, log, observe).await;
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

    fn machine(&self, inputs: Inputs, servers: &Servers) -> Result<(Machine, Settings), Error> {
        let accepted = accept(self.description.program(), self.id, inputs.values).map_err(Error::Inputs)?;
        let mut settings = Settings { servers: servers.clone(), ..self.description.settings.clone() };
        settings.files = inputs.files;
        for (name, file) in &mut settings.files {
            file.text = self.compiled().is_some_and(|workflow| workflow.inputs.is_plain_text(name));
        }
        settings.warnings.extend(self.told());
        Ok((self.begin(accepted, settings.clone())?, settings))
    }

    /// What is unusual about it, as its events say it.
    fn told(&self) -> Vec<Warning> {
        let told = |found: &Diagnostic| Warning {
            code: found.code,
            message: found.message.clone(),
            help: found.help.as_ref().map(Help::to_string),
            place: found.place(self.description.sources()),
        };
        self.found.warnings().map(told).collect()
    }

    /// A machine for inputs that were accepted.
    fn begin(&self, accepted: InputValues, settings: Settings) -> Result<Machine, Error> {
        Machine::new(self.description.compiled.program.clone(), self.id, accepted, settings)
            .map_err(|faults| self.description.documents(faults))
    }

    fn compiled(&self) -> Option<&engine::program::Workflow> {
        self.description.program().workflow(self.id)
    }
}

/// Checks that the sources exist that servers were given for.
fn known_servers(servers: &Servers, program: &Program) -> Result<(), Error> {
    let unknown: Vec<String> =
        servers.named.keys().filter(|name| !program.apis.iter().any(|api| api.name == **name)).cloned().collect();
    if let Some(name) = unknown.first() {
        let known: Vec<&str> = program.apis.iter().map(|api| api.name.as_str()).collect();
        let hint = nearest(name, known.iter().copied())
            .map_or_else(|| format!("source descriptions: {}", known.join(", ")), |near| Help::meant(near).to_string());
        return Err(Error::Setup(format!(
            "a server is given for the source `{name}`, which the document does not describe; {hint}"
        )));
    }
    known_variables(servers, program)
}

/// Checks that some server that a step calls has each variable that was given, and that it may have the value.
fn known_variables(servers: &Servers, program: &Program) -> Result<(), Error> {
    let called = |index: usize| program.apis.get(index).map(|api| api.name.as_str());
    let known: Vec<(String, &engine::openapi::server::Variable)> = program
        .operations
        .iter()
        .filter_map(|operation| Some((called(operation.api)?, operation)))
        .flat_map(|(api, operation)| operation.server.variables.iter().map(move |v| (format!("{api}.{}", v.name), v)))
        .collect();
    for (given, value) in &servers.variables {
        let mut fits = known.iter().filter(|(name, variable)| name == given || variable.name == *given).peekable();
        if fits.peek().is_none() {
            let names = known.iter().flat_map(|(name, variable)| [variable.name.as_str(), name.as_str()]);
            let hint = match nearest(given, names).map(str::to_owned) {
                Some(near) => Help::meant(near).to_string(),
                None if known.is_empty() => "none of the servers that are called has variables".to_owned(),
                None => {
                    let mut names: Vec<&str> = known.iter().map(|(name, _)| name.as_str()).collect();
                    names.sort_unstable();
                    names.dedup();
                    format!("variables: {}", names.join(", "))
                }
            };
            return Err(Error::Setup(format!("no server has the variable `{given}`; {hint}")));
        }
        if let Some((_, variable)) = fits.find(|(_, v)| !v.values.is_empty() && !v.values.contains(value)) {
            let values = variable.values.join(", ");
            return Err(Error::Setup(format!("the server variable `{given}` is one of {values}, not `{value}`")));
        }
    }
    Ok(())
}

/// Checks that the schemes exist that credentials were given for.
fn known_schemes(credentials: &Credentials, program: &Program) -> Result<(), Error> {
    let known: Vec<(&str, &str)> = program
        .apis
        .iter()
        .flat_map(|api| api.schemes.iter().map(|scheme| (api.name.as_str(), scheme.as_str())))
        .collect();
    for name in credentials.names() {
        let whole = engine::credentials::PARTS
            .iter()
            .find_map(|part| name.strip_suffix(part)?.strip_suffix('.'))
            .unwrap_or(name);
        let is =
            |name: &str| known.iter().any(|(source, scheme)| name == *scheme || name == format!("{source}.{scheme}"));
        if is(whole) || is(name) {
            continue;
        }
        let names = known.iter().map(|(_, scheme)| *scheme);
        let hint = match nearest(whole, names.clone()) {
            Some(near) => Help::meant(near).to_string(),
            None if known.is_empty() => {
                "the documents describe none: pass it as a parameter, or with --bearer".to_owned()
            }
            None => format!("security schemes: {}", names.collect::<Vec<_>>().join(", ")),
        };
        let message =
            format!("a credential is given for the security scheme `{whole}`, which no source describes; {hint}");
        return Err(Error::Setup(message));
    }
    Ok(())
}

/// What every run says about hosts whose certificates are not checked.
fn insecure(hosts: &[String]) -> Diagnostics {
    let mut notes = Diagnostics::default();
    for host in hosts {
        let message = format!(
            "the certificates of `{host}` are not checked: whoever is in between can read and change what is sent"
        );
        let help = "trust the authority that it has its certificate from instead".to_owned();
        notes.push(Diagnostic::warning(Code::InsecureHost, None, message).help(help));
    }
    notes
}

/// The host and the port of a url.
fn place_of(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?))
}

/// Parses YAML or JSON text as JSON, as inputs are given in files; `name` is what a message calls it.
///
/// # Errors
/// [`Error::Documents`] with a place if it is not YAML.
pub fn parse_values(name: &str, text: &str) -> Result<Json, Error> {
    let mut sources = engine::source::Sources::default();
    let id = sources.add(name, name, text);
    match engine::node::Node::parse(&sources, id, Default::default()) {
        Ok(node) => Ok(node.to_json()),
        Err(diagnostics) => Err(Error::Documents { diagnostics, sources }),
    }
}

/// `true` for the url of a document on the network: what [`open`] takes beside a path.
#[must_use]
pub fn is_remote(document: &Path) -> bool {
    fetch::url_of(document).is_some()
}

/// `true` for an absolute http or https url: what [`Builder::server`] takes.
#[must_use]
pub fn is_server_url(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}
