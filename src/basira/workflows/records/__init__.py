"""The record proved, copied, erased in part, and read by auditors."""
