//! What went wrong before there was any data, for programs: one object, with faults as `lint --json` has them.

use arazzo::diagnostics::Severity;
use arazzo::json;
use arazzo::values::Json;

/// A fault without a place.
pub(crate) fn fault(code: &str, message: &str, help: Option<&str>) -> Json {
    json!({
        "code": code, "severity": Severity::Error, "message": message, "file": null, "line": null, "column": null,
        "endLine": null, "endColumn": null, "help": help, "notes": [], "fix": null, "section": null,
    })
}

/// The object of all faults, with the exit code: first what keeps from going on.
pub(crate) fn list(mut diagnostics: Vec<Json>, exit: u8) -> Json {
    diagnostics.sort_by_key(|fault| fault.get("severity").and_then(Json::as_str) != Some(Severity::Error.word()));
    json!({ "v": 1, "exit": exit, "diagnostics": diagnostics })
}
