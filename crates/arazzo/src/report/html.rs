//! HTML: the report that people keep. One file without scripts: it may be opened anywhere, by anybody, years later.
//!
//! All text of others goes through [`text`], and stands between tags or in a quoted attribute; links lead within the
//! page. The content policy allows one style sheet, by its hash, and nothing else.

use arazzo_engine::code::Code;
use arazzo_engine::event::{CriteriaOf, EventKind, RunStatus, StepStatus};
use arazzo_engine::redact::BodyText;
use arazzo_engine::value::{Json, Map};
use base64::Engine;
use sha2::{Digest, Sha256};

use super::curl::is_mask;
use super::flow::{self, Walk};
use super::har::reason;
use super::junit::without_value;
use super::left_behind;
use super::run_record::{Answer, Attempt, Criterion, Exchange, Note, RunRecord, Verdict};
use super::text::{escaped, pace, safe};
use super::{ReportContext, ReportKind, sequence, svg};

/// The report as it is chosen.
pub(super) const KIND: ReportKind = ReportKind { name: "html", file: "report.html", text: html };

/// The most bytes that a report has.
const LIMIT: usize = 2 * 1024 * 1024;
/// More steps than this are not drawn.
const DRAWN: usize = 300;

/// The amount that is shown: bytes of a text, and attempts.
#[derive(Clone, Copy)]
struct Room {
    text: usize,
    attempts: usize,
}

/// The first that fits is taken.
const ROOMS: [Room; 5] = [
    Room { text: 64 * 1024, attempts: 400 },
    Room { text: 8 * 1024, attempts: 300 },
    Room { text: 2 * 1024, attempts: 160 },
    Room { text: 500, attempts: 80 },
    Room { text: 160, attempts: 30 },
];

/// The page of a run.
#[must_use]
pub fn html(run: &RunRecord, context: &ReportContext) -> String {
    let mut page = String::new();
    for room in ROOMS {
        page = Page { run, context, room }.whole();
        if page.len() <= LIMIT {
            break;
        }
    }
    page
}

struct Page<'a> {
    run: &'a RunRecord,
    context: &'a ReportContext,
    room: Room,
}

