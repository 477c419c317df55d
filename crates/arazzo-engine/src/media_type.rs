//! Media types as headers and descriptions write them: which family one is of, its parameters, ranges.
//!
//! Read leniently and not with the crate `mediatype`, which refuses the whole of `text/html; charset` or
//! `text/xml; charset = latin1`: servers answer so, and what stands before the `;` is to be believed all the same. It
//! also leaves to its callers what a range such as `text/*` holds.

use encoding_rs::Encoding;

/// A media type, or a range of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaType<'t> {
    written: &'t str,
    essence: String,
    parameters: &'t str,
}

impl<'t> MediaType<'t> {
    /// Reads a text; any is one. Of a list of them, as several header lines of one name are written in one line, it is
    /// the first.
    #[must_use]
    pub fn parse(text: &'t str) -> Self {
        let text = listed(text).next().unwrap_or(text);
        let (written, parameters) = text.split_once(';').unwrap_or((text, ""));
        let written = written.trim();
        Self { written, essence: written.to_ascii_lowercase(), parameters }
    }

    /// The type and subtype, in small letters and without parameters, by which types are compared.
    #[must_use]
    pub fn essence(&self) -> &str {
        &self.essence
    }

    /// The type alone: `text`.
    #[must_use]
    pub fn family(&self) -> &str {
        self.essence.split('/').next().unwrap_or_default()
    }

    /// `application/json`, `application/problem+json`
    #[must_use]
    pub fn is_json(&self) -> bool {
        matches!(self.essence.as_str(), "application/json" | "text/json") || self.essence.ends_with("+json")
    }

    /// `application/xml`, `image/svg+xml`
    #[must_use]
    pub fn is_xml(&self) -> bool {
        matches!(self.essence.as_str(), "application/xml" | "text/xml") || self.essence.ends_with("+xml")
    }

    /// `application/x-www-form-urlencoded`
    #[must_use]
    pub fn is_form(&self) -> bool {
        self.essence == FORM
    }

    /// `multipart/form-data` and its kin.
    #[must_use]
    pub fn is_multipart(&self) -> bool {
        self.family() == "multipart"
    }

    /// `true` for what is text in a charset, JSON left aside.
    #[must_use]
    pub fn is_text(&self) -> bool {
        let known = matches!(self.essence.as_str(), "application/javascript" | "application/yaml");
        self.family() == "text" || self.is_xml() || self.is_form() || known
    }

    /// The value of a parameter: `charset`, `boundary`.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&'t str> {
        self.parameters().find_map(|parameter| {
            let (known, value) = parameter.split_once('=')?;
            known.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
        })
    }

    /// The media type with this value of a parameter, whatever it had before.
    #[must_use]
    pub fn with_parameter(&self, name: &str, value: &str) -> String {
        let is_other = |parameter: &&str| {
            let known = parameter.split('=').next().unwrap_or_default();
            !parameter.trim().is_empty() && !known.trim().eq_ignore_ascii_case(name)
        };
        let others = self.parameters().filter(is_other).map(|parameter| format!("; {}", parameter.trim()));
        format!("{}{}; {name}={value}", self.written, others.collect::<String>())
    }

    fn parameters(&self) -> impl Iterator<Item = &'t str> {
        let mut quoted = false;
        self.parameters.split(move |c: char| {
            quoted ^= c == '"';
            c == ';' && !quoted
        })
    }
}

/// The first type of a header that has several on one line, as those who combine header lines write them.
#[must_use]
pub fn first_of_line(header: &str) -> &str {
    listed(header).next().unwrap_or(header).trim()
}

/// The media types of a line, each without the blanks around it; one at least.
#[must_use]
pub fn of_line(header: &str) -> Vec<&str> {
    listed(header).map(str::trim).collect()
}

/// The entries of a line, divided by the commas that are not in quotes.
fn listed(header: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    header.split(move |c: char| {
        quoted ^= c == '"';
        c == ',' && !quoted
    })
}

