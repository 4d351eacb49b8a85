"""The catalog's entries of usual and expected prices, usual duties, and the habits of traders.

Enters: the SQL of `basira.features.catalog.habits`. Leaves: features, in the catalog's order. Never here: data, a
sentence for officers.
"""

from __future__ import annotations

from basira.features.catalog.entities import ENTITY
from basira.features.catalog.feature import MINIMUM_OWN_COUNT, YEAR_DAYS, Feature, limit_ratio
from basira.features.catalog.habits import (
    DUTY_HOLDERS,
    DUTY_PARTS,
    GAP_TRADERS,
    GAP_WEIGHT,
    LOW_RATE,
    PREFERENCE_HOLDERS,
    PREFERENCE_RATE,
    USUAL_PRICE,
    USUAL_UNIT_PRICE,
    deviation_sql,
    gap_sql,
    part_sql,
    residual_sql,
)
from basira.features.catalog.references import WINDOW_DAYS


def price_features() -> list[Feature]:
    found = [
        Feature(
            "usual_price",
            f"({USUAL_PRICE}) / 1000.0",
            "evidence",
            "code_origin",
            WINDOW_DAYS,
            "ln amount/kg",
            "mean value per kg of the code from this origin, shrunk towards the code's and the heading's",
        ),
        Feature(
            "price_gap",
            f"{gap_sql('t.m_value_per_kg')} / 1000.0",
            "model",
            "code_origin",
            WINDOW_DAYS,
            "ln ratio",
            "value per kg against the usual price",
            "value_per_kg",
            "value",
        ),
    ]
    for name in GAP_TRADERS:
        meaning = ENTITY[name].meaning
        found += [
            Feature(
                f"{name}_price_habit",
                f"{name}.d_all / 1000.0 / ({name}.g_all + {GAP_WEIGHT})",
                "model",
                name,
                None,
                "ln ratio",
                f"mean price gap of earlier items, shrunk towards 0: {meaning}",
                f"price_habit_{name}",
                "value",
            ),
            Feature(
                f"{name}_low_price_rate",
                f"({name}.l_all + {GAP_WEIGHT * LOW_RATE:g}) / ({name}.g_all + {GAP_WEIGHT})",
                "model",
                name,
                None,
                "rate",
                f"earlier items a quarter or more under the usual price: {meaning}",
                f"price_habit_{name}",
                "value",
            ),
            *(
                Feature(f"{name}_{what}", f"{name}.{column}", "evidence", name, None, "count", f"{which}: {meaning}")
                for what, column, which in (
                    ("prices", "g_all", "earlier items with a price gap"),
                    ("low_prices", "l_all", "of these, a quarter or more under the usual price"),
                )
            ),
            Feature(
                f"{name}_price_gap",
                f"price_gap - {name}_price_habit",
                "model",
                name,
                None,
                "ln ratio",
                f"price gap against the usual one of the same: {meaning}",
                "value_per_kg",
                "value",
            ),
        ]
    return found


