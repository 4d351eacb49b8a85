"""The online profiles as files: entity statistics of an evening enter, look-ups leave."""
