//! Slips of shape with one meaning: what is written in another form than the specification's, and what it is read as
//! (docs/readings.md).

use std::borrow::Cow;

use super::{Criterion, Output, Reader, Step, Text, Workflow, is_step_reference, unquoted};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Edit, Help, nearest};
use crate::json_schema::TYPES;
use crate::node::{Key, Kind, Node};
use crate::readings::Readings;
use crate::source::Span;
use crate::value::{Json, Number};

/// Fields that say nothing where nothing stands below them.
const LEFT_OUT: [&str; 15] = [
    "components",
    "criteria",
    "dependsOn",
    "description",
    "failureActions",
    "inputs",
    "onFailure",
    "onSuccess",
    "outputs",
    "parameters",
    "replacements",
    "requestBody",
    "successActions",
    "successCriteria",
    "summary",
];

/// Those of them that are maps wherever they stand; in `components` all are.
const MAPS: [&str; 4] = ["components", "inputs", "outputs", "requestBody"];
/// Those of them that are texts.
const TEXTS: [&str; 2] = ["description", "summary"];

/// A field that has a value. One with nothing below it is left out, which [`Reader::fields`] says
/// (`empty-list-field`).
pub(super) fn given<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    node.get(name).filter(|value| !says_nothing(name, value, false) && !says_nothing(name, value, true))
}

/// `true` for null, and for the emptiness of the other kind: programs that know one kind of collection write `{}` for an
/// empty list, and `[]` for an empty map. An empty list of criteria means something else to each reader, and is refused.
fn says_nothing(name: &str, value: &Node, in_components: bool) -> bool {
    let is_map = in_components || MAPS.contains(&name);
    LEFT_OUT.contains(&name)
        && match &value.kind {
            Kind::Null => true,
            Kind::Array(items) => items.is_empty() && is_map,
            Kind::Object(members) => {
                members.is_empty() && !is_map && !TEXTS.contains(&name) && name != "successCriteria"
            }
            _ => false,
        }
}

/// `true` for null, and for a text of nothing but blanks.
pub(super) fn is_blank(value: &Node) -> bool {
    match &value.kind {
        Kind::Null => true,
        Kind::String(text) => text.trim().is_empty(),
        _ => false,
    }
}

/// The words that JSON Schema has in the place where `inputs` stands, with those of OpenAPI.
const KEYWORDS: [&str; 44] = [
    "type",
    "properties",
    "required",
    "additionalProperties",
    "patternProperties",
    "unevaluatedProperties",
    "dependentRequired",
    "dependentSchemas",
    "dependencies",
    "minProperties",
    "maxProperties",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "title",
    "description",
    "default",
    "deprecated",
    "example",
    "examples",
    "definitions",
    "propertyNames",
    "enum",
    "const",
    "nullable",
    "readOnly",
    "writeOnly",
    "discriminator",
    "externalDocs",
    "xml",
    "format",
    "items",
    "pattern",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "contentMediaType",
    "contentEncoding",
    "id",
];

/// The keyword that a word was meant as, of those without which inputs are not declared.
fn keyword_of(word: &str) -> Option<&'static str> {
    const DECLARING: [&str; 7] =
        ["properties", "required", "additionalProperties", "patternProperties", "allOf", "anyOf", "oneOf"];
    let elsewhere = ["props", "fields", "members", "attributes"].contains(&word).then_some("properties");
    elsewhere.or_else(|| nearest(word, DECLARING))
}

/// The label of an input that stands beside the keywords.
const NOT_KNOWN: &str = "any input is taken, and none is required";

/// What is written for an input that stands in the place of a keyword.
fn below_properties(key: &Key, value: &Node) -> Help {
    match type_word(value) {
        Some(word) => {
            Help::words(format!("write properties: {{ {}: {{ type: {word} }} }}, beside `type: object`", key.name))
        }
        None => Help::words("write the inputs below `properties:`, beside `type: object`"),
    }
}

/// The type that stands alone in the place of a schema: `user: string`.
pub(crate) fn type_word(value: &Node) -> Option<&str> {
    value.as_str().filter(|word| TYPES.contains(word))
}

