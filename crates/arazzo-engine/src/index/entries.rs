//! What is offered whole: entries of lists with all that belongs to them, and values that fit where they stand.

use super::fields::Object;
use super::offers::{Around, Offer, OfferKind, inputs, offer};
use super::{about, operations};
use crate::document::Step;
use crate::node::{Key, Node};
use crate::openapi::{Parameter, status};
use crate::value::Pointer;

/// What a value is for: its name, and the type that it has to have.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'w> {
    name: &'w str,
    kind: Option<&'w str>,
}

impl Around<'_> {
    /// Entries for a list in which one of this kind has begun, with nothing written of it.
    pub(super) fn entries(&self, kind: Object, object: &[String]) -> Vec<Offer> {
        let whole = |first: String, below: Vec<String>, about: &str| Offer {
            below,
            ..offer(OfferKind::Entry, first, "", about)
        };
        match kind {
            Object::Parameter => {
                let names = self.parameter_names(object).into_iter();
                names
                    .map(|name| Offer { kind: OfferKind::Entry, text: format!("name: {}", name.text), ..name })
                    .collect()
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
            Object::SuccessAction => {
                let Some(step) = self.step else { return vec![] };
                let below = ["type: goto", &format!("stepId: {}", step.id.value), "criteria:"];
                let criterion =
                    ["  - context: $response.body", "    type: jsonpath", "    condition: $.status != 'ready'"];
                let below = below.into_iter().chain(criterion).map(str::to_owned).collect();
                vec![whole("name: poll".to_owned(), below, "The step is done again until its answer is another one.")]
            }
            Object::FailureAction => {
                let below = ["type: retry", "retryAfter: 1", "retryLimit: 3"].map(str::to_owned).to_vec();
                vec![whole("name: retry".to_owned(), below, "The step is tried again.")]
            }
            _ => vec![],
        }
    }

    /// The parameters of what the step calls that it does not pass yet, with what else an entry needs.
    pub(super) fn parameter_names(&self, object: &[String]) -> Vec<Offer> {
        let Some(step) = self.step else { return vec![] };
        let list = object.split_last().and_then(|(_, list)| self.document.root.at(&Pointer::of(list.to_vec())));
        let own = self.document.root.at(&Pointer::of(object.to_vec()));
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
        if let Some(operation) = operations::of_step(self.bundle, self.number, step) {
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
        let called = step.workflow_id.as_ref().and_then(|text| self.called(&text.value));
        if let Some((document, workflow)) = called {
            let missing = inputs(document, workflow).into_iter().filter(|input| !given.contains(&input.text.as_str()));
            found.extend(missing.map(|input| {
                let below = below(Wanted { name: &input.text, kind: Some(&input.detail) }, None);
                Offer { below, ..input }
            }));
        }
        found
    }

    /// Values of the parameter at this place, those that fit first.
    pub(super) fn parameter_values(&self, object: &[String]) -> Vec<Offer> {
        let own = self.document.root.at(&Pointer::of(object.to_vec()));
        let Some(name) = own.and_then(|own| own.get("name")?.as_str()) else { return self.fitting(None) };
        let operation = self.operation();
        let parameters: Vec<Parameter<'_>> = operation.map(|operation| operation.parameters().0).unwrap_or_default();
        let described = parameters.iter().find(|parameter| parameter.name == name);
        let kind = described.and_then(|parameter| parameter.schema()).and_then(about::type_of);
        self.fitting(Some(Wanted { name, kind: kind.as_deref() }))
    }

    /// Inputs of the workflow and outputs of the steps before this one, those that fit first.
    pub(super) fn fitting(&self, wanted: Option<Wanted<'_>>) -> Vec<Offer> {
        let own = self.workflow.map(|workflow| inputs(self.document, workflow)).unwrap_or_default().into_iter();
        let mut found: Vec<Offer> =
            own.map(|input| Offer { text: format!("$inputs.{}", input.text), ..input }).collect();
        for step in self.steps_before() {
            for output in &step.outputs {
                let text = format!("$steps.{}.outputs.{}", step.id.value, output.name.name);
                found.push(offer(OfferKind::Member, text, output.value.as_str().unwrap_or_default(), ""));
            }
        }
        if let Some(wanted) = wanted {
            found.sort_by_key(|offer| !fits(wanted, offer));
        }
        found
    }

    fn steps_before(&self) -> impl Iterator<Item = &Step> {
        let steps = self.workflow.map(|workflow| workflow.steps.as_slice()).unwrap_or_default();
        let own = self.step.map(|step| step.id.span());
        steps.iter().take_while(move |step| Some(step.id.span()) != own)
    }

    /// What a parameter may be given: what is called as it is, else an input of its name, which is then to be declared.
    fn value_for(&self, wanted: Wanted<'_>) -> String {
        let fitting = self.fitting(None).into_iter().rfind(|offer| fits(wanted, offer));
        fitting.map_or_else(|| format!("$inputs.{}", wanted.name), |offer| offer.text)
    }

    /// The statuses that the operation of the step describes, as conditions: those of success first, but for actions of a
    /// failure.
    pub(super) fn conditions(&self, object: &[String]) -> Vec<Offer> {
        let of_failure = object.iter().any(|token| token == "onFailure");
        let Some(operation) = self.operation() else { return vec![] };
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
        let node = self.document.root.at(&Pointer::of(object.to_vec()));
        let there = |name: &str| name != own.name && node.is_some_and(|node| node.get(name).is_some());
        let members = self.members("$request.body", within).into_iter().filter(|member| !there(&member.text));
        Some(members.map(|member| Offer { kind: OfferKind::Field, ..member }).collect())
    }

    /// Values of a member of a payload, those that fit first.
    pub(super) fn payload_values(&self, own: &str, object: &[String]) -> Option<Vec<Offer>> {
        let within = within_payload(object)?;
        let members = self.members("$request.body", within);
        let kind = members.iter().find(|member| member.text == own).map(|member| member.detail.as_str());
        Some(self.fitting(Some(Wanted { name: own, kind: kind.filter(|kind| !kind.is_empty()) })))
    }
}

/// The way into the payload of a step.
fn within_payload(object: &[String]) -> Option<&[String]> {
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
    // Of outputs no type is known.
    let known = if offer.text.starts_with("$inputs.") { offer.detail.as_str() } else { "" };
    let same_type = wanted.kind.is_none_or(|kind| kind == known || known.is_empty() || kind.is_empty());
    plain(name) == plain(wanted.name) && same_type
}
