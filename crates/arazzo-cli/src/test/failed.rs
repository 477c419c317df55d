//! The cases that failed when they ran last: `arazzo-report/failed.json`, which `--rerun-failed` reads. It has names of
//! documents and cases, and nothing of what they hold.

use std::path::Path;

use arazzo::Error;
use arazzo::files::{self, Reach, ReadRefused};
use arazzo::json;
use arazzo::values::Json;

use crate::save::{make_folder, remove, save_in_place};

/// The file, in the folder that the command runs in.
pub(super) const FILE: &str = "arazzo-report/failed.json";

/// A case: its document and its name.
pub(super) type CaseName = (String, String);

/// The cases that failed last; none if there is no such file.
///
/// # Errors
/// [`Error::Setup`] if the file cannot be used.
pub(super) fn read() -> Result<Vec<CaseName>, Error> {
    if !Path::new(FILE).exists() {
        return Ok(vec![]);
    }
    let wrong = |reason: String| Error::Setup(format!("`{FILE}`: {reason}; remove it, and run all cases again"));
    let text = files::named_text(Path::new(FILE), files::LARGEST).map_err(wrong)?;
    let cases = Json::parse(&text).and_then(|json| {
        let name = |case: &Json, part: &str| Some(case.get(part)?.as_str()?.to_owned());
        let cases = json.get("failed")?.as_array()?.iter();
        cases.map(|case| Some((name(case, "document")?, name(case, "case")?))).collect::<Option<Vec<_>>>()
    });
    cases.ok_or_else(|| wrong("it is not a list of cases".to_owned()))
}

/// Keeps the cases that failed: those that ran now as they ended, and the others as they were. Without any there is no
/// file.
///
/// # Errors
/// If it cannot be written.
pub(super) fn keep(ran: &[CaseName], failed: Vec<CaseName>) -> std::io::Result<()> {
    let mut left = read().unwrap_or_default();
    left.retain(|case| !ran.contains(case));
    left.extend(failed);
    if left.is_empty() && !Path::new(FILE).exists() {
        return Ok(());
    }
    if let Some(folder) = Path::new(FILE).parent() {
        make_folder(folder)?;
    }
    // In a clone, links may lead anywhere.
    let place = Reach::new(".").place(Path::new(FILE)).map_err(|reason| {
        let (ReadRefused::Fault(reason) | ReadRefused::Refused(reason)) = reason;
        std::io::Error::other(reason)
    })?;
    if left.is_empty() {
        return remove(&place);
    }
    let cases: Vec<Json> = left.iter().map(|(document, case)| json!({ "document": document, "case": case })).collect();
    let text = json!({ "v": 1, "failed": cases }).to_string();
    save_in_place(&place, &text)
}
