//! Fingerprints: numbers that tell texts, requests and answers apart without keeping them.

/// FNV-1a, so that a stored state means the same everywhere.
pub(crate) fn fingerprint(parts: impl IntoIterator<Item = impl AsRef<[u8]>>) -> u64 {
    let byte = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    parts
        .into_iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, part| byte(part.as_ref().iter().fold(hash, |hash, b| byte(hash, *b)), 0))
}
