"""May a candidate go into service? Its answers against the champion's, on the same images."""
