//! The calls that a workflow will make, told without calling: for `inspect` and `--dry-run`.

use serde::Serialize;

use crate::address;
use crate::compile::secrets::Origins;
use crate::credentials::{AuthMethod, Choice, User, header_of};
use crate::inputs::InputValues;
use crate::limits::{Servers, Settings, is_overridden};
use crate::machine::{choice, learn_input, secrets_of_query};

pub use crate::limits::is_safe;
use crate::openapi::encode::percent;
use crate::openapi::path;
use crate::openapi::security::{Needed, at_server};
use crate::program::{
    Build, Call, Channel, Destinations, Location, Operation, Program, Step, Target, Then, Workflow, WorkflowId,
    host_with_port,
};
use crate::redact::Redactor;
use crate::source::Place;
use crate::value::Json;

/// One step as it is written, with its method and url.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PlannedStep {
    /// The workflow of the step.
    pub workflow: String,
    /// The number of calls of workflows that lead to it.
    pub depth: u32,
    /// `stepId`
    pub step: String,
    /// The workflow that the step calls; its steps follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<String>,
    /// `operationId`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The source description of the operation.
    pub source: String,
    /// `GET`
    pub method: String,
    /// The host, with its port if it has one; empty if no server is known.
    pub host: String,
    /// The path of the operation, that of the server before it: `/api/volumes/{volumeId}`.
    pub path: String,
    /// The url, with expressions in braces where values are not known yet, and without the password of its server.
    pub url: String,
    /// Headers and cookies as they are written.
    pub headers: Vec<(String, String)>,
    /// The body as it is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Json>,
    /// The place of the step.
    pub span: Place,
}

impl PlannedStep {
    /// `true` for a step that waits for a webhook: it calls nothing, and is called.
    #[must_use]
    pub fn is_webhook(&self) -> bool {
        self.method == "RECEIVE" && self.host.is_empty() && !self.url.contains("://")
    }
}

/// Everything that running a workflow touches, which decides whether it is trusted.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Footprint {
    /// The hosts that are called, each with its calls, in their order.
    pub hosts: Vec<CalledHost>,
    /// Other hosts that an answer may lead to, by a redirect or an OpenID configuration: those of other operations of the
    /// document, and those that were allowed. Nothing else is called but these, `hosts`, and what `credentials` go to.
    pub leads_to: Vec<String>,
    /// The hosts that secrets go to.
    pub secrets: Vec<SentSecret>,
    /// Security schemes that the operations ask for.
    pub credentials: Vec<AskedCredential>,
    /// Calls that may change something: all whose method is not safe ([`is_safe`]).
    pub changes: Vec<CalledOperation>,
    /// Steps that delete something, which may clean up.
    pub cleanup: Vec<String>,
    /// Ways back to a step that came before.
    pub loops: Vec<Loop>,
}

/// A host with its calls.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CalledHost {
    /// The host, with its port if it has one; empty if no server is known.
    pub host: String,
    /// Each operation once.
    pub calls: Vec<String>,
    /// The origins of its servers, such as `https://api.example:8443`.
    #[serde(skip)]
    pub origins: Vec<String>,
}

/// A secret with a place that it is sent to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SentSecret {
    /// An input of the workflow that is started, or `step.output`; of what was given to prove who calls, its name.
    pub name: String,
    /// The header, query parameter, cookie or path parameter; `body`.
    pub to: String,
    /// The host.
    pub host: String,
    /// Its origin, such as `https://api.example:8443`.
    #[serde(skip)]
    pub origin: String,
}

/// A security scheme that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AskedCredential {
    /// Its name.
    pub scheme: String,
    /// The source description.
    pub source: String,
    /// The hosts that it goes to: those of its operations, and where tokens are fetched.
    pub hosts: Vec<String>,
}

/// An operation that a step calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CalledOperation {
    /// The step.
    pub step: String,
    /// `POST /volumes`
    pub call: String,
}

/// A way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Loop {
    /// The step that goes back.
    pub from: String,
    /// The step, or workflow, that it goes back to.
    pub to: String,
    /// The action.
    pub action: String,
    /// Its place in the document.
    pub span: Place,
}

