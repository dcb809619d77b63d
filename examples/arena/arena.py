#!/usr/bin/env python3
"""The arena's loop in Python, on roomcast.raw: `arena.py [port]`. README.md has the protocol, arena.c the same in C.

Cells are rooms, positions are latest, shots are reliable, one flush a tick. It must not tell a player of anything that is
more than a cell away.
"""

import json
import math
import random
import signal
import sys
import time
from pathlib import Path

from roomcast import raw

TICK_RATE, WIDTH, HEIGHT, CELL, SPEED, RADIUS = 30, 4000, 3000, 250, 9, 16
SHOT_SPEED, SHOT_TICKS, RELOAD, FULL_HEALTH = 24, 20, TICK_RATE // 4, 5
RULES = {"width": WIDTH, "height": HEIGHT, "cell": CELL, "speed": SPEED, "tick": TICK_RATE}
HERE = Path(__file__).resolve().parent
CLIENT = HERE.parents[1] / "tests/interop/node_modules/socket.io-client/dist/socket.io.min.js"


class Player:
    def __init__(self, number, socket, name):
        self.id, self.socket, self.name = number, socket, name
        self.cell, self.dx, self.dy, self.angle, self.score, self.reload, self.changed = None, 0, 0, 0.0, 0, 0, True

    def position(self):
        return f"[{self.id},{int(self.x)},{int(self.y)},{self.angle:.2f},{self.health},{self.score}]"


def around(cell):
    """The cells around one, its own among them."""
    return {(x, y) for x in range(cell[0] - 1, cell[0] + 2) for y in range(cell[1] - 1, cell[1] + 2)} if cell else set()


