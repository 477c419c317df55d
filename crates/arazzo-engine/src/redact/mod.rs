//! The values of secret slots, learned as they fill; the only way text leaves the engine.
//!
//! Masking happens once, where events are made. Each secret is looked for as it is, however a text escapes it
//! (`escapes.rs`), and in the digits and letters that can stand for it (`forms.rs`), all in one pass (`search.rs`).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::value::Json;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::media_type::MediaType;
use crate::value::json_text;

mod escapes;
mod forms;
mod search;
#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
mod tests;

pub(crate) use forms::{LARGEST_ENCODED, base64_at, hex, latin1, misread, url_safe};
pub(crate) use search::{End, Hit, Inside, SHORTEST, SHORTEST_ENCODED, Search};

/// How much of a text is looked at behind the place where it will be cut, beside the longest secret: the beginning of one
/// is recognised there, however it is escaped.
const BEHIND: usize = 1024;

/// The last values that a run has learned which are masked even if it has nothing of them any more.
const REMEMBERED: usize = 256;

/// Values that are words of ordinary texts.
const COMMON: [&str; 44] = [
    "access",
    "account",
    "active",
    "admin",
    "administrator",
    "api-key",
    "apikey",
    "application",
    "bearer",
    "client",
    "content",
    "default",
    "demo",
    "error",
    "example",
    "false",
    "guest",
    "header",
    "http",
    "https",
    "json",
    "localhost",
    "login",
    "name",
    "null",
    "object",
    "operation",
    "pass",
    "password",
    "production",
    "public",
    "request",
    "response",
    "root",
    "secret",
    "server",
    "status",
    "string",
    "test",
    "token",
    "true",
    "type",
    "user",
    "value",
];

/// Knows the secrets of one run and takes them out of texts.
#[derive(Default)]
pub struct Redactor {
    search: Search,
    longest: usize,
    names: Vec<String>,
    /// The index of a name in `names`.
    numbers: HashMap<String, usize>,
    short: Vec<String>,
    /// The values that were learned, each once, with the number of its name.
    values: Vec<(usize, String, Whose)>,
    /// The same, to look up. A value that is a form of another one has forms of its own.
    learned: HashSet<String>,
    /// Names of values that were put together from other secrets, with the numbers of those.
    made_of: HashMap<usize, BTreeSet<usize>>,
    /// Names of secrets that were not put together. What is only masked is in neither.
    own: BTreeSet<usize>,
    /// How many of the values were there before the run began: they are never forgotten.
    given: usize,
    /// From how many values on those that cannot appear any more are looked for.
    forget_at: usize,
}

/// A text whose secrets are masked, which only a [`Redactor`] makes. Only such a text may be cut: half of a secret is not
/// found any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Masked(String);

impl Masked {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::ops::Deref for Masked {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Masked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A body as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct BodyText {
    /// The text; bytes that are not text are not shown.
    pub text: Masked,
    /// The media type.
    pub media_type: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// `true` if the text is not all of it.
    pub cut: bool,
    /// As much of it as reports keep ([`crate::limits::Limits::report_bytes`]); no part of the event as JSON.
    #[serde(skip)]
    pub kept: Option<Arc<KeptBody>>,
}

/// A body as a report keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeptBody {
    /// Its text, or its bytes in base64.
    pub text: Masked,
    /// `true` for bytes.
    pub base64: bool,
    /// Bytes that are kept of a body.
    pub limit: usize,
    /// `true` if it has more.
    pub cut: bool,
}

/// The owner of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Whose {
    /// The user who runs the document, or the server that gave it.
    User,
    /// Put together by the document.
    Built,
    /// As [`Whose::Built`], so that what it was made of is not to be seen in it.
    Derived,
    /// Nobody's here: it is masked, and goes where it is written to go.
    Nobody,
}

