//! The answers of a server that does exactly what an OpenAPI document says: pure, and always the same.
//!
//! A [`Mock`] is made of documents and never changes; what has been asked so far is in a [`Session`], so that every run
//! begins anew. Requests are checked against the description; what fits gets the documented example, or a value made
//! from the schema. Opens no socket: the library serves it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::value::{Json, Map};

use crate::diagnostic::{Help, nearest};
use crate::expr::StepId;
use crate::expr::jsonpath::Wanted;
use crate::limits::Millis;
use crate::machine::message::Message;
use crate::machine::{Course, Forecast, Response};
use crate::node::Node;
use crate::openapi::store::DocumentStore;
use crate::openapi::{Api, Operation};
use crate::program::{self, Program, Step, WorkflowId};
use crate::source::{Place, Sources, Span};
use crate::value::PathSegment;

mod allowed;
mod answer;
mod application;
mod broker;
mod check;
mod echo;
mod fault;
mod fitting;
mod inputs;
mod origins;
mod places;
mod prefer;
mod reads;
mod route;
mod streamed;
mod suiting;
mod wishes;

use prefer::Preference;

pub use application::{Application, Carrier, Posted, Spot, Taken, Turns};
pub use broker::{Broker, Coming, with_correlation};
pub use fault::{Ending, Fault};
pub use reads::Reads;

/// Mocked documents with their faults.
#[derive(Debug)]
pub struct Mock {
    texts: Sources,
    /// The documents, with those that they refer to.
    store: DocumentStore,
    sources: Vec<Source>,
    faults: Vec<Fault>,
    latency: Millis,
    /// The program whose workflows ask, if it is known.
    program: Option<Arc<Program>>,
    /// The values that its workflows read of answers.
    reads: BTreeMap<OperationKey, Reads>,
    /// Where values of its workflows are sent to.
    places: places::Places,
    /// What criteria of other steps want of answers, which they read through outputs.
    later: BTreeMap<OperationKey, Vec<(Vec<PathSegment>, Wanted)>>,
    /// The steps that call an operation.
    callers: BTreeMap<OperationKey, Vec<StepId>>,
    /// The steps that listen to the stream of an operation.
    listeners: BTreeMap<OperationKey, Vec<StepId>>,
    /// What has the channels of AsyncAPI documents.
    applications: Vec<Application>,
}

/// An operation of a program: the number of its document, its method in small letters, its path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct OperationKey {
    source: usize,
    method: String,
    path: String,
}

impl OperationKey {
    /// The operation that a step calls.
    fn of(program: &Program, step: &Step) -> Option<Self> {
        let operation = program.operation_of(step)?;
        Some(Self::named(operation))
    }

    fn named(operation: &program::Operation) -> Self {
        let method = operation.method.to_ascii_lowercase();
        Self { source: operation.api, method, path: operation.path.clone() }
    }
}

/// One OpenAPI document.
#[derive(Debug)]
struct Source {
    name: String,
    root: Option<Arc<Node>>,
    /// The path of its server, which comes before the paths of its operations.
    base: String,
}

/// The requests so far.
#[derive(Debug, Clone, Default)]
pub struct Session {
    /// The number of calls of each operation.
    calls: BTreeMap<(usize, String), u32>,
    /// The number of answers of each operation, by its resolved path.
    answers: BTreeMap<(usize, String), usize>,
    /// What the step that asks next would make of an answer.
    forecast: Option<Forecast>,
    /// The last answer that was generated: its operation, and where it is described.
    generated: Option<(String, Span)>,
    /// `true` if the last answer is one that a fault asked for.
    faulty: bool,
}

impl Session {
    /// Says which step asks next, and what it would make of an answer.
    pub fn expect(&mut self, forecast: Option<Forecast>) {
        self.forecast = forecast;
    }

    /// `true` if the last answer is a fault that was asked for: what it is does not depend on what was sent.
    #[must_use]
    pub fn is_faulty(&self) -> bool {
        self.faulty
    }

    /// The last answer, if it was generated: its operation, and where it is described.
    #[must_use]
    pub fn generated(&self) -> Option<(&str, Span)> {
        self.generated.as_ref().map(|(operation, span)| (operation.as_str(), *span))
    }
}

