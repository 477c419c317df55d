//! Servers that are called in the place of those that are described.

use clap::Args;

use super::values::{server, variable};
use crate::requested::ProjectServer;

/// Base urls, and variables of described ones.
#[derive(Debug, Args)]
#[command(next_help_heading = "Servers and network")]
pub(crate) struct ServerFlags {
    /// Call this base url instead of the described servers; of one source description, or of all
    #[arg(short = 'S', long = "server", value_name = "[SOURCE=]URL", env = "ARAZZO_SERVER", hide_env_values = true, value_parser = server)]
    pub(crate) servers: Vec<(Option<String>, String)>,
    /// A variable of described servers, in the place of its default; of one source description, or of all
    #[arg(long = "server-var", value_name = "[SOURCE.]NAME=VALUE", value_parser = variable)]
    pub(crate) server_variables: Vec<(String, String)>,
    /// Those of arazzo.toml, for sources that none of these is for.
    #[arg(skip)]
    pub(crate) project: Vec<ProjectServer>,
}

impl ServerFlags {
    /// `true` if there is a server.
    pub(crate) fn any(&self) -> bool {
        !self.servers.is_empty() || !self.project.is_empty()
    }

    /// `true` if there is a server for a source.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.servers.iter().any(|(source, _)| source.as_deref().is_none_or(|source| source == name))
            || self.project.iter().any(|server| server.source == name)
    }

    pub(crate) fn on(&self, builder: arazzo::Builder) -> arazzo::Builder {
        self.on_sources(None, builder)
    }

    /// As [`ServerFlags::on`], for a document with these sources: servers of others are for other documents.
    pub(crate) fn on_sources(&self, sources: Option<&[String]>, builder: arazzo::Builder) -> arazzo::Builder {
        let has = |source: &Option<String>| match (source, sources) {
            (Some(source), Some(sources)) => sources.contains(source),
            _ => true,
        };
        let servers = self.servers.iter().filter(|(source, _)| has(source));
        let builder = servers.fold(builder, |builder, (source, url)| builder.server(source.as_deref(), url));
        let is_given = |name: &str| self.servers.iter().any(|(source, _)| source.as_deref().is_none_or(|s| s == name));
        let project =
            self.project.iter().filter(|server| !is_given(&server.source) && has(&Some(server.source.clone())));
        let builder =
            project.fold(builder, |builder, server| builder.server_without_secrets(&server.source, &server.url));
        let variables = self.server_variables.iter();
        variables.fold(builder, |builder, (name, value)| builder.server_variable(name, value))
    }
}
