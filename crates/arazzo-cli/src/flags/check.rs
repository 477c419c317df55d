//! What is made of answers and messages: checked against what is documented, listened for, taken or passed over.

use std::net::SocketAddr;

use clap::Args;

use super::values::{check, decides, listen_address};

/// The contract of operations.
#[derive(Debug, Args)]
pub(crate) struct CheckFlag {
    /// Check more: contract (status, content type, headers and bodies of answers as their operation documents them;
    /// a departure fails the step), or contract=warn (it is said)
    #[arg(long, value_name = "WHAT", value_parser = check)]
    pub(crate) check: Option<arazzo::ContractCheck>,
}

/// Where webhooks come.
#[derive(Debug, Args)]
pub(crate) struct ListenFlag {
    /// Listen at this address of this machine for the webhooks that steps receive
    #[arg(
        long = "listen",
        value_name = "ADDRESS:PORT",
        env = "ARAZZO_LISTEN",
        hide_env_values = true,
        value_parser = listen_address
    )]
    pub(crate) webhooks: Option<SocketAddr>,
}

/// Which message decides about a step that receives.
#[derive(Debug, Args)]
pub(crate) struct ReceiveFlag {
    /// Which of the messages that match decides about a step: first, or until (those are ignored with which its criteria
    /// do not hold)
    #[arg(long, value_name = "WHICH", default_value = "first", env = "ARAZZO_RECEIVE", hide_env_values = true, value_parser = decides)]
    pub(crate) receive: arazzo::Decides,
}
