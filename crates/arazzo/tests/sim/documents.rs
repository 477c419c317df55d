//! Seed → documents: an Arazzo description of random constructs, and the APIs that it calls.

use std::sync::{Arc, OnceLock};

use arazzo::{Builder, ContractCheck, Credentials, Inputs, Limits, LoopDelay, ParsedDocuments, Redirects, Workflow};
use serde_json::{Map, Value as Json, json};

use crate::chance::Chance;

/// Half of the seeds have steps that send and receive.
fn sends_messages(seed: u64) -> bool {
    Chance::new(seed, "messages").percent(50)
}

/// Hosts that are given; `stranger.example` is described and not given.
pub const GIVEN: [&str; 6] =
    ["api.example", "shop.example", "login.example", "fresh.example", "bus.example", "news.example"];

/// Operations with their method, path and security schemes.
const OPERATIONS: [(&str, &str, &str, &str); 13] = [
    ("list", "get", "/things", ""),
    ("make", "post", "/things", ""),
    ("put", "put", "/things/{id}", ""),
    ("remove", "delete", "/things/{id}", ""),
    ("login", "post", "/login", ""),
    ("keyed", "get", "/keyed", "key"),
    ("queried", "post", "/queried", "query"),
    ("borne", "get", "/borne", "bearer"),
    ("basic", "post", "/basic", "basic"),
    ("digest", "get", "/digest", "digest"),
    ("granted", "post", "/granted", "granted"),
    ("twice", "put", "/twice", "granted second"),
    ("found", "get", "/found", "found"),
];

/// The APIs.
const NAMES: [&str; 3] = ["api", "shop", "stranger"];

/// Their names and descriptions, which are the same for all seeds.
static APIS: OnceLock<[(&str, Arc<str>); 3]> = OnceLock::new();

/// The description of the broker.
static BUS: OnceLock<Arc<str>> = OnceLock::new();

/// The description of an API.
fn api(name: &str) -> Json {
    let mut paths = Map::new();
    for (id, method, path, scheme) in OPERATIONS {
        let mut parameters = vec![
            json!({ "name": "q", "in": "query", "schema": {} }),
            json!({ "name": "X-Note", "in": "header", "schema": {} }),
            json!({ "name": "Authorization", "in": "header", "schema": {} }),
        ];
        if path.contains("{id}") {
            parameters.push(json!({ "name": "id", "in": "path", "required": true, "schema": {} }));
        }
        let answer = json!({ "description": "fine", "content": { "application/json": { "schema": {
            "type": "object", "properties": { "n": { "type": "integer" }, "token": { "type": "string" } }
        } } } });
        let mut operation = json!({
            "operationId": id, "parameters": parameters,
            "responses": { "200": answer, "default": { "description": "anything" } }
        });
        if method != "get" && method != "delete" {
            operation["requestBody"] = json!({ "content": { "application/json": {} } });
        }
        if !scheme.is_empty() {
            let schemes: Map<String, Json> = scheme.split(' ').map(|scheme| (scheme.to_owned(), json!([]))).collect();
            operation["security"] = json!([schemes]);
        }
        paths.entry(path).or_insert_with(|| json!({}))[method] = operation;
    }
    let flow = |path: &str| json!({ "tokenUrl": format!("https://login.example/{path}"), "scopes": {} });
    let flows = |path: &str| json!({ "clientCredentials": flow(path) });
    let mut renewed = flow("token/second");
    renewed["refreshUrl"] = json!("https://fresh.example/token/renewed");
    json!({
        "openapi": "3.1.0", "info": { "title": "Things", "version": "1" }, "servers": [{ "url": format!("https://{name}.example") }],
        "components": { "securitySchemes": {
            "key": { "type": "apiKey", "in": "header", "name": "X-Key" },
            "query": { "type": "apiKey", "in": "query", "name": "access_key" },
            "bearer": { "type": "http", "scheme": "bearer" },
            "basic": { "type": "http", "scheme": "basic" },
            "digest": { "type": "http", "scheme": "digest" },
            "granted": { "type": "oauth2", "flows": flows("token") },
            "second": { "type": "oauth2", "flows": { "clientCredentials": renewed } },
            "found": { "type": "openIdConnect", "openIdConnectUrl": "https://login.example/configuration" },
        } },
        "paths": paths,
    })
}

