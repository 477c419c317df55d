//! Documents in one style: `fmt`.

use std::path::PathBuf;

use clap::Args;

/// Write documents in one style: fields in the order of the specification, indentation, quotes
///
/// Comments stay, and so does what a document means: what cannot be written surely is left as it is, with the reason.
/// Exit 0: all are in the style, 3: one is not (--check, --diff), or was left, 8: no documents in the folders.
#[derive(Debug, Args)]
#[command(
    before_long_help = "Examples:\n  arazzo fmt flow.yaml\n  arazzo fmt --check flows/\n  arazzo fmt --diff flows/\n  cat flow.yaml | arazzo fmt -"
)]
pub(crate) struct FmtFlags {
    /// Arazzo documents, folders of them, or - for standard input, which is printed
    #[arg(value_name = "DOC|DIR", required = true)]
    pub(crate) documents: Vec<PathBuf>,
    /// Write nothing; exit 3 if a document is not in the style
    #[arg(long)]
    pub(crate) check: bool,
    /// Write nothing, print what would change; exit 3 if a document is not in the style
    #[arg(long)]
    pub(crate) diff: bool,
    /// The path of the document on standard input: what it is called
    #[arg(long, value_name = "PATH")]
    pub(crate) stdin_filename: Option<PathBuf>,
    /// Print one JSON object: what became of each document
    #[arg(long)]
    pub(crate) json: bool,
}

impl FmtFlags {
    /// `true` if nothing is written.
    pub(crate) fn only_looks(&self) -> bool {
        self.check || self.diff
    }
}
