//! `arazzo explain`: what a code means. The text is that of `docs/diagnostics/`.

use arazzo::engine::diagnostic::nearest;
use arazzo::engine::lint::codes::{CODES, category};

use crate::exit;
use crate::flags::ExplainFlags;
use crate::show::Screen;

macro_rules! pages {
    ($($code:literal)*) => {
        &[$(($code, include_str!(concat!("../../../docs/diagnostics/", $code, ".md")))),*]
    };
}

/// The page of each code.
const PAGES: &[(&str, &str)] = pages! {
    "action-condition"
    "actions-as-map"
    "alias-limit"
    "ambiguous-operation-id"
    "answer-of-workflow"
    "braced-condition"
    "broken-reference"
    "component-name"
    "condition-syntax"
    "connection-header"
    "dependency-cycle"
    "document-not-found"
    "document-too-deep"
    "document-too-large"
    "dotted-body"
    "dotted-output"
    "double-quoted-literal"
    "duplicate-action"
    "duplicate-key"
    "duplicate-name"
    "duplicate-parameter"
    "empty-list"
    "end-with-missing-outputs"
    "endless-recursion"
    "expression-syntax"
    "expression-without-dollar"
    "file-refused"
    "id-outside-pattern"
    "insecure-host"
    "invalid-input-schema"
    "json-syntax"
    "jsonpath-comparison"
    "jsonpath-dialect"
    "jsonpath-filter-on-object"
    "jsonpath-syntax"
    "leading-zero-number"
    "literal-output"
    "literal-secret"
    "misplaced-field"
    "misplaced-parameter"
    "missing-action-name"
    "missing-credentials"
    "missing-description"
    "missing-field"
    "missing-member"
    "missing-required-parameter"
    "name-outside-grammar"
    "never-met"
    "newer-form"
    "no-body"
    "not-an-arazzo-document"
    "not-json"
    "not-supported-yet"
    "not-utf8"
    "operation-path-form"
    "optional-input-in-text"
    "payload-syntax"
    "permission-refused"
    "place-of-workflow-parameter"
    "plain-secret"
    "plural-headers"
    "pointer-syntax"
    "reference-as-name"
    "regex-delimiters"
    "regex-syntax"
    "required-not-declared"
    "root-relative-source"
    "several-documents"
    "several-targets"
    "shadowed-action"
    "short-secret"
    "source-dot-operation"
    "source-not-found"
    "source-refused"
    "status-as-text"
    "success-retry"
    "too-many-dependencies"
    "too-many-documents"
    "too-many-faults"
    "unbraced-expression"
    "undeclared-body"
    "undeclared-content-type"
    "undeclared-parameter"
    "undocumented-status"
    "unknown-channel"
    "unknown-component"
    "unknown-field"
    "unknown-field-of-source"
    "unknown-input"
    "unknown-member"
    "unknown-operation-id"
    "unknown-operation-path"
    "unknown-output"
    "unknown-parameter"
    "unknown-root"
    "unknown-server"
    "unknown-source"
    "unknown-step"
    "unknown-style"
    "unknown-value"
    "unknown-version"
    "unknown-workflow"
    "unpaced-loop"
    "unqualified-operation-id"
    "unreachable-reference"
    "unreachable-step"
    "unsafe-path"
    "unsafe-value"
    "unused-ignore"
    "unused-name"
    "value-mismatch"
    "wrong-kind-of-source"
    "wrong-type"
    "xpath-syntax"
    "yaml-alias"
    "yaml-key"
    "yaml-syntax"
    "yaml-tag"
};

/// Runs the command.
pub(crate) fn explain(flags: &ExplainFlags, screen: &mut Screen) -> u8 {
    let text = match &flags.code {
        None => {
            let width = CODES.iter().map(|(code, _)| code.len()).max().unwrap_or_default();
            let line = |code: &str| format!("{code:width$}  {}", summary(code));
            CODES.iter().map(|(code, _)| line(code)).collect::<Vec<_>>().join("\n")
        }
        // `error[unknown-step]`, as it is copied.
        Some(written) => {
            let code = written.trim_end_matches(']').rsplit('[').next().unwrap_or(written).trim();
            match page(code) {
                Some(page) => page.trim_end().to_owned(),
                None => {
                    let near = nearest(code, CODES.iter().map(|(code, _)| *code));
                    let help = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                    screen.line(&format!(
                        "error: no code is called `{code}`{help}\n  = all of them: arazzo explain --list"
                    ));
                    return exit::USAGE;
                }
            }
        }
    };
    if screen.data(&text).is_err() { exit::OUTPUT } else { exit::SUCCEEDED }
}

/// The page of a code.
pub(crate) fn page(code: &str) -> Option<&'static str> {
    category(code)?;
    PAGES.iter().find(|(known, _)| *known == code).map(|(_, page)| *page)
}

/// What a code says, in one line: the first paragraph of its page.
pub(crate) fn summary(code: &str) -> &'static str {
    page(code).and_then(|page| page.lines().find(|line| !line.is_empty() && !line.starts_with('#'))).unwrap_or_default()
}
