"""The command line on the real engine with the hash encoder: what it prints, and how it ends."""

import json

import pytest
from typer.testing import CliRunner

from retrieval.settings import Settings
from service.cli import app

RUNNER = CliRunner()


def working_in(folder, monkeypatch):
    """Work in a folder that holds two notes; everything a command keeps goes below it."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("ASSAY_CONFIG", str(folder / "assay.toml"))
    (folder / "assay.toml").write_text('encoder = "hash"\n')
    monkeypatch.setenv("COLUMNS", "120")
    notes = folder / "notes"
    (notes / "sub").mkdir(parents=True)
    (notes / "cats.md").write_text("# Cats\n\nCats sleep on warm window sills.\n")
    (notes / "sub" / "bread.txt").write_text("Bread dough is flour, water, salt and yeast.")
    return folder


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with two notes for one test."""
    return working_in(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A folder whose notes are in an index, for tests that change nothing in it."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        folder = working_in(tmp_path_factory.mktemp("filled"), monkeypatch)
        assay("ingest", "notes", "--index", "notes", "--domain", "home")
        yield folder


def assay(*words, code=0, input=None):
    """Return the outcome of a command that ends with a code."""
    outcome = RUNNER.invoke(app, [str(word) for word in words], input=input)
    assert outcome.exit_code == code, outcome.output
    return outcome


def refused(*words, code=2):
    """Return the one line that a refused command says."""
    outcome = assay(*words, code=code)
    assert outcome.stdout == ""
    assert outcome.stderr.startswith("Error: ")
    assert outcome.stderr.count("\n") == 1
    return outcome.stderr


def test_what_is_ingested_is_found_with_place_and_score(filled):
    found = json.loads(
        assay("query", "where do cats sleep?", "--index", "notes", "--limit", 1, "--json").stdout
    )
    (hit,) = found["hits"]
    assert hit["document_id"] == "cats.md"
    assert hit["domain"] == "home"
    assert hit["text"] == "# Cats\n\nCats sleep on warm window sills."
    assert [each["by"] for each in hit["scores"]][-1] == "fuse:convex"
    assert found["pipeline"]["name"] == "hybrid"
    assert "trace" not in found


def test_a_query_in_words_shows_rank_score_document_span_and_text(filled):
    lines = assay("query", "bread dough", "--index", "notes", "--limit", 1).stdout.splitlines()
    assert lines[0].split() == ["1", "1.0000", "sub/bread.txt", "[0:44]"]
    assert "Bread dough is flour" in lines[1]


def test_why_names_the_cause_the_stages_the_depths_and_the_words(filled):
    asked = ("why", "-i", "notes", "-q", "bread dough", "-d", "cats.md", "--limit", 1)
    said = assay(*asked).stdout
    assert "cats.md is not among the first 1 of hybrid in notes: found, but never near" in said
    for word in ("On its way", "dense:original", "How deep", "nowhere: bread, dough", "limit = 2"):
        assert word in said
    found = json.loads(assay(*asked, "--span", "8:20", "--filter", "domain=home", "--json").stdout)
    assert (found["cause"], found["span"], found["passages"]) == ("limit", [8, 20], 1)
    assert "START:END is needed, as 120:480; got '9'" in refused(*asked, "--span", 9)


def test_explain_shows_every_stage_and_every_score(filled):
    said = assay("query", "bread dough", "--index", "notes", "--explain").stdout
    for word in ("dense:original", "sparse:original", "fuse:convex", "how=convex", "Together"):
        assert word in said


def test_filters_narrow_and_nothing_found_is_no_error(filled):
    one = assay("query", "cats", "-i", "notes", "--filter", "document_id=cats.md", "--json")
    assert len(json.loads(one.stdout)["hits"]) == 1
    none = assay("query", "cats", "-i", "notes", "--filter", "domain!=home")
    assert none.stdout == "Nothing was found.\n"


def test_the_same_again_changes_nothing_and_a_report_can_be_json(filled):
    report = json.loads(assay("ingest", "notes", "--index", "notes", "--json").stdout)
    assert (report["documents"], report["chunks"], report["failed"]) == (2, 0, 0)


def test_sync_removes_what_left_the_source(place):
    assay("ingest", "notes", "--index", "notes")
    (place / "notes" / "cats.md").unlink()
    report = json.loads(assay("ingest", "notes", "-i", "notes", "--sync", "--json").stdout)
    assert report["removed"] == 1


def test_chunk_sizes_alone_mean_the_fixed_chunker(place):
    assay("ingest", "notes", "-i", "small", "--chunk-tokens", 20, "--embed", "text")
    shown = json.loads(assay("index", "show", "small", "--json").stdout)
    assert shown["manifest"]["chunker"]["use"] == "fixed"
    assert shown["manifest"]["chunker"]["tokens"] == 20
    assert shown["manifest"]["embed"] == "text"


def test_declared_fields_are_in_the_manifest(place):
    (place / "rows.jsonl").write_text('{"key": "a", "body": "A text.", "year": 2020}\n')
    assay("ingest", "rows.jsonl", "-i", "rows", "--id-field", "key", "--text-field", "body",
          "--field", "year:int")  # fmt: skip
    shown = json.loads(assay("index", "show", "rows", "--json").stdout)
    assert shown["manifest"]["fields"] == {"year": "int"}
    assay("query", "text", "-i", "rows", "--filter", "year>=2020", "--json")


def test_files_that_fail_are_listed_and_end_well_unless_all_do(place):
    (place / "notes" / "empty.txt").touch()
    (place / "notes" / "noise.txt").write_bytes(bytes(range(256)) * 8)
    (place / "notes" / "broken.pdf").write_bytes(b"%PDF-1.4 cut")
    mixed = assay("ingest", "notes", "--index", "notes")
    for name in ("empty.txt", "noise.txt", "broken.pdf"):
        assert f"notes/{name}: " in mixed.stdout
    assert "2 new" in mixed.stdout
    assert (
        "Nothing could be ingested"
        in assay("ingest", "notes/empty.txt", "--index", "other", code=1).stderr
    )


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["ingest", "notes", "--index", "a b"], "letters, digits"),
        (["ingest", "notes", "--index", "n", "--chunker", "semantic"], "structure"),
        (
            ["ingest", "notes", "--index", "n", "--chunker", "whole", "--chunk-tokens", "5"],
            "tokens",
        ),
        (["ingest", "notes", "--index", "n", "--embed", "all"], "title+text"),
        (["ingest", "notes", "--index", "n", "--field", "year"], "NAME:TYPE"),
        (["ingest", "notes", "--index", "n", "--field", "year:number"], "float"),
        (["query", "x", "--index", "nowhere"], "nowhere"),
        (["query", " ", "--index", "notes"], "empty"),
        (["query", "x", "--index", "notes", "--pipeline", "nothing"], "hybrid"),
        (["query", "x", "--index", "notes", "--filter", "a b"], "NAME=VALUE"),
        (["index", "show", "nowhere"], "notes"),
        (["index", "drop", "nowhere", "--yes"], "notes"),
        (["delete", "nothing.md", "--index", "notes"], "nothing.md"),
        (["--set", "nothing=1", "settings"], "nothing"),
        (["--set", "port=many", "settings"], "port"),
        (["serve", "--host", "0.0.0.0"], "ASSAY_API_KEY"),
        (["serve", "--port", "70000"], "port"),
        (["bench", "run", "--dataset", "nowhere"], "nowhere"),
        (["bench", "run", "--dataset", "notes", "--reference", "bm26"], "bm25"),
        (["bench", "compare", "notes", "nowhere"], "notes"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_it(filled, words, named):
    assert named in refused(*words)


def test_another_way_of_building_an_index_is_refused_with_both_sides(filled):
    said = refused("ingest", "notes", "--index", "notes", "--chunker", "whole")
    assert "structure" in said
    assert "whole" in said


def test_indexes_are_listed_and_shown(filled):
    assert "notes" in assay("index", "list").stdout
    (listed,) = json.loads(assay("index", "list", "--json").stdout)["indexes"]
    assert (listed["name"], listed["chunks"]) == ("notes", 2)
    assert "fingerprint" in assay("index", "show", "notes").stdout


def test_documents_are_deleted_and_an_index_is_dropped_after_a_question(place):
    assay("ingest", "notes", "--index", "notes")
    assert "1 chunks" in assay("delete", "sub/bread.txt", "--index", "notes").stderr
    found = json.loads(assay("query", "bread", "-i", "notes", "--json").stdout)
    assert [hit["document_id"] for hit in found["hits"]] == ["cats.md"]
    assay("index", "drop", "notes", input="n\n", code=1)
    assay("index", "drop", "notes", input="y\n")
    assert "assay ingest PATH" in assay("index", "list").stderr


def test_settings_say_where_they_come_from_and_hide_secrets(place, monkeypatch):
    monkeypatch.setenv("ASSAY_API_KEY", "sesame")
    said = assay("--set", "port=9000", "settings", "--json")
    found = {each["name"]: each for each in json.loads(said.stdout)["settings"]}
    assert set(found) == set(Settings.model_fields)
    assert (found["port"]["value"], found["port"]["source"]) == (9000, "option")
    assert found["api_key"]["source"] == "environment ASSAY_API_KEY"
    assert found["encoder"]["source"].endswith("assay.toml")
    assert found["timeout_s"]["source"] == "default"
    assert "sesame" not in said.stdout
    assert "sesame" not in assay("settings").stdout
    assert all(each["description"] for each in found.values())


def test_global_options_may_stand_behind_the_command(filled):
    assert json.loads(assay("index", "list", "--data-dir", "other", "--json").stdout) == {
        "indexes": []
    }
    said = assay("settings", "--set=port=9001", "--json").stdout
    assert '"value": 9001' in said


def test_pipelines_are_listed_and_a_broken_one_of_your_own_is_named(place):
    listed = json.loads(assay("pipelines", "--json").stdout)["pipelines"]
    assert [each["name"] for each in listed if each["default"]] == ["hybrid"]
    assert "dense(limit=100)" in assay("pipelines").stdout
    (place / "own").mkdir()
    (place / "own" / "mine.toml").write_text('stages = [{ use = "dense", depth = 3 }]')
    assert "depth" in refused("pipelines", "--set", "pipelines_dir=own")


def test_a_benchmark_runs_and_two_compare(place):
    folder = place / "tiny"
    (folder / "qrels").mkdir(parents=True)
    texts = {"d1": "Cats sleep.", "d2": "Bread is baked.", "d3": "Trains run on rails."}
    rows = [json.dumps({"_id": id, "title": "", "text": text}) for id, text in texts.items()]
    (folder / "corpus.jsonl").write_text("\n".join(rows))
    asked = {"q1": "sleeping cats", "q2": "baked bread", "q3": "rails"}
    rows = [json.dumps({"_id": id, "text": text}) for id, text in asked.items()]
    (folder / "queries.jsonl").write_text("\n".join(rows))
    judged = "\n".join(f"q{n}\td{n}\t1" for n in (1, 2, 3))
    (folder / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{judged}\n")
    said = assay("bench", "run", "--dataset", folder, "--out", "runs/hybrid").stdout
    assert "nDCG" in said
    assay("bench", "run", "--dataset", folder, "--pipeline", "dense", "--out", "runs/dense")
    assay("bench", "run", "--dataset", folder, "--reference", "bm25", "--out", "runs/bm25")
    assert (place / "runs" / "hybrid" / "run.trec").is_file()
    both = assay("bench", "compare", "runs/dense", "runs/hybrid", "--metric", "nDCG@10", "--json")
    (difference,) = json.loads(both.stdout)["differences"]
    assert difference["measure"] == "nDCG@10"
    assert "nDCG@10" in assay("bench", "compare", "runs/dense", "runs/hybrid").stdout
    said = assay("bench", "losses", "runs/dense", "--limit", 1, "--out", "new/losses.json").stdout
    assert "3 judged documents of 3 questions" in said
    data = json.loads((place / "new" / "losses.json").read_text())
    assert data["judged"] == 3 == data["found"] + sum(row["lost"] for row in data["waterfall"])
    assert "no stages" in refused("bench", "losses", "runs/bm25")


@pytest.mark.parametrize(
    "command",
    [
        [], ["demo"], ["ingest"], ["query"], ["why"], ["serve"], ["delete"], ["settings"],
        ["pipelines"],
        ["index"], ["index", "list"], ["index", "show"], ["index", "drop"],
        ["bench"], ["bench", "run"], ["bench", "compare"], ["bench", "losses"],
    ],
)  # fmt: skip
def test_every_command_explains_itself_with_an_example(command):
    said = assay(*command, "--help").stdout
    group = command in ([], ["index"], ["bench"])
    assert "Commands" in said if group else "Example: assay" in said


def test_a_place_that_cannot_be_written_is_one_line(place):
    (place / "file").touch()
    refused("ingest", "notes", "--index", "n", "--data-dir", "file", code=1)
