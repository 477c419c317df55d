//! Reads of answers that lead nowhere: members, headers and bodies that no answer is described to have.

use crate::value::Json;

use super::Lint;
use super::answers::{After, Resolution, Unresolved, headers};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Help, nearest};
use crate::expr::condition::Condition;
use crate::expr::jsonpath::Operator;
use crate::expr::{Expr, Root, StepId};
use crate::json_schema::with_article;
use crate::openapi::Operation;
use crate::openapi::shape::{Shape, ValueKind};
use crate::program::{Action, Build, Criterion, Select, Test, Workflow};
use crate::source::Span;
use crate::value::PathSegment;

/// Headers that answers have whether or not they are described.
const USUAL_HEADERS: [&str; 24] = [
    "accept-ranges",
    "age",
    "allow",
    "cache-control",
    "connection",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-range",
    "content-type",
    "date",
    "etag",
    "expires",
    "last-modified",
    "link",
    "location",
    "retry-after",
    "server",
    "set-cookie",
    "transfer-encoding",
    "vary",
    "www-authenticate",
];

/// What is read: how, where it is written, and for what.
struct Read<'r> {
    expr: &'r Expr,
    ways: Vec<PathSegment>,
    text: &'r str,
    span: Span,
    role: Role,
}

/// What a value is read for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// To be sent, or kept as an output.
    Used,
    /// By a test that may ask for what is not there.
    Tested,
    /// By a test of an action on failure: the answer may be any.
    TestedFailure,
    /// By a test that no answer without it meets, and that the step must meet.
    Needed,
}

impl<'a> Lint<'a> {
    /// Checks what is read of the answers of a step.
    pub(super) fn check_reads(&mut self, id: StepId) {
        let program = self.program;
        let Some(step) = program.step(id) else { return };
        let mut reads: Vec<Read<'_>> = vec![];
        for output in &step.outputs {
            for (expr, ways) in looked_at(&output.value) {
                reads.push(Read { expr, ways, text: &output.text, span: output.span, role: Role::Used });
            }
        }
        for read in step.call.values().flat_map(Build::reads) {
            reads.push(Read { expr: read.expr, ways: vec![], text: read.text, span: read.span, role: Role::Used });
        }
        let of = |actions: &'a [Action]| actions.iter().flat_map(|action| &action.criteria);
        let own = step.criteria.iter().map(|criterion| (criterion, Role::Needed));
        let good = of(&step.on_success).map(|criterion| (criterion, Role::Tested));
        let bad = of(&step.on_failure).map(|criterion| (criterion, Role::TestedFailure));
        for (criterion, role) in own.chain(good).chain(bad) {
            let role = if role == Role::Needed && !needs(criterion) { Role::Tested } else { role };
            let (text, span) = (criterion.text.as_str(), criterion.span);
            let context = criterion.context_span.zip(criterion.context.as_deref());
            let context = context.filter(|_| !matches!(criterion.test, Test::Simple(_)));
            for (index, expr) in criterion.expressions().into_iter().enumerate() {
                // The first is the context, where there is one.
                let (span, text) = context.filter(|_| index == 0).unwrap_or((span, text));
                reads.push(Read { expr, ways: vec![], text, span, role });
            }
            if let Test::Jsonpath(test) = &criterion.test
                && matches!(
                    self.resolve_read(Some(After::good(id)), &test.context, &[], &mut None, 0),
                    Resolution::To(_)
                )
            {
                for ways in test.condition.reads() {
                    reads.push(Read { expr: &test.context, ways, text, span, role });
                }
            }
        }
        for read in &reads {
            self.check_read(Some(id), read);
        }
    }

    /// Checks what the outputs of a workflow read.
    pub(super) fn check_output_reads(&mut self, workflow: &Workflow) {
        for output in &workflow.outputs {
            for (expr, ways) in looked_at(&output.value) {
                let read = Read { expr, ways, text: &output.text, span: output.span, role: Role::Used };
                self.check_read(None, &read);
            }
        }
    }

