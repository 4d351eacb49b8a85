"""A selection policy: lanes, capacity, lists, random control, relief and fallback, as dated data.

Enters: the values of a policy file. Leaves: a frozen `Policy` that answers what a lane is, what an
office can inspect on a day, and what its digest is. Never here: files (see `load`), scores, draws.

Every rule of an administration that selection obeys is a field here, so that changing one is editing
a dated file, reviewed and recorded with each run, and never editing code.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from basira.schema.detail import RESERVED
from basira.schema.errors import Phrase
from basira.schema.records import Examines, Selection
from basira.schema.text import ALLOWED_SIGNS, find_odd, fold_digits, fold_identifier
from basira.selection.policy.officers import Officers
from basira.selection.policy.random_control import Count, RandomControl
from basira.selection.policy.random_control import Part as _Part
from basira.selection.policy.random_control import Share as Share
from basira.selection.policy.rules import RulesOfAnalysts

Language = Literal["fr", "ar", "en"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Order = Literal["balanced", "findings", "revenue", "blend"]
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]

WEEKDAYS: tuple[Weekday, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
EVERY_OFFICE = "*"

# The conditions of a mandatory entry, named as the schema names the fields.
MATCH_FIELDS: tuple[str, ...] = (
    "commodity_code",
    "origin_country",
    "dispatch_country",
    "importer_id",
    "exporter_id",
    "declarant_id",
    "procedure",
)


def _fault(expected: Phrase, found: object) -> PydanticCustomError:
    """An error of a rule that holds between fields; `load` turns it into a `PolicyError`."""
    return PydanticCustomError("policy", "expected {expected}, found {found}", {"expected": expected, "found": found})


def _in_one_form(text: str, info: ValidationInfo) -> str:
    """A code or identifier of a policy file in the form in which declarations have theirs, so that a list can't be
    missed by another way of writing. Without a context (a policy that a run recorded) it stays as it is: what was
    decided by it must come out the same."""
    if not info.context:
        return text
    if (odd := find_odd(text)) is not None:
        raise _fault(ALLOWED_SIGNS, odd.place)
    folded = fold_identifier(text)
    if not folded:
        raise _fault(Phrase("a code or an identifier"), Phrase("nothing but signs that are left out"))
    return folded


def _in_capitals(text: str, info: ValidationInfo) -> str:
    return text.upper() if info.context else text


# Compared with identifiers of declarations, which keep their case; and with codes, which are in capitals.
ListedIdentifier = Annotated[Text, AfterValidator(_in_one_form)]
ListedCode = Annotated[Text, AfterValidator(_in_one_form), AfterValidator(_in_capitals)]
Prefix = Annotated[Text, AfterValidator(fold_digits)]


class Wording(_Part):
    """One text in the three languages of the software."""

    fr: Text = Field(description="In French.")
    ar: Text = Field(description="In Arabic.")
    en: Text = Field(description="In English.")

    def text(self, language: str) -> str:
        """The text in ``language``."""
        return {"fr": self.fr, "ar": self.ar, "en": self.en}[language]


class Lane(_Part):
    """One lane of clearance."""

    id: Identifier = Field(description="Identifier of the lane, as decisions and inspection results name it.")
    label: Wording = Field(description="The lane's name as officers read it.")
    inspects: bool = Field(description="True when officers examine papers or goods before release: it needs capacity.")
    effectiveness: Share = Field(
        default=0.0,
        description="Share of the existing irregularities that an inspection in this lane finds. An assumption of the "
        "policy unless the administration measured it. 0 for a lane that does not inspect.",
    )
    examines: Examines | None = Field(
        default=None,
        description="What an inspection in this lane looks at: documents or goods. What officers are asked to verify "
        "follows from it; absent: they are asked without saying how.",
    )


class LaneCapacity(_Part):
    """How many declarations an office can put in one lane in a day: a count, or a share of its day."""

    count: Count | None = Field(
        default=None, description="Declarations a day. Exactly one of count and share is given."
    )
    share: Share | None = Field(
        default=None, description="Share of the office's declarations of the day, rounded half up to a whole number."
    )
    minimum: Count = Field(
        default=0, description="With a share: at least this many, though never more than the day's declarations."
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.count is None) == (self.share is None):
            raise _fault(
                Phrase("exactly one of count and share"),
                Phrase("both") if self.count is not None else Phrase("neither"),
            )
        if self.count is not None and self.minimum:
            found = Phrase("minimum = {minimum} beside count = {count}", minimum=self.minimum, count=self.count)
            raise _fault(Phrase("minimum only beside a share"), found)
        return self

    def declarations(self, day_total: int) -> int:
        """Capacity in declarations when the office has ``day_total`` of them.

        >>> LaneCapacity(share=0.05, minimum=1).declarations(3), LaneCapacity(share=0.15).declarations(10)
        (1, 2)
        """
        if self.count is not None:
            return self.count
        # Decimal of the written share: the binary 0.15 is a little less, and 15 % of 10 would round to 1.
        rounded = int(Decimal(repr(self.share)) * day_total + Decimal("0.5"))
        return min(day_total, max(self.minimum, rounded))


class OfficeCapacity(_Part):
    """The capacity of one office, or of every office not named, for all or some weekdays."""

    office: ListedIdentifier = Field(description='Office code, or "*" for every office that has no entry of its own.')
    weekdays: tuple[Weekday, ...] = Field(
        default=(), description="Days of the week on which this entry holds; absent: all that no other entry names."
    )
    lanes: dict[str, LaneCapacity] = Field(
        description="Capacity by lane id; a lane not named here takes the next more general entry."
    )


class Match(_Part):
    """What a declaration must have to fall under a mandatory entry: all the conditions given, any value of each."""

    commodity_code: tuple[Prefix, ...] = Field(default=(), description="Beginnings of commodity codes, digits only.")
    origin_country: tuple[ListedCode, ...] = Field(default=(), description="Countries of origin, ISO 3166 alpha-2.")
    dispatch_country: tuple[ListedCode, ...] = Field(default=(), description="Countries of dispatch, ISO 3166 alpha-2.")
    importer_id: tuple[ListedIdentifier, ...] = Field(default=(), description="Importers.")
    exporter_id: tuple[ListedIdentifier, ...] = Field(default=(), description="Exporters.")
    declarant_id: tuple[ListedIdentifier, ...] = Field(default=(), description="Declarants.")
    procedure: tuple[ListedCode, ...] = Field(default=(), description="Customs procedures (régimes).")

    @field_validator("commodity_code")
    @classmethod
    def _digits(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if not (value.isascii() and value.isdigit()):
                raise _fault(Phrase("the first digits of a commodity code, without dots"), repr(value))
        return values

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not any(getattr(self, name) for name in MATCH_FIELDS):
            expected = Phrase("at least one condition ({names})", names=", ".join(MATCH_FIELDS))
            raise _fault(expected, Phrase("none, which matches everything"))
        return self


class Mandatory(_Part):
    """Declarations that must be inspected whatever their score."""

    id: Identifier = Field(description="Identifier of the entry, recorded with every decision that it makes.")
    lane: str = Field(description="Lane that the entry asks for; it must be one that inspects.")
    match: Match = Field(description="The conditions.")
    reason: Wording = Field(description="Why, as the officer reads it.")
    valid_from: date | None = Field(default=None, description="First day on which the entry holds; absent: always.")
    valid_until: date | None = Field(default=None, description="Last day on which it holds; absent: no end.")

    def holds_on(self, day: date) -> bool:
        """Whether the entry is in force on ``day``; both ends count."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_until is None or day <= self.valid_until
        )


