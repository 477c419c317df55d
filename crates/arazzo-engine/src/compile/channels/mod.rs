//! `operationId`, `operationPath` and `channelPath` → the channel of an AsyncAPI document, and its entry in the program.

mod carriage;
mod handshake;
mod located;
pub(super) mod messages;
mod streams;
mod webhooks;

use crate::asyncapi::{self, AsyncApi, CorrelationPlace, Protocol, is_same_name};
use crate::code::Code;
use crate::compile::Compiler;
use crate::compile::meant::folded;
use crate::diagnostic::{Diagnostic, Edit, Help, nearest};
use crate::document::{self, MessageAction, Text};
use crate::load::DescribedKind;
use crate::node::Node;
use crate::program::entry::{self, channel_entry};
use crate::program::{Argument, Channel, ChannelId, MessageTarget};
use crate::remedy::Remedy;
use crate::source::Span;
use crate::value::Pointer;

/// What a step aims at.
pub(super) struct Aim<'b> {
    /// The source description.
    pub(super) source: usize,
    pub(super) channel: asyncapi::Channel<'b>,
    pub(super) operation: Option<asyncapi::Operation<'b>>,
    pub(super) messages: Vec<asyncapi::Message<'b>>,
    /// The place in the message of the operation that says where its answer comes.
    pub(super) reply_to: Option<CorrelationPlace>,
    /// `true` if it is the answer to the message of its operation.
    pub(super) is_reply: bool,
}

impl<'b> Aim<'b> {
    /// What the operation asks of the protocol. The request that it describes is that of the message, and no stream of
    /// answers.
    pub(super) fn operation_bindings(&self) -> Option<&'b Node> {
        let is_request = |server: &asyncapi::Server<'b>| server.protocol().is_some_and(Protocol::is_web);
        let is_left = self.is_reply && self.channel.servers().iter().any(is_request);
        self.operation.filter(|_| !is_left)?.bindings()
    }

    /// Names of the parameters of the address; those that are declared where it is known in a run only.
    pub(super) fn parameter_names(&self) -> Vec<String> {
        match self.channel.address() {
            Some(address) => crate::compile::meant::path_names(address).into_iter().map(str::to_owned).collect(),
            None => self.channel.parameter_keys().into_iter().map(|key| key.name.clone()).collect(),
        }
    }
}

