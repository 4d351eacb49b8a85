"""The feature catalog: one entry per feature, from which everything else about it is made.

Enters: the entities, reference levels and item arithmetic. Leaves: `CATALOG`, in a fixed order: the
SQL, the documentation page (docs/reference/features.md), the model's feature list and the officer's
reasons all come from these entries. Never here: a connection, data, or a second list of names.
"""

from __future__ import annotations

from basira.features.catalog.arithmetic import CATEGORIES, ITEM_FEATURES
from basira.features.catalog.entities import ENTITIES, Entity
from basira.features.catalog.feature import MINIMUM_OWN_COUNT, YEAR_DAYS, Feature, Role, limit_ratio
from basira.features.catalog.prices import expected_features, habit_features, price_features
from basira.features.catalog.references import BACK_OFF, LEVELS, MINIMUM_COUNT, WINDOW_DAYS
from basira.schema.reasons import PastResults, ReasonCatalog

MONTH_DAYS = 30
# No model feature may grow with the calendar alone: a count over all history or a number of days since
# the data began tells a tree what time it is, and it then learns the recent weeks' missing results as
# falling risk (docs/decisions/0008-no-feature-tells-the-time.md). Counts stop at "many", ages at half a
# year, and the full counts are evidence for people only.
MANY = 20
NEW_DAYS = 180
# Before any inspection is known, one irregularity in twenty: the order of magnitude seen in the
# field (domain notes), worth 20 inspections so that a handful of results does not swing it.
PRIOR_RATE = 0.05
PRIOR_WEIGHT = 20
# The z-score's spread has a floor of 5 %, so that a code with near-constant prices does not turn a rounding into an
# alarm.
SPREAD_FLOOR = 50
# Officers' intervals come from quartiles; 1.349 interquartile ranges are one normal deviation.
IQR_TO_SIGMA = 1.349


def _at_most(sql: str, most: int) -> str:
    # Not `least`: engines differ on whether it skips a null, and a null must stay null.
    return f"case when {sql} > {most} then {most} else {sql} end"


def _profile(e: Entity) -> list[Feature]:
    def entry(
        name: str,
        sql: str,
        unit: str,
        meaning: str,
        *,
        window: int | None = None,
        reason: str = "",
        role: Role = "model",
    ) -> Feature:
        reason = reason or shared
        verify = e.verify if reason == history else ""
        return Feature(f"{e.name}_{name}", sql, role, e.name, window, unit, meaning, reason, verify)

    history = e.results_family
    # Where results are not worded as a history, all that is known of the entity speaks of the same thing.
    shared = "" if history.startswith("history_") else history
    parent = f"{e.parent}_hit_rate"
    new = f"new_{e.name}" if e.name in _CAN_BE_NEW else ""
    activity = f"activity_{e.name}" if e.name in _TRADERS else ""
    found = [
        entry("items", f"{e.name}.n_all", "count", f"earlier items: {e.meaning}", role="evidence", reason=new),
        entry("inspected", f"{e.name}.i_all", "count", f"inspections with a known result: {e.meaning}",
              role="evidence", reason=history),
        entry("irregular", f"{e.name}.r_all", "count", f"irregularities known: {e.meaning}", role="evidence", reason=history),
        entry("hit_rate", f"({e.name}.r_all + {e.weight} * {parent}) / ({e.name}.i_all + {e.weight})", "rate",
              f"irregularities per inspection, smoothed towards {e.parent}: {e.meaning}", reason=history),
    ]  # fmt: skip
    if e.is_long:
        found += [
            entry(
                "items_365d",
                f"{e.name}.n_year",
                "count",
                f"items in the past year: {e.meaning}",
                window=YEAR_DAYS,
                role="model" if e.name in _TRADERS else "evidence",
                reason=activity,
            ),
            entry(
                "hit_rate_365d",
                f"({e.name}.r_year + {e.weight} * {e.name}_hit_rate) / ({e.name}.i_year + {e.weight})",
                "rate",
                f"the same over the past year, smoothed towards all history: {e.meaning}",
                window=YEAR_DAYS,
                reason=history,
            ),
            entry(
                "revenue_per_inspection",
                f"{e.name}.v_all / 100.0 / ({e.name}.i_all + {e.weight})",
                "amount",
                f"revenue recovered per inspection, shrunk towards 0: {e.meaning}",
                reason=history,
            ),
        ]
    if e.name in _TRADERS:
        found += [
            entry(
                "items_30d",
                f"{e.name}.n_month",
                "count",
                f"items in the past 30 days: {e.meaning}",
                window=MONTH_DAYS,
                reason=activity,
            ),
            entry(
                "volume_jump",
                f"({e.name}.n_month + 1.0) / ({e.name}.n_year / 12.0 + 1.0)",
                "ratio",
                f"items of the past 30 days against a usual month: {e.meaning}",
                window=YEAR_DAYS,
                reason="volume_jump_importer" if e.name == "importer" else activity,
            ),
            entry(
                "days_since_last",
                _at_most(f"t.day - {e.name}.last_day", NEW_DAYS),
                "days",
                f"days since the last item, at most {NEW_DAYS}: {e.meaning}",
                reason=activity,
            ),
        ]
    if e.name in _TRADERS or e.name in _PAIRS:
        found += [
            entry(
                "times_seen",
                _at_most(f"{e.name}.n_all", MANY),
                "count",
                f"earlier items, at most {MANY}: {e.meaning}",
                reason=new,
            ),
            entry(
                "times_inspected",
                _at_most(f"{e.name}.i_all", MANY),
                "count",
                f"known results, at most {MANY}: {e.meaning}",
                reason=history,
            ),
            entry(
                "days_since_first",
                _at_most(f"t.day - {e.name}.first_day", NEW_DAYS),
                "days",
                f"days since first seen, at most {NEW_DAYS}: {e.meaning}",
                reason=new,
            ),
            entry(
                "days_since_irregular",
                _at_most(f"t.day - {e.name}.hit_day", YEAR_DAYS),
                "days",
                f"days since an irregularity became known, at most {YEAR_DAYS}: {e.meaning}",
                reason=history,
            ),
        ]
    return found


