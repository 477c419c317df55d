//! Answer → verdict: by the criteria of the step, or by its status, and by what its operation documents.

use super::contract::{Departure, find_departures, find_documented};
use super::criterion::{self, Seen};
use super::fault::{Fault, Remark};
use super::phase::Phase;
use super::store::Slot;
use super::wire::Turn;
use super::{Machine, select};
use crate::code::{Code, Severity};
use crate::event::{CriteriaOf, EventKind, Interest, Saw};
use crate::expr::{Exchange, StepId};
use crate::limits::{ContractCheck, Redirects};
use crate::media_type::{is_json, is_known_charset};
use crate::program::{Build, Criterion, Output, Step};
use crate::readings::Readings;
use crate::reason::Reason;
use crate::remedy::Remedy;
use crate::source::Span;
use crate::value::{Body, Value};

/// The longest value in a message, in characters.
const SHOWN: usize = 120;

/// The result of a list of criteria: met, or the first that is not, with the values that it read.
pub(super) enum Met<'p> {
    Yes,
    No(&'p Criterion, Vec<Saw>),
    /// It cannot be told; the text says why.
    Unknown(&'p Criterion, String),
}

impl Machine {
    /// Judges an answer.
    pub(super) fn judge_answer(&mut self, id: StepId, exchange: Exchange, turn: &mut Turn) -> Phase {
        let program = self.program.clone();
        let Some(step) = program.step(id) else { return self.go_on_to(None) };
        let departed = match self.state.settings.contract {
            ContractCheck::Off => {
                self.report_undocumented(id, step, &exchange, turn);
                None
            }
            check => self.check_contract(id, step, &exchange, check, turn),
        };
        self.report_charset(id, step, &exchange, turn);
        self.keep_answer(&exchange);
        let status = exchange.answer.as_ref().map_or(0, |answer| answer.status);
        let fault = if step.criteria.is_empty() {
            self.judge_status(id, step, status)
        } else {
            self.judge_criteria(id, step, status, &exchange, turn)
        };
        let fault = fault.or(departed).or_else(|| self.judge_outputs(id, step, &exchange, turn));
        match fault {
            Some(fault) => Phase::Fail { step: id, fault, exchange: Some(exchange) },
            None => Phase::Succeed { step: id, exchange },
        }
    }

    /// Judges a message: without criteria, that it was sent or came is enough.
    pub(super) fn judge_message(&mut self, id: StepId, exchange: Exchange, turn: &mut Turn) -> Phase {
        let program = self.program.clone();
        let Some(step) = program.step(id) else { return self.go_on_to(None) };
        match self.judge_criteria(id, step, 200, &exchange, turn) {
            Some(fault) => Phase::Fail { step: id, fault, exchange: Some(exchange) },
            None => Phase::Succeed { step: id, exchange },
        }
    }

    /// The workflow that a step called has come back: judges it by the criteria of the step.
    pub(super) fn judge_return(&mut self, id: StepId, answer: Option<Slot>, turn: &mut Turn) -> Phase {
        let program = self.program.clone();
        let Some(step) = program.step(id) else { return self.go_on_to(None) };
        let exchange = answer.and_then(|slot| self.unstash(&slot)).unwrap_or_default();
        self.keep_answer(&exchange);
        match self.judge_criteria(id, step, 200, &exchange, turn) {
            Some(fault) => Phase::Fail { step: id, fault, exchange: Some(exchange) },
            None => Phase::Succeed { step: id, exchange },
        }
    }

    /// Judges by `successCriteria`: the fault of the step, if it has failed.
    fn judge_criteria(
        &self,
        id: StepId,
        step: &Step,
        status: u16,
        exchange: &Exchange,
        turn: &mut Turn,
    ) -> Option<Fault> {
        match self.evaluate_criteria(id, &step.criteria, None, exchange, turn) {
            Met::Yes => None,
            Met::No(criterion, saw) => Some(self.explain_unmet(id, step, criterion, &saw, status)),
            Met::Unknown(criterion, problem) => Some(self.explain_not_evaluable(id, step, criterion, &problem)),
        }
    }

    /// `true` if an answer lets its step succeed, found out without an event.
    pub(super) fn would_succeed(&self, step: &Step, exchange: &Exchange) -> bool {
        let status = exchange.answer.as_ref().map_or(0, |answer| answer.status);
        let met = |criterion| criterion::evaluate(criterion, &self.view(Some(exchange)), self.program.readings).met;
        match step.criteria.as_slice() {
            [] => self.is_default_success(step, status),
            criteria => criteria.iter().all(|criterion| met(criterion) == Ok(true)),
        }
    }

    /// Success without `successCriteria`: 2xx, and 3xx where the operation documents it.
    fn is_default_success(&self, step: &Step, status: u16) -> bool {
        let operation = self.program.operation_of(step);
        let documented = operation.and_then(|operation| find_documented(operation, status));
        let redirect = (300..400).contains(&status) && documented.is_some_and(|(known, _)| known != "default");
        (200..300).contains(&status) || redirect
    }

    /// The fault of a step without `successCriteria`, if its status is none of success.
    fn judge_status(&self, id: StepId, step: &Step, status: u16) -> Option<Fault> {
        if self.is_default_success(step, status) {
            return None;
        }
        let mut fault = self.fault_at(
            id,
            Reason::UnexpectedStatus,
            format!("the answer's status is {status}, and without `successCriteria` only 2xx is a success"),
        );
        fault.label = Some(format!("answered {status}"));
        self.explain_status(step, status, &mut fault);
        Some(fault)
    }

    fn explain_unmet(&self, id: StepId, step: &Step, criterion: &Criterion, saw: &[Saw], status: u16) -> Fault {
        let mut fault = self.fault_at(id, Reason::CriterionNotMet, "success criterion not met".to_owned());
        fault.span = Some(criterion.span);
        let value = |saw: &Saw| saw.value.as_deref().unwrap_or("absent").to_owned();
        let several = || saw.iter().map(|saw| format!("{} was {}", saw.expression, value(saw))).collect::<Vec<_>>();
        match saw {
            [] => {}
            [one] => fault.label = Some(format!("was {}", value(one))),
            [_, _] => fault.label = Some(several().join(", ")),
            // More than stands under a caret.
            _ => {
                fault.label = Some("not met".to_owned());
                fault.remarks.extend(several().into_iter().map(Remark::Fact));
            }
        }
        self.note_step(step, id, &mut fault);
        self.explain_status(step, status, &mut fault);
        fault
    }

    pub(super) fn explain_not_evaluable(&self, id: StepId, step: &Step, criterion: &Criterion, problem: &str) -> Fault {
        let mut fault =
            self.fault_at(id, Reason::CriterionNotEvaluable, format!("this criterion cannot be evaluated: {problem}"));
        fault.span = Some(criterion.span);
        fault.label = Some("neither met nor unmet".to_owned());
        self.note_step(step, id, &mut fault);
        fault
    }

    fn note_step(&self, step: &Step, id: StepId, fault: &mut Fault) {
        let visit = self.view(None).state(id).map_or(1, |state| state.visits);
        fault.notes.push((step.span, format!("in this step, visit {visit}")));
    }

    /// Adds the operation's words about a status that made a step fail.
    fn explain_status(&self, step: &Step, status: u16, fault: &mut Fault) {
        let Some(operation) = self.program.operation_of(step) else { return };
        if (200..300).contains(&status) {
            return;
        }
        if (300..400).contains(&status) {
            if self.state.settings.redirects == Redirects::Never {
                fault.remedy = Some(Box::new(Remedy::RedirectsOff { remark: fault.remarks.len() }));
            }
            fault.remark(match self.state.settings.redirects {
                Redirects::Never => "redirects are not followed".to_owned(),
                Redirects::Auto => "a redirect is judged as it comes where the operation documents it, a criterion of the step reads it, or it leads nowhere".to_owned(),
            });
        }
        let called = operation.endpoint();
        fault.help = match find_documented(operation, status) {
            Some((known, Some(text))) => Some(format!("{called} documents {known} as: {}", text.trim())),
            Some(_) => None,
            // That is said of the answer.
            None => None,
        };
    }

    /// An answer outside what the operation documents is said, and is not a failure.
    fn report_undocumented(&self, id: StepId, step: &Step, exchange: &Exchange, turn: &mut Turn) {
        let (Some(operation), Some(answer)) = (self.program.operation_of(step), exchange.answer.as_ref()) else {
            return;
        };
        if operation.responses.is_empty() || find_documented(operation, answer.status).is_some() {
            return;
        }
        let known: Vec<&str> = operation.responses.iter().map(|(status, _)| status.as_str()).collect();
        let (called, known) = (operation.endpoint(), known.join(", "));
        let message = format!("{called} answered {}, which is not documented; it documents {known}", answer.status);
        let kind =
            EventKind::Diagnostic { code: Code::UndocumentedStatus, severity: Severity::Warning, message, help: None };
        self.emit(turn, Some(id), Some(operation.span), kind);
    }

    /// Says that a text was read as UTF-8, because its charset is not known. One of ASCII alone is the same in both.
    fn report_charset(&self, id: StepId, step: &Step, exchange: &Exchange, turn: &mut Turn) {
        let body = exchange.answer.as_ref().and_then(|answer| answer.body.as_ref());
        let Some(Value::Body(Body { charset: Some(label), bytes, .. })) = body else { return };
        if is_known_charset(label) || bytes.is_ascii() {
            return;
        }
        let message = format!("the charset `{label}` of the response body is not known, and it is read as UTF-8");
        let kind =
            EventKind::Diagnostic { code: Code::UnknownCharset, severity: Severity::Warning, message, help: None };
        self.emit(turn, Some(id), self.program.operation_of(step).map(|operation| operation.span), kind);
    }

    /// Says which outputs cannot be told of an answer that is otherwise good; the fault of the step, if the description
    /// promises one of them.
    fn judge_outputs(&self, id: StepId, step: &Step, exchange: &Exchange, turn: &mut Turn) -> Option<Fault> {
        let Some(body) = exchange.answer.as_ref()?.body.as_ref() else {
            return self.judge_nothing(id, step, exchange);
        };
        if matches!(body.read(), Value::Json(_)) {
            return None;
        }
        let view = self.view(Some(exchange));
        self.report_text(id, step, exchange, turn);
        let unread = |output: &&Output| output.reads_body() && select::problem(&output.value, &view).is_some();
        let outputs: Vec<&Output> = step.outputs.iter().filter(unread).collect();
        let first = outputs.iter().find(|output| output.promised).or(outputs.first())?;
        // The step fails by an action that cannot be judged: that says it.
        if self.has_unknown_action(step, exchange) {
            return None;
        }
        let problem = select::problem(&first.value, &view)?;
        let names = outputs.iter().map(|output| format!("`{}`", output.name)).collect::<Vec<_>>().join(", ");
        let message = format!("no value for the output {names}: {problem}");
        if first.promised && self.program.readings != Readings::Letter {
            let mut fault = self.fault_at(id, Reason::BodyNotJson, message);
            fault.span = Some(first.span);
            self.note_step(step, id, &mut fault);
            fault.remark("the description of the answer requires this member");
            return Some(fault);
        }
        let kind = EventKind::Diagnostic { code: Code::BodyNotJson, severity: Severity::Warning, message, help: None };
        self.emit(turn, Some(id), Some(first.span), kind);
        None
    }

    /// The fault of an answer without a body, of which the description promises a member that an output reads.
    fn judge_nothing(&self, id: StepId, step: &Step, exchange: &Exchange) -> Option<Fault> {
        let status = exchange.answer.as_ref()?.status;
        let operation = self.program.operation_of(step).filter(|operation| operation.method != "HEAD")?;
        let described = (200..300).contains(&status) && find_documented(operation, status).is_some();
        if !described || matches!(status, 204 | 205) || self.program.readings == Readings::Letter {
            return None;
        }
        let output = step.outputs.iter().find(|output| output.promised)?;
        let message = format!("no value for the output `{}`: the response has no body", output.name);
        let mut fault = self.fault_at(id, Reason::BodyNotJson, message);
        fault.span = Some(output.span);
        self.note_step(step, id, &mut fault);
        fault.remark("the description of the answer requires this member");
        Some(fault)
    }

    /// Says that what calls itself JSON is taken as the text that it is, whole.
    fn report_text(&self, id: StepId, step: &Step, exchange: &Exchange, turn: &mut Turn) {
        let Some(answer) = exchange.answer.as_ref().filter(|answer| is_json(&answer.media_type)) else { return };
        let view = self.view(Some(exchange));
        let is_whole = |output: &&Output| {
            matches!(output.value, Build::Template(_))
                && output.reads_body()
                && select::problem(&output.value, &view).is_none()
        };
        let outputs: Vec<&Output> = step.outputs.iter().filter(is_whole).collect();
        let Some(first) = outputs.first() else { return };
        let names = outputs.iter().map(|output| format!("`{}`", output.name)).collect::<Vec<_>>().join(", ");
        let message = format!(
            "the output {names} is not JSON: the response body is not JSON, although it says that it is {}",
            answer.media_type
        );
        let kind = EventKind::Diagnostic { code: Code::BodyNotJson, severity: Severity::Warning, message, help: None };
        self.emit(turn, Some(id), Some(first.span), kind);
    }

    /// `true` if an action on success that would be looked at has a criterion that cannot be evaluated.
    fn has_unknown_action(&self, step: &Step, exchange: &Exchange) -> bool {
        let met = |criterion| criterion::evaluate(criterion, &self.view(Some(exchange)), self.program.readings).met;
        for action in &step.on_success {
            let mut unmet = action.criteria.iter().map(met).filter(|met| *met != Ok(true));
            match unmet.next() {
                Some(Err(_)) => return true,
                Some(Ok(_)) => {}
                None => return false,
            }
        }
        false
    }

    /// Says in what an answer departs from what is documented; the fault of the step because of it, if it has failed.
    fn check_contract(
        &self,
        id: StepId,
        step: &Step,
        exchange: &Exchange,
        check: ContractCheck,
        turn: &mut Turn,
    ) -> Option<Fault> {
        let operation = self.program.operation_of(step)?;
        let (contract, answer) = (operation.contract.as_ref()?, exchange.answer.as_ref()?);
        let severity = if check == ContractCheck::Error { Severity::Error } else { Severity::Warning };
        let mut lines: Vec<(Span, String)> = vec![];
        let mut departures = find_departures(contract, answer, operation.method == "HEAD");
        // What departs for certain is said first.
        departures.sort_by_key(|departure| departure.unchecked);
        let departs = departures.first().is_some_and(|first| !first.unchecked);
        for Departure { part, at, message, span, unchecked } in departures {
            let line = format!("{}: {message}", part.words(at.as_deref()));
            let kind = if unchecked {
                let message = format!("the answer is not checked against what is documented: {line}");
                EventKind::Diagnostic { code: Code::ContractNotChecked, severity, message, help: None }
            } else {
                EventKind::ContractDeparted { part, at, message, severity }
            };
            self.emit(turn, Some(id), Some(span), kind);
            lines.push((span, line));
        }
        let (span, first) = lines.first().filter(|_| check == ContractCheck::Error)?.clone();
        let (reason, message) = if departs {
            (Reason::ContractDeparted, "the answer is not as it is documented")
        } else {
            (Reason::ContractNotChecked, "the answer cannot be checked against what is documented")
        };
        let mut fault = self.fault_at(id, reason, format!("{message}: {first}"));
        (fault.span, fault.label) = (Some(span), Some("documented here".to_owned()));
        self.note_step(step, id, &mut fault);
        for (span, line) in lines.into_iter().skip(1) {
            let place = self.program.sources.place(span);
            fault.remark(format!("{line} ({}:{})", place.file, place.line));
        }
        Some(fault)
    }

    /// Evaluates criteria in order, up to the first that is not met: those of a step, or of the action of this name.
    pub(super) fn evaluate_criteria<'p>(
        &self,
        id: StepId,
        criteria: &'p [Criterion],
        of: Option<&str>,
        exchange: &Exchange,
        turn: &mut Turn,
    ) -> Met<'p> {
        for criterion in criteria {
            let judged = criterion::evaluate(criterion, &self.view(Some(exchange)), self.program.readings);
            // What it saw is told to readers, and explains what is not met.
            if judged.met == Ok(true) && !judged.tested_self && !self.is_heard(Interest::Steps) {
                continue;
            }
            let masked = |seen: Seen| Saw {
                expression: seen.expression,
                value: seen.value.map(|value| self.redactor.shown(&value.to_string(), SHOWN)),
            };
            let saw: Vec<Saw> = judged.saw.into_iter().map(masked).collect();
            let kind = EventKind::CriterionEvaluated {
                of: of.map_or(CriteriaOf::Success, |action| CriteriaOf::Action(action.to_owned())),
                condition: criterion.text.clone(),
                context: criterion.context.clone(),
                met: judged.met.as_ref().is_ok_and(|met| *met),
                saw: saw.clone(),
                problem: judged.met.as_ref().err().cloned(),
            };
            self.emit(turn, Some(id), Some(criterion.span), kind);
            if judged.tested_self {
                let kind = EventKind::Diagnostic {
                    code: Code::JsonpathFilterOnObject,
                    severity: Severity::Warning,
                    message: "the filter tests the object itself: no member has what it asks for".to_owned(),
                    help: Some("write a simple condition".to_owned()),
                };
                self.emit(turn, Some(id), Some(criterion.span), kind);
            }
            match judged.met {
                Ok(true) => {}
                // By the letter, what cannot be evaluated is not met; it was reported just now.
                Err(problem) if self.program.readings != Readings::Letter => return Met::Unknown(criterion, problem),
                Ok(false) | Err(_) => return Met::No(criterion, saw),
            }
        }
        Met::Yes
    }
}
