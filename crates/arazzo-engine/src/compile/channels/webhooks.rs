//! Steps that receive webhooks of OpenAPI documents: requests that a server sends become messages. Each webhook becomes a
//! channel of the program, as the streams of operations do.

use crate::code::Code;
use crate::compile::{Compiler, Context, Stage};
use crate::diagnostic::{Diagnostic, Subject, nearest};
use crate::document::{self, MessageAction, Text};
use crate::json;
use crate::media_type::MediaType;
use crate::node::Node;
use crate::openapi::sample::sample_of;
use crate::openapi::schema::{Direction, checked};
use crate::openapi::{self, Api, Media, Parameter};
use crate::program::entry::samples_of;
use crate::program::{Call, Channel, ChannelId, ChannelKind, Message, MessageTarget, ReceiveCall};
use crate::source::Span;
use crate::value::{Json, Map, Pointer};

/// Where the webhooks of a document begin.
const WEBHOOKS: &str = "/webhooks/";

/// What a step names: its source, and the operation of a webhook.
type Named<'b> = (usize, openapi::Operation<'b>);

impl<'b> Compiler<'b> {
    /// A step that names a webhook: what it does, nothing if that was wrong. `None` if it names something else.
    pub(in crate::compile) fn webhook(
        &mut self,
        step: &document::Step,
        context: &Context<'_>,
    ) -> Option<(Call, Stage)> {
        let found = match (&step.operation_id, step.operation_path.as_ref().or(step.channel_path.as_ref())) {
            (Some(text), None) => Some(self.webhook_by_id(text)?),
            (None, Some(text)) if text.value.contains(WEBHOOKS) => self.webhook_by_path(text)?,
            _ => return None,
        };
        let receives = self.is_received(step, found.as_ref());
        let correlation = found.as_ref().map(|(_, view)| self.openapi_correlation(step, view.key.span, context));
        let (Some((source, view)), true) = (found, receives) else { return Some((self.nothing(step), Stage::Unknown)) };
        self.of_openapi(step, "a webhook of an OpenAPI document is received", view.key.span);
        self.bounded(step);
        let channel = self.webhook_channel(source, &view);
        let messages = self.channels.get(channel).map_or(0, |channel| channel.messages.len());
        let target = MessageTarget {
            channel: ChannelId(channel as u32),
            operation: view.id().map(str::to_owned),
            messages: (0..messages).collect(),
            bindings: Map::new(),
            arguments: vec![],
        };
        let correlation = correlation.flatten();
        let call = ReceiveCall { target, request: None, correlation, reply_to: None, stays_open: false };
        Some((Call::Receive(Box::new(call)), Stage::Received))
    }

    /// Says what a step has that receives no webhook.
    fn is_received(&mut self, step: &document::Step, found: Option<&Named<'b>>) -> bool {
        let before = self.diagnostics.len();
        match step.action {
            Some((MessageAction::Receive, _)) => {}
            Some((MessageAction::Send, span)) => self.misplaced_action(
                span,
                "a webhook is called by the server of its document, and a step receives it",
                "write action: receive",
            ),
            // Without `action`, a channelPath was said to lack it when the document was read.
            None if step.channel_path.is_some() => return false,
            None => {
                let message = format!("step `{}` names a webhook, and does not say that it receives it", step.id.value);
                let fault = Diagnostic::error(Code::MissingField, step.id.span(), message);
                let fault = fault.about(Subject::Field("action")).help("add `action: receive`");
                self.push(fault.section("§Step Object"));
            }
        }
        if let Some(body) = &step.request_body {
            let message = "a step that receives a message sends nothing";
            let fault = Diagnostic::error(Code::MisplacedField, body.span, message).help("leave `requestBody` out");
            self.push(fault.section("§Step Object"));
        }
        for parameter in self.parameter_objects(&step.parameters) {
            let name = &parameter.name.value;
            let message = format!("parameter `{name}` goes nowhere: a webhook is called by the server of its document");
            let fault = Diagnostic::error(Code::MisplacedParameter, parameter.name.span(), message);
            self.push(
                fault
                    .help("leave it out; `correlationId` says which message is waited for")
                    .section("§Parameter Object"),
            );
        }
        found.is_some() && self.diagnostics.len() == before
    }

