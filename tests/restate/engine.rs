//! An engine, its workers, and what is said to them.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The key of all workers.
pub(crate) const KEY: &str = "6b1f0a5d9c3e7f2846a0b8d1e5c9f3a7726b4d8e0f1a2c3b5d6e7f8091a2b3c4";

/// The time that anything may take here.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

static ONE: Mutex<()> = Mutex::new(());

/// The server, as `.ci/run` installs it; nothing, and a visible line, where there is none.
pub(crate) fn server() -> Option<PathBuf> {
    let found = std::env::var_os("ARAZZO_RESTATE_SERVER").map(PathBuf::from).filter(|path| path.is_file());
    if found.is_none() {
        assert!(std::env::var_os("ARAZZO_REQUIRE_RESTATE").is_none(), "ARAZZO_RESTATE_SERVER names no restate-server");
        eprintln!("skipped: ARAZZO_RESTATE_SERVER names no restate-server");
    }
    found
}

/// Waits until no other test has an engine.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// Asks again and again until there is an answer.
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A process that ends with the test.
pub(crate) struct Process(Child);

impl Process {
    /// Ends it as a crash does.
    pub(crate) fn kill(&mut self) {
        drop(self.0.kill());
        self.0.wait().unwrap();
    }

    /// Asks it to end, and gives its exit code.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        let sent = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status().unwrap();
        assert!(sent.success());
        self.0.wait().unwrap().code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A node of an engine.
pub(crate) struct Node {
    pub(crate) process: Process,
    pub(crate) admin: String,
    pub(crate) ingress: String,
}

/// An engine with a folder; other tests wait until it has ended.
pub(crate) struct Engine {
    pub(crate) nodes: Vec<Node>,
    folder: PathBuf,
    _one: MutexGuard<'static, ()>,
}

impl Engine {
    pub(crate) fn start() -> Option<Self> {
        Self::start_with("")
    }

    /// An engine of one node with these lines of configuration.
    pub(crate) fn start_with(more: &str) -> Option<Self> {
        Self::of(1, more)
    }

    /// An engine of several nodes.
    pub(crate) fn of(count: usize, more: &str) -> Option<Self> {
        let server = server()?;
        let one = alone();
        let folder = std::env::temp_dir().join(format!("arazzo-restate-{}-{}", std::process::id(), free_port()));
        fs::create_dir_all(&folder).unwrap();
        let mut engine = Self { nodes: vec![], folder, _one: one };
        let ports: Vec<u16> = (0..count).map(|_| free_port()).collect();
        let urls: Vec<String> = ports.iter().map(|port| format!("\"http://127.0.0.1:{port}\"")).collect();
        for (number, port) in ports.iter().enumerate() {
            let (admin, ingress) = (free_port(), free_port());
            let cluster = match count {
                1 => String::new(),
                _ => format!(
                    "auto-provision = {}\ndefault-replication = 2\ncluster-name = \"{}\"\n[metadata-client]\ntype = \"replicated\"\naddresses = [{}]\n",
                    number == 0,
                    engine.folder.file_name().unwrap().to_string_lossy(),
                    urls.join(", ")
                ),
            };
            let text = format!(
                "disable-telemetry = true\nlog-filter = \"warn,restate=info\"\nlog-disable-ansi-codes = true\ndefault-num-partitions = 4\nrocksdb-total-memory-size = \"256 MiB\"\nlisten-mode = \"tcp\"\nbind-ip = \"127.0.0.1\"\nbind-port = {port}\n{more}\n{cluster}[admin]\nbind-port = {admin}\n[ingress]\nbind-port = {ingress}\n"
            );
            let config = engine.folder.join(format!("n{number}.toml"));
            fs::write(&config, text).unwrap();
            let log = fs::File::create(engine.folder.join(format!("n{number}.log"))).unwrap();
            let mut command = Command::new(&server);
            command.args(["--no-logo", "--node-name", &format!("n{number}"), "--config-file"]).arg(&config);
            command.arg("--base-dir").arg(engine.folder.join("data")).env_clear().env("DO_NOT_TRACK", "1");
            command.stdout(log.try_clone().unwrap()).stderr(log);
            engine.nodes.push(Node {
                process: Process(command.spawn().unwrap()),
                admin: format!("http://127.0.0.1:{admin}"),
                ingress: format!("http://127.0.0.1:{ingress}"),
            });
        }
        for node in &engine.nodes {
            until("the engine is there", || {
                let admin = curl(&[&format!("{}/health", node.admin)]);
                let ingress = curl(&[&format!("{}/restate/health", node.ingress)]);
                (admin.is_some() && ingress.is_some()).then_some(())
            });
        }
        Some(engine)
    }

