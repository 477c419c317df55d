//! What may be written at an offset: fields, names, members of expressions.

use super::about;
use super::fields::Object;
use super::operations::{apis, of_step};
use super::places::{key_span, properties};
use crate::document::{Document, Step, Workflow};
use crate::load::Bundle;
use crate::node::{Key, Node, Standing};
use crate::openapi::{Api, Operation, status};
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
    Offer { kind, text: text.into(), detail: detail.into(), about: about.into(), below: vec![] }
}

/// Where the cursor is: a document, and the workflow and step around it.
pub(super) struct Around<'b> {
    pub(super) bundle: &'b Bundle,
    pub(super) number: usize,
    pub(super) document: &'b Document,
    pub(super) workflow: Option<&'b Workflow>,
    pub(super) step: Option<&'b Step>,
    tokens: Vec<String>,
}

pub(super) fn offers(bundle: &Bundle, source: SourceId, offset: u32) -> Option<Offers> {
    let found = bundle.documents.iter().enumerate().find(|(_, loaded)| loaded.document.source == source);
    let (number, loaded) = found?;
    let document = &loaded.document;
    let standing = document.root.standing_at(offset)?;
    let tokens = standing.pointer.tokens().to_vec();
    let item = |field: &str, at: usize| {
        let index: usize = tokens.get(at + 1)?.parse().ok()?;
        tokens.get(at).filter(|token| *token == field).map(|_| index)
    };
    let holds = |span: Span| span.start <= offset && offset <= span.end;
    let workflow = item("workflows", 0).and_then(|_| document.workflows.iter().find(|own| holds(own.span)));
    let steps = workflow.and(item("steps", 2)).and_then(|_| {
        let node = document.root.at(&Pointer::of(tokens.get(..4)?.to_vec()))?;
        let within = |step: &&Step| node.span.start <= step.id.span().start && step.id.span().end <= node.span.end;
        workflow?.steps.iter().find(within)
    });
    let around = Around { bundle, number, document, workflow, step: steps, tokens };
    around.offers(&standing, offset)
}

