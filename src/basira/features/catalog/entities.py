"""The entities whose past is kept: who and what appears in a declaration, and the pairs that matter.

Enters: nothing. Leaves: `ENTITIES`, each with the SQL of its key and the parent its rate is smoothed
towards. Never here: windows or measures.

A key is null when a part of it is missing: an absent importer is not an importer called "".
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entity:
    """One profiled entity.

    ``key``: SQL expressions over the items, joined into one key. ``parent``: the entity whose rate
    stands in while this one's own evidence is thin. ``weight``: how many inspections of its own it
    takes to count as much as the parent (chosen on KCS valid and simulated worlds, see
    docs/explanation/model.md). ``is_long``: profiles of a year and of a month besides all history.

    What an officer reads about its past results: ``family``, of reasons, that they speak through together with other
    entities' ("": its own, see `results_family`); ``reason``, the code of that reason ("": the family); ``verify``,
    what they are a reason to verify ("": nothing in particular).
    """

    name: str
    key: tuple[str, ...]
    parent: str
    weight: float
    meaning: str
    is_long: bool = True
    family: str = ""
    reason: str = ""
    verify: str = ""

    @property
    def results_family(self) -> str:
        """The family of reasons that its results speak through."""
        return self.family or f"history_{self.name}"

    @property
    def code_digits(self) -> int:
        """How many digits of the commodity code are part of its key; 0: none."""
        return max(_DIGITS.get(part, 0) for part in self.key)

    @property
    def has_origin(self) -> bool:
        """Whether the country of origin is part of its key."""
        return "origin_country" in self.key


_CODE = "commodity_code"
_HEADING = "substr(commodity_code, 1, 4)"
_HS6 = "substr(commodity_code, 1, 6)"
_CHAPTER = "substr(commodity_code, 1, 2)"
_DIGITS = {_CODE: 12, _HS6: 6, _HEADING: 4, _CHAPTER: 2}
# First word of at least three letters: the noun in most goods descriptions, in any script.
_WORD = "nullif(regexp_extract(lower(description), '[^-0-9 ,.;:/()+_*\"%]{3,}'), '')"

ENTITIES: tuple[Entity, ...] = (
    Entity(
        "chapter", (_CHAPTER,), "all", 20, "chapter (2 digits)",
        family="history_commodity", reason="history_chapter", verify="classification",
    ),
    Entity(
        "heading", (_HEADING,), "chapter", 10, "heading (4 digits)",
        family="history_commodity", reason="history_code", verify="classification",
    ),
    Entity(
        "hs6", (_HS6,), "heading", 10, "HS subheading (6 digits)", is_long=False,
        family="history_commodity", reason="history_code", verify="classification",
    ),
    Entity(
        "code", (_CODE,), "hs6", 10, "commodity code at the length declared",
        family="history_commodity", reason="history_code", verify="classification",
    ),
    Entity("origin", ("origin_country",), "all", 20, "country of origin", verify="origin"),
    Entity("office", ("office",), "all", 20, "office of clearance"),
    Entity("importer", ("importer_id",), "all", 5, "importer"),
    Entity("declarant", ("declarant_id",), "all", 10, "declarant"),
    Entity("exporter", ("exporter_id",), "all", 5, "exporter"),
    Entity("importer_code", ("importer_id", _HS6), "importer", 5, "importer with this HS6", is_long=False),
    Entity("code_origin", (_CODE, "origin_country"), "code", 10, "commodity code from this origin", verify="origin"),
    Entity("declarant_importer", ("declarant_id", "importer_id"), "declarant", 5, "declarant for this importer", is_long=False),
    Entity("exporter_code", ("exporter_id", _HS6), "exporter", 5, "exporter with this HS6", is_long=False),
    Entity("importer_exporter", ("importer_id", "exporter_id"), "importer", 5, "importer from this exporter", is_long=False),
    Entity(
        "code_mass", (_CODE, "cast(round(net_mass_kg * 1000) as bigint)"), "code", 1,
        "consignments with this very code and net mass", is_long=False,
        family="repeat_consignment",
    ),
    Entity(
        "word", (_WORD,), "all", 20, "first word of the description", is_long=False,
        family="description", reason="history_description", verify="classification",
    ),
    Entity(
        "word_code", (_WORD, _HS6), "word", 10, "first word of the description under this HS6", is_long=False,
        family="description", reason="history_description", verify="classification",
    ),
)  # fmt: skip

ENTITY: dict[str, Entity] = {e.name: e for e in ENTITIES}
