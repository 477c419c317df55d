//! Run [Arazzo](https://spec.openapis.org/arazzo/latest.html) workflows: sequences of API calls described in YAML or JSON.
//!
//! ```no_run
//! # async fn example() -> Result<(), arazzo::Error> {
//! let description = arazzo::open("specs/daytona-provision.yml")
//!     .folder("openapi") // where the document may read its sources, beside its own folder
//!     .server(None, "http://localhost:3000/api")
//!     .load()
//!     .await?;
//! let workflow = description.workflow(None)?; // the only one of the document
//! let inputs = arazzo::Inputs::new().set("apiToken", "…").set("volumeName", "data").set("snapshot", "base").set("mountPath", "/data");
//! let outcome = workflow.run(inputs, |event| println!("{} {}", event.ms, event.event.workflow)).await?;
//! println!("{:?} {:?}", outcome.exit_code(), outcome.outputs());
//! # Ok(())
//! # }
//! ```
//!
//! - `Err` means *could not run*: the documents are wrong, the inputs do not fit. A run that fails is an
//!   [`Outcome`], with its outputs and the reason.
//! - Everything that is visible in the documents is checked before the first request.
//! - Defaults are stricter than those of the command line: only hosts that were given are called
//!   ([`Builder::server`], [`Builder::allow_host`], [`Trust`]), documents only from folders that are named, no
//!   environment, no proxy of the system, no prompts, no global state. Futures may be dropped at any time; calls in flight are given up with them.
//! - Events ([`Envelope`]) are masked when they are made: no secret reaches an observer. Outputs are data and are
//!   not changed.
//!
//! Cargo features: `http` (on by default) sends requests; without it, and with a transport of your own
//! ([`Builder::transport`]), none of hyper, TLS and the content codings is built, and no document is fetched from the
//! network. `journal` (on by default) keeps runs in a file while they run. `mock` answers from the descriptions, `reports`
//! makes reports of runs (`arazzo::report`), `restate` lets an engine keep runs (`arazzo::restate`), `xpath` evaluates
//! XPath. Steps send and receive messages over the protocols of `channel-ws`, `channel-http`, `channel-mqtt`,
//! `channel-nats`, `channel-amqp` and `channel-kafka`; each turns on `channel`, which they share.
//!
//! Beside the types of a run there are [`diagnostics`], [`events`], [`plan`], [`secrets`] and [`values`]: names that
//! stay. The pure core, without files and sockets, is [`engine`].

#![forbid(unsafe_code)]

mod api;
mod builder;
mod call;
mod channel;
mod checked;
mod description;
mod documents;
mod drivers;
mod envelope;
mod error;
mod inputs;
#[cfg(feature = "journal")]
pub mod journal;
#[cfg(feature = "mock")]
pub mod mock;
mod network;
mod policy;
pub mod remedy;
#[cfg(feature = "reports")]
pub mod report;
#[cfg(feature = "restate")]
pub mod restate;
mod runtime;
mod session;
mod settings_check;
mod step_outputs;
mod transport;
mod workflow;

/// Diagnostics of documents: codes, texts with a caret, places in the sources, repairs.
pub mod diagnostics {
    pub use arazzo_engine::code::{Category, Code, Severity};
    pub use arazzo_engine::diagnostic::{Diagnostic, Diagnostics, Help, Shown, nearest, plain};
    pub use arazzo_engine::lint::Part;
    pub use arazzo_engine::lint::fix::fix;
    pub use arazzo_engine::source::{Place, SourceId, Sources, Span};
}

/// What stands at an offset of a document, where it is defined and used, and what may be written there: for editors.
pub mod index {
    pub use arazzo_engine::diagnostic::Edit;
    pub use arazzo_engine::index::{
        Index, Offer, OfferKind, Offers, Outlined, RenameRefused, Repair, Symbol, SymbolKind, repairs,
    };
}

/// Documents in one style: the order of the specification, one indentation, quotes where they are needed.
pub mod formatting {
    pub use arazzo_engine::format::{Unformatted, format};
}

