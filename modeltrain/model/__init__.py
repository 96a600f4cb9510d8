"""A model as an artifact that runs: onnxruntime and numpy alone, no Keras."""
