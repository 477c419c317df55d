//! Channels that are served: WebSockets, event streams, and requests that are messages. What is sent is decided by
//! [`arazzo_engine::mock::Application`].

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use arazzo_engine::event_stream::written;
use arazzo_engine::json;
use arazzo_engine::machine::message::Message;
use arazzo_engine::mock::{Application, Carrier, Mock, Posted, Spot, Turns};
use http_body_util::{Either, Full};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::header::HeaderValue;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{Answered, HEAD_BYTES, Observer, Room, preflight, read_body};
use crate::network::header_text;

/// Messages that wait for a client to read them.
const WAITING: usize = 1_000;

/// Bytes of a message that a WebSocket brings; each takes as many.
#[cfg(feature = "channel-ws")]
const MESSAGE_BYTES: usize = 1 << 20;

/// By what this build serves channels.
pub(super) fn speaks(carrier: Carrier) -> bool {
    match carrier {
        Carrier::Socket => cfg!(feature = "channel-ws"),
        Carrier::Http => true,
    }
}

/// An application with its clients.
pub(super) struct Hall {
    pub(super) mock: Arc<Mock>,
    /// Its index.
    pub(super) number: usize,
    pub(super) observe: Observer,
    pub(super) room: Arc<Room>,
    turns: Mutex<Turns>,
    listeners: Mutex<Vec<Listener>>,
    next: AtomicU64,
}

/// A client that listens.
struct Listener {
    number: u64,
    spot: Spot,
    path: String,
    posts: mpsc::Sender<Posted>,
}

impl Hall {
    pub(super) fn new(mock: Arc<Mock>, number: usize, observe: Observer, room: Arc<Room>) -> Self {
        let (turns, listeners, next) = Default::default();
        Self { mock, number, observe, room, turns, listeners, next }
    }

    fn application(&self) -> Option<&Application> {
        self.mock.applications().get(self.number)
    }

    /// The channel at a target.
    fn find(&self, target: &str, carrier: Carrier) -> Result<Spot, String> {
        self.application().map_or_else(|| Err(String::new()), |application| application.find(target, carrier))
    }

    /// Lets a client listen, who is greeted.
    fn listen(self: &Arc<Self>, spot: Spot, path: &str) -> (u64, mpsc::Receiver<Posted>) {
        let (posts, heard) = mpsc::channel(WAITING);
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let greeting = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            self.mock.greeting(&mut turns, self.number, &spot)
        };
        let listener = Listener { number, spot, path: path.to_owned(), posts };
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(listener);
        for posted in greeting {
            self.deliver(posted, Some(number), true);
        }
        (number, heard)
    }

    fn leave(&self, number: u64) {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).retain(|listener| listener.number != number);
    }

    /// Hands a message out when its time has come: to one client `only`, or to all that listen where it is sent to; of these
    /// to the one that asked, if it is one of them.
    fn deliver(self: &Arc<Self>, posted: Posted, client: Option<u64>, only: bool) {
        if posted.after_ms == 0 {
            return self.hand_out(&posted, client, only);
        }
        let hall = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(posted.after_ms)).await;
            hall.hand_out(&posted, client, only);
        });
    }

    fn hand_out(&self, posted: &Posted, client: Option<u64>, only: bool) {
        let Some(application) = self.application() else { return };
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        let reached = |listener: &&mut Listener| application.reaches(posted, &listener.spot, &listener.path);
        let asks = |listener: &Listener| Some(listener.number) == client;
        let to_one = only || listeners.iter_mut().filter(reached).any(|listener| asks(listener));
        let mut heard = false;
        let meant = listeners.iter_mut().filter(|listener| if to_one { asks(listener) } else { reached(listener) });
        // One that does not read has left, or hears no more.
        let gone: Vec<u64> = meant
            .filter_map(|listener| match listener.posts.try_send(posted.clone()) {
                Ok(()) => {
                    heard = true;
                    None
                }
                Err(_) => Some(listener.number),
            })
            .collect();
        listeners.retain(|listener| !gone.contains(&listener.number));
        drop(listeners);
        if !heard {
            self.tell("unheard", "", Some(&posted.operation), &format!("{}: no client listens", posted.note));
        }
    }

    /// A message came; the reason why it is none of its channel.
    fn take(self: &Arc<Self>, client: Option<u64>, spot: &Spot, path: &str, message: &Message) -> Option<String> {
        let taken = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            self.mock.take(&mut turns, self.number, spot, message)?
        };
        let note = taken.misfit.clone().map_or_else(|| "accepted".to_owned(), |why| format!("no message of it: {why}"));
        self.tell("received", path, Some(&taken.operation), &note);
        for posted in taken.posted {
            self.deliver(posted, client, false);
        }
        taken.misfit
    }

    fn tell(&self, what: &str, path: &str, operation: Option<&str>, note: &str) {
        self.answered(what, path, None, operation, note);
    }

    fn answered(&self, method: &str, target: &str, status: Option<u16>, operation: Option<&str>, note: &str) {
        let source = self.application().map(|application| application.name().to_owned()).unwrap_or_default();
        (self.observe)(&Answered {
            source,
            method: method.to_owned(),
            target: target.to_owned(),
            status,
            operation: operation.map(str::to_owned),
            note: note.to_owned(),
        });
    }
}

