//! Proof of who calls: credentials become headers, parameters and cookies of a request; tokens are fetched, kept and
//! renewed.
//!
//! Fetching a token is a request of the machine like any other: a transcript of a run holds it.

use crate::value::{Json, Map, Value};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::Machine;
use super::digest;
use super::fault::Fault;
use super::frame::{CallPurpose, PendingCall};
use super::phase::Phase;
use super::request::Built;
use super::store::Slot;
use super::wire::{CallId, Request};
use crate::code::Code;
use crate::credentials::{
    AuthMethod, Choice, ClientAuth, Credentials, Fetch, User, choose, header_of, is_credential_name, serving,
};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::expr::StepId;
use crate::expr::eval::Answer;
use crate::limits::{Millis, Servers};
use crate::media_type::FORM;
use crate::openapi::encode;
use crate::program::{Operation, Program, Step, WorkflowId};
use crate::readings::Readings;
use crate::reason::Reason;
use crate::remedy::{self, Remedy};

/// The time before its end at which a token is renewed, at most, in ms.
const EARLY: Millis = 30_000;

/// The token that a mocked source gets: its token endpoint is not called either.
const MOCK_TOKEN: &str = "mock-token";

/// A token that was fetched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Token {
    /// [`key_of`] its fetch.
    pub(super) key: String,
    access: Option<Slot>,
    refresh: Option<Slot>,
    /// The time at which it has to be renewed.
    until: Option<Millis>,
    /// The request that it was fetched for, which it serves however short it lives.
    serves: Serves,
    /// The place of tokens that an OpenID configuration names.
    endpoint: Option<String>,
}

impl Token {
    pub(super) fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.access.iter().chain(&self.refresh)
    }
}

/// Which request a token serves whatever its life.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Serves {
    /// None: it is as good as its life says.
    Nothing,
    /// The next one that needs it.
    Next,
    /// The one with this call.
    Call(u64),
}

/// A request that can go now, or one that has to go before it.
pub(super) enum Ready {
    Now,
    First(Vec<(CallPurpose, Request)>),
}

/// Says which operations that a workflow calls ask for credentials that nobody gave (docs/readings.md,
/// `missing-credentials`). `answered` are sources that need none, because something else answers for them.
#[must_use]
pub fn missing_credentials(
    program: &Program,
    workflow: WorkflowId,
    credentials: &Credentials,
    answered: &dyn Fn(&str) -> bool,
) -> Diagnostics {
    let mut found = Diagnostics::default();
    let mut said: Vec<Vec<Vec<remedy::Credential>>> = vec![];
    let workflows = program.reached(workflow);
    let steps = workflows.iter().filter_map(|id| program.workflow(*id)).flat_map(|workflow| &workflow.steps);
    for step in steps.filter_map(|id| program.step(*id)) {
        let Some(operation) = program.operation_of(step) else { continue };
        let source = program.apis.get(operation.api).map(|api| api.name.as_str()).unwrap_or_default();
        let has = |key: &str| credentials.has(key);
        if answered(source) {
            continue;
        }
        let chosen = choice(program, step, &Servers::default(), &has, credentials.certificate);
        if let Choice::Ways(methods) = &chosen {
            let nowhere = methods.iter().find_map(|method| match method {
                AuthMethod::Fetch(fetch) if fetch.url.trim().is_empty() => Some(fetch),
                _ => None,
            });
            found.extend(nowhere.map(|fetch| without_url(fetch, step, operation)));
            continue;
        }
        if chosen != Choice::Missing {
            continue;
        }
        let ways = serving(operation.security.as_deref().unwrap_or_default());
        if said.contains(&ways) {
            continue;
        }
        let called = operation.name();
        let strict = program.readings == Readings::Strict;
        let new = if strict { Diagnostic::error } else { Diagnostic::warning };
        let message = format!("operation `{called}` is called without credentials");
        let mut diagnostic =
            new(Code::MissingCredentials, step.span, message).remedy(Remedy::Authenticate(ways.clone()));
        diagnostic.notes.push((operation.span, "described here".to_owned()));
        found.push(diagnostic);
        said.push(ways);
    }
    found
}

