//! Connections that stay open between requests, and the turns of those who use them. A task of the runtime that opened a
//! connection reads and writes it, so each tokio runtime has connections of its own: those of another one stand still
//! while it is not driven, and end with it.

use std::collections::HashMap;
use std::error::Error as _;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use arazzo_engine::machine::{FailureKind, Progress, is_idempotent};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{TrySendError, http1, http2};
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::runtime::{Handle, Id};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;

use crate::network::connect::{ConnectError, Connector, Opened, Target};
use crate::network::heard::{Heard, Listened};
use crate::network::options::Network;
use crate::policy::hosts::Hosts;
use crate::runtime;
use crate::transport::SendProgress;

/// Bytes that the head of an answer may have.
pub(crate) const HEAD: usize = 64 << 10;

/// Header fields that an answer may have.
pub(crate) const FIELDS: usize = 512;

/// How long a connection stays open that nobody uses.
const IDLE: Duration = Duration::from_secs(90);

/// How long a connection may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(5);

/// A request as it is sent.
pub(crate) type Sent = Request<Full<Bytes>>;

/// The connections of one network, and turns to use them: for all runs of all descriptions that share it.
pub(crate) struct Pool {
    connector: Connector,
    runtimes: Mutex<HashMap<Id, Arc<Connections>>>,
}

/// The reason why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// There is no connection.
    #[error("there is no connection")]
    Connect(#[from] ConnectError),
    /// The connection ended before anything of the request was written.
    #[error("nothing of the request was written")]
    Unsent(#[source] hyper::Error),
    /// The connection, which was open from an earlier request, ended without a byte of an answer.
    #[error("the connection had been closed")]
    Stale(#[source] hyper::Error),
    /// The connection broke while the request was sent, or before its answer.
    #[error("there is no answer")]
    Broken(#[source] hyper::Error),
}

/// The right to send one request to an origin; it lasts until it is dropped, and as long as the connection that it used.
pub(crate) struct Turn {
    permit: Arc<OwnedSemaphorePermit>,
    connections: Arc<Connections>,
    origin: String,
}

impl Pool {
    /// # Errors
    /// The part of the network that cannot be used.
    pub(crate) fn new(network: Network) -> Result<Self, String> {
        Ok(Self { connector: Connector::new(network)?, runtimes: Mutex::default() })
    }

    pub(crate) fn connector(&self) -> &Connector {
        &self.connector
    }

    /// Waits for the turn of a request: an origin gets so many at once, and so many connections, from all runs that share
    /// the pool. A thousand runs are no attack.
    pub(crate) async fn turn(&self, uri: &Uri, progress: &SendProgress) -> Result<Turn, ConnectError> {
        let wrong = |message: String| ConnectError { kind: FailureKind::Protocol, message };
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(wrong("the url has no host".to_owned()));
        };
        let origin = format!("{scheme}://{authority}");
        let connections = self.here().map_err(wrong)?;
        let most = self.connector.network().per_host.get();
        let turns = connections.lock().entry(origin.clone()).or_insert_with(|| Origin::new(most)).turns.clone();
        let permit = match turns.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                progress.report(Progress::Queued);
                let permit = turns.acquire_owned().await.map_err(|error| wrong(error.to_string()))?;
                progress.report(Progress::Begun);
                permit
            }
        };
        Ok(Turn { permit: Arc::new(permit), connections, origin })
    }

    /// Checks that requests can be sent from here.
    ///
    /// # Errors
    /// The remedy, in words.
    pub(crate) fn available(&self) -> Result<(), String> {
        self.here().map(|_| ())
    }

    /// The connections of the runtime that this is called on.
    fn here(&self) -> Result<Arc<Connections>, String> {
        let known = |here: Handle| lock(&self.runtimes).get(&here.id()).cloned();
        if let Some(connections) = Handle::try_current().ok().and_then(known) {
            return Ok(connections);
        }
        runtime::available()?;
        let mut runtimes = lock(&self.runtimes);
        // A runtime that is gone has taken the tasks of its connections along.
        runtimes.retain(|_, connections| Arc::strong_count(connections) > 1 || connections.is_open());
        Ok(runtimes.entry(Handle::current().id()).or_default().clone())
    }

    /// Sends a request when it is its turn, on a connection to an address that `hosts` lets be called; on a new one if it
    /// is to be `fresh`.
    ///
    /// # Errors
    /// The reason why there is no answer.
    pub(crate) async fn send(
        &self,
        turn: Turn,
        mut request: Sent,
        hosts: &Hosts,
        (fresh, progress): (bool, &SendProgress),
    ) -> Result<(Response<Incoming>, Lease), SendError> {
        let uri = request.uri().clone();
        let turn = Arc::new(turn);
        let repeatable = is_idempotent(request.method().as_str());
        let mut said = false;
        loop {
            let (connection, reused) = self.connection(&turn, &uri, hosts, fresh).await?;
            connection.address(&mut request, &uri);
            let mut lease = Lease { connection: Some(connection), turn: turn.clone() };
            // What is not to be sent twice is not sent on a connection that may be known to have ended.
            if reused && !repeatable && lease.has_ended().await {
                lease.forget();
                continue;
            }
            if !std::mem::replace(&mut said, true) {
                progress.written().await;
            }
            match lease.try_send(request).await {
                Ok(answer) => return Ok((answer, lease)),
                Err(mut error) => match error.take_message() {
                    // It has ended, or takes no more requests.
                    Some(unsent) if reused => {
                        lease.forget();
                        request = unsent;
                    }
                    Some(_) => return Err(SendError::Unsent(error.into_error())),
                    None if reused && lease.gave_nothing(error.error()) => {
                        return Err(SendError::Stale(error.into_error()));
                    }
                    None => return Err(SendError::Broken(error.into_error())),
                },
            }
        }
    }

    /// A connection that stood idle, or else a new one.
    async fn connection(
        &self,
        turn: &Turn,
        uri: &Uri,
        hosts: &Hosts,
        fresh: bool,
    ) -> Result<(Connection, bool), SendError> {
        let target = Target::of(uri)?;
        let may = |connection: &Connection| {
            !fresh
                && hosts.host(&target.host, target.port, target.secure).is_ok()
                && connection.judged.is_none_or(|at| hosts.address(&target.host, target.port, at).is_ok())
        };
        if let Some(connection) = turn.take(may) {
            return Ok((connection, true));
        }
        // Apart, since what opens a connection is large, and most requests need none and many wait.
        let opened = Box::pin(self.connector.open(uri, hosts)).await?;
        let connection = Box::pin(Connection::over(opened, turn)).await?;
        Ok((turn.connections.share(&turn.origin, connection, fresh), false))
    }
}

