"""`assay router`: which domain a question belongs to, how right that is, and its use in fusion."""

from pathlib import Path
from typing import Annotated

import typer

from service.commands import router_compare, router_eval, router_weights
from service.commands.console import give_json, note, out, reporting, tools_of

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
app.command("eval")(router_eval.evaluate)
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
