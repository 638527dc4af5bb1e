"""Losses as text: the waterfall, what would bring most back, classes of questions, examples."""

from collections import Counter
from collections.abc import Sequence

from eval.losses.as_json import by_class, waterfall
from eval.losses.causes import ADVICE, CAUSES, NO_ADVICE
from eval.losses.effects import Effect
from eval.losses.find import Item, Losses
from eval.results import grid

BAR = 30
"""Characters that everything judged is wide."""
REMEDIES, EXAMPLES = 2, 2
"""How many of the best changes, and how many lost places, are shown for a cause."""
SHOWN = 100
"""How many characters of a question are shown."""
DEPTHS = (100, 200, 500, 1_000, 2_000, 5_000, 10_000)
HEADS = {
    "not_ingested": "not there",
    "chunking": "cut apart",
    "filter": "filtered",
    "candidates": "no leg",
    "fusion": "fusion",
    "ranking": "demoted",
    "duplicate": "duplicate",
    "limit": "never near",
    "budget": "budget",
}
"""The causes as heads of columns."""


def losses_lines(losses: Losses) -> list[str]:
    """Return losses as lines to print."""
    dataset = losses.run.manifest["dataset"]
    what = "judged spans" if dataset["form"] == "spans" else "judged documents"
    questions = len({item.asked.id for item in losses.items})
    head = (
        f"{dataset['name']} ({dataset['split']}), {losses.run.manifest['system']['name']}:"
        f" {len(losses.items)} {what} of {questions} questions; which of them are not among the"
        f" first {losses.limit} hits, and why"
    )
    notes = [*(each["line"] for each in dataset["findings"]), *losses.run.notes]
    parts = [[f"note: {each}" for each in notes], _waterfall(losses)]
    if losses.by_cause():
        parts += [_remedies(losses), _classes(losses), _examples(losses)]
    return [head, *(line for part in parts if part for line in ("", *part))]


def _waterfall(losses: Losses) -> list[str]:
    whole = left = len(losses.items)
    rows = [["all that was judged", f"{whole}", "100.0%", "█" * BAR]]
    for each in waterfall(losses):
        left = each["left"]
        stages = f": {', '.join(each['stages'])}" if each["cause"] in ("ranking", "filter") else ""
        kept = round(BAR * left / whole)
        gone = max(1, round(BAR * (left + each["lost"]) / whole) - kept)
        name = f"- {each['label']}{stages if each['stages'] else ''}"
        rows.append([name, f"-{each['lost']}", f"{each['share']:.1%}", " " * kept + "▒" * gone])
    rows.append(
        ["in the answer", f"{left}", f"{left / whole:.1%}", "█" * round(BAR * left / whole)]
    )
    bars = [row.pop() for row in rows]
    lines = [f"{line}  {bar}" for line, bar in zip(grid(rows), bars, strict=True)]
    if losses.most < whole:
        lines.append(
            f"No more than {losses.most} fit: some questions have more than {losses.limit}."
        )
    return lines


def _remedies(losses: Losses) -> list[str]:
    """Return the blocks of losses with what brings them back, the most recoverable one first."""
    blocks = losses.by_cause()
    best = {cause: _best(losses, cause) for cause in blocks}

    def recoverable(cause: str) -> tuple[int, int]:
        plain = [each for each in best[cause] if each.change.limit == losses.limit] or best[cause]
        return max((e.recovers.get(cause, 0) for e in plain), default=0), len(blocks[cause])

    tested = sum(each.p is not None for each in losses.effects)
    found = [
        f"What would bring them back: {tested} changes, tried on these questions (p corrected for"
        f" {tested}); none is a result until it holds on others"
    ]
    for cause in sorted(blocks, key=recoverable, reverse=True):
        found.append(f"  {CAUSES[cause]}: {len(blocks[cause])}{_depths(blocks[cause])}")
        found += [f"    {line}" for line in _effects(best[cause], cause, losses.limit)]
        if not any(each.recovers.get(cause) for each in best[cause]):
            found.append(f"    {ADVICE.get(cause, NO_ADVICE)}")
    if losses.refused:
        found.append(
            f"  not tried, as this pipeline does not allow them: {', '.join(losses.refused)}"
        )
    return found