/// The connections of one runtime, by origin.
#[derive(Default)]
struct Connections(Mutex<HashMap<String, Origin>>);

struct Origin {
    turns: Arc<Semaphore>,
    /// Over HTTP/1.1, of which each is used by one request at a time; the last was used last.
    idle: Vec<Connection>,
    /// Over HTTP/2: one for all.
    shared: Option<Connection>,
}

impl Origin {
    fn new(most: usize) -> Self {
        Self { turns: Arc::new(Semaphore::new(most)), idle: vec![], shared: None }
    }

    fn remove(&mut self, usage: &Arc<Usage>) {
        let other = |connection: &Connection| !Arc::ptr_eq(&connection.usage, usage);
        self.idle.retain(other);
        self.shared = self.shared.take().filter(other);
    }
}

impl Connections {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Origin>> {
        lock(&self.0)
    }

    fn is_open(&self) -> bool {
        let open = |origin: &Origin| origin.idle.iter().chain(&origin.shared).any(|found| !found.sender.is_closed());
        self.lock().values().any(open)
    }

    /// Lets all requests use a new connection, if it can be used by several; if there is such a one already, that is it,
    /// unless it is to be `fresh`.
    fn share(&self, origin: &str, connection: Connection, fresh: bool) -> Connection {
        let mut origins = self.lock();
        let Some(origin) = origins.get_mut(origin) else { return connection };
        let Some(another) = connection.another() else { return connection };
        let is_like = |shared: &&Connection| !shared.sender.is_closed() && shared.judged == connection.judged;
        match origin.shared.as_ref().filter(|shared| !fresh && is_like(shared)) {
            Some(shared) => shared.another().unwrap_or(connection),
            None => {
                origin.shared = Some(connection);
                another
            }
        }
    }

    /// Keeps a connection for the next request.
    fn keep(&self, origin: &str, connection: Connection) {
        if let Some(origin) = self.lock().get_mut(origin) {
            origin.idle.push(connection);
        }
    }

    /// Drops a connection that has ended.
    fn forget(&self, origin: &str, usage: &Arc<Usage>) {
        if let Some(origin) = self.lock().get_mut(origin) {
            origin.remove(usage);
        }
    }

