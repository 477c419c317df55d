//! Secrets: slots whose values are kept apart from the state, and values that the redactor has to know.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::value::Json;

use super::servers::secrets_of_query;
use super::store::Slot;
use super::{Machine, Request};
use crate::address;
use crate::expr::eval::{Answer, Exchange};
use crate::expr::{Root, StepId, Template, WorkflowId};
use crate::program::{AnswerPart, Build, Output, Step};
use crate::value::Value;

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
        let values = request.headers.iter().map(|(_, value)| value.as_bytes());
        let whole = [url.as_bytes(), request.body.as_deref().unwrap_or_default()];
        let mut found = BTreeSet::new();
        for bytes in whole.into_iter().chain(values) {
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
        found.into_iter().map(str::to_owned).collect()
    }

    /// Learns what an answer gives of secrets, before anything shows it.
    pub(super) fn learn_answer(&mut self, id: StepId, exchange: &Exchange) {
        let program = self.program.clone();
        let (Some(step), Some(answer)) = (program.step(id), &exchange.answer) else { return };
        if step.secrets.is_empty() {
            return;
        }
        let error = says_error(answer) && !self.would_succeed(step, exchange);
        for secret in step.secrets.iter().filter(|secret| !error || secret.of_error) {
            let value = match &secret.part {
                // A line alone is as secret as all of them.
                AnswerPart::Header(name) => Some(answer.header_lines(name).collect()),
                AnswerPart::Body(at) => answer.body.as_ref().and_then(|body| body.at(at)).map(Value::into_json),
                AnswerPart::Selected(name) => {
                    let output = step.outputs.iter().find(|output| output.name == *name);
                    output.and_then(|output| self.evaluate_output(output, Some(exchange))).map(Value::into_json)
                }
            };
            if let Some(value) = value {
                self.redactor.learn(&secret.name, &value);
            }
        }
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
        let text = crate::value::json_text(value);
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
        let marked = self.program.workflow(workflow).is_some_and(|w| w.inputs.secret.contains(name));
        let marked = marked || self.state.settings.secrets.iter().any(|secret| secret == name);
        let value = match self.state.settings.files.get(name) {
            Some(file) if self.state.frames.is_empty() => Value::File(file.clone()),
            _ => Value::Json(value),
        };
        if !marked {
            return Slot::plain(value);
        }
        self.redactor.learn(name, &value.clone().into_json());
        self.keep_secret(value)
    }

    pub(super) fn keep_secret(&mut self, value: Value) -> Slot {
        Slot::secret(self.secrets.put(value))
    }
}

/// `true` for an answer that says that something went wrong.
fn says_error(answer: &Answer) -> bool {
    answer.status >= 400
}
