//! Runs on [Restate](https://restate.dev): the one file that knows its SDK.
//!
//! A workflow is a Restate workflow, a run one of its keys. Its journal there has, encrypted, what the run begins with (the
//! documents too), what came of sending requests, and how long it waits; the rest follows from that, as `durable.rs` plays
//! it. Before a request that may not be sent twice, the journal has that it is about to leave: if that is so and its end is
//! not there, the attempt that finds it so does not send it, but asks what is to be done.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arazzo_engine::machine::{Input, Outcome, Outgoing, SEMANTICS};
use arazzo_engine::value::Json;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::body::Incoming;
use hyper::{Request, Response};
use restate_sdk::context::RunFuture as _;
use restate_sdk::endpoint::{self, ContextInternal, HandleOptions, HandlerOptions, ProtocolMode, ServiceOptions};
pub(crate) use restate_sdk::endpoint::{Endpoint, ResponseBody};
use restate_sdk::errors::{HandlerError, TerminalError};
use restate_sdk::service::macro_support::{ServiceBoxFuture, service_definition};
use restate_sdk::service::{Service, ServiceDefinition};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::durable::{Begun, Decided, DurableRun, Exchange, Unknown, documents_of, inputs_of, secrets_among};
use crate::error::Error;
use crate::inputs::Inputs;
use crate::journal::key::JournalKey;
use crate::journal::resume::{Decision, read_answer};
use crate::journal::setup::{compress, decompress};
use crate::report::{RunRecord, result};
use crate::restate::gate::Gate;
use crate::restate::seal::{open_answer, seal_outputs};
use crate::workflow::Workflow;

/// The name of the handler that decides about a request in doubt.
pub(crate) const DECIDE: &str = "decide";
/// The name of the handler that says what a run does, and of what it says.
pub(crate) const STATUS: &str = "status";
/// The state of a run in doubt, and the promise that it waits for.
pub(crate) const IN_DOUBT: &str = "in-doubt";

/// Workflows of documents that have changed since, which are kept as long as there is room.
const READ_AGAIN: usize = 32;

/// The longest time in which an attempt that does nothing keeps its connection.
const INACTIVE: Duration = Duration::from_secs(60);

/// Bytes of a body in doubt that `status` shows.
const SHOWN: usize = 2_000;

/// What all services of a worker have together.
pub(crate) struct Shared {
    pub(crate) key: JournalKey,
    pub(crate) unknown: Unknown,
    pub(crate) retention: Duration,
    pub(crate) gate: Gate,
    read: Mutex<BTreeMap<String, Workflow>>,
}

impl Shared {
    pub(crate) fn new(key: JournalKey, unknown: Unknown, retention: Duration) -> Self {
        Self { key, unknown, retention, gate: Gate::default(), read: Mutex::default() }
    }
}

/// A workflow that a worker runs, and the inputs that it gives to every run.
pub(crate) struct Hosted {
    pub(crate) service: String,
    workflow: Workflow,
    inputs: Inputs,
    documents: String,
    shared: Arc<Shared>,
}

impl Hosted {
    pub(crate) fn new(service: &str, workflow: &Workflow, inputs: Inputs, shared: &Arc<Shared>) -> Self {
        let documents = documents_of(&workflow.description);
        Self { service: service.to_owned(), workflow: workflow.clone(), inputs, documents, shared: shared.clone() }
    }
}

/// The endpoint that the engine calls.
///
/// # Errors
/// [`Error::Setup`] if a name is none, or the key of the engine cannot be read.
pub(crate) fn endpoint(services: Vec<Hosted>, identity: Option<&str>) -> Result<Endpoint, Error> {
    let setup = |error: &dyn std::fmt::Display| Error::Setup(error.to_string());
    let mut builder = Endpoint::builder();
    if let Some(key) = identity {
        crate::restate::identity::install();
        builder =
            builder.identity_key(key).map_err(|error| setup(&format!("the identity key of the engine: {error}")))?;
    }
    for hosted in services {
        builder = builder.bind(definition(hosted).map_err(|error| setup(&error))?);
    }
    Ok(builder.build())
}

