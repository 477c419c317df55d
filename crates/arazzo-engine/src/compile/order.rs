//! What runs before what: `dependsOn` of steps and of workflows, and calls that can never end.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::Compiler;
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Help, Subject, nearest};
use crate::document;
use crate::expr::{Expr, Root, StepId};
use crate::program::{Build, Criterion, Input, Program, Workflow, WorkflowId};

impl Compiler<'_> {
    /// Links the steps of a workflow: in the order of the list, or, where a step has `dependsOn`, in an order in which
    /// each comes after what it depends on (specification, Step Dependencies and Execution Order). The step that runs
    /// first.
    pub(super) fn in_order(&mut self, workflow: &document::Workflow, ids: &[StepId]) -> Option<StepId> {
        let mut after: Vec<Vec<StepId>> = vec![];
        for step in &workflow.steps {
            let found = step.depends_on.iter().filter_map(|text| self.step_named(workflow, step, text, ids)).collect();
            after.push(found);
        }
        let order =
            if after.iter().all(Vec::is_empty) { ids.to_vec() } else { self.sorted_steps(workflow, ids, &after) };
        for (index, after) in after.into_iter().enumerate() {
            if let Some(step) = ids.get(index).and_then(|id| self.steps.get_mut(id.0 as usize)) {
                step.after = after;
            }
        }
        for (index, id) in order.iter().enumerate() {
            if let Some(step) = self.steps.get_mut(id.0 as usize) {
                step.next = order.get(index + 1).copied();
            }
        }
        order.first().copied()
    }

    /// The step that an entry of `dependsOn` names.
    fn step_named(
        &mut self,
        workflow: &document::Workflow,
        step: &document::Step,
        text: &document::Text,
        ids: &[StepId],
    ) -> Option<StepId> {
        let value = text.value.as_str();
        if let Some((of, name)) = value.strip_prefix('$').and_then(|_| value.split_once(".steps.")) {
            let of = of.strip_prefix("$workflows.").unwrap_or(of);
            let Some(id) = self.workflow_of(of) else {
                // Of a source that could not be read, that was said.
                let source = of.strip_prefix("$sourceDescriptions.").and_then(|rest| self.prefixed(rest));
                let source = source.and_then(|(index, _)| self.bundle.described.get(index));
                if source.is_some_and(|described| described.root.is_none()) {
                    return None;
                }
                let message = format!("`{of}` names no workflow");
                self.push(Diagnostic::error(Code::UnknownWorkflow, text.span(), message).section("§Step Object"));
                return None;
            };
            let steps = self.steps_of(id);
            let found = steps.iter().position(|step| step == name);
            if found.is_none() {
                let help = nearest(name, steps.iter().map(String::as_str)).map(Help::meant);
                let message = format!("workflow `{of}` has no step `{name}`");
                self.push(Diagnostic::error(Code::UnknownStep, text.span(), message).help(help));
            }
            let first = self.first_steps.get(id.0 as usize)?;
            return found.map(|index| StepId(first + index as u32));
        }
        if let Some(rest) = value.strip_prefix("$steps.") {
            return self.step_expression(workflow, step, text, rest, ids);
        }
        if value.starts_with('$') {
            // Reading the document said that this is no way to name a step.
            return None;
        }
        let found = workflow.steps.iter().position(|step| step.id.value == value);
        if found.is_none() {
            let named = value.rsplit(['.', '/']).next().unwrap_or(value);
            let help = nearest(named, workflow.steps.iter().map(|step| step.id.value.as_str())).map(Help::meant);
            let message = format!("the workflow has no step `{value}`");
            self.push(Diagnostic::error(Code::UnknownStep, text.span(), message).help(help));
        }
        if value == step.id.value {
            let message = format!("step `{value}` depends on itself");
            self.push(Diagnostic::error(Code::DependencyCycle, text.span(), message).help("leave it out".to_owned()));
            return None;
        }
        found.and_then(|index| ids.get(index).copied())
    }

    /// The reading `depends-on-expression`: `$steps.X`, also `$steps.X.outputs.y`, is the step X.
    fn step_expression(
        &mut self,
        workflow: &document::Workflow,
        step: &document::Step,
        text: &document::Text,
        rest: &str,
        ids: &[StepId],
    ) -> Option<StepId> {
        let names = || workflow.steps.iter().map(|step| step.id.value.as_str());
        let Some(name) = document::step_of_expression(rest, names()) else {
            let written = rest.split('.').next().unwrap_or_default();
            let help = nearest(written, names()).map(Help::meant);
            let message = format!("the workflow has no step `{written}`");
            self.push(Diagnostic::error(Code::UnknownStep, text.span(), message).help(help));
            return None;
        };
        if name == step.id.value {
            let message = format!("step `{name}` depends on itself");
            self.push(Diagnostic::error(Code::DependencyCycle, text.span(), message).help("leave it out".to_owned()));
            return None;
        }
        let found = names().position(|known| known == name);
        found.and_then(|index| ids.get(index).copied())
    }

    /// The reading `depends-on-expression` of a workflow: `$workflows.X` is the workflow X.
    pub(super) fn workflow_expression(&self, text: &document::Text) -> Option<WorkflowId> {
        let name = text.value.strip_prefix("$workflows.")?;
        let declared = self.declared.get(self.document)?;
        Some(declared.workflows.iter().find(|workflow| workflow.name == name)?.id)
    }

    /// A stable topological order; a cycle is said, and its steps keep the order of the list.
    fn sorted_steps(&mut self, workflow: &document::Workflow, ids: &[StepId], after: &[Vec<StepId>]) -> Vec<StepId> {
        let indexes: BTreeMap<StepId, usize> = ids.iter().enumerate().map(|(index, id)| (*id, index)).collect();
        let index_of = |id: &StepId| indexes.get(id).copied();
        let mut before: Vec<BTreeSet<usize>> =
            after.iter().map(|after| after.iter().filter_map(index_of).collect()).collect();
        // Where everything that is needed stands further up, nothing further up needs what stands below.
        let mut upwards = before.iter().enumerate().all(|(index, before)| before.iter().all(|needed| *needed < index));
        // "Tools MUST also treat runtime expression output references as implicit dependencies": where they do not
        // contradict what is declared, as those of a loop do.
        for (index, id) in ids.iter().enumerate() {
            let reads: Vec<usize> = self.steps.get(id.0 as usize).map_or_else(Vec::new, |step| {
                let reads = step.call.reads();
                let read = reads.iter().filter_map(|read| match &read.expr.root {
                    Root::StepOutput(step, _) | Root::StepOutputs(step) => index_of(step),
                    _ => None,
                });
                read.filter(|read| *read != index).collect()
            });
            for read in reads {
                if (upwards && read < index || !needs(&before, read, index))
                    && let Some(before) = before.get_mut(index)
                {
                    before.insert(read);
                    upwards &= read < index;
                }
            }
        }
        let order = topological(&before);
        let ordered: BTreeSet<usize> = order.iter().copied().collect();
        let stuck: Vec<&document::Step> = workflow
            .steps
            .iter()
            .enumerate()
            .filter(|(index, _)| !ordered.contains(index) && needs(&before, *index, *index))
            .map(|(_, step)| step)
            .collect();
        if let Some(first) = stuck.first() {
            let names: Vec<&str> = stuck.iter().map(|step| step.id.value.as_str()).collect();
            let span = first.depends_on.first().map_or(first.id.span(), document::Text::span);
            self.push(
                Diagnostic::error(
                    Code::DependencyCycle,
                    span,
                    format!("steps that depend on each other: {}", names.join(", ")),
                )
                .help("leave out one of the dependencies".to_owned())
                .section("§Step Dependencies and Execution Order"),
            );
        }
        let rest: Vec<usize> = (0..ids.len()).filter(|index| !ordered.contains(index)).collect();
        order.into_iter().chain(rest).filter_map(|index| ids.get(index).copied()).collect()
    }
}

