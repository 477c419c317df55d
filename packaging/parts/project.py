"""What is packaged: name, version and licence as Cargo.toml says them, and the targets of targets.json."""
import functools
import json
import os
import subprocess

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(HERE)
CARGO = os.environ.get("CARGO", "cargo")
COMMAND = "arazzo"
# Those of the command that are not on by default, and are on in packages.
FEATURES = "restate"
LICENCES = ("LICENSE-APACHE", "LICENSE-MIT")


class Problem(Exception):
    """Something that the user can do something about: said without a traceback."""


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def metadata(*arguments):
    """`cargo metadata`, from what is on this machine where that is enough."""
    command = [CARGO, "metadata", "--format-version", "1", "--locked", "--all-features", *arguments]
    for offline in (["--offline"], []):
        found = subprocess.run(command + offline, cwd=ROOT, capture_output=True, text=True)
        if found.returncode == 0:
            return json.loads(found.stdout)
    raise Problem(f"{' '.join(command)}:\n{found.stderr.strip()}")


@functools.cache
def packages_of(target):
    """What cargo knows of the packages for a target, by name and version."""
    return {(package["name"], package["version"]): package for package in metadata("--filter-platform", target)["packages"]}


@functools.cache
def command_package():
    """The package of the workspace that has the command."""
    for package in metadata("--no-deps")["packages"]:
        if any(target["name"] == COMMAND and "bin" in target["kind"] for target in package["targets"]):
            return package
    raise Problem(f"no package of the workspace has the command `{COMMAND}`")


def version():
    return command_package()["version"]


def repository():
    """Where the project is at home, `https://host/owner/name`: as the release workflow says it, else Cargo.toml; or None."""
    said = os.environ.get("ARAZZO_REPOSITORY") or command_package()["repository"]
    return said.rstrip("/").removesuffix(".git") if said else None


def downloads():
    """The folder of a release's files, or None."""
    home = repository()
    return f"{home}/releases/download/v{version()}" if home else None


@functools.cache
def targets():
    return json.loads(read(HERE, "targets.json"))


def target_named(name):
    for target in targets():
        if target["target"] == name:
            return target
    raise Problem(f"no such target: {name}; packaging/targets.json has " + ", ".join(t["target"] for t in targets()))


def host():
    """The target of this machine, as its Rust says it."""
    rustc = subprocess.run([os.environ.get("RUSTC", "rustc"), "-vV"], capture_output=True, text=True, check=True).stdout
    return next(line.split()[1] for line in rustc.splitlines() if line.startswith("host:"))


def executable(target):
    return f"{COMMAND}.exe" if "windows" in target else COMMAND
