#!/usr/bin/env python3
"""Measures this project against the raw HTTP client, its own parser, and a peer from npm; writes bench/RESULTS.md.

    python3 bench/run.py            everything, about 10 minutes with the builds
    python3 bench/run.py --quick    3 rounds instead of 11, and nothing is written

Standard library only. CPU is user + system time of the process, memory its peak resident size: medians of the rounds,
which take turns so that a busy machine disturbs all of them alike. Peak memory is read by /usr/bin/time, because a
child of this script would begin with the size of the script.
"""
import datetime
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
QUICK = "--quick" in sys.argv
ROUNDS = 3 if QUICK else 11
PORT = 18471
API = f"http://127.0.0.1:{PORT}/api"
# What is packaged. The profile `release`, which `cargo install` builds, is beside it in (a).
ARAZZO = f"{ROOT}/target/dist/arazzo"
INSTALLED = f"{ROOT}/target/release/arazzo"
MEASURE = f"{ROOT}/target/dist/examples/measure"
PEER = f"{ROOT}/target/bench/respect"
INPUTS = ["-i", "apiToken=tokentoken", "-i", "volumeName=data", "-i", "snapshot=base", "-i", "mountPath=/data"]

CHAIN_API = f"""openapi: 3.1.0
info: {{ title: Items, version: '1' }}
servers: [{{ url: {API} }}]
paths:
  /items/{{id}}:
    get:
      operationId: getItem
      parameters:
        - {{ name: id, in: path, required: true, schema: {{ type: string }} }}
        - {{ name: prev, in: query, schema: {{ type: string }} }}
      responses:
        '200':
          description: an item
          content:
            application/json:
              schema:
                type: object
                required: [id, token]
                properties:
                  id: {{ type: string }}
                  token: {{ type: string }}
                  status: {{ type: string }}
                  tags: {{ type: array, items: {{ type: object, properties: {{ name: {{ type: string }}, ok: {{ type: boolean }} }} }} }}
"""


def chain(steps, prefix="s"):
    """Steps in a row: a status criterion, a JSONPath criterion, and an output that the next step sends."""
    lines = []
    for number in range(1, steps + 1):
        before = f"$steps.{prefix}{number - 1}.outputs.token" if number > 1 else "$inputs.seed"
        lines.append(f"""      - stepId: {prefix}{number}
        operationId: getItem
        parameters:
          - {{ name: id, in: path, value: '{number}' }}
          - {{ name: prev, in: query, value: {before} }}
        successCriteria:
          - condition: $statusCode == 200
          - {{ context: $response.body, type: jsonpath, condition: '$..tags[?(@.ok == true)]' }}
        outputs: {{ token: $response.body#/token }}
""")
    return "".join(lines)


def arazzo(title, api, workflows):
    head = f"arazzo: 1.0.1\ninfo: {{ title: {title}, version: '1' }}\nsourceDescriptions:\n"
    return head + f"  - {{ name: items, url: ./{api}, type: openapi }}\nworkflows:\n" + "".join(workflows)


def workflow(name, steps):
    return f"""  - workflowId: {name}
    inputs: {{ type: object, properties: {{ seed: {{ type: string, default: seed }} }} }}
    steps:
{steps}"""


def large(operations):
    """An OpenAPI document with long descriptions; operation 1 is the item of the chains."""
    text = "A paragraph of the kind that descriptions are made of: what the call does, and for whom. "
    paths = {}
    for number in range(1, operations + 1):
        parameters = [
            {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}},
            {"name": "prev", "in": "query", "schema": {"type": "string"}},
        ]
        schema = {"type": "object", "properties": {name: {"type": "string"} for name in ("id", "token", "status")}}
        schema["properties"]["tags"] = {"type": "array", "items": {"type": "object"}}
        answer = {"description": "an item", "content": {"application/json": {"schema": schema}}}
        item = f"/items{'' if number == 1 else number}/{{id}}"
        paths[item] = {"get": {"operationId": f"op-{number}", "summary": f"Operation {number}", "description": text * 20,
                               "parameters": parameters, "responses": {"200": answer}}}
    return {"openapi": "3.1.0", "info": {"title": "Large", "version": "1"}, "servers": [{"url": API}], "paths": paths}


