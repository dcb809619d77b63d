"""Builds the wheel: cargo's library, and cffi's reading of include/roomcast.h. It must not call a C compiler."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import setuptools
from cffi import FFI
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

HERE = Path(__file__).resolve().parent
# A source distribution brings the crate along; in a checkout the package lies within it.
PACKED = HERE / "crate"
ROOT = PACKED if PACKED.is_dir() else HERE.parents[1]
SUFFIXES = (".so", ".dylib", ".dll")
LICENCE = re.compile(r"licen[cs]e|copying|copyright|notice|unlicense", re.IGNORECASE)


def declarations(header: str) -> str:
    """What cffi can read of the header: no comments, no preprocessor but numbers, no C++."""
    header = re.sub(r"#ifndef ROOMCAST_NO_HELPERS.*?#endif  /\* ROOMCAST_NO_HELPERS", "/*", header, flags=re.DOTALL)
    plain = re.sub(r"/\*.*?\*/|//[^\n]*", "", header, flags=re.DOTALL)
    plain = re.sub(r"#ifdef __cplusplus.*?#endif", "", plain, flags=re.DOTALL)
    lines = (line for line in plain.splitlines() if not line.startswith("#") or re.match(r"#define \w+ -?\d+$", line))
    return "\n".join(lines)


def cargo(*arguments: str) -> str:
    """Runs cargo on the crate; gives what it printed."""
    program = shutil.which("cargo")
    if program is None:
        raise SystemExit("roomcast is built by cargo, which is not in PATH: install Rust 1.89 or later (https://rustup.rs, or the "
                         "packages rustc and cargo of a system that has them that new), open a new shell, and try again")
    command = [program, *arguments[:1], "--manifest-path", str(ROOT / "Cargo.toml"), *arguments[1:]]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def strip(file: Path) -> None:
    """Takes out what only a debugger reads: five sixths of the file. A system that can link has the tool; without it, it stays."""
    program = shutil.which("strip")
    if program and file.suffix != ".dll":
        subprocess.run([program, "-x" if sys.platform == "darwin" else "--strip-unneeded", str(file)], check=True)


def library() -> "tuple[Path, list[Path]]":
    """Builds the library as `make lib` does, so that the two share what they compile, and says where it is, and where the crates
    are that are linked into it."""
    soname = ["--", "-C", "link-arg=-Wl,-soname,libroomcast.so.1"] if sys.platform.startswith("linux") else []
    printed = cargo("rustc", "--release", "--lib", "--features", "capi", "--crate-type", "cdylib,staticlib",
                    "--message-format", "json-render-diagnostics", *soname)
    messages = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    files = [Path(name) for message in messages for name in message.get("filenames", ())
             if message["target"]["name"] == "roomcast" and name.endswith(SUFFIXES)]
    linked = [message for message in messages if "lib" in message.get("target", {}).get("kind", ())]
    crates = {Path(message["manifest_path"]).parent for message in linked if message["target"]["name"] != "roomcast"}
    return files[-1], sorted(crates)


def notices(crates: "list[Path]") -> str:
    """The licences of other people's crates, each text once: all of them ask for it where the binary goes."""
    owners: "dict[str, list[str]]" = {}
    for crate in crates:
        texts = [file for file in sorted(crate.iterdir()) if file.is_file() and LICENCE.match(file.name)]
        if not texts:
            raise SystemExit(f"{crate} has no text of its licence, which the wheel has to bring")
        for file in texts:
            owners.setdefault(file.read_text(encoding="utf-8").strip(), []).append(f"{crate.name}: {file.name}")
    parts = ("\n".join((*names, "", text)) for text, names in owners.items())
    return f"\n\n{'=' * 100}\n".join(("What is linked into roomcast's library, and under which licences.", *parts)) + "\n"


def library_notices() -> "Path | None":
    """The same of Rust's standard library, if this compiler brought it along; a distribution's may not."""
    command = [os.environ.get("RUSTC", "rustc"), "--print", "sysroot"]
    root = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    file = Path(root) / "share" / "doc" / "rust" / "COPYRIGHT-library.html"
    return file if file.is_file() else None


class Build(build_py):
    def run(self) -> None:
        # What an earlier build left there would go into the wheel.
        shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()
        package = Path(self.build_lib) / "roomcast"
        built, crates = library()
        self.distribution.crates = crates
        shutil.copyfile(built, package / f"_library{built.suffix}")
        strip(package / f"_library{built.suffix}")
        ffi = FFI()
        ffi.cdef(declarations((ROOT / "include" / "roomcast.h").read_text(encoding="utf-8")))
        ffi.set_source("roomcast._ffi", None)
        ffi.emit_python_code(str(package / "_ffi.py"))


class Source(sdist):
    """The Python package, and the crate as cargo would publish it."""

    def make_release_tree(self, base_dir: str, files: "list[str]") -> None:
        super().make_release_tree(base_dir, files)
        for licence in HERE.glob("LICENSE-*"):  # links in a checkout
            target = Path(base_dir) / licence.name
            target.unlink()
            shutil.copyfile(licence, target)
        for name in cargo("package", "--list", "--allow-dirty", "--quiet").splitlines():
            if (ROOT / name).is_file() and not name.startswith("bindings/python/"):
                target = Path(base_dir) / PACKED.name / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, target)


class Distribution(setuptools.Distribution):
    #: What is linked into the library, once it is built.
    crates: "list[Path]" = []

    def has_ext_modules(self) -> bool:
        """The library makes it one platform's, which auditwheel and pip have to know."""
        return True


class Wheel(bdist_wheel):
    """One wheel for every Python of a platform: nothing in it is compiled against one."""

    def get_tag(self) -> "tuple[str, str, str]":
        return "py3", "none", super().get_tag()[2]

    def egg2dist(self, egginfo_path: str, distinfo_path: str) -> None:
        """Others' licences go where ours are."""
        super().egg2dist(egginfo_path, distinfo_path)
        licences = Path(distinfo_path) / "licenses"
        (licences / "LICENSES-linked.txt").write_text(notices(self.distribution.crates), encoding="utf-8")
        library = library_notices()
        if library:
            shutil.copyfile(library, licences / "LICENSES-rust-library.html")
        metadata = Path(distinfo_path) / "METADATA"
        names = "".join(f"License-File: {file.name}\n" for file in sorted(licences.glob("LICENSES-*")))
        fields, blank, text = metadata.read_text(encoding="utf-8").partition("\n\n")
        metadata.write_text(f"{fields}\n{names}{blank[1:]}{text}", encoding="utf-8")


manifest = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
version = re.search(r'^version = "(.+)"$', manifest, flags=re.MULTILINE)
assert version, "Cargo.toml has no version"
setuptools.setup(version=version[1], distclass=Distribution, cmdclass={"build_py": Build, "sdist": Source, "bdist_wheel": Wheel},
                 options={"build": {"build_base": str(ROOT / "target" / "python")}})
