//! Finds many values in a text, however it is escaped, in one pass.
//!
//! A text without an escape is looked through once for all values: nearly every place is passed by its first two bytes.
//! Where an escape stands, each way to read it is followed as far as some value goes on with it. Values that were hidden
//! in base64 or hexadecimal digits as a whole, with what is around them, are looked for in what those stand for.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use super::escapes::{LAYERS, MARKS, is_mark, readings};

/// Shorter values are not looked for: they stand in every text.
pub(crate) const SHORTEST: usize = 4;
/// Encoded forms of a few bytes occur by chance.
pub(crate) const SHORTEST_ENCODED: usize = 8;

/// The bytes of a large value that are looked for as one.
const WINDOW: usize = 64;
/// The most windows that are looked for of one value; the others are found as what follows.
const WINDOWS: usize = 64;
/// A window with fewer different bytes may stand anywhere: `----`, zeros, blanks.
const DIFFERENT: usize = 6;
/// The most bytes of the first window, whatever is in it: so many are read again from each place of a text that goes on and
/// on like a value.
const FIRST: usize = WINDOW * 4;
/// The most ways to read a text that are followed from one place. Beyond that a value counts as found.
const WAYS: usize = 4096;
/// The bytes of a value at the end of a text that was cut off there which count as the value.
const CUT: u32 = SHORTEST as u32;
/// The same, where the text may be whole.
const BROKEN: u32 = SHORTEST_ENCODED as u32;
/// An escape that was cut off is shorter.
const ESCAPE: usize = 80;
/// The letters of base64, and the hexadecimal digits, that could hide a value.
const RUN: usize = 12;
const HEX_RUN: usize = SHORTEST_ENCODED * 2;

/// A form of a value, or a window of it.
#[derive(Clone)]
struct Pattern {
    form: Arc<[u8]>,
    from: u32,
    to: u32,
    tag: usize,
}

impl Pattern {
    fn bytes(&self) -> &[u8] {
        self.form.get(self.from as usize..self.to as usize).unwrap_or_default()
    }

    /// What a large value has behind the window.
    fn rest(&self) -> &[u8] {
        self.form.get(self.to as usize..).unwrap_or_default()
    }
}

/// A value that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// What was said when the form was added.
    pub(crate) tag: usize,
    pub(crate) inside: Inside,
    /// `true` if it stands there as it was added, without an escape.
    pub(crate) exact: bool,
}

/// Where a value was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inside {
    /// In the text, as it is or escaped.
    Text,
    /// In what a run of base64 stands for: where the group of four letters begins that the value begins in, and the
    /// bytes of it before the value.
    Base64 { group: usize, offset: usize },
    /// In what a run of hexadecimal digits stands for.
    Hex,
}

/// What the end of a text says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It is the end.
    Whole,
    /// It may be: a body as it came.
    Body,
    /// More followed.
    Cut,
}

impl End {
    /// From how many bytes on a value that the text ends in counts as found.
    fn least(self) -> Option<u32> {
        match self {
            Self::Whole => None,
            Self::Body => Some(BROKEN),
            Self::Cut => Some(CUT),
        }
    }
}

/// The values to look for. Learning one is cheap: a run may learn a new one with every poll.
#[derive(Default)]
pub(crate) struct Search {
    /// By their first bytes, in order.
    by_first: Vec<Vec<Pattern>>,
    /// A bit for each pair of bytes that a value can begin with.
    pairs: Vec<u64>,
}

impl Search {
    /// Looks for a text from now on, and for its windows if it is large.
    pub(crate) fn add_text(&mut self, text: &str, tag: usize) {
        self.add_form(text.as_bytes(), |at| text.is_char_boundary(at), tag);
    }

    /// As [`Search::add_text`], of bytes that are no text.
    pub(crate) fn add_bytes(&mut self, bytes: &[u8], tag: usize) {
        self.add_form(bytes, |_| true, tag);
    }

