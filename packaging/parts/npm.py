"""The packages for npm: one with the launcher, and one for each system with its binary."""
import json
import os

from .archive import File, licences, tar_gz
from .project import HERE, LICENCES, command_package, executable, read, repository, targets, version


def package_of(target):
    """`arazzo-linux-x64`, `arazzo-linux-x64-musl`. Without a scope: one cannot be reserved from here."""
    npm = target["npm"]
    return "-".join(["arazzo", npm["os"], npm["cpu"]] + (["musl"] if npm.get("libc") == "musl" else []))


def common(name, description):
    package = command_package()
    manifest = {"name": name, "version": version(), "description": description, "license": package["license"],
                "keywords": package["keywords"]}
    if repository():
        manifest |= {"homepage": repository(), "repository": {"type": "git", "url": f"git+{repository()}.git"}}
    return manifest


def write(folder, manifest, files, level):
    """The tarball as `npm pack` would name it; npm takes a tarball as it takes a folder."""
    path = os.path.join(folder, f"{manifest['name']}-{manifest['version']}.tgz")
    files = [File("package.json", json.dumps(manifest, indent=2) + "\n"), *files, *licences()]
    tar_gz(path, [File(f"package/{file.name}", file.content, file.runs) for file in files], level)
    return path


def write_platform(folder, target, content, third_party, level):
    npm = target["npm"]
    manifest = common(package_of(target), f"The binary of arazzo for {target['target']}")
    manifest |= {"os": [npm["os"]], "cpu": [npm["cpu"]]}
    if "libc" in npm:
        manifest["libc"] = [npm["libc"]]
    # So that the file is found without knowing how it is called there.
    binary = f"bin/{executable(target['target'])}"
    manifest |= {"preferUnplugged": True, "files": ["bin", *LICENCES, third_party.name]}
    readme = f"The binary of [arazzo](https://www.npmjs.com/package/arazzo) for {target['target']}. Install `arazzo`.\n"
    return write(folder, manifest, [File(binary, content, runs=True), File("README.md", readme), third_party], level)


def write_launcher(folder):
    manifest = common("arazzo", command_package()["description"])
    manifest |= {"bin": {"arazzo": "bin/arazzo.js"}, "files": ["bin", *LICENCES], "engines": {"node": ">=18"},
                 "optionalDependencies": {package_of(target): version() for target in targets()}}
    files = [File("bin/arazzo.js", read(HERE, "npm", "arazzo.js"), runs=True), File("README.md", read(HERE, "npm", "README.md"))]
    return write(folder, manifest, files, 9)
