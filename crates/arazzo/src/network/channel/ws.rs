//! WebSocket (RFC 6455). A connection is shared by all that is sent to and heard of one address.

use arazzo_engine::machine::message::{Channel, Message};
use arazzo_engine::machine::{Failure, FailureKind};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::http::header::AUTHORIZATION;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue, Uri};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Error};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::desk::{Desk, Incoming, Order, SendOrder, too_large};
use super::{GOODBYE, Way, authorization, binding, broken, is_secure, not_let_in, path_and_query, refusal};
use crate::network::connect::Stream;

type Socket = WebSocketStream<Box<dyn Stream>>;

pub(super) async fn serve(way: &Way, channel: &Channel, until: Instant, mut desk: Desk) {
    let most = desk.most();
    let mut socket = match desk.bounded(until, "answer the handshake", connect(way, channel, most)).await {
        Some(Ok(socket)) => socket,
        Some(Err(failure)) => return desk.close(failure).await,
        None => return,
    };
    loop {
        let heard = tokio::select! {
            // In this order: what listens is open before the first message is looked at.
            biased;
            order = desk.order() => match order {
                Some(order) => {
                    obey(&mut socket, &mut desk, order).await;
                    continue;
                }
                None => {
                    let _ = tokio::time::timeout(GOODBYE, socket.close(None)).await;
                    return;
                }
            },
            heard = socket.next() => heard,
        };
        let payload = match heard {
            Some(Ok(tungstenite::Message::Text(text))) => text.as_bytes().to_vec(),
            Some(Ok(tungstenite::Message::Binary(bytes))) => bytes.to_vec(),
            // The library answers pings itself.
            Some(Ok(
                tungstenite::Message::Ping(_) | tungstenite::Message::Pong(_) | tungstenite::Message::Frame(_),
            )) => {
                continue;
            }
            Some(Ok(tungstenite::Message::Close(frame))) => {
                let _ = tokio::time::timeout(GOODBYE, socket.flush()).await;
                let why = frame.map_or_else(
                    || "the server closed it".to_owned(),
                    |frame| format!("the server closed it with {} {}", frame.code, frame.reason).trim_end().to_owned(),
                );
                return desk.close(broken(&channel.host, why)).await;
            }
            Some(Err(error)) => return desk.close(lost(channel, most, &error)).await,
            None => return desk.close(broken(&channel.host, "the server closed it")).await,
        };
        for subscription in desk.subscriptions() {
            let message = Message { payload: payload.clone(), ..Message::default() };
            let address = channel.address.clone();
            let incoming = Incoming { address, is_stored: false, is_redelivered: false, mark: None, message };
            desk.received(subscription, incoming).await;
        }
    }
}

async fn obey(socket: &mut Socket, desk: &mut Desk, order: Order) {
    match order {
        Order::Subscribe(order) => match binding::check(&order.channel, false) {
            Ok(()) => desk.subscribed(&order).await,
            Err(failure) => desk.lost(order.subscription, failure).await,
        },
        Order::Send(order) => {
            let (call, most) = (order.call, desk.most());
            let result = match binding::check(&order.channel, true).and_then(|()| frame(&order)) {
                Ok(frame) => {
                    let write = async {
                        socket
                            .send(frame)
                            .await
                            .map_err(|error| Failure { in_doubt: true, ..lost(&order.channel, most, &error) })
                    };
                    desk.bounded(order.until, "take the message", write).await
                }
                Err(failure) => Some(Err(failure)),
            };
            if let Some(result) = result {
                desk.sent(call, result).await;
            }
        }
        Order::Unsubscribe(subscription) => desk.forget(subscription),
        Order::Acknowledge(..) => {}
    }
}

/// Text, unless it cannot be or its content type says that it is none.
fn frame(order: &SendOrder) -> Result<tungstenite::Message, Failure> {
    let Message { headers, content_type, correlation, reply_to, key, payload } = &order.message;
    let has_none = |what: &str| refusal(format!("`{}` has no place for {what}", order.channel.protocol));
    if let Some((name, _)) = headers.first() {
        return Err(has_none(&format!("the header `{name}` of a message")));
    }
    for (value, what) in
        [(correlation, "a correlation id beside the payload"), (reply_to, "an address to answer to"), (key, "a key")]
    {
        if value.is_some() {
            return Err(has_none(what));
        }
    }
    const BINARY: [&str; 7] = ["octet-stream", "protobuf", "x-protobuf", "msgpack", "cbor", "avro", "zip"];
    let is_binary = content_type.as_deref().is_some_and(|full| {
        let plain = full.split(';').next().unwrap_or(full).trim().to_ascii_lowercase();
        let (family, kind) = plain.split_once('/').unwrap_or(("", &plain));
        matches!(family, "image" | "audio" | "video") || BINARY.contains(&kind)
    });
    Ok(match std::str::from_utf8(payload) {
        Ok(text) if !is_binary => tungstenite::Message::text(text),
        _ => tungstenite::Message::binary(payload.clone()),
    })
}

async fn connect(way: &Way, channel: &Channel, most: u64) -> Result<Socket, Failure> {
    binding::check(channel, false)?;
    let proof = authorization(channel)?;
    let scheme = if is_secure(channel.protocol) { "wss" } else { "ws" };
    let url = format!("{scheme}://{}{}", channel.host, path_and_query(channel));
    let wrong = |what: &str| refusal(format!("the {what} of the handshake with `{}` is not valid", channel.host));
    let uri: Uri = url.parse().map_err(|_| wrong("url"))?;
    let mut request = uri.into_client_request().map_err(|_| wrong("url"))?;
    for (name, value) in &channel.headers {
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| wrong(&format!("header `{name}`")))?;
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong(&format!("header `{name}`")))?;
        request.headers_mut().insert(name, value);
    }
    if let Some(proof) = proof {
        let value = HeaderValue::try_from(proof).map_err(|_| wrong("credential"))?;
        request.headers_mut().insert(AUTHORIZATION, value);
    }
    let stream = way.stream(channel).await?;
    let most = usize::try_from(most).ok();
    let config = WebSocketConfig::default().max_message_size(most).max_frame_size(most);
    match client_async_with_config(request, stream, Some(config)).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(answer)) => Err(match answer.status().as_u16() {
            status @ (401 | 403) => not_let_in(channel, format!("the handshake was answered with {status}")),
            status => {
                let message = format!("`{}` answered the handshake with {status}, not with 101", channel.host);
                Failure { kind: FailureKind::Connect, message, in_doubt: false }
            }
        }),
        Err(error) => {
            let message = format!("`{}` does not complete the handshake of a WebSocket: {error}", channel.host);
            Err(Failure { kind: FailureKind::Connect, message, in_doubt: false })
        }
    }
}

fn lost(channel: &Channel, most: u64, error: &Error) -> Failure {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { size, .. }) => {
            too_large(&channel.host, Some(*size as u64), most)
        }
        Error::ConnectionClosed | Error::AlreadyClosed => broken(&channel.host, "the server closed it"),
        Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake) => {
            broken(&channel.host, "it ended without a goodbye")
        }
        error => broken(&channel.host, error),
    }
}
