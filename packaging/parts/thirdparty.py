"""The licences of others that a package has to carry: their texts, as the packages of crates have them."""
import functools
import os
import re

from .archive import File
from .project import Problem, packages_of
from .sbom import linked

NAME = "THIRD-PARTY.txt"
LICENCE = re.compile(r"(licen[cs]es?|copying|copyright|notice|unlicense)([-._].*)?", re.IGNORECASE)
LINE = "-" * 80 + "\n"
MUSL = """musl libc, in static binaries for musl. MIT; https://musl.libc.org

Copyright © 2005-2020 Rich Felker, et al.

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software
is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES
OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE
LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR
IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""
GLIBC = """The GNU C Library, in static binaries that are linked with it. LGPL-2.1-or-later; its text and source:
https://www.gnu.org/software/libc/. A binary that is passed on asks for an offer of what linking it anew takes.
"""
RUST = "The standard library of Rust. MIT OR Apache-2.0, whose texts stand below; https://www.rust-lang.org\n"


def texts_in(folder):
    """The texts of licences in the folder of a package: `LICENSE-MIT`, `NOTICE`, and what is in `LICENSES/`."""
    found = []
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if not LICENCE.fullmatch(name):
            continue
        for one in sorted(os.listdir(path)) if os.path.isdir(path) else [""]:
            with open(os.path.join(path, one) if one else path, encoding="utf-8", errors="replace") as file:
                found.append("\n".join(line.rstrip() for line in file.read().strip().splitlines()) + "\n")
    return found


@functools.cache
def written(target, static=False):
    """The file: each text once, under the names of those that have it."""
    root, edges = linked(target)
    packages = packages_of(target)
    texts, without = {}, []
    for part in sorted(edges):
        package = packages[part]
        # Those of the workspace come from no registry.
        if package["source"] is None:
            continue
        folder = os.path.dirname(package["manifest_path"])
        if not os.path.isdir(folder):
            raise Problem(f"{part[0]} {part[1]} is not on this machine, and its licence is in it: cargo fetch --locked")
        said = f"{part[0]} {part[1]} ({package['license'] or 'see below'})"
        found = texts_in(folder)
        for text in found:
            # As it is broken into lines makes no other licence of it.
            texts.setdefault(" ".join(text.split()), (text, []))[1].append(said)
        if not found:
            by = ", ".join(re.sub(r" *<.*?>", "", author) for author in package["authors"])
            without.append(f"{said}{', by ' + by if by else ''}{', ' + package['repository'] if package['repository'] else ''}")
    blocks = ["The command `arazzo` is MIT OR Apache-2.0. It is made of the following too; each is under the licence that stands\nbehind its name.\n", RUST]
    if "musl" in target:
        blocks.append(MUSL)
    elif static:
        blocks.append(GLIBC)
    if without:
        blocks.append("Without a text of their own; texts of these licences stand below:\n\n" + "\n".join(without) + "\n")
    blocks += ["\n".join(names) + "\n\n" + text for text, names in texts.values()]
    return LINE.join(blocks)


def file(target, static=False):
    return File(NAME, written(target, static))
