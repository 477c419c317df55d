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
                self.note_kept(&value, &vec![]);
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
                cookie.until = cookie_date(setting);
            }
            _ => {}
        }
    }
    cookie.until = lasts.or(cookie.until);
    Some((cookie, value.to_owned()))
}

/// The time in ms since 1970 that a date of a cookie means, as browsers read it (RFC 6265 §5.1.1).
fn cookie_date(text: &str) -> Option<i64> {
    let is_delimiter = |c: char| matches!(c, '\t' | ' '..='/' | ';'..='@' | '['..='`' | '{'..='~');
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for token in text.split(is_delimiter).filter(|token| !token.is_empty()) {
        if time.is_none()
            && let Some(found) = clock_of(token)
        {
            time = Some(found);
        } else if day.is_none()
            && let Some(found) = leading_number(token, 1..=2)
        {
            day = Some(found);
        } else if month.is_none()
            && let Some(found) = month_of(token)
        {
            month = Some(found);
        } else if year.is_none()
            && let Some(found) = leading_number(token, 2..=4)
        {
            year = Some(found);
        }
    }
    let ((hour, minute, second), day, month, year) = (time?, day?, month?, year?);
    let year = match year {
        70..=99 => year + 1900,
        0..=69 => year + 2000,
        _ => year,
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if year < 1601 || !(1..=length).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // Days since 1970: years begin in March, so that the day of a leap year is their last.
    let (shifted, from_march) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days =
        shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + (153 * from_march + 2) / 5 + day - 1 - 719_468;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000)
}

/// `hh:mm:ss`, each of one or two digits; what stands behind it is not looked at.
fn clock_of(token: &str) -> Option<(i64, i64, i64)> {
    let (hour, rest) = token.split_once(':')?;
    let (minute, second) = rest.split_once(':')?;
    let exact = |text: &str| leading_number(text, 1..=2).filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
    Some((exact(hour)?, exact(minute)?, leading_number(second, 1..=2)?))
}

/// The number that a text begins with, if it has so many digits.
fn leading_number(text: &str, digits: std::ops::RangeInclusive<usize>) -> Option<i64> {
    let count = text.bytes().take_while(u8::is_ascii_digit).count();
    text.get(..count).filter(|_| digits.contains(&count))?.parse().ok()
}

fn month_of(token: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let name = token.get(..3)?.to_ascii_lowercase();
    MONTHS.iter().zip(1..).find(|(month, _)| **month == name).map(|(_, number)| number)
}

#[cfg(test)]
mod tests {
    use super::cookie_date;

    #[test]
    fn dates_of_cookies_are_read_as_browsers_read_them() {
        for (text, ms) in [
            ("Thu, 01 Jan 1970 00:00:01 GMT", Some(1_000)),
            ("Thu, 01-Jan-1970 00:00:01 GMT", Some(1_000)),
            ("Thu, 01-Jan-70 00:00:01 GMT", Some(1_000)),
            ("Thu, 1 Jan 1970 00:00:01 GMT", Some(1_000)),
            ("Thu Jan  1 00:00:01 1970", Some(1_000)),
            ("1 january 1970 0:0:1", Some(1_000)),
            ("Mon, 01 Jan 1900 00:00:00 GMT", Some(-2_208_988_800_000)),
            ("Wed, 09 Jun 2021 10:18:14 GMT", Some(1_623_233_894_000)),
            ("Sat, 29 Feb 2020 12:00:00 GMT", Some(1_582_977_600_000)),
            ("01 Jan 69 00:00:00", Some(3_124_224_000_000)),
            ("Fri, 29 Feb 2021 12:00:00 GMT", None),
            ("Thu, 01 Jan 1600 00:00:00 GMT", None),
            ("Thu, 32 Jan 1970 00:00:00 GMT", None),
            ("Thu, 01 Jan 1970 24:00:00 GMT", None),
            ("Thu, 01 Jan 1970", None),
            ("tomorrow", None),
            ("", None),
        ] {
            assert_eq!(cookie_date(text), ms, "{text}");
        }
    }
}
