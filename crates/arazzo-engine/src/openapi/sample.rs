//! A Schema Object → a value that it describes: always the same one, as small as it may be, with everything in it that
//! somebody is known to read.

use crate::value::{Json, Map, Number};
use regex_syntax::hir::{Class, Hir, HirKind};

use super::Api;
use super::schema::{Direction, validator};
use super::shape::Schema;
use crate::json_schema::{read_text, types};
use crate::node::{Kind, Node};
use crate::value::PathSegment;

/// Values in one sample; what comes after them is left out.
const VALUES: usize = 20_000;
/// The depth to which values nest.
const DEPTH: usize = 24;
/// Items of one array.
const ITEMS: usize = 16;
/// The depth to which members are filled in that nobody asks for (of objects that require nothing).
const UNASKED: usize = 3;

/// A value of the schema. `name` is what the value is called, such as the member it is; it becomes part of made-up
/// texts. `wanted` are ways to values that will be read: members on these ways are there even if they are optional.
#[must_use]
pub fn sample(api: Api<'_>, schema: &Node, name: &str, wanted: &[&[PathSegment]]) -> Json {
    sample_of(api, schema, Direction::Response, name, wanted)
}

/// As [`sample`], of a value that goes this way: what only answers hold is not in a request.
#[must_use]
pub fn sample_of(api: Api<'_>, schema: &Node, direction: Direction, name: &str, wanted: &[&[PathSegment]]) -> Json {
    let mut sampler = Sampler { api, direction, open: vec![], left: VALUES };
    sampler
        .value(schema, Ask { name, wanted: wanted.to_vec(), number: 0, item: false, unasked: 0 })
        .unwrap_or(Json::Null)
}

/// The schema of a member of an object, also where it comes through references, `allOf`, `oneOf` or `anyOf`.
#[must_use]
pub fn member<'a>(api: Api<'a>, schema: &'a Node, name: &str) -> Option<&'a Node> {
    let way = [PathSegment::Member(name.to_owned())];
    let flat = flat(api, schema, &[&way]);
    flat.property(name).map(|node| api.resolve(node).unwrap_or(node))
}

/// The schema of what stands behind a way into a value: of members, of items, and of what is not named but described.
#[must_use]
pub fn within<'a>(api: Api<'a>, schema: &'a Node, way: &[PathSegment]) -> Option<&'a Node> {
    let mut at = api.resolve(schema).unwrap_or(schema);
    for (depth, segment) in way.iter().enumerate() {
        let flat = flat(api, at, &[way.get(depth..).unwrap_or_default()]);
        let items = || {
            let number = if let PathSegment::Member(name) = segment { name.parse::<usize>().ok() } else { Some(0) };
            let prefix = flat.find("prefixItems").and_then(|list| list.items().get(number?));
            prefix.or_else(|| flat.find("items").filter(|node| node.as_bool().is_none()))
        };
        let found = match segment {
            PathSegment::Member(name) => flat.property(name).or_else(items).or_else(|| flat.additional()),
            PathSegment::Any => items().or_else(|| flat.additional()),
        };
        at = found.map(|node| api.resolve(node).unwrap_or(node))?;
    }
    Some(at)
}

/// The names of the members that an object has to have, and whether more than that may be asked for: by branches, or by
/// a number of members.
#[must_use]
pub fn required<'a>(api: Api<'a>, schema: &'a Node) -> (Vec<&'a str>, bool) {
    let flat = flat(api, schema, &[]);
    let names = flat.all("required").flat_map(Node::items).filter_map(Node::as_str).collect();
    (names, ["oneOf", "anyOf", "minProperties"].iter().any(|keyword| flat.find(keyword).is_some()))
}

fn flat<'a>(api: Api<'a>, schema: &'a Node, wanted: &[&[PathSegment]]) -> Flat<'a> {
    let sampler = Sampler { api, direction: Direction::Response, open: vec![], left: VALUES };
    let mut flat = Flat { parts: vec![], chosen: None };
    let ask = Ask { name: "", wanted: wanted.to_vec(), number: 0, item: false, unasked: 0 };
    sampler.flatten(schema, &ask, &mut flat, 0);
    flat
}

