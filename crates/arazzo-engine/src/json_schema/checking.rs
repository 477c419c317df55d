//! Values against schemas, within a budget: schemas that refer to one another can ask for 2^n visits of one value.
//!
//! The crate `jsonschema` has no limit of its own. Each schema gets a keyword that counts its visits; when there were too
//! many, the check is given up from within it. That unwinds to here and no further, and says nothing.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use jsonschema::{Keyword, Retrieve, ValidationError, ValidationOptions};
use serde_json::Value;

use super::exact::{self, Exact};
use super::plain::Plain;
use crate::value::Json;

/// Visits of schemas that the check of one value may take, and as many more for each value in it.
const VISITS: u64 = 250_000;
const VISITS_A_VALUE: u64 = 50;

/// As [`VISITS`], for a schema that a value was too much for before: it may be checked thousands of times.
const LATER: u64 = 5_000;

/// The name of the keyword that counts. No author writes it.
const COUNTING: &str = "x-\u{1}visits";

/// Keywords whose value is a schema, a list of schemas, or schemas by name.
const SCHEMA: [&str; 14] = [
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "contains",
    "else",
    "if",
    "items",
    "not",
    "oneOf",
    "prefixItems",
    "propertyNames",
    "then",
    "unevaluatedItems",
];
const BY_NAME: [&str; 5] = ["$defs", "definitions", "dependentSchemas", "patternProperties", "properties"];

thread_local! {
    /// The visits that the check in progress has left.
    static LEFT: Cell<u64> = const { Cell::new(u64::MAX) };
}

/// The check of a value against its schema was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMuch;

impl std::fmt::Display for TooMuch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the schema leads to too many others, which would have to be checked over and over")
    }
}

/// How schemas are read.
pub type Options = ValidationOptions<'static, Arc<dyn Retrieve>, Exact>;

/// A schema that values are checked against.
#[derive(Debug)]
pub struct Validator {
    /// The schema, where it is of a kind that needs no crate; then the crate is asked where faults are to be said.
    plain: Option<Plain>,
    checks: OnceLock<exact::Validator>,
    options: fn() -> Options,
    /// `true` once a check was given up.
    gave_up: AtomicBool,
}

impl Validator {
    /// A schema that refers to nothing outside of itself, read as [`exact::options`] begin; `asserts_formats` if these
    /// options make promises of formats.
    ///
    /// # Errors
    /// Why it is no JSON Schema.
    pub fn build(
        options: fn() -> Options,
        asserts_formats: bool,
        schema: &Json,
    ) -> Result<Self, ValidationError<'static>> {
        let plain = Plain::of(schema, asserts_formats);
        let checks = match plain {
            Some(_) => OnceLock::new(),
            None => built(options(), schema)?.into(),
        };
        Ok(Self { plain, checks, options, gave_up: AtomicBool::new(false) })
    }

    /// `true` if a value is as the schema says; `false` also where that would take too long to find out.
    #[must_use]
    pub fn is_valid(&self, value: &Json) -> bool {
        let known = self.plain.as_ref().and_then(|plain| plain.is_valid(value));
        known.unwrap_or_else(|| self.checked(value, |checks| checks.is_valid(value)).unwrap_or(false))
    }

    /// What `read` makes of the first faults of a value, `most` of them.
    ///
    /// # Errors
    /// [`TooMuch`] if it would take too long to find them.
    pub fn faults<T>(
        &self,
        value: &Json,
        most: usize,
        read: impl FnMut(ValidationError<'_>) -> T,
    ) -> Result<Vec<T>, TooMuch> {
        if self.plain.as_ref().and_then(|plain| plain.is_valid(value)) == Some(true) {
            return Ok(vec![]);
        }
        self.checked(value, |checks| {
            // Nearly all values are valid, and that is found out faster.
            if checks.is_valid(value) {
                return vec![];
            }
            checks.iter_errors(value).take(most).map(read).collect()
        })
    }

    /// Does something that visits schemas, as often as a value may ask for.
    fn checked<T>(&self, value: &Json, check: impl FnOnce(&exact::Validator) -> T) -> Result<T, TooMuch> {
        let checks = match (self.checks.get(), &self.plain) {
            (Some(checks), _) => checks,
            (None, Some(plain)) => {
                // What is plain is valid in all its parts; of a schema that no one can check, nothing is said.
                let Ok(checks) = built((self.options)(), plain.schema()) else { return Err(TooMuch) };
                self.checks.get_or_init(|| checks)
            }
            (None, None) => return Err(TooMuch),
        };
        let check = || check(checks);
        let visits = if self.gave_up.load(Ordering::Relaxed) { LATER } else { VISITS };
        LEFT.set(visits.saturating_add(size(value).saturating_mul(VISITS_A_VALUE)));
        let checked = catch_unwind(AssertUnwindSafe(check));
        LEFT.set(u64::MAX);
        checked.map_err(|cause| {
            if !cause.is::<TooMuch>() {
                resume_unwind(cause);
            }
            self.gave_up.store(true, Ordering::Relaxed);
            TooMuch
        })
    }
}

