//! The two addresses of an engine: the ingress, which starts runs and answers for them, and the admin API, which knows
//! all of them.

use std::sync::Arc;

use arazzo_engine::limits::AllowedHost;
use arazzo_engine::machine::{Because, CallId, Outgoing, ParsedUrl, Request, Response};
use serde::Serialize;
use serde_json::{Value, json};
use url::Url;

use crate::builder::place_of;
use crate::drivers::restate::{DECIDE, STATUS};
use crate::error::Error;
use crate::inputs::Inputs;
use crate::network;
use crate::network::shared::SharedNetwork;
use crate::policy::hosts::Hosts;
use crate::transport::Transport;

/// The longest time that a question may take, in ms.
const QUESTION_MS: u64 = 60_000;
/// The longest time that the end of a run is waited for by one request, in ms.
const END_MS: u64 = 30 * 24 * 60 * 60 * 1_000;
/// Bytes of the longest answer of an engine.
const ANSWER_BYTES: u64 = 64 << 20;

/// The state of a run that the engine has given up until it is resumed.
const PAUSED: &str = "paused";

/// One address of an engine.
#[derive(Clone)]
struct Address {
    url: Url,
    called: &'static str,
    transport: Arc<dyn Transport>,
}

impl Address {
    fn new(called: &'static str, url: &str, network: impl Into<SharedNetwork>) -> Result<Self, Error> {
        let wrong = || Error::Setup(format!("the url of the {called} is no http url"));
        let mut parsed = Url::parse(url).map_err(|_| wrong())?;
        let mut hosts = Hosts::default();
        hosts.private = true;
        hosts.give(AllowedHost::parse(&place_of(url).ok_or_else(wrong)?).map_err(|_| wrong())?);
        if !parsed.path().ends_with('/') {
            parsed.set_path(&format!("{}/", parsed.path()));
        }
        let transport = network::client(&network.into(), hosts).map_err(Error::Setup)?;
        Ok(Self { url: parsed, called, transport })
    }

    /// Sends a request below the address.
    async fn send(&self, method: &str, path: &[&str], body: Option<&Value>, ms: u64) -> Result<Response, Error> {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        let mut headers = vec![("Accept".to_owned(), "application/json".to_owned())];
        if body.is_some() {
            headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
        }
        let body = body.map(|body| body.to_string().into_bytes());
        let request = Request { method: method.to_owned(), url: url.to_string(), headers, body };
        let outgoing = Outgoing {
            call: CallId(0),
            request,
            because: Because::Operation,
            timeout_ms: ms,
            body_bytes: ANSWER_BYTES,
            parsed: ParsedUrl::default(),
        };
        self.transport.send(outgoing).await.map_err(|failure| {
            Error::Setup(format!("the {} at {} does not answer: {}", self.called, self.shown(), failure.message))
        })
    }

    /// The address without a password.
    fn shown(&self) -> String {
        arazzo_engine::address::without_secrets(self.url.as_str()).trim_end_matches('/').to_owned()
    }

    /// What an engine refuses, in its words.
    fn refusal(&self, response: &Response) -> Error {
        let said: Option<Value> = serde_json::from_slice(&response.body).ok();
        let said = said.as_ref().and_then(|said| text(said, "message")).map(|said| format!(": {said}"));
        Error::Setup(format!("the {} answered {}{}", self.called, response.status, said.unwrap_or_default()))
    }

    fn json(&self, response: &Response) -> Result<Value, Error> {
        if !(200..300).contains(&response.status) {
            return Err(self.refusal(response));
        }
        serde_json::from_slice(&response.body)
            .map_err(|error| Error::Setup(format!("the {} answered what is not JSON: {error}", self.called)))
    }
}

/// The end of a run, as the engine gives it.
#[derive(Debug, Clone, PartialEq)]
pub enum EngineEnd {
    /// What `arazzo run --json=result` prints; `sealed` has the outputs as they are, if events mask something of them
    /// ([`crate::restate::open_outputs`]).
    Result(Value),
    /// The engine says that it failed: the status (409 if it was cancelled), and why.
    Refused(u16, String),
}

/// The ingress of an engine.
#[derive(Clone)]
pub struct Client(Address);

impl Client {
    /// A client of the ingress at this url.
    ///
    /// # Errors
    /// [`Error::Setup`] if it is none, or something of the network cannot be used.
    pub fn new(url: &str, network: impl Into<SharedNetwork>) -> Result<Self, Error> {
        Address::new("ingress", url, network).map(Self)
    }

