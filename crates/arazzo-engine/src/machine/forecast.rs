//! A call in flight → what its step would make of an answer. Who makes answers up asks before it gives one.

use std::borrow::Cow;
use std::sync::Arc;

use crate::value::{Json, Map};

use super::answer::decode;
use super::channel::see;
use super::criterion::evaluate;
use super::frame::CallPurpose;
use super::message::Message;
use super::wire::{CallId, Response};
use super::{AwaitedMessage, Machine, select};
use crate::expr::eval::{Answer, eval};
use crate::expr::{Exchange, Expr, Lookup, Root, StepId, WorkflowId};
use crate::program::{Action, Criterion, Program, Step, Target, Then};
use crate::value::{Pointer, Value};

/// What a step would make of an answer, as far as it is known.
#[derive(Debug, Clone)]
pub struct Forecast {
    program: Arc<Program>,
    step: StepId,
    exchange: Exchange,
    /// The values that its criteria read beside the answer; nothing for one that is absent.
    known: Vec<(Root, Option<Value>)>,
    /// `true` if what is not known is absent.
    whole: bool,
}

/// The way that a run takes after an answer; better ones come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Course {
    /// The step succeeds, and another one follows.
    On,
    /// The step succeeds, and an action ends the workflow.
    Ends,
    /// The step succeeds, and it or one before it follows.
    Back,
    /// The step fails.
    Fails,
}

impl Machine {
    /// What the step that waits for the answer to a call would make of one; nothing for calls that no step asked for.
    #[must_use]
    pub fn forecast(&self, call: CallId) -> Option<Forecast> {
        let pending = self.state.waiting.get(&call)?;
        let id = pending.step;
        if pending.purpose != CallPurpose::Operation {
            return None;
        }
        let known = self.known_to(id)?;
        let exchange = self.exchange_of(pending);
        Some(Forecast { program: self.program.clone(), step: id, exchange, known, whole: true })
    }

    /// What the step that waits for a message would make of one.
    #[must_use]
    pub fn forecast_message(&self, awaited: &AwaitedMessage) -> Option<Forecast> {
        let known = self.known_to(awaited.step)?;
        let (program, exchange) = (self.program.clone(), Exchange::default());
        Some(Forecast { program, step: awaited.step, exchange, known, whole: true })
    }

    /// The values that the criteria and outputs of a step read beside its answer.
    fn known_to(&self, id: StepId) -> Option<Vec<(Root, Option<Value>)>> {
        let step = self.program.step(id)?;
        let view = self.view(None);
        let mut known: Vec<(Root, Option<Value>)> = vec![];
        for root in reads(step) {
            if !is_of_exchange(root) && !known.iter().any(|(other, _)| other == root) {
                let expr = Expr { root: root.clone(), at: Pointer::default(), query: None, dotted: false, parts: None };
                let value = eval(&expr, &view).ok().flatten().map(Cow::into_owned);
                known.push((root.clone(), value));
            }
        }
        Some(known)
    }
}

impl Forecast {
    /// What a step would make of an answer whatever came before.
    #[must_use]
    pub fn of_step(program: Arc<Program>, step: StepId) -> Self {
        Self { program, step, exchange: Exchange::default(), known: vec![], whole: false }
    }

    /// The step.
    #[must_use]
    pub fn step(&self) -> Option<&Step> {
        self.program.step(self.step)
    }

    /// The program of the step.
    #[must_use]
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// `true` for an output of the step itself.
    #[must_use]
    pub fn is_own(&self, step: StepId) -> bool {
        step == self.step
    }

    /// The same after an answer, whose values are known then.
    #[must_use]
    pub fn answered(&self, response: &Response) -> Self {
        let answer = Some(decode(response.clone()));
        Self { exchange: Exchange { answer, ..self.exchange.clone() }, ..self.clone() }
    }

