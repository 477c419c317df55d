//! Ctrl-C, SIGTERM, and SIGHUP where it was not ignored when the command began (`nohup`).

use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[cfg(unix)]
use arazzo::files::{LARGEST, named};
use arazzo::{Envelope, EventKind, Interrupt};

use crate::exit;
use crate::show::safe;

/// Stops a run: the first signal lets a call end, the second stops at once.
#[derive(Clone, Default)]
pub(crate) struct Signals {
    pub(crate) interrupt: Interrupt,
    terminated: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
    /// The request in flight, for the message.
    flight: Arc<Mutex<Option<String>>>,
}

impl Signals {
    /// Takes in what is in flight.
    pub(crate) fn watch(&self, envelope: &Envelope) {
        let Ok(mut flight) = self.flight.lock() else { return };
        match &envelope.event.kind {
            EventKind::RequestSent { method, url, .. } => *flight = Some(format!("{method} {}", safe(url))),
            EventKind::ResponseReceived { .. } | EventKind::RequestFailed { .. } => *flight = None,
            _ => {}
        }
    }

    /// Waits for signals, and says what it waits for; never ends.
    pub(crate) async fn listen(&self, say: impl Fn(&str)) -> Infallible {
        loop {
            if next().await {
                self.terminated.store(true, Ordering::SeqCst);
            }
            let flight = self.flight.lock().ok().and_then(|flight| flight.clone());
            if let (Some(call), 0) = (flight, self.interrupt.count()) {
                say(&format!("stopping: waiting up to 5 s for {call} (Ctrl-C again to quit now)"));
            }
            self.interrupt.stop();
        }
    }

    /// Ends the process where neither signals nor the limit of a run can be answered, because something is being worked
    /// out: a second after the second signal, ten after the first, five after the limit. Watches on a thread of its own;
    /// the limit counts until [`Signals::over`].
    pub(crate) fn insist(&self, limit: Duration) {
        let over = self.over.clone();
        let watching = move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
            let code = runtime.block_on(async {
                let late = async {
                    tokio::time::sleep(limit.saturating_add(Duration::from_secs(5))).await;
                    if over.load(Ordering::SeqCst) {
                        std::future::pending::<()>().await;
                    }
                };
                let first = tokio::select! {
                    signal = next() => signal,
                    () = late => {
                        let text = "error[time-limit]: the run took too long over what it was working out: --timeout\n";
                        let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
                        return 5;
                    }
                };
                let second = tokio::time::timeout(Duration::from_secs(10), next()).await;
                if second.is_ok() {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                if first || second.unwrap_or(false) { exit::TERMINATED.into() } else { 130 }
            });
            std::process::exit(code)
        };
        // Without a thread, signals are answered as the run lets them.
        drop(std::thread::Builder::new().name("signals".to_owned()).spawn(watching));
    }

    /// The run is over: what is left to do has no limit.
    pub(crate) fn over(&self) {
        self.over.store(true, Ordering::SeqCst);
    }

    /// The last event of a run that was terminated has the exit code of that.
    pub(crate) fn named<'e>(&self, envelope: &'e Envelope) -> Cow<'e, Envelope> {
        let mut envelope = Cow::Borrowed(envelope);
        if self.terminated.load(Ordering::SeqCst)
            && let EventKind::RunFinished { exit: 130, .. } = envelope.event.kind
            && let EventKind::RunFinished { exit, .. } = &mut envelope.to_mut().event.kind
        {
            *exit = exit::TERMINATED;
        }
        envelope
    }
}

/// The next signal; `true` if it asks to terminate.
pub(crate) async fn next() -> bool {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            return std::future::pending().await;
        };
        let mut hangup = if hangs_up() { signal(SignalKind::hangup()).ok() } else { None };
        let hung_up = async {
            match &mut hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = interrupt.recv() => false,
            _ = terminate.recv() => true,
            _ = hung_up => true,
        }
    }
    #[cfg(not(unix))]
    {
        if tokio::signal::ctrl_c().await.is_err() {
            return std::future::pending().await;
        }
        false
    }
}

/// `true` if the end of the terminal ends this command: not where it is known that nobody wants that, nor where it cannot
/// be known. Asked once, before a handler takes the place of what was there.
#[cfg(unix)]
fn hangs_up() -> bool {
    static HANGS_UP: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *HANGS_UP.get_or_init(|| {
        let status = named("/proc/self/status".as_ref(), LARGEST).unwrap_or_default();
        let status = String::from_utf8_lossy(&status);
        let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        // The first bit is the first signal.
        ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 0)
    })
}
