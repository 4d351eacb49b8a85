"""What every workflow that computes takes: bounds of the computation, and somewhere to report its progress.

Enters: figures of the caller. Leaves: `EngineBounds`, `Progress`. Never here: a computation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

# Steps done, steps in all, the step that begins.
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class EngineBounds:
    """Bounds of the computation. Not part of any result: other bounds give the same figures."""

    memory: str = "2GB"
    threads: int = 2


def silent(done: int, total: int, what: str) -> None:
    """Progress that is not shown."""
