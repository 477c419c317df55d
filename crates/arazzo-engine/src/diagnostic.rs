//! Faults of documents, each with its place and the fix.
//!
//! A [`Diagnostic`] is about documents only: a run that fails is an outcome, a server that does not answer is a
//! failure. Codes are words; they are printed, documented and the names of test cases. Wording: lowercase, no full
//! stop, `user text` in backticks, help apart.

use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use strsim::osa_distance;

use crate::address;
pub use crate::code::{Code, Severity};
use crate::remedy::{Naming, Remedy};
use crate::source::{Place, Source, Sources, Span};

mod parts;
mod render;

pub use parts::{Help, IntoHelp, More, Owner, Subject, Suggestion, did_you_mean};
pub use render::{Shown, plain};

/// Text edits that repair what a diagnostic names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// The effect of the edits, as a sentence fragment: `write "Bearer {$inputs.token}"`.
    pub title: String,
    /// The edits; they do not overlap.
    pub edits: Vec<Edit>,
    /// `true` if the meaning stays exactly the same.
    pub exact: bool,
}

/// Replace the bytes of `span` by `text`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The text that is replaced.
    pub span: Span,
    /// The text that takes its place.
    pub text: String,
}

/// One fault or departure, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// The kind.
    pub code: Code,
    /// Error or warning.
    pub severity: Severity,
    /// The fault, in words.
    pub message: String,
    /// The place; `None` only for what has no text (a document that could not be read).
    pub span: Option<Span>,
    /// A few words under the caret.
    pub label: Option<String>,
    /// Further places, also in other documents.
    pub notes: Vec<(Span, String)>,
    /// Facts without a place, one line each.
    pub remarks: Vec<String>,
    /// The subject.
    pub subject: Option<Subject>,
    /// The fault that it follows from, where that is known when it is found.
    pub cause: Option<Code>,
    /// The remedy, in words.
    pub help: Option<Help>,
    /// The setting of the run that remedies it; its words are still to come ([`Diagnostic::word`]).
    pub remedy: Option<Box<Remedy>>,
    /// The edit that does it.
    pub fix: Option<Fix>,
    /// The section of the specification, such as `1.0.1 §Runtime Expressions`.
    pub section: Option<&'static str>,
}

