//! Servers that are called in the place of those that are described.

use clap::Args;

use super::values::{server, variable};

/// Base urls, and variables of described ones.
#[derive(Debug, Args)]
pub(crate) struct ServerFlags {
    /// Call this base url instead of the described servers; of one source description, or of all
    #[arg(short = 'S', long = "server", value_name = "[SOURCE=]URL", env = "ARAZZO_SERVER", hide_env_values = true, value_parser = server)]
    pub(crate) servers: Vec<(Option<String>, String)>,
    /// A variable of described servers, in the place of its default; of one source description, or of all
    #[arg(long = "server-var", value_name = "[SOURCE.]NAME=VALUE", value_parser = variable)]
    pub(crate) server_variables: Vec<(String, String)>,
}

impl ServerFlags {
    pub(crate) fn on(&self, builder: arazzo::Builder) -> arazzo::Builder {
        let servers = self.servers.iter();
        let builder = servers.fold(builder, |builder, (source, url)| builder.server(source.as_deref(), url));
        let variables = self.server_variables.iter();
        variables.fold(builder, |builder, (name, value)| builder.server_variable(name, value))
    }
}
