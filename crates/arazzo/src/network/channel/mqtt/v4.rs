//! MQTT 3.1.1.

use arazzo_engine::machine::Failure;
use arazzo_engine::machine::message::Message;
use rumqttc_v4::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, MqttOptions, Outgoing, Packet, PublishOptions,
    QoS, StateError, SubscribeReasonCode,
};

use super::{Accepted, Broken, Dialect, HEAD, Heard, KEEP_ALIVE, LARGEST, LONG, Opening, Published, SendOrder, Terms};
use crate::network::channel::refusal;

/// MQTT 3.1.1.
pub(in super::super) struct V4;

impl Dialect for V4 {
    type Client = AsyncClient;
    type Events = EventLoop;

    fn begin(opening: Opening) -> Result<(AsyncClient, EventLoop), String> {
        let mut options = MqttOptions::new(opening.client_id, "broker.invalid");
        let most = usize::try_from(opening.most.saturating_add(u64::from(HEAD))).unwrap_or(usize::MAX);
        options.set_keep_alive(KEEP_ALIVE).set_clean_session(true).set_max_packet_size(most, LARGEST as usize);
        if let Some((user, password)) = opening.user {
            options.set_credentials(user, password);
        }
        options.set_socket_connector(move |_, _| std::future::ready(opening.socket.take()));
        let built = AsyncClient::builder(options).unbounded().try_build();
        let (client, mut events) = built.map_err(|error| error.to_string())?;
        events.network_options.set_connection_timeout(LONG.as_secs());
        Ok((client, events))
    }

    async fn next(events: &mut EventLoop) -> Result<Heard, Broken> {
        Ok(match events.poll().await.map_err(broken)? {
            Event::Incoming(Packet::ConnAck(_)) => Heard::Connected { most: None },
            Event::Incoming(Packet::SubAck(answer)) => {
                let granted = match answer.return_codes.first() {
                    Some(SubscribeReasonCode::Success(_)) => Ok(()),
                    _ => Err("the broker answered with a failure".to_owned()),
                };
                Heard::Granted(answer.pkid, granted)
            }
            Event::Incoming(Packet::Publish(publish)) => Heard::Message(Published {
                topic: String::from_utf8_lossy(&publish.topic).into_owned(),
                is_stored: publish.retain,
                is_redelivered: publish.dup,
                numbers: vec![],
                message: Message { payload: publish.payload.to_vec(), ..Message::default() },
            }),
            Event::Outgoing(Outgoing::Subscribe(number)) => Heard::Numbered(number),
            Event::Incoming(_) | Event::Outgoing(_) => Heard::Other,
        })
    }

    fn subscribe(client: &AsyncClient, filter: &str, _: usize, quality: u8) -> Result<(), String> {
        client.try_subscribe(filter, level(quality)).map_err(|error| error.to_string())
    }

    fn unsubscribe(client: &AsyncClient, filter: &str) -> Result<(), String> {
        client.try_unsubscribe(filter).map_err(|error| error.to_string())
    }

    fn publish(client: &AsyncClient, order: &SendOrder, terms: &Terms) -> Result<Accepted, Failure> {
        let Message { headers, correlation, reply_to, key, payload, content_type: _ } = &order.message;
        let has_none = |what: &str| Err(refusal(format!("`{}` has no place for {what}", order.channel.protocol)));
        match (headers.first(), correlation, reply_to, key) {
            (None, None, None, None) => {}
            (Some((name, _)), ..) => return has_none(&format!("the header `{name}` of a message")),
            (_, Some(_), ..) => return has_none("a correlation id beside the payload"),
            (_, _, Some(_), _) => return has_none("an address to answer to"),
            (.., Some(_)) => return has_none("a key"),
        }
        let options = PublishOptions::new(level(terms.quality)).retain(terms.retain);
        let notice = client
            .try_publish_tracked(order.channel.address.as_str(), payload.clone(), options)
            .map_err(|error| refusal(format!("nothing is sent to `{}`: {error}", order.channel.address)))?;
        Ok(Box::pin(async move { notice.wait_async().await.map(drop).map_err(|_| None) }))
    }

    fn disconnect(client: &AsyncClient) {
        // If the connection has ended there is nobody to tell.
        let _ = client.try_disconnect_now();
    }
}

fn level(quality: u8) -> QoS {
    match quality {
        0 => QoS::AtMostOnce,
        1 => QoS::AtLeastOnce,
        _ => QoS::ExactlyOnce,
    }
}

fn broken(error: ConnectionError) -> Broken {
    match error {
        ConnectionError::ConnectionRefused(code) => match code {
            ConnectReturnCode::BadUserNamePassword => Broken::NotLetIn("bad user name or password".to_owned()),
            ConnectReturnCode::NotAuthorized => Broken::NotLetIn("not authorized".to_owned()),
            ConnectReturnCode::RefusedProtocolVersion => Broken::Refused("it does not speak MQTT 3.1.1".to_owned()),
            ConnectReturnCode::BadClientId => Broken::Refused("it does not accept the name of the client".to_owned()),
            _ => Broken::Refused("it is not available".to_owned()),
        },
        ConnectionError::MqttState(StateError::Deserialization(
            rumqttc_v4::mqttbytes::Error::PayloadSizeLimitExceeded(_),
        )) => Broken::TooLarge,
        ConnectionError::MqttState(StateError::ConnectionAborted) => Broken::Lost("the broker closed it".to_owned()),
        ConnectionError::MqttState(StateError::AwaitPingResp) => {
            Broken::Lost(format!("the broker said nothing for {KEEP_ALIVE} s"))
        }
        error => Broken::Lost(error.to_string()),
    }
}
