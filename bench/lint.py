#!/usr/bin/env python3
"""Measures `arazzo lint` beside the peer's linter on the document of `gen.py lint 100 20`; writes its part of RESULTS.md.

    python3 bench/lint.py [GEN.PY]      a few minutes with the build; without the argument, ../shared/bench/gen.py

CPU is user + system time of the process. The two take turns, and each figure is a median of 11 rounds, so that a busy
machine disturbs both alike. Standard library only.
"""
import datetime
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
GEN = sys.argv[1] if len(sys.argv) > 1 else f"{ROOT}/../shared/bench/gen.py"
TARGET = os.environ.get("CARGO_TARGET_DIR", f"{ROOT}/target")
ARAZZO = f"{TARGET}/dist/arazzo"
PEER = os.environ.get("PEER", f"{ROOT}/target/bench/respect")
ROUNDS = 11


def cpu(command):
    """CPU seconds of one process, which has to succeed."""
    null = os.open(os.devnull, os.O_WRONLY)
    actions = [(os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, null, 2)]
    environment = {**os.environ, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    _, status, used = os.wait4(os.posix_spawnp(command[0], command, environment, file_actions=actions), 0)
    os.close(null)
    if status != 0:
        raise SystemExit(f"{' '.join(command)}: exit {status}")
    return used.ru_utime + used.ru_stime


def text(*command):
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def main():
    subprocess.run(["cargo", "build", "--profile", "dist", "--locked", "-q", "--bin", "arazzo"], cwd=ROOT, check=True)
    redocly = f"{PEER}/node_modules/.bin/redocly"
    if not os.path.exists(redocly) and shutil.which("npm"):
        os.makedirs(PEER, exist_ok=True)
        open(f"{PEER}/package.json", "a").write("" if os.path.exists(f"{PEER}/package.json") else "{}")
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "@redocly/cli"], cwd=PEER, check=True)
    with tempfile.TemporaryDirectory() as folder:
        document = f"{folder}/many.yaml"
        subprocess.run([sys.executable, GEN, "lint", "100", "20", document], check=True, stdout=subprocess.DEVNULL)
        # What a key stroke in an editor costs at most: one workflow, with the start of the process.
        small = f"{folder}/one.yaml"
        subprocess.run([sys.executable, GEN, "lint", "1", "20", small], check=True, stdout=subprocess.DEVNULL)
        rows = {
            "`arazzo lint`": [ARAZZO, "lint", document],
            "`redocly lint`": [redocly, "lint", document],
            "`arazzo lint`, one workflow of 20 steps": [ARAZZO, "lint", small],
            "`redocly lint`, one workflow of 20 steps": [redocly, "lint", small],
            "`arazzo --version`": [ARAZZO, "--version"],
        }
        seconds = {name: [] for name in rows}
        for _ in range(ROUNDS):
            for name, command in rows.items():
                seconds[name].append(cpu(command))
    medians = [statistics.median(seconds[name]) for name in rows]
    ours, theirs, small, small_theirs, start = medians
    lines = [
        "## (g) Lint of 100 workflows of 20 steps",
        f"`python3 bench/lint.py` on {datetime.date.today()}, commit {text('git', 'rev-parse', '--short', 'HEAD')}, "
        f"Redocly CLI {text(redocly, '--version').split()[0]}: the document of `gen.py lint 100 20`, medians of {ROUNDS} rounds that take turns.",
        "",
        "| | CPU | ratio |",
        "|---|---|---|",
        f"| `arazzo lint` | {ours * 1000:.1f} ms | 1/{theirs / ours:.1f} |",
        f"| `redocly lint` | {theirs * 1000:.1f} ms | 1 |",
        f"| `arazzo lint`, one workflow of 20 steps | {small * 1000:.1f} ms, {start * 1000:.1f} ms of which it takes to start | 1/{small_theirs / small:.0f} |",
        f"| `redocly lint`, one workflow of 20 steps | {small_theirs * 1000:.1f} ms | 1 |",
        "",
    ]
    part = "\n".join(lines)
    path = f"{ROOT}/bench/RESULTS.md"
    results = open(path).read()
    known = re.search(r"## \(g\) Lint.*?(?=\n## |\Z)", results, re.S)
    if known:
        results = results.replace(known.group(0), part.rstrip("\n") + "\n")
    else:
        before, mark, after = results.partition("## Micro-benchmarks")
        results = before + part + "\n" + mark + after if mark else results + "\n" + part
    open(path, "w").write(results)
    print(part)


main()
