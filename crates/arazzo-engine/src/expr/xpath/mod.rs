//! XPath over XML texts: criteria, selectors, and the targets of replacements.
//!
//! The evaluator is `xee-xpath` (XPath 3.1) behind the cargo feature `xpath`; without it a query is refused when it is
//! parsed. Expressions in braces are *placeholders*: their values come in as literals and can never change the query. A query
//! reads the context and nothing else: no documents, no entities, no clock, no environment. Versions 1.0, 2.0 and 3.0
//! run on the same evaluator; docs/xpath.md lists what differs.

use crate::value::Json;

use super::jsonpath::{Placeholder, SyntaxError};

#[cfg(feature = "xpath")]
mod cost;
mod scan;

use scan::scan;

/// The longest query in bytes.
const LENGTH: usize = 2048;

/// Words of functions and tests that read something other than the context, or that the evaluator does not have.
const REFUSED: [&str; 17] = [
    "current-date",
    "current-dateTime",
    "current-time",
    "implicit-timezone",
    "doc",
    "doc-available",
    "collection",
    "uri-collection",
    "unparsed-text",
    "unparsed-text-lines",
    "unparsed-text-available",
    "environment-variable",
    "available-environment-variables",
    "schema-element",
    "schema-attribute",
    "serialize",
    "transform",
];

/// A query: `count(/root/pets/*) > 0`.
#[derive(Debug, Clone)]
pub struct Query {
    pieces: Vec<Piece>,
    placeholders: Vec<Placeholder>,
}

#[derive(Debug, Clone)]
enum Piece {
    Text(String),
    /// The placeholder with this number; inside a literal, the quote that it stands between.
    Placeholder(usize, Option<char>),
}

impl Query {
    /// Parses a query; with `placeholders`, expressions in braces may stand for values.
    ///
    /// # Errors
    /// [`SyntaxError`] with the part that is wrong.
    pub fn parse(text: &str, placeholders: bool) -> Result<Self, SyntaxError> {
        let wrong = |range: std::ops::Range<usize>, message: String| SyntaxError { at: range, message, help: None };
        if text.len() > LENGTH {
            return Err(wrong(0..text.len(), format!("the query is longer than {LENGTH} bytes")));
        }
        let scanned = scan(text, placeholders)?;
        if let Some((range, word)) = scanned.names.iter().find(|(_, word)| REFUSED.contains(&local(word))) {
            let message = format!("`{word}` is not available: a query reads its context and nothing else");
            return Err(wrong(range.clone(), message));
        }
        let query = Self { pieces: scanned.pieces, placeholders: scanned.placeholders };
        // What stands in a placeholder is not known yet: any literal shows whether the rest is a query.
        let sample = query.text(&vec![Json::from(1); query.placeholders.len()]).unwrap_or_default();
        let prefixes: Vec<&str> =
            scanned.names.iter().filter_map(|(_, word)| word.split_once(':').map(|(prefix, _)| prefix)).collect();
        engine::check(&sample, &prefixes).map_err(|(range, message)| {
            // Places behind a placeholder have moved: then the whole text is what is wrong.
            let known = range.filter(|range| {
                query.placeholders.is_empty() && text.get(range.clone()).is_some_and(|t| !t.is_empty())
            });
            wrong(known.unwrap_or(0..text.len()), message)
        })?;
        Ok(query)
    }

    /// The expressions in braces, in order.
    #[must_use]
    pub fn placeholders(&self) -> &[Placeholder] {
        &self.placeholders
    }

    /// The effective boolean value of the query over an XML text; `bindings` are the values of the placeholders.
    ///
    /// # Errors
    /// Why it has none: the text is not XML, a type error, a value that cannot be a literal.
    pub fn holds(&self, xml: &str, bindings: &[Json]) -> Result<bool, String> {
        engine::holds(&self.text(bindings)?, xml)
    }

    /// What the query selects from an XML text: values with their types, nodes as their text; `None` if nothing, an
    /// array if several.
    ///
    /// # Errors
    /// As [`Query::holds`].
    pub fn select(&self, xml: &str, bindings: &[Json]) -> Result<Option<Json>, String> {
        let mut values = engine::select(&self.text(bindings)?, xml)?;
        Ok(if values.len() > 1 { Some(Json::Array(values.into())) } else { values.pop() })
    }

