"""A dataset on disk: manifests, image paths, and cached arrays."""
