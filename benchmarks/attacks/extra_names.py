"""Names of fields of the sender's own that are SQL, through every door: none reaches a statement but as a name.

    python benchmarks/attacks/extra_names.py [--names 20000] [--seed 1]

Prints a line for each door: names tried, how many were let in (they must be of the rule), what became of the others;
then whether a file appeared that a name asked for. Ends with 1 when anything went through. 20,000 names take about half
a minute, in a folder that is removed.

The doors: a message to the service, a mapping, a mapping that a store keeps, the headers of CSV, XLSX, Parquet, JSON
lines and XML with the mapping that is suggested for them, declarations that an earlier version recorded and that the
night takes in, columns that an earlier version wrote into the store, columns that a file of profiles names. The last
two lines are the two defences apart: each name quoted comes back from DuckDB as it was, and where nothing quotes it,
the locked engine reaches no file.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import duckdb
import polars as pl
import xlsxwriter

from basira.engines.duckdb import open_duckdb
from basira.features.batch.compute import compute_features
from basira.features.online.build import find_extras
from basira.features.online.plan import plans
from basira.ingest.mapping.model import load_mapping, parse_mapping
from basira.ingest.readers.source import open_source
from basira.ingest.suggest.propose import suggest_mapping
from basira.schema.errors import BasiraError
from basira.schema.names import MOST_OF_A_SOURCE, is_kept_name, is_own_name
from basira.schema.shipped import shipped
from basira.schema.sql import quote_identifier
from basira.serving.decide.batch import decide_batch
from basira.serving.decide.idempotency import Asked
from basira.serving.decide.result import Ask, Decided
from basira.serving.message import Declaration, Rejected, read_declaration
from basira.serving.service import Service
from basira.serving.sync import sync_history
from basira.storage.database.connection import Database
from basira.storage.engine import open_engine
from basira.storage.history.store import History, own_names, register
from basira.workflows.intake.ingest import ingest_files
from basira.workflows.profiles import read_profiles

NOW = datetime(2026, 3, 2, 9)
ITEM = {"commodity_code": "8517130000", "origin_country": "CN", "net_mass_kg": 96.0, "customs_value_amount": 310000.0}
BODY: dict[str, Any] = {"declaration_id": "SIM-1", "declared_at": "2026-03-02T08:00:00", "office": "A", "items": [ITEM]}
MAPPING = '[fields]\ndeclaration_id = "id"\ndeclared_at = "date"\ncommodity_code = "code"\n\n[extra]\n'
COLUMNS = ("declaration_id", "declared_at", "commodity_code")
MAPPING_OF_COLUMNS = parse_mapping("[fields]\n" + "".join(f'{name} = "{name}"\n' for name in COLUMNS), name="m")
# `{file}`: where a name writes when it is run.
PAYLOADS = (
    "\";COPY(SELECT 1)TO'{file}';--", "';COPY(SELECT 1)TO'{file}';--", "a);copy (select 1) to '{file}';--",
    "a;attach '{file}'", "a, (select 1) as b", "a\" , \"b", "a''b", "a\"\"b", "a/**/b", "a--", "a\\\"", "a`b", "a]b",
    "${{a}}", "a$$b$$", "lot-number", "Lot", "LOT", "lot number", "é", "\u202elot", "lot\u200b", "", "1", "select",
    "a" * 49, "a" * 100, "\u0661", "\uff1b", "a\nb", "a\tb", "%s", "{{}}", "?", "$1", ":a", "@a", "#a", "a.b",
    "a::integer", "U&\"a\"",
)  # fmt: skip
ODD = "\"';-/*$`\\()[]{}%?:@#.,=<>|&!~^ \t\néÉ\u202e\u200b\uff02\uff07\u0661aZ09_"


def hostile_names(count: int, *, seed: int, file: Path) -> list[str]:
    """Different names that begin with `x_`; a few of them are of the rule."""
    rng = random.Random(seed)  # noqa: S311 - names to try, the same each time
    names = dict.fromkeys("x_" + payload.replace("{file}", str(file)) for payload in PAYLOADS)
    while len(names) < count:
        payload = rng.choice(PAYLOADS).replace("{file}", str(file))
        at = rng.randrange(len(payload) + 1)
        odd = "".join(rng.choice(ODD) for _ in range(rng.randrange(1, 6)))
        names["x_" + payload[:at] + odd + payload[at:]] = None
    return list(names)[:count]


def groups(names: Sequence[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(names), size):
        yield list(names[start : start + size])


def distinct(names: Sequence[str]) -> list[str]:
    """Those that an engine which ignores case takes for different columns."""
    return list({name.lower(): name for name in names}.values())


class Report:
    """What went through, door by door."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.is_whole = True

    def say(self, door: str, tried: int, taken: Sequence[str], words: str = "", *, kept: bool = False) -> None:
        """``taken``: names that became columns."""
        bad = [name for name in taken if not (is_kept_name(name) if kept else is_own_name(name))]
        found = self._file.exists()
        self.is_whole = self.is_whole and not bad and not found
        told = f"; NOT OF THE RULE: {bad[:3]}" if bad else ""
        print(
            f"{door:<44}{tried:>9,} names, {len(taken):>6,} taken{told}{words}{'; A FILE APPEARED' if found else ''}",
            flush=True,
        )


