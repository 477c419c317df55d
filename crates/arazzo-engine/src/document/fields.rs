//! Fields: which an object has, what is said about one that it does not have, and how values are taken out.

use super::shapes::given;
use super::{Reader, Text, is_identifier, text_of, unquoted, without_quotes};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Edit, Help, IntoHelp, Severity, misspells, nearest};
use crate::node::{Key, Kind, Node};
use crate::readings::Readings;
use crate::source::Span;

pub(super) const ROOT: &[&str] = &["arazzo", "$self", "info", "sourceDescriptions", "workflows", "components"];
pub(super) const SOURCE: &[&str] = &["name", "url", "type"];
pub(super) const WORKFLOW: &[&str] = &[
    "workflowId",
    "summary",
    "description",
    "inputs",
    "dependsOn",
    "steps",
    "successActions",
    "failureActions",
    "outputs",
    "parameters",
];
pub(super) const STEP: &[&str] = &[
    "description",
    "stepId",
    "operationId",
    "operationPath",
    "channelPath",
    "workflowId",
    "parameters",
    "requestBody",
    "successCriteria",
    "onSuccess",
    "onFailure",
    "outputs",
    "timeout",
    "correlationId",
    "action",
    "dependsOn",
];
pub(super) const PARAMETER: &[&str] = &["name", "in", "value"];
pub(super) const BODY: &[&str] = &["contentType", "payload", "replacements"];
pub(super) const CRITERION: &[&str] = &["context", "condition", "type"];
pub(super) const COMPONENTS: &[&str] = &["inputs", "parameters", "successActions", "failureActions"];
pub(super) const SELECTOR: &[&str] = &["context", "selector", "type"];
pub(super) const REPLACEMENT: &[&str] = &["target", "targetSelectorType", "value"];
pub(super) const SELECTOR_TYPES: &[&str] = &["jsonpath", "xpath", "jsonpointer"];
pub(super) const PLACES: &[&str] = &["path", "query", "querystring", "header", "cookie", "channel"];

/// Fields that other formats call otherwise, and are not near in letters.
pub(super) const ELSEWHERE: &[(&str, &str)] = &[
    ("assertions", "successCriteria"),
    ("attempts", "retryLimit"),
    ("backoff", "retryAfter"),
    ("body", "payload"),
    ("body", "requestBody"),
    ("criteria", "successCriteria"),
    ("criterion", "successCriteria"),
    ("checks", "successCriteria"),
    ("data", "payload"),
    ("default", "value"),
    ("delay", "retryAfter"),
    ("example", "value"),
    ("expect", "successCriteria"),
    ("expression", "condition"),
    ("failureCriteria", "criteria"),
    ("from", "value"),
    ("headers", "parameters"),
    ("id", "stepId"),
    ("id", "workflowId"),
    ("interval", "retryAfter"),
    ("key", "name"),
    ("limit", "retryLimit"),
    ("location", "in"),
    ("maxAttempts", "retryLimit"),
    ("maxRetries", "retryLimit"),
    ("mediaType", "contentType"),
    ("onError", "onFailure"),
    ("operation", "operationId"),
    ("operationRef", "operationPath"),
    ("params", "parameters"),
    ("path", "target"),
    ("pathParams", "parameters"),
    ("pathParameters", "parameters"),
    ("query", "parameters"),
    ("queryParameters", "parameters"),
    ("queryParams", "parameters"),
    ("requestBodies", "requestBody"),
    ("retries", "retryLimit"),
    ("retryCount", "retryLimit"),
    ("retryDelay", "retryAfter"),
    ("retryInterval", "retryAfter"),
    ("simple", "condition"),
    ("sources", "sourceDescriptions"),
    ("step", "stepId"),
    ("success", "successCriteria"),
    ("successCondition", "successCriteria"),
    ("successConditions", "successCriteria"),
    ("successCriteria", "criteria"),
    ("target", "stepId"),
    ("tests", "successCriteria"),
    ("validations", "successCriteria"),
    ("workflow", "workflowId"),
];

/// Fields that steer neither the flow nor a request: without them a run is the same.
pub(super) const HARMLESS: &[&str] =
    &["arazzo", "$self", "info", "title", "version", "summary", "description", "name", "outputs"];

