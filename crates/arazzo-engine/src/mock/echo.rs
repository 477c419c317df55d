//! What the client sent, where it obviously comes back: members that are called as a path parameter or as a member of
//! its body, of the same type, at every depth.

use crate::value::{Json, Map};

use super::allowed::Allowed;
use crate::node::Node;
use crate::openapi::Api;
use crate::openapi::sample::{sample, within};
use crate::openapi::schema::Direction;
use crate::openapi::shape::Schema;
use crate::value::PathSegment;

/// The depth to which members are merged.
const DEPTH: usize = 24;

/// Merges what was sent into an answer. An `example` keeps what it says about a closed set of values.
pub(super) struct Echo<'a> {
    pub(super) api: Api<'a>,
    pub(super) example: bool,
}

impl<'a> Echo<'a> {
    /// The body with the members that were sent.
    pub(super) fn body(&self, body: Json, schema: Option<&'a Node>, sent: &Json) -> Json {
        if let (Json::Array(known), Json::Array(items)) = (&body, sent) {
            let objects = items.iter().chain(known).all(Json::is_object);
            return if objects && !known.is_empty() { self.merged(schema, &body, sent, DEPTH) } else { body };
        }
        let Json::Object(known) = &body else { return body };
        let Json::Object(sent) = sent else { return body };
        let described = |schema: Option<&'a Node>, name: &str| schema.and_then(|schema| self.described(schema, name));
        let knows = |known: &Map<String, Json>, schema: Option<&'a Node>, sent: &Map<String, Json>| {
            sent.keys().any(|name| known.contains_key(name) || described(schema, name).is_some())
        };
        if knows(known, schema, sent) {
            return self.merged(schema, &body, &Json::Object(sent.clone()), DEPTH);
        }
        // One of both has an envelope.
        if let Some((name, inner)) = envelope(known)
            && let Json::Object(members) = inner
        {
            let within = described(schema, name);
            if knows(members, within, sent) {
                let merged = self.merged(within, inner, &Json::Object(sent.clone()), DEPTH);
                let name = name.to_owned();
                let mut members = known.clone();
                members.insert(name, merged);
                return Json::Object(members);
            }
        }
        match envelope(sent) {
            Some((_, inner @ Json::Object(members))) if knows(known, schema, members) => {
                self.merged(schema, &body, inner, DEPTH)
            }
            _ => body,
        }
    }

    fn described(&self, schema: &'a Node, name: &str) -> Option<&'a Node> {
        within(self.api, schema, &[PathSegment::Member(name.to_owned())])
    }

    fn merged(&self, schema: Option<&'a Node>, known: &Json, sent: &Json, depth: usize) -> Json {
        match (known, sent) {
            (Json::Object(known), Json::Object(sent)) if depth > 0 => {
                let mut members = known.clone();
                for (name, value) in sent {
                    if let Some(value) = self.member(schema, known, name, value, depth) {
                        members.insert(name.clone(), value);
                    }
                }
                Json::Object(members)
            }
            (Json::Array(known), Json::Array(sent)) if depth > 0 => {
                let item = schema.and_then(|schema| within(self.api, schema, &[PathSegment::Any]));
                let merged =
                    sent.iter().enumerate().map(|(index, value)| match known.get(index).or_else(|| known.first()) {
                        Some(known) if same_type(known, value) => self.merged(item, known, value, depth - 1),
                        _ => value.clone(),
                    });
                Json::Array(merged.collect())
            }
            _ => sent.clone(),
        }
    }

    /// The value of a member that was sent; nothing if it does not come back.
    fn member(
        &self,
        schema: Option<&'a Node>,
        known: &Map<String, Json>,
        name: &str,
        sent: &Json,
        depth: usize,
    ) -> Option<Json> {
        let node = schema.and_then(|schema| self.described(schema, name));
        let flag = |keyword| node.is_some_and(|node| Schema { api: self.api, node }.has_flag(keyword));
        let closed = node.is_some_and(|node| node.get("enum").is_some() || node.get("const").is_some());
        if flag("readOnly") || flag("writeOnly") || closed && self.example {
            return None;
        }
        // A member that is described and not in the sample has the type of its own sample.
        let made = || node.filter(|_| !self.example).map(|node| sample(self.api, node, name, &[]));
        let known = known.get(name).cloned().or_else(made).filter(|known| same_type(known, sent))?;
        let scalar = !sent.is_object() && !sent.is_array();
        if scalar && !Allowed::by(self.api, node, Direction::Response).has(sent) {
            return None;
        }
        Some(self.merged(node, &known, sent, depth - 1))
    }

    /// The body with the values of path parameters: the `id` of the resource, and members that are called as they are.
    /// What its schema does not allow stays out.
    pub(super) fn path(&self, body: &mut Json, schema: Option<&'a Node>, path: &str, parameters: &[(String, String)]) {
        let Json::Object(members) = body else { return };
        let allows = |way: &[&str], value: &Json| {
            let way: Vec<PathSegment> = way.iter().map(|name| PathSegment::Member((*name).to_owned())).collect();
            let node = schema.and_then(|schema| within(self.api, schema, &way));
            Allowed::by(self.api, node, Direction::Response).has(value)
        };
        let last = path.rsplit('/').next().unwrap_or_default();
        for (parameter, text) in parameters {
            let resource = last == format!("{{{parameter}}}") && folded(parameter).ends_with("id");
            if put(members, parameter, resource, text, &|name, value| allows(&[name], value)) {
                continue;
            }
            let Some(only) = envelope(members).map(|(name, _)| name.to_owned()) else { continue };
            if let Some(Json::Object(inner)) = members.get_mut(&only) {
                put(inner, parameter, resource, text, &|name, value| allows(&[&only, name], value));
            }
        }
    }
}

/// Puts the value of a path parameter into its member, if it is allowed there; `false` if there is no such member.
fn put(
    members: &mut Map<String, Json>,
    parameter: &str,
    resource: bool,
    text: &str,
    allows: &dyn Fn(&str, &Json) -> bool,
) -> bool {
    let target = members
        .keys()
        .find(|name| folded(name) == folded(parameter))
        .or_else(|| members.keys().find(|name| resource && folded(name) == "id"))
        .cloned();
    let Some((name, known)) = target.and_then(|name| Some((name.clone(), members.get_mut(&name)?))) else {
        return false;
    };
    let value = match known {
        Json::String(_) => Json::String(text.to_owned()),
        Json::Number(_) => match crate::value::Number::parse(text) {
            Some(number) => Json::Number(number),
            None => return true,
        },
        _ => return false,
    };
    if allows(&name, &value) {
        *known = value;
    }
    true
}

/// The only member of an object that is one.
fn envelope(members: &Map<String, Json>) -> Option<(&str, &Json)> {
    let mut objects = members.iter().filter(|(_, value)| value.is_object());
    let (name, value) = objects.next()?;
    objects.next().is_none().then_some((name.as_str(), value))
}

fn folded(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

fn same_type(a: &Json, b: &Json) -> bool {
    matches!(
        (a, b),
        (Json::String(_), Json::String(_))
            | (Json::Number(_), Json::Number(_))
            | (Json::Bool(_), Json::Bool(_))
            | (Json::Array(_), Json::Array(_))
            | (Json::Object(_), Json::Object(_))
    )
}
