//! Scalars of the YAML 1.2 core schema.

use crate::value::{Json, Number};

use super::Kind;

/// A number as JSON: with its digits.
pub(super) fn number(text: &str) -> Json {
    let plain = text.strip_prefix('+').unwrap_or(text);
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = plain.strip_prefix(prefix) {
            return Number::parse(&in_decimal(digits, radix)).map_or(Json::Null, Json::Number);
        }
    }
    // YAML may leave out a digit on one side of the point, and may begin with zeros.
    let (sign, digits) = plain.strip_prefix('-').map_or(("", plain), |digits| ("-", digits));
    let digits = digits.trim_start_matches('0');
    let zero = if digits.starts_with(|c: char| c.is_ascii_digit()) { "" } else { "0" };
    let digits = digits.replacen(".e", ".0e", 1).replacen(".E", ".0E", 1);
    let end = if digits.ends_with('.') { "0" } else { "" };
    let number = Number::parse(plain).or_else(|| Number::parse(&format!("{sign}{zero}{digits}{end}")));
    number.map_or(Json::Null, Json::Number)
}

/// The most digits of a number in another base: what has more is a text.
const LONGEST: usize = 1_024;

/// The decimal digits of a number in another base.
fn in_decimal(digits: &str, radix: u32) -> String {
    /// Nine decimal digits in each part, the last ones first.
    const PART: u64 = 1_000_000_000;
    let mut parts: Vec<u64> = vec![0];
    for digit in digits.chars().filter_map(|c| c.to_digit(radix)) {
        let mut carry = u64::from(digit);
        for part in &mut parts {
            carry += *part * u64::from(radix);
            *part = carry % PART;
            carry /= PART;
        }
        if carry > 0 {
            parts.push(carry);
        }
    }
    let mut written = String::new();
    for part in parts.iter().rev() {
        written.push_str(&if written.is_empty() { part.to_string() } else { format!("{part:09}") });
    }
    written
}

/// YAML 1.2 core schema, 10.3.2: what a plain scalar is.
pub(crate) fn plain_scalar(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Kind::Null,
        "true" | "True" | "TRUE" => return Kind::Bool(true),
        "false" | "False" | "FALSE" => return Kind::Bool(false),
        _ => {}
    }
    if is_number(text) { Kind::Number(text.to_owned()) } else { Kind::String(text.to_owned()) }
}

pub(super) fn is_number(text: &str) -> bool {
    // Nearly every scalar is a word.
    if !matches!(text.as_bytes(), [b'0'..=b'9' | b'+' | b'-' | b'.', ..]) {
        return false;
    }
    let all = |digits: &str, test: fn(&char) -> bool| !digits.is_empty() && digits.chars().all(|c| test(&c));
    if let Some(digits) = text.strip_prefix("0x") {
        return digits.len() <= LONGEST && all(digits, char::is_ascii_hexdigit);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return digits.len() <= LONGEST && all(digits, |c| ('0'..='7').contains(c));
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |s: &str| s.chars().all(|c| c.is_ascii_digit());
    let mantissa_ok = match mantissa.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty()),
        None => all(mantissa, char::is_ascii_digit),
    };
    mantissa_ok && exponent.is_none_or(|e| all(e.strip_prefix(['-', '+']).unwrap_or(e), char::is_ascii_digit))
}
