//! WebSocket, against a server in this process that passes on what one client says to all others.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{broadcast, mpsc};
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message as Frame};

use super::brokers::folder;
use super::*;
use crate::tls::{Authority, Identity};

pub(super) struct Hub {
    pub(super) host: String,
    opened: Arc<AtomicUsize>,
    /// `METHOD path?query` and the headers of each handshake.
    handshakes: Arc<Mutex<Vec<String>>>,
    stop: mpsc::Sender<()>,
}

impl Hub {
    pub(super) fn start(identity: Option<Identity>) -> Self {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let (opened, handshakes) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(vec![])));
        let (stop, mut stopped) = mpsc::channel(1);
        let (counted, kept) = (opened.clone(), handshakes.clone());
        let acceptor = identity.map(|(certificate, key)| {
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
            let config = builder.unwrap().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
            tokio_rustls::TlsAcceptor::from(Arc::new(config))
        });
        runtime().spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let (say, _) = broadcast::channel(1024);
            let mut clients = tokio::task::JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        let number = counted.fetch_add(1, Ordering::SeqCst);
                        let (stream, say, kept, acceptor) = (accepted.unwrap().0, say.clone(), kept.clone(), acceptor.clone());
                        clients.spawn(async move {
                            match acceptor {
                                None => serve(stream, number, say, kept).await,
                                Some(acceptor) => {
                                    // A client that does not like the certificate goes away.
                                    if let Ok(stream) = acceptor.accept(stream).await {
                                        serve(stream, number, say, kept).await;
                                    }
                                }
                            }
                        });
                    }
                    // Its connections end with it.
                    _ = stopped.recv() => return,
                }
            }
        });
        Self { host, opened, handshakes, stop }
    }

    /// Ends it, with all its connections.
    pub(super) fn end(&self) {
        runtime().block_on(self.stop.send(())).unwrap();
    }
}

/// Who said it, where, and what.
type Said = (usize, String, Frame);

async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send>(
    stream: S,
    number: usize,
    say: broadcast::Sender<Said>,
    kept: Arc<Mutex<Vec<String>>>,
) {
    let mut heard = say.subscribe();
    let path = Mutex::new(String::new());
    #[expect(clippy::result_large_err, reason = "the library's")]
    let look = |request: &Request, answer: Response| -> Result<Response, ErrorResponse> {
        let headers: Vec<_> =
            request.headers().iter().map(|(name, value)| format!("{name}={}", value.to_str().unwrap())).collect();
        kept.lock().unwrap().push(format!("{} {}", request.uri(), headers.join(" ")));
        request.uri().path().clone_into(&mut path.lock().unwrap());
        let proof = request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
        if request.uri().path() == "/secret" && proof.as_deref() != Some("Basic bWU6czNjcmV0") {
            return Err(tokio_tungstenite::tungstenite::http::Response::builder().status(401).body(None).unwrap());
        }
        Ok(answer)
    };
    let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(stream, look).await else { return };
    let path = path.into_inner().unwrap();
    loop {
        tokio::select! {
            frame = socket.next() => match frame {
                Some(Ok(Frame::Text(text))) if text.as_str() == "please close" => {
                    let frame = CloseFrame { code: 1001.into(), reason: "for the night".into() };
                    drop(socket.close(Some(frame)).await);
                    return;
                }
                Some(Ok(Frame::Text(text))) if text.as_str() == "please repeat" => {
                    drop(socket.send(Frame::text("repeated")).await);
                }
                Some(Ok(Frame::Text(text))) if text.as_str() == "please announce" => {
                    // The head of a message of 1 GiB, and nothing of it.
                    let head = [0x82, 127, 0, 0, 0, 0, 0x40, 0, 0, 0];
                    drop(socket.get_mut().write_all(&head).await);
                }
                Some(Ok(frame @ (Frame::Text(_) | Frame::Binary(_)))) => drop(say.send((number, path.clone(), frame))),
                Some(Ok(_)) => {}
                _ => return,
            },
            said = heard.recv() => match said {
                Ok((of, at, frame)) if of != number && at == path => drop(socket.send(frame).await),
                Ok(_) => {}
                Err(_) => return,
            },
        }
    }
}

fn at(host: &str, path: &str) -> Channel {
    Channel { path: path.to_owned(), ..channel(Protocol::Ws, host, path) }
}

#[test]
fn ws_a_connection_is_shared_by_what_is_sent_and_heard() {
    let hub = Hub::start(None);
    let channels = channels(Network::default(), &hub.host);
    let mut chat = at(&hub.host, "/chat");
    chat.query = vec![("room".to_owned(), "a b&c".to_owned())];
    chat.headers = vec![("x-key".to_owned(), "7".to_owned())];
    let mut peer = Peer::new(&channels);
    let first = peer.subscribe(&chat).unwrap();
    let second = peer.subscribe(&chat).unwrap();
    peer.send(&chat, text("please repeat")).unwrap();
    for subscription in [first, second] {
        let delivery = peer.receive(subscription);
        assert_eq!(payload(&delivery), "repeated");
        assert!(!delivery.is_stored && !delivery.is_redelivered);
    }
    assert_eq!(hub.opened.load(Ordering::SeqCst), 1);
    let handshake = hub.handshakes.lock().unwrap()[0].clone();
    assert!(handshake.starts_with("/chat?room=a%20b%26c ") && handshake.contains("x-key=7"), "{handshake}");
    // Another query is another connection.
    peer.subscribe(&at(&hub.host, "/chat")).unwrap();
    assert_eq!(hub.opened.load(Ordering::SeqCst), 2);
}

