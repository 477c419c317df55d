//! Checks of answers against what is documented.

use clap::Args;

use super::values::check;

/// The contract of operations.
#[derive(Debug, Args)]
pub(crate) struct CheckFlag {
    /// Check more: contract (status, content type, headers and bodies of answers as their operation documents them;
    /// a departure fails the step), or contract=warn (it is said)
    #[arg(long, value_name = "WHAT", value_parser = check)]
    pub(crate) check: Option<arazzo::ContractCheck>,
}