    /// Starts a run of a service under a key; `false` if there was one already.
    ///
    /// # Errors
    /// [`Error::Setup`] if the engine does not answer, or refuses.
    pub async fn start(&self, service: &str, key: &str, inputs: &Inputs) -> Result<bool, Error> {
        let body: serde_json::Map<String, Value> = inputs
            .iter()
            .map(|(name, value)| (name.to_owned(), serde_json::to_value(value).unwrap_or_default()))
            .collect();
        let answer = self.0.send("POST", &[service, key, "run", "send"], Some(&body.into()), QUESTION_MS).await?;
        if answer.status == 404 {
            return Err(Error::Setup(format!(
                "the engine has no service `{service}`: no worker that offers it is registered"
            )));
        }
        Ok(text(&self.0.json(&answer)?, "status") == Some("Accepted"))
    }

    /// Waits for the end of a run.
    ///
    /// # Errors
    /// [`Error::Setup`] if the engine does not answer.
    pub async fn end(&self, service: &str, key: &str) -> Result<EngineEnd, Error> {
        let answer = self.0.send("GET", &["restate", "workflow", service, key, "attach"], None, END_MS).await?;
        if (200..300).contains(&answer.status) {
            return self.0.json(&answer).map(EngineEnd::Result);
        }
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let said = text(&said, "message").unwrap_or("no reason was given").to_owned();
        Ok(EngineEnd::Refused(answer.status, said))
    }

    /// What a run does, and what it waits for.
    ///
    /// # Errors
    /// [`Error::Setup`] if the engine does not answer, or knows no such run.
    pub async fn status(&self, service: &str, key: &str) -> Result<Value, Error> {
        let answer = self.0.send("POST", &[service, key, STATUS], None, QUESTION_MS).await?;
        self.0.json(&answer)
    }

    /// Decides about the request in doubt of a run.
    ///
    /// # Errors
    /// [`Error::Setup`] if nothing of it is in doubt, or the decision cannot be followed.
    pub async fn decide(&self, service: &str, key: &str, decision: &Value) -> Result<Value, Error> {
        let answer = self.0.send("POST", &[service, key, DECIDE], Some(decision), QUESTION_MS).await?;
        self.0.json(&answer)
    }
}

/// A run as the engine knows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct EngineRun {
    /// `service/key`
    pub run: String,
    /// The engine's own name of it.
    pub invocation: String,
    /// `pending`, `ready`, `running`, `backing-off`, `suspended`, `paused`, `succeeded`, `failed` or `cancelled`.
    pub state: String,
    /// When it was started, RFC 3339.
    pub began: String,
    /// The last thing that went wrong, in the engine's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl EngineRun {
    /// The service and the key.
    #[must_use]
    pub fn parts(&self) -> (&str, &str) {
        self.run.split_once('/').unwrap_or((&self.run, ""))
    }
}

/// An entry of the journal that the engine keeps of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct JournalEntry {
    /// Its place.
    pub index: u64,
    /// The kind of entry, in the engine's words.
    pub kind: String,
    /// The name, for what a worker did: `step#visit`.
    pub name: String,
    /// When it was written, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
}

/// The admin API of an engine.
#[derive(Clone)]
pub struct Admin(Address);

impl Admin {
    /// A client of the admin API at this url.
    ///
    /// # Errors
    /// [`Error::Setup`] if it is none, or something of the network cannot be used.
    pub fn new(url: &str, network: impl Into<SharedNetwork>) -> Result<Self, Error> {
        Address::new("admin API", url, network).map(Self)
    }

    /// Tells the engine of a worker; one at the same url is replaced.
    ///
    /// # Errors
    /// [`Error::Setup`] if the engine does not answer, cannot reach the worker, or refuses it.
    pub async fn register(&self, worker: &str) -> Result<(), Error> {
        let body = json!({ "uri": worker, "force": true });
        let answer = self.0.send("POST", &["deployments"], Some(&body), QUESTION_MS).await?;
        self.0.json(&answer).map(drop)
    }

    /// The runs of all workflows, the newest first.
    ///
    /// # Errors
    /// [`Error::Setup`] if the engine does not answer.
    pub async fn runs(&self) -> Result<Vec<EngineRun>, Error> {
        let rows = self
            .query(
                "select id, target_service_name, target_service_key, status, completion_result, completion_failure, \
                 last_failure, cast(created_at as varchar) as created from sys_invocation \
                 where target_service_name like 'arazzo.%' and target_handler_name = 'run' order by created_at desc",
            )
            .await?;
        let mut runs: Vec<EngineRun> = rows.iter().map(run_of).collect();
        if runs.iter().any(|run| run.state == PAUSED) {
            self.add_reasons(&mut runs).await?;
        }
        Ok(runs)
    }

