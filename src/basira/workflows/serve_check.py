"""A look at what the service stands on, before it serves.

Enters: the settings of a start, today. Leaves: what the service would do without, in words. Never here: a decision, a
port. What would end the start raises, as it would then.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from basira.schema.errors import BasiraError
from basira.selection.load import load_policy
from basira.storage.history import History
from basira.storage.operations_database import Database
from basira.storage.profiles import ProfileReader
from basira.workflows.record import operations_of
from basira.workflows.serve_context import SEED_FILE, open_service, read_seed

_OTHERS = 0o077  # rights of the group and of everybody


def prepare_service(store: Path, policies: Path, *, today: date, database: str = "") -> None:
    """Make the seed and the tables of an empty database. Raises StoreError and PolicyError, as a start would."""
    history = History.open(store)
    load_policy(policies, today)
    read_seed(history.root)
    Database(database or operations_of(history)).close()


def check_service(
    store: Path, policies: Path, *, today: date, database: str = "", model: str = "", most_profile_days: int = 1
) -> list[str]:
    """What is missing or doubtful, a line each; empty when all is well.

    Raises StoreError for a store, a database or a seed that can't be used, PolicyError for a policy. Makes the seed,
    and the tables of an empty database, when there are none.
    """
    service = open_service(
        store, policies, today=today, database=database, model=model, most_profile_days=most_profile_days
    )
    try:
        lines = [f"no model: {service.model_fault}"] if service.model is None else []
        lines += _profiles(service.profiles, today=today, most_days=most_profile_days)
    finally:
        service.close()
    mode = (store / SEED_FILE).stat().st_mode
    if mode & _OTHERS:
        lines.append(
            f"seed: {SEED_FILE} may be read by others than its owner (mode {mode & 0o777:o}): the draws could be "
            "foretold. chmod 600 it."
        )
    return lines


def _profiles(reader: ProfileReader, *, today: date, most_days: int) -> list[str]:
    try:
        age = reader.profiles().age_days(today)
    except BasiraError as error:
        return [f"no profiles: {error.message}"]
    lines = [f"profiles: {reader.alarm}"] if reader.alarm else []
    if age > most_days:
        lines.append(f"profiles too old: they lack {age} days, {most_days} are allowed. Build them.")
    return lines
