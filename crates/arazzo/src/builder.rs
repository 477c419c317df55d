//! How a document is to be read and run, said step by step; then it is read and compiled.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arazzo_engine as engine;
use arazzo_engine::asyncapi::Protocol;
use arazzo_engine::code::Code;
use arazzo_engine::compile::compile_for;
use arazzo_engine::credentials::Credentials;
use arazzo_engine::diagnostic::{Diagnostic, Diagnostics};
use arazzo_engine::limits::{AllowedHost, ContractCheck, Decides, Limits, LoopDelay, Redirects, Settings};
use arazzo_engine::load::{LoadOptions, ParsedDocuments};
use arazzo_engine::program::Surroundings;
use arazzo_engine::readings::Readings;
use arazzo_engine::remedy::{Naming, Remedy};

use crate::channel::{Channels, Connections};
use crate::checked::Checked;
use crate::description::{Client, Description, GivenDocuments};
use crate::documents::location::{uri_of, url_of};
use crate::documents::{fetch, files, remote};
use crate::error::Error;
#[cfg(feature = "mock")]
use crate::mock;
use crate::network;
use crate::network::options::Network;
use crate::network::shared::SharedNetwork;
use crate::policy::hosts::Trust;
use crate::policy::permissions::RunPolicy;
use crate::runtime;
use crate::settings_check::{check_schemes, check_servers};
use crate::transport::{Clock, SystemClock, Transport, World};

/// Begins to open the Arazzo document at `path`, or at an https url. Nothing is read before [`Builder::load`].
///
/// A document on the network is that of a stranger ([`Trust::Remote`]): it reads no files, and its runs call the hosts,
/// change things and send secrets as they are allowed to ([`crate::Workflow::missing_permissions`]).
pub fn open(path: impl Into<PathBuf>) -> Builder {
    Builder {
        path: path.into(),
        options: LoadOptions::default(),
        settings: Settings::default(),
        sources: vec![],
        place: fetch::DocumentRoots::default(),
        network: Network::default().shared(),
        grants: RunPolicy::default(),
        headers: vec![],
        refused: vec![],
        offline: false,
        linted: false,
        transport: None,
        channels: None,
        clock: None,
        #[cfg(feature = "mock")]
        mocked: None,
    }
}

/// Says everything that is to be said about the document at `path`, as [`crate::Builder::lint`] does; blocks its thread.
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

/// How a document is to be read and run.
#[derive(Clone)]
#[must_use = "nothing is read before `load`"]
pub struct Builder {
    pub(crate) path: PathBuf,
    pub(crate) options: LoadOptions,
    pub(crate) settings: Settings,
    pub(crate) sources: Vec<(String, PathBuf)>,
    pub(crate) place: fetch::DocumentRoots,
    pub(crate) network: SharedNetwork,
    pub(crate) grants: RunPolicy,
    pub(crate) headers: Vec<String>,
    /// Settings that were given and cannot be, with the reasons: said when the document is read.
    pub(crate) refused: Vec<(Remedy, String)>,
    pub(crate) offline: bool,
    pub(crate) linted: bool,
    pub(crate) transport: Option<Arc<dyn Transport>>,
    pub(crate) channels: Option<Arc<dyn Channels>>,
    pub(crate) clock: Option<Arc<dyn Clock>>,
    #[cfg(feature = "mock")]
    pub(crate) mocked: Option<mock::Mocked>,
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

    /// Finds before a run what [`Builder::lint`] finds: its warnings are among those of a workflow. Off by default, as it
    /// takes time with each load.
    pub fn lint_before_run(mut self, linted: bool) -> Self {
        self.linted = linted;
        self
    }

    /// What settings are called in messages. They name calls of this library ([`crate::remedy::builder_call`]); a program with
    /// settings of its own names those.
    pub fn naming(mut self, naming: Naming) -> Self {
        self.grants.hosts.naming = naming;
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
        // As it will be understood (`http:/me:password@host`): a password is found by its place.
        let url = url.into();
        let url = url::Url::parse(&url).map(String::from).unwrap_or(url);
        match source {
            Some(source) => {
                self.settings.servers.named.insert(source.to_owned(), url);
            }
            None => self.settings.servers.all = Some(url),
        }
        self
    }

