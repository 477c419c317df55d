//! Credentials that steps send, against the security schemes of their operations.

use super::Lint;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::expr::{Expr, Piece, Root, StepId, Template};
use crate::openapi::security::Kind;
use crate::program::{Build, Location};

impl Lint<'_> {
    /// `Authorization` with a token alone, where the scheme sends `Bearer` before it. Of an input it is not known what is
    /// given; what a step took out of a body as it is, is the token.
    pub(super) fn check_bare_tokens(&mut self, id: StepId) {
        let program = self.program;
        let Some(step) = program.step(id) else { return };
        let security = program.operation_of(step).and_then(|operation| operation.security.as_ref());
        let is_bearer = |kind: &Kind| matches!(kind, Kind::Bearer | Kind::OAuth2(_) | Kind::OpenIdConnect(_));
        let schemes: Vec<_> = security.into_iter().flatten().flatten().map(|needed| &needed.scheme).collect();
        let Some(scheme) = schemes.first().filter(|_| schemes.iter().all(|scheme| is_bearer(&scheme.kind))) else {
            return;
        };
        let name = scheme.name.clone();
        for argument in step.call.arguments() {
            let named = argument.location == Location::Header && argument.name.eq_ignore_ascii_case("authorization");
            let Build::Template(leaf) = &argument.value else { continue };
            let of_braces = |pieces: &[Piece]| match pieces {
                [Piece::Value(expr, _)] => self.is_of_body(expr),
                _ => false,
            };
            let written = leaf.text.trim_matches(['{', '}']);
            // What is written of a secret is not said again.
            let (bare, help) = match &leaf.template {
                Template::Whole(expr) => (self.is_of_body(expr), format!("write \"Bearer {{{written}}}\"")),
                Template::Text(pieces) => (of_braces(pieces), format!("write \"Bearer {{{written}}}\"")),
                Template::Literal(text) => {
                    (!text.trim().contains(' '), "write `Bearer`, a blank and the token".to_owned())
                }
                Template::Constant(_) => continue,
            };
            if named && bare {
                let message =
                    format!("`Authorization` is the token alone, and scheme `{name}` sends `Bearer` before it");
                let found = Diagnostic::warning(Code::BareToken, leaf.span, message);
                self.push(found.help(help).section("§Parameter Object"));
            }
        }
    }

    /// `true` for an output of a step that is a member of the body of its answer.
    fn is_of_body(&self, expr: &Expr) -> bool {
        let Root::StepOutput(step, name) = &expr.root else { return false };
        let outputs = self.program.step(*step).map(|step| step.outputs.as_slice()).unwrap_or_default();
        let output = outputs.iter().find(|output| output.name == *name);
        let Some(Build::Template(leaf)) = output.map(|output| &output.value) else { return false };
        matches!(&leaf.template, Template::Whole(from) if from.root == Root::ResponseBody && !from.at.is_whole())
    }
}
