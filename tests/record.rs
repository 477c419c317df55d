//! Recordings: every run of the suite replays to the same events from its file, and no secret is in the file.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use arazzo::engine::machine::{Failure, Outgoing, Response};
use arazzo::engine::stand_in::StandIns;
use arazzo::values::Json;
use arazzo::{Clock, Envelope, Inputs, Interrupt, Pending, Recording, Transport};
use base64::Engine as _;
use proptest::prelude::*;

use crate::cli::Folder;
use crate::suite::{Case, canned, files_below, settings, suite_path};

/// Virtual time: it goes on when everything that sleeps has been asked twice.
#[derive(Clone, Default)]
struct Virtual(Arc<Mutex<Sleepers>>);

#[derive(Default)]
struct Sleepers {
    now: Duration,
    due: Vec<(u64, Duration)>,
    next: u64,
}

struct Sleep {
    clock: Virtual,
    id: u64,
    asked: bool,
}

impl Virtual {
    fn after(&self, time: Duration) -> Sleep {
        let mut all = self.0.lock().unwrap();
        let (id, due) = (all.next, all.now + time);
        all.next += 1;
        all.due.push((id, due));
        Sleep { clock: self.clone(), id, asked: false }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let clock = self.clock.clone();
        let mut all = clock.0.lock().unwrap();
        let own = all.due.iter().find(|(id, _)| *id == self.id).unwrap().1;
        let first = all.due.iter().all(|(_, due)| own <= *due);
        if own <= all.now || (self.asked && first) {
            all.now = all.now.max(own);
            return Poll::Ready(());
        }
        self.asked = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.clock.0.lock().unwrap().due.retain(|(id, _)| *id != self.id);
    }
}

impl Clock for Virtual {
    fn wall(&self) -> Duration {
        Duration::from_millis(1_800_000_000_000)
    }

    fn elapsed(&self) -> Duration {
        self.0.lock().unwrap().now
    }

    fn sleep(&self, time: Duration) -> Pending<'_, ()> {
        Box::pin(self.after(time))
    }
}

struct StubReplies(Virtual, Mutex<Vec<Json>>);

impl Transport for StubReplies {
    fn send(&self, _: Outgoing) -> Pending<'_, Result<Response, Failure>> {
        let mut replies = self.1.lock().unwrap();
        let reply = if replies.len() > 1 { replies.remove(0) } else { replies[0].clone() };
        let sleep = self.0.after(Duration::from_millis(reply["after"].as_u64().unwrap_or(10)));
        Box::pin(async move {
            sleep.await;
            canned(&reply)
        })
    }
}

/// An event without what depends on the length of a secret, which its stand-in does not have: the sizes of bodies, and
/// the letters of base64 beside a mask.
fn without_lengths(event: &Envelope) -> String {
    let mut json = Json::of(event);
    if let Some(headers) = json.get_mut("headers").and_then(Json::as_array_mut) {
        headers.retain(|header| header[0] != "content-length");
    }
    let forget = |event: &mut Json| {
        if let Some(body) = event.get_mut("body").and_then(Json::as_object_mut) {
            body.shift_remove("bytes");
        }
    };
    forget(&mut json);
    json.get_mut("request").map(forget);
    let beside = |c: char| c.is_ascii_alphanumeric() || "+/-_=".contains(c);
    let text = json.to_string();
    let mut parts: Vec<String> = text.split_inclusive('›').map(str::to_owned).collect();
    parts.iter_mut().skip(1).for_each(|part| *part = part.trim_start_matches(beside).to_owned());
    parts.concat()
}

