"""The simulated country as a service has it on a working day: a history, a model, the day's decisions, people.

Enters: a folder that does not exist yet, a seed, the time. Leaves: a store with an operational database in it. Never
here: a shortcut; each step is the one that the commands and the service take. A clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl

from basira.country import load_scenario, make_world
from basira.ingest.mapping.model import load_mapping
from basira.schema.access import Grant
from basira.schema.errors import UsageError
from basira.schema.fields import DECLARATION_FIELDS, ITEM_FIELDS
from basira.schema.json_values import JsonObject
from basira.schema.records import ItemRow
from basira.schema.shipped import shipped
from basira.schema.tables import SIMULATED_KEY
from basira.serving.decide.batch import decide
from basira.serving.decide.idempotency import Asked
from basira.serving.decide.result import Decided
from basira.serving.service import Service, ServiceSettings, open_service
from basira.storage.accounts.users import NewUser, create_user, hash_password
from basira.storage.history.store import History
from basira.workflows.demo import MARK, POLICY, SCENARIO, Step
from basira.workflows.intake.feedback import record_feedback
from basira.workflows.intake.ingest import ingest_files
from basira.workflows.profiles import build_profiles
from basira.workflows.train import train

# So many days end today: with the scenario's items some 200 declarations a day, and enough results to learn from.
DAYS = 120
ACTOR = "demo"
# A person for each role; the office of the inspectors is one of the scenario's.
PEOPLE: tuple[tuple[str, str, Grant], ...] = (
    ("inspecteur", "Nadia Inspecteur", Grant("inspector", "TNG-MED")),
    ("inspecteur2", "Omar Inspecteur", Grant("inspector", "TNG-MED")),
    ("inspecteur3", "Sara Inspecteur", Grant("inspector", "CASA-PORT")),
    ("analyste", "Amine Analyste", Grant("analyst")),
    ("responsable", "Houda Responsable", Grant("manager")),
    ("donnees", "Yassine Données", Grant("data_scientist")),
    ("auditeur", "Leila Auditeur", Grant("auditor")),
    ("administrateur", "Karim Administrateur", Grant("administrator")),
)
_HEADER = tuple(field.name for field in DECLARATION_FIELDS if field.name != "declaration_version")
_ITEM = tuple(field.name for field in ITEM_FIELDS)


@dataclass(frozen=True)
class OnlineDemo:
    """What was made. ``decided``: declarations of today; ``inspected``: of them in a lane that inspects."""

    store: Path
    decided: int
    inspected: int


def prepare_demo(
    folder: Path, *, password: str, seed: int, now: datetime, step: Step, items: int | None = None
) -> OnlineDemo:
    """Make the simulated country up to today in ``folder``, decide what is declared today, and give each role a person
    with ``password``. ``step``: opens the progress of one step. ``items``: expected number of the whole country; None:
    the scenario's. Raises UsageError for a password that is too short, and
    for a folder that exists."""
    if folder.exists():
        raise UsageError(
            "Expected a folder that does not exist, found {folder!r}.",
            hint="Choose another.",
            folder=str(folder),
        )
    hashed = hash_password(password)
    folder.mkdir(parents=True)
    (folder / MARK).write_text("Made by basira demo; may be deleted.\n", encoding="utf-8")
    today, yesterday = now.date(), now.date() - timedelta(days=1)
    changes: JsonObject = {"starts_on": today - timedelta(days=DAYS - 1), "ends_on": today}
    if items is not None:
        changes["items"] = items
    with step("simulated administration") as progress:
        make_world(load_scenario(SCENARIO, changes=changes), seed=seed, out=folder / "world", progress=None)
        progress(1, 1, "made")
    declared, results = (_read(folder / "world" / name) for name in ("declarations", "outcomes"))
    history = History.create(folder / "store")
    with step("ingest") as progress:
        before = declared.filter(pl.col("declared_at").dt.date() < today)
        known = results.filter(pl.col("known_at").dt.date() < today)
        known = known.join(before.select("declaration_id").unique(), on="declaration_id", how="semi")
        _write(before, folder / "history" / "declarations.parquet")
        _write(known, folder / "history" / "outcomes.parquet")
        ingest_files(history, [folder / "history" / "declarations.parquet"], load_mapping("basira"), received_at=now)
        progress(1, 2, "declarations")
        record_feedback(
            history, [folder / "history" / "outcomes.parquet"], load_mapping("basira-outcomes"), received_at=now
        )
        progress(2, 2, "results")
    with step("train") as progress:
        train(history, as_of=yesterday, seed=seed, now=now, progress=progress)
    with step("profiles") as progress:
        build_profiles(history, as_of=yesterday, now=now)
        progress(1, 1, "built")
    with closing(open_service(ServiceSettings(history.root, shipped("policies") / POLICY), today=today)) as service:
        with service.database.write() as connection:
            for login, name, grant in PEOPLE:
                new = NewUser(login, name, [grant], password_hash=hashed, must_change_password=False)
                create_user(connection, new, actor=ACTOR, now=now)
        with step("today's declarations") as progress:
            decided = inspected = 0
            bodies = list(_bodies(declared, today, now=now))
            for number, body in enumerate(bodies, 1):
                done = _decide(body, service, now=now)
                decided, inspected = decided + (done is not None), inspected + bool(done and done.body["inspects"])
                progress(number, len(bodies), body["declaration_id"])
    return OnlineDemo(history.root, decided, inspected)


def _decide(body: JsonObject, service: Service, *, now: datetime) -> Decided | None:
    at = min(now, datetime.fromisoformat(body["declared_at"]))
    done = decide(body, service, now=at, asked=Asked(ACTOR))
    return done if isinstance(done, Decided) else None


def _read(folder: Path) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(path) for path in sorted(folder.glob("*.parquet"))], how="diagonal_relaxed")


def _write(table: pl.DataFrame, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    # With the mark of the simulator's files, by which the store, its decisions and the pages say what they are.
    table.write_parquet(path, metadata={SIMULATED_KEY.decode(): "true"})


def _bodies(declared: pl.DataFrame, day: date, *, now: datetime) -> Iterator[JsonObject]:
    """The declarations of a day as the API takes them, in order. One that comes later today comes now."""
    of_day = declared.filter(pl.col("declared_at").dt.date() == day)
    if "declaration_version" in of_day.columns:
        of_day = of_day.filter(pl.col("declaration_version").fill_null(1) == 1)
    found: dict[str, list[ItemRow]] = {}
    for row in of_day.sort("declared_at", "declaration_id", maintain_order=True).to_dicts():
        found.setdefault(row["declaration_id"], []).append(row)
    for rows in found.values():
        header = _values(rows[0], _HEADER)
        header["declared_at"] = min(now, rows[0]["declared_at"]).replace(microsecond=0).isoformat()
        yield header | {"items": [_values(row, _ITEM) for row in rows]}


def _values(row: ItemRow, names: Sequence[str]) -> JsonObject:
    values = {name: row[name] for name in names if row.get(name) is not None}
    return {name: one.isoformat() if isinstance(one, datetime) else one for name, one in values.items()}
