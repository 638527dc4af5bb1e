"""Self-query: what a question demands of the metadata becomes a filter."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from retrieval.constraints import (
    MOST,
    OPERATORS,
    Constraint,
    constraints_of,
    filter_of,
    narrowed,
)
from retrieval.errors import ConfigError
from retrieval.inside import Inside, check_first, check_held, check_held_after, take_columns
from retrieval.kit import Kit, Prompt
from retrieval.manifest import FieldType
from retrieval.periods import checked_day, reference_day
from retrieval.pipeline import Stage
from retrieval.prompts import Form, ask
from retrieval.stages.dense import Dense
from retrieval.stages.fuse import Fuse
from retrieval.stages.sparse import Sparse
from retrieval.types import Search

VERSION = "1"
PROMPT = """\
The user's message is JSON: a question to a search engine, and the metadata fields of the documents
that it searches, with their types. List the conditions that the question itself puts on these
fields: who wrote the document, of when, what kind or version it is. What the question is about is
no condition. Most questions have none: then give an empty list.
A condition has the name of a field, an operator (is, <, <=, >, >=; of dates: <: before, <=: until,
>: after, >=: since) and a value. Dates, times and numbers are copied from the question, word for
word, as in "last month" or "May 2019": do not work out which day that is. A value of type bool is
true or false.
Answer with JSON: {"conditions": [{"field": "...", "operator": "...", "value": "..."}]}"""
CONDITION = {
    "type": "object",
    "properties": {
        "field": {"type": "string"},
        "operator": {"type": "string", "enum": list(OPERATORS)},
        "value": {"type": "string"},
    },
    "required": ["field", "operator", "value"],
    "additionalProperties": False,
}
SCHEMA = {
    "type": "object",
    "properties": {"conditions": {"type": "array", "items": CONDITION, "maxItems": MOST}},
    "required": ["conditions"],
    "additionalProperties": False,
}
COPIED = ("int", "float", "date")
"""Types whose values have to stand in the question: no number or date is a model's own."""


@dataclass(frozen=True)
class Demands:
    """The filter, narrowed by what the question demands: the first thing that `SelfQuery` runs.

    A stage of its own, so that where a model fails the search goes on without it, and says so.
    """

    how: Literal["rules", "llm"]
    fields: tuple[str, ...]
    date: str
    today: str
    prompt: str
    reads: ClassVar[tuple[str, ...]] = ("query", "filter")
    writes: ClassVar[tuple[str, ...]] = ("filter",)
    optional: ClassVar[bool] = True

    def __call__(self, search: Search, kit: Kit) -> Search:
        """Narrow the filter, or leave it."""
        kinds = self._kinds(kit)
        if not kinds:
            return search.noted(f"the index has none of {', '.join(self.fields)}")
        if self.how == "llm":
            search, found = self._asked(search, kit, kinds)
        else:
            found = constraints_of(search.query, kinds, self.date or _date_field(kinds))
        today = reference_day(self.today)
        filter, senseless = filter_of(found, kinds, today)
        search = search.noted(*(f"not understood: {each}" for each in senseless))
        if filter is None:
            return search.noted("no condition")
        kept = [each for each in found if each not in senseless]
        search = search.noted(f"today: {today}", *(f"condition: {each}" for each in kept))
        return replace(search, filter=narrowed(search.filter, filter))

    def _kinds(self, kit: Kit) -> dict[str, FieldType]:
        """The fields that may be asked for, and `date`, which every index can hold."""
        kinds: dict[str, FieldType] = {"date": "date", **kit.store.manifest.fields}
        return {name: kinds[name] for name in self.fields or kinds if name in kinds}

    def _asked(
        self, search: Search, kit: Kit, kinds: Mapping[str, FieldType]
    ) -> tuple[Search, list[Constraint]]:
        data = {"question": search.query, "fields": kinds}
        text = json.dumps(data, ensure_ascii=False, indent=1)
        prompt = Prompt("self_query", self.prompt or PROMPT, text, VERSION, schema=SCHEMA)
        reply = ask(kit, prompt, search.query)
        given = [] if reply.data is None else reply.data["conditions"]
        found = []
        for each in map(_constraint, given[:MOST]):
            if kinds.get(each.field) in COPIED and not _says(search.query, each.words):
                search = search.noted(f"not in the question: {each}")
            else:
                found.append(each)
        return search, list(dict.fromkeys(found))


