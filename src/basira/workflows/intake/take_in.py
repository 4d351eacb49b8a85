"""Taking one source in: read, parse, resolve, write, commit. Shared by ingest, feedback and retry.

Enters: a source, a mapping, a draft of the store. Leaves: a report in which every row is accounted for.
Never here: a commit when nothing is new.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from basira.engines.engine import Engine
from basira.feedback.overwritten import DECLARED_COLUMNS, Overwritten, find_overwritten
from basira.feedback.resolve import EXPECTED as RESULT_EXPECTED
from basira.feedback.resolve import resolve_outcomes
from basira.ingest.mapping.model import Mapping
from basira.ingest.rates import Rates, RateTable
from basira.ingest.readers.source import SourceBatch, source_of
from basira.ingest.rows.account import LineAccount
from basira.ingest.rows.faults import Refusal
from basira.ingest.rows.parse import refuse_rows
from basira.ingest.rows.resolve import EXPECTED as ITEM_EXPECTED
from basira.ingest.rows.resolve import FIELD as ITEM_FIELD
from basira.ingest.rows.resolve import currencies_of, resolve_items
from basira.ingest.rows.shape import items_schema, shape_quarantine
from basira.schema.codes import DEFAULT_CURRENCY
from basira.schema.errors import NOTHING, MappingError, Phrase, join_phrases
from basira.schema.fields import EXTRA_PREFIX
from basira.schema.names import MOST_OF_A_STORE
from basira.schema.tables import ITEMS, OUTCOMES, QUARANTINE
from basira.storage.history.draft import Draft
from basira.storage.history.manifest import DataFile, SourceEntry
from basira.storage.history.store import History, Snapshot, own_names
from basira.storage.history.views import create_view, files_near, one_currency
from basira.workflows.intake.comparison import Comparison
from basira.workflows.intake.novelty import Novelty
from basira.workflows.intake.parsing import TakenBatch, parse_rows

# From this many rows on, a file of which not one row can be taken is a wrong mapping, not bad data.
WRONG_MAPPING_ROWS = 20
# From this share of its rows on, a file's dates are written in both orders, and those that fit both mean nothing.
SWAPPED_SHARE = 0.01
_SWAPPED = re.compile(
    r"\s*(?:(?:1[3-9]|2\d|3[01])[/.-]0?(?:[1-9]|1[0-2])|0?(?:[1-9]|1[0-2])[/.-](?:1[3-9]|2\d|3[01]))[/.-]\d"
)
_DECLARED = ", ".join(DECLARED_COLUMNS)


@dataclass(frozen=True)
class Progress:
    """How far a file is read. ``bytes_total`` 0: unknown."""

    file_name: str
    bytes_read: int
    bytes_total: int
    rows: int
    stage: Literal["reading", "comparing", "writing"] = "reading"


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True)
class FileReport:
    """What became of the rows of one file: ``rows`` = ``accepted`` + ``already_known`` + ``quarantined``.

    ``lines``: of the whole file, counted apart from what cuts them into rows: ``rows`` + ``not_data``; None where its
    kind has no such count. ``not_data_kinds``: lines that are no rows of the table, by kind (title, header, total,
    note, blank, continued).
    ``amended``: accepted rows that make a later version of a declaration. ``results``: new inspection
    results among them. ``reasons``: first reason of each quarantined row. ``snapshot``: the commit that
    holds the file, None when nothing changed. ``note``: a sentence for the person, or an empty phrase.
    ``warnings``: sentences on
    what the file makes doubtful although its rows can be taken.
    """

    file_name: str
    digest: str
    rows: int
    accepted: int
    already_known: int
    quarantined: int
    amended: int = 0
    results: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    snapshot: int | None = None
    note: Phrase = NOTHING
    lines: int | None = None
    not_data: int = 0
    not_data_kinds: dict[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Intake:
    """One source to take in.

    ``mapping``: as the person wrote it. ``reading``: as it applies to this source (numbered items, absent
    columns left out). ``rows_replaced``: None when it is a whole file, else the rows sent again.
    ``is_recorded``: it is the service's record, taken once already: no mapping of it is wrong. ``rates``: by which
    amounts of other currencies are converted.
    """

    file_name: str
    digest: str
    mapping: Mapping
    reading: Mapping
    batches: Callable[[], Iterator[SourceBatch]]
    bytes_total: int
    received_at: datetime
    action: Literal["ingest", "feedback", "retry"]
    rows_replaced: frozenset[int] | None = None
    is_simulated: bool = False
    is_recorded: bool = False
    rates: Rates | None = None
    note: str = ""
    parsed: Sequence[tuple[SourceBatch, TakenBatch]] | None = None
    stored_mapping: tuple[str, str] | None = None

    @property
    def source(self) -> str:
        """The short digest written on every row."""
        return source_of(self.digest)

    def parsed_batches(self) -> Iterator[tuple[SourceBatch, TakenBatch]]:
        """The batches, and what can be taken of each."""
        if self.parsed is not None:
            yield from self.parsed
            return
        for batch in self.batches():
            yield (
                batch,
                parse_rows(batch, self.reading, self.rates, source=self.source, received_at=self.received_at),
            )

    @property
    def table(self) -> str:
        return "items" if self.mapping.has_items else "outcomes"


@dataclass(frozen=True)
class _Staged:
    items: tuple[DataFile, ...]
    outcomes: tuple[DataFile, ...]
    rows: int
    account: LineAccount
    novelty: Novelty


class _Refusals:
    """Refused rows on their way to the quarantine table: written as they come, counted by reason."""

    def __init__(self, draft: Draft, intake: Intake) -> None:
        self._writer = draft.writer("quarantine", QUARANTINE, tag="q")
        self._intake = intake
        self.rows = 0
        self.reasons: Counter[str] = Counter()
        self.first: dict[str, Refusal] = {}
        self.swapped: list[Refusal] = []  # dates that only the other order of day and month can read

    def add(self, refusals: tuple[Refusal, ...] | list[Refusal]) -> None:
        if not refusals:
            return
        self.rows += len(refusals)
        for refusal in refusals:
            self.reasons[refusal.code] += 1
            self.first.setdefault(refusal.code, refusal)
            if refusal.code == "bad_date" and _SWAPPED.match(refusal.value or ""):
                self.swapped.append(refusal)
        intake = self._intake
        self._writer.write(
            shape_quarantine(
                refusals, intake.table, file_name=intake.file_name, source=intake.source, received_at=intake.received_at
            )
        )

    def close(self) -> tuple[DataFile, ...]:
        return self._writer.close()


def take_in(
    history: History,
    draft: Draft,
    intake: Intake,
    on_progress: OnProgress | None,
    comparison: Comparison | None = None,
) -> FileReport:
    """Take one source in, and commit. ``comparison``: that of a call of several sources; one of its own by default.

    Raises MappingError when not one row of a longer file fits, when its dates are written in two orders, or when the
    store would have more fields of sources' own than it may.
    """
    base = Snapshot(draft.base.number, history.root, draft.base.tables)
    _require_room(base, intake)
    refusals = _Refusals(draft, intake)
    staged = _stage(draft, intake, refusals, on_progress)
    is_judged = intake.action != "retry" and not intake.is_recorded
    if staged.rows >= WRONG_MAPPING_ROWS and refusals.rows == staged.rows and is_judged:
        raise _nothing_fits(intake, refusals, staged.rows)
    if is_judged and len(refusals.swapped) >= max(2, SWAPPED_SHARE * staged.rows):
        raise _other_order(intake, refusals.swapped, staged.rows)
    _tell(on_progress, intake, staged.rows, "comparing")
    items, outcomes = staged.items, staged.outcomes
    overwritten: tuple[Overwritten, ...] = ()
    if staged.novelty.holds(base, [history.root / entry.path for entry in (*items, *outcomes)]):
        amended = staged.novelty.amended if intake.reading.gives_version else 0
        outcome = _Resolved({}, 0, amended, False, False)
        _tell(on_progress, intake, staged.rows, "writing")
    else:
        with (
            nullcontext(comparison) if comparison else Comparison() as compared,
            compared.open_session(draft) as con,
        ):
            outcome = _resolve(con, history, base, staged, intake)
            overwritten = _find_overwritten(con, intake.reading)
            _refuse_resolved(outcome.refused, intake, refusals)
            _tell(on_progress, intake, staged.rows, "writing")
            items = _keep(con, draft, "items", items_schema(intake.reading), items, outcome.items_changed)
            outcomes = _keep(con, draft, "outcomes", OUTCOMES, outcomes, outcome.outcomes_changed)
    quarantined = refusals.close()
    accepted = staged.rows - refusals.rows - outcome.known
    report = FileReport(
        intake.file_name,
        intake.digest,
        staged.rows,
        accepted,
        outcome.known,
        refusals.rows,
        outcome.amended,
        sum(entry.rows for entry in outcomes),
        dict(sorted(refusals.reasons.items())),
        note=Phrase("{words}", words=intake.note) if intake.note else NOTHING,
        lines=staged.account.lines,
        not_data=staged.account.not_data,
        not_data_kinds=dict(sorted(staged.account.kinds.items())),
        warnings=tuple(entry.sentence for entry in overwritten),
    )
    if accepted == 0 and _same_quarantine(history, draft, intake, refusals.rows):
        return replace(report, note=Phrase("Nothing new: the store is unchanged."))
    draft.add("items", items)
    draft.add("outcomes", outcomes)
    _replace_quarantine(history, draft, intake)
    draft.add("quarantine", quarantined)
    kept_mapping = intake.stored_mapping or intake.mapping.stored_form()
    kept_rates = [(intake.rates.digest, intake.rates.text)] if isinstance(intake.rates, RateTable) else []
    manifest = draft.commit([_entry(report, intake, kept_mapping[0])], mappings=[kept_mapping], rates=kept_rates)
    return replace(report, snapshot=manifest.number)


def _require_room(base: Snapshot, intake: Intake) -> None:
    """Raise MappingError when the mapping's own fields would make more of them than a store may have."""
    if not intake.reading.has_items or not intake.reading.extra:
        return
    known = own_names(base)
    new = [name for name in (EXTRA_PREFIX + name for name in intake.reading.extra) if name not in known]
    if new and len(known) + len(new) > MOST_OF_A_STORE:
        raise MappingError(
            "Expected at most {most_of_a_store} fields of sources' own in a store, found {known_count} and "
            "{new_count} new ones in the mapping {mapping!r}: {new}. Nothing was stored.",
            hint="Take some out of [extra], or give them names that the store has already.",
            most_of_a_store=MOST_OF_A_STORE,
            known_count=len(known),
            new_count=len(new),
            mapping=intake.mapping.name,
            new=", ".join(new[:5]),
        )


