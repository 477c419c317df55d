//! Strings → expressions, values → what builds them: parameters, Selector Objects.

use super::{Compiler, Context, Place};
use crate::code::{Code, Severity};
use crate::diagnostic::{Diagnostic, Edit, Help, Subject, nearest};
use crate::document::{self, Text};
use crate::expr::{Expr, Finding, Piece, Root, Template, foreign, jsonpath, parse, xpath};
use crate::limits::CONNECTION_HEADERS;
use crate::node::{Key, Kind, Node};
use crate::openapi::encode::{Serialization, Style};
use crate::openapi::path::{self, Placeholder as PathPlaceholder};
use crate::openapi::{self, Broken, encode};
use crate::program::{Argument, Build, Leaf, Location, Media, Placeholder, Select, Selection};
use crate::readings::Readings;
use crate::remedy::Remedy;
use crate::value::ExpressionType;
use crate::value::Pointer;

use crate::credentials::is_credential_name;

/// Headers that OpenAPI leaves to other fields and Arazzo documents set as parameters (docs/readings.md).
const FREE_HEADERS: [&str; 3] = ["authorization", "accept", "content-type"];

impl<'b> Compiler<'b> {
    /// A string value; nothing if it cannot be parsed (a diagnostic says why).
    pub(super) fn leaf(&mut self, node: &Node, credential: bool, context: &Context<'_>) -> Option<Leaf> {
        let text = node.as_str()?;
        let mut findings = vec![];
        let template = parse::template(text, &context.scope, &mut findings);
        let is_text = matches!(template, Some(Template::Text(_)));
        for finding in &mut findings {
            // What would be sent is wrong, whatever was meant.
            let refused = match finding.code {
                Code::ProseAfterExpression => context.place == Place::Path,
                Code::AllOutputs => is_text || matches!(context.place, Place::Path | Place::Scalar),
                _ => false,
            };
            if refused {
                finding.weight = Some(Severity::Error);
            }
        }
        self.report(node, findings);
        let template = template?;
        if let Template::Text(pieces) = &template {
            self.optional_in_text(node, pieces, context);
        }
        for expr in template.expressions() {
            self.looked_at(node, expr, text, context);
        }
        Some(Leaf { template, text: text.to_owned(), span: node.span, credential })
    }

    /// What is to be said about an expression where it stands.
    pub(super) fn looked_at(&mut self, node: &Node, expr: &Expr, text: &str, context: &Context<'_>) {
        self.staged(node, expr, text, context);
        let newer = match expr.root {
            Root::Input(_) if !expr.at.is_whole() && !expr.dotted => "a pointer into an input",
            Root::MessageHeader(_) | Root::MessagePayload => "`$message`",
            _ => return,
        };
        self.newer_form(node.span, newer);
    }

    /// An input that may be absent, inside a longer text: a run without it fails there.
    fn optional_in_text(&mut self, node: &Node, pieces: &[Piece], context: &Context<'_>) {
        for piece in pieces {
            let Piece::Value(Expr { root: Root::Input(name), .. }, range) = piece else { continue };
            if context.optional.contains(name) {
                let span = node.part(self.sources(), range.clone());
                self.departure(
                    Diagnostic::warning(
                        Code::OptionalInputInText,
                        span,
                        format!("input `{name}` is optional, and this text cannot be built without it"),
                    )
                    .help(format!("list `{name}` under `required`, or give it a `default`")),
                );
            }
        }
    }

