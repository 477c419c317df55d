//! Where the values of a program come from: through outputs, called workflows and what is passed to them, back to the
//! inputs and answers.

use std::collections::{BTreeMap, BTreeSet};

use crate::expr::{Expr, Root, StepId, WorkflowId};
use crate::program::{Build, Inherited, Passed, Program, Select, Step, Target};
use crate::value::PathSegment;

/// The number of outputs that a value is followed through.
const DEPTH: usize = 32;
/// Members and items on a way into a value: none that is read is deeper.
const WAY: usize = 64;

/// The beginning of a value: an input, or a part of an exchange.
#[derive(Debug)]
pub(super) struct Origin<'p> {
    pub(super) workflow: WorkflowId,
    /// The step that has the exchange.
    pub(super) step: Option<&'p Step>,
    pub(super) root: &'p Root,
    /// The way from there to the value.
    pub(super) way: Vec<PathSegment>,
}

/// Where an expression stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Site<'p> {
    pub(super) workflow: WorkflowId,
    pub(super) step: Option<&'p Step>,
}

/// Finds origins.
#[derive(Debug)]
pub(super) struct Origins<'p> {
    program: &'p Program,
    /// What is passed to workflows, with the step that passes it.
    callers: BTreeMap<WorkflowId, Vec<(&'p Step, &'p Passed)>>,
}

/// What was followed already, so that circles end.
type Met = BTreeSet<(u8, u32, String, Vec<PathSegment>)>;

impl<'p> Origins<'p> {
    pub(super) fn new(program: &'p Program) -> Self {
        let mut callers: BTreeMap<WorkflowId, Vec<(&Step, &Passed)>> = BTreeMap::new();
        for step in &program.steps {
            if let Some((workflow, passed)) = step.call.passed() {
                callers.entry(workflow).or_default().push((step, passed));
            }
            for target in step.actions().filter_map(|action| action.then.target()) {
                if let Target::Workflow { workflow, passed } = target {
                    callers.entry(*workflow).or_default().push((step, passed));
                }
            }
        }
        Self { program, callers }
    }

    /// Calls `found` with every origin of a value: the one of an expression, and `rest`, the way from there.
    pub(super) fn of(&self, site: Site<'p>, expr: &'p Expr, rest: &[PathSegment], found: &mut impl FnMut(Origin<'p>)) {
        Walk { origins: self, met: Met::new(), found, depth: 0 }.follow(site, expr, rest);
    }
}

/// A walk back to the origins of one value.
struct Walk<'w, 'p, F> {
    origins: &'w Origins<'p>,
    met: Met,
    /// Called with every origin.
    found: F,
    /// The number of values that were followed to here.
    depth: usize,
}

impl<'p, F: FnMut(Origin<'p>)> Walk<'_, 'p, F> {
    fn follow(&mut self, site: Site<'p>, expr: &'p Expr, rest: &[PathSegment]) {
        let way: Vec<PathSegment> = ways(expr).into_iter().chain(rest.iter().cloned()).collect();
        if self.depth > DEPTH || way.len() > WAY {
            return;
        }
        match &expr.root {
            Root::StepOutput(id, name) => self.follow_step(*id, name, &way),
            Root::StepOutputs(id) => {
                if let Some((PathSegment::Member(name), way)) = way.split_first() {
                    self.follow_step(*id, name, way);
                }
            }
            Root::WorkflowOutput(id, name) => self.follow_workflow(*id, name, &way),
            Root::Output(name) => {
                let called = site.step.and_then(|step| step.call.workflow()).unwrap_or(site.workflow);
                self.follow_workflow(called, name, &way);
            }
            Root::WorkflowInput(id, name) => self.follow_input((*id, &expr.root), name, &way),
            Root::Input(name) => self.follow_input((site.workflow, &expr.root), name, &way),
            root => (self.found)(Origin { workflow: site.workflow, step: site.step, root, way }),
        }
    }

