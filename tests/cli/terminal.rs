//! The command in a terminal: a pseudo-terminal that it writes to, and a screen that shows what would be seen. What a
//! screen shows at the end is a golden file, `tests/suite/terminal/*.txt`, with times masked.

mod picture;

use super::{Arazzo, Folder, PROVISION, random, root};
use crate::server::{Reply, Server, daytona, daytona_except};
use crate::tls::{Authority, Peer};
use serde_json::json;
use std::io::{Read, Write};
use std::num::NonZero;
use std::process::Child;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// A terminal with the command in it.
struct Terminal {
    pty: std::sync::Arc<pty_process::blocking::Pty>,
    child: Child,
    output: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    /// Everything that came, as it came.
    raw: String,
}

impl Terminal {
    fn start(call: Arazzo, columns: u16, rows: u16) -> Self {
        let (pty, pts) = pty_process::blocking::open().unwrap();
        pty.resize(pty_process::Size::new(rows, columns)).unwrap();
        let call = if call.env.iter().any(|(name, _)| name == "TERM") { call } else { call.env("TERM", "xterm") };
        let mut command = pty_process::blocking::Command::new(env!("CARGO_BIN_EXE_arazzo"));
        for name in Arazzo::foreign() {
            command = command.env_remove(name);
        }
        let child = command.args(&call.args).envs(call.env.clone()).current_dir(&call.cwd).spawn(pts).unwrap();
        let pty = std::sync::Arc::new(pty);
        let (sender, output) = channel();
        let reader = pty.clone();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // The end of the command is an error here.
            while let Ok(count) = (&*reader).read(&mut bytes) {
                if count == 0 || sender.send(bytes[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { pty, child, output, screen: vt100::Parser::new(size(rows), size(columns), 200), raw: String::new() }
    }

    /// Reads until this has been drawn; gives up long after any machine would have drawn it.
    fn wait_for(&mut self, text: &str) {
        for _ in 0..600 {
            if self.raw.contains(text) {
                return;
            }
            match self.output.recv_timeout(Duration::from_millis(100)) {
                Ok(bytes) => self.take(&bytes),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        panic!("`{text}` is never drawn:\n{}", self.shows());
    }

    fn take(&mut self, bytes: &[u8]) {
        self.raw.push_str(&String::from_utf8_lossy(bytes));
        self.screen.process(bytes);
    }

    fn shows(&self) -> String {
        self.screen.screen().contents()
    }

    /// Once nothing is being drawn: a terminal throws away what is on its way when Ctrl-C is pressed.
    fn press(&mut self, keys: &str) {
        while let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(40)) {
            self.take(&bytes);
        }
        (&*self.pty).write_all(keys.as_bytes()).unwrap();
    }

    fn resize(&mut self, columns: u16, rows: u16) {
        self.pty.resize(pty_process::Size::new(rows, columns)).unwrap();
        self.screen.screen_mut().set_size(size(rows), size(columns));
    }

    /// Waits for the end; the exit code, what the screen shows, and everything that was written.
    fn end(mut self) -> (Option<i32>, String, String) {
        while let Ok(bytes) = self.output.recv_timeout(Duration::from_secs(60)) {
            self.take(&bytes);
        }
        let status = self.child.wait().unwrap().code();
        let screen = self.screen.screen();
        assert!(!screen.hide_cursor(), "the cursor is hidden at the end:\n{}", self.raw);
        assert!(!screen.alternate_screen(), "another screen is left open:\n{}", self.raw);
        (status, self.shows(), self.raw)
    }
}

fn size(count: u16) -> NonZero<u16> {
    NonZero::new(count).unwrap()
}

/// Times become `0.0 s`, ports and blanks at line ends go.
fn masked(screen: &str, server: &Server) -> String {
    let time = regex::Regex::new(r"\d+(\.\d)? ?(ms|s)\b").unwrap();
    let mut text = String::new();
    let url = server.url();
    for line in screen.replace(url.trim_start_matches("http://"), "127.0.0.1:8080").lines() {
        // What stands in a column keeps its right end.
        let line = time.replace_all(line, |found: &regex::Captures<'_>| {
            let at = found.get(0).unwrap();
            let before = &line[..at.start()];
            if before.ends_with("  ") { format!("{:>width$}", "0 s", width = at.len()) } else { "0 s".to_owned() }
        });
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The golden file of this name says the same; `UPDATE=1` rewrites it.
#[track_caller]
fn expect(name: &str, found: &str) {
    let path = root().join("tests/suite/terminal").join(name).with_extension("txt");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "{name} differs\n--- expected\n{expected}\n--- found\n{found}");
}

/// The reference workflow; it looks at the volume again after `delay`.
fn provision(server: &Server, delay: &str) -> Arazzo {
    Arazzo::new(["run", PROVISION, "-S", &format!("{}/api", server.url()), "--loop-delay", delay, "-s", "apiToken"])
        .args(["-i", "volumeName=data", "-i", "snapshot=ubuntu", "-i", "mountPath=/data"])
        .env("ARAZZO_SECRET_apiToken", "secret-of-the-tests")
}

#[test]
fn a_terminal_shows_a_tree_that_is_drawn_again_and_ends_clean() {
    for (name, columns) in [("succeeds-wide", 110), ("succeeds-narrow", 40)] {
        let server = daytona(&["creating", "creating", "ready"]);
        let mut terminal = Terminal::start(provision(&server, "300ms"), columns, 30);
        terminal.wait_for("next in");
        terminal.wait_for("elapsed");
        let (status, screen, raw) = terminal.end();
        assert_eq!(status, Some(0), "{raw}");
        assert!(raw.contains("\u{1b}[?25l") && raw.contains(|c| "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏".contains(c)), "{raw}");
        assert!(!raw.contains("secret-of-the-tests") && !screen.contains("elapsed"), "{screen}");
        expect(name, &masked(&screen, &server));
    }
}

#[test]
fn a_terminal_that_changes_its_size_is_drawn_as_it_is_now() {
    let server = daytona(&["creating", "creating", "creating", "ready"]);
    let mut terminal = Terminal::start(provision(&server, "300ms"), 110, 30);
    terminal.wait_for("next in");
    terminal.resize(48, 12);
    terminal.wait_for("visit 2");
    terminal.resize(90, 20);
    let (status, screen, raw) = terminal.end();
    assert_eq!(status, Some(0), "{raw}");
    let count = |text: &str| screen.matches(text).count();
    assert_eq!((count("pollVolume"), count("createSandbox"), count("elapsed")), (1, 1, 0), "{screen}");
}

#[test]
fn a_failure_in_a_terminal_is_reported_below_the_tree() {
    let server = daytona_except(&["ready"], |request, _| {
        (request.method == "GET")
            .then(|| Reply::status(403).json(&json!({"message": "token lacks scope volumes:read"})))
    });
    let (status, screen, raw) = Terminal::start(provision(&server, "300ms"), 110, 40).end();
    assert_eq!(status, Some(1), "{raw}");
    expect("fails", &masked(&screen, &server));
}

#[test]
fn ctrl_c_in_a_terminal_gives_the_cursor_back_and_says_what_is_left() {
    let server = daytona(&["creating"]);
    let mut terminal = Terminal::start(provision(&server, "30m"), 110, 30);
    terminal.wait_for("next in");
    terminal.press("\u{3}");
    let (status, screen, raw) = terminal.end();
    assert_eq!(status, Some(130), "{raw}");
    expect("interrupted", &masked(&screen, &server));
}

#[test]
fn a_second_ctrl_c_in_a_terminal_does_not_wait_for_the_request() {
    let server = daytona_except(&["ready"], |request, _| {
        (request.path == "/api/sandbox").then(|| Reply::status(200).delay(20_000))
    });
    let mut terminal = Terminal::start(provision(&server, "300ms"), 110, 30);
    terminal.wait_for("createSandbox  POST");
    terminal.press("\u{3}");
    terminal.wait_for("waiting up to 5 s");
    terminal.press("\u{3}");
    let (status, screen, raw) = terminal.end();
    assert_eq!(status, Some(130), "{raw}");
    expect("interrupted-twice", &masked(&screen, &server));
}

#[test]
fn nothing_moves_where_it_should_not() {
    for (name, value) in [("CI", "true"), ("TERM", "dumb"), ("ARAZZO_PROGRESS", "line"), ("ARAZZO_PROGRESS", "none")] {
        let server = daytona(&["creating", "ready"]);
        let (status, screen, raw) = Terminal::start(provision(&server, "300ms").env(name, value), 110, 30).end();
        assert_eq!(status, Some(0), "{raw}");
        for sign in ["\u{1b}[?25l", "\u{1b}[K", "⠋", "✓"] {
            assert!(!raw.contains(sign), "{name}={value}: {sign:?} in\n{raw}");
        }
        assert_eq!(screen.contains("ok    createVolume"), value != "none", "{screen}");
        assert!(screen.contains("provision-volume-and-sandbox succeeded in"), "{screen}");
    }
    // Asked for where nothing can move: the same lines, each once.
    let server = daytona(&["creating", "ready"]);
    let output = provision(&server, "300ms").args(["--progress", "tree"]).run();
    output.exits(0).never_says(&["\u{1b}", "\r", "⠋", "elapsed"]);
    output.says_in_a_line(&["✓", "pollVolume", "2 visits: creating → ready"]);
}

#[test]
fn colour_is_for_terminals_that_want_it() {
    let colours = |call: fn(Arazzo) -> Arazzo| {
        let server = daytona(&["ready"]);
        let (status, _, raw) = Terminal::start(call(provision(&server, "300ms")), 110, 30).end();
        assert_eq!(status, Some(0), "{raw}");
        raw.contains("\u{1b}[1m") || raw.contains("\u{1b}[32m")
    };
    assert!(colours(|call| call));
    assert!(colours(|call| call.env("NO_COLOR", "")));
    assert!(colours(|call| call.env("NO_COLOR", "1").args(["--color", "always"])));
    assert!(!colours(|call| call.env("NO_COLOR", "1")));
    assert!(!colours(|call| call.args(["--color", "never"])));
    assert!(!colours(|call| call.env("TERM", "dumb")));
    let piped =
        |call: fn(Arazzo) -> Arazzo| call(provision(&daytona(&["ready"]), "300ms")).run().stderr.contains('\u{1b}');
    assert!(piped(|call| call.env("CLICOLOR_FORCE", "1")));
    assert!(piped(|call| call.args(["--color", "always"])));
    assert!(!piped(|call| call.env("CLICOLOR_FORCE", "0")));
    assert!(!piped(|call| call));
}

#[test]
fn what_a_server_says_can_neither_move_the_cursor_nor_forge_a_line() {
    let mark = random(8);
    let nasty = format!("x\u{1b}[2J\u{1b}]0;{mark}\u{7}\n✓ forged\r\u{202e}\u{9b}31m");
    let answer = json!({"id": nasty, "name": "data", "organizationId": "o", "state": "creating"});
    let server = daytona_except(&["ready"], move |request, _| {
        (request.method == "POST").then(|| Reply::status(200).json(&answer))
    });
    let (status, screen, raw) = Terminal::start(provision(&server, "300ms"), 200, 40).end();
    assert_eq!(status, Some(1), "{raw}");
    assert!(screen.contains(r"x\u{1b}[2J\u{1b}]0;"), "{screen}");
    assert!(!screen.lines().any(|line| line.trim_start().starts_with("✓ forged")), "{screen}");
    for sign in ["\u{1b}[2J", "\u{1b}]0", "\u{202e}", "\u{9b}"] {
        assert!(!raw.contains(sign), "{sign:?} in\n{raw}");
    }
}

#[test]
fn help_and_inspect_fit_a_narrow_terminal() {
    for args in [&["--help"][..], &["run", "-h"], &["inspect", PROVISION]] {
        let (status, screen, raw) = Terminal::start(Arazzo::new(args.iter().copied()), 40, 30).end();
        assert_eq!(status, Some(0), "{raw}");
        assert!(!screen.is_empty());
    }
}

#[test]
fn somebody_at_a_terminal_is_asked_what_a_stranger_may_do_once_for_each_host() {
    let authority = Authority::new();
    let peer = Peer::http1(authority.server(&["api.example"]));
    let folder = Folder::new();
    folder.write("ca.pem", authority.pem());
    let step = |id: &str, operation: &str| json!({ "stepId": id, "operationId": operation });
    let flow = json!({
        "arazzo": "1.0.1", "info": { "title": "Far", "version": "1" },
        "sourceDescriptions": [{ "name": "api", "url": "api.yaml", "type": "openapi" }],
        "workflows": [{ "workflowId": "main", "steps": [step("one", "get"), step("two", "get"), step("three", "make")] }],
    });
    let operation = |id: &str| json!({ "operationId": id, "responses": { "200": { "description": "ok" } } });
    let api = json!({
        "openapi": "3.1.0", "info": { "title": "Api", "version": "1" }, "servers": [{ "url": "https://api.example" }],
        "paths": { "/x": { "get": operation("get"), "post": operation("make") } },
    });
    let server = Server::start(move |request, _| match request.path.as_str() {
        "/flow.yaml" => Reply::status(200).json(&flow),
        _ => Reply::status(200).json(&api),
    });
    let port = peer.url("localhost").rsplit(':').next().unwrap().to_owned();
    let call = || {
        Arazzo::new(["run", &format!("{}/flow.yaml", server.url()), "--cacert", "ca.pem", "--progress", "line"])
            .args(["--connect-to", &format!("api.example:443:127.0.0.1:{port}")])
            .cwd(folder.path())
    };
    let host = "call api.example (GET /x, POST /x)? [y/N] ";
    let change = "let it change something: POST /x (three)? [y/N] ";
    // No, or nothing, is no.
    for answers in [["n\r", ""], ["y\r", "\r"]] {
        let mut terminal = Terminal::start(call(), 200, 30);
        for (question, answer) in [host, change].into_iter().zip(answers).filter(|(_, answer)| !answer.is_empty()) {
            terminal.wait_for(question);
            terminal.press(answer);
        }
        let (status, screen, _) = terminal.end();
        assert_eq!(status, Some(6), "{screen}");
        assert!(screen.contains("permission-refused") && screen.contains("run it: arazzo run"), "{screen}");
    }
    // Nobody is asked who does not want to be.
    for quiet in [call().args(["--no-input"]), call().env("CI", "true")] {
        let (status, screen, raw) = Terminal::start(quiet, 200, 30).end();
        assert!(status == Some(6) && !raw.contains("[y/N]"), "{screen}");
    }
    assert_eq!(peer.requests(), 0);
    let mut terminal = Terminal::start(call(), 200, 30);
    for question in [host, change] {
        terminal.wait_for(question);
        terminal.press("y\r");
    }
    let (status, screen, raw) = terminal.end();
    assert_eq!((status, peer.requests(), raw.matches("[y/N]").count()), (Some(0), 3, 2), "{screen}");
}

/// A workflow with a plain input, a number, and a secret, all of which are required.
fn asking() -> Folder {
    let folder = Folder::new();
    folder.write("api.yaml", "openapi: 3.1.0\ninfo: { title: t, version: '1' }\nservers: [{ url: 'http://127.0.0.1:9' }]\npaths:\n  /a: { post: { operationId: add, responses: { '200': { description: ok } } } }\n");
    folder.write(
        "flow.yaml",
        "arazzo: 1.0.1\ninfo: { title: t, version: '1' }\nsourceDescriptions: [{ name: api, url: api.yaml, type: openapi }]\nworkflows:\n  \
         - workflowId: w\n    inputs:\n      type: object\n      required: [name, count, password]\n      properties:\n        \
         name: { type: string, description: Who it is for }\n        count: { type: integer }\n        password: { type: string, format: password }\n    \
         steps:\n      - stepId: add\n        operationId: add\n        requestBody: { contentType: application/json, payload: { name: $inputs.name, count: $inputs.count, password: $inputs.password } }\n",
    );
    folder
}

#[test]
fn a_terminal_asks_for_inputs_that_are_missing_and_shows_the_command_that_gives_them() {
    let (folder, server) = (asking(), Server::start(|_, _| Reply::status(200)));
    let call = Arazzo::new(["run", "flow.yaml", "-S", &server.url()]).cwd(folder.path());
    let mut terminal = Terminal::start(call.clone(), 110, 40);
    terminal.wait_for("Who it is for");
    terminal.wait_for("name (string): ");
    terminal.press("Ada L\r");
    terminal.wait_for("count (integer): ");
    terminal.press("many\r");
    terminal.wait_for("must be an integer");
    terminal.press("3\r");
    terminal.wait_for("password (string): ");
    terminal.press("s3cret-of-ada\r");
    let (status, screen, raw) = terminal.end();
    assert_eq!(status, Some(0), "{raw}");
    assert!(!raw.contains("s3cret-of-ada"), "{raw}");
    let line = "--input 'name=Ada L' --input count=3 --secret password";
    assert!(screen.contains("the same without questions: arazzo run flow.yaml"), "{screen}");
    assert!(screen.replace('\n', "").contains(line), "{screen}");
    let sent: serde_json::Value = serde_json::from_slice(&server.requests()[0].body).unwrap();
    assert_eq!(sent, json!({ "name": "Ada L", "count": 3, "password": "s3cret-of-ada" }));
    // Nobody is asked where nobody would answer.
    for call in [call.clone().args(["--no-input"]), call.env("CI", "true")] {
        let (status, screen, raw) = Terminal::start(call, 110, 40).end();
        assert_eq!(status, Some(2), "{raw}");
        assert!(screen.contains("missing-input") && !screen.contains("(string):"), "{screen}");
    }
}

#[test]
fn a_terminal_shows_what_is_waited_for_and_the_path_at_sixty_columns() {
    let server = daytona(&["creating", "creating", "ready"]);
    let mut terminal = Terminal::start(provision(&server, "300ms"), 60, 30);
    terminal.wait_for("next in");
    let (status, screen, raw) = terminal.end();
    assert_eq!(status, Some(0), "{raw}");
    assert!(screen.contains("POST /api/volumes") && screen.contains("GET  /api/volumes/vol-1"), "{screen}");
    // A warning is broken between words.
    let mut said = screen.lines().filter(|line| !line.starts_with('{'));
    assert!(said.all(|line| line.chars().count() <= 60), "{screen}");
    assert!(!screen.contains("unbraced-e\nxpression"), "{screen}");
}

#[test]
#[cfg(target_os = "linux")]
fn the_user_at_a_terminal_sees_a_request_in_doubt_and_decides() {
    let (runs, server) = super::journal::killed_at(super::journal::is_sandbox);
    let call = || runs.on(Arazzo::new(["runs", "resume", &runs.only(), "--progress", "line"]));
    let sent = || server.lines().iter().filter(|line| *line == "POST /api/sandbox").count();
    let (again, fail) = ("send it (again)? [y/N] ", "let the step fail, as if there were no answer? [y/N] ");
    for (answers, expected, times) in [(&["n\r", "\r"][..], 9, 1), (&["y\r"], 0, 2)] {
        let mut terminal = Terminal::start(call(), 200, 30);
        for (question, answer) in [again, fail].into_iter().zip(answers) {
            terminal.wait_for(question);
            terminal.press(answer);
        }
        let (status, screen, raw) = terminal.end();
        assert_eq!((status, sent()), (Some(expected), times), "{screen}");
        let shown = ["createSandbox", "POST", "/api/sandbox", "\"snapshot\":\"ubuntu\""];
        assert!(shown.iter().all(|text| raw.contains(text)), "{raw}");
    }
}
