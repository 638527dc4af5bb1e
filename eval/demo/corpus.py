"""The demo corpus: the texts that the running Python carries about itself, written as Markdown.

The language reference is a literal in `pydoc_data/topics.py`, the library is the docstrings of the
standard library's public modules. Both are read as source, by `ast`: no module is imported for it,
and nothing is copied into this project. A document's id is its path in the written folder.
"""

import ast
import re
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

FOLDERS = ("library", "reference")
SKIPPED = {  # no use for a reader: jokes, tests, programs, and a hundred generated codec tables
    "antigravity",
    "encodings",
    "ensurepip",
    "idlelib",
    "lib2to3",
    "pydoc_data",
    "test",
    "tests",
    "this",
    "turtledemo",
}
SIGNATURE_LIMIT = 120
LEVELS = {"*": "#", "=": "##", "-": "###", "~": "####"}
UNDERLINED = re.compile(r"^(\S.*)\n([*=~-])\2{2,}$", re.MULTILINE)

# What opens a heading, a fence or an HTML block, in any nesting of quotes (`>>>`) and list items.
MARKED = re.compile(
    r"( *(?:(?:>|[-*+] |\d{1,9}[.)] ) {0,3})*)"
    r"(?:#{1,6}(?:\s|$)|`{3}|~{3}|<(?:[!?]|(?:pre|script|style|textarea)\b))",
    re.IGNORECASE,
)
SETEXT = re.compile(r" {0,3}(?:=+|-+)[ \t]*")
ITEM = re.compile(r" *(?:[-*+]|\d{1,9}[.)]) ")

Function = ast.FunctionDef | ast.AsyncFunctionDef
Named = Function | ast.ClassDef


def write_corpus(folder: Path) -> int:
    """Write the demo corpus as Markdown files into `folder` and return how many there are.

    The new corpus is written beside the folder and then takes its place, so that no file of an
    earlier one stays. The same Python always writes the same bytes.

    Raises:
        FileExistsError: The folder holds something that is not a demo corpus.
        FileNotFoundError: This Python carries no language reference.
    """
    folder = folder.absolute()
    if folder.exists() and any(path.name not in FOLDERS for path in folder.iterdir()):
        raise FileExistsError(f"{folder} is not a demo corpus, so it is not replaced")
    texts = documents()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as beside:
        fresh = Path(beside) / "fresh"
        for name in FOLDERS:
            (fresh / name).mkdir(parents=True)
        for document_id, text in texts.items():
            (fresh / document_id).write_text(text, encoding="utf-8", newline="\n")
        if folder.exists():
            folder.rename(Path(beside) / "stale")
        fresh.rename(folder)
    return len(texts)


def documents() -> dict[str, str]:
    """Return the text of every document by its id, such as `reference/with.md`, sorted by id."""
    source = Path(sysconfig.get_paths()["stdlib"])
    texts = {f"reference/{topic}.md": text for topic, text in _topics(source)}
    for module, path in _modules(source):
        if text := _module_text(module, path):
            texts[f"library/{module}.md"] = text
    return dict(sorted(texts.items()))


def _topics(source: Path) -> Iterator[tuple[str, str]]:
    tree = ast.parse((source / "pydoc_data" / "topics.py").read_bytes())
    literal = next(node for node in ast.walk(tree) if isinstance(node, ast.Dict))
    for topic, text in ast.literal_eval(literal).items():
        yield topic, _reference_text(text.strip("\n"))


def _reference_text(text: str) -> str:
    """Return a topic with its underlined titles as `#` headings and the rest as it was."""
    written, end = [], 0
    for found in UNDERLINED.finditer(text):
        title, mark = found.groups()
        written += [_plain(text[end : found.start()]), f"{LEVELS[mark]} {title}"]
        end = found.end()
    return "".join([*written, _plain(text[end:])]) + "\n"


