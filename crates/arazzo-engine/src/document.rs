//! The Arazzo objects as the specification names them: [`Node`] → ([`Document`], diagnostics).
//!
//! Read by hand, field by field, so that every message can say what was expected where. Nothing is resolved here:
//! names, expressions and conditions stay text with a place. Fields of later versions are read too, so that what is
//! not run yet can be named by its field and line.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics, Help, IntoHelp, Severity, Subject, misspells, nearest};
use crate::node::{Key, Kind, Node};
use crate::readings::Readings;
use crate::source::{SourceId, Sources, Span};
use crate::value::{ExpressionType, XpathVersion};

/// A string of a document, with its node for carets inside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    /// The value.
    pub value: String,
    /// Where it stands.
    pub node: Node,
}

impl Text {
    /// Its place.
    #[must_use]
    pub fn span(&self) -> Span {
        self.node.span
    }
}

/// Arazzo Specification Object.
#[derive(Debug, Clone)]
pub struct Document {
    /// The text it was read from.
    pub source: SourceId,
    /// `arazzo`: major and minor version.
    pub version: (u32, u32),
    /// `arazzo` as written.
    pub version_text: String,
    /// `$self`
    pub self_uri: Option<Text>,
    /// `info.title`
    pub title: Option<Text>,
    /// `sourceDescriptions`
    pub source_descriptions: Vec<SourceDescription>,
    /// `workflows`
    pub workflows: Vec<Workflow>,
    /// `components`
    pub components: Components,
    /// The whole document: what `$ref` in JSON Schemas and expressions over its own fields look into.
    pub root: Arc<Node>,
}

/// Components Object; its schemas stay in [`Document::root`].
#[derive(Debug, Clone, Default)]
pub struct Components {
    /// `parameters`
    pub parameters: Vec<(Key, Parameter)>,
    /// `successActions`
    pub success_actions: Vec<(Key, Action)>,
    /// `failureActions`
    pub failure_actions: Vec<(Key, Action)>,
}

/// Source Description Object.
#[derive(Debug, Clone)]
pub struct SourceDescription {
    /// `name`
    pub name: Text,
    /// `url`
    pub url: Text,
    /// `type`
    pub kind: Option<Text>,
}

/// Workflow Object.
#[derive(Debug, Clone)]
pub struct Workflow {
    /// `workflowId`
    pub id: Text,
    /// `summary`
    pub summary: Option<Text>,
    /// `inputs`: a JSON Schema.
    pub inputs: Option<Node>,
    /// `dependsOn`
    pub depends_on: Vec<Text>,
    /// `steps`
    pub steps: Vec<Step>,
    /// `successActions`
    pub success_actions: Vec<OrReusable<Action>>,
    /// `failureActions`
    pub failure_actions: Vec<OrReusable<Action>>,
    /// `parameters`
    pub parameters: Vec<OrReusable<Parameter>>,
    /// `outputs`
    pub outputs: Vec<Output>,
    /// Its place, all of it.
    pub span: Span,
}

/// Step Object. Exactly one of the four targets is expected; which are given is checked by `compile`.
#[derive(Debug, Clone)]
pub struct Step {
    /// `stepId`
    pub id: Text,
    /// `description`
    pub description: Option<Text>,
    /// `operationId`
    pub operation_id: Option<Text>,
    /// `operationPath`
    pub operation_path: Option<Text>,
    /// `workflowId`
    pub workflow_id: Option<Text>,
    /// `channelPath`
    pub channel_path: Option<Text>,
    /// `parameters`
    pub parameters: Vec<OrReusable<Parameter>>,
    /// `requestBody`
    pub request_body: Option<RequestBody>,
    /// `successCriteria`
    pub success_criteria: Vec<Criterion>,
    /// `onSuccess`
    pub on_success: Vec<OrReusable<Action>>,
    /// `onFailure`
    pub on_failure: Vec<OrReusable<Action>>,
    /// `outputs`
    pub outputs: Vec<Output>,
    /// `timeout`, in ms.
    pub timeout: Option<(Key, u64)>,
    /// `dependsOn`
    pub depends_on: Vec<Text>,
    /// Fields of steps that send or receive messages: `correlationId`, `action`.
    pub message: Vec<Key>,
}

/// An object, or a reference to one in `components` (Reusable Object).
#[derive(Debug, Clone)]
pub enum OrReusable<T> {
    /// The object itself.
    Object(T),
    /// Reusable Object.
    Reference {
        /// `reference: $components.…`
        reference: Text,
        /// `value`, for parameters.
        value: Option<Node>,
    },
}

/// Parameter Object.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// `name`
    pub name: Text,
    /// `in`
    pub location: Option<Text>,
    /// `value`
    pub value: Node,
}

impl Parameter {
    /// What is said where a request needs its place and it has none.
    pub(crate) fn unplaced(&self) -> Diagnostic {
        Diagnostic::error(
            Code::MissingField,
            self.name.span(),
            format!("parameter `{}` does not say where it goes", self.name.value),
        )
        .about(Subject::Field("in"))
        .help("add `in: path`, `in: query`, `in: header` or `in: cookie`".to_owned())
        .section("§Parameter Object")
    }
}

/// Request Body Object.
#[derive(Debug, Clone)]
pub struct RequestBody {
    /// `contentType`
    pub content_type: Option<Text>,
    /// `payload`
    pub payload: Option<Node>,
    /// `replacements`
    pub replacements: Vec<Replacement>,
    /// Its place.
    pub span: Span,
}

/// Payload Replacement Object.
#[derive(Debug, Clone)]
pub struct Replacement {
    /// `target`
    pub target: Text,
    /// `targetSelectorType`; without it the media type decides.
    pub kind: Option<ExpressionType>,
    /// `value`
    pub value: Node,
}

/// Selector Object: `context`, `selector`, `type`.
#[derive(Debug, Clone)]
pub struct Selector {
    /// `context`
    pub context: Text,
    /// `selector`
    pub selector: Text,
    /// `type`
    pub kind: ExpressionType,
}

/// Criterion Object.
#[derive(Debug, Clone)]
pub struct Criterion {
    /// `context`
    pub context: Option<Text>,
    /// `condition`
    pub condition: Text,
    /// `type`, and where it is written; without it, `simple`.
    pub kind: Option<(ExpressionType, Node)>,
}

