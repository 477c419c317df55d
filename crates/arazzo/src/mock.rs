//! An HTTP server made from OpenAPI documents: real HTTP on loopback ports. What it answers is decided by
//! [`arazzo_engine::mock`].
//!
//! A run against it, without the API:
//!
//! ```no_run
//! # async fn example() -> Result<(), arazzo::Error> {
//! use arazzo::mock::{Fault, Mocked};
//! let fault = Fault::parse("getVolume#2=503").map_err(arazzo::Error::Setup)?;
//! let description = arazzo::open("specs/daytona-provision.yml").folder("openapi").mock(Mocked::new().fault(fault)).load().await?;
//! let workflow = description.workflow(None)?;
//! let outcome = workflow.run(workflow.example_inputs(), |_| {}).await?;
//! # Ok(())
//! # }
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arazzo_engine::address::without_secrets;
use arazzo_engine::diagnostic::{Help, nearest};
use arazzo_engine::event::Why;
use arazzo_engine::expr::Root;
use arazzo_engine::limits::{AllowedHost, Servers};
use arazzo_engine::load::{Bundle, DescribedKind};
use arazzo_engine::machine::{Failure, Forecast, Outgoing, Response};
use arazzo_engine::mock::{Answer, Broker, Mock, Request, Session, of_messages_alone};
use arazzo_engine::node::Node;
use arazzo_engine::openapi::Api;
use arazzo_engine::program::{Criterion, Program};
use arazzo_engine::reason::Reason;
use arazzo_engine::value::{Json, Map};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderName, HeaderValue};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use url::{Origin, Url};

use crate::error::Error;
use crate::network::options::Network;
use crate::network::{self, header_text};
use crate::policy::hosts::Hosts;
use crate::runtime;
use crate::transport::{Pending, SendProgress, Transport};

mod channels;
mod serve;

pub use arazzo_engine::mock::Fault;
pub use serve::serve;

/// The largest body of a request that is read.
const BODY_BYTES: usize = 64 << 20;

/// Settings of a mock: its sources, faults and latency.
#[derive(Debug, Clone, Default)]
#[must_use = "a mock is given to `Builder::mock` or to `serve`"]
pub struct Mocked {
    pub(crate) only: Vec<String>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) latency_ms: u64,
    pub(crate) limits: ServingLimits,
}

/// Limits of documents that are served ([`serve`]): anybody on this machine may connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ServingLimits {
    /// The time that a head or a body may stand still.
    idle: Duration,
    /// Bytes of heads and bodies in all connections together.
    bytes: usize,
}

impl Default for ServingLimits {
    fn default() -> Self {
        Self { idle: Duration::from_secs(30), bytes: BODY_BYTES }
    }
}

impl Mocked {
    /// Every source description, without faults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Mocks this source description; once one is named, the others are called.
    pub fn only(mut self, source: impl Into<String>) -> Self {
        self.only.push(source.into());
        self
    }

    /// Adds a fault; earlier ones win.
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// The time that every answer takes, in ms.
    pub fn latency(mut self, ms: u64) -> Self {
        self.latency_ms = ms;
        self
    }

    /// The time that the head or the body of a request may stand still before its connection is closed, where documents are
    /// served ([`serve`]); 30 s, if nothing else is said.
    pub fn idle_timeout(mut self, time: Duration) -> Self {
        self.limits.idle = time;
        self
    }

    /// Bytes of requests that are read at once, in all connections together, where documents are served ([`serve`]); 64 MiB,
    /// if nothing else is said.
    pub fn most_bytes(mut self, bytes: u64) -> Self {
        self.limits.bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        self
    }

