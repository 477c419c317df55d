//! Which values are secrets: found backwards from credential positions, before anything runs.
//!
//! A credential position is a header, query parameter, cookie or body member that carries credentials by its place or
//! name. Whatever an expression there reads is marked: inputs, outputs, and parts of answers, so that a login token is
//! masked before it is used for the first time. The mark belongs to the slot, not to the value.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::credentials::is_credential_name;
use crate::expr::{Expr, Root, StepId, Template};
use crate::program::{AnswerPart, Build, Inherited, Passed, Program, SecretPart, Target, WorkflowId};

/// A slot that holds a value: the mark belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Slot {
    Input(WorkflowId, String),
    StepOutput(StepId, String),
    Output(WorkflowId, String),
}

/// Marks inputs, outputs and answer parts of all workflows.
pub(super) fn mark(program: &mut Program) {
    let (marked, parts) = {
        let mut marking = Marking::begin(program);
        loop {
            marking.follow_reads();
            let Some(slot) = marking.slots.pop() else { break };
            if marking.marked.insert(slot.clone()) {
                marking.follow_slot(&slot);
            }
        }
        (marking.marked, marking.parts)
    };
    for (step, part) in parts {
        if let Some(step) = program.steps.get_mut(step.0 as usize)
            && !step.secrets.contains(&part)
        {
            step.secrets.push(part);
        }
    }
    for slot in marked {
        mark_slot(program, slot);
    }
}

/// An expression to be followed.
struct Reading {
    expr: Expr,
    /// The workflow and the step that it stands in.
    workflow: WorkflowId,
    step: Option<StepId>,
    /// The output whose value it is.
    output: Option<String>,
}

/// The walk back from credential positions.
struct Marking<'p> {
    program: &'p Program,
    callers: Callers<'p>,
    marked: BTreeSet<Slot>,
    /// Parts of the answers of steps.
    parts: Vec<(StepId, SecretPart)>,
    /// Expressions and slots that are still to be followed.
    readings: Vec<Reading>,
    slots: Vec<Slot>,
}

impl<'p> Marking<'p> {
    /// The credential positions, and the slots that are secrets by their schema or name.
    fn begin(program: &'p Program) -> Self {
        let callers = callers(program, (0..program.workflows.len()).map(|index| WorkflowId(index as u32)));
        let (mut readings, mut slots) = (vec![], vec![]);
        for (index, workflow) in program.workflows.iter().enumerate() {
            let own = WorkflowId(index as u32);
            let secret = workflow.inputs.declared.iter().filter(|input| input.secret);
            slots.extend(secret.map(|input| Slot::Input(own, input.name.clone())));
            for id in &workflow.steps {
                let Some(step) = program.step(*id) else { continue };
                let passed = step.passed().map(|value| &value.value);
                for read in step.call.values().chain(passed).flat_map(Build::reads).filter(|read| read.credential) {
                    readings.push(Reading { expr: read.expr.clone(), workflow: own, step: Some(*id), output: None });
                }
                // An output that is called a token is one, wherever it goes.
                let named = step.outputs.iter().filter(|output| is_credential_name(&output.name));
                slots.extend(named.map(|output| Slot::StepOutput(*id, output.name.clone())));
            }
        }
        Self { program, callers, marked: BTreeSet::new(), parts: vec![], readings, slots }
    }

