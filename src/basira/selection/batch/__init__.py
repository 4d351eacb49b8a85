"""Selection of a whole day: candidates and capacity enter, one lane each with its inclusion probability leaves."""
