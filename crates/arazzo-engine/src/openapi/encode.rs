//! A value becomes path, query, header and cookie text, in the styles of OpenAPI 3 and the collection formats of 2.0.
//!
//! Pure text work: knows no operation. What cannot be sent safely is refused with a reason.

use crate::value::{Json, Map};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

use super::path::{Piece, Placeholder, pieces, segments};
use crate::media_type::{MediaType, is_json};
use crate::value::json_text;

/// Everything but RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Characters that `allowReserved` encodes in a query: those that are not allowed there, or would begin another value.
const IN_QUERY: &AsciiSet = &RESERVED
    .remove(b':')
    .remove(b'/')
    .remove(b'?')
    .remove(b'@')
    .remove(b'!')
    .remove(b'$')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b',')
    .remove(b';')
    .remove(b'=');

/// Characters that `allowReserved` encodes in a path (OpenAPI 3.2): those that would end its segment.
const IN_PATH: &AsciiSet = &IN_QUERY.remove(b'&').remove(b'+').add(b'/').add(b'?');

/// Characters that `{+name}` encodes in a path (RFC 6570 §3.2.3), which may be several segments.
const IN_PATHS: &AsciiSet = &IN_PATH.remove(b'/');

/// Characters that `allowReserved` encodes in a cookie (OpenAPI 3.2): those that end its value (RFC 6265).
const IN_COOKIE: &AsciiSet = &IN_QUERY.add(b',').add(b';');

/// The reason why a value cannot be sent.
pub type Unsafe = &'static str;

/// The style in which the value of a parameter is written (OpenAPI, Style Values).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serialization {
    /// `style`
    pub style: Style,
    /// `explode`
    pub explode: bool,
    /// `allowReserved`
    pub reserved: bool,
    /// The media type of `content`, which takes the place of a style.
    pub content: Option<String>,
}

/// The styles of OpenAPI 3, and what the collection formats of 2.0 add.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Style {
    /// `simple`, `csv`
    Simple,
    /// `label`
    Label,
    /// `matrix`
    Matrix,
    /// `form`; with explode, `multi`
    Form,
    /// `spaceDelimited`, `ssv`
    SpaceDelimited,
    /// `pipeDelimited`, `pipes`
    PipeDelimited,
    /// `tsv`
    TabDelimited,
    /// `deepObject`
    DeepObject,
    /// `cookie`: as `form`, not encoded (OpenAPI 3.2)
    Cookie,
}

impl Style {
    /// The style of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "simple" => Self::Simple,
            "label" => Self::Label,
            "matrix" => Self::Matrix,
            "form" => Self::Form,
            "spaceDelimited" => Self::SpaceDelimited,
            "pipeDelimited" => Self::PipeDelimited,
            "deepObject" => Self::DeepObject,
            "cookie" => Self::Cookie,
            _ => return None,
        })
    }

    /// The sign between the items of an array that is one value.
    #[must_use]
    pub fn sign(self) -> char {
        match self {
            Self::SpaceDelimited => ' ',
            Self::PipeDelimited => '|',
            Self::TabDelimited => '\t',
            _ => ',',
        }
    }
}

impl Serialization {
    /// `true` for the name of one member of an object: `filter[state]` of `filter` with `style: deepObject`, `state`
    /// with `style: form` where it is exploded and has that member.
    pub(super) fn names_member(&self, object: &str, name: &str, has: &dyn Fn(&str) -> bool) -> bool {
        match self.style {
            Style::DeepObject => {
                let bracketed = name.strip_prefix(object).and_then(|rest| rest.strip_prefix('['));
                bracketed.is_some_and(|rest| rest.len() > 1 && rest.ends_with(']'))
            }
            Style::Form => self.explode && self.content.is_none() && has(name),
            _ => false,
        }
    }

    /// A style as it is without further fields.
    #[must_use]
    pub fn of(style: Style) -> Self {
        let explode = matches!(style, Style::Form | Style::Cookie);
        Self { style, explode, reserved: false, content: None }
    }
}

