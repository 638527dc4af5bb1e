"""Several questions in one: whether a question may be such, and how rules take it apart."""

import re

ASKING = r"what|who|whom|whose|when|where|why|how|which"
VERBS = r"is|are|was|were|do|does|did|can|could|should|would|will|has|have|had"
FEWEST_WORDS = 3
PLAIN_WORDS = 6
CONTEXT_WORDS = 30
LONGEST = 2_000
"""Characters; a longer text is no question whose grammar tells anything."""

MARKS = str.maketrans({"？": "? ", "؟": "? "})
"""The question marks of other scripts."""
_SENTENCE = re.compile(r"(?<=[.?!;])\s+|\n+")
_OPENING = re.compile(rf"(?:and |or |but )?(?:{VERBS})\b|.*\b(?:{ASKING})\b", re.I | re.S)
_AND = re.compile(rf"[,;]?\s+(?:and|or|but)\s+(?:also\s+)?(?=(?:{ASKING}|{VERBS})\b)", re.I)
_JOINED = re.compile(r"\b(?:and|or|but|also|then|versus|vs|both|between|compared?|than)\b", re.I)
_NESTED = re.compile(
    rf"\w.*\b(?:{ASKING}|that)\b"  # a relative clause
    r"|\b(?:of|in)\b.*\bof\b|\bof\b.*\bin\b|\w['’]s\b"  # a thing of a thing
    r"|(?:\S+\s+){4}.*\b(?:is|are|was|were|has|had|did)\b"  # a second verb
    r"|\bthe (?:\w+ ){1,3}(?:\w+ing|\w+ed|known)\b",  # a participle
    re.I | re.S,
)
_BACK = re.compile(r"\b(?:it|its|they|them|their|he|him|his|she|her|this|these|those)\b", re.I)


def may_be_several(question: str) -> bool:
    """Return whether it is worth asking a model if a question is several, or needs several steps.

    A question of up to six words with one question mark is taken as plain, and so is a longer one
    that neither joins nor nests: no 'and', no comparison, no clause within, no genitive.
    """
    if question.translate(MARKS).count("?") > 1 or len(question) > LONGEST:
        return True
    if len(question.split()) <= PLAIN_WORDS:
        return False
    return bool(_JOINED.search(question) or _NESTED.search(question))


def split_questions(text: str) -> list[str]:
    """Return the questions in a text; where it holds fewer than two or is long, the text alone.

    Sentences with a question mark are questions, and one is cut where 'and' begins another. What a
    part may not do without is put behind it in brackets: the first words of what the text says
    beside its questions, or else the first question, for a part that points back ('it', 'they').
    """
    if len(text) > LONGEST:
        return [text]
    spaced = text.translate(MARKS)
    sentences = [each.strip() for each in _SENTENCE.split(spaced) if each.strip()]
    found = [part for each in sentences if each.endswith("?") for part in _parts(each)]
    if len(found) < 2:
        return [text]
    said = " ".join(each for each in sentences if not each.endswith("?")).split()
    if said:
        context = " ".join(said[:CONTEXT_WORDS]).rstrip(".;!")
        return [f"{part} ({context})" for part in found]
    first = found[0].rstrip("?")
    others = [f"{each} ({first})" if _BACK.search(each) else each for each in found[1:]]
    return [found[0], *others]


def _parts(sentence: str) -> list[str]:
    """Cut one question, unless a piece would be none, too short or a relative clause."""
    parts = [part.strip(" ,;?") for part in _AND.split(sentence)]
    if min(len(part.split()) for part in parts) < FEWEST_WORDS or not _OPENING.match(parts[0]):
        return [sentence]
    for i, part in enumerate(parts[1:], 1):
        opening = part.split()[0].lower()
        before = " ".join(parts[:i]).lower().split()[1:]
        if opening in before and re.fullmatch(ASKING, opening):
            return [sentence]
    return [f"{part}?" for part in parts]
