"""Declarations decided together: parsed messages enter, lanes leave, committed to the record."""
