//! A query taken apart as far as needed: literals, comments, placeholders, names, and how deep brackets nest.

use std::ops::Range;

use super::{Piece, local};
use crate::diagnostic::Help;
use crate::expr::jsonpath::{Placeholder, SyntaxError};

/// How many signs may follow one another: the parser calls itself for them.
const SIGNS: usize = 48;

/// The parser tries each bracket twice, and what is in it: a bracket costs two to the power of its depth.
const BRACKETS: u64 = 2048;

/// The parts of a query.
#[derive(Default)]
pub(super) struct Scanned {
    pub(super) pieces: Vec<Piece>,
    pub(super) placeholders: Vec<Placeholder>,
    /// Names outside of literals and comments, with their places.
    pub(super) names: Vec<(Range<usize>, String)>,
}

/// Functions whose second argument is a pattern, with the place of their flags.
const PATTERNS: [(&str, usize); 4] = [("matches", 2), ("tokenize", 2), ("analyze-string", 2), ("replace", 3)];

/// A bracket that is open; if it is that of a call, of which function.
struct Call {
    /// Where its pattern and its flags stand, if it has some.
    places: Option<(usize, usize)>,
    /// The argument that is read, and where that begins.
    argument: usize,
    begins: usize,
    /// The placeholders in its pattern.
    placeholders: Vec<usize>,
}

impl Call {
    /// What a bracket at `at` opens; `before` is the text in front of it.
    fn of(bracket: char, before: &str, names: &[(Range<usize>, String)], at: usize) -> Self {
        let before = before.trim_end();
        let name = names.last().filter(|(_, name)| bracket == '(' && before.ends_with(name.as_str()));
        let places = name.and_then(|(_, name)| {
            let (_, flags) = PATTERNS.iter().find(|(known, _)| *known == local(name))?;
            // `.. => matches('a')`: the first argument stands in front of the arrow.
            let given = before.strip_suffix(name.as_str())?.trim_end().ends_with("=>");
            Some(if given { (0, flags - 1) } else { (1, *flags) })
        });
        Self { places, argument: 0, begins: at + 1, placeholders: vec![] }
    }

    fn is_in_pattern(&self) -> bool {
        self.places.is_some_and(|(pattern, _)| pattern == self.argument)
    }

    /// `true` if its flags, which end at `end`, say that its pattern is a text as it is.
    fn is_literal(&self, text: &str, end: usize) -> bool {
        let flags = self.places.filter(|(_, flags)| *flags == self.argument);
        let flags = flags.and_then(|_| text.get(self.begins..end)).unwrap_or_default().trim();
        flags.len() > 2 && flags.starts_with(['\'', '"']) && flags.contains('q')
    }
}

/// Takes a query apart; with `placeholders`, expressions in braces may stand for values.
pub(super) fn scan(text: &str, placeholders: bool) -> Result<Scanned, SyntaxError> {
    let mut scanner = Scanner { text, ..Scanner::default() };
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        at += if placeholders && scanner.comments == 0 && (rest.starts_with("{$") || blank_braces(rest)) {
            scanner.placeholder(at, rest)?
        } else {
            scanner.token(at, rest)?
        };
    }
    scanner.scanned.pieces.push(Piece::Text(scanner.plain));
    Ok(scanner.scanned)
}

/// `true` for `{ $inputs.a }`: an expression with blanks before it in its braces.
fn blank_braces(text: &str) -> bool {
    let inner = text.strip_prefix('{').filter(|inner| inner.starts_with(' ')).map(str::trim_start);
    inner.is_some_and(crate::expr::parse::begins_expression)
}

/// The state between two tokens.
#[derive(Default)]
struct Scanner<'t> {
    text: &'t str,
    scanned: Scanned,
    /// The text since the last placeholder.
    plain: String,
    /// The quote of the literal that is open.
    quote: Option<char>,
    /// Comments that are open: they nest.
    comments: usize,
    /// Brackets that are open.
    calls: Vec<Call>,
    depth: u32,
    /// The cost of all brackets so far.
    brackets: u64,
    /// Signs that followed one another.
    signs: usize,
}

