//! Names of secrets, as far as they may be said again: behind `-s`, `--auth` and `--bearer` people type the secret itself
//! now and then.

use arazzo::Description;
use arazzo::diagnostics::nearest;
use arazzo::secrets::PARTS;

use crate::environment;

/// The variables that secrets are read from begin with this.
pub(crate) const VARIABLE: &str = "ARAZZO_SECRET_";

/// The names that secrets have here. What is none of these, nor near one, may be a secret.
#[derive(Debug, Default)]
pub(crate) struct Names(Vec<String>);

impl Names {
    /// Those of the inputs and security schemes of a description, and of variables of the environment.
    pub(crate) fn of(description: &Description) -> Self {
        let inputs = description.overview().flat_map(|workflow| workflow.inputs).map(|input| input.name.clone());
        let schemes = description.schemes().flat_map(|(source, scheme)| {
            let parts = PARTS.iter().map(move |part| format!("{scheme}.{part}"));
            [scheme.to_owned(), format!("{source}.{scheme}")].into_iter().chain(parts)
        });
        let variables = environment::names().filter_map(|name| Some(name.strip_prefix(VARIABLE)?.to_owned()));
        Self(inputs.chain(schemes).chain(variables).collect())
    }

    /// The name, if it may be said: it is one of these, or one of these misspelt.
    pub(crate) fn said<'n>(&self, name: &'n str) -> Option<&'n str> {
        let known = self.0.iter().any(|known| known == name);
        (known || self.nearest(name).is_some()).then_some(name)
    }

    /// The name that is meant by one that is not there.
    pub(crate) fn meant(&self, name: &str) -> Option<&str> {
        if self.0.iter().any(|known| known == name) { None } else { self.nearest(name) }
    }

    fn nearest(&self, name: &str) -> Option<&str> {
        nearest(name, self.0.iter().map(String::as_str))
    }
}
