//! What can stand at a byte of a text: itself, and what it is when it is read as JSON, HTML, XML or a url, up to three
//! layers deep in any mix.
//!
//! Nothing is decoded as a whole: a text may be escaped here and not there, and what looks like an escape may be none. So
//! every way to read a place is given, and who looks for a secret follows those that lead on.

use std::collections::HashMap;
use std::sync::LazyLock;

/// How often a text may be escaped: a url in a JSON string in a page.
pub(super) const LAYERS: u8 = 3;
/// The most ways to read one place that are kept: eight backslashes are read as one to eight of them.
const MOST: usize = 10;
/// The most digits of a numeric entity, with its zeros.
const DIGITS: usize = 24;
/// The longest name of an entity of HTML.
const NAME: usize = 32;
/// The longest name that is read without a semicolon.
const OLD_NAME: usize = 6;

/// A way to read a place: a character in UTF-8, or one byte, and where the text goes on behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Reading {
    bytes: [u8; 4],
    length: u8,
    pub(super) end: usize,
}

impl Reading {
    fn byte(byte: u8, end: usize) -> Self {
        Self { bytes: [byte, 0, 0, 0], length: 1, end }
    }

    fn char(char: char, end: usize) -> Self {
        let mut bytes = [0; 4];
        let length = char.encode_utf8(&mut bytes).len() as u8;
        Self { bytes, length, end }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length.into()).unwrap_or_default()
    }

    /// The byte, if it is one.
    fn single(&self) -> Option<u8> {
        match self.bytes() {
            [byte] => Some(*byte),
            _ => None,
        }
    }
}

/// The ways to read one place.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Readings {
    all: [Reading; MOST],
    count: usize,
}

impl Readings {
    pub(super) fn as_slice(&self) -> &[Reading] {
        self.all.get(..self.count).unwrap_or_default()
    }

    fn add(&mut self, reading: Reading) {
        if self.as_slice().contains(&reading) {
            return;
        }
        if let Some(place) = self.all.get_mut(self.count) {
            *place = reading;
            self.count += 1;
        }
    }
}

/// The bytes that escapes begin with.
pub(super) const MARKS: [u8; 4] = *b"\\&%+";

/// `true` for one of [`MARKS`]: asked of nearly every byte that is masked.
pub(super) fn is_mark(byte: u8) -> bool {
    matches!(byte, b'\\' | b'&' | b'%' | b'+')
}

/// The ways to read a place of a text that is escaped up to so many times. The first is the byte itself.
pub(super) fn readings(text: &[u8], at: usize, layers: u8) -> Readings {
    let mut found = Readings::default();
    let Some(byte) = text.get(at) else { return found };
    found.add(Reading::byte(*byte, at + 1));
    if !is_mark(*byte) {
        return found;
    }
    // A row of backslashes is as many, half as many, and so on.
    let most = 1 << layers;
    if *byte == b'\\' && text.get(at..=at + most).is_some_and(|row| row.iter().all(|byte| *byte == b'\\')) {
        (2..=most).for_each(|count| found.add(Reading::byte(b'\\', at + count)));
        return found;
    }
    // What is read in one layer more begins with a mark that is read in those below it.
    for below in 0..layers {
        let starts = found;
        for start in starts.as_slice() {
            let place = Place { text, at: start.end, layers: below };
            match start.single() {
                Some(b'\\') => place.json(&mut found),
                Some(b'&') => place.entity().into_iter().for_each(|reading| found.add(reading)),
                Some(b'%') => place.percent().into_iter().for_each(|reading| found.add(reading)),
                Some(b'+') => found.add(Reading::byte(b' ', start.end)),
                _ => {}
            }
        }
    }
    found
}

/// What stands behind the mark of an escape, read in the layers around it.
#[derive(Clone, Copy)]
struct Place<'t> {
    text: &'t [u8],
    at: usize,
    layers: u8,
}