/// A connection that is to become a WebSocket.
struct Opening {
    #[cfg_attr(not(feature = "channel-ws"), expect(dead_code, reason = "nothing of this build becomes one"))]
    upgrade: hyper::upgrade::OnUpgrade,
    #[cfg_attr(not(feature = "channel-ws"), expect(dead_code, reason = "nothing of this build becomes one"))]
    spot: Spot,
    #[cfg_attr(not(feature = "channel-ws"), expect(dead_code, reason = "nothing of this build becomes one"))]
    path: String,
}

pub(super) async fn accept(listener: TcpListener, hall: Arc<Hall>) {
    let mut connections = JoinSet::new();
    loop {
        // As for requests.
        match listener.accept().await {
            Ok((stream, _)) => drop(connections.spawn(converse(stream, hall.clone()))),
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn converse(stream: TcpStream, hall: Arc<Hall>) {
    let _ = stream.set_nodelay(true);
    let Some(_taken) = hall.room.take(HEAD_BYTES) else { return };
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(hall.room.limits.idle).max_buf_size(HEAD_BYTES);
    let (openings, mut opened) = mpsc::unbounded_channel();
    let for_requests = hall.clone();
    let service = hyper::service::service_fn(move |request| {
        let (hall, openings) = (for_requests.clone(), openings.clone());
        async move { Ok::<_, Infallible>(answer(request, &hall, &openings).await) }
    });
    let _ = builder.serve_connection(TokioIo::new(stream), service).with_upgrades().await;
    if let Ok(opening) = opened.try_recv() {
        talk(opening, &hall).await;
    }
}

/// What is answered: a text, or events as they happen.
type Sent = Response<Either<Full<Bytes>, Events>>;

async fn answer(mut request: Request<Incoming>, hall: &Arc<Hall>, openings: &mpsc::UnboundedSender<Opening>) -> Sent {
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let path = target.split('?').next().unwrap_or_default().to_owned();
    let (method, origin) = (request.method().clone(), request.headers().get("origin").cloned());
    if let (Some(_), &Method::OPTIONS, Some(asked)) =
        (&origin, &method, request.headers().get("access-control-request-method"))
    {
        return preflight(asked, request.headers().get("access-control-request-headers")).map(Either::Left);
    }
    let refuse = |status: StatusCode, detail: &str| {
        hall.answered(method.as_str(), &target, Some(status.as_u16()), None, detail);
        problem(status, detail)
    };
    let is_upgrade =
        request.headers().get("upgrade").is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
    let carrier = if is_upgrade { Carrier::Socket } else { Carrier::Http };
    let spot = match hall.find(&path, carrier) {
        Ok(spot) => spot,
        Err(_) if !is_upgrade && hall.find(&path, Carrier::Socket).is_ok() => {
            return refuse(StatusCode::UPGRADE_REQUIRED, &format!("{path} is a WebSocket"));
        }
        Err(_) if is_upgrade && hall.find(&path, Carrier::Http).is_ok() => {
            return refuse(StatusCode::BAD_REQUEST, &format!("{path} is no WebSocket: its server speaks HTTP"));
        }
        Err(why) => return refuse(StatusCode::NOT_FOUND, &why),
    };
    let channel = hall.application().map(|application| application.channel(&spot).to_owned()).unwrap_or_default();
    let mut sent = if is_upgrade {
        match handshake(&mut request) {
            Ok(answer) => {
                let upgrade = hyper::upgrade::on(&mut request);
                let _ = openings.send(Opening { upgrade, spot, path });
                hall.answered("GET", &target, Some(101), Some(&channel), "a WebSocket");
                answer
            }
            Err(why) => return refuse(StatusCode::BAD_REQUEST, why),
        }
    } else if method == Method::GET {
        hall.answered("GET", &target, Some(200), Some(&channel), "an event stream");
        let (number, posts) = hall.listen(spot, &path);
        let mut answer = Response::new(Either::Right(Events { hall: hall.clone(), number, path, posts }));
        answer.headers_mut().insert("content-type", HeaderValue::from_static("text/event-stream"));
        answer.headers_mut().insert("cache-control", HeaderValue::from_static("no-store"));
        answer
    } else {
        let headers: Vec<(String, String)> = request
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), header_text(value.as_bytes())))
            .collect();
        let (body, _taken) = match read_body(request.into_body(), Some(&hall.room)).await {
            Ok(read) => read,
            Err(unread) => {
                let answer = unread.answer().map(|answer| answer.map(Either::Left));
                return answer.unwrap_or_else(|_| refuse(StatusCode::REQUEST_TIMEOUT, "the body has not come"));
            }
        };
        let content_type = headers.iter().find(|(name, _)| name == "content-type").map(|(_, value)| value.clone());
        let message = Message { headers, content_type, payload: body.to_vec(), ..Message::default() };
        match hall.take(None, &spot, &path, &message) {
            Some(why) => problem(StatusCode::BAD_REQUEST, &why),
            None => {
                let mut answer = Response::new(Either::Left(Full::new(Bytes::new())));
                *answer.status_mut() = StatusCode::ACCEPTED;
                answer
            }
        }
    };
    if origin.is_some() {
        sent.headers_mut().insert("access-control-allow-origin", HeaderValue::from_static("*"));
        sent.headers_mut().insert("access-control-expose-headers", HeaderValue::from_static("*"));
    }
    sent
}

