//! The fields of each object of the specification, in its order, each with a sentence of what it is for.

/// A field of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) words: &'static str,
}

/// An object of the specification, as far as its fields are offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Object {
    Root,
    Info,
    Source,
    Workflow,
    Step,
    Parameter,
    Body,
    Replacement,
    Criterion,
    SuccessAction,
    FailureAction,
    Components,
    /// A JSON Schema of inputs.
    Schema,
    /// Outputs: any name, an expression behind it.
    Outputs,
}

/// The place of a field among those of the object at this path; nothing where the specification names no fields. A merge
/// key comes first, extensions and unknown fields last. A step begins with its name, as every example of the
/// specification does.
pub(crate) fn field_order(path: &[String]) -> Option<impl Fn(&str) -> usize + use<>> {
    let object = Object::at(path).filter(|object| !matches!(object, Object::Schema | Object::Outputs))?;
    Some(move |name: &str| match name {
        "<<" => 0,
        "stepId" if object == Object::Step => 1,
        _ => object.fields().iter().position(|field| field.name == name).map_or(usize::MAX, |place| place + 2),
    })
}

/// Fields whose texts are for people: what looks like an expression there is none.
pub(super) fn is_prose(field: &str) -> bool {
    matches!(field, "description" | "summary")
}

impl Object {
    /// The object at a place of a document.
    pub(super) fn at(tokens: &[String]) -> Option<Self> {
        let mut object = Self::Root;
        let mut left = tokens.iter();
        while let Some(field) = left.next() {
            let (below, is_list) = object.below(field)?;
            if is_list && left.next().is_none() {
                return None;
            }
            object = below;
        }
        Some(object)
    }

    /// The kind of object in a field, and whether the field is a list or a map of them.
    fn below(self, field: &str) -> Option<(Self, bool)> {
        Some(match (self, field) {
            (Self::Root, "info") => (Self::Info, false),
            (Self::Root, "sourceDescriptions") => (Self::Source, true),
            (Self::Root, "workflows") => (Self::Workflow, true),
            (Self::Root, "components") => (Self::Components, false),
            (Self::Workflow, "steps") => (Self::Step, true),
            (Self::Workflow, "inputs") => (Self::Schema, false),
            (Self::Workflow | Self::Step, "outputs") => (Self::Outputs, false),
            (Self::Components, "inputs") | (Self::Schema, "properties") => (Self::Schema, true),
            (
                Self::Workflow | Self::Step | Self::Components | Self::SuccessAction | Self::FailureAction,
                "parameters",
            ) => (Self::Parameter, true),
            (Self::Workflow | Self::Components, "successActions") | (Self::Step, "onSuccess") => {
                (Self::SuccessAction, true)
            }
            (Self::Workflow | Self::Components, "failureActions") | (Self::Step, "onFailure") => {
                (Self::FailureAction, true)
            }
            (Self::Step, "requestBody") => (Self::Body, false),
            (Self::Step, "successCriteria") | (Self::SuccessAction | Self::FailureAction, "criteria") => {
                (Self::Criterion, true)
            }
            (Self::Body, "replacements") => (Self::Replacement, true),
            _ => return None,
        })
    }

