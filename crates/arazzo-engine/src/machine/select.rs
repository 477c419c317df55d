//! Selector Objects and built values → values; the parts of payloads that replacements name.

use std::borrow::Cow;

use crate::value::Json;

use crate::expr::eval::{EvalError, eval, fill};
use crate::expr::pattern::{self, Escape};
use crate::expr::{Lookup, jsonpath};
use crate::program::{Build, Placeholder, Select, Selection};
use crate::value::{Value, json_text};

/// The value of an output; nothing if it is absent or cannot be told.
pub(super) fn evaluate(build: &Build, lookup: &dyn Lookup) -> Option<Value> {
    match build {
        Build::Constant(json) => Some(Value::Json(json.clone())),
        Build::Template(leaf) => fill(&leaf.template, lookup).ok()?.ok()?,
        Build::Select(selection) => select(selection, lookup).ok()?,
        Build::Array(_) | Build::Object(_) | Build::Keyed(_) => None,
    }
}

/// The reason why the value of an output cannot be told of a body that is not JSON.
pub(super) fn problem(build: &Build, lookup: &dyn Lookup) -> Option<String> {
    let evaluated = match build {
        Build::Template(leaf) => fill(&leaf.template, lookup).map(|_| ()),
        Build::Select(selection) if !matches!(selection.select, Select::Xpath(..)) => {
            select(selection, lookup).map(|_| ())
        }
        Build::Select(_) | Build::Constant(_) | Build::Array(_) | Build::Object(_) | Build::Keyed(_) => Ok(()),
    };
    match evaluated {
        Err(EvalError::NotEvaluable(problem)) => Some(problem),
        Err(EvalError::NoAnswer) | Ok(()) => None,
    }
}

/// `true` if a server has a part in a value that is built.
pub(super) fn is_foreign(build: &Build, lookup: &dyn Lookup) -> bool {
    build.reads_any(&mut |read| lookup.is_foreign(read.expr))
}

/// The selection of a Selector Object (docs/readings.md, Selector Objects): a value, an array where the query is written
/// for several or found several, or nothing.
///
/// # Errors
/// [`EvalError`] if there is no answer, or the context is not of the kind that the selector needs.
pub(super) fn select(selection: &Selection, lookup: &dyn Lookup) -> Result<Option<Value>, EvalError> {
    let Some(context) = eval(&selection.context, lookup)? else { return Ok(None) };
    let wrong = |kind: &str| EvalError::NotEvaluable(format!("`{}` is not {kind}", selection.context_text));
    match &selection.select {
        Select::Pointer(pointer) => match context.read() {
            Value::Json(json) => Ok(pointer.find(json).cloned().map(Json::into_value)),
            _ => Err(wrong("JSON")),
        },
        Select::Jsonpath(query, placeholders) => {
            let Value::Json(json) = context.read() else { return Err(wrong("JSON")) };
            let bindings = build_bindings(placeholders, lookup, pattern::escaped)?;
            let found = query.select(json, &bindings, &jsonpath::Limits::default());
            let found = found.map_err(|error| EvalError::NotEvaluable(error.to_string()))?;
            Ok(match found.as_slice() {
                [] if !query.selects_list() => None,
                [only] if !query.selects_list() => Some((*only).clone().into_value()),
                several => Some(Value::Json(several.iter().copied().cloned().collect())),
            })
        }
        Select::Xpath(query, placeholders) => {
            let Some(xml) = read_xml(&context) else { return Err(wrong("XML")) };
            let bindings = build_bindings(placeholders, lookup, pattern::escaped_for_xpath)?;
            let found = query.select(&xml, &bindings).map_err(EvalError::NotEvaluable)?;
            Ok(found.map(Value::Json))
        }
    }
}

/// The values of expressions in braces; `escape` writes those that stand in a pattern and are a server's.
pub(super) fn build_bindings(
    placeholders: &[Placeholder],
    lookup: &dyn Lookup,
    escape: Escape,
) -> Result<Vec<Json>, EvalError> {
    let values = placeholders.iter().map(|placeholder| {
        build_binding(placeholder, lookup, escape)?
            .ok_or_else(|| EvalError::NotEvaluable(format!("`{}` has no value", placeholder.text)))
    });
    values.collect()
}

/// As [`bindings`], of one; nothing if it has no value.
pub(super) fn build_binding(
    placeholder: &Placeholder,
    lookup: &dyn Lookup,
    escape: Escape,
) -> Result<Option<Json>, EvalError> {
    let Some(value) = eval(&placeholder.expr, lookup)? else { return Ok(None) };
    let value = value.into_owned().into_compared();
    let text = match &value {
        Json::String(text) => Cow::Borrowed(text.as_str()),
        other if placeholder.in_string => Cow::Owned(json_text(other)),
        // A number by itself is no pattern.
        _ => return Ok(Some(value)),
    };
    if placeholder.in_pattern && lookup.is_foreign(&placeholder.expr) {
        return Ok(Some(Json::String(escape(&text))));
    }
    Ok(Some(value))
}

/// The text of a value that may be XML: a text body, or a string.
pub(super) fn read_xml(value: &Value) -> Option<Cow<'_, str>> {
    match value.read() {
        Value::Text(text) | Value::Json(Json::String(text)) => Some(Cow::Borrowed(text)),
        Value::Bytes(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
        Value::File(file) => std::str::from_utf8(&file.bytes).ok().map(Cow::Borrowed),
        Value::Json(_) | Value::Body(_) => None,
    }
}
