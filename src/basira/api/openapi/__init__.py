"""The examples and answers of the OpenAPI document.

Enters: nothing. Leaves: JSON. Never here: a value that a test does not send.
"""
