"""A whole benchmark on the offline tools: what is measured, written, kept and refused."""

import json
from dataclasses import dataclass, replace
from typing import ClassVar

import ir_measures
import pytest

from eval.answers import Asking, Served
from eval.bench import Bench, Watch
from eval.compare import compare
from eval.questions import Query
from eval.results import read_run
from eval.run import run_benchmark
from retrieval.config import build_pipeline, load_pipeline
from retrieval.errors import ConfigError, InputError, NotFoundError, ProviderError
from retrieval.offline import offline_kit
from retrieval.offline_tools import OfflineTools
from retrieval.pipeline import Pipeline, fingerprint
from retrieval.pipeline import run as run_pipeline
from retrieval.records import passes
from retrieval.types import Chunk, Hit, Score, Search, Span, Step, chunk_id

SMALL = {"use": "structure", "tokens": 24}


class Heard(Watch):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.questions: list[tuple[int, int]] = []

    def said(self, line: str) -> None:
        self.lines.append(line)

    def asked(self, done: int, total: int) -> None:
        self.questions.append((done, total))


def test_a_beir_folder_is_indexed_asked_and_scored(animals, tools, tmp_path) -> None:
    heard = Heard()
    run = run_benchmark(Bench(animals, "sparse", out=tmp_path / "out"), tools, heard)
    rows = run.scores.rows()
    assert set(rows) == {"q1", "q2", "q3", "owl"}
    assert rows["owl"]["nDCG@10"] == 1.0
    assert rows["q2"]["R@100"] == 0.5
    assert not any(rows["q3"].values())
    assert run.metrics["measures"]["nDCG@10"]["mean"] == pytest.approx(
        sum(row["nDCG@10"] for row in rows.values()) / 4
    )
    assert tools.indexes.names() == ["animals-whole"]
    manifest = tools.indexes.open("animals-whole").manifest
    assert manifest.embed == "title+text"
    assert run.manifest["system"]["fingerprint"] == fingerprint(
        load_pipeline("sparse"), tools.kit("animals-whole")
    )
    assert heard.questions == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert run.metrics["cost"] == {"calls": 0.0, "tokens_in": 0.0, "tokens_out": 0.0, "usd": 0.0}
    text = "\n".join(run.lines())
    assert "1 judged documents are not in the corpus" in text
    assert "1 queries have no judgment in 'test' (not asked), such as unjudged" in text
    assert "hit rate" in text
    assert "queries/s" in text


def test_the_files_are_enough_to_get_the_same_numbers_from_trec_eval(
    animals, tools, tmp_path, read
) -> None:
    out = tmp_path / "out"
    run = run_benchmark(Bench(animals, "hybrid", out=out), tools)
    trec = list(ir_measures.read_trec_run(str(out / "run.trec")))
    qrels = {"q1": {"cat": 2, "dog": 1}, "q2": {"dog": 1, "gone": 1}, "q3": {"bee": 1}}
    qrels["owl"] = {"owl": 1}
    asked = [ir_measures.nDCG @ 10, ir_measures.RR @ 10, ir_measures.AP @ 100, ir_measures.P @ 5]
    for measure, value in ir_measures.calc_aggregate(asked, qrels, trec).items():
        assert run.metrics["measures"][str(measure)]["mean"] == pytest.approx(value, abs=1e-9)
    lines = read(out / "per_query.jsonl")
    assert [line["query_id"] for line in lines] == ["q1", "q2", "q3", "owl"]
    first = lines[0]
    assert first["hits"][0]["document_id"] == "cat"
    assert first["hits"][0]["grade"] == 2
    assert set(first["hits"][0]["scores"]) >= {"dense:original", "fuse:convex"}
    assert first["hits"][0]["score"] == first["hits"][0]["scores"]["fuse:convex"]
    assert [each["stage"] for each in first["stages"]] == ["dense", "sparse", "fuse"]
    assert set(first["stages"][0]) == {
        *("stage", "ms", "changed", "top", "notes", "cost", "error", "steps")
    }
    assert first["stages"][2]["top"] == [hit["chunk_id"] for hit in first["hits"]]
    assert first["hits"][0]["excerpt"] == "The cat sleeps on the warm window sill."
    assert first["judged"][0] | {"ranks": dict(first["judged"][0]["ranks"])} == {
        "document_id": "cat",
        "span": None,
        "group": "#0",
        "grade": 2,
        "ranks": {"dense:original": 1, "sparse:original": 1, "fuse": 1, "answer": 1},
    }
    gone = next(each for each in lines[1]["judged"] if each["document_id"] == "gone")
    assert [rank for _, rank in gone["ranks"]] == [None] * 4
    assert first["measures"]["nDCG@10"] == run.scores.rows()["q1"]["nDCG@10"]
    served = {line["query_id"]: [hit["document_id"] for hit in line["hits"]] for line in lines}
    for id, documents in served.items():
        assert [each.doc_id for each in trec if each.query_id == id] == documents
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["dataset"]["documents"] == 5
    assert manifest["system"]["index"]["name"] == "animals-whole"
    assert manifest["packages"]["pytrec-eval-terrier"]
    assert json.loads((out / "metrics.json").read_text())["queries"] == 4


