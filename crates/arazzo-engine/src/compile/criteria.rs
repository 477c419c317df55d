//! Criteria: conditions in five languages, each over its context.

use std::borrow::Cow;

use super::{Compiler, Context};
use crate::code::{Code, Severity};
use crate::diagnostic::{Diagnostic, Edit, Help};
use crate::document::{self, Text};
use crate::expr::{Expr, Finding, Piece, condition, dialect, foreign, jsonpath, parse, pattern, xpath};
use crate::media_type::is_json;
use crate::node::scalar_of;
use crate::openapi;
use crate::openapi::status::is_success;
use crate::program::{Criterion, JsonpathTest, Pattern, RegexTest, Select, SplicedTest, Test, XpathTest};
use crate::readings::Readings;
use crate::value::{ExpressionType, Pointer};

impl Compiler<'_> {
    pub(super) fn criteria(&mut self, criteria: &[document::Criterion], context: &Context<'_>) -> Vec<Criterion> {
        criteria.iter().filter_map(|criterion| self.criterion(criterion, context)).collect()
    }

    fn criterion(&mut self, criterion: &document::Criterion, context: &Context<'_>) -> Option<Criterion> {
        let kind = criterion.kind.as_ref().map_or(ExpressionType::Simple, |(kind, _)| *kind);
        self.newer_version(criterion);
        let test = match kind {
            ExpressionType::Simple => self.simple(criterion, context)?,
            _ if self.readings == Readings::Letter && criterion.condition.value.contains("{$") => {
                self.spliced(criterion, kind, context)?
            }
            ExpressionType::Regex => self.regex(criterion, context)?,
            ExpressionType::Jsonpath => self.jsonpath(criterion, context)?,
            ExpressionType::Goessner => self.goessner(criterion, context)?,
            ExpressionType::Xpath(_) => self.xpath(criterion, context)?,
            ExpressionType::Jsonpointer => {
                let root = self.criterion_context(criterion, context);
                let pointer = self.select(&criterion.condition, kind, context);
                match pointer? {
                    Select::Pointer(pointer) => Test::Pointer(Box::new((root?, pointer))),
                    Select::Jsonpath(..) | Select::Xpath(..) => return None,
                }
            }
        };
        Some(Criterion {
            text: criterion.condition.value.clone(),
            context: criterion.context.as_ref().map(|text| text.value.clone()),
            span: criterion.condition.node.part(self.sources(), 0..criterion.condition.value.len()),
            context_span: criterion.context.as_ref().map(Text::span),
            test,
        })
    }

    /// A version of a language that Arazzo 1.0 does not know.
    pub(super) fn newer_version(&mut self, criterion: &document::Criterion) {
        let version = criterion.kind.as_ref().and_then(|(_, node)| node.get("version"));
        let Some((node, text)) = version.and_then(|node| Some((node, node.as_str()?))) else { return };
        if matches!(text, "rfc9535" | "xpath-31" | "rfc6901") {
            self.newer_form(node.span, &format!("`version: {text}`"));
        }
    }

    fn simple(&mut self, criterion: &document::Criterion, context: &Context<'_>) -> Option<Test> {
        let text = &criterion.condition;
        let mut findings = vec![];
        let parsed = condition::parse(&text.value, &context.scope, &mut findings);
        if parsed.is_none() && criterion.context.is_some() && criterion.kind.is_none() {
            // A context without a type: what is written is most often a query or pattern that lost its type.
            if let Some(finding) = findings.last_mut().filter(|_| criterion.on_action) {
                let context = criterion.context.as_ref().map_or("$response.body", |context| context.value.as_str());
                let kind = looks_like(&text.value).unwrap_or("…");
                finding.help = Some(Help::words(format!(
                    "write criteria: [{{ context: {context}, condition: {}, type: {kind} }}]",
                    scalar_of(&text.value)
                )));
            } else if let (Some(finding), Some(help)) = (findings.last_mut(), comparison_with(criterion)) {
                finding.help = Some(Help::words(help));
            } else if let Some(finding) = findings.last_mut() {
                let add = match looks_like(&text.value) {
                    Some(kind) => format!("add `type: {kind}`"),
                    None => "regex, jsonpath or xpath".to_owned(),
                };
                finding.help = Some(Help::words(format!("a condition with a `context` needs a `type`: {add}")));
            }
        }
        let fails = |code| matches!(code, Code::DoubleQuotedLiteral | Code::BareWord | Code::DialectWord);
        let invalid = parsed.is_none() || findings.iter().any(|finding| fails(finding.code));
        if invalid
            && self.readings == Readings::Letter
            && let Some(reason) = self.fails_by_the_letter(text, &findings)
        {
            return Some(Test::Fails(reason));
        }
        if let (Some(condition::Condition::Literal(value)), Some(context)) = (&parsed, &criterion.context)
            && !value.is_boolean()
            && self.readings != Readings::Letter
        {
            // It would hold whatever the context is.
            let right = value.as_str().map_or_else(|| value.to_string(), |text| dialect::literal(text.trim()));
            let fault = Diagnostic::error(Code::ConditionSyntax, text.span(), "a constant is not a condition");
            let right = format!("compare the context with it: {} == {right}", context.value);
            self.push(fault.help(right).section("§Criterion Object"));
            return None;
        }
        self.report(&text.node, findings);
        for expr in parsed.iter().flat_map(condition::Condition::expressions) {
            self.looked_at(&text.node, expr, &text.value, context);
        }
        self.unused_context(criterion, context);
        if parsed.as_ref().is_some_and(|parsed| parsed.expressions().is_empty()) {
            self.constant_condition(text);
        }
        parsed.map(Test::Simple)
    }

    /// A context that a simple condition does not read, and that is no expression.
    fn unused_context(&mut self, criterion: &document::Criterion, context: &Context<'_>) {
        let Some(written) = &criterion.context else { return };
        let mut findings = vec![];
        if parse::context(&written.value, &context.scope, &mut findings).is_some() {
            return;
        }
        let message = format!("`{}` is not a runtime expression; a simple condition does not read it", written.value);
        let mut diagnostic = Diagnostic::warning(Code::ExpressionSyntax, written.span(), message)
            .help("leave it out")
            .section("§Criterion Object");
        if self.readings == Readings::Strict {
            diagnostic.severity = Severity::Error;
        }
        self.push(diagnostic);
    }

    /// A condition that compares nothing, such as `200` for `$statusCode == 200`. `true` is written where it is meant.
    fn constant_condition(&mut self, text: &Text) {
        let written = text.value.trim();
        if matches!(written, "true" | "false") {
            return;
        }
        let status = written.trim_matches(['\'', '"']);
        let is_status = status.len() == 3 && status.bytes().all(|byte| byte.is_ascii_digit());
        let help = is_status.then(|| Help::words(format!("write `$statusCode == {status}`")));
        let message = format!("`{written}` reads nothing of the request or its response: it is the same every time");
        let diagnostic = Diagnostic::warning(Code::ConstantCondition, text.span(), message).help(help);
        self.departure(diagnostic.section("§Criterion Object"));
    }

    /// "If a condition cannot be evaluated due to syntax errors in the expression, it MUST evaluate to fail": says so,
    /// and gives the reason.
    fn fails_by_the_letter(&mut self, text: &Text, findings: &[Finding]) -> Option<String> {
        for finding in findings {
            let span = text.node.part(self.sources(), finding.range.clone());
            let warning = Diagnostic::warning(finding.code, span, finding.message.clone()).help(finding.help.clone());
            self.push(warning.section("§Criterion Object"));
        }
        findings.last().map(|finding| finding.message.clone())
    }

    /// `context`, which every type but `simple` needs: reading the document said where it is missing.
    fn criterion_context(&mut self, criterion: &document::Criterion, context: &Context<'_>) -> Option<Expr> {
        let written = criterion.context.as_ref()?;
        let mut findings = vec![];
        let expr = parse::context(&written.value, &context.scope, &mut findings);
        self.report(&written.node, findings);
        if let Some(expr) = &expr {
            self.looked_at(&written.node, expr, &written.value, context);
        }
        expr
    }

    /// By the letter: "The runtime expressions are evaluated first, then substituted into the condition string before
    /// the expression is evaluated".
    fn spliced(
        &mut self,
        criterion: &document::Criterion,
        kind: ExpressionType,
        context: &Context<'_>,
    ) -> Option<Test> {
        let root = self.criterion_context(criterion, context);
        let pieces = self.pieces(&criterion.condition, context);
        Some(Test::Spliced(Box::new(SplicedTest { context: root?, kind, pieces: pieces? })))
    }

    /// A condition with expressions in braces.
    fn pieces(&mut self, text: &Text, context: &Context<'_>) -> Option<Vec<Piece>> {
        let mut findings = vec![];
        let pieces = parse::spliced(&text.value, &context.scope, &mut findings);
        self.report(&text.node, findings);
        for piece in pieces.iter().flatten() {
            if let Piece::Value(expr, range) = piece {
                let written = text.value.get(range.clone()).unwrap_or_default();
                self.looked_at(&text.node, expr, written, context);
            }
        }
        pieces
    }

    /// A pattern of the `regex` crate: linear time, so without look-around and back-references (docs/readings.md).
    fn regex(&mut self, criterion: &document::Criterion, context: &Context<'_>) -> Option<Test> {
        let text = &*self.without_last_break(&criterion.condition);
        let root = self.criterion_context(criterion, context);
        let letter = self.readings == Readings::Letter;
        let (delimited_pattern, _) = delimited(&text.value).filter(|_| !letter).unwrap_or((&text.value, ""));
        if text.value.contains("{$") || !letter && self.reads_in_pattern(delimited_pattern, context) {
            return self.regex_with_holes(text, root, context);
        }
        let (pattern, flags) = delimited(&text.value).filter(|_| !letter).unwrap_or((&text.value, ""));
        // `g` asks for every match: a test asks whether there is one.
        let kept = flags.replace('g', "");
        let written = if kept.is_empty() { pattern.to_owned() } else { format!("(?{kept}){pattern}") };
        if pattern.len() < text.value.len() {
            let right = written.clone();
            let finding =
                Finding::new(Code::RegexDelimiters, 0..text.value.len(), "a pattern stands without delimiters")
                    .help(format!("write {right}"))
                    .fix(right, true);
            self.report(&text.node, vec![finding]);
        }
        if written.is_empty() {
            let message = "this pattern is empty: every text has it";
            let diagnostic = Diagnostic::warning(Code::ConstantCondition, text.span(), message);
            self.departure(diagnostic.help("write what the text has to have").section("§Criterion Object"));
        }
        let built = pattern::compile(&written);
        match built {
            Ok(built) => {
                let pattern = Pattern::Fixed(built);
                Some(Test::Regex(Box::new(RegexTest { context: root?, pattern })))
            }
            Err(reason) => {
                let help = "the syntax is that of the Rust crate `regex`".to_owned();
                let findings = vec![
                    Finding::new(Code::RegexSyntax, 0..text.value.len(), format!("not a pattern: {reason}")).help(help),
                ];
                if letter {
                    return self.fails_by_the_letter(text, &findings).map(Test::Fails);
                }
                let foreign = foreign::outside_strings(&text.value, &context.scope);
                self.report(&text.node, if foreign.is_empty() { findings } else { foreign });
                None
            }
        }
    }

    /// The reading `dialect-word` of a pattern that ends with a line break, as a block scalar does: no text would have it.
    fn without_last_break<'t>(&mut self, text: &'t Text) -> Cow<'t, Text> {
        let Some(pattern) = text.value.strip_suffix('\n').filter(|_| self.readings != Readings::Letter) else {
            return Cow::Borrowed(text);
        };
        let pattern = pattern.strip_suffix('\r').unwrap_or(pattern);
        let message = "a line break ends this pattern, and is left out";
        let diagnostic = Diagnostic::warning(Code::DialectWord, text.span(), message)
            .help("write it in quotes, or in a block that begins with `|-`")
            .section("§Criterion Object");
        self.departure(diagnostic);
        Cow::Owned(Text { value: pattern.to_owned(), node: text.node.clone() })
    }

    /// `true` if there are expressions in a pattern, be it without their braces or with blanks in them: as a pattern,
    /// they match nothing.
    fn reads_in_pattern(&self, pattern: &str, context: &Context<'_>) -> bool {
        let mut findings = vec![];
        let pieces = parse::pattern(pattern, &context.scope, &mut findings);
        pieces.is_none_or(|pieces| pieces.iter().any(|piece| matches!(piece, Piece::Value(..))))
    }

    /// A pattern with expressions in braces: what it becomes is known when they have values.
    fn regex_with_holes(&mut self, text: &Text, root: Option<Expr>, context: &Context<'_>) -> Option<Test> {
        let mut findings = vec![];
        let pieces = parse::pattern(&text.value, &context.scope, &mut findings);
        self.report(&text.node, findings);
        let pieces = pieces?;
        for piece in &pieces {
            if let Piece::Value(expr, range) = piece {
                self.looked_at(&text.node, expr, text.value.get(range.clone()).unwrap_or_default(), context);
            }
        }
        let sample: String = pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.as_str(),
                Piece::Value(..) => "x",
            })
            .collect();
        if let Err(reason) = pattern::compile(&sample) {
            let finding = Finding::new(Code::RegexSyntax, 0..text.value.len(), format!("not a pattern: {reason}"))
                .help("the syntax is that of the Rust crate `regex`".to_owned());
            let foreign = foreign::outside_strings(&text.value, &context.scope);
            self.report(&text.node, if foreign.is_empty() { vec![finding] } else { foreign });
            return None;
        }
        Some(Test::Regex(Box::new(RegexTest { context: root?, pattern: Pattern::Pieces(pieces) })))
    }

    /// A query of `draft-goessner-dispatch-jsonpath-00`, which knows no bare comparison.
    fn goessner(&mut self, criterion: &document::Criterion, context: &Context<'_>) -> Option<Test> {
        let text = &criterion.condition;
        if let Some(finding) = self.blanks_before_query(text) {
            return self.fails_by_the_letter(text, &[finding]).map(Test::Fails);
        }
        let root = self.criterion_context(criterion, context);
        match jsonpath::Query::parse_written(text.value.trim_end(), jsonpath::Dialect::Goessner, self.readings) {
            Ok(query) => {
                if let Some(test) = self.unbraced_query(text, query.placeholders()) {
                    return test;
                }
                let placeholders = self.placeholders(text, query.placeholders(), context)?;
                let condition = jsonpath::Condition::Query(query);
                Some(Test::Jsonpath(Box::new(JsonpathTest { context: root?, condition, placeholders })))
            }
            Err(error) => {
                // Most who name this version write queries of RFC 9535 all the same.
                let newer = jsonpath::Query::parse(text.value.trim_end(), jsonpath::Dialect::Rfc9535, true);
                if let (Ok(_), true) = (newer, self.readings != Readings::Letter) {
                    self.newer_dialect(criterion);
                    return self.jsonpath(criterion, context);
                }
                let finding = Finding::new(Code::JsonpathSyntax, error.at, error.message).help(error.help);
                self.unparsed(text, finding, context)
            }
        }
    }

    /// The reading `jsonpath-dialect`.
    fn newer_dialect(&mut self, criterion: &document::Criterion) {
        let text = &criterion.condition;
        let span = text.node.part(self.sources(), 0..text.value.len());
        let message = "this is a query of RFC 9535, and the type names an older version";
        let mut diagnostic = Diagnostic::warning(Code::JsonpathDialect, span, message).help("write `type: jsonpath`");
        if let Some((_, kind)) = &criterion.kind
            && self.sources().text(kind.span).starts_with('{')
        {
            let edit = Edit { span: kind.span, text: "jsonpath".to_owned() };
            diagnostic = diagnostic.fix("write `type: jsonpath`", true, vec![edit]);
        }
        self.departure(diagnostic);
    }

    fn xpath(&mut self, criterion: &document::Criterion, context: &Context<'_>) -> Option<Test> {
        let text = &criterion.condition;
        let root = self.criterion_context(criterion, context);
        match xpath::Query::parse(text.value.trim_end(), true) {
            Ok(query) => {
                self.unbraced_operands(text, query.placeholders());
                let placeholders = self.placeholders(text, query.placeholders(), context)?;
                Some(Test::Xpath(Box::new(XpathTest { context: root?, query, placeholders })))
            }
            Err(error) => {
                self.unparsed(text, Finding::new(Code::XpathSyntax, error.at, error.message).help(error.help), context)
            }
        }
    }

    /// A condition that is not of its language: by the letter it evaluates to *fail*, else it is refused.
    fn unparsed(&mut self, text: &Text, finding: Finding, context: &Context<'_>) -> Option<Test> {
        if self.readings == Readings::Letter {
            return self.fails_by_the_letter(text, &[finding]).map(Test::Fails);
        }
        let foreign = foreign::outside_strings(&text.value, &context.scope);
        self.report(&text.node, if foreign.is_empty() { vec![finding] } else { foreign });
        None
    }

    /// The reading `dialect-word` of blanks before a query, as a block has them whose text begins a line further down;
    /// what is to be said by the letter, where it is no query.
    pub(super) fn blanks_before_query(&mut self, text: &Text) -> Option<Finding> {
        let blanks = text.value.len() - text.value.trim_start().len();
        if blanks == 0 || !text.value.trim_start().starts_with('$') {
            return None;
        }
        if self.readings == Readings::Letter {
            return Some(Finding::new(Code::JsonpathSyntax, 0..blanks, "a query begins with `$`"));
        }
        let finding = Finding::new(Code::DialectWord, 0..blanks, "a query begins with `$`, and blanks stand before it");
        self.report(&text.node, vec![finding.help("leave the blanks out").fix("", true)]);
        None
    }

    fn jsonpath(&mut self, criterion: &document::Criterion, context: &Context<'_>) -> Option<Test> {
        let text = &criterion.condition;
        if let Some(finding) = self.blanks_before_query(text) {
            return self.fails_by_the_letter(text, &[finding]).map(Test::Fails);
        }
        let root = self.criterion_context(criterion, context);
        let letter = self.readings == Readings::Letter;
        // A block scalar ends with a line break, which is nobody's query.
        let written = if letter { text.value.as_str() } else { text.value.trim_end() };
        let parsed = match jsonpath::Condition::parse_written(written, self.readings) {
            Ok(parsed) => parsed,
            Err(_)
                if !letter
                    && written.contains("#/")
                    && let Some(test) = self.pointers(criterion, context) =>
            {
                return Some(test);
            }
            Err(error) => match self.without_question_marks(text, written).filter(|_| !letter) {
                Some(parsed) => parsed,
                None => {
                    let finding = Finding::new(Code::JsonpathSyntax, error.at, error.message).help(error.help);
                    return self.unparsed(text, finding, context);
                }
            },
        };
        if let jsonpath::Condition::Query(query) = &parsed
            && let Some(test) = self.unbraced_query(text, query.placeholders())
        {
            return test;
        }
        let placeholders = self.placeholders(text, parsed.placeholders(), context)?;
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
        Some(Test::Jsonpath(Box::new(JsonpathTest { context: root?, condition: parsed, placeholders })))
    }

    /// What becomes of a query with operands that lack their braces: they are said and read, but by the letter, where it
    /// is no query.
    fn unbraced_query(&mut self, text: &Text, placeholders: &[jsonpath::Placeholder]) -> Option<Option<Test>> {
        let first = placeholders.iter().find(|placeholder| !placeholder.braced || placeholder.blanks.is_some())?;
        if self.readings == Readings::Letter {
            let message = "a runtime expression in a query stands in braces";
            let finding = Finding::new(Code::JsonpathSyntax, first.range.clone(), message);
            return Some(self.fails_by_the_letter(text, &[finding]).map(Test::Fails));
        }
        self.unbraced_operands(text, placeholders);
        None
    }

    /// `$.state?.name`, `$.list.?[0]`: a member is optional without the `?` (docs/readings.md, `dialect-word`).
    fn without_question_marks(&mut self, text: &Text, written: &str) -> Option<jsonpath::Condition> {
        let mut right = written.to_owned();
        for (mark, plain) in [("?.[", "["), (".?[", "["), ("?.", "."), (".?", ".")] {
            right = right.replace(mark, plain);
        }
        let parsed = jsonpath::Condition::parse(&right, true).ok().filter(|_| right != written)?;
        // Expressions would have places in another text.
        if !parsed.placeholders().is_empty() {
            return None;
        }
        let message = "a member is optional without `?`: one that is missing selects nothing";
        let finding = Finding::new(Code::DialectWord, 0..written.len(), message);
        self.report(&text.node, vec![finding.help(format!("write {right}")).fix(right, true)]);
        Some(parsed)
    }

    /// `#/state == 'ready'` as a query, also beside `$.state`: the simple condition over the context (docs/readings.md,
    /// `dialect-word`).
    fn pointers(&mut self, criterion: &document::Criterion, context: &Context<'_>) -> Option<Test> {
        let (text, written) = (&criterion.condition, criterion.context.as_ref()?);
        let query = with_paths(text.value.trim_end());
        let right = match jsonpath::Condition::parse(&query, true) {
            Ok(jsonpath::Condition::Comparison(comparison)) => comparison.to_simple(&written.value)?,
            Ok(jsonpath::Condition::Query(_)) => return None,
            Err(_) => with_quotes(&with_pointers(text.value.trim(), &written.value), context)?,
        };
        let mut findings = vec![];
        let parsed = condition::parse(&right, &context.scope, &mut findings)?;
        // Departures of its own would have places in another text.
        if !findings.is_empty() {
            return None;
        }
        let span = text.node.part(self.sources(), 0..text.value.len());
        let message = "a JSON Pointer with a comparison is not a JSONPath query";
        let mut diagnostic = Diagnostic::warning(Code::DialectWord, span, message)
            .label("read as a condition over the context")
            .help(format!("write the simple condition {right}"))
            .section("§Criterion Object");
        if let Some((_, kind)) = criterion.kind.as_ref().filter(|(_, kind)| kind.as_str().is_some()) {
            let quoted = scalar_of(&right);
            let edits =
                vec![Edit { span: text.node.span, text: quoted }, Edit { span: kind.span, text: "simple".to_owned() }];
            diagnostic = diagnostic.fix(SIMPLE, false, edits);
        }
        self.departure(diagnostic);
        Some(Test::Simple(parsed))
    }

    /// The reading `jsonpath-filter-on-object`, where the description of the answer shows it: `$[?@.state == "ready"]`
    /// over an object none of whose members has a `state`.
    pub(super) fn filters_over_objects(&mut self, step: &document::Step, operation: openapi::Operation<'_>) {
        let actions = step.on_success.iter().filter_map(|action| match action {
            document::OrReusable::Object(action) => Some(&action.criteria),
            document::OrReusable::Reference { .. } => None,
        });
        let criteria = step.success_criteria.iter().chain(actions.flatten());
        let over_body = |criterion: &&document::Criterion| {
            matches!(criterion.kind, Some((ExpressionType::Jsonpath, _)))
                && criterion.context.as_ref().is_some_and(|context| context.value == "$response.body")
                && criterion.condition.value.starts_with("$[?")
        };
        for criterion in criteria.filter(over_body) {
            let text = criterion.condition.value.trim_end();
            let Ok(parsed) = jsonpath::Condition::parse(text, true) else { continue };
            let placeholders = vec![crate::value::Json::Null; parsed.placeholders().len()];
            let answers = objects_answered(operation);
            let tests_self = |answer: &crate::value::Json| {
                let limits = jsonpath::Limits::default();
                let verdict = parsed.holds(answer, &placeholders, &limits, jsonpath::ObjectFilter::MembersOrSelf);
                verdict.is_ok_and(|verdict| verdict.tested_self)
            };
            if answers.is_empty() || !answers.iter().all(tests_self) {
                continue;
            }
            let filter = text.strip_prefix("$[?").and_then(|text| text.strip_suffix(']'));
            let simple = filter.and_then(|filter| match jsonpath::Condition::parse(filter, true) {
                Ok(jsonpath::Condition::Comparison(comparison)) => comparison.to_simple("$response.body"),
                _ => None,
            });
            let span = criterion.condition.node.part(self.sources(), 0..text.len());
            let message = "a filter tests the members of an object, and those of this answer have nothing it asks for";
            let mut diagnostic = Diagnostic::warning(Code::JsonpathFilterOnObject, span, message)
                .label("read as a test of the object itself")
                .note(operation.key.span, "the answer is described as an object");
            diagnostic = match simple {
                Some(simple) => as_simple(diagnostic, criterion, &simple),
                None => diagnostic.help("write a simple condition over $response.body"),
            };
            self.departure(diagnostic.section("§Criterion Object"));
        }
    }

    /// The reading `jsonpath-comparison`.
    fn comparison(&mut self, criterion: &document::Criterion, simple: Option<String>) {
        let node = &criterion.condition.node;
        let span = node.part(self.sources(), 0..criterion.condition.value.len());
        let mut diagnostic =
            Diagnostic::warning(Code::JsonpathComparison, span, "a comparison is not a JSONPath query")
                .label("read as a condition over the context")
                .section("§Criterion Object");
        if let Some(simple) = simple {
            diagnostic = as_simple(diagnostic, criterion, &simple);
        }
        self.departure(diagnostic);
    }
}

