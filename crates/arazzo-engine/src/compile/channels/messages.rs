//! Steps that send or receive messages: which channel, which of its messages, by which parameters. `mod.rs` finds the channel,
//! and makes the entry of the program for it.

use super::Aim;
use crate::asyncapi::{self, Protocol, is_id_header};
use crate::code::Code;
use crate::compile::{Compiler, Context, Place, Stage};
use crate::credentials::is_credential_name;
use crate::diagnostic::{Diagnostic, Help, nearest};
use crate::document::{self, MessageAction};
use crate::expr::{Expr, Root, StepId};
use crate::node::Node;
use crate::openapi::encode::{self, Serialization, Style};
use crate::program::{
    Argument, Body, Build, Call, Criterion, Location, Media, MessageTarget, Program, ReceiveCall, SendCall, WorkflowId,
};
use crate::source::Span;

impl<'b> Compiler<'b> {
    /// A step that sends or receives a message.
    pub(in crate::compile) fn message(
        &mut self,
        workflow: &document::Workflow,
        step: &document::Step,
        context: &Context<'_>,
    ) -> (Call, Stage) {
        if let Some(path) = &step.channel_path {
            self.newer_form(path.span(), "`channelPath`");
        }
        let found = self.aim(workflow, step);
        let action = self.action_of(step, found.as_ref());
        // Values are read even if the channel is not known, so that one pass names every fault.
        let arguments = self.message_arguments(workflow, step, found.as_ref(), action, context);
        let stage = match action {
            Some(MessageAction::Send) => Stage::Sent,
            Some(MessageAction::Receive) => Stage::Received,
            None => Stage::Unknown,
        };
        let content_type = self.message_type(step, found.as_ref());
        let body = self.message_body(step, &content_type, context);
        let correlation = step.correlation_id.as_ref();
        let built = correlation.map(|(_, node)| self.build(node, false, &context.within(Place::Any)));
        let (Some(aim), Some(action)) = (found, action) else { return (self.nothing(step), stage) };
        if let Some(body) = step.request_body.as_ref().filter(|_| action == MessageAction::Receive) {
            let message = "a step that receives a message sends nothing";
            self.push(
                Diagnostic::error(Code::MisplacedField, body.span, message)
                    .help("leave `requestBody` out, or write action: send")
                    .section("§Step Object"),
            );
        }
        let reply_to = aim.reply_to.clone();
        let target = self.target_of(&aim, arguments);
        let protocol = self.protocol_of(&aim);
        self.check_carriage(step, &aim, &target, action == MessageAction::Send);
        if action == MessageAction::Send {
            let call = SendCall { target, body, reply_to };
            self.check_message(step, &call, protocol);
            return (Call::Send(Box::new(call)), stage);
        }
        if let Some((key, _)) = correlation
            && self.check_correlation_places(&aim, built.as_ref().and_then(Option::as_ref), key.span, protocol)
        {
            self.check_correlation(&target, key.span, protocol);
        }
        self.bounded(step);
        let correlation = built.flatten();
        (
            Call::Receive(Box::new(ReceiveCall { target, request: None, correlation, reply_to, stays_open: false })),
            stage,
        )
    }

    /// Says that a step waits for a message, and not how long.
    pub(super) fn bounded(&mut self, step: &document::Step) {
        if step.timeout.is_some() {
            return;
        }
        let message = format!("step `{}` waits for a message, and does not say how long", step.id.value);
        self.push(
            Diagnostic::warning(Code::ReceiveWithoutTimeout, step.id.span(), message)
                .help("add `timeout:` with a number of milliseconds")
                .section("§Step Object"),
        );
    }

    /// What a step does with its channel: it has to say so.
    fn action_of(&mut self, step: &document::Step, found: Option<&Aim<'b>>) -> Option<MessageAction> {
        let Some((action, span)) = &step.action else {
            // Without `action`, a channelPath was said to lack it when the document was read.
            if step.channel_path.is_none() && found.is_some() {
                let message =
                    format!("step `{}` names a channel and does not say whether it sends or receives", step.id.value);
                self.push(
                    Diagnostic::error(Code::MissingField, step.id.span(), message)
                        .about(crate::diagnostic::Subject::Field("action"))
                        .help("add `action: send` or `action: receive`")
                        .section("§Step Object"),
                );
            }
            return None;
        };
        let described = found.and_then(|aim| aim.operation).and_then(|operation| operation.action());
        let opposite = described.and_then(Node::as_str).and_then(|word| word.parse::<MessageAction>().ok());
        let opposite = opposite.is_some_and(|described| described != *action);
        let answer = found.is_some_and(|aim| aim.is_reply);
        if let (Some(described), true, false) = (described, opposite, answer) {
            let message = format!(
                "the step is to {}, and the operation is described as one that {}s",
                action.word(),
                described.as_written()
            );
            self.push(
                Diagnostic::hint(Code::ActionPerspective, *span, message)
                    .label("what the step does is what counts")
                    .note(described.span, "described from the other side")
                    .section("§Step Object"),
            );
        }
        Some(*action)
    }

