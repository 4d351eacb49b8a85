"""One value at a time or a column: text enters, a typed value or the reason against it leaves."""
