"""What a model gets wrong, and for whom: rates by group with intervals, and what they rest on."""
