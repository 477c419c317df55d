//! docs/scale.md: what its blocks of `bash` say is done, on ports that are free.

use std::process::{Command, Stdio};

use crate::engine::{alone, free_port, root, server};

/// The blocks of bash of the page, below each heading.
fn blocks(page: &str) -> Vec<(String, String)> {
    let (mut heading, mut inside, mut found) = (String::new(), false, vec![]);
    for line in page.lines() {
        match line {
            "```bash" => {
                inside = true;
                found.push((heading.clone(), String::new()));
            }
            "```" => inside = false,
            line if inside => {
                let (_, text): &mut (String, String) = found.last_mut().unwrap();
                text.push_str(line);
                text.push('\n');
            }
            line => heading = line.strip_prefix("## ").map_or(heading, str::to_owned),
        }
    }
    found
}

#[test]
fn the_page_about_scale_is_what_the_commands_do() {
    let Some(binary) = server() else { return };
    let _alone = alone();
    let page = std::fs::read_to_string(root().join("docs/scale.md")).unwrap();
    let has_nodes = std::env::var_os("ARAZZO_RESTATE_NODES").is_some_and(|nodes| nodes == "3");
    let mut text = "trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\nset -e\n".to_owned();
    let (mut commands, mut nodes) = (0, 0);
    for (heading, block) in blocks(&page) {
        if heading == "Three nodes" {
            nodes += 1;
            if !has_nodes {
                continue;
            }
            // Those of the one node make room.
            text.push_str("kill $(jobs -p); wait\nunset RESTATE_INGRESS__BIND_PORT RESTATE_ADMIN__BIND_PORT\n");
        }
        for line in block.lines().filter(|line| !line.starts_with("npm install ")) {
            commands += usize::from(line.starts_with("arazzo ") || line.starts_with("curl "));
            text.push_str(&format!("{line}\n"));
        }
    }
    assert!(commands > 12 && nodes == 1, "{commands} commands");
    text = text
        .replace("node_modules/@restatedev/restate-server-linux-x64/bin/restate-server", &binary.display().to_string());
    // The node of a single server has one more port, which the page leaves as it is.
    text = text.replace("--base-dir restate-data", &format!("--base-dir restate-data --bind-port {}", free_port()));
    let mut ports: Vec<String> = ["8080", "9070", "9080", "4010"].map(str::to_owned).to_vec();
    ports.extend((1..3).flat_map(|n| [format!("808{n}"), format!("907{n}")]).chain((0..3).map(|n| format!("512{n}"))));
    let (mut ingress, mut admin) = (0, 0);
    for port in &ports {
        let free = free_port();
        match port.as_str() {
            "8080" => ingress = free,
            "9070" => admin = free,
            _ => {}
        }
        text = text.replace(port.as_str(), &free.to_string());
    }
    if has_nodes {
        // Ports that are written with the number of the node.
        let tables = "declare -A I A N\n";
        text = text.replace("808$n", "${I[$n]}").replace("907$n", "${A[$n]}").replace("512$n", "${N[$n]}");
        let free = free_port;
        let fill: String = (0..3).map(|n| format!("I[{n}]={} A[{n}]={} N[{n}]={}\n", free(), free(), free())).collect();
        text = format!("{tables}{fill}{text}");
        let addresses =
            "addresses = [\"http://127.0.0.1:${N[0]}\", \"http://127.0.0.1:${N[1]}\", \"http://127.0.0.1:${N[2]}\"]";
        let line = text.lines().find(|line| line.starts_with("addresses = ")).unwrap().to_owned();
        text = text.replace(&line, addresses);
    }
    let folder = std::env::temp_dir().join(format!("arazzo-scale-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::os::unix::fs::symlink(root().join("examples"), folder.join("examples")).unwrap();
    let beside = std::path::Path::new(env!("CARGO_BIN_EXE_arazzo")).parent().unwrap();
    let path = format!("{}:{}", beside.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("timeout");
    shell
        .args(["300", "bash", "-x", "-c", &text])
        .current_dir(&folder)
        .stdin(Stdio::null())
        .env_clear()
        .env("PATH", path);
    shell.env("RESTATE_INGRESS__BIND_PORT", ingress.to_string()).env("RESTATE_ADMIN__BIND_PORT", admin.to_string());
    shell.env("RESTATE_DEFAULT_NUM_PARTITIONS", "4").env("RESTATE_ROCKSDB_TOTAL_MEMORY_SIZE", "256 MiB");
    let output = shell.output().unwrap();
    let logs: String = ["restate.log", "mock.log", "worker.log", "node0.log"]
        .map(|name| std::fs::read_to_string(folder.join(name)).unwrap_or_default())
        .map(|text| text.chars().take(3_000).collect::<String>())
        .concat();
    drop(std::fs::remove_dir_all(&folder));
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}\n{logs}");
    // Two results by the ingress, one by the command.
    assert_eq!(stdout.matches("\"type\":\"result\"").count(), 2, "{stdout}\n{stderr}");
    assert!(stdout.contains("arazzo.login.read-notes/order-7  succeeded"), "{stdout}\n{stderr}");
}
