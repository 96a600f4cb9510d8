"""Training, from a config and a dataset to an artifact.

Only the training process imports it, but for configs and their costs, which need no Keras.
"""
