//! The outputs of single steps, beside those of the workflow.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arazzo_engine::machine::Outputs;

use crate::session::Session;

/// The outputs of steps that were asked for ([`crate::Workflow::keep_step_outputs`]), as they are when a run ends. Not masked.
/// Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct StepOutputs(Arc<Asked>);

#[derive(Debug, Default)]
struct Asked {
    steps: Vec<String>,
    outputs: Mutex<BTreeMap<String, Outputs>>,
}

impl StepOutputs {
    /// Asks for the outputs of these steps (`stepId`s of the workflow that is run).
    #[must_use]
    pub fn of(steps: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self(Arc::new(Asked { steps: steps.into_iter().map(Into::into).collect(), outputs: Mutex::default() }))
    }

    /// The outputs that a step had when the last run ended, by name: of its last visit. None if it did not succeed.
    #[must_use]
    pub fn get(&self, step: &str) -> Outputs {
        self.0.outputs.lock().unwrap_or_else(PoisonError::into_inner).get(step).cloned().unwrap_or_default()
    }

    /// Takes them out of a run that has ended.
    pub(crate) fn fill(&self, session: &Session) {
        let Asked { steps, outputs: kept } = &*self.0;
        let outputs = steps.iter().map(|step| (step.clone(), session.step_outputs(step))).collect();
        *kept.lock().unwrap_or_else(PoisonError::into_inner) = outputs;
    }
}
