#!/usr/bin/env python3
"""Measures what a journal costs: (m) of bench/README.md. Prints its table.

    python3 bench/journal.py                        builds with the profile `dist`, a few minutes
    python3 bench/journal.py --built ARAZZO SERVER  measures what is built; SERVER is the example `measure`
    python3 bench/journal.py --quick ...            3 rounds of 64 runs instead of 7 of 1,280

Runs of three steps, 64 at once in one process, with and without a journal; what the journal has on the disk for a step
then; and the CPU (user + system time of the process) of one reference run. Rounds take turns and each figure is a median,
so that a busy machine disturbs all alike. Standard library only.
"""
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WORDS = sys.argv[1:]
QUICK = "--quick" in WORDS
ROUNDS, RUNS = (3, 64) if QUICK else (7, 1280)
AT_ONCE, STEPS, PORT = 64, 3, 18473
API = f"http://127.0.0.1:{PORT}/api"
KEY = "5a" * 32
INPUTS = ["-i", "apiToken=tokentoken", "-i", "volumeName=data", "-i", "snapshot=base", "-i", "mountPath=/data"]

OPENAPI = """openapi: 3.1.0
info: { title: Items, version: '1' }
paths:
  /items/{id}:
    get:
      operationId: getItem
      parameters:
        - { name: id, in: path, required: true, schema: { type: string } }
        - { name: prev, in: query, schema: { type: string } }
      responses: { '200': { description: an item } }
"""


def chain():
    """Three steps, each with a criterion and an output that the next one sends."""
    steps = []
    for number in range(1, STEPS + 1):
        before = f"$steps.s{number - 1}.outputs.token" if number > 1 else "seed"
        steps.append(f"""      - stepId: s{number}
        operationId: getItem
        parameters: [{{ name: id, in: path, value: '{number}' }}, {{ name: prev, in: query, value: {before} }}]
        successCriteria: [{{ condition: $statusCode == 200 }}]
        outputs: {{ token: $response.body#/token }}
""")
    head = "arazzo: 1.0.1\ninfo: { title: Chain, version: '1' }\n"
    sources = "sourceDescriptions: [{ name: items, url: ./items.yaml, type: openapi }]\n"
    return f"{head}{sources}workflows:\n  - workflowId: chain\n    steps:\n{''.join(steps)}"


def built():
    """The command, and the server."""
    if "--built" in WORDS:
        at = WORDS.index("--built")
        return os.path.abspath(WORDS[at + 1]), os.path.abspath(WORDS[at + 2])
    for package in (["-p", "arazzo-run"], ["-p", "arazzo", "--example", "measure"]):
        subprocess.run(["cargo", "build", "--profile", "dist", *package], cwd=ROOT, check=True)
    return f"{ROOT}/target/dist/arazzo", f"{ROOT}/target/dist/examples/measure"


def measured(command, folder):
    """Wall and CPU seconds of one process, which has to succeed."""
    null = os.open(os.devnull, os.O_WRONLY)
    errors = os.open(f"{folder}/errors.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    actions = [(os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, errors, 2)]
    environment = {**os.environ, "ARAZZO_STATE_KEY": KEY}
    began = time.monotonic()
    _, status, used = os.wait4(os.posix_spawnp(command[0], command, environment, file_actions=actions), 0)
    wall = time.monotonic() - began
    os.close(null)
    os.close(errors)
    if status != 0:
        with open(f"{folder}/errors.txt", encoding="utf-8") as text:
            raise SystemExit(f"{' '.join(command)}: status {status}\n{text.read()[-2000:]}")
    return wall, used.ru_utime + used.ru_stime


def size(journal):
    """Bytes on the disk once all of it is in one file."""
    connection = sqlite3.connect(journal)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return os.path.getsize(journal)


def main():
    arazzo, server = built()
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/items.yaml", "w", encoding="utf-8") as file:
            file.write(OPENAPI)
        with open(f"{folder}/chain.yaml", "w", encoding="utf-8") as file:
            file.write(chain())
        serving = subprocess.Popen([server, "serve", str(PORT)])
        try:
            time.sleep(1)
            table(arazzo, folder)
        finally:
            serving.kill()
            serving.wait()


def table(arazzo, folder):
    journal = f"{folder}/state/runs.db"
    kinds = {
        "no journal": [],
        "--durability process": [f"--journal={journal}", "--durability", "process"],
        "journal": [f"--journal={journal}"],
    }
    rates, cpu, bytes_a_step = {kind: [] for kind in kinds}, {kind: [] for kind in kinds}, []
    several = [arazzo, "run", f"{folder}/chain.yaml", "-S", API, "-qq", "--repeat", str(RUNS), "--jobs", str(AT_ONCE)]
    reference = [arazzo, "run", f"{ROOT}/specs/daytona-provision.yml", "-S", API, "-qq", "--loop-delay", "0", *INPUTS]
    for _ in range(ROUNDS):
        for kind, flags in kinds.items():
            for name in ("runs.db", "runs.db-wal", "runs.db-shm"):
                if os.path.exists(f"{folder}/state/{name}"):
                    os.remove(f"{folder}/state/{name}")
            if flags:
                # The tables are there.
                measured(reference + flags, folder)
                before = size(journal)
            wall, _ = measured(several + flags, folder)
            rates[kind].append(RUNS / wall)
            if flags:
                bytes_a_step.append((size(journal) - before) / (RUNS * STEPS))
            cpu[kind].append(measured(reference + flags, folder)[1])
    rate = {kind: statistics.median(all_of) for kind, all_of in rates.items()}
    used = {kind: statistics.median(all_of) for kind, all_of in cpu.items()}
    print(f"| (m) | runs/s of {STEPS} steps, {AT_ONCE} at once | share | CPU of a reference run | times |")
    print("|---|---|---|---|---|")
    for kind in kinds:
        share, times = rate[kind] / rate["no journal"], used[kind] / used["no journal"]
        print(f"| {kind} | {rate[kind]:.0f} | {share:.2f} | {used[kind] * 1000:.0f} ms | {times:.2f} |")
    print(f"\n{statistics.median(bytes_a_step):.0f} bytes a step in the journal. Aims: a share of 0.4, 2 times the CPU.")


if __name__ == "__main__":
    main()
