#!/usr/bin/env python3
"""Writes LICENSES-linked.txt: the licences of the crates that are linked into the C library, each text once. Whoever passes the
library on has to pass them on, so the installations bring them.   licences.py [--check]   says only whether the file is as it should be."""

import json
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FILE = HERE / "LICENSES-linked.txt"
LICENCE = re.compile(r"licen[cs]e|copying|copyright|notice|unlicense", re.IGNORECASE)
SYSTEMS = ("x86_64-unknown-linux-gnu", "aarch64-apple-darwin")


def linked(system: str) -> "dict[str, Path]":
    """The folder of each crate that ends up in the library: what it is built with, and procedural macros, stay behind."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--features", "capi", "--filter-platform", system,
               "--manifest-path", str(ROOT / "Cargo.toml")]
    metadata = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = metadata["resolve"]["root"]
    found: "dict[str, Path]" = {}
    waiting = [root]
    while waiting:
        for dependency in nodes[waiting.pop()]["deps"]:
            package = packages[dependency["pkg"]]
            name = f"{package['name']}-{package['version']}"
            normal = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            macro = any("proc-macro" in target["kind"] for target in package["targets"])
            if normal and not macro and name not in found:
                found[name] = Path(package["manifest_path"]).parent
                waiting.append(dependency["pkg"])
    return found


def notices(crates: "dict[str, Path]") -> str:
    owners: "dict[str, list[str]]" = {}
    for name, folder in sorted(crates.items()):
        texts = [file for file in sorted(folder.iterdir()) if file.is_file() and LICENCE.match(file.name)]
        if not texts:
            raise SystemExit(f"{folder} has no text of its licence")
        for file in texts:
            text = "\n".join(line.rstrip() for line in file.read_text(encoding="utf-8").strip().splitlines())
            owners.setdefault(text, []).append(f"{name}: {file.name}")
    parts = ("\n".join((*names, "", text)) for text, names in owners.items())
    return f"\n\n{'=' * 100}\n".join(("What is linked into roomcast's library, and under which licences.", *parts)) + "\n"


text = notices({name: folder for system in SYSTEMS for name, folder in linked(system).items()})
if "--check" not in sys.argv[1:]:
    FILE.write_text(text, encoding="utf-8")
elif FILE.read_text(encoding="utf-8") != text:
    raise SystemExit(f"{FILE} is not what is linked: run {Path(__file__).name}")
