//! Numbers with the digits that were read: no integer is too long, and `1e20` goes out as it came in.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use num_bigint::BigUint;
use serde::{Serialize, Serializer};

/// A number of JSON.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Number(Repr);

/// Integers of 64 bits are most of all numbers, and cost no text.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Repr {
    Unsigned(u64),
    /// Below zero.
    Signed(i64),
    /// Any other, as it is written: in the syntax of JSON.
    Written(Arc<str>),
}

/// The most digits of a divisor whose rests are worked out.
const LARGEST_DIVISOR: usize = 1_000;

/// `true` if digits divide others that have so many zeros behind them, without a rest.
fn divides(divisor: &[u8], digits: &[u8], zeros: u128) -> bool {
    let Some(by) = BigUint::parse_bytes(divisor, 10) else { return false };
    let rest = digits.chunks(18).fold(BigUint::ZERO, |rest, chunk| {
        let number = chunk.iter().fold(0_u64, |number, digit| number * 10 + u64::from(digit.saturating_sub(b'0')));
        let power = chunk.iter().fold(1_u64, |power, _| power * 10);
        (rest * power + number) % &by
    });
    rest * BigUint::from(10_u8).modpow(&BigUint::from(zeros), &by) % &by == BigUint::ZERO
}

impl Number {
    /// The number that a text spells in the syntax of JSON.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text.strip_prefix('-').unwrap_or(text).as_bytes();
        let mut digits = || {
            let count = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            let (found, after) = rest.split_at(count);
            rest = after.get(1..).unwrap_or_default();
            (found, after.first().copied())
        };
        let (whole, mut next) = digits();
        if whole.is_empty() || whole.len() > 1 && whole.first() == Some(&b'0') {
            return None;
        }
        if next == Some(b'.') {
            let (fraction, after) = digits();
            next = after;
            if fraction.is_empty() {
                return None;
            }
        }
        if let Some(b'e' | b'E') = next {
            rest = rest.strip_prefix(b"-").or_else(|| rest.strip_prefix(b"+")).unwrap_or(rest);
            let count = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            return (count > 0 && count == rest.len()).then(|| Self::written(text));
        }
        next.is_none().then(|| Self::written(text))
    }

    /// The number of a text in the syntax of JSON.
    pub(super) fn written(text: &str) -> Self {
        Self(match text.parse::<u64>() {
            Ok(number) => Repr::Unsigned(number),
            Err(_) => match text.parse::<i64>() {
                // `-0` keeps its sign.
                Ok(number) if number < 0 => Repr::Signed(number),
                _ => Repr::Written(text.into()),
            },
        })
    }

    /// A double; `None` for one that is no number.
    #[must_use]
    pub fn from_f64(number: f64) -> Option<Self> {
        serde_json::Number::from_f64(number).map(|number| Self(Repr::Written(number.to_string().into())))
    }

    /// The integer, if it is one of 64 bits without a fraction or an exponent.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self.0 {
            Repr::Unsigned(number) => i64::try_from(number).ok(),
            Repr::Signed(number) => Some(number),
            Repr::Written(_) => None,
        }
    }

    /// As [`Number::as_i64`], not negative.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        if let Repr::Unsigned(number) = self.0 { Some(number) } else { None }
    }

    /// The nearest double; infinite beyond their range.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match &self.0 {
            Repr::Unsigned(number) => Some(*number as f64),
            Repr::Signed(number) => Some(*number as f64),
            Repr::Written(text) => text.parse().ok(),
        }
    }

    /// `true` if its value is an integer, however it is written.
    #[must_use]
    pub fn is_integer(&self) -> bool {
        let Repr::Written(text) = &self.0 else { return true };
        let number = Decimal::of(text);
        number.digits.is_empty() || number.exponent >= number.digits.len() as i128
    }

    /// `true` for zero, however it is written.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        match &self.0 {
            Repr::Unsigned(number) => *number == 0,
            Repr::Signed(_) => false,
            Repr::Written(text) => Decimal::of(text).digits.is_empty(),
        }
    }

    /// The digits, as they were written.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        match &self.0 {
            Repr::Written(text) => Cow::Borrowed(text),
            _ => Cow::Owned(self.to_string()),
        }
    }

    /// The integer that it is, however it is written, if it has no more than 38 digits.
    #[must_use]
    pub fn as_integer(&self) -> Option<i128> {
        let number = Decimal::of(&self.text());
        if number.exponent > 38 || number.digits.len() as i128 > number.exponent.max(0) {
            return None;
        }
        let zeros = usize::try_from(number.exponent).ok()? - number.digits.len();
        let mut digits = number.digits.iter().copied().chain(std::iter::repeat_n(b'0', zeros));
        let size = digits.try_fold(0_i128, |value, digit| {
            value.checked_mul(10)?.checked_add(i128::from(digit.saturating_sub(b'0')))
        })?;
        Some(if number.negative { -size } else { size })
    }

    /// `true` if dividing it by the other leaves no rest; of a divisor with more than a thousand digits, as far as doubles
    /// can say.
    #[must_use]
    pub fn is_multiple_of(&self, other: &Self) -> bool {
        let (value, divisor) = (Decimal::of(&self.text()), Decimal::of(&other.text()));
        if value.digits.is_empty() {
            return true;
        }
        let rest_of = |digits: &[u8], by: u128| {
            digits.iter().fold(0_u128, |rest, digit| (rest * 10 + u128::from(digit.saturating_sub(b'0'))) % by)
        };
        let size = divisor
            .digits
            .iter()
            .try_fold(0_u64, |size, digit| size.checked_mul(10)?.checked_add(u64::from(digit.saturating_sub(b'0'))));
        if divisor.digits.is_empty() {
            return false;
        }
        // The powers of ten behind the digits of both.
        let last = |number: &Decimal| number.exponent - number.digits.len() as i128;
        let Some(by) = size.map(u128::from) else {
            if divisor.digits.len() > LARGEST_DIVISOR {
                let quotient = self.as_f64().unwrap_or_default() / other.as_f64().unwrap_or_default();
                return quotient.is_finite() && quotient.fract() == 0.0;
            }
            let shift = u128::try_from(last(&value) - last(&divisor));
            return shift.is_ok_and(|shift| divides(&divisor.digits, &value.digits, shift));
        };
        let Ok(mut shift) = u128::try_from(last(&value) - last(&divisor)) else {
            // The digits of the value end in no zero.
            return false;
        };
        let (mut power, mut base) = (1 % by, 10 % by);
        while shift > 0 {
            if shift & 1 == 1 {
                power = power * base % by;
            }
            base = base * base % by;
            shift >>= 1;
        }
        rest_of(&value.digits, by) * power % by == 0
    }

    /// A text that numbers of the same value have in common, and no others.
    #[must_use]
    pub fn canonical(&self) -> String {
        let Decimal { negative, digits, exponent } = Decimal::of(&self.text());
        let sign = if negative { "-" } else { "" };
        let exponent = if digits.is_empty() { 0 } else { exponent };
        format!("{sign}{}e{exponent}", String::from_utf8_lossy(&digits))
    }

    /// The bytes of its digits, no fewer than there are.
    pub(crate) fn length(&self) -> usize {
        if let Repr::Written(text) = &self.0 { text.len() } else { 20 }
    }

    /// The exact order of two numbers: exponents are compared, not written out.
    #[must_use]
    pub fn order(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Repr::Unsigned(a), Repr::Unsigned(b)) => a.cmp(b),
            (Repr::Signed(a), Repr::Signed(b)) => a.cmp(b),
            (Repr::Signed(_), Repr::Unsigned(_)) => Ordering::Less,
            (Repr::Unsigned(_), Repr::Signed(_)) => Ordering::Greater,
            _ => Decimal::of(&self.text()).order(&Decimal::of(&other.text())),
        }
    }
}