/// The fault of a token that is to be fetched from nowhere: it is not asked for at the server of the operation.
fn without_url(fetch: &Fetch, step: &Step, operation: &Operation) -> Diagnostic {
    let (scheme, field) = (&fetch.scheme, if fetch.discovery { "openIdConnectUrl" } else { "tokenUrl" });
    let message = format!("no token can be fetched for `{scheme}`: its `{field}` is empty");
    let mut diagnostic = Diagnostic::error(Code::MissingCredentials, step.span, message)
        .help(format!("write the url into `{field}`, or give the token itself"));
    diagnostic.notes.push((operation.span, "described here".to_owned()));
    diagnostic
}

/// The alternative of its operation's security that a step takes.
pub(crate) fn choice(
    program: &Program,
    step: &Step,
    servers: &Servers,
    has: &dyn Fn(&str) -> bool,
    certificate: bool,
) -> Choice {
    let Some(operation) = program.operation_of(step) else { return Choice::Nothing };
    let source = program.apis.get(operation.api).map(|api| api.name.as_str()).unwrap_or_default();
    let passes = |location: &str, name: &str| step.call.passes(location, name);
    let mut chosen = choose(operation.security.as_deref(), source, has, certificate, &passes);
    let Choice::Ways(ways) = &mut chosen else { return chosen };
    let mut fetches: Vec<&mut Fetch> =
        ways.iter_mut().filter_map(|way| if let AuthMethod::Fetch(fetch) = way { Some(fetch) } else { None }).collect();
    // The url of the server costs more than all else here, and most steps fetch nothing.
    if !fetches.is_empty()
        && let Ok(server) = operation.server_url(source, servers)
    {
        fetches.iter_mut().for_each(|fetch| fetch.begin_at(&server));
    }
    chosen
}

/// The key that tells tokens apart: their scheme, their server and their scope.
fn key_of(fetch: &Fetch) -> String {
    format!("{} {} {}", fetch.scheme, fetch.url, fetch.scope)
}

impl Machine {
    /// Takes over what was given, and learns what of it is secret.
    pub(super) fn take_credentials(&mut self, credentials: Credentials) {
        self.state.certificate = credentials.certificate;
        let mut values: Vec<_> = credentials.into_values().collect();
        values.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (key, credential) in values {
            let value = Value::Json(Json::String(credential.value.clone()));
            let slot = if credential.secret {
                self.redactor.learn(&credential.name, &Json::String(credential.value.clone()));
                // As the client of a token server it is form-encoded before it is base64.
                let encoded = encode::form_text(&credential.value);
                if encoded != credential.value {
                    self.redactor.learn(&credential.name, &Json::String(encoded));
                }
                // What stands behind the word of a scheme is as secret alone.
                if let Some((_, rest)) = credential.value.split_once(' ').filter(|_| header_of(&key).is_some()) {
                    self.redactor.learn(&credential.name, &Json::String(rest.trim().to_owned()));
                }
                // `user:password` as one: the password alone is as secret, and so is what it becomes. A user without one
                // is the key.
                if let Some((user, password)) = credential.value.split_once(':') {
                    let secret = if password.is_empty() { user } else { password };
                    self.redactor.learn(&credential.name, &Json::String(secret.to_owned()));
                    self.redactor.learn(&credential.name, &Json::String(STANDARD.encode(&credential.value)));
                }
                self.keep_secret(value)
            } else {
                Slot::plain(value)
            };
            self.state.credentials.insert(key, slot);
        }
    }

    fn read_credential(&self, key: &str) -> String {
        let slot = self.state.credentials.get(key);
        slot.and_then(|slot| slot.value(&self.secrets)).map(Value::to_text).unwrap_or_default()
    }

    /// The headers that were given for all requests, line by line.
    pub(super) fn given_headers(&self) -> Vec<(String, String)> {
        let headers = self.state.credentials.keys().filter_map(|key| Some((key, header_of(key)?)));
        headers.map(|(key, name)| (name.to_owned(), self.read_credential(key))).collect()
    }