def _tell(on_progress: OnProgress | None, intake: Intake, rows: int, stage: Literal["comparing", "writing"]) -> None:
    if on_progress:
        on_progress(Progress(intake.file_name, intake.bytes_total, intake.bytes_total, rows, stage))


def _stage(draft: Draft, intake: Intake, refusals: _Refusals, on_progress: OnProgress | None) -> _Staged:
    """Parse every batch; write what can be taken as if it were all new."""
    mapping = intake.reading
    items = draft.writer("items", items_schema(mapping), tag="a")
    outcomes = draft.writer("outcomes", OUTCOMES, tag="a")
    rows, account, novelty = 0, LineAccount(intake.file_name), Novelty()
    for batch, taken in intake.parsed_batches():
        account.add(batch, taken.rows)
        refusals.add(taken.refusals)
        if taken.results is not None:
            outcomes.write(taken.results)
        if taken.items is not None:
            items.write(taken.items)
        novelty.add(taken.items, taken.results)
        rows += taken.rows
        if on_progress:
            on_progress(Progress(intake.file_name, batch.bytes_read, intake.bytes_total, rows))
    account.check()
    return _Staged(items.close(), outcomes.close(), rows, account, novelty)


@dataclass(frozen=True)
class _Resolved:
    """``refused``: row to (field, code, value, expected). ``..._changed``: the table must be written again."""

    refused: dict[int, tuple[str | None, str, str | None, str]]
    known: int
    amended: int
    items_changed: bool
    outcomes_changed: bool


