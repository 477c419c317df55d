//! The characters of a query: blanks, names, numbers, strings, and expressions in braces.
//!
//! RFC 9535 gives blanks a meaning (`$. a` is no query, `$ .a` is one), so there is no list of tokens: the grammar
//! asks the cursor for what may stand next. Knows no grammar; never goes back further than a peek.

use std::ops::Range;

use crate::value::{Json as Value, Number};

use super::SyntaxError;

/// The greatest index, and the smallest when negated: RFC 9535, 2.1, integers are those of I-JSON.
const GREATEST_INTEGER: i64 = (1 << 53) - 1;

/// How many characters of the author's text a message repeats.
const QUOTED: usize = 40;

/// A place in the text.
pub(super) struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

/// A part of a quoted string, in the order of the text.
pub(super) enum Part {
    /// Characters, escapes resolved.
    Text(String),
    /// `{$…}`: where the text inside the braces is.
    Placeholder(Range<usize>),
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// The byte that comes next.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Everything that was not read yet.
    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn written(&self, range: Range<usize>) -> &'t str {
        self.text.get(range).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    pub(super) fn sees(&self, text: &str) -> bool {
        self.rest().starts_with(text)
    }

    pub(super) fn eat(&mut self, text: &str) -> bool {
        let there = self.sees(text);
        if there {
            self.at += text.len();
        }
        there
    }

    pub(super) fn blanks(&mut self) {
        self.at += blanks(self.rest());
    }

