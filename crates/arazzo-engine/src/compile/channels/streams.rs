//! Steps that receive messages of OpenAPI documents: the events of the stream that an operation answers with. Each becomes a
//! channel of the program, so that nothing behind the compiler tells them from channels of AsyncAPI documents.

use crate::asyncapi::Protocol;
use crate::code::Code;
use crate::compile::{Compiler, Context};
use crate::diagnostic::Diagnostic;
use crate::document::{self, MessageAction};
use crate::openapi::stream::{EVENT_STREAM, EventStream};
use crate::openapi::{self, Broken};
use crate::program::entry::stream_messages;
use crate::program::{
    Argument, Body, Call, Channel, ChannelId, ChannelKind, ChannelServer, MessageTarget, OperationId, ReceiveCall,
    StreamRequest,
};
use crate::source::Span;
use crate::value::Map;

impl<'b> Compiler<'b> {
    /// The stream that a step listens to which is to receive of an operation; a diagnostic if there is none.
    pub(in crate::compile) fn stream_of(
        &mut self,
        step: &document::Step,
        operation: &openapi::Operation<'b>,
    ) -> Option<EventStream<'b>> {
        let (action, span) = step.action?;
        if action == MessageAction::Send {
            let message = "`action: send` is for messages, and the step calls an HTTP operation";
            self.misplaced_action(span, message, "leave it out: a request is sent without it");
            return None;
        }
        let found: Result<Option<EventStream<'b>>, Broken> = operation.event_stream();
        let found = match found {
            Ok(found) => found,
            Err(broken) => {
                self.broken(broken);
                return None;
            }
        };
        if found.is_none() {
            let name = operation.name();
            let message =
                format!("`action: receive` is for messages, and operation `{name}` answers with no stream of them");
            let help = format!("leave it out, or describe `{EVENT_STREAM}` as the content of its answer");
            self.misplaced_action(span, &message, &help);
        }
        found
    }

    pub(super) fn misplaced_action(&mut self, span: Span, message: &str, help: &str) {
        let fault = Diagnostic::error(Code::MisplacedField, span, message).help(help.to_owned());
        self.push(fault.section("§Step Object"));
    }

    /// A step that receives the events of an operation.
    pub(in crate::compile) fn receive_events(
        &mut self,
        step: &document::Step,
        (operation, view): (OperationId, &openapi::Operation<'b>),
        stream: EventStream<'b>,
        (arguments, body): (Vec<Argument>, Option<Body>),
        context: &Context<'_>,
    ) -> Call {
        self.of_openapi(step, "the events of an operation of OpenAPI are received", view.key.span);
        let index = self.stream_channel(operation, view, stream);
        let messages = self.channels.get(index).map_or(0, |channel| channel.messages.len());
        let target = MessageTarget {
            channel: ChannelId(index as u32),
            operation: Some(view.name()),
            messages: (0..messages).collect(),
            bindings: Map::new(),
            arguments,
        };
        let correlation = self.openapi_correlation(step, view.key.span, context);
        self.bounded(step);
        let request = Some(StreamRequest { operation, body });
        Call::Receive(Box::new(ReceiveCall { target, request, correlation, reply_to: None, stays_open: false }))
    }

    /// The reading `message-of-openapi`.
    pub(super) fn of_openapi(&mut self, step: &document::Step, message: &str, described: Span) {
        let Some((_, span)) = step.action else { return };
        self.departure(
            Diagnostic::warning(Code::MessageOfOpenapi, span, message)
                .label("an action is for steps of AsyncAPI documents")
                .note(described, "described here")
                .section("§Step Object"),
        );
    }

    /// The id that is waited for. An OpenAPI document says of no message where it has one.
    pub(super) fn openapi_correlation(
        &mut self,
        step: &document::Step,
        described: Span,
        context: &Context<'_>,
    ) -> Option<crate::program::Build> {
        let (key, node) = step.correlation_id.as_ref()?;
        let built = self.build(node, false, &context.within(crate::compile::Place::Any));
        self.departure(
            Diagnostic::warning(
                Code::NoCorrelationPlace,
                key.span,
                "an OpenAPI document says of no message where it has a correlation id",
            )
            .label("one header or top member of the message has to be equal to it")
            .note(described, "described here")
            .section("§Step Object"),
        );
        built
    }

    /// The entry of the program for the stream of an operation.
    fn stream_channel(
        &mut self,
        operation: OperationId,
        view: &openapi::Operation<'b>,
        stream: EventStream<'b>,
    ) -> usize {
        let Some(known) = self.operations.get(operation.0 as usize) else { return self.channels.len() };
        let (api, server, name) = (known.api, known.server.clone(), known.name());
        let is = |channel: &Channel| {
            channel.kind == ChannelKind::Stream && channel.api == api && channel.span == view.key.span
        };
        if let Some(index) = self.channels.iter().position(is) {
            return index;
        }
        let protocol = if server.url.starts_with("https:") { Protocol::Https } else { Protocol::Http };
        let server = ChannelServer {
            name: String::new(),
            protocol: Some(protocol),
            protocol_text: protocol.word().to_owned(),
            url: server,
            security: vec![],
        };
        self.channels.push(Channel {
            api,
            name,
            address: Some(view.path.to_owned()),
            parameters: vec![],
            servers: vec![server],
            chosen: Some(0),
            messages: stream_messages(stream, view.key.span),
            bindings: Map::new(),
            kind: ChannelKind::Stream,
            span: view.key.span,
        });
        self.channels.len() - 1
    }
}
