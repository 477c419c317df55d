//! Where something is asked: a document, with the workflow and the step around the place.

use super::operations::{messages_of, of_step};
use crate::asyncapi;
use crate::document::{Document, Step, Workflow};
use crate::load::Bundle;
use crate::node::Standing;
use crate::openapi::Operation;
use crate::source::{SourceId, Span};
use crate::value::Pointer;

/// A place in a document, as far as names depend on it.
#[derive(Clone, Copy)]
pub(super) struct Here<'b> {
    pub(super) bundle: &'b Bundle,
    /// The document, an index of [`Bundle::documents`].
    pub(super) number: usize,
    pub(super) document: &'b Document,
    pub(super) workflow: Option<&'b Workflow>,
    pub(super) step: Option<&'b Step>,
}

impl<'b> Here<'b> {
    /// The place of a byte of a text, and what stands there.
    pub(super) fn at(bundle: &'b Bundle, source: SourceId, offset: u32) -> Option<(Self, Standing<'b>)> {
        let found = bundle.documents.iter().enumerate().find(|(_, loaded)| loaded.document.source == source);
        let (number, loaded) = found?;
        let document = &loaded.document;
        let standing = document.root.standing_at(offset)?;
        let tokens = standing.pointer.tokens();
        let item = |field: &str, at: usize| {
            let index: usize = tokens.get(at + 1)?.parse().ok()?;
            tokens.get(at).filter(|token| *token == field).map(|_| index)
        };
        let holds = |span: Span| span.start <= offset && offset <= span.end;
        let workflow = item("workflows", 0).and_then(|_| document.workflows.iter().find(|own| holds(own.span)));
        let step = workflow.and(item("steps", 2)).and_then(|_| {
            let node = document.root.at(&Pointer::of(tokens.get(..4)?.to_vec()))?;
            let within = |step: &&Step| node.span.start <= step.id.span().start && step.id.span().end <= node.span.end;
            workflow?.steps.iter().find(within)
        });
        Some((Self { bundle, number, document, workflow, step }, standing))
    }

    /// The operation that the step calls.
    pub(super) fn operation(self) -> Option<Operation<'b>> {
        of_step(self.bundle, self.number, self.step?)
    }

    /// The messages that the step sends or waits for.
    pub(super) fn messages(self) -> Vec<asyncapi::Message<'b>> {
        let steps = self.workflow.map(|workflow| workflow.steps.as_slice()).unwrap_or_default();
        self.step.map(|step| messages_of(self.bundle, self.number, steps, step)).unwrap_or_default()
    }

    /// The workflow of a `workflowId`, in its document.
    pub(super) fn called(self, text: &str) -> Option<Self> {
        let within = |number: usize, name: &str| {
            let document = &self.bundle.documents.get(number)?.document;
            let workflow = document.workflows.iter().find(|workflow| workflow.id.value == name)?;
            Some(Self { number, document, workflow: Some(workflow), step: None, ..self })
        };
        let Some(rest) = text.strip_prefix("$sourceDescriptions.") else { return within(self.number, text) };
        self.bundle.described.iter().filter(|described| described.document == self.number).find_map(|described| {
            let name = rest.strip_prefix(&described.name)?.strip_prefix('.')?;
            within(described.leads_to?, name)
        })
    }

    /// The workflow that the step calls.
    pub(super) fn called_by_step(self) -> Option<Self> {
        self.called(&self.step?.workflow_id.as_ref()?.value)
    }

    /// A step of the workflow.
    pub(super) fn step_named(self, name: &str) -> Option<Self> {
        let step = self.workflow?.steps.iter().find(|step| step.id.value == name)?;
        Some(Self { step: Some(step), ..self })
    }

    /// The steps before this one.
    pub(super) fn steps_before(self) -> impl Iterator<Item = &'b Step> {
        let steps = self.workflow.map(|workflow| workflow.steps.as_slice()).unwrap_or_default();
        let own = self.step.map(|step| step.id.span());
        steps.iter().take_while(move |step| Some(step.id.span()) != own)
    }
}
