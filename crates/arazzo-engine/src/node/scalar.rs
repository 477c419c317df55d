//! Scalars of the YAML 1.2 core schema.

use crate::value::{Json, Number};

use super::Kind;

/// A number as JSON: with its digits.
pub(super) fn number(text: &str) -> Json {
    let plain = text.strip_prefix('+').unwrap_or(text);
    let radix = |digits: &str, radix| i64::from_str_radix(digits, radix).ok().map(Json::from);
    if let Some(value) = plain.strip_prefix("0x").and_then(|digits| radix(digits, 16)) {
        return value;
    }
    if let Some(value) = plain.strip_prefix("0o").and_then(|digits| radix(digits, 8)) {
        return value;
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

/// YAML 1.2 core schema, 10.3.2: what a plain scalar is.
pub(super) fn plain_scalar(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Kind::Null,
        "true" | "True" | "TRUE" => return Kind::Bool(true),
        "false" | "False" | "FALSE" => return Kind::Bool(false),
        _ => {}
    }
    if is_number(text) { Kind::Number(text.to_owned()) } else { Kind::String(text.to_owned()) }
}

pub(super) fn is_number(text: &str) -> bool {
    let all = |digits: &str, test: fn(&char) -> bool| !digits.is_empty() && digits.chars().all(|c| test(&c));
    if let Some(digits) = text.strip_prefix("0x") {
        return all(digits, char::is_ascii_hexdigit);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return all(digits, |c| ('0'..='7').contains(c));
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
