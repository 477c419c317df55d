//! What is offered whole: entries of lists with all that belongs to them, and values that fit where they stand.

use super::fields::Object;
use super::offers::{Around, Offer, OfferKind, inputs, offer};
use super::operations::{async_by_id, channel};
use super::values::told;
use super::{about, operations};
use crate::node::{Key, Node};
use crate::openapi::shape::Schema;
use crate::openapi::{Parameter, status};
use crate::value::Pointer;

/// What a value is for: its name, and the type that it has to have.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'w> {
    pub(super) name: &'w str,
    pub(super) kind: Option<&'w str>,
}

impl Around<'_> {
    /// Entries for a list in which one of this kind has begun, with nothing written of it.
    pub(super) fn entries(&self, kind: Object, object: &[String]) -> Vec<Offer> {
        match kind {
            Object::Parameter => {
                let whole = |name: Offer| {
                    let entry = Offer { kind: OfferKind::Entry, text: format!("name: {}", name.text), ..name };
                    open(entry, &["value"])
                };
                self.parameter_names(object).into_iter().map(whole).collect()
            }
            Object::Criterion => {
                let conditions = self.conditions(object).into_iter();
                let entry = |condition: Offer| Offer {
                    kind: OfferKind::Entry,
                    text: format!("condition: {}", condition.text),
                    ..condition
                };
                conditions.map(entry).collect()
            }
            Object::SuccessAction => self.success_actions(),
            Object::FailureAction => {
                let retry = ["type: retry", "retryAfter: 1", "retryLimit: 3"];
                let open_ends = ["name", "retryAfter", "retryLimit"];
                let mut found = vec![open(whole("retry", &retry, "The step is tried again."), &open_ends)];
                found.extend(self.ends("The workflow ends, and has failed."));
                found
            }
            _ => vec![],
        }
    }

    fn success_actions(&self) -> Vec<Offer> {
        let mut found = vec![];
        if let Some(step) = self.here.step {
            let (goto, condition) = (format!("stepId: {}", step.id.value), self.unfinished());
            let source = if self.here.messages().is_empty() { "$response.body" } else { "$message.payload" };
            let context = format!("  - context: {source}");
            let below = ["type: goto", &goto, "criteria:", &context, "    type: jsonpath", &condition];
            let poll = whole("poll", &below, "The step is done again until its answer is another one.");
            found.push(open(poll, &["name", "condition"]));
        }
        found.extend(self.ends("The workflow ends here, and has succeeded."));
        found
    }

    /// Actions that go on elsewhere, or nowhere.
    fn ends(&self, words: &str) -> Vec<Offer> {
        let end = open(whole("end", &["type: end"], words), &["name"]);
        let next = self.steps().into_iter().next_back();
        let next = next.map(|step| {
            let goto = ["type: goto".to_owned(), format!("stepId: {}", step.text)];
            let goto = whole("goto", &goto.each_ref().map(String::as_str), "Another step is next.");
            open(goto, &["name", "stepId"])
        });
        next.into_iter().chain([end]).collect()
    }

    /// What outputs usually are, with names: members of the answer or of the message; of a workflow, outputs of its steps.
    pub(super) fn likely_outputs(&self) -> Vec<(String, Offer)> {
        let mut found = vec![];
        if self.here.step.is_none() {
            let steps = self.here.workflow.map(|workflow| workflow.steps.as_slice()).unwrap_or_default();
            for there in steps.iter().filter_map(|step| self.here.step_named(&step.id.value)) {
                for output in there.step.map(|step| step.outputs.as_slice()).unwrap_or_default() {
                    let step = there.step.map(|step| step.id.value.as_str()).unwrap_or_default();
                    let text = format!("$steps.{step}.outputs.{}", output.name.name);
                    found.push((output.name.name.clone(), self.output(there, text, output)));
                }
            }
            return found;
        }
        for root in ["$response.body", "$message.payload"] {
            let Some(value) = self.here.value(root) else { continue };
            for (key, schema) in value.members() {
                let (name, kind, words) = told(key, schema);
                found.push((key.name.clone(), offer(OfferKind::Member, format!("{root}#/{name}"), kind, words)));
            }
            let kind = value.type_words().unwrap_or_default();
            found.push(("body".to_owned(), offer(OfferKind::Member, root, kind, "")));
        }
        found.retain(|(name, _)| crate::document::is_identifier(name));
        found
    }

    /// What criteria usually look at.
    pub(super) fn contexts(&self) -> Vec<Offer> {
        let roots: &[&str] = match self.here.messages().is_empty() {
            true => &["$response.body", "$statusCode"],
            false => &["$message.payload"],
        };
        let kind = |root: &str| self.here.value(root).and_then(|value| value.type_words()).unwrap_or_default();
        roots.iter().map(|root| offer(OfferKind::Member, *root, kind(root), "")).collect()
    }

    /// The media types that the operation takes, then those that are usual.
    pub(super) fn content_types(&self) -> Vec<Offer> {
        let body = self.here.operation().and_then(|operation| operation.request_body().ok().flatten());
        let described = body.map(|body| body.content.iter().map(|media| media.name).collect::<Vec<_>>());
        let mut names = described.unwrap_or_default();
        for usual in Object::Body.values("contentType") {
            if !names.contains(usual) {
                names.push(usual);
            }
        }
        names.into_iter().map(|name| offer(OfferKind::Word, name, "", "")).collect()
    }

    /// What the value before a comparison at the end of a condition may be, or what one more condition may say, and where
    /// that is written.
    pub(super) fn compared(&self, before: &str) -> Option<(usize, Vec<Offer>)> {
        let begun = before.trim_end_matches(|c: char| c.is_alphanumeric() || matches!(c, '\'' | '_' | '-'));
        let left = begun.trim_end();
        if ["&&", "||"].iter().any(|both| left.ends_with(both)) {
            return Some((begun.len(), self.conditions(&self.tokens)));
        }
        let left =
            ["==", "!=", "<=", ">=", "<", ">"].iter().find_map(|operator| left.strip_suffix(operator))?.trim_end();
        let expression = left.get(left.rfind('$')?..)?;
        let offers = match expression {
            "$statusCode" => {
                let codes = self.conditions(&[]).into_iter().filter_map(|condition| {
                    let code = condition.text.strip_prefix("$statusCode == ")?.to_owned();
                    Some(Offer { text: code, ..condition })
                });
                codes.collect()
            }
            query if query.starts_with("$.") => words(self.queried(query.get(2..)?)?.constants(true)),
            _ => words(self.here.value(expression)?.constants(true)),
        };
        Some((begun.len(), offers))
    }

    /// A condition that holds until something is done: of the member of the answer that says how it gets on.
    fn unfinished(&self) -> String {
        let answer = ["$response.body", "$message.payload"].into_iter().find_map(|root| self.here.value(root));
        let members = answer.map(|answer| answer.members()).unwrap_or_default();
        let is_state = |name: &str| ["state", "status"].iter().any(|word| name.to_lowercase().ends_with(word));
        let state = members.iter().find(|(key, _)| is_state(&key.name));
        let name = state.map_or("status", |(key, _)| key.name.as_str());
        let values = state.and_then(|(_, schema)| schema.node.get("enum")).map(Node::items).unwrap_or_default();
        let last = values.iter().filter_map(Node::as_str).next_back().unwrap_or("ready");
        format!("    condition: $.{name} != '{last}'")
    }

    /// The parameters of what the step calls that it does not pass yet, with what else an entry needs.
    pub(super) fn parameter_names(&self, object: &[String]) -> Vec<Offer> {
        let Some(step) = self.here.step else { return vec![] };
        let list = object.split_last().and_then(|(_, list)| self.here.document.root.at(&Pointer::of(list.to_vec())));
        let own = self.here.document.root.at(&Pointer::of(object.to_vec()));
        let others = list.map(Node::items).unwrap_or_default().iter();
        let others = others.filter(|node| Some(node.span) != own.map(|own| own.span));
        let given: Vec<&str> = others.filter_map(|node| node.get("name").and_then(Node::as_str)).collect();
        let lacks = |field: &str| own.is_none_or(|own| own.get(field).is_none());
        let below = |wanted: Wanted<'_>, location: Option<&str>| {
            let location = location.filter(|_| lacks("in")).map(|location| format!("in: {location}"));
            let value = lacks("value").then(|| format!("value: {}", self.value_for(wanted)));
            location.into_iter().chain(value).collect()
        };
        let mut found = vec![];
        if let Some(operation) = operations::of_step(self.here.bundle, self.here.number, step) {
            let (mut parameters, _) = operation.parameters();
            parameters.retain(|parameter| !given.contains(&parameter.name));
            parameters.sort_by_key(|parameter| !parameter.required);
            for parameter in parameters {
                let required = if parameter.required { ", required" } else { "" };
                let words = parameter.node.get("description").and_then(Node::as_str).unwrap_or_default();
                let kind = parameter.schema().and_then(about::type_of);
                let wanted = Wanted { name: parameter.name, kind: kind.as_deref() };
                let name = format!("in {}{required}", parameter.location);
                found.push(Offer {
                    below: below(wanted, Some(parameter.location)),
                    ..offer(OfferKind::Name, parameter.name, name, words)
                });
            }
        }
        found.extend(self.channel_parameters(&given).into_iter().map(|(name, location, words)| {
            let wanted = Wanted { name: &name, kind: Some("string") };
            let below = below(wanted, Some(location));
            Offer { below, ..offer(OfferKind::Name, name, format!("in {location}, required"), words) }
        }));
        let called = self.here.called_by_step();
        if let Some((document, workflow)) = called.and_then(|called| Some((called.document, called.workflow?))) {
            let missing = inputs(document, workflow).into_iter().filter(|input| !given.contains(&input.text.as_str()));
            found.extend(missing.map(|input| {
                let below = below(Wanted { name: &input.text, kind: Some(&input.detail) }, None);
                Offer { below, ..input }
            }));
        }
        found
    }

    /// The parameters of the address of the channel, and the headers of what is sent: name, place, words.
    fn channel_parameters(&self, given: &[&str]) -> Vec<(String, &'static str, String)> {
        let (here, mut found) = (self.here, vec![]);
        let Some(step) = here.step else { return found };
        let by_path = step.channel_path.as_ref().and_then(|text| channel(here.bundle, here.number, &text.value));
        let by_id = || {
            let (operation, _) = async_by_id(here.bundle, here.number, &step.operation_id.as_ref()?.value)?;
            operation.channel().ok().flatten()
        };
        let Some(channel) = by_path.or_else(by_id) else { return found };
        let described = channel.parameters().map(|parameter| (parameter.name.to_owned(), "path", String::new()));
        found.extend(described);
        if step.action.as_ref().is_some_and(|(action, _)| *action == crate::document::MessageAction::Send) {
            let headers = here.message_headers().into_iter();
            found.extend(headers.map(|(key, schema)| {
                let words = schema.node.get("description").and_then(Node::as_str).unwrap_or_default();
                (key.name.clone(), "header", words.to_owned())
            }));
        }
        found.retain(|(name, ..)| !given.contains(&name.as_str()));
        found
    }

    /// Values of the parameter at this place, those that fit first.
    pub(super) fn parameter_values(&self, object: &[String]) -> Vec<Offer> {
        let own = self.here.document.root.at(&Pointer::of(object.to_vec()));
        let Some(name) = own.and_then(|own| own.get("name")?.as_str()) else { return self.fitting(None) };
        let operation = self.here.operation();
        let parameters: Vec<Parameter<'_>> = operation.map(|operation| operation.parameters().0).unwrap_or_default();
        let described = parameters.iter().find(|parameter| parameter.name == name);
        let kind = described.and_then(|parameter| parameter.schema()).and_then(about::type_of);
        let place = own.and_then(|own| own.get("in")?.as_str()).unwrap_or_default();
        let constants = self.here.parameter(place, name).map(|value| words(value.constants(false))).unwrap_or_default();
        constants.into_iter().chain(self.fitting(Some(Wanted { name, kind: kind.as_deref() }))).collect()
    }

    /// Inputs of the workflow and outputs of the steps before this one, those that fit first.
    pub(super) fn fitting(&self, wanted: Option<Wanted<'_>>) -> Vec<Offer> {
        let own =
            self.here.workflow.map(|workflow| inputs(self.here.document, workflow)).unwrap_or_default().into_iter();
        let mut found: Vec<Offer> =
            own.map(|input| Offer { text: format!("$inputs.{}", input.text), ..input }).collect();
        for step in self.here.steps_before() {
            let Some(there) = self.here.step_named(&step.id.value) else { continue };
            for output in &step.outputs {
                let text = format!("$steps.{}.outputs.{}", step.id.value, output.name.name);
                found.push(self.output(there, text, output));
            }
        }
        if let Some(wanted) = wanted {
            found.sort_by_key(|offer| !fits(wanted, offer));
        }
        found
    }

    /// What a parameter may be given: what is called as it is, else an input of its name, which is then to be declared.
    pub(super) fn value_for(&self, wanted: Wanted<'_>) -> String {
        let fitting = self.fitting(None).into_iter().rfind(|offer| fits(wanted, offer));
        fitting.map_or_else(|| format!("$inputs.{}", wanted.name), |offer| offer.text)
    }

    /// The statuses that the operation of the step describes, as conditions: those of success first, but for actions of a
    /// failure.
    pub(super) fn conditions(&self, object: &[String]) -> Vec<Offer> {
        let of_failure = object.iter().any(|token| token == "onFailure");
        let Some(operation) = self.here.operation() else { return vec![] };
        let mut found = vec![];
        for (key, answer) in operation.response_nodes() {
            let condition = match status::StatusKey::parse(&key.name) {
                Some(status::StatusKey::Code(code)) => format!("$statusCode == {code}"),
                Some(status::StatusKey::Range(hundreds)) => {
                    format!("$statusCode >= {hundreds}00 && $statusCode <= {hundreds}99")
                }
                _ => continue,
            };
            let words = operation.api().resolve(answer).ok().and_then(|answer| answer.get("description")?.as_str());
            found.push((
                status::is_success(&key.name) == of_failure,
                offer(OfferKind::Word, condition, words.unwrap_or_default(), ""),
            ));
        }
        found.sort_by_key(|(is_last, _)| *is_last);
        found.into_iter().map(|(_, offer)| offer).collect()
    }

    /// The members of the body that the operation takes and that the payload at this place does not have yet.
    pub(super) fn payload_members(&self, object: &[String], own: &Key) -> Option<Vec<Offer>> {
        let within = within_payload(object)?;
        let node = self.here.document.root.at(&Pointer::of(object.to_vec()));
        let there = |name: &str| name != own.name && node.is_some_and(|node| node.get(name).is_some());
        let described = self.here.payload(within)?.members().into_iter().filter(|(key, _)| !there(&key.name));
        let member = |(key, schema): (&Key, Schema<'_>)| {
            let (_, kind, words) = told(key, schema);
            offer(OfferKind::Field, &key.name, kind, words)
        };
        Some(described.map(member).collect())
    }

    /// Values of a member of a payload, those that fit first.
    pub(super) fn payload_values(&self, own: &str, object: &[String]) -> Option<Vec<Offer>> {
        let within = within_payload(object)?;
        let value = self.here.payload(within).map(|value| value.below(own));
        let constants = value.as_ref().map(|value| words(value.constants(false))).unwrap_or_default();
        let kind = value.and_then(|value| value.type_words());
        Some(constants.into_iter().chain(self.fitting(Some(Wanted { name: own, kind: kind.as_deref() }))).collect())
    }
}

