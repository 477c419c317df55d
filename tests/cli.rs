//! The command as people and scripts meet it: flags in; exit code, stdout, stderr and requests out.

mod action;
mod browser;
mod call;
mod ci;
mod credentials;
pub(crate) mod documents;
mod failures;
mod first_use;
mod flags;
mod fmt;
mod graph;
mod inputs;
mod inspect;
#[cfg(target_os = "linux")]
mod journal;
mod json;
#[cfg(target_os = "linux")]
mod kept_runs;
mod language;
mod lint;
mod mistakes;
mod mock;
mod natural;
mod network;
mod project;
mod provision;
mod recorded_tests;
mod remote;
mod replay;
mod reports;
mod secrets;
mod served;
mod several;
mod shell;
mod staging;
mod strangers;
mod streams;
#[cfg(unix)]
mod terminal;
mod test;
mod values;

use serde_json::Value;
use std::collections::hash_map::RandomState;
use std::ffi::OsString;
use std::hash::{BuildHasher, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, thread};

/// The workflow that the project ships, from the root of the workspace.
pub(crate) const PROVISION: &str = "specs/daytona-provision.yml";

/// One call of the built command, in the root of the workspace and with a clean environment.
#[derive(Clone)]
pub(crate) struct Arazzo {
    args: Vec<OsString>,
    env: Vec<(String, String)>,
    cwd: PathBuf,
    stdin: Option<Vec<u8>>,
    /// A program that starts it, with its arguments.
    through: Vec<String>,
}

impl Arazzo {
    pub(crate) fn new<S: Into<OsString>>(args: impl IntoIterator<Item = S>) -> Self {
        Self {
            args: args.into_iter().map(Into::into).collect(),
            env: Vec::new(),
            cwd: root(),
            stdin: None,
            through: vec![],
        }
    }

    /// `run specs/daytona-provision.yml` against `server`, with every input.
    pub(crate) fn provision(server: &str) -> Self {
        Self::provision_with(server, "secret-of-the-tests")
    }

    pub(crate) fn provision_with(server: &str, token: &str) -> Self {
        Self::new(["run", PROVISION, "--server", &format!("{server}/api")])
            .args(["--input", &format!("apiToken={token}"), "--input", "volumeName=data"])
            .args(["--input", "snapshot=ubuntu", "--input", "mountPath=/data"])
    }

    pub(crate) fn args<S: Into<OsString>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// As `nohup` starts it.
    #[cfg(target_os = "linux")]
    pub(crate) fn ignoring_hangups(mut self) -> Self {
        self.through = vec!["nohup".to_owned()];
        self
    }

    /// Lets no file that it writes be larger than so many KiB. What is written beyond ends it, as `kill -9` would in the
    /// middle of that write; or, if the signal is `ignored`, fails as on a full disk.
    #[cfg(target_os = "linux")]
    pub(crate) fn with_largest_file(mut self, kib: usize, ignored: bool) -> Self {
        let ignores = if ignored { "trap '' XFSZ; " } else { "" };
        let shell = format!("{ignores}ulimit -c 0; ulimit -f {}; exec \"$@\"", kib * 2);
        self.through = ["sh", "-c", &shell, "sh"].map(str::to_owned).to_vec();
        self
    }

    pub(crate) fn cwd(mut self, cwd: &Path) -> Self {
        cwd.clone_into(&mut self.cwd);
        self
    }

    pub(crate) fn stdin(mut self, text: &str) -> Self {
        self.stdin = Some(text.as_bytes().to_vec());
        self
    }

    pub(crate) fn run(self) -> Output {
        let said =
            format!("arazzo {}", self.args.iter().map(|arg| arg.to_string_lossy()).collect::<Vec<_>>().join(" "));
        let (stdin, args) = (self.stdin.clone(), self.args.clone());
        let mut child = self.spawn();
        if let (Some(mut pipe), Some(text)) = (child.stdin.take(), stdin) {
            // A command that refuses its flags does not read.
            thread::spawn(move || drop(pipe.write_all(&text)));
        }
        let output = child.wait_with_output().unwrap();
        let output = Output {
            said,
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("stdout is text"),
            stderr: String::from_utf8(output.stderr).expect("stderr is text"),
        };
        let faults = json::check(&args, &output.stdout);
        output.check(faults.is_empty(), &format!("JSON as `arazzo schema` has it: {faults:#?}"));
        output
    }

