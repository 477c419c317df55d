//! Secrets apart from the state: values that slots refer to by number, and what is masked.
//!
//! A machine is pure, so nobody is asked while it steps: the store is a value beside the state, and whoever stores a run
//! takes both out together ([`Machine::stored`](super::Machine::stored)). Values are freed with the slots that held them.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::frame::{Kept, Slot};
use super::state::{SEMANTICS, State};
use crate::program::Program;
use crate::redact::{LearnedSecrets, Redactor};
use crate::value::Value;

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
    values: BTreeMap<SecretRef, Value>,
    next: u64,
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

    /// Frees what no slot of a state refers to, if there may be much of it.
    pub(super) fn sweep(&mut self, state: &State) {
        if self.values.len() < self.sweep_at.max(UNSWEPT) {
            return;
        }
        let owned = owned(state);
        self.values.retain(|number, _| owned.contains(number));
        self.sweep_at = self.values.len() * 2 + UNSWEPT;
    }
}

/// The numbers that the slots of a state refer to.
fn owned(state: &State) -> BTreeSet<SecretRef> {
    let mut found = BTreeSet::new();
    state.each_slot(&mut |slot| {
        if let Kept::Secret(number) = slot.kept {
            found.insert(number);
        }
    });
    found
}

/// What a stored state refers to, with the values of secrets in clear: it is to be kept apart, and encrypted.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Secrets {
    /// Values of slots.
    values: Vec<(SecretRef, Value)>,
    next: u64,
    /// What is masked, in the order in which it was learned.
    learned: LearnedSecrets,
    /// Texts that stand in a stored state as references.
    texts: Vec<Json>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({})", self.values.len() + self.texts.len())
    }
}

/// A state that holds no secret, whatever it was read from: [`Secrets`] has what is not in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredState {
    /// [`SEMANTICS`] of the machine.
    semantics: u32,
    /// [`Program::fingerprint`]
    program: u64,
    state: Json,
}

/// Why a stored state cannot go on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RestoreError {
    /// It was stored by a machine that means something else.
    Semantics(u32),
    /// The secrets are not those that were stored with it.
    Secrets,
    /// It is not a state of this program.
    Program,
}

impl std::fmt::Display for RestoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Semantics(found) => {
                write!(f, "the run was stored with semantics {found}, this version has {SEMANTICS}")
            }
            Self::Secrets => f.write_str("the secrets are not those that were stored with the run"),
            Self::Program => f.write_str("the run belongs to another program: its documents have changed"),
        }
    }
}

impl std::error::Error for RestoreError {}

/// The name of the only member of an object that stands for a text of [`Secrets`]. No name of a document is like it.
const REFERENCE: &str = "\u{1}secret";

impl SecretStore {
    /// Takes a state out.
    ///
    /// # Errors
    /// Why it cannot be written, which no state of a machine gives.
    pub(super) fn take_out(
        &self,
        program: &Program,
        state: &State,
        redactor: &Redactor,
    ) -> Result<(StoredState, Secrets), serde_json::Error> {
        let owned = owned(state);
        let kept = self.values.iter().filter(|(number, _)| owned.contains(number));
        let mut secrets = Secrets {
            values: kept.map(|(number, value)| (*number, value.clone())).collect(),
            next: self.next,
            learned: redactor.learned(),
            texts: vec![],
        };
        let mut state = serde_json::to_value(state)?;
        seal(&mut state, redactor, &mut secrets.texts);
        Ok((StoredState { semantics: SEMANTICS, program: program.fingerprint(), state }, secrets))
    }

