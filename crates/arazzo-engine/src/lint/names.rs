//! Names: what nothing uses, what people cannot read, what carries credentials without saying so.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Lint;
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Edit, Help, nearest};
use crate::document::OrReusable;
use crate::expr::Template;
use crate::inputs::spelled;
use crate::json_schema::{TYPES, is_of, with_article};
use crate::node::{Key, Node};
use crate::program::{Build, Inputs, WorkflowId};
use crate::source::Span;

impl Lint<'_> {
    pub(super) fn names(&mut self) {
        let Some(entry) = self.bundle.documents.first() else { return };
        let document = &entry.document;
        let text = self.bundle.sources.get(document.source).map(|source| source.text.clone()).unwrap_or_default();
        let used = Used::of(&text);
        let wrong = |code: Code| self.known.iter().any(|d| d.code == code);
        // A name that is misspelt where it is read is not unused.
        let (inputs, outputs) = (!wrong(Code::UnknownInput), !wrong(Code::UnknownOutput));
        for id in self.own() {
            let (Some(view), Some(workflow)) = (self.workflow(id), self.program.workflow(id)) else { continue };
            let (document, node) = (view.document, view.node);
            if let Some(schema) = &document.inputs {
                self.input_schema(schema, &workflow.inputs);
                if inputs && !used.whole_inputs {
                    self.unused_inputs(schema, &used);
                }
            }
            self.identifier(document.id.span(), &document.id.value, "workflowId");
            if node.is_some_and(|node| node.get("summary").is_none() && node.get("description").is_none()) {
                let message = format!("workflow `{}` has neither summary nor description", document.id.value);
                self.push(
                    Diagnostic::hint(Code::MissingDescription, document.id.span(), message)
                        .help("add `summary`: it is what people see in lists".to_owned())
                        .section("§Workflow Object"),
                );
            }
            for step in &document.steps {
                self.identifier(step.id.span(), &step.id.value, "stepId");
                if step.description.is_none() {
                    let message = format!("step `{}` has no description", step.id.value);
                    self.push(
                        Diagnostic::hint(Code::MissingDescription, step.id.span(), message)
                            .help("add `description`: what the step is for".to_owned())
                            .section("§Step Object"),
                    );
                }
                for output in step.outputs.iter().filter(|_| outputs && !used.whole_outputs) {
                    if !used.outputs.contains(output.name.name.as_str()) {
                        self.unused(output.name.span, "output", &output.name.name);
                    }
                }
            }
        }
        for id in self.own() {
            self.literal_secrets(id);
            self.ways_without_dollar(id);
        }
        self.sources(&document.source_descriptions);
        self.components(&document.root, &used);
    }

    fn unused(&mut self, span: Span, what: &str, name: &str) {
        self.push(
            Diagnostic::hint(Code::UnusedName, span, format!("nothing reads the {what} `{name}`"))
                .help("leave it out".to_owned()),
        );
    }

    fn unused_inputs(&mut self, schema: &Node, used: &Used<'_>) {
        for (key, _) in schema.get("properties").map(Node::members).unwrap_or_default() {
            if !used.inputs.contains(key.name.as_str()) {
                self.unused(key.span, "input", &key.name);
            }
        }
    }

    fn sources(&mut self, described: &[crate::document::SourceDescription]) {
        let names: Vec<&str> = described.iter().map(|source| source.name.value.as_str()).collect();
        let text = |index: usize| self.bundle.described.get(index).map(|d| d.label.clone());
        let apis: HashSet<String> = self
            .program
            .steps
            .iter()
            .filter_map(|step| self.program.operation_of(step))
            .filter_map(|operation| self.program.apis.get(operation.api))
            .map(|api| api.name.clone())
            .collect();
        let mut found = vec![];
        for (index, source) in described.iter().enumerate() {
            self.identifier(source.name.span(), &source.name.value, "name");
            if text(index).is_some_and(|label| apis.contains(&label)) {
                continue;
            }
            let written = self.bundle.sources.get(source.name.span().source).is_some_and(|document| {
                let name = &source.name.value;
                ["$sourceDescriptions.", "workflowId: ", "operationId: ", "operationPath: "]
                    .iter()
                    .any(|before| document.text.contains(&format!("{before}{name}")))
            });
            let read = self.bundle.described.get(index).is_some_and(|d| d.root.is_some());
            let only = names.len() == 1;
            // A workflow of the only other document may be named without it.
            let arazzo = self.bundle.described.get(index).is_some_and(|d| d.leads_to.is_some());
            if read && !written && !only && !arazzo && !self.known.has_errors() {
                found.push((source.name.span(), source.name.value.clone()));
            }
        }
        for (span, name) in found {
            self.push(
                Diagnostic::hint(Code::UnusedName, span, format!("nothing uses the source description `{name}`"))
                    .help("leave it out: it is read all the same".to_owned()),
            );
        }
    }

    fn components(&mut self, root: &Node, used: &Used<'_>) {
        if self.known.iter().any(|d| d.code == Code::UnknownComponent || d.code == Code::BrokenReference) {
            return;
        }
        let kinds = root.get("components").map(Node::members).unwrap_or_default();
        let mut found: Vec<&Key> = vec![];
        for (kind, entries) in kinds {
            for (key, _) in entries.members() {
                let (dotted, pointer) = (format!("{}.{}", kind.name, key.name), format!("{}/{}", kind.name, key.name));
                if !used.components.iter().any(|known| *known == dotted || *known == pointer) {
                    found.push(key);
                }
            }
        }
        for key in found {
            self.unused(key.span, "component", &key.name);
        }
    }

    /// `^[A-Za-z0-9_\-]+$`, as the specification recommends.
    fn identifier(&mut self, span: Span, name: &str, field: &str) {
        let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        if !plain {
            let message = format!("`{field}` should be made of letters, digits, `-` and `_`, and `{name}` is not");
            let section = match field {
                "stepId" => "§Step Object",
                "workflowId" => "§Workflow Object",
                _ => "§Source Description Object",
            };
            self.push(
                Diagnostic::hint(Code::IdOutsidePattern, span, message)
                    .help("tools may not find it in an expression otherwise".to_owned())
                    .section(section),
            );
        }
    }

    /// What is certain about the schema of the inputs.
    fn input_schema(&mut self, schema: &Node, inputs: &Inputs) {
        let properties = schema.get("properties").map(Node::members).unwrap_or_default();
        let made_of_others = ["$ref", "allOf", "anyOf", "oneOf", "patternProperties", "additionalProperties"];
        let whole = !properties.is_empty() && !made_of_others.iter().any(|name| schema.get(name).is_some());
        for required in schema.get("required").map(Node::items).unwrap_or_default() {
            let Some(name) = required.as_str() else { continue };
            if whole && !properties.iter().any(|(key, _)| key.name == name) {
                let near = nearest(name, properties.iter().map(|(key, _)| key.name.as_str()));
                self.push(
                    Diagnostic::warning(
                        Code::RequiredNotDeclared,
                        required.span,
                        format!("`{name}` is required, and no input of this name is declared"),
                    )
                    .help(near.map_or_else(|| Help::words(format!("add `{name}` under `properties`")), Help::meant))
                    .section("§Workflow Object"),
                );
            }
        }
        for (key, property) in properties {
            let kind = property.get("type").and_then(Node::as_str);
            if let (Some(kind), Some(default)) = (kind, property.get("default")) {
                let value = default.to_json();
                // A text that spells a value of the type is read as that, which the compiler says.
                let spells = value.as_str().is_some_and(|text| spelled(&[kind.to_owned()], text).is_some());
                if TYPES.contains(&kind) && kind != "null" && !value.is_null() && !is_of(&value, kind) && !spells {
                    let message = format!("the default of `{}` is not {}", key.name, with_article(kind));
                    self.push(
                        Diagnostic::warning(Code::ValueMismatch, default.span, message).section("§Workflow Object"),
                    );
                }
            }
            let secret = inputs.secret.contains(&key.name)
                || inputs.declared.iter().any(|input| input.name == key.name && input.secret);
            let said = property.get("format").is_some() || property.get("writeOnly").is_some();
            if secret && !said && kind == Some("string") {
                self.plain_secret(key, property);
            }
        }
    }

    /// Credentials that are written in the document.
    fn literal_secrets(&mut self, id: WorkflowId) {
        let program = self.program;
        let steps = program.workflow(id).map(|workflow| workflow.steps.as_slice()).unwrap_or_default();
        let mut values: Vec<&Build> = vec![];
        for step in steps.iter().filter_map(|id| program.step(*id)) {
            values.extend(step.call.values());
        }
        let mut found = vec![];
        while let Some(value) = values.pop() {
            match value {
                Build::Array(items) => values.extend(items),
                Build::Object(members) => values.extend(members.iter().map(|(_, value)| value)),
                Build::Keyed(members) => values.extend(members.iter().map(|(_, value)| value)),
                Build::Template(leaf) if leaf.credential => {
                    if let Template::Literal(text) = &leaf.template
                        && is_secret(text)
                    {
                        found.push(leaf.span);
                    }
                }
                _ => {}
            }
        }
        for span in found {
            self.push(
                Diagnostic::warning(Code::LiteralSecret, span, "a credential is written in the document")
                    .help("declare an input with `format: password`, and write $inputs.<name>".to_owned())
                    .section("§Parameter Object"),
            );
        }
    }

    /// Constants that name a value of the workflow: its way was written without a `$`.
    fn ways_without_dollar(&mut self, id: WorkflowId) {
        let program = self.program;
        let Some(workflow) = program.workflow(id) else { return };
        let steps: Vec<_> = workflow.steps.iter().filter_map(|id| program.step(*id)).collect();
        let leads = |text: &str| match text.split_once('.') {
            Some(("inputs", rest)) => {
                let name = rest.split(['#', '.']).next();
                workflow.inputs.declared.iter().any(|input| name == Some(&input.name))
            }
            Some(("steps", rest)) => {
                rest.split_once(".outputs.").is_some_and(|(name, _)| steps.iter().any(|step| step.name == name))
            }
            _ => false,
        };
        let mut nodes: Vec<&Node> = vec![];
        for view in workflow.steps.iter().filter_map(|id| self.step(*id)) {
            nodes.extend(view.document.parameters.iter().filter_map(|parameter| match parameter {
                OrReusable::Object(parameter) => Some(&parameter.value),
                OrReusable::Reference { value, .. } => value.as_ref(),
            }));
            nodes.extend(view.document.request_body.iter().filter_map(|body| body.payload.as_ref()));
        }
        let mut found = vec![];
        while let Some(node) = nodes.pop() {
            match node.as_str() {
                Some(text) if leads(text) => found.push((node.span, text.to_owned())),
                Some(_) => {}
                None => {
                    nodes.extend(node.items());
                    nodes.extend(node.members().iter().map(|(_, value)| value));
                }
            }
        }
        for (span, text) in found {
            let message = format!("`{text}` is sent as it is written: an expression begins with `$`");
            self.push(
                Diagnostic::warning(Code::ExpressionWithoutDollar, span, message)
                    .help(Help::meant_behind("$", text))
                    .section("§Runtime Expressions"),
            );
        }
    }

    fn plain_secret(&mut self, key: &Key, property: &Node) {
        let message = format!("the input `{}` carries a credential, and its schema does not say so", key.name);
        let mut diagnostic = Diagnostic::hint(Code::PlainSecret, key.span, message)
            .help("add `format: password`: tools then ask for it without showing it".to_owned())
            .section("§Workflow Object");
        if let Some(edit) = self.add_member(property, "type", "format", "password") {
            diagnostic = diagnostic.fix("add `format: password`", true, vec![edit]);
        }
        self.push(diagnostic);
    }

    /// The edit that puts a member behind another one of an object, as the object is written.
    fn add_member(&self, object: &Node, behind: &str, name: &str, value: &str) -> Option<Edit> {
        let source = self.bundle.sources.get(object.span.source)?;
        let (key, after) = object.member(behind)?;
        let at = after.span.end as usize;
        let span = Span::new(object.span.source, at..at);
        if source.text.get(object.span.range())?.starts_with('{') {
            let quote = if source.text.get(key.span.range())?.starts_with('"') { "\"" } else { "" };
            return Some(Edit { span, text: format!(", {quote}{name}{quote}: {quote}{value}{quote}") });
        }
        let line = source.text.get(..key.span.start as usize)?.rfind('\n').map_or(0, |at| at + 1);
        let indent = source.text.get(line..key.span.start as usize)?;
        if !indent.bytes().all(|b| b == b' ') {
            return None;
        }
        // A comment behind the value stays on its line.
        let end = source.text.get(at..)?.find('\n').map_or(source.text.len(), |length| at + length);
        let text = format!("\n{indent}{name}: {value}");
        Some(Edit { span: Span::new(object.span.source, end..end), text })
    }
}

