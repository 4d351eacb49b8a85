"""Part B: targeting as it is.

Enters: one row a declaration, with its lane, basis, rules, operators and result. Leaves: a `Part`. Never here: a model;
what would have been possible.
"""
