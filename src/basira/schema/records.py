"""The small records that rooms hand to each other.

Enters: nothing. Leaves: frozen records. Never here: behaviour beyond what a value knows of itself.
Probabilities are 0 to 1; amounts are in the declaration's value currency.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from basira.schema.stake import StakeScale

Basis = Literal["mandatory", "rule", "random", "model", "fallback", "exempt", "none"]
Figure = float | int | str | None
# What the inspection of a lane looks at.
Examines = Literal["documents", "goods"]
# What happens to a declaration online.
EventKind = Literal["registration", "amendment", "decision", "outcome", "reselection", "cancellation"]
# Declared values of an item, by field name.
ItemRow: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Reason:
    """One reason for an officer: a message of the catalog, with its figures.

    ``code`` names the message (`reason.<code>` in the catalogs). ``contribution`` is in log-odds:
    how much the evidence behind this reason moved the model; it is an association, not a cause.
    """

    code: str
    figures: Mapping[str, Figure]
    features: tuple[str, ...]
    contribution: float


# How the level of a reference begins whose middle is an expected price.
EXPECTED = "expected_"


@dataclass(frozen=True)
class Reference:
    """What comparable imports were declared at, before this one.

    ``measure``: "value_per_kg", "value_per_unit" or "kg_per_unit". ``low``/``high``: quartiles.
    ``level``: which comparables, for example "code_origin". Or, beginning with `EXPECTED`, of what the price in
    ``median`` is expected: "expected_code_origin_supplier"; ``low`` and ``high`` are then the quartiles of a normal
    distribution of the code's robust deviation. ``comparables``: some "declaration/item" ids.
    """

    measure: str
    unit: str
    declared: float
    low: float
    median: float
    high: float
    count: int
    level: str
    commodity_code: str
    origin_country: str | None
    window_days: int
    comparables: tuple[str, ...] = ()


@dataclass(frozen=True)
class ItemAssessment:
    """What Basira thinks of one item."""

    item_number: int
    fraud_probability: float
    revenue_if_fraud: float
    expected_revenue: float
    kind_probabilities: Mapping[str, float] = field(default_factory=dict)
    reasons: tuple[Reason, ...] = ()
    verify: tuple[str, ...] = ()  # of "value", "classification", "origin", "quantity", "documents"
    references: tuple[Reference, ...] = ()


@dataclass(frozen=True)
class Wish:
    """What the analysts' rules that hit a declaration, and act, want of it together.

    ``lane``: id of a lane that inspects, or a more intensive one; "" for none. ``rule_id``: of the rule that wants it.
    ``is_least``: where its rank alone gives the declaration a more intensive lane, it has that one; False for wishes
    recorded before there was this.
    ``is_mandatory``: also beyond capacity; else capacity holds, and what the random control needs is left to it.
    ``weight``: what ranks is multiplied by it, 0.1 to 10. ``is_exempt``: not to be selected by its rank.
    """

    lane: str = ""
    rule_id: str = ""
    is_mandatory: bool = False
    weight: float = 1.0
    is_exempt: bool = False
    is_least: bool = False


@dataclass(frozen=True)
class Candidate:
    """A declaration as selection sees it: its scores, what policy may name, and what a step may ask.

    ``fraud_probability``: at least one item irregular. ``expected_revenue``: sum over items.
    None in either means that the model gave no answer: never read it as zero risk.
    ``attributes``: values that mandatory lists and strata may match, item values as tuples.
    ``items``: declared values of every item, in item order, header values in each. ``features``: by the catalog's
    name, one value an item in the same order; also without a score, and empty where nothing could describe the items.
    ``stake_scale``: of the model that gave the scores; None of one that has none. ``wish``: of the rules that act; None
    when none does.
    """

    declaration_id: str
    declaration_version: int
    office: str
    fraud_probability: float | None
    expected_revenue: float | None
    is_oea: bool = False
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    stake_scale: StakeScale | None = None
    wish: Wish | None = None
    # Not what a candidate is compared by: they are by reference what its scores were made of.
    items: Sequence[ItemRow] = field(default=(), compare=False, repr=False)
    features: Mapping[str, Sequence[Figure]] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True)
class Selection:
    """The lane of one declaration, why, and with what probability.

    ``inclusion_probability``: probability, before the random draws, that this declaration would be
    put in a lane that inspects; it is what weights inspection results in later estimates.
    ``rule_id``: of the rule that asked for the inspection; "" without one. ``is_lane_full``: it is in a less intensive
    lane than the rule asks for, which had no slot left. ``is_beyond_capacity``: no lane had a slot left, and it is
    inspected all the same. ``kept_lane``: an amendment that kept the lane of an earlier version; basis and lane are
    that version's. ``is_without_state``: of a basis that counts slots, decided while they could not be counted.
    `schema.detail` has the text that these are recorded as.
    """

    declaration_id: str
    declaration_version: int
    office: str
    lane: str
    basis: Basis
    inclusion_probability: float
    rank: int | None
    rule_id: str = ""
    is_lane_full: bool = False
    is_beyond_capacity: bool = False
    kept_lane: bool = False
    is_without_state: bool = False


@dataclass(frozen=True)
class Conversion:
    """From which declared amount an item's customs value was made. ``rate_on``: the rate's day, as YYYY-MM-DD."""

    amount: float | None
    currency: str
    rate: float
    rate_on: str


@dataclass(frozen=True)
class ItemLine:
    """One item on an inspection list: as declared, and as assessed. ``conversion``: None where there was none."""

    commodity_code: str
    description: str | None
    origin_country: str | None
    customs_value_amount: float | None
    net_mass_kg: float | None
    quantity: float | None
    quantity_unit: str | None
    assessment: ItemAssessment
    conversion: Conversion | None = None


@dataclass(frozen=True)
class DeclarationLine:
    """One declaration on an inspection list. ``header``: declared header values worth showing. ``ground``: of a
    mandatory control, why the policy's list asks for it, and of a rule's, why that does, in the language of the list.
    ``notes``: what analysts' rules add for the inspector. ``examines``: what its lane looks at; None: the policy does
    not say."""

    declaration_id: str
    declaration_version: int
    declared_at: str
    office: str
    header: Mapping[str, str | None]
    value_currency: str
    fraud_probability: float | None
    expected_revenue: float | None
    selection: Selection
    items: tuple[ItemLine, ...]
    ground: str = ""
    notes: tuple[str, ...] = ()
    examines: Examines | None = None


@dataclass(frozen=True)
class CapacityUse:
    """How much of one office's capacity in one lane a day's targeting uses, in declarations."""

    office: str
    lane: str
    capacity: int
    used: int


@dataclass(frozen=True)
class InspectionList:
    """A day's targeting: every declaration in a lane that inspects, in order, office by office.

    ``is_simulated``: the declarations come from the simulated country; every page must say so.
    ``released``: how many declarations were left in lanes that do not inspect, per office.
    ``warnings``: sentences for the person in charge (fallback used, mandatory list over capacity).
    ``average_probability``: mean probability of the day's declarations that have one; ``large_stakes``: the
    amount if irregular that a quarter of them reach. None: no declaration has one.
    ``operator_names``, ``office_names``: by identifier, of those on the list that a register names.
    """

    run_id: str
    day: str
    as_of: str
    model_version: str
    policy: str
    snapshot: int
    is_simulated: bool
    lines: tuple[DeclarationLine, ...]
    capacity: tuple[CapacityUse, ...]
    released: Mapping[str, int]
    warnings: tuple[str, ...] = ()
    average_probability: float | None = None
    large_stakes: float | None = None
    operator_names: Mapping[str, str] = field(default_factory=dict)
    office_names: Mapping[str, str] = field(default_factory=dict)
