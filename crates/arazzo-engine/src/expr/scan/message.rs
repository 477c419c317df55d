//! `$request.…`, `$response.…`, `$message.…`: the parts of messages that were sent and received.

use super::{Position, Scanned, Scanner, is_strict};
use crate::code::Code;
use crate::diagnostic::{Help, nearest};
use crate::expr::parts::Part;
use crate::expr::{Finding, Root, jsonpath};
use crate::readings::Readings;

/// The three things with parts: what was sent, what came back, what a channel brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MessageKind {
    Request,
    Response,
    Message,
}

impl MessageKind {
    fn word(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
            Self::Message => "message",
        }
    }

    /// The parts that it has.
    fn parts(self) -> &'static [&'static str] {
        match self {
            Self::Request => &["header", "query", "path", "body"],
            Self::Response => &["header", "body"],
            Self::Message => &["header", "payload"],
        }
    }

    /// The part with the content, and its word.
    fn content(self) -> (Root, &'static str) {
        match self {
            Self::Request => (Root::RequestBody, "body"),
            Self::Response => (Root::ResponseBody, "body"),
            Self::Message => (Root::MessagePayload, "payload"),
        }
    }
}

impl Scanner<'_, '_> {
    /// A part of a message: `at` is behind the dot.
    pub(super) fn message(&mut self, kind: MessageKind, at: usize) -> Scanned {
        let rest = self.rest(at);
        for (word, plural) in [("headers.", true), ("header.", false)] {
            if rest.starts_with(word) {
                return self.header(kind, at + word.len(), plural);
            }
        }
        let (content, word) = kind.content();
        if is_word(rest, word) {
            return self.with_pointer(content, at + word.len(), true);
        }
        for (word, part) in [("query.", Part::Query), ("path.", Part::Path)] {
            if !rest.starts_with(word) {
                continue;
            }
            let from = at + word.len();
            let name = self.parameter_name(from);
            if name.is_empty() {
                return self.nothing_named(from, "a parameter");
            }
            let end = from + name.len();
            if kind == MessageKind::Request {
                self.parts.push(part, from..end);
                let root = if part == Part::Query { Root::RequestQuery(name) } else { Root::RequestPath(name) };
                return self.whole_value(root, end);
            }
        }
        self.unknown_part(kind, at)
    }

    /// The name of a header: `at` is where it begins.
    fn header(&mut self, kind: MessageKind, at: usize, plural: bool) -> Scanned {
        let name: String = self.rest(at).chars().take_while(|c| is_tchar(*c)).collect();
        // In a condition, `!`, `&` and `|` begin operators.
        let name = match self.position {
            Position::Whole => name,
            _ => name.split(['!', '&', '|', '\'']).next().unwrap_or_default().to_owned(),
        };
        let name = if self.position == Position::Text { name.trim_end_matches('.').to_owned() } else { name };
        if name.is_empty() {
            return self.nothing_named(at, "a header");
        }
        let end = at + name.len();
        self.parts.push(Part::Header, at..end);
        if plural {
            let right = format!("${}.header.{name}", kind.word());
            self.findings.push(
                Finding::new(Code::PluralHeaders, self.start..end, "the part is called `header`")
                    .help(format!("write {right}"))
                    .fix(right, true),
            );
        }
        let root = match kind {
            MessageKind::Request => Root::RequestHeader(name),
            MessageKind::Response => Root::ResponseHeader(name),
            MessageKind::Message => Root::MessageHeader(name),
        };
        self.whole_value(root, end)
    }

    fn unknown_part(&mut self, kind: MessageKind, at: usize) -> Scanned {
        let (rest, whole) = (self.rest(at), kind.word());
        let word = self.identifier(at);
        let end = at + word.len();
        // The grammar gives every part to all three; nothing is ever found there.
        let grammatical = ["query.", "path."].iter().any(|known| rest.starts_with(known))
            || is_word(rest, "body")
            || is_word(rest, "payload");
        if grammatical && self.scope.readings == Readings::Letter {
            let end = if self.position == Position::Whole { self.text.len() } else { end };
            return self.whole_value(Root::Nothing(self.written(end).to_owned()), end);
        }
        let first = word.split('.').next().unwrap_or_default();
        let status = ["status", "statuscode", "status_code", "code"].contains(&first.to_ascii_lowercase().as_str());
        if status && kind == MessageKind::Response && first == word {
            let message = "the status of a response is `$statusCode`";
            let finding = Finding::new(Code::DialectWord, self.start..end, message);
            self.findings.push(finding.help("write $statusCode").fix("$statusCode", true));
            return self.whole_value(Root::StatusCode, end);
        }
        if let Some(right) = self.json_of(kind, at, first) {
            let message = format!("a {whole} has no part `{first}`");
            return self.wrong(Code::ExpressionSyntax, self.start..end, message, Some(format!("write {right}")));
        }
        if self.position != Position::Text && ["header", "headers"].contains(&first) {
            let message = format!("`{}` does not say which header", self.written(end));
            let help = format!("write ${whole}.header.<name>");
            return self.wrong(Code::ExpressionSyntax, self.start..end, message, Some(help));
        }
        let help = nearest(first, kind.parts().iter().copied()).map_or_else(
            || match kind {
                MessageKind::Request => {
                    Help::words("a request has `header.<name>`, `query.<name>`, `path.<name>` and `body`")
                }
                MessageKind::Response => Help::words("a response has `header.<name>` and `body`"),
                MessageKind::Message => Help::words("a message has `header.<name>` and `payload`"),
            },
            |near| Help::meant_behind(format!("${whole}."), near),
        );
        self.wrong(Code::ExpressionSyntax, self.start..end, format!("a {whole} has no part `{first}`"), Some(help))
    }

    /// `$response.json.id`, `$response.data.id`: the body, by the word of another tool.
    fn json_of(&self, kind: MessageKind, at: usize, first: &str) -> Option<String> {
        if self.position == Position::Text || !["json", "data", "content", "payload"].contains(&first) {
            return None;
        }
        let (_, content) = kind.content();
        let rest = self.rest(at + first.len());
        let ends = |c: char| c.is_whitespace() || "=!<>&|(){}".contains(c);
        let way = rest.get(..rest.find(ends).unwrap_or(rest.len()))?;
        let root = format!("${}.{content}", kind.word());
        if way.is_empty() || way.starts_with("#/") {
            return Some(format!("{root}{way}"));
        }
        let query = jsonpath::Query::parse(&format!("${way}"), jsonpath::Dialect::Rfc9535, false).ok()?;
        Some(format!("{root}#{}", query.to_pointer()?))
    }

    /// The name of a query or path parameter, which may hold almost anything: alone, all that follows.
    fn parameter_name(&self, at: usize) -> String {
        let rest = self.rest(at);
        match self.position {
            Position::Whole => rest.to_owned(),
            Position::Text => rest.chars().take_while(|c| is_strict(*c)).collect(),
            Position::Condition => {
                let ends = |c: char| c.is_whitespace() || "'\"()=!<>&|,{}".contains(c);
                rest.split(ends).next().unwrap_or_default().to_owned()
            }
        }
    }
}

/// `true` if the text begins with this word and not with a longer one.
fn is_word(text: &str, word: &str) -> bool {
    let after = text.strip_prefix(word);
    after.is_some_and(|after| !after.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')))
}

fn is_tchar(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}
