//! A graph as a picture: a card for each step with its exits as rows, and a line from a row to where it leads.
//!
//! What comes next stands below; all other ways run right of the cards, each in a lane of its own, so that no line
//! crosses a card and every condition can be read. Positions are attributes, not styles: a page with a strict content
//! policy shows it.

use arazzo_engine::event::StepStatus;
use arazzo_engine::graph::{Edge, Exit, Graph};

use super::flow::{Walk, Walked, condition, target};
use super::text::{columns, cut, escaped, label, safe};

/// Colours and lines, for a picture that stands alone; a page that shows one has these in its own style.
pub(super) const STYLE: &str = include_str!("flow.css");

const CARD_X: usize = 1;
const HEAD: usize = 44;
const ROW: usize = 20;
const GAP: usize = 26;
const LANE: usize = 12;
/// Estimates of how wide a letter is, in tenths of a unit: names, and the smaller code.
const LETTER: usize = 68;
const CODE: usize = 67;

/// The place that a picture is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    /// A file of its own, with a margin.
    Alone,
    /// As wide as a page is.
    Page,
    /// As wide as a phone is.
    Phone,
}

impl Size {
    /// The width of cards beside so many lanes.
    fn card(self, lanes: usize) -> usize {
        let beside = CARD_X + 28 + lanes * LANE;
        match self {
            Self::Alone => 540,
            Self::Page => 1038_usize.saturating_sub(beside).max(540),
            Self::Phone => 340_usize.saturating_sub(beside).max(250),
        }
    }

    /// Units around the picture: what stands in a page has them from there.
    fn margin(self) -> usize {
        if self == Self::Alone { 16 } else { 0 }
    }
}

/// The place of a step.
struct Card {
    y: usize,
    height: usize,
    width: usize,
}

/// A line from a row to a card.
struct Line {
    from: usize,
    to: usize,
    class: &'static str,
    lane: usize,
}

/// A graph as a picture of its own: the text of an SVG file, with the path of a run if one is given.
#[must_use]
pub fn svg(graph: &Graph, walk: Option<&Walk>) -> String {
    let picture = picture(graph, walk, "", Size::Alone);
    picture.replacen('>', &format!("><style>{STYLE}\nsvg{{background:var(--ground)}}</style>"), 1)
}

/// The picture, to be put into a page. `links` is what stands before the number of a step in the id of its details; no
/// links if it is empty.
pub(super) fn picture(graph: &Graph, walk: Option<&Walk>, links: &str, size: Size) -> String {
    let mut cards = vec![];
    let mut y = 46 + graph.dependencies.len() * 34;
    for (place, step) in graph.steps.iter().enumerate() {
        let rows = step.exits.iter().filter(|exit| is_row(graph, place, exit)).count();
        let height = HEAD + if rows > 0 { rows * ROW + 8 } else { 0 };
        cards.push(Card { y, height, width: 0 });
        y += height + GAP;
    }
    let (lines, lanes) = lines(graph, walk, &cards);
    let wide = size.card(lanes);
    cards.iter_mut().for_each(|card| card.width = wide);
    let (width, height, margin) = (CARD_X + wide + 14 + lanes * LANE + 14, y + 16, size.margin());
    let (from, whole, tall) = (-(margin as i64), width + 2 * margin, height + 2 * margin);
    let middle = CARD_X + 30;
    let mut svg = format!(
        "<svg class=\"flow\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"{from} {from} {whole} {tall}\" width=\"{whole}\" height=\"{tall}\" role=\"{}\" aria-label=\"Flow of workflow {}: {} steps\">",
        // A picture with links in it is a group of them.
        if links.is_empty() { "img" } else { "group" },
        label(&graph.workflow, 200),
        graph.steps.len()
    );
    svg.push_str(&format!("<desc>{}</desc>", escaped(&described(graph))));
    svg.push_str(&format!("<circle class=\"dot\" cx=\"{middle}\" cy=\"14\" r=\"6\"/>"));
    svg.push_str(&format!(
        "<text class=\"name\" x=\"{}\" y=\"18\">{}</text>",
        middle + 14,
        label(&graph.workflow, letters(wide - 60, LETTER).min(60))
    ));
    let begun = if walk.is_some() { "way taken" } else { "way" };
    let mut top = 20;
    for name in &graph.dependencies {
        svg.push_str(&arrow_down(middle, top, top + 14, begun));
        svg.push_str(&format!(
            "<rect class=\"card other\" x=\"{CARD_X}\" y=\"{}\" width=\"{wide}\" height=\"20\" rx=\"5\"/><text class=\"does\" x=\"{}\" y=\"{}\">first workflow {}</text>",
            top + 14, CARD_X + 14, top + 28, label(name, letters(wide - 110, CODE).min(50))
        ));
        top += 34;
    }
    match graph.entry {
        Some(0) => svg.push_str(&arrow_down(middle, top, 46 + graph.dependencies.len() * 34, begun)),
        Some(entry) => {
            let name = graph.steps.get(entry).map(|step| step.step.as_str()).unwrap_or_default();
            svg.push_str(&format!(
                "<text class=\"does\" x=\"{}\" y=\"{}\">begins with {}</text>",
                middle + 14,
                top + 14,
                label(name, letters(wide - 110, CODE).min(40))
            ));
        }
        None => {}
    }
    for line in &lines {
        svg.push_str(&drawn(line, CARD_X + wide));
    }
    for (place, card) in cards.iter().enumerate() {
        svg.push_str(&step(graph, walk, place, card, links));
        svg.push_str(&below(graph, walk, place, card, middle));
    }
    svg.push_str(&format!(
        "<circle class=\"ring\" cx=\"{middle}\" cy=\"{}\" r=\"7\"/><circle class=\"dot\" cx=\"{middle}\" cy=\"{}\" r=\"3.5\"/></svg>",
        y + 4, y + 4
    ));
    svg
}