impl Page<'_> {
    fn whole(&self) -> String {
        let style = format!("{}{}", include_str!("page.css"), svg::STYLE);
        let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(style.as_bytes()));
        let verdict = self.run.verdict();
        let (sign, _) = mark(&verdict);
        let mut parts: Vec<(&str, &str, String)> = vec![];
        parts.extend(self.why(&verdict).map(|body| ("why", "Why", body)));
        parts.push(("time", "Timeline", self.timeline()));
        parts.push(("flow", "Flow", self.flow()));
        parts.extend(sequence::picture(self.run).map(|svg| ("talk", "Conversation", format!("<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Conversation, scrolls sideways\">{svg}</div>"))));
        parts.push(("steps", "Step by step", self.attempts()));
        parts.push(("values", "Inputs and outputs", self.values()));
        parts.extend(self.notes().map(|body| ("notes", "Notes on the document", body)));
        parts.push(("about", "Environment", self.about()));
        let links: String =
            parts.iter().map(|(id, name, _)| format!("<li><a href=\"#{id}\">{name}</a></li>")).collect();
        let sections: String = parts
            .iter()
            .map(|(id, name, body)| {
                format!(
                    "<section id=\"{id}\" aria-labelledby=\"{id}-h\"><h2 id=\"{id}-h\">{name}</h2>{body}</section>\n"
                )
            })
            .collect();
        format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
             <title>{sign} {} {}</title>\n<style>{style}</style></head>\n<body>\n\
             <a class=\"skip\" href=\"#main\">Skip to the report</a>\n{}\n\
             <nav aria-label=\"Parts of the report\"><ul>{links}</ul></nav>\n<main id=\"main\">\n{sections}</main>\n\
             <footer>Written by arazzo {} from the events of the run. Values of secrets are replaced by their names, <span class=\"mask\">‹name›</span>.</footer>\n\
             </body></html>\n",
            self.text(&self.run.workflow),
            verdict.word(),
            self.head(&verdict),
            env!("CARGO_PKG_VERSION")
        )
    }

    fn head(&self, verdict: &Verdict<'_>) -> String {
        let (sign, class) = mark(verdict);
        let by = verdict.ended_by.map(|by| format!(" by action <code>{}</code>", self.text(by))).unwrap_or_default();
        let at = verdict.why.and_then(|why| why.step.as_deref());
        let at = at.map(|step| format!(" at <code>{}</code>", self.text(step))).unwrap_or_default();
        let figure = |name: &str, value: String| format!("<div><dt>{name}</dt><dd>{value}</dd></div>");
        let mut figures = figure("Duration", pace(verdict.duration_ms));
        if let Some(EventKind::RunFinished { steps, visits, requests, waited_ms, .. }) =
            self.run.end.as_ref().map(|end| &end.event.kind)
        {
            figures += &figure("Steps", steps.to_string());
            figures += &figure("Visits", visits.to_string());
            figures += &figure("Requests", requests.to_string());
            figures += &figure("Waiting", pace(*waited_ms));
        }
        if let Some(exit) = verdict.exit {
            figures += &figure("Exit code", exit.to_string());
        }
        let title = if self.run.title.is_empty() {
            String::new()
        } else {
            format!("<p class=\"soft\">{}</p>", self.text(&self.run.title))
        };
        format!(
            "<header><div class=\"bar {class}\"></div><h1>{}</h1>{title}<p class=\"word\"><b class=\"{class}\">{sign} {}</b>{by}{at}</p><dl class=\"figures\">{figures}</dl></header>",
            self.text(&self.run.workflow),
            capital(verdict.word()),
        )
    }

    /// The reason why the run did not succeed, and what it left.
    fn why(&self, verdict: &Verdict<'_>) -> Option<String> {
        let without = without_value(self.run);
        let mut parts = vec![];
        let (_, class) = mark(verdict);
        if let Some(why) = verdict.why {
            let mut html = format!("<p class=\"what\">{}", self.text(&why.message));
            html += &why.label.as_deref().map(|label| format!(": {}", self.text(label))).unwrap_or_default();
            html += &format!("</p><p class=\"soft\"><code>{}</code>", self.text(why.code.word()));
            if let Some(place) = &why.place {
                html += &format!(
                    " at <code>{}</code>",
                    self.text(&format!("{}:{}:{}", place.file, place.line, place.column))
                );
            }
            html += "</p>";
            match &self.context.snippet {
                Some(snippet) => html += &self.pre("The place in the document", snippet),
                None => {
                    let lines: Vec<String> = why
                        .remarks
                        .iter()
                        .map(|remark| self.text(remark))
                        .chain(why.help.iter().map(|help| self.text(help)))
                        .collect();
                    html += &list(&lines);
                }
            }
            let last = self.run.attempts.iter().rev().find(|attempt| Some(&attempt.step) == why.step.as_ref());
            if let Some(exchange) = last.and_then(|attempt| attempt.exchanges.last()) {
                html += &format!(
                    "<h3 class=\"minor\">Send the same request again</h3><pre class=\"wraps\" tabindex=\"0\">{}</pre>",
                    self.text(&exchange.curl())
                );
            }
            parts.push(html);
        }
        let left: Vec<String> = if verdict.good() {
            vec![]
        } else {
            left_behind(&self.run.report).iter().map(|line| self.text(line)).collect()
        };
        if !left.is_empty() {
            parts.push(format!("<h3 class=\"minor\">What is left</h3>{}", list(&left)));
        }
        if !without.is_empty() {
            let names: Vec<String> = without.iter().map(|name| format!("<code>{}</code>", self.text(name))).collect();
            parts.push(format!("<h3 class=\"minor\">Outputs without a value</h3><p>{}</p>", names.join(", ")));
        }
        (!parts.is_empty()).then(|| {
            format!("<div class=\"trouble {}\">{}</div>", if class == "no" { "" } else { "halting" }, parts.concat())
        })
    }

    /// The attempts that are shown, and how many are not.
    fn shown_attempts(&self) -> (Vec<(usize, &Attempt)>, usize) {
        let all: Vec<(usize, &Attempt)> = self.run.attempts.iter().enumerate().collect();
        let hidden = all.len().saturating_sub(self.room.attempts);
        let half = self.room.attempts / 2;
        let shown = all.iter().filter(|(index, _)| hidden == 0 || *index < half || *index >= all.len() - half);
        let shown: Vec<_> = shown.copied().collect();
        let hidden = all.len() - shown.len();
        (shown, hidden)
    }

    fn timeline(&self) -> String {
        let (shown, hidden) = self.shown_attempts();
        if shown.is_empty() {
            return "<p class=\"soft\">No step ran.</p>".to_owned();
        }
        let whole = self.run.verdict().duration_ms.max(1);
        let at = |ms: u64| ms.min(whole) * 1000 / whole;
        let rows: String = shown
            .iter()
            .map(|(index, attempt)| {
                let (sign, class) = sign(attempt.status());
                let (start, end) = (attempt.started_ms, attempt.end_ms());
                let bar = |class: &str, from: u64, to: u64, y: u32, height: u32| {
                    let width = at(to).saturating_sub(at(from)).max(3);
                    format!("<rect class=\"{class}\" x=\"{}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"1\"/>", at(from).min(997))
                };
                let mut bars = bar(&format!("span {class}"), start, end, 3, 8);
                for exchange in attempt.exchanges.iter().take(20) {
                    bars += &bar(class, exchange.sent_ms, exchange.sent_ms + exchange.duration_ms().unwrap_or(0), 3, 8);
                }
                if let Some((ms, _)) = &attempt.wait {
                    bars += &bar("wait", end, end + ms, 6, 2);
                }
                let answer = attempt.answer();
                format!(
                    "<tr role=\"row\"><th role=\"rowheader\" scope=\"row\"><span class=\"{class}\" aria-hidden=\"true\">{sign}</span> <a href=\"#a{index}\">{}</a>{}</th><td role=\"cell\" class=\"across soft\"><code>{}</code></td><td role=\"cell\" class=\"answer\">{}</td><td role=\"cell\" class=\"figure at\">{}</td><td role=\"cell\" class=\"figure\">{}</td><td role=\"cell\" class=\"when\"><svg viewBox=\"0 0 1000 14\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect class=\"track\" width=\"1000\" height=\"14\" rx=\"1\"/>{bars}</svg></td></tr>",
                    self.text(&attempt.step),
                    turn(attempt) + &self.within(attempt),
                    self.text(&attempt.does()),
                    if answer.is_empty() { String::new() } else { self.text(&answer) },
                    pace(start),
                    pace(end.saturating_sub(start)),
                )
            })
            .collect();
        let heads = [("Step", ""), ("Request", ""), ("Answer", ""), ("At", "figure"), ("Took", "figure"), ("", "")];
        let heads: String = heads
            .iter()
            .map(|(name, class)| {
                let name = if name.is_empty() { format!("0 to {}", pace(whole)) } else { (*name).to_owned() };
                format!("<th role=\"columnheader\" scope=\"col\" class=\"{class}\">{name}</th>")
            })
            .collect();
        format!(
            "<table role=\"table\" class=\"stacks\"><thead role=\"rowgroup\"><tr role=\"row\">{heads}</tr></thead><tbody role=\"rowgroup\">{rows}</tbody></table>{}",
            more(hidden)
        )
    }

    fn flow(&self) -> String {
        let observed;
        let graph = match &self.context.graph {
            Some(graph) => graph,
            None => {
                observed = flow::observed(self.run);
                &observed
            }
        };
        if graph.steps.is_empty() {
            return "<p class=\"soft\">No step ran.</p>".to_owned();
        }
        if graph.steps.len() > DRAWN {
            return format!(
                "<p class=\"soft\">{} steps are not drawn; arazzo graph writes them.</p>",
                graph.steps.len()
            );
        }
        let walk = Walk::new(graph, self.run);
        let note = if self.context.graph.is_some() { "" } else { "<p class=\"soft\">As far as the run shows it.</p>" };
        format!(
            "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Flow, scrolls sideways\">{}</div>{note}",
            svg::picture(graph, Some(&walk), "s")
        )
    }

    fn attempts(&self) -> String {
        let (shown, hidden) = self.shown_attempts();
        let names: Vec<&str> = match &self.context.graph {
            Some(graph) => graph.steps.iter().map(|step| step.step.as_str()).collect(),
            None => {
                let own = self
                    .run
                    .steps()
                    .into_iter()
                    .filter(|step| step.workflow == self.run.workflow && !step.attempts.is_empty());
                own.map(|step| step.step).collect()
            }
        };
        let mut anchored = vec![false; names.len()];
        let mut html = String::new();
        let failed = self.run.verdict().why.and_then(|why| why.step.clone());
        let last_failed = self.run.attempts.iter().rposition(|attempt| Some(&attempt.step) == failed.as_ref());
        for (index, attempt) in &shown {
            // The card of a step in the picture of the flow leads to its first attempt.
            let place = names.iter().position(|name| *name == attempt.step && attempt.workflow == self.run.workflow);
            if let (Some(place), Some(anchor)) = (place, place.and_then(|place| anchored.get_mut(place)))
                && !std::mem::replace(anchor, true)
            {
                html += &format!("<span id=\"s{place}\"></span>");
            }
            html += &self.attempt(*index, attempt, Some(*index) == last_failed);
        }
        html + &more(hidden)
    }

    fn attempt(&self, index: usize, attempt: &Attempt, open: bool) -> String {
        let (sign, class) = sign(attempt.status());
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
                capital(&self.text(action.kind.word())),
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
            inner += &self.map("<h4>Outputs</h4>", &finished.outputs);
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
            inner += &format!("<h4>Left out</h4>{}", list(&lines));
        }
        for exchange in attempt.exchanges.iter().take(12) {
            inner += &self.exchange(exchange);
        }
        if attempt.exchanges.len() > 12 {
            inner += &more(attempt.exchanges.len() - 12);
        }
        if let Some(place) = &attempt.place {
            inner += &format!(
                "<h4>Written at</h4><p><code>{}</code></p>",
                self.text(&format!("{}:{}:{}", place.file, place.line, place.column))
            );
        }
        let within = self.within(attempt);
        let answer = attempt.answer();
        let answer = if answer.is_empty() { String::new() } else { format!("{} · ", self.text(&answer)) };
        format!(
            "<details class=\"attempt\" id=\"a{index}\"{}><summary><span class=\"{class}\" aria-hidden=\"true\">{sign}</span><h3>{}</h3><span class=\"{class}\">{}</span>{within}{}<code>{}</code><span class=\"end\">{answer}{}</span></summary><div>{inner}</div></details>\n",
            if open { " open" } else { "" },
            self.text(&attempt.step),
            attempt.status().map_or("unfinished", StepStatus::word),
            turn(attempt),
            self.text(&attempt.does()),
            pace(attempt.end_ms().saturating_sub(attempt.started_ms)),
        )
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
            more(criteria.len().saturating_sub(60))
        )
    }

    fn exchange(&self, exchange: &Exchange) -> String {
        let request =
            self.message(&format!("{} {}", exchange.method, exchange.url), &exchange.headers, exchange.body.as_ref());
        let (answer, label) = match &exchange.answer {
            Answer::None => ("<p class=\"halt\">The run ended before an answer came.</p>".to_owned(), String::new()),
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
            "<div class=\"wire\"><div><h4>Request{because}</h4>{request}</div><div><h4>Answer{label}</h4>{answer}</div></div><h4>The same with curl</h4><pre class=\"wraps\" tabindex=\"0\">{command}</pre>"
        )
    }

    /// A request or an answer as it went over the wire.
    fn message(&self, first: &str, headers: &[(String, String)], body: Option<&BodyText>) -> String {
        let mut html = format!("<pre tabindex=\"0\"><b>{}</b>", self.text(first.trim_end()));
        for (name, value) in headers.iter().take(60) {
            html += &format!("\n<span class=\"soft\">{}:</span> {}", self.text(name), self.text(value));
        }
        if let Some(body) = body {
            html += "\n\n";
            if body.text.is_empty() {
                html += &format!("({} bytes that are not text)", body.bytes);
            } else {
                let pretty = if body.cut { None } else { indented(&body.text) };
                html += &self.text(pretty.as_deref().unwrap_or(&body.text));
            }
            if body.cut && !body.text.is_empty() {
                html += &format!("\n<span class=\"soft\">… of {} bytes</span>", body.bytes);
            }
        }
        html + "</pre>"
    }

    fn values(&self) -> String {
        let mut html = String::new();
        if self.run.inputs.is_empty() {
            html += "<p class=\"soft\">The workflow was given no inputs.</p>";
        } else {
            html += &self.map("<h3 class=\"minor\">Inputs</h3>", &self.run.inputs);
        }
        match self.run.outputs() {
            Some(outputs) if !outputs.is_empty() => html += &self.map("<h3 class=\"minor\">Outputs</h3>", outputs),
            _ => html += "<p class=\"soft\">The run left no outputs.</p>",
        }
        html
    }

    fn map(&self, heading: &str, map: &Map<String, Json>) -> String {
        let rows: String = map
            .iter()
            .take(200)
            .map(|(name, value)| {
                let shown = match value {
                    Json::Null => "<i class=\"soft\">no value</i>".to_owned(),
                    Json::String(text) => self.text(text),
                    other => self.text(&indented(&other.to_string()).unwrap_or_default()),
                };
                format!("<tr><th scope=\"row\">{}</th><td class=\"value\">{shown}</td></tr>", self.text(name))
            })
            .collect();
        format!("{heading}<table class=\"values\"><tbody>{rows}</tbody></table>{}", more(map.len().saturating_sub(200)))
    }

    fn notes(&self) -> Option<String> {
        let notes = &self.run.notes;
        if notes.is_empty() {
            return None;
        }
        // One entry for each kind, with all its places.
        let mut kinds: Vec<(Code, &str, Vec<&Note>)> = vec![];
        for note in notes.iter().take(200) {
            match kinds.iter_mut().find(|(code, message, _)| *code == note.code && *message == note.message) {
                Some((.., known)) => known.push(note),
                None => kinds.push((note.code, &note.message, vec![note])),
            }
        }
        let entries: String = kinds
            .iter()
            .map(|(code, message, notes)| {
                let rows: String = notes.iter().map(|note| self.note(note)).collect();
                format!(
                    "<h3>{}</h3> <code class=\"soft\">{}</code><table role=\"table\" class=\"stacks places\"><thead role=\"rowgroup\"><tr role=\"row\"><th role=\"columnheader\" scope=\"col\">Where</th><th role=\"columnheader\" scope=\"col\">What to do</th></tr></thead><tbody role=\"rowgroup\">{rows}</tbody></table>",
                    capital(&self.text(message)),
                    self.text(code.word())
                )
            })
            .collect();
        Some(entries + &more(notes.len().saturating_sub(200)))
    }

    fn note(&self, note: &Note) -> String {
        let place =
            note.place.as_ref().map(|place| self.text(&format!("{}:{}:{}", place.file, place.line, place.column)));
        format!(
            "<tr role=\"row\"><td role=\"cell\" class=\"across\"><code>{}</code></td><td role=\"cell\" class=\"across\">{}</td></tr>",
            place.unwrap_or_default(),
            note.help.as_deref().map(|help| self.text(help)).unwrap_or_default()
        )
    }

    fn about(&self) -> String {
        let mut rows = vec![
            ("Document", self.text(&self.run.document)),
            ("Run", self.text(&self.run.run)),
            ("Started", self.text(&self.run.started)),
        ];
        if let Some(command) = &self.context.command {
            rows.push(("Command", self.text(command)));
            rows.push(("System", self.text(&format!("{} {}", std::env::consts::OS, std::env::consts::ARCH))));
        }
        rows.push(("arazzo", env!("CARGO_PKG_VERSION").to_owned()));
        let rows: String = rows
            .iter()
            .map(|(name, value)| format!("<tr><th scope=\"row\">{name}</th><td class=\"value\">{value}</td></tr>"))
            .collect();
        format!("<table class=\"values\"><tbody>{rows}</tbody></table>")
    }

    fn pre(&self, label: &str, content: &str) -> String {
        format!("<pre tabindex=\"0\" aria-label=\"{label}\">{}</pre>", self.text(content))
    }

    /// Text of others, as much as there is room for.
    fn text(&self, content: &str) -> String {
        text(content, self.room.text)
    }
}

