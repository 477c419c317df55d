"""What is made of the packages of all targets: the launcher for npm, installers, the formula, checksums."""
import os

from . import npm, wheel
from .archive import name, sha256
from .project import HERE, Problem, command_package, downloads, read, repository, targets, version

# As the builders of containers call them.
PROCESSORS = {"x86_64": "amd64", "aarch64": "arm64"}
# What is made of the packages, beside them.
MADE = ("arazzo.rb", "install.ps1", "install.sh")
FORMULA_SYSTEMS = {"macos": "apple-darwin", "linux": "unknown-linux-gnu"}
FORMULA_CPUS = {"arm": "aarch64", "intel": "x86_64"}


def archive_of(target):
    return name(target) + (".zip" if "windows" in target else ".tar.gz")


def names_here(*path):
    folder = os.path.join(*path)
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def missing(out):
    """What a release needs and the folder does not have."""
    wanted = []
    for target in targets():
        wanted += [os.path.join("release", archive_of(target["target"])), os.path.join("release", f"{name(target['target'])}.cdx.json")]
        wanted.append(os.path.join("npm", f"{npm.package_of(target)}-{version()}.tgz"))
        if "musl" in target["target"]:
            wanted.append(os.path.join("docker", PROCESSORS[target["target"].split("-")[0]], "arazzo"))
    gone = [path for path in wanted if not os.path.exists(os.path.join(out, path))]
    wheels = names_here(out, "pypi")
    gone += [f"a wheel for {target['target']}" for target in targets() if not any(map(wheel.name_of(target).fullmatch, wheels))]
    return gone


def packages_in(release):
    """The archives and lists of parts of this version that are there, and what is of another."""
    stems = [name(target["target"]) + static for target in targets() for static in ("", "-static")]
    known = {stem + ending for stem in stems for ending in (".tar.gz", ".zip", ".cdx.json")}
    there = [one for one in names_here(release) if one not in (*MADE, "SHA256SUMS")]
    return [one for one in there if one in known], [one for one in there if one not in known]


def formula(release):
    """The text of the formula, with the archives that are there; None where nothing says where they will be."""
    if not downloads():
        return None
    blocks = []
    for system, vendor in FORMULA_SYSTEMS.items():
        lines = []
        for cpu, architecture in FORMULA_CPUS.items():
            archive = archive_of(f"{architecture}-{vendor}")
            path = os.path.join(release, archive)
            if os.path.exists(path):
                lines += [f"    on_{cpu} do", f'      url "{downloads()}/{archive}"', f'      sha256 "{sha256(path)}"', "    end"]
        if lines:
            blocks += [f"  on_{system} do", *lines, "  end", ""]
    text = read(HERE, "homebrew", "arazzo.rb")
    filled = {"@HOMEPAGE@": repository(), "@VERSION@": version(), "  @ARCHIVES@\n": "\n".join(blocks).rstrip("\n") + "\n"}
    for placeholder, value in filled.items():
        text = text.replace(placeholder, value)
    return text


def installers(release):
    """The installers, which know the version that they stand beside, and where its files are."""
    for script in ("install.sh", "install.ps1"):
        text = read(HERE, script)
        for placeholder, value in {"@VERSION@": version(), "@DOWNLOADS@": downloads() or ""}.items():
            if text.count(f'"{placeholder}"') != 1:
                raise Problem(f"packaging/{script} does not have {placeholder} once")
            text = text.replace(f'"{placeholder}"', f'"{value}"')
        path = os.path.join(release, script)
        put(path, text)
        os.chmod(path, 0o755)


def collect(out, complete=False):
    """Returns what was left out, in words."""
    said = []
    gone = missing(out)
    if gone and complete:
        raise Problem("the release is not complete:\n  " + "\n  ".join(gone))
    release = os.path.join(out, "release")
    packages, others = packages_in(release)
    if not packages:
        raise Problem(f"{release} has no package of arazzo {version()}: packaging/build makes those of this machine")
    said += [f"{one} is not of arazzo {version()}, and not in SHA256SUMS" for one in others]
    os.makedirs(os.path.join(out, "npm"), exist_ok=True)
    npm.write_launcher(os.path.join(out, "npm"))
    installers(release)
    text = formula(release)
    path = os.path.join(release, "arazzo.rb")
    if text:
        put(path, text)
    else:
        # One of another time.
        if os.path.exists(path):
            os.remove(path)
        said.append("no formula for Homebrew: set ARAZZO_REPOSITORY or `repository` in Cargo.toml, from which archives are downloaded")
    if os.path.isdir(os.path.join(out, "docker")):
        put(os.path.join(out, "docker", "Dockerfile"), dockerfile())
    sums(release, [*packages, *(one for one in MADE if os.path.exists(os.path.join(release, one)))])
    return said


def sums(release, names):
    """`SHA256SUMS`, as `sha256sum` writes it and `sha256sum -c` reads it."""
    put(os.path.join(release, "SHA256SUMS"), "".join(f"{sha256(os.path.join(release, one))}  {one}\n" for one in sorted(names)))


def put(path, text):
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)


def dockerfile():
    """The text, with what its image says of itself; without the lines that nothing is known for."""
    known = {"@SOURCE@": repository(), "@VERSION@": version(), "@LICENCE@": command_package()["license"]}
    lines = read(HERE, "Dockerfile").splitlines(keepends=True)
    for placeholder, value in known.items():
        lines = [line.replace(placeholder, value or "") for line in lines if value or placeholder not in line]
    return "".join(lines)