    /// Finds the slots, and the parts of answers, that expressions read.
    fn follow_reads(&mut self) {
        while let Some(Reading { expr, workflow, step, output }) = self.readings.pop() {
            self.slots.extend(read_slots(self.program, &expr, workflow, step));
            let of_answer = matches!(
                expr.root,
                Root::ResponseBody | Root::ResponseHeader(_) | Root::MessagePayload | Root::MessageHeader(_)
            );
            if let (true, Some(id), Some(output)) = (of_answer, step, output) {
                let name = self.program.step(id).map(|s| format!("{}.{output}", s.name)).unwrap_or_default();
                let part = match expr.root {
                    Root::ResponseHeader(header) | Root::MessageHeader(header) => AnswerPart::Header(header),
                    _ => AnswerPart::Body(expr.at),
                };
                let of_error = match &part {
                    AnswerPart::Header(_) => true,
                    AnswerPart::Body(at) => at.tokens().last().is_some_and(|name| is_credential_name(name)),
                    AnswerPart::Selected(_) => false,
                };
                self.parts.push((id, SecretPart { name, part, of_error }));
            }
        }
    }

    /// Finds what the value of a slot is made of.
    fn follow_slot(&mut self, slot: &Slot) {
        match slot {
            Slot::Input(workflow, name) => self.follow_input(*workflow, name),
            Slot::StepOutput(id, name) => self.follow_step_output(*id, name),
            Slot::Output(id, name) => {
                let workflow = self.program.workflow(*id);
                let output = workflow.and_then(|w| w.outputs.iter().find(|output| output.name == *name));
                if let Some(output) = output {
                    self.read(&output.value, *id, None, None);
                }
            }
        }
    }

    /// What gives an input: the arguments of its callers, or their inputs of the same name.
    fn follow_input(&mut self, workflow: WorkflowId, name: &str) {
        for (caller, step, passed) in self.callers.get(&workflow).cloned().unwrap_or_default() {
            if let Some(value) = passed.and_then(|passed| passed.values.iter().find(|value| value.name == name)) {
                self.read(&value.value, caller, step, None);
            }
            let inherited = match passed.map(|passed| &passed.inherited) {
                None | Some(Inherited::All) => true,
                Some(Inherited::These(names)) => names.iter().any(|inherited| inherited == name),
                Some(Inherited::Nothing) => false,
            };
            if inherited {
                self.slots.push(Slot::Input(caller, name.to_owned()));
            }
        }
    }

    fn follow_step_output(&mut self, id: StepId, name: &str) {
        let Some(step) = self.program.step(id) else { return };
        match step.outputs.iter().find(|output| output.name == name) {
            // Not the whole answer: what is selected of it.
            Some(output) if is_selected_of_answer(&output.value) => {
                let part = AnswerPart::Selected(name.to_owned());
                let secret = format!("{}.{name}", step.name);
                self.parts.push((id, SecretPart { name: secret, part, of_error: names_secret(&output.text) }));
            }
            Some(output) => self.read(&output.value, step.workflow, Some(id), Some(name)),
            None => {
                let called = step.call.workflow();
                self.slots.extend(called.map(|workflow| Slot::Output(workflow, name.to_owned())));
            }
        }
    }

    /// Follows the expressions of a value.
    fn read(&mut self, value: &Build, workflow: WorkflowId, step: Option<StepId>, output: Option<&str>) {
        let output = output.map(str::to_owned);
        let reading = |expr: &Expr| Reading { expr: expr.clone(), workflow, step, output: output.clone() };
        self.readings.extend(value.reads().into_iter().map(|read| reading(read.expr)));
    }
}

/// Writes the mark of a slot into the program.
fn mark_slot(program: &mut Program, slot: Slot) {
    match slot {
        Slot::StepOutput(step, name) => {
            let step = program.steps.get_mut(step.0 as usize);
            if let Some(output) = step.and_then(|step| step.outputs.iter_mut().find(|o| o.name == name)) {
                output.secret = true;
            }
        }
        Slot::Output(workflow, name) => {
            let workflow = program.workflows.get_mut(workflow.0 as usize);
            if let Some(output) = workflow.and_then(|w| w.outputs.iter_mut().find(|o| o.name == name)) {
                output.secret = true;
            }
        }
        Slot::Input(workflow, name) => {
            let Some(workflow) = program.workflows.get_mut(workflow.0 as usize) else { return };
            let inputs = &mut workflow.inputs;
            for input in inputs.declared.iter_mut().chain(&mut inputs.passed_on).filter(|i| i.name == name) {
                input.secret = true;
            }
            inputs.secret.insert(name);
        }
    }
}

