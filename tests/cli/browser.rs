//! The HTML report in a real browser: Debian's chromium, where it is there. The pages are served by a server that sees
//! every request; a page around them looks into them, because they run no scripts of their own.

use super::reports::{cases, everywhere};
use super::{Arazzo, Folder};
use crate::server::{Reply, Server};
use crate::suite::workspace_root;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

/// A browser, or a line that says that there is none.
fn chromium() -> Option<&'static str> {
    let found = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success()));
    if found.is_none() {
        eprintln!("skipped: no chromium is installed; the pages are not looked at");
    }
    found
}

/// The report of these events.
fn page(events: &str) -> String {
    let folder = Folder::new();
    folder.write("events.ndjson", events);
    Arazzo::new(["report", "events.ndjson", "html=page.html"]).cwd(folder.path()).run().exits(0);
    fs::read_to_string(folder.path().join("page.html")).unwrap()
}

/// What a look into the pages finds: what `look`, an expression over `page` (a document) and `view` (its window), says
/// of each; the requests; and what the browser's console said.
struct Seen {
    looks: Vec<Value>,
    requests: Vec<String>,
    console: Vec<String>,
}

fn look(browser: &str, pages: Vec<String>, width: u32, look: &str) -> Seen {
    let count = pages.len();
    let frames: String =
        (0..count).map(|n| format!("<iframe src=\"/page/{n}\" width={width} height=900></iframe>")).collect();
    let around = format!(
        "<!doctype html><title>clean</title><body>{frames}<pre id=seen></pre><script>
        onload = () => setTimeout(() => {{
            const seen = [...document.querySelectorAll('iframe')].map((frame) => {{
                const page = frame.contentDocument, view = frame.contentWindow;
                return {look};
            }});
            document.getElementById('seen').textContent = JSON.stringify({{ title: document.title, pwned: typeof window.pwned, seen }});
        }}, 300);
        </script>"
    );
    let served: BTreeMap<String, String> = pages
        .into_iter()
        .enumerate()
        .map(|(n, page)| (format!("/page/{n}"), page))
        .chain([("/".to_owned(), around)])
        .collect();
    let server = Server::start(move |request, _| match served.get(&request.path) {
        Some(page) => Reply::status(200).body("text/html; charset=utf-8", page.clone()),
        None => Reply::status(404),
    });
    let profile = Folder::new();
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--enable-logging=stderr", "--virtual-time-budget=20000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(server.url())
        .output()
        .unwrap();
    let dom = String::from_utf8_lossy(&output.stdout);
    let log = String::from_utf8_lossy(&output.stderr);
    let found = dom.split("<pre id=\"seen\">").nth(1).and_then(|rest| rest.split("</pre>").next()).unwrap_or_default();
    let found = found.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let found: Value = serde_json::from_str(&found).unwrap_or_else(|_| panic!("the page said nothing\n{dom}\n{log}"));
    assert_eq!(found["title"], "clean");
    assert_eq!(found["pwned"], "undefined");
    let looks = found["seen"].as_array().unwrap().clone();
    assert_eq!(looks.len(), count);
    Seen {
        looks,
        requests: server.requests().iter().map(|request| request.path.clone()).collect(),
        console: log.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect(),
    }
}

