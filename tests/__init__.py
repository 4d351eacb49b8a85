"""The tests: each folder mirrors one of `src/basira`; `support` holds what several of them share."""
