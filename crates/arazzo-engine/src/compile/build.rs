//! Strings → expressions, values → what builds them: parameters, bodies, criteria.

use super::{Compiler, Context};
use crate::diagnostic::{Diagnostic, Edit, nearest};
use crate::document::{self, OrReusable, Text};
use crate::expr::{Expr, Finding, Piece, Root, Template, condition, jsonpath, parse};
use crate::node::{Kind, Node};
use crate::openapi::{self, Broken, encode};
use crate::program::{Argument, Body, Build, Criterion, Hole, JsonpathTest, Leaf, Location, Test};
use crate::readings::Readings;
use crate::value::{is_json, json_text};

use super::secrets::is_credential_name;

/// Headers that the connection sets.
const CONNECTION_HEADERS: [&str; 4] = ["host", "content-length", "transfer-encoding", "connection"];
/// The longest pattern in bytes, and the memory that one compiled pattern may take.
const PATTERN_BYTES: usize = 4096;
const PATTERN_MEMORY: usize = 1 << 20;
/// Headers that OpenAPI leaves to other fields and Arazzo documents set as parameters (docs/readings.md).
const FREE_HEADERS: [&str; 3] = ["authorization", "accept", "content-type"];

impl<'b> Compiler<'b> {
    /// A string value; nothing if it cannot be parsed (a diagnostic says why).
    pub(super) fn leaf(&mut self, node: &Node, credential: bool, context: &Context<'_>) -> Option<Leaf> {
        let text = node.as_str()?;
        let mut findings = vec![];
        let template = parse::template(text, &context.scope, &mut findings);
        self.report(node, findings);
        let template = template?;
        if let Template::Text(pieces) = &template {
            self.optional_in_text(node, pieces, context);
        }
        for expr in template.expressions() {
            self.newer_form(node, expr);
        }
        Some(Leaf { template, text: text.to_owned(), place: self.sources().place(node.span), credential })
    }

    /// A pointer into an input is a form of 1.1.
    fn newer_form(&mut self, node: &Node, expr: &Expr) {
        if self.document().version == (1, 0)
            && matches!(expr.root, Root::Input(_))
            && !expr.at.is_whole()
            && !expr.dotted
        {
            self.departure(
                Diagnostic::warning(
                    "newer-form",
                    node.span,
                    format!(
                        "a pointer into an input is a form of Arazzo 1.1; the document says {}",
                        self.document().version_text
                    ),
                )
                .help("write `arazzo: 1.1.0`".to_owned())
                .section("§Runtime Expressions"),
            );
        }
    }

