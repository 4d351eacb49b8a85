"""The form of a rule: what its fields say, as the API takes it, and the other way round.

Enters: the fields of a form, or a version of a rule. Leaves: JSON of a rule, or fields. Never here: what is right
(`rules` says that); a part of an earlier version that the form would drop.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta

from basira.schema.json_values import JsonObject
from basira.serving.views.rules import RuleVersionBody
from basira.web.forms import Fields

_DAYS = 180
_LANGUAGES = ("fr", "ar", "en")
_DECIMAL = re.compile(r"[0-9]{1,6}(?:[.,][0-9]{1,6})?")


def empty_fields(today: date) -> Fields:
    """The fields of a rule that nobody has written yet: from today, for half a year, on every hit."""
    return {
        "starts_on": today.isoformat(),
        "expires_on": (today + timedelta(days=_DAYS)).isoformat(),
        "share": "100",
        "weight": "1",
    }


def fields_of(version: RuleVersionBody, language: str) -> Fields:
    """The fields of a version, its condition as text of a language."""
    rule = version["rule"]
    effect: Mapping[str, object] = rule["effect"]
    message = effect.get("message") or {}
    fields = {
        "rule_id": version["rule_id"],
        "title": str(rule["title"]),
        "reason": str(rule["reason"]),
        "text": version["text"][language],
        "lane": str(effect.get("lane") or ""),
        "is_mandatory": "yes" if effect.get("is_mandatory") else "",
        "is_exempt": "yes" if effect.get("is_exempt") else "",
        "weight": f"{effect.get('weight', 1.0):.6g}",
        "tag": str(effect.get("tag") or ""),
        "suspected": str(effect.get("suspected") or ""),
        "share": f"{100 * float(rule['sample_share']):.6g}",
        "offices": ", ".join(rule["offices"]),
        "starts_on": str(rule["starts_on"]),
        "expires_on": str(rule["expires_on"]),
    }
    if isinstance(message, dict):
        fields |= {f"message_{one}": str(message.get(one, "")) for one in _LANGUAGES}
    return fields


def rule_of(fields: Mapping[str, str]) -> JsonObject:
    """The rule that the fields say, without its condition, which is in ``text``. An invalid figure stays a text,
    which the rules refuse with its place."""
    typed = {name: value.strip() for name, value in fields.items()}
    share = _figure(typed.get("share", ""))
    return {
        "rule_id": typed.get("rule_id", ""),
        "title": typed.get("title", ""),
        "reason": typed.get("reason", ""),
        "effect": {
            "lane": typed.get("lane", ""),
            "is_mandatory": typed.get("is_mandatory") == "yes",
            "is_exempt": typed.get("is_exempt") == "yes",
            "weight": _figure(typed.get("weight", "")),
            "tag": typed.get("tag", ""),
            "message": {one: typed[f"message_{one}"] for one in _LANGUAGES if typed.get(f"message_{one}")},
            "suspected": typed.get("suspected") or None,
        },
        # Twelve digits: 29 % must not come out as 0.28999999999999998.
        "sample_share": round(share / 100, 12) if isinstance(share, float) else share,
        "offices": [one for one in re.split(r"[,;\s]+", typed.get("offices", "")) if one],
        "starts_on": typed.get("starts_on", ""),
        "expires_on": typed.get("expires_on", ""),
    }


def _figure(text: str) -> float | str:
    return float(text.replace(",", ".")) if _DECIMAL.fullmatch(text) else text