/// The description of the broker: a request and its answer, and something that is said now and then.
fn bus() -> Json {
    let id = json!({ "location": "$message.payload#/id" });
    let answer = json!({ "correlationId": id, "payload": { "type": "object" } });
    let refer = |way: &str| json!({ "$ref": way });
    json!({
        "asyncapi": "3.0.0", "info": { "title": "Bus", "version": "1" }, "defaultContentType": "application/json",
        "servers": {
            "broker": { "host": "bus.example", "protocol": "mqtt5" },
            "station": { "host": "news.example:8884", "protocol": "mqtt5" },
            "unused": { "host": "unused.example", "protocol": "mqtt5" },
        },
        "channels": {
            "orders": { "address": "orders", "servers": [refer("#/servers/broker")], "messages": { "order": { "payload": { "type": "object" } } } },
            "answers": {
                "address": "answers/{of}", "parameters": { "of": {} }, "servers": [refer("#/servers/broker")],
                "messages": { "answer": answer },
            },
            "news": {
                "address": "news", "servers": [refer("#/servers/station")],
                "messages": { "news": { "payload": { "type": "object" } } },
            },
        },
        "operations": {
            "order": {
                "action": "receive", "channel": refer("#/channels/orders"),
                "reply": { "channel": refer("#/channels/answers") },
            },
            "hear": { "action": "send", "channel": refer("#/channels/news") },
        },
    })
}

/// A document, with everything else that a run takes.
#[derive(Clone)]
pub struct Case {
    pub seed: u64,
    pub flow: Json,
}

/// Secrets that are given: inputs and credentials. Some have letters that are written otherwise in urls and JSON.
pub struct Given {
    pub password: String,
    pub credentials: Vec<(&'static str, String)>,
}

impl Given {
    pub fn of(seed: u64) -> Self {
        let mut chance = Chance::new(seed, "secrets");
        let mut secret = |name: &str| {
            let odd = chance.pick(&["", "", "/+", " é", "\"\\", "&=%"]);
            format!("{name}-{odd}{:016x}", chance.number())
        };
        let schemes = [
            "key",
            "query",
            "bearer",
            "basic.password",
            "digest.password",
            "granted.clientSecret",
            "second.clientSecret",
            "found.clientSecret",
        ];
        Self { password: secret("pass"), credentials: schemes.map(|name| (name, secret("given"))).to_vec() }
    }

    pub fn secrets(&self) -> Vec<String> {
        let given = self.credentials.iter().map(|(_, secret)| secret.clone());
        given.chain([self.password.clone()]).collect()
    }
}

impl Case {
    pub fn generate(seed: u64) -> Self {
        let mut chance = Chance::new(seed, "documents");
        let count = 1 + chance.below(4);
        let sizes: Vec<u64> = (0..count).map(|_| 1 + chance.below(4)).collect();
        let messages = sends_messages(seed);
        let workflows: Vec<Json> = (0..count)
            .map(|number| Workflows { chance: &mut chance, sizes: &sizes, number, messages }.workflow())
            .collect();
        let sources: Vec<Json> = NAMES
            .iter()
            .map(|name| json!({ "name": name, "url": format!("./{name}.json"), "type": "openapi" }))
            .collect();
        let bus = messages.then(|| json!({ "name": "bus", "url": "./bus.json", "type": "asyncapi" }));
        let sources: Vec<Json> = sources.into_iter().chain(bus).collect();
        let flow = json!({
            "arazzo": "1.1.0", "info": { "title": "Generated", "version": "1" },
            "sourceDescriptions": sources, "workflows": workflows,
        });
        Self { seed, flow }
    }