/// `true` if an exit has a row of its own: all but what simply comes next, below.
fn is_row(graph: &Graph, place: usize, exit: &Exit) -> bool {
    exit.action.is_some() || !comes_next(graph, place, &exit.to)
}

fn comes_next(graph: &Graph, place: usize, way: &Edge) -> bool {
    match way {
        Edge::Step(to) => *to == place + 1,
        Edge::End => place + 1 == graph.steps.len(),
        Edge::Workflow(_) | Edge::Retry { .. } => false,
    }
}

/// The lines of all rows that lead to a step, and how many lanes they need: the shortest lines are innermost.
fn lines(graph: &Graph, walk: Option<&Walk>, cards: &[Card]) -> (Vec<Line>, usize) {
    let mut lines = vec![];
    let mut arrived = vec![0; cards.len()];
    for (place, (step, card)) in graph.steps.iter().zip(cards).enumerate() {
        let rows = step.exits.iter().enumerate().filter(|(_, exit)| is_row(graph, place, exit));
        for (row, (index, exit)) in rows.enumerate() {
            let Edge::Step(to) = exit.to else { continue };
            let (Some(aim), Some(before)) = (cards.get(to), arrived.get_mut(to)) else { continue };
            lines.push(Line {
                from: card.y + HEAD + row * ROW + ROW / 2,
                // Lines into one card do not lie on one another.
                to: aim.y + 11 + *before % 4 * 7,
                class: class(walk.map(|walk| walk.of(place).taken(index)), exit.on_failure),
                lane: 0,
            });
            *before += 1;
        }
    }
    let mut order: Vec<usize> = (0..lines.len()).collect();
    order.sort_by_key(|index| lines.get(*index).map_or(0, |line| line.from.abs_diff(line.to)));
    let mut lanes: Vec<Vec<(usize, usize)>> = vec![];
    for index in order {
        let Some(line) = lines.get_mut(index) else { continue };
        let (low, high) = (line.from.min(line.to), line.from.max(line.to));
        let free = lanes.iter().position(|taken| taken.iter().all(|(from, to)| high + 8 < *from || *to + 8 < low));
        line.lane = free.unwrap_or(lanes.len());
        match lanes.get_mut(line.lane) {
            Some(lane) => lane.push((low, high)),
            None => lanes.push(vec![(low, high)]),
        }
    }
    let count = lanes.len();
    (lines, count)
}