def _resolve(con: Engine, history: History, base: Snapshot, staged: _Staged, intake: Intake) -> _Resolved:
    """Verdicts over both tables; leaves `item_fate` and `outcome_fate` (row, verdict, version) on ``con``."""
    new_items = [history.root / f.path for f in staged.items]
    new_outcomes = [history.root / f.path for f in staged.outcomes]
    new = [*new_items, *new_outcomes]
    # Of a store of many files, most hold none of these declarations: each query would open them all.
    create_view(con, "items", ITEMS, files_near(base.files("items"), new))
    create_view(con, "outcomes", OUTCOMES, files_near(base.files("outcomes"), new))
    create_view(con, "staged_items", items_schema(intake.reading), new_items)
    create_view(con, "staged_outcomes", OUTCOMES, new_outcomes)
    item_count = resolve_items(
        con,
        gives_version=intake.reading.gives_version,
        currencies=_currencies(con, new_items),
        known_currencies=_currencies(con, base.files("items")),
    )
    outcome_count = resolve_outcomes(con, check_declarations=not intake.mapping.has_items)
    if item_count == 0 and outcome_count == 0:
        later = "SELECT count(*) FROM staged_items WHERE declaration_version > 1"
        [(amended,)] = con.fetch_rows(later) if intake.reading.gives_version else [(0,)]
        return _Resolved({}, 0, int(amended), False, False)
    refused: dict[int, tuple[str | None, str, str | None, str]] = {}
    for row, code, value in con.fetch_rows(
        "SELECT source_row, verdict, value FROM item_verdicts WHERE verdict NOT IN ('known', 'new_version')"
    ):
        refused[row] = (ITEM_FIELD.get(code, "declaration_id"), code, value, ITEM_EXPECTED[code])
    for row, code, value in con.fetch_rows(
        "SELECT source_row, verdict, value FROM outcome_verdicts WHERE verdict <> 'known'"
    ):
        refused.setdefault(row, (RESULT_EXPECTED[code][0], code, value, RESULT_EXPECTED[code][1]))
    # A row is one statement: when its result is refused its declaration is, and the other way round.
    con.execute("CREATE TEMP TABLE refused AS SELECT unnest($rows::BIGINT[]) AS source_row", {"rows": sorted(refused)})
    [counts] = con.fetch_rows(
        """
        CREATE TEMP TABLE item_gone AS
            FROM refused UNION SELECT source_row FROM item_verdicts WHERE verdict = 'known';
        CREATE TEMP TABLE outcome_gone AS
            FROM refused UNION SELECT source_row FROM outcome_verdicts WHERE verdict = 'known';
        CREATE TEMP TABLE staying AS
            SELECT source_row FROM staged_items ANTI JOIN item_gone USING (source_row)
            UNION SELECT source_row FROM staged_outcomes ANTI JOIN outcome_gone USING (source_row);
        SELECT (SELECT count(*) FROM
                (SELECT source_row FROM staged_items UNION SELECT source_row FROM staged_outcomes)),
               (SELECT count(*) FROM staying),
               (SELECT count(*) FROM item_verdicts ANTI JOIN refused USING (source_row)
                WHERE verdict = 'new_version' AND version > 1)
               -- Of a source that numbers its versions there is no such verdict.
               + (SELECT count(*) FROM staged_items ANTI JOIN item_gone USING (source_row)
                  ANTI JOIN item_verdicts USING (source_row) WHERE $gives_version AND declaration_version > 1)
        """,
        {"gives_version": intake.reading.gives_version},
    )
    total, staying, amended = (int(count) for count in counts)
    known = total - len(refused) - staying
    return _Resolved(refused, known, amended, item_count > 0 or bool(refused), outcome_count > 0 or bool(refused))