    /// The document with its APIs, credentials, and the hosts that are given.
    pub fn open(&self, parsed: &ParsedDocuments) -> Builder {
        let given = Given::of(self.seed);
        let mut credentials = Credentials::new().scheme("basic.username", "user").scheme("digest.username", "user");
        credentials = credentials.scheme("granted.clientId", "client").scheme("second.clientId", "other");
        credentials = credentials.scheme("found.clientId", "third");
        for (name, value) in given.credentials {
            credentials = credentials.scheme(name, value);
        }
        let text = self.flow.to_string();
        let mut builder = arazzo::open("memory/flow.json").offline(true).parsed(parsed).text(text);
        for (name, text) in APIS.get_or_init(|| NAMES.map(|name| (name, api(name).to_string().into()))) {
            builder = builder.document(format!("memory/{name}.json"), text.clone());
        }
        builder = builder.document("memory/bus.json", BUS.get_or_init(|| bus().to_string().into()).clone());
        GIVEN.iter().fold(builder.clock(Still).channels(Nobody).credentials(credentials), |builder, host| {
            builder.allow_host(*host)
        })
    }

    /// The workflow of the document that is run, if it can be.
    pub fn load(&self, parsed: &ParsedDocuments) -> Result<Workflow, arazzo::Error> {
        self.builder(parsed).load_blocking()?.workflow(Some("w0"))
    }

    /// How its documents are read and run.
    pub fn builder(&self, parsed: &ParsedDocuments) -> Builder {
        let mut chance = Chance::new(self.seed, "settings");
        self.open(parsed)
            .limits(self.limits())
            .loop_delay(chance.pick(&[LoopDelay::Auto, LoopDelay::Fixed(20), LoopDelay::Fixed(0)]))
            .cookies(chance.percent(30))
            .contract(chance.pick(&[ContractCheck::Off, ContractCheck::Warn, ContractCheck::Error]))
            .redirects(chance.pick(&[Redirects::Auto, Redirects::Auto, Redirects::Never]))
            .require_outputs(self.requires_outputs())
    }

    pub fn limits(&self) -> Limits {
        let mut chance = Chance::new(self.seed, "limits");
        Limits {
            report_bytes: 0,
            steps: chance.pick(&[5, 40, 60]),
            requests: chance.pick(&[None, Some(4), Some(50)]),
            depth: chance.pick(&[2, 6]),
            run_ms: chance.pick(&[5_000, 120_000, 600_000]),
            request_ms: 10_000,
            wait_ms: chance.pick(&[10_000, 100_000]),
            receive_ms: Limits::DEFAULT.receive_ms,
            body_bytes: 4 << 10,
            value_bytes: 64 << 10,
            shown_bytes: chance.pick(&[40, 300, 16 << 10]),
            kept_bytes: chance.pick(&[16 << 10, 1 << 20, 64 << 20]),
        }
    }

    /// `true` if the driver lets requests wait for their turn, and says when they are written.
    pub fn queues(&self) -> bool {
        Chance::new(self.seed, "queues").percent(50)
    }

    /// `true` if its steps may send and receive.
    pub fn has_messages(&self) -> bool {
        sends_messages(self.seed)
    }

    pub fn requires_outputs(&self) -> bool {
        Chance::new(self.seed, "outputs").percent(20)
    }

    pub fn inputs(&self) -> Inputs {
        let n = Chance::new(self.seed, "inputs").below(4);
        Inputs::new().set("user", "ada").set("password", Given::of(self.seed).password).set("n", n)
    }
}

/// A clock at which every run begins at the same time, so that events are the same to the byte.
struct Still;

impl arazzo::Clock for Still {
    fn wall(&self) -> std::time::Duration {
        std::time::Duration::from_millis(1_767_225_600_000)
    }

    fn elapsed(&self) -> std::time::Duration {
        std::time::Duration::ZERO
    }

