//! The steps of a run as rows of a page: one for each step, with its request, response, time and place on the clock. A row
//! opens to the attempts of its step, however many there were.

use arazzo_engine::event::{CriteriaOf, StepStatus};
use arazzo_engine::redact::BodyText;
use arazzo_engine::value::Json;

use super::har::reason;
use super::markup;
use super::run_record::{Answer, Attempt, Criterion, Exchange, RunRecord};
use super::text::pace;
use crate::channel::SEND;

/// The longest value that is named among those that a poll saw, in characters.
const VALUE: usize = 24;

/// So many attempts before the last one are not folded.
const FEW: usize = 3;

/// The rows of a run.
pub(super) struct Steps<'a> {
    pub(super) run: &'a RunRecord,
    /// Bytes of a text that are shown.
    pub(super) text: usize,
    /// Attempts that are shown.
    pub(super) attempts: usize,
    /// The steps of the picture of the flow, whose cards lead to their rows.
    pub(super) names: &'a [&'a str],
}

/// A step with its attempts, each with its index in the run.
struct Row<'a> {
    attempts: Vec<(usize, &'a Attempt)>,
}

impl<'a> Row<'a> {
    fn last(&self) -> Option<(usize, &'a Attempt)> {
        self.attempts.last().copied()
    }

    fn holds(&self, attempt: &Attempt) -> bool {
        self.last().is_some_and(|(_, own)| {
            own.frame == attempt.frame && own.workflow == attempt.workflow && own.step == attempt.step
        })
    }
}

impl<'a> Steps<'a> {
    /// All rows, with what did not run.
    pub(super) fn page(&self) -> String {
        let (rows, hidden) = self.rows();
        if rows.is_empty() {
            return "<p class=\"soft\">No step ran.</p>".to_owned();
        }
        let whole = self.run.verdict().duration_ms.max(1);
        let failed = self.run.verdict().why.and_then(|why| why.step.as_deref());
        let failed = self.run.attempts.iter().rposition(|attempt| Some(attempt.step.as_str()) == failed);
        let mut anchored = vec![false; self.names.len()];
        let mut html = format!(
            "<div class=\"cols soft\" aria-hidden=\"true\"><span></span><span>Step</span><span>Request</span><span>Response</span><span>Took</span><span>0 to {}</span></div>",
            pace(whole)
        );
        for row in &rows {
            let Some((_, attempt)) = row.last() else { continue };
            // The card of a step in the picture of the flow leads to its first row.
            let place =
                self.names.iter().position(|name| *name == attempt.step && attempt.workflow == self.run.workflow);
            if let (Some(place), Some(anchor)) = (place, place.and_then(|place| anchored.get_mut(place)))
                && !std::mem::replace(anchor, true)
            {
                html += &format!("<span id=\"s{place}\"></span>");
            }
            html += &self.row(row, whole, failed);
        }
        html += &markup::more(hidden);
        let idle = self.run.steps().into_iter().filter(|step| step.attempts.is_empty());
        let idle: Vec<String> = idle.take(50).map(|step| format!("<code>{}</code>", self.text(step.step))).collect();
        if !idle.is_empty() {
            html += &format!("<p class=\"soft\">Did not run: {}</p>", idle.join(", "));
        }
        html
    }

    /// The attempts that are shown, by their steps, and how many are not.
    fn rows(&self) -> (Vec<Row<'a>>, usize) {
        let all: Vec<(usize, &Attempt)> = self.run.attempts.iter().enumerate().collect();
        let hidden = all.len().saturating_sub(self.attempts);
        let half = self.attempts / 2;
        let mut rows: Vec<Row<'a>> = vec![];
        let mut shown = 0;
        for (index, attempt) in all.iter().copied() {
            if hidden > 0 && index >= half && index < all.len() - half {
                continue;
            }
            shown += 1;
            match rows.iter_mut().find(|row| row.holds(attempt)) {
                Some(row) => row.attempts.push((index, attempt)),
                None => rows.push(Row { attempts: vec![(index, attempt)] }),
            }
        }
        (rows, all.len() - shown)
    }

