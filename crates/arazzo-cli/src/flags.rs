//! What was typed. What it means is decided by the commands.

use std::path::{Path, PathBuf};
use std::time::Duration;

use arazzo::engine::code::Category;
use arazzo::files;
use arazzo::mock::{Fault, Mocked};
use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::exit;
use crate::remedies;
use crate::report::Wanted;

/// Run Arazzo workflows: sequences of API calls described in YAML.
#[derive(Debug, Parser)]
#[command(name = "arazzo", version, propagate_version = true, arg_required_else_help = true)]
#[command(disable_help_subcommand = true)]
#[command(
    before_long_help = "Examples:\n  arazzo inspect specs/daytona-provision.yml\n  arazzo lint flow.yaml\n  arazzo run flow.yaml --input name=value\n  arazzo run flow.yaml --dry-run",
    after_help = "arazzo help COMMAND; other pages: arazzo help exit-codes, environment, inputs, output"
)]
pub(crate) struct Arguments {
    /// Colour: in terminals, always or never (NO_COLOR and CLICOLOR_FORCE are honoured)
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, env = "ARAZZO_COLOR", hide_env_values = true)]
    pub(crate) color: Color,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

/// How the progress of a run is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressForm {
    Auto,
    Tree,
    Line,
    None,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(Box<RunFlags>),
    Lint(LintFlags),
    Call(Box<CallFlags>),
    Explain(ExplainFlags),
    Inspect(InspectFlags),
    Mock(MockFlags),
    Graph(GraphFlags),
    Report(ReportFlags),
    Test(TestFlags),
    Replay(ReplayFlags),
    Completions(CompletionsFlags),
    Man(ManFlags),
    Help(HelpFlags),
}

/// What says which document to read, and how.
#[derive(Debug, Args)]
pub(crate) struct DocumentFlags {
    /// The Arazzo document: a file, or an https url. One on the network calls hosts, changes things and sends secrets as
    /// it is allowed to
    #[arg(value_name = "DOC")]
    pub(crate) document: PathBuf,
    /// Call this base url instead of the described servers; of one source description, or of all
    #[arg(short = 'S', long = "server", value_name = "[SOURCE=]URL", env = "ARAZZO_SERVER", hide_env_values = true, value_parser = server)]
    pub(crate) servers: Vec<(Option<String>, String)>,
    /// A variable of described servers, in the place of its default; of one source description, or of all
    #[arg(long = "server-var", value_name = "[SOURCE.]NAME=VALUE", value_parser = variable)]
    pub(crate) server_variables: Vec<(String, String)>,
    /// Read a source description from here instead of its url
    #[arg(long = "source", value_name = "NAME=FILE-OR-URL", value_parser = source)]
    pub(crate) sources: Vec<(String, PathBuf)>,
    #[command(flatten)]
    pub(crate) offline: OfflineFlag,
    #[command(flatten)]
    pub(crate) reading: ReadingFlags,
}

/// Whether documents are fetched.
#[derive(Debug, Args)]
pub(crate) struct OfflineFlag {
    /// Fetch no document from the network. Without it, sources that the document names literally are fetched over
    /// https, without credentials
    #[arg(long, env = "ARAZZO_OFFLINE", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub(crate) offline: bool,
}

impl OfflineFlag {
    /// Documents as people read them: with the proxy of the environment, from where the document says.
    pub(crate) fn on(&self, builder: arazzo::Builder) -> arazzo::Builder {
        let mut network = arazzo::Network::default();
        network.proxy = arazzo::Proxy::Environment;
        builder.trust(arazzo::Trust::Local).network(network).offline(self.offline)
    }
}

/// How a document is read.
#[derive(Debug, Args)]
pub(crate) struct ReadingFlags {
    /// How departures from the specification are read: lenient (as their author meant, with a warning), strict
    /// (refused), letter (the text exactly)
    #[arg(long, value_name = "MODE", default_value = "lenient", value_parser = readings)]
    pub(crate) readings: arazzo::Readings,
    /// Refuse departures from the specification: --readings strict
    #[arg(long, conflicts_with = "readings")]
    pub(crate) strict: bool,
}

impl ReadingFlags {
    pub(crate) fn on(&self, builder: arazzo::Builder) -> arazzo::Builder {
        builder.readings(if self.strict { arazzo::Readings::Strict } else { self.readings })
    }
}

