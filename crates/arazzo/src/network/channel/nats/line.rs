//! The lines of NATS: bytes → what the server says, and messages → bytes.

use serde_json::Value;

/// What a server says.
#[derive(Debug, PartialEq)]
pub(super) enum Heard {
    Info(Value),
    Message { number: u64, subject: String, reply_to: Option<String>, headers: Vec<(String, String)>, payload: Vec<u8> },
    Ping,
    Pong,
    Fine,
    Objection(String),
}

/// Bytes of a line at most; a description of a large cluster is the longest.
const LONGEST: usize = 1 << 20;

/// Reads what comes, however it is cut.
pub(super) struct Reader {
    bytes: Vec<u8>,
    /// Bytes of a payload at most.
    most: u64,
}

/// What cannot be read on.
#[derive(Debug, PartialEq)]
pub(super) enum Unread {
    /// It is not of the protocol, in words.
    Strange(String),
    /// A payload of so many bytes comes.
    TooLarge(u64),
}

impl From<String> for Unread {
    fn from(why: String) -> Self {
        Self::Strange(why)
    }
}

impl Reader {
    pub(super) fn new(most: u64) -> Self {
        Self { bytes: vec![], most }
    }

    pub(super) fn most(&self) -> u64 {
        self.most
    }

    /// What comes is appended here.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// The next thing that is there as a whole.
    ///
    /// # Errors
    /// What breaks the rules of the protocol, or is too large.
    pub(super) fn next(&mut self) -> Result<Option<Heard>, Unread> {
        let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n') else {
            return if self.bytes.len() > LONGEST { Err("a line is too long".to_owned().into()) } else { Ok(None) };
        };
        let line = String::from_utf8_lossy(self.bytes.get(..end).unwrap_or_default()).trim_end().to_owned();
        let (verb, rest) = line.split_once([' ', '\t']).unwrap_or((&line, ""));
        let heard = match verb.to_ascii_uppercase().as_str() {
            "PING" => Heard::Ping,
            "PONG" => Heard::Pong,
            "+OK" => Heard::Fine,
            "-ERR" => Heard::Objection(rest.trim().trim_matches('\'').to_owned()),
            "INFO" => {
                Heard::Info(serde_json::from_str(rest.trim()).map_err(|_| "its description is no JSON".to_owned())?)
            }
            "MSG" => return self.message(end, rest, false),
            "HMSG" => return self.message(end, rest, true),
            _ => return Err("it says something that is not of the protocol".to_owned().into()),
        };
        self.bytes.drain(..=end);
        Ok(Some(heard))
    }

    /// `subject number [reply-to] [bytes of headers] bytes`, and the bytes after the line.
    fn message(&mut self, end: usize, rest: &str, has_headers: bool) -> Result<Option<Heard>, Unread> {
        let wrong = || "the line of a message is not one".to_owned();
        let mut words: Vec<_> = rest.split_ascii_whitespace().collect();
        let mut number_at_end = || words.pop().and_then(|word| word.parse::<usize>().ok()).ok_or_else(wrong);
        let length = number_at_end()?;
        let head = if has_headers { number_at_end()? } else { 0 };
        let (subject, number, reply_to) = match &words[..] {
            [subject, number] => (*subject, *number, None),
            [subject, number, reply_to] => (*subject, *number, Some((*reply_to).to_owned())),
            _ => return Err(wrong().into()),
        };
        let number = number.parse().map_err(|_| wrong())?;
        let payload = length.checked_sub(head).filter(|_| head <= LONGEST).ok_or_else(wrong)? as u64;
        if payload > self.most {
            return Err(Unread::TooLarge(payload));
        }
        let from = end + 1;
        // A line feed and a return stand behind it.
        let Some(body) = self.bytes.get(from..from + length + 2) else { return Ok(None) };
        let (head, payload) = body.get(..length).and_then(|body| body.split_at_checked(head)).ok_or_else(wrong)?;
        let heard = Heard::Message {
            number,
            subject: subject.to_owned(),
            reply_to,
            headers: headers(&String::from_utf8_lossy(head)),
            payload: payload.to_vec(),
        };
        self.bytes.drain(..from + length + 2);
        Ok(Some(heard))
    }
}

/// The headers behind `NATS/1.0`.
fn headers(head: &str) -> Vec<(String, String)> {
    let fields = head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
    fields.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
}

