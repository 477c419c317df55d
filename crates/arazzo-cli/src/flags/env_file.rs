//! Variables from a file.

use std::path::PathBuf;

use clap::Args;

/// A file of variables.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Input")]
pub(crate) struct EnvFileFlag {
    /// Read variables from a file of lines NAME=VALUE: inputs, secrets and those of flags. What the environment has wins;
    /// no file is read that is not named. Repeatable, later ones win
    #[arg(long = "env-file", value_name = "FILE")]
    pub(crate) _env_files: Vec<PathBuf>,
}