def _best(losses: Losses, cause: str) -> list[Effect]:
    """Return changes that bring back anything of a block, or at least reach it.

    Those with the largest gain over all, then the one that brings most of the block, then longer
    lists.
    """
    found = [e for e in losses.effects if e.recovers.get(cause) or _reaches(e, cause)]
    plain = [each for each in found if each.change.limit == losses.limit]
    plain.sort(key=lambda each: (-each.gain, -each.recovers.get(cause, 0)))
    most = sorted(plain[REMEDIES:], key=lambda each: (-each.recovers.get(cause, 0), -each.gain))
    longer = [each for each in found if each.change.limit > losses.limit]
    return plain[:REMEDIES] + most[:1] + sorted(longer, key=lambda each: each.change.limit)


def _reaches(effect: Effect, cause: str) -> int:
    return effect.change.reaches if cause == "candidates" else 0


def _effects(effects: Sequence[Effect], cause: str, limit: int) -> list[str]:
    rows = []
    for each in effects:
        own, recall = each.recovers.get(cause, 0), each.recall
        others = sum(each.recovers.values()) - own
        reaches = _reaches(each, cause)
        said = f"makes candidates of {reaches}, " if reaches else ""
        said += f"brings back {own or 'none'}{f' and {others} others' if others else ''}"
        said += f", loses {each.loses}" if each.loses else ""
        change = f"found in {limit} hits {recall.difference:+.3f}"
        if recall.low is not None and recall.high is not None:
            change += f" [{recall.low:+.3f}, {recall.high:+.3f}]"
        if each.p is not None:
            change += f", p {each.p:.3f}"
        rows.append([each.change.what, said, "" if each.change.limit > limit else change])
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(2)]
    return [
        f"{what:<{widths[0]}}  {said:<{widths[1]}}  {change}".rstrip()
        for what, said, change in rows
    ]


def _depths(items: Sequence[Item]) -> str:
    """Return how deep places lie in the leg that has them best, in words."""
    deep = [item.fate.depths for item in items if item.fate.depths]
    ranks = [[each.rank for each in depths if each.rank is not None] for depths in deep]
    if not ranks:
        return ""
    known = [min(each) for each in ranks if each]
    parts = []
    for low, high in zip((0, *DEPTHS), DEPTHS, strict=False):
        count = sum(low < rank <= high for rank in known)
        if count:
            parts.append(f"{count} at {low + 1:,} to {high:,}")
    if len(known) < len(ranks):
        parts.append(f"{len(ranks) - len(known)} beyond {DEPTHS[-1]:,}")
    return f" (in the better leg {', '.join(parts)})"


def _classes(losses: Losses) -> list[str]:
    causes = list(losses.by_cause())
    rows = [["", "judged", "in the answer", *(HEADS[each] for each in causes)]]
    for name, values in by_class(losses.items).items():
        for value, items in values.items():
            counts = Counter(item.cause for item in items)
            share = f"{counts[None] / len(items):.0%}"
            cells = [str(counts[cause] or "") for cause in causes]
            rows.append([f"{name}: {value}", str(len(items)), share, *cells])
    return ["By class, where it was lost", *grid(rows)] if len(rows) > 1 else []


def _examples(losses: Losses) -> list[str]:
    system = losses.run.manifest["system"]
    why = f"assay why -i {system['index']['name']} -p {system['name']} -q QUESTION -d DOCUMENT"
    found = [f"Examples; `{why}` says more of any"]
    for cause, items in losses.by_cause().items():
        found.append(f"  {CAUSES[cause]}")
        for item in items[:EXAMPLES]:
            text = " ".join(item.asked.text.split())
            short = text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."
            place = item.fate.stood.judgment
            at = "" if place.span is None else f" [{place.span.start}:{place.span.end}]"
            found.append(f"    {item.asked.id}: {short!r} -> {place.document_id}{at}")
            found.append(f"      {item.fate.why}")
    return found
