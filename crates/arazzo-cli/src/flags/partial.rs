//! A part of a run, its requests as commands, and outputs of its steps.

use std::path::PathBuf;

use clap::Args;

/// An output of a step, and the file that it is written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SavedOutput {
    pub(crate) step: String,
    pub(crate) output: String,
    pub(crate) file: PathBuf,
}

/// Reads `STEP.OUTPUT=FILE`.
pub(super) fn saved_output(text: &str) -> Result<SavedOutput, String> {
    let parts = text.split_once('=').and_then(|(name, file)| Some((name.split_once('.')?, file)));
    let Some(((step, output), file)) = parts.filter(|((step, output), _)| !step.is_empty() && !output.is_empty())
    else {
        return Err("write STEP.OUTPUT=FILE, as in download.file=report.pdf".to_owned());
    };
    match file {
        "" | "-" => Err("it is written to a file: name one".to_owned()),
        file => Ok(SavedOutput { step: step.to_owned(), output: output.to_owned(), file: file.into() }),
    }
}

/// A part of a run.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct PartialFlags {
    /// End the run after this step of the workflow has succeeded
    #[arg(long, value_name = "STEP")]
    pub(crate) until: Option<String>,
    /// Write an output of a step to a file when the run has ended, as the bytes that it is; only the owner of the file may
    /// read it. Repeatable
    #[arg(long, value_name = "STEP.OUTPUT=FILE", conflicts_with = "dry_run", value_parser = saved_output)]
    pub(crate) save: Vec<SavedOutput>,
    /// Show each request that is sent as a curl command, with variables in the place of secrets
    #[arg(long)]
    pub(crate) curl: bool,
}
