"""The Python interface: paths, dates and estimators enter; frames, models, lists and figures leave. See `basira`."""