/// A message as it is sent.
///
/// # Errors
/// The part of it that cannot be written.
pub(super) fn publish(
    subject: &str,
    reply_to: Option<&str>,
    headers: &[(String, String)],
    payload: &[u8],
) -> Result<Vec<u8>, String> {
    is_subject(subject)?;
    if subject.split('.').any(|token| token == "*" || token == ">") {
        return Err(format!("`{subject}` is a pattern, and a message is sent to one subject"));
    }
    reply_to.map_or(Ok(()), is_subject)?;
    let reply_to = reply_to.map_or_else(String::new, |reply_to| format!("{reply_to} "));
    let mut head = String::new();
    for (name, value) in headers {
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':');
        if !is_name || value.contains(['\r', '\n']) {
            return Err(format!("the header `{name}` cannot be written"));
        }
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let mut bytes = if head.is_empty() {
        format!("PUB {subject} {reply_to}{}\r\n", payload.len())
    } else {
        let head = format!("NATS/1.0\r\n{head}\r\n");
        format!("HPUB {subject} {reply_to}{} {}\r\n{head}", head.len(), head.len() + payload.len())
    }
    .into_bytes();
    bytes.extend_from_slice(payload);
    bytes.extend_from_slice(b"\r\n");
    Ok(bytes)
}

/// Gives the group of a subscription as it stands before its number.
///
/// # Errors
/// The part of it that cannot be written.
pub(super) fn check_subject(subject: &str, group: Option<&str>) -> Result<String, String> {
    is_subject(subject)?;
    group.map_or(Ok(()), is_subject)?;
    Ok(group.map_or_else(String::new, |group| format!("{group} ")))
}

fn is_subject(text: &str) -> Result<(), String> {
    if text.is_empty() || text.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
        return Err(format!("`{}` is no subject: it is empty, or has a space in it", text.escape_debug()));
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_the_same_however_it_comes() {
        let head = "NATS/1.0\r\nid: 7\r\nid:8\r\n\r\n";
        let text = format!(
            "INFO {{\"max_payload\":5}}\r\nPING\r\nMSG a.b 1 3\r\n\r\nx\r\nHMSG a 2 _R.1 {} {}\r\n{head}hello\r\n-ERR 'No'\r\nPONG\r\n+OK\r\nMSG a 1 9\r\ncut",
            head.len(),
            head.len() + 5
        );
        let message =
            |number, subject: &str, reply_to: Option<&str>, headers: &[(&str, &str)], payload: &[u8]| Heard::Message {
                number,
                subject: subject.to_owned(),
                reply_to: reply_to.map(str::to_owned),
                headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
                payload: payload.to_vec(),
            };
        for size in [1, 2, 5, 17, 1000] {
            let (mut reader, mut found) = (Reader::new(100), vec![]);
            for part in text.as_bytes().chunks(size) {
                reader.buffer().extend_from_slice(part);
                while let Some(heard) = reader.next().unwrap() {
                    found.push(heard);
                }
            }
            let wanted = [
                Heard::Info(serde_json::json!({ "max_payload": 5 })),
                Heard::Ping,
                message(1, "a.b", None, &[], b"\r\nx"),
                message(2, "a", Some("_R.1"), &[("id", "7"), ("id", "8")], b"hello"),
                Heard::Objection("No".to_owned()),
                Heard::Pong,
                Heard::Fine,
            ];
            assert_eq!(found, wanted, "{size} bytes at once");
        }
    }

    #[test]
    fn what_is_no_message_is_refused_and_nothing_is_held_for_it() {
        for line in ["MSG a 1 1000\r\n", "MSG a x 1\r\n", "MSG a 1\r\n", "HMSG a 1 9 3\r\n", "HELLO\r\n", "INFO x\r\n"]
        {
            let mut reader = Reader::new(100);
            reader.buffer().extend_from_slice(line.as_bytes());
            assert!(reader.next().is_err(), "{line}");
        }
        // The head of a message is no part of its payload.
        for (line, bytes) in [("MSG a 1 101\r\n", 101), ("HMSG a 1 30 200\r\n", 170)] {
            let mut reader = Reader::new(100);
            reader.buffer().extend_from_slice(line.as_bytes());
            assert_eq!(reader.next(), Err(Unread::TooLarge(bytes)), "{line}");
        }
        let mut reader = Reader::new(100);
        reader.buffer().extend_from_slice(b"HMSG a 1 30 130\r\n");
        assert_eq!(reader.next(), Ok(None));
    }

    #[test]
    fn nothing_of_a_message_becomes_a_line_of_its_own() {
        let header = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        assert!(publish("a b", None, &[], b"").is_err());
        assert!(publish("a\r\nPING", None, &[], b"").is_err());
        assert!(publish("a.*", None, &[], b"").is_err());
        assert!(publish("a", Some("b c"), &[], b"").is_err());
        assert!(publish("a", None, &header("x", "1\r\ny: 2"), b"").is_err());
        assert!(publish("a", None, &header("x y", "1"), b"").is_err());
        assert!(check_subject("a.>", Some("x y")).is_err());
        assert_eq!(publish("a", Some("b"), &[], b"hi").unwrap(), b"PUB a b 2\r\nhi\r\n");
        assert_eq!(
            publish("a", None, &header("x", "1"), b"hi").unwrap(),
            b"HPUB a 18 20\r\nNATS/1.0\r\nx: 1\r\n\r\nhi\r\n"
        );
    }
}
