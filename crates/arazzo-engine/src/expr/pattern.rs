//! Patterns of regex criteria and JSONPath: the syntax of the crate `regex`, in bounded time and memory (docs/readings.md,
//! regex).

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use regex_automata::Input;
use regex_automata::hybrid::dfa::{Cache, Config, DFA};
use regex_automata::nfa::thompson::{self, WhichCaptures};

/// The longest pattern in bytes, and the memory that one compiled pattern may take.
pub(super) const PATTERN_BYTES: usize = 4096;
const PATTERN_MEMORY: usize = 1 << 20;

/// Bytes of text that cost too little to be counted, whatever the pattern.
const SHORT: u64 = 1024;

/// Steps (states of a pattern, each for each byte) that patterns may take where nothing better than that is known: about a
/// second.
const STEPS: u64 = 1 << 28;

/// Bytes that the states of an automaton may take, and how often they may be forgotten before it is asked whether that
/// gets on.
const STATES_MEMORY: usize = 2 << 20;
const FORGOTTEN: usize = 3;

/// Writes the text that a value has in a pattern where it stands for itself.
pub type Escape = fn(&str) -> String;

/// [`Escape`] for patterns of regex criteria, and for `match` and `search` of JSONPath.
#[must_use]
pub fn escaped(text: &str) -> String {
    regex::escape(text)
}

/// [`Escape`] for `matches`, `replace`, `tokenize` and `analyze-string` of XPath, which know fewer escapes
/// (XPath and XQuery Functions and Operators 3.1, 5.6.1).
#[must_use]
pub fn escaped_for_xpath(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\|.?*+(){}-[]^$".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// A compiled pattern.
#[derive(Debug, Clone)]
pub struct Regexp {
    regex: regex::Regex,
    automaton: Arc<OnceLock<Automaton>>,
}

/// A pattern as what is needed to bound a search: made where a text is long.
#[derive(Debug)]
struct Automaton {
    /// The steps that one byte can take.
    states: u64,
    /// Takes one step for each byte, but for what its states cost, and gives up where that does not get on.
    dfa: Option<DFA>,
}

impl Automaton {
    fn of(pattern: &str) -> Self {
        let config = thompson::Config::new().which_captures(WhichCaptures::None);
        let config = config.nfa_size_limit(Some(8 * PATTERN_MEMORY));
        let Ok(nfa) = thompson::Compiler::new().configure(config).build(pattern) else {
            return Self { states: PATTERN_MEMORY as u64, dfa: None };
        };
        let states = nfa.states().len();
        let config = Config::new()
            .unicode_word_boundary(true)
            .cache_capacity(STATES_MEMORY)
            .skip_cache_capacity_check(true)
            .minimum_cache_clear_count(Some(FORGOTTEN))
            // A state costs as many steps as the pattern has.
            .minimum_bytes_per_state(Some(states.max(10)));
        Self { states: states as u64, dfa: DFA::builder().configure(config).build_from_nfa(nfa).ok() }
    }
}

/// What the patterns of one evaluation have cost so far.
#[derive(Debug, Default)]
pub struct Effort {
    bytes: u64,
    steps: u64,
    /// The states of automata, each by the address of its pattern, which stays the pattern's as long as they are here.
    states: HashMap<usize, (Arc<OnceLock<Automaton>>, Cache)>,
}

/// A search that could take too long, and was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

impl std::fmt::Display for TooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the pattern could take too long over so much text; a simpler one, or a smaller part of the text, can be searched")
    }
}

impl Regexp {
    /// `true` if the pattern is found in a text.
    ///
    /// # Errors
    /// [`TooLong`] if that could take more than about a second.
    pub fn is_match(&self, text: &str) -> Result<bool, TooLong> {
        self.is_match_within(text, &mut Effort::default())
    }