/// Say what is wrong with documents, each finding with its place, and repair what can be repaired
///
/// Reports on stdout. Exit 0: no errors (warnings do not count), 3: errors, 8: no documents in the folders.
/// `# arazzo-ignore: CODE` behind a line, or above it, keeps what it names; so does `[[lint.ignore]]` in arazzo.toml.
#[derive(Debug, Args)]
#[command(
    visible_alias = "validate",
    before_long_help = "Examples:\n  arazzo lint specs/daytona-provision.yml\n  arazzo lint --strict flows/\n  arazzo lint --fix=all --diff flow.yaml\n  arazzo lint --format sarif . > lint.sarif\n  cat flow.yaml | arazzo lint - --no-sources"
)]
pub(crate) struct LintFlags {
    /// Arazzo documents (files or https urls), folders of them, or - for standard input
    #[arg(value_name = "DOC|DIR", required = true)]
    pub(crate) documents: Vec<PathBuf>,
    /// Only findings about these, hints too; structure alone reads nothing but the documents themselves
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    pub(crate) only: Vec<Only>,
    /// Hints too: names that nothing reads, ids and descriptions, credentials that do not say that they are
    #[arg(long)]
    pub(crate) hints: bool,
    /// Do not read what the documents describe: what cannot be known without it is not said
    #[arg(long)]
    pub(crate) no_sources: bool,
    /// Read a source description from here instead of its url
    #[arg(long = "source", value_name = "NAME=FILE", value_parser = source)]
    pub(crate) sources: Vec<(String, PathBuf)>,
    /// How findings are printed
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Repair the documents: exact (what means the same afterwards), all (also what is suggested; each says what
    /// differs). Standard input is printed repaired, its findings on stderr
    #[arg(long, value_enum, value_name = "WHICH", num_args = 0..=1, require_equals = true, default_missing_value = "exact")]
    fix: Option<Fixes>,
    /// Show what --fix would write, and write nothing
    #[arg(long)]
    pub(crate) diff: bool,
    /// Do not look for arazzo.toml
    #[arg(long)]
    pub(crate) no_config: bool,
    #[command(flatten)]
    pub(crate) offline: OfflineFlag,
    #[command(flatten)]
    pub(crate) reading: ReadingFlags,
}

impl LintFlags {
    pub(crate) fn format(&self) -> Format {
        if self.json { Format::Json } else { self.format.unwrap_or(Format::Text) }
    }

    /// Which fixes are wanted; `--diff` alone shows the exact ones.
    pub(crate) fn fixes(&self) -> Option<Fixes> {
        self.fix.or(self.diff.then_some(Fixes::Exact))
    }
}

/// A part of what lint looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Only {
    Structure,
    References,
    Expressions,
    Flow,
    Data,
    Secrets,
    Style,
}

impl Only {
    pub(crate) fn category(self) -> Category {
        match self {
            Self::Structure => Category::Structure,
            Self::References => Category::References,
            Self::Expressions => Category::Expressions,
            Self::Flow => Category::Flow,
            Self::Data => Category::Data,
            Self::Secrets => Category::Secrets,
            Self::Style => Category::Style,
        }
    }
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// With snippets, for people
    Text,
    /// One JSON object
    Json,
    /// SARIF 2.1.0
    Sarif,
    /// Annotations of GitHub Actions
    Github,
}

/// Which fixes are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fixes {
    Exact,
    All,
}

/// Say what a code means, of a finding or of a run that did not succeed, and what to do
#[derive(Debug, Args)]
#[command(
    before_long_help = "Examples:\n  arazzo explain unbraced-expression\n  arazzo explain criterion-not-met\n  arazzo explain --list"
)]
pub(crate) struct ExplainFlags {
    /// The code, as it stands in brackets: unbraced-expression
    #[arg(value_name = "CODE", required_unless_present = "list")]
    pub(crate) code: Option<String>,
    /// All codes, each with a line
    #[arg(long, conflicts_with = "code")]
    pub(crate) list: bool,
}