/// The footprint of a workflow, with the workflows that it may run. `answered` are sources that something on this
/// machine answers for: calling them touches nothing.
#[must_use]
pub fn touches(
    program: &Program,
    workflow: WorkflowId,
    settings: &Settings,
    answered: &dyn Fn(&str) -> bool,
) -> Footprint {
    let reached = program.within_depth(workflow, settings.limits.depth);
    let destinations = Destinations::of(program, &reached, settings, answered);
    let mut touches = Footprint { leads_to: destinations.led_to(), ..Footprint::default() };
    let origins = Origins::new(program, workflow, &reached, &settings.secrets);
    for id in reached {
        let Some(own) = program.workflow(id) else { continue };
        for step in own.steps.iter().filter_map(|id| program.step(*id)) {
            let planned = plan_call(program, step, &settings.servers);
            let planned = planned.or_else(|| plan_message(program, step, &settings.servers));
            if let Some(planned) = planned.filter(|planned| !answered(&planned.source)) {
                touches.calls(program, &origins, step, planned, settings);
            }
            touches.loops(program, id, own, step);
        }
    }
    touches
}

/// The hosts that the given credentials go to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SentCredentials {
    /// Credentials, and the tokens that are fetched with them.
    pub secrets: Vec<SentSecret>,
    /// Origins that tokens are fetched from.
    pub origins: Vec<String>,
}

/// Says where credentials go when a workflow runs. `answered` are sources that need none, because something else answers
/// for them.
#[must_use]
pub fn sent_credentials(
    program: &Program,
    workflow: WorkflowId,
    settings: &Settings,
    answered: &dyn Fn(&str) -> bool,
) -> SentCredentials {
    let given = &settings.credentials;
    let mut sent = SentCredentials::default();
    let workflows = program.reached(workflow);
    let steps = workflows.iter().filter_map(|id| program.workflow(*id)).flat_map(|workflow| &workflow.steps);
    for step in steps.filter_map(|id| program.step(*id)) {
        let Some(operation) = program.operation_of(step) else { continue };
        let source = program.apis.get(operation.api).map(|api| api.name.as_str()).unwrap_or_default();
        if answered(source) {
            continue;
        }
        let server = operation.server_url(source, &settings.servers).unwrap_or_default();
        for (key, credential) in given.iter() {
            if let Some(name) = header_of(key) {
                sent.secret(credential.secret.then(|| credential.name.clone()), format!("header {name}"), &server);
            }
        }
        let Choice::Ways(ways) = choice(program, step, &settings.servers, &|key| given.has(key), given.certificate)
        else {
            continue;
        };
        let name = |key: &str| {
            let known = given.iter().find(|(known, _)| *known == key);
            known.filter(|(_, credential)| credential.secret).map(|(_, credential)| credential.name.clone())
        };
        let authorization = || "header Authorization".to_owned();
        for way in ways {
            match way {
                AuthMethod::Document | AuthMethod::Certificate => {}
                AuthMethod::Key { name: to, location, key } => {
                    sent.secret(name(&key), format!("{location} {to}"), &server)
                }
                AuthMethod::Bearer(key) => sent.secret(name(&key), authorization(), &server),
                AuthMethod::Basic(User::Whole(key)) | AuthMethod::Digest(User::Whole(key)) => {
                    sent.secret(name(&key), authorization(), &server);
                }
                AuthMethod::Basic(User::Parts(user, password)) | AuthMethod::Digest(User::Parts(user, password)) => {
                    sent.secret(name(&user), authorization(), &server);
                    sent.secret(name(&password), authorization(), &server);
                }
                AuthMethod::Fetch(fetch) => {
                    sent.secret(Some(format!("{}.access_token", fetch.scheme)), authorization(), &server);
                    let fields = fetch.fields(given.iter().map(|(key, _)| key));
                    let fields: Vec<String> = fields.into_iter().map(|(_, key)| key.to_owned()).collect();
                    let secrets = fetch.client.1.iter().chain(fetch.user.iter().map(|(_, password)| password));
                    let secrets = secrets.chain(&fields);
                    for url in std::iter::once(&fetch.url).chain(&fetch.refresh_url) {
                        // Where an OpenID configuration leads is not known yet.
                        if !fetch.discovery {
                            secrets.clone().for_each(|key| sent.secret(name(key), "the token request".to_owned(), url));
                        }
                        let origin = origin_of(url);
                        if !sent.origins.contains(&origin) {
                            sent.origins.push(origin);
                        }
                    }
                }
            }
        }
    }
    sent
}

