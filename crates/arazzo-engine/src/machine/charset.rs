//! Text ⇄ bytes in a charset that a media type names, or the reason why it cannot be written so.

use std::borrow::Cow;

use encoding_rs::{Encoding, REPLACEMENT, UTF_8};
use percent_encoding::percent_decode_str;
use url::form_urlencoded::byte_serialize;

use crate::value::Body;

/// A text that was read of bytes.
pub(super) struct Decoded {
    pub(super) text: String,
    /// `true` if the bytes are not those of a text in the charset: the text is not all that came.
    pub(super) spoilt: bool,
}

/// `true` if a text is written in this charset as it is.
pub(super) fn is_utf8(label: &str) -> bool {
    Encoding::for_label(label.as_bytes()) == Some(UTF_8)
}

/// The charset that bytes name themselves, by a byte order mark.
pub(super) fn marked(bytes: &[u8]) -> Option<&'static Encoding> {
    Encoding::for_bom(bytes).map(|(encoding, _)| encoding)
}

/// `true` if bytes that were read in the charset `read` are in the charset `label` as they are.
pub(super) fn is_in(bytes: &[u8], read: Option<&str>, label: &str) -> bool {
    let label = label.trim();
    let of_mark = |encoding: &'static Encoding| {
        label.eq_ignore_ascii_case("utf-16") || Encoding::for_label(label.as_bytes()) == Some(encoding)
    };
    match read {
        Some(read) => read.eq_ignore_ascii_case(label) || marked(bytes).is_some_and(of_mark),
        None => is_utf8(label),
    }
}

/// The text of bytes in the charset of this label; those of one that is not known are read as UTF-8.
pub(super) fn decode(bytes: &[u8], label: &str) -> Decoded {
    let utf32 = |read: fn([u8; 4]) -> u32| {
        let (units, rest) = bytes.as_chunks::<4>();
        let units = units.iter().map(|unit| char::from_u32(read(*unit)));
        let spoilt = units.clone().any(|c| c.is_none()) || !rest.is_empty();
        let text = units.map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect::<String>();
        Decoded { text: text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text), spoilt }
    };
    match label.trim().to_ascii_lowercase().as_str() {
        "utf-32le" => utf32(u32::from_le_bytes),
        "utf-32" if bytes.starts_with(&[0xff, 0xfe, 0, 0]) => utf32(u32::from_le_bytes),
        "utf-32" | "utf-32be" => utf32(u32::from_be_bytes),
        label => {
            let encoding = Encoding::for_label(label.as_bytes()).unwrap_or(UTF_8);
            let (text, _, spoilt) = encoding.decode(bytes);
            Decoded { text: text.into_owned(), spoilt }
        }
    }
}

/// The whole text of an answer that was read as one, or as JSON.
pub(super) fn text_of(body: &Body) -> Cow<'_, str> {
    match &body.charset {
        Some(label) => Cow::Owned(decode(&body.bytes, label).text),
        None => String::from_utf8_lossy(body.bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&body.bytes)),
    }
}