_TRADERS = {"importer", "declarant", "exporter"}
_PAIRS = {"importer_code", "declarant_importer", "exporter_code", "importer_exporter", "code_mass"}
_CAN_BE_NEW = {
    "importer",
    "declarant",
    "exporter",
    "importer_code",
    "exporter_code",
    "declarant_importer",
    "importer_exporter",
}


def _shares() -> list[Feature]:
    return [
        Feature(
            "origin_share_of_code",
            "(code_origin.n_all + 0.5) / (code.n_all + 5.0)",
            "model",
            "code_origin",
            None,
            "share",
            "earlier items of the code that came from this origin",
            "origin_unusual",
            "origin",
        ),
        Feature(
            "code_share_of_word",
            "(word_code.n_all + 0.5) / (word.n_all + 5.0)",
            "model",
            "word_code",
            None,
            "share",
            "earlier items described with this first word that were declared under this HS6",
            "description",
            "classification",
        ),
    ]


def _references() -> list[Feature]:
    found: list[Feature] = []
    levels = {level.name: level for level in LEVELS}
    verify = {
        "value_per_kg": "value",
        "value_per_unit": "value",
        "kg_per_unit": "quantity",
        "item_value": "value",
        "tax_share": "classification",
    }
    reason = {"tax_share": "duty_rate", "item_value": "consignment_size"}
    for level in LEVELS:
        for measure in level.measures:
            own, count = f"t.m_{measure}", f"ref_{level.name}.count_{measure}"
            found.append(
                Feature(
                    f"{measure}_vs_{level.name}",
                    f"case when {count} >= {MINIMUM_OWN_COUNT} then ({own} - ref_{level.name}.median_{measure}) / 1000.0 end",
                    "model",
                    level.name,
                    WINDOW_DAYS,
                    "ln ratio",
                    f"{measure} against the median of comparables: {level.meaning}",
                    reason.get(measure, measure),
                    verify[measure],
                )
            )
            if measure not in level.quartiles:
                found.append(
                    Feature(
                        f"{measure}_{level.name}_median",
                        f"case when {count} >= {MINIMUM_OWN_COUNT} then ref_{level.name}.median_{measure} end",
                        "evidence",
                        level.name,
                        WINDOW_DAYS,
                        "1000 ln",
                        f"median of {measure}: {level.meaning}",
                    )
                )
            found.append(
                Feature(
                    f"{measure}_{level.name}_count",
                    f"coalesce({count}, 0)",
                    "evidence",
                    level.name,
                    WINDOW_DAYS,
                    "count",
                    f"comparables with {measure}: {level.meaning}",
                )
            )
    for measure, chain in BACK_OFF.items():

        def pick(column: str, chain: tuple[str, ...] = chain, measure: str = measure) -> str:
            cases = " ".join(
                f"when ref_{name}.count_{measure} >= {MINIMUM_COUNT} then ref_{name}.{column}_{measure}"
                for name in chain
            )
            return f"case {cases} end"

        where = " or ".join(levels[name].meaning for name in chain)
        for column, unit in (("count", "count"), ("low", "1000 ln"), ("median", "1000 ln"), ("high", "1000 ln")):
            found.append(
                Feature(
                    f"{measure}_reference_{column}",
                    pick(column),
                    "evidence",
                    "reference",
                    WINDOW_DAYS,
                    unit,
                    f"{column} of {measure} at the narrowest level with {MINIMUM_COUNT} comparables: {where}",
                )
            )
        ranks = " ".join(f"when ref_{n}.count_{measure} >= {MINIMUM_COUNT} then {i}" for i, n in enumerate(chain))
        found += [
            Feature(
                f"{measure}_reference_level",
                f"case {ranks} end",
                "evidence",
                "reference",
                WINDOW_DAYS,
                "index",
                f"which level was used: {', '.join(chain)}",
            ),
            Feature(
                f"{measure}_vs_reference",
                f"(t.m_{measure} - {measure}_reference_median) / 1000.0",
                "model",
                "reference",
                WINDOW_DAYS,
                "ln ratio",
                f"{measure} against the reference median",
                measure,
                verify[measure],
            ),
            Feature(
                f"{measure}_reference_z",
                f"(t.m_{measure} - {measure}_reference_median) / greatest(({measure}_reference_high"
                f" - {measure}_reference_low) / {IQR_TO_SIGMA}, {SPREAD_FLOOR})",
                "model",
                "reference",
                WINDOW_DAYS,
                "deviations",
                f"{measure}: robust deviations from the reference",
                measure,
                verify[measure],
            ),
        ]
    return found


