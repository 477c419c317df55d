//! `$inputs`, `$steps`, `$outputs`, `$workflows`, `$sourceDescriptions`, `$components`: names that documents declare.

use super::{Position, Scanned, Scanner, is_strict};
use crate::code::Code;
use crate::diagnostic::{Help, Owner, Subject, nearest};
use crate::expr::parts::Part;
use crate::expr::{DeclaredSource, DeclaredWorkflow, Finding, Root, StepId};
use crate::readings::Readings;

impl Scanner<'_, '_> {
    pub(super) fn input(&mut self, at: usize) -> Scanned {
        let scope = self.scope;
        let declared: Vec<&str> = scope.inputs.iter().map(|input| input.name.as_str()).collect();
        let scalar = |name: &str| scope.inputs.iter().any(|input| input.name == name && input.scalar);
        self.named(at, &declared, scope.open, Part::Input, "an input", |name| {
            (!scalar(name), Root::Input(name.to_owned()))
        })
        .unwrap_or_else(|(name, end)| {
            let help = match nearest(&name, declared.iter().copied()) {
                Some(near) => Help::meant_behind("$inputs.", near),
                None if declared.is_empty() => {
                    Help::words("the workflow declares no inputs: add it to `inputs.properties`")
                }
                None => Help::words(format!("declared inputs: {}", declared.join(", "))),
            };
            let message = format!("the workflow declares no input `{name}`");
            self.wrong(Code::UnknownInput, self.start..end, message, Some(help))
        })
    }

    pub(super) fn output(&mut self, at: usize) -> Scanned {
        let declared: Vec<&str> = self.scope.outputs.iter().map(String::as_str).collect();
        self.named(at, &declared, false, Part::Output, "an output", |name| (true, Root::Output(name.to_owned())))
            .unwrap_or_else(|(name, end)| {
                let step = self.scope.steps.iter().find(|step| step.outputs.contains(&name));
                let help = match (nearest(&name, declared.iter().copied()), step) {
                    (_, Some(step)) => Help::meant_behind(format!("$steps.{}.outputs.", step.name), name.as_str()),
                    (Some(near), _) => Help::meant_behind("$outputs.", near),
                    _ if declared.is_empty() => Help::words("there is no workflow output to read here"),
                    _ => Help::words(format!("outputs: {}", declared.join(", "))),
                };
                let message = format!("`$outputs` are those of a workflow, which has no `{name}`");
                let finding = Finding::new(Code::UnknownOutput, self.start..end, message).help(help);
                self.refuse(finding.about(Subject::Output { of: Owner::Called, name }))
            })
    }

    /// `$workflows.<id>.inputs.<name>`, `$workflows.<id>.outputs.<name>`
    pub(super) fn workflow(&mut self, at: usize) -> Scanned {
        let scope = self.scope;
        match self.field_of(at, &scope.document.workflows) {
            Some(scanned) => scanned,
            None => {
                let name: String = self.rest(at).chars().take_while(|c| is_strict(*c)).collect();
                let end = at + name.len();
                if scope.document.workflows.iter().any(|workflow| workflow.name == name) {
                    let message = format!("`{}` does not say which value of the workflow", self.written(end));
                    let help = format!("write $workflows.{name}.outputs.<name> or $workflows.{name}.inputs.<name>");
                    return self.wrong(Code::ExpressionSyntax, self.start..end, message, Some(help));
                }
                let own = |source: &&DeclaredSource| source.workflows.iter().any(|workflow| workflow.name == name);
                if let Some(source) = scope.document.sources.iter().find(own) {
                    let rest = self.rest(at).split([' ', '}']).next().unwrap_or_default();
                    let right = format!("$sourceDescriptions.{}.{rest}", source.name);
                    let message = format!("workflow `{name}` is one of the document `{}`", source.name);
                    return self.wrong(Code::UnknownWorkflow, self.start..end, message, Some(format!("write {right}")));
                }
                let names: Vec<&str> = scope.document.workflows.iter().map(|w| w.name.as_str()).collect();
                let help = nearest(&name, names.iter().copied()).map_or_else(
                    || Help::words(format!("workflows of this document: {}", names.join(", "))),
                    |near| Help::meant_behind("$workflows.", near),
                );
                let message = format!("the document has no workflow `{name}`");
                self.wrong(Code::UnknownWorkflow, self.start..end, message, Some(help))
            }
        }
    }

