//! The test file of a document: `NAME.test.yaml` beside it, with cases. Every fault has its place.

use std::collections::BTreeMap;
use std::path::Path;

use arazzo::FailureKind;
use arazzo::diagnostics::{Code, Diagnostic, Diagnostics, Help, Place, Sources, nearest};
use arazzo::files::Reach;
use arazzo::mock::Fault;
use arazzo::values::{Json, Map};
use arazzo::values::{Kind, Node, compile_pattern, duration, parse_source};
use arazzo::{Credential, Credentials, Error, Readings, Reply, StubMessage, StubReplies};
use base64::prelude::{BASE64_STANDARD, Engine as _};

/// A case: what is given, and what is expected of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Case {
    /// The place of its name in the test file; none if there is none.
    pub(crate) place: Option<Place>,
    pub(crate) name: String,
    pub(crate) workflow: Option<String>,
    /// Where the name of the workflow stands.
    pub(crate) workflow_place: Option<Place>,
    pub(crate) inputs: Map<String, Json>,
    /// Where inputs and secrets stand, by name.
    pub(crate) input_places: BTreeMap<String, Place>,
    /// Inputs whose values are masked.
    pub(crate) secrets: Map<String, Json>,
    /// Credentials, by what they are for.
    pub(crate) credentials: Credentials,
    /// Base urls for the replies: of a source, or of all.
    pub(crate) servers: Vec<(Option<String>, String)>,
    pub(crate) server_variables: Vec<(String, String)>,
    /// The mode in which the document is read, if it is not that of the command.
    pub(crate) readings: Option<Readings>,
    /// Answers that stand ready; without them, the mock answers.
    pub(crate) replies: Option<StubReplies>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) expect: Expect,
}

/// Expectations; what is not written does not matter.
#[derive(Debug, Clone, Default)]
pub(crate) struct Expect {
    /// `succeeded`, `ended`, `failed`, `stopped`.
    pub(crate) outcome: Option<String>,
    pub(crate) exit: Option<u8>,
    /// The code of why it did not succeed.
    pub(crate) why: Option<String>,
    /// The step that it failed at.
    pub(crate) step: Option<String>,
    /// Outputs that must be there, others may be.
    pub(crate) outputs: Option<Json>,
    /// All outputs.
    pub(crate) exact: Option<Json>,
    /// The steps in the order of their visits and attempts.
    pub(crate) path: Option<Vec<String>>,
    /// Requests that must have been sent, in this order; others may be between them.
    pub(crate) requests: Vec<Sent>,
}

/// A request that must have been sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sent {
    pub(crate) step: Option<String>,
    pub(crate) method: Option<String>,
    /// The end of the url.
    pub(crate) url: Option<String>,
    pub(crate) headers: Map<String, Json>,
    pub(crate) body: Option<Json>,
}

const CASE: [&str; 14] = [
    "name",
    "workflow",
    "inputs",
    "secrets",
    "credentials",
    "server",
    "servers",
    "serverVariables",
    "readings",
    "replies",
    "messages",
    "faults",
    "expect",
    "description",
];
const CREDENTIAL: [&str; 4] = ["for", "name", "value", "secret"];
const EXPECT: [&str; 8] = ["outcome", "exit", "why", "step", "outputs", "exactOutputs", "path", "requests"];
const SENT: [&str; 5] = ["step", "method", "url", "headers", "body"];
const MESSAGE: [&str; 6] = ["headers", "correlationId", "payload", "text", "after", "misfit"];
const REPLY: [&str; 7] = ["status", "headers", "body", "text", "base64", "after", "failure"];
const OUTCOMES: [&str; 4] = ["succeeded", "ended", "failed", "stopped"];
pub(crate) const FAILURES: [&str; 7] = ["dns", "connect", "tls", "timeout", "reset", "protocol", "body-too-large"];

/// Bytes of the largest test file, as of documents.
const LARGEST: u64 = 16 << 20;

