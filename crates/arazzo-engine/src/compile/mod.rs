//! Bundle → [`Program`] in passes, each of which collects every fault.
//!
//! `resolve` turns names into operations, `build` turns strings into expressions, this file puts workflows together,
//! `flow` checks the order of steps, `secrets` finds which values must be masked. What is visible in the documents and
//! cannot be run is said here, before the first request.

use std::collections::HashMap;
use std::sync::Arc;

use jsonschema::PatternOptions;
use serde_json::Value as Json;

use crate::diagnostic::{Diagnostic, Diagnostics, Edit, nearest};
use crate::document::{self, Document, OrReusable, Text};
use crate::expr::{DeclaredInput, DeclaredStep, DeclaredSteps, Finding, Scope, StepId};
use crate::load::{Bundle, Described};
use crate::node::{Key, Kind, Node};
use crate::program::{
    Action, ApiSource, Call, Input, Inputs, Leaf, Operation, Output, Program, Step, Then, Workflow, WorkflowId,
};
use crate::readings::Readings;
use crate::source::{Sources, Span};

mod build;
mod flow;
mod resolve;
mod secrets;

/// A compiled description with everything that was found.
#[derive(Debug)]
pub struct Compiled {
    /// The program; a workflow with errors is in it, but not runnable.
    pub program: Arc<Program>,
    /// What was found in each workflow, by index.
    pub workflows: Vec<Diagnostics>,
    /// What was found outside of the workflows.
    pub description: Diagnostics,
}

impl Compiled {
    /// What keeps one workflow from running, or is unusual about it: of the whole description, and of the workflow.
    #[must_use]
    pub fn of(&self, workflow: WorkflowId) -> Diagnostics {
        let mut found = self.description.clone();
        found.extend(self.workflows.get(workflow.0 as usize).cloned().into_iter().flatten());
        found
    }
}

/// Compiles a bundle; `loading` is what was found while it was loaded.
///
/// The result always has every workflow of the document, with what was found in each, so that one faulty workflow
/// does not keep another from running.
#[must_use]
pub fn compile(bundle: &Bundle, loading: Diagnostics, readings: Readings) -> Compiled {
    let mut compiler = Compiler { bundle, readings, diagnostics: loading, steps: vec![], operations: vec![] };
    compiler.components();
    let mut description = std::mem::take(&mut compiler.diagnostics);
    let mut workflows = vec![];
    let mut found = vec![];
    for (index, workflow) in bundle.document.workflows.iter().enumerate() {
        let compiled = compiler.workflow(WorkflowId(index as u32), workflow);
        let own = std::mem::take(&mut compiler.diagnostics).sorted();
        workflows.push(Workflow { runnable: !own.has_errors(), ..compiled });
        found.push(own);
    }
    // Parts of large documents are read when they are looked at: now it is known what is wrong in them.
    for root in bundle.described.iter().filter_map(|described| described.root.as_ref()) {
        description.extend(root.faults());
    }
    let description = description.sorted();
    for workflow in &mut workflows {
        workflow.runnable &= !description.has_errors();
    }
    let mut program = Program {
        version: bundle.document.version_text.clone(),
        title: bundle.document.title.as_ref().map(|t| t.value.clone()).unwrap_or_default(),
        sources: Arc::new(bundle.sources.clone()),
        readings,
        apis: bundle.described.iter().map(|described| api(&bundle.sources, described)).collect(),
        workflows,
        steps: compiler.steps,
        operations: compiler.operations,
    };
    secrets::mark(&mut program);
    Compiled { program: Arc::new(program), workflows: found, description }
}

fn api(sources: &Sources, described: &Described) -> ApiSource {
    let file = described.root.as_ref().and_then(|root| sources.get(root.span.source)).map(|source| source.name.clone());
    ApiSource { name: described.name.clone(), file: file.unwrap_or_default() }
}

struct Compiler<'b> {
    bundle: &'b Bundle,
    readings: Readings,
    diagnostics: Diagnostics,
    steps: Vec<Step>,
    operations: Vec<Operation>,
}

/// Where the strings of a step or workflow stand.
struct Context<'a> {
    scope: Scope<'a>,
    /// Inputs that may be absent: neither required nor with a default.
    optional: &'a [String],
}

