"""How fast rules are judged: many on one declaration, and some on many declarations at once.

    .venv/bin/python benchmarks/rules_speed.py [--rules 1000] [--items 1000000] [--bulk-rules 20] [--texts 0]

Prints CPU time a declaration of three items (judged alone; with verdicts, draws and conditions as a decision records
them; with the answer's sentences), CPU time of the bulk, and with --texts how many drawn texts were taken and
refused (anything but a rule or a fault of the family stops it). Medians of five repetitions.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import polars as pl

from basira.decisions.judged import JudgedValues
from basira.rules.book import RuleBook
from basira.rules.bulk import judge_many
from basira.rules.json_form import read_rule
from basira.rules.model import Rule
from basira.rules.text import parse_condition
from basira.rules.values import Facts, ListValues
from basira.schema.errors import RuleError
from basira.schema.records import Candidate
from basira.schema.shipped import shipped
from basira.selection.policy.load import load_policy
from basira.workflows.rules.in_force import RuleInForce, RuleSet
from basira.workflows.rules.judge import RuleJudge
from basira.workflows.rules.said import say_judged
from basira.workflows.rules.vocabulary import make_vocabulary

VOCABULARY = make_vocabulary(["watched-origins"])
LISTS = {"watched-origins": ListValues(frozenset({"CN", "TR", "VN"}))}
COUNTRIES = ("CN", "TR", "VN", "FR", "ES", "DE", "IT", "US", "IN", "BR")
DAY = date(2026, 11, 30)
BASE = read_rule(
    {
        "rule_id": "base", "title": "x", "reason": "x", "condition": {"is_true": {"field": "is_oea"}},
        "effect": {"lane": "orange"}, "starts_on": "2026-01-01", "expires_on": "2026-12-31",
    }
)[0]  # fmt: skip


def draw_rule(draw: random.Random, number: int) -> Rule:
    """A rule as analysts write them: mostly a code and an origin, then a figure; one in twenty without either."""
    code = f"{draw.randint(1, 97):02d}{draw.randint(1, 99):02d}"
    forms = [
        f"commodity_code starts with '{code}' and origin_country = '{draw.choice(COUNTRIES)}'"
        f" and net_mass_kg > {draw.randint(1, 5000)} kg",
        f"commodity_code starts with '{code}' and value_per_kg < {draw.randint(1, 900)}",
        f"importer_id in ('I{draw.randint(1, 9999)}', 'I{draw.randint(1, 9999)}') and importer_hit_rate > 20 %",
        f"commodity_code starts with '{code}' and origin_country in list 'watched-origins' and duty_rate > 10 %",
    ]
    text = draw.choice(forms) if draw.random() < 0.95 else f"customs_value_amount > {draw.randint(10**6, 10**8)}"
    return replace(BASE, rule_id=f"r-{number}", condition=parse_condition(text, VOCABULARY))


def draw_item(draw: random.Random) -> dict[str, object]:
    return {
        "commodity_code": f"{draw.randint(1, 97):02d}{draw.randint(1, 99):02d}{draw.randint(0, 999999):06d}",
        "origin_country": draw.choice(COUNTRIES),
        "importer_id": f"I{draw.randint(1, 9999)}",
        "net_mass_kg": draw.lognormvariate(5, 2),
        "customs_value_amount": draw.lognormvariate(9, 2),
        "duty_rate": draw.choice([0.0, 0.025, 0.1, 0.3]),
        "is_oea": draw.random() < 0.1,
    }


def measure(work: object, times: int = 5) -> float:
    spent = []
    for _ in range(times):
        begun = time.process_time()
        work()  # type: ignore[operator]
        spent.append(time.process_time() - begun)
    return statistics.median(spent)


def measure_one(rules: list[Rule], draw: random.Random) -> dict[str, float]:
    book = RuleBook(rules, VOCABULARY, LISTS)
    header = {"declared_at": None}
    many = [
        Facts([{**header, **draw_item(draw)} for _ in range(3)], {"importer_hit_rate": [0.1, 0.2, 0.3]})
        for _ in range(1000)
    ]
    hits = sum(len(book.truths(facts, day=DAY, office="A")) for facts in many)
    seconds = measure(lambda: [book.truths(facts, day=DAY, office="A") for facts in many])
    return {"rules": len(rules), "ms_a_declaration": 1000 * seconds / len(many), "hits_a_declaration": hits / len(many)}


def measure_step(rules: list[Rule], draw: random.Random) -> dict[str, float]:
    """What the service does a declaration: verdicts with draws and conditions, the wish, its answer's sentences."""
    lists = RuleSet(tuple(RuleInForce(rule, 1, "0" * 64) for rule in rules), LISTS)
    policy = load_policy(shipped("policies") / "morocco", DAY)
    judge = RuleJudge(lists, policy, seed=1)
    header = {"declared_at": None, "office": "A"}
    many = [
        Candidate(
            f"D{number}", 1, "A", 0.1, 100.0, items=[{**header, **draw_item(draw)} for _ in range(3)],
            features={"importer_hit_rate": [0.1, 0.2, 0.3]},
        )
        for number in range(1000)
    ]  # fmt: skip

    def work() -> Sequence[Sequence[JudgedValues]]:
        said = [judge.judge(one, DAY) for one in many]
        for one, verdicts in zip(many, said, strict=True):
            judge.with_wish(one, verdicts)
        return said

    said = work()
    seconds = measure(work)
    words = measure(
        lambda: [say_judged(one, given="red", lanes={}, language="fr") for verdicts in said for one in verdicts]
    )
    return {
        "rules": len(rules),
        "ms_a_declaration": 1000 * seconds / len(many),
        "ms_of_sentences_a_declaration": 1000 * words / len(many),
        "verdicts_a_declaration": sum(map(len, said)) / len(many),
    }


