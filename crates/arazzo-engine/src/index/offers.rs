//! What may be written at an offset: fields, names, members of expressions.

use std::collections::HashSet;

use super::about;
use super::fields::Object;
use super::here::Here;
use super::operations::{apis, asyncapis};
use super::places::{key_span, properties};
use super::values::{Value, told};
use crate::document::{Document, Output, Step, Workflow};
use crate::load::Bundle;
use crate::node::{Key, Node, Standing};
use crate::source::{SourceId, Span};
use crate::value::Pointer;

/// Operations that are offered at once.
const MOST: usize = 5_000;

/// The kind of what is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OfferKind {
    /// A field of an object; `: ` belongs behind it.
    Field,
    /// The name of something that documents define.
    Name,
    /// An operation of an API description.
    Operation,
    /// A word that the specification lists.
    Word,
    /// A part of an expression.
    Member,
    /// An entry of a list, whole.
    Entry,
    /// The path of a file, which whoever reads files offers.
    File,
}

/// Something that may be written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Offer {
    /// What it is.
    pub kind: OfferKind,
    /// The text.
    pub text: String,
    /// A few words beside it.
    pub detail: String,
    /// More about it, in Markdown.
    pub about: String,
    /// Lines that go below it, in the column in which the entry of its list begins: other fields of it.
    pub below: Vec<String>,
    /// The whole once more as a snippet, as the Language Server Protocol writes them: `${1:name}` is a place to fill in.
    /// Lines behind the first are indented from the column in which the entry begins. Empty where there is nothing to
    /// fill in.
    pub snippet: Vec<String>,
}

impl Offer {
    /// The path of a document, where [`Offers::files`] asks for one.
    #[must_use]
    pub fn file(path: impl Into<String>) -> Self {
        offer(OfferKind::File, path, "", "")
    }
}

/// Everything that may be written at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Offers {
    /// The text that an offer takes the place of.
    pub replaced: Span,
    /// The offers, the nearest first.
    pub offers: Vec<Offer>,
    /// `true` where the path of a document is asked for: which there are is not known here.
    pub files: bool,
}

pub(super) fn offer(
    kind: OfferKind,
    text: impl Into<String>,
    detail: impl Into<String>,
    about: impl Into<String>,
) -> Offer {
    Offer { kind, text: text.into(), detail: detail.into(), about: about.into(), below: vec![], snippet: vec![] }
}

/// An output that is written whole.
fn entry_of_output(name: &str, value: Offer) -> Offer {
    Offer { kind: OfferKind::Entry, text: format!("{name}: {}", value.text), ..value }
}

fn owned(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

/// Where the cursor is.
pub(super) struct Around<'b> {
    pub(super) here: Here<'b>,
    pub(super) tokens: Vec<String>,
}

pub(super) fn offers(bundle: &Bundle, source: SourceId, offset: u32) -> Option<Offers> {
    let (here, standing) = Here::at(bundle, source, offset)?;
    let around = Around { here, tokens: standing.pointer.tokens().to_vec() };
    let mut found = around.offers(&standing, offset)?;
    // What fits and what is likely may be the same: the first is the nearest.
    let mut known = HashSet::new();
    found.offers.retain(|offer| known.insert((offer.text.clone(), offer.below.clone())));
    Some(found)
}

impl<'b> Around<'b> {
    pub(super) fn at(bundle: &'b Bundle, source: SourceId, offset: u32) -> Option<Self> {
        let (here, standing) = Here::at(bundle, source, offset)?;
        Some(Self { here, tokens: standing.pointer.tokens().to_vec() })
    }
}

