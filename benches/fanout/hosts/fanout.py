"""The server of benches/fanout in Python: relays what a member of room "r" publishes to all others there. It does what
examples/fanout.rs does, through the face that python-socketio's users know; peers/python/app.py is the same with that.

Usage: fanout.py PORT [arena]
"""

import asyncio
import sys

import roomcast

TICK_S = 0.033


def serve(port: int, arena: bool) -> None:
    sio = roomcast.AsyncServer()
    held: list[tuple[str, str, str]] = []
    frames: list[asyncio.Task] = []
    count = 0

    @sio.event
    async def connect(sid, environ):
        if arena and not frames:
            frames.append(sio.start_background_task(run_frames))

    @sio.event
    async def join(sid, room):
        await sio.enter_room(sid, room)

    @sio.event
    async def rooms(sid, rooms):
        for room in rooms:
            await sio.enter_room(sid, room)

    @sio.on("pub")
    async def pub(sid, text):
        await sio.emit("msg", text, room="r", skip_sid=sid)

    @sio.on("bin")
    async def binary(sid, data):
        await sio.emit("msg", data, room="r", skip_sid=sid)

    @sio.event
    async def cell(sid, room, text):
        if arena:
            held.append((sid, room, text))
        else:
            await sio.emit("msg", text, room=room, skip_sid=sid)

    @sio.on("count")
    async def count_one(sid, text):
        nonlocal count
        count += 1

    @sio.event
    async def counted(sid):
        return count

    async def run_frames():
        # A game's frame: what came in since the last one goes out.
        while True:
            await sio.sleep(TICK_S)
            frame = held[:]
            held.clear()
            for sid, room, text in frame:
                await sio.emit("msg", text, room=room, skip_sid=sid)

    sio.run("0.0.0.0", port)


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2:] == ["arena"])
