//! Names → operations: `operationId`, qualified or not, and `operationPath`.

use super::Compiler;
use crate::diagnostic::{Diagnostic, Edit, nearest};
use crate::document::{self, Text};
use crate::load::DescribedKind;
use crate::openapi::{self, Api};
use crate::program::{Operation, OperationId};
use crate::source::{Place, Span};
use crate::value::Pointer;

/// An operation and the index of its source description.
type Found<'b> = Option<(usize, openapi::Operation<'b>)>;

impl<'b> Compiler<'b> {
    /// Finds `operationId`: `$sourceDescriptions.<name>.<id>`, or a bare id.
    pub(super) fn by_id(&mut self, text: &Text) -> Found<'b> {
        if let Some(rest) = text.value.strip_prefix("$sourceDescriptions.") {
            let (index, id) = self.source_prefix(text, rest)?;
            return self.in_source(index, id, text);
        }
        if text.value.starts_with('$') {
            self.push(
                Diagnostic::error("unknown-root", text.span(), format!("`{}` does not name an operation", text.value))
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
            [] => self.source_dot_operation(text).or_else(|| {
                self.unknown_id(text, &text.value, None);
                None
            }),
            several => {
                let names: Vec<String> = several
                    .iter()
                    .map(|(index, _)| format!("$sourceDescriptions.{}.{}", self.source_name(*index), text.value))
                    .collect();
                let mut diagnostic = Diagnostic::error(
                    "ambiguous-operation-id",
                    text.span(),
                    format!("`{}` is the id of {} operations", text.value, several.len()),
                )
                .help(format!("write one of {}", names.join(", ")));
                for (_, operation) in several {
                    diagnostic = diagnostic.note(operation.key.span, "one of them");
                }
                self.push(diagnostic);
                None
            }
        }
    }

