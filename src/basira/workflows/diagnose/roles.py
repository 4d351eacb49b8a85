"""Which fields of a store say how a declaration was chosen.

Enters: names as a person gives them, the columns of a history. Leaves: `Roles`. Never here: a guess among the values.

The schema has no field for the lane of a released declaration, for the basis of a selection, for the rules that hit, or
for the moment of release: a source's own fields, `x_...`, hold them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from basira.schema.errors import UsageError

# By role the own fields that are taken when none is named, the first that the history has.
USUAL = {
    "lane": ("x_lane", "x_circuit"),
    "basis": ("x_basis", "x_selection_basis"),
    "rules": ("x_rules", "x_criteria"),
    "released": ("x_released_at", "x_released_on"),
}
RANDOM_WORDS = ("random", "aleatoire", "aléatoire", "hasard", "عشوائي")


@dataclass(frozen=True)
class Roles:
    """Column of each role, None where the history has none. ``random_words``: values of the basis, in small letters,
    that mean a random control."""

    lane: str | None = None
    basis: str | None = None
    rules: str | None = None
    released: str | None = None
    random_words: tuple[str, ...] = RANDOM_WORDS

    @property
    def columns(self) -> tuple[str, ...]:
        """Those that there are."""
        return tuple(one for one in (self.lane, self.basis, self.rules, self.released) if one is not None)


def choose_roles(columns: Sequence[str], *, named: Sequence[str] = (), random_words: Sequence[str] = ()) -> Roles:
    """The roles of a history's columns. ``named``: texts such as "lane=x_circuit", which go before the usual names.

    Raises UsageError: an unknown role, a column that the history has not.
    """
    chosen: dict[str, str] = {}
    for text in named:
        role, _, column = text.partition("=")
        if role not in USUAL or not column:
            raise UsageError(
                f"--field: expected a role of {', '.join(USUAL)} and a field, found {text!r}.",
                hint="For example --field basis=x_motif.",
            )
        if column not in columns:
            own = ", ".join(name for name in columns if name.startswith("x_")) or "none"
            raise UsageError(
                f"--field: expected a field of the history, found {column!r}.", hint=f"Own fields there: {own}."
            )
        chosen[role] = column
    for role, names in USUAL.items():
        chosen.setdefault(role, next((name for name in names if name in columns), ""))
    words = tuple(word.lower() for word in random_words) or RANDOM_WORDS
    lane, basis, rules, released = (chosen[role] or None for role in ("lane", "basis", "rules", "released"))
    return Roles(lane, basis, rules, released, words)
