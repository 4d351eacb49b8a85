"""The answers of the service as JSON values: which fields each has, and of which type.

Enters: nothing. Leaves: names of objects. Never here: a value. What is not required is withheld from inspectors
(`explain.disclosure`), or is absent where there is nothing of it. Moments are ISO 8601 without a zone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NotRequired, TypedDict

from basira.decisions.recorded import Content, ItemConversion, ReasonValues, ReferenceValues
from basira.schema.json_values import JsonObject
from basira.schema.records import EventKind
from basira.serving.status import StatusName
from basira.storage.online.rejected import Fault


class ReasonBody(ReasonValues):
    """A reason, and its sentence in the language asked for. ``rank``: its place among the few that an officer is shown,
    from 1; null of one that is kept as evidence, and where none is shown."""

    text: str
    rank: int | None


class VerifyBody(TypedDict):
    """What to verify: its code, and in words, as the lane does it, with the declared value beside the expected one."""

    code: str
    text: str


class ReferenceBody(ReferenceValues):
    """A reference value, and in words."""

    text: str


class ItemBody(TypedDict):
    """An item of a decision. Amounts are in the decision's currency; probabilities 0 to 1."""

    item_number: int
    fraud_probability: NotRequired[float]
    revenue_if_fraud: NotRequired[float]
    expected_revenue: NotRequired[float]
    kind_probabilities: NotRequired[Mapping[str, float]]
    reasons: Sequence[ReasonBody]
    verify: Sequence[VerifyBody]
    references: Sequence[ReferenceBody]


class ExplanationBody(TypedDict):
    """Why a declaration was selected, and what is at stake, in words; what is shown of each item stands in the item.
    ``stakes``, ``chance``: "" where the reader is shown none. ``no_reason``: what stands in the place of reasons where
    an item has none to show. ``has_reasons``: false for a random control: nothing is to be read into it.
    ``item_numbers``: in the order in which they are shown."""

    why: str
    stakes: str
    chance: str
    no_reason: str
    has_reasons: bool
    item_numbers: Sequence[int]


class ItemConversionBody(ItemConversion):
    """From which declared amount a value was made, and a sentence that says so."""

    text: str


class ConversionBody(TypedDict):
    """The declared amounts that were converted. ``rates_digest``: SHA-256 of the table of rates."""

    currency: str
    rates_digest: str
    items: Sequence[ItemConversionBody]


class RuleBody(TypedDict):
    """What a rule of analysts said of a declaration. ``outcome``: hit, unknown or error. ``probability``: with which a
    hit acts, before the draw; null of no hit. ``acts``: whether it acted. ``wants``: its effect, without what is as by
    default. ``text``: the same in words, and each condition with the value read."""

    rule_id: str
    version: int
    digest: str
    is_shadow: bool
    outcome: str
    probability: float | None
    acts: bool
    wants: JsonObject
    text: Sequence[str]


class DecisionBody(TypedDict):
    """The answer for a decision. ``inspects``, ``decided_at``, ``is_simulated``: null where they were not recorded
    then. ``fallback``: why there is no score; null when there is one. ``explanation``: in words;
    null of a declaration that is not inspected. ``rules``: what analysts'
    rules said that hit, or of which it was unknown."""

    decision_id: str
    declaration_id: str
    declaration_version: int
    office: str
    lane: str
    inspects: bool | None
    basis: str
    basis_text: str
    detail: NotRequired[str]
    inclusion_probability: NotRequired[float]
    fallback: str | None
    fraud_probability: NotRequired[float | None]
    expected_revenue: NotRequired[float | None]
    currency: str
    items: Sequence[ItemBody]
    explanation: ExplanationBody | None
    decided_at: str | None
    is_simulated: bool | None
    versions: Mapping[str, str | None]
    conversion: NotRequired[ConversionBody]
    rules: NotRequired[Sequence[RuleBody]]


class StatusBody(TypedDict):
    """The status of a declaration. ``given_by``: the id that a change of the lane names. ``since``, ``by``: of the
    event that made this status."""

    given_by: str
    decision_id: str
    declaration_version: int
    office: str
    lane: str
    inspects: bool | None
    status: StatusName
    is_reselected: bool
    since: str
    by: str


class OutcomeBody(TypedDict):
    """An inspection result. ``result``: the schema's fields that have a value, nothing personal."""

    outcome_id: str
    declaration_id: str
    decision_id: str | None
    result: JsonObject


class ChangeBody(TypedDict):
    """A re-selection or a cancellation; one of the two ids is there. ``note``: null where there is none, or it was
    erased."""

    reselection_id: NotRequired[str]
    cancellation_id: NotRequired[str]
    declaration_id: str
    decision_id: str | None
    office: str | None
    before: Mapping[str, str] | None
    after: Mapping[str, str] | None
    motive: str
    note: str | None
    at: str
    by: str


class ChangeAnswer(ChangeBody):
    """A change that was made, and the status of the declaration after it."""

    standing: StatusBody


class QueueRow(DecisionBody):
    """A decision in a queue, with the lane in force. ``reselection``: null where no officer gave the lane."""

    status: StatusName
    since: str
    given_by: str
    reselection: ChangeBody | None


class Step(TypedDict):
    """One event of a history; of its kind are the fields that are not required."""

    event_id: str
    kind: EventKind
    at: str
    by: str
    declaration_version: int | None
    content: NotRequired[Content | None]
    is_text_erased: NotRequired[bool]
    office: NotRequired[str | None]
    lane: NotRequired[str]
    inspects: NotRequired[bool | None]
    basis: NotRequired[str]
    basis_text: NotRequired[str]
    fallback: NotRequired[str | None]
    decision_id: NotRequired[str | None]
    result: NotRequired[JsonObject]
    before: NotRequired[Mapping[str, str] | None]
    after: NotRequired[Mapping[str, str] | None]
    motive: NotRequired[str]
    note: NotRequired[str | None]
    items: NotRequired[Sequence[ItemBody]]


class DeclarationBody(TypedDict):
    """A declaration's whole history, in order. ``explanation``: in words, of the lane in force, also of one that an
    officer gave; null of a lane that does not inspect."""

    declaration_id: str
    standing: StatusBody
    explanation: ExplanationBody | None
    decisions: Sequence[DecisionBody]
    outcomes: Sequence[OutcomeBody]
    history: Sequence[Step]


class OperatorsBody(TypedDict):
    """The operators of a declaration's latest version, by field; null where the value was erased.
    ``declaration_version``: null where nothing of the declaration was sent to the service. ``names``: by field, of
    those whom the administration's register names."""

    declaration_id: str
    declaration_version: int | None
    operators: Mapping[str, str | None]
    names: Mapping[str, str]


class RejectedBody(TypedDict):
    """A rejected declaration, without its content. ``times``: how often it was sent. ``resolved_at``: when it was taken
    after all; null while it was not."""

    quarantine_id: str
    declaration_id: str | None
    client: str
    first_at: str
    last_at: str
    times: int
    state: Literal["open", "resolved"]
    resolved_at: str | None
    size_bytes: int
    faults: Sequence[Fault]


class RejectedContent(RejectedBody):
    """The same with its content: as a value, or as an escaped text where that is no plain JSON."""

    body: object
    body_text: str | None


class RejectedPage(TypedDict):
    """Rejected declarations, the latest first. ``next_cursor``: null at the end."""

    total: int
    rows: Sequence[RejectedBody]
    next_cursor: str | None
