"""`assay bench gate`: exit 0 where a candidate may take the place of a baseline, 1 where not."""

from pathlib import Path
from typing import Annotated

import typer

from service.commands import options
from service.commands.console import CANNOT, give_json, reporting, say

MaxCost = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE", help="A question's mean calls, tokens_in, tokens_out or usd."
    ),
]


@reporting
def command(  # noqa: PLR0913 - the options of a command
    baseline: Annotated[Path, typer.Option(metavar="RUN", help="The folder of a run.")],
    candidate: Annotated[Path, typer.Option(metavar="RUN", help="That of the one to judge.")],
    metric: Annotated[
        list[str] | None, typer.Option(help="A measure, default nDCG@10; repeat it.")
    ] = None,
    margin: Annotated[float, typer.Option(help="The drop that is still accepted.")] = 0.01,
    non_inferiority: Annotated[
        bool, typer.Option("--non-inferiority", help="Pass only if a larger drop is ruled out.")
    ] = False,
    max_p95_ms: Annotated[
        float | None, typer.Option("--max-p95-ms", help="The longest 95th percentile.")
    ] = None,
    max_latency_ratio: Annotated[
        float | None, typer.Option(help="The same, as times the baseline's.")
    ] = None,
    max_cost: MaxCost = None,
    as_json: options.Json = False,
) -> None:
    """Fail where a candidate is worse than a baseline: exit code 1, and the reason.

    A measure fails if it fell by more than the margin and the drop is significant (paired
    randomisation test, 5%, Holm's correction for several measures). With --non-inferiority it
    passes only if the 95% interval of the difference lies above minus the margin, even if 3 in so
    many queries fail altogether and none was seen: where nothing changed, a margin of 0.01 takes
    300 queries. Runs over different corpora, judgments or queries are refused with what differs,
    and so few queries that no drop could be significant: exit code 2. A workflow that does this for
    every change: `eval/gate_example.yml`.

    Example: `assay bench gate --baseline runs/main --candidate runs/new --margin 0.01`
    """
    from eval.regression import Demands, gate
    from eval.results import read_run

    demands = Demands(
        metrics=tuple(metric or ("nDCG@10",)),
        margin=margin,
        non_inferiority=non_inferiority,
        max_p95_ms=max_p95_ms,
        max_latency_ratio=max_latency_ratio,
        max_cost=_costs(max_cost or []),
    )
    found = gate(read_run(baseline), read_run(candidate), demands)
    if as_json:
        give_json(found.as_json())
    else:
        say(found.lines())
    if not found.passed:
        raise typer.Exit(CANNOT)


def _costs(texts: list[str]) -> dict[str, float]:
    """Return limits by name. Raises: InputError."""
    from retrieval.errors import InputError

    found = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            found[name.strip()] = float(value)
        except ValueError:
            raise InputError(f"--max-cost: NAME=VALUE is needed, got {text!r}.", "cost") from None
    return found
