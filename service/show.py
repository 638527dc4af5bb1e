"""How answers look in a terminal: passages, what each stage did, tables of everything else."""

import json
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

SHOWN_LINES = 5
WIDEST = 110


def show_hits(console: Console, hits: Sequence[Mapping[str, Any]], explain: bool) -> None:
    """Print passages as `hit_json` gives them: rank, score, where, the beginning of the text."""
    if not hits:
        console.print("Nothing was found.")
    for rank, hit in enumerate(hits, 1):
        line = Text(f"{rank:>2}  ", style="bold")
        line.append(f"{hit['score']:.4f}  ", style="green")
        line.append(hit["document_id"], style="bold cyan")
        line.append(f"  [{hit['span'][0]}:{hit['span'][1]}]", style="dim")
        console.print(line, soft_wrap=True)
        where = " › ".join(hit["heading"]) or str(hit["metadata"].get("title") or "")
        if where:
            console.print(Text(f"    {where}", style="italic"), soft_wrap=True)
        console.print(Text(shortened(hit["text"], console.width)), soft_wrap=True)
        if explain:
            scores = "  ".join(f"{each['by']} {each['value']:.4f}" for each in hit["scores"])
            console.print(Text(f"    scores: {scores}", style="magenta"), soft_wrap=True)
        console.print()


def shortened(text: str, width: int) -> str:
    """Return the first lines of a text, indented and wrapped to `width` columns."""
    indent = " " * 4
    room = max(40, min(width, WIDEST)) - len(indent)
    filled = (line for line in text.splitlines() if line.strip())
    # Line by line, so that code and tables keep their form.
    wrapped = (part for line in filled for part in textwrap.wrap(line.expandtabs(), room))
    lines = list(islice(wrapped, SHOWN_LINES + 1))
    if len(lines) > SHOWN_LINES:
        lines = [*lines[: SHOWN_LINES - 1], f"{lines[SHOWN_LINES - 1][: room - 2]} …"]
    return "\n".join(indent + line for line in lines)


def show_domains(console: Console, domains: Iterable[Mapping[str, Any]]) -> None:
    """Print the domains that a route found, with what is known of them."""
    for each in domains:
        line = Text(f"{each['probability']:.3f}  ", style="green").append(each["name"], "bold cyan")
        if each["metadata"]:
            line.append(f"  {json.dumps(each['metadata'], ensure_ascii=False)}", "dim")
        console.print(line, soft_wrap=True)


def show_trace(console: Console, trace: Sequence[Mapping[str, Any]]) -> None:
    """Print what each stage did, those inside others indented, and the time of all."""
    table = Table(box=None, pad_edge=False, title_justify="left", title="What each stage did")
    for name in ("stage", "ms", "made", "parameters", "notes"):
        table.add_column(name, justify="right" if name == "ms" else "left", overflow="fold")
    for depth, step in _nested(trace):
        made = ", ".join(f"{count} {column}" for column, count in step["changed"].items())
        costs = [
            f"{name.removesuffix('_ms')} {_cost(name, value)}"
            for name, value in step["cost"].items()
        ]
        notes = "; ".join([*step["notes"], *costs])
        failed = f"[red]left out: {escape(step['error'])}[/red]" if step["error"] else ""
        table.add_row(
            "  " * depth + step["stage"],
            f"{step['ms']:.2f}",
            escape(made) or "-",
            escape(short_params(step["params"])),
            failed or escape(notes),
        )
    console.print(table)
    console.print(f"Together {sum(step['ms'] for step in trace):.2f} ms.\n")


def short_params(params: Mapping[str, Any]) -> str:
    """Return parameters in a line, stages among them by their names."""
    return " ".join(f"{name}={_short(value)}" for name, value in params.items())


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        return str(value.get("stage", json.dumps(value)))
    if isinstance(value, list):
        return f"[{', '.join(map(_short, value))}]"
    return str(value)


def _cost(name: str, value: float) -> str:
    return f"{value:.2f} ms" if name.endswith("_ms") else f"{value:g}"


def _nested(
    trace: Sequence[Mapping[str, Any]], depth: int = 0
) -> Iterable[tuple[int, Mapping[str, Any]]]:
    for step in trace:
        yield depth, step
        yield from _nested(step["steps"], depth + 1)


def show_table(console: Console, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows under columns; numbers stand to the right, and nothing is cut off."""
    rows = [list(row) for row in rows]
    table = Table(box=None, pad_edge=False)
    for i, name in enumerate(columns):
        numbers = all(isinstance(row[i], int | float) for row in rows)
        table.add_column(name, justify="right" if numbers and rows else "left", overflow="fold")
    for row in rows:
        table.add_row(*("-" if each is None else escape(str(each)) for each in row))
    console.print(table)


def show_pairs(console: Console, values: Mapping[str, Any]) -> None:
    """Print names and values below each other; nested values as JSON."""
    width = max(map(len, values), default=0)
    for name, value in values.items():
        nested = isinstance(value, Mapping | list)
        text = json.dumps(value, ensure_ascii=False) if nested else str(value)
        console.print(Text(f"{name:<{width}}  ", style="bold").append(text), soft_wrap=True)
