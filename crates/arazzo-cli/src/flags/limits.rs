//! Limits that stop a run.

use std::time::Duration;

use clap::Args;

use super::values::{duration, loop_delay, size};

/// Limits of a run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitFlags {
    #[command(flatten)]
    pub(crate) timeout: TimeoutFlag,
    /// Stop if a server asks to wait longer than this before the next request (Retry-After)
    #[arg(long, value_name = "DURATION", default_value = "5m", env = "ARAZZO_MAX_WAIT", hide_env_values = true, value_parser = duration)]
    pub(crate) max_wait: Duration,
    /// How long a step without a `timeout` waits for a message
    #[arg(long, value_name = "DURATION", default_value = "60s", env = "ARAZZO_RECEIVE_TIMEOUT", hide_env_values = true, value_parser = duration)]
    pub(crate) receive_timeout: Duration,
    /// Stop after this many attempts of steps
    #[arg(long, value_name = "N", default_value_t = arazzo::Limits::DEFAULT.steps, env = "ARAZZO_MAX_STEPS", hide_env_values = true)]
    pub(crate) max_steps: u32,
    /// Stop after this many requests, those for tokens, challenges and redirects among them [default: 10000, or twice
    /// --max-steps if that is more]
    #[arg(long, value_name = "N", env = "ARAZZO_MAX_REQUESTS", hide_env_values = true)]
    pub(crate) max_requests: Option<u32>,
    /// Stop if this many workflows are in progress, each called by the one before
    #[arg(long, value_name = "N", default_value_t = arazzo::Limits::DEFAULT.depth, env = "ARAZZO_MAX_DEPTH", hide_env_values = true)]
    pub(crate) max_depth: u32,
    /// Stop if the body of an answer has more bytes, decoded: 500000, 64KiB, 10MiB, 1GiB
    #[arg(long, value_name = "SIZE", default_value = "10MiB", env = "ARAZZO_MAX_BODY", hide_env_values = true, value_parser = size)]
    pub(crate) max_body: u64,
    /// Stop if a text or a body that is built from values has more bytes
    #[arg(long, value_name = "SIZE", default_value = "64MiB", env = "ARAZZO_MAX_VALUE", hide_env_values = true, value_parser = size)]
    pub(crate) max_value: u64,
    /// Stop if what is kept between steps has more bytes: outputs, inputs, kept answers, cookies, forms of secrets
    #[arg(long, value_name = "SIZE", default_value = "64MiB", env = "ARAZZO_MAX_KEPT", hide_env_values = true, value_parser = size)]
    pub(crate) max_kept: u64,
    /// The pause before a step sends again what it sent on its last visit: auto (500ms growing to 5s, none on
    /// loopback), or a duration
    #[arg(long, value_name = "DURATION", default_value = "auto", env = "ARAZZO_LOOP_DELAY", hide_env_values = true, value_parser = loop_delay)]
    pub(crate) loop_delay: arazzo::LoopDelay,
}

impl LimitFlags {
    /// As the library takes them, with the time that one request has.
    pub(crate) fn limits(&self, request: Duration) -> arazzo::Limits {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        arazzo::Limits {
            steps: self.max_steps,
            requests: self.max_requests,
            depth: self.max_depth,
            body_bytes: self.max_body,
            value_bytes: self.max_value,
            kept_bytes: self.max_kept,
            run_ms: ms(self.timeout.timeout),
            wait_ms: ms(self.max_wait),
            receive_ms: ms(self.receive_timeout),
            request_ms: ms(request),
            ..arazzo::Limits::default()
        }
    }
}

/// The time of a run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct TimeoutFlag {
    /// Stop after this time: 500ms, 10s, 5m, 1h; a bare number is seconds
    #[arg(long, value_name = "DURATION", default_value = "1h", env = "ARAZZO_TIMEOUT", hide_env_values = true, value_parser = duration)]
    pub(crate) timeout: Duration,
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use crate::flags::{Arguments, Command};

    #[test]
    #[expect(clippy::panic, reason = "this command is no other")]
    fn defaults_of_flags_are_those_of_the_library() {
        let Ok(Arguments { command: Command::Run(flags), .. }) = Arguments::try_parse_from(["arazzo", "run", "x"])
        else {
            panic!("`arazzo run x` is a command line");
        };
        let defaults = arazzo::Limits::default();
        assert_eq!(flags.limits.limits(flags.network.max_time), defaults);
        assert_eq!(flags.limits.loop_delay, arazzo::LoopDelay::default());
        assert_eq!(flags.network.network().connect_timeout, arazzo::Network::default().connect_timeout);
        // Defaults that the help says in words.
        let mut command = Arguments::command();
        let help = command.find_subcommand_mut("run").map(|run| run.render_long_help().to_string()).unwrap_or_default();
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(help.contains(&format!("[default: {}, or twice --max-steps", defaults.most_requests())), "{help}");
        let (first, longest) = arazzo::LoopDelay::AUTO;
        assert!(help.contains(&format!("auto ({first}ms growing to {}s,", longest / 1_000)), "{help}");
    }
}
