//! Commands that run something: `run`, `call`, `replay`.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};

use super::values::server_url;
use super::{
    CheckFlag, CredentialFlags, DocumentFlags, EnvFileFlag, EventsFlag, FaultFlags, InputFlags, JournalFlags,
    LimitFlags, ListenFlag, MORE, NetworkFlags, OfflineFlag, OutputFileFlag, OutputFlags, PartialFlags,
    PermissionFlags, PlainArguments, ProfileFlags, PromptFlag, ReceiveFlag, ServerFlags, SeveralFlags, VerbosityFlags,
    everyday,
};
use crate::exit;

/// Run a workflow of an Arazzo document
///
/// Prints the outputs as JSON on stdout, everything else on stderr.
#[derive(Debug, Args)]
#[command(after_long_help = exit::TABLE)]
#[command(
    before_long_help = "Examples:\n  arazzo run specs/daytona-provision.yml -s apiToken -i volumeName=data -i snapshot=base -i mountPath=/data\n  arazzo run flow.yaml --data rows.csv --jobs 4\n  arazzo run --all flows --server http://localhost:3000\n  arazzo run flow.yaml --inputs inputs.yaml --server http://localhost:3000\n  arazzo run flow.yaml --json | jq .type"
)]
#[command(after_help = MORE, mut_args(everyday))]
pub(crate) struct RunFlags {
    // Those of no group first: a heading is that of all that follows.
    #[command(flatten)]
    pub(crate) plain: PlainArguments,
    #[command(flatten)]
    pub(crate) partial: PartialFlags,
    #[command(flatten)]
    pub(crate) check: CheckFlag,
    /// The workflow, as a flag
    #[arg(short, long, value_name = "WORKFLOW")]
    pub(crate) workflow: Option<String>,
    /// Show what would be called, and call nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Exit with 1 if an output has no value
    #[arg(long, env = "ARAZZO_REQUIRE_OUTPUTS", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub(crate) require_outputs: bool,
    /// Take messages too that were stored before the run listened: retained, or waiting in a queue
    #[arg(long, env = "ARAZZO_RECEIVE_STORED", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub(crate) receive_stored: bool,
    #[command(flatten)]
    pub(crate) listen: ListenFlag,
    #[command(flatten)]
    pub(crate) receive: ReceiveFlag,
    #[command(flatten)]
    pub(crate) document: DocumentFlags,
    #[command(flatten)]
    pub(crate) profile: ProfileFlags,
    #[command(flatten)]
    pub(crate) several: SeveralFlags,
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
    /// Answer from the descriptions instead of calling: all sources, or those that are named. If all are, inputs that
    /// are needed and not given are generated, and nothing waits
    #[arg(help_heading = "Mock", long, value_name = "SOURCE,…", num_args = 0..=1, require_equals = true, value_delimiter = ',')]
    pub(crate) mock: Option<Vec<String>>,
    #[command(flatten)]
    pub(crate) faults: FaultFlags,
    #[command(flatten)]
    pub(crate) network: NetworkFlags,
    #[command(flatten)]
    pub(crate) journal: JournalFlags,
    #[command(flatten)]
    pub(crate) output: OutputFlags,
}

impl RunFlags {
    /// The workflow that was named.
    pub(crate) fn workflow(&self) -> Option<&str> {
        self.workflow.as_deref().or(self.plain.workflow_argument.as_deref())
    }
}

