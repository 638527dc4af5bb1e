"""A language model as a judge: grades of pooled passages, as people give them.

Source: the grades and the order of thought (what is wanted, how well it matches, how far it can be
trusted, then one grade) are those of UMBRELA: Upadhyay et al. 2024, arXiv 2406.06519.
Differs: the words are ours, and the answer is JSON of a schema.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.bench import Watch
from eval.judging.labels import GRADES, append, label_of, read_labels
from eval.judging.model import Model, schema
from eval.judging.pool import Pooled
from retrieval.errors import ProviderError
from retrieval.kit import Prompt

VERSION = "1"
PROMPT = f"""\
You judge for the makers of a search engine how well a passage serves a question. The user's message
is JSON with both. First think of what whoever asks wants to know. Then see how much of that is in
the passage, and how far the passage can be trusted in it. Then choose one grade:
{chr(10).join(f"{grade}: {words}" for grade, words in GRADES.items())}
Judge only what stands in the passage, not what you know.
Answer with JSON: {{"grade": 0}}"""
SCHEMA = schema(grade={"type": "integer", "minimum": min(GRADES), "maximum": max(GRADES)})


@dataclass(frozen=True)
class Judging:
    """What a model did with a pool: labels written, and why others were not."""

    by: str
    labelled: int
    known: int
    failures: tuple[str, ...]


def grade(model: Model, query: str, passage: str) -> int:
    """Return the grade that a model gives a passage. Raises: ProviderError."""
    text = json.dumps({"question": query, "passage": passage}, ensure_ascii=False)
    prompt = Prompt("judge", PROMPT, text, VERSION, schema=SCHEMA, max_tokens=64)
    return int(model.reply(prompt, query).data["grade"])


def judge_pool(pool: Sequence[Pooled], file: Path, model: Model, watch: Watch) -> Judging:
    """Label what the model has not labelled yet; each label is on the disk before the next.

    A passage on which the model fails gets no label, and its reason is returned.
    """
    known = read_labels(file, model.name)
    waiting = [each for each in pool if (model.name, each.place) not in known]
    failures = []
    asked = model.each(waiting, lambda each: grade(model, each.query, each.shown), watch)
    for each, found in asked:
        if isinstance(found, ProviderError):
            failures.append(f"{each.query_id} -> {each.document_id}: {found}")
        else:
            append(label_of(each, found, model.name), file)
    done = len(waiting) - len(failures)
    return Judging(model.name, done, len(pool) - len(waiting), tuple(failures))
