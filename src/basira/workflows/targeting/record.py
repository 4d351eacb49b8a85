"""The record: writing a run down, explaining a decision from it, making a run again.

Enters: a targeted day; a recorded run. Leaves: the record; whether the same comes out. Never here: an
update of what was recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from basira.decisions.records import Decision, TargetingRun
from basira.decisions.replay import Difference, ReplayReport, compare
from basira.explain.reasons import KINDS_RANKED
from basira.explain.words import conversion_of
from basira.models.risk.files import read_model
from basira.schema.codes import DEFAULT_CURRENCY
from basira.schema.days import day_of
from basira.schema.errors import NotFoundError, ReplayError
from basira.schema.records import Conversion
from basira.schema.rows import DecisionRow, RunRow
from basira.schema.text import fold_identifier
from basira.selection.policy.load import restore_policy
from basira.storage.database.connection import Database
from basira.storage.engine import fetch_frame, open_engine
from basira.storage.history.store import History, register
from basira.storage.model_store import Models
from basira.storage.record.chain import entry_hash, opening_hash
from basira.storage.record.runs import Operations
from basira.workflows.engine import EngineBounds, Progress, silent
from basira.workflows.rules.in_force import NO_RULES, RuleSet, read_rule_set, restore_rule_set, with_lists
from basira.workflows.stores import OPERATIONS as OPERATIONS
from basira.workflows.stores import operations_of as operations_of
from basira.workflows.targeting.target import Order, Targeted, target


def record(history: History, targeted: Targeted) -> None:
    """Append the run with all its decisions, in one transaction."""
    with Operations(operations_of(history)) as operations:
        operations.record_run(targeted.run.row(), (d.row() for d in targeted.decisions))


def rules_of(history: History, day: date, database: str = "") -> RuleSet:
    """The rules of analysts that are in force now, with their lists on a day. ``database``: URL of another operational
    database than the store's own, in which nothing may be recorded yet: then there are none. Raises StoreError."""
    if not database and not operations_of(history).exists():
        return NO_RULES
    with Database(database or operations_of(history), create=False) as opened, opened.read() as connection:
        return with_lists(connection, read_rule_set(connection), day)


def find_decisions(history: History, declaration_id: str) -> list[tuple[TargetingRun, Decision]]:
    """Every decision on a declaration, the latest run first; NotFoundError when there is none."""
    with Operations(operations_of(history), create=False) as operations:
        rows = operations.find_decisions(declaration_id) or operations.find_decisions(fold_identifier(declaration_id))
        if not rows:
            raise NotFoundError(
                "Expected a decision on declaration {declaration_id!r}, found none.",
                hint="Target its day first, or check the number.",
                declaration_id=declaration_id,
            )
        found = [(TargetingRun.from_row(operations.get_run(r["run_id"])), Decision.from_row(r)) for r in rows]
    return sorted(found, key=lambda pair: pair[0].sequence, reverse=True)