/// What was named: an operation, or a channel.
enum Named<'b> {
    Operation(asyncapi::Operation<'b>),
    Channel(asyncapi::Channel<'b>),
}

impl<'b> Compiler<'b> {
    /// The channel that a step sends to or receives from; a diagnostic if there is none.
    pub(super) fn aim(&mut self, workflow: &document::Workflow, step: &document::Step) -> Option<Aim<'b>> {
        let (source, named) = match (&step.operation_id, &step.operation_path, &step.channel_path) {
            (Some(text), None, None) => self.message_by_id(text),
            (None, Some(text), None) => self.message_by_path(text),
            (None, None, Some(text)) => self.channel_by_path(text),
            // Reading the document said that nothing is named, or too much.
            _ => None,
        }?;
        let aim = match named {
            Named::Channel(channel) => {
                let messages = channel.messages();
                Aim { source, channel, operation: None, messages, reply_to: None, is_reply: false }
            }
            Named::Operation(operation) => self.aim_of(workflow, step, source, operation)?,
        };
        self.check_protocol(step, &aim);
        self.check_described(step, &aim);
        Some(aim)
    }

    /// What a step uses of the document is what AsyncAPI says that it is.
    fn check_described(&mut self, step: &document::Step, aim: &Aim<'b>) {
        let servers = aim.channel.servers();
        let by_servers = self.surroundings.servers.of(self.source_name(aim.source)).is_none();
        let server = self.chosen(&servers).filter(|_| by_servers).and_then(|at| servers.get(at));
        if let Some(server) = server {
            let source = self.source_name(aim.source).to_owned();
            self.check_broker(step, server, &source);
        }
        let used = asyncapi::Used {
            channel: &aim.channel,
            operation: aim.operation.as_ref(),
            is_reply: aim.is_reply,
            server,
            by_servers,
            protocol: self.protocol_of(aim),
        };
        for mut fault in used.faults() {
            fault.notes.push((step.id.span(), format!("used by step `{}`", step.id.value)));
            self.push(fault.section("AsyncAPI, §Channel Object"));
        }
    }

    /// The channel of an operation. A receive means the answer, where a message of the same operation is sent before.
    fn aim_of(
        &mut self,
        workflow: &document::Workflow,
        step: &document::Step,
        source: usize,
        operation: asyncapi::Operation<'b>,
    ) -> Option<Aim<'b>> {
        let id = |step: &document::Step| {
            let text = step.operation_id.as_ref().or(step.operation_path.as_ref())?;
            Some(folded(text.value.rsplit(['.', '/']).next().unwrap_or_default()))
        };
        let is = |step: &document::Step, wanted| step.action.as_ref().is_some_and(|(action, _)| *action == wanted);
        let before = workflow.steps.iter().take_while(|other| other.id.span() != step.id.span());
        let sent = before.filter(|other| is(other, MessageAction::Send)).any(|other| id(other) == id(step));
        let reply = operation.reply();
        let receives = is(step, MessageAction::Receive);
        // What is received and is no answer comes by the channel of the operation.
        let reply_to = reply.filter(|_| sent || !receives).and_then(|reply| reply.address());
        let reply = reply.filter(|_| sent && receives);
        let led = match reply {
            Some(reply) => reply.channel(),
            None => operation.channel(),
        };
        let channel = match led {
            Ok(Some(channel)) => channel,
            // An answer without a channel of its own comes on that of the operation.
            Ok(None) if reply.is_some() => operation.channel().ok().flatten()?,
            Ok(None) => {
                let message = format!("operation `{}` names no channel that is described", operation.id());
                self.push(Diagnostic::error(Code::UnknownChannel, operation.key.span, message));
                return None;
            }
            Err(broken) => {
                self.broken(broken);
                return None;
            }
        };
        let messages = match reply {
            Some(reply) => reply.messages(&channel),
            None => operation.messages(&channel),
        };
        let is_reply = reply.is_some();
        Some(Aim { source, channel, operation: Some(operation), messages, reply_to, is_reply })
    }

    /// The view of an AsyncAPI source; a diagnostic if it is something else, or of a version that is not read. Nothing if it
    /// could not be read: that was said when it was loaded.
    fn asyncapi(&mut self, source: usize, span: Span) -> Option<AsyncApi<'b>> {
        let bundle = self.bundle;
        let described = bundle.described.get(source)?;
        let root = described.root.as_ref()?;
        if described.kind != DescribedKind::Asyncapi {
            let message = format!("source `{}` is not an AsyncAPI document, and has no channels", described.name);
            self.push(Diagnostic::error(Code::WrongKindOfSource, span, message));
            return None;
        }
        let api = AsyncApi::new(root, &bundle.store);
        if api.is_known_version() {
            return Some(api);
        }
        let written = api.version().map(Node::as_written).unwrap_or_default();
        let message = format!("source `{}` is written in AsyncAPI {written}, and 3.0 and 3.1 are read", described.name);
        let mut fault = Diagnostic::error(Code::AsyncapiVersion, span, message)
            .help("convert it, for instance with `asyncapi convert`")
            .section("§Source Description Object");
        if let Some(version) = api.version() {
            fault = fault.note(version.span, "the version of the document");
        }
        self.push(fault);
        None
    }

    /// The AsyncAPI sources of the document that is compiled.
    fn asyncapis(&self) -> Vec<(usize, AsyncApi<'b>)> {
        let store = &self.bundle.store;
        let known = self.described().filter(|(_, described)| described.kind == DescribedKind::Asyncapi);
        known.filter_map(|(index, d)| Some((index, AsyncApi::new(d.root.as_ref()?, store)))).collect()
    }

    /// `operationId`: `$sourceDescriptions.<name>.<id>`, or a bare id.
    fn message_by_id(&mut self, text: &Text) -> Option<(usize, Named<'b>)> {
        if let Some(rest) = text.value.strip_prefix("$sourceDescriptions.") {
            let (source, id) = self.source_prefix(text, rest)?;
            let api = self.asyncapi(source, text.span())?;
            let found = self.named_in(api, source, id, text);
            if found.is_none() {
                self.unknown_message(text, id, &[(source, api)]);
            }
            return Some((source, found?));
        }
        let all = self.asyncapis();
        let exact: Vec<(usize, asyncapi::Operation<'b>)> =
            all.iter().filter_map(|(source, api)| Some((*source, api.operation(&text.value)?))).collect();
        match exact.as_slice() {
            [(source, operation)] => {
                self.asyncapi(*source, text.span())?;
                self.qualify_id(text, *source);
                return Some((*source, Named::Operation(*operation)));
            }
            [] => {}
            several => {
                let message = format!("`{}` is the id of {} operations", text.value, several.len());
                let mut fault = Diagnostic::error(Code::AmbiguousOperationId, text.span(), message)
                    .help("write $sourceDescriptions.<name>.<operationId>")
                    .section("§Step Object");
                for (_, operation) in several {
                    fault = fault.note(operation.key.span, "one of them");
                }
                self.push(fault);
                return None;
            }
        }
        for (source, api) in &all {
            // Of a version that is not read, nothing else is to be said.
            self.asyncapi(*source, text.span())?;
            if let Some(found) = self.named_in(*api, *source, &text.value, text) {
                return Some((*source, found));
            }
        }
        self.unknown_message(text, &text.value, &all);
        None
    }

    /// An operation by its id, by one that differs in case or punctuation, or a channel that is called so.
    fn named_in(&mut self, api: AsyncApi<'b>, source: usize, id: &str, text: &Text) -> Option<Named<'b>> {
        if let Some(operation) = api.operation(id) {
            return Some(Named::Operation(operation));
        }
        let near: Vec<asyncapi::Operation<'b>> =
            api.operations().filter(|operation| is_same_name(operation.id(), id)).collect();
        let span = text.node.part(self.sources(), 0..text.value.len());
        if let [operation] = near.as_slice() {
            let right = format!("$sourceDescriptions.{}.{}", self.source_name(source), operation.id());
            let message = format!("the operation is called `{}`, and not `{id}`", operation.id());
            self.departure(
                Diagnostic::warning(Code::OperationIdCase, span, message)
                    .label(format!("read as `{}`", operation.id()))
                    .note(operation.key.span, "the operation")
                    .help(format!("write {right}"))
                    .fix(format!("write {right}"), true, vec![Edit { span, text: right }])
                    .section("§Step Object"),
            );
            return Some(Named::Operation(*operation));
        }
        let channels: Vec<asyncapi::Channel<'b>> =
            api.channels().filter(|channel| is_same_name(channel.name(), id)).collect();
        let [channel] = channels.as_slice() else { return None };
        let right = Pointer::of(vec!["channels".to_owned(), channel.name().to_owned()]);
        let right = format!("channelPath: '{{$sourceDescriptions.{}.url}}#{right}'", self.source_name(source));
        let message = format!("no operation is called `{id}`, and a channel is called `{}`", channel.name());
        self.departure(
            Diagnostic::warning(Code::OperationAsChannel, span, message)
                .label("read as this channel")
                .note(channel.key.span, "the channel")
                .help(format!("write {right}"))
                .section("§Step Object"),
        );
        Some(Named::Channel(*channel))
    }

    /// The reading `unqualified-operation-id`.
    pub(super) fn qualify_id(&mut self, text: &Text, source: usize) {
        if !self.is_one_of_several() {
            return;
        }
        let right = format!("$sourceDescriptions.{}.{}", self.source_name(source), text.value);
        let span = text.node.part(self.sources(), 0..text.value.len());
        self.departure(
            Diagnostic::warning(
                Code::UnqualifiedOperationId,
                span,
                "bare `operationId` with several source descriptions",
            )
            .label(format!("found in `{}`", self.source_name(source)))
            .help(format!("write {right}"))
            .fix(format!("write {right}"), true, vec![Edit { span, text: right }])
            .section("§Step Object"),
        );
    }

    fn unknown_message(&mut self, text: &Text, id: &str, apis: &[(usize, AsyncApi<'b>)]) {
        // A source that could not be read may have it: that was said.
        if self.described().any(|(_, described)| described.root.is_none()) || self.lacks_a_source() {
            return;
        }
        if let Some(broken) = apis.iter().find_map(|(_, api)| api.broken_operation(id)) {
            return self.broken(broken);
        }
        let known: Vec<&str> = apis
            .iter()
            .flat_map(|(_, api)| {
                api.operations().map(|o| o.id()).chain(api.channels().map(|c| c.name())).collect::<Vec<_>>()
            })
            .collect();
        let help = nearest(id, known.iter().copied()).map(Help::meant);
        let message = format!("unknown operation id `{id}`");
        let fault = Diagnostic::error(Code::UnknownOperationId, text.span(), message);
        self.push(fault.help(help).section("§Step Object"));
    }

    /// `operationPath` into an AsyncAPI document (docs/readings.md, `operation-path-form`).
    fn message_by_path(&mut self, text: &Text) -> Option<(usize, Named<'b>)> {
        let value = text.value.trim_matches(['{', '}', ' ']);
        let rest = value.strip_prefix("$sourceDescriptions.").unwrap_or(value);
        let rest = rest.replace(['{', '}'], "");
        let (source, rest) = match rest.split_once('#') {
            Some((name, pointer)) => {
                let name = name.strip_suffix(".url").unwrap_or(name).to_owned();
                let Some((source, _)) = self.described().find(|(_, d)| d.name == name) else {
                    self.unknown_source(text, &name);
                    return None;
                };
                (source, Pointer::parse(pointer).tokens().last().cloned().unwrap_or_default())
            }
            None => {
                let (source, id) = self.source_prefix(text, &rest)?;
                (source, id.to_owned())
            }
        };
        let api = self.asyncapi(source, text.span())?;
        let Some(found) = self.named_in(api, source, &rest, text) else {
            self.unknown_message(text, &rest, &[(source, api)]);
            return None;
        };
        if let Named::Operation(operation) = &found {
            let right = format!("operationId: $sourceDescriptions.{}.{}", self.source_name(source), operation.id());
            let message = "an operationPath leads to an operation of OpenAPI; those of AsyncAPI have ids";
            self.departure(
                Diagnostic::warning(Code::OperationPathForm, text.span(), message)
                    .label(format!("read as operation `{}`", operation.id()))
                    .help(format!("write {right}"))
                    .section("§Step Object"),
            );
        }
        Some((source, found))
    }

    /// `{$sourceDescriptions.<name>.url}#/channels/<name>`
    fn channel_by_path(&mut self, text: &Text) -> Option<(usize, Named<'b>)> {
        let inner = text.value.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let named = inner.and_then(|(expression, rest)| {
            let name = expression.strip_prefix("$sourceDescriptions.")?.strip_suffix(".url")?;
            Some((name, rest.strip_prefix('#')?))
        });
        // `$sourceDescriptions.events#/channels/orders` (docs/readings.md, `operation-path-form`).
        let loose = text.value.strip_prefix("$sourceDescriptions.").and_then(|rest| rest.split_once('#'));
        let loose = loose.map(|(name, pointer)| (name.strip_suffix(".url").unwrap_or(name), pointer));
        if let (None, Some((name, pointer))) = (named, loose) {
            let right = format!("'{{$sourceDescriptions.{name}.url}}#{pointer}'");
            let message = "a channelPath begins with the url of a source description";
            self.departure(
                Diagnostic::warning(Code::OperationPathForm, text.span(), message)
                    .help(format!("write {right}"))
                    .fix(format!("write {right}"), true, vec![Edit { span: text.span(), text: right }])
                    .section("§Step Object"),
            );
        }
        let Some((name, pointer)) = named.or(loose) else {
            self.push(
                Diagnostic::error(Code::UnknownChannel, text.span(), format!("`{}` names no channel", text.value))
                    .help("write '{$sourceDescriptions.<name>.url}#/channels/<channel>'".to_owned())
                    .section("§Step Object"),
            );
            return None;
        };
        let Some((source, _)) = self.described().find(|(_, described)| described.name == name) else {
            self.unknown_source(text, name);
            return None;
        };
        let api = self.asyncapi(source, text.span())?;
        let decoded = percent_encoding::percent_decode_str(pointer).decode_utf8_lossy();
        let wanted = Pointer::parse(&decoded);
        match api.channel_at(&wanted) {
            Ok(Some(channel)) => return Some((source, Named::Channel(channel))),
            Ok(None) => {}
            Err(broken) => {
                self.broken(broken);
                return None;
            }
        }
        let last = wanted.tokens().last().cloned().unwrap_or_default();
        let names: Vec<&str> = api.channels().map(|channel| channel.name()).collect();
        let help = nearest(&last, names.iter().copied()).map(Help::meant);
        let message = format!("`{name}` has no channel at #{pointer}");
        self.push(Diagnostic::error(Code::UnknownChannel, text.span(), message).help(help).section("§Step Object"));
        None
    }

    /// The index of the server that is connected to: the first whose protocol is spoken, else the first whose protocol is
    /// known.
    pub(super) fn chosen(&self, servers: &[asyncapi::Server<'b>]) -> Option<usize> {
        let spoken = |server: &asyncapi::Server<'b>| server.protocol().is_some_and(|p| self.surroundings.speaks(p));
        let known = |server: &asyncapi::Server<'b>| server.protocol().is_some();
        servers.iter().position(spoken).or_else(|| servers.iter().position(known))
    }

    /// A channel can be reached by a protocol that is known; which of several servers is taken is said.
    fn check_protocol(&mut self, step: &document::Step, aim: &Aim<'b>) {
        let servers = aim.channel.servers();
        let source = self.source_name(aim.source);
        let known: Vec<Protocol> = servers.iter().filter_map(asyncapi::Server::protocol).collect();
        if self.surroundings.has_server(source, &known) {
            return;
        }
        if let Some(chosen) = self.chosen(&servers).and_then(|at| servers.get(at)) {
            let names: Vec<String> = servers.iter().map(|server| server.name.to_owned()).collect();
            let key = (aim.source, names);
            if servers.len() > 1 && !self.several.contains(&key) {
                self.say_which(step, &servers, chosen, source);
                self.several.push(key);
            }
            return;
        }
        let Some(first) = servers.first() else { return };
        let mut fault = match first.protocol_text() {
            Some(written) => {
                let (name, word) = (aim.channel.name(), written.as_written());
                let message = format!("channel `{name}` is on a server whose protocol `{word}` is not known");
                Diagnostic::error(Code::UnsupportedProtocol, written.span, message).help(self.protocols_spoken())
            }
            None => {
                let message = format!("server `{}` has no `protocol`", first.name);
                Diagnostic::error(Code::MissingField, first.span(), message).help("add `protocol:`")
            }
        }
        .section("AsyncAPI, §Server Object");
        fault.notes.push((step.id.span(), format!("used by step `{}`", step.id.value)));
        self.push(fault);
    }

    /// The protocols of this build, and which others there are.
    fn protocols_spoken(&self) -> String {
        let (spoken, absent): (Vec<Protocol>, Vec<Protocol>) =
            Protocol::ALL.iter().copied().partition(|protocol| self.surroundings.speaks(*protocol));
        let words = |list: &[Protocol]| list.iter().map(|protocol| protocol.word()).collect::<Vec<_>>().join(", ");
        if absent.is_empty() {
            return format!("these are: {}", words(&spoken));
        }
        let mut with: Vec<(&str, Vec<Protocol>)> = vec![];
        for (protocol, what) in &self.surroundings.absent {
            match with.iter_mut().find(|(known, _)| known == what) {
                Some((_, list)) => list.push(*protocol),
                None => with.push((what, vec![*protocol])),
            }
        }
        let with: Vec<String> = with.iter().map(|(what, list)| format!("{} with {what}", words(list))).collect();
        format!("this build speaks {}; another one speaks {}", words(&spoken), with.join(", "))
    }

    /// Of several servers one is taken: which, and how to take another.
    fn say_which(
        &mut self,
        step: &document::Step,
        servers: &[asyncapi::Server<'b>],
        chosen: &asyncapi::Server<'b>,
        source: &str,
    ) {
        let word = |server: &asyncapi::Server<'b>| server.protocol_text().map(Node::as_written).unwrap_or_default();
        let left: Vec<String> = servers
            .iter()
            .filter(|server| server.name != chosen.name)
            .map(|server| {
                let absent = server.protocol().is_none_or(|protocol| !self.surroundings.speaks(protocol));
                let why = if absent { ", which is not in this build" } else { "" };
                format!("`{}` ({}{why})", server.name, word(server))
            })
            .collect();
        let message = format!(
            "of {} servers, `{}` is taken, by {}; not {}",
            servers.len(),
            chosen.name,
            word(chosen),
            left.join(", ")
        );
        let mut fault = Diagnostic::warning(Code::SeveralServers, chosen.span(), message)
            .remedy(Remedy::GiveBroker { source: source.to_owned(), scheme: word(chosen).to_owned() })
            .section("AsyncAPI, §Server Object");
        fault.notes.push((step.id.span(), format!("used by step `{}`", step.id.value)));
        self.push(fault);
    }

    /// The entry of the program for what a step aims at.
    pub(super) fn target_of(&mut self, aim: &Aim<'b>, arguments: Vec<Argument>) -> MessageTarget {
        let api = self.api_of.get(aim.source).copied().unwrap_or(aim.source);
        let name = aim.channel.name();
        let known = self.channels.iter().position(|channel| channel.api == api && channel.name == name);
        let index = known.unwrap_or_else(|| {
            let channel = self.channel_entry(api, &aim.channel);
            self.channels.push(channel);
            self.channels.len() - 1
        });
        let names: Vec<&str> = aim.messages.iter().map(|message| message.name).collect();
        let all = self.channels.get(index).map(|channel| channel.messages.as_slice()).unwrap_or_default();
        let messages = all.iter().enumerate().filter(|(_, message)| names.contains(&message.name.as_str()));
        MessageTarget {
            channel: ChannelId(index as u32),
            operation: aim.operation.map(|operation| operation.id().to_owned()),
            messages: messages.map(|(index, _)| index).collect(),
            bindings: entry::bindings(aim.channel.document().api(), aim.operation_bindings()),
            arguments,
        }
    }

    fn channel_entry(&mut self, api: usize, channel: &asyncapi::Channel<'b>) -> Channel {
        let chosen = self.chosen(&channel.servers());
        let mut faults = vec![];
        let entry = channel_entry(api, channel, chosen, &mut faults);
        faults.into_iter().for_each(|fault| self.push(fault));
        entry
    }
}