    /// A step: its row, and behind it its attempts. `failed` is the attempt that the run ended in.
    fn row(&self, row: &Row<'_>, whole: u64, failed: Option<usize>) -> String {
        let Some((last, attempt)) = row.last() else { return String::new() };
        let (sign, class) = sign(attempt.status());
        let first_ms = row.attempts.first().map_or(attempt.started_ms, |(_, first)| first.started_ms);
        let open = if failed == Some(last) { " open" } else { "" };
        let answer = attempt.answer();
        let (id, inner) = match row.attempts.as_slice() {
            [_] => (format!("a{last}"), self.attempt(attempt)),
            several => {
                let retried = several.iter().any(|(_, attempt)| attempt.attempt > 1);
                let one = |(index, attempt): &(usize, &Attempt)| {
                    self.turn(*index, attempt, (*index == last, retried), !open.is_empty())
                };
                // The last one says how it ended; of many before it, none is read first.
                let (before, end) = several.split_at(several.len().saturating_sub(1));
                let earlier: String = before.iter().map(one).collect();
                let earlier = match before.len() {
                    0..=FEW => earlier,
                    many => format!(
                        "<details class=\"fold\"><summary>{many} before</summary><div>{earlier}</div></details>"
                    ),
                };
                (format!("g{last}"), earlier + &end.iter().map(one).collect::<String>())
            }
        };
        format!(
            "<details class=\"step\" id=\"{id}\"{open}><summary><span class=\"{class}\" aria-hidden=\"true\">{sign}</span><h3>{}{}<span class=\"hidden\"> {}</span></h3><span class=\"call\"><code>{}</code>{}</span><span class=\"answer\">{}</span><span class=\"took\">{}</span>{}</summary><div>{inner}</div></details>\n",
            self.text(&attempt.step),
            self.within(attempt),
            attempt.status().map_or("unfinished", StepStatus::word),
            markup::path(&attempt.does(), self.text),
            self.turns(row),
            if answer.is_empty() { String::new() } else { self.text(&answer) },
            pace(attempt.end_ms().saturating_sub(first_ms)),
            bars(row, whole)
        )
    }

    /// The number of attempts of a step, and what they saw: `3 attempts: queued → done`.
    fn turns(&self, row: &Row<'_>) -> String {
        let count = row.attempts.len();
        if count < 2 {
            return String::new();
        }
        let visits = row.attempts.iter().filter(|(_, attempt)| attempt.attempt == 1).count();
        let word = if visits == count { "visits" } else { "attempts" };
        let mut path: Vec<(String, usize)> = vec![];
        for value in seen(row) {
            match path.last_mut() {
                Some((last, times)) if *last == value => *times += 1,
                _ => path.push((value, 1)),
            }
        }
        let hidden = path.len().saturating_sub(6);
        let mut shown: Vec<String> = path
            .iter()
            .skip(hidden)
            .map(|(value, times)| {
                let times = if *times > 1 { format!("\u{a0}×{times}") } else { String::new() };
                format!("{}{times}", self.text(value))
            })
            .collect();
        if hidden > 0 {
            shown.insert(0, "…".to_owned());
        }
        let path = if shown.is_empty() { String::new() } else { format!(": {}", shown.join(" → ")) };
        format!("<span class=\"soft turns\">{count} {word}{path}</span>")
    }

