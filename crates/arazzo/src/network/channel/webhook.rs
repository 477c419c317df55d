//! Webhooks: one listener for all of a run, on this machine, over HTTP/1.1. A request to the path of one becomes a message,
//! and is answered when the run has it.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arazzo_engine::machine::message::{Hook, Message, SubscriptionId};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming as Body};
use hyper::header::{ALLOW, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;

use super::desk::{Desk, Incoming, Order};
use super::{Way, refusal};
use crate::network::header_text;

/// The time that a client may stand still.
const IDLE: Duration = Duration::from_secs(30);

/// Bytes of the head of a request.
const HEAD_BYTES: usize = 64 << 10;

/// Connections at once.
const CONNECTIONS: usize = 32;

/// The bytes of all bodies that come at once, or those of the largest message where that may be larger.
const BODIES: usize = 32 << 20;

/// A webhook that is listened for.
#[derive(Clone)]
struct Open {
    subscription: SubscriptionId,
    path: String,
    hook: Hook,
}

/// The webhooks that are listened for: those of now.
type Hooks = Arc<Mutex<Vec<Open>>>;

/// A message, and who waits for it to be taken.
type Arrived = (SubscriptionId, Message, oneshot::Sender<()>);

pub(super) async fn serve(way: &Way, mut desk: Desk) {
    let taken = way.listener.lock().unwrap_or_else(PoisonError::into_inner).take();
    let listener = match taken.map(TcpListener::from_std) {
        Some(Ok(listener)) => listener,
        Some(Err(error)) => return desk.close(refusal(format!("cannot listen for webhooks: {error}"))).await,
        None => return desk.close(refusal("nothing listens for webhooks")).await,
    };
    let hooks = Hooks::default();
    let (arrived, mut arrivals) = mpsc::channel::<Arrived>(1);
    let mut connections = JoinSet::new();
    let most = usize::try_from(desk.most()).unwrap_or(usize::MAX);
    let room = Room { most, left: Arc::new(Semaphore::new(BODIES.max(most).min(Semaphore::MAX_PERMITS))) };
    loop {
        tokio::select! {
            order = desk.order() => match order {
                Some(Order::Subscribe(order)) => {
                    if let Some(hook) = &order.channel.hook {
                        let (subscription, path) = (order.subscription, order.channel.path.clone());
                        let open = Open { subscription, path, hook: hook.clone() };
                        hooks.lock().unwrap_or_else(PoisonError::into_inner).push(open);
                    }
                    desk.subscribed(&order).await;
                }
                Some(Order::Unsubscribe(ended)) => {
                    hooks.lock().unwrap_or_else(PoisonError::into_inner).retain(|open| open.subscription != ended);
                    desk.forget(ended);
                }
                // Nobody sends to a webhook from here.
                Some(Order::Send(order)) => desk.sent(order.call, Err(refusal("a webhook is not sent to"))).await,
                Some(Order::Acknowledge(..)) => {}
                None => return,
            },
            accepted = listener.accept(), if connections.len() < CONNECTIONS => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(converse(stream, room.clone(), hooks.clone(), arrived.clone()));
                } else {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
            Some((subscription, message, taken)) = arrivals.recv() => {
                let incoming = Incoming { address: String::new(), is_stored: false, is_redelivered: false, mark: None, message };
                if desk.received(subscription, incoming).await.is_some() {
                    // A client that has gone needs no answer.
                    let _ = taken.send(());
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// What bodies may take: each, and all that come at once.
#[derive(Clone)]
struct Room {
    most: usize,
    left: Arc<Semaphore>,
}

impl Room {
    /// The bytes of a body, with the room that they take; else why there are none.
    async fn read(
        &self,
        mut body: Body,
    ) -> Result<(Vec<u8>, Option<OwnedSemaphorePermit>), (StatusCode, &'static str)> {
        let (mut bytes, mut taken) = (vec![], None::<OwnedSemaphorePermit>);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| (StatusCode::BAD_REQUEST, "the body ends early\n"))?;
            let Ok(data) = frame.into_data() else { continue };
            let count = u32::try_from(data.len()).ok().filter(|_| bytes.len() + data.len() <= self.most);
            let count = count.ok_or((StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than the limit\n"))?;
            // To wait for room would be to wait for bodies that wait, too.
            let more = self.left.clone().try_acquire_many_owned(count);
            let more = more.map_err(|_| (StatusCode::SERVICE_UNAVAILABLE, "too much is sent at once\n"))?;
            match &mut taken {
                Some(taken) => taken.merge(more),
                None => taken = Some(more),
            }
            bytes.extend_from_slice(&data);
        }
        Ok((bytes, taken))
    }
}

async fn converse(stream: TcpStream, room: Room, hooks: Hooks, arrived: mpsc::Sender<Arrived>) {
    let _ = stream.set_nodelay(true);
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(IDLE).max_buf_size(HEAD_BYTES);
    let service = hyper::service::service_fn(move |request| {
        let (hooks, arrived, room) = (hooks.clone(), arrived.clone(), room.clone());
        async move { Ok::<_, Infallible>(answer(request, &room, &hooks, &arrived).await) }
    });
    // What ends a connection early is the client's business.
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(
    request: Request<Body>,
    room: &Room,
    hooks: &Hooks,
    arrived: &mpsc::Sender<Arrived>,
) -> Response<Full<Bytes>> {
    let known = hooks.lock().unwrap_or_else(PoisonError::into_inner).clone();
    // A name may have letters that stand in no url as they are.
    let path = percent_encoding::percent_decode_str(request.uri().path()).decode_utf8_lossy().into_owned();
    let at: Vec<&Open> = known.iter().filter(|open| open.path == path).collect();
    // Where one is listened for, whoever sends need not know its name.
    let at = match (at.as_slice(), known.as_slice()) {
        ([], [only]) if path == "/" => vec![only],
        _ => at,
    };
    let Some(first) = at.first() else {
        let paths: Vec<&str> = known.iter().map(|open| open.path.as_str()).collect();
        return refused(
            StatusCode::NOT_FOUND,
            &format!("no webhook is listened for here; there are {}\n", paths.join(", ")),
        );
    };
    let Some(open) = at.iter().find(|open| open.hook.method == request.method().as_str()) else {
        let mut answer = refused(StatusCode::METHOD_NOT_ALLOWED, &format!("this webhook is a {}\n", first.hook.method));
        answer.headers_mut().extend(HeaderValue::from_str(&first.hook.method).ok().map(|method| (ALLOW, method)));
        return answer;
    };
    let (parts, body) = request.into_parts();
    if parts.headers.get(CONTENT_ENCODING).is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "a body is taken as it is, without a content coding\n");
    }
    // What it takes is given back when the run has the message.
    let (payload, _taken) = match tokio::time::timeout(IDLE, room.read(body)).await {
        Ok(Ok(read)) => read,
        Ok(Err((status, words))) => return refused(status, words),
        Err(_) => return refused(StatusCode::REQUEST_TIMEOUT, "the body has not come\n"),
    };
    let named = parts.headers.iter();
    let message = Message {
        headers: named.map(|(name, value)| (name.as_str().to_owned(), header_text(value.as_bytes()))).collect(),
        content_type: parts.headers.get(CONTENT_TYPE).map(|value| header_text(value.as_bytes())),
        payload,
        ..Message::default()
    };
    let (taken, is_taken) = oneshot::channel();
    let handed = arrived.send((open.subscription, message, taken)).await;
    if handed.is_err() || is_taken.await.is_err() {
        return refused(StatusCode::SERVICE_UNAVAILABLE, "the run listens no more\n");
    }
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::from_u16(open.hook.status).unwrap_or(StatusCode::OK);
    answer
}

fn refused(status: StatusCode, words: &str) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::from(words.to_owned()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}