    fn sleep(&self, _: std::time::Duration) -> arazzo::Pending<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// Who connects to brokers where the driver does: nobody.
struct Nobody;

impl arazzo::Channels for Nobody {
    fn open(&self) -> Box<dyn arazzo::ChannelLink> {
        unreachable!("a session is driven by hand")
    }
}

/// Makes one workflow of several, which have so many steps.
struct Workflows<'a> {
    chance: &'a mut Chance,
    sizes: &'a [u64],
    number: u64,
    /// `true` if steps send and receive.
    messages: bool,
}

impl Workflows<'_> {
    fn steps(&self) -> u64 {
        self.sizes[self.number as usize]
    }

    fn workflow(&mut self) -> Json {
        let steps: Vec<Json> = (0..self.steps()).map(|number| self.step(number)).collect();
        let last = self.steps() - 1;
        let mut workflow = json!({
            "workflowId": format!("w{}", self.number),
            "inputs": { "type": "object", "properties": {
                "user": { "type": "string" }, "password": { "type": "string", "format": "password" },
                "n": { "type": "integer" }
            } },
            "steps": steps,
            "outputs": {
                "n": format!("$steps.s{last}.outputs.n"),
                "token": format!("$steps.s{}.outputs.token", self.chance.below(last + 1)),
            },
        });
        let later = self.number + 1..self.sizes.len() as u64;
        let needed: Vec<String> =
            later.filter(|_| self.chance.percent(20)).map(|number| format!("w{number}")).collect();
        if !needed.is_empty() {
            workflow["dependsOn"] = json!(needed);
        }
        for (list, success) in [("successActions", true), ("failureActions", false)] {
            if self.chance.percent(15) {
                let mut action = self.action("workflow", 0, success);
                // Those of a workflow are asked after its messages too.
                if let Some(action) = action.as_object_mut().filter(|_| self.messages) {
                    action.remove("criteria");
                }
                workflow[list] = json!([action]);
            }
        }
        workflow
    }

    fn step(&mut self, number: u64) -> Json {
        let mut step = json!({ "stepId": format!("s{number}") });
        let later = self.number + 1 < self.sizes.len() as u64;
        if later && self.chance.percent(25) {
            self.call_workflow(number, &mut step);
        } else if self.messages && self.chance.percent(40) {
            self.message(number, &mut step);
        } else {
            self.call_operation(number, &mut step);
        }
        if number > 0 && self.chance.percent(15) {
            step["dependsOn"] = json!([format!("s{}", self.chance.below(number))]);
        }
        if self.chance.percent(15) {
            step["timeout"] = json!(self.chance.pick(&[100, 1_000, 8_000]));
        }
        for (list, percent, success) in [("onSuccess", 30, true), ("onFailure", 60, false)] {
            if self.chance.percent(percent) {
                let count = 1 + self.chance.below(3);
                let actions: Vec<Json> =
                    (0..count).map(|index| self.action(&format!("{list}{index}"), number, success)).collect();
                step[list] = json!(actions);
            }
        }
        // What is asked of answers says nothing of messages.
        if step.get("action").is_some() {
            for list in ["onSuccess", "onFailure"] {
                let actions = step.get_mut(list).and_then(Json::as_array_mut).into_iter().flatten();
                actions.filter_map(Json::as_object_mut).for_each(|action| drop(action.remove("criteria")));
            }
        }
        step
    }

    fn call_workflow(&mut self, number: u64, step: &mut Json) {
        let later = self.sizes.len() as u64 - self.number - 1;
        // Now and then one that calls this one: it ends at a limit.
        let target = if self.chance.percent(4) { self.number } else { self.number + 1 + self.chance.below(later) };
        step["workflowId"] = json!(format!("w{target}"));
        step["parameters"] = self.passed(number);
        step["outputs"] = json!({ "n": "$outputs.n", "token": "$outputs.token" });
        if self.chance.percent(20) {
            step["successCriteria"] = json!([{ "condition": "$outputs.n > 0" }]);
        }
    }

    fn passed(&mut self, number: u64) -> Json {
        json!([
            { "name": "user", "value": "$inputs.user" },
            { "name": "password", "value": "$inputs.password" },
            { "name": "n", "value": self.number_before(number) },
        ])
    }

