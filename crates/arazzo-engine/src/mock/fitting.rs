//! An answer that was made up → one that leads on: what the criteria of its step compare takes a value of the comparison
//! that the schema allows.

use std::cell::OnceCell;

use crate::value::{Json, Map};

use super::allowed::Allowed;
use super::wishes::{Part, Wish, to_meet, to_miss};
use crate::expr::jsonpath::{Operator, Wanted};
use crate::expr::pattern::compile as compile_pattern;
use crate::machine::{Course, Forecast, Response};
use crate::node::Node;
use crate::openapi::Api;
use crate::openapi::sample::{invented, sample, spelled, within};
use crate::openapi::schema::Direction;
use crate::program::{Action, Target, Then};
use crate::value::{PathSegment, json_text, numeric};

/// Changes of one answer, one after another.
const ROUNDS: usize = 8;
/// Values that are tried for one wish.
const VALUES: usize = 6;
/// The most items or letters that are made for a wish.
const LENGTH: usize = 1_000;

/// An answer whose body is still a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Draft {
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Json,
}

/// Everything that a draft is judged by.
pub(super) struct Fitting<'f, 'a> {
    pub(super) forecast: &'f Forecast,
    pub(super) api: Api<'a>,
    /// The schema of the body.
    pub(super) schema: Option<&'a Node>,
    /// What criteria of other steps want of the body.
    pub(super) later: &'f [(Vec<PathSegment>, Wanted)],
    /// The answer that a draft becomes.
    pub(super) respond: &'f dyn Fn(&Draft) -> Response,
    /// What the schema allows, once that was asked.
    pub(super) allowed: OnceCell<Allowed>,
}

impl Fitting<'_, '_> {
    /// The draft, changed as little as it takes for the run to go on after it; as it is, if nothing helps.
    pub(super) fn fit(&self, draft: Draft) -> Draft {
        let mut best = self.foreseen(draft);
        let mut score = self.score(&best);
        if score.1 == Course::On {
            return best;
        }
        // An answer that is not as described need not become so.
        let described = self.allowed().has(&best.body);
        for _ in 0..ROUNDS {
            let Some((next, reached)) = self.better(&best, score, described) else { break };
            (best, score) = (next, reached);
            if score.1 == Course::On {
                break;
            }
        }
        best
    }

    /// The draft with what criteria of other steps want of it, as far as it is allowed and does no harm.
    fn foreseen(&self, draft: Draft) -> Draft {
        let mut best = draft;
        for (way, wanted) in self.later {
            let Some(next) = self.granted(&best, &[(Part::Body(way.clone()), wanted.clone())], 0) else { continue };
            if next != best && self.allowed().lets(&best.body, &next.body) && self.score(&next) <= self.score(&best) {
                best = next;
            }
        }
        best
    }

    fn allowed(&self) -> &Allowed {
        self.allowed.get_or_init(|| Allowed::by(self.api, self.schema, Direction::Response))
    }

    /// Criteria that are not met, and the course.
    fn score(&self, draft: &Draft) -> (usize, Course) {
        let response = (self.respond)(draft);
        let (course, criteria) = self.forecast.course(&response);
        (if course == Course::Fails { criteria.len() } else { 0 }, course)
    }

    fn better(&self, draft: &Draft, score: (usize, Course), described: bool) -> Option<(Draft, (usize, Course))> {
        for wishes in self.alternatives(draft) {
            for turn in 0..VALUES {
                let Some(next) = self.granted(draft, &wishes, turn) else { break };
                if next == *draft || described && !self.allowed().has(&next.body) {
                    continue;
                }
                let reached = self.score(&next);
                if reached < score {
                    return Some((next, reached));
                }
            }
        }
        None
    }

    /// What may help: the criteria that are not met, or the actions that lead on and do not apply, or the criteria of the
    /// one that leads elsewhere.
    fn alternatives(&self, draft: &Draft) -> Vec<Vec<Wish>> {
        let response = (self.respond)(draft);
        let (course, criteria) = self.forecast.course(&response);
        let known = &self.forecast.answered(&response);
        if course == Course::Fails {
            // All at once, and one by one.
            let each = criteria.iter().flat_map(|criterion| to_meet(known, &[*criterion]));
            return to_meet(known, &criteria).into_iter().chain(each).collect();
        }
        let Some(step) = self.forecast.step() else { return vec![] };
        // The step that follows in the list is the usual way.
        let next = |action: &&Action| match (&action.then, step.next) {
            (Then::Goto(Target::Step(to)), Some(next)) => *to == next,
            _ => false,
        };
        let on = step.on_success.iter().filter(|action| self.forecast.course_of(step, action) == Course::On);
        let (usual, other): (Vec<&Action>, Vec<&Action>) = on.partition(next);
        let on = usual
            .into_iter()
            .chain(other)
            .flat_map(|action| to_meet(known, &action.criteria.iter().collect::<Vec<_>>()));
        let mut found: Vec<Vec<Wish>> = on.collect();
        found.extend(to_miss(known, &criteria));
        let ends = step.on_success.iter().filter(|action| self.forecast.course_of(step, action) == Course::Ends);
        found.extend(ends.flat_map(|action| to_meet(known, &action.criteria.iter().collect::<Vec<_>>())));
        found
    }