/// Reads a test file that was found. It has inputs and secrets in it: nothing of its text is shown.
///
/// # Errors
/// Every fault with its place.
pub(crate) fn read(path: &Path, reach: &Reach) -> Result<Vec<Case>, Error> {
    let text = reach.text(path, LARGEST)?;
    let mut sources = Sources::default();
    let words = CASE.iter().chain(&EXPECT).chain(&SENT).chain(&REPLY).chain(&MESSAGE).chain(&["cases"]);
    let id = sources.add_withheld(path.display().to_string(), text, words.copied());
    let root = match parse_source(&sources, id, Default::default()) {
        Ok(root) => root,
        Err(diagnostics) => return Err(Error::Documents { diagnostics, sources }),
    };
    let mut reader = Reader { sources: &sources, found: Diagnostics::default() };
    reader.object(&root, "a test file", &["cases"]);
    let mut cases: Vec<Case> = vec![];
    match root.get("cases") {
        Some(list) if matches!(list.kind, Kind::Array(_)) && !list.items().is_empty() => {
            for node in list.items() {
                let case = reader.case(node);
                if cases.iter().any(|known| known.name == case.name) {
                    reader.wrong(node.get("name").unwrap_or(node), format!("a case `{}` is there already", case.name));
                }
                cases.push(case);
            }
        }
        other => reader.wrong(other.unwrap_or(&root), "`cases` is a list of at least one case".to_owned()),
    }
    let diagnostics = reader.found;
    if diagnostics.has_errors() { Err(Error::Documents { diagnostics, sources }) } else { Ok(cases) }
}

struct Reader<'a> {
    sources: &'a Sources,
    found: Diagnostics,
}