    /// The webhook whose operation has this id, where no other operation has it.
    fn webhook_by_id(&mut self, text: &Text) -> Option<Named<'b>> {
        let qualified = text.value.strip_prefix("$sourceDescriptions.").and_then(|rest| self.prefixed(rest));
        let (only, id) = qualified.map_or((None, text.value.as_str()), |(source, id)| (Some(source), id));
        let apis = self.apis().filter(|(source, _)| only.is_none_or(|only| only == *source));
        let find = |(source, api): (usize, Api<'b>)| {
            let found = api.webhooks().find(|operation| operation.id() == Some(id))?;
            Some((source, found))
        };
        let found = apis.filter_map(find).collect::<Vec<_>>();
        let others = || self.apis().any(|(_, api)| !api.by_id(id).is_empty());
        let first = found.first().copied()?;
        (!others()).then_some(first)
    }

    /// The webhook at a path; `Some(None)` if that was wrong.
    fn webhook_by_path(&mut self, text: &Text) -> Option<Option<Named<'b>>> {
        let (head, pointer) = text.value.split_once('#')?;
        let name = head.trim_matches(['{', '}', ' ']).strip_prefix("$sourceDescriptions.")?;
        let name = name.strip_suffix(".url").unwrap_or(name);
        let (source, api) = self.apis().find(|(source, _)| self.source_name(*source) == name)?;
        let decoded = percent_encoding::percent_decode_str(pointer).decode_utf8_lossy();
        let found = api.webhooks_at(&Pointer::parse(&decoded));
        if let [only] = found.as_slice() {
            return Some(Some((source, *only)));
        }
        let pointers: Vec<String> = api
            .webhooks()
            .map(|o| Pointer::of(vec!["webhooks".to_owned(), o.path.to_owned(), o.method.to_owned()]).to_string())
            .collect();
        let near = nearest(pointer, pointers.iter().map(String::as_str));
        let near = near.map(|near| crate::diagnostic::Help::meant_behind("#", near));
        let message = match found.len() {
            0 => format!("`{name}` has no webhook at #{pointer}"),
            several => format!("`{name}` has {several} operations at #{pointer}"),
        };
        self.push(
            Diagnostic::error(Code::UnknownOperationPath, text.span(), message).help(near).section("§Step Object"),
        );
        Some(None)
    }

    /// The entry of the program for a webhook.
    fn webhook_channel(&mut self, source: usize, view: &openapi::Operation<'b>) -> usize {
        let api = self.api_of.get(source).copied().unwrap_or(source);
        let method = view.method.to_ascii_uppercase();
        let kind = ChannelKind::Webhook { method, status: view.accepted_status() };
        let is = |channel: &Channel| channel.kind == kind && channel.api == api && channel.span == view.key.span;
        if let Some(index) = self.channels.iter().position(is) {
            return index;
        }
        let messages = self.webhook_messages(view);
        self.channels.push(Channel {
            api,
            name: view.path.to_owned(),
            address: Some(format!("/{}", view.path)),
            parameters: vec![],
            servers: vec![],
            chosen: None,
            messages,
            bindings: Map::new(),
            kind,
            span: view.key.span,
        });
        self.channels.len() - 1
    }

    fn webhook_messages(&mut self, view: &openapi::Operation<'b>) -> Vec<Message> {
        let api = view.api();
        let body = match view.request_body() {
            Ok(body) => body,
            Err(broken) => {
                self.broken(broken);
                None
            }
        };
        let (parameters, _) = view.parameters();
        let headers: Vec<Parameter<'b>> = parameters.into_iter().filter(|p| p.location == "header").collect();
        let content = body.map(|body| body.content).unwrap_or_default();
        if content.is_empty() {
            return vec![message(api, None, &headers, view.key.span)];
        }
        content.iter().map(|media| message(api, Some(media), &headers, view.key.span)).collect()
    }
}

fn message(api: Api<'_>, media: Option<&Media<'_>>, headers: &[Parameter<'_>], span: Span) -> Message {
    let schema = media.and_then(|media| api.resolve(media.schema?).ok());
    let sampled = |parameter: &&Parameter<'_>| {
        let value = parameter.schema().map(|schema| sample_of(api, schema, Direction::Request, parameter.name, &[]));
        Some((parameter.name.to_owned(), value?))
    };
    let made: Map<String, Json> =
        headers.iter().filter(|parameter| parameter.required).filter_map(|p| sampled(&p)).collect();
    let made = Json::Object(made.into());
    let examples = media.map(|media| examples(api, media)).unwrap_or_default();
    let documented = !examples.is_empty();
    let samples = if !documented {
        let payload = schema.map(|schema| sample_of(api, schema, Direction::Request, "body", &[]));
        let usual =
            || if media.is_some_and(|media| MediaType::parse(media.name).is_json()) { json!({}) } else { Json::Null };
        samples_of(api, (made, payload.unwrap_or_else(usual)), schema, Direction::Request)
    } else {
        examples.into_iter().map(|payload| (made.clone(), payload)).collect()
    };
    let content_type = media.filter(|media| !media.name.contains('*')).map(|media| media.name.to_owned());
    Message {
        name: content_type.clone().unwrap_or_else(|| "request".to_owned()),
        content_type,
        correlation: None,
        headers: headers.iter().map(|parameter| parameter.name.to_owned()).collect(),
        header_schema: None,
        payload_schema: schema.and_then(|schema| checked(api, schema, Direction::Request).ok()),
        samples,
        documented,
        bindings: Map::new(),
        span,
    }
}

/// The examples of a body.
fn examples(api: Api<'_>, media: &Media<'_>) -> Vec<Json> {
    let Some(node) = media.node else { return vec![] };
    let named = node.get("examples").map(Node::members).unwrap_or_default();
    let value = |example: &Node| {
        let example = api.resolve(example).ok()?;
        ["dataValue", "value", "serializedValue"].iter().find_map(|name| example.get(name)).map(Node::to_json)
    };
    let own = node.get("example").map(Node::to_json);
    own.into_iter().chain(named.iter().filter_map(|(_, example)| value(example))).collect()
}