/// Answers a request of the engine.
pub(crate) fn answer(endpoint: &Endpoint, request: Request<Incoming>) -> Response<ResponseBody> {
    endpoint.handle_with_options(request, HandleOptions { protocol_mode: ProtocolMode::BidiStream })
}

fn definition(hosted: Hosted) -> Result<ServiceDefinition, serde_json::Error> {
    let object = json!({ "required": false, "contentType": "application/json" });
    let answer = json!({ "contentType": "application/json", "setContentTypeIfEmpty": false });
    let described = serde_json::from_value(json!({
        "name": hosted.service,
        "ty": "WORKFLOW",
        "documentation": format!("The workflow {} of an Arazzo document.", hosted.workflow.name()),
        "handlers": [
            { "name": "run", "ty": "WORKFLOW", "input": object, "output": answer,
              "documentation": "Runs it with the inputs of the body, which may have no secret." },
            { "name": DECIDE, "ty": "SHARED", "input": object, "output": answer,
              "documentation": "Decides about a request in doubt: {\"decision\": \"retry\"}, \"fail\", or \"skip\" with \"sealed\" or \"response\"." },
            { "name": STATUS, "ty": "SHARED", "input": {}, "output": answer,
              "documentation": "Says what the run does, and what it waits for." },
        ],
    }))?;
    let request = Duration::from_millis(hosted.workflow.description.settings.limits.request_ms);
    let retention = hosted.shared.retention;
    let options = ServiceOptions::new()
        .metadata("arazzo", env!("CARGO_PKG_VERSION"))
        .inactivity_timeout(INACTIVE)
        // A request in flight is given its time.
        .abort_timeout(request.saturating_mul(2).max(INACTIVE))
        .journal_retention(retention)
        .handler("run", HandlerOptions::new().workflow_retention(retention));
    Ok(service_definition(Dispatcher(Arc::new(hosted)), described).options(options))
}

struct Dispatcher(Arc<Hosted>);

impl Service for Dispatcher {
    type Future = ServiceBoxFuture;

    fn handle(&self, context: ContextInternal) -> Self::Future {
        let hosted = self.0.clone();
        Box::pin(async move {
            let answer = match context.handler_name() {
                "run" => hosted.run(&context).await,
                DECIDE => decide(&hosted.shared, &context).await,
                STATUS => status(&context).await,
                other => return Err(endpoint::Error::unknown_handler(&hosted.service, other)),
            };
            context.handle_handler_result(answer.map(|answer| answer.to_string()).map(String::into_bytes));
            context.end();
            Ok(())
        })
    }
}

/// The journal of an attempt, as it is written and read.
struct Entries<'c> {
    context: &'c ContextInternal,
    key: &'c JournalKey,
    run: String,
    /// The number of the next entry.
    next: AtomicU32,
    /// `true` once an entry was made by this attempt, and not read.
    made: AtomicBool,
}

impl Entries<'_> {
    /// An entry: read if it is in the journal, else made by `work` and written there, encrypted. `true` if it was made.
    ///
    /// # Errors
    /// Why the run ends here, or is tried again.
    async fn entry<T, Work>(&self, name: &str, work: impl FnOnce() -> Work + Send) -> Result<(T, bool), HandlerError>
    where
        T: Serialize + DeserializeOwned + Send,
        Work: Future<Output = T> + Send,
    {
        let place = format!("restate/{}/{}/{name}", self.run, self.next.fetch_add(1, Ordering::SeqCst));
        let was_made = AtomicBool::new(false);
        let made = async || {
            let value = work().await;
            was_made.store(true, Ordering::SeqCst);
            Ok([self.key.id().as_bytes(), &self.key.encrypt(&place, &compress(&value)?)?].concat())
        };
        let run = self.context.run(made).name(name);
        let sealed: Vec<u8> = run.await?;
        let made = was_made.load(Ordering::SeqCst);
        self.made.fetch_or(made, Ordering::SeqCst);
        let own = self.key.id();
        let (id, sealed) = sealed.split_at_checked(own.len()).unwrap_or_default();
        if id != own.as_bytes() {
            let id = String::from_utf8_lossy(id);
            return Err(format!(
                "the run is encrypted with the key `{id}`, and this worker has `{own}`: start one with that key"
            )
            .into());
        }
        let damaged = || format!("`{name}` is not what was encrypted with the key `{own}`");
        let opened = self.key.decrypt(&place, sealed).ok_or_else(damaged)?;
        let value = decompress(&opened).ok_or_else(|| format!("`{name}` is of another version of arazzo"))?;
        Ok((value, made))
    }

    /// `true` if another attempt may have had the run before, and this one has only read so far.
    fn resumes(&self) -> bool {
        !self.made.load(Ordering::SeqCst)
    }
}