/// A value of which nothing is known but what will be read of it.
#[must_use]
pub fn invented(name: &str, wanted: &[&[PathSegment]]) -> Json {
    match wanted.iter().find_map(|way| way.first()) {
        None => Json::String(format!("{name}-1")),
        Some(PathSegment::Any) => Json::Array(vec![invented(name, &below(wanted, "0"))].into()),
        Some(PathSegment::Member(first)) if first.parse::<usize>().is_ok() => {
            Json::Array((0..count(wanted, 1)).map(|n| invented(name, &below(wanted, &n.to_string()))).collect())
        }
        Some(PathSegment::Member(_)) => {
            Json::Object(members(wanted).map(|m| (m.to_owned(), invented(m, &below(wanted, m)))).collect())
        }
    }
}

/// One value that is wanted.
#[derive(Clone)]
struct Ask<'n> {
    name: &'n str,
    wanted: Vec<&'n [PathSegment]>,
    /// The number of the item of an array that it is, or is inside of.
    number: usize,
    /// `true` if it is an item itself.
    item: bool,
    /// The number of levels above it that nobody asked for.
    unasked: usize,
}

struct Sampler<'a> {
    api: Api<'a>,
    direction: Direction,
    /// The schemas that are being sampled, to cut circles.
    open: Vec<*const Node>,
    left: usize,
}

/// A schema with all that applies together with it: references, `allOf`, the chosen branch of `oneOf` and `anyOf`.
struct Flat<'a> {
    parts: Vec<&'a Node>,
    /// The member that says which branch was chosen, and its value.
    chosen: Option<(&'a str, String)>,
}

impl<'a> Sampler<'a> {
    /// Nothing if a circle or a limit ends here, or if no value fits.
    fn value(&mut self, schema: &'a Node, ask: Ask<'_>) -> Option<Json> {
        self.left = self.left.checked_sub(1)?;
        if schema.as_bool() == Some(false) || self.open.len() > DEPTH {
            return None;
        }
        let schema = self.api.resolve(schema).unwrap_or(schema);
        let address = std::ptr::from_ref(schema);
        // A circle goes round as long as somebody reads further.
        if self.open.contains(&address) && ask.wanted.iter().all(|way| way.is_empty()) {
            return None;
        }
        self.open.push(address);
        let value = self.within(schema, &ask);
        self.open.pop();
        value
    }

    fn within(&mut self, schema: &'a Node, ask: &Ask<'_>) -> Option<Json> {
        let mut flat = Flat { parts: vec![], chosen: None };
        self.flatten(schema, ask, &mut flat, 0);
        let turn = if ask.item { ask.number } else { 0 };
        let given = flat.find("example").map(Node::to_json).or_else(|| match flat.find("examples") {
            Some(list) => list.items().get(turn % list.items().len().max(1)).map(Node::to_json),
            None => None,
        });
        let given = given
            .or_else(|| flat.find("const").map(Node::to_json))
            .or_else(|| {
                let list = flat.find("enum")?.items();
                list.get(turn % list.len().max(1)).map(Node::to_json)
            })
            .or_else(|| flat.find("default").map(Node::to_json));
        // `example: '1'` of an integer is meant as a number; what spells none is no value of it.
        let typed = flat.parts.iter().find(|part| part.get("type").is_some());
        let kinds: Vec<&str> = typed.into_iter().flat_map(|part| types(part)).collect();
        let given = match given {
            Some(Json::String(text)) if !kinds.is_empty() && !kinds.contains(&"string") => {
                Some(read_text(&text, kinds)).filter(|read| !read.is_string())
            }
            Some(Json::String(text)) if self.direction == Direction::Request && !self.is_allowed(&flat, &text) => None,
            given => given,
        };
        match given {
            // An example may leave out what is read.
            Some(Json::Object(members)) => Some(self.object(&flat, ask, members.into_inner())),
            Some(value) => Some(value),
            None => match self.kind(&flat, ask) {
                "object" => Some(self.object(&flat, ask, Map::new())),
                "array" => Some(self.array(&flat, ask)),
                "string" => Some(Json::String(text(&flat, ask))),
                "integer" | "number" => Some(number(&flat, ask.number)),
                "boolean" => Some(Json::Bool(turn % 2 == 0)),
                _ => Some(Json::Null),
            },
        }
    }

