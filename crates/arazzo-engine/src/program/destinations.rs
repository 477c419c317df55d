//! The hosts that the run of a workflow can send something to: one list, which people see before a run and requests are
//! held against.

use std::collections::{BTreeSet, HashSet, VecDeque};

use url::Url;

use super::{Call, OperationId, Program, Step, Target, Then, WorkflowId};
use crate::limits::{AllowedHost, Redirects, Settings, plain_host};
use crate::openapi::security::{Kind, at_server};

/// Where the run of a workflow can send something, and for what.
#[derive(Debug, Clone, Default)]
pub(crate) struct Destinations {
    /// The servers of the operations that it can call.
    operations: Vec<Url>,
    /// Where it can fetch tokens and OpenID configurations.
    tokens: Vec<Url>,
    /// The servers of the operations that only other workflows of the document call: an answer may lead there.
    others: Vec<Url>,
    /// What was allowed beyond the documents: an answer may lead there.
    allowed: Vec<AllowedHost>,
    /// `true` if there are answers that may lead elsewhere.
    follows: bool,
}

impl Destinations {
    /// Those of the workflows that a run can get to ([`Program::within_depth`]), with these settings. `answered` are
    /// sources that something else answers for: they fetch no token, and calling them touches nothing.
    pub(crate) fn of(
        program: &Program,
        reached: &[WorkflowId],
        settings: &Settings,
        answered: &dyn Fn(&str) -> bool,
    ) -> Self {
        let mut found = Self { allowed: settings.allowed_hosts.clone(), ..Self::default() };
        found.follows = settings.redirects != Redirects::Never;
        let (mut called, mut fetched) = (HashSet::new(), HashSet::new());
        let steps = reached.iter().filter_map(|id| program.workflow(*id)).flat_map(|workflow| &workflow.steps);
        for step in steps.filter_map(|id| program.step(*id)) {
            let Some((source, server)) = server_of(program, step, settings) else { continue };
            if answered(source) {
                continue;
            }
            // Most operations have the server of another, and a url is parsed once.
            add(&mut found.operations, &mut called, &server);
            for kind in program.token_schemes(step) {
                found.follows |= matches!(kind, Kind::OpenIdConnect(_));
                kind.token_urls().for_each(|url| add(&mut found.tokens, &mut fetched, &at_server(url, &server)));
            }
        }
        for operation in program.described_servers().filter_map(|id| program.operation(id)) {
            let source = program.apis.get(operation.api).map(|api| api.name.as_str()).unwrap_or_default();
            if let (Ok(server), false) = (operation.server_url(source, &settings.servers), answered(source)) {
                add(&mut found.others, &mut called, &server);
            }
        }
        found
    }

    /// `true` for a url that a redirect, or an OpenID configuration, may lead to: at a host that a source names, or that
    /// was allowed.
    pub(crate) fn may_lead_to(&self, url: &Url) -> bool {
        let Some((host, port)) = place(url) else { return false };
        let plain = plain_host(host);
        self.allowed.iter().any(|given| given.is(&plain, port))
            || self.operations.iter().chain(&self.others).any(|known| place(known) == Some((host, port)))
    }

    /// `true` for a url that a token or an OpenID configuration is fetched from, as a document names it.
    pub(crate) fn fetches_from(&self, url: &Url) -> bool {
        self.tokens.contains(url)
    }

    /// Hosts that no operation of the workflow calls, and that an answer may lead to: of other operations of its document,
    /// and those that were allowed, also where a token is fetched from. As people read them, each once.
    pub(crate) fn led_to(&self) -> Vec<String> {
        let called: BTreeSet<String> = self.operations.iter().filter_map(host_with_port).collect();
        let others = self.others.iter().filter_map(host_with_port);
        let hosts = others.chain(self.allowed.iter().map(ToString::to_string));
        let mut known = HashSet::new();
        hosts.filter(|host| self.follows && !called.contains(host) && known.insert(host.clone())).collect()
    }
}

