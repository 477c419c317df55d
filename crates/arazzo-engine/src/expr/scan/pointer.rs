//! The way into a value: a JSON Pointer after `#`, or dots and brackets where they are allowed or read leniently.

use super::{Position, ROOTS, Scanned, Scanner};
use crate::code::Code;
use crate::diagnostic::Help;
use crate::expr::{Expr, Finding, QueryBehind, Root, jsonpath};
use crate::readings::Readings;
use crate::value::Pointer;

impl Scanner<'_, '_> {
    /// The expression of a root that ends at `at`, with the pointer that follows; `navigable` if dots may take its
    /// place.
    pub(super) fn with_pointer(&mut self, root: Root, at: usize, navigable: bool) -> Scanned {
        let rest = self.rest(at);
        if let Some(written) = rest.strip_prefix('#') {
            return self.pointer(root, at, written);
        }
        let whole = self.position == Position::Whole && self.scope.readings != Readings::Letter;
        let is_pointer = || rest.starts_with('/') && !rest.contains(|c: char| c.is_whitespace() || "{}$".contains(c));
        if whole && is_content(&root) && is_pointer() {
            // `$response.body/id`: a pointer that lost its `#`.
            let (end, pointer) = (self.text.len(), Pointer::parse(rest));
            let right = format!("{}#{rest}", self.written(at));
            self.findings.push(
                Finding::new(Code::DottedBody, self.start..end, "a JSON Pointer stands after `#`")
                    .help(format!("write {right}"))
                    .fix(right, true),
            );
            let parts = Some(self.parts.ending(at, end));
            return Scanned::Found(Expr { root, at: pointer, dotted: true, query: None, parts }, end);
        }
        if whole && navigable && is_pointer() && begins_with_index(rest) {
            return self.pointer_or_text(at, rest);
        }
        if whole && !navigable && rest.starts_with('[') && matches!(root, Root::Input(_)) {
            let (tokens, end) = self.navigation(at);
            if !tokens.is_empty() && end == self.text.len() {
                return self.part_of_scalar(at, rest);
            }
        }
        self.dotted(root, at, navigable)
    }

    /// `$steps.a.outputs.list/0/id`: a JSON Pointer that lost its `#`, or an address of which the value is the beginning.
    fn pointer_or_text(&mut self, at: usize, rest: &str) -> Scanned {
        let written = self.written(at).to_owned();
        let message = format!("`{rest}` is a way into the value, or a text behind it");
        let help = format!("write {written}#{rest} for what stands there, {{{written}}}{rest} for a text");
        self.wrong(Code::ExpressionSyntax, self.start..self.text.len(), message, Some(help))
    }

    /// `$inputs.name[0]` of an input that is a text, a number or a boolean.
    fn part_of_scalar(&mut self, at: usize, rest: &str) -> Scanned {
        let written = self.written(at).to_owned();
        let message = format!("`{rest}` selects nothing: `{written}` is neither a list nor an object");
        let help = format!("declare it as `type: array` or `type: object`, or write {{{written}}}{rest} for a text");
        self.wrong(Code::ExpressionSyntax, self.start..self.text.len(), message, Some(help))
    }

