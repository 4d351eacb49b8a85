"""The append-only record: runs, events and audit entries enter, hash-chained; their proof leaves."""
