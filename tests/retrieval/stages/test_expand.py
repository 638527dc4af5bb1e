from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval.errors import ConfigError
from retrieval.filters import Equals
from retrieval.kit import Kit
from retrieval.offline import offline_kit, passage
from retrieval.pipeline import Pipeline, run, stage_key
from retrieval.stages.decompose import Decompose
from retrieval.stages.dense import Dense
from retrieval.stages.expand import Expand
from retrieval.stages.fuse import Fuse
from retrieval.stages.rerank import Rerank
from retrieval.stages.sparse import Sparse
from retrieval.types import Search

QUESTION = "where do pets rest?"
LEGS = (Dense(), Sparse(), Fuse())
Listed = Callable[..., Any]


@pytest.fixture
def asked(kit: Kit, listed: Listed) -> Kit:
    """A kit whose model has two other wordings, and three keywords."""
    wordings = {"paraphrases": ["where do cats sleep?", "cat beds"]}
    keywords = {"keywords": ["cat", "sleep", "window sill"]}
    return replace(kit, llm=listed({("expand", 0): wordings, ("expand", 1): keywords}))


def test_paraphrases_have_rankings_of_their_own_and_share_the_weight(asked: Kit) -> None:
    found = run(Pipeline("p", (Expand(n=2, weight=0.4), *LEGS)), Search.of(QUESTION), asked)
    assert {ranking.by: round(ranking.weight, 6) for ranking in found.rankings} == {
        f"{leg}:{label}": weight
        for leg in ("dense", "sparse")
        for label, weight in (("original", 0.6), ("paraphrase", 0.2), ("paraphrase-2", 0.2))
    }
    alone = run(Pipeline("p", LEGS), Search.of("cat beds"), asked)
    of_paraphrase = {ranking.by: ranking.hits for ranking in found.rankings}["dense:paraphrase-2"]
    assert [h.chunk for h in of_paraphrase] == [h.chunk for h in alone.rankings[0].hits]


def test_at_weight_one_only_the_other_wordings_are_searched(asked: Kit) -> None:
    found = run(Pipeline("p", (Expand(n=2, weight=1.0), *LEGS)), Search.of(QUESTION), asked)
    assert [each.text for each in found.variants] == ["where do cats sleep?", "cat beds"]
    assert all("paraphrase" in ranking.by for ranking in found.rankings)


def test_keywords_are_one_variant(asked: Kit) -> None:
    found = Expand(how="keywords", words=3)(Search.of(QUESTION), asked)
    assert [each.text for each in found.variants] == [QUESTION, "cat sleep window sill"]
    assert asked.llm.asked[0].step == 1  # type: ignore[union-attr]
    assert "up to 3 words" in asked.llm.asked[0].instructions  # type: ignore[union-attr]


def test_what_was_searched_before_keeps_the_rest_of_the_weight(asked: Kit) -> None:
    again = Pipeline("p", (*LEGS, Expand(n=2, weight=0.4), *LEGS))
    before = Pipeline("p", (Expand(n=2, weight=0.4), *LEGS))
    first, second = (run(each, Search.of(QUESTION), asked) for each in (again, before))
    assert [hit.chunk for hit in first.hits] == [hit.chunk for hit in second.hits]
    scores = [[hit.score for hit in found.hits] for found in (first, second)]
    assert scores[0] == pytest.approx(scores[1])


def test_the_question_is_data_and_the_cost_is_in_the_trace(asked: Kit) -> None:
    stages = (Expand(n=2, kind="tickets"), *LEGS)
    found = run(Pipeline("p", stages), Search.of(QUESTION), asked)
    (prompt,) = asked.llm.asked  # type: ignore[union-attr]
    assert (prompt.text, prompt.step) == (QUESTION, 0)
    assert "over tickets" in prompt.instructions
    assert QUESTION not in prompt.instructions
    assert found.trace[0].cost["tokens_in"] == 10
    assert found.trace[0].notes == ("where do cats sleep?", "cat beds")


def test_rm3_adds_the_words_of_the_first_hits_with_their_share_of_the_weight() -> None:
    kit = offline_kit({"1": "cat cat sleep", "2": "cat milk", "3": "train"})
    found = Expand(how="rm3", words=2, documents=2, weight=0.2)(Search.of("cat"), kit)
    ((first, high), (second, low)) = found.variants[0].terms
    scores = [m.score for m in kit.store.search([kit.sparse.query("cat")], None, 2, kit.clock)[0]]
    # P(cat) = s1 * 2/3 + s2 * 1/2 and P(milk) = s2 * 1/2, P(sleep) = s1 * 1/3; s sums to 1.
    one, two = (score / sum(scores) for score in scores)
    cat, milk, sleep = one * 2 / 3 + two / 2, two / 2, one / 3
    assert (first, second) == ("cat", "milk" if milk > sleep else "sleep")
    assert high / low == pytest.approx(cat / max(milk, sleep))
    assert high + low == pytest.approx(0.25)