    /// The draft with the value of this turn for each wish; nothing if a wish cannot be granted, or there is none left.
    fn granted(&self, draft: &Draft, wishes: &[Wish], turn: usize) -> Option<Draft> {
        let mut next = draft.clone();
        let mut left = false;
        for (part, wanted) in wishes {
            match part {
                Part::Status => {}
                Part::Header(name) => {
                    let known = next.headers.iter().position(|(known, _)| known.eq_ignore_ascii_case(name));
                    let current = known.and_then(|at| Some(Json::String(next.headers.get(at)?.1.clone())));
                    let values = self.values(wanted, current.as_ref(), None, name);
                    left |= values.len() > turn;
                    let value = values.get(turn.min(values.len().checked_sub(1)?))?.clone();
                    known.map(|at| next.headers.remove(at));
                    next.headers.extend(value.map(|value| (name.to_ascii_lowercase(), json_text(&value))));
                }
                Part::Body(way) => {
                    let schema = self.schema.and_then(|schema| within(self.api, schema, way));
                    let name = way.iter().rev().find_map(|segment| match segment {
                        PathSegment::Member(name) if name.parse::<usize>().is_err() => Some(name.as_str()),
                        _ => None,
                    });
                    let current = get(&next.body, way).cloned();
                    let values = self.values(wanted, current.as_ref(), schema, name.unwrap_or("value"));
                    left |= values.len() > turn;
                    let value = values.get(turn.min(values.len().checked_sub(1)?))?.clone();
                    let every = !matches!(wanted, Wanted::Compare(Operator::Equal, _));
                    set(&mut next.body, way, value.as_ref(), every);
                }
            }
        }
        left.then_some(next)
    }

    /// Values that are as wanted and as described; nothing in the place of a value takes it away.
    fn values(&self, wanted: &Wanted, current: Option<&Json>, schema: Option<&Node>, name: &str) -> Vec<Option<Json>> {
        let made = || schema.map_or_else(|| invented(name, &[]), |schema| sample(self.api, schema, name, &[]));
        let choices = || schema.and_then(|schema| schema.get("enum")).map(Node::items).unwrap_or_default();
        let mut values: Vec<Option<Json>> = match wanted {
            Wanted::Compare(Operator::Equal, Json::Null) | Wanted::Missing => vec![Some(Json::Null), None],
            Wanted::Compare(Operator::Equal, value) => {
                let spelled = choices().iter().map(Node::to_json).filter(|choice| alike(choice, value)).map(Some);
                spelled.chain(spellings(value).into_iter().map(Some)).collect()
            }
            Wanted::Compare(Operator::NotEqual, value) => {
                let others = choices().iter().map(Node::to_json).chain([made()]).chain(others(value));
                let others = others.filter(|other| !alike(other, value)).map(Some);
                others.chain([Some(Json::Null), None]).collect()
            }
            Wanted::Compare(operator, value) => near(*operator, value).into_iter().map(Some).collect(),
            Wanted::There => vec![Some(made())],
            Wanted::Matches(pattern) => {
                let fits = |choice: &Json| matches(pattern, choice);
                let fitting = choices().iter().map(Node::to_json).chain(current.cloned()).filter(fits);
                fitting.chain(spelled(pattern).map(Json::String)).map(Some).collect()
            }
            Wanted::Length(operator, value) => {
                let current = current.filter(|value| value.is_array() || value.is_string()).cloned();
                let current = current.unwrap_or_else(made);
                let item = || {
                    let schema = schema.and_then(|schema| within(self.api, schema, &[PathSegment::Any]));
                    schema.map_or_else(|| invented(name, &[]), |schema| sample(self.api, schema, name, &[]))
                };
                near(*operator, value).iter().filter_map(|length| resized(&current, length, &item)).map(Some).collect()
            }
        };
        let allowed = Allowed::by(self.api, schema, Direction::Response);
        values.retain(|value| value.as_ref().is_none_or(|value| allowed.has(value)));
        values
    }
}

/// `true` for a text in which a pattern finds something.
pub(super) fn matches(pattern: &str, value: &Json) -> bool {
    let (Some(text), Ok(pattern)) = (value.as_str(), compile_pattern(pattern)) else { return false };
    matches!(pattern.is_match(text), Ok(true))
}

/// As simple conditions compare.
pub(super) fn alike(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::String(a), Json::String(b)) => a.eq_ignore_ascii_case(b),
        _ => json_text(a) == json_text(b),
    }
}

