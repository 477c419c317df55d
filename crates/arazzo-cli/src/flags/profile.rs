//! The settings of a project.

use clap::Args;
use clap::builder::BoolishValueParser;

/// Settings of `arazzo.toml`.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Documents")]
pub(crate) struct ProfileFlags {
    /// Settings of [profile.NAME] in arazzo.toml too. Its servers may be called; secrets go there with --secret-host
    #[arg(long, value_name = "NAME", env = "ARAZZO_PROFILE", hide_env_values = true)]
    pub(crate) profile: Option<String>,
    /// Do not look for arazzo.toml
    #[arg(long, env = "ARAZZO_NO_CONFIG", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub(crate) no_config: bool,
}