/// Run a workflow of an Arazzo document
///
/// Prints the outputs as JSON on stdout, everything else on stderr.
#[derive(Debug, Args)]
#[command(after_long_help = exit::TABLE)]
#[command(
    before_long_help = "Examples:\n  arazzo run specs/daytona-provision.yml -s apiToken -i volumeName=data -i snapshot=base -i mountPath=/data\n  arazzo run flow.yaml --inputs inputs.yaml --server http://localhost:3000\n  arazzo run flow.yaml --json | jq .type"
)]
pub(crate) struct RunFlags {
    #[command(flatten)]
    pub(crate) document: DocumentFlags,
    /// The workflow; not needed if the document has one
    #[arg(value_name = "WORKFLOW", conflicts_with = "workflow")]
    pub(crate) workflow_argument: Option<String>,
    /// The workflow, as a flag
    #[arg(short, long, value_name = "WORKFLOW")]
    pub(crate) workflow: Option<String>,
    /// An input: NAME=TEXT (converted to the type of its schema), NAME:=JSON, NAME@FILE, NAME:=@FILE, or '{…}' for
    /// several. Also from ARAZZO_INPUT_<NAME>
    #[arg(short, long = "input", value_name = "INPUT")]
    pub(crate) inputs: Vec<String>,
    /// A file with inputs, JSON or YAML (- is stdin); later files win, --input wins over files
    #[arg(long = "inputs", value_name = "FILE")]
    pub(crate) input_files: Vec<PathBuf>,
    /// A secret input: NAME (value from ARAZZO_SECRET_<NAME>, else asked for on a terminal), NAME@FILE, or NAME=-
    /// (stdin)
    #[arg(short, long = "secret", value_name = "NAME")]
    pub(crate) secrets: Vec<String>,
    #[command(flatten)]
    pub(crate) credentials: CredentialFlags,
    #[command(flatten)]
    pub(crate) session: SessionFlags,
    /// Ask for nothing, also on a terminal; nothing is ever asked for where CI is set
    #[arg(long, env = "ARAZZO_NO_INPUT", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub(crate) no_input: bool,
    /// Stop after this time: 500ms, 10s, 5m, 1h; a bare number is seconds
    #[arg(long, value_name = "DURATION", default_value = "1h", env = "ARAZZO_TIMEOUT", hide_env_values = true, value_parser = duration)]
    pub(crate) timeout: Duration,
    /// Stop if a server asks to wait longer than this before the next request (Retry-After)
    #[arg(long, value_name = "DURATION", default_value = "5m", env = "ARAZZO_MAX_WAIT", hide_env_values = true, value_parser = duration)]
    pub(crate) max_wait: Duration,
    /// Stop after this many attempts of steps
    #[arg(long, value_name = "N", default_value_t = 2000, env = "ARAZZO_MAX_STEPS", hide_env_values = true)]
    pub(crate) max_steps: u32,
    /// Stop after this many requests, those for tokens, challenges and redirects among them [default: 10000, or twice
    /// --max-steps if that is more]
    #[arg(long, value_name = "N", env = "ARAZZO_MAX_REQUESTS", hide_env_values = true)]
    pub(crate) max_requests: Option<u32>,
    /// Stop if this many workflows are in progress, each called by the one before
    #[arg(long, value_name = "N", default_value_t = 32, env = "ARAZZO_MAX_DEPTH", hide_env_values = true)]
    pub(crate) max_depth: u32,
    /// Stop if the body of an answer has more bytes, decoded: 500000, 64KiB, 10MiB, 1GiB
    #[arg(long, value_name = "SIZE", default_value = "10MiB", env = "ARAZZO_MAX_BODY", hide_env_values = true, value_parser = size)]
    pub(crate) max_body: u64,
    /// Stop if a text or a body that is built from values has more bytes
    #[arg(long, value_name = "SIZE", default_value = "64MiB", env = "ARAZZO_MAX_VALUE", hide_env_values = true, value_parser = size)]
    pub(crate) max_value: u64,
    /// The pause before a step sends again what it sent on its last visit: auto (500ms growing to 5s, none on
    /// loopback), or a duration
    #[arg(long, value_name = "DURATION", default_value = "auto", env = "ARAZZO_LOOP_DELAY", hide_env_values = true, value_parser = loop_delay)]
    pub(crate) loop_delay: arazzo::LoopDelay,
    /// Answer from the descriptions instead of calling: all sources, or those that are named. If all are, required
    /// inputs that are not given are made up
    #[arg(long, value_name = "SOURCE,…", num_args = 0..=1, require_equals = true, value_delimiter = ',')]
    pub(crate) mock: Option<Vec<String>>,
    #[command(flatten)]
    pub(crate) faults: FaultFlags,
    #[command(flatten)]
    pub(crate) network: NetworkFlags,
    /// Show what would be called, and call nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Check more: contract (status, content type, headers and bodies of answers as their operation documents them;
    /// a departure fails the step), or contract=warn (it is said)
    #[arg(long, value_name = "WHAT", value_parser = check)]
    pub(crate) check: Option<arazzo::ContractCheck>,
    /// Exit with 1 if an output has no value
    #[arg(long, env = "ARAZZO_REQUIRE_OUTPUTS", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub(crate) require_outputs: bool,
    /// Print events as JSON, one a line, instead of the outputs
    #[arg(long)]
    pub(crate) json: bool,
    /// Write a report: html, junit, har, md (a summary for a CI job) or json; to a file, or into a folder
    /// (arazzo-report/ without a path). Repeatable
    #[arg(long = "report", value_name = "FMT[=PATH]", conflicts_with = "dry_run")]
    pub(crate) reports: Vec<Wanted>,
    /// Write what was sent and what came to a file, without secrets: `arazzo replay FILE` runs it again without a server
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    pub(crate) record: Option<PathBuf>,
    /// Print outputs with secrets masked, as events show them; for logs that others read
    #[arg(long, env = "ARAZZO_MASK_OUTPUTS", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub(crate) mask_outputs: bool,
    /// Write the outputs to a file instead of stdout
    #[arg(short, long, value_name = "FILE", conflicts_with = "json")]
    pub(crate) output: Option<PathBuf>,
    /// How progress is shown: a tree that moves (what auto means in a terminal, but not in CI), one line a finished step
    /// (what auto means elsewhere), or none
    #[arg(long, value_name = "FORM", value_enum, default_value_t = ProgressForm::Auto, hide_possible_values = true, env = "ARAZZO_PROGRESS", hide_env_values = true)]
    pub(crate) progress: ProgressForm,
    /// Show headers of requests and answers; -vv bodies too
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Show failures only; -qq nothing
    #[arg(short, long, action = ArgAction::Count, conflicts_with = "verbose")]
    pub(crate) quiet: u8,
}

