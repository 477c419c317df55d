//! The gate that every request passes: what it was planned to be, from the documents and the settings alone, against the
//! bytes that are about to leave.
//!
//! Requests are put together elsewhere, by parts that have rules of their own. This knows none of them: it has the server,
//! the template of the path and the final url, and compares.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use url::Url;

use crate::limits::CONNECTION_HEADERS;
use crate::openapi::encode::is_header_name;
use crate::openapi::path::{self, Piece, is_dots};

/// What a request of an operation is planned to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route<'p> {
    /// `GET`
    pub method: &'p str,
    /// The url of its server.
    pub server: &'p str,
    /// The template of its path: a key of `paths`.
    pub path: &'p str,
}

/// The difference between a request and what it was planned to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// Its url is not one, or not written as it is sent.
    Url,
    /// Another method.
    Method,
    /// Another scheme, user, host or port.
    Origin,
    /// A path that is not below that of the server.
    Prefix,
    /// Another number of segments, other texts between the parameters, or a segment that leads elsewhere.
    Segments,
    /// A header that ends its line, or is of the connection.
    Header,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Url => "its url is not written as it would be sent",
            Self::Method => "it has another method",
            Self::Origin => "it would go to another host than that of its server",
            Self::Prefix => "its path is not below that of its server",
            Self::Segments => "its path is not that of its operation",
            Self::Header => "it has a header that belongs to the connection, or ends its line",
        })
    }
}

/// Compares the method and the url of a request with the route of its operation.
///
/// # Errors
/// The first [`Difference`].
pub fn compare(route: Route<'_>, method: &str, url: &str) -> Result<(), Difference> {
    let url = sent_url(url)?;
    let server = Url::parse(route.server).map_err(|_| Difference::Origin)?;
    if method != route.method {
        return Err(Difference::Method);
    }
    let place = |url: &Url| {
        let user = (url.username().to_owned(), url.password().map(str::to_owned));
        (url.scheme().to_owned(), user, url.host_str().map(str::to_owned), url.port())
    };
    if place(&url) != place(&server) {
        return Err(Difference::Origin);
    }
    compare_path(server.path(), route.path, url.path())
}

/// Compares a path with that of its server and with its template.
///
/// # Errors
/// [`Difference::Prefix`] and [`Difference::Segments`]
pub fn compare_path(server: &str, template: &str, sent: &str) -> Result<(), Difference> {
    let base = server.trim_end_matches('/');
    let rest = sent.strip_prefix(base).filter(|rest| rest.starts_with('/')).ok_or(Difference::Prefix)?;
    let (template, _) = path::split(template);
    if fits(template, rest) { Ok(()) } else { Err(Difference::Segments) }
}

/// Looks at the headers of a request; `names_host` if its document was let set `Host`, and does.
///
/// # Errors
/// [`Difference::Header`]
pub fn compare_headers(headers: &[(String, String)], names_host: bool) -> Result<(), Difference> {
    let is_fine = |(name, value): &(String, String)| {
        let own = CONNECTION_HEADERS.iter().any(|known| name.eq_ignore_ascii_case(known));
        let allowed = names_host && name.eq_ignore_ascii_case("host");
        is_header_name(name) && (!own || allowed) && !value.contains(['\r', '\n', '\0'])
    };
    if headers.iter().all(is_fine) { Ok(()) } else { Err(Difference::Header) }
}

/// The url of a request, if it is written as it is sent: a parser changes nothing of it.
///
/// # Errors
/// [`Difference::Url`]
pub fn sent_url(text: &str) -> Result<Url, Difference> {
    let url = Url::parse(text).map_err(|_| Difference::Url)?;
    let whole = matches!(url.scheme(), "http" | "https") && url.has_host() && url.fragment().is_none();
    if whole && url.as_str() == text { Ok(url) } else { Err(Difference::Url) }
}

/// `true` if a path is one of a template.
fn fits(template: &str, sent: &str) -> bool {
    let (wanted, sent): (Vec<&str>, Vec<&str>) = (path::segments(template).collect(), sent.split('/').collect());
    let is_wide = |segment: &&str| path::placeholders(segment).any(|placeholder| placeholder.reserved);
    let Some(first) = wanted.iter().position(is_wide) else {
        return wanted.len() == sent.len() && wanted.iter().zip(&sent).all(|(wanted, sent)| segment_fits(wanted, sent));
    };
    // What stands before the first parameter of several segments and behind the last keeps its place.
    let last = wanted.iter().rposition(is_wide).unwrap_or(first);
    let behind = wanted.len() - last - 1;
    let inside = sent.len().checked_sub(behind).and_then(|end| sent.get(first..end)).unwrap_or_default();
    let before = wanted.iter().zip(&sent).take(first).all(|(wanted, sent)| segment_fits(wanted, sent));
    let after =
        wanted.iter().rev().zip(sent.iter().rev()).take(behind).all(|(wanted, sent)| segment_fits(wanted, sent));
    before && after && inside.len() > last - first && !inside.iter().any(|segment| is_dots(segment))
}

/// `true` if a segment is one of a template: its texts stand where they have to.
fn segment_fits(wanted: &str, sent: &str) -> bool {
    let pieces: Vec<Piece<'_>> = path::pieces(wanted).collect();
    let sent_bytes = decoded(sent);
    match pieces.as_slice() {
        [] => sent.is_empty(),
        [Piece::Text(text)] => decoded(text) == sent_bytes,
        pieces => {
            let text = |piece: Option<&Piece<'_>>| match piece {
                Some(Piece::Text(text)) => decoded(text).into_owned(),
                _ => vec![],
            };
            let (before, behind) = (text(pieces.first()), text(pieces.last()));
            let room = before.len() + behind.len() <= sent_bytes.len();
            room && sent_bytes.starts_with(&before) && sent_bytes.ends_with(&behind) && !is_dots(sent)
        }
    }
}

