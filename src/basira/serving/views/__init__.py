"""The record as people and systems read it: events enter, JSON values in a language leave."""
