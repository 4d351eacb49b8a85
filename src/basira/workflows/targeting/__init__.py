"""A day's declarations into lanes: the history, a model and a policy enter, recorded decisions leave."""
