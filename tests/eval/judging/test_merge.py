import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eval.bench import Bench
from eval.dataset import load_dataset
from eval.doctor import diagnosis
from eval.judging.labels import Merged
from eval.judging.merge import Written, write_merged
from eval.judging.pool import make_pool
from eval.judgments import Judgment
from eval.results import PER_QUERY
from eval.run import run_benchmark
from retrieval.errors import InputError
from retrieval.open_kit import Tools
from retrieval.types import Span


def test_labels_join_qrels_and_replace_what_they_judge_again(animals: Path, tmp_path: Path) -> None:
    labels = Merged({("q1", "cat", None): 0, ("q1", "ant", None): 3}, {"ada": 2}, 0)
    written = write_merged(labels, animals, tmp_path / "new")
    assert written == Written(judgments=7, new=1, not_relevant=1)
    grades = {
        each.document_id: each.grade for each in load_dataset(tmp_path / "new").judgments["q1"]
    }
    assert grades == {"cat": 0, "dog": 1, "ant": 3}


def test_labels_join_spans(guide: Path, tmp_path: Path) -> None:
    labels = Merged({("sleep", "guide.md", Span(0, 9)): 2}, {"ada": 1}, 0)
    written = write_merged(labels, guide, tmp_path / "new")
    before, after = (load_dataset(each).judgments["sleep"] for each in (guide, tmp_path / "new"))
    assert written.new == 1
    assert len(after) == len(before) + 1
    assert (tmp_path / "new" / "corpus" / "more" / "the farm.md").is_file()


def test_labels_of_another_dataset_are_refused(animals: Path, tmp_path: Path) -> None:
    labels = Merged({("strange", "cat", None): 1}, {"ada": 1}, 0)
    with pytest.raises(InputError, match="'strange'"):
        write_merged(labels, animals, tmp_path / "new")


def test_a_folder_that_holds_something_is_refused(animals: Path) -> None:
    with pytest.raises(InputError, match="not empty"):
        write_merged(Merged({("q1", "cat", None): 1}, {"ada": 1}, 0), animals, animals)


def test_a_label_below_relevant_is_judged_and_no_answer(
    animals: Path, tools: Tools, tmp_path: Path, read: Callable[[Path], list[dict[str, Any]]]
) -> None:
    places = {("q2", "ant", None): 1, ("q2", "owl", None): 0, ("q2", "bee", None): 2}
    labels = Merged(places, {"ada": 3}, 0)
    assert write_merged(labels, animals, tmp_path / "new") == Written(9, 3, not_relevant=2)
    kept = load_dataset(tmp_path / "new").judgments["q2"]
    assert {(e.document_id, e.grade) for e in kept} >= {("ant", 0), ("owl", 0), ("bee", 2)}
    run = run_benchmark(Bench(tmp_path / "new", "dense", out=tmp_path / "run"), tools)
    row = next(each for each in read(run.folder / PER_QUERY) if each["query_id"] == "q2")
    assert row["measures"]["P@10"] == pytest.approx(2 / 10)  # dog and bee, neither ant nor owl
    grades = {hit["document_id"]: hit["grade"] for hit in row["hits"]}
    assert (grades["ant"], grades["owl"], grades["bee"]) == (0, 0, 2)
    pooled = {(each.query_id, each.document_id) for each in make_pool([run])}
    assert ("q3", "ant") in pooled
    assert ("q2", "ant") not in pooled
    assert diagnosis(tmp_path / "new").counts["grades"] == {"0": 2, "1": 5, "2": 2}
    written = write_merged(labels, animals, tmp_path / "lenient", relevant=1)
    assert written.not_relevant == 1


def written(folder: Path, **files: str) -> Path:
    (folder / "corpus").mkdir(parents=True)
    for name in "abc":
        (folder / "corpus" / f"{name}.txt").write_text(f"Text of {name}, and of others.")
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    return folder


