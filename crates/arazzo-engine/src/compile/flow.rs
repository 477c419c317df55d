//! The order of steps: a reference to a step that no path can have run before is an error (docs/readings.md, "dependsOn of
//! a step, output references").

use std::collections::{BTreeSet, HashMap};

use crate::code::Code;
use crate::diagnostic::{Diagnostic, Edit, Help};
use crate::expr::{Expr, Root, StepId};
use crate::program::{Build, Criterion, Output, Program, Step, Target, Then, WorkflowId};
use crate::source::Span;

/// Faults in the order of the steps of each workflow.
pub(super) fn check(program: &Program) -> Vec<(WorkflowId, Diagnostic)> {
    let run = run_by_something(program);
    let mut faults = vec![];
    for (index, workflow) in program.workflows.iter().enumerate() {
        let own = WorkflowId(index as u32);
        let before = Before::of(&program.steps, &workflow.steps);
        for id in &workflow.steps {
            let Some(step) = program.step(*id) else { continue };
            let mut check = |expr: &Expr, text: &str, span: Span, answered: bool| {
                let (Root::StepOutput(read, _) | Root::StepOutputs(read)) = &expr.root else {
                    let ended = answered && step.call.workflow().is_some();
                    let early = not_yet(program, (own, *id), (ended, run.contains(&own)), expr, text, span);
                    faults.extend(early.map(|fault| (own, fault)));
                    faults.extend(unrun(program, own, &run, expr, text, span));
                    return;
                };
                if program.step(*read).is_some_and(|other| other.workflow != own) {
                    faults.extend(unrun(program, own, &run, expr, text, span));
                    return;
                }
                if answered && read == id || before.holds(*read, *id) {
                    return;
                }
                faults.push((own, unreachable(program, (step, *id), *read, text, span)));
            };
            for read in step.call.reads() {
                check(read.expr, read.text, read.span, false);
            }
            let after = step.outputs.iter().map(|output| &output.value).chain(step.passed().map(|value| &value.value));
            for read in after.flat_map(Build::reads) {
                check(read.expr, read.text, read.span, true);
            }
            for criterion in step.all_criteria() {
                criterion.expressions().into_iter().for_each(|expr| check(expr, &criterion.text, criterion.span, true));
            }
            let own_outputs = step.criteria.iter().filter_map(|criterion| own_output(program, (step, *id), criterion));
            faults.extend(own_outputs.map(|fault| (own, fault)));
        }
        for read in workflow.outputs.iter().flat_map(|output| output.value.reads()) {
            faults.extend(unrun(program, own, &run, read.expr, read.text, read.span));
        }
    }
    faults
}

fn unreachable(program: &Program, (step, id): (&Step, StepId), read: StepId, text: &str, span: Span) -> Diagnostic {
    let other = program.step(read);
    let name = other.map(|s| s.name.as_str()).unwrap_or_default();
    let (message, help) = if read == id {
        (
            format!("`{text}` reads an output of the step's own answer before its request is sent"),
            "read an output of an earlier step".to_owned(),
        )
    } else {
        (
            format!("`{text}` reads step `{name}`, which cannot have run before step `{}`", step.name),
            if reads_step(program, read, id) {
                format!("read an output of an earlier step: step `{name}` itself reads step `{}`", step.name)
            } else {
                format!("move step `{name}` before step `{}`", step.name)
            },
        )
    };
    let mut fault = Diagnostic::error(Code::UnreachableReference, span, message)
        .help(help)
        .section("§Step Dependencies and Execution Order");
    if let Some(other) = other {
        fault = fault.note(other.span, "the step that is read");
    }
    fault
}

