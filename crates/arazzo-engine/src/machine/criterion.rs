//! Criterion + scope → whether it is met, and the values that it read. Decides nothing about where to go.

use std::borrow::Cow;

use crate::value::Json;

use super::select::{build_binding, build_bindings, read_xml};
use crate::expr::eval::{EvalError, eval, fill};
use crate::expr::jsonpath::{self, ObjectFilter};
use crate::expr::pattern::{self, Regexp};
use crate::expr::{Expr, Lookup, Piece, Root, Template, condition, xpath};
use crate::program::{Criterion, JsonpathTest, Pattern, SplicedTest, Test};
use crate::readings::Readings;
use crate::value::{ExpressionType, Pointer, Value};

/// A value that a criterion read; none if it was absent. It may hold secrets, and is whole.
pub(super) struct Seen {
    pub(super) expression: String,
    pub(super) value: Option<Json>,
}

impl Seen {
    fn new(expression: &str, value: Option<Json>) -> Self {
        Self { expression: expression.to_owned(), value }
    }
}

/// The result of a criterion.
pub(super) struct Judged {
    /// Whether it is met; the text says why it cannot be told.
    pub(super) met: Result<bool, String>,
    /// The values it read.
    pub(super) saw: Vec<Seen>,
    /// `true` if a filter tested an object as itself (docs/readings.md, `jsonpath-filter-on-object`).
    pub(super) tested_self: bool,
}

impl Judged {
    fn new(met: Result<bool, String>, saw: Vec<Seen>) -> Self {
        Self { met, saw, tested_self: false }
    }

    /// A criterion that cannot be evaluated because of a value that it read.
    fn not_evaluable(expression: &str, value: Option<Json>, problem: String) -> Self {
        Self::new(Err(problem), vec![Seen::new(expression, value)])
    }

    /// A criterion whose context has no value.
    fn unmet_without(context: &str) -> Self {
        Self::new(Ok(false), vec![Seen::new(context, None)])
    }

    /// A criterion with an expression that cannot be evaluated.
    fn failed(error: EvalError) -> Self {
        Self::new(into_verdict(Err(error)), vec![])
    }
}

/// Evaluates one criterion.
pub(super) fn evaluate(criterion: &Criterion, lookup: &dyn Lookup, readings: Readings) -> Judged {
    let context = criterion.context.as_deref().unwrap_or_default();
    match &criterion.test {
        Test::Simple(parsed) => evaluate_simple(parsed, &criterion.text, lookup),
        Test::Jsonpath(test) => evaluate_jsonpath(test, context, lookup, readings),
        Test::Regex(test) => match &test.pattern {
            Pattern::Fixed(pattern) => evaluate_regex(&test.context, pattern, context, lookup),
            Pattern::Pieces(pieces) => match fill_pattern(pieces, lookup) {
                Ok(pattern) => evaluate_regex(&test.context, &pattern, context, lookup),
                Err(judged) => judged,
            },
        },
        Test::Xpath(test) => match build_bindings(&test.placeholders, lookup, pattern::escaped_for_xpath) {
            Ok(bindings) => evaluate_xpath(&test.context, &test.query, &bindings, context, lookup),
            Err(error) => Judged::failed(error),
        },
        Test::Pointer(test) => evaluate_pointer(test, (&criterion.text, context), lookup),
        Test::Spliced(test) => evaluate_spliced(test, context, lookup),
        Test::Fails(reason) => Judged::new(Err(reason.clone()), vec![]),
    }
}

/// A condition with operators; each value that it read is seen once.
fn evaluate_simple(parsed: &condition::Condition, text: &str, lookup: &dyn Lookup) -> Judged {
    let mut values = vec![];
    let met = condition::holds(parsed, lookup, &mut values);
    if matches!(met, Ok(false)) {
        // Whoever asks why wants all of it, also what stands behind the part that decided.
        values.clear();
        condition::read(parsed, lookup, &mut values);
    }
    let mut saw: Vec<Seen> = vec![];
    for (range, value) in values {
        let expression = text.get(range).unwrap_or_default();
        if !saw.iter().any(|known| known.expression == expression) {
            saw.push(Seen::new(expression, value));
        }
    }
    Judged::new(into_verdict(met), saw)
}

