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

/// The object of all faults, with the exit code.
pub(crate) fn list(diagnostics: Vec<Json>, exit: u8) -> Json {
    json!({ "v": 1, "exit": exit, "diagnostics": diagnostics })
}