    fn follow_step(&mut self, id: StepId, name: &str, way: &[PathSegment]) {
        let Some(step) = self.origins.program.step(id) else { return };
        if !self.met.insert((0, id.0, name.to_owned(), way.to_vec())) {
            return;
        }
        match step.outputs.iter().find(|output| output.name == name) {
            Some(output) => {
                self.follow_build(Site { workflow: step.workflow, step: Some(step) }, &output.value, way);
            }
            None => {
                if let Some(called) = step.call.workflow() {
                    self.follow_workflow(called, name, way);
                }
            }
        }
    }

    fn follow_workflow(&mut self, id: WorkflowId, name: &str, way: &[PathSegment]) {
        let workflow = self.origins.program.workflow(id);
        let output = workflow.and_then(|w| w.outputs.iter().find(|output| output.name == name));
        if let (Some(output), true) = (output, self.met.insert((1, id.0, name.to_owned(), way.to_vec()))) {
            self.follow_build(Site { workflow: id, step: None }, &output.value, way);
        }
    }

    /// An input begins where it is given: by the user, and by whoever calls the workflow.
    fn follow_input(&mut self, (id, root): (WorkflowId, &'p Root), name: &str, way: &[PathSegment]) {
        if self.depth > DEPTH || !self.met.insert((2, id.0, name.to_owned(), way.to_vec())) {
            return;
        }
        (self.found)(Origin { workflow: id, step: None, root, way: way.to_vec() });
        let origins = self.origins;
        for (step, passed) in origins.callers.get(&id).into_iter().flatten() {
            let site = Site { workflow: step.workflow, step: Some(step) };
            if let Some(value) = passed.values.iter().find(|value| value.name == name) {
                self.follow_build(site, &value.value, way);
                continue;
            }
            let inherits = match &passed.inherited {
                Inherited::Nothing => false,
                Inherited::These(names) => names.iter().any(|known| known == name),
                Inherited::All => true,
            };
            if inherits {
                self.depth += 1;
                self.follow_input((step.workflow, root), name, way);
                self.depth -= 1;
            }
        }
    }

    fn follow_build(&mut self, site: Site<'p>, build: &'p Build, way: &[PathSegment]) {
        // A member of an object that is put together is what was put there.
        if let (Build::Object(members), Some((PathSegment::Member(name), rest))) = (build, way.split_first()) {
            if let Some((_, value)) = members.iter().find(|(known, _)| known == name) {
                self.follow_build(site, value, rest);
            }
            return;
        }
        self.depth += 1;
        for (from, mut inside) in looked_at(build) {
            inside.extend_from_slice(way);
            self.follow(site, from, &inside);
        }
        self.depth -= 1;
    }
}

/// The expressions of a value, and the ways that selectors take from there.
pub(super) fn looked_at(build: &Build) -> Vec<(&Expr, Vec<PathSegment>)> {
    match build {
        Build::Constant(_) => vec![],
        Build::Template(leaf) => {
            let ways = |expr: &Expr| expr.query.as_ref().map_or_else(|| vec![vec![]], |behind| behind.query.reads());
            let exprs = leaf.template.expressions();
            exprs.flat_map(|expr| ways(expr).into_iter().map(move |way| (expr, way))).collect()
        }
        Build::Select(selection) => match &selection.select {
            Select::Pointer(at) => {
                vec![(&selection.context, at.tokens().iter().cloned().map(PathSegment::Member).collect())]
            }
            Select::Jsonpath(query, _) => query.reads().into_iter().map(|way| (&selection.context, way)).collect(),
            Select::Xpath(..) => vec![(&selection.context, vec![])],
        },
        Build::Array(items) => items.iter().flat_map(looked_at).collect(),
        Build::Object(members) => members.iter().flat_map(|(_, value)| looked_at(value)).collect(),
        Build::Keyed(members) => {
            members.iter().flat_map(|(key, value)| looked_at(key).into_iter().chain(looked_at(value))).collect()
        }
    }
}

/// The way of an expression; the length of something is read from the thing.
fn ways(expr: &Expr) -> Vec<PathSegment> {
    let tokens = expr.at.tokens();
    let length = expr.dotted && tokens.last().is_some_and(|token| token == "length");
    tokens.iter().take(tokens.len() - usize::from(length)).cloned().map(PathSegment::Member).collect()
}
