#!/usr/bin/env python3
"""Measures `arazzo lsp`: change → diagnostics and completion, for documents of three sizes with an OpenAPI document of
5 MB open, and the memory of an hour of edits; writes its part of RESULTS.md.

    python3 bench/lsp.py [--edits N] [--binary ARAZZO]      with another binary it prints, and writes nothing

CPU is user + system time of the server between the change and what it says about it, without the 150 ms in which it waits
for the next change; each figure is a median. Linux, standard library only.
"""
import argparse
import datetime
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TARGET = os.environ.get("CARGO_TARGET_DIR", f"{ROOT}/target")
ROUNDS = 15
# Steps, and what is aimed at for a change, in ms.
SIZES = [(8, 3), (60, 6), (1680, 50)]


def described(operations):
    """An OpenAPI document of 5 MB: operations with parameters and answers."""
    lines = ["openapi: 3.1.0", "info: { title: Large, version: '1' }", "servers: [{ url: https://api.example }]", "paths:"]
    for number in range(operations):
        lines += [
            f"  /things/{number}/{{id}}:",
            "    get:",
            f"      operationId: get{number}",
            f"      summary: One of the things of kind {number}",
            "      parameters:",
            "        - { name: id, in: path, required: true, schema: { type: string } }",
        ]
        lines += [f"        - {{ name: p{p}, in: query, description: {'words ' * 12}, schema: {{ type: string }} }}" for p in range(16)]
        lines += [
            "      responses:",
            "        '200':",
            "          description: it",
            "          content: { application/json: { schema: { type: object, properties: { id: { type: string }, state: { type: string } } } } }",
        ]
    return "\n".join(lines) + "\n"


def document(steps):
    """Workflows of 20 steps, each of which takes the id of the one before."""
    lines = ["arazzo: 1.0.1", "info: { title: Measured, version: '1' }", "sourceDescriptions: [{ name: api, url: api.yaml, type: openapi }]", "workflows:"]
    for number in range(steps):
        within = number % 20
        if within == 0:
            lines += [f"  - workflowId: w{number}", "    inputs: { type: object, properties: { id: { type: string } } }", "    steps:"]
        value = "$inputs.id" if within == 0 else f"$steps.s{number - 1}.outputs.id"
        lines += [
            f"      - stepId: s{number}",
            f"        description: Takes what the step before it has given, and gives its own ({'x' * 120})",
            f"        operationId: get{number % 500}",
            "        parameters:",
            f"          - {{ name: id, in: path, value: {value} }}",
            "        successCriteria:",
            "          - condition: $statusCode == 200",
            "        outputs: { id: $response.body#/id }",
        ]
    return "\n".join(lines) + "\n"


