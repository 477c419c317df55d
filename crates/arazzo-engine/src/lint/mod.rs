//! What is wrong or unusual in documents, beyond what keeps them from running: everything that `compile` knows, and what
//! can be seen from the flow, from the schemas of the API descriptions and from the names.
//!
//! Bundle + compiled program → diagnostics. Only what is certain is said, and what follows from another fault is not.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::rc::Rc;

use crate::code::{Code, Severity};
use crate::compile::{Compiled, attribute};
use crate::diagnostic::{Diagnostic, Diagnostics, Edit};
use crate::document::{Step as DocumentStep, Workflow as DocumentWorkflow};
use crate::expr::StepId;
use crate::limits::Decides;
use crate::load::{Bundle, DescribedKind};
use crate::node::Node;
use crate::openapi::{Api, Operation};
use crate::program::{Call, OperationId, Program, WorkflowId};
use crate::source::{SourceId, Span};
use crate::value::Pointer;

mod answers;
mod cascade;
mod comparisons;
mod conditions;
mod credentials;
pub mod fix;
mod flow;
pub mod ignore;
mod inputs;
mod messages;
mod names;
mod reads;
mod references;
mod sends;

/// Everything that is to be said about the documents of a bundle, in the order of their texts; `compiled` is what
/// [`crate::compile::compile`] made of it.
#[must_use]
pub fn lint(bundle: &Bundle, compiled: &Compiled) -> Diagnostics {
    let Some(parsed) = &bundle.parsed else { return lint_anew(bundle, compiled) };
    let beside = format!("{:?} {:?}", compiled.program.readings, compiled.surroundings);
    let known = std::iter::once(&compiled.description).chain(&compiled.workflows).cloned().collect();
    parsed.found(bundle.found_in(beside, known), || lint_anew(bundle, compiled))
}

fn lint_anew(bundle: &Bundle, compiled: &Compiled) -> Diagnostics {
    let mut found = compiled.description.clone();
    found.extend(compiled.workflows.iter().flatten().cloned());
    let mut lint = Lint::new(bundle, &compiled.program, &found);
    lint.names();
    lint.undeclared_inputs();
    lint.flow();
    lint.check_calls();
    lint.check_subscriptions();
    lint.check_any_message();
    if compiled.surroundings.receive == Decides::First {
        lint.check_first_messages();
    }
    lint.check_references();
    let own = std::mem::take(&mut lint.diagnostics);
    let all: Vec<Diagnostic> = found.iter().cloned().chain(own).collect();
    cascade::without_consequences(&lint, all).without_shared_fixes(&|place| bundle.anchors.shares(place)).sorted()
}

/// What was found while compiling, as lint says it: with the warnings that lint alone knows, without what follows from
/// another fault, and without warnings that comments of the entry document ignore. For whoever runs a workflow and wants to
/// know before. Hints stay out; a workflow that cannot run stays so.
#[must_use]
pub fn add_findings(bundle: &Bundle, mut compiled: Compiled) -> Compiled {
    let key = |found: &Diagnostic| (found.code, found.span);
    let said = lint(bundle, &compiled);
    let (heard, _) = ignore::ignore(said.clone(), &bundle.sources, SourceId(0), false);
    let heard_keys: HashSet<_> = heard.iter().map(key).collect();
    let mut worded: HashMap<_, VecDeque<Diagnostic>> = HashMap::new();
    for found in said {
        worded.entry(key(&found)).or_default().push_back(found);
    }
    let mut known = BTreeSet::new();
    for found in std::iter::once(&mut compiled.description).chain(&mut compiled.workflows) {
        known.extend(found.iter().map(key));
        let mut kept = Diagnostics::default();
        for found in found.iter() {
            let worded = worded.get_mut(&key(found)).and_then(VecDeque::pop_front);
            kept.extend(worded.filter(|found| found.severity == Severity::Error || heard_keys.contains(&key(found))));
        }
        if kept.has_errors() || !found.has_errors() {
            *found = kept;
        }
    }
    let mut own = Diagnostics::default();
    own.extend(heard.into_iter().filter(|found| {
        found.severity == Severity::Warning && found.code != Code::UnusedIgnore && !known.contains(&key(found))
    }));
    let (description, workflows) = attribute(bundle, own);
    let lists = std::iter::once((&mut compiled.description, description));
    for (found, own) in lists.chain(compiled.workflows.iter_mut().zip(workflows)) {
        found.extend(own);
        *found = std::mem::take(found).sorted();
    }
    compiled
}

/// A workflow of a document, or a step of one, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// `workflowId`
    pub workflow: String,
    /// `stepId`
    pub step: Option<String>,
    span: Span,
}

impl Part {
    /// `true` if this part begins where a place does, or before it.
    #[must_use]
    pub fn begins_before(&self, span: Span) -> bool {
        (self.span.source, self.span.start) <= (span.source, span.start)
    }

    /// `true` if a place is in this part.
    #[must_use]
    pub fn holds(&self, span: Span) -> bool {
        self.span.contains(span)
    }
}

/// The workflows of the entry document, each before its steps.
#[must_use]
pub fn parts(bundle: &Bundle) -> Vec<Part> {
    let mut parts = vec![];
    let Some(entry) = bundle.documents.first().map(|loaded| &loaded.document) else { return parts };
    let written = entry.root.get("workflows").map(Node::items).unwrap_or_default();
    for workflow in &entry.workflows {
        let name = workflow.id.value.clone();
        parts.push(Part { workflow: name.clone(), step: None, span: workflow.span });
        let node = written.iter().find(|node| node.span == workflow.span);
        for node in node.and_then(|node| node.get("steps")).map(Node::items).unwrap_or_default() {
            let step = node.get("stepId").and_then(Node::as_str).map(str::to_owned);
            parts.push(Part { workflow: name.clone(), step, span: node.span });
        }
    }
    parts
}

