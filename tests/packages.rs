//! What people install: `packaging/test` makes packages of the built command and tries them in empty environments. The
//! tests themselves are in `packaging/tests`.

use std::process::Command;

use crate::suite::workspace_root;

#[cfg(target_os = "linux")]
#[test]
fn packages_of_the_built_command_are_installed_and_run_the_reference_workflow() {
    let is_required = std::env::var_os("ARAZZO_REQUIRE_PACKAGES").is_some();
    if Command::new("python3").arg("--version").output().is_err() {
        assert!(!is_required, "python3 is required and absent");
        eprintln!("skipped: python3 is absent, which makes packages");
        return;
    }
    let mut test = Command::new("python3");
    for name in crate::cli::Arazzo::foreign().into_iter().filter(|name| name != "ARAZZO_REQUIRE_PACKAGES") {
        test.env_remove(name);
    }
    test.arg(workspace_root().join("packaging/test")).args(["--binary", env!("CARGO_BIN_EXE_arazzo")]);
    let output = test.stdin(std::process::Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    // Tests that did not run, and why.
    for line in said.lines().filter(|line| line.contains("... skipped")) {
        eprintln!("{line}");
    }
    assert!(said.contains(" passed, 0 failed"), "{said}");
}
