//! Where the inputs and answers of a program are sent to, and which values fit there.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::value::Json;

use super::allowed::Allowed;
use super::origins::{Origin, Origins, Site};
use super::{OperationKey, Source};
use crate::expr::{Expr, Piece, Root, Template, WorkflowId};
use crate::json_schema::{read_text, types};
use crate::node::Node;
use crate::openapi::sample::{required, sample_of, within};
use crate::openapi::schema::Direction;
use crate::openapi::store::DocumentStore;
use crate::openapi::{Api, Operation};
use crate::program::{Argument, Build, Location, Media, Program, Select, Step};
use crate::value::{PathSegment, json_text};

/// Where values go to, by where they come from.
#[derive(Debug, Default)]
pub(super) struct Places {
    pub(super) inputs: BTreeMap<(WorkflowId, String), Vec<Place>>,
    pub(super) answers: BTreeMap<OperationKey, Vec<Place>>,
}

/// A part of an input or answer that is sent somewhere.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The way to the part.
    pub(super) way: Vec<PathSegment>,
    /// `true` if nothing can be sent without it.
    pub(super) needed: bool,
    pub(super) slot: Arc<Slot>,
}

/// A parameter, a body or a part of one.
#[derive(Debug)]
pub(super) struct Slot {
    /// A value that fits; nothing where any does.
    pub(super) offer: Option<Json>,
    /// `true` if its schema says more about a value than that it is a text.
    pub(super) telling: bool,
    /// Values that fit, if there are no others.
    only: Vec<Json>,
    allowed: Allowed,
    /// The types that a text is read as, where a value travels as text; those of its items for a list.
    spelled: Option<Vec<String>>,
    /// A text is the one item of a list.
    listed: bool,
}

impl Slot {
    const ANY: Self =
        Self { offer: None, telling: false, only: vec![], allowed: Allowed::ALL, spelled: None, listed: false };

    fn of(api: Api<'_>, schema: &Node, name: &str, travels_as_text: bool) -> Self {
        let schema = api.resolve(schema).unwrap_or(schema);
        let listed = travels_as_text && types(schema).any(|kind| kind == "array");
        Self {
            offer: Some(sample_of(api, schema, Direction::Request, name, &[])),
            telling: is_telling(schema) || !types(schema).any(|kind| kind == "string"),
            only: vec![],
            allowed: Allowed::by(api, Some(schema), Direction::Request),
            spelled: travels_as_text.then(|| {
                let item = if listed { within(api, schema, &[PathSegment::Any]) } else { Some(schema) };
                item.into_iter().flat_map(types).map(str::to_owned).collect()
            }),
            listed,
        }
    }

    pub(super) fn accepts(&self, value: &Json) -> bool {
        if !self.only.is_empty() {
            return self.only.contains(value);
        }
        match &self.spelled {
            // An empty text is no segment of a path.
            Some(_) if *value == Json::String(String::new()) => false,
            Some(types) if !value.is_array() && !value.is_object() => {
                let read = read_text(&json_text(value), types.iter().map(String::as_str));
                self.allowed.has(&if self.listed { Json::from(vec![read]) } else { read })
            }
            _ => self.allowed.has(value),
        }
    }

    /// The value that fits, also as a text.
    pub(super) fn offers(&self) -> impl Iterator<Item = Json> + '_ {
        let one = match &self.offer {
            Some(Json::Array(items)) if self.listed => items.first(),
            other => other.as_ref().filter(|value| !value.is_string()),
        };
        let scalar = one.filter(|value| !value.is_array() && !value.is_object());
        self.offer.iter().cloned().chain(scalar.map(|value| Json::String(json_text(value))))
    }
}

pub(super) fn of(sources: &[Source], store: &DocumentStore, program: &Program) -> Places {
    let mut walk = Walk { program, origins: Origins::new(program), places: Places::default(), in_form: false };
    for step in &program.steps {
        walk.step(sources, store, step);
    }
    walk.places
}

struct Walk<'p> {
    program: &'p Program,
    origins: Origins<'p>,
    places: Places,
    /// `true` within a body whose values travel as text.
    in_form: bool,
}

/// Keywords that say more about a value than its type.
const TELLING: [&str; 12] = [
    "example",
    "examples",
    "enum",
    "const",
    "pattern",
    "format",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "multipleOf",
];

