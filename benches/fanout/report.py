"""From the lines of a run to a summary, and from the summary to tables. No I/O."""

import json
import statistics
from collections.abc import Callable, Iterable

from plan import Cell, Group

# Above these shares of the machine, or this spread of the repetitions, a figure is marked.
STOLEN, OTHERS, SPREAD = 0.01, 0.05, 0.25
# Above this share of a processor, the load client is what limits the deliveries per second.
CLIENT_BUSY = 0.95


def groups(document: dict) -> tuple[Group, ...]:
    return tuple(Group(**{**group, "cells": tuple(Cell(**cell) for cell in group["cells"])}) for group in document["groups"])


def disturbed(line: dict) -> bool:
    return line["machine"]["stolen"] > STOLEN or line["machine"]["others"] > OTHERS


def cost(line: dict) -> float:
    return line["server_cpu"]["ns_per_delivery"]


def runs_of(document: dict, name: str, group: str, cell: Cell, counting: bool = False) -> list[dict]:
    wanted = {"kind": "cell", "label": name, "group": group, "counting": counting, "size": cell.size,
              "window": cell.window, "publishers": cell.publishers, "form": cell.form, "rate": cell.rate, "burst": cell.burst}
    return [line for line in document["runs"] if wanted.items() <= line.items()]


def ratio(ours: Iterable[dict], theirs: Iterable[dict]) -> float | None:
    """The median of the ratios within the repetitions that have both."""
    other = {line["repetition"]: cost(line) for line in theirs}
    ratios = [cost(line) / other[line["repetition"]] for line in ours if line["repetition"] in other]
    return round(statistics.median(ratios), 3) if ratios else None


def summary(document: dict, name: str, group: Group, cell: Cell) -> dict | None:
    """Medians of one server in one cell, with what makes them doubtful."""
    runs = runs_of(document, name, group.name, cell)
    if not runs:
        return None
    costs = [cost(line) for line in runs]
    middle = statistics.median(costs)
    spread = (max(costs) - min(costs)) / middle
    counted = runs_of(document, name, group.name, cell, counting=True)
    base = cell.baseline() if group.kind in ("room", "deflate", "inbound") else "roomcast"

    def median(*path: str) -> float:
        values = []
        for line in runs:
            for key in path:
                line = line[key]
            values.append(line)
        return statistics.median(values)

    return {
        "server": name, "group": group.name, "cell": cell.title(), "runs": len(runs),
        "ns_per_delivery": middle, "lowest_ns": min(costs), "highest_ns": max(costs),
        "user_ns": median("server_cpu", "user_ns"), "system_ns": median("server_cpu", "system_ns"),
        "base": base, "ratio": ratio(runs, runs_of(document, base, group.name, cell)),
        "deliveries_per_s": median("deliveries_per_s"), "bytes_per_delivery": median("bytes_per_delivery"),
        "latency_us": {key: median("latency_us", key) for key in ("p50", "p99", "p99.9")},
        "client_busy": median("client_busy"), "server_busy": median("server_cpu", "busy"),
        "syscalls_per_delivery": counted[0]["syscalls_per_delivery"] if counted else None,
        "late": cell.rate is not None and median("seconds") > 1.2 * document["options"]["seconds"],
        "spread": round(spread, 3), "disturbed_runs": sum(map(disturbed, runs)),
        "noisy": spread > SPREAD or any(map(disturbed, runs)),
    }


def summaries(document: dict) -> list[dict]:
    every = (summary(document, name, group, cell) for group in groups(document) for cell in group.cells
             for name in document["options"]["servers"])
    return [one for one in every if one]


def measured_connects(document: dict, name: str, group: Group) -> dict | None:
    runs = [line for line in document["runs"] if line["kind"] == "connect" and line["label"] == name
            and line["group"] == group.name and not line["counting"]]
    if not runs:
        return None
    return {"kib": statistics.median(line["memory_per_connection"]["anonymous"] / 1024 for line in runs),
            "per_s": statistics.median(line["connects_per_s"] for line in runs)}