    /// Puts credentials on a request. `challenge` is what the server answered to it without them.
    ///
    /// # Errors
    /// A [`Fault`] if they cannot be sent.
    pub(super) fn authorize(
        &self,
        now: Millis,
        step: &Step,
        built: &mut Built,
        challenge: Option<&str>,
        call: u64,
    ) -> Result<Ready, Box<Fault>> {
        let ways = match choice(
            &self.program,
            step,
            &self.state.settings.servers,
            &|key| self.state.credentials.contains_key(key),
            self.state.certificate,
        ) {
            Choice::Ways(ways) => ways,
            Choice::Nothing | Choice::Missing => return Ok(Ready::Now),
        };
        let authorization = |value: String| ("Authorization".to_owned(), value);
        let mut headers: Vec<(String, String)> = vec![];
        let mut first: Vec<(CallPurpose, Request)> = vec![];
        for way in ways {
            match way {
                AuthMethod::Document | AuthMethod::Certificate => {}
                AuthMethod::Key { name, location, key } => {
                    let value = self.read_credential(&key);
                    match location.as_str() {
                        "query" => {
                            let sign = if built.request.url.contains('?') { '&' } else { '?' };
                            let pair = format!("{}={}", encode::percent(&name), encode::percent(&value));
                            built.request.url.push_str(&format!("{sign}{pair}"));
                            built.sent.query.push((name, Json::String(value)));
                        }
                        "cookie" => add_cookie(&mut built.request.headers, &format!("{name}={value}")),
                        _ => headers.push((name, value)),
                    }
                }
                AuthMethod::Basic(user) => {
                    let (user, password) = self.read_user(&user);
                    headers.push(authorization(encode_basic(&user, &password)));
                }
                AuthMethod::Digest(user) => {
                    let Some(challenge) = challenge else { continue };
                    let (user, password) = self.read_user(&user);
                    let seed = format!("{} {call}", self.state.epoch_ms);
                    let answer = digest::answer_challenge(challenge, &built.request, (&user, &password), &seed);
                    let refused = |reason| {
                        let message = format!("the challenge of the server cannot be answered: {reason}");
                        Fault::unsent(Reason::NoCredentials, step, step.span, message)
                    };
                    headers.push(authorization(answer.map_err(refused)?));
                }
                AuthMethod::Bearer(key) => {
                    headers.push(authorization(format!("Bearer {}", self.read_credential(&key))))
                }
                AuthMethod::Fetch(_) if self.is_mocked(step) => {
                    headers.push(authorization(format!("Bearer {MOCK_TOKEN}")))
                }
                AuthMethod::Fetch(fetch) => match self.find_valid_token(now, &fetch, call) {
                    Some(token) => headers.push(authorization(format!("Bearer {token}"))),
                    None => first.push(self.build_token_request(&fetch)),
                },
            }
        }
        if !first.is_empty() {
            return Ok(Ready::First(first));
        }
        for (name, value) in headers {
            if !encode::is_header_name(&name) || value.contains(|c: char| c.is_control()) {
                let message = format!("the credential for header `{name}` cannot be sent: it holds control characters");
                return Err(Fault::unsent(Reason::UnsafeValue, step, step.span, message));
            }
            built.request.headers.push((name, value));
        }
        Ok(Ready::Now)
    }

    fn read_user(&self, user: &User) -> (String, String) {
        match user {
            User::Parts(user, password) => (self.read_credential(user), self.read_credential(password)),
            User::Whole(key) => {
                let whole = self.read_credential(key);
                whole
                    .split_once(':')
                    .map_or((whole.clone(), String::new()), |(user, password)| (user.to_owned(), password.to_owned()))
            }
        }
    }

    fn find_token(&self, fetch: &Fetch) -> Option<&Token> {
        let key = key_of(fetch);
        self.state.tokens.iter().find(|token| token.key == key)
    }

    /// The token, if there is one that is still good.
    fn find_valid_token(&self, now: Millis, fetch: &Fetch, call: u64) -> Option<String> {
        let token = self.find_token(fetch)?;
        // Else a token that lives no longer than it takes to come would be fetched without end.
        let serves = token.serves == Serves::Next || token.serves == Serves::Call(call);
        let good = serves || token.until.is_none_or(|until| now < until);
        token.access.as_ref().filter(|_| good)?.value(&self.secrets).map(Value::to_text)
    }

