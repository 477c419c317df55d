//! What runs before what: `dependsOn` of steps and of workflows, and calls that can never end.

use std::collections::BTreeSet;

use super::Compiler;
use crate::diagnostic::{Diagnostic, nearest};
use crate::document;
use crate::expr::{Root, StepId};
use crate::program::{Call, Program, WorkflowId};

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
                let message = format!("`{of}` names no workflow");
                self.push(Diagnostic::error("unknown-workflow", text.span(), message).section("§Step Object"));
                return None;
            };
            let steps = self.steps_of(id);
            let found = steps.iter().position(|step| step == name);
            if found.is_none() {
                let help =
                    nearest(name, steps.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
                let message = format!("workflow `{of}` has no step `{name}`");
                self.push(Diagnostic::error("unknown-step", text.span(), message).help(help));
            }
            let first = self.first_steps.get(id.0 as usize)?;
            return found.map(|index| StepId(first + index as u32));
        }
        if value.starts_with('$') {
            // Reading the document said that this is no way to name a step.
            return None;
        }
        let found = workflow.steps.iter().position(|step| step.id.value == value);
        if found.is_none() {
            let help = nearest(value, workflow.steps.iter().map(|step| step.id.value.as_str()))
                .map(|near| format!("did you mean `{near}`?"));
            let message = format!("the workflow has no step `{value}`");
            self.push(Diagnostic::error("unknown-step", text.span(), message).help(help));
        }
        if value == step.id.value {
            let message = format!("step `{value}` depends on itself");
            self.push(Diagnostic::error("dependency-cycle", text.span(), message).help("leave it out".to_owned()));
            return None;
        }
        found.and_then(|index| ids.get(index).copied())
    }

    /// A stable topological order; a cycle is said, and its steps keep the order of the list.
    fn sorted_steps(&mut self, workflow: &document::Workflow, ids: &[StepId], after: &[Vec<StepId>]) -> Vec<StepId> {
        let index_of = |id: &StepId| ids.iter().position(|known| known == id);
        let mut before: Vec<BTreeSet<usize>> =
            after.iter().map(|after| after.iter().filter_map(index_of).collect()).collect();
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
                if !needs(&before, read, index)
                    && let Some(before) = before.get_mut(index)
                {
                    before.insert(read);
                }
            }
        }
        let mut order: Vec<usize> = vec![];
        while order.len() < ids.len() {
            let ready = (0..ids.len()).find(|index| {
                !order.contains(index)
                    && before.get(*index).is_none_or(|before| before.iter().all(|needed| order.contains(needed)))
            });
            let Some(ready) = ready else { break };
            order.push(ready);
        }
        let stuck: Vec<&document::Step> = workflow
            .steps
            .iter()
            .enumerate()
            .filter(|(index, _)| !order.contains(index) && needs(&before, *index, *index))
            .map(|(_, step)| step)
            .collect();
        if let Some(first) = stuck.first() {
            let names: Vec<&str> = stuck.iter().map(|step| step.id.value.as_str()).collect();
            let span = first.depends_on.first().map_or(first.id.span(), document::Text::span);
            self.push(
                Diagnostic::error(
                    "dependency-cycle",
                    span,
                    format!("steps that depend on each other: {}", names.join(", ")),
                )
                .help("leave out one of the dependencies".to_owned())
                .section("§Step Dependencies and Execution Order"),
            );
        }
        let rest: Vec<usize> = (0..ids.len()).filter(|index| !order.contains(index)).collect();
        order.into_iter().chain(rest).filter_map(|index| ids.get(index).copied()).collect()
    }
}

/// `true` if `from` needs `to` first, directly or not.
fn needs(before: &[BTreeSet<usize>], from: usize, to: usize) -> bool {
    let mut seen = BTreeSet::new();
    let mut frontier: Vec<usize> = before.get(from).into_iter().flatten().copied().collect();
    while let Some(index) = frontier.pop() {
        if index == to {
            return true;
        }
        if seen.insert(index) {
            frontier.extend(before.get(index).into_iter().flatten());
        }
    }
    false
}

