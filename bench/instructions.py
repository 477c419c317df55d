#!/usr/bin/env python3
"""Compares the instructions of this commit with those of another one, by callgrind; prints a table.

    python3 bench/instructions.py COMMIT             builds both, which takes long, and measures
    python3 bench/instructions.py --built THEN NOW   measures folders that hold `arazzo` and `measure`

Clocks say little on a busy machine; instructions are the same again to a few in a thousand. What starts with every
process is left out of a step and of a run: the difference between many and few is divided by how many more they are.
Both are built without link-time optimization and with 16 units, which is faster, and the same for both.
Standard library and valgrind only.
"""
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import run as bench

ROUNDS = 3
FEW, MANY = 10, 110
PARALLEL = 64
BUILD = {"CARGO_PROFILE_RELEASE_LTO": "off", "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16"}


def build(tree, folder):
    """Builds the command and the program that measures, and copies them out: two trees share what they depend on."""
    target = os.environ.get("CARGO_TARGET_DIR", f"{bench.ROOT}/target/instructions")
    environment = {**os.environ, **BUILD, "CARGO_TARGET_DIR": target}
    cargo = ["cargo", "build", "--release", "--locked", "-q"]
    os.makedirs(folder)
    subprocess.run([*cargo, "--bin", "arazzo"], cwd=tree, env=environment, check=True)
    shutil.copy(f"{target}/release/arazzo", folder)
    subprocess.run([*cargo, "-p", "arazzo", "--example", "measure"], cwd=tree, env=environment, check=True)
    shutil.copy(f"{target}/release/examples/measure", folder)


def count(command):
    """Instructions of a process, which has to succeed: the median of the rounds."""
    counts = []
    for _ in range(ROUNDS):
        grind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command]
        done = subprocess.run(grind, cwd=bench.ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)}\n{done.stdout[-2000:]}")
        counts.append(int(re.search(r"Collected : (\d+)", done.stdout).group(1)))
    return statistics.median(counts)


def measure(built, folder):
    """The figures of one build, by name."""
    arazzo = lambda *words: count([f"{built}/arazzo", *words])
    documents = {steps: bench.write(folder, f"chain-{steps}.yaml", bench.arazzo(
        "Chain", "items.yaml", [bench.workflow("chain", bench.chain(steps))])) for steps in (FEW, MANY)}
    planned = {steps: arazzo("run", "--dry-run", path) for steps, path in documents.items()}
    ran = {steps: arazzo("run", path) for steps, path in documents.items()}
    runs = {runs: count([f"{built}/measure", "runs", bench.API, str(runs), str(PARALLEL)]) for runs in (PARALLEL, 3 * PARALLEL)}
    each = lambda counts: round((max(counts.values()) - min(counts.values())) / (max(counts) - min(counts)))
    reference = ["run", "specs/daytona-provision.yml", "-S", bench.API, *bench.INPUTS]
    return {
        "`arazzo --version`": arazzo("--version"),
        f"`arazzo run --dry-run`, {MANY} steps": planned[MANY],
        "(b) the reference workflow, the whole process": arazzo(*reference),
        "(c) a chained step, reading and planning alone": each(planned),
        "(c) a chained step": each(ran),
        "(c) a chained step, the run alone": each(ran) - each(planned),
        "(f) a run through the library, of 64 at a time": each(runs),
    }


def main():
    with tempfile.TemporaryDirectory() as folder:
        if sys.argv[1:2] == ["--built"] and len(sys.argv) == 4:
            then, now = sys.argv[2:]
        elif len(sys.argv) == 2 and not sys.argv[1].startswith("-"):
            then, now, tree = f"{folder}/then", f"{folder}/now", f"{folder}/tree"
            subprocess.run(["git", "worktree", "add", "--detach", "-f", tree, sys.argv[1]], cwd=bench.ROOT, check=True)
            try:
                build(tree, then)
            finally:
                subprocess.run(["git", "worktree", "remove", "--force", tree], cwd=bench.ROOT, check=True)
            build(bench.ROOT, now)
        else:
            raise SystemExit(__doc__)
        bench.write(folder, "items.yaml", bench.CHAIN_API)
        server = subprocess.Popen([f"{now}/measure", "serve", str(bench.PORT)])
        try:
            time.sleep(0.5)
            before, after = measure(then, folder), measure(now, folder)
        finally:
            server.kill()
    print("| instructions | then | now | ratio |\n|---|---|---|---|")
    for name, figure in before.items():
        print(f"| {name} | {figure:,} | {after[name]:,} | {after[name] / figure:.3f} |")


if __name__ == "__main__":
    main()
