//! Inputs for a run that nobody gave inputs: from the schema of the workflow, and of everything that they are sent as.

use crate::value::{Json, Map};

use super::allowed::Allowed;
use super::fitting::{get, set};
use super::places::{Place, Places, is_telling};
use crate::expr::WorkflowId;
use crate::node::{Node, NodeLimits};
use crate::openapi::Api;
use crate::openapi::sample::{invented, member, sample_of};
use crate::openapi::schema::Direction;
use crate::program::Workflow;
use crate::source::Sources;

/// Values for the inputs that a run needs and that have no default: those that are required, and those without which
/// something could not be sent.
pub(super) fn made_up(places: &Places, id: WorkflowId, workflow: &Workflow) -> Map<String, Json> {
    // The compiled schema holds all that it refers to.
    let mut texts = Sources::default();
    let written = workflow.inputs.schema.as_ref().map(Json::to_string).unwrap_or_default();
    let source = texts.add("inputs", "inputs", written);
    let schema = Node::parse_json(&texts, source, NodeLimits::default()).ok();
    let api = schema.as_ref().map(Api::alone);
    let property = |name: &str| Some((api?, member(api?, schema.as_ref()?, name)?));
    let sent = |name: &str| places.inputs.get(&(id, name.to_owned())).map(Vec::as_slice).unwrap_or_default();
    let needed = workflow.inputs.declared.iter().filter(|input| input.default.is_none());
    let needed = needed.filter(|input| input.required || sent(&input.name).iter().any(|place| place.needed));
    let mut names: Vec<&str> = needed.map(|input| input.name.as_str()).collect();
    // Names that are required, or sent, and not declared.
    let required = schema.as_ref().and_then(|schema| schema.get("required")).map(Node::items).unwrap_or_default();
    let required = required.iter().filter_map(Node::as_str);
    let own = places.inputs.iter().filter(|((workflow, _), places)| *workflow == id && places.iter().any(|p| p.needed));
    let undeclared =
        required.chain(own.map(|((_, name), _)| name.as_str())).filter(|name| !workflow.inputs.declares(name));
    let undeclared: Vec<&str> = undeclared.filter(|_| workflow.inputs.open || schema.is_none()).collect();
    names.extend(undeclared);
    names.iter().map(|name| ((*name).to_owned(), value(property(name), name, sent(name)))).collect()
}

/// The value that fits its own schema and the most of the places that it is sent to.
fn value(own: Option<(Api<'_>, &Node)>, name: &str, places: &[Place]) -> Json {
    let made = own.map(|(api, schema)| sample_of(api, schema, Direction::Request, name, &[]));
    let told = own.is_some_and(|(_, node)| is_telling(node));
    let allowed = own.map_or(Allowed::ALL, |(api, schema)| Allowed::by(api, Some(schema), Direction::Request));
    let whole = || places.iter().filter(|place| place.way.is_empty());
    // A text that may be any is called as the input.
    let told = told || made.as_ref().is_some_and(Json::is_string) && !whole().any(|place| place.slot.telling);
    let mut candidates: Vec<Json> = made.iter().filter(|_| told).cloned().collect();
    candidates.extend(whole().flat_map(|place| place.slot.offers()));
    let plain = made.unwrap_or_else(|| match places.iter().all(|place| place.way.is_empty()) {
        true => invented(name, &[]),
        false => Json::Object(Map::new().into()),
    });
    candidates.push(plain);
    // An object may have to have members for several of them.
    let objects: Vec<&Json> = candidates.iter().filter(|value| value.is_object()).collect();
    let whole = objects.into_iter().cloned().reduce(|mut whole, other| {
        join(&mut whole, other);
        whole
    });
    candidates.extend(whole);
    let fits = |value: &Json| {
        let own = allowed.has(value);
        let accepted = |place: &&Place| get(value, &place.way).is_some_and(|part| place.slot.accepts(part));
        (own, places.iter().filter(accepted).count())
    };
    let parted = candidates.into_iter().map(|mut value| {
        for place in places.iter().filter(|place| !place.way.is_empty()) {
            let known = get(&value, &place.way);
            let Some(offer) = place.slot.offer.clone().or_else(|| known.is_none().then(|| invented(name, &[]))) else {
                continue;
            };
            if !known.is_some_and(|known| place.slot.accepts(known)) {
                set(&mut value, &place.way, Some(&offer), true);
            }
        }
        value
    });
    // The first of the best.
    let best = parted.map(|value| (fits(&value), value)).reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.map_or(Json::Null, |(_, value)| value)
}

/// Puts the members of another object into one that lacks them.
fn join(value: &mut Json, other: Json) {
    let (Json::Object(members), Json::Object(others)) = (value, other) else { return };
    for (name, other) in others {
        match members.get_mut(&name) {
            Some(known) => join(known, other),
            None => drop(members.insert(name, other)),
        }
    }
}