    /// The rest behind the blanks, without reading them: blanks belong to what follows them.
    pub(super) fn behind_blanks(&self) -> &'t str {
        let rest = self.rest();
        rest.get(blanks(rest)..).unwrap_or_default()
    }

    /// What stands next, as a message shows it: a word, else a character.
    pub(super) fn token(&self) -> Range<usize> {
        let rest = self.rest();
        let word = span(rest, |c| is_name(c) || c == '-').min(self.nth(QUOTED));
        let length = match word {
            0 => rest.chars().next().map_or(0, char::len_utf8),
            word => word,
        };
        self.at..self.at + length
    }

    /// The bytes of the next `count` characters.
    fn nth(&self, count: usize) -> usize {
        let rest = self.rest();
        rest.char_indices().nth(count).map_or(rest.len(), |(at, _)| at)
    }

    /// ``expected …, found `…` ``
    pub(super) fn expected(&self, what: &str) -> SyntaxError {
        let token = self.token();
        let found = match self.written(token.clone()) {
            "" => "the end".to_owned(),
            blank if blanks(blank) > 0 => "a blank".to_owned(),
            text => format!("`{}`", text.escape_debug()),
        };
        SyntaxError::new(token, format!("expected {what}, found {found}"))
    }

    /// A word of letters, digits and `_`, such as the name of a function; empty if there is none.
    pub(super) fn word(&self) -> &'t str {
        let rest = self.rest();
        rest.get(..span(rest, |c| c.is_ascii_alphanumeric() || c == '_')).unwrap_or_default()
    }

    /// `member-name-shorthand` (RFC 9535, 2.5.1.1)
    pub(super) fn name(&mut self) -> Option<&'t str> {
        let rest = self.rest();
        if !rest.starts_with(|c: char| is_name(c) && !c.is_ascii_digit()) {
            return None;
        }
        let name = rest.get(..span(rest, is_name))?;
        self.at += name.len();
        Some(name)
    }

    /// `int` (RFC 9535, 2.3.3.1); `None` if there is no digit and no sign.
    pub(super) fn integer(&mut self) -> Result<Option<i64>, SyntaxError> {
        let rest = self.rest();
        let sign = usize::from(rest.starts_with('-'));
        let digits = span(rest.get(sign..).unwrap_or_default(), |c| c.is_ascii_digit());
        if sign + digits == 0 {
            return Ok(None);
        }
        let range = self.at..self.at + sign + digits;
        let text = self.written(range.clone());
        if digits == 0 {
            return Err(SyntaxError::new(range, "expected a digit after `-`"));
        }
        if text.starts_with("-0") || (text.starts_with('0') && digits > 1) {
            let message = format!("the index `{}` begins with a zero", shortened(text));
            return Err(SyntaxError::new(range, message));
        }
        let value = text.parse::<i64>().ok();
        let Some(value) = value.filter(|v| v.abs() <= GREATEST_INTEGER) else {
            let message = format!("the index `{}` is out of range", shortened(text));
            return Err(SyntaxError::new(range, message));
        };
        self.at = range.end;
        Ok(Some(value))
    }

    /// `number` (RFC 9535, 2.3.5.1): exact if it is an integer of 64 bits, else the nearest double.
    pub(super) fn number(&mut self) -> Result<Value, SyntaxError> {
        let start = self.at;
        self.eat("-");
        let whole = self.digits()?;
        if whole.len() > 1 && whole.starts_with('0') {
            let message = format!("the number `{}` begins with a zero", shortened(whole));
            return Err(SyntaxError::new(start..self.at, message));
        }
        if self.eat(".") {
            self.digits()?;
        }
        if self.eat("e") || self.eat("E") {
            if !self.eat("-") {
                self.eat("+");
            }
            self.digits()?;
        }
        let text = self.written(start..self.at);
        Number::parse(text).map(Value::Number).ok_or_else(|| {
            let message = format!("the number `{}` is too large", shortened(text));
            SyntaxError::new(start..self.at, message)
        })
    }

    fn digits(&mut self) -> Result<&'t str, SyntaxError> {
        let rest = self.rest();
        let digits = rest.get(..span(rest, |c| c.is_ascii_digit())).unwrap_or_default();
        if digits.is_empty() {
            return Err(self.expected("a digit"));
        }
        self.at += digits.len();
        Ok(digits)
    }

    /// `string-literal` (RFC 9535, 2.3.1.1) from its opening quote on; with `placeholders`, `{$…}` in it is a part of its own.
    pub(super) fn string(&mut self, placeholders: bool) -> Result<Vec<Part>, SyntaxError> {
        let start = self.at;
        let quote = self.next();
        let mut parts = vec![];
        let mut text = String::new();
        loop {
            if placeholders && (self.sees("{$") || self.blank_braces()) {
                if !text.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut text)));
                }
                parts.push(Part::Placeholder(self.placeholder(quote)?));
                continue;
            }
            let place = self.at;
            match self.next() {
                None => {
                    return Err(SyntaxError::new(start..self.at, "this string is never closed"));
                }
                next if next == quote => break,
                Some('\\') => text.push(self.escape(place, quote)?),
                Some(c) if c < ' ' => {
                    let message = "a control character in a string must be escaped";
                    let help = format!("write `{}`", c.escape_default());
                    return Err(SyntaxError::new(place..self.at, message).help(help));
                }
                Some(c) => text.push(c),
            }
        }
        if !text.is_empty() || parts.is_empty() {
            parts.push(Part::Text(text));
        }
        Ok(parts)
    }

    /// The character that an escape stands for; `place` is its backslash.
    fn escape(&mut self, place: usize, quote: Option<char>) -> Result<char, SyntaxError> {
        let next = self.next();
        Ok(match next {
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some(c @ ('/' | '\\')) => c,
            Some('u') => return self.code_point(place),
            Some(c) if next == quote => c,
            Some(c) => {
                let text = self.written(place..self.at).escape_debug();
                let error = SyntaxError::new(place..self.at, format!("unknown escape `{text}`"));
                return Err(match c {
                    '"' | '\'' => error.help(format!("`{c}` needs no escape in this string")),
                    _ => error.help("a backslash is written `\\\\`"),
                });
            }
            None => {
                return Err(SyntaxError::new(place..self.at, "the text ends in an escape"));
            }
        })
    }

    /// The rest of `\uXXXX`, or of a pair of them that stands for one character beyond U+FFFF.
    fn code_point(&mut self, place: usize) -> Result<char, SyntaxError> {
        let first = self.hex(place)?;
        let code = match first {
            0xD800..=0xDBFF if self.eat("\\u") => match self.hex(place)? {
                second @ 0xDC00..=0xDFFF => 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00),
                _ => first,
            },
            code => code,
        };
        char::from_u32(code).ok_or_else(|| {
            let text = self.written(place..self.at);
            SyntaxError::new(place..self.at, format!("`{text}` is half of a surrogate pair"))
        })
    }

    fn hex(&mut self, place: usize) -> Result<u32, SyntaxError> {
        let digits = self.written(self.at..self.at + 4);
        if digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            self.at += 4;
            return Ok(u32::from_str_radix(digits, 16).unwrap_or_default());
        }
        Err(SyntaxError::new(place..self.at, "expected four hexadecimal digits after `\\u`"))
    }

    /// `true` before `{ $inputs.a }`: an expression with blanks before it in its braces.
    fn blank_braces(&self) -> bool {
        let inner = self.rest().strip_prefix('{').filter(|inner| inner.starts_with(' ')).map(str::trim_start);
        inner
            .and_then(|inner| inner.strip_prefix('$'))
            .is_some_and(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()))
    }

    /// The range of an expression without the blanks around it, and that of its braces if there were some.
    pub(super) fn without_blanks(&self, range: Range<usize>) -> (Range<usize>, Option<Range<usize>>) {
        let written = self.written(range.clone());
        let start = range.start + written.len() - written.trim_start().len();
        let inner = start..start + written.trim().len();
        let blanks = (inner != range).then(|| range.start.saturating_sub(1)..range.end + 1);
        (inner, blanks)
    }

    /// `{$…}` from its brace on: where the text inside is. `quote` is the quote of the string it stands in.
    pub(super) fn placeholder(&mut self, quote: Option<char>) -> Result<Range<usize>, SyntaxError> {
        let start = self.at;
        let blanks = self.blank_braces();
        self.eat("{");
        if !self.sees("$") && !blanks {
            let error = self.expected("`$` after `{`");
            return Err(error.help("an expression in braces is written `{$inputs.name}`"));
        }
        loop {
            let inside = start + 1..self.at;
            match self.peek() {
                Some('}') if inside.len() == 1 => {
                    self.next();
                    return Err(SyntaxError::new(start..self.at, "this expression is empty"));
                }
                Some('}') => {
                    self.next();
                    return Ok(inside);
                }
                Some(c) if c != '{' && Some(c) != quote => self.next(),
                _ => {
                    let error = SyntaxError::new(start..self.at, "this brace is never closed");
                    return Err(error.help("an expression in braces is written `{$inputs.name}`"));
                }
            };
        }
    }
}

/// `name-char` (RFC 9535, 2.5.1.1)
fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii()
}

/// The bytes of the blanks that the text begins with; RFC 9535 has these four.
pub(super) fn blanks(text: &str) -> usize {
    span(text, |c| matches!(c, ' ' | '\t' | '\n' | '\r'))
}

/// The bytes of the characters that the text begins with and that `fits` accepts.
fn span(text: &str, fits: impl Fn(char) -> bool) -> usize {
    text.find(|c| !fits(c)).unwrap_or(text.len())
}

/// The author's text in a message: at most [`QUOTED`] characters of it.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
