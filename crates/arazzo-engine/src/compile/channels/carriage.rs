//! What a protocol can carry: addresses, bindings and messages that cannot be, as far as the documents say what they are.
//! The rest is judged by the machine, before a message leaves.

use super::Aim;
use crate::asyncapi::binding::Reason;
use crate::asyncapi::{self, CorrelationPlace, MessagePart, Protocol};
use crate::code::Code;
use crate::compile::Compiler;
use crate::diagnostic::{Diagnostic, Help, nearest};
use crate::document;
use crate::expr::Template;
use crate::node::{Key, Node};
use crate::openapi::encode;
use crate::program::{Argument, Build, Draft, Location, MessageTarget, Misfit, SendCall};
use crate::source::Span;
use crate::value::{Json, json_text};

/// What stands for a parameter whose value is known in a run.
const SOME_VALUE: &str = "x";

impl<'b> Compiler<'b> {
    /// The protocol that a channel is connected to by: that of the server that was given, else of the one that is chosen.
    pub(super) fn protocol_of(&self, aim: &Aim<'b>) -> Option<Protocol> {
        let servers = aim.channel.servers();
        let described = self.chosen(&servers).and_then(|at| servers.get(at)?.protocol());
        let known: Vec<Protocol> = servers.iter().filter_map(asyncapi::Server::protocol).collect();
        self.surroundings.given(self.source_name(aim.source), &known, described).or(described)
    }

    /// Says what the protocol of a channel cannot have, whatever a run knows.
    pub(super) fn check_carriage(&mut self, step: &document::Step, aim: &Aim<'b>, target: &MessageTarget, sends: bool) {
        let Some(protocol) = self.protocol_of(aim) else { return };
        self.check_bindings(step, aim, protocol, sends);
        self.check_address(step, aim, target, (protocol, sends));
        if protocol.is_web() {
            self.check_handshake(step, aim, target, (protocol, sends));
        }
        if sends {
            self.check_required_headers(step, aim, protocol);
        }
    }

    fn check_bindings(&mut self, step: &document::Step, aim: &Aim<'b>, protocol: Protocol, sends: bool) {
        let of_messages = aim.messages.iter().filter(|_| sends).filter_map(|message| message.bindings());
        let all: Vec<&'b Node> =
            aim.channel.bindings().into_iter().chain(aim.operation_bindings()).chain(of_messages).collect();
        let api = aim.channel.document().api();
        let mut together = crate::value::Map::new();
        let mut is_at: Option<Span> = None;
        for name in protocol.binding_names() {
            for written in all.iter().filter_map(|bindings| bindings.get(name)) {
                let Ok(node) = api.resolve(written) else { continue };
                for (key, value) in node.members() {
                    self.check_binding(step, (key, value), protocol, sends);
                    together.insert(key.name.clone(), value.to_json());
                    is_at = is_at.or_else(|| (key.name == "is").then_some(value.span));
                }
            }
        }
        if let (Some((_, words)), Some(span)) = (protocol.unfit_together(&together), is_at) {
            self.refuse_binding(step, span, words.to_owned(), None);
        }
    }

    fn check_binding(&mut self, step: &document::Step, (key, value): (&Key, &Node), protocol: Protocol, sends: bool) {
        let json = value.to_json();
        for unfit in protocol.unfit_bindings([(&key.name, &json)], sends) {
            let below = unfit.at.get(1).and_then(|name| value.member(name));
            let message = unfit.words(protocol);
            let (key, value) = below.map_or((key, value), |(key, value)| (key, value));
            let span = if matches!(unfit.reason, Reason::Wanted(_)) { value.span } else { key.span };
            let known = protocol.bindings_known(sends);
            let meant = nearest(&key.name, known.iter().copied()).filter(|_| unfit.at.len() == 1);
            let help = match (unfit.reason, meant) {
                (Reason::Wanted(_), _) => None,
                (Reason::Unknown, Some(meant)) => Some(Help::meant(meant)),
                (Reason::Never(_), _) => Some(Help::words("leave it out")),
                (Reason::Unknown, None) => {
                    Some(Help::words(format!("leave it out; these are known: {}", known.join(", "))))
                }
            };
            self.refuse_binding(step, span, message, help);
        }
    }

    fn refuse_binding(&mut self, step: &document::Step, span: Span, message: String, help: Option<Help>) {
        let fault = Diagnostic::error(Code::InvalidBinding, span, message).help(help);
        let mut fault = fault.section("AsyncAPI, §Operation Bindings Object");
        fault.notes.push((step.id.span(), format!("used by step `{}`", step.id.value)));
        self.push(fault);
    }

