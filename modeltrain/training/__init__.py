"""Training, from a config and a dataset to an artifact. Imported by the training process alone."""
