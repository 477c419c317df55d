//! Bundle → [`Program`] in passes, each of which collects every fault.
//!
//! `declare` collects the names of all documents, `inputs` their schemas; `resolve` turns names into operations and
//! workflows, `build`, `body`, `criteria` and `actions` turn strings into expressions, this file puts workflows together,
//! `order` and `flow` check what runs before what, `secrets` finds which values must be masked. What is visible in the
//! documents and cannot be run is said here, before the first request.

use std::sync::Arc;

use crate::value::Json;

use crate::asyncapi::AsyncApi;
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics, Edit, Help, nearest};
use crate::document::{self, Document, MessageAction, is_identifier};
use crate::expr::{DeclaredDocument, DeclaredStep, DeclaredSteps, DeclaredWorkflow, Finding, Scope, StepId, Template};
use crate::load::{Bundle, DescribedKind};
use crate::node::{Kind, Node};
use crate::openapi;
use crate::openapi::Api;
use crate::program::{
    ApiSource, Build, Call, Channel, FoundOut, Inputs, Media, Operation, Output, Program, Step, Surroundings, Workflow,
    WorkflowId,
};
use crate::readings::Readings;
use crate::remedy::Naming;
use crate::source::{Sources, Span};

mod actions;
mod body;
mod build;
mod channels;
mod constants;
mod contract;
mod criteria;
mod declare;
mod flow;
mod inputs;
mod meant;
pub(crate) mod order;
mod quoted;
mod replacements;
mod resolve;
pub(crate) mod secrets;

/// A compiled description with everything that was found.
#[derive(Debug)]
pub struct Compiled {
    /// The program; a workflow with errors is in it, but not runnable.
    pub program: Arc<Program>,
    /// What was found in each workflow, by index.
    pub workflows: Vec<Diagnostics>,
    /// What was found outside of the workflows.
    pub description: Diagnostics,
    /// What channels are connected by, and which of the messages that match decides about a step.
    pub(crate) surroundings: Surroundings,
}

impl Compiled {
    /// Makes words of remedies: what a setting is called says `naming`.
    #[must_use]
    pub fn worded(self, naming: Naming) -> Self {
        let workflows = self.workflows.into_iter().map(|found| found.worded(naming)).collect();
        Self { workflows, description: self.description.worded(naming), ..self }
    }

    /// What keeps one workflow from running, or is unusual about it: of the whole description, of the workflow, and of
    /// those that it may run.
    #[must_use]
    pub fn of(&self, workflow: WorkflowId) -> Diagnostics {
        let mut found = self.description.clone();
        for id in self.program.reached(workflow) {
            found.extend(self.workflows.get(id.0 as usize).cloned().into_iter().flatten());
        }
        found
    }
}

/// Compiles a bundle; `loading` is what was found while it was loaded.
///
/// The result always has every workflow of the documents, with what was found in each, so that one faulty workflow
/// does not keep another from running.
#[must_use]
pub fn compile(bundle: &Bundle, loading: Diagnostics, readings: Readings) -> Compiled {
    compile_for(bundle, loading, readings, &Surroundings::default())
}

