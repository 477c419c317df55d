//! Where a channel is, as far as the documents say it: the parameters of its address against what a step gives, and the
//! host of its server against its variables.

use super::Aim;
use crate::asyncapi::{self, Protocol};
use crate::code::Code;
use crate::compile::Compiler;
use crate::compile::meant::path_names;
use crate::diagnostic::{Diagnostic, Help, nearest};
use crate::document::{self, MessageAction};
use crate::program::{Argument, Location};
use crate::remedy::Remedy;

impl<'b> Compiler<'b> {
    /// Whether the address of a channel and its parameters belong together, and a step gives those that it has to.
    pub(super) fn check_parameters(
        &mut self,
        workflow: &document::Workflow,
        step: &document::Step,
        (aim, action): (&Aim<'b>, MessageAction),
        arguments: &[Argument],
    ) {
        let Some(address) = aim.channel.address() else { return self.check_unknown_address(workflow, step, aim) };
        if !is_balanced(address) {
            let message = format!("the address `{address}` has a brace that stands alone");
            let span = aim.channel.address_text().map_or(aim.channel.key.span, |node| node.span);
            let fault = Diagnostic::error(Code::InvalidAddress, span, message);
            self.push(used_by(fault.help("write a parameter as {name}").section("AsyncAPI, §Channel Object"), step));
            return;
        }
        self.check_declared(step, aim, address);
        let protocol = self.protocol_of(aim);
        for name in path_names(address) {
            let described = aim.channel.parameters().find(|parameter| parameter.name == name);
            let given = arguments.iter().any(|a| a.location == Location::Path && a.name == name);
            let from_message =
                action == MessageAction::Send && described.is_some_and(|known| known.location().is_some());
            let default = described.and_then(|known| known.default());
            if given || from_message || default.is_some() {
                continue;
            }
            let why = match (action, protocol) {
                (MessageAction::Send, _) => None,
                // What is not known of a protocol is not said.
                (MessageAction::Receive, None) => continue,
                (MessageAction::Receive, Some(protocol)) => match protocol.wildcard() {
                    Some(_) if protocol.leaves_open(address, name) => continue,
                    Some(_) => Some(format!("it is a part of a level, and {protocol} leaves whole levels open only")),
                    None => Some(format!("{protocol} listens to one address at a time")),
                },
            };
            self.say_missing(step, aim, (name, why));
        }
    }

    fn say_missing(&mut self, step: &document::Step, aim: &Aim<'b>, (name, why): (&str, Option<String>)) {
        let why = why.map(|why| format!(": {why}")).unwrap_or_default();
        let channel = aim.channel.name();
        let message =
            format!("step `{}` does not give `{name}`, a parameter of channel `{channel}`{why}", step.id.value);
        self.push(
            Diagnostic::error(Code::MissingRequiredParameter, step.id.span(), message)
                .note(aim.channel.key.span, "the channel")
                .help(format!("add {{ name: {name}, in: path, value: … }}"))
                .section("§Parameter Object"),
        );
    }

    /// `parameters` has what the address names, and nothing else.
    fn check_declared(&mut self, step: &document::Step, aim: &Aim<'b>, address: &str) {
        let names = path_names(address);
        let declared = aim.channel.parameter_keys();
        let span = aim.channel.address_text().map_or(aim.channel.key.span, |node| node.span);
        for name in names.iter().filter(|name| !declared.iter().any(|key| key.name == **name)) {
            let message = format!("the address `{address}` has `{name}`, which `parameters` does not declare");
            let meant = nearest(name, declared.iter().map(|key| key.name.as_str())).map(Help::meant);
            let help = meant.unwrap_or_else(|| Help::words(format!("add `parameters: {{ {name}: {{}} }}`")));
            let fault = Diagnostic::warning(Code::UndeclaredParameter, span, message).help(help);
            self.departure(used_by(fault.section("AsyncAPI, §Parameters Object"), step));
        }
        for key in declared.iter().filter(|key| !names.contains(&key.name.as_str())) {
            let message = format!("the address `{address}` has no `{{{}}}`", key.name);
            let fault = Diagnostic::warning(Code::UnusedName, key.span, message).help("leave it out");
            self.push(used_by(fault.section("AsyncAPI, §Parameters Object"), step));
        }
    }

    /// An address that is known only in a run has to come from the message before: its reply says in which header.
    fn check_unknown_address(&mut self, workflow: &document::Workflow, step: &document::Step, aim: &Aim<'b>) {
        if self.protocol_of(aim).is_none_or(Protocol::is_web) || aim.channel.has_odd_address() {
            return;
        }
        let reply = aim.operation.filter(|_| aim.is_reply).and_then(|operation| operation.reply());
        let place = reply.and_then(|reply| reply.address());
        // What else may say it is known when the message is there.
        let Some(header) = place.as_ref().and_then(|place| place.header()) else { return };
        if self.gives_header(workflow, step, header) {
            return;
        }
        let name = aim.channel.name();
        let message = format!(
            "the address of channel `{name}` is not known: no step before gives the header `{header}`, which says where"
        );
        let fault = Diagnostic::error(Code::InvalidAddress, step.id.span(), message);
        let fault = fault.note(aim.channel.key.span, "the channel").section("AsyncAPI, §Channel Object");
        self.push(fault.help("add `address:` to the channel, or the header to the step that sends"));
    }

    /// `true` if a step of the same operation that comes before gives a header.
    fn gives_header(&mut self, workflow: &document::Workflow, step: &document::Step, header: &str) -> bool {
        let before = workflow.steps.iter().take_while(|other| other.id.span() != step.id.span());
        let mut sends = before.filter(|other| matches!(&other.action, Some((MessageAction::Send, _))));
        sends.any(|other| {
            let is = |parameter: document::Parameter| {
                let place = parameter.location.as_ref().is_some_and(|place| place.value == "header");
                place && parameter.name.value.eq_ignore_ascii_case(header)
            };
            self.parameter_objects(&other.parameters).into_iter().any(is)
        })
    }

    /// The host and the path of the server that is connected to, and what they may be.
    pub(super) fn check_broker(&mut self, step: &document::Step, server: &asyncapi::Server<'b>, source: &str) {
        let url = server.url();
        let mut faults: Vec<Diagnostic> = vec![];
        let span_of = |field: &str| server.field(field).map_or(server.span(), |node| node.span);
        for field in ["host", "pathname"] {
            let written = server.field(field).and_then(crate::node::Node::as_str).unwrap_or_default();
            for name in path_names(written) {
                if server.variable_key(name).is_none() {
                    let message = format!("server `{}` has no variable `{name}`, which its {field} names", server.name);
                    let fault = Diagnostic::error(Code::MissingField, span_of(field), message);
                    faults.push(fault.help(format!("add `variables: {{ {name}: {{ default: … }} }}`")));
                }
            }
            if !is_balanced(written) {
                let message = format!("the {field} `{written}` has a brace that stands alone");
                let fault = Diagnostic::error(Code::UnknownServer, span_of(field), message);
                faults.push(fault.help("write a variable as {name}"));
            }
        }
        let host = server.field("host").and_then(crate::node::Node::as_str).unwrap_or_default();
        if let Some((scheme, rest)) = host.split_once("://") {
            let message =
                format!("the host of server `{}` is a url: its `{scheme}` belongs to `protocol`", server.name);
            faults.push(
                Diagnostic::error(Code::UnknownServer, span_of("host"), message).help(format!("write `host: {rest}`")),
            );
        }
        for variable in &url.variables {
            let Some(default) = variable
                .default
                .as_ref()
                .filter(|default| !variable.values.is_empty() && !variable.values.contains(default))
            else {
                continue;
            };
            if self.surroundings.servers.variable(source, &variable.name).is_some() {
                continue;
            }
            let message = format!(
                "variable `{}` of server `{}` is `{default}`, which is none of {}",
                variable.name,
                server.name,
                variable.values.join(", ")
            );
            let span = server.variable_key(&variable.name).unwrap_or(server.span());
            faults.push(Diagnostic::warning(Code::ValueMismatch, span, message));
        }
        // Nothing is connected to where a mock stands for the server.
        let protocol = server.protocol().filter(|_| !self.surroundings.is_mocked(source));
        for (key, why) in protocol.map(|protocol| server.unfit_bindings(protocol)).unwrap_or_default() {
            let message = format!("the binding `{}` of server `{}` is not honoured: {why}", key.name, server.name);
            faults.push(
                Diagnostic::error(Code::InvalidBinding, key.span, message)
                    .remedy(Remedy::GiveServer(source.to_owned())),
            );
        }
        for fault in faults {
            self.push(used_by(fault.section("AsyncAPI, §Server Object"), step));
        }
    }
}

fn used_by(mut fault: Diagnostic, step: &document::Step) -> Diagnostic {
    fault.notes.push((step.id.span(), format!("used by step `{}`", step.id.value)));
    fault
}

/// `true` if each brace of a template has its other one, and a name between them.
fn is_balanced(text: &str) -> bool {
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        match after.split_once('}') {
            Some((name, after)) if !name.is_empty() && !name.contains('{') && !before.contains('}') => rest = after,
            _ => return false,
        }
    }
    !rest.contains('}')
}
