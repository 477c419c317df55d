//! JSON text → tree, numbers with their digits.

use hifijson::token::{Expect, Lex as _};
use hifijson::{Error, SliceLexer, num, num::LexWrite as _, str::LexAlloc as _};
use indexmap::map::Entry;
use serde::Serialize;

use super::json::{Json, Map};
use super::number::Number;

/// Levels to which values may nest.
const DEPTH: usize = 128;

impl Json {
    /// The value of a JSON text, numbers with their digits; `None` if it is none, or nests deeper than 128 levels.
    #[must_use]
    pub fn parse(text: impl AsRef<[u8]>) -> Option<Self> {
        read(text.as_ref(), &mut None)
    }

    /// The first name that an object of a JSON text has twice: of its members, only the last is in the value.
    #[must_use]
    pub fn doubled_member(text: impl AsRef<[u8]>) -> Option<String> {
        let mut doubled = None;
        read(text.as_ref(), &mut doubled);
        doubled
    }

    /// The value that something is written as; null if it cannot be.
    #[must_use]
    pub fn of(value: &(impl Serialize + ?Sized)) -> Self {
        serde_json::to_vec(value).ok().and_then(Self::parse).unwrap_or_default()
    }

    /// As [`Json::parse`], with what is wrong.
    ///
    /// # Errors
    /// The reason and the place for which it is no JSON text.
    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        Self::parse(text).map_or_else(|| serde_json::from_str(text), Ok)
    }
}

fn read(text: &[u8], doubled: &mut Option<String>) -> Option<Json> {
    let mut lexer = SliceLexer::new(text);
    lexer.exactly_one(SliceLexer::ws_peek, |next, lexer| value(next, lexer, DEPTH, doubled)).ok()
}

/// A value; `doubled` takes the first name that an object has twice.
fn value(next: u8, lexer: &mut SliceLexer<'_>, depth: usize, doubled: &mut Option<String>) -> Result<Json, Error> {
    Ok(match next {
        b'a'..=b'z' => lexer.null_or_bool().ok_or(Expect::Value)?.map_or(Json::Null, Json::Bool),
        b'0'..=b'9' | b'-' => {
            let (text, _) = lexer.num_string().validated()?;
            Json::Number(Number::parse(text).ok_or(num::Error::ExpectedDigit)?)
        }
        b'"' => Json::String(lexer.discarded().str_string()?.into_owned()),
        b'[' => {
            let depth = depth.checked_sub(1).ok_or(Error::Depth)?;
            let mut items = vec![];
            lexer.discarded().seq(b']', SliceLexer::ws_peek, |next, lexer| {
                items.push(value(next, lexer, depth, doubled)?);
                Ok::<_, Error>(())
            })?;
            items.into()
        }
        b'{' => {
            let depth = depth.checked_sub(1).ok_or(Error::Depth)?;
            let mut members = Map::new();
            lexer.discarded().seq(b'}', SliceLexer::ws_peek, |next, lexer| {
                lexer.expect(|_| Some(next), b'"').ok_or(Expect::String)?;
                let name = lexer.str_string().map_err(Error::Str)?.into_owned();
                lexer.expect(SliceLexer::ws_peek, b':').ok_or(Expect::Colon)?;
                let value = value(lexer.ws_peek().ok_or(Expect::Value)?, lexer, depth, doubled)?;
                match members.entry(name) {
                    Entry::Vacant(place) => {
                        place.insert(value);
                    }
                    Entry::Occupied(mut place) => {
                        doubled.get_or_insert_with(|| place.key().clone());
                        place.insert(value);
                    }
                }
                Ok::<_, Error>(())
            })?;
            members.into()
        }
        _ => return Err(Expect::Value.into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_json_is_not_read() {
        for text in [
            "",
            "01",
            "1.",
            "1.e5",
            "-",
            "+1",
            ".5",
            "1e",
            "1e+",
            "[1,]",
            "{\"a\"}",
            "1 2",
            "nul",
            "\"\\ud800\"",
            "NaN",
        ] {
            assert_eq!(Json::parse(text), None, "{text}");
        }
        let doubled = ["{\"a\":1,\"b\":2}", "[{\"a\":{\"b\":1,\"b\":2}}]"].map(Json::doubled_member);
        assert_eq!(doubled, [None, Some("b".to_owned())]);
        assert_eq!(Json::parse(format!("{}1{}", "[".repeat(129), "]".repeat(129))), None);
        for text in ["-0", "1E+2", "0.10", "[]", "{\"a\":{}}", "\"\\u0000\"", "100000000000000000001"] {
            assert_eq!(Json::parse(format!(" {text}\n")).map(|json| json.to_string()).as_deref(), Some(text));
        }
    }
}
