"""Explanations of made-up items, and what must hold of every one of them.

The features are drawn, the reasons are built from them by `explain_items` with the real catalog, so a sentence can be
held against the features that it quotes. Used by the test of the property and by `benchmarks/explain_property.py`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from basira.explain.explanation import Case, Explanation, Reader, Surroundings, explain, times_the_average
from basira.explain.reasons import explain_items
from basira.explain.sentences import ExplanationText, round_amount, say_explanation
from basira.explain.strongest import FAMILY_OF
from basira.features.catalog.catalog import REASONS
from basira.render import numbers
from basira.render.languages import LANGUAGES
from basira.schema.codes import IRREGULARITY_KINDS, format_code
from basira.schema.records import ItemAssessment, Reason

NAMES = tuple(REASONS.families)
# What only goods allow, and must not be asked for in a documentary lane.
PHYSICAL = {
    "fr": ("compter", "peser", "échantillon", "marquage", "emballage", "ouvrir", "examiner la marchandise"),
    "en": ("count and weigh", "sample", "marking", "packaging", "open packages", "examine the goods"),
    "ar": ("العد", "الوزن", "عينة", "وسم", "التغليف", "فتح الطرود", "فحص البضاعة"),
}
_CODES = ("8517130000", "0802190000", "610910")
_NUMBER = re.compile(r"\d[\d.,\u00a0\u202f]*\d|\d")
_ZERO = re.compile(r"(?<![\d.,])0[\u00a0\u202f ]?%")


@dataclass(frozen=True)
class Made:
    """A drawn decision, and the features of its items in the items' order."""

    case: Case
    rows: tuple[Mapping[str, Any], ...]


def make_case(rng: np.random.Generator) -> Made:
    """A decision drawn at random, some of its values absent."""
    count = int(rng.integers(1, 4))
    rows = tuple(_row(rng, number) for number in range(1, count + 1))
    contributions = np.where(
        rng.random((count, len(NAMES))) < 0.3,
        rng.exponential(0.3, (count, len(NAMES))),
        -rng.random((count, len(NAMES))),
    )
    kinds = [_kinds(rng) for _ in rows]
    evidence = explain_items(contributions, NAMES, REASONS, rows, kinds=kinds)
    probability = rng.beta(0.4, 3.0, count)
    items = tuple(
        ItemAssessment(
            item_number=number + 1,
            fraud_probability=float(probability[number]),
            revenue_if_fraud=float(revenue),
            expected_revenue=float(probability[number] * revenue),
            kind_probabilities=kinds[number],
            reasons=found.reasons,
            verify=found.verify,
            references=found.references,
        )
        for number, (found, revenue) in enumerate(zip(evidence, rng.lognormal(8, 2, count), strict=True))
    )
    basis = str(
        rng.choice(["model", "random", "mandatory", "fallback", "exempt", "none"], p=[0.6, 0.2, 0.08, 0.06, 0.03, 0.03])
    )
    has_answer = basis != "fallback"
    return Made(
        Case(
            basis=basis,
            currency="MAD",
            fraud_probability=float(1 - np.prod(1 - probability)) if has_answer else None,
            expected_revenue=float(sum(item.expected_revenue for item in items)) if has_answer else None,
            items=items,
            examines=rng.choice(np.array([None, "documents", "goods"], dtype=object)),
            around=Surroundings(
                None if rng.random() < 0.2 else float(rng.beta(1, 15)),
                None if rng.random() < 0.2 else float(rng.lognormal(9, 1)),
            ),
            ground="Armes" if rng.random() < 0.5 else "",
            has_answer=has_answer,
        ),
        rows,
    )


def _kinds(rng: np.random.Generator) -> dict[str, float]:
    if rng.random() < 0.3:
        return {}
    return {kind: float(p) for kind, p in zip(IRREGULARITY_KINDS, rng.dirichlet([1.0] * 6), strict=True)}


