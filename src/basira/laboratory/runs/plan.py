"""What is compared: the world, the periods, the inspection rate, the labels one begins with.

Enters: options. Leaves: `Plan`, checked, and its JSON. Never here: strategies and seeds (they may be
added to a folder of results later), files of data.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import date

from basira.schema.errors import Phrase, UsageError
from basira.schema.json_values import JsonObject


@dataclass(frozen=True)
class Plan:
    """One comparison.

    Parameters
    ----------
    scenario : name of the world in the results: a shipped scenario, a scenario file, or the data's name.
    rates : share inspected per period, over 0 and up to 1; the last one stays for the periods beyond.
    data, mapping : labelled files and their mapping, for a replay; empty for the simulated country.
    outcomes, outcomes_mapping : files of results and their mapping, for data that have none of their own.
    store, snapshot : in place of files: the folder of a store, and the number of the snapshot that is played.
    starts_on : first day of the first period, ISO; None: half-way through the data.
    periods : how many at most; None: up to the end.
    period_days : length of a period.
    delay_days : replay only: days from the period's last day to when its results are known.
    initial_labels : share of the results known before the first period that is kept, drawn with the seed.
    items : country only: expected number of items in place of the scenario's; None: the scenario's own.
    """

    scenario: str
    rates: tuple[float, ...]
    data: tuple[str, ...] = ()
    mapping: str = ""
    starts_on: str | None = None
    periods: int | None = None
    period_days: int = 7
    delay_days: int = 0
    initial_labels: float = 1.0
    items: int | None = None
    outcomes: tuple[str, ...] = ()
    outcomes_mapping: str = ""
    store: str = ""
    snapshot: int | None = None

    def __post_init__(self) -> None:
        if not self.rates or not all(0 < rate <= 1 for rate in self.rates):
            raise UsageError(
                "rate: expected shares over 0 and up to 1, found {rates}.",
                hint="Write 0.1 for ten percent; 0.2,0.1 for a fifth in the first period and a tenth after it.",
                rates=", ".join(f"{r:g}" for r in self.rates) or Phrase("none"),
            )
        for name, value, lowest in (
            ("periods", self.periods, 1),
            ("period_days", self.period_days, 1),
            ("delay_days", self.delay_days, 0),
        ):
            if value is not None and value < lowest:
                raise UsageError(
                    "{name}: expected at least {lowest}, found {value}.",
                    hint="Give a larger number.",
                    name=name,
                    lowest=lowest,
                    value=value,
                )
        if not 0 <= self.initial_labels <= 1:
            raise UsageError(
                "initial_labels: expected a share from 0 to 1, found {initial_labels:g}.",
                hint="Write 0.05 to begin with one result in twenty.",
                initial_labels=self.initial_labels,
            )
        if bool(self.data) != bool(self.mapping):
            raise UsageError(
                "Expected data and mapping together, found one of them.", hint="Give --data FILE --mapping M."
            )
        if bool(self.outcomes) != bool(self.outcomes_mapping):
            raise UsageError(
                "Expected outcomes and their mapping together, found one of them.",
                hint="Give --outcomes FILE --outcomes-mapping M.",
            )
        if self.outcomes and not self.data:
            raise UsageError(
                "Expected outcomes beside files of declarations (data), found outcomes without them.",
                hint="Give --data too. Results for a store go into it first: basira feedback FILE.",
            )
        if self.store and self.data:
            raise UsageError("Expected either data or a store, found both.", hint="Leave one of them out.")

    def rate(self, period: int) -> float:
        """The share inspected in a period.

        >>> Plan("small", rates=(0.2, 0.1)).rate(0), Plan("small", rates=(0.2, 0.1)).rate(7)
        (0.2, 0.1)
        """
        return self.rates[min(period, len(self.rates) - 1)]

    @property
    def is_replay(self) -> bool:
        """Whether recorded data are played again, not the simulated country."""
        return bool(self.data or self.store)

    @property
    def start(self) -> date | None:
        """``starts_on`` as a date."""
        return None if self.starts_on is None else date.fromisoformat(self.starts_on)

    @property
    def digest(self) -> str:
        """Twelve hex digits of the content: results of another plan never mix in."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:12]

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Plan:
        found: JsonObject = {k: tuple(v) if isinstance(v, list) else v for k, v in json.loads(text).items()}
        return cls(**found)


def parse_rates(text: str) -> tuple[float, ...]:
    """Read ``--rate``: shares with commas, one a period; ``FROM:TO:PERIODS`` goes there in equal steps.

    >>> parse_rates("0.2, 0.1")
    (0.2, 0.1)
    >>> parse_rates("0.3:0.1:5")
    (0.3, 0.25, 0.2, 0.15, 0.1)
    """
    rates: list[float] = []
    try:
        for part in text.split(","):
            first, *more = part.split(":")
            if not more:
                rates.append(float(first))
                continue
            last, count = float(more[0]), int(more[1])
            if len(more) > 2 or count < 2:
                raise ValueError(part)
            start = float(first)
            rates += [round(start + (last - start) * n / (count - 1), 6) for n in range(count)]
    except (ValueError, IndexError):
        raise UsageError(
            "--rate: expected shares with commas, or FROM:TO:PERIODS, found {text!r}.",
            hint="For example --rate 0.1; or --rate 0.3:0.1:10 to go from 30 % to 10 % in ten periods.",
            text=text,
        ) from None
    return tuple(rates)