/// A read of the outputs of the workflow that the step is part of: they are there when it has ended. `ended` is `true` where
/// `$outputs` are those of a workflow that the step has called; `again` if the own workflow may have run before.
fn not_yet(
    program: &Program,
    (own, id): (WorkflowId, StepId),
    (ended, again): (bool, bool),
    expr: &Expr,
    text: &str,
    span: Span,
) -> Option<Diagnostic> {
    let name = match &expr.root {
        Root::Output(name) if !ended => name,
        Root::WorkflowOutput(read, name) if *read == own && !again => name,
        _ => return None,
    };
    let workflow = program.workflow(own)?;
    let message = format!("`{text}` reads an output of the workflow, which has a value when all steps have run");
    let mut fault = Diagnostic::error(Code::UnreachableReference, span, message).section("§Runtime Expressions");
    let output = workflow.outputs.iter().find(|output| output.name == *name);
    if let Some(output) = output {
        fault = fault.note(output.span, "the output of the workflow");
    }
    // What that output is made of, else an output of the same name of a step before this one.
    let before: Vec<StepId> = workflow.steps.iter().copied().take_while(|step| *step != id).collect();
    let reads_before = |output: &&Output| {
        let mut reads = output.value.reads().into_iter();
        output.text.starts_with("$steps.")
            && reads.all(|read| matches!(&read.expr.root, Root::StepOutput(step, _) if before.contains(step)))
    };
    let made_of = output.filter(reads_before).map(|output| output.text.clone());
    let before = before.iter().filter_map(|step| program.step(*step));
    let has = |step: &&Step| step.outputs.iter().any(|output| output.name == *name);
    let of_step = || before.filter(has).last().map(|step| format!("$steps.{}.outputs.{name}", step.name));
    Some(match made_of.or_else(of_step) {
        Some(meant) => fault.help(Help::meant(meant)),
        None => fault.help("read an output of an earlier step: $steps.<stepId>.outputs.<name>"),
    })
}

/// A criterion that reads an output of its own step: outputs are evaluated after the criteria.
fn own_output(program: &Program, (step, id): (&Step, StepId), criterion: &Criterion) -> Option<Diagnostic> {
    let (expr, name) = criterion.expressions().into_iter().find_map(|expr| match &expr.root {
        Root::StepOutput(read, name) if *read == id => Some((expr, name)),
        _ => None,
    })?;
    let severity = program.readings.severity(Code::OwnOutputInCriterion)?;
    let message = format!("outputs are evaluated after the criteria: on the first visit `{name}` has no value here");
    let mut fault = Diagnostic::warning(Code::OwnOutputInCriterion, criterion.span, message);
    fault.severity = severity;
    let output = step.outputs.iter().find(|output| output.name == *name);
    let right = match output {
        Some(output) => output.text.clone(),
        None => format!("$outputs.{name}"),
    };
    fault = fault.help(format!("write {right}")).section("§Step Object");
    let range = expr.parts.map(|parts| parts.range());
    let whole = matches!(output.map(|output| &output.value), None | Some(Build::Template(_)));
    let plain = right.starts_with('$') && right.chars().all(|c| c.is_ascii_alphanumeric() || "$.#/_-".contains(c));
    let text = program.sources.text(criterion.span);
    match range.filter(|_| whole && plain && expr.at.is_whole() && text == criterion.text) {
        Some(range) => {
            let start = criterion.span.start as usize;
            let span = Span::new(criterion.span.source, start + range.start..start + range.end);
            Some(fault.fix(format!("write {right}"), false, vec![Edit { span, text: right }]))
        }
        None => Some(fault),
    }
}

/// `true` if what one step sends is made of what another one gave, directly or not.
fn reads_step(program: &Program, reader: StepId, read: StepId) -> bool {
    let mut seen = BTreeSet::from([reader]);
    let mut frontier = vec![reader];
    while let Some(step) = frontier.pop().and_then(|id| program.step(id)) {
        for one in step.call.reads() {
            let (Root::StepOutput(other, _) | Root::StepOutputs(other)) = &one.expr.root else { continue };
            if *other == read {
                return true;
            }
            if seen.insert(*other) {
                frontier.push(*other);
            }
        }
    }
    false
}

/// The workflows that some workflow runs.
fn run_by_something(program: &Program) -> BTreeSet<WorkflowId> {
    let mut run: BTreeSet<WorkflowId> = program.workflows.iter().flat_map(|w| w.dependencies.iter().copied()).collect();
    for step in &program.steps {
        run.extend(step.call.workflow());
        run.extend(step.actions().filter_map(|action| match action.then.target() {
            Some(Target::Workflow { workflow, .. }) => Some(*workflow),
            _ => None,
        }));
    }
    run
}

