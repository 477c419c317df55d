//! `arazzo.toml`, the file of a project: what lint finds how important, and what it leaves out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::flags::{Denied, DenyFlag};
use arazzo::Error;
use arazzo::diagnostics::{Code, Diagnostic, Help, Severity, Sources, Span, nearest};
use arazzo::files::Reach;
use regex::Regex;
use serde::Deserialize;
use toml::Spanned;

/// The name of the file.
const NAME: &str = "arazzo.toml";

/// Bytes of the largest that is read.
const LARGEST: u64 = 1 << 20;

/// The settings of lint in the file of a project.
#[derive(Debug, Default)]
pub(crate) struct Project {
    path: PathBuf,
    /// The path that people see.
    shown: String,
    text: String,
    severities: BTreeMap<Code, Level>,
    /// What counts as an error.
    deny: DenyFlag,
    ignores: Vec<Ignore>,
}

#[derive(Debug, Deserialize)]
struct File {
    #[serde(default)]
    lint: Lint,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lint {
    #[serde(default)]
    severity: BTreeMap<Spanned<String>, Level>,
    #[serde(default)]
    ignore: Vec<Spanned<Entry>>,
    deny: Option<Denied>,
}

/// The weight of a code in this project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Off,
    Hint,
    Warning,
    Error,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    code: Spanned<String>,
    file: Option<String>,
    workflow: Option<String>,
    step: Option<String>,
    #[expect(dead_code, reason = "it is for people")]
    reason: Option<String>,
}

#[derive(Debug)]
struct Ignore {
    code: Code,
    entry: Entry,
    /// The documents that it speaks of; all, if there is none.
    paths: Option<Regex>,
    span: std::ops::Range<usize>,
    /// `true` if it left something out.
    used: bool,
    /// `true` if the one document that it speaks of was looked at.
    met: bool,
}

/// The tables of the file.
const TABLES: [&str; 5] = ["lint", "run", "servers", "test", "profile"];

/// The folders that may be that of a project: never the root of the file system, which is above everybody's.
fn folders(path: &Path, skipped: usize) -> impl Iterator<Item = &Path> {
    path.ancestors().skip(skipped).filter(|folder| folder.parent().is_some())
}

/// The nearest file in the folder of a path and those above: its path, the path that people see, and its text.
///
/// # Errors
/// [`Error::Documents`] if it may not be read; [`Error::Setup`] for a table that there is not.
pub(crate) fn find(path: &Path) -> Result<Option<(PathBuf, String, String)>, Error> {
    let absolute = std::path::absolute(path).map_err(|error| Error::Setup(error.to_string()))?;
    let skipped = usize::from(!absolute.is_dir());
    let mut places = folders(&absolute, skipped).map(|folder| folder.join(NAME));
    let Some(path) = places.find(|path| path.is_file()) else { return Ok(None) };
    let shown = std::env::current_dir().ok().and_then(|here| path.strip_prefix(here).ok().map(Path::to_path_buf));
    let shown = shown.unwrap_or_else(|| path.clone());
    // No one names it: it is the file of the folder that it stands in.
    let text = Reach::new(path.parent().unwrap_or(&path)).text(&shown, LARGEST)?;
    let tables: BTreeMap<Spanned<String>, toml::Value> = toml::from_str(&text).unwrap_or_default();
    if let Some(table) = tables.keys().find(|table| !TABLES.contains(&table.get_ref().as_str())) {
        let line = text.get(..table.span().start).unwrap_or_default().matches('\n').count() + 1;
        let hint = match nearest(table.get_ref(), TABLES) {
            Some(near) => Help::meant(near).to_string(),
            None => format!("there are {}", TABLES.join(", ")),
        };
        return Err(Error::Setup(format!(
            "{}:{line}: there is no table `{}`; {hint}",
            shown.display(),
            table.get_ref()
        )));
    }
    Ok(Some((path, shown.display().to_string(), text)))
}

