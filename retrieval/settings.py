"""Every setting, with its default and its reason: the only place that reads the environment.

A setting comes from a command's option, an environment variable `ASSAY_<NAME>`, the file
`assay.toml` in the working directory (or where `ASSAY_CONFIG` points), or its default, in this
order.
"""

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from retrieval.errors import ConfigError

DEFAULT_ENCODER = "all-MiniLM-L6-v2"


def config_file() -> Path:
    """Return where the settings file is looked for."""
    return Path(os.environ.get("ASSAY_CONFIG", "assay.toml"))


class Settings(BaseSettings):
    """What an operator may set."""

    model_config = SettingsConfigDict(env_prefix="ASSAY_", extra="forbid", frozen=True)

    data_dir: Path = Field(
        default=Path(".assay"),
        description="Where embedded indexes, ledgers and model caches are kept.",
    )
    qdrant_url: str | None = Field(
        default=None,
        description="A Qdrant server, as http://localhost:6333; none: the embedded engine.",
    )
    qdrant_api_key: SecretStr | None = Field(default=None, description="The key of that server.")
    qdrant_shards: int = Field(
        default=1, ge=1, le=64, description="Shards of a new collection there."
    )
    qdrant_replicas: int = Field(
        default=1, ge=1, le=16, description="Replicas of each shard there."
    )
    store_timeout_s: float = Field(
        default=30.0,
        gt=0,
        description="The longest wait for the index where a request sets no deadline.",
    )
    encoder: str = Field(
        default=DEFAULT_ENCODER,
        description="A sentence-transformers model by name or path, or 'hash' (for tests).",
    )
    backend: Literal["auto", "openvino", "onnx", "torch"] = Field(
        default="auto",
        description="What runs the encoder; auto: torch on CUDA, else the first installed.",
    )
    precision: Literal["auto", "fp32", "bf16", "int8"] = Field(
        default="auto",
        description="Of passages; auto: bf16 where the processor has it; int8: faster, and less"
        " exact. Queries are fp32.",
    )
    threads: int = Field(
        default=0, ge=0, le=256, description="Threads of the encoder; 0: all cores."
    )
    query_prompt: str = Field(default="", description="Put before each question by the encoder.")
    passage_prompt: str = Field(default="", description="Put before each passage by the encoder.")
    embeddings_url: str | None = Field(
        default=None,
        description="An OpenAI-compatible /v1 endpoint that embeds instead; model: encoder.",
    )
    embeddings_api_key: SecretStr | None = Field(
        default=None, description="The key of that endpoint."
    )
    llm_url: str | None = Field(
        default=None,
        description="An OpenAI-compatible /v1 endpoint for the stages that ask a model.",
    )
    llm_model: str = Field(default="", description="The model's name at that endpoint.")
    llm_api_key: SecretStr | None = Field(default=None, description="The key of that endpoint.")
    llm_calls: int = Field(default=8, ge=1, description="The most calls of one question.")
    llm_tokens: int = Field(default=20_000, ge=1, description="The most tokens of one question.")
    llm_concurrency: int = Field(default=8, ge=1, description="The most calls at a time.")
    llm_price_in: float = Field(
        default=0.0, ge=0, description="US dollars for a million tokens read."
    )
    llm_price_out: float = Field(default=0.0, ge=0, description="US dollars for a million written.")
    cassette: Path | None = Field(default=None, description="The file of recorded model answers.")
    cassette_mode: Literal["off", "record", "replay", "replay-or-record"] = Field(
        default="off",
        description="What is done with that file; replay: a missing answer is an error.",
    )
    pipelines_dir: Path | None = Field(
        default=None,
        description="Your own pipeline files (*.toml), beside the ones that come with Assay.",
    )
    bench_data: Path | None = Field(
        default=None,
        description="The folder that holds the datasets of `bench suite`; none: only the demo.",
    )
    host: str = Field(
        default="127.0.0.1", description="Where `serve` listens; others need an api_key."
    )
    port: int = Field(
        default=8080, ge=0, le=65535, description="The port of `serve`; 0: a free one."
    )
    api_key: SecretStr | None = Field(
        default=None, description="Asked of every request as `Authorization: Bearer`."
    )
    timeout_s: float = Field(
        default=10.0, gt=0, description="The deadline of a request to `serve`."
    )
    concurrency: int = Field(
        default=8, ge=1, le=256, description="Requests that `serve` runs at a time."
    )
    max_query_chars: int = Field(
        default=8_000, ge=1, description="The longest question `serve` accepts."
    )
    max_body_mb: float = Field(default=16.0, gt=0, description="The largest request body, in MB.")

    @classmethod
    def settings_customise_sources(  # noqa: PLR0913 - the library's signature
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Options first, then the environment, then the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, config_file())


def load_settings(**options: Any) -> Settings:
    """Return the settings of this process; an option that is None is not set.

    Raises: ConfigError that names the setting, its source and what is allowed.
    """
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()
        )
        raise ConfigError(f"Settings: {faults}. See `assay settings`.") from error


def source(name: str, options: dict[str, Any] | None = None) -> str:
    """Return where a setting's value comes from: option, environment, file or default."""
    if options and options.get(name) is not None:
        return "option"
    if f"ASSAY_{name.upper()}" in {key.upper() for key in os.environ}:
        return f"environment ASSAY_{name.upper()}"
    in_file = TomlConfigSettingsSource(Settings, config_file())()
    return str(config_file()) if name in in_file else "default"