class OeaTreatment(_Part):
    """Relief for authorised economic operators; it never takes them out of the random control."""

    maximum_lane: str | None = Field(
        default=None, description="Most intensive lane in which the model may put an authorised operator."
    )
    minimum_fraud_probability: Share = Field(
        default=0.0, description="An authorised operator is selected by the model only from this probability on."
    )
    minimum_expected_revenue: Amount = Field(
        default=0.0, description="And only from this expected revenue on, in the value currency."
    )


class Objective(_Part):
    """What the model's slots are given to."""

    order: Order = Field(
        default="balanced",
        description="balanced: fraud probability times (1 + stake) to the power of an exponent, where the stake is "
        "the revenue if irregular relative to a typical one; findings: fraud probability; revenue: expected revenue; "
        "blend: the last two, each divided by its mean over the office's day. `rank_by`, its older name, is read too.",
    )
    stake_exponent: Share | None = Field(
        default=None,
        description="With balanced: the exponent, 0 for findings alone to 1; absent: as the model's card has it, "
        "chosen on later results.",
    )
    revenue_weight: Share | None = Field(
        default=None, description="With blend: the weight of revenue, the rest being that of findings."
    )
    minimum_fraud_probability: Share = Field(
        default=0.0, description="The model selects nothing under this probability, even when slots are left."
    )
    minimum_expected_revenue: Amount = Field(
        default=0.0, description="The model selects nothing under this expected revenue, in the value currency."
    )

    @model_validator(mode="before")
    @classmethod
    def _older_name(cls, content: Any) -> Any:
        if not isinstance(content, Mapping) or "rank_by" not in content:
            return content
        if "order" in content:
            raise _fault(Phrase("`order` alone"), Phrase("`order` and `rank_by`, which is its older name"))
        return {"order" if name == "rank_by" else name: value for name, value in content.items()}

    @model_validator(mode="after")
    def _weight(self) -> Self:
        if (self.order == "blend") != (self.revenue_weight is not None):
            raise _fault(
                Phrase('revenue_weight with order = "blend", and only then'),
                f'order = "{self.order}", revenue_weight = {self.revenue_weight}',
            )
        if self.stake_exponent is not None and self.order != "balanced":
            raise _fault(
                Phrase('stake_exponent with order = "balanced", and only then'),
                f'order = "{self.order}", stake_exponent = {self.stake_exponent}',
            )
        return self


