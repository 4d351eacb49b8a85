"""The libraries of the optional extra ``deep``: loaded when a strategy needs them, never before.

Enters: a library's name. Leaves: the library, or an error that says how to install it. Never here: a strategy.

Nothing of Basira imports PyTorch by itself: without the extra all but the strategies that need it work.
"""

from __future__ import annotations

import importlib
import importlib.util
import random
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from basira.schema.errors import UsageError

TORCH = ("torch",)
TABNET = ("torch", "pytorch_tabnet", "pandas")
PYOD = ("pyod",)


def is_installed(needs: Sequence[str]) -> bool:
    """Whether all these libraries are there; none is loaded.

    >>> is_installed(("polars",)), is_installed(("polars", "no_such_library"))
    (True, False)
    """
    return all(importlib.util.find_spec(name) is not None for name in needs)


def check_installed(strategy: str, needs: Sequence[str]) -> None:
    """Reject a strategy whose libraries are not there.

    Raises
    ------
    UsageError : names the strategy, the libraries and the command.
    """
    absent = [name for name in needs if not is_installed((name,))]
    if absent:
        raise UsageError(
            "strategy {strategy!r}: expected {needs}, found no {absent}.",
            hint="Install the optional extra: pip install 'basira[deep]'. `basira lab strategies` says what needs it.",
            strategy=strategy,
            needs=", ".join(needs),
            absent=", ".join(absent),
        )


def load(name: str, *, needs: Sequence[str]) -> Any:
    """A library of the extra, or a module of it, with PyTorch on one thread.

    One thread gives the same sums every time, and runs side by side don't get in each other's way.

    Raises
    ------
    UsageError : it is not installed.
    """
    check_installed(name.partition(".")[0], needs)
    with warnings.catch_warnings():
        # What these libraries say of their own imports is not the reader's business.
        warnings.simplefilter("ignore")
        if "torch" in needs:
            importlib.import_module("torch").set_num_threads(1)
        return importlib.import_module(name)


@contextmanager
def seed_torch(seed: int) -> Iterator[Any]:
    """PyTorch with its generator at ``seed``; every global generator is afterwards as it was before."""
    torch = load("torch", needs=TORCH)
    python_state, numpy_state = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(seed)
        try:
            yield torch
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)