class Arena:
    def __init__(self, port):
        self.broker = raw.Broker(max_payload=4096)
        self.ns = self.broker.add_namespace("/")
        script = "text/javascript; charset=utf-8"
        for path, kind, file in (("/", "text/html; charset=utf-8", HERE / "index.html"),
                                 ("/arena.js", script, HERE / "arena.js"), ("/socket.io.js", script, CLIENT)):
            if file.exists():
                self.broker.serve(path, kind, file.read_bytes())
            else:
                print(f"no {file}: pages load it from cdn.jsdelivr.net (`make arena` fetches it with npm)", file=sys.stderr)
        self.players, self.by_socket, self.shots, self.out, self.free = {}, {}, [], [], []
        print(f"listening on http://127.0.0.1:{self.broker.listen('127.0.0.1', port)}", flush=True)

    # Emits are collected, and handed over together before anything that changes who gets them.
    def emit(self, event, args, cells=None, **how):
        """Without cells, and without sockets, to everybody."""
        rooms = None if cells is None else [b"%d:%d" % cell for cell in cells]
        self.out.append(raw.pack(self.ns, event, args.encode(), rooms, **how))

    def hand_over(self):
        if self.out:
            self.broker.emit_each(self.out, lambda error: print(error, file=sys.stderr))
            self.out = []

    def look(self, player, cell):
        """The player sees the cells around this one, and no others any more."""
        before, now, player.cell = around(player.cell), around(cell), cell
        self.hand_over()
        self.broker.change_rooms(player.socket, ["%d:%d" % each for each in before], ["%d:%d" % each for each in now])
        for other in self.players.values():  # those who stand still in the new cells say nothing by themselves
            if other.cell in now and other.cell not in before:
                self.emit(b"p", other.position(), sockets=[player.socket])

    def spawn(self, player):
        player.x, player.y = random.randrange(RADIUS, WIDTH - RADIUS), random.randrange(RADIUS, HEIGHT - RADIUS)
        player.health, player.changed = FULL_HEALTH, True
        self.look(player, (int(player.x) // CELL, int(player.y) // CELL))

    def message(self, socket, event, args):
        """Does what a client says, and returns the acknowledgement if there is one."""
        player = self.by_socket.get(socket)
        if player is None:
            if event == "join" and args and isinstance(args[0], str) and 0 < len(args[0]) < 60:
                player = Player(self.free.pop() if self.free else len(self.players), socket, args[0])
                self.players[player.id] = self.by_socket[socket] = player
                self.spawn(player)
                return [player.id, int(player.x), int(player.y), RULES]
        elif not args or not all(isinstance(value, (int, float)) and abs(value) < 1e9 for value in args):
            pass
        elif event == "input" and len(args) >= 3:
            scale = 1 / max(1, math.hypot(args[0], args[1]))
            player.dx, player.dy, player.angle, player.changed = args[0] * scale, args[1] * scale, max(-7, min(7, args[2])), True
        elif event == "shoot" and player.reload == 0:
            player.reload, dx, dy = RELOAD, math.cos(args[0]) * SHOT_SPEED, math.sin(args[0]) * SHOT_SPEED
            self.shots.append([player.x, player.y, dx, dy, SHOT_TICKS, player.id])
            self.emit(b"shot", f"[{player.id},{int(player.x)},{int(player.y)},{dx:.1f},{dy:.1f}]", around(player.cell))
        elif event == "who":
            who = self.players.get(int(args[0]))
            return [who and who.name]

    def drain(self):
        for kind, socket, _, ack, _, name, data, *_ in self.broker.events():
            if kind == raw.MESSAGE:
                answer = self.message(socket, name, json.loads(data))
                if ack and answer:
                    self.hand_over()
                    self.broker.ack(socket, ack, json.dumps(answer).encode())
            elif kind == raw.DISCONNECT and (player := self.by_socket.pop(socket, None)):
                self.emit(b"gone", f"[{player.id}]", around(player.cell))
                del self.players[player.id]
                self.free.append(player.id)

    def hit(self, player, by):
        player.health, player.changed = player.health - 1, True
        self.emit(b"hit", f"[{player.id},{by},{player.health}]", around(player.cell))
        if player.health == 0:
            self.emit(b"gone", f"[{player.id}]", around(player.cell))
            player.score = max(0, player.score - 1)
            if by in self.players:
                self.players[by].score, self.players[by].changed = self.players[by].score + 1, True
            self.spawn(player)

    def tick(self, number):
        self.broker.poll(0)
        self.drain()
        where, reach = {}, (RADIUS + SHOT_SPEED / 2) ** 2
        for player in self.players.values():
            where.setdefault(player.cell, []).append(player)
        flying, self.shots = self.shots, []
        for x, y, dx, dy, ticks, owner in flying:
            x, y = x + dx, y + dy
            near = (player for cell in around((int(x) // CELL, int(y) // CELL)) for player in where.get(cell, ()))
            target = next((p for p in near if p.id != owner and (p.x - x) ** 2 + (p.y - y) ** 2 < reach), None)
            if target:
                self.hit(target, owner)
            elif ticks > 1:
                self.shots.append([x, y, dx, dy, ticks - 1, owner])
        for player in list(self.players.values()):
            x = max(RADIUS, min(WIDTH - RADIUS - 1, player.x + player.dx * SPEED))
            y = max(RADIUS, min(HEIGHT - RADIUS - 1, player.y + player.dy * SPEED))
            player.changed |= (int(x), int(y)) != (int(player.x), int(player.y))
            player.x, player.y, player.reload, cell = x, y, max(0, player.reload - 1), (int(x) // CELL, int(y) // CELL)
            if cell != player.cell:
                self.look(player, cell)
            if player.changed or (number + player.id) % TICK_RATE == 0:
                self.emit(b"p", player.position(), [player.cell], delivery=raw.LATEST, key=player.id)
                player.changed = False
        if number % TICK_RATE == 0:
            best = sorted(self.players.values(), key=lambda player: -player.score)[:8]
            self.emit(b"top", json.dumps([*([p.name, p.score] for p in best), len(self.players)]), delivery=raw.VOLATILE)
        self.hand_over()
        self.broker.flush()


if __name__ == "__main__":
    stopping = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.append(True))
    arena, begin, tick = Arena(int(sys.argv[1]) if len(sys.argv) > 1 else 3000), time.monotonic(), 0
    while not stopping:
        arena.tick(tick)
        tick += 1
        time.sleep(max(0, begin + tick / TICK_RATE - time.monotonic()))
    arena.broker.close(1)
