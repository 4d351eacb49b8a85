"""Strategies run, each in its process.

Enters: a plan. Leaves: a folder of results a strategy and seed. Never here: a figure.
"""