class Fallback(_Part):
    """What happens to a declaration for which the model gave no answer."""

    lane: str = Field(
        description="Lane of a declaration without a score that the random control did not take; when its slots are "
        "used up, the next less intensive lane that inspects and has one."
    )
    beyond_capacity: str | None = Field(
        default=None,
        description="Lane when no slot is left in these: absent, `lane` itself, beyond its capacity. A lane that does "
        "not inspect may be named: letting go is then this policy's decision. A mandatory control without a slot goes "
        "there too, where that lane inspects and is less intensive than its own; else it stays in its own.",
    )


class Reselection(_Part):
    """What an officer may change of a lane that was given online."""

    lanes: tuple[str, ...] = Field(default=(), description="Lanes that an officer may give; absent: every lane.")
    may_lower: bool = Field(
        default=True,
        description="Whether a lane less intensive than the one in force may be given, by a role that may lower.",
    )
    may_lower_mandatory: bool = Field(
        default=False,
        description="Whether a mandatory control may be given a lane less intensive than the list gave it.",
    )
    may_lower_random: bool = Field(
        default=False,
        description="Whether a random control may be given a lane less intensive than the one it was drawn for: what "
        "is estimated from the sample is then no longer of all that was drawn.",
    )


class OnlinePacing(_Part):
    """How selection is paced when declarations come one by one. Every field has a default that was tried out."""

    band: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = Field(
        default=0.25,
        description="Half width of the soft boundary, relative to the rank of the last slot: with 0.25 and 100 slots "
        "left, the chance of a slot falls from 1 at rank 75 to 0 at rank 125.",
    )
    forecast_weight: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(
        default=10.0,
        description="How many arrivals of the day the forecast of its volume is worth, beside a tenth of itself. "
        "Small: a wrong forecast is left sooner; large: a burst misleads less.",
    )
    history_weight: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(
        default=2000.0,
        description="How many arrivals of the day the scores of recent days are worth, at most.",
    )
    reserve_deviations: Amount = Field(
        default=0.0,
        description="Slots kept for the list, the random control and the fallback: what is expected of them in the "
        "rest of the day, and so many standard deviations more.",
    )
    advance: Share = Field(
        default=0.33,
        description="Share of the forecast on which a capacity that is a share of the day opens slots from the first "
        "hour on; beyond it, each slot opens when the arrivals justify it. With 0.33 a forecast up to three times too "
        "high opens no slot too many; 0 relies on no forecast at all.",
    )
    new_office_count: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(
        default=100.0, description="Declarations a day expected at an office without any past day."
    )


