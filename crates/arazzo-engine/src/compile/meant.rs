//! Operations that are not named exactly, or not by one name alone: which one is meant, where that is certain.

use super::Compiler;
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Edit};
use crate::document::{self, OrReusable, Text};
use crate::openapi;
use crate::source::Span;
use crate::value::Pointer;

/// An operation with the index of its source description.
type Candidate<'b> = (usize, openapi::Operation<'b>);

/// An operation and the index of its source description, if there is one.
pub(super) type Found<'b> = Option<Candidate<'b>>;

/// The letters and digits of a name in lower case: names that differ in nothing else are written for each other.
pub(super) fn folded(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The names in braces of a path.
pub(super) fn path_names(path: &str) -> Vec<&str> {
    let mut names = vec![];
    let mut rest = path;
    while let Some((name, after)) = rest.split_once('{').and_then(|(_, after)| after.split_once('}')) {
        let name = openapi::path::name_of(name);
        if !names.contains(&name) {
            names.push(name);
        }
        rest = after;
    }
    names
}

impl<'b> Compiler<'b> {
    /// The reading `operation-id-case`: the only operation whose id differs in case or punctuation alone.
    pub(super) fn id_in_other_case(
        &mut self,
        text: &Text,
        id: &str,
        source: Option<usize>,
        given: &[String],
    ) -> Meant<'b> {
        let wanted = folded(id);
        if wanted.is_empty() {
            return Meant::Nothing;
        }
        let apis = self.apis().filter(|(index, _)| source.is_none_or(|wanted| wanted == *index));
        let candidates: Vec<Candidate<'b>> = apis
            .flat_map(|(index, api)| api.operations().map(move |operation| (index, operation)).collect::<Vec<_>>())
            .filter(|(_, operation)| operation.id().is_some_and(|known| folded(known) == wanted))
            .collect();
        let mut ids: Vec<&str> = candidates.iter().filter_map(|(_, operation)| operation.id()).collect();
        ids.sort_unstable();
        ids.dedup();
        let (Some(first), one_id) = (ids.first().copied(), ids.len() == 1) else { return Meant::Nothing };
        let found = if one_id { self.decide(&candidates, given) } else { None };
        let Some((index, operation)) = found else {
            let message = format!("`{id}` differs only in case or punctuation from {} operations", candidates.len());
            self.push(
                self.candidates(Diagnostic::error(Code::OperationIdCase, text.span(), message), &candidates)
                    .section("§Step Object"),
            );
            return Meant::Several;
        };
        let several = source.is_none() && self.is_one_of_several();
        let right =
            if several { format!("$sourceDescriptions.{}.{first}", self.source_name(index)) } else { first.to_owned() };
        let start = text.value.len() - id.len();
        let range = start..text.value.len();
        let span = text.node.part(self.sources(), range.clone());
        let edit = text.node.rewrite(self.sources(), range, &right, false);
        let message = format!("the operation is called `{first}`, and not `{id}`");
        let mut diagnostic = Diagnostic::warning(Code::OperationIdCase, span, message)
            .label(format!("read as `{first}`"))
            .note(operation.key.span, "the operation")
            .help(format!("write {right}"))
            .section("§Step Object");
        if let Some(edit) = edit {
            diagnostic = diagnostic.fix(format!("write {right}"), true, vec![edit]);
        }
        self.departure(diagnostic);
        Meant::One((index, operation))
    }

    /// The reading `ambiguous-operation-id`: of several operations with one id the one that is meant.
    pub(super) fn one_of(
        &mut self,
        text: &Text,
        id: &str,
        candidates: &[Candidate<'b>],
        given: &[String],
    ) -> Found<'b> {
        let message = format!("`{id}` is the id of {} operations", candidates.len());
        let Some((index, operation)) = self.decide(candidates, given) else {
            let diagnostic = Diagnostic::error(Code::AmbiguousOperationId, text.span(), message);
            let diagnostic = self.candidates(diagnostic, candidates).section("§Step Object");
            self.push(diagnostic);
            return None;
        };
        let way = self.way_to(index, &operation);
        let mut diagnostic = Diagnostic::warning(Code::AmbiguousOperationId, text.span(), message)
            .label(format!("read as {}, by the path parameters of the step", operation.endpoint()))
            .note(operation.key.span, "the one that is meant")
            .help(format!("write operationPath: {way}"))
            .section("§Step Object");
        let same = candidates.iter().all(|(_, other)| other.endpoint() == operation.endpoint());
        if same {
            diagnostic = diagnostic.label(format!("all of them are {}", operation.endpoint()));
        }
        if let Some(edit) = self.by_path_instead(text, &way) {
            diagnostic = diagnostic.fix(format!("write operationPath: {way}"), true, vec![edit]);
        }
        self.departure(diagnostic);
        Some((index, operation))
    }

    /// The operation that is meant: the only one, the one whose path has the parameters that are given, or any of those
    /// that are one and the same.
    fn decide(&self, candidates: &[Candidate<'b>], given: &[String]) -> Option<Candidate<'b>> {
        let first = candidates.first().copied()?;
        let same =
            |(_, other): &Candidate<'b>| other.endpoint() == first.1.endpoint() && other.server() == first.1.server();
        if candidates.iter().all(same) {
            return Some(first);
        }
        let mut wanted: Vec<String> = given.iter().map(|name| folded(name)).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut fitting = candidates.iter().copied().filter(|(_, operation)| {
            let mut names: Vec<String> = path_names(operation.path).into_iter().map(folded).collect();
            names.sort_unstable();
            names == wanted
        });
        let only = fitting.next()?;
        if fitting.next().is_none() { Some(only) } else { None }
    }

    /// Names the candidates, each by its `operationPath`.
    fn candidates(&self, mut diagnostic: Diagnostic, candidates: &[Candidate<'b>]) -> Diagnostic {
        let ways: Vec<String> = candidates.iter().map(|(index, operation)| self.way_to(*index, operation)).collect();
        for (_, operation) in candidates {
            diagnostic = diagnostic.note(operation.key.span, format!("one of them: {}", operation.endpoint()));
        }
        diagnostic.help(format!("write one of operationPath: {}", ways.join(", ")))
    }

    /// `operationPath` of an operation, in the quotes that it needs.
    fn way_to(&self, index: usize, operation: &openapi::Operation<'b>) -> String {
        let pointer = Pointer::of(vec!["paths".to_owned(), operation.path.to_owned(), operation.method.to_owned()]);
        format!("'{{$sourceDescriptions.{}.url}}#{pointer}'", self.source_name(index))
    }

    /// The edit that writes `operationPath` in the place of an `operationId`.
    pub(super) fn by_path_instead(&self, text: &Text, way: &str) -> Option<Edit> {
        let source = text.span().source;
        let before = self.sources().get(source)?.text.get(..text.span().start as usize)?;
        let key = before.trim_end().strip_suffix(':')?.trim_end();
        let quoted = key.ends_with("\"operationId\"");
        let start = if quoted { key.len() - "\"operationId\"".len() } else { key.strip_suffix("operationId")?.len() };
        let text_of = if quoted {
            format!("\"operationPath\": \"{}\"", way.trim_matches('\''))
        } else {
            format!("operationPath: {way}")
        };
        Some(Edit { span: Span::new(source, start..text.span().end as usize), text: text_of })
    }

    /// Names of the path parameters that a step gives.
    pub(super) fn given_in_path(&self, workflow: &document::Workflow, step: &document::Step) -> Vec<String> {
        let components = &self.document().components.parameters;
        let all = step.parameters.iter().chain(&workflow.parameters).filter_map(|parameter| match parameter {
            OrReusable::Object(parameter) => Some(parameter),
            OrReusable::Reference { reference, .. } => {
                let name = reference.value.strip_prefix("$components.parameters.")?;
                components.iter().find(|(key, _)| key.name == name).map(|(_, parameter)| parameter)
            }
        });
        let in_path = |p: &&document::Parameter| p.location.as_ref().is_some_and(|place| place.value == "path");
        all.filter(in_path).map(|parameter| parameter.name.value.clone()).collect()
    }

    /// The reading `parameter-name-case`: a path parameter whose name differs in case or punctuation alone from one that
    /// the path has, and that nothing else gives. There is a fix for those that stand in `own`, and serve no other step.
    pub(super) fn path_parameter_case(
        &mut self,
        parameters: &mut [document::Parameter],
        given: &[document::Parameter],
        operation: &openapi::Operation<'_>,
        own: Option<Span>,
    ) {
        let names = path_names(operation.path);
        let in_path = |p: &document::Parameter| p.location.as_ref().is_some_and(|place| place.value == "path");
        let exact = |name: &str| parameters.iter().chain(given).any(|p| in_path(p) && p.name.value == name);
        let left: Vec<&str> = names.iter().copied().filter(|name| !exact(name)).collect();
        let stray = |p: &document::Parameter| in_path(p) && !names.contains(&p.name.value.as_str());
        let folds: Vec<String> = parameters.iter().filter(|p| stray(p)).map(|p| folded(&p.name.value)).collect();
        for parameter in parameters.iter_mut().filter(|p| stray(p)) {
            let fold = folded(&parameter.name.value);
            let mut meant = left.iter().copied().filter(|name| folded(name) == fold);
            let (Some(name), None) = (meant.next(), meant.next()) else { continue };
            // Of two that are written for one, neither is.
            if folds.iter().filter(|other| **other == fold).count() > 1 {
                continue;
            }
            let written = parameter.name.clone();
            let span = written.span();
            let message = format!("the path parameter is called `{name}`, and not `{}`", written.value);
            let mut diagnostic = Diagnostic::warning(Code::ParameterNameCase, span, message)
                .label(format!("read as `{name}`"))
                .note(operation.path_key.span, "the path")
                .help(format!("write {name}"))
                .section("§Parameter Object");
            let here =
                own.is_some_and(|own| own.source == span.source && own.start <= span.start && span.end <= own.end);
            let edit = written.node.rewrite(self.sources(), 0..written.value.len(), name, false);
            if let Some(edit) = edit.filter(|_| here) {
                diagnostic = diagnostic.fix(format!("write {name}"), true, vec![edit]);
            }
            self.departure(diagnostic);
            parameter.name.value = name.to_owned();
        }
    }
}

/// The operation that an inexact name stands for.
pub(super) enum Meant<'b> {
    /// No operation.
    Nothing,
    /// This one.
    One(Candidate<'b>),
    /// Several, which was said.
    Several,
}
