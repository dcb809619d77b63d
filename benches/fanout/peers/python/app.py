"""python-socketio under uvicorn, as its documentation shows it. It must not tune what it is given.

Usage: app.py PORT [arena]
"""

import asyncio
import sys

import socketio
import uvicorn

TICK_S = 0.033


def serve(port: int, arena: bool) -> None:
    sio = socketio.AsyncServer(async_mode="asgi")
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

    uvicorn.run(socketio.ASGIApp(sio), host="0.0.0.0", port=port, log_level="warning")


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2:] == ["arena"])
