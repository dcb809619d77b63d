"""Builds the wheel: cargo's library, and cffi's reading of include/roomcast.h. It must not call a C compiler."""

import json
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
        raise SystemExit("roomcast is built by cargo, which is not in PATH: install Rust 1.88 or later (https://rustup.rs, or the "
                         "packages rustc and cargo of a system that has them that new), open a new shell, and try again")
    command = [program, *arguments[:1], "--manifest-path", str(ROOT / "Cargo.toml"), *arguments[1:]]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def strip(file: Path) -> None:
    """Takes out what only a debugger reads: five sixths of the file. A system that can link has the tool; without it, it stays."""
    program = shutil.which("strip")
    if program and file.suffix != ".dll":
        subprocess.run([program, "-x" if sys.platform == "darwin" else "--strip-unneeded", str(file)], check=True)


def library() -> Path:
    """Builds the library as `make lib` does, so that the two share what they compile, and says where it is."""
    soname = ["--", "-C", "link-arg=-Wl,-soname,libroomcast.so.1"] if sys.platform.startswith("linux") else []
    printed = cargo("rustc", "--release", "--lib", "--features", "capi", "--crate-type", "cdylib,staticlib",
                    "--message-format", "json-render-diagnostics", *soname)
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
    def has_ext_modules(self) -> bool:
        """The library makes it one platform's, which auditwheel and pip have to know."""
        return True


class Wheel(bdist_wheel):
    """One wheel for every Python of a platform: nothing in it is compiled against one."""

    def get_tag(self) -> "tuple[str, str, str]":
        return "py3", "none", super().get_tag()[2]


manifest = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
version = re.search(r'^version = "(.+)"$', manifest, flags=re.MULTILINE)
assert version, "Cargo.toml has no version"
setuptools.setup(version=version[1], distclass=Distribution, cmdclass={"build_py": Build, "sdist": Source, "bdist_wheel": Wheel},
                 options={"build": {"build_base": str(ROOT / "target" / "python")}})