    /// The XML text with every selected element, attribute or text set to `value`, and how many there were.
    ///
    /// # Errors
    /// As [`Query::holds`], and if something else was selected.
    pub fn replace(&self, xml: &str, bindings: &[Json], value: &str) -> Result<(String, usize), String> {
        engine::replace(&self.text(bindings)?, xml, value)
    }

    /// The query with the values of the placeholders as literals.
    fn text(&self, bindings: &[Json]) -> Result<String, String> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::Placeholder(number, quote) => {
                    let value = bindings.get(*number).unwrap_or(&Json::Null);
                    text.push_str(&literal(value, *quote)?);
                }
            }
        }
        Ok(text)
    }
}

/// A value inside a literal, or as one.
fn literal(value: &Json, quote: Option<char>) -> Result<String, String> {
    let doubled = |text: &str, quote: char| text.replace(quote, &format!("{quote}{quote}"));
    Ok(match (value, quote) {
        (value, Some(quote)) => doubled(&crate::value::json_text(value), quote),
        (Json::String(text), None) => format!("'{}'", doubled(text, '\'')),
        (Json::Number(number), None) => format!("({number})"),
        (Json::Bool(value), None) => format!("{value}()"),
        (_, None) => return Err("only text, numbers and booleans can stand in a query".to_owned()),
    })
}

/// `f` of `fn:f`.
fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

#[cfg(not(feature = "xpath"))]
mod engine {
    use crate::value::Json;

    const ABSENT: &str = "XPath is not built into this program (cargo feature `xpath`)";

    pub(super) fn check(_: &str, _: &[&str]) -> Result<(), (Option<std::ops::Range<usize>>, String)> {
        Err((None, ABSENT.to_owned()))
    }

    pub(super) fn holds(_: &str, _: &str) -> Result<bool, String> {
        Err(ABSENT.to_owned())
    }

    pub(super) fn select(_: &str, _: &str) -> Result<Vec<Json>, String> {
        Err(ABSENT.to_owned())
    }

    pub(super) fn replace(_: &str, _: &str, _: &str) -> Result<(String, usize), String> {
        Err(ABSENT.to_owned())
    }
}

#[cfg(feature = "xpath")]
mod engine {
    use crate::value::Json;
    use xee_xpath::context::StaticContextBuilder;
    use xee_xpath::error::Error;
    use xee_xpath::{Atomic, Documents, Item, Queries, Query, Sequence};
    use xee_xpath_ast::{Namespaces, VariableNames, ast::XPath};
    use xot::{Node, Value, Xot};

    use super::cost;

    /// How deep elements may nest: the evaluator calls itself for them.
    const DEPTH: usize = 2_000;

    /// How many tags a document may have: each element takes some hundred bytes.
    const TAGS: usize = 500_000;

    /// What one element may have; the parser compares each with each.
    const ATTRIBUTES: usize = 256;
    const NAMESPACES: usize = 64;

    /// Whether a text is a query, whatever its prefixes stand for.
    pub(super) fn check(text: &str, prefixes: &[&str]) -> Result<(), (Option<std::ops::Range<usize>>, String)> {
        affordable(text, prefixes.iter().map(|prefix| (*prefix, "urn:prefix")), &cost::Facts::none())
            .map_err(|reason| (None, reason))?;
        guarded(|| {
            let mut context = StaticContextBuilder::default();
            for prefix in prefixes.iter().filter(|prefix| !KNOWN.contains(prefix)) {
                context.add_namespace(prefix, "urn:prefix");
            }
            let query = Queries::new(context).sequence(text);
            Ok(query.map(drop).map_err(|error| {
                let range = error.span.map(|span| span.range());
                (range, format!("not an XPath query: {}", words(&error)))
            }))
        })
        .unwrap_or_else(|reason| Err((None, reason)))
    }