def _row(rng: np.random.Generator, number: int) -> dict[str, Any]:
    value, mass, quantity = float(rng.lognormal(10, 2)), float(rng.lognormal(5, 2)), float(rng.integers(1, 5000))
    row: dict[str, Any] = {
        "declaration_id": "D1",
        "item_number": number,
        "commodity_code": str(rng.choice(_CODES)),
        "description": "Téléphones portables",
        "origin_country": str(rng.choice(["CN", "FR", "MA"])),
        "dispatch_country": str(rng.choice(["CN", "AE"])),
        "preference": rng.choice(np.array([None, "UE", "N"], dtype=object)),
        "quantity": quantity,
        "quantity_unit": rng.choice(np.array([None, "U", "KG"], dtype=object)),
        "gross_mass_kg": mass * float(rng.uniform(0.9, 2.5)),
        "net_mass_kg": mass,
        "customs_value_amount": value,
        "total_tax_amount": value * float(rng.uniform(0.0, 0.7)),
        "tax_gap": float(rng.normal(0, 0.1)),
        "value_trailing_zeros": int(rng.integers(0, 5)),
        "value_to_next_round": float(rng.uniform(0.5, 1.0)),
    }
    for feature in (
        "value_per_kg_vs_reference", "value_per_unit_vs_reference", "kg_per_unit_vs_unit_code",
        "preference_vs_exporter", "preference_vs_importer", "usual_duty_vs_heading",
    ):  # fmt: skip
        row[feature] = float(rng.normal(0, 0.5))
    for feature in ("code_share_of_word", "net_to_gross_mass", "origin_share_of_code"):
        row[feature] = float(rng.random())
    for feature in ("origin_differs_from_dispatch", "is_preference_claimed"):
        row[feature] = int(rng.integers(0, 2))
    for measure, below in (("value_per_kg", mass), ("value_per_unit", quantity)):
        middle = round(1000 * math.log(value / below * float(rng.lognormal(0, 0.8))))
        spread = sorted(int(x) for x in rng.integers(0, 600, 2))
        row |= {
            f"{measure}_reference_low": middle - spread[0],
            f"{measure}_reference_median": middle,
            f"{measure}_reference_high": middle + spread[1],
            f"{measure}_reference_count": int(rng.integers(10, 900)),
            f"{measure}_reference_level": 0,
        }
    row["value_per_unit_reference_level"] = 0
    row["kg_per_unit_unit_code_median"] = round(1000 * math.log(mass / quantity * float(rng.lognormal(0, 0.5))))
    row["kg_per_unit_unit_code_count"] = int(rng.integers(1, 500))
    for level in ("code_origin", "code"):
        row[f"tax_share_{level}_median"] = round(1000 * math.log(float(rng.uniform(0.02, 0.7))))
        row[f"tax_share_{level}_count"] = int(rng.integers(1, 500))
    row["item_value_code_median"] = round(1000 * math.log(value * float(rng.lognormal(0, 1))))
    row["item_value_code_count"] = int(rng.integers(1, 500))
    for past in REASONS.past.values():
        for one in past:
            inspected = int(rng.integers(0, 60))
            row[f"{one.entity}_inspected"] = inspected
            row[f"{one.entity}_irregular"] = int(rng.integers(0, inspected + 1)) if rng.random() < 0.5 else 0
            for entity in (one.entity, one.parent):
                row[f"{entity}_hit_rate"] = float(rng.beta(1, 12))
    for entity in (
        "importer", "declarant", "exporter", "importer_code", "exporter_code", "declarant_importer",
        "importer_exporter", "code", "code_origin", "word", "word_code", "code_mass",
    ):  # fmt: skip
        row[f"{entity}_items"] = int(rng.integers(0, 100))
        row[f"{entity}_items_365d"] = int(rng.integers(0, 100))
        row[f"{entity}_items_30d"] = int(rng.integers(0, 40))
        row[f"{entity}_days_since_first"] = int(rng.integers(0, 181))
    kept = ("declaration_id", "item_number", "commodity_code")
    return {name: None if name not in kept and rng.random() < 0.04 else got for name, got in row.items()}