    /// The mock of a description that was loaded; its sources get loopback servers, whose ports are chosen when a run
    /// starts.
    ///
    /// # Errors
    /// [`Error::Setup`] for a source that is not described, a server that is given and would not be called, or a fault
    /// without an operation.
    pub(crate) fn of(&self, bundle: Bundle, program: &Arc<Program>, servers: &mut Servers) -> Result<Mocking, Error> {
        let names: Vec<String> = program.apis.iter().map(|api| api.name.clone()).collect();
        if let Some(unknown) = self.only.iter().find(|name| !names.contains(name)) {
            let near = nearest(unknown, names.iter().map(String::as_str)).map_or_else(
                || format!("source descriptions: {}", names.join(", ")),
                |near| Help::meant(near).to_string(),
            );
            return Err(Error::Setup(format!(
                "`{unknown}` is to be mocked, and the document does not describe it; {near}"
            )));
        }
        let mut documents = vec![];
        let (mut channels, mut applications) = (BTreeSet::new(), vec![]);
        let numbers = bundle.numbers();
        for (described, number) in bundle.described.into_iter().zip(numbers) {
            // A document that two source descriptions lead to is mocked once.
            if number != documents.len() {
                continue;
            }
            let wanted = self.only.is_empty() || self.only.iter().any(|name| is_within(&described.label, name));
            let kind = described.kind == DescribedKind::Openapi;
            // Events of operations are messages too.
            let has_messages = described.kind == DescribedKind::Asyncapi || has_channels(program, &described.label);
            if wanted && has_messages && described.root.is_some() {
                channels.insert(described.label.clone());
            }
            if let (DescribedKind::Asyncapi, Some(root)) = (described.kind, &described.root) {
                applications.push((described.label.clone(), root.clone()));
            }
            let root = described.root.filter(|_| wanted && kind);
            let faults = root.as_ref().map(|root| Api::alone(root).faults()).unwrap_or_default();
            if faults.has_errors() {
                return Err(Error::Documents { diagnostics: faults, sources: bundle.sources });
            }
            documents.push((described.label, root));
        }
        let mocks = |name: &String| {
            documents.iter().any(|(label, root)| root.is_some() && is_within(label, name))
                || channels.iter().any(|label| is_within(label, name))
        };
        if let Some(none) = self.only.iter().find(|name| !mocks(name)) {
            return Err(Error::Setup(format!("`{none}` is to be mocked, and it describes no operation")));
        }
        let is_served = |(label, root): &(String, Option<_>)| root.is_some() || channels.contains(label);
        let everything = documents.iter().all(is_served) || self.only.is_empty();
        let mock = Mock::new(bundle.sources, bundle.store, documents).reads(program.clone());
        for (_, name, base) in mock.served() {
            if servers.named.contains_key(name) {
                return Err(Error::Setup(format!(
                    "the source `{name}` is mocked, and has a server too; give one of them"
                )));
            }
            servers.named.insert(name.to_owned(), format!("http://127.0.0.1:0{base}"));
        }
        if let Some(url) = servers.all.as_ref().filter(|_| everything) {
            let url = without_secrets(url);
            return Err(Error::Setup(format!("every source is mocked: the server {url} would not be called")));
        }
        let inputs = program.own_workflows().map(|(id, _)| mock.inputs(program, id)).collect();
        let names = Broker::names(program);
        let of_messages = |fault: &Fault| {
            names.iter().any(|name| fault.operation == *name || fault.operation.ends_with(&format!(".{name}")))
        };
        let (faults, others): (Vec<Fault>, Vec<Fault>) = self.faults.iter().cloned().partition(of_messages);
        for fault in &faults {
            if let Some(what) = fault.of_answers() {
                return Err(Error::Setup(format!("a fault: {}", of_messages_alone(fault, what))));
            }
        }
        let of_step = others.iter().find_map(|fault| step_operation(program, &fault.operation)).map(Error::Setup);
        let mut mocks =
            Self { faults: others, ..self.clone() }.on(vec![mock]).map_err(|error| of_step.unwrap_or(error))?;
        let mock = Arc::new(mocks.pop().ok_or_else(|| Error::Setup("nothing is mocked".to_owned()))?);
        let skips_waits = everything && self.latency_ms == 0 && self.faults.iter().all(|fault| fault.delay_ms == 0);
        let latency_ms = self.latency_ms;
        Ok(Mocking { mock, channels, applications, faults, latency_ms, everything, skips_waits, inputs })
    }

    /// Puts latency and faults on mocks; a fault goes to every mock that has its operation.
    ///
    /// # Errors
    /// [`Error::Setup`] if no mock has the operation of a fault.
    pub(crate) fn on(&self, mocks: Vec<Mock>) -> Result<Vec<Mock>, Error> {
        let mut mocks: Vec<Mock> = mocks.into_iter().map(|mock| mock.latency(self.latency_ms)).collect();
        for fault in &self.faults {
            let tried: Vec<Result<(), String>> = mocks.iter_mut().map(|mock| mock.fault(fault.clone())).collect();
            if tried.iter().all(Result::is_err) {
                let reason = tried.into_iter().find_map(Result::err);
                let reason = reason.unwrap_or_else(|| "nothing is mocked that a fault could happen to".to_owned());
                return Err(Error::Setup(format!("a fault: {reason}")));
            }
        }
        Ok(mocks)
    }
}

