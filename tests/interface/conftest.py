"""One store for the tests of the Python interface, filled through it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

import basira as bs
from tests.support.interface_world import Files, rows, write


@pytest.fixture(scope="module", autouse=True)
def _no_waiting_for_the_disk() -> Iterator[None]:
    """Power cuts are tests/storage's business."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return write(tmp_path_factory.mktemp("files"), rows(1500, 0, 181, "D", seed=1))


@pytest.fixture(scope="session")
def store(files: Files, tmp_path_factory: pytest.TempPathFactory) -> bs.Store:
    """Tests add models and runs to it, never declarations or results."""
    made = bs.open_store(tmp_path_factory.mktemp("whole") / "store", create=True, memory="1GB", threads=1)
    made.ingest(files.declarations, files.mapping("declarations"))
    made.feedback(files.results, files.mapping("results"))
    return made