def by_message(names: Sequence[str], report: Report) -> None:
    taken: list[str] = []
    for name in names:
        read = read_declaration({**BODY, "items": [{**ITEM, name: "L1"}]}, received_at=NOW)
        if isinstance(read, Declaration):
            taken += [column for column in read.rows[0] if column.startswith("x_")]
        elif read.faults[0].code != "bad_name":
            report.is_whole = False
    report.say("a message", len(names), taken)


def by_mapping(names: Sequence[str], report: Report, *, is_kept: bool) -> None:
    taken: list[str] = []
    for name in names:
        text = MAPPING + json.dumps(name.removeprefix("x_")) + ' = "code"\n'
        try:
            taken += [f"x_{own}" for own in parse_mapping(text, name="m", is_kept=is_kept).extra]
        except BasiraError:
            continue
    report.say("a mapping that a store keeps" if is_kept else "a mapping", len(names), taken, kept=is_kept)


def by_files(names: Sequence[str], report: Report, folder: Path) -> None:
    for kind in ("csv", "xlsx", "parquet", "jsonl", "xml"):
        taken: set[str] = set()
        tried = 0
        for n, some in enumerate(groups(names[:240], 30)):
            store = History.create(folder / f"{kind}-{n}")
            path = folder / f"{n}.{kind}"
            write_file(path, some)
            tried += len(some)
            suggestion = suggest_mapping(path)
            taken |= {f"x_{name}" for name in suggestion.extra}
            if kind == "xml":  # no declaration that a mapping could read
                continue
            source = open_source(path, MAPPING_OF_COLUMNS.source)
            columns = [column for column in source.columns if column not in COLUMNS]
            extra = {f"own{n}": column for n, column in enumerate(columns[:MOST_OF_A_SOURCE])}
            ingest_files(store, [path], MAPPING_OF_COLUMNS.model_copy(update={"extra": extra}), received_at=NOW)
            taken |= own_names(store.snapshot())
        report.say(f"headers of {kind}", tried, sorted(taken))


def write_file(path: Path, names: Sequence[str]) -> None:
    """Sixty rows in two values of each odd column, so that it looks like a category."""
    base = {
        "declaration_id": [f"D{n}" for n in range(60)],
        "declared_at": ["2024-01-02"] * 60,
        "commodity_code": ["851713"] * 60,
    }
    frame = pl.DataFrame(base | {name: ["a", "b"] * 30 for name in names})
    if path.suffix == ".csv":  # of which a suggestion looks for the header's line
        frame.select(pl.all().name.map(lambda name: name.replace("\n", " "))).write_csv(path)
    elif path.suffix == ".parquet":
        frame.write_parquet(path)
    elif path.suffix == ".jsonl":
        path.write_text("\n".join(json.dumps(row) for row in frame.to_dicts()), encoding="utf-8")
    elif path.suffix == ".xlsx":
        with xlsxwriter.Workbook(str(path)) as book:
            sheet = book.add_worksheet()
            for column, name in enumerate(frame.columns):
                sheet.write_string(0, column, name)
                sheet.write_column(1, column, frame[name].to_list())
    else:  # an element's name is of letters; a tax code, which becomes a column, is any text
        lines = "".join(
            f"<Taxation_line><Duty_tax_code>{escape(''.join(c for c in name if c.isprintable()))}</Duty_tax_code>"
            "<Duty_tax_amount>1</Duty_tax_amount></Taxation_line>"
            for name in names
        )
        path.write_text(f"<ASYCUDA><Item><Taxation>{lines}</Taxation></Item></ASYCUDA>", encoding="utf-8")