/// Percent-encodes all but unreserved characters.
#[must_use]
pub fn percent(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// Percent-encodes a set, and `%` where it does not begin an encoded byte (RFC 6570, reserved expansion).
fn reserved(text: &str, set: &'static AsciiSet) -> String {
    let mut encoded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        encoded.extend(utf8_percent_encode(before, set));
        let is_byte = after.get(..2).is_some_and(|byte| byte.bytes().all(|b| b.is_ascii_hexdigit()));
        encoded.push_str(if is_byte { "%" } else { "%25" });
        rest = after;
    }
    encoded.extend(utf8_percent_encode(rest, set));
    encoded
}

/// A name or value of `application/x-www-form-urlencoded`: a blank is `+`.
#[must_use]
pub fn form_text(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Fills the path of a template. `value` gives the parameter of a name; the rest of the template is kept as it is written.
///
/// # Errors
/// The parameter whose value would change the route (empty, or a segment that becomes empty, `.` or `..`), with the
/// reason; a parameter without a value.
pub fn path<'h>(
    template: &str,
    mut value: impl FnMut(&str) -> Option<(&'h Json, &'h Serialization)>,
) -> Result<String, (&str, Unsafe)> {
    let mut filled = Vec::new();
    for segment in segments(template) {
        let mut text = String::new();
        let mut parameter = None;
        for piece in pieces(segment) {
            let Placeholder { name, reserved } = match piece {
                Piece::Placeholder(placeholder) => placeholder,
                Piece::Text(written) => {
                    text.push_str(written);
                    continue;
                }
            };
            let (json, how) = value(name)
                .filter(|(json, how)| !json.is_null() || how.content.is_some())
                .ok_or((name, "it has no value"))?;
            let encoded = in_path(name, json, how, reserved);
            if encoded.is_empty() || how.content.is_none() && is_undefined(json) {
                return Err((name, "an empty value would change the path"));
            }
            if encoded.split('/').any(str::is_empty) {
                return Err((name, "an empty segment would change the path"));
            }
            text.push_str(&encoded);
            parameter = Some(name);
        }
        // `%2E` is a dot to whoever reads the url.
        let plain = text.to_ascii_lowercase().replace("%2e", ".");
        if let (Some(name), true) = (parameter, plain.split('/').any(|segment| matches!(segment, "." | ".."))) {
            return Err((name, "the path segment would be `.` or `..`"));
        }
        filled.push(text);
    }
    Ok(filled.join("/"))
}

/// Fills the query of a template: a pair whose parameter has no value is left out.
pub fn template_query<'h>(
    template: &str,
    mut value: impl FnMut(&str) -> Option<(&'h Json, &'h Serialization)>,
) -> String {
    let mut filled: Vec<String> = vec![];
    for pair in template.split('&').filter(|pair| !pair.is_empty()) {
        let mut pieces: Vec<Piece<'_>> = pieces(pair).collect();
        // What is written under its own name is the parameter, in its style.
        if let [Piece::Text(before), Piece::Placeholder(Placeholder { name, reserved })] = pieces.as_mut_slice()
            && before.strip_suffix('=') == Some(*name)
        {
            let Some((json, how)) = value(name) else { continue };
            let how = Serialization { reserved: how.reserved || *reserved, ..how.clone() };
            filled.extend(query(name, json, &how).into_iter().map(|(name, value)| format!("{name}={value}")));
            continue;
        }
        let mut text = Some(String::new());
        for piece in pieces {
            let written = match piece {
                Piece::Text(written) => Some(written.to_owned()),
                Piece::Placeholder(Placeholder { name, reserved: kept }) => value(name).map(|(json, how)| {
                    let encode = |text: &str| if kept { reserved(text, IN_QUERY) } else { percent(text) };
                    joined(json, how, encode)
                }),
            };
            text = text.zip(written).map(|(text, written)| text + &written);
        }
        filled.extend(text);
    }
    filled.join("&")
}

