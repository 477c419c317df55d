#!/usr/bin/env python3
"""Counts instructions and allocations by callgrind: of two commits side by side, or of this tree against what is committed.

    python3 bench/instructions.py COMMIT             builds both, which takes long, and measures
    python3 bench/instructions.py --built THEN NOW   measures folders that hold `arazzo` and `measure`
    python3 bench/instructions.py --check            target/debug against bench/instructions.json; exit 1 if one rose by more
                                                     than 15 %
    python3 bench/instructions.py --write            writes bench/instructions.json from target/debug

Clocks say little on a busy machine; instructions are the same again to a few in a thousand. What starts with every
process is left out of a step and of a run: the difference between many and few is divided by how many more they are.
Two commits are both built without link-time optimization and with 16 units, which is faster, and the same for both.

`--check` takes what `cargo test` has built: no other build is worth its minutes in every check. An unoptimized build
executes several times as much, and not each part by the same factor, so its counts say nothing about speed; but a part
that does half as much again does so in every build, and the counts of one toolchain are compared with those of the same
one. With another toolchain, C library or kind of machine it says that it was skipped. Standard library and valgrind only.
"""
import collections
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time

# Nothing is left beside the scripts.
sys.dont_write_bytecode = True
import run as bench

ROUNDS = 3
FEW, MANY = 10, 110
PARALLEL = 64
BUILD = {"CARGO_PROFILE_RELEASE_LTO": "off", "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16"}

KNOWN = f"{bench.ROOT}/bench/instructions.json"
BOUND = 1.15
# A part of a figure that is shown where the figure rose: at least so much of it.
SHOWN = 0.01


class Count:
    """What one process did: instructions, calls of the allocator, and instructions by the part of the code they are in."""

    def __init__(self, instructions=0, allocations=0, parts=None):
        self.instructions, self.allocations, self.parts = instructions, allocations, parts or {}

    def each(self, few, more):
        """What each of so many more came to."""
        parts = {part: (figure - few.parts.get(part, 0)) / more for part, figure in self.parts.items()}
        return Count((self.instructions - few.instructions) / more, (self.allocations - few.allocations) / more, parts)


def part_of(function):
    """The room of ours that a function is in, the crate of another, or the C library."""
    path = re.search(r"[A-Za-z_]\w*(?:::[A-Za-z_]\w*)+", function)
    if not path:
        return "the C library and the allocator"
    names = path.group(0).split("::")
    return "::".join(names[:2]) if names[0].startswith("arazzo") else names[0]


def read(path):
    """What callgrind has written: costs by function, without those of what it calls, and calls of the allocator."""
    allocates = re.compile(r"^(malloc|calloc|realloc|posix_memalign|aligned_alloc)(@.*)?$")
    names, parts, allocations = {}, collections.Counter(), 0
    function, called, calls = "", "", None

    def named(text):
        number, _, name = text.partition(" ")
        if name:
            names[number] = name
        return names.get(number, "")

    for line in open(path, errors="replace"):
        if line.startswith("fn="):
            function = named(line[3:].strip())
        elif line.startswith("cfn="):
            called = named(line[4:].strip())
        elif line.startswith("calls="):
            calls = int(line[6:].split()[0])
        elif line[:1] in "0123456789+-*" and " " in line:
            if calls is None:
                parts[part_of(function)] += int(line.split()[1])
            elif allocates.match(called):
                # Within itself, the allocator passes on to itself.
                allocations += 0 if allocates.match(function) else calls
            calls = None
    return parts, allocations


