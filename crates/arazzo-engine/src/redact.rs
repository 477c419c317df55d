//! The values of secret slots, learned as they fill; the only way text leaves the engine.
//!
//! Masking happens once, where events are made. Each secret is looked for as it is and in the forms in which it
//! travels: percent-encoded, JSON- and HTML-escaped, hexadecimal, and base64 at each of the three offsets.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::value::Json;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::media_type::MediaType;
use crate::openapi::encode::percent;
use crate::value::json_text;

/// Shorter values are not masked: they would hide half of every text. `Redactor::short` names them.
pub(crate) const SHORTEST: usize = 4;
/// Encoded forms of a few bytes occur by chance.
pub(crate) const SHORTEST_ENCODED: usize = 8;

/// Knows the secrets of one run and takes them out of texts.
#[derive(Default)]
pub struct Redactor {
    forms: Forms,
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
}

/// The forms to look for, by how they begin. Grows in constant time: a run may learn a new secret with every poll, and
/// an automaton of all forms would have to be built anew each time.
#[derive(Default)]
pub(crate) struct Forms {
    /// Form → the index of the name its mask shows.
    all: HashMap<Vec<u8>, usize>,
    /// The first bytes of a form → the lengths of those that begin with them, longest first: tokens begin alike.
    by_head: HashMap<[u8; SHORTEST], Vec<usize>>,
    /// A bit for each pair of first bytes that some form has.
    pairs: Vec<u64>,
}

impl Forms {
    pub(crate) fn add(&mut self, form: String, name: usize) {
        let Some(head) = form.as_bytes().first_chunk::<SHORTEST>() else { return };
        self.pairs.resize(1 << 10, 0);
        let [first, second, ..] = *head;
        if let Some(word) = self.pairs.get_mut(word(first, second)) {
            *word |= bit(second);
        }
        let lengths = self.by_head.entry(*head).or_default();
        if let Err(place) = lengths.binary_search_by(|known| form.len().cmp(known)) {
            lengths.insert(place, form.len());
        }
        // Of two secrets with one form, the first gives it its name.
        self.all.entry(form.into_bytes()).or_insert(name);
    }

    /// The first place from `at` up to `end` where a form begins: the place, its length and the index of its name.
    pub(crate) fn next(&self, text: &[u8], at: usize, end: usize) -> Option<(usize, usize, usize)> {
        let rest = text.get(at..)?;
        // Nearly every place is passed by its first two bytes.
        let begins = |head: &[u8]| match head {
            [first, second, ..] => self.pairs.get(word(*first, *second)).is_some_and(|w| w & bit(*second) != 0),
            _ => false,
        };
        let places = rest.windows(SHORTEST).take(end.saturating_sub(at)).enumerate().filter(|(_, head)| begins(head));
        places.map(|(place, _)| at + place).find_map(|place| {
            let (length, name) = self.find(text.get(place..)?)?;
            Some((place, length, name))
        })
    }

    /// The longest form that a text begins with: its length and the index of its name.
    fn find(&self, text: &[u8]) -> Option<(usize, usize)> {
        let head = text.first_chunk::<SHORTEST>()?;
        self.by_head.get(head)?.iter().find_map(|length| Some((*length, *self.all.get(text.get(..*length)?)?)))
    }
}

/// The index of the bit of two first bytes.
fn word(first: u8, second: u8) -> usize {
    usize::from(first) << 2 | usize::from(second >> 6)
}