    /// As [`Regexp::is_match`], where other texts are searched too.
    ///
    /// # Errors
    /// [`TooLong`] if that could take more than about a second, with all that was searched before.
    pub fn is_match_within(&self, text: &str, effort: &mut Effort) -> Result<bool, TooLong> {
        let bytes = text.len() as u64;
        effort.bytes = effort.bytes.saturating_add(bytes);
        if effort.bytes <= SHORT {
            return Ok(self.regex.is_match(text));
        }
        let automaton = self.automaton.get_or_init(|| Automaton::of(self.regex.as_str()));
        effort.steps = effort.steps.saturating_add(bytes.saturating_mul(automaton.states));
        if effort.steps <= STEPS {
            return Ok(self.regex.is_match(text));
        }
        let dfa = automaton.dfa.as_ref().ok_or(TooLong)?;
        let of_pattern = effort.states.entry(Arc::as_ptr(&self.automaton).addr());
        let (_, states) = of_pattern.or_insert_with(|| (self.automaton.clone(), dfa.create_cache()));
        let found = dfa.try_search_fwd(states, &Input::new(text).earliest(true));
        found.map(|found| found.is_some()).map_err(|_| TooLong)
    }

    /// The pattern as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.regex.as_str()
    }
}

/// Compiles a pattern.
///
/// # Errors
/// Why it is none, in words.
pub fn compile(written: &str) -> Result<Regexp, String> {
    if written.len() > PATTERN_BYTES {
        return Err(format!("the pattern is longer than {PATTERN_BYTES} bytes"));
    }
    build(written).map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "the pattern needs too much memory".to_owned(),
        // The crate draws its own picture of the pattern; its last line says what is wrong.
        other => other.to_string().rsplit("error: ").next().unwrap_or_default().trim().to_owned(),
    })
}

/// Compiles a pattern whose length was looked at, and which something may have been put around.
pub(super) fn build(written: &str) -> Result<Regexp, regex::Error> {
    let regex = regex::RegexBuilder::new(written).size_limit(PATTERN_MEMORY).build()?;
    Ok(Regexp { regex, automaton: Arc::default() })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn found(pattern: &str, text: &str) -> Result<bool, TooLong> {
        compile(pattern).unwrap().is_match(text)
    }

    #[test]
    fn what_would_take_too_long_is_given_up_and_nothing_else_is() {
        let (letters, words) = ("ab".repeat(1 << 20), "some words, größer as well ".repeat(40_000));
        let bits = (0_u64..32_000).map(|number| format!("{:064b}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        let mixed = bits.collect::<String>().replace('0', "a").replace('1', "b");
        // Each place of the text is in another set of states: two to the power of so many.
        assert_eq!(found("[ab]*a[ab]{300}c", &mixed), Err(TooLong));
        assert_eq!(found("(a|b|ab|ba){0,200}(a|b)*a[ab]{200}c$", &mixed), Err(TooLong));
        for (pattern, text, is) in [
            ("(a+)+$", &letters, false),
            ("^(ab)+$", &letters, true),
            ("(?i)AB{1,40}[^c]*$", &letters, true),
            (r"\w+@\w+\.\w+", &words, false),
            (r"\p{L}+, \p{L}+ as", &words, true),
            (r"as well $", &words, true),
            (r"[a-z]{1,20}(,|;)\s\w{3,9}", &words, true),
        ] {
            assert_eq!(found(pattern, text), Ok(is), "{pattern}");
        }
    }

    #[test]
    fn very_many_short_texts_are_bounded_too() {
        let hard = compile("[ab]*a[ab]{300}c").unwrap();
        // An own series of letters each.
        let texts =
            (0_u64..100_000).map(|number| format!("{:064b}{number:064b}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        let mut effort = Effort::default();
        let given_up = texts
            .map(|text| text.replace('0', "a").replace('1', "b"))
            .any(|text| hard.is_match_within(&text, &mut effort).is_err());
        assert!(given_up);
        let easy = compile(r"^\w+$").unwrap();
        let mut effort = Effort::default();
        assert!((0..100_000).all(|number| easy.is_match_within(&format!("name{number}"), &mut effort) == Ok(true)));
    }
}
