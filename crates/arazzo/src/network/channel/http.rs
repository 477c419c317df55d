//! Event streams (server-sent events, HTML 9.2) and messages that are sent as requests, over HTTP/1.1. Each has a connection
//! of its own. A stream that breaks is opened again where its last event had an id: with `Last-Event-ID`.

use std::time::Duration;

use arazzo_engine::event_stream::{Event, Reader};
use arazzo_engine::machine::message::{Channel, Mark, Message};
use arazzo_engine::machine::{Failure, FailureKind};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming as Body};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use super::desk::{Desk, Incoming, Order, SendOrder, SubscribeOrder, too_large};
use super::{Way, authorization, binding, broken, not_let_in, path_and_query, refusal};
use crate::network::http::USUAL_HEADERS;

/// Times that a stream is opened again with no event in between.
const TRIES: u32 = 3;

/// `until` is when a server has to have let in whoever listens; the answer to a message may take its own time.
pub(super) async fn serve(way: &Way, until: Instant, mut desk: Desk) {
    match desk.order().await {
        Some(Order::Subscribe(order)) => listen(way, order, until, desk).await,
        Some(Order::Send(order)) => {
            if let Some(result) = desk.bounded(order.until, "answer", post(way, &order)).await {
                desk.sent(order.call, result).await;
            }
        }
        Some(Order::Acknowledge(..) | Order::Unsubscribe(_)) | None => {}
    }
}

/// How a stream ended.
enum End {
    /// The run listens no more.
    Unwanted,
    Lost(Failure),
    /// It broke, and can go on after the last event.
    Broke(Failure),
}

/// How far a stream has come.
struct Progress {
    /// The id of the last event; empty if it had none.
    last_id: String,
    pause: Duration,
    /// Times that it was opened since the last event.
    tries: u32,
}

async fn listen(way: &Way, order: SubscribeOrder, until: Instant, mut desk: Desk) {
    // Where another process has come to.
    let last_id = order.after.first().map(|mark| mark.at.clone()).unwrap_or_default();
    let mut body = match desk.bounded(until, "begin an event stream", open(way, &order.channel, &last_id)).await {
        Some(Ok(body)) => body,
        Some(Err(failure)) => return desk.close_with(order.subscription, failure).await,
        None => return,
    };
    desk.subscribed(&order).await;
    let mut progress = Progress { last_id, pause: Duration::from_secs(1), tries: 0 };
    loop {
        let mut failure = match follow(&order, &mut desk, body, &mut progress).await {
            End::Unwanted => return,
            End::Lost(failure) => return desk.close(failure).await,
            End::Broke(failure) => failure,
        };
        body = loop {
            if progress.tries >= TRIES {
                return desk.close(failure).await;
            }
            progress.tries += 1;
            tokio::select! {
                () = tokio::time::sleep(progress.pause) => {}
                order = desk.order() => match order {
                    Some(Order::Acknowledge(..)) => continue,
                    _ => return,
                },
            }
            let until = Instant::now() + way.connector.network().connect_timeout;
            match desk.bounded(until, "begin an event stream", open(way, &order.channel, &progress.last_id)).await {
                Some(Ok(body)) => break body,
                Some(Err(again)) => failure = again,
                None => return,
            }
        };
    }
}

/// Hears a stream to its end.
async fn follow(order: &SubscribeOrder, desk: &mut Desk, mut body: Body, progress: &mut Progress) -> End {
    let host = &order.channel.host;
    let mut reader = Reader::new(desk.most());
    loop {
        let frame = tokio::select! {
            biased;
            asked = desk.order() => match asked {
                Some(Order::Acknowledge(..)) => continue,
                _ => return End::Unwanted,
            },
            frame = body.frame() => frame,
        };
        let broke = |why: &dyn std::fmt::Display| {
            let failure = broken(host, why);
            // A request that may do something is not made twice.
            let may_repeat = order.channel.opening.as_ref().is_none_or(|opening| opening.method == "GET");
            if progress.last_id.is_empty() || !may_repeat { End::Lost(failure) } else { End::Broke(failure) }
        };
        let bytes = match frame {
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            Some(Err(error)) => return broke(&error),
            None => return broke(&"the server ended the event stream"),
        };
        let Some(events) = reader.read(&bytes) else {
            return End::Lost(too_large(host, None, desk.most()));
        };
        if let Some(pause) = reader.retry() {
            progress.pause = pause;
        }
        for event in events {
            progress.tries = 0;
            progress.last_id.clone_from(&event.id);
            if desk.received(order.subscription, incoming(&order.channel, event)).await.is_none() {
                return End::Unwanted;
            }
        }
    }
}

fn incoming(channel: &Channel, event: Event) -> Incoming {
    let Event { name, id, own_id, data } = event;
    let mark = Some(Mark { part: String::new(), at: id.clone() });
    let named = [("event", name), ("id", own_id.then_some(id))];
    let headers = named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    let message = Message { headers, payload: data.into_bytes(), ..Message::default() };
    let mark = mark.filter(|mark| !mark.at.is_empty());
    Incoming { address: channel.address.clone(), is_stored: false, is_redelivered: false, mark, message }
}

