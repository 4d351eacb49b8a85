"""Declared equal to found: counted where both are there, and a finding above chance alone."""

from __future__ import annotations

import numpy as np
import polars as pl

from basira.diagnose.data.overwritten import judge_overwritten


def results(rows: int, **columns: object) -> pl.DataFrame:
    usual: dict[str, object] = {
        "office": "A",
        "is_irregular": True,
        "is_irregular_value": True,
        "customs_value_amount": 100.0,
        "found_value_amount": 150.0,
        "quantity": 1.0,
        "found_quantity": None,
        "net_mass_kg": 1.0,
        "found_net_mass_kg": None,
        "commodity_code": "8517120000",
        "found_commodity_code": None,
        "origin_country": "CN",
        "found_origin_country": None,
        "revenue": 10.0,
        "deviation": None,
    }
    types = {"deviation": pl.Float64, "found_quantity": pl.Float64, "found_net_mass_kg": pl.Float64}
    texts = {"found_commodity_code": pl.String, "found_origin_country": pl.String}
    frame = pl.DataFrame({name: pl.Series([value] * rows) for name, value in {**usual, **columns}.items()})
    return frame.with_columns(pl.col(name).cast(kind) for name, kind in {**types, **texts}.items())


def test_found_equal_to_declared_is_a_finding() -> None:
    tables, [finding], _ = judge_overwritten(pl.concat([results(20), results(10, found_value_amount=100.0)]))
    assert (finding.code, finding.values["equal"].value, finding.values["compared"].value) == ("overwritten", 10, 30)
    assert tables[0].rows[0][:4] == ("pair.value", "*", 30, 10)


def test_one_slip_of_many_is_none() -> None:
    _, findings, _ = judge_overwritten(pl.concat([results(99), results(1, found_value_amount=100.0)]))
    assert findings == ()


def test_an_unequal_kind_is_not_compared() -> None:
    """A value beside an irregularity of origin is confirmed, not overwritten."""
    tables, findings, _ = judge_overwritten(
        results(40, found_value_amount=100.0, is_irregular_value=False, found_origin_country="TR")
    )
    assert [row[0] for row in tables[0].rows if row[1] == "*"] == ["pair.origin"]
    assert findings == ()


def test_undervalued_items_at_the_price_of_compliant_ones_were_overwritten() -> None:
    generator = np.random.default_rng(1)

    def frame(is_irregular: bool, shift: float) -> pl.DataFrame:
        part = results(300, is_irregular=is_irregular, is_irregular_value=is_irregular, found_value_amount=None)
        noise = pl.Series(generator.normal(shift, 0.3, 300))
        return part.with_columns(noise.alias("deviation"), pl.col("found_value_amount").cast(pl.Float64))

    honest = judge_overwritten(pl.concat([frame(False, 0.0), frame(True, -0.5)]))[1]
    hidden = judge_overwritten(pl.concat([frame(False, 0.0), frame(True, 0.0)]))[1]
    assert honest == ()
    assert [one.code for one in hidden] == ["no_gap"]


def test_without_found_values_it_is_said() -> None:
    frame = results(40).with_columns(found_value_amount=pl.lit(None, pl.Float64))
    _, findings, unjudged = judge_overwritten(frame)
    assert findings == ()
    assert {one.code for one in unjudged} == {"overwritten", "gap"}
