//! A command that is watched: it ends in time, and what it takes is known.

use std::io::Read;
use std::process::Child;
use std::time::{Duration, Instant};
use std::{fs, thread};

/// What a command left behind, and how much memory it took at most, in KiB.
pub(crate) struct Ran {
    pub(crate) status: Option<i32>,
    pub(crate) text: String,
    pub(crate) peak: u64,
}

/// Waits for a command under the watchdog.
pub(crate) fn watched(mut child: Child, what: &str, watchdog: Duration) -> Ran {
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let reader = thread::spawn(move || {
        let mut text = vec![];
        out.read_to_end(&mut text).unwrap();
        text
    });
    let errors = thread::spawn(move || {
        let mut text = vec![];
        err.read_to_end(&mut text).unwrap();
        text
    });
    let (started, mut peak) = (Instant::now(), 0);
    let status = loop {
        peak = peak.max(high_water(child.id()));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if started.elapsed() > watchdog {
            child.kill().unwrap();
            panic!("{what} did not end");
        }
        thread::sleep(Duration::from_millis(2));
    };
    let mut text = String::from_utf8_lossy(&reader.join().unwrap()).into_owned();
    text.push_str(&String::from_utf8_lossy(&errors.join().unwrap()));
    Ran { status: status.code(), text, peak }
}

/// `VmHWM` of a process, in KiB; nothing where there is no `/proc`.
pub(crate) fn high_water(id: u32) -> u64 {
    // Until the command has begun, the process has the memory of the one that started it, and what that took. A process
    // that is started has the words of its starter as well, until then.
    let words = |id: &str| fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    if words(&id.to_string()) == words("self") {
        return 0;
    }
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
}
