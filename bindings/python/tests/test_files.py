"""How the package is parted: each file says what it is, and none needs one that needs it. How long they may be, tests/floors says."""

from __future__ import annotations

import ast
from pathlib import Path

import roomcast

ROOT = Path(roomcast.__file__).parent
#: Names alone: what they hand on, or define, is said where it is from.
NAMES = {"__init__", "exceptions", "raw.constants"}


def trees() -> dict[str, ast.Module]:
    """Each file's code, by the module's name in the package; a folder goes by what its __init__ hands on."""
    files = [file for file in sorted(ROOT.rglob("*.py")) if file.name != "_ffi.py"]  # cffi's
    return {".".join(file.relative_to(ROOT).with_suffix("").parts): ast.parse(file.read_text(encoding="utf-8")) for file in files}


def needs(module: str, tree: ast.Module, modules: set[str]) -> set[str]:
    """The files that one imports from, wherever in it."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            folder = module.split(".")[:-node.level]
            path = [*folder, *(node.module or "").split(".")] if node.module else folder
            for name in (alias.name for alias in node.names):
                near = [".".join(words) for words in ([*path, name], [*path, name, "__init__"], path, [*path, "__init__"])]
                found.add(next(name for name in near if name in modules | {"_ffi"}))
    return found - {"_ffi"}


def test_each_file_says_what_it_is_and_what_it_must_not_do() -> None:
    silent = [module for module, tree in trees().items()
              if module not in NAMES and not any(word in (ast.get_docstring(tree) or "") for word in ("must not", "No I/O"))]
    assert not silent


def test_no_file_needs_one_that_needs_it() -> None:
    parsed = trees()
    left = {module: needs(module, tree, set(parsed)) for module, tree in parsed.items()}
    assert {"_driver", "_base"} <= left["async_server"] and "raw.__init__" in left["_base"]
    while ready := [module for module, others in left.items() if not others & set(left)]:
        for module in ready:
            del left[module]
    assert not left, "each needs another of them"