    fn add_form(&mut self, form: &[u8], boundary: impl Fn(usize) -> bool, tag: usize) {
        if form.len() < SHORTEST {
            return;
        }
        let form: Arc<[u8]> = form.into();
        for Range { start, end } in windows(&form, boundary) {
            let (Ok(from), Ok(to)) = (u32::try_from(start), u32::try_from(end)) else { return };
            self.add(Pattern { form: form.clone(), from, to, tag });
        }
    }

    fn add(&mut self, pattern: Pattern) {
        let [first, second, ..] = *pattern.bytes() else { return };
        if self.pairs.is_empty() {
            self.by_first.resize_with(256, Vec::new);
            self.pairs.resize(1 << 10, 0);
            // A place that an escape begins at may be anything.
            for mark in MARKS {
                (0..=u8::MAX).for_each(|second| self.set(mark, second));
            }
        }
        self.set(first, second);
        MARKS.iter().for_each(|mark| self.set(first, *mark));
        let Some(known) = self.by_first.get_mut(usize::from(first)) else { return };
        // Of two values with one form, the first gives it its name. One window may go on differently in two.
        let compared = |known: &Pattern| (known.bytes(), known.rest()).cmp(&(pattern.bytes(), pattern.rest()));
        if let Err(place) = known.binary_search_by(compared) {
            known.insert(place, pattern);
        }
    }

