//! The diagnostics of a document, without running it.

use arazzo_engine as engine;
use arazzo_engine::diagnostic::{Diagnostic, Diagnostics};

/// The diagnostics of a document.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Checked {
    /// The diagnostics, in the order of the text.
    pub diagnostics: Diagnostics,
    /// The texts, for places and snippets; the first is the document.
    pub sources: engine::source::Sources,
    /// The workflows and steps of the document, for who asks where a diagnostic stands.
    pub parts: Vec<engine::lint::Part>,
    /// The number of diagnostics that `# arazzo-ignore` comments left out.
    pub ignored: usize,
}

impl Checked {
    pub(crate) fn new(diagnostics: Diagnostics, sources: engine::source::Sources) -> Self {
        Self { diagnostics, sources, parts: vec![], ignored: 0 }
    }

    /// Leaves out what comments of the document ignore; `whole` if everything was looked at.
    pub(crate) fn without_ignored(mut self, whole: bool) -> Self {
        let found = std::mem::take(&mut self.diagnostics);
        (self.diagnostics, self.ignored) =
            engine::lint::ignore::ignore(found, &self.sources, engine::source::SourceId(0), whole);
        self
    }

    /// The step, or else the workflow, that a diagnostic stands in.
    #[must_use]
    pub fn find_part(&self, diagnostic: &Diagnostic) -> Option<&engine::lint::Part> {
        let at = diagnostic.span?;
        // They stand in the order of the text: what holds the place begins before it, a step behind its workflow.
        let before = self.parts.partition_point(|part| part.begins_before(at));
        let holds = |part: &&engine::lint::Part| part.holds(at);
        let near = self.parts.get(..before)?.iter().next_back().filter(holds);
        near.or_else(|| self.parts.get(..before)?.iter().rev().find(holds))
    }
}
