"""`assay judge llm | agreement | questions | context`: what models judge and write."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.commands import options
from service.commands.console import STOPPED, give_json, note, reporting, say, tools_of

if TYPE_CHECKING:
    from eval.judging.agreement import Agreement, Kappa
    from eval.judging.systems import Systems

SHOWN_FAILURES = 5
Pool = Annotated[Path, typer.Argument(metavar="POOL", help="A file of `assay judge pool`.")]


@reporting
def llm(
    context: typer.Context,
    pool: Pool,
    count: Annotated[
        int | None, typer.Option(min=1, help="Judge so many passages, then stop.")
    ] = None,
) -> None:
    """Let the language model of the settings judge a pool, with UMBRELA's grades from 0 to 3.

    Its labels go beside the pool, under the model's name; what it has labelled is not asked again.
    A passage on which it fails gets no label, and the reason is printed. How far it agrees with
    people: `assay judge agreement`. Recorded and replayed as the stages are (setting cassette).

    Example: `assay judge llm pools/handbook.jsonl --count 100`
    """
    from eval.judging.labels import labels_file
    from eval.judging.llm_judge import judge_pool
    from eval.judging.model import Model
    from eval.judging.pool import read_pool
    from service.progress import on_stderr

    passages = read_pool(pool)[:count]
    file = labels_file(pool)
    with tools_of(context) as tools:
        model = Model(tools)
        try:
            with on_stderr().running() as shown:
                found = judge_pool(passages, file, model, shown)
        except KeyboardInterrupt:
            note(f"Stopped. What was labelled is in {file}.")
            raise typer.Exit(STOPPED) from None
    say([f"{found.labelled} labels by {found.by}, {found.known} were there: {file}", model.spent])
    _failures(found.failures)
    if found.failures:
        raise typer.Exit(1)


@reporting
def agreement(
    files: Annotated[list[Path], typer.Argument(metavar="LABELS...", help="Files of labels.")],
    by: Annotated[list[str], typer.Option("--by", help="One judge; name two.")],
    runs: Annotated[
        list[Path] | None, typer.Option("--run", help="A run to score by both; name several.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Show how far two judges agree: Cohen's kappa, confusion, and which run each prefers.

    kappa is 1 for all agreement and 0 for what chance would give; by the square of the distance
    near grades count as half agreed; binary is answers (2 and 3) against the rest. With several
    runs: Kendall's tau of the two orders of the runs, and tau AP, which weighs the best ones. Runs
    are scored by each judge's labels and, where there is none, by the dataset's own judgments, on
    the questions that both judges labelled and all of the runs hold.

    Example: `assay judge agreement pools/handbook.labels.jsonl --by ada --by gpt-x`
    """
    from eval.judging.agreement import agreement as compared
    from eval.judging.labels import read_labels
    from eval.results import read_run
    from retrieval.errors import InputError

    if len(by) != 2 or by[0] == by[1]:
        raise InputError(f"--by: two judges are needed, got {', '.join(by)}.", "by")
    labels = {key: grade for file in files for key, grade in read_labels(file).items()}
    found = compared(labels, (by[0], by[1]), [read_run(each) for each in runs or ()])
    if as_json:
        give_json(found.as_json())
    else:
        say(_agreement(found))


@reporting
def questions(  # noqa: PLR0913 - the options of a command
    context: typer.Context,
    paths: options.Paths,
    folder: Annotated[Path, typer.Option("--out", help="The folder of the new dataset.")],
    count: Annotated[int, typer.Option(min=1, help="How many passages are asked about.")] = 50,
    seed: Annotated[int, typer.Option(help="Which passages are taken.")] = 0,
    as_json: options.Json = False,
) -> None:
    """Let the language model write questions to passages of a corpus, and make a dataset of them.

    A question passes if the quote of its answer stands in the passage, if it shares no five words
    in a row with it, if nobody asked it before, and if the model as a judge says that the passage
    answers it; the rest is counted. Every question is marked as synthetic, and so is every figure
    on them: they compare pipelines, and do not tell how well users are served.

    Example: `assay judge questions docs/ --count 100 --out synthetic/`
    """
    from eval.judging.model import Model
    from eval.judging.synthetic import passages, write_dataset, write_questions
    from service.progress import on_stderr

    with tools_of(context) as tools, on_stderr().running() as shown:
        model = Model(tools)
        sample = passages(paths, tools.embedder, count, seed)
        found = write_questions(sample, model, shown)
        written = write_dataset(found, paths, folder, model.name)
    refused = dict(found.refused.most_common())
    if as_json:
        give_json({"folder": str(folder), "questions": written, "refused": refused})
        return
    lines = [f"{n} refused: {why}, such as {found.examples[why]!r}" for why, n in refused.items()]
    say([f"{written} of {len(sample)} questions passed: {folder}", *lines, model.spent])


