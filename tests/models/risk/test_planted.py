"""Planted frauds: what each kind changes, and that what is drawn follows from the item alone."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from basira.models.risk.planted import CHANGED, FIRST_COPY, PLANTED_KINDS, draw_of_keys, plant_copies

RATES = {"8501000000": 0.025, "8502000000": 0.175, "8503000000": 0.3}


def declared(count: int = 4000, *, seed: int = 5) -> pl.DataFrame:
    """Items of one chapter; a fifth claim a preference and pay no duty. Taxes as the rates make them."""
    rng = np.random.default_rng(seed)
    code = rng.choice(list(RATES), count)
    claims = rng.random(count) < 0.2
    duty = np.where(claims, 0.0, [RATES[c] for c in code])
    value = np.round(np.exp(rng.normal(8, 1, count)), 2)
    quantity = np.ceil(value / 40)
    return pl.DataFrame(
        {
            "declaration_id": [f"D{i:05d}" for i in range(count)],
            "declaration_version": pl.Series(np.ones(count), dtype=pl.Int32),
            "item_number": pl.Series(np.ones(count), dtype=pl.Int32),
            "declared_day": pl.Series(np.sort(rng.integers(1000, 1600, count)), dtype=pl.Int32),
            "commodity_code": code,
            "description": [f"goods of {c}" for c in code],
            "origin_country": np.where(claims, "FR", rng.choice(["CN", "US"], count)),
            "preference": pl.Series(np.where(claims, "EU", "")).replace("", None),
            "quantity": quantity,
            "quantity_unit": "U",
            "net_mass_kg": np.round(quantity * 1.7, 1),
            "gross_mass_kg": np.round(quantity * 2.0, 1),
            "customs_value_amount": value,
            "invoice_amount": value,
            "duty_rate": duty,
            "vat_rate": np.full(count, 0.2),
            "duty_amount": np.round(value * duty, 2),
            "vat_amount": np.round(value * (1 + duty) * 0.2, 2),
            "excise_amount": pl.Series([None] * count, dtype=pl.Float64),
            "total_tax_amount": np.round(value * (duty + (1 + duty) * 0.2), 2),
            "key": rng.integers(0, 2**60, count),
            "is_eligible": np.ones(count, bool),
        }
    )


@pytest.fixture(scope="module")
def items() -> pl.DataFrame:
    return declared()


@pytest.fixture(scope="module")
def pairs(items: pl.DataFrame) -> pl.DataFrame:
    """Copies beside their originals, whose columns end in ``_true``."""
    copies = plant_copies(items, count=800)
    return copies.join(items.drop("declaration_version"), on=["declaration_id", "item_number"], suffix="_true")


def of(pairs: pl.DataFrame, kind: str) -> pl.DataFrame:
    found = pairs.filter(pl.col("planted_kind") == kind)
    assert len(found) == round(800 * PLANTED_KINDS[kind])
    return found


def changed(found: pl.DataFrame) -> set[str]:
    return {c for c in CHANGED if not found[c].equals(found[f"{c}_true"].rename(c))}


TAXES = {"duty_amount", "vat_amount", "total_tax_amount"}


def test_a_cut_lowers_the_value_and_its_taxes_and_nothing_else(pairs: pl.DataFrame) -> None:
    found = of(pairs, "value")
    assert changed(found) == {"customs_value_amount", "invoice_amount", *TAXES}
    kept = (found["customs_value_amount"] / found["customs_value_amount_true"]).to_numpy()
    assert 0.29 < kept.min() < 0.35
    assert 0.8 < kept.max() < 0.86


def test_a_false_quantity_lowers_value_with_it_and_the_mass_no_further(pairs: pl.DataFrame) -> None:
    found = of(pairs, "quantity").filter(pl.col("quantity_true") >= 50)
    ratio = {c: (found[c] / found[f"{c}_true"]).to_numpy() for c in ("quantity", "customs_value_amount", "net_mass_kg")}
    assert ratio["quantity"] == pytest.approx(ratio["customs_value_amount"], abs=0.02)
    assert (ratio["net_mass_kg"] >= ratio["customs_value_amount"] - 0.02).all()
    assert (found["quantity"].to_numpy() % 1 == 0).all()
    assert 0.6 < (found["gross_mass_kg"] == found["gross_mass_kg_true"]).mean() < 0.9  # type: ignore[operator]


def test_a_false_code_is_another_of_its_chapter_mostly_with_a_lower_duty(pairs: pl.DataFrame) -> None:
    found = of(pairs, "classification")
    assert (found["commodity_code"] != found["commodity_code_true"]).all()
    assert [RATES[c] if p is None else 0.0 for c, p in found.select("commodity_code", "preference").rows()] == found[
        "duty_rate"
    ].to_list()
    assert (found["duty_rate"] < found["duty_rate_true"]).mean() > 0.8  # type: ignore[operator]
    assert found["customs_value_amount"].equals(found["customs_value_amount_true"].rename("customs_value_amount"))
    rewritten = (found["description"] != found["description_true"]).mean()
    assert 0.3 < rewritten < 0.7  # type: ignore[operator]


def test_a_false_origin_claims_a_preference_and_pays_its_duty(pairs: pl.DataFrame) -> None:
    found = of(pairs, "origin")
    assert found.select("origin_country", "preference", "duty_rate").unique().rows() == [("FR", "EU", 0.0)]
    assert found["preference_true"].null_count() == len(found)


def test_what_is_evaded_is_the_difference_of_the_taxes(pairs: pl.DataFrame) -> None:
    duty, value = pairs["duty_rate"].to_numpy(), pairs["customs_value_amount"].to_numpy()
    due = value * (duty + (1 + duty) * 0.2)
    assert pairs["total_tax_amount"].to_numpy() == pytest.approx(due, abs=0.03)
    true = pairs["total_tax_amount_true"].to_numpy()
    assert pairs["evaded_amount"].to_numpy() == pytest.approx(np.maximum(0, true - due), abs=0.03)


def test_what_is_suspended_stays_suspended() -> None:
    none = declared().with_columns(total_tax_amount=pl.lit(0.0))
    copies = plant_copies(none, count=200)
    assert len(copies) > 100
    assert copies["total_tax_amount"].max() == 0
    assert copies["evaded_amount"].max() == 0


def test_a_donor_is_of_an_earlier_day() -> None:
    """On the last day a code and an origin appear that no earlier item has: no copy of that day declares them."""
    items = declared()
    last = int(items["declared_day"].max())  # type: ignore[arg-type]  # a column of integers
    new = pl.col("declared_day") == last
    items = pl.concat([items, declared(200, seed=6).with_columns(declared_day=pl.lit(last, pl.Int32))]).with_columns(
        declaration_id=pl.int_range(pl.len()).cast(pl.String),
        commodity_code=pl.when(new).then(pl.lit("8599000000")).otherwise("commodity_code"),
        duty_rate=pl.when(new).then(0.01).otherwise("duty_rate"),
        preference=pl.when(new).then(None).otherwise("preference"),
    )
    copies = plant_copies(items, count=1000).filter(pl.col("planted_kind") == "classification")
    assert len(copies) > 100
    assert "8599000000" not in set(copies["commodity_code"])


def test_items_known_to_be_irregular_are_never_copied() -> None:
    items = declared().with_columns(is_eligible=pl.int_range(pl.len()) % 2 == 0)
    copies = plant_copies(items, count=800)
    eligible = set(items.filter("is_eligible")["declaration_id"])
    assert len(copies) > 700
    assert set(copies["declaration_id"]) <= eligible


def test_the_order_of_the_items_changes_nothing(items: pl.DataFrame) -> None:
    shuffled = items.sample(fraction=1, shuffle=True, seed=3)
    assert plant_copies(shuffled, count=800).equals(plant_copies(items, count=800))


def test_later_items_do_not_change_the_copy_of_an_earlier_one(items: pl.DataFrame) -> None:
    before = items.filter(pl.col("declared_day") < 1500)
    key = ["declaration_id", "declaration_version"]
    few, all_of_them = plant_copies(before, count=4000), plant_copies(items, count=4000)
    shared = few.join(all_of_them.select(key), on=key, how="semi").sort(key)
    assert len(shared) > 1000
    assert shared.equals(all_of_them.join(few.select(key), on=key, how="semi").sort(key))


def test_a_copy_has_a_number_that_no_registered_version_has(pairs: pl.DataFrame) -> None:
    assert pairs["declaration_version"].min() == FIRST_COPY > 9999
    assert not pairs.select("declaration_id", "declaration_version").is_duplicated().any()


def test_draws_are_even() -> None:
    drawn = draw_of_keys(np.arange(20_000, dtype=np.uint64), 3)
    assert np.histogram(drawn, 10, (0, 1))[0] == pytest.approx(2000, abs=200)
    assert abs(np.corrcoef(drawn, draw_of_keys(np.arange(20_000, dtype=np.uint64), 4))[0, 1]) < 0.03