fn class(count: Option<u32>, on_failure: bool) -> &'static str {
    match (count, on_failure) {
        (None, false) => "way",
        (None, true) => "way bad",
        (Some(0), _) => "way idle",
        (Some(_), false) => "way taken",
        (Some(_), true) => "way taken bad",
    }
}

/// The letters that have room in so many units, each a tenth of this wide.
fn letters(units: usize, letter: usize) -> usize {
    units * 10 / letter
}

/// A line: out of the row, along its lane, into the card.
fn drawn(line: &Line, edge: usize) -> String {
    let x = edge + 14 + line.lane * LANE;
    let (from, to) = (line.from, line.to);
    let near = |y: usize, toward: usize| if toward > y { y + 6 } else { y.saturating_sub(6) };
    format!(
        "<path class=\"{0}\" d=\"M{edge} {from}H{1}Q{x} {from} {x} {2}V{3}Q{x} {to} {1} {to}H{4}\"/><path class=\"head {0}\" d=\"M{edge} {to}l8 -4v8z\"/>",
        line.class,
        x - 6,
        near(from, to),
        near(to, from),
        edge + 7
    )
}

fn arrow_down(x: usize, from: usize, to: usize, class: &str) -> String {
    format!(
        "<path class=\"{class}\" d=\"M{x} {from}V{}\"/><path class=\"head {class}\" d=\"M{x} {to}l-4 -8h8z\"/>",
        to.saturating_sub(7)
    )
}

/// The arrow to the step that simply comes next.
fn below(graph: &Graph, walk: Option<&Walk>, place: usize, card: &Card, middle: usize) -> String {
    let Some(step) = graph.steps.get(place) else { return String::new() };
    let next = |exit: &Exit| exit.action.is_none() && comes_next(graph, place, &exit.to);
    let Some(index) = step.exits.iter().position(next) else { return String::new() };
    let count = walk.map(|walk| walk.of(place).taken(index));
    let bottom = card.y + card.height;
    let mut svg = arrow_down(
        middle,
        bottom,
        bottom + GAP - if place + 1 == graph.steps.len() { 4 } else { 0 },
        class(count, false),
    );
    if let Some(count) = count.filter(|count| *count > 1) {
        svg.push_str(&format!("<text class=\"count\" x=\"{}\" y=\"{}\">{count}×</text>", middle + 9, bottom + 17));
    }
    svg
}

/// A card with its rows.
fn step(graph: &Graph, walk: Option<&Walk>, place: usize, card: &Card, links: &str) -> String {
    let Some(step) = graph.steps.get(place) else { return String::new() };
    let walked = walk.map(|walk| walk.of(place));
    let state = match &walked {
        None => "",
        Some(Walked { visits: 0, .. }) => " idle",
        Some(Walked { status: Some(StepStatus::Succeeded), .. }) => " good",
        Some(Walked { status: Some(StepStatus::Failed), .. }) => " bad",
        Some(_) => " halted",
    };
    let (y, edge) = (card.y, CARD_X + card.width);
    let mut svg = format!(
        "<rect class=\"card{state}\" x=\"{CARD_X}\" y=\"{y}\" width=\"{}\" height=\"{}\" rx=\"7\"/>",
        card.width, card.height
    );
    if !state.is_empty() {
        svg.push_str(&format!(
            "<rect class=\"mark{state}\" x=\"{CARD_X}\" y=\"{y}\" width=\"5\" height=\"{}\" rx=\"2.5\"/>",
            card.height
        ));
    }
    let name = format!(
        "<text class=\"name{state}\" x=\"{}\" y=\"{}\">{}</text>",
        CARD_X + 16,
        y + 18,
        label(&step.step, letters(card.width - 100, LETTER).min(48))
    );
    let linked = !links.is_empty() && walked.as_ref().is_none_or(|walked| walked.visits > 0);
    svg.push_str(&if linked { format!("<a href=\"#{links}{place}\">{name}</a>") } else { name });
    svg.push_str(&format!(
        "<text class=\"does\" x=\"{}\" y=\"{}\">{}</text>",
        CARD_X + 16,
        y + 35,
        label(&step.does, letters(card.width - 32, CODE).min(110))
    ));
    if let Some(walked) = walked.as_ref().filter(|walked| walked.visits > 0) {
        let visits = if walked.visits == 1 { "1 visit".to_owned() } else { format!("{} visits", walked.visits) };
        svg.push_str(&format!("<text class=\"count right\" x=\"{}\" y=\"{}\">{visits}</text>", edge - 12, y + 18));
    }
    svg + &rows(graph, place, card, walked.as_ref())
}

