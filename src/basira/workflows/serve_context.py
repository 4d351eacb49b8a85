"""What the service stands on: record, policy, profiles, model, seed. Opened once in each worker process.

Enters: a store, a policy folder, perhaps a database's URL, today. Leaves: a `Service`. Never here: a decision; a
service that does not start because the model or the profiles are missing (the policy's fallback answers then).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

from basira.features.online import prepare_online
from basira.models.risk_model import RiskModel
from basira.schema.errors import ModelError, StoreError
from basira.selection.load import load_policy
from basira.selection.policy import Policy
from basira.storage.history import History
from basira.storage.history_files import replace_file, storage_errors
from basira.storage.operations_database import Database
from basira.storage.profiles import ProfileReader
from basira.workflows.profiles import read_profiles
from basira.workflows.record import operations_of
from basira.workflows.score import choose_model

SEED_FILE = "online-seed"
# Yesterday's profiles count everything; a night's build that failed is borne for one day, and said.
MOST_PROFILE_DAYS = 1


@dataclass(frozen=True)
class Service:
    """Everything that `decide` needs beside the declaration.

    ``policies``: folder of the policy's versions; the one in force on the day holds. ``model``: None when there is
    none, with ``model_fault`` in words. ``most_profile_days``: profiles that lack more days than that are too old.
    ``seed``: of the draws, the same in every worker, secret. ``language``: of the reasons' sentences.
    """

    database: Database
    policies: Path
    profiles: ProfileReader
    model: RiskModel | None
    seed: int
    model_fault: str = ""
    most_profile_days: int = MOST_PROFILE_DAYS
    language: str = "fr"
    is_simulated: bool = field(default=False)

    def policy(self, day: date) -> Policy:
        """The version in force on a day, as this process read it first. Raises PolicyError."""
        return _policy(self.policies, day)

    def close(self) -> None:
        """Give the database's connections back."""
        self.database.close()


@lru_cache(maxsize=8)
def _policy(folder: Path, day: date) -> Policy:
    return load_policy(folder, day)


def open_service(
    store: Path, policies: Path, *, today: date, database: str = "", model: str = "", language: str = "fr",
    most_profile_days: int = MOST_PROFILE_DAYS,
) -> Service:  # fmt: skip
    """Open what the service stands on, and make ready what is made once (about a second).

    ``model``: a version; by default the one that knows most without knowing anything of ``today``. Raises StoreError
    and PolicyError, because without a record or a policy nothing can be decided.
    """
    history = History.open(store)
    load_policy(policies, today)
    chosen, fault = None, ""
    try:
        chosen = choose_model(history, as_of=today - timedelta(days=1), version=model or None)
    except ModelError as error:
        fault = error.message
    prepare_online()
    return Service(
        database=Database(database or operations_of(history)),
        policies=policies,
        profiles=read_profiles(history.root),
        model=chosen,
        seed=read_seed(history.root),
        model_fault=fault,
        most_profile_days=most_profile_days,
        language=language,
        is_simulated=history.snapshot().is_simulated,
    )


def read_seed(store: Path) -> int:
    """The store's secret seed of online draws; made at the first call.

    Every worker and every restart must draw the same numbers, or sending a declaration again would be another chance.
    """
    path = store / SEED_FILE
    with storage_errors(store):
        if not path.is_file():
            replace_file(path, f"{secrets.randbelow(2**31)}\n")
            path.chmod(0o600)
        text = path.read_text(encoding="ascii", errors="replace").strip()
    if not text.isdecimal():
        raise StoreError(
            f"Expected a number in {path.name}, found something else.",
            hint="Restore the file from backup; a new seed would be another draw for everybody.",
        )
    return int(text)