fn in_path(name: &str, value: &Json, how: &Serialization, several: bool) -> String {
    let encode = |text: &str| match (several, how.reserved) {
        (true, _) => reserved(text, IN_PATHS),
        (false, true) => reserved(text, IN_PATH),
        (false, false) => percent(text),
    };
    if let Some(content) = &how.content {
        return encode(&written(value, content));
    }
    let text = |json: &Json| encode(&json_text(json));
    // One value for each item or member, where the style writes each of them on its own.
    let each: Option<Vec<(Option<String>, String)>> = match value {
        Json::Array(items) if how.explode => Some(defined(items).map(|item| (None, text(item))).collect()),
        Json::Object(members) if how.explode => {
            Some(defined_members(members).map(|(key, item)| (Some(encode(key)), text(item))).collect())
        }
        _ => None,
    };
    let pair = |(key, item): (Option<String>, String)| match key {
        Some(key) => format!("{key}={item}"),
        None => item,
    };
    match (how.style, each) {
        (Style::Label, Some(each)) => each.into_iter().map(|each| format!(".{}", pair(each))).collect(),
        (Style::Label, None) => format!(".{}", joined(value, how, encode)),
        (Style::Matrix, Some(each)) => {
            let name = percent(name);
            let each = each.into_iter();
            each.map(|(key, item)| format!(";{}={item}", key.as_ref().unwrap_or(&name))).collect()
        }
        (Style::Matrix, None) => {
            let (name, text) = (percent(name), joined(value, how, encode));
            if text.is_empty() { format!(";{name}") } else { format!(";{name}={text}") }
        }
        _ => joined(value, how, encode),
    }
}

/// `name=value` pairs of a query parameter, percent-encoded; none for an empty list (RFC 6570).
#[must_use]
pub fn query(name: &str, value: &Json, how: &Serialization) -> Vec<(String, String)> {
    let encode = |text: &str| if how.reserved { reserved(text, IN_QUERY) } else { percent(text) };
    pairs(name, value, how, &percent, &encode)
}

/// As [`query`], not encoded: what parts of a multipart body are.
#[must_use]
pub fn plain_pairs(name: &str, value: &Json, how: &Serialization) -> Vec<(String, String)> {
    pairs(name, value, how, &str::to_owned, &str::to_owned)
}

/// The text of a cookie parameter: one or more `name=value`.
///
/// # Errors
/// If it cannot stand in a cookie as it is, and the style does not encode it.
pub fn cookie(name: &str, value: &Json, how: &Serialization) -> Result<String, Unsafe> {
    let raw = how.style == Style::Cookie;
    let plain = str::to_owned;
    let kept = |text: &str| reserved(text, IN_COOKIE);
    let named: &dyn Fn(&str) -> String = if raw { &plain } else { &percent };
    let encode: &dyn Fn(&str) -> String = if how.reserved && !raw { &kept } else { named };
    let pairs = pairs(name, value, how, named, encode);
    let text: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let unfit = |text: &String| text.contains(|c: char| c == ';' || c.is_control());
    if text.iter().any(unfit) {
        return Err("a cookie cannot hold `;` or control characters");
    }
    // `form` is the query's, also in a cookie; that is why there is `cookie` (OpenAPI 3.2, Style Values).
    Ok(text.join(if raw { "; " } else { "&" }))
}

fn pairs(
    name: &str,
    value: &Json,
    how: &Serialization,
    named: &dyn Fn(&str) -> String,
    encode: &dyn Fn(&str) -> String,
) -> Vec<(String, String)> {
    if let Some(content) = &how.content {
        return vec![(named(name), encode(&written(value, content)))];
    }
    let text = |json: &Json| encode(&json_text(json));
    match value {
        value if is_undefined(value) => vec![],
        Json::Object(_) if how.style == Style::DeepObject => deep(name, value, named, encode),
        Json::Array(items) if how.explode || how.style == Style::DeepObject => {
            defined(items).map(|item| (named(name), text(item))).collect()
        }
        Json::Object(members) if how.explode => {
            defined_members(members).map(|(key, item)| (named(key), text(item))).collect()
        }
        _ => vec![(named(name), joined(value, how, encode))],
    }
}