    /// One of several attempts of a step. All but the last came again, which is nothing bad.
    fn turn(&self, index: usize, attempt: &Attempt, (last, retried): (bool, bool), open: bool) -> String {
        let (sign, class) = if last { sign(attempt.status()) } else { ("↻", "soft") };
        let name = match (attempt.visit, attempt.attempt) {
            (visit, 1) if !retried => format!("Visit {visit}"),
            (1, attempt) => format!("Attempt {attempt}"),
            (visit, attempt) => format!("Visit {visit}, attempt {attempt}"),
        };
        let answer = attempt.answer();
        let answer = if answer.is_empty() { String::new() } else { format!("{} · ", self.text(&answer)) };
        let wait = attempt.wait.as_ref().map(|(ms, _)| format!(", then waited {}", pace(*ms))).unwrap_or_default();
        format!(
            "<details class=\"attempt\" id=\"a{index}\"{}><summary><span class=\"{class}\" aria-hidden=\"true\">{sign}</span><h4 class=\"plain\">{name}</h4><span class=\"end\">{answer}{}{wait}</span></summary><div>{}</div></details>\n",
            if last && open { " open" } else { "" },
            pace(attempt.end_ms().saturating_sub(attempt.started_ms)),
            self.attempt(attempt)
        )
    }

    /// What happened in an attempt.
    fn attempt(&self, attempt: &Attempt) -> String {
        let mut inner = String::new();
        if let Some(why) = attempt.why() {
            inner += &format!(
                "<p class=\"no\">{}{}</p>",
                self.text(&why.message),
                why.label.as_deref().map(|label| format!(": {}", self.text(label))).unwrap_or_default()
            );
        }
        inner += &self.criteria(&attempt.criteria);
        if let Some(action) = &attempt.action {
            let target = action.target.as_deref().map(|target| format!(" <code>{}</code>", self.text(target)));
            inner += &format!(
                "<h4>Then</h4><p>{}{} by action <code>{}</code>",
                markup::capital(&self.text(action.kind.word())),
                target.unwrap_or_default(),
                self.text(&action.name)
            );
            inner += &attempt
                .wait
                .as_ref()
                .map(|(ms, because)| format!(", after {} ({})", pace(*ms), self.text(because.word())))
                .unwrap_or_default();
            inner += "</p>";
        }
        if let Some(finished) = attempt.finished.as_ref().filter(|finished| !finished.outputs.is_empty()) {
            inner += &markup::map("<h4>Outputs</h4>", &finished.outputs, self.text);
        }
        if !attempt.absent.is_empty() {
            let lines: Vec<String> = attempt
                .absent
                .iter()
                .take(50)
                .map(|(expression, target)| {
                    format!("<code>{}</code> has no value: {} is left out", self.text(expression), self.text(target))
                })
                .collect();
            inner += &format!("<h4>Left out</h4>{}", markup::list(&lines));
        }
        for exchange in attempt.exchanges.iter().take(12) {
            inner += &self.exchange(exchange);
        }
        if attempt.exchanges.len() > 12 {
            inner += &markup::more(attempt.exchanges.len() - 12);
        }
        if let Some(place) = &attempt.place {
            inner += &format!(
                "<h4>Written at</h4><p><code>{}</code></p>",
                self.text(&format!("{}:{}:{}", place.file, place.line, place.column))
            );
        }
        inner
    }

    /// The workflow of a step, if it is not the one that was run.
    fn within(&self, attempt: &Attempt) -> String {
        if attempt.workflow == self.run.workflow {
            return String::new();
        }
        format!(" <span class=\"soft in\">in {}</span>", self.text(&attempt.workflow))
    }

