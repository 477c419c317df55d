//! The objects of a document, from its root to the bodies of its steps.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use crate::value::Json;

use super::actions::{FAILURE, SUCCESS};
use super::fields::{
    BODY, COMPONENTS, PARAMETER, PLACES, REPLACEMENT, ROOT, SELECTOR, SELECTOR_TYPES, SOURCE, STEP, WORKFLOW,
};
use super::shapes::{given, named_output};
use super::{
    Components, Document, OrReusable, Output, Parameter, Reader, Replacement, RequestBody, Selector, SourceDescription,
    Step, Text, Workflow, is_identifier, is_schema, is_selector, is_step_reference, selector_fields, text_of, unquoted,
    without_quotes,
};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Edit, Help, Subject, misspells, nearest};
use crate::node::{Key, Kind, Node, scalar_of};
use crate::readings::Readings;
use crate::source::{SourceId, Span};

impl Reader<'_> {
    pub(super) fn document(&mut self, root: &Arc<Node>, source: SourceId) -> Option<Document> {
        if !matches!(root.kind, Kind::Object(_)) {
            let help = "an Arazzo document begins with `arazzo: 1.0.1`".to_owned();
            self.error(
                Code::NotAnArazzoDocument,
                root.span,
                format!("expected an Arazzo document, found {}", root.type_name()),
                help,
            );
            return None;
        }
        let Some((_, version)) = root.member("arazzo") else {
            let kind = ["openapi", "swagger", "asyncapi"]
                .into_iter()
                .find_map(|word| root.member(word).map(|(key, _)| (word, key.span)));
            let near = root.members().iter().map(|(key, _)| key).find(|key| misspells(&key.name, "arazzo"));
            if let Some(key) = near.filter(|_| kind.is_none()) {
                let message = format!("the document has no `arazzo` field, and `{}` is none", key.name);
                self.error(Code::NotAnArazzoDocument, key.span, message, Help::meant("arazzo"));
                return None;
            }
            let (span, message) = match kind {
                Some((word, span)) => (span, format!("this is an `{word}` document, not an Arazzo one")),
                None => (root.span, "the document has no `arazzo` field".to_owned()),
            };
            self.error(
                Code::NotAnArazzoDocument,
                span,
                message,
                "an Arazzo document begins with `arazzo: 1.0.1`".to_owned(),
            );
            return None;
        };
        self.fields(root, ROOT, "the document");
        let (version, version_text) = self.version(version)?;
        let title = self.info(root);
        let source_descriptions: Vec<SourceDescription> = self
            .list(root, "sourceDescriptions", "the document", true)
            .iter()
            .filter_map(|node| self.source(node))
            .collect();
        let workflows: Vec<Workflow> =
            self.list(root, "workflows", "the document", true).iter().filter_map(|node| self.workflow(node)).collect();
        self.unique(
            workflows.iter().map(|workflow| &workflow.id),
            "two workflows are called",
            "workflow ids are unique",
        );
        self.dependencies_of_workflows(&workflows);
        let self_uri = self.self_uri(root);
        let newer = (version, version_text.as_str());
        if let Some((key, _)) = root.member("$self") {
            self.newer_form(newer, key.span, "`$self`");
        }
        let asyncapi = |kind: &&Text| kind.value == "asyncapi";
        for kind in source_descriptions.iter().filter_map(|source| source.kind.as_ref()).filter(asyncapi) {
            self.newer_form(newer, kind.span(), "`type: asyncapi`");
        }
        Some(Document {
            source,
            version,
            version_text,
            self_uri,
            title,
            source_descriptions,
            workflows,
            components: given(root, "components").map(|node| self.components(node)).unwrap_or_default(),
            root: root.clone(),
        })
    }

    /// `info`, of which the title is shown.
    fn info(&mut self, root: &Node) -> Option<Text> {
        let Some((key, info)) = root.member("info").filter(|(_, info)| !matches!(info.kind, Kind::Null)) else {
            if let Some(span) = self.misspelt(root, "info").map(|key| key.span) {
                self.diagnostics.raise(Code::UnknownField, span);
            } else {
                let place = root.member("info").or(root.member("arazzo")).map_or(root.span, |(key, _)| key.span);
                self.missing_info(place, "the document has no `info`", "add `info:` with `title` and `version`");
            }
            return None;
        };
        self.object(info, "`info`")?;
        self.fields(info, &["title", "summary", "description", "version"], "`info`");
        let title = self.info_text(info, key.span, "title");
        let _ = self.info_text(info, key.span, "version");
        let _ = (self.words(info, "summary"), self.words(info, "description"));
        title
    }

    pub(super) fn components(&mut self, node: &Node) -> Components {
        const WHAT: &str = "`components`";
        if self.object(node, WHAT).is_none() {
            return Components::default();
        }
        self.fields(node, COMPONENTS, WHAT);
        for (name, _) in COMPONENTS.iter().filter_map(|field| node.get(field)).flat_map(Node::members) {
            if !is_identifier(&name.name) {
                let help = "use letters, digits, `.`, `-` and `_` only".to_owned();
                let message = format!("the name `{}` of a component cannot be written in an expression", name.name);
                self.error(Code::ComponentName, name.span, message, help);
            }
        }
        let schemas = node.get("inputs").map(Node::members).unwrap_or_default();
        for (key, schema) in schemas.iter().filter(|(_, schema)| !is_schema(schema)) {
            let message = format!("expected `{}` to be a JSON Schema, found {}", key.name, schema.type_name());
            self.error(Code::WrongType, schema.span, message, None::<Help>);
        }
        Components {
            parameters: self.map(node, "parameters", "a parameter", Self::parameter),
            success_actions: self.map(node, "successActions", SUCCESS.what, |r, n| r.action(n, &SUCCESS, None)),
            failure_actions: self.map(node, "failureActions", FAILURE.what, |r, n| r.action(n, &FAILURE, None)),
        }
    }

    /// The entries of a map of objects.
    pub(super) fn map<T>(
        &mut self,
        node: &Node,
        field: &str,
        what: &str,
        read: impl Fn(&mut Self, &Node) -> Option<T>,
    ) -> Vec<(Key, T)> {
        let Some(map) = given(node, field) else { return vec![] };
        if self.object(map, &format!("`{field}`")).is_none() {
            return vec![];
        }
        let entries = map.members().iter().filter_map(|(key, value)| {
            self.object(value, what)?;
            read(self, value).map(|entry| (key.clone(), entry))
        });
        entries.collect()
    }

    /// Says which of several names stands twice.
    pub(super) fn unique<'t>(&mut self, names: impl Iterator<Item = &'t Text>, what: &str, help: &str) {
        let mut seen: HashMap<&str, Span> = HashMap::new();
        for name in names {
            if let Some(first) = seen.get(name.value.as_str()) {
                let message = format!("{what} `{}`", name.value);
                self.diagnostics.push(
                    Diagnostic::error(Code::DuplicateName, name.span(), message)
                        .note(*first, "first here")
                        .about(Subject::Name(name.value.clone()))
                        .help(help.to_owned()),
                );
                continue;
            }
            seen.insert(&name.value, name.span());
        }
    }

    pub(super) fn version(&mut self, node: &Node) -> Option<((u32, u32), String)> {
        let text = match &node.kind {
            Kind::String(text) | Kind::Number(text) => text.clone(),
            _ => {
                self.error(
                    Code::UnknownVersion,
                    node.span,
                    format!("expected a version such as 1.0.1, found {}", node.type_name()),
                    None::<Help>,
                );
                return None;
            }
        };
        let mut parts = text.split('.').map(str::parse::<u32>);
        let (Some(Ok(major)), Some(Ok(minor))) = (parts.next(), parts.next()) else {
            self.error(
                Code::UnknownVersion,
                node.span,
                format!("`{text}` is not a version of the Arazzo specification"),
                "write 1.0.1 or 1.1.0".to_owned(),
            );
            return None;
        };
        if major != 1 {
            let help = "this version reads Arazzo 1.0 and 1.1".to_owned();
            self.error(Code::UnknownVersion, node.span, format!("Arazzo {major} is not known"), help);
            return None;
        }
        let patch = text.split('.').nth(2).unwrap_or_default();
        if minor <= 1 && !patch.starts_with(|c: char| c.is_ascii_digit()) {
            self.diagnostics.push(
                Diagnostic::warning(
                    Code::UnknownVersion,
                    node.span,
                    format!("`{text}` is not a whole version; it is read as Arazzo {major}.{minor}"),
                )
                .help(format!("write {major}.{minor}.{}", u8::from(minor == 0)))
                .fix(
                    "write the whole version",
                    true,
                    vec![Edit { span: node.span, text: format!("\"{major}.{minor}.{}\"", u8::from(minor == 0)) }],
                ),
            );
        }
        if minor > 1 {
            self.diagnostics.push(
                Diagnostic::warning(
                    Code::UnknownVersion,
                    node.span,
                    format!("Arazzo {major}.{minor} is not known; it is read as 1.1"),
                )
                .help("fields that 1.1 does not have are reported".to_owned()),
            );
        }
        Some(((major, minor), text))
    }

    pub(super) fn source(&mut self, node: &Node) -> Option<SourceDescription> {
        self.object(node, "a source description")?;
        self.fields(node, SOURCE, "a source description");
        let node = &*self.without_empty(node, &["type"]);
        let name = self.required(node, "name", "a source description").and_then(|n| self.text_or_scalar(n, "`name`"));
        let url = self.required(node, "url", "a source description").and_then(|n| self.text(n, "`url`"));
        const KINDS: [&str; 3] = ["openapi", "asyncapi", "arazzo"];
        let kind = self.optional_text(node, "type").map(|kind| self.known_word(kind, &KINDS));
        if let Some(kind) = kind.as_ref().filter(|kind| !KINDS.contains(&kind.value.as_str())) {
            let help = "write openapi, asyncapi or arazzo".to_owned();
            self.error(
                Code::UnknownValue,
                kind.span(),
                format!("`{}` is not a type of source description", kind.value),
                help,
            );
        }
        Some(SourceDescription { name: name?, url: url?, kind })
    }

    pub(super) fn workflow(&mut self, node: &Node) -> Option<Workflow> {
        self.object(node, "a workflow")?;
        self.fields(node, WORKFLOW, "a workflow");
        let id = self.required(node, "workflowId", "a workflow").and_then(|n| self.text_or_scalar(n, "`workflowId`"));
        let steps: Vec<Step> =
            self.list(node, "steps", "a workflow", true).iter().filter_map(|step| self.step(step)).collect();
        self.unique(
            steps.iter().map(|step| &step.id),
            "two steps of this workflow are called",
            "step ids are unique in a workflow",
        );
        self.dependencies_of_steps(&steps);
        let inputs = given(node, "inputs");
        if let Some(inputs) = inputs.filter(|inputs| !is_schema(inputs)) {
            let message = format!("expected `inputs` to be a JSON Schema (an object), found {}", inputs.type_name());
            let name = inputs.items().first().and_then(Node::as_str).unwrap_or("NAME");
            let help = format!("write inputs: {{ type: object, properties: {{ {name}: {{ type: string }} }} }}");
            self.error(Code::WrongType, inputs.span, message, help);
        }
        if let Some(inputs) = inputs {
            self.inputs_as_map(inputs);
        }
        let parameters = self.parameters(node, "a workflow");
        Some(Workflow {
            steps,
            outputs: self.outputs(node),
            summary: self.words(node, "summary"),
            inputs: inputs.filter(|inputs| is_schema(inputs)).cloned(),
            depends_on: self.names(node, "dependsOn", "a workflow"),
            success_actions: self.actions(node, "successActions", "a workflow", &SUCCESS),
            failure_actions: self.actions(node, "failureActions", "a workflow", &FAILURE),
            parameters,
            span: node.span,
            id: id?,
        })
    }

    pub(super) fn step(&mut self, node: &Node) -> Option<Step> {
        self.object(node, "a step")?;
        self.fields(node, STEP, "a step");
        let node = &*self.without_empty(
            node,
            &["action", "channelPath", "correlationId", "operationId", "operationPath", "timeout", "workflowId"],
        );
        let id = self.required(node, "stepId", "a step").and_then(|n| self.text_or_scalar(n, "`stepId`"));
        let parameters = self.parameters(node, "a step");
        self.target(node, id.as_ref());
        let calls_workflow = node.get("workflowId").is_some();
        let unplaced = parameters.iter().filter_map(|parameter| match parameter {
            OrReusable::Object(parameter) if parameter.location.is_none() && !calls_workflow => Some(parameter),
            _ => None,
        });
        for parameter in unplaced {
            self.diagnostics.push(parameter.unplaced());
        }
        let empty = node.member("successCriteria").filter(|(_, list)| match &list.kind {
            Kind::Array(items) => items.is_empty(),
            Kind::Object(members) => members.is_empty(),
            _ => false,
        });
        let success_criteria = if let Some((key, _)) = empty {
            self.error(
                Code::EmptyList,
                key.span,
                "`successCriteria` needs at least one criterion",
                "leave it out to accept any 2xx answer".to_owned(),
            );
            vec![]
        } else {
            self.criteria(node, "successCriteria", "a step")
        };
        let depends_on = self.names(node, "dependsOn", "a step");
        if let (true, Some((key, list))) = (depends_on.is_empty(), node.member("dependsOn"))
            && matches!(&list.kind, Kind::Array(items) if items.is_empty())
        {
            self.left_out(node, key);
        }
        // A step of this workflow as an expression is looked for where its steps are known.
        let own = |name: &str| name.starts_with("$steps.") || is_step_reference(name);
        for name in depends_on.iter().filter(|name| name.value.starts_with('$') && !own(&name.value)) {
            let help = "write a stepId, $workflows.<workflowId>.steps.<stepId> or $sourceDescriptions.<name>.<workflowId>.steps.<stepId>".to_owned();
            self.error(Code::UnknownValue, name.span(), format!("`{}` does not name a step", name.value), help);
        }
        let timeout = node.member("timeout").and_then(|(key, value)| {
            let ms = self.natural(value, "`timeout`", "a number of milliseconds")?;
            Some((key.clone(), ms))
        });
        let action = node.member("action").and_then(|(key, value)| Some((value.as_str()?.parse().ok()?, key.span)));
        Some(Step {
            description: self.words(node, "description"),
            operation_id: self.words(node, "operationId"),
            operation_path: self.optional_text(node, "operationPath"),
            workflow_id: self.optional_name(node, "workflowId").map(|name| self.without_braces(name)),
            channel_path: self.optional_text(node, "channelPath"),
            parameters,
            request_body: given(node, "requestBody").and_then(|body| self.request_body(body)),
            success_criteria,
            on_success: self.actions(node, "onSuccess", "a step", &SUCCESS),
            on_failure: self.actions(node, "onFailure", "a step", &FAILURE),
            outputs: self.outputs(node),
            timeout,
            depends_on,
            action,
            correlation_id: node.member("correlationId").map(|(key, value)| (key.clone(), value.clone())),
            id: id?,
        })
    }

    /// `what`, or a reference to one: told apart by the field `reference`.
    pub(super) fn or_reusable<T>(
        &mut self,
        node: &Node,
        what: &str,
        read: impl FnOnce(&mut Self, &Node) -> Option<T>,
    ) -> Option<OrReusable<T>> {
        if !matches!(node.kind, Kind::Object(_)) {
            let named = node.as_str().filter(|text| text.starts_with("$components."));
            self.error(
                Code::WrongType,
                node.span,
                format!("expected {what}, or a reference to one, found {}", node.type_name()),
                named.map(|text| format!("write reference: {text}")),
            );
            return None;
        }
        let only = node.members().len() == 1;
        let node = &*if only { Cow::Borrowed(node) } else { self.without_empty(node, &["reference"]) };
        match node.get("reference") {
            // "Any properties added MUST be ignored": they are said, and change nothing.
            Some(reference) => {
                self.fields(node, &["reference", "value"], "a Reusable Object");
                let reference = self.text(reference, "`reference`")?;
                Some(OrReusable::Reference { reference, value: node.get("value").cloned() })
            }
            None => {
                // `- name: $components.failureActions.retry`, and nothing else (docs/readings.md, `reference-as-name`).
                let name = node.get("name").and_then(text_of).filter(|name| name.value.starts_with("$components."));
                let only = node.get("type").is_none() && node.get("value").is_none();
                // `- $ref: '#/components/failureActions/retry'`: as OpenAPI writes one.
                let by_ref = node.get("$ref").and_then(text_of).and_then(|written| {
                    let (kind, key) = written.value.strip_prefix("#/components/")?.split_once('/')?;
                    Some(Text { value: format!("$components.{kind}.{key}"), node: written.node })
                });
                let Some(reference) = name.or(by_ref).filter(|_| only) else {
                    return read(self, node).map(OrReusable::Object);
                };
                let right = format!("write reference: {}", reference.value);
                let mut diagnostic = Diagnostic::warning(
                    Code::ReferenceAsName,
                    reference.span(),
                    "a reference is written as `reference`",
                )
                .help(right.clone())
                .section("§Reusable Object");
                let key = ["$ref", "name"].iter().find_map(|name| node.member(name)).map(|(key, _)| key.span);
                if let Some(key) = key.filter(|_| node.members().len() == 1) {
                    let quoted = self.sources.text(key).starts_with('"');
                    let name = if quoted { "\"reference\"" } else { "reference" };
                    let value = if quoted {
                        Json::String(reference.value.clone()).to_string()
                    } else {
                        scalar_of(&reference.value)
                    };
                    let edits = vec![
                        Edit { span: key, text: name.to_owned() },
                        Edit { span: reference.node.span, text: value },
                    ];
                    diagnostic = diagnostic.fix(right, true, edits);
                }
                self.departure(diagnostic);
                Some(OrReusable::Reference { reference, value: None })
            }
        }
    }

    /// `parameters`, each (name, in) once.
    pub(super) fn parameters(&mut self, node: &Node, what: &str) -> Vec<OrReusable<Parameter>> {
        let list = self.list(node, "parameters", what, false);
        let read: Vec<OrReusable<Parameter>> =
            list.iter().filter_map(|n| self.or_reusable(n, "a parameter", Self::parameter)).collect();
        let mut seen: Vec<(String, &str)> = vec![];
        for parameter in &read {
            let OrReusable::Object(parameter) = parameter else { continue };
            let place = parameter.location.as_ref().map_or("", |place| place.value.as_str());
            let name = &parameter.name.value;
            let folded = if place == "header" { name.to_ascii_lowercase() } else { name.clone() };
            let same = (folded, place);
            if seen.contains(&same) {
                self.diagnostics.push(
                    Diagnostic::error(
                        Code::DuplicateParameter,
                        parameter.name.span(),
                        format!("parameter `{name}` stands twice in this list"),
                    )
                    .help("keep one of them".to_owned())
                    .section("§Step Object"),
                );
            }
            seen.push(same);
        }
        read
    }

    /// A list of different names.
    pub(super) fn names(&mut self, node: &Node, field: &str, what: &str) -> Vec<Text> {
        let items = self.list(node, field, what, false);
        let mut read: Vec<Text> = vec![];
        for item in items {
            let item = &*self.braces_as_text(item);
            let Some(name) = self.text_or_scalar(item, &format!("an entry of `{field}`")) else { continue };
            let name = self.without_braces(name);
            if read.iter().any(|known| known.value == name.value) {
                let message = format!("`{}` stands twice in `{field}`", name.value);
                self.error(Code::DuplicateName, name.span(), message, "keep one of them".to_owned());
                continue;
            }
            read.push(name);
        }
        read
    }

    /// The target of a step: one of four fields, and what goes with it.
    pub(super) fn target(&mut self, node: &Node, id: Option<&Text>) {
        let name = id.map_or("", |id| id.value.as_str());
        let given: Vec<(&str, &Key)> = ["operationId", "operationPath", "workflowId", "channelPath"]
            .into_iter()
            .filter_map(|field| node.member(field).map(|(key, _)| (field, key)))
            .collect();
        let meant = |field: &&str| self.misspelt(node, field).map(|key| key.span);
        let misspelt = ["operationId", "operationPath", "workflowId", "channelPath"].iter().find_map(meant);
        match (given.as_slice(), misspelt) {
            ([], Some(span)) => self.diagnostics.raise(Code::UnknownField, span),
            ([], None) => self.diagnostics.push(
                Diagnostic::error(
                    Code::MissingField,
                    id.map_or(node.span, Text::span),
                    format!("step `{name}` does not say what it calls"),
                )
                .help("add `operationId`, `operationPath` or `workflowId`".to_owned())
                .section("§Step Object"),
            ),
            ([_], _) => {}
            ([(one, _), (two, key), ..], _) => self.diagnostics.push(
                Diagnostic::error(
                    Code::SeveralTargets,
                    key.span,
                    format!("step `{name}` has both `{one}` and `{two}`"),
                )
                .help("keep the one that is meant".to_owned())
                .section("§Step Object"),
            ),
        }
        let has = |field: &str| given.iter().any(|(known, _)| *known == field);
        let action = node.member("action");
        if let Some((key, _)) = action.into_iter().chain(node.member("correlationId")).find(|_| has("workflowId")) {
            let message = format!(
                "`{}` belongs to steps that send or receive messages, not to a step that calls a workflow",
                key.name
            );
            self.error(Code::MisplacedField, key.span, message, "leave it out".to_owned());
        } else if let Some((_, value)) = action
            && !matches!(value.as_str(), Some("send" | "receive"))
        {
            self.error(
                Code::UnknownValue,
                value.span,
                "`action` is send or receive",
                "write send or receive".to_owned(),
            );
        }
        let word = action.and_then(|(_, value)| value.as_str());
        if let Some((_, key)) = given.iter().find(|(field, _)| *field == "channelPath")
            && action.is_none()
        {
            let message = format!("step `{name}` names a channel and does not say whether it sends or receives");
            self.error(Code::MissingField, key.span, message, "add `action: send` or `action: receive`".to_owned());
        }
        if let Some((key, _)) = node.member("correlationId")
            && !has("workflowId")
            && word != Some("receive")
        {
            let message = "`correlationId` belongs to a step that receives a message";
            self.error(Code::MisplacedField, key.span, message, "add `action: receive`, or leave it out".to_owned());
        }
    }

    /// A whole number that is not negative.
    pub(super) fn natural(&mut self, node: &Node, what: &str, wanted: &str) -> Option<u64> {
        let number = self.number_of(node);
        let whole = number.as_u64().or_else(|| {
            number.as_f64().filter(|n| *n >= 0.0 && n.fract() == 0.0 && *n < u64::MAX as f64).map(|n| n as u64)
        });
        if whole.is_none() {
            let found = if number.is_null() { node.type_name().to_owned() } else { format!("`{number}`") };
            let help = match node.as_str().and_then(milliseconds).filter(|_| wanted.contains("milliseconds")) {
                Some(number) => format!("write {number}: it is a number of milliseconds"),
                None => "write digits only, without quotes".to_owned(),
            };
            self.error(Code::WrongType, node.span, format!("expected {what} to be {wanted}, found {found}"), help);
        }
        whole
    }

    pub(super) fn replacement(&mut self, node: &Node) -> Option<Replacement> {
        const WHAT: &str = "a replacement";
        self.object(node, WHAT)?;
        self.fields(node, REPLACEMENT, WHAT);
        let node = &*self.without_empty(node, &["targetSelectorType"]);
        let target = self.required(node, "target", WHAT).and_then(|n| self.text(n, "`target`"));
        let value = self.required(node, "value", WHAT);
        let kind = match node.get("targetSelectorType") {
            Some(kind) => Some(self.expression_type(kind, SELECTOR_TYPES, "selector")?),
            None => None,
        };
        let value = value?.clone();
        self.selectors(&value);
        Some(Replacement { target: target?, kind, value })
    }

    /// Checks the Selector Objects in a value.
    pub(super) fn selectors(&mut self, node: &Node) {
        if selector_fields(node).is_some() {
            let _ = self.selector(node);
            return;
        }
        node.items()
            .iter()
            .chain(node.members().iter().map(|(_, value)| value))
            .for_each(|value| self.selectors(value));
    }

    pub(super) fn selector(&mut self, node: &Node) -> Option<Selector> {
        const WHAT: &str = "a Selector Object";
        self.fields(node, SELECTOR, WHAT);
        let context = self.required(node, "context", WHAT).and_then(|n| self.text(n, "`context`"));
        let selector = self.required(node, "selector", WHAT).and_then(|n| self.text(n, "`selector`"));
        let kind = self.required(node, "type", WHAT);
        let kind = kind.and_then(|n| self.expression_type(n, SELECTOR_TYPES, "selector"));
        Some(Selector { context: context?, selector: selector?, kind: kind? })
    }

    pub(super) fn parameter(&mut self, node: &Node) -> Option<Parameter> {
        if let [(key, value)] = node.members()
            && !PARAMETER.contains(&key.name.as_str())
        {
            let written = if value.as_written().is_empty() { "…" } else { value.as_written() };
            let help = match key.name.as_str() {
                "$ref" => {
                    "only `components.parameters` are referred to: write reference: $components.parameters.<name>"
                        .to_owned()
                }
                name => format!("write {{ name: {name}, in: …, value: {written} }}"),
            };
            let message = "a parameter is an object with `name`, `in` and `value`";
            self.error(Code::MissingField, key.span, message, help);
            return None;
        }
        self.fields(node, PARAMETER, "a parameter");
        let node = &*self.without_empty(node, &["in"]);
        let name = self.required(node, "name", "a parameter").and_then(|n| self.text_or_scalar(n, "`name`"));
        let value = self.required(node, "value", "a parameter");
        let location = self.optional_text(node, "in").map(|place| self.known_word(place, PLACES));
        if let Some(place) = location.as_ref().filter(|place| !PLACES.contains(&place.value.as_str())) {
            let help = match place.value.as_str() {
                "body" | "formData" | "form" => Help::words("a body is written as `requestBody: { payload: … }`"),
                other => nearest(other, PLACES.iter().copied())
                    .map_or_else(|| Help::words("write path, query, header or cookie"), Help::meant),
            };
            let message = format!("`{}` is not a place of a parameter", place.value);
            self.error(Code::UnknownValue, place.span(), message, help);
        }
        if let Some(value) = value {
            self.selectors(value);
        }
        Some(Parameter { location, name: name?, value: value?.clone() })
    }

    pub(super) fn request_body(&mut self, node: &Node) -> Option<RequestBody> {
        self.object(node, "a request body")?;
        let node = &*self.without_empty(node, &["contentType", "reference"]);
        self.fields(node, BODY, "a request body");
        if node.get("reference").or(node.get("$ref")).is_some() && node.get("payload").is_none() {
            return None;
        }
        let replacements = self.list(node, "replacements", "a request body", false);
        if let Some(payload) = node.get("payload") {
            self.selectors(payload);
        }
        Some(RequestBody {
            content_type: self.optional_text(node, "contentType"),
            payload: node.get("payload").cloned(),
            replacements: replacements.iter().filter_map(|n| self.replacement(n)).collect(),
            span: node.span,
        })
    }

    pub(super) fn outputs(&mut self, node: &Node) -> Vec<Output> {
        let Some((key, outputs)) = node.member("outputs").filter(|_| given(node, "outputs").is_some()) else {
            return vec![];
        };
        let one_key = |item: &Node| matches!(&item.kind, Kind::Object(members) if members.len() == 1);
        match &outputs.kind {
            Kind::Object(members) => members.iter().filter_map(|(name, value)| self.output(name, value)).collect(),
            Kind::Array(items)
                if !items.is_empty() && items.iter().all(|item| one_key(item) || named_output(item).is_some()) =>
            {
                self.outputs_as_list(key.span, outputs)
            }
            _ => {
                self.error(
                    Code::WrongType,
                    outputs.span,
                    format!("expected `outputs` to be a map of names to expressions, found {}", outputs.type_name()),
                    outputs.items().first().and_then(Node::as_str).map(|name| {
                        let member = name.trim_start_matches('$').rsplit(['.', '/', '#']).next().unwrap_or(name);
                        format!("write outputs: {{ {member}: $response.body#/{member} }}")
                    }),
                );
                vec![]
            }
        }
    }

    /// An entry of `outputs`; nothing if it is none, which is said.
    pub(super) fn output(&mut self, name: &Key, value: &Node) -> Option<Output> {
        match &value.kind {
            Kind::Object(_) if let Some(text) = unquoted(value).filter(|_| self.readings != Readings::Letter) => {
                self.departure(without_quotes(value, &text, self.sources));
                return Some(Output { name: name.clone(), value: text });
            }
            // A `type` alone is written beside values too.
            Kind::Object(_) if ["context", "selector"].iter().any(|field| value.get(field).is_some()) => {
                let selector = self.selector(value)?;
                if !is_selector(value) {
                    let written = &selector.context;
                    let message = format!("`{}` is not a runtime expression", written.value);
                    let help = "write an expression such as $response.body".to_owned();
                    self.error(Code::ExpressionSyntax, written.span(), message, help);
                    return None;
                }
            }
            Kind::Object(_) if let Some(inner) = self.output_as_object(value) => {
                return Some(Output { name: name.clone(), value: inner });
            }
            Kind::Array(_) | Kind::Object(_) => {
                let found = value.type_name();
                let message = format!("expected a runtime expression or a Selector Object, found {found}");
                let help = "write an expression such as $response.body#/id".to_owned();
                self.error(Code::WrongType, value.span, message, help);
                return None;
            }
            _ => {}
        }
        Some(Output { name: name.clone(), value: value.clone() })
    }
}

/// The milliseconds of a time with its unit: `5s`.
fn milliseconds(text: &str) -> Option<u64> {
    let unit = text.find(|c: char| c.is_ascii_alphabetic())?;
    let number: f64 = text.get(..unit)?.trim().parse().ok()?;
    let factor = match text.get(unit..)? {
        "ms" | "msec" | "milliseconds" => 1.0,
        "s" | "sec" | "secs" | "second" | "seconds" => 1000.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60_000.0,
        "h" | "hour" | "hours" => 3_600_000.0,
        _ => return None,
    };
    let whole = number * factor;
    (whole >= 0.0 && whole.fract() == 0.0 && whole < 1e15).then_some(whole as u64)
}
