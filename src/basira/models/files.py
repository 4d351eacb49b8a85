"""A model as files: the boosters' own text, and a JSON card with the hash of each.

Enters: a `RiskModel` and an empty folder, or such a folder. Leaves: the files, or the same model.
Never here: pickles, or a model whose files don't match their card.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from basira.models.calibration import Calibration
from basira.models.fit import CARD_FORMAT, booster_texts, version_of
from basira.models.matrix import Encoding
from basira.models.risk_model import KindHead, RiskModel, ShareHead
from basira.schema.errors import ModelError

if TYPE_CHECKING:
    import lightgbm as lgb

CARD = "card.json"


def write_model(model: RiskModel, folder: Path) -> None:
    """Write the model into an existing, empty folder."""
    hashes = {}
    for name, text in booster_texts(model.boosters, model.share, model.kinds).items():
        (folder / name).write_bytes(text.encode("utf-8"))
        hashes[name] = hashlib.sha256(text.encode("utf-8")).hexdigest()
    card = dict(model.card) | {"files": hashes}
    (folder / CARD).write_text(json.dumps(card, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def read_card(folder: Path) -> dict[str, Any]:
    """The card of the model in ``folder``; raises ModelError when it can't be read or is of another format."""
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"Expected a model card in {folder.name!r}, found none that can be read ({error}).",
            hint="Choose a version that `basira models list` shows, or train again.",
        ) from error
    found = card.get("format") if isinstance(card, dict) else None
    if found != CARD_FORMAT:
        raise ModelError(
            f"Expected a model of format {CARD_FORMAT} in {folder.name!r}, found format {found}.",
            hint="Use the version of Basira that made it, or train again.",
        )
    return dict(card)


def read_model(folder: Path) -> RiskModel:
    """Read a model; raises ModelError when a file is absent, or the files or the card are not those fitted."""
    import lightgbm as lgb

    card = read_card(folder)
    texts = {name: _checked(folder / name, hashed, card["version"]) for name, hashed in card["files"].items()}
    # Calibration, shares and the day it knows stand in the card alone: a changed figure would pass unseen. And no
    # text is parsed before this: LightGBM ends the whole process on one that is not its own.
    if card["version"] != version_of(card, texts):
        raise ModelError(
            f"Model {card['version']}: its card differs from what the version names.",
            hint="Restore the model folder from backup, or train again.",
        )

    def booster(name: str) -> lgb.Booster:
        return lgb.Booster(model_str=texts[name])

    share, kinds = card["share"], card["kinds"]
    return RiskModel(
        version=str(card["version"]),
        encoding=Encoding(tuple(card["numbers"]), {name: tuple(codes) for name, codes in card["categories"]}),
        boosters=tuple(booster(f"probability-{i}.txt") for i in range(int(card["chosen"]["bags"]))),
        calibration=Calibration(**card["calibration"]),
        share=ShareHead(
            mean=share["mean"],
            scale=share["scale"],
            booster=booster("share.txt") if share["is_learned"] else None,
            is_assumed=share["is_assumed"],
        ),
        kinds={
            kind: KindHead(head["share"], booster(f"kind-{kind}.txt") if head["is_learned"] else None)
            for kind, head in kinds.items()
        },
        card={k: v for k, v in card.items() if k != "files"},
    )


def _checked(path: Path, hashed: str, version: str) -> str:
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != hashed:
        raise ModelError(
            f"Model {version}: {path.name} is absent or differs from what its card recorded.",
            hint="Restore the model folder from backup, or train again.",
        )
    return content.decode("utf-8")