    fn set(&mut self, first: u8, second: u8) {
        if let Some(word) = self.pairs.get_mut(word(first, second)) {
            *word |= 1 << (second & 63);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Everything that begins before `until`, in the order of the text; hits may overlap. Of several values that begin
    /// at one place, the longest; of equal ones, that which stands there as it is.
    pub(crate) fn hits(&self, text: &[u8], until: usize, end: End) -> Vec<Hit> {
        let mut hits: Vec<Hit> = vec![];
        if self.is_empty() {
            return hits;
        }
        self.each_encoded(text, until, end, &mut |hit| hits.push(hit));
        let encoded = !hits.is_empty();
        self.each_plain(text, until, end, &mut |hit| match hits.last_mut() {
            Some(last) if last.from == hit.from && last.inside == Inside::Text => {
                if (last.to, last.exact) < (hit.to, hit.exact) {
                    *last = hit;
                }
            }
            _ => hits.push(hit),
        });
        if encoded {
            hits.sort_by_key(|hit| hit.from);
        }
        hits
    }

    /// Every value in a text, whichever others are around it.
    pub(crate) fn each(&self, text: &[u8], found: &mut dyn FnMut(usize)) {
        if !self.is_empty() {
            self.each_plain(text, text.len(), End::Whole, &mut |hit| found(hit.tag));
            self.each_encoded(text, text.len(), End::Whole, &mut |hit| found(hit.tag));
        }
    }

    /// `true` if a text holds a value.
    pub(crate) fn is_in(&self, text: &[u8]) -> bool {
        !self.hits(text, text.len(), End::Whole).is_empty()
    }

    /// Values that stand in the text, as they are or escaped.
    fn each_plain(&self, text: &[u8], until: usize, end: End, found: &mut dyn FnMut(Hit)) {
        let mut at = 0;
        let until = until.min(text.len());
        while let Some(place) = self.next_begin(text, at, until) {
            at = place + 1;
            let mut large = 0;
            self.follow(text, place, end, &mut |pattern: &Pattern, to| {
                let to = extended(text, pattern, to);
                if to - place >= FIRST {
                    large = large.max(to);
                }
                let exact = to - place == pattern.bytes().len();
                found(Hit { from: place, to, tag: pattern.tag, inside: Inside::Text, exact });
            });
            // Each place of a large value could be where one begins.
            at = at.max(large);
        }
    }

    /// The first place from `at` on where a value may begin.
    fn next_begin(&self, text: &[u8], at: usize, until: usize) -> Option<usize> {
        let pairs = self.pairs.as_slice();
        let may = |first: u8, second: u8| pairs.get(word(first, second)).is_some_and(|w| w & (1 << (second & 63)) != 0);
        let rest = text.get(at..until)?;
        // The last byte of what is looked through has its second behind it.
        let pair = rest.windows(2).position(|pair| matches!(pair, [first, second] if may(*first, *second)));
        pair.map(|place| at + place).or_else(|| {
            let last = until.checked_sub(1).filter(|last| *last >= at)?;
            may(*text.get(last)?, *text.get(until)?).then_some(last)
        })
    }

    /// Follows every way to read a text from a place on, as long as some value goes on so.
    fn follow(&self, text: &[u8], place: usize, end: End, found: &mut dyn FnMut(&Pattern, usize)) {
        let mut ways: Vec<Way> = vec![];
        for reading in readings(text, place, LAYERS).as_slice() {
            let Some((first, rest)) = reading.bytes().split_first() else { continue };
            let Some(known) = self.by_first.get(usize::from(*first)).filter(|known| !known.is_empty()) else {
                continue;
            };
            let way = Way { at: reading.end, patterns: known, depth: 1 };
            ways.extend(way.narrowed(rest));
        }
        let mut known = HashSet::new();
        let (mut count, mut branched) = (0, ways.len() > 1);
        while let Some(way) = ways.pop() {
            let way = way.ahead(text);
            count += 1;
            if count > WAYS {
                // Too many ways lead on: what cannot be looked through is hidden.
                way.patterns.first().into_iter().for_each(|pattern| found(pattern, way.at));
                return;
            }
            if branched && !known.insert((way.at, way.depth, way.patterns.as_ptr())) {
                continue;
            }
            let goes_on = way.follow(text, &mut ways);
            branched |= ways.len() > 1;
            let Some(first) = way.patterns.first() else { continue };
            let read = way.patterns.iter().take_while(|pattern| pattern.bytes().len() == way.depth as usize);
            read.for_each(|pattern| found(pattern, way.at));
            // The text ends within a value, or within an escape of it.
            let is_begun = way.patterns.last().is_some_and(|longest| longest.bytes().len() > way.depth as usize);
            let ends = is_begun && (way.at >= text.len() || !goes_on && is_cut_escape(text, way.at));
            if ends && end.least().is_some_and(|least| way.depth >= least) {
                found(first, text.len());
            }
        }
    }

    /// Values in what runs of base64 and of hexadecimal digits stand for.
    fn each_encoded(&self, text: &[u8], until: usize, end: End, found: &mut dyn FnMut(Hit)) {
        let until = until.min(text.len());
        let mut at = 0;
        while let Some(run) = next_run(text, at, until, RUN, is_base64) {
            at = run.end;
            self.in_base64(text, run.clone(), end, found);
            if run.len() < HEX_RUN {
                continue;
            }
            let mut from = run.start;
            while let Some(digits) = next_run(text, from, run.end, HEX_RUN, |byte| byte.is_ascii_hexdigit()) {
                from = digits.end;
                self.in_hex(text, digits, end, found);
            }
        }
    }

    fn in_base64(&self, text: &[u8], run: Range<usize>, end: End, found: &mut dyn FnMut(Hit)) {
        let end = if run.end == text.len() { end } else { End::Whole };
        for phase in 0..4 {
            let begin = run.start + phase;
            let bytes = decode_base64(text.get(begin..run.end).unwrap_or_default());
            self.each_plain(&bytes, bytes.len(), end, &mut |hit: Hit| {
                if hit.to - hit.from < SHORTEST_ENCODED {
                    return;
                }
                let (from, to) = (begin + hit.from * 8 / 6, begin + (hit.to * 8).div_ceil(6));
                let group = begin + hit.from / 3 * 4;
                let inside = Inside::Base64 { group, offset: hit.from % 3 };
                found(Hit { from, to: to.min(run.end), inside, ..hit });
            });
        }
    }

    fn in_hex(&self, text: &[u8], run: Range<usize>, end: End, found: &mut dyn FnMut(Hit)) {
        let end = if run.end == text.len() { end } else { End::Whole };
        for phase in 0..2 {
            let begin = run.start + phase;
            let digits = text.get(begin..run.end).unwrap_or_default();
            let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_default() as u8;
            let pairs = digits.chunks_exact(2).filter_map(<[u8]>::first_chunk::<2>);
            let bytes: Vec<u8> = pairs.map(|[high, low]| digit(*high) << 4 | digit(*low)).collect();
            self.each_plain(&bytes, bytes.len(), end, &mut |hit: Hit| {
                if hit.to - hit.from >= SHORTEST_ENCODED {
                    let (from, to) = (begin + hit.from * 2, begin + hit.to * 2);
                    found(Hit { from, to, inside: Inside::Hex, ..hit });
                }
            });
        }
    }
}

/// A text that was read so far, and the values that go on from there.
#[derive(Clone, Copy)]
struct Way<'s> {
    at: usize,
    patterns: &'s [Pattern],
    /// The bytes of them that were read.
    depth: u32,
}

impl Way<'_> {
    /// The values that go on with these bytes.
    fn narrowed(mut self, bytes: &[u8]) -> Option<Self> {
        for byte in bytes {
            let depth = self.depth as usize;
            let at = |pattern: &Pattern| pattern.bytes().get(depth).copied();
            let from = self.patterns.partition_point(|pattern| at(pattern) < Some(*byte));
            let rest = self.patterns.get(from..)?;
            self.patterns = rest.get(..rest.partition_point(|pattern| at(pattern) == Some(*byte)))?;
            self.depth += 1;
            if self.patterns.is_empty() {
                return None;
            }
        }
        Some(self)
    }
}

