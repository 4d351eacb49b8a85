"""The policy.

Enters: a folder of dated TOML files. Leaves: the version in force on a day. Never here: a lane that is given.
"""