/// Everything that a redactor has learned, in its order; holds secrets in clear.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct LearnedSecrets {
    names: Vec<String>,
    /// Names of those that are too short to be masked.
    short: Vec<String>,
    /// Each with the number of its name.
    values: Vec<(usize, String, Whose)>,
    /// The names of derived values, with those that they were made of.
    #[serde(default)]
    derived: Vec<(usize, BTreeSet<usize>)>,
    #[serde(default)]
    given: usize,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redactor").field("names", &self.names).finish_non_exhaustive()
    }
}

impl Redactor {
    /// Learns the value of a secret slot; objects and arrays are learned leaf by leaf.
    pub fn learn(&mut self, name: &str, value: &Json) {
        self.learn_as(name, value, Whose::User);
    }

    /// As [`Redactor::learn`], of a value that the document put together: it is as secret as what it holds.
    pub(crate) fn learn_built(&mut self, name: &str, value: &Json) {
        self.learn_as(name, value, Whose::Built);
    }

    /// As [`Redactor::learn`], of what is masked and is nobody's secret here: what stands in the document, or a cookie,
    /// which goes where its server said.
    pub(crate) fn learn_masked(&mut self, name: &str, value: &Json) {
        self.learn_as(name, value, Whose::Nobody);
    }

    /// Learns a text that was made of the secrets of these numbers, so that they are not to be seen in it.
    pub(crate) fn learn_derived(&mut self, name: &str, text: &str, parts: &BTreeSet<usize>) {
        let number = self.number(name);
        self.made_of.entry(number).or_default().extend(parts);
        self.learn_as(name, &Json::String(text.to_owned()), Whose::Derived);
    }

    /// The number of a name.
    fn number(&mut self, name: &str) -> usize {
        match self.numbers.get(name) {
            Some(number) => *number,
            None => {
                self.numbers.insert(name.to_owned(), self.names.len());
                self.names.push(name.to_owned());
                self.names.len() - 1
            }
        }
    }

    fn learn_as(&mut self, name: &str, value: &Json, whose: Whose) {
        match value {
            Json::Null | Json::Bool(_) => return,
            Json::Array(items) => return items.iter().for_each(|item| self.learn_as(name, item, whose)),
            Json::Object(members) => return members.values().for_each(|item| self.learn_as(name, item, whose)),
            Json::String(_) | Json::Number(_) | Json::Bytes(_) => {}
        }
        let text = json_text(value);
        let number = self.number(name);
        if text.chars().count() < SHORTEST {
            if !self.short.iter().any(|known| known == name) {
                self.short.push(name.to_owned());
            }
            return;
        }
        // The same again, as a loop gives it.
        if self.learned.contains(&text) {
            return;
        }
        self.learned.insert(text.clone());
        let parts = if whose == Whose::Built { self.numbers_in(text.as_bytes()) } else { BTreeSet::new() };
        if !parts.is_empty() {
            self.made_of.entry(number).or_default().extend(parts);
        } else if whose == Whose::User || whose == Whose::Built && !self.made_of.contains_key(&number) {
            self.own.insert(number);
        }
        self.values.push((number, text.clone(), whose));
        self.longest = self.longest.max(text.len());
        self.look_for(&text, number);
    }

    fn look_for(&mut self, text: &str, number: usize) {
        self.search.add_text(text, number);
        if let Some(bytes) = latin1(text) {
            self.search.add_bytes(&bytes, number);
        }
        if let Some(other) = misread(text) {
            self.search.add_text(&other, number);
        }
        if !(SHORTEST_ENCODED..=LARGEST_ENCODED).contains(&text.len()) {
            return;
        }
        let hex = hex(text);
        self.search.add_text(&hex.to_uppercase(), number);
        self.search.add_text(&hex, number);
        for offset in 0..3 {
            let letters = base64_at(text.as_bytes(), offset);
            url_safe(&letters).iter().for_each(|letters| self.search.add_text(letters, number));
            self.search.add_text(&letters, number);
        }
    }

