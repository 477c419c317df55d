//! Ctrl-C, SIGTERM, and SIGHUP where it was not ignored when the command began (`nohup`).

use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[cfg(unix)]
use arazzo::files::{LARGEST, named};
use arazzo::{Envelope, EventKind, Interrupt};
use tokio::sync::Notify;

use crate::exit;
use crate::show::safe;
use crate::streams::{self, ColorChoice};

/// The time in which a run has to show that it can answer: else something is being worked out that does not end. Less than
/// the second within which the command ends, as docs/safety.md says.
const PATIENCE: Duration = Duration::from_millis(800);

/// The time after the first signal in which a run has to end.
const LONGEST: Duration = Duration::from_secs(10);

/// Longer than anything takes: runs side by side have limits of their own.
pub(crate) const FOREVER: Duration = Duration::from_secs(365 * 86_400);

/// Stops a run: the first signal lets a call end, the second stops at once.
#[derive(Clone, Default)]
pub(crate) struct Signals {
    pub(crate) interrupt: Interrupt,
    terminated: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
    /// The request in flight, for the message.
    flight: Arc<Mutex<Option<String>>>,
    /// Whether the run can answer: how often it was asked, and did.
    asked: Arc<AtomicU32>,
    answered: Arc<AtomicU32>,
    asking: Arc<Notify>,
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

    /// Answers for the run, between what it works out, and says what it waits for when it was stopped; never ends.
    pub(crate) async fn listen(&self, say: impl Fn(&str)) -> Infallible {
        let mut said = false;
        loop {
            let asking = self.asking.notified();
            // What is worked out on another thread is none that the run could stop.
            if !self.interrupt.is_working() {
                self.answered.store(self.asked.load(Ordering::SeqCst), Ordering::SeqCst);
            }
            if self.interrupt.count() == 1 && !std::mem::replace(&mut said, true) {
                let flight = self.flight.lock().ok().and_then(|flight| flight.clone());
                if let Some(call) = flight {
                    say(&format!("stopping: waiting up to 5 s for {call} (Ctrl-C again to quit now)"));
                }
            }
            asking.await;
        }
    }

    /// Listens for signals from now on, on a thread of its own, and ends the process where neither they nor the limit of the
    /// run can be answered, because something is being worked out: a second after either. The limit counts until
    /// [`Signals::over`].
    ///
    /// When it returns, no signal is lost any more: what comes before the run has begun stops it.
    pub(crate) fn insist(&self, limit: Duration) {
        let signals = self.clone();
        let (ready, is_ready) = std::sync::mpsc::channel::<()>();
        let watching = move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
            let code = runtime.block_on(async {
                let mut heard = Heard::new()?;
                drop(ready);
                Some(signals.wait(&mut heard, limit).await)
            });
            if let Some(code) = code {
                std::process::exit(code);
            }
        };
        // Without a thread, signals end the process as they do without us.
        if std::thread::Builder::new().name("signals".to_owned()).spawn(watching).is_ok() {
            let _ = is_ready.recv();
        }
    }

    /// Waits until the process has to end; the code with which it does.
    async fn wait(&self, heard: &mut Heard, limit: Duration) -> i32 {
        let terminates = tokio::select! {
            terminates = heard.next() => terminates,
            () = self.late(limit) => {
                tell("error[time-limit]: the run took longer than --timeout over something that it was working out");
                return 5;
            }
        };
        let code = |terminates: bool| if terminates { exit::TERMINATED.into() } else { 130 };
        self.terminated.store(terminates, Ordering::SeqCst);
        self.interrupt.stop();
        let second = tokio::select! {
            second = heard.next() => second,
            () = self.stuck() => {
                tell("error[interrupted]: the run was stopped over something that it was working out");
                return code(terminates);
            }
            () = tokio::time::sleep(LONGEST) => return code(terminates),
        };
        self.terminated.store(terminates || second, Ordering::SeqCst);
        self.interrupt.stop();
        self.asking.notify_waiters();
        tokio::time::sleep(PATIENCE).await;
        code(terminates || second)
    }

    /// Ends if the limit of the run is over, and the run does not end because of it.
    async fn late(&self, limit: Duration) {
        tokio::time::sleep(limit).await;
        self.stuck().await;
    }

    /// Ends if the run, which is not over, does not answer in time.
    async fn stuck(&self) {
        loop {
            let asked = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
            self.asking.notify_waiters();
            let until = tokio::time::Instant::now() + PATIENCE;
            while self.answered.load(Ordering::SeqCst) < asked && !self.over.load(Ordering::SeqCst) {
                if tokio::time::Instant::now() >= until {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
                self.asking.notify_waiters();
            }
            if self.over.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(PATIENCE / 4).await;
        }
    }

    /// Answers for runs that go on side by side, on a thread of its own, until it is told that they are over.
    pub(crate) fn answer<'scope>(&'scope self, scope: &'scope std::thread::Scope<'scope, '_>) -> Arc<Notify> {
        let over = Arc::new(Notify::new());
        let heard = over.clone();
        scope.spawn(move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
            runtime.block_on(async {
                tokio::select! {
                    never = self.listen(tell) => match never {},
                    () = heard.notified() => {}
                }
            });
        });
        over
    }

    /// The exit code, if a signal came.
    pub(crate) fn exit(&self) -> Option<u8> {
        let code = if self.terminated.load(Ordering::SeqCst) { exit::TERMINATED } else { exit::INTERRUPTED };
        (self.interrupt.count() > 0).then_some(code)
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

fn tell(text: &str) {
    streams::people(&format!("{text}\n"), ColorChoice::Never);
}

/// The next signal; `true` if it asks to terminate.
pub(crate) async fn next() -> bool {
    match Heard::new() {
        Some(mut heard) => heard.next().await,
        None => std::future::pending().await,
    }
}

/// The signals that end a command, from the time at which this was made.
struct Heard {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    /// Nothing where it was ignored from the start, as under `nohup`.
    #[cfg(unix)]
    hangup: Option<tokio::signal::unix::Signal>,
}

impl Heard {
    #[cfg(unix)]
    fn new() -> Option<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let (interrupt, terminate) = (signal(SignalKind::interrupt()).ok()?, signal(SignalKind::terminate()).ok()?);
        let hangup = if hangs_up() { signal(SignalKind::hangup()).ok() } else { None };
        Some(Self { interrupt, terminate, hangup })
    }

    #[cfg(not(unix))]
    fn new() -> Option<Self> {
        Some(Self {})
    }

    /// The next one; `true` if it asks to terminate.
    async fn next(&mut self) -> bool {
        #[cfg(unix)]
        {
            let hung_up = async {
                match &mut self.hangup {
                    Some(hangup) => hangup.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = self.interrupt.recv() => false,
                _ = self.terminate.recv() => true,
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
