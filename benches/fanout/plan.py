"""What is measured: groups of cells that one start of a server goes through. It must not know servers by name, but for the
baselines.
"""

import dataclasses
import resource

ARENA_CLIENTS = 1000
ARENA_RATE = 20 * ARENA_CLIENTS


@dataclasses.dataclass(frozen=True)
class Cell:
    """One load, as the client's --cell."""

    size: int = 64
    window: int = 1
    publishers: int = 1
    form: str = "text"
    rate: int | None = None
    burst: int = 1

    def spelled(self, seconds: float) -> str:
        pairs = {**dataclasses.asdict(self), "seconds": seconds}
        return ",".join(f"{key}={value}" for key, value in pairs.items() if value is not None)

    def title(self) -> str:
        size = f"{self.size // 1024} KB" if self.size % 1024 == 0 else f"{self.size} B"
        parts = [size, f"{self.rate:,}/s" if self.rate else f"{self.window} in flight"]
        if self.inbound:
            parts.append("a frame a send" if self.burst == 1 else f"{self.burst} frames a send")
            parts += ["acknowledged"] * (self.form == "ack")
        else:
            if self.publishers > 1:
                parts.append(f"{self.publishers} publishers")
            if self.form != "text":
                parts.append(self.form)
        return ", ".join(parts)

    @property
    def inbound(self) -> bool:
        """It ends at the server: no other client receives it."""
        return self.form in ("count", "ack")

    def baseline(self) -> str:
        """The bare loop that stands for the limit: joining pays only when there is something to join."""
        if self.inbound:
            return "bare-inbound"
        return "bare-each" if self.window == 1 else "bare-tick"


@dataclasses.dataclass(frozen=True)
class Group:
    """One start of a server: connect, then cell after cell."""

    kind: str  # room, deflate, tls, polling, arena, relayed, inbound or idle
    connections: int
    cells: tuple[Cell, ...]
    servers: tuple[str, ...] = ()  # none for all

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.connections}"


FOUR = tuple(Cell(size=size, window=window) for size in (64, 1024) for window in (1, 64))
MANY = (Cell(window=64, publishers=16), Cell(window=64, publishers=64))
MORE = (Cell(window=16), Cell(window=64, form="binary"), Cell(rate=20))
# The same clients, with servers that send on at once.
RELAYED = Group("relayed", ARENA_CLIENTS, (Cell(rate=ARENA_RATE, publishers=ARENA_CLIENTS),))
ARENA = Group("arena", ARENA_CLIENTS, (Cell(rate=ARENA_RATE, publishers=ARENA_CLIENTS),))
# What a thousand clients send and nobody receives: a frame at a time, and bursts of sixteen.
INBOUND = Group("inbound", 1000, tuple(Cell(publishers=1000, form=form, rate=rate, burst=burst)
                                       for rate, burst in ((100_000, 1), (800_000, 16)) for form in ("count", "ack")))
# Messages of a kilobyte, compressed by the server; for the bare loops, that compress nothing, by who publishes them.
DEFLATE = Group("deflate", 1000, FOUR[2:], ("bare-each", "bare-tick", "roomcast", "roomcast-c", "bun", "ws", "node"))


def descriptors() -> int:
    """How many connections a server may have, with some descriptors left for itself."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 100


# Over TLS 1.3, with one certificate for all; and beside it without, and with an nginx before it.
TLS = Group("tls", 1000, FOUR, ("roomcast-plain", "roomcast", "roomcast-nginx", "bun", "ws", "node"))

# One room as large as the descriptors allow. Most peers would take minutes for it.
LARGE = Group("room", min(15_000, descriptors()), FOUR[:2], ("bare-each", "bare-tick", "roomcast", "roomcast-c", "bun"))

PLANS = {
    "full": (
        Group("room", 100, FOUR),
        Group("room", 1000, FOUR + MANY + MORE),
        Group("room", 5000, FOUR),
        LARGE,
        INBOUND,
        ARENA,
        RELAYED,
        Group("polling", 1000, (Cell(), Cell(window=64), Cell(window=64, form="binary"))),
        DEFLATE,
        TLS,
        Group("idle", 10000, ()),
    ),
    "compression": (DEFLATE,),
    "tls": (TLS,),
    "quick": (Group("room", 1000, (FOUR[0], FOUR[1], FOUR[3], MANY[0])), LARGE, INBOUND, ARENA),
}
# Whose system calls are counted, in a pass of its own.
COUNTED = Group("room", 1000, FOUR + MANY)
