"""Why a verdict is what it is: each condition with the value read and what it is compared with, in three languages.

Enters: a settled condition, the facts of one declaration. Leaves: findings, and their sentences. Never here: another
evaluation than `evaluate`'s; advice.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from basira.render.languages import isolate
from basira.rules import model
from basira.rules.evaluate import CURRENCY_FIELD, Compiled, Truth, Verdict, currency_of, read_raw, truths_of_items
from basira.rules.faults import catalog_of
from basira.rules.model import Condition
from basira.rules.names import Vocabulary
from basira.rules.phrases import FLAG_WORDS
from basira.rules.values import Facts, Listed, ListValues, read_text
from basira.rules.write import write_number, write_text
from basira.schema.text import escape

_LONGEST_SHOWN = 80
# In the place of a value that may name a person, or of a free text: a record of a verdict is without it.
WITHHELD = object()


@dataclass(frozen=True)
class Finding:
    """One condition on one declaration. ``item``: number of the item that it was read on, from 1; None for the
    declaration. ``read``: name and value of each field, `WITHHELD` for one that was not recorded; ``counted``: of a
    count of items, those that meet it and those that may; ``listed``: the entry of the list that the value is on."""

    condition: Condition
    truth: Truth
    item: int | None
    read: tuple[tuple[str, object], ...]
    counted: tuple[int, int] | None = None
    listed: Listed | None = None


def without_persons(finding: Finding, vocabulary: Vocabulary) -> Finding:
    """The finding without a value that may name a person, or is a free text, and without the entry that it is near."""
    hidden = {
        name for name, _ in finding.read if vocabulary.names[name].is_personal or vocabulary.names[name].kind == "prose"
    }
    if not hidden:
        return finding
    read = tuple((name, WITHHELD if name in hidden else value) for name, value in finding.read)
    return replace(finding, read=read, listed=None)


def find_reasons(
    condition: Condition,
    facts: Facts,
    vocabulary: Vocabulary,
    lists: Mapping[str, ListValues],
    *,
    compiled: Compiled | None = None,
) -> tuple[Finding, ...]:
    """The conditions that a rule is made of, each with what it read. ``compiled``: see `judge`.

    Of a quantifier the item that decides: the first that hits of any item, the first that does not of all items; else
    the first that is unknown, else the first.
    """
    found: list[Finding] = []
    context = _Context(facts, vocabulary, lists, compiled or Compiled(vocabulary, lists))
    _look(condition, 0, None, context, found)
    return tuple(found)


@dataclass(frozen=True)
class _Context:
    facts: Facts
    vocabulary: Vocabulary
    lists: Mapping[str, ListValues]
    compiled: Compiled

    def truths(self, condition: Condition) -> list[Truth]:
        return truths_of_items(condition, self.facts, self.compiled)


def _look(condition: Condition, position: int, item: int | None, context: _Context, found: list[Finding]) -> None:
    match condition:
        case model.AllOf(parts) | model.AnyOf(parts):
            for part in parts:
                _look(part, position, item, context, found)
            return
        case model.AnyItem(part) | model.AllItems(part):
            truths = context.truths(part)
            chosen = _first(truths, isinstance(condition, model.AnyItem))
            _look(part, chosen, chosen + 1, context, found)
            return
        case model.CountItems(part):
            truths = context.truths(part)
            truth = context.truths(condition)[position]
            counted = (truths.count(True), truths.count(None))
            found.append(Finding(condition, truth, item, (), counted))
            return
        case model.Not(part) if model.children(part):
            _look(part, position, item, context, found)
            return
    leaf = condition.part if isinstance(condition, model.Not) else condition
    names = list(dict.fromkeys(model.field_names(leaf)))
    if currency_of(leaf):
        names.append(CURRENCY_FIELD)
    read = tuple(
        (name, read_raw(context.vocabulary.names[name], context.facts, position))
        for name in names
        if name in context.vocabulary.names
    )
    listed = None
    if isinstance(leaf, model.InList) and (text := read_text(read[0][1])) is not None:
        listed = context.lists[leaf.list_name].find(text)
    found.append(Finding(condition, context.truths(condition)[position], item, read, listed=listed))


def _first(truths: Sequence[Truth], wanted: bool) -> int:
    for truth in (wanted, None):
        if truth in truths:
            return truths.index(truth)
    return 0


def say_finding(
    finding: Finding, vocabulary: Vocabulary, language: str, *, text: str = "", strict: bool = False
) -> str:
    """A finding as one sentence in a language: the condition with its threshold, and the value read. ``text``: of the
    condition in that language, where it is known; "": it is written."""
    catalog = catalog_of(language, strict=strict)
    words = {True: "true", False: "false", None: "unknown"}[finding.truth]
    if finding.counted is not None:
        read = catalog.say("finding.count", certain=str(finding.counted[0]), open=str(finding.counted[1]))
    else:
        read = catalog.say("finding.join").join(
            catalog.say("finding.withheld", name=_label(name, vocabulary, language))
            if value is WITHHELD
            else catalog.say("finding.absent", name=_label(name, vocabulary, language))
            if value is None or value == "" or value != value
            else catalog.say(
                "finding.value",
                name=_label(name, vocabulary, language),
                value=isolate(_shown(value, language), language),
            )
            for name, value in finding.read
        )
    if finding.listed is not None:
        entry = isolate(_shown(finding.listed.entry, language), language)
        close = f"{math.floor(100 * finding.listed.closeness)} %"  # never rounded up to the same
        read = catalog.say("finding.listed", read=read, entry=entry, closeness=isolate(close, language))
    text = isolate(text or write_text(finding.condition, vocabulary, language), language)
    sentence = catalog.say(f"finding.{words}", text=text, read=read)
    if finding.item is None:
        return sentence
    return catalog.say("finding.item", number=str(finding.item), sentence=sentence)


def say_outcome(verdict: Verdict, vocabulary: Vocabulary, language: str, *, strict: bool = False) -> str:
    """A verdict as a few words in a language, with the fields that decide an unknown."""
    catalog = catalog_of(language, strict=strict)
    if verdict.outcome in ("hit", "no_hit"):
        return catalog.say(f"outcome.{verdict.outcome}")
    fields = catalog.say("finding.join").join(_label(name, vocabulary, language) for name in verdict.fields)
    return catalog.say(f"outcome.{verdict.outcome}", fields=fields)


def _label(name: str, vocabulary: Vocabulary, language: str) -> str:
    known = vocabulary.names.get(name)
    return name if known is None else known.labels.get(language, name)


def _shown(value: object, language: str) -> str:
    if isinstance(value, bool):
        return FLAG_WORDS[value][language]
    if isinstance(value, float) and math.isfinite(value):
        return write_number(value)  # to the last digit, as thresholds are written: a rounded one could seem to meet it
    if isinstance(value, datetime | date):
        return value.isoformat()
    text = escape(str(value))
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