def _plain(text: str) -> str:
    """Return the text with nothing in it that Markdown would take for a heading.

    What opens one is moved right by four columns, where there are none; so is what opens a fence or
    an HTML block, which would hide the headings that follow. Nothing but white space is changed.
    """
    lines = text.split("\n")
    for number, line in enumerate(lines):
        before = lines[:number]
        if marked := MARKED.match(line):
            if _indent(line) < 4 or _in_item(before, _indent(line)):
                lines[number] = f"{marked[1]}    {line[marked.end(1) :]}"
        elif SETEXT.fullmatch(line) and before and before[-1].strip():
            lines[number] = f"    {line}"
    return "\n".join(lines)


def _in_item(before: list[str], indent: int) -> bool:
    """Return whether a line so indented, after these lines, belongs to an item of a list."""
    outer = False
    for line in reversed(before):
        if not line.strip():
            if outer:
                return False
        elif outer or _indent(line) < indent:
            if ITEM.match(line):
                return True
            outer = True
    return False


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _modules(source: Path) -> Iterator[tuple[str, Path]]:
    """Give the name and file of every public module, submodules included, that has a source."""
    for name in sorted(sys.stdlib_module_names):
        yield from _module(name, source / name)


def _module(name: str, place: Path) -> Iterator[tuple[str, Path]]:
    last = place.name
    if last.startswith("_") or last in SKIPPED:
        return
    if (initial := place / "__init__.py").is_file():
        yield name, initial
        for stem in sorted({path.name.removesuffix(".py") for path in place.iterdir()}):
            yield from _module(f"{name}.{stem}", place / stem)
    elif (file := place.with_name(f"{last}.py")).is_file():
        yield name, file


def _module_text(module: str, path: Path) -> str:
    """Return a module's document, empty where the module says nothing about itself."""
    tree = ast.parse(path.read_bytes())
    blocks = [*_docstring(tree), *_members(tree.body, "##")]
    for twin in _twins(tree, path):
        blocks += _members(ast.parse(twin.read_bytes()).body, "##")
    return "\n\n".join([f"# {module}", *blocks]) + "\n" if blocks else ""


def _twins(tree: ast.Module, path: Path) -> Iterator[Path]:
    """Give the private modules whose names a module takes as its own: `from _decimal import *`."""
    for node in _statements(tree.body):
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            name = (node.module or "").rpartition(".")[2]
            inside = path.with_name(f"{name}.py")
            outside = Path(sysconfig.get_paths()["stdlib"]) / f"{name}.py"
            yield from (file for file in (inside, outside) if name[:1] == "_" and file.is_file())


def _members(body: list[ast.stmt], marks: str) -> Iterator[str]:
    """Give headings and docstrings of what is public and documented, in the order of the source.

    Of several definitions of a name (a property, another platform) the first one documented stands.
    """
    seen = set()
    for node in _statements(body):
        if not isinstance(node, Named) or node.name.startswith("_") or node.name in seen:
            continue
        inner = [*_docstring(node)]
        if isinstance(node, ast.ClassDef):
            inner += _members(node.body, f"{marks}#")
        if inner:
            seen.add(node.name)
            yield f"{marks} {_signature(node)}"
            yield from inner


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Give the statements of a body and of the conditions and attempts in it."""
    for node in body:
        if isinstance(node, ast.If):
            yield from _statements([*node.body, *node.orelse])
        elif isinstance(node, ast.Try):
            handlers = [statement for handler in node.handlers for statement in handler.body]
            yield from _statements([*node.body, *handlers, *node.orelse])
        else:
            yield node


def _docstring(node: ast.Module | Named) -> Iterator[str]:
    if text := (ast.get_docstring(node) or "").strip():
        yield _plain(text)


def _signature(node: Named) -> str:
    if isinstance(node, ast.ClassDef):
        name, inside = f"class {node.name}", ", ".join(map(ast.unparse, node.bases))
    else:
        name, inside = node.name, ast.unparse(node.args)
    if len(inside) > SIGNATURE_LIMIT:
        inside = f"{inside[:SIGNATURE_LIMIT].rpartition(', ')[0]}, ..."
    return f"{name}({inside})" if inside or not isinstance(node, ast.ClassDef) else name