def by_the_night(names: Sequence[str], report: Report, folder: Path) -> None:
    """Declarations as an earlier version recorded them: each with some of the names, taken in by night."""
    store = History.create(folder / "night")
    service = Service(
        database=Database(folder / "night" / "operations.sqlite"),
        policies=shipped("policies") / "example",
        profiles=read_profiles(store.root),
        model=None,
        seed=1,
    )
    read = read_declaration(BODY, received_at=NOW)
    if isinstance(read, Rejected):
        raise SystemExit("the plain declaration was rejected")
    asks = []
    for n, some in enumerate(groups(names[:800], 4)):
        rows = ({**read.rows[0], "declaration_id": f"SIM-{n}", **dict.fromkeys(some, "L1")},)
        asks.append(Ask(None, Asked("attack"), read=Declaration(rows, has_version=False)))
    for some_asks in groups_of(asks, 32):
        found = decide_batch(some_asks, service, now=NOW)
        if not all(isinstance(one, Decided) for one in found):
            raise SystemExit("an earlier version's declaration could not be recorded")
    done = sync_history(store, service.database, now=NOW)
    again = sync_history(store, service.database, now=NOW)
    words = f"; {len(done.set_aside):,} of {len(asks):,} events set aside, {len(again.reports)} parts the next night"
    report.say("recorded declarations, the night", min(len(names), 800), sorted(own_names(store.snapshot())), words)
    service.close()


def groups_of(asks: Sequence[Ask], size: int) -> Iterator[list[Ask]]:
    for start in range(0, len(asks), size):
        yield list(asks[start : start + size])


def by_the_store(names: Sequence[str], report: Report, folder: Path) -> None:
    """Columns that an earlier version wrote: viewed, and made features of."""
    some = distinct(names[:2000])
    store = History.create(folder / "store")
    path = folder / "rows.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8") as out:
        for n in range(40):
            row = {name: value for name, value in BODY.items() if name != "items"}
            out.write(json.dumps({**row, **ITEM, "declaration_id": f"D{n}", **dict.fromkeys(some, "L1")}) + "\n")
    mapping = load_mapping("basira")
    earlier = mapping.model_copy(update={"extra": {name.removeprefix("x_"): name for name in some[:200]}})
    ingest_files(store, [path], earlier, received_at=NOW)
    snapshot = store.snapshot()
    with open_engine(reads=snapshot.all_files(), memory="500MB", threads=1) as con:
        register(con, snapshot)
        con.execute("create temp table asked as select declaration_id, declaration_version, item_number from items")
        compute_features(con, "asked", as_of_day=(date(2026, 3, 1) - date(1970, 1, 1)).days, into="described")
        taken = find_extras(con)
    report.say("columns of an earlier version's store", 200, taken, kept=True)


def by_the_profiles(names: Sequence[str], report: Report) -> None:
    tried = 0
    for some in groups(names[:3000], 100):
        different = distinct(some)
        tried += len(different)
        bound = plans(tuple(different))
        given = {column for _, column, _ in bound.item.inputs if column.startswith("x_")}
        # Quoted, each is a column by its own name and nothing else.
        report.is_whole = report.is_whole and given == set(different)
    report.say("columns that a file of profiles names", tried, [], "; each bound as a column of its name")


def by_quoting(names: Sequence[str], report: Report) -> None:
    tried = 0
    with open_duckdb(threads=1) as con:
        for some in groups(names, 500):
            different = distinct(some)
            query = "select " + ", ".join(f"1 as {quote_identifier(name)}" for name in different)
            report.is_whole = report.is_whole and con.columns(f"({query})") == tuple(different)
            tried += len(different)
    report.say("quoted, asked of DuckDB", tried, [], "; each came back as it was" if report.is_whole else "; CHANGED")


def by_a_hole(names: Sequence[str], report: Report) -> None:
    """As if nothing quoted them: what the locked engine lets them do."""
    ran = 0
    some = names[:5000]
    with open_duckdb(threads=1) as con:
        for name in some:
            for statement in (f'select 1 as "{name}"', f"select 1 as '{name}'", f"select 1 as {name}"):
                try:
                    con.execute(statement)
                    ran += 1
                except duckdb.Error:
                    continue
    report.say("not quoted, asked of the locked engine", len(some), [], f"; {ran:,} statements ran, in its own memory")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--names", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="basira-names-") as name:
        folder = Path(name)
        file = folder / "taken.csv"
        names = hostile_names(arguments.names, seed=arguments.seed, file=file)
        report = Report(file)
        by_message(names, report)
        by_mapping(names[:5000], report, is_kept=False)
        by_mapping(names[:5000], report, is_kept=True)
        by_files(names, report, folder)
        by_the_night(names, report, folder)
        by_the_store(names, report, folder)
        by_the_profiles(names, report)
        by_quoting(names, report)
        by_a_hole(names, report)
    print(f"names of the rule at most, {MOST_OF_A_SOURCE} a source" if report.is_whole else "SOMETHING WENT THROUGH")
    sys.exit(0 if report.is_whole else 1)


if __name__ == "__main__":
    main()