    /// Puts a state and its secrets together again.
    ///
    /// # Errors
    /// [`RestoreError`] if they do not fit one another, the program or this version.
    pub(super) fn put_back(
        program: &Program,
        stored: StoredState,
        secrets: Secrets,
    ) -> Result<(State, Self, Redactor), RestoreError> {
        let StoredState { semantics, program: of, state: mut json } = stored;
        if semantics != SEMANTICS {
            return Err(RestoreError::Semantics(semantics));
        }
        if of != program.fingerprint() {
            return Err(RestoreError::Program);
        }
        unseal(&mut json, &secrets.texts).ok_or(RestoreError::Secrets)?;
        let state: State = serde_json::from_value(json).map_err(|_| RestoreError::Secrets)?;
        let store = Self { values: secrets.values.into_iter().collect(), next: secrets.next, sweep_at: 0 };
        if !state.fits(program) {
            return Err(RestoreError::Program);
        }
        if !owned(&state).iter().all(|number| store.values.contains_key(number)) {
            return Err(RestoreError::Secrets);
        }
        Ok((state, store, Redactor::of(secrets.learned)))
    }
}

/// `true` if a text holds a secret in any form, also as bytes that are written in base64.
fn holds_secret(text: &str, redactor: &Redactor) -> bool {
    let known = |bytes: &[u8]| redactor.is_in(bytes);
    known(text.as_bytes()) || STANDARD.decode(text).is_ok_and(|bytes| known(&bytes))
}

/// Puts references where secrets stand: strings, numbers, and objects that have one in a name.
fn seal(json: &mut Json, redactor: &Redactor, texts: &mut Vec<Json>) {
    let secret = match json {
        Json::Null | Json::Bool(_) => false,
        Json::Number(number) => redactor.is_in(number.to_string().as_bytes()),
        Json::String(text) => holds_secret(text, redactor),
        Json::Array(items) => {
            items.iter_mut().for_each(|item| seal(item, redactor, texts));
            false
        }
        Json::Object(members) => {
            let named = members.keys().any(|name| name == REFERENCE || holds_secret(name, redactor));
            if !named {
                members.values_mut().for_each(|value| seal(value, redactor, texts));
            }
            named
        }
    };
    if secret {
        let reference = Json::from(texts.len());
        let sealed = Json::Object(Map::from_iter([(REFERENCE.to_owned(), reference)]));
        texts.push(std::mem::replace(json, sealed));
    }
}

/// The inverse of [`seal`]; `None` if a reference leads nowhere.
fn unseal(json: &mut Json, texts: &[Json]) -> Option<()> {
    match json {
        Json::Array(items) => items.iter_mut().try_for_each(|item| unseal(item, texts)),
        Json::Object(members) => {
            let reference = members.get(REFERENCE).map(|number| number.as_u64().and_then(|n| texts.get(n as usize)));
            match reference {
                Some(text) => {
                    *json = text?.clone();
                    Some(())
                }
                None => members.values_mut().try_for_each(|value| unseal(value, texts)),
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => Some(()),
    }
}

impl State {
    /// Calls `visit` with every slot.
    fn each_slot(&self, visit: &mut impl FnMut(&Slot)) {
        for frame in &self.frames {
            frame.inputs.iter().chain(&frame.extra).for_each(|(_, slot)| visit(slot));
            let outputs = frame.steps.iter().filter_map(|step| step.outputs.as_ref());
            let outputs = outputs.chain(frame.inherited.as_ref()).chain(std::iter::once(&frame.returned));
            outputs.flatten().filter_map(|(_, slot)| slot.as_ref()).for_each(&mut *visit);
            frame.answer.iter().for_each(&mut *visit);
            frame.detours.iter().for_each(|detour| visit(&detour.exchange));
        }
        for completed in &self.completed {
            completed.inputs.iter().for_each(|(_, slot)| visit(slot));
            completed.outputs.iter().filter_map(|(_, slot)| slot.as_ref()).for_each(&mut *visit);
        }
        self.pending_calls.iter().filter_map(|pending| pending.request.as_ref()).for_each(&mut *visit);
        self.credentials.values().for_each(&mut *visit);
        self.tokens.iter().flat_map(|token| token.slots()).for_each(&mut *visit);
        self.cookies.iter().for_each(|cookie| visit(cookie.value()));
    }
}
