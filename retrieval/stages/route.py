"""Routing: which domain a question belongs to, so that others' passages do not stand in its way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, ClassVar, Literal

from retrieval.domains import Known, known_domains
from retrieval.errors import ConfigError, ProviderError
from retrieval.filters import And, AnyOf, Filter
from retrieval.inside import check_first, in_place
from retrieval.kit import Kit, Prompt, Reply
from retrieval.pipeline import Pipeline, Stage
from retrieval.prompts import Form, ask, shown
from retrieval.router import Router, load_router
from retrieval.stages.dense import Dense
from retrieval.stages.fuse import Fuse
from retrieval.stages.sparse import Sparse
from retrieval.types import Domain, Hit, Search, ordered
from retrieval.variants import vector
from retrieval.votes import elected, pooled

VERSION = "1"
NONE = "none"
MOST_VOTES = 100
NEEDED = "route: votes (10), a router file, or domains for a language model are needed."
PROMPT = """\
The user's message is a question to a search engine over several collections. Say which one holds
the answer, and how likely that is (0 to 1); say "none" if it belongs to none of them. They are:
{domains}
Answer with JSON: {"domain": "...", "confidence": 0.9}"""
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "domain": {"type": "string"},
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
    },
    "required": ["domain", "confidence"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class Route:
    """The question's domains with their probabilities, and hits from those, only or rather.

    Who says which: the first `votes` hits vote (see `retrieval/votes`), a soft route's those that
    are there, a hard one's those of a first pass by the stages `first`; or the classifier of a
    `router` file (`assay router train`); or both together; or a language model, told of `domains`:
    each one's name and what it is about. `prompt` is put in place of the stage's own; {domains} in
    it is filled in. `domains` is a table, or the file of one (see `retrieval/domains`): all that it
    says of the domains that were found is returned with the answer, and told to later stages that
    ask a model.

    `how` the domains are used. `hard`, before the retrievers: the filter is narrowed to the
    fewest domains that together have at least `confidence`, if those are at most `most`; a more
    doubtful question, and one that belongs to none of the domains, is searched everywhere. So is
    one whose filter leaves nothing of these domains: what was asked for goes before a guess.
    `soft`, after `fuse`: a hit's score grows by the probability of its domain, times `boost`, times
    the range of the hits' scores (1 if they are all equal). A route after another one, such as a
    soft one after a hard one, uses the domains that are there already. `label`: the domains are
    found, and nothing else: for `fuse.domains`, and for the stages that are told of them.

    Ours: the fewest domains that reach a probability, and a boost that no scale of scores changes.
    """

    router: str = ""
    how: Literal["hard", "soft", "label"] = "hard"
    confidence: float = 0.9
    most: int = 2
    boost: float = 0.2
    votes: int = 0
    domains: str | tuple[tuple[str, Any], ...] = ()
    prompt: str = ""
    first: tuple[Stage, ...] = (Dense(20), Sparse(20), Fuse())
    reads: ClassVar[tuple[str, ...]] = ("query",)
    writes: ClassVar[tuple[str, ...]] = ("domains", "filter")
    optional: ClassVar[bool] = True
    forms: ClassVar[Mapping[int, Form]] = {0: Form(SCHEMA)}

    def __post_init__(self) -> None:
        """Check the ranges, and read the router and what is known of domains."""
        self._check_ranges()
        names = [*self._known]
        if NONE in names or len(names) == 1:
            raise ConfigError(f"route.domains: two or more names, and no {NONE!r}, got {names}.")
        if self.router:
            unknown = sorted(set(names) - set(self._router.labels))
            if unknown:
                known = ", ".join(self._router.labels)
                raise ConfigError(f"route.domains: the router knows {known}; not {unknown}.")
        if self.votes:
            Pipeline("route.first", self.first)
        if self.how == "soft":
            # So that a pipeline with a soft route in front of `fuse` is refused when it is built.
            object.__setattr__(self, "reads", ("query", "hits"))
            object.__setattr__(self, "writes", ("domains", "hits"))

    @property
    def asks_model(self) -> bool:
        """Whether it asks a language model."""
        return bool(self._known) and not (self.router or self.votes)

    @property
    def depends(self) -> dict[str, Any]:
        """What the router holds, or the wording of the prompt, and what is known of domains."""
        if self.router or self.votes:
            router = self._router.digest if self.router else None
            return {"router": router, "domains": self._known}
        return {"version": VERSION, "prompt": self.prompt or PROMPT, "domains": self._known}

    def check(self, before: Sequence[Stage]) -> None:
        """Refuse to narrow what was searched already, and to boost domains that nobody finds.

        Raises: ConfigError.
        """
        if self.how == "hard":
            check_first(before, "route: how = 'hard' narrows what is searched")
        told = any(isinstance(each, Route) for each in in_place(before))
        if self.how == "soft" and not self._finds and not told:
            raise ConfigError(NEEDED)

    def __call__(self, search: Search, kit: Kit) -> Search:
        """Find the domains and use them."""
        if self.how == "hard" and search.rankings:
            raise ConfigError("route: how = 'hard' narrows what is searched: put it first.")
        if not search.domains and self.how == "soft" and not self._finds:
            return search.noted("no domains were found before")
        if not search.domains:
            search = self._classified(search, kit)
            found = [replace(each, meta=self._known.get(each.name, {})) for each in search.domains]
            search = replace(search, domains=tuple(found)).noted(*self._notes(search.domains))
        if self.how == "label":
            return search
        return self._narrowed(search, kit) if self.how == "hard" else self._boosted(search)

    def _check_ranges(self) -> None:
        if not 0 < self.confidence <= 1:
            raise ConfigError(f"route.confidence: above 0, up to 1, got {self.confidence}.")
        if self.most < 1:
            raise ConfigError(f"route.most: 1 or more, got {self.most}.")
        if not 0 <= self.boost <= 100:
            raise ConfigError(f"route.boost: 0 to 100, got {self.boost}.")
        if not 0 <= self.votes <= MOST_VOTES:
            raise ConfigError(f"route.votes: 0 to {MOST_VOTES}, got {self.votes}.")

    @property
    def _finds(self) -> bool:
        """Whether it can find domains by itself."""
        return bool(self.votes or self.router or self._known)

    @cached_property
    def _known(self) -> Known:
        return known_domains(self.domains)

    @cached_property
    def _router(self) -> Router:
        return load_router(Path(self.router))

    def _classified(self, search: Search, kit: Kit) -> Search:
        if not self.votes and not self.router:
            return self._asked(search, kit)
        search = self._voted(search, kit) if self.votes else search
        if not self.router:
            return search
        router = self._router.checked(kit.embedder.identity)
        routed = router.domains(vector(search.variants[0], kit))
        return replace(search, domains=pooled(search.domains, routed) if self.votes else routed)

    def _voted(self, search: Search, kit: Kit) -> Search:
        if self.how == "soft":
            return replace(search, domains=elected(search.hits, self.votes))
        # The limit of the question does not matter: as many vote where more is asked for.
        asked = replace(search, limit=self.votes)
        found = Pipeline("first", self.first)(asked, kit)
        return replace(search, domains=elected(found.hits, self.votes), trace=found.trace)

    def _asked(self, search: Search, kit: Kit) -> Search:
        if not self._known:
            raise ConfigError(NEEDED)
        abouts = {name: it.get("about") or it.get("kind", "") for name, it in self._known.items()}
        listed = "\n".join(f"- {name}: {about}" for name, about in abouts.items())
        prompt = Prompt(
            "route",
            (self.prompt or PROMPT).replace("{domains}", listed),
            search.query,
            VERSION,
            schema=_schema([*self._known, NONE]),
            max_tokens=64,
        )
        reply = ask(kit, prompt, search.query)
        name, confidence = _answer(reply)
        if name != NONE and name not in self._known:
            raise ProviderError(f"route: the model named {name!r} for {shown(search.query)}.")
        found = () if name == NONE else (Domain(name, confidence),)
        return replace(search, domains=found)

    def _notes(self, found: tuple[Domain, ...]) -> list[str]:
        if not found:
            return ["no first hit has a domain" if self.votes else "none of the domains"]
        return [f"{each.name}: {each.probability:.3f}" for each in found[: self.most]]

    def _narrowed(self, search: Search, kit: Kit) -> Search:
        sums = accumulate(each.probability for each in search.domains)
        needed = next((n for n, p in enumerate(sums, 1) if p >= self.confidence), None)
        if needed is None or needed > self.most:
            return search.noted("searched everywhere")
        names = tuple(sorted(each.name for each in search.domains[:needed]))
        for name in names:
            if not kit.store.count(AnyOf("domain", (name,)), kit.clock):
                raise ConfigError(
                    f"route: index {kit.store.manifest.name!r} holds nothing of the domain"
                    f" {name!r}. Ingest its documents with --domain {name}, or train the router on"
                    " the domains that are there."
                )
        own: Filter = AnyOf("domain", names)
        if search.filter is None:
            return replace(search, filter=own).noted(f"narrowed to {', '.join(names)}")
        whole = And((search.filter, own))
        if not kit.store.count(whole, kit.clock):
            return search.noted(f"the filter leaves nothing of {', '.join(names)}: not narrowed")
        return replace(search, filter=whole).noted(f"narrowed to {', '.join(names)}")

    def _boosted(self, search: Search) -> Search:
        if not search.domains or not search.hits:
            return search
        shares = {each.name: each.probability for each in search.domains}
        scores = [hit.score for hit in search.hits]
        scale = self.boost * ((max(scores) - min(scores)) or 1.0)

        def boosted(hit: Hit) -> Hit:
            return hit.scored("route", hit.score + scale * shares.get(hit.chunk.domain or "", 0.0))

        return replace(search, hits=ordered([boosted(hit) for hit in search.hits]))


def _schema(names: list[str]) -> dict[str, Any]:
    domain = {"type": "string", "enum": names}
    return {**SCHEMA, "properties": {**SCHEMA["properties"], "domain": domain}}


def _answer(reply: Reply) -> tuple[str, float]:
    """The domain and its confidence; an imported plain text is a domain that is sure."""
    if reply.data is None:
        return reply.text.strip(), 1.0
    return reply.data["domain"], min(1.0, max(0.0, float(reply.data["confidence"])))
