"""Strategies that need the optional extra `deep`: networks and ECOD."""