/// As [`compile`], for whoever connects to channels so.
#[must_use]
pub fn compile_for(bundle: &Bundle, loading: Diagnostics, readings: Readings, surroundings: &Surroundings) -> Compiled {
    let (apis, api_of) = apis(bundle);
    let (mut description, mut found) = attribute(bundle, loading);
    let mut compiler = Compiler {
        bundle,
        readings,
        diagnostics: Diagnostics::default(),
        steps: vec![],
        operations: vec![],
        api_of,
        document: 0,
        declared: vec![],
        first_steps: first_steps(bundle),
        required: vec![],
        channels: vec![],
        surroundings,
        several: vec![],
    };
    let mut inputs: Vec<Inputs> = vec![];
    for (document, loaded) in bundle.documents.iter().enumerate() {
        compiler.document = document;
        for workflow in &loaded.document.workflows {
            let own = compiler.inputs(workflow.inputs.as_ref());
            inputs.push(own);
            compiler.keep(&mut found, inputs.len() - 1);
        }
    }
    compiler.declare(&inputs);
    let needed = |input: &&crate::program::Input| input.required && input.default.is_none();
    let names = |inputs: &Inputs| inputs.declared.iter().filter(needed).map(|input| input.name.clone()).collect();
    compiler.required = inputs.iter().map(names).collect();
    let mut workflows: Vec<Workflow> = vec![];
    let mut inputs = inputs.into_iter();
    for (document, loaded) in bundle.documents.iter().enumerate() {
        compiler.document = document;
        compiler.newer_components();
        description.extend(std::mem::take(&mut compiler.diagnostics));
        for workflow in &loaded.document.workflows {
            let id = WorkflowId(workflows.len() as u32);
            let compiled = compiler.workflow(id, workflow, inputs.next().unwrap_or_default());
            workflows.push(compiled);
            compiler.keep(&mut found, id.0 as usize);
        }
    }
    // Parts of large documents are read when they are looked at: now it is known what is wrong in them.
    for root in bundle.described.iter().filter_map(|described| described.root.as_ref()) {
        description.extend(root.faults());
    }
    let entry = bundle.documents.first().map(|loaded| &loaded.document);
    let mut program = Program {
        version: entry.map(|document| document.version_text.clone()).unwrap_or_default(),
        title: entry.and_then(|document| document.title.as_ref()).map(|text| text.value.clone()).unwrap_or_default(),
        sources: Arc::new(bundle.sources.clone()),
        readings,
        apis,
        workflows,
        steps: std::mem::take(&mut compiler.steps),
        operations: std::mem::take(&mut compiler.operations),
        channels: std::mem::take(&mut compiler.channels),
        found_out: FoundOut::default(),
    };
    check(bundle, &mut program, &mut found);
    let shares = |place: Span| bundle.anchors.shares(place);
    let description = description.without_shared_fixes(&shares).sorted();
    let found: Vec<Diagnostics> = found.into_iter().map(|found| found.without_shared_fixes(&shares).sorted()).collect();
    let good = |own: &Diagnostics| !own.has_errors() && !description.has_errors();
    mark_runnable(&mut program, found.iter().map(good).collect());
    secrets::mark(&mut program);
    Compiled { program: Arc::new(program), workflows: found, description, surroundings: surroundings.clone() }
}

/// Says in the workflows what is seen of all of them together: constants, the order of steps, what can have run.
fn check(bundle: &Bundle, program: &mut Program, found: &mut [Diagnostics]) {
    let written: Vec<&document::Workflow> =
        bundle.documents.iter().flat_map(|loaded| &loaded.document.workflows).collect();
    let readings = program.readings;
    let constants = constants::check(program, readings);
    let ordered = order::check(program);
    let faults =
        constants.into_iter().chain(ordered).chain(flow::check(program)).chain(channels::messages::check(program));
    for (id, mut fault) in faults {
        if fault.code == Code::DependencyCycle {
            let needed = written.get(id.0 as usize).and_then(|workflow| workflow.depends_on.first());
            fault.span = needed.map(document::Text::span).or(fault.span);
        }
        if let Some(own) = found.get_mut(id.0 as usize) {
            own.push(fault);
        }
    }
}

/// Marks the workflows that can run: those that are good themselves, unless they run one that cannot.
fn mark_runnable(program: &mut Program, mut runnable: Vec<bool>) {
    let mut run_by: Vec<Vec<usize>> = vec![vec![]; program.workflows.len()];
    for index in 0..program.workflows.len() {
        for id in program.runs(WorkflowId(index as u32)) {
            run_by.get_mut(id.0 as usize).into_iter().for_each(|by| by.push(index));
        }
    }
    let mut frontier: Vec<usize> = (0..runnable.len()).filter(|index| runnable.get(*index) == Some(&false)).collect();
    while let Some(index) = frontier.pop() {
        for by in run_by.get(index).into_iter().flatten() {
            if let Some(known @ true) = runnable.get_mut(*by) {
                *known = false;
                frontier.push(*by);
            }
        }
    }
    for (workflow, runnable) in program.workflows.iter_mut().zip(runnable) {
        workflow.runnable = runnable;
    }
}

fn first_steps(bundle: &Bundle) -> Vec<u32> {
    let workflows = bundle.documents.iter().flat_map(|loaded| &loaded.document.workflows);
    workflows
        .scan(0, |next, workflow| {
            let first = *next;
            *next += workflow.steps.len() as u32;
            Some(first)
        })
        .collect()
}

