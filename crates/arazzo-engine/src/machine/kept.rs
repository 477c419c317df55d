//! The bytes of what a run keeps between its steps: outputs, inputs, kept answers, cookies, tokens, forms of secrets.
//!
//! Every place that holds a value counts it whole, also where the memory is shared: a run that was stored and restored
//! shares nothing any more, and has to end as it would have. To look at all of it after every step would make long runs
//! slow: what was added since the last look is only summed up, and looked at when that would be too much.

use super::Machine;
use super::frame::Outputs;
use super::store::Slot;
use crate::value::{Json, Value};

/// The memory of a list, and of an object, without what is in them.
const LIST: u64 = 48;
const OBJECT: u64 = 128;

/// The memory of a value in a list, without that of its text.
const VALUE: u64 = 32;

/// As [`VALUE`], of a member of an object with its place in the index.
const MEMBER: u64 = 96;

/// The memory of a slot, or of a step that has none yet, beside its value.
const SLOT: u64 = 64;

/// The memory of all forms in which a secret is looked for, in times of its bytes.
const FORMS: u64 = 16;

/// What is known of the bytes that are kept.
#[derive(Debug, Default)]
pub(super) struct KeptBudget {
    /// No fewer than there are.
    bound: u64,
    exceeded: bool,
}

impl KeptBudget {
    /// `true` if more is kept than may be.
    pub(super) fn exceeded(&self) -> bool {
        self.exceeded
    }

    /// Begins anew, when the run stops for it.
    pub(super) fn clear(&mut self) {
        self.exceeded = false;
    }
}

/// The bytes of memory that a value takes, more or less.
fn weigh_value(value: &Value) -> u64 {
    match value {
        Value::Json(json) => weigh_json(json),
        Value::Text(text) => text.len() as u64,
        Value::Bytes(bytes) => bytes.len() as u64,
        Value::File(file) => (file.name.len() + file.bytes.len()) as u64,
        Value::Body(body) => body.bytes.len() as u64 + weigh_value(&body.read),
    }
}

/// As [`weigh_value`], without recursion: values that are built may nest deeper than those that are read.
fn weigh_json(json: &Json) -> u64 {
    let (mut bytes, mut left) = (0, vec![json]);
    while let Some(json) = left.pop() {
        bytes += match json {
            Json::Null | Json::Bool(_) => 0,
            Json::Number(number) => number.length() as u64,
            Json::String(text) => text.len() as u64,
            Json::Bytes(file) => (file.name.len() + file.bytes.len()) as u64,
            Json::Array(items) => {
                left.extend(items.iter());
                LIST + items.len() as u64 * VALUE
            }
            Json::Object(members) => {
                left.extend(members.values());
                OBJECT + members.keys().map(|name| name.len() as u64 + MEMBER).sum::<u64>()
            }
        };
    }
    bytes
}

impl Machine {
    /// Takes note of a slot that is about to be kept beside `others`, which are no part of the state yet.
    pub(super) fn note_kept(&mut self, slot: &Slot, others: &Outputs) {
        let bytes = self.weigh_slot(slot);
        self.note(bytes, bytes, others);
    }

    /// Takes note of the inputs that a workflow begins with, and of its steps.
    pub(super) fn note_inputs(&mut self) {
        let frame = self.frame();
        let inputs: u64 = frame.inputs.iter().map(|(_, slot)| self.weigh_slot(slot)).sum();
        let steps = frame.steps.len() as u64 * SLOT;
        self.note(inputs.saturating_add(steps), 0, &vec![]);
    }

    /// Adds bytes to what is known; `unkept` of them are in no place yet, and `others` in none of the state.
    fn note(&mut self, bytes: u64, unkept: u64, others: &Outputs) {
        let most = self.state.settings.limits.kept_bytes;
        self.kept.bound = self.kept.bound.saturating_add(bytes);
        if self.kept.bound <= most {
            return;
        }
        self.kept.bound = self.weigh(others).saturating_add(unkept);
        self.kept.exceeded |= self.kept.bound > most;
    }

    /// Takes note of what was learned as secret since `known` values were.
    pub(super) fn note_secrets(&mut self, known: usize) {
        let learned: u64 = self.redactor.values().skip(known).map(|(_, value)| value.len() as u64 * FORMS).sum();
        if learned > 0 {
            self.note(learned, 0, &vec![]);
        }
    }

    /// Looks at everything that is kept, where it is not known.
    pub(super) fn weigh_anew(&mut self) {
        self.kept.bound = self.weigh(&vec![]);
    }

    fn weigh_slot(&self, slot: &Slot) -> u64 {
        slot.value(&self.secrets).map_or(0, weigh_value).saturating_add(SLOT)
    }

    /// The bytes of all that is kept.
    fn weigh(&self, others: &Outputs) -> u64 {
        let mut bytes = 0_u64;
        self.state.each_slot(&mut |slot| bytes = bytes.saturating_add(self.weigh_slot(slot)));
        let others = others.iter().filter_map(|(_, slot)| slot.as_ref());
        let others: u64 = others.map(|slot| self.weigh_slot(slot)).sum();
        let secrets: u64 = self.redactor.values().map(|(_, value)| value.len() as u64 * FORMS).sum();
        let steps: usize = self.state.frames.iter().map(|frame| frame.steps.len()).sum();
        bytes.saturating_add(others).saturating_add(secrets).saturating_add(steps as u64 * SLOT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_weighs_what_it_takes_and_everything_in_it() {
        let weight = |text: &str| weigh_json(&Json::parse(text).unwrap_or_default());
        assert_eq!(weight("\"abc\""), 3);
        assert_eq!(weight("[1, \"abc\", null]"), LIST + 3 * VALUE + 20 + 3);
        assert_eq!(weight("{\"ab\": [\"c\"]}"), OBJECT + MEMBER + 2 + LIST + VALUE + 1);
        let deep = (0..100_000).fold(Json::Null, |inner, _| vec![inner].into());
        assert_eq!(weigh_json(&deep), 100_000 * (LIST + VALUE));
        std::mem::forget(deep);
    }
}