/// A fault of the request, which no further attempt mends.
fn refused(code: u16, message: impl Into<String>) -> HandlerError {
    TerminalError::new_with_code(code, message).into()
}

impl Hosted {
    /// Plays a run, from its beginning.
    async fn run(&self, context: &ContextInternal) -> Result<Value, HandlerError> {
        let (body, about) = context.input::<Vec<u8>>().await;
        let entries = Entries {
            context,
            key: &self.shared.key,
            run: format!("{}/{}", self.service, about.key),
            next: AtomicU32::new(0),
            made: AtomicBool::new(false),
        };
        let run = entries.run.clone();
        let (begun, _): (Result<Begun, String>, _) =
            entries.entry("begin", || async { self.begin(&body, &run) }).await?;
        let begun = begun.map_err(|message| refused(400, message))?;
        if begun.semantics != SEMANTICS {
            let (found, own) = (begun.semantics, SEMANTICS);
            return Err(
                format!("the run has semantics {found}, and this worker {own}: register it under its own url").into()
            );
        }
        let (workflow, session) = self.workflow_of(begun).await?;
        let record = RunRecord::of_plan(&workflow.plan()).last_attempts();
        let mut playing = Playing {
            hosted: self,
            entries,
            run: DurableRun::begin(session, record),
            visits: BTreeMap::new(),
            doubts: 0,
        };
        playing.play().await
    }

    /// What a run begins with.
    ///
    /// # Errors
    /// What is wrong with its request, in words that show no value.
    fn begin(&self, body: &[u8], run: &str) -> Result<Begun, String> {
        let asked = inputs_of(body)?;
        let secrets = secrets_among(&self.workflow, asked.iter().map(|(name, _)| name));
        if !secrets.is_empty() {
            return Err(format!(
                "the request has secrets, which the engine has kept as they are: {}; change them where they are used, and give them to the worker instead",
                secrets.join(", ")
            ));
        }
        Begun::new(&self.workflow, asked.or(self.inputs.clone()), run).map_err(|error| error.to_string())
    }

    /// The workflow of a run as it was when the run began, and the run at its beginning.
    async fn workflow_of(&self, mut begun: Begun) -> Result<(Workflow, crate::session::Session), HandlerError> {
        let documents = begun.documents().to_owned();
        let known = match documents == self.documents {
            true => Some(self.workflow.clone()),
            false => self.known().get(&documents).cloned(),
        };
        let workflow = match known {
            Some(workflow) => workflow,
            None => {
                let description = self.workflow.description.clone();
                let read = move || (begun.read(&description), begun);
                let (workflow, back) = crate::runtime::beside(read).await;
                begun = back;
                let workflow = workflow?;
                let mut known = self.known();
                if known.len() >= READ_AGAIN {
                    known.clear();
                }
                known.insert(documents, workflow.clone());
                workflow
            }
        };
        let session = begun.session(&workflow)?;
        Ok((workflow, session))
    }