/// The mocks of a description.
#[derive(Debug)]
pub(crate) struct Mocking {
    pub(crate) mock: Arc<Mock>,
    /// The sources whose channels a broker in memory stands for.
    pub(crate) channels: BTreeSet<String>,
    /// The AsyncAPI documents among them.
    pub(crate) applications: Vec<(String, Arc<Node>)>,
    /// Faults of their messages, and the time that each takes.
    faults: Vec<Fault>,
    latency_ms: u64,
    /// `true` if no source is called.
    pub(crate) everything: bool,
    /// `true` if nobody waits for the pauses of a run: no source is called, and none is to be slow.
    pub(crate) skips_waits: bool,
    /// Made-up inputs of each workflow.
    pub(crate) inputs: Vec<Map<String, Json>>,
}

impl Mocking {
    /// The broker of a run, if messages are mocked.
    pub(crate) fn broker(&self, program: &Arc<Program>, servers: &Servers) -> Option<Broker> {
        let (faults, latency) = (self.faults.clone(), self.latency_ms);
        (!self.channels.is_empty()).then(|| Broker::new(program.clone(), &self.channels, servers, (faults, latency)))
    }
}

/// A request that a mock has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answered {
    /// The name of the document that answered.
    pub source: String,
    /// `GET`
    pub method: String,
    /// The path with its query.
    pub target: String,
    /// The status; nothing if the connection was closed instead.
    pub status: Option<u16>,
    /// The operation, if there is one.
    pub operation: Option<String>,
    /// The origin of the answer, or the fault of the request.
    pub note: String,
}

/// Something that is served.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Endpoint {
    /// The name of the source description, or of the file.
    pub name: String,
    /// The base url, with the path that the described server has.
    pub url: String,
    /// The number of its operations; none of an AsyncAPI document.
    pub operations: usize,
    /// The number of its channels that are served there.
    pub channels: usize,
}

/// A server that runs until it is dropped.
#[derive(Debug)]
#[must_use = "a server stops when it is dropped"]
#[non_exhaustive]
pub struct Server {
    endpoints: Vec<Endpoint>,
    notes: Vec<(String, String)>,
    _listeners: JoinSet<()>,
}

impl Server {
    /// The sources that are served, in the order of the documents.
    #[must_use]
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// What is not served, or not checked, and of which document: the name of each, and words.
    #[must_use]
    pub fn notes(&self) -> &[(String, String)] {
        &self.notes
    }
}

/// Called for every answer.
type Observer = Arc<dyn Fn(&Answered) + Send + Sync>;

/// What was asked of the mocks of one run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked(Arc<Mutex<Session>>);

impl Asked {
    /// Says which step asks next.
    pub(crate) fn expect(&self, forecast: Option<Forecast>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).expect(forecast);
    }

    /// What a mock has to do with the failure of a run: the values that it generated, and how they are given. `made` are
    /// inputs that were generated and used.
    pub(crate) fn explain(&self, mock: &Mock, program: &Program, made: &Map<String, Json>, why: &Why) -> Vec<String> {
        let told =
            [Reason::CriterionNotMet, Reason::CriterionNotEvaluable, Reason::UnexpectedStatus, Reason::AbsentValue];
        if !told.contains(&why.code) {
            return vec![];
        }
        let mut found = vec![];
        let steps = || program.steps.iter().filter(|step| Some(&step.name) == why.step.as_ref());
        let criteria = steps().flat_map(|step| &step.criteria);
        let failing: Vec<&Criterion> =
            criteria.filter(|criterion| Some(program.sources.place(criterion.span)) == why.place).collect();
        let session = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // It fails because of the fault, whatever was sent.
        if session.is_faulty() {
            return vec![];
        }
        // No example changes a status.
        let mut tested = failing.iter().flat_map(|criterion| criterion.expressions()).peekable();
        let of_status = tested.peek().is_some() && tested.all(|expr| expr.root == Root::StatusCode);
        if let Some((operation, span)) = session.generated().filter(|_| !of_status) {
            let reads = failing.iter().flat_map(|criterion| criterion.expressions());
            let names = reads.filter(|expr| expr.root == Root::ResponseBody && !expr.at.is_whole());
            let names: Vec<String> = names.map(|expr| format!("`{}`", expr.at.tokens().join("."))).collect();
            let what = if names.is_empty() { "the answer".to_owned() } else { names.join(", ") };
            let place = mock.place(span);
            found.push(format!(
                "{what} of `{operation}` was generated by the mock; to choose it, write an `example` where the answer is described, {}:{}:{}",
                place.file, place.line, place.column
            ));
        }
        // What a request was made of matters where it was refused.
        let mut compared = failing.iter().flat_map(|criterion| criterion.expressions());
        let refused = why.code == Reason::UnexpectedStatus || compared.any(|expr| expr.root == Root::StatusCode);
        let read = steps()
            .filter(|_| refused)
            .flat_map(|step| step.call.reads().into_iter().map(|read| read.expr).collect::<Vec<_>>());
        let read = read.chain(failing.iter().flat_map(|criterion| criterion.expressions()));
        let mut inputs: Vec<&str> = read
            .filter_map(|expr| if let Root::Input(name) = &expr.root { Some(name.as_str()) } else { None })
            .filter(|name| made.contains_key(*name))
            .collect();
        inputs.sort_unstable();
        inputs.dedup();
        found.extend(inputs.into_iter().map(|name| {
            format!("the input `{name}` was generated for the mock; give it, or write an `example` in its schema")
        }));
        found
    }
}