    /// An expression for a number that may be there.
    fn number_before(&mut self, number: u64) -> String {
        match number {
            1.. if self.chance.percent(60) => format!("$steps.s{}.outputs.n", self.chance.below(number)),
            _ => "$inputs.n".to_owned(),
        }
    }

    fn call_operation(&mut self, number: u64, step: &mut Json) {
        let (id, method, path, scheme) = self.chance.pick(&OPERATIONS);
        let source = match self.chance.below(20) {
            0 => "stranger",
            1..6 => "shop",
            _ => "api",
        };
        step["operationId"] = json!(format!("$sourceDescriptions.{source}.{id}"));
        let mut parameters = vec![];
        if path.contains("{id}") {
            parameters.push(json!({ "name": "id", "in": "path", "value": self.number_before(number) }));
        }
        if self.chance.percent(50) {
            parameters.push(json!({ "name": "q", "in": "query", "value": self.number_before(number) }));
        }
        if self.chance.percent(20) {
            let note = self.chance.pick(&["by {$inputs.user}", "of {$inputs.password}"]);
            parameters.push(json!({ "name": "X-Note", "in": "header", "value": note }));
        }
        if scheme.is_empty() && self.chance.percent(40) {
            let token = match number {
                1.. if self.chance.percent(70) => format!("$steps.s{}.outputs.token", self.chance.below(number)),
                _ => "$inputs.password".to_owned(),
            };
            parameters.push(json!({ "name": "Authorization", "in": "header", "value": format!("Bearer {{{token}}}") }));
        }
        if !parameters.is_empty() {
            step["parameters"] = json!(parameters);
        }
        if method == "post" || method == "put" {
            let payload =
                json!({ "user": "$inputs.user", "password": "$inputs.password", "n": self.number_before(number) });
            step["requestBody"] = json!({ "contentType": "application/json", "payload": payload });
        }
        step["outputs"] = json!({ "n": "$response.body#/n", "token": "$response.body#/token" });
        if self.chance.percent(20) {
            step["outputs"]["kind"] = json!("$response.header.Content-Type");
        }
        if self.chance.percent(60) {
            let count = 1 + self.chance.below(2);
            step["successCriteria"] = (0..count).map(|_| self.criterion()).collect();
        }
    }

    /// A step that sends, or waits for an answer or for anything.
    fn message(&mut self, number: u64, step: &mut Json) {
        let id = format!("{{$inputs.user}}-{}", self.number);
        match self.chance.below(3) {
            0 => {
                step["operationId"] = json!("$sourceDescriptions.bus.order");
                step["action"] = json!("send");
                let payload = json!({
                    "id": id, "user": "$inputs.user", "password": "$inputs.password", "n": self.number_before(number),
                });
                step["requestBody"] = json!({ "payload": payload });
                step["outputs"] = json!({ "n": "$message.payload#/n", "token": "$message.payload#/id" });
                return;
            }
            1 => {
                step["channelPath"] = json!("{$sourceDescriptions.bus.url}#/channels/answers");
                step["correlationId"] = json!(id);
                if self.chance.percent(50) {
                    step["parameters"] = json!([{ "name": "of", "in": "path", "value": self.number_before(number) }]);
                }
            }
            _ => step["operationId"] = json!("$sourceDescriptions.bus.hear"),
        }
        step["action"] = json!("receive");
        step["timeout"] = json!(self.chance.pick(&[200, 3_000, 20_000]));
        step["outputs"] = json!({ "n": "$message.payload#/n", "token": "$message.payload#/id" });
        if self.chance.percent(40) {
            let condition = self.chance.pick(&["$message.payload#/state == 'done'", "$message.payload#/n >= 2"]);
            step["successCriteria"] = json!([{ "condition": condition }]);
        }
    }

