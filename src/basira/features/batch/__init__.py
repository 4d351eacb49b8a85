"""The features of many items at once.

Enters: the catalog, a connection with the history. Leaves: SQL, and tables of features. Never here: a second
definition of a feature.
"""