    /// Says where a way into a value leads nowhere.
    fn check_read(&mut self, step: Option<StepId>, read: &Read<'_>) {
        let mut called = None;
        let after = step.map(|step| After { step, failed: read.role == Role::TestedFailure });
        match (&read.expr.root, after) {
            (Root::ResponseHeader(name), Some(after)) => self.header(after, name, read),
            (Root::MessageHeader(name), Some(after)) => self.header_of_message(after.step, name, read),
            _ => {}
        }
        let led = self.resolve_read(after, read.expr, &read.ways, &mut called, 0);
        if let Resolution::To(shape) = &led {
            if matches!(shape, Shape::Unknown) {
                self.words_in_pointer(read);
            }
            return;
        }
        let operation = called.map_or_else(String::new, |operation: Operation<'_>| operation.name());
        let span = read.span;
        match led {
            Resolution::To(_) => {}
            Resolution::NoBody(statuses) => {
                // A test may ask whether there is one, unless it is met only by an answer that is known to have none.
                let certain = after.and_then(|after| self.status_after(after)).is_some();
                if read.role == Role::Used || read.role == Role::Needed && certain {
                    let mut diagnostic = Diagnostic::warning(
                        Code::NoBody,
                        span,
                        format!("`{}` reads a body, and operation `{operation}` answers without one", read.text),
                    )
                    .section("§Runtime Expressions");
                    if let Some(operation) = called {
                        let node = operation.node.get("responses").map_or(operation.key.span, |node| node.span);
                        diagnostic = diagnostic.note(node, format!("documented answers: {statuses}"));
                    }
                    self.push(diagnostic);
                }
            }
            Resolution::Nowhere(end) => self.push_unresolved(read, span, &operation, &end),
        }
    }

    /// `$response.body#/id (the id)`, `$response.body#/total > 3`, of which nothing says whether there is such a member: a
    /// remark or a comparison would be its name.
    fn words_in_pointer(&mut self, read: &Read<'_>) {
        let Some(token) = read.expr.at.tokens().last() else { return };
        let remarks = ["(", "# ", "// ", "- ", "– ", "— "];
        let operators =
            ["== ", "!= ", "> ", "< ", ">= ", "<= ", "=== ", "!== ", "&& ", "|| ", "?? ", "? ", "| ", "+ ", "* "];
        let Some(at) = token.find(' ').filter(|at| {
            let behind = token.get(*at..).unwrap_or_default().trim_start();
            let begins = |signs: &[&str]| signs.iter().any(|sign| behind.starts_with(sign));
            begins(&remarks) && behind.contains(char::is_alphabetic) || begins(&operators)
        }) else {
            return;
        };
        let name = token.get(..at).unwrap_or_default();
        let message = format!("the words behind it belong to the pointer: a member called `{token}` is read");
        let mut diagnostic = Diagnostic::warning(Code::ProseAfterExpression, read.span, message)
            .help(format!("if `{name}` is meant, leave out what stands behind it"))
            .section("§Runtime Expressions");
        if let Some(edit) = self.replace_once(read.span, token, name) {
            diagnostic = diagnostic.fix(format!("write `{name}`: another value is read"), false, vec![edit]);
        }
        self.push(diagnostic);
    }

    fn push_unresolved(&mut self, read: &Read<'_>, span: Span, operation: &str, end: &Unresolved<'_>) {
        let Unresolved { token, is_length, nothing } = end;
        let known = |name: &&str| nothing.members.iter().any(|member| member == name);
        // `#/id (the id)`: words behind the name of a member.
        let before_words = || token.split_once(' ').map(|(name, _)| name).filter(known);
        // `#/category.name`, `#/tags/0.id`: dots between the names of a way.
        let dotted = token.split_once('.').filter(|(first, rest)| {
            let leads = match nothing.what {
                ValueKind::Array => first.bytes().all(|b| b.is_ascii_digit()),
                _ => known(first),
            };
            leads && !first.is_empty() && !rest.is_empty()
        });
        let dotted = dotted.map(|_| token.replace('.', "/"));
        let near = nearest(token, nothing.members.iter().copied()).or_else(before_words).filter(|_| dotted.is_none());
        // A test may ask whether there is more than what is described.
        let asks = matches!(read.role, Role::Tested | Role::TestedFailure);
        if asks && near.is_none() && dotted.is_none() && !nothing.closed {
            return;
        }
        let message = match &nothing.what {
            ValueKind::Object if operation.is_empty() => format!("the message has no member `{token}` here"),
            ValueKind::Object => format!("the answer of operation `{operation}` has no member `{token}` here"),
            ValueKind::Array => format!("`{token}` is read of an array, whose items have numbers"),
            ValueKind::Scalar(name) => format!("`{token}` is read of {}, which has no members", with_article(name)),
        };
        let help = match (&nothing.what, near) {
            _ if let Some(way) = &dotted => {
                Some(Help::words(format!("write {way}: `/` stands between the names of a pointer")))
            }
            (ValueKind::Object, Some(near)) => Some(Help::meant(near)),
            (ValueKind::Object, None) if !nothing.members.is_empty() => {
                let members: Vec<&str> = nothing.members.iter().copied().take(12).collect();
                Some(Help::words(format!("it has {}", members.join(", "))))
            }
            (ValueKind::Array, _) if item_before_words(token).is_some() => item_before_words(token)
                .map(|item| Help::words(format!("if `{item}` is meant, leave out what stands behind it"))),
            (ValueKind::Array, _) if *is_length => Some(Help::words("no JSON Pointer says how many items there are")),
            (ValueKind::Array, _) if !token.starts_with(|c: char| c.is_alphabetic() || c == '_') => {
                Some(Help::words("write the number of an item, from 0 on; a JSON Pointer selects one item"))
            }
            (ValueKind::Array, _) => {
                let mut tokens = read.expr.at.tokens().to_vec();
                if let Some(at) = tokens.iter().position(|known| known == token) {
                    tokens.insert(at, "0".to_owned());
                }
                // Behind dots, the whole way is another one.
                let way = if read.expr.dotted { format!("#/{}", tokens.join("/")) } else { format!("0/{token}") };
                Some(Help::words(format!("write the number of the item before it: {way}")))
            }
            _ => None,
        };
        let mut diagnostic = Diagnostic::warning(Code::UnknownMember, span, message)
            .note(nothing.schema.span, "described here")
            .help(help)
            .section("§Runtime Expressions");
        let right = dotted.as_deref().or(near.filter(|_| nothing.what == ValueKind::Object));
        if let Some(near) = right
            && let Some(edit) = self.replace_once(span, token, near)
        {
            diagnostic = diagnostic.fix(format!("write `{near}`: another value is read"), false, vec![edit]);
        }
        self.push(diagnostic);
    }

    /// A header that no message can have, or is described to have.
    fn header_of_message(&mut self, step: StepId, name: &str, read: &Read<'_>) {
        let Some(step) = self.program.step(step) else { return };
        let (Some(target), Some(channel)) = (step.call.target(), self.program.channel_of(step)) else { return };
        let protocol = channel.server().and_then(|server| server.protocol);
        if let Some(protocol) = protocol.filter(|protocol| !protocol.has_headers()) {
            let message = format!("`{}` reads a header, and messages have none in {protocol}", read.text);
            let fault = Diagnostic::warning(Code::NoMessageHeaders, read.span, message);
            self.push(fault.note(channel.span, "the channel").section("§Runtime Expressions"));
            return;
        }
        let known: Vec<&str> = channel.messages_of(target).flat_map(|m| &m.headers).map(String::as_str).collect();
        if known.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            return;
        }
        let Some(near) = nearest(name, known.iter().copied()) else { return };
        let message = format!("no message of channel `{}` has a header `{name}`", channel.name);
        let fault = Diagnostic::warning(Code::UnknownMember, read.span, message).note(channel.span, "the channel");
        self.push(fault.help(Help::meant(near)).section("§Runtime Expressions"));
    }

