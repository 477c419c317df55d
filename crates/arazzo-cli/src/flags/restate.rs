//! Commands of the engine Restate: `worker`, `start`, and where the engine is.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};

use super::values::{age, header_name, server_url};
use super::{
    CredentialFlags, EnvFileFlag, InputFlags, LimitFlags, MORE, MaskFlag, NetworkFlags, OfflineFlag, PermissionFlags,
    PlainArguments, PromptFlag, ReadingFlags, ServerFlags, everyday,
};
use crate::exit;

/// A document, and the name that its services have instead of that of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedDocument {
    pub(crate) name: Option<String>,
    pub(crate) path: PathBuf,
}

fn named_document(text: &str) -> Result<NamedDocument, String> {
    Ok(match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !name.contains(['/', '\\', ':', '.']) && !path.is_empty() => {
            NamedDocument { name: Some(name.to_owned()), path: PathBuf::from(path) }
        }
        _ => NamedDocument { name: None, path: PathBuf::from(text) },
    })
}

/// The url of an address of the engine.
fn address(text: &str) -> Result<String, String> {
    match server_url(text) {
        Ok((None, url)) => Ok(url),
        _ => Err("write an http url, such as http://localhost:8080".to_owned()),
    }
}

/// The key of a run.
fn run_key(text: &str) -> Result<String, String> {
    let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if fits { Ok(text.to_owned()) } else { Err("a key has letters, digits, `.`, `_` and `-`".to_owned()) }
}

/// Run workflows for the engine Restate, which keeps their runs
///
/// Offers each workflow of the documents as a service, arazzo.FILE.WORKFLOW, until SIGTERM; runs go on with any worker that
/// has the same key (ARAZZO_STATE_KEY). It calls only hosts that are given, and secrets are given here. docs/scale.md.
#[derive(Debug, Args)]
#[command(
    before_long_help = "Examples:\n  arazzo worker login.arazzo.yaml --listen 127.0.0.1:9080 --restate-admin http://localhost:9070 -S https://api.example.com -s password\n  arazzo worker shop=flows/main.yaml --listen 0.0.0.0:9080 --identity-key publickeyv1_…"
)]
#[command(after_help = MORE, mut_args(everyday))]
pub(crate) struct WorkerFlags {
    /// Arazzo documents; NAME=DOC gives the services of one another name than that of its file
    #[arg(value_name = "DOC", required = true, value_parser = named_document)]
    pub(crate) documents: Vec<NamedDocument>,
    /// The address to listen at: 127.0.0.1:9080; port 0 is one that is free
    #[arg(long, value_name = "ADDRESS", env = "ARAZZO_LISTEN", hide_env_values = true)]
    pub(crate) listen: SocketAddr,
    /// Register with the engine whose admin API is here
    #[arg(long, value_name = "URL", env = "ARAZZO_RESTATE_ADMIN", hide_env_values = true, value_parser = address)]
    pub(crate) restate_admin: Option<String>,
    /// The url at which the engine reaches this worker, or those behind one load balancer, if it is not the address
    #[arg(long, value_name = "URL", env = "ARAZZO_ADVERTISE", hide_env_values = true, value_parser = address)]
    pub(crate) advertise: Option<String>,
    /// The public key of the engine, publickeyv1_…: requests that it has not signed are refused. Needed to listen at an
    /// address that other machines reach
    #[arg(long, value_name = "KEY", env = "ARAZZO_IDENTITY_KEY", hide_env_values = true)]
    pub(crate) identity_key: Option<String>,
    /// About a request that may not be sent twice, and of which it is not known whether it arrived: ask (the run waits for
    /// arazzo runs resume), retry (send it again), fail (there is no answer: onFailure runs)
    #[arg(
        long,
        value_enum,
        value_name = "DO",
        default_value = "ask",
        hide_possible_values = true,
        env = "ARAZZO_UNKNOWN",
        hide_env_values = true
    )]
    pub(crate) unknown: UnknownRequests,
    /// Let the engine keep runs that have ended for this time: 12h, 30d
    #[arg(long, value_name = "AGE", default_value = "7d", env = "ARAZZO_RETENTION", hide_env_values = true, value_parser = age)]
    pub(crate) retention: Duration,
    /// The header by which servers know a request that comes again, for operations that describe no Idempotency-Key (as
    /// arazzo run --journal)
    #[arg(long, value_name = "HEADER", value_parser = header_name)]
    pub(crate) idempotency_key: Option<String>,
    /// Print a JSON object once it listens
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) server: ServerFlags,
    #[command(flatten)]
    pub(crate) offline: OfflineFlag,
    #[command(flatten)]
    pub(crate) reading: ReadingFlags,
    #[command(flatten)]
    pub(crate) input: InputFlags,
    #[command(flatten)]
    pub(crate) env_file: EnvFileFlag,
    #[command(flatten)]
    pub(crate) credentials: CredentialFlags,
    #[command(flatten)]
    pub(crate) permissions: PermissionFlags,
    #[command(flatten)]
    pub(crate) prompt: PromptFlag,
    #[command(flatten)]
    pub(crate) limits: LimitFlags,
    #[command(flatten)]
    pub(crate) network: NetworkFlags,
}

