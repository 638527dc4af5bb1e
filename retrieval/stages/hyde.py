"""HyDE: search with a passage that a model imagines, because it looks like what is sought."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from retrieval.domains import told
from retrieval.errors import ConfigError
from retrieval.inside import check_legs
from retrieval.kit import Kit, Prompt
from retrieval.pipeline import Stage
from retrieval.prompts import Form, ask, filled, list_schema, texts
from retrieval.types import Search, Variant
from retrieval.variants import added, as_unit, checked_share, renewed, vector, words

VERSION = "1"
MOST = 16
PROMPT = """\
The user's message is a question to a search engine. The collection that is searched holds {kind}.
Write {n} such text(s) that could be in the collection and would answer the question, about {words}
words each, in the style, form and vocabulary of the collection. Do not comment, and do not address
anyone. Where you do not know the facts, write what such a text would plausibly say.
Answer with JSON: {"passages": ["...", ...]}"""
NOTED = 200


@dataclass(frozen=True)
class Hyde:
    """The question with `n` hypothetical passages of about `words` words, embedded as passages.

    `how` they are searched by the dense leg: `mean`: the question's vector becomes the mean of its
    own and the passages'; `concat`: that of the question followed by the passages, as one text;
    `each`: every passage is a variant with a ranking of its own, and together they have the share
    `weight` of the fusion.

    `sparse_weight` is what the passages' words add to the sparse leg: their weights together,
    where the question's words together have 1; 0 leaves that leg alone. `kind` tells the model what
    the collection holds: an abstract, an SQL statement, a policy; that of the domain goes before
    it, where a route has found one that says its own. `prompt` is put in place of the stage's own;
    {n}, {words} and {kind} in it are filled in.

    Source: `mean`: Gao et al. 2022, arXiv 2212.10496, section 3.2, with the question as one more
    hypothesis; `concat`: Wang et al. 2023, arXiv 2303.07678 (query2doc).
    Differs: one call writes all passages, at temperature 0, so that a recording is found again.
    """

    n: int = 1
    how: Literal["mean", "each", "concat"] = "mean"
    weight: float = 0.5
    sparse_weight: float = 1.0
    kind: str = "passages of documents"
    words: int = 100
    prompt: str = ""
    reads: ClassVar[tuple[str, ...]] = ("query", "variants")
    writes: ClassVar[tuple[str, ...]] = ("variants", "rankings")
    optional: ClassVar[bool] = True
    forms: ClassVar[Mapping[int, Form]] = {0: Form.listing("passages", MOST)}
    asks_model: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not 1 <= self.n <= MOST:
            raise ConfigError(f"hyde.n: 1 to {MOST}, got {self.n}.")
        if not 10 <= self.words <= 1000:
            raise ConfigError(f"hyde.words: 10 to 1000, got {self.words}.")
        if not 0 <= self.sparse_weight <= 100:
            raise ConfigError(f"hyde.sparse_weight: 0 to 100, got {self.sparse_weight}.")
        checked_share("hyde.weight", self.weight)

    def check_after(self, later: Sequence[Stage]) -> None:
        """Refuse passages for a leg that is not searched. Raises: ConfigError."""
        legs = ("dense", "sparse") if self.sparse_weight else ("dense",)
        check_legs(later, legs, "hyde works for the dense leg, and with sparse_weight for both")

    @property
    def depends(self) -> dict[str, str]:
        """The wording of the prompt."""
        return {"version": VERSION, "prompt": self.prompt or PROMPT}

    @property
    def answer_tokens(self) -> int:
        """The most tokens of an answer."""
        # A word is 1.3 tokens of English, more of other scripts; JSON adds its own.
        return 64 + 3 * self.words * self.n

    def __call__(self, search: Search, kit: Kit) -> Search:
        """Ask for the passages and search with them."""
        prompt = self._prompt(search)
        reply = ask(kit, prompt, search.query)
        passages = texts(reply, "passages", prompt, search.query)
        search = search.noted(*(f"passage: {each[:NOTED]}" for each in passages))
        return self._searched(search, passages, kit)

    def _prompt(self, search: Search) -> Prompt:
        kind, glossary = told(search, self.kind)
        values = {"n": self.n, "words": self.words, "kind": kind}
        return Prompt(
            "hyde",
            filled(self.prompt or PROMPT, values) + glossary,
            search.query,
            VERSION,
            schema=list_schema("passages", self.n),
            max_tokens=self.answer_tokens,
        )

    def _searched(self, search: Search, passages: list[str], kit: Kit) -> Search:
        own = search.variants[0]
        if self.how == "each":
            new = [Variant(p, "hypothetical", terms=self._terms([p], own)) for p in passages]
            return added(search, new, self.weight)
        if self.how == "concat":
            whole = Variant(" ".join((own.text, *passages)))
            direction = vector(whole, kit)
        else:
            rows = [vector(own, kit), *kit.embedder.passages(passages, kit.clock)]
            direction = np.mean(rows, axis=0, dtype=np.float32)
        terms = own.terms + self._terms(passages, own)
        return renewed(search, replace(own, vector=as_unit(direction), terms=terms))

    def _terms(self, passages: list[str], own: Variant) -> tuple[tuple[str, float], ...]:
        """The passages' words, by their counts, with the weight that they have together."""
        counts: Counter[str] = sum((words(each) for each in passages), Counter())
        if not self.sparse_weight or not counts:
            return ()
        each = self.sparse_weight * max(len(words(own.text)), 1) / counts.total()
        return tuple((word, each * count) for word, count in counts.items())
