"""What a training refuses."""


class TrainingRefused(ValueError):
    """A model cannot be trained on the dataset as it is."""