    fn known(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Workflow>> {
        self.shared.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A run that is played.
struct Playing<'c> {
    hosted: &'c Hosted,
    entries: Entries<'c>,
    run: DurableRun,
    /// How often each step has sent something.
    visits: BTreeMap<String, u32>,
    /// How often it was asked what to do about a request in doubt.
    doubts: u32,
}

impl Playing<'_> {
    /// Goes on until the run has an outcome.
    async fn play(&mut self) -> Result<Value, HandlerError> {
        loop {
            if let Some(outcome) = self.run.outcome.take() {
                return self.finish(&outcome);
            }
            if !self.run.sends.is_empty() {
                self.send().await?;
                continue;
            }
            let Some(wake) = self.run.wake else {
                return Err(refused(500, "the run waits for nothing: this is a fault of arazzo"));
            };
            if wake > self.run.session.now() {
                let wait = wake.saturating_sub(self.run.clock(self.world()));
                self.say(json!({ "state": "waiting", "until": self.time(wake) }));
                self.entries.context.sleep(Duration::from_millis(wait)).await?;
            }
            self.run.apply(wake, Input::Tick);
        }
    }

    fn world(&self) -> &crate::transport::World {
        &self.hosted.workflow.description.world
    }

    fn time(&self, at: u64) -> String {
        let began = u64::try_from(self.run.session.epoch_ms()).unwrap_or(0);
        crate::envelope::rfc3339(Duration::from_millis(began.saturating_add(at)))
    }

    /// Says what the run does, for `status` and the tools of the engine.
    fn say(&self, status: Value) {
        self.entries.context.set(STATUS, status.to_string().into_bytes());
    }

    /// Sends the requests that wait for it, all that may not be sent twice after it is written that they are about to be.
    async fn send(&mut self) -> Result<(), HandlerError> {
        // A worker that is about to end begins nothing any more.
        let pass = self.hosted.shared.gate.enter().await;
        let batch = std::mem::take(&mut self.run.sends);
        let step =
            batch.first().and_then(|outgoing| self.run.session.step_of(outgoing.call)).unwrap_or("request").to_owned();
        let visit = self.visits.entry(step.clone()).or_default();
        *visit += 1;
        let name = format!("{step}#{visit}");
        self.say(json!({ "state": "running", "step": step }));
        let unsafe_ones: Vec<Outgoing> =
            batch.iter().filter(|outgoing| !self.run.session.is_repeatable(outgoing.call)).cloned().collect();
        let mut is_first = true;
        if !unsafe_ones.is_empty() {
            ((), is_first) = self.entries.entry(&format!("{name} intent"), async || ()).await?;
        }
        let (resumes, unknown) = (self.entries.resumes(), self.hosted.shared.unknown);
        let (run, world, asked) = (&mut self.run, &self.hosted.workflow.description.world, batch.clone());
        let work = async || match is_first {
            true => run.exchange(asked, world, resumes).await,
            false => Exchange::InDoubt(unknown),
        };
        let (exchange, made): (Exchange, bool) = self.entries.entry(&name, work).await?;
        drop(pass);
        match exchange {
            Exchange::Ended { away, heard } if !made => self.run.replay(away, heard),
            Exchange::Ended { .. } => {}
            Exchange::InDoubt(unknown) => {
                self.run.sends = batch;
                for outgoing in unsafe_ones {
                    self.settle(&step, &outgoing, unknown).await?;
                }
            }
        }
        Ok(())
    }

    /// Settles what is done about a request in doubt: it stays among those that are sent, or has ended.
    async fn settle(&mut self, step: &str, outgoing: &Outgoing, unknown: Unknown) -> Result<(), HandlerError> {
        let made = match unknown {
            Unknown::Retry => Decision::Retry,
            Unknown::Fail => Decision::Fail,
            Unknown::Ask => self.ask(step, outgoing).await?,
        };
        let (world, run) = (self.world(), &self.run);
        let decided = || async { Decided { at: run.clock(world), decision: made } };
        let (Decided { at, decision }, _) = self.entries.entry(&format!("{step} decided"), decided).await?;
        let again = matches!(decision, Decision::Retry);
        let away = at.saturating_sub(self.run.session.now());
        self.run.resume(at, away, if again { std::slice::from_ref(&outgoing.call) } else { &[] });
        if !again {
            self.run.sends.retain(|one| one.call != outgoing.call);
            self.run.settle(at, outgoing.call, decision);
        }
        Ok(())
    }

    /// Waits until somebody decides, as long as it takes.
    async fn ask(&mut self, step: &str, outgoing: &Outgoing) -> Result<Decision, HandlerError> {
        self.doubts += 1;
        let promise = if self.doubts == 1 { IN_DOUBT.to_owned() } else { format!("{IN_DOUBT}-{}", self.doubts) };
        let (session, request) = (&self.run.session, &outgoing.request);
        let body = request.body.as_ref().and_then(|body| std::str::from_utf8(body).ok());
        let body: Option<String> = body.map(|body| session.mask(body).chars().take(SHOWN).collect());
        self.say(json!({
            "state": IN_DOUBT, "promise": promise, "step": step,
            "method": session.mask(&request.method), "url": session.mask(&request.url), "body": body,
        }));
        let decision: Vec<u8> = self.entries.context.promise(&promise).await?;
        decision_of(&self.hosted.shared.key, &self.entries.run, &decision).map_err(|message| refused(400, message))
    }

    /// The result of a run, as `arazzo run --json=result` has it.
    fn finish(&self, outcome: &Outcome) -> Result<Value, HandlerError> {
        let record = &self.run.record;
        let whole = outcome.values();
        let masked = record.outputs().unwrap_or(whole);
        let mut object = result::object(record, masked);
        // What an event masks is not for everybody who may look into the engine.
        if let (Json::Object(members), true) = (&mut object, masked != &**whole) {
            let sealed = seal_outputs(&self.hosted.shared.key, &self.entries.run, whole)?;
            members.insert("sealed".to_owned(), Json::String(sealed));
        }
        self.say(json!({ "state": "ended", "status": record.verdict().word() }));
        Ok(serde_json::from_str(&object.to_string())?)
    }
}

/// A decision as `decide` takes it.
///
/// # Errors
/// What is wrong with it.
fn decision_of(key: &JournalKey, run: &str, bytes: &[u8]) -> Result<Decision, String> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| format!("the decision is not JSON: {error}"))?;
    let words = "write {\"decision\": \"retry\"}, \"fail\", or \"skip\" with \"response\" or \"sealed\"";
    match (value.get("decision").and_then(Value::as_str), value.get("response"), value.get("sealed")) {
        (Some("retry"), None, None) => Ok(Decision::Retry),
        (Some("fail"), None, None) => Ok(Decision::Fail),
        (Some("skip"), Some(response), None) => read_answer(&response.to_string()).map(Decision::Answer),
        (Some("skip"), None, Some(sealed)) => {
            let sealed = sealed.as_str().and_then(|text| STANDARD.decode(text).ok());
            let opened = sealed.and_then(|sealed| open_answer(key, run, &sealed));
            let opened = opened.ok_or("the answer is not encrypted with the key of this worker, for this run")?;
            read_answer(&opened).map(Decision::Answer)
        }
        _ => Err(words.to_owned()),
    }
}