impl Reader<'_> {
    fn wrong(&mut self, at: &Node, message: String) {
        self.found.push(Diagnostic::error(Code::TestFile, at.span, message));
    }

    /// Checks that it is an object of these members.
    fn object(&mut self, node: &Node, what: &str, known: &[&str]) -> bool {
        if !matches!(node.kind, Kind::Object(_)) {
            self.wrong(node, format!("{what} is an object, not {}", node.type_name()));
            return false;
        }
        for (key, _) in node.members() {
            if !known.contains(&key.name.as_str()) {
                let help = match nearest(&key.name, known.iter().copied()) {
                    Some(near) => Help::meant(near),
                    None => Help::words(format!("there are {}", known.join(", "))),
                };
                let message = format!("{what} has no `{}`", key.name);
                self.found.push(Diagnostic::error(Code::TestFile, key.span, message).help(help));
            }
        }
        true
    }

    fn text(&mut self, node: &Node, key: &str) -> Option<String> {
        let value = node.get(key)?;
        let text = value.as_str().map(str::to_owned);
        if text.is_none() {
            self.wrong(value, format!("`{key}` is a text, not {}", value.type_name()));
        }
        text
    }

    /// A text that is one of these.
    fn word(&mut self, node: &Node, key: &str, known: &[&str]) -> Option<String> {
        let text = self.text(node, key)?;
        if known.contains(&text.as_str()) {
            return Some(text);
        }
        let help = match nearest(&text, known.iter().copied()) {
            Some(near) => Help::meant(near),
            None => Help::words(format!("write one of {}", known.join(", "))),
        };
        let span = node.get(key).map(|value| value.span);
        self.found.push(Diagnostic::error(Code::TestFile, span, format!("there is no `{key}` `{text}`")).help(help));
        None
    }

    fn number(&mut self, node: &Node, key: &str, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
        let value = node.get(key)?;
        let number = value.to_json().as_u64().filter(|number| range.contains(number));
        if number.is_none() {
            self.wrong(value, format!("`{key}` is a number from {} to {}", range.start(), range.end()));
        }
        number
    }

    fn map(&mut self, node: &Node, key: &str) -> Map<String, Json> {
        let Some(value) = node.get(key) else { return Map::new() };
        match value.to_json() {
            Json::Object(map) => map.into_inner(),
            _ => {
                self.wrong(value, format!("`{key}` is an object, not {}", value.type_name()));
                Map::new()
            }
        }
    }

    fn case(&mut self, node: &Node) -> Case {
        if !self.object(node, "a case", &CASE) {
            return Case::default();
        }
        if node.get("name").is_none() {
            self.wrong(node, "a case has a `name`".to_owned());
        }
        let mut case = Case {
            name: self.text(node, "name").unwrap_or_default(),
            workflow: self.text(node, "workflow"),
            inputs: self.map(node, "inputs"),
            secrets: self.map(node, "secrets"),
            workflow_place: node.get("workflow").map(|workflow| self.sources.place(workflow.span)),
            input_places: ["inputs", "secrets"]
                .iter()
                .filter_map(|field| node.get(field))
                .flat_map(Node::members)
                .map(|(key, _)| (key.name.clone(), self.sources.place(key.span)))
                .collect(),
            place: Some(self.sources.place(node.get("name").unwrap_or(node).span)),
            ..Case::default()
        };
        if let Some(list) = node.get("credentials") {
            case.credentials = self.credentials(list);
        }
        case.servers = self.text(node, "server").map(|url| (None, url)).into_iter().collect();
        let named = self.texts(node, "servers").into_iter().map(|(name, url)| (Some(name), url));
        case.servers.extend(named);
        case.server_variables = self.texts(node, "serverVariables");
        let modes: Vec<&str> = Readings::ALL.iter().map(|mode| mode.word()).collect();
        let readings = self.word(node, "readings", &modes);
        case.readings = readings.and_then(|word| word.parse().ok());
        if let Some(replies) = node.get("replies") {
            case.replies = Some(self.replies(replies));
        }
        if let Some(messages) = node.get("messages") {
            let canned = case.replies.take().unwrap_or_default();
            case.replies = Some(self.messages(messages, canned));
        }
        if let Some(faults) = node.get("faults") {
            let ready = node.member("replies").or_else(|| node.member("messages"));
            if let Some((key, _)) = ready {
                let (replies, name) = (key.span, &key.name);
                let message = format!("`faults` are of the mock, which does not answer where there are `{name}`");
                self.found.push(Diagnostic::error(Code::TestFile, faults.span, message).note(replies, "these answer"));
            }
            match Fault::of_file(&faults.to_json()) {
                Ok(found) => case.faults = found,
                Err(reason) => self.wrong(faults, reason),
            }
        }
        if let Some(expect) = node.get("expect") {
            case.expect = self.expect(expect);
        }
        case
    }

    /// Texts by their names.
    fn texts(&mut self, node: &Node, key: &str) -> Vec<(String, String)> {
        let text = |value: Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.map(node, key).into_iter().map(|(name, value)| (name, text(value))).collect()
    }

    fn credentials(&mut self, list: &Node) -> Credentials {
        let mut credentials = Credentials::new();
        if !matches!(list.kind, Kind::Array(_)) {
            self.wrong(list, format!("`credentials` is a list, not {}", list.type_name()));
        }
        for node in
            list.items().iter().filter(|node| self.object(node, "a credential", &CREDENTIAL)).collect::<Vec<_>>()
        {
            let (Some(key), Some(value)) = (self.text(node, "for"), self.text(node, "value")) else {
                self.wrong(node, "a credential has `for` and `value`".to_owned());
                continue;
            };
            let name = self.text(node, "name").unwrap_or_else(|| key.clone());
            let secret = node.get("secret").is_none_or(|secret| secret.to_json() != Json::Bool(false));
            credentials.insert(key, Credential { name, value, secret });
        }
        credentials
    }

    fn replies(&mut self, node: &Node) -> StubReplies {
        let mut canned = StubReplies::new();
        if !matches!(node.kind, Kind::Object(_)) {
            self.wrong(node, format!("`replies` is an object of steps or operations, not {}", node.type_name()));
        }
        for (key, list) in node.members() {
            // One reply may stand alone.
            let alone = std::slice::from_ref(list);
            let all = if matches!(list.kind, Kind::Array(_)) { list.items() } else { alone };
            for reply in all {
                if let Some(reply) = self.reply(reply) {
                    canned = canned.reply(&key.name, reply);
                }
            }
        }
        canned
    }

    /// Messages that stand ready, by step, operation or channel.
    fn messages(&mut self, node: &Node, mut canned: StubReplies) -> StubReplies {
        if !matches!(node.kind, Kind::Object(_)) {
            self.wrong(
                node,
                format!("`messages` is an object of steps, operations or channels, not {}", node.type_name()),
            );
        }
        for (key, list) in node.members() {
            let alone = std::slice::from_ref(list);
            let all = if matches!(list.kind, Kind::Array(_)) { list.items() } else { alone };
            if all.is_empty() {
                canned = canned.silent(&key.name);
            }
            for message in all {
                if self.object(message, "a message", &MESSAGE) {
                    let (after, misfit) = (self.after(message), self.flag(message, "misfit"));
                    let headers = self.map(message, "headers").into_iter();
                    let text = |value: Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    let headers = headers.map(|(name, value)| (name, text(value))).collect();
                    let payload = match (self.text(message, "text"), message.get("payload")) {
                        (Some(text), _) => text,
                        (None, payload) => payload.map(|payload| payload.to_json().to_string()).unwrap_or_default(),
                    };
                    let mut ready = StubMessage::new(headers, payload).after(after).misfit(misfit);
                    if let Some(id) = message.get("correlationId") {
                        ready = ready.correlation(id.to_json());
                    }
                    canned = canned.message(&key.name, ready);
                }
            }
        }
        canned
    }

    fn flag(&mut self, node: &Node, key: &str) -> bool {
        let Some(value) = node.get(key) else { return false };
        let found = value.as_bool();
        if found.is_none() {
            self.wrong(value, format!("`{key}` is true or false"));
        }
        found.unwrap_or(false)
    }

    fn after(&mut self, node: &Node) -> u64 {
        let Some((at, after)) = node.get("after").map(|after| (after, after.to_json())) else { return 0 };
        let text = after.as_str().map_or_else(|| after.to_string(), str::to_owned);
        duration(&text).map_err(|reason| self.wrong(at, reason)).unwrap_or(0)
    }

    fn reply(&mut self, node: &Node) -> Option<Reply> {
        if !self.object(node, "a reply", &REPLY) {
            return None;
        }
        let after = self.after(node);
        if node.get("failure").is_some() {
            let kind = self.word(node, "failure", &FAILURES)?;
            let kind: FailureKind = serde_json::from_value(kind.into()).ok()?;
            return Some(Reply::failure(kind).after(after));
        }
        let status = self.number(node, "status", 200..=599).unwrap_or(200);
        let mut headers: Vec<(String, String)> = vec![];
        for (name, value) in self.map(node, "headers") {
            let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            match &value {
                // One that comes several times.
                Json::Array(all) => headers.extend(all.iter().map(|value| (name.clone(), text(value)))),
                value => headers.push((name, text(value))),
            }
        }
        let typed = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        if let Some(base64) = self.text(node, "base64") {
            let bytes = BASE64_STANDARD.decode(&base64);
            if bytes.is_err() {
                self.wrong(node.get("base64").unwrap_or(node), "`base64` is not base64".to_owned());
            }
            let status = u16::try_from(status).unwrap_or(200);
            return Some(Reply::new(status, headers, bytes.unwrap_or_default()).after(after));
        }
        let body = match (self.text(node, "text"), node.get("body")) {
            (Some(text), _) => text,
            (None, Some(body)) => {
                if !typed {
                    headers.push(("content-type".to_owned(), "application/json".to_owned()));
                }
                body.to_json().to_string()
            }
            (None, None) => String::new(),
        };
        Some(Reply::new(u16::try_from(status).unwrap_or(200), headers, body).after(after))
    }

    fn expect(&mut self, node: &Node) -> Expect {
        if !self.object(node, "`expect`", &EXPECT) {
            return Expect::default();
        }
        let names = |node: &Node| node.items().iter().map(|item| item.as_str().map(str::to_owned)).collect();
        let path: Option<Option<Vec<String>>> = node.get("path").map(names);
        if let Some(at) = node.get("path").filter(|at| path == Some(None) || !matches!(at.kind, Kind::Array(_))) {
            let steps: Vec<&str> = at.as_str().unwrap_or("login create").split([' ', ',', '>', '-']).collect();
            let steps: Vec<&str> = steps.into_iter().filter(|step| !step.is_empty()).collect();
            let message = format!("`path` is a list of steps, not {}", at.type_name());
            let help = format!("write path: [{}]", steps.join(", "));
            self.found.push(Diagnostic::error(Code::TestFile, at.span, message).help(help));
        }
        if let Some(at) = node.get("requests").filter(|at| !matches!(at.kind, Kind::Array(_))) {
            let message = format!("`requests` is a list of requests, not {}", at.type_name());
            let help = "begin each with `- `: write - { step: …, method: GET }".to_owned();
            self.found.push(Diagnostic::error(Code::TestFile, at.span, message).help(help));
        }
        let mut requests = vec![];
        for node in node.get("requests").map(Node::items).unwrap_or_default() {
            if self.object(node, "a request", &SENT) {
                let body = self.value(node, "body");
                requests.push(Sent {
                    step: self.text(node, "step"),
                    method: self.text(node, "method"),
                    url: self.text(node, "url"),
                    headers: self.map(node, "headers"),
                    body,
                });
            }
        }
        Expect {
            outcome: self.word(node, "outcome", &OUTCOMES),
            exit: self.number(node, "exit", 0..=255).and_then(|exit| u8::try_from(exit).ok()),
            why: self.text(node, "why"),
            step: self.text(node, "step"),
            outputs: self.value(node, "outputs"),
            exact: self.value(node, "exactOutputs"),
            path: path.flatten(),
            requests,
        }
    }

    /// A value with matchers, which are checked.
    fn value(&mut self, node: &Node, key: &str) -> Option<Json> {
        let value = node.get(key)?;
        self.matchers(value);
        Some(value.to_json())
    }

    fn matchers(&mut self, node: &Node) {
        for (key, value) in node.members() {
            let known = ["$any", "$matches", "$type"];
            if key.name.starts_with('$') && !known.contains(&key.name.as_str()) {
                self.object(node, "a matcher", &known);
            } else if key.name == "$matches" {
                if let Err(reason) = compile_pattern(value.as_str().unwrap_or_default()) {
                    self.wrong(value, reason);
                }
            } else if key.name == "$type" {
                self.word(node, "$type", &["string", "number", "integer", "boolean", "array", "object", "null"]);
            }
            self.matchers(value);
        }
        node.items().iter().for_each(|item| self.matchers(item));
    }
}

