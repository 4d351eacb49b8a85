"""What a decision's record says of rules, in words: why one selected it, what every one said.

Enters: recorded verdicts, the policy's names of lanes, a language. Leaves: sentences. Never here: another evaluation; a
value that the record is without.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache

from basira.decisions.judged import ConditionValues, JudgedValues, rule_of
from basira.render.languages import isolate
from basira.rules.evaluate import Verdict
from basira.rules.faults import catalog_of
from basira.rules.findings import WITHHELD, Finding, say_finding, say_outcome
from basira.rules.json_form import read_condition
from basira.rules.model import Condition
from basira.rules.names import Vocabulary
from basira.rules.write import write_number, write_text
from basira.workflows.rules.vocabulary import make_vocabulary


@cache
def _vocabulary() -> Vocabulary:
    """The names: what is said of a rule needs no list."""
    return make_vocabulary()


def say_ground(judged: Sequence[JudgedValues], rule_id: str, *, language: str) -> str:
    """Why the rule of that id asks for the inspection: its message, else its title, and its conditions; "" without it.

    Raises UsageError for a language that Basira does not speak.
    """
    one = rule_of(judged, rule_id)
    if one is None:
        return ""
    catalog = catalog_of(language)
    title = one.get("wants", {}).get("message", {}).get(language) or one.get("title", rule_id)
    texts = [
        isolate(_condition_of(json.dumps(part["condition"]), language)[1], language)
        for part in one.get("conditions", ())
        if part["truth"]
    ]
    if not texts:
        return str(title)
    return catalog.say("ground.reason", title=str(title).rstrip("."), conditions=catalog.say("ground.join").join(texts))


def say_notes(judged: Sequence[JudgedValues], *, rule_id: str = "", language: str) -> tuple[str, ...]:
    """What the rules that act add for the inspector: messages, tags, suspected kinds, each once. ``rule_id``: the rule
    whose message is shown already, as the ground."""
    catalog, found = catalog_of(language), []
    for one in judged:
        if not one.get("acts"):
            continue
        wants = one.get("wants", {})
        if one["rule_id"] != rule_id and (message := wants.get("message", {}).get(language)):
            found.append(str(message))
        if kind := wants.get("suspected"):
            found.append(catalog.say("note.suspected", kind=catalog.say(f"kind.{kind}")))
        if tag := wants.get("tag"):
            found.append(catalog.say("note.tag", tag=isolate(str(tag), language)))
    return tuple(dict.fromkeys(found))


def say_judged(one: JudgedValues, *, given: str, lanes: Mapping[str, str], language: str) -> tuple[str, ...]:
    """What one rule said: the outcome with its draw, what it wanted and what selection gave, each condition with the
    value read. ``given``: lane that the declaration got, in words; ``lanes``: the names of lanes by id."""
    catalog, vocabulary = catalog_of(language), _vocabulary()
    about = {"rule": isolate(one["rule_id"], language), "version": str(one["version"])}
    outcome = say_outcome(Verdict(one["outcome"], fields=tuple(one.get("fields", ()))), vocabulary, language)
    if one["is_shadow"]:
        head = catalog.say("judged.shadow", **about, outcome=outcome)
    elif one["outcome"] == "hit":
        probability = isolate(write_number(one.get("probability", 0.0)), language)
        how = "acts" if one.get("acts") else "sleeps" if one.get("sleeps") else "let_go"
        head = catalog.say(f"judged.{how}", **about, probability=probability)
    else:
        head = catalog.say("judged.other", **about, outcome=outcome)
    if one["outcome"] != "hit":
        return (head,)
    return (
        head,
        catalog.say("judged.wants", wants=_wants(one, lanes, language)),
        catalog.say("judged.given", given=isolate(given, language)),
        *(_say_condition(part, vocabulary, language) for part in one.get("conditions", ())),
    )


def _wants(one: JudgedValues, lanes: Mapping[str, str], language: str) -> str:
    catalog, wants = catalog_of(language), one.get("wants", {})
    said = []
    if lane := wants.get("lane"):
        is_mandatory = wants.get("is_mandatory")
        if one.get("is_least"):
            message = "wants.least_mandatory" if is_mandatory else "wants.least"
        else:  # recorded before a lane was the least
            message = "wants.mandatory" if is_mandatory else "wants.lane"
        said.append(catalog.say(message, lane=isolate(lanes.get(lane, lane), language)))
    if wants.get("is_exempt"):
        said.append(catalog.say("wants.exempt"))
    if weight := wants.get("weight"):
        said.append(catalog.say("wants.weight", weight=isolate(write_number(float(weight)), language)))
    return catalog.say("ground.join").join(said) or catalog.say("wants.nothing")


def _say_condition(part: ConditionValues, vocabulary: Vocabulary, language: str) -> str:
    counted = part.get("counted")
    condition, text = _condition_of(json.dumps(part["condition"]), language)
    finding = Finding(
        condition,
        part["truth"],
        part["item"],
        tuple((one["name"], WITHHELD if one.get("is_withheld") else one.get("value")) for one in part["read"]),
        None if counted is None else (counted[0], counted[1]),
    )
    return say_finding(finding, vocabulary, language, text=text)


@lru_cache(maxsize=4096)
def _condition_of(written: str, language: str) -> tuple[Condition, str]:
    """A condition of its JSON, and its text in a language: a few thousand parts of rules hit all day."""
    condition = read_condition(json.loads(written))[0]
    return condition, write_text(condition, _vocabulary(), language)