impl Reader<'_> {
    /// The reading `empty-list-field`: `outputs:` with nothing below it.
    pub(super) fn empty_field(&mut self, object: &Node, key: &Key, value: &Node, in_components: bool) {
        if says_nothing(&key.name, value, in_components) {
            self.left_out(object, key);
        }
    }

    /// The same of an object's own optional fields, which programs write with null or an empty text where they have nothing
    /// to say: the object without them.
    pub(super) fn without_empty<'n>(&mut self, object: &'n Node, optional: &[&str]) -> Cow<'n, Node> {
        let is_empty = |(key, value): &&(Key, Node)| is_blank(value) && optional.contains(&key.name.as_str());
        let empty: Vec<&Key> = object.members().iter().filter(is_empty).map(|(key, _)| key).collect();
        if empty.is_empty() {
            return Cow::Borrowed(object);
        }
        for key in empty {
            self.left_out(object, key);
        }
        let others = object.members().iter().filter(|member| !is_empty(member)).cloned();
        Cow::Owned(Node { kind: Kind::Object(others.collect()), span: object.span })
    }

    pub(super) fn left_out(&mut self, object: &Node, key: &Key) {
        let mut diagnostic =
            Diagnostic::warning(Code::EmptyListField, key.span, format!("nothing stands below `{}`", key.name))
                .label("left out")
                .help("leave it out");
        if let Some(edit) = object.without_member(self.sources, &key.name) {
            diagnostic = diagnostic.fix("leave it out", true, vec![edit]);
        }
        self.departure(diagnostic);
    }

    /// The reading `unquoted-text`: `version: 1.0` and `stepId: 1` are numbers to YAML; their text is what was meant.
    pub(super) fn text_or_scalar(&mut self, node: &Node, what: &str) -> Option<Text> {
        let text = match &node.kind {
            Kind::Number(text) => text.clone(),
            Kind::Bool(_) => self.sources.text(node.span).to_owned(),
            _ => return self.text(node, what),
        };
        let quoted = format!("\"{text}\"");
        self.departure(
            Diagnostic::warning(
                Code::UnquotedText,
                node.span,
                format!("{what} is a string, and `{text}` is {}", node.type_name()),
            )
            .label("its text is taken")
            .help(format!("write {quoted}"))
            .fix("put it in quotes", true, vec![Edit { span: node.span, text: quoted }]),
        );
        Some(Text { value: text, node: node.clone() })
    }

    /// The reading `quoted-number`: a number that stands in quotes.
    pub(super) fn number_of(&mut self, node: &Node) -> Json {
        let Kind::String(text) = &node.kind else {
            return if matches!(node.kind, Kind::Number(_)) { node.to_json() } else { Json::Null };
        };
        let Some(number) = Number::parse(text.trim()) else { return Json::Null };
        let right = number.to_string();
        let message = format!("a number is expected, and {} is a string", self.sources.text(node.span));
        self.departure(
            Diagnostic::warning(Code::QuotedNumber, node.span, message)
                .label("read as its number")
                .help(format!("write {right}"))
                .fix("leave out the quotes", true, vec![Edit { span: node.span, text: right }])
                .section("§Failure Action Object"),
        );
        Json::Number(number)
    }

    /// `inputs` that lists its properties without saying so, or misspells a keyword: for JSON Schema these are unknown
    /// keywords, which change nothing.
    pub(super) fn inputs_as_map(&mut self, inputs: &Node) {
        let is_known = |name: &str| KEYWORDS.contains(&name) || name.starts_with(['$', 'x']) && name.len() > 2;
        let others = || inputs.members().iter().filter(|(key, _)| !is_known(&key.name));
        let described = |(_, value): &&(Key, Node)| {
            let schema = ["type", "description", "format", "$ref"].iter().any(|word| value.get(word).is_some());
            schema || type_word(value).is_some()
        };
        let misspelt = others().find_map(|(key, _)| Some((key, keyword_of(&key.name)?)));
        // An input may be called nearly as a keyword is, but not all of them.
        let all = others().count() > 0 && others().all(|member| described(&member));
        let (first, label, help) = match (others().find(described), misspelt) {
            (Some((first, value)), None) => (first, NOT_KNOWN, below_properties(first, value)),
            (Some((first, value)), Some(_)) if all => (first, NOT_KNOWN, below_properties(first, value)),
            (_, Some((key, near))) => (key, "says nothing", Help::meant(near)),
            (None, None) => return,
        };
        let message = format!("`inputs` is a JSON Schema, in which `{}` is no keyword", first.name);
        self.departure(
            Diagnostic::warning(Code::InputsAsMap, first.span, message)
                .label(label)
                .help(help)
                .section("§Workflow Object"),
        );
    }

    /// A text for people, which may be left out.
    pub(super) fn words(&mut self, node: &Node, name: &str) -> Option<Text> {
        given(node, name).and_then(|value| self.text_or_scalar(value, &format!("`{name}`")))
    }

    /// A list of criteria, each once.
    pub(super) fn criteria(&mut self, node: &Node, field: &str, what: &str) -> Vec<Criterion> {
        // One that stands alone, as a text, is a list of one.
        let alone = given(node, field).filter(|value| value.as_str().is_some());
        let items = alone.map_or_else(|| self.list(node, field, what, false), std::slice::from_ref);
        let mut seen: Vec<Json> = vec![];
        for (index, item) in items.iter().enumerate() {
            let json = item.to_json();
            if seen.contains(&json) {
                let message = format!("this criterion stands twice in `{field}`");
                let mut diagnostic = Diagnostic::warning(Code::DuplicateCriterion, item.span, message)
                    .help("keep one of them")
                    .section("§Step Object");
                if let Some(edit) = given(node, field).and_then(|list| list.without_item(self.sources, index)) {
                    diagnostic = diagnostic.fix("leave it out", true, vec![edit]);
                }
                self.departure(diagnostic);
            }
            seen.push(json);
        }
        items.iter().filter_map(|item| self.criterion(item, alone.is_some())).collect()
    }

    /// The reading `criterion-as-text`: `- $statusCode == 200`. `alone` where it stands in the place of the list.
    pub(super) fn criterion_as_text(&mut self, text: Text, alone: bool) -> Criterion {
        let span = text.span();
        let written = self.sources.text(span);
        let flow = alone || self.in_flow(span);
        let message = if alone { "criteria are a list of objects" } else { "a criterion is an object" };
        let mut diagnostic =
            Diagnostic::warning(Code::CriterionAsText, span, format!("{message}, and this is a string"))
                .label("read as its `condition`")
                .help(match flow && !alone {
                    true => format!("write {{ condition: {} }}", text.value),
                    false => format!("write - condition: {}", text.value),
                })
                .section("§Criterion Object");
        // A text of several lines would stand at another depth. One in braces may need quotes.
        let plain = !written.starts_with(['\'', '"']);
        let needs_quotes = flow && plain && written.contains([',', '[', ']', '{', '}']);
        if !written.contains('\n') && !needs_quotes {
            let (before, after) = match (flow, alone) {
                (false, _) => ("condition: ", ""),
                (true, false) => ("{ \"condition\": ", " }"),
                (true, true) => ("[{ \"condition\": ", " }]"),
            };
            let at = |at: u32, text: &str| {
                let at = at as usize;
                Edit { span: Span::new(span.source, at..at), text: text.to_owned() }
            };
            let mut edits = vec![at(span.start, before), at(span.end, after)];
            edits.retain(|edit| !edit.text.is_empty());
            diagnostic = diagnostic.fix("write it as a `condition`", true, edits);
        }
        self.departure(diagnostic);
        Criterion { context: None, condition: text, kind: None, on_action: false }
    }

    /// The edit that makes `condition: X` of an action one of its criteria, where X stands in one line.
    pub(super) fn as_criteria(&self, key: &Key, value: &Node) -> Option<Edit> {
        let written = self.sources.text(value.span);
        let plain = !written.starts_with(['\'', '"']);
        let open = plain && written.contains([',', '[', ']', '{', '}']);
        if written.contains('\n') || open || key.span.end > value.span.start {
            return None;
        }
        let text = match self.sources.text(key.span).starts_with('"') {
            true => format!("\"criteria\": [{{ \"condition\": {written} }}]"),
            false => format!("criteria: [{{ condition: {written} }}]"),
        };
        let span = Span::new(key.span.source, key.span.start as usize..value.span.end as usize);
        Some(Edit { span, text })
    }

    /// The reading `dialect-word` of a word of the specification in other letters: `in: Query`, `type: END`.
    pub(super) fn known_word(&mut self, text: Text, known: &[&str]) -> Text {
        let written = text.value.as_str();
        let meant = known.iter().find(|word| word.eq_ignore_ascii_case(written)).filter(|word| **word != written);
        let Some(meant) = meant.filter(|_| self.readings != Readings::Letter) else { return text };
        let help = format!("write {meant}");
        let mut diagnostic =
            Diagnostic::warning(Code::DialectWord, text.span(), format!("`{written}` is written `{meant}`"))
                .label(format!("read as {meant}"))
                .help(help.clone());
        if let Some(edit) = text.node.rewrite(self.sources, 0..written.len(), meant, false) {
            diagnostic = diagnostic.fix(help, true, vec![edit]);
        }
        self.departure(diagnostic);
        Text { value: (*meant).to_owned(), node: text.node }
    }

    /// The edit that writes a member before another one of an object, as that is written.
    pub(super) fn with_member_before(&self, object: &Node, before: &str, (name, value): (&str, &str)) -> Option<Edit> {
        let (key, _) = object.member(before)?;
        let text = &self.sources.get(key.span.source)?.text;
        let start = key.span.start as usize;
        let line = text.get(..start)?.rsplit('\n').next()?;
        let flow = self.sources.text(object.span).starts_with('{');
        let text = match self.sources.text(key.span) {
            quoted if quoted.starts_with('"') => format!("\"{name}\": {}, ", Json::from(value)),
            _ if flow => format!("{name}: {value}, "),
            _ => format!("{name}: {value}\n{}", line.replace(|c: char| c != ' ', " ")),
        };
        Some(Edit { span: Span::new(key.span.source, start..start), text })
    }

    /// `true` for an item that does not stand behind a dash.
    fn in_flow(&self, item: Span) -> bool {
        let text = self.sources.get(item.source).map(|source| &source.text);
        let before = text.and_then(|text| text.get(..item.start as usize)).unwrap_or_default();
        !before.trim_end_matches([' ', '\t']).ends_with('-')
    }

    /// The reading `outputs-as-list`: maps of one name each, in a list.
    pub(super) fn outputs_as_list(&mut self, key: Span, list: &Node) -> Vec<Output> {
        let mut read: Vec<Output> = vec![];
        let entries = list.items().iter().flat_map(|item| match named_output(item) {
            Some(entry) => vec![entry],
            None => item.members().iter().map(|(name, value)| (name.clone(), value)).collect(),
        });
        for (name, value) in entries {
            if read.iter().any(|known| known.name.name == name.name) {
                let message = format!("two outputs are called `{}`", name.name);
                self.error(Code::DuplicateName, name.span, message, "keep one of them".to_owned());
                continue;
            }
            read.extend(self.output(&name, value));
        }
        let mut diagnostic = Diagnostic::warning(Code::OutputsAsList, key, "`outputs` is a map, and this is a list")
            .label("read as one map")
            .help("leave out the dashes: each name is a member of `outputs`")
            .section("§Step Object");
        if let Some(edits) = self.without_dashes(list) {
            diagnostic = diagnostic.fix("write them as one map", true, edits);
        }
        self.departure(diagnostic);
        read
    }

    /// The reading `output-as-object`: `id: { value: $response.body#/id }`, an output as parameters are written, also with
    /// words about it.
    pub(super) fn output_as_object(&mut self, object: &Node) -> Option<Node> {
        let (key, value) = object.member("value")?;
        let expression = |text: &str| text.starts_with('$') || text.starts_with("{$");
        let known = |name: &str| name == "value" || TEXTS.contains(&name) || name.starts_with("x-");
        if !value.as_str().is_some_and(expression) || !object.members().iter().all(|(key, _)| known(&key.name)) {
            return None;
        }
        let written = self.sources.text(value.span).to_owned();
        let mut diagnostic =
            Diagnostic::warning(Code::OutputAsObject, key.span, "an output is its expression, and this is an object")
                .label("read as its `value`")
                .help(format!("write {}", value.as_str().unwrap_or_default()))
                .section(Code::OutputAsObject.section());
        if !written.contains('\n') {
            diagnostic = diagnostic.fix("write its value alone", true, vec![Edit { span: object.span, text: written }]);
        }
        self.departure(diagnostic);
        Some(value.clone())
    }

    /// The edits that make one map of a list of maps, where it is clear how: dashes become blanks; in braces, one pair
    /// stands for all.
    fn without_dashes(&self, list: &Node) -> Option<Vec<Edit>> {
        if list.items().iter().any(|item| named_output(item).is_some()) {
            return None;
        }
        let written = self.sources.text(list.span);
        if written.starts_with('[') {
            let items = list.items().iter().map(|item| self.sources.text(item.span));
            let inner: Option<Vec<&str>> =
                items.map(|item| Some(item.strip_prefix('{')?.strip_suffix('}')?.trim())).collect();
            let text = format!("{{ {} }}", inner?.join(", "));
            return Some(vec![Edit { span: list.span, text }]);
        }
        let text = &self.sources.get(list.span.source)?.text;
        let mut columns = vec![];
        let mut edits = vec![];
        for item in list.items() {
            let start = item.members().first().map(|(key, _)| key.span.start as usize)?;
            let line = text.get(..start)?.rfind('\n').map_or(0, |at| at + 1);
            let before = text.get(line..start)?;
            // Nothing but the dash may stand before it.
            if before.trim() != "-" || text.get(start..)?.starts_with('{') {
                return None;
            }
            columns.push(before.len());
            let dash = line + before.find('-')?;
            edits.push(Edit { span: Span::new(list.span.source, dash..dash + 1), text: " ".to_owned() });
        }
        columns.windows(2).all(|pair| pair.first() == pair.last()).then_some(edits)
    }

    /// The reading `depends-on-expression`: `$steps.X`, also `$steps.X.outputs.y`, is the step X.
    pub(super) fn dependencies_of_steps(&mut self, steps: &[Step]) {
        for text in steps.iter().flat_map(|step| &step.depends_on) {
            let Some(rest) = text.value.strip_prefix("$steps.") else { continue };
            // A step that is not there is said where names are looked up.
            let names = steps.iter().map(|step| step.id.value.as_str());
            let Some(name) = step_of_expression(rest, names) else { continue };
            self.depends_on_expression(text, name, "`dependsOn` of a step lists stepIds");
        }
    }

    /// The same for workflows: `$workflows.X` is the workflow X.
    pub(super) fn dependencies_of_workflows(&mut self, workflows: &[Workflow]) {
        for text in workflows.iter().flat_map(|workflow| &workflow.depends_on) {
            let Some(name) = text.value.strip_prefix("$workflows.") else { continue };
            if workflows.iter().any(|workflow| workflow.id.value == name) {
                self.depends_on_expression(text, name, "`dependsOn` of a workflow lists workflowIds");
            }
        }
    }

    /// The reading `depends-on-expression` of a name in braces, `{$steps.a}`. That it is an expression is said where its
    /// name is looked up; a full name of another document has only its braces too many.
    pub(super) fn without_braces(&mut self, text: Text) -> Text {
        let inner = text.value.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')).map(str::trim);
        let inner = inner.filter(|inner| inner.starts_with('$') && !inner.contains(['{', '}']));
        let Some(inner) = inner.map(str::to_owned) else { return text };
        let text = Text { value: inner, node: text.node };
        if !["$steps.", "$workflows."].iter().any(|root| text.value.starts_with(root)) || is_step_reference(&text.value)
        {
            self.depends_on_expression(&text, &text.value, "a name stands without braces");
        }
        text
    }

    /// `{$steps.a}` without quotes, which is a map for YAML, as the text that is meant.
    pub(super) fn braces_as_text<'n>(&self, node: &'n Node) -> Cow<'n, Node> {
        let written = self.sources.text(node.span);
        let braces = written.starts_with('{') && written.ends_with('}') && !written.contains(':');
        match unquoted(node).filter(|_| braces && self.readings != Readings::Letter) {
            Some(_) => Cow::Owned(Node { kind: Kind::String(written.to_owned()), span: node.span }),
            None => Cow::Borrowed(node),
        }
    }

    fn depends_on_expression(&mut self, text: &Text, name: &str, message: &str) {
        let range = text.whole();
        let help = format!("write {name}");
        let mut diagnostic =
            Diagnostic::warning(Code::DependsOnExpression, text.node.part(self.sources, range.clone()), message)
                .label(format!("read as `{name}`"))
                .help(help.clone())
                .section("§Step Object");
        if let Some(edit) = text.node.rewrite(self.sources, range, name, false) {
            diagnostic = diagnostic.fix(help, true, vec![edit]);
        }
        self.departure(diagnostic);
    }

    /// The reading `missing-info`.
    pub(super) fn missing_info(&mut self, place: Span, what: &str, help: &'static str) {
        self.departure(
            Diagnostic::warning(Code::MissingInfo, place, what.to_owned())
                .help(help)
                .section(Code::MissingInfo.section()),
        );
    }

    /// `$self`: a URI-reference without a fragment. The reading `invalid-self` leaves out what is none.
    pub(super) fn self_uri(&mut self, root: &Node) -> Option<Text> {
        let uri = self.optional_text(root, "$self")?;
        if uri.value.contains('#') {
            let help = "leave out the `#` and what follows it".to_owned();
            self.error(Code::UnknownValue, uri.span(), "`$self` must not have a fragment", help);
        } else if !is_uri_reference(&uri.value) {
            let mut diagnostic = Diagnostic::warning(Code::InvalidSelf, uri.span(), "`$self` is not a URI-reference")
                .label("left out: the document is known by where it was read")
                .help("write a uri such as https://example.com/flows/buy.yaml")
                .section(Code::InvalidSelf.section());
            if let Some(edit) = root.without_member(self.sources, "$self") {
                diagnostic = diagnostic.fix("leave it out", true, vec![edit]);
            }
            self.departure(diagnostic);
            return None;
        }
        Some(uri)
    }

    /// A form that Arazzo 1.1 brought, in a document that says 1.0.
    pub(super) fn newer_form(&mut self, version: ((u32, u32), &str), span: Span, what: &str) {
        if version.0 == (1, 0) {
            self.departure(newer_form(span, what, version.1));
        }
    }

    /// Says that a required text is missing; one that is misspelt was said to be unknown.
    pub(super) fn info_text(&mut self, info: &Node, place: Span, name: &'static str) -> Option<Text> {
        match given(info, name) {
            Some(value) => self.text_or_scalar(value, &format!("`{name}`")),
            None => {
                if self.misspelt(info, name).is_none() && info.get(name).is_none() {
                    let help = if name == "title" { "add `title:`" } else { "add `version:`" };
                    self.missing_info(place, &format!("`info` has no `{name}`"), help);
                }
                None
            }
        }
    }
}