/// Call one operation of an OpenAPI document
///
/// Prints the body of the answer on stdout, everything else on stderr. The exit codes are those of `arazzo run`.
#[derive(Debug, Args)]
#[command(
    before_long_help = "Examples:\n  arazzo call openapi.yaml getPet petId=7\n  arazzo call openapi.yaml 'GET /pets' status=sold status=new --bearer TOKEN\n  arazzo call openapi.yaml addPet -d '{\"name\": \"Ada\"}' --server http://localhost:3000\n  arazzo call openapi.yaml uploadFile petId=7 -F note=picture -F file=@me.png"
)]
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
    /// Call this base url instead of the described server
    #[arg(short = 'S', long, value_name = "URL", env = "ARAZZO_SERVER", hide_env_values = true, value_parser = server_url)]
    pub(crate) server: Option<String>,
    /// A variable of the described server, in the place of its default
    #[arg(long = "server-var", value_name = "NAME=VALUE", value_parser = variable)]
    pub(crate) server_variables: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) credentials: CredentialFlags,
    #[command(flatten)]
    pub(crate) session: SessionFlags,
    /// Ask for nothing, also on a terminal; nothing is ever asked for where CI is set
    #[arg(long, env = "ARAZZO_NO_INPUT", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub(crate) no_input: bool,
    #[command(flatten)]
    pub(crate) offline: OfflineFlag,
    #[command(flatten)]
    pub(crate) network: NetworkFlags,
    /// Answer from the description instead of calling
    #[arg(long)]
    pub(crate) mock: bool,
    /// Check the answer against the description: contract, or contract=warn (as `arazzo run`)
    #[arg(long, value_name = "WHAT", value_parser = check)]
    pub(crate) check: Option<arazzo::ContractCheck>,
    /// Print events as JSON, one a line, instead of the body
    #[arg(long)]
    pub(crate) json: bool,
    /// Write the body to a file instead of stdout
    #[arg(short, long, value_name = "FILE", conflicts_with = "json")]
    pub(crate) output: Option<PathBuf>,
    /// Show headers of the request and the answer; -vv bodies too
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Show failures only; -qq nothing
    #[arg(short, long, action = ArgAction::Count, conflicts_with = "verbose")]
    pub(crate) quiet: u8,
}