/// A request as it came.
#[derive(Debug, Clone, Copy)]
pub struct Request<'r> {
    /// `GET`
    pub method: &'r str,
    /// The path with its query, encoded.
    pub target: &'r str,
    /// Headers in the order in which they came.
    pub headers: &'r [(String, String)],
    /// The body.
    pub body: &'r [u8],
}

/// An answer, and the time to wait before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Milliseconds to wait before.
    pub delay_ms: Millis,
    /// The answer; nothing if the connection is to be closed instead.
    pub response: Option<Response>,
    /// The operation that answers: its `operationId`, or method and path.
    pub operation: Option<String>,
    /// The origin of the answer, in words: `example third`, `sample`, or why there is none.
    pub note: String,
    /// Where it is described, if it was generated: an example there takes the place of what was.
    pub generated: Option<Span>,
}

impl Mock {
    /// A mock of these documents: the name of each, and its tree (`None` if it is not to be mocked). `texts` are theirs,
    /// and those of the documents on the store, which they may refer to.
    #[must_use]
    pub fn new(texts: Sources, store: DocumentStore, documents: Vec<(String, Option<Arc<Node>>)>) -> Self {
        let sources = documents.into_iter().map(|(name, root)| {
            let base = root.as_ref().and_then(|root| Api::new(root, &store).server()).map(|server| server.base_path());
            Source { name, root, base: base.unwrap_or_default() }
        });
        Self {
            sources: sources.collect(),
            texts,
            store,
            faults: vec![],
            latency: 0,
            program: None,
            reads: BTreeMap::new(),
            places: places::Places::default(),
            later: BTreeMap::new(),
            callers: BTreeMap::new(),
            listeners: BTreeMap::new(),
            applications: vec![],
        }
    }

    /// Learns what the workflows of a program read, so that it is there, where that is sent to, so that it fits, and what
    /// their criteria compare with. The documents are those of its source descriptions, in their order.
    #[must_use]
    pub fn reads(mut self, program: Arc<Program>) -> Self {
        self.reads = reads::of(&program);
        self.later = reads::compared_later(&program);
        self.places = places::of(&self.sources, &self.store, &program);
        for (index, step) in program.steps.iter().enumerate() {
            if let Some(key) = OperationKey::of(&program, step) {
                self.callers.entry(key).or_default().push(StepId(index as u32));
            }
            let stream = step.call.receive().and_then(|call| program.operation(call.request.as_ref()?.operation));
            if let Some(operation) = stream {
                self.listeners.entry(OperationKey::named(operation)).or_default().push(StepId(index as u32));
            }
        }
        self.program = Some(program);
        self
    }

    /// Serves the channels of these AsyncAPI documents too, each by its name, to clients whose connections are spoken.
    /// Of which nothing can be served, it is said why: the name of each, and words.
    #[must_use]
    pub fn with_channels(
        mut self,
        documents: Vec<(String, Arc<Node>)>,
        speaks: &dyn Fn(Carrier) -> bool,
    ) -> (Self, Vec<(String, String)>) {
        let mut not = vec![];
        for (name, root) in documents {
            match Application::new(&name, &root, &self.store, self.program.clone(), speaks) {
                Ok(application) => self.applications.push(application),
                Err(why) => not.push((name, why)),
            }
        }
        (self, not)
    }

    /// What has the channels of AsyncAPI documents.
    #[must_use]
    pub fn applications(&self) -> &[Application] {
        &self.applications
    }

    /// What who listens to a channel of an application hears first.
    #[must_use]
    pub fn greeting(&self, turns: &mut Turns, application: usize, spot: &Spot) -> Vec<Posted> {
        let found = self.applications.get(application);
        found.map(|found| found.greeting(turns, spot, (&self.faults, self.latency))).unwrap_or_default()
    }

    /// What becomes of a message that a client sent to a channel of an application.
    #[must_use]
    pub fn take(&self, turns: &mut Turns, application: usize, spot: &Spot, message: &Message) -> Option<Taken> {
        let found = self.applications.get(application)?;
        Some(found.take(turns, spot, message, (&self.faults, self.latency)))
    }

    /// Inputs for a workflow of the program whose documents these are: those that its schema, or that of a workflow it
    /// depends on, requires without a default, and those without which something could not be sent.
    #[must_use]
    pub fn inputs(&self, program: &Program, workflow: WorkflowId) -> Map<String, Json> {
        let Some(target) = program.workflow(workflow) else { return Map::new() };
        let mut made = Map::new();
        for id in std::iter::once(workflow).chain(target.dependencies.iter().copied()) {
            let Some(workflow) = program.workflow(id) else { continue };
            for (name, value) in inputs::made_up(&self.places, id, workflow) {
                made.entry(name).or_insert(value);
            }
        }
        made
    }

