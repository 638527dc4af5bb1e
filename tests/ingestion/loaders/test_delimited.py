from collections.abc import Callable
from typing import Any

import pytest

from ingestion.document import Document, Failure
from ingestion.loaders import delimited
from retrieval.errors import InputError


def test_a_row_is_a_document_with_typed_metadata(read: Callable[..., Any]) -> None:
    table = (
        "id,title,text,year,price,code,ok,date,empty\n7,T,Words.,2020,1.5,007,true,2020-01-02,\n"
    )
    assert read(delimited, table) == [
        Document(
            "7",
            "Words.",
            "T",
            meta={"year": 2020, "price": 1.5, "code": "007", "ok": True, "date": "2020-01-02"},
        )
    ]


@pytest.mark.parametrize("cell", ["1.10", "1e5", "+1", "-0", "nan", "inf", "0x1", "1_000", "९"])
def test_a_value_that_would_print_otherwise_stays_text(read: Callable[..., Any], cell: str) -> None:
    (document,) = read(delimited, f"text,value\na,{cell}\n")
    assert document.meta == {"value": cell}


def test_without_a_text_column_all_columns_are_the_text(read: Callable[..., Any]) -> None:
    (document,) = read(delimited, "name,size\nCup,0.3 l\n")
    assert document.id == "folder/file.csv#1"
    assert document.text == "name: Cup\nsize: 0.3 l"
    assert document.meta == {"name": "Cup", "size": "0.3 l"}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(read: Callable[..., Any], delimiter: str) -> None:
    table = f'text{delimiter}n\n"One, two; a|b\t."{delimiter}1\nThree.{delimiter}2\n'
    found = read(delimited, table)
    assert [(each.text, each.meta["n"]) for each in found] == [
        ("One, two; a|b\t.", 1),
        ("Three.", 2),
    ]


def test_a_single_column_needs_no_quotes(read: Callable[..., Any]) -> None:
    found = read(delimited, "text\nOne, two; three.\nFour\tfive.\n")
    assert [each.text for each in found] == ["One, two; three.", "Four\tfive."]


def test_quoted_cells_hold_lines_quotes_and_delimiters(read: Callable[..., Any]) -> None:
    found = read(delimited, 'text,n\r\n"a, ""b""\r\nc",1\r\nd,2\r\n')
    assert [(each.id[-2:], each.text) for each in found] == [("#1", 'a, "b"\r\nc'), ("#2", "d")]


def test_columns_without_a_name_of_their_own_are_numbered(read: Callable[..., Any]) -> None:
    (document,) = read(delimited, "text,, a ,a\nw,1,2,3\n")
    assert document.meta == {"column_2": 1, "a": 2, "a_4": 3}


def test_broken_rows_are_told_with_their_line_and_the_rest_is_done(
    read: Callable[..., Any],
) -> None:
    table = 'text,n\n"a\nb",1\nc,2,3\n"d\ne,4\n\nf\ng,5,\n'
    found = read(delimited, table)
    assert [getattr(each, "text", None) for each in found] == ["a\nb", None, None, "e", "f", "g"]
    assert found[1] == Failure(
        "folder/file.csv:4", "3 cells, but 2 columns: quote a cell that holds a delimiter"
    )
    assert found[2] == Failure("folder/file.csv:5", "unexpected end of data")


def test_a_quote_that_swallows_rows_costs_one_row(read: Callable[..., Any]) -> None:
    found = read(delimited, 'text,n\n"a,1\nb,2\nc,"3"\nd,4\n')
    assert [getattr(each, "text", None) for each in found] == [None, "b", "c", "d"]
    assert isinstance(found[0], Failure)
    assert found[0].source == "folder/file.csv:2"


def test_quotes_in_a_table_with_tabs_may_stand_as_they_are(read: Callable[..., Any]) -> None:
    table = 'text\tn\n"Go," he said.\t1\n"a\tb"\t2\n"Never closed\t3\nlast\t4\n'
    assert [each.text for each in read(delimited, table)] == [
        '"Go," he said.',
        "a\tb",
        '"Never closed',
        "last",
    ]


def test_a_row_without_text_is_told(read: Callable[..., Any]) -> None:
    found = read(delimited, 'text,n\n"\n",1\nb,2\n')
    assert found[0] == Failure(
        "folder/file.csv:2", "no text in the field 'text'", "folder/file.csv#1"
    )
    assert found[1].text == "b"


def test_a_column_that_is_not_there_is_refused(read: Callable[..., Any]) -> None:
    with pytest.raises(InputError, match="no column 'key'; its columns are text, n"):
        read(delimited, "text,n\na,1\n", id_field="key")


def test_utf_16_tables_are_read(read: Callable[..., Any]) -> None:
    (document,) = read(delimited, "text\tn\nGröße\t1\n".encode("utf-16"))
    assert document.text == "Größe"
