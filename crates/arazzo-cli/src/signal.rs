//! Ctrl-C and SIGTERM.

use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use arazzo::engine::event::EventKind;
use arazzo::{Envelope, Interrupt};

use crate::exit;
use crate::show::safe;

/// Stops a run: the first signal lets a call end, the second stops at once.
#[derive(Clone, Default)]
pub(crate) struct Signals {
    pub(crate) interrupt: Interrupt,
    terminated: Arc<AtomicBool>,
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
        tokio::select! {
            _ = interrupt.recv() => false,
            _ = terminate.recv() => true,
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
