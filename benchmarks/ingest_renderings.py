"""One true table, rendered in thousands of ways: does `mapping suggest` with `ingest` ever take a wrong value?

    .venv/bin/python benchmarks/ingest_renderings.py --renderings 500 --seed 1
    .venv/bin/python benchmarks/ingest_renderings.py --renderings 20000 --results F # the long run: goes on where F ends
    .venv/bin/python benchmarks/ingest_renderings.py --report F G                   # what F and G hold so far
    .venv/bin/python benchmarks/ingest_renderings.py --seed 1 --only 137 --keep F   # one of them, its file kept in F
    .venv/bin/python benchmarks/ingest_renderings.py --headers                      # fields right by dialect

Each rendering draws an encoding, a separator, quoting, decimal and thousands marks, the order of dates, a zone, the
language of the headers, title lines, a total, sheets, and the damage that spreadsheets do. The file goes through
`mapping suggest`, then `ingest` with the proposed mapping as it stands, into a store of its own.

Printed: how many renderings were read whole without help, how many asked (a doubt, a missing field, a rejected row),
and how many **lied**: an accepted row differs from the true one, or a row is neither accepted nor accounted for. Each
lie is printed with what was drawn. Exit code 1 when one lied. CPU seconds and the peak of memory come last.

With ``--results`` each verdict is written to a file as soon as it is known, and a run that was interrupted goes on with
the renderings that the file lacks. Its first line has the seed and a digest of the source: results of two trees are
never counted together.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import io
import json
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

FIELDS = (
    "declaration_id",
    "declared_at",
    "office",
    "commodity_code",
    "importer_id",
    "origin_country",
    "customs_value_amount",
    "net_mass_kg",
    "description",
)
# How files of these origins name the nine fields, in the order of FIELDS.
HEADERS: dict[str, tuple[str, ...]] = {
    "fr": ("Numéro déclaration", "Date", "Bureau", "Code SH", "Importateur", "Pays origine", "Valeur en douane",
           "Poids net", "Désignation"),
    "badr": ("N° DUM", "Date enregistrement", "Bureau dédouanement", "Nomenclature", "ICE importateur",
             "Pays d'origine", "Valeur DH", "Poids net (kg)", "Désignation marchandise"),
    "en": ("Declaration Number", "Declaration Date", "Office", "HS Code", "Importer ID", "Country of Origin",
           "Customs Value", "Net Weight", "Goods Description"),
    "ar": ("رقم البيان", "تاريخ التسجيل", "المكتب", "البند التعريفي", "المستورد", "بلد المنشأ", "القيمة",
           "الوزن الصافي", "وصف البضاعة"),
    "es": ("Número de declaración", "Fecha de aceptación", "Aduana", "Partida arancelaria", "Importador",
           "País de origen", "Valor en aduana", "Peso neto", "Descripción de la mercancía"),
    "pt": ("Número da declaração", "Data do registro", "Unidade de despacho", "NCM", "Importador", "País de origem",
           "Valor aduaneiro", "Peso líquido", "Descrição da mercadoria"),
    "tr": ("Beyanname No", "Tescil Tarihi", "Gümrük İdaresi", "GTİP", "İthalatçı", "Menşe Ülke", "Gümrük Kıymeti",
           "Net Ağırlık", "Eşya Tanımı"),
    "in": ("BE No", "BE Date", "Port Code", "CTH", "IEC", "Country of Origin", "Assessable Value", "Net Weight",
           "Item Description"),
    "us": ("Entry Number", "Entry Date", "Port of Entry", "HTS Number", "Importer of Record", "Country of Origin",
           "Entered Value", "Net Weight", "Description"),
    "ke": ("Entry No", "Registration Date", "Station", "Commodity Code", "Importer PIN", "Country of Origin",
           "Customs Value (KES)", "Net Mass (KGS)", "Commercial Description"),
    "asycuda": ("IDE_REG_NBR", "IDE_REG_DAT", "IDE_CUO_COD", "TAR_HSC_NB1", "CMP_CON_COD", "GDS_ORG_CTY", "VIT_CIF",
                "VIT_WGT_NET", "GDS_DS3"),
    "cl-din": ("NUMENCRIPTADO", "FECACEP", "ADU", "ARANC_NAC", "NUM_UNICO_IMPORTADOR", "PA_ORIG", "CIF_ITEM",
               "PESO_NETO", "DNOMBRE"),
    "co": ("NUMERO_FORMULARIO", "FECHA_ACEPTACION", "ADUA", "NABAN", "NIT", "PAISGEN", "VACID", "PNK",
           "DESCRIPCION_MERCANCIA"),
    "br": ("Nº DI", "Data Registro", "URF Despacho", "CO_NCM", "CNPJ Importador", "CO_PAIS", "VMLD", "KG_LIQUIDO",
           "Descrição Detalhada"),
}  # fmt: skip
COUNTRIES = ("CN", "FR", "ES", "TR", "DE", "IT", "US", "IN", "KR", "VN", "GB", "NL")
HEADINGS = ("870321", "080510", "610910", "300490", "852872", "690721", "040690", "392690", "841510", "020130")
MONTHS = {
    "fr": ("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre",
           "novembre", "décembre"),
    "en": ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December"),
    "es": ("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre",
           "noviembre", "diciembre"),
    "pt": ("janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto", "setembro", "outubro",
           "novembro", "dezembro"),
    "ar-ma": ("يناير", "فبراير", "مارس", "أبريل", "ماي", "يونيو", "يوليوز", "غشت", "شتنبر", "أكتوبر", "نونبر",
              "دجنبر"),
    "ar-sy": ("كانون الثاني", "شباط", "آذار", "نيسان", "أيار", "حزيران", "تموز", "آب", "أيلول", "تشرين الأول",
              "تشرين الثاني", "كانون الأول"),
}  # fmt: skip
ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


@dataclass(frozen=True)
class Drawn:
    """What one rendering is: everything that was drawn, by name."""

    number: int
    choices: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.choices[name]


def true_rows(rng: random.Random, count: int) -> list[dict[str, Any]]:
    """The true table: ``count`` rows, values as the schema holds them."""
    digits = rng.choice((8, 10))
    first = datetime(2023, 1, 1) + timedelta(days=rng.randrange(300))
    rows = []
    for n in range(count):
        code = (rng.choice(HEADINGS) + f"{rng.randrange(10_000):04d}")[:digits]
        rows.append(
            {
                "declaration_id": f"D{2_024_100 + n}",
                "declared_at": first + timedelta(days=rng.randrange(240)),
                "office": rng.choice(("302", "309", "301")),
                "importer_id": f"IMP{rng.randrange(12):04d}",
                "commodity_code": code,
                "origin_country": rng.choice(COUNTRIES),
                "customs_value_amount": rng.randrange(1_000, 90_000_000) / 100,
                "net_mass_kg": rng.randrange(100, 3_000_000) / 100,
                "description": rng.choice(("CAR", "ORANGES", "T-SHIRT", "MEDICINE", "LED PANEL 24", "TILES")),
            }
        )
    return rows


def draw(number: int, seed: int) -> tuple[Drawn, list[dict[str, Any]]]:
    """The choices of one rendering and its true rows, from the seed and the number alone."""
    rng = random.Random(f"{seed}/{number}")  # noqa: S311 - a seeded draw of test files
    kind = rng.choices(("csv", "xlsx"), (0.8, 0.2))[0]
    language = rng.choice(list(HEADERS))
    fits = ["utf-8", "utf-8-sig", "utf-16", *{"ar": ["cp1256"], "tr": []}.get(language, ["cp1252"])]
    decimal = rng.choice(",.")
    thousands = rng.choice(["", "", " ", "\u00a0", "\u202f", "'", "." if decimal == "," else ","])
    months = rng.choice(list(MONTHS))
    choices: dict[str, Any] = {
        "kind": kind, "headers": language, "encoding": rng.choice(fits), "separator": rng.choice(";,\t|"),
        "quoting": rng.choice(("minimal", "all")), "decimal": decimal, "thousands": thousands,
        "decimals": rng.choice((2, 2, 2, 0, 3)), "lakhs": rng.random() < 0.05,
        "currency": rng.choice(("", "", "", "", " MAD", " DH", "MAD ")),
        "arabic_digits": rng.choice(("", "", "", "", "", "dates", "numbers")),
        "date": rng.choice(("dmy/", "dmy-", "dmy.", "mdy/", "ymd-", "ymd/", "ymd", "dmy2/", "words", "iso-time", "zone",
                            "am-pm", "dmy-clock")),
        "months": months, "titles": rng.choice((0, 0, 0, 1, 3)), "total": rng.random() < 0.15,
        "blank_rows": rng.random() < 0.1, "trailing_cell": rng.random() < 0.1, "gzip": rng.random() < 0.05,
        "code": rng.choice(("plain", "plain", "plain", "plain", "dotted", "lost_zero", "formula", "apostrophe",
                            "scientific", "eleven", "float")),
        "quote_damage": rng.random() < 0.04, "order": rng.sample(range(len(FIELDS)), len(FIELDS)),
        "sheets": rng.choice(("one", "one", "one", "two", "hidden", "notes")),
        "date_cells": rng.choice(("cells", "text", "half_swapped")), "rows": rng.choice((24, 60)),
    }  # fmt: skip
    return Drawn(number, choices), true_rows(rng, choices["rows"])


def written_number(value: float, drawn: Drawn) -> str:
    """An amount as this rendering writes it."""
    places = drawn["decimals"]
    whole, _, part = f"{value:.{places}f}".partition(".")
    if drawn["lakhs"] and len(whole) > 3:
        head, tail = whole[:-3], whole[-3:]
        groups: list[str] = []
        while head:
            groups.insert(0, head[-2:])
            head = head[:-2]
        whole, mark = ",".join([*groups, tail]), "."
    else:
        mark = drawn["decimal"]
        if drawn["thousands"]:
            whole = f"{int(whole):,}".replace(",", drawn["thousands"])
    text = whole + (mark + part if part else "")
    currency: str = drawn["currency"]
    text = currency + text if currency.endswith(" ") else text + currency
    return text.translate(ARABIC) if drawn["arabic_digits"] == "numbers" else text


def written_date(moment: datetime, drawn: Drawn) -> str:
    """A moment as this rendering writes it."""
    form = drawn["date"]
    if form == "words":
        month = MONTHS[drawn["months"]][moment.month - 1]
        text = f"{moment.day:02d} {month} {moment.year}"
    else:
        text = moment.strftime(
            {
                "dmy/": "%d/%m/%Y", "dmy-": "%d-%m-%Y", "dmy.": "%d.%m.%Y", "mdy/": "%m/%d/%Y", "ymd-": "%Y-%m-%d",
                "ymd/": "%Y/%m/%d", "ymd": "%Y%m%d", "dmy2/": "%d/%m/%y", "iso-time": "%Y-%m-%dT%H:%M:%S",
                "zone": "%Y-%m-%dT%H:%M:%SZ", "am-pm": "%d/%m/%Y %I:%M %p", "dmy-clock": "%d/%m/%Y %H:%M",
            }[form]
        )  # fmt: skip
    return text.translate(ARABIC) if drawn["arabic_digits"] == "dates" else text


def written_code(code: str, drawn: Drawn) -> str:
    """A commodity code as this rendering writes it, damage included."""
    return {
        "plain": code,
        "dotted": ".".join([code[:4], *(code[n : n + 2] for n in range(4, len(code), 2))]),
        "lost_zero": code.lstrip("0"),
        "formula": f'="{code}"',
        "apostrophe": f"'{code}",
        "scientific": f"{float(code):.5E}".replace(".", drawn["decimal"]),
        "eleven": (code + "000")[:11],
        "float": f"{int(code)}.0",
    }[drawn["code"]]


def true_value(name: str, row: dict[str, Any], drawn: Drawn) -> Any:
    """What an accepted row must hold: the true value, as far as this rendering still shows it."""
    value = row[name]
    if name in {"customs_value_amount", "net_mass_kg"}:
        return round(value, drawn["decimals"])
    if name == "commodity_code" and drawn["code"] == "eleven":
        return (value + "000")[:11]
    return value


def write(drawn: Drawn, rows: list[dict[str, Any]], folder: Path) -> Path:
    """The file of this rendering."""
    names = [FIELDS[n] for n in drawn["order"]]
    headers = dict(zip(FIELDS, HEADERS[drawn["headers"]], strict=True))
    table = [[headers[name] for name in names]]
    for row in rows:
        cells = {name: str(row[name]) for name in FIELDS}
        cells["declared_at"] = written_date(row["declared_at"], drawn)
        cells["commodity_code"] = written_code(row["commodity_code"], drawn)
        for name in ("customs_value_amount", "net_mass_kg"):
            plain = name == "net_mass_kg" and drawn["currency"]
            shown = Drawn(drawn.number, {**drawn.choices, "currency": ""}) if plain else drawn
            cells[name] = written_number(row[name], shown)
        table.append([cells[name] for name in names])
    if drawn["trailing_cell"]:
        table[1:] = [[*line, ""] for line in table[1:]]
    if drawn["blank_rows"]:
        table.insert(len(table) // 2, [""] * len(names))
    if drawn["total"]:
        total = [""] * len(names)
        total[0] = "TOTAL"
        place = names.index("customs_value_amount")
        total[place] = written_number(sum(row["customs_value_amount"] for row in rows), drawn)
        table.append(total)
    titles = [["Extraction du système"], ["Période 2023-2024"], []][: drawn["titles"]]
    if drawn["kind"] == "xlsx":
        return write_workbook(drawn, titles, table, rows, names, folder)
    text = io.StringIO()
    writer = csv.writer(
        text,
        delimiter=drawn["separator"],
        lineterminator="\r\n",
        quoting=csv.QUOTE_ALL if drawn["quoting"] == "all" else csv.QUOTE_MINIMAL,
    )
    writer.writerows([*titles, *table])
    raw = text.getvalue()
    if drawn["quote_damage"]:
        lines = raw.split("\r\n")
        place = len(lines) // 2
        cut = lines[place].rfind(drawn["separator"]) + 1
        lines[place] = lines[place][:cut] + '"' + lines[place][cut:].replace('"', "")
        raw = "\r\n".join(lines)
    try:
        data = raw.encode(drawn["encoding"])
    except UnicodeEncodeError:  # no program writes Arabic figures in cp1252
        data = raw.encode("utf-8")
    path = folder / f"r{drawn.number}.csv{'.gz' if drawn['gzip'] else ''}"
    path.write_bytes(gzip.compress(data) if drawn["gzip"] else data)
    return path


def write_workbook(
    drawn: Drawn,
    titles: list[list[str]],
    table: list[list[str]],
    rows: list[dict[str, Any]],
    names: list[str],
    folder: Path,
) -> Path:
    """A workbook: numbers as numbers, dates as cells or as text, codes as text or damaged."""
    import xlsxwriter

    path = folder / f"r{drawn.number}.xlsx"
    book = xlsxwriter.Workbook(str(path))
    day = book.add_format({"num_format": "dd/mm/yyyy"})
    if drawn["sheets"] == "hidden":
        hidden = book.add_worksheet("params")
        hidden.write_row(0, 0, ["clé", "valeur"])
        hidden.hide()
    sheet = book.add_worksheet("données")
    sheet.activate()
    sheet.set_first_sheet()
    lines = [*titles, *table]
    first = len(titles) + 1
    half = len(lines) // 2
    for at, line in enumerate(lines):
        if drawn["sheets"] == "two" and at > half:
            break
        for place, cell in enumerate(line):
            name = names[place] if place < len(names) else ""
            row = rows[at - first] if first <= at < first + len(rows) and not drawn["blank_rows"] else None
            if row is not None and name == "declared_at" and drawn["date_cells"] != "text":
                moment = row[name]
                if drawn["date_cells"] == "half_swapped":
                    if moment.day > 12:
                        sheet.write_string(at, place, moment.strftime("%d/%m/%Y"))
                        continue
                    moment = moment.replace(month=moment.day, day=moment.month)
                sheet.write_datetime(at, place, moment, day)
            elif row is not None and name in {"customs_value_amount", "net_mass_kg"} and not drawn["currency"]:
                sheet.write_number(at, place, round(row[name], drawn["decimals"]))
            else:
                sheet.write_string(at, place, cell)
    if drawn["sheets"] == "two":
        second = book.add_worksheet("suite")
        for at, line in enumerate([lines[len(titles)], *lines[half + 1 :]]):
            for place, cell in enumerate(line):
                second.write_string(at, place, cell)
    if drawn["sheets"] == "notes":
        book.add_worksheet("notes").write_string(0, 0, "Source : extraction")
    book.close()
    return path


@dataclass(frozen=True)
class Verdict:
    """``kind``: read (whole, without help), asked, rejected, failed (a fault of ours) or lied."""

    number: int
    kind: str
    detail: str


def judge(number: int, seed: int, keep: str) -> Verdict:
    """Render, suggest, ingest, and compare each accepted row with the true one."""
    import polars as pl

    from basira.ingest.mapping.model import parse_mapping
    from basira.ingest.suggest.propose import suggest_mapping
    from basira.ingest.suggest.toml import suggestion_toml
    from basira.schema.errors import BasiraError
    from basira.storage.history.store import History
    from basira.workflows.intake.ingest import ingest_files

    drawn, rows = draw(number, seed)
    folder = Path(keep) if keep else Path(tempfile.mkdtemp(prefix="basira-rendering-"))
    try:
        path = write(drawn, rows, folder)
        try:
            suggestion = suggest_mapping(path)  # the command also tries it on the first rows, and takes nothing in
            text = suggestion_toml(suggestion)
            if keep:
                (folder / f"r{number}.toml").write_text(text, encoding="utf-8")
            history = History.create(folder / f"store{number}")
            report = ingest_files(
                history, [path], parse_mapping(text, name="rendering"), received_at=datetime(2026, 1, 1)
            )
        except BasiraError as error:
            return Verdict(number, "asked", reason_of(error.message))
        except Exception as error:  # whatever the product raises here is a fault of its own
            return Verdict(number, "failed", f"{type(error).__name__}: {error}"[:300])
        files = sorted((folder / f"store{number}").rglob("*.parquet"))
        items = [f for f in files if "items" in f.relative_to(folder).parts]
        taken = pl.concat([pl.read_parquet(f) for f in items], how="diagonal") if items else pl.DataFrame()
        return compare(number, drawn, rows, taken.to_dicts(), {entry.field for entry in suggestion.fields}, report)
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def reason_of(message: str) -> str:
    """An error's message without what is this file's own: names, values, counts."""
    text = re.sub(r"'[^']*'|\"[^\"]*\"", "…", message.split(" has ", 1)[-1])
    return re.sub(r"\(.*?\)|r\d+\S*|\d[\d,.]*", "", text)[:110].strip()


def compare(
    number: int, drawn: Drawn, rows: list[dict[str, Any]], taken: list[dict[str, Any]], mapped: set[str], report: Any
) -> Verdict:
    """Each accepted row against the true one of its declaration."""
    truth = {row["declaration_id"]: row for row in rows}
    for found in taken:
        row = truth.get(found["declaration_id"])
        if row is None:
            return Verdict(number, "lied", f"declaration {found['declaration_id']!r} is in no true row")
        for name in mapped & set(FIELDS):
            wanted, got = true_value(name, row, drawn), found[name]
            if isinstance(wanted, datetime) and isinstance(got, datetime):
                is_same = got.date() == wanted.date()
            elif isinstance(wanted, float) and isinstance(got, float):
                is_same = abs(got - wanted) < 1e-9 * max(1.0, abs(wanted))
            else:
                is_same = got == wanted
            if not is_same:
                return Verdict(number, "lied", f"{name}: {got!r} for {wanted!r}")
    counted = report.accepted + report.already_known + report.quarantined
    lines = sum(one.rows + one.not_data if one.lines is None else one.lines for one in report.files)
    accounted = counted + sum(one.not_data for one in report.files)
    if report.rows != counted or lines != accounted or report.rows < len(rows):
        return Verdict(number, "lied", f"{lines} lines counted, {accounted} accounted for, {len(rows)} true")
    if report.accepted < len(rows):
        reasons = Counter[str]()
        for one in report.files:
            reasons.update(one.reasons)
        return Verdict(number, "rejected", f"{report.accepted} of {len(rows)} rows; {dict(reasons)}")
    absent = set(FIELDS) - mapped
    return (
        Verdict(number, "asked", f"not found: {', '.join(sorted(absent))}") if absent else Verdict(number, "read", "")
    )


def print_headers(seed: int) -> int:
    """The same 24 rows under the headers of each dialect: fields right, of nine. Returns how many are wrong."""
    from basira.ingest.suggest.propose import suggest_mapping

    rows = true_rows(random.Random(seed), 24)  # noqa: S311 - a seeded draw of test rows
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="basira-headers-") as folder:
        for language, headers in HEADERS.items():
            path = Path(folder) / f"{language}.csv"
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, delimiter=";")
                writer.writerow(headers)
                writer.writerows([str(row[name]).split(" 00:")[0] for name in FIELDS] for row in rows)
            found = {entry.field: entry.column for entry in suggest_mapping(path).fields}
            right = {name for name, header in zip(FIELDS, headers, strict=True) if found.get(name) == header}
            astray = {name: column for name, column in found.items() if name not in right}
            wrong += len(astray)
            absent = ", ".join(name for name in FIELDS if name not in right)
            print(f"{language:<8} {len(right)} of 9 right, {len(astray)} wrong {astray or ''} {absent}".rstrip())
    return wrong


def shown_choices(number: int, seed: int) -> str:
    drawn, _ = draw(number, seed)
    return json.dumps({k: v for k, v in drawn.choices.items() if k != "order"}, ensure_ascii=False)


def digest_of_source() -> str:
    """Which tree judges: a digest of the product's source and of this file."""
    import basira

    digest = hashlib.sha256(Path(__file__).read_bytes())
    package = Path(basira.__file__).parent
    for path in sorted(package.rglob("*.py")):
        digest.update(f"{path.relative_to(package)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def read_results(path: Path) -> tuple[dict[str, Any], list[Verdict]]:
    """The head and the verdicts of a file of results. A last line that was cut off counts for nothing."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    whole = [json.loads(line) for line in lines if line.endswith("\n")]
    return whole[0], [Verdict(**entry) for entry in whole[1:]]


def judge_all(numbers: Sequence[int], seed: int, keep: str, jobs: int) -> Iterator[Verdict]:
    """The verdicts as they come: here with one job, which saves what another process costs."""
    if jobs == 1:
        yield from (judge(number, seed, keep) for number in numbers)
        return
    with ProcessPoolExecutor(jobs) as pool:
        for done in as_completed([pool.submit(judge, number, seed, keep) for number in numbers]):
            yield done.result()


def print_verdicts(verdicts: Sequence[Verdict], seed: int, show: int) -> int:
    """Lies and faults, what was asked, and the counts. Returns the exit code."""
    counts = Counter(verdict.kind for verdict in verdicts)
    for kind in ("lied", "failed"):
        for verdict in [v for v in verdicts if v.kind == kind][:show]:
            print(f"{kind} {verdict.number}: {verdict.detail}\n    {shown_choices(verdict.number, seed)}")
    asked = Counter(v.detail for v in verdicts if v.kind in {"asked", "rejected"})
    for detail, count in asked.most_common(show):
        print(f"asked or rejected {count}: {detail}")
    total = len(verdicts)
    print(f"{total:,} renderings of one true table (seed {seed}):")
    for kind in ("read", "asked", "rejected", "failed", "lied"):
        print(f"  {kind:<9}{counts[kind]:>7,}  {counts[kind] / max(total, 1):6.1%}")
    return 1 if counts["lied"] or counts["failed"] else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--renderings", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--results", type=Path, help="write each verdict here, and go on where this file ends")
    parser.add_argument("--report", type=Path, nargs="+", help="print what these files of results hold, and stop")
    parser.add_argument("--only", type=int, default=-1, help="judge this one rendering")
    parser.add_argument("--keep", default="", help="with --only: leave the file, mapping and store in this folder")
    parser.add_argument("--show", type=int, default=20, help="how many lies and faults are printed")
    parser.add_argument("--headers", action="store_true", help="print fields right by dialect of headers, and stop")
    options = parser.parse_args()
    if options.headers:
        return 1 if print_headers(options.seed) else 0
    if options.report:
        codes = []
        for path in options.report:
            head, known = read_results(path)
            print(f"{path.name}: source {head['source']}")
            codes.append(print_verdicts(known, head["seed"], options.show))
        return max(codes)
    if options.keep:
        Path(options.keep).mkdir(parents=True, exist_ok=True)
    verdicts: list[Verdict] = []
    out = None
    if options.results:
        head = {"seed": options.seed, "source": digest_of_source()}
        if options.results.exists():
            found, verdicts = read_results(options.results)
            if found != head:
                parser.error(f"{options.results} holds results of {found}, these would be of {head}: name another file")
            lines = options.results.read_text(encoding="utf-8").splitlines(keepends=True)
            options.results.write_text("".join(line for line in lines if line.endswith("\n")), encoding="utf-8")
        else:
            options.results.write_text(json.dumps(head) + "\n", encoding="utf-8")
        out = options.results.open("a", encoding="utf-8")
    done = {verdict.number for verdict in verdicts}
    numbers = [options.only] if options.only >= 0 else [n for n in range(options.renderings) if n not in done]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended; what --results holds stays"))
    started = time.monotonic()
    for verdict in judge_all(numbers, options.seed, options.keep, options.jobs):
        verdicts.append(verdict)
        if out is not None:
            out.write(json.dumps(asdict(verdict), ensure_ascii=False) + "\n")
            out.flush()
        if sys.stderr.isatty() and len(verdicts) % 20 == 0:
            print(f"\r{len(verdicts):,} of {len(numbers) + len(done):,}", end="", file=sys.stderr)
    code = print_verdicts(verdicts, options.seed, options.show)
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(
        f"  {sum(one.ru_utime + one.ru_stime for one in used):.0f} CPU-seconds for {len(numbers):,} of them, "
        f"{time.monotonic() - started:.0f} s, peak {max(one.ru_maxrss for one in used) / 1024:.0f} MB a process"
    )
    return code


if __name__ == "__main__":
    sys.exit(main())