impl SentCredentials {
    fn secret(&mut self, name: Option<String>, to: String, url: &str) {
        let Some(name) = name else { return };
        let sent = SentSecret { name, to, host: host_of(url).unwrap_or_default(), origin: origin_of(url) };
        if !self.secrets.contains(&sent) {
            self.secrets.push(sent);
        }
    }
}

impl Footprint {
    fn calls(
        &mut self,
        program: &Program,
        origins: &Origins<'_>,
        step: &Step,
        planned: PlannedStep,
        settings: &Settings,
    ) {
        // What comes to a webhook is sent by others.
        if program.channel_of(step).is_some_and(Channel::is_webhook) {
            return;
        }
        let operation = program.operation_of(step);
        let message = program.describe_message(step);
        let Some(call) = operation.map(Operation::endpoint).or(message) else { return };
        let (arguments, body) = (step.call.arguments(), step.call.body());
        let host = planned.host;
        let server =
            operation.map(|operation| operation.server_url(&planned.source, &settings.servers).unwrap_or_default());
        // A channel has no path that its server does not.
        let server = server.unwrap_or_else(|| {
            planned.url.split_once("://").map_or_else(String::new, |(scheme, _)| format!("{scheme}://{host}"))
        });
        let origin = if operation.is_some() { origin_of(&server) } else { server.clone() };
        self.host(&host, &call, &origin);
        let sends = operation.is_some() || step.call.receive().is_none();
        if sends && (!is_safe(&planned.method) || is_overridden(&planned.headers, &planned.url)) {
            self.changes.push(CalledOperation { step: step.name.clone(), call });
        }
        if planned.method == "DELETE" {
            self.cleanup.push(step.name.clone());
        }
        let mut reads: Vec<(String, &Build)> =
            arguments.iter().map(|a| (format!("{} {}", a.location.word(), a.name), &a.value)).collect();
        if let Some(body) = body {
            reads.push(("body".to_owned(), &body.payload));
            reads.extend(body.replacements.iter().map(|replacement| ("body".to_owned(), &replacement.value)));
        }
        for (to, value) in reads {
            for name in origins.of(value, step.workflow) {
                let sent = SentSecret { name, to: to.clone(), host: host.clone(), origin: origin.clone() };
                if !self.secrets.contains(&sent) {
                    self.secrets.push(sent);
                }
            }
        }
        // What the document passes itself is not asked for.
        let asked = |needed: &&Needed| !step.call.passes_credential(&needed.scheme.kind);
        let security = operation.and_then(|operation| operation.security.as_ref());
        for needed in security.into_iter().flatten().flatten().filter(asked) {
            let mut hosts = vec![host.clone()];
            hosts.extend(needed.scheme.kind.token_urls().filter_map(|url| host_of(&at_server(url, &server))));
            let (scheme, source) = (&needed.scheme.name, &planned.source);
            let known = self.credentials.iter().position(|asked| asked.scheme == *scheme && asked.source == *source);
            let index = known.unwrap_or_else(|| {
                self.credentials.push(AskedCredential {
                    scheme: scheme.clone(),
                    source: source.clone(),
                    hosts: vec![],
                });
                self.credentials.len() - 1
            });
            let Some(asked) = self.credentials.get_mut(index) else { continue };
            for host in hosts {
                if !asked.hosts.contains(&host) {
                    asked.hosts.push(host);
                }
            }
        }
    }

    fn host(&mut self, host: &str, call: &str, origin: &str) {
        let known = self.hosts.iter().position(|known| known.host == host);
        let index = known.unwrap_or_else(|| {
            self.hosts.push(CalledHost { host: host.to_owned(), calls: vec![], origins: vec![] });
            self.hosts.len() - 1
        });
        let Some(called) = self.hosts.get_mut(index) else { return };
        for (list, one) in [(&mut called.calls, call), (&mut called.origins, origin)] {
            if !list.iter().any(|known| known == one) {
                list.push(one.to_owned());
            }
        }
    }

