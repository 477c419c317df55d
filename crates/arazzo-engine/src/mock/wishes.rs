//! Criteria → what an answer or a message would have to hold for them to be met, or not to be.

use crate::value::Json;

use crate::expr::condition::Condition;
use crate::expr::jsonpath::{Operator, Wanted, combined};
use crate::expr::{Expr, Root, Template};
use crate::machine::Forecast;
use crate::program::{Build, Criterion, Pattern, Select, Test};
use crate::value::{PathSegment, json_text};

/// Outputs that a value is followed through.
const DEPTH: usize = 8;

/// A part of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    Status,
    Header(String),
    Body(Vec<PathSegment>),
}

/// A part of an answer, and what is wanted of it.
pub(super) type Wish = (Part, Wanted);

/// Alternatives, each of which may make all these criteria met.
pub(super) fn to_meet(forecast: &Forecast, criteria: &[&Criterion]) -> Vec<Vec<Wish>> {
    combined(criteria.iter().map(|criterion| of_criterion(forecast, criterion, true)))
}

/// Alternatives, each of which may make one of these criteria not met.
pub(super) fn to_miss(forecast: &Forecast, criteria: &[&Criterion]) -> Vec<Vec<Wish>> {
    criteria.iter().flat_map(|criterion| of_criterion(forecast, criterion, false)).collect()
}

fn of_criterion(forecast: &Forecast, criterion: &Criterion, met: bool) -> Vec<Vec<Wish>> {
    let below = |context: &Expr, way: Vec<PathSegment>, wanted: Wanted| {
        let (part, of_length) = part(forecast, context, DEPTH)?;
        match part {
            Part::Body(mut to) if !of_length => {
                to.extend(way);
                Some((Part::Body(to), wanted))
            }
            other if way.is_empty() && !of_length => Some((other, wanted)),
            _ => None,
        }
    };
    match &criterion.test {
        Test::Simple(condition) => of_condition(forecast, condition, met),
        Test::Jsonpath(test) => {
            let values: Option<Vec<Json>> =
                test.placeholders.iter().map(|placeholder| forecast.value(&placeholder.expr)).collect();
            let Some(values) = values else { return vec![] };
            let alternatives = test.condition.wishes(met, &values).into_iter();
            let placed = |wishes: Vec<(Vec<PathSegment>, Wanted)>| {
                wishes.into_iter().map(|(way, wanted)| below(&test.context, way, wanted)).collect::<Option<Vec<Wish>>>()
            };
            alternatives.filter_map(placed).collect()
        }
        Test::Regex(test) => {
            let Pattern::Fixed(pattern) = &test.pattern else { return vec![] };
            let wanted = if met { Wanted::Matches(pattern.as_str().to_owned()) } else { Wanted::Missing };
            below(&test.context, vec![], wanted).map(|wish| vec![vec![wish]]).unwrap_or_default()
        }
        Test::Pointer(test) => {
            let way = test.1.tokens().iter().cloned().map(PathSegment::Member).collect();
            let wanted = if met { Wanted::There } else { Wanted::Missing };
            below(&test.0, way, wanted).map(|wish| vec![vec![wish]]).unwrap_or_default()
        }
        Test::Xpath(_) | Test::Spliced(_) | Test::Fails(_) => vec![],
    }
}

