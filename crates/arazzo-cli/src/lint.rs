//! `arazzo lint`: what is wrong with documents, said before anything runs.

use arazzo::engine::diagnostic::Severity;
use arazzo::{Checked, Error};

use crate::exit;
use crate::flags::{LintFlags, Only};
use crate::show::Screen;

/// Runs the command; the result is the exit code: 0 if no document has an error, 3 if one has, 6 if one was refused.
pub(crate) fn lint(flags: &LintFlags, screen: &mut Screen) -> u8 {
    let mut code = exit::SUCCEEDED;
    let (mut errors, mut warnings) = (0, 0);
    for path in &flags.documents {
        let checked = match check(flags, path) {
            Ok(checked) => checked,
            Err(error) => return screen.error(&error),
        };
        errors += checked.diagnostics.errors().count();
        warnings += checked.diagnostics.warnings().count();
        if checked.diagnostics.has_errors() {
            code = code.max(exit::of(&checked.diagnostics));
        }
        for diagnostic in &checked.diagnostics {
            if screen.report(&format!("{}\n", diagnostic.render(&checked.sources, true, crate::show::width()))).is_err()
            {
                return exit::OUTPUT;
            }
            if diagnostic.severity == Severity::Error {
                screen.annotate(diagnostic, &checked.sources);
            }
        }
    }
    let count = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    let documents = count(flags.documents.len(), "document");
    let found = match (errors, warnings) {
        (0, 0) => "nothing found".to_owned(),
        (errors, 0) => count(errors, "error"),
        (0, warnings) => count(warnings, "warning"),
        (errors, warnings) => format!("{}, {}", count(errors, "error"), count(warnings, "warning")),
    };
    screen.line(&format!("{documents}: {found}"));
    code
}

fn check(flags: &LintFlags, path: &std::path::Path) -> Result<Checked, Error> {
    let builder = flags.reading.on(arazzo::open(path)).workspace(true);
    match flags.only {
        Some(Only::Structure) => builder.structure(),
        None => {
            let description = match builder.load() {
                Ok(description) => description,
                Err(Error::Documents { diagnostics, sources }) => return Ok(Checked { diagnostics, sources }),
                Err(error) => return Err(error),
            };
            Ok(Checked { diagnostics: description.diagnostics(), sources: description.sources().clone() })
        }
    }
}