def test_what_is_measured_is_what_is_served(animals, tools, tmp_path, read) -> None:
    run_benchmark(Bench(animals, "hybrid", out=tmp_path / "out"), tools)
    kit = tools.kit("animals-whole").at(None, 10.0)
    for line in read(tmp_path / "out" / "per_query.jsonl"):
        served = run_pipeline(load_pipeline("hybrid"), Search.of(line["query"], 3), kit).hits
        assert [(hit.chunk.id, hit.score) for hit in served] == [
            (hit["chunk_id"], hit["score"]) for hit in line["hits"][:3]
        ]


def test_a_run_read_back_is_the_run_and_compares_as_unchanged(animals, tools, tmp_path) -> None:
    run = run_benchmark(Bench(animals, "sparse", out=tmp_path / "out"), tools)
    again = read_run(tmp_path / "out")
    assert again.scores.rows() == run.scores.rows()
    assert again.lines() == run.lines()
    assert compare(run, again).changed == ()


def test_the_second_run_embeds_no_passage_and_a_changed_one_only_what_changed(
    animals, tools
) -> None:
    counter = type(tools.embedder)
    first = run_benchmark(Bench(animals, "sparse"), tools)
    embedded = counter.embedded
    second = run_benchmark(Bench(animals, "sparse"), tools)
    assert counter.embedded == embedded
    assert second.manifest["indexed"]["unchanged"] == 5
    assert second.folder != first.folder
    corpus = animals / "corpus.jsonl"
    changed = corpus.read_text().replace("without a sound", "in silence").splitlines()[:-1]
    corpus.write_text("\n".join(changed))
    third = run_benchmark(Bench(animals, "sparse"), tools)
    assert counter.embedded == embedded + 2  # its text, and its title
    assert third.manifest["indexed"]["removed"] == 1
    with pytest.raises(InputError, match="corpora differ"):
        compare(first, third)


def test_another_chunker_or_embedding_gets_an_index_of_its_own(animals, tools) -> None:
    run_benchmark(Bench(animals, "sparse"), tools)
    run_benchmark(Bench(animals, "sparse", chunker="sentences"), tools)
    run = run_benchmark(Bench(animals, "sparse", embed="text"), tools)
    names = tools.indexes.names()
    print_of = run.manifest["system"]["index_fingerprint"][:8]
    assert names == ["animals-sentences", "animals-whole", f"animals-whole-{print_of}"]
    run_benchmark(Bench(animals, "sparse", embed="text"), tools)
    assert tools.indexes.names() == names


def test_an_index_with_other_documents_is_not_emptied(animals, tools, tmp_path) -> None:
    run_benchmark(Bench(animals, "sparse"), tools)
    other = tmp_path / "other" / "animals"
    (other / "qrels").mkdir(parents=True)
    (other / "corpus.jsonl").write_text('{"_id": "x", "text": "something else"}\n')
    (other / "queries.jsonl").write_text('{"_id": "q", "text": "something"}\n')
    (other / "qrels" / "test.tsv").write_text("q\tx\t1\n")
    with pytest.raises(InputError, match=r"'animals-whole' holds other documents.*index drop"):
        run_benchmark(Bench(other, "sparse"), tools)
    assert tools.indexes.open("animals-whole").count() == 5


