//! The names that documents declare: workflows with inputs and outputs, source descriptions with fields.

use std::sync::Arc;

use super::Compiler;
use crate::document;
use crate::expr::{DeclaredDocument, DeclaredSource, DeclaredStep, DeclaredWorkflow, StepId};
use crate::node::Node;
use crate::program::{Inputs, WorkflowId};

impl Compiler<'_> {
    /// Collects the names of all documents; `inputs` are those of all workflows, in order.
    pub(super) fn declare(&mut self, inputs: &[Inputs]) {
        let mut workflows: Vec<Vec<DeclaredWorkflow>> = vec![];
        let mut next = 0;
        for loaded in &self.bundle.documents {
            let mut own = vec![];
            for workflow in &loaded.document.workflows {
                let inputs = inputs.get(next);
                own.push(DeclaredWorkflow {
                    name: workflow.id.value.clone(),
                    id: WorkflowId(next as u32),
                    inputs: inputs
                        .map(|inputs| inputs.declared.iter().map(|input| input.name.clone()).collect())
                        .unwrap_or_default(),
                    open: inputs.is_some_and(|inputs| inputs.open),
                    steps: self.declared_steps(workflow, next),
                    outputs: workflow.outputs.iter().map(|output| output.name.name.clone()).collect(),
                });
                next += 1;
            }
            workflows.push(own);
        }
        for (index, loaded) in self.bundle.documents.iter().enumerate() {
            let document = &loaded.document;
            let written = document.root.get("sourceDescriptions").map(Node::items).unwrap_or_default();
            let sources = self.bundle.described.iter().filter(|described| described.document == index);
            let sources = sources.map(|described| {
                let node = written
                    .iter()
                    .find(|node| node.get("name").and_then(Node::as_str) == Some(described.name.as_str()));
                let fields = node.map(Node::members).unwrap_or_default();
                DeclaredSource {
                    read: described.root.is_some(),
                    name: described.name.clone(),
                    fields: fields.iter().map(|(key, value)| (key.name.clone(), value.to_json())).collect(),
                    workflows: described
                        .leads_to
                        .and_then(|document| workflows.get(document))
                        .cloned()
                        .unwrap_or_default(),
                }
            });
            self.declared.push(Arc::new(DeclaredDocument {
                workflows: workflows.get(index).cloned().unwrap_or_default(),
                sources: sources.collect(),
                self_uri: document.self_uri.as_ref().map(|_| loaded.identity.clone()),
                components: document.root.get("components").map(Node::to_json).unwrap_or_default(),
            }));
        }
    }

    /// The steps of the workflow with this number, as other workflows see them.
    fn declared_steps(&self, workflow: &document::Workflow, number: usize) -> Vec<DeclaredStep> {
        let first = self.first_steps.get(number).copied().unwrap_or_default();
        let declare = |(index, step): (usize, &document::Step)| DeclaredStep {
            name: step.id.value.clone(),
            id: StepId(first + index as u32),
            outputs: step.outputs.iter().map(|output| output.name.name.clone()).collect(),
        };
        workflow.steps.iter().enumerate().map(declare).collect()
    }
}
