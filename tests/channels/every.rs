//! What holds for every protocol, of runs of the built command against a real server: a hundred questions get their own
//! answers between those of others, nothing shows a secret, Ctrl-C says goodbye, a run that was killed hears what its server
//! kept, a server that vanishes and a credential that is refused are named.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::Child;
use std::time::Instant;

use super::*;
use crate::cli::{Arazzo, Folder};
use crate::tls::{Authority, Identity};

/// Where a message says which question it answers.
#[derive(Clone, Copy, PartialEq)]
enum IdPlace {
    Payload,
    Header,
    /// The protocol's own field.
    Field,
}

/// A protocol, as its documents and its servers know it.
pub(super) struct Manner {
    pub(super) scheme: &'static str,
    protocol: Protocol,
    /// The addresses of questions and of answers.
    addresses: [&'static str; 2],
    bindings: &'static str,
    id: IdPlace,
    /// `true` if a server gives a run its own messages back.
    echoes: bool,
    /// `true` if it keeps what comes while nobody listens.
    keeps: bool,
}

/// The key of journals.
const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

const TOPIC: &str = "{ amqp: { is: routingKey, exchange: { name: amq.topic, type: topic } } }";

const QUEUE: &str = "{ amqp: { is: queue } }";

pub(super) const fn manner(scheme: &'static str) -> Manner {
    let (protocol, addresses, bindings, id, (echoes, keeps)) = match scheme.as_bytes() {
        b"ws" => (Protocol::Ws, ["/talk", "/talk"], "{}", IdPlace::Payload, (false, false)),
        b"http" => (Protocol::Http, ["/asked", "/told"], "{}", IdPlace::Payload, (false, true)),
        b"mqtt" => (Protocol::Mqtt, ["talk", "talk"], "{}", IdPlace::Payload, (true, false)),
        b"mqtt5" => (Protocol::Mqtt5, ["talk", "talk"], "{}", IdPlace::Field, (false, false)),
        b"nats" => (Protocol::Nats, ["talk", "talk"], "{}", IdPlace::Header, (false, false)),
        b"kafka" => (Protocol::Kafka, ["talk", "talk"], "{}", IdPlace::Header, (true, true)),
        b"amqp" => (Protocol::Amqp, ["talk", "talk"], TOPIC, IdPlace::Field, (true, false)),
        _ => panic!("no such protocol"),
    };
    Manner { scheme, protocol, addresses, bindings, id, echoes, keeps }
}

/// AMQP by queues, which are there.
#[cfg(feature = "channel-amqp")]
pub(super) const fn queues(addresses: [&'static str; 2]) -> Manner {
    Manner { addresses, bindings: QUEUE, echoes: false, keeps: true, ..manner("amqp") }
}

/// A log in which a server says how clients went, and its words for one that said goodbye and one that did not.
pub(super) struct Farewells {
    pub(super) log: PathBuf,
    pub(super) clean: &'static str,
    pub(super) unclean: &'static str,
}

impl Farewells {
    fn text(&self) -> String {
        let files: Vec<PathBuf> = match std::fs::read_dir(&self.log) {
            Ok(files) => files.map(|file| file.unwrap().path()).collect(),
            Err(_) => vec![self.log.clone()],
        };
        files.iter().map(|file| String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned()).collect()
    }

    /// How many said goodbye, and how many did not.
    fn count(&self) -> (usize, usize) {
        let text = self.text();
        (text.matches(self.clean).count(), text.matches(self.unclean).count())
    }

    /// One more client has said goodbye.
    fn have_grown(&self, (clean, unclean): (usize, usize)) {
        let began = Instant::now();
        while self.count().0 == clean {
            assert!(began.elapsed() < PATIENCE, "{}", self.text());
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(self.count().1, unclean, "{}", self.text());
    }
}

/// A server.
pub(super) struct Side<'s> {
    pub(super) manner: Manner,
    pub(super) host: String,
    pub(super) farewells: Option<Farewells>,
    /// Ends it, as a crash does.
    pub(super) end: Box<dyn FnOnce() + 's>,
}

const FLOW: &str = "arazzo: 1.1.0
info: { title: Questions, version: '1' }
sourceDescriptions: [{ name: talk, url: events.yaml, type: asyncapi }]
workflows:
  - workflowId: ask
    inputs: { type: object, required: [token], properties: { token: { type: string, format: password } } }
    steps:
STEPS    outputs: { OUTPUTS }
";

const EVENTS: &str = "asyncapi: 3.0.0
info: { title: Questions, version: '1' }
defaultContentType: application/json
servers: { server: { host: 'HOST', protocol: SCHEME, security: [SECURITY] } }
channels:
  asked:
    address: ASKED
    bindings: BINDINGS
    messages:
      question: { headers: { type: object, properties: { correlationId: { type: string } } }, payload: { type: object, required: [ask] } }
  told:
    address: TOLD
    bindings: BINDINGS
    messages:
      answer: { LOCATION payload: { type: object, properties: { id: { type: string }, number: { type: integer } } } }
operations:
  ask: { action: receive, channel: { $ref: '#/channels/asked' } }
  tell: { action: send, channel: { $ref: '#/channels/told' } }
components: { securitySchemes: { login: SECURITY_OF } }
";

impl Side<'_> {
    /// One that does not end.
    #[cfg(feature = "channel-amqp")]
    pub(super) fn of(manner: Manner, host: String) -> Self {
        Self { manner, host, farewells: None, end: Box::new(|| {}) }
    }

    fn at(&self, address: &str) -> Channel {
        let manner = &self.manner;
        let path = if matches!(manner.protocol, Protocol::Ws | Protocol::Http) { address } else { "" };
        let at = Channel { path: path.to_owned(), ..channel(manner.protocol, &self.host, address) };
        let exchange = arazzo::json!({ "is": "routingKey", "exchange": { "name": "amq.topic", "type": "topic" } });
        match manner.bindings {
            TOPIC => bound(at, exchange),
            QUEUE => bound(at, arazzo::json!({ "is": "queue" })),
            _ => at,
        }
    }

    /// A run that asks so many questions.
    fn run(&self, folder: &Folder, questions: usize, more: &[&str]) -> Child {
        write(folder, &self.manner, &self.host, questions, None);
        let run = Arazzo::new(["run", "flow.yaml", "-s", "token"]).args(more.iter().copied());
        let run = run.env("ARAZZO_SECRET_token", "t-kanarie-0042").env("ARAZZO_STATE_KEY", KEY);
        run.cwd(folder.path()).spawn()
    }

    /// An answer.
    fn answer(&self, id: &str, number: i64) -> Message {
        let (mut headers, mut correlation) = (vec![], None);
        match self.manner.id {
            IdPlace::Payload => {}
            IdPlace::Header => headers.push(("correlationId".to_owned(), id.to_owned())),
            IdPlace::Field => correlation = Some(id.to_owned()),
        }
        // Elsewhere the payload says nothing of it.
        let id = if self.manner.id == IdPlace::Payload { format!("\"id\":\"{id}\",") } else { String::new() };
        let payload = format!("{{{id}\"secret\":\"t-kanarie-0042\",\"number\":{number}}}");
        Message { headers, correlation, ..text(&payload) }
    }

    /// A hundred questions, each with its own id, one after the other. Every fifth answer comes behind one for another.
    fn a_hundred_are_answered(&self, channels: &Arc<dyn Channels>) {
        let folder = Folder::new();
        let (mut shop, mut other) = (Peer::new(channels), Peer::new(channels));
        let [asked, told] = self.manner.addresses.map(|address| self.at(address));
        let heard = shop.subscribe(&asked).unwrap();
        let mut child = self.run(&folder, 100, &["--json"]);
        let mut stdout = child.stdout.take().unwrap();
        let said = std::thread::spawn(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).map(|_| text)
        });
        for number in 0..100 {
            let id = next_question(&mut shop, heard, self.manner.id);
            assert_eq!(id, format!("q-{number}"));
            if number % 5 == 0 {
                other.send(&told, self.answer(&format!("of another {number}"), -1)).unwrap();
            }
            shop.send(&told, self.answer(&id, number)).unwrap();
        }
        let output = child.wait_with_output().unwrap();
        let said = said.join().unwrap().unwrap();
        assert_eq!(output.status.code(), Some(0), "{said}{}", String::from_utf8_lossy(&output.stderr));
        assert!(!said.contains("kanarie"), "{said}");
        let events: Vec<serde_json::Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let count = |of: &[(&str, &str)]| {
            events.iter().filter(|event| of.iter().all(|(name, value)| event[*name] == *value)).count()
        };
        assert_eq!((count(&[("type", "message.sent")]), count(&[("type", "message.received")])), (100, 100), "{said}");
        let ignored = |because| count(&[("type", "message.ignored"), ("because", because)]);
        let (own, foreign) = (ignored("own"), ignored("correlation"));
        // A hundred of each channel are shown, and then counted.
        match self.manner.echoes {
            true => assert!(own + foreign == 100 && own > 75 && foreign > 15, "{own} {foreign} {said}"),
            false => assert_eq!((own, foreign), (0, 20), "{said}"),
        }
        let outputs = &events.last().unwrap()["outputs"];
        assert!((0..100).all(|number| outputs[format!("n{number}")] == number), "{outputs}");
        shop.close();
        other.close();
    }

    /// `-vv` shows messages, and no secret in them.
    fn messages_are_shown_without_secrets(&self, channels: &Arc<dyn Channels>) {
        let folder = Folder::new();
        let mut shop = Peer::new(channels);
        let [asked, told] = self.manner.addresses.map(|address| self.at(address));
        let heard = shop.subscribe(&asked).unwrap();
        let child = self.run(&folder, 1, &["-vv"]);
        let id = next_question(&mut shop, heard, self.manner.id);
        shop.send(&told, self.answer(&id, 7)).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{said}");
        for words in ["\"ask\":\"tea\"", "\"token\":\"‹token›\"", "\"secret\":\"‹token›\"", "\"number\":7"] {
            assert!(said.contains(words), "{words} in {said}");
        }
        assert!(!said.contains("kanarie"), "{said}");
        shop.close();
    }

    /// Ctrl-C while an answer is waited for.
    fn an_interrupted_run_says_goodbye(&self, channels: &Arc<dyn Channels>) {
        let folder = Folder::new();
        let mut shop = Peer::new(channels);
        let heard = shop.subscribe(&self.at(self.manner.addresses[0])).unwrap();
        let before = self.farewells.as_ref().map(Farewells::count);
        let mut child = self.run(&folder, 1, &["--json"]);
        next_question(&mut shop, heard, self.manner.id);
        wait_until_sent(&mut child);
        let signal = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        assert!(signal.unwrap().success());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(130), "{said}");
        assert!(said.contains("interrupted") && !said.contains("panicked"), "{said}");
        if let (Some(farewells), Some(before)) = (&self.farewells, before) {
            farewells.have_grown(before);
        }
        shop.close();
    }

    /// A run is killed while it waits, and its answer comes before it goes on: it is heard where the server keeps it.
    pub(super) fn a_killed_run_hears_what_was_kept(&self, channels: &Arc<dyn Channels>) {
        let folder = Folder::new();
        let mut shop = Peer::new(channels);
        let [asked, told] = self.manner.addresses.map(|address| self.at(address));
        let heard = shop.subscribe(&asked).unwrap();
        let mut child = self.run(&folder, 1, &["--json", "--journal=runs.db"]);
        let id = next_question(&mut shop, heard, self.manner.id);
        let mut events = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut come = |of: &str| assert!(events.any(|event| event.unwrap().contains(of)), "{of}");
        come("\"message.sent\"");
        shop.send(&told, self.answer("of another", -1)).unwrap();
        come("\"because\":\"correlation\"");
        let kept = |words: &[&str]| {
            let command = Arazzo::new(words.iter().copied()).args(["--journal", "runs.db"]);
            command.env("ARAZZO_STATE_KEY", KEY).cwd(folder.path()).run()
        };
        let list = kept(&["runs", "list", "--json"]);
        let run = serde_json::from_str::<serde_json::Value>(&list.stdout).unwrap()["id"].clone();
        let run = run.as_str().unwrap();
        // What was said may not be on the disk yet.
        while !kept(&["runs", "show", run, "--json"]).stdout.contains("\"because\":\"correlation\"") {
            std::thread::sleep(Duration::from_millis(20));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        shop.send(&told, self.answer(&id, 7)).unwrap();
        let resumed = kept(&["runs", "resume", run, "--no-input"]);
        if !self.manner.keeps {
            resumed.exits(4).says(&["connection-lost", "what came since is not known"]);
            shop.close();
            return;
        }
        resumed.exits(0).prints(&serde_json::json!({ "n0": 7 }));
        kept(&["runs", "export", run, "-o", "run.ndjson"]).exits(0);
        Arazzo::new(["replay", "run.ndjson"]).cwd(folder.path()).run().exits(0);
        shop.close();
    }

    /// The server ends while an answer is waited for.
    fn who_vanished_is_said(self, channels: &Arc<dyn Channels>) {
        let folder = Folder::new();
        let mut shop = Peer::new(channels);
        let heard = shop.subscribe(&self.at(self.manner.addresses[0])).unwrap();
        let mut child = self.run(&folder, 1, &["--json"]);
        next_question(&mut shop, heard, self.manner.id);
        // The shop may have the message before the run knows that it was taken.
        wait_until_sent(&mut child);
        (self.end)();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(4), "{said}");
        assert!(said.contains("connection-lost") && said.contains(&self.host), "{said}");
    }

    /// All of it.
    pub(super) fn keeps_its_promises(self) {
        eprintln!("{} at {}", self.manner.scheme, self.host);
        let channels = channels(Network::default(), &self.host);
        self.a_hundred_are_answered(&channels);
        self.messages_are_shown_without_secrets(&channels);
        self.an_interrupted_run_says_goodbye(&channels);
        self.a_killed_run_hears_what_was_kept(&channels);
        self.who_vanished_is_said(&channels);
    }
}