def count(command, rounds=ROUNDS):
    """The counts of a process, which has to succeed: the median of the rounds."""
    counts = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            out = f"{folder}/callgrind.out"
            grind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", *command]
            done = subprocess.run(grind, cwd=bench.ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if done.returncode != 0:
                raise SystemExit(f"{' '.join(command)}\n{done.stdout[-2000:]}")
            parts, allocations = read(out)
            counts.append(Count(int(re.search(r"Collected : (\d+)", done.stdout).group(1)), allocations, parts))
    return sorted(counts, key=lambda count: count.instructions)[len(counts) // 2]


def chains(folder, lengths):
    bench.write(folder, "items.yaml", bench.CHAIN_API)
    return {steps: bench.write(folder, f"chain-{steps}.yaml", bench.arazzo(
        "Chain", "items.yaml", [bench.workflow("chain", bench.chain(steps))])) for steps in lengths}


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


def measure(built, folder):
    """The figures of one build, by name."""
    arazzo = lambda *words: count([f"{built}/arazzo", *words])
    documents = chains(folder, (FEW, MANY))
    planned = {steps: arazzo("run", "--dry-run", path) for steps, path in documents.items()}
    ran = {steps: arazzo("run", path) for steps, path in documents.items()}
    runs = {runs: count([f"{built}/measure", "runs", bench.API, str(runs), str(PARALLEL)]) for runs in (PARALLEL, 3 * PARALLEL)}
    each = lambda counts: counts[max(counts)].each(counts[min(counts)], max(counts) - min(counts))
    reference = ["run", "specs/daytona-provision.yml", "-S", bench.API, *bench.INPUTS]
    alone = each(ran).each(each(planned), 1)
    return {
        "`arazzo --version`": arazzo("--version"),
        "`arazzo run`, one step": arazzo("run", chains(folder, (1,))[1]),
        f"`arazzo run --dry-run`, {MANY} steps": planned[MANY],
        f"`arazzo lint`, {MANY} steps": arazzo("lint", documents[MANY]),
        "(b) the reference workflow, the whole process": arazzo(*reference),
        "(c) a chained step, reading and planning alone": each(planned),
        "(c) a chained step": each(ran),
        "(c) a chained step, the run alone": alone,
        "(f) a run through the library, of 64 at a time": each(runs),
    }


def guarded(built, folder):
    """The figures that `--check` compares, as functions that measure them: without a socket where that can be, and few."""
    arazzo = lambda *words: count([f"{built}/arazzo", *words], 1)
    memory = lambda document, runs: count([f"{built}/examples/measure", "memory", document, str(runs), "1"], 1)
    few, many = 2, 12
    documents = chains(folder, (few, many))
    return {
        "arazzo --version": lambda: arazzo("--version"),
        "arazzo run, the reference workflow against the mock": lambda: arazzo("run", "--mock", "specs/daytona-provision.yml"),
        "arazzo lint, a step": lambda: arazzo("lint", documents[many]).each(arazzo("lint", documents[few]), many - few),
        "a chained step through the library, read and run": lambda: memory(documents[many], 1).each(memory(documents[few], 1), many - few),
        "a run of the reference workflow through the library": lambda: memory("specs/daytona-provision.yml", 4).each(memory("specs/daytona-provision.yml", 1), 3),
    }


def made_with():
    """What counts depend on beside the code."""
    rustc = subprocess.run(["rustc", "--version"], cwd=bench.ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    return {"rustc": rustc, "libc": " ".join(platform.libc_ver()), "machine": platform.machine(), "profile": "dev"}


def check(writes):
    built = os.environ.get("CARGO_TARGET_DIR", f"{bench.ROOT}/target") + "/debug"
    made = made_with()
    if not shutil.which("valgrind"):
        print("skipped: there is no valgrind, so nothing says whether more is executed than before", file=sys.stderr)
        return
    if not writes and not os.path.exists(KNOWN):
        print("skipped: there is no bench/instructions.json to compare with: python3 bench/instructions.py --write", file=sys.stderr)
        return
    known = {} if writes else json.load(open(KNOWN))
    other = [f"{name}: {known['with'][name]}, here {made[name]}" for name in made if not writes and known["with"][name] != made[name]]
    if other:
        print(f"skipped: bench/instructions.json was made with another {'; '.join(other)}", file=sys.stderr)
        return
    figures, risen = {}, []
    with tempfile.TemporaryDirectory() as folder:
        for name, measured in guarded(built, folder).items():
            now = measured()
            then = known.get("figures", {}).get(name)
            if not writes and then is None:
                raise SystemExit(f"bench/instructions.json has no figure `{name}`: python3 bench/instructions.py --write")
            too_much = lambda now: now.instructions > BOUND * then["instructions"] or now.allocations > BOUND * then["allocations"]
            # What a busy machine changes about a process is little, and gone the next time.
            if then and too_much(now):
                now = min(now, measured(), key=lambda count: count.instructions)
            figures[name] = now
            if then:
                ratios = now.instructions / then["instructions"], now.allocations / then["allocations"]
                print(f"{name}: {now.instructions:,.0f} instructions ({ratios[0]:.3f}), {now.allocations:,.0f} allocations ({ratios[1]:.3f})", flush=True)
                if too_much(now):
                    risen.append((name, then, now))
            else:
                print(f"{name}: {now.instructions:,.0f} instructions, {now.allocations:,.0f} allocations", flush=True)
    if writes:
        large = lambda count: {part: round(figure) for part, figure in sorted(count.parts.items(), key=lambda one: -one[1]) if figure >= SHOWN * count.instructions}
        rounded = {name: {"instructions": round(one.instructions), "allocations": round(one.allocations), "parts": large(one)} for name, one in figures.items()}
        open(KNOWN, "w").write(json.dumps({"with": made, "figures": rounded}, indent=2) + "\n")
    for name, then, now in risen:
        print(f"\n{name} rose by more than {BOUND - 1:.0%}: {then['instructions']:,} → {now.instructions:,.0f} instructions, {then['allocations']:,} → {now.allocations:,.0f} allocations. Most of it in", file=sys.stderr)
        more = {part: figure - then["parts"].get(part, 0) for part, figure in now.parts.items() if figure >= SHOWN * now.instructions}
        for part, figure in sorted(more.items(), key=lambda one: -one[1])[:5]:
            print(f"  {part}: {then['parts'].get(part, 0):,} → {now.parts[part]:,.0f}", file=sys.stderr)
    if risen:
        print("\nWhere that is what the change is for, write the figures anew and say why: python3 bench/instructions.py --write", file=sys.stderr)
        raise SystemExit(1)


def compare(words):
    with tempfile.TemporaryDirectory() as folder:
        if words[:1] == ["--built"] and len(words) == 3:
            then, now = words[1:]
        elif len(words) == 1 and not words[0].startswith("-"):
            then, now, tree = f"{folder}/then", f"{folder}/now", f"{folder}/tree"
            subprocess.run(["git", "worktree", "add", "--detach", "-f", tree, words[0]], cwd=bench.ROOT, check=True)
            try:
                build(tree, then)
            finally:
                subprocess.run(["git", "worktree", "remove", "--force", tree], cwd=bench.ROOT, check=True)
            build(bench.ROOT, now)
        else:
            raise SystemExit(__doc__)
        server = subprocess.Popen([f"{now}/measure", "serve", str(bench.PORT)])
        try:
            time.sleep(0.5)
            before, after = measure(then, folder), measure(now, folder)
        finally:
            server.kill()
    print("| instructions | then | now | ratio | allocations then | now | ratio |\n|---|---|---|---|---|---|---|")
    share = lambda now, then: f"{now / then:.3f}" if then else "–"
    for name, then in before.items():
        now = after[name]
        print(f"| {name} | {then.instructions:,.0f} | {now.instructions:,.0f} | {share(now.instructions, then.instructions)} "
              f"| {then.allocations:,.0f} | {now.allocations:,.0f} | {share(now.allocations, then.allocations)} |")


def main():
    if sys.argv[1:] in (["--check"], ["--write"]):
        check(sys.argv[1] == "--write")
    else:
        compare(sys.argv[1:])


if __name__ == "__main__":
    main()
