#!/usr/bin/env python3
"""Measures runs that an engine keeps beside those of one process: (o) of bench/README.md. Prints its table.

    ARAZZO_RESTATE_SERVER=… python3 bench/engine.py                        builds with the profile `dist`
    ARAZZO_RESTATE_SERVER=… python3 bench/engine.py --built ARAZZO SERVER  measures what is built, with the feature `restate`
    ... --quick                                                            1 round of 64 runs instead of 5 of 640

Runs of three steps, 16 and 64 at once: of `arazzo run`, of `arazzo run --journal`, and of one worker of one engine, which
are started by its ingress and waited for there. The rate, the time of a step of one run (16 or 64 divided by the steps a
second), and the memory that the processes need (peak resident size). Rounds take turns and each figure is a median.
Standard library only.
"""
import concurrent.futures
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

import journal as bench

ROUNDS, RUNS = (1, 64) if bench.QUICK else (5, 640)
AT_ONCE = (16, 64)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def until(what, ask):
    """Asks again and again until something comes of it."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            if (answer := ask()) is not None:
                return answer
        except OSError:
            pass
        time.sleep(0.1)
    raise SystemExit(f"not in time: {what}")


def peak(process):
    """Bytes of memory that a process that is still there has needed at most."""
    with open(f"/proc/{process.pid}/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM"))


class Engine:
    """One node, and one worker that offers the workflow."""

    def __init__(self, arazzo, folder):
        server = os.environ.get("ARAZZO_RESTATE_SERVER") or sys.exit("ARAZZO_RESTATE_SERVER names no restate-server")
        self.folder, self.ingress, admin, worker = folder, free_port(), free_port(), free_port()
        environment = {
            **os.environ, "ARAZZO_STATE_KEY": bench.KEY, "RESTATE_DISABLE_TELEMETRY": "true", "RESTATE_LISTEN_MODE": "tcp",
            "RESTATE_INGRESS__BIND_PORT": str(self.ingress), "RESTATE_ADMIN__BIND_PORT": str(admin),
            "RESTATE_BIND_PORT": str(free_port()),
        }
        start = lambda command, log: subprocess.Popen(
            command, env=environment, stdout=open(f"{folder}/{log}", "wb"), stderr=subprocess.STDOUT)
        health = lambda port, path: lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5).status
        self.processes = {"engine": start([server, "--base-dir", f"{folder}/data", "--bind-ip", "127.0.0.1"], "engine.log")}
        until("the engine", health(admin, "/health"))
        command = [arazzo, "worker", f"{folder}/chain.yaml", "--listen", f"127.0.0.1:{worker}",
                   "--restate-admin", f"http://127.0.0.1:{admin}", "-S", bench.API]
        self.processes["worker"] = start(command, "worker.log")
        until("the worker", health(worker, "/healthz"))
        self.begun = 0

    def run(self, at_once):
        """Seconds for all runs."""
        first, self.begun = self.begun, self.begun + RUNS
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
            for result in pool.map(self.one, [range(first + start, first + RUNS, at_once) for start in range(at_once)]):
                assert result is None
        return time.monotonic() - began

    def one(self, keys):
        """Runs one after the other, by one connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ingress, timeout=120)
        for key in keys:
            connection.request("POST", f"/arazzo.chain.chain/{key}/run", "{}", {"content-type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 200 or json.loads(text).get("status") != "succeeded":
                raise SystemExit(f"run {key}: {answer.status} {text[:500]}")


def main():
    if "--built" not in bench.WORDS:
        cargo = ["cargo", "build", "--profile", "dist"]
        subprocess.run([*cargo, "-p", "arazzo-run", "--features", "restate"], cwd=bench.ROOT, check=True)
        subprocess.run([*cargo, "-p", "arazzo", "--example", "measure"], cwd=bench.ROOT, check=True)
        arazzo, server = (f"{bench.ROOT}/target/dist/{name}" for name in ("arazzo", "examples/measure"))
    else:
        arazzo, server = bench.built()
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("items.yaml", bench.OPENAPI), ("chain.yaml", bench.chain())):
            with open(f"{folder}/{name}", "w", encoding="utf-8") as file:
                file.write(text)
        serving = subprocess.Popen([server, "serve", str(bench.PORT)])
        engine = None
        try:
            until("the server", lambda: socket.create_connection(("127.0.0.1", bench.PORT), 1).close() or True)
            engine = Engine(arazzo, folder)
            table(arazzo, engine, folder)
        finally:
            for process in [serving] + ([] if engine is None else list(engine.processes.values())):
                process.kill()
                process.wait()


def table(arazzo, engine, folder):
    kinds = ("`arazzo run`", "`arazzo run --journal`", "engine and worker")
    seconds = {(kind, at_once): [] for kind in kinds for at_once in AT_ONCE}
    for _ in range(ROUNDS):
        for at_once in AT_ONCE:
            several = [arazzo, "run", f"{folder}/chain.yaml", "-S", bench.API, "-qq",
                       "--repeat", str(RUNS), "--jobs", str(at_once)]
            seconds[kinds[0], at_once].append(bench.measured(several, folder)[0])
            seconds[kinds[1], at_once].append(bench.measured([*several, f"--journal={folder}/state/runs.db"], folder)[0])
            seconds[kinds[2], at_once].append(engine.run(at_once))
    print(f"| (o) | runs/s of {bench.STEPS} steps, 16 at once | ms a step | 64 at once | ms a step | share at 64 |")
    print("|---|---|---|---|---|---|")
    rate = {key: RUNS / statistics.median(all_of) for key, all_of in seconds.items()}
    for kind in kinds:
        cells = []
        for at_once in AT_ONCE:
            cells += [f"{rate[kind, at_once]:.0f}", f"{1000 * at_once / (rate[kind, at_once] * bench.STEPS):.1f}"]
        share = rate[kind, AT_ONCE[-1]] / rate[kinds[0], AT_ONCE[-1]]
        print(f"| {kind} | {' | '.join(cells)} | {share:.3f} |")
    memory = ", ".join(f"{name} {peak(process) / 1e6:.0f} MB" for name, process in engine.processes.items())
    print(f"\nPeak memory after {engine.begun} runs: {memory}.")


if __name__ == "__main__":
    main()
