//! What runs after what: steps that nothing leads to, actions that are never looked at, loops without end, ends that
//! leave outputs without a value.

use std::collections::{BTreeMap, BTreeSet};

use super::{Lint, contains};
use crate::diagnostic::{Diagnostic, nearest};
use crate::document::{self, OrReusable, Text};
use crate::expr::{Root, StepId};
use crate::node::Node;
use crate::program::{Action, Call, Target, Test, Then, WorkflowId};
use crate::source::Span;

/// Where a step leads to.
type Edges = BTreeMap<StepId, BTreeSet<StepId>>;

impl Lint<'_> {
    pub(super) fn flow(&mut self) {
        for id in self.own() {
            self.shadowed(id);
            let edges = self.edges(id);
            let unreachable = if self.broken(id) { BTreeSet::new() } else { self.unreachable(id, &edges) };
            self.loops(id, &edges);
            self.ends(id, &edges, &unreachable);
        }
    }

    /// `true` if steps were lost or their order is not known: then nothing can be said about what leads to them.
    fn broken(&self, id: WorkflowId) -> bool {
        let Some(view) = self.workflow(id) else { return true };
        let steps = view.node.and_then(|node| node.get("steps"));
        let whole = view.document.span;
        self.known.errors().any(|d| {
            let Some(span) = d.span.filter(|span| contains(whole, *span)) else { return false };
            let of_step = steps
                .map(Node::items)
                .unwrap_or_default()
                .iter()
                .any(|step| step.span == span || step.get("stepId").is_some_and(|id| id.span == span));
            match d.code.as_ref() {
                "duplicate-name" | "missing-field" | "wrong-type" => of_step,
                "dependency-cycle" => true,
                _ => false,
            }
        })
    }

    /// Steps that an action most likely means that names none, or has no type: what it leads to is not unreachable too.
    fn meant(&self, id: WorkflowId) -> Vec<StepId> {
        let (Some(view), Some(workflow)) = (self.workflow(id), self.program.workflow(id)) else { return vec![] };
        let steps = &view.document.steps;
        let own = steps.iter().flat_map(|step| step.on_success.iter().chain(&step.on_failure));
        let shared = view.document.success_actions.iter().chain(&view.document.failure_actions);
        let targets = own.chain(shared).filter_map(|action| match action {
            OrReusable::Object(action) => {
                Some((action.step_id.as_ref()?, matches!(action.kind.value.as_str(), "goto" | "retry")))
            }
            OrReusable::Reference { .. } => None,
        });
        let broken: Vec<(&Text, bool)> =
            targets.filter(|(target, good)| !good || !steps.iter().any(|step| step.id.value == target.value)).collect();
        let means = |name: &str| {
            broken.iter().any(
                |(target, good)| if *good { nearest(&target.value, [name]).is_some() } else { target.value == name },
            )
        };
        let named = steps.iter().zip(&workflow.steps).filter(|(step, _)| means(&step.id.value));
        named.map(|(_, id)| *id).collect()
    }

    fn edges(&self, id: WorkflowId) -> Edges {
        let mut edges = Edges::new();
        let Some(workflow) = self.program.workflow(id) else { return edges };
        for id in &workflow.steps {
            let Some(step) = self.program.step(*id) else { continue };
            let mut to = BTreeSet::new();
            let targets = |actions: &[Action], to: &mut BTreeSet<StepId>| {
                for action in actions {
                    if let Some(Target::Step(target)) = action.then.target() {
                        to.insert(*target);
                    }
                    if always(action) {
                        return true;
                    }
                }
                false
            };
            let leaves = targets(&step.on_success, &mut to);
            targets(&step.on_failure, &mut to);
            if let (Some(next), false) = (step.next, leaves) {
                to.insert(next);
            }
            edges.insert(*id, to);
        }
        edges
    }

    fn unreachable(&mut self, id: WorkflowId, edges: &Edges) -> BTreeSet<StepId> {
        let Some(workflow) = self.program.workflow(id) else { return BTreeSet::new() };
        let mut reached = reachable(edges, workflow.entry.into_iter().chain(self.meant(id)).collect());
        let mut unreachable: BTreeSet<StepId> = BTreeSet::new();
        for id in &workflow.steps {
            if reached.contains(id) {
                continue;
            }
            unreachable.insert(*id);
            // What only it leads to is a consequence.
            let below = reachable(edges, vec![*id]);
            unreachable.extend(below.difference(&reached).copied().collect::<Vec<_>>());
            reached.extend(below);
            let Some(view) = self.step(*id) else { continue };
            let name = &view.document.id;
            let before = StepId(id.0.wrapping_sub(1));
            let cause = self.program.step(before).and_then(|step| step.on_success.iter().find(|a| always(a)));
            let mut diagnostic =
                Diagnostic::warning("unreachable-step", name.span(), format!("nothing leads to step `{}`", name.value))
                    .help("lead to it with `goto`, or leave it out".to_owned())
                    .section("§Success Action Object");
            if let Some((action, span)) = cause.and_then(|action| Some((action, self.span(&action.place)?))) {
                diagnostic = diagnostic.note(span, format!("action `{}` always leads elsewhere", action.name));
            }
            self.push(diagnostic);
        }
        unreachable
    }

    /// Actions behind one that always matches.
    fn shadowed(&mut self, id: WorkflowId) {
        let Some(workflow) = self.program.workflow(id) else { return };
        for id in &workflow.steps {
            let (Some(step), Some(view)) = (self.program.step(*id), self.step(*id)) else { continue };
            let own = [
                (&step.on_success, view.document.on_success.len()),
                (&step.on_failure, view.document.on_failure.len()),
            ];
            let mut found = vec![];
            for (actions, own) in own {
                // Those of the workflow come behind, and are meant for the steps that have no such action.
                let actions = actions.get(..own.min(actions.len())).unwrap_or_default();
                for (index, action) in actions.iter().enumerate() {
                    let by = actions.iter().take(index).find(|earlier| always(earlier) || repeats(earlier, action));
                    let Some(by) = by else { continue };
                    found.push((action.place.clone(), action.name.clone(), by.place.clone(), by.name.clone()));
                    break;
                }
            }
            for (place, name, by_place, by) in found {
                let (Some(span), Some(by_span)) = (self.span(&place), self.span(&by_place)) else { continue };
                self.push(
                    Diagnostic::warning(
                        "shadowed-action",
                        span,
                        format!("action `{name}` is never looked at: `{by}` before it matches whenever it would"),
                    )
                    .note(by_span, "the first that matches is taken")
                    .help(format!("give `{by}` criteria, or put `{name}` before it"))
                    .section("§Step Object"),
                );
            }
        }
    }

    /// `goto`s that lead back to the same requests, without a pause and without an end.
    fn loops(&mut self, id: WorkflowId, edges: &Edges) {
        let Some(workflow) = self.program.workflow(id) else { return };
        for id in &workflow.steps {
            let Some(step) = self.program.step(*id) else { continue };
            for action in step.actions() {
                let Then::Goto(Target::Step(target)) = &action.then else { continue };
                let forward = reachable(edges, vec![*target]);
                if !forward.contains(id) {
                    continue;
                }
                let round: BTreeSet<StepId> =
                    forward.into_iter().filter(|step| reachable(edges, vec![*step]).contains(id)).collect();
                if round.iter().any(|step| self.changes(*step, &round)) {
                    continue;
                }
                let name = self.program.step(*target).map(|s| s.name.as_str()).unwrap_or_default();
                let span = self.written(*id, action).map_or_else(|| self.span(&action.place), |text| Some(text.span()));
                let Some(span) = span else { continue };
                let diagnostic = Diagnostic::warning(
                    "unpaced-loop",
                    span,
                    format!("goto leads back to `{name}` with no delay and no bound"),
                )
                .remark("paced 500 ms growing to 5 s, stopped after 2000 steps or 1 h; see --loop-delay, --max-steps, --timeout")
                .help("a failure action `type: retry` has `retryAfter` and `retryLimit`".to_owned())
                .section("§Success Action Object");
                self.diagnostics.push(diagnostic);
            }
        }
    }

    /// The target of an action as it is written in a step.
    fn written(&self, id: StepId, action: &Action) -> Option<&Text> {
        let step = self.step(id)?.document;
        let own = step.on_success.iter().chain(&step.on_failure).filter_map(|action| match action {
            OrReusable::Object(action) => Some(action),
            OrReusable::Reference { .. } => None,
        });
        let place = self.span(&action.place)?;
        own.into_iter().find(|own: &&document::Action| own.span == place)?.step_id.as_ref()
    }

    /// `true` if a step may do something else when a loop comes to it again.
    fn changes(&self, id: StepId, round: &BTreeSet<StepId>) -> bool {
        let Some(step) = self.program.step(id) else { return true };
        if matches!(step.call, Call::Workflow { .. }) {
            return true;
        }
        step.call.reads().iter().any(|read| match &read.expr.root {
            Root::StepOutput(step, _) | Root::StepOutputs(step) => round.contains(step),
            _ => false,
        })
    }

    /// `end` actions on success that leave outputs of the workflow without a value.
    fn ends(&mut self, id: WorkflowId, edges: &Edges, unreachable: &BTreeSet<StepId>) {
        let Some(workflow) = self.program.workflow(id) else { return };
        let mut back: Edges = Edges::new();
        for (from, to) in edges {
            for to in to {
                back.entry(*to).or_default().insert(*from);
            }
        }
        let mut found = vec![];
        for id in &workflow.steps {
            let Some(step) = self.program.step(*id) else { continue };
            for action in step.on_success.iter().filter(|action| matches!(action.then, Then::End)) {
                let before = reachable(&back, vec![*id]);
                let missing: Vec<&str> = workflow
                    .outputs
                    .iter()
                    .filter(|output| {
                        let read = output.value.reads();
                        read.iter().any(|read| match &read.expr.root {
                            Root::StepOutput(step, _) | Root::StepOutputs(step) => {
                                !before.contains(step) && !unreachable.contains(step) && workflow.steps.contains(step)
                            }
                            _ => false,
                        })
                    })
                    .map(|output| output.name.as_str())
                    .collect();
                if missing.is_empty() {
                    continue;
                }
                let kind = self.kind(*id, action);
                found.push((
                    kind.map_or_else(|| self.span(&action.place), Some),
                    action.name.clone(),
                    missing.join(", "),
                ));
            }
        }
        for (span, name, missing) in found {
            let Some(span) = span else { continue };
            self.push(
                Diagnostic::warning(
                    "end-with-missing-outputs",
                    span,
                    format!("action `{name}` ends the workflow as a success without its outputs {missing}"),
                )
                .remark("the run is called `ended`, not `succeeded`; --require-outputs makes it fail")
                .help("end a failure in `onFailure`, with a criterion that the step must meet".to_owned())
                .section("§Success Action Object"),
            );
        }
    }

    fn kind(&self, id: StepId, action: &Action) -> Option<Span> {
        let step = self.step(id)?;
        let list = step.node?.get("onSuccess").map(Node::items).unwrap_or_default();
        let place = self.span(&action.place)?;
        list.iter().find(|node| node.span == place)?.get("type").map(|kind| kind.span)
    }
}

/// `true` for an action after which no other is looked at.
fn always(action: &Action) -> bool {
    let certain = action.criteria.iter().all(|c| matches!(&c.test, Test::Simple(condition) if condition.is_true()));
    certain && !matches!(action.then, Then::Retry { .. })
}

/// `true` if a later action asks for the same as an earlier one that leaves the list.
fn repeats(earlier: &Action, later: &Action) -> bool {
    let same =
        |(a, b): (&crate::program::Criterion, &crate::program::Criterion)| a.text == b.text && a.context == b.context;
    !matches!(earlier.then, Then::Retry { .. })
        && !earlier.criteria.is_empty()
        && earlier.criteria.len() == later.criteria.len()
        && earlier.criteria.iter().zip(&later.criteria).all(same)
}

/// The steps that these lead to, themselves included.
fn reachable(edges: &Edges, from: Vec<StepId>) -> BTreeSet<StepId> {
    let mut reached: BTreeSet<StepId> = from.iter().copied().collect();
    let mut frontier = from;
    while let Some(id) = frontier.pop() {
        for to in edges.get(&id).into_iter().flatten() {
            if reached.insert(*to) {
                frontier.push(*to);
            }
        }
    }
    reached
}