/// The order in which each comes behind what it needs, always the first that can come; without what is in a cycle, and
/// what needs that.
fn topological(before: &[BTreeSet<usize>]) -> Vec<usize> {
    let mut needed_by: Vec<Vec<usize>> = vec![vec![]; before.len()];
    for (index, before) in before.iter().enumerate() {
        for needed in before {
            needed_by.get_mut(*needed).into_iter().for_each(|by| by.push(index));
        }
    }
    let mut missing: Vec<usize> = before.iter().map(BTreeSet::len).collect();
    let mut ready: BTreeSet<usize> = (0..before.len()).filter(|index| missing.get(*index) == Some(&0)).collect();
    let mut order = vec![];
    while let Some(next) = ready.pop_first() {
        order.push(next);
        for index in needed_by.get(next).into_iter().flatten() {
            if let Some(missing) = missing.get_mut(*index) {
                *missing -= 1;
                if *missing == 0 {
                    ready.insert(*index);
                }
            }
        }
    }
    order
}

/// `true` if `from` needs `to` first, directly or not.
fn needs(before: &[BTreeSet<usize>], from: usize, to: usize) -> bool {
    let mut seen = vec![false; before.len()];
    let mut frontier: Vec<usize> = before.get(from).into_iter().flatten().copied().collect();
    while let Some(index) = frontier.pop() {
        if index == to {
            return true;
        }
        if let Some(seen) = seen.get_mut(index)
            && !std::mem::replace(seen, true)
        {
            frontier.extend(before.get(index).into_iter().flatten());
        }
    }
    false
}