fn of_condition(forecast: &Forecast, condition: &Condition, met: bool) -> Vec<Vec<Wish>> {
    match (condition, met) {
        (Condition::Or(list), true) | (Condition::And(list), false) => {
            list.iter().flat_map(|one| of_condition(forecast, one, met)).collect()
        }
        (Condition::And(list), true) | (Condition::Or(list), false) => {
            combined(list.iter().map(|one| of_condition(forecast, one, met)))
        }
        (Condition::Not(inner), _) => of_condition(forecast, inner, !met),
        (Condition::Literal(_), _) => vec![],
        (Condition::Value(expr, _), _) => {
            let Some((part, of_length)) = part(forecast, expr, DEPTH) else { return vec![] };
            if of_length {
                let operator = if met { Operator::Greater } else { Operator::Equal };
                return vec![vec![(part, Wanted::Length(operator, Json::from(0)))]];
            }
            if met {
                return vec![
                    vec![(part.clone(), Wanted::Compare(Operator::Equal, Json::Bool(true)))],
                    vec![(part.clone(), Wanted::Compare(Operator::Greater, Json::from(0)))],
                    vec![(part.clone(), Wanted::Length(Operator::Greater, Json::from(0)))],
                    vec![(part, Wanted::There)],
                ];
            }
            vec![
                vec![(part.clone(), Wanted::Compare(Operator::Equal, Json::Bool(false)))],
                vec![(part.clone(), Wanted::Missing)],
                vec![(part.clone(), Wanted::Length(Operator::Equal, Json::from(0)))],
                vec![(part, Wanted::Compare(Operator::Equal, Json::from(0)))],
            ]
        }
        (Condition::Contains(left, right), _) => {
            let (Condition::Value(expr, _), true) = (left.as_ref(), met) else { return vec![] };
            let text = match right.as_ref() {
                Condition::Literal(json) => Some(json_text(json)),
                Condition::Value(expr, _) => forecast.value(expr).map(|json| json_text(&json)),
                _ => None,
            };
            let (Some((part, false)), Some(text)) = (part(forecast, expr, DEPTH), text) else { return vec![] };
            vec![vec![(part, Wanted::Matches(regex::escape(&text)))]]
        }
        (Condition::Compare(operator, left, right), _) => {
            let operator = if met { *operator } else { operator.negated() };
            let mut found = of_sides(forecast, operator, left, right);
            found.extend(of_sides(forecast, operator.turned(), right, left));
            found
        }
    }
}

/// The wish that the left side of a comparison is as the right one, whose value is known.
fn of_sides(forecast: &Forecast, operator: Operator, left: &Condition, right: &Condition) -> Vec<Vec<Wish>> {
    let Condition::Value(expr, _) = left else { return vec![] };
    let other = match right {
        Condition::Literal(json) => Some(json.clone()),
        Condition::Value(expr, _) => forecast.value(expr),
        _ => None,
    };
    let (Some((part, of_length)), Some(other)) = (part(forecast, expr, DEPTH), other) else { return vec![] };
    let wanted = if of_length { Wanted::Length(operator, other) } else { Wanted::Compare(operator, other) };
    vec![vec![(part, wanted)]]
}

/// The part of the answer that an expression reads, also through an output of the step; `true` if it is the length of it.
fn part(forecast: &Forecast, expr: &Expr, depth: usize) -> Option<(Part, bool)> {
    // A query behind the way selects among what is there; which part it would be is not known.
    if expr.query.is_some() {
        return None;
    }
    let tokens = expr.at.tokens();
    let of_length = expr.dotted && tokens.last().is_some_and(|token| token == "length");
    let known = tokens.len() - usize::from(of_length);
    let rest: Vec<PathSegment> = tokens.iter().take(known).cloned().map(PathSegment::Member).collect();
    match &expr.root {
        Root::StatusCode => Some((Part::Status, false)),
        Root::ResponseHeader(name) | Root::MessageHeader(name) => Some((Part::Header(name.clone()), false)),
        Root::ResponseBody | Root::MessagePayload => Some((Part::Body(rest), of_length)),
        Root::StepOutput(step, name) if forecast.is_own(*step) && depth > 0 => {
            let output = forecast.step()?.outputs.iter().find(|output| output.name == *name)?;
            let (from, way) = match &output.value {
                Build::Template(leaf) => match &leaf.template {
                    Template::Whole(expr) => (expr, vec![]),
                    _ => return None,
                },
                Build::Select(selection) => match &selection.select {
                    Select::Pointer(pointer) => {
                        let way = pointer.tokens().iter().cloned().map(PathSegment::Member).collect();
                        (&selection.context, way)
                    }
                    Select::Jsonpath(query, _) => (&selection.context, query.reads().pop()?),
                    Select::Xpath(..) => return None,
                },
                _ => return None,
            };
            match part(forecast, from, depth - 1)? {
                (Part::Body(mut to), false) => {
                    to.extend(way.into_iter().chain(rest));
                    Some((Part::Body(to), of_length))
                }
                (other, false) if way.is_empty() && rest.is_empty() => Some((other, of_length)),
                _ => None,
            }
        }
        _ => None,
    }
}