class Policy(_Part):
    """A whole policy, as valid from one day on.

    Lanes are ordered from the least to the most intensive; the first is the release lane.
    """

    name: Text = Field(description="Name of the policy.")
    version: Text = Field(description="Version, as the administration numbers it.")
    valid_from: date = Field(description="First day on which this version is in force.")
    valid_until: date | None = Field(default=None, description="Last day; absent: until a later version begins.")
    language: Language = Field(description="Language of warnings and reasons by default: fr, ar or en.")
    status: Text = Field(
        description="What the figures are worth: official, adopted by whom, or invented as an example."
    )
    lanes: tuple[Lane, ...] = Field(description="The lanes, from the least to the most intensive.")
    offices: tuple[ListedIdentifier, ...] = Field(
        default=(),
        description="The codes of all offices, in capitals: a declaration of another one is rejected online "
        "(`unknown_office`), and left undecided by `basira target`, which says so. Absent: any code is an office, and "
        "`basira target` says that.",
    )
    capacity: tuple[OfficeCapacity, ...] = Field(description="What offices can inspect.")
    mandatory: tuple[Mandatory, ...] = Field(default=(), description="Lists of what must be inspected.")
    random_control: RandomControl = Field(description="The random control.")
    oea: OeaTreatment = Field(default=OeaTreatment(), description="Relief for authorised operators.")
    objective: Objective = Field(default=Objective(), description="What the model's slots are given to.")
    fallback: Fallback = Field(description="When the model gives no answer.")
    reselection: Reselection = Field(
        default=Reselection(), description="What an officer may change of a lane given online."
    )
    rules: RulesOfAnalysts = Field(default=RulesOfAnalysts(), description="How the rules that analysts write act.")
    officers: Officers = Field(default=Officers(), description="Who examines a declaration that waits.")
    online: OnlinePacing = Field(
        default=OnlinePacing(), description="How selection is paced when declarations come one by one."
    )

    @field_validator("lanes")
    @classmethod
    def _lanes(cls, lanes: tuple[Lane, ...]) -> tuple[Lane, ...]:
        ids = [lane.id for lane in lanes]
        for lane_id in ids:
            if ids.count(lane_id) > 1:
                found = Phrase("{lane_id!r} {count} times", lane_id=lane_id, count=ids.count(lane_id))
                raise _fault(Phrase("each lane once"), found)
        if not lanes or lanes[0].inspects:
            raise _fault(
                Phrase("the release lane (inspects = false) first"), repr(ids[0]) if ids else Phrase("no lane")
            )
        inspecting = [lane for lane in lanes if lane.inspects]
        if not inspecting:
            raise _fault(Phrase("at least one lane with inspects = true"), Phrase("none"))
        for lane in lanes:
            if lane.inspects != (lane.effectiveness > 0):
                raise _fault(
                    Phrase("effectiveness above 0 exactly where inspects = true"), f"{lane.id}: {lane.effectiveness}"
                )
        for lighter, heavier in pairwise(inspecting):
            # Otherwise "the most intensive lane to the highest value" would not be the best use of the slots.
            if heavier.effectiveness < lighter.effectiveness:
                raise _fault(
                    Phrase("lanes from the least to the most intensive, effectiveness never falling"),
                    Phrase(
                        "{id} = {effectiveness} before {id_2} = {effectiveness_2}",
                        id=lighter.id,
                        effectiveness=lighter.effectiveness,
                        id_2=heavier.id,
                        effectiveness_2=heavier.effectiveness,
                    ),
                )
        return lanes

    @model_validator(mode="after")
    def _references(self) -> Self:
        inspecting = {lane.id for lane in self.lanes if lane.inspects}
        every = {lane.id for lane in self.lanes}
        named = [
            ("random_control.lane", self.random_control.lane, inspecting),
            ("fallback.lane", self.fallback.lane, every),
            *((f"mandatory.{entry.id}.lane", entry.lane, inspecting) for entry in self.mandatory),
            *(("reselection.lanes", lane, every) for lane in self.reselection.lanes),
            *((f"capacity of {row.office}", lane, inspecting) for row in self.capacity for lane in row.lanes),
        ]
        if self.oea.maximum_lane is not None:
            named.append(("oea.maximum_lane", self.oea.maximum_lane, every))
        if self.fallback.beyond_capacity is not None:
            order = [lane.id for lane in self.lanes]
            reached = order[: order.index(self.fallback.lane) + 1] if self.fallback.lane in every else order
            named.append(("fallback.beyond_capacity", self.fallback.beyond_capacity, set(reached)))
        for where, lane, allowed in named:
            if lane not in allowed:
                raise _fault(
                    Phrase("{where}: one of {allowed}", where=where, allowed=", ".join(sorted(allowed))), repr(lane)
                )
        if self.valid_until is not None and self.valid_until < self.valid_from:
            raise _fault(
                Phrase("valid_until not before valid_from"),
                Phrase("{valid_until} before {valid_from}", valid_until=self.valid_until, valid_from=self.valid_from),
            )
        return self

    @model_validator(mode="after")
    def _offices_are_known(self) -> Self:
        if len(set(self.offices)) < len(self.offices):
            raise _fault(
                Phrase("each office once in `offices`"),
                ", ".join(sorted({o for o in self.offices if self.offices.count(o) > 1})),
            )
        for office in self.offices:
            if office in ("", EVERY_OFFICE) or office != office.upper():
                # Declarations have their codes in capitals, so a list in small letters would reject every one.
                raise _fault(
                    Phrase("offices: a code as declarations have it, in capitals ({upper})", upper=office.upper()),
                    repr(office),
                )
        for row in self.capacity:
            if self.offices and row.office not in (EVERY_OFFICE, *self.offices):
                raise _fault(Phrase("capacity of an office in `offices`"), repr(row.office))
        return self

    @model_validator(mode="after")
    def _capacity_is_complete(self) -> Self:
        for row in self.capacity:
            if row.lanes and len(set(row.weekdays)) < len(row.weekdays):
                raise _fault(Phrase("each weekday once in an entry"), f"{row.office}: {', '.join(row.weekdays)}")
        seen: set[tuple[str, str, str]] = set()
        for row in self.capacity:
            for lane in row.lanes:
                for weekday in row.weekdays or ("all days",):
                    if (row.office, weekday, lane) in seen:
                        raise _fault(
                            Phrase("one capacity per office, weekday and lane"),
                            Phrase(
                                "two for {office}, {weekday}, {lane}", office=row.office, weekday=weekday, lane=lane
                            ),
                        )
                    seen.add((row.office, weekday, lane))
        for each in self.lanes:
            if each.inspects and (EVERY_OFFICE, "all days", each.id) not in seen:
                raise _fault(
                    Phrase('a capacity for every inspecting lane in an entry with office = "*" and no weekdays'),
                    Phrase("none for {id}", id=each.id),
                )
        ids = [entry.id for entry in self.mandatory]
        if len(set(ids)) < len(ids):
            raise _fault(Phrase("each mandatory id once"), ", ".join(sorted({i for i in ids if ids.count(i) > 1})))
        if taken := RESERVED.intersection(ids):
            raise _fault(Phrase("a mandatory id that has no meaning of its own"), ", ".join(map(repr, sorted(taken))))
        return self

    @cached_property
    def intensity(self) -> Mapping[str, int]:
        """Lane id to its place in the order, 0 being the release lane."""
        return {lane.id: place for place, lane in enumerate(self.lanes)}

    @cached_property
    def _capacity(self) -> Mapping[tuple[str, str, str], LaneCapacity]:
        return {
            (row.office, weekday, lane): capacity
            for row in self.capacity
            for lane, capacity in row.lanes.items()
            for weekday in row.weekdays or ("",)
        }

    @property
    def beyond_capacity(self) -> int:
        """Number of the lane of one without a score for which no slot is left."""
        return self.intensity[self.fallback.beyond_capacity or self.fallback.lane]

    def mandatory_beyond_capacity(self, entry: Mandatory) -> int:
        """Number of the lane of a mandatory control for which no slot is left; it always inspects.

        Where the fallback takes beyond capacity, but never above the lane of the list, and never a lane that lets go.
        """
        lane = min(self.intensity[entry.lane], self.beyond_capacity)
        return lane if self.lanes[lane].inspects else self.intensity[entry.lane]

    def with_order(self, order: Order) -> Policy:
        """The same policy in another order, to compare; itself in its own. Not in a blend, which
        needs a weight: ValueError."""
        objective = self.objective
        if order == objective.order:
            return self
        other = Objective(
            order=order,
            minimum_fraud_probability=objective.minimum_fraud_probability,
            minimum_expected_revenue=objective.minimum_expected_revenue,
        )
        fields = {name: getattr(self, name) for name in Policy.model_fields}
        return Policy.model_validate(fields | {"objective": other})

    def lane(self, lane_id: str) -> Lane:
        """The lane of that id; KeyError when the policy has none."""
        return self.lanes[self.intensity[lane_id]]

    def capacity_of(self, office: str, lane_id: str, *, day: date, day_total: int) -> int:
        """Declarations that ``office`` can put in an inspecting lane on ``day``.

        ``day_total``: the office's declarations of the day, on which shares are taken. The most particular
        entry holds: office and weekday, office, every office and weekday, every office.
        """
        weekday = WEEKDAYS[day.weekday()]
        for key in ((office, weekday), (office, ""), (EVERY_OFFICE, weekday), (EVERY_OFFICE, "")):
            found = self._capacity.get((*key, lane_id))
            if found is not None:
                return found.declarations(day_total)
        raise KeyError(lane_id)

    def find_mandatory(self, rule_id: str) -> Mandatory | None:
        """The mandatory entry of that id, or None."""
        return next((entry for entry in self.mandatory if entry.id == rule_id), None)

    def ground_of(self, selection: Selection, *, language: str) -> str:
        """Why the mandatory list asks for what it selected, as the officer reads it; "" for every other basis."""
        entry = self.find_mandatory(selection.rule_id) if selection.basis == "mandatory" else None
        return "" if entry is None else entry.reason.text(language)

    @cached_property
    def canonical(self) -> str:
        """The content as one JSON text, the same for every way of writing the file.

        Recorded with every run; ``Policy.model_validate_json`` makes the same policy of it.
        """
        content = self.model_dump(mode="json")
        # Left at their defaults they are left out, so that policies recorded before they existed keep their digest.
        for name, default in (("online", OnlinePacing()), ("rules", RulesOfAnalysts()), ("officers", Officers())):
            if getattr(self, name) == default:
                del content[name]
        if self.reselection == Reselection():
            del content["reselection"]
        else:
            for name in ("may_lower_mandatory", "may_lower_random"):
                if not content["reselection"][name]:
                    del content["reselection"][name]
        if not self.offices:
            del content["offices"]
        for lane in content["lanes"]:
            if lane["examines"] is None:
                del lane["examines"]
        if self.random_control.design == "plain":
            del content["random_control"]["design"]
        if self.fallback.beyond_capacity is None:
            del content["fallback"]["beyond_capacity"]
        objective = content["objective"]
        if objective["stake_exponent"] is None:
            del objective["stake_exponent"]
        if self.objective.order == "balanced":
            del objective["revenue_weight"]
        else:  # as it was called when there were only these
            objective["rank_by"] = objective.pop("order")
        return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of `canonical`, in hexadecimal."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()
