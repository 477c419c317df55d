//! Brokers as processes: started on free ports of this machine, ended by their ids.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server that runs until this is dropped.
pub(super) struct Broker {
    child: Child,
    pub(super) port: u16,
    /// Its files.
    pub(super) folder: PathBuf,
}

impl Broker {
    /// Starts a server, and waits until its port is open.
    pub(super) fn start(command: &mut Command, port: u16, folder: PathBuf) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut broker = Self { child, port, folder };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(broker.child.try_wait().unwrap().is_none(), "{command:?} has ended");
            assert!(started.elapsed() < Duration::from_secs(90), "{command:?} does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        broker
    }

    pub(super) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Tells it to stand still (`STOP`), or to go on (`CONT`).
    pub(super) fn signal(&self, name: &str) {
        let done = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(done.unwrap().success());
    }

    /// Ends it at once, as a crash does.
    pub(super) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A port that nobody has.
pub(super) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// A folder of its own.
pub(super) fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("arazzo-{name}-{}", crate::cli::random(12)));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// The path of a server: what a variable names, or what is installed. Nothing, after saying so, if it is absent.
pub(super) fn installed(name: &str, variable: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let found = named.or_else(|| folders.map(|folder: PathBuf| folder.join(name)).find(|file| Path::is_file(file)));
    if found.is_none() {
        assert!(std::env::var_os("ARAZZO_REQUIRE_BROKERS").is_none(), "{name} is absent, and {variable} names none");
        eprintln!("skipped: {name} is absent");
    }
    found
}
