"""What the service needs: record, policy, profiles, model, seed. Opened once in each worker process.

Enters: a store, a policy folder, perhaps a database's URL, today. Leaves: a `Service`. Never here: a decision; a
service that does not start because the model or the profiles are missing (the policy's fallback answers then).
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from basira.features.online.lookup import prepare_online
from basira.ingest.rates import RateTable
from basira.models.risk.files import read_model
from basira.models.risk.risk_model import RiskModel
from basira.schema.errors import BasiraError, ModelError, NotFoundError, StoreError
from basira.selection.policy.load import load_policy
from basira.selection.policy.model import Policy
from basira.serving.currency import RatesInForce
from basira.serving.decide.events import Origin
from basira.serving.decide.rules import RulesInForce
from basira.serving.decide.scoring import Knowledge
from basira.storage.database.connection import Database
from basira.storage.database.writable import require_writable
from basira.storage.history.files import replace_file, storage_errors
from basira.storage.history.store import History
from basira.storage.model_store import Models
from basira.storage.profiles.evenings import PreviousDays
from basira.storage.profiles.reader import ProfileReader
from basira.workflows.models.stages import adopt_in, live_model, live_version_now
from basira.workflows.profiles import read_previous_days, read_profiles
from basira.workflows.stores import operations_of

SEED_FILE = "online-seed"
# Yesterday's profiles count everything; a failed build of one night is tolerated for one day, and reported.
MOST_PROFILE_DAYS = 1
# A client of the clearance system gives up after some seconds; a 503 in time makes it send the request again.
DATABASE_SECONDS = 5.0

_LOG = logging.getLogger("basira.service")


@dataclass(frozen=True)
class Service:
    """Everything that `decide` needs beside the declaration.

    ``policies``: folder of the policy's versions; the one in force on the day holds. ``model``: None when there is
    none, with ``model_fault`` in words. ``most_profile_days``: profiles that lack more days than that are too old.
    ``seed``: of the draws, the same in every worker, secret. ``language``: of the sentences of calls that name none;
    nothing below the API reads it. ``store``: where the live model is looked for; None: nowhere. ``only_model``: the
    version that may decide here, "": whichever is live. ``previous_days``: profiles of earlier nights, for amendments
    of what the history counts already; None: they get the fallback.
    ``rates``: by which amounts of other currencies are converted; None: they are rejected. ``rules``: of analysts;
    None: none act."""

    database: Database
    policies: Path
    profiles: ProfileReader
    model: RiskModel | None
    seed: int
    model_fault: str = ""
    most_profile_days: int = MOST_PROFILE_DAYS
    language: str = "fr"
    is_simulated: bool = field(default=False)
    store: Path | None = None
    only_model: str = ""
    previous_days: PreviousDays | None = None
    rates: RatesInForce | None = None
    rules: RulesInForce | None = None

    @property
    def rate_table(self) -> RateTable | None:
        """The rates in force now."""
        return None if self.rates is None else self.rates.table

    def refresh_profiles(self) -> None:
        """Look for newer rates, rules and profiles, then for those of earlier nights; cheap when nothing changed."""
        if self.rates is not None:
            self.rates.refresh()
        if self.rules is not None:
            self.rules.refresh()
        self.profiles.refresh()
        if self.previous_days is not None:
            self.previous_days.refresh()

    @property
    def knowledge(self) -> Knowledge:
        """What declarations are scored with."""
        return Knowledge(self.model, self.profiles, self.most_profile_days, self.previous_days)

    @property
    def origin(self) -> Origin:
        """The versions and digests that a decision names."""
        if self.model is None:
            return Origin(None, None, self.is_simulated)
        return Origin(self.model.version, self.model.digest, self.is_simulated)

    def for_decisions(self) -> Service:
        """The same service over connections that no other caller's long reading can take."""
        return replace(self, database=self.database.reserved)

    def policy(self, day: date) -> Policy:
        """The version in force on a day, as this process read it first. Raises PolicyError."""
        return _policy(self.policies, day)

    def profile_age_days(self, day: date) -> int | None:
        """Days that the profiles in force lack on a day; None when none can serve. They lack none in the evening in
        which they were built for the next day."""
        try:
            return max(0, self.profiles.profiles().age_days(day))
        except (StoreError, OSError):
            return None

    def history(self) -> History:
        """The history beside the service. Raises NotFoundError without a store, StoreError for a damaged one."""
        if self.store is None:
            raise NotFoundError("Expected a store beside the service, found none.", hint="Set BASIRA_STORE.")
        return History.open(self.store)

    def require_writable(self) -> None:
        """Raise StoreError when nothing can be recorded now."""
        require_writable(self.database)

    def close(self) -> None:
        """Give the database's connections back."""
        self.database.close()


