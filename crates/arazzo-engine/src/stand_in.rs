//! Stand-ins: what a transcript holds in the place of secrets, so that it can be replayed without them.
//!
//! Each secret has one stand-in, everywhere and in every form in which the secret travels, so that a request which
//! carries what an answer gave is still the same request. A stand-in is as long as its secret and is written in
//! letters, digits and `-` where the secret is: it fits where the secret fitted, and has its length in every form.

use std::collections::HashMap;

use serde_json::Value as Json;

use crate::redact::{Forms, Redactor, SHORTEST, SHORTEST_ENCODED, base64_at, escaped_forms, hex, percent_all};
use crate::value::json_text;

/// The stand-ins of one run.
#[derive(Default)]
pub struct StandIns {
    /// Secret → stand-in.
    known: HashMap<String, String>,
    forms: Forms,
    /// What the forms become, by their numbers.
    replacements: Vec<String>,
}

impl std::fmt::Debug for StandIns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StandIns").field("count", &self.known.len()).finish()
    }
}

impl StandIns {
    /// A stand-in for every secret that a run knew at its end.
    pub(crate) fn of(redactor: &Redactor) -> Self {
        let mut made = Self::default();
        redactor.values().for_each(|(name, value)| drop(made.of_text(name, value)));
        made
    }

    /// The stand-in of a secret, of its kind: a text, a number, or what has them. Everything else that is passed to this
    /// one is searched for it from now on.
    pub fn of_value(&mut self, name: &str, secret: &Json) -> Json {
        match secret {
            Json::String(text) => Json::String(self.of_text(name, text)),
            Json::Number(_) => {
                let stand_in = self.of_text(name, &json_text(secret));
                serde_json::from_str(&stand_in).unwrap_or(Json::String(stand_in))
            }
            Json::Array(items) => items.iter().map(|item| self.of_value(name, item)).collect(),
            Json::Object(members) => {
                Json::Object(members.iter().map(|(key, value)| (key.clone(), self.of_value(name, value))).collect())
            }
            Json::Null | Json::Bool(_) => secret.clone(),
        }
    }

    /// The stand-in of a secret text.
    pub fn of_text(&mut self, name: &str, secret: &str) -> String {
        if let Some(stand_in) = self.known.get(secret) {
            return stand_in.clone();
        }
        let stand_in = made(name, secret, self.known.len() + 1);
        self.known.insert(secret.to_owned(), stand_in.clone());
        // As in events: shorter values would be found in every text.
        if secret.chars().count() >= SHORTEST {
            self.replace(secret.to_owned(), &stand_in);
            let escaped = escaped_forms(secret).into_iter().zip(escaped_forms(&stand_in));
            escaped.for_each(|(form, by)| self.replace(form, &by));
            if secret.len() >= SHORTEST_ENCODED {
                self.replace(percent_all(secret), &percent_all(&stand_in));
                self.replace(hex(secret), &hex(&stand_in));
                self.replace(hex(secret).to_uppercase(), &hex(&stand_in).to_uppercase());
                for offset in 0..3 {
                    let (form, other) = (base64_at(secret.as_bytes(), offset), base64_at(stand_in.as_bytes(), offset));
                    let in_urls = |text: &str| text.replace('+', "-").replace('/', "_");
                    self.replace(in_urls(&form), &in_urls(&other));
                    self.replace(form, &other);
                }
            }
        }
        stand_in
    }

    fn replace(&mut self, form: String, by: &str) {
        self.replacements.push(by.to_owned());
        self.forms.add(form, self.replacements.len() - 1);
    }

