//! What is encrypted on its way into the engine and out of it, beside the journal of a run.

use arazzo_engine::value::{Json, Map};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::Error;
use crate::journal::key::JournalKey;

/// The outputs of a run, encrypted, in base64.
pub(crate) fn seal_outputs(key: &JournalKey, run: &str, outputs: &Map<String, Json>) -> Result<String, Error> {
    let text = Json::Object(outputs.clone().into()).to_string();
    Ok(STANDARD.encode(key.encrypt(&format!("restate/{run}/outputs"), text.as_bytes())?))
}

/// The outputs of a run as they are, from its result, which has them masked; nothing if the key is another one.
#[must_use]
pub fn open_outputs(key: &JournalKey, run: &str, sealed: &str) -> Option<Map<String, Json>> {
    let bytes = key.decrypt(&format!("restate/{run}/outputs"), &STANDARD.decode(sealed).ok()?)?;
    match Json::read(std::str::from_utf8(&bytes).ok()?).ok()? {
        Json::Object(members) => Some(members.into_inner()),
        _ => None,
    }
}

/// An answer to a request in doubt, encrypted, in base64: what `decide` takes as `sealed`.
///
/// # Errors
/// [`Error::Setup`] if the system has no chance to give.
pub fn seal_answer(key: &JournalKey, run: &str, answer: &str) -> Result<String, Error> {
    Ok(STANDARD.encode(key.encrypt(&format!("restate/{run}/answer"), answer.as_bytes())?))
}

pub(crate) fn open_answer(key: &JournalKey, run: &str, sealed: &[u8]) -> Option<String> {
    String::from_utf8(key.decrypt(&format!("restate/{run}/answer"), sealed)?).ok()
}
