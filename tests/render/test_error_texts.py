"""Errors in the reader's language: its numbers and dates, phrases in phrases, plurals, what has no translation."""

from __future__ import annotations

from datetime import date

import pytest

from basira.render.error_texts import say_error, say_phrase
from basira.schema.errors import NOTHING, Phrase, StoreError, UsageError, join_phrases


def plain(text: str) -> str:
    """Without isolates, which a terminal is not sent either."""
    return text.replace("\u2068", "").replace("\u2069", "").replace("\u202f", " ").replace("\xa0", " ")


def test_the_english_text_is_that_of_the_raising_place() -> None:
    error = StoreError("Expected a store at {store!r}, found nothing.", hint="Name {store}.", store="x")
    assert (str(error), error.message, error.hint) == (
        error.message,
        "Expected a store at 'x', found nothing.",
        "Name x.",
    )
    assert say_error(error, "en") == (error.message, error.hint)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("fr", "Base attendue dans 'x', rien trouvé."),
        ("ar", "المنتظر مستودع في 'x'، ولا شيء موجود."),
    ],
)
def test_values_stand_in_the_translation(language: str, words: str) -> None:
    assert plain(say_phrase(Phrase("Expected a store at {store!r}, found nothing.", store="x"), language)) == words


def test_numbers_and_days_are_those_of_the_language() -> None:
    found = Phrase("Declarations run from {first} to {last}.", first=date(2024, 1, 22), last=date(2024, 2, 1))
    assert plain(say_phrase(found, "fr")) == "Les déclarations vont du 22 janv. 2024 au 1 févr. 2024."
    assert plain(say_phrase(Phrase("{size:,} bytes", size=1234567), "fr")) == "1 234 567 octets"
    share = Phrase("one result makes up {share:.0%} of all weights, more than {most:.0%}", share=0.5, most=0.1)
    assert "50 % de tous les poids" in plain(say_phrase(share, "fr"))
    waited = Phrase(
        "The store {root!r} is being written by another process; waited {wait_seconds:g} s.", root="s", wait_seconds=0.5
    )
    assert "attente de 0,5 s." in say_phrase(waited, "fr")
    # Without a mark a number is a name: a year, a line, a version.
    assert say_phrase(Phrase("in the header, line {line}", line=1200), "fr") == "dans l’en-tête, ligne 1200"


def test_a_phrase_within_a_phrase_is_said_too() -> None:
    found = UsageError(
        "Expected a file at {path!r}, found {found}.", hint="Check the path.", path="p", found=Phrase("a folder")
    )
    assert say_error(found, "fr") == ("Fichier attendu : 'p' ; trouvé : un dossier.", "Vérifiez le chemin.")
    listed = join_phrases([Phrase("a folder"), Phrase("nothing")], "; ")
    assert (str(listed), say_phrase(listed, "fr")) == ("a folder; nothing", "un dossier; rien")


def test_counts_have_the_plural_form_of_the_language() -> None:
    def said(count: int, language: str) -> str:
        text = "Expected an unbroken record, found {count} fault(s); first, {faults}."
        return plain(say_phrase(Phrase(text, count=count, faults="f"), language))

    assert "1 faute trouvée" in said(1, "fr")
    assert "2 fautes trouvées" in said(2, "fr")
    forms = {said(count, "ar").replace(str(count), "") for count in (1, 2, 3, 11)}
    assert len(forms) == 4


def test_what_has_no_translation_is_said_in_english() -> None:
    assert say_phrase(Phrase("no such text {value}", value=3), "ar").startswith("no such text")
    assert say_phrase(NOTHING, "fr") == ""


def test_braces_of_a_text_without_values_stay() -> None:
    error = UsageError("Expected the rule as a JSON object, found another value.", hint="Send {'rule': {...}}.")
    assert say_error(error, "fr")[1] == "Envoyez {'rule': {...}}."


def test_a_phrase_passes_to_another_process_and_back() -> None:
    phrase = Phrase("found {size:,} bytes {more}", size=3, more=Phrase("in {file!r}", file="f"))
    assert Phrase.unpack(phrase.pack()) == phrase


@pytest.mark.parametrize(
    "text", ["{value.__class__}", "{value[0]}", "{value:>999999999}", "{other}", "{value:{value}}"]
)
def test_a_template_of_another_process_reaches_for_no_more_than_its_values(text: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        str(Phrase.unpack({"text": text, "values": {"value": "x"}}))


def test_an_error_keeps_no_exception_alive() -> None:
    assert UsageError("found {error}", hint="h", error=OSError("x")).message_phrase.values == {"error": "x"}