/// A value in the types in which it may be compared.
pub(super) fn spellings(value: &Json) -> Vec<Json> {
    let mut found = vec![value.clone()];
    match value {
        Json::String(text) => found.extend(Json::parse(text).filter(|v| !v.is_array() && !v.is_object())),
        Json::Number(_) | Json::Bool(_) => found.push(Json::String(json_text(value))),
        _ => {}
    }
    found
}

pub(super) fn others(value: &Json) -> Vec<Json> {
    match value {
        Json::Bool(value) => vec![Json::Bool(!value)],
        Json::Number(number) => number.as_f64().map(|number| vec![written(number + 1.0)]).unwrap_or_default(),
        Json::String(text) => vec![Json::String(format!("{text}-other"))],
        _ => vec![],
    }
}

/// Numbers that compare so with a number.
pub(super) fn near(operator: Operator, value: &Json) -> Vec<Json> {
    let Some(number) = numeric(value).and_then(|number| number.as_f64()) else { return vec![] };
    let numbers = match operator {
        Operator::Equal | Operator::LessOrEqual | Operator::GreaterOrEqual => vec![number],
        Operator::NotEqual => vec![number + 1.0, number - 1.0],
        Operator::Greater => vec![number + 1.0, number + 0.5, number + 10.0, number * 2.0 + 1.0],
        Operator::Less => vec![number - 1.0, number - 0.5, number / 2.0, number - 10.0],
    };
    let numbers: Vec<Json> = numbers.into_iter().map(written).collect();
    let texts = numbers.iter().map(|number| Json::String(number.to_string())).collect::<Vec<_>>();
    numbers.into_iter().chain(texts).collect()
}

fn written(number: f64) -> Json {
    if number.fract() == 0.0 && number.abs() < 9e15 { Json::from(number as i64) } else { Json::from(number) }
}

/// A list or text of another length.
pub(super) fn resized(current: &Json, length: &Json, item: &dyn Fn() -> Json) -> Option<Json> {
    let length = length.as_u64().and_then(|length| usize::try_from(length).ok()).filter(|length| *length <= LENGTH)?;
    match current {
        Json::Array(items) => {
            let mut items = items.clone();
            items.truncate(length);
            while items.len() < length {
                let next = items.last().cloned().unwrap_or_else(item);
                items.push(next);
            }
            Some(Json::Array(items))
        }
        Json::String(text) => {
            let letters = text.chars().chain(std::iter::repeat('x'));
            Some(Json::String(letters.take(length).collect()))
        }
        _ => None,
    }
}

/// The value at the end of a way: of the first of several.
pub(super) fn get<'v>(value: &'v Json, way: &[PathSegment]) -> Option<&'v Json> {
    let Some((first, rest)) = way.split_first() else { return Some(value) };
    match (first, value) {
        (PathSegment::Any, Json::Array(items)) => get(items.first()?, rest),
        // A filter over an object may mean the object itself.
        (PathSegment::Any, Json::Object(_)) => get(value, rest),
        (PathSegment::Member(name), Json::Object(members)) => get(members.get(name)?, rest),
        (PathSegment::Member(name), Json::Array(items)) => get(items.get(name.parse::<usize>().ok()?)?, rest),
        _ => None,
    }
}

/// Puts a value at the end of a way, or takes it away; `every` item of a list gets it, or the first.
pub(super) fn set(value: &mut Json, way: &[PathSegment], new: Option<&Json>, every: bool) {
    let Some((first, rest)) = way.split_first() else {
        *value = new.cloned().unwrap_or(Json::Null);
        return;
    };
    match (first, &mut *value) {
        (PathSegment::Any, Json::Array(items)) => {
            if items.is_empty() && new.is_some() {
                items.push(Json::Object(Map::new().into()));
            }
            items.iter_mut().take(if every { LENGTH } else { 1 }).for_each(|item| set(item, rest, new, every));
        }
        (PathSegment::Any, Json::Object(_)) => set(value, rest, new, every),
        (PathSegment::Member(name), Json::Array(items)) => {
            let Some(index) = name.parse::<usize>().ok().filter(|index| *index <= items.len()) else { return };
            if rest.is_empty() && new.is_none() {
                items.truncate(index);
                return;
            }
            if index == items.len() && new.is_some() {
                let next = items.last().cloned().unwrap_or_else(|| Json::Object(Map::new().into()));
                items.push(next);
            }
            if let Some(item) = items.get_mut(index) {
                set(item, rest, new, every);
            }
        }
        (PathSegment::Member(name), Json::Object(members)) => match (rest.is_empty(), new) {
            (true, None) => drop(members.shift_remove(name)),
            (_, None) => members.get_mut(name).into_iter().for_each(|member| set(member, rest, new, every)),
            (_, Some(_)) => set(members.entry(name.clone()).or_insert(Json::Null), rest, new, every),
        },
        (PathSegment::Member(_), Json::Null) if new.is_some() => {
            *value = Json::Object(Map::new().into());
            set(value, way, new, every);
        }
        _ => {}
    }
}