/// Call one operation of an OpenAPI document
///
/// Prints the body of the answer on stdout, everything else on stderr. The exit codes are those of `arazzo run`.
#[derive(Debug, Args)]
#[command(
    before_long_help = "Examples:\n  arazzo call openapi.yaml getPet petId=7\n  arazzo call openapi.yaml 'GET /pets' status=sold status=new --bearer TOKEN\n  arazzo call openapi.yaml addPet -d '{\"name\": \"Ada\"}' --server http://localhost:3000\n  arazzo call openapi.yaml uploadFile petId=7 -F note=picture -F file=@me.png"
)]
// One operation is called, of one document.
#[command(
    mut_arg("servers", |arg| {
        let arg = arg.action(ArgAction::Set).value_name("URL").value_parser(server_url);
        arg.help("Call this base url instead of the described server")
    }),
    mut_arg("server_variables", |arg| {
        arg.value_name("NAME=VALUE").help("A variable of the described server, in the place of its default")
    }),
    mut_arg("check", |arg| {
        arg.help("Check the answer against the description: contract, or contract=warn (as `arazzo run`)")
    }),
    mut_arg("json", |arg| arg.help("Print events as JSON, one a line, instead of the body")),
    mut_arg("output", |arg| arg.help("Write the body to a file instead of stdout")),
    mut_arg("verbose", |arg| arg.help("Show headers of the request and the answer; -vv bodies too")),
)]
#[command(after_help = MORE, mut_args(everyday))]
pub(crate) struct CallFlags {
    /// The OpenAPI document: a file, or an https url
    #[arg(value_name = "OPENAPI")]
    pub(crate) openapi: PathBuf,
    /// The operation: its operationId, or its method and path (GET /pets/{id})
    #[arg(value_name = "OPERATION")]
    pub(crate) operation: String,
    /// Parameters: NAME=TEXT, NAME:=JSON or NAME@FILE; given again, a list. Where a name is not enough, or not
    /// declared, query:NAME, header:NAME, path:NAME or cookie:NAME
    #[arg(value_name = "PARAMETER")]
    pub(crate) parameters: Vec<String>,
    /// A parameter, as a flag
    #[arg(short = 'p', long = "parameter", value_name = "PARAMETER")]
    pub(crate) named: Vec<String>,
    /// The body: a text, @FILE, or - (stdin)
    #[arg(short = 'd', long, value_name = "BODY", allow_hyphen_values = true, conflicts_with = "fields")]
    pub(crate) data: Option<String>,
    /// A field of the body (of a form, a multipart body or JSON): NAME=TEXT, NAME:=JSON, NAME=@FILE; given again, a list
    #[arg(short = 'F', long = "field", value_name = "FIELD")]
    pub(crate) fields: Vec<String>,
    /// The media type of the body, instead of the first that the operation describes (JSON first)
    #[arg(long, value_name = "TYPE")]
    pub(crate) content_type: Option<String>,
    #[command(flatten)]
    pub(crate) server: ServerFlags,
    #[command(flatten)]
    pub(crate) env_file: EnvFileFlag,
    #[command(flatten)]
    pub(crate) credentials: CredentialFlags,
    #[command(flatten)]
    pub(crate) permissions: PermissionFlags,
    #[command(flatten)]
    pub(crate) prompt: PromptFlag,
    #[command(flatten)]
    pub(crate) offline: OfflineFlag,
    #[command(flatten)]
    pub(crate) network: NetworkFlags,
    /// Answer from the description instead of calling
    #[arg(long)]
    pub(crate) mock: bool,
    /// Show the request, and send nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) check: CheckFlag,
    #[command(flatten)]
    pub(crate) events: EventsFlag,
    #[command(flatten)]
    pub(crate) file: OutputFileFlag,
    #[command(flatten)]
    pub(crate) verbosity: VerbosityFlags,
}

/// Run a recorded run again, without a server, and say what is different
///
/// Gives the document the answers that were recorded, in virtual time, and compares what it sends. Exit 0: the same
/// requests and the same outcome, 1: something is different.
#[derive(Debug, Args)]
#[command(
    before_long_help = "Examples:\n  arazzo run flow.yaml --record run.ndjson\n  arazzo replay run.ndjson\n  arazzo replay run.ndjson changed.yaml --json"
)]
#[command(mut_arg("quiet", |arg| arg.help("Show only what is different; -qq nothing")))]
pub(crate) struct ReplayFlags {
    /// What `arazzo run --record` wrote (- is stdin)
    #[arg(value_name = "FILE")]
    pub(crate) recording: PathBuf,
    /// The Arazzo document; the one that was recorded, if it is not given
    #[arg(value_name = "DOC")]
    pub(crate) document: Option<PathBuf>,
    /// Print the events as JSON, one a line, as `run --json` does; then what is different
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) verbosity: VerbosityFlags,
}