    /// The field of this name.
    pub(super) fn field(self, name: &str) -> Option<&'static Field> {
        self.fields().iter().find(|field| field.name == name)
    }

    /// The words that a field may have for a value, where they are known.
    pub(super) fn values(self, field: &str) -> &'static [&'static str] {
        match (self, field) {
            (Self::Source, "type") => &["openapi", "arazzo", "asyncapi"],
            (Self::Parameter, "in") => &["path", "query", "header", "cookie", "querystring"],
            (Self::Criterion, "type") => &["simple", "regex", "jsonpath", "xpath"],
            (Self::SuccessAction, "type") => &["end", "goto"],
            (Self::FailureAction, "type") => &["end", "retry", "goto"],
            (Self::Body, "contentType") => {
                &["application/json", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain"]
            }
            (Self::Schema, "type") => &["string", "integer", "number", "boolean", "object", "array"],
            (Self::Schema, "format") => {
                &["password", "date", "date-time", "time", "email", "uri", "uuid", "hostname", "ipv4", "ipv6"]
            }
            (Self::Step, "action") => &["send", "receive"],
            (Self::Replacement, "targetSelectorType") => &["jsonpointer", "jsonpath", "xpath"],
            (Self::Root, "arazzo") => &["1.0.1", "1.0.0", "1.1.0"],
            _ => &[],
        }
    }

    /// What a field usually holds, as a snippet; nothing where its value stands behind it.
    pub(super) fn shape(self, field: &str) -> &'static [&'static str] {
        match (self, field) {
            (Self::Root, "info") => &["info:", "  title: ${1}", "  version: '${2:1}'"],
            (Self::Root, "sourceDescriptions") => {
                &["sourceDescriptions:", "  - name: ${1:api}", "    url: ${2}", "    type: ${3:openapi}"]
            }
            (Self::Root, "workflows") => &[
                "workflows:",
                "  - workflowId: ${1}",
                "    steps:",
                "      - stepId: ${2}",
                "        operationId: ${0}",
            ],
            (Self::Workflow, "steps") => &["steps:", "  - stepId: ${1}", "    operationId: ${0}"],
            (Self::Workflow, "inputs") => {
                &["inputs:", "  type: object", "  properties:", "    ${1:name}:", "      type: ${2:string}"]
            }
            (Self::Workflow | Self::Step, "outputs") => &["outputs:", "  ${1:name}: ${0}"],
            (Self::Step, "requestBody") => {
                &["requestBody:", "  contentType: ${1:application/json}", "  payload:", "    ${0}"]
            }
            (Self::Body, "payload") => &["payload:", "  ${0}"],
            (Self::Body, "replacements") => &["replacements:", "  - target: ${1}", "    value: ${0}"],
            (Self::Schema, "properties") => &["properties:", "  ${1:name}:", "    type: ${0:string}"],
            (Self::Schema, _) | (Self::Components, "parameters" | "successActions" | "failureActions") => &[],
            (_, "parameters") => &["parameters:", "  - ${0}"],
            (_, "successCriteria") => &["successCriteria:", "  - ${0}"],
            (_, "criteria") => &["criteria:", "  - ${0}"],
            (_, "onSuccess") => &["onSuccess:", "  - ${0}"],
            (_, "onFailure") => &["onFailure:", "  - ${0}"],
            (_, "successActions") => &["successActions:", "  - ${0}"],
            (_, "failureActions") => &["failureActions:", "  - ${0}"],
            (_, "dependsOn") => &["dependsOn:", "  - ${0}"],
            _ => &[],
        }
    }

    /// The first fields of an object of a list, as a snippet, by the one that it begins with.
    pub(super) fn beginning(self, field: &str) -> Option<&'static [&'static str]> {
        Some(match (self, field) {
            (Self::Source, "name") => &["name: ${1:api}", "url: ${2}", "type: ${3:openapi}"],
            (Self::Workflow, "workflowId") => {
                &["workflowId: ${1}", "steps:", "  - stepId: ${2}", "    operationId: ${0}"]
            }
            (Self::Step, "stepId") => &["stepId: ${1}", "operationId: ${0}"],
            (Self::Parameter, "name") => &["name: ${1}", "in: ${2:query}", "value: ${0}"],
            (Self::Criterion, "context") => {
                &["context: ${1:\\$response.body}", "type: ${2:jsonpath}", "condition: ${0}"]
            }
            (Self::Replacement, "target") => &["target: ${1}", "value: ${0}"],
            _ => return None,
        })
    }

    /// The fields in the order of the specification.
    pub(super) fn fields(self) -> &'static [Field] {
        match self {
            Self::Root => ROOT,
            Self::Info => INFO,
            Self::Source => SOURCE,
            Self::Workflow => WORKFLOW,
            Self::Step => STEP,
            Self::Parameter => PARAMETER,
            Self::Body => BODY,
            Self::Replacement => REPLACEMENT,
            Self::Criterion => CRITERION,
            Self::SuccessAction => SUCCESS_ACTION,
            Self::FailureAction => FAILURE_ACTION,
            Self::Components => COMPONENTS,
            Self::Schema => SCHEMA,
            Self::Outputs => &[],
        }
    }
}

const fn field(name: &'static str, words: &'static str) -> Field {
    Field { name, words }
}

const ROOT: &[Field] = &[
    field("arazzo", "The version of the Arazzo Specification that the document uses. Required."),
    field("$self", "The url by which other documents know this one (Arazzo 1.1)."),
    field("info", "Metadata about the workflows of the document. Required."),
    field("sourceDescriptions", "The OpenAPI, AsyncAPI and Arazzo documents that the workflows use. Required."),
    field("workflows", "The workflows. Required."),
    field("components", "Inputs, parameters and actions that several workflows use."),
];

const INFO: &[Field] = &[
    field("title", "A title of the document. Required."),
    field("summary", "A short summary."),
    field("description", "A description; CommonMark may be used."),
    field("version", "The version of the document, not that of the specification. Required."),
];

const SOURCE: &[Field] = &[
    field("name", "A name that expressions and steps use: letters, digits, `-` and `_`. Required."),
    field("url", "Where the document is, relative to this one or absolute. Required."),
    field("type", "What the document is: `openapi`, `asyncapi` or `arazzo`."),
];

const WORKFLOW: &[Field] = &[
    field("workflowId", "The name of the workflow, unique in the document. Required."),
    field("summary", "A summary of the purpose of the workflow."),
    field("description", "A description; CommonMark may be used."),
    field("inputs", "A JSON Schema of the inputs; `$inputs.name` reads one."),
    field("dependsOn", "Workflows that must have run before this one."),
    field("steps", "The steps, in their order. Required."),
    field("successActions", "Actions of every step that succeeds and has none of its own."),
    field("failureActions", "Actions of every step that fails and has none of its own."),
    field("outputs", "Names and the expressions that give their values when the workflow has ended."),
    field("parameters", "Parameters of every step of the workflow."),
];

