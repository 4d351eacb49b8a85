"""Messages of commands: complete in three languages, in the language of the option, the environment or the locale."""

from __future__ import annotations

import io
import re
import shutil
import string
from typing import get_args

import pytest

from basira.cli.messages import LOCALE, messages, system_language
from basira.render.languages import LANGUAGES
from tests.support.command_line import ran, run


def entries(language):
    from babel.messages.pofile import read_po

    with (LOCALE / f"{language}.po").open("rb") as file:
        return {
            (m.id if isinstance(m.id, str) else m.id[0]): (m.string if isinstance(m.string, tuple) else (m.string,))
            for m in read_po(file, locale=language, abort_invalid=True)
            if m.id
        }


def test_every_message_is_in_each_language_with_the_same_values():
    known = {language: entries(language) for language in LANGUAGES}
    assert known["fr"].keys() == known["en"].keys() == known["ar"].keys()
    for message in known["fr"]:
        names = {
            language: {
                name for text in known[language][message] for _, name, _, _ in string.Formatter().parse(text) if name
            }
            for language in LANGUAGES
        }
        assert names["fr"] == names["en"] == names["ar"], message
        assert all(all(texts) for texts in (known[language][message] for language in LANGUAGES)), message


def test_every_message_that_the_commands_say_is_there(root_of_the_package):
    said = set()
    for path in root_of_the_package.glob("cli/**/*.py"):
        for found in re.finditer(
            r'(?:said|own|messages\(language\.value\))\.say(?:_count)?\(\s*"([a-z_.]+)"',
            path.read_text(encoding="utf-8"),
        ):
            said.add(found[1])
    # `explain_online` speaks from the catalog of explanations.
    from basira.explain.words import catalog_of

    assert len(said) > 60
    assert said - messages("fr").ids - catalog_of("fr").ids == set()


def test_every_state_kind_and_field_has_its_word():
    from basira.cli.lists import Kind
    from basira.cli.risks import Treatment
    from basira.monitor.stages import STAGES
    from basira.rules.lifecycle import STATES, Status
    from basira.rules.register import Level
    from basira.schema.access import Role
    from basira.schema.fields import OUTCOME_FIELDS
    from basira.selection.policy.model import Order

    needed = {
        "rules.status": {*STATES, *get_args(Status)},
        "models.stage": set(STAGES),
        "lists.kind": {one.value for one in Kind},
        "risks.treatment": {one.value for one in Treatment},
        "risks.level": set(get_args(Level)),
        # Of the persons of the demo: a clearance system is none.
        "role": set(get_args(Role)) - {"system"},
        "preview.order": set(get_args(Order)),
        "outcome": {field.name for field in OUTCOME_FIELDS} - {"declaration_id"},
    }
    ids = {f"{family}.{name}" for family, names in needed.items() for name in names}
    assert len(ids) > 50
    assert ids - messages("ar").ids == set()


def test_steps_of_the_demo_have_their_words(root_of_the_package):
    texts = [root_of_the_package / "workflows" / "demo.py", root_of_the_package / "serving" / "demo.py"]
    steps = {one for path in texts for one in re.findall(r'with step\("([^"]+)"', path.read_text(encoding="utf-8"))}
    assert len(steps) >= 7
    assert {f"demo.step.{one}" for one in steps} - messages("ar").ids == set()


def test_arabic_in_a_pipe_has_no_mark_of_direction(tmp_path):
    criteria = tmp_path / "criteria.txt"
    criteria.write_text("A1: If HS code = 8517* Then Lane IS Red\nA2: If Importer = 0012 Then Lane IS Red\n")
    asked = ("rules", "migrate", criteria, "--out", tmp_path / "rules", "--lane", "Red=rouge_integral")
    found = ran(*asked, "--language", "ar").out
    assert "نُقل معيار واحد." in found
    assert not re.search("2068|2069|[\u2066-\u2069]", found)
    failed = run("rules", "check", "--text", "origin_contry = 'CN'", "--language", "ar").err
    assert "origin_contry" in failed
    assert not re.search("2068|2069|[\u2066-\u2069]", failed)


@pytest.fixture
def root_of_the_package():
    return LOCALE.parents[1]