impl Expect {
    /// `true` if it says how the run has to end.
    pub(crate) fn says_how_it_ends(&self) -> bool {
        self.outcome.is_some() || self.exit.is_some() || self.why.is_some()
    }
}

/// Differences from what is expected: the place, the expected value, the value. Members that are not expected do
/// not matter, unless `exact`.
pub(crate) fn differences(at: &str, expected: &Json, actual: Option<&Json>, exact: bool, found: &mut Vec<String>) {
    let place = if at.is_empty() { "/" } else { at };
    let is = actual.map_or_else(|| "nothing".to_owned(), Json::to_string);
    if let Json::Object(members) = expected {
        if let Some((name, wanted)) = members.iter().next().filter(|(name, _)| name.starts_with('$')) {
            let fits = match (name.as_str(), actual) {
                (_, None) => false,
                ("$matches", Some(actual)) => {
                    let text = actual.as_str().map_or_else(|| actual.to_string(), str::to_owned);
                    match compile_pattern(wanted.as_str().unwrap_or_default()).map(|pattern| pattern.is_match(&text)) {
                        Ok(Ok(fits)) => fits,
                        Ok(Err(too_long)) => return found.push(format!("{place}: {too_long}")),
                        Err(_) => false,
                    }
                }
                ("$type", Some(actual)) => match wanted.as_str().unwrap_or_default() {
                    "string" => actual.is_string(),
                    "number" => actual.is_number(),
                    "integer" => actual.as_number().is_some_and(|number| !number.text().contains(['.', 'e', 'E'])),
                    "boolean" => actual.is_boolean(),
                    "array" => actual.is_array(),
                    "object" => actual.is_object(),
                    _ => actual.is_null(),
                },
                (_, Some(_)) => true,
            };
            if !fits {
                found.push(format!("{place}: expected {}, is {is}", Json::Object(members.clone())));
            }
            return;
        }
        if let Some(Json::Object(actual)) = actual {
            for (name, wanted) in members {
                differences(&format!("{at}/{name}"), wanted, actual.get(name), exact, found);
            }
            if exact {
                let more = actual.iter().filter(|(name, _)| !members.contains_key(*name));
                found.extend(more.map(|(name, value)| format!("{at}/{name}: expected nothing, is {value}")));
            }
            return;
        }
    }
    if let (Json::Array(items), Some(Json::Array(actual))) = (expected, actual)
        && items.len() == actual.len()
    {
        for (index, (wanted, actual)) in items.iter().zip(actual).enumerate() {
            differences(&format!("{at}/{index}"), wanted, Some(actual), exact, found);
        }
        return;
    }
    // 1 and 1.0 are one number.
    let same = match (expected, actual) {
        (Json::Number(one), Some(Json::Number(other))) => one.order(other).is_eq(),
        // Bytes are written in base64.
        (Json::String(text), Some(Json::Bytes(file))) => file.written() == *text,
        _ => Some(expected) == actual,
    };
    if !same {
        found.push(format!("{place}: expected {expected}, is {is}"));
    }
}
