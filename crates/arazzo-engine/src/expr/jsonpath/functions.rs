//! The five functions of RFC 9535 (2.4): their types, checked when a query is parsed, and I-Regexp (RFC 9485).
//!
//! I-Regexp runs on a linear-time engine, so there is nothing to exhaust but size. What that engine knows beyond
//! I-Regexp (`\d`, `(?i)`) is let through, because people write it; look-around and back-references do not exist.

use std::ops::Range;

use crate::expr::pattern::{PATTERN_BYTES, Regexp, build};
use crate::value::Json as Value;

use super::SyntaxError;
use super::lex::shortened;
use super::tree::{Call, Logical, Operand, Path, Pattern, RegexpTest};

/// The names of the functions, for messages.
pub(super) const NAMES: [&str; 5] = ["length", "count", "match", "search", "value"];

/// A call, by what it gives.
pub(super) enum Function {
    /// `length`, `count`, `value`: a value or nothing, which must be compared.
    Value(Call),
    /// `match`, `search`: a verdict, which cannot be compared.
    Test(RegexpTest),
}

/// An argument as parsed: paths that select several values are not ruled out yet.
pub(super) struct Argument {
    pub(super) operand: Operand,
    /// Where it stands.
    pub(super) range: Range<usize>,
    /// As it is written.
    pub(super) text: String,
}

/// Types a call: `name(arguments)`, standing at `range`.
pub(super) fn call(name: &str, arguments: Vec<Argument>, range: Range<usize>) -> Result<Function, SyntaxError> {
    let takes = if matches!(name, "match" | "search") { 2 } else { 1 };
    let given = arguments.len();
    let wrong_number = || {
        let plural = if takes == 1 { "" } else { "s" };
        SyntaxError::new(range.clone(), format!("`{name}` takes {takes} argument{plural}, not {given}"))
    };
    if given != takes {
        return Err(wrong_number());
    }
    let mut arguments = arguments.into_iter();
    let first = arguments.next().ok_or_else(wrong_number)?;
    Ok(match name {
        "length" => Function::Value(Call::Length(value(name, first)?)),
        "count" => Function::Value(Call::Count(nodes(name, first)?)),
        "value" => Function::Value(Call::Value(nodes(name, first)?)),
        _ => {
            let second = arguments.next().ok_or_else(wrong_number)?;
            let whole = name == "match";
            let text = value(name, first)?;
            let at = second.range.clone();
            let pattern = match value(name, second)? {
                Operand::Literal(Value::String(pattern)) => {
                    let compiled = regexp(&pattern, whole);
                    Pattern::Fixed(compiled.map_err(|fault| SyntaxError { at, ..fault })?)
                }
                operand => Pattern::Dynamic(operand),
            };
            Function::Test(RegexpTest { whole, text, pattern })
        }
    })
}

/// An argument of ValueType.
fn value(name: &str, argument: Argument) -> Result<Operand, SyntaxError> {
    match argument.operand {
        Operand::Path(path) if !path.is_singular() => {
            let message = format!("`{name}` takes one value, and `{}` may select several", shortened(&argument.text));
            Err(SyntaxError::new(argument.range, message).help("`count` counts them, `value` takes the only one"))
        }
        operand => Ok(operand),
    }
}

/// An argument of NodesType.
fn nodes(name: &str, argument: Argument) -> Result<Path, SyntaxError> {
    match argument.operand {
        // A function of the RFC looks at nodes: in `count($.a.length)` the last name is a member.
        Operand::Path(path) => Ok(Path { length: false, ..path }),
        _ => {
            let message = format!("`{name}` takes a path, and `{}` is none", shortened(&argument.text));
            Err(SyntaxError::new(argument.range, message))
        }
    }
}