def test_the_option_goes_before_the_variable_and_the_variable_before_the_locale(walk, monkeypatch):
    def language() -> str:
        shown = ran("explain", walk.declaration_id, "--store", walk.store).out
        words = (("fr", "droits et taxes"), ("en", "duties and taxes"), ("ar", "الرسوم"))
        return next(code for code, word in words if word in shown)

    assert language() == "fr"
    monkeypatch.setenv("LANG", "en_US.UTF-8")
    assert language() == "en"
    monkeypatch.setenv("BASIRA_LANGUAGE", "ar")
    assert language() == "ar"
    shown = ran("explain", walk.declaration_id, "--store", walk.store, "--language", "fr").out
    assert "droits et taxes" in shown


def test_a_locale_that_is_not_spoken_is_french():
    for text in ("", "C", "C.UTF-8", "POSIX", "de_DE.UTF-8", "arn_CL"):
        assert system_language({"LC_ALL": text}) == "fr", text
    assert system_language({"LC_ALL": "", "LC_MESSAGES": "ar", "LANG": "en"}) == "ar"


@pytest.mark.parametrize(
    ("language", "word", "hash_of"),
    [
        ("fr", "Aperçu", "Empreinte des décisions"),
        ("en", "Preview", "Hash of the day"),
        ("ar", "معاينة", "بصمة قرارات"),
    ],
)
def test_target_speaks_the_reader_s_language_and_reads_the_day_first(walk, language, word, hash_of):
    year, month, day = walk.day.split("-")
    found = ran("target", "--day", f"{day}/{month}/{year}", "--preview", "--store", walk.store, "-l", language)
    assert word in found.out
    assert re.search(f"{hash_of}.*: [0-9a-f]{{64}}\n", found.out)
    # A line to be copied: the store and the day as they are.
    assert f"basira target --day {walk.day} --policy morocco --store {walk.store}" in found.out


def test_two_previews_draw_the_same(walk):
    first, second = (ran("target", "--day", walk.day, "--preview", "--store", walk.store, "--json").json for _ in "ab")
    assert first["seed"] == second["seed"]
    assert first["lines"] == second["lines"]
    assert first["earlier_run"]["run_id"] == walk.run_id


def test_a_second_run_asks_and_records_nothing_without_an_answer(walk):
    found = run("target", "--day", walk.day, "--store", walk.store, "-l", "fr")
    assert found.code == 2
    assert "--again" in found.err
    assert f"exécution {walk.run_id}" in found.err
    listed = ran("audit", "runs", "--store", walk.store, "--json").json
    assert len([one for one in listed if one["day"] == walk.day]) == 1


def test_names_of_a_register_stand_on_the_list_and_are_erased_with_the_person(walk, tmp_path, monkeypatch):
    store = shutil.copytree(walk.store, tmp_path / "store")
    lines = walk.outcomes["target"].json["lines"]
    importer, office = lines[0]["header"]["importer_id"], lines[0]["office"]
    names = tmp_path / "names.csv"
    names.write_text(f"identifier;name\n{importer};ATLAS NEGOCE\n;X\n", encoding="utf-8")
    (tmp_path / "offices.csv").write_text(f"code;nom\n{office};Le Port\n", encoding="utf-8")
    shown = ran("register", "ingest", names, "--store", store, "-l", "fr").out
    assert "noms nouveaux : 1, changés : 0" in shown
    assert "ligne 3 rejetée : sans identifiant" in shown
    again = ran("register", "ingest", names, "--store", store, "--json").json
    assert (again["taken"], again["known"], again["total"]) == (0, 1, 1)
    assert (
        ran("register", "ingest", tmp_path / "offices.csv", "--kind", "offices", "--store", store, "--json").code == 0
    )
    look = ("target", "--day", walk.day, "--seed", 5, "--preview", "--store", store)
    body = ran(*look, "--json").json
    assert (body["operator_names"], body["office_names"]) == ({importer: "ATLAS NEGOCE"}, {office: "Le Port"})
    looked = ran(*look).out
    assert f"ATLAS NEGOCE ({importer})" in looked
    # The command that records what was shown draws by the same seed.
    assert f"basira target --day {walk.day} --seed 5 --policy" in looked
    # Not in the record: what was decided names no one more than before.
    assert all(b"ATLAS NEGOCE" not in path.read_bytes() for path in store.rglob("*.sqlite*"))
    monkeypatch.setattr("sys.stdin", io.StringIO(importer + "\n"))
    done = ran("history", "erase", "--motive", "law 09-08", "--by", "dpo", "--store", store, "--json").json
    assert done["register_entries"] == 1
    assert "ATLAS" not in (store / "register.json").read_text(encoding="utf-8")


