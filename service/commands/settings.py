"""`assay settings` and `assay pipelines`: what can be set and chosen."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from service.commands import options
from service.commands.console import give_json, given_settings, out, say, settings_of


def settings(context: typer.Context, as_json: options.Json = False) -> None:
    """List every setting: its value, where it came from, what it is for. Secrets are masked.

    A setting comes from an option in front of the command (--data-dir, --set NAME=VALUE), the
    environment (ASSAY_NAME), assay.toml in the working directory, or its default.

    Example: `assay --set port=9000 settings`
    """
    from retrieval.settings import Settings, source

    found = settings_of(context)
    given = dict(given_settings(context))
    rows = [
        {
            "name": name,
            "value": _plain(getattr(found, name)),
            "source": source(name, given),
            "description": field.description or "",
        }
        for name, field in Settings.model_fields.items()
    ]
    if as_json:
        give_json({"settings": rows})
        return
    from service.show import show_table

    show_table(
        out(), ("setting", "value", "source", "description"), ([*each.values()] for each in rows)
    )


def _plain(value: Any) -> Any:
    """Return a setting as JSON has it; what is secret is masked."""
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value) if isinstance(value, str | Path) else "********"


def pipelines(context: typer.Context, as_json: options.Json = False) -> None:
    """List the pipelines that a query or a benchmark can name: what for, and their stages.

    Stages that ask a language model are off where the settings name none, and every answer says so;
    a benchmark stops there. Your own go beside them: *.toml files in the folder of the setting
    pipelines_dir.

    Example: `assay pipelines`
    """
    from service.as_json import pipeline_json
    from service.pipelines import load_pipelines

    found = [pipeline_json(each) for each in load_pipelines(settings_of(context)).values()]
    if as_json:
        give_json({"pipelines": found})
        return
    for each in found:
        steps = [_call(stage["stage"], stage["params"]) for stage in each["stages"]]
        default = " (default)" if each["default"] else ""
        model = "Asks a language model. " if each["asks_model"] else ""
        about = each["about"].split("\n")[0]
        say([f"{each['name']}{default}", f"  {model}{about}", f"  {' → '.join(steps)}", ""])


def _call(stage: str, params: Mapping[str, Any]) -> str:
    """Return a stage with its parameters, without those that are off."""
    from service.show import short_params

    return f"{stage}({short_params({name: value for name, value in params.items() if value})})"