    /// The media type of a payload: the step's, the message's, that of the document, JSON.
    fn message_type(&mut self, step: &document::Step, found: Option<&Aim<'b>>) -> String {
        let written = step.request_body.as_ref().and_then(|body| body.content_type.as_ref());
        if let Some(text) = written {
            if text.value.contains(['\r', '\n', '\0']) {
                self.push(Diagnostic::error(Code::UnsafeValue, text.span(), "a content type cannot hold a line break"));
            }
            return text.value.clone();
        }
        let described = found.and_then(|aim| aim.messages.iter().find_map(asyncapi::Message::content_type));
        described.unwrap_or("application/json").to_owned()
    }

    /// The payload of a message.
    fn message_body(&mut self, step: &document::Step, content_type: &str, context: &Context<'_>) -> Option<Body> {
        let body = step.request_body.as_ref()?;
        let payload = body.payload.as_ref()?;
        let mut media = Media::of(content_type);
        let context = &context.at(Stage::Before).within(Place::Payload(media));
        let built = match (media, payload.as_str()) {
            (Media::Json, Some(text)) => self.json_payload(payload, text, &mut media, context),
            _ => self.build(payload, false, context),
        };
        let replacements = self.replacements(body, media, built.as_ref(), context);
        Some(Body {
            content_type: content_type.to_owned(),
            media,
            payload: built?,
            replacements: replacements.into_iter().collect::<Option<_>>()?,
            fields: vec![],
            xml: None,
            span: payload.span,
        })
    }

    /// The parameters of a step, with those of its workflow that its channel has.
    fn message_arguments(
        &mut self,
        workflow: &document::Workflow,
        step: &document::Step,
        found: Option<&Aim<'b>>,
        action: Option<MessageAction>,
        context: &Context<'_>,
    ) -> Vec<Argument> {
        let own = self.parameter_objects(&step.parameters);
        let inherited = self.parameter_objects(&workflow.parameters);
        let names = found.map(|aim| aim.parameter_names()).unwrap_or_default();
        let given = |parameter: &&document::Parameter| {
            let is_path =
                parameter.location.as_ref().is_some_and(|place| matches!(place.value.as_str(), "path" | "channel"));
            is_path && names.contains(&parameter.name.value)
        };
        let overridden = |parameter: &document::Parameter| own.iter().any(|own| own.name.value == parameter.name.value);
        let inherited: Vec<&document::Parameter> =
            inherited.iter().filter(given).filter(|parameter| !overridden(parameter)).collect();
        let mut arguments = vec![];
        for parameter in own.iter().chain(inherited) {
            arguments.extend(self.message_argument(parameter, found, action, context));
        }
        if let (Some(aim), Some(action)) = (found, action) {
            self.check_parameters(workflow, step, (aim, action), &arguments);
        }
        arguments
    }

    fn message_argument(
        &mut self,
        parameter: &document::Parameter,
        found: Option<&Aim<'b>>,
        action: Option<MessageAction>,
        context: &Context<'_>,
    ) -> Option<Argument> {
        let name = &parameter.name.value;
        let Some(place) = &parameter.location else {
            self.push(parameter.unplaced());
            return None;
        };
        let location = match place.value.as_str() {
            "path" | "channel" => Location::Path,
            "header" => Location::Header,
            "query" => Location::Query,
            "cookie" | "querystring" => {
                let message = format!("a message has no {} parameters", place.value);
                self.push(
                    Diagnostic::error(Code::MisplacedParameter, place.span(), message)
                        .help("write in: header for a header of the message, in: path for a parameter of the channel")
                        .section("§Parameter Object"),
                );
                return None;
            }
            // Reading the document said that there is no such place.
            _ => return None,
        };
        let credential = location != Location::Path && is_credential_name(name);
        let into = if location == Location::Path { Place::Path } else { Place::Scalar };
        let value = self.build(&parameter.value, credential, &context.at(Stage::Before).within(into));
        if let Some(aim) = found {
            self.check_parameter(parameter, location, aim, action)?;
        }
        Some(Argument {
            name: name.clone(),
            location,
            how: Serialization::of(Style::Simple),
            value: value?,
            required: false,
            credential,
            span: parameter.value.span,
        })
    }