#[test]
fn every_run_of_the_suite_replays_to_the_same_events_from_its_file() {
    let (mut replayed, mut hidden) = (0, 0);
    for path in files_below(&suite_path("run"), &["yaml"]) {
        let case = Case::read(&path);
        // Channels need a link: what is recorded of them stands in `channels.rs`.
        let by_channel = case.files.iter().any(|(_, text)| text.starts_with("asyncapi:"));
        if !case.head["cancel"].is_null() || by_channel {
            continue;
        }
        let folder = Folder::new();
        let files: Vec<_> = case.files.iter().map(|(name, text)| folder.write(name, text)).collect();
        let clock = Virtual::default();
        let replies = case.head["replies"].as_array().cloned().unwrap_or_default();
        let set = settings(&case.head["settings"]);
        let mut builder = arazzo::open(&files[0])
            .folder(folder.path())
            .readings(case.head["readings"].as_str().unwrap_or("lenient").parse().unwrap())
            .transport(StubReplies(clock.clone(), Mutex::new(replies)))
            .clock(clock)
            .limits(set.limits)
            .loop_delay(set.loop_delay)
            .require_outputs(set.require_outputs);
        builder = builder.credentials(set.credentials).redirects(set.redirects).cookies(set.cookies);
        let allowed = case.head["settings"]["allowHosts"].as_array().into_iter().flatten();
        builder = allowed.map(|host| host.as_str().unwrap()).fold(builder, arazzo::Builder::allow_host);
        if let Some(server) = set.servers.all {
            builder = builder.server(None, server);
        }
        let description = builder.load_blocking().unwrap();
        let first = description.workflows().next().unwrap().to_owned();
        let workflow = description.workflow(Some(&first)).unwrap();
        let inputs = Inputs::from(case.head["inputs"].as_object().cloned().unwrap_or_default());
        let mut live: Vec<Envelope> = vec![];
        let interrupt = Interrupt::new();
        let run = workflow.record(inputs, &interrupt, |envelope| live.push(envelope.clone()));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (outcome, recording) = runtime.block_on(run).unwrap();
        let recording = recording.unwrap();
        assert_eq!(recording.unlike(), None, "{}", path.display());

        let text = recording.to_text();
        // What no credential is made of is no secret, and events show it too.
        let shown = serde_json::to_string(&live).unwrap().contains("tok-0123456789");
        hidden += usize::from(!shown);
        assert!(shown || !text.contains("tok-0123456789"), "{}: a secret is in the file\n{text}", path.display());
        let read = Recording::parse("run.ndjson", &text).unwrap();
        assert_eq!(read, recording, "{}", path.display());
        assert_eq!(read.changed(description.sources()), Vec::<&str>::new());
        let mut again: Vec<Envelope> = vec![];
        let replay = description.replay(&read, |envelope| again.push(envelope.clone())).unwrap();
        assert_eq!(replay.drifts, vec![], "{}", path.display());
        assert_eq!(again.len(), live.len(), "{}", path.display());
        for (again, live) in again.iter().zip(&live) {
            assert_eq!(without_lengths(again), without_lengths(live), "{}", path.display());
        }
        assert_eq!(replay.outcome.unwrap().exit_code(), outcome.exit_code());
        replayed += 1;
    }
    assert!(replayed > 20 && hidden > 20, "{replayed} {hidden}");
}

/// Letters of every kind, as many as there can be.
fn secret() -> impl Strategy<Value = String> {
    let letter = || {
        prop_oneof![
            3 => any::<char>(),
            2 => proptest::char::range(' ', '~'),
            1 => proptest::char::range('0', '9'),
            1 => proptest::char::range('\0', '\u{1f}'),
        ]
    };
    let of = |length: std::ops::Range<usize>| {
        proptest::collection::vec(letter(), length).prop_map(|letters| letters.into_iter().collect::<String>())
    };
    prop_oneof![8 => of(1..20), 3 => of(20..100), 1 => of(100..5_000)]
}

/// Another secret whose length is in the same class.
fn twin(secret: &str) -> &'static str {
    const TWIN: &str = "QzQzQzQzQzQzQzQzQzQzQzQzQzQzQzQzQzQz";
    let length = match secret.len() {
        _ if secret.chars().count() < 4 => 1,
        0..=7 => 5,
        8..=16 => 10,
        17..=32 => 20,
        _ => 36,
    };
    &TWIN[..length]
}

fn is_number(secret: &str) -> bool {
    secret.trim() == secret && serde_json::from_str::<serde_json::Number>(secret).is_ok()
}