def test_a_document_of_the_querys_id_is_dropped_only_when_asked(animals, tools, read) -> None:
    kept = run_benchmark(Bench(animals, "sparse"), tools)
    dropped = run_benchmark(Bench(animals, "sparse", drop_self=True), tools)
    assert kept.scores.rows()["owl"]["R@100"] == 1.0
    assert dropped.scores.rows()["owl"]["R@100"] == 0.0
    owl = read(dropped.folder / "per_query.jsonl")[-1]
    assert owl["judged"][0]["ranks"] == [
        [name, None] for name in ("sparse:original", "fuse", "answer")
    ]
    assert dropped.scores.rows()["q1"] == kept.scores.rows()["q1"]
    with pytest.raises(InputError, match="drop-self"):
        compare(kept, dropped)


def test_spans_are_scored_on_passages_and_unanswerable_questions_apart(
    guide, tools, tmp_path, read
) -> None:
    run = run_benchmark(Bench(guide, "hybrid", out=tmp_path / "out"), tools)
    rows = run.scores.rows()
    assert set(rows) == {"sleep", "both"}
    assert rows["sleep"]["RR@10"] == 1.0
    assert rows["both"]["full_recall@100"] == 1.0
    assert rows["both"]["span_recall@100"] == 1.0
    assert rows["both"]["document_R@100"] == 1.0
    assert 0 < rows["both"]["span_iou@1"] < 1
    index = run.manifest["system"]["index"]
    assert (index["name"], index["embed"]) == ("guide-structure", "heading+text")
    assert run.metrics["queries"] == 2
    assert run.metrics["unanswerable"]["queries"] == 1
    assert set(run.metrics["unanswerable"]["scores"]) >= {"final", "dense:original"}
    lines = {line["query_id"]: line for line in read(tmp_path / "out" / "per_query.jsonl")}
    assert set(lines) == {"sleep", "both", "none"}
    assert lines["none"]["measures"] == {}
    assert lines["none"]["hits"][0]["grade"] is None
    assert lines["none"]["judged"] == []
    assert [each["group"] for each in lines["both"]["judged"]] == ["1", "1", "2"]
    assert all(each["ranks"][-1][1] for each in lines["both"]["judged"])
    assert lines["sleep"]["labels"] == {"kind": "fact"}
    assert lines["sleep"]["hits"][0]["grade"] == 1
    text = "\n".join(run.lines())
    assert "1 judged spans moved" in text
    assert "1 judged spans are stale" in text
    assert "1 queries have only stale judgments (not scored), such as stale" in text
    assert "1 unanswerable queries, not in the table" in text
    trec = (tmp_path / "out" / "run.trec").read_text()
    assert "more/the%20farm.md" in trec
    assert all(len(line.split()) == 6 for line in trec.splitlines())


def test_span_measures_do_not_depend_on_the_chunker_where_everything_is_found(guide, tools) -> None:
    passages = set()
    for chunker in ("whole", {"use": "sentences", "tokens": 24}, SMALL):
        run = run_benchmark(Bench(guide, chunker=chunker), tools)
        passages.add(run.manifest["indexed"]["chunks"])
        row = run.scores.rows()["both"]
        assert row["R@100"] == row["full_recall@100"] == row["span_recall@100"] == 1.0, chunker
    assert len(passages) > 1


def test_the_reference_is_measured_without_an_index(animals, guide, tools) -> None:
    run = run_benchmark(Bench(animals, reference="bm25"), tools)
    assert run.manifest["system"]["name"] == "bm25-reference"
    assert run.manifest["indexed"] is None
    assert run.scores.rows()["q2"]["RR@10"] == 1.0
    assert tools.indexes.names() == []
    ours = run_benchmark(Bench(animals, "sparse"), tools)
    assert compare(run, ours, "nDCG@10").changed[0] == "system: bm25-reference -> sparse"
    spans = run_benchmark(Bench(guide, reference="bm25", chunker=SMALL), tools)
    assert spans.scores.rows()["sleep"]["RR@10"] == 1.0
    assert spans.manifest["system"]["chunker"] | SMALL == spans.manifest["system"]["chunker"]


