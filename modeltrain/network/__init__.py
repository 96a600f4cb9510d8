"""Everything that builds, converts or exports a Keras network."""
