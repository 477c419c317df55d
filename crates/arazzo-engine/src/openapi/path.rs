//! Path templates: the keys of `paths`.
//!
//! `{name}` is one segment, or a part of one; `{+name}` (RFC 6570, reserved expansion) one or more, and so is
//! `{name=projects/*}` (HTTP rules of Google APIs), whose pattern has a `/` or `**`. A `*` behind the name (its explode
//! modifier) is no part of it: the items of a list stand with commas between them either way. A template may have a query,
//! whose names are those of query parameters; what `{?name}` names are query parameters like all others.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// A parameter of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placeholder<'t> {
    /// Its name.
    pub name: &'t str,
    /// `true` for `{+name}`.
    pub reserved: bool,
}

/// A piece of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'t> {
    /// Text as it is.
    Text(&'t str),
    /// A parameter.
    Placeholder(Placeholder<'t>),
}

/// The path of a template, and its query without `?`. What stands behind `#` is not sent, and `{?a,b}` ends the path.
#[must_use]
pub fn split(template: &str) -> (&str, &str) {
    let (mut inside, mut query) = (false, None);
    for (at, sign) in template.char_indices() {
        let behind = || template.get(at + 1..).unwrap_or_default();
        match sign {
            '{' if !inside && behind().starts_with(['?', '&']) && behind().contains('}') => {
                let path = template.get(..query.unwrap_or(at)).unwrap_or_default();
                return (path, query_of(template, query, at));
            }
            '{' => inside = behind().contains('}'),
            '}' => inside = false,
            '?' if !inside && query.is_none() => query = Some(at),
            '#' if !inside => {
                return (template.get(..query.unwrap_or(at)).unwrap_or_default(), query_of(template, query, at));
            }
            _ => {}
        }
    }
    let end = template.len();
    (template.get(..query.unwrap_or(end)).unwrap_or_default(), query_of(template, query, end))
}

fn query_of(template: &str, start: Option<usize>, end: usize) -> &str {
    start.and_then(|start| template.get(start + 1..end)).unwrap_or_default()
}

/// `true` for a segment that is `.` or `..`, however it is written.
pub(crate) fn is_dots(segment: &str) -> bool {
    matches!(&*Cow::from(percent_decode_str(segment)), b"." | b"..")
}

/// The segments of the path of a template. A `/` in the pattern of a parameter divides none.
pub fn segments(path: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(path);
    std::iter::from_fn(move || {
        let text = rest?;
        let mut open = false;
        let slash = text.char_indices().find(|(at, sign)| {
            match sign {
                '{' if !open => open = text.get(at + 1..).is_some_and(|behind| behind.contains('}')),
                '}' => open = false,
                _ => {}
            }
            *sign == '/' && !open
        });
        let (segment, after) = match slash {
            Some((at, _)) => (text.get(..at).unwrap_or_default(), text.get(at + 1..)),
            None => (text, None),
        };
        rest = after;
        Some(segment)
    })
}

/// The pieces of a template, or of a part of one.
pub fn pieces(template: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = template;
    let mut next = None;
    std::iter::from_fn(move || {
        if let Some(placeholder) = next.take() {
            return Some(Piece::Placeholder(placeholder));
        }
        if rest.is_empty() {
            return None;
        }
        let found = rest.split_once('{').and_then(|(before, after)| Some((before, after.split_once('}')?)));
        let Some((before, (written, after))) = found else { return Some(Piece::Text(std::mem::take(&mut rest))) };
        rest = after;
        let pattern = written.split_once('=').map_or("", |(_, pattern)| pattern);
        let reserved = written.trim_start().starts_with('+') || pattern.contains('/') || pattern.contains("**");
        let placeholder = Placeholder { name: name_of(written), reserved };
        if before.is_empty() {
            return Some(Piece::Placeholder(placeholder));
        }
        next = Some(placeholder);
        Some(Piece::Text(before))
    })
}

/// The parameters of a template, or of a part of one.
pub fn placeholders(template: &str) -> impl Iterator<Item = Placeholder<'_>> {
    pieces(template).filter_map(|piece| match piece {
        Piece::Placeholder(placeholder) => Some(placeholder),
        Piece::Text(_) => None,
    })
}

/// The name in a placeholder, without the signs of RFC 6570, a pattern, and blanks.
#[must_use]
pub fn name_of(written: &str) -> &str {
    let name = written.split_once('=').map_or(written, |(name, _)| name).trim();
    let name = name.strip_prefix('+').unwrap_or(name);
    name.strip_suffix('*').filter(|name| !name.is_empty()).unwrap_or(name)
}

/// `true` if a template has a parameter of this name, in its path or its query.
#[must_use]
pub fn names(template: &str, name: &str) -> bool {
    placeholders(template).any(|placeholder| placeholder.name == name)
}

#[cfg(test)]
mod tests {
    use super::{Piece, Placeholder, pieces, segments, split};

    #[test]
    fn a_template_is_a_path_and_a_query() {
        assert_eq!(split("/a/{b}"), ("/a/{b}", ""));
        assert_eq!(split("/a/{b}?c={c}&d#e"), ("/a/{b}", "c={c}&d"));
        assert_eq!(split("/a#b?c"), ("/a", ""));
        assert_eq!(split("/a{?b,c}"), ("/a", ""));
        assert_eq!(split("/a?b={b}{&c}"), ("/a", "b={b}"));
        assert_eq!(split("/a{b?c"), ("/a{b", "c"));
    }

    #[test]
    fn a_slash_in_a_pattern_divides_no_segments() {
        let found = |template| segments(template).collect::<Vec<&str>>();
        assert_eq!(found("/v1/{a=x/*/y/**}:go/{b}"), ["", "v1", "{a=x/*/y/**}:go", "{b}"]);
        assert_eq!(found("/a/{b/c"), ["", "a", "{b", "c"]);
        assert_eq!(found(""), [""]);
        let names: Vec<Piece<'_>> = pieces("{a=x/*}{ b }{c=*}").collect();
        let named = |name, reserved| Piece::Placeholder(Placeholder { name, reserved });
        assert_eq!(names, [named("a", true), named("b", false), named("c", false)]);
    }

    #[test]
    fn pieces_are_texts_and_placeholders() {
        let named = |name, reserved| Piece::Placeholder(Placeholder { name, reserved });
        let found: Vec<Piece<'_>> = pieces("/v1/{+parent*}/{id*}:{verb}/{open").collect();
        let expected = [
            Piece::Text("/v1/"),
            named("parent", true),
            Piece::Text("/"),
            named("id", false),
            Piece::Text(":"),
            named("verb", false),
            Piece::Text("/{open"),
        ];
        assert_eq!(found, expected);
    }
}
