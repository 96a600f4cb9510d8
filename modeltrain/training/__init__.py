"""Training, from a config and a dataset to an artifact. Only the training process imports it."""
