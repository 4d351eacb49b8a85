"""Names of a source's own fields, `x_...`: the one rule, for every door.

Enters: the names that a source gives. Leaves: whether they are of the rule; of a store's columns those that count.
Never here: SQL (`schema.sql` writes a name into a statement), a value.

A name becomes a column of the history, a feature of the model and a word on an officer's list. The rule keeps it the
same in each of them: small ASCII letters, so that no engine that ignores case takes two for one; nothing to quote;
short and few, because every declaration carries each of them from then on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from basira.schema.errors import Phrase
from basira.schema.fields import EXTRA_PREFIX

# Of one declaration, of one mapping.
MOST_OF_A_SOURCE = 40
# Of a store, over all its sources: what would bring more is rejected. A name that the history has never leaves it.
MOST_OF_A_STORE = 200
_LONGEST = 48
# The mappings of earlier versions allowed so many characters: stores have such columns, and keep them.
_LONGEST_KEPT = 60

# In the words of a fault.
OWN_NAME = Phrase(
    "{prefix} and a name of 1 to {longest} small letters without accents, digits and underscores, the first a letter; "
    "at most {most} such names in a source",
    prefix=EXTRA_PREFIX,
    longest=_LONGEST,
    most=MOST_OF_A_SOURCE,
)
RULE = str(OWN_NAME)
# Of a whole name; without the anchors, for JSON Schema and its like.
PATTERN = f"{EXTRA_PREFIX}[a-z][a-z0-9_]{{0,{_LONGEST - 1}}}"
_NAME = re.compile(PATTERN)
_KEPT = re.compile(f"{EXTRA_PREFIX}[a-z][a-z0-9_]{{0,{_LONGEST_KEPT - 1}}}")


def is_own_name(name: str) -> bool:
    """Whether a source may give a field of its own this name.

    >>> is_own_name("x_lot_number"), is_own_name("x_Lot"), is_own_name("x_lot-number"), is_own_name("x_")
    (True, False, False, False)
    """
    return _NAME.fullmatch(name) is not None


def is_kept_name(name: str) -> bool:
    """Whether an earlier version could take a column of this name in from a file."""
    return _KEPT.fullmatch(name) is not None


def own_columns(columns: Sequence[str]) -> dict[str, str]:
    """The columns of a store's files that count as fields of sources' own: name to the column that holds it.

    ``columns``: in the order in which they came into the store. What an earlier version let in and the rule does not
    allow is left out, unless capitals are all that is wrong; so is what comes after `MOST_OF_A_STORE` names.

    >>> own_columns(["office", "x_Lot", 'x_";--', "x_lot"])
    {'x_lot': 'x_Lot'}
    """
    found: dict[str, str] = {}
    for column in columns:
        name = column.lower()
        if is_kept_name(name) and len(found) < MOST_OF_A_STORE:
            found.setdefault(name, column)
    return found


def invalid_own_names(names: Iterable[str]) -> list[str]:
    """Of the names that begin with `x_`, those that the rule does not allow, each once."""
    return list(dict.fromkeys(name for name in names if name.startswith(EXTRA_PREFIX) and not is_own_name(name)))