/// The exits of a step, each in a row of its card.
fn rows(graph: &Graph, place: usize, card: &Card, walked: Option<&Walked>) -> String {
    let Some(step) = graph.steps.get(place) else { return String::new() };
    let (y, edge) = (card.y, CARD_X + card.width);
    // A narrow card has room for the beginnings of names.
    let names_most = if card.width < 400 { 14 } else { 24 };
    let mut svg = String::new();
    let rows: Vec<_> = step.exits.iter().enumerate().filter(|(_, exit)| is_row(graph, place, exit)).collect();
    if !rows.is_empty() {
        svg.push_str(&format!("<path class=\"rule\" d=\"M{} {}H{edge}\"/>", CARD_X + 5, y + HEAD - 1));
    }
    let called = |exit: &Exit| {
        let sign = match exit.to {
            Edge::Retry { .. } => "↻ ",
            _ if exit.on_failure => "✗ ",
            _ => "",
        };
        format!("{sign}{}", cut(&safe(exit.action.as_deref().unwrap_or("then")), names_most))
    };
    let names = rows.iter().map(|(_, exit)| columns(&called(exit))).max().unwrap_or(0) * LETTER / 10;
    for (row, (index, exit)) in rows.into_iter().enumerate() {
        let y = y + HEAD + row * ROW + 14;
        let count = walked.map(|walked| walked.taken(index));
        let done = walked.is_some_and(|walked| walked.status == Some(StepStatus::Succeeded));
        // A poll, or a retry that helped, is nothing bad.
        let class = match exit.to {
            Edge::Retry { .. } if done && count.is_some_and(|count| count > 0) => "way again",
            _ => class(count, exit.on_failure),
        };
        let left = CARD_X + 16;
        svg.push_str(&format!("<text class=\"exit {class}\" x=\"{left}\" y=\"{y}\">{}</text>", escaped(&called(exit))));
        let leads = match (&exit.to, exit.on_failure) {
            (Edge::Step(_), _) => cut(&target(graph, &exit.to), names_most),
            (Edge::End, true) => "ends as failed".to_owned(),
            (Edge::End, false) => "ends".to_owned(),
            (Edge::Workflow(_) | Edge::Retry { .. }, _) => cut(&target(graph, &exit.to), names_most + 16),
        };
        let leads = match count {
            Some(count) if count > 0 => format!("{count}×  {leads}"),
            _ => leads,
        };
        let right = columns(&leads) * CODE / 10;
        let at = left + names + 14;
        let room = (edge - 12).saturating_sub(right + 14 + at) * 10 / CODE;
        let whole = condition(exit);
        if room >= 4 && !whole.is_empty() {
            let shown = label(&whole, room);
            svg.push_str(&format!(
                "<text class=\"when {class}\" x=\"{at}\" y=\"{y}\">{shown}<title>{}</title></text>",
                label(&whole, 1000)
            ));
        }
        svg.push_str(&format!(
            "<text class=\"leads {class}\" x=\"{}\" y=\"{y}\">{}</text>",
            edge - 12,
            label(&leads, 60)
        ));
    }
    svg
}

/// The graph in words, for those who do not see it.
fn described(graph: &Graph) -> String {
    let steps = graph.steps.iter().map(|step| {
        let exits: Vec<String> = step
            .exits
            .iter()
            .map(|exit| {
                let condition = condition(exit);
                let when = if condition.is_empty() { String::new() } else { format!(" when {condition}") };
                let action = exit.action.as_ref().map(|action| format!("{action}: ")).unwrap_or_default();
                format!("{action}{}{when}", target(graph, &exit.to))
            })
            .collect();
        format!(
            "{} ({}), then {}.",
            step.step,
            step.does,
            if exits.is_empty() { "nothing".to_owned() } else { exits.join("; ") }
        )
    });
    steps.collect::<Vec<_>>().join(" ")
}