impl Around<'_> {
    fn offers(&self, standing: &Standing<'_>, offset: u32) -> Option<Offers> {
        let (own, object) = self.tokens.split_last()?;
        // An entry that is begun looks like a name with nothing behind it.
        let begun = (object.len() > 1 && standing.key.is_some()).then(|| object.get(object.len() - 2)).flatten();
        if let Some(key) = standing.key {
            let replaced = key_span(key, &self.here.bundle.sources);
            let offers = match begun.map(String::as_str) {
                Some("dependsOn") => self.dependencies(object.len() > 4),
                _ => self.fields(object, key).or_else(|| self.payload_members(object, key))?,
            };
            return Some(Offers { replaced, offers, files: false });
        }
        let text = standing.node.as_str()?;
        let within = standing.node.offset_within(&self.here.bundle.sources, offset)?;
        let whole = match text.is_empty() {
            // Between its quotes.
            true => Span { start: offset, end: offset, ..standing.node.span },
            false => standing.node.part(&self.here.bundle.sources, 0..text.len()),
        };
        if let Some((start, offers)) = self.expression(text.get(..within)?) {
            let replaced = standing.node.part(&self.here.bundle.sources, start..within);
            let replaced = Span { end: offset, start: replaced.start.min(offset), ..replaced };
            let start = whole.start + u32::try_from(start).unwrap_or(0);
            return Some(Offers { replaced: Span { start, ..replaced }, offers, files: false });
        }
        if let Some((start, offers)) = (own == "condition").then(|| self.compared(text.get(..within)?)).flatten() {
            let start = whole.start + u32::try_from(start).unwrap_or(0);
            let replaced = Span { start: start.min(offset), end: whole.end.max(offset), ..whole };
            return Some(Offers { replaced, offers, files: false });
        }
        let offers = self.values(own, object).or_else(|| self.payload_values(own, object))?;
        let files = own == "url" && Object::at(object) == Some(Object::Source);
        (files || !offers.is_empty()).then_some(Offers { replaced: whole, offers, files })
    }

    /// The fields that the object at a place does not have yet.
    fn fields(&self, object: &[String], own: &Key) -> Option<Vec<Offer>> {
        let Some(kind) = Object::at(object) else { return self.first_items(object) };
        let node = self.here.document.root.at(&Pointer::of(object.to_vec()));
        let there = |name: &str| name != own.name && node.is_some_and(|node| node.get(name).is_some());
        if kind == Object::Outputs {
            let found = self.likely_outputs().into_iter().filter(|(name, _)| !there(name));
            return Some(found.map(|(name, value)| entry_of_output(&name, value)).collect());
        }
        let is_begun = node.is_some_and(|node| node.members().len() == 1);
        let entries = if is_begun { self.entries(kind, object) } else { vec![] };
        let fields = self.fields_of(kind, is_begun).into_iter().filter(|field| !there(&field.text));
        Some(entries.into_iter().chain(fields).collect())
    }

    /// The fields of an object, in the order in which they are usually written; `is_begun`: nothing is written of it yet.
    fn fields_of(&self, kind: Object, is_begun: bool) -> Vec<Offer> {
        let field = |field: &super::fields::Field| {
            let beginning = is_begun.then(|| kind.beginning(field.name)).flatten();
            let mut snippet = owned(beginning.unwrap_or(kind.shape(field.name)));
            if kind == Object::Criterion && !self.here.messages().is_empty() {
                snippet.iter_mut().for_each(|line| *line = line.replace("response.body", "message.payload"));
            }
            Offer { snippet, ..offer(OfferKind::Field, field.name, "", field.words) }
        };
        let mut fields: Vec<Offer> = kind.fields().iter().map(field).collect();
        // As every example of the specification does.
        fields.sort_by_key(|field| kind == Object::Step && field.text != "stepId");
        fields
    }

    /// The first entries of a list that has none, with their dashes.
    fn first_items(&self, list: &[String]) -> Option<Vec<Offer>> {
        let (field, object) = list.split_last()?;
        let is_map = matches!(Object::at(object)?, Object::Components | Object::Schema);
        let item = [list, &["0".to_owned()]].concat();
        let kind = Object::at(&item).filter(|_| !is_map)?;
        let is_alone =
            self.here.document.root.at(&Pointer::of(list.to_vec())).is_some_and(|node| node.members().len() == 1);
        if !is_alone || field.parse::<usize>().is_ok() {
            return None;
        }
        let within = |lines: Vec<String>| lines.into_iter().map(|line| format!("  {line}")).collect::<Vec<_>>();
        let dashed = |offer: Offer| {
            let mut snippet = within(offer.snippet);
            if let Some(first) = snippet.first_mut() {
                *first = format!("- {}", first.trim_start());
            }
            Offer { text: format!("- {}", offer.text), below: within(offer.below), snippet, ..offer }
        };
        let entries = self.entries(kind, &item).into_iter().chain(self.fields_of(kind, true));
        Some(entries.map(dashed).collect())
    }

    /// Values of the field `own` of an object.
    fn values(&self, own: &str, object: &[String]) -> Option<Vec<Offer>> {
        if object.last().is_some_and(|list| list == "dependsOn") {
            return Some(self.dependencies(object.len() > 3));
        }
        if let Some((_, schema)) = object.split_last().filter(|(list, _)| *list == "required") {
            return self.property_names(schema);
        }
        let kind = Object::at(object)?;
        Some(match (kind, own) {
            (Object::Outputs, _) => {
                let likely = self.likely_outputs().into_iter();
                likely.map(|(_, value)| value).chain(self.fitting(None)).collect()
            }
            (Object::Criterion, "context") => self.contexts(),
            (Object::Step, "correlationId") => self.fitting(None),
            (Object::Body, "contentType") => self.content_types(),
            (Object::Step, "operationId") => self.operations(),
            (Object::Step, "operationPath") => self.operation_paths(),
            (Object::Step, "channelPath") => self.channels(),
            (Object::Step | Object::SuccessAction | Object::FailureAction, "workflowId") => self.workflows(),
            (Object::SuccessAction | Object::FailureAction, "stepId") => self.all_steps(),
            (Object::Schema, "$ref") => self.component_schemas(),
            (Object::Parameter, "name") => self.parameter_names(object),
            (Object::Parameter, "value") => self.parameter_values(object),
            (Object::Replacement, "value") => self.fitting(None),
            (Object::Criterion, "condition") => self.conditions(object),
            (Object::Parameter, "reference") => self.components("parameters"),
            (Object::SuccessAction, "reference") => self.components("successActions"),
            (Object::FailureAction, "reference") => self.components("failureActions"),
            _ => kind.values(own).iter().map(|word| offer(OfferKind::Word, *word, "", "")).collect(),
        })
    }

    fn dependencies(&self, of_step: bool) -> Vec<Offer> {
        if of_step { self.steps() } else { self.workflows() }
    }

    /// The other steps of the workflow.
    pub(super) fn steps(&self) -> Vec<Offer> {
        let own = self.here.step.map(|step| step.id.value.as_str());
        self.all_steps().into_iter().filter(|step| Some(step.text.as_str()) != own).collect()
    }

    /// The steps of the workflow: an action may go to its own again.
    fn all_steps(&self) -> Vec<Offer> {
        let steps = self.here.workflow.map(|workflow| workflow.steps.as_slice()).unwrap_or_default();
        let entry = |step: &Step| {
            offer(OfferKind::Name, &step.id.value, about::target(step).unwrap_or_default(), about::step(step))
        };
        steps.iter().map(entry).collect()
    }

    /// The properties of a schema of inputs that its `required` does not name yet.
    fn property_names(&self, schema: &[String]) -> Option<Vec<Offer>> {
        Object::at(schema).filter(|kind| *kind == Object::Schema)?;
        let root = &self.here.document.root;
        let schema = root.at(&Pointer::of(schema.to_vec()))?;
        let listed = schema.get("required").map(Node::items).unwrap_or_default();
        let is_listed = |name: &str| listed.iter().any(|entry| entry.as_str() == Some(name));
        let known = properties(root, schema).into_iter().filter(|(key, _)| !is_listed(&key.name));
        let entry = |(key, node): (&Key, &Node)| {
            let kind = about::type_of(node).unwrap_or_default();
            offer(OfferKind::Name, &key.name, kind, about::input(key, node, Some(schema)))
        };
        Some(known.map(entry).collect())
    }

    /// The schemas of inputs that the document keeps in its components, as references.
    fn component_schemas(&self) -> Vec<Offer> {
        let components = self.components("inputs").into_iter();
        let name = |entry: &Offer| entry.text.rsplit('.').next().unwrap_or_default().to_owned();
        components.map(|entry| Offer { text: format!("#/components/inputs/{}", name(&entry)), ..entry }).collect()
    }

    fn workflows(&self) -> Vec<Offer> {
        let entry = |name: String, workflow: &Workflow| {
            let summary = workflow.summary.as_ref().map(|text| text.value.as_str()).unwrap_or_default();
            offer(OfferKind::Name, name, summary, "")
        };
        let own = self.here.document.workflows.iter();
        let own = own.filter(|other| self.here.workflow.is_none_or(|own| own.id.span() != other.id.span()));
        let mut found: Vec<Offer> = own.map(|workflow| entry(workflow.id.value.clone(), workflow)).collect();
        for described in self.here.bundle.described.iter().filter(|described| described.document == self.here.number) {
            let other = described.leads_to.and_then(|other| self.here.bundle.documents.get(other));
            for workflow in other.map(|loaded| loaded.document.workflows.as_slice()).unwrap_or_default() {
                let name = format!("$sourceDescriptions.{}.{}", described.name, workflow.id.value);
                found.push(entry(name, workflow));
            }
        }
        found
    }

    /// All operations of the descriptions; with several, each with the name of its own before it.
    fn operations(&self) -> Vec<Offer> {
        let (bundle, number) = (self.here.bundle, self.here.number);
        let several = apis(bundle, number).count() + asyncapis(bundle, number).count() > 1;
        let mut found = vec![];
        for (described, api) in apis(self.here.bundle, self.here.number) {
            for operation in api.operations().take(MOST) {
                let Some(id) = operation.id() else { continue };
                let text = match several {
                    true => format!("$sourceDescriptions.{}.{id}", described.name),
                    false => id.to_owned(),
                };
                found.push(offer(OfferKind::Operation, text, operation.endpoint(), about::operation(&operation)));
            }
        }
        for (described, api) in asyncapis(bundle, number) {
            for operation in api.operations().take(MOST) {
                let text = match several {
                    true => format!("$sourceDescriptions.{}.{}", described.name, operation.id()),
                    false => operation.id().to_owned(),
                };
                let channel = operation.channel().ok().flatten();
                let detail = channel.map(|channel| format!("channel {}", channel.name())).unwrap_or_default();
                found.push(offer(OfferKind::Operation, text, detail, about::async_operation(&operation)));
            }
        }
        found
    }

    /// All operations, by their places.
    fn operation_paths(&self) -> Vec<Offer> {
        let mut found = vec![];
        for (described, api) in apis(self.here.bundle, self.here.number) {
            for operation in api.operations().take(MOST) {
                let way = Pointer::of(vec!["paths".into(), operation.path.into(), operation.method.into()]);
                let text = format!("{{$sourceDescriptions.{}.url}}#{way}", described.name);
                found.push(offer(OfferKind::Operation, text, operation.endpoint(), about::operation(&operation)));
            }
        }
        found
    }

    /// All channels, by their places.
    fn channels(&self) -> Vec<Offer> {
        let mut found = vec![];
        for (described, api) in asyncapis(self.here.bundle, self.here.number) {
            for channel in api.channels().take(MOST) {
                let way = Pointer::of(vec!["channels".into(), channel.name().into()]);
                let text = format!("{{$sourceDescriptions.{}.url}}#{way}", described.name);
                found.push(offer(OfferKind::Operation, text, channel.name(), about::channel(&channel)));
            }
        }
        found
    }

    fn components(&self, kind: &str) -> Vec<Offer> {
        let entries = self.here.document.root.get("components").and_then(|components| components.get(kind));
        let entries = entries.map(Node::members).unwrap_or_default();
        let entry = |(key, _): &(Key, Node)| offer(OfferKind::Name, format!("$components.{kind}.{}", key.name), "", "");
        entries.iter().map(entry).collect()
    }

    /// The members behind the expression that ends at the cursor, and where the last name of it begins.
    fn expression(&self, before: &str) -> Option<(usize, Vec<Offer>)> {
        let begins = before.rfind('$')?;
        let written = before.get(begins..)?;
        if let Some(way) = written.strip_prefix("$.").or_else(|| written.strip_prefix("$[")) {
            return self.query(before, way);
        }
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '$' | '.' | '-' | '_' | '#' | '/' | '~');
        if !written.chars().all(is_part) {
            return None;
        }
        if let Some((root, pointer)) = written.split_once('#') {
            let members = |tokens: &[String], before: &str| {
                let value =
                    self.here.value(root).map(|value| tokens.iter().fold(value, |value, token| value.below(token)));
                let members = value.map(|value| value.members()).unwrap_or_default();
                members
                    .into_iter()
                    .map(|(key, schema)| {
                        let (name, kind, words) = told(key, schema);
                        offer(OfferKind::Member, format!("{before}{name}"), kind, words)
                    })
                    .collect()
            };
            let Some(last) = pointer.rfind('/') else {
                return pointer.is_empty().then(|| (before.len(), members(&[], "/")));
            };
            let tokens = Pointer::parse(pointer.get(..last)?);
            let start = before.len() - (pointer.len() - last - 1);
            return Some((start, members(tokens.tokens(), "")));
        }
        let Some(dot) = written.rfind('.') else {
            let roots = ROOTS.iter().map(|(root, words)| offer(OfferKind::Member, *root, "", *words));
            return Some((begins, roots.collect()));
        };
        let parts: Vec<&str> = written.get(..dot)?.split('.').collect();
        Some((begins + dot + 1, self.behind(&parts)))
    }

    /// The members behind a way of a JSONPath, into the value of the `context` beside it: `$.items[0].`.
    fn query(&self, before: &str, way: &str) -> Option<(usize, Vec<Offer>)> {
        let last = way.rfind('.').map_or(0, |dot| dot + 1);
        let (behind, begun) = way.split_at_checked(last)?;
        if begun.contains('[') || !is_way(begun) {
            return None;
        }
        let members = self.queried(behind)?.members().into_iter().map(|(key, schema)| {
            let (name, kind, words) = told(key, schema);
            offer(OfferKind::Member, name, kind, words)
        });
        Some((before.len() - begun.len(), members.collect()))
    }

    /// The value at a way of a JSONPath, into that of the `context` beside it.
    pub(super) fn queried(&self, way: &str) -> Option<Value<'_>> {
        let (_, object) = self.tokens.split_last()?;
        let context = self.here.document.root.at(&Pointer::of(object.to_vec()))?.get("context")?.as_str()?;
        let tokens = way.split(['.', '[', ']', '\'']).filter(|token| !token.is_empty());
        let tokens = tokens.map(|token| if token == "*" { "0" } else { token });
        let context = self.here.value(context).filter(|_| is_way(way))?;
        Some(tokens.fold(context, |value, token| value.below(token)))
    }

    /// An output: its type, and where it comes from.
    pub(super) fn output(&self, here: Here<'_>, text: String, output: &Output) -> Offer {
        let written = output.value.as_str().unwrap_or_default();
        let value = here.written(&output.value);
        let kind = value.as_ref().and_then(|value| value.type_words());
        let about = value.and_then(|value| value.about()).unwrap_or_default();
        match kind {
            Some(kind) => offer(OfferKind::Member, text, kind, format!("`{written}`\n\n{about}")),
            None => offer(OfferKind::Member, text, written, about),
        }
    }

    fn outputs(&self, here: Here<'_>, list: &[Output]) -> Vec<Offer> {
        list.iter().map(|output| self.output(here, output.name.name.clone(), output)).collect()
    }

    /// The outputs of a workflow.
    fn returned(&self, here: Option<Here<'_>>) -> Vec<Offer> {
        let of = |here: Here<'_>| Some(self.outputs(here, &here.workflow?.outputs));
        here.and_then(of).unwrap_or_default()
    }

    /// The members behind `$steps.first.outputs` and the like.
    fn behind(&self, parts: &[&str]) -> Vec<Offer> {
        let words = |list: &[&str]| list.iter().map(|word| offer(OfferKind::Member, *word, "", "")).collect();
        let here = self.here;
        let of_inputs = |here: Here<'_>| Some(inputs(here.document, here.workflow?));
        match parts {
            ["$inputs"] => of_inputs(here).unwrap_or_default(),
            ["$steps"] => self.steps(),
            ["$steps", _] => words(&["outputs"]),
            ["$steps", name, "outputs"] => {
                let Some(there) = here.step_named(name) else { return vec![] };
                let own = there.step.map(|step| step.outputs.as_slice()).unwrap_or_default();
                let mut found = self.outputs(there, own);
                found.extend(self.returned(there.called_by_step()));
                found
            }
            ["$outputs"] => self.returned(here.called_by_step().or(Some(Here { step: None, ..here }))),
            ["$workflows"] => self.workflows().into_iter().filter(|entry| !entry.text.starts_with('$')).collect(),
            ["$workflows", _] => words(&["inputs", "outputs"]),
            ["$workflows", name, "outputs"] => self.returned(here.called(name)),
            ["$workflows", name, "inputs"] => here.called(name).and_then(of_inputs).unwrap_or_default(),
            ["$sourceDescriptions"] => {
                let described = here.bundle.described.iter().filter(|described| described.document == here.number);
                described.map(|described| offer(OfferKind::Member, &described.name, "", "")).collect()
            }
            ["$sourceDescriptions", name] => self.of_source(name),
            ["$components"] => words(&["inputs", "parameters", "successActions", "failureActions"]),
            ["$components", kind] => self
                .components(kind)
                .into_iter()
                .map(|entry| Offer { text: entry.text.rsplit('.').next().unwrap_or_default().to_owned(), ..entry })
                .collect(),
            ["$response"] => words(&["body", "header"]),
            ["$request"] => words(&["body", "header", "query", "path"]),
            ["$response", "header"] => self.response_headers(),
            ["$request", place] => self.request_names(place),
            ["$message"] => words(&["header", "payload"]),
            ["$message", "header"] => {
                let headers = here.message_headers().into_iter().map(|(key, schema)| told(key, schema));
                headers.map(|(name, kind, words)| offer(OfferKind::Member, name, kind, words)).collect()
            }
            _ => vec![],
        }
    }

    /// Behind a source description: its url, its workflows, its operations.
    fn of_source(&self, name: &str) -> Vec<Offer> {
        let at = self.tokens.last().map(String::as_str).unwrap_or_default();
        let before = format!("$sourceDescriptions.{name}.");
        let own = |list: Vec<Offer>| {
            let stripped = list.into_iter().filter_map(|entry| {
                let text = entry.text.strip_prefix(&before).unwrap_or(&entry.text).to_owned();
                (!text.starts_with('$')).then_some(Offer { text, ..entry })
            });
            stripped.collect::<Vec<_>>()
        };
        match at {
            "operationId" => own(self.operations()),
            "workflowId" => own(self.workflows().into_iter().filter(|entry| entry.text.starts_with(&before)).collect()),
            _ => vec![offer(OfferKind::Member, "url", "", "The url of the source description.")],
        }
    }

    fn request_names(&self, place: &str) -> Vec<Offer> {
        let parameters = self.here.operation().map(|operation| operation.parameters().0).unwrap_or_default();
        let here = parameters.iter().filter(|parameter| parameter.location == place);
        here.map(|parameter| offer(OfferKind::Member, parameter.name, "", "")).collect()
    }

    fn response_headers(&self) -> Vec<Offer> {
        let Some(operation) = self.here.operation() else { return vec![] };
        let mut found: Vec<Offer> = vec![];
        for (_, answer) in operation.response_nodes() {
            let Ok(answer) = operation.api().resolve(answer) else { continue };
            for (key, _) in answer.get("headers").map(Node::members).unwrap_or_default() {
                if !found.iter().any(|known| known.text == key.name) {
                    found.push(offer(OfferKind::Member, &key.name, "", ""));
                }
            }
        }
        found
    }
}