    /// The reading `dialect-word`: `$dependencies.<workflowId>.outputs.<name>`, or one of them left out where that
    /// leaves one meaning.
    pub(super) fn dependency(&mut self, at: usize) -> Scanned {
        let document = self.scope.document;
        let own = document.workflows.iter().map(|workflow| ("$workflows".to_owned(), workflow));
        let others = document.sources.iter().flat_map(|source| {
            source.workflows.iter().map(|workflow| (format!("$sourceDescriptions.{}", source.name), workflow))
        });
        let needed: Vec<(String, &DeclaredWorkflow)> =
            own.chain(others).filter(|(_, workflow)| self.scope.dependencies.contains(&workflow.id)).collect();
        let rest = self.rest(at);
        let mut meant: Vec<(usize, String, &DeclaredWorkflow, &String)> = vec![];
        for (before, workflow) in &needed {
            let prefixes = [format!("{}.outputs.", workflow.name), format!("{}.", workflow.name), String::new()];
            for (prefix, output) in prefixes.iter().flat_map(|p| workflow.outputs.iter().map(move |name| (p, name))) {
                let after = rest.strip_prefix(prefix.as_str()).and_then(|rest| rest.strip_prefix(output.as_str()));
                if after.is_some_and(|after| !after.starts_with(|c: char| is_strict(c))) {
                    let right = format!("{before}.{}.outputs.{output}", workflow.name);
                    meant.push((prefix.len() + output.len(), right, *workflow, output));
                }
            }
        }
        let longest = meant.iter().map(|(length, ..)| *length).max();
        meant.retain(|(length, ..)| Some(*length) == longest);
        let [(length, right, workflow, output)] = meant.as_slice() else {
            let outputs: Vec<String> = needed
                .iter()
                .flat_map(|(before, w)| w.outputs.iter().map(move |name| format!("{before}.{}.outputs.{name}", w.name)))
                .collect();
            let help = match outputs.as_slice() {
                [] => "list the workflow under `dependsOn`, and read $workflows.<workflowId>.outputs.<name>".to_owned(),
                outputs => format!("outputs of its dependencies: {}", outputs.join(", ")),
            };
            let end = self.start + "$dependencies".len();
            let message = "`$dependencies` is not the beginning of a runtime expression".to_owned();
            return self.wrong(Code::UnknownRoot, self.start..end, message, Some(help));
        };
        let end = at + length;
        self.parts.push(Part::Output, end - output.len()..end);
        self.findings.push(
            Finding::new(Code::DialectWord, self.start..end, "`$dependencies` is no word of Arazzo")
                .help(format!("write {right}"))
                .fix(right.as_str(), true),
        );
        self.with_pointer(Root::WorkflowOutput(workflow.id, (*output).clone()), end, true)
    }