    /// An input that may be absent, inside a longer text: a run without it fails there.
    fn optional_in_text(&mut self, node: &Node, pieces: &[Piece], context: &Context<'_>) {
        for piece in pieces {
            let Piece::Value(Expr { root: Root::Input(name), .. }, range) = piece else { continue };
            if context.optional.contains(name) {
                let span = node.part(self.sources(), range.clone());
                self.departure(
                    Diagnostic::warning(
                        "optional-input-in-text",
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
        if self.is_selector(node) {
            self.not_yet(node.span, "a Selector Object");
            return None;
        }
        match &node.kind {
            Kind::String(_) => {
                let leaf = self.leaf(node, credential, context)?;
                match leaf.template {
                    Template::Literal(text) if !credential => Some(Build::Constant(serde_json::Value::String(text))),
                    _ => Some(Build::Template(Box::new(leaf))),
                }
            }
            Kind::Array(items) => {
                let built: Vec<Option<Build>> =
                    items.iter().map(|item| self.build(item, credential, context)).collect();
                built.into_iter().collect::<Option<_>>().map(Build::Array)
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
                            "leading-zero-number",
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

    /// `context` (an expression), `selector` and `type`: a Selector Object of 1.1.
    pub(super) fn is_selector(&self, node: &Node) -> bool {
        let expression = node.get("context").and_then(Node::as_str).is_some_and(|text| text.starts_with('$'));
        expression && node.get("selector").is_some() && node.get("type").is_some()
    }

    pub(super) fn arguments(
        &mut self,
        step: &document::Step,
        operation: Option<openapi::Operation<'b>>,
        context: &Context<'_>,
    ) -> Vec<Argument> {
        let (declared, broken) = operation.map(|operation| operation.parameters()).unwrap_or_default();
        for fault in broken {
            self.broken(fault);
        }
        let mut arguments: Vec<Argument> = vec![];
        for parameter in &step.parameters {
            let parameter = match parameter {
                OrReusable::Object(parameter) => parameter,
                OrReusable::Reference(text) => {
                    self.not_yet(text.span(), "a reference to `components`");
                    continue;
                }
            };
            if let Some(argument) = self.argument(parameter, operation, &declared, context) {
                if arguments
                    .iter()
                    .any(|other| other.location == argument.location && same_name(&argument, &other.name))
                {
                    self.push(
                        Diagnostic::error(
                            "duplicate-parameter",
                            parameter.name.span(),
                            format!("parameter `{}` stands twice in this step", argument.name),
                        )
                        .help("keep one of them".to_owned())
                        .section("§Step Object"),
                    );
                }
                arguments.push(argument);
            }
        }
        let Some(operation) = operation else { return arguments };
        self.required(step, &operation, &declared, &arguments);
        arguments
    }

    fn argument(
        &mut self,
        parameter: &document::Parameter,
        operation: Option<openapi::Operation<'b>>,
        declared: &[openapi::Parameter<'_>],
        context: &Context<'_>,
    ) -> Option<Argument> {
        let name = parameter.name.value.clone();
        let Some(location) = &parameter.location else {
            self.push(
                Diagnostic::error(
                    "missing-field",
                    parameter.name.span(),
                    format!("parameter `{name}` does not say where it goes"),
                )
                .help("add `in: path`, `in: query`, `in: header` or `in: cookie`".to_owned())
                .section("§Parameter Object"),
            );
            return None;
        };
        let found = declared.iter().find(|d| {
            d.location == location.value
                && (d.name == name || location.value == "header" && d.name.eq_ignore_ascii_case(&name))
        });
        let credential = location.value != "path" && (is_credential_name(&name) || self.is_api_key(&name));
        let value = self.build(&parameter.value, credential, context);
        let place = match location.value.as_str() {
            "path" => Location::Path,
            "query" => Location::Query,
            "header" => Location::Header,
            "cookie" => Location::Cookie,
            "querystring" => {
                self.not_yet(location.span(), "`in: querystring`");
                return None;
            }
            other => {
                let help = nearest(other, ["path", "query", "header", "cookie"]).map_or_else(
                    || "write path, query, header or cookie".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                self.push(
                    Diagnostic::error(
                        "unknown-value",
                        location.span(),
                        format!("`{other}` is not a place of a parameter"),
                    )
                    .help(help),
                );
                return None;
            }
        };
        if place == Location::Header {
            self.header_name(&parameter.name)?;
        }
        let free = place == Location::Header && FREE_HEADERS.contains(&name.to_ascii_lowercase().as_str());
        if let (Some(operation), None, false) = (operation, found, free) {
            self.undeclared(parameter, place, &operation, declared)?;
        }
        if let Some((field, span)) = found.and_then(openapi::Parameter::unusual) {
            self.not_yet(span, &format!("`{field}` of parameter `{name}`"));
        }
        let explode = found.map_or(matches!(place, Location::Query | Location::Cookie), openapi::Parameter::explode);
        Some(Argument {
            name,
            location: place,
            explode,
            value: value?,
            credential,
            place: self.sources().place(parameter.value.span),
        })
    }

    fn header_name(&mut self, name: &Text) -> Option<()> {
        if CONNECTION_HEADERS.contains(&name.value.to_ascii_lowercase().as_str()) {
            self.push(
                Diagnostic::error(
                    "connection-header",
                    name.span(),
                    format!("a document may not set the header `{}`: the connection does", name.value),
                )
                .help("leave it out".to_owned()),
            );
            return None;
        }
        if !encode::is_header_name(&name.value) {
            self.push(Diagnostic::error(
                "unsafe-value",
                name.span(),
                format!("`{}` cannot be the name of a header", name.value),
            ));
            return None;
        }
        Some(())
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
        let called = operation
            .id()
            .map_or_else(|| format!("{} {}", operation.method.to_uppercase(), operation.path), str::to_owned);
        let near = nearest(name, declared.iter().map(|d| d.name));
        let elsewhere = declared.iter().find(|d| d.name == *name);
        let help = match (elsewhere, near) {
            (Some(d), _) => Some(format!("it is declared with `in: {}`", d.location)),
            (None, Some(near)) => Some(format!("did you mean `{near}`?")),
            (None, None) => None,
        };
        let template = format!("{{{name}}}");
        if place == Location::Path {
            if operation.path.contains(&template) {
                return Some(());
            }
            let message = format!("the path {} has no parameter `{name}`", operation.path);
            self.push(
                Diagnostic::error("unknown-parameter", parameter.name.span(), message)
                    .note(operation.key.span, "the operation")
                    .help(help),
            );
            return None;
        }
        let diagnostic = Diagnostic::warning(
            "undeclared-parameter",
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
        given: &[Argument],
    ) {
        // A parameter that has a fault of its own is not missing.
        let named: Vec<(&str, &str)> = step
            .parameters
            .iter()
            .filter_map(|p| match p {
                OrReusable::Object(p) => {
                    Some((p.name.value.as_str(), p.location.as_ref().map_or("", |l| l.value.as_str())))
                }
                OrReusable::Reference(_) => None,
            })
            .collect();
        let references = step.parameters.iter().any(|p| matches!(p, OrReusable::Reference(_)));
        let has = |name: &str, location: &str| {
            references
                || named.iter().any(|(n, l)| {
                    (*l == location || l.is_empty())
                        && (*n == name || location == "header" && n.eq_ignore_ascii_case(name))
                })
                || given.iter().any(|a| a.name == name && location == "path" && a.location == Location::Path)
        };
        let called = operation
            .id()
            .map_or_else(|| format!("{} {}", operation.method.to_uppercase(), operation.path), str::to_owned);
        let mut rest = operation.path;
        while let Some((name, after)) = rest.split_once('{').and_then(|(_, after)| after.split_once('}')) {
            rest = after;
            if !has(name, "path") {
                self.push(
                    Diagnostic::error(
                        "missing-required-parameter",
                        step.id.span(),
                        format!("operation `{called}` needs the path parameter `{name}`"),
                    )
                    .note(operation.key.span, format!("{} {}", operation.method.to_uppercase(), operation.path))
                    .help(format!("add a parameter `name: {name}`, `in: path`")),
                );
            }
        }
        for parameter in declared.iter().filter(|p| p.required && p.location != "path" && !has(p.name, p.location)) {
            if parameter.location == "header" && FREE_HEADERS.contains(&parameter.name.to_ascii_lowercase().as_str()) {
                continue;
            }
            self.departure(
                Diagnostic::warning(
                    "missing-required-parameter",
                    step.id.span(),
                    format!(
                        "operation `{called}` requires the {} parameter `{}`; it is called without",
                        parameter.location, parameter.name
                    ),
                )
                .note(parameter.node.span, "described here")
                .help(format!("add a parameter `name: {}`, `in: {}`", parameter.name, parameter.location)),
            );
        }
        if operation.requires_body() && step.request_body.is_none() {
            self.departure(
                Diagnostic::warning(
                    "missing-required-parameter",
                    step.id.span(),
                    format!("operation `{called}` requires a request body; it is called without"),
                )
                .help("add `requestBody`".to_owned()),
            );
        }
    }

    fn is_api_key(&self, name: &str) -> bool {
        let roots = self.bundle.described.iter().filter_map(|described| described.root.as_ref());
        roots.flat_map(|root| openapi::Api::new(root).api_key_names()).any(|key| key.eq_ignore_ascii_case(name))
    }

    fn broken(&mut self, fault: Broken) {
        match fault {
            Broken::External(span) => self.not_yet(span, "a `$ref` into another document"),
            Broken::Dangling(span, text) => {
                self.push(Diagnostic::error("broken-reference", span, format!("`{text}` leads nowhere")))
            }
        }
    }

    pub(super) fn body(
        &mut self,
        step: &document::Step,
        operation: Option<openapi::Operation<'b>>,
        context: &Context<'_>,
    ) -> Option<Body> {
        let body = step.request_body.as_ref()?;
        if let Some(key) = &body.replacements {
            self.not_yet(key.span, "`replacements` of a request body");
        }
        let Some(payload) = &body.payload else {
            if body.replacements.is_none() {
                self.push(
                    Diagnostic::error("missing-field", body.span, "the request body has no `payload`".to_owned())
                        .help("add `payload`, or leave `requestBody` out".to_owned()),
                );
            }
            return None;
        };
        let content_type = self.content_type(body, operation)?;
        if let Some(text) = payload.as_str() {
            let leaf = self.leaf(payload, false, context)?;
            if !matches!(leaf.template, Template::Whole(_)) {
                let what = if text.contains("{$") { "a text template as `payload`" } else { "a text as `payload`" };
                self.not_yet(payload.span, what);
                return None;
            }
            return Some(Body { content_type, place: leaf.place.clone(), payload: Build::Template(Box::new(leaf)) });
        }
        let payload_place = self.sources().place(payload.span);
        Some(Body { content_type, payload: self.build(payload, false, context)?, place: payload_place })
    }

    /// The media type of the body: the step's, else the operation's; only JSON is sent by this version.
    fn content_type(
        &mut self,
        body: &document::RequestBody,
        operation: Option<openapi::Operation<'b>>,
    ) -> Option<String> {
        if let Some(text) = &body.content_type {
            if text.value.contains(['\r', '\n', '\0']) {
                self.push(Diagnostic::error("unsafe-value", text.span(), "a content type cannot hold a line break"));
                return None;
            }
            if !is_json(&text.value) {
                self.not_yet(text.span(), &format!("`contentType: {}`", text.value));
                return None;
            }
            return Some(text.value.clone());
        }
        let described = match operation.map(|operation| operation.request_media_types()) {
            Some(Ok(described)) => described.unwrap_or_default(),
            Some(Err(fault)) => {
                self.broken(fault);
                return None;
            }
            None => vec![],
        };
        match described.iter().find(|media| is_json(media) || matches!(**media, "*/*" | "application/*")) {
            Some(media) if media.contains('*') => Some("application/json".to_owned()),
            Some(media) => Some((*media).to_owned()),
            None if described.is_empty() => Some("application/json".to_owned()),
            None => {
                self.not_yet(body.span, &format!("a body of the operation's media type `{}`", described.join("`, `")));
                None
            }
        }
    }

    pub(super) fn criteria(&mut self, criteria: &[document::Criterion], context: &Context<'_>) -> Vec<Criterion> {
        criteria.iter().filter_map(|criterion| self.criterion(criterion, context)).collect()
    }

    fn criterion(&mut self, criterion: &document::Criterion, context: &Context<'_>) -> Option<Criterion> {
        let kind = match &criterion.kind {
            None => "simple".to_owned(),
            Some(node) => self.criterion_type(node)?,
        };
        let test = match kind.as_str() {
            "simple" => self.simple(criterion, context)?,
            "regex" => self.regex(criterion, context)?,
            _ => self.jsonpath(criterion, context)?,
        };
        Some(Criterion {
            text: criterion.condition.value.clone(),
            context: criterion.context.as_ref().map(|text| text.value.clone()),
            place: self
                .sources()
                .place(criterion.condition.node.part(self.sources(), 0..criterion.condition.value.len())),
            test,
        })
    }

    /// `type`: a word, or an Expression Type Object with a version.
    fn criterion_type(&mut self, node: &Node) -> Option<String> {
        let (word, version) = match &node.kind {
            Kind::String(word) => (word.as_str(), None),
            Kind::Object(_) => (node.get("type").and_then(Node::as_str).unwrap_or_default(), node.get("version")),
            _ => ("", None),
        };
        let version_text = version.map(|v| v.as_str().map_or_else(|| json_text(&v.to_json()), str::to_owned));
        match (word, version_text.as_deref()) {
            ("simple", _) | ("regex", None) | ("jsonpath", None | Some("rfc9535")) => Some(word.to_owned()),
            ("jsonpath", Some(version)) => {
                self.not_yet(node.span, &format!("JSONPath version `{version}`"));
                None
            }
            ("xpath", _) => {
                self.not_yet(node.span, &format!("`type: {word}`"));
                None
            }
            _ => {
                let help = nearest(word, ["simple", "regex", "jsonpath", "xpath"]).map_or_else(
                    || "write simple, regex, jsonpath or xpath".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                self.push(
                    Diagnostic::error("unknown-value", node.span, format!("`{word}` is not a type of criterion"))
                        .help(help)
                        .section("§Criterion Object"),
                );
                None
            }
        }
    }

    fn simple(&mut self, criterion: &document::Criterion, context: &Context<'_>) -> Option<Test> {
        let text = &criterion.condition;
        let mut findings = vec![];
        let parsed = condition::parse(&text.value, &context.scope, &mut findings);
        if parsed.is_none() && criterion.context.is_some() && criterion.kind.is_none() {
            // A context without a type: what is written is most often a query that lost its type.
            if let Some(finding) = findings.last_mut() {
                finding.help = Some("a condition with a `context` needs a `type`: add `type: jsonpath`".to_owned());
            }
        }
        if parsed.is_none()
            && self.readings == Readings::Letter
            && let Some(reason) = self.fails_by_the_letter(text, &findings)
        {
            return Some(Test::Fails(reason));
        }
        self.report(&text.node, findings);
        parsed.map(Test::Simple)
    }

    /// "If a condition cannot be evaluated due to syntax errors in the expression, it MUST evaluate to fail": says so,
    /// and gives the reason. Nothing if what is written is good and only not run yet.
    fn fails_by_the_letter(&mut self, text: &Text, findings: &[Finding]) -> Option<String> {
        if findings.iter().any(|finding| finding.code == "not-supported-yet") {
            return None;
        }
        for finding in findings {
            let span = text.node.part(self.sources(), finding.range.clone());
            let warning = Diagnostic::warning(finding.code, span, finding.message.clone()).help(finding.help.clone());
            self.push(warning.section("§Criterion Object"));
        }
        findings.last().map(|finding| finding.message.clone())
    }

    /// `context`, which every type but `simple` needs.
    fn criterion_context(
        &mut self,
        criterion: &document::Criterion,
        kind: &str,
        context: &Context<'_>,
    ) -> Option<Expr> {
        let Some(written) = &criterion.context else {
            self.push(
                Diagnostic::error(
                    "missing-field",
                    criterion.condition.span(),
                    format!("a {kind} criterion needs a `context`"),
                )
                .help("add `context: $response.body`".to_owned())
                .section("§Criterion Object"),
            );
            return None;
        };
        let mut findings = vec![];
        let expr = parse::context(&written.value, &context.scope, &mut findings);
        self.report(&written.node, findings);
        expr
    }

    /// A pattern of the `regex` crate: linear time, so without look-around and back-references (docs/readings.md).
    fn regex(&mut self, criterion: &document::Criterion, context: &Context<'_>) -> Option<Test> {
        let text = &criterion.condition;
        let root = self.criterion_context(criterion, "regex", context);
        if text.value.contains("{$") {
            self.not_yet(text.span(), "an expression in a regex `condition`");
            return None;
        }
        let letter = self.readings == Readings::Letter;
        let (pattern, flags) = delimited(&text.value).filter(|_| !letter).unwrap_or((&text.value, ""));
        if pattern.len() < text.value.len() {
            let right = if flags.is_empty() { pattern.to_owned() } else { format!("(?{flags}){pattern}") };
            let finding = Finding::new("regex-delimiters", 0..text.value.len(), "a pattern stands without delimiters")
                .help(format!("write {right}"))
                .fix(right, true);
            self.report(&text.node, vec![finding]);
        }
        let written = if flags.is_empty() { pattern.to_owned() } else { format!("(?{flags}){pattern}") };
        let built = match written.len() {
            0..=PATTERN_BYTES => {
                regex::RegexBuilder::new(&written).size_limit(PATTERN_MEMORY).build().map_err(|error| match error {
                    regex::Error::CompiledTooBig(_) => "the pattern needs too much memory".to_owned(),
                    // The crate draws its own picture of the pattern; its last line says what is wrong.
                    other => other.to_string().rsplit("error: ").next().unwrap_or_default().trim().to_owned(),
                })
            }
            _ => Err(format!("the pattern is longer than {PATTERN_BYTES} bytes")),
        };
        match built {
            Ok(built) => Some(Test::Regex(Box::new((root?, built)))),
            Err(reason) => {
                let help = "the syntax is that of the Rust crate `regex`".to_owned();
                let findings = vec![
                    Finding::new("regex-syntax", 0..text.value.len(), format!("not a pattern: {reason}")).help(help),
                ];
                if letter {
                    return self.fails_by_the_letter(text, &findings).map(Test::Fails);
                }
                self.report(&text.node, findings);
                None
            }
        }
    }

    fn jsonpath(&mut self, criterion: &document::Criterion, context: &Context<'_>) -> Option<Test> {
        let text = &criterion.condition;
        let root = self.criterion_context(criterion, "jsonpath", context);
        let letter = self.readings == Readings::Letter;
        // A block scalar ends with a line break, which is nobody's query.
        let written = if letter { text.value.as_str() } else { text.value.trim_end() };
        let parsed = match jsonpath::Condition::parse(written, true) {
            Ok(parsed) => parsed,
            Err(error) => {
                let findings = vec![Finding::new("jsonpath-syntax", error.at, error.message).help(error.help)];
                if letter {
                    return self.fails_by_the_letter(text, &findings).map(Test::Fails);
                }
                self.report(&text.node, findings);
                return None;
            }
        };
        let holes = self.holes(text, parsed.holes(), context)?;
        if letter && !holes.is_empty() {
            self.not_yet(text.span(), "an expression in a jsonpath condition, by the letter,");
            return None;
        }
        match &parsed {
            jsonpath::Condition::Comparison(comparison) => {
                let simple = criterion.context.as_ref().and_then(|written| comparison.to_simple(&written.value));
                self.comparison(criterion, simple);
                if letter {
                    return Some(Test::Fails("a comparison is not a JSONPath query".to_owned()));
                }
            }
            // Whether a filter stands over an object is known when the body comes; the reading is named then.
            jsonpath::Condition::Query(_) => {}
        }
        Some(Test::Jsonpath(Box::new(JsonpathTest { context: root?, condition: parsed, holes })))
    }

    /// The expressions in braces of a JSONPath condition.
    fn holes(&mut self, text: &Text, holes: &[jsonpath::Hole], context: &Context<'_>) -> Option<Vec<Hole>> {
        let mut compiled = vec![];
        for hole in holes {
            let written = text.value.get(hole.range.clone()).unwrap_or_default();
            let mut findings = vec![];
            let expr = parse::context(written, &context.scope, &mut findings);
            for finding in &mut findings {
                finding.range = finding.range.start + hole.range.start..finding.range.end + hole.range.start;
            }
            self.report(&text.node, findings);
            compiled.push(Hole { expr: expr?, text: written.to_owned() });
        }
        Some(compiled)
    }

    /// The reading `jsonpath-comparison`.
    fn comparison(&mut self, criterion: &document::Criterion, simple: Option<String>) {
        let node = &criterion.condition.node;
        let span = node.part(self.sources(), 0..criterion.condition.value.len());
        let mut diagnostic = Diagnostic::warning("jsonpath-comparison", span, "a comparison is not a JSONPath query")
            .label("read as a condition over the context")
            .section("§Criterion Object");
        if let Some(simple) = simple {
            diagnostic = diagnostic.help(format!("write the simple condition {simple} (it ignores case)"));
            if let Some(kind) = criterion.kind.as_ref().filter(|kind| kind.as_str().is_some()) {
                let quoted =
                    if is_plain_scalar(&simple) { simple } else { serde_json::Value::String(simple).to_string() };
                let edits =
                    vec![Edit { span: node.span, text: quoted }, Edit { span: kind.span, text: "simple".to_owned() }];
                diagnostic = diagnostic.fix("write a simple condition; it ignores case", false, edits);
            }
        }
        self.departure(diagnostic);
    }
}

/// `true` if a text can stand in YAML without quotes, also between braces.
fn is_plain_scalar(text: &str) -> bool {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "_-$./#=!<>&|()' ".contains(c);
    text.starts_with(['$', '(']) && text.chars().all(harmless) && !text.contains(" #")
}

/// The pattern and flags of `/pattern/flags`.
fn delimited(text: &str) -> Option<(&str, &str)> {
    let (pattern, flags) = text.strip_prefix('/')?.rsplit_once('/')?;
    (!pattern.is_empty() && flags.chars().all(|c| matches!(c, 'i' | 'm' | 's' | 'u' | 'x'))).then_some((pattern, flags))
}

fn same_name(argument: &Argument, name: &str) -> bool {
    argument.name == name || argument.location == Location::Header && argument.name.eq_ignore_ascii_case(name)
}
