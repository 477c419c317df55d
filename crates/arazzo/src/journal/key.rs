//! The key of a journal: encrypts what may hold secrets, and tells texts apart that nothing else may tell apart.

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use sha2::{Digest as _, Sha256};

use crate::error::Error;
use crate::journal::private_file;

/// Bytes of a key.
const BYTES: usize = 32;
/// Bytes of what stands before every ciphertext, drawn anew each time.
const NONCE: usize = 24;
/// Bytes of the longest file that is read as a key.
const LONGEST: u64 = 4 << 10;

/// The key of a journal, 32 bytes. Its `Debug` shows its id, by which a journal says which key it needs.
#[derive(Clone)]
pub struct JournalKey {
    bytes: [u8; BYTES],
    id: String,
}

impl JournalKey {
    /// Reads a key: 64 hexadecimal digits, or 32 bytes in base64.
    ///
    /// # Errors
    /// [`Error::Setup`] if the text is neither; the message does not show it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let hex = || (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect();
        let bytes: Option<Vec<u8>> = if text.len() == 2 * BYTES { hex() } else { STANDARD.decode(text).ok() };
        let bytes: Option<[u8; BYTES]> = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self::of).ok_or_else(|| {
            Error::Setup(
                "the key of the journal is not one: 64 hexadecimal digits, or 32 bytes in base64, make a key"
                    .to_owned(),
            )
        })
    }

    /// The key in a file; a file that is not there is made, with a new key that only its owner may read.
    ///
    /// # Errors
    /// [`Error::Setup`] if it can be neither read nor made, holds no key, or others on this machine may read it.
    pub fn in_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let shown = path.display();
        let wrong = |error: &dyn fmt::Display| Error::Setup(format!("the key of the journal, `{shown}`: {error}"));
        if private_file::is_read_by_others(path) {
            return Err(wrong(&"others on this machine may read it: chmod 600"));
        }
        match crate::documents::files::named_text(path, LONGEST) {
            Ok(text) => return Self::parse(&text).map_err(|error| wrong(&error)),
            Err(_) if !path.exists() => {}
            Err(reason) => return Err(wrong(&reason)),
        }
        let mut bytes = [0; BYTES];
        getrandom::getrandom(&mut bytes).map_err(|error| wrong(&error))?;
        if let Some(folder) = path.parent() {
            private_file::make_folder(folder).map_err(|error| wrong(&error))?;
        }
        // Of two processes that make it at once, one does: the other reads what that wrote.
        let part = path.with_extension(format!("{}.part", std::process::id()));
        let write = || {
            let mut file = private_file::create(&part)?;
            file.write_all(format!("{}\n", hexadecimal(&bytes)).as_bytes())?;
            file.sync_all()?;
            private_file::name_too(&part, path)
        };
        let written = write();
        private_file::remove(&part);
        match written {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(wrong(&error)),
            _ => crate::documents::files::named_text(path, LONGEST)
                .map_err(|reason| wrong(&reason))
                .and_then(|text| Self::parse(&text)),
        }
    }

    /// A short name of the key, which does not tell it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    fn of(bytes: [u8; BYTES]) -> Self {
        let id = hexadecimal(&Sha256::new().chain_update("arazzo journal key\0").chain_update(bytes).finalize());
        Self { bytes, id: id.chars().take(8).collect() }
    }

    /// Encrypts what belongs to `place`: what is moved elsewhere cannot be read there.
    ///
    /// # Errors
    /// [`Error::Setup`] if the system has no chance to give.
    pub(crate) fn encrypt(&self, place: &str, text: &[u8]) -> Result<Vec<u8>, Error> {
        let mut sealed = vec![0; NONCE];
        getrandom::getrandom(&mut sealed).map_err(|error| Error::Setup(format!("no nonce could be drawn: {error}")))?;
        let nonce = XNonce::try_from(sealed.as_slice()).map_err(|error| Error::Setup(error.to_string()))?;
        let cipher = XChaCha20Poly1305::new(&self.bytes.into());
        let payload = Payload { msg: text, aad: place.as_bytes() };
        let hidden = cipher.encrypt(&nonce, payload).map_err(|error| Error::Setup(error.to_string()))?;
        sealed.extend(hidden);
        Ok(sealed)
    }

    /// The inverse of [`JournalKey::encrypt`]; nothing if it was encrypted with another key, for another place, or changed.
    pub(crate) fn decrypt(&self, place: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, hidden) = sealed.split_at_checked(NONCE)?;
        let cipher = XChaCha20Poly1305::new(&self.bytes.into());
        cipher.decrypt(&XNonce::try_from(nonce).ok()?, Payload { msg: hidden, aad: place.as_bytes() }).ok()
    }

    /// A hash that only this key makes.
    pub(crate) fn hash(&self, parts: &[&[u8]]) -> String {
        let begin = Sha256::new().chain_update("arazzo journal hash\0").chain_update(self.bytes);
        let whole = parts
            .iter()
            .fold(begin, |hash, part| hash.chain_update((part.len() as u64).to_be_bytes()).chain_update(part));
        hexadecimal(&whole.finalize())
    }
}

impl fmt::Debug for JournalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JournalKey({})", self.id)
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_is_encrypted_is_read_with_its_key_at_its_place_only() {
        let key = JournalKey::parse(&"0a".repeat(BYTES)).unwrap();
        let other = JournalKey::parse(&STANDARD.encode([7; BYTES])).unwrap();
        let sealed = key.encrypt("run/1", b"correct-horse").unwrap();
        assert_eq!(key.decrypt("run/1", &sealed).unwrap(), b"correct-horse");
        assert!(!sealed.windows(5).any(|part| part == b"horse"));
        assert_eq!(key.decrypt("run/2", &sealed), None);
        assert_eq!(other.decrypt("run/1", &sealed), None);
        let mut changed = sealed.clone();
        *changed.last_mut().unwrap() ^= 1;
        assert_eq!(key.decrypt("run/1", &changed), None);
        assert_eq!(key.decrypt("run/1", b"short"), None);
        // The same text is never the same twice.
        assert_ne!(key.encrypt("run/1", b"correct-horse").unwrap(), sealed);
        assert_ne!(key.id(), other.id());
        assert_ne!(key.hash(&[b"a"]), other.hash(&[b"a"]));
        assert_ne!(key.hash(&[b"ab", b"c"]), key.hash(&[b"a", b"bc"]));
    }

    #[test]
    fn a_text_that_is_no_key_is_refused_and_not_shown() {
        for text in ["", "hunter2", &"0g".repeat(BYTES), &"0a".repeat(BYTES + 1), &STANDARD.encode([7; 16])] {
            let error = JournalKey::parse(text).unwrap_err().to_string();
            assert!(text.is_empty() || !error.contains(text), "{error}");
        }
    }
}
