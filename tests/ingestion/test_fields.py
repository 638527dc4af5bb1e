from typing import Any

import pytest

from ingestion.fields import MOST_FIELDS, FieldKinds, typed


def types(*metas: dict[str, Any], **declared: Any) -> dict[str, str]:
    kinds = FieldKinds()
    for meta in metas:
        kinds.add(meta)
    return dict(kinds.types(declared))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2], "int"),
        ([1, 2.5], "float"),
        ([0.5], "float"),
        ([True, False], "bool"),
        (["2024-01-31", "2024-01-31T10:00:00Z"], "date"),
        (["a", "2024-01-31"], "str"),
        ([["a", "b"], "c", []], "str"),
        ([[1], None, 2], "int"),
        ([1, "a"], None),
        ([True, 1], None),
        ([{"x": 1}], None),
        ([["a", {"x": 1}]], None),
        (["x" * 201], None),
        ([None], None),
    ],
)
def test_the_type_of_a_field_is_that_of_all_its_values(values: list[Any], kind: str | None) -> None:
    assert types(*({"f": value} for value in values)) == ({"f": kind} if kind else {})


def test_declared_types_stand_and_reserved_names_have_theirs() -> None:
    found = types(
        {"year": "2019", "date": "2019-01-01", "domain": "x", "n": 1}, year="int", z="str"
    )
    assert found == {"year": "int", "z": "str", "n": "int"}


def test_the_most_used_fields_are_taken() -> None:
    rare = {f"a{i}": 1 for i in range(MOST_FIELDS)}
    found = types({**rare, "z": 1}, {"z": 2})
    assert len(found) == MOST_FIELDS
    assert "z" in found


@pytest.mark.parametrize(
    ("value", "kind", "stored"),
    [
        ("2019", "int", 2019),
        (" -3 ", "int", -3),
        ("2.5", "int", "2.5"),
        (2.0, "int", 2),
        (2.5, "int", 2.5),
        ("2.5", "float", 2.5),
        (2, "float", 2),
        ("nan", "float", "nan"),
        ("2.50", "float", 2.5),
        ("1e3", "float", 1000.0),
        ("1_000", "float", "1_000"),
        ("02108", "int", "02108"),
        ("1_000", "int", "1_000"),
        ("+7", "int", "+7"),
        ("-7", "int", -7),
        ("9" * 30, "int", "9" * 30),
        ("True", "bool", True),
        ("false", "bool", False),
        ("yes", "bool", "yes"),
        (True, "int", True),
        (7, "str", "7"),
        (True, "str", True),
        ("x", "str", "x"),
        ("2024-01-31", "date", "2024-01-31"),
        (["1", 2, None], "int", [1, 2, None]),
        ({"x": 1}, "int", {"x": 1}),
        (None, "int", None),
    ],
)
def test_a_value_gets_the_type_of_its_field_where_it_can(
    value: Any, kind: Any, stored: Any
) -> None:
    found = typed({"f": value, "other": "1"}, {"f": kind})
    assert found == {"f": stored, "other": "1"}
    assert type(found["f"]) is type(stored)
