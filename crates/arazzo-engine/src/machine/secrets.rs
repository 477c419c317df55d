//! Secrets: slots whose values are kept apart from the state, and values that the redactor has to know.

use std::borrow::Cow;
use std::collections::BTreeSet;

use encoding_rs::{Encoding, UTF_8};

use crate::value::Json;

use super::message::{Channel, Login, Message, Opening};
use super::servers::secrets_of_query;
use super::store::Slot;
use super::{Machine, Request, select};
use crate::address;
use crate::credentials::is_credential_name;
use crate::expr::eval::{Answer, Exchange, SeenMessage, eval};
use crate::expr::{Root, StepId, Template, WorkflowId, pattern};
use crate::media_type::MediaType;
use crate::program::{AnswerPart, Build, Output, Program, SchemaStep, Select, Selection, Step};
use crate::redact::Redactor;
use crate::value::{Value, json_text};

/// Times that a percent-encoded text is decoded to look for secrets.
const ESCAPED: usize = 4;

impl Machine {
    /// Names of the secrets that a request carries, in any form: inputs, `step.output`, credentials. Cookies that are
    /// kept go where their server said, and what stands in the document is its own: they are not among them.
    #[must_use]
    pub fn secrets_in(&self, request: &Request) -> Vec<String> {
        let mut url = request.url.clone();
        if let Ok(mut parsed) = url::Url::parse(&url) {
            // A user in the url is that of its host.
            let _ = (parsed.set_username(""), parsed.set_password(None));
            url = parsed.to_string();
        }
        let values = request.headers.iter().map(|(_, value)| value.as_str());
        let body = request.body.as_deref().unwrap_or_default();
        let content_type = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        self.secrets_in_texts(&mut values.chain([url.as_str()]), body, content_type.map(|(_, value)| value.as_str()))
    }

    /// As [`Machine::secrets_in`], of all that is said to a broker: how it is connected to, and a message. The user in the
    /// url of a server that was given is that server's.
    #[must_use]
    pub fn secrets_in_message(&self, channel: &Channel, message: Option<&Message>) -> Vec<String> {
        // Each by its name, so that nothing that is added is forgotten here.
        let Channel {
            protocol: _,
            host: _,
            path,
            query,
            headers,
            address,
            login,
            proof: _,
            bindings,
            hook: _,
            opening,
        } = channel;
        let mut texts = vec![path.clone(), address.clone()];
        texts.extend(bindings.values().map(json_text));
        texts.extend(query.iter().chain(headers).map(|(_, value)| value.clone()));
        match login.as_ref().filter(|_| !self.is_users_server(channel)) {
            Some(
                Login::Password { user, password }
                | Login::ScramSha256 { user, password }
                | Login::ScramSha512 { user, password },
            ) => texts.extend([user.clone(), password.clone()]),
            Some(Login::Token(token)) => texts.push(token.clone()),
            None => {}
        }
        let mut named =
            headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type")).map(|(_, value)| value);
        let mut body: &[u8] = &[];
        if let Some(Opening { method: _, target, body: opened }) = opening {
            texts.push(target.clone());
            body = opened;
        }
        if let Some(Message { headers, content_type, correlation, reply_to, key, payload }) = message {
            texts.extend(headers.iter().map(|(_, value)| value.clone()));
            texts.extend([correlation, reply_to, key].into_iter().flatten().cloned());
            (named, body) = (content_type.as_ref(), payload);
        }
        self.secrets_in_texts(&mut texts.iter().map(String::as_str), body, named.map(String::as_str))
    }

    /// `true` if who connects is the user in the url of a server that was given.
    fn is_users_server(&self, channel: &Channel) -> bool {
        let mut servers = self.program.channels.iter().filter_map(|known| self.endpoint_of(known).ok());
        servers.any(|known| {
            let login = known.user.map(|(user, password)| Login::Password { user, password });
            login.is_some() && login == channel.login && known.host == channel.host
        })
    }