/// Success Action Object or Failure Action Object.
#[derive(Debug, Clone)]
pub struct Action {
    /// `name`; lenient readings accept an action without one.
    pub name: Option<Text>,
    /// `type`
    pub kind: Text,
    /// `stepId`
    pub step_id: Option<Text>,
    /// `workflowId`
    pub workflow_id: Option<Text>,
    /// `criteria`
    pub criteria: Vec<Criterion>,
    /// `parameters`
    pub parameters: Vec<OrReusable<Parameter>>,
    /// `retryAfter`, in ms.
    pub retry_after: Option<u64>,
    /// `retryLimit`
    pub retry_limit: Option<u32>,
    /// Its place.
    pub span: Span,
}

/// An entry of `outputs`.
#[derive(Debug, Clone)]
pub struct Output {
    /// Its name.
    pub name: Key,
    /// An expression, or a Selector Object.
    pub value: Node,
}

/// Reads the Arazzo objects of a parsed text.
///
/// Returns the document as far as it can be read, and everything that is wrong with it; `None` if the root is not an
/// Arazzo Specification Object at all.
#[must_use]
pub fn read(
    root: &Arc<Node>,
    source: SourceId,
    sources: &Sources,
    readings: Readings,
) -> (Option<Document>, Diagnostics) {
    let mut reader = Reader { sources, readings, diagnostics: Diagnostics::default() };
    let document = reader.document(root, source);
    (document, reader.diagnostics)
}

struct Reader<'a> {
    sources: &'a Sources,
    readings: Readings,
    diagnostics: Diagnostics,
}