/// A query over JSON, or a filter.
fn evaluate_jsonpath(test: &JsonpathTest, written: &str, lookup: &dyn Lookup, readings: Readings) -> Judged {
    let JsonpathTest { context, condition, placeholders } = test;
    let json = match read_json(context, written, lookup) {
        Ok(json) => json,
        Err(judged) => return judged,
    };
    let mut bindings = vec![];
    for placeholder in placeholders {
        match build_binding(placeholder, lookup, pattern::escaped) {
            Ok(Some(value)) => bindings.push(value),
            Ok(None) => {
                let problem = format!("`{}` has no value", placeholder.text);
                return Judged::not_evaluable(&placeholder.text, None, problem);
            }
            Err(error) => return Judged::failed(error),
        }
    }
    let operands = condition.operands(&json, &bindings).into_iter();
    let saw = operands.map(|(expression, value)| Seen { expression, value }).collect();
    let is_query = matches!(condition, jsonpath::Condition::Query(_));
    if json.is_null() && is_query {
        // "If the context evaluates to null, the condition MUST evaluate to fail."
        return Judged::new(Ok(false), saw);
    }
    // Some evaluate over an array around the context (docs/readings.md, `respect-context`).
    let wrapped = matches!(condition, jsonpath::Condition::Query(query) if query.expects_wrapping());
    if wrapped && json.is_object() && readings != Readings::Letter {
        let reason = "`$[0]` selects nothing of an object: leave it out (respect-context)";
        return Judged::new(Err(reason.to_owned()), saw);
    }
    let filter = if readings == Readings::Letter { ObjectFilter::Members } else { ObjectFilter::MembersOrSelf };
    match condition.holds(&json, &bindings, &jsonpath::Limits::default(), filter) {
        Err(error) => Judged::new(Err(error.to_string()), saw),
        Ok(verdict) if verdict.tested_self && readings == Readings::Strict => {
            let reason = "its filter stands over an object whose members have nothing that it asks for (jsonpath-filter-on-object)";
            Judged { met: Err(reason.to_owned()), saw, tested_self: true }
        }
        Ok(verdict) => Judged { met: Ok(verdict.met), saw, tested_self: verdict.tested_self },
    }
}

/// The context of a query as JSON; else what its criterion comes to.
fn read_json(context: &Expr, written: &str, lookup: &dyn Lookup) -> Result<Json, Judged> {
    match read_context(context, written, lookup)?.into_owned().into_read() {
        Value::Json(json) => Ok(json),
        Value::Text(text) => {
            let answer = lookup.exchange().and_then(|exchange| exchange.answer.as_ref());
            let kind = answer.map(|answer| answer.media_type.as_str()).unwrap_or_default();
            let of_body = context.root == Root::ResponseBody && !kind.is_empty();
            let kind = if of_body { format!("`{kind}`") } else { "text".to_owned() };
            let value = Json::String(text);
            Err(Judged::not_evaluable(written, Some(value), format!("`{written}` is not JSON but {kind}")))
        }
        Value::Bytes(_) | Value::File(_) | Value::Body(_) => {
            Err(Judged::not_evaluable(written, None, format!("`{written}` is not JSON")))
        }
    }
}

/// The context of a query; else what its criterion comes to.
fn read_context<'l>(context: &Expr, written: &str, lookup: &'l dyn Lookup) -> Result<Cow<'l, Value>, Judged> {
    match eval(context, lookup) {
        Ok(Some(value)) => Ok(value),
        Ok(None) if context.root == Root::ResponseBody && context.at.is_whole() => {
            let problem = "the response has no body, so there is nothing to query";
            Err(Judged::not_evaluable(written, None, problem.to_owned()))
        }
        Ok(None) => Err(Judged::unmet_without(written)),
        Err(error) => Err(Judged::failed(error)),
    }
}

/// A place in JSON, at which there is a value that is not null.
fn evaluate_pointer(
    (context, pointer): &(Expr, Pointer),
    (text, written): (&str, &str),
    lookup: &dyn Lookup,
) -> Judged {
    let value = match eval(context, lookup) {
        Ok(Some(value)) => value,
        Ok(None) => return Judged::unmet_without(written),
        Err(error) => return Judged::failed(error),
    };
    let Value::Json(json) = value.read() else {
        return Judged::not_evaluable(written, None, format!("`{written}` is not JSON"));
    };
    let found = pointer.find(json);
    let saw = Seen::new(text, found.cloned());
    Judged::new(Ok(found.is_some_and(|json| !json.is_null())), vec![saw])
}

