"""TREC topics: questions as the tracks publish them, in any of their three forms.

Classic: `<top>` with `<num>`, `<title>`, `<desc>` and `<narr>`, which need no end tags. XML:
`<topic number="1">` with `<query>` or `<title>`, or a text alone. Table: an id and a text a line,
separated by a tab. The question is the title (or query); what else a topic says is its metadata.
"""

import html
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.etree import ElementTree

from eval.jsonl import place, text_lines
from eval.questions import Query
from retrieval.errors import InputError

TOP = re.compile(r"<top>(.*?)(?=</top>|<top>|\Z)", re.DOTALL | re.IGNORECASE)
FIELD = re.compile(r"<([a-z_-]+)>([^<]*)", re.IGNORECASE)
SPOKEN = re.compile(r"^\s*(number|topic|description|narrative|query)\s*:", re.IGNORECASE)
LONG = {"desc": "description", "narr": "narrative", "num": "number"}
NUMBERS, TEXTS = ("number", "id", "qid"), ("title", "query")
HEADER = ("id", "qid", "query_id", "query-id", "topic", "number", "topic_id")


def read_topics(file: Path) -> tuple[Query, ...]:
    """Return the questions of a file of topics, in its order.

    Raises: NotFoundError, InputError that names the file and the topic.
    """
    lines = dict(text_lines(file))
    text = "\n".join(lines.values())
    if not text.lstrip().startswith("<"):
        return _once(_table(lines))
    name = place(file)
    topics = list(_classic(text) if TOP.search(text) else _xml(text, name))
    if not topics:
        raise InputError(f"{name} holds no topic: <top> or <topic> is needed.", "dataset")
    return _once((f"{name}, topic {n}", each) for n, each in enumerate(topics, 1))


def _classic(text: str) -> Iterator[dict[str, str]]:
    for top in TOP.finditer(text):
        yield {
            LONG.get(name.lower(), name.lower()): _clean(SPOKEN.sub("", value))
            for name, value in FIELD.findall(top.group(1))
        }


def _xml(text: str, name: str) -> Iterator[dict[str, str]]:
    if "<!ENTITY" in text:
        raise InputError(f"{name} defines entities, which no topic needs.", "dataset")
    try:
        root = ElementTree.fromstring(text.lstrip())
    except ElementTree.ParseError as error:
        raise InputError(f"{name}: no XML ({error}).", "dataset") from error
    for topic in root.iter("topic"):
        own = {each.tag.lower(): _clean("".join(each.itertext())) for each in topic}
        alone = {} if own else {"query": _clean(topic.text or "")}
        yield {**alone, **{LONG.get(k, k): v for k, v in own.items()}, **topic.attrib}


def _table(lines: Mapping[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    for number, (where, line) in enumerate(lines.items()):
        id, tab, text = line.partition("\t")
        if not tab:
            raise InputError(
                f"{where}: an id, a tab and a text are needed, got {line!r}.", "dataset"
            )
        if number or id.strip().lower() not in HEADER:
            yield where, {"number": id.strip(), "query": text.strip()}


def _clean(text: str) -> str:
    return " ".join(html.unescape(text).split())


def _once(topics: Iterator[tuple[str, dict[str, str]]]) -> tuple[Query, ...]:
    """Return topics as questions. Raises: InputError for one without number or text, or again."""
    found: dict[str, Query] = {}
    for where, topic in topics:
        id = next((topic[name] for name in NUMBERS if topic.get(name)), "")
        text = next((topic[name] for name in TEXTS if topic.get(name)), None)
        if not id or text is None:
            what = "title or query" if id else "number"
            there = ", ".join(topic) or "nothing"
            raise InputError(f"{where}: it has no {what}; it has {there}.", "dataset")
        if id in found:
            raise InputError(f"{where}: topic {id!r} is there already.", "dataset")
        meta = {k: v for k, v in topic.items() if k not in (*NUMBERS, *TEXTS)}
        found[id] = Query(id, text, meta)
    return tuple(found.values())
