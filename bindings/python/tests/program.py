"""One program for both: on python-socketio, or with the import alone changed. `program.py LIBRARY KIND PORT`.

It does what python-socketio's own example applications do: it greets, echoes, broadcasts, enters, leaves and closes
rooms, disconnects on request, answers a latency probe, runs background tasks, and has class-based namespaces and a
guarded one.
"""

import importlib
import sys

LIBRARY, KIND, PORT = sys.argv[1], sys.argv[2], int(sys.argv[3])
socketio = importlib.import_module(LIBRARY)

if KIND == "asyncio":
    sio = socketio.AsyncServer(async_mode="asgi" if LIBRARY == "socketio" else None)

    async def background_task(sid):
        for count in range(3):
            await sio.sleep(0)
            await sio.emit("my_response", {"data": "Server generated event", "count": count}, room=sid)

    @sio.event
    async def connect(sid, environ, auth):
        if auth == {"bad": True}:
            raise socketio.exceptions.ConnectionRefusedError("authentication failed", {"code": 1})
        await sio.save_session(sid, {"name": (auth or {}).get("name")})
        await sio.emit("hello", (1, 2, {"hello": "you"}), to=sid)

    @sio.event
    async def start(sid):
        sio.start_background_task(background_task, sid)

    @sio.event
    async def my_event(sid, message):
        await sio.emit("my_response", {"data": message["data"]}, room=sid)

    @sio.event
    async def my_broadcast_event(sid, message):
        await sio.emit("my_response", {"data": message["data"]})

    @sio.event
    async def join(sid, message):
        await sio.enter_room(sid, message["room"])
        await sio.emit("my_response", {"data": "Entered room: " + message["room"]}, room=sid)

    @sio.event
    async def leave(sid, message):
        await sio.leave_room(sid, message["room"])
        await sio.emit("my_response", {"data": "Left room: " + message["room"]}, room=sid)

    @sio.on("close room")
    async def close(sid, message):
        await sio.emit("my_response", {"data": "Room " + message["room"] + " is closing."}, room=message["room"])
        await sio.close_room(message["room"])

    @sio.event
    async def my_room_event(sid, message):
        await sio.emit("my_response", {"data": message["data"]}, room=message["room"], skip_sid=message.get("skip"))

    @sio.on("disconnect request")
    async def disconnect_request(sid):
        await sio.disconnect(sid)

    @sio.event
    async def ping_from_client(sid):
        await sio.emit("pong_from_server", room=sid)

    @sio.event
    async def whoami(sid, *args):
        async with sio.session(sid) as session:
            session["asked"] = session.get("asked", 0) + 1
        rooms = [room for room in sio.rooms(sid) if room != sid]
        return await sio.get_session(sid), rooms, list(args)

    @sio.event
    async def ask_me(sid):
        return await sio.call("question", (b"what", 6), to=sid, timeout=5)

    @sio.on("*")
    async def anything(event, sid, *args):
        return ["anything", event, *args]

    class Shouting(socketio.AsyncNamespace):
        def on_connect(self, sid, environ):
            pass

        async def on_shout(self, sid, text):
            await self.emit("shouted", text.upper())
            return len(text)

    async def ticker():
        count = 0
        while True:
            await sio.sleep(0.01)
            count += 1
            await sio.emit("tick", count, room="ticks", namespace="/clock")

    class Clock(socketio.AsyncNamespace):
        ticking = None

        def on_connect(self, sid, environ):
            # The first client sets it going, for all that come.
            if self.ticking is None:
                self.ticking = sio.start_background_task(ticker)

        async def on_start(self, sid):
            await self.enter_room(sid, "ticks")
            async with self.session(sid) as session:
                session["started"] = True

        async def on_stop(self, sid):
            await self.close_room("ticks")
            return self.rooms(sid) == [sid], await self.get_session(sid)

        async def on_enough(self, sid):
            await self.disconnect(sid)

        async def on_disconnect(self, sid, reason):
            await sio.emit("clock left", [reason, reason == sio.reason.SERVER_DISCONNECT])