    /// The document bounds none of them: criteria and the limits of the run do.
    fn loops(&mut self, program: &Program, own: WorkflowId, workflow: &Workflow, step: &Step) {
        let at = |name: &str| workflow.steps.iter().position(|id| program.step(*id).is_some_and(|s| s.name == name));
        for action in step.actions() {
            let to = match &action.then {
                Then::Goto(Target::Step(target)) => {
                    let target = program.step(*target).map(|step| step.name.as_str()).unwrap_or_default();
                    if at(target) > at(&step.name) { continue } else { target }
                }
                Then::Goto(Target::Workflow { workflow: target, .. }) if *target == own => workflow.name.as_str(),
                _ => continue,
            };
            self.loops.push(Loop {
                from: step.name.clone(),
                to: to.to_owned(),
                action: action.name.clone(),
                span: program.sources.place(action.span),
            });
        }
    }
}

/// `https://api.example:8443`; empty if it is no url.
fn origin_of(url: &str) -> String {
    url::Url::parse(url).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
}

/// `api.example:8443`
fn host_of(url: &str) -> Option<String> {
    host_with_port(&url::Url::parse(url).ok()?)
}

/// The most steps of a plan: workflows that call others twice, and those others twice, call very many.
pub const MOST: usize = 10_000;
/// The depth to which workflows that call workflows are followed; a run has the same limit.
const DEPTH: usize = 32;

/// The first [`MOST`] steps of a workflow in the order of the document, those of the workflows it depends on before and those of the
/// workflows it calls behind the step that calls them.
#[must_use]
pub fn plan(program: &Program, workflow: WorkflowId, servers: &Servers) -> Vec<PlannedStep> {
    let mut planned = vec![];
    let dependencies = program.workflow(workflow).map(|workflow| workflow.dependencies.as_slice()).unwrap_or_default();
    for id in dependencies.iter().chain([&workflow]) {
        add(program, *id, servers, &mut vec![], &mut planned);
    }
    planned
}

/// Puts values of inputs in the place of their expressions, in the steps of the workflow that they are given to. Secrets
/// are masked as a run masks them, wherever they stand.
pub fn fill(
    steps: &mut [PlannedStep],
    (program, workflow): (&Program, WorkflowId),
    settings: &Settings,
    inputs: &InputValues,
) {
    let Some(name) = program.workflow(workflow).map(|workflow| workflow.name.as_str()) else { return };
    let mut redactor = Redactor::default();
    let whole: Vec<&str> = inputs
        .iter()
        .filter(|(name, value)| {
            learn_input(&mut redactor, (program, workflow, &settings.secrets), name.as_str(), value)
        })
        .map(|(name, _)| name.as_str())
        .collect();
    // A secret is its name, whatever its type and length are.
    let given = |name: &str| {
        let value = inputs.get(name)?;
        Some(if whole.contains(&name) { Json::String(format!("‹{name}›")) } else { value.clone() })
    };
    let plain = |value: Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let text = |written: &str, encode: bool| {
        replace_inputs(written, &|name| {
            let masked = || whole.contains(&name);
            given(name).map(|value| if encode && !masked() { percent(&plain(value)) } else { plain(value) })
        })
    };
    for step in steps.iter_mut() {
        if step.workflow == name {
            step.url = text(&step.url, true);
            for (_, value) in &mut step.headers {
                *value = text(value, false);
            }
            step.body = step.body.take().map(|body| fill_value(body, &given, &|written| text(written, false)));
        }
        step.url = redactor.mask(&step.url);
        for (_, value) in &mut step.headers {
            *value = redactor.mask(value);
        }
        step.body = step.body.take().map(|body| redactor.mask_json(&body));
    }
}

/// A value with inputs in the place of their expressions: the whole of a text keeps its type.
fn fill_value(value: Json, given: &dyn Fn(&str) -> Option<Json>, text: &dyn Fn(&str) -> String) -> Json {
    match value {
        Json::String(written) => {
            let name = written.strip_prefix(INPUT).and_then(|rest| rest.strip_suffix('}'));
            name.and_then(given).unwrap_or_else(|| Json::String(text(&written)))
        }
        Json::Array(items) => items.iter().map(|item| fill_value(item.clone(), given, text)).collect(),
        Json::Object(members) => {
            let fill = |(name, value): (&String, &Json)| (name.clone(), fill_value(value.clone(), given, text));
            Json::Object(members.iter().map(fill).collect())
        }
        other => other,
    }
}