/// How servers are reached.
#[derive(Debug, Args)]
#[command(next_help_heading = "Network")]
pub(crate) struct NetworkFlags {
    /// Go through this proxy: http://[USER:PASSWORD@]HOST:PORT, also https or socks5. Without it, as HTTPS_PROXY,
    /// HTTP_PROXY, ALL_PROXY and NO_PROXY say
    #[arg(short = 'x', long, value_name = "URL", env = "ARAZZO_PROXY", hide_env_values = true)]
    pub(crate) proxy: Option<String>,
    /// Hosts that are called without a proxy: names with their subdomains, addresses, networks; * is all
    #[arg(long, value_name = "HOST,…", env = "ARAZZO_NO_PROXY", hide_env_values = true)]
    pub(crate) no_proxy: Option<String>,
    /// The address of a host at a port, instead of what the system knows
    #[arg(long, value_name = "HOST:PORT:ADDRESS")]
    pub(crate) resolve: Vec<arazzo::Resolve>,
    /// Connect to HOST2:PORT2 where the url says HOST1:PORT1; certificates are still those of HOST1
    #[arg(long, value_name = "HOST1:PORT1:HOST2:PORT2")]
    pub(crate) connect_to: Vec<arazzo::ConnectTo>,
    /// Connect to this socket, whatever the url says
    #[arg(long, value_name = "PATH", conflicts_with_all = ["proxy", "resolve", "connect_to"])]
    pub(crate) unix_socket: Option<PathBuf>,
    /// Trust the authorities in this PEM file instead of those of the system
    #[arg(long, value_name = "FILE", env = "ARAZZO_CACERT", hide_env_values = true)]
    pub(crate) cacert: Option<PathBuf>,
    /// The certificate (PEM) to show to servers that ask for one
    #[arg(long, value_name = "FILE", env = "ARAZZO_CERT", hide_env_values = true)]
    pub(crate) cert: Option<PathBuf>,
    /// Its key (PEM), if the file of --cert does not hold it
    #[arg(long, value_name = "FILE", env = "ARAZZO_KEY", hide_env_values = true, requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// Do not check the certificates of this host; every run says so
    #[arg(long = "insecure-host", value_name = "HOST")]
    pub(crate) insecure_hosts: Vec<String>,
    /// Give up on a connection after this time
    #[arg(long, value_name = "DURATION", default_value = "10s", env = "ARAZZO_CONNECT_TIMEOUT", hide_env_values = true, value_parser = duration)]
    pub(crate) connect_timeout: Duration,
    /// Give up on a request when its server says nothing for this time; without it, only --max-time counts
    #[arg(long, value_name = "DURATION", env = "ARAZZO_IDLE_TIMEOUT", hide_env_values = true, value_parser = duration)]
    pub(crate) idle_timeout: Option<Duration>,
    /// Give up on a request after this time, to the last byte of its answer
    #[arg(short = 'm', long, value_name = "DURATION", default_value = "60s", env = "ARAZZO_MAX_TIME", hide_env_values = true, value_parser = duration)]
    pub(crate) max_time: Duration,
}

impl NetworkFlags {
    /// As the library takes it.
    pub(crate) fn network(&self) -> arazzo::Network {
        let mut network = arazzo::Network::default();
        network.proxy = match &self.proxy {
            Some(url) => arazzo::Proxy::Through(url.clone()),
            None => arazzo::Proxy::Environment,
        };
        network.no_proxy.clone_from(&self.no_proxy);
        network.resolve.clone_from(&self.resolve);
        network.connect_to.clone_from(&self.connect_to);
        network.unix_socket.clone_from(&self.unix_socket);
        network.authorities.clone_from(&self.cacert);
        network.certificate.clone_from(&self.cert);
        network.key.clone_from(&self.key);
        network.insecure_hosts.clone_from(&self.insecure_hosts);
        network.connect_timeout = self.connect_timeout;
        network.idle_timeout = self.idle_timeout;
        network
    }
}

