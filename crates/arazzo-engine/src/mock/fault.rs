//! Faults on demand: `getVolume#2=503`, `createSandbox=reset`, `getVolume#1-3=503,delay:2s`.

use crate::value::Json;

use crate::limits::{Millis, duration};
use crate::machine::Response;
use crate::value::json_text;

/// A fault of the mock: for which calls of which operation, and what happens.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// `operationId`, `source.operationId` or `GET /path`.
    pub operation: String,
    /// The first call that it happens to, from 1.
    pub first: u32,
    /// The last call that it happens to.
    pub last: u32,
    /// The status to answer with.
    pub status: Option<u16>,
    /// Milliseconds to wait before the answer.
    pub delay_ms: Millis,
    /// The way in which the answer breaks.
    pub ending: Option<Ending>,
    /// Headers of the answer.
    pub headers: Vec<(String, String)>,
    /// The body of the answer: a text as it is, anything else as JSON.
    pub body: Option<Json>,
}

/// The way in which an answer breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The connection is closed instead.
    Reset,
    /// The body is cut in two: it is not what its content type says.
    Malformed,
    /// A message does not come.
    Drop,
    /// A message comes twice.
    Duplicate,
    /// A message comes after others that are waited for.
    Reorder,
}

/// How long a message that is to come after others lets these go first.
const BEHIND: Millis = 100;

const FORM: &str = "write OPERATION[#N]=STATUS|reset|malformed|delay:DURATION (for messages drop|duplicate|reorder|delay:DURATION), such as getVolume#2=503";

impl Fault {
    /// What becomes of a message that everything takes so long for: how often it comes, and after how many milliseconds.
    pub(super) fn of_message(found: Option<&Self>, latency: Millis) -> (usize, Millis) {
        let (ending, delay) = found.map_or((None, 0), |fault| (fault.ending, fault.delay_ms));
        let late = if ending == Some(Ending::Reorder) { BEHIND } else { 0 };
        let copies = match ending {
            Some(Ending::Drop) => 0,
            Some(Ending::Duplicate) => 2,
            _ => 1,
        };
        (copies, latency.saturating_add(delay).saturating_add(late))
    }