#[test]
fn pages_are_shown_without_complaints_and_fit_a_phone() {
    let Some(browser) = chromium() else { return };
    let pages: Vec<String> = cases().iter().map(|case| page(&fs::read_to_string(case).unwrap())).collect();
    for width in [390, 1280] {
        let seen = look(
            browser,
            pages.clone(),
            width,
            "{ wide: page.documentElement.scrollWidth, room: page.documentElement.clientWidth,
               font: view.getComputedStyle(page.querySelector('h1')).fontWeight,
               maps: page.querySelectorAll('svg.flow,svg.talk').length,
               open: (page.querySelectorAll('details').forEach((d) => d.open = true), page.documentElement.scrollWidth),
               ids: [...page.querySelectorAll('[href]')].filter((a) => !page.getElementById(a.getAttribute('href').slice(1))).length,
               far: [...page.querySelectorAll('*')].filter((e) => !e.closest('.wide,pre') && e.getBoundingClientRect().right > page.documentElement.clientWidth + 1).map((e) => e.outerHTML.slice(0, 120)).slice(0, 5),
               nameless: page.querySelectorAll('svg:not([aria-label]):not([aria-hidden])').length,
               heads: [...page.querySelectorAll('h1,h2,h3,h4')].map((h) => h.tagName).join('') }",
        );
        for look in &seen.looks {
            assert_eq!(look["wide"], look["room"], "scrolls sideways at {width}: {look}");
            assert_eq!(look["open"], look["room"], "scrolls sideways at {width} with all details open: {look}");
            assert_eq!(look["font"], "700", "the style sheet is not applied: {look}");
            // The flow is there twice: for wide windows and for narrow ones.
            assert_eq!(look["maps"], 3, "{look}");
            assert_eq!((&look["ids"], &look["nameless"]), (&Value::from(0), &Value::from(0)), "{look}");
            assert!(look["heads"].as_str().unwrap().starts_with("H1H2"), "{look}");
        }
        assert!(seen.console.is_empty(), "{:#?}", seen.console);
        let others: Vec<_> = seen
            .requests
            .iter()
            .filter(|path| *path != "/" && *path != "/favicon.ico" && !path.starts_with("/page/"))
            .collect();
        assert!(others.is_empty(), "{others:?}");
    }
}

/// The report of a run of these steps against the mock.
fn mocked(document: &str, more: &[&str]) -> String {
    let folder = Folder::new();
    let to = format!("html={}", folder.path().join("page.html").display());
    let document = workspace_root().join(document);
    let call = Arazzo::new(["run", document.to_str().unwrap(), "--mock", "-q", "--report", &to]).args(more);
    call.cwd(folder.path()).run();
    fs::read_to_string(folder.path().join("page.html")).unwrap()
}

#[test]
fn thirty_steps_fit_four_screens_and_no_label_is_broken() {
    let Some(browser) = chromium() else { return };
    let thirty = "tests/suite/report/thirty.arazzo.yaml";
    let pages = || vec![mocked(thirty, &[]), mocked(thirty, &["--fault", "getReport#9-=500"])];
    for (width, screen) in [(1280, 900), (390, 844)] {
        let seen = look(
            browser,
            pages(),
            width,
            // A label of one word stands in one line.
            "{ high: page.documentElement.scrollHeight,
               rows: page.querySelectorAll('details.step').length,
               flow: [...page.querySelectorAll('.wide')].filter((e) => e.querySelector('.flow')).map((e) => (e.closest('details').open = true, e.getBoundingClientRect().width - e.querySelector('svg').getBoundingClientRect().width)).filter((room) => room !== 0),
               first: page.querySelector('main section').id,
               broken: [...page.querySelectorAll('h1,h2,h3,h4,dt,dd,th,.answer,.took,summary>span')].filter((e) => e.offsetParent && !e.closest('.stacks thead') && e.children.length === 0 && !/\\s/.test(e.textContent.trim()) && e.textContent.trim()).filter((e) => { const r = page.createRange(); r.selectNodeContents(e); return new Set([...r.getClientRects()].map((one) => Math.round(one.top))).size > 1; }).map((e) => e.outerHTML.slice(0, 100)) }",
        );
        for (look, first) in seen.looks.iter().zip(["steps", "why"]) {
            assert_eq!(look["first"], first, "{look}");
            assert_eq!(look["broken"], serde_json::json!([]), "{width}: {look}");
        }
        let high = seen.looks[0]["high"].as_u64().unwrap();
        assert!(high <= 4 * screen, "{high} at {width}");
        assert_eq!(seen.looks[0]["rows"], 30, "one row a step, however often it polls");
        // The picture has the width that is there, but for what the measures round.
        let room = seen.looks[0]["flow"].as_array().unwrap().iter().filter_map(Value::as_f64);
        assert!(room.into_iter().all(|room| (-1.0..=40.0).contains(&room)), "{width}: {:?}", seen.looks[0]["flow"]);
    }
}