/// Serves what a description mocks, for one run: everything begins anew.
pub(crate) async fn serve_run(mock: &Arc<Mock>) -> Result<(BTreeMap<String, String>, Server, Asked), Error> {
    runtime::available().map_err(Error::Setup)?;
    let mut server = Server { endpoints: vec![], notes: vec![], _listeners: JoinSet::new() };
    let (observe, asked): (Observer, Asked) = (Arc::new(|_| {}), Asked::default());
    listen(mock, &mut None, (&observe, &asked, None), &mut server).await?;
    let urls = server.endpoints.iter().map(|endpoint| (endpoint.name.clone(), endpoint.url.clone())).collect();
    Ok((urls, server, asked))
}

/// `true` for a source whose messages a step waits for.
fn has_channels(program: &Program, label: &str) -> bool {
    let is = |api: usize| program.apis.get(api).is_some_and(|api| api.name == label);
    program.channels.iter().any(|channel| is(channel.api))
}

/// What is said of a fault that names a step in the place of its operation; nothing if there is no such step.
fn step_operation(program: &Program, name: &str) -> Option<String> {
    let step = program.steps.iter().find(|step| step.name == name)?;
    let operation = program.operation_of(step)?;
    let operation = operation.id.clone().unwrap_or_else(|| operation.endpoint());
    Some(format!("a fault: `{name}` is a step, and a fault is one of an operation: write {operation}=…"))
}

/// `true` for a source and for those of an Arazzo document that is one: `orders`, `orders.api`.
fn is_within(label: &str, name: &str) -> bool {
    label.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Sends what is for a mock of this run straight to it, whatever proxy, socket or other address the requests of the run
/// take: a mocked source calls nothing, and what is sent to it leaves this machine by no way.
pub(crate) struct MockRoutes {
    /// Origins of the mocks.
    origins: Vec<Origin>,
    direct: Arc<dyn Transport>,
    others: Arc<dyn Transport>,
}

impl MockRoutes {
    /// # Errors
    /// That there is no client to reach a mock with.
    pub(crate) fn new<'u>(urls: impl Iterator<Item = &'u String>, others: Arc<dyn Transport>) -> Result<Self, Error> {
        let mut hosts = Hosts::default();
        AllowedHost::parse("127.0.0.1").into_iter().for_each(|host| hosts.give(host));
        let direct = network::client(&Network::default().shared(), hosts).map_err(Error::Setup)?;
        let origins = urls.filter_map(|url| Some(Url::parse(url).ok()?.origin())).collect();
        Ok(Self { origins, direct, others })
    }
}

impl Transport for MockRoutes {
    fn send(&self, outgoing: Outgoing) -> Pending<'_, Result<Response, Failure>> {
        self.send_with_progress(outgoing, SendProgress::default())
    }

    fn send_with_progress(&self, outgoing: Outgoing, progress: SendProgress) -> Pending<'_, Result<Response, Failure>> {
        let origin = outgoing.url().map(|url| url.origin());
        let is_mocked = origin.is_some_and(|origin| self.origins.contains(&origin));
        if is_mocked { &self.direct } else { &self.others }.send_with_progress(outgoing, progress)
    }

    fn available(&self) -> Result<(), String> {
        self.direct.available().and_then(|()| self.others.available())
    }
}

