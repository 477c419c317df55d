//! Files that may be read (`files`), hosts that may be called (`hosts`), permissions of a run (`permissions`). Decided
//! here, asked by `documents`, `network` and `drivers`; docs/safety.md has the table.

pub(crate) mod files;
pub(crate) mod hosts;
pub(crate) mod permissions;