ENGLISH = re.compile(
    r"\b(the|and|of|not|found|expected|rows|written|this|that|with|no|snapshot|store|decisions|every|which|are|was)\b"
)
# What is typed or quoted is no sentence: commands, options, paths, names in quotes, columns of a file.
QUOTED = re.compile(
    r"basira [^\n»]*|`[^`]*`|'[^'\n]*'|\"[^\"\n]*\"|--[a-z-]+|/[\w/.-]+|\[[a-z]+\][^\s,;]*|\b\w+[._]\w+\b"
)


@pytest.mark.parametrize(
    "arguments",
    [
        ("target", "--day", "demain"),
        ("target", "--day", "2031-11-02", "--as-of", "2023-10-31"),
        ("target", "--day", "2023-11-02", "--policy", "atlantis"),
        ("target", "--day", "2023-11-02", "--office", "NOWHERE"),
        ("train", "--as-of", "2020-01-01"),
        ("score", "--from", "2023-11-02", "--to", "2023-11-01", "--as-of", "2023-10-31", "--out", "s.csv"),
        ("ingest", "absent.csv", "--mapping", "kcs"),
        ("ingest", "absent.csv", "--mapping", "absent"),
        ("explain", "ABSENT"),
        ("replay", "absent"),
        ("models", "show", "absent"),
        ("users", "show", "absent"),
        ("keys", "revoke", "absent", "--by", "t", "--motive", "m"),
        ("lists", "show", "absent"),
        ("risks", "show", "absent"),
        ("audit", "show", "absent"),
        ("audit", "runs"),
        ("audit", "verify"),
        ("history", "verify"),
        ("models", "list"),
        ("users", "list"),
        ("keys", "list"),
        ("proof", "--from", "2020-01-01", "--to", "2020-01-02"),
    ],
)
def test_no_english_word_is_left_in_french(arguments, walk):
    found = run(*arguments, "--store", walk.store)
    said = found.out + found.err
    assert said
    assert ENGLISH.findall(QUOTED.sub("", said)) == [], said


def test_refused_rows_and_doubts_are_said_in_french_but_for_what_the_store_recorded(tmp_path):
    rows = "numero;jour;bureau;article;code;valeur\n" + "".join(
        f"D{n};{day};CASA;1;85171300;{value}\n"
        for n, (day, value) in enumerate([("12/01/2024", "12,5"), ("hier", "3,5")])
    )
    (tmp_path / "a.csv").write_text(rows, encoding="utf-8")
    (tmp_path / "m.toml").write_text(
        '[source]\nseparator = ";"\ndecimal = ","\n[fields]\ndeclaration_id = "numero"\noffice = "bureau"\n'
        'item_number = "article"\ncommodity_code = "code"\ncustoms_value_amount = "valeur"\n'
        'declared_at = { column = "jour", formats = ["%d/%m/%Y"] }\n',
        encoding="utf-8",
    )
    taken = ran("ingest", tmp_path / "a.csv", "--mapping", tmp_path / "m.toml", "--store", tmp_path / "store")
    assert "bad_date (date illisible)" in taken.out
    again = ran("ingest", tmp_path / "a.csv", "--mapping", tmp_path / "m.toml", "--store", tmp_path / "store")
    assert "Ce même fichier a déjà été intégré" in again.out
    listed = ran("quarantine", "list", "--store", tmp_path / "store").out
    assert "Lignes montrées : 1 sur 1." in listed
    # ``expected`` was recorded when the row was refused.
    rest = re.sub(r"attendu : .*", "", listed)
    assert ENGLISH.findall(QUOTED.sub("", rest)) == []
    checked = ran("mapping", "check", tmp_path / "a.csv", "--mapping", tmp_path / "m.toml").out
    assert "lignes 2, à prendre 1, rejetées 1" in checked
    assert ran("quarantine", "list", "--store", tmp_path / "store", "--json").json["total"] == 1


def test_the_machine_s_form_is_one_in_every_language(walk):
    bodies = {ran("audit", "runs", "--json", "-l", language, "--store", walk.store).out for language in LANGUAGES}
    assert len(bodies) == 1