def test_few_queries_are_noted(animals, tools) -> None:
    run = run_benchmark(Bench(animals, "sparse"), tools)
    said = f"note: {run.metrics['queries']} queries are few: intervals are narrower than true."
    assert run.lines().count(said) == 1


def test_one_query_claims_no_interval(animals, tools) -> None:
    (animals / "qrels" / "test.tsv").write_text("q1\tcat\t1\n")
    run = run_benchmark(Bench(animals, "sparse"), tools)
    assert run.metrics["measures"]["nDCG@10"]["low"] is None
    assert "note: One query only: no interval is claimed." in run.lines()


def test_cutoffs_are_the_callers(animals, tools) -> None:
    run = run_benchmark(Bench(animals, "sparse", cutoffs=(3,)), tools)
    assert {each.partition("@")[2] for each in run.scores.measures} == {"3"}
    assert run.table()[0] == ["", "@3"]
    for wrong in ((), (0,), (5, 1), (20_000,)):
        with pytest.raises(InputError, match="ascending numbers from 1 to 10000"):
            Bench(animals, cutoffs=wrong)


def test_what_is_wrong_is_said_before_anything_is_indexed(animals, tools, tmp_path) -> None:
    with pytest.raises(NotFoundError, match="Pipeline 'nosuch' is not there"):
        run_benchmark(Bench(animals, "nosuch"), tools)
    with pytest.raises(ConfigError, match="No chunker 'nosuch'"):
        run_benchmark(Bench(animals, chunker="nosuch"), tools)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    with pytest.raises(InputError, match=r"holds 'thesis.txt', which is no part of a run"):
        run_benchmark(Bench(animals, "sparse", out=tmp_path / "mine"), tools)
    assert tools.indexes.names() == []
    with pytest.raises(NotFoundError, match="is no finished run"):
        read_run(tmp_path / "mine")


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        (
            '{ use = "rerank", kind = "cross_encoder", model = "/no/such/folder" }',
            r"/no/such/folder.*no such folder.*without it",
        ),
        ('{ use = "hyde" }', "hyde: no language model is set"),
    ],
)
def test_a_model_that_is_not_there_is_said_before_anything_is_indexed(
    animals, tools, tmp_path, stage, said
) -> None:
    own = tmp_path / "read.toml"
    search = '{ use = "dense" }, { use = "fuse" }'
    stages = [stage, search] if "hyde" in stage else [search, stage]
    own.write_text(f"stages = [{', '.join(stages)}]")
    with pytest.raises(ConfigError, match=said):
        run_benchmark(Bench(animals, str(own)), tools)
    assert tools.indexes.names() == []


def test_an_answer_longer_than_a_questions_tokens_is_said_before_anything_is_indexed(
    animals, tools, tmp_path
) -> None:
    own = tmp_path / "long.toml"
    own.write_text(
        'stages = [{ use = "hyde", n = 8, words = 1000 }, { use = "dense" }, { use = "fuse" }]'
    )
    asked = {"llm_url": "http://127.0.0.1:9/v1", "llm_model": "m"}
    tools = OfflineTools(tools.settings.model_copy(update=asked))
    with pytest.raises(ConfigError, match="hyde: its answer may take 24064 tokens"):
        run_benchmark(Bench(animals, str(own)), tools)
    assert tools.indexes.names() == []


def test_a_failed_run_leaves_the_earlier_one_of_its_folder(animals, tools, tmp_path) -> None:
    out = tmp_path / "out"
    run = run_benchmark(Bench(animals, "sparse", out=out), tools)
    with pytest.raises(NotFoundError):
        run_benchmark(Bench(animals, "nosuch", out=out), tools)
    assert read_run(out).scores.rows() == run.scores.rows()
    run_benchmark(Bench(animals, "dense", out=out), tools)
    assert read_run(out).manifest["system"]["name"] == "dense"


