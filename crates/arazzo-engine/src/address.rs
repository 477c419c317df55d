//! Urls as people may see them. A password in a url is a secret wherever the url came from; a user that stands alone is
//! a token as often as a name.

use std::borrow::Cow;
use std::ops::Range;

use url::Url;

/// The password that stands where the user is the token (`https://TOKEN:x-oauth-basic@host`).
const NO_PASSWORD: &str = "x-oauth-basic";

/// The part of a url that is a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Secret {
    User,
    Password,
}

impl Secret {
    fn of(user: &str, password: &str) -> Option<Self> {
        match password {
            "" | NO_PASSWORD => (!user.is_empty()).then_some(Self::User),
            _ => Some(Self::Password),
        }
    }

    /// The word of its mask.
    fn name(self) -> &'static str {
        match self {
            // Not `user`: a command that is shown names secrets as variables of a shell, which has that one.
            Self::User => "urlUser",
            Self::Password => "password",
        }
    }
}

/// The secret of a url, as it is written, with its name.
pub(crate) fn secret_of(url: &Url) -> Option<(&'static str, &str)> {
    let (user, password) = (url.username(), url.password().unwrap_or_default());
    let secret = Secret::of(user, password)?;
    Some((secret.name(), if secret == Secret::User { user } else { password }))
}

/// A text with the secret of every url in it replaced by its name: `https://me:‹password›@host`.
#[must_use]
pub fn without_secrets(text: &str) -> Cow<'_, str> {
    replaced(text, |_, secret| format!("‹{}›", secret.name()))
}

/// A text with the secret of every url in it made illegible; every character keeps its length, and so its place.
pub(crate) fn blanked(text: &str) -> Cow<'_, str> {
    let blank = |c: char| match c.len_utf8() {
        1 => '*',
        2 => '\u{bf}',
        3 => '\u{fffd}',
        _ => '\u{1f512}',
    };
    replaced(text, |written, _| written.chars().map(blank).collect())
}

fn replaced(text: &str, by: impl Fn(&str, Secret) -> String) -> Cow<'_, str> {
    // Nearly every text is passed by this.
    if !text.contains('@') {
        return Cow::Borrowed(text);
    }
    let mut shown = String::new();
    let mut from = 0;
    for (range, secret) in secrets(text) {
        let (before, written) = (text.get(from..range.start), text.get(range.clone()));
        shown.push_str(before.unwrap_or_default());
        shown.push_str(&by(written.unwrap_or_default(), secret));
        from = range.end;
    }
    if from == 0 {
        return Cow::Borrowed(text);
    }
    shown.push_str(text.get(from..).unwrap_or_default());
    Cow::Owned(shown)
}

/// The places of secrets of urls in a text. Each part of the text is looked at once: it may be a stranger's.
fn secrets(text: &str) -> Vec<(Range<usize>, Secret)> {
    let mut found = vec![];
    let (mut from, mut word) = (0, Word::default());
    while let Some(at) = text.get(from..).and_then(authority).map(|at| from + at) {
        from = at;
        if at >= word.end {
            word = Word::at(text, at);
        }
        let Some(info) = word.user_information(text, at) else { continue };
        from = at + info.len();
        let (user, password) = info.split_once(':').unwrap_or((info, ""));
        match Secret::of(user, password) {
            Some(Secret::User) => found.push((at..at + user.len(), Secret::User)),
            Some(Secret::Password) => found.push((from - password.len()..from, Secret::Password)),
            None => {}
        }
    }
    found
}

/// The start of the authority of the first url: behind the `:` of a scheme and its slashes, of which people write one,
/// two or none and of which parsers read `\` as one; or behind the `//` of a url without a scheme.
fn authority(text: &str) -> Option<usize> {
    let slash = |c: char| matches!(c, '/' | '\\');
    let begins = |at: &usize| {
        let (before, rest) = text.split_at_checked(*at).unwrap_or_default();
        let Some(rest) = rest.strip_prefix(':') else {
            // `//me:password@host`, where a word begins.
            let word = |c: char| c.is_whitespace() || matches!(c, '=' | '"' | '\'' | '`' | '(');
            return rest.starts_with("//") && before.chars().next_back().is_none_or(word);
        };
        let scheme = before.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        let is = |known: &[&str]| known.iter().any(|known| scheme.eq_ignore_ascii_case(known));
        // Without a slash only where it is a scheme that is called: `error: me:x@y` is none.
        rest.starts_with("//") || is(&["http", "https"]) || rest.starts_with(slash) && is(&["ftp", "ws", "wss"])
    };
    let at = text.match_indices([':', '/']).map(|(at, _)| at).find(begins)?;
    let rest = text.get(at + 1..)?;
    Some(text.len() - rest.trim_start_matches(slash).len())
}

