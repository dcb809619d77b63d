"""Builds the wheel: cargo's library, and cffi's reading of include/roomcast.h. It must not call a C compiler."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from cffi import FFI
from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

HERE = Path(__file__).resolve().parent
# A source distribution brings the crate along; in a checkout the package lies within it.
PACKED = HERE / "crate"
ROOT = PACKED if PACKED.is_dir() else HERE.parents[1]
SUFFIXES = (".so", ".dylib", ".dll")


def declarations(header: str) -> str:
    """What cffi can read of the header: no comments, no preprocessor but numbers, no C++."""
    header = re.sub(r"#ifndef ROOMCAST_NO_HELPERS.*?#endif  /\* ROOMCAST_NO_HELPERS", "/*", header, flags=re.DOTALL)
    plain = re.sub(r"/\*.*?\*/|//[^\n]*", "", header, flags=re.DOTALL)
    plain = re.sub(r"#ifdef __cplusplus.*?#endif", "", plain, flags=re.DOTALL)
    lines = (line for line in plain.splitlines() if not line.startswith("#") or re.match(r"#define \w+ -?\d+$", line))
    return "\n".join(lines)


def library() -> Path:
    """Builds the library as `make lib` does, so that the two share what they compile, and says where it is."""
    command = ["cargo", "rustc", "--release", "--lib", "--features", "capi", "--crate-type", "cdylib,staticlib",
               "--message-format", "json-render-diagnostics", "--manifest-path", str(ROOT / "Cargo.toml")]
    if sys.platform.startswith("linux"):
        command += ["--", "-C", "link-arg=-Wl,-soname,libroomcast.so.1"]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    messages = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    files = [Path(name) for message in messages for name in message.get("filenames", ())
             if message["target"]["name"] == "roomcast" and name.endswith(SUFFIXES)]
    return files[-1]


class Build(build_py):
    def run(self) -> None:
        # What an earlier build left there would go into the wheel.
        shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()
        package = Path(self.build_lib) / "roomcast"
        built = library()
        shutil.copyfile(built, package / f"_library{built.suffix}")
        ffi = FFI()
        ffi.cdef(declarations((ROOT / "include" / "roomcast.h").read_text(encoding="utf-8")))
        ffi.set_source("roomcast._ffi", None)
        ffi.emit_python_code(str(package / "_ffi.py"))


class Source(sdist):
    """The Python package, and the crate as cargo would publish it."""

    def make_release_tree(self, base_dir: str, files: "list[str]") -> None:
        super().make_release_tree(base_dir, files)
        command = ["cargo", "package", "--list", "--allow-dirty", "--quiet", "--manifest-path", str(ROOT / "Cargo.toml")]
        for name in subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines():
            if (ROOT / name).is_file() and not name.startswith("bindings/python/"):
                target = Path(base_dir) / PACKED.name / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, target)


class Wheel(bdist_wheel):
    """One wheel for every Python of a platform: nothing in it is compiled against one."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.root_is_pure = False

    def get_tag(self) -> "tuple[str, str, str]":
        return "py3", "none", super().get_tag()[2]


manifest = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
version = re.search(r'^version = "(.+)"$', manifest, flags=re.MULTILINE)
assert version, "Cargo.toml has no version"
setup(version=version[1], cmdclass={"build_py": Build, "sdist": Source, "bdist_wheel": Wheel},
      options={"build": {"build_base": str(ROOT / "target" / "python")}})