    /// A header that no answer is described to have.
    fn header(&mut self, after: After, name: &str, read: &Read<'_>) {
        let Some(operation) = self.step(after.step).and_then(|view| view.operation) else { return };
        if read.role == Role::TestedFailure || USUAL_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
            return;
        }
        let status = self.status_after(after);
        let Some(described) = headers(&operation, status) else { return };
        if described.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            return;
        }
        let near = nearest(name, described.iter().copied());
        // Where no answer of the document has a header, headers were left out of the description.
        let others = |other: Operation<'a>| headers(&other, None).is_some_and(|found| !found.is_empty());
        if near.is_none() && (read.role == Role::Tested || !operation.api().operations().any(others)) {
            return;
        }
        let span = read.span;
        let message = format!("the answer of operation `{}` has no header `{name}`", operation.name());
        let node = operation.node.get("responses").map_or(operation.key.span, |node| node.span);
        let help = match near {
            Some(near) => Some(Help::meant(near)),
            None if described.is_empty() => None,
            None => Some(Help::words(format!("it has {}", described.join(", ")))),
        };
        let mut diagnostic = Diagnostic::warning(Code::UnknownMember, span, message)
            .note(node, "the documented answers")
            .help(help)
            .section("§Runtime Expressions");
        if let Some(edit) = near.and_then(|near| self.replace_once(span, name, near)) {
            let title = format!("write `{}`: another value is read", edit.text);
            diagnostic = diagnostic.fix(title, false, vec![edit]);
        }
        self.push(diagnostic);
    }
}

/// The number of `0 (the first)`: words behind the number of an item.
fn item_before_words(token: &str) -> Option<&str> {
    let (number, _) = token.split_once(' ')?;
    number.bytes().all(|b| b.is_ascii_digit()).then_some(number)
}

/// `true` for a test that is only met where everything that it reads is there.
fn needs(criterion: &Criterion) -> bool {
    fn simple(condition: &Condition) -> bool {
        match condition {
            Condition::Value(..) | Condition::Literal(_) | Condition::Contains(..) => true,
            Condition::Not(_) | Condition::Or(_) => false,
            Condition::And(list) => list.iter().all(simple),
            Condition::Compare(operator, left, right) => {
                let null = |side: &Condition| matches!(side, Condition::Literal(Json::Null));
                (*operator == Operator::NotEqual) == (null(left) || null(right))
            }
        }
    }
    // A query that names another way, an opposite or null may be met without.
    let open = |text: &str| text.contains('!') || text.contains("||") || text.contains("null");
    match &criterion.test {
        Test::Simple(condition) => simple(condition),
        Test::Jsonpath(_) => !open(&criterion.text),
        _ => false,
    }
}

/// The expressions of a value, with the ways into them.
fn looked_at(value: &Build) -> Vec<(&Expr, Vec<PathSegment>)> {
    match value {
        Build::Select(selection) => match &selection.select {
            Select::Pointer(pointer) => {
                vec![(&selection.context, pointer.tokens().iter().cloned().map(PathSegment::Member).collect())]
            }
            Select::Jsonpath(query, _) => query.reads().into_iter().map(|ways| (&selection.context, ways)).collect(),
            Select::Xpath(..) => vec![],
        },
        _ => value.reads().into_iter().map(|read| (read.expr, vec![])).collect(),
    }
}
