"""An explanation in words: one sentence for the selection, one for the stakes, one for each reason and verification.

Enters: an `Explanation`, a language. Leaves: its text. Never here: a choice of what is shown, a figure that the
explanation lacks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from basira.explain.explanation import Explanation, ItemExplanation, Stakes, Verification, Why, times_the_average
from basira.explain.words import catalog_of, reference_figures, say, say_reference
from basira.explain.words_figures import Speaker
from basira.render import numbers
from basira.render.catalogs import Catalog
from basira.render.languages import isolate

# Times that have a word of their own.
_WORDED = range(2, 11)
# Nearer to the average than this a probability is "near" it; and up to here it is "above" it, without a number.
_NEAR, _TIMES = 1.25, 1.75


@dataclass(frozen=True)
class ItemText:
    """One item's sentences. ``lead``: the kind that is verified first, as one word; "" of an item without any."""

    item_number: int
    reasons: tuple[str, ...]
    verify: tuple[str, ...]
    references: tuple[str, ...]
    comparables: tuple[str, ...]
    lead: str


@dataclass(frozen=True)
class ExplanationText:
    """The sentences of an explanation. ``why``: with what analysts' rules add. ``stakes``, ``chance``: "" where the
    reader is shown none, or there are none.

    ``no_reason``: what stands in the place of reasons where an item has none worth telling.
    """

    why: str
    stakes: str
    chance: str
    items: tuple[ItemText, ...]
    no_reason: str

    def of_item(self, number: int) -> ItemText | None:
        """The text of an item; None where it is not explained."""
        return next((item for item in self.items if item.item_number == number), None)


def say_explanation(explanation: Explanation, *, language: str, strict: bool = False) -> ExplanationText:
    """All sentences of an explanation.

    Raises
    ------
    UsageError : a language that Basira does not speak. NotFoundError : ``strict``, and a message is missing.
    """
    catalog = catalog_of(language, strict=strict)
    currency, stakes = explanation.currency, explanation.stakes
    return ExplanationText(
        why=" ".join(
            [
                say_why(explanation.why, currency=currency, language=language, strict=strict),
                *(f"{note.rstrip('.')}." for note in explanation.notes),
            ]
        ),
        stakes="" if stakes is None else say_stakes(stakes, currency=currency, language=language, strict=strict),
        chance="" if stakes is None else say_chance(stakes.probability, stakes.average, language=language),
        items=tuple(_item(item, currency, catalog) for item in explanation.items),
        no_reason=catalog.say("list.no_reasons"),
    )


def say_why(why: Why, *, currency: str, language: str, strict: bool = False) -> str:
    """Why a declaration was selected, as one sentence that holds whatever the figures."""
    catalog = catalog_of(language, strict=strict)
    speaker = Speaker(catalog, currency, why.figures)
    ground = str(why.figures.get("ground") or "").rstrip(".")
    if why.code in ("rule", "analyst") and ground:
        return catalog.say(f"why.{why.code}.ground", ground=ground)
    probability = speaker.number_of("probability")
    if probability is None:
        return catalog.say(f"why.{why.code}")
    return catalog.say(
        f"why.{why.code}",
        chance=say_chance(probability, speaker.number_of("average"), language=language, strict=strict),
        potential=_rounded(speaker.number_of("potential"), currency, language),
        expected=_rounded(speaker.number_of("expected"), currency, language),
    )


def say_stakes(stakes: Stakes, *, currency: str, language: str, strict: bool = False) -> str:
    """Duties and taxes at stake: what an irregularity would bring, and apart what is expected."""
    return catalog_of(language, strict=strict).say(
        "stakes.line",
        potential=_rounded(stakes.potential, currency, language),
        expected=_rounded(stakes.expected, currency, language),
    )


