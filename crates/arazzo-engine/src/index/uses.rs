//! The places that name what documents define.

use super::declare::{Declared, WorkflowNames, declare};
use super::operations::{async_by_id, by_id, channel, of_step, split, split_path};
use super::places::{key_span, start, within};
use super::{Occurrence, Symbol, SymbolKind, about, fields};
use crate::document::{Action, Document, OrReusable, Parameter, Step, Text, Workflow};
use crate::expr::{
    DeclaredDocument, DeclaredInput, DeclaredSteps, Expr, Part, Piece, Root, Scope, Template, condition, parse,
};
use crate::load::Bundle;
use crate::node::{Kind, Node};
use crate::openapi::Operation;
use crate::readings::Readings;
use crate::source::Span;

/// The symbols of all documents, and the places that name them.
pub(super) fn collect(bundle: &Bundle) -> (Vec<Symbol>, Vec<Occurrence>) {
    let mut declared = declare(bundle);
    let scopes = std::mem::take(&mut declared.scopes);
    let mut uses = Uses { bundle, declared };
    let mut workflow = 0;
    for (number, (loaded, scope)) in bundle.documents.iter().zip(&scopes).enumerate() {
        let document = &loaded.document;
        let written = document.root.get("workflows").map(Node::items).unwrap_or_default();
        for own in &document.workflows {
            let node = written.iter().find(|node| node.span == own.span);
            uses.workflow(number, workflow, own, node, scope);
            workflow += 1;
        }
        uses.components(number, document, scope);
    }
    (uses.declared.symbols, uses.declared.occurrences)
}

struct Uses<'b> {
    bundle: &'b Bundle,
    declared: Declared<'b>,
}

/// Where expressions stand: what they are parsed against, and whose names they mean.
#[derive(Clone, Copy)]
struct Standpoint<'s> {
    document: usize,
    workflow: Option<usize>,
    /// The workflow that the step calls, which `$outputs` then means.
    called: Option<usize>,
    scope: &'s Scope<'s>,
}