class Server:
    def __init__(self, binary, folder):
        self.process = subprocess.Popen([binary, "lsp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder)
        self.number = 0
        self.ask("initialize", {"processId": None, "capabilities": {}, "workspaceFolders": [{"uri": f"file://{folder}", "name": "bench"}]})
        self.tell("initialized", {})

    def write(self, message):
        text = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(text) + text)
        self.process.stdin.flush()

    def tell(self, method, params):
        self.write({"method": method, "params": params})

    def read(self):
        length = 0
        while (line := self.process.stdout.readline().strip()):
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        return json.loads(self.process.stdout.read(length))

    def ask(self, method, params):
        self.number += 1
        self.write({"id": self.number, "method": method, "params": params})
        while True:
            message = self.read()
            if message.get("id") == self.number and "method" not in message:
                return message

    def open(self, uri, text):
        self.tell("textDocument/didOpen", {"textDocument": {"uri": uri, "languageId": "yaml", "version": 1, "text": text}})

    def change(self, uri, version, text):
        self.tell("textDocument/didChange", {"textDocument": {"uri": uri, "version": version}, "contentChanges": [{"text": text}]})

    def diagnosed(self, uri, version):
        while True:
            message = self.read()
            params = message.get("params", {})
            if message.get("method") == "textDocument/publishDiagnostics" and params["uri"] == uri and params.get("version") == version:
                return params["diagnostics"]

    def cpu(self):
        """Milliseconds, as exactly as the scheduler counts them."""
        threads = os.listdir(f"/proc/{self.process.pid}/task")
        return sum(int(open(f"/proc/{self.process.pid}/task/{thread}/schedstat").read().split()[0]) for thread in threads) / 1e6

    def memory(self):
        return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{self.process.pid}/status").read()).group(1)) / 1024

    def end(self):
        self.ask("shutdown", None)
        self.tell("exit", None)
        self.process.wait()


def measured(binary, steps):
    """The size of a document, and the CPU of a change and of a completion in ms."""
    with tempfile.TemporaryDirectory() as folder:
        api, text = described(2000), document(steps)
        open(f"{folder}/api.yaml", "w").write(api)
        open(f"{folder}/flow.yaml", "w").write(text)
        server, uri = Server(binary, folder), f"file://{folder}/flow.yaml"
        server.open(f"file://{folder}/api.yaml", api)
        server.open(uri, text)
        server.diagnosed(uri, 1)
        changes, completions = [], []
        for version in range(2, 2 + ROUNDS):
            edited = text.replace("title: Measured", f"title: Measured {version}")
            before = server.cpu()
            server.change(uri, version, edited)
            found = server.diagnosed(uri, version)
            changes.append(server.cpu() - before)
            if found:
                raise SystemExit(f"the document is not right: {found[0]['message']}")
            line = edited.split("\n").index("          - { name: id, in: path, value: $inputs.id }")
            position = {"line": line, "character": len("          - { name: id, in: path, value: $inputs.")}
            before = server.cpu()
            answer = server.ask("textDocument/completion", {"textDocument": {"uri": uri}, "position": position})
            completions.append(server.cpu() - before)
            if [item["label"] for item in answer["result"]] != ["id"]:
                raise SystemExit(f"an answer that was not expected: {answer}")
        server.end()
        return len(text), statistics.median(changes), statistics.median(completions)


def flat(binary, edits):
    """Memory in MiB after a tenth of the edits, and after all of them."""
    with tempfile.TemporaryDirectory() as folder:
        open(f"{folder}/api.yaml", "w").write(described(20))
        server, uri, text = Server(binary, folder), f"file://{folder}/flow.yaml", document(8)
        server.open(uri, text)
        server.diagnosed(uri, 1)
        after = []
        for version in range(2, edits + 2):
            server.change(uri, version, text.replace("title: Measured", f"title: Measured {version}"))
            # An answer between them: the server works on each text.
            server.ask("textDocument/documentSymbol", {"textDocument": {"uri": uri}})
            if version - 1 in (edits // 10, edits):
                after.append(server.memory())
        server.end()
        return after


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--edits", type=int, default=50_000)
    arguments.add_argument("--binary")
    given = arguments.parse_args()
    binary = os.path.abspath(given.binary or f"{TARGET}/dist/arazzo")
    if not given.binary:
        subprocess.run(["cargo", "build", "--profile", "dist", "--locked", "-q", "--bin", "arazzo"], cwd=ROOT, check=True)
    rows = [(*measured(binary, steps), aim) for steps, aim in SIZES]
    early, late = flat(binary, given.edits)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    lines = [
        "## (n) The language server",
        f"`python3 bench/lsp.py` on {datetime.date.today()}, commit {commit}: an OpenAPI document of 5 MB is open, medians of {ROUNDS} changes of one word.",
        "",
        "| document | change → diagnostics, CPU | aim | completion, CPU |",
        "|---|---|---|---|",
        *(f"| {size / 1000:.0f} KB | {change:.1f} ms | {aim} ms | {completion:.1f} ms |" for size, change, completion, aim in rows),
        "",
        f"Memory after {given.edits // 10:,} edits {early:.1f} MiB, after {given.edits:,} {late:.1f} MiB.",
        "",
    ]
    part = "\n".join(lines)
    if given.binary:
        print(part)
        return
    path = f"{ROOT}/bench/RESULTS.md"
    results = open(path).read()
    known = re.search(r"## \(n\) The language.*?(?=\n## |\Z)", results, re.S)
    before, mark, after = results.partition("## Micro-benchmarks")
    results = results.replace(known.group(0), part.rstrip("\n") + "\n") if known else before + part + "\n" + mark + after
    open(path, "w").write(results)


if __name__ == "__main__":
    sys.exit(main())
