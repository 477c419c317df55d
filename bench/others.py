#!/usr/bin/env python3
"""Measures the reference workflow and chained steps beside every runner that a registry has; writes its part of RESULTS.md.

    python3 bench/others.py           installs them into target/bench, builds, measures: half an hour, most of it builds
    ARAZZO=… MEASURE=… ROAS=… python3 bench/others.py       with binaries that are there; one that is not is left out
    python3 bench/others.py --quick   3 rounds instead of 11, and nothing is written

Each gets the first form of a document that it ends with as many requests as are written in it: the plain copy of
bench/run.py, or the same with bare operation ids, both with the server of this bench in the OpenAPI documents, since not
every runner can be given another one. A table has the runners with such a form. CPU is user + system time
of the process; the rows take turns. Standard library only.
"""
import collections
import datetime
import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

import run as bench

ARAZZO = os.environ.get("ARAZZO", bench.ARAZZO)
MEASURE = os.environ.get("MEASURE", bench.MEASURE)
PLACE = f"{bench.ROOT}/target/bench"
VALUES = {"apiToken": "tokentoken", "volumeName": "data", "snapshot": "base", "mountPath": "/data"}


def from_pypi(package):
    """The command of a package of PyPI, in an environment of its own; nothing where it cannot be installed."""
    folder = f"{PLACE}/{package}"
    command = f"{folder}/bin/{package}"
    if not os.path.exists(command):
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([f"{folder}/bin/pip", "install", "--quiet", package])
    return command if os.path.exists(command) else None


def from_crates(package, binary):
    """The command of a package of crates.io, built with its own profile."""
    given = os.environ.get(binary.upper())
    command = given or f"{PLACE}/{package}/bin/{binary}"
    if not given and not os.path.exists(command):
        subprocess.run(["cargo", "install", "--quiet", "--locked", package, "--root", f"{PLACE}/{package}"])
    return command if os.path.exists(command) else None


def runners():
    """Name → (version, command of a document with a workflow and inputs)."""
    found = {"arazzo": (said(ARAZZO, "--version"), lambda path, name, values: [ARAZZO, "run", path, "-q", *flags("-i", values)])}
    redocly = bench.peer()
    if redocly:
        found["Respect"] = (said(redocly, "--version"), lambda path, name, values: [redocly, "respect", path, *flags("-i", values)])
    runner = from_pypi("arazzo-runner")
    if runner:
        found["arazzo-runner"] = (installed(runner, "arazzo-runner"), lambda path, name, values: [
            runner, "execute-workflow", path, "--workflow-id", name, "--inputs", json.dumps(values)])
    executor = from_pypi("arazzo-exec")
    if executor:
        found["arazzo-exec"] = (installed(executor, "arazzo-exec"), lambda path, name, values: [
            executor, "run", path, "--workflow", name, "--input", written(path, values)])
    roas = from_crates("roas-cli", "roas")
    if roas:
        found["roas"] = (said(roas, "--version"), lambda path, name, values: [roas, "arazzo", "run", path, "--workflow", name, *flags("--input", values)])
    return found


def written(path, values):
    """A file with the inputs, beside the document."""
    return bench.write(os.path.dirname(path), f"{os.path.basename(path)}.inputs.json", json.dumps(values))


def flags(flag, values):
    return [word for name, value in values.items() for word in (flag, f"{name}={value}")]


def said(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=QUIET)
    return (re.findall(r"\d+\.\d+\S*", done.stdout) or ["?"])[0]


def installed(command, package):
    python = os.path.join(os.path.dirname(command), "python")
    return said(python, "-c", f"import importlib.metadata as m; print(m.version('{package}'))")


QUIET = {**os.environ, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "NO_COLOR": "1"}


def documents(folder):
    """Label → (paths of its forms, workflow, inputs, requests)."""
    os.makedirs(f"{folder}/specs")
    shutil.copytree(f"{bench.ROOT}/openapi", f"{folder}/openapi")
    for name in os.listdir(f"{folder}/openapi"):
        path = f"{folder}/openapi/{name}"
        text = open(path).read()
        bench.write(f"{folder}/openapi", name, re.sub(r"(?m)^(\s*- url: ).*$", rf"\g<1>{bench.API}", text))
    plain = bench.plain(open(f"{bench.ROOT}/specs/daytona-provision.yml").read())
    bare = re.sub(r"(?m)(operationId: )\$sourceDescriptions\.\w+\.", r"\1", plain)
    workflow = re.search(r"workflowId: (\S+)", plain)[1]
    forms = [bench.write(f"{folder}/specs", f"{name}.yml", text) for name, text in (("plain", plain), ("bare", bare))]
    found = {"the reference workflow": (forms, workflow, VALUES, 5)}
    bench.write(folder, "items.yaml", bench.CHAIN_API)
    for steps in (1, 100):
        text = bench.arazzo("Chain", "items.yaml", [bench.workflow("chain", bench.chain(steps))])
        label = "one step" if steps == 1 else f"{steps} chained steps"
        found[label] = ([bench.write(folder, f"chain{steps}.yaml", text)], "chain", {"seed": "seed"}, steps)
    return found


