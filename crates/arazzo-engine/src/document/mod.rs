//! The Arazzo objects as the specification names them: [`Node`] → ([`Document`], diagnostics).
//!
//! Read by hand, field by field, so that every message can say what was expected where. Nothing is resolved here:
//! names, expressions and conditions stay text with a place. Fields of later versions are read too, so that what is
//! not run yet can be named by its field and line.

mod actions;
mod fields;
mod read;
mod shapes;
pub(crate) use shapes::type_word;

use std::ops::Range;
use std::sync::Arc;

pub(crate) use shapes::{newer_form, step_of_expression};

use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics, Edit, Subject};
use crate::node::{Key, Kind, Node, scalar_of};
use crate::readings::Readings;
use crate::source::{SourceId, Sources, Span};
use crate::string_enum::string_enum;
use crate::value::ExpressionType;

/// A string of a document, with its node for carets inside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    /// The value.
    pub value: String,
    /// Its place.
    pub node: Node,
}

impl Text {
    /// Its place.
    #[must_use]
    pub fn span(&self) -> Span {
        self.node.span
    }

    /// The range of all that is written, of which the value may be a part.
    pub(crate) fn whole(&self) -> Range<usize> {
        0..self.node.as_str().map_or(self.value.len(), str::len)
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
    /// `action`, and where it is written.
    pub action: Option<(MessageAction, Span)>,
    /// `correlationId`, with its key: any value of JSON.
    pub correlation_id: Option<(Key, Node)>,
}

string_enum! {
    /// What a step does with a channel.
    pub enum MessageAction: "action of a step" {
        /// It sends a message.
        Send = "send",
        /// It receives a message.
        Receive = "receive",
    }
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
    /// The message where a request needs its place and it has none.
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
    /// `true` for the condition of an action, which stands outside of its criteria.
    pub on_action: bool,
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
    let mut reader = Reader { sources, readings, diagnostics: Diagnostics::default(), position: None };
    let document = reader.document(root, source);
    (document, reader.diagnostics)
}

struct Reader<'a> {
    sources: &'a Sources,
    readings: Readings,
    diagnostics: Diagnostics,
    /// Where the action that is read stands in its list.
    position: Option<usize>,
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
    Reader { sources, readings: Readings::Lenient, diagnostics: Diagnostics::default(), position: None }.selector(node)
}

/// `true` if a value is written as a Selector Object, faulty or not.
#[must_use]
pub fn is_selector(node: &Node) -> bool {
    selector_fields(node).is_some()
}

/// The string of `{$inputs.a}` without quotes, which is a map of one name with nothing behind it for YAML.
#[must_use]
pub(crate) fn unquoted(node: &Node) -> Option<Node> {
    let Kind::Object(members) = &node.kind else { return None };
    let [(key, Node { kind: Kind::Null, .. })] = members.as_slice() else { return None };
    let begins = |name: &str| name.strip_prefix('$').is_some_and(|rest| rest.starts_with(char::is_alphabetic));
    begins(&key.name).then(|| Node { kind: Kind::String(key.name.clone()), span: key.span })
}

/// Says that an expression in braces stands without quotes; `text` is the string that is meant.
pub(crate) fn without_quotes(node: &Node, text: &Node, sources: &Sources) -> Diagnostic {
    let written = text.as_str().unwrap_or_default();
    let diagnostic =
        Diagnostic::warning(Code::ForeignPlaceholder, node.span, "braces without quotes are a map of YAML")
            .label("read as the expression")
            .help(format!("write {written}"))
            .section("§Runtime Expressions");
    let raw = sources.text(node.span);
    if !raw.starts_with('{') {
        return diagnostic;
    }
    // Quotes in the map are those of JSON.
    let text =
        if raw.contains('"') { crate::value::Json::String(written.to_owned()).to_string() } else { scalar_of(written) };
    diagnostic.fix(format!("write {written}"), true, vec![Edit { span: node.span, text }])
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
