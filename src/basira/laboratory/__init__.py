"""The laboratory: ways of choosing what to inspect, compared week after week in a closed loop.

Enters: a labelled data set (replay) or a scenario of the simulated country, strategies, seeds, an
inspection rate. Leaves: one row per strategy, seed and period in a Parquet table, and a report. Never
here: a label of an item that was not inspected, or the truth in what a strategy sees.

    view          what a strategy sees and what it returns; what is rejected
    ledger        what the administration has learned so far, and our features over it
    replay, live  the two kinds of world
    plan          what is compared with what
    loop          one strategy in one world, period by period, resumable
    runs          many of them, each in a process of its own
    figures       precision, recall, revenue and their normalised forms
    strategies*   the strategies
"""