def faults_of(made: Made) -> Iterator[str]:
    """What does not hold of a decision's two explanations: the unit's said in all languages, the inspector's in one."""
    for reader, languages in (("unit", LANGUAGES), ("inspector", (LANGUAGES[len(made.rows) - 1],))):
        explanation = explain(made.case, reader=reader)  # type: ignore[arg-type]  # a literal, given as text
        texts = {language: say_explanation(explanation, language=language, strict=True) for language in languages}
        yield from _structure(explanation, made, reader)  # type: ignore[arg-type]  # the same
        for language, text in texts.items():
            yield from _wording(explanation, text, language)
        if reader == "unit":
            yield from _figures(explanation, texts["en"], made)
            yield from _same_figures(texts, made)


def _structure(explanation: Explanation, made: Made, reader: Reader) -> Iterator[str]:
    case = made.case
    if reader == "inspector":
        if explanation.stakes is not None or explanation.why.code in ("random", "likely", "large", "ranked"):
            yield "an inspector is shown what tells a random control"
        if explanation.why.figures.keys() - {"ground"}:
            yield "an inspector is shown a figure of the model"
    elif case.basis == "random":
        if explanation.has_reasons or any(item.reasons for item in explanation.items):
            yield "a random control has a reason"
    elif case.basis == "model" and explanation.stakes is not None:
        times = times_the_average(explanation.stakes.probability, case.around.average_probability)
        if explanation.why.code == "likely" and times < 1.75:
            yield "more probable than the average, and is not"
        if explanation.why.code == "large" and not explanation.stakes.potential >= (
            case.around.large_stakes or math.inf
        ):
            yield "a large amount, and is not"
    telling = [bool(item.reasons) for item in explanation.items]
    if telling != sorted(telling, reverse=True):
        yield "an item without a reason stands before one with a reason"
    beside = [
        (item.item_number, one.reference)
        for item in explanation.items
        for one in item.verify
        if one.reference is not None and one.kind == "value"
    ]
    intervals: dict[str, tuple[object, ...]] = {}
    for number, reference in beside:
        code = reference.commodity_code
        if intervals.setdefault(code, (reference.measure,))[0] != reference.measure:
            yield f"item {number}: {code} stands beside two measures"
        goods = f"{code} {reference.unit} {reference.origin_country}"
        if intervals.setdefault(goods, (reference.low, reference.high)) != (reference.low, reference.high):
            yield f"item {number}: {goods} stands beside two intervals"
    for item in explanation.items:
        families = [FAMILY_OF.get(reason.code, reason.code) for reason in item.reasons]
        if len(families) != len(set(families)) or len(families) > 3:
            yield f"families {families}"
        if not 1 <= len(item.verify) <= 3 or len({one.kind for one in item.verify}) != len(item.verify):
            yield f"verifies {item.verify}"
        for reason in item.reasons:
            yield from _speaks(reason, explanation, item.item_number)


def _speaks(reason: Reason, explanation: Explanation, number: int) -> Iterator[str]:
    item = next(one for one in explanation.items if one.item_number == number)
    lead = item.verify[0].kind
    if reason.code.endswith("_high") and reason.code.startswith("value_per_") and lead == "value":
        yield "a high price where a low value is looked for"
    for one in item.verify:
        if one.reference is None or one.kind != "value" or not reason.code.startswith("value_per_"):
            continue
        if not reason.code.startswith(one.reference.measure):
            yield f"{reason.code} beside an interval of {one.reference.measure}"
        elif reason.code.endswith("_low") and not one.reference.declared < one.reference.low:
            yield "a low price inside its interval"
        elif reason.code.endswith("_high") and not one.reference.declared > one.reference.high:
            yield "a high price inside its interval"
        if reason.figures["value"] != one.reference.declared:
            yield "reason and verification differ in what was declared"


def _sentences(text: ExplanationText) -> list[str]:
    found = [text.why, text.stakes, text.chance]
    for item in text.items:
        found += [*item.reasons, *item.verify, *item.references]
    return [one for one in found if one]