/// The most workflows that one may depend on, directly or not.
const DEPENDENCIES: usize = 256;

/// Completes the dependencies of workflows with what those depend on, and finds what can never end.
pub(super) fn check(program: &mut Program) -> Vec<(WorkflowId, Diagnostic)> {
    let mut faults = vec![];
    let direct: Vec<Vec<WorkflowId>> = program.workflows.iter().map(|workflow| workflow.dependencies.clone()).collect();
    // Workflows that are said to call what depends on them.
    let mut tied = vec![];
    for index in 0..program.workflows.len() {
        let own = WorkflowId(index as u32);
        let Dependencies { order, in_circle, too_many } = dependencies(&direct, own);
        let Some(workflow) = program.workflow(own) else { continue };
        if too_many {
            let message = format!("workflow `{}` depends on more than {DEPENDENCIES} others", workflow.name);
            let fault = Diagnostic::error(Code::TooManyDependencies, workflow.span, message);
            faults.push((own, fault.section("§Workflow Object")));
        }
        if in_circle {
            faults.push((own, circular(program, workflow, &order)));
        }
        // What must have run before it calls it, and is not done before it is.
        let caller = order.iter().find(|id| calls_anywhere(program, **id, own)).filter(|_| !in_circle);
        if let Some(caller) = caller {
            let caller_name = name_of(program, *caller);
            let message = format!("workflow `{}` depends on workflow `{caller_name}`, which calls it", workflow.name);
            let fault = Diagnostic::error(Code::DependencyCycle, workflow.span, message)
                .help(format!("leave `{caller_name}` out of `dependsOn`"))
                .section("§Workflow Object");
            faults.push((own, fault));
            tied.push(*caller);
        }
        let passed_on = inputs_passed_on(program, workflow, &order);
        if let Some(workflow) = program.workflows.get_mut(index) {
            workflow.dependencies = order;
            workflow.inputs.passed_on = passed_on;
        }
    }
    let ids = (0..program.workflows.len()).map(|index| WorkflowId(index as u32));
    let own = ids.zip(&direct);
    let certain: Vec<Vec<usize>> = own
        .map(|(id, needed)| needed.iter().copied().chain(calls(program, id)).map(|id| id.0 as usize).collect())
        .collect();
    let mut in_circles = circles(&certain).concat();
    in_circles.sort_unstable();
    for index in in_circles {
        let own = WorkflowId(index as u32);
        // A cycle of dependencies was said just now.
        let said = faults.iter().any(|(id, _)| *id == own) || tied.contains(&own);
        if let (false, Some(workflow)) = (said, program.workflow(own)) {
            let message = format!("workflow `{}` always calls itself again and can never end", workflow.name);
            let fault = Diagnostic::error(Code::EndlessRecursion, workflow.span, message)
                .help("add an `onSuccess` action that ends it, with a criterion".to_owned());
            faults.push((own, fault));
        }
    }
    mark_awaited(program);
    mark_read_elsewhere(program);
    faults
}

