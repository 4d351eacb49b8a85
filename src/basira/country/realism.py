"""A world beside what is published about the real thing: figures, and where each comes from.

Enters: a world's folder. Leaves: `Realism`, figures by group. Never here: a judgement; a figure without
a published one beside it is said to be assumed.

Published figures: the domain notes of this project (`docs/explanation/country-realism.md` lists them
with their sources). Amounts in MAD.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from basira.country.world import read_description
from basira.engines.duckdb import open_duckdb
from basira.engines.engine import Engine
from basira.schema.sql import quote_identifier

ASSUMED = "assumed"
_ADII = "administration's figures for 2024, in the press"
_COMCEC = "COMCEC 2018, typical field"
_TANGER, _CASABLANCA = ("TNG-MED", "TNG-VILLE"), ("CASA-PORT", "CASA-MEAD", "NOUACEUR-FRET")


@dataclass(frozen=True)
class Comparison:
    """One figure. ``value`` and ``published_value`` in ``unit`` ("share", "days", "ratio", "count", "MAD")."""

    group: str
    name: str
    value: float | None
    unit: str
    published: str = ""  # as published, in words; empty: nothing published, the scenario assumes it
    source: str = ASSUMED

    @property
    def shown(self) -> str:
        """The figure as a table writes it."""
        if self.value is None:
            return "-"
        if self.unit == "share":
            return f"{self.value:.1%}"
        if self.unit in ("count", "MAD"):
            return f"{self.value:,.0f}"
        return f"{self.value:.2f}" if self.unit == "ratio" else f"{self.value:.1f} {self.unit}"


@dataclass(frozen=True)
class KindRow:
    """One scheme or kind of irregularity."""

    name: str
    items: int
    share_of_items: float
    evaded_amount: float
    share_evaded: float
    inspected: int
    found: int
    recovered_amount: float
    share_recovered: float


@dataclass(frozen=True)
class Realism:
    """All the figures of one world. ``concentration``: share held by the top percents, by entity."""

    scenario: str
    seed: int
    title: str
    period: str
    notice: str
    comparisons: tuple[Comparison, ...]
    procedures: tuple[tuple[str, int, float], ...]
    offices: tuple[tuple[str, int, float], ...]
    kinds: tuple[KindRow, ...]
    schemes: tuple[KindRow, ...]
    concentration: dict[str, tuple[tuple[float, float], ...]]
    planted: tuple[tuple[str, float, float], ...]  # scheme, planted rate, realised rate
    detection_errors: tuple[tuple[str, int], ...]


PERCENTS = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)


def measure_realism(world: Path) -> Realism:
    """Measure a world made by `make_world`.

    Raises
    ------
    UsageError : the folder is not such a world.
    """
    description = read_description(world)
    tables = {name: sorted((Path(world) / name).glob("*.parquet")) for name in ("declarations", "outcomes", "truth")}
    with open_duckdb(reads=[path for files in tables.values() for path in files], threads=1) as con:
        for name, files in tables.items():
            con.execute(
                f"create view {quote_identifier(name)} as select * from {con.files(files)}" if files else _EMPTY[name]
            )
        con.execute(_PREPARE)
        procedures = _shares(con, "procedure")
        offices = _shares(con, "office")
        importers, codes = _counts_by_entity(con, "importer_id"), _counts_by_entity(con, "commodity_code")
        kinds, schemes = _kinds(con, "kind"), _kinds(con, "scheme")
        comparisons = (
            *_traffic(procedures, offices),
            *_skew(con, importers, codes),
            *_prices(con),
            *_control(con, kinds),
            *_delays(con),
        )
        errors = con.fetch_rows(
            "SELECT detection_error, count(*)::BIGINT FROM truth WHERE detection_error IS NOT NULL "
            "GROUP BY 1 ORDER BY 1"
        )
    return Realism(
        scenario=description["scenario"],
        seed=description["seed"],
        title=description["title"],
        period=f"{description['starts_on']} to {description['ends_on']}",
        notice=description["notice"],
        comparisons=comparisons,
        procedures=procedures,
        offices=offices,
        kinds=kinds,
        schemes=schemes,
        concentration={"importers, by declarations": _top(importers), "commodity codes, by items": _top(codes)},
        planted=tuple((k, v, description["realised_rates"][k]) for k, v in description["planted_rates"].items()),
        detection_errors=tuple((name, count) for name, count in errors),
    )


# A world has at least one declaration; it may have no result at all.
_EMPTY = {
    "outcomes": """CREATE VIEW outcomes AS SELECT ''::VARCHAR AS declaration_id, 1::INTEGER AS item_number,
        NULL::TIMESTAMP AS known_at, NULL::TIMESTAMP AS inspected_at, NULL::BOOLEAN AS is_irregular,
        NULL::BOOLEAN AS is_inspected, NULL::DOUBLE AS additional_revenue_amount, ''::VARCHAR AS inspection_lane
        WHERE FALSE"""
}
_PREPARE = """
CREATE TABLE headers AS
SELECT declaration_id, any_value(procedure) AS procedure, any_value(office) AS office,
       any_value(importer_id) AS importer_id, count(*) AS items