    pub(crate) fn admin(&self) -> &str {
        &self.nodes[0].admin
    }

    pub(crate) fn ingress(&self) -> &str {
        &self.nodes[0].ingress
    }

    /// Files for the commands.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.join("flows").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// Everything that the nodes have written to their disks.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(crate) fn log(&self) -> String {
        self.log_of(0)
    }

    pub(crate) fn log_of(&self, node: usize) -> String {
        fs::read_to_string(self.folder.join(format!("n{node}.log"))).unwrap_or_default()
    }

    /// Starts a run by the ingress; the body of the answer, or nothing if it was refused.
    pub(crate) fn call(&self, path: &str, body: &Value) -> Option<Value> {
        let url = format!("{}/{path}", self.ingress());
        let answer = curl(&["-X", "POST", &url, "-H", "content-type: application/json", "-d", &body.to_string()])?;
        Some(serde_json::from_str(&answer).unwrap_or(Value::String(answer)))
    }

    /// A command of ours, with the key.
    pub(crate) fn arazzo(&self, arguments: &[&str]) -> Command {
        let mut command = arazzo(arguments);
        command.current_dir(&self.folder);
        command
    }

    /// A worker on a port, registered.
    pub(crate) fn worker(&self, port: u16, arguments: &[&str]) -> Process {
        self.worker_with(KEY, port, arguments)
    }

    /// A worker with another key.
    pub(crate) fn worker_with(&self, key: &str, port: u16, arguments: &[&str]) -> Process {
        let listen = format!("127.0.0.1:{port}");
        let mut all = vec!["worker", "--listen", &listen, "--restate-admin", self.admin(), "--json"];
        all.extend(arguments);
        let mut command = self.arazzo(&all);
        command.env("ARAZZO_STATE_KEY", key);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        if line.is_empty() {
            let output = child.wait_with_output().unwrap();
            panic!("no worker: {}", String::from_utf8_lossy(&output.stderr));
        }
        crate::runs::checked(&line);
        let said: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(said["registered"], true, "{said}");
        Process(child)
    }

    /// A table of the engine, as JSON.
    pub(crate) fn table(&self, name: &str) -> String {
        let query = serde_json::json!({ "query": format!("select * from {name}") }).to_string();
        let url = format!("{}/query", self.admin());
        curl(&["-H", "content-type: application/json", "-H", "accept: application/json", "-d", &query, &url]).unwrap()
    }

    /// What a run does.
    pub(crate) fn status(&self, run: &str) -> Value {
        let said = curl(&["-X", "POST", &format!("{}/{run}/status", self.ingress())]).unwrap_or_default();
        serde_json::from_str(&said).unwrap_or_default()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let end = log.char_indices().rev().nth(4_000).map_or(0, |(at, _)| at);
            eprintln!("the engine said at last: {}", &log[end..]);
        }
        self.nodes.clear();
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// The command, with nothing of the environment of the tests but the key.
pub(crate) fn arazzo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_arazzo"));
    command.args(arguments).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("ARAZZO_STATE_KEY", KEY).stdin(Stdio::null());
    command
}

/// The body of an answer of a 2xx.
pub(crate) fn curl(arguments: &[&str]) -> Option<String> {
    let output =
        Command::new("curl").args(["-s", "--fail-with-body", "--max-time", "100"]).args(arguments).output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

/// What a command printed, if it ended with this code.
pub(crate) fn printed(mut command: Command, code: i32) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert_eq!(status.code(), Some(code), "{command:?}\n{stdout}\n{stderr}");
    if code == 0 { stdout } else { format!("{stdout}{stderr}") }
}

pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
