"""The readable text of a condition, read and written in three languages.

Enters: a text and the vocabulary; or a condition and a language. Leaves: a settled condition; the text that reads back
to it. Never here: SQL from a person. sqlglot parses operators and brackets of our own making, in which every name and
literal of the text is a numbered placeholder; of its syntax tree only what `_Maker` names is taken.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

from basira.rules import model
from basira.rules.check import settle
from basira.rules.faults import rule_fault
from basira.rules.json_form import Places
from basira.rules.model import Condition, Operand
from basira.rules.names import UNIT_WORDS, Vocabulary, fold_name
from basira.rules.phrases import FLAGS, PHRASES, WEEKDAY_WORDS, nearest_phrase
from basira.schema.errors import RuleError
from basira.schema.text import fold_digits

if TYPE_CHECKING:
    from sqlglot import exp

TokenKind = Literal["word", "name", "string", "number", "sign"]
_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<string>'(?:[^']|'')*')
    |(?P<name>"[^"]*"|«[^»]*»)
    |(?P<number>\d+(?:[.٫]\d+)?(?:[eE][+-]?\d{1,3})?)
    |(?P<word>[^\W\d]\w*)
    |(?P<sign><=|>=|<>|!=|==|[<>=≤≥≠+\-−*×/÷(),،%])""",
    re.VERBOSE,
)
# As SQL has them.
_SIGNS = {"≤": "<=", "≥": ">=", "≠": "<>", "!=": "<>", "==": "=", "−": "-", "×": "*", "÷": "/", "،": ","}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_COMPARED: Mapping[str, model.Comparison] = {"LT": "<", "LTE": "<=", "EQ": "=", "NEQ": "!=", "GTE": ">=", "GT": ">"}
_FLIPPED: Mapping[model.Comparison, model.Comparison] = {
    "<": ">",
    "<=": ">=",
    "=": "=",
    "!=": "!=",
    ">=": "<=",
    ">": "<",
}
_OPERATED: Mapping[str, model.Operation] = {"Add": "+", "Sub": "-", "Mul": "*", "Div": "/"}


@dataclass(frozen=True)
class Token:
    """One word, sign or literal of a text. ``place``: the character from 1, and how many."""

    kind: TokenKind
    text: str
    place: tuple[int, int]


@dataclass(frozen=True)
class _Piece:
    """What sqlglot gets for some tokens: an operator, or a placeholder that stands for ``value``."""

    sql: str
    token: Token
    value: object = None


def parse_condition(text: str, vocabulary: Vocabulary) -> Condition:
    """The condition that a text says, in French, Arabic or English.

    A condition on items that names no quantifier is one of "any item". Raises `RuleError` with the place.
    """
    tokens = tokenize(text)
    pieces = _Pieces(tokens, vocabulary).make()
    places: Places = {}
    condition = _Maker(pieces, places).make()
    if _reads_item_outside(condition, vocabulary):
        whole = condition
        condition = model.AnyItem(whole)
        places[id(condition)] = places.get(id(whole))
    return settle(condition, vocabulary, places)