    /// A JSON Pointer, of which `rest` is what follows its `#`.
    fn pointer(&mut self, root: Root, at: usize, rest: &str) -> Scanned {
        let ends = |c: char| c.is_whitespace() || "\"'{}[]()<>".contains(c);
        let length = match self.position {
            Position::Whole => rest.len(),
            Position::Text => rest.find(ends).unwrap_or(rest.len()),
            Position::Condition => rest.find(|c: char| ends(c) || "=!&|,".contains(c)).unwrap_or(rest.len()),
        };
        let written = rest.get(..length).unwrap_or_default();
        let mut end = at + 1 + length;
        if self.position == Position::Whole
            // By the letter, brackets behind `/` are a part of a name.
            && (self.scope.readings != Readings::Letter || !written.starts_with('/'))
            && let Some(bracket) = written.match_indices('[').map(|(at, _)| at).find(|at| selects(written, *at))
        {
            // `#/links[*].id`, `#/links[0].id`: a pointer that goes on as a query.
            let pointer = Pointer::parse(written.get(..bracket).unwrap_or_default().trim_end_matches('/'));
            return match self.query(at + 1 + bracket) {
                Behind::Query(query, after) => match query.query.to_pointer() {
                    Some(more) => {
                        let pointer = Pointer::of(pointer.tokens().iter().chain(more.tokens()).cloned().collect());
                        let code = if is_content(&root) { Code::DottedBody } else { Code::DottedOutput };
                        self.departure(code, at, after, "an item is a token of the JSON Pointer", &pointer);
                        let parts = Some(self.parts.ending(at, after));
                        Scanned::Found(Expr { root, at: pointer, dotted: true, query: None, parts }, after)
                    }
                    None => self.queried(root, at, pointer, query, after),
                },
                Behind::Wrong(scanned) => scanned,
                Behind::Text => Scanned::None,
            };
        }
        let mut tildes = written.match_indices('~').map(|(i, _)| i);
        let is_alone = |i: &usize| !written.get(i + 1..).is_some_and(|after| after.starts_with(['0', '1']));
        if let Some(tilde) = tildes.find(is_alone) {
            let range = at + 1 + tilde..at + 2 + tilde;
            let message = "this `~` of a JSON Pointer stands alone".to_owned();
            let help = "write ~0 for ~, and ~1 for /".to_owned();
            return self.wrong(Code::PointerSyntax, range, message, Some(help));
        }
        if let Some(inside) = expression_within(written).filter(|_| self.scope.readings != Readings::Letter) {
            let message = "an expression in a JSON Pointer is not evaluated".to_owned();
            let help = "write a Selector Object of Arazzo 1.1, and the expression in its query in braces".to_owned();
            return self.wrong(Code::ExpressionSyntax, at + 1 + inside..end, message, Some(help));
        }
        if written.contains(['{', '}']) {
            // Braces are where an embedded expression ends, so its grammar has none.
            let message = "a brace cannot stand in the JSON Pointer of a runtime expression";
            let finding = Finding::new(Code::NameOutsideGrammar, self.start..end, message)
                .help("select it with a Selector Object of Arazzo 1.1: { context, selector, type: jsonpointer }");
            self.findings.push(finding);
        }
        if let Some(pointer) = written.strip_prefix(['$', '.']).map(|way| way.trim_start_matches('.')) {
            // `#$.id`, `#.id`: a path where a pointer stands.
            let query = jsonpath::Query::parse(&format!("$.{pointer}"), jsonpath::Dialect::Rfc9535, false);
            if let Some(pointer) = query.ok().and_then(|query| query.to_pointer()) {
                self.departure(Code::DottedBody, at, end, "a JSON Pointer begins with `/`", &pointer);
                let parts = Some(self.parts.ending(at, end));
                return Scanned::Found(Expr { root, at: pointer, dotted: true, query: None, parts }, end);
            }
        }
        if !written.is_empty() && !written.starts_with('/') {
            self.departure(Code::DottedBody, at, end, "a JSON Pointer begins with `/`", &Pointer::parse(written));
        }
        if let Some(scanned) = self.length_behind(&root, at, end, written) {
            return scanned;
        }
        let mut pointer = Pointer::parse(written);
        let mut dotted = false;
        if self.position == Position::Condition {
            let (more, after) = self.navigation(end);
            dotted = !more.is_empty();
            end = after;
            pointer = Pointer::of(pointer.tokens().iter().cloned().chain(more).collect());
        }
        let parts = Some(self.parts.ending(at, end));
        Scanned::Found(Expr { root, at: pointer, dotted, query: None, parts }, end)
    }