    /// `true` for an example that its own schema allows.
    fn is_allowed(&self, flat: &Flat<'a>, text: &str) -> bool {
        let tells = |part: &&&Node| {
            ["pattern", "format", "minLength", "maxLength", "enum"].iter().any(|k| part.get(k).is_some())
        };
        let text = Json::String(text.to_owned());
        flat.parts
            .iter()
            .filter(tells)
            .all(|part| validator(self.api, part, self.direction).map_or(true, |validator| validator.is_valid(&text)))
    }

    fn flatten(&self, schema: &'a Node, ask: &Ask<'_>, flat: &mut Flat<'a>, depth: usize) {
        if depth > DEPTH || flat.parts.len() > 256 {
            return;
        }
        let schema = self.api.resolve(schema).unwrap_or(schema);
        if flat.parts.iter().any(|part| std::ptr::eq(*part, schema)) {
            return;
        }
        flat.parts.push(schema);
        for part in schema.get("allOf").map(Node::items).unwrap_or_default() {
            self.flatten(part, ask, flat, depth + 1);
        }
        for list in ["oneOf", "anyOf"].into_iter().filter_map(|keyword| schema.get(keyword)) {
            let Some(branch) = self.branch(list.items(), ask) else { continue };
            if let Some(discriminator) = schema.get("discriminator")
                && let Some(property) = discriminator.get("propertyName").and_then(Node::as_str)
                && let Some(reference) = branch.get("$ref").and_then(Node::as_str)
            {
                let reference = reference.trim();
                let last = reference.rsplit('/').next().unwrap_or_default();
                let mapped = discriminator.get("mapping").map(Node::members).unwrap_or_default().iter();
                let value = mapped
                    .filter(|(_, target)| target.as_str().is_some_and(|t| t == reference || t == last))
                    .map(|(key, _)| key.name.clone())
                    .next();
                flat.chosen = Some((property, value.unwrap_or_else(|| last.to_owned())));
            }
            self.flatten(branch, ask, flat, depth + 1);
        }
    }