def expected_features() -> list[Feature]:
    """The prices that a code, an origin and a supplier lead to expect, per kg and per unit.

    For reasons and intervals: given to the model, they found no more (docs/explanation/model.md).
    """
    found: list[Feature] = []
    for measure, unit, usual, code, pair in (
        ("value_per_kg", "", USUAL_PRICE, "code", "code_origin"),
        ("value_per_unit", "unit_", USUAL_UNIT_PRICE, "ref_unit_code", "ref_unit_code_origin"),
    ):
        name = f"expected_{measure}"
        per = "kg" if not unit else "unit"
        part, deviation = part_sql("exporter", unit=unit), deviation_sql("code", unit=unit)
        residual = residual_sql(gap_sql(f"t.m_{measure}", usual), "exporter", unit=unit)
        found += [
            Feature(
                name,
                f"case when t.m_{measure} is not null then ({usual} + {part}) / 1000.0 end",
                "evidence",
                "code_origin",
                WINDOW_DAYS,
                f"ln amount/{per}",
                f"value per {per} that the code, the origin and the supplier lead to expect; null without one declared",
            ),
            Feature(
                f"{name}_deviation",
                f"({deviation}) / 1000.0",
                "evidence",
                "code",
                WINDOW_DAYS,
                "ln ratio",
                f"one robust deviation of the code's items from their expected value per {per}",
            ),
            *(
                Feature(
                    f"{name}_{whose}_count",
                    f"case when t.m_{measure} is not null then coalesce({count}, 0) else 0 end",
                    "evidence",
                    entity,
                    WINDOW_DAYS,
                    "count",
                    f"prices per {per} of the 52 weeks before that the expected one rests on: {meaning}",
                )
                for whose, count, entity, meaning in (
                    ("code", f"{code}.price_count", code.removeprefix("ref_"), "of the code"),
                    ("origin", f"{pair}.price_count", pair.removeprefix("ref_"), "of the code from this origin"),
                    ("supplier", f"exporter.{unit}part_count", "exporter", "of the supplier, for any code"),
                )
            ),
            Feature(
                f"{measure}_vs_expected",
                f"{residual} / 1000.0",
                "evidence",
                "code_origin",
                WINDOW_DAYS,
                "ln ratio",
                f"value per {per} against the expected one",
                measure,
                "value",
            ),
            Feature(
                f"{measure}_expected_z",
                f"{residual} / ({deviation})",
                "evidence",
                "code_origin",
                WINDOW_DAYS,
                "deviations",
                f"value per {per}: robust deviations from the expected one",
                measure,
                "value",
            ),
        ]
    return found


def _usual_duty(name: str) -> str:
    return f"case when {name}.n_year >= {MINIMUM_OWN_COUNT} then {name}.t_year / {DUTY_PARTS}.0 / {name}.n_year end"


def habit_features() -> list[Feature]:
    found = [
        Feature(
            f"preference_vs_{name}",
            f"t.is_preference_claimed - ({name}.p_year + {PREFERENCE_RATE}) / ({name}.n_year + 1.0)",
            "model",
            name,
            YEAR_DAYS,
            "share",
            f"whether a preference is claimed, against how often: {ENTITY[name].meaning}",
            "preference_claimed",
            "origin",
        )
        for name in PREFERENCE_HOLDERS
    ]
    found += [
        Feature(
            f"usual_duty_vs_{name}",
            f"({_usual_duty('code')}) - ({_usual_duty(name)})",
            "model",
            name,
            YEAR_DAYS,
            "rate",
            f"mean duty rate of the code against that of the {ENTITY[name].meaning}",
            "usual_duty",
            "classification",
        )
        for name in ("chapter", "heading", "importer")
    ]
    found += [
        Feature(
            f"{name}_usual_duty",
            _usual_duty(name),
            "evidence",
            name,
            YEAR_DAYS,
            "rate",
            f"mean duty rate of the past year: {ENTITY[name].meaning}",
        )
        for name in DUTY_HOLDERS
    ]
    found += [
        Feature(
            "duty_vs_usual",
            f"{limit_ratio('t.duty_rate_declared')} - ({_usual_duty('code')})",
            "model",
            "code",
            YEAR_DAYS,
            "rate",
            "duty rate declared against the code's mean",
            "duty_rate",
            "classification",
        ),
        Feature(
            "code_share_of_importer",
            "(importer_code.n_all + 0.5) / (importer.n_all + 2.0)",
            "model",
            "importer_code",
            None,
            "share",
            "earlier items of the importer that were declared under this HS6",
            "code_of_importer",
            "classification",
        ),
        Feature(
            "lower_price_ratio",
            "case when value_per_kg_vs_reference < value_per_unit_vs_reference or value_per_unit_vs_reference is null"
            " then value_per_kg_vs_reference else value_per_unit_vs_reference end",
            "model",
            "reference",
            WINDOW_DAYS,
            "ln ratio",
            "the lower of value per kg and value per unit, each against its reference median",
            "value_per_kg",
            "value",
        ),
        Feature(
            "kg_per_unit_distance",
            "abs(kg_per_unit_vs_unit_code)",
            "model",
            "unit_code",
            WINDOW_DAYS,
            "ln ratio",
            "net mass per unit away from the median of the code and unit, up or down",
            "kg_per_unit",
            "quantity",
        ),
    ]
    return found
