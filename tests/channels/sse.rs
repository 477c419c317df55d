//! Event streams, against a server in this process: what is posted to a path is an event of its stream, which goes on behind
//! the one that a client has heard last.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

/// What a server knows.
#[derive(Default)]
struct Known {
    /// Who listens to which path.
    listeners: Mutex<Vec<(String, TcpStream)>>,
    /// Events with ids: path, id, text.
    events: Mutex<Vec<[String; 3]>>,
    has_ended: AtomicBool,
}

pub(super) struct Streams {
    pub(super) host: String,
    known: Arc<Known>,
    /// The heads of all requests.
    pub(super) heads: Arc<Mutex<Vec<String>>>,
}

impl Streams {
    /// `with_ids` if events have ids, so that a stream can go on.
    pub(super) fn start(with_ids: bool) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let (known, heads) = (Arc::new(Known::default()), Arc::new(Mutex::new(vec![])));
        let (open, kept) = (known.clone(), heads.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (open, kept) = (open.clone(), kept.clone());
                // A client that goes away is seen by the test from its side.
                std::thread::spawn(move || drop(answer(stream.unwrap(), with_ids, &open, &kept)));
            }
        });
        Self { host, known, heads }
    }

    /// Ends all streams.
    pub(super) fn cut(&self) {
        for (_, stream) in self.known.listeners.lock().unwrap().drain(..) {
            // One that has gone is not there any more.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// As [`Streams::cut`], and nothing is answered any more.
    pub(super) fn end(&self) {
        self.known.has_ended.store(true, Ordering::SeqCst);
        self.cut();
    }
}

fn answer(mut stream: TcpStream, with_ids: bool, known: &Known, kept: &Mutex<Vec<String>>) -> std::io::Result<()> {
    if known.has_ended.load(Ordering::SeqCst) {
        return Ok(());
    }
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? <= 2 {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head.push_str(&line);
    }
    kept.lock().unwrap().push(head.clone());
    let mut words = head.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default().to_owned());
    let mut say = |text: &str| stream.write_all(text.as_bytes());
    if path == "/secret" && !head.contains("Bearer t0ken") {
        return say("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n");
    }
    if path == "/broken" {
        return say("HTTP/1.1 503 Later\r\ncontent-length: 0\r\n\r\n");
    }
    if path == "/page" {
        return say("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\nhi");
    }
    if method == "GET" {
        // What is posted once the client has the head finds its stream.
        let mut open = known.listeners.lock().unwrap();
        say("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\r\nretry: 10\n\n")?;
        if let Some(last) = head.lines().find_map(|line| line.strip_prefix("last-event-id: ")) {
            let events = known.events.lock().unwrap();
            let after = events.iter().filter(|[at, ..]| *at == path).skip_while(|[_, id, _]| id != last).skip(1);
            after.map(|[.., text]| text).try_for_each(|text| say(text))?;
        }
        open.push((path, stream));
        return Ok(());
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body = String::from_utf8(body).unwrap();
    let name = head
        .lines()
        .find_map(|line| line.strip_prefix("x-event: "))
        .map_or_else(String::new, |name| format!("event: {name}\n"));
    let id = if with_ids { format!("id: {body}\n") } else { String::new() };
    let event = format!("{name}{id}data: {body}\n\n");
    // Those that have gone are forgotten.
    let mut open = known.listeners.lock().unwrap();
    if with_ids {
        known.events.lock().unwrap().push([path.clone(), body, event.clone()]);
    }
    open.retain_mut(|(at, listener)| *at != path || listener.write_all(event.as_bytes()).is_ok());
    say("HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
}

fn at(host: &str, path: &str) -> Channel {
    Channel { path: path.to_owned(), ..channel(Protocol::Http, host, path) }
}

#[test]
fn sse_an_event_is_a_message_with_its_name_and_id_as_headers() {
    let server = Streams::start(true);
    let channels = channels(Network::default(), &server.host);
    let mut peer = Peer::new(&channels);
    let jobs = at(&server.host, "/jobs");
    let heard = peer.subscribe(&jobs).unwrap();
    let headers = vec![("x-event".to_owned(), "done".to_owned())];
    let message = Message { headers, content_type: Some("text/plain".to_owned()), ..text("17") };
    peer.send(&jobs, message).unwrap();
    let delivery = peer.receive(heard);
    assert_eq!(payload(&delivery), "17");
    let headers = [("event", "done"), ("id", "17")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(delivery.message.headers, headers);
    let heads = server.heads.lock().unwrap().join("\n").to_ascii_lowercase();
    for wanted in
        ["get /jobs", "accept: text/event-stream", "post /jobs", "content-type: text/plain", "user-agent: arazzo/"]
    {
        assert!(heads.contains(wanted), "{wanted} in {heads}");
    }
}

#[test]
fn sse_a_stream_goes_on_after_its_last_event_and_ends_where_it_cannot() {
    let server = Streams::start(true);
    let channels = channels(Network::default(), &server.host);
    let mut peer = Peer::new(&channels);
    let jobs = at(&server.host, "/jobs");
    let heard = peer.subscribe(&jobs).unwrap();
    peer.send(&jobs, text("1")).unwrap();
    assert_eq!(payload(&peer.receive(heard)), "1");
    server.cut();
    // The next that is posted comes once the stream is open again, which the server sees.
    while server.known.listeners.lock().unwrap().is_empty() {
        std::thread::yield_now();
    }
    peer.send(&jobs, text("2")).unwrap();
    assert_eq!(payload(&peer.receive(heard)), "2");
    let heads = server.heads.lock().unwrap().join("\n");
    assert!(heads.contains("last-event-id: 1"), "{heads}");

    let plain = Streams::start(false);
    let mut peer = Peer::new(&super::channels(Network::default(), &plain.host));
    let heard = peer.subscribe(&at(&plain.host, "/jobs")).unwrap();
    plain.cut();
    is_lost(&peer.lost(heard), &plain.host);
}

#[test]
fn sse_an_answer_that_is_no_stream_says_what_came() {
    let server = Streams::start(false);
    let channels = channels(Network::default(), &server.host);
    let mut peer = Peer::new(&channels);
    for (path, says) in [("/page", "text/html"), ("/broken", "503"), ("/secret", "none was given")] {
        let failure = peer.subscribe(&at(&server.host, path)).unwrap_err();
        let kind = if path == "/secret" { FailureKind::NotLetIn } else { FailureKind::Connect };
        assert_eq!(failure.kind, kind);
        assert!(failure.message.contains(says) && failure.message.contains(&server.host), "{}", failure.message);
    }
    let secret = at(&server.host, "/secret");
    let refused = Channel { login: Some(Login::Token("wr0ng".to_owned())), ..secret.clone() };
    let refused = peer.send(&refused, text("x")).unwrap_err();
    assert!(refused.message.contains("bearer token") && !refused.message.contains("wr0ng"), "{}", refused.message);
    assert!(peer.subscribe(&Channel { login: Some(Login::Token("t0ken".to_owned())), ..secret }).is_ok());
    // What a server cannot do it may have begun.
    let failed = peer.send(&at(&server.host, "/broken"), text("x")).unwrap_err();
    assert!(failed.in_doubt && failed.message.contains("503"), "{}", failed.message);
}

#[test]
fn sse_a_binding_that_is_not_honoured_is_refused_by_name() {
    let server = Streams::start(false);
    let channels = channels(Network::default(), &server.host);
    let mut peer = Peer::new(&channels);
    let jobs = at(&server.host, "/jobs");
    let put = bound(jobs.clone(), arazzo::json!({ "method": "PUT" }));
    peer.send(&put, text("x")).unwrap();
    assert!(server.heads.lock().unwrap().iter().any(|head| head.starts_with("PUT /jobs")));
    assert!(peer.subscribe(&put).unwrap_err().message.contains("`method`"));
    let odd = bound(jobs, arazzo::json!({ "cache": true }));
    assert!(peer.send(&odd, text("x")).unwrap_err().message.contains("`cache`"));
    assert_eq!(server.heads.lock().unwrap().len(), 1);
}

#[test]
fn sse_a_server_that_is_absent_or_denied_is_not_reached() {
    absent_and_denied(|host| at(host, "/"));
}
