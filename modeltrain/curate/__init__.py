"""Cleaning a dataset: near-duplicates, conflicts and doubtful labels."""
