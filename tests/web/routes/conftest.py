"""A day decided once for the tests that only read, and anew for each that records."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from basira.serving.service import Service
from basira.storage.database.connection import Database
from tests.support.web_world import Decided, decide_all, house_with_pages


@pytest.fixture(scope="module")
def read_only(whole: Service, prepared_file: Any, arrivals: Any, tmp_path_factory: Any) -> Iterator[Decided]:
    path = shutil.copy(prepared_file, tmp_path_factory.mktemp("pages") / "operations.sqlite")
    service = replace(whole, database=Database(path))
    yield decide_all(house_with_pages(service), arrivals)
    service.close()


@pytest.fixture
def decided(blank: Service, arrivals: Any) -> Decided:
    return decide_all(house_with_pages(blank), arrivals)