    /// Drops a connection if nobody has used it for some time; else says when to look again.
    fn retire(&self, origin: &str, usage: &Arc<Usage>, now: Instant) -> Option<Duration> {
        let mut origins = self.lock();
        let origin = origins.get_mut(origin)?;
        let left = {
            let used = lock(&usage.0);
            let is_used = used.requests > 0 || used.permit.is_some();
            if is_used { IDLE } else { IDLE.saturating_sub(now.saturating_duration_since(used.last)) }
        };
        if left.is_zero() {
            origin.remove(usage);
            return None;
        }
        Some(left)
    }
}

/// One connection, as those who send know it; a task reads and writes it.
struct Connection {
    sender: Sender,
    /// A proxy reads the requests and passes them on.
    passed_on: bool,
    /// The address that it goes to, if that was judged.
    judged: Option<IpAddr>,
    usage: Arc<Usage>,
    /// Whether a byte has come since the last request.
    heard: Heard,
    task: AbortHandle,
}

enum Sender {
    One(http1::SendRequest<Full<Bytes>>),
    Many(http2::SendRequest<Full<Bytes>>),
}

impl Sender {
    fn is_closed(&self) -> bool {
        match self {
            Self::One(sender) => sender.is_closed(),
            Self::Many(sender) => sender.is_closed(),
        }
    }
}

impl Connection {
    /// Begins to speak HTTP.
    async fn over(opened: Opened, turn: &Turn) -> Result<Self, SendError> {
        let Opened { stream, passed_on, h2, judged } = opened;
        let heard = Heard::default();
        let stream = TokioIo::new(Listened { stream: stream.into_inner(), heard: heard.clone() });
        let usage = Arc::new(Usage::default());
        let kept =
            Kept { connections: Arc::downgrade(&turn.connections), origin: turn.origin.clone(), usage: usage.clone() };
        let (sender, task) = if h2 {
            let mut builder = http2::Builder::new(TokioExecutor::new());
            // What is too large by less than this is read, and said to be too large, as over HTTP/1.1.
            builder.timer(TokioTimer::new()).max_header_list_size(4 * HEAD as u32);
            let (sender, connection) = builder.handshake(stream).await.map_err(SendError::Unsent)?;
            (Sender::Many(sender), tokio::spawn(kept.drive(connection)))
        } else {
            usage.hold(Some(turn.permit.clone()));
            let mut builder = http1::Builder::new();
            builder.max_buf_size(HEAD).max_headers(FIELDS);
            let (sender, connection) = builder.handshake(stream).await.map_err(SendError::Unsent)?;
            (Sender::One(sender), tokio::spawn(kept.drive(connection)))
        };
        Ok(Self { sender, passed_on, judged, usage, heard, task: task.abort_handle() })
    }

    /// The same connection for another request, if it takes several at once.
    fn another(&self) -> Option<Self> {
        let Sender::Many(sender) = &self.sender else { return None };
        self.usage.begin();
        let (usage, heard, task) = (self.usage.clone(), self.heard.clone(), self.task.clone());
        Some(Self { sender: Sender::Many(sender.clone()), usage, heard, task, ..*self })
    }

    /// Waits until the connection can be used for another request; `false` if it cannot.
    async fn is_ready(&mut self) -> bool {
        match &mut self.sender {
            Sender::One(sender) => sender.ready().await.is_ok(),
            Sender::Many(sender) => sender.ready().await.is_ok(),
        }
    }

    /// Writes the url of a request as it stands on this connection.
    fn address(&self, request: &mut Sent, uri: &Uri) {
        *request.uri_mut() = uri.clone();
        if matches!(self.sender, Sender::Many(_)) {
            return;
        }
        let authority = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
        if let Ok(host) = HeaderValue::from_str(authority) {
            request.headers_mut().entry(header::HOST).or_insert(host);
        }
        let written = match uri.path_and_query() {
            _ if *request.method() == Method::CONNECT => Uri::try_from(authority).ok(),
            Some(path) if !self.passed_on => Some(Uri::from(path.clone())),
            _ => None,
        };
        *request.uri_mut() = written.unwrap_or_else(|| uri.clone());
    }
}

/// The use of a connection, known to its task too.
#[derive(Default)]
struct Usage(Mutex<Used>);

