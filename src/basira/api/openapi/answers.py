"""Answers, good ones and problems, and bodies of changes, for the OpenAPI document.

Enters: nothing. Leaves: dictionaries. Never here: real data: the examples are simulated. A test compares their names
with those of real answers.
"""

from __future__ import annotations

from collections.abc import Mapping

from basira.api.http.problems import TITLES
from basira.api.openapi.examples import RULE
from basira.schema.json_values import JsonObject
from basira.serving.changes.change import LONGEST_MOTIVE, LONGEST_NOTE, SHORTEST_MOTIVE
from basira.serving.views.answers import ChangeBody, DecisionBody, RejectedBody, StatusBody, Step
from basira.serving.views.lists import ListBody
from basira.serving.views.risks import RiskBody
from basira.workflows.records.activity import TrailRow

_NUMBER = "SIM-2026-000123"
_GIVEN = "d-5f0c1b7f0a2f4f5a9e4f8c1d2b3a4c5d"
_CHANGED = "r-0b1c2d3e4f5a69788796a5b4c3d2e1f0"
_AT = "2026-03-02T09:14:03.120000"

_TEXT = {"type": "string"}
_MOTIVE = {**_TEXT, "minLength": SHORTEST_MOTIVE, "maxLength": LONGEST_MOTIVE, "description": "Why. Name no person."}
_NOTE = {**_TEXT, "maxLength": LONGEST_NOTE, "description": "For colleagues; erased with personal data."}
_SEEN = {**_TEXT, "description": "`given_by` of the declaration's `standing` as it was seen; or the header If-Match."}

RESELECTION_SCHEMA: JsonObject = {
    "type": "object",
    "required": ["lane", "motive"],
    "additionalProperties": False,
    "properties": {
        "lane": {**_TEXT, "description": "A lane of the policy."},
        "motive": _MOTIVE,
        "note": _NOTE,
        "given_by": _SEEN,
    },
}
RESELECTION: JsonObject = {
    "lane": "red",
    "motive": "Documents do not agree with the packing list.",
    "given_by": _GIVEN,
}
CANCELLATION_SCHEMA: JsonObject = {
    "type": "object",
    "required": ["motive"],
    "additionalProperties": False,
    "properties": {"motive": _MOTIVE, "note": _NOTE, "given_by": _SEEN},
}
CANCELLATION: JsonObject = {"motive": "Withdrawn by the declarant before control."}

_STANDING: StatusBody = {
    "given_by": _CHANGED,
    "decision_id": _GIVEN,
    "declaration_version": 1,
    "office": "CASA-PORT",
    "lane": "red",
    "inspects": True,
    "status": "waiting",
    "is_reselected": True,
    "since": _AT,
    "by": "u-1f4e",
}
_CHANGE: ChangeBody = {
    "declaration_id": _NUMBER,
    "decision_id": _GIVEN,
    "office": "CASA-PORT",
    "before": {"lane": "yellow", "given_by": _GIVEN},
    "after": {"lane": "red"},
    "motive": RESELECTION["motive"],
    "note": None,
    "at": _AT,
    "by": "u-1f4e",
}
_EXPLANATION: JsonObject = {
    "why": "Selected by the model’s order, within the office’s capacity: probability 34%, 12,000\xa0MAD of duties and "
    "taxes expected.",
    "stakes": "",
    "chance": "34%",
    "items": [],
    "no_reason": "No single indicator to report.",
}
_DECISION: DecisionBody = {
    "decision_id": _GIVEN, "declaration_id": _NUMBER, "declaration_version": 1, "office": "CASA-PORT",
    "lane": "yellow", "inspects": True, "basis": "model", "basis_text": "Selected by expected revenue.", "detail": "",
    "inclusion_probability": 0.81, "fallback": None, "fraud_probability": 0.34, "expected_revenue": 12400.0,
    "currency": "MAD", "items": [], "explanation": _EXPLANATION, "decided_at": "2026-03-02T09:14:03.120000",
    "is_simulated": True,
    "versions": {"software": "0.1.0", "model": "2026-03-01-a1b2", "profiles": "2026-03-01", "policy": "example 1"},
}  # fmt: skip
_STEP: Step = {
    "event_id": _GIVEN,
    "kind": "decision",
    "at": _AT,
    "by": "key-badr",
    "declaration_version": 1,
    "office": "CASA-PORT",
    "lane": "yellow",
    "inspects": True,
    "basis": "model",
    "basis_text": "Selected by expected revenue.",
    "fallback": None,
}
_REJECTED: RejectedBody = {
    "quarantine_id": "q-77f0c1b7f0a2f4f5", "declaration_id": _NUMBER, "client": "key-badr", "first_at": _AT,
    "last_at": _AT, "times": 1, "state": "open", "resolved_at": None, "size_bytes": 412,
    "faults": [{"item": 1, "field": "net_mass_kg", "code": "negative", "expected": "0 or more"}],
}  # fmt: skip