    /// The branch that has the first member that is read; else the first that is not null and not already open.
    fn branch(&self, branches: &'a [Node], ask: &Ask<'_>) -> Option<&'a Node> {
        let resolved = |branch: &'a Node| self.api.resolve(branch).unwrap_or(branch);
        let wanted = ask.wanted.iter().find_map(|way| match way.first() {
            Some(PathSegment::Member(name)) => Some(name.as_str()),
            _ => None,
        });
        let has = |branch: &&'a Node| {
            let mut flat = Flat { parts: vec![], chosen: None };
            self.flatten(branch, &Ask { wanted: vec![], ..ask.clone() }, &mut flat, DEPTH / 2);
            wanted.is_some_and(|name| flat.property(name).is_some())
        };
        let plain = |branch: &&'a Node| {
            let branch = resolved(branch);
            branch.get("type").and_then(Node::as_str) != Some("null")
                && !self.open.contains(&std::ptr::from_ref(branch))
        };
        branches.iter().find(has).or_else(|| branches.iter().find(plain)).or_else(|| branches.first())
    }

    /// The type of the value: as declared, else as the keywords tell, else as it is read.
    fn kind(&self, flat: &Flat<'a>, ask: &Ask<'_>) -> &'a str {
        let declared = flat.all("type").find_map(|node| match &node.kind {
            Kind::String(name) => Some(name.as_str()),
            Kind::Array(names) => names.iter().filter_map(Node::as_str).find(|name| *name != "null").or(Some("null")),
            _ => None,
        });
        let tells = |keywords: &[&str]| keywords.iter().any(|keyword| flat.find(keyword).is_some());
        match declared {
            Some(kind) => kind,
            None if tells(&["properties", "additionalProperties", "required", "minProperties"]) => "object",
            None if tells(&["items", "prefixItems", "minItems", "maxItems"]) => "array",
            None if tells(&["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]) => "number",
            None if tells(&["pattern", "format", "minLength", "maxLength"]) => "string",
            None => match ask.wanted.iter().find_map(|way| way.first()) {
                Some(PathSegment::Member(name)) if name.parse::<usize>().is_err() => "object",
                Some(_) => "array",
                None if ask.name.is_empty() => "object",
                None => "string",
            },
        }
    }

    fn object(&mut self, flat: &Flat<'a>, ask: &Ask<'_>, given: Map<String, Json>) -> Json {
        // A filter over an object may mean the object itself.
        let through: Vec<&[PathSegment]> = ask
            .wanted
            .iter()
            .map(|way| match way.split_first() {
                Some((PathSegment::Any, rest)) => rest,
                _ => way,
            })
            .collect();
        let mut names: Vec<&str> = flat.all("required").flat_map(Node::items).filter_map(Node::as_str).collect();
        // Many descriptions require nothing: an empty object would be true and of no use.
        let all = names.is_empty() && given.is_empty() && ask.unasked < UNASKED;
        if all {
            names.extend(flat.all("properties").flat_map(Node::members).map(|(key, _)| key.name.as_str()));
        }
        if !given.is_empty() {
            names.clear();
        }
        names.extend(members(&through));
        let mut filled = given;
        let closed = flat.find("additionalProperties").and_then(Node::as_bool) == Some(false);
        for name in names {
            if filled.contains_key(name) {
                continue;
            }
            let wanted = below(&through, name);
            let unasked = ask.unasked + usize::from(wanted.is_empty());
            let asked = Ask { name, number: ask.number, item: false, unasked, wanted };
            let value = match flat.property(name).or_else(|| flat.additional()) {
                Some(schema) => {
                    let other = match self.direction {
                        Direction::Request => "readOnly",
                        Direction::Response => "writeOnly",
                    };
                    if (Schema { api: self.api, node: schema }).has_flag(other) {
                        continue;
                    }
                    self.value(schema, asked)
                }
                None if closed => None,
                // `#/user.id` beside a member `user`: a slip, which a value would hide.
                None if name.split_once('.').is_some_and(|(first, _)| flat.property(first).is_some()) => None,
                None => Some(invented(name, &asked.wanted)),
            };
            filled.extend(value.map(|value| (name.to_owned(), value)));
        }
        let least = flat.find("minProperties").and_then(integer).unwrap_or(0);
        for number in 1..=least.clamp(0, ITEMS as i64) {
            if filled.len() as i64 >= least {
                break;
            }
            let name = format!("key{number}");
            let asked = Ask { name: &name, wanted: vec![], number: 0, item: false, unasked: ask.unasked + 1 };
            let value = match flat.additional() {
                Some(schema) => self.value(schema, asked),
                None => Some(invented(&name, &[])),
            };
            filled.extend(value.map(|value| (name, value)));
        }
        if let Some((property, value)) = &flat.chosen {
            filled.insert((*property).to_owned(), Json::String(value.clone()));
        }
        Json::Object(filled.into())
    }

    fn array(&mut self, flat: &Flat<'a>, ask: &Ask<'_>) -> Json {
        let bound = |keyword| flat.find(keyword).and_then(integer).map(|n| usize::try_from(n).unwrap_or(0));
        let most = bound("maxItems").unwrap_or(ITEMS).min(ITEMS);
        let wanted = count(&ask.wanted, bound("minItems").unwrap_or(1).max(1)).min(most);
        let prefix = flat.find("prefixItems").map(Node::items).unwrap_or_default();
        let mut items = vec![];
        for number in 0..wanted {
            let asked = Ask {
                name: ask.name,
                wanted: below(&ask.wanted, &number.to_string()),
                number,
                item: true,
                unasked: ask.unasked + 1,
            };
            match prefix.get(number).or_else(|| flat.find("items").filter(|node| node.as_bool() != Some(true))) {
                Some(schema) => items.extend(self.value(schema, asked)),
                None => items.push(invented(ask.name, &asked.wanted)),
            }
        }
        Json::Array(items.into())
    }
}