    /// What the evaluator comes to; it panics where its authors were not done, and a run must not end with it.
    fn guarded<T>(act: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(act))
            .unwrap_or_else(|_| Err("the evaluator of XPath broke down over this query".to_owned()))
    }

    pub(super) fn holds(query: &str, xml: &str) -> Result<bool, String> {
        guarded(|| {
            let mut document = Document::parse(xml)?;
            let found = document.run(query)?;
            let value = found.effective_boolean_value();
            value.map_err(|error| format!("the query has no effective boolean value ({error})"))
        })
    }

    pub(super) fn select(query: &str, xml: &str) -> Result<Vec<Json>, String> {
        guarded(|| {
            let mut document = Document::parse(xml)?;
            let found = document.run(query)?;
            found.iter().map(|item| json(&item, document.all.xot())).collect()
        })
    }

    pub(super) fn replace(query: &str, xml: &str, value: &str) -> Result<(String, usize), String> {
        guarded(|| replaced(query, xml, value))
    }

    fn replaced(query: &str, xml: &str, value: &str) -> Result<(String, usize), String> {
        let mut document = Document::parse(xml)?;
        let found = document.run(query)?;
        let nodes: Vec<Node> =
            found.nodes().collect::<Result<_, _>>().map_err(|_| "the query selects values, not nodes".to_owned())?;
        let xot = document.all.xot_mut();
        for node in &nodes {
            set(xot, *node, value)?;
        }
        let text = xot.to_string(document.root).map_err(|error| error.to_string())?;
        // The declaration is not part of the tree.
        let head = xml.trim_start().strip_prefix("<?xml").and_then(|rest| rest.split_once("?>"));
        let text = head.map_or(text.clone(), |(head, _)| format!("<?xml{head}?>{text}"));
        Ok((text, nodes.len()))
    }

    /// Prefixes that every query has.
    const KNOWN: [&str; 7] = ["xml", "xs", "fn", "map", "array", "math", "err"];

    /// The query as it is evaluated, if its cost over a document is within bounds.
    ///
    /// The evaluator takes a predicate that selects several nodes for a position, so it is told to look whether there
    /// are any.
    fn affordable<'p>(
        query: &str,
        prefixes: impl Iterator<Item = (&'p str, &'p str)>,
        facts: &cost::Facts,
    ) -> Result<String, String> {
        let mut namespaces = Namespaces::default();
        namespaces.add(&prefixes.collect::<Vec<_>>());
        let mut text = query.to_owned();
        // What is not a query is said by the evaluator, in its words.
        let Ok(tree) = XPath::parse(query, &namespaces, &VariableNames::default()) else { return Ok(text) };
        let mut words: Vec<(usize, &str)> =
            cost::check(&tree, facts)?.iter().flat_map(|nodes| [(nodes.start, "boolean("), (nodes.end, ")")]).collect();
        words.sort_unstable();
        for (at, word) in words.iter().rev() {
            if text.is_char_boundary(*at) {
                text.insert_str(*at, word);
            }
        }
        Ok(text)
    }

    struct Document {
        facts: cost::Facts,
        all: Documents,
        handle: xee_xpath::DocumentHandle,
        root: Node,
        /// Prefixes that the document declares, each as it is declared first.
        prefixes: Vec<(String, String)>,
    }

    /// Why a text is not XML; the crate says twice that it is the parser who says so.
    fn not_xml(reason: &str) -> String {
        format!("not XML: {}", reason.trim_start_matches("Parse error: ").trim_start_matches("Parser error: "))
    }

    impl Document {
        fn parse(xml: &str) -> Result<Self, String> {
            if xml.contains("<!DOCTYPE") {
                return Err("the XML has a document type declaration, which is refused".to_owned());
            }
            bounded(xml)?;
            let xml = xml.trim_start_matches('\u{feff}').trim_start();
            let mut all = Documents::new();
            let handle = all.add_string_without_uri(xml).map_err(|error| not_xml(&error.to_string()))?;
            let root = all.document_node(handle).ok_or_else(|| "not XML".to_owned())?;
            let xot = all.xot();
            let facts = cost::Facts::of(xot, root);
            let (mut prefixes, mut seen): (Vec<(String, String)>, _) = (vec![], std::collections::HashSet::new());
            for node in xot.descendants(root).filter(|node| matches!(xot.value(*node), Value::Element(_))) {
                for (prefix, namespace) in xot.namespaces(node).iter() {
                    let prefix = xot.prefix_str(prefix);
                    if !prefix.is_empty() && !KNOWN.contains(&prefix) && seen.insert(prefix.to_owned()) {
                        prefixes.push((prefix.to_owned(), xot.namespace_str(*namespace).to_owned()));
                    }
                }
            }
            Ok(Self { facts, all, handle, root, prefixes })
        }

        fn run(&mut self, query: &str) -> Result<Sequence, String> {
            let mut context = StaticContextBuilder::default();
            for (prefix, namespace) in &self.prefixes {
                context.add_namespace(prefix, namespace);
            }
            let prefixes = self.prefixes.iter().map(|(prefix, namespace)| (prefix.as_str(), namespace.as_str()));
            let query = affordable(query, prefixes, &self.facts)?;
            let queries = Queries::new(context);
            let query = queries.sequence(&query).map_err(|error| format!("not an XPath query: {}", words(&error)))?;
            query.execute(&mut self.all, self.handle).map_err(|error| words(&error))
        }
    }

    /// A value with its type, a node as its text.
    fn json(item: &Item, xot: &Xot) -> Result<Json, String> {
        let text = || item.string_value(xot).map_err(|error| error.to_string());
        Ok(match item {
            Item::Atomic(Atomic::Boolean(value)) => Json::Bool(*value),
            Item::Atomic(value) if value.is_numeric() => {
                let text = text()?;
                // Infinite and not-a-number are no JSON numbers.
                let number = crate::value::Number::parse(&text);
                let number = number.or_else(|| crate::value::Number::from_f64(text.parse().ok()?));
                number.map_or(Json::String(text), Json::Number)
            }
            _ => Json::String(text()?),
        })
    }

    fn set(xot: &mut Xot, node: Node, value: &str) -> Result<(), String> {
        let wrong = |error: xot::Error| error.to_string();
        match xot.value_mut(node) {
            Value::Text(text) => text.set(value),
            Value::Attribute(attribute) => attribute.set_value(value),
            Value::Element(_) => {
                let children: Vec<Node> = xot.children(node).collect();
                for child in children {
                    xot.remove(child).map_err(wrong)?;
                }
                if !value.is_empty() {
                    xot.append_text(node, value).map_err(wrong)?;
                }
            }
            _ => return Err("the query selects something that has no value to set".to_owned()),
        }
        Ok(())
    }

    /// Counts tags, and what stands in each; comments and sections of text can only make it count more levels.
    fn bounded(xml: &str) -> Result<(), String> {
        let bytes = xml.as_bytes();
        let (mut depth, mut tags, mut fields, mut namespaces) = (0usize, 0usize, 0usize, 0usize);
        let (mut tag, mut quote) = (false, None);
        for (at, byte) in bytes.iter().enumerate() {
            match (byte, bytes.get(at + 1)) {
                (byte, _) if tag && quote.is_some() => quote = quote.filter(|open| open != byte),
                (b'"' | b'\'', _) if tag => quote = Some(*byte),
                (b'=', _) if tag => {
                    fields += 1;
                    let name = bytes.get(..at).unwrap_or_default().trim_ascii_end();
                    let from = name.iter().rposition(u8::is_ascii_whitespace).map_or(0, |space| space + 1);
                    namespaces += usize::from(name.get(from..).unwrap_or_default().starts_with(b"xmlns"));
                }
                (b'<', Some(b'/')) => depth = depth.saturating_sub(1),
                (b'/', Some(b'>')) if tag => depth = depth.saturating_sub(1),
                (b'>', _) => tag = false,
                (b'<', Some(b'!' | b'?')) => {}
                (b'<', _) => {
                    depth += 1;
                    (tag, fields, namespaces) = (true, 0, 0);
                }
                _ => {}
            }
            tags += usize::from(*byte == b'<');
            if tags > TAGS {
                return Err(format!("the XML has more than {TAGS} tags"));
            }
            if depth > DEPTH {
                return Err(format!("the XML is nested deeper than {DEPTH} levels"));
            }
            if namespaces > NAMESPACES {
                return Err(format!("an element of the XML declares more than {NAMESPACES} namespaces"));
            }
            if fields > ATTRIBUTES + namespaces {
                return Err(format!("an element of the XML has more than {ATTRIBUTES} attributes"));
            }
        }
        Ok(())
    }

    /// The code of the XPath specification, with what it stands for where that is common.
    fn words(error: &Error) -> String {
        let code = error.error.to_string();
        let meaning = match code.as_str() {
            "XPST0003" => "the syntax is wrong",
            "XPST0008" => "a variable is not known",
            "XPST0017" => "a function is not known, or has other arguments",
            "XPST0081" => "a prefix is not declared in the document",
            "XPTY0004" => "a value has another type than is needed",
            "FORG0001" => "a text does not spell a value of the type",
            "FORG0006" => "a value has no effective boolean value",
            "FOAR0001" => "division by zero",
            _ => return code,
        };
        format!("{meaning} ({code})")
    }
}