impl<'s> Way<'s> {
    /// The same way as far as all of its values go on alike, and the text with them, where no escape can stand: in a text
    /// of one letter over and over every place is the beginning of a value of it.
    fn ahead(mut self, text: &[u8]) -> Self {
        let rest = |pattern: Option<&'s Pattern>| pattern.and_then(|one| one.bytes().get(self.depth as usize..));
        let (first, last) = (rest(self.patterns.first()), rest(self.patterns.last()));
        let wanted = first.unwrap_or_default().iter().zip(last.unwrap_or_default());
        let there = text.get(self.at..).unwrap_or_default().iter();
        let alike = wanted.zip(there).take_while(|((a, b), byte)| a == byte && b == byte && !is_mark(**byte));
        let count = alike.count();
        self.at += count;
        self.depth += count as u32;
        self
    }

    /// Adds the ways that lead on; `true` if there is one.
    fn follow(self, text: &[u8], ways: &mut Vec<Self>) -> bool {
        let before = ways.len();
        if let Some(byte) = text.get(self.at).filter(|byte| !is_mark(**byte)) {
            ways.extend(Self { at: self.at + 1, ..self }.narrowed(&[*byte]));
            return ways.len() > before;
        }
        for reading in readings(text, self.at, LAYERS).as_slice() {
            ways.extend(Self { at: reading.end, ..self }.narrowed(reading.bytes()));
        }
        ways.len() > before
    }
}

/// `true` if a text could end within an escape that begins at a place.
fn is_cut_escape(text: &[u8], at: usize) -> bool {
    let rest = text.get(at..).filter(|rest| rest.len() < ESCAPE).unwrap_or_default();
    let inside = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'\\' | b'&' | b'%' | b'#' | b';');
    rest.first().is_some_and(|byte| is_mark(*byte)) && rest.iter().all(inside)
}

/// Where a large value ends of which a window was found; where it goes on no further, how far it does.
fn extended(text: &[u8], pattern: &Pattern, at: usize) -> usize {
    let rest = pattern.rest();
    let mut ways = vec![(at, 0)];
    let (mut furthest, mut deepest) = (at, 0);
    // One way leads on from nearly every place.
    for _ in 0..WAYS + rest.len() {
        let Some((at, depth)) = ways.pop() else { break };
        if depth > deepest {
            (furthest, deepest) = (at, depth);
        }
        let Some(rest) = rest.get(depth..).filter(|rest| !rest.is_empty()) else { break };
        let found = readings(text, at, LAYERS);
        let fitting = found.as_slice().iter().filter(|reading| rest.starts_with(reading.bytes()));
        ways.extend(fitting.map(|reading| (reading.end, depth + reading.bytes().len())));
    }
    furthest
}

