"""One reader a format: a file enters, batches of text rows leave, numbered as in the file."""