    /// Variables of this environment that would change what the command does.
    pub(crate) fn foreign() -> Vec<OsString> {
        let is_foreign = |name: &OsString| {
            let text = name.to_string_lossy().to_uppercase();
            let ours = ["ARAZZO_", "CLICOLOR", "RUST_", "GITHUB_"].iter().any(|prefix| text.starts_with(prefix));
            let runners =
                ["TF_BUILD", "GITEA_ACTIONS", "FORGEJO_ACTIONS", "GITLAB_CI", "JENKINS_URL", "TEAMCITY_VERSION"];
            let more = ["BUILDKITE", "CIRCLECI", "BITBUCKET_BUILD_NUMBER", "DRONE", "CODEBUILD_BUILD_ID"];
            let runs = runners.iter().chain(&more).any(|runner| text == *runner);
            ours || runs || text.ends_with("_PROXY") || ["NO_COLOR", "CI", "TERM", "COLUMNS"].contains(&text.as_str())
        };
        env::vars_os().map(|(name, _)| name).filter(is_foreign).collect()
    }

    /// Runs with both streams piped and returns at once.
    pub(crate) fn spawn(self) -> Child {
        let built = env!("CARGO_BIN_EXE_arazzo");
        let mut words = self.through.iter().map(String::as_str).chain([built]);
        let mut command = Command::new(words.next().unwrap_or(built));
        command.args(words);
        for name in Self::foreign() {
            command.env_remove(name);
        }
        command
            .args(self.args)
            .envs(self.env)
            .current_dir(self.cwd)
            .stdin(if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }
}

/// What a call left behind. The checks show everything when they fail.
#[derive(Debug)]
pub(crate) struct Output {
    said: String,
    /// None where a signal ended it.
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    #[track_caller]
    pub(crate) fn check(&self, holds: bool, expected: &str) -> &Self {
        assert!(
            holds,
            "expected {expected}\n$ {}\nexit {:?}\n--- stdout\n{}\n--- stderr\n{}",
            self.said, self.status, self.stdout, self.stderr
        );
        self
    }

    #[track_caller]
    pub(crate) fn exits(&self, code: i32) -> &Self {
        self.check(self.status == Some(code), &format!("exit {code}"))
    }

    /// All of these words on stderr, in any order.
    #[track_caller]
    pub(crate) fn says(&self, words: &[&str]) -> &Self {
        for word in words {
            self.check(self.stderr.contains(word), &format!("`{word}` on stderr"));
        }
        self
    }

    /// All of these words in one line of stderr.
    #[track_caller]
    pub(crate) fn says_in_a_line(&self, words: &[&str]) -> &Self {
        let found = self.stderr.lines().any(|line| words.iter().all(|word| line.contains(word)));
        self.check(found, &format!("a line of stderr with {words:?}"))
    }

    #[track_caller]
    pub(crate) fn never_says(&self, words: &[&str]) -> &Self {
        for word in words {
            let said = self.stderr.contains(word) || self.stdout.contains(word);
            self.check(!said, &format!("no `{word}`"));
        }
        self
    }

    /// The outputs: exactly these, in this order, and nothing else on stdout.
    #[track_caller]
    pub(crate) fn prints(&self, outputs: &Value) -> &Self {
        let printed: Value = serde_json::from_str(&self.stdout).unwrap_or_default();
        // As text, because equality of objects does not look at their order.
        let (printed, expected) = (printed.to_string(), outputs.to_string());
        self.check(printed == expected, &format!("exactly {expected} on stdout"))
    }

    #[track_caller]
    pub(crate) fn prints_nothing(&self) -> &Self {
        self.check(self.stdout.is_empty(), "nothing on stdout")
    }

    /// One JSON object in each line of stdout.
    #[track_caller]
    pub(crate) fn events(&self) -> Vec<Value> {
        let events: Vec<Value> =
            self.stdout.lines().map(|line| serde_json::from_str(line).unwrap_or_default()).collect();
        self.check(!events.is_empty() && events.iter().all(Value::is_object), "one JSON object in each line of stdout");
        events
    }

    /// Every `file:line:column` on stderr.
    pub(crate) fn places(&self, file: &str) -> Vec<(usize, usize)> {
        let before = format!("{file}:");
        let after = self.stderr.split(&before).skip(1);
        after
            .filter_map(|text| {
                let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse().ok());
                Some((numbers.next()??, numbers.next()??))
            })
            .collect()
    }
}

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A folder of its own for each test, removed at the end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let own = format!("arazzo-tests-{}-{number}-{}", std::process::id(), random(6));
        // A document may read what lies beside its folder: nothing does.
        let path = env::temp_dir().join(own).join("folder");
        fs::create_dir_all(&path).unwrap();
        Self(path.canonicalize().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(self.0.parent().unwrap_or(&self.0)));
    }
}

/// Letters and digits that no output holds by accident.
pub(crate) fn random(length: usize) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let letter = || LETTERS[RandomState::new().build_hasher().finish() as usize % LETTERS.len()];
    (0..length).map(|_| char::from(letter())).collect()
}