# More days than a year's: officers look at older queues, and today's policy must stay in the cache.
@lru_cache(maxsize=400)
def _policy(folder: Path, day: date) -> Policy:
    return load_policy(folder, day)


@dataclass(frozen=True)
class ServiceSettings:
    """What a deployment says of its service. ``store``, ``policies``: folders. ``database``: a URL; "": the store's own
    file. ``model``: the only version that may decide, and only while it is live; "": whichever is live
    (`with_live_model`). ``language``: of sentences. ``most_profile_days``: that the profiles may lack.
    ``wait_seconds``: for the database. ``rates``: file with a section [rates]; None: other currencies are rejected."""

    store: Path
    policies: Path
    database: str = ""
    model: str = ""
    language: str = "fr"
    most_profile_days: int = MOST_PROFILE_DAYS
    wait_seconds: float = DATABASE_SECONDS
    rates: Path | None = None


def open_service(settings: ServiceSettings, *, today: date) -> Service:
    """Open what the service needs, and prepare what is made once (about a second).

    Raises StoreError and PolicyError, because without a record or a policy nothing can be decided; MappingError when
    the rates can't be read.
    """
    history = History.open(settings.store)
    load_policy(settings.policies, today)
    prepare_online()
    database = Database(settings.database or operations_of(history), wait_seconds=settings.wait_seconds)
    try:
        chosen, fault = model_of(history, database.place, today=today, version=settings.model)
        seed = read_seed(history.root)
    except BaseException:
        database.close()
        raise
    return Service(
        database=database,
        policies=settings.policies,
        profiles=read_profiles(history.root),
        model=chosen,
        seed=seed,
        model_fault=fault,
        most_profile_days=settings.most_profile_days,
        language=settings.language,
        is_simulated=history.snapshot().is_simulated,
        store=history.root,
        only_model=settings.model,
        previous_days=read_previous_days(history.root),
        rates=None if settings.rates is None else RatesInForce(settings.rates),
        rules=RulesInForce(database, seed=seed, today=today),
    )


def model_of(history: History, place: str, *, today: date, version: str = "") -> tuple[RiskModel | None, str]:
    """The live model of a start, or None and why there is none. ``place``: of the database; absent: no step is on
    record."""
    try:
        return live_model(history, place, as_of=today - timedelta(days=1), version=version), ""
    except (ModelError, NotFoundError, StoreError) as error:
        return None, error.message


def with_live_model(service: Service, *, now: datetime) -> Service:
    """The service with the model that is live now; itself when that is the one it has.

    A model that can't be read is skipped and logged: the one in force goes on. When none is live any more, none decides
    and the policy's fallback answers. Models of a store without a step on record are adopted.
    """
    if service.store is None:
        return service
    as_of = now.date() - timedelta(days=1)
    models = Models(service.store)
    try:
        adopt_in(models, service.database, now=now)
        with service.database.read() as connection:
            version = live_version_now(models, connection, as_of=as_of, version=service.only_model)
    except (ModelError, NotFoundError) as error:
        if service.model is None:
            return service
        _LOG.error("no_live_model", extra={"fields": {"model": service.model.version}})
        return replace(service, model=None, model_fault=error.message)
    except BasiraError as error:
        _LOG.error("model_not_taken", extra={"fields": {"error": type(error).__name__}})
        return service
    if service.model is not None and service.model.version == version:
        return service
    try:
        model = read_model(models.folder(version))
    except BasiraError as error:
        _LOG.error("model_not_taken", extra={"fields": {"error": type(error).__name__}})
        return service
    _LOG.info("model_taken", extra={"fields": {"model": model.version}})
    return replace(service, model=model, model_fault="")


def read_seed(store: Path) -> int:
    """The store's secret seed of online draws; made at the first call.

    Every worker and every restart must draw the same numbers, or a declaration that is sent again would get another
    draw.
    """
    path = store / SEED_FILE
    with storage_errors(store):
        if not path.exists():
            replace_file(path, f"{secrets.randbelow(2**31)}\n")
        text = path.read_text(encoding="ascii", errors="replace").strip()
    if not text.isdecimal():
        raise StoreError(
            "Expected a number in {file}, found something else.",
            hint="Restore the file from backup; a new seed would change every draw.",
            file=path.name,
        )
    return int(text)
