"""A condition written as a text that people read, in three languages.

Enters: a settled condition, the vocabulary, a language. Leaves: the text, which reads back to the same condition. Never
here: the verdict on a declaration.
"""

from __future__ import annotations

from basira.render.languages import check_language
from basira.rules import model
from basira.rules.model import Condition, Operand
from basira.rules.names import UNIT_WORDS, Vocabulary
from basira.rules.phrases import FLAG_WORDS, say_weekday, say_word


def write_text(condition: Condition, vocabulary: Vocabulary, language: str) -> str:
    """The text of a condition. Raises UsageError for a language that Basira does not speak.

    >>> write_text(model.StartsWith("commodity_code", ("8517", "8518")), Vocabulary([]), "en")
    "commodity_code starts with ('8517', '8518')"
    """
    return _Writer(vocabulary, check_language(language)).condition(condition)


class _Writer:
    def __init__(self, vocabulary: Vocabulary, language: str) -> None:
        self._vocabulary, self._language = vocabulary, language

    def condition(self, condition: Condition) -> str:
        match condition:
            case model.AllOf(parts):
                return f" {self._word('AND')} ".join(self._part(part) for part in parts)
            case model.AnyOf(parts):
                return f" {self._word('OR')} ".join(self._part(part) for part in parts)
            case model.Not(part):
                return f"{self._word('NOT')} ({self.condition(part)})"
            case model.AnyItem(part):
                return f"{self._word('any_item#')} ({self.condition(part)})"
            case model.AllItems(part):
                return f"{self._word('all_items#')} ({self.condition(part)})"
            case model.CountItems(part, comparison, count):
                return f"{self._word('count_items#')} ({self.condition(part)}) {comparison} {count}"
            case model.Compare(left, comparison, right):
                return f"{self.operand(left)} {comparison} {self.operand(right)}"
            case model.Between(operand, low, high):
                between = f"{self.operand(low)} {self._word('AND')} {self.operand(high)}"
                return f"{self.operand(operand)} {self._word('BETWEEN')} {between}"
            case model.OneOf(field, (value,)):
                return (
                    f"{self._name(field)} = {_quote(value)}"
                    if not _is_day(value)
                    else self._several("IN", field, (value,))
                )
            case model.OneOf(field, values):
                return self._several("IN", field, values)
            case model.StartsWith(field, values):
                return self._several("LIKE", field, values)
            case model.Contains(field, values):
                return self._several("ILIKE", field, values)
            case model.InList(field, list_name):
                return f"{self._name(field)} {self._word('GLOB')} {_quote(list_name)}"
            case model.IsMissing(field):
                return f"{self._name(field)} {self._word('IS NULL')}"
            case model.IsTrue(field):
                return f"{self._name(field)} = {FLAG_WORDS[True][self._language]}"
            case model.OnWeekday(field, days):
                words = ", ".join(say_weekday(day, self._language) for day in days)
                return f"{self._name(field)} {self._word('SIMILAR TO')} ({words})"

    def operand(self, operand: Operand) -> str:
        match operand:
            case model.FieldValue(name):
                return self._name(name)
            case model.Number(value, unit):
                return write_number(value) + (f" {self._unit(unit)}" if unit else "")
            case model.Day(day):
                return f"'{day.isoformat()}'"
            case model.Arithmetic(operation, left, right):
                return f"{self._within(left)} {operation} {self._within(right)}"

    def _within(self, operand: Operand) -> str:
        text = self.operand(operand)
        return f"({text})" if isinstance(operand, model.Arithmetic) else text

    def _part(self, part: Condition) -> str:
        text = self.condition(part)
        return f"({text})" if isinstance(part, model.AllOf | model.AnyOf | model.Between) else text

    def _several(self, sql: str, field: str, values: tuple[str, ...]) -> str:
        listed = ", ".join(_quote(value) for value in values)
        is_single = len(values) == 1 and sql != "IN"
        return f"{self._name(field)} {self._word(sql)} {listed if is_single else f'({listed})'}"

    def _word(self, sql: str) -> str:
        return say_word(sql, self._language)

    def _name(self, name: str) -> str:
        return self._vocabulary.written(name, self._language)

    def _unit(self, unit: str) -> str:
        wanted = {"days": {"fr": "jours", "ar": "أيام"}, "hours": {"fr": "heures", "ar": "ساعات"}}
        word = wanted.get(unit, {}).get(self._language, unit)
        return word if UNIT_WORDS.get(word, word) == unit else unit


def write_number(value: float) -> str:
    """A number in the shortest form that reads back to the same double.

    >>> write_number(500.0), write_number(0.1), write_number(1e18)
    ('500', '0.1', '1000000000000000000')
    """
    return str(int(value)) if value.is_integer() else repr(value)


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _is_day(text: str) -> bool:
    return len(text) == 10 and text[4] == text[7] == "-"
