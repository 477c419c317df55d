//! What went wrong before there was any data, for programs: one object, with faults as `lint --json` has them; and the pages
//! of the faults that only the command has.

use arazzo::diagnostics::Severity;
use arazzo::json;
use arazzo::values::Json;

/// The codes of faults that only the command has, each with its page.
pub(crate) const PAGES: [(&str, &str); 8] = [
    ("drift", include_str!("../pages/drift.md")),
    ("in-doubt", include_str!("../pages/in-doubt.md")),
    ("journal", include_str!("../pages/journal.md")),
    ("no-such-workflow", include_str!("../pages/no-such-workflow.md")),
    ("nothing-ran", include_str!("../pages/nothing-ran.md")),
    ("output", include_str!("../pages/output.md")),
    ("setup", include_str!("../pages/setup.md")),
    ("usage", include_str!("../pages/usage.md")),
];

/// `true` for a fault in writing what was asked for.
pub(crate) fn is_unwritten(fault: &Json) -> bool {
    fault.get("code").and_then(Json::as_str) == Some("output")
}

/// A fault without a place.
pub(crate) fn fault(code: &str, message: &str, help: Option<&str>) -> Json {
    json!({
        "code": code, "severity": Severity::Error, "message": message, "file": null, "line": null, "column": null,
        "endLine": null, "endColumn": null, "help": help, "suggestion": null, "remarks": [], "notes": [], "fix": null,
        "section": null,
    })
}

/// The object of all faults, with the exit code: first what keeps from going on.
pub(crate) fn list(mut diagnostics: Vec<Json>, exit: u8) -> Json {
    diagnostics.sort_by_key(|fault| fault.get("severity").and_then(Json::as_str) != Some(Severity::Error.word()));
    json!({ "v": 1, "exit": exit, "diagnostics": diagnostics })
}
