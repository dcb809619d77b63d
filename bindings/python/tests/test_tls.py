"""Listening over TLS: with python-socketio's client, new certificates, and those of clients."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
import requests
import roomcast
import socketio
from host import PATIENCE
from roomcast import raw

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")


def certify(folder: Path, name: str) -> tuple[str, str]:
    """The files of a certificate for this machine, that speaks for itself, and of its key."""
    chain, key = str(folder / f"{name}.crt"), str(folder / f"{name}.key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
                    "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", key, "-out", chain],
                   check=True, stderr=subprocess.DEVNULL)
    return chain, key


def read(files: tuple[str, str]) -> tuple[bytes, bytes]:
    return Path(files[0]).read_bytes(), Path(files[1]).read_bytes()


def shown(port: int) -> bytes:
    """The certificate that whoever comes now is shown."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as plain, trusting.wrap_socket(plain) as secured:
        certificate = secured.getpeercert(binary_form=True)
    assert certificate is not None
    return certificate


@pytest.mark.parametrize("loops", [0, 2])
@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_python_socketio_over_tls(tmp_path: Path, transport: str, loops: int) -> None:
    chain, key = certify(tmp_path, "one")
    server = roomcast.Server(config={"loops": loops})
    environs: list[dict[str, Any]] = []
    server.on("connect", lambda sid, environ, auth: environs.append(environ))
    server.on("ask", lambda sid, value: value)
    port = server.listen(port=0, certfile=chain, keyfile=key)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        session = requests.Session()
        session.verify, session.trust_env = chain, False
        client = socketio.Client(http_session=session)
        client.connect(f"https://127.0.0.1:{port}", transports=[transport], wait_timeout=PATIENCE)
        # Without an attachment: this client handles each message on a thread of its own, and may take an attachment before what it is of.
        assert client.call("ask", {"a": [1, "\xff"]}, timeout=PATIENCE) == {"a": [1, "\xff"]}
        assert environs[0]["wsgi.url_scheme"] == "https"
        # The files are replaced, and nobody is disconnected.
        before = shown(port)
        newer = certify(tmp_path, "newer")
        Path(chain).write_bytes(Path(newer[0]).read_bytes() + Path(newer[1]).read_bytes())
        with pytest.raises(roomcast.raw.RoomcastError, match="not that of the certificate"):
            server.reload_certificates()
        assert shown(port) == before
        Path(key).write_bytes(Path(newer[1]).read_bytes())
        server.reload_certificates()
        assert shown(port) != before
        assert client.call("ask", 1, timeout=PATIENCE) == 1
        client.disconnect()
    finally:
        server.shutdown()
        thread.join(PATIENCE)
    assert not thread.is_alive()


def test_an_asyncio_server_over_tls(tmp_path: Path) -> None:
    chain, key = certify(tmp_path, "one")
    both = tmp_path / "both.pem"
    both.write_bytes(Path(key).read_bytes() + Path(chain).read_bytes())

    async def talk() -> None:
        server = roomcast.AsyncServer()
        server.on("ask", lambda sid, value: value)
        port = server.listen(port=0, certfile=str(both))
        context = ssl.create_default_context(cafile=chain)
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        writer.write(b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert (await asyncio.wait_for(reader.read(), PATIENCE)).startswith(b"HTTP/1.1 200 ")
        writer.close()
        await server.shutdown()

    asyncio.run(talk())


def test_clients_show_who_they_are(tmp_path: Path) -> None:
    own, somebody = certify(tmp_path, "own"), certify(tmp_path, "somebody")
    broker = raw.Broker()
    port = broker.listen_tls("127.0.0.1", 0, [read(own)], client_authorities=Path(somebody[0]).read_bytes(), require_clients=True)
    context = ssl.create_default_context(cafile=own[0])
    context.load_cert_chain(*somebody)
    found: list[raw.Handshake] = []

    def speak() -> None:
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as stream, context.wrap_socket(stream, server_hostname="127.0.0.1") as client:
            client.sendall(b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = client.recv(65536)
            sid = answer.split(b'"')[3]
            client.sendall(b"POST /socket.io/?EIO=4&transport=polling&sid=" + sid + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n40")
            client.recv(65536)

    thread = threading.Thread(target=speak)
    thread.start()
    while thread.is_alive() or not found:
        broker.poll(0.01)
        for event in broker.events():
            if event[0] == raw.CONNECT:
                found.append(broker.handshake(event[1]))
    thread.join()
    assert found[0].tls_version == "TLSv1.3"
    assert found[0].certificate == ssl.PEM_cert_to_DER_cert(Path(somebody[0]).read_text())
    with pytest.raises(raw.RoomcastError, match="this port"):
        broker.set_tls(1, [read(own)])
    broker.free()


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    chain, key = certify(tmp_path, "one")
    server = roomcast.Server()
    for options in ({"keyfile": key}, {"certfile": chain, "uds": str(tmp_path / "s")}):
        with pytest.raises(ValueError, match="certfile"):
            server.listen(**options)
    with pytest.raises(FileNotFoundError):
        server.listen(port=0, certfile="/no/where")
    with pytest.raises(raw.RoomcastError, match="no private key"):
        server.listen(port=0, certfile=chain)