/// The beginning of an expression for an input, as a plan writes it.
const INPUT: &str = "{$inputs.";

fn replace_inputs(written: &str, given: &dyn Fn(&str) -> Option<String>) -> String {
    let (mut filled, mut rest) = (String::new(), written);
    while let Some((before, after)) = rest.split_once(INPUT) {
        filled.push_str(before);
        match after.split_once('}').and_then(|(name, behind)| Some((given(name)?, behind))) {
            Some((value, behind)) => {
                filled.push_str(&value);
                rest = behind;
            }
            None => {
                filled.push_str(INPUT);
                rest = after;
            }
        }
    }
    filled + rest
}

fn add(
    program: &Program,
    id: WorkflowId,
    servers: &Servers,
    open: &mut Vec<WorkflowId>,
    planned: &mut Vec<PlannedStep>,
) {
    // What calls itself is shown once.
    if open.contains(&id) || open.len() >= DEPTH {
        return;
    }
    let Some(workflow) = program.workflow(id) else { return };
    let depth = open.len() as u32;
    open.push(id);
    for step in workflow.steps.iter().filter_map(|id| program.step(*id)) {
        if planned.len() >= MOST {
            break;
        }
        let mut shown = match step.call {
            _ if program.operation_of(step).is_some() => plan_call(program, step, servers),
            Call::Operation { .. } => None,
            Call::Workflow { workflow, .. } => Some(call(program, step, workflow)),
            Call::Send(_) | Call::Receive(_) => plan_message(program, step, servers),
        };
        if let Some(shown) = &mut shown {
            (shown.workflow, shown.depth) = (workflow.name.clone(), depth);
        }
        planned.extend(shown);
        if let Some(workflow) = step.call.workflow() {
            add(program, workflow, servers, open, planned);
        }
    }
    open.pop();
}

fn call(program: &Program, step: &Step, workflow: WorkflowId) -> PlannedStep {
    PlannedStep {
        workflow: String::new(),
        depth: 0,
        step: step.name.clone(),
        calls: program.workflow(workflow).map(|workflow| workflow.name.clone()),
        operation: None,
        source: String::new(),
        method: String::new(),
        host: String::new(),
        path: String::new(),
        url: String::new(),
        headers: vec![],
        body: None,
        span: program.sources.place(step.span),
    }
}

/// The url of a request as it is shown: the path stands before the query of the server, as `openapi/join.rs` sends it.
fn shown_url(server: &str, path: &str, query: &str) -> String {
    let (server, of_server) = server.split_once('?').unwrap_or((server, ""));
    let (path, of_path) = path.split_once('?').unwrap_or((path, ""));
    let parts: Vec<&str> = [of_server, of_path, query].into_iter().filter(|part| !part.is_empty()).collect();
    let sign = if parts.is_empty() { "" } else { "?" };
    format!("{}{path}{sign}{}", server.trim_end_matches('/'), parts.join("&"))
}

fn plan_call(program: &Program, step: &Step, servers: &Servers) -> Option<PlannedStep> {
    let operation = program.operation_of(step)?;
    let (arguments, body) = (step.call.arguments(), step.call.body());
    let source = program.apis.get(operation.api).map(|api| api.name.clone()).unwrap_or_default();
    let server = operation.server_url(&source, servers).unwrap_or_default();
    let written =
        |location| arguments.iter().filter(move |a| a.location == location).map(|a| (a.name.clone(), text(&a.value)));
    let mut path = operation.path.clone();
    let (_, own_query) = path::split(&operation.path);
    for (name, value) in written(Location::Path).chain(written(Location::Query)) {
        path = path.replace(&format!("{{{name}}}"), &value).replace(&format!("{{+{name}}}"), &value);
    }
    let whole = written(Location::Querystring).map(|(_, value)| value);
    let others = written(Location::Query).filter(|(name, _)| !path::names(own_query, name));
    let query: Vec<String> = whole.chain(others.map(|(name, value)| format!("{name}={value}"))).collect();
    let query = query.join("&");
    let mut headers: Vec<(String, String)> = written(Location::Header).collect();
    headers.extend(written(Location::Cookie).map(|(name, value)| ("Cookie".to_owned(), format!("{name}={value}"))));
    if let Some(body) = body {
        headers.push(("Content-Type".to_owned(), body.content_type.clone()));
    }
    let parsed = url::Url::parse(&server).ok();
    let base = parsed.as_ref().map(|url| url.path().trim_end_matches('/')).unwrap_or_default();
    let host = parsed.as_ref().and_then(host_with_port);
    let given = servers.of(&source).map(|url| secrets_of_query(url, program)).unwrap_or_default();
    let shown = given
        .iter()
        .fold(server, |shown, (name, value)| shown.replace(&format!("{name}={value}"), &format!("{name}=‹{name}›")));
    Some(PlannedStep {
        workflow: String::new(),
        depth: 0,
        step: step.name.clone(),
        calls: None,
        operation: operation.id.clone(),
        source,
        method: operation.method.clone(),
        host: host.unwrap_or_default(),
        path: format!("{base}{}", operation.path),
        // What a run learns as a secret when it sends is not to be seen before it does.
        url: address::without_secrets(&shown_url(&shown, &path, &query)).into_owned(),
        headers,
        body: body.as_ref().map(|body| json(&body.payload)),
        span: program.sources.place(step.span),
    })
}

