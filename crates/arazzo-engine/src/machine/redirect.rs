//! Answers that say *elsewhere*: whether to go there, and with what (docs/readings.md, redirects).

use url::Url;

use super::Machine;
use super::contract::find_documented;
use super::fault::Fault;
use super::wire::Request;
use crate::expr::StepId;
use crate::limits::Redirects;
use crate::program::{Criterion, Step};
use crate::reason::Reason;
use crate::remedy::Remedy;

/// Redirects that may follow one another.
pub(super) const HOPS: u32 = 10;

/// The consequence of an answer.
pub(super) enum Hop {
    /// It is the answer: it is judged.
    Judge,
    /// This is sent next.
    Follow(Box<Request>),
    /// The run does not go there.
    Refuse(Box<Fault>),
    /// There were too many.
    TooMany,
}

impl Machine {
    /// Decides about an answer to `request`.
    pub(super) fn decide_hop(
        &self,
        id: StepId,
        step: &Step,
        request: &Request,
        (status, location): (u16, Option<&str>),
        hops: u32,
    ) -> Hop {
        let Some(location) = location.filter(|_| matches!(status, 301 | 302 | 303 | 307 | 308)) else {
            return Hop::Judge;
        };
        let is_documented = self
            .program
            .operation_of(step)
            .and_then(|operation| find_documented(operation, status))
            .is_some_and(|(known, _)| known != "default");
        if self.state.settings.redirects == Redirects::Never || is_documented || judges_redirects(step) {
            return Hop::Judge;
        }
        let Ok(from) = Url::parse(&request.url) else { return Hop::Judge };
        let Ok(mut to) = from.join(location) else { return Hop::Judge };
        to.set_fragment(None);
        if hops >= HOPS {
            return Hop::TooMany;
        }
        let refused = |reason: &str| {
            let shown = self.mask(to.as_str());
            let message = format!("the answer redirects to {shown}, and {reason}");
            let mut fault = self.fault_at(id, Reason::RedirectRefused, message);
            fault.remedy = Some(Box::new(Remedy::JudgeRedirects));
            Hop::Refuse(Box::new(fault))
        };
        if !matches!(to.scheme(), "http" | "https") || !to.has_host() {
            return refused("that is no http or https url");
        }
        if !to.username().is_empty() || to.password().is_some() {
            return refused("a url with a user in it is not followed");
        }
        if from.scheme() == "https" && to.scheme() == "http" {
            return refused("going from https to http is not safe");
        }
        let elsewhere = from.origin() != to.origin();
        if elsewhere && self.is_mocked(step) {
            return refused("a source that is mocked calls nothing");
        }
        if elsewhere && !is_upgrade(&from, &to) && !self.may_lead_to(to.as_str()) {
            let mut hop = refused("no source names that host");
            if let (Hop::Refuse(fault), Some(host)) = (&mut hop, to.host_str()) {
                fault.remedy = Some(Box::new(Remedy::AllowHost(host.to_owned())));
            }
            return hop;
        }
        // What is asked with POST is looked at with GET, as browsers do; 307 and 308 repeat the request.
        let keeps = matches!(status, 307 | 308) || matches!(request.method.as_str(), "GET" | "HEAD");
        let method = match (status, keeps) {
            (_, true) => request.method.clone(),
            (303, false) => "GET".to_owned(),
            (_, false) if request.method == "POST" => "GET".to_owned(),
            (_, false) => request.method.clone(),
        };
        let body = request.body.clone().filter(|_| method == request.method);
        if elsewhere {
            let tells = |text: &str| self.mask(text) != text;
            if tells(to.as_str()) || body.as_deref().is_some_and(|body| tells(&String::from_utf8_lossy(body))) {
                return refused("a secret would go to another origin with it");
            }
        }
        // Another origin gets what says in which form to answer, and nothing else that the step had for the first one.
        let harmless = |name: &str| name.starts_with("accept") || matches!(name, "content-type" | "user-agent");
        let headers = request.headers.iter().filter(|(name, value)| {
            let name = name.to_ascii_lowercase();
            let of_body = name.starts_with("content-") && body.is_none();
            !of_body && !(elsewhere && (!harmless(&name) || self.mask(value) != *value))
        });
        Hop::Follow(Box::new(Request { method, url: to.to_string(), headers: headers.cloned().collect(), body }))
    }
}

/// The same host, from http to https.
fn is_upgrade(from: &Url, to: &Url) -> bool {
    (from.scheme(), to.scheme()) == ("http", "https")
        && from.host_str() == to.host_str()
        && from.port().is_none()
        && to.port().is_none()
}

/// `true` if a step looks at redirects itself: a criterion that names a status of them, or reads where they lead.
fn judges_redirects(step: &Step) -> bool {
    let location = |text: &str| text.to_ascii_lowercase().contains("$response.header.location");
    let status = |text: &str| {
        text.split(|c: char| !c.is_ascii_alphanumeric())
            .any(|word| word.len() == 3 && word.starts_with('3') && word.bytes().skip(1).all(|b| b.is_ascii_digit()))
    };
    let names = |criterion: &Criterion| {
        let context = criterion.context.as_deref().unwrap_or_default();
        let about = criterion.text.contains("$statusCode") || context.contains("$statusCode");
        location(&criterion.text) || location(context) || about && status(&criterion.text)
    };
    let mut criteria = step.criteria.iter().chain(step.actions().flat_map(|action| &action.criteria));
    criteria.any(names) || step.outputs.iter().any(|output| location(&output.text))
}