def yaml(value, indent=0):
    """Block YAML of objects, arrays and strings."""
    pad = "  " * indent
    if isinstance(value, dict):
        return "".join(
            f"{pad}{json.dumps(key) if not re.fullmatch('[A-Za-z]+', key) else key}:"
            + (f"\n{yaml(item, indent + 1)}" if isinstance(item, (dict, list)) else f" {scalar(item, indent)}\n")
            for key, item in value.items())
    return "".join(f"{pad}-\n{yaml(item, indent + 1)}" for item in value)


def scalar(value, indent):
    if isinstance(value, str) and len(value) > 200:
        pad = "  " * (indent + 1)
        words = [value[at:at + 100] for at in range(0, len(value), 100)]
        return "|-\n" + "\n".join(pad + line.strip() for line in words)
    return json.dumps(value)


def plain(document):
    """The reference workflow, its departures from the specification written as it says: for other runners."""
    document = document.replace('"Bearer $inputs.apiToken"', '"Bearer {$inputs.apiToken}"')
    for source, operation in [("volumesApi", "createVolume"), ("volumesApi", "getVolume"), ("sandboxApi", "createSandbox")]:
        document = document.replace(f"operationId: {operation}", f"operationId: $sourceDescriptions.{source}.{operation}")
    condition = lambda found: found.group(1) + "- condition: " + found.group(2).replace("$.state", "$response.body#/state").replace('"', "'") + "\n"
    return re.sub(r"( +)- context: \$response.body\n +condition: (.*)\n +type: jsonpath\n", condition, document)


def measured(command, environment=None):
    """CPU seconds, peak memory in KB and output of one process; it has to succeed."""
    with tempfile.NamedTemporaryFile("r") as about:
        timed = ["/usr/bin/time", "-o", about.name, "-f", "%M", *command]
        before = os.times()
        done = subprocess.run(timed, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
        after = os.times()
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)}\n{done.stdout[-2000:]}")
        peak = int(about.read().split()[-1])
    # /usr/bin/time itself is in there: under a millisecond, in every row.
    return after.children_user - before.children_user + after.children_system - before.children_system, peak, done.stdout


def rusage(command, environment=None):
    """CPU seconds of one process, to the microsecond."""
    null = os.open(os.devnull, os.O_WRONLY)
    actions = [(os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, null, 2)]
    process = os.posix_spawnp(command[0], command, environment or os.environ, file_actions=actions)
    _, status, used = os.wait4(process, 0)
    os.close(null)
    if status != 0:
        raise SystemExit(f"{' '.join(command)}: exit {status}")
    return used.ru_utime + used.ru_stime


def table(rows):
    """Takes turns with the commands of a table: [(name, command, environment)] → {name: (seconds, KB)}."""
    seconds, peaks = {name: [] for name, *_ in rows}, {}
    for name, command, environment in rows:
        peaks[name] = statistics.median(measured(command, environment)[1] for _ in range(3))
    for _ in range(ROUNDS):
        for name, command, environment in rows:
            seconds[name].append(rusage(command, environment))
    return {name: (statistics.median(seconds[name]), peaks[name]) for name, *_ in rows}