    /// Finds `operationPath`: `{$sourceDescriptions.<name>.url}#/paths/~1pets/get`.
    pub(super) fn by_path(&mut self, text: &Text) -> Found<'b> {
        let value = text.value.as_str();
        let inner = value.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let named = inner.and_then(|(expression, rest)| {
            let name = expression.trim().strip_prefix("$sourceDescriptions.")?.strip_suffix(".url")?;
            Some((name, rest.strip_prefix('#')?))
        });
        let Some((name, pointer)) = named else { return self.path_form(text) };
        let Some(index) = self.bundle.described.iter().position(|described| described.name == name) else {
            self.unknown_source(text, name);
            return None;
        };
        let api = self.openapi(index, text.span())?;
        let decoded = percent_encoding::percent_decode_str(pointer).decode_utf8_lossy();
        let found = api.by_pointer(&Pointer::parse(&decoded));
        if found.is_none()
            && matches!(Pointer::parse(&decoded).tokens(), [paths, path] if paths == "paths" && api.operations().any(|o| o.path == path))
        {
            return self.path_form(text);
        }
        if found.is_none() {
            let pointers: Vec<String> = api
                .operations()
                .map(|o| Pointer::of(vec!["paths".to_owned(), o.path.to_owned(), o.method.to_owned()]).to_string())
                .collect();
            let help =
                nearest(pointer, pointers.iter().map(String::as_str)).map(|near| format!("did you mean #{near}?"));
            self.push(
                Diagnostic::error(
                    "unknown-operation-path",
                    text.span(),
                    format!("`{name}` has no operation at #{pointer}"),
                )
                .help(help),
            );
        }
        found.map(|operation| (index, operation))
    }

    /// The reading `operation-path-form`: `source#/paths/~1a/get`, `GET /a`, `/a`; in the named source, or in the only one
    /// that has it.
    fn path_form(&mut self, text: &Text) -> Found<'b> {
        let value = text.value.trim();
        // `source#…`, `$sourceDescriptions.source#…`, `{$sourceDescriptions.source}#…`
        let named = value.split_once('#').map(|(head, pointer)| {
            let head = head.trim_matches(['{', '}', ' ']);
            let head = head.strip_prefix("$sourceDescriptions.").unwrap_or(head);
            (head.strip_suffix(".url").unwrap_or(head), pointer)
        });
        let by_pointer = named.filter(|(name, _)| self.bundle.described.iter().any(|d| d.name == *name));
        let matches: Vec<(usize, openapi::Operation<'b>)> = if let Some((name, pointer)) = by_pointer {
            let decoded = Pointer::parse(&percent_encoding::percent_decode_str(pointer).decode_utf8_lossy());
            // A pointer to a path leads to its operation, if it has one only.
            let of_path = |operation: &openapi::Operation<'_>| matches!(decoded.tokens(), [paths, path] if paths == "paths" && path == operation.path);
            let found = |api: Api<'b>| match api.by_pointer(&decoded) {
                Some(operation) => vec![operation],
                None => api.operations().filter(|operation| of_path(operation)).collect(),
            };
            self.apis()
                .filter(|(index, _)| self.source_name(*index) == name)
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
        };
        let form = "write '{$sourceDescriptions.<name>.url}#/paths/~1pets/get'";
        // A source that could not be read may hold it: its own diagnostic is the one that helps.
        if matches.is_empty() && self.bundle.described.iter().any(|described| described.root.is_none()) {
            return None;
        }
        let [(index, operation)] = matches.as_slice() else {
            let message = match matches.len() {
                0 => format!("`{value}` does not lead to an operation"),
                several => format!("`{value}` leads to {several} operations"),
            };
            let mut diagnostic = Diagnostic::error("unknown-operation-path", text.span(), message)
                .help(form.to_owned())
                .section("§Step Object");
            for (_, operation) in &matches {
                diagnostic = diagnostic.note(operation.key.span, "one of them");
            }
            self.push(diagnostic);
            return None;
        };
        self.openapi(*index, text.span())?;
        let pointer = Pointer::of(vec!["paths".to_owned(), operation.path.to_owned(), operation.method.to_owned()]);
        let right = format!("'{{$sourceDescriptions.{}.url}}#{pointer}'", self.source_name(*index));
        let called = format!("{} {}", operation.method.to_ascii_uppercase(), operation.path);
        self.departure(
            Diagnostic::warning(
                "operation-path-form",
                text.span(),
                "an operationPath begins with the url of a source description",
            )
            .label(format!("read as {called} of `{}`", self.source_name(*index)))
            .help(format!("write {right}"))
            .fix(format!("write {right}"), true, vec![Edit { span: text.span(), text: right }])
            .section("§Step Object"),
        );
        Some((*index, *operation))
    }

    /// The entry of the operation table for what was found; one entry an operation.
    pub(super) fn operation(&mut self, api: usize, view: &openapi::Operation<'_>) -> OperationId {
        let method = view.method.to_ascii_uppercase();
        let known = self.operations.iter().position(|o| o.api == api && o.method == method && o.path == view.path);
        let index = known.unwrap_or_else(|| {
            self.operations.push(Operation {
                api,
                id: view.id().map(str::to_owned),
                method,
                path: view.path.to_owned(),
                server: view.server_url(),
                place: self.bundle.sources.place(view.key.span),
                responses: view
                    .responses()
                    .into_iter()
                    .map(|(status, text)| (status.to_owned(), text.map(str::to_owned)))
                    .collect(),
            });
            self.operations.len() - 1
        });
        OperationId(index as u32)
    }

    /// Stands in for an operation that was not found; its workflow is not runnable.
    pub(super) fn unknown_operation(&mut self, step: &document::Step) -> OperationId {
        let place: Place = self.bundle.sources.place(step.id.span());
        let id = step.operation_id.as_ref().map(|text| text.value.clone());
        self.operations.push(Operation {
            api: usize::MAX,
            id,
            method: String::new(),
            path: String::new(),
            server: None,
            place,
            responses: vec![],
        });
        OperationId(self.operations.len() as u32 - 1)
    }

    fn apis(&self) -> impl Iterator<Item = (usize, Api<'b>)> + use<'b> {
        let bundle = self.bundle;
        bundle
            .described
            .iter()
            .enumerate()
            .filter(|(_, described)| described.kind == DescribedKind::Openapi)
            .filter_map(|(index, described)| described.root.as_ref().map(|root| (index, Api::new(root))))
    }

    fn source_name(&self, index: usize) -> &'b str {
        self.bundle.described.get(index).map(|described| described.name.as_str()).unwrap_or_default()
    }

    /// `name.rest` with the longest source name that fits.
    fn source_prefix<'t>(&mut self, text: &Text, rest: &'t str) -> Option<(usize, &'t str)> {
        let found = self
            .bundle
            .described
            .iter()
            .enumerate()
            .filter_map(|(index, described)| {
                Some((index, described.name.len(), rest.strip_prefix(described.name.as_str())?.strip_prefix('.')?))
            })
            .max_by_key(|(_, length, _)| *length);
        if found.is_none() {
            self.unknown_source(text, rest.split('.').next().unwrap_or_default());
        }
        found.map(|(index, _, id)| (index, id))
    }

    fn unknown_source(&mut self, text: &Text, name: &str) {
        let names: Vec<&str> = self.bundle.described.iter().map(|d| d.name.as_str()).collect();
        let help = nearest(name, names.iter().copied()).map_or_else(
            || format!("source descriptions: {}", names.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        self.push(
            Diagnostic::error("unknown-source", text.span(), format!("no source description is called `{name}`"))
                .help(help),
        );
    }

    /// The OpenAPI document of a source; a diagnostic if it is something else. Nothing if it could not be read: that
    /// was said when it was loaded.
    fn openapi(&mut self, index: usize, span: Span) -> Option<Api<'b>> {
        let described = self.bundle.described.get(index)?;
        let root = described.root.as_ref()?;
        match described.kind {
            DescribedKind::Openapi => {
                let api = Api::new(root);
                if let Some((key, _)) = api.version().filter(|(key, _)| key.name == "swagger") {
                    self.not_yet(key.span, "Swagger 2.0");
                    return None;
                }
                Some(api)
            }
            DescribedKind::Asyncapi => {
                self.not_yet(span, "a step that calls an AsyncAPI source");
                None
            }
            DescribedKind::Arazzo => {
                self.push(
                    Diagnostic::error(
                        "wrong-kind-of-source",
                        span,
                        format!("source `{}` is an Arazzo document, which has no operations", described.name),
                    )
                    .help("name one of its workflows with `workflowId`".to_owned()),
                );
                None
            }
        }
    }

    fn in_source(&mut self, index: usize, id: &str, text: &Text) -> Found<'b> {
        let api = self.openapi(index, text.span())?;
        let matches = api.by_id(id);
        match matches.as_slice() {
            [operation] => Some((index, *operation)),
            [] => {
                self.unknown_id(text, id, Some(index));
                None
            }
            [first, second, ..] => {
                self.push(
                    Diagnostic::error(
                        "ambiguous-operation-id",
                        text.span(),
                        format!("`{id}` is the id of {} operations of this source", matches.len()),
                    )
                    .note(first.key.span, "one of them")
                    .note(second.key.span, "another")
                    .help("use `operationPath`".to_owned()),
                );
                None
            }
        }
    }

    /// The reading `unqualified-operation-id`.
    fn qualify(&mut self, text: &Text, index: usize) {
        if self.openapi(index, text.span()).is_none() {
            return;
        }
        let several = self.bundle.described.iter().filter(|d| d.kind != DescribedKind::Arazzo).count() > 1;
        if several {
            let right = format!("$sourceDescriptions.{}.{}", self.source_name(index), text.value);
            let span = text.node.part(self.sources(), 0..text.value.len());
            self.departure(
                Diagnostic::warning(
                    "unqualified-operation-id",
                    span,
                    "bare `operationId` with several source descriptions",
                )
                .label(format!("found in `{}`", self.source_name(index)))
                .help(format!("write {right}"))
                .fix(format!("write {right}"), true, vec![Edit { span, text: right }])
                .section("§Step Object"),
            );
        }
    }

    /// The reading `source-dot-operation`: `museum.getHours`.
    fn source_dot_operation(&mut self, text: &Text) -> Found<'b> {
        let (index, id) = self.bundle.described.iter().enumerate().find_map(|(index, described)| {
            Some((index, text.value.strip_prefix(described.name.as_str())?.strip_prefix('.')?))
        })?;
        let right = format!("$sourceDescriptions.{}", text.value);
        let span = text.node.part(self.sources(), 0..text.value.len());
        self.departure(
            Diagnostic::warning(
                "source-dot-operation",
                span,
                "a qualified operation id begins with `$sourceDescriptions.`",
            )
            .help(format!("write {right}"))
            .fix(format!("write {right}"), true, vec![Edit { span, text: right }]),
        );
        self.in_source(index, id, text)
    }

    fn unknown_id(&mut self, text: &Text, id: &str, source: Option<usize>) {
        let apis: Vec<(usize, Api<'b>)> =
            self.apis().filter(|(index, _)| source.is_none_or(|wanted| wanted == *index)).collect();
        // A source that could not be read may hold it: its own diagnostic is the one that helps.
        let unread = self
            .bundle
            .described
            .iter()
            .enumerate()
            .any(|(index, d)| d.root.is_none() && source.is_none_or(|wanted| wanted == index));
        if unread {
            return;
        }
        if source.is_none()
            && apis.is_empty()
            && self.bundle.described.iter().any(|d| d.kind == DescribedKind::Asyncapi)
        {
            self.not_yet(text.span(), "a step that calls an AsyncAPI source");
            return;
        }
        let known: Vec<openapi::Operation<'b>> =
            apis.iter().flat_map(|(_, api)| api.operations()).filter(|o| o.id().is_some()).collect();
        let near = nearest(id, known.iter().filter_map(openapi::Operation::id));
        let mut diagnostic =
            Diagnostic::error("unknown-operation-id", text.span(), format!("unknown operation id `{id}`"))
                .section("§Step Object");
        if let Some(operation) = near.and_then(|near| known.iter().find(|o| o.id() == Some(near))) {
            let near = operation.id().unwrap_or_default();
            let place = self.sources().place(operation.key.span);
            diagnostic = diagnostic.help(format!("did you mean `{near}`? described in {}:{}", place.file, place.line));
        } else if let Some((_, described)) = source.and_then(|index| self.bundle.described.get(index)).map(|d| (0, d)) {
            diagnostic = diagnostic.help(format!("source `{}` does not describe it", described.name));
        } else {
            let names: Vec<&str> = self.bundle.described.iter().map(|d| d.name.as_str()).collect();
            diagnostic = diagnostic.help(format!("none of the sources describes it: {}", names.join(", ")));
        }
        self.push(diagnostic);
    }
}
