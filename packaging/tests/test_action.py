"""The scripts of action.yml, beside tests/cli/action.rs: what a step gives, and what it refuses."""
import json
import os
import re
import tarfile
import time

from parts.project import FEATURES, HERE, ROOT, read, version

from . import made
from .made import PROVISION, Case, needs

GIVEN = ("COMMAND", "DOCUMENT", "WORKFLOW", "INPUTS", "SECRETS", "REPORT", "ARGUMENTS")


@needs("bash")
class Action(Case):
    def setUp(self):
        super().setUp()
        os.makedirs(self.path("arazzo", "bin"))
        with tarfile.open(made.archive()) as tar:
            content = next(tar.extractfile(member) for member in tar if member.name.endswith("/arazzo")).read()
        with open(self.path("arazzo", "bin", "arazzo"), "wb") as file:
            file.write(content)
        os.chmod(self.path("arazzo", "bin", "arazzo"), 0o755)

    def step(self, code=0, **given):
        """Runs the second step: its outputs, the summary, and what was said."""
        for name in ("output", "summary"):
            self.write(name, "")
        variables = {**dict.fromkeys(GIVEN, ""), "COMMAND": "run", **given}
        done = self.run_in("bash", os.path.join(HERE, "action", "run.sh"), code=code, cwd=ROOT, RUNNER_TEMP=self.folder, GITHUB_ACTIONS="true",
                           GITHUB_OUTPUT=self.path("output"), GITHUB_STEP_SUMMARY=self.path("summary"), **variables)
        outputs, lines = {}, iter(read(self.folder, "output").splitlines())
        for line in lines:
            name, end = re.fullmatch(r"([a-z-]+)(?:=.*|<<(.+))", line).groups()
            outputs[name] = line.split("=", 1)[1] if end is None else "\n".join(iter(lambda: next(lines), end))
        return outputs, read(self.folder, "summary"), done.stderr

    def test_several_runs_give_a_line_each(self):
        delimiters = set()
        for arguments in ("--mock\n--repeat\n2", "--mock\n--repeat=2"):
            outputs, summary, _ = self.step(DOCUMENT=PROVISION, ARGUMENTS=arguments)
            rows = [json.loads(line) for line in outputs["outputs"].splitlines()]
            self.assertEqual([row["outputs"]["sandboxState"] for row in rows], ["started"] * 2)
            self.assertEqual([row["status"] for row in rows], ["succeeded"] * 2)
            self.assertEqual((outputs["exit-code"], outputs["failed"]), ("0", "0"))
            delimiters.add(re.search(r"^outputs<<(.*)$", read(self.folder, "output"), re.MULTILINE)[1])
        self.assertEqual(len(delimiters), 2, "a value could know them")

    def test_flags_that_exclude_ours_leave_ours_out(self):
        outputs, _, _ = self.step(DOCUMENT=PROVISION, ARGUMENTS="--mock\n--json")
        self.assertEqual((outputs["passed"], "outputs" in outputs), ("3", False))
        for own in ("--output\n{0}", "--output={0}", "-o\n{0}", "-o{0}"):
            outputs, _, _ = self.step(DOCUMENT=PROVISION, ARGUMENTS="--mock\n" + own.format(self.path("own.json")))
            self.assertEqual((outputs["passed"], json.loads(outputs["outputs"])["sandboxState"]), ("3", "started"), own)
            self.assertEqual(json.loads(read(self.folder, "own.json"))["sandboxState"], "started")
            os.remove(self.path("own.json"))
        outputs, _, _ = self.step(DOCUMENT=PROVISION, ARGUMENTS="--dry-run\n--no-input\n-i\nvolumeName=a\n-i\nsnapshot=b\n-i\nmountPath=/c\n-i\napiToken=d-e-f-g-h")
        self.assertEqual((outputs["exit-code"], outputs["passed"], "outputs" in outputs), ("0", "0", False))
        # Positional inputs go on behind the document.
        outputs, _, _ = self.step(DOCUMENT=PROVISION, ARGUMENTS="--mock\nprovision-volume-and-sandbox\nvolumeName=a b")
        self.assertEqual(outputs["passed"], "3")

    def test_only_paths_are_documents_and_a_run_has_one(self):
        for document, command, words in [("--help", "run", "not a path: --help"), ("-", "run", "not a path: -"), (f"{PROVISION}\n--json", "test", "not a path: --json"),
                                         (f"{PROVISION}\n{PROVISION}", "run", "has 2 lines"), ("\n", "run", "names no document"), ("", "test", "names no document")]:
            outputs, _, said = self.step(code=2, DOCUMENT=document, COMMAND=command)
            self.assertIn(words, said)
            self.assertEqual(outputs, {"exit-code": "2"})
        # What looks like a flag is the value of the input that it stands in.
        _, _, said = self.step(code=2, DOCUMENT=PROVISION, WORKFLOW="--mock")
        self.assertIn("no workflow `--mock`", said)

    def test_reports_are_those_of_this_run(self):
        junit, page = self.path("junit.xml"), self.path("html") + "/"
        self.write("junit.xml", "old")
        given = {"DOCUMENT": PROVISION, "REPORT": f"junit={junit}\nhtml={page}"}
        # A run that cannot begin writes none, and leaves those of another.
        outputs, _, _ = self.step(code=2, ARGUMENTS="--no-such-flag", **given)
        self.assertNotIn("report", outputs)
        self.assertEqual(read(junit), "old")
        time.sleep(0.02)
        for _ in range(2):
            outputs, _, _ = self.step(ARGUMENTS="--mock", **given)
            self.assertEqual(outputs["report"].splitlines(), [junit, f"{page}report.html"])
            time.sleep(0.02)

    def test_tests_have_one_summary(self):
        outputs, summary, _ = self.step(COMMAND="test", DOCUMENT="examples/polling\nexamples/login")
        self.assertGreaterEqual(int(outputs["passed"]), 4)
        self.assertEqual(summary.count(f"{outputs['passed']} passed, 0 failed"), 1)
        self.assertEqual(len(re.findall(r"^#+ ", summary, re.MULTILINE)), 1, summary)
        self.assertNotIn("outputs", outputs)

    def test_it_installs_the_version_that_is_asked_for_and_builds_what_packages_have(self):
        text = read(HERE, "action", "install.sh")
        self.assertIn(f"--features {FEATURES} ", text)
        self.write("sh", "#!/bin/sh\necho \"$@\" >>\"$HOME/asked\"\n", runs=True)
        for number in ("9.8.7", "v9.8.7", ""):
            self.run_in("bash", os.path.join(HERE, "action", "install.sh"), PATH=f"{self.folder}:{made.PATH}", RUNNER_TEMP=self.folder, ACTION_PATH=ROOT, BUILD="false",
                        VERSION=number, FROM="", REPOSITORY="acme/arazzo", SERVER="https://github.example", GITHUB_PATH=self.path("paths"))
            number = number.lstrip("v") or version()
            self.assertIn(f"--from {made.HOME}/releases/download/v{number} --version {number} ", read(self.folder, "asked").splitlines()[-1])
