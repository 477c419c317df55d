//! What is fuzzed, one function an entry point: bytes in, no panic, and what must always hold. The fuzz targets call
//! them, and so does a brief test on stable (fuzzed.rs of the engine's suites).

use std::borrow::Cow;
use std::str::from_utf8;

use arazzo_engine::compile::compile;
use arazzo_engine::expr::eval::{Answer, Exchange, Lookup, Sent, fill};
use arazzo_engine::expr::{
    DeclaredDocument, DeclaredInput, DeclaredSteps, Scope, StepId, condition, jsonpath, parse, pattern, xpath,
};
use arazzo_engine::gate;
use arazzo_engine::json;
use arazzo_engine::load::{Fetched, LoadOptions, Loader, Need};
use arazzo_engine::machine::{Input, Machine, Response};
use arazzo_engine::openapi::encode::{self, Serialization, Style};
use arazzo_engine::openapi::join::join;
use arazzo_engine::openapi::path;
use arazzo_engine::program::WorkflowId;
use arazzo_engine::readings::Readings;
use arazzo_engine::redact::Redactor;
use arazzo_engine::value::{Json, Value};

const PETS: &str = "\
openapi: 3.1.0
info: {title: Pets, version: 1.0.0}
servers: [{url: 'http://127.0.0.1:9'}]
paths:
  /pets:
    get:
      operationId: listPets
      responses: {'200': {description: All of them}}
";

const FLOW: &str = "\
arazzo: 1.0.1
info: {title: Pets, version: 1.0.0}
sourceDescriptions: [{name: pets, url: pets.yaml, type: openapi}]
workflows:
- workflowId: look
  steps:
  - stepId: all
    operationId: listPets
    onFailure: [{name: again, type: retry, retryAfter: 1, retryLimit: 3}]
";

fn begun(flow: &[u8]) -> Option<Machine> {
    let mut loader = Loader::new("file:///flow.yaml", "flow.yaml", LoadOptions::default());
    let mut first = true;
    while let Need::Asks(asks) = loader.need() {
        for ask in asks {
            let bytes = if first { flow.to_vec() } else { PETS.as_bytes().to_vec() };
            let uri = ask.candidates.first().map(|candidate| candidate.uri.clone()).unwrap_or_default();
            loader.give(&ask, Ok(Fetched { name: uri.clone(), uri, content: bytes.into() }));
        }
        first = false;
    }
    let (bundle, found, sources) = loader.finish();
    let bundle = bundle?;
    for diagnostic in &found {
        let _ = diagnostic.render(&sources, false, 80);
    }
    let compiled = compile(&bundle, found, Readings::Lenient);
    for diagnostic in compiled.workflows.iter().flatten() {
        let _ = diagnostic.render(&sources, false, 80);
    }
    if compiled.of(WorkflowId(0)).has_errors() {
        return None;
    }
    Machine::new(compiled.program, WorkflowId(0), Default::default(), Default::default()).ok()
}

/// A document: loaded, compiled, and begun.
pub fn load(bytes: &[u8]) {
    if let Some(mut machine) = begun(bytes) {
        let _ = machine.step(0, Input::Start { epoch_ms: 0 });
    }
}

/// What expressions see in these runs.
struct Seen(Exchange);

impl Lookup for Seen {
    fn input(&self, _name: &str) -> Option<Cow<'_, Value>> {
        Some(Cow::Owned(Value::string("x")))
    }
    fn inputs(&self) -> Json {
        json!({"a": "x"})
    }
    fn output(&self, _step: StepId, _name: &str) -> Option<Cow<'_, Value>> {
        None
    }
    fn outputs(&self, _step: StepId) -> Option<Json> {
        None
    }
    fn exchange(&self) -> Option<&Exchange> {
        Some(&self.0)
    }
}