def replay(
    history: History,
    run_id: str,
    *,
    declaration_id: str | None = None,
    engine: EngineBounds | None = None,
    progress: Progress = silent,
) -> ReplayReport:
    """Make a recorded run again from its snapshot, model, policy and seed, and compare, bit for bit.

    The run's own hashes are made again too, so that what leaves no trace in a decision (a seed that draws
    the same, a time) is found when it was changed in the record.

    ``declaration_id``: compare only this declaration's decision (the whole day is still made again:
    lanes depend on the day's other declarations).
    """
    with Operations(operations_of(history), create=False) as operations:
        header, rows = operations.get_run(run_id), operations.decisions_of(run_id)
        run, recorded = TargetingRun.from_row(header), [Decision.from_row(row) for row in rows]
        rules = _rules_of_run(operations.database, run)
    model = read_model(Models(history.root).folder(run.model_version))
    again = target(
        history,
        Order(
            day=run.day,
            as_of=run.as_of.date(),
            seed=run.seed,
            office=run.options.get("office"),
            any_office=run.options.get("any_office", False),
            is_folded=run.options.get("is_folded", False),
            is_catalog_digested="inputs" not in run.options,
            evidence=run.options.get("evidence", KINDS_RANKED if run.options.get("verify") == "kinds" else 0),
            rules=rules,
        ),
        model=model,
        policy=restore_policy(run.policy_text),
        now=run.created_at,
        snapshot=history.verified_snapshot(run.snapshot),
        engine=engine,
        progress=progress,
    )
    if "digests" not in run.options:  # recorded by a version that named none
        options = {name: value for name, value in again.run.options.items() if name != "digests"}
        again = replace(again, run=replace(again.run, options=options))
    made = list(again.decisions)
    if declaration_id is not None:
        recorded = [d for d in recorded if d.declaration_id == declaration_id]
        made = [d for d in made if d.declaration_id == declaration_id]
        if not recorded:
            raise NotFoundError(
                "Expected a decision on {declaration_id!r} in run {run_id}, found none.",
                hint="Check the number, or leave --declaration out to replay the whole run.",
                declaration_id=declaration_id,
                run_id=run_id,
            )
    report = compare(recorded, made, recorded_run=run, replayed_run=again.run)
    return replace(report, differences=report.differences + _broken_links(header, rows))


def _rules_of_run(database: Database, run: TargetingRun) -> RuleSet:
    """The rules that a run recorded, with their lists as they were. Raises ReplayError when an entry was erased."""
    recorded = run.options.get("rules", {})
    with database.read() as connection:
        rules = restore_rule_set(recorded.get("in_force", ()))
        rules = with_lists(connection, rules, run.day, changes=recorded.get("lists", {}))
    # Runs of versions in which a rule's lane was the declaration's, whatever its rank, do not say that it is the least.
    rules = replace(rules, is_least=recorded.get("is_least", False))
    if rules.erased_entries:
        raise ReplayError(
            "Expected the lists that the rules of {run_id} read, found {erased_entries:,} entries erased.",
            hint="The record itself can still be proved: `basira audit verify`.",
            run_id=run.run_id,
            erased_entries=rules.erased_entries,
        )
    return rules


def _broken_links(header: RunRow, rows: Sequence[DecisionRow]) -> tuple[Difference, ...]:
    """Where the hashes of a run are not those of what it holds."""
    found = []
    if (made := opening_hash(header, header["previous_hash"])) != header["opening_hash"]:
        found.append(Difference(None, "opening_hash", header["opening_hash"], made))
    chained = header["opening_hash"]
    for row in rows:
        if (made := entry_hash(row, chained)) != row["entry_hash"]:
            found.append(Difference(row["declaration_id"], "entry_hash", row["entry_hash"], made))
        chained = row["entry_hash"]
    if chained != header["closing_hash"]:
        found.append(Difference(None, "closing_hash", header["closing_hash"], chained))
    return tuple(found)


def amounts_of(
    history: History, run: TargetingRun, declaration_id: str, version: int
) -> tuple[str, dict[int, Conversion]]:
    """The currency of a declaration's values, and by item number how they were converted to it, where they were; from
    the snapshot its run used."""
    snapshot = history.snapshot(run.snapshot)
    with open_engine(reads=snapshot.all_files()) as con:
        register(con, snapshot, first_day=day_of(run.day), last_day=day_of(run.day))
        rows = fetch_frame(
            con,
            "select item_number, value_currency, declared_value_amount, declared_currency, conversion_rate,"
            " conversion_rate_on from items where declaration_id = $id and declaration_version = $version"
            " order by item_number",
            {"id": declaration_id, "version": version},
        ).to_dicts()
    made = {int(row["item_number"]): conversion_of(row) for row in rows}
    currency = next((str(row["value_currency"]) for row in rows if row["value_currency"]), DEFAULT_CURRENCY)
    return currency, {number: one for number, one in made.items() if one is not None}
