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


def test_files_are_asked_for_again_and_come_as_they_were_encoded(make: Any, tmp_path: Any) -> None:
    import gzip

    import requests

    host, dist = make(cors_allowed_origins=["http://a.example"]), tmp_path / "dist"
    dist.mkdir()
    (dist / "socket.io.min.js").write_text("var io;" * 1_000)
    (dist / "socket.io.min.js.br").write_bytes(b"\x0b\x00\x80io\x03")
    (dist / "socket.io.min.js.gz").write_bytes(gzip.compress(b"var io;" * 1_000))
    (dist / "socket.io.js").write_text("let io;" * 1_000)
    host.sio.add_static("/socket.io", str(dist), headers={"Cache-Control": "public, max-age=0"})
    with host, requests.Session() as session:
        session.trust_env = False

        def get(name: str, **headers: str) -> Any:
            return session.get(f"{host.url}/socket.io/{name}?v=1", headers={"Origin": "http://a.example", **headers}, stream=True)

        tags = {}
        for coding, accepted in (("br", "gzip, deflate, br"), ("gzip", "gzip"), (None, "identity")):
            answer = get("socket.io.min.js", **{"Accept-Encoding": accepted})
            assert answer.status_code == 200 and answer.headers.get("Content-Encoding") == coding
            assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
            assert answer.headers["Vary"] and answer.headers["Cache-Control"] == "public, max-age=0"
            # What is under the endpoint's path is for the same origins.
            assert answer.headers["Access-Control-Allow-Origin"] == "http://a.example"
            length, body = int(answer.headers["Content-Length"]), answer.raw.read(decode_content=False)
            assert length == len(body) and (coding != "br" or body == b"\x0b\x00\x80io\x03")
            tags[coding] = answer.headers["ETag"]
            again = get("socket.io.min.js", **{"Accept-Encoding": accepted, "If-None-Match": f'"other", W/{tags[coding]}'})
            assert again.status_code == 304 and again.raw.read() == b"" and again.headers["ETag"] == tags[coding]
        assert len(set(tags.values())) == 3
        assert get("socket.io.js").headers["Content-Encoding"] == "gzip"
        # The endpoint is where it was.
        assert get("", **{"Accept-Encoding": "identity"}).json() == {"code": 0, "message": "Transport unknown"}
        with pytest.raises(Exception, match="Socket.IO path"):
            host.sio.add_static("/socket.io/", b"no page")
