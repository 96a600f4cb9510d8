"""An input serializer is never an output serializer."""
