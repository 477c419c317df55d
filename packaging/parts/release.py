"""What is made of the packages of all targets: the launcher for npm, installers, the formula, checksums."""
import os
import re
import shutil

from . import npm
from .archive import name, sha256
from .project import HERE, Problem, downloads, read, repository, targets, version

FORMULA_SYSTEMS = {"macos": "apple-darwin", "linux": "unknown-linux-gnu"}
FORMULA_CPUS = {"arm": "aarch64", "intel": "x86_64"}


def archive_of(target):
    return name(target) + (".zip" if "windows" in target else ".tar.gz")


def missing(out):
    """What a release needs and the folder does not have."""
    wheels = os.listdir(os.path.join(out, "pypi")) if os.path.isdir(os.path.join(out, "pypi")) else []
    wanted = []
    for target in targets():
        wanted.append(os.path.join("release", archive_of(target["target"])))
        wanted.append(os.path.join("npm", f"{npm.package_of(target)}-{version()}.tgz"))
    gone = [path for path in wanted if not os.path.exists(os.path.join(out, path))]
    if len(wheels) != len(targets()):
        gone.append(f"a wheel for each target: there are {len(wheels)}")
    return gone


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
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(path, 0o755)


def collect(out, complete=False):
    """Returns what was left out, in words."""
    said = []
    gone = missing(out)
    if gone and complete:
        raise Problem("the release is not complete:\n  " + "\n  ".join(gone))
    release = os.path.join(out, "release")
    os.makedirs(os.path.join(out, "npm"), exist_ok=True)
    npm.write_launcher(os.path.join(out, "npm"))
    installers(release)
    text = formula(release)
    if text:
        with open(os.path.join(release, "arazzo.rb"), "w", encoding="utf-8") as file:
            file.write(text)
    else:
        said.append("no formula for Homebrew: set ARAZZO_REPOSITORY or `repository` in Cargo.toml, from which archives are downloaded")
    if os.path.isdir(os.path.join(out, "docker")):
        shutil.copy(os.path.join(HERE, "Dockerfile"), os.path.join(out, "docker"))
    sums(release)
    return said


def sums(release):
    """`SHA256SUMS`, as `sha256sum` writes it and `sha256sum -c` reads it."""
    names = sorted(name for name in os.listdir(release) if name != "SHA256SUMS" and not re.match(r"\.", name))
    with open(os.path.join(release, "SHA256SUMS"), "w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{sha256(os.path.join(release, name))}  {name}\n" for name in names)