    /// The criteria that were tested, and what they saw.
    fn criteria(&self, criteria: &[Criterion]) -> String {
        if criteria.is_empty() {
            return String::new();
        }
        let rows: String = criteria
            .iter()
            .take(60)
            .map(|criterion| {
                let (class, word) = match (&criterion.problem, criterion.met) {
                    (Some(_), _) => ("halt", "not evaluable"),
                    (None, true) => ("go", "met"),
                    // An action that does not apply is nothing bad.
                    (None, false) if criterion.of != CriteriaOf::Success => ("soft", "not met"),
                    (None, false) => ("no", "not met"),
                };
                let mut saw: String = criterion
                    .saw
                    .iter()
                    .take(40)
                    .map(|saw| {
                        let value = saw.value.as_deref().map_or_else(|| "<i class=\"soft\">absent</i>".to_owned(), |value| self.text(value));
                        format!("<span class=\"saw\"><code><span class=\"soft\">{} →</span> {value}</code></span>", self.text(&saw.expression))
                    })
                    .collect();
                saw += &criterion.problem.as_deref().map(|problem| format!("<span class=\"saw halt\">{}</span>", self.text(problem))).unwrap_or_default();
                let context = criterion.context.as_deref().map(|context| format!("<span class=\"saw soft\">of <code>{}</code></span>", self.text(context))).unwrap_or_default();
                let place = criterion.place.as_ref().map(|place| format!("<span class=\"saw soft\">line {}</span>", place.line)).unwrap_or_default();
                format!(
                    "<tr role=\"row\"><td role=\"cell\">{}{place}</td><td role=\"cell\" class=\"{class}\">{word}</td><td role=\"cell\" class=\"across\"><code>{}</code>{context}</td><td role=\"cell\" class=\"across\">{saw}</td></tr>",
                    self.text(criterion.of.word()),
                    self.text(&criterion.condition)
                )
            })
            .collect();
        format!(
            "<h4>Criteria</h4><table role=\"table\" class=\"stacks\"><thead role=\"rowgroup\"><tr role=\"row\"><th role=\"columnheader\" scope=\"col\">Of</th><th role=\"columnheader\" scope=\"col\">Result</th><th role=\"columnheader\" scope=\"col\">Condition</th><th role=\"columnheader\" scope=\"col\">Saw</th></tr></thead><tbody role=\"rowgroup\">{rows}</tbody></table>{}",
            markup::more(criteria.len().saturating_sub(60))
        )
    }

    fn exchange(&self, exchange: &Exchange) -> String {
        let request =
            self.message(&format!("{} {}", exchange.method, exchange.url), &exchange.headers, exchange.body.as_ref());
        let (answer, label) = match &exchange.answer {
            Answer::None => ("<p class=\"halt\">The run ended before a response came.</p>".to_owned(), String::new()),
            Answer::Message { duration_ms } => {
                let (title, word) =
                    if exchange.method == SEND { ("Message", "accepted") } else { ("Message received", "came") };
                return format!(
                    "<div class=\"wire\"><div><h4>{title}, {word} after {}</h4>{request}</div></div>",
                    pace(*duration_ms)
                );
            }
            Answer::Lost { failure, message, in_doubt, .. } => {
                let doubt = if *in_doubt { "<p>Whether the server acted on the request is not known.</p>" } else { "" };
                (
                    format!("<p class=\"no\">{}: {}</p>{doubt}", self.text(failure.word()), self.text(message)),
                    String::new(),
                )
            }
            Answer::Received { status, headers, body, duration_ms } => (
                self.message(&format!("{status} {}", reason(*status)), headers, body.as_ref()),
                format!(" after {}", pace(*duration_ms)),
            ),
        };
        let because = exchange.because.map(|because| format!(" ({})", self.text(because.word()))).unwrap_or_default();
        let command = self.text(&exchange.curl());
        format!(
            "<div class=\"wire\"><div><h4>Request{because}</h4>{request}</div><div><h4>Response{label}</h4>{answer}</div></div><h4>The same with curl</h4><pre class=\"wraps\" tabindex=\"0\">{command}</pre>"
        )
    }

