"""Features: what was known of an item, and of everyone and everything in it, when it was declared.

Enters: the history (`items`, `outcomes`), the items wanted and `as_of`. Leaves: one row of features
per item. Never here: a fact whose `known_at` is not before the item's `declared_at`.
"""
