//! The order of steps: a reference to a step that no path can have run before is an error (docs/readings.md, "dependsOn of
//! a step, output references").

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Diagnostic;
use crate::document;
use crate::expr::{Expr, Root, StepId};
use crate::program::{Build, Step, Then};
use crate::source::Sources;

/// Faults in the order of the steps of one workflow.
pub(super) fn check(
    steps: &[Step],
    ids: &[StepId],
    workflow: &document::Workflow,
    sources: &Sources,
) -> Vec<Diagnostic> {
    let leading = leading_to(steps, ids);
    let mut faults = vec![];
    for id in ids {
        let Some(step) = steps.get(id.0 as usize) else { continue };
        let mut before: Option<BTreeSet<StepId>> = None;
        let mut check = |expr: &Expr, text: &str, place: &crate::source::Place, own: bool| {
            let (Root::StepOutput(read, _) | Root::StepOutputs(read)) = &expr.root else { return };
            // Most references lead straight back: only those that do not pay for a walk.
            let known = previous(steps, *id) == Some(*read) || own && read == id;
            if known || before.get_or_insert_with(|| run_before(&leading, *id)).contains(read) {
                return;
            }
            let Some(name) = steps.get(read.0 as usize).map(|s| s.name.as_str()) else { return };
            let (message, help) = if read == id {
                (
                    format!("`{text}` reads an output of the step's own answer before its request is sent"),
                    "read an output of an earlier step".to_owned(),
                )
            } else {
                (
                    format!("`{text}` reads step `{name}`, which cannot have run before step `{}`", step.name),
                    format!("move step `{name}` before step `{}`", step.name),
                )
            };
            let mut fault = Diagnostic::error("unreachable-reference", sources.span(place), message)
                .help(help)
                .section("§Step Dependencies and Execution Order");
            if let Some(written) = workflow.steps.iter().find(|s| s.id.value == name) {
                fault = fault.note(written.id.span(), "the step that is read");
            }
            faults.push(fault);
        };
        for leaf in step.call.values().flat_map(Build::leaves) {
            leaf.template.expressions().into_iter().for_each(|expr| check(expr, &leaf.text, &leaf.place, false));
        }
        for output in &step.outputs {
            output
                .value
                .template
                .expressions()
                .into_iter()
                .for_each(|expr| check(expr, &output.value.text, &output.value.place, true));
        }
        for criterion in step.all_criteria() {
            criterion.expressions().into_iter().for_each(|expr| check(expr, &criterion.text, &criterion.place, true));
        }
    }
    faults
}

/// The step before a step in the list, if it goes on to it.
fn previous(steps: &[Step], id: StepId) -> Option<StepId> {
    let before = StepId(id.0.checked_sub(1)?);
    (steps.get(before.0 as usize)?.next == Some(id)).then_some(before)
}

/// For every step of a workflow, the steps that lead to it.
fn leading_to(steps: &[Step], ids: &[StepId]) -> BTreeMap<StepId, Vec<StepId>> {
    let mut leading: BTreeMap<StepId, Vec<StepId>> = BTreeMap::new();
    for id in ids {
        let Some(step) = steps.get(id.0 as usize) else { continue };
        let jumps = step.on_success.iter().chain(&step.on_failure).filter_map(|action| match action.then {
            Then::Goto(target) => Some(target),
            Then::End => None,
        });
        for target in step.next.into_iter().chain(jumps) {
            leading.entry(target).or_default().push(*id);
        }
    }
    leading
}

/// The steps that some path runs before it enters `id`; `id` itself if a path leads back to it.
fn run_before(leading: &BTreeMap<StepId, Vec<StepId>>, id: StepId) -> BTreeSet<StepId> {
    let mut before = BTreeSet::new();
    let mut frontier = vec![id];
    while let Some(target) = frontier.pop() {
        for from in leading.get(&target).into_iter().flatten() {
            if before.insert(*from) {
                frontier.push(*from);
            }
        }
    }
    before
}