def test_rm3_finds_what_only_the_first_hits_lead_to(kit: Kit) -> None:
    kit = offline_kit({"1": "kitten feline", "2": "feline habits", "3": "train"})
    plain = Pipeline("p", (Sparse(), Fuse()))
    expanded = Pipeline("p", (Expand(how="rm3"), Sparse(), Fuse()))
    assert len(run(plain, Search.of("kitten"), kit).hits) == 1
    ids = [hit.chunk.document_id for hit in run(expanded, Search.of("kitten"), kit).hits]
    assert ids == ["1", "2"]


def test_the_vector_moves_to_the_mean_of_the_first_hits(kit: Kit) -> None:
    question = "where do cats sleep?"
    found = Expand(how="vector", documents=2, weight=0.25)(Search.of(question), kit)
    start = kit.embedder.queries([question], kit.clock)[0]
    first = kit.store.search([start], None, 2, kit.clock)[0]
    vectors = kit.store.vectors([match.chunk.id for match in first])
    moved = 0.75 * start + 0.25 * np.mean(list(vectors.values()), axis=0)
    assert np.allclose(found.variants[0].vector, moved / np.linalg.norm(moved), atol=1e-6)
    assert found.variants[0].terms == ()


@pytest.mark.parametrize("how", ["rm3", "vector"])
def test_feedback_stays_within_the_filter_and_an_empty_one_changes_nothing(
    kit: Kit, how: Any
) -> None:
    search = Search.of("cats sleep", filter=Equals("document_id", "none"))
    found = Expand(how=how)(search, kit)
    assert found.variants == search.variants
    assert "found no" in found.notes[0]


def test_feedback_builds_on_what_a_stage_before_it_changed(kit: Kit, listed: Listed) -> None:
    from retrieval.stages.hyde import Hyde

    kit = replace(kit, llm=listed({("hyde", 0): {"passages": ["Cats sleep."]}}))
    moved = Hyde(sparse_weight=1.0)(Search.of("pets"), kit)
    found = Expand(how="rm3")(Expand(how="vector")(moved, kit), kit)
    assert found.variants[0].vector not in (None, moved.variants[0].vector)
    assert found.variants[0].terms[: len(moved.variants[0].terms)] == moved.variants[0].terms
    assert len(found.variants[0].terms) > len(moved.variants[0].terms)


def test_synonyms_spell_out_what_the_list_holds(kit: Kit, tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("pets, cats\n")
    stage = Expand(how="synonyms", file=str(file))
    found = run(Pipeline("p", (stage, *LEGS)), Search.of(QUESTION), kit)
    assert found.variants[1].text == "where do pets (cats) rest?"
    assert found.hits[0].chunk.document_id.startswith("cats/")
    untouched = stage(Search.of("fast trains"), kit)
    assert untouched == Search.of("fast trains")


def test_the_list_is_part_of_the_key(tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("pets, cats\n")
    before = stage_key(Expand(how="synonyms", file=str(file)))
    file.write_text("# the same\ncats, pets\n")
    assert stage_key(Expand(how="synonyms", file=str(file))) == before
    file.write_text("pets, dogs\n")
    assert stage_key(Expand(how="synonyms", file=str(file))) != before


def test_no_model_is_asked_where_none_is_needed(kit: Kit) -> None:
    for how in ("rm3", "vector"):
        assert run(Pipeline("p", (Expand(how=how), *LEGS)), Search.of(QUESTION), kit).hits


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"n": 0}, "expand.n"),
        ({"words": 0}, "expand.words"),
        ({"documents": 0}, "expand.documents"),
        ({"weight": 0.0}, "expand.weight"),
        ({"how": "rm3", "weight": 1.0}, "expand.weight"),
        ({"how": "synonyms"}, "expand.file"),
        ({"how": "rm3", "file": "a.txt"}, "expand.file"),
        ({"how": "synonyms", "file": "gone.txt"}, "gone.txt: cannot be read"),
    ],
)
def test_a_parameter_that_cannot_be_is_named(given: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        Expand(**given)


@pytest.mark.parametrize("how", ["paraphrase", "keywords", "rm3", "vector"])
@pytest.mark.parametrize("text", ["🦊", "猫はどこで寝ますか", "why " * 10_000, "half \ud83e pair"])
def test_odd_questions_are_answered(asked: Kit, how: Any, text: str) -> None:
    assert run(Pipeline("p", (Expand(how=how), *LEGS)), Search.of(text), asked).hits


@pytest.mark.parametrize("how", ["paraphrase", "keywords", "rm3", "vector"])
def test_words_that_no_leg_would_search_are_refused(how: Any) -> None:
    with pytest.raises(ConfigError, match=f"expand: {how}"):
        Pipeline("p", (*LEGS, Expand(how=how), Decompose(how="rules"), Rerank()))


def test_a_title_that_is_null_adds_no_word() -> None:
    chunks = [replace(passage("1", "cat sleep"), meta={"title": None}), passage("2", "train")]
    kit = offline_kit(chunks)
    store: Any = kit.store
    titled = replace(store, manifest=replace(store.manifest, embed="title+text"))
    found = Expand(how="rm3", documents=1)(Search.of("cat"), replace(kit, store=titled))
    assert {word for word, _ in found.variants[0].terms} == {"cat", "sleep"}
