"""The mapping of a source.

Enters: TOML. Leaves: how its columns become the schema's fields. Never here: a row.
"""
