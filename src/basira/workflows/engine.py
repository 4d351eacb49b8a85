"""What every workflow that computes takes: bounds of the computation, and somewhere to report its progress.

Enters: figures of the caller. Leaves: `EngineBounds`, `Progress`. Never here: a computation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

# Steps done, steps in all, the step that begins.
Progress = Callable[[int, int, str], None]
# Called between two parts of a computation; it may raise, to end it.
Pause = Callable[[], None]


@dataclass(frozen=True)
class EngineBounds:
    """Bounds of the computation. Not part of any result: other bounds give the same figures.

    ``seconds``: that queries may take in all; None: as long as they take. ``master``: of Spark, as
    `engines.spark.open_session` takes it, which then computes in place of DuckDB; "": DuckDB. ``memory`` and
    ``threads`` are DuckDB's alone.
    """

    memory: str = "2GB"
    threads: int = 2
    seconds: float | None = None
    master: str = ""


def no_pause() -> None:
    """Between two parts of a computation: go on."""


def silent(done: int, total: int, what: str) -> None:
    """Progress that is not shown."""
