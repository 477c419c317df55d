"""Files as archives whose bytes depend on nothing but what is in them."""
import gzip
import hashlib
import io
import os
import tarfile
import tempfile
import zipfile

from .binary import says
from .project import LICENCES, ROOT, executable, version

# The earliest time that a zip file can hold.
TIME = 315532800
ZIP_TIME = (1980, 1, 1, 0, 0, 0)

# Where a shell's packages look for completions, and what the file is called there.
COMPLETIONS = {"bash": "arazzo.bash", "zsh": "_arazzo", "fish": "arazzo.fish", "powershell": "_arazzo.ps1", "elvish": "arazzo.elv"}


class File:
    """A file in a package."""

    def __init__(self, name, content, runs=False):
        self.name, self.runs = name, runs
        self.content = content.encode() if isinstance(content, str) else content


def tar_gz(path, files, level=9):
    with open(path, "wb") as out, gzip.GzipFile("", "wb", level, out, mtime=TIME) as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for file in files:
                entry = tarfile.TarInfo(file.name)
                entry.size, entry.mtime, entry.mode = len(file.content), TIME, 0o755 if file.runs else 0o644
                tar.addfile(entry, io.BytesIO(file.content))


def zipped(path, files, level=9):
    with zipfile.ZipFile(path, "w") as archive:
        for file in files:
            entry = zipfile.ZipInfo(file.name, ZIP_TIME)
            entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, 3
            entry.external_attr = (0o100755 if file.runs else 0o100644) << 16
            archive.writestr(entry, file.content, compresslevel=level)


def name(target):
    return f"arazzo-{version()}-{target}"


def surroundings(binary):
    """Completions and man pages, as the command itself gives them."""
    files = [File(f"completions/{name}", says(binary, "completions", shell)) for shell, name in COMPLETIONS.items()]
    with tempfile.TemporaryDirectory() as folder:
        says(binary, "man", "--dir", folder)
        for page in sorted(os.listdir(folder)):
            with open(os.path.join(folder, page), "rb") as file:
                files.append(File(f"man/man1/{page}", file.read()))
    return files


def licences():
    return [File(licence, open(os.path.join(ROOT, licence), "rb").read()) for licence in LICENCES]


def write(folder, target, binary, content, third_party, level):
    """`arazzo-<version>-<target>.tar.gz`, or `.zip` for Windows: one folder with everything in it."""
    files = [File(executable(target.removesuffix("-static")), content, runs=True), *licences(), third_party]
    files += [File(page, open(os.path.join(ROOT, page), "rb").read()) for page in ("README.md", "CHANGELOG.md")]
    files += surroundings(binary)
    files = [File(f"{name(target)}/{file.name}", file.content, file.runs) for file in files]
    if "windows" in target:
        path = os.path.join(folder, f"{name(target)}.zip")
        zipped(path, files, level)
    else:
        path = os.path.join(folder, f"{name(target)}.tar.gz")
        tar_gz(path, files, level)
    return path


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()
