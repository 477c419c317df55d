//! HTTP Digest access authentication (RFC 7616; RFC 2617 for servers without `qop`).

use md5::{Digest as _, Md5};
use sha2::{Sha256, Sha512_256};

use super::wire::Request;

/// `true` for a challenge of this kind.
pub(super) fn is_digest(challenge: &str) -> bool {
    challenge.trim_start().get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("digest "))
}

/// The value of `Authorization` that answers a challenge. `seed` differs for every request: what the client adds of its
/// own is made from it and the password, so that a run can be repeated and nobody else can tell it.
///
/// # Errors
/// The part of the challenge that is not understood.
pub(super) fn answer_challenge(
    challenge: &str,
    request: &Request,
    (user, password): (&str, &str),
    seed: &str,
) -> Result<String, String> {
    let fields = parse_fields(challenge);
    let field = |name: &str| fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str());
    let realm = field("realm").unwrap_or_default();
    let nonce = field("nonce").ok_or("it has no nonce")?;
    let algorithm = field("algorithm").unwrap_or("MD5");
    let (plain, session) = match algorithm.to_ascii_uppercase().strip_suffix("-SESS") {
        Some(plain) => (plain.to_owned(), true),
        None => (algorithm.to_ascii_uppercase(), false),
    };
    let hash: fn(&[u8]) -> String = match plain.as_str() {
        "MD5" => |text| write_hex(&Md5::digest(text)),
        "SHA-256" => |text| write_hex(&Sha256::digest(text)),
        "SHA-512-256" => |text| write_hex(&Sha512_256::digest(text)),
        _ => return Err(format!("its algorithm `{algorithm}` is not known")),
    };
    let offered: Vec<&str> = field("qop").unwrap_or_default().split(',').map(str::trim).collect();
    let qop = match offered.as_slice() {
        [""] => None,
        offered if offered.iter().any(|qop| qop.eq_ignore_ascii_case("auth")) => Some("auth"),
        offered if offered.iter().any(|qop| qop.eq_ignore_ascii_case("auth-int")) => Some("auth-int"),
        _ => return Err(format!("its quality of protection `{}` is not known", offered.join(", "))),
    };
    let url = url::Url::parse(&request.url).map_err(|_| "the url is not valid")?;
    let uri = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let client =
        write_hex(&Sha256::digest(format!("{seed}:{nonce}:{password}"))).get(..16).unwrap_or_default().to_owned();
    let count = "00000001";
    let mut secret = hash(format!("{user}:{realm}:{password}").as_bytes());
    if session {
        secret = hash(format!("{secret}:{nonce}:{client}").as_bytes());
    }
    let mut asked = format!("{}:{uri}", request.method);
    if qop == Some("auth-int") {
        asked.push_str(&format!(":{}", hash(request.body.as_deref().unwrap_or_default())));
    }
    let asked = hash(asked.as_bytes());
    let response = match qop {
        Some(qop) => hash(format!("{secret}:{nonce}:{count}:{client}:{qop}:{asked}").as_bytes()),
        None => hash(format!("{secret}:{nonce}:{asked}").as_bytes()),
    };
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let mut text = format!(
        "Digest username=\"{}\", realm=\"{}\", nonce=\"{}\", uri=\"{uri}\", response=\"{response}\"",
        quoted(user),
        quoted(realm),
        quoted(nonce)
    );
    if field("algorithm").is_some() {
        text.push_str(&format!(", algorithm={algorithm}"));
    }
    if let Some(qop) = qop {
        text.push_str(&format!(", qop={qop}, nc={count}, cnonce=\"{client}\""));
    } else if session {
        text.push_str(&format!(", cnonce=\"{client}\""));
    }
    if let Some(opaque) = field("opaque") {
        text.push_str(&format!(", opaque=\"{}\"", quoted(opaque)));
    }
    Ok(text)
}

/// The parameters of a challenge: `name=token` and `name="text"`, with commas between them.
fn parse_fields(challenge: &str) -> Vec<(String, String)> {
    let mut rest = challenge.trim_start().get(7..).unwrap_or_default();
    let mut found = vec![];
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_matches(|c: char| c == ',' || c.is_whitespace()).to_owned();
        let after = after.trim_start();
        let (value, behind) = match after.strip_prefix('"') {
            Some(text) => read_quoted(text),
            None => {
                let end = after.find(',').unwrap_or(after.len());
                (after.get(..end).unwrap_or_default().trim().to_owned(), after.get(end..).unwrap_or_default())
            }
        };
        found.push((name, value));
        rest = behind;
    }
    found
}

/// A quoted text up to its closing quote, and what comes behind it.
fn read_quoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' => value.extend(characters.next().map(|(_, c)| c)),
            '"' => return (value, text.get(at + 1..).unwrap_or_default()),
            c => value.push(c),
        }
    }
    (value, "")
}

fn write_hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str) -> Request {
        Request { method: "GET".to_owned(), url: format!("http://www.example.org{uri}"), headers: vec![], body: None }
    }

    #[test]
    fn the_example_of_rfc_2617_has_its_response() {
        // Without qop the response depends on nothing of the client's own.
        let challenge = r#"Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41""#;
        let text = answer_challenge(challenge, &request("/dir/index.html"), ("Mufasa", "Circle Of Life"), "");
        let expected = concat!(
            r#"Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", "#,
            r#"uri="/dir/index.html", response="670fd8c2df070c60b045671b8b24ff02", "#,
            r#"opaque="5ccc069c403ebaf9f0171e9517f40e41""#
        );
        assert_eq!(text.as_deref(), Ok(expected));
    }

    #[test]
    fn a_challenge_that_is_not_understood_says_why() {
        let ask = |challenge: &str| answer_challenge(challenge, &request("/"), ("u", "p"), "").err();
        assert_eq!(ask(r#"Digest realm="r""#), Some("it has no nonce".to_owned()));
        assert_eq!(ask(r#"Digest nonce="n", algorithm=SHA-1"#), Some("its algorithm `SHA-1` is not known".to_owned()));
        assert_eq!(
            ask(r#"Digest nonce="n", qop="other""#),
            Some("its quality of protection `other` is not known".to_owned())
        );
    }
}
