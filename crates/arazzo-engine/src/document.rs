//! The Arazzo objects as the specification names them: [`Node`] → ([`Document`], diagnostics).
//!
//! Read by hand, field by field, so that every message can say what was expected where. Nothing is resolved here:
//! names, expressions and conditions stay text with a place. Fields of later versions are read too, so that what is
//! not run yet can be named by its field and line.

use crate::diagnostic::{Diagnostic, Diagnostics, nearest};
use crate::node::{Key, Kind, Node};
use crate::readings::Readings;
use crate::source::{SourceId, Sources, Span};

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
    pub components: Option<Node>,
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
    pub depends_on: Option<(Key, Node)>,
    /// `steps`
    pub steps: Vec<Step>,
    /// `successActions`
    pub success_actions: Option<(Key, Node)>,
    /// `failureActions`
    pub failure_actions: Option<(Key, Node)>,
    /// `parameters`
    pub parameters: Option<(Key, Node)>,
    /// `outputs`
    pub outputs: Vec<Output>,
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
    /// Fields that a later version runs: `timeout`, `correlationId`, `action`, `dependsOn`.
    pub later: Vec<Key>,
}

/// An object, or a reference to one in `components` (Reusable Object).
#[derive(Debug, Clone)]
pub enum OrReusable<T> {
    /// The object itself.
    Object(T),
    /// `reference: $components.…`
    Reference(Text),
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

/// Request Body Object.
#[derive(Debug, Clone)]
pub struct RequestBody {
    /// `contentType`
    pub content_type: Option<Text>,
    /// `payload`
    pub payload: Option<Node>,
    /// `replacements`
    pub replacements: Option<Key>,
    /// Its place.
    pub span: Span,
}

/// Criterion Object.
#[derive(Debug, Clone)]
pub struct Criterion {
    /// `context`
    pub context: Option<Text>,
    /// `condition`
    pub condition: Text,
    /// `type`: a word, or an Expression Type Object.
    pub kind: Option<Node>,
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
    /// Fields that a later version runs: `parameters`, `retryAfter`, `retryLimit`.
    pub later: Vec<Key>,
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
pub fn read(root: &Node, source: SourceId, sources: &Sources, readings: Readings) -> (Option<Document>, Diagnostics) {
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
const SUCCESS_ACTION: &[&str] = &["name", "type", "workflowId", "stepId", "parameters", "criteria"];
const FAILURE_ACTION: &[&str] =
    &["name", "type", "workflowId", "stepId", "parameters", "retryAfter", "retryLimit", "criteria"];

impl Reader<'_> {
    fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>, help: impl Into<Option<String>>) {
        self.diagnostics.push(Diagnostic::error(code, span, message).help(help));
    }

    fn document(&mut self, root: &Node, source: SourceId) -> Option<Document> {
        if !matches!(root.kind, Kind::Object(_)) {
            let help = "an Arazzo document begins with `arazzo: 1.0.1`".to_owned();
            self.error(
                "not-an-arazzo-document",
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
                "not-an-arazzo-document",
                span,
                message,
                "an Arazzo document begins with `arazzo: 1.0.1`".to_owned(),
            );
            return None;
        };
        self.fields(root, ROOT, "the document");
        let (version, version_text) = self.version(version)?;
        let info = self.required(root, "info", "the document");
        if let Some(info) = info.filter(|info| self.object(info, "`info`").is_some()) {
            self.fields(info, &["title", "summary", "description", "version"], "`info`");
            let _ = self.required(info, "title", "`info`").map(|node| self.text(node, "`title`"));
            let _ = self.required(info, "version", "`info`").map(|node| self.text_or_number(node, "`version`"));
        }
        let source_descriptions = self
            .list(root, "sourceDescriptions", "the document", true)
            .iter()
            .filter_map(|node| self.source(node))
            .collect();
        let workflows =
            self.list(root, "workflows", "the document", true).iter().filter_map(|node| self.workflow(node)).collect();
        Some(Document {
            source,
            version,
            version_text,
            self_uri: self.optional_text(root, "$self"),
            title: info.and_then(|info| info.get("title")).and_then(text_of),
            source_descriptions,
            workflows,
            components: root.get("components").cloned(),
        })
    }