impl Around<'_> {
    fn offers(&self, standing: &Standing<'_>, offset: u32) -> Option<Offers> {
        let (own, object) = self.tokens.split_last()?;
        // An entry that is begun looks like a name with nothing behind it.
        let begun = (object.len() > 1 && standing.key.is_some()).then(|| object.get(object.len() - 2)).flatten();
        if let Some(key) = standing.key {
            let replaced = key_span(key, &self.bundle.sources);
            let offers = match begun.map(String::as_str) {
                Some("dependsOn") => self.dependencies(object.len() > 4),
                _ => self.fields(object, key).or_else(|| self.payload_members(object, key))?,
            };
            return Some(Offers { replaced, offers, files: false });
        }
        let text = standing.node.as_str()?;
        let whole = standing.node.part(&self.bundle.sources, 0..text.len());
        let within = standing.node.offset_within(&self.bundle.sources, offset)?;
        if let Some((start, offers)) = self.expression(text.get(..within)?) {
            let replaced = standing.node.part(&self.bundle.sources, start..within);
            let replaced = Span { end: offset, start: replaced.start.min(offset), ..replaced };
            let start = whole.start + u32::try_from(start).unwrap_or(0);
            return Some(Offers { replaced: Span { start, ..replaced }, offers, files: false });
        }
        let offers = self.values(own, object).or_else(|| self.payload_values(own, object))?;
        let files = own == "url" && Object::at(object) == Some(Object::Source);
        (files || !offers.is_empty()).then_some(Offers { replaced: whole, offers, files })
    }

    /// The fields that the object at a place does not have yet.
    fn fields(&self, object: &[String], own: &Key) -> Option<Vec<Offer>> {
        let kind = Object::at(object)?;
        let node = self.document.root.at(&Pointer::of(object.to_vec()));
        let there = |name: &str| name != own.name && node.is_some_and(|node| node.get(name).is_some());
        let fields = kind.fields().iter().filter(|field| !there(field.name));
        let fields = fields.map(|field| offer(OfferKind::Field, field.name, "", field.words));
        let is_begun = node.is_some_and(|node| node.members().len() == 1);
        let entries = if is_begun { self.entries(kind, object) } else { vec![] };
        Some(entries.into_iter().chain(fields).collect())
    }

    /// Values of the field `own` of an object.
    fn values(&self, own: &str, object: &[String]) -> Option<Vec<Offer>> {
        if object.last().is_some_and(|list| list == "dependsOn") {
            return Some(self.dependencies(object.len() > 3));
        }
        let kind = Object::at(object)?;
        Some(match (kind, own) {
            (Object::Step, "operationId") => self.operations(),
            (Object::Step | Object::SuccessAction | Object::FailureAction, "workflowId") => self.workflows(),
            (Object::SuccessAction | Object::FailureAction, "stepId") => self.steps(),
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

    fn steps(&self) -> Vec<Offer> {
        let steps = self.workflow.map(|workflow| workflow.steps.as_slice()).unwrap_or_default();
        let other = steps.iter().filter(|step| self.step.is_none_or(|own| own.id.span() != step.id.span()));
        let entry = |step: &Step| {
            offer(OfferKind::Name, &step.id.value, about::target(step).unwrap_or_default(), about::step(step))
        };
        other.map(entry).collect()
    }

    fn workflows(&self) -> Vec<Offer> {
        let entry = |name: String, workflow: &Workflow| {
            let summary = workflow.summary.as_ref().map(|text| text.value.as_str()).unwrap_or_default();
            offer(OfferKind::Name, name, summary, "")
        };
        let own = self.document.workflows.iter();
        let own = own.filter(|other| self.workflow.is_none_or(|own| own.id.span() != other.id.span()));
        let mut found: Vec<Offer> = own.map(|workflow| entry(workflow.id.value.clone(), workflow)).collect();
        for described in self.bundle.described.iter().filter(|described| described.document == self.number) {
            let other = described.leads_to.and_then(|other| self.bundle.documents.get(other));
            for workflow in other.map(|loaded| loaded.document.workflows.as_slice()).unwrap_or_default() {
                let name = format!("$sourceDescriptions.{}.{}", described.name, workflow.id.value);
                found.push(entry(name, workflow));
            }
        }
        found
    }

    /// All operations of the descriptions; with several, each with the name of its own before it.
    fn operations(&self) -> Vec<Offer> {
        let several = apis(self.bundle, self.number).count() > 1;
        let mut found = vec![];
        for (described, api) in apis(self.bundle, self.number) {
            for operation in api.operations().take(MOST) {
                let Some(id) = operation.id() else { continue };
                let text = match several {
                    true => format!("$sourceDescriptions.{}.{id}", described.name),
                    false => id.to_owned(),
                };
                found.push(offer(OfferKind::Operation, text, operation.endpoint(), about::operation(&operation)));
            }
        }
        found
    }

    fn components(&self, kind: &str) -> Vec<Offer> {
        let entries = self.document.root.get("components").and_then(|components| components.get(kind));
        let entries = entries.map(Node::members).unwrap_or_default();
        let entry = |(key, _): &(Key, Node)| offer(OfferKind::Name, format!("$components.{kind}.{}", key.name), "", "");
        entries.iter().map(entry).collect()
    }

    /// The workflow of a `workflowId`, with its document.
    pub(super) fn called(&self, text: &str) -> Option<(&Document, &Workflow)> {
        let named = |document: &'_ Document, name: &str| document.workflows.iter().position(|w| w.id.value == name);
        let Some(rest) = text.strip_prefix("$sourceDescriptions.") else {
            let index = named(self.document, text)?;
            return Some((self.document, self.document.workflows.get(index)?));
        };
        self.bundle.described.iter().filter(|described| described.document == self.number).find_map(|described| {
            let name = rest.strip_prefix(&described.name)?.strip_prefix('.')?;
            let document = &self.bundle.documents.get(described.leads_to?)?.document;
            Some((document, document.workflows.get(named(document, name)?)?))
        })
    }

    /// The members behind the expression that ends at the cursor, and where the last name of it begins.
    fn expression(&self, before: &str) -> Option<(usize, Vec<Offer>)> {
        let begins = before.rfind('$')?;
        let written = before.get(begins..)?;
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '$' | '.' | '-' | '_' | '#' | '/' | '~');
        if !written.chars().all(is_part) {
            return None;
        }
        if let Some((root, pointer)) = written.split_once('#') {
            let last = pointer.rfind('/')?;
            let tokens = Pointer::parse(pointer.get(..last)?);
            let start = before.len() - (pointer.len() - last - 1);
            return Some((start, self.members(root, tokens.tokens())));
        }
        let Some(dot) = written.rfind('.') else {
            let roots = ROOTS.iter().map(|(root, words)| offer(OfferKind::Member, *root, "", *words));
            return Some((begins, roots.collect()));
        };
        let parts: Vec<&str> = written.get(..dot)?.split('.').collect();
        Some((begins + dot + 1, self.behind(&parts)))
    }

    /// The members behind `$steps.first.outputs` and the like.
    fn behind(&self, parts: &[&str]) -> Vec<Offer> {
        let words = |list: &[&str]| list.iter().map(|word| offer(OfferKind::Member, *word, "", "")).collect();
        let outputs = |list: &[crate::document::Output]| {
            let entry = |output: &crate::document::Output| {
                offer(OfferKind::Member, &output.name.name, output.value.as_str().unwrap_or_default(), "")
            };
            list.iter().map(entry).collect::<Vec<_>>()
        };
        let step = |name: &str| self.workflow?.steps.iter().find(|step| step.id.value == name);
        match parts {
            ["$inputs"] => self.workflow.map(|own| inputs(self.document, own)).unwrap_or_default(),
            ["$steps"] => self.steps(),
            ["$steps", _] => words(&["outputs"]),
            ["$steps", name, "outputs"] => {
                let mut found = step(name).map(|step| outputs(&step.outputs)).unwrap_or_default();
                let called = step(name).and_then(|step| self.called(&step.workflow_id.as_ref()?.value));
                found.extend(called.map(|(_, workflow)| outputs(&workflow.outputs)).into_iter().flatten());
                found
            }
            ["$outputs"] => {
                let called = self.step.and_then(|step| self.called(&step.workflow_id.as_ref()?.value));
                let workflow = called.map(|(_, workflow)| workflow).or(self.workflow);
                workflow.map(|workflow| outputs(&workflow.outputs)).unwrap_or_default()
            }
            ["$workflows"] => self.workflows().into_iter().filter(|entry| !entry.text.starts_with('$')).collect(),
            ["$workflows", _] => words(&["inputs", "outputs"]),
            ["$workflows", name, field] => match (self.called(name), *field) {
                (Some((_, workflow)), "outputs") => outputs(&workflow.outputs),
                (Some((document, workflow)), "inputs") => inputs(document, workflow),
                _ => vec![],
            },
            ["$sourceDescriptions"] => {
                let described = self.bundle.described.iter().filter(|described| described.document == self.number);
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

    pub(super) fn operation(&self) -> Option<Operation<'_>> {
        of_step(self.bundle, self.number, self.step?)
    }

    fn request_names(&self, place: &str) -> Vec<Offer> {
        let parameters = self.operation().map(|operation| operation.parameters().0).unwrap_or_default();
        let here = parameters.iter().filter(|parameter| parameter.location == place);
        here.map(|parameter| offer(OfferKind::Member, parameter.name, "", "")).collect()
    }

    fn response_headers(&self) -> Vec<Offer> {
        let Some(operation) = self.operation() else { return vec![] };
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

    /// Members of the body behind a pointer, as its schema has them.
    pub(super) fn members(&self, root: &str, tokens: &[String]) -> Vec<Offer> {
        let Some(operation) = self.operation() else { return vec![] };
        let api = operation.api();
        let mut schemas: Vec<&Node> = vec![];
        match root {
            "$response.body" => {
                for (key, answer) in operation.response_nodes() {
                    if !status::is_success(&key.name) && key.name != "default" {
                        continue;
                    }
                    let Ok(answer) = api.resolve(answer) else { continue };
                    schemas.extend(operation.content(answer).iter().filter_map(|media| media.schema));
                }
            }
            "$request.body" => {
                let body = operation.request_body().ok().flatten();
                schemas.extend(body.iter().flat_map(|body| &body.content).filter_map(|media| media.schema));
            }
            _ => return vec![],
        }
        let mut found: Vec<Offer> = vec![];
        for schema in schemas {
            for (key, node) in below(api, schema, tokens) {
                if !found.iter().any(|known| known.text == key.name) {
                    let node = api.resolve(node).unwrap_or(node);
                    let words = node.get("description").and_then(Node::as_str).unwrap_or_default();
                    let name = key.name.replace('~', "~0").replace('/', "~1");
                    found.push(offer(OfferKind::Member, name, about::type_of(node).unwrap_or_default(), words));
                }
            }
        }
        found
    }
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

/// References that are followed on the way into a schema.
const DEPTH: usize = 16;

/// The members of what stands at the end of a way into a value of a schema.
fn below<'n>(api: Api<'n>, schema: &'n Node, tokens: &[String]) -> Vec<(&'n Key, &'n Node)> {
    let mut level = parts(api, schema);
    for token in tokens {
        let is_item = token.parse::<usize>().is_ok();
        let step = |schema: &&'n Node| {
            let member = schema.get("properties").and_then(|members| members.get(token));
            member.or_else(|| schema.get("items").filter(|_| is_item))
        };
        level = level.iter().filter_map(step).flat_map(|schema| parts(api, schema)).collect();
    }
    level
        .iter()
        .flat_map(|schema| schema.get("properties").map(Node::members).unwrap_or_default())
        .map(|(key, node)| (key, node))
        .collect()
}

/// A schema with those that it is made of.
fn parts<'n>(api: Api<'n>, schema: &'n Node) -> Vec<&'n Node> {
    let (mut found, mut left) = (vec![], vec![schema]);
    while let Some(next) = left.pop() {
        let Ok(node) = api.resolve(next) else { continue };
        if found.len() == DEPTH {
            break;
        }
        found.push(node);
        for list in ["allOf", "anyOf", "oneOf"] {
            left.extend(node.get(list).map(Node::items).unwrap_or_default().iter().rev());
        }
    }
    found
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