const STEP: &[Field] = &[
    field("description", "A description of the step; CommonMark may be used."),
    field("stepId", "The name of the step, unique in the workflow; `$steps.name` reads it. Required."),
    field("operationId", "The operation that the step calls, by its `operationId`."),
    field("operationPath", "The operation that the step calls, by a source description and a JSON Pointer."),
    field(
        "channelPath",
        "The channel that the step sends to or receives from: a source and a JSON Pointer (Arazzo 1.1).",
    ),
    field("workflowId", "The workflow that the step runs."),
    field("parameters", "What is passed to the operation or the workflow."),
    field("requestBody", "The body of the request."),
    field("successCriteria", "What has to be so for the step to succeed: all of them."),
    field("onSuccess", "Actions of which the first whose criteria are met is taken after a success."),
    field("onFailure", "Actions of which the first whose criteria are met is taken after a failure."),
    field("outputs", "Names and the expressions that give their values."),
    field("timeout", "Milliseconds after which the step has failed (Arazzo 1.1)."),
    field("correlationId", "What a message that comes has to name to be the one that is waited for (Arazzo 1.1)."),
    field("action", "What is done with the channel: `send` or `receive` (Arazzo 1.1)."),
    field("dependsOn", "Steps that must have ended before this one (Arazzo 1.1)."),
];

const PARAMETER: &[Field] = &[
    field("name", "The name of the parameter. Required."),
    field("in", "Where it goes: `path`, `query`, `header` or `cookie`. Required for an operation."),
    field("value", "A constant, or an expression. Required."),
    field("reference", "A parameter of `components` in its place: `$components.parameters.name`."),
];

const BODY: &[Field] = &[
    field("contentType", "The media type of the body; without it, that of the operation."),
    field("payload", "The body: a value with expressions in it, or a text."),
    field("replacements", "Places of the payload that are replaced by values."),
];

const REPLACEMENT: &[Field] = &[
    field("target", "The place in the payload: a JSON Pointer, or an XPath. Required."),
    field("targetSelectorType", "The language of the target: `jsonpointer`, `jsonpath` or `xpath` (Arazzo 1.1)."),
    field("value", "A constant, or an expression. Required."),
];

const CRITERION: &[Field] = &[
    field("context", "What the condition is about: an expression. Required where `type` is given."),
    field("condition", "What has to be so: `$statusCode == 200`, a pattern, a query. Required."),
    field("type", "The language of the condition: `simple`, `regex`, `jsonpath` or `xpath`."),
];

const SUCCESS_ACTION: &[Field] = &[
    field("name", "The name of the action. Required."),
    field("type", "What is done: `end` or `goto`. Required."),
    field("workflowId", "The workflow that is gone to."),
    field("stepId", "The step of this workflow that is gone to."),
    field("parameters", "What is passed to the workflow that is gone to (Arazzo 1.1)."),
    field("criteria", "What has to be so for the action to be taken: all of them."),
    field("reference", "An action of `components` in its place: `$components.successActions.name`."),
];

const FAILURE_ACTION: &[Field] = &[
    field("name", "The name of the action. Required."),
    field("type", "What is done: `end`, `retry` or `goto`. Required."),
    field("workflowId", "The workflow that is gone to, or that runs before the retry."),
    field("stepId", "The step that is gone to, or that runs before the retry."),
    field("parameters", "What is passed to the workflow that is gone to (Arazzo 1.1)."),
    field("retryAfter", "Seconds before the step is tried again."),
    field("retryLimit", "How often it is tried again; once without it."),
    field("criteria", "What has to be so for the action to be taken: all of them."),
    field("reference", "An action of `components` in its place: `$components.failureActions.name`."),
];

const COMPONENTS: &[Field] = &[
    field("inputs", "JSON Schemas that inputs refer to: `$ref: '#/components/inputs/name'`."),
    field("parameters", "Parameters, used as `reference: $components.parameters.name`."),
    field("successActions", "Success actions, used as `reference: $components.successActions.name`."),
    field("failureActions", "Failure actions, used as `reference: $components.failureActions.name`."),
];

const SCHEMA: &[Field] = &[
    field("type", "The type of the value."),
    field("properties", "The members of an object, each with a schema: the inputs."),
    field("required", "Names of the members that must be given."),
    field("description", "What it is for."),
    field("default", "The value where none is given."),
    field("enum", "The values that are allowed."),
    field("format", "The form of a text; `password` makes it a secret."),
    field("items", "The schema of the items of a list."),
    field("$ref", "A schema in its place: `'#/components/inputs/name'`."),
];
