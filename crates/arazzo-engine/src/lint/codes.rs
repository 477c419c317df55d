//! The codes of diagnostics that documents can have, each with what it is about.

use crate::diagnostic::Code;

/// What a diagnostic is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// The text of a document, its fields, their types and values.
    Structure,
    /// Names that lead to something: sources, operations, workflows, steps, outputs, inputs, components.
    References,
    /// Runtime expressions, conditions, selectors, patterns.
    Expressions,
    /// What runs after what.
    Flow,
    /// Values against the schemas of the API descriptions and of the inputs.
    Data,
    /// Values that must not be seen.
    Secrets,
    /// Names and descriptions for people.
    Style,
}

impl Category {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Structure, Self::References, Self::Expressions, Self::Flow, Self::Data, Self::Secrets, Self::Style];

    /// The category as it is written.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Structure => "structure",
            Self::References => "references",
            Self::Expressions => "expressions",
            Self::Flow => "flow",
            Self::Data => "data",
            Self::Secrets => "secrets",
            Self::Style => "style",
        }
    }
}

use Category::{Data, Expressions, Flow, References, Secrets, Structure, Style};

/// Every code, in the order of the alphabet.
pub const CODES: &[(Code, Category)] = &[
    ("action-condition", Structure),
    ("actions-as-map", Structure),
    ("alias-limit", Structure),
    ("ambiguous-operation-id", References),
    ("answer-of-workflow", Expressions),
    ("braced-condition", Expressions),
    ("broken-reference", References),
    ("component-name", Structure),
    ("condition-syntax", Expressions),
    ("connection-header", Data),
    ("dependency-cycle", Flow),
    ("document-not-found", Structure),
    ("document-too-deep", Structure),
    ("document-too-large", Structure),
    ("dotted-body", Expressions),
    ("dotted-output", Expressions),
    ("double-quoted-literal", Expressions),
    ("duplicate-action", Structure),
    ("duplicate-key", Structure),
    ("duplicate-name", Structure),
    ("duplicate-parameter", Structure),
    ("empty-list", Structure),
    ("end-with-missing-outputs", Flow),
    ("endless-recursion", Flow),
    ("expression-syntax", Expressions),
    ("expression-without-dollar", Expressions),
    ("file-refused", References),
    ("id-outside-pattern", Style),
    ("insecure-host", Secrets),
    ("invalid-input-schema", Structure),
    ("json-syntax", Structure),
    ("jsonpath-comparison", Expressions),
    ("jsonpath-dialect", Expressions),
    ("jsonpath-filter-on-object", Expressions),
    ("jsonpath-syntax", Expressions),
    ("leading-zero-number", Structure),
    ("literal-output", Expressions),
    ("literal-secret", Secrets),
    ("misplaced-field", Structure),
    ("misplaced-parameter", Data),
    ("missing-action-name", Structure),
    ("missing-credentials", Secrets),
    ("missing-description", Style),
    ("missing-field", Structure),
    ("missing-member", Data),
    ("missing-required-parameter", Data),
    ("name-outside-grammar", Expressions),
    ("never-met", Flow),
    ("newer-form", Structure),
    ("no-body", Data),
    ("not-an-arazzo-document", Structure),
    ("not-json", Structure),
    ("not-supported-yet", Structure),
    ("not-utf8", Structure),
    ("operation-path-form", References),
    ("optional-input-in-text", Expressions),
    ("payload-syntax", Expressions),
    ("permission-refused", Secrets),
    ("place-of-workflow-parameter", Data),
    ("plain-secret", Secrets),
    ("plural-headers", Expressions),
    ("pointer-syntax", Expressions),
    ("reference-as-name", Structure),
    ("regex-delimiters", Expressions),
    ("regex-syntax", Expressions),
    ("required-not-declared", Data),
    ("root-relative-source", References),
    ("several-documents", Structure),
    ("several-targets", Structure),
    ("shadowed-action", Flow),
    ("short-secret", Secrets),
    ("source-dot-operation", References),
    ("source-not-found", References),
    ("source-refused", References),
    ("status-as-text", Data),
    ("success-retry", Structure),
    ("too-many-dependencies", Flow),
    ("too-many-documents", References),
    ("too-many-faults", Structure),
    ("unbraced-expression", Expressions),
    ("undeclared-body", Data),
    ("undeclared-content-type", Data),
    ("undeclared-parameter", Data),
    ("undocumented-status", Data),
    ("unknown-channel", References),
    ("unknown-component", References),
    ("unknown-field", Structure),
    ("unknown-field-of-source", References),
    ("unknown-input", References),
    ("unknown-member", Data),
    ("unknown-operation-id", References),
    ("unknown-operation-path", References),
    ("unknown-output", References),
    ("unknown-parameter", Data),
    ("unknown-root", Expressions),
    ("unknown-server", References),
    ("unknown-source", References),
    ("unknown-step", References),
    ("unknown-style", Data),
    ("unknown-value", Structure),
    ("unknown-version", Structure),
    ("unknown-workflow", References),
    ("unpaced-loop", Flow),
    ("unqualified-operation-id", References),
    ("unreachable-reference", Flow),
    ("unreachable-step", Flow),
    ("unsafe-path", References),
    ("unsafe-value", Data),
    ("unused-ignore", Structure),
    ("unused-name", Style),
    ("value-mismatch", Data),
    ("wrong-kind-of-source", References),
    ("wrong-type", Structure),
    ("xpath-syntax", Expressions),
    ("yaml-alias", Structure),
    ("yaml-key", Structure),
    ("yaml-syntax", Structure),
    ("yaml-tag", Structure),
];

/// What a code is about; `None` for what is no code.
#[must_use]
pub fn category(code: &str) -> Option<Category> {
    let index = CODES.binary_search_by_key(&code, |(known, _)| known).ok()?;
    CODES.get(index).map(|(_, category)| *category)
}
