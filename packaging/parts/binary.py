"""The binary that packages carry: built here, or given; and what can be seen in it."""
import os
import re
import shutil
import struct
import subprocess
import sys
import venv

from .project import CARGO, COMMAND, FEATURES, HERE, ROOT, Problem, command_package, version

# A static binary cannot look symbols up, so getrandom would not find the function of glibc that it is named after, and ask
# /dev/urandom, which an empty root does not have.
STATIC = '-C target-feature=+crt-static --cfg getrandom_backend="linux_getrandom"'
CPUS = {"ELF": {62: "x86_64", 183: "aarch64"}, "PE": {0x8664: "x86_64", 0xAA64: "aarch64"}, "Mach-O": {0x01000007: "x86_64", 0x0100000C: "aarch64"}}
FORMATS = {"linux": "ELF", "windows": "PE", "darwin": "Mach-O"}


def build(target, static=False, glibc=None):
    """Builds the command with the profile `dist` and gives its path."""
    folder = os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target")), target, "dist")
    environment = dict(os.environ)
    command, wanted = [CARGO, "build"], target
    if static:
        # In the place of a musl target, which not every machine can have. Only with `--target` does the flag not reach
        # build scripts and macros, which have to be loaded.
        environment["RUSTFLAGS"] = f"{environment.get('RUSTFLAGS', '')} {STATIC}".strip()
        environment["CARGO_TARGET_DIR"] = os.path.join(os.path.dirname(os.path.dirname(folder)), "static")
        folder = os.path.join(environment["CARGO_TARGET_DIR"], target, "dist")
    if glibc:
        # The compiler of Zig links against any version of glibc; PyPI has it as a package.
        tools = zig_tools()
        environment["PATH"] = tools + os.pathsep + environment["PATH"]
        command, wanted = [CARGO, "zigbuild"], f"{target}.{glibc}"
    command += ["--profile", "dist", "--locked", "-p", command_package()["name"], "--target", wanted]
    command += ["--features", FEATURES]
    if subprocess.run(command, cwd=ROOT, env=environment).returncode != 0:
        raise Problem(f"not built: {' '.join(command)}")
    return os.path.join(folder, f"{COMMAND}.exe" if "windows" in target else COMMAND)


def zig_tools():
    """The folder with cargo-zigbuild and Zig, installed from PyPI into target/ with pinned hashes."""
    folder = os.path.join(ROOT, "target", "zig")
    tools = os.path.join(folder, "bin")
    if not os.path.exists(os.path.join(tools, "cargo-zigbuild")):
        venv.create(folder, with_pip=True, clear=True)
        install = [os.path.join(tools, "python"), "-m", "pip", "install", "--quiet", "--only-binary", ":all:"]
        install += ["--require-hashes", "-r", os.path.join(HERE, "zig.txt")]
        if subprocess.run(install).returncode != 0:
            shutil.rmtree(folder)
            raise Problem("cargo-zigbuild and Zig could not be installed from PyPI")
    return tools


def says(binary, *arguments):
    """What the command says, with no configuration of this machine."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ARAZZO_")}
    try:
        done = subprocess.run([binary, *arguments], capture_output=True, env=environment, stdin=subprocess.DEVNULL)
    except OSError as problem:
        raise Problem(f"{binary} does not run here, and its man pages come from it: {problem.strerror}") from problem
    if done.returncode != 0:
        raise Problem(f"{binary} {' '.join(arguments)}: exit {done.returncode}\n{done.stderr.decode(errors='replace')}")
    return done.stdout


def check_version(binary):
    said = says(binary, "--version").decode().split()
    if said != [COMMAND, version()]:
        raise Problem(f"{binary} is `{' '.join(said)}`, and Cargo.toml says {version()}")


def machine(content):
    """The format of a binary and the processor that it is for; None where it is neither known."""
    head = content[:4096]
    if head[:6] == b"\x7fELF\x02\x01" and len(head) >= 20:
        return "ELF", CPUS["ELF"].get(struct.unpack_from("<H", head, 18)[0])
    if head[:4] == b"\xcf\xfa\xed\xfe" and len(head) >= 8:
        return "Mach-O", CPUS["Mach-O"].get(struct.unpack_from("<I", head, 4)[0])
    if head[:2] == b"MZ" and len(head) >= 64:
        offset, = struct.unpack_from("<I", head, 60)
        if head[offset:offset + 4] == b"PE\0\0" and len(head) >= offset + 6:
            return "PE", CPUS["PE"].get(struct.unpack_from("<H", head, offset + 4)[0])
    return None, None


def check_target(path, content, target):
    """Refuses a binary that is for another system, which the packages would say that it is for."""
    wanted = next(format for system, format in FORMATS.items() if system in target), target.split("-")[0]
    found = machine(content)
    if found != wanted:
        said = "no program that is known here" if found[0] is None else f"{found[0]} for {found[1] or 'another processor'}"
        raise Problem(f"{path} is {said}, and {target} asks for {wanted[0]} for {wanted[1]}")


class Elf:
    """What a Linux binary asks of the system that it runs on."""

    def __init__(self, content):
        if content[:6] != b"\x7fELF\x02\x01":
            raise Problem("not a 64-bit ELF file, as Linux binaries are")
        offset, = struct.unpack_from("<Q", content, 32)
        size, count = struct.unpack_from("<HH", content, 54)
        kinds = {struct.unpack_from("<I", content, offset + at * size)[0] for at in range(count)}
        # PT_INTERP: the loader that brings in shared libraries. A static binary names none.
        self.is_static = 3 not in kinds
        # Names of versions stand in the table of strings. More of them than are needed would only be cautious.
        versions = {int(minor) for minor in re.findall(rb"\0GLIBC_2\.(\d+)(?=[.\0])", content)}
        self.glibc = None if self.is_static else max(versions, default=None)


def is_windows():
    return sys.platform == "win32"
