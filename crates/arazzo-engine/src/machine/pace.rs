//! Pauses before a request that was sent before: of a loop, and those that an answer asked for.

use serde::{Deserialize, Serialize};

use super::wire::Turn;
use super::{Machine, request};
use crate::event::WaitReason;
use crate::expr::StepId;
use crate::limits::{LoopDelay, Millis};
use crate::program::Call;

/// How often a step has sent the same, and got the same.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Pace {
    /// Fingerprint of the last request.
    pub(super) request: Option<u64>,
    /// Fingerprint of the last answer.
    pub(super) answer: Option<u64>,
    /// Answers in a row that were equal to the last one, itself included.
    pub(super) unchanged: u32,
    /// The last delay in ms.
    pub(super) delay: Millis,
    /// The wait that the last answer asked for, in ms from when it came.
    pub(super) retry_after: Option<Millis>,
}

impl Pace {
    /// Another request begins anew.
    pub(super) fn note_request(&mut self, print: u64) {
        if self.request != Some(print) {
            *self = Self { request: Some(print), ..Self::default() };
        }
    }

    pub(super) fn note_answer(&mut self, print: u64, retry_after: Option<Millis>) {
        self.unchanged = if self.answer == Some(print) { self.unchanged + 1 } else { 1 };
        self.answer = Some(print);
        self.retry_after = retry_after;
    }

    /// The pause before the same request: without a setting it grows, unless the request goes to this machine.
    fn next_delay(&mut self, setting: LoopDelay, loopback: bool) -> (Millis, WaitReason) {
        if let LoopDelay::Fixed(ms) = setting {
            return (ms, WaitReason::LoopDelay);
        }
        self.delay = match (loopback, self.delay) {
            (true, _) => 0,
            (false, 0) => LoopDelay::AUTO.0,
            (false, last) => (last.saturating_mul(3) / 2).min(LoopDelay::AUTO.1),
        };
        match self.retry_after {
            Some(asked) if asked > self.delay => (asked, WaitReason::RetryAfter),
            _ => (self.delay, WaitReason::LoopPace),
        }
    }
}

impl Machine {
    /// The pause before `target` sends again what it sent on its last visit; nothing if it sends something else.
    pub(super) fn find_delay(&mut self, target: StepId) -> Option<(Millis, WaitReason)> {
        let program = self.program.clone();
        // What has not been sent yet is not sent again.
        let last = self.state.paces.get(&target)?.request?;
        let step = program.step(target)?;
        let (print, loopback) = match &step.call {
            Call::Operation { .. } => {
                let built = {
                    let (servers, given) = (&self.state.settings.servers, self.given_headers());
                    request::build(&program, step, servers, &given, &self.view(None)).ok()?
                };
                (built.print, built.loopback)
            }
            Call::Send(call) => {
                let built = self.build_message(step, call).ok()?;
                (built.print, built.loopback)
            }
            // It sends nothing.
            Call::Receive(_) => return None,
            Call::Workflow { workflow, passed, .. } => {
                let inputs = self.pass_inputs(target, *workflow, passed, None, &mut Turn::default()).ok()?;
                (self.fingerprint_inputs(&inputs), self.state.loopback)
            }
        };
        if last != print {
            return None;
        }
        let setting = self.state.settings.loop_delay;
        Some(self.state.paces.entry(target).or_default().next_delay(setting, loopback))
    }
}

/// The wait that a `Retry-After` asks for, in ms: seconds (also decimal, also 0), or a date. Garbage, negative numbers
/// and dates in the past, which are most often those of another clock, ask for nothing.
pub(super) fn parse_retry_after(text: &str, now_epoch_ms: i64) -> Option<Millis> {
    let text = text.trim();
    // Words such as `inf` are numbers to the parser, and to nobody else.
    let digits = text.bytes().any(|byte| byte.is_ascii_digit());
    if let (Ok(seconds), true) = (text.parse::<f64>(), digits) {
        return (seconds >= 0.0 && seconds.is_sign_positive())
            .then_some((seconds * 1000.0).min(u64::MAX as f64) as Millis);
    }
    // Several lines may have been made one; a date has a comma too.
    if let Some((first, _)) = text.split_once(',').filter(|(first, _)| first.trim().bytes().all(|b| b.is_ascii_digit()))
    {
        return parse_retry_after(first, now_epoch_ms);
    }
    let date = httpdate::parse_http_date(text).ok()?;
    let date_ms = date.duration_since(std::time::UNIX_EPOCH).ok()?.as_millis();
    let wait = i128::try_from(date_ms).ok()? - i128::from(now_epoch_ms);
    Millis::try_from(wait).ok().filter(|ms| *ms > 0)
}