/// The handler that decides about a request in doubt.
async fn decide(shared: &Shared, context: &ContextInternal) -> Result<Value, HandlerError> {
    let (body, about) = context.input::<Vec<u8>>().await;
    let said = context.get::<Vec<u8>>(STATUS).await?;
    let said: Value = said.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    let text = |name: &str| said.get(name).and_then(Value::as_str);
    let (Some(IN_DOUBT), Some(promise)) = (text("state"), text("promise")) else {
        return Err(refused(409, "nothing of this run is in doubt"));
    };
    let run = format!("{}/{}", context.service_name(), about.key);
    // It is not kept unless it can be followed.
    decision_of(&shared.key, &run, &body).map_err(|message| refused(400, message))?;
    if context.peek_promise::<Vec<u8>>(promise).await?.is_some() {
        return Err(refused(409, "it has been decided already"));
    }
    context.resolve_promise(promise, body);
    Ok(json!({ "v": 1, "run": run, "step": text("step"), "decided": true }))
}

/// The handler that says what a run does.
async fn status(context: &ContextInternal) -> Result<Value, HandlerError> {
    let (_, about) = context.input::<Vec<u8>>().await;
    let said = context.get::<Vec<u8>>(STATUS).await?;
    let mut said: Value =
        said.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_else(|| json!({ "state": "unknown" }));
    if let Some(members) = said.as_object_mut() {
        members.insert("v".to_owned(), 1.into());
        members.insert("run".to_owned(), format!("{}/{}", context.service_name(), about.key).into());
    }
    Ok(said)
}