    /// The value of an expression, if it is known.
    #[must_use]
    pub fn value(&self, expr: &Expr) -> Option<Json> {
        if !self.knows(expr) {
            return None;
        }
        let guess = Guess { forecast: self, exchange: &self.exchange, after: false };
        eval(expr, &guess).ok().flatten().map(|value| value.into_owned().into_json())
    }

    /// `true` unless criteria of the step say for certain that they do not hold with a message, which is of this type if it says
    /// nothing else.
    #[must_use]
    pub fn takes(&self, message: &Message, content_type: Option<&str>) -> bool {
        let seen = see(message, content_type, u64::MAX);
        let exchange = Exchange { message: Some(Box::new(seen)), ..Exchange::default() };
        let criteria = self.step().map(|step| step.criteria.as_slice()).unwrap_or_default();
        criteria.iter().all(|criterion| self.met(criterion, &exchange, false) != Some(false))
    }

    /// The course of the run after an answer, and the criteria that say so: those of the step that are not met, or those
    /// of the action that leads back.
    #[must_use]
    pub fn course(&self, response: &Response) -> (Course, Vec<&Criterion>) {
        self.course_by(decode(response.clone()), |_| true, |_| true)
    }

    /// `true` if the step may call again after an answer: it fails and is tried again, or an action leads back.
    #[must_use]
    pub fn asks_again(&self, response: &Response) -> bool {
        let course = self.course(response).0;
        let Some(step) = self.step().filter(|_| course == Course::Fails) else { return course == Course::Back };
        let exchange = Exchange { answer: Some(decode(response.clone())), ..self.exchange.clone() };
        let may_apply = |action: &&Action| {
            action.criteria.iter().all(|criterion| self.met(criterion, &exchange, true) != Some(false))
        };
        step.on_failure.iter().find(may_apply).is_some_and(|action| self.course_of(step, action) == Course::Back)
    }

    /// The course after an answer of which only the status is known: what reads more counts as it is wished.
    #[must_use]
    pub fn course_of_status(&self, status: u16) -> Course {
        let answer = Answer { status, headers: vec![], body: None, media_type: String::new() };
        let of_status = |criterion: &Criterion| {
            let reads = criterion.expressions();
            !reads.is_empty() && reads.iter().all(|expr| expr.root == Root::StatusCode)
        };
        let certain = |action: &Action| !action.criteria.is_empty() && action.criteria.iter().all(of_status);
        self.course_by(answer, of_status, certain).0
    }

    /// The course after an answer, by the criteria of the step and the actions that can be told of it.
    fn course_by(
        &self,
        answer: Answer,
        criteria: impl Fn(&Criterion) -> bool,
        actions: impl Fn(&Action) -> bool,
    ) -> (Course, Vec<&Criterion>) {
        let Some(step) = self.step() else { return (Course::On, vec![]) };
        let status = answer.status;
        let exchange = Exchange { answer: Some(answer), ..self.exchange.clone() };
        let unmet =
            |criterion: &&Criterion| criteria(criterion) && self.met(criterion, &exchange, false) == Some(false);
        let unmet: Vec<&Criterion> = step.criteria.iter().filter(unmet).collect();
        if !unmet.is_empty() || step.criteria.is_empty() && !(200..400).contains(&status) {
            return (Course::Fails, unmet);
        }
        let met = |criterion: &Criterion| self.met(criterion, &exchange, true) == Some(true);
        let applies = |action: &&Action| actions(action) && action.criteria.iter().all(met);
        match step.on_success.iter().find(applies) {
            None => (Course::On, vec![]),
            Some(action) => (self.course_of(step, action), action.criteria.iter().collect()),
        }
    }

    /// The course that an action leads to.
    #[must_use]
    pub fn course_of(&self, step: &Step, action: &Action) -> Course {
        match &action.then {
            Then::End => Course::Ends,
            Then::Retry { .. } => Course::Back,
            Then::Goto(Target::Step(to)) if *to <= self.step => Course::Back,
            Then::Goto(Target::Workflow { workflow, .. }) if *workflow == step.workflow => Course::Back,
            Then::Goto(_) => Course::On,
        }
    }

