#!/usr/bin/env python3
"""One node of the cluster, in Python: `node.py PORT REDIS_URL NAME`.

What a client says goes to everybody in its room, whichever node they are connected to; the page and the other nodes are beside this
file. It needs the package: `pip install ./bindings/python`.
"""

import sys

import roomcast as socketio

port, redis, node = int(sys.argv[1]), sys.argv[2], sys.argv[3]
sio = socketio.Server(client_manager=redis)


@sio.event
def connect(sid, environ, auth):
    person = {"name": str(auth["name"])[:24], "room": str(auth["room"])[:24]}
    sio.save_session(sid, person)
    sio.enter_room(sid, person["room"])
    sio.emit("joined", (person["name"], node), room=person["room"])


@sio.event
def say(sid, text):
    person = sio.get_session(sid)
    sio.emit("said", (person["name"], node, str(text)[:2000]), room=person["room"])


@sio.event
def disconnect(sid, reason):
    person = sio.get_session(sid)
    sio.emit("left", (person["name"], node), room=person["room"])


print(f"{node}: listening on port {sio.listen(port=port)}", flush=True)
sio.run()