/// What to write for a condition that leaves out what it compares, because it is the context: `== 200`, `#/a == 1`.
fn comparison_with(criterion: &document::Criterion) -> Option<String> {
    let context = criterion.context.as_ref()?.value.trim();
    let written = criterion.condition.value.trim();
    let operator = ["==", "!=", "<=", ">=", "<", ">"].into_iter().find(|sign| written.starts_with(sign))?;
    let value = written.strip_prefix(operator)?.trim();
    let value = if value.is_empty() { "…" } else { value };
    Some(format!("write the whole comparison: condition: {context} {operator} {value}"))
}

/// Says how a criterion is written as a simple condition.
fn as_simple(diagnostic: Diagnostic, criterion: &document::Criterion, simple: &str) -> Diagnostic {
    let diagnostic = diagnostic.help(format!("write the simple condition {simple} (it ignores case)"));
    let Some((_, kind)) = criterion.kind.as_ref().filter(|(_, kind)| kind.as_str().is_some()) else {
        return diagnostic;
    };
    let edits = vec![
        Edit { span: criterion.condition.node.span, text: scalar_of(simple) },
        Edit { span: kind.span, text: "simple".to_owned() },
    ];
    diagnostic.fix(SIMPLE, false, edits)
}

/// The fix that makes a simple condition of a comparison, and what differs then.
const SIMPLE: &str = "write a simple condition; it ignores case, and a number is equal to a text that spells it";

