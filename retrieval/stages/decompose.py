"""Decomposition: a question that is several is searched part by part, and every part answers."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from retrieval.domains import told
from retrieval.errors import ConfigError
from retrieval.kit import Kit, Prompt
from retrieval.parts import Parts, interleaved, weighed
from retrieval.pipeline import Pipeline, Stage
from retrieval.prompts import Form, ask, filled, list_schema, texts
from retrieval.questions import may_be_several, split_questions
from retrieval.stages.dense import Dense
from retrieval.stages.fuse import Fuse
from retrieval.stages.sparse import Sparse
from retrieval.types import Hit, Search, Variant
from retrieval.variants import checked_share

VERSION = "1"
PROMPT = """\
The user's message is a question to a search engine over {kind}. If it asks for several things, or
can only be answered in steps, take it apart: up to {most} questions, each of which can be searched
by itself, with every name that it needs. Where one needs the answer of an earlier one, write #1 for
the answer of the first, #2 for that of the second, and so on. Do not answer anything. A plain
question is a list of itself alone.
Answer with JSON: {"questions": ["...", ...]}"""
ANSWER_PROMPT = """\
The user's message is JSON: a question, and passages that were found for it. Give the shortest
answer that the passages support, such as a name, a place, a date or a number. If they do not answer
the question, give an empty text.
Answer with JSON: {"answer": "..."}"""
ANSWER_SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "string"}},
    "required": ["answer"],
    "additionalProperties": False,
}
MOST = 10
LONGEST_ANSWER = 200
LONGEST_PASSAGE = 1_200
AT_A_TIME = 4


@dataclass(frozen=True)
class Decompose:
    """The hits of a question and of each of its parts, merged into one list.

    It stands after the stages that search the whole question, and searches each part by the stages
    `each`. `how`: `llm`: a model takes the question apart, into `most` parts or fewer, if it may be
    several at all (`always`: asked about every question); `rules`: cut at question marks and at
    'and' before another question. A plain question passes as it is.

    Parts run at the same time; one that refers to another's answer (#1) waits until it is filled
    in. `answers`: `llm`: a model reads the answer in the first `read` passages of that part;
    `title`: it is the first of their titles that the part does not hold itself. A reference without
    an answer is never searched.

    `merge`: `ranks`: every part is represented, by the best rank in any list; `scores`: a hit's
    score is `whole` of that for the question itself, the rest of its best for any part (min-max
    normalised). Where none is named, `ranks` for parts of a model; `scores` for parts of rules and
    for answers that are titles, which are often wrong: the question itself is the surer guide.

    `kind` tells the model what the collection holds; that of a domain which a route has found goes
    before it. `prompt` and `answer_prompt` are put in place of the stage's own, {most} and {kind}
    are filled in.

    Source: Press et al. 2022, arXiv 2210.03350 (self-ask); the references: Wolfson et al. 2020,
    arXiv 2001.11770 (QDMR); merging: ours.
    """

    how: Literal["llm", "rules"] = "llm"
    each: tuple[Stage, ...] = (Dense(), Sparse(), Fuse())
    answers: Literal["llm", "title"] = "llm"
    most: int = 5
    read: int = 5
    always: bool = False
    merge: Literal["ranks", "scores"] | None = None
    whole: float = 0.5
    kind: str = "passages of documents"
    prompt: str = ""
    answer_prompt: str = ""
    reads: ClassVar[tuple[str, ...]] = ("query", "hits")
    writes: ClassVar[tuple[str, ...]] = ("variants", "hits")
    optional: ClassVar[bool] = True
    forms: ClassVar[Mapping[int, Form]] = {
        0: Form.listing("questions", MOST, plain=False),
        **dict.fromkeys(range(1, MOST + 1), Form(ANSWER_SCHEMA)),
    }

    def __post_init__(self) -> None:
        """Check the ranges and the stages inside."""
        if not 2 <= self.most <= MOST:
            raise ConfigError(f"decompose.most: 2 to {MOST}, got {self.most}.")
        if not 1 <= self.read <= 20:
            raise ConfigError(f"decompose.read: 1 to 20, got {self.read}.")
        checked_share("decompose.whole", self.whole)
        for name in ("prompt", "answer_prompt", "always"):
            if getattr(self, name) and not self.asks_model:
                raise ConfigError(f"decompose.{name}: for how = 'llm', which asks a model.")
        Pipeline("decompose.each", self.each)

    @property
    def asks_model(self) -> bool:
        """Whether it asks a language model."""
        return self.how == "llm"

    @property
    def depends(self) -> list[str]:
        """How it merges, and the wording of the prompts."""
        prompts = [VERSION, self.prompt or PROMPT, self.answer_prompt or ANSWER_PROMPT]
        return [self.merging, *prompts]

    @property
    def merging(self) -> Literal["ranks", "scores"]:
        """How the lists become one."""
        sure = self.how == "llm" and self.answers == "llm"
        return self.merge or ("ranks" if sure else "scores")

    def __call__(self, search: Search, kit: Kit) -> Search:
        """Take the question apart, search each part, and merge."""
        parts = self._parts(search, kit)
        if len(parts.questions) < 2:
            return search
        answers: dict[int, str] = {}
        found: dict[int, Search] = {}
        while ready := [each for each in parts.ready(answers, set(found)) if each < self.most]:
            asked = {part: parts.filled(part, answers) for part in ready}
            found |= self._searched(asked, search, kit)
            for part in filter(parts.needed, ready):
                answer = self._answer(search, found[part], part, kit)
                if answer:
                    answers[part] = answer
        return self._merged(search, parts, found)

    def _parts(self, search: Search, kit: Kit) -> Parts:
        if self.how == "rules":
            return Parts(tuple(split_questions(search.query)), search.query)
        if not self.always and not may_be_several(search.query):
            return Parts(())
        kind, glossary = told(search, self.kind)
        values = {"most": self.most, "kind": kind}
        instructions = filled(self.prompt or PROMPT, values) + glossary
        schema = list_schema("questions", self.most)
        prompt = Prompt("decompose", instructions, search.query, VERSION, schema=schema)
        reply = ask(kit, prompt, search.query)
        texts(reply, "questions", prompt, search.query)
        questions = [] if reply.data is None else reply.data["questions"]
        return Parts(tuple(questions), search.query)

    def _searched(self, asked: dict[int, str], whole: Search, kit: Kit) -> dict[int, Search]:
        """Search parts at the same time, each in a pipeline that bears its name in the trace."""

        def one(part: int) -> Search:
            search = replace(
                Search.of(asked[part], whole.limit, whole.filter), domains=whole.domains
            )
            inside = Pipeline(_name(part), self.each)
            return Pipeline("decompose", (inside,))(search, kit)

        if len(asked) == 1:
            return {part: one(part) for part in asked}
        with ThreadPoolExecutor(min(len(asked), AT_A_TIME)) as pool:
            return dict(zip(asked, pool.map(one, asked), strict=True))

    def _answer(self, whole: Search, found: Search, part: int, kit: Kit) -> str:
        """Return the answer to a part, or '' where its passages do not give one."""
        hits = found.hits[: self.read]
        if not hits:
            return ""
        if self.answers == "title":
            return _title(found.query, hits)
        passages = [hit.chunk.text[:LONGEST_PASSAGE] for hit in hits]
        data = {"question": found.query, "passages": passages}
        prompt = Prompt(
            "decompose",
            self.answer_prompt or ANSWER_PROMPT,
            json.dumps(data, ensure_ascii=False, indent=1),
            VERSION,
            step=part + 1,
            schema=ANSWER_SCHEMA,
            max_tokens=128,
        )
        reply = ask(kit, prompt, whole.query)
        answer = reply.text if reply.data is None else str(reply.data["answer"])
        return answer.strip()[:LONGEST_ANSWER]

    def _merged(self, search: Search, parts: Parts, found: dict[int, Search]) -> Search:
        lists: dict[str, tuple[Hit, ...]] = {"": search.hits}
        lists |= {_name(part): found[part].hits for part in sorted(found)}
        new = tuple(Variant(found[part].query, "sub_question") for part in sorted(found))
        left_out = [part for part in range(len(parts.questions)) if part not in found]
        notes = [f"{_name(part)}: {found[part].query}" for part in sorted(found)]
        for part in left_out:
            why = "for want of an answer" if part < self.most else f"beyond the first {self.most}"
            notes.append(f"not searched, {why}: {parts.questions[part]}")
        if self.merging == "ranks":
            hits = interleaved(lists, "decompose")
        else:
            hits = weighed(lists, "decompose", self.whole)
        return replace(
            search,
            variants=search.variants + new,
            hits=hits,
            trace=tuple(step for part in sorted(found) for step in found[part].trace),
        ).noted(*notes)


def _name(part: int) -> str:
    return f"part-{part + 1}"


def _title(question: str, hits: tuple[Hit, ...]) -> str:
    """The first title that the question does not hold: its subject is not its answer."""
    said = question.lower()
    titles = (str(hit.chunk.meta.get("title") or "") for hit in hits)
    return next((title for title in titles if title and title.lower() not in said), "")
