//! Logs of CI jobs: their runners obey lines of certain forms (`::error::`, `##vso[…]`, `##teamcity[…]`), and no text of
//! others may become one.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::sync::OnceLock;

/// Variables that runners set which do not set `CI`, or may not.
const RUNNERS: [&str; 12] = [
    "GITHUB_ACTIONS",
    "GITEA_ACTIONS",
    "FORGEJO_ACTIONS",
    "TF_BUILD",
    "GITLAB_CI",
    "JENKINS_URL",
    "TEAMCITY_VERSION",
    "BUILDKITE",
    "CIRCLECI",
    "BITBUCKET_BUILD_NUMBER",
    "DRONE",
    "CODEBUILD_BUILD_ID",
];

/// `true` where a runner of CI jobs reads what is printed.
pub(crate) fn reads_logs() -> bool {
    static READS: OnceLock<bool> = OnceLock::new();
    *READS.get_or_init(|| is_job(|name| std::env::var_os(name)))
}

/// The same, of an environment.
fn is_job<V: AsRef<OsStr>>(variable: impl Fn(&str) -> Option<V>) -> bool {
    let said = |value: V| !["", "0", "false", "False", "FALSE"].iter().any(|no| value.as_ref() == OsStr::new(no));
    variable("CI").is_some_and(said) || RUNNERS.iter().any(|name| variable(name).is_some())
}

/// Lines that no runner obeys: what would be a command is written with `\u{…}`.
pub(crate) fn inert(text: &str) -> Cow<'_, str> {
    if !text.contains("::") && !text.contains("##") {
        return Cow::Borrowed(text);
    }
    let lines = text.split('\n').map(|line| {
        // `##[…]`, `##vso[…]` and `##teamcity[…]` are obeyed anywhere in a line.
        let line = line.replace("##", "#\\u{23}");
        match line.trim_start().strip_prefix("::") {
            Some(rest) => format!("{}\\u{{3a}}:{rest}", line.get(..line.len() - rest.len() - 2).unwrap_or_default()),
            None => line,
        }
    });
    Cow::Owned(lines.collect::<Vec<_>>().join("\n"))
}

/// As [`inert`], for JSON: the same value, spelt so that it is no command.
pub(crate) fn inert_json(text: &str) -> Cow<'_, str> {
    // Two of them stand in strings only.
    if text.contains("##") { Cow::Owned(text.replace("##", "#\\u0023")) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_known_by_what_its_runner_sets() {
        let of = |set: &'static str| {
            let (name, value) = set.split_once('=').unwrap_or((set, ""));
            is_job(|asked| (asked == name).then_some(value))
        };
        for set in ["CI=true", "CI=1", "CI=woodpecker", "TEAMCITY_VERSION=2024", "GITLAB_CI=true", "TF_BUILD=True"] {
            assert!(of(set), "{set}");
        }
        assert!(RUNNERS.iter().all(|runner| of(runner)));
        assert!(!["CI=false", "CI=", "CI=0", "HOME=/"].into_iter().any(of));
    }

    #[test]
    fn no_line_is_a_command() {
        assert_eq!(
            inert("a\n  ::error::x\n##teamcity[y] ##vso[z]"),
            "a\n  \\u{3a}:error::x\n#\\u{23}teamcity[y] #\\u{23}vso[z]"
        );
        assert_eq!(inert_json("{\"a\":\"##[b]\"}"), "{\"a\":\"#\\u0023[b]\"}");
    }
}
