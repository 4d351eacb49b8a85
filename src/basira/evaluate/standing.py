"""Our model against the best baseline: which is ahead, measure by measure, slice by slice.

Enters: the dict of metrics.json. Leaves: one `Standing` per slice and measure. Never here: a verdict
from two single intervals; only the paired interval of the difference decides.

The best baseline is picked on the same test rows, of eight: the comparison leans against our model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from basira.evaluate.assemble import OUR_MODEL, OUR_OTHER_ORDERS
from basira.evaluate.metrics import SliceMetrics
from basira.schema.json_values import JsonObject

Verdict = Literal["ahead", "level", "behind"]


@dataclass(frozen=True)
class Standing:
    """``percent``: None for measures of the whole order. ``difference``: ours minus theirs; its interval is paired."""

    slice: str
    measure: str
    percent: str | None
    ours: float
    baseline: str
    theirs: float
    difference: float
    interval: tuple[float, float] | None
    verdict: Verdict


def standings(metrics: JsonObject) -> list[Standing]:
    """Precision and revenue at each percent, and the AUC; nothing when our model or every baseline is absent.

    Other orders of our own model ("basira_revenue") are no baselines.
    """
    models: JsonObject = metrics["models"]
    if OUR_MODEL not in models or len(models) < 2:
        return []
    found = []
    for slice_key, own in models[OUR_MODEL]["slices"].items():
        for measure, percent in _cells(own):
            ours = _figure(own, measure, percent)
            rivals = {
                name: value
                for name, model in models.items()
                if name != OUR_MODEL
                and not name.startswith(OUR_OTHER_ORDERS)
                and (value := _figure(model["slices"].get(slice_key, {}), measure, percent)) is not None
            }
            if ours is None or not rivals:
                continue
            best = max(rivals, key=lambda name: rivals[name])
            paired = metrics.get("differences", {}).get(slice_key, {}).get(best, {})
            bounds = _figure(paired, f"{measure}_ci", percent)
            interval = (float(bounds[0]), float(bounds[1])) if bounds is not None else None
            difference = ours - rivals[best]
            found.append(
                Standing(
                    slice_key, measure, percent, ours, best, rivals[best], difference, interval, _verdict(interval)
                )
            )
    return found


def _cells(own: SliceMetrics) -> Iterator[tuple[str, str | None]]:
    for measure in ("precision", "revenue"):
        for percent in own[measure]:
            yield measure, percent
    yield "auc", None


def _figure(metrics: SliceMetrics, measure: str, percent: str | None) -> Any:
    value = metrics.get(measure)
    return value if percent is None or value is None else value.get(percent)


def _verdict(interval: tuple[float, float] | None) -> Verdict:
    if interval is None or interval[0] <= 0 <= interval[1]:
        return "level"
    return "ahead" if interval[0] > 0 else "behind"