    /// A fault as it is written on a command line.
    ///
    /// # Errors
    /// The form to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        // `GET /a?b=c` is no operation: the last `=` parts what happens from where.
        let (target, actions) = text.rsplit_once('=').ok_or(FORM)?;
        let mut fault = Self::at(target)?;
        actions.split(',').try_for_each(|action| fault.add(action.trim()))?;
        Ok(fault)
    }

    /// The faults of a file: an object of targets (`getVolume#2`) and what happens there: as on the command line, or
    /// an object of `status`, `delay`, `reset`, `malformed`, `headers` and `body`.
    ///
    /// # Errors
    /// The fault, with the target.
    pub fn of_file(json: &Json) -> Result<Vec<Self>, String> {
        let Json::Object(members) = json else {
            return Err("a file of faults is an object: `getVolume#2: 503`".to_owned());
        };
        members
            .iter()
            .map(|(target, what)| Self::of_member(target, what).map_err(|error| format!("`{target}`: {error}")))
            .collect()
    }

    fn of_member(target: &str, what: &Json) -> Result<Self, String> {
        let mut fault = Self::at(target)?;
        let Json::Object(members) = what else {
            json_text(what).split(',').try_for_each(|action| fault.add(action.trim()))?;
            return Ok(fault);
        };
        for (name, value) in members {
            match (name.as_str(), value) {
                ("status", _) => fault.add(&json_text(value))?,
                ("delay", _) => fault.add(&format!("delay:{}", json_text(value)))?,
                ("reset" | "malformed" | "drop" | "duplicate" | "reorder", Json::Bool(true)) => fault.add(name)?,
                ("body", _) => fault.body = Some(value.clone()),
                ("headers", Json::Object(headers)) => {
                    fault.headers = headers.iter().map(|(name, value)| (name.clone(), json_text(value))).collect();
                }
                _ => {
                    return Err(format!(
                        "`{name}` is none of status, delay, reset, malformed, headers, body, and for messages delay, drop, duplicate, reorder"
                    ));
                }
            }
        }
        Ok(fault)
    }

    fn at(target: &str) -> Result<Self, String> {
        let (operation, calls) = match target.rsplit_once('#') {
            Some((operation, calls)) => (operation, Some(calls)),
            None => (target, None),
        };
        let number = |text: &str| match text.trim().parse::<u32>() {
            Ok(number) if number > 0 => Ok(number),
            _ => Err(format!("`#{text}` is not the number of a call, which counts from 1; {FORM}")),
        };
        let (first, last) = match calls.map(|calls| calls.split_once('-').ok_or(calls)) {
            None => (1, u32::MAX),
            Some(Err(one)) => (number(one)?, number(one)?),
            Some(Ok((first, ""))) => (number(first)?, u32::MAX),
            Some(Ok((first, last))) => (number(first)?, number(last)?),
        };
        if operation.trim().is_empty() || last < first {
            return Err(FORM.to_owned());
        }
        let operation = operation.trim().to_owned();
        Ok(Self { operation, first, last, status: None, delay_ms: 0, ending: None, headers: vec![], body: None })
    }

    fn add(&mut self, action: &str) -> Result<(), String> {
        match action {
            "reset" => self.ending = Some(Ending::Reset),
            "malformed" => self.ending = Some(Ending::Malformed),
            "drop" => self.ending = Some(Ending::Drop),
            "duplicate" => self.ending = Some(Ending::Duplicate),
            "reorder" => self.ending = Some(Ending::Reorder),
            _ => match (action.strip_prefix("delay:"), action.parse::<u16>()) {
                (Some(text), _) => self.delay_ms = duration(text)?,
                // 1xx are not answers.
                (None, Ok(status @ 200..=599)) => self.status = Some(status),
                _ => return Err(format!("`{action}` is not something that can happen; {FORM}")),
            },
        }
        Ok(())
    }

    /// What of it cannot happen to a message.
    #[must_use]
    pub fn of_answers(&self) -> Option<&'static str> {
        match self.ending {
            Some(Ending::Reset) => Some("reset"),
            Some(Ending::Malformed) => Some("malformed"),
            _ if self.status.is_some() => Some("a status"),
            _ if self.body.is_some() => Some("a body"),
            _ => (!self.headers.is_empty()).then_some("headers"),
        }
    }

    /// What of it cannot happen to the answer of an HTTP operation.
    #[must_use]
    pub fn of_messages(&self) -> Option<&'static str> {
        match self.ending? {
            Ending::Drop => Some("drop"),
            Ending::Duplicate => Some("duplicate"),
            Ending::Reorder => Some("reorder"),
            Ending::Reset | Ending::Malformed => None,
        }
    }

    /// `true` if it happens to this call, counted from 1.
    pub(super) fn occurs(&self, call: u32) -> bool {
        (self.first..=self.last).contains(&call)
    }

    /// Does to an answer what is asked for.
    pub(super) fn spoil(&self, response: &mut Response) {
        for (name, value) in &self.headers {
            response.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            response.headers.push((name.clone(), value.clone()));
        }
        if let Some(body) = &self.body {
            response.body = json_text(body).into_bytes();
            let kind = if body.is_string() { "text/plain" } else { "application/json" };
            let typed = |(name, _): &(String, String)| name.eq_ignore_ascii_case("content-type");
            if !self.headers.iter().any(typed) {
                response.headers.retain(|header| !typed(header));
                response.headers.push(("content-type".to_owned(), kind.to_owned()));
            }
        }
        if self.ending == Some(Ending::Malformed) {
            response.body.truncate(response.body.len() / 2);
            // Half of a number is one, too.
            if serde_json::from_slice::<serde::de::IgnoredAny>(&response.body).is_ok() || response.body.is_empty() {
                response.body = b"{\"".to_vec();
            }
            if !response.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
                response.headers.push(("content-type".to_owned(), "application/json".to_owned()));
            }
        }
    }
}