/// `true` for a Selector Object over an answer.
fn is_selected_of_answer(value: &Build) -> bool {
    let context = match value {
        Build::Select(selection) => &selection.context,
        Build::Template(leaf) => match &leaf.template {
            Template::Whole(expr) if expr.query.is_some() => expr,
            _ => return false,
        },
        _ => return false,
    };
    matches!(context.root, Root::ResponseBody | Root::ResponseHeader(_))
}

/// `true` for a selector that ends with a name of a secret: `$.access_token`.
fn names_secret(selector: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let end = selector.trim_end_matches(|c: char| !word(c));
    is_credential_name(end.rsplit(|c: char| !word(c)).next().unwrap_or_default())
}

/// An expression with the workflow, and the step, that it stands in.
type Standing = (Expr, WorkflowId, Option<StepId>);

/// Follows values back to the secrets that they are made of.
pub(crate) struct Origins<'p> {
    program: &'p Program,
    started: WorkflowId,
    callers: Callers<'p>,
    /// Inputs that whoever starts the workflow says are secret.
    extra: &'p [String],
    /// What is known: many values read the same.
    known: RefCell<BTreeMap<Slot, BTreeSet<String>>>,
}

impl<'p> Origins<'p> {
    /// `reached` are the workflows that may run when `started` does.
    pub(crate) fn new(program: &'p Program, started: WorkflowId, reached: &[WorkflowId], extra: &'p [String]) -> Self {
        Self { program, started, callers: callers(program, reached.iter().copied()), extra, known: RefCell::default() }
    }

    /// The secrets in a value of this workflow, by the names under which a run learns them: an input of the workflow
    /// that is started, whatever it is called where it is passed on to, and `step.output` for what an answer gives.
    pub(crate) fn of(&self, value: &Build, workflow: WorkflowId) -> BTreeSet<String> {
        let slots = value.reads().into_iter().flat_map(|read| self.read(&(read.expr.clone(), workflow, None)));
        slots.flat_map(|slot| self.behind(slot)).collect()
    }

    /// The secrets behind a slot.
    fn behind(&self, first: Slot) -> BTreeSet<String> {
        if let Some(known) = self.known.borrow().get(&first) {
            return known.clone();
        }
        let mut names = BTreeSet::new();
        let mut met: BTreeSet<Slot> = BTreeSet::new();
        let mut waiting = vec![first.clone()];
        while let Some(slot) = waiting.pop() {
            if met.insert(slot.clone()) {
                let (slots, reads) = self.made_of(slot, &mut names);
                waiting.extend(slots);
                waiting.extend(reads.iter().flat_map(|read| self.read(read)));
            }
        }
        self.known.borrow_mut().insert(first, names.clone());
        names
    }

    /// The slots that an expression reads; all inputs, where it reads them whole.
    fn read(&self, (expr, workflow, step): &Standing) -> Vec<Slot> {
        let slots = read_slots(self.program, expr, *workflow, *step);
        if expr.root != Root::Inputs || !slots.is_empty() {
            return slots;
        }
        let declared = self.program.workflow(*workflow).into_iter().flat_map(|own| own.inputs.given());
        declared.map(|input| Slot::Input(*workflow, input.name.clone())).collect()
    }

