"""What was installed: the build of torch, and the size of the environment.

Run by `make demo`. A CUDA build of torch brings gigabytes that a machine without a GPU never uses.
"""

import os
import sys
import sysconfig
from collections.abc import Iterable
from importlib.metadata import distributions, version

CUDA_REMEDY = """\
  That is a CUDA build. Without a GPU, the CPU build does the same in a fraction of the space:
  look up the address of PyTorch's package index for CPUs (pytorch.org, "Start locally", CPU), then
      make clean
      python3 -m venv .venv && .venv/bin/pip install -c constraints.txt --index-url ADDRESS torch
      make demo"""


def described(torch: str, packages: Iterable[str], megabytes: float) -> str:
    """Return the lines that tell a build of torch and the size; `packages` are all names."""
    cuda = "+cu" in torch or any(name.lower().startswith("nvidia-") for name in packages)
    build = "a CUDA build" if cuda else "a build for CPUs"
    told = f"Installed: {megabytes:,.0f} MB, with torch {torch} ({build})."
    return f"{told}\n{CUDA_REMEDY}" if cuda else told


def folder_mb(folder: str) -> float:
    """Return the size of a folder's files in MB; links are not followed."""
    total = 0
    for place, _, names in os.walk(folder):
        total += sum(os.lstat(os.path.join(place, name)).st_size for name in names)  # noqa: PTH118
    return total / 1e6


def main() -> int:
    """Print what is installed in this environment."""
    names = [each.metadata["Name"] or "" for each in distributions()]
    size = folder_mb(sysconfig.get_paths()["purelib"])
    sys.stdout.write(described(version("torch"), names, size) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
