//! Which values are secrets: found backwards from credential positions, before anything runs.
//!
//! A credential position is a header, query parameter, cookie or body member that carries credentials by its place or
//! name. Whatever an expression there reads is marked: inputs, outputs, and parts of answers, so that a login token is
//! masked before it is used for the first time. The mark belongs to the slot, not to the value.

use std::collections::BTreeSet;

use crate::expr::{Expr, Root, StepId};
use crate::program::{AnswerPart, Build, Program, SecretPart};

/// Marks inputs, outputs and answer parts of all workflows.
pub(super) fn mark(program: &mut Program) {
    let workflows: Vec<Vec<StepId>> = program.workflows.iter().map(|workflow| workflow.steps.clone()).collect();
    for (index, steps) in workflows.iter().enumerate() {
        let mut inputs: BTreeSet<String> = program
            .workflows
            .get(index)
            .map(|w| w.inputs.declared.iter().filter(|i| i.secret).map(|i| i.name.clone()).collect())
            .unwrap_or_default();
        let mut outputs: BTreeSet<(StepId, String)> = BTreeSet::new();
        let mut parts: Vec<(StepId, SecretPart)> = vec![];
        let mut frontier: Vec<(Expr, Option<(StepId, String)>)> = vec![];
        for id in steps {
            let Some(step) = program.step(*id) else { continue };
            for leaf in step.call.values().flat_map(Build::leaves).filter(|leaf| leaf.credential) {
                frontier.extend(leaf.template.expressions().into_iter().map(|expr| (expr.clone(), None)));
            }
            // An output that is called a token is one, wherever it goes.
            for output in step.outputs.iter().filter(|output| is_credential_name(&output.name)) {
                frontier.push((
                    Expr { root: Root::StepOutput(*id, output.name.clone()), at: Default::default(), dotted: false },
                    None,
                ));
            }
        }
        while let Some((expr, from)) = frontier.pop() {
            let read = match expr.root {
                Root::Input(name) => {
                    inputs.insert(name);
                    continue;
                }
                Root::Inputs => {
                    inputs.extend(expr.at.tokens().first().cloned());
                    continue;
                }
                Root::StepOutput(step, name) => (step, name),
                Root::StepOutputs(step) => match expr.at.tokens().first() {
                    Some(name) => (step, name.clone()),
                    None => continue,
                },
                Root::ResponseBody | Root::ResponseHeader(_) => {
                    let Some((step, output)) = from else { continue };
                    let name = program.step(step).map(|s| format!("{}.{output}", s.name)).unwrap_or(output);
                    let part = match expr.root {
                        Root::ResponseHeader(header) => AnswerPart::Header(header),
                        _ => AnswerPart::Body(expr.at),
                    };
                    parts.push((step, SecretPart { name, part }));
                    continue;
                }
                Root::Url | Root::Method | Root::StatusCode => continue,
            };
            if outputs.insert(read.clone())
                && let Some(output) =
                    program.step(read.0).and_then(|step| step.outputs.iter().find(|output| output.name == read.1))
            {
                frontier.extend(
                    output.value.template.expressions().into_iter().map(|expr| (expr.clone(), Some(read.clone()))),
                );
            }
        }
        for (step, part) in parts {
            if let Some(step) = program.steps.get_mut(step.0 as usize)
                && !step.secrets.contains(&part)
            {
                step.secrets.push(part);
            }
        }
        for (step, name) in outputs {
            if let Some(output) =
                program.steps.get_mut(step.0 as usize).and_then(|step| step.outputs.iter_mut().find(|o| o.name == name))
            {
                output.secret = true;
            }
        }
        if let Some(workflow) = program.workflows.get_mut(index) {
            workflow.inputs.secret = inputs;
            for input in &mut workflow.inputs.declared {
                input.secret |= workflow.inputs.secret.contains(&input.name);
            }
        }
    }
}

/// `true` for names such as `Authorization`, `X-Api-Key`, `access_token`, `clientSecret`, `password`; not for tokens
/// that page through a list.
pub(super) fn is_credential_name(name: &str) -> bool {
    let folded: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let pages = ["page", "next", "continuation", "sync", "cursor", "prev"].iter().any(|word| folded.contains(word));
    let ends = [
        "token",
        "secret",
        "password",
        "passwd",
        "passphrase",
        "apikey",
        "authorization",
        "cookie",
        "privatekey",
        "credential",
        "credentials",
    ];
    !pages && ends.iter().any(|end| folded.ends_with(end))
}