def connects(document: dict, name: str, group: Group) -> dict | None:
    """The same, from the summary."""
    return next((row for row in document["connects"] if (row["server"], row["group"]) == (name, group.name)), None)


def failures(document: dict) -> list[dict]:
    """The groups in which a server failed, and why."""
    why = {(line["label"], line["group"]): line["why"] for line in document["runs"] if line["kind"] == "failure"}
    return [{"server": server, "group": group, "why": text} for (server, group), text in why.items()]


def digest(document: dict) -> str:
    """As JSON, one row a line, what the tables are made of: medians over the repetitions, without the single runs."""
    idle = [{"server": server, "group": group.name, **found} for server in document["options"]["servers"]
            for group in groups(document) if (found := measured_connects(document, server, group))]
    parts = {**{key: document[key] for key in ("machine", "options", "titles", "groups")},
             "summary": summaries(document), "connects": idle, "failures": failures(document),
             "targets": targets(document)}
    rows = [f' {json.dumps(key)}: ' + (json.dumps(part) if isinstance(part, dict) else
                                       "[\n" + ",\n".join("  " + json.dumps(row) for row in part) + "\n ]")
            for key, part in parts.items()]
    return "{\n" + ",\n".join(rows) + "\n}\n"


def targets(document: dict) -> list[dict]:
    """What was promised, what was measured in this run, and whether the one holds."""
    rows = []

    def add(text: str, bound: float, found: float | None, at_most: bool = True) -> None:
        if found is not None:
            rows.append({"target": text, "bound": bound, "at_most": at_most, "measured": found,
                         "met": found <= bound if at_most else found >= bound})

    def compare(group: Group, cell: Cell, one: str, other: str) -> float | None:
        return ratio(runs_of(document, one, group.name, cell), runs_of(document, other, group.name, cell))

    def more(group: Group, cell: Cell, one: str, other: str) -> float | None:
        found = [runs_of(document, name, group.name, cell) for name in (one, other)]
        medians = [statistics.median(map(cost, runs)) for runs in found if runs]
        return round(medians[0] - medians[1], 1) if len(medians) == 2 else None

    for group in groups(document):
        for cell in group.cells:
            where = f"{group.connections:,} clients, {cell.title()}"
            closed = cell.rate is None and cell.form == "text"
            if group.connections > 5_000 and group.kind == "room":
                add(f"{where}: of the bare loop", 1.08, compare(group, cell, "roomcast", cell.baseline()))
                add(f"{where}: below Bun", 1.0, compare(group, cell, "roomcast", "bun"))
                continue
            if group.kind == "deflate":
                add(f"compressed, {where}: of the bare loop", 1.15, compare(group, cell, "roomcast", cell.baseline()))
                for other in ("bun", "node"):
                    add(f"compressed, {where}: {document['titles'].get(other, other)} costs times as much", 30.0,
                        compare(group, cell, other, "roomcast"), at_most=False)
                continue
            if group.kind == "tls":
                if cell.window == 1:
                    add(f"TLS, {where}: of the same without", 1.12, compare(group, cell, "roomcast", "roomcast-plain"))
                elif cell.size == 64:
                    add(f"TLS, {where}: ns more than without", 25.0, more(group, cell, "roomcast", "roomcast-plain"))
                for other in ("roomcast-nginx", "bun", "ws", "node"):
                    add(f"TLS, {where}: below {document['titles'].get(other, other)}", 1.0,
                        compare(group, cell, "roomcast", other))
                continue
            if group.kind == "inbound":
                add(f"inbound, {cell.title()}: of the bare loop", 1.12 if cell.burst == 1 else 1.3,
                    compare(group, cell, "roomcast", cell.baseline()))
                for other in ("bun", "ws", "socketioxide", "node"):
                    add(f"inbound, {cell.title()}: below {document['titles'].get(other, other)}", 1.0,
                        compare(group, cell, "roomcast", other))
                continue
            if group.kind == "room" and closed and cell.publishers == 1 and cell.window == 1:
                add(f"{where}: of the bare loop", 1.05, compare(group, cell, "roomcast", "bare-each"))
                add(f"{where}: below Bun", 1.0, compare(group, cell, "roomcast", "bun"))
            if group.kind == "room" and closed and cell.publishers == 1 and cell.window == 64:
                add(f"{where}: of the bare loop", 1.25, compare(group, cell, "roomcast", "bare-tick"))
                for other, times in (("bun", 1.7), ("socketioxide", 5.0), ("node", 70.0)) if cell.size == 64 else ():
                    add(f"{where}: {document['titles'].get(other, other)} costs times as much", times,
                        compare(group, cell, other, "roomcast"), at_most=False)
            if group.kind == "room" and cell.publishers > 1:
                add(f"{where}: of the bare loop", 1.2, compare(group, cell, "roomcast", "bare-tick"))
                add(f"{where}: below Bun", 1.0, compare(group, cell, "roomcast", "bun"))
            if group.kind in ("arena", "relayed"):
                # roomcast flushes once a frame; others do so too, or send on as they do by themselves.
                how = "for each frame too" if group.kind == "arena" else "at once"
                ours = [line for frame in groups(document) if frame.kind == "arena"
                        for line in runs_of(document, "roomcast", frame.name, cell)]
                for other, times in (("socketioxide", 5.0), ("node", 20.0)):
                    add(f"arena: {document['titles'].get(other, other)}, sending {how}, costs times as much", times,
                        ratio(runs_of(document, other, group.name, cell), ours), at_most=False)
        if group.kind == "idle" and (found := measured_connects(document, "roomcast", group)):
            add(f"{group.connections:,} idle connections: KiB each", 1.0, round(found["kib"], 2))
            add(f"{group.connections:,} connections: connects per second", 20_000, found["per_s"], at_most=False)
    return rows