    /// What fills a slot: other slots, and expressions. What begins here is named.
    fn made_of(&self, slot: Slot, names: &mut BTreeSet<String>) -> (Vec<Slot>, Vec<Standing>) {
        let answered = |value: &Build| {
            value.reads().iter().any(|read| matches!(read.expr.root, Root::ResponseBody | Root::ResponseHeader(_)))
        };
        let read = |value: &Build, workflow: WorkflowId, step: Option<StepId>| {
            value.reads().into_iter().map(|read| (read.expr.clone(), workflow, step)).collect::<Vec<_>>()
        };
        let (mut slots, mut reads) = (vec![], vec![]);
        match slot {
            Slot::Input(id, name) => {
                let marked = self.program.workflow(id).is_some_and(|own| own.inputs.secret.contains(&name));
                if id == self.started && (marked || self.extra.contains(&name)) {
                    names.insert(name.clone());
                }
                for (caller, step, passed) in self.callers.get(&id).into_iter().flatten() {
                    match passed.and_then(|passed| passed.values.iter().find(|value| value.name == name)) {
                        Some(given) => {
                            if marked && answered(&given.value) {
                                names.insert(name.clone());
                            }
                            reads.extend(read(&given.value, *caller, *step));
                        }
                        None => slots.push(Slot::Input(*caller, name.clone())),
                    }
                }
            }
            Slot::StepOutput(id, name) => {
                let Some(from) = self.program.step(id) else { return (slots, reads) };
                match (from.outputs.iter().find(|output| output.name == name), from.call.workflow()) {
                    (Some(output), _) => {
                        if output.secret && answered(&output.value) {
                            names.insert(format!("{}.{name}", from.name));
                        }
                        reads.extend(read(&output.value, from.workflow, Some(id)));
                    }
                    (None, Some(workflow)) => slots.push(Slot::Output(workflow, name)),
                    (None, None) => {}
                }
            }
            Slot::Output(id, name) => {
                let output = self.program.workflow(id).and_then(|own| own.outputs.iter().find(|o| o.name == name));
                reads.extend(output.map(|output| read(&output.value, id, None)).unwrap_or_default());
            }
        }
        (slots, reads)
    }
}

/// The slots that an expression reads.
fn read_slots(program: &Program, expr: &Expr, workflow: WorkflowId, step: Option<StepId>) -> Vec<Slot> {
    let first = || expr.at.tokens().first().cloned();
    let called = step.and_then(|id| program.step(id)).and_then(|step| step.call.workflow());
    let slot = match &expr.root {
        Root::Input(name) => Some(Slot::Input(workflow, name.clone())),
        Root::Inputs => first().map(|name| Slot::Input(workflow, name)),
        Root::StepOutput(step, name) => Some(Slot::StepOutput(*step, name.clone())),
        Root::StepOutputs(step) => first().map(|name| Slot::StepOutput(*step, name)),
        Root::Output(name) => Some(Slot::Output(called.unwrap_or(workflow), name.clone())),
        Root::WorkflowInput(workflow, name) => Some(Slot::Input(*workflow, name.clone())),
        Root::WorkflowOutput(workflow, name) => Some(Slot::Output(*workflow, name.clone())),
        _ => None,
    };
    slot.into_iter().collect()
}

/// Who runs each workflow: the caller, its step, and what is passed; nothing is, where a workflow depends on it.
type Callers<'p> = BTreeMap<WorkflowId, Vec<(WorkflowId, Option<StepId>, Option<&'p Passed>)>>;

/// Of these workflows.
fn callers(program: &Program, among: impl Iterator<Item = WorkflowId>) -> Callers<'_> {
    let mut callers = Callers::new();
    for (own, workflow) in among.filter_map(|id| Some((id, program.workflow(id)?))) {
        for needed in &workflow.dependencies {
            callers.entry(*needed).or_default().push((own, None, None));
        }
        for id in &workflow.steps {
            let Some(step) = program.step(*id) else { continue };
            if let Some((workflow, passed)) = step.call.passed() {
                callers.entry(workflow).or_default().push((own, Some(*id), Some(passed)));
            }
            for action in step.actions() {
                if let Some(Target::Workflow { workflow, passed }) = action.then.target() {
                    callers.entry(*workflow).or_default().push((own, Some(*id), Some(passed)));
                }
            }
        }
    }
    callers
}
