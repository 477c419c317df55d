"""What can be said about .github/workflows and the release without GitHub. actionlint reads the files in .ci/run."""
import glob
import importlib.machinery
import importlib.util
import os
import re

from parts.project import HERE, ROOT, read, targets

from . import made
from .made import Case


def script(name):
    loader = importlib.machinery.SourceFileLoader(name, os.path.join(HERE, name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


class Workflows(Case):
    def test_every_action_is_named_by_its_digest_and_its_version(self):
        used = 0
        for path in glob.glob(os.path.join(ROOT, ".github", "workflows", "*.yml")):
            text = read(path)
            self.assertIn("Not tried", text, path)
            for name in re.findall(r"^\s*-?\s*uses: *(.*)$", text, re.MULTILINE):
                if name != "./":
                    self.assertRegex(name, r"^[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", path)
                    used += 1
        self.assertGreater(used, 10)

    def test_one_action_has_one_digest(self):
        digests = {}
        for path in glob.glob(os.path.join(ROOT, ".github", "workflows", "*.yml")):
            for name, digest in re.findall(r"uses: ([\w./-]+)@(.*)", read(path)):
                digests.setdefault(name, set()).add(digest)
        self.assertEqual([name for name, many in digests.items() if len(many) > 1], [])

    def test_every_fuzz_target_is_run_every_night(self):
        listed = re.search(r"target: \[(.*)\]", read(ROOT, ".github", "workflows", "nightly.yml"))[1]
        there = [os.path.basename(path).removesuffix(".rs") for path in glob.glob(os.path.join(ROOT, "fuzz", "fuzz_targets", "*.rs"))]
        self.assertEqual(listed.split(", "), sorted(there))

    def test_there_are_eight_targets_with_a_machine_each(self):
        self.assertEqual(len({target["target"] for target in targets()}), 8)
        self.assertTrue(all(target["runner"] for target in targets()))
        self.assertIn("packaging/targets.json", read(ROOT, ".github", "workflows", "release.yml"))

    def test_a_release_is_refused_until_everything_agrees(self):
        ready = script("ready")
        package = {"name": "arazzo", "version": "1.2.3", "publish": None, "repository": made.HOME,
                   "dependencies": [{"name": "arazzo-engine", "path": "x", "kind": None, "req": "=1.2.3"}]}
        ready.metadata = lambda *_: {"packages": [package]}
        ready.read = lambda *_: "# Changelog\n\n## 1.2.3 - 2027-01-01\n"
        self.assertEqual(ready.faults("v1.2.3", f"{made.HOME}.git"), [])
        for wrong, words in [({"repository": None}, "not set"), ({"version": "1.2.4"}, "the tag is v1.2.3"), ({"publish": []}, "publish = false"),
                             ({"dependencies": [{**package["dependencies"][0], "req": "^1.2.2"}]}, "asks for arazzo-engine")]:
            ready.metadata = lambda *_: {"packages": [package | wrong]}
            self.assertTrue(any(words in fault for fault in ready.faults("v1.2.3", made.HOME)), words)
        ready.metadata = lambda *_: {"packages": [package]}
        ready.read = lambda *_: "# Changelog\n\n## Unreleased\n"
        self.assertEqual(ready.faults("v1.2.3", made.HOME), ["CHANGELOG.md has no section `## 1.2.3`"])
