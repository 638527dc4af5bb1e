"""What can go wrong, and whose turn it is.

    AssayError
    ├── ConfigError     a pipeline, setting or index that cannot work: the operator changes it
    ├── InputError      a question, document, filter or dataset that cannot be used
    │   └── NotFoundError   it names an index, a pipeline or a document that is not there
    ├── ProviderError   a model or model endpoint failed
    │   └── DeadlineError   the request's time ran out
    └── StoreError      the index failed
        ├── BusyError       another process holds the data directory
        └── UnavailableError   it may work again soon: `retry_after_s` says when to ask

Adapters turn every provider's exceptions into these. The text names the input and the way out.
"""

from collections.abc import Mapping


class AssayError(Exception):
    """Anything that Assay raises on purpose."""


class ConfigError(AssayError):
    """A pipeline, a setting or an index that cannot work as it is."""


class InputError(AssayError):
    """Input that cannot be used. `field` names the part of the request, where there is one."""

    def __init__(self, message: str, field: str | None = None) -> None:
        """Keep the message and the name of the field."""
        super().__init__(message)
        self.field = field


class NotFoundError(InputError):
    """Input that names an index, a pipeline or a document that is not there."""


class ProviderError(AssayError):
    """A model or a model endpoint that failed. `cost` is what it took until then, as in `Reply`."""

    def __init__(self, message: str, cost: Mapping[str, float] | None = None) -> None:
        """Keep the message and the cost."""
        super().__init__(message)
        self.cost = dict(cost or {})


class DeadlineError(ProviderError):
    """The request's time ran out."""


class StoreError(AssayError):
    """An index that failed."""


class BusyError(StoreError):
    """A data directory that another process holds."""


class UnavailableError(StoreError):
    """An index that cannot answer now and may soon. `retry_after_s` is a wait in seconds."""

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        """Keep the message and the wait."""
        super().__init__(message)
        self.retry_after_s = retry_after_s
