//! Equality and order of JSON values (RFC 9535, 2.3.5.2.2), where numbers are numbers: `1` equals `1.0`.
//!
//! Calls itself for no value, however deep; rounds no integer of 64 bits. Knows no paths.

use std::cmp::Ordering;
use std::convert::Infallible;

use serde_json::{Number, Value};

use super::tree::Operator;

/// Deep equality: numbers by value, arrays by items, objects by members in any order.
#[must_use]
pub fn equal(a: &Value, b: &Value) -> bool {
    matches!(equal_counted(a, b, &|_| Ok::<(), Infallible>(())), Ok(true))
}

/// [`equal`], where each pair of values is paid for through `spend`, which may stop it.
pub(super) fn equal_counted<E>(a: &Value, b: &Value, spend: &impl Fn(usize) -> Result<(), E>) -> Result<bool, E> {
    let mut pairs = vec![];
    let mut next = Some((a, b));
    while let Some(pair) = next {
        let same = match pair {
            (Value::Number(a), Value::Number(b)) => order(a, b) == Some(Ordering::Equal),
            (Value::String(a), Value::String(b)) => {
                spend(work(a.len().min(b.len())))?;
                a == b
            }
            (Value::Array(a), Value::Array(b)) => {
                spend(a.len().min(b.len()))?;
                if a.len() == b.len() {
                    pairs.extend(a.iter().zip(b));
                }
                a.len() == b.len()
            }
            (Value::Object(a), Value::Object(b)) => {
                spend(a.len().min(b.len()))?;
                a.len() == b.len()
                    && a.iter().all(|(name, a)| {
                        let found = b.get(name);
                        pairs.extend(found.map(|b| (a, b)));
                        found.is_some()
                    })
            }
            (a, b) => a == b,
        };
        if !same {
            return Ok(false);
        }
        next = pairs.pop();
    }
    Ok(true)
}

/// The order of two numbers, exact for integers of 64 bits, also against doubles; `None` with a number that is none.
#[must_use]
pub fn order(a: &Number, b: &Number) -> Option<Ordering> {
    match (integer(a), integer(b)) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        (Some(a), None) => against_double(a, b.as_f64()?),
        (None, Some(b)) => against_double(b, a.as_f64()?).map(Ordering::reverse),
        (None, None) => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}

fn integer(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

/// Rounds the double, not the integer: within the range of `i128` a double's whole part is exact, beyond it the
/// conversion stops at the end of the range, which is far from any 64 bits.
fn against_double(integer: i128, double: f64) -> Option<Ordering> {
    let whole = double.trunc();
    let fraction = 0.0_f64.partial_cmp(&(double - whole))?;
    Some(integer.cmp(&(whole as i128)).then(fraction))
}

/// A comparison (RFC 9535, 2.3.5.2.2); `None` is an operand that selects nothing.
pub(super) fn compare<E>(
    left: Option<&Value>,
    operator: Operator,
    right: Option<&Value>,
    spend: &impl Fn(usize) -> Result<(), E>,
) -> Result<bool, E> {
    let same = || match (left, right) {
        (Some(left), Some(right)) => equal_counted(left, right, spend),
        (left, right) => Ok(left.is_none() && right.is_none()),
    };
    Ok(match operator {
        Operator::Equal => same()?,
        Operator::NotEqual => !same()?,
        Operator::Less => less(left, right),
        Operator::Greater => less(right, left),
        Operator::LessOrEqual => less(left, right) || same()?,
        Operator::GreaterOrEqual => less(right, left) || same()?,
    })
}

/// Only numbers and strings have an order; that of strings is by Unicode scalar values, as UTF-8 sorts.
fn less(left: Option<&Value>, right: Option<&Value>) -> bool {
    match (left, right) {
        (Some(Value::Number(left)), Some(Value::Number(right))) => order(left, right) == Some(Ordering::Less),
        (Some(Value::String(left)), Some(Value::String(right))) => left < right,
        _ => false,
    }
}

/// What reading a text costs, in visits: long texts in many nodes must not be free.
pub(super) fn work(bytes: usize) -> usize {
    1 + bytes / 64
}