def shown(result, base=None, steps=None):
    """A markdown table; ratios to `base`, and per step if the rows have steps."""
    lines = ["| | CPU | peak memory |" + (" ratio |" if base else ""), "|---|---|---|" + ("---|" if base else "")]
    for name, (seconds, peak) in result.items():
        cells = [name, f"{seconds * 1000:.1f} ms", f"{peak / 1024:.1f} MB"]
        if base:
            ratio = seconds / result[base][0]
            cells.append(f"{ratio:.2f}" if ratio >= 0.1 else f"1/{1 / ratio:.0f}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def build():
    run = lambda *command: subprocess.run(command, cwd=ROOT, check=True)
    for profile in ("dist", "release"):
        run("cargo", "build", "--profile", profile, "--locked", "-q", "--bin", "arazzo")
    run("cargo", "build", "--profile", "dist", "--locked", "-q", "-p", "arazzo", "--features", "mock", "--example", "measure")
    found = subprocess.run(["cargo", "bench", "--profile", "dist", "--locked", "-q", "-p", "arazzo-engine", "--bench", "micro", "--no-run",
                            "--message-format", "json"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in found.splitlines():
        message = json.loads(line)
        if message.get("executable") and message.get("target", {}).get("name") == "micro":
            return message["executable"]
    raise SystemExit("no micro-benchmarks were built")


def peer():
    """The peer's command, installed from npm where that is possible; nothing otherwise."""
    if not shutil.which("npm"):
        return None
    os.makedirs(PEER, exist_ok=True)
    if not os.path.exists(f"{PEER}/package.json"):
        open(f"{PEER}/package.json", "w").write("{}")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(["npm", "install", "--no-audit", "--no-fund", "@redocly/cli"], cwd=PEER, **quiet)
    command = f"{PEER}/node_modules/.bin/redocly"
    return command if os.path.exists(command) else None


def instructions(micro, name, times):
    """Instructions of one repetition, by callgrind; nothing where valgrind is not there."""
    if not shutil.which("valgrind"):
        return None
    count = lambda n: int(re.search(r"Collected : (\d+)", subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", micro, name, str(n)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT).stdout).group(1))
    return (count(2 * times) - count(times)) // times


def write(folder, name, text):
    path = os.path.join(folder, name)
    open(path, "w").write(text)
    return path


def main():
    micro = build()
    redocly = peer()
    quiet = {**os.environ, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_NOTIFICATIONS": "true", "NO_COLOR": "1"}
    results = []
    say = lambda text: (results.append(text), print(text, flush=True))
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen([MEASURE, "serve", str(PORT)])
        time.sleep(0.5)
        try:
            measure_all(folder, redocly, quiet, micro, say)
        finally:
            server.kill()
    if QUICK:
        return
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, stdout=subprocess.PIPE, text=True).stdout.strip()
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.processor())
    rust = subprocess.run(["rustc", "--version"], stdout=subprocess.PIPE, text=True).stdout.strip()
    version = subprocess.run([redocly, "--version"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.strip().split() if redocly else []
    node = subprocess.run(["node", "--version"], stdout=subprocess.PIPE, text=True).stdout.strip() if redocly else ""
    others = f" · Redocly Respect {version[-1]} on Node {node}" if version else ""
    notes = open(f"{ROOT}/bench/NOTES.md").read() if os.path.exists(f"{ROOT}/bench/NOTES.md") else ""
    head = f"""# Results
`python3 bench/run.py` on {datetime.date.today()}, commit {commit}, {os.cpu_count()} × {cpu}, {platform.system()} {platform.release()}, {rust}{others}. Medians of {ROUNDS} rounds that take turns; [README.md](README.md) says what is measured. Compare figures of one run only.

"""
    write(f"{ROOT}/bench", "RESULTS.md", head + "\n".join(results) + "\n" + notes)


def measure_all(folder, redocly, quiet, micro, say):
    provision = f"{ROOT}/specs/daytona-provision.yml"
    size = lambda path: f"{os.path.getsize(path) / 1e6:.1f} MB"
    say(f"## (a) Start\nThe binary has {size(ARAZZO)} with the profile `dist`, {size(INSTALLED)} with `release`.\n\n" + shown(table(
        [("`arazzo --version`", [ARAZZO, "--version"], None), ("the same, profile `release`", [INSTALLED, "--version"], None)]
        + ([("`redocly --version`", [redocly, "--version"], quiet)] if redocly else []))))

    os.makedirs(f"{folder}/specs")
    shutil.copytree(f"{ROOT}/openapi", f"{folder}/openapi")
    as_written = write(f"{folder}/specs", "plain.yml", plain(open(provision).read()))
    rows = [("arazzo", [ARAZZO, "run", provision, "-S", API, *INPUTS], None),
            ("arazzo, plain copy", [ARAZZO, "run", as_written, "--strict", "-S", API, *INPUTS], None)]
    if redocly:
        servers = ["-S", f"volumesApi={API}", "-S", f"sandboxApi={API}"]
        rows.append(("Respect, plain copy", [redocly, "respect", as_written, *servers, *INPUTS], quiet))
    say("## (b) The reference workflow\nFive requests. The plain copy has braces around expressions, qualified operation ids and simple conditions, so that every runner understands it.\n\n"
        + shown(table(rows), "Respect, plain copy" if redocly else None))

    write(folder, "items.yaml", CHAIN_API)
    rows = []
    for steps in (1, 100, 1000):
        document = write(folder, f"chain{steps}.yaml", arazzo("Chain", "items.yaml", [workflow("chain", chain(steps))]))
        rows.append((f"raw client, {steps}", [MEASURE, "raw-chain", API, str(steps)], None))
        rows.append((f"arazzo, {steps}", [ARAZZO, "run", document, "-q"], None))
        rows.append((f"arazzo, {steps}, reading and planning only", [ARAZZO, "run", document, "--dry-run", "-q"], None))
        if redocly and steps < 1000:
            rows.append((f"Respect, {steps}", [redocly, "respect", document], quiet))
    result = table(rows)
    per_step = lambda few, many, name, more="": (result[f"{name}, {many}{more}"][0] - result[f"{name}, {few}{more}"][0]) / (many - few)
    lines = []
    for few, many in ((1, 100), (100, 1000)):
        raw, whole = per_step(few, many, "raw client"), per_step(few, many, "arazzo")
        ours = whole - per_step(few, many, "arazzo", ", reading and planning only")
        lines.append(f"| {few} → {many} | {raw * 1e6:.0f} µs | {ours * 1e6:.0f} µs | {ours / raw:.2f} | {whole * 1e6:.0f} µs | {whole / raw:.2f} |")
    say("## (c) Chained steps\n" + shown(result) + "\nCPU a step, the start and the first step left out:\n\n| steps | raw client | arazzo, the run | ratio | arazzo, reading included | ratio |\n|---|---|---|---|---|---|\n" + "\n".join(lines) + "\n")

    document = large(2000)
    text = json.dumps(document, indent=1)
    while len(text) < 5_000_000:
        for item in document["paths"].values():
            item["get"]["description"] += " Some more words."
        text = json.dumps(document, indent=1)
    rows = []
    for kind, text in (("yaml", yaml(document)), ("json", text)):
        api = write(folder, f"large.{kind}", text)
        step = workflow("one", chain(1)).replace("getItem", "op-1")
        flow = write(folder, f"one-{kind}.yaml", arazzo("One", f"large.{kind}", [step]))
        rows.append((f"one pass of the parser, {kind.upper()}, {len(text) / 1e6:.1f} MB", [MEASURE, "parse", api], None))
        rows.append((f"arazzo, {kind.upper()}", [ARAZZO, "run", flow, "-q"], None))
        if redocly:
            rows.append((f"Respect, {kind.upper()}", [redocly, "respect", flow], quiet))
    result = table(rows)
    names = list(result)
    ratio = lambda kind: result[f"arazzo, {kind}"][0] / next(result[name][0] for name in names if f"parser, {kind}" in name)
    say("## (d) One step over a large OpenAPI document\n2000 operations.\n\n" + shown(result) + f"\nA run to one pass of the parser: YAML {ratio('YAML'):.2f}, JSON {ratio('JSON'):.2f}.\n")

    document = write(folder, "hundred.yaml", arazzo("Many", "items.yaml", [workflow(f"w{n}", chain(20, f"w{n}s")) for n in range(100)]))
    rows = [("`arazzo lint`", [ARAZZO, "lint", document], None), ("`arazzo inspect`", [ARAZZO, "inspect", document], None)]
    if redocly:
        rows.append(("`redocly lint`", [redocly, "lint", document], quiet))
    say("## (e) Loading 100 workflows of 20 steps\n`lint` reads, resolves and compiles every workflow and checks it against the schemas; `inspect` prints them all. What the peer checks is its own.\n\n" + shown(table(rows), "`redocly lint`" if redocly else None))

    runs, rounds = 1000, []
    for parallel in (64,):
        for _ in range(ROUNDS):
            rates = [float(measured([MEASURE, kind, API, str(runs), str(parallel)])[2]) for kind in ("raw-runs", "runs")]
            rounds.append(rates)
    raw, ours = (statistics.median(rates[n] for rates in rounds) for n in (0, 1))
    ratio = statistics.median(rates[1] / rates[0] for rates in rounds)
    say(f"## (f) 1,000 runs of the reference workflow, 64 at a time\nOne process, one thread, five requests a run; runs in a second.\n\n| raw client | through the library | ratio, median of the rounds |\n|---|---|---|\n| {raw:.0f} | {ours:.0f} | {ratio:.2f} |\n")

    nanoseconds = subprocess.run([micro], stdout=subprocess.PIPE, text=True, cwd=ROOT, check=True).stdout
    lines = []
    for line in nanoseconds.splitlines():
        name, time_ns, _ = line.split()
        counted = instructions(micro, name, 50 if name.startswith("machine") else 1000)
        lines.append(f"| {name} | {time_ns} ns | {counted if counted is not None else '–'} |")
    say("## Micro-benchmarks\n`cargo bench --profile dist -p arazzo-engine`; instructions by callgrind.\n\n| | time | instructions |\n|---|---|---|\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