/// A comparison in which each JSON Pointer that begins a value is one into the context.
fn with_pointers(text: &str, context: &str) -> String {
    let at = |pointer: usize| {
        text.get(..pointer).is_none_or(|before| before.is_empty() || before.ends_with([' ', '(', '!']))
    };
    let mut found = text.match_indices("#/").filter(|(start, _)| at(*start)).map(|(start, _)| start);
    let mut right = String::new();
    let mut done = 0;
    for start in found.by_ref() {
        right.push_str(text.get(done..start).unwrap_or_default());
        right.push_str(context);
        // A context that is a pointer itself goes on.
        done = start + usize::from(context.contains('#'));
    }
    right + text.get(done..).unwrap_or_default()
}

/// A simple condition whose only departures are words without quotes (`bare-word`), with these in quotes.
fn with_quotes(text: &str, context: &Context<'_>) -> Option<String> {
    let mut findings = vec![];
    condition::parse(text, &context.scope, &mut findings)?;
    let mut right = text.to_owned();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.range.start));
    for finding in findings {
        let (quoted, _) = finding.fix.filter(|_| finding.code == Code::BareWord)?;
        right.replace_range(finding.range, &quoted);
    }
    Some(right)
}

/// A comparison in which each JSON Pointer that begins a value is a path: `#/a/0 == 1` becomes `$['a'][0] == 1`.
fn with_paths(text: &str) -> String {
    let mut paths = String::new();
    let (mut before, mut quote, mut at) = (' ', None, 0);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let next = rest.chars().next().unwrap_or(' ');
        if quote.is_none() && rest.starts_with("#/") && " (!&|=<>,".contains(before) {
            let ends = |c: char| c.is_whitespace() || "()=!<>&|,'\"".contains(c);
            let length = rest.find(ends).unwrap_or(rest.len());
            paths.push('$');
            for token in Pointer::parse(rest.get(1..length).unwrap_or_default()).tokens() {
                match token.parse::<u32>() {
                    Ok(index) => paths.push_str(&format!("[{index}]")),
                    Err(_) => paths.push_str(&format!("[{}]", crate::value::Json::String(token.clone()))),
                }
            }
            at += length;
            before = '#';
            continue;
        }
        match (quote, next) {
            (Some(open), next) if next == open => quote = None,
            (None, '\'' | '"') => quote = Some(next),
            _ => {}
        }
        paths.push(next);
        before = next;
        at += next.len_utf8();
    }
    paths
}

