//! The failure of a run: the place, the values it saw, the answer, a command that reproduces it, and what is left.

use anstyle::AnsiColor;
use arazzo::diagnostics::Sources;
use arazzo::events::{Reason, RunStatus};
use arazzo::report::{RunRecord, explanation, left_behind};

use super::{bold, safe, time, wrap_remarks};

/// The whole report of a run that failed or stopped.
pub(crate) fn report(run: &RunRecord, sources: &Sources, width: usize) -> Vec<String> {
    let verdict = run.verdict();
    let (Some(why), Some(exit)) = (verdict.why, verdict.exit) else { return vec![] };
    let after = time(verdict.duration_ms);
    let at = why.step.as_deref().map(|step| format!(" at {}", safe(step))).unwrap_or_default();
    if why.code == Reason::Interrupted {
        // Nothing is wrong that a place or an answer would explain.
        let yellow = bold(AnsiColor::Yellow);
        let word = if exit == crate::exit::TERMINATED { "terminated" } else { "interrupted" };
        let mut lines = vec![format!("{yellow}{word}{yellow:#} after {after}{at} (exit {exit})")];
        lines.extend(left_behind(&run.report));
        return lines;
    }
    let explained = explanation(run, sources, true, width);
    let mut lines = Vec::from_iter(explained.map(|text| wrap_remarks(&text, width)));
    if let (Some(exchange), Some(RunStatus::Failed)) = (run.failing_exchange(), verdict.status) {
        let (command, variables) = exchange.curl_with_variables();
        lines.push(format!("reproduce: {command}"));
        for variable in variables.iter().filter(|one| !one.from_response && std::env::var_os(&one.name).is_none()) {
            lines.push(format!("# set {} first: it stands for `{}`", variable.name, safe(&variable.secret)));
        }
    }
    lines.extend(left_behind(&run.report));
    let red = bold(AnsiColor::Red);
    let word = if verdict.status == Some(RunStatus::Stopped) { "stopped" } else { "failed" };
    lines.push(format!("{red}{word}{red:#} after {after}{at} (exit {exit})"));
    lines
}
