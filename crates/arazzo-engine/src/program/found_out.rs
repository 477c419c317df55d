//! What follows from a program, found out once, when it is asked for.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::{OperationId, Program, WorkflowId};
use crate::fingerprint::fingerprint;

/// What follows from a program, found out once.
#[derive(Debug, Default)]
pub(crate) struct FoundOut {
    fingerprint: OnceLock<u64>,
    /// As [`Program::reads_sent_headers`].
    pub(super) sent_headers: OnceLock<bool>,
    /// The workflows of the entry document by name.
    names: OnceLock<HashMap<String, WorkflowId>>,
    /// An operation for each server that is described.
    pub(super) described_servers: OnceLock<Vec<OperationId>>,
}

impl Program {
    /// A number that another program hardly has: of the texts it was compiled from, and of how they were read.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        *self.found_out.fingerprint.get_or_init(|| {
            let texts = self.sources.iter().map(|(_, source)| source.text.as_bytes());
            fingerprint(std::iter::once([self.readings as u8].as_slice()).chain(texts))
        })
    }

    /// The workflow of the entry document with this `workflowId`.
    #[must_use]
    pub fn workflow_named(&self, name: &str) -> Option<WorkflowId> {
        let names = self.found_out.names.get_or_init(|| {
            let mut names = HashMap::new();
            for (id, workflow) in self.own_workflows() {
                names.entry(workflow.name.clone()).or_insert(id);
            }
            names
        });
        names.get(name).copied()
    }
}