/// By the letter: the values become part of the condition as text, and the result is evaluated as what it is then.
fn evaluate_spliced(test: &SplicedTest, written: &str, lookup: &dyn Lookup) -> Judged {
    let filled = fill(&Template::Text(test.pieces.clone()), lookup);
    let text = match filled {
        Ok(Ok(value)) => value.map(|value| value.to_text()).unwrap_or_default(),
        Ok(Err(_)) => return Judged::new(Err("an expression in the condition has no value".to_owned()), vec![]),
        Err(error) => return Judged::failed(error),
    };
    let fails = |reason: String| Judged::new(Err(reason), vec![]);
    match test.kind {
        ExpressionType::Simple | ExpressionType::Jsonpointer => {
            fails("expressions in braces do not stand here".to_owned())
        }
        ExpressionType::Regex => match pattern::compile(&text) {
            Ok(pattern) => evaluate_regex(&test.context, &pattern, written, lookup),
            Err(reason) => fails(format!("not a pattern: {reason}")),
        },
        ExpressionType::Xpath(_) => match xpath::Query::parse(&text, false) {
            Ok(query) => evaluate_xpath(&test.context, &query, &[], written, lookup),
            // Its message would quote a part of the values, cut before they are masked.
            Err(_) => fails("with its values, the condition is not an XPath query".to_owned()),
        },
        ExpressionType::Jsonpath | ExpressionType::Goessner => {
            let dialect = match test.kind {
                ExpressionType::Goessner => jsonpath::Dialect::Goessner,
                _ => jsonpath::Dialect::Rfc9535,
            };
            let query = match jsonpath::Query::parse(&text, dialect, false) {
                Ok(query) => query,
                Err(_) => return fails("with its values, the condition is not a JSONPath query".to_owned()),
            };
            match eval(&test.context, lookup) {
                Ok(Some(value)) => match value.read() {
                    Value::Json(Json::Null) => Judged::new(Ok(false), vec![]),
                    Value::Json(json) => match query.select(json, &[], &jsonpath::Limits::default()) {
                        Ok(found) => Judged::new(Ok(!found.is_empty()), vec![]),
                        Err(error) => fails(error.to_string()),
                    },
                    _ => Judged::not_evaluable(written, None, format!("`{written}` is not JSON")),
                },
                Ok(None) => Judged::new(Ok(false), vec![]),
                Err(error) => Judged::failed(error),
            }
        }
    }
}

/// A query over XML; null and nothing do not pass (specification, XPath Conditions).
fn evaluate_xpath(
    context: &Expr,
    query: &xpath::Query,
    bindings: &[Json],
    written: &str,
    lookup: &dyn Lookup,
) -> Judged {
    let value = match read_context(context, written, lookup) {
        Ok(value) => value,
        Err(judged) => return judged,
    };
    if matches!(value.read(), Value::Json(Json::Null)) {
        return Judged::unmet_without(written);
    }
    let Some(xml) = read_xml(&value) else {
        return Judged::not_evaluable(written, None, format!("`{written}` is not XML"));
    };
    let saw = vec![Seen::new(written, Some(Json::String(xml.to_string())))];
    match query.holds(&xml, bindings) {
        Ok(met) => Judged::new(Ok(met), saw),
        Err(reason) => Judged::new(Err(reason), saw),
    }
}

/// A pattern with values in it: what its author and its user wrote is part of the pattern, what a server
/// sent stands for itself, however it was passed on.
fn fill_pattern(pieces: &[Piece], lookup: &dyn Lookup) -> Result<Regexp, Judged> {
    let fails = |reason: String| Judged::new(Err(reason), vec![]);
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(part) => text.push_str(part),
            Piece::Value(expr, _) => match eval(expr, lookup) {
                Ok(Some(value)) if lookup.is_foreign(expr) => text.push_str(&pattern::escaped(&value.to_text())),
                Ok(Some(value)) => text.push_str(&value.to_text()),
                Ok(None) => return Err(fails("an expression in the pattern has no value".to_owned())),
                Err(error) => return Err(Judged::failed(error)),
            },
        }
    }
    pattern::compile(&text).map_err(|reason| fails(format!("not a pattern: {reason}")))
}

/// A pattern over the text of a value; null and nothing do not match (specification, Regex Conditions).
fn evaluate_regex(context: &Expr, pattern: &Regexp, written: &str, lookup: &dyn Lookup) -> Judged {
    let value = match eval(context, lookup) {
        Ok(value) => value,
        Err(error) => return Judged::failed(error),
    };
    let saw = |value: Option<Json>| vec![Seen::new(written, value)];
    match value.as_deref().map(Value::read) {
        None | Some(Value::Json(Json::Null)) => Judged::new(Ok(false), saw(None)),
        Some(Value::Bytes(_)) => Judged::not_evaluable(written, None, format!("`{written}` is not text")),
        Some(value) => {
            let text = value.to_text();
            let met = pattern.is_match(&text).map_err(|too_long| too_long.to_string());
            Judged::new(met, saw(Some(Json::String(text))))
        }
    }
}

/// Without an answer a criterion is not met, whatever its operators say (docs/readings.md, "no answer").
fn into_verdict(met: Result<bool, EvalError>) -> Result<bool, String> {
    match met {
        Ok(met) => Ok(met),
        Err(EvalError::NoAnswer) => Ok(false),
        Err(EvalError::NotEvaluable(problem)) => Err(problem),
    }
}
