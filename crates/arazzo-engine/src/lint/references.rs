//! References of API descriptions that lead nowhere, in what the steps call.

use std::collections::BTreeSet;

use super::Lint;
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Help, Severity, nearest};
use crate::node::Node;
use crate::openapi::Broken;
use crate::openapi::references::reached;
use crate::source::Span;

impl Lint<'_> {
    /// Says which references of called operations lead nowhere: what they describe is not known to anything that checks.
    pub(super) fn check_references(&mut self) {
        let mut broken: Vec<(Broken, Option<String>)> = vec![];
        // Many steps may call one operation.
        let mut walked: BTreeSet<Span> = BTreeSet::new();
        let called = self.steps.iter().filter_map(|view| view.operation.as_ref());
        for operation in called.filter(|operation| walked.insert(operation.key.span)) {
            let api = operation.api();
            let of = |field: &str| operation.node.get(field);
            let answers = of("responses").map(Node::members).unwrap_or_default().iter().map(|(_, answer)| answer);
            let start = [of("requestBody"), of("parameters")].into_iter().flatten().chain(answers).collect();
            reached(start, &mut |reference| {
                let text = reference.as_str()?;
                match api.target(text, reference) {
                    Ok(target) => Some(target),
                    Err(fault) => {
                        broken.push((fault, near(text, &|way| api.target(way, reference).ok())));
                        None
                    }
                }
            });
        }
        let said: Vec<Span> =
            self.known.iter().filter(|d| d.code == Code::BrokenReference).filter_map(|d| d.span).collect();
        let mut met: Vec<Span> = vec![];
        for (fault, near) in broken {
            // What may not be read is said where it is refused.
            if fault.refused.is_some() || said.contains(&fault.span) || met.contains(&fault.span) {
                continue;
            }
            met.push(fault.span);
            let text = fault.text.clone();
            let found = Diagnostic { severity: Severity::Warning, ..fault.diagnostic() };
            let found = match near.zip(text.rsplit_once('/')) {
                Some((near, (way, _))) => found.help(Help::meant_behind(format!("{way}/"), near.as_str())),
                None => found,
            };
            self.push(found);
        }
    }
}

/// The member that the last part of a fragment was meant as.
fn near<'n>(text: &str, find: &dyn Fn(&str) -> Option<&'n Node>) -> Option<String> {
    let (way, name) = text.rsplit_once('/')?;
    let names = find(way)?.members().iter().map(|(key, _)| key.name.as_str());
    nearest(name, names).map(str::to_owned)
}