/// `true` for a schema that says more about a value than its type.
pub(super) fn is_telling(schema: &Node) -> bool {
    TELLING.iter().any(|keyword| schema.get(keyword).is_some())
}

/// A schema, with the document that it stands in.
type Described<'a> = Option<(Api<'a>, &'a Node)>;

impl<'p> Walk<'p> {
    fn step(&mut self, sources: &[Source], store: &DocumentStore, step: &'p Step) {
        // Without what a criterion compares with, it is not met.
        for expr in step.criteria.iter().flat_map(|criterion| criterion.expressions()) {
            if matches!(expr.root, Root::Input(_)) {
                self.add(step, expr, &[], true, &Arc::new(Slot::ANY));
            }
        }
        for value in step.call.passed().into_iter().flat_map(|(_, passed)| &passed.values).chain(step.passed()) {
            if let Build::Template(leaf) = &value.value
                && let Template::Text(_) = leaf.template
            {
                self.value(step, &value.value, None, "", true);
            }
        }
        let Some(operation) = self.program.operation_of(step) else { return };
        let Some(root) = sources.get(operation.api).and_then(|source| source.root.as_ref()) else { return };
        let api = Api::new(root, store);
        let method = operation.method.to_ascii_lowercase();
        let Some(view) = api.operations().find(|o| o.path == operation.path && o.method == method) else { return };
        for argument in step.call.arguments() {
            self.argument(step, &view, argument);
        }
        let Some(body) = step.call.body() else { return };
        let described = view.request_body().ok().flatten();
        let schema = described.as_ref().and_then(|described| described.media(&body.content_type)?.schema);
        let schema = schema.map(|schema| (api, schema));
        self.in_form = matches!(body.media, Media::Form | Media::Multipart);
        self.value(step, &body.payload, schema, "", true);
        for replacement in &body.replacements {
            let way: Vec<PathSegment> = match &replacement.target {
                Select::Pointer(at) => at.tokens().iter().cloned().map(PathSegment::Member).collect(),
                Select::Jsonpath(query, _) => query.reads().pop().unwrap_or_default(),
                Select::Xpath(..) => continue,
            };
            let name = way.iter().rev().find_map(|segment| match segment {
                PathSegment::Member(name) => Some(name.as_str()),
                PathSegment::Any => None,
            });
            let schema = schema.and_then(|(api, schema)| Some((api, within(api, schema, &way)?)));
            self.value(step, &replacement.value, schema, name.unwrap_or_default(), true);
        }
        self.in_form = false;
    }

    fn argument(&mut self, step: &'p Step, operation: &Operation<'_>, argument: &'p Argument) {
        let media_types = |found: Vec<&str>| Slot {
            offer: found.first().map(|first| Json::from(*first)),
            telling: true,
            only: found.iter().map(|name| Json::from(*name)).collect(),
            ..Slot::ANY
        };
        let needed = argument.required || argument.location == Location::Path;
        let header = |name: &str| argument.location == Location::Header && argument.name.eq_ignore_ascii_case(name);
        if header("content-type") || header("accept") {
            let body = operation.request_body().ok().flatten();
            let slot = if header("accept") {
                let answers =
                    operation.response_nodes().iter().filter_map(|(_, node)| operation.api().resolve(node).ok());
                media_types(answers.flat_map(|node| operation.content(node)).map(|media| media.name).collect())
            } else {
                media_types(body.iter().flat_map(|body| &body.content).map(|media| media.name).collect())
            };
            let slot = Arc::new(slot);
            if let Build::Template(leaf) = &argument.value
                && let Some(expr) = leaf.template.only()
            {
                self.add(step, expr, &[], needed, &slot);
            }
            return;
        }
        let parameters = operation.parameters().0;
        let known = parameters.iter().find(|p| p.name == argument.name && p.location == argument.location.word());
        let schema = known.and_then(|known| known.schema()).filter(|schema| operation.api().resolve(schema).is_ok());
        match (&argument.value, schema) {
            (Build::Template(leaf), Some(schema)) if leaf.template.only().is_some() => {
                let slot = Arc::new(Slot::of(operation.api(), schema, &argument.name, true));
                for expr in leaf.template.expressions() {
                    self.add(step, expr, &[], needed, &slot);
                }
            }
            (value, schema) => {
                self.value(step, value, schema.map(|schema| (operation.api(), schema)), &argument.name, needed);
            }
        }
    }

