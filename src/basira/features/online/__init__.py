"""The features of one declaration, by look-up.

Enters: the profiles of the previous midnight. Leaves: the same numbers as the batch's. Never here: a query over the
history.
"""
