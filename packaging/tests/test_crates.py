"""What pages of the crates and of packages say of Cargo.toml: the Rust that is asked for, and the features."""
import glob
import os
import re
import unittest

from parts.project import FEATURES, HERE, ROOT, command_package, metadata, read


def crates():
    return metadata("--no-deps")["packages"]


def page(package):
    return read(os.path.dirname(package["manifest_path"]), package["readme"])


def features(package):
    """Those that are asked for by name: not of a dependency, and not `default`."""
    optional = {dependency["name"] for dependency in package["dependencies"] if dependency["optional"]}
    return set(package["features"]) - {"default"} - {one for one in optional if f"dep:{one}" in package["features"].get(one, [])}


class Crates(unittest.TestCase):
    def test_pages_name_the_rust_of_cargo_toml(self):
        for package in crates():
            said = re.findall(r"Rust (\d+\.\d+)", page(package))
            self.assertEqual(said, [package["rust_version"]], package["name"])

    def test_pages_name_every_feature_and_those_that_are_on(self):
        for package in crates():
            table = dict(re.findall(r"^\| `([\w-]+)`( \(on by default\))? \|", page(package), re.MULTILINE))
            if len(features(package)) == 1:
                self.assertIn(f"Feature `{next(iter(features(package)))}`", page(package))
                continue
            self.assertEqual(set(table), features(package), package["name"])
            self.assertEqual({name for name, on in table.items() if on}, set(package["features"].get("default", [])), package["name"])

    def test_the_documentation_of_the_library_names_every_feature(self):
        library = next(package for package in crates() if package["name"] == "arazzo")
        text = read(os.path.dirname(library["manifest_path"]), "src", "lib.rs")
        text = text[text.index("//! Cargo features:"):text.index("//! Beside the types")]
        named = set(re.findall(r"`([a-z-]+)`", text))
        self.assertEqual(features(library) - named, set())

    def test_what_builds_the_same_command_builds_it_with_the_same_features(self):
        pages = [path for path in glob.glob(os.path.join(HERE, "**"), recursive=True) if os.path.isfile(path) and "tests" not in path]
        pages += [os.path.join(os.path.dirname(command_package()["manifest_path"]), "README.md"), os.path.join(ROOT, "docs", "install.md")]
        found = 0
        # That of the README is executed by its test; the page says what is missing then.
        short = "cargo install --locked --path crates/arazzo-cli\n```\n\nPackages are built with `--features restate`;"
        for path in pages:
            for line in re.findall(r"cargo install --locked.*(?:arazzo-run|arazzo-cli)", read(path).replace(short, "")):
                self.assertIn(f"--features {FEATURES}", line, path)
                found += 1
        self.assertGreaterEqual(found, 7)

    def test_docs_rs_shows_all_of_each_crate(self):
        for package in crates():
            self.assertEqual(package["metadata"]["docs"]["rs"], {"all-features": True}, package["name"])
