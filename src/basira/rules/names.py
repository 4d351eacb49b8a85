"""The names that a rule may use: fields of the schema and features of the catalog, in three languages.

Enters: what the schema and the catalog say of each. Leaves: a `Vocabulary` that knows a name in any of the languages,
and the nearest one to a name that it does not know. Never here: a field that the schema does not have, a translation.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

ValueKind = Literal["number", "text", "code", "commodity", "country", "currency", "moment", "flag", "prose"]
# Where a value comes from: declared on the item or its header; a feature of the catalog; a score of the declaration;
# computed of other values (`derived`).
Source = Literal["declared", "feature", "score", "derived"]
# Compared value by value, in one written form.
TEXTS: frozenset[ValueKind] = frozenset({"text", "code", "commodity", "country", "currency"})

# Units of literals: what they measure, and one of them in the field's own unit, as a quotient (30 % is 30 / 100, which
# is 0.3; 30 times 0.01 may be another double).
UNITS: Mapping[str, tuple[str, float, float]] = {
    "g": ("kg", 1.0, 1000.0),
    "kg": ("kg", 1.0, 1.0),
    "t": ("kg", 1000.0, 1.0),
    "%": ("rate", 1.0, 100.0),
    "days": ("days", 1.0, 1.0),
    "hours": ("hour", 1.0, 1.0),
}
# As people write them, in the three languages.
UNIT_WORDS: Mapping[str, str] = {
    "g": "g", "kg": "kg", "t": "t", "%": "%", "days": "days", "day": "days", "jours": "days", "jour": "days",
    "hours": "hours", "hour": "hours", "heures": "hours", "heure": "hours",
    "غ": "g", "كغ": "kg", "كلغ": "kg", "طن": "t", "يوم": "days", "أيام": "days", "ساعة": "hours", "ساعات": "hours",
}  # fmt: skip
# What each unit of the schema and the catalog measures; those absent take a number without a unit.
_MEASURES: Mapping[str, str] = {
    "kg": "kg",
    "rate": "rate",
    "share": "rate",
    "days": "days",
    "hour": "hour",
    "value currency": "amount",
    "amount": "amount",
}
# The fields whose values a list of a kind may be asked for. No field of the schema holds an address yet.
LIST_FIELDS: Mapping[str, frozenset[str]] = {
    "operators": frozenset({"declarant_id", "importer_id", "exporter_id"}),
    "products": frozenset({"commodity_code"}),
    "origins": frozenset({"origin_country", "dispatch_country"}),
    "containers": frozenset({"container_id"}),
    "addresses": frozenset(),
}
_PARTS = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Name:
    """One name. ``is_of_item``: it differs between the items of a declaration. ``unit``: as the schema or the catalog
    has it. ``labels``: what officers read, by language. ``is_personal``: its values may name a person."""

    name: str
    kind: ValueKind
    is_of_item: bool
    unit: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    source: Source = "declared"
    is_personal: bool = False

    @property
    def measure(self) -> str:
        """What its unit measures, as `UNITS` has it; "" for none, "amount" for money."""
        return _MEASURES.get(self.unit, "")


def fold_name(text: str) -> str:
    """A name without case, accents and signs, its words joined by underscores.

    >>> fold_name("Pays d’origine"), fold_name("Masse nette (kg)"), fold_name("بلد المنشأ")
    ('pays_d_origine', 'masse_nette_kg', 'بلد_المنشا')
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return _PARTS.sub("_", plain).strip("_")


class Vocabulary:
    """The names, and the lists that rules may name.

    ``kinds``: of lists, by name (of `LIST_FIELDS`): a field must be of its list's kind; of lists without one any field
    of texts may be asked. A label that two names share stands for neither: the name of the schema is then the way to
    write it.
    """

    def __init__(
        self, names: Iterable[Name], lists: Iterable[str] = (), kinds: Mapping[str, str] | None = None
    ) -> None:
        self.names: Mapping[str, Name] = {one.name: one for one in names}
        self._kinds = kinds or {}
        self.lists = frozenset(lists) | self._kinds.keys()
        self._known: dict[str, str] = {}
        twice: set[str] = set()
        for one in self.names.values():
            for label in dict.fromkeys(fold_name(label) for label in one.labels.values()):
                if self._known.setdefault(label, one.name) != one.name:
                    twice.add(label)
        self._shared = {
            label: tuple(one.name for one in self.names.values() if label in map(fold_name, one.labels.values()))
            for label in twice
        }
        for label in twice:
            del self._known[label]
        # The schema's own names win over every label.
        self._known |= {fold_name(name): name for name in self.names}

    def find(self, written: str) -> Name | None:
        """The name that a text stands for, in whatever language; None when there is none."""
        name = self._known.get(fold_name(written))
        return None if name is None else self.names[name]

    def sharing(self, written: str) -> tuple[str, ...]:
        """The names that share a label, which stands for none of them; none for any other text."""
        folded = fold_name(written)
        return () if folded in self._known else self._shared.get(folded, ())

    def nearest(self, written: str) -> str:
        """The known name nearest to one that is not known, as it is written in the same language; "" for none."""
        near = difflib.get_close_matches(fold_name(written), self._known, n=1, cutoff=0.6)
        return near[0] if near else ""

    def list_fields(self, name: str) -> frozenset[str] | None:
        """The fields that a list may be asked for; None: its kind is not given, and any field of texts may be."""
        kind = self._kinds.get(name)
        return None if kind is None else LIST_FIELDS[kind]

    def nearest_list(self, written: str) -> str:
        """The list nearest to a name that no list has; "" for none."""
        near = difflib.get_close_matches(written, sorted(self.lists), n=1, cutoff=0.5)
        return near[0] if near else ""

    def written(self, name: str, language: str) -> str:
        """A name as a rule's text in a language has it: its label where that is its own, else the name itself.

        >>> origin = Name("origin_country", "country", True, labels={"fr": "Pays d’origine"})
        >>> Vocabulary([origin]).written("origin_country", "fr"), Vocabulary([origin]).written("origin_country", "en")
        ('pays_d_origine', 'origin_country')
        """
        one = self.names.get(name)
        label = "" if one is None else fold_name(one.labels.get(language, ""))
        return label if label and self._known.get(label) == name and not label[0].isdigit() else name
