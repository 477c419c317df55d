//! Inputs of a workflow.

use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;

/// Values of inputs.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Input")]
pub(crate) struct InputFlags {
    /// An input: NAME=TEXT, NAME:=JSON, NAME@FILE, NAME:=@FILE, or '{…}' for several
    ///
    /// A text is converted to the type of its schema. Also from ARAZZO_INPUT_<NAME>.
    #[arg(short, long = "input", value_name = "INPUT")]
    pub(crate) inputs: Vec<String>,
    /// A file with inputs, JSON or YAML (- is stdin); later files win, --input wins over files
    #[arg(long = "inputs", value_name = "FILE")]
    pub(crate) input_files: Vec<PathBuf>,
    /// A secret input: NAME (value: ARAZZO_SECRET_<NAME>), NAME@FILE, NAME=- (stdin)
    ///
    /// A value that is not in the environment is asked for on a terminal.
    #[arg(short, long = "secret", value_name = "NAME")]
    pub(crate) secrets: Vec<String>,
}

/// Questions to the user.
#[derive(Debug, Args)]
#[command(next_help_heading = "Input")]
pub(crate) struct PromptFlag {
    /// Ask for nothing, also on a terminal; nothing is ever asked for where CI is set
    #[arg(long, env = "ARAZZO_NO_INPUT", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub(crate) no_input: bool,
}