struct Used {
    /// Requests that use a connection which takes several.
    requests: usize,
    /// The time at which it was used last.
    last: Instant,
    /// The turn of the request that has the connection for itself: if that is cut off, it lasts until the connection has
    /// ended.
    permit: Option<Arc<OwnedSemaphorePermit>>,
}

impl Default for Used {
    fn default() -> Self {
        Self { requests: 0, last: Instant::now(), permit: None }
    }
}

impl Usage {
    fn begin(&self) {
        lock(&self.0).requests += 1;
    }

    fn end(&self) {
        let mut used = lock(&self.0);
        used.requests = used.requests.saturating_sub(1);
        used.last = Instant::now();
    }

    /// Holds the turn of a request, or none any more.
    fn hold(&self, permit: Option<Arc<OwnedSemaphorePermit>>) {
        let mut used = lock(&self.0);
        used.permit = permit;
        used.last = Instant::now();
    }
}

/// A connection as its task knows it.
struct Kept {
    connections: Weak<Connections>,
    origin: String,
    usage: Arc<Usage>,
}

impl Kept {
    /// Reads and writes a connection until it ends, or until nobody has used it for some time.
    async fn drive<E>(self, connection: impl Future<Output = Result<(), E>>) {
        let mut connection = pin!(connection);
        let mut wait = Some(IDLE);
        while let Some(time) = wait {
            tokio::select! {
                biased;
                // A request that waits hears itself what went wrong.
                _ = &mut connection => {
                    self.connections.upgrade().inspect(|connections| connections.forget(&self.origin, &self.usage));
                    return;
                }
                () = tokio::time::sleep(time) => {}
            }
            let connections = self.connections.upgrade();
            wait = connections.and_then(|connections| connections.retire(&self.origin, &self.usage, Instant::now()));
        }
        // Nobody can send any more, which ends it.
        let _ = tokio::time::timeout(GOODBYE, connection).await;
    }
}

/// A connection that is used by one request, until its answer was read.
pub(crate) struct Lease {
    connection: Option<Connection>,
    turn: Arc<Turn>,
}

impl Lease {
    async fn try_send(&mut self, request: Sent) -> Result<Response<Incoming>, TrySendError<Sent>> {
        self.connection.iter().for_each(|connection| connection.heard.clear());
        match self.connection.as_mut().map(|connection| &mut connection.sender) {
            Some(Sender::One(sender)) => sender.try_send_request(request).await,
            Some(Sender::Many(sender)) => sender.try_send_request(request).await,
            None => std::future::pending().await,
        }
    }

    /// `true` if the connection has ended, as far as this machine knows: its task has time to see that.
    async fn has_ended(&self) -> bool {
        for _ in 0..2 {
            tokio::task::yield_now().await;
        }
        self.connection.as_ref().is_none_or(|connection| connection.sender.is_closed())
    }

    /// `true` if the connection ended, with this error, without a byte of an answer.
    fn gave_nothing(&self, error: &hyper::Error) -> bool {
        match self.connection.as_ref().map(|connection| (&connection.sender, &connection.heard)) {
            Some((Sender::One(_), heard)) => !heard.is_set(),
            // Others use it too: that the server ended all of it is known by the error.
            Some((Sender::Many(_), _)) => {
                let h2 = error.source().and_then(|cause| cause.downcast_ref::<h2::Error>());
                h2.is_some_and(|error| error.is_io() || error.is_go_away()) || error.is_closed()
            }
            None => false,
        }
    }

    /// Keeps the connection from further requests.
    fn forget(self) {
        let used = self.connection.as_ref().map(|connection| connection.usage.clone());
        used.inspect(|usage| self.turn.connections.forget(&self.turn.origin, usage));
    }

    /// Gives the connection back, once the answer was read to its end.
    pub(crate) fn give_back(mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        let turn = self.turn.clone();
        match &mut connection.sender {
            Sender::Many(_) => connection.usage.end(),
            Sender::One(sender) if sender.is_ready() => turn.take_back(connection),
            // The task of the connection has still to see that the answer is over.
            Sender::One(_) => drop(tokio::spawn(async move {
                if connection.is_ready().await {
                    turn.take_back(connection);
                }
            })),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        match self.connection.take() {
            // What is left of the answer would stand before the next one.
            Some(Connection { sender: Sender::One(_), task, .. }) => task.abort(),
            Some(Connection { usage, .. }) => usage.end(),
            None => {}
        }
    }
}

impl Turn {
    /// A connection that is open already, among those that the request may use.
    fn take(&self, may: impl Fn(&Connection) -> bool) -> Option<Connection> {
        let mut origins = self.connections.lock();
        let origin = origins.get_mut(&self.origin)?;
        origin.idle.retain(|connection| !connection.sender.is_closed());
        if let Some(shared) = origin.shared.as_ref().filter(|shared| !shared.sender.is_closed() && may(shared)) {
            return shared.another();
        }
        let Some(at) = origin.idle.iter().rposition(may) else {
            // The new one takes the place of one that this request may not use: there are never more than turns.
            origin.idle.pop();
            return None;
        };
        let connection = origin.idle.remove(at);
        connection.usage.hold(Some(self.permit.clone()));
        Some(connection)
    }

