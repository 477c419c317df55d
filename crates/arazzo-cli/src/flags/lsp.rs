//! The language server: `lsp`.

use clap::Args;

/// Serve editors: what is wrong as it is written, completion, definitions, renames, over stdin and stdout
///
/// A language server (LSP 3.17) for Arazzo documents; editors start it. docs/editors.md has the settings of each.
/// It makes no request, reads files of the opened folders only, and runs nothing.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:\n  arazzo lsp")]
pub(crate) struct LspFlags {}
