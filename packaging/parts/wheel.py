"""The wheel for PyPI. It is written from the binary that the other packages carry: maturin would build one of its own."""
import base64
import csv
import hashlib
import io
import os
import re

from .archive import File, licences, zipped
from .binary import Elf
from .project import HERE, Problem, command_package, executable, read, repository, version

ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "aarch64"}


def name_of(target):
    """A pattern for the name of the wheel of a target."""
    architecture = target["target"].split("-")[0]
    if "musl" in target["target"]:
        tag = rf"(manylinux\w+_{architecture}\.)*{target['wheel']}"
    else:
        tag = target.get("wheel", rf"manylinux_2_\d+_{architecture}")
    return re.compile(rf"arazzo-{re.escape(version())}-py3-none-{tag}\.whl")


def platform(target, content):
    """The tag of the systems that the binary runs on."""
    if "linux" not in target["target"]:
        return target["wheel"]
    elf = Elf(content)
    architecture = ARCHITECTURES[target["target"].split("-")[0]]
    if elf.is_static:
        # It asks for no library, so it runs with either; PEP 513 and PEP 656 allow that.
        return f"manylinux_2_17_{architecture}.manylinux2014_{architecture}.musllinux_1_1_{architecture}"
    if elf.glibc is None or "musl" in target["target"]:
        raise Problem(f"a binary for {target['target']} that is neither static nor linked with glibc has no tag")
    return f"manylinux_2_{elf.glibc}_{architecture}"


def described(carried):
    package = command_package()
    lines = ["Metadata-Version: 2.4", "Name: arazzo", f"Version: {version()}", f"Summary: {package['description']}",
             f"License-Expression: {package['license']}"]
    lines += [f"License-File: {file.name}" for file in carried]
    lines += ["Keywords: " + ",".join(package["keywords"]), "Requires-Python: >=3.7",
              "Classifier: Environment :: Console", "Classifier: Programming Language :: Rust",
              "Classifier: Topic :: Software Development :: Testing"]
    if repository():
        lines.append(f"Project-URL: Source, {repository()}")
    lines += ["Description-Content-Type: text/markdown", "", read(HERE, "pypi.md")]
    return "\n".join(lines)


def write(folder, target, content, third_party, level):
    tag = platform(target, content)
    stem, carried = f"arazzo-{version()}", [*licences(), third_party]
    about = f"{stem}.dist-info"
    tags = "".join(f"Tag: py3-none-{one}\n" for one in tag.split("."))
    # Files in `scripts` are put beside `python`, as programs.
    files = [File(f"{stem}.data/scripts/{executable(target['target'])}", content, runs=True),
             File(f"{about}/METADATA", described(carried)),
             File(f"{about}/WHEEL", f"Wheel-Version: 1.0\nGenerator: packaging/build\nRoot-Is-Purelib: false\n{tags}")]
    files += [File(f"{about}/licenses/{file.name}", file.content) for file in carried]
    record = io.StringIO()
    rows = csv.writer(record, lineterminator="\n")
    for file in files:
        digest = base64.urlsafe_b64encode(hashlib.sha256(file.content).digest()).decode().rstrip("=")
        rows.writerow([file.name, f"sha256={digest}", len(file.content)])
    rows.writerow([f"{about}/RECORD", "", ""])
    files.append(File(f"{about}/RECORD", record.getvalue()))
    path = os.path.join(folder, f"{stem}-py3-none-{tag}.whl")
    zipped(path, files, level)
    return path
