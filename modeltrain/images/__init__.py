"""From a file to pixels and back: decoding strangers' files, hashing, known changes, blocklists."""