_ACTIVITY: TrailRow = {
    "sequence": 4711,
    "at": _AT,
    "by": "u-1f4e5d6c7b8a9988",
    "action": "reselection",
    "subject": _NUMBER,
    "office": "CASA-PORT",
    "before": _CHANGE["before"],
    "after": _CHANGE["after"],
    "motive": _CHANGE["motive"],
    "entry_hash": "9c1185a5c5e9fc54612808977ee8f548b2258d31c0b1f2a3d4e5f60718293a4b",
}
_CHANGE_OF_ACCESS: TrailRow = {
    **_ACTIVITY,
    "sequence": 52,
    "action": "user.roles_changed",
    "subject": "user/u-1f4e5d6c7b8a9988",
    "office": None,
    "by": "badge 1132",
    "before": {"roles": ["analyst"]},
    "after": {"roles": ["manager"]},
    "motive": None,
}

_SHARE: JsonObject = {"hits": 12, "of": 40, "rate": 0.3, "low": 0.181, "high": 0.454}
_FIGURES: JsonObject = {
    "declared": 400,
    "selected": _SHARE,
    "carried_out": _SHARE,
    "control": _SHARE,
    "hit": _SHARE,
    "revenue": 184_250.5,
}
_HOURS: JsonObject = {"count": 40, "median": 5.5, "late": 26.0}

_RULE_TEXT = dict.fromkeys(("fr", "en", "ar"), "hs_code starts with '8517'")
_RULE_VERSION: JsonObject = {
    "rule_id": "phones-cn", "version": 1, "status": "draft",
    "digest": "1d3c5be5c5e9fc54612808977ee8f548b2258d31c0b1f2a3d4e5f60718293a4b", "author": "u-1f4e5d6c7b8a9988",
    "created_at": _AT, "text": _RULE_TEXT,
    "rule": {**RULE["rule"], "condition": {"starts_with": {"field": "commodity_code", "prefixes": ["8517"]}}},
    "steps": [{"number": 1, "state": "draft", "by": "u-1f4e5d6c7b8a9988", "at": _AT, "motive": None, "detail": None}],
}  # fmt: skip

_LIST: ListBody = {
    "name": "importers-to-look-at", "kind": "operators", "title": "Seen lately", "owner": "Risk office",
    "matching": "exact", "least_closeness": 1.0, "rule_id": None, "entry_count": 1, "last_change": 2,
}  # fmt: skip
_RISK: RiskBody = {
    "risk_id": "undervalued-phones", "version": 1, "title": "Phones declared below their price",
    "owner": "Risk office", "office": None, "likelihood": 4, "consequence": 3, "product": 12, "level": "high",
    "treatment": "reduce", "plan": "A rule, and a random control each week.", "rules": [], "review_on": "2026-09-30",
    "is_overdue": False, "state": "open", "by": "u-1f4e5d6c7b8a9988", "at": _AT, "motive": "Seen at two offices.",
}  # fmt: skip
_HIT_RATE: JsonObject = {
    "hits": 52,
    "inspected": 34,
    "findings": 18,
    "rate": 0.48,
    "low": 0.31,
    "high": 0.66,
    "reason": "",
}
_FEW: JsonObject = {
    **_HIT_RATE,
    "hits": 9,
    "inspected": 3,
    "findings": 1,
    "rate": None,
    "low": 0.11,
    "high": 0.78,
    "reason": "few_inspected",
}
_NEAR: JsonObject = {
    "declaration_id": _NUMBER,
    "condition": {"compare": {"left": {"field": "value_per_kg"}, "operator": "<", "right": {"number": 40.0}}},
    "sentences": dict.fromkeys(("fr", "en", "ar"), "value_per_kg < 40: false (41.2)"),
    "margin": 0.029,
}
_BACKTEST: JsonObject = {
    "rule_id": "phones-cn",
    "version": 1,
    "first": "2026-01-01",
    "last": "2026-03-31",
    "declarations": 4200,
    "hits": 52,
    "unknown": 3,
    "office_days": [{"office": "CASA-PORT", "day": "2026-01-05", "declarations": 61, "hits": 2}],
    "rate": _HIT_RATE,
    "findings_in_all": 190,
    "revenue_found": 412_000.0,
    "examples": [_NUMBER],
    "needless": [],
    "missed": [],
    "gate": {
        "policy_digest": "1d3c5be5",
        "obstacles": [],
        "most_capacity_share": 0.5,
        "office": "CASA-PORT",
        "day": "2026-01-05",
        "wanted": 1.9,
        "slots": 6,
    },
    "beside": {
        "model": {
            "otherwise": 4,
            "selected": 20,
            "added": 28,
            "undecided": 0,
            "selected_rate": _FEW,
            "added_rate": _HIT_RATE,
            "office_days": [],
        },
        "others": [
            {"rule_id": "phones-tr", "version": 2, "hits": 31, "common": 4, "common_findings": 1},
        ],
        "alone": 26,
        "alone_rate": _FEW,
        "classes": [{"name": "regular", "operators": 7, "hits": 52, "false_alarms": 16, "rate": _HIT_RATE}],
        "first_hits": {"operators": 6, "inspected": 5, "findings": 3},
    },
    "counter_examples": {
        "outside": 1,
        "just_outside": [_NEAR],
        "inside": 16,
        "inside_seen": 16,
        "just_inside": [],
    },
    "is_recorded": True,
}

