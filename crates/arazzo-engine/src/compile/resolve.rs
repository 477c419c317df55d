//! Names → operations and workflows: `operationId`, qualified or not, `operationPath`, `workflowId`. A document knows its
//! own source descriptions and nobody else's.

use std::sync::OnceLock;

use super::Compiler;
use super::meant::{Found, Meant};
use crate::asyncapi::is_same_name;
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Edit, Help, More, misspells, nearest};
use crate::document::{self, Text};
use crate::load::{Described, DescribedKind};
use crate::node::Node;
use crate::openapi::join::join;
use crate::openapi::{self, Api};
use crate::program::{Operation, OperationId, WorkflowId};
use crate::source::Span;
use crate::value::Pointer;

impl<'b> Compiler<'b> {
    /// Finds `operationId`: `$sourceDescriptions.<name>.<id>`, or a bare id. Of several, the path parameters that are
    /// `given` may tell which one.
    pub(super) fn by_id(&mut self, text: &Text, given: &[String]) -> Found<'b> {
        if self.is_path(&text.value) {
            return self.path_form(text, true);
        }
        if let Some(rest) = text.value.strip_prefix("$sourceDescriptions.") {
            let (index, id) = self.source_prefix(text, rest)?;
            return self.in_source(index, id, text, given);
        }
        if text.value.starts_with('$') {
            self.push(
                Diagnostic::error(
                    Code::UnknownRoot,
                    text.span(),
                    format!("`{}` does not name an operation", text.value),
                )
                .help("write $sourceDescriptions.<name>.<operationId>".to_owned()),
            );
            return None;
        }
        let matches: Vec<(usize, openapi::Operation<'b>)> = self
            .apis()
            .flat_map(|(index, api)| api.by_id(&text.value).into_iter().map(move |operation| (index, operation)))
            .collect();
        match matches.as_slice() {
            [found] => {
                self.qualify(text, found.0);
                Some(*found)
            }
            [] if self.prefixed(&text.value).is_some() => self.source_dot_operation(text, given),
            [] => match self.id_in_other_case(text, &text.value, None, given) {
                Meant::One(found) => Some(found),
                Meant::Several => None,
                Meant::Nothing => {
                    self.unknown_id(text, &text.value, None);
                    None
                }
            },
            several => {
                let found = self.one_of(text, &text.value, several, given)?;
                self.openapi(found.0, text.span())?;
                Some(found)
            }
        }
    }

