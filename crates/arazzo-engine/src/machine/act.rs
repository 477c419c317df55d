//! Verdict → action: which action of a list applies, where it leads, and how long the next request waits.

use serde_json::Map;

use super::frame::{Position, Slot, outputs_json};
use super::judge::{self, Judged};
use super::wire::{Outcome, Stop, Turn};
use super::{Jump, Machine, operation_of, print_of, request};
use crate::event::{EventKind, StepStatus, Why};
use crate::expr::{Exchange, StepId};
use crate::limits::{LoopDelay, Millis};
use crate::program::{Action, Criterion, Step, Then};
use crate::readings::Readings;

/// The first pause of a loop without a delay, and the longest, in ms.
const PACE: (Millis, Millis) = (500, 5_000);

/// What a list of criteria came to: met, or the first that is not, with what it saw.
enum Met<'p> {
    Yes,
    No(&'p Criterion, Judged),
    /// It cannot be told; the text says why.
    Unknown(&'p Criterion, String),
}

/// What a list of actions came to.
enum Choice<'p> {
    /// The first whose criteria are all met.
    Action(&'p Action),
    Nothing,
    /// It cannot be told; the text says why.
    Unknown(&'p Criterion, String),
}

impl Machine {
    /// Judges an answer, keeps the outputs, and acts.
    pub(super) fn judge(&mut self, now: Millis, id: StepId, step: &Step, exchange: Exchange, turn: &mut Turn) {
        self.undocumented(id, step, &exchange, turn);
        let status = exchange.answer.as_ref().map_or(0, |answer| answer.status);
        let why = if step.criteria.is_empty() {
            self.default_success(id, step, status)
        } else {
            match self.evaluate(id, &step.criteria, "successCriteria", &exchange, turn) {
                Met::Yes => None,
                Met::No(criterion, judged) => Some(self.not_met(id, step, criterion, &judged, status)),
                Met::Unknown(criterion, problem) => Some(self.not_evaluable(id, step, criterion, &problem)),
            }
        };
        match why {
            Some(why) => self.failed(now, id, why, Some(exchange), turn),
            None => self.succeeded(now, id, step, exchange, turn),
        }
    }

    /// Success without `successCriteria`: 2xx, and 3xx where the operation documents it.
    fn default_success(&self, id: StepId, step: &Step, status: u16) -> Option<Why> {
        let operation = operation_of(&self.program, step);
        let redirect = (300..400).contains(&status)
            && operation.is_some_and(|o| {
                o.responses.iter().any(|(known, _)| known == &status.to_string() || known.eq_ignore_ascii_case("3XX"))
            });
        if (200..300).contains(&status) || redirect {
            return None;
        }
        let mut why = self.why(
            id,
            "unexpected-status",
            format!("the answer's status is {status}, and without `successCriteria` only 2xx is a success"),
        );
        why.label = Some(format!("answered {status}"));
        self.explain_status(step, status, &mut why);
        Some(why)
    }

    fn not_met(&self, id: StepId, step: &Step, criterion: &Criterion, judged: &Judged, status: u16) -> Why {
        let mut why = self.why(id, "criterion-not-met", "success criterion not met".to_owned());
        why.place = Some(criterion.place.clone());
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "absent".to_owned());
        why.label = match judged.saw.as_slice() {
            [] => None,
            [one] => Some(format!("was {}", value(&one.value))),
            several => Some(
                several
                    .iter()
                    .map(|saw| format!("{} was {}", saw.expression, value(&saw.value)))
                    .collect::<Vec<_>>()
                    .join(", "),
            ),
        };
        self.note_step(step, id, &mut why);
        self.explain_status(step, status, &mut why);
        why
    }

    fn not_evaluable(&self, id: StepId, step: &Step, criterion: &Criterion, problem: &str) -> Why {
        let mut why = self.why(id, "criterion-not-evaluable", format!("this criterion cannot be evaluated: {problem}"));
        why.place = Some(criterion.place.clone());
        why.label = Some("neither met nor unmet".to_owned());
        self.note_step(step, id, &mut why);
        why
    }

    fn note_step(&self, step: &Step, id: StepId, why: &mut Why) {
        let visit = self.view(None).state(id).map_or(1, |state| state.visits);
        why.notes.push((step.place.clone(), format!("in this step, visit {visit}")));
    }

    /// What the operation says about a status that made a step fail.
    fn explain_status(&self, step: &Step, status: u16, why: &mut Why) {
        let Some(operation) = operation_of(&self.program, step) else { return };
        if (200..300).contains(&status) {
            return;
        }
        if (300..400).contains(&status) {
            why.remarks
                .push("redirects are not followed by this version: criteria see the answer as it came".to_owned());
        }
        let called = format!("{} {}", operation.method, operation.path);
        why.help = match judge::documented(operation, status) {
            Some((known, Some(text))) => Some(format!("{called} documents {known} as: {}", text.trim())),
            Some(_) => None,
            None if operation.responses.is_empty() => None,
            None => {
                let known: Vec<&str> = operation.responses.iter().map(|(status, _)| status.as_str()).collect();
                Some(format!("{called} documents {}, not {status}", known.join(", ")))
            }
        };
    }

    /// An answer outside what the operation documents is said, and is not a failure.
    fn undocumented(&self, id: StepId, step: &Step, exchange: &Exchange, turn: &mut Turn) {
        let (Some(operation), Some(answer)) = (operation_of(&self.program, step), exchange.answer.as_ref()) else {
            return;
        };
        if operation.responses.is_empty() || judge::documented(operation, answer.status).is_some() {
            return;
        }
        let message =
            format!("{} {} answered {}, which is not documented", operation.method, operation.path, answer.status);
        let kind = EventKind::Diagnostic {
            code: "undocumented-status".to_owned(),
            severity: "warning".to_owned(),
            message,
            help: None,
        };
        self.emit(turn, Some(id), Some(operation.place.clone()), kind);
    }

    /// Evaluates criteria in order, up to the first that is not met.
    fn evaluate<'p>(
        &self,
        id: StepId,
        criteria: &'p [Criterion],
        of: &str,
        exchange: &Exchange,
        turn: &mut Turn,
    ) -> Met<'p> {
        for criterion in criteria {
            let judged = judge::criterion(criterion, &self.view(Some(exchange)), self.program.readings);
            let kind = EventKind::CriterionEvaluated {
                of: of.to_owned(),
                condition: criterion.text.clone(),
                context: criterion.context.clone(),
                met: judged.met.as_ref().is_ok_and(|met| *met),
                saw: judged.saw.clone(),
                problem: judged.met.as_ref().err().cloned(),
            };
            self.emit(turn, Some(id), Some(criterion.place.clone()), kind);
            if judged.tested_self {
                let kind = EventKind::Diagnostic {
                    code: "jsonpath-filter-on-object".to_owned(),
                    severity: "warning".to_owned(),
                    message: "the filter tests the object itself: no member has what it asks for".to_owned(),
                    help: Some("write a simple condition".to_owned()),
                };
                self.emit(turn, Some(id), Some(criterion.place.clone()), kind);
            }
            match judged.met {
                Ok(true) => {}
                // By the letter, what cannot be evaluated is not met; it was reported just now.
                Err(problem) if self.program.readings != Readings::Letter => return Met::Unknown(criterion, problem),
                Ok(false) | Err(_) => return Met::No(criterion, judged),
            }
        }
        Met::Yes
    }

    /// The first action of a list that applies.
    fn choose<'p>(&self, id: StepId, actions: &'p [Action], exchange: &Exchange, turn: &mut Turn) -> Choice<'p> {
        for action in actions {
            match self.evaluate(id, &action.criteria, &action.name, exchange, turn) {
                Met::Yes => return Choice::Action(action),
                Met::No(..) => {}
                Met::Unknown(criterion, problem) => return Choice::Unknown(criterion, problem),
            }
        }
        Choice::Nothing
    }

    fn succeeded(&mut self, now: Millis, id: StepId, step: &Step, exchange: Exchange, turn: &mut Turn) {
        self.keep_outputs(id, step, Some(&exchange), true, turn);
        let action = match self.choose(id, &step.on_success, &exchange, turn) {
            Choice::Action(action) => action,
            Choice::Nothing => {
                self.left(now, id, StepStatus::Succeeded, None, false, turn);
                return self.go_on(step.next);
            }
            // No falling through: a choice that cannot be made is a failure of the step.
            Choice::Unknown(criterion, problem) => {
                let why = self.not_evaluable(id, step, criterion, &problem);
                return self.failed(now, id, why, Some(exchange), turn);
            }
        };
        match action.then {
            Then::Goto(target) => self.goto(now, id, target, action, StepStatus::Succeeded, None, turn),
            Then::End => {
                self.selected(id, action, "end", "success", None, turn);
                self.left(now, id, StepStatus::Succeeded, None, false, turn);
                let (outputs, missing) = self.workflow_outputs(turn);
                self.finish(now, Outcome::Ended { by: action.name.clone(), outputs, missing }, turn);
            }
        }
    }

    /// A step failed: looks for a failure action, else the workflow fails.
    pub(super) fn failed(
        &mut self,
        now: Millis,
        id: StepId,
        mut why: Why,
        exchange: Option<Exchange>,
        turn: &mut Turn,
    ) {
        let program = self.program.clone();
        let Some(step) = program.step(id) else { return };
        self.keep_outputs(id, step, exchange.as_ref(), false, turn);
        let exchange = exchange.unwrap_or_else(|| Exchange { url: String::new(), method: String::new(), answer: None });
        let action = match self.choose(id, &step.on_failure, &exchange, turn) {
            Choice::Action(action) => action,
            Choice::Nothing => {
                let reason = if step.on_failure.is_empty() {
                    "the step has no onFailure"
                } else {
                    "no onFailure action matched"
                };
                why.remarks.push(format!("not handled: {reason}"));
                return self.fail(now, id, why, turn);
            }
            // The workflow fails here: no later action is looked at.
            Choice::Unknown(criterion, problem) => {
                let mut unknown = self.not_evaluable(id, step, criterion, &problem);
                unknown.remarks.push(format!("the step had failed before: {}", why.message));
                return self.fail(now, id, unknown, turn);
            }
        };
        match action.then {
            Then::Goto(target) => self.goto(now, id, target, action, StepStatus::Failed, Some(why), turn),
            Then::End => {
                self.selected(id, action, "end", "failure", None, turn);
                why.remarks.push(format!("action `{}` ended the workflow", action.name));
                // The author chose how to stop: the exit code is that of a failed workflow, also without an answer.
                if why.code == "no-answer" {
                    why.code = "ended-on-failure".to_owned();
                }
                self.fail(now, id, why, turn);
            }
        }
    }

    fn fail(&mut self, now: Millis, id: StepId, why: Why, turn: &mut Turn) {
        self.left(now, id, StepStatus::Failed, Some(why.clone()), false, turn);
        let (outputs, missing) = self.workflow_outputs(turn);
        let step = why.step.clone().unwrap_or_default();
        self.finish(now, Outcome::Failed { step, why: Box::new(why), outputs, missing }, turn);
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the two lists of actions share it, and each argument is one fact of the jump"
    )]
    fn goto(
        &mut self,
        now: Millis,
        id: StepId,
        target: StepId,
        action: &Action,
        status: StepStatus,
        why: Option<Why>,
        turn: &mut Turn,
    ) {
        let on = if status == StepStatus::Succeeded { "success" } else { "failure" };
        self.state.jump = Some(Jump { from: id, to: target, action: action.name.clone(), place: action.place.clone() });
        let delay = self.delay(target);
        // What the user asked for with --loop-delay is bounded by the run's own time only.
        if let Some((ms, because @ "retry-after")) = delay
            && ms > self.state.settings.limits.wait_ms
        {
            self.left(now, id, status, why, false, turn);
            let limit = self.state.settings.limits.wait_ms;
            let mut stop = self.why(
                id,
                "wait-limit",
                format!("the server asks to wait {} s, longer than the limit of {} s", ms / 1000, limit / 1000),
            );
            stop.remarks.push(format!("asked by {because} of its last answer"));
            return self.stop(now, Stop::Limit, stop, turn);
        }
        self.selected(id, action, "goto", on, Some((target, delay)), turn);
        self.left(now, id, status, why, target == id, turn);
        match delay {
            Some((ms, because)) if ms > 0 => {
                self.emit(
                    turn,
                    Some(target),
                    None,
                    EventKind::WaitStarted { delay_ms: ms, because: because.to_owned() },
                );
                self.state.waited_ms += ms;
                self.state.frame.position = Position::Waiting { step: target, until: now.saturating_add(ms) };
            }
            _ => self.state.frame.position = Position::Enter(target),
        }
    }

    /// How long to wait before `target` sends again what it sent on its last visit; nothing if it sends something else.
    fn delay(&mut self, target: StepId) -> Option<(Millis, &'static str)> {
        let program = self.program.clone();
        // What has not been sent yet is not sent again.
        self.step_state(target)?.pace.request?;
        let built =
            request::build(&program, program.step(target)?, &self.state.settings.servers, &self.view(None)).ok()?;
        let setting = self.state.settings.loop_delay;
        let state = self.step_state(target)?;
        if state.pace.request != Some(print_of(&built.request)) {
            return None;
        }
        let (delay, because) = match setting {
            LoopDelay::Fixed(ms) => (ms, "loop-delay"),
            LoopDelay::Auto => {
                let paced = match (built.loopback, state.pace.delay) {
                    (true, _) => 0,
                    (false, 0) => PACE.0,
                    (false, last) => (last.saturating_mul(3) / 2).min(PACE.1),
                };
                state.pace.delay = paced;
                match state.pace.retry_after {
                    Some(asked) if asked > paced => (asked, "retry-after"),
                    _ => (paced, "loop-pace"),
                }
            }
        };
        Some((delay, because))
    }

    fn go_on(&mut self, next: Option<StepId>) {
        self.state.frame.position = next.map_or(Position::Left, Position::Enter);
    }

    fn selected(
        &self,
        id: StepId,
        action: &Action,
        kind: &str,
        on: &str,
        target: Option<(StepId, Option<(Millis, &'static str)>)>,
        turn: &mut Turn,
    ) {
        let name = target.and_then(|(step, _)| self.program.step(step)).map(|step| step.name.clone());
        let delay = target.and_then(|(_, delay)| delay).filter(|(ms, _)| *ms > 0);
        let kind = EventKind::ActionSelected {
            action: action.name.clone(),
            kind: kind.to_owned(),
            target: name,
            on: on.to_owned(),
            delay_ms: delay.map(|(ms, _)| ms),
            delay_because: delay.map(|(_, because)| because.to_owned()),
        };
        self.emit(turn, Some(id), Some(action.place.clone()), kind);
    }

    /// The last event of a visit.
    fn left(&mut self, now: Millis, id: StepId, status: StepStatus, why: Option<Why>, again: bool, turn: &mut Turn) {
        if let Some(state) = self.step_state(id) {
            state.status = Some(status);
        }
        let view = self.view(None);
        let state = view.state(id);
        let outputs = state
            .and_then(|state| state.outputs.as_deref())
            .map_or_else(Map::new, |outputs| outputs_json(outputs, &self.secrets));
        let entered = state.map_or(now, |state| state.entered);
        let kind = EventKind::StepFinished { status, outputs, why, duration_ms: now.saturating_sub(entered), again };
        self.emit(turn, Some(id), None, kind);
    }

    /// Evaluates the outputs of a step: all of them on success, those that resolve on failure.
    fn keep_outputs(&mut self, id: StepId, step: &Step, exchange: Option<&Exchange>, success: bool, turn: &mut Turn) {
        let mut kept: Vec<(String, Option<Slot>)> = vec![];
        for output in &step.outputs {
            let value = self.fill_output(output, exchange);
            if value.is_none() && success {
                let target = format!("output `{}`", output.name);
                self.emit(
                    turn,
                    Some(id),
                    Some(output.value.place.clone()),
                    EventKind::ValueAbsent { expression: output.value.text.clone(), target },
                );
            }
            let slot = match value {
                None if !success => continue,
                None => None,
                Some(value) if output.secret => {
                    let name = format!("{}.{}", step.name, output.name);
                    self.redactor.learn(&name, &value.clone().into_json());
                    Some(self.secret_slot(&name, value))
                }
                Some(value) => Some(Slot::Plain(value)),
            };
            kept.push((output.name.clone(), slot));
        }
        if let Some(state) = self.step_state(id) {
            state.outputs = Some(kept);
        }
    }
}

/// What a `Retry-After` asks for, in ms: seconds (also decimal), or a date. Garbage, negative numbers and dates in the
/// past ask for nothing.
pub(super) fn retry_after(text: &str, now_epoch_ms: i64) -> Option<Millis> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return (seconds > 0.0 && !seconds.is_nan()).then_some((seconds * 1000.0).min(u64::MAX as f64) as Millis);
    }
    let date = httpdate::parse_http_date(text).ok()?;
    let date_ms = date.duration_since(std::time::UNIX_EPOCH).ok()?.as_millis();
    let wait = i128::try_from(date_ms).ok()? - i128::from(now_epoch_ms);
    Millis::try_from(wait).ok().filter(|ms| *ms > 0)
}