/// The documents of a run that asks so many questions; a scheme of security, if its server has one.
fn write(folder: &Folder, manner: &Manner, host: &str, questions: usize, security: Option<&str>) {
    let parameter = match manner.id {
        IdPlace::Payload => "",
        IdPlace::Header | IdPlace::Field => "parameters: [{ name: correlationId, in: header, value: q-N }], ",
    };
    let location = match manner.id {
        IdPlace::Payload => "correlationId: { location: $message.payload#/id },",
        IdPlace::Header => "correlationId: { location: $message.header#/correlationId },",
        IdPlace::Field => "",
    };
    let step = format!(
        "      - {{ stepId: askN, operationId: ask, action: send, {parameter}requestBody: {{ payload: {{ id: q-N, ask: tea, token: $inputs.token }} }} }}\n      - {{ stepId: toldN, operationId: tell, action: receive, correlationId: q-N, timeout: 60000, outputs: {{ number: $message.payload#/number }} }}\n"
    );
    let numbered = |text: &str| (0..questions).map(|number| text.replace('N', &number.to_string())).collect::<String>();
    let flow = FLOW.replace("STEPS", &numbered(&step));
    folder.write("flow.yaml", flow.replace("OUTPUTS", &numbered("nN: $steps.toldN.outputs.number, ")));
    let [asked, told] = manner.addresses;
    let events = EVENTS.replace("SECURITY_OF", security.unwrap_or("{ type: X509 }"));
    let named = security.map_or("", |_| "{ $ref: '#/components/securitySchemes/login' }");
    let filled = [
        ("SECURITY", named),
        ("HOST", host),
        ("SCHEME", manner.scheme),
        ("ASKED", asked),
        ("TOLD", told),
        ("BINDINGS", manner.bindings),
        ("LOCATION", location),
    ];
    folder.write("events.yaml", filled.iter().fold(events, |text, (name, value)| text.replace(name, value)));
}