def test_a_run_that_is_not_whole_is_not_read(animals, tools, tmp_path) -> None:
    out = tmp_path / "out"
    run_benchmark(Bench(animals, "sparse", out=out), tools)
    (out / "per_query.jsonl").write_text('{"query_id": "q1"}\n')
    with pytest.raises(InputError, match=r"per_query.jsonl:1: query_id and measures are needed"):
        read_run(out)
    (out / "per_query.jsonl").write_text("")
    with pytest.raises(InputError, match="holds no scored query"):
        read_run(out)
    (out / "file").write_text("")
    with pytest.raises(InputError, match="cannot be a run's folder"):
        run_benchmark(Bench(animals, "sparse", out=out / "file"), tools)


def test_a_corpus_that_cannot_be_read_is_an_error_and_a_broken_line_a_note(animals, tools) -> None:
    corpus = animals / "corpus.jsonl"
    whole = corpus.read_text()
    corpus.write_text(whole + '{"_id": "broken"\n')
    text = "\n".join(run_benchmark(Bench(animals, "sparse"), tools).lines())
    assert "1 parts of the corpus cannot be read, such as" in text
    corpus.write_text("")
    with pytest.raises(InputError, match="the corpus holds no document"):
        run_benchmark(Bench(animals, "sparse"), tools)


@dataclass(frozen=True)
class Failing:
    """A stage whose provider is down."""

    reads: ClassVar[tuple[str, ...]] = ()
    writes: ClassVar[tuple[str, ...]] = ("variants",)
    optional: ClassVar[bool] = True

    def __call__(self, search: Search, kit: object) -> Search:
        raise ProviderError("down")


def test_a_stage_that_the_service_would_skip_stops_a_benchmark(kit) -> None:
    pipeline = Pipeline("broken", (Failing(), *load_pipeline("sparse").stages))
    with pytest.raises(ProviderError, match="down"):
        Served(pipeline, replace(kit, strict=False))("cats", 10)


@dataclass(frozen=True)
class Paid:
    """A stage that asks a model, and has a stage inside that does."""

    reads: ClassVar[tuple[str, ...]] = ()
    writes: ClassVar[tuple[str, ...]] = ()
    optional: ClassVar[bool] = True

    def __call__(self, search: Search, kit: object) -> Search:
        inside = Step("inside", {}, 1.0, cost={"calls": 1.0, "usd": 0.25, "store_ms": 2.0})
        return replace(search, trace=(inside,)).spent(calls=2.0, tokens_in=10.0, tokens_out=0.0)


def test_what_models_cost_is_summed_over_a_question_and_averaged_over_all(kit) -> None:
    pipeline = Pipeline("paid", (Paid(), *load_pipeline("sparse").stages))
    found = Asking(2).answer(Served(pipeline, kit), Query("q", "cats"))
    assert found.cost == {"calls": 3.0, "tokens_in": 10.0, "usd": 0.25}
    assert Asking(2).answer(Served(load_pipeline("sparse"), kit), Query("q", "cats")).cost == {}


def chunk(document: str, number: int, text: str) -> Chunk:
    span = Span(number, number + len(text))
    return Chunk(chunk_id("default", document, span, text), document, text, span)


def test_depth_is_raised_until_there_are_enough_documents() -> None:
    chunks = [chunk("a", number, "cat " * (9 - number)) for number in range(8)]
    kit = offline_kit([*chunks, chunk("b", 0, "cat dog"), chunk("c", 0, "cat dog bird")])
    served = Served(load_pipeline("sparse"), kit)
    found = Asking(3).answer(served, Query("q", "cat"))
    assert len(found.hits) == 3
    assert {hit.chunk.document_id for hit in found.hits} == {"a"}
    assert found.documents == ("a", "b", "c")
    assert not Asking(3).answer(served, Query("q", "zebra")).documents
    assert Asking(5).answer(served, Query("q", "cat")).exhausted
    assert Asking(5).answer(served, Query("q", "cat")).documents == ("a", "b", "c")


def test_nothing_is_asked_deeper_once_every_document_of_the_corpus_is_found() -> None:
    class Deep:
        """A system whose hits never end: the chunks of two documents."""

        name = "deep"
        limits: ClassVar[list[int]] = []

        def describe(self) -> dict[str, str]:
            return {}

        def __call__(self, query: str, limit: int) -> list[Search]:
            self.limits.append(limit)
            chunks = [Chunk(str(i), "ab"[i % 2], "", Span(i, i + 1)) for i in range(limit)]
            hits = tuple(Hit(each, (Score("x", 1.0),)) for each in chunks)
            return [Search(query, limit, hits=hits)]

    found = Asking(4, corpus=2).answer(Deep(), Query("q", "x"))
    assert found.documents == ("a", "b")
    assert found.exhausted
    assert Deep.limits == [4]