    /// The bytes that who cuts a text before it is masked leaves behind what will be shown of it.
    pub(crate) fn lookahead(&self) -> usize {
        self.longest.saturating_mul(3).saturating_add(BEHIND)
    }

    /// Names of the secrets that are known so far.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Names of the secrets that bytes hold in any form; of one that was put together from others, the names of those.
    pub(crate) fn names_in(&self, bytes: &[u8]) -> BTreeSet<&str> {
        self.numbers_in(bytes).into_iter().filter_map(|number| self.names.get(number)).map(String::as_str).collect()
    }

    /// The numbers of the names of [`Redactor::names_in`].
    pub(crate) fn numbers_in(&self, bytes: &[u8]) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        // Those that stand inside of another are looked for too: hiding one in a longer one hides nothing.
        self.search.each(bytes, &mut |number| {
            found.extend(self.made_of.get(&number).into_iter().flatten());
            if self.own.contains(&number) {
                found.insert(number);
            }
        });
        found
    }

    /// `true` if bytes hold a value that is masked, in any form.
    pub(crate) fn is_in(&self, bytes: &[u8]) -> bool {
        self.search.is_in(bytes)
    }

    /// Everything that was learned, to learn it again elsewhere.
    pub(crate) fn learned(&self) -> LearnedSecrets {
        let made_of = |number: &usize| self.made_of.get(number).cloned().map(|parts| (*number, parts));
        let derived = self.values.iter().filter(|(_, _, whose)| *whose == Whose::Derived);
        let derived: BTreeMap<_, _> = derived.filter_map(|(number, ..)| made_of(number)).collect();
        LearnedSecrets {
            names: self.names.clone(),
            short: self.short.clone(),
            values: self.values.clone(),
            derived: derived.into_iter().collect(),
            given: self.given,
        }
    }

    /// From now on what is learned comes and goes: all that is known was given.
    pub(crate) fn begin(&mut self) {
        self.given = self.values.len();
    }

    /// Forgets values that cannot appear any more, if there are very many: neither given, nor one of the last, nor in
    /// one of the texts that the run still has. A server may give a new token with every answer.
    pub(crate) fn forget(&mut self, texts: impl FnOnce() -> Vec<String>) {
        if self.values.len() < self.forget_at.max(self.given + 2 * REMEMBERED) {
            return;
        }
        let last = self.values.len().saturating_sub(REMEMBERED);
        let mut candidates = Search::default();
        for (index, (_, value, _)) in self.values.iter().enumerate().take(last).skip(self.given) {
            candidates.add_text(value, index);
        }
        let mut held = BTreeSet::new();
        texts().iter().for_each(|text| candidates.each(text.as_bytes(), &mut |index| held.extend([index])));
        let mut known = self.learned();
        let mut index = 0;
        known.values.retain(|_| {
            index += 1;
            index <= self.given || index > last || held.contains(&(index - 1))
        });
        // Names of cookies, for one, are the server's.
        let named: BTreeSet<usize> = known.values.iter().map(|(number, ..)| *number).collect();
        let parts: BTreeSet<usize> = self.made_of.values().flatten().copied().collect();
        let keep = |number: &usize| named.contains(number) || parts.contains(number) || self.own.contains(number);
        let kept: Vec<usize> = (0..known.names.len()).filter(keep).collect();
        let renamed = |number: &usize| kept.binary_search(number).ok();
        known.names = kept.iter().filter_map(|number| known.names.get(*number).cloned()).collect();
        known.values = known.values.iter().filter_map(|(n, v, w)| Some((renamed(n)?, v.clone(), *w))).collect();
        let parts = |parts: &BTreeSet<usize>| parts.iter().filter_map(renamed).collect::<BTreeSet<_>>();
        known.derived = self.made_of.iter().filter_map(|(n, of)| Some((renamed(n)?, parts(of)))).collect();
        let own = parts(&self.own);
        *self = Self::of(known);
        self.own.extend(own);
        self.forget_at = 2 * self.values.len();
    }

    /// A redactor that has learned the same.
    pub(crate) fn of(learned: LearnedSecrets) -> Self {
        let LearnedSecrets { names, short, values, derived, given } = learned;
        let mut redactor = Self::default();
        for name in names {
            redactor.numbers.insert(name.clone(), redactor.names.len());
            redactor.names.push(name);
        }
        redactor.short = short;
        redactor.given = given;
        for (number, parts) in derived {
            redactor.made_of.entry(number).or_default().extend(parts);
        }
        for (number, text, whose) in values {
            if let Some(name) = redactor.names.get(number).cloned() {
                redactor.learn_as(&name, &Json::String(text), whose);
            }
        }
        redactor
    }

    /// The values that are masked, each with its name, in the order in which they were learned.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().filter_map(|(name, value, _)| Some((self.names.get(*name)?.as_str(), value.as_str())))
    }

    /// Names of secrets that are words like any other, which are masked wherever they stand.
    pub(crate) fn common(&self) -> Vec<&str> {
        let is_common = |value: &str| COMMON.contains(&value.to_ascii_lowercase().as_str());
        self.values().filter(|(_, value)| is_common(value)).map(|(name, _)| name).collect()
    }

    /// A text with other letters and digits where it holds a secret: equal ones stay equal, and different ones different. In
    /// XML, references stay those that they are.
    pub(crate) fn rotated(&self, text: &str, is_xml: bool) -> String {
        let mut other = String::with_capacity(text.len());
        let mut at = 0;
        for hit in self.search.hits(text.as_bytes(), text.len(), End::Whole) {
            let (from, to) = (floor_char(text, hit.from).max(at), ceil_char(text, hit.to).max(at));
            other.push_str(text.get(at..from).unwrap_or_default());
            let mut entity = false;
            for char in text.get(from..to).unwrap_or_default().chars() {
                entity = is_xml && char == '&' || entity && char != ';';
                other.push(if entity { char } else { rotated(char) });
            }
            at = to;
        }
        other.push_str(text.get(at..).unwrap_or_default());
        other
    }

    /// Names of secrets that are too short to be masked.
    #[must_use]
    pub fn short(&self) -> &[String] {
        &self.short
    }

    /// The text with every form of every secret replaced by its name: `‹apiToken›`.
    #[must_use]
    pub fn mask(&self, text: &str) -> String {
        self.mask_up_to(text, usize::MAX).0
    }

    /// As [`Redactor::mask`], in place: most texts hold no secret, and stay as they are.
    pub(crate) fn mask_in_place(&self, text: &mut String) {
        if let (Cow::Owned(masked), _) = self.mask_part(text, usize::MAX, End::Whole) {
            *text = masked;
        }
    }

    /// As [`Redactor::mask`], of at most `limit` bytes of the text; `true` if something was cut off. A secret that
    /// crosses the limit is masked whole.
    #[must_use]
    pub fn mask_up_to(&self, text: &str, limit: usize) -> (String, bool) {
        let (masked, cut) = self.mask_part(text, limit, End::Whole);
        (masked.into_owned(), cut)
    }

    /// As [`Redactor::mask_up_to`], of a text behind whose end there may be more; borrowed if there is no secret in it.
    fn mask_part<'t>(&self, text: &'t str, limit: usize, end: End) -> (Cow<'t, str>, bool) {
        let until = floor_char(text, limit);
        let mut masked = String::new();
        let (mut at, mut last) = (0, None);
        for hit in self.search.hits(text.as_bytes(), until, end) {
            let (from, to) = (floor_char(text, hit.from), ceil_char(text, hit.to));
            if from >= until {
                break;
            }
            // A value that begins inside of another, and the next window of a large one, are under the same mask.
            let joined = last.is_some_and(|last| from < at || from == at && last == hit.tag);
            if !joined {
                masked.push_str(text.get(at..from).unwrap_or_default());
                masked.push('‹');
                masked.push_str(self.names.get(hit.tag).map_or("secret", String::as_str));
                masked.push('›');
            }
            (at, last) = (at.max(to), Some(hit.tag));
        }
        if last.is_none() {
            return (Cow::Borrowed(text.get(..until).unwrap_or_default()), until < text.len());
        }
        masked.push_str(text.get(at..until.max(at)).unwrap_or_default());
        (Cow::Owned(masked), until.max(at) < text.len())
    }

    /// The beginning of a text for people: masked, then cut after so many characters, with `…` where it was.
    #[must_use]
    pub fn shown(&self, text: &str, characters: usize) -> Masked {
        // A character has at most four bytes.
        let (mut masked, mut cut) = self.mask_up_to(text, characters.saturating_mul(4));
        if let Some((at, _)) = masked.char_indices().nth(characters) {
            masked.truncate(at);
            cut = true;
        }
        if cut {
            masked.push('…');
        }
        // Events are kept, and dropped elsewhere: they hold no more memory than they show.
        masked.shrink_to_fit();
        Masked(masked)
    }

    /// A JSON value with all its strings, names of members and numbers masked.
    #[must_use]
    pub fn mask_json(&self, json: &Json) -> Json {
        // What is shared is copied where it holds a secret, and nowhere else.
        self.masked_json(json).unwrap_or_else(|| json.clone())
    }

    /// As [`Redactor::mask_json`]; nothing if there is no secret in it.
    pub(crate) fn masked_json(&self, json: &Json) -> Option<Json> {
        self.masked_by(json, &mut |inner| self.masked_json(inner))
    }

    /// As [`Redactor::masked_json`], with what `masked` makes of the items and members.
    pub(crate) fn masked_by(&self, json: &Json, masked: &mut dyn FnMut(&Json) -> Option<Json>) -> Option<Json> {
        let masked_text = |text: &str| match self.mask_part(text, usize::MAX, End::Whole).0 {
            Cow::Owned(masked) => Some(masked),
            Cow::Borrowed(_) => None,
        };
        match json {
            Json::String(text) => masked_text(text).map(Json::String),
            Json::Array(items) => {
                let (at, first) = items.iter().enumerate().find_map(|(at, item)| Some((at, masked(item)?)))?;
                let (before, rest) = (items.iter().take(at).cloned(), items.iter().skip(at + 1));
                let rest = rest.map(|item| masked(item).unwrap_or_else(|| item.clone()));
                Some(before.chain(std::iter::once(first)).chain(rest).collect())
            }
            Json::Object(members) => {
                let mut member = |(name, value): (&String, &Json)| match (masked_text(name), masked(value)) {
                    (None, None) => None,
                    (other, masked) => {
                        Some((other.unwrap_or_else(|| name.clone()), masked.unwrap_or_else(|| value.clone())))
                    }
                };
                let (at, first) = members.iter().enumerate().find_map(|(at, one)| Some((at, member(one)?)))?;
                let unchanged = |(name, value): (&String, &Json)| (name.clone(), value.clone());
                let (before, rest) = (members.iter().take(at).map(unchanged), members.iter().skip(at + 1));
                let rest = rest.map(|one| member(one).unwrap_or_else(|| unchanged(one)));
                Some(Json::Object(before.chain(std::iter::once(first)).chain(rest).collect()))
            }
            Json::Number(number) => masked_text(&number.text()).map(Json::String),
            Json::Bytes(file) => self.is_in(&file.bytes).then(|| Json::String(self.mask(&json_text(json)))),
            Json::Null | Json::Bool(_) => None,
        }
    }

    /// A body for an event: masked, then cut.
    #[must_use]
    pub fn body(&self, bytes: &[u8], media_type: &str, limit: usize) -> Option<BodyText> {
        self.beginning(bytes, bytes.len(), media_type, limit)
    }

    /// As [`Redactor::body`], of a body of `size` bytes of which `bytes` are the first: more than `limit`, unless it is
    /// the whole.
    #[must_use]
    pub fn beginning(&self, bytes: &[u8], size: usize, media_type: &str, limit: usize) -> Option<BodyText> {
        if bytes.is_empty() {
            return None;
        }
        let looked_at = limit.saturating_add(self.lookahead()).saturating_add(4);
        let head = bytes.get(..looked_at).unwrap_or(bytes);
        let end = if head.len() < size { End::Cut } else { End::Body };
        let text = match std::str::from_utf8(head) {
            Ok(text) => text,
            // A character that was cut in half at the end is not a fault.
            Err(error) if error.valid_up_to() + 4 > head.len() => {
                head.get(..error.valid_up_to()).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or_default()
            }
            Err(_) => {
                let text = boundary(media_type).and_then(|boundary| parts(bytes, boundary)).unwrap_or_default();
                return Some(BodyText {
                    text: Masked(self.mask_part(&text, limit, end).0.into_owned()),
                    media_type: self.mask(media_type),
                    bytes: size as u64,
                    cut: true,
                    kept: None,
                });
            }
        };
        let (text, _) = self.mask_part(text, limit, end);
        let (text, cut) = (Masked(text.into_owned()), size > limit);
        Some(BodyText { text, media_type: self.mask(media_type), bytes: size as u64, cut, kept: None })
    }

    /// A body for a report, of `size` bytes of which `bytes` are the first; nothing of bytes that hold a secret.
    #[must_use]
    pub fn kept(&self, bytes: &[u8], size: usize, limit: usize) -> Option<Arc<KeptBody>> {
        if limit == 0 || bytes.is_empty() {
            return None;
        }
        let cut = size > limit;
        let whole = |error: std::str::Utf8Error| cut && error.valid_up_to() + 4 > bytes.len();
        if std::str::from_utf8(bytes).map_or_else(whole, |_| true) {
            let text = self.beginning(bytes, size, "", limit)?.text;
            return Some(Arc::new(KeptBody { text, base64: false, limit, cut }));
        }
        let text = (!self.is_in(bytes)).then(|| STANDARD.encode(bytes.get(..limit).unwrap_or(bytes)))?;
        Some(Arc::new(KeptBody { text: Masked(text), base64: true, limit, cut }))
    }
}

