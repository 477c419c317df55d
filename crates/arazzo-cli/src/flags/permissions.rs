//! State that lasts from one request to the next, and permissions of a document.

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};

use super::values::{connection_header, host_and_port, secret_host};

/// Redirects, cookies and permissions.
#[derive(Debug, Args)]
#[command(next_help_heading = "What is allowed")]
pub(crate) struct PermissionFlags {
    /// Redirects: auto (followed, to hosts that the sources name, where the document does not judge them), never
    #[arg(long, value_enum, default_value_t = FollowRedirects::Auto, env = "ARAZZO_REDIRECTS", hide_env_values = true)]
    pub(crate) redirects: FollowRedirects,
    /// A host that may be called although no source names it, that is on a private network, or that a document on the
    /// network calls: HOST, or HOST:PORT
    #[arg(long = "allow-host", value_name = "HOST", value_parser = host_and_port)]
    pub(crate) allowed_hosts: Vec<String>,
    /// Let a document on the network call operations that may change something
    #[arg(long)]
    pub(crate) allow_unsafe: bool,
    /// Let a secret go to this host, and to no other that is not given: NAME=HOST, or NAME=HOST:PORT. NAME is an input,
    /// STEP.OUTPUT, a scheme, the name of --bearer, password for --user, or the name of a header
    #[arg(long = "secret-host", value_name = "NAME=HOST", value_parser = secret_host)]
    pub(crate) secret_hosts: Vec<(String, String)>,
    /// Let the document set a header of the connection: Host
    #[arg(long = "allow-header", value_name = "NAME", value_parser = connection_header)]
    pub(crate) allowed_headers: Vec<String>,
    /// Let public names lead to this machine and to private networks
    #[arg(long)]
    pub(crate) allow_private: bool,
    /// Keep the cookies of answers, and send them with the requests that follow
    #[arg(long, env = "ARAZZO_COOKIES", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub(crate) cookies: bool,
}

impl PermissionFlags {
    pub(crate) fn on(&self, builder: arazzo::Builder) -> arazzo::Builder {
        let redirects = match self.redirects {
            FollowRedirects::Auto => arazzo::Redirects::Auto,
            FollowRedirects::Never => arazzo::Redirects::Never,
        };
        let builder = builder.redirects(redirects).cookies(self.cookies).allow_private(self.allow_private);
        let builder = builder.trust(arazzo::Trust::Local).allow_unsafe(self.allow_unsafe);
        let builder = self.allowed_hosts.iter().fold(builder, arazzo::Builder::allow_host);
        let builder = self.allowed_headers.iter().fold(builder, arazzo::Builder::allow_header);
        self.secret_hosts.iter().fold(builder, |builder, (name, host)| builder.secret_host(name, host))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FollowRedirects {
    Auto,
    Never,
}