    /// The request that gets a token, or that finds out where tokens are.
    fn build_token_request(&self, fetch: &Fetch) -> (CallPurpose, Request) {
        let key = key_of(fetch);
        let known = self.find_token(fetch);
        let mut headers = vec![("Accept".to_owned(), "application/json".to_owned())];
        let endpoint = known.and_then(|token| token.endpoint.clone());
        if fetch.discovery && endpoint.is_none() {
            let request = Request { method: "GET".to_owned(), url: fetch.url.clone(), headers, body: None };
            return (CallPurpose::Discovery(key), request);
        }
        let refresh = known.and_then(|token| token.refresh.as_ref()?.value(&self.secrets)).map(Value::to_text);
        let url = endpoint.unwrap_or_else(|| match (&refresh, &fetch.refresh_url) {
            (Some(_), Some(url)) => url.clone(),
            _ => fetch.url.clone(),
        });
        let mut fields: Vec<(&str, String)> = vec![];
        match (&refresh, &fetch.user) {
            (Some(token), _) => {
                fields.extend([("grant_type", "refresh_token".to_owned()), ("refresh_token", token.clone())])
            }
            (None, Some((user, password))) => fields.extend([
                ("grant_type", "password".to_owned()),
                ("username", self.read_credential(user)),
                ("password", self.read_credential(password)),
            ]),
            (None, None) => fields.push(("grant_type", "client_credentials".to_owned())),
        }
        if !fetch.scope.is_empty() {
            fields.push(("scope", fetch.scope.clone()));
        }
        let keys = || self.state.credentials.keys().map(String::as_str);
        for (name, key) in fetch.fields(keys()) {
            fields.retain(|(known, _)| *known != name);
            fields.push((name, self.read_credential(key)));
        }
        let place = fetch.client_auth(keys()).and_then(|key| ClientAuth::of(&self.read_credential(key)));
        match &fetch.client {
            (Some(id), Some(secret)) if place == Some(ClientAuth::Body) => fields
                .extend([("client_id", self.read_credential(id)), ("client_secret", self.read_credential(secret))]),
            // Both are form-encoded first (RFC 6749 §2.3.1).
            (Some(id), Some(secret)) => {
                let (id, secret) =
                    (encode::form_text(&self.read_credential(id)), encode::form_text(&self.read_credential(secret)));
                headers.push(("Authorization".to_owned(), encode_basic(&id, &secret)));
            }
            (Some(id), None) => fields.push(("client_id", self.read_credential(id))),
            (None, _) => {}
        }
        headers.push(("Content-Type".to_owned(), FORM.to_owned()));
        let pairs: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{}={}", encode::form_text(name), encode::form_text(value)))
            .collect();
        let request = Request { method: "POST".to_owned(), url, headers, body: Some(pairs.join("&").into_bytes()) };
        (CallPurpose::Token(key), request)
    }

    /// The urls that the documents name for the token with this key, and the one that a server named for it, if it is at a
    /// host that may be asked.
    pub(super) fn token_urls(&self, step: &Step, key: &str) -> Vec<String> {
        let has = |key: &str| self.state.credentials.contains_key(key);
        let chosen = choice(&self.program, step, &self.state.settings.servers, &has, self.state.certificate);
        let ways = if let Choice::Ways(ways) = chosen { ways } else { vec![] };
        let mut urls = vec![];
        for way in ways {
            if let AuthMethod::Fetch(fetch) = way
                && key_of(&fetch) == key
            {
                let Fetch { url, refresh_url, .. } = fetch;
                urls.extend([Some(url), refresh_url].into_iter().flatten());
            }
        }
        let named = self.state.tokens.iter().find(|token| token.key == key).and_then(|token| token.endpoint.clone());
        urls.extend(named.filter(|url| self.may_lead_to(url)));
        urls
    }

    /// Learns the tokens of an answer before anything shows it, by whatever names it has them: a server that is not what it
    /// was taken for answers too.
    pub(super) fn learn_tokens(&mut self, purpose: &CallPurpose, answer: &Answer) {
        let CallPurpose::Token(key) = purpose else { return };
        let json = members_of(answer);
        let scheme = key.split(' ').next().unwrap_or_default().to_owned();
        let Json::Object(members) = &json else { return };
        for (field, value) in members.iter().filter(|(field, _)| is_credential_name(field)) {
            self.redactor.learn(&format!("{scheme}.{field}"), value);
        }
    }