/// Text of others for between tags: escaped, with what is hidden written out and masks marked; cut at a limit of bytes.
fn text(content: &str, limit: usize) -> String {
    let mut end = content.len().min(limit);
    while !content.is_char_boundary(end) {
        end -= 1;
    }
    let (shown, rest) = content.split_at(end);
    let lines: Vec<String> = shown.split('\n').map(|line| masked(&escaped(&safe(&line.replace('\t', "  "))))).collect();
    let more = if rest.is_empty() { String::new() } else { format!("… ({} more bytes)", rest.len()) };
    lines.join("\n") + &more
}

/// Marks the names that stand for secrets.
fn masked(text: &str) -> String {
    let mut html = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('‹') {
        let Some((name, after)) = after.split_once('›').filter(|(name, _)| is_mask(name)) else { break };
        html += &format!("{before}<span class=\"mask\">‹{name}›</span>");
        rest = after;
    }
    html + rest
}

/// JSON with line breaks and indents, its values as they are written; none if it is not JSON.
fn indented(json: &str) -> Option<String> {
    serde_json::from_str::<Json>(json).ok()?;
    let mut shown = String::with_capacity(json.len() * 2);
    let (mut depth, mut quoted, mut escape) = (0_usize, false, false);
    let mut rest = json.chars().peekable();
    let line = |depth: usize| format!("\n{}", "  ".repeat(depth));
    while let Some(c) = rest.next() {
        if quoted {
            shown.push(c);
            quoted = escape || c != '"';
            escape = !escape && c == '\\';
            continue;
        }
        match c {
            '{' | '[' => {
                shown.push(c);
                while rest.peek().is_some_and(|next| next.is_ascii_whitespace()) {
                    rest.next();
                }
                // What is empty stays in its line.
                if let Some(close) = rest.next_if(|next| matches!(next, '}' | ']')) {
                    shown.push(close);
                } else {
                    depth += 1;
                    shown.push_str(&line(depth));
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                shown.push_str(&line(depth));
                shown.push(c);
            }
            ',' => {
                shown.push(c);
                shown.push_str(&line(depth));
            }
            ':' => shown.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => {
                quoted = c == '"';
                shown.push(c);
            }
        }
    }
    Some(shown)
}

fn list(lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    format!("<ul>{}</ul>", lines.iter().map(|line| format!("<li>{line}</li>")).collect::<String>())
}

fn more(hidden: usize) -> String {
    if hidden == 0 { String::new() } else { format!("<p class=\"soft\">and {hidden} more that are not shown here</p>") }
}

/// The visit and attempt, where there is more than one.
fn turn(attempt: &Attempt) -> String {
    let mut words = vec![];
    if attempt.visit > 1 {
        words.push(format!("visit {}", attempt.visit));
    }
    if attempt.attempt > 1 {
        words.push(format!("attempt {}", attempt.attempt));
    }
    if words.is_empty() { String::new() } else { format!(" <span class=\"soft\">{}</span>", words.join(", ")) }
}

/// Sign and class of a verdict.
fn mark(verdict: &Verdict<'_>) -> (&'static str, &'static str) {
    match verdict.status {
        Some(RunStatus::Succeeded) if verdict.good() => ("✓", "go"),
        Some(RunStatus::Ended) if verdict.good() => ("✓", "halt"),
        Some(RunStatus::Stopped) | None => ("■", "halt"),
        Some(_) => ("✗", "no"),
    }
}

fn sign(status: Option<StepStatus>) -> (&'static str, &'static str) {
    match status {
        Some(StepStatus::Succeeded) => ("✓", "go"),
        Some(StepStatus::Failed) => ("✗", "no"),
        Some(StepStatus::Stopped) | None => ("■", "halt"),
    }
}

fn capital(word: &str) -> String {
    let mut rest = word.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}