impl Diagnostic {
    /// An error at `span`.
    #[must_use]
    pub fn error(code: Code, span: impl Into<Option<Span>>, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, span.into(), message.into())
    }

    /// A warning at `span`.
    #[must_use]
    pub fn warning(code: Code, span: impl Into<Option<Span>>, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Warning, span.into(), message.into())
    }

    /// A hint at `span`.
    #[must_use]
    pub fn hint(code: Code, span: impl Into<Option<Span>>, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Hint, span.into(), message.into())
    }

    fn new(code: Code, severity: Severity, span: Option<Span>, message: String) -> Self {
        Self {
            code,
            severity,
            message,
            span,
            label: None,
            notes: vec![],
            remarks: vec![],
            subject: None,
            cause: None,
            help: None,
            remedy: None,
            fix: None,
            section: None,
        }
    }

    /// Adds words under the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Adds what to do; `None` leaves it as it is.
    #[must_use]
    pub fn help(mut self, help: impl IntoHelp) -> Self {
        self.help = help.into_help().or(self.help);
        self
    }

    /// Adds what a setting of the run does about it.
    #[must_use]
    pub fn remedy(mut self, remedy: Remedy) -> Self {
        self.remedy = Some(Box::new(remedy));
        self
    }

    /// Makes words of its remedy: what the setting is called says `naming`.
    pub fn word(&mut self, naming: Naming) {
        let Some(remedy) = self.remedy.take() else { return };
        let mut help = self.help.take().map(|help| help.to_string());
        remedy.put(naming, &mut self.message, &mut self.remarks, &mut help);
        self.help = help.map(Help::words);
    }

    /// Says what it is about.
    #[must_use]
    pub fn about(mut self, subject: impl Into<Option<Subject>>) -> Self {
        self.subject = subject.into().or(self.subject);
        self
    }

    /// Says what it follows from.
    #[must_use]
    pub fn follows(mut self, cause: impl Into<Option<Code>>) -> Self {
        self.cause = cause.into().or(self.cause);
        self
    }

    /// Adds another place.
    #[must_use]
    pub fn note(mut self, span: Span, text: impl Into<String>) -> Self {
        self.notes.push((span, text.into()));
        self
    }

    /// Adds a fact without a place.
    #[must_use]
    pub fn remark(mut self, text: impl Into<String>) -> Self {
        self.remarks.push(text.into());
        self
    }

    /// Adds the edit that repairs it.
    #[must_use]
    pub fn fix(mut self, title: impl Into<String>, exact: bool, edits: Vec<Edit>) -> Self {
        self.fix = Some(Fix { title: title.into(), edits, exact });
        self
    }

    /// Names the section of the specification.
    #[must_use]
    pub fn section(mut self, section: &'static str) -> Self {
        self.section = Some(section);
        self
    }

    /// The diagnostic as text with a snippet, as people read it; with ANSI colours if `color`, `width` columns wide.
    #[must_use]
    pub fn render(&self, sources: &Sources, color: bool, width: usize) -> String {
        if self.remedy.is_some() {
            let mut worded = self.clone();
            worded.word(Remedy::plain);
            return worded.render(sources, color, width);
        }
        let help = self.help.as_ref().map(Help::to_string);
        let shown = Shown {
            severity: self.severity,
            word: self.code.word(),
            message: &self.message,
            span: self.span,
            label: self.label.as_deref(),
            notes: &self.notes,
            remarks: &self.remarks,
            help: help.as_deref(),
        };
        shown.render(sources, color, width)
    }

    /// The name that was meant, if one is near.
    #[must_use]
    pub fn suggestion(&self) -> Option<&Suggestion> {
        self.help.as_ref().and_then(Help::suggestion)
    }

    /// The diagnostic without passwords of urls, however it came to quote them.
    fn without_passwords(mut self) -> Self {
        let other = |text: &str| match address::without_secrets(text) {
            Cow::Owned(shown) => Some(shown),
            Cow::Borrowed(_) => None,
        };
        let text = |text: &mut String| {
            if let Some(shown) = other(text) {
                *text = shown;
            }
        };
        text(&mut self.message);
        self.label.iter_mut().for_each(text);
        self.notes.iter_mut().for_each(|(_, note)| text(note));
        self.remarks.iter_mut().for_each(text);
        self.help.iter_mut().for_each(|help| help.replace(other));
        self.remedy.iter_mut().for_each(|remedy| remedy.each_text(text));
        self.fix.iter_mut().for_each(|fix| text(&mut fix.title));
        self
    }

    /// The diagnostic without what it quotes from a text that may hold secrets.
    pub(crate) fn withholding(mut self, source: &Source) -> Self {
        if let Some(words) = source.withheld() {
            self.message = unquoted(&self.message, words);
            // What is put together may quote it too.
            self.help = self.help.filter(|help| matches!(help, Help::Words(Cow::Borrowed(_))));
        }
        self
    }

    /// `file:line:column` of the diagnostic, if it has a place.
    #[must_use]
    pub fn place(&self, sources: &Sources) -> Option<Place> {
        self.span.map(|span| sources.place(span))
    }
}

/// A message whose quotes hold only these words; punctuation is that of the language, not of the text.
fn unquoted(message: &str, words: &[String]) -> String {
    let known = |quoted: &str| words.iter().any(|word| word == quoted) || !quoted.contains(char::is_alphanumeric);
    let parts: Vec<&str> = message.split('`').collect();
    let known = match parts.as_slice() {
        // The YAML parser quotes characters like this: `@'
        [_, rest] => known(rest.split('\'').next().unwrap_or_default()),
        parts => parts.len() % 2 == 1 && parts.iter().skip(1).step_by(2).all(|quoted| known(quoted)),
    };
    if known {
        return message.to_owned();
    }
    // What was quoted may hold backticks too.
    let (before, after) = (message.split('`').next().unwrap_or_default(), message.rsplit('`').next());
    format!("{before}`…`{}", after.unwrap_or_default())
}

/// The most errors, and the most warnings, that one list keeps.
const MOST: usize = 1_000;

/// Everything that was found, in the order of the passes; of errors, warnings and hints the first thousand each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostics {
    all: Vec<Diagnostic>,
    /// The diagnostics that are known already, by hash: a hostile document has a fault in every line.
    known: HashSet<u64>,
    errors: usize,
    warnings: usize,
    hints: usize,
}

