//! Reasons why something could not be run. A run that fails is not an error: it is an outcome.

use arazzo_engine::diagnostic::Diagnostics;
use arazzo_engine::inputs::InputFault;
use arazzo_engine::source::Sources;

/// Could not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The documents are wrong: what was found, with the texts for its places.
    #[error("{}", rendered(diagnostics, sources))]
    Documents {
        /// Errors and warnings.
        diagnostics: Diagnostics,
        /// The texts.
        sources: Sources,
    },
    /// The inputs do not fit; all faults at once.
    #[error("{}", .0.iter().map(|fault| fault.message.clone()).collect::<Vec<_>>().join("\n"))]
    Inputs(Vec<InputFault>),
    /// There is no such workflow, or none was named where there are several.
    #[error("{}", no_such_workflow(wanted.as_deref(), known))]
    NoSuchWorkflow {
        /// The name that was asked for.
        wanted: Option<String>,
        /// The workflows of the document.
        known: Vec<String>,
        /// The one that was probably meant.
        nearest: Option<String>,
    },
    /// Something that the run needs from its surroundings is missing.
    #[error("{0}")]
    Setup(String),
    /// The journal of a run could not be written: the run has ended there, and goes on from what was written.
    #[error("{0}")]
    Journal(String),
    /// It is not known whether requests of a run have arrived that may not be sent twice; nothing was sent.
    #[error("it is not known whether {} arrived", .0.join(", "))]
    InDoubt(Vec<String>),
}

fn rendered(diagnostics: &Diagnostics, sources: &Sources) -> String {
    diagnostics.iter().map(|diagnostic| diagnostic.render(sources, false, 120)).collect::<Vec<_>>().join("\n\n")
}

fn no_such_workflow(wanted: Option<&str>, known: &[String]) -> String {
    match wanted {
        Some(wanted) => format!("the document has no workflow `{wanted}`"),
        None if known.is_empty() => "the document has no workflow".to_owned(),
        None => "the document has several workflows; name one".to_owned(),
    }
}