/// Show what a document holds and what it will call: workflows, inputs, steps, outputs
#[derive(Debug, Args)]
pub(crate) struct InspectFlags {
    #[command(flatten)]
    pub(crate) document: DocumentFlags,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// Show the flow of a workflow: its steps, and the ways from one to another with their conditions
#[derive(Debug, Args)]
#[command(
    before_long_help = "Examples:\n  arazzo graph specs/daytona-provision.yml\n  arazzo graph flow.yaml --format svg > flow.svg\n  arazzo graph flow.yaml --run events.ndjson"
)]
pub(crate) struct GraphFlags {
    #[command(flatten)]
    pub(crate) document: DocumentFlags,
    /// The workflow; not needed if the document has one, or with --run
    #[arg(value_name = "WORKFLOW")]
    pub(crate) workflow: Option<String>,
    /// The form of the graph
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = GraphFormat::Ascii)]
    pub(crate) format: GraphFormat,
    /// Show the path of a run: a file with what `arazzo run --json` printed (- is stdin)
    #[arg(long, value_name = "EVENTS")]
    pub(crate) run: Option<PathBuf>,
}

/// The forms of a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    /// Lines for a terminal
    Ascii,
    /// The language of Mermaid, which GitHub and GitLab draw
    Mermaid,
    /// The language of Graphviz
    Dot,
    /// A picture
    Svg,
}

/// Write reports of a run from its events: what `arazzo run --json` printed
#[derive(Debug, Args)]
#[command(
    before_long_help = "Examples:\n  arazzo run flow.yaml --json > events.ndjson\n  arazzo report events.ndjson html junit=out/junit.xml"
)]
pub(crate) struct ReportFlags {
    /// The events, one a line (- is stdin)
    #[arg(value_name = "EVENTS")]
    pub(crate) events: PathBuf,
    /// The reports, as `arazzo run --report` takes them: html, junit, har, md or json, each to a file or into a folder
    #[arg(value_name = "FMT[=PATH]", required = true)]
    pub(crate) reports: Vec<Wanted>,
}

/// What proves who calls.
#[derive(Debug, Args)]
pub(crate) struct CredentialFlags {
    /// A credential for a security scheme of the API: SCHEME=VALUE (a key, a token, USER:PASSWORD), SCHEME (value from
    /// ARAZZO_SECRET_<SCHEME>), SCHEME@FILE, SCHEME=- (stdin); for tokens that are fetched, SCHEME.clientId=…,
    /// SCHEME.clientSecret=…, SCHEME.username=…, SCHEME.password=…
    #[arg(long, value_name = "SCHEME[=VALUE]")]
    pub(crate) auth: Vec<String>,
    /// A token for every scheme that takes one: NAME (value from ARAZZO_SECRET_<NAME>), NAME@FILE, NAME=- (stdin)
    #[arg(long, value_name = "NAME")]
    pub(crate) bearer: Option<String>,
    /// A user for every scheme that takes one
    #[arg(short, long, value_name = "USER:PASSWORD")]
    pub(crate) user: Option<String>,
    /// A header for every request to the servers of the sources, in the place of the document's; masked if its name is
    /// that of a credential
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = header)]
    pub(crate) headers: Vec<(String, String)>,
}

/// What lasts from one request to the next.
#[derive(Debug, Args)]
pub(crate) struct SessionFlags {
    /// Redirects: auto (followed, to hosts that the sources name, where the document does not judge them), never
    #[arg(long, value_enum, default_value_t = FollowRedirects::Auto, env = "ARAZZO_REDIRECTS", hide_env_values = true)]
    pub(crate) redirects: FollowRedirects,
    /// A host that may be called although no source names it, that is on a private network, or that a document on the
    /// network calls: HOST, or HOST:PORT
    #[arg(long = "allow-host", value_name = "HOST")]
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FollowRedirects {
    Auto,
    Never,
}

impl SessionFlags {
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

/// Run documents and their test files, and say what is not as expected
///
/// Finds Arazzo documents by their content. `NAME.test.yaml` beside a document has its cases; without one, each workflow
/// runs once against the mock. Exit 0: all passed, 1: a case failed, 2: the command line is wrong, 3: a test file is
/// wrong, 6: one leads out of the workspace, 7: a report could not be written, 8: nothing ran.
#[derive(Debug, Args)]
#[command(
    before_long_help = "Examples:\n  arazzo test examples\n  arazzo test flow.arazzo.yaml --case login --fail-fast\n  arazzo test --report junit=out/junit.xml"
)]
pub(crate) struct TestFlags {
    /// Documents, and folders to look for them in (hidden folders, target and node_modules are passed over); this
    /// folder, if none is given
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Only cases of this workflow
    #[arg(short, long, value_name = "WORKFLOW")]
    pub(crate) workflow: Option<String>,
    /// Only cases whose name has this in it. Repeatable
    #[arg(long = "case", value_name = "TEXT")]
    pub(crate) cases: Vec<String>,
    /// Call this base url instead of the mock; of one source description, or of all
    #[arg(short = 'S', long = "server", value_name = "[SOURCE=]URL", value_parser = server)]
    pub(crate) servers: Vec<(Option<String>, String)>,
    /// How many cases run at once; as many as there are cores, if it is not given
    #[arg(short, long, value_name = "N")]
    pub(crate) jobs: Option<std::num::NonZeroUsize>,
    /// Begin no case after one that failed
    #[arg(long)]
    pub(crate) fail_fast: bool,
    /// Exit with 0 if there is nothing to run
    #[arg(long)]
    pub(crate) allow_empty: bool,
    /// Print the cases and run none
    #[arg(long)]
    pub(crate) list: bool,
    /// Print results as JSON, one a line
    #[arg(long)]
    pub(crate) json: bool,
    /// Write a report: junit[=PATH]
    #[arg(long = "report", value_name = "junit[=PATH]")]
    pub(crate) reports: Vec<Wanted>,
    #[command(flatten)]
    pub(crate) reading: ReadingFlags,
    /// Show failures only; -qq nothing
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) quiet: u8,
}

