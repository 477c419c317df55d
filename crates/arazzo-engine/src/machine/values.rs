//! Scope → values: all that a step sends or passes on, filled in from the steps so far. Knows nothing of requests.

use crate::value::{Json, Map};

use super::fault::{Fault, Remark};
use super::select;
use crate::expr::eval::{AbsentInText, EvalError, fill_escaped};
use crate::expr::{Expr, Lookup, Piece, Root, Template};
use crate::program::{Build, Leaf, Program, Selection, Step};
use crate::reason::Reason;
use crate::value::Value;

/// Builds the values of one step, and keeps what it learns meanwhile.
pub(super) struct ValueBuilder<'a> {
    pub(super) program: &'a Program,
    pub(super) step: &'a Step,
    pub(super) lookup: &'a dyn Lookup,
    /// Expressions without a value, and what was left out because of them.
    pub(super) absent: Vec<(String, String)>,
    /// Values in credential positions, with the names of what they are for.
    pub(super) credentials: Vec<(String, Json)>,
    /// Bytes of the values that were put together so far.
    bytes: usize,
}

impl<'a> ValueBuilder<'a> {
    pub(super) fn new(program: &'a Program, step: &'a Step, lookup: &'a dyn Lookup) -> Self {
        Self { program, step, lookup, absent: vec![], credentials: vec![], bytes: 0 }
    }

    /// The value, or nothing if it is one expression without a value.
    pub(super) fn build(&mut self, build: &Build, target: &str) -> Result<Option<Value>, Box<Fault>> {
        self.build_escaped(build, target, &|value| value.to_text())
    }

    /// As [`ValueBuilder::build`], with values inside of texts written by `escape`.
    pub(super) fn build_escaped(
        &mut self,
        build: &Build,
        target: &str,
        escape: &dyn Fn(&Value) -> String,
    ) -> Result<Option<Value>, Box<Fault>> {
        match build {
            Build::Constant(json) => Ok(Some(Value::Json(json.clone()))),
            Build::Template(leaf) => self.fill(leaf, target, escape),
            Build::Select(selection) => self.select(selection, target),
            Build::Array(items) => {
                let mut built = vec![];
                for item in items {
                    let value = self.build(item, &format!("an item of `{target}`"))?;
                    built.extend(self.take_part(value)?);
                }
                Ok(Some(Value::Json(Json::Array(built.into()))))
            }
            Build::Object(members) => {
                let mut built = Map::new();
                for (name, member) in members {
                    let value = self.build(member, name)?;
                    if let Some(value) = self.take_part(value)? {
                        built.insert(name.clone(), value);
                    }
                }
                Ok(Some(Value::Json(Json::Object(built.into()))))
            }
            Build::Keyed(members) => {
                let mut built = Map::new();
                for (key, member) in members {
                    let name = self.name(key)?;
                    let value = self.build(member, &name)?;
                    if let Some(value) = self.take_part(value)?
                        && built.insert(name.clone(), value).is_some()
                    {
                        return Err(self.doubled_member(&name));
                    }
                }
                Ok(Some(Value::Json(Json::Object(built.into()))))
            }
        }
    }

    /// The fault of two members that come to have one name.
    pub(super) fn doubled_member(&self, name: &str) -> Box<Fault> {
        let message = format!("two members of the payload are called `{name}`, once its names have their values");
        Fault::unsent(Reason::UnsafeValue, self.step, self.step.span, message)
    }

    /// The name of a member that is built: its text.
    pub(super) fn name(&mut self, key: &Build) -> Result<String, Box<Fault>> {
        let name = self.build(key, "the name of a member")?;
        Ok(name.map(|name| name.to_text()).unwrap_or_default())
    }

    /// A part of an object or an array, if there is still room for it.
    fn take_part(&mut self, value: Option<Value>) -> Result<Option<Json>, Box<Fault>> {
        let Some(value) = value.map(Value::into_json) else { return Ok(None) };
        self.bytes += json_bytes(&value);
        if !self.lookup.has_room(self.bytes) {
            let message = "the values that are put together here are too large".to_owned();
            return Err(Fault::unsent(Reason::ValueLimit, self.step, self.step.span, message));
        }
        Ok(Some(value))
    }