async fn listen(
    mock: &Arc<Mock>,
    next: &mut Option<u16>,
    (observe, asked, limits): (&Observer, &Asked, Option<&Arc<Room>>),
    server: &mut Server,
) -> Result<(), Error> {
    let served: Vec<(usize, String, String)> =
        mock.served().map(|(index, name, base)| (index, name.to_owned(), base.to_owned())).collect();
    for (source, name, base) in served {
        let (listener, port) = bind(next).await?;
        let url = format!("http://127.0.0.1:{port}{base}");
        let operations = mock.size(source);
        server.endpoints.push(Endpoint { name: name.clone(), url, operations, channels: 0 });
        let (observe, room) = (observe.clone(), limits.cloned());
        let answering = Answering { mock: mock.clone(), asked: asked.clone(), source, name, observe, room };
        server._listeners.spawn(accept(listener, answering));
    }
    Ok(())
}

/// A listener of this machine: at the port that is next, or at one that is free.
async fn bind(next: &mut Option<u16>) -> Result<(TcpListener, u16), Error> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, next.unwrap_or(0)));
    let refused = |error: io::Error| Error::Setup(format!("cannot listen on {address}: {error}"));
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let port = listener.local_addr().map_err(refused)?.port();
    if let Some(next) = next {
        *next = next.checked_add(1).ok_or_else(|| Error::Setup("there is no port after 65535".to_owned()))?;
    }
    Ok((listener, port))
}

/// Everything that a connection needs to answer.
#[derive(Clone)]
struct Answering {
    mock: Arc<Mock>,
    asked: Asked,
    source: usize,
    name: String,
    observe: Observer,
    /// Where documents are served, what connections may take. Pages of other origins may read the answers then.
    room: Option<Arc<Room>>,
}

/// Bytes of the head of a request; each connection takes as many.
const HEAD_BYTES: usize = 64 << 10;

/// The bytes that requests may take in all connections together, and those that they take.
struct Room {
    limits: ServingLimits,
    taken: AtomicUsize,
}

impl Room {
    fn new(limits: ServingLimits) -> Arc<Self> {
        Arc::new(Self { limits, taken: AtomicUsize::new(0) })
    }

    /// Takes so many bytes; nothing if there is no room.
    fn take(self: &Arc<Self>, bytes: usize) -> Option<Taken> {
        let free = |taken: usize| taken.checked_add(bytes).filter(|taken| *taken <= self.limits.bytes);
        self.taken.fetch_update(Ordering::SeqCst, Ordering::SeqCst, free).ok()?;
        Some(Taken { room: self.clone(), bytes })
    }
}

/// Bytes that are given back when they are dropped.
struct Taken {
    room: Arc<Room>,
    bytes: usize,
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.room.taken.fetch_sub(self.bytes, Ordering::SeqCst);
    }
}

async fn accept(listener: TcpListener, answering: Answering) {
    let mut connections = JoinSet::new();
    loop {
        // A connection that cannot be accepted is its client's loss; the next one may do better.
        if let Ok((stream, _)) = listener.accept().await {
            connections.spawn(converse(stream, answering.clone()));
        } else {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn converse(stream: TcpStream, answering: Answering) {
    // Small answers are not kept back to be sent together.
    let _ = stream.set_nodelay(true);
    // A reset that is asked for is that of a request, and not of a connection that was kept open and may be sent again.
    let keep = !answering.mock.resets();
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.keep_alive(keep);
    let mut taken = None;
    if let Some(room) = &answering.room {
        taken = room.take(HEAD_BYTES);
        if taken.is_none() {
            return;
        }
        builder.timer(TokioTimer::new()).header_read_timeout(room.limits.idle).max_buf_size(HEAD_BYTES);
    }
    let service = hyper::service::service_fn(move |request| answer(request, answering.clone()));
    // What ends a connection early is the client's business, or a fault that was asked for.
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
    drop(taken);
}

/// Answers one request; an error closes the connection instead.
async fn answer(
    request: hyper::Request<Incoming>,
    answering: Answering,
) -> Result<hyper::Response<Full<Bytes>>, io::Error> {
    let (parts, body) = request.into_parts();
    let headers: Vec<(String, String)> =
        parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), header_text(value.as_bytes()))).collect();
    let (body, _taken) = match read_body(body, answering.room.as_ref()).await {
        Ok(read) => read,
        Err(unread) => return unread.answer(),
    };
    let origin = answering.room.as_ref().and_then(|_| parts.headers.get("origin"));
    if let (Some(_), &hyper::Method::OPTIONS, Some(method)) =
        (origin, &parts.method, parts.headers.get("access-control-request-method"))
    {
        return Ok(preflight(method, parts.headers.get("access-control-request-headers")));
    }
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let Answer { delay_ms, response, operation, note, generated: _ } = {
        let mut session = answering.asked.0.lock().unwrap_or_else(PoisonError::into_inner);
        let request = Request { method: parts.method.as_str(), target, headers: &headers, body: &body };
        answering.mock.answer(&mut session, answering.source, request)
    };
    if delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
    }
    (answering.observe)(&Answered {
        source: answering.name.clone(),
        method: parts.method.to_string(),
        target: target.to_owned(),
        status: response.as_ref().map(|response| response.status),
        operation,
        note,
    });
    let Some(response) = response else { return Err(io::Error::other("a reset that was asked for")) };
    let mut sent = hyper::Response::new(Full::new(Bytes::from(response.body)));
    *sent.status_mut() = hyper::StatusCode::from_u16(response.status).map_err(io::Error::other)?;
    for (name, value) in response.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        // What is no header in the description is none on the wire.
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
            sent.headers_mut().append(name, value);
        }
    }
    if origin.is_some() {
        sent.headers_mut().insert("access-control-allow-origin", HeaderValue::from_static("*"));
        sent.headers_mut().insert("access-control-expose-headers", HeaderValue::from_static("*"));
    }
    Ok(sent)
}

