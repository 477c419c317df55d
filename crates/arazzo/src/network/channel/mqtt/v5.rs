//! MQTT 5.

use arazzo_engine::machine::Failure;
use arazzo_engine::machine::message::Message;
use rumqttc_v5::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, IncomingPacketSizeLimit, MqttOptions, Outgoing,
    Packet, Publish, PublishNoticeError, PublishOptions, PublishProperties, QoS, StateError, SubscribeFilterInput,
    SubscribeProperties, SubscribeReasonCode,
};

use super::{Accepted, Broken, Dialect, HEAD, Heard, KEEP_ALIVE, LARGEST, LONG, Opening, Published, SendOrder, Terms};
use crate::network::channel::{binding, refusal};

/// MQTT 5.
pub(in super::super) struct V5;

impl Dialect for V5 {
    type Client = AsyncClient;
    type Events = EventLoop;

    fn begin(opening: Opening) -> Result<(AsyncClient, EventLoop), String> {
        let mut options = MqttOptions::new(opening.client_id, "broker.invalid");
        // The broker hears of it, and drops what is larger: what is a little larger has to come, so that it is said.
        let most = u32::try_from(opening.most.saturating_add(u64::from(HEAD))).unwrap_or(u32::MAX).max(LARGEST);
        options
            .set_keep_alive(KEEP_ALIVE)
            .set_clean_start(true)
            .set_connect_timeout(LONG)
            .set_incoming_packet_size_limit(IncomingPacketSizeLimit::Bytes(most));
        if let Some((user, password)) = opening.user {
            options.set_credentials(user, password);
        }
        options.set_socket_connector(move |_, _| std::future::ready(opening.socket.take()));
        AsyncClient::builder(options).unbounded().try_build().map_err(|error| error.to_string())
    }

    async fn next(events: &mut EventLoop) -> Result<Heard, Broken> {
        Ok(match events.poll().await.map_err(broken)? {
            Event::Incoming(Packet::ConnAck(answer)) => {
                Heard::Connected { most: answer.properties.and_then(|properties| properties.max_packet_size) }
            }
            Event::Incoming(Packet::SubAck(answer)) => {
                let granted = match answer.return_codes.first() {
                    Some(SubscribeReasonCode::Success(_)) => Ok(()),
                    Some(SubscribeReasonCode::NotAuthorized) => Err("not authorized".to_owned()),
                    Some(SubscribeReasonCode::SharedSubscriptionsNotSupported) => {
                        Err("it has no shared subscriptions".to_owned())
                    }
                    Some(SubscribeReasonCode::WildcardSubscriptionsNotSupported) => {
                        Err("it has no patterns".to_owned())
                    }
                    Some(SubscribeReasonCode::TopicFilterInvalid) => Err("the address is not valid".to_owned()),
                    _ => Err("the broker answered with a failure".to_owned()),
                };
                Heard::Granted(answer.pkid, granted)
            }
            Event::Incoming(Packet::Publish(publish)) => {
                let properties = publish.properties.unwrap_or_default();
                Heard::Message(Published {
                    topic: String::from_utf8_lossy(&publish.topic).into_owned(),
                    is_stored: publish.retain,
                    is_redelivered: publish.dup,
                    numbers: properties.subscription_identifiers,
                    message: Message {
                        headers: properties.user_properties,
                        content_type: properties.content_type,
                        correlation: properties
                            .correlation_data
                            .map(|data| String::from_utf8_lossy(data.as_ref()).into_owned()),
                        reply_to: properties.response_topic,
                        key: None,
                        payload: publish.payload.to_vec(),
                    },
                })
            }
            Event::Outgoing(Outgoing::Subscribe(number)) => Heard::Numbered(number),
            _ => Heard::Other,
        })
    }