#[test]
fn a_poll_is_not_red_and_a_large_body_has_a_height() {
    let Some(browser) = chromium() else { return };
    let case = cases().into_iter().find(|case| case.ends_with("succeeds-after-polling.ndjson")).unwrap();
    let text = fs::read_to_string(case).unwrap();
    let large = Value::from(format!("[{}1]", "\"some text\", ".repeat(1000)));
    let events = text.lines().map(|line| {
        let mut event: Value = serde_json::from_str(line).unwrap();
        if event["type"] == "response.received" {
            event["body"] =
                serde_json::json!({ "text": large, "mediaType": "application/json", "bytes": 13_002, "cut": false });
        }
        event.to_string()
    });
    let pages = vec![page(&events.collect::<Vec<_>>().join("\n"))];
    let seen = look(
        browser,
        pages,
        1280,
        "{ red: (page.querySelectorAll('details').forEach((d) => d.open = true), [...page.querySelectorAll('main *')].filter((e) => e.classList.contains('no') || e.classList.contains('bad')).length),
           bodies: [...page.querySelectorAll('pre.body')].map((e) => e.getBoundingClientRect().height),
           coloured: page.querySelectorAll('pre.body .js').length }",
    );
    let look = &seen.looks[0];
    assert_eq!(look["red"], 0, "{look}");
    let bodies: Vec<f64> = look["bodies"].as_array().unwrap().iter().filter_map(Value::as_f64).collect();
    assert!(bodies.iter().any(|height| *height > 300.0) && bodies.iter().all(|height| *height < 420.0), "{bodies:?}");
    assert!(look["coloured"].as_u64().unwrap() > 100, "{look}");
}

#[test]
fn a_hundred_and_fifty_attacks_in_every_field_execute_nothing_and_request_nothing() {
    let text = fs::read_to_string(workspace_root().join("tests/suite/report/xss.txt")).unwrap();
    let attacks: Vec<&str> = text.lines().collect();
    assert!(attacks.len() >= 150, "{}", attacks.len());
    let events: Vec<Value> = ["retries-and-calls-workflows", "gets-no-answer"]
        .iter()
        .flat_map(|name| {
            let case = cases().into_iter().find(|case| case.file_stem().unwrap().to_str() == Some(name)).unwrap();
            let text = fs::read_to_string(case).unwrap();
            // The end of the second is the end of both.
            let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            lines.into_iter().filter(move |event| *name == "gets-no-answer" || event["type"] != "run.finished")
        })
        .collect();
    let mut pages = vec![];
    for (number, some) in attacks.chunks(15).enumerate() {
        let lines: Vec<String> = events
            .iter()
            .map(|event| {
                let mut event = event.clone();
                // Each field begins with another of them, and the same text always with the same.
                everywhere(&mut event, &|text: &str| {
                    let first = text.bytes().map(usize::from).sum::<usize>() % some.len();
                    let turned: Vec<&str> = some[first..].iter().chain(&some[..first]).copied().collect();
                    turned.join(" ") + text
                });
                event.to_string()
            })
            .collect();
        let page = page(&lines.join("\n"));
        assert!(page.len() < 2 * 1024 * 1024, "page {number} has {} bytes", page.len());
        // Without the content policy, so that nothing but the escaping holds.
        let policy = page.find("<meta http-equiv=\"Content-Security-Policy\"").unwrap();
        let end = policy + page[policy..].find('>').unwrap() + 1;
        pages.push(format!("{}{}", &page[..policy], &page[end..]));
        pages.push(page);
    }
    let Some(browser) = chromium() else { return };
    let seen = look(
        browser,
        pages,
        800,
        "{ alive: view.location.pathname.startsWith('/page/') && page.querySelectorAll('details').length,
           foreign: [...page.querySelectorAll('script,img,iframe,object,embed,link,base,form,input,video,audio,image,use,foreignObject,template,math,[style],[src],[srcset],[onerror],[onload],[autofocus]')].map((e) => e.outerHTML.slice(0, 200)),
           events: [...page.querySelectorAll('*')].filter((e) => [...e.attributes].some((a) => a.name.startsWith('on'))).length,
           links: [...page.querySelectorAll('[href]')].filter((a) => !/^#[a-z0-9]+$/.test(a.getAttribute('href'))).length }",
    );
    for look in &seen.looks {
        assert!(look["alive"].as_u64().is_some_and(|details| details > 5), "{look}");
        assert_eq!(look["foreign"].as_array().unwrap().len(), 0, "{look}");
        assert_eq!((look["events"].as_u64(), look["links"].as_u64()), (Some(0), Some(0)), "{look}");
    }
    let pwned: Vec<_> = seen.requests.iter().filter(|path| path.contains("pwned")).collect();
    assert!(pwned.is_empty(), "{pwned:?}");
}