    fn version(&mut self, node: &Node) -> Option<((u32, u32), String)> {
        let text = match &node.kind {
            Kind::String(text) | Kind::Number(text) => text.clone(),
            _ => {
                self.error(
                    "unknown-version",
                    node.span,
                    format!("expected a version such as 1.0.1, found {}", node.type_name()),
                    None,
                );
                return None;
            }
        };
        let mut parts = text.split('.').map(str::parse::<u32>);
        let (Some(Ok(major)), Some(Ok(minor))) = (parts.next(), parts.next()) else {
            self.error(
                "unknown-version",
                node.span,
                format!("`{text}` is not a version of the Arazzo specification"),
                "write 1.0.1 or 1.1.0".to_owned(),
            );
            return None;
        };
        if major != 1 {
            let help = "this version reads Arazzo 1.0 and 1.1".to_owned();
            self.error("unknown-version", node.span, format!("Arazzo {major} is not known"), help);
            return None;
        }
        if minor > 1 {
            self.diagnostics.push(
                Diagnostic::warning(
                    "unknown-version",
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
                "unknown-value",
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
        let steps = self.list(node, "steps", "a workflow", true).iter().filter_map(|step| self.step(step)).collect();
        let keep = |name: &str| node.member(name).map(|(key, value)| (key.clone(), value.clone()));
        Some(Workflow {
            steps,
            outputs: self.outputs(node),
            summary: self.optional_text(node, "summary"),
            inputs: node.get("inputs").cloned(),
            depends_on: keep("dependsOn"),
            success_actions: keep("successActions"),
            failure_actions: keep("failureActions"),
            parameters: keep("parameters"),
            id: id?,
        })
    }

    fn step(&mut self, node: &Node) -> Option<Step> {
        self.object(node, "a step")?;
        self.fields(node, STEP, "a step");
        let id = self.required(node, "stepId", "a step").and_then(|n| self.text_or_number(n, "`stepId`"));
        let parameters = self.list(node, "parameters", "a step", false);
        let parameters =
            parameters.iter().filter_map(|n| self.or_reusable(n, "a parameter", Self::parameter)).collect();
        let criteria = self.list(node, "successCriteria", "a step", false);
        if let (true, Some((key, _))) = (criteria.is_empty(), node.member("successCriteria")) {
            self.error(
                "empty-list",
                key.span,
                "`successCriteria` needs at least one criterion",
                "leave it out to accept any 2xx answer".to_owned(),
            );
        }
        let success_criteria = criteria.iter().filter_map(|n| self.criterion(n)).collect();
        let mut actions = |name: &str,
                           fields: &'static [&'static str],
                           what: &'static str|
         -> Vec<OrReusable<Action>> {
            let list = self.list(node, name, "a step", false);
            list.iter().filter_map(|n| self.or_reusable(n, what, |reader, n| reader.action(n, fields, what))).collect()
        };
        let on_success = actions("onSuccess", SUCCESS_ACTION, "a success action");
        let on_failure = actions("onFailure", FAILURE_ACTION, "a failure action");
        let later = ["timeout", "correlationId", "action", "dependsOn"]
            .into_iter()
            .filter_map(|name| node.member(name).map(|(key, _)| key.clone()));
        Some(Step {
            description: self.optional_text(node, "description"),
            operation_id: self.optional_text(node, "operationId"),
            operation_path: self.optional_text(node, "operationPath"),
            workflow_id: self.optional_text(node, "workflowId"),
            channel_path: self.optional_text(node, "channelPath"),
            parameters,
            request_body: node.get("requestBody").and_then(|body| self.request_body(body)),
            success_criteria,
            on_success,
            on_failure,
            outputs: self.outputs(node),
            later: later.collect(),
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
                "wrong-type",
                node.span,
                format!("expected {what}, or a reference to one, found {}", node.type_name()),
                None,
            );
            return None;
        }
        match node.get("reference") {
            Some(reference) => self.text(reference, "`reference`").map(OrReusable::Reference),
            None => read(self, node).map(OrReusable::Object),
        }
    }

    fn parameter(&mut self, node: &Node) -> Option<Parameter> {
        self.fields(node, PARAMETER, "a parameter");
        let name = self.required(node, "name", "a parameter").and_then(|n| self.text_or_number(n, "`name`"));
        let value = self.required(node, "value", "a parameter");
        Some(Parameter { location: self.optional_text(node, "in"), name: name?, value: value?.clone() })
    }

    fn request_body(&mut self, node: &Node) -> Option<RequestBody> {
        self.object(node, "a request body")?;
        self.fields(node, BODY, "a request body");
        Some(RequestBody {
            content_type: self.optional_text(node, "contentType"),
            payload: node.get("payload").cloned(),
            replacements: node.member("replacements").map(|(key, _)| key.clone()),
            span: node.span,
        })
    }

    fn criterion(&mut self, node: &Node) -> Option<Criterion> {
        self.object(node, "a criterion")?;
        self.fields(node, CRITERION, "a criterion");
        let condition = self.required(node, "condition", "a criterion").and_then(|n| self.condition(n));
        Some(Criterion {
            context: self.optional_text(node, "context"),
            condition: condition?,
            kind: node.get("type").cloned(),
        })
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

    fn action(&mut self, node: &Node, fields: &[&str], what: &str) -> Option<Action> {
        self.fields(node, fields, what);
        let name = self.optional_text(node, "name");
        if name.is_none() {
            let message = format!("{what} has no `name`");
            let help = "give it a name; it is shown as its type and position".to_owned();
            self.departure(Diagnostic::warning("missing-action-name", node.span, message).help(help));
        }
        let kind = self.required(node, "type", what).and_then(|n| self.text(n, "`type`"));
        let criteria = self.list(node, "criteria", what, false).iter().filter_map(|n| self.criterion(n)).collect();
        let later = ["parameters", "retryAfter", "retryLimit"]
            .into_iter()
            .filter_map(|name| node.member(name).map(|(key, _)| key.clone()));
        Some(Action {
            step_id: self.optional_text(node, "stepId"),
            workflow_id: self.optional_text(node, "workflowId"),
            later: later.collect(),
            span: node.span,
            name,
            kind: kind?,
            criteria,
        })
    }

    fn outputs(&mut self, node: &Node) -> Vec<Output> {
        match node.get("outputs") {
            None => vec![],
            Some(outputs) if matches!(outputs.kind, Kind::Object(_)) => outputs
                .members()
                .iter()
                .map(|(name, value)| Output { name: name.clone(), value: value.clone() })
                .collect(),
            Some(other) => {
                self.error(
                    "wrong-type",
                    other.span,
                    format!("expected `outputs` to be a map of names to expressions, found {}", other.type_name()),
                    None,
                );
                vec![]
            }
        }
    }

    fn object(&mut self, node: &Node, what: &str) -> Option<()> {
        if matches!(node.kind, Kind::Object(_)) {
            return Some(());
        }
        self.error("wrong-type", node.span, format!("expected {what} (an object), found {}", node.type_name()), None);
        None
    }

    fn required<'n>(&mut self, node: &'n Node, name: &str, what: &str) -> Option<&'n Node> {
        let found = node.get(name);
        if found.is_none() && matches!(node.kind, Kind::Object(_)) {
            self.error("missing-field", node.span, format!("{what} has no `{name}`"), format!("add `{name}:`"));
        }
        found
    }

    /// The items of an array field; anything else is a fault, and so is its absence or emptiness where it is required.
    fn list<'n>(&mut self, node: &'n Node, name: &str, what: &str, required: bool) -> &'n [Node] {
        let found = if required { self.required(node, name, what) } else { node.get(name) };
        match found {
            Some(list) if matches!(list.kind, Kind::Array(_)) => {
                if required && list.items().is_empty() {
                    self.error("empty-list", list.span, format!("`{name}` needs at least one entry"), None);
                }
                list.items()
            }
            Some(other) => {
                let help = matches!(other.kind, Kind::Object(_)).then(|| "begin each entry with `- `".to_owned());
                self.error(
                    "wrong-type",
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
                "wrong-type",
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
        for (key, _) in node.members() {
            if known.contains(&key.name.as_str()) || key.name.starts_with("x-") {
                continue;
            }
            let near = nearest(&key.name, known.iter().copied().filter(|field| node.get(field).is_none()));
            let diagnostic = Diagnostic::warning(
                "unknown-field",
                key.span,
                format!("{what} has no field `{}`; it is ignored", key.name),
            );
            let diagnostic = diagnostic.help(near.map(|field| format!("did you mean `{field}`?")));
            self.departure(diagnostic);
        }
    }

    fn departure(&mut self, mut diagnostic: Diagnostic) {
        if let Some(severity) = self.readings.severity(&diagnostic.code) {
            diagnostic.severity = severity;
            self.diagnostics.push(diagnostic);
        }
    }
}

fn text_of(node: &Node) -> Option<Text> {
    node.as_str().map(|value| Text { value: value.to_owned(), node: node.clone() })
}