    /// As [`Builder::server`], of a source, for a url that a file of the project gives and no user: secrets that are bound to
    /// no host ([`Builder::secret_host`]) do not go there.
    pub fn server_without_secrets(mut self, source: &str, url: impl Into<String>) -> Self {
        let url = url.into();
        if let Some(host) = place_of(&url).and_then(|place| AllowedHost::parse(&place).ok()) {
            self.grants.keep_secrets_from(host);
        }
        self.server(Some(source), url)
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
    pub fn text(self, text: impl Into<Arc<str>>) -> Self {
        let path = self.path.clone();
        self.document(path, text)
    }

    /// Takes this text for the document at a path or url, whichever document that is: one that is described as a source
    /// or referred to by one. Nothing is read or fetched there, and nothing need be there; what no document leads to is
    /// not looked at. A relative path begins at the current directory; a url has `://`.
    ///
    /// ```
    /// let flow = "arazzo: 1.0.1
    /// info: { title: Things, version: '1' }
    /// sourceDescriptions: [{ name: things, url: ./things.yaml, type: openapi }]
    /// workflows: [{ workflowId: list, steps: [{ stepId: a, operationId: listThing }] }]
    /// ";
    /// let things = "openapi: 3.1.0
    /// info: { title: Things, version: '1' }
    /// paths: { /things: { get: { operationId: listThings, responses: { '200': { description: all } } } } }
    /// ";
    /// let checked = arazzo::open("memory/flow.yaml").text(flow).document("memory/things.yaml", things).lint()?;
    /// let first = checked.diagnostics.errors().next().unwrap();
    /// assert_eq!(first.code.word(), "unknown-operation-id"); // did you mean `listThings`?
    /// # Ok::<(), arazzo::Error>(())
    /// ```
    pub fn document(mut self, location: impl Into<PathBuf>, text: impl Into<Arc<str>>) -> Self {
        self.place.memory.push((location.into(), text.into()));
        self
    }

    /// Keeps the documents that are parsed, and takes from there those whose texts are the same as before: for programs
    /// that read the same documents again and again, such as an editor at each key stroke.
    ///
    /// ```no_run
    /// # fn buffers() -> Vec<String> { vec![] }
    /// let parsed = arazzo::ParsedDocuments::new();
    /// for text in buffers() {
    ///     let checked = arazzo::open("flow.yaml").text(text).parsed(&parsed).lint()?;
    /// }
    /// # Ok::<(), arazzo::Error>(())
    /// ```
    pub fn parsed(mut self, documents: &ParsedDocuments) -> Self {
        self.options.parsed = Some(documents.clone());
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

    /// Takes the document for one that was found in this folder and that nobody named: it is read only below the
    /// workspace of the folder when all links are followed ([`files::Reach`]).
    pub fn found_in(mut self, folder: impl Into<PathBuf>) -> Self {
        self.place.found = Some(files::Reach::new(folder));
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

    /// Lets a host be called: `host`, or `host:port`; another text is an error when the document is read. Without [`Trust::Local`], no other may be; with it, hosts that no
    /// source names, where a redirect or an OpenID configuration leads, and names of a private network.
    pub fn allow_host(mut self, host: impl Into<String>) -> Self {
        if let Some(host) = self.host(&host.into(), Remedy::AllowNamedHost) {
            self.grants.hosts.give(host.clone());
            self.settings.allowed_hosts.push(host);
        }
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
        let name = name.into();
        let bind = |host| Remedy::BindSecret { name: name.clone(), host };
        if let Some(host) = self.host(&host.into(), bind) {
            self.grants.bind(name, host);
        }
        self
    }

    /// Lets secrets that are bound to no host ([`Builder::secret_host`]) go to the servers that are given with
    /// [`Builder::server`], and nowhere else: for documents that were found and that no one has read.
    pub fn secrets_to_servers(mut self, bind: bool) -> Self {
        self.grants.bind_to_servers(bind);
        self
    }

    /// Lets documents set this header of the connection: `Host`, and no other.
    pub fn allow_header(mut self, name: impl Into<String>) -> Self {
        self.headers.push(name.into());
        self
    }

    /// The header by which the servers know a request that comes again, for operations that describe no `Idempotency-Key`:
    /// runs that are kept in a journal send a key of their own in it, with every request that may not be sent twice.
    pub fn idempotency_key(mut self, header: impl Into<String>) -> Self {
        self.settings.idempotency.header = Some(header.into());
        self
    }

    /// What is done about answers that are not as their operation documents them; nothing by default.
    pub fn contract(mut self, check: ContractCheck) -> Self {
        self.settings.contract = check;
        self
    }

    /// Ends each run after this step of its workflow has succeeded, as an `end` action would. A step that goes back to
    /// itself is over once it goes on; steps of workflows that it calls do not count.
    pub fn until(mut self, step: impl Into<String>) -> Self {
        self.settings.until = Some(step.into());
        self
    }

    /// Makes a run without a value for every declared output exit with 1.
    pub fn require_outputs(mut self, require: bool) -> Self {
        self.settings.require_outputs = require;
        self
    }

    /// Lets steps receive messages that were stored before their run listened: retained, or waiting in a queue.
    pub fn receive_stored(mut self, stored: bool) -> Self {
        self.settings.receive_stored = stored;
        self
    }

    /// Says which of the messages that match decides about a step that receives; the first by default.
    pub fn receive(mut self, decides: Decides) -> Self {
        self.settings.receive = decides;
        self
    }

    /// How servers are reached: proxies, addresses, certificates, times; as a [`Network`], or as one that several
    /// descriptions share ([`Network::shared`]).
    pub fn network(mut self, network: impl Into<SharedNetwork>) -> Self {
        self.network = network.into();
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

    /// Connects steps that send and receive messages to their brokers.
    pub fn channels(mut self, channels: impl Channels + 'static) -> Self {
        self.channels = Some(Arc::new(channels));
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
    /// what it describes or whether it could run. Blocks its thread, as [`Builder::load_blocking`] does.
    ///
    /// # Errors
    /// [`Error::Setup`] if the path is not one.
    pub fn structure(self) -> Result<Checked, Error> {
        let naming = self.grants.hosts.naming;
        let remote = self.remote()?;
        let loader = fetch::entry(&self.path, self.options, &self.place, &remote)?;
        let (_, diagnostics, sources) = loader.finish();
        let diagnostics = diagnostics.worded(naming).sorted();
        Ok(Checked::new(diagnostics, sources).without_ignored(false))
    }

    /// Reads the document and its source descriptions, and says everything that is to be said about them: what keeps
    /// workflows from running, what departs from the specification, and what is likely a mistake. Diagnostics have
    /// places and, where it can be repaired, text edits. Blocks its thread, as [`Builder::load_blocking`] does.
    ///
    /// # Errors
    /// [`Error::Setup`] if a path cannot be used. What is wrong with the documents is no error.
    pub fn lint(mut self) -> Result<Checked, Error> {
        let readings = self.options.readings;
        match self.read()? {
            Read::Bundle { bundle, loading } => {
                let compiled = compile_for(&bundle, loading, readings, &self.surroundings());
                let mut found = engine::lint::lint(&bundle, &compiled);
                if self.place.entry_only {
                    found = engine::lint::without_sources(&bundle, found);
                }
                let parts = engine::lint::parts(&bundle);
                let found = found.worded(self.grants.hosts.naming);
                let checked = Checked { parts, ..Checked::new(found, bundle.sources) };
                Ok(checked.without_ignored(!self.place.entry_only))
            }
            Read::Nothing(checked) => Ok(checked),
        }
    }

    /// Reads the document and its source descriptions, and finds its names: where each is defined and used. Faults do not
    /// keep the rest from being found; nothing comes of a text that is no Arazzo document at all. Blocks its thread, as
    /// [`Builder::load_blocking`] does.
    ///
    /// # Errors
    /// [`Error::Setup`] if a path cannot be used.
    pub fn index(mut self) -> Result<Option<engine::index::Index>, Error> {
        Ok(match self.read()? {
            Read::Bundle { bundle, .. } => Some(engine::index::Index::new(*bundle)),
            Read::Nothing(_) => None,
        })
    }

    /// Reads the document and its source descriptions, and compiles every workflow: on a thread of the runtime that is
    /// there for work that blocks. A load that is dropped goes on there to its end, and nothing comes of it.
    ///
    /// # Errors
    /// As [`Builder::load_blocking`]; [`Error::Setup`] outside of a tokio runtime.
    pub async fn load(self) -> Result<Description, Error> {
        let absent = |absent| Error::Setup(format!("{absent}; `Builder::load_blocking` needs none"));
        runtime::blocking(|| self.load_blocking()).await.map_err(absent)?
    }

    /// As [`Builder::load`], and blocks its thread meanwhile: while files are read, while sources are fetched (as long as
    /// [`Limits::run_ms`] at most), and while all of it is compiled.
    ///
    /// # Errors
    /// [`Error::Documents`] if there is no document to speak of; faults of single workflows are kept in the description
    /// until one of them is asked for. [`Error::Setup`] if a path cannot be used.
    pub fn load_blocking(mut self) -> Result<Description, Error> {
        match self.read()? {
            Read::Bundle { bundle, loading } => self.built(*bundle, loading),
            Read::Nothing(Checked { diagnostics, sources, .. }) => Err(Error::Documents { diagnostics, sources }),
        }
    }

    /// The description of what was loaded.
    pub(crate) fn built(mut self, bundle: engine::load::Bundle, loading: Diagnostics) -> Result<Description, Error> {
        let readings = self.options.readings;
        // What was given is compared with what could be read: a description that is missing is the fault to be said.
        let is_read = !loading.has_errors();
        let mut compiled = compile_for(&bundle, loading, readings, &self.surroundings());
        if self.linted {
            compiled = engine::lint::add_findings(&bundle, compiled);
        }
        let mut compiled = compiled.worded(self.grants.hosts.naming);
        if self.settings.contract != ContractCheck::Off {
            compiled.add_contracts(&bundle);
        }
        if is_read {
            check_servers(&self.settings.servers, &compiled.program)?;
            check_schemes(&self.settings.credentials, &compiled.program, self.grants.hosts.naming)?;
        }
        self.settings.credentials.certificate = self.network.options().certificate.is_some();
        let servers = self.settings.servers.named.values().chain(&self.settings.servers.all);
        let given: Vec<String> = servers.clone().filter_map(|url| place_of(url)).collect();
        let queries = server_queries(servers, readings);
        #[cfg(feature = "mock")]
        let mocking = match self.mocked.take() {
            Some(mocked) => match mocked.of(bundle, &compiled.program, &mut self.settings.servers) {
                Ok(mocking) => Some(mocking),
                // What could not be read describes no operation that is to be mocked.
                Err(_) if !is_read => {
                    let mut found = compiled.description.clone();
                    found.extend(compiled.workflows.iter().flatten().cloned());
                    return Err(Error::Documents { diagnostics: found, sources: (*compiled.program.sources).clone() });
                }
                Err(error) => return Err(error),
            },
            None => None,
        };
        #[cfg(feature = "mock")]
        if let Some(mocking) = &mocking {
            self.settings.mocked = mocking.mock.served().map(|(_, name, _)| name.to_owned()).collect();
            self.settings.mocked.extend(mocking.channels.iter().cloned());
        }
        let mut notes = insecure(&self.network.options().insecure_hosts);
        notes.extend(queries);
        let mut grants = self.grants;
        if url_of(&self.path).is_some() {
            grants.hosts.trust = Trust::Remote;
        }
        given.iter().flat_map(|place| AllowedHost::parse(place)).for_each(|host| grants.give_server(host));
        let client = match self.transport {
            Some(transport) => Client::Foreign(transport),
            None => {
                self.settings.usual_headers = network::usual_headers();
                Client::Own(self.network)
            }
        };
        #[cfg(feature = "mock")]
        let transport = client.transport(&grants, mocking.is_some())?;
        #[cfg(not(feature = "mock"))]
        let transport = client.transport(&grants, false)?;
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock::new()));
        Ok(Description {
            path: self.path,
            readings,
            given: GivenDocuments { sources: self.options.sources, headers: self.options.headers },
            compiled: Arc::new(compiled),
            notes,
            settings: self.settings,
            client,
            world: World { transport, clock, grants },
            channels: self.channels.map(Connections),
            #[cfg(feature = "mock")]
            mocking: mocking.map(Arc::new),
        })
    }

    /// Reads the documents.
    pub(crate) fn read(&mut self) -> Result<Read, Error> {
        for (name, path) in &self.sources {
            self.options.sources.insert(name.clone(), uri_of(path)?);
        }
        self.options.headers = self.headers()?;
        let remote = self.remote()?;
        let options = self.options.clone();
        let loader = fetch::load(&self.path, options, &self.place, &remote)?;
        let (bundle, loading, sources) = loader.finish();
        Ok(match bundle {
            Some(bundle) => Read::Bundle { bundle: Box::new(bundle), loading },
            None => Read::Nothing(Checked::new(loading.worded(self.grants.hosts.naming), sources)),
        })
    }
}

impl Builder {
    /// What channels are connected by.
    fn surroundings(&self) -> Surroundings {
        let absent = match &self.channels {
            Some(_) => vec![],
            None => network::absent_protocols(),
        };
        #[cfg(feature = "mock")]
        let mocked = self.mocked.as_ref().map(|mocked| mocked.only.clone());
        #[cfg(not(feature = "mock"))]
        let mocked = None;
        Surroundings { servers: self.settings.servers.clone(), absent, receive: self.settings.receive, mocked }
    }

    /// The host that was given for a setting; nothing where it is none.
    fn host(&mut self, text: &str, setting: impl FnOnce(String) -> Remedy) -> Option<AllowedHost> {
        match AllowedHost::parse(text) {
            Ok(host) => Some(host),
            Err(reason) => {
                self.refused.push((setting(text.to_owned()), reason));
                None
            }
        }
    }

    /// The headers of the connection that documents may set.
    pub(crate) fn headers(&self) -> Result<Vec<String>, Error> {
        if let Some((setting, reason)) = self.refused.first() {
            return Err(Error::Setup(format!("{}: {reason}", (self.grants.hosts.naming)(setting))));
        }
        let setting = (self.grants.hosts.naming)(&Remedy::AllowHeaders);
        let wrong = |reason| Error::Setup(format!("{setting}: {reason}"));
        self.headers.iter().map(|name| engine::limits::connection_header(name).map_err(wrong)).collect()
    }

    /// What fetches documents. Where the one that was named is, they may be fetched from.
    pub(crate) fn remote(&self) -> Result<remote::Remote, Error> {
        if self.offline || !network::HAS_CLIENT {
            return Ok(remote::Remote::none());
        }
        let mut hosts = self.grants.hosts.clone();
        hosts.documents = true;
        if url_of(&self.path).is_some() {
            if hosts.trust == Trust::Local {
                hosts.trust = Trust::Remote;
            }
            let place = self.path.to_str().and_then(place_of);
            place.iter().flat_map(|place| AllowedHost::parse(place)).for_each(|host| hosts.give(host));
        }
        remote::Remote::new(&self.network, hosts, &self.settings.limits).map_err(Error::Setup)
    }
}

/// What reading documents came to.
pub(crate) enum Read {
    Bundle {
        bundle: Box<engine::load::Bundle>,
        loading: Diagnostics,
    },
    /// There is no document to speak of.
    Nothing(Checked),
}

/// What every run says about hosts whose certificates are not checked.
pub(crate) fn insecure(hosts: &[String]) -> Diagnostics {
    let mut notes = Diagnostics::default();
    for host in hosts {
        let message = format!(
            "the certificates of `{host}` are not checked: a program in between can read and change what is sent"
        );
        let help = "trust the authority that it has its certificate from instead".to_owned();
        notes.push(Diagnostic::warning(Code::InsecureHost, None, message).help(help));
    }
    notes
}

/// The reading `server-query`, of servers that were given.
fn server_queries<'s>(servers: impl Iterator<Item = &'s String>, readings: Readings) -> Diagnostics {
    let mut notes = Diagnostics::default();
    let asking = servers.filter_map(|url| url::Url::parse(url).ok()).filter(|url| url.query().is_some());
    for (url, severity) in asking.zip(std::iter::repeat(readings.severity(Code::ServerQuery))) {
        let Some(severity) = severity else { continue };
        // The query itself may be a secret.
        let message = format!("the server given at {} has a query", url.host_str().unwrap_or_default());
        let mut note = Diagnostic::warning(Code::ServerQuery, None, message)
            .help("it is sent with every request, behind the path of its operation");
        note.severity = severity;
        notes.push(note);
    }
    notes
}

/// The host and the port of a url.
pub(crate) fn place_of(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    let port = url.port_or_known_default().or_else(|| Protocol::of(url.scheme(), "").map(Protocol::port))?;
    Some(format!("{}:{port}", url.host_str()?))
}

/// `true` for the url of a document on the network: what [`open`] takes beside a path.
#[must_use]
pub fn is_remote(document: &Path) -> bool {
    url_of(document).is_some()
}

/// Checks a host as [`Builder::allow_host`] and [`Builder::secret_host`] take it: `host`, or `host:port`.
///
/// # Errors
/// What to write.
pub fn check_host(text: &str) -> Result<(), String> {
    AllowedHost::parse(text).map(drop)
}

/// `true` for an absolute http or https url without a fragment: what [`Builder::server`] takes.
#[must_use]
pub fn is_server_url(text: &str) -> bool {
    let known = |scheme: &str| matches!(scheme, "http" | "https") || Protocol::of(scheme, "").is_some();
    let fits = |url: url::Url| known(url.scheme()) && url.has_host() && url.fragment().is_none();
    url::Url::parse(text).is_ok_and(fits)
}
