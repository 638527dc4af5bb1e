"""`assay router`: which domain a question belongs to, how right that is, and its use in fusion."""

from pathlib import Path
from typing import Annotated, Any

import typer

from service.commands import router_compare, router_weights
from service.commands.console import give_json, note, out, reporting, say, tools_of

app = typer.Typer(no_args_is_help=True, help="Train the router of the stage `route`, and judge it.")
Label = Annotated[
    str, typer.Option(help="The field of the domain, as a.b; default: label, or metadata.domain.")
]
NoneLabel = Annotated[str, typer.Option("--none", help="The label of what is in no domain.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Method = Annotated[str, typer.Option(help="distance, logistic or centroid.")]
Acceptance = Annotated[
    float, typer.Option(help="The share of held-out examples that is not called none.")
]

Out = Annotated[Path, typer.Option("--out", help="The router's file.")]
Kind = Annotated[str, typer.Option("--class", help="The field of a finer class in the domain.")]
Validation = Annotated[
    list[Path] | None,
    typer.Option(help="Questions for temperature and threshold; default: 5-fold."),
]
Documents = Annotated[
    bool, typer.Option("--documents", help="The files hold documents of the domains.")
]
Most = Annotated[int, typer.Option(help="The most examples of a domain; 0: all.")]
Strength = Annotated[float, typer.Option(help="The inverse of the L2 penalty.")]
Shrinkage = Annotated[float, typer.Option(help="Of the covariance, 0 to 1.")]
Seed = Annotated[int, typer.Option(help="Draws the folds, and the examples kept.")]
app.command("compare")(router_compare.compare)
app.command("weights")(router_weights.weights)


@app.command("train")
@reporting
def train(  # noqa: PLR0913 - the options of a command
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="JSON lines with text and label.")],
    file: Out,
    label: Label = "",
    kind: Kind = "",
    none: NoneLabel = "none",
    validation: Validation = None,
    documents: Documents = False,
    most: Most = 0,
    method: Method = "distance",
    strength: Strength = 10.0,
    shrinkage: Shrinkage = 0.3,
    acceptance: Acceptance = 0.95,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Fit a router on labelled questions, or on documents with their domain, and save it.

    Examples that carry the label of none are left out: nothing is learned from them.

    Example: `assay router train corpus.jsonl --documents --out a.router`
    """
    from eval.router_examples import Reading, labelled
    from eval.router_training import Fit, Training, check_classes
    from eval.router_training import train as trained

    fit = Fit(method, strength, shrinkage, acceptance, seed)  # type: ignore[arg-type]  # Fit checks
    reading = Reading(label, kind, none, documents, most, seed)
    examples = [each for each in reading.examples(files) if each.domain != none]
    check_classes([(each.domain, each.kind) for each in examples])
    questions = Reading(label, none=none)
    held = questions.examples(validation) if validation else []
    kept = [each for each in held if each.domain != none]
    about = reading.about(files, examples)
    about["validation"] = [each.name for each in validation or []]
    with tools_of(context) as tools:
        note(f"Embedding {len(examples) + len(kept):,} texts.")
        training = Training(fit, tools.embedder.identity, about)
        held_out = labelled(kept, questions, tools.embedder) if validation else None
        router = trained(training, labelled(examples, reading, tools.embedder), held_out)
    router.save(file)
    if as_json:
        give_json({"router": str(file), "sha256": router.digest, **router.trained})
        return
    counts = ", ".join(f"{name} {count}" for name, count in router.trained["examples"].items())
    out().print(f"{file}: {len(router.labels)} domains ({counts})", markup=False, soft_wrap=True)


@app.command("eval")
@reporting
def evaluate(  # noqa: PLR0913 - the options of a command
    context: typer.Context,
    files: Annotated[
        list[Path] | None, typer.Argument(help="JSON lines with text and label.")
    ] = None,
    routers: Annotated[
        list[Path] | None, typer.Option("--router", help="A router's file; several: one table.")
    ] = None,
    label: Label = "",
    none: NoneLabel = "none",
    dataset: Annotated[
        Path | None, typer.Option(help="Measure routes in the measures of this dataset too.")
    ] = None,
    pipeline: Annotated[str, typer.Option("--pipeline", "-p", help="What is routed.")] = "hybrid",
    votes: Annotated[
        int,
        typer.Option(
            min=0, max=100, help="With --dataset: so many first hits vote; no router is needed."
        ),
    ] = 0,
    folds: Annotated[
        int, typer.Option(help="Without both: fit on the dataset's queries, in so many parts.")
    ] = 2,
    confidence: Annotated[float, typer.Option(help="Of a hard route.")] = 0.9,
    most: Annotated[int, typer.Option(help="The most domains of a hard route.")] = 2,
    boost: Annotated[float, typer.Option(help="Of a soft route.")] = 0.2,
    as_json: Json = False,
) -> None:
    """Print how right routers are: accuracy, precision and recall, confusion, calibration.

    With a dataset (its queries labelled in their metadata), also what no route, hard, soft and
    right routes (the oracle) make of nDCG@10 and R@100, by domain, and what wrong routes cost.

    Example: `assay router eval test.jsonl --router domains.router --none oos`

    Example: `assay router eval --dataset collections/ --votes 10`
    """
    from retrieval.errors import InputError

    if not (files and routers) and dataset is None:
        raise InputError("Labelled FILES and a --router are needed, or a --dataset.")
    found: dict[str, Any] = {}
    with tools_of(context) as tools:
        if files and routers:
            found["routers"] = _reports(tools, routers, files, (label, none))
        if dataset is not None:
            routes = _routes((confidence, most, boost), votes)
            found["datasets"] = _costs(tools, routers, (dataset, label, routes, pipeline, folds))
    _show(found, as_json)


def _reports(
    tools: Any, routers: list[Path], files: list[Path], read: tuple[str, str]
) -> list[Any]:
    from eval.router_examples import Reading, labelled
    from eval.router_report import report
    from retrieval.router import load_router

    label, none = read
    opened = [(file, load_router(file).checked(tools.embedder.identity)) for file in routers]
    reading = Reading(label, none=none)
    examples = labelled(reading.examples(files), reading, tools.embedder)
    return [report(file.stem, router, examples, none) for file, router in opened]


def _routes(parameters: tuple[float, int, float], votes: int) -> dict[str, Any]:
    from retrieval.stages.route import Route

    confidence, most, boost = parameters
    hard = Route(confidence=confidence, most=most, votes=votes)
    soft = Route(how="soft", boost=boost, votes=votes)
    return {"hard": (hard,), "soft": (soft,), "hard, then soft": (hard, soft)}


def _costs(tools: Any, routers: list[Path] | None, asked: tuple[Any, ...]) -> dict[str, Any]:
    """Return what routes cost, by what says the domain."""
    from eval.router_cost import route_costs
    from eval.router_examples import DOMAIN
    from eval.router_ways import RoutedDataset
    from service.progress import on_stderr

    dataset, label, routes, pipeline, folds = asked
    votes = routes["hard"][0].votes
    ways: list[Path | None] = [*routers] if routers and not votes else [None]
    by = f"{votes} votes" if votes else f"fitted on queries, {folds} folds"
    found = {}
    for router in ways:
        costs = RoutedDataset(
            dataset, routes, label or DOMAIN, pipeline, router=router, fold_count=folds
        )
        with on_stderr().running() as shown:
            found[str(router or by)] = route_costs(costs, tools, shown)
    return found


def _show(found: dict[str, Any], as_json: bool) -> None:
    from eval.router_report import summary_lines

    reports, datasets = found.get("routers", []), found.get("datasets", {})
    if as_json:
        give_json(
            {
                "routers": [each.as_json() for each in reports],
                "datasets": {name: each.as_json() for name, each in datasets.items()},
            }
        )
        return
    lines = summary_lines(reports) if reports else []
    lines += [line for each in reports for line in each.lines()]
    for name, each in datasets.items():
        lines += ["", name, *each.lines()]
    say(lines)
