#!/usr/bin/env python3
"""Peak memory and processor time of the command on inputs that are made to hurt, against those of one step.

    ARAZZO=target/release/arazzo python3 bench/security.py [--write] [NAME…]

Each has at most 64 MiB more than one step, or ends with exit 3, 5 or 6 and the word that is named here. Each run ends
within a second after its `--timeout` of one, and each command within a second after its first Ctrl-C; 3,000 steps are
linted in one. Prints a table, which `--write` puts into docs/safety.md, and ends with 1 if one does not hold. Linux; the
servers are threads of this script.
"""

import gzip
import http.server
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time

ARAZZO = os.path.abspath(os.environ.get("ARAZZO", "target/release/arazzo"))
MOST = 64 << 10  # KiB above one step
SOON = 1.0  # seconds after `--timeout` and Ctrl-C
PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "docs", "safety.md")
HEAD = 'arazzo: 1.0.1\ninfo: {title: t, version: "1"}\nsourceDescriptions: [{name: api, url: ./api.yaml, type: openapi}]\n'
STEP = "workflows:\n- workflowId: w\n  steps:\n  - {stepId: a, operationId: echo}\n"


class Peer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    count = 0

    def do_GET(self):
        Peer.count += 1
        kind, coding = self.path.strip("/"), None
        body = b"{}"
        if kind == "big":
            body = json.dumps({"s": "%06d" % Peer.count + "x" * 9_000_000}).encode()
        elif kind == "objects":
            body = b"[" + b"{}," * 100_000 + b"{}]"
        elif kind == "members":
            body, coding = gzip.compress(b"", mtime=0) * 500_000, "gzip"
        elif kind == "cookies":
            body = b"{}"
        self.send_response(200)
        if kind == "cookies":
            for number in range(100):
                self.send_header("Set-Cookie", "c%d-%d=%s; Path=/" % (Peer.count, number, "y" * 100))
        if coding:
            self.send_header("Content-Encoding", coding)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            pass

    def log_message(self, *_):
        pass


def steps(count, one):
    return "workflows:\n- workflowId: w\n  steps:\n" + "".join(one(number) for number in range(count))


def doubled(last):
    refs = "".join(
        'a%d: {allOf: [{$ref: "#/$defs/a%d"}, {$ref: "#/$defs/a%d"}]}, ' % (i, i + 1, i + 1) for i in range(40)
    )
    schema = '{$defs: {%s a40: {type: %s}}, type: object, properties: {x: {$ref: "#/$defs/a0"}}}' % (refs, last)
    return "workflows:\n- workflowId: w\n  inputs: %s\n  steps:\n  - {stepId: a, operationId: echo}\n" % schema


def jump(number):
    to, read = number * 419 % 3000, number * 31 % 3000
    return (
        "  - stepId: s%d\n    operationId: echo\n    outputs: {x: $response.body#/x}\n    onSuccess: [{name: g, type: goto, "
        'stepId: s%d, criteria: [{condition: "$steps.s%d.outputs.x == 1"}]}]\n' % (number, to, read)
    )


RUN = ["run", "flow.yaml", "-qq", "--loop-delay", "0"]
LINT = ["lint", "flow.yaml"]
# name, path that is called, workflows, command, the words of which one is said if it does not end with 0
CASES = [
    ("one step", "small", STEP, RUN, []),
    ("200 outputs of one large body", "big", steps(1, lambda _: "  - stepId: a\n    operationId: echo\n    outputs: {%s}\n" % ", ".join("o%d: $response.body" % i for i in range(200))), RUN, ["--max-kept"]),
    ("outputs of 40 large bodies", "big", steps(40, lambda i: "  - {stepId: s%d, operationId: echo, outputs: {s: $response.body}}\n" % i), RUN, ["--max-kept"]),
    ("tokens of large bodies", "big", steps(1, lambda _: "  - stepId: a\n    operationId: echo\n    outputs: {token: $response.body#/s}\n    onSuccess: [{name: again, type: goto, stepId: a}]\n"), RUN, ["--max-kept"]),
    ("lists of objects", "objects", steps(20, lambda i: "  - {stepId: s%d, operationId: echo, outputs: {s: $response.body}}\n" % i), RUN, ["--max-kept"]),
    ("cookies of 200 answers", "cookies", steps(200, lambda i: "  - {stepId: s%d, operationId: echo}\n" % i), RUN + ["--cookies"], []),
    ("half a million members of gzip", "members", STEP, RUN, ["gzip"]),
    ("a text that doubles", "small", "workflows:\n- workflowId: w\n  steps:\n  - {stepId: b, workflowId: more, parameters: [{name: s, value: aaaaaaaaaaaaaaaa}]}\n- workflowId: more\n  inputs: {type: object, properties: {s: {type: string}}}\n  steps:\n  - {stepId: sent, operationId: echo, onSuccess: [{name: n, type: end, criteria: [{condition: $statusCode == 1}]}]}\n  - {stepId: again, workflowId: more, parameters: [{name: s, value: '{$inputs.s}{$inputs.s}'}]}\n", RUN + ["w"], ["--max-kept", "--max-value"]),
    ("a schema that doubles, and fits", "small", doubled("string"), RUN + ["-i", "x=hello", "--timeout", "3s"], ["cannot be checked"]),
    ("a schema that doubles, and does not fit", "small", doubled("string"), RUN + ["-i", "x:=7", "--timeout", "3s"], ["cannot be checked"]),
    ("9,000 aliases of a long text", "small", 'x-b: &b "%s"\nx-l: [%s]\n' % ("y" * 100_000, ",".join(["*b"] * 9_000)) + STEP, LINT, ["alias-limit"]),
    ("90,000 aliases of a longer text", "small", 'x-b: &b "%s"\nx-l: [%s]\n' % ("y" * 1_000_000, ",".join(["*b"] * 90_000)) + STEP, LINT, ["alias-limit"]),
    ("anchors inside of anchors", "small", "x-n: %s\"%s\"%s\n" % ("".join("&a%d [" % i for i in range(100)), "y" * 400_000, "]" * 100) + STEP, LINT, ["alias-limit"]),
    ("3,000 steps that lead to one another", "small", steps(3000, jump), LINT, []),
]