/// A part of a text without blanks and quotes.
#[derive(Debug, Default)]
struct Word {
    end: usize,
    /// Its last `@`.
    last_at: Option<usize>,
}

impl Word {
    /// The word that stands at a place, from there on.
    fn at(text: &str, at: usize) -> Self {
        let rest = text.get(at..).unwrap_or_default();
        let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '`' | '<' | '>');
        let word = rest.get(..rest.find(ends).unwrap_or(rest.len())).unwrap_or_default();
        Self { end: at + word.len(), last_at: word.rfind('@').map(|last| at + last) }
    }

    /// The part before the last `@` of the authority that begins at a place of the text.
    fn user_information<'t>(&self, text: &'t str, at: usize) -> Option<&'t str> {
        let last = self.last_at.filter(|last| *last >= at)?;
        let rest = text.get(at..self.end)?;
        let authority = rest.split(['/', '?', '#', '\\']).next()?;
        if let Some(end) = authority.rfind('@') {
            return authority.get(..end);
        }
        // `me:pass/word@host`: a port that is no number is the beginning of a password.
        let port = authority.split_once(':').filter(|(host, _)| !host.starts_with('['))?.1;
        let is_port = port.is_empty() || port.starts_with('{') || port.bytes().all(|b| b.is_ascii_digit());
        if is_port { None } else { text.get(at..last) }
    }
}

#[cfg(test)]
mod tests {
    use super::{blanked, without_secrets};

    #[test]
    fn passwords_and_users_that_stand_alone_are_not_shown() {
        for (text, shown) in [
            ("http://me:hush@127.0.0.1:9/x", "http://me:‹password›@127.0.0.1:9/x"),
            ("GET https://ghp_token@host, then", "GET https://‹urlUser›@host, then"),
            ("https://ghp_token:@host", "https://‹urlUser›:@host"),
            ("https://ghp_token:x-oauth-basic@host", "https://‹urlUser›:x-oauth-basic@host"),
            ("https://:hush@host", "https://:‹password›@host"),
            ("https://me:h@u:s@h@host/a@b", "https://me:‹password›@host/a@b"),
            ("https://me:hu/sh@host", "https://me:‹password›@host"),
            ("https://me:hu'sh@[::1]:80/x", "https://me:‹password›@[::1]:80/x"),
            ("http:/me:hush@h, HTTP:me:hush@h", "http:/me:‹password›@h, HTTP:me:‹password›@h"),
            (r"https:\\me:hush@h ftp:/me:hush@h", r"https:\\me:‹password›@h ftp:/me:‹password›@h"),
            ("//me:hush@h/x", "//me:‹password›@h/x"),
            ("a=http://u:one@a b=\"http://u:two@b\"", "a=http://u:‹password›@a b=\"http://u:‹password›@b\""),
        ] {
            assert_eq!(without_secrets(text), shown);
        }
        for text in [
            "https://host:8443/users/me@example.com",
            "https://host/?mail=me@example.com",
            "me:hush@host",
            "error: me:hush@host",
            "/a//me:x/b@c",
            "mail me@host",
            "https://{host}:{port}/a@b",
            "http://[::1]:80/a@b",
            "https://@host",
            "://",
        ] {
            assert_eq!(without_secrets(text), text);
        }
    }

    #[test]
    fn very_many_urls_are_looked_at_once() {
        // In time that grows with the square this would not end.
        for url in ["http://a:x/", "http:", "//", "https://host:80/", "http://me:hush@h "] {
            let text = format!("{} me@host", url.repeat(2_000_000 / url.len()));
            assert!(!without_secrets(&text).contains("hush"), "{url}");
        }
    }

    #[test]
    fn a_snippet_keeps_every_place() {
        let text = "url: https://me:schlüssel@host";
        assert_eq!(blanked(text), "url: https://me:****\u{bf}****@host");
        assert_eq!(blanked(text).len(), text.len());
    }
}