@dataclass(frozen=True)
class SelfQuery:
    """What the stages `then` find within the filter that the question itself asks for.

    `how`: `rules`: `kind:policy`, `year>=2019`, and English dates: before 2019, since May 2020,
    between 2018 and 2020, last month, none where they are negated or not understood; `llm`: a model
    names the conditions, in the question's words.
    `fields` are those it may use, of those that the index declares (none named: all, and `date`).
    `date` is the field that dates in the question are about; where none is named, the only one of
    type date (or else an integer `year`), or else `date`.

    What a date means is worked out in code, seen from `today` (an ISO date; '' is the clock's day,
    in UTC). The stage's key holds the parameter, not the day: the day that was used is in the
    notes, and a benchmark that has to come out the same next year sets it.

    A filter only ever narrows the one that came in. Texts are compared exactly, in five forms of
    capital letters. What finds nothing is searched again as if there were no condition, and says
    so. `prompt` is put in place of the stage's own.

    Ours: after the self-query retriever that several frameworks have; the conditions' words must
    stand in the question, and the calendar is ours.
    """

    how: Literal["rules", "llm"] = "rules"
    then: tuple[Stage, ...] = (Dense(), Sparse(), Fuse())
    fields: tuple[str, ...] = ()
    date: str = ""
    today: str = ""
    prompt: str = ""
    reads: ClassVar[tuple[str, ...]] = ("query", "filter")
    writes: ClassVar[tuple[str, ...]] = ("filter",)
    optional: ClassVar[bool] = False
    forms: ClassVar[Mapping[int, Form]] = {0: Form(SCHEMA, plain=False)}

    def __post_init__(self) -> None:
        """Check the day and the stages inside."""
        checked_day("self_query.today", self.today)
        if self.how == "rules" and self.prompt:
            raise ConfigError("self_query.prompt: for how = 'llm', which asks a model.")
        take_columns(self, self.then)
        if "hits" not in self.writes:
            raise ConfigError("self_query.then: no stage in it writes hits; end it with 'fuse'.")

    @property
    def asks_model(self) -> bool:
        """Whether it asks a language model."""
        return self.how == "llm"

    @property
    def depends(self) -> list[str]:
        """The wording of the prompt."""
        return [VERSION, self.prompt or PROMPT] if self.how == "llm" else []

    def check(self, before: tuple[Stage, ...]) -> None:
        """Look at the stages before, and let those inside do so. Raises: ConfigError."""
        check_first(before, "self_query narrows what is searched")
        check_held(before, self.then)

    def check_after(self, later: Sequence[Stage]) -> None:
        """Let the stages inside look at those after them. Raises: ConfigError."""
        check_held_after(self.then, later)

    def __call__(self, search: Search, kit: Kit) -> Search:
        """Find the conditions, search within them, and without them where that finds nothing."""
        demands = Demands(self.how, self.fields, self.date, self.today, self.prompt)
        narrow = Inside("self_query", (demands,))(search, kit)
        found = Inside("self_query", self.then)(narrow, kit)
        if found.hits or narrow.filter is search.filter:
            return found
        wide = replace(search, trace=found.trace)
        found = Inside("self_query", self.then)(wide, kit)
        return found.noted("nothing was found within the conditions: searched again without them")


def _constraint(given: Any) -> Constraint:
    return Constraint(given["field"], given["operator"], given["value"])


def _says(question: str, words: str) -> bool:
    """Whether words stand in a question, whole and in this order."""
    pattern = r"\s+".join(map(re.escape, words.split()))
    return re.search(rf"(?<!\w){pattern}(?!\w)", question, re.I) is not None


def _date_field(kinds: Mapping[str, FieldType]) -> str:
    dates = [name for name, kind in kinds.items() if kind == "date" and name != "date"]
    if len(dates) == 1:
        return dates[0]
    return "year" if not dates and kinds.get("year") == "int" else "date"
