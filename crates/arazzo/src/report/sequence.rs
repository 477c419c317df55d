//! The conversation of a run as a sequence diagram: the runner on the left, a line for every host.

use super::run_record::{Answer, Attempt, Exchange, RunRecord};
use super::text::{label, pace};

/// More requests than this are told by their beginning and their end.
const SHOWN: usize = 60;
/// More hosts than this share the last line.
const HOSTS: usize = 6;

const RUNNER: usize = 150;
const BETWEEN: usize = 330;
const ROW: usize = 44;

/// The diagram; none if nothing was sent.
pub(super) fn picture(run: &RunRecord) -> Option<String> {
    let all = run.exchanges();
    if all.is_empty() {
        return None;
    }
    let mut hosts: Vec<&str> = vec![];
    for (_, exchange) in &all {
        if !hosts.contains(&exchange.host()) {
            hosts.push(exchange.host());
        }
    }
    let lines = hosts.len().min(HOSTS);
    let x =
        |host: &str| RUNNER + BETWEEN * (1 + hosts.iter().position(|known| *known == host).unwrap_or(0).min(HOSTS - 1));
    let half = SHOWN / 2;
    let hidden = if all.len() > SHOWN { all.len() - 2 * half } else { 0 };
    let mut body = String::new();
    let mut y = 52;
    let mut before: Option<&Attempt> = None;
    for (index, (attempt, exchange)) in all.iter().enumerate() {
        if hidden > 0 && (half..half + hidden).contains(&index) {
            if index == half {
                body += &format!(
                    "<text class=\"pause\" x=\"{}\" y=\"{}\">{hidden} more requests</text>",
                    RUNNER + 12,
                    y + 14
                );
                y += 34;
            }
            continue;
        }
        if let Some((ms, _)) =
            before.filter(|before| !std::ptr::eq(*before, *attempt)).and_then(|before| before.wait.as_ref())
        {
            body += &format!("<text class=\"pause\" x=\"{}\" y=\"{}\">waited {}</text>", RUNNER + 12, y + 6, pace(*ms));
            y += 22;
        }
        // The name stands where a step begins to speak.
        if before.is_none_or(|before| !std::ptr::eq(before, *attempt)) {
            let visit = if attempt.visit > 1 { format!(" {}", attempt.visit) } else { String::new() };
            let again = if attempt.attempt > 1 { format!(" try {}", attempt.attempt) } else { String::new() };
            body += &format!(
                "<text class=\"step\" x=\"0\" y=\"{}\">{}{visit}{again}</text>",
                y + 24,
                label(&attempt.step, 20)
            );
        }
        body += &row(exchange, y, x(exchange.host()));
        y += ROW;
        before = Some(*attempt);
    }
    let height = y + 10;
    let width = RUNNER + BETWEEN * lines + 110;
    let mut svg = format!(
        "<svg class=\"talk\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"Conversation with {}: {} requests\">",
        hosts.iter().take(HOSTS).map(|host| label(host, 60)).collect::<Vec<_>>().join(", "),
        all.len()
    );
    for (place, name) in std::iter::once("arazzo").chain(hosts.iter().copied().take(HOSTS)).enumerate() {
        let x = RUNNER + BETWEEN * place;
        let name = if place == HOSTS && hosts.len() > HOSTS {
            format!("and {} more hosts", hosts.len() - HOSTS + 1)
        } else {
            name.to_owned()
        };
        let name = label(&name, 30);
        svg += &format!(
            "<path class=\"post\" d=\"M{x} 34V{height}\"/><rect class=\"box\" x=\"{}\" y=\"6\" width=\"210\" height=\"28\" rx=\"6\"/><text class=\"who\" x=\"{x}\" y=\"24\">{name}</text>",
            x - 105
        );
    }
    Some(svg + &body + "</svg>")
}

/// A request and what came back.
fn row(exchange: &Exchange, y: usize, host: usize) -> String {
    let (there, back) = (y + 20, y + 36);
    let because = exchange.because.map(|because| format!("{because}: ")).unwrap_or_default();
    let letters = (host - RUNNER - 24) / 7;
    let mut svg = format!(
        "<text class=\"says\" x=\"{0}\" y=\"{1}\">{2}</text><path class=\"line\" d=\"M{RUNNER} {there}H{3}\"/><path class=\"tip\" d=\"M{host} {there}l-8 -4v8z\"/>",
        RUNNER + 12,
        there - 5,
        label(&format!("{}{} {}", because, exchange.method, exchange.path()), letters),
        host - 7
    );
    let (words, class, arrived) = match &exchange.answer {
        Answer::Received { status, duration_ms, .. } => {
            let class = match status {
                200..300 => "go",
                400.. => "no",
                _ => "",
            };
            (format!("{status} · {}", pace(*duration_ms)), class, true)
        }
        Answer::Lost { failure, duration_ms, .. } => (format!("{failure} · {}", pace(*duration_ms)), "no", false),
        Answer::Message { duration_ms } => (format!("message · {}", pace(*duration_ms)), "go", true),
        Answer::None => ("no answer yet".to_owned(), "", false),
    };
    if arrived {
        svg += &format!(
            "<path class=\"back\" d=\"M{} {back}H{host}\"/><path class=\"tip soft\" d=\"M{RUNNER} {back}l8 -4v8z\"/>",
            RUNNER + 7
        );
    } else {
        // The answer breaks off on its way.
        let broken = host - (host - RUNNER) / 3;
        svg += &format!(
            "<path class=\"back\" d=\"M{broken} {back}H{host}\"/><text class=\"answer no\" x=\"{}\" y=\"{}\">×</text>",
            broken - 9,
            back + 4
        );
    }
    svg + &format!(
        "<text class=\"says answer {class}\" x=\"{}\" y=\"{}\">{}</text>",
        host + 10,
        back + 3,
        label(&words, 16)
    )
}
