//! The names that documents define, each a symbol with its place.

use super::places::{key_span, properties, within};
use super::{Named, Occurrence, Symbol, SymbolKind, about};
use crate::document::{Document, Output, Workflow};
use crate::expr::{DeclaredDocument, DeclaredSource, DeclaredStep, DeclaredWorkflow, StepId, WorkflowId};
use crate::load::Bundle;
use crate::node::Node;
use crate::source::Span;

/// The symbols of all documents, and the numbers by which they are found.
pub(super) struct Declared<'b> {
    pub(super) bundle: &'b Bundle,
    pub(super) symbols: Vec<Symbol>,
    pub(super) occurrences: Vec<Occurrence>,
    /// By [`WorkflowId`]: those of all documents, one after another.
    pub(super) workflows: Vec<WorkflowNames>,
    /// By [`StepId`]: the workflow, and the step in it.
    pub(super) steps: Vec<(usize, usize)>,
    /// By document.
    pub(super) sources: Vec<Named>,
    /// By document: `parameters.page`.
    pub(super) components: Vec<Named>,
    /// What expressions are parsed against, by document.
    pub(super) scopes: Vec<DeclaredDocument>,
}

/// The names of one workflow.
pub(super) struct WorkflowNames {
    pub(super) document: usize,
    pub(super) symbol: usize,
    pub(super) inputs: Named,
    pub(super) outputs: Named,
    pub(super) steps: Vec<StepNames>,
}

/// The names of one step.
pub(super) struct StepNames {
    pub(super) name: String,
    pub(super) symbol: usize,
    pub(super) outputs: Named,
}

/// Collects the names of all documents.
pub(super) fn declare(bundle: &Bundle) -> Declared<'_> {
    let mut declared = Declared {
        bundle,
        symbols: vec![],
        occurrences: vec![],
        workflows: vec![],
        steps: vec![],
        sources: vec![],
        components: vec![],
        scopes: vec![],
    };
    for (number, loaded) in bundle.documents.iter().enumerate() {
        declared.document(number, &loaded.document);
    }
    declared.scopes = (0..bundle.documents.len()).map(|number| declared.scope(number)).collect();
    declared
}

