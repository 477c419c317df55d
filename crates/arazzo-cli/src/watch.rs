//! A run that somebody watches: its events, the time that passes between them, and the screen.

use std::cell::RefCell;
use std::convert::Infallible;
use std::time::{Duration, Instant};

use arazzo::plan::PlannedStep;
use arazzo::report::{RunRecord, result};
use arazzo::{Envelope, EventKind};

use crate::requested::{JsonForm, ProgressForm};
use crate::show::lines::{self, Lines};
use crate::show::paint;
use crate::show::progress::{Detail, Progress};
use crate::show::tree::{self, Tree};
use crate::show::{Screen, width};

/// The form in which a run is shown while it runs, the same for `run`, `call` and `replay`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Showing {
    pub(crate) detail: Detail,
    pub(crate) form: ProgressForm,
    /// `true` if every event is printed, as JSON.
    pub(crate) events: bool,
    /// `true` if the end of the run is printed, as one object.
    pub(crate) result: bool,
    /// `true` if each request is shown as a command.
    pub(crate) curl: bool,
}

impl Showing {
    /// The form that so many `--quiet` and `--verbose`, `--json` and `--progress` ask for.
    pub(crate) fn new(quiet: u8, verbose: u8, json: Option<JsonForm>, form: ProgressForm) -> Self {
        let detail = match (quiet, verbose, json.is_some()) {
            (2.., ..) => Detail::Nothing,
            (1, ..) => Detail::Failures,
            // Events say everything that lines would say.
            (_, 0, true) => Detail::Failures,
            (_, 0, false) if form == ProgressForm::None => Detail::Verdict,
            (_, 0, false) => Detail::Steps,
            (_, 1, _) => Detail::Headers,
            (_, 2.., _) => Detail::Bodies,
        };
        Self {
            detail,
            form,
            events: json == Some(JsonForm::Events),
            result: json == Some(JsonForm::Result),
            curl: false,
        }
    }

    /// With each request as a command, or without.
    pub(crate) fn curl(mut self, curl: bool) -> Self {
        self.curl = curl;
        self
    }

    /// `true` if the tree is shown.
    pub(crate) fn is_tree(self) -> bool {
        let Self { detail, form, .. } = self;
        let auto = || detail == Detail::Steps && paint::can_animate();
        detail >= Detail::Steps && (form == ProgressForm::Tree || form == ProgressForm::Auto && auto())
    }
}

/// The display of a run while it runs.
pub(crate) struct Watch<'s> {
    pub(crate) screen: &'s mut Screen,
    showing: Showing,
    progress: Progress,
    form: Form,
    /// The time of the last event, on the run's clock and on ours.
    at: Option<(u64, Instant)>,
}

enum Form {
    Lines(Lines),
    /// With the hosts that the head names, and whether it moves.
    Tree(Tree, Vec<String>, bool),
}

impl<'s> Watch<'s> {
    /// `hosts` are those that the run will call.
    pub(crate) fn new(screen: &'s mut Screen, showing: Showing, plan: &[PlannedStep], hosts: Vec<String>) -> Self {
        let detail = showing.detail;
        let form = if showing.is_tree() {
            let call = |step: &PlannedStep| match &step.calls {
                Some(calls) => format!("workflow {calls}"),
                None => format!("{:4} {}", step.method, step.path),
            };
            let steps = plan.iter().map(|step| (step.step.as_str(), step.depth, call(step)));
            Form::Tree(Tree::new(detail, steps), hosts, paint::can_animate())
        } else {
            Form::Lines(Lines::new(detail, plan.iter().map(|step| (step.step.as_str(), step.depth))))
        };
        Self { screen, showing, progress: Progress::new(detail), form, at: None }
    }

    /// Shows an event, which the record has already.
    ///
    /// # Errors
    /// If it could not be printed; it is shown all the same.
    pub(crate) fn event(&mut self, envelope: &Envelope, record: &RunRecord) -> std::io::Result<()> {
        let printed = if self.showing.events {
            let line = result::line(envelope, record).map_err(std::io::Error::other);
            line.and_then(|line| self.screen.data(&line))
        } else {
            Ok(())
        };
        self.follow(envelope);
        if let (EventKind::RequestSent { call, .. }, true) = (&envelope.event.kind, self.showing.curl) {
            let sent = record.attempts.iter().rev().flat_map(|attempt| &attempt.exchanges);
            if let Some(exchange) = sent.into_iter().find(|exchange| exchange.call == Some(*call)) {
                self.screen.line(&exchange.curl());
            }
        }
        printed
    }

    /// Takes in an event of before: nothing is shown of it.
    pub(crate) fn past(&mut self, envelope: &Envelope) {
        if self.showing.detail >= Detail::Steps {
            self.progress.follow(envelope);
        }
    }

    fn follow(&mut self, envelope: &Envelope) {
        self.at = Some((envelope.ms, Instant::now()));
        if self.showing.detail < Detail::Steps {
            return;
        }
        let happening = self.progress.follow(envelope);
        let mut stay = vec![];
        match &self.form {
            Form::Lines(lines) => stay.extend(happening.iter().flat_map(|happening| lines.show(happening))),
            Form::Tree(tree, hosts, animated) => {
                let width = columns(*animated);
                if let EventKind::RunStarted { secrets, .. } = &envelope.event.kind {
                    stay.push(Tree::head(&envelope.event.workflow, hosts, secrets, width));
                }
                stay.extend(happening.iter().flat_map(|happening| tree.show(happening, width)));
            }
        }
        if matches!(envelope.event.kind, EventKind::RunFinished { .. }) || !self.moves() {
            stay.iter().for_each(|line| self.screen.line(line));
        } else if !stay.is_empty() {
            self.draw(&stay);
        }
    }

    /// The last line of a run that did not fail, in this form.
    pub(crate) fn verdict(&mut self, last: &EventKind, workflow: &str) {
        let line = match self.form {
            Form::Lines(_) => lines::verdict(last, workflow),
            Form::Tree(..) => tree::verdict(last),
        };
        if let (Some(line), true) = (line, self.showing.detail >= Detail::Verdict) {
            self.screen.line(&line);
        }
    }

    /// Draws what moves, again and again; never ends.
    pub(crate) async fn moving(watch: &RefCell<Self>) -> Infallible {
        if !watch.borrow().moves() {
            return std::future::pending().await;
        }
        loop {
            tokio::time::sleep(Duration::from_millis(tree::FRAME_MS)).await;
            watch.borrow_mut().draw(&[]);
        }
    }

    fn moves(&self) -> bool {
        matches!(self.form, Form::Tree(.., true))
    }

    fn draw(&mut self, stay: &[String]) {
        let (Form::Tree(tree, ..), Some((ms, at))) = (&self.form, self.at) else { return };
        let now_ms = ms.saturating_add(u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX));
        let (columns, rows) = paint::size();
        let mut again = tree.live(&self.progress, now_ms, columns - 1);
        // What does not fit on the screen cannot be taken back.
        again.truncate(rows - 1);
        self.screen.draw(stay, &again);
    }
}

/// The width that lines of a tree may have: a terminal breaks what fills its last column.
fn columns(animated: bool) -> usize {
    if animated { paint::size().0 - 1 } else { width() - 1 }
}
