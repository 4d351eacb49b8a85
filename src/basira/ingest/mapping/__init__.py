"""The mapping of a source: TOML enters, how its columns become the schema's fields leaves."""