/// A reference to a workflow that nothing runs.
fn unrun(
    program: &Program,
    own: WorkflowId,
    run: &BTreeSet<WorkflowId>,
    expr: &Expr,
    text: &str,
    span: Span,
) -> Option<(WorkflowId, Diagnostic)> {
    let read = &match &expr.root {
        Root::WorkflowOutput(read, _) | Root::WorkflowInput(read, _) => *read,
        Root::StepOutput(step, _) => program.step(*step)?.workflow,
        _ => return None,
    };
    if *read == own || run.contains(read) {
        return None;
    }
    let name = program.workflow(*read).map(|w| w.name.as_str()).unwrap_or_default();
    let fault = Diagnostic::error(
        Code::UnreachableReference,
        span,
        format!("`{text}` reads workflow `{name}`, which nothing runs"),
    )
    .help(format!("add `dependsOn: [{name}]` to the workflow, or a step that calls `{name}`"))
    .section("§Workflow Object");
    Some((own, fault))
}

/// Which steps of a workflow some path runs before others.
///
/// A step goes on to the next one of the list, so it comes before all that stand behind it. It comes before one in front
/// of it if it leads to a place no later than that. So the earliest place that each step leads to says everything, and is
/// known for all steps in two passes over them.
struct Before {
    /// Places in the order in which steps follow one another.
    places: HashMap<StepId, usize>,
    /// For each place, the earliest that an action of a step there or further on leads to.
    led: Vec<usize>,
    /// For each place, the earliest that can be come to from it, itself among them.
    earliest: Vec<usize>,
}

impl Before {
    fn of(steps: &[Step], ids: &[StepId]) -> Self {
        let own: BTreeSet<StepId> = ids.iter().copied().collect();
        let followed: BTreeSet<StepId> = ids.iter().filter_map(|id| steps.get(id.0 as usize)?.next).collect();
        // The list as it is followed, then steps that it does not hold, which is a fault that was said.
        let mut order: Vec<StepId> = vec![];
        let mut met = BTreeSet::new();
        for first in ids.iter().filter(|id| !followed.contains(id)).chain(ids) {
            let mut next = Some(*first);
            while let Some(id) = next.filter(|id| own.contains(id) && met.insert(*id)) {
                order.push(id);
                next = steps.get(id.0 as usize).and_then(|step| step.next);
            }
        }
        let places: HashMap<StepId, usize> = order.iter().enumerate().map(|(place, id)| (*id, place)).collect();
        let mut led = vec![usize::MAX; order.len()];
        let mut lead = |from: usize, to: usize| {
            if let Some(earliest) = led.get_mut(from) {
                *earliest = to.min(*earliest);
            }
        };
        for (place, id) in order.iter().enumerate() {
            for action in steps.get(id.0 as usize).into_iter().flat_map(Step::actions) {
                let Some(Target::Step(target)) = action.then.target() else { continue };
                let Some(target) = places.get(target).copied() else { continue };
                lead(place, target);
                // A detour leads back.
                if matches!(action.then, Then::Retry { .. }) {
                    lead(target, place);
                }
            }
        }
        let mut least = usize::MAX;
        for earliest in led.iter_mut().rev() {
            least = least.min(*earliest);
            *earliest = least;
        }
        let mut earliest: Vec<usize> = vec![];
        for (place, led) in led.iter().enumerate() {
            // What stands in front is known already.
            let further = if *led < place { earliest.get(*led).copied() } else { None };
            earliest.push(further.unwrap_or(place));
        }
        Self { places, led, earliest }
    }

    /// `true` if some path runs `read` before it enters `id`; of a step itself, if a path leads back to it.
    fn holds(&self, read: StepId, id: StepId) -> bool {
        let (Some(read), Some(id)) = (self.places.get(&read).copied(), self.places.get(&id).copied()) else {
            return false;
        };
        let led = self.led.get(read).copied().unwrap_or(usize::MAX);
        read < id || led <= id || self.earliest.get(led).is_some_and(|earliest| *earliest <= id)
    }
}