    /// A place in the texts of its documents.
    #[must_use]
    pub fn place(&self, span: Span) -> Place {
        self.texts.place(span)
    }

    /// `true` if a fault resets connections.
    #[must_use]
    pub fn resets(&self) -> bool {
        self.faults.iter().any(|fault| fault.ending == Some(Ending::Reset))
    }

    /// Every answer takes this many ms.
    #[must_use]
    pub fn latency(mut self, latency: Millis) -> Self {
        self.latency = latency;
        self
    }

    /// Adds a fault; earlier ones win.
    ///
    /// # Errors
    /// The name of an operation that is not described, with the nearest one.
    pub fn fault(&mut self, fault: Fault) -> Result<(), String> {
        let known: Vec<[String; 3]> = self.operations().map(|(source, o)| names(source, &o)).collect();
        let of_messages: Vec<String> = self.applications.iter().flat_map(Application::names).collect();
        if of_messages.contains(&fault.operation) {
            if let Some(what) = fault.of_answers() {
                return Err(of_messages_alone(&fault, what));
            }
            self.faults.push(fault);
            return Ok(());
        }
        if let Some(what) = fault.of_messages() {
            return Err(format!(
                "`{}` is no operation or channel of messages, and {what} happens to messages alone; to answers happen a status, reset, malformed and delay",
                fault.operation
            ));
        }
        if known.iter().flatten().any(|name| *name == fault.operation) {
            self.faults.push(fault);
            return Ok(());
        }
        let near = nearest(&fault.operation, known.iter().flatten().chain(&of_messages).map(String::as_str))
            .map_or_else(String::new, |near| format!("; {}", Help::meant(near)));
        Err(format!("no operation is called `{}`{near}", fault.operation))
    }

    /// The names of the documents that are mocked, with their indices and the paths of their servers.
    pub fn served(&self) -> impl Iterator<Item = (usize, &str, &str)> {
        let sources = self.sources.iter().enumerate().filter(|(_, source)| source.root.is_some());
        sources.map(|(index, source)| (index, source.name.as_str(), source.base.as_str()))
    }

    /// The number of operations of a document.
    #[must_use]
    pub fn size(&self, source: usize) -> usize {
        self.sources
            .get(source)
            .and_then(|source| source.root.as_ref())
            .map_or(0, |root| Api::new(root, &self.store).operations().count())
    }

    /// Answers a request to the document with this index.
    #[must_use]
    pub fn answer(&self, session: &mut Session, index: usize, request: Request<'_>) -> Answer {
        let Some((source, root)) = self.sources.get(index).and_then(|source| Some((source, source.root.as_ref()?)))
        else {
            return self.refused(404, "nothing is mocked here".to_owned(), vec![]);
        };
        let api = Api::new(root, &self.store);
        let (path, query) = request.target.split_once('?').unwrap_or((request.target, ""));
        let found = match route::find(api, &source.base, request.method, (path, query)) {
            Ok(found) => found,
            Err(missed) => {
                let detail = missed.words(request.method, path);
                let mut answer = self.refused(missed.status(), detail, vec![]);
                if let (Some(response), Some(allow)) = (&mut answer.response, missed.allow()) {
                    response.headers.push(("allow".to_owned(), allow));
                }
                return answer;
            }
        };
        let operation = found.operation;
        let own = names(source, &operation);
        let call = session.calls.entry((index, operation.endpoint())).or_insert(0);
        *call += 1;
        let fault = self.faults.iter().find(|fault| own.contains(&fault.operation) && fault.occurs(*call));
        let name = operation.name();
        let mut answer = match fault {
            Some(fault) if fault.ending == Some(Ending::Reset) => Answer {
                delay_ms: 0,
                response: None,
                operation: None,
                note: "fault: reset".to_owned(),
                generated: None,
            },
            Some(fault) if fault.status.is_some() => answer::faulty(&operation, fault),
            _ => {
                let preference = Preference::of(&request);
                let problems = if preference.code.is_some() { vec![] } else { check::request(&found, &request) };
                self.described(session, index, (&operation, &found.parameters), request, (preference, problems))
            }
        };
        session.faulty = fault.is_some_and(|fault| fault.status.is_some() || fault.ending.is_some());
        session.generated = answer.generated.map(|span| (name.clone(), span));
        answer.operation = Some(name);
        answer.delay_ms += self.latency + fault.map_or(0, |fault| fault.delay_ms);
        if let Some((fault, response)) = fault.zip(answer.response.as_mut()) {
            fault.spoil(response);
            if fault.ending.is_some() {
                answer.note = "fault: malformed".to_owned();
            }
        }
        if let (true, Some(response)) = (request.method.eq_ignore_ascii_case("head"), &mut answer.response) {
            response.body.clear();
        }
        answer
    }