impl Diagnostics {
    /// Adds one. The same fault seen from two sides (a shared component) is said once.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let diagnostic = diagnostic.without_passwords();
        let mut hasher = DefaultHasher::new();
        (&diagnostic.code, diagnostic.span, &diagnostic.message, &diagnostic.notes).hash(&mut hasher);
        if !self.known.insert(hasher.finish()) {
            return;
        }
        let count = match diagnostic.severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
            Severity::Hint => &mut self.hints,
        };
        *count += 1;
        if *count <= MOST {
            self.all.push(diagnostic);
        } else if *count == MOST + 1 {
            let what = match diagnostic.severity {
                Severity::Error => "errors",
                Severity::Warning => "warnings",
                Severity::Hint => "hints",
            };
            let mut last =
                Diagnostic::error(Code::TooManyFaults, diagnostic.span, format!("there are more than {MOST} {what}"))
                    .help("those that come after are not shown; correct some, and look again".to_owned());
            last.severity = diagnostic.severity;
            self.all.push(last);
        }
    }

    /// Leaves out what something else says better.
    pub(crate) fn retain(&mut self, keeps: impl FnMut(&Diagnostic) -> bool) {
        self.all.retain(keeps);
    }

    /// `true` if no more errors are kept: there is no use in looking for others.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.errors > MOST
    }

    /// Adds all of another list.
    pub fn extend(&mut self, others: impl IntoIterator<Item = Diagnostic>) {
        for diagnostic in others {
            self.push(diagnostic);
        }
    }

    /// Makes words of remedies, as [`Diagnostic::word`] does.
    #[must_use]
    pub fn worded(mut self, naming: Naming) -> Self {
        self.all.iter_mut().for_each(|diagnostic| diagnostic.word(naming));
        self
    }

    /// Makes an error of what was said with this code at this place.
    pub fn raise(&mut self, code: Code, span: Span) {
        for diagnostic in self.all.iter_mut().filter(|d| d.code == code && d.span == Some(span)) {
            diagnostic.severity = Severity::Error;
        }
    }

    /// Leaves out fixes that would change other places too: `shares` knows the values that stand in several places.
    #[must_use]
    pub fn without_shared_fixes(mut self, shares: &dyn Fn(Span) -> bool) -> Self {
        for diagnostic in self.all.iter_mut().filter(|d| d.code != Code::YamlMergeKey) {
            if diagnostic.fix.as_ref().is_some_and(|fix| fix.edits.iter().any(|edit| shares(edit.span))) {
                diagnostic.fix = None;
                let words = "an anchor shares this text with other places, which a fix would change too";
                diagnostic.remarks.push(words.to_owned());
            }
        }
        self
    }

    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.all.iter()
    }

    /// The errors.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.all.iter().filter(|d| d.severity == Severity::Error)
    }

    /// The warnings.
    pub fn warnings(&self) -> impl Iterator<Item = &Diagnostic> {
        self.all.iter().filter(|d| d.severity == Severity::Warning)
    }

    /// The hints.
    pub fn hints(&self) -> impl Iterator<Item = &Diagnostic> {
        self.all.iter().filter(|d| d.severity == Severity::Hint)
    }

    /// `true` if something keeps the document from running.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.errors().next().is_some()
    }

    /// `true` if a policy refused something.
    #[must_use]
    pub fn has_refusals(&self) -> bool {
        self.errors().any(|d| d.code.is_refusal())
    }

    /// The number of diagnostics.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// `true` if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// In the order of the documents' text, each once.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.all.sort_by_key(|d| d.span);
        // What is written once for many steps is compiled for each of them.
        let mut seen = HashSet::new();
        self.all.retain(|d| d.span.is_none() || seen.insert((d.code, d.span, d.message.clone())));
        self
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(one: Diagnostic) -> Self {
        let mut all = Self::default();
        all.push(one);
        all
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.all.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.all.iter()
    }
}

/// Bytes of the longest word that is compared with others: nobody misspells longer ones.
const LONGEST_WORD: usize = 128;
/// The number of words that one is compared with.
const MOST_CANDIDATES: usize = 1_000;

/// The candidate nearest to `word`, if it is near enough to be what was meant: case or punctuation apart, or at most
/// a third of the letters changed, left out, added or swapped.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > LONGEST_WORD {
        return None;
    }
    let (wanted, letters) = fold(word);
    let limit = letters.div_ceil(3).max(1);
    candidates
        .into_iter()
        .take(MOST_CANDIDATES)
        .filter(|candidate| candidate.len() <= LONGEST_WORD)
        .map(|candidate| (fold(candidate), candidate))
        .filter(|((_, other), _)| other.abs_diff(letters) <= limit)
        .map(|((folded, _), candidate)| (osa_distance(&wanted, &folded), candidate))
        // Of a word of one letter, no other is near.
        .filter(|(distance, _)| *distance <= limit && *distance < letters.max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `true` if `word` can only be meant as `name`: case or punctuation apart, or one slip of the hand, two in a long word.
/// Less than what [`nearest`] proposes: `title` is near to `type`, and is not a misspelt one.
#[must_use]
pub fn misspells(word: &str, name: &str) -> bool {
    if word.len() > LONGEST_WORD {
        return false;
    }
    let ((word, letters), (name, of_name)) = (fold(word), fold(name));
    let slips = match of_name {
        0..=3 => 0,
        4..=7 => 1,
        _ => 2,
    };
    letters.abs_diff(of_name) <= slips && osa_distance(&word, &name) <= slips
}

/// The letters and digits of a word in lower case, by which words are compared, and their number.
fn fold(word: &str) -> (String, usize) {
    let folded: String = word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let letters = folded.chars().count();
    (folded, letters)
}
