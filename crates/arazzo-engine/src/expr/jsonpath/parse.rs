//! The grammar of RFC 9535 (2.1 to 2.5), by recursive descent with a bounded depth. Text → tree; checks types.

use std::ops::Range;

use crate::value::Json as Value;

use super::functions::{self, Argument, NAMES};
use super::lex::{Cursor, Part, shortened};
use super::tree::{Call, Logical, Operand, Operator, Path, Root, Segment, Selector};
use super::{Dialect, Piece, Placeholder, SyntaxError};
use crate::diagnostic::{Help, nearest};
use crate::expr::roots::begins_expression;

/// How deep parentheses, filters and calls may nest.
const DEPTH: usize = 64;

/// A tree with the placeholders it refers to.
pub(super) struct Parsed<T> {
    pub(super) tree: T,
    pub(super) placeholders: Vec<Placeholder>,
    pub(super) texts: Vec<Vec<Piece>>,
}

/// Parses `jsonpath-query`.
pub(super) fn query(
    text: &str,
    dialect: Dialect,
    placeholders: bool,
    quoted: bool,
) -> Result<Parsed<Path>, SyntaxError> {
    let mut parser = Parser { dialect, quoted, ..Parser::new(text, placeholders, false) };
    if placeholders {
        // A query of a document, which says what is to be said about blanks before it.
        parser.cursor.blanks();
    }
    if !parser.cursor.sees("$") {
        let error = parser.cursor.expected("`$`");
        let name = parser.cursor.word();
        return Err(if name.is_empty() {
            error
        } else {
            error.help(format!("a path begins with `$`: `$.{}`", shortened(name)))
        });
    }
    let path = parser.path()?;
    parser.end("a segment such as `.name` or `[0]`")?;
    Ok(parser.parsed(path))
}

/// Parses `logical-expr`, in which `$` and `@` are both the context.
pub(super) fn comparison(text: &str, placeholders: bool, quoted: bool) -> Result<Parsed<Logical>, SyntaxError> {
    let mut parser = Parser { quoted, ..Parser::new(text, placeholders, true) };
    parser.cursor.blanks();
    let logical = parser.or()?;
    parser.cursor.blanks();
    parser.end("`&&`, `||` or the end")?;
    Ok(parser.parsed(logical))
}

struct Parser<'t> {
    cursor: Cursor<'t>,
    allow_holes: bool,
    /// `true` if a string that is one expression is that.
    quoted: bool,
    placeholders: Vec<Placeholder>,
    texts: Vec<Vec<Piece>>,
    dialect: Dialect,
    /// The comparison form.
    bare: bool,
    /// Filters that are open: inside one, `@` is the value that it tests.
    filters: usize,
    depth: usize,
}

/// What stands where a comparison or a test may begin.
enum Basic {
    Operand(Operand, Range<usize>),
    Function(functions::Function, Range<usize>),
}

impl<'t> Parser<'t> {
    fn new(text: &'t str, allow_holes: bool, bare: bool) -> Self {
        Self {
            cursor: Cursor::new(text),
            allow_holes,
            quoted: false,
            placeholders: vec![],
            texts: vec![],
            dialect: Dialect::Rfc9535,
            bare,
            filters: 0,
            depth: 0,
        }
    }

    fn parsed<T>(self, tree: T) -> Parsed<T> {
        Parsed { tree, placeholders: self.placeholders, texts: self.texts }
    }

    fn end(&self, what: &str) -> Result<(), SyntaxError> {
        if self.cursor.rest().is_empty() {
            return Ok(());
        }
        let error = self.cursor.expected(what);
        let word = self.cursor.word().to_ascii_lowercase();
        Err(match word.as_str() {
            "and" => error.help("and is written `&&`"),
            "or" => error.help("or is written `||`"),
            "contains" => error.help("a list is searched by a filter: `$.tags[?@ == 'x']`"),
            "in" => error.help("write each comparison, with `||` between them"),
            _ if self.cursor.sees("=~") => error.help("write `match(path, 'pattern')` or `search(path, 'pattern')`"),
            _ if self.cursor.sees("=") => error.help("equality is written `==`"),
            _ if self.cursor.sees("&") => error.help("and is written `&&`"),
            _ if self.cursor.sees("|") => error.help("or is written `||`"),
            _ => error,
        })
    }