/// Fields of other formats that steer what runs when. Arazzo has none of them.
pub(super) const FLOW_WORDS: &[&str] = &[
    "allowfailure",
    "assert",
    "conditions",
    "continueonerror",
    "delay",
    "disabled",
    "enabled",
    "expected",
    "for",
    "foreach",
    "goto",
    "if",
    "ignoreerrors",
    "ignorefailure",
    "loop",
    "negate",
    "next",
    "not",
    "onlyif",
    "operator",
    "optional",
    "parallel",
    "pause",
    "poll",
    "repeat",
    "retries",
    "retry",
    "runif",
    "skip",
    "skipif",
    "sleep",
    "switch",
    "unless",
    "until",
    "wait",
    "when",
    "while",
];

/// Words that names of such fields begin with: `waitFor`, `retryDelay`, `timeout_ms`.
const FLOW_BEGINNINGS: &[&str] = &[
    "delay", "loop", "pause", "poll", "repeat", "retries", "retry", "skip", "sleep", "timeout", "until", "wait",
    "while",
];

/// Fields that steer the flow or a request in the object that has them, and are meant so in any other.
pub(super) const STEERING: &[&str] = &[
    "channelPath",
    "condition",
    "context",
    "criteria",
    "dependsOn",
    "failureActions",
    "inputs",
    "onFailure",
    "onSuccess",
    "operationId",
    "operationPath",
    "parameters",
    "payload",
    "replacements",
    "requestBody",
    "retryAfter",
    "retryLimit",
    "stepId",
    "successActions",
    "successCriteria",
    "workflowId",
];

/// Objects inside of a step, as messages call them; not actions, whose authors may mean outputs of their own.
const INSIDE_STEP: &[&str] = &["a criterion", "a parameter", "a request body"];

/// Fields that a step has and nothing inside of it.
const OF_STEP: &[&str] =
    &["dependsOn", "onFailure", "onSuccess", "operationId", "outputs", "requestBody", "successCriteria", "timeout"];

/// `forEach`, `for_each`, `if`, `cond`: see [`FLOW_WORDS`].
pub(super) fn is_flow_word(name: &str) -> bool {
    let folded: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let folded = folded.to_ascii_lowercase();
    let begins = FLOW_BEGINNINGS.contains(&first_word(name).as_str());
    begins || FLOW_WORDS.contains(&folded.as_str()) || folded.len() >= 4 && "condition".starts_with(&folded)
}

/// The first word of a name, in small letters: `retry` of `retryDelay` and `retry_delay`.
fn first_word(name: &str) -> String {
    let end = name.char_indices().skip(1).find(|(_, c)| !c.is_ascii_lowercase()).map_or(name.len(), |(at, _)| at);
    name.get(..end).unwrap_or_default().to_ascii_lowercase()
}

/// What is written for the first member of a map in the place of a list: `login:` of `steps` is `- stepId: login`.
fn entry_of(list: &str, map: &Node) -> String {
    let first = map.members().first().map_or("NAME", |(key, _)| key.name.as_str());
    let entry = match list {
        "steps" => format!("stepId: {first}"),
        "workflows" => format!("workflowId: {first}"),
        "parameters" => {
            let value = map.members().first().and_then(|(_, value)| value.as_str()).unwrap_or("…");
            format!("{{ name: {first}, in: query, value: {value} }}")
        }
        "sourceDescriptions" => format!("name: {first}"),
        _ => return "begin each entry with `- `".to_owned(),
    };
    format!("begin each entry with `- `: write - {entry}")
}

/// `true` for what can only be an entry of the list of this name.
fn is_entry(name: &str, node: &Node) -> bool {
    let has = |fields: &[&str]| fields.iter().any(|field| node.get(field).is_some());
    match name {
        "successCriteria" | "criteria" => has(&["condition"]),
        "parameters" => node.get("reference").is_some() || node.get("name").is_some() && node.get("value").is_some(),
        "replacements" => has(&["target"]),
        "dependsOn" => matches!(node.kind, Kind::String(_) | Kind::Number(_) | Kind::Bool(_)),
        _ => false,
    }
}