    /// Takes what came for a token, and goes on with the step that needs it.
    pub(super) fn receive_token(&mut self, now: Millis, id: StepId, pending: PendingCall, answer: &Answer) -> Phase {
        let json = members_of(answer);
        let (key, failed) = match pending.purpose {
            CallPurpose::Operation | CallPurpose::Message => return Phase::Resume,
            CallPurpose::Discovery(key) => {
                let endpoint = json.get("token_endpoint").and_then(Json::as_str).filter(|_| is_success(answer));
                let failed = match endpoint {
                    Some(url) if url::Url::parse(url).is_err() => {
                        Some((format!("its OpenID configuration names `{url}`, which is no absolute url"), None))
                    }
                    Some(url) if self.may_lead_to(url) => {
                        self.change_token(&key, |token| token.endpoint = Some(url.to_owned()));
                        None
                    }
                    Some(url) => Some((
                        format!("its OpenID configuration names `{url}`, a host that no source names"),
                        Some(Remedy::AllowNamedHost(host_of(url))),
                    )),
                    None if is_success(answer) => {
                        let lack = describe_lack(answer, &json, "token_endpoint");
                        Some((format!("its OpenID configuration {lack}"), None))
                    }
                    None => Some((format!("its OpenID configuration was answered with {}", answer.status), None)),
                };
                (key, failed)
            }
            CallPurpose::Token(key) => {
                let given = json.get("access_token").and_then(Json::as_str);
                // An empty one would be sent as one.
                let access = given.filter(|token| is_success(answer) && !token.is_empty());
                match access {
                    Some(access) => {
                        self.keep_token(now, &key, access, &json);
                        (key, None)
                    }
                    None if self.forget_refresh(&key) => (key, None),
                    None => {
                        let text = |field: &str| json.get(field).and_then(Json::as_str);
                        let said = text("error_description").or_else(|| text("error"));
                        let said = said.map(|said| format!(": {}", self.mask(said))).unwrap_or_default();
                        let reason = if is_success(answer) {
                            format!("the answer {}{said}", describe_lack(answer, &json, "access_token"))
                        } else {
                            format!("the server answered {}{said}", answer.status)
                        };
                        (key, Some((reason, None)))
                    }
                }
            }
        };
        match failed {
            // Others may be needed as well.
            None if self.state.waiting.values().any(|other| other.frame == pending.frame) => Phase::Resume,
            None => Phase::Send { step: id, challenge: pending.challenge },
            Some((reason, remedy)) => {
                let scheme = key.split(' ').next().unwrap_or_default();
                let message = format!("no token for `{scheme}`: {reason}");
                let mut fault = self.fault_at(id, Reason::NoToken, message);
                fault.remark("the operation was not called".to_owned());
                fault.remedy = remedy.map(Box::new);
                Phase::Fail { step: id, fault, exchange: None }
            }
        }
    }

    /// Tokens that were fetched for the next request are those of this call.
    pub(super) fn bind_tokens(&mut self, call: CallId) {
        for token in self.state.tokens.iter_mut().filter(|token| token.serves == Serves::Next) {
            token.serves = Serves::Call(call.0);
        }
    }

    fn change_token(&mut self, key: &str, change: impl FnOnce(&mut Token)) {
        if let Some(token) = self.state.tokens.iter_mut().find(|token| token.key == key) {
            return change(token);
        }
        let (key, serves) = (key.to_owned(), Serves::Nothing);
        let mut token = Token { key, access: None, refresh: None, until: None, serves, endpoint: None };
        change(&mut token);
        self.state.tokens.push(token);
    }