def measure_bulk(rules: list[Rule], items: int, draw: random.Random) -> dict[str, float]:
    sample = [draw_item(draw) for _ in range(10_000)]
    frame = pl.concat([pl.DataFrame(sample)] * (items // len(sample))).with_columns(
        declaration_position=(pl.int_range(pl.len()) // 3).cast(pl.UInt32)
    )
    conditions = [rule.condition for rule in rules]
    found = judge_many(frame, conditions, VOCABULARY, LISTS)
    cpu = measure(lambda: judge_many(frame, conditions, VOCABULARY, LISTS), times=3)
    begun = time.perf_counter()
    judge_many(frame, conditions[:1], VOCABULARY, LISTS)
    return {
        "items": frame.height, "rules": len(rules), "cpu_seconds": cpu,
        "one_rule_wall_seconds": time.perf_counter() - begun,
        "hits": int(sum((found[c] == 2).sum() for c in found.columns)),
    }  # fmt: skip


WORDS = (
    *[
        "quantity",
        "origin_country",
        "commodity_code",
        "net_mass_kg",
        "declared_at",
        "description",
        "is_oea",
        "'CN'",
        "'8517'",
        "5",
        "0.3",
        "2026",
        "kg",
    ],
    *[
        "%",
        "(",
        ")",
        ",",
        "and",
        "or",
        "not",
        "in",
        "<",
        "<=",
        "=",
        "!=",
        ">",
        "between",
        "is",
        "missing",
        "starts",
        "with",
        "contains",
        "on",
        "monday",
        "any",
        "item",
        "all",
        "items",
    ],
    *[
        "count",
        "items",
        "-",
        "*",
        "/",
        "+",
        "et",
        "ou",
        "non",
        "parmi",
        "commence",
        "par",
        "entre",
        "un",
        "article",
        "و",
        "أو",
        "ضمن",
        "بين",
        "--",
        "/*",
        ";",
        "select",
        "from",
        "drop",
    ],
    *[
        "read_csv('/etc/passwd')",
        "${x}",
        "{{7*7}}",
        "\\",
        "\x00",
        "'",
        '"',
        "«",
        "»",
        "::",
        "case",
        "when",
        "end",
        "null",
        "true",
        "lundi",
        "vrai",
    ],
    *["pays_d_origine", "بلد_المنشأ", "1e308", "'2026-01-01'", "exec(", "__import__"],
)


def fuzz(count: int, draw: random.Random) -> dict[str, object]:
    """Texts drawn of words, of characters, and of valid texts with a change."""
    taken, refused, slowest = 0, 0, 0.0
    valid = "commodity_code starts with '8517' and origin_country in ('CN', 'TR') and not (net_mass_kg < 2 t)"
    for _ in range(count):
        kind = draw.random()
        if kind < 0.5:
            text = " ".join(draw.choices(WORDS, k=draw.randint(1, 40)))
        elif kind < 0.75:
            text = "".join(
                chr(draw.choice((draw.randint(1, 126), draw.randint(128, 0x2FFF)))) for _ in range(draw.randint(1, 80))
            )
        else:
            cut = draw.randrange(len(valid))
            text = valid[:cut] + draw.choice(WORDS) * draw.randint(0, 3) + valid[cut + draw.randint(0, 5) :]
        begun = time.process_time()
        try:
            parse_condition(text, VOCABULARY)
            taken += 1
        except RuleError:
            refused += 1
        slowest = max(slowest, time.process_time() - begun)
    return {"texts": count, "taken": taken, "refused": refused, "slowest_cpu_seconds": slowest}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rules", type=int, default=1000)
    options.add_argument("--items", type=int, default=1_000_000)
    options.add_argument("--bulk-rules", type=int, default=20)
    options.add_argument("--texts", type=int, default=0)
    given = options.parse_args()
    draw = random.Random(17)  # noqa: S311 - drawn figures, no secret
    rules = [draw_rule(draw, number) for number in range(given.rules)]
    print(json.dumps({"one": measure_one(rules, draw)}))
    print(json.dumps({"step": measure_step(rules, draw)}))
    if given.items:
        print(json.dumps({"bulk": measure_bulk(rules[: given.bulk_rules], given.items, draw)}))
    if given.texts:
        print(json.dumps({"fuzz": fuzz(given.texts, draw)}))


if __name__ == "__main__":
    main()
