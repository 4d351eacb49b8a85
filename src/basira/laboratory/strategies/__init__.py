"""Ways of choosing what to inspect, by name: a view of the items enters, the chosen ones leave."""
