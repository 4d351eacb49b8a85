"""What the service keeps between two requests.

Enters: office states, answers, rejected bodies. Leaves: the same by their keys. Never here: the append-only record.
"""