/// Leaves out that sources were not read, which was asked for.
#[must_use]
pub fn without_sources(bundle: &Bundle, found: Diagnostics) -> Diagnostics {
    let urls: Vec<Span> = bundle.described.iter().map(|described| described.span).collect();
    let mut left = Diagnostics::default();
    let unread = |d: &Diagnostic| {
        let code = matches!(d.code, Code::SourceNotFound | Code::RootRelativeSource) || d.code.is_refusal();
        d.span.is_some_and(|span| urls.contains(&span)) && code
    };
    left.extend(found.into_iter().filter(|d| !unread(d)));
    left
}

/// An operation, by its place, and the status of the answer where only one is awaited.
type KnownAnswers<'a> = HashMap<(Span, Option<u16>), Rc<answers::Answers<'a>>>;

struct Lint<'a> {
    bundle: &'a Bundle,
    program: &'a Program,
    /// What compiling said.
    known: &'a Diagnostics,
    /// Where it found errors.
    errors: Vec<Span>,
    steps: Vec<StepView<'a>>,
    workflows: Vec<WorkflowView<'a>>,
    diagnostics: Diagnostics,
    /// What answers hold, by operation and, where only one is awaited, its status.
    answers: RefCell<KnownAnswers<'a>>,
}

/// A step with what it was made of.
struct StepView<'a> {
    document: &'a DocumentStep,
    node: Option<&'a Node>,
    operation: Option<Operation<'a>>,
}

/// A workflow with what it was made of.
struct WorkflowView<'a> {
    document: &'a DocumentWorkflow,
    node: Option<&'a Node>,
}

impl<'a> Lint<'a> {
    fn new(bundle: &'a Bundle, program: &'a Program, known: &'a Diagnostics) -> Self {
        let operations = operations(bundle, program);
        let mut workflows = vec![];
        let mut steps = vec![];
        for loaded in &bundle.documents {
            let written = loaded.document.root.get("workflows").map(Node::items).unwrap_or_default();
            for workflow in &loaded.document.workflows {
                let node = written.iter().find(|node| node.span == workflow.span);
                workflows.push(WorkflowView { document: workflow, node });
                let nodes = node.and_then(|node| node.get("steps")).map(Node::items).unwrap_or_default();
                let mut nodes = nodes.iter();
                for step in &workflow.steps {
                    // What is no step was left out when the document was read.
                    let node = nodes.find(|node| node.span.contains(step.id.span()));
                    let call = program.steps.get(steps.len()).map(|step| &step.call);
                    let operation = call.and_then(Call::operation).and_then(|id| operations.get(&id).copied());
                    steps.push(StepView { document: step, node, operation });
                }
            }
        }
        let errors = known.errors().filter_map(|d| d.span).collect();
        Self {
            bundle,
            program,
            known,
            errors,
            steps,
            workflows,
            diagnostics: Diagnostics::default(),
            answers: RefCell::default(),
        }
    }

    /// Checks every step against what it calls: what is sent, what is read of its answers, what tests ask of them.
    fn check_calls(&mut self) {
        for id in self.own() {
            let Some(workflow) = self.program.workflow(id) else { continue };
            for step in &workflow.steps {
                self.check_sent(*step);
                self.check_bare_tokens(*step);
                self.check_reads(*step);
                self.check_conditions(*step);
            }
            self.check_output_reads(workflow);
        }
    }

    fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// The edit that writes `new` for `old`, if that stands in a text only once.
    fn replace_once(&self, span: Span, old: &str, new: &str) -> Option<Edit> {
        let text = self.bundle.sources.text(span);
        let mut found = text.match_indices(old);
        let (at, _) = found.next()?;
        if found.next().is_some() {
            return None;
        }
        let start = span.start as usize + at;
        Some(Edit { span: Span::new(span.source, start..start + old.len()), text: new.to_owned() })
    }

    /// `true` if there is an error in a part of a document.
    fn faulty(&self, part: Span) -> bool {
        self.errors.iter().any(|span| part.contains(*span))
    }

    fn step(&self, id: StepId) -> Option<&StepView<'a>> {
        self.steps.get(id.0 as usize)
    }

    fn workflow(&self, id: WorkflowId) -> Option<&WorkflowView<'a>> {
        self.workflows.get(id.0 as usize)
    }

    /// Workflows of the entry document: the others have a lint of their own.
    fn own(&self) -> Vec<WorkflowId> {
        self.program.own_workflows().map(|(id, _)| id).collect()
    }
}

/// The views of the operations that are called, each looked up once.
fn operations<'a>(bundle: &'a Bundle, program: &Program) -> BTreeMap<OperationId, Operation<'a>> {
    let numbers = bundle.numbers();
    let mut apis: BTreeMap<usize, Api<'a>> = BTreeMap::new();
    for (described, number) in bundle.described.iter().zip(numbers) {
        if let (Some(root), DescribedKind::Openapi) = (&described.root, described.kind) {
            apis.entry(number).or_insert_with(|| Api::new(root, &bundle.store));
        }
    }
    let mut found = BTreeMap::new();
    for (index, operation) in program.operations.iter().enumerate() {
        let Some(api) = apis.get(&operation.api) else { continue };
        let way = |method: &str| Pointer::of(vec!["paths".to_owned(), operation.path.clone(), method.to_owned()]);
        let lower = api.by_pointer(&way(&operation.method.to_ascii_lowercase()));
        if let Some(view) = lower.or_else(|| api.by_pointer(&way(&operation.method))) {
            found.insert(OperationId(index as u32), view);
        }
    }
    found
}
