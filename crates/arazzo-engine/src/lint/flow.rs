//! What runs after what: steps that nothing leads to, actions that are never looked at, loops without end, ends that
//! leave outputs without a value.

use std::collections::{BTreeMap, BTreeSet};

use super::Lint;
use super::comparisons::{Comparison, Comparisons, comparisons};
use crate::code::Code;
use crate::compile::order::circles;
use crate::diagnostic::{Diagnostic, Severity, nearest};
use crate::document::{self, OrReusable, Text};
use crate::expr::{Root, StepId};
use crate::limits::{Limits, LoopDelay};
use crate::node::Node;
use crate::program::{Action, Build, Criterion, Passed, PassedValue, Target, Test, Then, WorkflowId};
use crate::remedy::Remedy;
use crate::source::Span;

/// Where a step leads to.
type Edges = BTreeMap<StepId, BTreeSet<StepId>>;

impl Lint<'_> {
    pub(super) fn flow(&mut self) {
        let mut transfers = vec![];
        for id in self.own() {
            self.shadowed(id);
            self.without_effect(id);
            let edges = self.edges(id);
            let meant = self.meant(id).filter(|_| !self.broken(id));
            let whole = meant.as_ref().is_some_and(Vec::is_empty);
            let unreachable = meant.map(|meant| self.unreachable(id, &edges, meant)).unwrap_or_default();
            self.loops(id, &edges);
            self.retry_circles(id);
            if self.circular_transfers(id) {
                transfers.push(id);
            }
            if whole {
                self.ends(id, &edges, &unreachable);
            }
        }
        self.wide_circles(&transfers);
    }

    /// `true` if steps were lost or their order is not known: then nothing can be said about what leads to them.
    fn broken(&self, id: WorkflowId) -> bool {
        let Some(view) = self.workflow(id) else { return true };
        let steps = view.node.and_then(|node| node.get("steps"));
        let whole = view.document.span;
        self.known.errors().any(|d| {
            let Some(span) = d.span.filter(|span| whole.contains(*span)) else { return false };
            let of_step = steps
                .map(Node::items)
                .unwrap_or_default()
                .iter()
                .any(|step| step.span == span || step.get("stepId").is_some_and(|id| id.span == span));
            match d.code {
                Code::DuplicateName | Code::MissingField | Code::WrongType => of_step,
                Code::DependencyCycle => true,
                // A step whose `stepId` is misspelt is lost.
                Code::UnknownField => d.suggestion().is_some_and(|suggestion| suggestion.name == "stepId"),
                _ => false,
            }
        })
    }

    /// Steps that faulty actions most likely mean: what those lead to is not unreachable too. `None` if one may mean any.
    fn meant(&self, id: WorkflowId) -> Option<Vec<StepId>> {
        let (Some(view), Some(workflow)) = (self.workflow(id), self.program.workflow(id)) else { return Some(vec![]) };
        if self.errors.is_empty() {
            return Some(vec![]);
        }
        let steps = &view.document.steps;
        let written = view.node.and_then(|node| node.get("steps")).map(Node::items).unwrap_or_default();
        let own = written.iter().flat_map(|step| [step.get("onSuccess"), step.get("onFailure")]);
        let shared = view.node.into_iter().flat_map(|node| [node.get("successActions"), node.get("failureActions")]);
        let mut meant = vec![];
        for list in own.chain(shared).flatten().filter(|list| self.faulty(list.span)) {
            for action in list.items().iter().filter(|action| self.faulty(action.span)) {
                let text = |field: &str| action.get(field).and_then(Node::as_str);
                let Some(target) = text("stepId").or_else(|| text("workflowId")) else {
                    // One that ends or tries again leads nowhere, whatever else is wrong with it.
                    if text("type").is_some_and(|kind| nearest(kind, ["goto"]).is_none()) {
                        continue;
                    }
                    return None;
                };
                let names: Vec<&str> = steps.iter().map(|step| step.id.value.as_str()).collect();
                let found = names.iter().position(|name| *name == target).or_else(|| {
                    let near = nearest(target, names.iter().copied())?;
                    names.iter().position(|name| *name == near)
                });
                match found.and_then(|index| workflow.steps.get(index)) {
                    Some(step) => meant.push(*step),
                    None if text("stepId").is_some() => return None,
                    None => {}
                }
            }
            if list.items().is_empty() {
                return None;
            }
        }
        Some(meant)
    }

    /// `true` for an action after which no other is looked at; what is faulty may have been meant otherwise.
    fn always(&self, action: &Action) -> bool {
        always(action) && (self.errors.is_empty() || !self.faulty(action.span))
    }

    fn edges(&self, id: WorkflowId) -> Edges {
        let mut edges = Edges::new();
        let Some(workflow) = self.program.workflow(id) else { return edges };
        for id in &workflow.steps {
            let (Some(step), Some(view)) = (self.program.step(*id), self.step(*id)) else { continue };
            let mut to = BTreeSet::new();
            let targets = |actions: &[Action], own: usize, to: &mut BTreeSet<StepId>| {
                let mut leaves = false;
                for (index, action) in actions.iter().enumerate() {
                    // Of those of the step itself that are behind it, it is said that they are never looked at.
                    if leaves && index >= own {
                        break;
                    }
                    if let Some(Target::Step(target)) = action.then.target() {
                        to.insert(*target);
                    }
                    leaves |= self.always(action);
                }
                leaves
            };
            let leaves = targets(&step.on_success, view.document.on_success.len(), &mut to);
            targets(&step.on_failure, view.document.on_failure.len(), &mut to);
            if let (Some(next), false) = (step.next, leaves) {
                to.insert(next);
            }
            edges.insert(*id, to);
        }
        edges
    }

    fn unreachable(&mut self, id: WorkflowId, edges: &Edges, meant: Vec<StepId>) -> BTreeSet<StepId> {
        let Some(workflow) = self.program.workflow(id) else { return BTreeSet::new() };
        let mut reached = reachable(edges, workflow.entry.into_iter().chain(meant).collect());
        let mut unreachable: BTreeSet<StepId> = BTreeSet::new();
        for id in &workflow.steps {
            if reached.contains(id) {
                continue;
            }
            unreachable.insert(*id);
            // What only it leads to is a consequence.
            let mut below = vec![*id];
            while let Some(id) = below.pop() {
                if reached.insert(id) {
                    unreachable.insert(id);
                    below.extend(edges.get(&id).into_iter().flatten());
                }
            }
            let Some(view) = self.step(*id) else { continue };
            let name = &view.document.id;
            let before = StepId(id.0.wrapping_sub(1));
            let cause = self.program.step(before).and_then(|step| step.on_success.iter().find(|a| self.always(a)));
            let mut diagnostic = Diagnostic::warning(
                Code::UnreachableStep,
                name.span(),
                format!("nothing leads to step `{}`", name.value),
            )
            .help("lead to it with `goto`, or leave it out".to_owned())
            .section("§Success Action Object");
            if let Some(action) = cause {
                diagnostic = diagnostic.note(action.span, format!("action `{}` always leads elsewhere", action.name));
            }
            self.push(diagnostic);
        }
        unreachable
    }

    /// Fields that the type of an action does not look at.
    fn without_effect(&mut self, id: WorkflowId) {
        let Some(node) = self.workflow(id).and_then(|view| view.node) else { return };
        let steps = node.get("steps").map(Node::items).unwrap_or_default();
        let lists = [node.get("successActions"), node.get("failureActions")].into_iter();
        let lists = lists.chain(steps.iter().flat_map(|step| [step.get("onSuccess"), step.get("onFailure")]));
        let mut found = vec![];
        for action in lists.flatten().flat_map(Node::items) {
            let Some(kind) = action.get("type").and_then(Node::as_str) else { continue };
            let unread: &[&str] = match kind {
                "end" => &["stepId", "workflowId", "retryAfter", "retryLimit"],
                "goto" => &["retryAfter", "retryLimit"],
                _ => &[],
            };
            found.extend(unread.iter().filter_map(|field| Some((action.member(field)?.0, kind))));
        }
        for (key, kind) in found {
            let help = match key.name.as_str() {
                "stepId" | "workflowId" => "write `type: goto` to go there, or leave it out",
                _ => "write `type: retry` to try again, or leave it out",
            };
            self.push(
                Diagnostic::warning(
                    Code::MisplacedField,
                    key.span,
                    format!("an action of type `{kind}` does not look at `{}`", key.name),
                )
                .help(help.to_owned())
                .section("§Success Action Object"),
            );
        }
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
                let all = actions.iter().map(|action| (action, action.criteria.iter().map(comparisons).collect()));
                let all: Vec<(&Action, Vec<Comparisons<'_>>)> = all.collect();
                for (index, (action, given)) in all.iter().enumerate() {
                    let before = |(earlier, asked): &&(&Action, Vec<Comparisons<'_>>)| {
                        self.always(earlier) || repeats((earlier, asked), (action, given))
                    };
                    let by = all.iter().take(index).find(before).map(|(by, _)| by);
                    let Some(by) = by else { continue };
                    let other = if by.criteria.is_empty() { "" } else { "other " };
                    found.push((action.span, action.name.clone(), by.span, by.name.clone(), other));
                    break;
                }
            }
            for (span, name, by_span, by, other) in found {
                self.push(
                    Diagnostic::warning(
                        Code::ShadowedAction,
                        span,
                        format!("action `{name}` is never looked at: `{by}` before it matches whenever it would"),
                    )
                    .note(by_span, "the first that matches is taken")
                    .help(format!("give `{by}` {other}criteria, or put `{name}` before it"))
                    .section("§Step Object"),
                );
            }
        }
    }

    /// `goto`s that lead back to the same requests, without a pause and without an end.
    fn loops(&mut self, own: WorkflowId, edges: &Edges) {
        let Some(workflow) = self.program.workflow(own) else { return };
        let places = self.places(own);
        let rounds = Rounds::of(edges);
        let mut unlike: BTreeMap<usize, Unlike> = BTreeMap::new();
        let (mut walks, mut whole) = (WALKS, None);
        for id in &workflow.steps {
            let Some(step) = self.program.step(*id) else { continue };
            for action in step.actions() {
                let Then::Goto(target) = &action.then else { continue };
                let target = match target {
                    Target::Step(target) => target,
                    Target::Workflow { workflow: again, passed } => {
                        if *again == own {
                            let whole = whole.get_or_insert_with(|| {
                                let reached = reachable(edges, workflow.entry.into_iter().collect());
                                let step = |id: &StepId| self.program.step(*id);
                                let calls = reached.iter().filter_map(step).any(|step| step.call.workflow().is_some());
                                (reached, calls)
                            });
                            if whole.0.contains(id) && !whole.1 {
                                self.begins_again(*id, action, passed);
                            }
                        }
                        continue;
                    }
                };
                // A loop is closed by the `goto` that leads back.
                if places.get(target) > places.get(id) {
                    continue;
                }
                let Some((number, round)) = rounds.with(*id, *target) else { continue };
                let unlike = unlike.entry(number).or_insert_with(|| self.unlike(round));
                if unlike.calls || unlike.reads.iter().any(|read| changes(read, *target, edges, &mut walks)) {
                    continue;
                }
                let name = self.program.step(*target).map(|s| s.name.as_str()).unwrap_or_default();
                let span = self.written(*id, action).map_or(action.span, Text::span);
                self.unpaced(span, &format!("`{name}`"));
            }
        }
    }

    /// Retries whose detours lead back to the step that is retried.
    fn retry_circles(&mut self, own: WorkflowId) {
        let program = self.program;
        let Some(workflow) = program.workflow(own) else { return };
        let detours = |step: StepId| {
            let actions = program.step(step).into_iter().flat_map(|step| step.actions());
            actions.filter(|action| matches!(action.then, Then::Retry { .. })).filter_map(|action| action.then.target())
        };
        let steps: Edges = workflow
            .steps
            .iter()
            .map(|id| {
                let to = detours(*id).filter_map(|to| if let Target::Step(step) = to { Some(*step) } else { None });
                (*id, to.collect())
            })
            .collect();
        let rounds = Rounds::of(&steps);
        let mut run: BTreeMap<WorkflowId, bool> = BTreeMap::new();
        let mut runs_this = |id: WorkflowId| *run.entry(id).or_insert_with(|| program.reached(id).contains(&own));
        for id in &workflow.steps {
            let Some(step) = program.step(*id) else { continue };
            for action in step.actions() {
                let Then::Retry { detour: Some(detour), .. } = &action.then else { continue };
                let through = match detour {
                    Target::Step(to) if to == id => "is the step itself, which is retried without one".to_owned(),
                    Target::Step(to) if rounds.with(*id, *to).is_some() => {
                        let name = program.step(*to).map(|to| to.name.as_str()).unwrap_or_default();
                        format!("is step `{name}`, whose own retry leads back to it")
                    }
                    Target::Workflow { workflow, .. } if runs_this(*workflow) => {
                        let name = program.workflow(*workflow).map(|to| to.name.as_str()).unwrap_or_default();
                        format!("is workflow `{name}`, which runs this one")
                    }
                    Target::Step(_) | Target::Workflow { .. } => continue,
                };
                let message = format!("the detour of retry `{}` of step `{}` {through}", action.name, step.name);
                let diagnostic = Diagnostic::warning(Code::RetryCircle, action.span, message)
                    .help("leave the detour out, or name one that does not need the step".to_owned())
                    .section("§Failure Action Object");
                self.push(diagnostic);
            }
        }
    }

    /// A workflow that depends on one that goes to it: its steps run as the end of the other, and then again. `true` if it
    /// was said of this one.
    fn circular_transfers(&mut self, own: WorkflowId) -> bool {
        let program = self.program;
        let Some(workflow) = program.workflow(own) else { return false };
        let mut said = false;
        for id in &workflow.dependencies {
            let Some(needed) = program.workflow(*id) else { continue };
            let actions = needed.steps.iter().filter_map(|id| program.step(*id)).flat_map(|step| step.actions());
            let goes = |action: &&Action| matches!(&action.then, Then::Goto(Target::Workflow { workflow, .. }) if *workflow == own);
            let Some(action) = actions.into_iter().find(goes) else { continue };
            let message =
                format!("workflow `{}` depends on workflow `{}`, which goes to it", workflow.name, needed.name);
            let diagnostic = Diagnostic::warning(Code::DependencyCycle, workflow.span, message)
                .note(action.span, "its steps run here, and again after that")
                .help(format!("leave out this action, or `{}` in `dependsOn`", needed.name))
                .section("§Workflow Object");
            self.push(diagnostic);
            said = true;
        }
        said
    }

    /// Workflows that depend on ones that lead to them through others: each circle once, and none of which something else was
    /// said, of the workflows in `said` or as an error.
    fn wide_circles(&mut self, said: &[WorkflowId]) {
        let program = self.program;
        if self.known.errors().any(|d| matches!(d.code, Code::DependencyCycle | Code::EndlessRecursion)) {
            return;
        }
        let ids = (0..program.workflows.len()).map(|index| WorkflowId(index as u32));
        let arrows: Vec<Vec<usize>> =
            ids.map(|id| self.leads_to(id).into_iter().map(|id| id.0 as usize).collect()).collect();
        let owned: BTreeSet<WorkflowId> = self.own().into_iter().collect();
        for circle in circles(&arrows) {
            let circle: BTreeSet<WorkflowId> = circle.into_iter().map(|index| WorkflowId(index as u32)).collect();
            if said.iter().any(|id| circle.contains(id)) {
                continue;
            }
            let needs = |id: &&WorkflowId| {
                let needed =
                    program.workflow(**id).map(|workflow| workflow.dependencies.as_slice()).unwrap_or_default();
                owned.contains(id) && needed.iter().any(|needed| circle.contains(needed))
            };
            let Some((own, workflow)) = circle.iter().find(needs).and_then(|id| Some((*id, program.workflow(*id)?)))
            else {
                continue;
            };
            let mut ways = workflow.dependencies.iter().filter(|needed| circle.contains(needed));
            let Some(way) = ways.find_map(|needed| self.find_way(*needed, own)) else { continue };
            let name = |id: &WorkflowId| program.workflow(*id).map(|w| format!("`{}`", w.name)).unwrap_or_default();
            let names: Vec<String> = way.iter().skip(1).map(name).collect();
            let (needed, through) = (way.first().map(name).unwrap_or_default(), names.join(", then "));
            let message = format!(
                "workflow `{}` depends on workflow {needed}, which leads to it through {through}",
                workflow.name
            );
            let diagnostic = Diagnostic::warning(Code::DependencyCycle, workflow.span, message)
                .help(format!("leave {needed} out of `dependsOn`, or what leads from it to this workflow"))
                .section("§Workflow Object");
            self.push(diagnostic);
        }
    }

    /// The workflows on the shortest way from one to another, by calls, `goto` and dependencies, without the last; nothing
    /// if there is none, or if it leads there itself.
    fn find_way(&self, from: WorkflowId, to: WorkflowId) -> Option<Vec<WorkflowId>> {
        let mut before = BTreeMap::new();
        let (mut met, mut next) = (vec![from], 0);
        while let Some(id) = met.get(next).copied() {
            next += 1;
            for led in self.leads_to(id) {
                if led == to {
                    let mut way = vec![id];
                    way.extend(std::iter::successors(before.get(&id), |id| before.get(*id)));
                    way.reverse();
                    return Some(way).filter(|way| way.len() > 1);
                }
                if led != from && !before.contains_key(&led) {
                    before.insert(led, id);
                    met.push(led);
                }
            }
        }
        None
    }

    /// The workflows that one leads to, but by detours of retries, which have a circle of their own.
    fn leads_to(&self, id: WorkflowId) -> Vec<WorkflowId> {
        let Some(workflow) = self.program.workflow(id) else { return vec![] };
        let mut found = workflow.dependencies.clone();
        for step in workflow.steps.iter().filter_map(|id| self.program.step(*id)) {
            found.extend(step.call.workflow());
            found.extend(step.actions().filter_map(|action| match &action.then {
                Then::Goto(Target::Workflow { workflow, .. }) => Some(*workflow),
                _ => None,
            }));
        }
        found
    }

    fn unpaced(&mut self, span: Span, what: &str) {
        let ((first, longest), limits) = (LoopDelay::AUTO, Limits::DEFAULT);
        let paced = format!("paced {first} ms growing to {} s", longest / 1_000);
        let stopped = format!("stopped after {} steps or {} h", limits.steps, limits.run_ms / 3_600_000);
        self.push(
            Diagnostic::warning(
                Code::UnpacedLoop,
                span,
                format!("goto leads back to {what} with no delay and no bound"),
            )
            .remark(format!("{paced}, {stopped}"))
            .remedy(Remedy::PaceLoops { remark: 0 })
            .help("a failure action `type: retry` has `retryAfter` and `retryLimit`".to_owned())
            .section("§Success Action Object"),
        );
    }

    /// A `goto` to the workflow that it stands in, which then sends the same again: nothing that it got is passed on.
    fn begins_again(&mut self, id: StepId, action: &Action, passed: &Passed) {
        let same = |value: &PassedValue| match &value.value {
            Build::Constant(_) => true,
            value => value.reads().iter().all(|read| matches!(read.expr.root, Root::Input(_))),
        };
        let Some(workflow) = self.program.step(id).and_then(|step| self.program.workflow(step.workflow)) else {
            return;
        };
        let named = passed.values.iter().any(|value| {
            let whole = value.value.reads();
            whole.iter().any(|read| !matches!(&read.expr.root, Root::Input(name) if *name == value.name))
        });
        if named || !passed.values.iter().all(same) {
            return;
        }
        let name = workflow.name.clone();
        self.unpaced(action.span, &format!("workflow `{name}`"));
    }

    /// The places of steps in the order in which they follow one another.
    fn places(&self, own: WorkflowId) -> BTreeMap<StepId, usize> {
        let mut places = BTreeMap::new();
        let mut next = self.program.workflow(own).and_then(|workflow| workflow.entry);
        while let Some(id) = next.filter(|id| !places.contains_key(id)) {
            places.insert(id, places.len());
            next = self.program.step(id).and_then(|step| step.next);
        }
        places
    }

    /// The target of an action as it is written in a step.
    fn written(&self, id: StepId, action: &Action) -> Option<&Text> {
        let step = self.step(id)?.document;
        let own = step.on_success.iter().chain(&step.on_failure).filter_map(|action| match action {
            OrReusable::Object(action) => Some(action),
            OrReusable::Reference { .. } => None,
        });
        own.into_iter().find(|own: &&document::Action| own.span == action.span)?.step_id.as_ref()
    }

    /// What may let a loop do something else in its next round.
    fn unlike(&self, round: &BTreeSet<StepId>) -> Unlike {
        let mut unlike = Unlike::default();
        for (id, step) in round.iter().filter_map(|id| Some((*id, self.program.step(*id)?))) {
            unlike.calls |= step.call.workflow().is_some();
            unlike.reads.extend(step.call.reads().iter().filter_map(|read| match &read.expr.root {
                Root::StepOutput(step, _) | Root::StepOutputs(step) if round.contains(step) => Some((id, *step)),
                _ => None,
            }));
        }
        unlike
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
        let (mut found, mut walks) = (vec![], WALKS);
        for id in workflow.steps.iter().filter(|id| !unreachable.contains(id)) {
            let Some(step) = self.program.step(*id) else { continue };
            let ends = |(_, action): &(usize, &Action)| matches!(action.then, Then::End);
            for (index, action) in step.on_success.iter().enumerate().filter(ends) {
                // A workflow that has very many of them is not looked at further.
                let Some(before) = reachable_within(&back, vec![*id], &mut walks) else { break };
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
                // A branch that criteria choose, or that is left when others do not apply, is meant to end here.
                let branch = index > 0 || !action.criteria.is_empty();
                found.push((kind.unwrap_or(action.span), action.name.clone(), missing.join(", "), branch));
            }
        }
        for (span, name, missing, branch) in found {
            let severity = if branch { Severity::Hint } else { Severity::Warning };
            let message = format!("action `{name}` ends the workflow as a success without its outputs {missing}");
            self.push(
                Diagnostic { severity, ..Diagnostic::warning(Code::EndWithMissingOutputs, span, message) }
                    .remark("the run is called `ended`, not `succeeded`")
                    .remedy(Remedy::RequireOutputs { remark: 0 })
                    .help("end a failure in `onFailure`, with a criterion that the step must meet".to_owned())
                    .section("§Success Action Object"),
            );
        }
    }

    fn kind(&self, id: StepId, action: &Action) -> Option<Span> {
        let step = self.step(id)?;
        let list = step.node?.get("onSuccess").map(Node::items).unwrap_or_default();
        list.iter().find(|node| node.span == action.span)?.get("type").map(|kind| kind.span)
    }
}

