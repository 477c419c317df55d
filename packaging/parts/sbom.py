"""What the binary is made of, as CycloneDX: the packages that cargo resolves for the target. `cargo cyclonedx` would say the
same after minutes of building it."""
import functools
import json
import os
import re
import subprocess
import uuid

from .project import CARGO, FEATURES, ROOT, Problem, command_package, packages_of, read, version

# A name for this project's documents: their number depends on nothing but what they say.
SPACE = uuid.UUID("7a9f5d7e-3d0c-5a53-9f0e-0e5d0f6c3a11")


def checksums():
    """SHA-256 of the packages in Cargo.lock, by name and version."""
    pattern = r'name = "([^"]+)"\nversion = "([^"]+)"\nsource = "[^"]+"\nchecksum = "([0-9a-f]{64})"'
    return {(name, number): digest for name, number, digest in re.findall(pattern, read(ROOT, "Cargo.lock"))}


@functools.cache
def linked(target):
    """The packages that the command is made of, by name and version, each with those that it depends on. `cargo tree` knows
    the features of the command alone; `cargo metadata` those of the tests too."""
    command = [CARGO, "tree", "--locked", "--edges", "normal", "--prefix", "depth", "--format", " {p}", "--target", target,
               "-p", command_package()["name"], "--features", FEATURES]
    for offline in (["--offline"], []):
        found = subprocess.run(command + offline, cwd=ROOT, capture_output=True, text=True)
        if found.returncode == 0:
            break
    else:
        raise Problem(f"{' '.join(command)}:\n{found.stderr.strip()}")
    edges, above = {}, []
    for line in filter(None, found.stdout.splitlines()):
        depth, name, number = line.split()[:3]
        part = (name, number.lstrip("v"))
        edges.setdefault(part, set())
        del above[int(depth):]
        if above:
            edges[above[-1]].add(part)
        above.append(part)
    return next(iter(edges)), edges


def component(package, digests, kind="library"):
    purl = f"pkg:cargo/{package['name']}@{package['version']}"
    described = {"type": kind, "bom-ref": purl, "name": package["name"], "version": package["version"], "purl": purl}
    if package["license"]:
        # `A/B` is how it was written before there were expressions.
        described["licenses"] = [{"expression": re.sub(r"\s*/\s*", " OR ", package["license"])}]
    digest = digests.get((package["name"], package["version"]))
    if digest:
        described["hashes"] = [{"alg": "SHA-256", "content": digest}]
    return described


def write(folder, target, stem):
    root, edges = linked(target)
    packages = packages_of(target)
    digests = checksums()
    ref = lambda part: f"pkg:cargo/{part[0]}@{part[1]}"
    parts = [component(packages[part], digests) for part in sorted(edges) if part != root]
    depends = [{"ref": ref(part), "dependsOn": [ref(other) for other in sorted(edges[part])]} for part in sorted(edges)]
    bom = {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
           "serialNumber": f"urn:uuid:{uuid.uuid5(SPACE, f'{version()} {target} {json.dumps(parts)}')}",
           "metadata": {"component": component(packages[root], digests, "application")},
           "components": parts, "dependencies": depends}
    path = os.path.join(folder, f"{stem}.cdx.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(bom, file, indent=1)
        file.write("\n")
    return path