/// The line between the parts of a multipart body.
fn boundary(media_type: &str) -> Option<&str> {
    let kind = MediaType::parse(media_type);
    kind.parameter("boundary").filter(|boundary| kind.is_multipart() && !boundary.is_empty())
}

/// A multipart body as text, with how many bytes stood where a part is not text.
fn parts(bytes: &[u8], boundary: &str) -> Option<String> {
    let border = format!("--{boundary}");
    let mut text = String::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(border.len()).position(|window| window == border.as_bytes()) {
        text.push_str(&read_part(rest.get(..at)?)?);
        text.push_str(&border);
        rest = rest.get(at + border.len()..)?;
    }
    text.push_str(std::str::from_utf8(rest).ok()?);
    Some(text)
}

/// One part, from the end of the border before it to the line break before the next.
fn read_part(bytes: &[u8]) -> Option<String> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Some(text.to_owned());
    }
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let count = bytes.len().saturating_sub(head + 2);
    Some(format!("{}({count} bytes that are not text)\r\n", std::str::from_utf8(bytes.get(..head)?).ok()?))
}

/// Another letter or digit.
fn rotated(char: char) -> char {
    let turn = |first: u8, count: u8| char::from(first + (char as u8 - first + count / 2) % count);
    match char {
        'a'..='z' => turn(b'a', 26),
        'A'..='Z' => turn(b'A', 26),
        '0'..='9' => turn(b'0', 10),
        _ => char,
    }
}

fn floor_char(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn ceil_char(text: &str, at: usize) -> usize {
    (at..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}
