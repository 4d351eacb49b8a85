"""A model as files: the boosters' own text, and a JSON card with the hash of each.

Enters: a `RiskModel` and an empty folder, or such a folder. Leaves: the files, or the same model.
Never here: pickles, a model whose files don't match their card, or trees that LightGBM was not made to read.
"""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from basira.models.risk.amounts import AmountCalibration
from basira.models.risk.booster_text import MOST_BYTES, require_sound
from basira.models.risk.calibration import Calibration
from basira.models.risk.fit import CARD_FORMAT, booster_texts, version_of
from basira.models.risk.matrix import Encoding
from basira.models.risk.risk_model import KindHead, RiskModel, ShareHead
from basira.schema.codes import IRREGULARITY_KINDS
from basira.schema.errors import ModelError
from basira.schema.json_values import JsonObject
from basira.schema.stake import StakeScale

if TYPE_CHECKING:
    import lightgbm as lgb

CARD = "card.json"
_MOST_CARD_BYTES = 2**20
_MOST_BAGS = 16


def write_model(model: RiskModel, folder: Path) -> None:
    """Write the model into an existing, empty folder."""
    hashes = {}
    for name, text in booster_texts(model.boosters, model.share, model.kinds).items():
        (folder / name).write_bytes(text.encode("utf-8"))
        hashes[name] = hashlib.sha256(text.encode("utf-8")).hexdigest()
    card = dict(model.card) | {"files": hashes}
    (folder / CARD).write_text(json.dumps(card, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def read_card(folder: Path) -> JsonObject:
    """The card of the model in ``folder``; raises ModelError when it can't be read or is of another format."""
    return _read_card(folder)[0]


def _read_card(folder: Path) -> tuple[JsonObject, str]:
    """The card, and the SHA-256 of its file."""
    path = folder / CARD
    try:
        if path.stat().st_size > _MOST_CARD_BYTES:
            raise ValueError(f"more than {_MOST_CARD_BYTES:,} bytes")
        content = path.read_bytes()
        card = json.loads(content)
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(
            "Expected a model card in {folder!r}, found none that can be read ({error}).",
            hint="Choose a version that `basira models list` shows, or train again.",
            folder=folder.name,
            error=error,
        ) from error
    found = card.get("format") if isinstance(card, dict) else None
    if found != CARD_FORMAT:
        raise ModelError(
            "Expected a model of format {card_format} in {folder!r}, found format {found}.",
            hint="Use the version of Basira that made it, or train again.",
            card_format=CARD_FORMAT,
            folder=folder.name,
            found=found,
        )
    return dict(card), hashlib.sha256(content).hexdigest()


def read_model(folder: Path) -> RiskModel:
    """Read a model; raises ModelError when a file is absent, the files or the card are not those fitted, or the trees
    can't be walked."""
    card, digest = _read_card(folder)
    try:
        return _model(folder, card, digest)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ModelError(
            "Expected the card of a model in {folder!r}, found another ({name}: {error}).",
            hint="Restore the model folder from backup, or train again.",
            folder=folder.name,
            name=type(error).__name__,
            error=error,
        ) from error


def _model(folder: Path, card: JsonObject, digest: str) -> RiskModel:
    import lightgbm as lgb

    names = _file_names(card)
    if set(card["files"]) != set(names):
        raise ValueError("its files are not those that it describes")
    contents = {name: _read_and_check(folder / name, card["files"][name], card["version"]) for name in names}
    # Calibration, shares and the training day are in the card alone: a changed figure would pass unseen. And no
    # text is parsed before this: LightGBM ends the whole process on one that is not its own.
    if card["version"] != version_of(card, {name: content.decode("utf-8") for name, content in contents.items()}):
        raise ModelError(
            "Model {version}: its card differs from what the version names.",
            hint="Restore the model folder from backup, or train again.",
            version=card["version"],
        )
    encoding = Encoding(tuple(card["numbers"]), {name: tuple(codes) for name, codes in card["categories"]})
    for name, content in contents.items():
        # The version is made of the content, so a consistent change of both passes until here.
        require_sound(content, features=encoding.names, name=f"{name} of model {card['version']}")

    def booster(name: str) -> lgb.Booster:
        return lgb.Booster(model_str=contents[name].decode("utf-8"))

    share, kinds, calibration = card["share"], card["kinds"], card["calibration"]
    return RiskModel(
        version=str(card["version"]),
        encoding=encoding,
        boosters=tuple(booster(name) for name in names if name.startswith("probability-")),
        calibration=Calibration(_finite(calibration["slope"]), _finite(calibration["intercept"])),
        share=ShareHead(
            mean=_finite(share["mean"]),
            scale=_finite(share["scale"]),
            booster=booster("share.txt") if share["is_learned"] else None,
            is_assumed=bool(share["is_assumed"]),
            amount=_amount(card.get("held")),
        ),
        kinds={
            kind: KindHead(_finite(head["share"]), booster(f"kind-{kind}.txt") if head["is_learned"] else None)
            for kind, head in kinds.items()
        },
        card={k: v for k, v in card.items() if k != "files"},
        digest=digest,
        stake_scale=_stake_scale(card.get("order")),
    )


def _amount(held: JsonObject | None) -> AmountCalibration:
    """None of a card of before, or where no later result corrects amounts."""
    if not held or held["amount"] is None:
        return AmountCalibration()
    amount = held["amount"]
    level, slope, centre = (_finite(v) for v in (amount["level"][0], amount["slope"][0], amount["centre"]))
    if centre <= 0:
        raise ValueError(f"an amount of {centre} is no centre")
    return AmountCalibration(level, slope, centre)


def _stake_scale(order: JsonObject | None) -> StakeScale | None:
    """None of a card without the balanced order, or without a stake."""
    if order is None or order["typical_amount"] is None:
        return None
    return StakeScale(_finite(order["typical_amount"]), _finite(order["exponent"]))


def _file_names(card: JsonObject) -> list[str]:
    """The files that a card's heads make necessary; no other name of a card is followed."""
    bags, kinds = int(card["chosen"]["bags"]), card["kinds"]
    if not 1 <= bags <= _MOST_BAGS or not set(kinds) <= set(IRREGULARITY_KINDS):
        raise ValueError(f"it has {bags} boosters and the kinds {sorted(kinds)[:10]}")
    return [
        *(f"probability-{i}.txt" for i in range(bags)),
        *(["share.txt"] if card["share"]["is_learned"] else []),
        *(f"kind-{kind}.txt" for kind, head in kinds.items() if head["is_learned"]),
    ]


def _finite(value: Any) -> float:
    found = float(value)
    if not math.isfinite(found):
        raise ValueError(f"{value!r} is no finite number")
    return found


def _read_and_check(path: Path, hashed: str, version: str) -> bytes:
    is_bounded = path.is_file() and path.stat().st_size <= MOST_BYTES
    content = path.read_bytes() if is_bounded else b""
    if hashlib.sha256(content).hexdigest() != hashed or not is_bounded:
        raise ModelError(
            "Model {version}: {file} is absent or too large, or differs from what its card recorded.",
            hint="Restore the model folder from backup, or train again.",
            version=version,
            file=path.name,
        )
    return content
