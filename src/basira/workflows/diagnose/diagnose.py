"""The diagnostic of a store's period.

Enters: a history, two days, which fields hold lane, basis and rules. Leaves: a `Diagnosis`. Never here: a threshold, a
sentence.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from basira.diagnose.data.completeness import filled_shares
from basira.diagnose.data.part import DataFacts, judge_data
from basira.diagnose.findings import Diagnosis, Part, Scope, Unjudged
from basira.diagnose.maturity import judge_maturity
from basira.diagnose.plan import judge_plan
from basira.diagnose.possible import judge_possible
from basira.diagnose.start import features_text, mapping_text, policy_text
from basira.diagnose.targeting.part import judge_targeting
from basira.diagnose.targeting.prepare import prepare_declarations
from basira.diagnose.unknowns import judge_unknowns
from basira.engines.engine import Engine
from basira.models.risk.settings import FitSettings
from basira.schema.days import day_of
from basira.schema.errors import ModelError, UsageError
from basira.storage.engine import fetch_value, open_engine
from basira.storage.history.store import History, register
from basira.workflows.diagnose.possible import hide_selection, parts_of, rank_later
from basira.workflows.diagnose.read import prepare, read_data_facts, read_declarations
from basira.workflows.diagnose.roles import Roles, choose_roles
from basira.workflows.engine import EngineBounds, Progress, silent

STEPS = 4


@dataclass(frozen=True)
class Question:
    """What is to be diagnosed: the declarations of ``first`` to ``last``. ``named`` and ``random_words``: see
    `choose_roles`. ``store``: its name in the commands that repeat a figure. ``seed``: of samples, redraws, models.
    ``has_model``: with part C, whose models take most of the time; ``settings``: of their fits."""

    first: date
    last: date
    named: Sequence[str] = ()
    random_words: Sequence[str] = ()
    store: str = ""
    seed: int = 1
    has_model: bool = True
    settings: FitSettings | None = None

    @property
    def command(self) -> str:
        """The command that repeats the diagnosis, without where it is written."""
        words = ["basira", "diagnose", *(["--store", self.store] if self.store else [])]
        words += ["--from", self.first.isoformat(), "--to", self.last.isoformat()]
        for name in self.named:
            words += ["--field", name]
        for word in self.random_words:
            words += ["--random", word]
        words += [] if self.has_model else ["--no-model"]
        return shlex.join(words)


def diagnose(
    history: History, question: Question, *, engine: EngineBounds | None = None, progress: Progress = silent
) -> Diagnosis:
    """Diagnose a period of a store.

    Raises UsageError when nothing was declared then or a named field is absent; StoreError.
    """
    engine = engine or EngineBounds()
    snapshot = history.verified_snapshot()
    with open_engine(reads=snapshot.all_files(), memory=engine.memory, threads=engine.threads) as con:
        register(con, snapshot)
        return diagnose_tables(con, question, is_simulated=snapshot.is_simulated, progress=progress)


def diagnose_tables(
    con: Engine, question: Question, *, is_simulated: bool = False, progress: Progress = silent
) -> Diagnosis:
    """Diagnose what the views `items`, `outcomes` and `quarantine` of an engine hold. Raises UsageError."""
    progress(0, STEPS, "reading")
    roles = choose_roles(con.columns("items"), named=question.named, random_words=question.random_words)
    items = prepare(con, first_day=day_of(question.first), last_day=day_of(question.last))
    if items == 0:
        raise UsageError(
            "Expected declarations from {first} to {last}, found none in this store.",
            hint="Choose other days, or ingest the declarations first.",
            first=question.first,
            last=question.last,
        )
    progress(1, STEPS, "data")
    facts = read_data_facts(con, last_day=day_of(question.last))
    parts: list[Part] = [judge_data(facts)]
    progress(2, STEPS, "targeting")
    declared = read_declarations(con, roles)
    parts.append(judge_targeting(declared, random_words=roles.random_words, seed=question.seed))
    is_sound = all(one.code != "random_not_random" for one in parts[-1].findings)
    ready = prepare_declarations(declared, roles.random_words)
    if question.has_model:
        parts.append(_possible(con, question, roles, ready, is_sound=is_sound, progress=progress))
    parts.append(judge_unknowns(ready, is_random_sound=is_sound))
    findings = [one for part in parts for one in part.findings]
    unjudged = [one for part in parts for one in part.unjudged]
    parts.append(judge_plan(findings, unjudged, judge_maturity(parts)))
    progress(STEPS, STEPS, "done")
    return Diagnosis(_scope(con, question, items, is_simulated), tuple(parts), _starting(facts, ready, question))


def _starting(facts: DataFacts, ready: pl.DataFrame, question: Question) -> tuple[tuple[str, str], ...]:
    filled = filled_shares(facts.counts)
    policy = policy_text(ready, valid_from=(question.last + timedelta(days=1)).isoformat())
    files = [("mapping.toml", mapping_text(filled)), ("features.txt", features_text(filled))]
    return (*([] if policy is None else [("policy/policy.toml", policy)]), *files)


def _possible(
    con: Engine, question: Question, roles: Roles, ready: pl.DataFrame, *, is_sound: bool, progress: Progress
) -> Part:
    """Part C; what it needs, where the results known by then do not suffice for a model."""
    hide_selection(con, roles)
    progress(3, STEPS, "what was possible")
    try:
        ranked = rank_later(
            con, parts_of(question.first, question.last), seed=question.seed, settings=question.settings
        )
    except ModelError:
        return Part("possible", unjudged=(Unjudged("possible", ("is_irregular",)),))
    columns = ("declaration_id", "office", "day", "is_known", "is_irregular", "revenue", "is_random")
    # Of equal ranks the earlier row is chosen, and the redraws go by row: the order must be that of the rows.
    later = ranked.join(ready.select(columns), on="declaration_id", maintain_order="left").sort("day", "declaration_id")
    return judge_possible(later, is_random_sound=is_sound, seed=question.seed)


def _scope(con: Engine, question: Question, items: int, is_simulated: bool) -> Scope:
    [(declarations, offices, currency)] = con.fetch_rows(
        "select count(distinct declaration_id), count(distinct office), mode(value_currency) from diagnosed_item"
    )
    return Scope(
        first=question.first,
        last=question.last,
        declarations=int(declarations),
        items=items,
        results=int(fetch_value(con, "select count(distinct declaration_id) from latest_result")),
        offices=int(offices),
        currency=str(currency or ""),
        is_simulated=is_simulated,
        command=question.command,
    )
