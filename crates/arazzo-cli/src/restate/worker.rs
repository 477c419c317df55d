//! `arazzo worker`: the workflows of documents, run for an engine.

use arazzo::journal::JournalKey;
use arazzo::json;
use arazzo::restate::{Admin, Listening, Worker, service_name};
use arazzo::{Description, Error, Trust, Workflow};

use super::key;
use crate::exit;
use crate::flags::{DocumentFlags, InputFlags, NamedDocument, WorkerFlags};
use crate::inputs::{self, Stdin};
use crate::journal::KEY;
use crate::remedies;
use crate::show::{Screen, safe};
use crate::signal;

/// Runs the command until a signal; the result is the exit code.
pub(crate) fn worker(flags: &WorkerFlags, screen: &mut Screen) -> u8 {
    let worker = match prepared(flags, screen) {
        Ok(worker) => worker,
        Err(error) => return screen.error(&error),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return screen.error(&Error::Setup(format!("cannot start: {error}"))),
    };
    let served = runtime.block_on(serve(flags, worker, screen));
    // What waits goes on with another worker.
    runtime.shutdown_background();
    served.unwrap_or_else(|error| screen.error(&error))
}

async fn serve(flags: &WorkerFlags, worker: Worker, screen: &mut Screen) -> Result<u8, Error> {
    let services: Vec<String> = worker.services().map(str::to_owned).collect();
    let listening = worker.listen(flags.listen).await?;
    let url = match &flags.advertise {
        Some(url) => format!("{}{}", url.trim_end_matches('/'), Listening::path()),
        None => listening.url(),
    };
    if !flags.listen.ip().is_loopback() {
        screen.line("note: the engine speaks HTTP/2 in clear with this worker: what stands between them can read the requests, and not what is encrypted in them; a private network or a proxy with TLS keeps it to itself");
    }
    let admin = flags.restate_admin.as_deref().map(|admin| Admin::new(admin, flags.network.network())).transpose()?;
    let not_ready = listening.not_ready();
    // It has to answer while the engine asks what it offers.
    let stop = async {
        signal::next().await;
    };
    let told = async {
        if let Some(admin) = &admin {
            admin.register(&url).await?;
        }
        drop(not_ready);
        let line = match flags.json {
            true => json!({ "v": 1, "url": url, "services": services, "registered": admin.is_some() }).to_string(),
            false => {
                let registered = if admin.is_some() { "registered" } else { "listening" };
                let mut lines = vec![format!("{registered} {}", safe(&url))];
                lines.extend(services.iter().map(|service| format!("  {}", safe(service))));
                lines.join("\n")
            }
        };
        Ok::<_, Error>(screen.data(&line).is_ok())
    };
    let mut served = std::pin::pin!(listening.serve(stop));
    let told = tokio::select! {
        () = &mut served => return Ok(exit::SUCCEEDED),
        told = told => told?,
    };
    if !told {
        return Ok(exit::OUTPUT);
    }
    served.await;
    Ok(exit::SUCCEEDED)
}

/// Everything that can be known before it listens.
fn prepared(flags: &WorkerFlags, screen: &mut Screen) -> Result<Worker, Error> {
    let missing = || {
        Error::Setup(format!(
            "a worker encrypts what the engine keeps, and has no key: put 64 hexadecimal digits into {KEY}, the same for all workers (openssl rand -hex 32)"
        ))
    };
    let key: JournalKey = key()?.ok_or_else(missing)?;
    if !flags.listen.ip().is_loopback() && flags.identity_key.is_none() {
        return Err(Error::Setup(format!(
            "{} can be reached from other machines, and all of them could run the workflows: give the public key of the engine, by which its requests are known: --identity-key publickeyv1_…",
            flags.listen
        )));
    }
    let mut worker = Worker::new(key).unknown(flags.unknown.unknown()).retention(flags.retention);
    if let Some(identity) = &flags.identity_key {
        worker = worker.identity_key(identity);
    }
    let mut stdin = Stdin::new(flags.prompt.no_input);
    let several = flags.documents.len() > 1;
    for document in &flags.documents {
        let description = loaded(flags, document, several)?;
        let credentials = match several {
            false => inputs::credentials(&flags.credentials, &description, &mut stdin)?,
            true => inputs::credentials_taken(&flags.credentials, &description, true, &mut stdin)?,
        };
        let description = description.with_credentials(credentials)?;
        let names: Vec<String> = description.workflows().map(str::to_owned).collect();
        for name in names {
            let workflow = description.workflow(Some(&name))?;
            screen.warnings(workflow.warnings(), workflow.description().sources());
            let service = service_name(document.name.as_deref(), &document.path, &name)?;
            stdin.begin_run();
            let inputs = given(&flags.input, &workflow, several || description.workflows().count() > 1, &mut stdin)?;
            worker = worker.offer(&service, &workflow, inputs)?;
        }
    }
    Ok(worker)
}

/// The inputs that every run of a workflow has.
fn given(flags: &InputFlags, workflow: &Workflow, several: bool, stdin: &mut Stdin) -> Result<arazzo::Inputs, Error> {
    let given = match several {
        false => inputs::collect(flags, workflow, stdin)?,
        true => inputs::collect_taken(flags, workflow, stdin)?.or_environment(workflow),
    };
    if given.faults.is_empty() { Ok(given.inputs) } else { Err(Error::Inputs(given.faults)) }
}

fn loaded(flags: &WorkerFlags, document: &NamedDocument, several: bool) -> Result<Description, Error> {
    let opened = || {
        let opened = DocumentFlags::opened(&document.path, None).naming(remedies::flag);
        flags.offline.on(flags.reading.on(opened).workspace(true))
    };
    let sources: Option<Vec<String>> = match several {
        false => None,
        true => Some(opened().load_blocking()?.source_descriptions().map(|(name, _)| name.to_owned()).collect()),
    };
    let limits = flags.limits.limits(flags.network.max_time);
    let mut builder = flags.server.on_sources(sources.as_deref(), opened());
    builder = builder.limits(limits).loop_delay(flags.limits.loop_delay).network(flags.network.network());
    builder = builder.lint_before_run(true);
    if let Some(header) = &flags.idempotency_key {
        builder = builder.idempotency_key(header);
    }
    for secret in &flags.input.secrets {
        builder = builder.secret(inputs::secret_name(secret));
    }
    // Nobody is there who looks at what it calls: only hosts that are given.
    flags.permissions.on(builder).trust(Trust::Given).load_blocking()
}
