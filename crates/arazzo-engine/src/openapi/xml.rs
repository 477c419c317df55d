//! A value becomes XML as its schema says (XML Object): names, prefixes, namespaces, attributes, wrapped lists, and the
//! node types of OpenAPI 3.2.
//!
//! What a schema says is taken out of its document first ([`XmlShape`]), so that a run needs no documents.

use std::collections::{HashMap, HashSet};

use crate::value::{Json, Map};

use super::Api;
use crate::json_schema::types;
use crate::node::Node;
use crate::value::json_text;

/// The most schemas of one body.
const SCHEMAS: usize = 10_000;

/// What a schema says about the XML of its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XmlShape {
    /// Schemas by number, the schema of the whole first: they may refer to one another in circles.
    schemas: Vec<Schema>,
    /// The name of the root element, with its prefix.
    root: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Schema {
    name: Option<String>,
    prefix: Option<String>,
    namespace: Option<String>,
    kind: NodeKind,
    members: Vec<(String, usize)>,
    items: Option<usize>,
}

/// Kinds of XML nodes (`nodeType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NodeKind {
    Element,
    Attribute,
    Text,
    Cdata,
    /// No node of its own: what is in it belongs to the node around it.
    Nothing,
}

/// The reason why a value cannot be written as XML.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotXml {
    /// A document has one root element, and the value is not one.
    Root,
    /// XML allows no such name.
    Name(String),
    /// XML allows no such character.
    Character(char),
    /// An attribute, by its name, is one value.
    Attribute(String),
}

impl std::fmt::Display for NotXml {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Root => f.write_str("an XML document has one root element, and nothing names it"),
            Self::Name(name) => write!(f, "`{name}` cannot be a name in XML"),
            Self::Character(c) => write!(f, "XML has no character U+{:04X}", u32::from(*c)),
            Self::Attribute(name) => write!(f, "the attribute `{name}` is one value, not an object or a list"),
        }
    }
}

impl XmlShape {
    /// What this schema says.
    #[must_use]
    pub fn of(api: Api<'_>, schema: &Node) -> Self {
        let schemas = Reader::read(api, schema);
        let first = schemas.first();
        let named = first.and_then(|first| Some(qualified(first.name.as_deref()?, first)));
        // A component is called as its key.
        let component = || {
            let (mut node, mut name) = (schema, None);
            for _ in 0..super::REFERENCES {
                let referring = if node.get("$ref").is_some() { Some(node) } else { only_part(node) };
                let reference = referring.and_then(|node| node.get("$ref"));
                let Some((reference, text)) = reference.and_then(|r| Some((r, r.as_str()?.trim()))) else { break };
                name = text.rsplit('/').next().map(str::to_owned);
                let Ok(target) = api.target(text, reference) else { break };
                node = target;
            }
            name.filter(|name| is_name(name)).map(|name| first.map_or_else(|| name.clone(), |s| qualified(&name, s)))
        };
        let root = named.or_else(component);
        Self { root, schemas }
    }

    /// `true` if the schema names the root element, or describes the only member of a value that is it.
    #[must_use]
    pub fn names_root(&self, members: &[&str]) -> bool {
        self.root.is_some() || matches!(members, [only] if self.describes(only) && self.is_element(only))
    }

    /// `true` if a schema has a member of this name, which is written as that says.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        self.schemas.iter().any(|schema| schema.members.iter().any(|(known, _)| known == name))
    }

    /// `true` if the only member of a value is one that stands in an element, and is none itself.
    #[must_use]
    pub fn lacks_element(&self, members: &[&str]) -> bool {
        matches!(members, [only] if self.root.is_none() && self.describes(only) && !self.is_element(only))
    }

    fn is_element(&self, name: &str) -> bool {
        let number = self.schemas.first().and_then(|schema| schema.members.iter().find(|(known, _)| known == name));
        let kind = number.and_then(|(_, number)| self.schemas.get(*number)).map(|schema| schema.kind);
        !matches!(kind, Some(NodeKind::Attribute | NodeKind::Text | NodeKind::Cdata))
    }

    /// `true` if the schema of the whole has a member of this name.
    fn describes(&self, name: &str) -> bool {
        self.schemas.first().is_some_and(|schema| schema.members.iter().any(|(known, _)| known == name))
    }
}

