//! The url of a request: that of its server, then the path of its operation, then its query.
//!
//! The only place where the three are joined. A path is text of a description, and values fill it: written behind a
//! server it could become another host (`@host/`, `.host/`, `:port/`), or climb out of the server's path (`/../`). The
//! parts are set, never concatenated, and what came of them is compared with the server.

use url::Url;

/// The reason why a path cannot stand behind a server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotJoined {
    /// The server's url is not one.
    Server,
    /// The path does not begin with `/`.
    NoSlash,
    /// The path has segments that are not sent as they are written: `.`, `..`, `\`, line breaks.
    Segments,
}

impl std::fmt::Display for NotJoined {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Server => "the url of its server is not valid",
            Self::NoSlash => "it does not begin with `/`, and behind the host of a server it could become another host",
            Self::Segments => "it has `.`, `..`, `\\` or a line break between its `/`, and would become another path",
        })
    }
}

/// The url of a request to `path` of `server`; `query` without its `?`. What stands behind `?` in the path is part of
/// the query, and what stands behind `#` is not sent.
///
/// # Errors
/// [`NotJoined`], if the request would go to another host than the server's, to a path that does not begin with the
/// server's, or to one with other segments than are written.
pub fn join(server: &str, path: &str, query: &str) -> Result<Url, NotJoined> {
    let server = Url::parse(server).ok().filter(Url::has_host).ok_or(NotJoined::Server)?;
    let (path, _) = path.split_once('#').unwrap_or((path, ""));
    let (path, own_query) = path.split_once('?').unwrap_or((path, ""));
    if !path.starts_with('/') {
        return Err(NotJoined::NoSlash);
    }
    // What a parser of urls takes out before it looks, or takes for a `/`.
    if path.contains(|c: char| c == '\\' || c.is_control()) {
        return Err(NotJoined::Segments);
    }
    let base = server.path().trim_end_matches('/');
    let mut url = server.clone();
    url.set_path(&format!("{base}{path}"));
    url.set_fragment(None);
    let parts = [server.query().unwrap_or_default(), own_query, query];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    url.set_query((!parts.is_empty()).then(|| parts.join("&")).as_deref());
    let count = |path: &str| path.bytes().filter(|byte| *byte == b'/').count();
    let inside = url.path().strip_prefix(base).is_some_and(|rest| rest.starts_with('/'));
    let same_place = url.scheme() == server.scheme()
        && url.host_str() == server.host_str()
        && url.port() == server.port()
        && (url.username(), url.password()) == (server.username(), server.password());
    if !inside || !same_place || count(url.path()) != count(base) + count(path) {
        return Err(NotJoined::Segments);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::{NotJoined, join};

    #[test]
    fn a_path_stays_behind_its_server() {
        let joined = |server: &str, path: &str, query: &str| join(server, path, query).map(|url| url.to_string());
        let fine = [
            (("https://h", "/a", ""), "https://h/a"),
            (("https://h/", "/a/{b}", "x=1"), "https://h/a/%7Bb%7D?x=1"),
            (("https://h/v1/", "/a", ""), "https://h/v1/a"),
            (("https://u:p@h:8443/v1", "/@evil.example/", ""), "https://u:p@h:8443/v1/@evil.example/"),
            (("https://h", "//evil.example/a", ""), "https://h//evil.example/a"),
            (("https://h", "/rest?method=two", "x=1"), "https://h/rest?method=two&x=1"),
            (("https://h", "/#Target=One", "x=1"), "https://h/?x=1"),
            (("https://h/a?key=1#part", "/b", "x=1"), "https://h/a/b?key=1&x=1"),
            (("https://h", "/a%2F..%2Fb", ""), "https://h/a%2F..%2Fb"),
            (("https://h", "/größe", ""), "https://h/gr%C3%B6%C3%9Fe"),
        ];
        for ((server, path, query), expected) in fine {
            assert_eq!(joined(server, path, query).as_deref(), Ok(expected), "{server} {path}");
        }
        let refused = [
            ("https://h", "@evil.example/a", NotJoined::NoSlash),
            ("https://h", ".evil.example/a", NotJoined::NoSlash),
            ("https://h", ":8080/a", NotJoined::NoSlash),
            ("https://h", "a", NotJoined::NoSlash),
            ("https://h", "", NotJoined::NoSlash),
            ("https://h", "?x=1", NotJoined::NoSlash),
            ("https://h", "\\\\evil.example/a", NotJoined::NoSlash),
            ("https://h", "\t@evil.example/a", NotJoined::NoSlash),
            ("https://h/v1", "/../admin", NotJoined::Segments),
            ("https://h/v1", "/a/..", NotJoined::Segments),
            ("https://h/v1", "/%2e%2E/admin", NotJoined::Segments),
            ("https://h/v1", "/.%2e/v1/a", NotJoined::Segments),
            ("https://h/v1", "/.\t./admin", NotJoined::Segments),
            ("https://h/v1", "/a\\..\\..\\admin", NotJoined::Segments),
            ("https://h/v1", "/./a", NotJoined::Segments),
            ("https://h/v1", "/a\n/b", NotJoined::Segments),
            ("nowhere", "/a", NotJoined::Server),
        ];
        for (server, path, reason) in refused {
            assert_eq!(join(server, path, ""), Err(reason), "{server} {path}");
        }
    }
}