def tokenize(text: str) -> list[Token]:
    """The tokens of a text. Raises `RuleError`: too long, empty, or a character that has no place in it."""
    if len(text) > model.MOST_CHARACTERS:
        raise rule_fault("too_long", most=model.MOST_CHARACTERS)
    folded = fold_digits(text)
    tokens: list[Token] = []
    position = depth = 0
    while position < len(folded):
        match = _TOKEN.match(folded, position)
        if match is None:
            reason = "open_quote" if folded[position] in "'\"«" else "character"
            raise rule_fault(reason, place=(position + 1, 1), found=folded[position])
        kind, found = match.lastgroup, match[0]
        position = match.end()
        if kind == "space":
            continue
        place = (match.start() + 1, len(found))
        if kind == "sign":
            found = _SIGNS.get(found, found)
            depth += (found == "(") - (found == ")")
            if depth > model.MOST_DEPTH:
                raise rule_fault("too_deep", place=place, most=model.MOST_DEPTH)
        if kind == "string":
            found = found[1:-1].replace("''", "'")
            if len(found) > model.LONGEST_VALUE:
                raise rule_fault("text_form", place=place, least=1, most=model.LONGEST_VALUE, found=found)
        if kind == "name":
            found = found[1:-1]
        is_comment = match[0] in "-*" and folded[max(0, match.start() - 1) : position] in ("--", "/*")
        if is_comment:  # SQL would pass over the rest of the text; a sum would be no better a guess
            raise rule_fault("character", place=place, found=folded[match.start() - 1 : position])
        is_glued = bool(tokens) and kind in ("word", "number") and sum(tokens[-1].place) == place[0]
        if is_glued and tokens[-1].kind in ("word", "number") and kind == "number":
            raise rule_fault("character", place=place, found=found)
        tokens.append(Token(_kind(kind), found.replace("٫", ".") if kind == "number" else found, place))
        if len(tokens) > model.MOST_TOKENS:
            raise rule_fault("too_many", place=place, most=model.MOST_TOKENS)
    if not tokens:
        raise rule_fault("empty")
    return tokens


def _kind(group: str | None) -> TokenKind:
    kinds: Mapping[str | None, TokenKind] = {"string": "string", "name": "name", "number": "number", "word": "word"}
    return kinds.get(group, "sign")


class _Pieces:
    """Puts phrases, names and literals of a text into what sqlglot gets."""

    def __init__(self, tokens: Sequence[Token], vocabulary: Vocabulary) -> None:
        self._tokens, self._vocabulary = tokens, vocabulary
        self._at = 0
        self._negations = 0

    def make(self) -> list[_Piece]:
        pieces: list[_Piece] = []
        while self._at < len(self._tokens):
            pieces.append(self._next())
            self._negations = self._negations + 1 if pieces[-1].sql in ("NOT", "-") else 0
            if self._negations > 2:
                raise rule_fault("too_deep", place=pieces[-1].token.place, most=2)
        return pieces

    def _next(self) -> _Piece:
        token = self._tokens[self._at]
        if token.kind == "sign":
            self._at += 1
            if token.text == "%":
                raise rule_fault("misplaced", place=token.place, found=token.text)
            return _Piece(token.text, token)
        if token.kind == "string":
            self._at += 1
            return self._operand(token, token.text)
        if token.kind == "number":
            return self._number(token)
        if token.kind == "word" and (found := self._phrase()) is not None:
            return found
        self._at += 1
        return self._name(token)

    def _phrase(self) -> _Piece | None:
        """The longest phrase that begins here."""
        words = []
        for token in self._tokens[self._at : self._at + 4]:
            if token.kind != "word":
                break
            words.append(fold_name(token.text))
        first = self._tokens[self._at]
        for count in range(len(words), 0, -1):
            phrase = " ".join(words[:count])
            value: object
            if (sql := PHRASES.get(phrase)) is not None:
                value = None
            elif (day := WEEKDAY_WORDS.get(phrase)) is not None:
                sql, value = "t#", _WeekdayWord(day)
            elif phrase in FLAGS:
                sql, value = "t#", FLAGS[phrase]
            else:
                continue
            self._at += count
            last = self._tokens[self._at - 1].place
            place = (first.place[0], last[0] + last[1] - first.place[0])
            return _Piece(sql, Token("word", phrase, place), value)
        return None

    def _number(self, token: Token) -> _Piece:
        self._at += 1
        value = float(token.text)
        if value > model.LARGEST:
            raise rule_fault("range", place=token.place, low="0", high=f"{model.LARGEST:g}", found=token.text)
        unit = ""
        following = self._tokens[self._at] if self._at < len(self._tokens) else None
        after = self._tokens[self._at + 1] if self._at + 1 < len(self._tokens) else None
        if following is not None and following.text == "," and after is not None and after.kind == "number":
            raise rule_fault("decimal_comma", place=token.place, nearest=f"{token.text}.{after.text}", found=token.text)
        if following is not None and (following.kind == "word" or following.text == "%"):
            unit = UNIT_WORDS.get(following.text.casefold(), "")
            if not unit and _CURRENCY.fullmatch(following.text) and fold_name(following.text) not in PHRASES:
                unit = following.text
            if unit:
                self._at += 1
                end = sum(following.place)
                token = Token("number", token.text, (token.place[0], end - token.place[0]))
            elif fold_name(following.text) not in PHRASES and self._phrase() is None:
                raise rule_fault(
                    "unknown_unit", place=following.place, found=following.text, expected="kg, g, t, %, MAD"
                )
        return self._operand(token, model.Number(value, unit))

    def _name(self, token: Token) -> _Piece:
        found = self._vocabulary.find(token.text)
        if found is None:
            if several := self._vocabulary.sharing(token.text):
                raise rule_fault("shared_name", place=token.place, found=token.text, expected=", ".join(several))
            nearest = self._vocabulary.nearest(token.text) or nearest_phrase(token.text)
            raise rule_fault("unknown_field", place=token.place, nearest=nearest, found=token.text)
        return self._operand(token, model.FieldValue(found.name))

    def _operand(self, token: Token, value: object) -> _Piece:
        return _Piece("t#", token, value)


