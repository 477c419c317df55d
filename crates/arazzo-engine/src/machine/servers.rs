//! Servers that a run may call: those of its operations, as they are given or described.

use url::Url;

use super::Machine;
use crate::code::Code;
use crate::credentials::is_credential;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::limits::Settings;
use crate::openapi::security::Kind;
use crate::openapi::server::NoUrl;
use crate::program::{Channel, ChannelKind, Destinations, Program, Step, WorkflowId};
use crate::remedy::Remedy;

/// The servers of a run that are missing, or cannot be called.
pub(super) fn missing_servers(program: &Program, workflow: WorkflowId, settings: &Settings) -> Diagnostics {
    let mut faults = Diagnostics::default();
    let workflows = program.reached(workflow);
    let steps = workflows.iter().filter_map(|id| program.workflow(*id)).flat_map(|workflow| &workflow.steps);
    for operation in steps.filter_map(|id| program.step(*id)).filter_map(|step| program.operation_of(step)) {
        let source = program.apis.get(operation.api).map(|api| api.name.as_str()).unwrap_or_default();
        if let Err(error) = operation.server_url(source, &settings.servers) {
            let called = operation.name();
            let remedy = match &error {
                NoUrl::Variable(name) | NoUrl::Value(name, _) => Remedy::GiveServerVariable(name.clone()),
                NoUrl::Relative | NoUrl::NotHttp(_) => Remedy::GiveServer(source.to_owned()),
            };
            let message = format!("operation `{called}` cannot be called: {error}");
            faults.push(Diagnostic::error(Code::UnknownServer, operation.span, message).remedy(remedy));
        }
    }
    missing_brokers(program, &workflows, settings, &mut faults);
    let given = settings.servers.named.iter().map(|(name, url)| (Some(name), url));
    for (name, url) in given.chain(settings.servers.all.iter().map(|url| (None, url))) {
        let has_channels = |channel: &Channel| {
            let is = program.apis.get(channel.api).is_some_and(|api| Some(&api.name) == name);
            is && channel.kind == ChannelKind::Described
        };
        if program.channels.iter().any(has_channels) {
            continue;
        }
        let is_whole = Url::parse(url).is_ok_and(|parsed| {
            matches!(parsed.scheme(), "http" | "https") && parsed.has_host() && parsed.fragment().is_none()
        });
        if name.is_none()
            && let Some((source, channel)) = program.channels_by_source().next()
        {
            // It is for whatever it fits: something has to.
            let fits = |(source, channel): (&str, &Channel)| channel.given(source, &settings.servers).is_some();
            let has_requests = program.steps.iter().any(|step| program.operation_of(step).is_some());
            let is_of_any = program.channels_by_source().any(fits) || is_whole && has_requests;
            if !is_of_any {
                let scheme = url.split_once("://").map_or(url.as_str(), |(scheme, _)| scheme);
                let scheme = scheme.chars().take(20).collect::<String>();
                let message = format!(
                    "a server by `{scheme}` is for no source: channels of `{source}` are reached by {}",
                    channel.protocols().join(", ")
                );
                faults.push(Diagnostic::error(Code::UnknownServer, None, message).remedy(give_broker(source, channel)));
            }
            continue;
        }
        if !is_whole {
            let message = "a server is not an absolute http or https url without a fragment".to_owned();
            faults.push(Diagnostic::error(Code::UnknownServer, None, message).remedy(Remedy::GiveWholeServer));
        }
    }
    faults
}

/// A server of a channel can be given.
fn give_broker(source: &str, channel: &Channel) -> Remedy {
    let scheme = channel.protocols().into_iter().next().unwrap_or("mqtt");
    Remedy::GiveBroker { source: source.to_owned(), scheme: scheme.to_owned() }
}

/// The servers of channels that are missing, or cannot be connected to. A source that is mocked needs none.
fn missing_brokers(program: &Program, workflows: &[WorkflowId], settings: &Settings, faults: &mut Diagnostics) {
    let steps = workflows.iter().filter_map(|id| program.workflow(*id)).flat_map(|workflow| &workflow.steps);
    let mut said: Vec<&str> = vec![];
    for step in steps.filter_map(|id| program.step(*id)) {
        let (Some(channel), Some(source)) = (program.channel_of(step), program.source_of(step)) else { continue };
        // What is missing of an operation was said.
        if channel.kind != ChannelKind::Described
            || settings.mocked.contains(source)
            || said.contains(&channel.name.as_str())
        {
            continue;
        }
        let servers = &settings.servers;
        let Err(error) = channel.endpoint_or_mocked(source, servers, false) else { continue };
        said.push(&channel.name);
        let (reason, remedy) = match &error {
            NoUrl::Relative => ("no server of it is described".to_owned(), give_broker(source, channel)),
            NoUrl::Variable(name) | NoUrl::Value(name, _) => {
                (error.to_string(), Remedy::GiveServerVariable(name.clone()))
            }
            NoUrl::NotHttp(url) => (format!("`{url}` is no address of a broker"), give_broker(source, channel)),
        };
        let message = format!("channel `{}` cannot be reached: {reason}", channel.name);
        let fault = Diagnostic::error(Code::UnknownServer, channel.span, message).remedy(remedy);
        faults.push(fault.note(step.span, format!("used by step `{}`", step.name)));
    }
}

impl Machine {
    /// Where this run can send something: what is shown of its workflow before it runs. Asked where an answer leads, which
    /// is rare, so it is not kept.
    pub(super) fn destinations(&self) -> Destinations {
        let started = self.state.frames.first().map_or_else(|| self.frame().workflow, |frame| frame.workflow);
        let settings = &self.state.settings;
        let reached = self.program.within_depth(started, settings.limits.depth);
        Destinations::of(&self.program, &reached, settings, &|_| false)
    }

    /// `true` for a url that a server may name for what is sent next: at a host that a source names, or that was allowed.
    pub(super) fn may_lead_to(&self, url: &str) -> bool {
        Url::parse(url).is_ok_and(|url| self.destinations().may_lead_to(&url))
    }

    /// `true` if the step calls a source that is answered from its description.
    pub(super) fn is_mocked(&self, step: &Step) -> bool {
        let api = self.program.operation_of(step).and_then(|operation| self.program.apis.get(operation.api));
        api.is_some_and(|api| self.state.settings.mocked.contains(&api.name))
    }
}

/// The values in the query of a server that was given which prove who calls, as they are written, with their names: by a
/// usual name, or that of an API key of the descriptions.
pub(crate) fn secrets_of_query<'u>(url: &'u str, program: &Program) -> Vec<(&'u str, &'u str)> {
    let query = url.split('#').next().unwrap_or_default().split_once('?').map_or("", |(_, query)| query);
    let needed = || program.operations.iter().filter_map(|operation| operation.security.as_ref()).flatten().flatten();
    let is_key = |known: &str| {
        needed().any(|needed| {
            matches!(&needed.scheme.kind, Kind::ApiKey { name, location } if location == "query" && name == known)
        })
    };
    let usual =
        |name: &str| is_credential(name) || matches!(name.to_ascii_lowercase().as_str(), "sig" | "pass" | "code");
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(name, value)| !value.is_empty() && (usual(name) || is_key(name))).collect()
}
