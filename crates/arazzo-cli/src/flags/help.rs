//! Commands around the command: completions, pages of help.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Print the script that completes commands behind Tab, with the workflows, inputs and sources of a document
#[derive(Debug, Args)]
#[command(
    before_long_help = "Examples:\n  source <(arazzo completions bash)\n  source <(arazzo completions zsh)\n  arazzo completions fish | source"
)]
pub(crate) struct CompletionsFlags {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub(crate) shell: Shell,
}

/// A shell that can ask for completions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
    Powershell,
    Elvish,
}

impl Shell {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
            Self::Powershell => "powershell",
            Self::Elvish => "elvish",
        }
    }
}

/// Print a man page
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:\n  arazzo man run | man -l -\n  arazzo man --dir ~/.local/share/man/man1")]
pub(crate) struct ManFlags {
    /// The command; without one, the page of arazzo
    #[arg(value_name = "COMMAND")]
    pub(crate) command: Option<String>,
    /// Write all pages into this folder
    #[arg(long, value_name = "FOLDER", conflicts_with = "command")]
    pub(crate) dir: Option<PathBuf>,
}

/// Print the help of a command, or one of the pages flags, exit-codes, environment, inputs, output
#[derive(Debug, Args)]
#[command(
    before_long_help = "Examples:\n  arazzo help run\n  arazzo help flags\n  arazzo help exit-codes\n  arazzo help environment"
)]
pub(crate) struct HelpFlags {
    /// A command or a page
    #[arg(value_name = "COMMAND-OR-PAGE")]
    pub(crate) about: Vec<String>,
    /// Print commands with their flags as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