/// `true` for what looks like a real credential: neither short, nor a word that stands for one, nor no password at all.
fn is_secret(text: &str) -> bool {
    const INSTEAD: [&str; 13] = [
        "example",
        "sample",
        "test",
        "dummy",
        "demo",
        "fake",
        "your",
        "changeme",
        "placeholder",
        "abc123",
        "xxx",
        "<",
        "...",
    ];
    let (scheme, value) = text.trim().rsplit_once(' ').unwrap_or(("", text.trim()));
    if scheme.eq_ignore_ascii_case("basic") {
        let pair = STANDARD.decode(value).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        return pair.is_none_or(|pair| pair.split_once(':').is_none_or(|(_, password)| !password.is_empty()));
    }
    let folded = text.to_ascii_lowercase();
    value.len() >= 8 && !INSTEAD.iter().any(|word| folded.contains(word))
}

/// The names that a text reads, found in one pass over it: more than is read, never less.
struct Used<'t> {
    inputs: HashSet<&'t str>,
    outputs: HashSet<&'t str>,
    components: HashSet<&'t str>,
    whole_inputs: bool,
    whole_outputs: bool,
}

impl<'t> Used<'t> {
    fn of(text: &'t str) -> Self {
        let mut used = Self {
            inputs: HashSet::new(),
            outputs: HashSet::new(),
            components: HashSet::new(),
            whole_inputs: false,
            whole_outputs: false,
        };
        let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
        for (at, found) in text.match_indices('$') {
            let rest = text.get(at + found.len()..).unwrap_or_default();
            let name = |after: &'t str| after.split(|c: char| !word(c)).next().unwrap_or_default();
            let dotted = |after: &'t str| {
                let end = after.find(|c: char| !word(c) && c != '.').unwrap_or(after.len());
                after.get(..end).unwrap_or_default()
            };
            if let Some(after) = rest.strip_prefix("inputs") {
                match after.strip_prefix('.').or_else(|| after.strip_prefix("#/")) {
                    Some(after) => {
                        used.inputs.insert(name(after));
                        used.inputs.insert(dotted(after));
                    }
                    None => used.whole_inputs = true,
                }
            } else if let Some(after) = rest.strip_prefix("components.") {
                used.components.insert(dotted(after));
            } else if rest.starts_with("steps.")
                || rest.starts_with("workflows.")
                || rest.starts_with("sourceDescriptions.")
            {
                let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '}')).unwrap_or(rest.len());
                let rest = rest.get(..end).unwrap_or_default();
                match rest.split_once(".outputs") {
                    Some((_, after)) => match after.strip_prefix('.').or_else(|| after.strip_prefix("#/")) {
                        Some(after) => {
                            used.outputs.insert(name(after));
                            used.outputs.insert(dotted(after));
                        }
                        None => used.whole_outputs = true,
                    },
                    None => {
                        if let Some((_, after)) = rest.split_once(".inputs.") {
                            used.inputs.insert(name(after));
                        }
                    }
                }
            }
        }
        for (at, found) in text.match_indices("#/components/") {
            let after = text.get(at + found.len()..).unwrap_or_default();
            let end = after.find(|c: char| !word(c) && !matches!(c, '.' | '/')).unwrap_or(after.len());
            used.components.insert(after.get(..end).unwrap_or_default());
        }
        used
    }
}
