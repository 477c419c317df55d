"""The packages under test, and empty environments to install them into. Nothing here needs the network but loopback."""
import functools
import glob
import http.server
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest

from parts.project import ROOT, version

OUT = os.environ.get("ARAZZO_PACKAGES", "")
REQUIRED = os.environ.get("ARAZZO_REQUIRE_PACKAGES") == "1"
PROVISION = os.path.join(ROOT, "specs", "daytona-provision.yml")
HOME = "https://github.example/acme/arazzo"
# What a machine has for every program; nothing of this project, and no settings of package managers.
PATH = os.pathsep.join(["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"])


# Programs without which packages can be tried all the same.
LUXURY = {"buildah", "jq", "ruby", "unshare", "wget"}


def needs(*programs):
    """Skips, and says so, where a program is absent; where packages are required, that fails."""
    gone = [program for program in programs if not shutil.which(program, path=PATH)]
    if REQUIRED and set(gone) - LUXURY:
        raise SystemExit(f"required and absent: {', '.join(gone)}")
    return unittest.skipIf(gone, f"{', '.join(gone)} is absent")


def one(pattern):
    found = sorted(glob.glob(os.path.join(OUT, pattern)))
    assert len(found) == 1, f"{pattern} in {OUT}: {found}"
    return found[0]


def archive():
    return one(f"release/arazzo-{version()}-*-unknown-linux-gnu.tar.gz")


def environment(home, **more):
    """An environment with a home of its own."""
    return {"PATH": PATH, "HOME": home, "LANG": "C.UTF-8", "npm_config_cache": os.path.join(home, ".npm"),
            "npm_config_offline": "true", "npm_config_update_notifier": "false", "npm_config_audit": "false",
            "npm_config_fund": "false", "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PYTHONDONTWRITEBYTECODE": "1", **more}


class Case(unittest.TestCase):
    """A test with an empty folder, which is also its home."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="arazzo-packages-")
        self.addCleanup(shutil.rmtree, self.folder, True)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, text, runs=False):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o755 if runs else 0o644)
        return path

    def run_in(self, *command, code=0, cwd=None, **more):
        """Runs a command in the empty environment; its streams as texts."""
        done = subprocess.run(command, cwd=cwd or self.folder, env=environment(self.folder, **more), text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300)
        self.assertEqual(done.returncode, code, f"{command}\n{done.stdout}\n{done.stderr}")
        return done

    def runs_the_reference_workflow(self, *command, cwd=None):
        """`--version`, and the reference workflow against its mock."""
        said = self.run_in(*command, "--version", cwd=cwd).stdout
        self.assertEqual(said.split(), ["arazzo", version()])
        done = self.run_in(*command, "run", PROVISION, "--mock", cwd=cwd)
        self.assertIn('"sandboxState":"started"', done.stdout)
        # Exit codes come through.
        self.run_in(*command, "run", "nowhere.yaml", code=3, cwd=cwd)


class Files(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, and says nothing about it."""

    def log_message(self, *_):
        pass


def serve(test, folder):
    """The url of a folder on loopback, until the test ends."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Files, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    test.addCleanup(server.server_close)
    test.addCleanup(server.shutdown)
    return f"http://127.0.0.1:{server.server_address[1]}"


def is_linux():
    return sys.platform == "linux"
