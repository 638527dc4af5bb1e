"""Documents that are longer than the encoder reads."""

from collections.abc import Iterator

from eval.case import MEASURED, Case, Symptom


def check(case: Case) -> Iterator[Symptom]:
    """Give the documents of which an encoder sees the beginning only, where they are kept whole."""
    shelf = case.shelf
    whole = all(each.whole for each in case.read.judgments)
    if shelf.embedder is None or not shelf.long or not whole:
        return
    looked = min(len(shelf.rows), MEASURED)
    what = (
        f"documents of {looked} are longer than the {shelf.embedder.limit} tokens that the encoder"
        " reads: kept whole, their end is not searched by meaning"
    )
    remedy = "Cut them, as with --chunker structure or --chunk-tokens; compare both."
    yield Symptom("doubtful", what, len(shelf.long), tuple(shelf.long[:3]), remedy)
