"""The diagnostic of a store.

Enters: a store, a period, which fields hold lane, basis and rules. Leaves: a `Diagnosis`. Never here: a test or a
threshold (`basira.diagnose`).
"""