    /// `<workflowId>.inputs.<name>` or `<workflowId>.outputs.<name>` of one of these workflows; nothing if none is
    /// named so.
    fn field_of(&mut self, at: usize, workflows: &[DeclaredWorkflow]) -> Option<Scanned> {
        let rest = self.rest(at);
        let fits = |workflow: &&DeclaredWorkflow| {
            let after = rest.strip_prefix(workflow.name.as_str());
            after.is_some_and(|after| after.starts_with(".inputs.") || after.starts_with(".outputs."))
        };
        if let Some(scanned) = self.step_of(at, workflows) {
            return Some(scanned);
        }
        let Some(workflow) = workflows.iter().filter(fits).max_by_key(|workflow| workflow.name.len()) else {
            return self.output_of(at, workflows);
        };
        let after = at + workflow.name.len();
        let (id, name) = (workflow.id, &workflow.name);
        let inputs = self.rest(after).starts_with(".inputs.");
        let (field, declared) = if inputs { ("inputs", &workflow.inputs) } else { ("outputs", &workflow.outputs) };
        let declared: Vec<&str> = declared.iter().map(String::as_str).collect();
        let at_name = after + field.len() + 2;
        let part = if inputs { Part::Input } else { Part::Output };
        self.parts.push(Part::Workflow, at..after);
        let root = |name: &str| match inputs {
            true => (true, Root::WorkflowInput(id, name.to_owned())),
            false => (true, Root::WorkflowOutput(id, name.to_owned())),
        };
        let scanned = self.named(at_name, &declared, inputs && workflow.open, part, "a value", root);
        Some(scanned.unwrap_or_else(|(wrong, end)| {
            let help = match nearest(&wrong, declared.iter().copied()) {
                Some(near) => Help::meant(near),
                None if declared.is_empty() => Help::words(format!("workflow `{name}` declares no {field}")),
                None => Help::words(format!("{field} of `{name}`: {}", declared.join(", "))),
            };
            let message = format!("workflow `{name}` declares no {} `{wrong}`", field.trim_end_matches('s'));
            let (workflow, range) = (name.clone(), self.start..end);
            let (code, subject) = match inputs {
                true => (Code::UnknownInput, Subject::Input { workflow, name: wrong }),
                false => (Code::UnknownOutput, Subject::Output { of: Owner::Workflow(workflow), name: wrong }),
            };
            self.refuse(Finding::new(code, range, message).help(help).about(subject))
        }))
    }

    /// The reading `missing-outputs-word` of a workflow: `<workflowId>.<output>`; nothing if none is named so.
    fn output_of(&mut self, at: usize, workflows: &[DeclaredWorkflow]) -> Option<Scanned> {
        let rest = self.rest(at);
        let named =
            |w: &&DeclaredWorkflow| rest.strip_prefix(w.name.as_str()).is_some_and(|after| after.starts_with('.'));
        let workflow = workflows.iter().filter(named).max_by_key(|workflow| workflow.name.len())?;
        let behind = at + workflow.name.len() + 1;
        let declared: Vec<&str> = workflow.outputs.iter().map(String::as_str).collect();
        let at_name = behind + outputs_word(self.rest(behind), &declared);
        let output = self.declared_name(at_name, &declared)?;
        let end = at_name + output.len();
        self.parts.push(Part::Workflow, at..behind - 1);
        self.parts.push(Part::Output, at_name..end);
        let right = format!("{}outputs.{output}", self.written(behind));
        Some(self.output_without_word(Root::WorkflowOutput(workflow.id, output), right, end))
    }

    /// An output that is named without the word `outputs`, up to `end`.
    fn output_without_word(&mut self, root: Root, right: String, end: usize) -> Scanned {
        let owner = if matches!(root, Root::WorkflowOutput(..)) { "workflow" } else { "step" };
        let message = format!("an output of a {owner} is read with `outputs`");
        let finding = Finding::new(Code::MissingOutputsWord, self.start..end, message);
        self.findings.push(finding.help(format!("write {right}")).fix(right, true));
        let root = match self.scope.readings {
            Readings::Letter => Root::Nothing(self.written(end).to_owned()),
            _ => root,
        };
        self.with_pointer(root, end, true)
    }

