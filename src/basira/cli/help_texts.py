"""The help of commands in the reader's language: the catalogs in `locale/help`, by the English text.

Enters: the tree of commands, the arguments. Leaves: the same tree with its texts in a language. Never here:
the English texts, which stand where each command does; the simulator and the laboratory, whose readers read English.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from basira.cli.messages import LOCALE, messages

if TYPE_CHECKING:
    from basira.render.catalogs import Catalog

HELP = LOCALE / "help"
ASKED = ("-h", "--help")
ENGLISH = "en"
# What precedes the example at the foot of a command's help.
EXAMPLE = "Example: "


def asks_for_help(arguments: Sequence[str]) -> bool:
    """Whether a run prints help: it is asked for, or a group is named alone. Reading the texts takes its time."""
    return len(arguments) <= 1 or any(one in ASKED for one in arguments)


def language_asked(arguments: Sequence[str], otherwise: str) -> str:
    """The language of --language: help is printed before options are read.

    >>> language_asked(["target", "-l", "ar", "--help"], "fr"), language_asked(["--language=en"], "fr")
    ('ar', 'en')
    """
    from basira.render.languages import LANGUAGES

    for place, one in enumerate(arguments):
        value = one.partition("=")[2] if one.startswith("--language=") else ""
        if one in ("--language", "-l"):
            value = "".join(arguments[place + 1 : place + 2])
        if value in LANGUAGES:
            return value
    return otherwise


def say_help(command: Any, language: str) -> None:
    """Put the texts of a command, of its options and of the commands below it into a language, where it has them."""
    from basira.render.catalogs import load_catalog

    if language != ENGLISH:
        _say(command, load_catalog(HELP, language), messages(language))
    _say_marks(messages(language))


def help_id(text: str) -> str:
    """A text without the line ends of its source: paragraphs of one line each, under which catalogs hold it.

    >>> help_id("One\\n    sentence.\\n\\n    Another.")
    'One sentence.\\n\\nAnother.'
    """
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.strip().split("\n\n"))


def texts_of(command: Any) -> Iterator[str]:
    """Every text of a command, of its options and of the commands below it."""
    if command.help:
        yield command.help
    for parameter in command.params:
        if text := getattr(parameter, "help", None):
            yield text
    below: Mapping[str, Any] = getattr(command, "commands", {})
    for one in below.values():
        yield from texts_of(one)


def _say(command: Any, texts: Catalog, said: Catalog) -> None:
    if command.help:
        command.help = _in_language(command.help, texts)
        # Set in the source, or made of the help where it is not.
        command.short_help = None
    if command.epilog:
        command.epilog = said.say("help.example", command=command.epilog.removeprefix(EXAMPLE))
    from typer import Context

    for parameter in command.params:
        if text := getattr(parameter, "help", None):
            parameter.help = _in_language(text, texts)
        is_argument = parameter.param_type_name == "argument"
        parameter.rich_help_panel = said.say("help.arguments") if is_argument else said.say("help.options")
    # Click makes the option of the help itself, once for each command.
    if (own := command.get_help_option(Context(command, help_option_names=list(ASKED)))) is not None:
        own.help, own.rich_help_panel = said.say("help.help"), said.say("help.options")
    below: Mapping[str, Any] = getattr(command, "commands", {})
    for one in below.values():
        one.rich_help_panel = said.say("help.commands")
        _say(one, texts, said)


def _say_marks(said: Catalog) -> None:
    """The marks behind an option: its default, its variable, whether it is required."""
    from typer import rich_utils

    rich_utils.DEFAULT_STRING = said.say("help.default", value="{}")
    rich_utils.ENVVAR_STRING = said.say("help.variable", value="{}")
    rich_utils.REQUIRED_LONG_STRING = said.say("help.required")


def _in_language(text: str, texts: Catalog) -> str:
    return texts.template(help_id(text)) if texts.has(help_id(text)) else text
