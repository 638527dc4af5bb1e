"""Why one place is not in an answer, in plain words."""

from eval.losses.causes import CAUSES, NO_ADVICE
from eval.losses.depth import Depth
from eval.losses.explanation import Explanation, Standing
from eval.losses.terms import Terms
from eval.results import grid
from retrieval.legs import DEEPEST
from retrieval.types import Chunk

SHOWN = 200
"""How many characters of a passage are shown."""


def explanation_lines(found: Explanation) -> list[str]:
    """Return an explanation as lines to print: the answer first, then what it rests on."""
    way, judgment, cause = found.way, found.fate.stood.judgment, found.fate.cause
    at = "" if judgment.span is None else f" [{judgment.span.start}:{judgment.span.end}]"
    among = f"the first {way.limit} of {way.pipeline.name} in {way.kit.store.manifest.name}"
    said = f"is among {among}" if cause is None else f"is not among {among}: {CAUSES[cause]}"
    parts = [
        [f"{judgment.document_id}{at} {said}", f"  {found.fate.why}"],
        [f"Without the stage {each}" for each in way.states[-1].degraded],
        ["On its way", *_stood(found)],
    ]
    if found.passage is not None and found.terms is not None:
        deep = grid([_depth(each, each.by in way.looked) for each in found.depths])
        parts += [
            [f"How deep it lies, down to {DEEPEST:,}", *(f"  {line}" for line in deep)],
            _words(found, found.passage, found.terms),
        ]
    if cause is not None:
        remedies = [[each.change, f"makes it hit {each.rank}"] for each in found.remedies]
        lines = grid(remedies) if remedies else [found.advice or NO_ADVICE]
        parts.append(["What would bring it back", *(f"  {line}" for line in lines)])
    return [line for part in parts if part for line in ("", *part)][1:]


def _stood(found: Explanation) -> list[str]:
    return [f"  {line}" for line in grid([_row(each) for each in found.stood])]


def _row(each: Standing) -> list[str]:
    if each.rank is None:
        return [each.name, "-", f"not in {each.size:,}", ""]
    score = "" if each.score is None else f"score {each.score:.4f}"
    return [each.name, str(each.rank), f"of {each.size:,}", score]


def _depth(each: Depth, asked: bool) -> list[str]:
    by = each.by if asked else f"{each.by} (not in the pipeline)"
    if each.score is None:
        return [by, "nothing in common", ""]
    rank = "beyond" if each.rank is None else f"{each.rank:,}"
    return [by, rank, f"score {each.score:.4f}"]


def _words(found: Explanation, passage: Chunk, terms: Terms) -> list[str]:
    """Return where the best passage is, which words of the question it has, and how it begins."""
    above = " › ".join(passage.heading) or str(passage.meta.get("title") or "")
    of = f"its best passage of {found.passages}" if found.passages > 1 else "its only passage"
    where = f"[{passage.span.start}:{passage.span.end}]{f' {above}' if above else ''}"
    lines = [f"Words of the question in {of}, {where}"]
    lacks = [word for word in terms.lacks if word not in found.elsewhere]
    for label, words in (
        ("has", terms.has),
        ("elsewhere in the document", found.elsewhere),
        ("nowhere", lacks),
    ):
        if words:
            lines.append(f"  {label}: {', '.join(words)}")
    begins = " ".join(passage.text[: 2 * SHOWN].split())[:SHOWN]
    return [*lines, f"  it begins: {begins}"]
