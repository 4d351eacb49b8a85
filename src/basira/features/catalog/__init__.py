"""What is measured of an item.

Enters: nothing. Leaves: entities, references, arithmetic, and the catalog that lists every feature. Never here: a
connection.
"""
