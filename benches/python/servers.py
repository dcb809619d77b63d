"""The servers under test, with the semantics of benches/fanout's peers: `servers.py NAME PORT`. The same program for each.

On `join` (room, ack) the client joins; on `pub` (text) the room, without the sender, gets `msg` (text); `echo` is
acknowledged. With BUSY=1 in the environment, another thread computes in pure Python all the time.
"""

import asyncio
import os
import sys
import threading

NAME, PORT = sys.argv[1], int(sys.argv[2])


def compute() -> None:
    number = 0
    while True:
        number += 1


if os.environ.get("BUSY"):
    threading.Thread(target=compute, daemon=True).start()
if os.environ.get("SWITCH"):
    sys.setswitchinterval(float(os.environ["SWITCH"]))

if NAME.startswith("python-socketio"):
    import socketio
else:
    import roomcast as socketio


def asynchronous(sio):
    @sio.event
    async def join(sid, room):
        await sio.enter_room(sid, room)

    @sio.event
    async def pub(sid, text):
        await sio.emit("msg", text, room="r", skip_sid=sid)

    @sio.event
    async def echo(sid, value):
        return value

    return sio


def threaded(sio):
    @sio.event
    def join(sid, room):
        sio.enter_room(sid, room)

    @sio.event
    def pub(sid, text):
        sio.emit("msg", text, room="r", skip_sid=sid)

    @sio.event
    def echo(sid, value):
        return value

    return sio


if NAME == "python-socketio":
    import uvicorn

    app = socketio.ASGIApp(asynchronous(socketio.AsyncServer(async_mode="asgi")))
    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="error")
elif NAME.startswith("roomcast-asgi"):
    import uvicorn

    app = socketio.ASGIApp(asynchronous(socketio.AsyncServer(async_mode="asgi")))
    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="error", loop="uvloop" if NAME.endswith("uvloop") else "asyncio")
elif NAME == "roomcast-app":
    async def nothing(scope, receive, send):
        """An ASGI application that nobody asks for anything."""
        raise ValueError(scope["type"])

    asynchronous(socketio.AsyncServer()).run(port=PORT, app=nothing)
elif NAME == "roomcast-wsgi":
    import logging

    from werkzeug.serving import run_simple

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    run_simple("127.0.0.1", PORT, socketio.WSGIApp(threaded(socketio.Server())), threaded=True)
elif NAME == "roomcast-asyncio":
    asynchronous(socketio.AsyncServer()).run(port=PORT)
elif NAME == "roomcast-uvloop":
    import uvloop

    uvloop.run(asynchronous(socketio.AsyncServer()).serve("127.0.0.1", PORT))
elif NAME == "roomcast-threads":
    threaded(socketio.Server()).run(port=PORT)
elif NAME == "roomcast-raw":
    from roomcast import raw

    broker = raw.Broker()
    broker.listen("127.0.0.1", PORT)
    root = broker.add_namespace("/")
    MESSAGE, rooms = raw.MESSAGE, [b"r"]
    while True:
        broker.poll()
        out = []
        for kind, sock, ns, ack, code, name, data, parts, flags, tag, context in broker.events():
            if kind != MESSAGE:
                continue
            if name == "pub":
                out.append(raw.pack(ns, b"msg", data, rooms, except_sockets=(sock,)))
            elif name == "echo":
                broker.ack(sock, ack, data)
            elif name == "join":
                broker.join(sock, data[2:-2].decode())
                broker.ack(sock, ack)
        if out:
            broker.emit_many(out)
            broker.flush()
else:
    sys.exit(f"no server is called {NAME}")
