#!/usr/bin/env python3
"""The chat of examples/chat, served by Python: `chat.py [port]`, then open the address that it prints, twice.

It needs the package: `pip install ./bindings/python`.
"""

import asyncio
import os
import sys
from pathlib import Path

import roomcast
from roomcast.exceptions import ConnectionRefusedError

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "examples" / "chat"
#: Where npm puts the official client.
CLIENTS = [ROOT / where / "node_modules/socket.io-client/dist/socket.io.min.js" for where in ("examples/chat", "tests/interop")]
CDN = ('<script src="https://cdn.jsdelivr.net/npm/socket.io-client@4.8.4/dist/socket.io.min.js" '
       'integrity="sha384-fBrXvbDtHoeKWJ/hcA6M+YGueiDW+h45I7V6F2kD1S8bOkrF9rZYPLVkCR6BLR/1" crossorigin="anonymous"></script>')
POLICY = "default-src 'self'; script-src 'self' https://cdn.jsdelivr.net; img-src 'self' data:"
TOKEN = os.environ.get("STAFF_TOKEN", "staff")


class Place(roomcast.AsyncNamespace):
    """A namespace with some rooms. People arrive in the first, with or without a name."""

    def __init__(self, namespace, rooms, token=None):
        super().__init__(namespace)
        self.names = rooms
        self.token = token
        self.people = {}  # sid -> [name, room]

    async def on_connect(self, sid, environ, auth):
        if environ.get("recovered"):  # it has its rooms again, and what was said meanwhile
            name, room = self.people[sid] = (await self.get_session(sid))["person"]
            print(f"back       {sid} {name!r}")
            await self.came_or_went("joined", sid, name, room)
            return
        auth = auth if isinstance(auth, dict) else {}
        if self.token and auth.get("token") != self.token:
            raise ConnectionRefusedError("Wrong token", {"hint": "The server prints the token when it starts."})
        print(f"connect    {sid} to {self.namespace} from {environ['REMOTE_ADDR']}")
        person = self.people[sid] = ["", None]
        await self.save_session(sid, {"person": person})  # for as long as it may come back
        await self.name(sid, auth.get("name"), auth.get("room"))

    async def on_disconnect(self, sid, reason):
        name, room = self.people.pop(sid)
        print(f"disconnect {sid} {name!r}: {reason}")
        await self.came_or_went("left", sid, name, room)

    async def came_or_went(self, what, sid, name, room):
        """Somebody comes into their room, or goes: the others are told."""
        if room:
            await self.emit(what, name, room=room, skip_sid=sid)
            await self.show_who_is_where(room)

    async def on_name(self, sid, name):
        await self.name(sid, name, None)

    async def on_move(self, sid, room):
        await self.enter(sid, room)

    async def on_say(self, sid, text):
        name, room = self.people[sid]
        await self.emit("message", (name, short(text, 2000)), room=room, skip_sid=sid)

    async def on_typing(self, sid):
        name, room = self.people[sid]
        await self.emit("typing", name, room=room, skip_sid=sid)

    async def name(self, sid, name, room):
        """Somebody says who it is, once."""
        if not self.people[sid][0]:
            self.people[sid][0] = short(name, 24)
            await self.enter(sid, room)

    async def enter(self, sid, room):
        """Takes somebody into a room, out of the one it was in, and tells everybody concerned."""
        name, before = self.people[sid]
        room = room if room in self.names else self.names[0]
        if not name or room == before:
            return
        self.people[sid][1] = room
        if before:
            await self.leave_room(sid, before)
            await self.emit("left", name, room=before)
        await self.enter_room(sid, room)
        await self.emit("room", room, to=sid)
        await self.emit("joined", name, room=room, skip_sid=sid)
        await self.show_who_is_where(*filter(None, (before, room)))

    async def show_who_is_where(self, *changed):
        """Tells rooms who is in them, and everybody how full each room is."""
        where = {room: [name for name, place in self.people.values() if place == room] for room in self.names}
        for room in changed:
            await self.emit("people", where[room], room=room)
        await self.emit("rooms", [[room, len(names)] for room, names in where.items()])


def short(value, most):
    """At most so many characters of a text, without the blanks around it."""
    return value.strip()[:most] if isinstance(value, str) else ""


async def main():
    sio = roomcast.AsyncServer(connection_state_recovery=True, config={"health_path": "/health"})
    sio.register_namespace(Place("/", ["lobby", "music", "games"]))
    sio.register_namespace(Place("/staff", ["staff"], TOKEN))

    client = next((path for path in CLIENTS if path.exists()), None)
    if client:
        sio.add_static("/socket.io.js", client)
    else:
        print(f"no {CLIENTS[0]}: pages load it from cdn.jsdelivr.net (`make chat` fetches it with npm)", file=sys.stderr)
    tag = '<script src="/socket.io.js"></script>' if client else CDN
    page = (PAGE / "index.html").read_text("utf-8").replace("<!-- the Socket.IO client -->", tag)
    sio.add_static("/", page.encode(), headers={"Content-Security-Policy": POLICY})
    sio.add_static("/chat.css", PAGE / "chat.css")
    sio.add_static("/chat.js", PAGE / "chat.js")

    port = sio.listen("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 3000)
    print(f"listening on http://127.0.0.1:{port} (the staff token is {TOKEN!r})", flush=True)
    await sio.serve()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
