//! A recording as a test of its workflow: what was given, what came, and what that led to.

use std::collections::BTreeMap;

use arazzo_engine::credentials::Credential;
use arazzo_engine::event::{FailureKind, RunStatus};
use arazzo_engine::machine::CallId;
use arazzo_engine::machine::message::{ChannelInput, DeliveryId, Message, SubscriptionId};
use arazzo_engine::readings::Readings;
use arazzo_engine::value::{Json, Map};

use super::recording::{Entry, Recording, Sent, TakenMessage};
use crate::channel::SEND;

/// A run as a test expects it, with stand-ins for its secrets.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RecordedCase {
    /// The `workflowId`.
    pub workflow: String,
    /// Inputs that are not secret, by name.
    pub inputs: Map<String, Json>,
    /// Inputs that are, with stand-ins.
    pub secrets: Map<String, Json>,
    /// Credentials that were given beside the inputs, with stand-ins for those that are secret.
    pub credentials: Vec<RecordedCredential>,
    /// The base url for all sources, if one was given.
    pub server: Option<String>,
    /// Base urls that were given, by source description.
    pub servers: BTreeMap<String, String>,
    /// Values of server variables that were given.
    pub server_variables: BTreeMap<String, String>,
    /// The mode in which the documents were read.
    pub readings: Readings,
    /// Steps in the order in which they first sent a request, with what came for them in its order.
    pub replies: Vec<(String, Vec<RecordedReply>)>,
    /// Steps that waited for messages, in the order in which they first did, with those that they took. One without any has
    /// waited in vain.
    pub messages: Vec<(String, Vec<RecordedMessage>)>,
    /// The requests: step, method, path and query; `SEND` and the address of messages.
    pub requests: Vec<(String, String, String)>,
    /// How the run ended.
    pub status: RunStatus,
    /// Its exit code.
    pub exit: u8,
    /// Its outputs, as events show them.
    pub outputs: Map<String, Json>,
    /// The code of the reason why it did not succeed.
    pub why: Option<String>,
    /// The step where it did not.
    pub step: Option<String>,
}

/// A credential of a recorded run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedCredential {
    /// What it is for, as [`crate::Credentials::insert`] takes it.
    pub key: String,
    /// The name that is shown in the place of its value.
    pub name: String,
    /// Its value; a stand-in, if it is secret.
    pub value: String,
    /// `false` for what only says who calls.
    pub secret: bool,
}

/// A message that a step took.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedMessage {
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its payload.
    pub payload: Vec<u8>,
}

/// What came for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordedReply {
    /// An answer.
    Response {
        /// The status code.
        status: u16,
        /// Its headers.
        headers: Vec<(String, String)>,
        /// Its body.
        body: Vec<u8>,
    },
    /// None.
    Failure(FailureKind),
}

impl Recording {
    /// The reason why the run is no test of its workflow, which has one course, from its beginning to its end.
    #[must_use]
    pub fn not_a_case(&self) -> Option<String> {
        self.entries.iter().find_map(|entry| match entry {
            Entry::Cancel { .. } => Some("the run was interrupted".to_owned()),
            Entry::BegunAgain { step, .. } => Some(format!("the run failed, and began again at step `{step}`")),
            _ => None,
        })
    }

    /// The run as a test of its workflow. Answers that nobody waited for any more are left out.
    #[must_use]
    pub fn as_case(&self) -> RecordedCase {
        let is_secret = |name: &str| self.head.secret.iter().any(|secret| secret == name);
        let (secrets, inputs) = self.head.inputs.clone().into_iter().partition(|(name, _)| is_secret(name));
        let mut answers: BTreeMap<CallId, RecordedReply> = BTreeMap::new();
        for entry in &self.entries {
            let (call, came) = match entry {
                Entry::Reply { call, status, headers, body, .. } => {
                    let (headers, body) = (headers.clone(), body.bytes());
                    (call, RecordedReply::Response { status: *status, headers, body })
                }
                Entry::Failure { call, kind, .. } => (call, RecordedReply::Failure(*kind)),
                _ => continue,
            };
            answers.entry(*call).or_insert(came);
        }
        let mut replies: Vec<(String, Vec<RecordedReply>)> = vec![];
        let mut requests = vec![];
        for entry in &self.entries {
            let Entry::Request(Sent { call, step, method, url, .. }) = entry else { continue };
            let target = url.split_once("://").and_then(|(_, rest)| rest.find('/').and_then(|at| rest.get(at..)));
            let target = target.unwrap_or_default();
            if method == SEND {
                requests.push((step.clone(), method.clone(), target.trim_start_matches('/').to_owned()));
                continue;
            }
            requests.push((step.clone(), method.clone(), target.to_owned()));
            let came = answers.get(call).cloned();
            let place = replies.iter().position(|(known, _)| known == step);
            match place.and_then(|place| replies.get_mut(place)) {
                Some((_, all)) => all.extend(came),
                None => replies.push((step.clone(), came.into_iter().collect())),
            }
        }
        let (end, settings) = (self.end.clone(), self.settings());
        let servers = settings.servers.clone();
        RecordedCase {
            workflow: self.head.workflow.clone(),
            inputs,
            secrets,
            credentials: settings
                .credentials
                .iter()
                .map(|(key, Credential { name, value, secret })| RecordedCredential {
                    key: key.to_owned(),
                    name: name.clone(),
                    value: value.clone(),
                    secret: *secret,
                })
                .collect(),
            server: servers.all,
            servers: servers.named,
            server_variables: servers.variables,
            readings: self.readings(),
            replies,
            messages: self.taken_messages(),
            requests,
            status: end.status,
            exit: end.exit,
            outputs: end.outputs,
            why: end.why,
            step: end.step,
        }
    }

    /// What steps took of what came by channels.
    fn taken_messages(&self) -> Vec<(String, Vec<RecordedMessage>)> {
        let came = |place: &(SubscriptionId, DeliveryId)| {
            self.entries.iter().find_map(|entry| match entry {
                Entry::Channel { heard: ChannelInput::Received { subscription, delivery }, .. } => {
                    ((*subscription, delivery.delivery) == *place).then_some(&delivery.message)
                }
                _ => None,
            })
        };
        let mut messages: Vec<(String, Vec<RecordedMessage>)> = vec![];
        for TakenMessage { step, message } in &self.end.messages {
            let message = message.as_ref().and_then(came);
            let message = message.map(|Message { headers, payload, .. }| RecordedMessage {
                headers: headers.clone(),
                payload: payload.clone(),
            });
            match messages.iter_mut().find(|(known, _)| known == step) {
                Some((_, all)) => all.extend(message),
                None => messages.push((step.clone(), message.into_iter().collect())),
            }
        }
        messages
    }
}