    fn criterion(&mut self) -> Json {
        self.chance.pick(&[
            json!({ "condition": "$statusCode == 200" }),
            json!({ "condition": "$statusCode < 400" }),
            json!({ "condition": "$statusCode == 429 || $statusCode == 503" }),
            json!({ "condition": "$statusCode == 401" }),
            json!({ "condition": "$response.body#/n >= 2" }),
            json!({ "condition": "$response.body#/state != 'busy' && $inputs.n < 3" }),
            json!({ "context": "$response.body", "type": "jsonpath", "condition": "$.items[?@.n > 1]" }),
            json!({ "context": "$response.body", "type": "jsonpath", "condition": "$[?@ == 'ready']" }),
            json!({ "context": "$statusCode", "type": "regex", "condition": "^[25]" }),
            json!({ "context": "$response.body#/state", "type": "regex", "condition": "^re" }),
        ])
    }

    fn action(&mut self, name: &str, number: u64, success: bool) -> Json {
        let step = format!("s{}", self.chance.below(self.steps()));
        let workflow = format!("w{}", self.chance.below(self.sizes.len() as u64));
        // Retries stand in lists of failure actions alone.
        let mut action = match self.chance.below(if success { 4 } else { 10 }) {
            0 | 1 => json!({ "name": name, "type": "goto", "stepId": step }),
            2 => json!({ "name": name, "type": "goto", "workflowId": workflow, "parameters": self.passed(number) }),
            3 => json!({ "name": name, "type": "end" }),
            kind => {
                let mut retry = json!({ "name": name, "type": "retry", "retryLimit": 1 + self.chance.below(4) });
                if self.chance.percent(60) {
                    retry["retryAfter"] = self.chance.pick(&[json!(0.1), json!(1), json!(7.5)]);
                }
                match kind {
                    4 => retry["stepId"] = json!(step),
                    5 => {
                        retry["workflowId"] = json!(workflow);
                        retry["parameters"] = self.passed(number);
                    }
                    _ => {}
                }
                retry
            }
        };
        if self.chance.percent(50) {
            action["criteria"] = json!([self.criterion()]);
        }
        action
    }
}

/// Steps whose answers give a token that is used as a credential: workflow and step.
pub fn steps_that_give_secrets(flow: &Json) -> Vec<(String, String)> {
    let list = |value: &Json| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let workflows = list(&flow["workflows"]);
    let named = |of: &[Json], key: &str, name: &str| of.iter().find(|part| part[key] == name).cloned();
    let mut open: Vec<(String, String)> = vec![];
    for workflow in &workflows {
        for step in list(&workflow["steps"]) {
            for parameter in list(&step["parameters"]).iter().filter(|parameter| parameter["name"] == "Authorization") {
                let value = text(&parameter["value"]);
                if let Some(rest) = value.strip_prefix("Bearer {$steps.") {
                    open.push((text(&workflow["workflowId"]), rest.split('.').next().unwrap_or_default().to_owned()));
                }
            }
        }
    }
    let mut found = vec![];
    while let Some((workflow, step)) = open.pop() {
        if found.contains(&(workflow.clone(), step.clone())) {
            continue;
        }
        found.push((workflow.clone(), step.clone()));
        let Some(of) = named(&workflows, "workflowId", &workflow) else { continue };
        let Some(called) = named(&list(&of["steps"]), "stepId", &step) else { continue };
        if called["outputs"]["token"] == "$outputs.token"
            && let Some(inner) = named(&workflows, "workflowId", &text(&called["workflowId"]))
            && let Some(rest) = text(&inner["outputs"]["token"]).strip_prefix("$steps.")
        {
            open.push((text(&inner["workflowId"]), rest.split('.').next().unwrap_or_default().to_owned()));
        }
    }
    // A step that lost the output gives nothing on.
    found.retain(|(workflow, step)| {
        let of = named(&workflows, "workflowId", workflow);
        let step = of.and_then(|of| named(&list(&of["steps"]), "stepId", step));
        step.is_some_and(|step| step["outputs"]["token"] == "$response.body#/token")
    });
    found
}
