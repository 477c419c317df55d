//! Equality and order of JSON values (RFC 9535, 2.3.5.2.2), where numbers are numbers: `1` equals `1.0`.
//!
//! Calls itself for no value, however deep; rounds no number. Knows no paths.

use std::convert::Infallible;

use crate::value::Json as Value;

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
            (Value::Number(a), Value::Number(b)) => a.order(b).is_eq(),
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
    if let (Some(Value::String(left)), Some(Value::String(right))) = (left, right)
        && !matches!(operator, Operator::Equal | Operator::NotEqual)
    {
        spend(work(left.len().min(right.len())))?;
    }
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
        (Some(Value::Number(left)), Some(Value::Number(right))) => left.order(right).is_lt(),
        (Some(Value::String(left)), Some(Value::String(right))) => left < right,
        _ => false,
    }
}

/// What reading a text costs, in visits: long texts in many nodes must not be free.
pub(super) fn work(bytes: usize) -> usize {
    1 + bytes / 64
}
