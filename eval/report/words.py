"""What a report says in words: differences, and where the right ones of a question stood."""

from typing import Protocol

from eval.report.material import Question
from eval.report.pair import Change

SHOWN = 6
"""How many ranks a line names."""


class Changed(Protocol):
    """A difference with its interval."""

    @property
    def difference(self) -> float:
        """Candidate minus baseline."""

    @property
    def low(self) -> float | None:
        """The low end of the interval; None for one question."""

    @property
    def high(self) -> float | None:
        """The high end."""


def change(each: Changed, digits: int = 4) -> str:
    """Return a difference with its interval."""
    if each.low is None or each.high is None:
        return f"{each.difference:+.{digits}f}"
    return f"{each.difference:+.{digits}f} [{each.low:+.3f}, {each.high:+.3f}]"


def stood(question: Question) -> str:
    """Return where the right ones of a question stand in the answer; nothing if that is unknown."""
    return f"right: {_ranks(question)}" if question.places else ""


def moved(each: Change) -> str:
    """Return where the right ones of a question stood before and after."""
    if not each.before.places or not each.after.places:
        return ""
    before, after = _ranks(each.before), _ranks(each.after)
    if before == after:
        return f"right: {before} in both"
    return f"right: {before} \N{RIGHTWARDS ARROW} {after}"


def _ranks(question: Question) -> str:
    """Return the ranks of a question's right ones in the answer, the first ones."""
    places = question.places or ()
    ranks = sorted(each.answer for each in places if each.answer is not None)
    lost = len(places) - len(ranks)
    if not ranks:
        return "not found"
    more = ", ..." if len(ranks) > SHOWN else ""
    found = f"rank {', '.join(map(str, ranks[:SHOWN]))}{more}"
    return f"{found} and {lost} not found" if lost else found
