"""Rows by a mapping: text rows enter, typed rows of the schema and rejections leave."""
