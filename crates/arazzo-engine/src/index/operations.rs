//! Which operation a step calls, as far as that can be said of its names alone.

use crate::document::Step;
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
    for (described, _) in apis(bundle, document) {
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
