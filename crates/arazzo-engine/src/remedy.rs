//! Remedies of faults by who runs a document, as data. The sentences stand here; what a setting is called in
//! them is said by whoever shows them: a command names its flags, a library its calls.

use serde::{Deserialize, Serialize};

/// The name of a setting: the flag or the call for a remedy, with its value.
pub type Naming = fn(&Remedy) -> String;

/// Something that a setting of the run remedies, or explains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Remedy {
    /// A limit of the run can be raised.
    Raise(Limit),
    /// An input can be given.
    GiveInput {
        /// Its name.
        name: String,
        /// `true` if it may not be seen.
        secret: bool,
        /// `true` if it is the content of a file.
        #[serde(default)]
        file: bool,
    },
    /// An input can be given as JSON.
    GiveJsonInput(String),
    /// A member of a body can be given.
    GiveField(String),
    /// A base url can be given for a source.
    GiveServer(String),
    /// A server can be given for the channels of a source.
    GiveBroker {
        /// The source.
        source: String,
        /// The protocol that it is described with.
        scheme: String,
    },
    /// A server that answers can be given.
    GiveOtherServer,
    /// Webhooks can be listened for.
    Listen,
    /// A base url has to be absolute.
    GiveWholeServer,
    /// Messages with which the criteria of a step do not hold can be passed over.
    ReceiveUntil,
    /// A server variable can be given.
    GiveServerVariable(String),
    /// A file can be given for a source.
    GiveSource(String),
    /// A source is given that no document describes.
    SourceNotDescribed(String),
    /// The document that was read was given for the source.
    SourceGiven {
        /// The place in the message at which that is said, in bytes.
        at: usize,
    },
    /// One of these alternatives lets an operation be called.
    Authenticate(Vec<Vec<Credential>>),
    /// A token can be given for all schemes that take one.
    GiveToken,
    /// Headers of the connection that documents can be let set.
    AllowHeaders,
    /// A document can be let set a header of the connection.
    AllowHeader(String),
    /// A host can be called that nothing names.
    AllowHost(String),
    /// As that, where the host stands in the message.
    AllowNamedHost(String),
    /// Addresses of this machine and of private networks can be called.
    AllowPrivate,
    /// A stranger's document can be let change something.
    AllowUnsafe,
    /// A secret can be let go to a host.
    BindSecret {
        /// The secret.
        name: String,
        /// The host.
        host: String,
    },
    /// Connections can be used once only, so that none has ended before a request is sent on it.
    FreshConnections,
    /// The document can judge redirects itself, if they are not followed.
    JudgeRedirects,
    /// Redirects are not followed, because that was asked for.
    RedirectsOff {
        /// The index of the remark that says so.
        remark: usize,
    },
    /// Loops are paced and bounded by the run.
    PaceLoops {
        /// The index of the remark that says so.
        remark: usize,
    },
    /// Outputs without a value can make a run fail.
    RequireOutputs {
        /// The index of the remark that says so.
        remark: usize,
    },
}

/// A limit of a run that can be raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Limit {
    /// Attempts of steps.
    Steps,
    /// Requests.
    Requests,
    /// Workflows that are in progress.
    Depth,
    /// The time of the run.
    Time,
    /// The time that a `Retry-After` may ask to wait.
    Wait,
    /// The time that a step waits for a message.
    Receive,
    /// Bytes of a body.
    Body,
    /// Memory for the values of a body, which is a multiple of its bytes.
    BodyValues,
    /// Bytes of what is built from values.
    Value,
    /// Bytes of what is kept between steps.
    Kept,
}

/// The credential for one security scheme.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Credential {
    /// The key of this scheme.
    Key(String),
    /// User and password of this scheme.
    User(String),
    /// A token of this scheme.
    Token(String),
    /// A token of this scheme, or who fetches one.
    TokenOrClient(String),
    /// A certificate.
    Certificate,
    /// Nothing but a parameter of the step: the scheme, and what it is.
    Parameter {
        /// The scheme.
        scheme: String,
        /// Its kind.
        kind: String,
    },
}

