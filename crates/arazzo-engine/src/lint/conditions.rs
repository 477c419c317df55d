//! Conditions that can never be met: against schemas, against documented statuses, and against one another.

use crate::value::Json;

use super::Lint;
use super::answers::{After, Resolution};
use super::comparisons::{Equality, equalities, excludes, same};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Help, More, nearest};
use crate::expr::condition::Condition;
use crate::expr::jsonpath::Operator;
use crate::expr::{Expr, Root, StepId};
use crate::media_type::is_json;
use crate::openapi::shape::{Shape, articles};
use crate::openapi::status::{StatusKey, is_success};
use crate::program::{Action, Criterion, Test};
use crate::source::Span;
use crate::value::{PathSegment, numeric};

impl Lint<'_> {
    pub(super) fn check_conditions(&mut self, id: StepId) {
        let program = self.program;
        let Some(step) = program.step(id) else { return };
        let good = step.criteria.iter().chain(step.on_success.iter().flat_map(|action| &action.criteria));
        let bad = step.on_failure.iter().flat_map(|action| &action.criteria);
        let all = good.map(|criterion| (criterion, false)).chain(bad.map(|criterion| (criterion, true)));
        let before = self.diagnostics.iter().count();
        for (criterion, failed) in all {
            let after = After { step: id, failed };
            match &criterion.test {
                Test::Simple(condition) => self.condition(after, condition, criterion),
                Test::Jsonpath(test) => {
                    for (ways, literal) in test.condition.compared() {
                        self.compared(after, &test.context, &ways, &literal, criterion);
                    }
                }
                Test::Xpath(test) => self.xpath(after, &test.context, criterion),
                _ => {}
            }
        }
        self.contradictions(&step.criteria);
        // One that is never met says nothing about the others.
        let never: Vec<Span> =
            self.diagnostics.iter().skip(before).filter(|d| d.code == Code::NeverMet).filter_map(|d| d.span).collect();
        let possible = |criterion: &&Criterion| never.is_empty() || !never.contains(&criterion.span);
        let met: Vec<Equality<'_>> = step.criteria.iter().filter(|one| possible(one)).flat_map(equalities).collect();
        for action in &step.on_success {
            let wanted: Vec<Equality<'_>> =
                action.criteria.iter().filter(|one| possible(one)).flat_map(equalities).collect();
            self.contradictions(&action.criteria);
            let clash = wanted.iter().find(|one| met.iter().any(|other| excludes(one, other)));
            let failed = |(expr, json): &&Equality<'_>| {
                let status = matches!(expr.root, Root::StatusCode).then(|| numeric(json)?.as_f64()).flatten();
                // Without criteria, what is not 2xx, or a documented 3xx, is no success.
                step.criteria.is_empty() && status.is_some_and(|status| !(200.0..400.0).contains(&status))
            };
            if clash.is_some() || wanted.iter().any(|one| failed(&one)) {
                let because = if step.criteria.is_empty() { "a 2xx answer" } else { "its successCriteria" };
                self.never_matches(action, &format!("the step succeeds with {because}"));
            }
        }
        for action in &step.on_failure {
            self.contradictions(&action.criteria);
            let wanted: Vec<Equality<'_>> =
                action.criteria.iter().filter(|one| possible(one)).flat_map(equalities).collect();
            let good = |(expr, json): &Equality<'_>| {
                if !matches!(expr.root, Root::StatusCode) {
                    return false;
                }
                match step.criteria.as_slice() {
                    [] => numeric(json).and_then(|n| n.as_f64()).is_some_and(|n| (200.0..300.0).contains(&n)),
                    [only] => match &only.test {
                        Test::Simple(Condition::Compare(Operator::Equal, ..)) => {
                            equalities(only).iter().any(|(known, value)| *known == *expr && same(value, json))
                        }
                        _ => false,
                    },
                    _ => false,
                }
            };
            if wanted.iter().any(good) {
                self.never_matches(action, "with this status the step succeeds");
            }
        }
    }

    fn never_matches(&mut self, action: &Action, because: &str) {
        let span = action.criteria.first().map_or(action.span, |criterion| criterion.span);
        self.push(
            Diagnostic::warning(Code::NeverMet, span, format!("action `{}` can never match: {because}", action.name))
                .help("correct its criteria, or leave it out".to_owned())
                .section("§Criterion Object"),
        );
    }

    /// Two comparisons that all must be met, and cannot be met together.
    fn contradictions(&mut self, criteria: &[Criterion]) {
        let all: Vec<(Equality<'_>, &Criterion)> =
            criteria.iter().flat_map(|c| equalities(c).into_iter().map(move |e| (e, c))).collect();
        for (index, (one, criterion)) in all.iter().enumerate() {
            if let Some((other, _)) = all.iter().take(index).find(|(other, _)| excludes(one, other)) {
                let span = criterion.span;
                let message =
                    format!("these conditions are never met together: the value cannot be {} and {}", other.1, one.1);
                self.push(
                    Diagnostic::warning(Code::NeverMet, span, message)
                        .help("write `||` between them for one or the other".to_owned())
                        .section("§Criterion Object"),
                );
            }
        }
    }

    fn condition(&mut self, after: After, condition: &Condition, criterion: &Criterion) {
        match condition {
            Condition::Literal(_) | Condition::Value(..) | Condition::Contains(..) => {}
            Condition::Not(inner) => self.condition(after, inner, criterion),
            Condition::And(list) | Condition::Or(list) => {
                list.iter().for_each(|one| self.condition(after, one, criterion));
            }
            Condition::Compare(operator, left, right) => {
                let (expr, literal) = match (left.as_ref(), right.as_ref()) {
                    (Condition::Value(expr, _), Condition::Literal(json))
                    | (Condition::Literal(json), Condition::Value(expr, _)) => (expr, json),
                    _ => return,
                };
                if matches!(expr.root, Root::StatusCode) {
                    self.status(after.step, literal, criterion, *operator);
                } else if matches!(operator, Operator::Equal | Operator::NotEqual) {
                    self.compared(after, expr, &[], literal, criterion);
                }
            }
        }
    }

    fn status(&mut self, step: StepId, literal: &Json, criterion: &Criterion, operator: Operator) {
        let span = criterion.span;
        let status = numeric(literal).and_then(|number| number.as_f64());
        let found = status.filter(|n| n.fract() == 0.0 && (100.0..600.0).contains(n) || operator != Operator::Equal);
        let beyond = found.is_some_and(|status| match operator {
            Operator::Greater => status >= 599.0,
            Operator::GreaterOrEqual => status > 599.0,
            Operator::Less => status <= 100.0,
            Operator::LessOrEqual => status < 100.0,
            _ => false,
        });
        let Some(status) = found.filter(|_| !beyond) else {
            let message = if beyond {
                format!("a status code is a number from 100 to 599: this is never met with {literal}")
            } else {
                format!("a status code is a number from 100 to 599, never {literal}")
            };
            self.push(
                Diagnostic::warning(Code::NeverMet, span, message)
                    .help("compare with a status code such as 200".to_owned())
                    .section("§Criterion Object"),
            );
            return;
        };
        if literal.is_string() {
            let message = format!("a status code is a number, and {literal} is a string");
            self.push(
                Diagnostic::warning(Code::StatusAsText, span, message)
                    .help(format!("write {status}, without quotes"))
                    .section("§Criterion Object"),
            );
            return;
        }
        let Some(operation) = self.step(step).and_then(|view| view.operation) else { return };
        let responses = operation.responses();
        let wanted = status.to_string();
        let documented = responses.is_empty()
            || operator != Operator::Equal
            || responses
                .iter()
                .any(|(known, _)| StatusKey::parse(known).is_some_and(|known| known.covers(status as u16)));
        if !documented {
            // Other answers of success are documented: this one will not come. What failures are like is often left out.
            let wrong = is_success(&wanted)
                && responses.iter().any(|(known, _)| is_success(known))
                && self.program.step(step).is_some_and(|step| step.criteria.iter().any(|c| std::ptr::eq(c, criterion)));
            let known: Vec<&str> = responses.iter().map(|(known, _)| *known).collect();
            let message = format!("operation `{}` does not document the status {wanted}", operation.name());
            let say = if wrong { Diagnostic::warning } else { Diagnostic::hint };
            self.push(
                say(Code::UndocumentedStatus, span, message)
                    .note(operation.key.span, "the operation")
                    .help(format!("it documents {}", known.join(", ")))
                    .section("§Criterion Object"),
            );
        }
    }

    /// A query over XML, where all answers of success are JSON.
    fn xpath(&mut self, after: After, context: &Expr, criterion: &Criterion) {
        if context.root != Root::ResponseBody || !context.at.is_whole() || after.failed {
            return;
        }
        let Some(operation) = self.step(after.step).and_then(|view| view.operation) else { return };
        let good = operation
            .response_nodes()
            .iter()
            .filter(|(key, _)| !matches!(key.name.as_bytes().first(), Some(b'3'..=b'5')));
        let resolved = good.filter_map(|(_, node)| operation.api().resolve(node).ok());
        let kinds: Vec<&str> = resolved.flat_map(|node| operation.content(node)).map(|media| media.name).collect();
        if kinds.is_empty() || !kinds.iter().all(|kind| is_json(kind)) {
            return;
        }
        let message =
            format!("XPath is for XML, and operation `{}` answers with {}", operation.name(), kinds.join(", "));
        self.push(
            Diagnostic::warning(Code::NeverMet, criterion.span, message)
                .note(operation.key.span, "the operation")
                .help("write a JSONPath query: `type: jsonpath`".to_owned())
                .section("§Criterion Object"),
        );
    }

    /// A value of a known type, or one of a known list, beside a constant that it never is.
    fn compared(&mut self, after: After, expr: &Expr, ways: &[PathSegment], literal: &Json, criterion: &Criterion) {
        let Resolution::To(shape) = self.resolve_read(Some(after), expr, ways, &mut None, 0) else { return };
        if literal.is_null() || matches!(shape, Shape::Unknown) {
            return;
        }
        let span = criterion.span;
        if let Some(values) = shape.values() {
            if !values.iter().any(|value| same(value, literal)) {
                let words: Vec<&str> = values.iter().filter_map(Json::as_str).collect();
                let near = literal.as_str().and_then(|text| nearest(text, words.iter().copied()));
                let known: Vec<String> = values.iter().filter(|v| !v.is_null()).map(crate::value::json_text).collect();
                let message = format!("the value is never {literal}");
                let help = near.map_or_else(
                    || Help::words(format!("it is one of {}", known.join(", "))),
                    |near| Help::meant_and(near, More::Words(format!("it is one of {}", known.join(", ")))),
                );
                self.push(Diagnostic::warning(Code::NeverMet, span, message).help(help).section("§Criterion Object"));
            }
            return;
        }
        let Some(mut types) = shape.types() else { return };
        types.remove("null");
        let number = numeric(literal).is_some();
        let truth = literal.is_boolean()
            || literal
                .as_str()
                .is_some_and(|text| ["true", "false"].iter().any(|word| text.eq_ignore_ascii_case(word)));
        let may = types.iter().any(|name| match name.as_str() {
            "integer" | "number" => number,
            "boolean" => truth,
            "string" => true,
            // Constants are never lists or objects.
            _ => false,
        });
        if !may && !types.is_empty() {
            let message = format!("the value is {}, never {literal}", articles(&types));
            self.push(Diagnostic::warning(Code::NeverMet, span, message).section("§Criterion Object"));
        }
    }
}