class Counting(http.server.BaseHTTPRequestHandler):
    """Answers as the server of `measure` does, and counts what was asked."""

    protocol_version = "HTTP/1.1"
    asked = collections.Counter()

    def answer(self):
        self.rfile.read(int(self.headers.get("content-length") or 0))
        way = self.path.split("?")[0].removeprefix("/api/").split("/")
        Counting.asked["/".join(way)] += 1
        Counting.asked["all"] += 1
        day, last = "2026-01-05T09:00:00.000Z", way[-1]
        if way[0] == "items":
            body = {"id": last, "token": f"token-{last}", "status": "ready", "tags": [{"name": "a", "ok": True}]}
        elif way[0] == "sandbox":
            body = {"id": "sb-1", "organizationId": "org-1", "name": "sb", "user": "u", "env": {}, "labels": {}, "public": False,
                    "networkBlockAll": False, "target": "eu", "cpu": 1, "gpu": 0, "memory": 1, "disk": 3,
                    "toolboxProxyUrl": "https://proxy.example/toolbox", "state": "started"}
        else:
            is_made = len(way) == 1
            state = "creating" if is_made or Counting.asked["/".join(way)] <= 2 else "ready"
            body = {"id": f"vol-{Counting.asked['volumes']}" if is_made else last, "name": "data", "organizationId": "org-1",
                    "state": state, "createdAt": day, "updatedAt": day, "errorReason": None}
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


def able(found, documents):
    """Label → {name: command}: of each runner the form that it ends with all requests, within a minute."""
    http.server.ThreadingHTTPServer.daemon_threads = True
    server = http.server.ThreadingHTTPServer(("127.0.0.1", bench.PORT), Counting)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    known = {}
    for label, (paths, workflow, values, requests) in documents.items():
        known[label] = {}
        for name, (_, make) in found.items():
            for path in paths:
                Counting.asked.clear()
                command = make(path, workflow, values)
                if ends(command) and Counting.asked["all"] == requests:
                    known[label][name] = command
                    break
    server.shutdown()
    server.server_close()
    return known


def listening():
    for _ in range(200):
        try:
            return socket.create_connection(("127.0.0.1", bench.PORT)).close()
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the server does not begin")


def ends(command):
    try:
        quiet = subprocess.DEVNULL
        return subprocess.run(command, stdout=quiet, stderr=quiet, env=QUIET, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def main():
    if "ARAZZO" not in os.environ:
        bench.build()
    found = runners()
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        commands = able(found, documents(folder))
        server = subprocess.Popen([MEASURE, "serve", str(bench.PORT)])
        try:
            listening()
            for label, rows in commands.items():
                if "arazzo" not in rows:
                    raise SystemExit(f"arazzo does not end {label}")
                result = bench.table([(name, command, QUIET) for name, command in rows.items()])
                lines.append(f"### {label[0].upper()}{label[1:]}\n{bench.shown(result, 'arazzo')}")
        finally:
            server.kill()
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=bench.ROOT, stdout=subprocess.PIPE, text=True).stdout.strip()
    versions = " · ".join(f"{name} {version}" for name, (version, _) in found.items())
    part = (f"## (p) Beside other runners\n`python3 bench/others.py` on {datetime.date.today()}, commit {commit}: {versions}. "
            f"Medians of {bench.ROUNDS} rounds that take turns; ratios to arazzo. Each table has the runners that end a form of the document with all its requests.\n\n" + "\n".join(lines))
    print(part)
    if bench.QUICK:
        return
    path = f"{bench.ROOT}/bench/RESULTS.md"
    text = open(path).read()
    text = re.sub(r"(?ms)^## \(p\) .*?(?=^## |\Z)", "", text)
    at = text.index("## Micro-benchmarks")
    open(path, "w").write(text[:at] + part + "\n" + text[at:])


if __name__ == "__main__":
    main()
