//! What is asked about every request before it is one of a turn: whether it is what was planned for it.

use url::Url;

use super::Machine;
use super::fault::Fault;
use super::frame::{CallPurpose, PendingCall};
use super::message;
use super::wire::Request;
use crate::expr::StepId;
use crate::gate::{Difference, Route, compare, compare_headers, compare_path, sent_url};
use crate::program::{Location, Operation, Step};
use crate::reason::Reason;

impl Machine {
    /// The stop of the run if a request is not what was planned for its call.
    pub(super) fn refuse_unplanned(&self, pending: &PendingCall, request: &Request) -> Option<Fault> {
        let step = self.program.step(pending.step)?;
        let difference = self.compare_with_plan(step, pending, request).err()?;
        let message = format!("a request is not sent, because it is not as it was planned: {difference}");
        Some(self.fault_at(pending.step, Reason::UnplannedRequest, message))
    }

    /// The stop of the run if the request that a stream is opened with is not what was planned for its step.
    pub(super) fn refuse_unplanned_stream(&self, id: StepId, step: &Step, request: &Request) -> Option<Fault> {
        let difference = self.compare_with_operation(step, request).err()?;
        let message = format!("a request is not sent, because it is not as it was planned: {difference}");
        Some(self.fault_at(id, Reason::UnplannedRequest, message))
    }

    /// The fault of a step if what a channel of the web is connected with, or sent, is not what was planned for it: below the
    /// path of its server, on its address (but where a message said that), and with no header of the connection.
    pub(super) fn refuse_unplanned_handshake(
        &self,
        step: &Step,
        (server, address): (&str, Option<&str>),
        channel: &message::Channel,
    ) -> Result<(), Box<Fault>> {
        if !channel.protocol.is_web() || channel.hook.is_some() {
            return Ok(());
        }
        let template = address.map_or_else(|| "/{+address}".to_owned(), rooted);
        let path = channel.path.split('?').next().unwrap_or_default();
        // A channel without an address is its server.
        let sent = if path == server { format!("{path}/") } else { path.to_owned() };
        let compared =
            compare_path(server, &template, &sent).and_then(|()| compare_step_headers(step, &channel.headers));
        compared.map_err(|difference| {
            let message = format!("a channel is not connected to, because it is not as it was planned: {difference}");
            Fault::unsent(Reason::UnplannedRequest, step, step.span, message)
        })
    }

    /// Compares a request with the operation of its step.
    fn compare_with_operation(&self, step: &Step, request: &Request) -> Result<(), Difference> {
        let (operation, server) = self.planned_server(step)?;
        compare_step_headers(step, &request.headers)?;
        let route = Route { method: &operation.method, server: &server, path: &operation.path };
        compare(route, &request.method, &request.url)
    }

    fn planned_server(&self, step: &Step) -> Result<(&Operation, String), Difference> {
        let operation = self.program.operation_of(step).ok_or(Difference::Origin)?;
        let source = self.program.apis.get(operation.api).map(|api| api.name.as_str()).unwrap_or_default();
        let server = operation.server_url(source, &self.state.settings.servers).map_err(|_| Difference::Origin)?;
        Ok((operation, server))
    }

    fn compare_with_plan(&self, step: &Step, pending: &PendingCall, request: &Request) -> Result<(), Difference> {
        let (_, server) = self.planned_server(step)?;
        compare_step_headers(step, &request.headers)?;
        match &pending.purpose {
            CallPurpose::Operation if pending.hops == 0 => self.compare_with_operation(step, request),
            CallPurpose::Operation => {
                let url = sent_url(&request.url)?;
                let same = Url::parse(&server).is_ok_and(|server| server.origin() == url.origin());
                let elsewhere = || !self.is_mocked(step) && self.may_redirect(&url);
                if same || elsewhere() { Ok(()) } else { Err(Difference::Origin) }
            }
            // A message is no request.
            CallPurpose::Message => Err(Difference::Origin),
            CallPurpose::Token(key) | CallPurpose::Discovery(key) => {
                let url = Url::parse(&request.url).map_err(|_| Difference::Url)?;
                let planned = self.token_urls(step, key);
                let is_one = |planned: &String| Url::parse(planned).is_ok_and(|planned| planned == url);
                let destinations = self.destinations();
                let shown = destinations.fetches_from(&url) || destinations.may_lead_to(&url);
                let planned = shown && planned.iter().any(is_one);
                if planned && !self.is_mocked(step) { Ok(()) } else { Err(Difference::Origin) }
            }
        }
    }

    /// `true` for a host that a source names or that was allowed, also where it was left http for https.
    fn may_redirect(&self, url: &Url) -> bool {
        let mut plain = url.clone();
        let was_plain = url.scheme() == "https" && url.port().is_none() && plain.set_scheme("http").is_ok();
        self.may_lead_to(url.as_str()) || was_plain && self.may_lead_to(plain.as_str())
    }
}

/// Looks at the headers of a request: `Host` is one of its own where the step names it.
fn compare_step_headers(step: &Step, headers: &[(String, String)]) -> Result<(), Difference> {
    let is_host = |name: &str| name.eq_ignore_ascii_case("host");
    let mut arguments = step.call.arguments().iter();
    let names_host = arguments.any(|argument| argument.location == Location::Header && is_host(&argument.name));
    compare_headers(headers, names_host)
}

/// An address as a path.
fn rooted(address: &str) -> String {
    format!("{}{address}", if address.starts_with('/') { "" } else { "/" })
}