    /// Bytes with every form of every secret replaced.
    #[must_use]
    pub fn in_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let mut replaced = vec![];
        let mut at = 0;
        while let Some((next, length, number)) = self.forms.next(bytes, at, bytes.len()) {
            replaced.extend_from_slice(bytes.get(at..next).unwrap_or_default());
            replaced.extend_from_slice(self.replacements.get(number).map(String::as_bytes).unwrap_or_default());
            at = next + length;
        }
        replaced.extend_from_slice(bytes.get(at..).unwrap_or_default());
        replaced
    }

    /// A text with every form of every secret replaced.
    #[must_use]
    pub fn in_text(&self, text: &str) -> String {
        String::from_utf8(self.in_bytes(text.as_bytes()))
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    /// A JSON value with every form of every secret replaced, in names of members too.
    #[must_use]
    pub fn in_json(&self, json: &Json) -> Json {
        match json {
            Json::String(text) => Json::String(self.in_text(text)),
            Json::Number(_) => match self.known.get(&json_text(json)).filter(|known| known.len() >= SHORTEST) {
                Some(stand_in) => serde_json::from_str(stand_in).unwrap_or_else(|_| Json::String(stand_in.clone())),
                None => json.clone(),
            },
            Json::Array(items) => items.iter().map(|item| self.in_json(item)).collect(),
            Json::Object(members) => {
                Json::Object(members.iter().map(|(name, value)| (self.in_text(name), self.in_json(value))).collect())
            }
            Json::Null | Json::Bool(_) => json.clone(),
        }
    }
}

/// `masked-apiToken-1-xxxxx`, as long as the secret; digits for digits, so that a number stays one.
fn made(name: &str, secret: &str, number: usize) -> String {
    let length = secret.len();
    let number = number.to_string();
    if secret.bytes().all(|b| b.is_ascii_digit() || b".-+eE".contains(&b)) && secret.bytes().any(|b| b.is_ascii_digit())
    {
        let tail = length.saturating_sub(number.len() + 1);
        return format!("9{}{number}", "0".repeat(tail)).get(..length).unwrap_or("9").to_owned();
    }
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let mut text = format!("masked-{name}-{number}-");
    if text.len() > length {
        // It does not tell its name, but is still one of its own.
        text = format!("{}{number}", "x".repeat(length.saturating_sub(number.len())));
    }
    let missing = length.saturating_sub(text.len());
    text.push_str(&"x".repeat(missing));
    // What is escaped in urls, JSON or HTML stays, so that no form of it has another length.
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    let like: String = secret
        .char_indices()
        .map(|(at, c)| if plain(c) { text.as_bytes().get(at).map_or(c, |b| char::from(*b)) } else { c })
        .collect();
    if like == secret { text } else { like }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_one_stand_in_of_its_length_in_every_form() {
        let mut stand_ins = StandIns::default();
        let secret = "s3cret/with+signs=and more";
        let stand_in = stand_ins.of_text("api token", secret);
        assert_eq!(stand_in.len(), secret.len());
        assert_eq!(stand_in, "masked/api-+oken-=-xx xxxx");
        assert_eq!(stand_ins.in_text(&format!("a {secret} b")), format!("a {stand_in} b"));
        let percent = stand_ins.in_text("k=s3cret%2Fwith%2Bsigns%3Dand%20more");
        assert_eq!(percent, format!("k={}", crate::openapi::encode::percent(&stand_in)));
        let basic = |text: &str| base64_at(format!("ada:{text}").as_bytes(), 0);
        let masked = stand_ins.in_text(&basic(secret));
        assert!(!masked.contains(&base64_at(secret.as_bytes(), 1)));
        assert_eq!(masked.len(), basic(&stand_in).len());
        assert_ne!(stand_ins.of_text("api token", "another-secret-of-it"), stand_in);
    }

    #[test]
    fn numbers_stay_numbers_and_short_values_are_replaced_in_their_slots_only() {
        let mut stand_ins = StandIns::default();
        let number = stand_ins.of_value("pin", &serde_json::json!(48_151_623));
        assert_eq!(number, serde_json::json!(90_000_001));
        assert_eq!(stand_ins.in_text("{\"pin\":48151623}"), "{\"pin\":90000001}");
        assert_eq!(stand_ins.of_value("cvc", &serde_json::json!("abc")), serde_json::json!("xx2"));
        assert_eq!(stand_ins.in_text("abc"), "abc");
    }
}