/// `true` for an action after which no other is looked at.
fn always(action: &Action) -> bool {
    let certain = action.criteria.iter().all(|c| matches!(&c.test, Test::Simple(condition) if condition.is_true()));
    certain && !matches!(action.then, Then::Retry { .. })
}

/// `true` if an earlier action that leaves the list matches whenever a later one would: it asks for the same, or for less.
fn repeats(
    (earlier, asked): (&Action, &Vec<Comparisons<'_>>),
    (later, given): (&Action, &Vec<Comparisons<'_>>),
) -> bool {
    let met = |(criterion, (wanted, whole)): (&Criterion, &Comparisons<'_>)| {
        let same = later.criteria.iter().any(|other| {
            let kind = std::mem::discriminant(&criterion.test) == std::mem::discriminant(&other.test);
            kind && criterion.text == other.text && criterion.context == other.context
        });
        let implied =
            |wanted: &Comparison<'_>| given.iter().flat_map(|(given, _)| given).any(|one| one.implies(wanted));
        same || *whole && wanted.iter().all(implied)
    };
    let left = !matches!(earlier.then, Then::Retry { .. }) && !earlier.criteria.is_empty();
    left && earlier.criteria.iter().zip(asked).all(met)
}

/// The steps of one workflow that walks for its loops and ends may pass in all; what is not found within is not said.
const WALKS: usize = 3_000_000;

/// The loops of a workflow: steps that lead to one another.
struct Rounds {
    /// The loop that a step is in.
    numbers: BTreeMap<StepId, usize>,
    steps: Vec<BTreeSet<StepId>>,
}

impl Rounds {
    fn of(edges: &Edges) -> Self {
        let ids: Vec<StepId> = edges.keys().copied().collect();
        let index = |id: &StepId| ids.binary_search(id).ok();
        let arrows: Vec<Vec<usize>> = edges.values().map(|to| to.iter().filter_map(index).collect()).collect();
        let step = |index: usize| ids.get(index).copied();
        let steps: Vec<BTreeSet<StepId>> =
            circles(&arrows).into_iter().map(|circle| circle.into_iter().filter_map(step).collect()).collect();
        let numbers =
            steps.iter().enumerate().flat_map(|(number, steps)| steps.iter().map(move |id| (*id, number))).collect();
        Self { numbers, steps }
    }

    /// The loop that two steps are in, with its number; nothing if they do not lead to one another.
    fn with(&self, one: StepId, other: StepId) -> Option<(usize, &BTreeSet<StepId>)> {
        let number = *self.numbers.get(&one).filter(|number| self.numbers.get(&other) == Some(number))?;
        Some((number, self.steps.get(number)?))
    }
}

/// What may let a loop do something else in its next round.
#[derive(Default)]
struct Unlike {
    /// `true` if it calls a workflow.
    calls: bool,
    /// Steps that read an output of a step of the loop, each with that.
    reads: Vec<(StepId, StepId)>,
}

/// `true` if a step reads what the round before has left, and not what this one has made anew, which begins at `first`;
/// also where that is not found out.
fn changes((id, read): &(StepId, StepId), first: StepId, edges: &Edges, walks: &mut usize) -> bool {
    if first == *id {
        return true;
    }
    // The steps that a way from the first comes to before it comes to this one.
    let (mut met, mut left) = (BTreeSet::from([first, *id]), vec![first]);
    while let Some(step) = left.pop() {
        if step == *read {
            return false;
        }
        for to in edges.get(&step).into_iter().flatten() {
            *walks = walks.saturating_sub(1);
            if *walks == 0 {
                return true;
            }
            if met.insert(*to) {
                left.push(*to);
            }
        }
    }
    true
}

/// The steps that these lead to, themselves included.
fn reachable(edges: &Edges, from: Vec<StepId>) -> BTreeSet<StepId> {
    reachable_within(edges, from, &mut { usize::MAX }).unwrap_or_default()
}

/// As [`reachable`]; nothing if that takes more steps than are left.
fn reachable_within(edges: &Edges, from: Vec<StepId>, walks: &mut usize) -> Option<BTreeSet<StepId>> {
    let mut reached: BTreeSet<StepId> = from.iter().copied().collect();
    let mut frontier = from;
    while let Some(id) = frontier.pop() {
        for to in edges.get(&id).into_iter().flatten() {
            *walks = walks.checked_sub(1)?;
            if reached.insert(*to) {
                frontier.push(*to);
            }
        }
    }
    Some(reached)
}