/// `true` if a part of a JSONPath has nothing but names and places.
fn is_way(way: &str) -> bool {
    way.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '[' | ']' | '*' | '\''))
}

/// What the beginning of an expression at a byte of a string reads, in Markdown, and its bytes.
pub(super) fn root_at(text: &str, offset: usize) -> Option<(String, std::ops::Range<usize>)> {
    let is_letter = |c: char| c.is_ascii_alphabetic() || c == '$';
    let behind = text.get(offset..)?;
    let end = offset + behind.find(|c| !is_letter(c)).unwrap_or(behind.len());
    let start = text.get(..end)?.rfind('$')?;
    let (root, words) = ROOTS.iter().find(|(root, _)| text.get(start..end) == Some(*root))?;
    (start <= offset).then(|| (format!("`{root}`\n\n{words}"), start..end))
}

pub(super) fn inputs(document: &Document, workflow: &Workflow) -> Vec<Offer> {
    let properties = workflow.inputs.as_ref().map(|schema| properties(&document.root, schema)).unwrap_or_default();
    let entry = |(key, node): (&Key, &Node)| {
        let detail = about::type_of(node).unwrap_or_default();
        offer(OfferKind::Member, &key.name, detail, about::input(key, node, workflow.inputs.as_ref()))
    };
    properties.into_iter().map(entry).collect()
}

/// What expressions begin with.
const ROOTS: [(&str, &str); 13] = [
    ("$inputs", "An input of the workflow: `$inputs.name`."),
    ("$steps", "An output of a step that has run: `$steps.name.outputs.name`."),
    ("$statusCode", "The status of the answer."),
    ("$response", "The answer: `$response.body#/pointer`, `$response.header.Name`."),
    ("$request", "The request that was sent: `.body`, `.header`, `.query`, `.path`."),
    ("$message", "The message that was received: `$message.payload#/pointer`, `$message.header.Name`."),
    ("$outputs", "An output of the workflow that the step called."),
    ("$workflows", "Inputs and outputs of a workflow that has run."),
    ("$sourceDescriptions", "What a source description says: `$sourceDescriptions.name.url`."),
    ("$components", "A component of the document."),
    ("$url", "The url of the request."),
    ("$method", "The method of the request."),
    ("$self", "The uri of the document."),
];
