//! Text → bytes in a charset that a media type names, or the reason why it cannot be written so.

use encoding_rs::{Encoding, REPLACEMENT, UTF_8};
use url::form_urlencoded;

/// `true` if a text is written in this charset as it is.
pub(super) fn is_utf8(label: &str) -> bool {
    Encoding::for_label(label.as_bytes()) == Some(UTF_8)
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
    // Browsers read these two as windows-1252, and may; who writes them keeps to what all readers know.
    match label.trim().to_ascii_lowercase().as_str() {
        "us-ascii" | "ascii" | "ansi_x3.4-1968" | "iso646-us" => return within(0x7f),
        "iso-8859-1" | "iso_8859-1" | "iso8859-1" | "latin1" | "l1" => return within(0xff),
        "utf-16" => {
            return Ok("\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect());
        }
        "utf-16be" => return Ok(text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
        "utf-16le" => return Ok(text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
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

/// A form, its names and values in the charset of this label instead of UTF-8.
///
/// # Errors
/// As [`encode`].
pub(super) fn encode_form(form: &[u8], label: &str) -> Result<Vec<u8>, String> {
    let field =
        |text: &str| encode(text, label).map(|bytes| form_urlencoded::byte_serialize(&bytes).collect::<String>());
    let pairs = form_urlencoded::parse(form).map(|(name, value)| Ok(format!("{}={}", field(&name)?, field(&value)?)));
    Ok(pairs.collect::<Result<Vec<String>, String>>()?.join("&").into_bytes())
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
        assert_eq!(encode_form("a=%C3%A9+b&c=1".as_bytes(), "iso-8859-1"), Ok(b"a=%E9+b&c=1".to_vec()));
    }
}