@dataclass(frozen=True)
class _WeekdayWord:
    day: model.Weekday


class _Maker:
    """Makes a condition of sqlglot's tree: a closed list of its nodes, each with a closed list of its parts."""

    def __init__(self, pieces: Sequence[_Piece], places: Places) -> None:
        self._pieces, self._places = pieces, places
        self._of = {f"t{number}": piece for number, piece in enumerate(pieces) if piece.sql == "t#"}

    def make(self) -> Condition:
        tree = self._parse()
        return self.condition(tree)

    def _parse(self) -> exp.Expr:
        import sqlglot
        from sqlglot.errors import SqlglotError

        sql, starts = "", []
        for number, piece in enumerate(self._pieces):
            starts.append(len(sql))
            sql += f"{piece.sql.replace('#', str(number))} "
        try:
            [tree] = sqlglot.parse(sql)
        except SqlglotError as error:
            raise self._syntax(error, sql, starts) from None
        except (RecursionError, ValueError):
            raise rule_fault("too_deep", most=model.MOST_DEPTH) from None
        if tree is None:
            raise rule_fault("empty")
        return tree

    def _syntax(self, error: Exception, sql: str, starts: Sequence[int]) -> RuleError:
        """The piece that sqlglot stopped at."""
        found = getattr(error, "errors", None) or [{}]
        column = found[0].get("col")
        highlight = found[0].get("highlight") or ""
        end = len(sql) if column is None else int(column)
        begin = max(0, end - len(highlight))
        number = max((n for n, start in enumerate(starts) if start <= begin), default=0)
        token = self._pieces[number].token
        return rule_fault("syntax", place=token.place, found=token.text)

    # -- conditions ---------------------------------------------------------------------------------------------------

    def condition(self, node: exp.Expr) -> Condition:
        from sqlglot import exp

        made: Condition
        kind = type(node).__name__
        match node:
            case exp.Paren():
                self._only(node, "this")
                return self.condition(node.this)
            case exp.And() | exp.Or():
                self._only(node, "this", "expression")
                parts = tuple(self.condition(part) for part in _chain(node))
                made = model.AllOf(parts) if isinstance(node, exp.And) else model.AnyOf(parts)
            case exp.Not():
                self._only(node, "this")
                made = model.Not(self.condition(node.this))
            case exp.Anonymous():
                made = self._quantified(node)
            case exp.Between():
                self._only(node, "this", "low", "high")
                low, high = self.operand(node.args["low"]), self.operand(node.args["high"])
                made = model.Between(self.operand(node.this), low, high)
            case exp.In():
                made = self._in(node)
            case exp.Is():
                self._only(node, "this", "expression")
                if not isinstance(node.expression, exp.Null):
                    raise self._misplaced(node)
                made = model.IsMissing(self._field(node.this))
            case exp.Like() | exp.ILike() | exp.Glob() | exp.SimilarTo():
                made = self._matched(node)
            case _ if kind in _COMPARED:
                self._only(node, "this", "expression")
                made = self._compared(node, _COMPARED[kind])
            case _:
                raise self._misplaced(node)
        self._note(made, node)
        return made

    def _quantified(self, node: exp.Anonymous) -> Condition:
        self._only(node, "this", "expressions")
        name = str(node.this).lower()
        if len(node.expressions) != 1:
            raise self._misplaced(node)
        part = self.condition(node.expressions[0])
        if name.startswith("any_item"):
            return model.AnyItem(part)
        if name.startswith("all_items"):
            return model.AllItems(part)
        raise self._misplaced(node)  # a count without a number to compare with

    def _compared(self, node: exp.Expr, comparison: model.Comparison) -> Condition:
        from sqlglot import exp

        left, right = node.this, node.expression
        if isinstance(right, exp.Anonymous):
            left, right, comparison = right, left, _FLIPPED[comparison]
        if isinstance(left, exp.Anonymous):
            self._only(left, "this", "expressions")
            count = self._value(right)
            is_count = isinstance(count, model.Number) and not count.unit and count.value.is_integer()
            if not str(left.this).lower().startswith("count_items") or len(left.expressions) != 1 or not is_count:
                raise self._misplaced(node)
            assert isinstance(count, model.Number)  # noqa: S101 - as the line above found
            if count.value > 9999:
                raise rule_fault("range", place=self._place(right), low="0", high="9999", found=count.value)
            return model.CountItems(self.condition(left.expressions[0]), comparison, int(count.value))
        value, field = self._value(right), self._value(left)
        if isinstance(field, str | bool) and isinstance(value, model.FieldValue):
            value, field, comparison = field, value, _FLIPPED[comparison]
        if isinstance(field, model.FieldValue) and isinstance(value, bool) and comparison in ("=", "!="):
            flag: Condition = model.IsTrue(field.name)
            return flag if value == (comparison == "=") else model.Not(flag)
        if isinstance(field, model.FieldValue) and isinstance(value, str) and not _DAY.fullmatch(value):
            if comparison not in ("=", "!="):
                raise rule_fault("text_order", place=self._place(right), found=value)
            one: Condition = model.OneOf(field.name, (value,))
            self._note(one, node)
            return one if comparison == "=" else model.Not(one)
        return model.Compare(self.operand(left), comparison, self.operand(right))

    def _in(self, node: exp.In) -> Condition:
        self._only(node, "this", "expressions")
        return model.OneOf(self._field(node.this), self._strings(node.expressions, node))

    def _matched(self, node: exp.Expr) -> Condition:
        from sqlglot import exp

        self._only(node, "this", "expression", "negate")
        field, right = self._field(node.this), node.expression
        while isinstance(right, exp.Paren):
            self._only(right, "this")
            right = right.this
        if isinstance(right, exp.Tuple):
            self._only(right, "expressions")
        several = right.expressions if isinstance(right, exp.Tuple) else [right]
        made: Condition
        if isinstance(node, exp.SimilarTo):
            words = [self._value(one) for one in several]
            days = tuple(word.day for word in words if isinstance(word, _WeekdayWord))
            if len(days) != len(words):
                raise self._misplaced(node)
            made = model.OnWeekday(field, days)
        else:
            texts = self._strings(several, node)
            if isinstance(node, exp.Glob):
                if len(texts) != 1:
                    raise self._misplaced(node)
                made = model.InList(field, texts[0])
            else:
                made = model.Contains(field, texts) if isinstance(node, exp.ILike) else model.StartsWith(field, texts)
        self._note(made, node)
        return model.Not(made) if node.args.get("negate") else made

    # -- operands -----------------------------------------------------------------------------------------------------

    def operand(self, node: exp.Expr) -> Operand:
        from sqlglot import exp

        made: Operand
        kind = type(node).__name__
        if isinstance(node, exp.Paren):
            self._only(node, "this")
            return self.operand(node.this)
        if isinstance(node, exp.Neg):
            self._only(node, "this")
            inner = self.operand(node.this)
            if not isinstance(inner, model.Number):
                raise self._misplaced(node)
            made = model.Number(-inner.value + 0.0, inner.unit)
        elif kind in _OPERATED:
            self._only(node, "this", "expression", "typed", "safe")
            made = model.Arithmetic(_OPERATED[kind], self.operand(node.this), self.operand(node.expression))
        else:
            value = self._value(node)
            if isinstance(value, str) and _DAY.fullmatch(value):
                try:
                    made = model.Day(date.fromisoformat(value))
                except ValueError:
                    raise rule_fault("day_form", place=self._place(node), found=value) from None
            elif isinstance(value, model.FieldValue):
                made = model.FieldValue(value.name)  # a node of its own: it has a place of its own
            elif isinstance(value, model.Number):
                made = model.Number(value.value + 0.0, value.unit)
            else:
                raise self._misplaced(node)
        self._note(made, node)
        return made

    def _value(self, node: exp.Expr) -> object:
        """What a placeholder stands for; None for what is no placeholder."""
        from sqlglot import exp

        if not isinstance(node, exp.Column) or not isinstance(node.this, exp.Identifier):
            return None
        self._only(node, "this")
        found = self._of.get(str(node.this.this))
        return None if found is None else found.value

    def _field(self, node: exp.Expr) -> str:
        value = self._value(node)
        if not isinstance(value, model.FieldValue):
            raise self._misplaced(node)
        return value.name

    def _strings(self, nodes: Sequence[exp.Expr], whole: exp.Expr) -> tuple[str, ...]:
        if len(nodes) > model.MOST_VALUES:
            raise rule_fault("values", place=self._place(whole), most=model.MOST_VALUES)
        texts = []
        for node in nodes:
            value = self._value(node)
            if isinstance(value, model.Number):
                raise rule_fault("quotes", place=self._place(node), found=f"{value.value:g}")
            if not isinstance(value, str):
                raise self._misplaced(node)
            texts.append(value)
        if not texts:
            raise self._misplaced(whole)
        return tuple(texts)

    def _only(self, node: exp.Expr, *parts: str) -> None:
        """Reject a part of a node that is not named: nothing that sqlglot understood is passed over in silence."""
        for name, value in node.args.items():
            if name not in parts and value not in (None, [], False):
                raise self._misplaced(node)

    def _place(self, node: exp.Expr) -> tuple[int, int] | None:
        """From the first to the last placeholder of a node."""
        from sqlglot import exp

        found = [
            self._of[str(one.this)].token.place for one in node.find_all(exp.Identifier) if str(one.this) in self._of
        ]
        if not found:
            return None
        begin = min(place[0] for place in found)
        return begin, max(sum(place) for place in found) - begin

    def _note(self, made: object, node: exp.Expr) -> None:
        self._places.setdefault(id(made), self._place(node))

    def _misplaced(self, node: exp.Expr) -> RuleError:
        place = self._place(node)
        found = type(node).__name__.lower()
        for piece in self._pieces:
            if place is not None and piece.token.place[0] == place[0]:
                found = piece.token.text
        return rule_fault("misplaced", place=place, found=found)


def _chain(node: exp.Expr) -> list[exp.Expr]:
    """The parts of a chain of one connective, in order, without recursion: a chain may be long."""
    kind, parts, waiting = type(node), [], [node]
    while waiting:
        one = waiting.pop()
        if type(one) is kind:
            waiting += [one.args["expression"], one.args["this"]]
        else:
            parts.append(one)
    return parts


def _reads_item_outside(condition: Condition, vocabulary: Vocabulary) -> bool:
    waiting = [condition]
    while waiting:
        one = waiting.pop()
        if isinstance(one, model.AnyItem | model.AllItems | model.CountItems):
            continue
        waiting += model.children(one)
        if any(vocabulary.names[name].is_of_item for name in model.field_names(one) if name in vocabulary.names):
            return True
    return False
