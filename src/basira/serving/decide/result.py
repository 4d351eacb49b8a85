"""A request for one decision, and its result.

Enters: one declaration of a sender. Leaves: `Decided`, `Replayed`, `Rejected` or `Failed`, and nothing else. Never
here: how it is decided.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TypeAlias

from basira.decisions.records import Decision
from basira.serving.decide.idempotency import Asked
from basira.serving.decide.precedence import Pause, no_pause
from basira.serving.message import Declaration, Rejected
from basira.serving.views.answers import DecisionBody
from basira.serving.views.decision import decision_body


@dataclass(frozen=True)
class Ask:
    """One declaration to decide on. ``is_late``: it waited too long, and is decided without a score. ``read``: what its
    body was read as, where that was done before; None: it is still to be read."""

    body: object
    asked: Asked
    is_late: bool = False
    read: Declaration | Rejected | None = None


@dataclass(frozen=True)
class Decided:
    """Decided now, and recorded. ``body``: the answer, as JSON values; ``text``: the same as JSON."""

    body: DecisionBody
    text: str


@dataclass(frozen=True)
class Replayed:
    """Recorded or answered before: the same again. ``text``: the answer as JSON; ``status``: its HTTP status."""

    text: str
    status: int = 200


@dataclass(frozen=True)
class Failed:
    """Nothing of it is recorded. ``error``: why."""

    error: Exception


def decision_text(decision: Decision, *, language: str, pause: Pause = no_pause) -> tuple[DecisionBody, str]:
    """A decision as it is answered, and the same as JSON. ``pause``: called between the two."""
    body = decision_body(decision, language=language)
    pause()
    return body, json.dumps(body, ensure_ascii=False, separators=(",", ":"))


Result: TypeAlias = Decided | Replayed | Rejected | Failed
