"""Help, faulty command lines and completion, in the reader's language."""

from __future__ import annotations

import re

import pytest
from typer.main import get_command

from basira.cli.examples import EXAMPLES
from basira.cli.help_texts import ASKED, HELP, help_id, language_asked, say_help, texts_of
from basira.cli.program import app
from tests.support.command_line import run

# The simulator and the laboratory are for those who build models: their readers read English.
FOR_BUILDERS = ("country", "lab")
# What is typed stays as it is: commands, options, and what names a file or a value.
TYPED = re.compile(r"basira(?: [a-z][a-z-]+)+|--[a-z][a-z-]+")


@pytest.fixture(scope="module")
def texts() -> set[str]:
    program = get_command(app)
    program.commands = {name: one for name, one in program.commands.items() if name not in FOR_BUILDERS}  # type: ignore[attr-defined]
    return {help_id(text) for text in texts_of(program)}


def catalog(language: str) -> dict[str, str]:
    from babel.messages.pofile import read_po

    with (HELP / f"{language}.po").open("rb") as file:
        return {str(one.id): str(one.string) for one in read_po(file, locale=language, abort_invalid=True) if one.id}


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_every_text_of_the_help_is_there_and_no_other(texts: set[str], language: str) -> None:
    said = catalog(language)
    assert len(texts) > 300
    assert texts - said.keys() == set()
    assert said.keys() - texts == set()
    assert all(said.values())


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_commands_and_options_stay_as_they_are_typed(language: str) -> None:
    for text, said in catalog(language).items():
        assert set(TYPED.findall(text)) == set(TYPED.findall(said)), text
        assert text.count("\n\n") == said.count("\n\n"), text


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "fr",
            (
                "Exemple : basira train",
                "Graine de tout",
                "Options",
                "cette aide",
                "[défaut : 1]",
                "[obligatoire]",
            ),
        ),
        ("en", ("Example: basira train", "Seed of everything", "Options", "[default: 1]", "[required]")),
        ("ar", ("مثال: basira train", "بذرة كل ما هو عشوائي", "الخيارات", "اعرض هذه المساعدة", "[إلزامي]")),
    ],
)
def test_help_is_in_the_language_that_is_asked_for(language: str, words: tuple[str, ...]) -> None:
    found = run("train", "--language", language, "--help")
    assert found.code == 0
    assert [word for word in words if word not in found.out] == []


def test_a_group_named_alone_shows_its_help(monkeypatch: pytest.MonkeyPatch) -> None:
    found = run("rules")
    assert found.code == 2
    assert "Approuver une version soumise" in found.out
    assert found.err == ""


def test_the_command_line_names_the_language_before_the_environment() -> None:
    assert language_asked(["target", "--language", "xx"], "fr") == "fr"
    assert language_asked(["-l"], "ar") == "ar"


def test_every_command_has_its_example_in_the_language() -> None:
    program = get_command(app)
    say_help(program, "fr")
    lines = [one for one in EXAMPLES.strip().splitlines() if not one.startswith(FOR_BUILDERS)]
    for line in lines:
        command, words = program, line.split()
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]  # type: ignore[attr-defined]
        assert command.epilog == f"Exemple : basira {line}"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("target",), "Option obligatoire absente : --day."),
        (("models", "show"), "Argument obligatoire absent : VERSION."),
        (("targt",), "Commande inconnue : targt ; proches : target."),
        (("nonsense",), "Commande inconnue : nonsense."),
        (("target", "--dy", "3"), "Option inconnue : --dy ; proches : --day"),
        (
            ("target", "--day", "x", "--language", "de"),
            "--language : une valeur parmi fr, en, ar attendue, 'de' trouvé.",
        ),
        (("target", "--day", "x", "--most", "0"), "--most : nombre d’au moins 1 attendu."),
        (("target", "--day", "x", "--most", "y"), "--most : nombre attendu."),
        (("quarantine", "list", "a", "b"), "Argument de trop : a b."),
        (("target", "--day"), "--day : valeur attendue, aucune trouvée."),
    ],
)
def test_a_faulty_command_line_is_reported_in_french(arguments: tuple[str, ...], words: str) -> None:
    found = run(*arguments)
    assert (found.code, found.out) == (2, "")
    assert words in found.err
    assert "--help" in found.err


def test_a_faulty_command_line_is_reported_in_arabic_and_english() -> None:
    assert "خيار إلزامي غائب: --day." in run("target", "-l", "ar").err
    assert "Missing option: --day." in run("target", "-l", "en").err


@pytest.mark.parametrize(("shell", "words"), [("bash", "basira tar"), ("zsh", "basira tar"), ("fish", "basira tar")])
def test_a_shell_completes_a_command(shell: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_BASIRA_COMPLETE", f"complete_{shell}")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", "1")
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", words)
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    found = run()
    assert "target" in found.out
    assert "Traceback" not in found.err


def test_help_is_asked_for_in_the_two_ways() -> None:
    assert [run("policy", "check", one).code for one in ASKED] == [0, 0]