/// Reads schemas, each once, without recursion: they may refer to one another in long ways.
struct Reader<'a> {
    api: Api<'a>,
    /// Those that are known, in the order of their numbers.
    nodes: Vec<&'a Node>,
    numbers: HashMap<*const Node, usize>,
}

impl<'a> Reader<'a> {
    fn read(api: Api<'a>, schema: &'a Node) -> Vec<Schema> {
        let mut reader = Self { api, nodes: vec![], numbers: HashMap::new() };
        let _ = reader.number_of(schema);
        let mut schemas = vec![];
        while let Some(node) = reader.nodes.get(schemas.len()).copied() {
            schemas.push(reader.schema(node));
        }
        schemas
    }

    /// The number of a schema; nothing if there are too many.
    fn number_of(&mut self, node: &'a Node) -> Option<usize> {
        let next = self.nodes.len();
        let number = *self.numbers.entry(std::ptr::from_ref(node)).or_insert(next);
        if number == next && next < SCHEMAS {
            self.nodes.push(node);
        }
        (number < SCHEMAS).then_some(number)
    }

    fn schema(&mut self, node: &'a Node) -> Schema {
        let resolved = self.api.resolve(node).unwrap_or(node);
        let part = only_part(resolved).and_then(|part| self.api.resolve(part).ok());
        let xml =
            |name: &str| [Some(node), Some(resolved), part].into_iter().find_map(|node| node?.get("xml")?.get(name));
        let text = |name: &str| xml(name).and_then(Node::as_str).map(str::to_owned);
        let flag = |name: &str| xml(name).and_then(Node::as_bool) == Some(true);
        let is_list = types(resolved).any(|kind| kind == "array") || resolved.get("items").is_some();
        let kind = match text("nodeType").as_deref() {
            Some("attribute") => NodeKind::Attribute,
            Some("text") => NodeKind::Text,
            Some("cdata") => NodeKind::Cdata,
            Some("none") => NodeKind::Nothing,
            Some(_) => NodeKind::Element,
            None if flag("attribute") => NodeKind::Attribute,
            None if is_list && !flag("wrapped") => NodeKind::Nothing,
            None => NodeKind::Element,
        };
        let (name, prefix, namespace) = (text("name"), text("prefix"), text("namespace"));
        let mut members: Vec<(String, usize)> = vec![];
        let mut named = HashSet::new();
        for (name, property) in self.properties(resolved) {
            if named.insert(name) {
                members.extend(self.number_of(property).map(|number| (name.to_owned(), number)));
            }
        }
        let items = resolved.get("items").and_then(|items| self.number_of(items));
        Schema { name, prefix, namespace, kind, members, items }
    }

    /// The properties of a schema, with those of what applies together with it.
    fn properties(&self, schema: &'a Node) -> Vec<(&'a str, &'a Node)> {
        let mut found = vec![];
        let mut left = std::collections::VecDeque::from([schema]);
        let mut met: HashSet<*const Node> = HashSet::new();
        while let Some(schema) = left.pop_front().filter(|_| met.len() < SCHEMAS) {
            if !met.insert(std::ptr::from_ref(schema)) {
                continue;
            }
            let own = schema.get("properties").map(Node::members).unwrap_or_default();
            found.extend(own.iter().map(|(key, node)| (key.name.as_str(), node)));
            let parts = ["allOf", "oneOf", "anyOf"].iter().filter_map(|name| schema.get(name)).flat_map(Node::items);
            left.extend(parts.filter_map(|part| self.api.resolve(part).ok()));
        }
        found
    }
}

