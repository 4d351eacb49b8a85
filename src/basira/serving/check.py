"""A check of what the service needs, before it serves.

Enters: the settings of a start, today. Leaves: what the service would lack, in words; what a start makes once. Never
here: a decision, a port. A fault that would end the start raises here too.
"""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path

from basira.models.risk.risk_model import RiskModel
from basira.schema.errors import BasiraError
from basira.selection.policy.load import load_policy
from basira.serving.currency import RatesInForce
from basira.serving.service import SEED_FILE, Service, ServiceSettings, model_of, read_seed
from basira.serving.trial import try_decision
from basira.serving.views.rejected import USUAL_QUOTA, Quota, list_reached_limits
from basira.storage.database.connection import Database, file_of, is_empty, shown_place
from basira.storage.history.store import History
from basira.storage.private_files import find_open
from basira.storage.profiles.reader import ProfileReader
from basira.workflows.profiles import read_profiles
from basira.workflows.targeting.record import OPERATIONS, operations_of

_OTHERS = 0o077  # rights of the group and of all users


def prepare_service(store: Path, policies: Path, *, today: date, database: str = "") -> list[str]:
    """Make the seed and the tables of an empty database; what was made, in words. Raises StoreError and PolicyError, as
    a start would."""
    history = History.open(store)
    load_policy(policies, today)
    made = [] if (history.root / SEED_FILE).exists() else [f"Made a new seed of the draws: {SEED_FILE}."]
    read_seed(history.root)
    place = database or operations_of(history)
    with Database(place) as opened:
        if opened.is_new:
            made.append(f"Made a new database: {shown_place(place)}.")
    return made


def check_service(settings: ServiceSettings, *, today: date, quota: Quota = USUAL_QUOTA) -> list[str]:
    """What is missing or doubtful, a line each; empty when all is well.

    Raises StoreError for a store, a database or a seed that can't be used, PolicyError for a policy, MappingError for
    rates. Makes nothing.
    """
    history = History.open(settings.store)
    load_policy(settings.policies, today)
    if settings.rates is not None:
        RatesInForce(settings.rates)
    place = settings.database or operations_of(history)
    lines = _database(place) + _quarantine(place, quota, today)
    chosen, fault = model_of(history, str(place), today=today, version=settings.model)
    lines += [f"no model: {fault}"] if chosen is None else []
    profiles = read_profiles(history.root)
    lines += _profiles(profiles, today=today, most_days=settings.most_profile_days)
    lines += _seed(history.root) + _readable(history.root)
    noon = datetime.combine(today, time(12))
    return lines + _trial(history, settings.policies, profiles, chosen, now=noon)


def _trial(
    history: History, policies: Path, profiles: ProfileReader, model: RiskModel | None, *, now: datetime
) -> list[str]:
    """The result of a trial declaration: parts that can each be read may still fail together."""
    with Database("sqlite://") as nowhere:
        service = Service(
            database=nowhere, policies=policies, profiles=profiles, model=model, seed=0, store=history.root
        )
        trial = try_decision(service, now=now)
    if trial.fault:
        return [f"no decision: a declaration of our own could not be decided: {trial.fault}"]
    if trial.fallback is not None:
        return [
            f"no score: a declaration of our own was decided by the fallback ({trial.fallback}), though there are a"
            " model and profiles. Train, build the profiles, and look again."
        ]
    return []


def _database(place: str | Path) -> list[str]:
    if is_empty(place):
        return [f"no database: found nothing at {shown_place(place)}. A start makes a new one there."]
    with Database(place, create=False) as opened:
        path = file_of(opened.engine)
    mode = 0 if path is None else path.stat().st_mode
    if path is None or not mode & _OTHERS:
        return []
    return [
        f"database: {path.name} may be read by others than its owner (mode {mode & 0o777:o}): it holds persons and "
        "password hashes. chmod 600 it, and its -wal and -shm files."
    ]


def _quarantine(place: str | Path, quota: Quota, today: date) -> list[str]:
    if is_empty(place):
        return []
    with Database(place, create=False) as opened:
        return list_reached_limits(opened, quota, now=datetime.combine(today, datetime.min.time()))


def _seed(store: Path) -> list[str]:
    if not (store / SEED_FILE).exists():
        return [
            f"no seed: {SEED_FILE} is not there. A start makes a new one. A store that has served already needs its "
            "own back from backup: a new one changes every draw."
        ]
    read_seed(store)
    mode = (store / SEED_FILE).stat().st_mode
    if not mode & _OTHERS:
        return []
    return [
        f"seed: {SEED_FILE} may be read by others than its owner (mode {mode & 0o777:o}): the draws could be foretold. "
        "chmod 600 it."
    ]


def _readable(store: Path) -> list[str]:
    # The seed and the database have lines of their own; locks are empty.
    own = (SEED_FILE, OPERATIONS)
    found = [
        path.relative_to(store) for path in find_open(store) if not path.name.startswith(own) and path.suffix != ".lock"
    ]
    if not found:
        return []
    return [
        f"store: all users of this machine may read {len(found):,} of its files and folders, such as {found[0]}: they "
        f"name persons. chmod -R o= {store}"
    ]


def _profiles(reader: ProfileReader, *, today: date, most_days: int) -> list[str]:
    try:
        age = reader.profiles().age_days(today)
    except BasiraError as error:
        return [f"no profiles: {error.message}"]
    lines = [f"profiles: {reader.alarm}"] if reader.alarm else []
    if age > most_days:
        lines.append(f"profiles too old: they lack {age} days, {most_days} are allowed. Build them.")
    return lines
