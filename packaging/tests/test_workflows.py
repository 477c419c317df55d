"""What can be said about .github/workflows and the release without GitHub. actionlint reads the files in .ci/run."""
import glob
import importlib.machinery
import importlib.util
import json
import os
import re

from parts.project import HERE, ROOT, read, targets

from . import made
from .made import Case, needs


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

    def test_pages_use_the_actions_that_the_workflows_use(self):
        majors = {}
        for path in glob.glob(os.path.join(ROOT, ".github", "workflows", "*.yml")):
            majors.update(re.findall(r"uses: ([\w./-]+)@[0-9a-f]{40} # (v\d+)", read(path)))
        used = 0
        for path in [os.path.join(ROOT, "README.md"), *glob.glob(os.path.join(ROOT, "docs", "**", "*.md"), recursive=True)]:
            for name, version in re.findall(r"uses: (actions/[\w./-]+)@(\S+)", read(path)):
                self.assertEqual(version, majors[name], path)
                used += 1
        self.assertGreaterEqual(used, 4)

    def test_every_workflow_that_builds_names_its_rust(self):
        rusts = set()
        for path in glob.glob(os.path.join(ROOT, ".github", "workflows", "*.yml")):
            text = read(path)
            rusts.add(re.search(r'^  RUST: "(\d+\.\d+\.\d+)"$', text, re.MULTILINE)[1])
            for job in re.split(r"\n  (?=\w+:\n)", text[text.index("\njobs:"):])[1:]:
                # What is built comes after the choice.
                build = re.search(r"\bcargo (?!metadata)\w+|packaging/build --part|uses: \./|\.ci/surface", job)
                if build and "uses: ./" not in build[0]:
                    self.assertIn("rustup default", job[:build.start()], f"{path}: {job[:20]}")
        self.assertEqual(len(rusts), 1)

    @needs("bash", "jq")
    def test_crates_that_are_published_are_passed_over(self):
        text = read(ROOT, ".github", "workflows", "release.yml")
        step = re.search(r"name: Publish\n        run: \|\n((?:          .*\n)+)", text)[1]
        packages = [{"name": name, "version": "1.2.3"} for name in ("arazzo-engine", "arazzo", "arazzo-run")]
        self.write("metadata.json", json.dumps({"packages": packages}))
        self.write("bin/cargo", '#!/bin/sh\ncase "$1" in metadata) cat metadata.json ;; *) echo "$*" >>asked ;; esac\n', runs=True)
        self.write("bin/curl", '#!/bin/sh\nfor url; do :; done\nif [ -f "${url##*/}" ]; then cat "${url##*/}" >index.json; printf 200; else printf "${CODE:-404}"; fi\n', runs=True)
        run = ["bash", "-eo", "pipefail", "-c", step]
        path = self.path("bin") + os.pathsep + made.PATH
        asked = lambda: read(self.folder, "asked").splitlines()[-1]
        self.run_in(*run, PATH=path)
        self.assertEqual(asked(), "publish --locked --package arazzo-engine --package arazzo --package arazzo-run")
        self.write("arazzo-engine", '{"vers":"1.2.2"}\n{"vers":"1.2.3"}\n')
        self.write("arazzo", '{"vers":"1.2.2"}\n')
        self.run_in(*run, PATH=path)
        self.assertEqual(asked(), "publish --locked --package arazzo --package arazzo-run")
        self.run_in(*run, PATH=path, CODE="503", code=1)
        for package in packages:
            self.write(package["name"], '{"vers":"1.2.3"}\n')
        os.remove(self.path("asked"))
        self.run_in(*run, PATH=path)
        self.assertFalse(os.path.exists(self.path("asked")))

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
        # What comes before a release is none: wheels and npm would fail behind it.
        for tag in ("v1.2.3-rc.1", "v1.2", "1.2.3", "v1.2.3+1", "v1.2.3.4"):
            package["version"] = tag.removeprefix("v")
            self.assertIn("a release is v1.2.3", ready.faults(tag, made.HOME)[0])
        package["version"] = "1.2.3"
        for heading, is_it in [("[1.2.3] - 2027-01-01", True), ("1.2.3", True), ("1.2.3-rc.1", False), ("1.2.30", False), ("1.2.3.4", False), ("[1.2.3-rc.1]", False)]:
            ready.read = lambda *_: f"# Changelog\n\n## {heading}\n"
            self.assertEqual(ready.faults("v1.2.3", made.HOME) == [], is_it, heading)
        ready.read = lambda *_: "# Changelog\n\n## 1.2.3 - 2027-01-01\n"
        for wrong, words in [({"repository": None}, "not set"), ({"version": "1.2.4"}, "the tag is v1.2.3"), ({"publish": []}, "publish = false"),
                             ({"dependencies": [{**package["dependencies"][0], "req": "^1.2.2"}]}, "asks for arazzo-engine")]:
            ready.metadata = lambda *_: {"packages": [package | wrong]}
            self.assertTrue(any(words in fault for fault in ready.faults("v1.2.3", made.HOME)), words)
        ready.metadata = lambda *_: {"packages": [package]}
        ready.read = lambda *_: "# Changelog\n\n## Unreleased\n"
        self.assertEqual(ready.faults("v1.2.3", made.HOME), ["CHANGELOG.md has no section `## 1.2.3`"])