fn server_of<'p>(program: &'p Program, step: &Step, settings: &Settings) -> Option<(&'p str, String)> {
    let operation = program.operation_of(step)?;
    let source = program.apis.get(operation.api).map(|api| api.name.as_str()).unwrap_or_default();
    Some((source, operation.server_url(source, &settings.servers).ok()?))
}

/// Adds a url that is not one of those that were added before.
fn add(urls: &mut Vec<Url>, known: &mut HashSet<String>, text: &str) {
    if !known.contains(text) {
        known.insert(text.to_owned());
        urls.extend(Url::parse(text));
    }
}

fn place(url: &Url) -> Option<(&str, u16)> {
    Some((url.host_str()?, url.port_or_known_default()?))
}

/// `api.example:8443`: the host of a url as people read it, with its port if it is written.
pub(crate) fn host_with_port(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

impl Program {
    /// The workflows that a run can get to where so many may be in progress, each called by the one before; going over to
    /// another workflow goes no deeper.
    pub(crate) fn within_depth(&self, from: WorkflowId, most: u32) -> Vec<WorkflowId> {
        let mut reached = vec![];
        let mut met = BTreeSet::new();
        let mut waiting = VecDeque::from([(from, 0)]);
        // What is least deep comes first, so that a workflow is met where it is least deep.
        while let Some((id, depth)) = waiting.pop_front() {
            let Some(workflow) = self.workflow(id).filter(|_| depth < most && met.insert(id)) else { continue };
            reached.push(id);
            let mut deeper: Vec<WorkflowId> = workflow.dependencies.clone();
            for step in workflow.steps.iter().filter_map(|id| self.step(*id)) {
                deeper.extend(step.call.workflow());
                for action in step.actions() {
                    match (&action.then, action.then.target()) {
                        (Then::Goto(_), Some(Target::Workflow { workflow, .. })) => {
                            waiting.push_front((*workflow, depth));
                        }
                        (_, Some(Target::Workflow { workflow, .. })) => deeper.push(*workflow),
                        _ => {}
                    }
                }
            }
            waiting.extend(deeper.into_iter().map(|id| (id, depth + 1)));
        }
        reached
    }

    /// An operation for each server that is described, in the order of the operations: what is asked about the servers of
    /// all of them is asked about each once.
    fn described_servers(&self) -> impl Iterator<Item = OperationId> {
        let found = self.found_out.described_servers.get_or_init(|| {
            let mut known = HashSet::new();
            let ids = (0..).map(OperationId).zip(&self.operations);
            ids.filter(|(_, operation)| known.insert((operation.api, &operation.server))).map(|(id, _)| id).collect()
        });
        found.iter().copied()
    }

    /// The security schemes that a token may be fetched for before a step: those that its own parameters do not stand for.
    fn token_schemes<'p>(&'p self, step: &'p Step) -> impl Iterator<Item = &'p Kind> {
        let security = self.operation_of(step).and_then(|operation| operation.security.as_ref());
        let kinds = security.into_iter().flatten().flatten().map(|needed| &needed.scheme.kind);
        kinds.filter(|kind| !step.call.passes_credential(kind))
    }
}

impl Call {
    /// `true` if the step itself passes what a security scheme asks for.
    pub(crate) fn passes_credential(&self, kind: &Kind) -> bool {
        match kind {
            Kind::ApiKey { name, location } => self.passes(location, name),
            Kind::MutualTls => false,
            _ => self.passes("header", "Authorization"),
        }
    }

    /// `true` if a parameter stands at this place (`header`, `query`, `cookie`) with this name.
    pub(crate) fn passes(&self, location: &str, name: &str) -> bool {
        self.arguments().iter().any(|argument| match argument.location.word() {
            "header" => location == "header" && argument.name.eq_ignore_ascii_case(name),
            word @ ("query" | "cookie") => location == word && argument.name == name,
            _ => false,
        })
    }
}