/// The parts of a form that are looked for.
fn windows(form: &[u8], boundary: impl Fn(usize) -> bool) -> Vec<Range<usize>> {
    if form.len() <= WINDOW {
        return std::iter::once(0..form.len()).collect();
    }
    let cut = |at: usize| (at.min(form.len())..=form.len()).find(|at| boundary(*at)).unwrap_or(form.len());
    // How many bytes it takes to have seen so many different ones.
    let various = |bytes: &[u8]| {
        let mut seen = [false; 256];
        let mut count = 0;
        bytes.iter().position(|byte| {
            count += usize::from(seen.get_mut(usize::from(*byte)).is_some_and(|seen| !std::mem::replace(seen, true)));
            count >= DIFFERENT
        })
    };
    // The first is as long as it has to be to stand for the whole.
    let least = various(form.get(..FIRST).unwrap_or(form)).map_or(FIRST, |at| at + 1);
    let first = 0..cut(least.max(WINDOW));
    let stride = form.len().div_ceil(WINDOWS).max(WINDOW);
    let mut found = vec![first.clone()];
    let mut at = cut(first.end.max(stride));
    while at + WINDOW <= form.len() {
        let window = at..cut(at + WINDOW);
        if various(form.get(window.clone()).unwrap_or_default()).is_some() {
            found.push(window);
        }
        at = cut(at + stride);
    }
    found
}

/// The index of the bit of two bytes.
fn word(first: u8, second: u8) -> usize {
    usize::from(first) << 2 | usize::from(second >> 6)
}

fn is_base64(byte: u8) -> bool {
    SIX_BITS.get(usize::from(byte)).is_some_and(|bits| *bits != NONE)
}

/// The next run of at least so many bytes of a kind that begins before `until`.
pub(super) fn next_run(
    text: &[u8],
    at: usize,
    until: usize,
    least: usize,
    is: impl Fn(u8) -> bool,
) -> Option<Range<usize>> {
    let kind = |place: usize| text.get(place).is_some_and(|byte| is(*byte));
    let mut begin = at;
    // Each run has a byte at one of the places that are looked at.
    while begin < until {
        let look = begin + least - 1;
        let start = (begin..=look).rev().take_while(|place| kind(*place)).last();
        let Some(start) = start else {
            begin = look + 1;
            if look >= text.len() {
                return None;
            }
            continue;
        };
        if start > begin {
            begin = start;
            continue;
        }
        if start >= until {
            return None;
        }
        let length = text.get(look + 1..).unwrap_or_default().iter().take_while(|byte| is(**byte)).count();
        return Some(start..look + 1 + length);
    }
    None
}

const NONE: u8 = 64;

/// What the letters of base64 stand for, in both alphabets.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const SIX_BITS: [u8; 256] = {
    let mut bits = [NONE; 256];
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut at = 0;
    while at < 64 {
        bits[letters[at] as usize] = at as u8;
        at += 1;
    }
    bits[b'-' as usize] = 62;
    bits[b'_' as usize] = 63;
    bits
};

/// The bytes that letters of base64 stand for, up to the last whole one.
fn decode_base64(letters: &[u8]) -> Vec<u8> {
    let bits = |letter: &u8| u32::from(SIX_BITS.get(usize::from(*letter)).copied().unwrap_or_default());
    let mut bytes = Vec::with_capacity(letters.len() * 3 / 4 + 3);
    for group in letters.chunks(4) {
        let number = group.iter().fold(0, |number, letter| number << 6 | bits(letter)) << (6 * (4 - group.len()));
        let [_, first, second, third] = number.to_be_bytes();
        bytes.extend([first, second, third].into_iter().take(group.len() * 6 / 8));
    }
    bytes
}
