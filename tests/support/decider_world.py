"""A decider without a service around it, what waits for it, and a declaration that it fails on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from basira.serving.decide import placement
from basira.serving.decide.idempotency import Asked
from basira.serving.decide.worker import Decider
from basira.serving.service import Service
from tests.support.api_world import at

ME = Asked("k-1")


@contextmanager
def decider_of(service: Service, **options: Any) -> Iterator[Decider]:
    made = Decider(lambda: service, lambda: at(9), **options)
    yield made
    made.close()


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < end, "not within 30 s"
        time.sleep(0.005)


def break_placing(monkeypatch: pytest.MonkeyPatch, faulty: str) -> None:
    """To give the declaration of this number its lane raises ZeroDivisionError; the others get theirs."""
    place = placement.place

    def broken(candidate: Any, *rest: Any, **named: Any) -> Any:
        if candidate.declaration_id == faulty:
            raise ZeroDivisionError
        return place(candidate, *rest, **named)

    monkeypatch.setattr(placement, "place", broken)
