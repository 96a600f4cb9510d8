"""How many images a figure needs before anything is concluded from it.

A module of its own without imports, so that pages can name the number without loading statistics.
"""

# Clusters: of near copies of one image count once together.
MINIMUM_IMAGES = 30