    /// Adds why runs were paused, which stands in another table.
    async fn add_reasons(&self, runs: &mut [EngineRun]) -> Result<(), Error> {
        let paused = "select id, event_json from sys_journal_events where event_type = 'Paused' order by appended_at";
        for row in self.query(paused).await? {
            let event: Value =
                text(&row, "event_json").and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
            let reason = event.get("last_failure").and_then(|failure| text(failure, "error_message"));
            let of_it = |run: &&mut EngineRun| run.state == PAUSED && text(&row, "id") == Some(&run.invocation);
            if let (Some(reason), Some(run)) = (reason, runs.iter_mut().find(of_it)) {
                run.reason = Some(reason.to_owned());
            }
        }
        Ok(())
    }

    /// The run of this name: `service/key`, or a key, or how that begins.
    ///
    /// # Errors
    /// [`Error::Setup`] if there is none, or more than one.
    pub async fn run(&self, name: &str) -> Result<EngineRun, Error> {
        let mut found = self.runs().await?;
        if let Some(at) = found.iter().position(|run| run.run == name) {
            return Ok(found.swap_remove(at));
        }
        found.retain(|run| run.run.starts_with(name) || run.parts().1.starts_with(name));
        match (found.pop(), found.len()) {
            (Some(run), 0) => Ok(run),
            (Some(_), more) => Err(Error::Setup(format!("{} runs begin with `{name}`", more + 1))),
            (None, _) => Err(Error::Setup(format!("the engine has no run `{name}`"))),
        }
    }

    /// The journal of a run, without what is kept in it.
    ///
    /// # Errors
    /// [`Error::Setup`] if the engine does not answer.
    pub async fn journal(&self, run: &EngineRun) -> Result<Vec<JournalEntry>, Error> {
        // The name of an invocation has letters and digits.
        let id: String = run.invocation.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        let rows = self
            .query(&format!(
                "select index, entry_type, name, cast(appended_at as varchar) as appended from sys_journal where id = '{id}' order by index"
            ))
            .await?;
        let entry = |row: &Value| JournalEntry {
            index: row.get("index").and_then(Value::as_u64).unwrap_or_default(),
            kind: text(row, "entry_type").unwrap_or_default().to_owned(),
            name: text(row, "name").unwrap_or_default().to_owned(),
            time: text(row, "appended").map(str::to_owned),
        };
        Ok(rows.iter().map(entry).collect())
    }

    /// Lets the engine cancel a run: it ends at the next thing that it waits for.
    ///
    /// # Errors
    /// [`Error::Setup`] if the engine does not answer, or refuses.
    pub async fn cancel(&self, run: &EngineRun) -> Result<(), Error> {
        let answer = self.0.send("PATCH", &["invocations", &run.invocation, "cancel"], None, QUESTION_MS).await?;
        if (200..300).contains(&answer.status) { Ok(()) } else { Err(self.0.refusal(&answer)) }
    }

    async fn query(&self, query: &str) -> Result<Vec<Value>, Error> {
        let answer = self.0.send("POST", &["query"], Some(&json!({ "query": query })), QUESTION_MS).await?;
        match self.0.json(&answer)?.get_mut("rows").map(Value::take) {
            Some(Value::Array(rows)) => Ok(rows),
            _ => Err(Error::Setup("the admin API answered a question without rows".to_owned())),
        }
    }
}

/// A member that is a text.
fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str)
}

fn run_of(row: &Value) -> EngineRun {
    let text = |name: &str| text(row, name).unwrap_or_default();
    let failure = Some(text("completion_failure")).filter(|text| !text.is_empty());
    let state = match (text("status"), text("completion_result")) {
        ("completed", "success") => "succeeded",
        ("completed", _) if failure.is_some_and(|failure| failure.contains("cancelled")) => "cancelled",
        ("completed", _) => "failed",
        (other, _) => other,
    };
    EngineRun {
        run: format!("{}/{}", text("target_service_name"), text("target_service_key")),
        invocation: text("id").to_owned(),
        state: state.to_owned(),
        began: text("created").to_owned(),
        reason: failure.or(Some(text("last_failure")).filter(|text| !text.is_empty())).map(str::to_owned),
    }
}