    /// Whether a channel and its protocol have a place for a parameter.
    fn check_parameter(
        &mut self,
        parameter: &document::Parameter,
        location: Location,
        aim: &Aim<'b>,
        action: Option<MessageAction>,
    ) -> Option<()> {
        let (name, span) = (&parameter.name.value, parameter.name.span());
        let channel = aim.channel;
        match location {
            Location::Path if !aim.parameter_names().contains(name) => {
                let names = aim.parameter_names();
                let help = nearest(name, names.iter().map(String::as_str)).map(Help::meant);
                let message = format!("channel `{}` has no parameter `{name}`", channel.name());
                let fault = Diagnostic::error(Code::UnknownParameter, span, message);
                self.push(fault.note(channel.key.span, "the channel").help(help).section("§Parameter Object"));
                None
            }
            Location::Query if self.protocol_of(aim).is_some_and(|protocol| !protocol.is_web()) => {
                let message =
                    "a query belongs to the handshake of WebSocket and HTTP, and this channel is on another protocol";
                self.push(Diagnostic::error(Code::MisplacedParameter, span, message).section("§Parameter Object"));
                None
            }
            Location::Header => {
                // Those of a handshake, and of messages that are requests, are headers of HTTP.
                if self.protocol_of(aim).is_some_and(Protocol::is_web) {
                    self.header_name(&parameter.name)?;
                } else if !encode::is_header_name(name) {
                    let message = format!("`{name}` cannot be the name of a header");
                    self.push(Diagnostic::error(Code::UnsafeValue, span, message));
                    return None;
                }
                self.check_header(parameter, aim, action)
            }
            _ => Some(()),
        }
    }

    fn check_header(
        &mut self,
        parameter: &document::Parameter,
        aim: &Aim<'b>,
        action: Option<MessageAction>,
    ) -> Option<()> {
        let (name, span) = (&parameter.name.value, parameter.name.span());
        let protocol = self.protocol_of(aim);
        let handshake = protocol.is_some_and(Protocol::is_web) && action == Some(MessageAction::Receive);
        if let Some(protocol) = protocol.filter(|protocol| !protocol.has_headers() && !handshake) {
            let message = format!("header `{name}` cannot be sent: messages have no headers in {protocol}");
            let help = match protocol {
                Protocol::Mqtt => "put the value into the payload, or describe the server as mqtt5",
                _ => "put the value into the payload",
            };
            let fault = Diagnostic::error(Code::NoMessageHeaders, span, message);
            self.push(fault.note(aim.channel.key.span, "the channel").help(help).section("§Parameter Object"));
            return None;
        }
        if action == Some(MessageAction::Receive) && protocol.is_some_and(|protocol| !protocol.is_web()) {
            let message = format!("header `{name}` is one of a message that is sent, and the step receives one");
            let help = "leave it out; `correlationId` says which message is waited for";
            let fault = Diagnostic::error(Code::MisplacedParameter, span, message);
            self.push(fault.help(help).section("§Parameter Object"));
            return None;
        }
        let declared: Vec<&str> = aim.messages.iter().flat_map(asyncapi::Message::header_names).collect();
        let reply = aim.operation.and_then(|operation| operation.reply()?.address());
        let says_where =
            reply.as_ref().and_then(|place| place.header()).is_some_and(|own| own.eq_ignore_ascii_case(name));
        let known = declared.iter().any(|known| known.eq_ignore_ascii_case(name)) || is_id_header(name) || says_where;
        let sends = action == Some(MessageAction::Send);
        if sends && !declared.is_empty() && !known {
            let message =
                format!("no message of channel `{}` declares a header `{name}`; it is sent", aim.channel.name());
            let help = nearest(name, declared.iter().copied()).map(Help::meant);
            let fault = Diagnostic::warning(Code::UndeclaredParameter, span, message);
            self.departure(fault.note(aim.channel.key.span, "the channel").help(help));
        }
        Some(())
    }

