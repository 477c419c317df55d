"""The packages for npm, from their tarballs into an empty folder, offline."""
import glob
import json
import os
import pty
import shutil
import signal
import subprocess
import tarfile

from parts.archive import File
from parts.npm import package_of, write_platform
from parts.project import HERE, read, targets, version

from .made import OUT, PROVISION, Case, environment, needs, one


def manifest(path):
    with tarfile.open(path) as tar:
        return json.load(tar.extractfile("package/package.json"))


CPU = {"x86_64": "x64", "aarch64": "arm64"}.get(os.uname().machine)


def tarballs():
    return [one(f"npm/arazzo-{version()}.tgz"), one(f"npm/arazzo-linux-{CPU}-{version()}.tgz")]


class Npm(Case):
    @needs("npm", "node")
    def test_npx_runs_what_was_installed_from_tarballs_alone(self):
        self.write("package.json", "{}")
        self.run_in("npm", "install", "--ignore-scripts", *tarballs())
        self.runs_the_reference_workflow("npx", "arazzo")
        # The launcher is found without npm too.
        self.runs_the_reference_workflow(self.path("node_modules", ".bin", "arazzo"))
        self.passes_signals_on(self.path("node_modules", ".bin", "arazzo"))
        self.stops_once_at_a_terminal(self.path("node_modules", ".bin", "arazzo"))
        self.run_in("npm", "uninstall", "arazzo", *[manifest(path)["name"] for path in tarballs()[1:]])
        self.assertFalse(glob.glob(self.path("node_modules", "arazzo*")))

    def passes_signals_on(self, launcher):
        """A signal reaches the command, and its exit code comes back."""
        for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
            command = [launcher, "run", PROVISION, "--mock", "--latency", "30s", "--json"]
            # In a session of its own, without the terminal that the tests may be run from.
            child = subprocess.Popen(command, cwd=self.folder, env=environment(self.folder), text=True, start_new_session=True,
                                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            # The run has begun when its first request is said.
            for line in child.stdout:
                if "request.sent" in line:
                    break
            child.send_signal(number)
            _, said = child.communicate(timeout=120)
            self.assertEqual(child.returncode, code, said)

    def stops_once_at_a_terminal(self, launcher):
        """Ctrl-C reaches the launcher and the command at once. One lets a call end, two would not. Nor where no stream is
        the terminal's."""
        for streams in ("", " </dev/null 2>&1 | (trap '' INT; cat)"):
            self.stops_once(["bash", "-c", f"trap : INT; \"$@\"{streams}; exit ${{PIPESTATUS[0]}}", "bash", launcher])

    def stops_once(self, launcher):
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(self.folder)
            os.execvpe(launcher[0], [*launcher, "run", PROVISION, "--mock", "--latency", "2s"], {**environment(self.folder), "TERM": "xterm"})
        said, is_stopped = b"", False
        while True:
            try:
                said += os.read(terminal, 4096)
            except OSError:
                break
            if not is_stopped and b"POST /api/volumes" in said:
                os.write(terminal, b"\x03")
                is_stopped = True
        _, status = os.waitpid(child, 0)
        self.assertEqual(os.waitstatus_to_exitcode(status), 130, said.decode())
        self.assertIn("left behind: createVolume did POST", said.decode())

    @needs("npm", "node")
    def test_npm_takes_every_file_of_the_tarballs(self):
        # A binary of its own size would be packed for nothing.
        small = write_platform(self.folder, targets()[0], b"binary", File("THIRD-PARTY.txt", ""), 1)
        for path in (tarballs()[0], small):
            # npm's own list of what a package has, of the unpacked tarball.
            folder = self.path("unpacked", os.path.basename(path))
            with tarfile.open(path) as tar:
                tar.extractall(folder)
                ours = sorted(name.removeprefix("package/") for name in tar.getnames())
            listed = json.loads(self.run_in("npm", "pack", "--dry-run", "--json", "--ignore-scripts", cwd=os.path.join(folder, "package")).stdout)
            listed = listed[0] if isinstance(listed, list) else next(iter(listed.values()))
            self.assertEqual(sorted(file["path"] for file in listed["files"]), ours)

    def test_no_package_runs_a_script_when_it_is_installed(self):
        for path in glob.glob(os.path.join(OUT, "npm", "*.tgz")):
            self.assertNotIn("scripts", manifest(path))
            self.assertNotIn("dependencies", manifest(path))

    def test_the_launcher_depends_on_a_package_for_every_target(self):
        names = {package_of(target): version() for target in targets()}
        self.assertEqual(manifest(tarballs()[0])["optionalDependencies"], names)
        self.assertEqual(len(names), len(targets()))
        platform = manifest(tarballs()[1])
        self.assertEqual((platform["os"], platform["libc"]), (["linux"], ["glibc"]))

    def launcher(self, *packages):
        """A folder with the launcher and packages of our own making, and the script's path."""
        text = "#!/bin/sh\necho NAME \"$@\"\n"
        for name in packages:
            self.write(f"node_modules/{name}/bin/arazzo", text.replace("NAME", name), runs=True)
        self.write("node_modules/arazzo/package.json", json.dumps({"optionalDependencies": {package_of(t): "1" for t in targets()}}))
        return self.write("node_modules/arazzo/bin/arazzo.js", read(HERE, "npm", "arazzo.js"), runs=True)

    @needs("node")
    def test_a_package_that_is_missing_is_named_with_what_to_do(self):
        said = self.run_in("node", self.launcher(), code=127).stderr
        self.assertIn("the package arazzo-linux-", said)
        self.assertIn("--omit=optional", said)
        elsewhere = "Object.defineProperty(process, 'arch', {value: 'mips'}); require(process.argv[1])"
        said = self.run_in("node", "-e", elsewhere, self.launcher(), code=127).stderr
        self.assertIn("no binary for linux-mips", said)
        self.assertIn("cargo install", said)

    @needs("node")
    def test_musl_gets_its_own_binary_and_glibc_does_not_need_it(self):
        gnu, musl = f"arazzo-linux-{CPU}", f"arazzo-linux-{CPU}-musl"
        musl_here = "process.report.getReport = () => ({header: {}}); require(process.argv[1])"
        both = self.launcher(gnu, musl)
        self.assertEqual(self.run_in("node", both, "a b", "c").stdout, f"{gnu} a b c\n")
        self.assertEqual(self.run_in("node", "-e", musl_here, both).stdout, f"{musl}\n")
        shutil.rmtree(self.path("node_modules", gnu))
        self.assertEqual(self.run_in("node", both).stdout, f"{musl}\n")
