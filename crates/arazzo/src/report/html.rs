//! HTML: the report that people keep. One file without scripts: it may be opened anywhere, by anybody, years later.
//!
//! All text of others goes through [`text`], and stands between tags or in a quoted attribute; links lead within the
//! page. The content policy allows one style sheet, by its hash, and nothing else.

use arazzo_engine::code::Code;
use arazzo_engine::event::{EventKind, RunStatus};
use base64::Engine;
use sha2::{Digest, Sha256};

use super::flow::{self, Walk};
use super::junit::without_value;
use super::left_behind;
use super::run_record::{Gap, Note, RunRecord, Verdict};
use super::steps::Steps;
use super::text::pace;
use super::{ReportContext, ReportKind, markup, sequence, svg};

/// The report as it is chosen.
pub(super) const KIND: ReportKind = ReportKind { name: "html", file: "report.html", text: html };

/// The most bytes that a report has.
const LIMIT: usize = 2 * 1024 * 1024;
/// More steps than this are not drawn.
const DRAWN: usize = 300;
/// The picture of more steps than this is folded.
const OPEN: usize = 8;

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
        let gap = |gap: &Gap| format!("<p class=\"soft\">{}</p>", self.text(&gap.words()));
        let gaps: String = self.run.gaps().iter().map(gap).collect();
        parts.push(("steps", "Steps", self.steps() + &gaps));
        parts.push(("values", "Inputs and outputs", self.values()));
        parts.push(("flow", "Flow", self.flow()));
        parts.extend(self.talk().map(|body| ("talk", "Conversation", body)));
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
            // Those of workflows that were called are among them.
            let all = self.run.steps();
            let ran = all.iter().filter(|step| !step.attempts.is_empty()).count();
            let of = if self.run.planned.is_empty() { String::new() } else { format!(" of {}", all.len()) };
            let ran = if of.is_empty() { *steps as usize } else { ran };
            figures += &figure("Steps", format!("{ran}{of}"));
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
            markup::capital(verdict.word()),
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
                Some(snippet) => {
                    html += &format!(
                        "<pre tabindex=\"0\" aria-label=\"The place in the document\">{}</pre>",
                        markup::snippet(snippet, self.room.text)
                    );
                }
                None => {
                    let lines: Vec<String> = why
                        .remarks
                        .iter()
                        .map(|remark| self.text(remark))
                        .chain(why.help.iter().map(|help| self.text(help)))
                        .collect();
                    html += &markup::list(&lines);
                }
            }
            let last =
                self.run.attempts.iter().enumerate().rfind(|(_, attempt)| Some(&attempt.step) == why.step.as_ref());
            if let Some((index, attempt)) = last {
                let step = self.text(&attempt.step);
                html += &format!(
                    "<p><a href=\"#a{index}\">The step <code>{step}</code> with its request and response</a></p>"
                );
            }
            if let Some(exchange) = last.and_then(|(_, attempt)| attempt.exchanges.last()) {
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
            parts.push(format!("<h3 class=\"minor\">What is left</h3>{}", markup::list(&left)));
        }
        if !without.is_empty() {
            let names: Vec<String> = without.iter().map(|name| format!("<code>{}</code>", self.text(name))).collect();
            parts.push(format!("<h3 class=\"minor\">Outputs without a value</h3><p>{}</p>", names.join(", ")));
        }
        (!parts.is_empty()).then(|| {
            format!("<div class=\"trouble {}\">{}</div>", if class == "no" { "" } else { "halting" }, parts.concat())
        })
    }

    fn steps(&self) -> String {
        let own = self.run.steps().into_iter();
        let own = own.filter(|step| step.workflow == self.run.workflow && !step.attempts.is_empty());
        let names: Vec<&str> = match &self.context.graph {
            Some(graph) => graph.steps.iter().map(|step| step.step.as_str()).collect(),
            None => own.map(|step| step.step).collect(),
        };
        Steps { run: self.run, text: self.room.text, attempts: self.room.attempts, names: &names }.page()
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
        let count = graph.steps.len();
        if count == 0 {
            return "<p class=\"soft\">No step ran.</p>".to_owned();
        }
        if count > DRAWN {
            return format!("<p class=\"soft\">{count} steps are not drawn; arazzo graph writes them.</p>");
        }
        let walk = Walk::new(graph, self.run);
        let note = if self.context.graph.is_some() { "" } else { "<p class=\"soft\">As far as the run shows it.</p>" };
        // One for wide windows and one for narrow ones: a picture that shrinks cannot be read.
        let picture = |size: svg::Size, class: &str| {
            format!(
                "<div class=\"wide {class}\" tabindex=\"0\" role=\"region\" aria-label=\"Flow, scrolls sideways\">{}</div>",
                svg::picture(graph, Some(&walk), "s", size)
            )
        };
        let pictures = format!("{}{}{note}", picture(svg::Size::Page, "broad"), picture(svg::Size::Phone, "narrow"));
        folded(count > OPEN, &format!("The way through {count} steps"), &pictures)
    }

    /// Who said what to whom, folded: the steps say the same.
    fn talk(&self) -> Option<String> {
        let svg = sequence::picture(self.run)?;
        let picture = format!(
            "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Conversation, scrolls sideways\">{svg}</div>"
        );
        let count = self.run.exchanges().len();
        let requests = if count == 1 { "1 request".to_owned() } else { format!("{count} requests") };
        Some(folded(true, &format!("{requests} in their order"), &picture))
    }

    fn values(&self) -> String {
        let mut html = String::new();
        if self.run.inputs.is_empty() {
            html += "<p class=\"soft\">The workflow was given no inputs.</p>";
        } else {
            html += &markup::map("<h3 class=\"minor\">Inputs</h3>", &self.run.inputs, self.room.text);
        }
        match self.run.outputs() {
            Some(outputs) if !outputs.is_empty() => {
                html += &markup::map("<h3 class=\"minor\">Outputs</h3>", outputs, self.room.text)
            }
            _ => html += "<p class=\"soft\">The run left no outputs.</p>",
        }
        html
    }

    fn notes(&self) -> Option<String> {
        let notes = &self.run.notes;
        if notes.is_empty() {
            return None;
        }
        // One entry for each kind, with all its places.
        let mut kinds: Vec<(Code, &str, Vec<&Note>)> = vec![];
        for (place, note) in notes.iter().enumerate().take(200) {
            // What lint found before the run is found again by it, at every attempt.
            let mut earlier = notes.iter().take(place);
            if note.place.is_some() && earlier.any(|one| one.code == note.code && one.place == note.place) {
                continue;
            }
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
                    markup::capital(&self.text(message)),
                    self.text(code.word())
                )
            })
            .collect();
        let entries = entries + &markup::more(notes.len().saturating_sub(200));
        let places: usize = kinds.iter().map(|(.., notes)| notes.len()).sum();
        let title = if places == 1 { "1 place".to_owned() } else { format!("{places} places") };
        Some(folded(places > 6, &title, &entries))
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
        folded(true, "Document, run, command", &format!("<table class=\"values\"><tbody>{rows}</tbody></table>"))
    }

    /// Text of others, as much as there is room for.
    fn text(&self, content: &str) -> String {
        markup::text(content, self.room.text)
    }
}

/// What opens at a click.
fn folded(closed: bool, title: &str, body: &str) -> String {
    let open = if closed { "" } else { " open" };
    format!("<details class=\"fold\"{open}><summary>{title}</summary><div>{body}</div></details>")
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