/// The name and the value of `{ name: id, value: $response.body#/id }`, an output as parameters are written.
pub(super) fn named_output(item: &Node) -> Option<(Key, &Node)> {
    let (Kind::Object(members), Some(name)) = (&item.kind, item.get("name")) else { return None };
    let name = Key { name: name.as_str()?.to_owned(), span: name.span };
    Some((name, item.get("value").filter(|_| members.len() == 2)?))
}

/// The step that an expression behind `$steps.` begins with: the longest name that fits, because names may hold dots.
pub(crate) fn step_of_expression<'s>(rest: &str, names: impl Iterator<Item = &'s str>) -> Option<&'s str> {
    let of = |name: &&str| rest.strip_prefix(*name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    names.filter(of).max_by_key(|name| name.len())
}

/// The diagnostic about a form that Arazzo 1.1 brought.
pub(crate) fn newer_form(span: Span, what: &str, written: &str) -> Diagnostic {
    let message = format!("{what} is a form of Arazzo 1.1; the document says {written}");
    Diagnostic::warning(Code::NewerForm, span, message).help("write `arazzo: 1.1.0`")
}

/// `true` for the characters of RFC 3986, with whole percent-encodings.
fn is_uri_reference(text: &str) -> bool {
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let good = match byte {
            b'%' => {
                rest.next().is_some_and(|b| b.is_ascii_hexdigit()) && rest.next().is_some_and(|b| b.is_ascii_hexdigit())
            }
            _ => byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=".contains(&byte),
        };
        if !good {
            return false;
        }
    }
    true
}