fn built(options: Options, schema: &Json) -> Result<exact::Validator, ValidationError<'static>> {
    let mut schema = exact::schema_of(schema);
    counted(&mut schema);
    options
        .with_keyword(COUNTING, |_, _, _| Ok(Box::new(Counting) as Box<dyn for<'i> Keyword<'i, Exact>>))
        .build(&schema)
}

/// A message of the crate as people may see it: it may quote a schema.
#[must_use]
pub fn plain(message: &str) -> String {
    let name = serde_json::to_string(COUNTING).unwrap_or_default();
    message.replace(&format!(",{name}:true"), "").replace(&format!("{name}:true"), "")
}

/// Puts the keyword that counts into every schema.
fn counted(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(counted),
        Value::Object(members) => {
            for (name, value) in members.iter_mut() {
                if SCHEMA.contains(&name.as_str()) || name == "unevaluatedProperties" {
                    counted(value);
                } else if let (true, Value::Object(named)) = (BY_NAME.contains(&name.as_str()), value) {
                    named.values_mut().for_each(counted);
                }
            }
            members.insert(COUNTING.to_owned(), Value::Bool(true));
        }
        _ => {}
    }
}

/// The values in one.
fn size(value: &Json) -> u64 {
    let (mut count, mut left) = (0, vec![value]);
    while let Some(value) = left.pop() {
        count += 1;
        match value {
            Json::Array(items) => left.extend(items.iter()),
            Json::Object(members) => left.extend(members.values()),
            _ => {}
        }
    }
    count
}

/// The keyword that counts: every value fits.
struct Counting;

impl<'i> Keyword<'i, Exact> for Counting {
    fn validate(&self, _: &'i Json) -> Result<(), ValidationError<'i>> {
        visit();
        Ok(())
    }

    fn is_valid(&self, _: &'i Json) -> bool {
        visit();
        true
    }
}

fn visit() {
    match LEFT.get().checked_sub(1) {
        Some(left) => LEFT.set(left),
        None => resume_unwind(Box::new(TooMuch)),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::json;
    use crate::value::Map;

    fn doubling(last: &Json) -> Validator {
        let mut definitions = Map::new();
        for number in 0..40 {
            let next = json!({"$ref": format!("#/$defs/a{}", number + 1)});
            definitions.insert(format!("a{number}"), json!({"allOf": [next.clone(), next]}));
        }
        definitions.insert("a40".to_owned(), last.clone());
        let schema = json!({"$ref": "#/$defs/a0", "$defs": Json::from(definitions)});
        Validator::build(exact::options, false, &schema).unwrap()
    }

    #[test]
    fn a_schema_that_doubles_is_given_up() {
        assert_eq!(doubling(&json!({"type": "string"})).faults(&json!(1), 20, |_| ()), Err(TooMuch));
        assert!(!doubling(&json!({"not": {"minimum": 5}})).is_valid(&json!(7)));
    }

    #[test]
    fn what_counts_is_seen_nowhere() {
        let schema = json!({"not": {"properties": {"a": {"const": 1}}}});
        let validator = Validator::build(exact::options, false, &schema).unwrap();
        let said = validator.faults(&json!({"a": 1}), 20, |error| plain(&error.to_string())).unwrap();
        assert_eq!(said, [r#"{"properties":{"a":{"const":1}}} is not allowed for {"a":1}"#]);
    }
}