/// A message that is sent or waited for: its channel in the place of a url.
fn plan_message(program: &Program, step: &Step, servers: &Servers) -> Option<PlannedStep> {
    let (target, channel) = (step.call.target()?, program.channel_of(step)?);
    let source = program.source_of(step)?;
    let endpoint = channel.endpoint_or_mocked(source, servers, false).ok();
    let written = |location| {
        target.arguments.iter().filter(move |a| a.location == location).map(|a| (a.name.clone(), text(&a.value)))
    };
    let mut address = channel.address.clone().unwrap_or_default();
    for (name, value) in written(Location::Path) {
        address = address.replace(&format!("{{{name}}}"), &value);
    }
    let query: Vec<String> = written(Location::Query).map(|(name, value)| format!("{name}={value}")).collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    let mut headers: Vec<(String, String)> = written(Location::Header).collect();
    if let Some(body) = step.call.body() {
        headers.push(("Content-Type".to_owned(), body.content_type.clone()));
    }
    let is_web = endpoint.as_ref().is_none_or(|endpoint| endpoint.protocol.is_web());
    let (scheme, host, base) = match endpoint {
        Some(endpoint) => (endpoint.protocol.word(), endpoint.host, endpoint.path),
        None => ("channel", String::new(), String::new()),
    };
    // Elsewhere `/a` is another address than `a`.
    let address = if is_web { address.trim_start_matches('/') } else { address.as_str() };
    let path = if is_web { format!("{base}/{address}") } else { address.to_owned() };
    let (server, host) =
        if channel.is_webhook() { (String::new(), String::new()) } else { (format!("{scheme}://{host}"), host) };
    Some(PlannedStep {
        workflow: String::new(),
        depth: 0,
        step: step.name.clone(),
        calls: None,
        operation: target.operation.clone(),
        source: source.to_owned(),
        method: step.call.verb().to_ascii_uppercase(),
        path,
        url: format!("{server}{base}/{address}{query}"),
        host,
        headers,
        body: step.call.body().map(|body| json(&body.payload)),
        span: program.sources.place(step.span),
    })
}

fn text(build: &Build) -> String {
    match json(build) {
        Json::String(text) => text,
        other => other.to_string(),
    }
}

fn json(build: &Build) -> Json {
    match build {
        Build::Constant(json) => json.clone(),
        Build::Template(leaf) => {
            Json::String(if leaf.text.starts_with('$') { format!("{{{}}}", leaf.text) } else { leaf.text.clone() })
        }
        Build::Select(selection) => Json::String(format!("{{{} {}}}", selection.context_text, selection.text)),
        Build::Array(items) => items.iter().map(json).collect(),
        Build::Object(members) => {
            Json::Object(members.iter().map(|(name, value)| (name.clone(), json(value))).collect())
        }
        Build::Keyed(members) => {
            let name = |key: &Build| match json(key) {
                Json::String(name) => name,
                other => other.to_string(),
            };
            Json::Object(members.iter().map(|(key, value)| (name(key), json(value))).collect())
        }
    }
}
