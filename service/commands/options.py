"""Options that several commands have, and how their texts become values."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from eval.bench import Bench
    from retrieval.manifest import EmbedText, FieldType

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Index = Annotated[str, typer.Option("--index", "-i", help="The name of the index.")]
Pipeline = Annotated[
    str, typer.Option("--pipeline", "-p", help="One of `assay pipelines`, or a .toml file.")
]
Filters = Annotated[
    list[str] | None,
    typer.Option(
        "--filter", help="year>=2019, kind=policy, tag=a|b, author?, or JSON; repeatable."
    ),
]
Chunker = Annotated[
    str | None, typer.Option(help="whole, fixed, recursive, sentences or structure.")
]
ChunkTokens = Annotated[int | None, typer.Option(help="The most tokens of a chunk.")]
ChunkOverlap = Annotated[int | None, typer.Option(help="Tokens that two chunks share.")]
Embed = Annotated[str | None, typer.Option(help="text, title+text or heading+text.")]
Titles = Annotated[
    bool | None,
    typer.Option(
        "--titles/--no-titles",
        help="Keep a vector of each title for the learned reranker; default: yes.",
        show_default=False,
    ),
]
Paths = Annotated[list[Path], typer.Argument(metavar="PATH", help="Files and folders.")]
Domain = Annotated[str | None, typer.Option(help="The domain of documents that name none.")]
DomainField = Annotated[
    str | None, typer.Option(help="The metadata that is a document's domain; default: domain.")
]
Fields = Annotated[
    list[str] | None,
    typer.Option(
        "--field",
        metavar="NAME:TYPE",
        help="Metadata to index for filters: str, int, float, bool or date; repeatable.",
    ),
]
IdField = Annotated[str | None, typer.Option(help="The field of rows that is the id.")]
TextField = Annotated[str | None, typer.Option(help="The field that is the text.")]
TitleField = Annotated[str | None, typer.Option(help="The field that is the title.")]
Sync = Annotated[bool, typer.Option("--sync", help="Remove documents that are in no PATH.")]
MaxFileMb = Annotated[float, typer.Option(min=0.001, help="The largest file, or row of one.")]
Dataset = Annotated[
    Path,
    typer.Option(help="A folder (BEIR, TREC, judged spans, quotes.csv), or irds:NAME."),
]
Split = Annotated[
    str | None, typer.Option(help="qrels/SPLIT.tsv; default: test, or the judged spans.")
]
Queries = Annotated[
    Path | None,
    typer.Option(
        "--queries",
        metavar="FILE",
        help="Lines {_id, text}: these questions only, in these words, or without text their own.",
    ),
]
Out = Annotated[
    Path | None, typer.Option("--out", help="The run's folder; default: one in the data dir.")
]
Reference = Annotated[
    str | None, typer.Option(help="bm25 measures rank_bm25 instead of a pipeline.")
]
Metric = Annotated[str, typer.Option(help="The measure that decides, as nDCG@10.")]
DropSelf = Annotated[
    bool, typer.Option("--drop-self", help="Leave out the document whose id is the query's.")
]
Report = Annotated[
    bool, typer.Option("--report", help="Write report.html into the run's folder too.")
]


def dataset_place(dataset: str) -> tuple[Path, str | None]:
    """Return a folder and its split: what is after the last colon, unless the whole is a folder.

    The name of a dataset in a catalogue, as `irds:beir/scifact/test`, is one word.
    """
    from eval.irds import is_named

    folder, colon, split = dataset.rpartition(":")
    if not colon or Path(dataset).is_dir() or is_named(Path(dataset)):
        return Path(dataset), None
    return Path(folder), split


def benches(
    datasets: Sequence[str],
    metric: str,
    how: tuple[str | None, str | None, bool],
    only: bool = False,
) -> "tuple[Bench, ...]":
    """Return what is asked of datasets, at the usual cutoffs and that of a measure, or that alone.

    `how` are the values of --chunker, --embed and --drop-self.
    """
    from eval.bench import Bench
    from eval.prepared import cutoffs_with
    from eval.scores import CUTOFFS

    chunker, embed, drop_self = how
    return tuple(
        Bench(
            folder,
            chunker=chunker,
            embed=embed_text(embed),
            split=split,
            cutoffs=cutoffs_with(metric, () if only else CUTOFFS),
            drop_self=drop_self,
        )
        for folder, split in map(dataset_place, datasets)
    )


def chunker_table(
    name: str | None, tokens: int | None, overlap: int | None
) -> str | dict[str, Any] | None:
    """Return a chunker's table; sizes without a name are those of `fixed`."""
    sizes = {"tokens": tokens, "overlap": overlap}
    given = {key: value for key, value in sizes.items() if value is not None}
    return {"use": name or "fixed", **given} if given else name


def embed_text(text: str | None) -> "EmbedText | None":
    """Return what is embedded, if it can be. Raises: InputError that lists what can."""
    from typing import get_args

    from retrieval.errors import InputError
    from retrieval.manifest import EmbedText

    for each in get_args(EmbedText):
        if text == each:
            found: EmbedText = each
            return found
    if text is None:
        return None
    allowed = ", ".join(get_args(EmbedText))
    raise InputError(f"--embed: {allowed} are allowed, got {text!r}.", "embed")


def field_types(texts: Sequence[str] | None) -> "dict[str, FieldType]":
    """Return the types of fields by name. Raises: InputError."""
    from typing import get_args

    from retrieval.errors import InputError
    from retrieval.manifest import FieldType

    found: dict[str, FieldType] = {}
    for text in texts or ():
        name, _, kind = text.rpartition(":")
        if not name or kind not in get_args(FieldType):
            raise InputError(
                f"--field: NAME:TYPE is needed, TYPE one of {', '.join(get_args(FieldType))};"
                f" got {text!r}.",
                "field",
            )
        found[name] = kind  # type: ignore[assignment]  # checked above
    return found
