//! Cookies within a run, when they are asked for (RFC 6265 §5.2 to §5.4). Values are kept with the secrets.

use crate::value::Json;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::Machine;
use super::auth::add_cookie;
use super::store::Slot;
use super::wire::Request;
use crate::limits::{Millis, is_loopback};
use crate::value::Value;

/// Cookies that a run keeps at most; the oldest go first.
const COOKIES: usize = 300;
/// Values from this length on are masked wherever they appear; shorter ones are words such as `dark`.
const TELLING: usize = 16;

/// A cookie.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Cookie {
    name: String,
    value: Slot,
    /// The host that it came from, or the domain that it is for.
    host: String,
    /// `true` if it is for this host only.
    own: bool,
    path: String,
    secure: bool,
    /// The wall clock at which it ends, in ms since 1970.
    until: Option<i64>,
}

impl Cookie {
    pub(super) fn value(&self) -> &Slot {
        &self.value
    }

    fn fits(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let below = || matches!(url.host(), Some(Host::Domain(_))) && host.ends_with(&format!(".{}", self.host));
        let path = url.path();
        let under = path == self.path
            || path.strip_prefix(&self.path).is_some_and(|rest| self.path.ends_with('/') || rest.starts_with('/'));
        (host == self.host || !self.own && below())
            && under
            && (!self.secure || url.scheme() == "https" || is_loopback(url))
    }
}

impl Machine {
    /// Adds the cookies that are for the url of a request; what the document passes under the same name wins.
    pub(super) fn add_cookies(&self, now: Millis, request: &mut Request) {
        let Ok(url) = Url::parse(&request.url) else { return };
        let clock = self.state.epoch_ms.saturating_add_unsigned(now);
        let mut fitting: Vec<&Cookie> = self
            .state
            .cookies
            .iter()
            .filter(|cookie| cookie.until.is_none_or(|until| clock < until) && cookie.fits(&url))
            .collect();
        // The longest path first; of equal ones, the oldest.
        fitting.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let header = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("cookie"));
        let passed: Vec<String> = header
            .map(|(_, value)| {
                value.split(';').filter_map(|pair| Some(pair.split_once('=')?.0.trim().to_owned())).collect()
            })
            .unwrap_or_default();
        for cookie in fitting.into_iter().filter(|cookie| !passed.contains(&cookie.name)) {
            let value = cookie.value.value(&self.secrets).map(Value::to_text).unwrap_or_default();
            add_cookie(&mut request.headers, &format!("{}={value}", cookie.name));
        }
    }

    /// Keeps the cookies of an answer to a request at `url`.
    pub(super) fn keep_cookies(&mut self, now: Millis, url: &str, headers: &[(String, String)]) {
        let Ok(url) = Url::parse(url) else { return };
        let clock = self.state.epoch_ms.saturating_add_unsigned(now);
        let sets = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
        for (_, text) in sets {
            let Some((cookie, value)) = parse_cookie(text, &url, clock) else { continue };
            if value.chars().count() >= TELLING {
                self.redactor.learn_masked(&cookie.name, &Json::String(value.clone()));
            }
            let same =
                |known: &Cookie| (&known.name, &known.host, &known.path) == (&cookie.name, &cookie.host, &cookie.path);
            self.state.cookies.retain(|known| !same(known));
            if cookie.until.is_none_or(|until| clock < until) {
                let value = self.keep_secret(Value::Json(Json::String(value)));
                self.state.cookies.push(Cookie { value, ..cookie });
            }
        }
        let many = self.state.cookies.len().saturating_sub(COOKIES);
        self.state.cookies.drain(..many);
    }
}

/// A cookie and its value; nothing if it is none, or one for somebody else.
fn parse_cookie(text: &str, url: &Url, clock: i64) -> Option<(Cookie, String)> {
    let mut parts = text.split(';');
    let (name, value) = parts.next()?.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    if name.is_empty() || text.contains(|c: char| c.is_control() && c != '\t') {
        return None;
    }
    let host = url.host_str()?.to_owned();
    let folder = url.path().rsplit_once('/').map_or("/", |(folder, _)| if folder.is_empty() { "/" } else { folder });
    let value_slot = Slot::plain(Value::Json(Json::Null));
    let (name, path) = (name.to_owned(), folder.to_owned());
    let mut cookie = Cookie { name, value: value_slot, host, own: true, path, secure: false, until: None };
    let mut lasts = None;
    for part in parts {
        let (key, setting) = part.split_once('=').unwrap_or((part, ""));
        let setting = setting.trim();
        match key.trim().to_ascii_lowercase().as_str() {
            "domain" => {
                let domain = setting.trim_start_matches('.').to_ascii_lowercase();
                let below = cookie.host.ends_with(&format!(".{domain}")) && domain.contains('.');
                match url.host() {
                    _ if domain.is_empty() => {}
                    _ if domain == cookie.host => cookie.own = false,
                    Some(Host::Domain(_)) if below => (cookie.host, cookie.own) = (domain, false),
                    _ => return None,
                }
            }
            "path" if setting.starts_with('/') => cookie.path = setting.to_owned(),
            "secure" => cookie.secure = true,
            "max-age" => lasts = setting.parse::<i64>().ok().map(|s| clock.saturating_add(s.saturating_mul(1000))),
            "expires" => {
                let date = httpdate::parse_http_date(setting).ok();
                let since = date.and_then(|date| date.duration_since(std::time::UNIX_EPOCH).ok());
                cookie.until = since.map(|since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
            }
            _ => {}
        }
    }
    cookie.until = lasts.or(cookie.until);
    Some((cookie, value.to_owned()))
}
