"""What a model is about to learn from, examined: features that foretell the result, declarations overwritten by it.

Enters: training items, a fitted model. Leaves: notes for the model's card, or a ModelError that names what to look at.
Never here: a feature left out in silence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from basira.engines.engine import Engine
from basira.features.catalog.catalog import MODEL_FEATURES
from basira.feedback.overwritten import find_overwritten
from basira.models.risk.fit import TrainingItems
from basira.models.risk.implausible import IMPLAUSIBLE_AUC, SURE_AUC, Implausible, find_implausible, lowest_area
from basira.models.risk.risk_model import RiskModel
from basira.schema.errors import ModelError, Phrase, UsageError, join_phrases
from basira.schema.fields import EXTRA_PREFIX
from basira.schema.json_values import JsonObject

# Trusted by this name, the model as a whole.
WHOLE = "model"
_MOST_NAMED = 5


def examine_training(con: Engine, items: TrainingItems, *, as_of_day: int, trusted: Sequence[str] = ()) -> JsonObject:
    """Notes on the training items: ``implausible`` features (trusted ones, or too few results to be sure) and
    ``overwritten`` figures, as JSON; empty where there is nothing to say.

    Raises ModelError when a feature that is not ``trusted`` foretells the result implausibly well; UsageError when a
    trusted name is no feature.
    """
    columns = items.features.columns
    known = {WHOLE, *MODEL_FEATURES, *(c.removeprefix("category_") for c in columns if c.startswith("category_"))}
    if unknown := [name for name in trusted if name not in known]:
        own = sorted(name for name in known if name.startswith(EXTRA_PREFIX))
        raise UsageError(
            "--trust: expected features of this history, found {unknown}.",
            hint="Its own attributes: {own}; all others: docs/reference/features.md.",
            unknown=", ".join(unknown),
            own=", ".join(own[:20]) or Phrase("none"),
        )
    found = find_implausible(items.features, items.is_irregular, numbers=MODEL_FEATURES)
    stopping = [entry for entry in found if entry.is_sure and entry.feature not in trusted]
    if stopping:
        raise ModelError(
            "Expected features known before the inspection, found {stopping_count} that foretell its result: "
            "{sentences}.",
            hint=_what_to_do(stopping),
            stopping_count=len(stopping),
            sentences="; ".join(entry.sentence for entry in stopping[:_MOST_NAMED]),
        )
    notes: JsonObject = {}
    if found:
        notes["implausible"] = [
            asdict(entry)
            | {"values": [asdict(value) for value in entry.values]}
            | {"sentence": entry.sentence, "is_trusted": entry.feature in trusted}
            for entry in found
        ]
    con.execute("create or replace temp view judged_items as select * from items")
    con.execute(
        f"create or replace temp view judged_outcomes as select * from outcomes where known_day <= {int(as_of_day)}"
    )
    if overwritten := find_overwritten(con):
        notes["overwritten"] = [
            asdict(entry) | {"fields": list(entry.fields), "sentence": entry.sentence} for entry in overwritten
        ]
    if WHOLE in trusted:
        notes["trusted"] = [WHOLE]
    return notes


def require_plausible(
    notes: JsonObject, *, auc: float, irregular: int, compliant: int, importance: Mapping[str, float]
) -> None:
    """Raise ModelError when a model is perfect on items that it was not fitted on: several features leak together.

    ``notes``: of `examine_training`; with a trusted feature that foretells the result, or the whole trusted, there is
    no more to report. ``importance``: what the model uses most.
    """
    is_explained = any(entry["is_trusted"] for entry in notes.get("implausible", ())) or WHOLE in notes.get(
        "trusted", ()
    )
    if is_explained or auc < IMPLAUSIBLE_AUC or lowest_area(auc, irregular, compliant) < SURE_AUC:
        return
    most = list(importance.items())[:_MOST_NAMED]
    raise ModelError(
        "Expected a model that errs, found one with an AUC of {auc:.3f} on {items:,} later items that it was not "
        "fitted on ({irregular:,} irregular). It uses most: {most}.",
        hint="Look whether these are filled in or corrected during or after the control, and take such columns out of "
        "the mapping. Where all of them are known when goods are declared, add --trust {whole}.",
        auc=auc,
        items=irregular + compliant,
        irregular=irregular,
        most=", ".join(f"{name.removeprefix('category_')} ({share:.0%})" for name, share in most),
        whole=WHOLE,
    )


def require_plausible_later(model: RiskModel) -> None:
    """The same of a fitted model, on the later items that it was calibrated on; without any, nothing is known."""
    late = model.card["later_items"]
    if "auc" in late:
        require_plausible(
            model.card["notes"],
            auc=late["auc"],
            irregular=late["irregular"],
            compliant=late["rows"] - late["irregular"],
            importance=model.card["importance"],
        )


def sentences_of(notes: JsonObject) -> list[str]:
    """The notes of a card for a person."""
    notices = [
        ("Trusted although it foretells the result: " if entry["is_trusted"] else "To look at, foretells the result: ")
        + entry["sentence"]
        for entry in notes.get("implausible", ())
    ]
    return notices + [entry["sentence"] for entry in notes.get("overwritten", ())]


def _what_to_do(stopping: Sequence[Implausible]) -> Phrase:
    own = [entry.feature for entry in stopping if entry.feature.startswith(EXTRA_PREFIX)]
    steps = []
    if own:
        steps.append(
            Phrase(
                "Take {own} out of [extra] of the mapping and ingest into a new store, if filled in during or after "
                "the control.",
                own=", ".join(own[:_MOST_NAMED]),
            )
        )
    if len(own) < len(stopping):
        steps.append(
            Phrase("Look whether the declared figures were corrected after the control, and known_at is too early.")
        )
    trust = " ".join(f"--trust {entry.feature}" for entry in stopping[:_MOST_NAMED])
    steps.append(Phrase("If it is known when goods are declared, add {trust}.", trust=trust))
    return join_phrases(steps, " ")