impl Project {
    /// The project of a document: the nearest `arazzo.toml` in its folder and those above.
    ///
    /// # Errors
    /// The fault of the file, with its line; [`Error::Documents`] if it may not be read.
    pub(crate) fn of(document: &Path) -> Result<Option<Self>, Error> {
        match find(document)? {
            Some((path, shown, text)) => Self::read(&path, Path::new(&shown), text).map(Some),
            None => Ok(None),
        }
    }

    fn read(path: &Path, shown: &Path, text: String) -> Result<Self, Error> {
        let at = |offset: usize| text.get(..offset).unwrap_or_default().matches('\n').count() + 1;
        let file: File = toml::from_str(&text).map_err(|error| {
            let line = error.span().map_or(1, |span| at(span.start));
            Error::Setup(format!("{}:{line}: {}", shown.display(), error.message()))
        })?;
        let known = |word: &Spanned<String>| {
            word.get_ref().parse::<Code>().map_err(|_| {
                let near = nearest(word.get_ref(), Code::ALL.iter().map(|code| code.word()));
                let help = near.map(|near| format!("; {}", Help::meant(near))).unwrap_or_default();
                let line = at(word.span().start);
                Error::Setup(format!("{}:{line}: no diagnostic is called `{}`{help}", shown.display(), word.get_ref()))
            })
        };
        let severities = file.lint.severity.iter().map(|(word, level)| Ok((known(word)?, *level)));
        let severities = severities.collect::<Result<_, Error>>()?;
        let deny = DenyFlag::from(file.lint.deny);
        let ignores = file.lint.ignore.into_iter().map(|entry| {
            let (code, span) = (known(&entry.get_ref().code)?, entry.span());
            let paths = entry.get_ref().file.as_deref().map(paths).transpose().map_err(|error| {
                Error::Setup(format!(
                    "{}:{}: the pattern of `file` is too long: {error}",
                    shown.display(),
                    at(span.start)
                ))
            })?;
            Ok(Ignore { code, paths, span, entry: entry.into_inner(), used: false, met: false })
        });
        let ignores = ignores.collect::<Result<_, Error>>()?;
        let shown = shown.display().to_string();
        Ok(Self { path: path.to_path_buf(), shown, severities, deny, ignores, text })
    }

    /// The path of the file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Says that everything of a document is looked at.
    pub(crate) fn meets(&mut self, document: &Path) {
        let within = self.within(document);
        for ignore in &mut self.ignores {
            ignore.met |= ignore.entry.file.as_ref().is_some_and(|file| file.trim_start_matches("./") == within);
        }
    }

    /// `true` if the whole project is in this folder.
    fn is_in(&self, folder: &Path) -> bool {
        let (Some(own), Ok(folder)) = (self.path.parent(), folder.canonicalize()) else { return false };
        own.canonicalize().is_ok_and(|own| own.starts_with(folder))
    }

    /// The diagnostic as this project sees it; nothing if it is left out, and `true` if an entry did that.
    pub(crate) fn judge(
        &mut self,
        document: &Path,
        diagnostic: Diagnostic,
        part: Option<(&str, Option<&str>)>,
    ) -> (Option<Diagnostic>, bool) {
        let Some(diagnostic) = self.weigh(diagnostic) else { return (None, false) };
        let within = self.within(document);
        let here = |ignore: &&mut Ignore| {
            let Entry { workflow, step, .. } = &ignore.entry;
            let same = |wanted: &Option<String>, found: Option<&str>| {
                wanted.as_ref().is_none_or(|w| Some(w.as_str()) == found)
            };
            ignore.code == diagnostic.code
                && ignore.paths.as_ref().is_none_or(|paths| paths.is_match(&within))
                && same(workflow, part.map(|(workflow, _)| workflow))
                && same(step, part.and_then(|(_, step)| step))
        };
        match self.ignores.iter_mut().find(here) {
            Some(ignore) => {
                ignore.used = true;
                (None, true)
            }
            None => (Some(diagnostic), false),
        }
    }

    /// The diagnostic with the severity that it has here; nothing if it is off.
    fn weigh(&self, mut diagnostic: Diagnostic) -> Option<Diagnostic> {
        match self.severities.get(&diagnostic.code) {
            Some(Level::Off) => return None,
            Some(Level::Hint) => diagnostic.severity = Severity::Hint,
            Some(Level::Warning) => diagnostic.severity = Severity::Warning,
            Some(Level::Error) => diagnostic.severity = Severity::Error,
            None => {}
        }
        Some(self.deny.weigh(diagnostic))
    }

