//! Reports that are kept: pure functions from the account of a run to the text of a file.

use serde_json::Value as Json;

pub(crate) mod har;
pub(crate) mod html;
pub(crate) mod json;
pub(crate) mod junit;
pub(crate) mod markdown;
mod talk;

/// JSON for people and programs, with a line end.
fn pretty(json: &Json) -> String {
    serde_json::to_string_pretty(json).unwrap_or_default() + "\n"
}
