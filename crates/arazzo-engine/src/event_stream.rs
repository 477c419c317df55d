//! Event streams as bytes → events (HTML 9.2.6): those of servers, and those that stand as examples in descriptions.

use std::time::Duration;

/// An event.
#[derive(Debug, PartialEq, Eq)]
pub struct Event {
    /// `event`
    pub name: Option<String>,
    /// The last id that the stream has named; empty if none.
    pub id: String,
    /// `true` if it was this event that named it.
    pub own_id: bool,
    /// `data`, its lines put together.
    pub data: String,
}

/// An event as it stands in a stream.
#[must_use]
pub fn written(name: Option<&str>, id: Option<&str>, data: &str) -> String {
    let fields = [("event", name), ("id", id)];
    let one = |text: &str| text.replace(['\r', '\n', '\0'], " ");
    let mut text: String =
        fields.into_iter().filter_map(|(field, value)| Some(format!("{field}: {}\n", one(value?)))).collect();
    // An event of nothing has a line of data all the same: else it is none.
    let data = data.replace("\r\n", "\n").replace('\r', "\n");
    data.split('\n').for_each(|line| text.push_str(&format!("data: {line}\n")));
    text + "\n"
}

/// Reads a stream as it comes.
#[derive(Debug)]
pub struct Reader {
    /// Bytes of an event at most.
    limit: u64,
    started: bool,
    /// The last byte was a carriage return: a line feed after it ends no further line.
    after_return: bool,
    line: Vec<u8>,
    name: Option<String>,
    id: String,
    own_id: bool,
    data: Option<String>,
    retry: Option<Duration>,
}

impl Reader {
    /// A reader of events that may have so many bytes each.
    #[must_use]
    pub fn new(limit: u64) -> Self {
        Self {
            limit,
            started: false,
            after_return: false,
            line: vec![],
            name: None,
            id: String::new(),
            own_id: false,
            data: None,
            retry: None,
        }
    }

    /// The pause before the stream is opened again, if it has said one.
    #[must_use]
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// The events that these bytes complete; nothing if one becomes too large.
    pub fn read(&mut self, bytes: &[u8]) -> Option<Vec<Event>> {
        let mut events = vec![];
        for &byte in bytes {
            let is_second = std::mem::replace(&mut self.after_return, byte == b'\r') && byte == b'\n';
            match byte {
                b'\n' if is_second => {}
                b'\r' | b'\n' => events.extend(self.end_line()),
                _ => {
                    self.line.push(byte);
                    let length = self.line.len() + self.data.as_ref().map_or(0, String::len);
                    // The name of the field is not of the payload.
                    if length as u64 > self.limit.saturating_add(64) {
                        return None;
                    }
                }
            }
        }
        Some(events)
    }

    fn end_line(&mut self) -> Option<Event> {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        // A byte order mark may stand before the first line.
        let line = if self.started { &line } else { line.strip_prefix('\u{feff}').unwrap_or(&line) };
        self.started = true;
        if line.is_empty() {
            return self.end_event();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => self.name = Some(value.to_owned()).filter(|name| !name.is_empty()),
            "data" => match &mut self.data {
                None => self.data = Some(value.to_owned()),
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
            },
            "id" if !value.contains('\0') => {
                value.clone_into(&mut self.id);
                self.own_id = true;
            }
            "retry" if value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.retry = value.parse().ok().map(|ms: u64| Duration::from_millis(ms.min(60_000))).or(self.retry);
            }
            // A comment, or a field of another version.
            _ => {}
        }
        None
    }

    fn end_event(&mut self) -> Option<Event> {
        let (name, own_id) = (self.name.take(), std::mem::take(&mut self.own_id));
        let data = self.data.take()?;
        Some(Event { name, id: self.id.clone(), own_id, data })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn event(name: Option<&str>, id: &str, own_id: bool, data: &str) -> Event {
        Event { name: name.map(str::to_owned), id: id.to_owned(), own_id, data: data.to_owned() }
    }

    #[test]
    fn events_are_the_same_however_their_bytes_come() {
        let text = "\u{feff}: hello\n\nevent: done\nid: 7\ndata: a\ndata:  b\n\rdata\r\n\r\nevent: none\n\nretry: 250\ndata:{\"é\":1}\n\ndata: cut";
        let events = [
            event(Some("done"), "7", true, "a\n b"),
            event(None, "7", false, ""),
            event(None, "7", false, "{\"é\":1}"),
        ];
        for size in [1, 2, 3, 7, 1000] {
            let mut reader = Reader::new(100);
            let found: Vec<_> = text.as_bytes().chunks(size).flat_map(|part| reader.read(part).unwrap()).collect();
            assert_eq!(found, events, "{size} bytes at once");
            assert_eq!(reader.retry(), Some(Duration::from_millis(250)));
        }
    }

    #[test]
    fn an_event_has_its_limit_over_all_its_lines() {
        let mut reader = Reader::new(10);
        assert!(reader.read(b"data: 0123456789\n\n").is_some());
        let long = "data: 0123456789\n".repeat(20);
        assert!(reader.read(long.as_bytes()).is_none());
    }
}