    /// A value with expressions anywhere inside; `name` is the member or parameter it belongs to.
    pub(super) fn build(&mut self, node: &Node, credential: bool, context: &Context<'_>) -> Option<Build> {
        if document::is_selector(node) {
            return self.selection(node, credential, context).map(|selection| Build::Select(Box::new(selection)));
        }
        match &node.kind {
            Kind::String(text) => {
                let foreign = foreign::findings(text, &context.scope, matches!(context.place, Place::Payload(_)));
                self.report(node, foreign);
                let leaf = self.leaf(node, credential, context)?;
                match leaf.template {
                    Template::Literal(text) if !credential => Some(Build::Constant(crate::value::Json::String(text))),
                    _ => Some(Build::Template(Box::new(leaf))),
                }
            }
            Kind::Array(items) => {
                let built: Vec<Option<Build>> =
                    items.iter().map(|item| self.build(item, credential, context)).collect();
                built.into_iter().collect::<Option<_>>().map(Build::Array)
            }
            Kind::Object(_) if let Some(text) = self.unquoted(node, context) => self.build(&text, credential, context),
            Kind::Object(members) if self.has_keys(members.iter().map(|(key, _)| key.name.as_str())) => {
                let built: Vec<Option<(Build, Build)>> = members
                    .iter()
                    .map(|(key, value)| {
                        let name = self.key(key, context);
                        let credential = credential || is_credential_name(&key.name);
                        name.zip(self.build(value, credential, context))
                    })
                    .collect();
                built.into_iter().collect::<Option<_>>().map(Build::Keyed)
            }
            Kind::Object(members) => {
                let built: Vec<Option<(String, Build)>> = members
                    .iter()
                    .map(|(key, value)| {
                        Some((
                            key.name.clone(),
                            self.build(value, credential || is_credential_name(&key.name), context)?,
                        ))
                    })
                    .collect();
                built.into_iter().collect::<Option<_>>().map(Build::Object)
            }
            Kind::Number(text) => {
                let digits = text.trim_start_matches(['-', '+']);
                if digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit()) {
                    self.departure(
                        Diagnostic::warning(
                            Code::LeadingZeroNumber,
                            node.span,
                            format!("`{text}` is the number {} in YAML 1.2", node.to_json()),
                        )
                        .help("quote it if its digits matter".to_owned())
                        .fix(
                            "quote it",
                            false,
                            vec![Edit { span: node.span, text: format!("'{text}'") }],
                        ),
                    );
                }
                Some(Build::Constant(node.to_json()))
            }
            _ => Some(Build::Constant(node.to_json())),
        }
    }

    /// The reading `foreign-placeholder` of `{$inputs.a}` without quotes, which is a map for YAML.
    fn unquoted(&mut self, node: &Node, context: &Context<'_>) -> Option<Node> {
        let text = document::unquoted(node).filter(|_| self.readings != Readings::Letter)?;
        let written = text.as_str()?;
        let whole = || matches!(parse::template(written, &context.scope, &mut vec![]), Some(Template::Whole(_)));
        if !parse::begins_expression(written) && !whole() {
            return None;
        }
        let diagnostic = document::without_quotes(node, &text, self.sources());
        self.departure(diagnostic);
        Some(text)
    }

    /// `true` if one of these names of members is read as an expression.
    pub(super) fn has_keys<'n>(&self, mut names: impl Iterator<Item = &'n str>) -> bool {
        let holds = |name: &str| {
            let unbraced = name.match_indices('$').any(|(at, _)| name.get(at..).is_some_and(parse::begins_expression));
            unbraced || name.contains("{$")
        };
        self.readings != Readings::Letter && names.any(holds)
    }

    /// The name of a member, with the expressions in it.
    fn key(&mut self, key: &Key, context: &Context<'_>) -> Option<Build> {
        let node = Node { kind: Kind::String(key.name.clone()), span: key.span };
        let mut findings = vec![];
        let template = parse::text(&key.name, &context.scope, &mut findings);
        // That it stands in the place of a name says it all.
        findings.retain(|finding| finding.code != Code::UnbracedExpression);
        self.report(&node, findings);
        let template = template?;
        if let Template::Literal(text) = template {
            return Some(Build::Constant(crate::value::Json::String(text)));
        }
        let message = format!("`{}` is the name of a member, and names are not evaluated", key.name);
        let diagnostic = Diagnostic::warning(Code::ExpressionAsKey, key.span, message)
            .label("read as the text of its value")
            .help(match context.place {
                Place::Payload(Media::Form) => {
                    "write the form as a text, with the expression in braces: {$inputs.name}=…"
                }
                Place::Payload(Media::Multipart) => {
                    "name the part as it is called: parts have no names that are evaluated"
                }
                Place::Payload(Media::Xml) => "write the payload as an XML text, with the expression in braces",
                _ => "write the payload as a JSON text, with the expression in braces",
            });
        self.departure(diagnostic.section("§Request Body Object"));
        for expr in template.expressions() {
            self.looked_at(&node, expr, &key.name, context);
        }
        let leaf = Leaf { template, text: key.name.clone(), span: key.span, credential: false };
        Some(Build::Template(Box::new(leaf)))
    }

    /// A Selector Object: a part of another value.
    pub(super) fn selection(&mut self, node: &Node, credential: bool, context: &Context<'_>) -> Option<Selection> {
        self.newer_form(node.span, "a Selector Object");
        // Reading the document said what is wrong with one.
        let selector = document::selector(node, self.sources())?;
        let written = &selector.context;
        let mut findings = vec![];
        let expr = parse::context(&written.value, &context.scope, &mut findings);
        self.report(&written.node, findings);
        if let Some(expr) = &expr {
            self.looked_at(&written.node, expr, &written.value, context);
        }
        let select = self.select(&selector.selector, selector.kind, context);
        Some(Selection {
            context: expr?,
            context_text: written.value.clone(),
            select: select?,
            span: selector.selector.span(),
            text: selector.selector.value,
            credential,
        })
    }

    /// A selector or target in one of the three languages.
    pub(super) fn select(&mut self, text: &Text, kind: ExpressionType, context: &Context<'_>) -> Option<Select> {
        let written = text.value.as_str();
        let parsed = match kind {
            ExpressionType::Jsonpath | ExpressionType::Goessner => {
                if let Some(finding) = self.blanks_before_query(text) {
                    self.report(&text.node, vec![finding]);
                    return None;
                }
                let dialect = dialect(kind);
                let parsed = jsonpath::Query::parse_written(written.trim_end(), dialect, self.readings);
                parsed.map(|query| (query.placeholders().to_vec(), Select::Jsonpath(Box::new(query), vec![])))
            }
            ExpressionType::Xpath(_) => xpath::Query::parse(written, true)
                .map(|query| (query.placeholders().to_vec(), Select::Xpath(Box::new(query), vec![]))),
            _ => {
                return self.pointer(text).map(Select::Pointer);
            }
        };
        match parsed {
            Ok((placeholders, select)) => {
                self.unbraced_operands(text, &placeholders);
                let placeholders = self.placeholders(text, &placeholders, context)?;
                Some(match select {
                    Select::Jsonpath(query, _) => Select::Jsonpath(query, placeholders),
                    Select::Xpath(query, _) => Select::Xpath(query, placeholders),
                    pointer @ Select::Pointer(_) => pointer,
                })
            }
            Err(error) => {
                let code =
                    if matches!(kind, ExpressionType::Xpath(_)) { Code::XpathSyntax } else { Code::JsonpathSyntax };
                let finding = Finding::new(code, error.at, error.message).help(error.help);
                self.report(&text.node, vec![finding]);
                None
            }
        }
    }

    /// A JSON Pointer (RFC 6901): empty, or each token behind a `/`.
    fn pointer(&mut self, text: &Text) -> Option<Pointer> {
        let value = &text.value;
        if value.is_empty() || value.starts_with('/') {
            return Some(Pointer::parse(value));
        }
        if let Some(pointer) = looks_like_pointer(value) {
            let right = pointer.to_string();
            let message = format!("`{value}` is not a JSON Pointer");
            let finding = Finding::new(Code::DialectWord, 0..value.len(), message)
                .help(format!("write {right}"))
                .fix(right, true);
            self.report(&text.node, vec![finding]);
            return Some(pointer);
        }
        let help = match value.strip_prefix('#') {
            Some(pointer) => format!("write {pointer}"),
            None if let Some((_, way)) = value.split_once("#/") => format!("write /{way}"),
            None if value.starts_with('$') => "for a JSONPath say so: `targetSelectorType: jsonpath`".to_owned(),
            None => format!("write /{value}"),
        };
        self.push(
            Diagnostic::error(Code::PointerSyntax, text.span(), format!("`{value}` is not a JSON Pointer")).help(help),
        );
        None
    }

    /// The reading `unbraced-expression`, of operands of a query, also where there are blanks in the braces.
    pub(super) fn unbraced_operands(&mut self, text: &Text, placeholders: &[jsonpath::Placeholder]) {
        let unbraced = placeholders.iter().filter_map(|placeholder| {
            let right = format!("{{{}}}", text.value.get(placeholder.range.clone()).unwrap_or_default());
            if let Some(quotes) = &placeholder.quotes {
                return Some(foreign::in_quotes(quotes.clone(), &right));
            }
            let (range, message) = match &placeholder.blanks {
                Some(braces) => (braces.clone(), "an expression fills its braces, and there are blanks in these"),
                None if placeholder.braced => return None,
                None => (placeholder.range.clone(), "runtime expression inside a query needs braces"),
            };
            let finding = Finding::new(Code::UnbracedExpression, range, message);
            Some(finding.help(format!("write {right}")).fix(right, true))
        });
        self.report(&text.node, unbraced.collect());
    }

    /// The expressions in braces of a condition or selector.
    pub(super) fn placeholders(
        &mut self,
        text: &Text,
        placeholders: &[jsonpath::Placeholder],
        context: &Context<'_>,
    ) -> Option<Vec<Placeholder>> {
        let mut compiled = vec![];
        for placeholder in placeholders {
            let written = text.value.get(placeholder.range.clone()).unwrap_or_default();
            let mut findings = vec![];
            let range = placeholder.range.clone();
            let expr = parse::context_within(&text.value, range, &context.scope, &mut findings);
            self.report(&text.node, findings);
            let expr = expr?;
            self.looked_at(&text.node, &expr, written, context);
            let jsonpath::Placeholder { in_string, in_pattern, .. } = *placeholder;
            compiled.push(Placeholder { expr, text: written.to_owned(), in_string, in_pattern });
        }
        Some(compiled)
    }

    /// The parameters of a step, with those of its workflow that it does not override.
    pub(super) fn arguments(
        &mut self,
        workflow: &document::Workflow,
        step: &document::Step,
        operation: Option<openapi::Operation<'b>>,
        context: &Context<'_>,
    ) -> Vec<Argument> {
        let (declared, broken) = operation.map(|operation| operation.parameters()).unwrap_or_default();
        for fault in broken {
            self.broken(fault);
        }
        let mut own = self.parameter_objects(&step.parameters);
        let mut inherited = self.parameter_objects(&workflow.parameters);
        if let Some(operation) = &operation {
            self.path_parameter_case(&mut own, &[], operation, Some(workflow.span));
            self.path_parameter_case(&mut inherited, &own, operation, None);
        }
        let mut arguments: Vec<Argument> = vec![];
        for parameter in &own {
            arguments.extend(self.argument(parameter, operation, &declared, context, true));
        }
        for parameter in &inherited {
            let Some(location) = &parameter.location else {
                self.push(parameter.unplaced());
                continue;
            };
            let overridden = own.iter().any(|own| {
                let same = own.location.as_ref().is_some_and(|place| place.value == location.value);
                same && named(&own.name.value, &location.value, &parameter.name.value)
            });
            if !overridden {
                arguments.extend(self.argument(parameter, operation, &declared, context, false));
            }
        }
        if let Some(operation) = operation {
            let given: Vec<&document::Parameter> = own.iter().chain(&inherited).collect();
            self.required(step, &operation, &declared, &given);
        }
        arguments
    }

    fn argument(
        &mut self,
        parameter: &document::Parameter,
        operation: Option<openapi::Operation<'b>>,
        declared: &[openapi::Parameter<'_>],
        context: &Context<'_>,
        own: bool,
    ) -> Option<Argument> {
        if self.is_empty_type(parameter) {
            return None;
        }
        let parameter = &*self.with_whole_type(parameter, operation);
        if operation.is_some_and(|operation| self.without_place(parameter, &operation, declared)) {
            return None;
        }
        self.placed_argument(parameter, operation, declared, context, own)
    }

    fn placed_argument(
        &mut self,
        parameter: &document::Parameter,
        operation: Option<openapi::Operation<'b>>,
        declared: &[openapi::Parameter<'_>],
        context: &Context<'_>,
        own: bool,
    ) -> Option<Argument> {
        let name = parameter.name.value.clone();
        // Reading the document said so, but for what came out of `components`.
        let Some(location) = &parameter.location else {
            self.push(parameter.unplaced());
            return None;
        };
        let found = declared.iter().find(|d| {
            d.location == location.value
                // A query as a whole is not sent under a name.
                && (location.value == "querystring" || named(d.name, &location.value, &name))
        });
        let free = location.value == "header" && FREE_HEADERS.contains(&name.to_ascii_lowercase().as_str());
        let api_key = self.is_api_key(&name);
        if let (Some(operation), None, false) = (operation, found, own || free || api_key) {
            // An inherited parameter goes to the operations that declare it (docs/readings.md, `undeclared-parameter`).
            let in_path = location.value == "path" && path::names(operation.path, &name);
            if !in_path && (self.readings != Readings::Letter || location.value == "path") {
                return None;
            }
        }
        let credential = location.value != "path" && (is_credential_name(&name) || api_key);
        let schema = found.and_then(openapi::Parameter::schema);
        let structured = schema.and_then(|schema| schema.get("type")).and_then(Node::as_str) == Some("object");
        let into = match location.value.as_str() {
            "path" => Place::Path,
            _ if structured => Place::Any,
            _ => Place::Scalar,
        };
        let value = self.build(&parameter.value, credential, &context.within(into));
        let place = match location.value.as_str() {
            "path" => Location::Path,
            "query" => Location::Query,
            "header" => Location::Header,
            "cookie" => Location::Cookie,
            "querystring" => {
                self.newer_form(location.span(), "`in: querystring`");
                Location::Querystring
            }
            "channel" => {
                let message = format!("parameter `{name}` belongs to a channel, and the step calls an operation");
                self.push(Diagnostic::error(Code::MisplacedField, location.span(), message));
                return None;
            }
            // Reading the document said that there is no such place.
            _ => return None,
        };
        if place == Location::Header {
            self.header_name(&parameter.name)?;
        }
        if let (Some(operation), None, false) = (operation, found, free || !own || api_key) {
            self.undeclared(parameter, place, &operation, declared)?;
        }
        if let Some((style, span)) = found.and_then(openapi::Parameter::unknown_style) {
            let message = format!("parameter `{name}` has the style `{style}`, which is none of OpenAPI");
            let help = "a style is matrix, label, simple, form, spaceDelimited, pipeDelimited, deepObject or cookie";
            self.push(Diagnostic::error(Code::UnknownStyle, span, message).help(help.to_owned()));
            return None;
        }
        let form = matches!(place, Location::Query | Location::Cookie);
        let usual = || Serialization::of(if form { Style::Form } else { Style::Simple });
        let how = found.map_or_else(usual, openapi::Parameter::serialization);
        let value = value?;
        Some(Argument {
            name,
            location: place,
            value,
            how,
            required: found.is_some_and(|found| found.required),
            credential,
            span: parameter.value.span,
        })
    }

    pub(super) fn header_name(&mut self, name: &Text) -> Option<()> {
        let plain = name.value.to_ascii_lowercase();
        if CONNECTION_HEADERS.contains(&plain.as_str()) && !self.bundle.headers.contains(&plain) {
            let message = format!("a document may not set the header `{}`: the connection does", name.value);
            let fault = Diagnostic::error(Code::ConnectionHeader, name.span(), message).help("leave it out");
            if plain == "host" {
                // Another host than the one that is called may be meant.
                self.push(fault.remedy(Remedy::AllowHeader("Host".to_owned())));
            } else {
                let mut fault = fault.label("left to the connection");
                let edit = self.document().root.without_item_around(self.sources(), name.span(), "parameters");
                if let Some(edit) = edit {
                    fault = fault.fix("leave it out", true, vec![edit]);
                }
                self.departure(fault);
            }
            return None;
        }
        if !encode::is_header_name(&name.value) {
            self.push(Diagnostic::error(
                Code::UnsafeValue,
                name.span(),
                format!("`{}` cannot be the name of a header", name.value),
            ));
            return None;
        }
        Some(())
    }

    /// `true` for a path parameter that its operation declares, and that does not stand in its path: no request has it.
    fn without_place(
        &mut self,
        parameter: &document::Parameter,
        operation: &openapi::Operation<'_>,
        declared: &[openapi::Parameter<'_>],
    ) -> bool {
        let name = parameter.name.value.as_str();
        let in_path = parameter.location.as_ref().is_some_and(|place| place.value == "path");
        let declared = declared.iter().find(|d| in_path && d.location == "path" && d.name == name);
        let Some(declared) = declared.filter(|_| !path::names(operation.path, name)) else { return false };
        // `/users/:id`, as other tools write it: the request would be sent with that text.
        let colon = path::segments(operation.path).any(|segment| segment.strip_prefix(':') == Some(name));
        let message = format!("the path {} has no place for `{name}`, and it is not sent", operation.path);
        let diagnostic = match colon {
            true => Diagnostic::error(Code::UnknownParameter, parameter.name.span(), message).help(format!(
                "describe the path as {}",
                operation.path.replace(&format!(":{name}"), &format!("{{{name}}}"))
            )),
            false => Diagnostic::warning(Code::UnknownParameter, parameter.name.span(), message)
                .help(format!("write `{{{name}}}` into the path that is described, or leave the parameter out")),
        };
        self.push(diagnostic.note(operation.key.span, "the operation").note(declared.node.span, "declared here"));
        true
    }

    /// The reading `undeclared-parameter`; a path parameter that the path does not have cannot be sent at all.
    fn undeclared(
        &mut self,
        parameter: &document::Parameter,
        place: Location,
        operation: &openapi::Operation<'_>,
        declared: &[openapi::Parameter<'_>],
    ) -> Option<()> {
        let name = &parameter.name.value;
        let called = operation.name();
        let near = nearest(name, declared.iter().map(|d| d.name));
        let elsewhere = declared.iter().find(|d| d.name == *name);
        // A path parameter that stands elsewhere leaves the path without it.
        if let (Some(d), Some(location)) = (elsewhere, &parameter.location) {
            let of_path = place == Location::Path || d.location == "path";
            let message = format!(
                "`{name}` is a {} parameter of operation `{called}`, not one of the {}",
                d.location, location.value
            );
            let mut diagnostic = Diagnostic::error(Code::MisplacedParameter, location.span(), message)
                .note(d.node.span, "described here")
                .help(format!("write in: {}", d.location))
                .fix(
                    format!("write in: {}; it is sent there", d.location),
                    false,
                    vec![Edit { span: location.span(), text: d.location.to_owned() }],
                )
                .section("§Parameter Object");
            if of_path {
                self.push(diagnostic);
                return None;
            }
            // Elsewhere it is sent as any that is not declared there: the reading `undeclared-parameter`.
            if let Some(severity) = self.readings.severity(Code::UndeclaredParameter) {
                diagnostic.severity = severity;
                self.push(diagnostic);
            }
            return Some(());
        }
        let help = near.map(Help::meant);
        let in_template = path::names(operation.path, name);
        if in_template && matches!(place, Location::Path | Location::Query) {
            return Some(());
        }
        if place == Location::Path {
            let message = format!("the path {} has no parameter `{name}`", operation.path);
            self.push(
                Diagnostic::error(Code::UnknownParameter, parameter.name.span(), message)
                    .note(operation.key.span, "the operation")
                    .help(help),
            );
            return None;
        }
        if place == Location::Query && declared.iter().any(|d| d.location == "query" && d.sends_member_as(name)) {
            return Some(());
        }
        let diagnostic = Diagnostic::warning(
            Code::UndeclaredParameter,
            parameter.name.span(),
            format!("operation `{called}` declares no such parameter `{name}`; it is sent"),
        );
        self.departure(diagnostic.note(operation.key.span, "the operation").help(help));
        Some(())
    }

    /// The reading `missing-required-parameter`, and path parameters without a value.
    fn required(
        &mut self,
        step: &document::Step,
        operation: &openapi::Operation<'_>,
        declared: &[openapi::Parameter<'_>],
        given: &[&document::Parameter],
    ) {
        // A parameter that has a fault of its own is not missing.
        let has = |name: &str, location: &str| {
            given.iter().any(|parameter| {
                let place = parameter.location.as_ref().map_or("", |place| place.value.as_str());
                let own = &parameter.name.value;
                if named(own, location, name) {
                    let known = declared.iter().any(|d| d.location == place && named(d.name, place, own));
                    return place == location || !known;
                }
                let is_whole = |d: &openapi::Parameter<'_>| d.name == name && d.location == location;
                if place == location && declared.iter().any(|d| is_whole(d) && d.sends_member_as(own)) {
                    return true;
                }
                let stray = !declared.iter().any(|d| d.location == place && named(d.name, place, own));
                place == location && stray && nearest(own, [name]).is_some()
            })
        };
        let called = operation.name();
        let (own_path, _) = path::split(operation.path);
        let mut seen = std::collections::HashSet::new();
        for PathPlaceholder { name, .. } in path::placeholders(own_path) {
            if seen.insert(name) && !has(name, "path") {
                self.push(
                    Diagnostic::error(
                        Code::MissingRequiredParameter,
                        step.id.span(),
                        format!("operation `{called}` needs the path parameter `{name}`"),
                    )
                    .note(operation.key.span, operation.endpoint())
                    .about(Subject::Parameter { location: "path".to_owned(), name: name.to_owned() })
                    .help(format!("add a parameter `name: {name}`, `in: path`")),
                );
            }
        }
        self.required_in_query(step, operation, declared, &has);
        for parameter in declared.iter().filter(|p| p.required && p.location != "path" && !has(p.name, p.location)) {
            let plain = parameter.name.to_ascii_lowercase();
            let elsewhere = FREE_HEADERS.contains(&plain.as_str()) || CONNECTION_HEADERS.contains(&plain.as_str());
            if parameter.location == "header" && elsewhere {
                continue;
            }
            self.departure(
                Diagnostic::warning(
                    Code::MissingRequiredParameter,
                    step.id.span(),
                    format!(
                        "operation `{called}` requires the {} parameter `{}`; it is called without",
                        parameter.location, parameter.name
                    ),
                )
                .note(parameter.node.span, "described here")
                .about(Subject::Parameter { location: parameter.location.to_owned(), name: parameter.name.to_owned() })
                .help(format!("add a parameter `name: {}`, `in: {}`", parameter.name, parameter.location)),
            );
        }
        let required = operation.request_body().is_ok_and(|body| body.is_some_and(|body| body.required));
        if required && step.request_body.is_none() {
            self.departure(
                Diagnostic::warning(
                    Code::MissingRequiredParameter,
                    step.id.span(),
                    format!("operation `{called}` requires a request body; it is called without"),
                )
                .about(Subject::Body)
                .help("add `requestBody`".to_owned()),
            );
        }
    }

    /// Parameters of the query that a path key has.
    fn required_in_query(
        &mut self,
        step: &document::Step,
        operation: &openapi::Operation<'_>,
        declared: &[openapi::Parameter<'_>],
        has: &dyn Fn(&str, &str) -> bool,
    ) {
        let (called, (_, own_query)) = (operation.name(), path::split(operation.path));
        let mut seen = std::collections::HashSet::new();
        for PathPlaceholder { name, .. } in path::placeholders(own_query) {
            // One that is declared is optional, or is missing below.
            let known = declared.iter().any(|d| d.name == name && d.location == "query");
            if !known && seen.insert(name) && !has(name, "query") && !has(name, "path") {
                self.departure(
                    Diagnostic::warning(
                        Code::MissingRequiredParameter,
                        step.id.span(),
                        format!(
                            "the path of operation `{called}` has the query parameter `{name}`; it is called without"
                        ),
                    )
                    .note(operation.path_key.span, "described here")
                    .about(Subject::Parameter { location: "query".to_owned(), name: name.to_owned() })
                    .help(format!("add a parameter `name: {name}`, `in: query`")),
                );
            }
        }
    }

    fn is_api_key(&self, name: &str) -> bool {
        let roots = self.bundle.described.iter().filter_map(|described| described.root.as_ref());
        roots
            .flat_map(|root| openapi::Api::new(root, &self.bundle.store).api_key_names())
            .any(|key| key.eq_ignore_ascii_case(name))
    }

    pub(super) fn broken(&mut self, fault: Broken) {
        self.push(fault.diagnostic());
    }
}

/// `true` if two parameters of one place have one name.
fn named(one: &str, location: &str, other: &str) -> bool {
    one == other || location == "header" && one.eq_ignore_ascii_case(other)
}

/// The version of JSONPath that a type names.
pub(super) fn dialect(kind: ExpressionType) -> jsonpath::Dialect {
    if kind == ExpressionType::Goessner { jsonpath::Dialect::Goessner } else { jsonpath::Dialect::Rfc9535 }
}

/// The JSON Pointer that `a.b`, `$.a[0]`, `#/a`, `a/b`, `.a`, `#a` or `$request.body#/a` most plainly means.
pub(super) fn looks_like_pointer(text: &str) -> Option<Pointer> {
    let text = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
    let text = text.strip_prefix("$request.body").filter(|way| way.starts_with(['#', '.', '['])).unwrap_or(text);
    if let Some(pointer) = text.strip_prefix('#').filter(|pointer| pointer.starts_with('/')) {
        return Some(Pointer::parse(pointer));
    }
    let text = text.strip_prefix('#').unwrap_or(text);
    let text = text.strip_prefix('.').unwrap_or(text);
    let query = match text.strip_prefix('$') {
        Some(_) => text.to_owned(),
        None if text.starts_with('[') => format!("${text}"),
        None => format!("$.{text}"),
    };
    let named = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '/');
    match jsonpath::Query::parse(&query, jsonpath::Dialect::Rfc9535, false) {
        Ok(query) => query.to_pointer(),
        Err(_) if text.chars().all(named) => Some(Pointer::parse(&format!("/{text}"))),
        // `items.0.name`
        Err(_) => {
            let tokens: Vec<String> = text.split('.').map(str::to_owned).collect();
            let is_name = |token: &String| !token.is_empty() && token.chars().all(|c| named(c) && c != '/');
            tokens.iter().all(is_name).then(|| Pointer::of(tokens))
        }
    }
}