/// Constants: their texts and types.
fn words(constants: Vec<(String, String)>) -> Vec<Offer> {
    constants.into_iter().map(|(text, kind)| offer(OfferKind::Word, text, kind, "")).collect()
}

/// An entry with fields below its name.
fn whole(name: &str, below: &[&str], about: &str) -> Offer {
    Offer {
        below: below.iter().map(|line| (*line).to_owned()).collect(),
        ..offer(OfferKind::Entry, format!("name: {name}"), "", about)
    }
}

/// The same, with the values of these fields as places to fill in.
fn open(entry: Offer, fields: &[&str]) -> Offer {
    let mut number = 0;
    let lines = std::iter::once(&entry.text).chain(&entry.below);
    let snippet = lines.map(|line| {
        let escaped = |text: &str| text.replace('\\', "\\\\").replace('$', "\\$").replace('}', "\\}");
        match line.split_once(": ") {
            Some((field, value)) if fields.contains(&field.trim_start().trim_start_matches("- ")) => {
                number += 1;
                format!("{field}: ${{{number}:{}}}", escaped(value))
            }
            _ => escaped(line),
        }
    });
    Offer { snippet: snippet.collect(), ..entry }
}

/// The way into the payload of a step.
pub(super) fn within_payload(object: &[String]) -> Option<&[String]> {
    match object {
        [workflows, _, steps, _, body, payload, within @ ..]
            if [workflows, steps, body, payload].map(String::as_str)
                == ["workflows", "steps", "requestBody", "payload"] =>
        {
            Some(within)
        }
        _ => None,
    }
}

/// `true` if what is offered is called as what is wanted, and may be of its type.
fn fits(wanted: Wanted<'_>, offer: &Offer) -> bool {
    let plain =
        |name: &str| name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    let name = offer.text.rsplit('.').next().unwrap_or_default();
    // Where no type is known, what is written stands in its place.
    let known = if offer.detail.starts_with(['$', '{']) { "" } else { offer.detail.as_str() };
    let same_type = wanted.kind.is_none_or(|kind| {
        let either = |one: &str, other: &str| one == other || (one == "integer" && other == "number");
        known.is_empty()
            || kind.is_empty()
            || known.split(" or ").any(|one| kind.split(" or ").any(|other| either(one, other)))
    });
    plain(name) == plain(wanted.name) && same_type
}
