//! What a value becomes where it is not merely escaped: digits, letters of base64, bytes of another charset.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// The largest value that is looked for in base64 and in hexadecimal digits inside of a text that is escaped.
pub(crate) const LARGEST_ENCODED: usize = 64 << 10;

/// The bytes of a value in hexadecimal digits.
pub(crate) fn hex(value: &str) -> String {
    value.bytes().flat_map(|b| [b >> 4, b & 15]).filter_map(|d| char::from_digit(d.into(), 16)).collect()
}

/// The characters of a base64 text that the value alone decides when `offset` bytes stand before it.
pub(crate) fn base64_at(value: &[u8], offset: usize) -> String {
    let padded: Vec<u8> = std::iter::repeat_n(0, offset).chain(value.iter().copied()).collect();
    let text = STANDARD_NO_PAD.encode(&padded);
    let (first, last) = ((offset * 8).div_ceil(6), padded.len() * 8 / 6);
    text.get(first..last).unwrap_or_default().to_owned()
}

/// The same letters in the alphabet of urls, if they differ there.
pub(crate) fn url_safe(base64: &str) -> Option<String> {
    base64.contains(['+', '/']).then(|| base64.replace('+', "-").replace('/', "_"))
}

/// The bytes of a value in Latin-1, if they are others than in UTF-8.
pub(crate) fn latin1(value: &str) -> Option<Vec<u8>> {
    if value.is_ascii() {
        return None;
    }
    value.chars().map(|char| u8::try_from(u32::from(char)).ok()).collect()
}

/// A value in UTF-8 that was read as Latin-1: `Ã©` for `é`.
pub(crate) fn misread(value: &str) -> Option<String> {
    (!value.is_ascii()).then(|| value.bytes().map(char::from).collect())
}
