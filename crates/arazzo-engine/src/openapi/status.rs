//! The keys of a Responses Object: which answers an entry of it describes.

/// A key of a Responses Object. The order is that of the specification: the key that says most about a status comes
/// first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StatusKey {
    /// `200`
    Code(u16),
    /// `2XX`, by its first digit.
    Range(u16),
    /// `default`
    Default,
}

impl StatusKey {
    /// Reads a key; `None` for what describes no answer, such as an extension.
    #[must_use]
    pub fn parse(key: &str) -> Option<Self> {
        if key == "default" {
            return Some(Self::Default);
        }
        let digit = |byte: u8| u16::from(byte - b'0');
        match *key.as_bytes() {
            [first @ b'1'..=b'9', b'X' | b'x', b'X' | b'x'] => Some(Self::Range(digit(first))),
            [first @ b'1'..=b'9', second @ b'0'..=b'9', third @ b'0'..=b'9'] => {
                Some(Self::Code(digit(first) * 100 + digit(second) * 10 + digit(third)))
            }
            _ => None,
        }
    }

    /// `true` if it describes answers with this status.
    #[must_use]
    pub fn covers(self, status: u16) -> bool {
        match self {
            Self::Code(code) => code == status,
            Self::Range(first) => first == status / 100,
            Self::Default => true,
        }
    }

    /// `true` if all answers that it describes are of success: 2xx.
    #[must_use]
    pub fn is_success(self) -> bool {
        matches!(self, Self::Code(200..=299) | Self::Range(2))
    }
}

/// `true` for a key of answers of success.
#[must_use]
pub fn is_success(key: &str) -> bool {
    StatusKey::parse(key).is_some_and(StatusKey::is_success)
}

/// The entry that says most about a status: its own, else that of its range, else `default`.
pub fn find_response<E>(entries: &[E], key: impl Fn(&E) -> &str, status: u16) -> Option<&E> {
    let known = entries.iter().filter_map(|entry| Some((StatusKey::parse(key(entry))?, entry)));
    known.filter(|(key, _)| key.covers(status)).min_by_key(|(key, _)| *key).map(|(_, entry)| entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_that_says_most_about_a_status_describes_it() {
        let entries = ["default", "4xx", "x-note", "404", "5X", "2000", "20X", "é0"];
        let found = |status| find_response(&entries, |key| key, status).copied();
        assert_eq!([404, 409, 200, 500].map(found), [Some("404"), Some("4xx"), Some("default"), Some("default")]);
        assert_eq!(entries.iter().filter(|key| StatusKey::parse(key).is_some()).count(), 3);
        assert_eq!(find_response(&["204", "x-default"], |key| key, 200), None);
    }
}
