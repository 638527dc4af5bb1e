"""Expansion: the same question in more words, from a model, from its first hits or from a list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

from retrieval.domains import told
from retrieval.errors import ConfigError
from retrieval.feedback import Feedback
from retrieval.inside import check_legs
from retrieval.kit import Kit, Prompt
from retrieval.pipeline import Stage
from retrieval.prompts import Form, ask, filled, list_schema, texts
from retrieval.synonyms import Synonyms, load_synonyms
from retrieval.types import Search, Variant
from retrieval.variants import added, checked_share

VERSION = "1"
PARAPHRASE = """\
The user's message is a question to a search engine over {kind}. Write it anew {n} time(s), so that
each wording finds what the others miss: other words for the same things, the terms that an expert
would use, abbreviations spelled out. Every wording asks for the same, and stands by itself.
Answer with JSON: {"paraphrases": ["...", ...]}"""
KEYWORDS = """\
The user's message is a question to a search engine over {kind}. Give up to {words} words or short
terms, in addition to those of the question, that texts which answer it are likely to contain:
names, synonyms, technical terms, abbreviations and what they stand for. No sentences.
Answer with JSON: {"keywords": ["...", ...]}"""
MOST = {"n": 16, "words": 100, "documents": 100}
PROMPTS = {"paraphrase": PARAPHRASE, "keywords": KEYWORDS}
FEEDBACK_WEIGHT, WORDING_WEIGHT = 0.2, 0.5
"""Measured on questions with human rewordings: more of the first hits' words loses recall."""


@dataclass(frozen=True)
class Expand:
    """The question in more words; what is added has the share `weight`, the question the rest.

    Without a `weight`, it is 0.5 for other wordings and 0.2 for feedback (`rm3`, `vector`).

    `how`, with a model: `paraphrase`: `n` other wordings, each a variant with rankings of its own;
    `keywords`: one variant of up to `words` words. `kind` tells the model what the collection
    holds; that of a domain which a route has found goes before it. `prompt` is put in place of the
    stage's own; {n}, {words} and {kind} in it are filled in.

    Without a model: `rm3`: the sparse leg's question takes on `words` words of its first
    `documents` hits; `vector`: the dense leg's vector moves towards the mean of those hits;
    `synonyms`: a variant in which the entries of a `file` are spelled out. At `weight` 1 the
    question's own words are not searched (`rm3` needs them: below 1).

    Source: `paraphrase`: Ma et al. 2023, arXiv 2305.14283 (rewriting), fused as several queries;
    `keywords`: Jagerman et al. 2023, arXiv 2305.03653; `rm3`, `vector`: see `retrieval/feedback`.
    """

    how: Literal["paraphrase", "keywords", "rm3", "vector", "synonyms"] = "paraphrase"
    n: int = 3
    weight: float | None = None
    words: int = 10
    documents: int = 10
    file: str = ""
    kind: str = "passages of documents"
    prompt: str = ""
    reads: ClassVar[tuple[str, ...]] = ("query", "variants")
    writes: ClassVar[tuple[str, ...]] = ("variants", "rankings")
    optional: ClassVar[bool] = True
    forms: ClassVar[Mapping[int, Form]] = {
        0: Form.listing("paraphrases", MOST["n"]),
        1: Form.listing("keywords", MOST["words"]),
    }

    def __post_init__(self) -> None:
        """Check the ranges, and read the file."""
        for name, most in MOST.items():
            if not 1 <= getattr(self, name) <= most:
                raise ConfigError(f"expand.{name}: 1 to {most}, got {getattr(self, name)}.")
        checked_share("expand.weight", self.share)
        if self.how == "rm3" and self.weight == 1:
            raise ConfigError("expand.weight: below 1 for rm3, which adds to the question's words.")
        if self.prompt and not self.asks_model:
            raise ConfigError(f"expand.prompt: for {' and '.join(PROMPTS)}, which ask a model.")
        if bool(self.file) != (self.how == "synonyms"):
            raise ConfigError("expand.file: the list of how = 'synonyms', and of no other.")
        if self.file:
            _ = self._synonyms

    def check_after(self, later: Sequence[Stage]) -> None:
        """Refuse words for a leg that is not searched. Raises: ConfigError."""
        leg = {"rm3": "sparse", "vector": "dense"}.get(self.how)
        if leg is not None:
            check_legs(later, (leg,), f"expand: {self.how} changes the {leg} leg")
        else:
            check_legs(later, ("dense", "sparse"), f"expand: {self.how} is searched by the legs")

    @property
    def asks_model(self) -> bool:
        """Whether it asks a language model."""
        return self.how in PROMPTS

    @property
    def answer_tokens(self) -> int:
        """The most tokens of an answer."""
        if not self.asks_model:
            return 0
        return 64 + (self.n * 128 if self.how == "paraphrase" else self.words * 16)

    @property
    def share(self) -> float:
        """The weight of what is added."""
        if self.weight is not None:
            return self.weight
        return FEEDBACK_WEIGHT if self.how in ("rm3", "vector") else WORDING_WEIGHT

    @property
    def depends(self) -> dict[str, Any]:
        """The weight where none is given, the wording of the prompt, the entries of the list."""
        if self.file:
            return {"share": self.share, "synonyms": self._synonyms.digest}
        prompt = self.prompt or PROMPTS.get(self.how)
        return {"share": self.share, "version": VERSION, "prompt": prompt}

    def __call__(self, search: Search, kit: Kit) -> Search:
        """Add to the question."""
        feedback = Feedback(self.documents, self.words, self.share)
        if self.how == "rm3":
            return feedback.with_words(search, kit)
        if self.how == "vector":
            return feedback.with_centroid(search, kit)
        if self.how == "synonyms":
            changed = self._synonyms.spelled_out(search.query)
            return search if changed is None else self._added(search, [changed])
        return self._asked(search, kit)

    @cached_property
    def _synonyms(self) -> Synonyms:
        return load_synonyms(Path(self.file))

    def _asked(self, search: Search, kit: Kit) -> Search:
        several = self.how == "paraphrase"
        name, most = ("paraphrases", self.n) if several else ("keywords", self.words)
        kind, glossary = told(search, self.kind)
        values = {"n": self.n, "words": self.words, "kind": kind}
        prompt = Prompt(
            "expand",
            filled(self.prompt or PROMPTS[self.how], values) + glossary,
            search.query,
            VERSION,
            step=0 if several else 1,
            schema=list_schema(name, most),
            max_tokens=self.answer_tokens,
        )
        reply = ask(kit, prompt, search.query)
        found = texts(reply, name, prompt, search.query)
        return self._added(search, found if several else [" ".join(found)])

    def _added(self, search: Search, wordings: list[str]) -> Search:
        variants = [Variant(each, "paraphrase") for each in wordings]
        return added(search, variants, self.share).noted(*wordings)
