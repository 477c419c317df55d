//! Recordings: every run of the suite replays to the same events from its file, and no secret is in the file.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use arazzo::engine::machine::{Failure, Outgoing, Response};
use arazzo::{Clock, Envelope, Inputs, Interrupt, Pending, Recording, Transport};
use serde_json::Value as Json;

use crate::cli::Folder;
use crate::suite::{Case, canned, files_below, settings, workspace_root};

/// Virtual time: it goes on when everything that sleeps has been asked twice.
#[derive(Clone, Default)]
struct Virtual(Arc<Mutex<Sleepers>>);

#[derive(Default)]
struct Sleepers {
    now: Duration,
    due: Vec<(u64, Duration)>,
    next: u64,
}

struct Sleep {
    clock: Virtual,
    id: u64,
    asked: bool,
}

impl Virtual {
    fn after(&self, time: Duration) -> Sleep {
        let mut all = self.0.lock().unwrap();
        let (id, due) = (all.next, all.now + time);
        all.next += 1;
        all.due.push((id, due));
        Sleep { clock: self.clone(), id, asked: false }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let clock = self.clock.clone();
        let mut all = clock.0.lock().unwrap();
        let own = all.due.iter().find(|(id, _)| *id == self.id).unwrap().1;
        let first = all.due.iter().all(|(_, due)| own <= *due);
        if own <= all.now || (self.asked && first) {
            all.now = all.now.max(own);
            return Poll::Ready(());
        }
        self.asked = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.clock.0.lock().unwrap().due.retain(|(id, _)| *id != self.id);
    }
}

impl Clock for Virtual {
    fn wall(&self) -> Duration {
        Duration::from_millis(1_800_000_000_000)
    }

    fn elapsed(&self) -> Duration {
        self.0.lock().unwrap().now
    }

    fn sleep(&self, time: Duration) -> Pending<'_, ()> {
        Box::pin(self.after(time))
    }
}

struct Canned(Virtual, Mutex<Vec<Json>>);

impl Transport for Canned {
    fn send(&self, _: Outgoing) -> Pending<'_, Result<Response, Failure>> {
        let mut replies = self.1.lock().unwrap();
        let reply = if replies.len() > 1 { replies.remove(0) } else { replies[0].clone() };
        let sleep = self.0.after(Duration::from_millis(reply["after"].as_u64().unwrap_or(10)));
        Box::pin(async move {
            sleep.await;
            canned(&reply)
        })
    }
}

#[test]
fn every_run_of_the_suite_replays_to_the_same_events_from_its_file() {
    let (mut replayed, mut hidden) = (0, 0);
    for path in files_below(&workspace_root().join("tests/suite/run"), &["yaml"]) {
        let case = Case::read(&path);
        if !case.head["cancel"].is_null() {
            continue;
        }
        let folder = Folder::new();
        let files: Vec<_> = case.files.iter().map(|(name, text)| folder.write(name, text)).collect();
        let clock = Virtual::default();
        let replies = case.head["replies"].as_array().cloned().unwrap_or_default();
        let set = settings(&case.head["settings"]);
        let mut builder = arazzo::open(&files[0])
            .folder(folder.path())
            .readings(case.head["readings"].as_str().unwrap_or("lenient").parse().unwrap())
            .transport(Canned(clock.clone(), Mutex::new(replies)))
            .clock(clock)
            .limits(set.limits)
            .loop_delay(set.loop_delay)
            .require_outputs(set.require_outputs);
        builder = builder.credentials(set.credentials).redirects(set.redirects).cookies(set.cookies);
        let allowed = case.head["settings"]["allowHosts"].as_array().into_iter().flatten();
        builder = allowed.map(|host| host.as_str().unwrap()).fold(builder, arazzo::Builder::allow_host);
        if let Some(server) = set.servers.all {
            builder = builder.server(None, server);
        }
        let description = builder.load().unwrap();
        let first = description.workflows().next().unwrap().to_owned();
        let workflow = description.workflow(Some(&first)).unwrap();
        let inputs = Inputs::from(case.head["inputs"].as_object().cloned().unwrap_or_default());
        let mut live: Vec<Envelope> = vec![];
        let interrupt = Interrupt::new();
        let run = workflow.record(inputs, &interrupt, |envelope| live.push(envelope.clone()));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (outcome, recording) = runtime.block_on(run).unwrap();
        let recording = recording.unwrap();
        assert_eq!(recording.unlike(), None, "{}", path.display());

        let text = recording.to_text();
        // What no credential is made of is no secret, and events show it too.
        let shown = serde_json::to_string(&live).unwrap().contains("tok-0123456789");
        hidden += usize::from(!shown);
        assert!(shown || !text.contains("tok-0123456789"), "{}: a secret is in the file\n{text}", path.display());
        let read = Recording::parse("run.ndjson", &text).unwrap();
        assert_eq!(read, recording, "{}", path.display());
        assert_eq!(read.changed(description.sources()), Vec::<&str>::new());
        let mut again: Vec<Envelope> = vec![];
        let replay = description.replay(&read, |envelope| again.push(envelope.clone())).unwrap();
        assert_eq!(replay.drifts, vec![], "{}", path.display());
        assert_eq!(again, live, "{}", path.display());
        assert_eq!(replay.outcome.unwrap().exit_code(), outcome.exit_code());
        replayed += 1;
    }
    assert!(replayed > 20 && hidden > 20, "{replayed} {hidden}");
}
