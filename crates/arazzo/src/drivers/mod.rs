//! Drivers, between a machine and a world: real servers, answers that stand ready, a file of a run.

#[cfg(feature = "restate")]
pub(crate) mod durable;
pub(crate) mod live;
pub(crate) mod recorded_case;
pub(crate) mod recorder;
pub(crate) mod recording;
pub(crate) mod replay;
#[cfg(feature = "restate")]
pub(crate) mod restate;
pub(crate) mod stub;
