"""What the performance measurements share: figures with targets, ratios, memory, percentiles."""

import re
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """One measured value. `target` is its bound: `at_least` or else at most; None only reports."""

    name: str
    value: float
    unit: str
    target: float | None = None
    at_least: bool = False

    @property
    def met(self) -> bool | None:
        """Whether the bound holds, or None without one."""
        if self.target is None:
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target

    def line(self) -> str:
        """Return the figure as a line of a table."""
        bound = ""
        if self.target is not None:
            sign = ">=" if self.at_least else "<="
            bound = f"{sign} {self.target:g}: {'met' if self.met else 'MISSED'}"
        return f"{self.name:<66} {self.value:>10.3f} {self.unit:<12} {bound}"


def seconds(work: Callable[[], object]) -> float:
    """Return how long a call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def ratio(one: Callable[[], object], other: Callable[[], object], times: int = 3) -> list[float]:
    """Return seconds of `one` over seconds of `other`, measured in turn, so noise meets both."""
    return [seconds(one) / seconds(other) for _ in range(times)]


def percentile(values: Sequence[float], percent: int) -> float:
    """Return a percentile of 1 to 99; the median for 50."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def memory_mb(pid: int | str = "self", what: str = "VmRSS") -> float:
    """Return a process's resident memory in MB, or another line of its status (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(rf"^{what}:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def peak_mb() -> float:
    """Return the most resident memory that this process had since `reset_peak`, in MB."""
    return memory_mb(what="VmHWM")


def reset_peak() -> None:
    """Start the peak anew (Linux)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