def questions(folder: Path, split: str | None = None) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return the text, metadata and answerability of each question."""
    return {
        each.id: (each.text, {**each.meta, "answerable": each.answerable})
        for each in load_dataset(folder, split).queries
    }


def test_a_table_of_quotes_keeps_its_questions_and_quotes(tmp_path: Path) -> None:
    rows = (
        "question,document,quote,grade,group\n"
        "what of a?,a.txt,Text of a,2,x\nwhat of a?,,and of others,1,x\nand of d?,,,,\n"
    )
    source = written(tmp_path / "quotes", quotes_csv=rows)
    label = ("q1", "b.txt", Span(0, 9))
    found = write_merged(Merged({label: 3}, {"ada": 1}, 0), source, tmp_path / "new")
    assert found == Written(judgments=3, new=1, not_relevant=0)
    assert questions(tmp_path / "new") == questions(source)
    assert questions(source)["q2"] == ("and of d?", {"answerable": False})
    before, after = (load_dataset(each).judgments["q1"] for each in (source, tmp_path / "new"))
    assert after == (*before, Judgment("q1", "b.txt", 3, Span(0, 9)))


def test_topics_and_qrels_become_a_dataset_that_is_read_without_a_split(tmp_path: Path) -> None:
    topics = "<top>\n<num> 301\n<title> what of a?\n<desc> All of it.\n</top>\n"
    source = written(tmp_path / "trec", topics_txt=topics, qrels_txt="301 0 a.txt 1\n")
    write_merged(Merged({("301", "b.txt", None): 2}, {"ada": 1}, 0), source, tmp_path / "new")
    assert questions(tmp_path / "new") == questions(source)
    found = load_dataset(tmp_path / "new")
    assert (found.form, found.split) == ("documents", "all")
    assert found.judgments["301"] == (Judgment("301", "a.txt"), Judgment("301", "b.txt", 2))


def test_judgments_on_whole_documents_keep_their_groups(tmp_path: Path) -> None:
    line = {"query_id": "q", "document_id": "a.txt", "group": "x"}
    source = written(
        tmp_path / "whole",
        queries_jsonl='{"_id": "q", "text": "why?", "metadata": {"kind": ["é"]}}\n',
        judgments_jsonl=json.dumps(line) + "\n",
    )
    write_merged(Merged({("q", "b.txt", None): 3}, {"ada": 1}, 0), source, tmp_path / "new")
    assert questions(tmp_path / "new") == questions(source)
    assert load_dataset(tmp_path / "new").judgments["q"] == (
        Judgment("q", "a.txt", group="x"),
        Judgment("q", "b.txt", 3),
    )


def test_a_dataset_of_the_catalogue_is_read_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ir_datasets = pytest.importorskip("ir_datasets", reason="the extra irds is not installed")
    monkeypatch.setenv("IR_DATASETS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(ir_datasets, "registry", ir_datasets.registry.__class__())
    files = {"d": "d1\tone\nd2\ttwo\n", "q": "1\twhy?\n", "r": "1 0 d1 1\n"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    documents = ir_datasets.create_dataset(docs_tsv=tmp_path / "d")
    parts = ir_datasets.create_dataset(queries_tsv=tmp_path / "q", qrels_trec=tmp_path / "r")
    whole = ir_datasets.datasets.base.Dataset(documents, parts)
    ir_datasets.registry.register("own", documents)
    ir_datasets.registry.register("own/dev", whole)
    labels = Merged({("1", "d2", None): 2}, {"ada": 1}, 0)
    write_merged(labels, Path("irds:own/dev"), tmp_path / "new")
    assert questions(tmp_path / "new", "dev") == {"1": ("why?", {"answerable": True})}
    assert len(load_dataset(tmp_path / "new", "dev").judgments["1"]) == 2


@pytest.mark.parametrize("there", [True, False])
def test_a_failure_leaves_nothing_behind(guide: Path, tmp_path: Path, there: bool) -> None:
    (guide / "corpus" / "gone.md").symlink_to(tmp_path / "nowhere")
    out = tmp_path / "out" / "new"
    (out if there else out.parent).mkdir(parents=True)
    labels = Merged({("sleep", "guide.md", Span(0, 9)): 2}, {"ada": 1}, 0)
    with pytest.raises(InputError, match="new cannot be made"):
        write_merged(labels, guide, out)
    assert [each.name for each in out.parent.rglob("*")] == (["new"] if there else [])
    (guide / "corpus" / "gone.md").unlink()
    write_merged(labels, guide, out)
    assert [each.name for each in out.parent.iterdir()] == ["new"]
    assert out.stat().st_mode == guide.stat().st_mode


def test_labels_on_documents_are_none_of_judgments_on_spans(guide: Path, tmp_path: Path) -> None:
    labels = Merged({("sleep", "guide.md", None): 1}, {"ada": 1}, 0)
    with pytest.raises(InputError, match=r"1 labels are on whole documents, .*.*on spans"):
        write_merged(labels, guide, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_label_that_confirms_a_judgment_keeps_its_group(tmp_path: Path) -> None:
    lines = [{"query_id": "q", "document_id": f"{each}.txt", "group": "x"} for each in "ab"]
    source = written(
        tmp_path / "whole",
        queries_jsonl='{"_id": "q", "text": "why?"}\n',
        judgments_jsonl="".join(json.dumps(line) + "\n" for line in lines),
    )
    labels = {("q", "a.txt", None): 3, ("q", "b.txt", None): 3}
    write_merged(Merged(labels, {"ada": 2}, 0), source, tmp_path / "new")
    assert load_dataset(tmp_path / "new").judgments["q"] == (
        Judgment("q", "a.txt", 3, group="x"),
        Judgment("q", "b.txt", 3, group="x"),
    )
