//! What schemas say for certain about a value: what is below it, its types, its values; nothing where they leave it open.
//!
//! A schema that says nothing about a member allows it. So "there is no such member" is known only of an object that
//! lists its members; whether others are forbidden, or only not described, is told apart.

use std::collections::BTreeSet;

use crate::value::Json;

use crate::json_schema::{is_of, type_of, types, with_article};
use crate::node::{Kind, Node};
use crate::openapi::{Api, Version};
use crate::value::PathSegment;

/// How deep schemas may be made of one another, and of how many.
const DEPTH: usize = 16;
const PARTS: usize = 1_000;

/// A schema, and the document whose references it uses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schema<'a> {
    pub(crate) api: Api<'a>,
    pub(crate) node: &'a Node,
}

/// What is known of a value.
#[derive(Debug, Clone)]
pub(crate) enum Shape<'a> {
    /// Nothing.
    Unknown,
    /// It is described by one of these.
    Schemas(Vec<Schema<'a>>),
    /// It has one of these types.
    Types(BTreeSet<String>),
}

/// What is below a value.
#[derive(Debug, Clone)]
pub(crate) enum Child<'a> {
    /// Perhaps something.
    Unknown,
    /// Something that one of these describes.
    Schemas(Vec<Schema<'a>>),
    /// Nothing that is described.
    Nothing(NoChild<'a>),
}

/// Why there is nothing below a value.
#[derive(Debug, Clone)]
pub(crate) struct NoChild<'a> {
    /// What the value is.
    pub(crate) what: ValueKind,
    /// The members that are described.
    pub(crate) members: Vec<&'a str>,
    /// `true` if the schema allows no others.
    pub(crate) closed: bool,
    /// The schema that says so.
    pub(crate) schema: &'a Node,
}

/// What a value is that has nothing below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ValueKind {
    /// An object without this member.
    Object,
    /// An array, whose items have numbers.
    Array,
    /// Neither: the type.
    Scalar(String),
}

impl<'a> Schema<'a> {
    /// This schema and those that hold of the same value: behind `$ref` and in `allOf`. `None` if not all are known, or
    /// there are very many.
    fn all(self, depth: usize) -> Option<Vec<Self>> {
        let mut found = vec![];
        self.gather(depth, &mut found)?;
        Some(found)
    }

    fn gather(self, depth: usize, found: &mut Vec<Self>) -> Option<()> {
        let node = self.node.read();
        if depth > DEPTH
            || found.len() > PARTS
            || node.get("$dynamicRef").is_some()
            || node.get("$recursiveRef").is_some()
        {
            return None;
        }
        if let Some(reference) = node.get("$ref") {
            let target = self.api.target(reference.as_str()?, node).ok()?;
            // Beside a reference, 3.0 and 2.0 ignore everything.
            if matches!(self.api.dialect(), Version::Swagger | Version::V3_0) {
                return Self { node: target, ..self }.gather(depth + 1, found);
            }
            found.push(Self { node, ..self });
            Self { node: target, ..self }.gather(depth + 1, found)?;
        } else {
            found.push(Self { node, ..self });
        }
        for part in node.get("allOf").map(Node::items).unwrap_or_default() {
            Self { node: part, ..self }.gather(depth + 1, found)?;
        }
        Some(())
    }

    /// It and the schemas that hold of the same value, as far as these are known.
    pub(crate) fn parts(self) -> Vec<Self> {
        self.all(0).unwrap_or_else(|| vec![self])
    }

    /// `true` if it, or a part of it, has this keyword with the value `true`.
    pub(crate) fn has_flag(self, keyword: &str) -> bool {
        self.parts().into_iter().any(|part| part.node.get(keyword).and_then(Node::as_bool) == Some(true))
    }

    fn alternatives(self, name: &str) -> Option<impl Iterator<Item = Self>> {
        let list = self.node.get(name)?;
        Some(list.items().iter().map(move |node| Self { node, ..self }))
    }

    /// The types that the schema itself names; nothing if it names none.
    fn own_types(self) -> Option<BTreeSet<String>> {
        let mut types: BTreeSet<String> = match self.node.get("type") {
            Some(_) => types(self.node).map(str::to_owned).collect(),
            None => {
                let values = self.own_values()?;
                values.iter().map(|value| type_of(value).to_owned()).collect()
            }
        };
        if types.is_empty() || types.contains("file") {
            return None;
        }
        if self.node.get("nullable").and_then(Node::as_bool) == Some(true) {
            types.insert("null".to_owned());
        }
        Some(types)
    }

    /// `const` or `enum`.
    fn own_values(self) -> Option<Vec<Json>> {
        if let Some(one) = self.node.get("const") {
            return Some(vec![one.to_json()]);
        }
        let list = self.node.get("enum").filter(|node| matches!(node.kind, Kind::Array(_)))?;
        let mut values: Vec<Json> = list.items().iter().map(Node::to_json).collect();
        if self.node.get("nullable").and_then(Node::as_bool) == Some(true) {
            values.push(Json::Null);
        }
        Some(values)
    }

