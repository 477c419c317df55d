//! What a schema allows, for all parts of the mock that ask.

use crate::json_schema::checking::{Validator, plain};
use crate::node::Node;
use crate::openapi::Api;
use crate::openapi::schema::{Direction, validator};
use crate::value::Json;

/// Faults that one schema reports at most.
const REPORTED: usize = 8;

/// The values that a schema allows; all, where there is none, or one that cannot be checked.
#[derive(Debug)]
pub(super) struct Allowed(Option<Validator>);

impl Allowed {
    pub(super) const ALL: Self = Self(None);

    pub(super) fn by(api: Api<'_>, schema: Option<&Node>, direction: Direction) -> Self {
        Self(schema.and_then(|schema| validator(api, schema, direction).ok()))
    }

    pub(super) fn has(&self, value: &Json) -> bool {
        self.0.as_ref().is_none_or(|validator| validator.is_valid(value))
    }

    /// `true` if a change spoils nothing: what comes of it is allowed, or what was before was not.
    pub(super) fn lets(&self, before: &Json, next: &Json) -> bool {
        self.has(next) || !self.has(before)
    }

    /// The places at which a value is not allowed, and why.
    pub(super) fn faults(&self, value: &Json) -> Vec<(String, String)> {
        let Some(validator) = &self.0 else { return vec![] };
        let faults =
            validator.faults(value, REPORTED, |error| (error.instance_path().to_string(), plain(&error.to_string())));
        faults.unwrap_or_else(|reason| vec![(String::new(), format!("it cannot be checked: {reason}"))])
    }
}
