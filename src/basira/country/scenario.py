"""A scenario: every parameter of a simulated country, with its unit and its source.

Enters: a scenario's name (shipped) or a TOML file. Leaves: a frozen, validated `Scenario`. Never here:
randomness; the seed is given beside the scenario.

Each field's description ends with its unit in brackets; ``source`` says where the default comes from:
"domain notes" (a published figure, named in docs/explanation/country-realism.md) or "assumed".
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from basira.schema.errors import ScenarioError

Scheme = Literal[
    "undervaluation",
    "misclassification",
    "false_origin",
    "quantity",
    "atpa_diversion",
    "over_invoicing",
    "prohibited",
    "error_value",
    "error_classification",
    "error_quantity",
    "error_documents",
]
SCHEMES: tuple[Scheme, ...] = Scheme.__args__  # type: ignore[attr-defined]  # Literal keeps its values there
DELIBERATE: tuple[Scheme, ...] = SCHEMES[:7]
# What an inspector writes for each scheme: the schema's kinds of irregularity.
KIND_OF: Mapping[str, str] = {
    "undervaluation": "value",
    "misclassification": "classification",
    "false_origin": "origin",
    "quantity": "quantity",
    "atpa_diversion": "quantity",  # the goods are missing from the account
    "over_invoicing": "value",
    "prohibited": "prohibited",
    "error_value": "value",
    "error_classification": "classification",
    "error_quantity": "quantity",
    "error_documents": "documents",
}

Share = Annotated[float, Field(ge=0, le=1)]


def _parameter(default: Any, meaning: str, source: str = "assumed", **limits: Any) -> Any:
    return Field(default, description=meaning, json_schema_extra={"source": source}, **limits)


def _mandatory(meaning: str, source: str = "assumed", **limits: Any) -> Any:
    return Field(description=meaning, json_schema_extra={"source": source}, **limits)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Office(_Part):
    """One customs office; its code is invented."""

    code: str = _mandatory("Invented code of the office [code]", pattern=r"^[A-Z][A-Z0-9-]{1,15}$")
    share: float = _mandatory("Part of all declarations [share before normalisation]", "domain notes", gt=0, le=1)
    modes: list[Literal["01", "03", "04"]] = _mandatory(
        "Modes of transport it serves [01 sea, 03 road, 04 air]", min_length=1
    )
    inspectors: int = _mandatory("Inspecting officers [persons]", ge=1, le=2000)


class Trade(_Part):
    """What is traded, by whom, and how prices spread."""

    codes: int = _parameter(1500, "Commodity codes in use [codes]", "assumed", ge=300, le=10000)
    importers: int = _mandatory("Traders over the whole period, births included [firms]", "assumed", ge=50, le=200_000)
    declarants: int = _mandatory("Declarants [firms]", ge=5, le=20_000)
    importer_size_spread: float = _parameter(
        1.9, "Standard deviation of the log of a trader's activity [log]", ge=0, le=4
    )
    largest_trader_share: float = _parameter(0.01, "Most that one trader declares [share of declarations]", gt=0, le=1)
    code_concentration: float = _parameter(
        0.95, "Zipf exponent of commodity codes within a sector [exponent]", ge=0, le=3
    )
    items_per_declaration: float = _parameter(2.7, "Mean items per declaration; at most 40 occur [items]", ge=1, le=15)
    growth_per_year: float = _parameter(0.071, "Yearly growth of declarations [rate]", "domain notes", ge=-0.9, le=3)
    inflation_per_year: float = _parameter(0.025, "Yearly drift of prices [rate]", ge=-0.5, le=3)
    season_strength: Share = _parameter(0.25, "Amplitude of the yearly season of activity and prices [share]")
    turnover_per_year: Share = _parameter(0.18, "Part of traders that appear, and that cease, each year [share]")
    new_relationships_per_year: Share = _parameter(0.25, "Part of supplier relationships that begin each year [share]")
    oea_share: Share = _parameter(0.056, "Authorised operators among traders (681 of 12,000) [share]", "domain notes")
    repeat_share: Share = _parameter(0.25, "Items that repeat their line's usual quantity and mass exactly [share]")
    price_spread_code: float = _parameter(
        0.30, "Spread of unit value between quality tiers of a code [log]", ge=0, le=2
    )
    price_spread_origin: float = _parameter(0.16, "Spread of unit value between origins of a code [log]", ge=0, le=2)
    price_spread_supplier: float = _parameter(0.15, "Spread of unit value between suppliers [log]", ge=0, le=2)
    price_spread_item: float = _parameter(0.10, "Spread of unit value between consignments of a line [log]", ge=0, le=2)
    procedures: dict[str, Share] = _mandatory(
        "Part of declarations by procedure code [share before normalisation]", "domain notes"
    )
    offices: list[Office] = _mandatory("Offices [list]", min_length=1)

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if not self.procedures or sum(self.procedures.values()) <= 0:
            raise ValueError("expected at least one procedure with a share above 0")
        unknown = set(self.procedures) - set(PROCEDURES)
        if unknown:
            raise ValueError(f"unknown procedure {min(unknown)!r}; allowed: {', '.join(PROCEDURES)}")
        codes = [office.code for office in self.offices]
        if len(set(codes)) != len(codes):
            raise ValueError("two offices have the same code")
        return self


# Procedure codes of the domain notes (ADII Annexe II) and how they are taxed.
PROCEDURES: Mapping[str, Literal["home", "suspended", "export"]] = {
    "010": "home",
    "060": "export",
    "022": "suspended",  # ATPA without payment
    "023": "home",  # ATPA with payment
    "035": "suspended",  # warehousing
    "300": "suspended",  # temporary admission
    "241": "suspended",  # processing under customs
}


class Answers(_Part):
    """What a fraudster does after being caught; the rest of 1 goes on as before."""

    stop: Share = _parameter(0.12, "Stops for 60 to 240 days [probability]")
    shrink: Share = _parameter(0.30, "Goes on with half the boldness [probability]")
    change_declarant: Share = _parameter(0.12, "Takes another declarant [probability]")
    change_office: Share = _parameter(0.10, "Takes another office [probability]")
    change_code: Share = _parameter(0.10, "Moves the scheme to the other goods [probability]")
    change_identity: Share = _parameter(0.07, "Starts again as a new firm (phoenix) [probability]")

    @model_validator(mode="after")
    def _at_most_one(self) -> Self:
        total = sum(getattr(self, name) for name in type(self).model_fields)
        if total > 1 + 1e-9:
            raise ValueError(f"the probabilities of the answers add up to {total:.3f}; allowed: at most 1")
        return self


class Conduct(_Part):
    """How much is irregular, by which scheme, and how fraudsters behave."""

    irregular_rate: Share = _mandatory("Items that are irregular, honest errors included, before answers [share]")
    schemes: dict[Scheme, Share] = _mandatory("Part of the irregular items by scheme [share before normalisation]")
    organised_share: Share = _parameter(0.3, "Organised among the fraudulent; the rest are opportunists [share]")
    negligent_share: Share = _parameter(0.2, "Honest traders who are negligent [share]")
    spell_days: int = _parameter(700, "Mean length of a spell of fraud [days]", ge=7, le=10_000)
    risk_contrast: float = _parameter(
        2.0, "How unevenly fraud falls on sectors, origins, declarants [multiplier of log odds]", ge=0, le=4
    )
    tax_incentive: Share = _parameter(0.85, "How much of the temptation depends on the duty rate [share]")
    cut_lowest: Share = _parameter(0.35, "Least part of the value hidden at full boldness [share]")
    cut_highest: Share = _parameter(0.85, "Largest part of the value hidden at full boldness [share]")
    probing: float = _parameter(0.02, "Boldness gained per consignment that is not inspected [share]", ge=0, le=1)
    threshold_amount: float = _parameter(20_000.0, "Value under which the legacy rules ask no papers [MAD]", ge=0)
    answers: Answers = _parameter(Answers(), "What the caught do [see answers]")

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if sum(self.schemes.values()) <= 0:
            raise ValueError("expected at least one scheme with a share above 0")
        if self.cut_lowest > self.cut_highest:
            raise ValueError(f"cut_lowest {self.cut_lowest} is above cut_highest {self.cut_highest}")
        return self


class Detection(_Part):
    """Probability that a full physical inspection by an honest officer finds the irregularity."""

    value: Share = _parameter(0.85, "Value [probability]")
    classification: Share = _parameter(0.78, "Classification [probability]")
    origin: Share = _parameter(0.60, "Origin [probability]")
    quantity: Share = _parameter(0.85, "Quantity [probability]")
    prohibited: Share = _parameter(0.88, "Prohibited goods [probability]")
    documents: Share = _parameter(0.93, "Documents [probability]")


class Administration(_Part):
    """The legacy selectivity, the inspectors, and how results are recorded."""

    inspection_rate: Share = _mandatory(
        "Declarations inspected in any lane [share]", "domain notes: 7.6 % physically (COMCEC)"
    )
    capacity: dict[str, Annotated[int, Field(ge=0)]] = _parameter(
        {}, "Inspections a day by office, in place of the rate [declarations a day]"
    )
    random_share: Share = _parameter(0.06, "Part of the capacity drawn at random [share]")
    discretion: float = _parameter(0.6, "Weight of the officer's own opinion beside the rules [score]", ge=0, le=20)
    stale_rules: Share = _parameter(0.35, "Value indicators and listed codes that are worth nothing [share]")
    indicators: int = _parameter(336, "Commodity codes with a value indicator [codes]", "domain notes", ge=0)
    lane_full: Share = _parameter(0.3, "Part of the selected in full physical inspection [share]")
    lane_partial: Share = _parameter(0.4, "Part of the selected in partial physical inspection [share]")
    partial_detection: Share = _parameter(0.85, "Detection in partial inspection, relative to full [share]")
    documentary_detection: Share = _parameter(
        0.65, "Detection on documents, relative to full; 0.1 for quantity [share]"
    )
    detection: Detection = _parameter(Detection(), "What a full inspection finds [see detection]")
    false_finding_rate: Share = _parameter(0.002, "Findings on regular inspected items [share]")
    not_done_share: Share = _parameter(0.015, "Selected declarations that are released without inspection [share]")
    inspector_spread: Share = _parameter(0.25, "How far below the best officer the weakest finds [share]")
    unrecorded_share: Share = _parameter(0.07, "Inspections whose result is never recorded [share]")
    delay_regular_days: float = _parameter(
        3.0, "Median days from inspection to a recorded regular result [days]", ge=0, le=3650
    )
    delay_finding_days: float = _parameter(
        18.0, "Median days from inspection to a recorded finding [days]", ge=0, le=3650
    )
    delay_spread: float = _parameter(0.9, "Spread of the delay [log]", ge=0, le=3)
    recovered_share: Share = _parameter(0.92, "Mean part of the evaded duties recovered when found [share]")
    collusive_pairs: int = _parameter(0, "Inspector and declarant pairs that look away [pairs]", ge=0, le=10_000)
    looking_away: Share = _parameter(0.95, "Probability that a collusive pair hides a finding [probability]")
    steering: Share = _parameter(0.5, "Probability that such a declaration is steered to its inspector [probability]")

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.lane_full + self.lane_partial > 1 + 1e-9:
            raise ValueError("lane_full and lane_partial add up to more than 1")
        return self


class Wave(_Part):
    """A fraud that begins and ends on known days."""

    name: str = _mandatory("Name in the truth's description [text]")
    scheme: Scheme = _mandatory("Scheme used [scheme]")
    starts_on: date = _mandatory("First day [date]")
    ends_on: date = _mandatory("Last day [date]")
    chapters: list[Annotated[str, Field(pattern=r"^\d{2}$")]] = _parameter(
        [], "HS chapters concerned; empty: all [chapters]"
    )
    origins: list[Annotated[str, Field(pattern=r"^[A-Z]{2}$")]] = _parameter(
        [], "True origins concerned; empty: all [ISO 3166]"
    )
    recruits: Share = _mandatory("Traders in these goods who join [share]")
    usage: Share = _parameter(0.6, "Probability that a recruit's item uses it [probability]")

    @model_validator(mode="after")
    def _order(self) -> Self:
        if self.ends_on < self.starts_on:
            raise ValueError(f"ends_on {self.ends_on} is before starts_on {self.starts_on}")
        if self.scheme not in DELIBERATE:
            raise ValueError(f"a wave is deliberate; allowed: {', '.join(DELIBERATE)}")
        return self


class RateChange(_Part):
    """A duty or VAT rate that changes on a known day."""

    on: date = _mandatory("First day of the new rate [date]")
    chapters: list[Annotated[str, Field(pattern=r"^\d{2}$")]] = _mandatory(
        "HS chapters concerned [chapters]", min_length=1
    )
    duty_rate: Share | None = _parameter(None, "New import duty rate; absent: unchanged [rate]")
    vat_rate: Share | None = _parameter(None, "New VAT rate; absent: unchanged [rate]")


class PriceRule(_Part):
    """How prices depart from a sum of the code's, the origin's and the supplier's part; as shipped they don't."""

    supplier_by_code: float = _parameter(
        0.0, "Spread of the price that a supplier has for a code, beside its general one [log]", ge=0, le=2
    )
    contract_share: Share = _parameter(0.0, "Relationships that buy at prices by contract [share]")
    contract_days: int = _parameter(180, "How long a contract keeps its prices [days]", ge=7, le=3650)
    contract_spread: float = _parameter(0.0, "Spread of the level of a contract's prices [log]", ge=0, le=2)
    premium_share: Share = _parameter(0.0, "Consignments of the better quality [share]")
    premium: float = _parameter(0.0, "What the better quality costs more [log]", ge=0, le=3)
    origin_season: float = _parameter(
        0.0, "Amplitude of the yearly season of prices, another for each sector and origin [log]", ge=0, le=2
    )


class UnitJump(_Part):
    """From a day on, an office writes a field in another unit or currency than before."""

    office: str = _mandatory("Code of the office [code]")
    on: date = _mandatory("First day [date]")
    field: Literal["net_mass_kg", "customs_value_amount"] = _parameter("net_mass_kg", "Field concerned [field]")
    factor: float = _parameter(1000.0, "What the field is multiplied by [ratio]", gt=0, le=1e6)
    chapters: list[Annotated[str, Field(pattern=r"^\d{2}$")]] = _parameter(
        [], "HS chapters concerned; empty: all [chapters]"
    )


class Faults(_Part):
    """Faults of an administration and of its files, for the diagnostic to find; as shipped there is none."""

    records_selection: bool = _parameter(
        False, "Declarations say lane, basis, rules hit and moment of release, in fields of their own [flag]"
    )
    overwritten_share: Share = _parameter(
        0.0, "Undervaluations found whose declared value is overwritten by the found one [share]"
    )
    blank_results: dict[str, Share] = _parameter({}, "Inspections without a recorded result, by office [share]")
    late_offices: dict[str, Annotated[float, Field(ge=1, le=100)]] = _parameter(
        {}, "What delays of results are multiplied by, by office [ratio]"
    )
    chosen_random: Share = _parameter(
        0.0, "Days on which an officer picks the random control among consignments of least value [share]"
    )
    dead_rules: int = _parameter(0, "Rules that select compliant traders alone [rules]", ge=0, le=50)
    overlapping_rules: int = _parameter(0, "Rules that repeat another rule [rules]", ge=0, le=12)
    favoured_importers: int = _parameter(0, "Large importers that no control reaches [firms]", ge=0, le=100)
    unit_jumps: list[UnitJump] = _parameter([], "Jumps of units or currencies [list]")


class Scenario(_Part):
    """A simulated country, ready to be made."""

    name: str = _mandatory("Name [text]", pattern=r"^[a-z][a-z0-9-]{0,40}$")
    title: str = _mandatory("What it is for [text]")
    starts_on: date = _mandatory("First day [date]")
    ends_on: date = _mandatory("Last day [date]")
    items: int = _mandatory("Expected number of items [items]", ge=100, le=200_000_000)
    block_days: int = _parameter(7, "Days between two answers of the traders to what they saw [days]", ge=1, le=92)
    trade: Trade = _mandatory("Trade and traders [see trade]")
    conduct: Conduct = _mandatory("Irregularities [see conduct]")
    administration: Administration = _mandatory("Selectivity, inspection, results [see administration]")
    prices: PriceRule = _parameter(PriceRule(), "Prices that are not additive [see prices]")
    waves: list[Wave] = _parameter([], "Frauds with a beginning and an end [list]")
    rate_changes: list[RateChange] = _parameter([], "Dated changes of rates [list]")
    faults: Faults = _parameter(Faults(), "Faults for the diagnostic to find [see faults]")

    @property
    def days(self) -> int:
        """Number of days, both ends included."""
        return (self.ends_on - self.starts_on).days + 1

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.ends_on < self.starts_on:
            raise ValueError(f"ends_on {self.ends_on} is before starts_on {self.starts_on}")
        known = {office.code for office in self.trade.offices}
        named: dict[str, Iterable[str]] = {
            "administration.capacity": self.administration.capacity,
            "faults.blank_results": self.faults.blank_results,
            "faults.late_offices": self.faults.late_offices,
            "faults.unit_jumps": [jump.office for jump in self.faults.unit_jumps],
        }
        for parameter, offices in named.items():
            if unknown := set(offices) - known:
                raise ValueError(f"{parameter} names the office {min(unknown)!r}, which trade.offices has not")
        return self


def scenario_names() -> tuple[str, ...]:
    """The shipped scenarios, in alphabetical order."""
    folder = resources.files("basira.country").joinpath("scenarios")
    return tuple(sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml")))


def load_scenario(name_or_path: str | Path, *, changes: Mapping[str, object] | None = None) -> Scenario:
    """Read and check a scenario.

    Parameters
    ----------
    name_or_path : a shipped name ("small") or the path of a TOML file.
    changes : values to put over the file's, by dotted name, for example ``{"items": 5000,
        "conduct.irregular_rate": 0.1}``.

    Raises
    ------
    ScenarioError : no such scenario, not TOML, or an impossible value; the message names the field,
        the value found and what is allowed.

    >>> load_scenario("small").name
    'small'
    >>> load_scenario("small", changes={"administration.inspection_rate": -1})
    Traceback (most recent call last):
    ...
    basira.schema.errors.ScenarioError: administration.inspection_rate: found -1; allowed: greater than or equal to 0.
    """
    text = _text_of(name_or_path)
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(
            f"{name_or_path}: expected TOML, found {error}.", hint="Correct the file at the place named."
        ) from None
    for name, value in (changes or {}).items():
        *parts, last = name.split(".")
        place = content
        for part in parts:
            place = place.setdefault(part, {})
        place[last] = value
    return parse_scenario(content)


def parse_scenario(content: Mapping[str, object]) -> Scenario:
    """Check a scenario given as nested mappings; see `load_scenario`."""
    try:
        return Scenario.model_validate(content)
    except ValidationError as error:
        raise ScenarioError(
            " ".join(_sentence(problem) for problem in error.errors()[:5]),
            hint="Correct the scenario; docs/reference/country.md lists every parameter with its unit and limits.",
        ) from None


def _sentence(problem: Any) -> str:
    where = ".".join(str(part) for part in problem["loc"]) or "scenario"
    kind, message = problem["type"], problem["msg"]
    if kind == "missing":
        return f"{where}: absent; allowed: a value is needed."
    if kind == "extra_forbidden":
        return f"{where}: unknown parameter; allowed: the parameters of docs/reference/country.md."
    if kind == "value_error":
        return f"{where}: {message.removeprefix('Value error, ')}."
    found = problem["input"]
    shown = str(found) if isinstance(found, str | int | float | date) else type(found).__name__
    return f"{where}: found {shown}; allowed: {message.removeprefix('Input should be ')}."


def _text_of(name_or_path: str | Path) -> str:
    if isinstance(name_or_path, str) and name_or_path in scenario_names():
        shipped = resources.files("basira.country").joinpath("scenarios", f"{name_or_path}.toml")
        return shipped.read_text(encoding="utf-8")
    path = Path(name_or_path)
    if not path.is_file():
        raise ScenarioError(
            f"Expected a scenario, found no file and no shipped scenario {str(name_or_path)!r}.",
            hint=f"Shipped scenarios: {', '.join(scenario_names())}.",
        )
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ScenarioError(f"{path}: expected UTF-8 text, found other bytes.", hint="Save it as UTF-8.") from None
