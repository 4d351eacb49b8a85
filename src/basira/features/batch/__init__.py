"""Features of many items at once: the catalog enters, SQL and tables of features leave."""