impl Place<'_> {
    /// Goes on behind a byte that is wanted, and says which it is.
    fn take<T>(&mut self, wanted: impl Fn(u8) -> Option<T>) -> Option<T> {
        let byte = *self.text.get(self.at)?;
        if !is_mark(byte) {
            let found = wanted(byte)?;
            self.at += 1;
            return Some(found);
        }
        let readings = readings(self.text, self.at, self.layers);
        let mut known = readings.as_slice().iter();
        let (found, end) = known.find_map(|reading| Some((wanted(reading.single()?)?, reading.end)))?;
        self.at = end;
        Some(found)
    }

    fn is(&mut self, byte: u8) -> Option<()> {
        self.take(|found| (found == byte).then_some(()))
    }

    /// Exactly so many hexadecimal digits.
    fn hex(&mut self, count: usize) -> Option<u32> {
        (0..count).try_fold(0, |number, _| Some(number << 4 | self.take(|byte| char::from(byte).to_digit(16))?))
    }

    /// Behind `\`. Of several backslashes each may be the one that is escaped.
    fn json(self, found: &mut Readings) {
        for sign in readings(self.text, self.at, self.layers).as_slice() {
            let mut place = Self { at: sign.end, ..self };
            let reading = match sign.single() {
                Some(byte @ (b'"' | b'\\' | b'/' | b'\'')) => Some(Reading::byte(byte, sign.end)),
                Some(b'b') => Some(Reading::byte(8, sign.end)),
                Some(b'f') => Some(Reading::byte(12, sign.end)),
                Some(b'n') => Some(Reading::byte(b'\n', sign.end)),
                Some(b'r') => Some(Reading::byte(b'\r', sign.end)),
                Some(b't') => Some(Reading::byte(b'\t', sign.end)),
                Some(b'u') => place.unit().and_then(|unit| place.complete(unit)),
                // No JSON: how Python and C write bytes.
                Some(b'x') => place.hex(2).map(|byte| Reading::byte(byte as u8, place.at)),
                _ => None,
            };
            reading.into_iter().for_each(|reading| found.add(reading));
        }
    }

    /// Four digits, or so many as stand in braces: how JavaScript and Rust write it.
    fn unit(&mut self) -> Option<u32> {
        if self.is(b'{').is_none() {
            return self.hex(4);
        }
        let mut number = None;
        for _ in 0..8 {
            let Some(digit) = self.take(|byte| char::from(byte).to_digit(16)) else { break };
            number = Some(number.unwrap_or(0) << 4 | digit);
        }
        self.is(b'}')?;
        number
    }

    /// The character of a unit of UTF-16; the second of a pair is still to come.
    fn complete(self, unit: u32) -> Option<Reading> {
        if !(0xd800..0xdc00).contains(&unit) {
            return Some(Reading::char(char::from_u32(unit)?, self.at));
        }
        readings(self.text, self.at, self.layers).as_slice().iter().find_map(|sign| {
            let mut place = Self { at: sign.end, ..self };
            (sign.single() == Some(b'\\')).then_some(())?;
            place.is(b'u')?;
            let second = place.unit().filter(|second| (0xdc00..0xe000).contains(second))?;
            let char = char::from_u32(0x10000 + ((unit - 0xd800) << 10) + (second - 0xdc00))?;
            Some(Reading::char(char, place.at))
        })
    }

    /// Behind `&`.
    fn entity(mut self) -> Option<Reading> {
        let begin = self.at;
        if self.is(b'#').is_none() {
            return self.named(begin);
        }
        let radix = if self.take(|byte| matches!(byte, b'x' | b'X').then_some(())).is_some() { 16 } else { 10 };
        let mut number: Option<u32> = None;
        for _ in 0..DIGITS {
            let Some(digit) = self.take(|byte| char::from(byte).to_digit(radix)) else { break };
            number = Some(number.unwrap_or(0).checked_mul(radix)?.checked_add(digit)?);
        }
        let char = char::from_u32(number?)?;
        // Browsers read it without its end, too, but for one of too many digits.
        let more = self.is(b';').is_none()
            && (!self.may_end(begin, self.at) || self.take(|byte| char::from(byte).to_digit(radix)).is_some());
        (!more).then(|| Reading::char(char, self.at))
    }

    /// `true` if a reference of HTML that begins at a place may end at another without a semicolon: where nothing stands that
    /// could be an escape of one, or where the next one begins as this one does.
    fn may_end(&self, begin: usize, end: usize) -> bool {
        let plain = begin.checked_sub(1).and_then(|at| self.text.get(at)) == Some(&b'&');
        self.text.get(end).is_none_or(|byte| !is_mark(*byte) || plain && *byte == b'&')
    }

    fn named(mut self, begin: usize) -> Option<Reading> {
        let (mut name, mut ends) = ([0; NAME], [0; NAME]);
        let mut length = 0;
        while let (Some(place), Some(end)) = (name.get_mut(length), ends.get_mut(length)) {
            let Some(letter) = self.take(|byte| byte.is_ascii_alphanumeric().then_some(byte)) else { break };
            (*place, *end) = (letter, self.at);
            length += 1;
        }
        let known = |count: usize| ENTITIES.get(std::str::from_utf8(name.get(..count)?).ok()?).copied();
        if self.is(b';').is_some()
            && let Some(char) = known(length)
        {
            return Some(Reading::char(char, self.at));
        }
        // The names that HTML had first are read without an end, too, whatever stands behind them.
        (1..=length.min(OLD_NAME)).rev().find_map(|count| {
            let char = known(count).filter(|char| matches!(char, '&' | '<' | '>' | '"' | '\u{a0}'..='\u{ff}'))?;
            let end = *ends.get(count - 1)?;
            self.may_end(begin, end).then(|| Reading::char(char, end))
        })
    }

    /// Behind `%`; `%u00e9` is what `escape` of JavaScript writes.
    fn percent(mut self) -> Option<Reading> {
        if self.is(b'u').is_some() {
            let unit = self.unit()?;
            return Some(Reading::char(char::from_u32(unit)?, self.at));
        }
        let byte = self.hex(2)?;
        Some(Reading::byte(byte as u8, self.at))
    }
}

