//! Documents on the network, for `fetch.rs`: GET without credentials, over https, from hosts that the policy lets be
//! called. What the entry document names literally may be fetched, and what lies at the same origin as that.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arazzo_engine::limits::{Limits, plain_host};
use arazzo_engine::machine::{Because, CallId, Failure, FailureKind, Outgoing, ParsedUrl, Request, Response};
use url::{Origin, Url};

use crate::network;
use crate::network::shared::SharedNetwork;
use crate::policy::files::ReadRefused;
use crate::policy::hosts::{Hosts, is_this_machine};
use crate::transport::Transport;

/// Redirects that may follow one another.
const HOPS: u32 = 5;

/// The most milliseconds for one document.
const TIME: u64 = 30_000;

/// Fetches documents.
pub(crate) struct Remote {
    /// None: nothing is fetched.
    client: Option<Arc<dyn Transport>>,
    /// Who runs it may give further hosts that a redirect leads to.
    hosts: Hosts,
    /// Where documents were fetched from because somebody named them.
    origins: Mutex<BTreeSet<String>>,
    /// Milliseconds for one document.
    time: u64,
    /// When all of them have to be there.
    until: Option<Instant>,
}

impl Remote {
    /// Documents come as fast as answers have to, all of them in the time of a run.
    pub(crate) fn new(network: &SharedNetwork, hosts: Hosts, limits: &Limits) -> Result<Self, String> {
        let client = network::client(network, hosts.clone())?;
        let until = Instant::now().checked_add(Duration::from_millis(limits.run_ms));
        Ok(Self { client: Some(client), hosts, origins: Mutex::default(), time: limits.request_ms.min(TIME), until })
    }

    /// Fetches nothing.
    pub(crate) fn none() -> Self {
        Self { client: None, hosts: Hosts::default(), origins: Mutex::default(), time: TIME, until: None }
    }

    /// Milliseconds for the next document.
    fn time_left(&self) -> Result<u64, ReadRefused> {
        let Some(until) = self.until else { return Ok(self.time) };
        let left = u64::try_from(until.saturating_duration_since(Instant::now()).as_millis()).unwrap_or(u64::MAX);
        if left == 0 {
            return Err(ReadRefused::Fault("the time of the run was over before it was asked for".to_owned()));
        }
        Ok(left.min(self.time))
    }

    /// Lets documents be fetched from the origin of one that was named and is not fetched itself.
    pub(crate) fn let_fetch_beside(&self, url: &Url) {
        if let (Ok(mut origins), true) = (self.origins.lock(), url.origin().is_tuple()) {
            origins.insert(url.origin().ascii_serialization());
        }
    }

    /// The document at a url, with the url that redirects led to: what it refers to is relative to that. `named` if the
    /// url was written by the entry document or by who runs it.
    pub(crate) fn get(&self, url: &Url, named: bool, limit: u64) -> Result<(Url, Vec<u8>), ReadRefused> {
        let refused = |reason: &str| Err(ReadRefused::Refused(reason.to_owned()));
        let Some(client) = &self.client else { return refused("nothing is fetched from the network here") };
        let origin = |url: &Url| url.origin().ascii_serialization();
        let known = |url: &Url| self.origins.lock().is_ok_and(|origins| origins.contains(&origin(url)));
        if !named && !known(url) {
            return refused("the document does not name it, so it is not fetched");
        }
        safe(url)?;
        if named {
            self.let_fetch_beside(url);
        }
        let mut at = url.clone();
        for _ in 0..=HOPS {
            let response = blocking(client.as_ref(), &at, self.time_left()?, limit)?;
            let location =
                response.headers.iter().find(|(name, _)| name == "location").map(|(_, value)| value.as_str());
            match (response.status, location) {
                (200, _) => {
                    // What it refers to is beside it, also where a redirect led.
                    self.let_fetch_beside(&at);
                    return Ok((at, response.body));
                }
                (301 | 302 | 303 | 307 | 308, Some(location)) => {
                    let next =
                        at.join(location).map_err(|_| ReadRefused::Fault("it redirects to no url".to_owned()))?;
                    safe(&next)?;
                    if !same(&at.origin(), &next.origin()) && !known(&next) && !self.is_given(&next) {
                        let shown = next.host_str().unwrap_or_default();
                        return refused(&format!("it redirects to another host, `{shown}`"));
                    }
                    at = next;
                }
                (status, _) => return Err(ReadRefused::Fault(format!("the server answered {status}"))),
            }
        }
        Err(ReadRefused::Fault(format!("more than {HOPS} redirects")))
    }
}

impl Remote {
    fn is_given(&self, url: &Url) -> bool {
        let place = url.host_str().map(plain_host).zip(url.port_or_known_default());
        place.is_some_and(|(host, port)| self.hosts.is_given(&host, port))
    }
}

fn same(one: &Origin, other: &Origin) -> bool {
    one.is_tuple() && one == other
}

/// What is not encrypted is read only from this machine.
fn safe(url: &Url) -> Result<(), ReadRefused> {
    let local = url.host_str().is_some_and(|host| is_this_machine(&plain_host(host)));
    if !(url.scheme() == "https" || url.scheme() == "http" && local) {
        return Err(ReadRefused::Refused("it is not https".to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(ReadRefused::Refused(
            "there is a user in its url, and documents are fetched without one".to_owned(),
        ));
    }
    Ok(())
}

/// One request. On a thread of its own, because loading is not asynchronous and may be called where something is.
fn blocking(client: &dyn Transport, url: &Url, timeout_ms: u64, limit: u64) -> Result<Response, ReadRefused> {
    let accept = "application/yaml, application/json;q=0.9, */*;q=0.8".to_owned();
    let request = Request {
        method: "GET".to_owned(),
        url: url.to_string(),
        headers: vec![("Accept".to_owned(), accept)],
        body: None,
    };
    let outgoing = Outgoing {
        call: CallId(0),
        request,
        because: Because::Operation,
        timeout_ms,
        body_bytes: limit,
        parsed: ParsedUrl::default(),
    };
    let exchange = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| ReadRefused::Fault(format!("cannot start: {error}")))?;
        runtime.block_on(client.send(outgoing)).map_err(|Failure { kind, message, .. }| match kind {
            FailureKind::Refused | FailureKind::BodyTooLarge | FailureKind::HeadTooLarge => {
                ReadRefused::Refused(message)
            }
            _ => ReadRefused::Fault(message),
        })
    };
    std::thread::scope(|scope| scope.spawn(exchange).join())
        .unwrap_or_else(|_| Err(ReadRefused::Fault("the client broke down".to_owned())))
}
