"""Values disguised by other digits, forms, letters and unseen characters, through every door that reads them.

Makes N codes, identifiers and offices of which a list names the plain form, disguises each (digits of every script,
full-width forms, dashes, spaces, zero-width, direction, control and private characters, look-alike letters), and
reads them as CSV, Parquet, XLSX, JSON lines, SAD XML, API bodies, API bodies by columns, and as entries of a policy.
Each comes out as its plain form, which the rule holds, or is rejected, or is visibly another text: an accent or a
space inside. Slower doors get a smaller share. Prints, by door, how many were folded, rejected, visibly another and
ESCAPED: there must be none, else the exit code is 1.

    .venv/bin/python benchmarks/attacks/lookalike_values.py --values 1000000

No network; one process; files in a temporary folder; some 40 CPU-seconds a million.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from xml.sax.saxutils import escape

import polars as pl

from basira.ingest.mapping.model import Mapping, parse_mapping
from basira.ingest.readers.source import open_source
from basira.ingest.rows.parse import parse_batch
from basira.schema.errors import PolicyError
from basira.schema.shipped import shipped
from basira.selection.policy.load import load_policy
from basira.serving.message import Declaration, read_by_columns, read_declarations

RECEIVED = datetime(2026, 3, 2, 9, 30)
CODE, IMPORTER, OFFICE = "9302000000", "SIM-0093", "CASA-PORT"
PLAIN = (CODE, IMPORTER, OFFICE)
ZEROS = [
    chr(n)
    for n in range(0x110000)
    if unicodedata.decimal(chr(n), None) == 0 and unicodedata.decimal(chr(n + 9), None) == 9
]
UNSEEN = [
    chr(n)
    for n in range(0x20000)
    if n > 0 and unicodedata.category(chr(n)) in ("Cf", "Cc", "Co") and not chr(n).isspace() and n not in (0x0D, 0x0A)
] + list("\u034f\u115f\u3164\ufe0f\U000e0041\u0378")
ALIKE = {"A": "АΑᎪ", "C": "СϹᏟ", "I": "ІΙӀ", "M": "МΜᎷ", "O": "ОΟՕ", "P": "РΡᏢ", "R": "Ꭱ", "S": "ЅՏ", "T": "ТΤᎢ",
         "0": "О", "3": "З", "9": "Ꮽ", "-": "\u2010\u2011\u2013\u2212\u30fc"}  # fmt: skip
TOML = (
    'version = 1\n[source]\nformat = "{kind}"\n[fields]\ndeclaration_id = "id"\ndeclared_at = "at"\noffice = "office"\n'
    'importer_id = "importer"\ncommodity_code = "code"\n'
)
Row = tuple[str, str, str]


@dataclass
class Door:
    """``share``: of the values it is given. ``read``: per row the three values as they were taken, or None."""

    name: str
    share: float
    read: Callable[[Sequence[Row], Path], Iterator[tuple[Row, Row | None]]]


def disguise(text: str, rng: random.Random) -> str:
    """The text with one to three disguises, each on one of its characters."""
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(text))
        one = text[at]
        how = rng.randrange(5)
        if how == 0 and one.isascii() and one.isdigit():
            one = chr(ord(rng.choice(ZEROS)) + int(one))
        elif how == 1 and "!" <= one <= "~":
            one = chr(ord(one) + 0xFEE0)
        elif how == 2 and one in ALIKE:
            one = rng.choice(ALIKE[one])
        elif how == 3:
            one = rng.choice(UNSEEN) + one
        else:
            one += rng.choice("\u0301\u0640\u2009\u00a0 ")
        text = text[:at] + one + text[at + 1 :]
    return text


def rows_of(count: int, rng: random.Random) -> list[Row]:
    """Rows of three values, of which one is disguised: what becomes of it is not hidden by another's rejection."""
    rows = []
    for n in range(count):
        values = list(PLAIN)
        values[n % 3] = disguise(values[n % 3], rng)
        rows.append((values[0], values[1], values[2]))
    return rows


def by_file(write: Callable[[pl.DataFrame, Path], object], kind: str) -> Door:
    mapping = parse_mapping(TOML.format(kind=kind), name=kind)

    def read(rows: Sequence[Row], folder: Path) -> Iterator[tuple[Row, Row | None]]:
        path = folder / f"values.{kind}"
        write(frame_of(rows), path)
        yield from taken(path, mapping, rows)

    return Door(kind, 1.0 if kind != "xlsx" else 0.05, read)


def frame_of(rows: Sequence[Row]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["code", "importer", "office"], orient="row").with_columns(
        pl.int_range(pl.len()).cast(pl.String).alias("id"), pl.lit("2026-03-02").alias("at")
    )


def taken(path: Path, mapping: Mapping, rows: Sequence[Row]) -> Iterator[tuple[Row, Row | None]]:
    for batch in open_source(path, mapping.source).batches():
        parsed = parse_batch(batch, mapping)
        values = parsed.items.select("source_row", "commodity_code", "importer_id", "office").iter_rows()
        for number, *found in values:
            yield rows[number - 1], (found[0], found[1], found[2])
        for refusal in parsed.refusals:
            yield rows[refusal.row - 1], None


