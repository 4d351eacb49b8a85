"""A mapping proposed from a file: headers and contents enter, a mapping with its doubts leaves."""
