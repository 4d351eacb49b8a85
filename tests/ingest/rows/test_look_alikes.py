"""A value in other digits, forms or letters is the same value, or it is rejected with its position: never a third."""

from __future__ import annotations

import unicodedata
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from basira.ingest.mapping.model import parse_mapping
from basira.ingest.readers.source import SourceBatch, open_source
from basira.ingest.rows.faults import Refusal
from basira.ingest.rows.parse import parse_batch
from basira.schema.errors import MappingError
from basira.schema.records import Candidate
from basira.schema.shipped import shipped
from basira.schema.text import find_odd, fold_digits, fold_identifier
from basira.selection.mandatory import MandatoryList
from basira.selection.policy.load import load_policy
from basira.serving.message import Declaration, Rejected, read_by_columns, read_declaration

DAY = date(2026, 3, 2)
RECEIVED = datetime(2026, 3, 2, 9, 30)
MAPPING = parse_mapping(
    'version = 1\n[fields]\ndeclaration_id = "id"\ndeclared_at = "at"\noffice = "office"\nimporter_id = "importer"\n'
    'commodity_code = "code"\ncustoms_value_amount = "value"\ndescription = "text"\n',
    name="files",
)
# Zeros of decimal digits: Arabic-Indic, Persian, Devanagari, Bengali, Thai, full-width, mathematical.
ZEROS = ("\u0660", "\u06f0", "\u0966", "\u09e6", "\u0e50", "\uff10", "\U0001d7ce")
UNSEEN = (
    "\u200b",
    "\u200d",
    "\u202e",
    "\u2066",
    "\u00ad",
    "\ufeff",
    "\x1b",
    "\x07",
    "\ue000",
    "\u034f",
    "\u0378",
    "\u3164",
)
ALIKE = {"A": "А", "B": "В", "C": "С", "M": "Μ", "O": "Ο", "S": "Ѕ", "I": "І", "T": "Т"}


def in_digits(text: str, zero: str) -> str:
    return "".join(chr(ord(zero) + int(c)) if c.isascii() and c.isdigit() else c for c in text)


