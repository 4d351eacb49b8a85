"""The figures of a reason, each as the words around it need it.

Enters: a catalog, a currency and the figures by name. Leaves: fragments of text: "12,40 MAD/kg",
"62 % sous", "214 importations comparables", "(SH 8517.13, Chine, 12 mois)". Never here: sentences.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from basira.render import numbers
from basira.render.catalogs import Catalog
from basira.render.languages import isolate
from basira.schema.codes import format_code
from basira.schema.fields import EXTRA_PREFIX, FIELDS
from basira.schema.records import Figure

INVOICE_AMOUNT = "invoice_amount"
_FIELD_TYPES = {f.name: f.type for f in FIELDS}
# From three times the median on, "3.4 times" reads better than "240 % above".
_TIMES_FROM = 2.0
KILOGRAMS = frozenset({"kg", "kgm", "kgs"})


@dataclass(frozen=True)
class Speaker:
    """Says the figures of one reason. A figure absent or not a number is a dash."""

    catalog: Catalog
    currency: str
    figures: Mapping[str, Figure]

    @property
    def language(self) -> str:
        return self.catalog.language

    def say(self, message: str, /, **values: str) -> str:
        return self.catalog.say(message, **values)

    def number_of(self, name: str) -> float | None:
        """The figure as a finite number, or None."""
        value = self.figures.get(name)
        if isinstance(value, int | float) and math.isfinite(value):
            return float(value)
        return None

    def text(self, name: str) -> str:
        value = self.figures.get(name)
        return numbers.UNKNOWN if value is None or value == "" else self._isolate(str(value))

    def count(self, name: str) -> str:
        return self._isolate(numbers.format_count(self.number_of(name), language=self.language))

    def rough(self, name: str) -> str:
        """A number whose decimals show only when they matter."""
        value = self.number_of(name)
        whole = value is not None and (float(value).is_integer() or abs(value) >= 100)
        return self._isolate(numbers.format_number(value, language=self.language, digits=0 if whole else None))

    def say_count(self, message: str, name: str) -> str:
        """A count with its noun, in the right plural."""
        value = self.number_of(name)
        n = 0 if value is None else round(value)
        return self.catalog.say_count(message, n, n=self.count(name))

    def percent(self, name: str) -> str:
        """A share. One decimal below 10 %, where one point would be too coarse."""
        return self._percent(self.number_of(name))

    def share_of(self, part: str, whole: str) -> str:
        """One count as a share of another; a dash where the second is 0 or either is not known."""
        a, b = self.number_of(part), self.number_of(whole)
        return self._percent(a / b if a is not None and b else None)

    def _percent(self, value: float | None) -> str:
        digits = 1 if value is not None and abs(value) < 0.0995 and value != 0 else 0
        if value is not None and abs(value) < 0.0005:
            limit = numbers.format_percent(0.001, language=self.language, digits=1)
            return self.say("share.tiny", share=self._isolate(limit))
        return self._isolate(numbers.format_percent(value, language=self.language, digits=digits))

    def money(self, name: str) -> str:
        return self._isolate(numbers.format_money(self.number_of(name), self.currency, language=self.language))

    def mass(self, name: str) -> str:
        return self._isolate(numbers.format_quantity(self.number_of(name), "kg", language=self.language))

    def per_unit(self, name: str) -> str:
        """Money per the unit among the figures."""
        return self.say_measure(self.number_of(name), "value_per_unit")

    def kg_per_unit(self, name: str) -> str:
        return self.say_measure(self.number_of(name), "kg_per_unit")

    def say_measure(self, value: float | None, measure: str) -> str:
        """A reference measure with its unit: money per unit, or kilograms per unit."""
        unit = str(self.figures.get("unit") or "")
        # Sources write it as they like.
        if measure == "value_per_kg" or unit.casefold() in KILOGRAMS:
            unit = "kg"
        if unit == "unit":
            # No unit was declared.
            unit = self.say("unit.none")
        if measure == "kg_per_unit":
            # A source may name the whole ("kg/u") or the quantity unit alone ("u").
            unit = unit.removeprefix("kg/")
            unit = self.say("unit.none") if unit == "unit" else unit
        money = "kg" if measure == "kg_per_unit" else self.currency
        if not unit or unit == "kg" == money:
            return self._isolate(numbers.format_money(value, money, language=self.language))
        return self._isolate(numbers.format_unit_value(value, money, unit, language=self.language))

    def bare(self, value: float | None) -> str:
        """A number without its unit, said once nearby."""
        return self._isolate(numbers.format_number(value, language=self.language))

    def country(self, name: str) -> str:
        code = self.figures.get(name)
        return numbers.country_name(str(code) if code else None, language=self.language)

    def gap(self, *, value: str = "value") -> str:
        """How far from the median: the figure "gap", or what value and median say. "62 % below", "3.4 times"."""
        gap = self.number_of("gap")
        if gap is None:
            own, median = self.number_of(value), self.number_of("median")
            if own is None or not median:
                return numbers.UNKNOWN
            gap = own / median - 1
        if round(abs(gap), 2) == 0:
            return self.say("gap.level")
        if gap >= _TIMES_FROM:
            times = numbers.format_number(1 + gap, language=self.language, digits=1 if gap < 9 else 0)
            return self.say("gap.times", times=self._isolate(times))
        share = self._isolate(numbers.format_percent(abs(gap), language=self.language))
        return self.say("gap.below" if gap < 0 else "gap.above", gap=share)

    def code(self) -> str:
        """The commodity code among the figures: "SH 8517.13"."""
        code = self.figures.get("commodity_code")
        return self.say("scope.code", code=self._isolate(format_code(str(code)))) if code else numbers.UNKNOWN

    def scope(self, *, wrapped: bool = True, with_origin: bool = True, with_code: bool = True) -> str:
        """Of what the comparison speaks: code, origin, months. In brackets, or after a comma when not ``wrapped``.

        Without months, of all that is known: a window of None is the whole history, and is not said each time.
        """
        parts = []
        if with_code and self.figures.get("commodity_code"):
            parts.append(self.code())
        if with_origin and self.figures.get("origin_country"):
            parts.append(self.country("origin_country"))
        if self.number_of("window_months") is not None:
            parts.append(self.say_count("scope.months", "window_months"))
        if not parts:
            return ""
        joint = self.say("scope.join")
        return self.say("scope.wrap", parts=joint.join(parts)) if wrapped else joint + joint.join(parts)

    def field(self, field: str) -> str:
        """A declared field's name for an officer; a source's own attribute keeps its source's name."""
        if field.startswith(EXTRA_PREFIX):
            return self._isolate(field.removeprefix(EXTRA_PREFIX).replace("_", " "))
        return self.say(f"field.{field}")

    def field_value(self, field: str, name: str) -> str:
        """The declared value, as its field's type is written."""
        value: Any = self.figures.get(name)
        kind = _FIELD_TYPES.get(field)
        if value is None or value == "":
            return numbers.UNKNOWN
        if kind == "country":
            return self.country(name)
        if kind == "commodity":
            return self._isolate(format_code(str(value)))
        if kind == "flag":
            return self.say("flag.yes" if value in (True, 1, "true", "True") else "flag.no")
        if kind == "timestamp":
            return self._isolate(numbers.format_date(str(value), language=self.language))
        if isinstance(value, str):
            return self._isolate(value)
        if kind == "rate" and value == 0:  # declared, and no estimate that looks like nothing
            return self._isolate(numbers.format_percent(0.0, language=self.language))
        if kind == "rate":
            return self.percent(name)
        if field == INVOICE_AMOUNT:
            return self._invoice_money(name)
        if kind == "amount":
            return self.money(name)
        return self.rough(name)

    def _invoice_money(self, name: str) -> str:
        """In the invoice's currency, and not in that of the values; without one where it was not declared."""
        currency = str(self.figures.get("invoice_currency") or "")
        return self._isolate(numbers.format_money(self.number_of(name), currency, language=self.language).rstrip())

    def _isolate(self, text: str) -> str:
        return isolate(text, self.language)