    fn check_address(
        &mut self,
        step: &document::Step,
        aim: &Aim<'b>,
        target: &MessageTarget,
        (protocol, sends): (Protocol, bool),
    ) {
        let Some(channel) = self.channels.get(target.channel.0 as usize) else { return };
        let mut faults: Vec<Diagnostic> = vec![];
        let given = target.arguments.iter().filter(|argument| argument.location == Location::Path);
        let texts = given.clone().filter_map(|a| Some((a.name.as_str(), constant_text(a)?, a.span)));
        let is_left = |name: &str| !given.clone().any(|argument| argument.name == name);
        let names = aim.parameter_names();
        let left = channel.parameters.iter().filter(|p| is_left(&p.name) && names.contains(&p.name));
        let defaults = left.filter_map(|p| Some((p.name.as_str(), p.default.clone()?, step.id.span())));
        for (name, text, span) in texts.chain(defaults) {
            if let Some(why) = channel.refuses_parameter(name, &text, protocol) {
                let message = format!("parameter `{name}` of channel `{}` cannot be `{text}`: {why}", channel.name);
                let fault = Diagnostic::error(Code::UnsafeValue, span, message).section("§Parameter Object");
                faults.push(fault.note(channel.span, "the channel"));
            }
        }
        let topic = channel.bindings.get("kafka").and_then(|bindings| bindings.get("topic")).and_then(Json::as_str);
        let topic = topic.filter(|_| matches!(protocol, Protocol::Kafka | Protocol::KafkaSecure));
        let value = |name: &str| {
            let argument = target.arguments.iter().find(|a| a.location == Location::Path && a.name == name);
            let described = channel.parameters.iter().find(|parameter| parameter.name == name);
            let known = match argument {
                Some(argument) => constant_text(argument),
                None => described.and_then(|parameter| parameter.default.clone()),
            };
            let known = known.unwrap_or_else(|| SOME_VALUE.to_owned());
            if protocol.is_web() { encode::percent(&known) } else { known }
        };
        let queue_name = |bindings: &Json| Some(bindings.get("queue")?.get("name")?.as_str()?.to_owned());
        let queue = channel.bindings.get("amqp").filter(|_| matches!(protocol, Protocol::Amqp | Protocol::Amqps));
        let written = topic.or(channel.address.as_deref());
        let reply = aim.operation.filter(|_| aim.is_reply).and_then(|operation| operation.reply());
        // That one of these cannot be read was said.
        let is_odd =
            aim.channel.has_odd_address() || aim.reply_to.is_none() && reply.is_some_and(|reply| reply.has_address());
        let is_told = !sends && aim.reply_to.is_some() || protocol.is_web() || is_odd;
        if written.is_none() && !is_told && queue.and_then(queue_name).is_none() {
            let message = format!("channel `{}` has no address: nothing says where its messages are", channel.name);
            let mut fault = Diagnostic::error(Code::InvalidAddress, channel.span, message)
                .help("write its `address`, or let the operation say where it stands in the message: `reply.address`")
                .section("AsyncAPI, §Channel Object");
            fault.notes.push((step.id.span(), format!("used by step `{}`", step.id.value)));
            faults.push(fault);
        }
        let filled = written.map(|written| fill(written, &value));
        let refused = filled.as_deref().and_then(|address| protocol.refuses_address(address, sends));
        // What a parameter does to an address is said of the parameter.
        if let (Some(why), Some(filled), true) = (refused, filled, faults.is_empty()) {
            let shown = filled.escape_debug().to_string();
            let shown = if shown.len() > 60 { "of the channel".to_owned() } else { format!("`{shown}`") };
            let message = format!("the address {shown} cannot be one of `{protocol}`: it {why}");
            let node = aim.channel.address_text().filter(|_| topic.is_none());
            let span = node.map_or(channel.span, |node| node.span);
            let mut fault = Diagnostic::error(Code::InvalidAddress, span, message).section("AsyncAPI, §Channel Object");
            fault.notes.push((step.id.span(), format!("used by step `{}`", step.id.value)));
            faults.push(fault);
        }
        faults.into_iter().for_each(|fault| self.push(fault));
    }

    /// Says that what a step sends is none of the messages of its channel, where that is seen in the documents.
    pub(super) fn check_message(&mut self, step: &document::Step, call: &SendCall, protocol: Option<Protocol>) {
        let Some(channel) = self.channels.get(call.target.channel.0 as usize) else { return };
        let texts: Vec<Option<String>> = call.target.arguments.iter().map(constant_text).collect();
        let headers = call.target.arguments.iter().zip(&texts).filter(|(a, _)| a.location == Location::Header);
        let mut draft = Draft {
            headers: headers.map(|(argument, text)| (argument.name.as_str(), text.as_deref())).collect(),
            content_type: call.body.as_ref().map(|body| body.content_type.as_str()).unwrap_or_default(),
            has_headers: protocol.is_none_or(Protocol::has_headers),
            ..Draft::default()
        };
        if let Some(body) = &call.body {
            draft.payload = Some(sketch(&body.payload, &mut vec![], &mut draft.open));
            body.replacements.iter().for_each(|replacement| draft.replace(&replacement.target));
        } else if step.request_body.as_ref().is_some_and(|body| body.payload.is_some()) {
            // A payload that could not be read: that was said.
            return;
        }
        let Some(misfit) = channel.refuses(&call.target, &draft) else { return };
        let message = format!(
            "step `{}` sends no message that channel `{}` has: {}",
            step.id.value,
            channel.name,
            misfit.words()
        );
        let span = place_of(step, call, &misfit);
        let mut fault = Diagnostic::error(Code::MessageMismatch, span, message).section("§Step Object");
        for known in &misfit.each {
            fault = fault.note(known.span, format!("message `{}` is described here", known.name));
        }
        self.push(fault);
    }

