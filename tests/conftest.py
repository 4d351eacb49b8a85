"""What every test shares: one thread a process, and examples that don't depend on how busy the machine is."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

# Before any library reads them: several workers share the cores, and one thread gives the same sums every time.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("POLARS_MAX_THREADS", "2")

import pytest
from hypothesis import settings

# The fixtures that several folders share: databases, a service with its world, labelled data.
pytest_plugins = ["tests.support.postgres", "tests.support.service", "tests.support.lab_world"]

# What a person's terminal and settings say is theirs: a command that a test runs folds no line and has no colour, and
# takes no store, policy, database or language that this machine's user works with.
THEIRS = (
    "LC_ALL",
    "LC_MESSAGES",
    "LANG",
    "COLUMNS",
    "LINES",
    "TERMINAL_WIDTH",
    "FORCE_COLOR",
    "NO_COLOR",
    "TTY_COMPATIBLE",
    "TTY_INTERACTIVE",
)
for name in [name for name in os.environ if name in THEIRS or name.startswith("BASIRA_")]:
    del os.environ[name]

# No deadline: it measures the machine's other work. Derandomized where CI is set: a red run can be run again.
settings.register_profile("house", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("house")


@pytest.fixture(autouse=True)
def _limits_of_the_process() -> Iterator[None]:
    """What a service sets for its whole process (`basira.app`) ends with the test that started one."""
    digits = sys.get_int_max_str_digits()
    yield
    sys.set_int_max_str_digits(digits)
