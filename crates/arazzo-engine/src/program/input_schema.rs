//! The schema of a workflow's inputs, as values are checked against it.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use jsonschema::{PatternOptions, ValidationError};

use crate::json_schema::TYPES;
use crate::json_schema::checking::Validator;
use crate::json_schema::exact;
use crate::value::{Json, Map};

/// How often a pattern of a schema may go back in a text, and the memory that one may take.
const BACKTRACKS: usize = 100_000;
const PATTERN_MEMORY: usize = 1 << 20;

/// A schema that is known to be valid. One that names types and no more is compiled when a value does not fit: the
/// validator of schemas, which every other one has to pass, costs more than the start of a process.
#[derive(Debug, Clone)]
pub struct InputSchema {
    schema: Json,
    plain: Option<Plain>,
    compiled: OnceLock<Option<Arc<Validator>>>,
}

/// A schema of an object whose members have types.
#[derive(Debug, Clone)]
struct Plain {
    required: BTreeSet<String>,
    /// The type of each member, if it has one.
    members: Map<String, Option<String>>,
    /// `true` if other members may be there too.
    open: bool,
}

impl InputSchema {
    /// The schema, compiled. What is wrong with one, if it is not valid.
    ///
    /// # Errors
    /// Every fault that was found.
    pub(crate) fn of(schema: &Json) -> Result<Self, Vec<ValidationError<'static>>> {
        let (plain, schema) = (Plain::of(schema), schema.clone());
        if plain.is_some() {
            return Ok(Self { schema, plain, compiled: OnceLock::new() });
        }
        let written = schema.to_serde();
        let errors: Vec<_> =
            jsonschema::draft202012::meta::validator().iter_errors(&written).map(ValidationError::to_owned).collect();
        if !errors.is_empty() {
            return Err(errors);
        }
        let compiled = OnceLock::from(Some(Arc::new(build(&schema).map_err(|error| vec![error])?)));
        Ok(Self { schema, plain, compiled })
    }

    /// The schema, compiled. There is always one: a schema that names types and no more can be compiled.
    #[must_use]
    pub fn validator(&self) -> Option<&Validator> {
        self.compiled.get_or_init(|| build(&self.schema).ok().map(Arc::new)).as_deref()
    }

    /// `true` if values fit for certain, found out without compiling it.
    #[must_use]
    pub fn surely_accepts(&self, given: &Map<String, Json>) -> bool {
        self.plain.as_ref().is_some_and(|plain| plain.accepts(given))
    }
}

fn build(schema: &Json) -> Result<Validator, ValidationError<'static>> {
    let options = || {
        // Patterns of JSON Schema have look-around and back-references; what only backtracking can match has its limit.
        let patterns = PatternOptions::fancy_regex().backtrack_limit(BACKTRACKS).size_limit(PATTERN_MEMORY);
        exact::options().should_validate_formats(true).with_pattern_options(patterns)
    };
    Validator::build(options, true, schema)
}

impl Plain {
    /// The schema, if it is valid and says nothing that is not understood here.
    fn of(schema: &Json) -> Option<Self> {
        let mut plain = Self { required: BTreeSet::new(), members: Map::new(), open: true };
        for (keyword, value) in schema.as_object()? {
            match keyword.as_str() {
                "type" if value.as_str() == Some("object") => {}
                "title" | "description" if value.is_string() => {}
                "additionalProperties" => plain.open = value.as_bool()?,
                "required" => {
                    for name in value.as_array()? {
                        plain.required.insert(name.as_str()?.to_owned()).then_some(())?;
                    }
                }
                "properties" => {
                    for (name, member) in value.as_object()? {
                        plain.members.insert(name.clone(), member_type(member)?);
                    }
                }
                _ => return None,
            }
        }
        Some(plain)
    }

    fn accepts(&self, given: &Map<String, Json>) -> bool {
        let fits = |(name, value): (&String, &Json)| match self.members.get(name) {
            Some(Some(kind)) => is_surely(value, kind),
            Some(None) => true,
            None => self.open,
        };
        self.required.iter().all(|name| given.contains_key(name)) && given.iter().all(fits)
    }
}

/// The type that the schema of a member names, if it does; nothing if it says more than that.
fn member_type(schema: &Json) -> Option<Option<String>> {
    let mut kind = None;
    for (keyword, value) in schema.as_object()? {
        match keyword.as_str() {
            "type" => kind = Some(value.as_str().filter(|name| TYPES.contains(name))?.to_owned()),
            "title" | "description" if value.is_string() => {}
            "default" => {}
            "examples" if value.is_array() => {}
            // No format that is checked.
            "format" if value.as_str() == Some("password") => {}
            _ => return None,
        }
    }
    Some(kind)
}

/// `true` if a value is of a type whoever judges it.
fn is_surely(value: &Json, kind: &str) -> bool {
    match value {
        Json::Null => kind == "null",
        Json::Bool(_) => kind == "boolean",
        Json::Number(number) => matches!(kind, "integer" | "number") && number.as_i64().is_some(),
        Json::String(_) => kind == "string",
        Json::Array(_) => kind == "array",
        Json::Object(_) => kind == "object",
        // As JSON it is something else.
        Json::Bytes(_) => false,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::json;

    #[test]
    fn a_plain_schema_accepts_no_more_than_it_does_compiled() {
        let schemas = [
            json!({}),
            json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}, "b": {"type": "integer", "default": 1}}}),
            json!({"additionalProperties": false, "properties": {"a": {"type": "number"}, "b": {"description": "any"}}}),
            json!({"properties": {"a": {"type": "boolean"}, "b": {"type": "null"}, "c": {"type": "array"}, "d": {"type": "object"}}}),
        ];
        let values =
            [json!("x"), json!(1), json!(1.5), json!(-3), json!(true), json!(null), json!([1]), json!({"x": 1})];
        for schema in schemas {
            let compiled = InputSchema::of(&schema).unwrap();
            assert!(compiled.plain.is_some(), "{schema}");
            for a in &values {
                for b in &values {
                    let given = json!({"a": a.clone(), "b": b.clone()});
                    let valid = compiled.validator().unwrap().is_valid(&given);
                    let sure = compiled.surely_accepts(given.as_object().unwrap());
                    assert!(valid || !sure, "{schema} {given}");
                    assert!(sure || !valid || given.to_string().contains("1.5"), "{schema} {given}");
                }
            }
        }
    }

    #[test]
    fn a_schema_that_says_more_is_compiled_before_it_is_used() {
        for more in ["minLength", "pattern", "$ref", "enum", "format", "x-own"] {
            let schema = json!({"properties": {"a": {"type": "string", more: 1}}});
            assert!(InputSchema::of(&schema).map_or(true, |schema| schema.plain.is_none()), "{more}");
        }
        for wrong in
            [json!({"required": ["a", "a"]}), json!({"properties": {"a": {"type": "text"}}}), json!({"title": 1})]
        {
            assert!(InputSchema::of(&wrong).is_err(), "{wrong}");
        }
    }
}