    /// The reading `dotted-body` of `#/items.length` in a condition: no member is called so, and a length is meant.
    fn length_behind(&mut self, root: &Root, at: usize, end: usize, written: &str) -> Option<Scanned> {
        let lenient = self.position == Position::Condition && self.scope.readings != Readings::Letter;
        let way = written.strip_suffix(".length").filter(|way| lenient && way.starts_with('/'))?;
        let mut tokens = Pointer::parse(way).tokens().to_vec();
        let mut right = self.written(at).to_owned();
        for token in &tokens {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
            match token.parse::<u64>() {
                Ok(index) => right.push_str(&format!("[{index}]")),
                Err(_) if !token.is_empty() && token.chars().all(plain) => right.push_str(&format!(".{token}")),
                Err(_) => return None,
            }
        }
        right.push_str(".length");
        tokens.push("length".to_owned());
        let message = "`.length` behind a JSON Pointer is a part of a member's name";
        let finding = Finding::new(Code::DottedBody, self.start..end, message);
        self.findings.push(finding.help(format!("write {right}")).fix(right, true));
        let parts = Some(self.parts.ending(at, end));
        Some(Scanned::Found(
            Expr { root: root.clone(), at: Pointer::of(tokens), dotted: true, query: None, parts },
            end,
        ))
    }

    /// `.a[0]`, if something may be selected so; else the root alone.
    fn dotted(&mut self, root: Root, at: usize, navigable: bool) -> Scanned {
        let (tokens, end) = if navigable { self.navigation(at) } else { (vec![], at) };
        if let Some(scanned) = navigable.then(|| self.path_behind(&root, at, &tokens, end)).flatten() {
            return scanned;
        }
        if navigable && self.begins_query(end) {
            match self.query(end) {
                Behind::Query(query, after) => return self.queried(root, at, Pointer::of(tokens), query, after),
                Behind::Wrong(scanned) => return scanned,
                Behind::Text => {}
            }
        }
        let dotted = !tokens.is_empty();
        let pointer = Pointer::of(tokens);
        let marked = |written: &str| written.contains(".?") || written.contains("?.");
        if self.text.get(at..end).is_some_and(marked) {
            let right = match self.position {
                Position::Condition => {
                    let written = self.written(end).replace("?.[", "[").replace(".?[", "[");
                    written.replace(".?", ".").replace("?.", ".")
                }
                _ => format!("{}#{pointer}", self.written(at)),
            };
            let message = "a member is optional without `?`: one that is missing is null";
            self.findings.push(
                Finding::new(Code::DialectWord, self.start..end, message)
                    .help(format!("write {right}"))
                    .fix(right, true),
            );
            let parts = Some(self.parts.ending(at, end));
            return Scanned::Found(Expr { root, at: pointer, dotted, query: None, parts }, end);
        }
        if dotted && self.position != Position::Condition {
            let (code, message) = match is_content(&root) {
                true => (Code::DottedBody, "a way into a body is a JSON Pointer after `#`"),
                false => (Code::DottedOutput, "a way into a value is a JSON Pointer after `#`"),
            };
            match pointer.tokens().last().is_some_and(|token| token == "length") {
                true => self.length_of_value(code, at, end, &pointer),
                false => self.departure(code, at, end, message, &pointer),
            }
            if code == Code::DottedOutput && self.scope.readings == Readings::Letter {
                // By the letter, the dots belong to a name, which nothing declares.
                let root = Root::Nothing(self.written(end).to_owned());
                let parts = Some(self.parts.ending_with_name(end));
                return Scanned::Found(Expr { root, at: Pointer::default(), dotted: false, query: None, parts }, end);
            }
        }
        if self.position == Position::Whole && end < self.text.len() {
            // Something follows that no name and no way explains: for the caller it is a longer text.
            return Scanned::None;
        }
        let parts = Some(self.parts.ending(at, end));
        Scanned::Found(Expr { root, at: pointer, dotted, query: None, parts }, end)
    }

