//! `arazzo runs` of an engine, in the place of a journal.

use std::path::Path;

use arazzo::journal::read_answer;
use arazzo::json;
use arazzo::restate::{Admin, Client, EngineRun, seal_answer};
use arazzo::values::Json;
use arazzo::{Error, Network, Proxy};

use super::{key, runtime};
use crate::exit;
use crate::flags::{ResumeFlags, RunName, RunsListFlags, RunsShowFlags, Unknown};
use crate::kept_events;
use crate::show::{Screen, safe};

/// The way to the engine where no flags say another.
fn network() -> Network {
    let mut network = Network::default();
    network.proxy = Proxy::Environment;
    network
}

/// Lists the runs of an engine.
pub(crate) fn list(url: &str, flags: &RunsListFlags, screen: &mut Screen) -> Result<u8, Error> {
    let admin = Admin::new(url, network())?;
    let wanted = |run: &EngineRun| match (flags.failed, flags.running) {
        (true, _) => matches!(run.state.as_str(), "failed" | "cancelled" | "paused" | "backing-off"),
        (_, true) => !matches!(run.state.as_str(), "succeeded" | "failed" | "cancelled"),
        _ => true,
    };
    for run in runtime()?.block_on(admin.runs())?.iter().filter(|run| wanted(run)) {
        let line = if flags.json { object(run)?.to_string() } else { line(run) };
        if screen.data(&line).is_err() {
            return Ok(exit::OUTPUT);
        }
    }
    Ok(exit::SUCCEEDED)
}

