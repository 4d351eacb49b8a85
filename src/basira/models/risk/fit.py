"""Fitting the risk model.

Enters: features of inspected items with their results, as known at `as_of`; settings; a seed; the
time, for the card; planted frauds beside as many unlabelled items, where there are any. Leaves: a `RiskModel`. Never
here: an uninspected item as "compliant" (it has no label; beside the planted ones it counts a little), shuffled rows, a
planted fraud among the rows that choose and calibrate, or a calibration on the rows that were fitted.

Rows are taken in order of declaration. The latest part chooses what planted frauds count, the size of trees and rounds
(`choose`). Several later parts, each foretold by a fit on the days before it (`forecasts`), calibrate probability and
revenue, weighed to stand for all items (`population`). Then the boosters are fitted again on all rows, and keep that.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from basira.models.risk.amounts import AmountCalibration, ShrunkAmounts, fit_amounts
from basira.models.risk.calibration import Calibration, ShrunkCalibration, fit_shrunk_calibration
from basira.models.risk.choose import Choice, Planted, Rows, choose
from basira.models.risk.detection import DetectionRows, detection_by_lane
from basira.models.risk.evidence import Part, evidence_of, fitting_of, take
from basira.models.risk.forecasts import Forecasts, forecast_later
from basira.models.risk.kinds import FEWEST_FOR_A_HEAD, fit_kinds
from basira.models.risk.matrix import Encoding, choose_encoding
from basira.models.risk.planted import PLANTED_KINDS, PlantedItems
from basira.models.risk.quality import quality_of
from basira.models.risk.ratios import compare, groups_of, next_season
from basira.models.risk.risk_model import POTENTIAL, KindHead, RiskModel, ShareHead
from basira.models.risk.settings import FitSettings
from basira.models.risk.stakes import LaterDeclarations, by_declaration, choose_stake_scale, typical_stake
from basira.schema.errors import ModelError
from basira.schema.json_values import JsonObject

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Progress = Callable[[int, int, str], None]

FEWEST_OF_A_CLASS = 10
# Without results: so many copies to learn from, or nothing is known at all.
FEWEST_COPIES = 100
_MOST_FOR_A_MEDIAN = 50_000
CARD_FORMAT = 1
# Of each later part; the model averages more.
_FORECAST_BAGS = 1


@dataclass(frozen=True)
class TrainingItems:
    """Labelled items, one entry per row of ``features``.

    ``declared_day``: for the order of time. ``revenue``: additional revenue, NaN where not recorded.
    ``kinds``: per kind 1, 0 or NaN. ``weight``: how much the label counts (1 ordinarily).
    ``is_late``: the rows to choose and calibrate on; None: the latest share by day. ``planted``: frauds planted in
    copies, and unlabelled items; None: none. ``lane``: by which the inspection came, "" unknown, None: of none known;
    it is no feature, and says how well each lane finds.
    """

    features: pl.DataFrame
    declared_day: NDArray[np.int64]
    is_irregular: Bools
    revenue: Floats
    kinds: Mapping[str, Floats]
    weight: Floats
    is_late: Bools | None = None
    planted: PlantedItems | None = None
    lane: NDArray[np.str_] | None = None


@dataclass(frozen=True)
class ModelOrigin:
    """What the card records of where the model comes from."""

    as_of: str
    created_at: str
    snapshot: int
    software: str
    store_digest: str = ""
    notes: Mapping[str, Any] = field(default_factory=dict)


def _silent(done: int, total: int, what: str) -> None:
    """Report no progress."""


def fit_risk_model(
    items: TrainingItems,
    *,
    numbers: Sequence[str],
    settings: FitSettings,
    seed: int,
    origin: ModelOrigin,
    progress: Progress = _silent,
) -> RiskModel:
    """Fit all heads.

    Parameters
    ----------
    numbers : numeric features that may be used, in catalog order; text columns called ``category_…``
        are used as categories.

    Raises ModelError when fewer than 10 items are irregular or fewer than 10 are compliant.
    """
    from basira.models.risk import trees

    started = time.process_time()
    # Sorted: the order in which sources brought their own attributes in is no part of the model.
    categories = sorted(c for c in items.features.columns if c.startswith("category_"))
    evidence = evidence_of(items, numbers=numbers, settings=settings, seed=seed)
    items, silent = evidence.learned.items, evidence.silent
    irregular = items.is_irregular
    fewest = min(int(irregular.sum()), int((~irregular).sum()))
    is_planted_enough = items.planted is not None and int(items.planted.is_copy.sum()) >= FEWEST_COPIES
    if fewest < (settings.fewest_of_a_class if is_planted_enough else FEWEST_OF_A_CLASS):
        raise ModelError(
            "Expected at least {fewest_of_a_class} irregular and {fewest_of_a_class} compliant inspected items, "
            "found {irregular} and {irregular_2}.",
            hint="Ingest more inspection results (basira feedback), or choose a later --as-of.",
            fewest_of_a_class=FEWEST_OF_A_CLASS,
            irregular=int(irregular.sum()),
            irregular_2=int((~irregular).sum()),
        )
    described = items.features
    if fewest < FEWEST_OF_A_CLASS and items.planted is not None:
        described = pl.concat([described, items.planted.features], how="diagonal_relaxed")
    encoding = choose_encoding(described, numbers, categories)
    progress(0, 4, "choosing on the later items")
    learned = _ground(evidence.learned, encoding, settings, seed)
    same = evidence.judged is evidence.learned
    ground = learned if same else _ground(evidence.judged, encoding, settings, seed)
    rows, is_late, x = ground.rows, ground.is_late, learned.rows.x
    # Without enough later results there is nothing to calibrate on; the weight of irregular items, at least, is known.
    held = _Held(Calibration(intercept=0.0 - math.log(settings.positive_weight)))
    choice = Choice(settings.planted_weight if ground.planted else 0.0, "small", 100, np.empty(0), {}, {}, False)
    late_card: JsonObject = {"rows": int(is_late.sum())}
    later: LaterDeclarations | None = None
    if _both_classes(rows.y[is_late]) and _both_classes(rows.y[~is_late]):
        choice = choose(
            rows,
            is_late,
            ground.items.weight,
            fitting_of(encoding, settings, seed),
            planted=ground.planted,
            first_late=int(ground.items.declared_day[is_late].min()),
        )
        held = _hold(ground, choice)
        said = held.calibration.apply(choice.late_raw)
        late_card |= {"log_loss": dict(choice.late_loss)} | quality_of(ground.items.is_irregular[is_late], said)
        later = _later_declarations(ground, said)
    progress(1, 4, "fitting the probability")
    boosters, rounds = _fit_probability(learned, choice)
    progress(2, 4, "fitting the evaded share")
    share = _fit_share(items, x, encoding, settings, seed)
    # The median of so many is the median of all.
    some = np.linspace(0, len(x) - 1, min(len(x), _MOST_FOR_A_MEDIAN)).astype(np.int64)
    stakes = share.revenue(x[some], _potential(items.features[some]), trees.predict_raw)
    stake_scale, order_card = choose_stake_scale(later, typical_stake(stakes), seed=seed)
    share, typical = replace(share, amount=held.amount), typical_stake(held.amount.apply(stakes))
    if stake_scale is not None and typical is not None:
        # The exponent is chosen by stakes as they were before later results corrected them.
        stake_scale = replace(stake_scale, typical_amount=typical)
        order_card |= {"typical_amount": typical}
    progress(3, 4, "fitting the kinds")
    kinds = fit_kinds(items, x, encoding, settings, seed)
    card = {
        "format": CARD_FORMAT,
        "as_of": origin.as_of,
        "created_at": origin.created_at,
        "snapshot": origin.snapshot,
        "software": origin.software,
        "seed": seed,
        "settings": settings.to_json(),
        "training": {
            "rows": len(irregular),
            "irregular": int(irregular.sum()),
            "first_day": int(items.declared_day.min()) if len(irregular) else None,
            "last_day": int(items.declared_day.max()) if len(irregular) else None,
            "revenue_recorded": int(np.isfinite(items.revenue[irregular]).sum()),
        },
        "chosen": {
            "size": choice.size,
            "rounds": rounds,
            "bags": len(boosters),
            "planted_weight": choice.weight,
            "planted_log_loss": dict(choice.weight_loss),
            "is_by_results": choice.is_by_results,
        },
        "planted": _count_planted(items.planted),
        "later_items": late_card,
        "calibration": {"slope": held.calibration.slope, "intercept": held.calibration.intercept},
        "share": {
            "mean": share.mean,
            "scale": share.scale,
            "is_learned": share.booster is not None,
            "is_assumed": share.is_assumed,
        },
        "held": held.card,
        "kinds": {kind: {"share": head.share, "is_learned": head.booster is not None} for kind, head in kinds.items()},
        "order": order_card,
        "numbers": list(encoding.numbers),
        # A list, not an object: the order of the columns is part of the model.
        "categories": [[name, list(codes)] for name, codes in encoding.categories.items()],
        "importance": _importance(boosters, encoding),
        "usual_contributions": trees.usual_contributions(
            boosters, x, items.is_irregular, items.declared_day, slope=held.calibration.slope
        ),
        "fit_cpu_seconds": round(time.process_time() - started, 2),
        "notes": dict(origin.notes),
    }
    if silent:
        card["silent_offices"] = {name: {"results": n, "expected": said} for name, (n, said) in silent.items()}
    version = version_of(card, booster_texts(boosters, share, kinds))
    progress(4, 4, "done")
    return RiskModel(
        version,
        encoding,
        tuple(boosters),
        held.calibration,
        share,
        kinds,
        card | {"version": version},
        stake_scale=stake_scale,
    )


@dataclass(frozen=True)
class _Ground:
    """What is fitted on: the items and their rows, in order of time."""

    items: TrainingItems
    rows: Rows
    planted: Planted | None
    is_late: Bools
    encoding: Encoding
    settings: FitSettings
    seed: int


def _ground(part: Part, encoding: Encoding, settings: FitSettings, seed: int) -> _Ground:
    items = part.items
    rows = Rows(encoding.matrix(items.features), items.is_irregular.astype(np.float64), _weights(items, settings))
    return _Ground(items, rows, _planted(items, encoding, settings), part.is_late, encoding, settings, seed)


@dataclass(frozen=True)
class _Held:
    """What the later items, held against what was foretold of them, make of the model; ``card``: what it says of it,
    empty where there was nothing to hold."""

    calibration: Calibration
    amount: AmountCalibration = field(default_factory=AmountCalibration)
    card: Mapping[str, Any] = field(default_factory=dict)


def _hold(ground: _Ground, choice: Choice) -> _Held:
    """Calibrate probability and revenue on the later items; see `forecasts` and `population`."""
    items, forecasts = ground.items, _forecast(ground, choice)
    of = forecasts.rows
    likeness = _likeness(ground)
    # As the labels count (1/n for a declaration's result), not as the trees were made to look.
    weight = (items.weight * likeness)[of]
    irregular = items.is_irregular[of]
    shift = math.log(ground.settings.positive_weight)
    shrunk = fit_shrunk_calibration(forecasts.raw, irregular, weight, shift=shift)
    probability = shrunk.calibration.apply(forecasts.raw)
    recovered = np.where(irregular, items.revenue[of], 0.0)
    amounts = fit_amounts(probability, forecasts.revenue, recovered, weight)
    amount = amounts.calibration if amounts else AmountCalibration()
    expected = probability * amount.apply(forecasts.revenue)
    by = {
        "by_probability": groups_of(probability),
        "by_expected_revenue": groups_of(expected),
        "by_potential_duties": groups_of(_potential(items.features)[of]),
    }
    card = _held_card(shrunk, amounts) | {
        "rows": int(of.sum()),
        "irregular": int(irregular.sum()),
        "is_weighed_to_all_items": bool(np.any(likeness != 1)),
        "found_over_expected": compare(probability, expected, irregular, recovered, weight, by),
        "next_season": next_season(irregular, recovered, weight),
    }
    if items.lane is not None:
        found = {kind: irregular & (values[of] == 1) for kind, values in items.kinds.items()}
        lanes = DetectionRows(probability, irregular, found, items.weight[of], items.lane[of])
        card |= {"detection": detection_by_lane(lanes)}
    return _Held(shrunk.calibration, amount, card)


def _held_card(shrunk: ShrunkCalibration, amounts: ShrunkAmounts | None) -> JsonObject:
    found: JsonObject = {"slope": shrunk.slope, "level": shrunk.level, "effective_rows": shrunk.effective_rows}
    if amounts is None:
        return found | {"amount": None}
    return found | {"amount": {"level": amounts.level, "slope": amounts.slope, "centre": amounts.calibration.centre}}


def _forecast(ground: _Ground, choice: Choice) -> Forecasts:
    """Of several later parts; of the late rows alone, by the fit that chose, where these are given or rows are many."""
    from basira.models.risk import trees

    items, rows, settings = ground.items, ground.rows, ground.settings
    fitting, day = fitting_of(ground.encoding, settings, ground.seed), items.declared_day
    potential = _potential(items.features)

    def revenue_of(early: Bools, late: Bools) -> Floats:
        share = _fit_share(take(items, early), rows.x[early], ground.encoding, settings, ground.seed)
        return share.revenue(rows.x[late], potential[late], trees.predict_raw)

    if items.is_late is not None or len(rows.y) >= settings.try_both_below:
        return Forecasts(ground.is_late, choice.late_raw, revenue_of(~ground.is_late, ground.is_late))

    chosen_on = int((~ground.is_late).sum())

    def predict(early: Bools, late: Bools) -> tuple[Floats, Floats]:
        own, count = rows.only(early), int(early.sum())
        first = int(day[late].min())
        extra = None if ground.planted is None else ground.planted.weighted(choice.weight, of=own, before=first)
        boosters = trees.fit_bags(
            own.beside(extra).parts,
            fitting,
            size=choice.size,
            # Fewer rows carry fewer rounds: with the root of their share the slope came out nearest to the truth.
            rounds=max(10, round(choice.rounds * math.sqrt(count / chosen_on))),
            bags=_FORECAST_BAGS,
            labelled=count,
        )
        return trees.predict_raw(boosters, rows.x[late]), revenue_of(early, late)

    return forecast_later(day, items.is_irregular, predict, fewest=FEWEST_OF_A_CLASS)


def _likeness(ground: _Ground) -> Floats:
    """By how many items without a result each labelled one counts; all 1 where none of those is known."""
    from basira.models.risk.population import population_weights

    found = ground.items.planted
    if found is None:
        return np.ones(len(ground.rows.y))
    free = ~found.is_copy
    return population_weights(
        ground.rows.x,
        ground.items.declared_day,
        ground.encoding.matrix(found.features.filter(pl.Series(free))),
        found.declared_day[free],
        fitting_of(ground.encoding, ground.settings, ground.seed),
    )


def _later_declarations(ground: _Ground, said: Floats) -> LaterDeclarations:
    """The later rows as selection would have seen them. Their stakes are of a share that is fitted on the earlier rows
    alone: one that saw their revenue would find it again."""
    from basira.models.risk import trees

    is_late, x = ground.is_late, ground.rows.x
    early = take(ground.items, ~is_late)
    share = _fit_share(early, x[~is_late], ground.encoding, ground.settings, ground.seed)
    late = take(ground.items, is_late)
    ids = late.features["declaration_id"].to_numpy() if "declaration_id" in late.features.columns else None
    findings = late.weight * late.is_irregular
    revenue = np.where(late.is_irregular & np.isfinite(late.revenue), late.weight * late.revenue, 0.0)
    stake = share.revenue(x[is_late], _potential(late.features), trees.predict_raw)
    return by_declaration(ids, said, stake, findings, np.maximum(revenue, 0.0))


# Of when and where a model was made; and what is added to the card later.
_NOT_CONTENT = frozenset({"created_at", "fit_cpu_seconds", "snapshot", "version", "files"})


def booster_texts(boosters: Sequence[Any], share: ShareHead, kinds: Mapping[str, KindHead]) -> dict[str, str]:
    """Every booster of a model in its own text, by the name of its file."""
    texts = {f"probability-{i}.txt": b.model_to_string() for i, b in enumerate(boosters)}
    if share.booster is not None:
        texts["share.txt"] = share.booster.model_to_string()
    return texts | {f"kind-{k}.txt": h.booster.model_to_string() for k, h in kinds.items() if h.booster is not None}


def version_of(card: Mapping[str, Any], texts: Mapping[str, str]) -> str:
    """Named by the day it knows and by its content: the same facts, settings and seed name the same model.

    ``texts``: see `booster_texts`. The snapshot is not part of it: a store that has taken in later files since,
    of which the model knows nothing, gives the same model.
    """
    stable = {k: v for k, v in card.items() if k not in _NOT_CONTENT}
    digest = hashlib.sha256(json.dumps(stable, sort_keys=True).encode())
    for name in sorted(texts):
        digest.update(texts[name].encode())
    return f"m{str(card['as_of']).replace('-', '')}-{digest.hexdigest()[:8]}"


def _planted(items: TrainingItems, encoding: Encoding, settings: FitSettings) -> Planted | None:
    """The planted and the unlabelled rows; none where results are many, or no item is without one to stand beside."""
    found = items.planted
    if (
        found is None
        or not found.is_copy.any()
        or found.is_copy.all()
        or len(items.is_irregular) >= settings.try_both_below
    ):
        return None
    return Planted(encoding.matrix(found.features), found.is_copy, found.declared_day)


def _count_planted(planted: PlantedItems | None) -> dict[str, int]:
    if planted is None:
        return {}
    return {kind: int((planted.kind == kind).sum()) for kind in PLANTED_KINDS} | {
        "unlabelled": int((~planted.is_copy).sum())
    }


def _fit_probability(ground: _Ground, choice: Choice) -> tuple[list[Any], int]:
    """The boosters, whose mean is the model, and the rounds of each."""
    from basira.models.risk import trees

    rows, settings = ground.rows, ground.settings
    extra = None if ground.planted is None else ground.planted.weighted(choice.weight, of=rows)
    every = rows.beside(extra)
    # The refit sees more rows, and carries proportionately more rounds.
    growth = max(1.0, min(1.25, len(rows.y) / max(1, int((~ground.is_late).sum()))))
    rounds = round(choice.rounds * growth)
    boosters = trees.fit_bags(
        every.parts,
        fitting_of(ground.encoding, settings, ground.seed),
        size=choice.size,
        rounds=rounds,
        bags=settings.bag_count(len(rows.y)),
        labelled=len(rows.y),
    )
    return boosters, rounds


def _potential(features: pl.DataFrame) -> Floats:
    """Potential duties, 0 where unknown."""
    return features[POTENTIAL].fill_null(0.0).fill_nan(0.0).cast(pl.Float64).to_numpy()


def _weights(items: TrainingItems, settings: FitSettings) -> Floats:
    weight = items.weight * np.where(items.is_irregular, settings.positive_weight, 1.0)
    if settings.half_life_days is not None:
        age = items.declared_day.max() - items.declared_day
        weight = weight * 0.5 ** (age / settings.half_life_days)
    return np.asarray(weight, dtype=np.float64)


def _both_classes(y: Floats) -> bool:
    return min(float(y.sum()), float((1 - y).sum())) >= FEWEST_OF_A_CLASS


def _fit_share(items: TrainingItems, x: Any, encoding: Encoding, settings: FitSettings, seed: int) -> ShareHead:
    from basira.models.risk import trees

    potential = _potential(items.features)
    usable = items.is_irregular & np.isfinite(items.revenue) & (potential > 0)
    if not usable.any() or items.revenue[usable].sum() <= 0:
        # No revenue was ever recorded: the whole potential is at stake, and the card says that it is assumed.
        return ShareHead(mean=1.0, scale=1.0, booster=None, is_assumed=True)
    share = np.clip(items.revenue[usable] / potential[usable], 0.0, 1.0)
    total = float(items.revenue[usable].sum())
    mean = float(np.clip(total / potential[usable].sum(), 0.0, 1.0))
    learned_x, learned_share, learned_potential = x[usable], share, potential[usable]
    copies = _evaded_shares(items.planted) if int(usable.sum()) < FEWEST_FOR_A_HEAD else None
    if copies is not None:
        # Where little was recovered yet: what is evaded by a change is known to the cent. Counted as the results that
        # are wanting, and the level stays that of what was recovered (`scale`).
        learned_x = np.concatenate([learned_x, encoding.matrix(copies[0])])
        learned_share, learned_potential = (
            np.concatenate([share, copies[1]]),
            np.concatenate([learned_potential, copies[2]]),
        )
    elif int(usable.sum()) < FEWEST_FOR_A_HEAD:
        return ShareHead(mean=mean, scale=1.0, booster=None)
    # Square root: large consignments matter more, but a few must not be all that is learned.
    weight = np.sqrt(learned_potential)
    if copies is not None:
        wanting = FEWEST_FOR_A_HEAD - len(share)
        weight[len(share) :] *= weight[: len(share)].mean() * wanting / weight[len(share) :].sum()
    booster = trees.fit_bags(
        (learned_x, learned_share, weight / weight.mean()),
        fitting_of(encoding, settings, seed),
        size="small",
        rounds=120,
        bags=1,
        objective="regression",
    )[0]
    predicted = np.clip(trees.predict_raw([booster], x[usable]), 0.0, 1.0) * potential[usable]
    scale = float(np.clip(total / max(predicted.sum(), 1e-9), 0.5, 2.0))
    return ShareHead(mean=mean, scale=scale, booster=booster)


def _evaded_shares(planted: PlantedItems | None) -> tuple[pl.DataFrame, Floats, Floats] | None:
    """Copies whose evaded duties are known: features, the share of the potential duties, the potential duties."""
    if planted is None:
        return None
    potential = planted.features[POTENTIAL].fill_null(0.0).fill_nan(0.0).cast(pl.Float64).to_numpy()
    usable = planted.is_copy & np.isfinite(planted.evaded) & (potential > 0)
    if int(usable.sum()) < FEWEST_COPIES:
        return None
    share = np.clip(planted.evaded[usable] / potential[usable], 0.0, 1.0)
    return planted.features.filter(pl.Series(usable)), share, potential[usable]


def _importance(boosters: Sequence[Any], encoding: Encoding, most: int = 30) -> dict[str, float]:
    gain = np.sum([b.feature_importance("gain") for b in boosters], axis=0)
    share = gain / max(gain.sum(), 1e-12)
    best = np.argsort(-share)[:most]
    return {encoding.names[i]: round(float(share[i]), 5) for i in best if share[i] > 0}
