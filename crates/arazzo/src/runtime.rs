//! The tokio runtime that sockets and timers belong to.

use std::panic::{catch_unwind, resume_unwind};
use std::time::Duration;

use tokio::runtime::Handle;

/// Checks that what is called here can wait and use sockets.
///
/// # Errors
/// The remedy, in words.
#[cfg(feature = "http")]
pub(crate) fn available() -> Result<(), String> {
    timer()?;
    // No runtime says whether it has I/O: without it, this panics.
    let socket = || {
        let socket = std::net::UdpSocket::bind(("127.0.0.1", 0))?;
        socket.set_nonblocking(true)?;
        tokio::net::UdpSocket::from_std(socket)
    };
    match catch_unwind(socket) {
        Ok(_) => Ok(()),
        Err(_) => Err(missing("the I/O")),
    }
}

/// Checks that what is called here can wait.
///
/// # Errors
/// As [`available`].
pub(crate) fn timer() -> Result<(), String> {
    if Handle::try_current().is_err() {
        return Err(format!(
            "{ABSENT}; a run with a `Builder::transport` and a `Builder::clock` of its own needs none"
        ));
    }
    catch_unwind(|| drop(tokio::time::sleep(Duration::ZERO))).map_err(|_| missing("the timer"))
}

const ABSENT: &str =
    "this needs a tokio runtime, and none polls it: await it below `#[tokio::main]` or `Runtime::block_on`";

/// Does work that blocks on a thread that no task waits for. Dropped, it goes on to its end.
///
/// # Errors
/// The remedy, in words: there is no runtime, and so no such thread.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    if Handle::try_current().is_ok() { Ok(beside(work).await) } else { Err(ABSENT.to_owned()) }
}

/// Does work that takes long on a thread that no task waits for, or here if there is no runtime. Dropped, it goes on to
/// its end.
pub(crate) async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let Ok(runtime) = Handle::try_current() else { return work() };
    match runtime.spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        // The runtime is shut down, and polls nothing any more.
        Err(_) => std::future::pending().await,
    }
}

fn missing(what: &str) -> String {
    format!("{what} of this tokio runtime is off: build it with `enable_all`")
}