fn decoded(text: &str) -> Cow<'_, [u8]> {
    Cow::from(percent_decode_str(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differs(server: &str, path: &str, url: &str) -> Option<Difference> {
        compare(Route { method: "GET", server, path }, "GET", url).err()
    }

    #[test]
    fn a_request_is_at_its_server_below_its_path_and_on_its_template() {
        let fine = [
            ("https://h", "/a", "https://h/a"),
            ("https://h/", "/a/{b}", "https://h/a/x%2Fy?z=1"),
            ("https://h/v1/", "/größe/{id}.json", "https://h/v1/gr%C3%B6%C3%9Fe/1.json"),
            ("https://u:p@h:8443/v1", "/{a}:{b}", "https://u:p@h:8443/v1/x:y"),
            ("https://h", "/v1/{+parent}/items/{id}", "https://h/v1/a/b/c/items/1"),
            ("https://h", "/a?method={m}", "https://h/a?method=1"),
            ("https://h", "//a", "https://h//a"),
            ("https://h", "/{+a}/x/{+b}", "https://h/1/2/x/3"),
            ("https://h", "/{+a}/x", "https://h/1/x"),
            ("https://h", "/{+a}", "https://h/1"),
            ("https://h", "/a{b}a", "https://h/aa"),
            ("https://h", "/100%", "https://h/100%"),
        ];
        for (server, path, url) in fine {
            assert_eq!(differs(server, path, url), None, "{server} {path} {url}");
        }
        let different = [
            ("https://h", "/a", "https://h.evil/a", Difference::Origin),
            ("https://h", "/a", "https://h@evil/a", Difference::Origin),
            ("https://h", "/a", "http://h/a", Difference::Origin),
            ("https://h", "/a", "https://h:8443/a", Difference::Origin),
            ("https://u:p@h", "/a", "https://h/a", Difference::Origin),
            ("https://h/v1", "/a", "https://h/v2/a", Difference::Prefix),
            ("https://h/v1", "/a", "https://h/v1a/a", Difference::Prefix),
            ("https://h", "/a/{b}", "https://h/a", Difference::Segments),
            ("https://h", "/a/{b}", "https://h/a/x/y", Difference::Segments),
            ("https://h", "/a/{b}", "https://h/c/x", Difference::Segments),
            ("https://h", "/a/{b}.json", "https://h/a/x", Difference::Segments),
            ("https://h", "//a", "https://h/x/a", Difference::Segments),
            ("https://h", "/a/{b}.json", "https://h/a/longer.yaml", Difference::Segments),
            ("https://h", "/v1/{+parent}/items", "https://h/v1/items", Difference::Segments),
            ("https://h", "/v1/{+parent}/items", "https://h/v2/a/items", Difference::Segments),
            ("https://h", "/v1/{+parent}/items", "https://h/v1/a/b/things", Difference::Segments),
            ("https://h", "/{+a}/x/{+b}", "https://h/1/2", Difference::Segments),
            ("https://h", "/a{b}a", "https://h/a", Difference::Segments),
            ("https://h", "/a{b}c", "https://h/bc", Difference::Segments),
            ("https://h/v1/", "/a", "https://h/v1", Difference::Prefix),
            ("https://h", "/a", "https://user@h/a", Difference::Origin),
            ("ftp://h", "/a", "ftp://h/a", Difference::Url),
            ("https://h", "/a", "data:,a", Difference::Url),
            ("no server", "/a", "https://h/a", Difference::Origin),
            ("https://h", "/a", "https://h/x/../a", Difference::Url),
            ("https://h", "/a/{b}", "https://h/a/%2e%2e", Difference::Url),
            ("https://h", "/a", "https://h/a#b", Difference::Url),
            ("https://h", "/a", "https://H/a", Difference::Url),
            ("https://h", "/a", "nowhere", Difference::Url),
        ];
        for (server, path, url, difference) in different {
            assert_eq!(differs(server, path, url), Some(difference), "{server} {path} {url}");
        }
        // A parser leaves none of these in a url; the gate does not rely on it.
        for (template, path) in
            [("/{+a}/b", "/x/%2e%2E/b"), ("/{+a}/b", "/x/./b"), ("/a/{b}", "/a/.."), ("/{b}", "/%2e")]
        {
            assert!(!fits(template, path), "{template} {path}");
        }
        let route = Route { method: "GET", server: "https://h", path: "/a" };
        assert_eq!(compare(route, "DELETE", "https://h/a"), Err(Difference::Method));
        assert_eq!(compare(route, "get", "https://h/a"), Err(Difference::Method));
    }

    #[test]
    fn headers_end_no_line_and_are_not_of_the_connection() {
        let headers = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        assert_eq!(compare_headers(&headers("X-A", "b"), false), Ok(()));
        assert_eq!(compare_headers(&headers("Host", "b"), true), Ok(()));
        for (name, value) in
            [("Host", "b"), ("transfer-encoding", "chunked"), ("Upgrade", "h2c"), ("X-A", "b\r\nX: y"), ("X A", "b")]
        {
            assert_eq!(compare_headers(&headers(name, value), false), Err(Difference::Header), "{name}");
        }
        // One that may be set lets no other be set, and breaks no line.
        for (name, value) in [("Connection", "close"), ("Content-Length", "0"), ("Host", "a\nX: y"), ("X-A", "\0")] {
            assert_eq!(compare_headers(&headers(name, value), true), Err(Difference::Header), "{name}");
        }
        // The first of several is not the only one.
        let several = [headers("X-A", "b"), headers("te", "trailers")].concat();
        assert_eq!(compare_headers(&several, false), Err(Difference::Header));
    }
}
