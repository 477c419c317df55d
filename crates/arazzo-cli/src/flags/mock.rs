//! `arazzo mock`, and what mocks do wrong.

use std::path::{Path, PathBuf};
use std::time::Duration;

use arazzo::files;
use arazzo::mock::{Fault, Mocked};
use clap::Args;

use super::values::{duration, size};

/// Serve what documents describe: answers from examples and schemas, until Ctrl-C
///
/// Prints the base url of every document on stdout, and a line for every request on stderr.
#[derive(Debug, Args)]
#[command(
    before_long_help = "Examples:\n  arazzo mock specs/daytona-provision.yml --port 4010\n  arazzo mock openapi/daytona-volumes-api-openapi.yml --fault getVolume#2=503 --latency 200ms"
)]
pub(crate) struct MockFlags {
    /// OpenAPI and AsyncAPI documents, and Arazzo documents, of which every such source is served
    #[arg(value_name = "DOC-OR-OPENAPI", required = true)]
    pub(crate) documents: Vec<PathBuf>,
    /// The port of the first source; the next ones get the ports after it. Without it, any free ports
    #[arg(long, value_name = "N", env = "ARAZZO_PORT", hide_env_values = true)]
    pub(crate) port: Option<u16>,
    #[command(flatten)]
    pub(crate) faults: FaultFlags,
    /// Close a connection whose request stands still for this time
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub(crate) idle_timeout: Duration,
    /// Read no more bytes of requests at once, in all connections together
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = size)]
    pub(crate) max_bytes: u64,
    /// Do not show requests
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Print the base urls and then each request as JSON, one a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// Faults and latency of a mock.
#[derive(Debug, Args)]
#[command(next_help_heading = "Mock")]
pub(crate) struct FaultFlags {
    /// A fault of the mock: OPERATION[#N]=STATUS, reset, malformed or delay:DURATION (getVolume#2=503), or a file of
    /// them
    #[arg(long = "fault", value_name = "FAULT")]
    pub(crate) faults: Vec<String>,
    /// How long every answer of the mock takes
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) latency: Option<Duration>,
}

impl FaultFlags {
    /// Faults and latency on a mock.
    pub(crate) fn on(&self, mut mocked: Mocked) -> Result<Mocked, arazzo::Error> {
        for argument in &self.faults {
            let faults = if argument.contains('=') {
                vec![Fault::parse(argument).map_err(|reason| wrong_fault(argument, &reason))?]
            } else {
                let text = files::named_text(Path::new(argument), files::LARGEST);
                let text = text.map_err(|reason| wrong_fault(argument, &no_file(argument, reason)))?;
                let json = arazzo::parse_values(argument, &text)?;
                Fault::of_file(&json).map_err(|reason| wrong_fault(argument, &reason))?
            };
            mocked = faults.into_iter().fold(mocked, Mocked::fault);
        }
        Ok(mocked.latency(self.latency.map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX))))
    }

    /// `true` if there is something that only a mock can do.
    pub(crate) fn any(&self) -> bool {
        !self.faults.is_empty() || self.latency.is_some()
    }
}

/// Why a file of faults cannot be read; `getBook:404` is none, but a fault.
fn no_file(argument: &str, reason: String) -> String {
    let fault = argument.rsplit_once(':').map(|(operation, what)| format!("{operation}={what}"));
    match fault.filter(|fault| Fault::parse(fault).is_ok() && !Path::new(argument).exists()) {
        Some(fault) => format!("a fault is written with `=`: --fault {fault}"),
        None => reason,
    }
}

fn wrong_fault(argument: &str, reason: &str) -> arazzo::Error {
    arazzo::Error::Setup(format!("--fault {argument}: {reason}"))
}
