"""What a file's contents leave open: two readings that both fit, or a minority that contradicts the rest.

Enters: nothing. Leaves: the record of a doubt. Never here: a reading that is chosen: a person decides, in the mapping.

A mapping that `suggest` proposes holds its doubts in the section `[doubts]`. `ingest` and `feedback` reject a mapping
with open doubts. Who has decided one writes the decision into the field's options and removes the line.
"""

from __future__ import annotations

from dataclasses import dataclass

# The subject of a doubt about the whole file: where its table is, how its rows are cut.
FILE = "file"
# Examples that are shown of one doubt.
MOST_EXAMPLES = 5


@dataclass(frozen=True)
class Doubt:
    """A question about a field, or about the file.

    ``subject``: name of a field of the schema, or `FILE`. ``question``: what fits two readings or is contradicted, as a
    sentence. ``count``: the rows that it is about, 0 when it is about none; ``of``: so many rows that were looked at.
    ``examples``: number of the row in the file (1 = first data row) and the cell as written, at most `MOST_EXAMPLES`.
    ``choices``: what to write in the mapping, each as TOML with what it would mean.
    """

    subject: str
    question: str
    count: int
    of: int
    examples: tuple[tuple[int, str], ...] = ()
    choices: tuple[str, ...] = ()

    def text(self) -> str:
        """The doubt as one line: question, counts, examples.

        >>> Doubt("file", "Some rows have one cell more.", 2, 24, ((5, "a;b"),)).text()
        "Some rows have one cell more. (2 of 24 rows; row 5: 'a;b')"
        """
        if not self.count:
            return self.question
        shown = "".join(f"; row {row}: {value!r}" for row, value in self.examples[:MOST_EXAMPLES])
        return f"{self.question} ({self.count:,} of {self.of:,} rows{shown})"
