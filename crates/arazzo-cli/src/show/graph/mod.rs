//! The flow of a workflow as text. The picture is the library's, which its HTML report holds.

pub(crate) mod ascii;
pub(crate) mod dot;
pub(crate) mod mermaid;