def _currencies(con: Engine, files: Sequence[Path]) -> list[str]:
    """The currencies of the values in files of items. Most files say theirs without being read."""
    said, others = one_currency(files)
    found = {currency or DEFAULT_CURRENCY for currency in said}
    if others:
        create_view(con, "other_items", ITEMS, others)
        found.update(currencies_of(con, "other_items"))
    return sorted(found)


def _find_overwritten(con: Engine, mapping: Mapping) -> tuple[Overwritten, ...]:
    """What this source's results say of the declarations that it holds, or failing that of the store's.

    By row where a row holds both: the numbers of 300,000 declarations took a tenth of the whole intake to compare.
    """
    if not any(name.startswith("found_") for name in mapping.outcome):
        return ()
    con.execute("create or replace temp view judged_outcomes as from staged_outcomes where is_irregular")
    own = "from staged_items semi join judged_outcomes using (source_row)"
    stored = "from items semi join judged_outcomes using (declaration_id)"
    con.execute(
        f"create or replace temp view judged_items as select {_DECLARED} {own if mapping.has_items else stored}"
    )
    return find_overwritten(con)


def _refuse_resolved(
    refused: dict[int, tuple[str | None, str, str | None, str]], intake: Intake, refusals: _Refusals
) -> None:
    """Refuse these rows, with their text: that takes a second reading of the source."""
    left = len(refused)
    if left:
        for batch in intake.batches():
            found = refuse_rows(batch, refused)
            refusals.add(found)
            left -= len(found)
            if left == 0:
                break


def _keep(
    con: Engine,
    draft: Draft,
    table: Literal["items", "outcomes"],
    schema: pa.Schema,
    staged: tuple[DataFile, ...],
    changed: bool,
) -> tuple[DataFile, ...]:
    """The files of a table that the commit adds: the staged ones, or new ones without the rows that go."""
    if not changed or not staged:
        return staged
    if table == "items":
        query = """
            SELECT s.* REPLACE (coalesce(v.version, s.declaration_version) AS declaration_version)
            FROM staged_items s LEFT JOIN (FROM item_verdicts WHERE verdict = 'new_version') v USING (source_row)
            ANTI JOIN item_gone USING (source_row)"""
    else:
        query = "SELECT * FROM staged_outcomes ANTI JOIN outcome_gone USING (source_row)"
    writer = draft.writer(table, schema, tag="b")
    for batch in con.fetch_batches(query, rows=50_000):
        columns = [batch.column(name).cast(schema.field(name).type) for name in schema.names]
        writer.write(pa.RecordBatch.from_arrays(columns, schema=schema))
    return writer.close()