impl Declared<'_> {
    /// Adds a symbol, which occurs where it is defined; the number of the one that is there already, if there is one.
    pub(super) fn define(
        &mut self,
        kind: SymbolKind,
        name: &str,
        definition: Span,
        about: impl FnOnce() -> String,
    ) -> usize {
        let known = self.symbols.iter().position(|symbol| symbol.definition == definition);
        known.unwrap_or_else(|| {
            let symbol = self.symbols.len();
            self.symbols.push(Symbol { kind, name: name.to_owned(), definition, about: about() });
            self.occurrences.push(Occurrence { span: definition, symbol });
            symbol
        })
    }

    fn document(&mut self, number: usize, document: &Document) {
        let bundle = self.bundle;
        let texts = &bundle.sources;
        let mut sources = Named::new();
        for source in &document.source_descriptions {
            let span = within(&source.name, texts);
            let symbol = self.define(SymbolKind::Source, &source.name.value, span, || about::source(source));
            sources.entry(source.name.value.clone()).or_insert(symbol);
        }
        self.sources.push(sources);
        for workflow in &document.workflows {
            self.workflow(number, document, workflow);
        }
        let mut components = Named::new();
        for (kind, entries) in document.root.get("components").map(Node::members).unwrap_or_default() {
            for (key, node) in entries.members() {
                let span = key_span(key, texts);
                let about = || about::component(&kind.name, key, node, texts);
                let symbol = self.define(SymbolKind::Component, &key.name, span, about);
                components.insert(format!("{}.{}", kind.name, key.name), symbol);
            }
        }
        self.components.push(components);
    }

    fn workflow(&mut self, number: usize, document: &Document, workflow: &Workflow) {
        let bundle = self.bundle;
        let texts = &bundle.sources;
        let span = within(&workflow.id, texts);
        let properties = workflow.inputs.as_ref().map(|schema| properties(&document.root, schema)).unwrap_or_default();
        let about = || about::workflow(workflow, &properties, texts);
        let symbol = self.define(SymbolKind::Workflow, &workflow.id.value, span, about);
        let mut inputs = Named::new();
        for (key, node) in &properties {
            let about = || about::input(key, node, workflow.inputs.as_ref());
            let input = self.define(SymbolKind::Input, &key.name, key_span(key, texts), about);
            inputs.entry(key.name.clone()).or_insert(input);
        }
        let outputs = self.outputs(SymbolKind::WorkflowOutput, &workflow.outputs, &workflow.id.value);
        let mut steps = vec![];
        for (index, step) in workflow.steps.iter().enumerate() {
            self.steps.push((self.workflows.len(), index));
            let span = within(&step.id, texts);
            let symbol = self.define(SymbolKind::Step, &step.id.value, span, || about::step(step));
            let outputs = self.outputs(SymbolKind::Output, &step.outputs, &step.id.value);
            steps.push(StepNames { name: step.id.value.clone(), symbol, outputs });
        }
        self.workflows.push(WorkflowNames { document: number, symbol, inputs, outputs, steps });
    }

    fn outputs(&mut self, kind: SymbolKind, outputs: &[Output], owner: &str) -> Named {
        let bundle = self.bundle;
        let texts = &bundle.sources;
        let mut named = Named::new();
        for output in outputs {
            let about = || about::output(output, owner, texts);
            let symbol = self.define(kind, &output.name.name, key_span(&output.name, texts), about);
            named.entry(output.name.name.clone()).or_insert(symbol);
        }
        named
    }

    /// What a document declares, as expressions see it.
    fn scope(&self, document: usize) -> DeclaredDocument {
        let Some(loaded) = self.bundle.documents.get(document) else { return DeclaredDocument::default() };
        let described = self.bundle.described.iter().filter(|described| described.document == document);
        let sources = described.map(|described| DeclaredSource {
            name: described.name.clone(),
            fields: vec![("url".to_owned(), crate::json!("")), ("type".to_owned(), crate::json!(""))],
            workflows: described.leads_to.map(|other| self.declared_workflows(other)).unwrap_or_default(),
            read: described.root.is_some(),
        });
        DeclaredDocument {
            workflows: self.declared_workflows(document),
            sources: sources.collect(),
            self_uri: Some(loaded.identity.clone()),
            components: loaded.document.root.get("components").map(Node::to_json).unwrap_or_default(),
        }
    }

    fn declared_workflows(&self, document: usize) -> Vec<DeclaredWorkflow> {
        let own = self.workflows.iter().enumerate().filter(|(_, workflow)| workflow.document == document);
        let declare = |(id, names): (usize, &WorkflowNames)| DeclaredWorkflow {
            name: self.symbols.get(names.symbol).map(|symbol| symbol.name.clone()).unwrap_or_default(),
            id: WorkflowId(id as u32),
            inputs: names.inputs.keys().cloned().collect(),
            open: true,
            outputs: names.outputs.keys().cloned().collect(),
            steps: self.declared_steps(id),
        };
        own.map(declare).collect()
    }

    /// The steps of a workflow, with the outputs that they declare.
    pub(super) fn declared_steps(&self, workflow: usize) -> Vec<DeclaredStep> {
        let first = self.steps.iter().position(|(owner, _)| *owner == workflow).unwrap_or_default();
        let steps = self.workflows.get(workflow).map(|names| names.steps.as_slice()).unwrap_or_default();
        let declare = |(index, step): (usize, &StepNames)| DeclaredStep {
            name: step.name.clone(),
            id: StepId((first + index) as u32),
            outputs: step.outputs.keys().cloned().collect(),
        };
        steps.iter().enumerate().map(declare).collect()
    }

    /// The number of the workflow that a `workflowId` names in a document, and the source description before it:
    /// `other`, `$sourceDescriptions.far.tour`.
    pub(super) fn workflow_named<'t>(&self, document: usize, text: &'t str) -> Option<(usize, Option<&'t str>)> {
        let named = |document: usize, name: &str| {
            self.workflows.iter().position(|names| {
                let is_called = self.symbols.get(names.symbol).is_some_and(|symbol| symbol.name == name);
                names.document == document && is_called
            })
        };
        let others = self.bundle.described.iter().filter(|described| described.document == document);
        let Some(rest) = text.strip_prefix("$sourceDescriptions.") else {
            // A workflow of another document may be named without it, where it is the only one.
            let other = || others.filter_map(|described| named(described.leads_to?, text)).next();
            return named(document, text).or_else(other).map(|id| (id, None));
        };
        others
            .filter_map(|described| {
                let name = rest.strip_prefix(&described.name)?.strip_prefix('.')?;
                Some((named(described.leads_to?, name)?, rest.get(..described.name.len())))
            })
            .next()
    }
}
