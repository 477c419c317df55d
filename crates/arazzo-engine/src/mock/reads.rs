//! What the workflows of a program read of the answers of each operation: made-up answers have at least that.

use std::collections::BTreeMap;

use crate::expr::{Expr, Root};
use crate::program::{Build, Call, Program, Step, Test};
use crate::value::Way;

/// What is read of the answers of one operation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reads {
    /// Ways into the body; the empty one is the body as a whole.
    pub body: Vec<Vec<Way>>,
    /// Names of headers.
    pub headers: Vec<String>,
}

/// By source description, method and path.
pub(super) fn of(program: &Program) -> BTreeMap<(usize, (String, String)), Reads> {
    let mut found: BTreeMap<(usize, (String, String)), Reads> = BTreeMap::new();
    let mut add = |step: &Step, expr: &Expr, rest: &[Way]| {
        let Call::Operation { operation, .. } = &step.call;
        let Some(operation) = program.operation(*operation) else { return };
        let key = (operation.api, (operation.method.to_ascii_lowercase(), operation.path.clone()));
        let reads = found.entry(key).or_default();
        match &expr.root {
            Root::ResponseBody => {
                let mut way = ways(expr);
                way.extend_from_slice(rest);
                if !reads.body.contains(&way) {
                    reads.body.push(way);
                }
            }
            Root::ResponseHeader(name) if !reads.headers.contains(name) => reads.headers.push(name.clone()),
            _ => {}
        }
    };
    for step in &program.steps {
        let own = step.outputs.iter().flat_map(|output| output.value.template.expressions());
        for expr in own.chain(step.all_criteria().flat_map(|criterion| criterion.expressions())) {
            add(step, expr, &[]);
        }
        for criterion in step.all_criteria() {
            if let Test::Jsonpath(test) = &criterion.test {
                test.condition.reads().iter().for_each(|way| add(step, &test.context, way));
            }
        }
    }
    // What is read of an output is read of the answer that it came from.
    let values = program.steps.iter().flat_map(|step| {
        let sent = step.call.values().flat_map(Build::leaves).map(|leaf| &leaf.template);
        let kept = step.outputs.iter().map(|output| &output.value.template);
        let judged = step.all_criteria().flat_map(|criterion| criterion.expressions());
        sent.chain(kept).flat_map(|template| template.expressions()).chain(judged)
    });
    let outputs = program.workflows.iter().flat_map(|workflow| &workflow.outputs);
    for expr in values.chain(outputs.flat_map(|output| output.value.template.expressions())) {
        let Root::StepOutput(step, name) = &expr.root else { continue };
        let Some(step) = program.step(*step) else { continue };
        for output in step.outputs.iter().filter(|output| output.name == *name) {
            output.value.template.expressions().into_iter().for_each(|from| add(step, from, &ways(expr)));
        }
    }
    found
}

/// The way of an expression; the length of something is read from the thing.
fn ways(expr: &Expr) -> Vec<Way> {
    let tokens = expr.at.tokens();
    let length = expr.dotted && tokens.last().is_some_and(|token| token == "length");
    tokens.iter().take(tokens.len() - usize::from(length)).cloned().map(Way::Member).collect()
}
