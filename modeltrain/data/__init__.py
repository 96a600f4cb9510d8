"""What a dataset is on disk: manifests, image paths, and arrays that were computed once."""