/// What a worker does about requests in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum UnknownRequests {
    Ask,
    Retry,
    Fail,
}

impl UnknownRequests {
    #[cfg(feature = "restate")]
    pub(crate) fn unknown(self) -> arazzo::restate::Unknown {
        match self {
            Self::Ask => arazzo::restate::Unknown::Ask,
            Self::Retry => arazzo::restate::Unknown::Retry,
            Self::Fail => arazzo::restate::Unknown::Fail,
        }
    }
}

/// Start a run of a workflow that a worker offers to the engine Restate
///
/// Prints the name of the run; with --wait its outputs, and exits as arazzo run does. Secrets are given to the worker, and
/// refused here.
#[derive(Debug, Args)]
#[command(after_long_help = exit::TABLE)]
#[command(
    before_long_help = "Examples:\n  arazzo start login.arazzo.yaml --restate http://localhost:8080 -i user=ada\n  arazzo start login.arazzo.yaml --restate http://localhost:8080 -i user=ada --wait"
)]
#[command(after_help = MORE, mut_args(everyday))]
pub(crate) struct StartFlags {
    /// The Arazzo document, as the worker was given it: its name is that of the service; NAME=DOC names another
    #[arg(value_name = "DOC", index = 1, value_parser = named_document)]
    pub(crate) document: NamedDocument,
    #[command(flatten)]
    pub(crate) plain: PlainArguments,
    /// The ingress of the engine
    #[arg(long, value_name = "URL", env = "ARAZZO_RESTATE", hide_env_values = true, value_parser = address)]
    pub(crate) restate: String,
    /// Wait for the end of the run, and print its outputs
    #[arg(long, env = "ARAZZO_WAIT", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub(crate) wait: bool,
    /// The key of the run, by which a second start is the same run; without it, it is a new one
    #[arg(long = "id", value_name = "KEY", value_parser = run_key)]
    pub(crate) id: Option<String>,
    /// Print a JSON object: with --wait that of arazzo run --json=result
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) mask: MaskFlag,
    #[command(flatten)]
    pub(crate) offline: OfflineFlag,
    #[command(flatten)]
    pub(crate) reading: ReadingFlags,
    #[command(flatten)]
    pub(crate) input: InputFlags,
    #[command(flatten)]
    pub(crate) env_file: EnvFileFlag,
    #[command(flatten)]
    pub(crate) prompt: PromptFlag,
    #[command(flatten)]
    pub(crate) network: NetworkFlags,
}

/// The engine whose runs are meant, in the place of a journal.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Restate")]
pub(crate) struct EngineAdminFlag {
    /// The runs of the engine Restate whose admin API is here, in the place of those of a journal
    #[arg(long, value_name = "URL", value_parser = address)]
    pub(crate) restate_admin: Option<String>,
}

/// The engine that has a run, in the place of a journal.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Restate")]
pub(crate) struct EngineFlag {
    /// Decide about a request in doubt of a run of the engine Restate whose ingress is here; RUN is its whole name
    #[arg(long, value_name = "URL", requires = "run", conflicts_with_all = ["all", "from"], value_parser = address)]
    pub(crate) restate: Option<String>,
}
