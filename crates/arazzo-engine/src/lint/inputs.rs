//! Inputs that are read, and that nothing declares.

use std::collections::HashSet;

use super::Lint;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::expr::{Expr, Root, StepId};
use crate::program::{Build, Criterion, Program, Workflow};
use crate::source::Span;

impl Lint<'_> {
    /// Says of each workflow without `inputs` which it reads all the same: nothing asks for them, and they are absent
    /// unless somebody knows their names.
    pub(super) fn undeclared_inputs(&mut self) {
        let known = Self::given_names(self.program);
        for id in self.own() {
            let (Some(view), Some(workflow)) = (self.workflow(id), self.program.workflow(id)) else { continue };
            if view.document.inputs.is_some() || view.node.is_some_and(|node| node.get("inputs").is_some()) {
                continue;
            }
            let mut names: Vec<&str> = vec![];
            let mut first = None;
            for (expr, span) in Self::reads_of(self.program, workflow) {
                let Root::Input(name) = &expr.root else { continue };
                if !known.contains(name.as_str()) && !names.contains(&name.as_str()) {
                    names.push(name);
                    first.get_or_insert(span);
                }
            }
            let Some(span) = first else { continue };
            let listed: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            let properties: Vec<String> = names.iter().map(|name| format!("{name}: {{ type: string }}")).collect();
            let what = if names.len() == 1 { "an input" } else { "inputs" };
            let message =
                format!("workflow `{}` declares no `inputs`, and reads {what}: {}", workflow.name, listed.join(", "));
            self.push(
                Diagnostic::warning(Code::UndeclaredInput, span, message)
                    .label("absent where a run is not given it")
                    .help(format!(
                        "declare what it takes: inputs: {{ type: object, properties: {{ {} }} }}",
                        properties.join(", ")
                    ))
                    .section(Code::UndeclaredInput.section()),
            );
        }
    }

    /// The names of inputs that some workflow declares or is given: one that runs for another has those of its caller.
    fn given_names(program: &Program) -> HashSet<&str> {
        let declared = program.workflows.iter().flat_map(|workflow| &workflow.inputs.declared);
        let mut names: HashSet<&str> = declared.map(|input| input.name.as_str()).collect();
        for step in &program.steps {
            let called = step.call.passed().into_iter().flat_map(|(_, passed)| &passed.values);
            names.extend(called.map(|value| value.name.as_str()));
            names.extend(step.passed().map(|value| value.name.as_str()));
        }
        names
    }

    /// What a workflow reads, in the order of its steps.
    fn reads_of<'w>(program: &'w Program, workflow: &'w Workflow) -> Vec<(&'w Expr, Span)> {
        let mut reads = vec![];
        let of = |build: &'w Build| build.reads().into_iter().map(|read| (read.expr, read.span));
        for step in workflow.steps.iter().filter_map(|id: &StepId| program.step(*id)) {
            reads.extend(step.call.reads().into_iter().map(|read| (read.expr, read.span)));
            let criteria =
                |criterion: &'w Criterion| criterion.expressions().into_iter().map(|expr| (expr, criterion.span));
            reads.extend(step.all_criteria().flat_map(criteria));
            reads.extend(step.passed().flat_map(|passed| of(&passed.value)));
            reads.extend(step.outputs.iter().flat_map(|output| of(&output.value)));
        }
        reads.extend(workflow.outputs.iter().flat_map(|output| of(&output.value)));
        reads
    }
}
