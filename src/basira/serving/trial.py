"""A trial declaration, decided from end to end and never recorded: can the service decide?

Enters: a service, the moment. Leaves: the result. Never here: the service's record, a place in a lane: it is
decided on an empty record in memory, which is forgotten.

A model, profiles and a policy that can each be read may still fail together.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

from basira.schema.days import date_of
from basira.schema.errors import BasiraError
from basira.selection.policy.model import Policy
from basira.serving.decide.batch import decide
from basira.serving.decide.idempotency import Asked
from basira.serving.decide.result import Decided
from basira.serving.decide.scoring import MODEL_FAILED, NO_PROFILES
from basira.serving.message import Rejected
from basira.serving.service import Service
from basira.storage.database.connection import Database
from basira.storage.profiles.reader import LoadedProfiles

_LOG = logging.getLogger("basira.service")
# A failed trial is repeated after this time: the disk may have been full.
_AGAIN = timedelta(seconds=10)
# The fallbacks that mean a broken part, and not merely an absent or old one, or one of another date.
_BROKEN = (NO_PROFILES, MODEL_FAILED)


@dataclass(frozen=True)
class Trial:
    """``fault``: why no declaration can be decided, in words; "" when this one was. ``fallback``: why it was decided
    without a score though there are a model and profiles; None when it was not."""

    fault: str = ""
    fallback: str | None = None

    @property
    def is_good(self) -> bool:
        """Whether the trial found no fault."""
        return not self.fault and self.fallback is None


class Trials:
    """The last trial of a process. It holds as long as model, profiles and policy are the ones it was made with."""

    def __init__(self) -> None:
        self._made_with: tuple[object, ...] = ()
        self._found = Trial()
        self._at = datetime.min
        self._lock = threading.Lock()

    def of(self, service: Service, *, now: datetime) -> Trial:
        """The result. A trial runs the first time, after a change, or some seconds after a failure; else this costs
        nothing."""
        with self._lock:
            # References, not ids: a replaced object's address may be used again.
            made_with = (service.model, profiles_of(service), service.policy(now.date()))
            is_same = len(self._made_with) == len(made_with) and all(
                one is other for one, other in zip(made_with, self._made_with, strict=True)
            )
            if not is_same or not (self._found.is_good or self._at <= now < self._at + _AGAIN):
                self._found = try_decision(service, now=now)
                self._made_with, self._at = made_with, now
            return self._found


def try_decision(service: Service, *, now: datetime) -> Trial:
    """Decide on the declaration by this service. Raises nothing that a declaration could raise."""
    try:
        with Database("sqlite://") as database:
            alone = replace(service, database=database)
            found = decide(
                trial_body(service.policy(now.date()), profiles_of(service), now=now),
                alone,
                now=now,
                asked=Asked("basira"),
            )
    except Exception as error:  # any error that would have been every declaration's answer
        _LOG.error("trial_failed", extra={"fields": {"error": type(error).__name__}})
        return Trial(fault=error.message if isinstance(error, BasiraError) else f"{type(error).__name__}: {error}")
    if isinstance(found, Rejected):
        first = found.faults[0]
        return Trial(fault=f"it was rejected: {first.code} in {first.field}, expected {first.expected}")
    fallback = found.body["fallback"] if isinstance(found, Decided) else None
    is_equipped = service.model is not None and profiles_of(service) is not None
    return Trial(fallback=fallback if is_equipped and fallback in _BROKEN else None)


def profiles_of(service: Service) -> LoadedProfiles | None:
    """Those in force, or None."""
    try:
        return service.profiles.profiles()
    except (BasiraError, OSError):
        return None


def trial_body(policy: Policy, profiles: LoadedProfiles | None, *, now: datetime) -> Mapping[str, object]:
    """A plain declaration that the policy and the profiles allow, dated on a day that the profiles describe."""
    declared = now
    if profiles is not None:  # in the evening they are those of the next day
        declared = max(declared, datetime.combine(date_of(profiles.as_of_day + 1), time()))
    currency = profiles.currencies[0] if profiles is not None and profiles.currencies else "MAD"
    item = {
        "commodity_code": "8517130000",
        "description": "trial",
        "origin_country": "CN",
        "quantity": 10,
        "quantity_unit": "U",
        "gross_mass_kg": 12.0,
        "net_mass_kg": 10.0,
        "invoice_amount": 1000.0,
        "customs_value_amount": 1000.0,
        "value_currency": currency,
        "duty_rate": 0.025,
        "vat_rate": 0.2,
    }
    return {
        "declaration_id": "BASIRA-TRIAL",
        "declared_at": declared.replace(microsecond=0).isoformat(),
        "office": policy.offices[0] if policy.offices else "BASIRA-TRIAL",
        "procedure": "010",
        "importer_id": "BASIRA-TRIAL",
        "declarant_id": "BASIRA-TRIAL",
        "dispatch_country": "CN",
        "items": [{**item, "item_number": 1}, {**item, "item_number": 2}],
    }
