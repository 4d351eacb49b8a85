"""The features once more in plain loops: slow, obvious, what the quick ways are tested against."""
