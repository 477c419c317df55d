"""Archives, checksums, the formula, the list of parts: what stands in the folder of a release."""
import json
import os
import re
import struct
import subprocess
import sys
import tarfile
import zipfile

from parts import archive, binary, npm, release, thirdparty, wheel
from parts.archive import COMPLETIONS, File
from parts.project import CARGO, FEATURES, HERE, ROOT, Problem, command_package, read, targets, version

from . import made
from .made import Case, needs


def stands_in(folder):
    """Packages of every target, without a binary in them."""
    for name in ("release", "npm", "pypi"):
        os.makedirs(os.path.join(folder, name))
    for target in targets():
        name = release.archive_of(target["target"])
        path = os.path.join(folder, "release", name)
        files = [File(f"{archive.name(target['target'])}/arazzo", target["target"], runs=True)]
        (archive.zipped if name.endswith(".zip") else archive.tar_gz)(path, files)
        open(os.path.join(folder, "release", f"{archive.name(target['target'])}.cdx.json"), "w").close()
        npm.write_platform(os.path.join(folder, "npm"), target, target["target"].encode(), File("THIRD-PARTY.txt", ""), 1)
        architecture = target["target"].split("-")[0]
        tag = target.get("wheel", f"manylinux_2_28_{architecture}")
        if "musl" in target["target"]:
            os.makedirs(os.path.join(folder, "docker", release.PROCESSORS[architecture]))
            open(os.path.join(folder, "docker", release.PROCESSORS[architecture], "arazzo"), "w").close()
            tag = f"manylinux_2_17_{architecture}.manylinux2014_{architecture}.{tag}"
        open(os.path.join(folder, "pypi", f"arazzo-{version()}-py3-none-{tag}.whl"), "w").close()


