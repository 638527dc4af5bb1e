"""Values as TOML: what is written is read back the same."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.toml_text import toml_value

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
SCALARS = TEXT | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@given(VALUES)
def test_what_is_written_is_read_back(value) -> None:
    assert tomllib.loads(f"value = {toml_value(value)}\n") == {"value": value}


def test_it_is_written_on_one_line_as_pipeline_files_are() -> None:
    table = {"use": "rerank", "blend": 0.5, "on": True, "odd name": ['a"b', 1]}
    written = '{ use = "rerank", blend = 0.5, on = true, "odd name" = ["a\\"b", 1] }'
    assert toml_value(table) == written
    assert toml_value(()) == "[]"


def test_what_toml_cannot_hold_is_an_error() -> None:
    with pytest.raises(ValueError, match="no value for None"):
        toml_value([None])