    /// `true` for a way to an operation in the place of its id: `$sourceDescriptions.api#/paths/~1pets/get`, `GET /pets`.
    fn is_path(&self, value: &str) -> bool {
        let is_method = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphabetic());
        let of_words = value.split_once(' ').is_some_and(|(word, path)| is_method(word) && path.starts_with('/'));
        (value.contains("#/paths/") || of_words) && self.apis().all(|(_, api)| api.by_id(value).is_empty())
    }

    /// Finds `operationPath`: `{$sourceDescriptions.<name>.url}#/paths/~1pets/get`.
    pub(super) fn by_path(&mut self, text: &Text) -> Found<'b> {
        let value = text.value.as_str();
        let inner = value.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let named = inner.and_then(|(expression, rest)| {
            let name = expression.strip_prefix("$sourceDescriptions.")?.strip_suffix(".url")?;
            Some((name, rest.strip_prefix('#')?))
        });
        let Some((name, pointer)) = named else { return self.path_form(text, false) };
        let Some(index) = self.described().find(|(_, described)| described.name == name).map(|(index, _)| index) else {
            self.unknown_source(text, name);
            return None;
        };
        let api = self.openapi(index, text.span())?;
        let decoded = percent_encoding::percent_decode_str(pointer).decode_utf8_lossy();
        let found = api.by_pointer(&Pointer::parse(&decoded));
        let unescaped = |o: &openapi::Operation<'_>| {
            let way = decoded.strip_prefix("/paths/").and_then(|way| way.rsplit_once('/'));
            way.is_some_and(|(path, method)| path == o.path && o.method.eq_ignore_ascii_case(method))
        };
        if found.is_none()
            && (matches!(Pointer::parse(&decoded).tokens(), [paths, path] if paths == "paths" && api.operations().any(|o| o.path == path))
                || api.operations().any(|operation| unescaped(&operation)))
        {
            return self.path_form(text, false);
        }
        // A path item that could not be read may hold it.
        let unread = if found.is_none() { api.broken_paths() } else { vec![] };
        if !unread.is_empty() {
            unread.into_iter().for_each(|fault| self.broken(fault));
        } else if found.is_none() {
            let pointers: Vec<String> = api
                .operations()
                .map(|o| Pointer::of(vec!["paths".to_owned(), o.path.to_owned(), o.method.to_owned()]).to_string())
                .collect();
            let help = nearest(pointer, pointers.iter().map(String::as_str)).map(|near| Help::meant_behind("#", near));
            self.push(
                Diagnostic::error(
                    Code::UnknownOperationPath,
                    text.span(),
                    format!("`{name}` has no operation at #{pointer}"),
                )
                .help(help),
            );
        }
        found.map(|operation| (index, operation))
    }

    /// The reading `operation-path-form`: `source#/paths/~1a/get`, `GET /a`, `/a`; in the named source, or in the only one
    /// that has it. `as_id` if it stands in the place of an `operationId`.
    fn path_form(&mut self, text: &Text, as_id: bool) -> Found<'b> {
        let value = text.value.trim();
        let matches = self.operations_of_form(value);
        let form = "write '{$sourceDescriptions.<name>.url}#/paths/~1pets/get'";
        // A source that could not be read may hold it: its own diagnostic is the one that helps.
        if matches.is_empty() && self.described().any(|(_, described)| described.root.is_none()) {
            return None;
        }
        let [(index, operation)] = matches.as_slice() else {
            let message = match matches.len() {
                0 => format!("`{value}` does not lead to an operation"),
                several => format!("`{value}` leads to {several} operations"),
            };
            // `/books/post`: the method stands behind the path.
            let behind = value.rsplit_once('/').map(|(path, method)| format!("{} {path}", method.to_ascii_uppercase()));
            let meant =
                behind.filter(|_| matches.is_empty()).map(|form| self.operations_of_form(&form)).unwrap_or_default();
            let shown = if matches.is_empty() { &meant } else { &matches };
            let ways: Vec<String> =
                shown.iter().take(4).map(|(index, operation)| self.path_of(*index, operation)).collect();
            let help = if ways.is_empty() { form.to_owned() } else { format!("write {}", ways.join(" or ")) };
            let mut diagnostic =
                Diagnostic::error(Code::UnknownOperationPath, text.span(), message).help(help).section("§Step Object");
            for (_, operation) in &matches {
                diagnostic = diagnostic.note(operation.key.span, "one of them");
            }
            self.push(diagnostic);
            return None;
        };
        self.openapi(*index, text.span())?;
        let pointer = Pointer::of(vec!["paths".to_owned(), operation.path.to_owned(), operation.method.to_owned()]);
        let right = format!("'{{$sourceDescriptions.{}.url}}#{pointer}'", self.source_name(*index));
        let called = operation.endpoint();
        let message = match as_id {
            true => "a way to an operation is its operationPath, and no operationId",
            false => "an operationPath begins with the url of a source description",
        };
        let (help, edit) = match as_id {
            true => (format!("write operationPath: {right}"), self.by_path_instead(text, &right)),
            false => (format!("write {right}"), Some(Edit { span: text.span(), text: right })),
        };
        let mut diagnostic = Diagnostic::warning(Code::OperationPathForm, text.span(), message)
            .label(format!("read as {called} of `{}`", self.source_name(*index)))
            .help(help.clone())
            .section("§Step Object");
        if let Some(edit) = edit {
            diagnostic = diagnostic.fix(help, true, vec![edit]);
        }
        self.departure(diagnostic);
        Some((*index, *operation))
    }

    /// The operations that an operationPath in one of the other forms leads to.
    fn operations_of_form(&self, value: &str) -> Vec<(usize, openapi::Operation<'b>)> {
        // `source#…`, `$sourceDescriptions.source#…`, `{$sourceDescriptions.source}#…`, the url of the source, or none
        let head_and_pointer = value.split_once('#').or_else(|| value.starts_with("/paths/").then_some(("", value)));
        let named = head_and_pointer.map(|(head, pointer)| {
            let head = head.trim_matches(['{', '}', ' ', '$']);
            let head = head.strip_prefix("sourceDescriptions.").unwrap_or(head);
            (head.strip_suffix(".url").unwrap_or(head), pointer)
        });
        let plain = |url: &str| url.trim_start_matches("./").to_owned();
        let is_named = |known: &str, name: &str| {
            let mut urls = self.document().source_descriptions.iter().filter(|source| source.name.value == known);
            name.is_empty() || known == name || urls.any(|source| plain(&source.url.value) == plain(name))
        };
        let by_pointer = named.filter(|(name, _)| self.described().any(|(_, d)| is_named(&d.name, name)));
        if let Some((name, pointer)) = by_pointer {
            let written = percent_encoding::percent_decode_str(pointer).decode_utf8_lossy();
            let decoded = Pointer::parse(&written);
            // A pointer to a path leads to its operation, if it has one only.
            let of_path = |operation: &openapi::Operation<'_>| matches!(decoded.tokens(), [paths, path] if paths == "paths" && path == operation.path);
            // `/paths//pets/{id}/get`: the slashes of the path as they are.
            let unescaped = written.strip_prefix("/paths/").and_then(|way| way.rsplit_once('/'));
            let as_it_is = |operation: &openapi::Operation<'_>| {
                unescaped.is_some_and(|(path, method)| {
                    operation.path.trim_start_matches('/') == path.trim_start_matches('/')
                        && operation.method.eq_ignore_ascii_case(method)
                })
            };
            let found = |api: Api<'b>| match api.by_pointer(&decoded) {
                Some(operation) => vec![operation],
                None => api.operations().filter(|operation| of_path(operation) || as_it_is(operation)).collect(),
            };
            self.apis()
                .filter(|(index, _)| is_named(self.source_name(*index), name))
                .flat_map(|(index, api)| found(api).into_iter().map(move |operation| (index, operation)))
                .collect()
        } else {
            let (method, path) = match value.split_once(char::is_whitespace) {
                Some((method, path)) => (Some(method.to_ascii_lowercase()), path.trim()),
                None => (None, value),
            };
            let fits = |operation: &openapi::Operation<'_>| {
                operation.path == path && method.as_ref().is_none_or(|method| operation.method == method)
            };
            self.apis()
                .flat_map(|(index, api)| {
                    api.operations().filter(|o| fits(o)).map(move |o| (index, o)).collect::<Vec<_>>()
                })
                .collect()
        }
    }

    /// The entry of the operation table for what was found; one entry an operation.
    pub(super) fn operation(&mut self, api: usize, view: &openapi::Operation<'_>) -> OperationId {
        let api = self.api_of.get(api).copied().unwrap_or(api);
        let method = view.method.to_ascii_uppercase();
        let known = self.operations.iter().position(|o| o.api == api && o.method == method && o.path == view.path);
        for fault in view.broken_schemes() {
            self.broken(fault);
        }
        self.check_server(view);
        let index = known.unwrap_or_else(|| {
            self.operations.push(Operation {
                api,
                id: view.id().map(str::to_owned),
                method,
                path: view.path.to_owned(),
                server: view.server(),
                security: view.security(),
                idempotency_key: idempotency_key(view),
                span: view.key.span,
                responses: view
                    .responses()
                    .into_iter()
                    .map(|(status, text)| (status.to_owned(), text.map(str::to_owned)))
                    .collect(),
                contract: None,
                fixed_url: OnceLock::new(),
            });
            self.operations.len() - 1
        });
        OperationId(index as u32)
    }

    /// The reading `server-query`.
    fn check_server(&mut self, view: &openapi::Operation<'_>) {
        for node in view.server_texts() {
            let Some(text) = node.as_str() else { continue };
            if text.contains('#') {
                let message = format!("`{text}` has a fragment, behind which no path can stand");
                let fault = Diagnostic::error(Code::ServerQuery, node.span, message);
                self.push(fault.help("leave out what stands behind `#`").section("OpenAPI, §Server Object"));
            } else if text.contains('?') {
                let message = format!("`{text}` has a query, behind which no path can stand");
                let fault = Diagnostic::warning(Code::ServerQuery, node.span, message)
                    .label("sent behind the path of the operation")
                    .help("describe it as a query parameter of the operations")
                    .section("OpenAPI, §Server Object");
                self.departure(fault);
            }
        }
    }

    /// A path that cannot stand behind any server is known before it is called.
    pub(super) fn check_path(&mut self, view: &openapi::Operation<'_>, step: &document::Step) {
        let Err(reason) = join("https://host/base", view.path, "") else { return };
        let message = format!("`{}` cannot be called: {reason}", view.path);
        let mut diagnostic = Diagnostic::error(Code::UnsafePath, view.path_key.span, message)
            .label("a path begins with `/` and is appended to the url of the server")
            .section("OpenAPI, §Paths Object");
        let first = view.path.split('/').next().unwrap_or_default();
        if !first.is_empty() && first.chars().all(|c| c.is_alphanumeric() || "{}-_".contains(c)) {
            diagnostic = diagnostic.help(format!("write `/{}`", view.path));
        }
        diagnostic.notes.push((step.id.span(), format!("called by step `{}`", step.id.value)));
        self.push(diagnostic);
    }

    /// Stands in for an operation that was not found; its workflow is not runnable.
    pub(super) fn unknown_operation(&mut self, step: &document::Step) -> OperationId {
        let span = step.id.span();
        let id = step.operation_id.as_ref().map(|text| text.value.clone());
        self.operations.push(Operation {
            api: usize::MAX,
            id,
            method: String::new(),
            path: String::new(),
            server: openapi::server::Server { url: String::new(), variables: vec![], base: None },
            security: None,
            idempotency_key: None,
            span,
            responses: vec![],
            contract: None,
            fixed_url: OnceLock::new(),
        });
        OperationId(self.operations.len() as u32 - 1)
    }

    pub(super) fn apis(&self) -> impl Iterator<Item = (usize, Api<'b>)> + use<'b> {
        let store = &self.bundle.store;
        self.described()
            .filter(|(_, described)| described.kind == DescribedKind::Openapi)
            .filter_map(move |(index, described)| described.root.as_ref().map(|root| (index, Api::new(root, store))))
    }

    /// The source descriptions of the document that is compiled, with their indexes in the bundle.
    pub(super) fn described(&self) -> impl Iterator<Item = (usize, &'b Described)> + use<'b> {
        let (bundle, document) = (self.bundle, self.document);
        bundle.described.iter().enumerate().filter(move |(_, described)| described.document == document)
    }

    pub(super) fn source_name(&self, index: usize) -> &'b str {
        self.bundle.described.get(index).map(|described| described.name.as_str()).unwrap_or_default()
    }

    /// `name.rest` with the longest source name that fits.
    pub(super) fn source_prefix<'t>(&mut self, text: &Text, rest: &'t str) -> Option<(usize, &'t str)> {
        let found = self.prefixed(rest);
        if found.is_none() {
            self.unknown_source(text, rest.split('.').next().unwrap_or_default());
        }
        found
    }

    /// `name.rest` with the longest source name that fits.
    pub(super) fn prefixed<'t>(&self, text: &'t str) -> Option<(usize, &'t str)> {
        let fits = self.described().filter_map(|(index, described)| {
            Some((index, described.name.len(), text.strip_prefix(described.name.as_str())?.strip_prefix('.')?))
        });
        fits.max_by_key(|(_, length, _)| *length).map(|(index, _, rest)| (index, rest))
    }

    /// The workflow that a name stands for: a `workflowId` of this document, or
    /// `$sourceDescriptions.<name>.<workflowId>`.
    pub(super) fn workflow_of(&self, value: &str) -> Option<WorkflowId> {
        if let Some((id, _)) = self.workflow_by_pointer(value) {
            return Some(id);
        }
        if let Some(rest) = value.strip_prefix("$sourceDescriptions.") {
            let (index, id) = self.prefixed(rest)?;
            return self.workflow_in(index, id).or_else(|| self.workflow_in(index, id.strip_prefix("workflows.")?));
        }
        let own = self.declared.get(self.document)?;
        let found = own.workflows.iter().find(|workflow| workflow.name == value).map(|workflow| workflow.id);
        found.or_else(|| self.loose_workflow(value).map(|(id, _)| id))
    }

    /// A workflow of an Arazzo source.
    fn workflow_in(&self, index: usize, id: &str) -> Option<WorkflowId> {
        let document = self.bundle.described.get(index)?.leads_to?;
        let workflows = &self.declared.get(document)?.workflows;
        workflows.iter().find(|workflow| workflow.name == id).map(|workflow| workflow.id)
    }

    /// A workflow of another document that is named without saying so in full, and its right name: `museum.tour`, or the
    /// only workflow of this name in the sources.
    fn loose_workflow(&self, value: &str) -> Option<(WorkflowId, String)> {
        if let Some((index, id)) = self.prefixed(value)
            && let Some(found) = self.workflow_in(index, id)
        {
            return Some((found, format!("$sourceDescriptions.{value}")));
        }
        let mut found = self.namesakes(value);
        let only = found.next()?;
        if found.next().is_none() { Some(only) } else { None }
    }

    /// `$sourceDescriptions.tours#/workflows/tour`, also with a number as in a JSON Pointer, and its right name.
    fn workflow_by_pointer(&self, value: &str) -> Option<(WorkflowId, String)> {
        let (source, way) = value.split_once("#/workflows/")?;
        let name = source.trim_matches(['{', '}', '$']).strip_prefix("sourceDescriptions.")?;
        let name = name.strip_suffix(".url").unwrap_or(name);
        let (_, described) = self.described().find(|(_, described)| described.name == name)?;
        let workflows = &self.declared.get(described.leads_to?)?.workflows;
        let numbered = || way.parse().ok().and_then(|number: usize| workflows.get(number));
        let found = workflows.iter().find(|workflow| workflow.name == way).or_else(numbered)?;
        Some((found.id, format!("$sourceDescriptions.{name}.{}", found.name)))
    }

    /// The workflows of this name in the sources, with their names in full.
    fn namesakes(&self, value: &str) -> impl Iterator<Item = (WorkflowId, String)> {
        self.described().filter_map(move |(index, described)| {
            Some((self.workflow_in(index, value)?, format!("$sourceDescriptions.{}.{value}", described.name)))
        })
    }

    /// The workflow that a step, an action or `dependsOn` names; a diagnostic if there is none.
    pub(super) fn called_workflow(&mut self, text: &Text) -> Option<WorkflowId> {
        let value = text.value.as_str();
        let span = text.node.part(self.sources(), text.whole());
        let depart = |right: &str| {
            Diagnostic::warning(Code::SourceDotOperation, span, "a workflow of another document is named in full")
                .help(format!("write {right}"))
                .fix(format!("write {right}"), true, vec![Edit { span, text: right.to_owned() }])
                .section("§Step Object")
        };
        if let Some((found, right)) = self.workflow_by_pointer(value) {
            self.departure(depart(&right));
            return Some(found);
        }
        if let Some(rest) = value.strip_prefix("$sourceDescriptions.") {
            let (index, id) = self.source_prefix(text, rest)?;
            if let Some(found) = self.workflow_in(index, id) {
                return Some(found);
            }
            if let Some(found) = id.strip_prefix("workflows.").and_then(|id| self.workflow_in(index, id)) {
                let right =
                    format!("$sourceDescriptions.{}.{}", self.source_name(index), id.trim_start_matches("workflows."));
                self.departure(depart(&right));
                return Some(found);
            }
            self.unknown_workflow_in(text, index, id);
            return None;
        }
        let own = self.declared.get(self.document).map(|document| document.workflows.as_slice()).unwrap_or_default();
        let named = |name: &str| own.iter().find(|workflow| workflow.name == name).map(|workflow| workflow.id);
        if let Some(found) = named(value) {
            return Some(found);
        }
        if let Some(found) = value.strip_prefix("$workflows.").and_then(named) {
            self.named_by_expression(text, "$workflows.", "a workflowId");
            return Some(found);
        }
        if let Some((found, right)) = self.loose_workflow(value) {
            self.departure(depart(&right));
            return Some(found);
        }
        let names: Vec<&str> = own.iter().map(|workflow| workflow.name.as_str()).collect();
        let bare = value.strip_prefix("$workflows.").unwrap_or(value);
        let namesakes: Vec<String> = self.namesakes(bare).map(|(_, right)| right).collect();
        if namesakes.len() > 1 {
            let message = format!("`{value}` is a workflow of {} sources", namesakes.len());
            let help = format!("write {}", namesakes.join(", or "));
            self.push(Diagnostic::error(Code::UnknownWorkflow, span, message).help(help).section("§Step Object"));
            return None;
        }
        let help = nearest(bare, names.iter().copied())
            .map_or_else(|| Help::words(format!("workflows of this document: {}", names.join(", "))), Help::meant);
        let message = format!("the document has no workflow `{value}`");
        self.push(Diagnostic::error(Code::UnknownWorkflow, text.span(), message).help(help).section("§Step Object"));
        None
    }

    fn unknown_workflow_in(&mut self, text: &Text, index: usize, id: &str) {
        let Some(described) = self.bundle.described.get(index) else { return };
        // What could not be read was said when it was loaded.
        if described.root.is_none() {
            return;
        }
        let name = &described.name;
        let Some(document) = described.leads_to else {
            self.push(
                Diagnostic::error(
                    Code::WrongKindOfSource,
                    text.span(),
                    format!("source `{name}` is not an Arazzo document, and has no workflows"),
                )
                .help("name one of its operations with `operationId`".to_owned()),
            );
            return;
        };
        let known = self.declared.get(document).map(|document| document.workflows.as_slice()).unwrap_or_default();
        let names: Vec<&str> = known.iter().map(|workflow| workflow.name.as_str()).collect();
        let help = nearest(id, names.iter().copied())
            .map_or_else(|| Help::words(format!("workflows of `{name}`: {}", names.join(", "))), Help::meant);
        let message = format!("source `{name}` has no workflow `{id}`");
        self.push(Diagnostic::error(Code::UnknownWorkflow, text.span(), message).help(help).section("§Step Object"));
    }

    /// Names of the steps of a workflow, in the order of its document.
    pub(super) fn steps_of(&self, id: WorkflowId) -> Vec<String> {
        let mut workflows = self.bundle.documents.iter().flat_map(|loaded| &loaded.document.workflows);
        let workflow = workflows.nth(id.0 as usize);
        workflow.map(|w| w.steps.iter().map(|step| step.id.value.clone()).collect()).unwrap_or_default()
    }

    /// `true` for a step that sends or receives a message: by its channel, or by the source of its operation.
    pub(super) fn is_message(&self, step: &document::Step) -> bool {
        if step.channel_path.is_some() {
            return true;
        }
        let asyncapi =
            |index: usize| self.bundle.described.get(index).is_some_and(|d| d.kind == DescribedKind::Asyncapi);
        if let Some(text) = &step.operation_path {
            let named = text.value.trim_start_matches('{').strip_prefix("$sourceDescriptions.");
            return named
                .and_then(|rest| self.prefixed(&rest.replace('#', ".")).map(|(index, _)| index))
                .is_some_and(asyncapi);
        }
        let Some(id) = &step.operation_id else { return false };
        if let Some(rest) = id.value.strip_prefix("$sourceDescriptions.") {
            return self.prefixed(rest).is_some_and(|(index, _)| asyncapi(index));
        }
        let only = self.described().all(|(_, d)| d.kind != DescribedKind::Openapi);
        let known =
            || self.described().any(|(_, d)| d.root.as_ref().is_some_and(|root| names_message(root, d, &id.value)));
        let http = || self.apis().any(|(_, api)| !api.by_id(&id.value).is_empty());
        let any = || self.described().any(|(index, _)| asyncapi(index));
        // One that says what it does with a channel means one, whatever it calls it. The names of messages are looked at
        // first: most documents have none, and operations are very many.
        (only && any()) || ((known() || step.action.is_some() && any()) && !http())
    }

    /// `true` if a source description was left out for a fault, which was said.
    pub(super) fn lacks_a_source(&self) -> bool {
        let written = self.document().root.get("sourceDescriptions").map_or(0, |list| list.items().len());
        written > self.document().source_descriptions.len()
    }

    pub(super) fn unknown_source(&mut self, text: &Text, name: &str) {
        if self.lacks_a_source() {
            return;
        }
        let names: Vec<&str> = self.described().map(|(_, d)| d.name.as_str()).collect();
        let help = nearest(name, names.iter().copied())
            .map_or_else(|| Help::words(format!("source descriptions: {}", names.join(", "))), Help::meant);
        let message = format!("no source description is called `{name}`");
        let mut fault = Diagnostic::error(Code::UnknownSource, text.span(), message).help(help);
        let same: Vec<&&str> = names.iter().filter(|known| is_same_name(known, name)).collect();
        // Names of which only case or punctuation differs are one slip of the hand apart.
        if let ([right], Some(at)) = (same.as_slice(), text.value.find(name)) {
            let span = text.node.part(self.sources(), at..at + name.len());
            let edit = Edit { span, text: (**right).to_owned() };
            fault = fault.fix(format!("write `{right}`"), true, vec![edit]);
        }
        self.push(fault);
    }

    /// The OpenAPI document of a source; a diagnostic if it is something else. Nothing if it could not be read: that
    /// was said when it was loaded.
    fn openapi(&mut self, index: usize, span: Span) -> Option<Api<'b>> {
        let described = self.bundle.described.get(index)?;
        let root = described.root.as_ref()?;
        match described.kind {
            DescribedKind::Openapi => Some(Api::new(root, &self.bundle.store)),
            // Steps of such sources are told apart before; what is left is a path that leads into one.
            DescribedKind::Asyncapi => {
                let message =
                    format!("source `{}` is an AsyncAPI document, which has no HTTP operations", described.name);
                self.push(Diagnostic::error(Code::WrongKindOfSource, span, message));
                None
            }
            DescribedKind::Arazzo => {
                self.push(
                    Diagnostic::error(
                        Code::WrongKindOfSource,
                        span,
                        format!("source `{}` is an Arazzo document, which has no operations", described.name),
                    )
                    .help("name one of its workflows with `workflowId`".to_owned()),
                );
                None
            }
        }
    }

    fn in_source(&mut self, index: usize, id: &str, text: &Text, given: &[String]) -> Found<'b> {
        let api = self.openapi(index, text.span())?;
        let matches: Vec<(usize, openapi::Operation<'b>)> =
            api.by_id(id).into_iter().map(|operation| (index, operation)).collect();
        match matches.as_slice() {
            [found] => Some(*found),
            [] => match self.id_in_other_case(text, id, Some(index), given) {
                Meant::One(found) => Some(found),
                Meant::Several => None,
                Meant::Nothing => {
                    self.unknown_id(text, id, Some(index));
                    None
                }
            },
            several => self.one_of(text, id, several, given),
        }
    }

    /// The reading `unqualified-operation-id`.
    fn qualify(&mut self, text: &Text, index: usize) {
        if self.openapi(index, text.span()).is_none() {
            return;
        }
        self.qualify_id(text, index);
    }

    /// `true` where an operation may come from several sources.
    pub(super) fn is_one_of_several(&self) -> bool {
        self.described().filter(|(_, d)| d.kind != DescribedKind::Arazzo).count() > 1
    }

    /// The reading `source-dot-operation`: `museum.getHours`.
    fn source_dot_operation(&mut self, text: &Text, given: &[String]) -> Found<'b> {
        let (index, id) = self.prefixed(&text.value)?;
        let unread = self.bundle.described.get(index).is_none_or(|described| described.root.is_none());
        let found = self.in_source(index, id, text, given);
        if found.is_none() && !unread {
            return None;
        }
        let right = format!("$sourceDescriptions.{}", text.value);
        let span = text.node.part(self.sources(), 0..text.value.len());
        self.departure(
            Diagnostic::warning(
                Code::SourceDotOperation,
                span,
                "a qualified operation id begins with `$sourceDescriptions.`",
            )
            .help(format!("write {right}"))
            .fix(format!("write {right}"), true, vec![Edit { span, text: right }]),
        );
        found
    }

    /// `POST /books` in the place of an id: the operation of this method and path is said; `true` if it was.
    fn meant_by_form(&mut self, text: &Text, id: &str) -> bool {
        if !id.contains('/') {
            return false;
        }
        let matches = self.operations_of_form(id.trim());
        let [(index, operation)] = matches.as_slice() else { return false };
        let place = self.sources().place(operation.key.span);
        let help = match operation.id() {
            Some(known) => Help::meant_and(known, More::Words(format!("described in {}:{}", place.file, place.line))),
            None => Help::words(format!("write operationPath: {}", self.path_of(*index, operation))),
        };
        let message = format!("unknown operation id `{id}`");
        let fault = Diagnostic::error(Code::UnknownOperationId, text.span(), message).help(help);
        self.push(fault.section("§Step Object"));
        true
    }

    /// An operation whose `operationId` is called otherwise, such as `operationid`; `true` if it was said.
    fn misspelt_id(&mut self, text: &Text, id: &str, apis: &[(usize, Api<'b>)]) -> bool {
        let unnamed = apis.iter().flat_map(|(_, api)| api.operations()).filter(|operation| operation.id().is_none());
        let found = unnamed.into_iter().find_map(|operation| {
            let (key, _) = operation.node.members().iter().find(|(key, value)| {
                value.as_str() == Some(id) && key.name != "operationId" && misspells(&key.name, "operationId")
            })?;
            let called = format!("{} {}", operation.method.to_ascii_uppercase(), operation.path);
            Some((key.name.clone(), key.span, called))
        });
        let Some((key, span, called)) = found else { return false };
        let message = format!("no operation has the id `{id}`: `{key}` of {called} is no field of OpenAPI");
        self.push(
            Diagnostic::error(Code::UnknownOperationId, text.span(), message)
                .note(span, "written so")
                .help("write `operationId` in the API description".to_owned())
                .section("§Step Object"),
        );
        true
    }

    /// The path of an operation as `operationPath` has it.
    fn path_of(&self, index: usize, operation: &openapi::Operation<'b>) -> String {
        let way = vec!["paths".to_owned(), operation.path.to_owned(), operation.method.to_owned()];
        format!("'{{$sourceDescriptions.{}.url}}#{}'", self.source_name(index), Pointer::of(way))
    }

    fn unknown_id(&mut self, text: &Text, id: &str, source: Option<usize>) {
        let apis: Vec<(usize, Api<'b>)> =
            self.apis().filter(|(index, _)| source.is_none_or(|wanted| wanted == *index)).collect();
        // A source that could not be read may hold it: its own diagnostic is the one that helps.
        let unread = self.described().any(|(index, d)| d.root.is_none() && source.is_none_or(|wanted| wanted == index));
        if unread || source.is_none() && self.lacks_a_source() {
            return;
        }
        // So may a path item that could not be read.
        let broken: Vec<openapi::Broken> = apis.iter().flat_map(|(_, api)| api.broken_paths()).collect();
        if !broken.is_empty() {
            return broken.into_iter().for_each(|fault| self.broken(fault));
        }
        let known: Vec<openapi::Operation<'b>> =
            apis.iter().flat_map(|(_, api)| api.operations()).filter(|o| o.id().is_some()).collect();
        if self.meant_by_form(text, id) || self.misspelt_id(text, id, &apis) {
            return;
        }
        let near = nearest(id, known.iter().filter_map(openapi::Operation::id));
        let mut diagnostic =
            Diagnostic::error(Code::UnknownOperationId, text.span(), format!("unknown operation id `{id}`"))
                .section("§Step Object");
        if let Some(operation) = near.and_then(|near| known.iter().find(|o| o.id() == Some(near))) {
            let near = operation.id().unwrap_or_default();
            let place = self.sources().place(operation.key.span);
            let more = More::Words(format!("described in {}:{}", place.file, place.line));
            diagnostic = diagnostic.help(Help::meant_and(near, more));
        } else if let Some((_, described)) = source.and_then(|index| self.bundle.described.get(index)).map(|d| (0, d)) {
            diagnostic = diagnostic.help(format!("source `{}` does not describe it", described.name));
        } else {
            let names: Vec<&str> = self.described().map(|(_, d)| d.name.as_str()).collect();
            diagnostic = diagnostic.help(match names.as_slice() {
                [] => "there is no source description: list the API description under `sourceDescriptions`".to_owned(),
                names => format!("none of the sources describes it: {}", names.join(", ")),
            });
        }
        self.push(diagnostic);
    }
}

/// `true` if an AsyncAPI document has an operation of this name.
fn names_message(root: &Node, described: &Described, name: &str) -> bool {
    described.kind == DescribedKind::Asyncapi && message_names(root).iter().any(|known| known == name)
}

/// Names of the operations of an AsyncAPI document: keys of `operations` (3.x), `operationId` below `channels` (2.x).
fn message_names(root: &Node) -> Vec<String> {
    let operations = root.get("operations").map(Node::members).unwrap_or_default();
    let channels = root.get("channels").map(Node::members).unwrap_or_default();
    let older = channels.iter().flat_map(|(_, channel)| ["publish", "subscribe"].map(|verb| channel.get(verb)));
    let older = older.flatten().filter_map(|operation| operation.get("operationId")).filter_map(Node::as_str);
    operations.iter().map(|(key, _)| key.name.clone()).chain(older.map(str::to_owned)).collect()
}

/// The header of an operation by which its server knows a request that comes again.
fn idempotency_key(view: &openapi::Operation<'_>) -> Option<String> {
    let (parameters, _) = view.parameters();
    let is = |parameter: &&openapi::Parameter<'_>| {
        parameter.location == "header" && parameter.name.eq_ignore_ascii_case("idempotency-key")
    };
    parameters.iter().find(is).map(|parameter| parameter.name.to_owned())
}