def figure(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 10 else f"{value:.3g}"


def table(head: list[str], rows: list[list[str]]) -> str:
    text = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in text) + "\n"


class Grid:
    """Tables of servers by cells."""

    def __init__(self, document: dict, columns: list[tuple[str, Group, Cell]]) -> None:
        self.document, self.columns = document, columns
        self.found = {(one["server"], one["group"], one["cell"]): one for one in document["summary"]}
        self.names = [name for name in document["options"]["servers"] if any(self.row(name))]
        self.failed = {(row["server"], row["group"]) for row in document["failures"]}

    def row(self, name: str) -> list[dict | None]:
        return [self.found.get((name, group.name, cell.title())) for _, group, cell in self.columns]

    def table(self, show: Callable[[dict], str]) -> str:
        def shown(name: str, group: Group, one: dict | None) -> str:
            return show(one) if one else "fails" if (name, group.name) in self.failed else "not run"
        rows = [[self.document["titles"][name]]
                + [shown(name, group, one) for (_, group, _), one in zip(self.columns, self.row(name))]
                for name in self.names]
        return table(["server"] + [title for title, _, _ in self.columns], rows)


def costs(one: dict) -> str:
    against = "" if one["ratio"] is None else f" ({one['ratio']:.2f})"
    return figure(one["ns_per_delivery"]) + against + "\\*" * one["noisy"] + "‡" * one["late"]


def latency(one: dict) -> str:
    if not one["latency_us"]["p50"]:
        return ""  # nobody hears of it
    return " / ".join(figure(one["latency_us"][key] / 1e3) for key in ("p50", "p99", "p99.9"))


def split(one: dict) -> str:
    return f"{figure(one['user_ns'])} + {figure(one['system_ns'])}"


