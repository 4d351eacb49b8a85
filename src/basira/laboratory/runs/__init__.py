"""Running strategies: a plan enters, one folder of results a strategy and seed leaves."""
