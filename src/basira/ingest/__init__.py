"""From a file and a mapping to rows of the schema.

Enters: a file of declarations or results, and a mapping. Leaves: typed items and outcomes, and for
every row that can't be taken, the reason. Never here: a row dropped silently, a unit guessed.
"""
