"""The register of risks as the service changes it: written, changed, reviewed, closed.

Enters: a database, a person, JSON bodies, the moment. Leaves: the version that was recorded, which is audited. Never
here: who may write (`workflows.rules.register`); a change without a person: a key writes none.
"""

from __future__ import annotations

from datetime import datetime
from typing import cast

from basira.rules.faults import rule_fault
from basira.rules.register import HIGHEST, STATES, TREATMENTS, Review, Risk, RiskState, Treatment
from basira.schema.access import Principal
from basira.schema.errors import UsageError
from basira.schema.json_values import JsonObject
from basira.serving.bodies import find_login, read_flag, read_object, read_text, read_whole, require_day
from basira.serving.views.risks import RiskBody, risk_body
from basira.storage.database.connection import Database
from basira.workflows.rules.register import review_entry, write_entry

_RISK_NAMES = frozenset(
    {"risk_id", "title", "owner", "office", "likelihood", "consequence", "treatment", "plan", "rules", "review_on"}
    | {"state"}
)


def write_risk_of(body: object, database: Database, *, by: Principal, now: datetime) -> RiskBody:
    """Record a version of an entry: ``risk``, perhaps a ``motive``, and ``seen``, the last version that the person saw;
    absent: it is a new entry. Raises RuleError, UsageError."""
    values = read_object(body, {"risk", "motive", "seen"})
    risk = _risk_of(values.get("risk"))
    motive, seen = read_text(values, "motive").strip() or None, read_whole(values, "seen", least=0) or 0
    made = write_entry(database, risk, login=find_login(database, by), now=now, expected=seen, motive=motive)
    return risk_body(made)


def review_risk_of(body: object, risk_id: str, database: Database, *, by: Principal, now: datetime) -> RiskBody:
    """Record that an entry was looked at: ``motive``, ``review_on`` (the next look), perhaps ``likelihood``,
    ``consequence``, ``is_closed``, and ``seen``. Raises RuleError, UsageError, NotFoundError."""
    values = read_object(body, {"motive", "review_on", "likelihood", "consequence", "is_closed", "seen"})
    review = Review(
        require_day(values, "review_on"),
        read_text(values, "motive"),
        read_whole(values, "likelihood", most=HIGHEST),
        read_whole(values, "consequence", most=HIGHEST),
        is_closed=read_flag(values, "is_closed"),
    )
    seen = read_whole(values, "seen")
    made = review_entry(database, risk_id, review, login=find_login(database, by), now=now, expected=seen)
    return risk_body(made)


def _risk_of(given: object) -> Risk:
    values: JsonObject = read_object(given, _RISK_NAMES)
    rules = values.get("rules") or []
    if not isinstance(rules, list) or not all(isinstance(one, str) for one in rules):
        raise UsageError("Expected a list of texts in rules, found another value.", hint="Correct the body.")
    treatment, state = read_text(values, "treatment") or "reduce", read_text(values, "state") or "open"
    for place, found, known in (("treatment", treatment, TREATMENTS), ("state", state, STATES)):
        if found not in known:
            raise rule_fault("one_of", place=place, expected=", ".join(known), found=found)
    numbers = {}
    for name in ("likelihood", "consequence"):
        number = read_whole(values, name, least=0)
        if number is None:
            raise rule_fault("range", place=name, low=1, high=HIGHEST, found="-")
        numbers[name] = number
    return Risk(
        read_text(values, "risk_id"),
        read_text(values, "title"),
        read_text(values, "owner"),
        numbers["likelihood"],
        numbers["consequence"],
        cast("Treatment", treatment),
        read_text(values, "plan"),
        require_day(values, "review_on"),
        read_text(values, "office"),
        tuple(rules),
        cast("RiskState", state),
    )
