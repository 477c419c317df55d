//! `Prefer` (RFC 7240), by which clients of mocks choose an answer: `code=404`, `example=third`.

use super::Request;

/// The answer that a client asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Preference {
    pub(super) code: Option<String>,
    pub(super) example: Option<String>,
}

impl Preference {
    pub(super) fn of(request: &Request<'_>) -> Self {
        let mut found = Self::default();
        let headers = request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("prefer"));
        for part in headers.flat_map(|(_, value)| value.split([',', ';'])) {
            let Some((name, value)) = part.split_once('=') else { continue };
            let value = value.trim().trim_matches('"').to_owned();
            // Of several the first counts.
            match name.trim().to_ascii_lowercase().as_str() {
                "code" => drop(found.code.get_or_insert(value)),
                "example" => drop(found.example.get_or_insert(value)),
                _ => {}
            }
        }
        found
    }

    /// The status that is asked for.
    ///
    /// # Errors
    /// That it is none.
    pub(super) fn status(&self) -> Result<Option<u16>, String> {
        let Some(code) = &self.code else { return Ok(None) };
        match code.parse::<u16>() {
            Ok(status @ 200..=599) => Ok(Some(status)),
            _ => Err(format!("`Prefer: code={code}` is not the status of an answer")),
        }
    }

    /// `true` if nothing is asked for.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// `Preference-Applied`
    pub(super) fn applied(&self) -> String {
        let code = self.code.iter().map(|code| format!("code={code}"));
        let example = self.example.iter().map(|name| format!("example=\"{name}\""));
        code.chain(example).collect::<Vec<_>>().join(", ")
    }
}