/// Events of a run: their words, and why it did not succeed.
pub mod events {
    pub use arazzo_engine::event::{
        ActionKind, Because, ContractPart, CriteriaOf, IgnoredBecause, Interest, On, RunStatus, Saw, StartedFor,
        StepStatus, UnsentRequest, VERSION, WaitReason, Why,
    };
    pub use arazzo_engine::reason::Reason;
    pub use arazzo_engine::redact::{BodyText, Masked};
}

/// The plan of a workflow, told without running it: inputs, calls, the flow as a graph.
pub mod plan {
    pub use arazzo_engine::graph::{Edge, Exit, Graph, GraphStep};
    pub use arazzo_engine::inputs::InputFault;
    pub use arazzo_engine::plan::{Footprint, MOST, PlannedStep};
    pub use arazzo_engine::program::Input;

    pub use crate::description::WorkflowOverview;
}

/// Secrets as they are shown: their names and masks, never they themselves.
pub mod secrets {
    pub use arazzo_engine::address::without_secrets;
    pub use arazzo_engine::credentials::PARTS;
    pub use arazzo_engine::redact::Redactor;
}

/// Values as people write them, with what is wrong with them: durations, sizes, patterns, YAML that knows its places.
pub mod values {
    pub use arazzo_engine::expr::pattern::compile as compile_pattern;
    pub use arazzo_engine::limits::{connection_header, duration, size};

    pub use crate::network::options::insecure_host;
    pub use arazzo_engine::load::parse_source;
    pub use arazzo_engine::media_type::is_json;
    pub use arazzo_engine::node::{Kind, Node, scalar_of};
    pub use arazzo_engine::value::{File, Json, Map, Number};
}

/// Messages of channels, for those who connect to brokers themselves ([`Builder::channels`]).
pub mod messages {
    pub use arazzo_engine::asyncapi::Protocol;
    pub use arazzo_engine::machine::message::{
        Channel, ChannelInput, ChannelRequest, Delivery, DeliveryId, Login, Mark, Message, SubscriptionId,
    };
}

pub use api::{ApiOverview, OperationOverview, SchemeOverview};
pub use arazzo_engine as engine;
pub use arazzo_engine::credentials::{Credential, Credentials};
pub use arazzo_engine::event::{Event, EventKind};
pub use arazzo_engine::json;
pub use arazzo_engine::limits::{ContractCheck, Decides, Limits, LoopDelay, Redirects, Servers, Settings};
pub use arazzo_engine::load::ParsedDocuments;
pub use arazzo_engine::machine::{
    CallId, Failure, FailureKind, Input, Outcome, Outgoing, Outputs, ParsedUrl, PendingRequest, Progress, Request,
    Response, Secrets, Stop, StoredOutgoing,
};
pub use arazzo_engine::readings::Readings;
pub use arazzo_engine::report::Report;
pub use builder::{Builder, check_host, is_remote, is_server_url, lint, open};
pub use call::{CALL_DOCUMENT, Call};
pub use channel::{ChannelLink, Channels};
pub use checked::Checked;
pub use description::Description;
pub use documents::files;
pub use drivers::live::Interrupt;
pub use drivers::recorded_case::{RecordedCase, RecordedCredential, RecordedMessage, RecordedReply};
pub use drivers::recording::Recording;
pub use drivers::replay::{Drift, DriftKind, Replay};
pub use drivers::stub::{Rehearsal, Reply, StubMessage, StubReplies};
pub use envelope::Envelope;
pub use error::Error;
pub use inputs::{Inputs, parse_values};
pub use network::options::{ConnectTo, Network, Proxy, Resolve};
pub use network::shared::SharedNetwork;
pub use policy::hosts::Trust;
pub use policy::permissions::Permissions;
pub use session::{Session, SessionTurn, StoredSession};
pub use settings_check::ServerWithoutPath;
pub use step_outputs::StepOutputs;
pub use transport::{Clock, Pending, SendProgress, Transport};
pub use workflow::Workflow;