    /// The types that a value may have; nothing if any.
    pub(crate) fn types(self) -> Option<BTreeSet<String>> {
        self.types_at(0)
    }

    fn types_at(self, depth: usize) -> Option<BTreeSet<String>> {
        let mut found: Option<BTreeSet<String>> = None;
        let mut narrow = |types: BTreeSet<String>| {
            found = Some(match found.take() {
                Some(known) => known.intersection(&types).cloned().collect(),
                None => types,
            });
        };
        for part in self.all(depth)? {
            part.own_types().into_iter().for_each(&mut narrow);
            for name in ["oneOf", "anyOf"] {
                let Some(alternatives) = part.alternatives(name) else { continue };
                let all: Option<Vec<BTreeSet<String>>> = alternatives.map(|one| one.types_at(depth + 1)).collect();
                all.map(|all| all.into_iter().flatten().collect()).into_iter().for_each(&mut narrow);
            }
        }
        found.filter(|types| !types.is_empty())
    }

    /// All values that there are, if they are listed.
    pub(crate) fn values(self) -> Option<Vec<Json>> {
        self.values_at(0)
    }

    fn values_at(self, depth: usize) -> Option<Vec<Json>> {
        for part in self.all(depth)? {
            if let Some(values) = part.own_values() {
                return Some(values);
            }
            for name in ["oneOf", "anyOf"] {
                let Some(alternatives) = part.alternatives(name) else { continue };
                let all: Option<Vec<Vec<Json>>> = alternatives.map(|one| one.values_at(depth + 1)).collect();
                if let Some(all) = all.filter(|all| !all.is_empty()) {
                    return Some(all.into_iter().flatten().collect());
                }
            }
        }
        None
    }