else:
    sio = socketio.Server(**({"async_mode": "threading"} if LIBRARY == "socketio" else {}))

    def background_task(sid):
        for count in range(3):
            sio.sleep(0)
            sio.emit("my_response", {"data": "Server generated event", "count": count}, room=sid)

    @sio.event
    def connect(sid, environ, auth):
        if auth == {"bad": True}:
            raise socketio.exceptions.ConnectionRefusedError("authentication failed", {"code": 1})
        sio.save_session(sid, {"name": (auth or {}).get("name")})
        sio.emit("hello", (1, 2, {"hello": "you"}), to=sid)

    @sio.event
    def start(sid):
        sio.start_background_task(background_task, sid)

    @sio.event
    def my_event(sid, message):
        sio.emit("my_response", {"data": message["data"]}, room=sid)

    @sio.event
    def my_broadcast_event(sid, message):
        sio.emit("my_response", {"data": message["data"]})

    @sio.event
    def join(sid, message):
        sio.enter_room(sid, message["room"])
        sio.emit("my_response", {"data": "Entered room: " + message["room"]}, room=sid)

    @sio.event
    def leave(sid, message):
        sio.leave_room(sid, message["room"])
        sio.emit("my_response", {"data": "Left room: " + message["room"]}, room=sid)

    @sio.on("close room")
    def close(sid, message):
        sio.emit("my_response", {"data": "Room " + message["room"] + " is closing."}, room=message["room"])
        sio.close_room(message["room"])

    @sio.event
    def my_room_event(sid, message):
        sio.emit("my_response", {"data": message["data"]}, room=message["room"], skip_sid=message.get("skip"))

    @sio.on("disconnect request")
    def disconnect_request(sid):
        sio.disconnect(sid)

    @sio.event
    def ping_from_client(sid):
        sio.emit("pong_from_server", room=sid)

    @sio.event
    def whoami(sid, *args):
        with sio.session(sid) as session:
            session["asked"] = session.get("asked", 0) + 1
        rooms = [room for room in sio.rooms(sid) if room != sid]
        return sio.get_session(sid), rooms, list(args)

    @sio.event
    def ask_me(sid):
        return sio.call("question", (b"what", 6), to=sid, timeout=5)

    @sio.on("*")
    def anything(event, sid, *args):
        return ["anything", event, *args]

    class Shouting(socketio.Namespace):
        def on_connect(self, sid, environ):
            pass

        def on_shout(self, sid, text):
            self.emit("shouted", text.upper())
            return len(text)

    def ticker():
        count = 0
        while True:
            sio.sleep(0.01)
            count += 1
            sio.emit("tick", count, room="ticks", namespace="/clock")

    class Clock(socketio.Namespace):
        ticking = None

        def on_connect(self, sid, environ):
            # The first client sets it going, for all that come.
            if self.ticking is None:
                self.ticking = sio.start_background_task(ticker)

        def on_start(self, sid):
            self.enter_room(sid, "ticks")
            with self.session(sid) as session:
                session["started"] = True

        def on_stop(self, sid):
            self.close_room("ticks")
            return self.rooms(sid) == [sid], self.get_session(sid)

        def on_enough(self, sid):
            self.disconnect(sid)

        def on_disconnect(self, sid, reason):
            sio.emit("clock left", [reason, reason == sio.reason.SERVER_DISCONNECT])


sio.register_namespace(Shouting("/shout"))
sio.register_namespace(Clock("/clock"))

if LIBRARY == "roomcast":
    sio.run("127.0.0.1", PORT)
elif KIND == "asyncio":
    import uvicorn

    uvicorn.run(socketio.ASGIApp(sio), host="127.0.0.1", port=PORT, log_level="error")
else:
    import logging

    from werkzeug.serving import run_simple

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    run_simple("127.0.0.1", PORT, socketio.WSGIApp(sio), threaded=True)
