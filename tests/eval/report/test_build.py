"""What a report says of one run, of two, and of a ladder; and what it refuses."""

import json
import shutil
from pathlib import Path

import pytest

from eval.report.as_json import report_json
from eval.report.build import Wanted, report, worst
from eval.report.figures import points
from eval.report.pair import Spot
from retrieval.errors import InputError, NotFoundError

Runs = tuple[Path, Path]


def test_one_run_leads_with_what_it_found(runs: Runs) -> None:
    found = report([runs[1]])
    (part,) = found.parts
    measures = part.measured.run.metrics["measures"]
    right = round(16 * measures["Success@10"]["mean"])
    assert found.title.startswith(
        f"hybrid finds a right document among the first 10 for {right} of"
    )
    assert [each.measure for each in part.figures][:2] == ["Success@10", "R@10"]
    assert part.figures[0].interval.startswith("95% interval ")
    assert dict(part.about)["Stages"].startswith("dense limit=100 \N{RIGHTWARDS ARROW} sparse")
    assert found.warnings[0] == "16 queries are few: intervals are narrower than true."
    assert part.movement.places == part.losses.judged == 24
    assert len(part.curve.points) == 11
    assert [each.stage for each in part.latency.stages] == ["dense", "sparse", "fuse"]


def test_two_runs_lead_with_the_verdict_and_count_each_question_once(runs: Runs) -> None:
    found = report(list(runs))
    each = found.pair.difference
    assert found.title.startswith("No significant difference between sparse and hybrid")
    assert f"{each.low:+.3f} to {each.high:+.3f}" in found.lead
    assert sum(spot.count for spot in found.pair.spots) == 16
    assert sum(count for _, _, count, _ in found.pair.gains) == 16
    by_kind = dict.fromkeys(("helped", "hurt", "unchanged"), 0)
    for _, kind, count, _ in found.pair.gains:
        by_kind[kind] += count
    assert by_kind == {"helped": each.helped, "hurt": each.hurt, "unchanged": each.unchanged}
    for hurt in found.pair.hurt:
        assert hurt.gain < 0


def test_another_measure_is_what_it_is_about(runs: Runs) -> None:
    found = report(list(runs), Wanted("recall@5"))
    assert found.pair.measure == "R@5"
    assert "recall@5" in found.title
    assert found.parts[0].measure == "R@5"


def test_a_ladder_has_its_rungs_and_the_runs_of_baseline_and_winner(ladder: Path) -> None:
    found = report([ladder])
    assert found.title.startswith("hybrid wins on hostile: nDCG@10 0.500")
    assert [each.name for each in found.parts] == ["sparse", "hybrid"]
    assert [rung.tone for rung in found.ladder.datasets[0].rungs] == ["open", "open"]
    assert found.ladder.winning == 1


def test_few_questions_of_a_further_dataset_are_noted_with_its_name(ladder: Path) -> None:
    file = ladder / "ladder.json"
    before = file.read_text()
    found = json.loads(before)
    others = [found["datasets"][0] | {"name": name, "queries": n} for name, n in SIZES.items()]
    file.write_text(json.dumps(found | {"datasets": [*found["datasets"], *others]}))
    try:
        warnings = report([ladder]).warnings
    finally:
        file.write_text(before)
    said = "queries are few: intervals are narrower than true."
    assert [each for each in warnings if "few" in each] == [f"16 {said}", f"small: 7 {said}"]


SIZES = {"small": 7, "large": 700}


def test_a_report_is_json(ladder: Path) -> None:
    found = json.loads(json.dumps(report_json(report([ladder])), allow_nan=False))
    assert [each["name"] for each in found["runs"]] == ["sparse", "hybrid"]
    assert found["ladder"]["won"]["name"] == "hybrid"
    assert found["runs"][1]["worst"][0]["measures"]["nDCG@10"] >= 0


def test_a_run_of_an_older_version_says_what_is_not_there(runs: Runs, tmp_path: Path) -> None:
    old = shutil.copytree(runs[1], tmp_path / "old")
    rows = [json.loads(line) for line in (old / "per_query.jsonl").read_text().splitlines()]
    for row in rows:
        del row["judged"], row["stages"]
        for hit in row["hits"]:
            hit.pop("excerpt", None)
    (old / "per_query.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (part,) = report([old]).parts
    assert part.movement is part.losses is None
    assert any("does not hold where judged places stood" in each for each in part.warnings)
    assert part.latency.stages == ()
    assert [each.precision for each in part.curve.points] == pytest.approx(
        [each.precision for each in report([runs[1]]).parts[0].curve.points]
    )


def test_what_cannot_be_reported_is_refused(runs: Runs, ladder: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no finished run"):
        report([tmp_path])
    with pytest.raises(InputError, match="got 3 folders"):
        report([*runs, runs[0]])
    with pytest.raises(InputError, match="report of its own"):
        report([ladder, runs[0]])
    with pytest.raises(InputError, match="0 to 200"):
        Wanted(traces=-1)
    with pytest.raises(InputError, match="No measure 'nDCG@7'"):
        report([runs[0]], Wanted("nDCG@7"))
    (tmp_path / "ladder.json").write_text('{"metric": "nDCG@10", "datasets": [{}]}')
    with pytest.raises(InputError, match="cannot be read as a ladder"):
        report([tmp_path])


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("judged", [{"document_id": "d"}], "'judged' cannot be read"),
        ("hits", "none", "'hits' must be a list"),
        ("hits", [{}], "'hits' cannot be read"),
        ("stages", [{"stage": "fuse", "ms": "soon"}], "'stages' cannot be read"),
        ("ms", "soon", "'ms' cannot be read"),
    ],
)
def test_a_damaged_line_is_named(runs: Runs, tmp_path: Path, name, value, said) -> None:
    broken = shutil.copytree(runs[0], tmp_path / "broken")
    first, *rest = (broken / "per_query.jsonl").read_text().splitlines()
    changed = json.dumps(json.loads(first) | {name: value})
    (broken / "per_query.jsonl").write_text("\n".join([changed, *rest]))
    with pytest.raises(InputError, match=rf"per_query.jsonl:1: {said}"):
        report([broken])


def test_the_worst_question_has_the_lowest_value_then_the_lowest_of_the_deepest_cutoff(
    runs: Runs,
) -> None:
    scored = report([runs[0]]).parts[0].measured.scored
    values = [(q.measures["nDCG@10"], q.measures["nDCG@100"]) for q in worst(scored, "nDCG@10")]
    assert values == sorted(values)


def test_shares_differ_by_points_and_others_by_numbers() -> None:
    assert points(0.0525, "R@10") == "+5.2 points"
    assert points(-0.0811, "nDCG@10") == "-0.081"


def test_a_spot_knows_which_way_its_questions_went() -> None:
    kinds = [Spot(a, b, 1, ("q",), ("q",)).kind for a, b in ((0, 1), (1, 0), (0.5, 0.5 + 1e-12))]
    assert kinds == ["helped", "hurt", "unchanged"]
