//! Keys by which a server knows a request that comes again: made of the run and the call, so that a request that is made
//! again after the end of a process has the one that it had.

use sha2::{Digest as _, Sha256};

use super::Machine;
use super::frame::PendingCall;
use super::wire::{Request, is_idempotent};
use crate::limits::is_overridden;
use crate::program::Step;

impl Machine {
    /// The header for the keys of a step, if its requests have one.
    fn idempotency_header(&self, step: &Step) -> Option<&str> {
        let described = self.program.operation_of(step).and_then(|operation| operation.idempotency_key.as_deref());
        described.or(self.state.settings.idempotency.header.as_deref())
    }

    /// Adds a key to a request that may not be sent twice without one, unless it has one.
    pub(super) fn add_idempotency_key(&self, step: &Step, request: &mut Request, call: u64) {
        let (Some(header), Some(seed)) = (self.idempotency_header(step), &self.state.settings.idempotency.seed) else {
            return;
        };
        let has = request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(header));
        if !has && !may_repeat(request) {
            request.headers.push((header.to_owned(), key_of(seed, call)));
        }
    }

    /// `true` if a request in flight may be sent again to the same effect, by its method.
    pub(super) fn is_idempotent(&self, pending: &PendingCall) -> bool {
        self.request_of(pending).is_some_and(|request| may_repeat(&request))
    }

    /// `true` if a request in flight may be sent again to the same effect, by its method or its key.
    pub(super) fn is_repeatable(&self, pending: &PendingCall) -> bool {
        let Some(request) = self.request_of(pending) else { return false };
        let header = self.program.step(pending.step).and_then(|step| self.idempotency_header(step));
        let has = |header: &str| request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(header));
        may_repeat(&request) || header.is_some_and(has)
    }
}

/// `true` if a request has an idempotent method (RFC 9110 §9.2.2), and neither a header nor its query asks for another.
fn may_repeat(request: &Request) -> bool {
    is_idempotent(&request.method) && !is_overridden(&request.headers, &request.url)
}

/// A UUID of version 8 (RFC 9562 §5.8): of a text that no other run has, and of the call.
fn key_of(seed: &str, call: u64) -> String {
    let hash =
        Sha256::new().chain_update("arazzo idempotency key\0").chain_update(seed).chain_update(call.to_be_bytes());
    let mut number: u128 = hash.finalize().iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte));
    number = number & !(0xf << 76) | 8 << 76;
    number = number & !(0b11 << 62) | 0b10 << 62;
    let digits = format!("{number:032x}");
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| digits.get(part).unwrap_or_default());
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_uuid_of_its_run_and_its_call() {
        let key = key_of("01K7", 3);
        assert_eq!((key.len(), key.chars().nth(14)), (36, Some('8')), "{key}");
        assert!(matches!(key.chars().nth(19), Some('8' | '9' | 'a' | 'b')), "{key}");
        assert_eq!(key, key_of("01K7", 3));
        assert!(key != key_of("01K7", 4) && key != key_of("01K8", 3));
    }
}