ANSWERS: dict[str, Mapping[str, object]] = {
    "rules": {"day": "2026-03-02", "rules": [_RULE_VERSION]},
    "rule": {"rule_id": "phones-cn", "day": "2026-03-02", "last_step": 1, "versions": [_RULE_VERSION]},
    "rule_version": _RULE_VERSION,
    "rule_check": {
        "condition": {"starts_with": {"field": "commodity_code", "prefixes": ["8517"]}},
        "text": _RULE_TEXT,
    },
    "rule_try": {
        "first": "2026-01-01", "last": "2026-01-31", "hides_persons": False,
        "declarations": [
            {"declaration_id": _NUMBER, "outcome": "hit",
             "sentences": ["Hit.", "hs_code starts with '8517': true (8517130000)"]},
        ],
    },
    "rule_backtest": _BACKTEST,
    "lists": {"lists": [_LIST]},
    "list": _LIST,
    "list_content": {
        "list": _LIST, "on": None, "total": 1,
        "entries": [
            {"entry": 1, "starts_on": "2026-04-01", "ends_on": "2026-09-30", "is_erased": False,
             "value": "SIM-IMPORTER-7", "source": "Office report", "reason": "Three findings in a month.",
             "owner": None},
        ],
        "next_cursor": None,
    },
    "list_history": {
        "name": "importers-to-look-at",
        "changes": [
            {"number": 1, "action": "made", "by": "u-1f4e5d6c7b8a9988", "at": _AT, "entry_count": 0, "motive": None},
        ],
    },
    "list_match": {
        "name": "importers-to-look-at", "on": "2026-04-02", "is_on": True, "entry": "SIM-IMPORTER-7", "closeness": 1.0,
    },
    "risks": {"day": "2026-04-02", "overdue": 0, "risks": [_RISK]},
    "risk": _RISK,
    "risk_history": {
        "risk_id": "undervalued-phones", "day": "2026-04-02", "last_version": 1, "versions": [_RISK],
    },
    "declaration": {
        "declaration_id": _NUMBER, "standing": _STANDING, "explanation": _EXPLANATION, "decisions": [_DECISION],
        "outcomes": [], "history": [_STEP],
    },
    "operators": {
        "declaration_id": _NUMBER, "declaration_version": 1,
        "operators": {"importer_id": "SIM-IMP-0042", "declarant_id": "SIM-DEC-0007", "exporter_id": None},
    },
    "decision": _DECISION,
    "outcome": {
        "outcome_id": "o-1f2e3d4c5b6a79880716253443526170", "declaration_id": _NUMBER, "decision_id": _GIVEN,
        "result": {"known_at": "2026-03-02T16:30:00", "is_inspected": True, "is_irregular": True},
    },
    "reselection": {"reselection_id": _CHANGED, **_CHANGE, "standing": _STANDING},
    "cancellation": {
        "cancellation_id": "c-9a8b7c6d5e4f30211203f4e5d6c7b8a9", **_CHANGE, "after": None,
        "motive": CANCELLATION["motive"], "standing": {**_STANDING, "status": "cancelled"},
    },
    "queue": {
        "office": "CASA-PORT", "day": "2026-03-02", "lane": None, "status": "waiting", "total": 1,
        "decisions": [
            {**_DECISION, "lane": "red", "status": "waiting", "since": _AT, "given_by": _CHANGED,
             "reselection": {"reselection_id": _CHANGED, **_CHANGE}},
        ],
        "next_cursor": None,
    },
    "quarantine": {"total": 1, "rows": [_REJECTED], "next_cursor": None},
    "refused_body": {
        **_REJECTED,
        "body": {"declaration_id": _NUMBER, "items": [{"net_mass_kg": -1}]},
        "body_text": None,
    },
    "audit": {"rows": [_CHANGE_OF_ACCESS], "names": {"u-1f4e5d6c7b8a9988": "a.benali"}, "next_cursor": None},
    "deeds": {"rows": [_ACTIVITY], "names": {"u-1f4e5d6c7b8a9988": "a.benali"}, "next_cursor": 4711},
    "figures": {
        "period": {"from": "2026-02-02", "to": "2026-03-01", "office": None}, "whole": _FIGURES, "before": _FIGURES,
        "offices": {"CASA-PORT": _FIGURES}, "sources": {"model": _FIGURES},
        "lanes": [{"lane": "red", "share": _SHARE, "capacity": 60}], "hours": _HOURS, "hours_before": _HOURS,
        "undetected": _SHARE, "drawn": 45, "currency": "MAD",
    },
    "session": {
        "user_id": "u-1f4e5d6c7b8a9988", "login": "a.benali", "display_name": "A. Benali",
        "roles": [{"role": "inspector", "office": "CASA-PORT"}], "must_change_password": False,
        "csrf_token": "4e0b6c2d7f1a",
    },
    "health": {"status": "alive"},
    "ready": {"status": "ready", "degraded": [], "profile_age_days": 0},
}  # fmt: skip
_PROBLEM: JsonObject = {
    "type": "urn:basira:problem:conflict",
    "title": "Conflict",
    "status": 409,
    "code": "conflict",
    "detail": "Expected given_by (or If-Match) to name what gave the lane in force, found another event: another user "
    "changed the declaration meanwhile.",
    "hint": "Look at the declaration again, and send the change with the given_by of its standing.",
    "declaration_id": _NUMBER,
    "errors": [
        {
            "item": None,
            "field": "declaration_id",
            "code": "changed_meanwhile",
            "expected": "the event that gave the lane in force",
        }
    ],
    "standing": _STANDING,
}