def _wording(explanation: Explanation, text: ExplanationText, language: str) -> Iterator[str]:
    for sentence in _sentences(text):
        if "{" in sentence or _ZERO.search(sentence) or "None" in sentence or "nan" in sentence:
            yield f"{language}: {sentence!r}"
    for item, said in zip(explanation.items, text.items, strict=True):
        for one, sentence in zip(item.verify, said.verify, strict=True):
            asked = sentence.split(" – ")[0]
            if one.examines == "documents" and any(word in asked for word in PHYSICAL[language]):
                yield f"{language}: goods in a documentary lane: {sentence!r}"


def _figures(explanation: Explanation, text: ExplanationText, made: Made) -> Iterator[str]:
    """In English: every figure of a sentence is that of the feature that it quotes."""
    rows = {row["item_number"]: row for row in made.rows}
    stakes = explanation.stakes
    if stakes is not None:
        potential = sum(item.revenue_if_fraud for item in made.case.items)
        if not _shows(text.stakes, round_amount(potential), 0):
            yield f"stakes of {potential}: {text.stakes}"
    for item, said in zip(explanation.items, text.items, strict=True):
        row = rows[item.item_number]
        for reason, sentence in zip(item.reasons, said.reasons, strict=True):
            for value, digits in _quoted(reason, row):
                if not _shows(sentence, value, digits):
                    yield f"{reason.code}: {value} is not in {sentence!r}"
        for one, sentence in zip(item.verify, said.verify, strict=True):
            if one.reference is not None:
                below = row["net_mass_kg"] if one.reference.measure == "value_per_kg" else row["quantity"]
                if not _shows(sentence, row["customs_value_amount"] / below, None):
                    yield f"declared value is not in {sentence!r}"
                for edge in ("low", "high"):
                    if not _shows(sentence, math.exp(row[f"{one.reference.measure}_reference_{edge}"] / 1000), None):
                        yield f"{edge} of the interval is not in {sentence!r}"


def _quoted(reason: Reason, row: Mapping[str, Any]) -> list[tuple[float, int | None]]:
    code = reason.code
    for measure, below in (("value_per_kg", "net_mass_kg"), ("value_per_unit", "quantity")):
        if code.startswith(measure):
            return [(row["customs_value_amount"] / row[below], None), (row[f"{measure}_reference_count"], 0)]
    if code.startswith("kg_per_unit"):
        return [(row["net_mass_kg"] / row["quantity"], None), (row["kg_per_unit_unit_code_count"], 0)]
    if code in ("history_importer", "history_declarant", "history_exporter"):
        entity = code.removeprefix("history_")
        return [(row[f"{entity}_inspected"], 0), (row[f"{entity}_irregular"], 0)]
    if code == "new_importer":
        return [] if row["importer_days_since_first"] is None else [(row["importer_days_since_first"], 0)]
    if code == "volume_jump_importer":
        return [(row["importer_items_30d"], 0)]
    if code == "description_unusual":
        return [(row["word_items"], 0)]
    return []


def _shows(sentence: str, value: float | None, digits: int | None) -> bool:
    return numbers.format_number(value, language="en", digits=digits) in sentence.replace("\u00a0", " ")


def _same_figures(texts: Mapping[str, ExplanationText], made: Made) -> Iterator[str]:
    codes = {format_code(str(row["commodity_code"])[:digits]) for row in made.rows for digits in (2, 4, 6, 12)}
    said = {language: _sentences(text) for language, text in texts.items()}
    for alike in zip(*said.values(), strict=True):
        found = [_numbers(sentence, language, codes) for language, sentence in zip(said, alike, strict=True)]
        # Arabic says one and two in the form of the noun.
        if len({frozenset(one - {1.0, 2.0}) for one in found}) != 1:
            yield f"other figures: {alike}"


def _numbers(sentence: str, language: str, codes: set[str]) -> set[float]:
    for code in sorted(codes, key=len, reverse=True):
        sentence = sentence.replace(code, "")
    found = set()
    for text in _NUMBER.findall(sentence):
        plain = text.replace("\u00a0", "").replace("\u202f", "")
        plain = plain.replace(",", "") if language == "en" else plain.replace(".", "").replace(",", ".")
        found.add(float(plain))
    return found
