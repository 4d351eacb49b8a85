"""What runs SQL over tables: the interface `Engine`, and DuckDB behind it.

Enters: bounds, files that may be read. Leaves: an `Engine`. Never here: a feature, a table of the schema, a store.
Below the rooms: features and statistics ask an `Engine`, and do not know which one it is.
"""
