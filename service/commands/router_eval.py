"""`assay router eval`: how right routers are, and what routes do to a dataset's measures."""

from pathlib import Path
from typing import Annotated, Any

import typer

from service.commands import options
from service.commands.console import give_json, reporting, say, tools_of

Files = Annotated[list[Path] | None, typer.Argument(help="JSON lines with text and label.")]
Routers = Annotated[
    list[Path] | None, typer.Option("--router", help="A router's file; several: one table.")
]
Label = Annotated[
    str, typer.Option(help="The field of the domain, as a.b; default: label, or metadata.domain.")
]
NoneLabel = Annotated[str, typer.Option("--none", help="The label of what is in no domain.")]
Dataset = Annotated[
    Path | None, typer.Option(help="Measure routes in the measures of this dataset too.")
]
Pipeline = Annotated[str, typer.Option("--pipeline", "-p", help="What is routed.")]
Votes = Annotated[
    int,
    typer.Option(
        min=0, max=100, help="With --dataset: so many first hits vote, alone or beside a router."
    ),
]
Folds = Annotated[
    int | None,
    typer.Option(help="Fit routers on the dataset's queries, in so many parts; 2 without others."),
]
Confidence = Annotated[float, typer.Option(help="Of a hard route.")]
Most = Annotated[int, typer.Option(help="The most domains of a hard route.")]
Boost = Annotated[float, typer.Option(help="Of a soft route.")]


@reporting
def evaluate(  # noqa: PLR0913 - the options of a command
    context: typer.Context,
    files: Files = None,
    routers: Routers = None,
    label: Label = "",
    none: NoneLabel = "none",
    dataset: Dataset = None,
    split: options.Split = None,
    pipeline: Pipeline = "hybrid",
    votes: Votes = 0,
    folds: Folds = None,
    confidence: Confidence = 0.9,
    most: Most = 2,
    boost: Boost = 0.2,
    as_json: options.Json = False,
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
            count = folds if folds is not None else 0 if routers or votes else 2
            found["datasets"] = _costs(
                tools, routers, ((dataset, split), label, routes, pipeline, count)
            )
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

    (dataset, split), label, routes, pipeline, folds = asked
    votes = routes["hard"][0].votes
    ways: list[Path | None] = [*routers] if routers and not folds else [None]
    found = {}
    for router in ways:
        by = [f"{votes} votes"] if votes else []
        by += [f"fitted on queries, {folds} folds"] if folds else [str(router)] if router else []
        costs = RoutedDataset(
            dataset,
            routes,
            label or DOMAIN,
            pipeline,
            split=split,
            router=router,
            fold_count=folds,
        )
        with on_stderr().running() as shown:
            found[", ".join(by)] = route_costs(costs, tools, shown)
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