#[test]
fn ws_text_and_bytes_keep_their_kinds() {
    let hub = Hub::start(None);
    let channels = channels(Network::default(), &hub.host);
    let room = at(&hub.host, "/room");
    let (mut one, mut other) = (Peer::new(&channels), Peer::new(&channels));
    let heard = other.subscribe(&room).unwrap();
    for (bytes, content_type) in
        [(&b"plain"[..], None), (&[0xff, 0][..], None), (b"abc", Some("application/octet-stream"))]
    {
        let message =
            Message { payload: bytes.to_vec(), content_type: content_type.map(str::to_owned), ..Message::default() };
        one.send(&room, message).unwrap();
        assert_eq!(other.receive(heard).message.payload, bytes);
    }
}

#[test]
fn ws_what_it_has_no_place_for_is_refused_by_name() {
    let hub = Hub::start(None);
    let channels = channels(Network::default(), &hub.host);
    let room = at(&hub.host, "/room");
    let mut peer = Peer::new(&channels);
    let with = |name: &str| Message { headers: vec![(name.to_owned(), "1".to_owned())], ..text("x") };
    let refused = peer.send(&room, with("trace")).unwrap_err();
    assert!(refused.message.contains("header `trace`") && !refused.in_doubt, "{}", refused.message);
    let refused = peer.send(&room, Message { key: Some("k".to_owned()), ..text("x") }).unwrap_err();
    assert!(refused.message.contains("a key"), "{}", refused.message);
    let odd = bound(room.clone(), arazzo::json!({ "method": "GET", "compression": "gzip" }));
    let refused = peer.subscribe(&odd).unwrap_err();
    assert!(refused.message.contains("`compression`"), "{}", refused.message);
    let odd = bound(room, arazzo::json!({ "method": "POST", "bindingVersion": "0.1.0" }));
    let refused = peer.subscribe(&odd).unwrap_err();
    assert!(refused.message.contains("`method`") && refused.message.contains("RFC 6455"), "{}", refused.message);
}

#[test]
fn ws_a_message_that_is_too_large_ends_its_subscription_alone() {
    let hub = Hub::start(None);
    let channels = channels(Network::default(), &hub.host);
    let room = at(&hub.host, "/room");
    let (mut one, mut other) = (Peer::new(&channels), Peer::new(&channels));
    let small = other.subscribe_with(&room, 15_000, 10).unwrap();
    let large = other.subscribe(&room).unwrap();
    one.send(&room, text("0123456789a")).unwrap();
    let lost = other.lost(small);
    assert_eq!(lost.kind, FailureKind::BodyTooLarge);
    assert!(lost.message.contains("11 bytes") && lost.message.contains("10 are the limit"), "{}", lost.message);
    assert_eq!(payload(&other.receive(large)), "0123456789a");
}

#[test]
fn ws_a_message_that_says_it_is_too_large_is_not_waited_for() {
    let hub = Hub::start(None);
    let channels = channels(Network::default(), &hub.host);
    let room = at(&hub.host, "/room");
    let mut peer = Peer::new(&channels);
    let heard = peer.subscribe(&room).unwrap();
    peer.send(&room, text("please announce")).unwrap();
    let lost = peer.lost(heard);
    assert_eq!(lost.kind, FailureKind::BodyTooLarge);
    assert!(lost.message.contains("1073741824 bytes") && lost.message.contains("1048576 are"), "{}", lost.message);
}

#[test]
fn ws_a_connection_that_ends_is_lost_with_its_reason() {
    let hub = Hub::start(None);
    let channels = channels(Network::default(), &hub.host);
    let room = at(&hub.host, "/room");
    let mut peer = Peer::new(&channels);
    let heard = peer.subscribe(&room).unwrap();
    peer.send(&room, text("please close")).unwrap();
    let lost = peer.lost(heard);
    is_lost(&lost, &hub.host);
    assert!(lost.message.contains("1001 for the night"), "{}", lost.message);
    // It is opened again for what is asked for next, and only then.
    let heard = peer.subscribe(&room).unwrap();
    hub.end();
    is_lost(&peer.lost(heard), &hub.host);
    // A connection that nobody wants any more is closed.
    peer.close();
}