def say_chance(probability: float, average: float | None, *, language: str, strict: bool = False) -> str:
    """A probability as a rounded share beside its average; never 0 % and never 100 %.

    >>> say_chance(0.12, 0.02, language="en"), say_chance(0.003, None, language="en")
    ('12%, six times the average', 'less than 1%')
    """
    catalog = catalog_of(language, strict=strict)
    share = say_share(probability, language=language, strict=strict)
    times = times_the_average(probability, average)
    if times == 0:
        return share
    if times < _TIMES:
        way = "below" if times < 1 / _NEAR else "level" if times < _NEAR else "above"
        return catalog.say(f"chance.{way}", share=share)
    whole = math.floor(times + 0.5)
    message = f"times.{whole}" if whole in _WORDED else "times.more"
    count = isolate(numbers.format_count(whole, language=language), language)
    return catalog.say("chance.times", share=share, times=catalog.say(message, n=count))


def say_share(share: float, *, language: str, strict: bool = False) -> str:
    """A share in whole percent; below one half "less than 1 %", and above 99 and a half "more than 99 %"."""
    catalog = catalog_of(language, strict=strict)
    whole = math.floor(share * 100 + 0.5)
    if whole < 1 or whole > 99:
        limit = isolate(numbers.format_percent(0.01 if whole < 1 else 0.99, language=language), language)
        return catalog.say("share.under" if whole < 1 else "share.over", share=limit)
    return isolate(numbers.format_percent(whole / 100, language=language), language)


def say_verification(
    one: Verification, *, currency: str, language: str, is_again: bool = False, strict: bool = False
) -> str:
    """One thing to verify: what to do in this lane, the declared value beside the interval, and what it is worth.

    ``is_again``: another item of the declaration said what to do: the kind alone stands in its place.
    """
    catalog = catalog_of(language, strict=strict)
    doing = f".{one.examines}" if one.examines else ""
    parts = [catalog.say(f"kind.{one.kind}") if is_again else catalog.say(f"verify.{one.kind}{doing}")]
    if one.reference is not None:
        speaker = Speaker(catalog, currency, reference_figures(one.reference))
        parts.append(
            catalog.say(
                "verify.interval",
                declared=speaker.say_measure(one.reference.declared, one.reference.measure),
                low=speaker.bare(one.reference.low),
                high=speaker.say_measure(one.reference.high, one.reference.measure),
                count=speaker.say_count("n.comparable", "count"),
            )
        )
    if one.worth is not None:
        parts.append(catalog.say("verify.worth", worth=_rounded(one.worth, currency, language)))
    return catalog.say("verify.join").join(parts)


def _item(item: ItemExplanation, currency: str, catalog: Catalog) -> ItemText:
    language, strict = catalog.language, catalog.strict
    return ItemText(
        item_number=item.item_number,
        reasons=tuple(say(reason, language=language, currency=currency, strict=strict) for reason in item.reasons),
        verify=tuple(say_verification(one, currency=currency, language=language, strict=strict) for one in item.verify),
        references=tuple(
            say_reference(one, language=language, currency=currency, strict=strict) for one in item.references
        ),
        comparables=item.comparables,
        lead=catalog.say(f"kind.{item.verify[0].kind}") if item.verify else "",
    )


def _rounded(amount: float | None, currency: str, language: str) -> str:
    """An amount to two figures, as an estimate is."""
    return isolate(numbers.format_money(round_amount(amount), currency, language=language, digits=0), language)


def round_amount(amount: float | None) -> float | None:
    """An estimate to two figures, so that it does not look more certain than it is; None stays None.

    >>> round_amount(64_212.4), round_amount(7_449.0), round_amount(0.2), round_amount(None)
    (64000.0, 7400.0, 0.0, None)
    """
    if amount is None or not math.isfinite(amount):
        return None
    if abs(amount) < 10:
        return float(math.floor(amount + 0.5))
    step = 10.0 ** (math.floor(math.log10(abs(amount))) - 1)
    return float(math.floor(amount / step + 0.5) * step)
