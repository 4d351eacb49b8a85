"""The stages of a store's models, on record: which model decides, and the steps that change it.

Enters: a store, the database of the record, a login, the moment. Leaves: models with their stages, the live model.
Never here: a model that decides and is not live; a step without an audit event.

A store of an earlier version has no step on record. Its models then count as live in the order of what they know, as
they were served: the newest decides. That is written down (`adopt_models`) before any other model joins them.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import sqlalchemy as sa

from basira.models.risk.files import read_model
from basira.models.risk.risk_model import RiskModel
from basira.monitor.stages import (
    SOFTWARE,
    STAGES,
    Stage,
    StageStep,
    adopt,
    check_step,
    eligible_versions,
    live_version,
    previous_version,
    stage_of,
)
from basira.schema.errors import ModelError, NotFoundError, StoreError
from basira.schema.json_values import JsonObject
from basira.storage.database.connection import Database, lock_chains
from basira.storage.history.store import History
from basira.storage.model_store import Models
from basira.storage.record.activity import names_of
from basira.storage.record.model_steps import NewStep, RecordedStep, append_model_step, list_model_steps
from basira.workflows.rules.life import find_person

_ADOPTED = "in the store before stages were recorded, or its first model"


@dataclass(frozen=True)
class StagedModel:
    """A model with its stage. ``steps``: its own, in order; of one that is not on record yet, without a moment.
    ``is_kept``: whether its files are still there; without them ``card`` is empty."""

    version: str
    stage: Stage
    card: JsonObject
    steps: tuple[StageStep, ...]
    is_kept: bool = True


def read_steps(models: Models, connection: sa.Connection | None) -> tuple[StageStep, ...]:
    """The steps on record; when there is none, those that `adopt_models` would record. ``connection``: None where there
    is no database yet."""
    recorded = () if connection is None else tuple(_step(one) for one in list_model_steps(connection))
    return recorded or _adoption(models)


def adopt_models(history: History, place: str | Path, *, now: datetime) -> tuple[StageStep, ...]:
    """Record the models of a store as live, in the order of what they know, when no step is on record; the steps that
    were recorded, none as a rule. Raises StoreError.

    ``place``: of the database, made when it is absent and there is a model.
    """
    models = Models(history.root)
    if not _adoption(models):
        return ()
    with Database(place, create=True) as database:
        return adopt_in(models, database, now=now)


def adopt_in(models: Models, database: Database, *, now: datetime) -> tuple[StageStep, ...]:
    """As `adopt_models`, in a database that is open."""
    with database.read() as connection:
        if list_model_steps(connection):
            return ()
    with database.write() as connection:
        lock_chains(connection)  # two that adopt at once: the second finds the work done
        if list_model_steps(connection):
            return ()
        return tuple(_record(connection, one, now=now) for one in _adoption(models))


def live_model(history: History, place: str | Path, *, as_of: date, version: str = "") -> RiskModel:
    """The model that decides a day of which nothing later than ``as_of`` may be known.

    That is the live one; where it knows later results, the last one that it replaced and that knows none.

    Parameters
    ----------
    place : of the database; absent: no step is on record.
    version : accept this one alone; "": whichever may decide.

    Raises
    ------
    ModelError : no model may decide then, or the one asked for is not live or knows later results.
    StoreError : the database can't be read.
    """
    models = Models(history.root)
    with _open_if_there(place) as database:
        if database is None:
            return choose_live(models, None, as_of=as_of, version=version)
        with database.read() as connection:
            return choose_live(models, connection, as_of=as_of, version=version)


def live_version_now(models: Models, connection: sa.Connection | None, *, as_of: date, version: str = "") -> str:
    """The version that decides, see `live_model`. Reads cards alone. Raises ModelError."""
    steps = read_steps(models, connection)
    known = {str(card["version"]): str(card["as_of"]) for card in models.cards()}
    allowed = eligible_versions(steps)
    if version:
        models.folder(version)  # NotFoundError names those that exist
    if not allowed and not version:
        found = f"{len(known)} of other stages" if known else "no model in this store"
        train = f"Train one first: basira train --as-of {as_of} --store {shlex.quote(str(models.store))}"
        raise ModelError(
            f"Expected a live model, found {found}.",
            hint="Promote one: `basira models list` shows them." if known else train,
        )
    if allowed and allowed[0] not in known:
        raise ModelError(
            f"Expected the files of the live model {allowed[0]}, found no card.",
            hint="Restore its folder from backup, or bring the one before back: basira models rollback",
        )
    fitting = [one for one in allowed if one in known and known[one] <= as_of.isoformat()]
    if version and version not in fitting[:1]:
        raise ModelError(
            f"Expected a model that is live and knows nothing later than {as_of}, found {version}, which is "
            f"{stage_of(steps, version)} and knows results up to {known.get(version)}.",
            hint=f"Nothing but a live model decides. Promote it: basira models promote {version} --by LOGIN "
            "--motive WHY; or look at what it gives with --preview or `basira score --model`.",
        )
    if not fitting:
        raise ModelError(
            f"Expected a live model that knows nothing later than {as_of}, found "
            + ", ".join(f"{one} up to {known.get(one, 'no card')}" for one in allowed[:3])
            + ".",
            hint=f"Train one (basira train --as-of {as_of}) and promote it, or choose a later day.",
        )
    return fitting[0]


def choose_live(models: Models, connection: sa.Connection | None, *, as_of: date, version: str = "") -> RiskModel:
    """`live_model` in a store and a database that are open."""
    return read_model(models.folder(live_version_now(models, connection, as_of=as_of, version=version)))


def shadow_versions(history: History, place: str | Path, *, as_of: date) -> tuple[str, ...]:
    """The models in the shadow that know nothing later than ``as_of``, in the order of their cards."""
    models = Models(history.root)
    with _open_if_there(place) as database:
        if database is None:
            return ()
        with database.read() as connection:
            steps = read_steps(models, connection)
    cards = [(str(card["version"]), str(card["as_of"])) for card in models.cards()]
    return tuple(v for v, known in cards if known <= as_of.isoformat() and stage_of(steps, v) == "shadow")


def list_models(history: History, place: str | Path) -> list[StagedModel]:
    """Every model of the store or of the record, the latest knowledge first, with its stage. Raises StoreError."""
    models = Models(history.root)
    with _open_if_there(place) as database:
        if database is None:
            return staged_models(models, None)
        with database.read() as connection:
            return staged_models(models, connection)


def staged_models(models: Models, connection: sa.Connection | None) -> list[StagedModel]:
    """`list_models` in a database that is open; None: no step is on record."""
    steps = read_steps(models, connection)
    cards = models.cards()
    there = {str(card["version"]) for card in cards}
    gone = dict.fromkeys(step.version for step in steps if step.version not in there)
    return [
        *(_staged(steps, str(card["version"]), card) for card in cards),
        *(replace(_staged(steps, version, {}), is_kept=False) for version in gone),
    ]


def enter_candidate(history: History, place: str | Path, version: str, *, login: str, now: datetime) -> StageStep:
    """Record who trained a model: a manager who did not may then promote it. Raises NotFoundError, ModelError."""
    return take_model_step(history, place, version, "candidate", login=login, now=now, motive="trained")


def take_model_step(
    history: History, place: str | Path, version: str, wanted: Stage, *, login: str, now: datetime, motive: str
) -> StageStep:
    """Take a step of a model's life, on record and audited.

    Raises ModelError when it may not be taken, NotFoundError for an unknown model or login, StoreError.
    """
    models = Models(history.root)
    _card_of(models, version)
    adopt_models(history, place, now=now)
    with Database(place, create=False) as database:
        return take_step_in(models, database, version, wanted, login=login, now=now, motive=motive)


def take_step_in(
    models: Models, database: Database, version: str, wanted: Stage, *, login: str, now: datetime, motive: str
) -> StageStep:
    """As `take_model_step`, in a database that is open."""
    card = _card_of(models, version)
    adopt_in(models, database, now=now)
    with database.write() as connection:
        lock_chains(connection)
        steps = read_steps(models, connection)
        person = find_person(connection, login)
        check_step(steps, version, wanted, actor=person.id, roles=person.roles, motive=motive)
        if wanted in ("shadow", "live") and str(card["as_of"]) >= now.date().isoformat():
            raise ModelError(
                f"Expected a model that knows nothing of today, found {version}, which knows {card['as_of']}.",
                hint="Take this step on the day after.",
            )
        if wanted in ("shadow", "live"):
            read_model(models.folder(version))  # one that can't be read must not take the place of one that can
        before = stage_of(steps, version) if any(step.version == version for step in steps) else None
        detail = {"digest": models.digest(version)}
        if wanted == "live":
            detail["replaces"] = live_version(steps) or ""
        return _record(
            connection,
            StageStep(version, wanted, person.id, motive=motive.strip()),
            now=now,
            before=before,
            detail=detail,
        )


def roll_back(history: History, place: str | Path, *, login: str, now: datetime, motive: str) -> tuple[str | None, str]:
    """Bring back the model that was live before, and retire the one that is; which ones.

    One person may do it: two approved the earlier model once. Raises ModelError, NotFoundError, StoreError.
    """
    adopt_models(history, place, now=now)
    with Database(place, create=False) as database:
        return roll_back_in(Models(history.root), database, login=login, now=now, motive=motive)


def roll_back_in(
    models: Models, database: Database, *, login: str, now: datetime, motive: str
) -> tuple[str | None, str]:
    """As `roll_back`, in a database that is open."""
    adopt_in(models, database, now=now)
    with database.write() as connection:
        lock_chains(connection)
        steps = read_steps(models, connection)
        person = find_person(connection, login)
        taken, back = previous_version(steps, roles=person.roles, motive=motive)
        read_model(models.folder(back))
        said = motive.strip()
        if taken is not None:
            step = StageStep(taken, "retired", person.id, motive=said)
            _record(connection, step, now=now, before="live", detail={"replaced_by": back})
        step = StageStep(back, "live", person.id, motive=said)
        _record(connection, step, now=now, before="retired", detail={"replaces": taken or ""})
        return taken, back


def name_actors(place: str | Path, steps: Sequence[StageStep]) -> dict[str, str]:
    """The logins of the persons who took steps, by id; the software and accounts that are gone are not among them."""
    ids = {step.actor for step in steps} - {SOFTWARE}
    with _open_if_there(place) as database:
        if not ids or database is None:
            return {}
        with database.read() as connection:
            return names_of(connection, ids)


@contextmanager
def _open_if_there(place: str | Path) -> Iterator[Database | None]:
    """The database; None where its file is not there yet. Raises StoreError when it can't be read."""
    if "://" not in str(place) and not Path(place).is_file():
        yield None
    else:
        with Database(place, create=False) as database:
            yield database