/// Run a recorded run again, without a server, and say what is different
///
/// Gives the document the answers that were recorded, in virtual time, and compares what it sends. Exit 0: the same
/// requests and the same outcome, 1: something is different.
#[derive(Debug, Args)]
#[command(
    before_long_help = "Examples:\n  arazzo run flow.yaml --record run.ndjson\n  arazzo replay run.ndjson\n  arazzo replay run.ndjson changed.yaml --json"
)]
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
    /// Show headers of requests and answers; -vv bodies too
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Show only what is different; -qq nothing
    #[arg(short, long, action = ArgAction::Count, conflicts_with = "verbose")]
    pub(crate) quiet: u8,
}

/// What a mock does wrong, and how slowly.
#[derive(Debug, Args)]
pub(crate) struct FaultFlags {
    /// A fault of the mock: OPERATION[#N]=STATUS, reset, malformed or delay:DURATION (getVolume#2=503), or a file of
    /// them
    #[arg(long = "fault", value_name = "FAULT")]
    pub(crate) faults: Vec<String>,
    /// How long every answer of the mock takes
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) latency: Option<Duration>,
}

/// Serve what documents describe: answers from examples and schemas, until Ctrl-C
///
/// Prints the base url of every document on stdout, and a line for every request on stderr.
#[derive(Debug, Args)]
#[command(
    before_long_help = "Examples:\n  arazzo mock specs/daytona-provision.yml --port 4010\n  arazzo mock openapi/daytona-volumes-api-openapi.yml --fault getVolume#2=503 --latency 200ms"
)]
pub(crate) struct MockFlags {
    /// OpenAPI documents, and Arazzo documents, of which every OpenAPI source is served
    #[arg(value_name = "DOC-OR-OPENAPI", required = true)]
    pub(crate) documents: Vec<PathBuf>,
    /// The port of the first source; the next ones get the ports after it. Without it, any free ports
    #[arg(long, value_name = "N", env = "ARAZZO_PORT", hide_env_values = true)]
    pub(crate) port: Option<u16>,
    #[command(flatten)]
    pub(crate) faults: FaultFlags,
    /// Do not show requests
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

impl FaultFlags {
    /// Faults and latency on a mock.
    pub(crate) fn on(&self, mut mocked: Mocked) -> Result<Mocked, arazzo::Error> {
        for argument in &self.faults {
            let faults = if argument.contains('=') {
                vec![Fault::parse(argument).map_err(|reason| wrong_fault(argument, &reason))?]
            } else {
                let text = files::named_text(Path::new(argument), files::LARGEST);
                let text = text.map_err(|reason| wrong_fault(argument, &reason))?;
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

fn wrong_fault(argument: &str, reason: &str) -> arazzo::Error {
    arazzo::Error::Setup(format!("--fault {argument}: {reason}"))
}

impl DocumentFlags {
    /// The builder of the library with these flags.
    pub(crate) fn builder(&self) -> arazzo::Builder {
        let mut builder = self.reading.on(arazzo::open(&self.document).naming(remedies::flag)).workspace(true);
        builder = self.offline.on(builder);
        for (source, url) in &self.servers {
            builder = builder.server(source.as_deref(), url);
        }
        for (name, value) in &self.server_variables {
            builder = builder.server_variable(name, value);
        }
        for (name, path) in &self.sources {
            builder = builder.source(name, path);
        }
        builder
    }
}

fn server_url(text: &str) -> Result<String, String> {
    match server(text)? {
        (None, url) => Ok(url),
        (Some(_), _) => Err("one document has one server: write its url".to_owned()),
    }
}

fn server(text: &str) -> Result<(Option<String>, String), String> {
    let (source, url) = match text.split_once('=') {
        Some((source, url)) if !source.contains(['/', ':', '?']) => (Some(source.to_owned()), url),
        _ => (None, text),
    };
    let good = arazzo::is_server_url(url);
    if good {
        Ok((source, url.to_owned()))
    } else {
        Err("a server is an absolute url such as https://api.example.com/v1".to_owned())
    }
}

fn check(text: &str) -> Result<arazzo::ContractCheck, String> {
    match text {
        "contract" | "contract=error" => Ok(arazzo::ContractCheck::Error),
        "contract=warn" => Ok(arazzo::ContractCheck::Warn),
        _ => Err("write contract, contract=warn or contract=error".to_owned()),
    }
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE, or SOURCE.NAME=VALUE".to_owned()),
    }
}

fn source(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok((name.to_owned(), PathBuf::from(path))),
        _ => Err("write NAME=FILE".to_owned()),
    }
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("write 'NAME: VALUE'")?;
    let (name, value) = (name.trim(), value.trim());
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(token) {
        return Err("the name of a header has letters, digits and hyphens".to_owned());
    }
    if value.contains(|c: char| c.is_control() && c != '\t') {
        return Err("the value of a header has no line breaks or other control characters".to_owned());
    }
    let framing = ["content-length", "transfer-encoding", "connection"];
    if framing.iter().any(|known| name.eq_ignore_ascii_case(known)) {
        return Err(format!("`{name}` is written by the client alone"));
    }
    Ok((name.to_owned(), value.to_owned()))
}

fn secret_host(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, host)) if !name.is_empty() && !host.is_empty() && !host.contains('/') => {
            Ok((name.to_owned(), host.to_owned()))
        }
        _ => Err("write NAME=HOST, such as apiToken=api.example.com".to_owned()),
    }
}

