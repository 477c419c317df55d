//! Values that the workflows of a program read of the answers of each operation: generated answers have at least those.

use std::collections::BTreeMap;

use crate::expr::{Expr, Root};
use crate::program::{Build, Program, Select, Step, Test};
use crate::value::PathSegment;

/// The number of outputs that a value is followed through.
const DEPTH: usize = 32;
/// Members and items on a way into a body: none that is read is deeper.
const WAY: usize = 64;

/// The values that are read of the answers of one operation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reads {
    /// Ways into the body; the empty one is the body as a whole.
    pub body: Vec<Vec<PathSegment>>,
    /// Names of headers.
    pub headers: Vec<String>,
}

/// By source description, method and path.
pub(super) fn of(program: &Program) -> BTreeMap<(usize, (String, String)), Reads> {
    let mut found: BTreeMap<(usize, (String, String)), Reads> = BTreeMap::new();
    let mut add = |step: &Step, expr: &Expr, rest: &[PathSegment]| {
        let Some(operation) = program.operation_of(step) else { return };
        let key = (operation.api, (operation.method.to_ascii_lowercase(), operation.path.clone()));
        let reads = found.entry(key).or_default();
        match &expr.root {
            Root::ResponseBody => {
                let mut way = ways(expr);
                way.extend_from_slice(rest);
                if way.len() <= WAY && !reads.body.contains(&way) {
                    reads.body.push(way);
                }
            }
            Root::ResponseHeader(name) if !reads.headers.contains(name) => reads.headers.push(name.clone()),
            _ => {}
        }
    };
    for step in &program.steps {
        let kept = step.outputs.iter().flat_map(|output| looked_at(&output.value));
        let sent = step.call.values().flat_map(looked_at);
        let passed = step.passed().flat_map(|value| looked_at(&value.value));
        let judged = step.all_criteria().flat_map(|criterion| {
            let mut ways: Vec<(&Expr, Vec<PathSegment>)> =
                criterion.expressions().into_iter().map(|e| (e, vec![])).collect();
            if let Test::Jsonpath(test) = &criterion.test {
                ways.extend(test.condition.reads().into_iter().map(|way| (&test.context, way)));
            }
            ways
        });
        for (expr, rest) in kept.chain(sent).chain(passed).chain(judged) {
            trace(program, Some(step), expr, &rest, &mut add, 0);
        }
    }
    for output in program.workflows.iter().flat_map(|workflow| &workflow.outputs) {
        for (expr, rest) in looked_at(&output.value) {
            trace(program, None, expr, &rest, &mut add, 0);
        }
    }
    found
}

/// Follows a value to the answer that it comes from: what is read of an output is read of what the output is.
fn trace(
    program: &Program,
    step: Option<&Step>,
    expr: &Expr,
    rest: &[PathSegment],
    add: &mut impl FnMut(&Step, &Expr, &[PathSegment]),
    depth: usize,
) {
    if depth > DEPTH {
        return;
    }
    let (step, output, inside) = match &expr.root {
        Root::StepOutput(id, name) => {
            let Some(step) = program.step(*id) else { return };
            let own = step.outputs.iter().find(|output| output.name == *name);
            let called = step.call.workflow().and_then(|workflow| program.workflow(workflow));
            let passed = || called.and_then(|w| w.outputs.iter().find(|output| output.name == *name));
            (own.is_some().then_some(step), own.or_else(passed), true)
        }
        Root::WorkflowOutput(id, name) => {
            let workflow = program.workflow(*id);
            (None, workflow.and_then(|w| w.outputs.iter().find(|output| output.name == *name)), true)
        }
        _ => (step, None, false),
    };
    if !inside {
        if let Some(step) = step {
            add(step, expr, rest);
        }
        return;
    }
    let further: Vec<PathSegment> = ways(expr).into_iter().chain(rest.iter().cloned()).collect();
    for (from, mut way) in output.iter().flat_map(|output| looked_at(&output.value)) {
        way.extend_from_slice(&further);
        trace(program, step, from, &way, add, depth + 1);
    }
}

/// The expressions of a value, and the ways that selectors take from there.
fn looked_at(build: &Build) -> Vec<(&Expr, Vec<PathSegment>)> {
    match build {
        Build::Constant(_) => vec![],
        Build::Template(leaf) => {
            let ways = |expr: &Expr| expr.query.as_ref().map_or_else(|| vec![vec![]], |behind| behind.query.reads());
            let exprs = leaf.template.expressions().into_iter();
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