    /// The reading `query-after-output` of what other tools write between a value and a way into it: `.[*].id`,
    /// `.$.id`, `$.id`, `.#.id`. It is no text: nobody ends a sentence so.
    fn path_behind(&mut self, root: &Root, at: usize, tokens: &[String], end: usize) -> Option<Scanned> {
        let rest = self.rest(end);
        let way = rest.strip_prefix(".$").or_else(|| rest.strip_prefix('$')).filter(|way| way.starts_with(['.', '[']));
        let way = way.map(str::to_owned).or_else(|| rest.starts_with(".[").then(|| rest.to_owned())).or_else(|| {
            let items = rest.strip_prefix(".#").filter(|after| after.is_empty() || after.starts_with(['.', '[']))?;
            Some(format!("[*]{items}"))
        });
        let way = way.filter(|_| self.position == Position::Whole && self.scope.readings != Readings::Letter)?;
        let text = format!("${}", way.replace(".[", "[").replace(".#.", "[*].").replace("[]", "[*]"));
        let end = self.text.len();
        let query = match jsonpath::Query::parse(&text, jsonpath::Dialect::Rfc9535, false) {
            Ok(query) => query,
            Err(error) => {
                let message = format!("`{rest}` is not a query: {}", error.message);
                return Some(self.wrong(Code::ExpressionSyntax, end - rest.len()..end, message, error.help));
            }
        };
        let Some(more) = query.to_pointer() else {
            let query = Box::new(QueryBehind { text, query });
            return Some(self.queried(root.clone(), at, Pointer::of(tokens.to_vec()), query, end));
        };
        let pointer = Pointer::of(tokens.iter().chain(more.tokens()).cloned().collect());
        let code = if is_content(root) { Code::DottedBody } else { Code::DottedOutput };
        self.departure(code, at, end, "a way into a value is a JSON Pointer after `#`", &pointer);
        let parts = Some(self.parts.ending(at, end));
        Some(Scanned::Found(Expr { root: root.clone(), at: pointer, dotted: true, query: None, parts }, end))
    }

    /// `$steps.a.outputs.list.length`: how many there are, which no JSON Pointer says, or a member of this name.
    fn length_of_value(&mut self, code: Code, at: usize, end: usize, pointer: &Pointer) {
        let message = "the length of a list or a text is no part of a runtime expression";
        let member = format!("{}#{pointer}", self.written(at));
        let help =
            format!("if an object has a member of this name, write {member}; a simple condition knows `.length`");
        self.findings.push(Finding::new(code, self.start..end, message).help(help));
    }

    /// The query whose first bracket stands at `at`.
    fn query(&mut self, at: usize) -> Behind {
        let rest = self.rest(at);
        let length = if self.position == Position::Whole { rest.len() } else { segments(rest) };
        let written = rest.get(..length).unwrap_or_default();
        // `[]` is how other query languages write `[*]`.
        let text = format!("${}", written.replace("[]", "[*]"));
        match jsonpath::Query::parse(&text, jsonpath::Dialect::Rfc9535, false) {
            Ok(query) => Behind::Query(Box::new(QueryBehind { text, query }), at + length),
            // `[sic]` is text, `[?(` was meant as a query.
            Err(error) if rest.get(1..).is_some_and(|inner| inner.starts_with(begins_selector)) => {
                let end = at + length.max(bracket(rest)).max(1);
                let message =
                    format!("`{}` is not a query: {}", self.text.get(at..end).unwrap_or_default(), error.message);
                let values = "a query behind an expression takes no values: write a Selector Object of Arazzo 1.1, and \
                              the expression in it in braces";
                let help = if written.contains('$') { Some(Help::words(values)) } else { error.help };
                Behind::Wrong(self.wrong(Code::ExpressionSyntax, at..end, message, help))
            }
            Err(_) if self.position == Position::Whole && rest.starts_with('[') => {
                let message = format!("`{written}` is neither a query nor a way into a value");
                let help = "a member is written behind `#/`, as in #/name".to_owned();
                Behind::Wrong(self.wrong(Code::ExpressionSyntax, at..at + length, message, Some(help)))
            }
            Err(_) => Behind::Text,
        }
    }