/// The id of the next question; answers come to the same address.
fn next_question(shop: &mut Peer, heard: SubscriptionId, place: IdPlace) -> String {
    loop {
        let Delivery { message, .. } = shop.receive(heard);
        let payload: serde_json::Value = serde_json::from_slice(&message.payload).unwrap();
        if payload["ask"] != "tea" {
            continue;
        }
        let header =
            || message.headers.iter().find(|(name, _)| name == "correlationId").map(|(_, value)| value.clone());
        return match place {
            IdPlace::Payload => payload["id"].as_str().map(str::to_owned),
            IdPlace::Header => header(),
            IdPlace::Field => message.correlation.clone(),
        }
        .unwrap();
    }
}

/// Reads events until the message was taken.
fn wait_until_sent(child: &mut Child) {
    let mut events = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(events.any(|event| event.unwrap().contains("\"message.sent\"")));
    // What is printed afterwards is read, so that it can be.
    std::thread::spawn(move || events.for_each(drop));
}

/// The side of a protocol; nothing, after saying so, where its server is not installed.
fn start(scheme: &'static str) -> Option<Side<'static>> {
    let manner = manner(scheme);
    match scheme {
        #[cfg(feature = "channel-ws")]
        "ws" => {
            let hub = ws::Hub::start(None);
            Some(Side { manner, host: hub.host.clone(), farewells: None, end: Box::new(move || hub.end()) })
        }
        #[cfg(feature = "channel-http")]
        "http" => {
            let server = sse::Streams::start(true);
            Some(Side { manner, host: server.host.clone(), farewells: None, end: Box::new(move || server.end()) })
        }
        #[cfg(feature = "channel-mqtt")]
        "mqtt" | "mqtt5" => {
            let more = format!("{}\nlog_dest file HERE/log\nlog_type all", mqtt::OPEN);
            let mut broker = mqtt::mosquitto(&more)?;
            let log = broker.folder.join("log");
            let farewells = Farewells { log, clean: " disconnected.", unclean: "closed its connection" };
            let host = broker.host();
            Some(Side { manner, host, farewells: Some(farewells), end: Box::new(move || broker.kill()) })
        }
        #[cfg(feature = "channel-nats")]
        "nats" => {
            let mut broker = nats::nats(&[])?;
            Some(Side { manner, host: broker.host(), farewells: None, end: Box::new(move || broker.kill()) })
        }
        #[cfg(feature = "channel-kafka")]
        "kafka" => {
            let mut broker = kafka::tansu(None, &[])?;
            kafka::create(&broker, "talk", 2);
            Some(Side { manner, host: broker.host(), farewells: None, end: Box::new(move || broker.kill()) })
        }
        _ => None,
    }
}

/// Those that are here at once; AMQP, whose server takes ten seconds to start, is in `amqp.rs`.
#[test]
fn every_protocol_gives_a_run_its_own_answers_hides_secrets_says_goodbye_and_who_vanished() {
    for scheme in ["ws", "http", "mqtt", "mqtt5", "nats", "kafka"] {
        if let Some(side) = start(scheme) {
            side.keeps_its_promises();
        }
    }
}

/// A run with a credential that its server refuses.
pub(super) fn names_the_scheme_that_was_refused(scheme: &'static str, host: &str, security: &str, says: &[&str]) {
    let folder = Folder::new();
    let mut manner = manner(scheme);
    if matches!(manner.protocol, Protocol::Ws | Protocol::Http) {
        manner.addresses = ["/secret"; 2];
    }
    write(&folder, &manner, host, 1, Some(security));
    let run = Arazzo::new(["run", "flow.yaml", "-s", "token", "--auth", "login=me:wr0ng-kanarie"]);
    let run = run.env("ARAZZO_SECRET_token", "t-kanarie-0042").cwd(folder.path()).run();
    run.exits(4).says(says).says(&[host, "--auth login"]).never_says(&["kanarie"]);
}

#[test]
fn every_protocol_names_the_scheme_whose_credential_was_refused() {
    let user = "{ type: userPassword }";
    #[cfg(feature = "channel-ws")]
    {
        let hub = ws::Hub::start(None);
        names_the_scheme_that_was_refused("ws", &hub.host, "{ type: http, scheme: basic }", &["HTTP basic", "401"]);
        let server = sse::Streams::start(false);
        names_the_scheme_that_was_refused(
            "http",
            &server.host,
            "{ type: http, scheme: bearer }",
            &["bearer token", "401"],
        );
    }
    #[cfg(feature = "channel-mqtt")]
    if let Some((broker, keys)) = mqtt::with_a_user() {
        for scheme in ["mqtt", "mqtt5"] {
            names_the_scheme_that_was_refused(scheme, &broker.host(), user, &["user and password"]);
        }
        std::fs::remove_dir_all(keys).unwrap();
    }
    #[cfg(feature = "channel-nats")]
    if let Some(broker) = nats::nats(&["--user", "me", "--pass", "s3cret"]) {
        names_the_scheme_that_was_refused("nats", &broker.host(), user, &["user and password"]);
    }
    #[cfg(feature = "channel-kafka")]
    if let Some(broker) = kafka::tansu(None, &["--authentication"]) {
        for (kind, says) in
            [("plain", "SASL PLAIN"), ("scramSha256", "SCRAM-SHA-256"), ("scramSha512", "SCRAM-SHA-512")]
        {
            names_the_scheme_that_was_refused("kafka", &broker.host(), &format!("{{ type: {kind} }}"), &[says]);
        }
    }
    let _ = user;
}

/// Messages over TLS to `broker.example`, whose certificate is that of an authority which has to be known; the port that the
/// channel names is that of a server without TLS.
pub(super) fn trusts_the_authorities_that_were_given(channel: &Channel) {
    let (host, port) = channel.host.split_once(':').unwrap();
    let authority = Authority::new();
    let front = front(authority.server(&[host]), port.parse().unwrap());
    let mut network = Network::default();
    network.connect_to.push(format!("{host}:{port}:127.0.0.1:{front}").parse().unwrap());
    let stranger = Peer::new(&channels(network.clone(), host)).subscribe(channel).unwrap_err();
    assert_eq!(stranger.kind, FailureKind::Tls, "{}", stranger.message);
    let folder = Folder::new();
    network.authorities = Some(folder.write("ca.pem", authority.pem()));
    let channels = channels(network, host);
    let (mut one, mut other) = (Peer::new(&channels), Peer::new(&channels));
    let heard = one.subscribe(channel).unwrap();
    other.send(channel, text("safe")).unwrap();
    assert_eq!(payload(&one.receive(heard)), "safe");
    one.close();
    other.close();
}

/// A port that speaks TLS and leads to another one of this machine.
fn front((certificate, key): Identity, to: u16) -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = builder.unwrap().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    runtime().spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        loop {
            let (stream, acceptor) = (listener.accept().await.unwrap().0, acceptor.clone());
            tokio::spawn(async move {
                // A client that does not like the certificate goes away.
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut server = tokio::net::TcpStream::connect(("127.0.0.1", to)).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut server).await;
            });
        }
    });
    port
}

#[cfg(feature = "channel-http")]
#[test]
fn https_trusts_the_authorities_that_were_given() {
    let server = sse::Streams::start(false);
    let (_, port) = server.host.split_once(':').unwrap();
    let at = channel(Protocol::Https, &format!("broker.example:{port}"), "/jobs");
    trusts_the_authorities_that_were_given(&Channel { path: "/jobs".to_owned(), ..at });
}

#[cfg(feature = "channel-kafka")]
#[test]
fn kafka_secure_trusts_the_authorities_that_were_given() {
    let Some(broker) = kafka::tansu(Some("broker.example"), &[]) else { return };
    kafka::create(&broker, "orders", 1);
    let at = channel(Protocol::KafkaSecure, &format!("broker.example:{}", broker.port), "orders");
    trusts_the_authorities_that_were_given(&at);
}
