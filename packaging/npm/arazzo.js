#!/usr/bin/env node
"use strict";
// Starts the binary that npm installed for this system, and ends as it ends.
const { spawn } = require("node:child_process");
const fs = require("node:fs");

const system = `${process.platform}-${process.arch}`;

// A system with musl has no version of glibc to report.
function isMusl() {
  process.report.excludeNetwork = true;
  return !process.report.getReport().header.glibcVersionRuntime;
}

function packages() {
  if (process.platform !== "linux") return [`arazzo-${system}`];
  const both = [`arazzo-${system}`, `arazzo-${system}-musl`];
  // The binary for musl is static and runs on either; that for glibc does not. npm before 10.4 installs both.
  return isMusl() ? both.slice(1) : both;
}

function binary() {
  const file = process.platform === "win32" ? "bin/arazzo.exe" : "bin/arazzo";
  for (const name of packages()) {
    try {
      return require.resolve(`${name}/${file}`);
    } catch (error) {
      if (error.code !== "MODULE_NOT_FOUND") throw error;
    }
  }
  const known = Object.keys(require("../package.json").optionalDependencies);
  const wanted = packages().filter((name) => known.includes(name));
  console.error(
    wanted.length === 0
      ? `error: arazzo has no binary for ${system}\nhelp: build it from its source, with Rust: cargo install --locked --features restate arazzo-run`
      : `error: the package ${wanted[0]}, which has the binary for ${system}, is not installed\n` +
        `help: install without --omit=optional and --no-optional, and on the system that it is to run on`,
  );
  process.exit(127);
}

const child = spawn(binary(), process.argv.slice(2), { stdio: "inherit", windowsHide: false });

// In a terminal Ctrl-C reaches the command without our help, and twice would mean to quit at once. So it is whatever the
// streams lead to: what counts is the terminal that the process belongs to. Windows has that of a console only.
function isInTerminal() {
  if (process.platform === "win32") return true;
  try {
    fs.closeSync(fs.openSync("/dev/tty", "r"));
    return true;
  } catch {
    return false;
  }
}
process.on("SIGINT", () => { if (!isInTerminal()) child.kill("SIGINT"); });
for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));

child.on("error", (error) => {
  console.error(`error: ${child.spawnfile} does not start: ${error.message}`);
  process.exit(126);
});
child.on("exit", (code, signal) => {
  if (signal === null) process.exit(code);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