/// The workflows that one depends on, directly or not.
struct Dependencies {
    /// Each after what it needs itself.
    order: Vec<WorkflowId>,
    /// `true` if it is one of them.
    in_circle: bool,
    /// `true` if there are more than may be; then none is listed.
    too_many: bool,
}

/// Depth first, without calling itself: what is needed comes before what needs it.
fn dependencies(direct: &[Vec<WorkflowId>], own: WorkflowId) -> Dependencies {
    let of = |id: WorkflowId| direct.get(id.0 as usize).map(Vec::as_slice).unwrap_or_default();
    let mut order: Vec<WorkflowId> = vec![];
    let mut open: Vec<(WorkflowId, usize)> = vec![(own, 0)];
    let mut met = BTreeSet::from([own]);
    let mut in_circle = false;
    while let Some((id, next)) = open.last_mut() {
        match of(*id).get(*next).copied() {
            Some(needed) => {
                *next += 1;
                in_circle |= needed == own;
                if met.insert(needed) {
                    open.push((needed, 0));
                }
            }
            None => {
                order.push(*id);
                open.pop();
            }
        }
        if met.len() > DEPENDENCIES {
            return Dependencies { order: vec![], in_circle, too_many: true };
        }
    }
    order.retain(|id| *id != own);
    Dependencies { order, in_circle, too_many: false }
}

/// The fault of a workflow that depends on itself.
fn circular(program: &Program, workflow: &Workflow, order: &[WorkflowId]) -> Diagnostic {
    let message = format!("workflow `{}` depends on itself", workflow.name);
    let way: Vec<String> = order.iter().map(|id| name_of(program, *id)).collect();
    let mut fault = Diagnostic::error(Code::DependencyCycle, workflow.span, message)
        .help("leave out one of the dependencies".to_owned())
        .section("§Workflow Object");
    if !way.is_empty() {
        fault = fault.label(format!("through {}", way.join(", ")));
        fault = fault.about(Subject::Circle { workflow: workflow.name.clone(), through: way });
    }
    fault
}

fn name_of(program: &Program, id: WorkflowId) -> String {
    program.workflow(id).map(|workflow| workflow.name.clone()).unwrap_or_default()
}

/// The inputs of what a workflow depends on that are given with its own.
fn inputs_passed_on(program: &Program, workflow: &Workflow, order: &[WorkflowId]) -> Vec<Input> {
    let mut passed_on = vec![];
    let mut known: HashSet<&str> = workflow.inputs.declared.iter().map(|input| input.name.as_str()).collect();
    for needed in order {
        for input in program.workflow(*needed).map(|w| w.inputs.declared.as_slice()).unwrap_or_default() {
            if known.insert(&input.name) {
                passed_on.push(input.clone());
            }
        }
    }
    passed_on
}

/// Marks the steps that steps of other workflows depend on.
fn mark_awaited(program: &mut Program) {
    let awaited: Vec<StepId> = program
        .steps
        .iter()
        .flat_map(|step| step.after.iter().map(move |after| (step.workflow, *after)))
        .filter(|(workflow, after)| program.step(*after).is_some_and(|step| step.workflow != *workflow))
        .map(|(_, after)| after)
        .collect();
    for id in awaited {
        if let Some(step) = program.steps.get_mut(id.0 as usize) {
            step.awaited = true;
        }
    }
}

