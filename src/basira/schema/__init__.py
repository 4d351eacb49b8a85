"""The common language of the rooms: fields, codes, days, errors and the records they exchange.

Enters: nothing. Leaves: names and types. Never here: files, clocks, randomness, any other room.
"""