impl<'b> Compiler<'b> {
    fn document(&self) -> &'b Document {
        &self.bundle.document
    }

    fn sources(&self) -> &'b Sources {
        &self.bundle.sources
    }

    fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Pushes a departure with the severity that the readings give it.
    fn departure(&mut self, mut diagnostic: Diagnostic) {
        if let Some(severity) = self.readings.severity(&diagnostic.code) {
            diagnostic.severity = severity;
            self.push(diagnostic);
        }
    }

    /// Names a field that this version reads and does not run.
    fn not_yet(&mut self, span: Span, what: &str) {
        self.push(
            Diagnostic::error("not-supported-yet", span, format!("{what} is not supported yet"))
                .label("not run by this version"),
        );
    }

    /// Turns what was found in a string into diagnostics with a place.
    fn report(&mut self, node: &Node, findings: Vec<Finding>) {
        let several = findings.iter().filter(|finding| finding.fix.is_some()).count() > 1;
        for finding in findings {
            let Some(severity) = self.readings.severity(finding.code) else { continue };
            let span = node.part(self.sources(), finding.range.clone());
            let mut diagnostic = Diagnostic::error(finding.code, span, finding.message).help(finding.help);
            diagnostic.severity = severity;
            let section = match finding.code {
                "unbraced-expression" | "dotted-output" | "dotted-body" | "plural-headers" | "name-outside-grammar" => {
                    Some("§Runtime Expressions")
                }
                "condition-syntax"
                | "double-quoted-literal"
                | "braced-condition"
                | "jsonpath-comparison"
                | "jsonpath-syntax" => Some("§Criterion Object"),
                _ => None,
            };
            diagnostic.section = section;
            if let Some((text, exact)) = finding.fix
                && let Some(edit) = self.edit(node, span, &finding.range, text, several)
            {
                let title = diagnostic.help.clone().unwrap_or_default();
                diagnostic = diagnostic.fix(title, exact, vec![edit]);
            }
            self.push(diagnostic);
        }
    }

    /// The edit that puts `text` into the place of a part of a string; nothing where it would not mean the same.
    fn edit(
        &self,
        node: &Node,
        span: Span,
        range: &std::ops::Range<usize>,
        text: String,
        several: bool,
    ) -> Option<Edit> {
        let (value, raw) = (node.as_str()?, self.sources().text(node.span));
        // Folded and escaped strings: the text of the value is not the text of the document.
        if value.get(range.clone()) != Some(self.sources().text(span)) {
            return None;
        }
        if !text.starts_with('{') || raw.starts_with(['"', '\'']) || raw.contains('\n') {
            return Some(Edit { span, text });
        }
        // A brace in a string without quotes may begin a map: the string gets quotes, which two edits cannot share.
        let mut quoted = value.to_owned();
        quoted.replace_range(range.clone(), &text);
        (!several).then(|| Edit { span: node.span, text: Json::String(quoted).to_string() })
    }

    fn components(&mut self) {
        let mut seen: Vec<&str> = vec![];
        for workflow in &self.document().workflows {
            if seen.contains(&workflow.id.value.as_str()) {
                self.push(
                    Diagnostic::error(
                        "duplicate-name",
                        workflow.id.span(),
                        format!("two workflows are called `{}`", workflow.id.value),
                    )
                    .help("workflow ids are unique".to_owned()),
                );
            }
            seen.push(&workflow.id.value);
        }
    }

    fn workflow(&mut self, id: WorkflowId, workflow: &document::Workflow) -> Workflow {
        for (field, what) in [
            (&workflow.depends_on, "`dependsOn` of a workflow"),
            (&workflow.success_actions, "`successActions` of a workflow"),
            (&workflow.failure_actions, "`failureActions` of a workflow"),
            (&workflow.parameters, "`parameters` of a workflow"),
        ] {
            if let Some((key, _)) = field {
                self.not_yet(key.span, what);
            }
        }
        let inputs = self.inputs(workflow.inputs.as_ref());
        let declared: Vec<DeclaredInput> = inputs.declared.iter().map(declared_input).collect();
        let first = self.steps.len() as u32;
        let mut steps: Vec<DeclaredStep> = vec![];
        let mut seen: HashMap<&str, &document::Step> = HashMap::new();
        for (index, step) in workflow.steps.iter().enumerate() {
            if let Some(other) = seen.insert(step.id.value.as_str(), step) {
                self.push(
                    Diagnostic::error(
                        "duplicate-name",
                        step.id.span(),
                        format!("two steps of this workflow are called `{}`", step.id.value),
                    )
                    .note(other.id.span(), "first here")
                    .help("step ids are unique in a workflow".to_owned()),
                );
            }
            steps.push(DeclaredStep {
                name: step.id.value.clone(),
                id: StepId(first + index as u32),
                outputs: step.outputs.iter().map(|output| output.name.name.clone()).collect(),
                open: step.workflow_id.is_some(),
            });
        }
        let optional: Vec<String> =
            inputs.declared.iter().filter(|i| !i.required && i.default.is_none()).map(|i| i.name.clone()).collect();
        let ids: Vec<StepId> = steps.iter().map(|step| step.id).collect();
        let steps = DeclaredSteps::from(steps);
        let context = Context {
            scope: Scope { inputs: &declared, open: inputs.open, steps: &steps, readings: self.readings },
            optional: &optional,
        };
        for (index, step) in workflow.steps.iter().enumerate() {
            let next = (index + 1 < workflow.steps.len()).then_some(StepId(first + index as u32 + 1));
            let compiled = self.step(id, step, next, &context);
            self.steps.push(compiled);
        }
        let outputs = self.outputs(&workflow.outputs, &context);
        let faults = flow::check(&self.steps, &ids, workflow, self.sources());
        self.diagnostics.extend(faults);
        Workflow {
            name: workflow.id.value.clone(),
            place: self.sources().place(workflow.id.span()),
            summary: workflow.summary.as_ref().map(|text| text.value.clone()),
            inputs,
            steps: ids,
            outputs,
            runnable: false,
        }
    }

    fn step(
        &mut self,
        workflow: WorkflowId,
        step: &document::Step,
        next: Option<StepId>,
        context: &Context<'_>,
    ) -> Step {
        for key in &step.later {
            self.not_yet(key.span, &format!("`{}` of a step", key.name));
        }
        let call = self.call(step, context);
        let criteria = self.criteria(&step.success_criteria, context);
        let on_success = self.actions(&step.on_success, "success action", context);
        let on_failure = self.actions(&step.on_failure, "failure action", context);
        Step {
            name: step.id.value.clone(),
            workflow,
            place: self.sources().place(step.id.span()),
            call,
            criteria,
            on_success,
            on_failure,
            outputs: self.outputs(&step.outputs, context),
            next,
            secrets: vec![],
        }
    }

    fn call(&mut self, step: &document::Step, context: &Context<'_>) -> Call {
        let targets: Vec<(&str, &Text)> = [
            ("operationId", &step.operation_id),
            ("operationPath", &step.operation_path),
            ("workflowId", &step.workflow_id),
            ("channelPath", &step.channel_path),
        ]
        .into_iter()
        .filter_map(|(name, field)| field.as_ref().map(|text| (name, text)))
        .collect();
        let found = match targets.as_slice() {
            [("operationId", text)] => self.by_id(text),
            [("operationPath", text)] => self.by_path(text),
            [(name, text)] => {
                self.not_yet(text.span(), &format!("`{name}` of a step"));
                None
            }
            [] => {
                self.push(
                    Diagnostic::error(
                        "missing-field",
                        step.id.span(),
                        format!("step `{}` does not say what it calls", step.id.value),
                    )
                    .help("add `operationId`, `operationPath` or `workflowId`".to_owned())
                    .section("§Step Object"),
                );
                None
            }
            [(one, _), (two, text), ..] => {
                self.push(
                    Diagnostic::error(
                        "several-targets",
                        text.span(),
                        format!("step `{}` has both `{one}` and `{two}`", step.id.value),
                    )
                    .help("keep the one that is meant".to_owned())
                    .section("§Step Object"),
                );
                None
            }
        };
        // Values are read even if the operation is not known, so that one pass names every fault.
        let view = found.as_ref().map(|(_, operation)| *operation);
        let calls_operation = step.workflow_id.is_none() && step.channel_path.is_none();
        let (arguments, body) = if calls_operation {
            (self.arguments(step, view, context), self.body(step, view, context))
        } else {
            // Parameters of a workflow or a channel follow other rules, which come with those steps.
            (vec![], None)
        };
        let operation = match found {
            Some((api, view)) => self.operation(api, &view),
            None => self.unknown_operation(step),
        };
        Call::Operation { operation, arguments, body }
    }

    fn outputs(&mut self, outputs: &[document::Output], context: &Context<'_>) -> Vec<Output> {
        let mut compiled = vec![];
        for output in outputs {
            if !output.name.name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
                || output.name.name.is_empty()
            {
                self.departure(
                    Diagnostic::warning(
                        "name-outside-grammar",
                        output.name.span,
                        format!("the name `{}` cannot be written in a runtime expression", output.name.name),
                    )
                    .help("use letters, digits, `.`, `-` and `_` only".to_owned())
                    .section("§Runtime Expressions"),
                );
            }
            if self.is_selector(&output.value) {
                self.not_yet(output.value.span, "a Selector Object");
                continue;
            }
            let Some(text) = output.value.as_str() else {
                if matches!(output.value.kind, Kind::Bool(_) | Kind::Number(_) | Kind::Null) {
                    let text = self.sources().text(output.value.span).to_owned();
                    self.literal_output(&output.value, &text);
                    let template = crate::expr::Template::Constant(output.value.to_json());
                    let place = self.sources().place(output.value.span);
                    compiled.push(Output {
                        name: output.name.name.clone(),
                        value: Leaf { template, text, place, credential: false },
                        secret: false,
                    });
                    continue;
                }
                self.push(
                    Diagnostic::error(
                        "wrong-type",
                        output.value.span,
                        format!("expected a runtime expression, found {}", output.value.type_name()),
                    )
                    .help("write an expression such as $response.body#/id".to_owned()),
                );
                continue;
            };
            let Some(leaf) = self.leaf(&output.value, false, context) else { continue };
            if matches!(leaf.template, crate::expr::Template::Literal(_)) && !self.literal_output(&output.value, text) {
                continue;
            }
            compiled.push(Output { name: output.name.name.clone(), value: leaf, secret: false });
        }
        compiled
    }

    /// The reading `literal-output`: a constant is what it says, unless it looks like a way to a value that was
    /// written without its `$`. `false` if it is refused.
    fn literal_output(&mut self, node: &Node, text: &str) -> bool {
        let root = text.split(['.', '#', '/']).next().unwrap_or_default();
        let meant = nearest(root, ["response", "request", "inputs", "steps", "statusCode", "outputs", "workflows"]);
        let way = text.contains(['/', '#', '{', '$']) || (meant.is_some() && text.contains('.'));
        if way {
            let help = match meant.filter(|_| !text.starts_with(['/', '$', '{'])) {
                Some(_) => format!("did you mean `${text}`?"),
                None => "an output is an expression such as $response.body#/id".to_owned(),
            };
            self.push(
                Diagnostic::error("expression-syntax", node.span, format!("`{text}` is not a runtime expression"))
                    .help(help),
            );
            return false;
        }
        self.departure(
            Diagnostic::warning(
                "literal-output",
                node.span,
                format!("`{text}` is a constant, and an output is an expression"),
            )
            .help("an output is an expression such as $response.body#/id".to_owned())
            .section("§Step Object"),
        );
        true
    }

    fn actions(
        &mut self,
        actions: &[OrReusable<document::Action>],
        what: &'static str,
        context: &Context<'_>,
    ) -> Vec<Action> {
        let mut compiled = vec![];
        for (index, action) in actions.iter().enumerate() {
            let action = match action {
                OrReusable::Object(action) => action,
                OrReusable::Reference(text) => {
                    self.not_yet(text.span(), "a reference to `components`");
                    continue;
                }
            };
            let criteria = self.criteria(&action.criteria, context);
            for key in action.later.iter().filter(|key| key.name == "parameters") {
                self.not_yet(key.span, "`parameters` of an action");
            }
            let name = action
                .name
                .as_ref()
                .map_or_else(|| format!("{} {}", action.kind.value, index + 1), |name| name.value.clone());
            if let Some(then) = self.then(action, what, context) {
                compiled.push(Action { name, then, criteria, place: self.sources().place(action.span) });
            }
        }
        compiled
    }

    fn then(&mut self, action: &document::Action, what: &str, context: &Context<'_>) -> Option<Then> {
        match (action.kind.value.as_str(), &action.step_id, &action.workflow_id) {
            ("end", ..) => Some(Then::End),
            ("retry", ..) => {
                self.not_yet(action.kind.span(), "`type: retry`");
                None
            }
            ("goto", _, Some(workflow)) => {
                self.not_yet(workflow.span(), "`goto` to a `workflowId`");
                None
            }
            ("goto", Some(step), None) => {
                let found = context.scope.steps.get(&step.value);
                if found.is_none() {
                    let help = nearest(&step.value, context.scope.steps.iter().map(|s| s.name.as_str()))
                        .map(|near| format!("did you mean `{near}`?"));
                    self.push(
                        Diagnostic::error(
                            "unknown-step",
                            step.span(),
                            format!("the workflow has no step `{}`", step.value),
                        )
                        .help(help),
                    );
                }
                found.map(|step| Then::Goto(step.id))
            }
            ("goto", None, None) => {
                self.push(
                    Diagnostic::error("missing-field", action.kind.span(), "`goto` does not say where to".to_owned())
                        .help("add `stepId`".to_owned()),
                );
                None
            }
            (other, ..) => {
                let known = if what == "success action" { "end or goto" } else { "end, goto or retry" };
                self.push(
                    Diagnostic::error(
                        "unknown-value",
                        action.kind.span(),
                        format!("`{other}` is not a type of {what}"),
                    )
                    .help(format!("write {known}")),
                );
                None
            }
        }
    }

    fn inputs(&mut self, schema: Option<&Node>) -> Inputs {
        let Some(node) = schema else { return Inputs { open: true, ..Inputs::default() } };
        if !matches!(node.kind, Kind::Object(_)) {
            self.push(Diagnostic::error(
                "wrong-type",
                node.span,
                format!("expected `inputs` to be a JSON Schema (an object), found {}", node.type_name()),
            ));
            return Inputs::default();
        }
        let references = references(node);
        for key in &references {
            self.not_yet(key.span, "`$ref` in `inputs`");
        }
        let json = node.to_json();
        let required: Vec<&str> =
            node.get("required").map(Node::items).unwrap_or_default().iter().filter_map(Node::as_str).collect();
        let properties = node.get("properties").map(Node::members).unwrap_or_default();
        let declared = properties
            .iter()
            .map(|(key, schema)| Input {
                name: key.name.clone(),
                types: types(schema),
                required: required.contains(&key.name.as_str()),
                default: schema.get("default").map(Node::to_json),
                description: schema.get("description").and_then(Node::as_str).map(str::to_owned),
                secret: schema.get("format").and_then(Node::as_str) == Some("password")
                    || secrets::is_credential_name(&key.name),
            })
            .collect();
        let additional = node.get("additionalProperties").map(|n| n.as_bool() != Some(false));
        let open =
            additional.unwrap_or_else(|| node.get("properties").is_none() || node.get("patternProperties").is_some());
        let validator = if references.is_empty() { self.validator(node, &json) } else { None };
        Inputs { schema: Some(json), validator, declared, open, ..Inputs::default() }
    }

    fn validator(&mut self, node: &Node, schema: &Json) -> Option<Arc<jsonschema::Validator>> {
        let options = jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .should_validate_formats(true)
            .with_pattern_options(PatternOptions::regex());
        match options.build(schema) {
            Ok(validator) => Some(Arc::new(validator)),
            Err(error) => {
                let at = crate::value::Pointer::parse(&error.instance_path().to_string());
                let span = node.at(&at).map_or(node.span, |n| n.span);
                self.push(
                    Diagnostic::error("invalid-input-schema", span, format!("not a JSON Schema: {error}"))
                        .section("§Workflow Object"),
                );
                None
            }
        }
    }
}

fn declared_input(input: &Input) -> DeclaredInput {
    let scalar = !input.types.is_empty()
        && input.types.iter().all(|t| matches!(t.as_str(), "string" | "number" | "integer" | "boolean" | "null"));
    DeclaredInput { name: input.name.clone(), scalar }
}

fn types(schema: &Node) -> Vec<String> {
    match schema.get("type") {
        Some(node) => match node.as_str() {
            Some(one) => vec![one.to_owned()],
            None => node.items().iter().filter_map(Node::as_str).map(str::to_owned).collect(),
        },
        None => vec![],
    }
}

/// Keys of `$ref` in a schema, without those that are data (`default`, `enum`, `const`, `examples`).
fn references(node: &Node) -> Vec<Key> {
    let mut found = vec![];
    let mut stack = vec![node];
    while let Some(node) = stack.pop() {
        stack.extend(node.items());
        for (key, value) in node.members() {
            match key.name.as_str() {
                "$ref" | "$dynamicRef" if value.as_str().is_some() => found.push(key.clone()),
                "default" | "enum" | "const" | "examples" | "example" => {}
                _ => stack.push(value),
            }
        }
    }
    found.sort_by_key(|key| key.span);
    found
}