    fn keep_token(&mut self, now: Millis, key: &str, access: &str, json: &Json) {
        let access = self.keep_secret(Value::string(access));
        let refresh = json.get("refresh_token").and_then(Json::as_str);
        let refresh = refresh.map(|text| self.keep_secret(Value::string(text)));
        for slot in [Some(&access), refresh.as_ref()].into_iter().flatten() {
            self.note_kept(slot, &vec![]);
        }
        let seconds = json.get("expires_in").and_then(|value| match value {
            Json::String(text) => text.parse::<f64>().ok(),
            value => value.as_f64(),
        });
        let until = seconds.filter(|seconds| seconds.is_finite()).map(|seconds| {
            let life = (seconds.max(0.0) * 1000.0) as Millis;
            now.saturating_add(life.saturating_sub(EARLY.min(life / 10)))
        });
        self.change_token(key, |token| {
            token.access = Some(access);
            token.until = until;
            token.serves = Serves::Next;
            // An answer without one leaves the old one good (RFC 6749 §6).
            if refresh.is_some() {
                token.refresh = refresh;
            }
        });
    }

    /// A refresh token that was refused is not tried again; `true` if there was one.
    fn forget_refresh(&mut self, key: &str) -> bool {
        let token = self.state.tokens.iter_mut().find(|token| token.key == key);
        token.is_some_and(|token| {
            token.access = None;
            token.refresh.take().is_some()
        })
    }

    /// A server has refused a request: whether another one may satisfy it, with what it asks for.
    pub(super) fn find_challenge(&mut self, step: &Step, answer: &Answer) -> Option<String> {
        let has = |key: &str| self.state.credentials.contains_key(key);
        let Choice::Ways(ways) =
            choice(&self.program, step, &self.state.settings.servers, &has, self.state.certificate)
        else {
            return None;
        };
        for way in ways {
            match way {
                AuthMethod::Digest(_) => {
                    let mut headers = answer.headers.iter();
                    let digest = headers.find(|(name, value)| {
                        name.eq_ignore_ascii_case("www-authenticate") && digest::is_digest(value)
                    });
                    return digest.map(|(_, value)| value.clone());
                }
                // The token may have been withdrawn: a fresh one is tried once.
                AuthMethod::Fetch(fetch) => {
                    let key = key_of(&fetch);
                    let token = self.state.tokens.iter_mut().find(|token| token.key == key)?;
                    token.access = None;
                    return Some(String::new());
                }
                _ => {}
            }
        }
        None
    }
}

/// The host of a url, as it is allowed.
fn host_of(url: &str) -> String {
    url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

fn is_success(answer: &Answer) -> bool {
    (200..300).contains(&answer.status)
}

/// The reason why an answer does not give a text that it should, behind its name.
fn describe_lack(answer: &Answer, members: &Json, field: &str) -> String {
    match members.get(field) {
        Some(Json::String(_)) => format!("has an empty `{field}`"),
        Some(_) => format!("has no text as its `{field}`"),
        None if answer.body.is_none() => "is empty".to_owned(),
        None if matches!(answer.body.as_ref().map(Value::read), Some(Value::Json(_))) || answer.media_type == FORM => {
            format!("has no `{field}`")
        }
        None if answer.media_type.is_empty() => format!("is not JSON, and has no `{field}`"),
        None => format!("is {}, not JSON, and has no `{field}`", answer.media_type),
    }
}

/// The members of a token answer, whatever its media type says: JSON, or a form, as some servers write it.
fn members_of(answer: &Answer) -> Json {
    let text = match answer.body.as_ref().map(Value::read) {
        Some(Value::Json(json @ Json::Object(_))) => return json.clone(),
        Some(other) => other.to_text(),
        None => return Json::Null,
    };
    Json::parse(&text).unwrap_or_else(|| {
        let pairs = url::form_urlencoded::parse(text.trim().as_bytes());
        Json::from(
            pairs.map(|(name, value)| (name.into_owned(), Json::String(value.into_owned()))).collect::<Map<_, _>>(),
        )
    })
}

/// `Basic` credentials (RFC 7617).
fn encode_basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// Adds a pair to the cookies of a request.
pub(super) fn add_cookie(headers: &mut Vec<(String, String)>, pair: &str) {
    match headers.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case("cookie")) {
        Some((_, value)) => value.push_str(&format!("; {pair}")),
        None => headers.push(("Cookie".to_owned(), pair.to_owned())),
    }
}
