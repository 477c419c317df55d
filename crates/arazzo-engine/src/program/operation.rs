//! Operations as far as calls need them, and what they document about their answers.

use std::sync::OnceLock;

use crate::limits::Servers;
use crate::media_type::find_media;
use crate::openapi;

use crate::openapi::schema::Checked;
use crate::openapi::security::Needed;
use crate::openapi::server::{NoUrl, Server, without_slash};
use crate::source::Span;

/// An operation as far as a call needs it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Operation {
    /// Index in [`Program::apis`](super::Program::apis).
    pub api: usize,
    /// `operationId`
    pub id: Option<String>,
    /// In capitals: `GET`.
    pub method: String,
    /// The path template.
    pub path: String,
    /// Its server, as it is described.
    pub server: Server,
    /// What it asks of who calls it: alternatives in order. Nothing if its document says nothing about that.
    pub security: Option<Vec<Vec<Needed>>>,
    /// The header `Idempotency-Key`, as it is described; nothing if it is not.
    pub idempotency_key: Option<String>,
    /// Where the operation is described.
    pub span: Span,
    /// Documented answers with their descriptions.
    pub responses: Vec<(String, Option<String>)>,
    /// What its answers are checked against; only where it was asked for
    /// ([`add_contracts`](crate::compile::Compiled::add_contracts)).
    pub contract: Option<Contract>,
    /// The url of a server without variables, which is always the same; made when it is asked for.
    pub(crate) fixed_url: OnceLock<Result<String, NoUrl>>,
}

/// What an operation documents about its answers.
#[derive(Debug)]
#[non_exhaustive]
pub struct Contract {
    /// Where its answers are described.
    pub span: Span,
    /// In the order of the description.
    pub responses: Vec<DocumentedResponse>,
}

/// A Response Object.
#[derive(Debug)]
#[non_exhaustive]
pub struct DocumentedResponse {
    /// `200`, `4XX`, `default`
    pub status: String,
    /// Where it is described.
    pub span: Span,
    /// `headers`
    pub headers: Vec<DocumentedHeader>,
    /// `content`; empty if nothing is said about bodies.
    pub content: Vec<DocumentedBody>,
}

/// A Header Object of an answer.
#[derive(Debug)]
#[non_exhaustive]
pub struct DocumentedHeader {
    /// Its name.
    pub name: String,
    /// `required`
    pub required: bool,
    /// Where it is described.
    pub span: Span,
    /// The types of its value.
    pub types: Vec<String>,
    /// The types of its items, if it is a list.
    pub items: Vec<String>,
    /// Its schema; why there is none, if it cannot be used.
    pub schema: Option<Result<Checked, Unusable>>,
}

/// A schema that nothing can be checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unusable {
    /// Where it is written.
    pub span: Span,
    /// Why, in words.
    pub reason: String,
}

/// What an answer may be of one media type.
#[derive(Debug)]
#[non_exhaustive]
pub struct DocumentedBody {
    /// The media type, or a range of them.
    pub media_type: String,
    /// Its schema; why there is none, if it cannot be used.
    pub schema: Option<Result<Checked, Unusable>>,
}

impl Contract {
    /// What is documented for a status: itself, its range (`4XX`), or `default`.
    #[must_use]
    pub fn response(&self, status: u16) -> Option<&DocumentedResponse> {
        openapi::status::find_response(&self.responses, |known| &known.status, status)
    }
}

impl DocumentedResponse {
    /// What is documented for a media type: itself, or a range that holds it.
    #[must_use]
    pub fn media(&self, media_type: &str) -> Option<&DocumentedBody> {
        find_media(&self.content, |body| &body.media_type, media_type)
    }
}

impl Operation {
    /// The method and the path, as people write them: `GET /pets/{id}`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The name for messages: `operationId`, else the method and the path.
    #[must_use]
    pub fn name(&self) -> String {
        self.id.clone().unwrap_or_else(|| self.endpoint())
    }

    /// The url that its path is appended to: what was given for its source, else its own server.
    ///
    /// # Errors
    /// [`NoUrl`] if there is none.
    pub fn server_url(&self, source: &str, servers: &Servers) -> Result<String, NoUrl> {
        match servers.of(source) {
            Some(url) => Ok(without_slash(url)),
            None if self.server.is_fixed() => self.fixed_url.get_or_init(|| self.server.filled(&|_| None)).clone(),
            None => self.server.filled(&|name| servers.variable(source, name).map(str::to_owned)),
        }
    }
}
