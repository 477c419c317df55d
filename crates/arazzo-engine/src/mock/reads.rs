//! Values that the workflows of a program read of the answers of each operation: generated answers have at least those.

use std::collections::BTreeMap;

use crate::value::Json;

use super::OperationKey;
use super::origins::{Origin, Origins, Site, looked_at};
use crate::expr::condition::Condition;
use crate::expr::jsonpath::{Operator, Wanted};
use crate::expr::{Expr, Root};
use crate::program::{Build, Program, Select, Test};
use crate::value::PathSegment;

/// The values that are read of the answers of one operation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reads {
    /// Ways into the body; the empty one is the body as a whole.
    pub body: Vec<Vec<PathSegment>>,
    /// Names of headers.
    pub headers: Vec<String>,
    /// `true` if the body is read as XML.
    pub xml: bool,
}

pub(super) fn of(program: &Program) -> BTreeMap<OperationKey, Reads> {
    let origins = Origins::new(program);
    let mut found: BTreeMap<OperationKey, Reads> = BTreeMap::new();
    let mut add = |origin: Origin<'_>, xml: bool| {
        let Some(key) = origin.step.and_then(|step| OperationKey::of(program, step)) else { return };
        let reads = found.entry(key).or_default();
        match origin.root {
            Root::ResponseBody => {
                reads.xml |= xml;
                if !reads.body.contains(&origin.way) {
                    reads.body.push(origin.way);
                }
            }
            Root::ResponseHeader(name) if !reads.headers.contains(name) => reads.headers.push(name.clone()),
            _ => {}
        }
    };
    for step in &program.steps {
        let site = Site { workflow: step.workflow, step: Some(step) };
        let mut built: Vec<&Build> = step.outputs.iter().map(|output| &output.value).collect();
        built.extend(step.call.values());
        built.extend(step.passed().map(|value| &value.value));
        for build in built {
            let xml = matches!(build, Build::Select(selection) if matches!(selection.select, Select::Xpath(..)));
            for (expr, rest) in looked_at(build) {
                origins.of(site, expr, &rest, &mut |origin| add(origin, xml));
            }
        }
        for criterion in step.all_criteria() {
            let mut ways: Vec<(&Expr, Vec<PathSegment>)> =
                criterion.expressions().into_iter().map(|expr| (expr, vec![])).collect();
            match &criterion.test {
                Test::Jsonpath(test) => {
                    ways.extend(test.condition.reads().into_iter().map(|way| (&test.context, way)));
                }
                Test::Pointer(test) => {
                    ways.push((&test.0, test.1.tokens().iter().cloned().map(PathSegment::Member).collect()));
                }
                _ => {}
            }
            let xml = matches!(criterion.test, Test::Xpath(_));
            for (expr, rest) in ways {
                origins.of(site, expr, &rest, &mut |origin| add(origin, xml));
            }
        }
    }
    for (id, workflow) in program.workflows.iter().enumerate() {
        let site = Site { workflow: crate::expr::WorkflowId(id as u32), step: None };
        for output in &workflow.outputs {
            for (expr, rest) in looked_at(&output.value) {
                origins.of(site, expr, &rest, &mut |origin| add(origin, false));
            }
        }
    }
    found
}

/// What success criteria want of answers that are those of other steps: they read them through outputs.
pub(super) fn compared_later(program: &Program) -> BTreeMap<OperationKey, Vec<(Vec<PathSegment>, Wanted)>> {
    fn within<'p>(condition: &'p Condition, found: &mut Vec<(&'p Expr, Operator, &'p Json)>) {
        match condition {
            Condition::And(list) => list.iter().for_each(|one| within(one, found)),
            Condition::Compare(operator, left, right) => match (left.as_ref(), right.as_ref()) {
                (Condition::Value(expr, _), Condition::Literal(json)) => found.push((expr, *operator, json)),
                (Condition::Literal(json), Condition::Value(expr, _)) => found.push((expr, operator.turned(), json)),
                _ => {}
            },
            _ => {}
        }
    }
    let origins = Origins::new(program);
    let mut found: BTreeMap<OperationKey, Vec<(Vec<PathSegment>, Wanted)>> = BTreeMap::new();
    for step in &program.steps {
        let mut compared = vec![];
        for criterion in &step.criteria {
            if let Test::Simple(condition) = &criterion.test {
                within(condition, &mut compared);
            }
        }
        let site = Site { workflow: step.workflow, step: Some(step) };
        for (expr, operator, json) in compared {
            origins.of(site, expr, &[], &mut |Origin { step: from, root, way, .. }| {
                let Some(from) = from.filter(|from| *root == Root::ResponseBody && !std::ptr::eq(*from, step)) else {
                    return;
                };
                if let Some(key) = OperationKey::of(program, from) {
                    found.entry(key).or_default().push((way, Wanted::Compare(operator, json.clone())));
                }
            });
        }
    }
    found
}
