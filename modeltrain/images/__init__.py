"""From a file to pixels and back: decoding untrusted files, hashing, perturbations, blocklists."""