#[test]
fn ws_a_credential_is_sent_and_a_refused_one_is_named() {
    let hub = Hub::start(None);
    let channels = channels(Network::default(), &hub.host);
    let mut peer = Peer::new(&channels);
    let secret = at(&hub.host, "/secret");
    assert!(peer.subscribe(&Channel { login: password("me", "s3cret"), ..secret.clone() }).is_ok());
    let refused = peer.subscribe(&Channel { login: password("me", "wr0ng"), ..secret.clone() }).unwrap_err();
    assert_eq!(refused.kind, FailureKind::NotLetIn);
    assert!(refused.message.contains("HTTP basic") && refused.message.contains("401"), "{}", refused.message);
    assert!(!refused.message.contains("wr0ng"));
    let missing = peer.subscribe(&secret).unwrap_err();
    assert!(missing.message.contains("none was given"), "{}", missing.message);
}

#[test]
fn ws_a_server_that_is_absent_or_denied_is_not_reached() {
    absent_and_denied(|host| at(host, "/"));
    // One that speaks something else.
    let server = crate::server::daytona(&["started"]);
    let host = server.url().trim_start_matches("http://").to_owned();
    let mut peer = Peer::new(&channels(Network::default(), &host));
    let other = peer.subscribe(&at(&host, "/")).unwrap_err();
    assert_eq!(other.kind, FailureKind::NotLetIn);
    assert!(other.message.contains("handshake") && other.message.contains(&host), "{}", other.message);
}

#[test]
fn wss_trusts_the_authorities_that_were_given() {
    let authority = Authority::new();
    let hub = Hub::start(Some(authority.server(&["chat.example"])));
    let folder = folder("wss");
    let file = folder.join("ca.pem");
    std::fs::write(&file, authority.pem()).unwrap();
    let port = hub.host.rsplit(':').next().unwrap();
    let mut network = Network::default();
    network.connect_to.push(format!("chat.example:443:127.0.0.1:{port}").parse().unwrap());
    let room =
        Channel { protocol: Protocol::Wss, login: password("me", "s3cret"), ..at("chat.example:443", "/secret") };
    let mut stranger = Peer::new(&channels(network.clone(), "chat.example"));
    let unsafe_ = stranger.subscribe(&room).unwrap_err();
    assert_eq!(unsafe_.kind, FailureKind::Tls, "{}", unsafe_.message);
    network.authorities = Some(file);
    let mut peer = Peer::new(&channels(network, "chat.example"));
    let heard = peer.subscribe(&room).unwrap();
    peer.send(&room, text("please repeat")).unwrap();
    assert_eq!(payload(&peer.receive(heard)), "repeated");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn ws_a_credential_goes_where_its_scheme_says() {
    let hub = Hub::start(None);
    let folder = crate::cli::Folder::new();
    let send = "- { stepId: say, channelPath: '{$sourceDescriptions.chat.url}#/channels/room', action: send, requestBody: { payload: { text: hi } } }";
    folder.write(
        "flow.yaml",
        format!("arazzo: 1.1.0\ninfo: {{ title: t, version: '1' }}\nsourceDescriptions: [{{ name: chat, url: chat.yaml, type: asyncapi }}]\nworkflows: [{{ workflowId: wf, steps: [\n{}] }}]\n", send.trim_start_matches("- ")),
    );
    let run = |scheme: &str, given: &[&str]| {
        folder.write(
            "chat.yaml",
            format!(
                "asyncapi: 3.0.0\ninfo: {{ title: t, version: '1' }}\ndefaultContentType: application/json\nservers: {{ hub: {{ host: '{}', protocol: ws, security: [{{ $ref: '#/components/securitySchemes/k' }}] }} }}\nchannels: {{ room: {{ address: /room, messages: {{ m: {{ payload: {{ type: object }} }} }} }} }}\ncomponents: {{ securitySchemes: {{ k: {scheme} }} }}\n",
                hub.host
            ),
        );
        crate::cli::Arazzo::new(["run", "flow.yaml", "-vv"]).args(given.iter().copied()).cwd(folder.path()).run()
    };
    let last = || hub.handshakes.lock().unwrap().last().unwrap().clone();
    let key = ["--auth", "k=QUERYKEY99:x"];
    run("{ type: httpApiKey, in: query, name: key }", &key).exits(0).never_says(&["QUERYKEY99"]);
    assert!(last().starts_with("/room?key=QUERYKEY99%3Ax ") && !last().contains("authorization"), "{}", last());
    run("{ type: httpApiKey, in: header, name: X-Key }", &key).exits(0);
    assert!(last().contains("x-key=QUERYKEY99:x") && !last().contains("authorization"), "{}", last());
    run("{ type: httpApiKey, in: cookie, name: sid }", &key).exits(0);
    assert!(last().contains("cookie=sid=QUERYKEY99:x"), "{}", last());
    run("{ type: http, scheme: bearer }", &key).exits(0);
    assert!(last().contains("authorization=Bearer QUERYKEY99:x"), "{}", last());
    run("{ type: http, scheme: basic }", &["-u", "me:s3cret"]).exits(0);
    assert!(last().contains("authorization=Basic bWU6czNjcmV0"), "{}", last());
    let refused = run("{ type: X509 }", &key);
    refused.exits(1).says(&["no-credentials", "`k`", "X509"]).never_says(&["QUERYKEY99"]);
}
