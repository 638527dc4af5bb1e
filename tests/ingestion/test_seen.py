from contextlib import closing

from ingestion.seen import Seen


def test_the_first_source_of_an_id_is_remembered() -> None:
    with closing(Seen()) as seen:
        assert seen.earlier("a", "one") is None
        assert seen.earlier("A", "two") is None
        assert seen.earlier("a", "three") == "one"
        assert seen.earlier("a", "four") == "one"
        assert "a" in seen
        assert "b" not in seen
        assert seen.earlier("b", "five") is None


def test_ids_beyond_what_is_held_in_memory_are_remembered() -> None:
    with closing(Seen()) as seen:
        long = "x" * 2000
        assert all(seen.earlier(f"{long}{i}", str(i)) is None for i in range(12_000))
        assert seen.earlier(f"{long}7", "again") == "7"