impl Remedy {
    /// The name of a setting where nobody has another for it.
    #[must_use]
    pub fn plain(&self) -> String {
        match self {
            Self::Raise(limit) => format!("the limit of {}", limit.word()),
            Self::GiveInput { .. } | Self::GiveJsonInput(_) => "the inputs of the run".to_owned(),
            Self::GiveField(name) => format!("the member `{name}` of the body"),
            Self::GiveServer(source) | Self::GiveBroker { source, .. } => format!("a server for `{source}`"),
            Self::GiveOtherServer | Self::AllowHost(_) | Self::AllowNamedHost(_) => {
                "the settings of the run".to_owned()
            }
            Self::Listen => "an address to listen at".to_owned(),
            Self::GiveWholeServer => "an absolute url".to_owned(),
            Self::ReceiveUntil => "the settings of the run".to_owned(),
            Self::GiveServerVariable(name) => format!("the server variable `{name}`"),
            Self::GiveSource(label) => format!("a file for `{label}`"),
            Self::SourceNotDescribed(_) | Self::SourceGiven { .. } => "the sources of the run".to_owned(),
            Self::Authenticate(ways) => listed(ways, &plain_credential),
            Self::GiveToken => "a token for all of them".to_owned(),
            Self::AllowHeaders => "the allowed headers".to_owned(),
            Self::AllowHeader(name) => format!("`{name}` among the allowed headers"),
            Self::AllowPrivate => "allowed private networks".to_owned(),
            Self::AllowUnsafe => "allowed changes".to_owned(),
            Self::BindSecret { name, host } => format!("the host `{host}` of `{name}`"),
            Self::FreshConnections => "a connection for every request".to_owned(),
            Self::JudgeRedirects => "redirects turned off".to_owned(),
            Self::RedirectsOff { .. } => "that was asked for".to_owned(),
            Self::PaceLoops { .. } => "the limits of the run".to_owned(),
            Self::RequireOutputs { .. } => "requiring outputs".to_owned(),
        }
    }

    /// Puts the words of it where they belong: behind the message or a remark, or into the help.
    pub fn put(&self, naming: Naming, message: &mut String, remarks: &mut [String], help: &mut Option<String>) {
        let name = naming(self);
        let mut behind = |remark: usize, words: String| {
            remarks.get_mut(remark).into_iter().for_each(|remark| remark.push_str(&words));
        };
        match self {
            Self::SourceNotDescribed(source) => {
                *message = format!("{name} names `{source}`, which the document does not describe");
            }
            Self::SourceGiven { at } => {
                let at = Some(*at).filter(|at| message.is_char_boundary(*at)).unwrap_or(message.len());
                message.insert_str(at, &format!(" (given with {name})"));
            }
            Self::Authenticate(ways) => {
                let first = ways.first().map(|way| naming(&Self::Authenticate(vec![way.clone()])));
                message.push_str(&format!("; give {}", first.unwrap_or_default()));
                if ways.len() > 1 {
                    *help = Some(format!("any of these serves: {name}"));
                }
            }
            Self::RedirectsOff { remark } => behind(*remark, format!(": {name}")),
            Self::PaceLoops { remark } => behind(*remark, format!("; see {name}")),
            Self::RequireOutputs { remark } => behind(*remark, format!("; {name} makes it fail")),
            Self::GiveSource(_) => *help = Some(joined(help.take(), &format!("or run with {name}"))),
            Self::AllowHeader(_) => *help = Some(joined(help.take(), &format!("or let it be set: {name}"))),
            _ => *help = Some(self.sentence(&name)),
        }
    }

