"""The page of a comparison: results of runs enter, figures, charts and a report leave."""
