"""Imports run one way, libraries stay in their room, the environment is read in one place."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = ("retrieval", "ingestion", "eval", "service")
ROOMS = {
    "fastapi": ("service",),
    "starlette": ("service",),
    "uvicorn": ("service",),
    "typer": ("service",),
    "rich": ("service",),
    "openai": ("retrieval/adapters",),
    "qdrant_client": ("retrieval/adapters",),
    "qdrant_edge": ("retrieval/adapters",),
    "sentence_transformers": ("retrieval/adapters",),
    "torch": ("retrieval/adapters",),
    "openvino": ("retrieval/adapters",),
    "onnxruntime": ("retrieval/adapters",),
    "tokenizers": ("retrieval/adapters",),
    "rank_bm25": ("retrieval/adapters", "eval"),
    "ir_datasets": ("eval",),
    "pytrec_eval": ("eval",),
    "transformers": ("retrieval/adapters",),
    "huggingface_hub": ("retrieval/adapters",),
    "pypdfium2": ("ingestion/loaders",),
    "mammoth": ("ingestion/loaders",),
    "selectolax": ("ingestion",),
    "vl_convert": ("eval/report/charts",),
    "jinja2": ("eval/report",),
}
SOURCES = sorted(file for layer in LAYERS for file in (ROOT / layer).rglob("*.py"))


def imports(file: Path) -> set[str]:
    """The top-level names that a file imports, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


def test_there_are_sources() -> None:
    assert len(SOURCES) > 20


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_file_imports_only_downwards_and_only_its_rooms_libraries(file: Path) -> None:
    place = file.relative_to(ROOT).as_posix()
    layer = LAYERS.index(place.partition("/")[0])
    for name in imports(file):
        assert name not in LAYERS[layer + 1 :], f"{place} imports {name}, which stands above it"
        rooms = ROOMS.get(name)
        assert rooms is None or place.startswith(rooms), f"{place} imports {name}"


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_only_settings_reads_the_environment(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    if file.name != "settings.py":
        assert not re.search(r"\b(environ|environb|getenv)\b", text), f"{file} reads it"


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_files_and_functions_stay_small(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count("\n") <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= 50, f"{node.name} has {length} lines"
