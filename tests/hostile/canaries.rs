//! Secrets of every shape, sent back by a server in every encoding, on every way out of a run: none is found. A control
//! run with a value that is no secret shows that nothing else was masked.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;

use crate::cli::{Arazzo, Folder, PROVISION, random};
use crate::server::{Reply, Server, daytona_except, unreachable_url};

/// Eight shapes: a token, a JWT, a UUID, digits, base64, hexadecimal, a password with signs, and letters of the world.
fn shapes() -> Vec<String> {
    vec![
        random(24),
        format!("eyJ{}.{}.{}", random(12), random(16), random(20)),
        format!("{}-{}-{}-{}-{}", random(8), random(4), random(4), random(4), random(12)),
        random(16).bytes().map(|b| char::from(b'0' + b % 10)).collect(),
        format!("{}+/{}==", random(12), random(10)),
        random(32).bytes().map(|b| format!("{:x}", b % 16)).collect(),
        format!("p\"{}<&>'\\/ %+{}", random(8), random(8)),
        format!("schlüssel-{}-ключ", random(10)),
    ]
}

fn percent(secret: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    secret.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// The encodings in which a server may say it.
fn encodings(secret: &str) -> Vec<String> {
    let hex: String = secret.bytes().map(|b| format!("{b:02x}")).collect();
    let json = json!(secret).to_string();
    let html = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let mut all = vec![
        secret.to_owned(),
        percent(secret),
        percent(secret).to_lowercase().replace(&secret.to_lowercase(), secret),
    ];
    all.push(percent(secret).replace("%20", "+"));
    all.extend([json.trim_matches('"').to_owned(), html.clone(), html.replace('\'', "&#39;"), hex.to_uppercase(), hex]);
    // As libraries of common languages write them, and escaped again.
    let inner = json.trim_matches('"');
    all.push(serde_json::to_string(inner).unwrap().trim_matches('"').to_owned());
    all.push(inner.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"));
    all.extend([html.replace('\'', "&#039;"), html.replace('\'', "&apos;"), percent(&html), percent(&percent(secret))]);
    let component = ["%21", "%27", "%28", "%29", "%2A"].iter().zip(["!", "'", "(", ")", "*"]);
    all.push(component.fold(percent(secret), |text, (code, sign)| text.replace(code, sign)));
    all.push(secret.bytes().map(|b| format!("%{b:02X}")).collect());
    all.extend(layered(secret));
    for before in ["", "u", "us", "user:"] {
        all.push(STANDARD.encode(format!("{before}{secret}")));
        all.push(URL_SAFE_NO_PAD.encode(format!("{before}{secret}")));
    }
    all
}

/// Escapes of every character, and of those that need none: by layer, from the innermost on.
const LAYERS: [&[&str]; 12] = [
    &["u"],
    &["U"],
    &["dec"],
    &["hex"],
    &["zeros"],
    &["percent", "percent", "json"],
    &["json", "html", "percent"],
    &["html", "json", "json"],
    &["u", "json", "html"],
    &["dec", "percent", "json"],
    &["percent", "U"],
    &["html", "html", "html"],
];

fn layered(secret: &str) -> Vec<String> {
    let each = |text: &str, written: &dyn Fn(char) -> String| text.chars().map(written).collect::<String>();
    let units = |c: char| c.encode_utf16(&mut [0; 2]).to_vec();
    let layer = |text: String, layer: &&str| match *layer {
        "u" => each(&text, &|c| units(c).iter().map(|unit| format!("\\u{unit:04x}")).collect()),
        "U" => each(&text, &|c| units(c).iter().map(|unit| format!("\\u{unit:04X}")).collect()),
        "dec" => each(&text, &|c| format!("&#{};", u32::from(c))),
        "hex" => each(&text, &|c| format!("&#x{:x};", u32::from(c))),
        "zeros" => each(&text, &|c| format!("&#X0000{:X};", u32::from(c))),
        "json" => {
            let json = json!(text).to_string();
            json[1..json.len() - 1].replace('+', "\\u002B").replace('/', "\\/")
        }
        "html" => text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;").replace('+', "&plus;"),
        _ => percent(&text),
    };
    LAYERS.iter().map(|layers| layers.iter().fold(secret.to_owned(), layer)).collect()
}

/// What must be found nowhere: each encoding, and the part of each base64 that the secret alone decides.
fn traces(secret: &str) -> Vec<String> {
    let json = json!(secret).to_string();
    let hex: String = secret.bytes().map(|b| format!("{b:02x}")).collect();
    let mut traces =
        vec![secret.to_owned(), percent(secret), json.trim_matches('"').to_owned(), hex.to_uppercase(), hex];
    traces.extend(encodings(secret).into_iter().take_while(|said| !said.ends_with('=')).filter(|said| said.len() > 8));
    for before in 0..3_usize {
        let text = STANDARD.encode([vec![b'x'; before], secret.as_bytes().to_vec()].concat());
        let (from, to) = ((before * 8).div_ceil(6), (before + secret.len()) * 8 / 6);
        traces.push(text[from..to].to_owned());
        traces.push(text[from..to].replace('+', "-").replace('/', "_"));
    }
    traces
}

/// Answers of every outcome, with the secret in headers and bodies in every encoding.
fn echo(secret: &str, status: u16, state: &'static str) -> Server {
    let said = encodings(secret);
    let header = percent(secret);
    let named = format!("x-{}", header.replace('%', "_"));
    daytona_except(&["ready"], move |request, _| {
        let body =
            json!({"id": "vol-1", "state": state, "message": said.join(" "), "said": said, (said[0].clone()): 1});
        let failing = request.method == "GET";
        let answer = Reply::status(if failing { status } else { 200 }).header("x-said", &header).header(&named, "1");
        (failing || status == 200).then(|| answer.json(&body))
    })
}

const SINKS: [&[&str]; 6] = [&[], &["-v"], &["-vv"], &["-q"], &["--json"], &["--mask-outputs", "-vv"]];

fn run(url: &str, secret: &str, flags: &[&str], folder: &Folder) -> String {
    let output = Arazzo::new(["run", PROVISION, "--server", &format!("{url}/api"), "-s", "apiToken"])
        .args(["-i", "volumeName=data", "-i", "snapshot=ubuntu", "-i", "mountPath=/data", "--max-steps", "5"])
        .args(["--loop-delay", "0"])
        .args(flags)
        .env("ARAZZO_SECRET_apiToken", secret)
        .run();
    let mut text = format!("{}{}", output.stdout, output.stderr);
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        text.push_str(&String::from_utf8_lossy(&std::fs::read(entry.unwrap().path()).unwrap()));
    }
    text
}

#[test]
fn no_way_out_of_a_run_shows_a_secret_in_any_encoding() {
    for secret in shapes() {
        let hidden = |text: &str, what: &str| {
            for trace in traces(&secret) {
                assert!(!text.contains(&trace), "{what}: `{trace}` of `{secret}` in\n{text}");
            }
        };
        // Succeeds, fails, ends, is stopped by a limit.
        for (status, state) in [(200, "ready"), (403, "ready"), (200, "error"), (200, "creating")] {
            let server = echo(&secret, status, state);
            for (index, flags) in SINKS.iter().enumerate() {
                let folder = Folder::new();
                let mut flags = flags.to_vec();
                let reports: Vec<String> = ["html", "junit", "har", "md", "json"]
                    .iter()
                    .map(|form| format!("--report={form}={}", folder.path().join(form).display()))
                    .collect();
                let kept: Vec<String> = [("--output", "outputs.json"), ("--record", "run.recording")]
                    .iter()
                    .map(|(flag, name)| format!("{flag}={}", folder.path().join(name).display()))
                    .collect();
                if index == 2 {
                    flags.extend(reports.iter().chain(&kept).map(String::as_str));
                }
                let text = run(&server.url(), &secret, &flags, &folder);
                assert!(index != 2 || text.matches("‹apiToken›").count() > 20, "{text}");
                hidden(&text, &format!("{status} {state} {flags:?}"));
            }
        }
        for flags in SINKS.iter().chain(&[&["--dry-run"][..]]) {
            hidden(&run(&unreachable_url(), &secret, flags, &Folder::new()), &format!("{flags:?}"));
        }
    }
}

/// The secrets of flags, and what a replay and a look at the document say of them.
#[test]
fn credentials_of_flags_are_shown_nowhere() {
    const API: &str = "openapi: 3.1.0
info: { title: Far, version: '1' }
servers: [{ url: 'https://api.example' }]
components: { securitySchemes: { login: { type: http, scheme: basic }, token: { type: http, scheme: bearer }, key: { type: apiKey, in: query, name: key } } }
paths:
  /a: { get: { operationId: a, security: [{ login: [] }], responses: { '200': { description: ok } } } }
  /b: { get: { operationId: b, security: [{ token: [] }], responses: { '200': { description: ok } } } }
  /c: { get: { operationId: c, security: [{ key: [] }], responses: { '200': { description: ok } } } }
";
    const FLOW: &str = "arazzo: 1.0.1
info: { title: Far, version: '1' }
sourceDescriptions: [{ name: api, url: api.yaml, type: openapi }]
workflows:
  - workflowId: main
    steps: [{ stepId: a, operationId: a }, { stepId: b, operationId: b }, { stepId: c, operationId: c, successCriteria: [{ condition: $statusCode == 418 }] }]
";
    for secret in shapes().iter().filter(|secret| secret.is_ascii()) {
        let folder = Folder::new();
        folder.write("api.yaml", API);
        folder.write("flow.yaml", FLOW);
        let said = encodings(secret);
        let server = Server::start(move |_, _| Reply::status(200).json(&json!({ "said": said })));
        let record = folder.path().join("run.recording").display().to_string();
        let [login, token, key] = [format!("me:{secret}"), format!("token={secret}"), format!("key={secret}")];
        let base = ["run", "flow.yaml", "-vv", "-S", &server.url(), "-u", &login, "--auth", &token, "--auth", &key];
        let run = Arazzo::new(base).args(["--record", &record, "--report", "har=out.har"]).cwd(folder.path()).run();
        run.exits(1);
        let replayed = Arazzo::new(["replay", &record, "-vv"]).cwd(folder.path()).run();
        replayed.exits(0);
        let looked = Arazzo::new(["inspect", "flow.yaml"]).env("ARAZZO_SECRET_TOKEN", secret).cwd(folder.path()).run();
        assert_eq!(server.requests().len(), 3);
        let mut text = String::new();
        for output in [&run, &replayed, &looked] {
            text.push_str(&format!("{}{}", output.stdout, output.stderr));
        }
        for file in ["run.recording", "out.har"] {
            text.push_str(&std::fs::read_to_string(folder.path().join(file)).unwrap());
        }
        for trace in traces(secret) {
            assert!(!text.contains(&trace), "`{trace}` of `{secret}` in\n{text}");
        }
        assert!(text.matches("‹").count() > 30, "{text}");
    }
}

/// A key that is a user, headers that are said to be secrets, and what is wrong with one.
#[test]
fn keys_as_users_and_headers_of_variables_and_files_are_shown_nowhere() {
    let folder = takes();
    let said = [CANARY.to_owned(), STANDARD.encode(format!("{CANARY}:")), format!("x {CANARY}")];
    let server = Server::start(move |_, _| Reply::status(200).json(&json!({ "said": said })));
    folder.write("headers.txt", format!("X-Thing: {CANARY}\n\nX-Other: {CANARY}\n"));
    folder.write("broken.txt", format!("X-Thing: ok\n{CANARY}\n"));
    let run = |flags: &[&str]| {
        Arazzo::new(["run", "flow.yaml", "-vv", "-i", "apiToken=abcdef", "-S", &server.url()])
            .args(flags.iter().copied())
            .env("THING", CANARY)
            .env("BROKEN", &format!("{CANARY}\nx: y"))
            .cwd(folder.path())
            .run()
    };
    let key = format!("{CANARY}:");
    for flags in
        [&["-u", &key][..], &["-H", "X-Thing: env:THING"], &["-H", "@headers.txt"], &["-H", "Authorization: env:THING"]]
    {
        let output = run(flags);
        output.exits(0).never_says(&["kanarie", "q7Zt4"]);
        assert!(flags[0] == "-u" || server.requests().last().unwrap().headers.iter().any(|(_, value)| value == CANARY));
    }
    for (flags, says) in [
        (["-H", "X-Thing: env:NOT_SET"], "header `X-Thing`: its variable is not set"),
        (["-H", "X-Thing: env:kanarie-q7Zt4"], "header `X-Thing`: its variable is not set"),
        (["-H", "X-Thing: env:BROKEN"], "the value of a header has no line breaks"),
        (["-H", "@broken.txt"], "line 2 of `broken.txt`: write 'NAME: VALUE'"),
        (["-H", "@none.txt"], "--header: cannot read `none.txt`: no such file"),
    ] {
        run(&flags).exits(2).says(&[says]).never_says(&["kanarie", "q7Zt4"]);
    }
}

#[test]
fn what_is_no_secret_is_not_masked() {
    for value in shapes() {
        let server = echo(&value, 200, "ready");
        let text = run(&server.url(), &random(24), &["-vv"], &Folder::new());
        for said in encodings(&value) {
            let shown = json!(said).to_string();
            let shown = shown.trim_matches('"');
            assert!(text.contains(shown), "`{shown}` is missing in\n{text}");
        }
    }
}

#[test]
fn a_short_secret_is_said_not_to_be_masked() {
    let server = echo("abc", 403, "ready");
    let text = run(&server.url(), "abc", &[], &Folder::new());
    assert!(text.contains("short-secret") && text.contains("apiToken"), "{text}");
}

#[test]
fn outputs_are_data_unless_they_are_asked_to_be_masked() {
    let secret = random(24);
    let said = secret.clone();
    let server = daytona_except(&["ready"], move |request, _| {
        (request.path == "/api/sandbox").then(|| Reply::status(200).json(&json!({"id": said, "state": "started"})))
    });
    let plain = Arazzo::provision_with(&server.url(), &secret).run();
    plain.exits(0).says(&["secret-in-output"]);
    assert!(plain.stdout.contains(&secret));
    let masked = Arazzo::provision_with(&server.url(), &secret).args(["--mask-outputs"]).run();
    masked.exits(0);
    assert!(!masked.stdout.contains(&secret) && masked.stdout.contains("‹apiToken›"), "{}", masked.stdout);
}

/// What stands in the place of secrets here. No message has any part of it.
const CANARY: &str = "kanarie-q7Zt4-vogel";

const LOCKED: &str = "openapi: 3.1.0
info: { title: Far, version: '1' }
servers: [{ url: 'http://127.0.0.1:9' }]
components: { securitySchemes: { key: { type: apiKey, in: query, name: key } } }
paths: { /a: { get: { operationId: look, responses: { '200': { description: ok } } } } }
";

const TAKES: &str = "arazzo: 1.0.1
info: { title: Far, version: '1' }
sourceDescriptions: [{ name: api, url: api.yaml, type: openapi }]
workflows:
  - workflowId: main
    inputs: { type: object, required: [apiToken], properties: { apiToken: { type: string }, count: { type: integer }, list: { type: array } } }
    steps: [{ stepId: a, operationId: look, parameters: [{ name: Authorization, in: header, value: 'Bearer {$inputs.apiToken}' }] }]
";

fn takes() -> Folder {
    let folder = Folder::new();
    folder.write("api.yaml", LOCKED);
    folder.write("flow.yaml", TAKES);
    folder
}

/// Says what is wrong, and nothing of the canary.
#[track_caller]
fn unsaid(output: &crate::cli::Output, code: i32, says: &str) {
    output.exits(code).prints_nothing().says(&[says]);
    output.never_says(&["kanarie", "q7Zt4", "vogel", "KANARIE"]);
}

#[test]
fn no_message_about_a_command_line_shows_what_may_be_a_secret() {
    let server = "for '--server <[SOURCE=]URL>': a server is an absolute url";
    let not_shown = "may be a secret, and is not shown";
    let rows: &[(&str, i32, &str)] = &[
        // Values that are no values of their flags, however they are written.
        ("--server http://me:C@127.0.0.1:99999", 2, server),
        ("--server=http://me:C@127.0.0.1:99999", 2, server),
        ("-S http://me:C@127.0.0.1:99999", 2, server),
        ("-Shttp://me:C@127.0.0.1:99999", 2, server),
        ("-vS=http://me:C@127.0.0.1:99999", 2, server),
        ("--server api=C", 2, server),
        ("--header C", 2, "for '--header <NAME: VALUE>': write 'NAME: VALUE'"),
        ("-HC", 2, "for '--header <NAME: VALUE>'"),
        ("--header=C/d:x", 2, "the name of a header has letters, digits and hyphens"),
        ("--connect-to C", 2, "for '--connect-to <HOST1:PORT1:HOST2:PORT2>'"),
        ("--resolve=C:443:me", 2, "for '--resolve <HOST:PORT:ADDRESS>'"),
        ("--proxy gopher://me:C@h -i apiToken=abcdef", 2, "the url of the proxy is not one"),
        ("-x http:/me:C@h -i apiToken=abcdef", 2, "the url of the proxy is not one"),
        ("--server-var C", 2, "for '--server-var <[SOURCE.]NAME=VALUE>'"),
        ("--source C", 2, "for '--source"),
        ("--quiet=C", 2, "no more were expected"),
        // Blanks that were not quoted, and what was to begin with a hyphen.
        ("-H Authorization: Bearer C", 2, not_shown),
        ("-H Authorization: C", 2, "may be a secret, and is not shown"),
        ("-u me: C", 2, "may be a secret, and is not shown"),
        ("--bearer apiToken C", 2, not_shown),
        ("--bearer apiToken C C", 2, not_shown),
        ("--auth key=a C C", 2, not_shown),
        ("-s apiToken C", 2, not_shown),
        ("--bearer --C", 2, "is written '--bearer=VALUE'"),
        ("--bearer --C=C", 2, "is written '--bearer=VALUE'"),
        ("--bearer -C", 2, "is written '--bearer=VALUE'"),
        ("-u -C", 2, "is written '--user=VALUE'"),
        ("-- -u me:C", 2, not_shown),
        ("-- main --bearer C", 2, not_shown),
        ("--bearer a --bearer C", 2, "cannot be used multiple times"),
        ("--bearer a --user C --user C", 2, "cannot be used multiple times"),
        // The secret itself in the place of its name.
        ("--bearer C -i apiToken=abcdef", 2, "set ARAZZO_SECRET_NAME and write --bearer NAME"),
        ("--bearer C@C -i apiToken=abcdef", 2, "the secret of --bearer: its file cannot be read"),
        ("--bearer=C=C", 2, "the value of a secret may not stand on the command line"),
        ("--auth C", 2, "--auth takes the name of a secret, not the secret itself"),
        ("--auth C=C -i apiToken=abcdef", 2, "no source describes; security schemes: key"),
        ("--auth key.C=C -i apiToken=abcdef", 2, "no source describes; security schemes: key"),
        ("-s C", 2, "no input of the name behind --secret"),
        ("-s C=", 2, "inputs: apiToken, count, list"),
        ("-sC@C", 2, "no input of the name behind --secret"),
        ("-s apiToken=C", 2, "the value of secret `apiToken` may not stand on the command line"),
        ("-u C", 2, "write -u USER:PASSWORD"),
        ("-vuC", 2, "write -u USER:PASSWORD"),
        ("-i C", 2, "write --input NAME=VALUE"),
        ("-i count=C", 2, "input `count` must be an integer"),
        ("-i list:=[C", 2, "input `list` is not JSON"),
        ("-i {\"apiToken\":C", 2, "must be a JSON object"),
        ("--inputs {\"apiToken\":\"C\"}", 2, "a file is wanted, and these are values"),
        ("--inputs [C", 2, "a file is wanted, and these are values"),
        ("--inputs apiToken=C", 2, "it takes a file of inputs"),
    ];
    let folder = takes();
    for (flags, code, says) in rows {
        let flags = flags.replace('C', CANARY);
        let output = Arazzo::new(["run", "flow.yaml"]).args(flags.split(' ')).cwd(folder.path()).run();
        unsaid(&output, *code, says);
    }
    // What may be said is: names that are known, and those that are nearly.
    for (flags, says) in [
        ("-s apiToken", "set ARAZZO_SECRET_apiToken (or ARAZZO_SECRET_API_TOKEN), or give --secret apiToken@FILE"),
        ("-s apiTokn", "did you mean `apiToken`?"),
        ("-s apiToken@none", "secret `apiToken`: cannot read `none`: no such file"),
        ("--bearer apiToken", "secret `apiToken` has no value"),
        ("--auth ky=x -i apiToken=abcdef", "the security scheme `ky`, which no source describes; did you mean `key`?"),
        ("--timeout soon", "invalid value 'soon' for '--timeout <DURATION>'"),
        ("-s apiToken --max-step 3", "unexpected argument '--max-step' found"),
        ("mian", "has no workflow `mian`"),
        ("one two", "`two` is neither a workflow nor an input"),
    ] {
        let output = Arazzo::new(["run", "flow.yaml"]).args(flags.split(' ')).cwd(folder.path()).run();
        output.exits(2).says(&[says]);
    }
    let near = Arazzo::new(["run", "flow.yaml", "--bearer", "stagin"]).env("ARAZZO_SECRET_STAGING", CANARY);
    unsaid(&near.cwd(folder.path()).run(), 2, "did you mean `STAGING`?");
}

#[test]
fn no_message_about_other_commands_and_variables_shows_what_may_be_a_secret() {
    let folder = takes();
    for (words, code, says) in [
        ("run --bearer apiToken C", 3, "cannot read `…`: no such file"),
        ("run -u me: C flow.yaml", 3, "`…` stands behind --user, and may be a secret"),
        ("inspect -S http://h C", 3, "`…` stands behind --server"),
        ("inspect -S http://h flow.yaml C", 2, "unexpected argument '…' found"),
        ("graph flow.yaml -S http://h C", 2, "has no workflow `…`"),
        ("graph flow.yaml --server C", 2, "for '--server"),
        ("test -S http://me:C@h:99999", 2, "for '--server"),
        ("test -S http://h C", 2, "`…`: no such file"),
        ("call api.yaml look --bearer key C", 2, "`…` is no parameter"),
        ("call api.yaml --bearer key C", 2, "describes no operation `…`; operations: look"),
        ("call --bearer key C look", 3, "cannot read `…`: no such file"),
        ("call api.yaml look -u C", 2, "write -u USER:PASSWORD"),
        ("call api.yaml look --bearer C", 2, "set ARAZZO_SECRET_NAME"),
        ("call api.yaml look -S C", 2, "for '--server <URL>'"),
        ("call api.yaml look -H C", 2, "for '--header"),
        ("lint -uC flow.yaml", 2, "unexpected argument '-u' found"),
        ("--bearer C run flow.yaml", 2, "unexpected argument '--bearer' found"),
    ] {
        let words = words.replace('C', CANARY);
        unsaid(&Arazzo::new(words.split(' ')).cwd(folder.path()).run(), code, says);
    }
    for (name, value, words, says) in [
        ("ARAZZO_SERVER", "http://me:C@127.0.0.1:99999", "run flow.yaml", "the value is that of ARAZZO_SERVER"),
        ("ARAZZO_SERVER", "C", "inspect flow.yaml", "the value is that of ARAZZO_SERVER"),
        ("ARAZZO_SERVER", "api=http://me:C@h", "call api.yaml look", "one document has one server"),
        ("ARAZZO_PROXY", "gopher://me:C@h", "run flow.yaml -i apiToken=abcdef", "the url of the proxy is not one"),
        ("ARAZZO_INPUT_count", "C", "run flow.yaml -i apiToken=abcdef", "input `count` must be an integer"),
        ("ARAZZO_INPUT_list", "C", "run flow.yaml -i apiToken=abcdef", "input `list` must be an array"),
        ("ARAZZO_SECRET_count", "C", "run flow.yaml -s count", "input `count` must be an integer"),
    ] {
        let output = Arazzo::new(words.split(' ')).env(name, &value.replace('C', CANARY)).cwd(folder.path()).run();
        unsaid(&output, 2, says);
    }
    // The command that allows what a stranger needs has no value either.
    let peer = crate::tls::Peer::http1(crate::tls::Authority::self_signed(&["localhost"]));
    let url = format!("{}/flow.yaml", peer.url("localhost"));
    for secret in [CANARY.to_owned(), format!("apiToken={CANARY}"), format!("{CANARY}=")] {
        let output = Arazzo::new(["run", &url, "-s", &secret]).run();
        output.never_says(&["kanarie"]);
    }
}

#[test]
fn no_message_about_a_file_of_inputs_shows_its_text() {
    let folder = takes();
    for (file, text, says) in [
        ("in.yaml", "apiToken: \"C\n", "in.yaml:1:11"),
        ("in.yaml", "apiToken: C\napiToken: C\n", "the key `apiToken` stands twice"),
        ("in.yaml", "C: 1\nC: 2\n", "the key `…` stands twice"),
        ("in.yaml", "apiToken: !C x\n", "the tag `…` is not one of JSON's types"),
        ("in.yaml", "apiToken: *C\n", "in.yaml:1:11"),
        ("in.yaml", "apiToken: `C\n", "in.yaml:1:11"),
        ("in.yaml", "apiToken: C: C\n", "a text without quotes has no `: ` in it"),
        ("in.yaml", "C\ncount: 1\n", "this line has no `:` between a key and a value"),
        ("in.yaml", "a: 1\n---\nC: 2\n", "in.yaml:2:1"),
        ("in.yaml", "[C]\n", "`in.yaml` does not hold an object of inputs"),
        ("in.yaml", "apiToken: C\ncount: C\n", "input `count`: the value is not of type \"integer\""),
        ("in.yaml", "apiToken: [C]\n", "input `apiToken`: the value is not of type \"string\""),
        ("in.json", "{\"apiToken\": \"C\n", "in.json:1:"),
        ("in.json", "{\"apiToken\": 'C'}", "in.json:1:14"),
        ("in.json", "{\"apiToken\": \"C\", \"apiToken\": \"C\"}", "the key `apiToken` stands twice"),
        ("in.json", "{\"C\": 1, \"C\": 2}", "the key `…` stands twice"),
        ("in.toml", "apiToken = \"C\n", "not TOML yet"),
    ] {
        let text = text.replace('C', CANARY);
        folder.write(file, &text);
        let inputs = ["run", "flow.yaml", "--inputs"];
        unsaid(&Arazzo::new(inputs).args([file]).cwd(folder.path()).run(), 2, says);
        if file == "in.yaml" {
            let says = says.replace("in.yaml", "stdin");
            let says = if says.starts_with('`') { "does not hold an object of inputs" } else { &says };
            unsaid(&Arazzo::new(inputs).args(["-"]).stdin(&text).cwd(folder.path()).run(), 2, says);
        }
        for flag in ["-i", "-s"] {
            let output = Arazzo::new(["run", "flow.yaml", flag, &format!("count@{file}")]).cwd(folder.path()).run();
            unsaid(&output, 2, "input `count` must be an integer");
        }
        let output = Arazzo::new(["run", "flow.yaml", "-i", &format!("list:=@{file}")]).cwd(folder.path()).run();
        output.exits(2).never_says(&["kanarie"]);
    }
    folder.write("in.yaml", [b"\xff", CANARY.as_bytes()].concat());
    unsaid(&Arazzo::new(["run", "flow.yaml", "--inputs", "in.yaml"]).cwd(folder.path()).run(), 2, "is not text");
}

#[test]
fn no_message_about_a_test_file_shows_its_text() {
    let folder = takes();
    folder.write("flow.yaml", format!("{TAKES}    outputs: {{ said: $inputs.apiToken }}\n"));
    for (text, code, says) in [
        ("cases:\n- {name: a, secrets: {apiToken: \"C}}\n", 3, "flow.test.yaml:2:33"),
        ("cases:\n- {name: a, secrets: {apiToken: C, apiToken: C}}\n", 3, "flow.test.yaml:2:54"),
        ("cases:\n- {name: a, inputs: {apiToken: !C x}}\n", 3, "the tag `…` is not one of JSON's types"),
        ("cases:\n- {name: a, secrets: {apiToken: *C}}\n", 3, "flow.test.yaml:2:33"),
        ("cases:\n- {name: a, secrets: C, inputs: [C]}\n", 3, "`secrets` is an object, not a string"),
        ("cases:\n- {name: a, screts: {apiToken: C}}\n", 3, "did you mean `secrets`?"),
        ("cases:\n- {name: a, secrets: {apiToken: C, count: C}}\n", 1, "input `count`: the value is not of type"),
        ("cases:\n- {name: a, name: b, secrets: {apiToken: C}}\n", 3, "the key `name` stands twice"),
        // What a run gives back of it is masked as in events.
        (
            "cases:\n- {name: a, secrets: {apiToken: C}, expect: {outputs: {said: D}}}\n",
            1,
            "expected \"D\", is \"‹apiToken›\"",
        ),
        ("cases:\n- {name: a, secrets: {apiToken: C}, expect: {exactOutputs: {said: [C]}}}\n", 1, "is \"‹apiToken›\""),
        (
            "cases:\n- {name: a, secrets: {apiToken: C}, expect: {requests: [{url: C}]}}\n",
            1,
            "another end than ‹apiToken›",
        ),
    ] {
        folder.write("flow.test.yaml", text.replace('C', CANARY));
        unsaid(&Arazzo::new(["test"]).cwd(folder.path()).run(), code, says);
    }
}

#[test]
fn a_password_in_the_url_of_a_server_is_shown_nowhere() {
    let folder = takes();
    let given = ["-i", "apiToken=abcdef"];
    let commands: [&[&str]; 10] = [
        &["run", "flow.yaml", "--dry-run"],
        &["run", "flow.yaml", "--dry-run", "--json"],
        &["run", "flow.yaml", "-vv"],
        &["run", "flow.yaml", "--json"],
        &["run", "flow.yaml", "--report", "html=r/h.html", "--report", "har=r/h.har", "--report", "md=r/h.md"],
        &["run", "flow.yaml", "--record", "r/run.ndjson", "--report", "junit=r/j.xml", "--report", "json=r/j.json"],
        &["run", "flow.yaml", "--mock"],
        &["inspect", "flow.yaml"],
        &["inspect", "flow.yaml", "--json"],
        &["graph", "flow.yaml"],
    ];
    // A password, a short one, a token as the user, a token before a word that stands for no password, and an escaped one.
    for (info, shown) in [
        (format!("me:{CANARY}"), "me:‹password›@"),
        (CANARY.to_owned(), "‹urlUser›@"),
        (format!("{CANARY}:"), "‹urlUser›@"),
        (format!("{CANARY}:x-oauth-basic"), "‹urlUser›:x-oauth-basic@"),
        (format!("me:%6b{}", &CANARY[1..]), "me:‹password›@"),
    ] {
        let url = format!("http://{info}@127.0.0.1:9");
        for command in commands {
            let inputs = if command[0] == "run" { &given[..] } else { &[] };
            let typed = ["-S", &url].into_iter().chain(inputs.iter().copied());
            let calls = [
                Arazzo::new(command.iter().copied()).args(typed),
                Arazzo::new(command.iter().copied()).args(inputs.iter().copied()).env("ARAZZO_SERVER", &url),
            ];
            for call in calls {
                std::fs::create_dir_all(folder.path().join("r")).unwrap();
                let output = call.cwd(folder.path()).run();
                let mut text = format!("{}{}", output.stdout, output.stderr);
                for entry in std::fs::read_dir(folder.path().join("r")).unwrap() {
                    text.push_str(&std::fs::read_to_string(entry.unwrap().path()).unwrap());
                }
                for trace in [CANARY, &CANARY[1..], "q7Zt4"] {
                    output.check(!text.contains(trace), &format!("no `{trace}`"));
                }
                if command.contains(&"--dry-run") {
                    output.exits(0).check(output.stdout.contains(shown), shown);
                }
            }
        }
    }
    let short = Arazzo::new(["run", "flow.yaml", "--json", "-i", "apiToken=abcdef", "-S", "http://me:q7@127.0.0.1:9"]);
    short.cwd(folder.path()).run().never_says(&["q7"]);
    // A description may have one, and a document the url of a description.
    let ftp = format!("ftp://me:{CANARY}@h/x");
    for (file, text) in [
        ("api.yaml", LOCKED.replace("http://127.0.0.1:9", &format!("http://me:{CANARY}@127.0.0.1:9"))),
        ("api.yaml", LOCKED.replace("http://127.0.0.1:9", &ftp)),
        ("flow.yaml", TAKES.replace("url: api.yaml", &format!("url: '{ftp}'"))),
        ("flow.yaml", TAKES.replace("url: api.yaml", &format!("url: 'https://me:{CANARY}@127.0.0.1:9/x'"))),
        ("flow.yaml", TAKES.replace("url: api.yaml", &format!("url: 'https://{CANARY}@127.0.0.1:9/x'"))),
    ] {
        let folder = takes();
        folder.write(file, text);
        for command in [&["lint"][..], &["lint", "--json"], &["lint", "--format", "sarif"], &["inspect"], &["run"]] {
            let output = Arazzo::new(command.iter().copied()).args(["flow.yaml"]).cwd(folder.path()).run();
            output.never_says(&["kanarie", "q7Zt4"]);
        }
    }
}