/// Completes the dependencies of workflows with what those depend on, and finds what can never end.
pub(super) fn check(program: &mut Program) -> Vec<(WorkflowId, Diagnostic)> {
    let mut faults = vec![];
    let direct: Vec<Vec<WorkflowId>> = program.workflows.iter().map(|workflow| workflow.dependencies.clone()).collect();
    let of = |id: WorkflowId| direct.get(id.0 as usize).map(Vec::as_slice).unwrap_or_default();
    let name = |program: &Program, id: WorkflowId| program.workflow(id).map(|w| w.name.clone()).unwrap_or_default();
    for index in 0..program.workflows.len() {
        let own = WorkflowId(index as u32);
        // Depth first, without calling itself: what is needed comes before what needs it.
        let mut order: Vec<WorkflowId> = vec![];
        let mut open: Vec<(WorkflowId, usize)> = vec![(own, 0)];
        let mut cycle = false;
        while let Some((id, next)) = open.last_mut() {
            match of(*id).get(*next).copied() {
                Some(needed) => {
                    *next += 1;
                    if open.iter().any(|(id, _)| *id == needed) {
                        cycle |= needed == own;
                    } else if !order.contains(&needed) {
                        open.push((needed, 0));
                    }
                }
                None => {
                    order.push(*id);
                    open.pop();
                }
            }
        }
        order.retain(|id| *id != own);
        if cycle && let Some(workflow) = program.workflow(own) {
            let message = format!("workflow `{}` depends on itself", workflow.name);
            let way: Vec<String> = order.iter().map(|id| name(program, *id)).collect();
            let mut fault = Diagnostic::error("dependency-cycle", program.sources.span(&workflow.place), message)
                .help("leave out one of the dependencies".to_owned())
                .section("§Workflow Object");
            if !way.is_empty() {
                fault = fault.label(format!("through {}", way.join(", ")));
            }
            faults.push((own, fault));
        }
        let mut passed_on = vec![];
        for needed in &order {
            for input in program.workflow(*needed).map(|w| w.inputs.declared.as_slice()).unwrap_or_default() {
                let known = |input_of: &crate::program::Input| input_of.name == input.name;
                let own = program.workflow(own).is_some_and(|w| w.inputs.declared.iter().any(known));
                if !own && !passed_on.iter().any(known) {
                    passed_on.push(input.clone());
                }
            }
        }
        if let Some(workflow) = program.workflows.get_mut(index) {
            workflow.dependencies = order;
            workflow.inputs.passed_on = passed_on;
        }
    }
    for index in 0..program.workflows.len() {
        let own = WorkflowId(index as u32);
        // A cycle of dependencies was said just now.
        if faults.iter().any(|(id, _)| *id == own) {
            continue;
        }
        let mut seen: Vec<WorkflowId> = vec![];
        let mut frontier = certain(program, own);
        while let Some(id) = frontier.pop() {
            if id == own
                && let Some(workflow) = program.workflow(own)
            {
                let message = format!("workflow `{}` always calls itself again and can never end", workflow.name);
                let fault = Diagnostic::error("endless-recursion", program.sources.span(&workflow.place), message)
                    .help("add an `onSuccess` action that ends it, with a criterion".to_owned());
                faults.push((own, fault));
                break;
            }
            if !seen.contains(&id) {
                seen.push(id);
                frontier.extend(certain(program, id));
            }
        }
    }
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
    faults
}

/// The workflows that a workflow calls whatever happens, unless a step fails: those before any action can lead elsewhere,
/// and those it depends on.
fn certain(program: &Program, id: WorkflowId) -> Vec<WorkflowId> {
    let Some(workflow) = program.workflow(id) else { return vec![] };
    let mut found = workflow.dependencies.clone();
    let mut next = workflow.entry;
    let mut left = workflow.steps.len();
    while let Some(step) = next.and_then(|id| program.step(id)).filter(|_| left > 0) {
        left -= 1;
        if let Call::Workflow { workflow, .. } = step.call {
            found.push(workflow);
        }
        if step.actions().next().is_some() {
            break;
        }
        next = step.next;
    }
    found
}