def _item() -> list[Feature]:
    return [
        Feature(f.name, limit_ratio(f"t.{f.name}"), "model", "item", 0, f.unit, f.meaning, f.reason, f.verify)
        for f in ITEM_FEATURES
    ]


# What the item could owe: its value, or what its mass is worth at the reference when that is more
# (up to 20 times), at the declared tax share or the usual one when that is more. The revenue head
# predicts the evaded share of this amount. least() passes nulls over, so the missing reference is caught
# first: no reference means the declared value, not 20 times it. A usual share of 22,000 (e to the 10th) and
# more is a broken column, and is left out.
_POTENTIAL = (
    "coalesce(t.customs_value_amount, 0) * greatest(1, case when value_per_kg_vs_reference is not null "
    f"then least(exp(-value_per_kg_vs_reference), 20) end) * greatest(coalesce({limit_ratio('t.tax_share_declared')}, "
    "t.duty_rate_declared, 1), case when tax_share_code_median < 10000 then exp(tax_share_code_median / 1000.0) end, "
    "0.01)"
)

CATALOG: tuple[Feature, ...] = (
    Feature(
        "all_hit_rate",
        f"(everything.r_all + {PRIOR_RATE} * {PRIOR_WEIGHT}) / (everything.i_all + {PRIOR_WEIGHT})",
        "evidence",
        "all",
        None,
        "rate",
        "irregularities per inspection over the whole history",
    ),
    *(feature for e in ENTITIES for feature in _profile(e)),
    *_shares(),
    *_references(),
    *price_features(),
    *expected_features(),
    *habit_features(),
    *_item(),
    Feature(
        "potential_duties_amount",
        _POTENTIAL,
        "evidence",
        "item",
        WINDOW_DAYS,
        "amount",
        "duties and taxes at stake: the base of revenue_if_fraud",
    ),
    *(
        Feature(f"category_{c}", f"t.{c}", "category", "item", 0, "code", f"{c} as declared", f"category_{c}")
        for c in CATEGORIES
    ),
)

# What the explanations read: made of the entries above, so that nothing is listed twice.
REASONS = ReasonCatalog(
    families={f.name: f.reason for f in CATALOG if f.reason},
    verify={f.reason: f.verify for f in CATALOG if f.verify},
    past={
        family: tuple(
            PastResults(e.name, e.parent, e.reason or family, e.code_digits, e.has_origin)
            for e in sorted(ENTITIES, key=lambda e: -e.code_digits)
            if e.results_family == family
        )
        for family in dict.fromkeys(e.results_family for e in ENTITIES)
    },
    references=BACK_OFF,
    window_days=WINDOW_DAYS,
)

FEATURE: dict[str, Feature] = {f.name: f for f in CATALOG}
MODEL_FEATURES: tuple[str, ...] = tuple(f.name for f in CATALOG if f.role == "model")
# Evidence for reasons, computed where reasons are written; False where none of it is given to the model, as shipped.
EXPECTED_PRICES: frozenset[str] = frozenset(f.name for f in expected_features())
IS_EXPECTED_LEARNED: bool = not EXPECTED_PRICES.isdisjoint(MODEL_FEATURES)
# What reasons and rules alone read: no model as shipped, and not the base of revenue_if_fraud.
ONLY_EVIDENCE: frozenset[str] = frozenset(
    f.name for f in CATALOG if f.role == "evidence" and f.name != "potential_duties_amount"
)
CATEGORY_FEATURES: tuple[str, ...] = tuple(f.name for f in CATALOG if f.role == "category")
