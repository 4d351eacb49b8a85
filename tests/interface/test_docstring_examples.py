"""The examples of the docstrings run: those that need a store, on one."""

from __future__ import annotations

import doctest
import inspect
from datetime import date
from pathlib import Path

import pytest

import basira as bs
from tests.support.interface_world import Files

METHODS = [name for name, _ in inspect.getmembers(bs.Store, inspect.isfunction) if not name.startswith("_")]


@pytest.mark.parametrize("name", METHODS)
def test_the_examples_of_a_method_run(
    name: str, store: bs.Store, files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(files.folder)
    own = store
    if name in ("ingest", "feedback"):  # these fill one
        own = bs.open_store(tmp_path / "store", create=True)
    if name == "feedback":
        own.ingest("declarations.csv", "declarations.toml")
    if name in ("target", "explain", "decisions"):
        own.train(as_of=date(2024, 5, 31))
    if name == "decisions":
        own.target(date(2024, 6, 10), any_office=True)
    names = {"store": own, "bs": bs, "date": date}
    found = doctest.DocTestParser().get_doctest(inspect.getdoc(getattr(bs.Store, name)) or "", names, name, None, 0)
    for example in found.examples:
        # pytest passes over those that need a store.
        example.options.pop(doctest.SKIP, None)
    assert any(example.exc_msg for example in found.examples), "an example of an error"
    shown: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(found, out=shown.append)
    assert shown == []
