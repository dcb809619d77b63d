"""What `python -m build` makes: a source distribution, and the wheel from that."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import roomcast

PACKAGE = Path(__file__).parents[1]


def test_the_source_distribution_is_enough_for_the_wheel(tmp_path: Path) -> None:
    made, site = tmp_path / "made", tmp_path / "site"
    subprocess.run([sys.executable, "-m", "build", "--outdir", made, PACKAGE], check=True)
    (wheel,) = made.glob("*.whl")
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", site, wheel], check=True)
    program = "import roomcast as r; print(r.__version__, r.Server().listen(port=0) > 0, r.__file__)"
    printed = subprocess.run([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": str(site)}, check=True,
                             stdout=subprocess.PIPE, text=True).stdout.split()
    assert printed == [roomcast.__version__, "True", str(site / "roomcast" / "__init__.py")]
