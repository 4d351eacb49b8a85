"""Whether a rule that hits acts: a draw, by a keyed hash, so that no rule can be learned and each can be measured.

Enters: a rule, a declaration's id, the seed, the probability of the policy. Leaves: whether it acts, and with what
probability. Never here: hidden randomness; a score; a second chance by an amendment or a new version of the rule.

What a rule would have caught and let go is its control group: the difference between the two has an unbiased estimate.
A trader who tries a rule's edge learns less of it the more often it lets go.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from basira.rules.model import Rule

# With which a hit of a rule that is not mandatory acts, where a policy does not say.
FIRE_PROBABILITY = 0.95


@dataclass(frozen=True)
class Firing:
    """What became of a hit. ``probability``: with which it acts, before the draw."""

    rule_id: str
    acts: bool
    probability: float


def acting_probability(rule: Rule, *, fire_probability: float = FIRE_PROBABILITY) -> float:
    """The probability with which a hit of the rule acts: 1 of a mandatory one."""
    return 1.0 if rule.effect.is_mandatory else rule.sample_share * fire_probability


def draw_firing(rule: Rule, declaration_id: str, *, seed: int, fire_probability: float = FIRE_PROBABILITY) -> Firing:
    """Draw whether a hit acts: the same for every version of the declaration, in a batch, online and in a replay.

    Raises ValueError for a probability outside 0 to 1.
    """
    if not 0 <= fire_probability <= 1:
        raise ValueError(f"Expected a probability from 0 to 1, found {fire_probability}.")
    probability = acting_probability(rule, fire_probability=fire_probability)
    key = json.dumps([rule.rule_id, declaration_id], ensure_ascii=False).encode("utf-8", "surrogatepass")
    drawn = hashlib.blake2b(key, key=str(seed).encode()[:64], digest_size=8).digest()
    number = (int.from_bytes(drawn, "big") >> 11) * 2.0**-53
    return Firing(rule.rule_id, number < probability, probability)