def by_xml(rows: Sequence[Row], folder: Path) -> Iterator[tuple[Row, Row | None]]:
    # XML itself can't carry most control characters.
    rows = [row for row in rows if not any(unicodedata.category(c) == "Cc" for c in "".join(row))]
    parts = [
        f"<ASYCUDA><id>{n}</id><at>2026-03-02</at><office>{escape(office)}</office><importer>{escape(importer)}</importer>"
        f"<Item><code>{escape(code)}</code></Item></ASYCUDA>"
        for n, (code, importer, office) in enumerate(rows)
    ]
    path = folder / "values.xml"
    path.write_text("<All>" + "".join(parts) + "</All>", encoding="utf-8")
    text = TOML.format(kind="sad-xml").replace('"code"', '"Item/code"')
    yield from taken(path, parse_mapping(text, name="xml"), rows)


def by_body(rows: Sequence[Row], _: Path) -> Iterator[tuple[Row, Row | None]]:
    for start in range(0, len(rows), 500):
        part = rows[start : start + 500]
        bodies = [
            {
                "declaration_id": str(n),
                "declared_at": "2026-03-02",
                "office": office,
                "importer_id": importer,
                "items": [{"commodity_code": code}],
            }
            for n, (code, importer, office) in enumerate(part)
        ]
        yield from zip(part, map(_of, read_declarations(bodies, received_at=RECEIVED)), strict=True)


def by_columns(rows: Sequence[Row], _: Path) -> Iterator[tuple[Row, Row | None]]:
    for n, (code, importer, office) in enumerate(rows):
        header = {"declaration_id": str(n), "declared_at": "2026-03-02", "office": office, "importer_id": importer}
        yield (
            (code, importer, office),
            _of(read_by_columns(header, [{"commodity_code": code}], str(n), received_at=RECEIVED)),
        )


def _of(made: object) -> Row | None:
    if not isinstance(made, Declaration):
        return None
    row = made.rows[0]
    return row["commodity_code"], row["importer_id"], row["office"]


def by_policy(rows: Sequence[Row], folder: Path) -> Iterator[tuple[Row, Row | None]]:
    text = (shipped("policies") / "example" / "policy.toml").read_text(encoding="utf-8")
    for code, importer, office in rows:
        quoted = [_toml(value) for value in (office, code, importer)]
        listed = text.replace("# All offices", f"offices = [{quoted[0]}]\n# All offices", 1).replace(
            'match = { commodity_code = ["93"] }',
            f"match = {{ commodity_code = [{quoted[1]}], importer_id = [{quoted[2]}] }}",
        )
        (folder / "policy.toml").write_text(listed, encoding="utf-8")
        try:
            policy = load_policy(folder, date(2026, 3, 2))
        except PolicyError:
            yield (code, importer, office), None
        else:
            match = policy.mandatory[0].match
            yield (code, importer, office), (match.commodity_code[0], match.importer_id[0], policy.offices[0])


def _toml(text: str) -> str:
    return '"' + "".join(c if c.isascii() and c.isalnum() else f"\\U{ord(c):08X}" for c in text) + '"'


DOORS = (
    by_file(lambda frame, path: frame.write_csv(path), "csv"),
    by_file(lambda frame, path: frame.write_parquet(path), "parquet"),
    by_file(lambda frame, path: frame.write_ndjson(path), "jsonl"),
    by_file(lambda frame, path: frame.write_excel(path), "xlsx"),
    Door("sad-xml", 0.1, by_xml),
    Door("body", 0.1, by_body),
    Door("columns", 0.002, by_columns),
    Door("policy", 0.002, by_policy),
)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--values", type=int, default=1_000_000, help="disguised values, over all doors")
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    rng = random.Random(given.seed)  # noqa: S311 - no secret
    each = given.values / sum(door.share for door in DOORS)
    escaped, total, began = 0, 0, time.process_time()
    for door in DOORS:
        counts: Counter[str] = Counter()
        shown: list[str] = []
        with tempfile.TemporaryDirectory() as folder:
            for sent, found in door.read(rows_of(round(each * door.share), rng), Path(folder)):
                what = "rejected" if found is None else "folded" if found == PLAIN else _other(found)
                counts[what] += 1
                if what == "ESCAPED" and len(shown) < 5:
                    shown.append(f"  {sent!a} -> {found!a}")
        escaped, total = escaped + counts["ESCAPED"], total + counts.total()
        print(f"{door.name:8} {dict(counts)}", *shown, sep="\n" if shown else "", flush=True)
    print(f"{total:,} values, {escaped} escaped, {time.process_time() - began:.0f} CPU-seconds")
    sys.exit(1 if escaped else 0)


def _other(found: Row) -> str:
    """What a value became that is neither rejected nor the plain one: visibly another text, or one that escaped."""
    for plain, taken_as in zip(PLAIN, found, strict=True):
        if taken_as == plain:
            continue
        letters = unicodedata.normalize("NFD", taken_as)
        # An accent or a space inside the word can be seen.
        if not all(c.isprintable() for c in taken_as) or (" " not in taken_as and letters == taken_as):
            return "ESCAPED"
    return "visibly another"


if __name__ == "__main__":
    main()
