//! Fields: which an object has, what is said about one that it does not have, and how values are taken out.

use super::shapes::given;
use super::{Reader, Text, text_of, unquoted, without_quotes};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Help, IntoHelp, Severity, misspells, nearest};
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
    ("body", "payload"),
    ("body", "requestBody"),
    ("criteria", "successCriteria"),
    ("criterion", "successCriteria"),
    ("data", "payload"),
    ("delay", "retryAfter"),
    ("failureCriteria", "criteria"),
    ("limit", "retryLimit"),
    ("maxRetries", "retryLimit"),
    ("mediaType", "contentType"),
    ("onError", "onFailure"),
    ("operation", "operationId"),
    ("params", "parameters"),
    ("requestBodies", "requestBody"),
    ("successCondition", "successCriteria"),
    ("successConditions", "successCriteria"),
    ("successCriteria", "criteria"),
];

/// Fields that steer neither the flow nor a request: without them a run is the same.
pub(super) const HARMLESS: &[&str] =
    &["arazzo", "$self", "info", "title", "version", "summary", "description", "name", "outputs"];

/// Fields of other formats that steer what runs when. Arazzo has none of them.
pub(super) const FLOW_WORDS: &[&str] = &[
    "assert",
    "conditions",
    "expected",
    "for",
    "foreach",
    "goto",
    "if",
    "loop",
    "negate",
    "next",
    "not",
    "operator",
    "parallel",
    "repeat",
    "retries",
    "retry",
    "runif",
    "skip",
    "skipif",
    "switch",
    "unless",
    "until",
    "when",
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

/// `forEach`, `for_each`, `if`, `cond`: see [`FLOW_WORDS`].
pub(super) fn is_flow_word(name: &str) -> bool {
    let folded: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let folded = folded.to_ascii_lowercase();
    FLOW_WORDS.contains(&folded.as_str()) || folded.len() >= 4 && "condition".starts_with(&folded)
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
            Some(other) => {
                let help = matches!(other.kind, Kind::Object(_)).then(|| "begin each entry with `- `".to_owned());
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

    pub(super) fn text(&mut self, node: &Node, what: &str) -> Option<Text> {
        if let Some(text) = unquoted(node).filter(|_| self.readings != Readings::Letter) {
            self.departure(without_quotes(node, &text, self.sources));
            return text_of(&text);
        }
        let text = text_of(node);
        if text.is_none() {
            let help = matches!(node.kind, Kind::Number(_) | Kind::Bool(_)).then(|| "quote it".to_owned());
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

    /// Reports fields that an object does not have, unless they are extensions.
    pub(super) fn fields(&mut self, node: &Node, known: &[&str], what: &str) {
        let unknown = |name: &str| !known.contains(&name) && !name.starts_with("x-");
        for (key, value) in node.members().iter().filter(|(key, _)| known.contains(&key.name.as_str())) {
            self.empty_field(node, key, value);
        }
        let mut absent: Option<Vec<&str>> = None;
        for (key, _) in node.members().iter().filter(|(key, _)| unknown(&key.name)) {
            let absent =
                absent.get_or_insert_with(|| known.iter().copied().filter(|field| node.get(field).is_none()).collect());
            let other = ELSEWHERE.iter().find(|(word, field)| *word == key.name && absent.contains(field));
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
            let problem =
                if steers || flow { "a run without it would not do what is written" } else { "it is ignored" };
            let message = format!("{what} has no field `{}`; {problem}", key.name);
            let help = match near {
                Some(field) if !flow => Some(Help::meant(field)),
                _ if flow => Some(Help::words(format!(
                    "what runs when is said by `successCriteria`, `onSuccess` and `onFailure`; `x-{}` is ignored",
                    key.name
                ))),
                _ => None,
            };
            let diagnostic = Diagnostic::warning(Code::UnknownField, key.span, message).help(help);
            match self.readings {
                // Never a run without what steers it.
                Readings::Lenient if steers || flow => {
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
