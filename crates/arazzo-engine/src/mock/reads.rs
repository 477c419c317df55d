//! Values that the workflows of a program read of the answers of each operation: generated answers have at least those.

use std::collections::BTreeMap;

use super::OperationKey;
use super::origins::{Origin, Origins, Site, looked_at};
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
