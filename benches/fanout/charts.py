"""SVG charts of a run: horizontal bars on a logarithmic axis, legible on light and on dark. No I/O."""

import math

from plan import Cell, Group
from report import connects, figure, groups

STYLE = """
text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #24292f }
.title { font-weight: 600; font-size: 14px }
.small { font-size: 12px; fill: #57606a }
.grid { stroke: #d0d7de; stroke-width: 1 }
.ours { fill: #0969da } .bare { fill: #8c959f } .peer { fill: #bc8c5f }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .small { fill: #9198a1 } .grid { stroke: #3d444d }
  .ours { fill: #4493f8 } .bare { fill: #6e7681 } .peer { fill: #d4a373 }
}
"""
WIDTH, LABELS, VALUES, BAR, GAP = 860, 200, 110, 18, 6


def escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("`", "")


def kind(name: str) -> str:
    return "ours" if name.startswith("roomcast") else "bare" if name.startswith("bare") else "peer"


def panel(title: str, rows: list[tuple[str, str, float, str]], top: int) -> tuple[list[str], int]:
    """One set of bars: (class, label, value, text) each. Returns its elements and where it ends."""
    low = 10 ** math.floor(math.log10(min(row[2] for row in rows) * 0.8))
    high = max(row[2] for row in rows)
    span = WIDTH - LABELS - VALUES

    def x(value: float) -> float:
        return LABELS + span * math.log10(value / low) / math.log10(high / low)

    parts = [f'<text class="title" x="0" y="{top + 14}">{escape(title)}</text>']
    top += 28
    bottom = top + len(rows) * (BAR + GAP)
    decade = low
    while decade <= high:
        parts.append(f'<line class="grid" x1="{x(decade):.1f}" x2="{x(decade):.1f}" y1="{top - 4}" y2="{bottom}"/>'
                     f'<text class="small" x="{x(decade):.1f}" y="{bottom + 12}" text-anchor="middle">'
                     f"{figure(decade)}</text>")
        decade *= 10
    for row, (style, label, value, text) in enumerate(rows):
        y = top + row * (BAR + GAP)
        parts.append(f'<text x="{LABELS - 8}" y="{y + 14}" text-anchor="end">{escape(label)}</text>'
                     f'<rect class="{style}" x="{LABELS}" y="{y}" width="{max(x(value) - LABELS, 2):.1f}" '
                     f'height="{BAR}" rx="2"/>'
                     f'<text class="small" x="{max(x(value), LABELS + 2) + 6:.1f}" y="{y + 14}">{escape(text)}</text>')
    return parts, bottom + 34


def svg(title: str, note: str, panels: list[tuple[str, list]]) -> str:
    parts, top = [], 10
    for name, rows in panels:
        if rows:
            drawn, top = panel(name, rows, top)
            parts += drawn
    parts.append(f'<text class="small" x="0" y="{top + 4}">{escape(note)}</text>')
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-10 0 {WIDTH + 20} {top + 16}" role="img" '
            f'aria-label="{escape(title)}"><title>{escape(title)}</title><style>{STYLE}</style>\n'
            + "\n".join(parts) + "\n</svg>\n")


def costs(document: dict, group: Group, cell: Cell) -> list:
    found = {one["server"]: one for one in document["summary"]
             if (one["group"], one["cell"]) == (group.name, cell.title())}
    best = found.get("roomcast", {}).get("ns_per_delivery")

    def text(one: dict) -> str:
        times = one["ns_per_delivery"] / best if best else 0
        return figure(one["ns_per_delivery"]) + (f"  ×{figure(times)}" if best and one["server"] != "roomcast" else "")

    return sorted(((kind(name), document["titles"][name], one["ns_per_delivery"], text(one))
                   for name, one in found.items()), key=lambda row: row[2])


def memory(document: dict, group: Group) -> list:
    rows = []
    for name in document["options"]["servers"]:
        found = connects(document, name, group)
        if found:
            value = max(found["kib"], 0.05)
            rows.append((kind(name), document["titles"][name], value, f"{found['kib']:,.1f} KiB"))
    return sorted(rows, key=lambda row: row[2])


def all_of(document: dict) -> dict[str, str]:
    """The charts, by the end of their file names. None if what they show was not measured."""
    found = {group.name: group for group in groups(document)}
    if not {"room-1000", "arena-1000"} <= found.keys():
        return {}
    thousand, arena = found["room-1000"], found["arena-1000"]
    machine = document["machine"]
    note = f"{machine['processor']}, Linux {machine['kernel']}, {machine['date']}. Logarithmic; shorter is better. " \
           "× is times roomcast."
    shown = [("1,000 clients, 64 B, one message in flight", thousand, Cell()),
             ("1,000 clients, 64 B, 64 in flight", thousand, Cell(window=64)),
             ("1,000 clients, 64 B, 64 in flight, 16 publishers", thousand, Cell(window=64, publishers=16)),
             ("Arena: 1,000 clients in 9 of 400 rooms each, a frame every 33 ms", arena, arena.cells[0])]
    panels = [(f"{title}: ns of server CPU per delivery", costs(document, group, cell)) for title, group, cell in shown]
    charts = {"cost": svg("Server CPU per delivery", note, panels)}
    idle = found.get("idle-10000", thousand)
    charts["memory"] = svg("Memory per idle connection", note, [
        (f"{idle.connections:,} idle connections: process memory each", memory(document, idle))])
    return charts