    /// Whether a criterion is met; nothing if that depends on what is not known. `after` the step, its outputs are those
    /// of this answer.
    fn met(&self, criterion: &Criterion, exchange: &Exchange, after: bool) -> Option<bool> {
        let guess = Guess { forecast: self, exchange, after };
        let own = |expr: &Expr| after && matches!(&expr.root, Root::StepOutput(step, _) if *step == self.step);
        if !criterion.expressions().into_iter().all(|expr| self.knows(expr) || own(expr)) {
            return None;
        }
        Some(evaluate(criterion, &guess, self.program.readings).met.unwrap_or(false))
    }

    fn knows(&self, expr: &Expr) -> bool {
        let of_answer = matches!(
            expr.root,
            Root::ResponseBody
                | Root::ResponseHeader(_)
                | Root::StatusCode
                | Root::MessagePayload
                | Root::MessageHeader(_)
        );
        self.whole
            || of_answer
            || matches!(expr.root, Root::Constant(_))
            || self.known.iter().any(|(root, _)| *root == expr.root)
    }

    fn find(&self, root: &Root) -> Option<Cow<'_, Value>> {
        self.known.iter().find(|(known, _)| known == root)?.1.as_ref().map(Cow::Borrowed)
    }
}

/// What the criteria and outputs of a step read.
fn reads(step: &Step) -> impl Iterator<Item = &Root> {
    let criteria = step.all_criteria().flat_map(Criterion::expressions).map(|expr| &expr.root);
    criteria.chain(step.outputs.iter().flat_map(|output| output.value.reads()).map(|read| &read.expr.root))
}

fn is_of_exchange(root: &Root) -> bool {
    matches!(
        root,
        Root::Url
            | Root::Method
            | Root::StatusCode
            | Root::RequestHeader(_)
            | Root::RequestQuery(_)
            | Root::RequestPath(_)
            | Root::RequestBody
            | Root::ResponseHeader(_)
            | Root::ResponseBody
            | Root::MessageHeader(_)
            | Root::MessagePayload
            | Root::Constant(_)
    )
}

/// The values of a forecast, with an answer.
struct Guess<'a> {
    forecast: &'a Forecast,
    exchange: &'a Exchange,
    after: bool,
}

impl Guess<'_> {
    fn own_output(&self, name: &str) -> Option<Value> {
        let output = self.forecast.step()?.outputs.iter().find(|output| output.name == name)?;
        // An output of the step that reads one of the step has that of the visit before.
        select::evaluate(&output.value, &Guess { after: false, ..*self })
    }
}

impl Lookup for Guess<'_> {
    fn input(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.forecast.find(&Root::Input(name.to_owned()))
    }

    fn inputs(&self) -> Json {
        let known = self.forecast.find(&Root::Inputs).map(|value| value.into_owned().into_json());
        known.unwrap_or_else(|| Json::Object(Map::new().into()))
    }

    fn output(&self, step: StepId, name: &str) -> Option<Cow<'_, Value>> {
        if self.after && self.forecast.is_own(step) {
            return self.own_output(name).map(Cow::Owned);
        }
        self.forecast.find(&Root::StepOutput(step, name.to_owned()))
    }

    fn outputs(&self, step: StepId) -> Option<Json> {
        self.forecast.find(&Root::StepOutputs(step)).map(|value| value.into_owned().into_json())
    }

    fn returned(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.forecast.find(&Root::Output(name.to_owned()))
    }

    fn workflow_input(&self, workflow: WorkflowId, name: &str) -> Option<Cow<'_, Value>> {
        self.forecast.find(&Root::WorkflowInput(workflow, name.to_owned()))
    }

    fn workflow_output(&self, workflow: WorkflowId, name: &str) -> Option<Cow<'_, Value>> {
        self.forecast.find(&Root::WorkflowOutput(workflow, name.to_owned()))
    }

    fn exchange(&self) -> Option<&Exchange> {
        Some(self.exchange)
    }
}