/// Marks the steps whose outputs other workflows read.
fn mark_read_elsewhere(program: &mut Program) {
    let of_step = |expr: &Expr| match &expr.root {
        Root::StepOutput(step, _) => Some(*step),
        _ => None,
    };
    let mut read: Vec<(WorkflowId, StepId)> = vec![];
    for step in &program.steps {
        let built = step.outputs.iter().map(|output| &output.value).chain(step.passed().map(|value| &value.value));
        let built = built.flat_map(Build::reads).chain(step.call.reads()).filter_map(|read| of_step(read.expr));
        let judged = step.all_criteria().flat_map(Criterion::expressions).filter_map(of_step);
        read.extend(built.chain(judged).map(|id| (step.workflow, id)));
    }
    for (index, workflow) in program.workflows.iter().enumerate() {
        let outputs = workflow.outputs.iter().flat_map(|output| output.value.reads());
        read.extend(outputs.filter_map(|read| of_step(read.expr)).map(|id| (WorkflowId(index as u32), id)));
    }
    for (reader, id) in read {
        if let Some(step) = program.steps.get_mut(id.0 as usize).filter(|step| step.workflow != reader) {
            step.read_elsewhere = true;
        }
    }
}

/// `true` if a step of one workflow calls another.
fn calls_anywhere(program: &Program, caller: WorkflowId, called: WorkflowId) -> bool {
    let steps = program.workflow(caller).map(|workflow| workflow.steps.as_slice()).unwrap_or_default();
    steps.iter().filter_map(|id| program.step(*id)).any(|step| step.call.workflow() == Some(called))
}

/// The workflows that a workflow calls whatever happens, unless a step fails: those before any action can lead elsewhere.
fn calls(program: &Program, id: WorkflowId) -> Vec<WorkflowId> {
    let Some(workflow) = program.workflow(id) else { return vec![] };
    let mut found = vec![];
    let mut next = workflow.entry;
    let mut left = workflow.steps.len();
    while let Some(step) = next.and_then(|id| program.step(id)).filter(|_| left > 0) {
        left -= 1;
        found.extend(step.call.workflow());
        if step.actions().next().is_some() {
            break;
        }
        next = step.next;
    }
    found
}

/// The nodes of a graph that lead back to themselves, together with those that each shares a circle with: its strongly
/// connected components with an arrow inside (Tarjan's algorithm, without calling itself).
pub(crate) fn circles(arrows: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let to = |node: usize| arrows.get(node).map(Vec::as_slice).unwrap_or_default();
    // Of each node that was met: when, and the earliest that it leads back to. Closed nodes lead nowhere any more.
    let mut met: Vec<Option<usize>> = vec![None; arrows.len()];
    let mut low = vec![usize::MAX; arrows.len()];
    let mut closed = vec![false; arrows.len()];
    let (mut count, mut kept, mut circles) = (0, vec![], vec![]);
    for root in 0..arrows.len() {
        let mut open = if met.get(root).is_some_and(Option::is_none) { vec![(root, 0)] } else { vec![] };
        while let Some((node, next)) = open.last().copied() {
            let number = match met.get(node).copied().flatten() {
                Some(number) => number,
                None => {
                    count += 1;
                    met.get_mut(node).into_iter().for_each(|met| *met = Some(count));
                    low.get_mut(node).into_iter().for_each(|low| *low = count);
                    kept.push(node);
                    count
                }
            };
            let leads_to = |low: &mut Vec<usize>, earliest: usize| {
                low.get_mut(node).into_iter().for_each(|low| *low = (*low).min(earliest));
            };
            if let Some(target) = to(node).get(next).copied() {
                match met.get(target).copied().flatten() {
                    None => {
                        open.push((target, 0));
                        continue;
                    }
                    Some(_) if closed.get(target).copied().unwrap_or(true) => {}
                    Some(_) => {
                        let earliest = low.get(target).copied().unwrap_or(usize::MAX);
                        leads_to(&mut low, earliest);
                    }
                }
                open.last_mut().into_iter().for_each(|(_, next)| *next += 1);
                continue;
            }
            open.pop();
            if low.get(node).copied() != Some(number) {
                continue;
            }
            let start = kept.iter().rposition(|kept| *kept == node).unwrap_or(0);
            let component = kept.split_off(start);
            for member in &component {
                closed.get_mut(*member).into_iter().for_each(|closed| *closed = true);
            }
            if component.len() > 1 || to(node).contains(&node) {
                circles.push(component);
            }
        }
    }
    circles
}