/// The described documents, each once, and which of them a source description is.
fn apis(bundle: &Bundle) -> (Vec<ApiSource>, Vec<usize>) {
    let mut apis: Vec<ApiSource> = vec![];
    let numbers = bundle.numbers();
    for (described, number) in bundle.described.iter().zip(&numbers) {
        if *number == apis.len() {
            let root = described.root.as_ref();
            let file = root.and_then(|root| bundle.sources.get(root.span.source)).map(|source| source.name.clone());
            let openapi = root.filter(|_| described.kind == DescribedKind::Openapi);
            let asyncapi = root.filter(|_| described.kind == DescribedKind::Asyncapi);
            let schemes = openapi.map(|root| Api::new(root, &bundle.store).scheme_names().map(str::to_owned).collect());
            apis.push(ApiSource {
                name: described.label.clone(),
                file: file.unwrap_or_default(),
                schemes: schemes.or_else(|| asyncapi.map(|root| AsyncApi::scheme_names(root))).unwrap_or_default(),
            });
        }
    }
    (apis, numbers)
}

/// Puts what was found where it belongs: into the workflow that it stands in, or to the description.
pub(crate) fn attribute(bundle: &Bundle, loading: Diagnostics) -> (Diagnostics, Vec<Diagnostics>) {
    let spans: Vec<Span> = bundle
        .documents
        .iter()
        .flat_map(|loaded| loaded.document.workflows.iter().map(|workflow| workflow.span))
        .collect();
    let mut description = Diagnostics::default();
    let mut found = vec![Diagnostics::default(); spans.len()];
    for diagnostic in loading {
        let inside = |span: &Span| {
            diagnostic.span.is_some_and(|at| {
                at.source == span.source && at.start >= span.start && at.end <= span.end && at != *span
            })
        };
        match spans.iter().position(inside).and_then(|index| found.get_mut(index)) {
            Some(own) => own.push(diagnostic),
            None => description.push(diagnostic),
        }
    }
    (description, found)
}

struct Compiler<'b> {
    bundle: &'b Bundle,
    readings: Readings,
    diagnostics: Diagnostics,
    steps: Vec<Step>,
    operations: Vec<Operation>,
    /// Which entry of [`Program::apis`] a source description is.
    api_of: Vec<usize>,
    /// The document that is being compiled.
    document: usize,
    /// What each document declares.
    declared: Vec<Arc<DeclaredDocument>>,
    /// The first step of each workflow: steps are numbered through all documents.
    first_steps: Vec<u32>,
    /// Names of the inputs that each workflow cannot run without.
    required: Vec<Vec<String>>,
    channels: Vec<Channel>,
    /// What channels are connected by.
    surroundings: &'b Surroundings,
    /// The lists of servers of which it was said which is taken.
    several: Vec<(usize, Vec<String>)>,
}

/// Where the strings of a step or workflow stand.
#[derive(Clone)]
struct Context<'a> {
    scope: Scope<'a>,
    /// Inputs that may be absent: neither required nor with a default.
    optional: &'a [String],
    stage: Stage,
    place: Place,
}

/// Where a value goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Into the path of a url.
    Path,
    /// Into another parameter that is one value.
    Scalar,
    /// Into a payload of this kind.
    Payload(Media),
    /// Where anything may stand.
    Any,
}

/// What has happened where an expression stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The step has not called anything yet.
    Before,
    /// A request was answered.
    Answered,
    /// A workflow was run.
    Returned,
    /// A workflow was to be run, and which one is not known: that was said.
    Lost,
    /// A message was sent.
    Sent,
    /// A message was received.
    Received,
    /// It is not known what the step calls.
    Unknown,
    /// No step: the outputs of a workflow.
    Outside,
}

impl<'a> Context<'a> {
    fn at(&self, stage: Stage) -> Self {
        Self { stage, ..self.clone() }
    }

    fn within(&self, place: Place) -> Self {
        Self { place, ..self.clone() }
    }

    fn returned(&self, outputs: &'a [String]) -> Self {
        let mut context = self.at(Stage::Returned);
        context.scope.outputs = outputs;
        context
    }
}

