"""The one table: a row a figure, its aim beside it."""

from dataclasses import dataclass

from bench.clicks import Clicks, Path
from bench.pages import Inbox
from bench.processes import Memory
from bench.throughput import Throughput

HEAD = ("what", "n", "p50", "p95", "figure", "aim")


@dataclass
class Results:
    """All that a run measured."""

    clicks: Clicks
    busy: Throughput
    seen: list[float]  # seconds of decisions in a real browser
    inbox: list[Inbox]
    memory: dict[str, Memory | None]


Row = tuple[str, str, str, str, str, str]


def percentile(values: list[float], share: float) -> float:
    """The smallest value that at least `share` of all values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * int(share * 100) // 100) - 1)]


def draw(results: Results) -> str:
    """The table in Markdown, its columns aligned for a terminal."""
    rows = [*_clicks(results.clicks), *_busy(results.busy), *_seen(results.seen)]
    rows += [*_inbox(results.inbox), *_memory(results.memory)]
    table = [HEAD, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(HEAD))]
    return "\n".join([_line(HEAD, widths), _rule(widths), *(_line(row, widths) for row in rows)])


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    first = row[0].ljust(widths[0])
    rest = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
    return f"| {' | '.join([first, *rest])} |"


def _rule(widths: list[int]) -> str:
    cells = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return f"| {' | '.join(cells)} |"


def _clicks(clicks: Clicks) -> list[Row]:
    floor = [each.started for each in clicks.floor]
    click = [each.started for each in clicks.click]
    inside = [each.started - each.signalled for each in clicks.click]
    floor_inside = [each.started - each.signalled for each in clicks.floor]
    return [
        _times("raw floor: signal → next activity started", floor),
        _times("click: POST → agent's activity started", click),
        _ratio("click ÷ floor, p50", median(click) / median(floor), 2),
        _times("click: HTTP round trip", clicks.answered),
        _times("click, part 1: POST → signal in Temporal", _part(clicks.click, "", "signalled")),
        _times("click, part 2: → worker has it", _part(clicks.click, "signalled", "resumed")),
        _times("click, part 3: → agent asked for", _part(clicks.click, "resumed", "scheduled")),
        _times("click, part 4: → agent started", _part(clicks.click, "scheduled", "started")),
        _times("floor, part 1: call → signal in Temporal", _part(clicks.floor, "", "signalled")),
        _times("floor, part 2: → worker has it", _part(clicks.floor, "signalled", "resumed")),
        _times("floor, part 3: → activity asked for", _part(clicks.floor, "resumed", "scheduled")),
        _times("floor, part 4: → activity started", _part(clicks.floor, "scheduled", "started")),
        _ratio("signal → agent ÷ signal → activity, p50", median(inside) / median(floor_inside)),
    ]


def _part(paths: list[Path], begin: str, end: str) -> list[float]:
    return [getattr(each, end) - (getattr(each, begin) if begin else 0) for each in paths]


def _busy(busy: Throughput) -> list[Row]:
    return [
        _rate("8 reviewers: decisions recorded", busy.count, busy.recorded),
        _rate("8 reviewers: decisions applied by workflows", busy.count, busy.applied),
        _times("8 reviewers: HTTP round trip", busy.answered),
    ]


def _seen(seen: list[float]) -> list[Row]:
    what = "Chromium: click → next request on the screen"
    return [_times(what, seen, most=150)] if seen else []


def _rate(what: str, count: int, rate: float) -> Row:
    return (what, str(count), "", "", f"{rate:.0f} /s", "")


def _inbox(inboxes: list[Inbox]) -> list[Row]:
    rows = []
    for each in inboxes:
        rows.append(_times(f"inbox, {each.waiting:,} waiting (seeded rows)", each.page))
        rows.append(_queries(each))
    few, many = inboxes[0], inboxes[-1]
    p50 = median(many.page) / median(few.page)
    p95 = percentile(many.page, 0.95) / percentile(few.page, 0.95)
    sizes = f"{many.waiting:,} ÷ {few.waiting:,}"
    rows.append(_ratio(f"inbox, {sizes}, p50", p50))
    rows.append(_ratio(f"inbox, {sizes}, p95", p95, 1.3))
    for each in inboxes:
        what = f"rows poll, nothing new (204), {each.waiting:,} waiting"
        rows.append(_times(f"{what}: in the site", each.served, most=5))
        rows.append(_times(f"{what}: round trip", each.poll))
    return rows


def _queries(inbox: Inbox) -> Row:
    what = f"inbox, {inbox.waiting:,} waiting: SQL queries"
    return (what, "1", "", "", str(inbox.queries), _aim(inbox.queries, 12, ""))


def _memory(memory: dict[str, Memory | None]) -> list[Row]:
    known = {name: each for name, each in memory.items() if each}
    rows = [
        (f"memory of the {name}, RSS / PSS", "1", "", "", _mib(each.rss, each.pss), "")
        for name, each in known.items()
    ]
    if len(known) == len(memory):
        rss, pss = (sum(getattr(each, kind) for each in known.values()) for kind in ("rss", "pss"))
        aim = _aim(pss, 250, " MiB PSS")
        rows.append(("memory of both, RSS / PSS", "1", "", "", _mib(rss, pss), aim))
    return rows


def _mib(rss: float, pss: float) -> str:
    return f"{rss:.0f} / {pss:.0f} MiB"


def median(values: list[float]) -> float:
    return percentile(values, 0.5)


def _times(what: str, seconds: list[float], most: float | None = None) -> Row:
    """`most` is the aim for p95, in milliseconds."""
    p50, p95 = median(seconds) * 1000, percentile(seconds, 0.95) * 1000
    aim = _aim(p95, most, " ms p95") if most else ""
    return (what, str(len(seconds)), f"{p50:.1f} ms", f"{p95:.1f} ms", "", aim)


def _ratio(what: str, ratio: float, most: float | None = None) -> Row:
    return (what, "", "", "", f"{ratio:.2f} ×", _aim(ratio, most, " ×") if most else "")


def _aim(value: float, most: float, unit: str) -> str:
    return f"≤ {most:g}{unit} {'✓' if value <= most else '✗'}"