impl Scanner<'_> {
    /// Takes in the placeholder at `at`, with which `rest` begins; its bytes.
    fn placeholder(&mut self, at: usize, rest: &str) -> Result<usize, SyntaxError> {
        let Some(length) = rest.find('}') else {
            return Err(SyntaxError {
                at: at..self.text.len(),
                message: "this brace is never closed".to_owned(),
                help: Some(Help::words("write the expression as {$…}")),
            });
        };
        let number = self.scanned.placeholders.len();
        self.scanned.pieces.push(Piece::Text(std::mem::take(&mut self.plain)));
        self.scanned.pieces.push(Piece::Placeholder(number, self.quote));
        let in_pattern = self.calls.iter().any(Call::is_in_pattern);
        self.calls.iter_mut().filter(|call| call.is_in_pattern()).for_each(|call| call.placeholders.push(number));
        let in_string = self.quote.is_some();
        let inner = rest.get(1..length).unwrap_or_default();
        let start = at + 1 + inner.len() - inner.trim_start().len();
        let range = start..start + inner.trim().len();
        let blanks = (range != (at + 1..at + length)).then(|| at..at + length + 1);
        self.scanned.placeholders.push(Placeholder {
            range,
            in_string,
            in_pattern,
            braced: true,
            blanks,
            quotes: None,
        });
        Ok(length + 1)
    }

    /// Takes in the name, bracket or character at `at`, with which `rest` begins; its bytes.
    fn token(&mut self, at: usize, rest: &str) -> Result<usize, SyntaxError> {
        let next = rest.chars().next().unwrap_or_default();
        let mut width = next.len_utf8();
        match (self.quote, next) {
            (Some(open), _) if next == open => self.quote = None,
            (Some(_), _) => {}
            (None, '(') if rest.starts_with("(:") => {
                self.comments += 1;
                width = 2;
            }
            (None, ':') if self.comments > 0 && rest.starts_with(":)") => {
                self.comments -= 1;
                width = 2;
            }
            (None, _) if self.comments > 0 => {}
            (None, '\'' | '"') => self.quote = Some(next),
            (None, '(' | '[' | '{') => {
                self.calls.push(Call::of(next, &self.plain, &self.scanned.names, at));
                self.depth += 1;
                self.brackets = self.brackets.saturating_add(1u64.checked_shl(self.depth).unwrap_or(u64::MAX));
            }
            (None, ')' | ']' | '}') => self.close(at),
            (None, ',') => {
                if let Some(call) = self.calls.last_mut() {
                    (call.argument, call.begins) = (call.argument + 1, at + 1);
                }
            }
            (None, c) if c.is_alphabetic() || c == '_' => width = self.name(at, rest),
            _ => {}
        }
        self.signs = match next {
            '-' | '+' => self.signs + 1,
            blank if blank.is_whitespace() => self.signs,
            _ => 0,
        };
        if self.brackets > BRACKETS || self.signs > SIGNS {
            let message = "the query is nested too deeply: about ten levels of brackets are read".to_owned();
            return Err(SyntaxError { at: at..self.text.len(), message, help: None });
        }
        self.plain.push_str(rest.get(..width).unwrap_or_default());
        Ok(width)
    }

    /// Closes a bracket: now the flags of its call are known.
    fn close(&mut self, at: usize) {
        self.depth = self.depth.saturating_sub(1);
        let Some(call) = self.calls.pop().filter(|call| call.is_literal(self.text, at)) else { return };
        for number in call.placeholders {
            if let Some(placeholder) = self.scanned.placeholders.get_mut(number) {
                placeholder.in_pattern = false;
            }
        }
    }

    /// Takes in the name at `at`, with which `rest` begins; its bytes.
    fn name(&mut self, at: usize, rest: &str) -> usize {
        let ends = |c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':'));
        let length = rest.find(ends).unwrap_or(rest.len());
        let name = rest.get(..length).unwrap_or_default();
        // `child::a`: an axis is no prefix.
        let name = name.rsplit_once("::").map_or(name, |(_, name)| name).trim_end_matches(':');
        self.scanned.names.push((at..at + length, name.to_owned()));
        length
    }
}
