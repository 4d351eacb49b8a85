"""A small simulated country that is ready to be served: store, model, profiles, policy, and declarations of today.

Enters: a folder, the day on which it is served. Leaves: the same folder filled once, and used again while the day is
the same. Everything is simulated.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import polars as pl

from basira.country import load_scenario, make_world
from basira.features.online.plan import catalog_digest
from basira.ingest.mapping.model import load_mapping
from basira.schema.fields import DECLARATION_FIELDS, ITEM_FIELDS
from basira.schema.shipped import shipped
from basira.storage.history.store import History
from basira.workflows.intake.feedback import record_feedback
from basira.workflows.intake.ingest import ingest_files
from basira.workflows.profiles import build_profiles
from basira.workflows.train import train

ITEMS_EACH = 3
_HEADER = [f.name for f in DECLARATION_FIELDS if f.name not in ("declaration_id", "declaration_version", "declared_at")]
_ITEM = [f.name for f in ITEM_FIELDS if f.name != "item_number"]


@dataclass(frozen=True)
class ServedWorld:
    """``templates``: a file of declarations' headers and items, without number and moment."""

    store: Path
    policy: Path
    templates: Path


def served_world(folder: Path, *, today: date, items: int, seed: int = 1, selected: float = 0.08) -> ServedWorld:
    """The world of a folder, made when it is not there (some minutes). One of another day or version is rejected.

    ``items``: of the simulated year before ``today``. ``selected``: share of the day that the lanes have slots for.
    """
    made = ServedWorld(folder / "store", folder / "policy", folder / "templates.json")
    # Another version's profiles can't be served.
    mark = folder / f"made-{today}-{items}-{selected}-{catalog_digest()}"
    if not mark.is_file():
        if folder.exists() and any(folder.iterdir()):
            raise SystemExit(f"{folder} holds another world: give an empty folder, or remove it.")
        _make(made, folder, today=today, items=items, seed=seed, selected=selected)
        mark.touch()
    return made


def _make(made: ServedWorld, folder: Path, *, today: date, items: int, seed: int, selected: float) -> None:
    yesterday = today - timedelta(days=1)
    changes = {"starts_on": today - timedelta(days=365), "ends_on": yesterday, "items": items}
    make_world(load_scenario("small", changes=changes), seed=seed, out=folder / "world")
    history, now = History.create(made.store), datetime(today.year, today.month, today.day)
    declarations = sorted((folder / "world" / "declarations").glob("*.parquet"))
    ingest_files(history, declarations, load_mapping("basira"), received_at=now)
    results = sorted((folder / "world" / "outcomes").glob("*.parquet"))
    record_feedback(history, results, load_mapping("basira-outcomes"), received_at=now)
    train(history, as_of=yesterday, seed=seed, now=now)
    build_profiles(history, as_of=yesterday, now=now)
    made.policy.mkdir()
    text = (shipped("policies") / "example" / "policy.toml").read_text(encoding="utf-8")
    text = text.replace("share = 0.10, minimum = 1", f"share = {selected * 2 / 3:.4f}, minimum = 1")
    text = text.replace("share = 0.05, minimum = 1", f"share = {selected / 3:.4f}, minimum = 1")
    (made.policy / "policy.toml").write_text(text, encoding="utf-8")
    made.templates.write_text(json.dumps(_templates(declarations)), encoding="utf-8")


def _templates(paths: list[Path]) -> list[dict[str, Any]]:
    """Declarations of exactly three items: each header with its own items, filled up with the next ones' items."""
    frame = pl.concat([pl.read_parquet(path) for path in paths]).sort("declared_at", "declaration_id").tail(12_000)
    rows = frame.to_dicts()
    found = []
    for start in range(0, len(rows) - ITEMS_EACH, ITEMS_EACH):
        part = rows[start : start + ITEMS_EACH]
        header = {name: part[0][name] for name in _HEADER if part[0].get(name) is not None}
        items = [{name: row[name] for name in _ITEM if row.get(name) is not None} for row in part]
        found.append({**header, "items": items})
    return found


def declarations_of(made: ServedWorld, *, moment: datetime, mark: str) -> Iterator[dict[str, Any]]:
    """New declarations without end; ``mark`` begins their numbers, so that two runs never send the same."""
    templates = json.loads(made.templates.read_text(encoding="utf-8"))
    for number in count():
        own = {"declaration_id": f"{mark}-{number:07d}", "declared_at": moment.isoformat()}
        yield own | templates[number % len(templates)]