/// Why the body of a request is not read.
enum Unread {
    TooLarge,
    /// Others have taken the room.
    NoRoom,
    /// It stood still, or its connection has ended.
    Cut,
}

impl Unread {
    fn answer(self) -> Result<hyper::Response<Full<Bytes>>, io::Error> {
        let (status, text): (_, &'static [u8]) = match self {
            Self::TooLarge => (hyper::StatusCode::PAYLOAD_TOO_LARGE, b"the body is larger than a mock reads\n"),
            Self::NoRoom => {
                (hyper::StatusCode::SERVICE_UNAVAILABLE, b"other requests have taken what a mock reads at once\n")
            }
            Self::Cut => return Err(io::Error::other("the body has not come")),
        };
        let mut refused = hyper::Response::new(Full::new(Bytes::from_static(text)));
        *refused.status_mut() = status;
        refused.headers_mut().insert("connection", HeaderValue::from_static("close"));
        Ok(refused)
    }
}

/// The body of a request, with the room that it takes.
async fn read_body(mut body: Incoming, room: Option<&Arc<Room>>) -> Result<(Bytes, Vec<Taken>), Unread> {
    let (mut bytes, mut taken) = (Vec::new(), vec![]);
    loop {
        let next = match room {
            Some(room) => tokio::time::timeout(room.limits.idle, body.frame()).await.map_err(|_| Unread::Cut)?,
            None => body.frame().await,
        };
        let Some(frame) = next else { return Ok((Bytes::from(bytes), taken)) };
        let Ok(data) = frame.map_err(|_| Unread::Cut)?.into_data() else { continue };
        if bytes.len().saturating_add(data.len()) > BODY_BYTES {
            return Err(Unread::TooLarge);
        }
        if let Some(room) = room {
            // Small parts do not make a list that is longer than they are.
            let wanted = bytes.len() + data.len();
            let held: usize = taken.iter().map(|taken: &Taken| taken.bytes).sum();
            if wanted > held {
                let more = (wanted - held).max(held).max(4 << 10);
                taken.push(room.take(more).or_else(|| room.take(wanted - held)).ok_or(Unread::NoRoom)?);
            }
        }
        bytes.extend_from_slice(&data);
    }
}

/// The answer to a browser that asks whether a page may send a request (Fetch, CORS-preflight): it may.
fn preflight(method: &HeaderValue, headers: Option<&HeaderValue>) -> hyper::Response<Full<Bytes>> {
    let mut sent = hyper::Response::new(Full::new(Bytes::new()));
    *sent.status_mut() = hyper::StatusCode::NO_CONTENT;
    let allowed = sent.headers_mut();
    allowed.insert("access-control-allow-origin", HeaderValue::from_static("*"));
    allowed.insert("access-control-allow-methods", method.clone());
    allowed.insert("access-control-max-age", HeaderValue::from_static("600"));
    if let Some(headers) = headers {
        allowed.insert("access-control-allow-headers", headers.clone());
    }
    sent
}