    /// The reading `workflow-step-output`: `<workflowId>.steps.<stepId>.outputs.<name>`; nothing if it is none.
    fn step_of(&mut self, at: usize, workflows: &[DeclaredWorkflow]) -> Option<Scanned> {
        let rest = self.rest(at);
        let (workflow, step, length) = workflows.iter().find_map(|workflow| {
            let after = rest.strip_prefix(workflow.name.as_str())?.strip_prefix(".steps.")?;
            let step = workflow.steps.iter().find(|step| {
                after.strip_prefix(step.name.as_str()).is_some_and(|after| after.starts_with(".outputs."))
            })?;
            Some((workflow, step, workflow.name.len() + ".steps.".len() + step.name.len() + ".outputs.".len()))
        })?;
        let at_name = at + length;
        let declared: Vec<&str> = step.outputs.iter().map(String::as_str).collect();
        let Some(name) = self.declared_name(at_name, &declared) else {
            let wrong = self.identifier(at_name);
            let message = format!("step `{}` of workflow `{}` declares no output `{wrong}`", step.name, workflow.name);
            let help = nearest(&wrong, declared.iter().copied()).map(Help::meant);
            let end = at_name + wrong.len();
            let finding = Finding::new(Code::UnknownOutput, self.start..end, message).help(help);
            let of = Owner::Step(step.name.clone());
            return Some(self.refuse(finding.about(Subject::Output { of, name: wrong })));
        };
        let end = at_name + name.len();
        self.parts.push(Part::Workflow, at..at + workflow.name.len());
        self.parts.push(Part::Output, at_name..end);
        let own = self.scope.steps.get(&step.name).is_some_and(|own| own.id == step.id);
        let message = "a step of a workflow is no part of a runtime expression";
        let finding = Finding::new(Code::WorkflowStepOutput, self.start..end, message);
        self.findings.push(match own {
            true => {
                let right = format!("$steps.{}.outputs.{name}", step.name);
                finding.help(format!("write {right}")).fix(right, true)
            }
            false => finding.help(format!("declare an output of `{}`, and read that", workflow.name)),
        });
        Some(self.with_pointer(Root::StepOutput(step.id, name), end, true))
    }

    /// `$sourceDescriptions.<name>.<field>`, `$sourceDescriptions.<name>.<workflowId>.outputs.<name>`
    pub(super) fn source(&mut self, at: usize) -> Scanned {
        let scope = self.scope;
        let rest = self.rest(at);
        let named = scope
            .document
            .sources
            .iter()
            .filter(|source| rest.strip_prefix(source.name.as_str()).is_some_and(|after| after.starts_with('.')));
        let Some(source) = named.max_by_key(|source| source.name.len()) else {
            let name = rest.split(['.', '#', '}', ' ']).next().unwrap_or_default();
            let end = at + name.len();
            if scope.document.sources.iter().any(|source| source.name == name) {
                let message = format!("`{}` does not say what of the source description", self.written(end));
                let help = format!("write $sourceDescriptions.{name}.url");
                return self.wrong(Code::ExpressionSyntax, self.start..end, message, Some(help));
            }
            let names: Vec<&str> = scope.document.sources.iter().map(|source| source.name.as_str()).collect();
            let help = nearest(name, names.iter().copied())
                .map_or_else(|| Help::words(format!("source descriptions: {}", names.join(", "))), Help::meant);
            let message = format!("no source description is called `{name}`");
            return self.wrong(Code::UnknownSource, self.start..end, message, Some(help));
        };
        let after = at + source.name.len() + 1;
        self.parts.push(Part::Source, at..after - 1);
        if let Some(scanned) = self.field_of(after, &source.workflows) {
            return scanned;
        }
        let field: String = self.rest(after).chars().take_while(|c| is_strict(*c)).collect();
        let end = after + field.len();
        if let Some((_, value)) = source.fields.iter().find(|(known, _)| *known == field) {
            return self.constant(end, Some(value.clone()));
        }
        // Fields that a source description may have and this one has not.
        if field == "type" || field.starts_with("x-") {
            return self.constant(end, None);
        }
        // A source that could not be read may have it: its own diagnostic is the one that helps.
        if !source.read {
            let rest = self.rest(after);
            let length = rest.find(|c: char| !(is_strict(c) || c == '.')).unwrap_or(rest.len());
            return self.constant(after + length, None);
        }
        let known: Vec<&str> = source.fields.iter().map(|(name, _)| name.as_str()).collect();
        let help = nearest(&field, known.iter().copied()).map_or_else(
            || Help::words("an operation or a workflow is called by a step, and is not a value"),
            Help::meant,
        );
        let message = format!("source description `{}` has no field `{field}`", source.name);
        self.wrong(Code::UnknownFieldOfSource, self.start..end, message, Some(help))
    }