const ROOT: &[&str] = &["arazzo", "$self", "info", "sourceDescriptions", "workflows", "components"];
const SOURCE: &[&str] = &["name", "url", "type"];
const WORKFLOW: &[&str] = &[
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
const STEP: &[&str] = &[
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
const PARAMETER: &[&str] = &["name", "in", "value"];
const BODY: &[&str] = &["contentType", "payload", "replacements"];
const CRITERION: &[&str] = &["context", "condition", "type"];
const COMPONENTS: &[&str] = &["inputs", "parameters", "successActions", "failureActions"];
const SELECTOR: &[&str] = &["context", "selector", "type"];
const REPLACEMENT: &[&str] = &["target", "targetSelectorType", "value"];
const SELECTOR_TYPES: &[&str] = &["jsonpath", "xpath", "jsonpointer"];
const PLACES: &[&str] = &["path", "query", "querystring", "header", "cookie", "channel"];

/// Fields that other formats call otherwise, and are not near in letters.
const ELSEWHERE: &[(&str, &str)] = &[
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
const HARMLESS: &[&str] = &["arazzo", "$self", "info", "title", "version", "summary", "description", "name", "outputs"];

/// Fields of other formats that steer what runs when. Arazzo has none of them.
const FLOW_WORDS: &[&str] = &[
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
const STEERING: &[&str] = &[
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
fn is_flow_word(name: &str) -> bool {
    let folded: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let folded = folded.to_ascii_lowercase();
    FLOW_WORDS.contains(&folded.as_str()) || folded.len() >= 4 && "condition".starts_with(&folded)
}

/// What the two lists of actions call their entries, and what those may hold.
struct ActionList {
    what: &'static str,
    fields: &'static [&'static str],
    types: &'static str,
    retries: bool,
}

const SUCCESS: ActionList = ActionList {
    what: "a success action",
    fields: &["name", "type", "workflowId", "stepId", "parameters", "criteria"],
    types: "end or goto",
    retries: false,
};
const FAILURE: ActionList = ActionList {
    what: "a failure action",
    fields: &["name", "type", "workflowId", "stepId", "parameters", "retryAfter", "retryLimit", "criteria"],
    types: "end, goto or retry",
    retries: true,
};

impl Reader<'_> {
    fn error(&mut self, code: Code, span: Span, message: impl Into<String>, help: impl IntoHelp) {
        self.diagnostics.push(Diagnostic::error(code, span, message).help(help));
    }

    fn document(&mut self, root: &Arc<Node>, source: SourceId) -> Option<Document> {
        if !matches!(root.kind, Kind::Object(_)) {
            let help = "an Arazzo document begins with `arazzo: 1.0.1`".to_owned();
            self.error(
                Code::NotAnArazzoDocument,
                root.span,
                format!("expected an Arazzo document, found {}", root.type_name()),
                help,
            );
            return None;
        }
        let Some((_, version)) = root.member("arazzo") else {
            let kind = ["openapi", "swagger", "asyncapi"]
                .into_iter()
                .find_map(|word| root.member(word).map(|(key, _)| (word, key.span)));
            let (span, message) = match kind {
                Some((word, span)) => (span, format!("this is an `{word}` document, not an Arazzo one")),
                None => (root.span, "the document has no `arazzo` field".to_owned()),
            };
            self.error(
                Code::NotAnArazzoDocument,
                span,
                message,
                "an Arazzo document begins with `arazzo: 1.0.1`".to_owned(),
            );
            return None;
        };
        self.fields(root, ROOT, "the document");
        let (version, version_text) = self.version(version)?;
        let info = self.required(root, "info", "the document");
        let place = root.member("info").map_or(root.span, |(key, _)| key.span);
        if let Some(info) = info.filter(|info| self.object(info, "`info`").is_some()) {
            self.fields(info, &["title", "summary", "description", "version"], "`info`");
            let _ = self.required_of(info, place, "title", "`info`").map(|node| self.text(node, "`title`"));
            let _ =
                self.required_of(info, place, "version", "`info`").map(|node| self.text_or_number(node, "`version`"));
        }
        let source_descriptions = self
            .list(root, "sourceDescriptions", "the document", true)
            .iter()
            .filter_map(|node| self.source(node))
            .collect();
        let workflows: Vec<Workflow> =
            self.list(root, "workflows", "the document", true).iter().filter_map(|node| self.workflow(node)).collect();
        self.unique(
            workflows.iter().map(|workflow| &workflow.id),
            "two workflows are called",
            "workflow ids are unique",
        );
        let self_uri = self.optional_text(root, "$self");
        if let Some(uri) = self_uri.as_ref().filter(|uri| uri.value.contains('#')) {
            let help = "leave out the `#` and what follows it".to_owned();
            self.error(Code::UnknownValue, uri.span(), "`$self` must not have a fragment", help);
        }
        Some(Document {
            source,
            version,
            version_text,
            self_uri,
            title: info.and_then(|info| info.get("title")).and_then(text_of),
            source_descriptions,
            workflows,
            components: root.get("components").map(|node| self.components(node)).unwrap_or_default(),
            root: root.clone(),
        })
    }

    fn components(&mut self, node: &Node) -> Components {
        const WHAT: &str = "`components`";
        if self.object(node, WHAT).is_none() {
            return Components::default();
        }
        self.fields(node, COMPONENTS, WHAT);
        for (name, _) in COMPONENTS.iter().filter_map(|field| node.get(field)).flat_map(Node::members) {
            if !is_identifier(&name.name) {
                let help = "use letters, digits, `.`, `-` and `_` only".to_owned();
                let message = format!("the name `{}` of a component cannot be written in an expression", name.name);
                self.error(Code::ComponentName, name.span, message, help);
            }
        }
        let schemas = node.get("inputs").map(Node::members).unwrap_or_default();
        for (key, schema) in schemas.iter().filter(|(_, schema)| !is_schema(schema)) {
            let message = format!("expected `{}` to be a JSON Schema, found {}", key.name, schema.type_name());
            self.error(Code::WrongType, schema.span, message, None::<Help>);
        }
        Components {
            parameters: self.map(node, "parameters", "a parameter", Self::parameter),
            success_actions: self.map(node, "successActions", SUCCESS.what, |r, n| r.action(n, &SUCCESS, None)),
            failure_actions: self.map(node, "failureActions", FAILURE.what, |r, n| r.action(n, &FAILURE, None)),
        }
    }

    /// The entries of a map of objects.
    fn map<T>(
        &mut self,
        node: &Node,
        field: &str,
        what: &str,
        read: impl Fn(&mut Self, &Node) -> Option<T>,
    ) -> Vec<(Key, T)> {
        let Some(map) = node.get(field) else { return vec![] };
        if self.object(map, &format!("`{field}`")).is_none() {
            return vec![];
        }
        let entries = map.members().iter().filter_map(|(key, value)| {
            self.object(value, what)?;
            read(self, value).map(|entry| (key.clone(), entry))
        });
        entries.collect()
    }

    /// Says which of several names stands twice.
    fn unique<'t>(&mut self, names: impl Iterator<Item = &'t Text>, what: &str, help: &str) {
        let mut seen: HashMap<&str, Span> = HashMap::new();
        for name in names {
            if let Some(first) = seen.get(name.value.as_str()) {
                let message = format!("{what} `{}`", name.value);
                self.diagnostics.push(
                    Diagnostic::error(Code::DuplicateName, name.span(), message)
                        .note(*first, "first here")
                        .about(Subject::Name(name.value.clone()))
                        .help(help.to_owned()),
                );
                continue;
            }
            seen.insert(&name.value, name.span());
        }
    }

    fn version(&mut self, node: &Node) -> Option<((u32, u32), String)> {
        let text = match &node.kind {
            Kind::String(text) | Kind::Number(text) => text.clone(),
            _ => {
                self.error(
                    Code::UnknownVersion,
                    node.span,
                    format!("expected a version such as 1.0.1, found {}", node.type_name()),
                    None::<Help>,
                );
                return None;
            }
        };
        let mut parts = text.split('.').map(str::parse::<u32>);
        let (Some(Ok(major)), Some(Ok(minor))) = (parts.next(), parts.next()) else {
            self.error(
                Code::UnknownVersion,
                node.span,
                format!("`{text}` is not a version of the Arazzo specification"),
                "write 1.0.1 or 1.1.0".to_owned(),
            );
            return None;
        };
        if major != 1 {
            let help = "this version reads Arazzo 1.0 and 1.1".to_owned();
            self.error(Code::UnknownVersion, node.span, format!("Arazzo {major} is not known"), help);
            return None;
        }
        let patch = text.split('.').nth(2).unwrap_or_default();
        if !patch.starts_with(|c: char| c.is_ascii_digit()) {
            self.diagnostics.push(
                Diagnostic::warning(
                    Code::UnknownVersion,
                    node.span,
                    format!("`{text}` is not a whole version; it is read as Arazzo {major}.{minor}"),
                )
                .help(format!("write {major}.{minor}.{}", u8::from(minor == 0))),
            );
        }
        if minor > 1 {
            self.diagnostics.push(
                Diagnostic::warning(
                    Code::UnknownVersion,
                    node.span,
                    format!("Arazzo {major}.{minor} is not known; it is read as 1.1"),
                )
                .help("fields that 1.1 does not have are reported".to_owned()),
            );
        }
        Some(((major, minor), text))
    }

    fn source(&mut self, node: &Node) -> Option<SourceDescription> {
        self.object(node, "a source description")?;
        self.fields(node, SOURCE, "a source description");
        let name = self.required(node, "name", "a source description").and_then(|n| self.text(n, "`name`"));
        let url = self.required(node, "url", "a source description").and_then(|n| self.text(n, "`url`"));
        let kind = self.optional_text(node, "type");
        if let Some(kind) =
            kind.as_ref().filter(|kind| !["openapi", "asyncapi", "arazzo"].contains(&kind.value.as_str()))
        {
            let help = "write openapi, asyncapi or arazzo".to_owned();
            self.error(
                Code::UnknownValue,
                kind.span(),
                format!("`{}` is not a type of source description", kind.value),
                help,
            );
        }
        Some(SourceDescription { name: name?, url: url?, kind })
    }

    fn workflow(&mut self, node: &Node) -> Option<Workflow> {
        self.object(node, "a workflow")?;
        self.fields(node, WORKFLOW, "a workflow");
        let id = self.required(node, "workflowId", "a workflow").and_then(|n| self.text_or_number(n, "`workflowId`"));
        let steps: Vec<Step> =
            self.list(node, "steps", "a workflow", true).iter().filter_map(|step| self.step(step)).collect();
        self.unique(
            steps.iter().map(|step| &step.id),
            "two steps of this workflow are called",
            "step ids are unique in a workflow",
        );
        let inputs = node.get("inputs");
        if let Some(inputs) = inputs.filter(|inputs| !is_schema(inputs)) {
            let message = format!("expected `inputs` to be a JSON Schema (an object), found {}", inputs.type_name());
            self.error(Code::WrongType, inputs.span, message, None::<Help>);
        }
        let parameters = self.parameters(node, "a workflow");
        Some(Workflow {
            steps,
            outputs: self.outputs(node),
            summary: self.optional_text(node, "summary"),
            inputs: inputs.filter(|inputs| is_schema(inputs)).cloned(),
            depends_on: self.names(node, "dependsOn", "a workflow"),
            success_actions: self.actions(node, "successActions", "a workflow", &SUCCESS),
            failure_actions: self.actions(node, "failureActions", "a workflow", &FAILURE),
            parameters,
            span: node.span,
            id: id?,
        })
    }

    fn step(&mut self, node: &Node) -> Option<Step> {
        self.object(node, "a step")?;
        self.fields(node, STEP, "a step");
        let id = self.required(node, "stepId", "a step").and_then(|n| self.text_or_number(n, "`stepId`"));
        let parameters = self.parameters(node, "a step");
        self.target(node, id.as_ref());
        let calls_workflow = node.get("workflowId").is_some();
        let unplaced = parameters.iter().filter_map(|parameter| match parameter {
            OrReusable::Object(parameter) if parameter.location.is_none() && !calls_workflow => Some(parameter),
            _ => None,
        });
        for parameter in unplaced {
            self.diagnostics.push(parameter.unplaced());
        }
        let criteria = self.list(node, "successCriteria", "a step", false);
        if let (true, Some((key, list))) = (criteria.is_empty(), node.member("successCriteria"))
            && matches!(list.kind, Kind::Array(_))
        {
            self.error(
                Code::EmptyList,
                key.span,
                "`successCriteria` needs at least one criterion",
                "leave it out to accept any 2xx answer".to_owned(),
            );
        }
        let success_criteria = criteria.iter().filter_map(|n| self.criterion(n)).collect();
        let depends_on = self.names(node, "dependsOn", "a step");
        if let (true, Some((key, list))) = (depends_on.is_empty(), node.member("dependsOn"))
            && matches!(list.kind, Kind::Array(_))
        {
            self.error(Code::EmptyList, key.span, "`dependsOn` needs at least one step", "leave it out".to_owned());
        }
        for name in depends_on.iter().filter(|name| name.value.starts_with('$') && !is_step_reference(&name.value)) {
            let local = name.value.strip_prefix("$steps.").map(|rest| rest.split('.').next().unwrap_or_default());
            let help = local.map_or_else(
                || "write a stepId, $workflows.<workflowId>.steps.<stepId> or $sourceDescriptions.<name>.<workflowId>.steps.<stepId>".to_owned(),
                |id| format!("write {id}"),
            );
            self.error(Code::UnknownValue, name.span(), format!("`{}` does not name a step", name.value), help);
        }
        let timeout = node.member("timeout").and_then(|(key, value)| {
            let ms = self.natural(value, "`timeout`", "a number of milliseconds")?;
            Some((key.clone(), ms))
        });
        let message =
            ["correlationId", "action"].into_iter().filter_map(|name| node.member(name).map(|(key, _)| key.clone()));
        Some(Step {
            description: self.optional_text(node, "description"),
            operation_id: self.optional_text(node, "operationId"),
            operation_path: self.optional_text(node, "operationPath"),
            workflow_id: self.optional_text(node, "workflowId"),
            channel_path: self.optional_text(node, "channelPath"),
            parameters,
            request_body: node.get("requestBody").and_then(|body| self.request_body(body)),
            success_criteria,
            on_success: self.actions(node, "onSuccess", "a step", &SUCCESS),
            on_failure: self.actions(node, "onFailure", "a step", &FAILURE),
            outputs: self.outputs(node),
            timeout,
            depends_on,
            message: message.collect(),
            id: id?,
        })
    }

    /// `what`, or a reference to one: told apart by the field `reference`.
    fn or_reusable<T>(
        &mut self,
        node: &Node,
        what: &str,
        read: impl FnOnce(&mut Self, &Node) -> Option<T>,
    ) -> Option<OrReusable<T>> {
        if !matches!(node.kind, Kind::Object(_)) {
            self.error(
                Code::WrongType,
                node.span,
                format!("expected {what}, or a reference to one, found {}", node.type_name()),
                None::<Help>,
            );
            return None;
        }
        match node.get("reference") {
            // "Any properties added MUST be ignored": they are said, and change nothing.
            Some(reference) => {
                self.fields(node, &["reference", "value"], "a Reusable Object");
                let reference = self.text(reference, "`reference`")?;
                Some(OrReusable::Reference { reference, value: node.get("value").cloned() })
            }
            None => {
                // `- name: $components.failureActions.retry`, and nothing else (docs/readings.md, `reference-as-name`).
                let name = node.get("name").and_then(text_of).filter(|name| name.value.starts_with("$components."));
                let only = node.get("type").is_none() && node.get("value").is_none();
                // `- $ref: '#/components/failureActions/retry'`: as OpenAPI writes one.
                let by_ref = node.get("$ref").and_then(text_of).and_then(|written| {
                    let (kind, key) = written.value.strip_prefix("#/components/")?.split_once('/')?;
                    Some(Text { value: format!("$components.{kind}.{key}"), node: written.node })
                });
                let Some(reference) = name.or(by_ref).filter(|_| only) else {
                    return read(self, node).map(OrReusable::Object);
                };
                self.departure(
                    Diagnostic::warning(
                        Code::ReferenceAsName,
                        reference.span(),
                        "a reference is written as `reference`",
                    )
                    .help(format!("write reference: {}", reference.value))
                    .section("§Reusable Object"),
                );
                Some(OrReusable::Reference { reference, value: None })
            }
        }
    }

    /// `parameters`, each (name, in) once.
    fn parameters(&mut self, node: &Node, what: &str) -> Vec<OrReusable<Parameter>> {
        let list = self.list(node, "parameters", what, false);
        let read: Vec<OrReusable<Parameter>> =
            list.iter().filter_map(|n| self.or_reusable(n, "a parameter", Self::parameter)).collect();
        let mut seen: Vec<(String, &str)> = vec![];
        for parameter in &read {
            let OrReusable::Object(parameter) = parameter else { continue };
            let place = parameter.location.as_ref().map_or("", |place| place.value.as_str());
            let name = &parameter.name.value;
            let folded = if place == "header" { name.to_ascii_lowercase() } else { name.clone() };
            let same = (folded, place);
            if seen.contains(&same) {
                self.diagnostics.push(
                    Diagnostic::error(
                        Code::DuplicateParameter,
                        parameter.name.span(),
                        format!("parameter `{name}` stands twice in this list"),
                    )
                    .help("keep one of them".to_owned())
                    .section("§Step Object"),
                );
            }
            seen.push(same);
        }
        read
    }

    /// A list of actions; a map of them, or a single one, means the same (docs/readings.md, `actions-as-map`).
    fn actions(&mut self, node: &Node, field: &str, what: &str, list: &ActionList) -> Vec<OrReusable<Action>> {
        let read = match node.member(field) {
            Some((key, value)) if matches!(value.kind, Kind::Object(_)) => {
                let single = value.get("type").and_then(Node::as_str).is_some() || value.get("reference").is_some();
                let message = format!("`{field}` is a list of actions");
                self.departure(
                    Diagnostic::warning(Code::ActionsAsMap, key.span, message)
                        .label(if single { "read as a list of one" } else { "read as a list, with the keys as names" })
                        .help("begin each action with `- `".to_owned()),
                );
                if single {
                    self.or_reusable(value, list.what, |r, n| r.action(n, list, None)).into_iter().collect()
                } else {
                    let each = value.members().iter().filter_map(|(key, node)| {
                        self.or_reusable(node, list.what, |r, n| r.action(n, list, Some(key)))
                    });
                    each.collect()
                }
            }
            _ => {
                let items = self.list(node, field, what, false);
                let each = items.iter().filter_map(|n| self.or_reusable(n, list.what, |r, n| r.action(n, list, None)));
                each.collect::<Vec<_>>()
            }
        };
        let mut seen: Vec<&str> = vec![];
        let names = read.iter().filter_map(|action| match action {
            OrReusable::Object(action) => action.name.as_ref(),
            OrReusable::Reference { reference, .. } => Some(reference),
        });
        for name in names {
            if seen.contains(&name.value.as_str()) {
                let message = format!("two actions of this list are called `{}`", name.value);
                self.departure(
                    Diagnostic::warning(Code::DuplicateAction, name.span(), message)
                        .help("give each its own name".to_owned())
                        .section("§Step Object"),
                );
            }
            seen.push(&name.value);
        }
        read
    }

    /// A list of different names.
    fn names(&mut self, node: &Node, field: &str, what: &str) -> Vec<Text> {
        let items = self.list(node, field, what, false);
        let mut read: Vec<Text> = vec![];
        for item in items {
            let Some(name) = self.text(item, &format!("an entry of `{field}`")) else { continue };
            if read.iter().any(|known| known.value == name.value) {
                let message = format!("`{}` stands twice in `{field}`", name.value);
                self.error(Code::DuplicateName, name.span(), message, "keep one of them".to_owned());
                continue;
            }
            read.push(name);
        }
        read
    }

    /// What a step calls: one of four fields, and what goes with it.
    fn target(&mut self, node: &Node, id: Option<&Text>) {
        let name = id.map_or("", |id| id.value.as_str());
        let given: Vec<(&str, &Key)> = ["operationId", "operationPath", "workflowId", "channelPath"]
            .into_iter()
            .filter_map(|field| node.member(field).map(|(key, _)| (field, key)))
            .collect();
        let meant = |field: &&str| self.misspelt(node, field).map(|key| key.span);
        let misspelt = ["operationId", "operationPath", "workflowId", "channelPath"].iter().find_map(meant);
        match (given.as_slice(), misspelt) {
            ([], Some(span)) => self.diagnostics.raise(Code::UnknownField, span),
            ([], None) => self.diagnostics.push(
                Diagnostic::error(
                    Code::MissingField,
                    id.map_or(node.span, Text::span),
                    format!("step `{name}` does not say what it calls"),
                )
                .help("add `operationId`, `operationPath` or `workflowId`".to_owned())
                .section("§Step Object"),
            ),
            ([_], _) => {}
            ([(one, _), (two, key), ..], _) => self.diagnostics.push(
                Diagnostic::error(
                    Code::SeveralTargets,
                    key.span,
                    format!("step `{name}` has both `{one}` and `{two}`"),
                )
                .help("keep the one that is meant".to_owned())
                .section("§Step Object"),
            ),
        }
        let has = |field: &str| given.iter().any(|(known, _)| *known == field);
        let action = node.member("action");
        if let Some((key, _)) = action.into_iter().chain(node.member("correlationId")).find(|_| has("workflowId")) {
            let message = format!(
                "`{}` belongs to steps that send or receive messages, not to a step that calls a workflow",
                key.name
            );
            self.error(Code::MisplacedField, key.span, message, "leave it out".to_owned());
        } else if let Some((_, value)) = action
            && !matches!(value.as_str(), Some("send" | "receive"))
        {
            self.error(
                Code::UnknownValue,
                value.span,
                "`action` is send or receive",
                "write send or receive".to_owned(),
            );
        }
        let word = action.and_then(|(_, value)| value.as_str());
        if let Some((_, key)) = given.iter().find(|(field, _)| *field == "channelPath")
            && action.is_none()
        {
            let message = format!("step `{name}` names a channel and does not say whether it sends or receives");
            self.error(Code::MissingField, key.span, message, "add `action: send` or `action: receive`".to_owned());
        }
        if let Some((key, _)) = node.member("correlationId")
            && !has("workflowId")
            && word != Some("receive")
        {
            let message = "`correlationId` belongs to a step that receives a message";
            self.error(Code::MisplacedField, key.span, message, "add `action: receive`, or leave it out".to_owned());
        }
    }

    /// A whole number that is not negative.
    fn natural(&mut self, node: &Node, what: &str, wanted: &str) -> Option<u64> {
        let number = match &node.kind {
            Kind::Number(_) => node.to_json(),
            _ => Json::Null,
        };
        let whole = number.as_u64().or_else(|| {
            number.as_f64().filter(|n| *n >= 0.0 && n.fract() == 0.0 && *n < u64::MAX as f64).map(|n| n as u64)
        });
        if whole.is_none() {
            let found = if number.is_null() { node.type_name().to_owned() } else { format!("`{number}`") };
            let help = "write digits only, without quotes".to_owned();
            self.error(Code::WrongType, node.span, format!("expected {what} to be {wanted}, found {found}"), help);
        }
        whole
    }

    /// `type` of a criterion, selector or replacement.
    fn expression_type(&mut self, node: &Node, words: &[&str], what: &str) -> Option<ExpressionType> {
        const VERSIONS: [(&str, &[&str]); 3] = [
            ("jsonpath", &["rfc9535", "draft-goessner-dispatch-jsonpath-00"]),
            ("xpath", &["xpath-31", "xpath-30", "xpath-20", "xpath-10"]),
            ("jsonpointer", &["rfc6901"]),
        ];
        let (word, version) = match &node.kind {
            Kind::Object(_) => {
                self.fields(node, &["type", "version"], "an Expression Type Object");
                let word = self.required(node, "type", "an Expression Type Object")?;
                let version = self.required(node, "version", "an Expression Type Object")?;
                (self.text(word, "`type`")?, Some(self.text_or_number(version, "`version`")?))
            }
            _ => (self.text(node, "`type`")?, None),
        };
        let known: Vec<&str> = match &version {
            Some(_) => VERSIONS.iter().map(|(word, _)| *word).collect(),
            None => words.to_vec(),
        };
        if !known.contains(&word.value.as_str()) {
            let help = nearest(&word.value, known.iter().copied())
                .map_or_else(|| Help::words(format!("write one of {}", known.join(", "))), Help::meant);
            let message = format!("`{}` is not a type of {what}", word.value);
            self.diagnostics.push(
                Diagnostic::error(Code::UnknownValue, word.span(), message)
                    .help(help)
                    .section("§Expression Type Object"),
            );
            return None;
        }
        let versions = VERSIONS.iter().find(|(known, _)| *known == word.value).map_or(&[][..], |(_, all)| *all);
        if let Some(version) = version.as_ref().filter(|version| !versions.contains(&version.value.as_str())) {
            let message = format!("`{}` is not a version of {}", version.value, word.value);
            self.diagnostics.push(
                Diagnostic::error(Code::UnknownValue, version.span(), message)
                    .help(format!("write one of {}", versions.join(", ")))
                    .section("§Expression Type Object"),
            );
            return None;
        }
        let version = version.as_ref().map_or("", |version| version.value.as_str());
        Some(match (word.value.as_str(), version) {
            ("simple", _) => ExpressionType::Simple,
            ("regex", _) => ExpressionType::Regex,
            ("jsonpointer", _) => ExpressionType::Jsonpointer,
            ("jsonpath", "draft-goessner-dispatch-jsonpath-00") => ExpressionType::Goessner,
            ("jsonpath", _) => ExpressionType::Jsonpath,
            (_, "xpath-10") => ExpressionType::Xpath(XpathVersion::V10),
            (_, "xpath-20") => ExpressionType::Xpath(XpathVersion::V20),
            (_, "xpath-30") => ExpressionType::Xpath(XpathVersion::V30),
            _ => ExpressionType::Xpath(XpathVersion::V31),
        })
    }

    fn replacement(&mut self, node: &Node) -> Option<Replacement> {
        const WHAT: &str = "a replacement";
        self.object(node, WHAT)?;
        self.fields(node, REPLACEMENT, WHAT);
        let target = self.required(node, "target", WHAT).and_then(|n| self.text(n, "`target`"));
        let value = self.required(node, "value", WHAT);
        let kind = match node.get("targetSelectorType") {
            Some(kind) => Some(self.expression_type(kind, SELECTOR_TYPES, "selector")?),
            None => None,
        };
        let value = value?.clone();
        self.selectors(&value);
        Some(Replacement { target: target?, kind, value })
    }

    /// Checks the Selector Objects in a value.
    fn selectors(&mut self, node: &Node) {
        if selector_fields(node).is_some() {
            let _ = self.selector(node);
            return;
        }
        node.items()
            .iter()
            .chain(node.members().iter().map(|(_, value)| value))
            .for_each(|value| self.selectors(value));
    }

    fn selector(&mut self, node: &Node) -> Option<Selector> {
        const WHAT: &str = "a Selector Object";
        self.fields(node, SELECTOR, WHAT);
        let context = self.required(node, "context", WHAT).and_then(|n| self.text(n, "`context`"));
        let selector = self.required(node, "selector", WHAT).and_then(|n| self.text(n, "`selector`"));
        let kind = self.required(node, "type", WHAT);
        let kind = kind.and_then(|n| self.expression_type(n, SELECTOR_TYPES, "selector"));
        Some(Selector { context: context?, selector: selector?, kind: kind? })
    }

    fn parameter(&mut self, node: &Node) -> Option<Parameter> {
        self.fields(node, PARAMETER, "a parameter");
        let name = self.required(node, "name", "a parameter").and_then(|n| self.text_or_number(n, "`name`"));
        let value = self.required(node, "value", "a parameter");
        let location = self.optional_text(node, "in");
        if let Some(place) = location.as_ref().filter(|place| !PLACES.contains(&place.value.as_str())) {
            let help = nearest(&place.value, PLACES.iter().copied())
                .map_or_else(|| Help::words("write path, query, header or cookie"), Help::meant);
            let message = format!("`{}` is not a place of a parameter", place.value);
            self.error(Code::UnknownValue, place.span(), message, help);
        }
        if let Some(value) = value {
            self.selectors(value);
        }
        Some(Parameter { location, name: name?, value: value?.clone() })
    }

    fn request_body(&mut self, node: &Node) -> Option<RequestBody> {
        self.object(node, "a request body")?;
        self.fields(node, BODY, "a request body");
        let replacements = self.list(node, "replacements", "a request body", false);
        if let Some(payload) = node.get("payload") {
            self.selectors(payload);
        }
        Some(RequestBody {
            content_type: self.optional_text(node, "contentType"),
            payload: node.get("payload").cloned(),
            replacements: replacements.iter().filter_map(|n| self.replacement(n)).collect(),
            span: node.span,
        })
    }

    fn criterion(&mut self, node: &Node) -> Option<Criterion> {
        if let Some(text) = node.as_str() {
            let message = "expected a criterion (an object), found a string".to_owned();
            self.error(Code::WrongType, node.span, message, format!("write condition: {text}"));
            return None;
        }
        self.object(node, "a criterion")?;
        self.fields(node, CRITERION, "a criterion");
        let condition = self.required(node, "condition", "a criterion").and_then(|n| self.condition(n));
        let kind = match node.get("type") {
            Some(kind) => {
                let read = self.expression_type(kind, &["simple", "regex", "jsonpath", "xpath"], "criterion")?;
                Some((read, kind.clone()))
            }
            None => None,
        };
        let context = self.optional_text(node, "context");
        if let (Some((read, _)), None, Some(condition)) = (&kind, &context, &condition)
            && *read != ExpressionType::Simple
        {
            let word = read.word();
            self.diagnostics.push(
                Diagnostic::error(
                    Code::MissingField,
                    condition.span(),
                    format!("a {word} criterion needs a `context`"),
                )
                .help("add `context: $response.body`".to_owned())
                .section("§Criterion Object"),
            );
            return None;
        }
        Some(Criterion { context, condition: condition?, kind })
    }

    /// `condition: true` is a condition too; its text is what stands in the document.
    fn condition(&mut self, node: &Node) -> Option<Text> {
        match &node.kind {
            Kind::Bool(_) | Kind::Number(_) | Kind::Null => {
                Some(Text { value: self.sources.text(node.span).to_owned(), node: node.clone() })
            }
            _ => self.text(node, "`condition`"),
        }
    }

    fn action(&mut self, node: &Node, list: &ActionList, key: Option<&Key>) -> Option<Action> {
        let what = list.what;
        // `retry` on success is a reading with fields of its own.
        let retries = node.get("type").and_then(Node::as_str) == Some("retry");
        let known = if retries { FAILURE.fields } else { list.fields };
        let condition = node.member("condition");
        match condition {
            // With a condition, `context` is that of its criterion.
            Some(_) => self.fields(node, &[known, &["condition", "context"]].concat(), what),
            None => self.fields(node, known, what),
        }
        let named = self.optional_text(node, "name");
        let name = named.or_else(|| {
            let key = key?;
            let node = Node { span: key.span, kind: Kind::String(key.name.clone()) };
            Some(Text { value: key.name.clone(), node })
        });
        if name.is_none() && self.misspelt(node, "name").is_none() {
            let message = format!("{what} has no `name`");
            let help = "give it a name; it is shown as its type and position".to_owned();
            self.departure(Diagnostic::warning(Code::MissingActionName, node.span, message).help(help));
        }
        let kind = self.required(node, "type", what).and_then(|n| self.text(n, "`type`"));
        let mut criteria: Vec<Criterion> =
            self.list(node, "criteria", what, false).iter().filter_map(|n| self.criterion(n)).collect();
        criteria.extend(condition.and_then(|(key, value)| self.action_condition(node, key, value, what)));
        let parameters = self.parameters(node, what);
        if let (Some((key, _)), None) = (node.member("parameters"), node.get("workflowId")) {
            let message = "`parameters` of an action are passed to a workflow, and this action names none";
            self.error(Code::MisplacedField, key.span, message, "add `workflowId`, or leave them out".to_owned());
        }
        let targets = (node.member("stepId"), node.member("workflowId"));
        if let (Some(_), Some((key, _))) = targets {
            let message = format!("{what} has both `stepId` and `workflowId`");
            self.error(Code::SeveralTargets, key.span, message, "keep the one that is meant".to_owned());
        }
        if let (Some(kind), (None, None)) = (kind.as_ref().filter(|kind| kind.value == "goto"), targets) {
            let misspelt = self.misspelt(node, "stepId").or_else(|| self.misspelt(node, "workflowId"));
            if let Some(span) = misspelt.map(|key| key.span) {
                self.diagnostics.raise(Code::UnknownField, span);
            } else {
                let help = "add `stepId` or `workflowId`".to_owned();
                self.error(Code::MissingField, kind.span(), "`goto` does not say where to", help);
            }
        }
        if let Some(kind) = kind.as_ref().filter(|kind| !["end", "goto", "retry"].contains(&kind.value.as_str())) {
            let message = format!("`{}` is not a type of {what}", kind.value);
            self.error(Code::UnknownValue, kind.span(), message, format!("write {}", list.types));
        }
        if let Some(kind) = kind.as_ref().filter(|kind| kind.value == "retry" && !list.retries) {
            self.departure(
                Diagnostic::warning(Code::SuccessRetry, kind.span(), "a success action does not retry")
                    .label("the step is run again, at most `retryLimit` times")
                    .help("repeat a step with `goto` its own stepId and a criterion".to_owned())
                    .section("§Success Action Object"),
            );
        }
        let retry_after = node.get("retryAfter").and_then(|after| self.seconds(after));
        let retry_limit = node.get("retryLimit").and_then(|n| self.natural(n, "`retryLimit`", "a number of retries"));
        Some(Action {
            step_id: self.optional_text(node, "stepId"),
            workflow_id: self.optional_text(node, "workflowId"),
            parameters,
            retry_after,
            retry_limit: retry_limit.map(|limit| u32::try_from(limit).unwrap_or(u32::MAX)),
            span: node.span,
            name,
            kind: kind?,
            criteria,
        })
    }

    /// The reading `action-condition`: a condition that stands on the action is one of its criteria. The `type` beside it
    /// is the action's.
    fn action_condition(&mut self, node: &Node, key: &Key, value: &Node, what: &str) -> Option<Criterion> {
        self.departure(
            Diagnostic::warning(Code::ActionCondition, key.span, format!("{what} has no field `condition`"))
                .label("read as one of its `criteria`")
                .help("write criteria: [{ condition: … }], with its `context` and `type` inside".to_owned())
                .section(if what == SUCCESS.what { "§Success Action Object" } else { "§Failure Action Object" }),
        );
        let context = self.optional_text(node, "context");
        Some(Criterion { context, condition: self.condition(value)?, kind: None })
    }

    /// `retryAfter`: seconds with decimals → ms.
    fn seconds(&mut self, node: &Node) -> Option<u64> {
        let seconds = match node.kind {
            Kind::Number(_) => node.to_json().as_f64(),
            _ => None,
        };
        let ms = seconds.filter(|s| *s >= 0.0).map(|s| (s * 1000.0).round().min(u64::MAX as f64) as u64);
        if ms.is_none() {
            let found = seconds.map_or_else(|| node.type_name().to_owned(), |s| format!("`{s}`"));
            let message = format!("expected `retryAfter` to be a number of seconds, found {found}");
            self.error(Code::WrongType, node.span, message, "write seconds without a unit: 5, or 0.5".to_owned());
        }
        ms
    }

    fn outputs(&mut self, node: &Node) -> Vec<Output> {
        match node.get("outputs") {
            None => vec![],
            Some(outputs) if matches!(outputs.kind, Kind::Object(_)) => {
                let mut read = vec![];
                for (name, value) in outputs.members() {
                    match &value.kind {
                        Kind::Object(_) => {
                            let Some(selector) = self.selector(value) else { continue };
                            if !is_selector(value) {
                                let written = &selector.context;
                                let message = format!("`{}` is not a runtime expression", written.value);
                                let help = "write an expression such as $response.body".to_owned();
                                self.error(Code::ExpressionSyntax, written.span(), message, help);
                                continue;
                            }
                        }
                        Kind::Array(_) => {
                            let found = value.type_name();
                            let message = format!("expected a runtime expression or a Selector Object, found {found}");
                            let help = "write an expression such as $response.body#/id".to_owned();
                            self.error(Code::WrongType, value.span, message, help);
                            continue;
                        }
                        _ => {}
                    }
                    read.push(Output { name: name.clone(), value: value.clone() });
                }
                read
            }
            Some(other) => {
                self.error(
                    Code::WrongType,
                    other.span,
                    format!("expected `outputs` to be a map of names to expressions, found {}", other.type_name()),
                    None::<Help>,
                );
                vec![]
            }
        }
    }

    fn object(&mut self, node: &Node, what: &str) -> Option<()> {
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

    fn required<'n>(&mut self, node: &'n Node, name: &str, what: &str) -> Option<&'n Node> {
        self.required_of(node, node.span, name, what)
    }

    /// As [`Reader::required`]; `place` is where people look for what is not there.
    fn required_of<'n>(&mut self, node: &'n Node, place: Span, name: &str, what: &str) -> Option<&'n Node> {
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
    fn misspelt<'n>(&self, node: &'n Node, name: &str) -> Option<&'n Key> {
        node.members().iter().map(|(key, _)| key).find(|key| {
            let said = |d: &Diagnostic| {
                let meant = d.suggestion().is_some_and(|suggestion| suggestion.name == name);
                d.code == Code::UnknownField && d.span == Some(key.span) && meant
            };
            self.diagnostics.iter().any(said)
        })
    }

    /// The items of an array field; anything else is a fault, and so is its absence or emptiness where it is required.
    fn list<'n>(&mut self, node: &'n Node, name: &str, what: &str, required: bool) -> &'n [Node] {
        let found = if required { self.required(node, name, what) } else { node.get(name) };
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

    fn text(&mut self, node: &Node, what: &str) -> Option<Text> {
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

    /// `version: 1.0` and `stepId: 1` are numbers to YAML; their text is what was meant.
    fn text_or_number(&mut self, node: &Node, what: &str) -> Option<Text> {
        match &node.kind {
            Kind::Number(text) => Some(Text { value: text.clone(), node: node.clone() }),
            _ => self.text(node, what),
        }
    }

    fn optional_text(&mut self, node: &Node, name: &str) -> Option<Text> {
        node.get(name).and_then(|value| self.text(value, &format!("`{name}`")))
    }

    /// Reports fields that an object does not have, unless they are extensions.
    fn fields(&mut self, node: &Node, known: &[&str], what: &str) {
        let unknown = |name: &str| !known.contains(&name) && !name.starts_with("x-");
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

    fn departure(&mut self, mut diagnostic: Diagnostic) {
        if let Some(severity) = self.readings.severity(diagnostic.code) {
            diagnostic.severity = severity;
            self.diagnostics.push(diagnostic);
        }
    }
}

/// `context` (an expression), `selector` and `type`: a Selector Object, where any value may stand.
fn selector_fields(node: &Node) -> Option<(&Node, &Node, &Node)> {
    let expression = |node: &&Node| node.as_str().is_some_and(|text| text.starts_with('$') || text.starts_with("{$"));
    let context = node.get("context").filter(expression)?;
    Some((context, node.get("selector")?, node.get("type")?))
}

/// The Selector Object that a value is; nothing if it is another value, or a faulty one, which [`read`] has said.
#[must_use]
pub fn selector(node: &Node, sources: &Sources) -> Option<Selector> {
    selector_fields(node)?;
    Reader { sources, readings: Readings::Lenient, diagnostics: Diagnostics::default() }.selector(node)
}

/// `true` if a value is written as a Selector Object, faulty or not.
#[must_use]
pub fn is_selector(node: &Node) -> bool {
    selector_fields(node).is_some()
}

/// A JSON Schema is an object, or `true` or `false`.
fn is_schema(node: &Node) -> bool {
    matches!(node.kind, Kind::Object(_) | Kind::Bool(_))
}

/// `^[a-zA-Z0-9\.\-_]+$`: keys of components and names of outputs.
#[must_use]
pub fn is_identifier(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
}

/// `$workflows.<workflowId>.steps.<stepId>`, `$sourceDescriptions.<name>.<workflowId>.steps.<stepId>`
fn is_step_reference(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let form = matches!(parts.as_slice(), ["$workflows", _, "steps", _] | ["$sourceDescriptions", _, _, "steps", _]);
    form && parts.iter().all(|part| !part.is_empty())
}

fn text_of(node: &Node) -> Option<Text> {
    node.as_str().map(|value| Text { value: value.to_owned(), node: node.clone() })
}