impl<'a> Flat<'a> {
    fn all(&self, keyword: &str) -> impl Iterator<Item = &'a Node> {
        self.parts.iter().filter_map(move |part| part.get(keyword))
    }

    fn find(&self, keyword: &str) -> Option<&'a Node> {
        self.all(keyword).next()
    }

    /// The schema of a member: of several, the one that says most.
    fn property(&self, name: &str) -> Option<&'a Node> {
        let says = |node: &Node| if node.get("$ref").is_some() { usize::MAX } else { node.members().len() };
        let found = self.all("properties").filter_map(|properties| properties.get(name));
        found.reduce(|most, next| if says(next) > says(most) { next } else { most })
    }

    fn additional(&self) -> Option<&'a Node> {
        self.find("additionalProperties").filter(|node| node.as_bool().is_none())
    }
}

/// The members that ways begin with, in their order, each once.
fn members<'w>(wanted: &[&'w [PathSegment]]) -> impl Iterator<Item = &'w str> {
    let mut found: Vec<&'w str> = vec![];
    for way in wanted {
        if let Some(PathSegment::Member(name)) = way.first()
            && !found.contains(&name.as_str())
        {
            found.push(name);
        }
    }
    found.into_iter()
}

/// The values that are read below a member or item.
fn below<'w>(wanted: &[&'w [PathSegment]], name: &str) -> Vec<&'w [PathSegment]> {
    let through = |way: &&'w [PathSegment]| match way.split_first() {
        Some((PathSegment::Member(first), rest)) if first == name => Some(rest),
        Some((PathSegment::Any, rest)) if name == "0" => Some(rest),
        _ => None,
    };
    wanted.iter().filter_map(through).collect()
}

/// The number of items that are read, at least `least`.
fn count(wanted: &[&[PathSegment]], least: usize) -> usize {
    let indices = wanted.iter().filter_map(|way| match way.first() {
        Some(PathSegment::Member(name)) => name.parse::<usize>().ok(),
        _ => None,
    });
    indices.map(|index| index.saturating_add(1)).chain([least]).max().unwrap_or(least).min(ITEMS)
}

fn integer(node: &Node) -> Option<i64> {
    node.to_json().as_f64().filter(|n| n.is_finite()).map(|n| n as i64)
}

/// A text that a pattern matches; nothing if none was found.
#[must_use]
pub fn spelled(pattern: &str) -> Option<String> {
    matching(pattern, 0, usize::MAX)
}

fn text(flat: &Flat<'_>, ask: &Ask<'_>) -> String {
    let bound = |keyword| flat.find(keyword).and_then(integer).and_then(|n| usize::try_from(n).ok());
    let (least, most) = (bound("minLength").unwrap_or(0).min(10_000), bound("maxLength").unwrap_or(usize::MAX));
    if let Some(pattern) = flat.find("pattern").and_then(Node::as_str)
        && let Some(text) = matching(pattern, least, most)
    {
        return text;
    }
    let number = ask.number + 1;
    let formatted = match flat.find("format").and_then(Node::as_str).unwrap_or_default() {
        "date-time" => format!("2026-01-{number:02}T00:00:00Z"),
        "date" => format!("2026-01-{number:02}"),
        "time" => "00:00:00Z".to_owned(),
        "duration" => format!("P{number}D"),
        "email" | "idn-email" => format!("user-{number}@example.com"),
        "hostname" | "idn-hostname" => format!("host-{number}.example.com"),
        "ipv4" => format!("192.0.2.{number}"),
        "ipv6" => format!("2001:db8::{number}"),
        "uri" | "url" | "iri" => format!("https://example.com/{number}"),
        "uri-reference" | "iri-reference" => format!("/{number}"),
        "uri-template" => "https://example.com/{id}".to_owned(),
        "uuid" => format!("00000000-0000-4000-8000-{number:012}"),
        "byte" => "c2FtcGxl".to_owned(),
        "json-pointer" => String::new(),
        "regex" => ".*".to_owned(),
        "int64" | "int32" | "integer" | "decimal" => number.to_string(),
        _ => String::new(),
    };
    let plain = if formatted.is_empty() { format!("{}-{number}", named(ask.name)) } else { formatted };
    let mut text: String = plain.chars().take(most).collect();
    let length = text.chars().count();
    text.extend(std::iter::repeat_n('x', least.saturating_sub(length).min(10_000)));
    text
}

fn named(name: &str) -> &str {
    if name.is_empty() { "text" } else { name }
}