def _step(recorded: RecordedStep) -> StageStep:
    stage = next((one for one in STAGES if one == recorded.stage), None)
    if stage is None:
        raise StoreError(
            f"Expected a stage of a model ({', '.join(STAGES)}) on record, found {recorded.stage!r}.",
            hint="Use the version of Basira that wrote it, or a newer one.",
        )
    return StageStep(recorded.version, stage, recorded.actor, recorded.taken_at, recorded.motive)


def _adoption(models: Models) -> tuple[StageStep, ...]:
    return adopt([str(card["version"]) for card in reversed(models.cards())], _ADOPTED)


def _card_of(models: Models, version: str) -> JsonObject:
    models.folder(version)
    found = next((card for card in models.cards() if card["version"] == version), None)
    if found is None:
        raise NotFoundError(f"Expected the card of {version}, found none.", hint="Restore its folder from backup.")
    return found


def _record(
    connection: sa.Connection,
    step: StageStep,
    *,
    now: datetime,
    before: str | None = None,
    detail: Mapping[str, str | None] | None = None,
) -> StageStep:
    new = NewStep(step.version, step.stage, step.actor, step.motive)
    made = append_model_step(connection, new, now=now, before=before, detail=detail)
    return replace(step, taken_at=made.taken_at)


def _staged(steps: Sequence[StageStep], version: str, card: JsonObject) -> StagedModel:
    return StagedModel(version, stage_of(steps, version), card, tuple(s for s in steps if s.version == version))
