//! Figures of this process, and how they are shown.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use arazzo::Outcome;

/// Resident memory in kB.
pub fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Open files and sockets.
pub fn files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count() - 1
}

pub fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

/// Tasks that the current runtime has.
pub fn tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

/// Milliseconds since a moment.
pub fn since(begin: Instant) -> f64 {
    begin.elapsed().as_secs_f64() * 1e3
}

/// Median, 99th percentile and maximum.
pub fn quantiles(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    match values.last() {
        None => (0., 0., 0.),
        Some(last) => (values[values.len() / 2], values[values.len() * 99 / 100], *last),
    }
}

/// How often each text was counted.
#[derive(Debug, Default)]
pub struct Counts(BTreeMap<String, u64>);

impl Counts {
    pub fn add(&mut self, text: impl Into<String>) {
        *self.0.entry(text.into()).or_default() += 1;
    }
}

/// How a run ended, in a word.
pub fn class(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Succeeded { .. } => "succeeded".to_owned(),
        Outcome::Failed { why, .. } => format!("failed:{}", why.code),
        Outcome::Stopped { why, .. } => format!("stopped:{}", why.code),
        _ => "ended".to_owned(),
    }
}

/// How a run ended, in a line.
pub fn detail(outcome: &Outcome) -> String {
    let line = match outcome {
        Outcome::Failed { why, .. } | Outcome::Stopped { why, .. } => {
            format!("{} | {} | {:?} | help {:?}", why.code, why.message, why.remarks, why.help)
        }
        other => format!("{other:?}"),
    };
    line.chars().take(300).collect()
}

/// Does some work, and says for how long another task of the same thread waited for its turn meanwhile.
pub async fn gap<T>(name: &str, work: impl Future<Output = T>) -> T {
    let stop = Arc::new(AtomicBool::new(false));
    let (worst, ticks) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (stopped, longest, count) = (stop.clone(), worst.clone(), ticks.clone());
    let ticker = tokio::spawn(async move {
        while !stopped.load(Relaxed) {
            let begin = Instant::now();
            tokio::time::sleep(Duration::from_millis(1)).await;
            longest.fetch_max(begin.elapsed().as_micros() as u64, Relaxed);
            count.fetch_add(1, Relaxed);
        }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    worst.store(0, Relaxed);
    let begin = Instant::now();
    let done = work.await;
    let took = since(begin);
    tokio::task::yield_now().await;
    tokio::time::sleep(Duration::from_millis(3)).await;
    stop.store(true, Relaxed);
    ticker.await.unwrap();
    let waited = worst.load(Relaxed) as f64 / 1e3;
    println!("{name}: {took:.1} ms; another task waited {waited:.1} ms at most ({} ticks)", ticks.load(Relaxed));
    done
}
