//! `arazzo schema`.

use clap::Args;

/// Print the JSON Schema of what a command prints as JSON
#[derive(Debug, Args)]
#[command(
    before_long_help = "Examples:\n  arazzo schema\n  arazzo schema result\n  arazzo schema event > event.schema.json"
)]
pub(crate) struct SchemaFlags {
    /// The name; without one, all names, each with what it is of
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Print the names as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
