"""What inspectors find, miss, overlook or invent, and when the administration learns it.

Enters: a block, the lanes chosen, the plan, a random stream. Leaves: `Findings`, by item and by
declaration. Never here: the choice of what to inspect.

Every draw is made for every item, inspected or not: what an inspection would find does not depend on
what else was chosen, so two strategies can be compared item by item.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from basira.country.arithmetic import Bools, Floats, Ints, exp
from basira.country.falsification import Block
from basira.country.foundation import Foundation
from basira.schema.codes import IRREGULARITY_KINDS

DETECTION_ERRORS: tuple[str, ...] = ("", "missed", "looked_away", "false_finding")


@dataclass(frozen=True)
class Findings:
    """By item unless said. Entries of what was not inspected are meaningless except ``is_detectable``."""

    is_inspected: Bools
    is_found: Bools  # an irregularity was recorded as found, true or false
    is_detectable: Bools  # a full inspection by an honest inspector would find it
    detection_error: Ints  # index into DETECTION_ERRORS
    recovered: Floats  # MAD
    inspector: Ints  # by declaration, number within the office
    is_recorded: Bools  # by declaration
    leaves_blank: Bools  # by declaration: a row without a result, rather than no row
    inspected_second: Ints  # by declaration, seconds since 1970-01-01
    known_second: Ints  # by declaration


def inspect(
    block: Block,
    lane: Ints,
    foundation: Foundation,
    *,
    rng: np.random.Generator,
    items: Bools | None = None,
    not_done: Bools | None = None,
) -> Findings:
    """Inspect the declarations whose lane is above 0, or only the ``items`` of them that are True.

    ``not_done``: by declaration, selected but released without inspection.
    """
    s, administration, plan = block.shipments, foundation.scenario.administration, foundation.plan
    of = s.declaration
    n, m = len(s.tie), len(of)
    inspector, looks_away = _assign(block, foundation, rng)

    full = np.array([getattr(administration.detection, kind) for kind in IRREGULARITY_KINDS])
    documentary = np.array(
        [0.1 if k in ("quantity", "prohibited") else administration.documentary_detection for k in IRREGULARITY_KINDS]
    )
    documentary[IRREGULARITY_KINDS.index("documents")] = 1.0
    by_lane = np.array(
        [np.zeros(len(full)), documentary, np.full(len(full), administration.partial_detection), np.ones(len(full))]
    )
    irregular = block.kind >= 0
    kind = np.maximum(block.kind, 0)
    u, honest, invented, share = rng.random(m), rng.random(m), rng.random(m), rng.random(m)
    probability = np.where(irregular, full[kind] * block.severity, 0.0)
    detectable = irregular & (u < probability)
    visited = lane[of] > 0
    if items is not None:
        visited = visited & items
    if not_done is not None:
        visited = visited & ~not_done[of]
    skill = plan.inspector_skill[s.office, inspector]
    seen = visited & (u < probability * skill[of] * by_lane[lane[of], kind])
    hidden = seen & looks_away[of] & (honest < administration.looking_away)
    false = visited & ~irregular & (invented < administration.false_finding_rate)
    found = (seen & ~hidden) | false
    error = np.zeros(m, np.int64)
    error[visited & irregular & ~seen] = 1
    error[hidden] = 2
    error[false] = 3
    recovered_share = np.minimum(1.0, administration.recovered_share * (0.85 + 0.3 * share))
    recovered = np.where(found & ~false, np.round(block.evaded * recovered_share, 2), 0.0)
    # A false finding costs the trader a little: a value put up without ground.
    recovered = np.where(false, np.round(block.taxes.total * 0.1 * share, 2), recovered)

    any_found = np.bincount(of[found], minlength=n) > 0
    at = s.day * 86400 + s.second
    inspected_at = at + 3600 + (rng.random(n) * 40 * 3600).astype(np.int64)
    median = np.where(any_found, administration.delay_finding_days, administration.delay_regular_days)
    delay = median * exp(administration.delay_spread * rng.standard_normal(n))
    known_at = inspected_at + 1800 + (np.minimum(delay, 3650.0) * 86400).astype(np.int64)
    record, blank = rng.random(n), rng.random(n)
    return Findings(
        is_inspected=visited,
        is_found=found,
        is_detectable=detectable,
        detection_error=error,
        recovered=recovered,
        inspector=inspector,
        is_recorded=record >= administration.unrecorded_share,
        leaves_blank=blank < 0.5,
        inspected_second=inspected_at,
        known_second=known_at,
    )


def _assign(block: Block, foundation: Foundation, rng: np.random.Generator) -> tuple[Ints, Bools]:
    """An inspector for each declaration, at random but for the steered; and whether he looks away."""
    s, traders, plan = block.shipments, foundation.traders, foundation.plan
    n = len(s.tie)
    inspector = (rng.random(n) * traders.office_inspectors[s.office]).astype(np.int64)
    steer = rng.random(n) < foundation.scenario.administration.steering
    partner = np.full((len(traders.declarant), len(traders.office_code)), -1)
    partner[plan.collusive_declarant, plan.collusive_office] = plan.collusive_inspector
    own = partner[s.declarant, s.office]
    inspector = np.where((own >= 0) & steer, own, inspector)
    return inspector, (own >= 0) & (inspector == own)
