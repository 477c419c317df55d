//! Files that documents name: which of them are read, and what is said about the others.

use std::fs;
use std::path::Path;

use crate::cli::documents::PETS;
use crate::cli::{Arazzo, Folder, Output, PROVISION, root};
use crate::server::daytona;

const FLOW: &str = "\
arazzo: 1.0.1
info: {title: Pets, version: 1.0.0}
sourceDescriptions:
- {name: pets, url: 'pets.yaml', type: openapi}
workflows:
- workflowId: look
  steps:
  - stepId: all
    operationId: listPets
";

/// What stands in the files that must not be read.
const CANARY: &str = "root:x:0:0:canary-of-the-tests";

/// `outside/` with a secret and a description, `inside/flows/flow.yaml` with the url of its source.
fn folder(url: &str) -> Folder {
    let folder = Folder::new();
    folder.write("outside/passwd", CANARY);
    folder.write("outside/pets.yaml", PETS);
    folder.write("outside/deep/pets.yaml", PETS);
    folder.write("inside/openapi/pets.yaml", PETS);
    folder.write("inside/flows/flow.yaml", FLOW.replace("pets.yaml", url));
    folder
}

fn dry_run(folder: &Folder) -> Output {
    Arazzo::new(["run", "inside/flows/flow.yaml", "--dry-run"]).cwd(folder.path()).run()
}

#[track_caller]
fn refused(output: &Output, place: &str) {
    output.exits(6).prints_nothing().says(&["error[file-refused]", place, "help:"]).never_says(&["canary"]);
}

#[test]
#[cfg(unix)]
fn a_report_without_a_path_follows_no_link() {
    use std::os::unix::fs::symlink;
    let folder = folder("../openapi/pets.yaml");
    folder.write("inside/.git", "");
    let inside = folder.path().join("inside");
    let outside = folder.path().join("outside/passwd");
    let run = || Arazzo::new(["run", "flows/flow.yaml", "--mock", "-qq", "--report", "html"]).cwd(&inside).run();
    // In the place of the file: it is replaced.
    fs::create_dir(inside.join("arazzo-report")).unwrap();
    let report = inside.join("arazzo-report/report.html");
    symlink(&outside, &report).unwrap();
    run().exits(0);
    assert_eq!(fs::read_to_string(&outside).unwrap(), CANARY);
    assert!(!fs::symlink_metadata(&report).unwrap().is_symlink());
    assert!(fs::read_to_string(&report).unwrap().contains("<html"));
    // In the place of its folder: it leaves the workspace.
    fs::remove_dir_all(inside.join("arazzo-report")).unwrap();
    fs::create_dir(folder.path().join("outside/reports")).unwrap();
    symlink(folder.path().join("outside/reports"), inside.join("arazzo-report")).unwrap();
    run().exits(7).says(&["a report could not be written", "outside"]);
    assert_eq!(fs::read_dir(folder.path().join("outside/reports")).unwrap().count(), 0);
    // One that was named goes where its user said.
    let named = Arazzo::new(["run", "flows/flow.yaml", "--mock", "-qq", "--report", "html=arazzo-report/report.html"]);
    named.cwd(&inside).run().exits(0);
    assert_eq!(fs::read_dir(folder.path().join("outside/reports")).unwrap().count(), 1);
}

#[test]
#[cfg(unix)]
fn what_is_written_to_a_folder_that_was_named_follows_no_link_in_it() {
    use std::os::unix::fs::symlink;
    let folder = folder("../openapi/pets.yaml");
    let outside = folder.path().join("outside/passwd");
    let inside = folder.path().join("inside");
    for (name, arguments) in [
        ("reports/report.html", ["run", "flows/flow.yaml", "--mock", "-qq", "--report", "html=reports"]),
        ("reports/junit.xml", ["run", "flows/flow.yaml", "--mock", "-qq", "--report", "junit=reports/"]),
    ] {
        fs::create_dir_all(inside.join("reports")).unwrap();
        symlink(&outside, inside.join(name)).unwrap();
        Arazzo::new(arguments).cwd(&inside).run().exits(0);
        assert_eq!(fs::read_to_string(&outside).unwrap(), CANARY, "{name}");
        assert!(!fs::symlink_metadata(inside.join(name)).unwrap().is_symlink(), "{name}");
    }
    symlink(&outside, inside.join("reports/arazzo-run.1")).unwrap();
    Arazzo::new(["man", "--dir", "reports"]).cwd(&inside).run().exits(0);
    assert_eq!(fs::read_to_string(&outside).unwrap(), CANARY);
    assert!(fs::read_to_string(inside.join("reports/arazzo-run.1")).unwrap().contains(".TH arazzo-run"));
    // A file that was named goes where its user said, also through a link.
    fs::remove_file(inside.join("reports/report.html")).unwrap();
    symlink(&outside, inside.join("reports/report.html")).unwrap();
    let named = ["run", "flows/flow.yaml", "--mock", "-qq", "--report", "html=reports/report.html"];
    Arazzo::new(named).cwd(&inside).run().exits(0);
    assert!(fs::read_to_string(&outside).unwrap().contains("<html"));
}

