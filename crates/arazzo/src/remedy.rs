//! Remedies of faults, as data, and the names of settings in messages of this library: its calls.

pub use arazzo_engine::remedy::{Credential, Limit, Naming, Remedy, listed, parameter};

/// The call for a remedy: `Limits::steps`, `Builder::allow_host("api.example")`. What messages say unless
/// [`crate::Builder::naming`] gave another function.
#[must_use]
pub fn builder_call(remedy: &Remedy) -> String {
    let call = match remedy {
        Remedy::Raise(limit) => format!("Limits::{}", field(*limit)),
        Remedy::GiveInput { name, file: true, .. } => format!("Inputs::file({name:?}, …)"),
        Remedy::GiveInput { name, secret: true, .. } => return format!("give it with `Inputs::set({name:?}, …)`"),
        Remedy::GiveInput { name, .. } => format!("Inputs::set({name:?}, …)"),
        Remedy::GiveJsonInput(name) => format!("Inputs::set({name:?}, json!(…))"),
        Remedy::GiveField(name) => format!("Call::field({name:?}, …)"),
        Remedy::GiveServer(source) => format!("Builder::server(Some({source:?}), …)"),
        Remedy::GiveBroker { source, scheme } => format!("Builder::server(Some({source:?}), \"{scheme}://HOST:PORT\")"),
        Remedy::GiveOtherServer => "Builder::server".to_owned(),
        Remedy::ReceiveUntil => "Builder::receive(Decides::Until)".to_owned(),
        Remedy::Listen => "Network::listen".to_owned(),
        Remedy::FreshConnections => "Network::fresh_connections".to_owned(),
        Remedy::GiveWholeServer => "Builder::server(None, \"https://host/base\")".to_owned(),
        Remedy::GiveServerVariable(name) => format!("Builder::server_variable({name:?}, …)"),
        Remedy::GiveSource(label) => format!("Builder::source({label:?}, …)"),
        Remedy::SourceNotDescribed(_) | Remedy::SourceGiven { .. } => "Builder::source".to_owned(),
        Remedy::Authenticate(ways) => return listed(ways, &credential),
        Remedy::GiveToken => "Credentials::bearer".to_owned(),
        Remedy::AllowHeaders => "Builder::allow_header".to_owned(),
        Remedy::AllowHeader(name) => format!("Builder::allow_header({name:?})"),
        Remedy::AllowHost(host) | Remedy::AllowNamedHost(host) => format!("Builder::allow_host({host:?})"),
        Remedy::AllowPrivate => "Builder::allow_private(true)".to_owned(),
        Remedy::AllowUnsafe => "Builder::allow_unsafe(true)".to_owned(),
        Remedy::BindSecret { name, host } => format!("Builder::secret_host({name:?}, {host:?})"),
        Remedy::JudgeRedirects | Remedy::RedirectsOff { .. } => "Builder::redirects(Redirects::Never)".to_owned(),
        Remedy::PaceLoops { .. } => return "`Builder::loop_delay`, `Builder::limits`".to_owned(),
        Remedy::RequireOutputs { .. } => "Builder::require_outputs(true)".to_owned(),
    };
    format!("`{call}`")
}

fn field(limit: Limit) -> &'static str {
    match limit {
        Limit::Steps => "steps",
        Limit::Requests => "requests",
        Limit::Depth => "depth",
        Limit::Time => "run_ms",
        Limit::Wait => "wait_ms",
        Limit::Receive => "receive_ms",
        Limit::Body | Limit::BodyValues => "body_bytes",
        Limit::Value => "value_bytes",
        Limit::Kept => "kept_bytes",
    }
}

fn credential(credential: &Credential) -> String {
    match credential {
        Credential::Key(scheme) => format!("`Credentials::scheme({scheme:?}, KEY)`"),
        Credential::User(scheme) => format!("`Credentials::scheme({scheme:?}, \"USER:PASSWORD\")`"),
        Credential::Token(scheme) => format!("`Credentials::scheme({scheme:?}, TOKEN)`"),
        Credential::TokenOrClient(scheme) => {
            format!("`Credentials::scheme({scheme:?}, TOKEN)` (or `{scheme}.clientId` and `{scheme}.clientSecret`)")
        }
        Credential::Certificate => "`Network::certificate`".to_owned(),
        Credential::Parameter { scheme, kind } => parameter(scheme, kind),
    }
}
