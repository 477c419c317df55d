//! Bytes in, by policy: the documents that the loader asks for, from files and from the network.

pub(crate) mod fetch;
pub mod files;
pub(crate) mod location;
mod memory;
pub(crate) mod remote;
