//! What stands at a byte of a document without being a name of it: values of expressions, parameters, members of payloads,
//! conditions. What it is, in Markdown, and where it is described.

use super::entries::within_payload;
use super::fields::Object;
use super::here::Here;
use super::places::key_span;
use super::values::{Value, around, end_of_part};
use super::words::criterion;
use crate::load::Bundle;
use crate::node::Standing;
use crate::source::{SourceId, Span};
use crate::value::Pointer;

/// What is known of a place.
pub(super) struct Described {
    pub(super) about: Option<String>,
    /// The bytes that it is said of.
    pub(super) span: Span,
    /// Where it is described.
    pub(super) place: Option<Span>,
}

/// What is described of what stands at a byte of a text.
pub(super) fn described(bundle: &Bundle, source: SourceId, offset: u32) -> Option<Described> {
    let (here, standing) = Here::at(bundle, source, offset)?;
    let (own, object) = standing.pointer.tokens().split_last()?;
    if let Some(key) = standing.key {
        let place = key_span(key, &bundle.sources);
        if let Some(way) = within_payload(object) {
            let value = here.payload(way)?.below(own);
            let name = format!("`{}`", key.name);
            return Some(told(&name, &value, place));
        }
        let of = document_object(here, object);
        let words = (own == "condition").then(|| criterion(of?)).flatten()?;
        return Some(Described { about: Some(words), span: place, place: None });
    }
    if own == "name" && Object::at(object) == Some(Object::Parameter) {
        let parameter = document_object(here, object)?;
        let (name, location) = (standing.node.as_str()?, parameter.get("in")?.as_str()?);
        let value = here.parameter(location, name)?;
        return Some(told(&format!("parameter `{name}` in {location}"), &value, standing.node.span));
    }
    expression(here, &standing, offset).or_else(|| {
        let words = (own == "condition").then(|| criterion(document_object(here, object)?)).flatten()?;
        Some(Described { about: Some(words), span: standing.node.span, place: None })
    })
}

/// The part of an expression up to the name that a byte is in.
fn expression(here: Here<'_>, standing: &Standing<'_>, offset: u32) -> Option<Described> {
    let sources = &here.bundle.sources;
    let text = standing.node.as_str()?;
    let within = standing.node.offset_within(sources, offset)?;
    let whole = around(text, within)?;
    let written = text.get(whole.clone())?;
    let end = end_of_part(written, within.checked_sub(whole.start)?);
    let part = written.get(..end)?;
    let value = here.value(part)?;
    let span = standing.node.part(sources, whole.start..whole.start + end);
    Some(told(&format!("`{part}`"), &value, span))
}

fn told(name: &str, value: &Value<'_>, span: Span) -> Described {
    Described { about: value.about().map(|about| format!("{name}\n\n{about}")), span, place: value.place }
}

fn document_object<'b>(here: Here<'b>, way: &[String]) -> Option<&'b crate::node::Node> {
    here.document.root.at(&Pointer::of(way.to_vec()))
}