impl<'b> Compiler<'b> {
    fn document(&self) -> &'b Document {
        let bundle = self.bundle;
        // There is always an entry document, and `self.document` comes from counting them.
        #[expect(clippy::indexing_slicing, reason = "an index of this very list")]
        &bundle.documents[self.document].document
    }

    fn sources(&self) -> &'b Sources {
        &self.bundle.sources
    }

    /// Moves what was found to the workflow with this index.
    fn keep(&mut self, found: &mut [Diagnostics], index: usize) {
        let own = std::mem::take(&mut self.diagnostics);
        if let Some(found) = found.get_mut(index) {
            found.extend(own);
        }
    }

    fn declared_workflow(&self, id: WorkflowId) -> Option<&DeclaredWorkflow> {
        // The ids of a document stand in their order.
        self.declared.iter().find_map(|document| {
            let index = document.workflows.binary_search_by_key(&id, |workflow| workflow.id).ok()?;
            document.workflows.get(index)
        })
    }

    fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Pushes a departure with the severity that the readings give it.
    fn departure(&mut self, mut diagnostic: Diagnostic) {
        if let Some(severity) = self.readings.severity(diagnostic.code) {
            diagnostic.severity = severity;
            self.push(diagnostic);
        }
    }

    /// Turns what was found in a string into diagnostics with a place.
    fn report(&mut self, node: &Node, findings: Vec<Finding>) {
        let several = findings.iter().filter(|finding| finding.fix.is_some()).count() > 1;
        for finding in findings {
            let Some(severity) = self.readings.severity(finding.code) else { continue };
            let severity = finding.weight.filter(|_| self.readings == Readings::Lenient).unwrap_or(severity);
            // The grammar of Arazzo 1.0 has `name = *( CHAR )`.
            if finding.code == Code::NameOutsideGrammar && self.document().version == (1, 0) {
                continue;
            }
            let span = node.part(self.sources(), finding.range.clone());
            let mut diagnostic =
                Diagnostic::error(finding.code, span, finding.message).help(finding.help).about(finding.subject);
            diagnostic.severity = severity;
            let section = match finding.code {
                Code::UnbracedExpression
                | Code::DottedOutput
                | Code::DottedBody
                | Code::PluralHeaders
                | Code::NameOutsideGrammar
                | Code::ConditionSyntax
                | Code::DoubleQuotedLiteral
                | Code::BracedCondition
                | Code::JsonpathComparison
                | Code::JsonpathSyntax
                | Code::AllOutputs
                | Code::BareJsonExpression
                | Code::BareWord
                | Code::DialectWord
                | Code::ForeignPlaceholder
                | Code::MissingOutputsWord
                | Code::ProseAfterExpression
                | Code::QueryAfterOutput
                | Code::WorkflowStepOutput => Some(finding.code.section()),
                _ => None,
            };
            diagnostic.section = section;
            if let Some((text, exact)) = finding.fix
                && let Some(edit) = node.rewrite(self.sources(), finding.range.clone(), &text, several)
            {
                let mut title = diagnostic.help.as_ref().map(Help::to_string).unwrap_or_default();
                let mut differs = finding.differs;
                // The pointer that is written is of the next version, which a document of this one has to name.
                let newer = finding.code == Code::DottedOutput && self.document().version == (1, 0);
                if newer && text.starts_with("$inputs.") {
                    differs = Some("a pointer into an input is a form of Arazzo 1.1".to_owned());
                }
                if let Some(differs) = &differs {
                    title = format!("{title}; {differs}");
                }
                diagnostic = diagnostic.fix(title, exact && differs.is_none(), vec![edit]);
            }
            let whole = finding.range == (0..node.as_str().map_or(0, str::len));
            if let Some(text) = finding.becomes.filter(|_| whole && self.document().version != (1, 0)) {
                let edit = Edit { span: node.span, text };
                diagnostic = diagnostic.fix("write a Selector Object", true, vec![edit]);
            }
            self.push(diagnostic);
        }
    }

    /// A form that Arazzo 1.1 brought, in a document that says 1.0.
    fn newer_form(&mut self, span: Span, what: &str) {
        if self.document().version != (1, 0) {
            return;
        }
        self.departure(document::newer_form(span, what, &self.document().version_text));
    }

    fn workflow(&mut self, id: WorkflowId, workflow: &document::Workflow, inputs: Inputs) -> Workflow {
        let first = self.steps.len() as u32;
        let dependencies = self.dependencies(id, workflow);
        // The documents' names are looked at while steps are compiled, which changes the compiler.
        let declared = self.declared.get(self.document).cloned().unwrap_or_default();
        let names: Vec<String> = workflow.outputs.iter().map(|output| output.name.name.clone()).collect();
        let steps = workflow.steps.iter().enumerate().map(|(index, step)| {
            let called = step.workflow_id.as_ref().and_then(|text| self.workflow_of(&text.value));
            let returned = called.and_then(|id| self.declared_workflow(id)).map(|workflow| workflow.outputs.clone());
            let mut outputs: Vec<String> = step.outputs.iter().map(|output| output.name.name.clone()).collect();
            outputs.extend(
                returned.unwrap_or_default().into_iter().filter(|name| !outputs.contains(name)).collect::<Vec<_>>(),
            );
            DeclaredStep { name: step.id.value.clone(), id: StepId(first + index as u32), outputs }
        });
        let steps = DeclaredSteps::from(steps.collect::<Vec<_>>());
        let given: Vec<_> = inputs.declared.iter().map(inputs::declared_input).collect();
        let optional: Vec<String> =
            inputs.declared.iter().filter(|i| !i.required && i.default.is_none()).map(|i| i.name.clone()).collect();
        let context = Context {
            scope: Scope {
                inputs: &given,
                open: inputs.open,
                steps: &steps,
                outputs: &names,
                document: &declared,
                dependencies: &dependencies,
                method: None,
                readings: self.readings,
            },
            optional: &optional,
            stage: Stage::Before,
            place: Place::Any,
        };
        let ids: Vec<StepId> = steps.iter().map(|step| step.id).collect();
        for step in &workflow.steps {
            // Steps are numbered through all documents, so each is there; those behind a thousand faults do nothing.
            let compiled = if self.diagnostics.is_full() {
                self.unread(id, step)
            } else {
                self.step(id, workflow, step, &context)
            };
            self.steps.push(compiled);
        }
        let entry = self.in_order(workflow, &ids);
        let receives = self.join_receives(&ids);
        let outputs = self.outputs(&workflow.outputs, &context.at(Stage::Outside));
        Workflow {
            name: workflow.id.value.clone(),
            document: self.document,
            span: workflow.id.span(),
            summary: workflow.summary.as_ref().map(|text| text.value.clone()),
            inputs,
            dependencies,
            steps: ids,
            entry,
            outputs,
            receives,
            runnable: false,
        }
    }

    /// The workflows that one depends on, as it names them.
    fn dependencies(&mut self, id: WorkflowId, workflow: &document::Workflow) -> Vec<WorkflowId> {
        let mut dependencies = vec![];
        for text in &workflow.depends_on {
            match self.workflow_expression(text).or_else(|| self.called_workflow(text)) {
                Some(needed) if needed == id => {
                    let message = format!("workflow `{}` depends on itself", workflow.id.value);
                    let fault = Diagnostic::error(Code::DependencyCycle, text.span(), message);
                    self.push(fault.help("leave it out".to_owned()).section("§Workflow Object"));
                }
                needed => dependencies.extend(needed),
            }
        }
        dependencies
    }

    fn step(
        &mut self,
        id: WorkflowId,
        workflow: &document::Workflow,
        step: &document::Step,
        context: &Context<'_>,
    ) -> Step {
        if let Some((key, _)) = &step.timeout {
            self.newer_form(key.span, "`timeout` of a step");
        }
        if let Some(first) = step.depends_on.first() {
            self.newer_form(first.span(), "`dependsOn` of a step");
        }
        let (call, stage, operation) = self.call(workflow, step, context);
        let returned: Vec<String> = match &call {
            Call::Workflow { workflow, .. } => {
                self.declared_workflow(*workflow).map(|called| called.outputs.clone()).unwrap_or_default()
            }
            Call::Operation { .. } | Call::Send(_) | Call::Receive(_) => vec![],
        };
        let after = match stage {
            Stage::Returned => context.returned(&returned),
            Stage::Lost => context.returned(&returned).at(stage),
            _ => context.at(stage),
        };
        let mut call = call;
        let criteria = self.criteria(&step.success_criteria, &after);
        if let Some(operation) = operation {
            self.filters_over_objects(step, operation);
        }
        let on_success = self.merged(&step.on_success, &workflow.success_actions, true);
        let on_failure = self.merged(&step.on_failure, &workflow.failure_actions, false);
        let mut compiled = Step {
            criteria,
            on_success: self.actions(&on_success, workflow, &after),
            on_failure: self.actions(&on_failure, workflow, &after),
            outputs: self.outputs(&step.outputs, &after),
            timeout_ms: step.timeout.as_ref().map(|(_, ms)| *ms),
            ..self.unread(id, step)
        };
        if let Call::Workflow { keeps_answer, .. } = &mut call {
            *keeps_answer = self.readings != Readings::Letter && compiled.reads_answer();
        }
        if let Some(operation) = &operation {
            for output in &mut compiled.outputs {
                output.promised = contract::promises(operation, &output.value);
            }
        }
        compiled.call = call;
        compiled
    }

    /// A step that calls nothing.
    fn unread(&mut self, id: WorkflowId, step: &document::Step) -> Step {
        Step {
            name: step.id.value.clone(),
            workflow: id,
            span: step.id.span(),
            call: self.nothing(step),
            criteria: vec![],
            on_success: vec![],
            on_failure: vec![],
            outputs: vec![],
            next: None,
            secrets: vec![],
            timeout_ms: None,
            after: vec![],
            awaited: false,
            read_elsewhere: false,
            joins: vec![],
        }
    }

    /// What a step calls, what has happened after it, and the operation if there is one.
    fn call(
        &mut self,
        workflow: &document::Workflow,
        step: &document::Step,
        context: &Context<'_>,
    ) -> (Call, Stage, Option<openapi::Operation<'b>>) {
        let others = [&step.operation_id, &step.operation_path, &step.channel_path];
        // Of several targets, which was said, none is read.
        let several = step.workflow_id.is_some() && others.iter().any(|target| target.is_some());
        if several {
            return (self.nothing(step), Stage::Unknown, None);
        }
        if let Some(text) = &step.workflow_id {
            if let Some(body) = &step.request_body {
                let message = "a step that calls a workflow sends no body";
                let fault = Diagnostic::warning(Code::MisplacedField, body.span, message).label("left out");
                self.push(
                    fault.help("give inputs by name: `parameters: [{ name: …, value: … }]`").section("§Step Object"),
                );
            }
            let Some(target) = self.called_workflow(text) else {
                // Its parameters are read all the same, so that one pass names every fault.
                let _ = self.passed(&step.parameters, &[], None, text, context);
                return (self.nothing(step), Stage::Lost, None);
            };
            let passed = self.passed(&step.parameters, &workflow.parameters, Some(target), text, context);
            let call = Call::Workflow { workflow: target, passed, keeps_answer: false };
            return (call, Stage::Returned, None);
        }
        if let Some((call, stage)) = self.webhook(step, context) {
            return (call, stage, None);
        }
        if self.is_message(step) {
            let (call, stage) = self.message(workflow, step, context);
            return (call, stage, None);
        }
        let found = match (&step.operation_id, &step.operation_path) {
            (Some(text), None) => self.by_id(text, &self.given_in_path(workflow, step)),
            (None, Some(text)) => self.by_path(text),
            // Reading the document said that nothing is named, or too much.
            (None, None) | (Some(_), Some(_)) => None,
        };
        let stream = found.as_ref().and_then(|(_, operation)| self.stream_of(step, operation));
        // Values are read even if the operation is not known, so that one pass names every fault.
        let view: Option<openapi::Operation<'b>> = found.as_ref().map(|(_, operation)| *operation);
        // Of an operation that is not known, any will do: nothing is sent.
        let method = view.map_or_else(|| "GET".to_owned(), |view| view.method.to_ascii_uppercase());
        let scope = Scope { method: Some(&method), ..context.scope.clone() };
        let context = &Context { scope, ..context.clone() };
        let arguments = self.arguments(workflow, step, view, context);
        let body = self.body(step, view, &arguments, context);
        let operation = match found {
            Some((api, view)) => {
                self.check_path(&view, step);
                self.operation(api, &view)
            }
            None => self.unknown_operation(step),
        };
        if let (Some(stream), Some(view)) = (stream, view) {
            let call = self.receive_events(step, (operation, &view), stream, (arguments, body), context);
            return (call, Stage::Received, None);
        }
        let receives = step.action.is_some_and(|(action, _)| action == MessageAction::Receive);
        let stage = if receives || view.is_none() { Stage::Unknown } else { Stage::Answered };
        (Call::Operation { operation, arguments, body }, stage, view)
    }

    /// Stands in for a call that is not known; the workflow is not runnable.
    fn nothing(&mut self, step: &document::Step) -> Call {
        Call::Operation { operation: self.unknown_operation(step), arguments: vec![], body: None }
    }

    fn outputs(&mut self, outputs: &[document::Output], context: &Context<'_>) -> Vec<Output> {
        let mut compiled = vec![];
        for output in outputs {
            if !is_identifier(&output.name.name) {
                self.departure(
                    Diagnostic::warning(
                        Code::NameOutsideGrammar,
                        output.name.span,
                        format!("the name `{}` cannot be written in a runtime expression", output.name.name),
                    )
                    .help("use letters, digits, `.`, `-` and `_` only".to_owned())
                    .section("§Runtime Expressions"),
                );
            }
            let node = &output.value;
            let span = node.span;
            let entry = |value, text| Output {
                name: output.name.name.clone(),
                value,
                text,
                span,
                secret: false,
                promised: false,
            };
            if document::is_selector(node) {
                if let Some(selection) = self.selection(node, false, context) {
                    let text = selection.text.clone();
                    compiled.push(entry(Build::Select(Box::new(selection)), text));
                }
                continue;
            }
            let Some(text) = node.as_str() else {
                // Reading the document said what else is no output.
                if matches!(node.kind, Kind::Bool(_) | Kind::Number(_) | Kind::Null) {
                    let text = self.sources().text(node.span).to_owned();
                    self.literal_output(node, &text, context);
                    compiled.push(entry(Build::Constant(node.to_json()), text));
                }
                continue;
            };
            let Some(leaf) = self.leaf(node, false, context) else { continue };
            if let Template::Literal(literal) = &leaf.template {
                if self.literal_output(node, text, context) {
                    compiled.push(entry(Build::Constant(Json::String(literal.clone())), text.to_owned()));
                }
                continue;
            }
            let foreign = crate::expr::foreign::findings(text, &context.scope, false);
            self.report(node, foreign);
            compiled.push(entry(Build::Template(Box::new(leaf)), text.to_owned()));
        }
        compiled
    }

    /// The reading `literal-output`: a constant is what it says, unless it looks like a way to a value that was
    /// written without its `$`. `false` if it is refused.
    fn literal_output(&mut self, node: &Node, text: &str, context: &Context<'_>) -> bool {
        let root = text.split(['.', '#', '/']).next().unwrap_or_default();
        let meant = nearest(root, ["response", "request", "inputs", "steps", "statusCode", "outputs", "workflows"]);
        let foreign = crate::expr::foreign::meant(text, &context.scope);
        let way = text.contains(['/', '#', '{', '$']) || foreign.is_some() || (meant.is_some() && text.contains('.'));
        if way {
            let word = text.trim_start_matches('$');
            let root = nearest(word, ["url", "method", "statusCode"]).filter(|_| text.starts_with('$'));
            let path = text.starts_with(['.', '[']) || text.starts_with("$.") || text.starts_with("$[");
            let pointer = build::looks_like_pointer(text).filter(|_| path);
            let help = match meant.filter(|_| foreign.is_none()).filter(|_| !text.starts_with(['/', '$', '{'])) {
                _ if foreign.is_some() => Help::words(format!("write {}", foreign.unwrap_or_default())),
                _ if let Some(pointer) = pointer => Help::words(format!("write $response.body#{pointer}")),
                _ if root.is_some() => Help::meant_behind("$", root.unwrap_or_default()),
                Some(_) => Help::meant_behind("$", text),
                None if text.starts_with("//") => Help::words(
                    "for a part of XML write a Selector Object: { context: $response.body, selector: …, type: xpath }",
                ),
                None if text.starts_with('/') => Help::words(format!(
                    "write $response.body#{text}; for a part of XML, a Selector Object: {{ context: $response.body, selector: …, type: xpath }}"
                )),
                None => Help::words("an output is an expression such as $response.body#/id"),
            };
            self.push(
                Diagnostic::error(Code::ExpressionSyntax, node.span, format!("`{text}` is not a runtime expression"))
                    .help(help),
            );
            return false;
        }
        self.departure(
            Diagnostic::warning(
                Code::LiteralOutput,
                node.span,
                format!("`{text}` is a constant, and an output is an expression"),
            )
            .help("an output is an expression such as $response.body#/id".to_owned())
            .section("§Step Object"),
        );
        true
    }
}