/// An answer that says what is wrong with a request (RFC 9457).
fn problem(status: StatusCode, detail: &str) -> Sent {
    let text = json!({ "title": "not described", "status": status.as_u16(), "detail": detail }).to_string();
    let mut answer = Response::new(Either::Left(Full::new(Bytes::from(text))));
    *answer.status_mut() = status;
    answer.headers_mut().insert("content-type", HeaderValue::from_static("application/problem+json"));
    if status == StatusCode::UPGRADE_REQUIRED {
        answer.headers_mut().insert("upgrade", HeaderValue::from_static("websocket"));
        answer.headers_mut().insert("connection", HeaderValue::from_static("upgrade"));
    }
    answer
}

/// The messages of an event stream.
struct Events {
    hall: Arc<Hall>,
    number: u64,
    path: String,
    posts: mpsc::Receiver<Posted>,
}

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.posts.poll_recv(context).map(|posted| {
            let posted = posted?;
            let came = &posted.message;
            let header = |wanted: &str| {
                let found = came.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
                found.map(|(_, value)| value.as_str())
            };
            let text = written(header("event"), header("id"), &String::from_utf8_lossy(&came.payload));
            self.hall.tell("sent", &self.path, Some(&posted.operation), &posted.note);
            Some(Ok(Frame::data(Bytes::from(text))))
        })
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.hall.leave(self.number);
    }
}

/// The answer to the handshake of a WebSocket (RFC 6455, 4.2.2).
#[cfg(feature = "channel-ws")]
fn handshake(request: &mut Request<Incoming>) -> Result<Sent, &'static str> {
    let headers = request.headers();
    if headers.get("sec-websocket-version").is_none_or(|version| version.as_bytes() != b"13") {
        return Err("the handshake is not of version 13");
    }
    let key = headers.get("sec-websocket-key").ok_or("the handshake has no key")?;
    let accepted = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.as_bytes());
    let accepted = HeaderValue::from_str(&accepted).map_err(|_| "the key of the handshake is not valid")?;
    let mut answer = Response::new(Either::Left(Full::new(Bytes::new())));
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    answer.headers_mut().insert("upgrade", HeaderValue::from_static("websocket"));
    answer.headers_mut().insert("connection", HeaderValue::from_static("upgrade"));
    answer.headers_mut().insert("sec-websocket-accept", accepted);
    Ok(answer)
}

#[cfg(not(feature = "channel-ws"))]
fn handshake(_: &mut Request<Incoming>) -> Result<Sent, &'static str> {
    Err("this build serves no WebSocket")
}

#[cfg(not(feature = "channel-ws"))]
async fn talk(_: Opening, _: &Arc<Hall>) {}

/// A WebSocket, to its end.
#[cfg(feature = "channel-ws")]
async fn talk(opening: Opening, hall: &Arc<Hall>) {
    use futures_util::{SinkExt as _, StreamExt as _};
    use tokio_tungstenite::WebSocketStream;
    use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
    use tokio_tungstenite::tungstenite::{Bytes, Message as Frame};

    let Opening { upgrade, spot, path } = opening;
    let Ok(stream) = upgrade.await else { return };
    let Some(_taken) = hall.room.take(MESSAGE_BYTES) else { return };
    let most = Some(MESSAGE_BYTES);
    let config = WebSocketConfig::default().max_message_size(most).max_frame_size(most);
    let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(stream), Role::Server, Some(config)).await;
    let (number, mut posts) = hall.listen(spot.clone(), &path);
    loop {
        tokio::select! {
            posted = posts.recv() => {
                let Some(Posted { message, operation, note, .. }) = posted else { break };
                let frame = match String::from_utf8(message.payload) {
                    Ok(text) => Frame::text(text),
                    Err(bytes) => Frame::binary(Bytes::from(bytes.into_bytes())),
                };
                hall.tell("sent", &path, Some(&operation), &note);
                if socket.send(frame).await.is_err() {
                    break;
                }
            }
            frame = socket.next() => {
                let payload = match frame {
                    Some(Ok(Frame::Text(text))) => text.as_bytes().to_vec(),
                    Some(Ok(Frame::Binary(bytes))) => bytes.to_vec(),
                    Some(Ok(Frame::Close(_)) | Err(_)) | None => break,
                    Some(Ok(_)) => continue,
                };
                let message = Message { payload, ..Message::default() };
                drop(hall.take(Some(number), &spot, &path, &message));
            }
        }
    }
    hall.leave(number);
    drop(socket.close(None).await);
}