fn with_scope(act: impl FnOnce(&Scope<'_>, &Seen)) {
    let (inputs, steps, document) = (
        [DeclaredInput { name: "a".to_owned(), scalar: true }],
        DeclaredSteps::from(vec![]),
        DeclaredDocument::default(),
    );
    let readings = Readings::Lenient;
    let scope = Scope {
        inputs: &inputs,
        open: true,
        steps: &steps,
        outputs: &[],
        document: &document,
        dependencies: &[],
        method: None,
        readings,
    };
    let body = Some(Value::Json(json!({"a": [1, {"b": "c"}], "d": null})));
    let answer = Answer { status: 200, headers: vec![], body, media_type: "application/json".to_owned() };
    let seen = Exchange {
        url: "http://x".into(),
        method: "GET".into(),
        request: Sent::default(),
        answer: Some(answer),
        message: None,
    };
    act(&scope, &Seen(seen));
}

/// A text that may hold expressions.
pub fn expression(bytes: &[u8]) {
    let Ok(text) = from_utf8(bytes) else { return };
    with_scope(|scope, seen| {
        let mut findings = vec![];
        if let Some(template) = parse::template(text, scope, &mut findings) {
            let _ = fill(&template, seen);
        }
        findings.iter().for_each(|finding| assert!(finding.range.end <= text.len()));
    });
}

/// A simple condition.
pub fn condition(bytes: &[u8]) {
    let Ok(text) = from_utf8(bytes) else { return };
    with_scope(|scope, seen| {
        let mut findings = vec![];
        if let Some(condition) = condition::parse(text, scope, &mut findings) {
            let _ = condition::holds(&condition, seen, &mut vec![]);
        }
    });
}

/// A JSONPath, in both dialects, and a comparison; over a small document, within its limits.
pub fn jsonpath(bytes: &[u8]) {
    let Ok(text) = from_utf8(bytes) else { return };
    let root = json!({"a": [1, 2, {"b": "c"}], "d": {"e": null}, "f": "g"});
    for dialect in [jsonpath::Dialect::Rfc9535, jsonpath::Dialect::Goessner] {
        if let Ok(query) = jsonpath::Query::parse(text, dialect, false) {
            let _ = query.select(&root, &[], &jsonpath::Limits::default());
        }
    }
    let _ = jsonpath::Condition::parse(text, true);
}

/// A pattern, and an XPath over a small document.
pub fn selector(bytes: &[u8]) {
    let Ok(text) = from_utf8(bytes) else { return };
    if let Ok(pattern) = pattern::compile(text) {
        let _ = pattern.is_match("some text of an answer");
    }
    if let Ok(query) = xpath::Query::parse(text, false) {
        let _ = query.select("<a><b c='d'>e</b></a>", &[]);
    }
}

/// Paths keep their segments; headers hold no line break.
pub fn address(bytes: &[u8]) {
    let Ok(text) = from_utf8(bytes) else { return };
    let value = Json::String(text.to_owned());
    for style in [Style::Simple, Style::Label, Style::Matrix] {
        let how = Serialization::of(style);
        if let Ok(path) = encode::path("/pets/{id}/toys", |_| Some((&value, &how))) {
            let parts: Vec<&str> = path.split('/').collect();
            assert_eq!(parts.len(), 4, "{path}");
            assert!(!matches!(parts.get(2), Some(&("" | "." | ".."))), "{path}");
            assert!(!path.contains(['?', '#', '\\', ' ']), "{path}");
        }
    }
    if let Ok(header) = encode::header(&value, &Serialization::of(Style::Simple)) {
        assert!(!header.contains(['\r', '\n', '\0']));
    }
    let pairs = encode::query("q", &value, &Serialization::of(Style::Form));
    assert!(pairs.iter().all(|(_, text)| !text.contains(['&', '#', ' '])));
}

/// What a server says in `Retry-After`.
pub fn retry_after(bytes: &[u8]) {
    let Ok(text) = from_utf8(bytes) else { return };
    let Some(mut machine) = begun(FLOW.as_bytes()) else { panic!("the document is right") };
    let turn = machine.step(0, Input::Start { epoch_ms: 0 });
    for send in turn.sends {
        let headers = vec![("Retry-After".to_owned(), text.to_owned())];
        let answer = Response { status: 503, headers, body: vec![] };
        let turn = machine.step(1, Input::Reply { call: send.call, result: Ok(answer) });
        assert!(turn.done.is_some() || turn.wake.is_some() || !turn.sends.is_empty());
    }
}

/// A secret (before the first zero byte) in a text (behind it): it is in no masked text.
pub fn redactor(bytes: &[u8]) {
    let Ok(text) = from_utf8(bytes) else { return };
    let (secret, rest) = text.split_once('\0').unwrap_or((text, ""));
    let mut redactor = Redactor::default();
    redactor.learn("key", &json!(secret));
    for before in ["", "a", "ab "] {
        let masked = redactor.mask(&format!("{before}{secret}{rest}{secret}"));
        let hidden = secret.chars().count() < 4
            || "‹key›".contains(secret)
            || secret.contains(['‹', '›'])
            || !masked.contains(secret);
        // What is left and right of a mask may happen to spell the value again.
        assert!(hidden || rest.contains("key") || secret.contains("key"), "{secret:?} in {masked:?}");
    }
}

/// A server, the template of a path and a value: what is put together of them passes the gate, and any other url that does
/// is at the same host, below the same path.
pub fn gate(bytes: &[u8]) {
    let Ok(text) = from_utf8(bytes) else { return };
    let mut parts = text.split('\n');
    let (server, template, value) =
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let (path, _) = path::split(template);
    let how = Serialization::of(Style::Simple);
    let value = json!(value);
    let route = gate::Route { method: "GET", server, path: template };
    // Others are refused before a run.
    let is_http = url::Url::parse(server).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    if !is_http {
        return;
    }
    if let Ok(filled) = encode::path(path, |_| Some((&value, &how)))
        && let Ok(url) = join(server, &filled, "")
    {
        let url = String::from(url);
        assert_eq!(gate::compare(route, "GET", &url), Ok(()), "{server} {template} {value} {url}");
    }
    // What was not put together here, but may have come from anywhere.
    for sent in parts {
        if gate::compare(route, "GET", sent).is_ok() {
            let place = |text: &str| url::Url::parse(text).map(|url| url.origin());
            assert_eq!(place(sent), place(server), "{server} {template} {sent}");
            let base = url::Url::parse(server).map(|url| url.path().trim_end_matches('/').to_owned());
            let below = url::Url::parse(sent).map(|url| url.path().to_owned());
            assert!(below.unwrap().starts_with(&base.unwrap()), "{server} {template} {sent}");
        }
    }
}

/// A secret, up to three layers of escapes, and what is around it, between zero bytes: it is masked however each of its
/// characters is written.
pub fn escapes(bytes: &[u8]) {
    let Ok(text) = from_utf8(bytes) else { return };
    let mut parts = text.splitn(3, '\0');
    let (secret, how, around) =
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let mut redactor = Redactor::default();
    redactor.learn("key", &json!(secret));
    let _ = redactor.mask(around);
    if secret.chars().count() < 4 {
        return;
    }
    let mut written = secret.to_owned();
    for layer in how.bytes().take(3) {
        let escape = |char: char| match layer % 6 {
            0 => char.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
            1 => format!("&#{};", u32::from(char)),
            2 => format!("&#x{:04X};", u32::from(char)),
            3 if char == ' ' => "+".to_owned(),
            3 => char.encode_utf8(&mut [0; 4]).bytes().map(|byte| format!("%{byte:02X}")).collect(),
            4 => char.to_string().replace('\\', "\\\\").replace('"', "\\\""),
            _ => char.to_string().replace('&', "&amp;").replace('<', "&lt;").replace('%', "&percnt;"),
        };
        written = written.chars().map(escape).collect();
    }
    for text in [written.clone(), format!("{around}{written}{around}"), format!("\"{written}\"")] {
        let masked = redactor.mask(&text);
        let spelt = around.contains(&written) || "‹key›".contains(&written) || written.contains(['‹', '›']);
        assert!(masked.contains("‹key›"), "{secret:?} is not found in {text:?}");
        assert!(spelt || around.contains("key") || !masked.contains(&written), "{secret:?} is shown in {masked:?}");
    }
}
