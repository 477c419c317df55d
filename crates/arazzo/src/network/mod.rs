//! Bytes out, by policy: a request becomes an answer, on a connection to an address that may be called.

pub(crate) mod coding;
pub(crate) mod connect;
pub(crate) mod http;
pub(crate) mod options;
pub(crate) mod tls;
