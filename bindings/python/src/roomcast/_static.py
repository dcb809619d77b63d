"""Pages from files and folders: which paths they have, and what type they are of. It must not serve them."""

from __future__ import annotations

import os
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Optional, Union

from ._arguments import texts, unfit

Content = Union[str, "os.PathLike[str]", bytes, Mapping[str, Any]]

_TEXT = {"css": "css", "csv": "csv", "htm": "html", "html": "html", "js": "javascript", "mjs": "javascript", "txt": "plain"}
_OTHERS = {
    "avif": "image/avif", "gif": "image/gif", "ico": "image/x-icon", "jpeg": "image/jpeg", "jpg": "image/jpeg",
    "json": "application/json", "map": "application/json", "mp3": "audio/mpeg", "mp4": "video/mp4", "ogg": "audio/ogg",
    "otf": "font/otf", "pdf": "application/pdf", "png": "image/png", "svg": "image/svg+xml", "ttf": "font/ttf",
    "wasm": "application/wasm", "wav": "audio/wav", "webm": "video/webm", "webmanifest": "application/manifest+json",
    "webp": "image/webp", "woff": "font/woff", "woff2": "font/woff2", "xml": "application/xml",
}


def pages(path: str, content: Content, content_type: Optional[str]) -> Iterator[tuple[str, str, bytes, dict[str, bytes]]]:
    """Path, type and body of each page that ``content`` stands for; and the body in other codings, if files beside it have it so."""
    if isinstance(content, Mapping):
        if "filename" not in content:
            raise ValueError(f"content={content!r}: it has no filename")
        content_type = content.get("content_type", content_type)
        content = content["filename"]
    if content_type is not None:
        texts(content_type=content_type)
    if isinstance(content, (bytes, bytearray, memoryview)):
        yield path, content_type or _type_of(path, "text/html; charset=utf-8"), bytes(content), {}
        return
    if not isinstance(content, (str, os.PathLike)):
        raise unfit("content", content, "a path, bytes, or a dict with a filename")
    file = Path(content)
    if not file.is_dir():
        yield path, content_type or _type_of(file.name), file.read_bytes(), _encoded(file)
        return
    root, under = file.resolve(), path.rstrip("/")
    for folder, folders, names in os.walk(root):
        # What is hidden is not for everybody: .git, .env.
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            page = Path(folder, name)
            if name.startswith(".") or not page.is_file() or root not in page.resolve().parents:
                continue
            at = f"{under}/{urllib.parse.quote(page.relative_to(root).as_posix())}"
            body, kind, encoded = page.read_bytes(), content_type or _type_of(name), _encoded(page)
            yield at, kind, body, encoded
            if name == "index.html":
                yield at[:-len(name)], kind, body, encoded
                if at.count("/") > 1 and folder == str(root):
                    yield under, kind, body, encoded


def _encoded(file: Path) -> dict[str, bytes]:
    """What lies beside a file, as tools for the web make it beforehand: ``app.js.br`` and ``app.js.gz``."""
    beside = {coding: file.with_name(file.name + ending) for coding, ending in (("br", ".br"), ("gzip", ".gz"))}
    return {coding: found.read_bytes() for coding, found in beside.items() if found.is_file() and not found.is_symlink()}


def _type_of(name: str, without: str = "application/octet-stream") -> str:
    """A type by the name's extension; ``without`` for a name that has none."""
    ending = name.rpartition("/")[2].rpartition(".")
    if not ending[1]:
        return without
    extension = ending[2].lower()
    if extension in _TEXT:
        return f"text/{_TEXT[extension]}; charset=utf-8"
    return _OTHERS.get(extension, "application/octet-stream")