/// A text in the charset of this label.
///
/// # Errors
/// The reason: the charset is not known, or has no such character.
pub(super) fn encode(text: &str, label: &str) -> Result<Vec<u8>, String> {
    let lacks = |c: char| format!("the charset `{label}` has no `{}`", c.escape_debug());
    let within = |last: u32| match text.chars().find(|c| u32::from(*c) > last) {
        Some(c) => Err(lacks(c)),
        None => Ok(text.chars().map(|c| c as u8).collect()),
    };
    let units = || text.chars().map(u32::from);
    // Browsers read the first two as windows-1252, and may; who writes them keeps to what all readers know.
    match label.trim().to_ascii_lowercase().as_str() {
        "us-ascii" | "ascii" | "ansi_x3.4-1968" | "iso646-us" => return within(0x7f),
        "iso-8859-1" | "iso_8859-1" | "iso8859-1" | "latin1" | "l1" => return within(0xff),
        "utf-16" => {
            return Ok("\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect());
        }
        "utf-16be" => return Ok(text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
        "utf-16le" => return Ok(text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        "utf-32" => return Ok(std::iter::once(0xfeff).chain(units()).flat_map(u32::to_be_bytes).collect()),
        "utf-32be" => return Ok(units().flat_map(u32::to_be_bytes).collect()),
        "utf-32le" => return Ok(units().flat_map(u32::to_le_bytes).collect()),
        _ => {}
    }
    let known = Encoding::for_label(label.as_bytes()).filter(|encoding| *encoding != REPLACEMENT);
    let Some(encoding) = known.filter(|encoding| encoding.output_encoding() == *encoding) else {
        return Err(format!("the charset `{label}` is not known"));
    };
    match encoding.encode(text) {
        (bytes, _, false) => Ok(bytes.into_owned()),
        _ => Err(text
            .chars()
            .find(|c| encoding.encode(c.encode_utf8(&mut [0; 4])).2)
            .map_or_else(|| format!("the text cannot be written in the charset `{label}`"), lacks)),
    }
}

/// Checks that a charset has ASCII as it is, of which what is around the texts is made.
///
/// # Errors
/// The reason: it has not, or is not known.
pub(super) fn within_ascii(what: &str, label: &str) -> Result<(), String> {
    if Encoding::for_label(label.as_bytes()).is_some_and(Encoding::is_ascii_compatible) {
        return Ok(());
    }
    encode("", label)?;
    Err(format!("{what} cannot be written in the charset `{label}`"))
}

/// Text of a form that is encoded in UTF-8, encoded in the charset of this label instead; bytes that are no text stay
/// what they are.
///
/// # Errors
/// As [`encode`] and [`within_ascii`].
pub(super) fn encode_form(form: &str, label: &str) -> Result<String, String> {
    within_ascii("a form", label)?;
    let mut written = String::with_capacity(form.len());
    let mut rest = form;
    while let Some(start) = rest.find(|c: char| !c.is_ascii() || c == '%') {
        written.push_str(rest.get(..start).unwrap_or_default());
        let run = rest.get(start..).unwrap_or_default();
        let end = end_of_run(run);
        let (run, behind) = run.split_at_checked(end).unwrap_or((run, ""));
        rest = behind;
        match percent_decode_str(run).decode_utf8() {
            Ok(text) if !text.is_ascii() => written.extend(byte_serialize(&encode(&text, label)?)),
            _ => written.push_str(run),
        }
    }
    written.push_str(rest);
    Ok(written)
}

/// The end of what is percent-encoded, or not ASCII, at the beginning of a text.
fn end_of_run(text: &str) -> usize {
    let mut at = 0;
    while let Some(next) = text.get(at..).and_then(|rest| rest.chars().next()) {
        at += match next {
            '%' => 3,
            c if !c.is_ascii() => c.len_utf8(),
            _ => break,
        };
    }
    at.min(text.len())
}

/// The encoding that the declaration of an XML document names.
pub(super) fn declared_encoding(head: &str) -> Option<&str> {
    let (_, after) = head.strip_prefix("<?xml")?.split_once("?>")?.0.split_once("encoding")?;
    let value = after.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    value.split(quote).nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_written_in_its_charset_or_not_at_all() {
        let written = |text, label| encode(text, label).map_err(|reason| reason.replace('`', "'"));
        assert_eq!(written("é", "ISO-8859-1"), Ok(vec![0xe9]));
        assert_eq!(written("€", "latin1"), Err("the charset 'latin1' has no '€'".to_owned()));
        assert_eq!(written("€", "windows-1252"), Ok(vec![0x80]));
        assert_eq!(written("é", "us-ascii"), Err("the charset 'us-ascii' has no 'é'".to_owned()));
        assert_eq!(written("日", "shift_jis"), Ok(vec![0x93, 0xfa]));
        assert_eq!(written("a😀", "windows-1252"), Err("the charset 'windows-1252' has no '😀'".to_owned()));
        assert_eq!(written("é", "utf-16le"), Ok(vec![0xe9, 0]));
        assert_eq!(written("é", "utf-16"), Ok(vec![0xfe, 0xff, 0, 0xe9]));
        assert_eq!(written("é", "utf8"), Ok("é".as_bytes().to_vec()));
        assert!(written("a", "klingon").is_err() && written("a", "iso-2022-kr").is_err());
    }

    #[test]
    fn what_is_written_in_a_charset_is_read_in_it() {
        for label in
            ["utf-8", "utf-16", "utf-16le", "utf-32", "utf-32be", "UTF-32LE", "iso-2022-jp", "euc-jp", "gb18030"]
        {
            let bytes = encode("日本 a", label).unwrap_or_default();
            let decoded = decode(&bytes, label);
            assert_eq!((decoded.text.as_str(), decoded.spoilt), ("日本 a", false), "{label}");
        }
        let spoilt = |bytes: &[u8], label| decode(bytes, label).spoilt;
        assert!(spoilt(b"\x1b$B\x30", "iso-2022-jp") && !spoilt(b"ab c", "utf-16") && spoilt(b"abc", "utf-16"));
        assert!(spoilt(b"abcde", "utf-32") && spoilt(&[0, 0, 0xd8, 0], "utf-32be") && spoilt(b"a", "iso-2022-kr"));
    }

    #[test]
    fn a_form_is_ascii_around_what_is_encoded() {
        let written = |form, label| encode_form(form, label).map_err(|reason| reason.replace('`', "'"));
        let ok = |text: &str| Ok(text.to_owned());
        assert_eq!(written("a=%C3%A9+b&c=1,2", "iso-8859-1"), ok("a=%E9+b&c=1,2"));
        assert_eq!(written("é=%26%FF%", "iso-8859-1"), ok("%E9=%26%FF%"));
        assert_eq!(written("a=%E6%97%A5%E6%9C%AC", "shift_jis"), ok("a=%93%FA%96%7B"));
        assert_eq!(written("a=%E2%82%AC", "latin1"), Err("the charset 'latin1' has no '€'".to_owned()));
        assert_eq!(written("a=b", "utf-16"), Err("a form cannot be written in the charset 'utf-16'".to_owned()));
        assert_eq!(written("a=b", "x-any"), Err("the charset 'x-any' is not known".to_owned()));
    }
}
