"""The history in partitioned Parquet: commits enter, immutable snapshots leave."""
