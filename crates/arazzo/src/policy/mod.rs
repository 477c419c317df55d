//! What may be read (`files`), which hosts may be called (`hosts`), and what a run may do (`permissions`). Decided here,
//! asked by `documents`, `network` and `drivers`; docs/safety.md has the table.

pub(crate) mod files;
pub(crate) mod hosts;
pub(crate) mod permissions;