fn number(flat: &Flat<'_>, ordinal: usize) -> Json {
    let value = |keyword| flat.find(keyword).map(Node::to_json).and_then(|json: Json| json.as_f64());
    let exclusive = |keyword: &str| flat.find(keyword).and_then(Node::as_bool) == Some(true);
    let whole = flat.all("type").any(|node| node.as_str() == Some("integer"));
    let unit = value("multipleOf").filter(|m| *m > 0.0);
    let step = unit.unwrap_or(1.0);
    let above = value("exclusiveMinimum").or_else(|| value("minimum").filter(|_| exclusive("exclusiveMinimum")));
    let below = value("exclusiveMaximum").or_else(|| value("maximum").filter(|_| exclusive("exclusiveMaximum")));
    let least = value("minimum").or(above).unwrap_or(f64::NEG_INFINITY);
    let most = value("maximum").or(below).unwrap_or(f64::INFINITY);
    let fits =
        |n: f64| n >= least && n <= most && above.is_none_or(|limit| n > limit) && below.is_none_or(|limit| n < limit);
    let up = if least.is_finite() { (least / step).ceil() * step } else { step };
    let middle = (least + most) / 2.0;
    let candidates = [
        (ordinal as f64 + 1.0) * step,
        up + ordinal as f64 * step,
        up,
        up + step,
        0.0,
        if most.is_finite() { (most / step).floor() * step } else { 0.0 },
        if most.is_finite() { (most / step).floor() * step - step } else { 0.0 },
        if middle.is_finite() && !whole && unit.is_none() { middle } else { 0.0 },
    ];
    let found = candidates.into_iter().find(|n| fits(*n)).unwrap_or(if least.is_finite() { least } else { 1.0 });
    if found.fract() == 0.0 && found.abs() < 9e15 {
        return Json::from(found as i64);
    }
    Number::from_f64(found).map_or(Json::Null, Json::Number)
}

/// A text that the pattern matches, of a length within bounds; nothing if none was found.
fn matching(pattern: &str, least: usize, most: usize) -> Option<String> {
    let hir = regex_syntax::parse(pattern).ok()?;
    let check = regex::RegexBuilder::new(pattern).size_limit(1 << 20).build().ok()?;
    // Repetitions are as short as they may be, and then longer until the text is long enough.
    (0..=least.min(512) as u32).find_map(|extra| {
        let mut text = String::new();
        spell(&hir, extra, &mut text, 0);
        let length = text.chars().count();
        (length >= least && length <= most && check.is_match(&text)).then_some(text)
    })
}

fn spell(hir: &Hir, extra: u32, text: &mut String, depth: usize) {
    if depth > 64 || text.len() > 4096 {
        return;
    }
    match hir.kind() {
        HirKind::Literal(literal) => text.push_str(&String::from_utf8_lossy(&literal.0)),
        HirKind::Class(class) => text.extend(choose_letter(class)),
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(u32::MAX);
            let wish = repetition.min.max(u32::from(most > 0)).saturating_add(extra).min(most);
            for _ in 0..wish.min(4096) {
                spell(&repetition.sub, extra, text, depth + 1);
            }
        }
        HirKind::Capture(capture) => spell(&capture.sub, extra, text, depth + 1),
        HirKind::Concat(parts) => parts.iter().for_each(|part| spell(part, extra, text, depth + 1)),
        HirKind::Alternation(parts) => {
            if let Some(first) = parts.first() {
                spell(first, extra, text, depth + 1);
            }
        }
        HirKind::Empty | HirKind::Look(_) => {}
    }
}

/// A letter of a class that can be read: `a`, `1`, `A`, else its first.
fn choose_letter(class: &Class) -> Option<char> {
    let Class::Unicode(ranges) = class else {
        let Class::Bytes(ranges) = class else { return None };
        return ranges.ranges().first().map(|range| char::from(range.start()));
    };
    let holds = |wanted: &char| ranges.ranges().iter().any(|range| range.start() <= *wanted && *wanted <= range.end());
    let readable = ['a', '1', 'A', 'x', '_', '-', ' '].into_iter().find(holds);
    readable.or_else(|| ('!'..='~').find(holds)).or_else(|| ranges.ranges().first().map(|range| range.start()))
}