FROM declarations GROUP BY 1;
CREATE TABLE results AS
SELECT t.declaration_id, t.item_number, t.kind, t.scheme, t.evaded_amount, t.was_inspected,
       o.is_irregular, o.additional_revenue_amount AS recovered
FROM truth t LEFT JOIN outcomes o USING (declaration_id, item_number);
"""


def _shares(con: Engine, column: str) -> tuple[tuple[str, int, float], ...]:
    rows = con.fetch_rows(f"SELECT {column}, count(*)::BIGINT FROM headers GROUP BY 1 ORDER BY 2 DESC, 1")
    total = sum(count for _, count in rows)
    return tuple((name, count, count / total) for name, count in rows)


def _counts_by_entity(con: Engine, column: str) -> list[int]:
    """Counts by entity, largest first: declarations of importers, items of codes."""
    table = "headers" if column == "importer_id" else "declarations"
    return [r[0] for r in con.fetch_rows(f"SELECT count(*)::BIGINT FROM {table} GROUP BY {column} ORDER BY 1 DESC")]


def _top(counts: list[int]) -> tuple[tuple[float, float], ...]:
    total = sum(counts)
    return tuple((p, sum(counts[: max(1, round(len(counts) * p / 100))]) / total) for p in PERCENTS)


def gini(counts: list[int]) -> float:
    """Gini coefficient of non-negative counts: 0 all equal, towards 1 all in one.

    >>> gini([5, 5, 5]), round(gini([0, 0, 0, 8]), 2)
    (0.0, 0.75)
    """
    ordered, total = sorted(counts), sum(counts)
    n = len(ordered)
    return 2 * sum(i * c for i, c in enumerate(ordered, 1)) / (n * total) - (n + 1) / n if total else 0.0


def _traffic(
    procedures: tuple[tuple[str, int, float], ...], offices: tuple[tuple[str, int, float], ...]
) -> tuple[Comparison, ...]:
    by_procedure = {name: share for name, _, share in procedures}
    by_office = {name: share for name, _, share in offices}

    def region(codes: tuple[str, ...]) -> float:
        return sum(by_office.get(code, 0.0) for code in codes)

    return (
        Comparison("Traffic", "simple import (procedure 010)", by_procedure.get("010", 0.0), "share", "32 %", _ADII),
        Comparison("Traffic", "simple export (procedure 060)", by_procedure.get("060", 0.0), "share", "22 %", _ADII),
        Comparison("Traffic", "region of Tanger", region(_TANGER), "share", "51 %", _ADII),
        Comparison("Traffic", "region of Casablanca", region(_CASABLANCA), "share", "37 %", _ADII),
    )


def _skew(con: Engine, importers: list[int], codes: list[int]) -> tuple[Comparison, ...]:
    rare = sum(1 for c in importers if c <= 2) / len(importers)
    mean, most = _row(con, "SELECT avg(items), max(items) FROM headers")
    firms = "about 10,000 regular of 80,000 registered"
    return (
        Comparison("Skew", "traders that declared", len(importers), "count", firms, _ADII),
        Comparison("Skew", "traders with one or two declarations", rare, "share"),
        Comparison("Skew", "Gini of traders, by declarations", gini(importers), "ratio"),
        Comparison("Skew", "declarations of the top 1 % of traders", _top(importers)[1][1], "share"),
        Comparison("Skew", "commodity codes used", len(codes), "count"),
        Comparison("Skew", "Gini of commodity codes, by items", gini(codes), "ratio"),
        Comparison("Skew", "items of the top 10 % of codes", _top(codes)[4][1], "share"),
        Comparison("Skew", "items per declaration, mean", mean, "ratio"),
        Comparison("Skew", "items per declaration, most", most, "count"),
    )


def _prices(con: Engine) -> tuple[Comparison, ...]:
    out = []
    for name, key in (("a code", "commodity_code"), ("a code and origin", "commodity_code, origin_country")):
        ratio, iqr = _row(
            con,
            f"""
            SELECT median(high / low), median(third / first) FROM (
                SELECT quantile_cont(customs_value_amount / net_mass_kg, .9) AS high,
                       quantile_cont(customs_value_amount / net_mass_kg, .1) AS low,
                       quantile_cont(customs_value_amount / net_mass_kg, .75) AS third,
                       quantile_cont(customs_value_amount / net_mass_kg, .25) AS first
                FROM declarations WHERE procedure <> '060' GROUP BY {key} HAVING count(*) >= 30)
        """,
        )
        out.append(Comparison("Prices", f"unit value within {name}: 9th over 1st decile, median", ratio, "ratio"))
        out.append(Comparison("Prices", f"unit value within {name}: 3rd over 1st quartile, median", iqr, "ratio"))
    return tuple(out)


def _control(con: Engine, kinds: tuple[KindRow, ...]) -> tuple[Comparison, ...]:
    rate, inspected = _row(con, "SELECT avg((kind IS NOT NULL)::INT), avg(was_inspected::INT) FROM results")
    declarations, with_finding = _row(
        con,
        """
        SELECT avg(seen::INT), avg(found::INT) FILTER (WHERE seen) FROM (
            SELECT bool_or(was_inspected) AS seen, coalesce(bool_or(is_irregular), FALSE) AS found
            FROM results GROUP BY declaration_id)
    """,
    )
    (physical,) = _row(
        con,
        """
        SELECT count(DISTINCT declaration_id) FILTER (WHERE inspection_lane LIKE 'ROUGE%' AND is_inspected)
               / (SELECT count(*) FROM headers) FROM outcomes
    """,
    )
    hit, recovered = _row(
        con,
        """
        SELECT avg(is_irregular::INT) FILTER (WHERE is_irregular IS NOT NULL), coalesce(sum(recovered), 0) FROM results
    """,
    )
    taxes, evaded = _row(
        con, "SELECT (SELECT sum(total_tax_amount) FROM declarations), (SELECT sum(evaded_amount) FROM truth)"
    )
    missed, detectable = _row(
        con,
        """
        SELECT 1 - coalesce(sum(is_irregular::INT) / nullif(sum((kind IS NOT NULL)::INT), 0), 0),
               (SELECT avg(is_detectable::INT) FILTER (WHERE is_irregular) FROM truth)
        FROM results WHERE was_inspected AND is_irregular IS NOT NULL
    """,
    )
    value = next((k.share_recovered for k in kinds if k.name == "value"), 0.0)
    return (
        Comparison("Control", "declarations inspected, all lanes", declarations, "share"),
        Comparison("Control", "declarations inspected physically, with a result", physical, "share", "7.6 %", _COMCEC),
        Comparison("Control", "inspected declarations with a finding", with_finding, "share", "3.4 %", _COMCEC),
        Comparison("Control", "items inspected", inspected, "share"),
        Comparison("Control", "inspected items with a finding, of those recorded", hit, "share"),
        Comparison("Control", "items that are irregular (truth)", rate, "share"),
        Comparison("Control", "irregular items that a full inspection would find (truth)", detectable, "share"),
        Comparison("Control", "irregular items inspected and not found (truth)", missed, "share"),
        Comparison(
            "Control",
            "recovered, over declared revenue",
            recovered / taxes if taxes else None,
            "share",
            "4.3 % (6.24 of 144.8 thousand million MAD, all controls, after release included)",
            _ADII,
        ),
        Comparison("Control", "evaded, over declared revenue (truth)", evaded / taxes if taxes else None, "share"),
        Comparison("Control", "value findings, of what is recovered", value, "share", "86 % (5.39 of 6.24)", _ADII),
    )


def _delays(con: Engine) -> tuple[Comparison, ...]:
    out = []
    for name, condition in (("regular", "NOT is_irregular"), ("finding", "is_irregular")):
        middle, late = _row(
            con,
            f"""
            SELECT quantile_cont(d, .5), quantile_cont(d, .9) FROM (
                SELECT epoch(known_at - inspected_at) / 86400 AS d FROM outcomes WHERE {condition})
        """,
        )
        out.append(Comparison("Delay", f"inspection to known result, {name}, median", middle, "days"))
        out.append(Comparison("Delay", f"inspection to known result, {name}, 9th decile", late, "days"))
    (unknown,) = _row(con, "SELECT avg((is_irregular IS NULL)::INT) FROM results WHERE was_inspected")
    out.append(Comparison("Delay", "inspected items without a result by the end", unknown, "share"))
    return tuple(out)


def _kinds(con: Engine, column: str) -> tuple[KindRow, ...]:
    rows = con.fetch_rows(f"""
        SELECT {column}, count(*)::BIGINT, coalesce(sum(evaded_amount), 0), sum(was_inspected::INT)::BIGINT,
               coalesce(sum(is_irregular::INT), 0)::BIGINT, coalesce(sum(recovered) FILTER (WHERE is_irregular), 0)
        FROM results WHERE {column} IS NOT NULL GROUP BY 1 ORDER BY 3 DESC, 1
    """)
    (total,) = _row(con, "SELECT count(*) FROM results")
    evaded, recovered = sum(r[2] for r in rows) or 1.0, sum(r[5] for r in rows) or 1.0
    return tuple(
        KindRow(
            name=name,
            items=items,
            share_of_items=items / total,
            evaded_amount=amount,
            share_evaded=amount / evaded,
            inspected=inspected,
            found=found,
            recovered_amount=back,
            share_recovered=back / recovered,
        )
        for name, items, amount, inspected, found, back in rows
    )


def _row(con: Engine, sql: str) -> tuple[Any, ...]:
    [row] = con.fetch_rows(sql)
    return row