    /// `$components.parameters.<name>`: the object as it is written.
    pub(super) fn component(&mut self, at: usize) -> Scanned {
        let components = &self.scope.document.components;
        let name = self.identifier(at);
        let name = if self.position == Position::Condition {
            self.rest(at).chars().take_while(|c| is_strict(*c) || *c == '.').collect()
        } else {
            name
        };
        let end = at + name.len();
        let (kind, key) = name.split_once('.').unwrap_or((&name, ""));
        if let Some(value) = components.get(kind).and_then(|map| map.get(key)) {
            self.parts.push(Part::Component, end - key.len()..end);
            return self.constant(end, Some(value.clone()));
        }
        let names = components.get(kind).and_then(crate::value::Json::as_object).into_iter().flatten();
        let help = nearest(key, names.map(|(name, _)| name.as_str()))
            .map(|near| Help::meant_behind(format!("$components.{kind}."), near));
        self.wrong(Code::UnknownComponent, self.start..end, format!("there is no component `{name}`"), help)
    }

    pub(super) fn step(&mut self, at: usize) -> Scanned {
        let scope = self.scope;
        let rest = self.rest(at);
        // A name may hold `.outputs`: the longest that is declared is meant.
        let mut names = rest.rmatch_indices(".outputs").filter_map(|(end, _)| rest.get(..end));
        let found = names.find_map(|name| scope.steps.get(name));
        let Some(step) = found else { return self.unknown_step(at) };
        let (id, outputs) = (step.id, step.outputs.as_slice());
        let after = at + step.name.len() + ".outputs".len();
        self.parts.push(Part::Step, at..at + step.name.len());
        if let Some(scanned) = self.bracketed_output(id, &step.name, outputs, after) {
            return scanned;
        }
        if !self.rest(after).starts_with('.') {
            return self.all_outputs(id, &step.name, outputs, after);
        }
        let at_name = after + 1;
        let declared: Vec<&str> = outputs.iter().map(String::as_str).collect();
        if let Some(name) = self.declared_name(at_name, &declared) {
            self.parts.push(Part::Output, at_name..at_name + name.len());
            return self.with_pointer(Root::StepOutput(id, name.clone()), at_name + name.len(), true);
        }
        let name = self.identifier(at_name);
        let end = at_name + name.len();
        let step_name = step.name.clone();
        let help = match nearest(&name, declared.iter().copied()) {
            Some(near) => Help::meant_behind(format!("$steps.{step_name}.outputs."), near),
            None if declared.is_empty() => Help::words(format!("step `{step_name}` declares no outputs")),
            None => Help::words(format!("outputs of `{step_name}`: {}", declared.join(", "))),
        };
        let message = format!("step `{step_name}` declares no output `{name}`");
        let finding = Finding::new(Code::UnknownOutput, self.start..end, message).help(help);
        self.refuse(finding.about(Subject::Output { of: Owner::Step(step_name), name }))
    }

    /// The reading `dotted-output`, of `$steps.<step>.outputs['<name>']`; nothing where no declared name stands so.
    fn bracketed_output(&mut self, id: StepId, step: &str, outputs: &[String], at: usize) -> Option<Scanned> {
        let inner = self.rest(at).strip_prefix('[')?;
        let inner = inner.get(..inner.find(']')?)?;
        let name = inner.trim_matches(['\'', '"', ' ']);
        let name = outputs.iter().find(|output| *output == name)?.clone();
        let end = at + inner.len() + 2;
        let right = format!("$steps.{step}.outputs.{name}");
        let message = "the name of an output stands behind a dot";
        let finding = Finding::new(Code::DottedOutput, self.start..end, message);
        self.findings.push(finding.help(format!("write {right}")).fix(right, true));
        let root = match self.scope.readings {
            Readings::Letter => Root::Nothing(self.written(end).to_owned()),
            _ => Root::StepOutput(id, name),
        };
        Some(self.with_pointer(root, end, true))
    }