/// Writes a value. `shape` is what its schema says, if there is one; `root` names the root element where nothing else
/// does.
///
/// # Errors
/// [`NotXml`], if the value is no XML document.
pub fn write(value: &Json, shape: Option<&XmlShape>, root: Option<&str>) -> Result<String, NotXml> {
    let writer = Writer { schemas: shape.map(|shape| shape.schemas.as_slice()).unwrap_or_default() };
    let schema = shape.filter(|shape| !shape.schemas.is_empty()).map(|_| 0);
    let mut around = Element::default();
    let named = shape.and_then(|shape| shape.root.as_deref()).or(root);
    let members = value.as_object().into_iter().flat_map(Map::keys).map(String::as_str).collect::<Vec<_>>();
    let describes = |name: &str| shape.is_some_and(|shape| shape.describes(name));
    match (named, value) {
        // An object that names the root itself, and no member of it.
        (Some(name), Json::Object(own)) if matches!(members.as_slice(), [only] if is_called(name, only) && !describes(only)) => {
            for inner in own.values() {
                writer.element(&mut around, name, schema, inner)?;
            }
        }
        (Some(name), _) => writer.element(&mut around, name, schema, value)?,
        (None, Json::Object(members)) if members.len() == 1 => writer.members(&mut around, schema, members)?,
        (None, _) => return Err(NotXml::Root),
    }
    if around.elements != 1 || !around.attributes.is_empty() {
        return Err(NotXml::Root);
    }
    Ok(around.inside)
}

/// `true` if an element of this name may be called so, with its prefix or without.
fn is_called(name: &str, called: &str) -> bool {
    name == called || name.split_once(':').is_some_and(|(_, local)| local == called)
}

/// A name that XML allows.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let part = |part: &str| {
        let begins = part.starts_with(|c: char| c.is_alphabetic() || c == '_');
        begins && part.chars().all(|c| c.is_alphanumeric() || "_-.".contains(c))
    };
    match name.split_once(':') {
        Some((prefix, local)) => part(prefix) && part(local),
        None => part(name),
    }
}

/// An element that is being written.
#[derive(Default)]
struct Element {
    attributes: Vec<(String, String)>,
    inside: String,
    /// The elements in it.
    elements: usize,
}

struct Writer<'s> {
    schemas: &'s [Schema],
}

impl Writer<'_> {
    fn schema(&self, index: Option<usize>) -> Option<&Schema> {
        self.schemas.get(index?)
    }

    fn members(&self, around: &mut Element, schema: Option<usize>, members: &Map<String, Json>) -> Result<(), NotXml> {
        for (name, value) in members {
            let described = self.schema(schema).map(|schema| schema.members.as_slice()).unwrap_or_default();
            let own = described.iter().find(|(known, _)| known == name).map(|(_, index)| *index);
            self.member(around, name, own, value)?;
        }
        Ok(())
    }

    /// Writes a member of an object, or an item of a list, into the element around it.
    fn member(&self, around: &mut Element, called: &str, index: Option<usize>, value: &Json) -> Result<(), NotXml> {
        let schema = self.schema(index);
        let name = schema.map_or_else(|| called.to_owned(), |s| qualified(s.name.as_deref().unwrap_or(called), s));
        match (schema.map_or(NodeKind::Element, |schema| schema.kind), value) {
            (NodeKind::Attribute, Json::Null) => Ok(()),
            (NodeKind::Attribute, Json::Object(_) | Json::Array(_)) => Err(NotXml::Attribute(name)),
            (NodeKind::Attribute, value) => {
                if let Some(Schema { prefix: Some(prefix), namespace: Some(namespace), .. }) = schema {
                    around.declare(&format!("xmlns:{prefix}"), namespace)?;
                }
                around.attribute(&name, &json_text(value))
            }
            (NodeKind::Text, value) => around.text(&json_text(value)),
            (NodeKind::Cdata, value) => {
                let text = json_text(value);
                checked(&text)?;
                around.inside.push_str(&format!("<![CDATA[{}]]>", text.replace("]]>", "]]]]><![CDATA[>")));
                Ok(())
            }
            (NodeKind::Nothing, Json::Object(members)) => self.members(around, index, members),
            // The name of a list that has no element of its own is not used.
            (NodeKind::Nothing, Json::Array(items)) => {
                let schema = schema.and_then(|schema| schema.items);
                items.iter().try_for_each(|item| self.member(around, called, schema, item))
            }
            (NodeKind::Nothing, value) => around.text(&json_text(value)),
            // A list of which the schema knows nothing.
            (NodeKind::Element, Json::Array(items)) if schema.is_none_or(|schema| schema.items.is_none()) => {
                items.iter().try_for_each(|item| self.element(around, &name, None, item))
            }
            (NodeKind::Element, value) => self.element(around, &name, index, value),
        }
    }

    fn element(&self, around: &mut Element, name: &str, index: Option<usize>, value: &Json) -> Result<(), NotXml> {
        let schema = self.schema(index);
        let mut own = Element::default();
        if let Some(Schema { namespace: Some(namespace), prefix, .. }) = schema {
            own.declare(&prefix.as_ref().map_or("xmlns".to_owned(), |prefix| format!("xmlns:{prefix}")), namespace)?;
        }
        match value {
            Json::Object(members) => self.members(&mut own, index, members)?,
            Json::Array(items) => {
                let called = name.split_once(':').map_or(name, |(_, local)| local);
                let schema = schema.and_then(|schema| schema.items);
                items.iter().try_for_each(|item| self.member(&mut own, called, schema, item))?;
            }
            Json::Null => {
                own.declare("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance")?;
                own.attribute("xsi:nil", "true")?;
            }
            scalar => own.text(&json_text(scalar))?,
        }
        around.child(name, &own)
    }
}

