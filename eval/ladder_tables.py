"""A climbed ladder as text: lines for a terminal, Markdown for a pull request."""

from collections.abc import Sequence
from typing import Any

from eval.compare import SHOWS, Difference
from eval.ladder_result import Climbed, OnDataset, Seconds
from eval.ladder_verdict import Judgement
from eval.ladder_winner import RULE
from eval.results import Run, few, grid

Table = list[list[str]]
NOTES = (
    "change: against the rung that it stands on, with its 95% bootstrap interval; p: randomisation"
    " test, corrected for the number of rungs after Holm (the intervals are not); +/-/=: queries"
    f" helped, hurt, unchanged; {SHOWS}; ms: the sum of the stages, one question at a time"
)

EXCLUDED = "by the interval, even if 3 in so many queries gain 1 and none was seen"


def lines(found: Climbed) -> list[str]:
    """Return a ladder as lines to print."""
    shown = []
    for each in found.datasets:
        shown += [_title(each), *(f"note: {note}" for note in (*_few(each), *each.notes)), ""]
        shown += [*grid(_quality(found, each.judgements, each.runs)), ""]
        shown += [*grid(_costs(found, each)), "", _seconds(found, each.seconds), ""]
    if found.overall:
        shown += [_together(found), "", *grid(_quality(found, found.overall)), ""]
    shown += [*winner_lines(found), "", f"keep or drop: {_rule(found)}", NOTES]
    return [*shown, f"ladder: {found.folder}"]


def markdown(found: Climbed) -> list[str]:
    """Return a ladder as Markdown."""
    shown = [f"## Ladder {found.ladder.name}: {found.metric}", ""]
    for each in found.datasets:
        shown += [f"### {_title(each)}", ""]
        shown += [
            line for note in (*_few(each), *each.notes) for line in (f"> **Note** {note}", "")
        ]
        shown += [*_piped(_quality(found, each.judgements, each.runs)), ""]
        shown += [*_piped(_costs(found, each)), "", _seconds(found, each.seconds), ""]
    if found.overall:
        shown += [f"### {_together(found)}", "", *_piped(_quality(found, found.overall)), ""]
    first, *rest = winner_lines(found)
    shown += [f"**{first}**", "", *(f"{each}  " for each in rest), ""]
    return [*shown, f"Keep or drop: {_rule(found)}", "", f"{NOTES[0].upper()}{NOTES[1:]}."]


def winner_lines(found: Climbed) -> list[str]:
    """Return which rung won, what that is worth, and the front."""
    names = [each.name for each in found.ladder.rungs]
    won = found.winner
    shown = [
        f"Winner: {names[won.rung]}, {found.metric} {won.mean:.4f}{_interval(won.low, won.high)}"
        f" (highest: {names[won.best]}, {found.mean(won.best):.4f})",
        f"rule: {RULE}",
    ]
    if won.change is not None:
        change = won.change
        shown.append(
            f"against {names[0]}: {change.difference:+.4f}"
            f"{_interval(change.low, change.high, '+')}, p {change.p:.4f} (of one test)"
        )
    if won.held_out is not None:
        picks = ", ".join(f"{name} {count}" for name, count in won.held_out.chosen.items())
        shown.append(
            "it was chosen on these very queries; chosen on four fifths of them and measured on"
            f" the fifth, the rule gives {won.held_out.mean:.4f}"
            f"{_interval(won.held_out.low, won.held_out.high)} (choices: {picks})"
        )
    points = (f"{names[n]} {found.mean(n):.4f} at {_price(found, n)}" for n in found.front)
    return [*shown, f"front of quality against time and cost: {'; '.join(points)}"]


def _price(found: Climbed, rung: int) -> str:
    usd = found.usd(rung)
    return f"{found.p50_ms(rung):.1f} ms" + (f", {1000 * usd:.2f} $/1000" if usd else "")


def _title(each: OnDataset) -> str:
    about = each.about
    return f"{about['name']} ({about['split']}): {about['queries']} queries"


def _few(each: OnDataset) -> tuple[str, ...]:
    return few(int(each.about["queries"]))


def _together(found: Climbed) -> str:
    names = ", ".join(str(each.about["name"]) for each in found.datasets)
    return f"All together, each dataset counting the same: {names}"


