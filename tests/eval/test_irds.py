"""Datasets of the catalogue: written once as a BEIR folder, and what is said where one cannot be.

The catalogue is real and its data is local; nothing is fetched.
"""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

from eval import irds
from eval.dataset import load_dataset
from retrieval.errors import InputError, NotFoundError

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("ir_datasets") is None, reason="the extra irds is not installed"
)
DOCUMENTS = "d1\tone text\nd2\tanother\n"


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The catalogue with `own`, its documents, and `own/dev` and `own/test`, which have all."""
    import ir_datasets

    monkeypatch.setenv("IR_DATASETS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(ir_datasets, "registry", ir_datasets.registry.__class__())
    files = {"d": DOCUMENTS, "q": "1\twhy?\n2\thow?\n", "dev": "1 0 d1 1\n", "test": "2 0 d2 -1\n"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    documents = ir_datasets.create_dataset(docs_tsv=tmp_path / "d")
    ir_datasets.registry.register("own", documents)
    for name in ("dev", "test"):
        parts = ir_datasets.create_dataset(queries_tsv=tmp_path / "q", qrels_trec=tmp_path / name)
        whole = ir_datasets.datasets.base.Dataset(documents, parts)
        ir_datasets.registry.register(f"own/{name}", whole)
    return ir_datasets


def test_a_dataset_is_read_by_its_name_and_splits_share_a_folder(catalogue: Any) -> None:
    dev, test = (load_dataset(Path(f"irds:own/{name}")) for name in ("dev", "test"))
    assert (dev.name, dev.split, dev.form) == ("own", "dev", "documents")
    assert [(each.id, each.text) for each in dev.queries] == [("1", "why?")]
    assert dev.folder == test.folder
    assert test.judgments["2"][0].grade == 0
    assert (
        dev.corpus.read_text().splitlines()[0] == '{"_id": "d1", "title": "", "text": "one text"}'
    )


def test_it_is_written_once(catalogue: Any, tmp_path: Path) -> None:
    first = load_dataset(Path("irds:own/dev"))
    (tmp_path / "d").unlink()
    (tmp_path / "dev").unlink()
    assert load_dataset(Path("irds:own/dev")).hashes == first.hashes


def test_a_dataset_that_cannot_be_fetched_says_so(catalogue: Any, tmp_path: Path) -> None:
    (tmp_path / "d").unlink()
    with pytest.raises(InputError, match=r"irds:own/dev cannot be fetched: .*IR_DATASETS_HOME"):
        load_dataset(Path("irds:own/dev"))
    assert not (tmp_path / "home" / "assay" / "own" / "corpus.jsonl").exists()


def test_names_that_lead_nowhere_are_answered_with_near_ones(catalogue: Any) -> None:
    with pytest.raises(NotFoundError, match="no dataset 'own/tset'; near to it: own/test"):
        load_dataset(Path("irds:own/tset"))
    with pytest.raises(InputError, match=r"own has no queries and no qrels. Below it are own/dev"):
        load_dataset(Path("irds:own"))
    with pytest.raises(InputError, match="names its split itself; leave 'dev' out"):
        load_dataset(Path("irds:own/dev"), "dev")


def test_splits_that_disagree_on_a_question_are_refused(catalogue: Any, tmp_path: Path) -> None:
    load_dataset(Path("irds:own/dev"))
    (tmp_path / "q").write_text("1\twhat?\n")
    with pytest.raises(InputError, match="another split has query '1' with another text"):
        load_dataset(Path("irds:own/test"))


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ir_datasets", None)
    with pytest.raises(InputError, match=r"not installed; install assay\[irds\]"):
        irds.exported(Path("irds:beir/scifact/test"))