fn connection_header(text: &str) -> Result<String, String> {
    arazzo::engine::limits::connection_header(text)
}

fn readings(text: &str) -> Result<arazzo::Readings, String> {
    text.parse()
}

fn loop_delay(text: &str) -> Result<arazzo::LoopDelay, String> {
    if text == "auto" {
        return Ok(arazzo::LoopDelay::Auto);
    }
    let delay = arazzo::engine::limits::duration(text).map_err(|error| format!("{error}, or auto"))?;
    Ok(arazzo::LoopDelay::Fixed(delay))
}

fn size(text: &str) -> Result<u64, String> {
    arazzo::engine::limits::size(text)
}

fn duration(text: &str) -> Result<Duration, String> {
    arazzo::engine::limits::duration(text).map(Duration::from_millis)
}

/// Print the script that completes commands behind Tab, with the workflows, inputs and sources of a document
#[derive(Debug, Args)]
#[command(
    before_long_help = "Examples:\n  source <(arazzo completions bash)\n  source <(arazzo completions zsh)\n  arazzo completions fish | source"
)]
pub(crate) struct CompletionsFlags {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub(crate) shell: Shell,
}

/// A shell that can ask for completions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
    Powershell,
    Elvish,
}

impl Shell {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
            Self::Powershell => "powershell",
            Self::Elvish => "elvish",
        }
    }
}

/// Print a man page
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:\n  arazzo man run | man -l -\n  arazzo man --dir ~/.local/share/man/man1")]
pub(crate) struct ManFlags {
    /// The command; without one, the page of arazzo
    #[arg(value_name = "COMMAND")]
    pub(crate) command: Option<String>,
    /// Write all pages into this folder
    #[arg(long, value_name = "FOLDER", conflicts_with = "command")]
    pub(crate) dir: Option<PathBuf>,
}

/// Print the help of a command, or one of the pages exit-codes, environment, inputs, output
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:\n  arazzo help run\n  arazzo help exit-codes\n  arazzo help environment")]
pub(crate) struct HelpFlags {
    /// A command or a page
    #[arg(value_name = "COMMAND-OR-PAGE")]
    pub(crate) about: Vec<String>,
}
