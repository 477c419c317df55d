"""What takes builds or installs tools: `packaging/test` without a binary, and `CI_FULL=1 .ci/run`."""
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import unittest
import venv

from parts import archive, release, thirdparty
from parts.binary import Elf
from parts.project import CARGO, HERE, ROOT, command_package, host, read, version

from . import made
from .made import Case, needs

FULL = os.environ.get("ARAZZO_FULL") == "1"
# A binary of which everything is known that an empty root does not have; for trying these tests.
STATIC = os.environ.get("ARAZZO_STATIC")

PING = """arazzo: 1.0.1
info: {title: Ping, version: '1'}
sourceDescriptions: [{name: api, url: api.yaml, type: openapi}]
workflows:
  - workflowId: ping
    steps:
      - stepId: ping
        operationId: ping
        successCriteria: [{condition: $statusCode == 200}]
        outputs: {host: $response.body#/host}
    outputs: {host: $steps.ping.outputs.host}
"""
API = """openapi: 3.1.0
info: {title: Ping, version: '1'}
servers: [{url: 'http://ping.example.test:8080'}]
paths: {/ping: {get: {operationId: ping, responses: {'200': {description: pong}}}}}
"""


@unittest.skipUnless(FULL or STATIC, "the whole of it is tried with: packaging/test")
@unittest.skipUnless(made.is_linux() and os.geteuid() == 0, "an empty root is entered by root, on Linux")
class Empty(Case):
    """The static binary in a root with nothing else, as the Dockerfile makes it."""

    def setUp(self):
        super().setUp()
        self.root = self.path("root")
        dockerfile = read(HERE, "Dockerfile")
        source, place = re.search(r"^COPY (?:--\S+ )?(\S+) (\S+)$", dockerfile, re.MULTILINE).groups()
        self.command = re.search(r'^ENTRYPOINT \["(.*)"\]$', dockerfile, re.MULTILINE)[1]
        self.assertEqual(place, self.command)
        cpu = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
        binary = STATIC or os.path.join(made.OUT, "docker", source.replace("${TARGETARCH}", cpu))
        os.makedirs(os.path.dirname(self.root + place))
        shutil.copy(binary, self.root + place)
        for folder in ("specs", "openapi"):
            shutil.copytree(os.path.join(ROOT, folder), self.path("root", "work", folder))
        # What ldd says of a binary for trying these tests; a static one has none.
        for library in re.findall(r"(/\S+) \(0x", subprocess.run(["ldd", binary], capture_output=True, text=True).stdout):
            self.assertIsNotNone(STATIC, f"{binary} is not static: it asks for {library}")
            os.makedirs(self.root + os.path.dirname(library), exist_ok=True)
            shutil.copy(library, self.root + library)

    def test_the_reference_workflow_runs_where_there_is_nothing_else(self):
        inside = ["chroot", "--userspec=65532:65532", self.root, self.command]
        self.assertEqual(self.run_in(*inside, "--version").stdout, f"arazzo {version()}\n")
        done = self.run_in(*inside, "run", "/work/specs/daytona-provision.yml", "--mock")
        self.assertIn('"sandboxState":"started"', done.stdout)

    @needs("unshare")
    def test_names_are_resolved_by_the_servers_of_resolv_conf(self):
        if subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode != 0:
            self.skipTest("a network of its own cannot be made here")
        self.write("root/work/flow.yaml", PING)
        self.write("root/work/api.yaml", API)
        self.write("root/etc/resolv.conf", "nameserver 127.0.0.1\n")
        run = ["unshare", "--net", sys.executable, os.path.join(HERE, "tests", "names.py"), self.root, self.command]
        done = self.run_in(*run, "run", "flow.yaml", "--allow-host", "ping.example.test")
        self.assertEqual(done.stdout, '{"host":"ping.example.test:8080"}\n')
        # Without a name server it is said, not a crash.
        self.write("root/etc/resolv.conf", "nameserver 127.0.0.2\noptions timeout:1 attempts:1\n")
        self.assertIn("ping.example.test", self.run_in(*run, "run", "flow.yaml", "--allow-host", "ping.example.test", code=4).stderr)

    @needs("buildah")
    def test_the_image_is_built_and_runs_the_reference_workflow(self):
        cpu = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
        self.write("Dockerfile", release.dockerfile())
        for licence in [*archive.licences(), thirdparty.file(host(), static=True)]:
            self.write(f"{cpu}/licences/{licence.name}", licence.content.decode())
        shutil.copy(self.root + self.command, self.path(cpu, "arazzo"))
        # Without a daemon, and without namespaces that a machine may not have.
        buildah = ["buildah", "--storage-driver", "vfs", "--root", self.path("store"), "--runroot", self.path("state")]
        self.run_in(*buildah, "bud", "--isolation", "chroot", "--build-arg", f"TARGETARCH={cpu}", "--tag", "arazzo", self.folder)
        labels = json.loads(self.run_in(*buildah, "inspect", "--type", "image", "localhost/arazzo").stdout)["OCIv1"]["config"]["Labels"]
        self.assertEqual(labels["org.opencontainers.image.source"], made.HOME)
        self.assertEqual(labels["org.opencontainers.image.licenses"], "MIT OR Apache-2.0")
        container = self.run_in(*buildah, "from", "--pull-never", "localhost/arazzo").stdout.strip()
        mounts = [f"--volume={self.path('root', 'work')}:/work"]
        if STATIC:
            mounts += [f"--volume={os.path.realpath(folder)}:{folder}:ro" for folder in ("/lib", "/lib64")]
        done = self.run_in(*buildah, "run", "--isolation", "chroot", *mounts, container, "--", self.command, "run", "specs/daytona-provision.yml", "--mock")
        self.assertIn('"sandboxState":"started"', done.stdout)


@unittest.skipUnless(FULL, "the whole of it is tried with: packaging/test")
class Full(Case):
    def test_uvx_runs_the_wheel(self):
        venv.create(self.path("uv"), with_pip=True)
        # The index is asked for uv alone.
        subprocess.run([self.path("uv", "bin", "pip"), "install", "--quiet", "--only-binary", ":all:", "uv"], check=True)
        uvx = [self.path("uv", "bin", "uvx"), "--offline", "--no-config", "--python", sys.executable, "--from", made.one("pypi/*.whl"), "arazzo"]
        self.runs_the_reference_workflow(*uvx)

    @unittest.skipUnless(host().endswith("-linux-gnu"), "glibc is on Linux")
    def test_zig_links_for_a_glibc_of_2018(self):
        out = self.path("old")
        subprocess.run([sys.executable, os.path.join(HERE, "build"), "--glibc", "2.28", "--part", "--fast", "--out", out], check=True)
        wheel = os.path.basename(glob.glob(os.path.join(out, "pypi", "*.whl"))[0])
        self.assertLessEqual(int(re.search(r"manylinux_2_(\d+)_", wheel)[1]), 28)
        with open(glob.glob(os.path.join(ROOT, "target", host(), "dist", "arazzo"))[0], "rb") as file:
            self.assertLessEqual(Elf(file.read()).glibc, 28)

    def test_the_crates_build_from_their_packages(self):
        # In a folder of its own: packages are built anew there.
        done = subprocess.run([CARGO, "package", "--workspace", "--locked", "--allow-dirty", "--quiet",
                               "--target-dir", os.path.join(ROOT, "target", "crates")], cwd=ROOT, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        crate = f"{command_package()['name']}-{version()}.crate"
        self.assertTrue(os.path.exists(os.path.join(ROOT, "target", "crates", "package", crate)), crate)