#[test]
#[cfg(unix)]
fn what_is_repaired_in_a_folder_stays_in_the_workspace() {
    use std::os::unix::fs::symlink;
    let folder = folder("../openapi/pets.yaml");
    folder.write("inside/.git", "");
    let wrong =
        FLOW.replace("operationId: listPets", "operationId: listPets\n    outputs: {a: \"$response.body#/0/id \"}");
    let outside = folder.write("outside/flow.yaml", &wrong);
    symlink(&outside, folder.path().join("inside/flows/linked.yaml")).unwrap();
    Arazzo::new(["lint", "--fix=all", "flows"]).cwd(&folder.path().join("inside")).run();
    assert_eq!(fs::read_to_string(&outside).unwrap(), wrong);
}

#[test]
fn a_source_beside_the_folder_of_the_document_is_read() {
    dry_run(&folder("../openapi/pets.yaml")).exits(0);
}

#[test]
fn files_outside_the_workspace_are_refused_however_they_are_spelt() {
    for url in [
        "../../outside/passwd",
        "../../outside/pets.yaml",
        "../../outside/nothing-is-here",
        "%2e%2e/%2E%2E/outside/passwd",
        "..%2f..%2foutside/pets.yaml",
        "../openapi/../../outside/pets.yaml",
        "file:///etc/passwd",
        "file:///proc/self/environ",
        "file:///dev/zero",
        "file://localhost/etc/passwd",
        "file://elsewhere.example/etc/passwd",
        "../../../../../../../../../../../../etc/passwd",
    ] {
        refused(&dry_run(&folder(url)), "inside/flows/flow.yaml:4:21");
    }
    let absolute = folder("/outside/pets.yaml");
    let url = absolute.path().join("outside/pets.yaml").display().to_string();
    absolute.write("inside/flows/flow.yaml", FLOW.replace("pets.yaml", &url));
    refused(&dry_run(&absolute), "inside/flows/flow.yaml:4:21");
}

#[test]
fn a_marked_folder_widens_the_workspace_and_narrows_it() {
    let wide = folder("../../outside/pets.yaml");
    wide.write("arazzo.toml", "");
    dry_run(&wide).exits(0);
    let narrow = folder("../openapi/pets.yaml");
    narrow.write("inside/flows/.git/HEAD", "");
    refused(&dry_run(&narrow), "inside/flows/flow.yaml:4:21");
}

#[test]
fn what_the_user_names_may_lie_anywhere() {
    let named = folder("https://pets.example/pets.yaml");
    Arazzo::new(["run", "inside/flows/flow.yaml", "--dry-run", "--source", "pets=outside/pets.yaml"])
        .cwd(named.path())
        .run()
        .exits(0);
    // So may the document itself, and a file for an input.
    let (server, elsewhere) = (daytona(&["ready"]), Folder::new());
    elsewhere.write("token", "the-token-of-the-tests");
    Arazzo::new(["run", &root().join(PROVISION).display().to_string()])
        .args(["-S", &format!("{}/api", server.url()), "-s", "apiToken@token", "-i", "volumeName@token"])
        .args(["-i", "snapshot=base", "-i", "mountPath=/data"])
        .cwd(elsewhere.path())
        .run()
        .exits(0);
}

