//! The answers of a server that does exactly what an OpenAPI document says: pure, and always the same.
//!
//! A [`Mock`] is made of documents and never changes; what has been asked so far is in a [`Session`], so that every run
//! begins anew. Requests are checked against the description; what fits gets the documented example, or a value made
//! from the schema. Opens no socket: the library serves it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::value::{Json, Map};

use crate::diagnostic::{Help, nearest};
use crate::limits::Millis;
use crate::machine::Response;
use crate::node::Node;
use crate::openapi::store::DocumentStore;
use crate::openapi::{Api, Operation};
use crate::program::{Program, WorkflowId};
use crate::source::Sources;

mod answer;
mod check;
mod fault;
mod inputs;
mod reads;
mod route;

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
}

/// One OpenAPI document.
#[derive(Debug)]
struct Source {
    name: String,
    root: Option<Arc<Node>>,
    /// The path of its server, which comes before the paths of its operations.
    base: String,
    /// The values that the workflows read of the answers of its operations, by method and path.
    reads: BTreeMap<(String, String), Reads>,
}

/// The requests so far.
#[derive(Debug, Clone, Default)]
pub struct Session {
    /// The number of calls of each operation.
    calls: BTreeMap<(usize, String), u32>,
    /// The number of answers of each operation, by its resolved path.
    answers: BTreeMap<(usize, String), usize>,
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
}

impl Mock {
    /// A mock of these documents: the name of each, and its tree (`None` if it is not to be mocked). `texts` are theirs,
    /// and those of the documents on the store, which they may refer to.
    #[must_use]
    pub fn new(texts: Sources, store: DocumentStore, documents: Vec<(String, Option<Arc<Node>>)>) -> Self {
        let sources = documents.into_iter().map(|(name, root)| {
            let base = root.as_ref().and_then(|root| Api::new(root, &store).server()).map(|server| server.base_path());
            Source { name, root, base: base.unwrap_or_default(), reads: BTreeMap::new() }
        });
        Self { sources: sources.collect(), texts, store, faults: vec![], latency: 0 }
    }

    /// Learns what the workflows of a program read, so that it is there. The documents are those of its source
    /// descriptions, in their order.
    #[must_use]
    pub fn reads(mut self, program: &Program) -> Self {
        for ((api, key), found) in reads::of(program) {
            if let Some(source) = self.sources.get_mut(api) {
                source.reads.insert(key, found);
            }
        }
        self
    }

    /// Inputs for a workflow of the program whose documents these are: those that its schema, or that of a workflow it
    /// depends on, requires without a default.
    #[must_use]
    pub fn inputs(&self, program: &Program, workflow: WorkflowId) -> Map<String, Json> {
        let Some(target) = program.workflow(workflow) else { return Map::new() };
        let mut made = Map::new();
        for id in std::iter::once(workflow).chain(target.dependencies.iter().copied()) {
            let Some(workflow) = program.workflow(id) else { continue };
            for (name, value) in inputs::made_up(&self.sources, &self.store, program, workflow) {
                made.entry(name).or_insert(value);
            }
        }
        made
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
        if known.iter().flatten().any(|name| *name == fault.operation) {
            self.faults.push(fault);
            return Ok(());
        }
        let near = nearest(&fault.operation, known.iter().flatten().map(String::as_str))
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
        let found = match route::find(api, &source.base, request.method, path) {
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
            Some(fault) if fault.ending == Some(Ending::Reset) => {
                Answer { delay_ms: 0, response: None, operation: None, note: "fault: reset".to_owned() }
            }
            Some(fault) if fault.status.is_some() => answer::faulty(&operation, fault),
            _ => {
                let problems = check::request(&operation, &found.parameters, query, &request);
                match problems.is_empty() {
                    true => {
                        let reads = source.reads.get(&(operation.method.to_owned(), operation.path.to_owned()));
                        let asked = (index, format!("{} {path}", operation.method));
                        let times = session.answers.entry(asked).or_insert(0);
                        *times += 1;
                        answer::documented(&operation, &found.parameters, &request, reads, *times)
                    }
                    false => self.refused(check::status(&operation, &problems), String::new(), problems),
                }
            }
        };
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

/// The names of an operation: `getVolume`, `volumesApi.getVolume`, `GET /volumes/{volumeId}`.
fn names(source: &Source, operation: &Operation<'_>) -> [String; 3] {
    let id = operation.id().unwrap_or_default();
    [id.to_owned(), format!("{}.{id}", source.name), operation.endpoint()]
}
