"""From images that somebody has to a dataset: near-duplicates, conflicts and doubtful labels."""