impl Uses<'_> {
    fn add(&mut self, symbol: Option<usize>, span: Span) {
        self.declared.occurrences.extend(symbol.map(|symbol| Occurrence { span, symbol }));
    }

    fn workflow(
        &mut self,
        document: usize,
        id: usize,
        workflow: &Workflow,
        node: Option<&Node>,
        scope: &DeclaredDocument,
    ) {
        for text in &workflow.depends_on {
            self.workflow_text(document, text);
        }
        self.required_inputs(id, workflow);
        self.schema_references(document, workflow.inputs.as_ref());
        for step in &workflow.steps {
            self.step_names(document, id, step);
        }
        let actions = workflow.success_actions.iter().chain(&workflow.failure_actions);
        actions.for_each(|action| self.action(document, Some(id), action));
        self.references(document, &workflow.parameters);

        let names = self.declared.workflows.get(id);
        let inputs: Vec<DeclaredInput> = names.map(declared_inputs).unwrap_or_default();
        let own_outputs: Vec<String> = names.map(|names| names.outputs.keys().cloned().collect()).unwrap_or_default();
        let mut steps = self.declared.declared_steps(id);
        for (step, written) in steps.iter_mut().zip(&workflow.steps) {
            let called = written.workflow_id.as_ref().and_then(|text| self.outputs_of(document, &text.value));
            step.outputs.extend(called.into_iter().flatten());
        }
        let steps = DeclaredSteps::from(steps);
        let base = Scope {
            inputs: &inputs,
            open: true,
            steps: &steps,
            outputs: &own_outputs,
            document: scope,
            dependencies: &[],
            method: None,
            readings: Readings::Lenient,
        };
        let Some(node) = node else { return };
        let written = node.get("steps").map(Node::items).unwrap_or_default();
        let mut written = written.iter();
        for step in &workflow.steps {
            let holds = |node: &&Node| node.span.start <= step.id.span().start && step.id.span().end <= node.span.end;
            let Some(node) = written.find(holds) else { continue };
            let called = step.workflow_id.as_ref().and_then(|text| self.declared.workflow_named(document, &text.value));
            let called = called.map(|(id, _)| id);
            let returned = step.workflow_id.as_ref().and_then(|text| self.outputs_of(document, &text.value));
            let scope = match &returned {
                Some(outputs) => Scope { outputs, ..base.clone() },
                None => base.clone(),
            };
            self.expressions(Standpoint { document, workflow: Some(id), called, scope: &scope }, node);
        }
        for (key, value) in node.members() {
            if !["steps", "inputs", "workflowId", "summary", "description", "dependsOn"].contains(&key.name.as_str()) {
                let at = Standpoint { document, workflow: Some(id), called: None, scope: &base };
                self.expressions(at, value);
            }
        }
    }

    /// Expressions in components: which workflow uses them is not known, so only the document's own names are found.
    fn components(&mut self, document: usize, entire: &Document, scope: &DeclaredDocument) {
        let actions = entire.components.success_actions.iter().chain(&entire.components.failure_actions);
        for (_, action) in actions {
            self.action_names(document, None, action);
        }
        let steps = DeclaredSteps::default();
        let scope = Scope {
            inputs: &[],
            open: true,
            steps: &steps,
            outputs: &[],
            document: scope,
            dependencies: &[],
            method: None,
            readings: Readings::Lenient,
        };
        for (key, kind) in entire.root.get("components").map(Node::members).unwrap_or_default() {
            if key.name != "inputs" {
                self.expressions(Standpoint { document, workflow: None, called: None, scope: &scope }, kind);
            } else {
                self.schema_references(document, Some(kind));
            }
        }
    }

    fn outputs_of(&self, document: usize, workflow: &str) -> Option<Vec<String>> {
        let (id, _) = self.declared.workflow_named(document, workflow)?;
        Some(self.declared.workflows.get(id)?.outputs.keys().cloned().collect())
    }

    /// The entries of `required` name properties.
    fn required_inputs(&mut self, id: usize, workflow: &Workflow) {
        let required = workflow.inputs.as_ref().and_then(|schema| schema.get("required"));
        for node in required.map(Node::items).unwrap_or_default() {
            let Some(name) = node.as_str() else { continue };
            let span = node.part(&self.bundle.sources, 0..name.len());
            let symbol = self.declared.workflows.get(id).and_then(|names| names.inputs.get(name).copied());
            self.add(symbol, span);
        }
    }

    /// `$ref: '#/components/inputs/page'`
    fn schema_references(&mut self, document: usize, schema: Option<&Node>) {
        const BEFORE: &str = "#/components/inputs/";
        let mut left: Vec<&Node> = schema.into_iter().collect();
        while let Some(node) = left.pop() {
            left.extend(node.items());
            left.extend(node.members().iter().map(|(_, value)| value));
            let Some(reference) = node.get("$ref") else { continue };
            let Some(name) = reference.as_str().and_then(|text| text.strip_prefix(BEFORE)) else { continue };
            let name = name.split('/').next().unwrap_or_default();
            let span = reference.part(&self.bundle.sources, BEFORE.len()..BEFORE.len() + name.len());
            self.component(document, &format!("inputs.{name}"), span);
        }
    }

    fn component(&mut self, document: usize, name: &str, span: Span) {
        let symbol = self.declared.components.get(document).and_then(|named| named.get(name).copied());
        self.add(symbol, span);
    }

    fn source(&mut self, document: usize, name: &str, span: Span) {
        let symbol = self.declared.sources.get(document).and_then(|named| named.get(name).copied());
        self.add(symbol, span);
    }

    fn part(&self, text: &Text, range: std::ops::Range<usize>) -> Span {
        let start = start(text);
        text.node.part(&self.bundle.sources, start + range.start..start + range.end)
    }

    /// `workflowId: tour`, `workflowId: $sourceDescriptions.far.tour`; the number of the workflow.
    fn workflow_text(&mut self, document: usize, text: &Text) -> Option<usize> {
        const BEFORE: &str = "$sourceDescriptions.";
        let (id, source) = self.declared.workflow_named(document, &text.value)?;
        let start = match source {
            Some(source) => {
                let span = self.part(text, BEFORE.len()..BEFORE.len() + source.len());
                self.source(document, source, span);
                BEFORE.len() + source.len() + 1
            }
            None => 0,
        };
        let span = self.part(text, start..text.value.len());
        let symbol = self.declared.workflows.get(id).map(|names| names.symbol);
        self.add(symbol, span);
        Some(id)
    }

    fn step_text(&mut self, workflow: Option<usize>, text: &Text) {
        let named =
            |names: &WorkflowNames| names.steps.iter().find(|step| step.name == text.value).map(|step| step.symbol);
        let symbol = match workflow {
            Some(id) => self.declared.workflows.get(id).and_then(named),
            // An action in `components` names steps of the workflows that use it.
            None => self.declared.workflows.iter().find_map(named),
        };
        let span = within(text, &self.bundle.sources);
        self.add(symbol, span);
    }

    fn step_names(&mut self, document: usize, id: usize, step: &Step) {
        for text in &step.depends_on {
            match text.value.strip_prefix("$workflows.").and_then(|rest| rest.split_once(".steps.")) {
                Some((name, own)) => {
                    let start = "$workflows.".len();
                    let other = self.declared.workflow_named(document, name).map(|(other, _)| other);
                    let symbol = other.and_then(|other| self.declared.workflows.get(other)).map(|names| names.symbol);
                    let span = self.part(text, start..start + name.len());
                    self.add(symbol, span);
                    let names = other.and_then(|other| self.declared.workflows.get(other));
                    let symbol = names.and_then(|names| names.steps.iter().find(|step| step.name == own));
                    let symbol = symbol.map(|step| step.symbol);
                    let span = self.part(text, text.value.len() - own.len()..text.value.len());
                    self.add(symbol, span);
                }
                None => self.step_text(Some(id), text),
            }
        }
        let called = step.workflow_id.as_ref().and_then(|text| self.workflow_text(document, text));
        self.arguments(called, &step.parameters);
        self.references(document, &step.parameters);
        self.operation_names(document, step);
        for action in step.on_success.iter().chain(&step.on_failure) {
            self.action(document, Some(id), action);
        }
    }

    /// Parameters of a call of a workflow name its inputs.
    fn arguments(&mut self, called: Option<usize>, parameters: &[OrReusable<Parameter>]) {
        let Some(called) = called else { return };
        for parameter in parameters {
            let OrReusable::Object(parameter) = parameter else { continue };
            let inputs = self.declared.workflows.get(called).map(|names| &names.inputs);
            let symbol = inputs.and_then(|inputs| inputs.get(&parameter.name.value).copied());
            let span = within(&parameter.name, &self.bundle.sources);
            self.add(symbol, span);
        }
    }

    /// `reference: $components.parameters.page`
    fn references<T>(&mut self, document: usize, list: &[OrReusable<T>]) {
        for entry in list {
            let OrReusable::Reference { reference, .. } = entry else { continue };
            let Some(rest) = reference.value.strip_prefix("$components.") else { continue };
            let Some((_, name)) = rest.split_once('.') else { continue };
            let span = self.part(reference, reference.value.len() - name.len()..reference.value.len());
            self.component(document, rest, span);
        }
    }

    fn operation_names(&mut self, document: usize, step: &Step) {
        let bundle = self.bundle;
        if let Some(text) = &step.operation_id {
            let (source, id) = split(bundle, document, &text.value);
            if let Some(source) = source {
                let start = "$sourceDescriptions.".len();
                let span = self.part(text, start..start + source.len());
                self.source(document, source, span);
            }
            if let Some(operation) = by_id(bundle, document, &text.value) {
                let span = self.part(text, text.value.len() - id.len()..text.value.len());
                self.operation(&operation, span);
            } else if let Some((operation, start)) = async_by_id(bundle, document, &text.value) {
                let span = self.part(text, start..text.value.len());
                let about = || about::async_operation(&operation);
                let definition = key_span(operation.key, &bundle.sources);
                let symbol = self.declared.define(SymbolKind::Operation, operation.id(), definition, about);
                self.add(Some(symbol), span);
            }
        }
        if let Some(text) = &step.channel_path
            && let Some((source, pointer)) = split_path(&text.value)
        {
            let start = "{$sourceDescriptions.".len();
            let span = self.part(text, start..start + source.len());
            self.source(document, source, span);
            if let Some(channel) = channel(bundle, document, &text.value) {
                let span = self.part(text, text.value.len() - pointer.len()..text.value.len());
                let definition = key_span(channel.key, &bundle.sources);
                let about = || about::channel(&channel);
                let symbol = self.declared.define(SymbolKind::Channel, channel.name(), definition, about);
                self.add(Some(symbol), span);
            }
        }
        if let Some(text) = &step.operation_path
            && let Some((source, pointer)) = split_path(&text.value)
        {
            let start = "{$sourceDescriptions.".len();
            let span = self.part(text, start..start + source.len());
            self.source(document, source, span);
            if let Some(operation) = of_step(bundle, document, step) {
                let span = self.part(text, text.value.len() - pointer.len()..text.value.len());
                self.operation(&operation, span);
            }
        }
    }

    fn operation(&mut self, operation: &Operation<'_>, span: Span) {
        let id = operation.node.get("operationId").filter(|node| node.as_str().is_some());
        let definition = match id {
            Some(node) => node.part(&self.bundle.sources, 0..node.as_str().unwrap_or_default().len()),
            None => operation.key.span,
        };
        let about = || about::operation(operation);
        let symbol = self.declared.define(SymbolKind::Operation, &operation.name(), definition, about);
        self.add(Some(symbol), span);
    }

    fn action(&mut self, document: usize, workflow: Option<usize>, action: &OrReusable<Action>) {
        match action {
            OrReusable::Object(action) => self.action_names(document, workflow, action),
            OrReusable::Reference { .. } => self.references(document, std::slice::from_ref(action)),
        }
    }

    fn action_names(&mut self, document: usize, workflow: Option<usize>, action: &Action) {
        let called = action.workflow_id.as_ref().and_then(|text| self.workflow_text(document, text));
        self.arguments(called, &action.parameters);
        self.references(document, &action.parameters);
        if let Some(text) = &action.step_id {
            self.step_text(workflow, text);
        }
    }

    /// The names in all expressions of the strings below a node.
    fn expressions(&mut self, at: Standpoint<'_>, node: &Node) {
        let mut left: Vec<(&Node, Language)> = vec![(node, Language::Value)];
        while let Some((node, language)) = left.pop() {
            match &node.kind {
                Kind::Object(members) => {
                    for (key, value) in members.iter().filter(|(key, _)| !fields::is_prose(&key.name)) {
                        left.push((value, Language::of(&key.name, node)));
                    }
                }
                Kind::Array(items) => left.extend(items.iter().map(|item| (item, Language::Value))),
                Kind::String(text) if text.contains('$') => {
                    for expr in found_in(text, language, at.scope) {
                        self.expression(at, node, text, &expr);
                    }
                }
                _ => {}
            }
        }
    }

    fn expression(&mut self, at: Standpoint<'_>, node: &Node, text: &str, expr: &Expr) {
        let Some(parts) = &expr.parts else { return };
        let mut field = "";
        for (part, range) in parts.iter() {
            let name = text.get(range.clone()).unwrap_or_default();
            let symbol = self.named(at, expr, part, name, field);
            if part == Part::Field {
                field = name;
            }
            let Some(symbol) = symbol else { continue };
            let span = node.part(&self.bundle.sources, range);
            // Where the part is not found in the text, nothing stands for it alone.
            if span != node.span || self.bundle.sources.text(span) == name {
                self.add(Some(symbol), span);
            }
        }
    }

    /// The symbol that a part of an expression names; `field` is the word of the grammar before it.
    fn named(&self, at: Standpoint<'_>, expr: &Expr, part: Part, name: &str, field: &str) -> Option<usize> {
        let workflow = |id: usize| self.declared.workflows.get(id);
        let other = match &expr.root {
            Root::WorkflowInput(id, _) | Root::WorkflowOutput(id, _) => Some(id.0 as usize),
            _ => None,
        };
        match part {
            Part::Workflow => Some(workflow(other?)?.symbol),
            Part::Source => self.declared.sources.get(at.document)?.get(name).copied(),
            Part::Component => self.declared.components.get(at.document)?.get(&format!("{field}.{name}")).copied(),
            Part::Input => workflow(other.or(at.workflow)?)?.inputs.get(name).copied(),
            Part::Step | Part::Output => match &expr.root {
                Root::StepOutput(id, _) | Root::StepOutputs(id) => {
                    let (owner, index) = *self.declared.steps.get(id.0 as usize)?;
                    let step = workflow(owner)?.steps.get(index)?;
                    if part == Part::Step {
                        return Some(step.symbol);
                    }
                    let own = step.outputs.get(name).copied();
                    own.or_else(|| workflow(self.called_by(owner, index)?)?.outputs.get(name).copied())
                }
                _ => workflow(other.or(at.called).or(at.workflow)?)?.outputs.get(name).copied(),
            },
            Part::Root | Part::Field | Part::Header | Part::Query | Part::Path | Part::Pointer => None,
        }
    }

    /// The workflow that a step calls, by their numbers.
    fn called_by(&self, workflow: usize, step: usize) -> Option<usize> {
        let document = self.declared.workflows.get(workflow)?.document;
        let before = self.declared.workflows.iter().take(workflow).filter(|names| names.document == document).count();
        let workflow = self.bundle.documents.get(document)?.document.workflows.get(before)?;
        let text = workflow.steps.get(step)?.workflow_id.as_ref()?;
        self.declared.workflow_named(document, &text.value).map(|(id, _)| id)
    }
}