    /// The answer to a request. To one that is not as described it is what is wrong with it, or the failure that is
    /// described if its step goes on with that.
    fn described(
        &self,
        session: &mut Session,
        index: usize,
        (operation, parameters): (&Operation<'_>, &[(String, String)]),
        request: Request<'_>,
        (preference, problems): (Preference, Vec<check::Problem>),
    ) -> Answer {
        let key = OperationKey { source: index, method: operation.method.to_owned(), path: operation.path.to_owned() };
        let path = request.target.split('?').next().unwrap_or_default();
        let times = session.answers.entry((index, format!("{} {path}", operation.method))).or_insert(0);
        if problems.is_empty() || *times == 0 {
            *times += 1;
        }
        let asks = |forecast: &Forecast| {
            forecast.step().and_then(|step| OperationKey::of(forecast.program(), step)).as_ref() == Some(&key)
        };
        // Who is not known to ask may be any of the steps that call the operation, one after another.
        let guessed = || {
            let steps = self.callers.get(&key)?;
            let step = steps.get((*times - 1) % steps.len().max(1))?;
            Some(Forecast::of_step(self.program.clone()?, *step))
        };
        let forecast = session.forecast.take().filter(asks).or_else(guessed);
        let asker = answer::Asker {
            reads: self.reads.get(&key),
            places: self.places.answers.get(&key).map(Vec::as_slice).unwrap_or_default(),
            later: self.later.get(&key).map(Vec::as_slice).unwrap_or_default(),
            forecast: forecast.as_ref(),
            listeners: self.listening(&key),
            preference,
            times: *times,
        };
        let documented = answer::documented(operation, parameters, &request, &asker);
        if problems.is_empty() {
            return documented.unwrap_or_else(|reason| self.refused(400, reason, vec![]));
        }
        let wanted = documented.ok().filter(|answer| {
            let failure = answer.response.as_ref().filter(|response| response.status >= 400);
            forecast.zip(failure).is_some_and(|(forecast, failure)| forecast.course(failure).0 <= Course::Ends)
        });
        wanted.unwrap_or_else(|| self.refused(check::status(operation, &problems), String::new(), problems))
    }

    /// What the steps that listen to the stream of an operation make of its events.
    fn listening(&self, key: &OperationKey) -> Vec<Forecast> {
        let steps = self.listeners.get(key).map(Vec::as_slice).unwrap_or_default();
        let program = self.program.iter();
        program.flat_map(|program| steps.iter().map(|step| Forecast::of_step(program.clone(), *step))).collect()
    }

    /// An answer of the mock's own: what is wrong with a request, and where that is described.
    fn refused(&self, status: u16, detail: String, problems: Vec<check::Problem>) -> Answer {
        answer::refused(&self.texts, status, detail, problems)
    }

    fn operations(&self) -> impl Iterator<Item = (&Source, Operation<'_>)> {
        let roots = self.sources.iter().filter_map(|source| Some((source, source.root.as_ref()?)));
        roots.flat_map(|(source, root)| {
            Api::new(root, &self.store).operations().map(move |operation| (source, operation))
        })
    }
}

/// What is said of a fault of messages that happens to answers.
#[must_use]
pub fn of_messages_alone(fault: &Fault, what: &str) -> String {
    format!(
        "`{}` is of messages, and {what} happens to answers of HTTP; to messages happen drop, duplicate, reorder and delay",
        fault.operation
    )
}

/// The names of an operation: `getVolume`, `volumesApi.getVolume`, `GET /volumes/{volumeId}`.
fn names(source: &Source, operation: &Operation<'_>) -> [String; 3] {
    let id = operation.id().unwrap_or_default();
    [id.to_owned(), format!("{}.{id}", source.name), operation.endpoint()]
}
