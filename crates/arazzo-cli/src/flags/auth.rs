//! Credentials.

use clap::Args;

use super::values::{TypedHeader, header};

/// Credentials.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Secrets and auth")]
pub(crate) struct CredentialFlags {
    /// A credential for a security scheme of the API: SCHEME=VALUE (a key, a token, USER:PASSWORD), SCHEME (value from
    /// ARAZZO_SECRET_<SCHEME>), SCHEME@FILE, SCHEME=- (stdin); for tokens that are fetched, SCHEME.clientId=…,
    /// SCHEME.clientSecret=…, SCHEME.username=…, SCHEME.password=…, SCHEME.clientAuth=body (the secret of the client in the
    /// body, not as Basic), SCHEME.audience=…, SCHEME.resource=…, SCHEME.scope=…, SCHEME.field.NAME=… (other fields)
    #[arg(long, value_name = "SCHEME[=VALUE]")]
    pub(crate) auth: Vec<String>,
    /// A token for every scheme that takes one: NAME (value from ARAZZO_SECRET_<NAME>), NAME@FILE, NAME=- (stdin)
    #[arg(long, value_name = "NAME")]
    pub(crate) bearer: Option<String>,
    /// A user for every scheme that takes one
    #[arg(short, long, value_name = "USER:PASSWORD")]
    pub(crate) user: Option<String>,
    /// A header for every request to the servers of the sources
    ///
    /// In the place of the document's; masked if its name is that of a credential, or its value is given as a secret:
    /// NAME: env:VARIABLE, or @FILE (lines of NAME: VALUE). Given again with the same name, each is a line. Content-Type
    /// says how bodies are written.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = header)]
    pub(crate) headers: Vec<TypedHeader>,
}