/// Opens a stream, after the event with this id.
async fn open(way: &Way, channel: &Channel, last_id: &str) -> Result<Body, Failure> {
    binding::check(channel, false)?;
    let (method, body) = match &channel.opening {
        Some(opening) => {
            let method = Method::from_bytes(opening.method.as_bytes());
            (method.map_err(|_| refusal("the method is not valid"))?, opening.body.clone().into())
        }
        None => (Method::GET, Bytes::new()),
    };
    let mut request = request(channel, method, &[], body)?;
    let headers = request.headers_mut();
    headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_bytes(last_id.as_bytes())
        && !last_id.is_empty()
    {
        headers.insert(HeaderName::from_static("last-event-id"), id);
    }
    let answer = exchange(way, channel, request).await?;
    let status = answer.status().as_u16();
    let failed = |message| Failure { kind: FailureKind::Connect, message, in_doubt: false };
    match status {
        200 => {}
        201..=203 if channel.opening.is_some() => {}
        401 | 403 => return Err(not_let_in(channel, format!("the answer was {status}"))),
        204 => return Err(failed(format!("`{}` has no more events: the answer was 204", channel.host))),
        _ => {
            return Err(failed(format!(
                "`{}` answered with {status} where an event stream was to begin",
                channel.host
            )));
        }
    }
    let is_stream = |value: &HeaderValue| {
        let plain = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        plain.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
    };
    if !answer.headers().get(CONTENT_TYPE).is_some_and(is_stream) {
        let found =
            answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("no content type");
        return Err(failed(format!("`{}` answered with {found}, not with text/event-stream", channel.host)));
    }
    Ok(answer.into_body())
}

async fn post(way: &Way, order: &SendOrder) -> Result<(), Failure> {
    let Message { headers, content_type, correlation, reply_to, key, payload } = &order.message;
    for (value, what) in [
        (correlation, "a correlation id beside headers and payload"),
        (reply_to, "an address to answer to"),
        (key, "a key"),
    ] {
        if value.is_some() {
            return Err(refusal(format!("`{}` has no place for {what}", order.channel.protocol)));
        }
    }
    binding::check(&order.channel, true)?;
    let asked = binding::text(&order.channel, "method").unwrap_or("POST");
    let method = asked.parse().map_err(|_| refusal("the method is not valid"))?;
    let mut request = request(&order.channel, method, headers, payload.clone().into())?;
    if let Some(content_type) = content_type {
        let value = HeaderValue::from_str(content_type).map_err(|_| refusal("the content type is not valid"))?;
        request.headers_mut().insert(CONTENT_TYPE, value);
    }
    let answer = exchange(way, &order.channel, request).await?;
    match answer.status().as_u16() {
        200..=299 => Ok(()),
        status @ (401 | 403) => Err(not_let_in(&order.channel, format!("the answer was {status}"))),
        status => {
            let message = format!("`{}` does not accept the message: the answer was {status}", order.channel.host);
            // It may have done something before it failed.
            Err(Failure { kind: FailureKind::Protocol, message, in_doubt: status >= 500 })
        }
    }
}

fn request(
    channel: &Channel,
    method: Method,
    headers: &[(String, String)],
    body: Bytes,
) -> Result<Request<Full<Bytes>>, Failure> {
    let wrong = |what: &str| refusal(format!("the {what} of the request to `{}` is not valid", channel.host));
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = method;
    let target = channel.opening.as_ref().map_or_else(|| path_and_query(channel), |opening| opening.target.clone());
    *request.uri_mut() = target.parse().map_err(|_| wrong("url"))?;
    let fields = request.headers_mut();
    fields.insert(HOST, HeaderValue::from_str(&channel.host).map_err(|_| wrong("host"))?);
    let usual = USUAL_HEADERS.iter().find(|(name, _)| *name == USER_AGENT.as_str());
    usual.into_iter().for_each(|(_, agent)| drop(fields.insert(USER_AGENT, HeaderValue::from_static(agent))));
    if let Some(proof) = authorization(channel)? {
        fields.insert(AUTHORIZATION, HeaderValue::try_from(proof).map_err(|_| wrong("credential"))?);
    }
    for (name, value) in channel.headers.iter().chain(headers) {
        let of = || wrong(&format!("header `{name}`"));
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| of())?;
        fields.insert(HeaderName::from_bytes(name.as_bytes()).map_err(|_| of())?, value);
    }
    Ok(request)
}

/// Sends a request on a connection of its own.
async fn exchange(way: &Way, channel: &Channel, request: Request<Full<Bytes>>) -> Result<Response<Body>, Failure> {
    let stream = way.stream(channel).await?;
    let broke = |error: hyper::Error| {
        let why = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        broken(&channel.host, why)
    };
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broke)?;
    // It ends with the answer, or when nobody wants that any more.
    tokio::spawn(async move { drop(connection.await) });
    sender.send_request(request).await.map_err(broke)
}
