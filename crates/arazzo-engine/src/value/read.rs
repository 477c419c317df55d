//! JSON text → tree, numbers with their digits.

use hifijson::token::{Expect, Lex as _};
use hifijson::{Error, SliceLexer, num::LexWrite as _, str::LexAlloc as _};

use super::json::{Json, Map};
use super::number::Number;

/// Levels to which values may nest.
const DEPTH: usize = 128;

/// The value of a whole text.
pub(super) fn read(text: &[u8]) -> Option<Json> {
    let mut lexer = SliceLexer::new(text);
    let json = lexer.exactly_one(SliceLexer::ws_peek, |next, lexer| value(next, lexer, DEPTH));
    json.ok()
}

fn value(next: u8, lexer: &mut SliceLexer<'_>, depth: usize) -> Result<Json, Error> {
    Ok(match next {
        b'a'..=b'z' => lexer.null_or_bool().ok_or(Expect::Value)?.map_or(Json::Null, Json::Bool),
        b'0'..=b'9' | b'-' => Json::Number(Number::written(lexer.num_string().validated()?.0)),
        b'"' => Json::String(lexer.discarded().str_string()?.into_owned()),
        b'[' => {
            let depth = depth.checked_sub(1).ok_or(Error::Depth)?;
            let mut items = vec![];
            lexer.discarded().seq(b']', SliceLexer::ws_peek, |next, lexer| {
                items.push(value(next, lexer, depth)?);
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
                let value = value(lexer.ws_peek().ok_or(Expect::Value)?, lexer, depth)?;
                members.insert(name, value);
                Ok::<_, Error>(())
            })?;
            members.into()
        }
        _ => return Err(Expect::Value.into()),
    })
}
