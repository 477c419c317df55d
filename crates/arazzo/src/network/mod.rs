//! Bytes out, by policy: a request becomes an answer, on a connection to an address that may be called.
//!
//! The client is behind the feature `http`: whoever embeds the library with a transport of their own builds none of
//! hyper, TLS and the content codings.

#[cfg(feature = "http")]
pub(crate) mod coding;
#[cfg(feature = "http")]
pub(crate) mod connect;
#[cfg(feature = "http")]
mod heard;
#[cfg(feature = "http")]
pub(crate) mod http;
pub(crate) mod options;
#[cfg(feature = "http")]
pub(crate) mod pool;
pub(crate) mod shared;
#[cfg(feature = "http")]
pub(crate) mod tls;

use std::sync::Arc;

use crate::policy::hosts::Hosts;
use crate::transport::Transport;
use shared::SharedNetwork;

/// The text of a header: UTF-8, or Latin-1, in which all bytes are characters (RFC 9110, 5.5).
#[cfg(feature = "http")]
pub(crate) fn header_text(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| bytes.iter().copied().map(char::from).collect(), str::to_owned)
}

/// The bytes of a header: Latin-1 if all of its characters are in it (RFC 9110, 5.5), else UTF-8.
#[cfg(feature = "http")]
pub(crate) fn header_bytes(text: &str) -> Vec<u8> {
    let latin: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(c).ok()).collect();
    latin.unwrap_or_else(|| text.as_bytes().to_vec())
}

/// `true` if this build can send requests by itself.
pub(crate) const HAS_CLIENT: bool = cfg!(feature = "http");

/// Headers that the client of this build adds to requests that have no own of the name.
pub(crate) fn usual_headers() -> Vec<(String, String)> {
    #[cfg(feature = "http")]
    let headers = &http::USUAL_HEADERS[..];
    #[cfg(not(feature = "http"))]
    let headers: &[(&str, &str)] = &[];
    headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The client of this build, which asks `hosts` about each request and the address that it goes to.
///
/// # Errors
/// The part of `network` that cannot be used, or that this build has no client.
#[cfg(feature = "http")]
pub(crate) fn client(network: &SharedNetwork, hosts: Hosts) -> Result<Arc<dyn Transport>, String> {
    Ok(Arc::new(http::Http::new(network.pool()?, hosts)))
}

#[cfg(not(feature = "http"))]
pub(crate) fn client(_: &SharedNetwork, _: Hosts) -> Result<Arc<dyn Transport>, String> {
    Err("this build of the library sends no requests by itself: give it a transport, or turn on its feature `http`"
        .to_owned())
}

#[cfg(all(test, feature = "http"))]
mod tests {
    use super::{header_bytes, header_text};

    #[test]
    fn a_header_is_written_as_it_was_read() {
        for bytes in [&b"plain"[..], b"caf\xe9", b"\xa3 5", "日本".as_bytes(), "é日".as_bytes()] {
            assert_eq!(header_bytes(&header_text(bytes)), bytes);
        }
        // UTF-8 of characters that ISO-8859-1 has is read as what it is, and written in the latter.
        assert_eq!((header_text("é".as_bytes()).as_str(), header_bytes("é")), ("é", vec![0xe9]));
    }
}