    /// A value that is put together, beside the schema of what it becomes.
    fn value(&mut self, step: &'p Step, build: &'p Build, described: Described<'_>, name: &str, needed: bool) {
        match build {
            Build::Constant(_) => {}
            Build::Template(leaf) => {
                let text = matches!(leaf.template, Template::Text(_));
                if let (Template::Text(pieces), Some((api, schema)), true) = (&leaf.template, described, self.in_form) {
                    self.form(step, pieces, api, schema);
                }
                let slot = match (leaf.template.only(), described) {
                    (Some(_), Some((api, schema))) => Slot::of(api, schema, name, text || self.in_form),
                    _ => Slot::ANY,
                };
                let slot = Arc::new(slot);
                // A text cannot be put together without all of it.
                let needed = needed || matches!(leaf.template, Template::Text(_));
                for expr in leaf.template.expressions() {
                    self.add(step, expr, &[], needed, &slot);
                }
            }
            Build::Select(selection) => {
                let way: Vec<PathSegment> = match &selection.select {
                    Select::Pointer(at) => at.tokens().iter().cloned().map(PathSegment::Member).collect(),
                    Select::Jsonpath(..) | Select::Xpath(..) => return,
                };
                let slot = described.map_or(Slot::ANY, |(api, schema)| Slot::of(api, schema, name, false));
                self.add(step, &selection.context, &way, needed, &Arc::new(slot));
            }
            Build::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let way = [PathSegment::Member(index.to_string())];
                    let inner = described.and_then(|(api, schema)| Some((api, within(api, schema, &way)?)));
                    self.value(step, item, inner, name, needed && described.is_some());
                }
            }
            Build::Object(members) => {
                let (names, more) = described.map(|(api, schema)| required(api, schema)).unwrap_or_default();
                for (name, member) in members {
                    let way = [PathSegment::Member(name.clone())];
                    let inner = described.and_then(|(api, schema)| Some((api, within(api, schema, &way)?)));
                    self.value(step, member, inner, name, more || names.contains(&name.as_str()));
                }
            }
            // Without its name, nothing is known of a member but that it is sent.
            Build::Keyed(members) => {
                for (key, member) in members {
                    self.value(step, key, None, name, true);
                    self.value(step, member, None, name, false);
                }
            }
        }
    }

    /// The fields of a form that is written as a text: `size={$inputs.size}&color=red`.
    fn form(&mut self, step: &'p Step, pieces: &'p [Piece], api: Api<'_>, schema: &Node) {
        let mut before = "";
        for (index, piece) in pieces.iter().enumerate() {
            match piece {
                Piece::Text(text) => before = text,
                Piece::Value(expr, _) => {
                    let alone = match pieces.get(index + 1) {
                        Some(Piece::Text(after)) => after.starts_with('&'),
                        Some(Piece::Value(..)) => false,
                        None => true,
                    };
                    let name = before.strip_suffix('=').filter(|_| alone).and_then(|text| text.rsplit('&').next());
                    let field = name
                        .and_then(|name| Some((name, within(api, schema, &[PathSegment::Member(name.to_owned())])?)));
                    if let Some((name, field)) = field {
                        self.add(step, expr, &[], true, &Arc::new(Slot::of(api, field, name, true)));
                    }
                    before = "";
                }
            }
        }
    }

    fn add(&mut self, step: &'p Step, expr: &'p Expr, rest: &[PathSegment], needed: bool, slot: &Arc<Slot>) {
        let (program, places) = (self.program, &mut self.places);
        let site = Site { workflow: step.workflow, step: Some(step) };
        self.origins.of(site, expr, rest, &mut |Origin { workflow, step, root, way }| {
            let place = |way| Place { way, needed, slot: slot.clone() };
            match root {
                Root::Input(name) | Root::WorkflowInput(_, name) => {
                    places.inputs.entry((workflow, name.clone())).or_default().push(place(way));
                }
                Root::Inputs => {
                    if let Some((PathSegment::Member(name), rest)) = way.split_first() {
                        places.inputs.entry((workflow, name.clone())).or_default().push(place(rest.to_vec()));
                    }
                }
                Root::ResponseBody if slot.offer.is_some() => {
                    if let Some(key) = step.and_then(|step| OperationKey::of(program, step)) {
                        places.answers.entry(key).or_default().push(place(way));
                    }
                }
                _ => {}
            }
        });
    }
}