    /// Whether the messages that are waited for can have an id where they are said to have it. `false` if that was said.
    pub(super) fn check_correlation_places(
        &mut self,
        aim: &Aim<'b>,
        correlation: Option<&Build>,
        key: Span,
        protocol: Option<Protocol>,
    ) -> bool {
        let is_structure = match correlation {
            Some(Build::Array(_) | Build::Object(_) | Build::Keyed(_)) => true,
            Some(Build::Constant(json)) => json.is_array() || json.is_object(),
            _ => false,
        };
        let mut said = false;
        for message in &aim.messages {
            let Some((place, node)) = message.correlation() else { continue };
            let why = match (&place, protocol) {
                (CorrelationPlace { part: MessagePart::Header, .. }, Some(protocol)) if !protocol.has_headers() => {
                    format!("messages have no headers in {protocol}")
                }
                (CorrelationPlace { part: MessagePart::Header, .. }, Some(Protocol::Http | Protocol::Https))
                    if !place.header().is_some_and(|name| ["event", "id"].contains(&name)) =>
                {
                    "the events of a stream have no headers but `event` and `id`".to_owned()
                }
                (CorrelationPlace { part: MessagePart::Header, .. }, _) if is_structure => {
                    "a header holds a text, and the id is a structure".to_owned()
                }
                _ if !message.can_hold(&place) => "its schema has nothing there".to_owned(),
                _ => continue,
            };
            said = true;
            let text = format!("message `{}` cannot have its correlation id in {place}: {why}", message.name);
            let mut fault = Diagnostic::error(Code::NoCorrelationPlace, key, text)
                .note(node.span, "the place of the id")
                .section("§Step Object");
            if place.part == MessagePart::Header {
                fault = fault.help("let the message have it in its payload: `location: $message.payload#/…`");
            }
            self.push(fault);
        }
        !said
    }
}

/// Where a step says what does not fit.
fn place_of(step: &document::Step, call: &SendCall, misfit: &Misfit) -> Span {
    let at = misfit.at.as_ref();
    if misfit.of_headers {
        let name = at.and_then(|at| at.tokens().first());
        let is = |argument: &&Argument| {
            argument.location == Location::Header && name.is_some_and(|name| argument.name.eq_ignore_ascii_case(name))
        };
        return call.target.arguments.iter().find(is).map_or_else(|| step.id.span(), |argument| argument.span);
    }
    let payload = step.request_body.as_ref().and_then(|body| body.payload.as_ref());
    let found = at.and_then(|at| payload?.at(at)).or(payload.filter(|_| at.is_some()));
    found.map_or_else(|| step.id.span(), |node| node.span)
}

/// The text of an argument that no run changes.
pub(super) fn constant_text(argument: &Argument) -> Option<String> {
    match &argument.value {
        Build::Constant(json) if !json.is_array() && !json.is_object() => Some(json_text(json)),
        Build::Template(leaf) => match &leaf.template {
            Template::Literal(text) => Some(text.clone()),
            Template::Constant(json) => Some(json_text(json)),
            Template::Whole(_) | Template::Text(_) => None,
        },
        _ => None,
    }
}

/// A value with nothing where something is known in a run; those places are added.
fn sketch(value: &Build, way: &mut Vec<String>, open: &mut Vec<Vec<String>>) -> Json {
    let mut below = |name: String, value: &Build| {
        way.push(name);
        let json = sketch(value, way, open);
        way.pop();
        json
    };
    match value {
        Build::Constant(json) => return json.clone(),
        Build::Template(leaf) => match &leaf.template {
            Template::Literal(text) => return Json::String(text.clone()),
            Template::Constant(json) => return json.clone(),
            Template::Whole(_) | Template::Text(_) => {}
        },
        Build::Array(items) => {
            return items.iter().enumerate().map(|(at, item)| below(at.to_string(), item)).collect();
        }
        Build::Object(members) => {
            let members: crate::value::Map<String, Json> =
                members.iter().map(|(name, value)| (name.clone(), below(name.clone(), value))).collect();
            return Json::Object(members.into());
        }
        Build::Select(_) | Build::Keyed(_) => {}
    }
    open.push(way.clone());
    Json::Null
}

/// An address with values for its parameters.
fn fill(written: &str, value: &dyn Fn(&str) -> String) -> String {
    let (mut address, mut rest) = (String::new(), written);
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else { break };
        address.push_str(before);
        address.push_str(&value(name));
        rest = after;
    }
    address.push_str(rest);
    address
}