    /// The members that an object must have when it is sent.
    pub(crate) fn required(self) -> Vec<&'a str> {
        let Some(parts) = self.all(0) else { return vec![] };
        let read_only = |name: &str| {
            let mut properties = parts.iter().filter_map(|part| part.node.get("properties")?.get(name));
            properties.any(|node| Schema { node, ..self }.has_flag("readOnly"))
        };
        let mut found: Vec<&str> = vec![];
        for name in parts.iter().filter_map(|part| part.node.get("required")).flat_map(Node::items) {
            let Some(name) = name.as_str() else { continue };
            if !found.contains(&name) && !read_only(name) {
                found.push(name);
            }
        }
        found
    }

    /// What is below a value of this schema.
    pub(crate) fn below(self, way: &PathSegment) -> Child<'a> {
        self.below_at(way, 0)
    }

    fn below_at(self, way: &PathSegment, depth: usize) -> Child<'a> {
        let Some(parts) = self.all(depth) else { return Child::Unknown };
        let mut schemas = vec![];
        let mut unknown = false;
        let mut nothing: Option<NoChild<'a>> = None;
        let mut add = |below: Child<'a>| match below {
            Child::Unknown => unknown = true,
            Child::Schemas(found) => schemas.extend(found),
            Child::Nothing(found) => match &mut nothing {
                Some(known) => {
                    known.members.extend(found.members);
                    known.closed &= found.closed;
                }
                None => nothing = Some(found),
            },
        };
        for part in parts {
            if let Some(own) = part.own_below(way) {
                add(own);
            }
            for name in ["oneOf", "anyOf"] {
                for one in part.alternatives(name).into_iter().flatten() {
                    add(one.below_at(way, depth + 1));
                }
            }
        }
        if !schemas.is_empty() {
            return Child::Schemas(schemas);
        }
        match nothing.filter(|_| !unknown) {
            Some(nothing) => Child::Nothing(nothing),
            None => Child::Unknown,
        }
    }

    /// As [`Schema::below`], without what it is made of; `None` if it says nothing about it.
    fn own_below(self, way: &PathSegment) -> Option<Child<'a>> {
        let node = self.node;
        if !matches!(node.kind, Kind::Object(_)) {
            return Some(Child::Unknown);
        }
        let open = ["if", "then", "else", "dependentSchemas", "patternProperties", "discriminator", "not"];
        if open.iter().any(|name| node.get(name).is_some()) {
            return Some(Child::Unknown);
        }
        let types = self.own_types();
        let may_be = |name: &str| types.as_ref().is_none_or(|types| types.contains(name));
        let properties = node.get("properties").map(Node::members).unwrap_or_default();
        let nothing = |what: ValueKind, closed: bool| {
            let members = properties.iter().map(|(key, _)| key.name.as_str()).collect();
            Some(Child::Nothing(NoChild { what, members, closed, schema: node }))
        };
        if !may_be("object") && !may_be("array") {
            let named: Vec<String> = types.into_iter().flatten().filter(|name| name != "null").collect();
            return nothing(ValueKind::Scalar(named.join(" or ")), true);
        }
        let array = may_be("array") && (types.is_some() || node.get("items").is_some());
        let object = may_be("object") && (types.is_some() || !properties.is_empty());
        let item = || match node.get("items").filter(|_| node.get("prefixItems").is_none()) {
            Some(items) => Child::Schemas(vec![Schema { node: items, ..self }]),
            None => Child::Unknown,
        };
        let name = match way {
            // A wildcard or filter over an object comes to every member, or tests the object.
            PathSegment::Any => return (array || object).then(|| if object { Child::Unknown } else { item() }),
            PathSegment::Member(name) => name,
        };
        if object {
            if let Some((_, found)) = properties.iter().find(|(key, _)| key.name == *name) {
                return Some(Child::Schemas(vec![Schema { node: found, ..self }]));
            }
            let more = node.get("additionalProperties").or_else(|| node.get("unevaluatedProperties"));
            let closed = match more.map(|more| (more.as_bool(), more)) {
                Some((Some(false), _)) => true,
                Some((Some(true), _)) => return Some(Child::Unknown),
                Some((None, schema)) => return Some(Child::Schemas(vec![Schema { node: schema, ..self }])),
                None => false,
            };
            if array {
                return Some(Child::Unknown);
            }
            // A part of `allOf` that says only that it is an object.
            if properties.is_empty() && !closed {
                return None;
            }
            return nothing(ValueKind::Object, closed);
        }
        if !array {
            return None;
        }
        let number = !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit());
        if number { Some(item()) } else { nothing(ValueKind::Array, true) }
    }

    /// Why the schema refuses a value, if it does; members of objects and items are looked at on their own.
    pub(crate) fn refuses(self, value: &Json) -> Option<String> {
        if let Some(values) = self.values()
            && !values.iter().any(|known| same(known, value))
        {
            let known: Vec<String> = values.iter().filter(|v| !v.is_null()).map(crate::value::json_text).collect();
            return Some(format!("is not one of {}", known.join(", ")));
        }
        if let Some(types) = self.types()
            && !types.iter().any(|name| is_of(value, name))
        {
            return Some(format!("is {}, not {}", with_article(type_of(value)), articles(&types)));
        }
        let parts = self.all(0)?;
        let limit = |name: &str| parts.iter().find_map(|part| part.node.get(name)?.to_json().as_f64());
        if let Some(number) = value.as_f64() {
            if let Some(least) = limit("minimum").filter(|least| number < *least) {
                return Some(format!("is less than {least}"));
            }
            if let Some(most) = limit("maximum").filter(|most| number > *most) {
                return Some(format!("is more than {most}"));
            }
        }
        if let Some(text) = value.as_str() {
            let length = text.chars().count() as f64;
            if let Some(least) = limit("minLength").filter(|least| length < *least) {
                return Some(format!("is shorter than {least} characters"));
            }
            if let Some(most) = limit("maxLength").filter(|most| length > *most) {
                return Some(format!("is longer than {most} characters"));
            }
            let pattern = parts.iter().find_map(|part| part.node.get("pattern")?.as_str());
            if let Some(pattern) = pattern
                && regex::Regex::new(pattern).is_ok_and(|regex| !regex.is_match(text))
            {
                return Some(format!("does not match the pattern {pattern}"));
            }
        }
        None
    }
}

impl Shape<'_> {
    /// The types that the value may have; nothing if any.
    pub(crate) fn types(&self) -> Option<BTreeSet<String>> {
        match self {
            Self::Unknown => None,
            Self::Types(types) => Some(types.clone()),
            Self::Schemas(schemas) => {
                let all: Option<Vec<BTreeSet<String>>> = schemas.iter().map(|schema| schema.types()).collect();
                all.map(|all| all.into_iter().flatten().collect::<BTreeSet<_>>()).filter(|all| !all.is_empty())
            }
        }
    }

    /// All values that there are, if they are listed.
    pub(crate) fn values(&self) -> Option<Vec<Json>> {
        let Self::Schemas(schemas) = self else { return None };
        let all: Option<Vec<Vec<Json>>> = schemas.iter().map(|schema| schema.values()).collect();
        all.map(|all| all.into_iter().flatten().collect::<Vec<_>>()).filter(|all| !all.is_empty())
    }
}

/// `true` if a value of one of `given` may be one of `wanted`.
pub(crate) fn overlap(given: &BTreeSet<String>, wanted: &BTreeSet<String>) -> bool {
    let fits = |a: &str, b: &str| a == b || a == "integer" && b == "number" || a == "number" && b == "integer";
    given.iter().any(|a| wanted.iter().any(|b| fits(a, b)))
}

fn same(a: &Json, b: &Json) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

/// `a string or null`
pub(crate) fn articles(names: &BTreeSet<String>) -> String {
    names.iter().map(|name| with_article(name)).collect::<Vec<_>>().join(" or ")
}