/// The named character references of HTML that stand for one character: `name code` a line. XML's five are among them.
static ENTITIES: LazyLock<HashMap<&str, char>> = LazyLock::new(|| {
    let lines = include_str!("entities.txt").lines();
    lines
        .filter_map(|line| {
            let (name, code) = line.split_once(' ')?;
            Some((name, char::from_u32(u32::from_str_radix(code, 16).ok()?)?))
        })
        .collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    /// What a text is read as from its first byte, behind which it ends.
    fn read(text: &str, layers: u8) -> Vec<String> {
        let whole = readings(text.as_bytes(), 0, layers);
        let whole = whole.as_slice().iter().filter(|reading| reading.end == text.len());
        whole.map(|reading| String::from_utf8_lossy(reading.bytes()).into_owned()).collect()
    }

    #[test]
    fn every_escape_is_read_in_the_layer_that_it_is_written_in() {
        for (text, layers, char) in [
            ("a", 0, "a"),
            ("\\n", 1, "\n"),
            ("\\r", 1, "\r"),
            ("\\t", 1, "\t"),
            ("\\b", 1, "\u{8}"),
            ("\\f", 1, "\u{c}"),
            ("\\/", 1, "/"),
            ("\\\"", 1, "\""),
            ("\\u002B", 1, "+"),
            ("\\u002b", 1, "+"),
            ("\\u00e9", 1, "é"),
            ("\\uD83D\\uDE00", 1, "😀"),
            ("\\\\ud83d\\\\ude00", 2, "😀"),
            ("\\xe9", 1, "\u{fffd}"),
            ("\\u{2b}", 1, "+"),
            ("\\u{1F600}", 1, "😀"),
            ("\\u{000000e9}", 1, "é"),
            ("&amp;", 1, "&"),
            ("&plus;", 1, "+"),
            ("&eacute;", 1, "é"),
            ("&CounterClockwiseContourIntegral;", 1, "∳"),
            ("&#43;", 1, "+"),
            ("&#0000043;", 1, "+"),
            ("&#x2b;", 1, "+"),
            ("&#X000002B;", 1, "+"),
            ("&#x1F600;", 1, "😀"),
            ("&amp", 1, "&"),
            ("&eacute", 1, "é"),
            ("&#43", 1, "+"),
            ("&#x2b", 1, "+"),
            ("&ampamp", 2, "&"),
            ("%2b", 1, "+"),
            ("%2B", 1, "+"),
            ("+", 1, " "),
            ("%u00e9", 1, "é"),
            ("%252B", 2, "+"),
            ("&amp;plus;", 2, "+"),
            ("\\\\u002b", 2, "+"),
            ("\\u0025\\u0032\\u0062", 2, "+"),
            ("%5Cu002b", 2, "+"),
            ("%255Cu002b", 3, "+"),
            ("&amp;amp;#43;", 3, "+"),
            ("\\u0026amp;#x2b;", 3, "+"),
            ("\\\\\\\\u002b", 3, "+"),
        ] {
            assert!(read(text, layers).iter().any(|read| read == char), "{text}: {:?}", read(text, layers));
            assert!(layers == 0 || read(text, layers - 1).iter().all(|read| read != char), "{text}");
        }
    }

    #[test]
    fn what_is_no_escape_is_itself() {
        for text in [
            "\\u002",
            "\\uD83D",
            "\\uD83Dx",
            "\\u{}",
            "\\u{2b",
            "\\u{0000000e9}",
            "\\q",
            "&nosuch;",
            "&plus",
            "&#;",
            "&#x;",
            "&#xD800;",
            "%2",
            "%2g",
        ] {
            let found = readings(text.as_bytes(), 0, LAYERS);
            assert_eq!(found.as_slice().len(), 1, "{text}");
        }
        let zeros = format!("&#{};", "0".repeat(10_000));
        assert_eq!(readings(zeros.as_bytes(), 0, LAYERS).as_slice().len(), 1);
        assert_eq!(readings(b"", 0, LAYERS).as_slice().len(), 0);
        // As many backslashes as there may be.
        let ends: Vec<usize> = readings(&[b'\\'; 40], 0, LAYERS).as_slice().iter().map(|reading| reading.end).collect();
        assert_eq!(ends.len(), 8, "{ends:?}");
        assert_eq!(ENTITIES.len(), include_str!("entities.txt").lines().count());
    }
}