def wide(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def body(**changes: Any) -> dict[str, Any]:
    header = {"declaration_id": "A-1", "declared_at": "2026-03-02", "office": "AGADIR", "importer_id": "SIM-7"}
    code = changes.pop("commodity_code", "8517130000")
    return {**header, **changes, "items": [{"commodity_code": code}]}


def of_file(row: dict[str, str | None]) -> dict[str, Any] | Refusal:
    """The row of a file: its values, or why it is rejected."""
    filled = {
        "id": "A-1",
        "at": "2026-03-02",
        "office": "AGADIR",
        "importer": "SIM-7",
        "code": "8517130000",
        "value": "1",
        "text": "x",
    } | row
    frame = pl.DataFrame({name: [value] for name, value in filled.items()}, schema=dict.fromkeys(filled, pl.String))
    parsed = parse_batch(SourceBatch(frame, pl.Series([1]), (), 0), MAPPING)
    return parsed.refusals[0] if parsed.refusals else parsed.items.to_dicts()[0]


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> MandatoryList:
    """Chapter 93, and an importer as a careless hand wrote it."""
    folder = tmp_path_factory.mktemp("policy")
    text = (shipped("policies") / "morocco" / "policy.toml").read_text(encoding="utf-8")
    importer = wide("SIM-7")
    entry = f'[[mandatory]]\nid = "importer"\nlane = "orange"\nmatch = {{ importer_id = ["{importer}"] }}\n'
    reason = 'reason = { fr = "x", ar = "x", en = "x" }\n\n'
    (folder / "p.toml").write_text(text.replace("[[mandatory]]", entry + reason + "[[mandatory]]"), encoding="utf-8")
    return MandatoryList(load_policy(folder, DAY), DAY)


def entry_of(listed: MandatoryList, code: str, importer: str | None) -> str | None:
    attributes = {"commodity_code": (code,), "importer_id": () if importer is None else (importer,)}
    found = listed.find(Candidate("A-1", 1, "AGADIR", 0.1, 1.0, attributes=attributes))
    return None if found is None else found.id


@pytest.mark.parametrize("zero", ZEROS)
def test_a_code_in_other_digits_is_on_the_list_of_its_chapter(zero: str, listed: MandatoryList) -> None:
    code = in_digits("9302000000", zero)
    online = read_declaration(body(commodity_code=code), received_at=RECEIVED)
    row = of_file({"code": code})
    assert isinstance(online, Declaration)
    assert isinstance(row, dict)
    assert online.rows[0]["commodity_code"] == row["commodity_code"] == "9302000000"
    assert entry_of(listed, row["commodity_code"], None) == "armes-93"


def test_an_importer_and_the_entry_of_a_list_meet_in_one_form(listed: MandatoryList) -> None:
    for written in ("SIM-7", wide("SIM-7"), "SIM\u20137", "SIM-\u0667", " SIM-7\u00a0"):
        row = of_file({"importer": written})
        assert isinstance(row, dict)
        assert entry_of(listed, "8517130000", row["importer_id"]) == "importer"


@pytest.mark.parametrize("odd", [*UNSEEN, *ALIKE.values(), "\u0627"])
@pytest.mark.parametrize("field", ["declaration_id", "office", "importer_id"])
def test_an_invisible_character_is_rejected_with_its_position(odd: str, field: str) -> None:
    value = f"SIM{odd}7"
    online = read_declaration(body(**{field: value}), received_at=RECEIVED)
    assert isinstance(online, Rejected)
    (fault,) = online.faults
    assert (fault.field, fault.code) == (field, "bad_character")
    assert f"U+{ord(odd):04X}" in fault.expected
    assert fault.expected.endswith("at character 4")
    row = of_file({{"declaration_id": "id", "office": "office", "importer_id": "importer"}[field]: value})
    assert isinstance(row, Refusal)
    assert (row.field, row.code, row.expected) == (field, "bad_character", fault.expected)
    assert row.value is not None
    assert row.value.isprintable()


def test_names_in_arabic_and_french_are_identifiers() -> None:
    for name in (
        "شركة النقل الدولي",
        "Société Générale d'Import",
        "شركة ABC SARL",
        "Café Ørsted N° 12",
        "İSTANBUL TİC. A.Ş.",
    ):
        row = of_file({"importer": name})
        assert isinstance(row, dict)
        assert row["importer_id"] == name


def test_numbers_and_dates_are_read_in_other_digits() -> None:
    row = of_file({"at": "٢٠٢٦-٠٣-٠٢", "value": "١٬٢٣٤٫٥"})
    assert isinstance(row, dict)
    assert (row["declared_at"], row["customs_value_amount"]) == (datetime(2026, 3, 2), 1234.5)


def test_a_description_keeps_its_text() -> None:
    row = of_file({"text": "pneus \u202ezqx ９"})
    assert isinstance(row, dict)
    assert row["description"] == "pneus \u202ezqx ９"


def test_a_figure_that_is_no_digit_makes_no_code() -> None:
    row = of_file({"code": "8517²0"})
    assert isinstance(row, Refusal)
    assert row.code == "bad_commodity_code"


@pytest.mark.parametrize(
    "line", ['[constants]\noffice = "AGA\u200bDIR"\n', '[fields.office]\ncolumn = "o"\nvalues = {1 = "АGADIR"}\n']
)
def test_a_mapping_that_would_put_such_a_character_into_rows_is_not_taken(line: str) -> None:
    text = 'version = 1\n[fields]\ndeclaration_id = "id"\ndeclared_at = "at"\ncommodity_code = "code"\n' + line
    with pytest.raises(MappingError, match=r"U\+\w{4} .* at character"):
        parse_mapping(text, name="odd")


def test_words_of_a_mapping_are_found_in_other_digits() -> None:
    text = 'version = 1\n[fields]\ndeclaration_id = "id"\ndeclared_at = "at"\ncommodity_code = "code"\n'
    mapping = parse_mapping(text + '[fields.office]\ncolumn = "office"\nvalues = {"309" = "AGADIR"}\n', name="words")
    frame = pl.DataFrame({"id": ["A"], "at": ["2026-03-02"], "code": ["8517"], "office": ["٣٠٩"]})
    parsed = parse_batch(SourceBatch(frame, pl.Series([1]), (), 0), mapping)
    assert parsed.items["office"].to_list() == ["AGADIR"]


def test_every_reader_gives_the_same(tmp_path: Path) -> None:
    values = {
        "id": ["A-1", "A-2"],
        "at": ["2026-03-02"] * 2,
        "office": ["AGADIR"] * 2,
        "importer": [wide("SIM-7"), "S\u200bM"],
        "code": ["٩٣٠٢٠٠", "930200"],
        "value": ["1"] * 2,
        "text": ["x"] * 2,
    }
    frame = pl.DataFrame(values)
    frame.write_csv(tmp_path / "a.csv")
    frame.write_parquet(tmp_path / "a.parquet")
    frame.write_ndjson(tmp_path / "a.jsonl")
    frame.write_excel(tmp_path / "a.xlsx")
    for path in sorted(tmp_path.iterdir()):
        (batch,) = open_source(path, MAPPING.source).batches()
        parsed = parse_batch(batch, MAPPING)
        assert parsed.items.select("commodity_code", "importer_id").rows() == [("930200", "SIM-7")], path
        assert [(refusal.row, refusal.field, refusal.code) for refusal in parsed.refusals] == [
            (2, "importer_id", "bad_character")
        ], path


_marks = st.lists(
    st.tuples(
        st.integers(0, 12), st.sampled_from(["digits", "wide", "unseen", "alike", "space", "any"]), st.integers(0, 11)
    ),
    max_size=3,
)


def disguised(text: str, marks: list[tuple[int, str, int]], letter: str) -> str:
    for place, how, which in marks:
        at = place % (len(text) + 1)
        one = text[at : at + 1]
        if how == "digits":
            one = in_digits(one, ZEROS[which % len(ZEROS)])
        elif how == "wide":
            one = wide(one)
        elif how == "alike":
            one = ALIKE.get(one, one)
        else:
            one = {"unseen": UNSEEN[which], "space": " ", "any": letter}[how] + one
        text = text[:at] + one + text[at + 1 :]
    return text


@settings(max_examples=300)
@given(
    code=st.sampled_from(["9302000000", "930690", "8517130000"]),
    importer=st.sampled_from(["SIM-7", "SIM-8", "ABC 1"]),
    of_code=_marks,
    of_importer=_marks,
    letter=st.characters(),
)
def test_a_disguised_value_meets_the_list_of_its_folded_form_or_is_rejected(
    listed: MandatoryList, code: str, importer: str, of_code: Any, of_importer: Any, letter: str
) -> None:
    sent, named = disguised(code, of_code, letter), disguised(importer, of_importer, letter)
    request = body(commodity_code=sent, importer_id=named)
    online = read_declaration(request, received_at=RECEIVED)
    header = {name: value for name, value in request.items() if name != "items"}
    columns = read_by_columns(header, request["items"], "A-1", received_at=RECEIVED)
    assert type(online) is type(columns)
    if isinstance(online, Rejected):
        return
    assert isinstance(columns, Declaration)
    assert online.rows == columns.rows
    row = online.rows[0]
    assert row["commodity_code"].isascii()
    kept = row["importer_id"]
    assert kept is None or (find_odd(kept) is None and fold_identifier(kept) == kept)
    # What a person sees in it is what the lists are asked for.
    visible = "".join(c for c in unicodedata.normalize("NFKC", fold_digits(named)) if c in "SIMABC-178 ")
    if kept in ("SIM-7", "SIM-8", "ABC 1"):
        assert fold_identifier(visible) == kept
    expected = "armes-93" if row["commodity_code"].startswith("93") else "importer" if kept == "SIM-7" else None
    assert entry_of(listed, row["commodity_code"], kept) == expected
    by_file = of_file({"code": sent, "importer": named})
    if "\x00" not in sent + named and not any("\ud800" <= c <= "\udfff" for c in sent + named):
        assert isinstance(by_file, dict)
        assert (by_file["commodity_code"], by_file["importer_id"]) == (row["commodity_code"], kept)


@given(st.text(max_size=8))
def test_folding_again_changes_nothing(text: str) -> None:
    assert fold_identifier(fold_identifier(text)) == fold_identifier(text)
