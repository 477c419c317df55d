//! Which operation a step calls, as far as that can be said of its names alone.

use crate::asyncapi::{self, AsyncApi};
use crate::document::{MessageAction, Step};
use crate::load::{Bundle, Described, DescribedKind};
use crate::openapi::{Api, Operation};
use crate::value::Pointer;

/// The OpenAPI descriptions of a document, with what each is described as.
pub(super) fn apis(bundle: &Bundle, document: usize) -> impl Iterator<Item = (&Described, Api<'_>)> {
    let own = bundle.described.iter().filter(move |described| described.document == document);
    own.filter_map(|described| {
        let root = described.root.as_deref().filter(|_| described.kind == DescribedKind::Openapi)?;
        Some((described, Api::new(root, &bundle.store)))
    })
}

/// An `operationId` in its parts: the source description that is named before it, and the id itself.
pub(super) fn split<'t>(bundle: &Bundle, document: usize, text: &'t str) -> (Option<&'t str>, &'t str) {
    let Some(rest) = text.strip_prefix("$sourceDescriptions.") else { return (None, text) };
    for described in bundle.described.iter().filter(|described| described.document == document) {
        let id = rest.strip_prefix(&described.name).and_then(|rest| rest.strip_prefix('.'));
        if let (Some(id), Some(name)) = (id, rest.get(..described.name.len())) {
            return (Some(name), id);
        }
    }
    (None, text)
}

/// The operation with an `operationId`, as it is written in a step.
pub(super) fn by_id<'b>(bundle: &'b Bundle, document: usize, text: &str) -> Option<Operation<'b>> {
    let (source, id) = split(bundle, document, text);
    let asked = apis(bundle, document).filter(|(described, _)| source.is_none_or(|name| name == described.name));
    asked.flat_map(|(_, api)| api.by_id(id)).next()
}

/// An `operationPath` in its parts: the name of the source description, and the pointer behind it.
pub(super) fn split_path(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("{$sourceDescriptions.")?;
    let (name, pointer) = rest.split_once(".url}#")?;
    Some((name, pointer))
}

/// The operation that a step calls, and the name of its source description where the step says it.
pub(super) fn of_step<'b>(bundle: &'b Bundle, document: usize, step: &Step) -> Option<Operation<'b>> {
    if let Some(id) = &step.operation_id {
        return by_id(bundle, document, &id.value);
    }
    let (name, pointer) = split_path(&step.operation_path.as_ref()?.value)?;
    let (_, api) = apis(bundle, document).find(|(described, _)| described.name == name)?;
    api.by_pointer(&Pointer::parse(pointer))
}

/// The AsyncAPI descriptions of a document, with what each is described as.
pub(super) fn asyncapis(bundle: &Bundle, document: usize) -> impl Iterator<Item = (&Described, AsyncApi<'_>)> {
    let own = bundle.described.iter().filter(move |described| described.document == document);
    own.filter_map(|described| {
        let root = described.root.as_deref().filter(|_| described.kind == DescribedKind::Asyncapi)?;
        Some((described, AsyncApi::new(root, &bundle.store)))
    })
}

/// The operation of an AsyncAPI description with this `operationId`, as it is written in a step, and where the id itself
/// begins.
pub(super) fn async_by_id<'b>(
    bundle: &'b Bundle,
    document: usize,
    text: &str,
) -> Option<(asyncapi::Operation<'b>, usize)> {
    asyncapis(bundle, document).find_map(|(described, api)| {
        let id = match text.strip_prefix("$sourceDescriptions.") {
            Some(rest) => rest.strip_prefix(&described.name)?.strip_prefix('.')?,
            None => text,
        };
        Some((api.operation(id)?, text.len() - id.len()))
    })
}

/// The channel that a `channelPath` leads to, with the name of its source description.
pub(super) fn channel<'b>(bundle: &'b Bundle, document: usize, text: &str) -> Option<asyncapi::Channel<'b>> {
    let (name, pointer) = split_path(text)?;
    let (_, api) = asyncapis(bundle, document).find(|(described, _)| described.name == name)?;
    api.channel_at(&Pointer::parse(pointer)).ok().flatten()
}

/// The messages that a step sends or waits for: an answer, where the message of the same operation was sent before.
pub(super) fn messages_of<'b>(
    bundle: &'b Bundle,
    document: usize,
    steps: &[Step],
    step: &Step,
) -> Vec<asyncapi::Message<'b>> {
    if let Some(text) = &step.channel_path {
        return channel(bundle, document, &text.value).map(|channel| channel.messages()).unwrap_or_default();
    }
    let Some(text) = &step.operation_id else { return vec![] };
    let Some((operation, _)) = async_by_id(bundle, document, &text.value) else { return vec![] };
    let is = |step: &Step, wanted| step.action.as_ref().is_some_and(|(action, _)| *action == wanted);
    let same = |other: &&Step| other.operation_id.as_ref().is_some_and(|id| id.value == text.value);
    let mut before = steps.iter().take_while(|other| other.id.span() != step.id.span()).filter(same);
    let is_reply = is(step, MessageAction::Receive) && before.any(|other| is(other, MessageAction::Send));
    let own = operation.channel().ok().flatten();
    match operation.reply().filter(|_| is_reply) {
        Some(reply) => {
            let channel = reply.channel().ok().flatten().or(own);
            channel.map(|channel| reply.messages(&channel)).unwrap_or_default()
        }
        None => own.map(|channel| operation.messages(&channel)).unwrap_or_default(),
    }
}