def rate(one: dict) -> str:
    return figure(one["deliveries_per_s"]) + "†" * (one["client_busy"] > CLIENT_BUSY)


def section(document: dict, title: str, text: str, groups: list[Group], wanted: Callable[[Cell], bool],
            what: str = "delivery") -> list[str]:
    several = len({group.connections for group in groups}) > 1
    columns = [((f"{group.connections:,}: " if several else "") + cell.title(), group, cell)
               for group in groups for cell in group.cells if wanted(cell)]
    grid = Grid(document, columns)
    if not columns or not grid.names:
        return []
    parts = [f"## {title}\n", text + "\n", f"Server CPU per {what}, ns:\n", grid.table(costs),
             "The same, user + system:\n", grid.table(split),
             "Latency, ms: p50 / p99 / p99.9\n", grid.table(latency),
             f"{'Deliveries' if what == 'delivery' else 'Events'} per second:\n", grid.table(rate)]
    if any(group.kind == "deflate" for group in groups):
        parts += ["Bytes that reach a client, per delivery:\n", grid.table(lambda one: figure(one["bytes_per_delivery"]))]
    if any(one and one["syscalls_per_delivery"] is not None for name in grid.names for one in grid.row(name)):
        parts += ["System calls per delivery:\n", grid.table(lambda one: figure(one["syscalls_per_delivery"]))]
    return parts


def scale(document: dict, rooms: list[Group]) -> list[str]:
    """How the cost grows with the room, beside the bare loop's."""
    first, last = (min(rooms, key=lambda group: abs(group.connections - 1_000)), rooms[-1]) if rooms else (None, None)
    cells = [cell for cell in last.cells if cell in first.cells and cell.size == 64] if first is not last else []
    found = {(one["server"], one["group"], one["cell"]): one for one in document["summary"]}
    rows = []
    for server in document["options"]["servers"]:
        pairs = [[found.get((server, group.name, cell.title())) for group in (first, last)] for cell in cells]
        if not cells or not all(one for pair in pairs for one in pair):
            continue
        row = [document["titles"][server]]
        for small, large in pairs:
            row += [figure(small["ns_per_delivery"]), costs(large), f"{large['ns_per_delivery'] / small['ns_per_delivery']:.2f}"]
        memory = connects(document, server, last)
        rows.append(row + [f"{memory['kib'] * 1024:,.0f}" if memory else ""])
    if not rows:
        return []
    heads = [f"{cell.title()}: {what}" for cell in cells for what in (f"{first.connections:,}", f"{last.connections:,}", "growth")]
    return [f"## Scale\n", f"One room of {first.connections:,} and of {last.connections:,} clients: server CPU per delivery, ns, "
            "and how many times as much it is in the larger one.\n", table(["server", *heads, "bytes per client"], rows)]