    /// The remedy as the whole of a help.
    fn sentence(&self, name: &str) -> String {
        match self {
            Self::Raise(Limit::Steps | Limit::Requests | Limit::Time) => {
                format!("raise {name}, or give the loop an end")
            }
            Self::Raise(Limit::Value) => format!("raise {name}, or keep values from growing with every step"),
            Self::Raise(Limit::Kept) => format!("keep less of the answers in outputs, or raise {name}"),
            Self::Raise(Limit::Depth) => format!("give the recursion an end, or raise {name}"),
            Self::Raise(Limit::BodyValues) => format!("raise {name}: eight times as much is taken"),
            Self::Raise(Limit::Wait | Limit::Receive | Limit::Body) => format!("raise {name}"),
            // How a secret is given is a sentence of its own.
            Self::GiveInput { secret: true, .. } => name.to_owned(),
            Self::GiveJsonInput(_) => format!("give it as JSON: {name}"),
            Self::GiveServer(_) | Self::GiveBroker { .. } => format!("give one with {name}"),
            Self::GiveOtherServer => format!("check that the server runs, or give another one with {name}"),
            Self::Listen => format!("give the address to listen at with {name}, or mock it"),
            Self::GiveWholeServer => format!("write {name}"),
            Self::ReceiveUntil => format!("pass over those that come before with {name}, or let `onFailure` retry"),
            Self::AllowHost(_) => format!("allow the host with {name}"),
            Self::AllowNamedHost(_) => format!("allow it with {name}"),
            Self::FreshConnections => {
                format!("look whether the server did it; with {name} no connection is used again")
            }
            Self::JudgeRedirects => format!("judge redirects in the document: with {name} they are not followed"),
            _ => format!("give it with {name}"),
        }
    }

    /// Changes every text in it that may be somebody's.
    pub fn each_text(&mut self, mut text: impl FnMut(&mut String)) {
        match self {
            Self::GiveInput { name, .. }
            | Self::GiveJsonInput(name)
            | Self::GiveField(name)
            | Self::GiveServer(name)
            | Self::GiveServerVariable(name)
            | Self::GiveSource(name)
            | Self::SourceNotDescribed(name)
            | Self::AllowHeader(name)
            | Self::AllowHost(name)
            | Self::AllowNamedHost(name) => text(name),
            Self::BindSecret { name: one, host: other } | Self::GiveBroker { source: one, scheme: other } => {
                text(one);
                text(other);
            }
            Self::Authenticate(_)
            | Self::Raise(_)
            | Self::GiveOtherServer
            | Self::Listen
            | Self::GiveWholeServer
            | Self::ReceiveUntil
            | Self::SourceGiven { .. }
            | Self::GiveToken
            | Self::AllowHeaders
            | Self::AllowPrivate
            | Self::AllowUnsafe
            | Self::FreshConnections
            | Self::JudgeRedirects
            | Self::RedirectsOff { .. }
            | Self::PaceLoops { .. }
            | Self::RequireOutputs { .. } => {}
        }
    }
}

impl Limit {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Steps => "steps",
            Self::Requests => "requests",
            Self::Depth => "depth",
            Self::Time => "time",
            Self::Wait => "waits",
            Self::Receive => "receives",
            Self::Body | Self::BodyValues => "bodies",
            Self::Value => "values",
            Self::Kept => "kept values",
        }
    }
}

/// Alternatives in words: what belongs together with *and*, what serves as well with *or*.
#[must_use]
pub fn listed(ways: &[Vec<Credential>], name: &dyn Fn(&Credential) -> String) -> String {
    let way = |way: &Vec<Credential>| way.iter().map(name).collect::<Vec<_>>().join(" and ");
    ways.iter().map(way).collect::<Vec<_>>().join(", or ")
}

fn plain_credential(credential: &Credential) -> String {
    match credential {
        Credential::Key(scheme) => format!("a key for `{scheme}`"),
        Credential::User(scheme) => format!("user and password for `{scheme}`"),
        Credential::Token(scheme) | Credential::TokenOrClient(scheme) => format!("a token for `{scheme}`"),
        Credential::Certificate => "a certificate".to_owned(),
        Credential::Parameter { scheme, kind } => parameter(scheme, kind),
    }
}

/// The name for what serves a scheme that no setting does.
#[must_use]
pub fn parameter(scheme: &str, kind: &str) -> String {
    format!("a parameter of the step for `{scheme}` ({kind})")
}

fn joined(help: Option<String>, more: &str) -> String {
    help.map_or_else(|| more.to_owned(), |help| format!("{help}, {more}"))
}