def measure(arguments, folder):
    """Exit code, what is said, peak KiB, seconds of the processor."""
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen([ARAZZO, *arguments], cwd=folder, stdout=said, stderr=said)
        done, peak = 0, 0
        while not done:
            peak = max(peak, high_water(child.pid))
            done, status, usage = os.wait4(child.pid, os.WNOHANG)
            time.sleep(0.001)
        child.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read(1 << 20).decode("utf-8", "replace")
    return child.returncode, text, peak, usage.ru_utime + usage.ru_stime


def high_water(pid):
    """Peak KiB of a process since it became the command: its `ru_maxrss` has what this script took before."""
    try:
        if os.readlink("/proc/%d/exe" % pid) != os.path.realpath(ARAZZO):
            return 0
        with open("/proc/%d/status" % pid) as status:
            return next((int(line.split()[1]) for line in status if line.startswith("VmHWM:")), 0)
    except OSError:
        return 0


def ends(arguments, folder, stop):
    """Seconds until a command ends, from the moment at which it should; none if it has ended before."""
    started = time.monotonic()
    child = subprocess.Popen([ARAZZO, *arguments], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    due = started + 1
    if stop:
        # It has to be awake for what it hears, and is asked for nothing before that.
        time.sleep(0.5)
        due = time.monotonic()
        if child.poll() is not None:
            return None
        child.send_signal(signal.SIGINT)
    try:
        child.wait(timeout=60)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    return max(0.0, time.monotonic() - due) if stop or time.monotonic() > due else None


def write(rows):
    """Puts the table into docs/safety.md, in the place of the one that is there."""
    with open(PAGE) as file:
        lines = file.read().split("\n")
    first = next(at for at, line in enumerate(lines) if line.startswith(rows[0].split(" | ")[0]))
    last = next(at for at in range(first, len(lines)) if not lines[at].startswith("|"))
    with open(PAGE, "w") as file:
        file.write("\n".join(lines[:first] + rows + lines[last:]))


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Peer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    wanted, base, wrong = [word for word in sys.argv[1:] if word != "--write"], None, 0
    rows = ["| input | exit | peak above one step | processor | after `--timeout` | after Ctrl-C |", "|---|---|---|---|---|---|"]
    shown = lambda after: "ended before" if after is None else "%.2f s" % after
    print("\n".join(rows))
    for name, path, workflows, command, words in CASES:
        if base is not None and wanted and name not in wanted:
            continue
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "flow.yaml"), "w") as file:
                file.write(HEAD + workflows)
            with open(os.path.join(folder, "api.yaml"), "w") as file:
                url = "http://127.0.0.1:%d" % server.server_port
                file.write('openapi: 3.1.0\ninfo: {title: t, version: "1"}\nservers: [{url: "%s"}]\npaths: {/%s: {get: {operationId: echo, responses: {"200": {description: ok}}}}}\n' % (url, path))
            # Quiet runs say nothing: the words of a limit are asked for.
            said = [argument for argument in command if argument != "-qq"]
            code, text, peak, seconds = measure(said, folder)
            is_run = command[0] == "run"
            timed = [word for word in command if word not in ("--timeout", "3s")]
            late = ends(timed + ["--timeout", "1s"], folder, False) if is_run else None
            stopped = ends(command, folder, True)
        base = peak if base is None else base
        named = code in (2, 3, 4, 5, 6) and any(word in text for word in words)
        problems = [] if named or code == 0 and peak - base <= MOST else ["memory or exit"]
        problems += [what for what, after in (("--timeout", late), ("Ctrl-C", stopped)) if after is not None and after > SOON]
        problems += ["lint takes more than a second"] if name.startswith("3,000") and seconds > SOON else []
        wrong += bool(problems)
        after = shown(late) if is_run else "–"
        rows.append("| %s | %d | %.1f MiB | %.2f s | %s | %s |" % (name, code, max(0, peak - base) / 1024, seconds, after, shown(stopped)))
        print(rows[-1] + ("" if not problems else " does not hold: " + ", ".join(problems)), flush=True)
    if "--write" in sys.argv[1:] and not wanted:
        write(rows)
    return 1 if wrong else 0


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, resource.RLIM_INFINITY))
    sys.exit(main())