def markdown(document: dict, name: str) -> str:
    machine, options, every = document["machine"], document["options"], groups(document)
    rooms = [group for group in every if group.kind == "room"]

    def plain(cell: Cell) -> bool:
        return cell.publishers == 1 and cell.form == "text" and cell.rate is None

    def kind(wanted: str) -> list[Group]:
        return [group for group in every if group.kind == wanted]

    parts = [
        "# Fan-out\n",
        f"{machine['processor']}, {machine['processors']} processors, Linux {machine['kernel']}, {machine['date']}, "
        f"{machine['rustc']}. Server and client each on a processor of its own. Medians of up to "
        f"{options['repetitions']} interleaved repetitions of {options['seconds']:g} s. In parentheses the ratio within "
        "the same repetition to the bare loop (`send` each for one in flight, else one send per tick); for polling and "
        "the arena, to roomcast.\n",
        f"\\*: the repetitions differ by more than {SPREAD:.0%} of their median, or the hypervisor took more than "
        f"{STOLEN:.0%} or other processes more than {OTHERS:.0%} of the machine during one of them. †: the load client "
        "was the limit. ‡: the server fell behind the rate.\n",
        *([f"![Server CPU per delivery]({name}-cost.svg)\n"] if {"room-1000", "arena-1000"} <= {group.name for group in every} else []),
        "## Targets\n",
        table(["target", "bound", "measured", ""],
              [[row["target"], ("≤ " if row["at_most"] else "≥ ") + figure(row["bound"]), figure(row["measured"]),
                "met" if row["met"] else "**not met**"] for row in document["targets"]]),
        *section(document, "One publisher", "One room; everybody but the sender receives.", rooms, plain),
        *section(document, "Many publishers", "They take turns; the messages in flight are counted over all of them.",
                 rooms, lambda cell: cell.publishers > 1),
        *scale(document, rooms),
        *section(document, "Inbound",
                 "1,000 clients send events of 64 B, which the host counts and nobody receives; *acknowledged*: each is answered "
                 "to its sender. The host's count is asked for at the end and must be right. The bare loop receives, unmasks, "
                 "counts, and answers with one send for what it read.", kind("inbound"), lambda cell: True, "event"),
        *section(document, "Attachments, and a fixed rate",
                 "A binary event is two frames, a packet and its attachment. At a fixed rate latency counts from the "
                 "time at which the message was due.", rooms, lambda cell: cell.form != "text" or cell.rate is not None),
        *section(document, "Arena",
                 "Each of 1,000 clients is in 9 of 400 rooms and emits 20 times a second to the 22 or so members of one. "
                 "Every server holds what comes in for its next frame, every 33 ms.", kind("arena"), lambda cell: True),
        *section(document, "Arena, relayed at once", "The same, but every server sends on what comes in as soon as it has it.",
                 kind("relayed"), lambda cell: True),
        *section(document, "Compressed", "The same room; messages of a kilobyte, like a game's state, to clients that offer permessage-deflate "
                 "without a window that is kept from message to message. The bare loops relay what the publisher has compressed as roomcast does.",
                 kind("deflate"), lambda cell: True),
        *section(document, "TLS", "The same room over TLS 1.3, everybody with one P-256 certificate and the cipher that client and server agree on; and "
                 "roomcast without TLS, and behind nginx, whose process counts too. In parentheses, to roomcast.", kind("tls"), lambda cell: True),
        *section(document, "Long-polling", "The publisher is on WebSocket, all others poll.", kind("polling"),
                 lambda cell: True),
        "## Memory per idle connection, and connects per second\n",
        "Growth of the server's resident anonymous memory from one connection that has come and gone to all of them "
        "connected, joined and idle, divided by their number. Kernel buffers are not in it.\n",
    ]
    memory, failed = [], {(row["server"], row["group"]) for row in document["failures"]}
    still = [group for group in every if group.kind in ("room", "tls", "idle")]
    for server in options["servers"]:
        row = [document["titles"][server]]
        for group in still:
            found = connects(document, server, group)
            row += [f"{found['kib']:,.1f}", f"{found['per_s']:,.0f}"] if found else ["fails" if (server, group.name) in failed else "not run"] * 2
        if any(cell != "not run" for cell in row[1:]):
            memory.append(row)
    heads = [f"{group.connections:,}: {what}" for group in still for what in ("KiB", "connects/s")]
    parts.append(table(["server"] + heads, memory))
    if document["failures"]:
        parts += ["## Failures\n", "\n".join(f"- {document['titles'][row['server']]}, {row['group']}: {row['why']}"
                                             for row in document["failures"]) + "\n"]
    parts += [
        "## Versions\n",
        "\n".join(f"- {document['titles'][server]}: {version}" for server, version in machine["versions"].items()
                  if any(one["server"] == server for one in document["summary"])) + "\n",
        f"Run with `{machine['command']}`; the medians of every cell are in [{name}.json]({name}.json).\n",
    ]
    return "\n".join(parts)
