//! A message that was made up → others with which the criteria of a step may hold: what they compare takes a value of the
//! comparison that the schema of the payload allows.

use super::fitting::{alike, get, matches, near, others, resized, set, spellings};
use super::wishes::{Part, Wish, to_meet};
use crate::expr::Root;
use crate::expr::jsonpath::{Operator, Wanted};
use crate::machine::Forecast;
use crate::openapi::sample::{invented, spelled};
use crate::program::{Criterion, Message};
use crate::value::{Json, Map, PathSegment};

/// Values that are tried for one wish.
const VALUES: usize = 6;
/// Messages that are tried for one that does not fit.
const MOST: usize = 64;

/// Messages of a kind that are as the criteria of a step wish, each made of a sample: headers and payload.
pub(super) fn suited(forecast: &Forecast, described: &Message) -> Vec<(Json, Json)> {
    let Some(step) = forecast.step() else { return vec![] };
    let criteria: Vec<&Criterion> = step.criteria.iter().collect();
    if criteria.is_empty() {
        return vec![];
    }
    let alternatives = to_meet(forecast, &criteria);
    let allowed =
        |payload: &Json| described.payload_schema.as_ref().is_none_or(|schema| schema.validator.is_valid(payload));
    let mut found = vec![];
    for sample in &described.samples {
        for wishes in &alternatives {
            for turn in 0..VALUES {
                let Some((headers, payload)) = granted(sample, wishes, turn) else { break };
                // A sample that is not as described need not become so.
                if allowed(&payload) || !allowed(&sample.1) {
                    found.push((headers, payload));
                }
                if found.len() >= MOST {
                    return found;
                }
            }
        }
    }
    found
}

/// A sample with the value of this turn for each wish; nothing if a wish cannot be granted, or there is none left.
fn granted((headers, payload): &(Json, Json), wishes: &[Wish], turn: usize) -> Option<(Json, Json)> {
    let (mut headers, mut payload, mut left) = (headers.clone(), payload.clone(), false);
    for (part, wanted) in wishes {
        let (whole, way) = match part {
            Part::Status => continue,
            Part::Header(name) => {
                let way = vec![PathSegment::Member(known_name(name, &headers))];
                (&mut headers, way)
            }
            Part::Body(way) => (&mut payload, way.clone()),
        };
        let name = way.iter().rev().find_map(|segment| match segment {
            PathSegment::Member(name) if name.parse::<usize>().is_err() => Some(name.as_str()),
            _ => None,
        });
        let values = values(wanted, get(whole, &way), name.unwrap_or("value"));
        left |= values.len() > turn;
        let value = values.get(turn.min(values.len().checked_sub(1)?))?;
        if whole.is_null() {
            *whole = Json::Object(Map::new().into());
        }
        set(whole, &way, value.as_ref(), !matches!(wanted, Wanted::Compare(Operator::Equal, _)));
    }
    left.then_some((headers, payload))
}

/// The name of a header as it is written.
fn known_name(name: &str, headers: &Json) -> String {
    let known = if let Json::Object(members) = headers {
        members.keys().find(|known| known.eq_ignore_ascii_case(name)).cloned()
    } else {
        None
    };
    known.unwrap_or_else(|| name.to_owned())
}

/// Values that are as wanted; nothing in the place of a value takes it away.
fn values(wanted: &Wanted, current: Option<&Json>, name: &str) -> Vec<Option<Json>> {
    match wanted {
        Wanted::Compare(Operator::Equal, Json::Null) | Wanted::Missing => vec![None, Some(Json::Null)],
        Wanted::Compare(Operator::Equal, value) => {
            let known = current.filter(|current| alike(current, value)).cloned();
            known.into_iter().chain(spellings(value)).map(Some).collect()
        }
        Wanted::Compare(Operator::NotEqual, value) => {
            let known = current.filter(|current| !alike(current, value)).cloned();
            known.into_iter().chain([invented(name, &[])]).chain(others(value)).map(Some).chain([None]).collect()
        }
        Wanted::Compare(operator, value) => near(*operator, value).into_iter().map(Some).collect(),
        Wanted::There => vec![Some(current.cloned().unwrap_or_else(|| invented(name, &[])))],
        Wanted::Matches(pattern) => {
            let known = current.filter(|current| matches(pattern, current)).cloned();
            known.into_iter().chain(spelled(pattern).map(Json::String)).map(Some).collect()
        }
        Wanted::Length(operator, value) => {
            let current = current.filter(|value| value.is_array() || value.is_string()).cloned();
            let current = current.unwrap_or_else(|| Json::Array(vec![].into()));
            let lengths = near(*operator, value);
            lengths.iter().filter_map(|length| resized(&current, length, &|| invented(name, &[]))).map(Some).collect()
        }
    }
}

/// A sample that was made up, with what the step reads of it and it lacks, as far as that may be there.
pub(super) fn completed(forecast: &Forecast, described: &Message, (headers, payload): &(Json, Json)) -> (Json, Json) {
    let mut payload = payload.clone();
    let Some(step) = forecast.step().filter(|_| !described.documented) else { return (headers.clone(), payload) };
    let read = step.outputs.iter().flat_map(|output| output.value.reads()).map(|read| read.expr);
    for expr in read.filter(|expr| expr.root == Root::MessagePayload && expr.query.is_none()) {
        let way: Vec<PathSegment> = expr.at.tokens().iter().cloned().map(PathSegment::Member).collect();
        let Some(PathSegment::Member(name)) = way.last() else { continue };
        if get(&payload, &way).is_some() || !payload.is_object() {
            continue;
        }
        let objects = [Json::Object(Map::new().into()), Json::Array(vec![].into())];
        let values = [invented(name, &[]), Json::from(1), Json::Bool(true)].into_iter().chain(objects);
        for value in values {
            let mut next = payload.clone();
            set(&mut next, &way, Some(&value), false);
            if described.payload_schema.as_ref().is_none_or(|schema| schema.validator.is_valid(&next)) {
                payload = next;
                break;
            }
        }
    }
    (headers.clone(), payload)
}
