"""`assay judge`: judgments from people and models, and how far they agree."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.commands import judge_models, options
from service.commands.console import give_json, note, out, reporting, say, settings_of

if TYPE_CHECKING:
    from eval.judging.labels import Label
    from eval.judging.pool import Place, Pooled

app = typer.Typer(no_args_is_help=True, help="Judge what pipelines find, by people and models.")
Pool = Annotated[Path, typer.Argument(metavar="POOL", help="A file of `assay judge pool`.")]
By = Annotated[str, typer.Option("--by", help="Who judges: the name beside each label.")]
SKIP, UNDO, QUIT = "s", "u", "q"


@app.command("pool")
@reporting
def pool(  # noqa: PLR0913 - the options of a command
    context: typer.Context,
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs.")],
    file: Annotated[
        Path | None,
        typer.Option("--out", help="The pool; default: DATA_DIR/pools/DATASET.jsonl."),
    ] = None,
    depth: Annotated[int, typer.Option(min=1, help="How many first hits of each run.")] = 10,
    all_of_them: Annotated[
        bool, typer.Option("--all", help="Also what the dataset has judgments on.")
    ] = False,
) -> None:
    """Pool the first hits of several runs on one dataset, to be judged blind.

    Who found a passage is in the file, and not shown to a judge. The more the runs differ, the
    more of what is relevant is in their pool: take dense, sparse and hybrid ones. A dataset pooled
    again with other runs keeps its labels.

    Example: `assay judge pool runs/dense runs/sparse runs/hybrid --depth 10`
    """
    from eval.judging.pool import make_pool, write_pool
    from eval.results import read_run

    measured = [read_run(each) for each in runs]
    found = make_pool(measured, depth, all_of_them)
    name = f"{measured[0].manifest['dataset']['name']}.jsonl"
    place = file or settings_of(context).data_dir / "pools" / name
    write_pool(found, place)
    questions = len({each.query_id for each in found})
    say(
        [
            f"{len(found)} passages of {questions} questions: {place}",
            f"Judge them here:    assay judge label {place} --by YOUR-NAME",
            "or in the browser:  assay serve, then /judge (pools in DATA_DIR/pools)",
        ]
    )


@app.command("label")
@reporting
def label(pool: Pool, by: By) -> None:
    """Judge a pool in the terminal, passage by passage, with a key each.

    0 to 3 give a grade, s skips, u takes the last grade back, q stops. Every grade is on the disk
    before the next passage is shown; the same command goes on where it stopped. Labels are kept
    beside the pool, those of all judges in one file.

    Example: `assay judge label pools/handbook.jsonl --by ada`
    """
    from eval.judging.labels import (
        GRADES,
        append,
        checked_judge,
        label_of,
        labels_file,
        read_labels,
        unlabelled,
    )
    from eval.judging.pool import read_pool

    by, passages, file = checked_judge(by), read_pool(pool), labels_file(pool)
    labels = read_labels(file, by)
    given: list[Pooled] = []
    waiting = [each for each in passages if (by, each.place) not in labels]
    while waiting:
        _show(waiting[0], len(passages) - unlabelled(passages, labels, by), len(passages))
        key = _key()
        if key == QUIT:
            break
        if key == SKIP:
            waiting.pop(0)
        elif key == UNDO and given:
            waiting.insert(0, given.pop())
            _keep(label_of(waiting[0], None, by), file, labels)
        elif key in map(str, GRADES):
            given.append(waiting.pop(0))
            append(label_of(given[-1], int(key), by), file)
            labels[by, given[-1].place] = int(key)
    left = unlabelled(passages, labels, by)
    note(f"{len(passages) - left} of {len(passages)} passages are labelled by {by}: {file}")


def _key() -> str:
    """Return the key that is pressed. Raises: InputError where there is no terminal."""
    from retrieval.errors import InputError

    try:
        return str(typer.getchar()).lower()
    except OSError as error:
        raise InputError(
            "Labels are keys, pressed in a terminal, and there is none here. In the browser:"
            " `assay serve`, then /judge.",
            "pool",
        ) from error


def _keep(label: "Label", file: Path, labels: "dict[tuple[str, Place], int]") -> None:
    """Take a grade back."""
    from eval.judging.labels import append

    append(label, file)
    labels.pop((label.by, label.place), None)


def _show(passage: "Pooled", done: int, total: int) -> None:
    from rich.padding import Padding
    from rich.text import Text

    from eval.judging.labels import GRADES

    console = out()
    console.rule(f"{done + 1} of {total}")
    console.print(Text(passage.query, style="bold"))
    console.print(Text(passage.title or passage.document_id, style="italic"))
    console.print(Padding(Text(passage.text), (0, 2)))
    for grade, words in GRADES.items():
        console.print(Text(f"  {grade}  {words}"))
    console.print(Text(f"  {SKIP} skip   {UNDO} undo   {QUIT} stop"))


@app.command("merge")
@reporting
def merge(  # noqa: PLR0913 - the options of a command
    files: Annotated[list[Path], typer.Argument(metavar="LABELS...", help="Files of labels.")],
    dataset: options.Dataset,
    folder: Annotated[Path, typer.Option("--out", help="The folder of the new dataset.")],
    relevant: Annotated[
        int, typer.Option(min=1, max=3, help="Labels below it are written as grade 0.")
    ] = 2,
    as_json: options.Json = False,
) -> None:
    """Make a dataset of labels: the corpus and questions of another, with these judgments too.

    Of several judges the median grade counts, the lower one of two in the middle. A judgment of
    the old dataset gives way to a label on the same place. A label below --relevant is written as
    grade 0, judged and not relevant: 1 says that a passage is about the subject and does not
    answer, and most measures take every grade above 0 for an answer. What was never judged counts
    as not relevant, as everywhere.

    Example: `assay judge merge pools/hybrid.labels.jsonl --dataset handbook/ --out handbook-2/`
    """
    from eval.judging.labels import merged
    from eval.judging.merge import write_merged

    found = merged(files)
    written = write_merged(found, dataset, folder, relevant)
    if as_json:
        give_json({"folder": str(folder), "judges": dict(found.judges), **asdict(written)})
        return
    judges = ", ".join(f"{name} {count}" for name, count in found.judges.items())
    say(
        [
            f"labels by judge: {judges}; places that two judges graded otherwise: {found.apart}",
            f"{written.not_relevant} labels below grade {relevant} are written as grade 0: judged,"
            " not relevant",
            f"{written.judgments} judgments, {written.new} of them new: {folder}",
        ]
    )


for command in (
    judge_models.llm,
    judge_models.agreement,
    judge_models.questions,
    judge_models.context,
):
    app.command(command.__name__)(command)