    /// Runs `inner` one level deeper.
    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, SyntaxError>) -> Result<T, SyntaxError> {
        if self.depth >= DEPTH {
            return Err(SyntaxError::new(
                self.cursor.token(),
                format!("the query is nested deeper than {DEPTH} levels"),
            ));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    /// `$` or `@`, and segments.
    fn path(&mut self) -> Result<Path, SyntaxError> {
        let start = self.cursor.at();
        let bare = self.bare && self.filters == 0;
        let root = match self.cursor.next() {
            Some('@') if !bare => Root::Current,
            _ => Root::Context,
        };
        let mut segments = vec![];
        while self.cursor.behind_blanks().starts_with(['.', '[']) {
            self.cursor.blanks();
            segments.push(self.segment()?);
        }
        let script = self.dialect == Dialect::Goessner && self.filters > 0;
        if bare || script {
            self.call_of_length(&mut segments);
        }
        let length = (bare || script)
            && matches!(segments.last().and_then(Segment::only), Some(Selector::Name(name)) if name == "length");
        Ok(Path { root, segments, length, range: start..self.cursor.at() })
    }

    /// `.length()`, `.size()`: what other versions call, where this one reads a member.
    fn call_of_length(&mut self, segments: &mut [Segment]) {
        let called = |name: &str| matches!(name, "length" | "size");
        if let Some(last) = segments.last_mut()
            && matches!(last.only(), Some(Selector::Name(name)) if called(name))
            && self.cursor.eat("()")
        {
            *last = Segment::Child(vec![Selector::Name("length".to_owned())]);
        }
    }

    fn segment(&mut self) -> Result<Segment, SyntaxError> {
        if self.cursor.eat("..") {
            if self.cursor.sees("[") {
                return self.brackets().map(Segment::Descendant);
            }
            return self.shorthand("a name, `*` or `[` after `..`").map(|selector| Segment::Descendant(vec![selector]));
        }
        if self.cursor.eat(".") {
            return self.shorthand("a name or `*` after `.`").map(|selector| Segment::Child(vec![selector]));
        }
        self.brackets().map(Segment::Child)
    }

    fn shorthand(&mut self, what: &str) -> Result<Selector, SyntaxError> {
        if self.cursor.eat("*") {
            return Ok(Selector::Wildcard);
        }
        match self.cursor.name() {
            Some(name) => Ok(Selector::Name(name.to_owned())),
            None => {
                let error = self.cursor.expected(what);
                let digit = self.cursor.peek().is_some_and(|c| c.is_ascii_digit());
                Err(if digit { error.help("an index stands in brackets: `[0]`") } else { error })
            }
        }
    }

    fn brackets(&mut self) -> Result<Vec<Selector>, SyntaxError> {
        let start = self.cursor.at();
        self.cursor.eat("[");
        let mut selectors = vec![];
        loop {
            self.cursor.blanks();
            selectors.push(self.selector()?);
            self.cursor.blanks();
            if self.cursor.eat("]") {
                return Ok(selectors);
            }
            if !self.cursor.eat(",") {
                if self.cursor.rest().is_empty() {
                    return Err(SyntaxError::new(start..start + 1, "this bracket is never closed"));
                }
                return Err(self.cursor.expected("`,` or `]`"));
            }
        }
    }

    fn selector(&mut self) -> Result<Selector, SyntaxError> {
        match self.cursor.peek() {
            Some('\'' | '"') => match self.string()? {
                Operand::Spliced(number) => Ok(Selector::SplicedName(number)),
                Operand::Literal(Value::String(name)) => Ok(Selector::Name(name)),
                _ => Err(self.cursor.expected("a name")),
            },
            Some('*') => {
                self.cursor.next();
                Ok(Selector::Wildcard)
            }
            Some('(') if self.dialect == Dialect::Goessner => self.script(),
            Some('?') => {
                self.cursor.next();
                self.cursor.blanks();
                if self.dialect == Dialect::Goessner && !self.cursor.sees("(") {
                    return Err(self.cursor.expected("`(` after `?`").help("in this version a filter is `?(…)`"));
                }
                self.filters += 1;
                let logical = self.deeper(Self::or);
                self.filters -= 1;
                logical.map(Selector::Filter)
            }
            _ => self.index_or_slice(),
        }
    }

    /// `(@.length-1)`: the script that counts from the end, which is the one that this version is used for.
    fn script(&mut self) -> Result<Selector, SyntaxError> {
        let start = self.cursor.at();
        self.cursor.eat("(");
        self.cursor.blanks();
        if self.cursor.eat("@.length") {
            self.cursor.blanks();
            if self.cursor.eat("-") {
                self.cursor.blanks();
                if let Some(back) = self.cursor.integer()?.filter(|back| *back > 0) {
                    self.cursor.blanks();
                    if self.cursor.eat(")") {
                        return Ok(Selector::Index(-back));
                    }
                }
            }
        }
        let message = "the only script that is evaluated is `(@.length-1)`, with any number";
        Err(SyntaxError::new(start..self.cursor.at().max(start + 1), message)
            .help("write a negative index or a filter"))
    }

    fn index_or_slice(&mut self) -> Result<Selector, SyntaxError> {
        let start = self.cursor.integer()?;
        if !self.cursor.behind_blanks().starts_with(':') {
            return start.map(Selector::Index).ok_or_else(|| {
                let error = self.cursor.expected("a name in quotes, an index, `*` or `?`");
                if self.cursor.sees("(") {
                    error.help("count from the end with a negative index: `[-1]`")
                } else {
                    error
                }
            });
        }
        self.cursor.blanks();
        self.cursor.eat(":");
        self.cursor.blanks();
        let end = self.cursor.integer()?;
        let mut step = None;
        if self.cursor.behind_blanks().starts_with(':') {
            self.cursor.blanks();
            self.cursor.eat(":");
            if self.cursor.behind_blanks().starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
                self.cursor.blanks();
                step = self.cursor.integer()?;
            }
        }
        Ok(Selector::Slice { start, end, step: step.unwrap_or(1) })
    }

    fn or(&mut self) -> Result<Logical, SyntaxError> {
        self.list("||", Self::and, Logical::Or)
    }

    fn and(&mut self) -> Result<Logical, SyntaxError> {
        self.list("&&", Self::basic, Logical::And)
    }

    fn list(
        &mut self,
        sign: &str,
        part: fn(&mut Self) -> Result<Logical, SyntaxError>,
        join: fn(Vec<Logical>) -> Logical,
    ) -> Result<Logical, SyntaxError> {
        let first = part(self)?;
        if !self.cursor.behind_blanks().starts_with(sign) {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.cursor.behind_blanks().starts_with(sign) {
            self.cursor.blanks();
            self.cursor.eat(sign);
            self.cursor.blanks();
            parts.push(part(self)?);
        }
        Ok(join(parts))
    }

    /// `basic-expr`: in parentheses, negated, a comparison, or a test.
    fn basic(&mut self) -> Result<Logical, SyntaxError> {
        if self.cursor.sees("!") {
            self.cursor.eat("!");
            self.cursor.blanks();
            if self.cursor.sees("(") {
                return self.parentheses().map(|inner| Logical::Not(Box::new(inner)));
            }
            let basic = self.operand()?;
            return self.tested(basic).map(|inner| Logical::Not(Box::new(inner)));
        }
        if self.cursor.sees("(") {
            return self.parentheses();
        }
        let left = self.operand()?;
        let Some(operator) = self.operator()? else { return self.tested(left) };
        let left = self.compared(left)?;
        self.cursor.blanks();
        let right = self.operand()?;
        Ok(Logical::Compare(left, operator, self.compared(right)?))
    }

    fn parentheses(&mut self) -> Result<Logical, SyntaxError> {
        let start = self.cursor.at();
        self.cursor.eat("(");
        self.cursor.blanks();
        let inner = self.deeper(Self::or)?;
        self.cursor.blanks();
        if self.cursor.eat(")") {
            return Ok(inner);
        }
        if self.cursor.rest().is_empty() {
            return Err(SyntaxError::new(start..start + 1, "this parenthesis is never closed"));
        }
        self.end("`)`")?;
        Err(self.cursor.expected("`)`"))
    }

    /// The operator behind blanks, if there is one.
    fn operator(&mut self) -> Result<Option<Operator>, SyntaxError> {
        let rest = self.cursor.behind_blanks();
        let found = [
            ("==", Operator::Equal),
            ("!=", Operator::NotEqual),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ]
        .into_iter()
        .find(|(sign, _)| rest.starts_with(sign));
        let Some((sign, operator)) = found else { return Ok(None) };
        self.cursor.blanks();
        let at = self.cursor.at();
        self.cursor.eat(sign);
        // `===` and `!==` of the scripts that this version grew up with.
        if self.dialect == Dialect::Goessner && matches!(operator, Operator::Equal | Operator::NotEqual) {
            self.cursor.eat("=");
        }
        if self.cursor.sees("=") {
            let error = SyntaxError::new(at..self.cursor.at() + 1, format!("`{sign}=` is not an operator"));
            return Err(error.help(format!("write `{sign}`")));
        }
        Ok(Some(operator))
    }

    /// `literal`, a path, a call, or an expression in braces.
    fn operand(&mut self) -> Result<Basic, SyntaxError> {
        let start = self.cursor.at();
        let operand = match self.cursor.peek() {
            Some('\'' | '"') => self.string()?,
            Some('-' | '0'..='9') => Operand::Literal(self.cursor.number()?),
            Some('$') if let Some(length) = expression_length(self.cursor.rest()).filter(|_| self.allow_holes) => {
                Operand::Placeholder(self.unbraced(length))
            }
            Some('$' | '@') => Operand::Path(self.path()?),
            Some('{') => Operand::Placeholder(self.placeholder()?),
            _ => return self.word(),
        };
        Ok(Basic::Operand(operand, start..self.cursor.at()))
    }

    /// `true`, `false`, `null`, or a call.
    fn word(&mut self) -> Result<Basic, SyntaxError> {
        let start = self.cursor.at();
        let word = self.cursor.word();
        let literal = match word {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            "null" => Some(Value::Null),
            _ => None,
        };
        let after = self.cursor.rest().get(word.len()..).unwrap_or_default();
        if let Some(value) = literal.filter(|_| !after.starts_with('(')) {
            self.cursor.eat(word);
            return Ok(Basic::Operand(Operand::Literal(value), start..self.cursor.at()));
        }
        if word.is_empty() || !after.starts_with('(') {
            let error = self.cursor.expected("a path, a value or a function");
            return Err(match word {
                "" => error,
                word => error.help(format!("write `'{0}'` for a text, `$.{0}` for a member", shortened(word))),
            });
        }
        if !NAMES.contains(&word) {
            let error =
                SyntaxError::new(start..start + word.len(), format!("there is no function `{}`", shortened(word)));
            let help = nearest(word, NAMES)
                .map_or_else(|| Help::words(format!("functions: {}", NAMES.join(", "))), Help::meant);
            return Err(error.help(help));
        }
        self.cursor.eat(word);
        self.cursor.eat("(");
        let arguments = self.deeper(Self::arguments)?;
        let range = start..self.cursor.at();
        if let ("match" | "search", [_, pattern, ..]) = (word, arguments.as_slice()) {
            let inside = |placeholder: &&mut Placeholder| {
                pattern.range.start <= placeholder.range.start && placeholder.range.end <= pattern.range.end
            };
            self.placeholders.iter_mut().filter(inside).for_each(|placeholder| placeholder.in_pattern = true);
        }
        Ok(Basic::Function(functions::call(word, arguments, range.clone())?, range))
    }

    fn arguments(&mut self) -> Result<Vec<Argument>, SyntaxError> {
        let mut arguments = vec![];
        self.cursor.blanks();
        if self.cursor.eat(")") {
            return Ok(arguments);
        }
        loop {
            let basic = self.operand()?;
            let (operand, range) = match basic {
                Basic::Operand(operand, range) => (operand, range),
                Basic::Function(function, range) => {
                    let text = self.cursor.written(range.clone()).to_owned();
                    (function.compared(&text, range.clone())?, range)
                }
            };
            let text = self.cursor.written(range.clone()).to_owned();
            arguments.push(Argument { operand, range, text });
            self.cursor.blanks();
            if self.cursor.eat(")") {
                return Ok(arguments);
            }
            if !self.cursor.eat(",") {
                return Err(self.cursor.expected("`,` or `)`"));
            }
            self.cursor.blanks();
        }
    }

    /// What stands alone must be a test.
    fn tested(&self, basic: Basic) -> Result<Logical, SyntaxError> {
        match basic {
            Basic::Operand(Operand::Path(path), _) if self.dialect == Dialect::Goessner => Ok(Logical::Truthy(path)),
            Basic::Operand(Operand::Path(path), _) if !path.length => Ok(Logical::Exists(path)),
            Basic::Function(function, range) => function.tested(self.cursor.written(range.clone()), range),
            Basic::Operand(_, range) => {
                let rest = self.cursor.behind_blanks();
                let help = if rest.starts_with("=~") {
                    "write `match(path, 'pattern')`"
                } else if rest.starts_with('=') {
                    "equality is written `==`"
                } else {
                    "write `path == value`"
                };
                let message = format!("`{}` is compared with nothing", shortened(self.cursor.written(range.clone())));
                Err(SyntaxError::new(range, message).help(help))
            }
        }
    }

    /// What stands beside an operator must be one value.
    fn compared(&self, basic: Basic) -> Result<Operand, SyntaxError> {
        match basic {
            // `.length` of a filter: how many values it selects (docs/readings.md, `jsonpath-comparison`).
            Basic::Operand(Operand::Path(mut path), range) if path.length && !path.is_singular() => {
                path.segments.pop();
                path.length = false;
                Ok(Operand::Call(Box::new(Call::Count(path)), range))
            }
            Basic::Operand(Operand::Path(path), range) if !path.is_singular() => {
                let message = format!(
                    "`{}` may select several values, and one is compared",
                    shortened(self.cursor.written(range.clone()))
                );
                Err(SyntaxError::new(range, message).help("name one value, or use `count` or `value`"))
            }
            Basic::Operand(operand, _) => Ok(operand),
            Basic::Function(function, range) => function.compared(self.cursor.written(range.clone()), range),
        }
    }

    fn string(&mut self) -> Result<Operand, SyntaxError> {
        let start = self.cursor.at();
        let parts = self.cursor.string(self.allow_holes)?;
        if let [Part::Text(text)] = parts.as_slice() {
            if self.quoted && begins_expression(text) && expression_length(text) == Some(text.len()) {
                let quotes = start..self.cursor.at();
                let range = quotes.start + 1..quotes.end - 1;
                return Ok(Operand::Placeholder(
                    self.hold(Placeholder { quotes: Some(quotes), ..Placeholder::bare(range) }),
                ));
            }
            return Ok(Operand::Literal(Value::String(text.clone())));
        }
        let pieces = parts
            .into_iter()
            .map(|part| match part {
                Part::Text(text) => Piece::Text(text),
                Part::Placeholder(range) => {
                    let (range, blanks) = self.cursor.without_blanks(range);
                    Piece::Placeholder(self.hold(Placeholder { in_string: true, ..Placeholder::braced(range, blanks) }))
                }
            })
            .collect();
        self.texts.push(pieces);
        Ok(Operand::Spliced(self.texts.len() - 1))
    }

    /// An expression without its braces, of so many bytes.
    fn unbraced(&mut self, length: usize) -> usize {
        let start = self.cursor.at();
        while self.cursor.at() < start + length && self.cursor.next().is_some() {}
        let range = start..self.cursor.at();
        self.hold(Placeholder::bare(range))
    }

    /// The number of a placeholder.
    fn hold(&mut self, placeholder: Placeholder) -> usize {
        self.placeholders.push(placeholder);
        self.placeholders.len() - 1
    }

    fn placeholder(&mut self) -> Result<usize, SyntaxError> {
        if !self.allow_holes {
            return Err(SyntaxError::new(self.cursor.token(), "expressions in braces cannot stand here"));
        }
        let range = self.cursor.placeholder(None)?;
        let (range, blanks) = self.cursor.without_blanks(range);
        Ok(self.hold(Placeholder::braced(range, blanks)))
    }
}

/// How long the runtime expression is that a text begins with: `$inputs.status`, which no path can be.
fn expression_length(text: &str) -> Option<usize> {
    let named = text.strip_prefix('$').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()));
    let mut brackets = 0usize;
    let ends = |c: char| {
        match c {
            '[' => brackets += 1,
            ']' if brackets == 0 => return true,
            ']' => brackets -= 1,
            _ => return c.is_whitespace() || "()=!<>&|,'\"{}".contains(c) && brackets == 0,
        }
        false
    };
    named.then(|| text.find(ends).unwrap_or(text.len()))
}