def _old_quarantine(history: History, draft: Draft, intake: Intake) -> Iterator[tuple[DataFile, pa.Table, pa.Table]]:
    """Files of the quarantine that hold rows of this source, each split in (what stays, what this replaces)."""
    if all(entry.digest != intake.digest for entry in draft.base.sources):
        return  # it has none: each file that is taken in would read the whole quarantine
    for entry in draft.base.tables["quarantine"]:
        path = history.root / entry.path
        ours = pq.read_table(path, columns=["source"]).column("source").to_pylist()
        if intake.source not in ours:
            continue
        table = pq.read_table(path, schema=QUARANTINE)
        wanted = intake.rows_replaced
        replaced = [
            source == intake.source and (wanted is None or row in wanted)
            for source, row in zip(ours, table.column("source_row").to_pylist(), strict=True)
        ]
        mask = pa.array(replaced)
        if any(replaced):
            yield entry, table.filter(pc.invert(mask)), table.filter(mask)


def _same_quarantine(history: History, draft: Draft, intake: Intake, rows: int) -> bool:
    """As many rows of this source are in quarantine as before: reading it again changed nothing."""
    return sum(len(replaced) for _, _, replaced in _old_quarantine(history, draft, intake)) == rows


def _replace_quarantine(history: History, draft: Draft, intake: Intake) -> None:
    """Take this source's earlier refusals out of the quarantine: its rows have been judged anew."""
    writer = draft.writer("quarantine", QUARANTINE, tag="kept")
    for entry, kept, _ in _old_quarantine(history, draft, intake):
        draft.drop("quarantine", [entry])
        for batch in kept.to_batches():
            writer.write(batch)
    draft.add("quarantine", writer.close())


def _entry(report: FileReport, intake: Intake, mapping_digest: str) -> SourceEntry:
    return SourceEntry(
        digest=intake.digest,
        file_name=intake.file_name,
        mapping_digest=mapping_digest,
        mapping_name=intake.mapping.name,
        action=intake.action,
        received_at=intake.received_at.isoformat(sep=" "),
        rows=report.rows,
        accepted=report.accepted,
        already_known=report.already_known,
        quarantined=report.quarantined,
        is_simulated=intake.is_simulated,
        rates_digest=_digest_of(intake.rates),
    )


def _digest_of(rates: Rates | None) -> str:
    return rates.digest if isinstance(rates, RateTable) else ""


def _nothing_fits(intake: Intake, refusals: _Refusals, rows: int) -> MappingError:
    reasons = []
    for code, count in refusals.reasons.most_common(4):
        first = refusals.first[code]
        expected = first.expected.split("; also")[0]
        reasons.append(
            Phrase(
                "{count:,} {reason} in {field} (first: {value!r}, expected {expected})",
                count=count,
                reason=code,
                field=first.field or Phrase("the row"),
                value=first.value,
                expected=expected,
            )
        )
    return MappingError(
        "Not one of the {rows:,} rows of {file} can be taken with the mapping {mapping!r}: {reasons}. Nothing was "
        "stored.",
        hint="Correct the mapping; 'basira mapping check FILE --mapping M.toml' tries it without storing anything.",
        rows=rows,
        file=intake.file_name,
        mapping=intake.mapping.name,
        reasons=join_phrases(reasons, ", "),
    )


def _other_order(intake: Intake, swapped: Sequence[Refusal], rows: int) -> MappingError:
    first = swapped[0]
    return MappingError(
        "Expected the dates of {file} in one order of day and month, found {swapped_count:,} of {rows:,} rows "
        "that only the other order can read (row {row:,}: {value!r} in {field}). Dates that fit both orders would "
        "be taken wrong. Nothing of it was stored.",
        hint="Give this file a mapping of its own ('basira mapping suggest FILE'), or correct its dates at the source.",
        file=intake.file_name,
        swapped_count=len(swapped),
        rows=rows,
        row=first.row,
        value=first.value,
        field=first.field,
    )


def source_known(draft: Draft, digest: str, mapping_digest: str, rates: Rates | None) -> SourceEntry | None:
    """The earlier intake of this very file by this very mapping and these very rates, if there was one."""
    wanted = (digest, mapping_digest, _digest_of(rates))
    for entry in reversed(draft.base.sources):
        if (entry.digest, entry.mapping_digest, entry.rates_digest) == wanted and entry.action != "retry":
            return entry
    return None