#[test]
fn references_between_descriptions_obey_the_same_rule() {
    let document = |reference: &str| {
        let all = PETS.replace(
            "responses: {'200': {description: All of them}}",
            &format!("responses: {{'200': {{description: d, content: {{a/b: {{schema: {{$ref: '{reference}'}}}}}}}}}}"),
        );
        let folder = folder("../openapi/pets.yaml");
        folder.write("inside/openapi/pets.yaml", all);
        folder
    };
    for reference in ["../../outside/passwd", "file:///etc/passwd#/a", "file:///dev/zero", "../../outside/pets.yaml#/a"]
    {
        refused(&dry_run(&document(reference)), "inside/openapi/pets.yaml:8:");
    }
    // From one that was named, its own surroundings can be read.
    let named = folder("https://pets.example/pets.yaml");
    named.write(
        "outside/pets.yaml",
        PETS.replace(
            "operationId: listPets",
            "operationId: listPets\n      parameters: [{$ref: 'deep/parts.yaml#/limit'}]",
        ),
    );
    named.write("outside/deep/parts.yaml", "limit: {name: limit, in: query, schema: {type: integer}}\n");
    Arazzo::new(["run", "inside/flows/flow.yaml", "--dry-run", "--source", "pets=outside/pets.yaml"])
        .cwd(named.path())
        .run()
        .exits(0);
}

#[test]
fn another_identity_gives_no_other_rights() {
    for (own, url) in [
        ("file:///etc/flow.yaml", "passwd"),
        ("file:///proc/self/flow.yaml", "environ"),
        ("../../../outside/flow.yaml", "passwd"),
    ] {
        let document = folder(url);
        let text = fs::read_to_string(document.path().join("inside/flows/flow.yaml")).unwrap();
        let text = text.replace("arazzo: 1.0.1\n", &format!("arazzo: 1.1.0\n$self: {own}\n"));
        document.write("inside/flows/flow.yaml", text);
        refused(&dry_run(&document), "inside/flows/flow.yaml:5:21");
    }
}

#[cfg(unix)]
#[test]
fn links_that_leave_the_workspace_are_refused() {
    use std::os::unix::fs::symlink;
    for (from, to) in [
        ("inside/flows/pets.yaml", "../../outside/pets.yaml"),
        ("inside/flows/pets.yaml", "../../outside/passwd"),
        ("inside/flows/pets.yaml", "/etc/passwd"),
        ("inside/flows/pets.yaml", "/dev/zero"),
        ("inside/flows/pets.yaml", "/proc/self/environ"),
    ] {
        let linked = folder("pets.yaml");
        symlink(to, linked.path().join(from)).unwrap();
        refused(&dry_run(&linked), "inside/flows/flow.yaml:4:21");
    }
    // A linked folder is no way out either, a link inside is no fault, and one that leads in a circle ends.
    let linked = folder("there/pets.yaml");
    symlink("../../outside", linked.path().join("inside/flows/there")).unwrap();
    refused(&dry_run(&linked), "inside/flows/flow.yaml:4:21");
    let linked = folder("pets.yaml");
    symlink("../openapi/pets.yaml", linked.path().join("inside/flows/pets.yaml")).unwrap();
    dry_run(&linked).exits(0);
    let linked = folder("pets.yaml");
    symlink("pets.yaml", linked.path().join("inside/flows/pets.yaml")).unwrap();
    dry_run(&linked).exits(3);
}