    /// `true` if a query may begin at a byte: with a bracket, and where the expression stands alone with `.*` or `..`.
    fn begins_query(&self, at: usize) -> bool {
        let rest = self.rest(at);
        let dotted = || {
            rest.starts_with(".*") || rest.strip_prefix("..").is_some_and(|rest| rest.starts_with(char::is_alphabetic))
        };
        match self.position {
            Position::Whole => rest.starts_with('[') || self.scope.readings != Readings::Letter && dotted(),
            Position::Text => rest.starts_with('['),
            Position::Condition => false,
        }
    }

    /// The reading `query-after-output`.
    fn queried(&mut self, root: Root, at: usize, pointer: Pointer, query: Box<QueryBehind>, end: usize) -> Scanned {
        let context = match pointer.is_whole() {
            true => self.written(at).to_owned(),
            false => format!("{}#{pointer}", self.written(at)),
        };
        let selector = crate::json!({ "context": context, "selector": query.text, "type": "jsonpath" });
        let written = self.text.get(at..end).unwrap_or_default();
        let message = format!("`{written}` is a query, and a runtime expression selects with a JSON Pointer");
        let finding = Finding::new(Code::QueryAfterOutput, self.start..end, message).help(format!(
            "write a Selector Object of Arazzo 1.1: {{ context: {context}, selector: '{}', type: jsonpath }}",
            query.text.replace('\'', "''")
        ));
        // A Selector Object that finds one value where a list was possible gives that value.
        let same = query.query.selects_list() || query.query.is_singular();
        self.findings.push(Finding { becomes: same.then(|| selector.to_string()), ..finding });
        let parts = Some(self.parts.ending(at, end));
        Scanned::Found(Expr { root, at: pointer, dotted: true, query: Some(query), parts }, end)
    }

    /// Says how the pointer between `at` and `end` is written.
    fn departure(&mut self, code: Code, at: usize, end: usize, message: &str, pointer: &Pointer) {
        let right = format!("{}#{pointer}", self.written(at));
        let range = self.start..end;
        self.findings.push(Finding::new(code, range, message).help(format!("write {right}")).fix(right, true));
    }

    /// `.name`, `[0]`, `['name']`, as far as they go.
    fn navigation(&self, at: usize) -> (Vec<String>, usize) {
        let mut tokens = vec![];
        let mut end = at;
        loop {
            let rest = self.rest(end);
            if let Some(after) = rest.strip_prefix('.').filter(|_| !is_item(rest)) {
                let name: String =
                    after.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-')).collect();
                let optional = optional_member(rest);
                if name.is_empty() && optional.is_none() {
                    break;
                }
                let length = optional.unwrap_or(1 + name.len());
                let begin = if optional.is_some() { 2 } else { 1 };
                tokens.push(rest.get(begin..length).unwrap_or_default().to_owned());
                end += length;
            } else if let Some(length) = optional_member(rest) {
                tokens.push(rest.get(2..length).unwrap_or_default().to_owned());
                end += length;
            } else if let Some(after) = rest.strip_prefix(optional_item(rest)).filter(|_| is_item(rest)) {
                let Some(close) = after.find(']') else { break };
                let inner = after.get(..close).unwrap_or_default().trim();
                let unquoted = inner
                    .strip_prefix('\'')
                    .and_then(|s| s.strip_suffix('\''))
                    .or_else(|| inner.strip_prefix('"').and_then(|s| s.strip_suffix('"')));
                match unquoted {
                    Some(name) => tokens.push(name.to_owned()),
                    None if !inner.is_empty() && inner.bytes().all(|b| b.is_ascii_digit()) => {
                        tokens.push(inner.to_owned())
                    }
                    None => break,
                }
                end += optional_item(rest).len() + close + 1;
            } else {
                break;
            }
        }
        (tokens, end)
    }
}

