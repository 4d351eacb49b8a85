"""The proof of a period as records: what `basira proof` shows, and its reports hold.

Enters: nothing. Leaves: types. Never here: an estimate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from basira.monitor.domains import DomainEstimate
from basira.monitor.estimate import Estimate
from basira.monitor.worth import Share, Worth


@dataclass(frozen=True)
class Measure:
    """Of irregular declarations ("rate") or of revenue ("gap"): the totals by estimator, and by domain.

    ``whole``: everything that the totals speak of, as one domain, by the difference estimator. Its ``known`` may be
    fewer for the revenue: a declaration that was found irregular without an amount has none. ``found``: the total among
    the known results, a count or an amount in the proof's currency. ``always``: the difference estimator with an
    interval that may be looked at on every day of the year to date.
    """

    name: str
    totals: Mapping[str, Estimate | None]
    whole: DomainEstimate
    always: Estimate | None
    found: float
    domains: Mapping[str, Sequence[DomainEstimate]]


@dataclass(frozen=True)
class Lane:
    """What a lane got: declarations, those with a known result, irregular among them with the rate's interval."""

    lane: str
    declarations: int
    carried_out: int
    found: int
    rate: Share | None


@dataclass(frozen=True)
class Proof:
    """Compliance of a period. ``declarations``: decided and not cancelled; ``covered``: with a chance of inspection,
    of which the measures speak. ``naive``: the rate among what was inspected, which is not that of the trade.
    ``missing_bounds``: totals of irregular declarations if no, or every, missing result were irregular."""

    first: date
    last: date
    as_of: date
    currency: str
    is_simulated: bool
    declarations: int
    covered: int
    selected: int
    carried_out: int
    outside: int
    decided_again: int
    cancelled: int
    not_in_history: int
    reselected: int
    models: Sequence[str]
    policies: int
    response: Mapping[str, float]
    naive: Share | None
    missing_bounds: tuple[float, float]
    rate: Measure
    gap: Measure
    lanes: Sequence[Lane]
    sources: Sequence[Worth]