PROBLEM_SCHEMA: JsonObject = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457. `code` is stable; `hint` says what to do.",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {**_TEXT, "format": "uri"}, "title": _TEXT, "status": {"type": "integer"}, "code": _TEXT,
        "detail": _TEXT, "hint": _TEXT, "request_id": _TEXT, "declaration_id": {"type": ["string", "null"]},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code"],
                "properties": {
                    "item": {"type": ["integer", "null"]}, "field": {"type": ["string", "null"]}, "code": _TEXT,
                    "expected": _TEXT, "found": _TEXT,
                },
            },
        },
        "standing": {"type": "object", "description": "The declaration's status, where a change conflicts with it."},
    },
}  # fmt: skip
_PROBLEM_REF = {"$ref": "#/components/schemas/Problem"}
# Of every route: another host, a body that is too large, a limit, a fault, a database that does not answer.
_ALWAYS = (400, 413, 429, 500, 503)

Answers = dict[int | str, JsonObject]


def answers_of(name: str | None, *problems: int, good: int = 200, also: Mapping[str, object] | None = None) -> Answers:
    """The part of an OpenAPI operation that describes its answers: the good one, and each problem by its status.

    ``name``: of the example; None: the good answer is no JSON. ``problems``: statuses besides those of every route.
    ``also``: other content types of the good answer, each with its schema.
    """
    content: JsonObject = {} if name is None else {"application/json": {"example": ANSWERS[name]}}
    content |= {kind: {"schema": schema} for kind, schema in (also or {}).items()}
    answers: Answers = {good: {"content": content}} if content else {}
    for status in sorted({*_ALWAYS, *problems}):
        answers[status] = _problem_answer(TITLES[status])
    # What no list foresees, such as a method that the path does not have.
    answers["default"] = _problem_answer("A problem (RFC 9457).", example=_PROBLEM)
    return answers


def _problem_answer(description: str, **more: object) -> JsonObject:
    return {"description": description, "content": {"application/problem+json": {"schema": _PROBLEM_REF, **more}}}