    /// Whether a message of a channel has a place for the id that is waited for.
    fn check_correlation(&mut self, target: &MessageTarget, key: Span, protocol: Option<Protocol>) {
        let Some(channel) = self.channels.get(target.channel.0 as usize) else { return };
        let (name, place) = (channel.name.clone(), channel.span);
        let native = protocol.is_some_and(Protocol::has_correlation);
        let has_headers = protocol.is_none_or(Protocol::has_headers);
        let by_name = |name: &String| has_headers && is_id_header(name);
        let described = !target.messages.is_empty();
        let has_place = channel
            .messages_of(target)
            .any(|message| message.correlation.is_some() || message.headers.iter().any(by_name));
        if native || has_place {
            return;
        }
        let what = if described { "no message of channel" } else { "nothing of channel" };
        let message = format!("{what} `{name}` says where it has a correlation id");
        let fault = Diagnostic::warning(Code::NoCorrelationPlace, key, message)
            .label("one member, header or address parameter of the message has to be equal to it")
            .note(place, "the channel")
            .help("add `correlationId: { location: $message.header#/… }` to the message in the AsyncAPI document")
            .section("§Step Object");
        self.departure(fault);
    }

    /// Marks the receives of a workflow that stay open while other steps run, and which step waits for which. The receives.
    pub(in crate::compile) fn join_receives(&mut self, ids: &[StepId]) -> Vec<StepId> {
        let receives: Vec<StepId> = ids.iter().copied().filter(|id| self.receive_of(*id).is_some()).collect();
        if receives.is_empty() {
            return receives;
        }
        for receive in &receives {
            let named =
                ids.iter().any(|id| self.steps.get(id.0 as usize).is_some_and(|step| step.after.contains(receive)));
            if let Some(Call::Receive(call)) = self.steps.get_mut(receive.0 as usize).map(|step| &mut step.call) {
                call.stays_open = named;
            }
        }
        for id in ids {
            let Some(step) = self.steps.get(id.0 as usize) else { continue };
            let mut joins: Vec<StepId> = step.after.clone();
            joins.extend(steps_read(step));
            joins.retain(|joined| joined != id && self.receive_of(*joined).is_some_and(|call| call.stays_open));
            joins.sort_unstable();
            joins.dedup();
            if let Some(step) = self.steps.get_mut(id.0 as usize) {
                step.joins = joins;
            }
        }
        receives
    }

    fn receive_of(&self, id: StepId) -> Option<&ReceiveCall> {
        self.steps.get(id.0 as usize)?.call.receive()
    }
}

/// Messages that a step of another workflow waits for, and that never come: no run gets to both.
pub(in crate::compile) fn check(program: &Program) -> Vec<(WorkflowId, Diagnostic)> {
    let mut faults = vec![];
    if program.channels.is_empty() {
        return faults;
    }
    let runs: Vec<Vec<WorkflowId>> =
        (0..program.workflows.len()).map(|index| program.reached(WorkflowId(index as u32))).collect();
    for step in &program.steps {
        for other in step.after.iter().filter_map(|id| program.step(*id)) {
            let of_messages = step.call.target().is_some() || other.call.target().is_some();
            let together = |run: &Vec<WorkflowId>| run.contains(&step.workflow) && run.contains(&other.workflow);
            if other.workflow == step.workflow || !of_messages || runs.iter().any(together) {
                continue;
            }
            let name = program.workflow(other.workflow).map(|workflow| workflow.name.as_str()).unwrap_or_default();
            let message = format!(
                "step `{}` depends on step `{}` of workflow `{name}`, which no run with it gets to",
                step.name, other.name
            );
            let fault = Diagnostic::error(Code::DependsOnNeverRuns, step.span, message)
                .note(other.span, "the step that it depends on")
                .help(format!("let its workflow depend on `{name}`: `dependsOn: [{name}]`"));
            faults.push((step.workflow, fault.section("§Step Dependencies and Execution Order")));
        }
    }
    faults
}

/// The steps whose outputs a step reads anywhere.
fn steps_read(step: &crate::program::Step) -> Vec<StepId> {
    let of = |expr: &Expr| match &expr.root {
        Root::StepOutput(step, _) | Root::StepOutputs(step) => Some(*step),
        _ => None,
    };
    let built = step.outputs.iter().map(|output| &output.value).chain(step.passed().map(|value| &value.value));
    let built = built.flat_map(Build::reads).chain(step.call.reads()).filter_map(|read| of(read.expr));
    built.chain(step.all_criteria().flat_map(Criterion::expressions).filter_map(of)).collect()
}