class Release(Case):
    def test_an_archive_has_the_command_its_pages_and_its_completions(self):
        with tarfile.open(made.archive()) as tar:
            names = tar.getnames()
            tar.extractall(self.folder)
        stem = os.path.basename(made.archive()).removesuffix(".tar.gz")
        self.assertTrue(all(name.startswith(f"{stem}/") for name in names), names)
        for name in ["arazzo", "LICENSE-MIT", "LICENSE-APACHE", "THIRD-PARTY.txt", "README.md", "CHANGELOG.md", "man/man1/arazzo.1", "man/man1/arazzo-run.1",
                     *[f"completions/{name}" for name in COMPLETIONS.values()]]:
            self.assertIn(f"{stem}/{name}", names)
        self.runs_the_reference_workflow(self.path(stem, "arazzo"))
        self.assertIn("_clap_complete_arazzo", read(self.folder, stem, "completions", "arazzo.bash"))
        self.run_in("bash", "--norc", "-c", f". {stem}/completions/arazzo.bash && complete -p arazzo")

    @needs("sha256sum")
    def test_the_checksums_are_those_of_every_file(self):
        folder = os.path.join(made.OUT, "release")
        self.run_in("sha256sum", "--strict", "--quiet", "-c", "SHA256SUMS", cwd=folder)
        listed = [line.split()[1] for line in read(folder, "SHA256SUMS").splitlines()]
        self.assertEqual(sorted([*listed, "SHA256SUMS"]), sorted(os.listdir(folder)))

    def test_the_same_files_make_the_same_bytes(self):
        for number, write in enumerate((archive.tar_gz, archive.zipped)):
            digests = set()
            for time in (1, 2):
                path = self.path(f"{number}-{time}")
                write(path, [File("a/b", "text", runs=True), File("a/c", b"\0" * 100)])
                os.utime(path, (time, time))
                digests.add(archive.sha256(path))
            self.assertEqual(len(digests), 1)

    def test_the_list_of_parts_has_every_package_that_is_linked(self):
        bom = json.loads(read(made.one(f"release/arazzo-{version()}-*-gnu.cdx.json")))
        self.assertEqual((bom["bomFormat"], bom["specVersion"]), ("CycloneDX", "1.5"))
        named = {part["name"]: part for part in bom["components"]}
        tree = [CARGO, "tree", "--offline", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}", "-p", command_package()["name"], "--features", FEATURES]
        done = subprocess.run(tree, cwd=ROOT, text=True, stdout=subprocess.PIPE, check=True)
        linked = {(line.split()[0], line.split()[1].lstrip("v")) for line in done.stdout.splitlines() if line.strip()}
        linked = {part for part in linked if part[0] != command_package()["name"]}
        self.assertEqual({(part["name"], part["version"]) for part in bom["components"]}, linked)
        self.assertEqual(named["rustls"]["hashes"][0]["alg"], "SHA-256")
        self.assertTrue(all(part.get("licenses") for part in named.values()))
        refs = {part["bom-ref"] for part in bom["components"]} | {bom["metadata"]["component"]["bom-ref"]}
        self.assertEqual({row["ref"] for row in bom["dependencies"]}, refs)
        self.assertTrue(all(ref in refs for row in bom["dependencies"] for ref in row["dependsOn"]))

    def test_a_release_of_all_targets_has_one_formula_and_one_launcher(self):
        stands_in(self.folder)
        self.assertEqual(release.collect(self.folder, complete=True), [])
        text = read(self.folder, "release", "arazzo.rb")
        urls = re.findall(r'url "(.*)"\n\s+sha256 "([0-9a-f]{64})"', text)
        self.assertEqual(len(urls), 4)
        sums = read(self.folder, "release", "SHA256SUMS")
        for url, digest in urls:
            self.assertTrue(url.startswith(f"{made.HOME}/releases/download/v{version()}/"), url)
            self.assertIn(f"{digest}  {os.path.basename(url)}\n", sums)
        self.assertNotIn("@", text)
        self.assertNotIn("Filled in", text)
        image = read(self.folder, "docker", "Dockerfile")
        self.assertIn(f'image.source="{made.HOME}"', image)
        self.assertIn('image.licenses="MIT OR Apache-2.0"', image)
        for gone in [("release", release.archive_of("aarch64-apple-darwin")), ("docker", "arm64", "arazzo")]:
            os.remove(os.path.join(self.folder, *gone))
            with self.assertRaisesRegex(Problem, os.path.join(*gone)):
                release.collect(self.folder, complete=True)

    def test_wheels_are_counted_by_their_version_and_their_system(self):
        stands_in(self.folder)
        folder = os.path.join(self.folder, "pypi")
        for target in targets():
            mine = [one for one in os.listdir(folder) if wheel.name_of(target).fullmatch(one)]
            self.assertEqual(len(mine), 1, (target["target"], mine))
        # One of another version, and a second one of a system, take no place.
        name = next(one for one in os.listdir(folder) if "win_arm64" in one)
        for other in (name.replace(version(), "0.0.9"), name.replace("win_arm64", "win32")):
            os.rename(os.path.join(folder, name), os.path.join(folder, other))
            with self.assertRaisesRegex(Problem, "a wheel for aarch64-pc-windows-msvc"):
                release.collect(self.folder, complete=True)
            os.rename(os.path.join(folder, other), os.path.join(folder, name))
        release.collect(self.folder, complete=True)

    def test_what_is_of_another_version_is_not_summed(self):
        stands_in(self.folder)
        others = [f"arazzo-{number}-x86_64-unknown-linux-gnu.tar.gz" for number in ("0.0.9", f"{version()}-rc.1", f"{version()}0")]
        for other in others:
            self.write(f"release/{other}", "old")
        said = release.collect(self.folder)
        sums = read(self.folder, "release", "SHA256SUMS")
        for other in others:
            self.assertTrue(any(other in line for line in said), said)
            self.assertNotIn(other, sums)

    def test_a_folder_without_packages_is_said(self):
        for folder in (self.path("nowhere"), self.folder):
            build = [sys.executable, os.path.join(HERE, "build"), "--collect", "--out", folder]
            done = subprocess.run(build, capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr.count("\n")), (1, 1), done.stderr)
            self.assertIn(f"has no package of arazzo {version()}", done.stderr)

    def test_a_binary_for_another_system_is_refused(self):
        elf = lambda number: b"\x7fELF\x02\x01" + b"\0" * 12 + struct.pack("<H", number) + b"\0" * 44
        pe = lambda number: b"MZ" + b"\0" * 58 + struct.pack("<I", 64) + b"PE\0\0" + struct.pack("<H", number)
        mach = lambda number: b"\xcf\xfa\xed\xfe" + struct.pack("<I", number)
        kinds = {("linux", "x86_64"): elf(62), ("linux", "aarch64"): elf(183), ("windows", "x86_64"): pe(0x8664), ("windows", "aarch64"): pe(0xAA64),
                 ("darwin", "x86_64"): mach(0x01000007), ("darwin", "aarch64"): mach(0x0100000C)}
        others = [elf(40), pe(0x14C), b"\xca\xfe\xba\xbe\0\0\0\2", b"#!/bin/sh\n", b"MZ", b"\x7fELF\x02\x01", b""]
        for target in targets():
            for (system, cpu), content in [*kinds.items(), *((("", ""), other) for other in others)]:
                if system and system in target["target"] and target["target"].startswith(cpu):
                    binary.check_target("arazzo", content, target["target"])
                else:
                    with self.assertRaisesRegex(Problem, f"{target['target']} asks for"):
                        binary.check_target("arazzo", content, target["target"])
        # Before anything is written.
        build = [sys.executable, os.path.join(HERE, "build"), "--out", self.path("out"), "--target", "x86_64-pc-windows-msvc", "--binary", sys.executable]
        done = subprocess.run(build, capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("asks for PE for x86_64", done.stderr)
        self.assertFalse(os.path.exists(self.path("out")))

    def test_every_package_has_the_licences_of_what_is_linked(self):
        with tarfile.open(made.archive()) as tar:
            stem = os.path.basename(made.archive()).removesuffix(".tar.gz")
            text = tar.extractfile(f"{stem}/THIRD-PARTY.txt").read()
        with tarfile.open(made.one("npm/arazzo-linux-*.tgz")) as tar:
            self.assertEqual(tar.extractfile("package/THIRD-PARTY.txt").read(), text)
        with zipfile.ZipFile(made.one("pypi/*.whl")) as files:
            about = f"arazzo-{version()}.dist-info"
            self.assertEqual(files.read(f"{about}/licenses/THIRD-PARTY.txt"), text)
            self.assertIn(b"\nLicense-File: THIRD-PARTY.txt\n", files.read(f"{about}/METADATA"))
        text = text.decode()
        bom = json.loads(read(made.one(f"release/arazzo-{version()}-*-gnu.cdx.json")))
        for part in bom["components"]:
            if not part["name"].startswith("arazzo"):
                self.assertRegex(text, rf"(?m)^{re.escape(part['name'])} {re.escape(part['version'])} \(.+\)")
        for words in ("Permission is hereby granted, free of charge", "Apache License", "Brian Smith"):
            self.assertIn(words, text)
        # Static binaries have a libc in them.
        self.assertIn("Rich Felker", thirdparty.written("x86_64-unknown-linux-musl"))

    @needs("ruby")
    def test_the_formula_installs_what_the_archive_has(self):
        stands_in(self.folder)
        release.collect(self.folder)
        self.write("formula.rb", RUBY)
        with tarfile.open(made.archive()) as tar:
            tar.extractall(self.folder)
        stem = os.path.basename(made.archive()).removesuffix(".tar.gz")
        said = self.run_in("ruby", self.path("formula.rb"), self.path("release", "arazzo.rb"), cwd=self.path(stem)).stdout
        self.assertEqual(said.split(), ["bin=arazzo", *[f"man1={page}" for page in sorted(os.listdir(self.path(stem, "man/man1")))],
                                        "bash=arazzo.bash", "zsh=_arazzo", "fish=arazzo.fish"])

    def test_packages_are_found_where_cargo_binstall_looks(self):
        binstall = command_package()["metadata"]["binstall"]
        for target in targets():
            rules = binstall | binstall["overrides"].get(target["target"], {})
            suffix = {"tgz": ".tar.gz", "zip": ".zip"}[rules["pkg-fmt"]]
            fill = lambda text: re.sub(r"\{ ([a-z-]+) \}", lambda match: {
                "repo": made.HOME, "version": version(), "target": target["target"], "archive-suffix": suffix, "bin": "arazzo",
                "binary-ext": ".exe" if "windows" in target["target"] else ""}[match[1]], text)
            self.assertEqual(os.path.basename(fill(rules["pkg-url"])), release.archive_of(target["target"]))
            self.assertEqual(os.path.dirname(fill(rules["pkg-url"])), f"{made.HOME}/releases/download/v{version()}")
            exe = ".exe" if "windows" in target["target"] else ""
            self.assertEqual(fill(rules["bin-dir"]), f"{archive.name(target['target'])}/arazzo{exe}")


# As much of Homebrew as the formula uses; what it does to the folder that it is in.
RUBY = """
class Place
  def initialize(name) = @name = name
  def install(files)
    files = files.keys if files.is_a?(Hash)
    Array(files).sort.each { |file| raise "no #{file}" unless File.file?(file); puts "#{@name}=#{File.basename(file)}" }
  end
end
class Formula
  class << self
    %i[desc homepage version license url sha256].each { |name| define_method(name) { |*| } }
    %i[on_macos on_linux on_arm on_intel].each { |name| define_method(name) { |&block| class_eval(&block) } }
    def test = nil
  end
  { bin: "bin", man1: "man1", bash_completion: "bash", zsh_completion: "zsh", fish_completion: "fish" }.each do |name, said|
    define_method(name) { Place.new(said) }
  end
end
load ARGV[0]
Arazzo.new.install
"""
