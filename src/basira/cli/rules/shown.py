"""The figures of rules in lines, as `basira rules backtest` and `watch` show them, in the reader's language.

Enters: a back-test, a hit rate. Leaves: lines. Never here: a rate where nothing was inspected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from basira.cli.messages import messages, say_number
from basira.render.numbers import format_date, format_number, format_percent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from basira.rules.evidence import Evidence
    from basira.rules.worth import HitRate
    from basira.workflows.rules.backtest import BackTest
    from basira.workflows.rules.beside import Beside, BesideModel
    from basira.workflows.rules.counter import CounterExamples
    from basira.workflows.rules.full_test import FullTest
    from basira.workflows.rules.watch import RuleWorth

_MOST = 5


def lines_of_test(found: FullTest, language: str) -> Iterator[str]:
    """A back-test in lines; the sentences of its counter-examples in a language."""
    yield from _lines(found.test, language)
    said, gate = messages(language), found.gate
    if gate["office"]:
        wanted = said.say(
            "rules.test.wanted",
            wanted=format_number(gate["wanted"], language=language, digits=1),
            slots=say_number(gate["slots"], language),
            office=gate["office"],
            day=format_date(gate["day"], language=language),
        )
        yield f"  {wanted}"
    reached = ", ".join(said.say(f"rules.obstacle.{one}") for one in gate["obstacles"])
    yield f"  {said.say('rules.test.obstacles', obstacles=reached) if reached else said.say('rules.test.passes')}"
    yield from _beside(found.beside, language)
    yield from _counter_examples(found.counter_examples, language)


def lines_of_watch(one: RuleWorth, language: str) -> Iterator[str]:
    """What a live rule was worth in a period, in lines."""
    said = messages(language)
    yield said.say("rules.watch.head", rule=one.rule_id, version=str(one.version), title=one.title)
    counts = said.say(
        "rules.watch.counts",
        hits=say_number(one.hits, language),
        acted=say_number(one.acted, language),
        let_go=say_number(one.let_go, language),
        controls=say_number(one.controls, language),
    )
    yield f"  {counts}"
    yield f"  {rate_line(one.rate, language)}"
    if one.revenue is not None:
        yield f"  {said.say('rules.watch.revenue', revenue=say_number(round(one.revenue), language))}"
    if one.gain is None:
        yield f"  {said.say('rules.watch.no_gain')}"
    else:
        gain, low, high = (
            format_number(value, language=language, digits=3)
            for value in (one.gain.findings, one.gain.low, one.gain.high)
        )
        yield f"  {said.say('rules.watch.gain', gain=gain, low=low, high=high)}"
    yield f"  {evidence_line(one.evidence, language)}"


def rate_line(rate: HitRate, language: str) -> str:
    """A hit rate with its interval, or why it is unknown and what is possible."""
    said = messages(language)
    low, high = _percent(rate.low, language), _percent(rate.high, language)
    if rate.rate is None:
        return said.say(f"rules.rate.{rate.reason}", low=low, high=high)
    return said.say("rules.rate.known", rate=_percent(rate.rate, language), low=low, high=high)


def evidence_line(found: Evidence, language: str) -> str:
    """What the controls of a rule say beside the random control of the same office."""
    advice = found.advice if found.advice in ("retire", "keep") else "open"
    return messages(language).say(
        f"rules.evidence.{advice}",
        better=say_number(found.better, language),
        differing=say_number(found.differing, language),
        pairs=say_number(found.pairs, language),
    )


def _lines(found: BackTest, language: str) -> Iterator[str]:
    said, rate = messages(language), found.rate
    first, last = _day(found.first, language), _day(found.last, language)
    declarations = say_number(found.declarations, language)
    yield said.say("rules.test.head", rule=found.rule_id, first=first, last=last, n=declarations)
    hits, unknown = say_number(found.hits, language), say_number(found.unknown, language)
    yield f"  {said.say('rules.test.hits', hits=hits, unknown=unknown)}"
    if found.busiest is not None:
        busiest = said.say(
            "rules.test.busiest",
            hits=say_number(found.busiest.hits, language),
            declarations=say_number(found.busiest.declarations, language),
            office=found.busiest.office,
            day=_day(found.busiest.day, language),
        )
        yield f"  {busiest}"
    inspected = said.say(
        "rules.test.inspected",
        inspected=say_number(rate.inspected, language),
        findings=say_number(rate.findings, language),
        revenue=say_number(round(found.revenue_found), language),
    )
    yield f"  {inspected}"
    yield f"  {rate_line(rate, language)}"
    if found.examples:
        yield f"  {said.say('rules.test.findings', ids=', '.join(found.examples))}"
    if found.needless:
        yield f"  {said.say('rules.test.needless', ids=', '.join(found.needless))}"
    if found.missed:
        yield f"  {said.say('rules.test.missed', ids=', '.join(found.missed))}"


def _beside(found: Beside, language: str) -> Iterator[str]:
    said = messages(language)
    yield said.say("rules.beside.model")
    if found.model is None:
        yield f"  {said.say('rules.beside.no_run')}"
    else:
        yield from _model(found.model, language)
    if found.others:
        yield said.say("rules.beside.others")
    for other in found.others[:_MOST]:
        beside = said.say(
            "rules.beside.other",
            rule=other.rule_id,
            version=str(other.version),
            common=say_number(other.common, language),
            findings=say_number(other.common_findings, language),
        )
        yield f"  {beside}"
    yield said.say("rules.beside.alone", n=say_number(found.alone, language))
    yield f"  {rate_line(found.alone_rate, language)}"
    yield said.say(
        "rules.beside.first",
        operators=say_number(found.first_hits.operators, language),
        inspected=say_number(found.first_hits.inspected, language),
        findings=say_number(found.first_hits.findings, language),
    )
    if found.classes:
        yield said.say("rules.beside.classes")
    for one in found.classes:
        values = {
            "operators": say_number(one.operators, language),
            "hits": say_number(one.hits, language),
            "inspected": say_number(one.rate.inspected, language),
            "false": say_number(one.false_alarms, language),
        }
        yield f"  {said.say('rules.beside.class', name=one.name, **values)}"


def _model(model: BesideModel, language: str) -> Iterator[str]:
    said = messages(language)
    rate = rate_line(model.selected_rate, language)
    yield f"  {said.say('rules.beside.anyway', n=say_number(model.selected, language), rate=rate)}"
    yield f"  {said.say('rules.beside.otherwise', n=say_number(model.otherwise, language))}"
    rate = rate_line(model.added_rate, language)
    yield f"  {said.say('rules.beside.added', n=say_number(model.added, language), rate=rate)}"
    if model.undecided:
        yield f"  {said.say('rules.beside.undecided', n=say_number(model.undecided, language))}"
    pushed = [one for one in model.office_days if one.pushed_out]
    if pushed:
        yield f"  {said.say('rules.beside.pushed')}"
    for one in pushed[:_MOST]:
        values = {
            "office": one.office,
            "day": _day(one.day, language),
            "out": say_number(one.pushed_out, language),
            "slots": say_number(one.slots, language),
        }
        if one.inspected:
            findings, inspected = say_number(one.findings, language), say_number(one.inspected, language)
            line = said.say("rules.beside.pushed_known", **values, findings=findings, inspected=inspected)
        else:
            line = said.say("rules.beside.pushed_unknown", **values)
        yield f"    {line}"


def _counter_examples(found: CounterExamples, language: str) -> Iterator[str]:
    said = messages(language)
    if found.outside:
        yield said.say("rules.beside.outside", n=say_number(found.outside, language))
    for one in found.just_outside[:_MOST]:
        yield f"  {one.declaration_id}: {one.sentences[language]}"
    if found.just_inside:
        seen, count = say_number(found.inside_seen, language), say_number(found.inside, language)
        yield said.say("rules.beside.inside", seen=seen, n=count)
    for one in found.just_inside[:_MOST]:
        yield f"  {one.declaration_id}: {one.sentences[language]}"


def _percent(share: float, language: str) -> str:
    return format_percent(share, language=language, digits=1)


def _day(day: date | str, language: str) -> str:
    return format_date(day, language=language)