/// A clone with a document, a file beside it that is nobody's business there, and what a command prints of the clone.
#[cfg(unix)]
fn clone_with(link: &str, to: &str) -> Folder {
    let folder = Folder::new();
    folder.write("credentials", CANARY);
    folder.write("clone/pets.yaml", PETS);
    folder.write("clone/flow.yaml", FLOW);
    folder.write("clone/deep/real.yaml", "cases: [{name: linked}]\n");
    folder.write("clone/deep/flow.yaml", FLOW.replace("pets.yaml", "../pets.yaml"));
    let link = folder.path().join("clone").join(link);
    fs::create_dir_all(link.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(to, link).unwrap();
    folder
}

#[cfg(unix)]
fn look_at(folder: &Folder, command: &[&str]) -> Output {
    let canary = Arazzo::new(command.iter().copied()).env("TOKEN", CANARY).cwd(&folder.path().join("clone")).run();
    canary.never_says(&["canary"]);
    canary
}

#[cfg(unix)]
#[test]
fn test_files_that_are_links_out_of_what_was_named_are_refused() {
    for (link, to) in [
        ("flow.test.yaml", "../credentials"),
        ("flow.test.yml", "/etc/passwd"),
        ("flow.test.json", "/proc/self/environ"),
        ("flow.test.yaml", "/dev/zero"),
        ("deep/flow.test.yaml", "../../credentials"),
        ("deep/flow.test.yaml", "../../clone/../credentials"),
        ("flow.test.yaml", ".git/config"),
    ] {
        let folder = clone_with(link, to);
        if to.starts_with(".git") {
            folder.write("clone/.git/config", format!("[remote]\n  url = {CANARY}\n"));
        }
        for paths in [&["test"][..], &["test", "."], &["test", "../clone"], &["test", "flow.yaml", "deep/flow.yaml"]] {
            let output = look_at(&folder, paths);
            output.exits(6).prints_nothing().says(&["error[file-refused]", link, "help: put the file itself below"]);
            output.never_says(&["root:x:"]);
        }
        // It is no document, and lint does not look at it.
        look_at(&folder, &["lint", "."]).exits(0);
    }
    // A pipe would not end, and what is there is not a document without tests.
    let folder = clone_with("other", "flow.yaml");
    let pipe = folder.path().join("clone/flow.test.yaml");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    look_at(&folder, &["test"]).exits(6).says(&["flow.test.yaml", "it is a pipe"]);
    fs::remove_file(&pipe).unwrap();
    fs::create_dir(&pipe).unwrap();
    look_at(&folder, &["test"]).exits(2).says(&["cannot read `flow.test.yaml`: it is a folder"]);
    fs::remove_dir(&pipe).unwrap();
    std::os::unix::fs::symlink("nowhere", &pipe).unwrap();
    look_at(&folder, &["test"]).exits(2).says(&["cannot read `flow.test.yaml`: no such file"]);
    fs::remove_file(&pipe).unwrap();
    fs::File::create(&pipe).unwrap().set_len((16 << 20) + 1).unwrap();
    look_at(&folder, &["test"]).exits(6).says(&["flow.test.yaml", "more than 16 MiB"]);
}

#[cfg(unix)]
#[test]
fn links_within_what_was_named_are_followed() {
    for (link, to) in [
        ("flow.test.yaml", "deep/real.yaml"),
        ("flow.test.yaml", "../clone/deep/real.yaml"),
        ("flow.test.yaml", "deep/there"),
    ] {
        let folder = clone_with(link, to);
        std::os::unix::fs::symlink("real.yaml", folder.path().join("clone/deep/there")).unwrap();
        look_at(&folder, &["test"]).exits(0).says(&["pass  flow.yaml  linked"]);
    }
    // The workspace is what holds the mark; the folder that was named may be a link itself.
    let folder = clone_with("deep/flow.test.yaml", "../real.yaml");
    folder.write("clone/real.yaml", "cases: [{name: linked}]\n");
    look_at(&folder, &["test", "deep"]).exits(6);
    folder.write("clone/.git/HEAD", "");
    look_at(&folder, &["test", "deep"]).exits(0).says(&["pass  deep/flow.yaml  linked"]);
    folder.write("clone/deep/arazzo.toml", "");
    look_at(&folder, &["test"]).exits(6);
    std::os::unix::fs::symlink("clone/deep", folder.path().join("linked")).unwrap();
    folder.write("pets.yaml", PETS);
    fs::remove_file(folder.path().join("clone/deep/arazzo.toml")).unwrap();
    fs::remove_dir_all(folder.path().join("clone/.git")).unwrap();
    fs::remove_file(folder.path().join("clone/deep/flow.test.yaml")).unwrap();
    look_at(&folder, &["test", "../linked"]).exits(0).says(&["pass  ../linked/flow.yaml"]);
}

#[cfg(unix)]
#[test]
fn what_a_folder_holds_is_read_only_where_it_was_looked_for() {
    for (link, to) in [
        ("other.yaml", "../credentials"),
        ("deep/other.json", "/proc/self/environ"),
        ("other.yml", "/etc/passwd"),
        ("deep/other.yaml", "../.git/config"),
    ] {
        let folder = clone_with(link, to);
        folder.write("clone/.git/config", format!("[remote]\n  url = {CANARY}\n"));
        let lint = look_at(&folder, &["lint", "."]);
        lint.exits(6).check(lint.stdout.contains("file-refused") && lint.stdout.contains(link), "a refusal");
        look_at(&folder, &["lint", "--only", "structure", "."]).exits(6);
        look_at(&folder, &["lint", "--fix=all", "--diff", "."]).exits(6);
        look_at(&folder, &["test"]).exits(1).says(&["error[file-refused]", link, "1 failed"]);
    }
    // What is neither a file nor a document is passed over, wherever it leads.
    for (link, to) in [("sub", "/etc"), ("sub.yaml", "/etc"), ("zero.yaml", "/dev/zero"), ("deep/up", "../..")] {
        let folder = clone_with(link, to);
        assert!(
            std::process::Command::new("mkfifo").arg(folder.path().join("clone/pipe.yaml")).status().unwrap().success()
        );
        look_at(&folder, &["lint", "."]).exits(0);
        look_at(&folder, &["test"]).exits(0).says(&["2 passed"]);
    }
    // Who names a link means it.
    let folder = clone_with("other.yaml", "../outside.yaml");
    folder.write("outside.yaml", FLOW);
    look_at(&folder, &["lint", "other.yaml"]).exits(0);
    look_at(&folder, &["test", "other.yaml"]).exits(0).says(&["1 passed"]);
}

#[cfg(unix)]
#[test]
fn the_file_of_a_project_is_that_of_its_folder() {
    for to in ["../credentials", "/proc/self/environ", "/etc/passwd", ".git/config"] {
        let folder = clone_with("arazzo.toml", to);
        folder.write("clone/.git/config", format!("[lint]\n{CANARY}\n"));
        for command in [&["lint", "."][..], &["lint", "flow.yaml"], &["lint", "deep/flow.yaml"]] {
            look_at(&folder, command).exits(6).says(&["error[file-refused]", "arazzo.toml"]);
        }
        look_at(&folder, &["lint", "--no-config", "flow.yaml"]).exits(0);
    }
    let folder = clone_with("arazzo.toml", "deep/project.toml");
    folder.write("clone/deep/project.toml", "[lint.severity]\nno-such-code = \"off\"\n");
    look_at(&folder, &["lint", "flow.yaml"]).exits(2).says(&["arazzo.toml:2: no diagnostic is called"]);
}

#[test]
fn the_document_that_a_recording_names_is_read_only_in_the_workspace() {
    let folder = folder("../openapi/pets.yaml");
    let here = |args: &[&str]| Arazzo::new(args.iter().copied()).cwd(&folder.path().join("inside")).run();
    here(&["run", "flows/flow.yaml", "--mock", "--record", "run.ndjson"]).exits(0);
    here(&["replay", "run.ndjson"]).exits(0);
    let text = fs::read_to_string(folder.path().join("inside/run.ndjson")).unwrap();
    let outside = folder.path().join("outside/passwd").display().to_string();
    for document in [outside.as_str(), "../outside/passwd", "flows/../../outside/passwd", "/etc/passwd"] {
        folder.write("inside/other.ndjson", text.replacen("flows/flow.yaml", document, 1));
        let output = here(&["replay", "other.ndjson"]);
        refused(&output, document);
        output.says(&["name it on the command line"]);
    }
    // Named, it may lie anywhere.
    folder.write("outside/flow.yaml", FLOW);
    folder.write("inside/other.ndjson", text.replacen("flows/flow.yaml", "../outside/flow.yaml", 1));
    refused(&here(&["replay", "other.ndjson"]), "../outside/flow.yaml");
    here(&["replay", "other.ndjson", "../outside/flow.yaml"]).exits(0);
    folder.write("arazzo.toml", "");
    here(&["replay", "other.ndjson"]).exits(0);
}

#[cfg(unix)]
#[test]
fn pipes_devices_and_folders_are_not_read() {
    let pipe = folder("pipe.yaml");
    let path = pipe.path().join("inside/flows/pipe.yaml");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    refused(&dry_run(&pipe), "inside/flows/flow.yaml:4:21");
    let socket = folder("socket.yaml");
    let _listener = std::os::unix::net::UnixListener::bind(socket.path().join("inside/flows/socket.yaml")).unwrap();
    refused(&dry_run(&socket), "inside/flows/flow.yaml:4:21");
    dry_run(&folder("../openapi")).exits(3).says(&["it is a folder"]);
    // As the document itself too.
    for document in ["/dev/zero", "/dev/stdin", "/proc/self/environ", &path.display().to_string()] {
        for command in [&["run"][..], &["inspect"], &["lint"], &["lint", "--only", "structure"], &["mock"]] {
            let output = Arazzo::new(command).args([document]).run();
            output.exits(6);
            let said = format!("{}{}", output.stdout, output.stderr);
            output.check(said.contains("file-refused"), "file-refused");
        }
    }
}

#[test]
fn files_that_are_too_large_are_refused_before_they_are_read() {
    let large = folder("../openapi/large.yaml");
    let file = fs::File::create(large.path().join("inside/openapi/large.yaml")).unwrap();
    file.set_len((64 << 20) + 1).unwrap();
    let output = dry_run(&large);
    refused(&output, "inside/flows/flow.yaml:4:21");
    output.says(&["more than 64 MiB"]);
    let file = fs::File::create(large.path().join("inside/flows/flow.yaml")).unwrap();
    file.set_len((16 << 20) + 1).unwrap();
    dry_run(&large).exits(6).says(&["file-refused", "more than 16 MiB"]);
    // A file for an input is bounded too, although it may be a device.
    let output = Arazzo::new(["run", PROVISION, "--mock", "-i", "volumeName@/dev/zero"]).run();
    output.exits(2).says(&["volumeName", "more than 64 MiB"]);
}

#[test]
fn the_library_reads_from_folders_that_are_named() {
    let folder = folder("../openapi/pets.yaml");
    let document = folder.path().join("inside/flows/flow.yaml");
    let refused = |builder: arazzo::Builder| builder.load_blocking().unwrap().diagnostics().has_refusals();
    assert!(refused(arazzo::open(&document)));
    assert!(!refused(arazzo::open(&document).folder(folder.path().join("inside/openapi"))));
    assert!(!refused(arazzo::open(&document).workspace(true)));
    assert!(!refused(arazzo::open(&document).source("pets", folder.path().join("outside/pets.yaml"))));
}

/// Runs the reference workflow and writes its outputs to `path`.
fn saved(folder: &Path, path: &str, echo: bool) -> Output {
    let server = crate::server::daytona_except(&["ready"], move |request, _| {
        let body = serde_json::json!({"id": "the-token-of-the-tests", "state": "started"});
        (echo && request.path == "/api/sandbox").then(|| crate::server::Reply::status(200).json(&body))
    });
    let output = Arazzo::provision_with(&server.url(), "the-token-of-the-tests").args(["-o", path]).cwd(&root());
    let _ = folder;
    output.run()
}

#[cfg(unix)]
#[test]
fn outputs_are_written_whole_and_those_with_secrets_for_their_owner_only() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = Folder::new();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let path = folder.write("outputs.json", "the old one, which is longer than the new one will be\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    saved(folder.path(), &path.display().to_string(), true).exits(0);
    assert!(fs::read_to_string(&path).unwrap().contains("the-token-of-the-tests"));
    assert_eq!(mode(&path), 0o600);
    let plain = folder.path().join("plain.json");
    saved(folder.path(), &plain.display().to_string(), false).exits(0);
    assert_ne!(mode(&plain) & 0o400, 0);
    // A link stays one, and a device stays a device.
    let link = folder.path().join("link.json");
    symlink(&plain, &link).unwrap();
    saved(folder.path(), &link.display().to_string(), true).exits(0);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(fs::read_to_string(&plain).unwrap().contains("the-token-of-the-tests"));
    saved(folder.path(), "/dev/null", false).exits(0);
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "{left:?}");
}

#[test]
fn names_from_servers_and_documents_never_become_paths() {
    let folder = Folder::new();
    let server = crate::server::daytona_except(&["ready"], |request, _| {
        let body = serde_json::json!({"id": "../../x", "state": "creating"});
        (request.method == "POST").then(|| {
            crate::server::Reply::status(200)
                .header("content-disposition", "attachment; filename=../../../x")
                .json(&body)
        })
    });
    let elsewhere = Folder::new();
    let outputs = elsewhere.path().join("out.json").display().to_string();
    let _ = Arazzo::provision(&server.url()).args(["-o", &outputs, "--max-steps", "4", "--loop-delay", "0"]).run();
    folder.write("flow.yaml", FLOW.replace("workflowId: look", "workflowId: ../../x"));
    folder.write("pets.yaml", PETS);
    Arazzo::new(["run", "flow.yaml", "--mock"]).cwd(folder.path()).run().exits(0);
    let mut left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["flow.yaml", "pets.yaml"]);
}
