//! Outputs of steps and of workflows, evaluated when they end.

use crate::value::{Json, Map};

use super::frame::Outputs;
use super::store::SecretStore;
use super::store::Slot;
use super::wire::Turn;
use super::{Machine, select};
use crate::event::EventKind;
use crate::expr::{Exchange, StepId};
use crate::program::{Output, Step};
use crate::value::Value;

impl Machine {
    /// Evaluates the outputs of a step: all of them on success, those that resolve on failure.
    pub(super) fn keep_outputs(
        &mut self,
        id: StepId,
        step: &Step,
        exchange: Option<&Exchange>,
        success: bool,
        turn: &mut Turn,
    ) {
        let mut kept: Outputs = vec![];
        for output in &step.outputs {
            let value = self.evaluate_output(output, exchange);
            let foreign = select::is_foreign(&output.value, &self.view(exchange));
            self.learn_derived(&format!("{}.{}", step.name, output.name), &output.value, exchange);
            if value.is_none() && success {
                let target = format!("output `{}`", output.name);
                self.emit(
                    turn,
                    Some(id),
                    Some(output.span),
                    EventKind::ValueAbsent { expression: output.text.clone(), target },
                );
            }
            let slot = match value {
                None if !success => continue,
                None => None,
                Some(value) if output.secret && (success || !self.is_error_text(step, output, exchange)) => {
                    let name = format!("{}.{}", step.name, output.name);
                    self.redactor.learn_built(&name, &value.clone().into_json());
                    Some(self.keep_secret(value).with_origin(foreign))
                }
                Some(value) => Some(Slot::plain(value).with_origin(foreign)),
            };
            if let Some(slot) = &slot {
                self.note_kept(slot, &kept);
            }
            kept.push((output.name.clone(), slot));
            if self.kept.exceeded() {
                break;
            }
        }
        // A step that called a workflow has its outputs too, under their own names.
        if step.call.workflow().is_some() {
            for (name, slot) in self.frame().returned.clone() {
                if !kept.iter().any(|(known, _)| *known == name) && (slot.is_some() || success) {
                    kept.push((name, slot));
                }
            }
        }
        if let Some(state) = self.step_state(id) {
            state.outputs = Some(kept);
        }
    }

    /// The outputs of the workflow that exist, and the names of those that do not (docs/readings.md, rule 4).
    pub(super) fn evaluate_final_outputs(&mut self, turn: &mut Turn) -> (super::wire::Outputs, Vec<String>) {
        let (outputs, missing) = self.evaluate_outputs(turn);
        let value = |slot: Option<Slot>| slot.and_then(|slot| slot.value(&self.secrets).cloned());
        let values = outputs.into_iter().map(|(name, slot)| (name, value(slot).unwrap_or(Value::Json(Json::Null))));
        (values.collect(), missing)
    }

    /// The outputs of a step of the workflow that the run began with, or went over to: of its last visit. Not masked.
    #[must_use]
    pub fn step_outputs(&self, step: &str) -> super::wire::Outputs {
        let Some(frame) = self.state.frames.first() else { return Default::default() };
        let ids = self.program.workflow(frame.workflow).map(|workflow| workflow.steps.as_slice()).unwrap_or_default();
        let named = |id: &StepId| self.program.step(*id).is_some_and(|known| known.name == step);
        let found =
            ids.iter().zip(&frame.steps).find(|(id, _)| named(id)).and_then(|(_, state)| state.outputs.as_ref());
        let value = |slot: &Option<Slot>| Some(slot.as_ref()?.value(&self.secrets)?.clone());
        found.into_iter().flatten().filter_map(|(name, slot)| Some((name.clone(), value(slot)?))).collect()
    }

    /// As [`Machine::evaluate_final_outputs`], with secrets as references.
    pub(super) fn evaluate_outputs(&mut self, turn: &mut Turn) -> (Outputs, Vec<String>) {
        let program = self.program.clone();
        let Some(workflow) = program.workflow(self.frame().workflow) else { return (vec![], vec![]) };
        if let (true, Some(inherited)) = (workflow.outputs.is_empty(), self.frame().inherited.clone()) {
            return (inherited, vec![]);
        }
        let mut missing = vec![];
        self.frame_mut().returned.clear();
        for output in &workflow.outputs {
            if self.reads_unrun_step(output) {
                missing.push(output.name.clone());
                continue;
            }
            let value = self.evaluate_output(output, None);
            if value.is_none() {
                let target = format!("output `{}`", output.name);
                self.emit(
                    turn,
                    None,
                    Some(output.span),
                    EventKind::ValueAbsent { expression: output.text.clone(), target },
                );
            }
            let foreign = select::is_foreign(&output.value, &self.view(None));
            self.learn_derived(&format!("{}.{}", workflow.name, output.name), &output.value, None);
            let slot = value.map(|value| {
                if !output.secret {
                    return Slot::plain(value).with_origin(foreign);
                }
                let name = format!("{}.{}", workflow.name, output.name);
                self.redactor.learn_built(&name, &value.clone().into_json());
                self.keep_secret(value).with_origin(foreign)
            });
            if let Some(slot) = &slot {
                self.note_kept(slot, &vec![]);
            }
            // Too much: the run stops, and has the outputs before.
            if self.kept.exceeded() {
                missing.push(output.name.clone());
                continue;
            }
            self.frame_mut().returned.push((output.name.clone(), slot));
        }
        (self.frame().returned.clone(), missing)
    }

    /// `true` if an output reads a step that has not run.
    fn reads_unrun_step(&self, output: &Output) -> bool {
        let view = self.view(None);
        output.reads_step(|step, name| match view.outputs_of(step) {
            None => true,
            Some(outputs) => name.is_some_and(|name| !outputs.iter().any(|(known, _)| known == name)),
        })
    }

    /// The value of an output; none if it is absent.
    pub(super) fn evaluate_output(&self, output: &Output, exchange: Option<&Exchange>) -> Option<Value> {
        select::evaluate(&output.value, &self.view(exchange))
    }
}

/// Outputs of a step as JSON, null for one that found nothing.
pub(super) fn outputs_json(outputs: &[(String, Option<Slot>)], secrets: &SecretStore) -> Map<String, Json> {
    outputs
        .iter()
        .map(|(name, slot)| (name.clone(), slot.as_ref().map_or(Json::Null, |slot| slot.json(secrets))))
        .collect()
}