impl Function {
    /// The call where a verdict is expected.
    pub(super) fn tested(self, text: &str, range: Range<usize>) -> Result<Logical, SyntaxError> {
        match self {
            Self::Test(test) => Ok(Logical::Test(test)),
            Self::Value(_) => {
                let message = format!("`{}` gives a value, which must be compared", shortened(text));
                Err(SyntaxError::new(range, message).help(format!("write `{} > 0`, for example", shortened(text))))
            }
        }
    }

    /// The call where a value is expected.
    pub(super) fn compared(self, text: &str, range: Range<usize>) -> Result<Operand, SyntaxError> {
        match self {
            Self::Value(call) => Ok(Operand::Call(Box::new(call), range)),
            Self::Test(_) => {
                let message = format!("`{}` is true or false by itself, it cannot be compared", shortened(text));
                Err(SyntaxError::new(range, message).help("leave out the comparison; `!` negates"))
            }
        }
    }
}

/// Compiles an I-Regexp; of a fault the caller knows the place.
pub(super) fn regexp(pattern: &str, whole: bool) -> Result<Regexp, SyntaxError> {
    let fault = |message: String| SyntaxError::new(0..0, message);
    if pattern.len() > PATTERN_BYTES {
        return Err(fault(format!("the pattern is longer than {PATTERN_BYTES} bytes")));
    }
    let inner = translate(pattern)?;
    let anchored = if whole { format!(r"\A(?:{inner})\z") } else { inner };
    build(&anchored).map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => fault("the pattern needs too much memory".to_owned()),
        // The engine draws its own picture of the pattern; its last line says what is wrong.
        other => {
            let text = other.to_string();
            let reason = text.rsplit("error: ").next().unwrap_or_default().trim().to_owned();
            fault(format!("the pattern `{}` is not a regular expression: {reason}", shortened(pattern)))
        }
    })
}

/// I-Regexp in the engine's dialect (RFC 9485, 5.4): a dot is neither `\n` nor `\r`; in a class `&` and `~` mean
/// themselves.
fn translate(pattern: &str) -> Result<String, SyntaxError> {
    let mut text = String::with_capacity(pattern.len() + 8);
    // Brackets inside classes are the engine's, so they nest.
    let (mut classes, mut groups) = (0_usize, 0_usize);
    let mut characters = pattern.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\\' => {
                text.push(c);
                if characters.peek().is_some_and(|c| ('1'..='9').contains(c)) {
                    return Err(absent("back-references", pattern));
                }
                text.extend(characters.next());
            }
            '[' => {
                classes += 1;
                text.push(c);
                text.extend(characters.next_if_eq(&'^'));
                // Here it is a member, not the end.
                text.extend(characters.next_if_eq(&']'));
            }
            ']' => {
                classes = classes.saturating_sub(1);
                text.push(c);
            }
            '&' | '~' if classes > 0 => text.extend(['\\', c]),
            '.' if classes == 0 => text.push_str(r"[^\n\r]"),
            '(' if classes == 0 => {
                groups += 1;
                text.push(c);
                if characters.next_if_eq(&'?').is_some() {
                    text.push('?');
                    let behind = characters.next_if_eq(&'<').is_some();
                    if behind {
                        text.push('<');
                    }
                    if characters.peek().is_some_and(|c| matches!(c, '=' | '!')) {
                        return Err(absent("look-around", pattern));
                    }
                }
            }
            // Without this, `a)|(b` would close the group that is put around the pattern.
            ')' if classes == 0 && groups == 0 => {
                let message = format!("the pattern `{}` closes a group that is not open", shortened(pattern));
                return Err(SyntaxError::new(0..0, message));
            }
            ')' if classes == 0 => {
                groups -= 1;
                text.push(c);
            }
            c => text.push(c),
        }
    }
    Ok(text)
}

fn absent(what: &str, pattern: &str) -> SyntaxError {
    let message = format!("the pattern `{}` uses {what}, which I-Regexp does not have", shortened(pattern));
    SyntaxError::new(0..0, message)
}