    fn secrets_in_texts<'t>(
        &self,
        texts: &mut dyn Iterator<Item = &'t str>,
        body: &'t [u8],
        content_type: Option<&str>,
    ) -> Vec<String> {
        let mut found = BTreeSet::new();
        for bytes in texts.map(str::as_bytes).chain([body]) {
            found.extend(self.redactor.names_in(bytes));
            // JSON inside of a query, for one, is escaped twice; so is what a server has escaped already.
            let mut text = Cow::Borrowed(bytes);
            for _ in 0..ESCAPED {
                let decoded: Vec<u8> = percent_encoding::percent_decode(&text).collect();
                if decoded == *text {
                    break;
                }
                found.extend(self.redactor.names_in(&decoded));
                text = Cow::Owned(decoded);
            }
        }
        // What is no letter of ASCII is written in other bytes in other charsets.
        let charset = content_type.and_then(|value| MediaType::parse(value).parameter("charset"));
        let charset = charset.and_then(|label| Encoding::for_label(label.as_bytes())).filter(|known| *known != UTF_8);
        if let Some(charset) = charset {
            let unescaped: Vec<u8> = percent_encoding::percent_decode(body).collect();
            for bytes in [body, &unescaped] {
                found.extend(self.redactor.names_in(charset.decode(bytes).0.as_bytes()));
            }
        }
        found.into_iter().map(str::to_owned).collect()
    }

    /// Learns what an answer gives of secrets, before anything shows it; `body` is it as it came.
    pub(super) fn learn_answer(&mut self, id: StepId, exchange: &Exchange, body: &[u8]) {
        let program = self.program.clone();
        let (Some(step), Some(answer)) = (program.step(id), &exchange.answer) else { return };
        if step.secrets.is_empty() {
            return;
        }
        let error = says_error(answer) && !self.would_succeed(step, exchange);
        for secret in &step.secrets {
            let value = match &secret.part {
                // A line alone is as secret as all of them.
                AnswerPart::Header(name) => Some(answer.header_lines(name).collect()),
                AnswerPart::Body(at) => answer.body.as_ref().and_then(|body| body.at(at)).map(Value::into_json),
                AnswerPart::Selected(name) => {
                    let output = step.outputs.iter().find(|output| output.name == *name);
                    output.and_then(|output| self.evaluate_output(output, Some(exchange))).map(Value::into_json)
                }
            };
            if error && !secret.of_error {
                // What is said about the error is shown; a member of it that is called a secret is one.
                value.iter().for_each(|value| self.learn_named(&secret.name, value));
            } else if let Some(value) = value {
                self.redactor.learn(&secret.name, &value);
            } else if !answer.body.as_ref().is_some_and(|body| matches!(body.read(), Value::Json(_)))
                && let Some(member) = member_of(&secret.part, step)
            {
                // Broken JSON says it too.
                for text in broken_members(&String::from_utf8_lossy(body), &member) {
                    self.redactor.learn(&secret.name, &Json::String(text));
                }
            }
        }
    }

    /// Learns the texts of a value whose members are called secrets.
    fn learn_named(&mut self, name: &str, value: &Json) {
        let mut left = vec![(name.to_owned(), value)];
        while let Some((name, value)) = left.pop() {
            match value {
                Json::Array(items) => left.extend(items.iter().map(|item| (name.clone(), item))),
                Json::Object(members) => {
                    for (key, member) in members.iter() {
                        let full = format!("{name}.{key}");
                        match member {
                            Json::String(_) if is_credential_name(key) => self.redactor.learn(&full, member),
                            _ => left.push((full, member)),
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// Learns what a message that a step may take gives of secrets, before anything shows it.
    pub(super) fn learn_message(&mut self, id: StepId, seen: &SeenMessage) {
        // Whoever sends it may prove who it is: to a webhook, with a header as for any request.
        for (name, value) in seen.headers.iter().filter(|(name, _)| is_credential_name(name)) {
            self.learn_credential(name, &Json::String(value.clone()));
        }
        let program = self.program.clone();
        let Some(step) = program.step(id) else { return };
        for secret in &step.secrets {
            let value = match &secret.part {
                AnswerPart::Header(name) => seen.header(name).map(|text| Json::String(text.to_owned())),
                AnswerPart::Body(at) => seen.payload.as_ref().and_then(|body| body.at(at)).map(Value::into_json),
                AnswerPart::Selected(name) => {
                    let exchange = Exchange { message: Some(Box::new(seen.clone())), ..Exchange::default() };
                    let output = step.outputs.iter().find(|output| output.name == *name);
                    output.and_then(|output| self.evaluate_output(output, Some(&exchange))).map(Value::into_json)
                }
            };
            if let Some(value) = value {
                self.redactor.learn(&secret.name, &value);
            }
        }
    }

    /// Learns the texts that the queries of a value build of secrets: a function may change one so that it is not found
    /// any more. A selected node holds one or does not; numbers and booleans are none.
    pub(super) fn learn_derived(&mut self, name: &str, build: &Build, exchange: Option<&Exchange>) {
        let mut found = vec![];
        for selection in build.selections() {
            found.extend(self.find_derived(selection, exchange));
        }
        for (text, parts) in found {
            self.redactor.learn_derived(name, &text, &parts);
        }
    }

    /// The texts of a selection that would be others if the secrets in its context were, with the numbers of those.
    fn find_derived(&self, selection: &Selection, exchange: Option<&Exchange>) -> Vec<(String, BTreeSet<usize>)> {
        let Select::Xpath(query, placeholders) = &selection.select else { return vec![] };
        let view = self.view(exchange);
        let Ok(Some(context)) = eval(&selection.context, &view) else { return vec![] };
        let Some(xml) = select::read_xml(&context) else { return vec![] };
        let Ok(bindings) = select::build_bindings(placeholders, &view, pattern::escaped_for_xpath) else {
            return vec![];
        };
        let mut parts = self.redactor.numbers_in(xml.as_bytes());
        for binding in &bindings {
            parts.extend(self.redactor.numbers_in(json_text(binding).as_bytes()));
        }
        if parts.is_empty() {
            return vec![];
        }
        let other_xml = self.redactor.rotated(&xml, true);
        let rotated = |binding: &Json| match binding {
            Json::String(text) => Json::String(self.redactor.rotated(text, false)),
            other => other.clone(),
        };
        let other_bindings: Vec<Json> = bindings.iter().map(rotated).collect();
        let texts = |found: Result<Option<Json>, String>| -> Vec<String> {
            match found.ok().flatten() {
                Some(Json::String(text)) => vec![text],
                Some(Json::Array(items)) => items.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
                _ => vec![],
            }
        };
        let others = texts(query.select(&other_xml, &other_bindings));
        let known = |text: &String| others.contains(text) || other_xml.contains(text.as_str());
        let built = texts(query.select(&xml, &bindings)).into_iter();
        // What holds it as it is found as it is; what the query itself says, a comparison chose.
        let built = built.filter(|text| !known(text) && !selection.text.contains(text.as_str()));
        let built = built.filter(|text| self.redactor.numbers_in(text.as_bytes()).is_empty());
        built.map(|text| (text, parts.clone())).collect()
    }

    /// `true` if the value of a secret output is what a server says about an error: it is shown.
    pub(super) fn is_error_text(&self, step: &Step, output: &Output, exchange: Option<&Exchange>) -> bool {
        let answer = exchange.and_then(|exchange| exchange.answer.as_ref());
        let is_of = |part: &AnswerPart| match part {
            AnswerPart::Body(at) => {
                let value = &output.value;
                value.reads_any(&mut |_| true)
                    && !value.reads_any(&mut |read| read.expr.root != Root::ResponseBody || read.expr.at != *at)
            }
            AnswerPart::Selected(name) => *name == output.name,
            AnswerPart::Header(_) => false,
        };
        let part = step.secrets.iter().find(|secret| is_of(&secret.part));
        answer.is_some_and(says_error) && part.is_some_and(|part| !part.of_error)
    }

    /// Constants in credential positions are secrets that stand in the document.
    pub(super) fn learn_constants(&mut self, workflow: WorkflowId) {
        let program = self.program.clone();
        let reached = program.reached(workflow);
        let steps = reached.iter().filter_map(|id| program.workflow(*id)).flat_map(|w| &w.steps);
        for step in steps.filter_map(|id| program.step(*id)) {
            for argument in step.call.arguments().iter().filter(|argument| argument.credential) {
                if let Build::Template(leaf) = &argument.value
                    && let Template::Literal(text) = &leaf.template
                {
                    self.learn_credential(&argument.name, &Json::String(text.clone()));
                }
            }
        }
    }

    /// A credential that no known secret is part of: its value after the scheme word is one.
    pub(super) fn learn_credential(&mut self, name: &str, value: &Json) {
        let text = json_text(value);
        if self.redactor.mask(&text) != text {
            return;
        }
        let secret = match text.split_once(' ') {
            Some((scheme, rest))
                if ["bearer", "basic", "token", "apikey"].contains(&scheme.to_ascii_lowercase().as_str()) =>
            {
                rest
            }
            _ => &text,
        };
        self.redactor.learn_masked(name, &Json::String(secret.to_owned()));
    }

    /// The password in `https://user:password@host`, or the user in `https://token@host`, wherever the url came from.
    pub(super) fn learn_password(&mut self, url: &str) {
        // Parsing is for the few that can have one.
        if !url.contains('@') {
            return;
        }
        let Ok(url) = url::Url::parse(url) else { return };
        let Some((name, secret)) = address::secret_of(&url) else { return };
        let decoded = percent_encoding::percent_decode_str(secret).decode_utf8_lossy();
        for form in [secret, &decoded] {
            // Once: the same server is called again and again.
            if self.redactor.mask(form) == form {
                let value = Json::String(form.to_owned());
                self.redactor.learn(name, &value);
            }
        }
    }

    /// Who connects to a broker is a secret, wherever it came from.
    pub(super) fn learn_login(&mut self, login: Option<&Login>) {
        use Login::{Password, ScramSha256, ScramSha512, Token};
        let secret = match login {
            Some(Password { password, .. } | ScramSha256 { password, .. } | ScramSha512 { password, .. }) => password,
            Some(Token(token)) => token,
            None => return,
        };
        if self.redactor.mask(secret) == *secret {
            self.redactor.learn("password", &Json::String(secret.clone()));
        }
    }

    /// The keys in the queries of servers that were given.
    pub(super) fn learn_servers(&mut self) {
        let servers = &self.state.settings.servers;
        let given: Vec<String> = servers.named.values().chain(&servers.all).cloned().collect();
        for (name, secret) in given.iter().flat_map(|url| secrets_of_query(url, &self.program)) {
            let decoded = percent_encoding::percent_decode_str(secret).decode_utf8_lossy();
            for form in [secret, &decoded] {
                self.redactor.learn(name, &Json::String(form.to_owned()));
            }
        }
    }

    pub(super) fn keep_input(&mut self, workflow: WorkflowId, name: &str, value: Json) -> Slot {
        let value = match self.state.settings.files.get(name) {
            Some(file) if self.state.frames.is_empty() => Value::File(file.clone()),
            _ => Value::Json(value),
        };
        let (program, named) = (&self.program, &self.state.settings.secrets);
        let secret = learn_input(&mut self.redactor, (program, workflow, named), name, &value.clone().into_json());
        if secret { self.keep_secret(value) } else { Slot::plain(value) }
    }

    pub(super) fn keep_secret(&mut self, value: Value) -> Slot {
        Slot::secret(self.secrets.put(value))
    }
}

/// Learns an input of a workflow, or the parts of it that its schema calls passwords; `true` if all of it is a secret, by
/// the document or because the user named it as one.
pub(crate) fn learn_input(
    redactor: &mut Redactor,
    (program, workflow, named): (&Program, WorkflowId, &[String]),
    name: &str,
    value: &Json,
) -> bool {
    let inputs = program.workflow(workflow).map(|own| &own.inputs);
    if named.iter().any(|secret| secret == name) || inputs.is_some_and(|inputs| inputs.secret.contains(name)) {
        redactor.learn(name, value);
        return true;
    }
    let input = inputs.and_then(|inputs| inputs.given().find(|input| input.name == name));
    for way in input.into_iter().flat_map(|input| &input.secret_parts) {
        let mut found = vec![value];
        let mut full = name.to_owned();
        for step in way {
            found = match step {
                SchemaStep::Member(member) => {
                    full = format!("{full}.{member}");
                    found.into_iter().filter_map(|value| value.get(member.as_str())).collect()
                }
                SchemaStep::Items => {
                    found.into_iter().filter_map(Json::as_array).flat_map(|items| items.iter()).collect()
                }
            };
        }
        found.into_iter().for_each(|value| redactor.learn(&full, value));
    }
    false
}

/// The name of the member that a part of an answer is.
fn member_of(part: &AnswerPart, step: &Step) -> Option<String> {
    match part {
        AnswerPart::Header(_) => None,
        AnswerPart::Body(at) => at.tokens().last().cloned(),
        AnswerPart::Selected(name) => {
            let output = step.outputs.iter().find(|output| output.name == *name)?;
            let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
            let end = output.text.trim_end_matches(|c: char| !word(c));
            Some(end.rsplit(|c: char| !word(c)).next()?.to_owned())
        }
    }
}

/// The texts and numbers behind the members of a name in JSON that is broken or cut, as far as they go.
fn broken_members(text: &str, name: &str) -> Vec<String> {
    let mut found = vec![];
    let mut rest = text;
    let quoted = Json::String(name.to_owned()).to_string();
    while let Some((_, after)) = rest.split_once(&quoted) {
        rest = after;
        let Some(value) = after.trim_start().strip_prefix(':').map(str::trim_start) else { continue };
        let Some(string) = value.strip_prefix('"') else {
            let end = value.find(|c: char| c.is_whitespace() || ",]}".contains(c)).unwrap_or(value.len());
            found.extend(value.get(..end).map(str::to_owned));
            continue;
        };
        let mut escaped = false;
        let end = string.find(|c: char| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        let written = string.get(..end.unwrap_or(string.len())).unwrap_or_default();
        let read = serde_json::from_str::<String>(&format!("\"{written}\""));
        found.push(read.unwrap_or_else(|_| written.to_owned()));
    }
    found
}

/// `true` for an answer that says that something went wrong.
fn says_error(answer: &Answer) -> bool {
    answer.status >= 400
}