impl Element {
    fn attribute(&mut self, name: &str, value: &str) -> Result<(), NotXml> {
        if !is_name(name) {
            return Err(NotXml::Name(name.to_owned()));
        }
        checked(value)?;
        self.attributes.push((name.to_owned(), value.to_owned()));
        Ok(())
    }

    fn declare(&mut self, name: &str, namespace: &str) -> Result<(), NotXml> {
        if self.attributes.iter().any(|(known, _)| known == name) {
            return Ok(());
        }
        self.attribute(name, namespace)
    }

    fn text(&mut self, text: &str) -> Result<(), NotXml> {
        checked(text)?;
        self.inside.push_str(&escaped(text, false));
        Ok(())
    }

    fn child(&mut self, name: &str, own: &Self) -> Result<(), NotXml> {
        if !is_name(name) {
            return Err(NotXml::Name(name.to_owned()));
        }
        self.inside.push('<');
        self.inside.push_str(name);
        for (name, value) in &own.attributes {
            self.inside.push_str(&format!(" {name}=\"{}\"", escaped(value, true)));
        }
        match own.inside.is_empty() {
            true => self.inside.push_str("/>"),
            false => self.inside.push_str(&format!(">{}</{name}>", own.inside)),
        }
        self.elements += 1;
        Ok(())
    }
}

/// The one schema that another consists of, as it is written to say something beside a `$ref`.
fn only_part(schema: &Node) -> Option<&Node> {
    match schema.get("allOf").map(Node::items) {
        Some([only]) if schema.get("properties").is_none() => Some(only),
        _ => None,
    }
}

fn qualified(name: &str, schema: &Schema) -> String {
    match &schema.prefix {
        Some(prefix) => format!("{prefix}:{name}"),
        None => name.to_owned(),
    }
}

fn checked(text: &str) -> Result<(), NotXml> {
    let unfit = |c: &char| {
        (c.is_control() && u32::from(*c) < 0x20 && !"\t\n\r".contains(*c)) || "\u{fffe}\u{ffff}".contains(*c)
    };
    text.chars().find(unfit).map_or(Ok(()), |c| Err(NotXml::Character(c)))
}

/// A text that a reader of XML reads as it is.
fn escaped(text: &str, attribute: bool) -> String {
    let mut written = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => written.push_str("&amp;"),
            '<' => written.push_str("&lt;"),
            '>' => written.push_str("&gt;"),
            '\r' => written.push_str("&#13;"),
            '"' if attribute => written.push_str("&quot;"),
            '\n' if attribute => written.push_str("&#10;"),
            '\t' if attribute => written.push_str("&#9;"),
            other => written.push(other),
        }
    }
    written
}
