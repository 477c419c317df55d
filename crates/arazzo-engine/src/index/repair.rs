//! A text that is being written → texts that can be read, with what was put in: editors ask at a place where something
//! is still missing.

/// A text with something put in, so that it can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repair {
    /// The text.
    pub text: String,
    /// What was put in: where, and how many bytes, in the order of the text.
    inserted: Vec<(usize, usize)>,
}

impl Repair {
    /// The byte of the original text that a byte of this one is.
    #[must_use]
    pub fn original(&self, offset: usize) -> usize {
        let before = |(at, length): &(usize, usize)| offset.saturating_sub(*at).min(*length);
        offset - self.inserted.iter().map(before).sum::<usize>()
    }
}

/// The texts that may be meant where `offset` is the cursor, the likeliest first: with a value or a name in the place of
/// what is missing at the cursor, and with brackets and quotes of its line closed. One of them is the text as it is.
#[must_use]
pub fn repairs(text: &str, offset: usize) -> Vec<Repair> {
    let offset = if text.is_char_boundary(offset) { offset } else { text.len() };
    let (before, after) = text.split_at(offset.min(text.len()));
    let line_before = before.rsplit('\n').next().unwrap_or_default();
    let line_after = after.split(['\n', '\r']).next().unwrap_or_default();
    let line_end = offset + line_after.len();
    let written = line_before.trim_start().trim_start_matches("- ").trim_start();
    let closes = line_after.trim_start().is_empty() || line_after.trim_start().starts_with([',', '}', ']']);
    let space = if line_before.ends_with(['-', ':', ',']) { " " } else { "" };
    let word_end = offset + line_after.find(|c: char| !is_word(c)).unwrap_or(line_after.len());
    let mut tried: Vec<Vec<(usize, String)>> = vec![];
    if closes && (written.is_empty() || written == "-" || line_before.trim_end().ends_with(['{', ',', '['])) {
        tried.push(vec![(offset, format!("{space}_:"))]);
        tried.push(vec![(offset, format!("{space}_"))]);
    } else if closes && AWAITING.iter().any(|end| written.trim_end().ends_with(end)) {
        tried.push(vec![(offset, format!("{space}_"))]);
    } else if !written.contains(':') || line_before.rsplit(['{', ',']).next().is_some_and(|part| !part.contains(':')) {
        tried.push(vec![(word_end, ":".to_owned())]);
    }
    tried.push(vec![]);
    let closers = closers(line_before, line_after);
    if !closers.is_empty() {
        let closed: Vec<_> =
            tried.iter().map(|edits| [edits.as_slice(), &[(line_end, closers.clone())]].concat()).collect();
        tried.extend(closed);
    }
    tried.into_iter().map(|edits| insert(text, edits)).collect()
}

/// What a value has to follow.
const AWAITING: [&str; 9] = [":", "==", "!=", "<=", ">=", "<", ">", "&&", "||"];

/// Letters of names.
fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '$')
}

fn insert(text: &str, edits: Vec<(usize, String)>) -> Repair {
    let (mut made, mut inserted, mut last) = (String::with_capacity(text.len() + 8), vec![], 0);
    for (at, new) in edits {
        made.push_str(text.get(last..at).unwrap_or_default());
        inserted.push((made.len(), new.len()));
        // Places are counted in the new text, each behind those before it.
        made.push_str(&new);
        last = at;
    }
    made.push_str(text.get(last..).unwrap_or_default());
    Repair { text: made, inserted }
}

/// What closes the quotes and brackets that a line leaves open.
fn closers(before: &str, after: &str) -> String {
    let (mut open, mut quote) = (vec![], None);
    let line = [before, after].concat();
    let mut last = ' ';
    for c in line.chars() {
        match (quote, c) {
            (Some(q), c) if c == q && (last != '\\' || q == '\'') => quote = None,
            (Some(_), _) => {}
            // A quote within a word is an apostrophe.
            (None, '"' | '\'') if !last.is_alphanumeric() => quote = Some(c),
            (None, '{') => open.push('}'),
            (None, '[') => open.push(']'),
            (None, '}' | ']') => {
                open.pop();
            }
            _ => {}
        }
        last = c;
    }
    quote.into_iter().chain(open.into_iter().rev()).collect()
}
