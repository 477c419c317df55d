"""install.sh, against a server on loopback."""
import os
import shutil

from parts.project import HERE, read, targets, version

from . import made
from .made import Case, needs


class Installer(Case):
    def setUp(self):
        super().setUp()
        self.release = self.path("release")
        shutil.copytree(os.path.join(made.OUT, "release"), self.release)
        self.url = made.serve(self, self.release)
        self.script = os.path.join(self.release, "install.sh")
        self.command = self.path(".local", "bin", "arazzo")

    def install(self, *arguments, code=0, **more):
        return self.run_in("sh", self.script, *arguments, code=code, **more).stderr

    def tools(self, *hidden, **scripts):
        """A folder of links to all programs but some, with scripts of our own in their place, as PATH."""
        folder = self.path("tools")
        os.makedirs(folder, exist_ok=True)
        for place in reversed(made.PATH.split(os.pathsep)):
            for name in os.listdir(place) if os.path.isdir(place) else []:
                if name not in hidden and not os.path.lexists(os.path.join(folder, name)):
                    os.symlink(os.path.join(place, name), os.path.join(folder, name))
        for name, text in scripts.items():
            if os.path.lexists(os.path.join(folder, name)):
                os.remove(os.path.join(folder, name))
            self.write(f"tools/{name}", f"#!/bin/sh\n{text}\n", runs=True)
        return folder

    @needs("curl")
    def test_the_command_is_installed_and_an_older_one_replaced(self):
        self.write(".local/bin/arazzo", "#!/bin/sh\necho old\n", runs=True)
        said = self.install("--from", self.url)
        self.assertIn(f"installed arazzo {version()} as {self.command}", said)
        self.assertIn("is not in PATH", said)
        self.runs_the_reference_workflow(self.command)
        self.assertEqual(os.listdir(os.path.dirname(self.command)), ["arazzo"])
        # `v` is how tags are called.
        self.install("--from", self.url, "--version", f"v{version()}")
        said = self.install("--from", f"{self.url}/", "--to", self.path("a folder"), PATH=f"{made.PATH}:{self.path('a folder')}")
        self.assertNotIn("note:", said)
        self.assertTrue(os.access(self.path("a folder", "arazzo"), os.X_OK))

    @needs("curl", "tar", "sha256sum")
    def test_success_is_said_only_of_a_command_that_runs(self):
        # A folder where the command would be.
        os.makedirs(self.command)
        self.assertIn(f"{self.command} is a folder", self.install("--from", self.url, code=1))
        self.assertEqual(os.listdir(self.command), [])
        os.rmdir(self.command)
        # Commands that do not run, or are another version's: what is there stays.
        old = "#!/bin/sh\necho old\n"
        self.write(".local/bin/arazzo", old, runs=True)
        target = "x86_64-unknown-linux-musl"
        stem = f"arazzo-{version()}-{target}"
        for text, words in [("exit 1", "does not run in"), ("exec /nowhere", "does not run in"), ("echo arazzo 0.0.9", "it says arazzo 0.0.9"), ("true", "has another command")]:
            self.write(f"{stem}/arazzo", f"#!/bin/sh\n{text}\n", runs=True)
            self.run_in("tar", "-czf", os.path.join(self.release, f"{stem}.tar.gz"), stem)
            self.run_in("sh", "-c", f"cd release && sha256sum {stem}.tar.gz >SHA256SUMS")
            self.assertIn(words, self.install("--from", self.url, "--target", target, code=1))
            self.assertEqual(read(self.command), old)
            self.assertEqual(os.listdir(os.path.dirname(self.command)), ["arazzo"])

    @needs("curl")
    def test_another_version_is_looked_for_in_its_own_release(self):
        tools = self.tools(curl='echo "$@" >>"$HOME/asked"; exit 22')
        for arguments, number in [((), version()), (("--version", "9.8.7"), "9.8.7"), (("--version", "v9.8.7"), "9.8.7")]:
            said = self.install("--target", "x86_64-unknown-linux-gnu", *arguments, code=1, PATH=tools)
            self.assertIn(f"could not download {made.HOME}/releases/download/v{number}/SHA256SUMS", said)

    def test_without_a_home_a_place_is_asked_for(self):
        self.assertIn("HOME is not set", self.run_in("env", "-u", "HOME", "sh", self.script, "--from", self.url, code=1).stderr)
        self.run_in("env", "-u", "HOME", "sh", self.script, "--help")

    @needs("wget")
    def test_wget_does_as_well(self):
        self.install("--from", self.url, PATH=self.tools("curl"))
        self.assertTrue(os.path.exists(self.command))

    @needs("curl")
    def test_another_archive_than_was_published_is_not_installed(self):
        path = next(os.path.join(self.release, name) for name in os.listdir(self.release) if name.endswith("gnu.tar.gz"))
        with open(path, "ab") as file:
            file.write(b"\0")
        said = self.install("--from", self.url, code=1)
        self.assertIn("is not what SHA256SUMS says", said)
        self.assertFalse(os.path.exists(self.command))

    @needs("curl")
    def test_nothing_is_installed_unchecked(self):
        said = self.install("--from", self.url, code=1, PATH=self.tools("sha256sum", "shasum"))
        self.assertIn("nothing is installed unchecked", said)
        self.write("release/SHA256SUMS", "")
        self.assertIn("SHA256SUMS of", self.install("--from", self.url, code=1))
        os.remove(os.path.join(self.release, "SHA256SUMS"))
        self.assertIn(f"could not download {self.url}/SHA256SUMS", self.install("--from", self.url, code=1))
        self.assertFalse(os.path.exists(self.command))

    @needs("curl")
    def test_a_script_that_was_cut_off_does_nothing(self):
        text = read(self.release, "install.sh")
        for end in (len(text) // 3, len(text) // 2, text.index("mkdir -p"), len(text) - len('main "$@"\n')):
            self.script = self.write("cut.sh", text[:end])
            self.run_in("sh", "-c", 'sh "$1" --from "$2" || true', "sh", self.script, self.url)
            self.assertFalse(os.path.exists(self.path(".local")))

    def test_only_https_is_trusted(self):
        for url in ("http://example.test/x", "ftp://example.test", "file:///x", "http://localhost.example.test:80"):
            self.assertIn("is not an https url", self.install("--from", url, code=1))
        self.assertIn("unknown option", self.install("--form", self.url, code=1))
        self.assertIn("needs a value", self.install("--from", code=1))
        # The script as it stands in the repository knows no release.
        text = read(HERE, "install.sh").replace("@DOWNLOADS@", "")
        self.script = self.write("bare.sh", text)
        self.assertIn("does not know where", self.install(code=1))
        self.assertIn("--from URL", self.run_in("sh", self.script, "--help").stdout)

    @needs("curl")
    def test_every_system_gets_its_archive_or_is_told_how_to_build(self):
        known = {target["target"] for target in targets()}
        for system, machine, libc, expected in [
            ("Linux", "x86_64", "glibc 2.36", "x86_64-unknown-linux-gnu"),
            ("Linux", "amd64", "glibc 2.28", "x86_64-unknown-linux-gnu"),
            ("Linux", "x86_64", "glibc 2.17", "x86_64-unknown-linux-musl"),
            ("Linux", "aarch64", "glibc 3.0", "aarch64-unknown-linux-gnu"),
            ("Linux", "arm64", None, "aarch64-unknown-linux-musl"),
            ("Darwin", "arm64", None, "aarch64-apple-darwin"),
            ("Darwin", "x86_64", None, "x86_64-apple-darwin"),
        ]:
            self.assertIn(expected, known)
            getconf = f"echo {libc}" if libc else "exit 1"
            path = self.tools(uname=f'case "$1" in -s) echo {system} ;; *) echo {machine} ;; esac', getconf=getconf, curl='echo "$@" >>"$HOME/asked"; echo x >"$4"; exit 22')
            said = self.install("--from", self.url, code=1, PATH=path)
            self.assertIn(f"has it an archive for {expected}?", said)
        for system, machine, words in [("Linux", "mips", "processor mips"), ("Plan9", "x86_64", "no archive for Plan9"), ("MINGW64_NT-10.0", "x86_64", "install.ps1")]:
            path = self.tools(uname=f'case "$1" in -s) echo {system} ;; *) echo {machine} ;; esac')
            self.assertIn(words, self.install("--from", self.url, code=1, PATH=path))

    def test_both_installers_know_their_version(self):
        for script in ("install.sh", "install.ps1"):
            text = read(self.release, script)
            self.assertIn(f'"{version()}"', text)
            self.assertIn(f'"{made.HOME}/releases/download/v{version()}"', text)