/// How expressions stand in a string.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Language {
    Value,
    Condition,
    Context,
    /// Another language: expressions stand in braces.
    Query,
}

impl Language {
    /// That of the field `name` of an object.
    fn of(name: &str, object: &Node) -> Self {
        match name {
            "context" if object.get("condition").is_some() || object.get("selector").is_some() => Self::Context,
            "condition" => match object.get("type") {
                Some(kind) if kind.as_str() != Some("simple") => Self::Query,
                _ => Self::Condition,
            },
            "selector" if object.get("context").is_some() => Self::Query,
            _ => Self::Value,
        }
    }
}

/// The expressions of a string; those that cannot be read are left out, which was said elsewhere.
fn found_in(text: &str, language: Language, scope: &Scope<'_>) -> Vec<Expr> {
    let mut findings = vec![];
    let values = |pieces: Vec<Piece>| {
        let value = |piece| if let Piece::Value(expr, _) = piece { Some(expr) } else { None };
        pieces.into_iter().filter_map(value).collect()
    };
    match language {
        Language::Condition => condition::parse(text, scope, &mut findings)
            .map(|condition| condition.expressions().into_iter().cloned().collect())
            .unwrap_or_default(),
        Language::Context => parse::context(text, scope, &mut findings).into_iter().collect(),
        Language::Query => parse::spliced(text, scope, &mut findings).map(values).unwrap_or_default(),
        Language::Value => match parse::template(text, scope, &mut findings) {
            Some(Template::Whole(expr)) => vec![expr],
            Some(Template::Text(pieces)) => values(pieces),
            _ => vec![],
        },
    }
}

fn declared_inputs(names: &WorkflowNames) -> Vec<DeclaredInput> {
    names.inputs.keys().map(|name| DeclaredInput { name: name.clone(), scalar: false }).collect()
}