/// What stands in brackets behind an expression.
enum Behind {
    /// A query, and where it ends.
    Query(Box<QueryBehind>, usize),
    /// Something that was meant as one.
    Wrong(Scanned),
    /// Other text.
    Text,
}

/// `true` if the bracket at a byte of a JSON Pointer selects items, and is no part of a name: `[*]`, `[]`, `[?…]`, `[0]`,
/// `[-1]`, `[0:2]`.
fn selects(pointer: &str, at: usize) -> bool {
    let Some((inner, _)) = pointer.get(at + 1..).and_then(|rest| rest.split_once(']')) else { return false };
    inner.starts_with('?')
        || matches!(inner, "" | "*")
        || inner.chars().all(|c| c.is_ascii_digit() || "-:,".contains(c))
}

/// `true` for `/0` and `/0/id`.
fn begins_with_index(pointer: &str) -> bool {
    let first = pointer.trim_start_matches('/').split('/').next().unwrap_or_default();
    !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit())
}

/// `true` for what begins a selector of a query.
fn begins_selector(c: char) -> bool {
    c.is_ascii_digit() || "*?]-:'\"(@".contains(c)
}

/// Where an expression begins in a JSON Pointer, as a token of it or in braces.
fn expression_within(pointer: &str) -> Option<usize> {
    let begins = |(at, _): &(usize, &str)| {
        let before = pointer.get(..*at).unwrap_or_default();
        let rest = pointer.get(at + 1..).unwrap_or_default();
        let is_root = |root: &str| rest.strip_prefix(root).is_some_and(|rest| rest.starts_with('.'));
        before.ends_with(['{', '/']) && ROOTS.iter().any(|root| is_root(root))
    };
    pointer.match_indices('$').find(begins).map(|(at, _)| at)
}

/// How long the segments of a query are that a text begins with.
fn segments(text: &str) -> usize {
    let mut end = 0;
    while let Some(rest) = text.get(end..) {
        let length = if rest.starts_with('[') {
            bracket(rest)
        } else {
            let dots = if rest.starts_with("..") { 2 } else { usize::from(rest.starts_with('.')) };
            let after = rest.get(dots..).unwrap_or_default();
            let name = after.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(after.len());
            let name = if after.starts_with('*') { 1 } else { name };
            if dots > 0 && name > 0 { dots + name } else { 0 }
        };
        if length == 0 {
            break;
        }
        end += length;
    }
    end
}

/// How long the bracket is that a text begins with, to its own end; nothing if it has none.
fn bracket(text: &str) -> usize {
    /// Bytes of the longest query: the end of each bracket is not looked for to the end of a text.
    const LONGEST: usize = 4 << 10;
    let (mut depth, mut quote) = (0usize, None);
    for (at, c) in text.char_indices().take(LONGEST) {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '[') => depth += 1,
            (None, ']') if depth == 1 => return at + 1,
            (None, ']') => depth = depth.saturating_sub(1),
            (None, _) => {}
        }
    }
    0
}

/// The bracket that a text begins with, as other languages write it for an item that may be missing too.
fn optional_item(text: &str) -> &'static str {
    ["?.[", ".?["].into_iter().find(|begin| text.starts_with(begin)).unwrap_or("[")
}

fn is_item(text: &str) -> bool {
    text.starts_with(optional_item(text))
}

/// The length of `.?name` or `?.name`, which other languages write for a member that may be missing.
fn optional_member(text: &str) -> Option<usize> {
    let after = text.strip_prefix(".?").or_else(|| text.strip_prefix("?."))?;
    let length = after.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-'))).unwrap_or(after.len());
    (length > 0).then_some(2 + length)
}

/// `true` for the content of a message: a body or a payload.
fn is_content(root: &Root) -> bool {
    matches!(root, Root::ResponseBody | Root::RequestBody | Root::MessagePayload)
}