    /// The part of another value that a Selector Object selects.
    fn select(&mut self, selection: &Selection, target: &str) -> Result<Option<Value>, Box<Fault>> {
        let found = select::select(selection, self.lookup).map_err(|error| {
            let reason = match error {
                EvalError::NoAnswer => "there is no answer to read".to_owned(),
                EvalError::NotEvaluable(reason) => reason,
            };
            let message = format!("the selector `{}` cannot be evaluated: {reason}", selection.text);
            Fault::unsent(Reason::AbsentValue, self.step, selection.span, message)
        })?;
        match &found {
            Some(value) if selection.credential => {
                self.credentials.push((target.to_owned(), value.clone().into_json()));
            }
            Some(_) => {}
            None => self.absent.push((selection.text.clone(), target.to_owned())),
        }
        Ok(found)
    }

    /// The value of a string with expressions.
    fn fill(
        &mut self,
        leaf: &Leaf,
        target: &str,
        escape: &dyn Fn(&Value) -> String,
    ) -> Result<Option<Value>, Box<Fault>> {
        let filled = match fill_escaped(&leaf.template, self.lookup, escape) {
            Ok(filled) => filled,
            Err(EvalError::NoAnswer) => {
                return Err(Fault::unsent(
                    Reason::AbsentValue,
                    self.step,
                    leaf.span,
                    format!("`{}` reads an answer before the request is sent", leaf.text),
                ));
            }
            Err(EvalError::NotEvaluable(reason)) => {
                return Err(Fault::unsent(
                    Reason::AbsentValue,
                    self.step,
                    leaf.span,
                    format!("`{}` cannot be read: {reason}", leaf.text),
                ));
            }
        };
        match filled {
            Ok(Some(value)) => {
                if leaf.credential {
                    self.credentials.push((target.to_owned(), value.clone().into_json()));
                }
                Ok(Some(value))
            }
            Ok(None) => {
                self.absent.push((leaf.text.clone(), target.to_owned()));
                Ok(None)
            }
            Err(AbsentInText(range)) => {
                let written = leaf.text.get(range.clone()).unwrap_or_default();
                let mut fault = Fault::unsent(
                    Reason::AbsentValue,
                    self.step,
                    leaf.span,
                    format!("`{written}` has no value, and the text cannot be built without it"),
                );
                if let Template::Text(pieces) = &leaf.template {
                    let expr = pieces.iter().find_map(|piece| match piece {
                        Piece::Value(expr, at) if *at == range => Some(expr),
                        _ => None,
                    });
                    fault.remarks.extend(expr.and_then(|expr| self.explain_absence(expr)).map(Remark::Fact));
                }
                Err(fault)
            }
        }
    }

    /// The reason for which a value is absent: what would have given it.
    pub(super) fn explain_absence(&self, expr: &Expr) -> Option<String> {
        match &expr.root {
            Root::Input(name) => Some(format!("input `{name}` was not given")),
            Root::StepOutput(step, name) => {
                let from = self.program.step(*step)?;
                if self.lookup.outputs(*step).is_none() {
                    return Some(format!("step `{}` has not run", from.name));
                }
                let output = from.outputs.iter().find(|output| output.name == *name)?;
                // It has a value, in which the rest of the way leads nowhere.
                if let (Some(value), false) = (self.lookup.output(*step, name), expr.at.is_whole()) {
                    let is = match value.read() {
                        Value::Json(Json::Array(_)) => "a list, whose items have numbers",
                        Value::Json(Json::Object(_)) => "an object without this member",
                        Value::Json(Json::Null) => "null",
                        Value::Json(Json::Number(_)) => "a number, which has no members",
                        Value::Json(Json::Bool(_)) => "a boolean, which has no members",
                        _ => "a text, which has no members",
                    };
                    return Some(format!("output `{name}` of step `{}` is {is}", from.name));
                }
                Some(format!("output `{name}` of step `{}` is `{}`, which found nothing", from.name, output.text))
            }
            _ => None,
        }
    }
}

/// About as many bytes as a value takes in memory or on the wire.
fn json_bytes(json: &Json) -> usize {
    match json {
        Json::String(text) => text.len(),
        Json::Bytes(file) => file.bytes.len(),
        Json::Array(items) => items.iter().map(json_bytes).sum::<usize>() + 8,
        Json::Object(members) => members.iter().map(|(name, value)| name.len() + json_bytes(value)).sum::<usize>() + 8,
        Json::Null | Json::Bool(_) | Json::Number(_) => 8,
    }
}
