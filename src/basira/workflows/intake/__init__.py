"""Files into the history: a file and a mapping enter, a commit and the rejected rows leave."""
