"""The figures of rules in lines, as `basira rules backtest` and `watch` show them.

Enters: a back-test, a hit rate. Leaves: lines. Never here: a rate where nothing was inspected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from basira.rules.evidence import Evidence
    from basira.rules.worth import HitRate
    from basira.workflows.rules.backtest import BackTest
    from basira.workflows.rules.beside import Beside, BesideModel
    from basira.workflows.rules.counter import CounterExamples
    from basira.workflows.rules.full_test import FullTest

_MOST = 5


def lines_of_test(found: FullTest, language: str) -> Iterator[str]:
    """A back-test in lines; the sentences of its counter-examples in a language."""
    yield from _lines(found.test)
    gate = found.gate
    if gate["office"]:
        where = f"{gate['office']} on {gate['day']}, its fullest day"
        yield f"  wants {gate['wanted']:.1f} of {gate['slots']} slots at {where}"
    reached = ", ".join(gate["obstacles"])
    yield f"  not to be submitted under this policy: {reached}" if reached else "  passes the gate of the policy"
    yield from _beside(found.beside)
    yield from _counter_examples(found.counter_examples, language)


def rate_line(rate: HitRate) -> str:
    """A hit rate with its interval, or why it is unknown and what is possible."""
    reasons = {
        "none_inspected": "none of the hits was inspected",
        "few_inspected": "too few of the hits were inspected",
        "no_probability": "no probability of inspection was recorded for some of them",
    }
    if rate.rate is None:
        return f"hit rate unknown: {reasons[rate.reason]}; between {rate.low:.1%} and {rate.high:.1%}"
    return f"hit rate {rate.rate:.1%}, corrected for who was inspected ({rate.low:.1%} to {rate.high:.1%})"


def evidence_line(found: Evidence) -> str:
    """What the controls of a rule say beside the random control of the same office."""
    figures = f"{found.better} of {found.differing} differing pairs, of {found.pairs}"
    if found.advice == "retire":
        return f"retirement proposed, a person decides: less than twice the odds of a random control ({figures})"
    if found.advice == "keep":
        return f"finds more than a random control of the same office ({figures})"
    return f"not known yet whether it finds more than a random control ({figures})"


def _lines(found: BackTest) -> Iterator[str]:
    rate = found.rate
    yield f"{found.rule_id}, {found.first} to {found.last}: {found.declarations:,} declarations"
    yield f"  hits {found.hits:,}, unknown {found.unknown:,}"
    if found.busiest is not None:
        busy = found.busiest
        yield f"  most on one day: {busy.hits} of {busy.declarations} at {busy.office} on {busy.day}"
    yield f"  inspected {rate.inspected:,}, findings {rate.findings:,}, revenue found {found.revenue_found:,.0f}"
    yield f"  {rate_line(rate)}"
    for words, ids in (("findings", found.examples), ("needless", found.needless), ("missed", found.missed)):
        if ids:
            yield f"  {words}: {', '.join(ids)}"


def _beside(found: Beside) -> Iterator[str]:
    yield "beside the model, by the scores that runs recorded:"
    if found.model is None:
        yield "  unknown: no run of the period was recorded"
    else:
        yield from _model(found.model)
    if found.others:
        yield "beside other live rules:"
    for other in found.others[:_MOST]:
        yield (
            f"  {other.rule_id} version {other.version}: {other.common:,} hits in common, "
            f"{other.common_findings:,} of them findings"
        )
    yield f"alone, neither inspected anyway nor hit by another live rule: {found.alone:,}"
    yield f"  {rate_line(found.alone_rate)}"
    first = found.first_hits
    yield (
        f"first hits of operators without a finding known before the period: {first.operators:,}, "
        f"inspected {first.inspected:,}, findings {first.findings:,}"
    )
    if found.classes:
        yield "by class of operator:"
    for one in found.classes:
        yield (
            f"  {one.name}: operators {one.operators:,}, hits {one.hits:,}, inspected {one.rate.inspected:,}, "
            f"false alarms {one.false_alarms:,}"
        )


def _model(model: BesideModel) -> Iterator[str]:
    yield f"  in the model's slots anyway {model.selected:,}: {rate_line(model.selected_rate)}"
    yield f"  inspected otherwise anyway {model.otherwise:,} (mandatory, random or without a score)"
    yield f"  added {model.added:,}: {rate_line(model.added_rate)}"
    if model.undecided:
        yield f"  decided by no recorded run, so unknown: {model.undecided:,}"
    pushed = [one for one in model.office_days if one.pushed_out]
    if pushed:
        yield "  pushed out of the model's slots, if every hit acts:"
    for one in pushed[:_MOST]:
        known = f"{one.findings} findings of {one.inspected} inspected" if one.inspected else "no result known"
        yield f"    {one.office} on {one.day}: {one.pushed_out} of {one.slots}, {known}"


def _counter_examples(found: CounterExamples, language: str) -> Iterator[str]:
    if found.outside:
        yield f"findings just outside, {found.outside:,} kept out by one part of the condition alone:"
    for one in found.just_outside[:_MOST]:
        yield f"  {one.declaration_id}: {one.sentences[language]}"
    if found.just_inside:
        yield f"needless hits just inside, of {found.inside_seen:,} looked at of {found.inside:,}:"
    for one in found.just_inside[:_MOST]:
        yield f"  {one.declaration_id}: {one.sentences[language]}"
