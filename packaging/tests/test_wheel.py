"""The wheel for PyPI, into a fresh environment, without an index."""
import base64
import csv
import hashlib
import io
import os
import re
import sys
import zipfile

from parts import wheel
from parts.binary import Elf
from parts.project import Problem, target_named, version

from .made import Case, needs, one


def made():
    return one("pypi/*.whl")


class Wheel(Case):
    def test_pip_installs_the_command_and_takes_it_away(self):
        self.run_in(sys.executable, "-m", "venv", self.path("venv"))
        scripts = self.path("venv", "bin")
        self.run_in(os.path.join(scripts, "pip"), "install", "--no-index", "--no-deps", made())
        self.runs_the_reference_workflow(os.path.join(scripts, "arazzo"))
        self.run_in(os.path.join(scripts, "pip"), "uninstall", "--yes", "arazzo")
        self.assertFalse(os.path.exists(os.path.join(scripts, "arazzo")))

    def test_every_file_is_recorded_with_its_hash(self):
        with zipfile.ZipFile(made()) as files:
            about = f"arazzo-{version()}.dist-info"
            rows = {name: (digest, size) for name, digest, size in csv.reader(io.StringIO(files.read(f"{about}/RECORD").decode()))}
            self.assertEqual(sorted(rows), sorted(files.namelist()))
            for name, (digest, size) in rows.items():
                if not name.endswith("/RECORD"):
                    content = files.read(name)
                    actual = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
                    self.assertEqual((digest, int(size)), (f"sha256={actual}", len(content)), name)
            metadata = files.read(f"{about}/METADATA").decode()
            self.assertIn(f"\nVersion: {version()}\n", metadata)
            self.assertIn("\nLicense-Expression: MIT OR Apache-2.0\n", metadata)
            # A program for everyone.
            self.assertEqual(files.getinfo(f"arazzo-{version()}.data/scripts/arazzo").external_attr >> 16, 0o100755)

    @needs("readelf")
    def test_the_tag_is_that_of_the_newest_glibc_that_is_asked_for(self):
        with zipfile.ZipFile(made()) as files:
            binary = self.path("arazzo")
            with open(binary, "wb") as out:
                out.write(files.read(f"arazzo-{version()}.data/scripts/arazzo"))
        # By other means than ours.
        needed = self.run_in("readelf", "--version-info", "--wide", binary).stdout
        newest = max((int(minor) for minor in re.findall(r"Name: GLIBC_2\.(\d+)", needed)), default=None)
        tag = "manylinux_2_17" if newest is None else f"manylinux_2_{newest}"
        self.assertIn(f"-{tag}_", os.path.basename(made()))

    @needs("cc")
    def test_a_static_binary_runs_with_either_libc(self):
        self.write("main.c", "int main(void) { return 0; }\n")
        linux = target_named("x86_64-unknown-linux-gnu")
        for flags, static in ((["-static"], True), (["-static-pie"], True), ([], False)):
            self.run_in("cc", "main.c", "-o", "main", *flags)
            with open(self.path("main"), "rb") as file:
                content = file.read()
            self.assertEqual(Elf(content).is_static, static, flags)
            tag = wheel.platform(linux, content)
            self.assertEqual("musllinux" in tag, static, tag)
        # What is linked with glibc is none for musl.
        with self.assertRaises(Problem):
            wheel.platform(target_named("x86_64-unknown-linux-musl"), content)