/// Samples of the JSON bodies with which an operation answers when it succeeds; none if one of them may be anything but
/// an object with the members that it lists.
fn objects_answered(operation: openapi::Operation<'_>) -> Vec<crate::value::Json> {
    let api = operation.api();
    let successes = operation.response_nodes().iter().filter(|(status, _)| is_success(&status.name));
    let media = successes.flat_map(|(_, node)| operation.content(api.resolve(node).unwrap_or(node)));
    let mut samples = vec![];
    for schema in media.filter(|media| is_json(media.name)).map(|media| media.schema) {
        let Some(schema) = schema.map(|schema| api.resolve(schema).unwrap_or(schema)) else { return vec![] };
        let closed = schema.get("additionalProperties").is_none_or(|more| more.as_bool() == Some(false));
        let sample = openapi::sample::sample(api, schema, "", &[]);
        if !closed || sample.as_object().is_none_or(crate::value::Map::is_empty) {
            return vec![];
        }
        samples.push(sample);
    }
    samples
}

/// The pattern and flags of `/pattern/flags`.
fn delimited(text: &str) -> Option<(&str, &str)> {
    let (pattern, flags) = text.strip_prefix('/')?.rsplit_once('/')?;
    (!pattern.is_empty() && flags.chars().all(|c| matches!(c, 'g' | 'i' | 'm' | 's' | 'u' | 'x')))
        .then_some((pattern, flags))
}

/// The type that a condition without one is most likely written in.
fn looks_like(text: &str) -> Option<&'static str> {
    match text.strip_prefix('$') {
        Some(rest) if rest.is_empty() || rest.starts_with(['.', '[']) => return Some("jsonpath"),
        _ => {}
    }
    if text.starts_with("//") || text.starts_with('/') && delimited(text).is_none() {
        return Some("xpath");
    }
    let pattern = text.starts_with(['^', '/']) || text.ends_with('$') || text.contains(['\\']) || text.contains(".*");
    pattern.then_some("regex")
}
