"""Declared figures that equal what the inspection found: the declaration was overwritten by its result.

Enters: a connection with results and the items that they speak of. Leaves: by kind of irregularity, how many findings
were compared and how many change nothing.
Never here: a row rejected or mended: the source alone knows what was declared.

Many clearance systems write the value that the inspection established over the declared one. Whatever is learned from
such declarations is learned from corrected ones: the undervaluation itself is gone.
"""

from __future__ import annotations

from dataclasses import dataclass

from basira.engines.engine import Engine

FEWEST_FINDINGS = 5
# "All", but for a slip: two of a hundred corrected by hand change nothing of what the file is.
OVERWRITTEN_SHARE = 0.98

# Kind of irregularity: the declared field and the found one. Where several are given, all of them are equal.
_PAIRS: dict[str, tuple[tuple[str, str], ...]] = {
    "value": (("customs_value_amount", "found_value_amount"),),
    "classification": (("commodity_code", "found_commodity_code"),),
    "origin": (("origin_country", "found_origin_country"),),
    "quantity": (("quantity", "found_quantity"), ("net_mass_kg", "found_net_mass_kg")),
}
_DECLARED = tuple(dict.fromkeys(declared for pairs in _PAIRS.values() for declared, _ in pairs))
FOUND_COLUMNS = tuple(found for pairs in _PAIRS.values() for _, found in pairs)
DECLARED_COLUMNS = ("declaration_id", "declaration_version", "item_number", *_DECLARED)


@dataclass(frozen=True)
class Overwritten:
    """Findings of one kind whose found figure is given: ``findings``, and how many ``equal`` what was declared.

    ``fields``: the declared ones compared. ``example``: one declaration of them.
    """

    kind: str
    findings: int
    equal: int
    fields: tuple[str, ...]
    example: str

    @property
    def sentence(self) -> str:
        """For a person."""
        return (
            f"{' and '.join(self.fields)}: in {self.equal:,} of {self.findings:,} inspected items with an irregularity "
            f"of {self.kind} the declared figure equals the found one (declaration {self.example}, for one). Was it "
            "overwritten after the inspection? Export the declarations as they were first registered."
        )


def _counts(kind: str) -> str:
    """Findings of a kind that can be compared, those that change nothing, and one of them."""
    pairs = _PAIRS[kind]
    given = " or ".join(f"({declared} is not null and {found} is not null)" for declared, found in pairs)
    same = " and ".join(f"coalesce({_same(declared, found)}, true)" for declared, found in pairs)
    of_kind = f"coalesce(is_irregular_{kind}, is_irregular) and ({given})"
    equal = f"{of_kind} and {same}"
    return f"count_if({of_kind}), count_if({equal}), min(case when {equal} then declaration_id end)"


def _same(declared: str, found: str) -> str:
    if declared != "commodity_code":
        return f"{declared} = {found}"
    # A code is found at the length that the inspection needs.
    return f"(starts_with({declared}, {found}) or starts_with({found}, {declared}))"


_COUNTS = ", ".join(_counts(kind) for kind in _PAIRS)
_DECLARED_SQL = ", ".join(_DECLARED)
_IS_FINDING = (
    f"is_irregular and coalesce({', '.join(f'cast({name} as varchar)' for name in FOUND_COLUMNS)}) is not null"
)
_KINDS_SQL = ", ".join(f"is_irregular_{kind}" for kind in _PAIRS)
_FOUND_SQL = ", ".join(FOUND_COLUMNS)
# Materialised: each is read twice, and the views behind them are joins of their own.
_COMPARE = f"""
with finding as materialized (
  select declaration_id, item_number, is_irregular, {_KINDS_SQL}, {_FOUND_SQL}
  from judged_outcomes where {_IS_FINDING}
), registered as materialized (
  select declaration_id, declaration_version, item_number, {_DECLARED_SQL}
  from judged_items semi join finding using (declaration_id)
), version as (
  select declaration_id, min(declaration_version) as declaration_version
  from registered group by declaration_id
), declared as (
  select declaration_id, item_number, {_DECLARED_SQL}, count(*) over (partition by declaration_id) as items
  from registered join version using (declaration_id, declaration_version)
), compared as (
  select f.declaration_id, is_irregular, {_KINDS_SQL}, {_FOUND_SQL}, {_DECLARED_SQL}
  from finding f join declared d on d.declaration_id = f.declaration_id
  where d.item_number = f.item_number or (f.item_number is null and d.items = 1)
)
select {_COUNTS} from compared"""


def find_overwritten(con: Engine) -> tuple[Overwritten, ...]:
    """The kinds of which (nearly) all findings equal what the first registration declares.

    On ``con``: the views `judged_outcomes`, with the schema's columns, and `judged_items`, with `DECLARED_COLUMNS`. A
    result on a whole declaration is compared when the declaration has one item. A finding without a kind counts for
    every figure that it gives.
    """
    [(some,)] = con.fetch_rows(f"select count(*) > 0 from judged_outcomes where {_IS_FINDING}")
    if not some:
        return ()
    [row] = con.fetch_rows(_COMPARE)
    found = []
    for n, (kind, pairs) in enumerate(_PAIRS.items()):
        findings, equal, example = row[3 * n : 3 * n + 3]
        if findings >= FEWEST_FINDINGS and equal >= OVERWRITTEN_SHARE * findings:
            fields = tuple(declared for declared, _ in pairs)
            found.append(Overwritten(kind, int(findings), int(equal), fields, str(example)))
    return tuple(found)
