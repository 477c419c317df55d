//! Values of an event, masked: what holds no secret stays shared with the run, and what several share is masked once.

use std::collections::HashMap;

use crate::redact::Redactor;
use crate::value::Json;

/// Masks the values of one event.
pub(super) struct Masking<'r> {
    redactor: &'r Redactor,
    /// Lists and objects with what they are masked, if they hold a secret, by where they are; as long as they are held,
    /// nothing else is there.
    known: HashMap<*const (), (Json, Option<Json>)>,
}

impl<'r> Masking<'r> {
    pub(super) fn new(redactor: &'r Redactor) -> Self {
        Self { redactor, known: HashMap::new() }
    }

    /// A value as [`Redactor::mask_json`] has it.
    pub(super) fn json(&mut self, json: &Json) -> Json {
        // Nothing was learned: nothing can be in it.
        if self.redactor.names().is_empty() {
            return json.clone();
        }
        self.masked(json).unwrap_or_else(|| json.clone())
    }

    fn masked(&mut self, json: &Json) -> Option<Json> {
        let redactor = self.redactor;
        let place: *const () = match json {
            Json::Array(items) => std::ptr::from_ref(&**items).cast(),
            Json::Object(members) => std::ptr::from_ref(&**members).cast(),
            leaf => return redactor.masked_json(leaf),
        };
        if let Some((_, known)) = self.known.get(&place) {
            return known.clone();
        }
        let masked = redactor.masked_by(json, &mut |inner| self.masked(inner));
        self.known.insert(place, (json.clone(), masked.clone()));
        masked
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn values_are_masked_as_one_by_one_and_what_holds_no_secret_stays_shared() {
        let mut redactor = Redactor::default();
        redactor.learn("token", &Json::from("a-long-secret"));
        let text = r#"{"a": [1, "a-long-secret", {"b": "x"}], "c": {"d": ["x"]}, "a-long-secret": true}"#;
        let json = Json::parse(text).unwrap_or_default();
        let mut masking = Masking::new(&redactor);
        let masked = masking.json(&json);
        assert_eq!(masked, redactor.mask_json(&json));
        let place = |json: &Json| json.as_object().map(std::ptr::from_ref);
        assert_eq!(place(&masked["c"]), place(&json["c"]));
        assert_eq!(place(&masking.json(&json)), place(&masked));
    }
}