const API: &str = "
openapi: 3.1.0
info: {title: notes, version: '1'}
servers: [{url: https://notes.example}]
paths:
  /notes:
    post:
      operationId: send
      requestBody: {content: {application/json: {schema: {type: object}}}}
      responses: {'200': {description: what was sent}}
";

const FLOW: &str = "
arazzo: 1.0.1
info: {title: notes, version: '1'}
sourceDescriptions: [{name: notes, url: api.yaml, type: openapi}]
workflows:
  - workflowId: send
    inputs: {type: object, properties: {key: {type: string, format: password}}}
    steps:
      - stepId: first
        operationId: send
        requestBody: {contentType: application/json, payload: {key: $inputs.key}}
        outputs: {all: $response.body, plain: $response.body#/plain, length: $response.header.X-Length}
      - stepId: second
        operationId: send
        requestBody: {contentType: application/json, payload: {key: $steps.first.outputs.plain}}
";

/// The answer of a server that gives back what it got, in many forms.
fn echo(secret: &str) -> Response {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let mut body = serde_json::json!({ "plain": secret, "of": ["note", { "held": format!("<{secret}>") }] });
    // Fewer bytes are not looked for in these.
    if secret.len() >= 8 {
        let token = URL_SAFE_NO_PAD.encode(format!("key={secret};"));
        let percent = arazzo::engine::openapi::encode::percent(secret);
        let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        body["forms"] = serde_json::json!([format!("e30.{token}.sig"), format!("/x?k={percent}&l=1"), hex]);
    }
    let body = body.to_string().into_bytes();
    let headers = [("content-type", "application/json".to_owned()), ("content-length", body.len().to_string())];
    let headers = headers.map(|(name, value)| (name.to_owned(), value)).to_vec();
    Response { status: 200, headers, body }
}

struct Echo(String);

impl Transport for Echo {
    fn send(&self, _: Outgoing) -> Pending<'_, Result<Response, Failure>> {
        let response = echo(&self.0);
        Box::pin(async move { Ok(response) })
    }
}

/// The text of a recording with this secret, and whether its replay would be unlike the run.
fn recorded(folder: &Folder, secret: &str) -> (String, bool) {
    let description = arazzo::open(folder.path().join("flow.yaml"))
        .allow_host("notes.example")
        .transport(Echo(secret.to_owned()))
        .clock(Virtual::default())
        .load_blocking()
        .unwrap();
    let workflow = description.workflow(None).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let interrupt = Interrupt::new();
    let run = workflow.record(Inputs::new().set("key", secret), &interrupt, |_| {});
    let (outcome, recording) = runtime.block_on(run).unwrap();
    assert_eq!(outcome.exit_code(), 0, "{outcome:?}");
    let recording = recording.unwrap();
    let replay = description.replay(&recording, |_| {}).unwrap();
    assert_eq!(replay.drifts, vec![]);
    let text = recording.to_text();
    let (head, rest) = text.split_once('\n').unwrap();
    let mut head: Json = serde_json::from_str(head).unwrap();
    head["run"] = Json::Null;
    (format!("{head}\n{rest}"), recording.unlike().is_some())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Nothing of a secret is in a recording but the class of its length: with another of that class, the file is the
    /// same, byte for byte.
    #[test]
    fn a_recording_with_another_secret_of_the_same_length_class_is_the_same_file(secret in secret()) {
        prop_assume!(secret.chars().count() >= 4 && !is_number(&secret));
        let folder = Folder::new();
        folder.write("api.yaml", API);
        folder.write("flow.yaml", FLOW);
        let (other, unlike) = recorded(&folder, twin(&secret));
        prop_assert!(!unlike);
        // What stands in the file anyway cannot be told from it.
        prop_assume!(!other.contains(&secret) && !FLOW.contains(&secret));
        let (text, unlike) = recorded(&folder, &secret);
        prop_assert_eq!(text, other);
        prop_assert!(!unlike);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The stand-in of a secret is that of another of its class, and so shares no three characters with it but those
    /// that any stand-in of this name and number has.
    #[test]
    fn a_stand_in_has_nothing_of_its_secret(secret in secret(), name in "[ -~]{0,20}", number in 0_usize..40) {
        prop_assume!(!is_number(&secret));
        let of = |secret: &str| {
            let mut stand_ins = StandIns::default();
            (0..number).for_each(|other| drop(stand_ins.of_text("other", &format!("another secret {other}"))));
            stand_ins.of_text(&name, secret)
        };
        let (stand_in, other) = (of(&secret), of(twin(&secret)));
        prop_assert_eq!(&stand_in, &other);
        let letters: Vec<char> = secret.chars().collect();
        let known = |part: &[char]| {
            let part: String = part.iter().collect();
            stand_in.contains(&part) && !other.contains(&part)
        };
        prop_assert!(!letters.windows(3).any(known));
        prop_assert!(stand_in.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
    }

    /// Different secrets have different stand-ins, whatever they are called.
    #[test]
    fn no_two_secrets_have_one_stand_in(secrets in proptest::collection::btree_set((secret(), "[a-z0-9-]{0,9}"), 1..20)) {
        let mut stand_ins = StandIns::default();
        let secrets: BTreeMap<String, String> = secrets.into_iter().collect();
        let made: BTreeSet<String> = secrets.iter().map(|(secret, name)| stand_ins.of_text(name, secret)).collect();
        prop_assert_eq!(made.len(), secrets.len());
    }
}
