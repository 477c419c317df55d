//! Several runs in one call: how often, how many at once, which part of them.

use std::num::NonZeroUsize;

use clap::Args;
use clap::builder::BoolishValueParser;

use super::values::{from_one, shard};
use crate::requested::Shard;

/// How often each run is made, how many run at once, and what the first failure does.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct RepetitionFlags {
    /// How many run at once; as many as there are cores, if it is not given
    #[arg(short, long, value_name = "N", env = "ARAZZO_JOBS", hide_env_values = true, value_parser = from_one)]
    pub(crate) jobs: Option<NonZeroUsize>,
    /// Run each this many times; one that fails once has failed
    #[arg(long, value_name = "N", env = "ARAZZO_REPEAT", hide_env_values = true, value_parser = from_one)]
    pub(crate) repeat: Option<NonZeroUsize>,
    /// Begin nothing after a failure
    #[arg(long, env = "ARAZZO_FAIL_FAST", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub(crate) fail_fast: bool,
}

impl RepetitionFlags {
    /// How many run at once, of so many.
    pub(crate) fn jobs(&self, all: usize) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.jobs.map_or_else(cores, NonZeroUsize::get).min(all).max(1)
    }

    /// How often each is run.
    pub(crate) fn rounds(&self) -> usize {
        self.repeat.map_or(1, NonZeroUsize::get)
    }
}

/// A part of the cases, for machines that share them.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ShardFlag {
    /// Run the I-th of N parts, of about the same size: 1/2 on one machine, 2/2 on another
    #[arg(long, value_name = "I/N", env = "ARAZZO_SHARD", hide_env_values = true, value_parser = shard)]
    pub(crate) shard: Option<Shard>,
}