fn object(value: &impl serde::Serialize) -> Result<Json, Error> {
    let value = serde_json::to_value(value).map_err(|error| Error::Setup(error.to_string()))?;
    let mut object = json!({ "v": 1 });
    if let (Json::Object(members), Json::Object(own)) = (&mut object, Json::from(value)) {
        members.extend(own.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    Ok(object)
}

fn line(run: &EngineRun) -> String {
    let reason = run.reason.as_deref().map(|reason| format!("  {}", safe(reason))).unwrap_or_default();
    format!("{}  {:11}  {}{reason}", safe(&run.run), safe(&run.state), safe(&run.began))
}

/// Shows what the engine has kept of a run.
pub(crate) fn show(url: &str, flags: &RunsShowFlags, screen: &mut Screen) -> Result<u8, Error> {
    if !flags.reports.is_empty() {
        let message = "--report is for runs of a journal: an engine keeps no events";
        return Err(Error::Setup(message.to_owned()));
    }
    let admin = Admin::new(url, network())?;
    let (run, entries) = runtime()?.block_on(async {
        let run = admin.run(&flags.run).await?;
        let entries = admin.journal(&run).await?;
        Ok::<_, Error>((run, entries))
    })?;
    let text = match flags.json {
        true => {
            let mut whole = object(&run)?;
            let journal = entries.iter().map(object).collect::<Result<Vec<_>, _>>()?;
            if let Json::Object(members) = &mut whole {
                members.insert("journal".to_owned(), journal.into());
            }
            whole.to_string()
        }
        false => {
            let mut lines = vec![line(&run), format!("  {}", safe(&run.invocation))];
            lines.extend(entries.iter().map(|entry| {
                let time = entry.time.as_deref().unwrap_or_default();
                format!("  {:3}  {time:24}  {}  {}", entry.index, safe(&entry.kind), safe(&entry.name))
                    .trim_end()
                    .to_owned()
            }));
            lines.join("\n")
        }
    };
    Ok(if screen.data(&text).is_ok() { exit::SUCCEEDED } else { exit::OUTPUT })
}

/// Lets the engine cancel a run.
pub(crate) fn cancel(url: &str, flags: &RunName, screen: &mut Screen) -> Result<u8, Error> {
    let admin = Admin::new(url, network())?;
    let (run, ended) = runtime()?.block_on(async {
        let run = admin.run(&flags.run).await?;
        let ended = matches!(run.state.as_str(), "succeeded" | "failed" | "cancelled");
        if !ended {
            admin.cancel(&run).await?;
        }
        Ok::<_, Error>((run, ended))
    })?;
    if flags.json {
        let object = json!({ "v": 1, "run": run.run, "state": run.state, "cancelled": !ended });
        return Ok(if screen.data(&object.to_string()).is_ok() { exit::SUCCEEDED } else { exit::OUTPUT });
    }
    screen.line(&match ended {
        true => format!("note: the run {} has ended already: {}", safe(&run.run), safe(&run.state)),
        false => format!("asked the engine to cancel {}", safe(&run.run)),
    });
    Ok(exit::SUCCEEDED)
}

/// Decides about the request in doubt of a run.
pub(crate) fn resume(url: &str, flags: &ResumeFlags, screen: &mut Screen) -> Result<u8, Error> {
    let run = flags.run.as_deref().unwrap_or_default();
    let parts = run.split_once('/').filter(|(service, key)| !service.is_empty() && !key.is_empty());
    let Some((service, id)) = parts else {
        return Err(Error::Setup(format!(
            "`{run}` is not the whole name of a run of the engine, as `arazzo start` printed it: SERVICE/KEY"
        )));
    };
    let client = Client::new(url, flags.network.network())?;
    let runtime = runtime()?;
    let Some(unknown) = flags.unknown else {
        let status = Json::from(runtime.block_on(client.status(service, id))?);
        return told(&status, run, url, screen);
    };
    let decision = match (unknown, &flags.with_response) {
        (Unknown::Retry, _) => serde_json::json!({ "decision": "retry" }),
        (Unknown::Fail, _) => serde_json::json!({ "decision": "fail" }),
        (Unknown::Skip, answer) => {
            let sealed = sealed(run, answer.as_deref().unwrap_or(Path::new("-")))?;
            serde_json::json!({ "decision": "skip", "sealed": sealed })
        }
    };
    let decided = Json::from(runtime.block_on(client.decide(service, id, &decision))?);
    let step = decided.get("step").and_then(Json::as_str).unwrap_or_default();
    screen.line(&format!("decided about step `{}` of {}", safe(step), safe(run)));
    Ok(exit::SUCCEEDED)
}

/// An answer, which the engine must not see as it is.
fn sealed(run: &str, path: &Path) -> Result<String, Error> {
    let wrong = |reason: &str| Error::Setup(format!("--with-response: `{}`: {reason}", path.display()));
    let text = kept_events::text(path).map_err(|reason| wrong(&reason))?;
    read_answer(&text).map_err(|reason| wrong(&reason))?;
    let missing = || {
        Error::Setup(format!(
            "the answer is encrypted before the engine keeps it: put the key of the worker into {}",
            crate::journal::KEY
        ))
    };
    seal_answer(&key()?.ok_or_else(missing)?, run, &text)
}

/// Says what a run waits for; the exit code is that of doubt where it is in doubt.
fn told(status: &Json, run: &str, url: &str, screen: &mut Screen) -> Result<u8, Error> {
    let text = |name: &str| status.get(name).and_then(Json::as_str).unwrap_or_default();
    if text("state") != "in-doubt" {
        if screen.data(&status.to_string()).is_err() {
            return Ok(exit::OUTPUT);
        }
        return Ok(exit::SUCCEEDED);
    }
    let message = format!(
        "{} {} of step `{}` was about to be sent when its worker ended: it is not known whether it arrived",
        text("method"),
        text("url"),
        text("step")
    );
    let help = format!(
        "see whether the server has done it, then: arazzo runs resume {run} --restate {url} --unknown retry (or fail: the step fails; or skip --with-response FILE: this was its answer)"
    );
    screen.fault("in-doubt", &message, Some(&help));
    Ok(exit::IN_DOUBT)
}
