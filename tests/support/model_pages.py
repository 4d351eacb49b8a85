"""A store with a live model and a candidate, for the tests of the models' pages."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

from basira.serving.service import Service
from basira.storage.history.store import History
from basira.storage.model_store import Models
from basira.workflows.models.stages import adopt_in
from basira.workflows.train import train
from tests.support.api_world import AS_OF, ENGINE, NOW, QUICK


def store_with_candidate(service: Service, folder: Path) -> tuple[Path, str]:
    """A copy of the service's store in which another model was trained; its root and the other's version."""
    assert service.store is not None
    root = Path(shutil.copytree(service.store, folder / "store"))
    other = train(History.open(root), as_of=AS_OF - timedelta(days=20), seed=2, now=NOW, settings=QUICK, engine=ENGINE)
    return root, other.version


def adopt(service: Service, live: str) -> None:
    """Record the models of a store before the candidate came: only ``live`` is on record, as live."""
    assert service.store is not None
    models = Models(service.store)
    aside = service.store / "aside"
    aside.mkdir()
    others = [one for one in (service.store / "models").iterdir() if one.is_dir() and one.name != live]
    for one in others:
        one.rename(aside / one.name)
    adopt_in(models, service.database, now=NOW)
    for one in others:
        (aside / one.name).rename(service.store / "models" / one.name)
    aside.rmdir()
