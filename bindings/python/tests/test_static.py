"""Pages and files that a server answers with beside its clients."""

from __future__ import annotations

from typing import Any

import pytest


def test_pages(make: Any, tmp_path: Any) -> None:
    import urllib.request

    host = make(cors_allowed_origins=["http://a.example"], socketio_path="/elsewhere/")
    (tmp_path / "file.css").write_text("b{}")
    host.sio.add_static("/", b"<b>hi</b>")
    host.sio.add_static("/file.css", tmp_path / "file.css")
    with host:
        with urllib.request.urlopen(host.url) as page:
            assert page.read() == b"<b>hi</b>" and page.headers["Content-Type"] == "text/html; charset=utf-8"
        with urllib.request.urlopen(host.url + "/file.css") as page:
            assert page.read() == b"b{}"
        request = urllib.request.Request(f"{host.url}/elsewhere/?EIO=4&transport=polling",
                                         headers={"Origin": "http://a.example"})
        with urllib.request.urlopen(request) as opened:
            assert opened.headers["Access-Control-Allow-Origin"] == "http://a.example"
        assert host.do("stats")["connections"] == 1


def test_static_files_are_what_their_names_say(make: Any, tmp_path: Any) -> None:
    import urllib.error
    import urllib.request

    host, site = make(), tmp_path / "site"
    (site / "deep").mkdir(parents=True)
    (site / ".git").mkdir()
    files = {"index.html": "text/html; charset=utf-8", "a b.css": "text/css; charset=utf-8",
             "deep/x.JS": "text/javascript; charset=utf-8", "deep/index.html": "text/html; charset=utf-8",
             "deep/pic.png": "image/png", "odd.thing": "application/octet-stream", "LICENSE": "application/octet-stream"}
    for name in (*files, ".env", ".git/config"):
        (site / name).write_text(name)
    (tmp_path / "secret").write_text("secret")
    (site / "link").symlink_to(tmp_path / "secret")
    host.sio.add_static("/static", str(site))
    host.sio.add_static("/one.txt", str(site / "LICENSE"), "text/plain")
    host.sio.add_static("/page", str(site / "index.html"))
    host.sio.add_static("/as-there", {"filename": str(site / "odd.thing"), "content_type": "text/odd"})
    host.sio.add_static("/memory.json", b"{}")
    with pytest.raises(FileNotFoundError, match="nothing.here"):
        host.sio.add_static("/x", "nothing.here")

    def get(path: str) -> tuple[str, str]:
        with urllib.request.urlopen(host.url + path) as page:
            return page.read().decode(), page.headers["Content-Type"]

    with host:
        for name, kind in files.items():
            assert get("/static/" + name.replace(" ", "%20")) == (name, kind)
        for path, name in (("/static", "index.html"), ("/static/", "index.html"), ("/static/deep/", "deep/index.html")):
            assert get(path) == (name, "text/html; charset=utf-8")
        assert get("/one.txt") == ("LICENSE", "text/plain")
        assert get("/page") == ("index.html", "text/html; charset=utf-8")
        assert get("/as-there") == ("odd.thing", "text/odd")
        assert get("/memory.json") == ("{}", "application/json")
        for path in (".env", ".git/config", "link", "nothing"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                get("/static/" + path)
