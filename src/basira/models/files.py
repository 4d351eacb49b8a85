"""A model as files: the boosters' own text, and a JSON card with the hash of each.

Enters: a `RiskModel` and an empty folder, or such a folder. Leaves: the files, or the same model.
Never here: pickles, or a model whose files don't match their card.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from basira.models.calibration import Calibration
from basira.models.fit import CARD_FORMAT, version_of
from basira.models.matrix import Encoding
from basira.models.risk_model import KindHead, RiskModel, ShareHead
from basira.schema.errors import ModelError

if TYPE_CHECKING:
    import lightgbm as lgb

CARD = "card.json"


def write_model(model: RiskModel, folder: Path) -> None:
    """Write the model into an existing, empty folder."""
    texts = {f"probability-{i}.txt": b.model_to_string() for i, b in enumerate(model.boosters)}
    if model.share.booster is not None:
        texts["share.txt"] = model.share.booster.model_to_string()
    texts |= {f"kind-{k}.txt": h.booster.model_to_string() for k, h in model.kinds.items() if h.booster is not None}
    hashes = {}
    for name, text in texts.items():
        (folder / name).write_bytes(text.encode("utf-8"))
        hashes[name] = hashlib.sha256(text.encode("utf-8")).hexdigest()
    card = dict(model.card) | {"files": hashes}
    (folder / CARD).write_text(json.dumps(card, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def read_card(folder: Path) -> dict[str, object]:
    """The card of the model in ``folder``."""
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"Expected a model card in {folder.name!r}, found none that can be read ({error}).",
            hint="Choose a version that `basira models list` shows, or train again.",
        ) from error
    return dict(card)


def read_model(folder: Path) -> RiskModel:
    """Read a model; raises ModelError when a file is absent or differs from its card's hash."""
    import lightgbm as lgb

    card = json.loads(json.dumps(read_card(folder)))
    if card.get("format") != CARD_FORMAT:
        raise ModelError(
            f"Expected a model of format {CARD_FORMAT} in {folder.name!r}, found format {card.get('format')}.",
            hint="Use the version of Basira that made it, or train again.",
        )

    def booster(name: str) -> lgb.Booster:
        path = folder / name
        content = path.read_bytes() if path.is_file() else b""
        if hashlib.sha256(content).hexdigest() != card["files"].get(name):
            raise ModelError(
                f"Model {card['version']}: {name} is absent or differs from what its card recorded.",
                hint="Restore the model folder from backup, or train again.",
            )
        return lgb.Booster(model_str=content.decode("utf-8"))

    bags = int(card["chosen"]["bags"])
    boosters = tuple(booster(f"probability-{i}.txt") for i in range(bags))
    texts = [(folder / f"probability-{i}.txt").read_bytes().decode("utf-8") for i in range(bags)]
    if card["version"] != version_of(card, texts):
        # Calibration, shares and the day it knows stand in the card alone: a changed figure would pass unseen.
        raise ModelError(
            f"Model {card['version']}: its card differs from what the version names.",
            hint="Restore the model folder from backup, or train again.",
        )
    return RiskModel(
        version=str(card["version"]),
        encoding=Encoding(tuple(card["numbers"]), {name: tuple(codes) for name, codes in card["categories"]}),
        boosters=boosters,
        calibration=Calibration(**card["calibration"]),
        share=ShareHead(
            card["share"]["mean"],
            card["share"]["scale"],
            booster("share.txt") if card["share"]["is_learned"] else None,
            is_assumed=card["share"]["is_assumed"],
        ),
        kinds={
            kind: KindHead(head["share"], booster(f"kind-{kind}.txt") if head["is_learned"] else None)
            for kind, head in card["kinds"].items()
        },
        card={k: v for k, v in card.items() if k != "files"},
    )