fn bit(second: u8) -> u64 {
    1 << (second & 63)
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

    fn learn_as(&mut self, name: &str, value: &Json, whose: Whose) {
        match value {
            Json::Null | Json::Bool(_) => return,
            Json::Array(items) => return items.iter().for_each(|item| self.learn_as(name, item, whose)),
            Json::Object(members) => return members.values().for_each(|item| self.learn_as(name, item, whose)),
            Json::String(_) | Json::Number(_) | Json::Bytes(_) => {}
        }
        let text = json_text(value);
        let number = match self.numbers.get(name) {
            Some(number) => *number,
            None => {
                self.numbers.insert(name.to_owned(), self.names.len());
                self.names.push(name.to_owned());
                self.names.len() - 1
            }
        };
        if text.chars().count() < SHORTEST {
            self.short.push(name.to_owned());
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
        } else if whose != Whose::Nobody {
            self.own.insert(number);
        }
        self.values.push((number, text.clone(), whose));
        let forms = forms(&text);
        self.longest = self.longest.max(forms.iter().map(String::len).max().unwrap_or(0));
        forms.into_iter().for_each(|form| self.forms.add(form, number));
    }

    /// The bytes of the longest form of a secret: who cuts a text before it is masked leaves as many more.
    pub(crate) fn longest(&self) -> usize {
        self.longest
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

    fn numbers_in(&self, bytes: &[u8]) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut at = 0;
        // Those that begin inside of another are looked for too: hiding one in a longer one hides nothing.
        while let Some((next, _, number)) = self.forms.next(bytes, at, bytes.len()) {
            found.extend(self.made_of.get(&number).into_iter().flatten());
            if self.own.contains(&number) {
                found.insert(number);
            }
            at = next + 1;
        }
        found
    }

    /// `true` if bytes hold a value that is masked, in any form.
    pub(crate) fn is_in(&self, bytes: &[u8]) -> bool {
        !self.values.is_empty() && self.forms.next(bytes, 0, bytes.len()).is_some()
    }

    /// Everything that was learned, to learn it again elsewhere.
    pub(crate) fn learned(&self) -> LearnedSecrets {
        LearnedSecrets { names: self.names.clone(), short: self.short.clone(), values: self.values.clone() }
    }

    /// A redactor that has learned the same.
    pub(crate) fn of(learned: LearnedSecrets) -> Self {
        let LearnedSecrets { names, short, values } = learned;
        let mut redactor = Self::default();
        for name in names {
            redactor.numbers.insert(name.clone(), redactor.names.len());
            redactor.names.push(name);
        }
        redactor.short = short;
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
        if let (Cow::Owned(masked), _) = self.masked_up_to(text, usize::MAX) {
            *text = masked;
        }
    }

    /// As [`Redactor::mask`], of at most `limit` bytes of the text; `true` if something was cut off. A secret that
    /// crosses the limit is masked whole.
    #[must_use]
    pub fn mask_up_to(&self, text: &str, limit: usize) -> (String, bool) {
        let (masked, cut) = self.masked_up_to(text, limit);
        (masked.into_owned(), cut)
    }

    /// As [`Redactor::mask_up_to`]; borrowed if there is no secret in it.
    fn masked_up_to<'t>(&self, text: &'t str, limit: usize) -> (Cow<'t, str>, bool) {
        let end = floor_char(text, limit);
        let head = text.get(..floor_char(text, limit.saturating_add(self.longest))).unwrap_or_default();
        let next = |at| if self.forms.all.is_empty() { None } else { self.forms.next(head.as_bytes(), at, end) };
        let mut masked = String::new();
        let mut at = 0;
        // Leftmost first, and of several that begin there the longest.
        while let Some((next, length, name)) = next(at) {
            masked.push_str(head.get(at..next).unwrap_or_default());
            masked.push('‹');
            masked.push_str(self.names.get(name).map_or("secret", String::as_str));
            masked.push('›');
            at = next + length;
        }
        if at == 0 {
            return (Cow::Borrowed(text.get(..end).unwrap_or_default()), end < text.len());
        }
        masked.push_str(head.get(at..end.max(at)).unwrap_or_default());
        (Cow::Owned(masked), end.max(at) < text.len())
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
        let masked = |text: &str| match self.masked_up_to(text, usize::MAX).0 {
            Cow::Owned(masked) => Some(masked),
            Cow::Borrowed(_) => None,
        };
        match json {
            Json::String(text) => masked(text).map(Json::String),
            Json::Array(items) => {
                let (at, first) =
                    items.iter().enumerate().find_map(|(at, item)| Some((at, self.masked_json(item)?)))?;
                let (before, rest) = (items.iter().take(at).cloned(), items.iter().skip(at + 1));
                let rest = rest.map(|item| self.mask_json(item));
                Some(before.chain(std::iter::once(first)).chain(rest).collect())
            }
            Json::Object(members) => {
                let member = |(name, value): (&String, &Json)| match (masked(name), self.masked_json(value)) {
                    (None, None) => None,
                    (other, masked) => {
                        Some((other.unwrap_or_else(|| name.clone()), masked.unwrap_or_else(|| value.clone())))
                    }
                };
                let (at, first) = members.iter().enumerate().find_map(|(at, one)| Some((at, member(one)?)))?;
                let before = members.iter().take(at).map(|(name, value)| (name.clone(), value.clone()));
                let rest = members.iter().skip(at + 1).map(|(name, value)| (self.mask(name), self.mask_json(value)));
                Some(Json::Object(before.chain(std::iter::once(first)).chain(rest).collect()))
            }
            Json::Number(number) => masked(&number.text()).map(Json::String),
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
        let head = bytes.get(..bytes.len().min(limit.saturating_add(self.longest).saturating_add(4))).unwrap_or(bytes);
        let text = match std::str::from_utf8(head) {
            Ok(text) => text,
            // A character that was cut in half at the end is not a fault.
            Err(error) if error.valid_up_to() + 4 > head.len() => {
                head.get(..error.valid_up_to()).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or_default()
            }
            Err(_) => {
                let text = boundary(media_type).and_then(|boundary| parts(bytes, boundary)).unwrap_or_default();
                return Some(BodyText {
                    text: Masked(self.mask_up_to(&text, limit).0),
                    media_type: media_type.to_owned(),
                    bytes: size as u64,
                    cut: true,
                    kept: None,
                });
            }
        };
        let (text, _) = self.mask_up_to(text, limit);
        let (text, cut) = (Masked(text), size > limit);
        Some(BodyText { text, media_type: media_type.to_owned(), bytes: size as u64, cut, kept: None })
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

fn floor_char(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The forms in which a value travels; the value itself first. One may come twice.
fn forms(value: &str) -> Vec<String> {
    let mut forms = vec![value.to_owned()];
    // Letters and digits are written alike everywhere.
    if !value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)) {
        forms.extend(escaped_forms(value));
    }
    if value.len() >= SHORTEST_ENCODED {
        forms.push(percent_all(value));
        let hex = hex(value);
        forms.push(hex.to_ascii_uppercase());
        forms.push(hex);
        for offset in 0..3 {
            let standard = base64_at(value.as_bytes(), offset);
            if standard.contains(['+', '/']) {
                forms.push(standard.replace('+', "-").replace('/', "_"));
            }
            forms.push(standard);
        }
    }
    forms
}

/// Every byte percent-encoded, letters too.
pub(crate) fn percent_all(value: &str) -> String {
    value.bytes().flat_map(|byte| ['%', digit(byte >> 4, b'A'), digit(byte & 15, b'A')]).collect()
}

/// The bytes of a value in hexadecimal digits.
pub(crate) fn hex(value: &str) -> String {
    value.bytes().flat_map(|byte| [digit(byte >> 4, b'a'), digit(byte & 15, b'a')]).collect()
}

/// A hexadecimal digit; those from ten on are letters, of which `first` is the first.
fn digit(value: u8, first: u8) -> char {
    char::from(if value < 10 { b'0' + value } else { first + (value - 10) })
}

/// The forms of a value in urls, JSON and HTML, always in this order: as their specifications have them, as the libraries of common
/// languages write them, and as text in a text that is escaped again.
pub(crate) fn escaped_forms(value: &str) -> Vec<String> {
    let json = json_escaped(value);
    let go = json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
    let html = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let url = percent(value);
    let kept = |kept: &[&str]| kept.iter().fold(url.clone(), |text, sign| text.replace(&percent(sign), sign));
    let (component, whole) = (["!", "'", "(", ")", "*"], [";", ",", "/", "?", ":", "@", "&", "=", "+", "$", "#"]);
    vec![
        lower_escapes(&url),
        url.replace("%20", "+"),
        json.replace('/', "\\/"),
        json_escaped(&json),
        go,
        html.replace('\'', "&#39;"),
        html.replace('\'', "&#039;"),
        html.replace('\'', "&apos;"),
        html.replace('\'', "&#x27;"),
        kept(&component),
        kept(&[&component[..], &whole].concat()),
        percent(&url),
        percent(&html),
        url.clone(),
        json,
        html,
    ]
}

/// The inside of a JSON string.
fn json_escaped(value: &str) -> String {
    let escaped = serde_json::to_string(value).unwrap_or_default();
    escaped.get(1..escaped.len().saturating_sub(1)).unwrap_or_default().to_owned()
}

/// `%2F` as `%2f`; other letters stay.
fn lower_escapes(percent: &str) -> String {
    let mut parts = percent.split('%');
    let mut lowered = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, rest) = part.split_at(part.len().min(2));
        lowered.push('%');
        lowered.push_str(&code.to_lowercase());
        lowered.push_str(rest);
    }
    lowered
}

/// The characters of a base64 text that the value alone decides when `offset` bytes stand before it.
pub(crate) fn base64_at(value: &[u8], offset: usize) -> String {
    let padded: Vec<u8> = std::iter::repeat_n(0, offset).chain(value.iter().copied()).collect();
    let text = STANDARD_NO_PAD.encode(&padded);
    let (first, last) = ((offset * 8).div_ceil(6), padded.len() * 8 / 6);
    text.get(first..last).unwrap_or_default().to_owned()
}