/// `0.d₁d₂d₃… · 10^exponent`, without zeros at either end; zero has no digits.
struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    exponent: i128,
}

impl Decimal {
    fn of(text: &str) -> Self {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
        let leading = all.iter().take_while(|digit| **digit == b'0').count();
        let trailing = all.iter().rev().take_while(|digit| **digit == b'0').count();
        let digits = all.get(leading..all.len() - trailing).unwrap_or_default().to_vec();
        // No text is long enough to make up for an exponent of more than 30 digits.
        let far = if exponent.starts_with('-') { i128::MIN / 4 } else { i128::MAX / 4 };
        let exponent = exponent.parse::<i128>().map_or(far, |exponent| exponent.clamp(i128::MIN / 4, i128::MAX / 4));
        let exponent = exponent + whole.len() as i128 - leading as i128;
        Self { negative: negative && !digits.is_empty(), digits, exponent }
    }

    fn order(&self, other: &Self) -> Ordering {
        let size = |number: &Self| (!number.digits.is_empty()).then_some(number.exponent);
        let sign = other.negative.cmp(&self.negative);
        let magnitude = size(self).cmp(&size(other)).then_with(|| self.digits.cmp(&other.digits));
        sign.then(if self.negative { magnitude.reverse() } else { magnitude })
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Repr::Unsigned(number) => number.fmt(f),
            Repr::Signed(number) => number.fmt(f),
            Repr::Written(text) => f.write_str(text),
        }
    }
}

impl std::fmt::Debug for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Number({self})")
    }
}

macro_rules! from_unsigned {
    ($($kind:ty),*) => {$(
        impl From<$kind> for Number {
            fn from(number: $kind) -> Self {
                Self(Repr::Unsigned(number as u64))
            }
        }
    )*};
}

macro_rules! from_signed {
    ($($kind:ty),*) => {$(
        impl From<$kind> for Number {
            fn from(number: $kind) -> Self {
                Self(match u64::try_from(number) {
                    Ok(number) => Repr::Unsigned(number),
                    Err(_) => Repr::Signed(number as i64),
                })
            }
        }
    )*};
}

from_unsigned!(u8, u16, u32, u64, usize);
from_signed!(i8, i16, i32, i64, isize);

impl From<serde_json::Number> for Number {
    fn from(number: serde_json::Number) -> Self {
        Self::written(&number.to_string())
    }
}

impl From<&Number> for serde_json::Number {
    /// The nearest number of 64 bits or double: what a type of serde_json can hold.
    fn from(number: &Number) -> Self {
        match &number.0 {
            Repr::Unsigned(number) => (*number).into(),
            Repr::Signed(number) => (*number).into(),
            Repr::Written(text) => {
                let double = text.parse::<f64>().unwrap_or_default().clamp(f64::MIN, f64::MAX);
                Self::from_f64(double).unwrap_or_else(|| 0.into())
            }
        }
    }
}

impl Serialize for Number {
    /// With its digits where JSON text is written; as the nearest double elsewhere.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Repr::Unsigned(number) => serializer.serialize_u64(*number),
            Repr::Signed(number) => serializer.serialize_i64(*number),
            Repr::Written(text) => match serde_json::value::RawValue::from_string(text.to_string()) {
                Ok(raw) => raw.serialize(serializer),
                Err(_) => serializer.serialize_f64(self.as_f64().unwrap_or_default()),
            },
        }
    }
}