    /// A request or an answer as it went over the wire.
    fn message(&self, first: &str, headers: &[(String, String)], body: Option<&BodyText>) -> String {
        let mut html = format!("<pre class=\"body\" tabindex=\"0\"><b>{}</b>", self.text(first.trim_end()));
        for (name, value) in headers.iter().take(60) {
            html += &format!("\n<span class=\"soft\">{}:</span> {}", self.text(name), self.text(value));
        }
        if let Some(body) = body {
            html += "\n\n";
            if body.text.is_empty() {
                html += &format!("({} bytes that are not text)", body.bytes);
            } else {
                let pretty = if body.cut { None } else { markup::indented(&body.text) };
                html += &match pretty {
                    Some(pretty) => markup::json(&pretty, self.text),
                    None => self.text(&body.text),
                };
            }
            if body.cut && !body.text.is_empty() {
                html += &format!("\n<span class=\"soft\">… of {} bytes</span>", body.bytes);
            }
        }
        html + "</pre>"
    }

    /// Text of others, as much as there is room for.
    fn text(&self, content: &str) -> String {
        markup::text(content, self.text)
    }
}

/// The criterion that was not as an attempt wanted it, or else the one by which its action was chosen.
fn deciding(attempt: &Attempt) -> Option<&Criterion> {
    let unmet = attempt.criteria.iter().find(|one| one.of == CriteriaOf::Success && !one.met);
    unmet.or_else(|| {
        let action = attempt.action.as_ref()?;
        attempt.criteria.iter().rfind(|one| one.met && one.of.is_action(&action.name))
    })
}

/// The values that decided the attempts of a step: those of the expression that was not as the first attempt wanted it.
fn seen(row: &Row<'_>) -> Vec<String> {
    let first = row.attempts.first().and_then(|(_, attempt)| deciding(attempt)?.saw.first());
    let Some(expression) = first.map(|saw| saw.expression.as_str()) else { return vec![] };
    let value = |attempt: &Attempt| {
        let mut saw = attempt.criteria.iter().flat_map(|criterion| &criterion.saw);
        let saw = saw.rfind(|saw| saw.expression == expression)?;
        let value = Json::parse(saw.value.as_deref()?)?;
        let text = match &value {
            Json::String(text) => text.clone(),
            Json::Number(_) | Json::Bool(_) => value.to_string(),
            _ => return None,
        };
        Some(text).filter(|text| text.chars().count() <= VALUE)
    };
    row.attempts.iter().filter_map(|(_, attempt)| value(attempt)).collect()
}

/// The attempts of a step on the clock of the run.
fn bars(row: &Row<'_>, whole: u64) -> String {
    let at = |ms: u64| ms.min(whole) * 1000 / whole;
    let bar = |class: &str, from: u64, to: u64, (y, height): (u32, u32)| {
        let width = at(to).saturating_sub(at(from)).max(3);
        format!(
            "<rect class=\"{class}\" x=\"{}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"1\"/>",
            at(from).min(997)
        )
    };
    let mut drawn = String::new();
    let last = row.attempts.len().saturating_sub(1);
    for (place, (_, attempt)) in row.attempts.iter().enumerate() {
        let class = if place == last { sign(attempt.status()).1 } else { "again" };
        let (start, end) = (attempt.started_ms, attempt.end_ms());
        drawn += &bar(&format!("span {class}"), start, end, (3, 8));
        for exchange in attempt.exchanges.iter().take(20) {
            drawn += &bar(class, exchange.sent_ms, exchange.sent_ms + exchange.duration_ms().unwrap_or(0), (3, 8));
        }
        if let Some((ms, _)) = &attempt.wait {
            drawn += &bar("wait", end, end + ms, (6, 2));
        }
    }
    format!(
        "<svg class=\"when\" viewBox=\"0 0 1000 14\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect class=\"track\" width=\"1000\" height=\"14\" rx=\"1\"/>{drawn}</svg>"
    )
}

fn sign(status: Option<StepStatus>) -> (&'static str, &'static str) {
    match status {
        Some(StepStatus::Succeeded) => ("✓", "go"),
        Some(StepStatus::Failed) => ("✗", "no"),
        Some(StepStatus::Stopped) | None => ("■", "halt"),
    }
}