/// The media type of forms.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// `true` for `application/json` and `application/problem+json; charset=utf-8`.
#[must_use]
pub fn is_json(media_type: &str) -> bool {
    MediaType::parse(media_type).is_json()
}

/// The entry for a media type: its own, else that of its range (`text/*`), else that of all (`*/*`).
pub fn find_media<'e, E>(entries: &'e [E], name: impl Fn(&E) -> &str, media_type: &str) -> Option<&'e E> {
    let wanted = MediaType::parse(media_type);
    let find = |essence: &str| entries.iter().find(|entry| MediaType::parse(name(entry)).essence() == essence);
    find(wanted.essence()).or_else(|| find(&format!("{}/*", wanted.family()))).or_else(|| find("*/*"))
}

/// A media type of a description, in full: people write `json` for `application/json`.
#[must_use]
pub fn in_full(name: &str) -> &str {
    let known = [
        ("form", "application/x-www-form-urlencoded"),
        ("form-data", "multipart/form-data"),
        ("json", "application/json"),
        ("text", "text/plain"),
        ("x-www-form-urlencoded", "application/x-www-form-urlencoded"),
        ("formdata", "multipart/form-data"),
        ("html", "text/html"),
        ("multipart", "multipart/form-data"),
        ("octet-stream", "application/octet-stream"),
        ("plain", "text/plain"),
        ("urlencoded", "application/x-www-form-urlencoded"),
        ("xml", "application/xml"),
        ("yaml", "application/yaml"),
        ("yml", "application/yaml"),
    ];
    let name = name.trim();
    known.iter().find(|(short, _)| name.eq_ignore_ascii_case(short)).map_or(name, |(_, whole)| whole)
}

/// `*/*`, `text/*`: a range of media types, which no body has.
#[must_use]
pub fn is_range(name: &str) -> bool {
    MediaType::parse(name).essence().ends_with("/*")
}

/// `true` for the form `type/subtype` (RFC 9110, 8.3.1), whatever its parameters.
#[must_use]
pub fn is_whole(name: &str) -> bool {
    let is_token = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
    };
    MediaType::parse(name).essence().split_once('/').is_some_and(|(kind, rest)| is_token(kind) && is_token(rest))
}

/// `true` for the label of a charset that texts can be read in.
#[must_use]
pub fn is_known_charset(label: &str) -> bool {
    let label = label.trim();
    Encoding::for_label(label.as_bytes()).is_some()
        || ["utf-32", "utf-32le", "utf-32be"].iter().any(|known| known.eq_ignore_ascii_case(label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_as_servers_write_them() {
        let read = MediaType::parse(" Text/XML ; ext=\"a;b\"; charset = \"latin1\" ; x");
        assert!(read.is_xml() && read.is_text() && !read.is_json());
        assert_eq!([read.essence(), read.family()], ["text/xml", "text"]);
        assert_eq!(read.with_parameter("Charset", "utf-8"), "Text/XML; ext=\"a;b\"; x; Charset=utf-8");
        let parameters = ["charset", "EXT", "x", "boundary"].map(|name| read.parameter(name));
        assert_eq!(parameters, [Some("latin1"), Some("a;b"), None, None]);
        let first = ["a/b, c/d", "a/b;c=\"d,e\" , f/g", "a/b"].map(first_of_line);
        assert_eq!(first, ["a/b", "a/b;c=\"d,e\"", "a/b"]);
        assert!(is_json("application/problem+json;charset") && is_json("TEXT/json") && !is_json("json"));
    }

    #[test]
    fn the_entry_that_says_most_about_a_type_is_found() {
        let entries = ["*/*", "text/*", "text/plain; charset=utf-8"];
        let found = |wanted| find_media(&entries, |name| name, wanted).copied();
        assert_eq!(found("text/plain;charset=x"), Some(entries[2]));
        assert_eq!([found("text/html"), found("image/png")], [Some("text/*"), Some("*/*")]);
        assert_eq!(find_media(&entries[2..], |name| name, "text/html"), None);
    }
}