def _quality(
    found: Climbed, judgements: Sequence[Judgement], runs: Sequence[Run] | None = None
) -> Table:
    """Return what each rung scores and brings: on one dataset its runs', else over all."""
    on = any(rung.on not in (None, n - 1) for n, rung in enumerate(found.ladder.rungs))
    against = ["on"] if on else []
    rows = [["", found.metric, "change", *against, "p", "+/-/=", "shows", "verdict"]]
    for n, (rung, judged) in enumerate(zip(found.ladder.rungs, judgements, strict=True)):
        below = judged.below
        mean: dict[str, Any] = {"mean": found.mean(n), "low": None, "high": None}
        if runs is not None:
            mean = dict(found.measure(runs[n]))
        cells = [rung.name, f"{mean['mean']:.4f}{_interval(mean['low'], mean['high'])}"]
        stands = "" if rung.on is None else found.ladder.rungs[rung.on].name
        if below is None:
            rows.append([*cells, "", *([stands] if on else []), "", "", "", judged.verdict])
            continue
        rows.append(
            [
                *cells,
                f"{below.difference:+.4f}{_interval(below.low, below.high, '+')}",
                *([stands] if on else []),
                _p(judged.p_below, below),
                f"{below.helped}/{below.hurt}/{below.unchanged}",
                "-" if below.detectable is None else f"{below.detectable:.4f}",
                _verdict(judged, rung.without),
            ]
        )
    return rows


def _verdict(judged: Judgement, without: str | None) -> str:
    return (
        f"{judged.verdict} {without}"
        if without and judged.verdict in ("keep", "drop")
        else (judged.verdict)
    )


def _costs(found: Climbed, each: OnDataset) -> Table:
    """Return each rung's change against the baseline, its time, and what models cost."""
    spent = [run.metrics["cost"] for run in each.runs]
    models = any(any(one.values()) for one in spent)
    names = ["calls", "tokens in", "tokens out", "$/1000"] if models else []
    rows = [["", f"against {found.ladder.rungs[0].name}", "p", "p50 ms", "p95 ms", *names]]
    rungs = zip(found.ladder.rungs, each.runs, each.judgements, spent, strict=True)
    for rung, run, judged, cost in rungs:
        times = run.metrics["latency"]
        base = judged.baseline
        change = ["", ""]
        if base is not None:
            interval = _interval(base.low, base.high, "+")
            change = [f"{base.difference:+.4f}{interval}", _p(judged.p_baseline, base)]
        ms = [f"{times[name]:.1f}" if name in times else "-" for name in ("p50_ms", "p95_ms")]
        paid = [f"{cost[name]:.2f}" for name in ("calls", "tokens_in", "tokens_out")]
        paid.append(f"{1000 * cost['usd']:.2f}")
        rows.append([rung.name, *change, *ms, *(paid if models else [])])
    return rows


def _seconds(found: Climbed, spent: Seconds) -> str:
    return (
        f"asked in {spent.shared:.1f} s of stages: {spent.ratio:.2f} times the most expensive rung"
        f" alone ({spent.most_expensive:.1f} s); one by one the {len(found.ladder.rungs)} rungs"
        f" take {spent.separate:.1f} s"
    )


def _rule(found: Climbed) -> str:
    margin = f"{found.margin:g}"
    if found.ladder.drop_one:
        return (
            f"keep a stage: significantly worse without it; drop it: significantly better without,"
            f" or a gain of {margin} is excluded ({EXCLUDED}); else not enough queries"
        )
    return (
        "keep: significantly better than the rung that it stands on; drop: significantly worse, or"
        f" a gain of {margin} is excluded ({EXCLUDED}); else not enough queries"
    )


def _p(p: float | None, found: Difference) -> str:
    return "-" if p is None or found.low is None else f"{p:.4f}"


def _interval(low: float | None, high: float | None, sign: str = "") -> str:
    return "" if low is None or high is None else f" [{low:{sign}.3f}, {high:{sign}.3f}]"


def _piped(table: Table) -> list[str]:
    """Return rows of cells as a Markdown table; a bar in a name does not end a cell."""
    rows = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in table]
    return [rows[0], "|" + "---|" * len(table[0]), *rows[1:]]
