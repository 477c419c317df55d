//! How much of bodies is shown.

use clap::Args;

use super::values::size;

/// The bodies of events.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct EventBodiesFlag {
    /// Show at most this much of each body in events, with -vv and in reports: 500000, 64KiB, 10MiB; one that is not
    /// whole has cut: true
    #[arg(long, value_name = "SIZE", default_value = "16KiB", env = "ARAZZO_EVENT_BODIES", hide_env_values = true, value_parser = size)]
    pub(crate) event_bodies: u64,
}

impl EventBodiesFlag {
    pub(crate) fn on(&self, mut limits: arazzo::Limits) -> arazzo::Limits {
        limits.shown_bytes = usize::try_from(self.event_bodies).unwrap_or(usize::MAX);
        limits
    }
}
