"""An entry of the register of risks, as values (WCO Risk Management Compendium; ISO 31000).

Enters: what a person wrote. Leaves: a settled entry, or `RuleError`; its level; whether its review is overdue. Never
here: a rule; a score of a declaration.

A risk is what may happen, with an owner, how likely and how grave it is, what is done about it, which rules stand for
it, and the day on which it is looked at again.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any, Literal, get_args

from basira.rules.faults import rule_fault

# What is done about it, as ISO 31000 has it: less of it, none of it, shared with others, or borne.
Treatment = Literal["reduce", "avoid", "share", "accept"]
Level = Literal["low", "moderate", "high", "extreme"]
RiskState = Literal["open", "closed"]
TREATMENTS: tuple[Treatment, ...] = get_args(Treatment)
STATES: tuple[RiskState, ...] = get_args(RiskState)
HIGHEST = 5
# Of likelihood times consequence, from which product on: a matrix of five by five.
_LEVELS: tuple[tuple[int, Level], ...] = ((15, "extreme"), (8, "high"), (4, "moderate"), (1, "low"))
_RISK_ID = re.compile(r"[a-z][a-z0-9-]{1,59}")
_MOST_RULES = 100


@dataclass(frozen=True)
class Risk:
    """``likelihood``, ``consequence``: 1 to 5. ``office``: of a local risk; "" for a national one. ``owner``: the
    service that answers for it. ``plan``: what is done. ``rules``: identifiers. ``review_on``: day of the next look."""

    risk_id: str
    title: str
    owner: str
    likelihood: int
    consequence: int
    treatment: Treatment
    plan: str
    review_on: date
    office: str = ""
    rules: tuple[str, ...] = ()
    state: RiskState = "open"

    @property
    def product(self) -> int:
        """Likelihood times consequence, 1 to 25."""
        return self.likelihood * self.consequence

    @property
    def level(self) -> Level:
        """What the product means.

        >>> risk = Risk("smuggling", "t", "o", 3, 5, "reduce", "p", date(2026, 1, 1))
        >>> risk.product, risk.level
        (15, 'extreme')
        """
        return next(level for least, level in _LEVELS if self.product >= least)

    def is_overdue(self, day: date) -> bool:
        """Whether its review was due before a day; never of a closed one."""
        return self.state == "open" and self.review_on < day


@dataclass(frozen=True)
class Review:
    """What a look at a risk came to. ``next_on``: day of the next look. ``motive``: why it is so now.

    ``likelihood``, ``consequence``: 1 to 5; None: as they were. ``is_closed``: it is a risk no more.
    """

    next_on: date
    motive: str
    likelihood: int | None = None
    consequence: int | None = None
    is_closed: bool = False


def review_risk(risk: Risk, review: Review) -> Risk:
    """The entry as a look at it leaves it, not settled yet.

    >>> before = Risk("smuggling", "t", "o", 3, 5, "reduce", "p", date(2026, 1, 1))
    >>> after = review_risk(before, Review(date(2026, 7, 1), "Fewer findings.", likelihood=1))
    >>> after.product, after.review_on.month, after.state
    (5, 7, 'open')
    """
    return replace(
        risk,
        likelihood=risk.likelihood if review.likelihood is None else review.likelihood,
        consequence=risk.consequence if review.consequence is None else review.consequence,
        review_on=review.next_on,
        state="closed" if review.is_closed else "open",
    )


def settle_risk(risk: Risk, *, known_rules: Collection[str], today: date) -> Risk:
    """An entry, settled. ``known_rules``: identifiers of the rules that there are. Raises `RuleError`."""
    if not _RISK_ID.fullmatch(risk.risk_id):
        raise rule_fault("rule_id", place="risk_id", found=risk.risk_id)
    for name in ("likelihood", "consequence"):
        value = getattr(risk, name)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= HIGHEST:
            raise rule_fault("range", place=name, low=1, high=HIGHEST, found=value)
    for name, known in (("treatment", TREATMENTS), ("state", STATES)):
        if getattr(risk, name) not in known:
            raise rule_fault("one_of", place=name, expected=", ".join(known), found=getattr(risk, name))
    if risk.state == "open" and risk.review_on < today:
        raise rule_fault("entry_ends", place="review_on", least=today, most="9999-12-31", found=risk.review_on)
    rules = tuple(dict.fromkeys(risk.rules))
    if len(rules) > _MOST_RULES:
        raise rule_fault("values", place="rules", most=_MOST_RULES)
    if unknown := [one for one in rules if one not in known_rules]:
        raise rule_fault("unknown_rule", place="rules", found=unknown[0])
    title, owner, plan = (_text(getattr(risk, name), name) for name in ("title", "owner", "plan"))
    office = " ".join(risk.office.split()).upper()
    return Risk(
        risk.risk_id,
        title,
        owner,
        risk.likelihood,
        risk.consequence,
        risk.treatment,
        plan,
        risk.review_on,
        office,
        rules,
        risk.state,
    )


def write_risk(risk: Risk) -> dict[str, object]:
    """An entry as JSON values."""
    values: dict[str, object] = {one.name: getattr(risk, one.name) for one in fields(risk)}
    return values | {"review_on": risk.review_on.isoformat(), "rules": list(risk.rules)}


def read_risk(values: Mapping[str, Any]) -> Risk:
    """An entry from JSON values that `write_risk` made."""
    made = {**values, "review_on": date.fromisoformat(values["review_on"]), "rules": tuple(values["rules"])}
    return Risk(**made)


def _text(value: str, place: str) -> str:
    text = " ".join(value.split())
    if not 1 <= len(text) <= 500 or "\0" in text:
        raise rule_fault("text_form", place=place, least=1, most=500, found=text or "-")
    return text