/// `name[key]=value`; what is nested has further brackets, a list repeats its name.
fn deep(
    name: &str,
    value: &Json,
    named: &dyn Fn(&str) -> String,
    encode: &dyn Fn(&str) -> String,
) -> Vec<(String, String)> {
    match value {
        Json::Object(members) => {
            members.iter().flat_map(|(key, item)| deep(&format!("{name}[{key}]"), item, named, encode)).collect()
        }
        Json::Array(items) => items.iter().flat_map(|item| deep(name, item, named, encode)).collect(),
        Json::Null => vec![],
        scalar => vec![(named(name), encode(&json_text(scalar)))],
    }
}

/// A query as a whole (OpenAPI 3.2, `in: querystring`): a text in the form of its media type, or an object that is
/// written so. A form is kept as it is written; what cannot stand in a query is encoded.
#[must_use]
pub fn query_string(value: &Json, content: Option<&str>) -> String {
    const UNSAFE: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>');
    let form = content.is_none_or(|content| MediaType::parse(content).is_form());
    match value {
        Json::String(text) if form => utf8_percent_encode(text, UNSAFE).to_string(),
        Json::Object(_) if form => form_fields(value),
        // A text is in the form of its media type already.
        Json::String(text) => percent(text),
        value => percent(&content.map_or_else(|| json_text(value), |content| written(value, content))),
    }
}

/// The text of a header parameter, not encoded.
///
/// # Errors
/// If the text holds a carriage return, a line feed or a NUL, or anything else that a header cannot carry.
pub fn header(value: &Json, how: &Serialization) -> Result<String, Unsafe> {
    let text = match &how.content {
        Some(content) => written(value, content),
        None => joined(value, how, str::to_owned),
    };
    if text.contains(['\r', '\n', '\0']) {
        return Err("a header cannot hold a line break or NUL");
    }
    if text.chars().any(|c| c.is_control() && c != '\t') {
        return Err("a header cannot hold control characters");
    }
    Ok(text)
}

/// `true` if a name can be a header's name (RFC 9110 §5.6.2).
#[must_use]
pub fn is_header_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c))
}

/// A value in the form of a media type: JSON, a form, or text.
fn written(value: &Json, content: &str) -> String {
    match value {
        value if is_json(content) => value.to_string(),
        Json::Object(_) if MediaType::parse(content).is_form() => form_fields(value),
        value => json_text(value),
    }
}

fn form_fields(value: &Json) -> String {
    let Json::Object(members) = value else { return form_text(&json_text(value)) };
    let pair = |(name, value): (&String, &Json)| format!("{}={}", form_text(name), form_text(&json_text(value)));
    members.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// `true` for what is not written at all where a style writes it (RFC 6570 §2.3): null, and what has no items.
#[must_use]
pub fn is_undefined(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Array(items) => defined(items).next().is_none(),
        Json::Object(members) => defined_members(members).next().is_none(),
        _ => false,
    }
}

fn defined(items: &[Json]) -> impl Iterator<Item = &Json> {
    items.iter().filter(|item| !item.is_null())
}

fn defined_members(members: &Map<String, Json>) -> impl Iterator<Item = (&String, &Json)> {
    members.iter().filter(|(_, value)| !value.is_null())
}

/// A value as one text: items and members with the sign of the style between them.
fn joined(value: &Json, how: &Serialization, encode: impl Fn(&str) -> String) -> String {
    let text = |json: &Json| encode(&json_text(json));
    let sign = match how.style.sign() {
        ',' => ",".to_owned(),
        other => encode(other.encode_utf8(&mut [0; 4])),
    };
    match value {
        Json::Array(items) => defined(items).map(text).collect::<Vec<_>>().join(&sign),
        Json::Object(members) => {
            let between = if how.explode { "=" } else { sign.as_str() };
            let member = |(key, item): (&String, &Json)| format!("{}{between}{}", encode(key), text(item));
            defined_members(members).map(member).collect::<Vec<_>>().join(&sign)
        }
        scalar => text(scalar),
    }
}