    /// Keeps a connection before the turn is over: the next one finds it.
    fn take_back(&self, connection: Connection) {
        connection.usage.hold(None);
        self.connections.keep(&self.origin, connection);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http_body_util::BodyExt;

    use super::*;
    use crate::policy::hosts::Trust;

    /// Answers on as many connections as are opened; the port, and how many have been opened and closed.
    fn server() -> (u16, Arc<(AtomicUsize, AtomicUsize)>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let counts = Arc::<(AtomicUsize, AtomicUsize)>::default();
        let seen = counts.clone();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let seen = seen.clone();
                seen.0.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || {
                    while stream.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {
                        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").unwrap();
                    }
                    seen.1.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        (port, counts)
    }

    /// Every name leads to this machine.
    fn pool() -> Pool {
        let lookup =
            |_| -> crate::transport::Pending<'static, _> { Box::pin(async { Ok(vec![[127, 0, 0, 1].into()]) }) };
        let connector = Connector::looking_up(Network::default(), Box::new(lookup)).unwrap();
        Pool { connector, runtimes: Mutex::default() }
    }

    fn hosts(private: bool) -> Hosts {
        let mut hosts = Hosts::default();
        hosts.trust = Trust::Local;
        hosts.private = private;
        hosts
    }

    async fn get(pool: &Pool, port: u16, hosts: &Hosts) -> Result<(), SendError> {
        let uri: Uri = format!("http://public.example:{port}/").parse().unwrap();
        let turn = pool.turn(&uri, &SendProgress::default()).await?;
        let mut request = Sent::default();
        *request.uri_mut() = uri;
        let (answer, lease) = pool.send(turn, request, hosts, (false, &SendProgress::default())).await?;
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "ok");
        lease.give_back();
        Ok(())
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    #[test]
    fn an_open_connection_is_used_by_those_who_may_call_its_address() {
        let (port, counts) = server();
        let pool = pool();
        block_on(async {
            for _ in 0..3 {
                get(&pool, port, &hosts(true)).await.unwrap();
            }
            let refused = get(&pool, port, &hosts(false)).await;
            assert!(
                matches!(&refused, Err(SendError::Connect(error)) if error.kind == FailureKind::Refused),
                "{refused:?}"
            );
            get(&pool, port, &hosts(true)).await.unwrap();
        });
        assert_eq!(counts.0.load(Ordering::SeqCst), 2, "its place was taken by the one that was refused");
    }

    #[test]
    fn a_connection_that_nobody_has_used_for_long_is_closed() {
        let (port, counts) = server();
        let pool = pool();
        block_on(async {
            get(&pool, port, &hosts(true)).await.unwrap();
            // Its task sees the end of the answer.
            while pool.here().unwrap().lock().values().all(|origin| origin.idle.is_empty()) {
                tokio::task::yield_now().await;
            }
            let connections = pool.here().unwrap();
            let (origin, usage) = {
                let origins = connections.lock();
                let (name, origin) = origins.iter().next().unwrap();
                (name.clone(), origin.idle.first().unwrap().usage.clone())
            };
            assert!(connections.retire(&origin, &usage, Instant::now()).is_some(), "it was used just now");
            assert!(connections.retire(&origin, &usage, Instant::now() + IDLE).is_none());
            while counts.1.load(Ordering::SeqCst) == 0 {
                tokio::task::yield_now().await;
            }
        });
    }

    #[test]
    fn what_a_runtime_had_open_is_forgotten_when_it_is_gone() {
        let (port, counts) = server();
        let pool = pool();
        for _ in 0..20 {
            block_on(get(&pool, port, &hosts(true))).unwrap();
        }
        assert_eq!(counts.0.load(Ordering::SeqCst), 20);
        assert!(lock(&pool.runtimes).len() <= 2);
    }
}