    /// The reading `all-outputs`: `$steps.<step>.outputs` as a value.
    fn all_outputs(&mut self, id: StepId, step: &str, outputs: &[String], end: usize) -> Scanned {
        let scanned = self.with_pointer(Root::StepOutputs(id), end, false);
        let is_value = self.position != Position::Condition;
        let Scanned::Found(expr, after) = &scanned else { return scanned };
        if !is_value || *after != end || !expr.at.is_whole() {
            return scanned;
        }
        let written = self.written(end).to_owned();
        let one = outputs.first().map_or("<name>", String::as_str);
        self.findings.push(
            Finding::new(Code::AllOutputs, self.start..end, format!("`{written}` does not say which output"))
                .help(format!("write $steps.{step}.outputs.{one}")),
        );
        match self.scope.readings {
            Readings::Letter => self.whole_value(Root::Nothing(written), end),
            _ => scanned,
        }
    }

    /// The reading `missing-outputs-word`: `$steps.<step>.<output>`, of which `at` is where the name of the step is.
    fn without_outputs_word(&mut self, at: usize) -> Option<Scanned> {
        let rest = self.rest(at);
        let (name, after) = rest.split_once('.')?;
        let step = self.scope.steps.get(name)?;
        let declared: Vec<&str> = step.outputs.iter().map(String::as_str).collect();
        let at_name = at + name.len() + 1 + outputs_word(after, &declared);
        let output = self.declared_name(at_name, &declared)?;
        let end = at_name + output.len();
        self.parts.push(Part::Step, at..at + name.len());
        self.parts.push(Part::Output, at_name..end);
        let right = format!("$steps.{name}.outputs.{output}");
        Some(self.output_without_word(Root::StepOutput(step.id, output), right, end))
    }

    fn unknown_step(&mut self, at: usize) -> Scanned {
        if let Some(scanned) = self.without_outputs_word(at) {
            return scanned;
        }
        let rest = self.rest(at);
        let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).collect();
        let end = at + name.len();
        let known = self.scope.steps.get(&name).is_some();
        if known {
            let message = format!("`{}` does not say which output of step `{name}`", self.written(end));
            let behind = self.rest(end).trim_start_matches('.');
            let way: String = behind.chars().take_while(|c| !c.is_whitespace() && !"=!<>&|(){}".contains(*c)).collect();
            // `$steps.a.response.body.id`: an answer is read by an output of its step.
            let answer = ["response.", "request.", "statusCode"].iter().any(|root| way.starts_with(root));
            let help = match answer {
                true => format!(
                    "give step `{name}` an output, `outputs: {{ value: ${way} }}`, and write $steps.{name}.outputs.value"
                ),
                false => format!("write $steps.{name}.outputs.<name>"),
            };
            return self.wrong(Code::ExpressionSyntax, self.start..end, message, Some(help));
        }
        let near = nearest(&name, self.scope.steps.iter().map(|step| step.name.as_str()));
        let workflow = self.scope.document.workflows.iter().find(|workflow| workflow.name == name);
        if let Some(workflow) = workflow.filter(|_| near.is_none()) {
            let message = format!("the workflow has no step `{name}`; a workflow is called so");
            let output = workflow.outputs.first().map_or("<name>", String::as_str);
            let help = format!("write $workflows.{name}.outputs.{output}, or the step that calls it");
            return self.wrong(Code::UnknownStep, self.start..end, message, Some(help));
        }
        let help = near.map_or_else(
            || {
                let names: Vec<&str> = self.scope.steps.iter().map(|s| s.name.as_str()).collect();
                Help::words(format!("steps of this workflow: {}", names.join(", ")))
            },
            |near| Help::meant_behind("$steps.", near),
        );
        self.wrong(Code::UnknownStep, self.start..end, format!("the workflow has no step `{name}`"), Some(help))
    }
}

/// How long the word is, with its dot, that stands in the place of `outputs`: `output.`, `ouputs.`; nothing where an
/// output is called so.
fn outputs_word(text: &str, declared: &[&str]) -> usize {
    let Some((word, behind)) = text.split_once('.') else { return 0 };
    let near = || !declared.contains(&word) && nearest(word, ["outputs"]).is_some();
    let meant = ["output", "outputs"].contains(&word) || near();
    if meant && declared.iter().any(|output| behind.starts_with(output)) { word.len() + 1 } else { 0 }
}
