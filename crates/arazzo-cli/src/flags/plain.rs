//! Words without a flag.

use clap::Args;

/// The workflow, and inputs, as they are typed without a flag.
#[derive(Debug, Args)]
pub(crate) struct PlainArguments {
    /// The workflow; not needed if the document has one
    #[arg(value_name = "WORKFLOW", index = 2)]
    pub(crate) workflow_argument: Option<String>,
    /// Inputs: NAME=TEXT, NAME:=JSON, NAME@FILE, as --input takes them
    #[arg(value_name = "INPUT", index = 3)]
    pub(crate) plain_inputs: Vec<String>,
}
