//! Webhooks: one listener for all of a run, on this machine, over HTTP/1.1. A request to the path of one becomes a message,
//! and is answered when the run has it.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arazzo_engine::machine::message::{Hook, Message, SubscriptionId};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming as Body};
use hyper::header::{ALLOW, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::desk::{Desk, Incoming, Order};
use super::{Way, refusal};
use crate::network::header_text;

/// The time that a client may stand still.
const IDLE: Duration = Duration::from_secs(30);

/// Bytes of the head of a request.
const HEAD_BYTES: usize = 64 << 10;

/// Connections at once; each may hold the largest message.
const CONNECTIONS: usize = 32;

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
                    connections.spawn(converse(stream, desk.most(), hooks.clone(), arrived.clone()));
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

async fn converse(stream: TcpStream, most: u64, hooks: Hooks, arrived: mpsc::Sender<Arrived>) {
    let _ = stream.set_nodelay(true);
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(IDLE).max_buf_size(HEAD_BYTES);
    let service = hyper::service::service_fn(move |request| {
        let (hooks, arrived) = (hooks.clone(), arrived.clone());
        async move { Ok::<_, Infallible>(answer(request, most, &hooks, &arrived).await) }
    });
    // What ends a connection early is the client's business.
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(
    request: Request<Body>,
    most: u64,
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
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let body = match tokio::time::timeout(IDLE, Limited::new(body, most).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            return refused(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than the limit\n");
        }
        Ok(Err(_)) => return refused(StatusCode::BAD_REQUEST, "the body ends early\n"),
        Err(_) => return refused(StatusCode::REQUEST_TIMEOUT, "the body has not come\n"),
    };
    let named = parts.headers.iter();
    let message = Message {
        headers: named.map(|(name, value)| (name.as_str().to_owned(), header_text(value.as_bytes()))).collect(),
        content_type: parts.headers.get(CONTENT_TYPE).map(|value| header_text(value.as_bytes())),
        payload: body.to_vec(),
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