    fn subscribe(client: &AsyncClient, filter: &str, number: usize, quality: u8) -> Result<(), String> {
        // Shared subscriptions have no such choice (MQTT 5, 3.8.3.1).
        let is_shared = filter.starts_with("$share/");
        let wanted = SubscribeFilterInput::new(filter, level(quality)).no_local(!is_shared);
        let properties = SubscribeProperties { id: Some(number), user_properties: vec![] };
        client.try_subscribe_many_with_properties([wanted], properties).map_err(|error| error.to_string())
    }

    fn unsubscribe(client: &AsyncClient, filter: &str) -> Result<(), String> {
        client.try_unsubscribe(filter).map_err(|error| error.to_string())
    }

    fn publish(client: &AsyncClient, order: &SendOrder, terms: &Terms) -> Result<Accepted, Failure> {
        let Message { headers, content_type, correlation, reply_to, key, payload } = &order.message;
        if key.is_some() {
            return Err(refusal("`mqtt5` has no place for a key"));
        }
        let or = |own: &Option<String>, name: &str| {
            own.clone().or_else(|| binding::text(&order.channel, name).map(str::to_owned))
        };
        let properties = PublishProperties {
            payload_format_indicator: terms.is_text.map(u8::from),
            message_expiry_interval: terms.expiry,
            response_topic: or(reply_to, "responseTopic"),
            correlation_data: correlation.clone().map(Into::into),
            user_properties: headers.clone(),
            content_type: or(content_type, "contentType"),
            ..PublishProperties::default()
        };
        // The library would end the connection.
        if let Some(most) = terms.most {
            let (topic, payload) = (order.channel.address.as_str(), payload.clone());
            let packet = Publish::new(topic, level(terms.quality), payload, Some(properties.clone()));
            // The number of the packet is given later.
            let size = packet.size() + 2;
            if u32::try_from(size).map_or(true, |size| size > most) {
                return Err(refusal(format!(
                    "`{}` takes packets of {most} bytes at most, and this message is one of {size}",
                    order.channel.host
                )));
            }
        }
        let options = PublishOptions::new(level(terms.quality)).retain(terms.retain).properties(properties);
        let notice = client
            .try_publish_tracked(order.channel.address.as_str(), payload.clone(), options)
            .map_err(|error| refusal(format!("nothing is sent to `{}`: {error}", order.channel.address)))?;
        Ok(Box::pin(async move {
            notice.wait_async().await.map(drop).map_err(|error| match error {
                PublishNoticeError::V5PubAck(reason) => Some(format!("{reason:?}")),
                PublishNoticeError::V5PubRec(reason) => Some(format!("{reason:?}")),
                PublishNoticeError::V5PubComp(reason) => Some(format!("{reason:?}")),
                PublishNoticeError::RetainNotSupported => Some("it keeps no messages (`retain`)".to_owned()),
                _ => None,
            })
        }))
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
        ConnectionError::ConnectionRefused(code)
        | ConnectionError::MqttState(StateError::ConnFail { reason: code }) => match code {
            ConnectReturnCode::BadUserNamePassword => Broken::NotLetIn("bad user name or password".to_owned()),
            ConnectReturnCode::NotAuthorized => Broken::NotLetIn("not authorized".to_owned()),
            ConnectReturnCode::BadAuthenticationMethod => Broken::NotLetIn("bad authentication method".to_owned()),
            ConnectReturnCode::RefusedProtocolVersion | ConnectReturnCode::UnsupportedProtocolVersion => {
                Broken::Refused("it does not speak MQTT 5".to_owned())
            }
            code => Broken::Refused(format!("{code:?}")),
        },
        ConnectionError::MqttState(StateError::IncomingPacketTooLarge { .. }) => Broken::TooLarge,
        ConnectionError::MqttState(StateError::ConnectionAborted) => Broken::Lost("the broker closed it".to_owned()),
        ConnectionError::MqttState(StateError::AwaitPingResp) => {
            Broken::Lost(format!("the broker said nothing for {KEEP_ALIVE} s"))
        }
        ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, .. }) => {
            Broken::Lost(format!("the broker closed it with {reason_code:?}"))
        }
        error => Broken::Lost(error.to_string()),
    }
}