    /// Entries that left nothing out, though all that they speak of was looked at: the one document that they name, or
    /// else every document of the project, which is in one of these folders then.
    pub(crate) fn unused(&self, folders: &[&Path]) -> Vec<(Diagnostic, Sources)> {
        let shown = self.shown.clone();
        let all = folders.iter().any(|folder| self.is_in(folder));
        let entries = self.ignores.iter().filter(|ignore| (all || ignore.met) && !ignore.used);
        let found = entries.filter_map(|ignore| {
            let mut sources = Sources::default();
            let id = sources.add(shown.clone(), shown.clone(), self.text.as_str());
            let message = format!("this entry ignores `{}`, and there is none", ignore.code);
            let span = Span::new(id, ignore.span.clone());
            let diagnostic =
                Diagnostic::warning(Code::UnusedIgnore, span, message).help("leave the entry out".to_owned());
            Some((self.weigh(diagnostic)?, sources))
        });
        found.collect()
    }

    /// The path of a document from the folder of the project.
    fn within(&self, document: &Path) -> String {
        let absolute = std::path::absolute(document).unwrap_or_else(|_| document.to_path_buf());
        let folder = self.path.parent().unwrap_or(Path::new(""));
        absolute.strip_prefix(folder).unwrap_or(&absolute).to_string_lossy().replace('\\', "/")
    }
}

/// The paths that an entry names: a path, a folder with all that is in it, or a pattern with `*` (within a name) and
/// `**` (across folders).
///
/// Not those of the crate `globset`, in which `**` crosses folders only where it stands alone between two `/`, and
/// `[`, `{` and `?` are syntax, which may stand in the names of files.
fn paths(written: &str) -> Result<Regex, regex::Error> {
    let pattern = regex::escape(written.trim_start_matches("./").trim_end_matches('/'));
    let below = if written.contains('*') { "" } else { "(/.*)?" };
    let pattern = pattern.replace(r"\*\*/", "(.*/)?").replace(r"\*\*", ".*").replace(r"\*", "[^/]*");
    Regex::new(&format!(r"(?s)\A{pattern}{below}\z"))
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{folders, paths};

    #[test]
    fn the_root_of_the_file_system_is_no_project() {
        let of = |path: &str, skipped| folders(Path::new(path), skipped).map(Path::to_path_buf).collect::<Vec<_>>();
        assert_eq!(of("/a/b/flow.yaml", 1), ["/a/b", "/a"].map(PathBuf::from));
        assert_eq!(of("/a", 0), [PathBuf::from("/a")]);
        assert_eq!(of("/flow.yaml", 1), Vec::<PathBuf>::new());
        assert_eq!(of("/", 0), Vec::<PathBuf>::new());
    }

    #[test]
    fn patterns_fit_paths() {
        for (pattern, path, expected) in [
            ("flows/buy.yaml", "flows/buy.yaml", true),
            ("flows", "flows/buy.yaml", true),
            ("./flows/", "flows/buy.yaml", true),
            ("flow", "flows/buy.yaml", false),
            ("flows/*.yaml", "flows/buy.yaml", true),
            ("*.yaml", "flows/buy.yaml", false),
            ("**/*.yaml", "flows/deep/buy.yaml", true),
            ("**/*.yaml", "buy.yaml", true),
            ("flows/**", "flows/deep/buy.yaml", true),
            ("flows/**.yaml", "flows/deep/buy.yaml", true),
            ("flows/**/buy.yaml", "flows/buy.yaml", true),
            ("flows/**/buy.yaml", "flows/rebuy.yaml", false),
            ("[id]/*.yaml", "[id]/buy.yaml", true),
            (&"*a".repeat(200), &"a".repeat(199), false),
        ] {
            assert_eq!(paths(pattern).is_ok_and(|known| known.is_match(path)), expected, "{pattern} {path}");
        }
    }
}
