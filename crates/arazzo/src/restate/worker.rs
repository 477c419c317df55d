//! A worker: the workflows that it offers, and what it gives to their runs.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arazzo_engine::code::Code;
use arazzo_engine::diagnostic::{Diagnostic, Diagnostics};
use arazzo_engine::limits::plain_host;
use url::Url;

use crate::documents::location::name_of;
use crate::drivers::durable::{MOST_KEPT, Unknown};
use crate::drivers::restate::{Hosted, Shared, endpoint};
use crate::envelope::run_name;
use crate::error::Error;
use crate::inputs::Inputs;
use crate::journal::key::JournalKey;
use crate::restate::serve::Listening;
use crate::workflow::Workflow;

/// The time for which the engine keeps runs that have ended.
const RETENTION: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The end of the names of Arazzo documents, beside that of their format.
const KIND: &str = ".arazzo";

/// Offers workflows to an engine, and runs them for it.
#[must_use = "it offers nothing before `listen`"]
pub struct Worker {
    key: JournalKey,
    unknown: Unknown,
    retention: Duration,
    identity: Option<String>,
    offered: Vec<(String, Workflow, Inputs)>,
}

impl Worker {
    /// A worker that offers nothing yet. With the key, it encrypts what the engine keeps of runs: all workers that may get
    /// the same runs need the same.
    pub fn new(key: JournalKey) -> Self {
        Self { key, unknown: Unknown::Ask, retention: RETENTION, identity: None, offered: vec![] }
    }

    /// What is done about requests in doubt; it is asked by default.
    pub fn unknown(mut self, unknown: Unknown) -> Self {
        self.unknown = unknown;
        self
    }

    /// The time for which the engine keeps runs that have ended; 7 days by default.
    pub fn retention(mut self, retention: Duration) -> Self {
        self.retention = retention;
        self
    }

    /// The public key of the engine, `publickeyv1_…`: requests that it has not signed are refused.
    pub fn identity_key(mut self, key: impl Into<String>) -> Self {
        self.identity = Some(key.into());
        self
    }

    /// Offers a workflow under the name of a service, with inputs that every run has of which a request does not say
    /// another: secrets come from here, and from nowhere else.
    ///
    /// # Errors
    /// [`Error::Setup`] if there is such a service already; [`Error::Documents`] if the workflow is not allowed what it
    /// needs ([`Workflow::missing_permissions`]), or may not call a host that it calls.
    pub fn offer(mut self, service: &str, workflow: &Workflow, inputs: Inputs) -> Result<Self, Error> {
        if self.offered.iter().any(|(known, ..)| known == service) {
            return Err(Error::Setup(format!(
                "two workflows would be the service `{service}`: give one of the documents another name"
            )));
        }
        workflow.check_permissions()?;
        check_channels(workflow)?;
        check_hosts(workflow)?;
        let most = workflow.description.settings.limits.body_bytes;
        if most > MOST_KEPT as u64 {
            return Err(Error::Setup(format!(
                "answers may have {most} bytes, and the engine keeps no more than {MOST_KEPT} of one: lower the limit of bodies"
            )));
        }
        self.offered.push((service.to_owned(), workflow.clone(), inputs));
        Ok(self)
    }

    /// The names of the services.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        self.offered.iter().map(|(service, ..)| service.as_str())
    }

    /// Listens at an address.
    ///
    /// # Errors
    /// [`Error::Setup`] if that is not possible, or if the address is that of a network and there is no identity key: anybody
    /// there could run the workflows, with their secrets.
    pub async fn listen(self, address: SocketAddr) -> Result<Listening, Error> {
        crate::runtime::available().map_err(Error::Setup)?;
        if !address.ip().is_loopback() && self.identity.is_none() {
            return Err(Error::Setup(format!(
                "{address} can be reached from other machines, and all of them could run the workflows: give the public key of the engine, by which its requests are known"
            )));
        }
        for (_, workflow, _) in &self.offered {
            workflow.description.world.available().map_err(Error::Setup)?;
        }
        let shared = Arc::new(Shared::new(self.key, self.unknown, self.retention));
        let hosted =
            |(service, workflow, inputs): (String, Workflow, Inputs)| Hosted::new(&service, &workflow, inputs, &shared);
        let hosted = self.offered.into_iter().map(hosted).collect();
        let endpoint = endpoint(hosted, self.identity.as_deref())?;
        Listening::bind(address, endpoint, shared).await
    }
}

/// Checks that no step sends or receives messages: the engine would make a run of it again from its beginning, and no broker
/// gives its messages twice.
fn check_channels(workflow: &Workflow) -> Result<(), Error> {
    let mut refusals = Diagnostics::default();
    for (step, channel) in workflow.channel_steps() {
        let (span, step, channel) = (step.span, &step.name, &channel.name);
        let message =
            format!("step `{step}` sends or receives messages on the channel `{channel}`, which no worker does");
        let help = "run the document with `Workflow::run`, or give a worker a workflow without this step";
        refusals.push(Diagnostic::error(Code::UnsupportedProtocol, span, message).help(help.to_owned()));
    }
    if refusals.has_errors() { Err(workflow.description.documents_error(refusals)) } else { Ok(()) }
}

/// Checks what can be known by now: the hosts of the steps may be called.
fn check_hosts(workflow: &Workflow) -> Result<(), Error> {
    let description = &workflow.description;
    let hosts = &description.world.grants.hosts;
    let touched = description.touches(workflow.name()).hosts;
    let origins = touched.iter().flat_map(|host| &host.origins).filter_map(|origin| Url::parse(origin).ok());
    let mut refusals: Vec<String> = vec![];
    for url in origins {
        let place = url.host_str().map(plain_host).zip(url.port_or_known_default());
        if let Some((host, port)) = place
            && let Err(reason) = hosts.host(&host, port, url.scheme() == "https")
            && !refusals.contains(&reason)
        {
            refusals.push(reason);
        }
    }
    if refusals.is_empty() {
        return Ok(());
    }
    let message = format!("the workflow `{}` calls a host that this worker may not call", workflow.name());
    let mut refusal = Diagnostic::error(Code::PermissionRefused, None, message);
    refusal.remarks.extend(refusals);
    Err(description.documents_error(refusal.into()))
}

/// The name of the service of a workflow: `arazzo.<document>.<workflow>`. The document is `name`, or the name of its file
/// without what says that it is one.
///
/// # Errors
/// [`Error::Setup`] if the engine takes no such name.
pub fn service_name(name: Option<&str>, document: &Path, workflow: &str) -> Result<String, Error> {
    let file = name_of(document);
    let file = Path::new(&file);
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = name.unwrap_or_else(|| stem.strip_suffix(KIND).unwrap_or(&stem));
    let fits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if !fits(stem) {
        return Err(Error::Setup(format!(
            "`{stem}` cannot be part of the name of a service, which has letters, digits, `.`, `_` and `-`: write NAME=DOC"
        )));
    }
    if !fits(workflow) {
        return Err(Error::Setup(format!(
            "the workflow `{workflow}` cannot be the name of a service, which has letters, digits, `.`, `_` and `-`"
        )));
    }
    Ok(format!("arazzo.{stem}.{workflow}"))
}

/// The key of a new run: a ULID.
#[must_use]
pub fn new_key() -> String {
    run_name(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default())
}
