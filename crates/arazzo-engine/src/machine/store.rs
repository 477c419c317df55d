//! Secrets apart from the state: values that slots refer to by number, and what is masked.
//!
//! A machine is pure, so nobody is asked while it steps: the store is a value beside the state, and whoever stores a run
//! takes both out together ([`Machine::stored`](super::Machine::stored)). Values are freed with the slots that held them.

use std::collections::{BTreeMap, BTreeSet};

use crate::value::Json;
use serde::{Deserialize, Serialize};

use crate::value::{Value, json_text};

/// The number of a value in a [`SecretStore`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct SecretRef(u64);

/// How many of the last values are looked through for one that is kept again.
const RECENT: usize = 64;

/// How many values may be without an owner before they are looked for, beyond as many as have one.
const UNSWEPT: usize = 64;

/// Values of secret slots, and texts of servers that may hold secrets.
#[derive(Debug, Default)]
pub(super) struct SecretStore {
    pub(super) values: BTreeMap<SecretRef, Value>,
    pub(super) next: u64,
    /// From how many values on those without an owner are looked for.
    sweep_at: usize,
}

impl SecretStore {
    /// Keeps a value; one of the last that is the same is not kept twice: a loop fills the same slots again.
    pub(super) fn put(&mut self, value: Value) -> SecretRef {
        if let Some((known, _)) = self.values.iter().rev().take(RECENT).find(|(_, known)| **known == value) {
            return *known;
        }
        self.add(value)
    }

    /// Keeps a text that nothing else is like.
    pub(super) fn put_text(&mut self, text: String) -> SecretRef {
        self.add(Value::Text(text))
    }

    fn add(&mut self, value: Value) -> SecretRef {
        let number = SecretRef(self.next);
        self.next += 1;
        self.values.insert(number, value);
        number
    }

    pub(super) fn get(&self, number: SecretRef) -> Option<&Value> {
        self.values.get(&number)
    }

    /// The texts of all values, which hold secrets.
    pub(super) fn texts(&self) -> impl Iterator<Item = String> {
        self.values.values().map(|value| json_text(&value.clone().into_json()))
    }

    /// Frees the values that have no owner, if there may be many.
    pub(super) fn sweep(&mut self, owned: impl FnOnce() -> BTreeSet<SecretRef>) {
        if self.values.len() < self.sweep_at.max(UNSWEPT) {
            return;
        }
        let owned = owned();
        self.values.retain(|number, _| owned.contains(number));
        self.sweep_at = self.values.len() * 2 + UNSWEPT;
    }
}

/// A value that is kept, and whether a server had a part in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Slot {
    pub(super) kept: Kept,
    /// `true` if it was read from an answer, however it was passed on since: it never becomes syntax of a query.
    pub(super) foreign: bool,
}

/// A value, or the number of a secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Kept {
    Plain(Value),
    Secret(SecretRef),
}

impl Slot {
    /// A value of the document or of whoever runs it.
    pub(super) fn plain(value: Value) -> Self {
        Self { kept: Kept::Plain(value), foreign: false }
    }

    /// As [`Slot::plain`], of a secret with this number.
    pub(super) fn secret(number: SecretRef) -> Self {
        Self { kept: Kept::Secret(number), foreign: false }
    }

    /// The same value, from an answer if `foreign`.
    pub(super) fn with_origin(self, foreign: bool) -> Self {
        Self { foreign, ..self }
    }

    pub(super) fn value<'a>(&'a self, secrets: &'a SecretStore) -> Option<&'a Value> {
        match &self.kept {
            Kept::Plain(value) => Some(value),
            Kept::Secret(number) => secrets.get(*number),
        }
    }

    pub(super) fn json(&self, secrets: &SecretStore) -> Json {
        self.value(secrets).cloned().map_or(Json::Null, Value::into_json)
    }
}