@reporting
def context(  # noqa: PLR0913 - the options of a command
    context: typer.Context,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    answers: Annotated[Path, typer.Option(help="Lines of {_id, answer}: the right answers.")],
    limit: Annotated[int, typer.Option(min=1, help="How many first hits are read.")] = 5,
    as_json: options.Json = False,
) -> None:
    """Estimate context precision and recall (RAGAS) where there are answers but no judgments.

    A language model says which passages helped to the answer and which of its statements they
    support. Know the weakness: the figures depend on that model and its mood, cost a call for each
    passage, and reward passages that talk about the answer. Judge a pool as soon as you can
    (`assay judge pool`), and trust that instead.

    Example: `assay judge context runs/hybrid --answers answers.jsonl`
    """
    from eval.judging.context_measures import context_scores, read_answers
    from eval.judging.model import Model
    from eval.results import read_run
    from service.progress import on_stderr

    with tools_of(context) as tools, on_stderr().running() as shown:
        model = Model(tools)
        found = context_scores(read_run(run), read_answers(answers), limit, (model, shown))
    if as_json:
        give_json(asdict(found) | {"model": model.name, "limit": limit})
        return
    lines = []
    for name, each in (("precision", found.precision), ("recall", found.recall)):
        ends = "" if each.low is None else f" [{each.low:.3f}, {each.high:.3f}]"
        lines.append(f"context {name}@{limit}  {each.mean:.4f}{ends}")
    said = f"{found.queries} questions, judged by {model.name}: estimates, no measurement"
    say([*lines, said, model.spent])
    _failures(found.failures)


def _failures(failures: tuple[str, ...]) -> None:
    for each in failures[:SHOWN_FAILURES]:
        note(f"Failed: {each}")
    if len(failures) > SHOWN_FAILURES:
        note(f"Failed: {len(failures) - SHOWN_FAILURES} more")


def _agreement(found: "Agreement") -> list[str]:
    from eval.results import grid

    rows = [["", *(f"{found.other} {grade}" for grade in range(len(found.confusion)))]]
    rows += [
        [f"{found.one} {grade}", *map(str, counts)] for grade, counts in enumerate(found.confusion)
    ]
    share = found.same / found.passages
    return [
        f"{found.passages} passages labelled by both, the same grade on {found.same} ({share:.0%})",
        f"kappa           {_kappa(found.kappa)}",
        f"kappa, weighted {_kappa(found.weighted)}",
        f"kappa, binary   {_kappa(found.binary)}",
        "",
        *grid(rows),
        *(["", *_systems(found.systems)] if found.systems else []),
    ]


def _kappa(kappa: "Kappa") -> str:
    if kappa.value is None:
        return "undefined: both gave one and the same grade to everything"
    if kappa.low is None:
        return f"{kappa.value:.3f}"
    return f"{kappa.value:.3f} [{kappa.low:.3f}, {kappa.high:.3f}]"


def _systems(systems: "Systems") -> list[str]:
    from eval.results import grid

    both = zip(systems.names, systems.one, systems.other, systems.held, strict=True)
    rows = [
        ["nDCG@10 by", "one", "other", "questions"],
        *([n, f"{a:.4f}", f"{b:.4f}", f"{held}/{systems.labelled}"] for n, a, b, held in both),
    ]
    taus = [("Kendall's tau", systems.tau), ("tau AP", systems.tau_ap)]
    return [
        *grid(rows),
        f"questions: how many of the {systems.labelled} that both labelled a run holds;"
        f" scored on the {systems.questions} that all hold",
        *(f"{n} {'undefined' if t is None else f'{t:.3f}'}" for n, t in taus),
    ]