def test_deeper_searches_never_reorder_what_was_served() -> None:
    class Turning:
        """A system whose order turns around when it is asked for more."""

        name = "turning"

        def describe(self) -> dict[str, str]:
            return {}

        def __call__(self, query: str, limit: int) -> tuple[Search]:
            ids = ["a", "a", "b", "c", "d"] if limit == 2 else ["d", "c", "b", "a", "a"]
            chunks = [chunk(id, number, "x") for number, id in enumerate(ids)]
            hits = tuple(Hit(c, (Score("s", 1.0),)) for c in chunks[:limit])
            return (Search(query, limit, hits=hits),)

    assert Asking(2).answer(Turning(), Query("q", "x")).documents == ("a", "d")


def test_an_empty_question_finds_nothing_and_counts(animals, tools) -> None:
    queries = animals / "queries.jsonl"
    queries.write_text(queries.read_text().replace("xylophone", " "))
    run = run_benchmark(Bench(animals, "hybrid"), tools)
    assert not any(run.scores.rows()["q3"].values())
    assert run.metrics["queries"] == 4
    assert run.metrics["latency"]["queries"] == 3


def test_a_plain_pipeline_finds_more_documents_by_leaving_out_those_it_has() -> None:
    chunks = [chunk("a", number, "cat " * (9 - number)) for number in range(8)]
    kit = offline_kit([*chunks, *(chunk(f"b{i}", 0, "cat dog") for i in range(4))])
    asked: list[Search] = []

    class Listening(Served):
        def _states(self, search: Search) -> tuple[Search, ...]:
            asked.append(search)
            return super()._states(search)

    found = Asking(3).answer(Listening(load_pipeline("sparse"), kit), Query("q", "cat"))
    assert found.documents[0] == "a"
    assert len(found.documents) == 3
    assert [search.limit for search in asked] == [3, 3]
    assert not passes(chunks[0], asked[1].filter)
    # As deep a search of one leg has them in the same order.
    deep = run_pipeline(load_pipeline("sparse"), Search.of("cat", 20), kit).hits
    assert found.documents == tuple(dict.fromkeys(h.chunk.document_id for h in deep))[:3]


def test_what_a_stage_decided_for_the_answer_holds_for_documents_found_later() -> None:
    """Routed by votes to one domain, where there are too few: no other domain's are taken."""
    near = [chunk("cats", number, "cat " * (9 - number)) for number in range(8)]
    other = [chunk(f"dogs{i}", 0, "cat dog") for i in range(4)]
    kit = offline_kit(
        [replace(each, domain="a") for each in near] + [replace(each, domain="b") for each in other]
    )
    route = {"use": "route", "votes": 3, "first": [{"use": "sparse"}, {"use": "fuse"}]}
    pipeline = build_pipeline("routed", [route, {"use": "sparse"}, {"use": "fuse"}])
    served = Served(pipeline, kit)
    assert not served.plain
    found = Asking(4).answer(served, Query("q", "cat"))
    assert found.documents == ("cats",)
    assert Served(load_pipeline("hybrid"), kit).plain


def test_a_run_beside_other_work_is_the_same_and_claims_no_latency(animals, tools) -> None:
    one = run_benchmark(Bench(animals, "hybrid", out=animals / "one"), tools)
    two = run_benchmark(Bench(animals, "hybrid", out=animals / "two", timed=False), tools)
    assert two.scores.rows() == one.scores.rows()
    assert (one.folder / "run.trec").read_text() == (two.folder / "run.trec").read_text()
    assert two.metrics["latency"] == {"queries": 0}
    for line in (two.folder / "per_query.jsonl").read_text().splitlines():
        stages = json.loads(line)["stages"]
        assert all(each["ms"] == 0 and "encode_ms" not in each["cost"] for each in stages)