impl Reader<'_> {
    pub(super) fn error(&mut self, code: Code, span: Span, message: impl Into<String>, help: impl IntoHelp) {
        self.diagnostics.push(Diagnostic::error(code, span, message).help(help));
    }

    pub(super) fn object(&mut self, node: &Node, what: &str) -> Option<()> {
        if matches!(node.kind, Kind::Object(_)) {
            return Some(());
        }
        self.error(
            Code::WrongType,
            node.span,
            format!("expected {what} (an object), found {}", node.type_name()),
            None::<Help>,
        );
        None
    }

    pub(super) fn required<'n>(&mut self, node: &'n Node, name: &str, what: &str) -> Option<&'n Node> {
        self.required_of(node, node.span, name, what)
    }

    /// As [`Reader::required`]; `place` is where people look for what is not there.
    pub(super) fn required_of<'n>(&mut self, node: &'n Node, place: Span, name: &str, what: &str) -> Option<&'n Node> {
        let found = node.get(name);
        if found.is_none() && matches!(node.kind, Kind::Object(_)) {
            if let Some(span) = self.misspelt(node, name).map(|key| key.span) {
                self.diagnostics.raise(Code::UnknownField, span);
                return None;
            }
            self.error(Code::MissingField, place, format!("{what} has no `{name}`"), format!("add `{name}:`"));
        }
        found
    }

    /// The field that was named as unknown and is meant as this one: that is what is wrong, and not that it is missing.
    pub(super) fn misspelt<'n>(&self, node: &'n Node, name: &str) -> Option<&'n Key> {
        node.members().iter().map(|(key, _)| key).find(|key| {
            let said = |d: &Diagnostic| {
                let meant = d.suggestion().is_some_and(|suggestion| suggestion.name == name);
                d.code == Code::UnknownField && d.span == Some(key.span) && meant
            };
            self.diagnostics.iter().any(said)
        })
    }

    /// The items of an array field; anything else is a fault, and so is its absence or emptiness where it is required.
    pub(super) fn list<'n>(&mut self, node: &'n Node, name: &str, what: &str, required: bool) -> &'n [Node] {
        let found = if required { self.required(node, name, what) } else { given(node, name) };
        match found {
            Some(list) if matches!(list.kind, Kind::Array(_)) => {
                if required && list.items().is_empty() {
                    self.error(Code::EmptyList, list.span, format!("`{name}` needs at least one entry"), None::<Help>);
                }
                list.items()
            }
            Some(entry) if is_entry(name, entry) => {
                self.entry_as_list(name, entry);
                std::slice::from_ref(entry)
            }
            Some(other) => {
                let help = matches!(other.kind, Kind::Object(_)).then(|| entry_of(name, other));
                self.error(
                    Code::WrongType,
                    other.span,
                    format!("expected `{name}` to be an array, found {}", other.type_name()),
                    help,
                );
                &[]
            }
            None => &[],
        }
    }

    /// The reading `entry-as-list`: an entry in the place of the list.
    fn entry_as_list(&mut self, name: &str, entry: &Node) {
        let mut diagnostic =
            Diagnostic::warning(Code::EntryAsList, entry.span, format!("`{name}` is a list, and this is one entry"))
                .label("read as a list of it")
                .help("begin the entry with `- `")
                .section("§Step Object");
        let written = self.sources.text(entry.span);
        let closed = written.starts_with(['{', '"', '\'']) || is_identifier(written);
        if closed && !written.contains('\n') {
            let at = |at: u32, text: &str| {
                let at = at as usize;
                Edit { span: Span::new(entry.span.source, at..at), text: text.to_owned() }
            };
            let edits = vec![at(entry.span.start, "["), at(entry.span.end, "]")];
            diagnostic = diagnostic.fix("write a list of it", true, edits);
        }
        self.departure(diagnostic);
    }

    pub(super) fn text(&mut self, node: &Node, what: &str) -> Option<Text> {
        if let Some(text) = unquoted(node).filter(|_| self.readings != Readings::Letter) {
            self.departure(without_quotes(node, &text, self.sources));
            return text_of(&text);
        }
        let text = text_of(node);
        if text.is_none() {
            let help = match &node.kind {
                Kind::Number(_) | Kind::Bool(_) => Some("quote it".to_owned()),
                Kind::Array(items) if let [one] = items.as_slice() => {
                    one.as_str().map(|text| format!("leave out the brackets: \"{}\"", text.replace('"', "'")))
                }
                _ => None,
            };
            self.error(
                Code::WrongType,
                node.span,
                format!("expected {what} to be a string, found {}", node.type_name()),
                help,
            );
        }
        text
    }

    pub(super) fn optional_text(&mut self, node: &Node, name: &str) -> Option<Text> {
        node.get(name).and_then(|value| self.text(value, &format!("`{name}`")))
    }

    /// As [`Reader::optional_text`], of a name: `stepId: 7` is the text of the number, there as where it is declared.
    pub(super) fn optional_name(&mut self, node: &Node, name: &str) -> Option<Text> {
        node.get(name).and_then(|value| self.text_or_scalar(value, &format!("`{name}`")))
    }

    /// Reports fields that an object does not have, unless they are extensions.
    pub(super) fn fields(&mut self, node: &Node, known: &[&str], what: &str) {
        let unknown = |name: &str| !known.contains(&name) && !name.starts_with("x-");
        for (key, value) in node.members().iter().filter(|(key, _)| known.contains(&key.name.as_str())) {
            self.empty_field(node, key, value, std::ptr::eq(known, COMPONENTS));
        }
        let mut absent: Option<Vec<&str>> = None;
        for (key, _) in node.members().iter().filter(|(key, _)| unknown(&key.name)) {
            let absent =
                absent.get_or_insert_with(|| known.iter().copied().filter(|field| node.get(field).is_none()).collect());
            // Parameters and criteria beside those that stand in their fields are lost all the same.
            let lost = |field: &str| ["parameters", "successCriteria"].contains(&field) && known.contains(&field);
            let other =
                ELSEWHERE.iter().find(|(word, field)| *word == key.name && (absent.contains(field) || lost(field)));
            let near = other.map(|(_, field)| *field).or_else(|| nearest(&key.name, absent.iter().copied()));
            // `onFail` for `onFailure`
            let folded = key.name.to_ascii_lowercase();
            let begins = |field: &&str| folded.len() >= 4 && field.to_ascii_lowercase().starts_with(&folded);
            let begun = absent.iter().copied().find(begins);
            let near = near.or(begun);
            let meant = near.filter(|field| other.is_some() || begun.is_some() || misspells(&key.name, field));
            let steers = meant.is_some_and(|field| !HARMLESS.contains(&field));
            // Also a field that steers in another object than this one: `onFailure` of a workflow.
            let flow = meant.is_none() && (is_flow_word(&key.name) || STEERING.iter().any(|f| misspells(&key.name, f)));
            // Most often a slip of the indentation.
            let slipped = meant.is_none() && INSIDE_STEP.contains(&what) && OF_STEP.contains(&key.name.as_str());
            // Nothing but inputs, parameters and actions is referred to: what stands elsewhere would be missing.
            let elsewhere = ["$ref", "reference"].contains(&key.name.as_str()) && what != "`info`";
            let problem = match steers || flow || slipped || elsewhere {
                _ if slipped => "it is one of a step, and a run without it would not do what is written",
                true => "a run without it would not do what is written",
                false => "it is ignored",
            };
            let message = format!("{what} has no field `{}`; {problem}", key.name);
            let help = match near {
                _ if elsewhere => Some(Help::words("write it out here: it cannot stand elsewhere")),
                _ if slipped => Some(Help::words(format!("indent `{}` as `stepId` is", key.name))),
                Some(field) if !flow || field.to_ascii_lowercase().starts_with(&first_word(&key.name)) => {
                    Some(Help::meant(field))
                }
                None if key.name == "required" && what == "a parameter" => Some(Help::words(
                    "leave it out: what a step passes is sent, and what is required says the operation",
                )),
                _ if flow => Some(Help::words(format!(
                    "what runs when is said by `successCriteria`, `onSuccess` and `onFailure`; `x-{}` is ignored",
                    key.name
                ))),
                _ => None,
            };
            let diagnostic = Diagnostic::warning(Code::UnknownField, key.span, message).help(help);
            match self.readings {
                // Never a run without what steers it.
                Readings::Lenient if steers || flow || slipped || elsewhere => {
                    self.diagnostics.push(Diagnostic { severity: Severity::Error, ..diagnostic });
                }
                _ => self.departure(diagnostic),
            }
        }
    }

    pub(super) fn departure(&mut self, mut diagnostic: Diagnostic) {
        if let Some(severity) = self.readings.severity(diagnostic.code) {
            diagnostic.severity = severity;
            self.diagnostics.push(diagnostic);
        }
    }
}
