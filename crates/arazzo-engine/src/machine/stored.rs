//! A run taken out and put together again: a state that holds no secret, and the secrets apart from it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::state::{SEMANTICS, State};
use super::store::{SecretRef, SecretStore};
use crate::program::Program;
use crate::redact::{LearnedSecrets, Redactor};
use crate::value::Value;

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
        let owned = state.owned_secrets();
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
        let mut store = Self::default();
        (store.values, store.next) = (secrets.values.into_iter().collect(), secrets.next);
        if !state.fits(program) {
            return Err(RestoreError::Program);
        }
        if !state.owned_secrets().iter().all(|number| store.values.contains_key(number)) {
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
