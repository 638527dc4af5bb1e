import pytest

from retrieval.errors import ConfigError
from retrieval.offline import offline_kit
from retrieval.stages.fuse import Fuse, distribution, min_max, shares, z_scores
from retrieval.types import Chunk, Domain, Hit, Ranking, Score, Search, Span


def ranking(by: str, scores: dict[str, float], weight: float = 1.0) -> Ranking:
    hits = [Hit(Chunk(id, id, id, Span(0, 1)), (Score(by, s),)) for id, s in scores.items()]
    return Ranking(by, tuple(hits), weight)


def fused(fuse: Fuse, *rankings: Ranking) -> dict[str, float]:
    found = fuse(Search("q", rankings=rankings), offline_kit())
    assert list(found.hits) == sorted(found.hits, key=lambda hit: (-hit.score, hit.chunk.id))
    return {hit.chunk.id: hit.score for hit in found.hits}


DENSE = ranking("dense:original", {"a": 0.9, "b": 0.7, "c": 0.5})
SPARSE = ranking("sparse:original", {"c": 12.0, "a": 8.0, "d": 4.0})


def test_convex_is_the_mean_of_min_max_scores_and_missing_counts_zero() -> None:
    found = fused(Fuse(), DENSE, SPARSE)
    assert found == pytest.approx(
        {
            "a": 0.5 * 1.0 + 0.5 * (8 - 4) / (12 - 4),
            "b": 0.5 * (0.7 - 0.5) / (0.9 - 0.5),
            "c": 0.5 * 0.0 + 0.5 * 1.0,
            "d": 0.0,
        }
    )


def test_alpha_is_the_share_of_the_dense_leg() -> None:
    assert fused(Fuse(alpha=0.8), DENSE, SPARSE)["a"] == pytest.approx(0.8 * 1.0 + 0.2 * 0.5)


def test_reciprocal_rank_is_the_papers_formula() -> None:
    found = fused(Fuse(how="rrf"), DENSE, SPARSE)
    assert found == pytest.approx(
        {"a": 1 / 61 + 1 / 62, "b": 1 / 62, "c": 1 / 63 + 1 / 61, "d": 1 / 63}
    )


def test_z_scores_count_the_lowest_for_what_is_missing() -> None:
    deviation = (((0.2) ** 2 + 0 + (0.2) ** 2) / 3) ** 0.5
    dense = {"a": 0.2 / deviation, "b": 0.0, "c": -0.2 / deviation}
    sparse_deviation = ((16 + 0 + 16) / 3) ** 0.5
    sparse = {"c": 4 / sparse_deviation, "a": 0.0, "d": -4 / sparse_deviation}
    found = fused(Fuse(norm="z"), DENSE, SPARSE)
    assert found == pytest.approx(
        {
            "a": (dense["a"] + sparse["a"]) / 2,
            "b": (dense["b"] + sparse["d"]) / 2,
            "c": (dense["c"] + sparse["c"]) / 2,
            "d": (dense["c"] + sparse["d"]) / 2,
        }
    )


def test_distribution_puts_three_deviations_around_the_mean_on_zero_to_one() -> None:
    assert distribution([1.0, 2.0, 3.0]) == pytest.approx([0.5 - 1 / 6, 0.5, 0.5 + 1 / 6])
    found = fused(Fuse(how="distribution"), DENSE, SPARSE)
    assert found["b"] == pytest.approx(0.5 * 0.5)
    assert found["a"] == pytest.approx(0.5 * (0.5 + 1 / 6) + 0.5 * 0.5)


def test_equal_scores_do_not_divide_by_zero() -> None:
    assert min_max([2.0, 2.0]) == [1.0, 1.0]
    assert z_scores([2.0]) == [0.0]
    assert distribution([2.0]) == [0.5]


def test_a_single_ranking_keeps_its_own_scores() -> None:
    assert fused(Fuse(), DENSE) == {"a": 0.9, "b": 0.7, "c": 0.5}


def test_an_empty_ranking_takes_nothing_from_the_other() -> None:
    assert fused(Fuse(), DENSE, ranking("sparse:original", {})) == pytest.approx(
        {"a": 0.5, "b": 0.25, "c": 0.0}
    )


def test_ties_break_by_chunk_id() -> None:
    one = ranking("dense:original", {"b": 1.0, "a": 0.0})
    two = ranking("sparse:original", {"a": 1.0, "b": 0.0})
    assert list(fused(Fuse(), one, two)) == ["a", "b"]


def test_a_hit_keeps_its_score_in_every_ranking() -> None:
    found = Fuse()(Search("q", rankings=(DENSE, SPARSE)), offline_kit())
    scores = {hit.chunk.id: hit.scores for hit in found.hits}
    assert [score.by for score in scores["a"]] == [
        "dense:original",
        "sparse:original",
        "fuse:convex",
    ]


def test_variants_share_their_legs_weight() -> None:
    more = ranking("dense:paraphrase", {"a": 1.0}, weight=3.0)
    assert shares([DENSE, more, SPARSE], 0.5) == pytest.approx([0.125, 0.375, 0.5])
    assert shares([DENSE, more], 0.3) == pytest.approx([0.25, 0.75])


@pytest.mark.parametrize("bad", [{"alpha": 1.1}, {"alpha": -0.1}, {"k": -1}])
def test_parameters_out_of_range_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(bad))):
        Fuse(**bad)  # type: ignore[arg-type]


def test_the_shares_of_domains_are_mixed_by_their_probabilities() -> None:
    fuse = Fuse(alpha=0.5, domains=(("law", 0.9), ("tax", 0.1)))
    domains = (Domain("law", 0.6), Domain("tax", 0.2), Domain("art", 0.1))
    search = Search("q", rankings=(DENSE, SPARSE), domains=domains)
    # .6 of .9, .2 of .1, and alpha for the .2 of art and of no domain.
    alpha = 0.6 * 0.9 + 0.2 * 0.1 + 0.2 * 0.5
    mixed = {hit.chunk.id: hit.score for hit in fuse(search, offline_kit()).hits}
    assert mixed == pytest.approx(fused(Fuse(alpha=alpha), DENSE, SPARSE))
    assert fused(fuse, DENSE, SPARSE) == fused(Fuse(), DENSE, SPARSE)


def test_a_share_of_a_domain_out_of_range_is_named() -> None:
    with pytest.raises(ConfigError, match=r"fuse.domains: law: 0 to 1, got 1.5"):
        Fuse(domains=(("law", 1.5),))


def test_a_leg_that_stands_alone_has_all_the_weight() -> None:
    more = ranking("dense:paraphrase", {"a": 1.0}, weight=3.0)
    assert shares([DENSE, more], 0.0) == pytest.approx([0.25, 0.75])


def test_a_leg_of_variants_without_weight_leaves_its_share_to_the_other() -> None:
    nothing = ranking("sparse:original", {"a": 1.0}, weight=0.0)
    assert shares([DENSE, nothing], 0.5) == [1.0, 0.0]
    with pytest.raises(ConfigError, match="all 0"):
        shares([nothing], 0.5)
